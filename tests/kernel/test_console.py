"""`jupyter console`, typed into through a terminal."""

import os
import re
import signal
import sys

import pexpect
import pytest

from client import PATIENCE, PROMPT, eventually
from processes import family

# What moves the cursor, sets colours or asks the terminal something.
CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|[=>78])")

# The console asks the terminal where its cursor is, and waits for the answer.
ASKS_PLACE = "\x1b[6n"


class Console:
    """A running console, and what it has written since the last question."""

    def __init__(self, subject, env, folder, *arguments):
        # A plain terminal: without it, each key is followed by a repaint in colours.
        env = {**env, "JUPYTER_PATH": str(subject.jupyter_path), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        # What is shown comes from the kernel, not from a theme.
        options = ["-m", "jupyter_console", "--ZMQTerminalInteractiveShell.highlighting_style=bw"]
        self.child = pexpect.spawn(
            sys.executable,
            [*options, *map(str, arguments)],
            env=env,
            cwd=str(folder),
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(40, 120),
            timeout=PATIENCE,
        )
        self.raw = ""

    def plain(self):
        """What it wrote, without control sequences."""
        return CONTROL.sub("", self.raw).replace("\r", "")

    def read(self):
        """Takes in what has been written by now."""
        try:
            self.raw += self.child.read_nonblocking(65536, timeout=0.1)
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            return False
        if ASKS_PLACE in self.raw:
            self.raw = self.raw.replace(ASKS_PLACE, "")
            self.child.send("\x1b[1;1R")
        return True

    def sees(self, pattern, what=None, within=PATIENCE):
        """Waits until the pattern is in what it wrote after the last match; what comes after this one is kept."""
        wanted = re.compile(pattern)

        def look():
            alive = self.read()
            found = wanted.search(self.plain())
            assert found or alive, f"the console has ended; it wrote:\n{self.plain()[-2000:]}"
            return found or f"...{self.plain()[-1500:]}"

        found = eventually(look, lambda answer: not isinstance(answer, str), what or pattern, within)
        self.raw = found.string[found.end() :]
        return found

    def types(self, text):
        """Types the text."""
        self.child.send(text)

    def enters(self, text):
        """Types a line, waits until it is on the screen, and presses Enter."""
        self.types(text)
        self.sees(re.escape(text), f"`{text}` on the screen", PROMPT)
        self.types("\r")

    def ended(self):
        """Waits for its end and returns its exit status."""

        def over():
            self.read()
            return not self.child.isalive()

        eventually(over, bool, "end of the console")
        return self.child.exitstatus

    def kill(self):
        """Ends it by force, if it still runs."""
        if self.child.isalive():
            self.child.kill(signal.SIGKILL)
        self.child.close(force=True)


@pytest.fixture
def start_console(subject, env, folder):
    """Starts consoles, which are ended after the test."""
    started = []

    def start(*arguments):
        console = Console(subject, env, folder, *arguments)
        started.append(console)
        return console

    yield start
    for console in started:
        console.kill()


@pytest.fixture
def console(subject, start_console):
    """A console with a kernel of its own, ready for the first cell."""
    console = start_console("--kernel", subject.kernel_name)
    console.sees(r"In \[1\]:", "first prompt")
    return console


@pytest.mark.feature("jupyter console")
def test_a_cell_has_a_result(console):
    console.enters("20 + 22")
    console.sees(r"Out\[1\]: 42\b")
    console.sees(r"In \[2\]:")


@pytest.mark.feature("jupyter console continues a cell")
def test_a_function_is_continued_until_it_ends(console):
    console.enters("fn twice(n: i32) -> i32 {")
    console.sees(r"\.\.\.:", "continuation")
    console.enters("n * 2")
    console.sees(r"\.\.\.:", "second continuation")
    console.enters("}")
    console.sees(r"In \[2\]:", "prompt after the function")
    console.enters("twice(21)")
    console.sees(r"Out\[2\]: 42\b")


@pytest.mark.feature("jupyter console completes on Tab")
def test_tab_completes_a_variable(console):
    console.enters("let temperature = 42;")
    console.sees(r"In \[2\]:", "prompt after the cell")
    # The first questions may come before the kernel knows the answer.
    console.types("temper")

    def asked():
        console.types("\t")
        for _ in range(10):
            console.read()
        return console.plain()

    eventually(asked, lambda shown: "temperature" in shown, "completion `temperature` of `temper`")
    console.raw = ""
    console.types("\r")
    console.sees(r"Out\[2\]: 42\b")


@pytest.mark.feature("jupyter console ends its kernel")
def test_control_d_ends_console_and_kernel(console, mark):
    console.enters("20 + 22")
    console.sees(r"Out\[1\]: 42\b")
    console.sees(r"In \[2\]:")
    console.types("\x04")
    console.sees(r"Do you really want to exit", "question whether to exit")
    console.types("y\r")
    assert console.ended() == 0
    # The console asks its kernel to end, and does not wait for its helpers.
    eventually(lambda: family(mark), lambda left: not left, "end of the kernel", PROMPT)


@pytest.mark.feature("jupyter console joins a running kernel")
def test_an_existing_kernel_is_joined_and_outlives_the_console(kernel, client, start_console):
    client.run("let shared = 40;").ok()
    console = start_console("--existing", os.path.abspath(kernel.manager.connection_file))
    console.sees(r"In \[\d+\]:", "prompt")
    console.enters("shared + 2")
    console.sees(r"Out\[\d+\]: 42\b")
    console.types("\x04")
    console.sees(r"(?i)exit", "question whether to exit")
    console.types("y\r")
    console.ended()
    assert client.run("shared").ok().result == "40"
