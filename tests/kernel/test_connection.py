"""Connection files that do not work: the kernel says why and ends, or warns and goes on."""

import json
import os
import signal
import socket
import stat
import subprocess

import pytest

from client import PROMPT

pytestmark = pytest.mark.own
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def free_ports(count):
    """Ports that nobody listens on now."""
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture
def connection():
    """The content of a good connection file."""
    ports = dict(zip(PORTS, free_ports(5), strict=True))
    return {"transport": "tcp", "ip": "127.0.0.1", "key": "secret", "signature_scheme": "hmac-sha256", **ports}


@pytest.fixture
def launch(subject, env, folder):
    """Starts the kernel's command with a connection file of one's own."""
    started = []

    def start(path, **more):
        command = [argument.replace("{connection_file}", str(path)) for argument in subject.spec["argv"]]
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, **more
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def refused(process):
    """Waits for the end, which must be a bad one with a word about why, and returns the word."""
    try:
        out, err = process.communicate(timeout=PROMPT)
    except subprocess.TimeoutExpired:
        raise AssertionError("the kernel goes on with a connection file that cannot work") from None
    assert process.returncode not in (0, 101) and process.returncode > 0, f"exit status {process.returncode}: {err}"
    assert err.strip() and "panicked" not in err, f"it says: {err!r}"
    assert out == ""
    return err


def test_a_missing_file_is_named(launch, folder):
    assert "missing.json" in refused(launch(folder / "missing.json"))


def test_a_folder_is_no_connection_file(launch, folder):
    assert str(folder) in refused(launch(folder))


@pytest.mark.skipif(os.getuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_named(launch, folder, connection):
    path = folder / "secret.json"
    path.write_text(json.dumps(connection))
    path.chmod(0)
    assert "secret.json" in refused(launch(path))


BAD = {
    "nothing": "",
    "no JSON": "{no",
    "a list": "[]",
    "no ports": "{}",
    "binary": "\x00\x01",
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_is_no_connection_file_is_named(launch, folder, what):
    path = folder / "bad.json"
    path.write_text(BAD[what])
    assert "bad.json" in refused(launch(path))


WRONG = {
    "a port that is too high": {"shell_port": 70_000},
    "a port that is a text": {"shell_port": "1"},
    "an address that is none": {"ip": "nowhere.invalid"},
    "a transport that is none": {"transport": "pigeon"},
    "a signature scheme that is none": {"signature_scheme": "hmac-md4"},
    "a key that is a number": {"key": 5},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_field_that_cannot_be_is_named(launch, folder, connection, what):
    path = folder / "wrong.json"
    path.write_text(json.dumps(connection | WRONG[what]))
    refused(launch(path))


@pytest.mark.parametrize("port", PORTS)
def test_a_port_in_use_is_named(launch, folder, connection, port):
    path = folder / "connection.json"
    path.write_text(json.dumps(connection))
    with socket.socket() as held:
        held.bind(("127.0.0.1", connection[port]))
        held.listen()
        assert str(connection[port]) in refused(launch(path))


def test_a_file_that_everybody_may_change_is_warned_of(launch, folder, connection):
    path = folder / "open.json"
    path.write_text(json.dumps(connection))
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    process = launch(path)
    # The warning is a line on stderr, which comes before anything is asked.
    line = process.stderr.readline()
    assert "open.json" in line and "chmod" in line
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(PROMPT)


def test_no_argument_is_a_wrong_usage(subject, env, folder):
    argv = [argument for argument in subject.spec["argv"] if "{connection_file}" not in argument]
    done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, timeout=PROMPT)
    assert done.returncode == 2 and "connection" in done.stderr.lower()
