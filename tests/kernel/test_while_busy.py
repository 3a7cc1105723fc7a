"""Nothing waits for a running cell except the next cell."""

import pytest

from cells import COMPILES_LONG, waits_for
from client import PROMPT, eventually
from processes import wait_for

REQUESTS = {
    "kernel_info_request": {},
    "complete_request": {"code": "std::", "cursor_pos": 5},
    "inspect_request": {"code": "Vec", "cursor_pos": 2, "detail_level": 0},
    "is_complete_request": {"code": "fn f() {"},
    "history_request": {"hist_access_type": "tail", "n": 3, "output": False, "raw": True},
    "comm_info_request": {},
}


def check_answer(client, kind):
    """The request is answered, with its states."""
    msg_id = client.send(kind, REQUESTS[kind])
    reply = client.reply(msg_id, within=PROMPT, what=f"{kind} answered while a cell is busy")
    assert reply["content"]["status"] in ("ok", "incomplete")
    client.until_idle(msg_id, PROMPT)


@pytest.mark.parametrize("kind", [pytest.param(k, marks=pytest.mark.feature(f"{k} while a cell runs")) for k in REQUESTS])
def test_it_is_answered_while_a_cell_runs(client, folder, kind):
    cell = client.execute(waits_for(folder / "go"))
    client.started(cell)
    check_answer(client, kind)
    (folder / "go").touch()
    client.finish(cell).ok()


@pytest.mark.feature("requests are answered while a cell compiles")
def test_all_are_answered_while_a_cell_compiles(client):
    client.run("let x = 1;").ok()
    cell = client.execute(COMPILES_LONG)
    wait_for(client.kernel.mark, "rustc")
    for kind in REQUESTS:
        check_answer(client, kind)
    client.interrupt()
    assert client.finish(cell).status == "error"


@pytest.mark.feature("completion knows variables while a cell runs")
def test_variables_are_completed_while_a_cell_runs(client, folder):
    client.run("let temperature = 1.0;").ok()
    cell = client.execute(waits_for(folder / "go"))
    client.started(cell)
    eventually(
        lambda: client.complete("temper"), lambda c: "temperature" in c["matches"], "completion while a cell runs"
    )
    (folder / "go").touch()
    client.finish(cell).ok()


@pytest.mark.own
def test_the_next_cell_waits(client, folder):
    first, second = client.execute(waits_for(folder / "go", "1")), client.execute("2")
    client.started(first)
    client.ask("kernel_info_request")
    assert not [m for m in client.kept["iopub"] if m["parent_header"].get("msg_id") == second]
    (folder / "go").touch()
    assert (client.finish(first).ok().result, client.finish(second).ok().result) == ("1", "2")
