"""What is no message, or none of this session, does no harm: the kernel goes on for those who speak properly."""

import json
import socket as sockets

import pytest
import zmq

from client import PROMPT
from wire import DELIMITER, Wire, answered

INFO = "kernel_info_request"
HUGE = 50_000_000


@pytest.fixture
def wire(client):
    """Raw sockets to a running kernel."""
    with Wire(client) as wire:
        yield wire


def check_alive(client):
    """Every channel works for a proper client."""
    client.ask(INFO, channel="control", within=PROMPT)
    client.alive()


def spoilt(wire):
    """Messages that are none, by what is wrong with them."""
    good = wire.frames(INFO)
    header = json.loads(good[2])
    return {
        "nothing": [b""],
        "a delimiter alone": [DELIMITER],
        "no delimiter": good[1:],
        "no delimiter, one frame": [b"x"],
        "no parts after the signature": good[:2],
        "a header alone": good[:3],
        "no content": good[:5],
        "an empty signature": [DELIMITER, b"", *good[2:]],
        "a wrong signature": [DELIMITER, b"0" * 64, *good[2:]],
        "a short signature": [DELIMITER, good[1][:10], *good[2:]],
        "a signature that is no text": [DELIMITER, b"\xff\x00" * 32, *good[2:]],
        "a signature of something else": [DELIMITER, good[1], *wire.frames(INFO)[2:]],
        "a header that is no JSON": wire.frames(INFO, header=b"{no"),
        "a header that is no text": wire.frames(INFO, header=b"\xff\xfe\x00"),
        "an empty header": wire.frames(INFO, header=b"{}"),
        "a header that is a list": wire.frames(INFO, header=b"[1, 2]"),
        "a header without a type": wire.frames(INFO, header=json.dumps({**header, "msg_type": None}).encode()),
        "a type that is a number": wire.frames(INFO, header=json.dumps({**header, "msg_type": 7}).encode()),
        "content that is no JSON": wire.frames(INFO, b"{no"),
        "content that is a text": wire.frames(INFO, b'"text"'),
        "content that is nested deeply": wire.frames(INFO, b"[" * 100_000),
        "metadata that is no JSON": wire.frames(INFO, metadata=b"no"),
        "a parent that is no JSON": wire.frames(INFO, parent=b"no"),
        "a thousand empty frames": [b""] * 1000,
        "a type that nobody knows": wire.frames("of_nobody_request"),
        "a type that is a reply": wire.frames("execute_reply"),
        "a type that is long": wire.frames("x" * 100_000),
        "an empty type": wire.frames(""),
    }


@pytest.mark.feature("what is no message does no harm")
@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_what_is_no_message_does_no_harm(client, wire, channel):
    client.run("let kept = 5;").ok()
    with wire.socket(zmq.DEALER, channel) as socket:
        for what, frames in spoilt(wire).items():
            socket.send_multipart(frames)
            if channel != "stdin":
                # The same connection is still good, and what comes after is answered.
                msg_id = client.send(INFO, channel=channel)
                client.reply(msg_id, channel, PROMPT, f"answer after {what}")
    check_alive(client)
    assert client.run("kept").ok().result == "5"


@pytest.mark.feature("wrong signatures are dropped")
@pytest.mark.parametrize("channel", ["shell", "control"])
def test_what_is_not_signed_is_not_answered(client, wire, channel):
    with wire.socket(zmq.DEALER, channel) as socket:
        frames = wire.frames(INFO)
        socket.send_multipart([DELIMITER, b"0" * 64, *frames[2:]])
        socket.send_multipart([DELIMITER, b"", *frames[2:]])
        # What comes after on the same connection is answered, so the two before were seen.
        proper = wire.frames(INFO)
        socket.send_multipart(proper)
        assert socket.poll(PROMPT * 1000), "a proper message is not answered after one with a wrong signature"
        answer = socket.recv_multipart()
        parent = json.loads(answer[answer.index(DELIMITER) + 3])
        assert parent["msg_id"] == json.loads(proper[2])["msg_id"], "a message with a wrong signature was answered"
    check_alive(client)


@pytest.mark.feature("replayed messages are dropped")
def test_a_message_counts_once(client, wire):
    client.run("let mut n = 0;").ok()
    with wire.socket(zmq.DEALER, "shell") as socket:
        content = {"code": "n += 1;", "silent": False, "store_history": False, "user_expressions": {}}
        frames = wire.frames("execute_request", {**content, "allow_stdin": False, "stop_on_error": True})
        for _ in range(3):
            socket.send_multipart(frames)
        assert answered(socket, PROMPT)[0] == "execute_reply"
        socket.send_multipart(wire.frames(INFO))
        assert answered(socket, PROMPT)[0] == "kernel_info_reply", "a replayed cell was run again"
    assert client.run("n").ok().result == "1"


