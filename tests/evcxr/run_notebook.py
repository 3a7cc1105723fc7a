#!/usr/bin/env python3
"""Runs notebooks cell by cell in the evcxr REPL, as its Jupyter kernel would, and says which cell fails.

    python3 tests/evcxr/run_notebook.py reference_notebooks/titanic.ipynb

Every code cell runs, those with the tag `skip` too, in the notebook's folder. The REPL is driven in its own
line protocol for editors: a cell is one line, its line breaks written as U+2028, and the answer ends with
U+0091 (it ran) or U+0092 (it failed). evcxr says "it ran" also of a cell that panicked or whose `?` met an
error, so a line is added to each cell that ends in a semicolon, and such a cell has failed if that line's text does
not appear. Where a cell ends in an expression, to which nothing can be added, a panic's message tells.

Exit code: 0 when every cell ran, 1 when one failed, 2 when something else is wrong.
"""

import argparse
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RAN, FAILED = "\u0091", "\u0092"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What the added line prints: no cell prints it by accident.
REACHED = "\u2402end of cell\u2403"
PANIC = re.compile(r"^thread '.*' (\(\d+\) )?panicked at ", re.MULTILINE)


class Trouble(Exception):
    """Something that is not a failing cell: no REPL, no notebook, no answer."""


def cache_folder():
    """Where Oxikale keeps what can be made again."""
    if os.environ.get("OXIKALE_CACHE"):
        return Path(os.environ["OXIKALE_CACHE"])
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "oxikale"


def find_evcxr(given):
    """The REPL that was asked for, the one that install.sh has put into the cache, or the one on the PATH."""
    if given:
        found = shutil.which(given)
        if not found:
            raise Trouble(f"there is no program {given}")
        return str(Path(found).resolve())
    own = cache_folder() / "evcxr" / "bin" / "evcxr"
    found = str(own) if own.is_file() else shutil.which("evcxr")
    if not found:
        raise Trouble("evcxr is not installed; run tests/evcxr/install.sh")
    return found


def code_cells(path):
    """(number among all cells, from 1; tags; source) of every code cell that has any code."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        cells = []
        for number, cell in enumerate(notebook["cells"], 1):
            source = cell["source"]
            source = source if isinstance(source, str) else "".join(source)
            if cell["cell_type"] == "code" and source.strip():
                cells.append((number, cell["metadata"].get("tags", []), source))
        return cells
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{path} is not a notebook that can be read: {error!r}") from error


class Repl:
    """A running evcxr, fed cell by cell."""

    def __init__(self, program, folder):
        environment = dict(os.environ, NO_COLOR="1")
        # Without the component `rust-src`, evcxr asks rustup for it; with the fallback of install.sh it need not.
        fallback = cache_folder() / "rust-src" / "library"
        if "RUST_SRC_PATH" not in environment and fallback.is_dir() and not has_rust_source():
            environment["RUST_SRC_PATH"] = str(fallback)
        # The user's own settings and history of evcxr are neither read nor written.
        self.config = tempfile.TemporaryDirectory(prefix="evcxr-config-")
        environment["XDG_CONFIG_HOME"] = self.config.name
        self.process = subprocess.Popen(
            [program, "--disable-readline", "--ide-mode"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pieces = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while piece := os.read(self.process.stdout.fileno(), 65536):
            self.pieces.put(piece)
        self.pieces.put(None)

    def run(self, source, limit):
        """(whether it ran, what it printed)."""
        source = source.replace("\r\n", "\n").rstrip()
        watched = source.endswith(";")
        if watched:
            source += f'\nprintln!("{REACHED}");'
        line = source.replace("\n", "\u2028") + "\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Trouble("evcxr has ended by itself") from error
        deadline = time.monotonic() + limit
        output = b""
        while True:
            text = output.decode(errors="replace")
            for mark in (RAN, FAILED):
                if mark in text:
                    text = clean(text.replace(mark, "") + self._rest(mark == RAN and watched and REACHED not in text))
                    ended = REACHED in text or not watched
                    return mark == RAN and ended and not PANIC.search(text), text.replace(REACHED, "").strip()
            try:
                piece = self.pieces.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty as error:
                raise Trouble(f"no answer after {limit:.0f} s; so far:\n{clean(text)}") from error
            if piece is None:
                raise Trouble(f"evcxr has ended by itself:\n{clean(text)}")
            output += piece

    def _rest(self, watched):
        """What a slower thread of evcxr passes on after the mark; a watched cell's last line is waited for longer."""
        rest = ""
        patience = time.monotonic() + (2.0 if watched else 0.3)
        while REACHED not in rest and (left := patience - time.monotonic()) > 0:
            try:
                piece = self.pieces.get(timeout=left)
            except queue.Empty:
                break
            if piece is None:
                break
            rest += piece.decode(errors="replace")
        return rest

    def close(self):
        """Ends evcxr and what it has started."""
        try:
            self.process.stdin.close()
            self.process.wait(timeout=5)
        except (OSError, subprocess.TimeoutExpired):
            pass
        try:
            # The group, because evcxr runs cells in a process of its own.
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.config.cleanup()


def has_rust_source():
    """Whether the toolchain brings the sources of the standard library."""
    try:
        answer = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Trouble("rustc does not run; evcxr needs a Rust toolchain on the PATH") from error
    return (Path(answer.stdout.strip()) / "lib/rustlib/src/rust/library").is_dir()


def clean(text):
    """Without colours, prompts and the greeting."""
    lines = COLOURS.sub("", text).replace(">> ", "").splitlines()
    kept = [line for line in lines if not line.startswith("Welcome to evcxr.")]
    return "\n".join(kept).strip()


def indented(text, most):
    lines = text.splitlines()
    if len(lines) > most:
        lines = lines[:most] + [f"… {len(lines) - most} lines more"]
    return "\n".join("    " + line[:240] for line in lines)


def run_notebook(path, program, limit, quiet):
    """Whether every cell ran."""
    cells = code_cells(path)
    started = time.monotonic()
    repl = Repl(program, path.resolve().parent)
    try:
        for number, tags, source in cells:
            before = time.monotonic()
            ran, output = repl.run(source, limit)
            seconds = time.monotonic() - before
            tag_text = f" [{' '.join(tags)}]" if tags else ""
            print(f"{path.name} cell {number}{tag_text}: {'ran' if ran else 'FAILED'} in {seconds:.1f} s", flush=True)
            if not ran:
                print(indented(source, 60), "", indented(output, 200), sep="\n", flush=True)
                return False
            if output and not quiet:
                print(indented(output, 12), flush=True)
    finally:
        repl.close()
    print(f"{path.name}: {len(cells)} cells in {time.monotonic() - started:.1f} s", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--evcxr", metavar="PROGRAM", help="the REPL (default: the one of install.sh, else the PATH's)")
    parser.add_argument("--limit", type=float, default=1800, metavar="SECONDS", help="for one cell (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="do not print what the cells print")
    arguments = parser.parse_args()
    try:
        program = find_evcxr(arguments.evcxr)
        results = [run_notebook(path, program, arguments.limit, arguments.quiet) for path in arguments.notebooks]
    except Trouble as trouble:
        print(f"run_notebook.py: {trouble}", file=sys.stderr)
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
