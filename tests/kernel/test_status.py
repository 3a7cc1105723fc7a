"""The kernel's state as it is published: busy and idle around every request, and the greeting of a subscriber."""

import json

import pytest
import zmq

from cells import waits_for
from client import PROMPT

REQUESTS = {
    "kernel_info_request": {},
    "execute_request": {"code": "1 + 1", "silent": False, "store_history": True, "user_expressions": {}},
    "complete_request": {"code": "pri", "cursor_pos": 3},
    "inspect_request": {"code": "Vec", "cursor_pos": 2, "detail_level": 0},
    "is_complete_request": {"code": "1 +"},
    "history_request": {"hist_access_type": "tail", "n": 3, "output": False, "raw": True},
    "comm_info_request": {},
}


def states(messages):
    """The published states."""
    return [m["content"]["execution_state"] for m in messages if m["msg_type"] == "status"]


@pytest.mark.feature("busy and idle around every request")
@pytest.mark.parametrize("kind", REQUESTS)
def test_every_request_makes_it_busy_and_idle(client, kind):
    msg_id = client.send(kind, REQUESTS[kind])
    assert states(client.until_idle(msg_id, PROMPT)) == ["busy", "idle"]
    assert client.reply(msg_id, within=PROMPT)["msg_type"] == kind.replace("request", "reply")


@pytest.mark.feature("busy and idle on control")
def test_requests_on_control_make_it_busy_and_idle(client):
    msg_id = client.send("kernel_info_request", channel="control")
    assert states(client.until_idle(msg_id, PROMPT)) == ["busy", "idle"]


@pytest.mark.feature("the request's header comes back whole")
def test_the_whole_header_of_a_request_comes_back(client):
    extra = {"trace": {"spans": [1, "two", None]}, "note": "ö"}
    content = {"code": 'println!("text"); 1'}
    sent = client.raw.session.msg("execute_request", REQUESTS["execute_request"] | content)
    sent["header"].update(extra)
    client.raw.session.send(client.channel("shell").socket, sent)
    msg_id = sent["header"]["msg_id"]
    messages = [client.reply(msg_id), *client.until_idle(msg_id)]
    for message in messages:
        lost = {name: value for name, value in sent["header"].items() if message["parent_header"].get(name) != value}
        assert not lost, f"the parent header of {message['msg_type']} has lost {sorted(lost)}"


@pytest.mark.feature("iopub_welcome (JEP 65)")
@pytest.mark.parametrize("topic", ["", "a.topic"])
def test_a_subscriber_is_welcomed(kernel, client, topic):
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.connect(client.raw._make_url("iopub"))
        socket.subscribe(topic)
        assert socket.poll(PROMPT * 1000), "nothing came after the subscription"
        frames = socket.recv_multipart()
    at = frames.index(b"<IDS|MSG>")
    assert frames[:at] == [topic.encode()]
    header, content = json.loads(frames[at + 2]), json.loads(frames[at + 5])
    assert header["msg_type"] == "iopub_welcome", f"the first message is {header['msg_type']}"
    assert content["subscription"] == topic


@pytest.mark.feature("heartbeat while a cell runs")
def test_the_heart_beats_while_a_cell_runs(client, folder):
    cell = client.execute(waits_for(folder / "go"))
    client.started(cell)
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(client.raw._make_url("hb"))
        for ping in (b"ping", b"", b"x" * 1000):
            socket.send(ping)
            assert socket.poll(PROMPT * 1000), "the heart does not beat"
            assert socket.recv() == ping
    (folder / "go").touch()
    client.finish(cell).ok()


@pytest.mark.feature("ipc transport")
def test_it_works_over_unix_sockets(start_kernel):
    client = start_kernel(transport="ipc").client()
    assert client.run('println!("text"); 6 * 7').ok().result == "42"
    client.ask("kernel_info_request", channel="control")


@pytest.mark.feature("a second client sees what the first one runs")
def test_a_second_client_sees_the_cells_of_the_first(kernel, client):
    second = kernel.client()
    msg_id = client.execute('println!("for all"); 5')
    seen = second.until_idle(msg_id)
    kinds = [message["msg_type"] for message in seen]
    assert "execute_input" in kinds and "stream" in kinds and "execute_result" in kinds
    assert client.finish(msg_id).ok().result == "5"
