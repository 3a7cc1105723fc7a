"""stream, display_data, update_display_data, clear_output: everything a cell shows, in order and at once."""

import base64

import pytest

from cells import LIBRARY, shows, waits_for
from client import PROMPT

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.mark.feature("text without a newline appears while the cell runs")
def test_text_without_a_newline_is_seen_while_the_cell_runs(client, folder):
    code = waits_for(folder / "go").replace('println!("started")', 'print!("half a li")')
    cell = client.execute(code)
    seen = client.output(cell, "stream", within=PROMPT)
    assert seen["content"] == {"name": "stdout", "text": "half a li"}
    (folder / "go").touch()
    assert client.finish(cell).ok().text() == ""


@pytest.mark.feature("text is shown exactly as it was written")
def test_text_is_shown_exactly(client):
    code = 'print!("a");\nprint!("b\\tc\\r\\n\\n d");\nprint!("\\x1b[31mred\\x1b[0m ü 漢 🦀");'
    assert client.run(code).ok().text("stdout") == "ab\tc\r\n\n d\x1b[31mred\x1b[0m ü 漢 🦀"
    assert client.run('eprint!("no newline");').ok().text("stderr") == "no newline"


@pytest.mark.feature("stdout and stderr in order")
def test_both_streams_keep_their_order(client):
    lines = "\n".join(f'println!("out {n}");\neprintln!("err {n}");' for n in range(10))
    cell = client.run(lines).ok()
    assert cell.text() == "".join(f"out {n}\nerr {n}\n" for n in range(10))
    assert cell.text("stderr") == "".join(f"err {n}\n" for n in range(10))


@pytest.mark.feature("bytes of a character may come one by one")
def test_a_character_may_be_written_byte_by_byte(client):
    code = """use std::io::Write;
for byte in "é🦀".bytes() {
    std::io::stdout().write_all(&[byte]).unwrap();
    std::io::stdout().flush().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(60));
}"""
    assert client.run(code).ok().text("stdout") == "é🦀"


@pytest.mark.feature("bytes that are no text do no harm")
def test_bytes_that_are_no_text_do_no_harm(client):
    code = 'use std::io::Write;\nstd::io::stdout().write_all(b"good \\xff\\xfe bad\\n").unwrap();\n5'
    cell = client.run(code).ok()
    assert cell.text().startswith("good ") and cell.text().endswith(" bad\n") and "\ufffd" in cell.text()
    assert cell.result == "5"


@pytest.mark.feature("output of child processes")
def test_what_child_processes_print_is_shown(client):
    cell = client.run('std::process::Command::new("echo").arg("from a child").status().unwrap();').ok()
    assert "from a child\n" in cell.text("stdout")


@pytest.mark.feature("display_data anywhere in a cell")
def test_a_display_in_the_middle_is_no_result(client):
    cell = client.run(f'{shows("text/html", "<b>bold</b>")}\nprintln!("after");\n7').ok()
    assert cell.kinds == ["display_data", "stream", "execute_result"], f"the outputs are {cell.kinds}"
    display = cell.of("display_data")[0]
    assert display["data"]["text/html"] == "<b>bold</b>" and display["metadata"] == {}
    assert display.get("transient", {}) == {}
    assert cell.result == "7"


@pytest.mark.feature("two displays of one type in one cell")
def test_two_displays_of_one_type_are_both_shown(client):
    cell = client.run("\n".join(shows("text/html", f"<p>{n}</p>") for n in (1, 2, 3))).ok()
    shown = [content["data"].get("text/html") for content in cell.of("display_data", "execute_result")]
    assert shown == ["<p>1</p>", "<p>2</p>", "<p>3</p>"], f"of three displays {shown} came"


@pytest.mark.feature("a display is seen while the cell runs")
def test_a_display_is_seen_while_the_cell_runs(client, folder):
    cell = client.execute(shows("text/html", "<i>now</i>") + "\n" + waits_for(folder / "go"))
    seen = client.output(cell, "display_data", within=PROMPT)
    assert seen["content"]["data"]["text/html"] == "<i>now</i>"
    (folder / "go").touch()
    client.finish(cell).ok()


@pytest.mark.feature("images and JSON")
def test_types_are_passed_on_as_they_are(client):
    cell = client.run(shows("image/png", PIXEL) + "\nlet x = 1;\n" + 'println!("between");\n'
                      + shows("application/json", '{"a": [1, 2]}')).ok()
    forms = {}
    for content in cell.of("display_data", "execute_result"):
        forms.update(content["data"])
    assert base64.b64decode(forms["image/png"]).startswith(b"\x89PNG")
    assert forms["application/json"] == {"a": [1, 2]}, "JSON is shown as a text"


@pytest.mark.feature("a value with a display of its own is the result")
def test_a_value_that_displays_itself_is_shown(client):
    code = """struct Table;
impl Table {
    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\\n<table></table>\\nEVCXR_END_CONTENT");
    }
}
Table"""
    cell = client.run(code).ok()
    shown = cell.of("display_data", "execute_result")
    assert [content["data"].get("text/html") for content in shown] == ["<table></table>"]


@pytest.mark.feature("update_display_data")
def test_a_display_can_be_replaced(client):
    client.run(LIBRARY, within=300).ok()
    cell = client.run(
        "use oxikale::display;\n"
        'let mut status = display::show_as("state", &display::text("starting"));\n'
        'status.update(&display::text("done"));'
    ).ok()
    assert cell.kinds == ["display_data", "update_display_data"], f"the outputs are {cell.kinds}"
    first, second = (message["content"] for message in cell.messages if "display" in message["msg_type"])
    assert first["transient"] == second["transient"] == {"display_id": "state"}
    assert (first["data"]["text/plain"], second["data"]["text/plain"]) == ("starting", "done")
    later = client.run('status.update(&display::text("later"));').ok()
    assert later.kinds == ["update_display_data"]


@pytest.mark.feature("clear_output")
@pytest.mark.parametrize("wait", [True, False])
def test_outputs_can_be_cleared(client, wait):
    client.run(LIBRARY, within=300).ok()
    cell = client.run(f'println!("old");\noxikale::display::clear({str(wait).lower()});\nprintln!("new");').ok()
    assert cell.kinds == ["stream", "clear_output", "stream"], f"the outputs are {cell.kinds}"
    assert cell.of("clear_output") == [{"wait": wait}]


@pytest.mark.feature("output of a thread that outlives its cell")
def test_a_thread_may_print_after_its_cell(client, folder):
    code = f"""std::thread::spawn(|| {{
    while !std::path::Path::new("{folder / "go"}").exists() {{
        std::thread::sleep(std::time::Duration::from_millis(5));
    }}
    println!("from the thread");
    std::fs::write("{folder / "said"}", "").unwrap();
}});"""
    client.run(code).ok()
    (folder / "go").touch()
    client.receive(
        "iopub",
        lambda m: m["msg_type"] == "stream" and "from the thread" in m["content"]["text"],
        "text of a thread whose cell has ended",
        PROMPT,
    )
