"""shutdown_request, restart, and every other way in which a kernel ends: no process is left behind."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from cells import SLEEPS, SPINS
from client import PROMPT
from processes import left_after, wait_for

STATES = {"idle": None, "computing": SPINS, "sleeping": SLEEPS}


def busy(client, state):
    """Brings the kernel into a state."""
    client.run("let x = 1;").ok()
    if STATES[state]:
        client.started(client.execute(STATES[state]))


@pytest.mark.feature("shutdown ends all processes")
@pytest.mark.parametrize("state", STATES)
def test_a_shutdown_is_answered_and_carried_out(client, state):
    busy(client, state)
    reply = client.ask("shutdown_request", {"restart": False}, channel="control", within=PROMPT)
    assert reply["restart"] is False
    assert client.kernel.ended(PROMPT) == 0
    assert not left_after(client.kernel.mark, PROMPT)


@pytest.mark.feature("shutdown is published")
def test_a_shutdown_is_published(client):
    msg_id = client.send("shutdown_request", {"restart": True}, channel="control")
    published = client.output(msg_id, "shutdown_reply", within=PROMPT)
    assert published["content"]["restart"] is True
    client.kernel.ended(PROMPT)


@pytest.mark.feature("restart forgets variables")
def test_a_restart_begins_anew(kernel, client):
    client.run("let x = 1;").ok()
    before = kernel.pid
    kernel.manager.restart_kernel()
    client = kernel.client()
    assert kernel.pid != before
    assert client.run("x").status == "error"
    assert client.run("2").ok().result == "2"


@pytest.mark.feature("SIGTERM ends all processes")
@pytest.mark.parametrize("state", STATES)
def test_a_terminated_kernel_leaves_nothing(client, state):
    busy(client, state)
    os.kill(client.kernel.pid, signal.SIGTERM)
    client.kernel.ended(PROMPT)
    assert not left_after(client.kernel.mark, PROMPT)


@pytest.mark.feature("SIGKILL leaves no orphans")
@pytest.mark.parametrize("state", STATES)
def test_a_killed_kernel_leaves_nothing(client, state):
    busy(client, state)
    os.kill(client.kernel.pid, signal.SIGKILL)
    client.kernel.ended(PROMPT)
    left = left_after(client.kernel.mark, PROMPT)
    assert not left, f"{len(left)} processes are left: {', '.join(map(str, left))}"


@pytest.mark.feature("a kernel ends with the client that started it")
def test_a_kernel_ends_with_its_parent(subject, folder, env, mark):
    code = textwrap.dedent("""
        import sys
        from jupyter_client import KernelManager
        manager = KernelManager(kernel_name=sys.argv[1])
        manager.start_kernel()
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=90)
        print("ready", flush=True)
        sys.stdin.read()
    """)
    parent = subprocess.Popen(
        [sys.executable, "-c", code, subject.kernel_name],
        env={**env, "JUPYTER_PATH": str(subject.jupyter_path)},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout.readline() == "ready\n"
        wait_for(mark, subject.spec["argv"][0].rpartition("/")[2])
        parent.kill()
    left = left_after(mark, PROMPT)
    for process in left:
        process.kill()
    assert not left, "the kernel goes on after its parent was killed"
