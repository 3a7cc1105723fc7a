"""debug_request: a kernel without a debugger says so, instead of leaving the client to wait."""

import pytest

from client import PROMPT


@pytest.mark.feature("debug_request is answered")
def test_there_is_an_honest_answer(client):
    content = {"type": "request", "seq": 7, "command": "initialize", "arguments": {}}
    reply = client.ask("debug_request", content, channel="control", within=PROMPT)
    assert reply["success"] is False
    assert reply.get("type") == "response" and reply.get("request_seq") == 7 and reply.get("command") == "initialize"
    assert reply["message"]
    client.alive()
