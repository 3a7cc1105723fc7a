"""input_request: a cell reads a line of the user's, by the standard library's own means."""

import pytest

from client import PROMPT

READS = """let mut line = String::new();
let size = std::io::stdin().read_line(&mut line).unwrap();
(size, line)"""
# The convention of the crate evcxr_input, without the crate.
ASKS = """println!("EVCXR_INPUT_REQUEST:Your name? ");
let mut line = String::new();
std::io::stdin().read_line(&mut line).unwrap();
line.trim().to_owned()"""


def asked(client, msg_id):
    """Waits for an input_request."""
    return client.reply(msg_id, "stdin", PROMPT, "input_request")["content"]


@pytest.mark.feature("std::io::stdin().read_line")
def test_the_standard_input_asks_the_client(client):
    cell = client.execute(READS, allow_stdin=True)
    request = asked(client, cell)
    assert request["password"] is False
    client.raw.input("fünf")
    assert client.finish(cell).ok().result == '(6, "fünf\\n")'


@pytest.mark.feature("what was printed is seen before the input is asked for")
def test_the_question_is_seen_before_the_answer(client):
    cell = client.execute('print!("How many? ");\n' + READS, allow_stdin=True)
    client.started(cell, "How many? ")
    asked(client, cell)
    client.raw.input("3")
    assert client.finish(cell).ok().result == '(2, "3\\n")'


@pytest.mark.feature("several lines of input")
def test_several_lines_are_asked_for_one_by_one(client):
    code = "let lines: Vec<String> = (0..3).map(|_| {\n    let mut line = String::new();\n"
    code += "    std::io::stdin().read_line(&mut line).unwrap();\n    line.trim().to_owned()\n}).collect();\nlines"
    cell = client.execute(code, allow_stdin=True)
    for line in ("one", "two", "three"):
        asked(client, cell)
        client.raw.input(line)
    assert client.finish(cell).ok().result == '["one", "two", "three"]'


@pytest.mark.feature("input with a prompt (evcxr_input)")
def test_a_prompt_is_shown(client):
    cell = client.execute(ASKS, allow_stdin=True)
    assert asked(client, cell) == {"prompt": "Your name? ", "password": False}
    client.raw.input("Ada")
    done = client.finish(cell).ok()
    assert done.result == '"Ada"'
    assert "EVCXR" not in done.text()


@pytest.mark.feature("passwords (evcxr_input)")
def test_a_password_is_asked_for_as_one(client):
    cell = client.execute(ASKS.replace("REQUEST:", "REQUEST_PASSWORD:"), allow_stdin=True)
    assert asked(client, cell)["password"] is True
    client.raw.input("secret")
    assert client.finish(cell).ok().result == '"secret"'


@pytest.mark.feature("no input where the client allows none")
def test_a_client_without_input_gets_an_error(client):
    cell = client.run(READS, within=PROMPT, allow_stdin=False)
    assert cell.status == "error", f"the cell got {cell.result}"
    assert "input" in (cell.content.get("evalue", "") + "".join(cell.content.get("traceback", []))).lower()
    client.alive()


@pytest.mark.feature("interrupt while input is waited for")
def test_an_interrupt_cancels_the_input(client):
    client.run("let kept = 5;").ok()
    cell = client.execute(READS, allow_stdin=True)
    asked(client, cell)
    client.interrupt()
    assert client.finish(cell, PROMPT).status == "error"
    assert client.run("kept").ok().result == "5"
    # A later cell asks again, and does not get what was meant for the first.
    again = client.execute(READS, allow_stdin=True)
    asked(client, again)
    client.raw.input("x")
    assert client.finish(again).ok().result == '(2, "x\\n")'


@pytest.mark.feature("end of input (Ctrl-D)")
def test_the_end_of_input_can_be_given(client):
    cell = client.execute(READS, allow_stdin=True)
    asked(client, cell)
    client.raw.input("\x04")
    assert client.finish(cell, PROMPT).ok().result == '(0, "")'


@pytest.mark.feature("an answer that nobody has asked for does no harm")
def test_an_answer_without_a_question_does_no_harm(client):
    client.raw.input("nobody asked")
    cell = client.execute(READS, allow_stdin=True)
    asked(client, cell)
    client.raw.input("right")
    assert client.finish(cell).ok().result == '(6, "right\\n")'
