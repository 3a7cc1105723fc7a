"""The command under test, and a data folder of its own for each test."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Command:
    """The `oxikale` command with a data folder of its own."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.data = folder / "data"

    def __call__(self, *arguments, limit=600):
        """Runs it to its end, which must be a good one, and returns what it printed."""
        done = self.run(*arguments, limit=limit)
        assert done.returncode == 0, f"oxikale {' '.join(map(str, arguments))}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def run(self, *arguments, limit=600):
        """Runs it to its end, good or bad."""
        return subprocess.run(
            [self.program, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "OXIKALE_DATA": str(self.data), "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
        )


@pytest.fixture(scope="session")
def program():
    """Path of the command: `$OXIKALE`, else the release build of this checkout."""
    target = os.environ.get("CARGO_TARGET_DIR") or Path.home() / ".cache" / "oxikale" / "target"
    path = Path(os.environ.get("OXIKALE") or Path(target, "release", "oxikale")).resolve()
    if not os.access(path, os.X_OK):
        pytest.exit(
            f"{path} is missing: build it with `cargo build --release -p oxikale-cli`, or set OXIKALE", returncode=2
        )
    return path


@pytest.fixture
def oxikale(program, tmp_path):
    """The command, working in the test's own folder."""
    return Command(program, tmp_path)


@pytest.fixture(scope="module")
def shared_oxikale(program, tmp_path_factory):
    """The command, working in a folder that the tests of one file share."""
    return Command(program, tmp_path_factory.mktemp("shared"))
