"""Nothing that a cell shows is lost, and a client that does not read slows nobody."""

import time

import pytest
import zmq

from client import PROMPT
from wire import Wire

LINES = 'for n in 0..200 {\n    println!("line {n}");\n}\neprintln!("last");\n"result"'
EXPECTED = "".join(f"line {n}\n" for n in range(200)) + "last\n"


def check_complete(client):
    """A headless client that stops reading at idle has seen every line and the result."""
    cell = client.run(LINES).ok()
    text = cell.text("stdout") + cell.text("stderr")
    assert text == EXPECTED, f"{len(EXPECTED) - len(text)} bytes are missing at idle; the end is {text[-30:]!r}"
    assert cell.result == '"result"', "the result is missing at idle"


@pytest.mark.feature("100 of 100 cells have all outputs before idle")
def test_all_outputs_are_there_before_idle(client):
    for _ in range(100):
        check_complete(client)


@pytest.mark.feature("the first cell of a new kernel has all outputs before idle")
def test_the_first_cell_of_many_kernels_is_complete(start_kernel):
    for _ in range(5):
        kernel = start_kernel()
        check_complete(kernel.client())
        kernel.manager.shutdown_kernel()


@pytest.mark.feature("errors and their text come before idle")
def test_what_a_cell_said_before_it_failed_is_there(client):
    for n in range(20):
        cell = client.run(f'print!("before {n}");\neprint!("error {n}");\npanic!("{n}");')
        assert cell.status == "error" and cell.of("error")
        assert f"before {n}" in cell.text("stdout") and f"error {n}" in cell.text("stderr")


@pytest.mark.feature("a subscriber that never reads slows nobody")
def test_a_subscriber_that_never_reads_slows_nobody(client):
    """Every round is more than fits into the buffers on the way."""
    code = """let text = "x".repeat(200_000);
for n in 0..100 {
    println!("EVCXR_BEGIN_CONTENT text/html\\n{n} {text}\\nEVCXR_END_CONTENT");
    println!("shown {n}");
}"""
    with Wire(client) as wire:
        # As little room as there can be.
        sockets = [wire.socket(zmq.SUB, "iopub", rcvhwm=1, rcvbuf=1024) for _ in range(5)]
        for socket in sockets:
            socket.subscribe("")
        client.run("0").ok()
        for socket in sockets:
            assert socket.poll(PROMPT * 1000), "a subscriber gets nothing"
        for _ in range(5):
            assert "shown 99\n" in client.run(code).ok().text("stdout")
        for socket in sockets:
            socket.close()
    client.alive()


@pytest.mark.feature("a client that reads no replies slows nobody")
def test_a_client_that_reads_no_replies_slows_nobody(client):
    with Wire(client) as wire:
        socket = wire.socket(zmq.DEALER, "shell", rcvhwm=1, rcvbuf=1024, sndhwm=0)
        for _ in range(2000):
            socket.send_multipart(wire.frames("kernel_info_request"))
        for _ in range(5):
            client.ask("kernel_info_request", within=PROMPT)
        client.alive()


@pytest.mark.feature("10,000 displays without loss")
def test_ten_thousand_displays_arrive(client):
    count = 10_000
    code = f"""for n in 0..{count} {{
    println!("EVCXR_BEGIN_CONTENT text/html\\n<p>{{n}}</p>\\nEVCXR_END_CONTENT");
    println!("");
}}"""
    cell = client.run(code, within=120).ok()
    shown = [content["data"].get("text/html") for content in cell.of("display_data", "execute_result")]
    assert len(shown) == count, f"{len(shown):,} of {count:,} displays arrived"
    assert shown == [f"<p>{n}</p>" for n in range(count)], "displays are not in their order"


@pytest.mark.feature("200 MB of prints are capped, and the client is told")
def test_two_hundred_megabytes_of_prints_are_capped(client):
    code = """let line = "x".repeat(999);
for _ in 0..200_000 {
    println!("{line}");
}
"the end\""""
    begin = time.monotonic()
    cell = client.run(code, within=300).ok()
    size = len(cell.text())
    assert size < 100_000_000, f"{size / 1e6:,.0f} MB of text reached the client"
    told = "".join(content["text"].replace("x" * 999 + "\n", "") for content in cell.of("stream"))
    assert "output" in told.lower(), f"nobody says that output was left out; the end is {cell.text()[-200:]!r}"
    assert cell.result == '"the end"'
    assert time.monotonic() - begin < 300
    # The cap is one cell's: the next one is heard again.
    assert client.run('println!("again");').ok().text() == "again\n"
