"""The processes of a kernel, found by a mark in their environment, so that none can hide by losing its parent."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MARK = "OXIKALE_TEST_FAMILY"


@dataclass(frozen=True)
class Process:
    """One process, as `/proc` shows it."""

    pid: int
    command: str

    def __str__(self):
        return f"{self.pid} ({self.command[:120]})"

    def kill(self, number=signal.SIGKILL):
        """Sends it a signal; one that is gone already is no matter."""
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass


def family(mark):
    """The living processes whose environment carries the mark; zombies are none."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            if wanted not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            state = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            # It ended while it was looked at.
            continue
        if state not in "ZX":
            found.append(Process(int(folder.name), command))
    return sorted(found, key=lambda process: process.pid)


def left_after(mark, seconds):
    """The family's processes that are still there after so many seconds at most."""
    end = time.monotonic() + seconds
    while left := family(mark):
        if time.monotonic() > end:
            return left
        time.sleep(0.05)
    return []


def wait_for(mark, name, seconds=60):
    """Waits until a process of the family has `name` in its command, and returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process in family(mark):
            if name in process.command:
                return process
        time.sleep(0.02)
    raise AssertionError(f"no process of the kernel with `{name}` in its command within {seconds} s")
