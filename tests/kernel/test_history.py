"""history_request: earlier cells by tail, range and search, those of earlier sessions too."""

import signal

import pytest

from client import PROMPT


def history(client, kind, **more):
    """The entries of a history_reply."""
    content = {"hist_access_type": kind, "output": False, "raw": True, **more}
    reply = client.ask("history_request", content, within=PROMPT)
    assert reply["status"] == "ok"
    return reply["history"]


def inputs(entries):
    """The sources of entries."""
    return [entry[2] for entry in entries]


@pytest.mark.feature("history: tail")
def test_the_last_cells(client):
    codes = ["let a = 1;", "let b = 2;", "a + b"]
    for code in codes:
        client.run(code).ok()
    entries = history(client, "tail", n=2)
    assert inputs(entries) == codes[1:]
    assert [entry[1] for entry in entries] == [2, 3]
    assert len({entry[0] for entry in entries}) == 1


@pytest.mark.feature("history: with outputs")
def test_outputs_come_with_the_inputs(client):
    client.run("20 + 1").ok()
    client.run("let x = 1;").ok()
    first, second = history(client, "tail", n=2, output=True)
    assert first[2] == ["20 + 1", "21"]
    assert second[2][0] == "let x = 1;" and not second[2][1]


@pytest.mark.feature("history: range")
def test_a_range_of_this_session(client):
    for n in range(4):
        client.run(f"let x{n} = {n};").ok()
    entries = history(client, "range", session=0, start=2, stop=4)
    assert inputs(entries) == ["let x1 = 1;", "let x2 = 2;"]
    number = entries[0][0]
    assert inputs(history(client, "range", session=number, start=1, stop=2)) == ["let x0 = 0;"]


@pytest.mark.feature("history: search")
def test_cells_are_found_by_a_pattern(client):
    for code in ("let apple = 1;", "let pear = 2;", "let apple = 1;", "let apple_tree = 3;", "// none"):
        client.run(code).ok()
    found = history(client, "search", pattern="*apple*", n=10)
    assert inputs(found) == ["let apple = 1;", "let apple = 1;", "let apple_tree = 3;"]
    assert inputs(history(client, "search", pattern="let apple*", n=1)) == ["let apple_tree = 3;"]
    unique = history(client, "search", pattern="*apple*", n=10, unique=True)
    assert sorted(inputs(unique)) == ["let apple = 1;", "let apple_tree = 3;"]
    assert inputs(history(client, "search", pattern="let ?ear*", n=10)) == ["let pear = 2;"]
    assert history(client, "search", pattern="apple", n=10) == [], "a pattern is no part of a word"


@pytest.mark.feature("history: store_history and silent")
def test_what_is_not_for_the_history_is_not_there(client):
    client.run("let seen = 1;").ok()
    client.run("let unseen = 2;", store_history=False).ok()
    client.run("let silent = 3;", silent=True).ok()
    client.run("let seen_too = 4;").ok()
    assert inputs(history(client, "tail", n=10))[-2:] == ["let seen = 1;", "let seen_too = 4;"]


@pytest.mark.feature("history: cells with errors are there")
def test_cells_with_errors_are_there(client):
    client.run("let = ;")
    assert inputs(history(client, "tail", n=1)) == ["let = ;"]


@pytest.mark.feature("history: across restarts")
def test_earlier_sessions_are_there_after_a_restart(kernel, client):
    client.run("let before = 1;").ok()
    kernel.manager.restart_kernel()
    client = kernel.client()
    client.run("let after = 2;").ok()
    entries = history(client, "tail", n=2)
    assert inputs(entries) == ["let before = 1;", "let after = 2;"]
    assert entries[0][0] < entries[1][0]
    assert inputs(history(client, "range", session=-1, start=1, stop=2)) == ["let before = 1;"]
    assert inputs(history(client, "search", pattern="*before*", n=5)) == ["let before = 1;"]


@pytest.mark.feature("history: survives a killed kernel")
def test_a_killed_kernel_does_not_take_its_history_along(start_kernel, client):
    client.run("let before = 1;").ok()
    client.kernel.manager.signal_kernel(signal.SIGKILL)
    client.kernel.ended()
    assert inputs(history(start_kernel().client(), "tail", n=1)) == ["let before = 1;"]


@pytest.mark.own
def test_two_kernels_share_a_history(start_kernel):
    first, second = start_kernel().client(), start_kernel().client()
    first.run("let of_the_first = 1;").ok()
    second.run("let of_the_second = 2;").ok()
    for client in (first, second):
        assert set(inputs(history(client, "tail", n=10))) == {"let of_the_first = 1;", "let of_the_second = 2;"}
    assert inputs(history(first, "range", session=0, start=1, stop=9)) == ["let of_the_first = 1;"]


@pytest.mark.own
@pytest.mark.parametrize(
    "content", [{}, {"hist_access_type": "none"}, {"hist_access_type": "tail", "n": -3}, {"hist_access_type": 5}]
)
def test_a_request_that_means_nothing_is_answered(client, content):
    assert client.ask("history_request", content)["status"] in ("ok", "error")
    client.alive()
