"""Subshells (JEP 91): threads of requests beside the main one."""

import pytest

from cells import waits_for
from client import PROMPT


@pytest.fixture
def subshell(client):
    """The id of a subshell, and the client whose it is."""
    features = client.ask("kernel_info_request").get("supported_features", [])
    assert "kernel subshells" in features, "`kernel subshells` is not among the supported features"
    reply = client.ask("create_subshell_request", channel="control", within=PROMPT)
    assert reply["status"] == "ok"
    return reply["subshell_id"]


@pytest.mark.feature("subshells are created, listed and deleted")
def test_a_subshell_has_a_life(client, subshell):
    second = client.ask("create_subshell_request", channel="control")["subshell_id"]
    listed = client.ask("list_subshell_request", channel="control")
    assert listed["status"] == "ok" and set(listed["subshell_id"]) == {subshell, second}
    assert client.ask("delete_subshell_request", {"subshell_id": subshell}, channel="control")["status"] == "ok"
    assert client.ask("list_subshell_request", channel="control")["subshell_id"] == [second]


@pytest.mark.feature("requests on a subshell while a cell runs")
def test_a_subshell_answers_while_a_cell_runs(client, subshell, folder):
    cell = client.execute(waits_for(folder / "go"))
    client.started(cell)
    for kind, content in (("kernel_info_request", {}), ("comm_info_request", {}), ("is_complete_request", {"code": "1"})):
        msg_id = client.send(kind, content, header={"subshell_id": subshell})
        reply = client.reply(msg_id, within=PROMPT)
        assert reply["content"].get("status")
        assert reply["parent_header"]["subshell_id"] == subshell
        assert all(m["parent_header"]["subshell_id"] == subshell for m in client.until_idle(msg_id, PROMPT))
    (folder / "go").touch()
    client.finish(cell).ok()


@pytest.mark.feature("cells on a subshell")
def test_a_cell_may_run_on_a_subshell(client, subshell):
    client.run("let shared = 5;").ok()
    content = {"code": "shared + 1", "silent": False, "store_history": True, "user_expressions": {}}
    cell = client.finish(client.send("execute_request", content, header={"subshell_id": subshell}))
    assert cell.ok().result == "6"


@pytest.mark.feature("an unknown subshell is an error")
def test_an_unknown_subshell_is_an_error(client, subshell):
    assert client.ask("delete_subshell_request", {"subshell_id": "nobody"}, channel="control")["status"] == "error"
    msg_id = client.send("kernel_info_request", header={"subshell_id": "nobody"})
    assert client.reply(msg_id, within=PROMPT)["content"]["status"] == "error"
    client.alive()
