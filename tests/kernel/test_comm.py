"""comm_open, comm_msg, comm_close, comm_info: the channels of widgets and of the panel."""

import uuid

import pytest

from client import PROMPT


@pytest.mark.feature("comm_open to an unknown target is closed")
def test_an_unknown_target_is_closed(client):
    comm_id = uuid.uuid4().hex
    msg_id = client.send("comm_open", {"comm_id": comm_id, "target_name": "of.nobody", "data": {"a": 1}})
    closed = [m["content"] for m in client.until_idle(msg_id, PROMPT) if m["msg_type"] == "comm_close"]
    assert [content["comm_id"] for content in closed] == [comm_id], "there is no comm_close"


@pytest.mark.feature("comm_info")
@pytest.mark.parametrize("content", [{}, {"target_name": "of.nobody"}])
def test_open_comms_are_listed(client, content):
    assert client.ask("comm_info_request", content, within=PROMPT) == {"status": "ok", "comms": {}}


@pytest.mark.feature("messages to unknown comms do no harm")
@pytest.mark.parametrize("kind", ["comm_msg", "comm_close"])
def test_messages_to_unknown_comms_do_no_harm(client, kind):
    msg_id = client.send(kind, {"comm_id": "nobody", "data": {}}, buffers=[b"binary", b""])
    kinds = [message["msg_type"] for message in client.until_idle(msg_id, PROMPT)]
    assert set(kinds) == {"status"}
    client.alive()


@pytest.mark.feature("comms on control do no harm")
def test_comms_on_control_do_no_harm(client):
    client.send("comm_open", {"comm_id": "c", "target_name": "of.nobody", "data": {}}, channel="control")
    client.ask("kernel_info_request", channel="control")
