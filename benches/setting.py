"""Where the measured programs are: our command, Kale's environment, a folder for what they write."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def command():
    """Our command: ``$OXIKALE``, else the release build of this checkout."""
    if os.environ.get("OXIKALE"):
        return Path(os.environ["OXIKALE"]).resolve()
    target = os.environ.get("CARGO_TARGET_DIR") or Path.home() / ".cache" / "oxikale" / "target"
    return Path(target, "release", "oxikale").resolve()


@dataclass(frozen=True)
class Setting:
    """What a measurement needs to know."""

    oxikale: Path | None
    """Our command; none leaves our side out."""
    kale: Path | None
    """The virtual environment with Kale; none leaves the peer out."""
    work: Path
    """A folder for notebooks, pipelines and runs, empty at the start."""
    rounds: int
    """How often each cheap thing is measured."""

    def ours(self):
        """Environment of our command: a data folder of its own, so that a user's runs are not touched."""
        return {"OXIKALE_DATA": str(self.work / "data"), "NO_COLOR": "1"}

    def theirs(self):
        """Environment of Kale's programs: its virtual environment first on the path."""
        return {
            "PATH": f"{self.kale / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.kale),
        }


def first_line(command):
    """The first line that a command prints, or why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown ({error})"
    return (done.stdout.strip().splitlines() or ["unknown"])[0]


def machine():
    """Cores, processor, memory, system and load, as a list of lines."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory = next(
        int(line.split()[1]) / 2**20
        for line in Path("/proc/meminfo").read_text().splitlines()
        if line.startswith("MemTotal")
    )
    return [
        f"{len(os.sched_getaffinity(0))} cores of {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}",
    ]
