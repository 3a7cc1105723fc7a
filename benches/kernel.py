"""The benchmark of the kernel beside evcxr_jupyter: through Jupyter's own client, kernel by kernel in turn.

`make bench` runs it and writes `benches/kernels.md`.
"""

import argparse
import datetime
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from queue import Empty

import psutil
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

import setting
from report import table

OURS, PEER = "Oxikale", "evcxr_jupyter"
LIMIT = 180
DISPLAYS = 10_000
DEPENDENCY = ':dep ndarray = "0.17"'
USES_IT = f"{DEPENDENCY}\nndarray::Array1::from_vec(vec![1.0, 2.0, 4.0]).sum()"


class Failed(Exception):
    """A kernel did not do what was to be measured."""


@dataclass(frozen=True)
class Cell:
    """What came of a cell."""

    wall: float
    """Seconds from the request until both the reply and the idle status are here."""
    reply: dict
    outputs: list
    """Messages with the moments at which they came."""

    @property
    def result(self):
        """The plain text of the result, none if there is none."""
        found = [m["content"]["data"].get("text/plain") for _, m in self.outputs if m["msg_type"] == "execute_result"]
        return found[-1] if found else None


class Session:
    """A kernel that is started when the clock starts."""

    def __init__(self, side, folder):
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        kernels = KernelSpecManager(kernel_dirs=[str(side.kernels)], ensure_native_kernel=False)
        self.manager = KernelManager(kernel_name=side.name, kernel_spec_manager=kernels)
        self.log = open(self.folder / "kernel.log", "wb")
        self.client = None
        self.begun = time.perf_counter()
        env = {**os.environ, "OXIKALE_DATA": str(self.folder / "data")}
        self.manager.start_kernel(env=env, cwd=str(self.folder), stdout=self.log, stderr=self.log)
        self.connect()

    def connect(self):
        """A new client, which has its answer to a kernel_info_request."""
        if self.client:
            self.client.stop_channels()
        self.client = self.manager.client()
        self.client.start_channels()
        # What is published before the subscription has reached the kernel is for nobody, so an idle status is awaited.
        self.answer(self.client.kernel_info())
        self.ready = time.perf_counter() - self.begun
        end = time.perf_counter() + LIMIT
        while time.perf_counter() < end:
            try:
                self.client.get_iopub_msg(timeout=0.2)
                return
            except Empty:
                self.answer(self.client.kernel_info())
        raise Failed("nothing is published")

    def answer(self, msg_id, limit=LIMIT):
        """The reply to a request."""
        end = time.perf_counter() + limit
        while (left := end - time.perf_counter()) > 0:
            try:
                message = self.client.get_shell_msg(timeout=left)
            except Empty:
                break
            if message["parent_header"].get("msg_id") == msg_id:
                return message
        raise Failed(f"no reply within {limit} s")

    def run(self, code):
        """Runs a cell to its end."""
        started = time.perf_counter()
        msg_id, outputs, end = self.client.execute(code, allow_stdin=False, stop_on_error=False), [], started + LIMIT
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.0, end - time.perf_counter()))
            except Empty:
                raise Failed(f"no idle status within {LIMIT} s after {len(outputs)} outputs of: {code}") from None
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            outputs.append((time.perf_counter(), message))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        reply = self.answer(msg_id)
        return Cell(time.perf_counter() - started, reply, outputs)

    def expect(self, code, result):
        """Runs a cell that must have this result."""
        cell = self.run(code)
        if cell.result != result:
            raise Failed(f"`{code}` has the result {cell.result}: {cell.reply['content']}")
        return cell

    def restart(self):
        """Restarts the kernel as a user does; the clock starts anew."""
        self.begun = time.perf_counter()
        self.manager.restart_kernel(now=False)
        self.connect()

    def since(self):
        """Seconds since the clock started."""
        return time.perf_counter() - self.begun

    def memory(self):
        """Bytes of all processes; of what several share each has its part."""
        first = psutil.Process(self.manager.provisioner.pid)
        total = 0
        for process in [first, *first.children(recursive=True)]:
            try:
                for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
            except (FileNotFoundError, ProcessLookupError):
                # It ended while it was looked at.
                continue
        return total

    def complete(self, code):
        """How long an answer took, and whether it names methods of a `Vec`."""
        started = time.perf_counter()
        reply = self.answer(self.client.complete(code, len(code)))
        took = time.perf_counter() - started
        names = reply["content"].get("matches", [])
        return took, all(any(name.startswith(wanted) for name in names) for wanted in ("v.push", "v.len")) or all(
            any(name.startswith(wanted) for name in names) for wanted in ("push", "len")
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.log.close()


def ten_cells(tag):
    """Ten cells as one types them all day; the tag is in each, so that no earlier run has compiled them."""
    return [
        f"1 + {tag}",
        f"let mut numbers{tag} = vec![3, 1, 2];",
        f"numbers{tag}.push(4);",
        f'println!("{{numbers{tag}:?}}");',
        f"fn double{tag}(x: i64) -> i64 {{\n    2 * x\n}}",
        f"double{tag}(21)",
        f"#[derive(Debug, Clone)]\nstruct Point{tag} {{\n    x: f64,\n    y: f64,\n}}",
        f"let mut total{tag} = 0u64;\nfor i in 0..1000u64 {{\n    total{tag} += i * i;\n}}\ntotal{tag}",
        f'let wrong{tag}: u32 = "text";',
        f"numbers{tag}.len()",
    ]


def run_cells(session, cells):
    """Seconds that the cells took one after the other, and what of each was neither compiling nor running."""
    walls, wire = 0.0, []
    for code in cells:
        cell = session.run(code)
        walls += cell.wall
        if timing := cell.reply["metadata"].get("oxikale"):
            wire.append(cell.wall - timing["compile_seconds"] - timing["run_seconds"])
    return walls, wire


def displays(session):
    """Displays a second as they come in, and how many are lost."""
    code = f"""for n in 0..{DISPLAYS} {{
    println!("EVCXR_BEGIN_CONTENT text/html\\n<p>{{n}}</p>\\nEVCXR_END_CONTENT");
}}"""
    cell = session.run(code)
    came = [at for at, message in cell.outputs if message["msg_type"] in ("display_data", "execute_result")]
    if len(came) < 2:
        raise Failed("no displays come")
    return {"displays": (len(came) - 1) / (came[-1] - came[0]), "lost displays": float(DISPLAYS - len(came))}


def first_session(side, folder, tag):
    """The start, the first result, the memory after it, ten cells, and displays."""
    with Session(side, folder) as session:
        yield "ready", session.ready
        session.expect(f"1 + {tag}", str(1 + tag))
        yield "first result", session.since()
        time.sleep(2)
        yield "memory", session.memory()
        walls, wire = run_cells(session, ten_cells(tag + 1))
        yield "ten cells", walls
        for seconds in wire:
            yield "wire", seconds
        yield from displays(session).items()


def second_session(side, folder, tag):
    """The cells of the first one again, in a new kernel."""
    with Session(side, folder) as session:
        session.expect(f"1 + {tag}", str(1 + tag))
        yield "ten cells again", run_cells(session, ten_cells(tag + 1))[0]


def completions(side, folder, tag):
    """The first answer of a new kernel, the first one of use, and later ones."""
    with Session(side, folder) as session:
        session.run(f"let mut v = vec![{tag}, 2, 3];")
        started = time.perf_counter()
        took, useful = session.complete("v.")
        yield "first completion", took
        while not useful:
            if time.perf_counter() - started > LIMIT:
                raise Failed(f"no useful completion within {LIMIT} s")
            time.sleep(0.05)
            _, useful = session.complete("v.")
        yield "first useful completion", time.perf_counter() - started
        for _ in range(5):
            took, useful = session.complete("v.")
            if useful:
                yield "later completion", took


def restart(side, folder, _):
    """From the restart of a kernel that has built its dependency to the first result that uses it."""
    with Session(side, folder) as session:
        session.expect(USES_IT, "7.0")
        session.restart()
        session.expect(USES_IT, "7.0")
        yield "restart", session.since()


PARTS = {"first": first_session, "again": second_session, "completion": completions, "restart": restart}


@dataclass(frozen=True)
class Side:
    """One kernel."""

    title: str
    name: str
    kernels: Path
    version: str


def version_said(side, folder):
    """The version that a kernel names itself; evcxr_jupyter has no option for it."""
    with Session(side, folder) as session:
        return session.answer(session.client.kernel_info())["content"]["banner"].splitlines()[0]


def said(text):
    """Says on the error stream what is being measured now."""
    print(f"[{datetime.datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)


def measure(sides, rounds, folder, parts):
    """All figures by name and kernel, and what could not be measured."""
    found, failures, loads = defaultdict(list), [], [os.getloadavg()[0]]
    for number in range(rounds):
        # One tag for both, so that they run the same text; the clock makes it another one in each run.
        tag = int(time.time()) % 100_000_000 * 10
        for part in parts:
            for side in sides if number % 2 == 0 else sides[::-1]:
                said(f"round {number + 1}: {part}, {side.title}")
                try:
                    for name, value in PARTS[part](side, folder, tag):
                        found[name, side.title].append(value)
                except Failed as error:
                    failures.append(f"{side.title}, {part}: {' '.join(str(error).split())[:300]}")
                loads.append(os.getloadavg()[0])
    return found, failures, loads


ROWS = [
    # Name, words, unit, the most as a ratio to the peer, the most as a value, the least as a value.
    ("ready", "start → first kernel_info_reply", "s", None, 0.150, None),
    ("first result", "start → first result", "s", 0.06, None, None),
    ("ten cells", "ten plain cells, one after the other", "s", 0.27, None, None),
    ("ten cells again", "the same cells in the next kernel", "s", None, None, None),
    ("wire", "a cell without compiling and running", "s", None, 0.003, None),
    ("restart", "restart → first result with a dependency", "s", 0.05, None, None),
    ("first completion", "first completion of a new kernel", "s", 1.0, None, None),
    ("first useful completion", "until the first useful completion", "s", 1.0, None, None),
    ("later completion", "later completion", "s", 1.0, None, None),
    ("memory", "memory 2 s after a cell", "B", None, 45e6, None),
    ("displays", f"{DISPLAYS:,} displays, a second", "/s", None, None, 10_000),
    ("lost displays", f"lost of {DISPLAYS:,} displays", "", None, 0, None),
]


def shown(value, unit):
    """A figure with its unit."""
    if unit == "s":
        return f"{value * 1000:,.1f} ms" if value < 1 else f"{value:,.2f} s"
    if unit == "B":
        return f"{value / 1e6:,.1f} MB"
    return f"{value:,.0f}{' ' + unit if unit else ''}"


def line(row, found):
    """A row of the table."""
    name, words, unit, ratio_at_most, at_most, at_least = row
    ours, peers = found[name, OURS], found[name, PEER]

    def cell(values):
        if not values:
            return "–"
        return f"{shown(statistics.median(values), unit)} ({shown(min(values), unit)} – {shown(max(values), unit)})"

    ratio = statistics.median(ours) / statistics.median(peers) if ours and peers and statistics.median(peers) else None
    promise, kept = "–", None
    if ratio_at_most is not None:
        promise, kept = f"≤ {ratio_at_most:.2f} ×", ratio is not None and ratio <= ratio_at_most
        kept = kept if ratio is not None else None
    elif at_most is not None:
        promise, kept = f"≤ {shown(at_most, unit)}", statistics.median(ours) <= at_most if ours else None
    elif at_least is not None:
        promise, kept = f"≥ {shown(at_least, unit)}", statistics.median(ours) >= at_least if ours else None
    return [
        words,
        cell(peers),
        cell(ours),
        "–" if ratio is None else f"{ratio:.3f} ×",
        promise,
        "–" if kept is None else "yes" if kept else "**no**",
    ]


def markdown(sides, rounds, found, failures, loads):
    """The whole report."""
    lines = [
        "# Oxikale's kernel beside evcxr_jupyter",
        "",
        f"Measured {datetime.date.today()} by `make bench` (`benches/kernel.py`) in one run with rounds: {rounds}, the "
        "kernels in turn; medians, with the smallest and the largest value.",
        "",
        *(f"* Machine: {text}." for text in setting.machine()),
        f"* Load average when it began {loads[0]:.1f}, at most {max(loads):.1f}; the kernels' own work is in it.",
        f"* {', '.join(side.version for side in sides)}, {setting.first_line(['rustc', '--version'])}.",
        "",
        table(
            ["what", PEER, OURS, f"{OURS} / {PEER}", "promise", "kept"],
            [line(row, found) for row in ROWS],
        ),
    ]
    if failures:
        lines += ["", "Not measured:", "", *(f"* {text}" for text in dict.fromkeys(failures))]
    return "\n".join(lines) + "\n"


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evcxr", type=Path, help="what scripts/evcxr_jupyter.sh prints; none: no peer")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured (default 5)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure this part alone")
    parser.add_argument("--output", type=Path, help="file for the table")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return given


def main():
    given = arguments()
    program = setting.command()
    if not os.access(program, os.X_OK):
        sys.exit(f"{program} is missing: build it with `make release`")
    work = Path(tempfile.mkdtemp(prefix="oxikale-bench-"))
    try:
        subprocess.run(
            [program, "kernel", "install", "--prefix", work], check=True, stdin=subprocess.DEVNULL, capture_output=True
        )
        ours = Side(OURS, "oxikale", work / "share/jupyter/kernels", setting.first_line([program, "--version"]))
        sides = [ours]
        if given.evcxr:
            kernels = given.evcxr / "kernels"
            sides.append(Side(PEER, "rust", kernels, version_said(Side(PEER, "rust", kernels, ""), work)))
        measured = measure(sides, given.rounds, work, given.only or list(PARTS))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    text = markdown(sides, given.rounds, *measured)
    print(text)
    if given.output:
        given.output.write_text(text)


main()
