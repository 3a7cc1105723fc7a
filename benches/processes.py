"""Runs a program once and says how long it took, how much CPU and how much memory."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")


class Failed(Exception):
    """A measured program did not end well; the message holds its last words."""


@dataclass(frozen=True)
class Usage:
    """What one run of a program used."""

    wall: float
    """Seconds from fork to exit."""
    cpu: float
    """Seconds of user and system time, waited-for children included."""
    peak: float
    """Largest resident set of any one process of it, in MiB."""
    stdout: str
    """What it printed."""


def measure(command, *, cwd, env=None, limit=900):
    """Runs ``command`` (a list) in ``cwd`` for at most ``limit`` seconds and returns its :class:`Usage`.

    Raises :class:`Failed` when it exits with anything but 0 or does not end in time.
    """
    command = [str(part) for part in command]
    with tempfile.TemporaryDirectory(prefix="oxikale-bench-") as folder:
        result, out, err = (Path(folder, name) for name in ("result", "stdout", "stderr"))
        launcher = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(result), str(out), str(err), *command],
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            launcher.wait(timeout=limit)
        except BaseException as error:
            os.killpg(launcher.pid, signal.SIGKILL)
            launcher.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise Failed(f"{' '.join(command)}: did not end within {limit} s") from error
            raise
        if not result.exists():
            raise Failed(f"{' '.join(command)}: could not be started")
        code, wall, cpu, peak = result.read_text().split()
        stdout = out.read_text(errors="replace")
        if code != "0":
            words = (err.read_text(errors="replace") + stdout).strip().splitlines()[-15:]
            raise Failed(f"{' '.join(command)}: exit code {code}\n" + "\n".join(words))
        return Usage(float(wall), float(cpu), int(peak) / 1024, stdout)


@dataclass(frozen=True)
class Series:
    """Several runs of the same thing."""

    runs: tuple

    @property
    def wall(self):
        """Median of the wall seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self):
        """Median of the CPU seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self):
        """Median of the peak resident sets, in MiB."""
        return statistics.median(run.peak for run in self.runs)

    @property
    def spread(self):
        """Shortest and longest wall time."""
        walls = [run.wall for run in self.runs]
        return min(walls), max(walls)