CONTENTS = {
    "execute_request": [
        {}, {"code": 5}, {"code": None}, {"code": ["1"]}, {"code": "1", "user_expressions": 5},
        {"code": "1", "user_expressions": {"a": 5}}, {"code": "1", "silent": "yes"}, {"code": "1", "allow_stdin": []},
    ],
    "complete_request": [{}, {"code": 1, "cursor_pos": "x"}, {"code": "a", "cursor_pos": 1.5}, {"code": "a"}],
    "inspect_request": [{}, {"code": [], "cursor_pos": 0}, {"code": "a", "cursor_pos": 0, "detail_level": "all"}],
    "is_complete_request": [{}, {"code": 5}],
    "history_request": [{}, {"hist_access_type": 5}, {"hist_access_type": "range", "start": "a", "stop": {}}],
    "comm_info_request": [{"target_name": 5}],
    "comm_open": [{}, {"comm_id": 5, "target_name": []}],
    "comm_msg": [{}, {"comm_id": []}],
    "comm_close": [{}],
    "input_reply": [{}, {"value": 5}],
}  # fmt: skip


@pytest.mark.feature("wrong types in a message do no harm")
@pytest.mark.parametrize("kind", CONTENTS)
def test_wrong_types_are_answered_by_errors(client, wire, kind):
    with wire.socket(zmq.DEALER, "shell") as socket:
        for content in CONTENTS[kind]:
            socket.send_multipart(wire.frames(kind, content))
            if kind.endswith("_request"):
                answer = answered(socket, PROMPT)
                assert answer, f"{kind} with {content} is not answered"
                assert answer[0] == kind.replace("_request", "_reply")
    check_alive(client)


@pytest.mark.feature("huge messages")
@pytest.mark.parametrize("what", ["a cell", "a completion", "buffers", "what is no JSON"])
def test_a_huge_message_does_no_harm(client, wire, what):
    with wire.socket(zmq.DEALER, "shell") as socket:
        if what == "a cell":
            code = "1 // " + "x" * HUGE
            content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
            socket.send_multipart(wire.frames("execute_request", content))
            answer = answered(socket, 120)
            assert answer and answer[0] == "execute_reply", "a huge cell is not answered"
        elif what == "a completion":
            socket.send_multipart(wire.frames("complete_request", {"code": "x" * HUGE, "cursor_pos": HUGE}))
            answer = answered(socket, 120)
            assert answer and answer[0] == "complete_reply", "a huge completion is not answered"
        elif what == "buffers":
            frames = wire.frames("comm_msg", {"comm_id": "nobody", "data": {}})
            socket.send_multipart([*frames, *[b"\0" * (HUGE // 10)] * 10])
        else:
            socket.send_multipart([b"x" * HUGE])
        socket.send_multipart(wire.frames(INFO))
        assert answered(socket, 120)[0] == "kernel_info_reply"
    check_alive(client)


@pytest.mark.feature("10,000 requests at once are all answered")
def test_ten_thousand_requests_at_once_are_answered(client, wire):
    count = 10_000
    with wire.socket(zmq.DEALER, "shell", sndhwm=0, rcvhwm=0) as socket:
        ids = {f"request-{n}" for n in range(count)}
        for msg_id in sorted(ids):
            socket.send_multipart(wire.frames("comm_info_request", msg_id=msg_id))
        while ids:
            assert socket.poll(PROMPT * 1000), f"{len(ids)} of {count:,} requests are not answered"
            frames = socket.recv_multipart()
            ids.discard(json.loads(frames[frames.index(DELIMITER) + 3])["msg_id"])
    check_alive(client)


@pytest.mark.feature("clients that go in the middle do no harm")
def test_clients_may_go_at_any_time(client, wire):
    for n in range(50):
        with wire.socket(zmq.DEALER, "shell") as socket:
            socket.send_multipart(wire.frames("execute_request", {"code": f"{n}"}))
        with wire.socket(zmq.SUB, "iopub") as socket:
            socket.subscribe("")
    check_alive(client)


GARBAGE = {
    "nothing": b"",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "half a greeting": b"\xff\0\0\0\0\0\0\0\x01\x7f",
    "an unknown version": b"\xff\0\0\0\0\0\0\0\x01\x7f\x09\x09NULL" + b"\0" * 48,
    "another mechanism": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0CURVE" + b"\0" * 47,
    "a greeting and garbage": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + b"\0" * 48 + b"\xaa" * 1000,
    "a frame of 2^63 bytes": b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL" + b"\0" * 48
    + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x06DEALER" + b"\x02\x7f" + b"\xff" * 7 + b"x" * 100,
    "zeros": b"\0" * 100_000,
}  # fmt: skip


@pytest.mark.feature("connections that are not ZeroMQ's do no harm")
@pytest.mark.parametrize("channel", ["shell", "control", "iopub", "stdin", "hb"])
def test_connections_that_are_not_zeromqs_do_no_harm(client, wire, channel):
    held = []
    try:
        for bytes_ in GARBAGE.values():
            connection = sockets.create_connection((wire.ip, wire.ports[channel]), timeout=PROMPT)
            held.append(connection)
            try:
                connection.sendall(bytes_)
            except OSError:
                # The kernel has hung up, which is its right.
                pass
        # Some stay open while the kernel serves others.
        check_alive(client)
        client.ask(INFO, within=PROMPT)
    finally:
        for connection in held:
            connection.close()
    check_alive(client)


@pytest.mark.feature("many connections that say nothing do no harm")
def test_many_silent_connections_do_no_harm(client, wire):
    held = [sockets.create_connection((wire.ip, wire.ports[name])) for name in wire.ports for _ in range(50)]
    try:
        check_alive(client)
    finally:
        for connection in held:
            connection.close()
