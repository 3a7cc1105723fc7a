"""A full disk, a missing compiler, killed helpers, a deleted cache: a clear word, and the kernel goes on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cells import waits_for
from client import PATIENCE, PROMPT
from processes import wait_for

pytestmark = pytest.mark.own


def said(cell):
    """What an error says, without colours."""
    assert cell.status == "error", f"the cell ends as {cell.status} with {cell.result}"
    text = "\n".join([cell.content["ename"], cell.content["evalue"], *cell.content["traceback"]])
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def empty_path(folder):
    """A PATH without any compiler."""
    path = folder / "bin"
    path.mkdir()
    return str(path)


def test_without_a_compiler_it_says_what_to_do(start_kernel, folder, empty_path):
    home = folder / "home"
    home.mkdir()
    kernel = start_kernel(
        PATH=empty_path, HOME=str(home), CARGO_HOME="", RUSTUP_HOME="", CARGO="", RUSTC="", OXIKALE_CACHE=str(home / "c")
    )
    client = kernel.client()
    text = said(client.run("1 + 1"))
    assert "rustc" in text or "cargo" in text, text
    assert "rustup" in text, f"it does not say how to get a compiler: {text}"
    # The rest of the kernel works, and the next cell is answered too.
    assert client.ask("is_complete_request", {"code": "fn f() {"})["status"] == "incomplete"
    said(client.run("2"))


@pytest.mark.parametrize("at", range(4))
def test_killed_helpers_are_replaced(client, at):
    client.run("let kept = 5;").ok()
    client.complete("kep")
    found = client.kernel.helpers()
    if at >= len(found):
        pytest.skip(f"the kernel has {len(found)} helper processes")
    found[at].kill()
    cell = client.run("kept")
    if cell.status == "error":
        # What could not be kept is told, and what comes next works.
        assert said(cell).strip()
    else:
        assert cell.result == "5"
    client.alive()
    client.run("let again = 6;").ok()
    assert client.run("again").ok().result == "6"
    client.ask("complete_request", {"code": "aga", "cursor_pos": 3}, within=PROMPT)


def test_all_helpers_may_be_killed_at_once(client):
    client.run("let kept = 5;").ok()
    for process in client.kernel.helpers():
        process.kill()
    client.run("kept")
    client.alive()


def test_a_process_killed_while_it_runs_a_cell_is_told(client, folder):
    client.run("let kept = 5;").ok()
    cell = client.execute('println!("started {}", std::process::id());\n' + waits_for(folder / "never"))
    text = client.output(cell, "stream", lambda content: "started" in content["text"])["content"]["text"]
    os.kill(int(re.search(r"started (\d+)", text)[1]), 9)
    text = said(client.finish(cell))
    assert "SIGKILL" in text or "killed" in text, text
    assert client.run("kept").ok().result == "5"


def test_all_helpers_may_be_killed_while_a_cell_runs(client, folder):
    cell = client.execute(waits_for(folder / "never"))
    client.started(cell)
    for process in client.kernel.helpers():
        process.kill()
    assert said(client.finish(cell)).strip()
    client.alive()


def test_a_deleted_cache_is_made_anew(start_kernel, folder):
    cache = folder / "cache"
    client = start_kernel(OXIKALE_CACHE=str(cache)).client()
    client.run("let kept = vec![1, 2];\nfn twice(n: i32) -> i32 { 2 * n }", within=300).ok()
    shutil.rmtree(cache)
    assert client.run("twice(kept[1])", within=300).ok().result == "4"
    assert client.run("fn thrice(n: i32) -> i32 { 3 * n }\nthrice(twice(2))", within=300).ok().result == "12"


@pytest.fixture
def small_disk(folder):
    """A file system of a few megabytes."""
    path = folder / "disk"
    path.mkdir()
    if os.getuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", path], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted: {mounted.stderr.strip()}")
    yield path
    subprocess.run(["umount", "--lazy", path], check=True)


def fill(path):
    """Fills a file system to the last byte; returns the file that does."""
    target = Path(path, "filler")
    with target.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                if not file.write(b"\0" * size):
                    size //= 2
            except OSError:
                size //= 2
    return target


def test_a_disk_that_is_full_from_the_start_is_told(start_kernel, small_disk):
    fill(small_disk)
    disk = {name: str(small_disk / name.lower()) for name in ("OXIKALE_CACHE", "OXIKALE_DATA")}
    client = start_kernel(**disk, TMPDIR=str(small_disk), HOME=str(small_disk), CARGO_HOME=cargo_home()).client()
    text = said(client.run("1 + 1"))
    assert re.search(r"(?i)space|full", text), f"it does not say that the disk is full: {text}"
    client.ask("kernel_info_request", within=PROMPT)


def test_a_disk_that_fills_up_is_told_and_forgotten_when_there_is_room(start_kernel, small_disk, folder):
    client = start_kernel(TMPDIR=str(small_disk), OXIKALE_DATA=str(small_disk / "data")).client()
    client.run("let kept = 5;", within=PATIENCE).ok()
    filler = fill(small_disk)
    cell = client.run("let more = vec![kept; 3];\nmore.len()")
    if cell.status == "error":
        assert re.search(r"(?i)space|full", said(cell)), said(cell)
    filler.unlink()
    assert client.run("kept + 1").ok().result == "6"
    client.alive()


def cargo_home():
    """Where cargo is, for a kernel whose HOME is elsewhere."""
    return os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")


def test_a_kernel_starts_without_a_home(start_kernel, folder):
    client = start_kernel(HOME=str(folder / "nowhere"), CARGO_HOME=cargo_home(),
                          RUSTUP_HOME=os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup"),
                          OXIKALE_CACHE=os.environ.get("OXIKALE_CACHE") or str(Path.home() / ".cache" / "oxikale")).client()  # fmt: skip
    client.alive()


def test_a_helper_for_completion_may_be_killed(client):
    client.run("let temperature = 1.0;").ok()
    before = {process.pid for process in client.kernel.helpers()}
    client.complete("temper")
    helper = wait_for(client.kernel.mark, "assist", PROMPT)
    assert helper.pid not in before, "the helper runs before it is needed"
    helper.kill()
    client.complete("temper")
    client.alive()
