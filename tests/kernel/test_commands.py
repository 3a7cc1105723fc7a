"""The kernel's own commands in cells, and the comms of a panel."""

import nbformat
import pytest

pytestmark = pytest.mark.own


def plain(cell):
    """The text of what a cell has displayed."""
    return "\n".join(content["data"]["text/plain"] for content in cell.of("display_data"))


def test_variables_are_listed(client):
    client.run("let mut count = 5_u8;").ok()
    assert "mut count" in plain(client.run("%who").ok())


def test_the_session_goes_back_and_says_what_is_gone(client):
    client.run("let kept = 1;").ok()
    client.run("let gone = 2;").ok()
    assert "gone: gone" in plain(client.run("%back").ok())
    assert client.run("kept").ok().result == "1"
    assert client.run("gone").status == "error"


def test_a_script_runs_and_its_failure_is_told(client):
    cell = client.run("%%bash\necho out; echo err >&2; exit 3")
    assert cell.status == "error" and "exit code 3" in cell.content["evalue"]
    assert cell.text("stdout") == "out\n" and "err" in cell.text("stderr")


def test_a_script_is_interrupted(client):
    cell = client.execute("%%bash\necho begun; sleep 1000")
    client.started(cell, "begun")
    client.interrupt()
    assert client.finish(cell).status == "error"


def test_the_environment_reaches_cells_and_scripts(client):
    client.run("%env OXIKALE_COLOUR=teal").ok()
    assert client.run('std::env::var("OXIKALE_COLOUR")').ok().result == 'Ok("teal")'
    assert client.run("%%bash\necho $OXIKALE_COLOUR").ok().text("stdout") == "teal\n"


def test_a_cell_becomes_a_file_and_a_file_a_cell(client, folder):
    client.run("%%writefile note.txt\nlet a = 1;").ok()
    assert (folder / "note.txt").read_text("utf-8") == "let a = 1;\n"
    payload = client.run("%load note.txt").ok().content["payload"]
    assert payload[0]["source"] == "set_next_input" and payload[0]["text"].endswith("let a = 1;\n")


def test_a_misspelt_command_is_told_with_the_right_one(client):
    assert "`%who`" in client.run("%wh").content["evalue"]


def test_a_notebook_is_run_as_a_pipeline_and_a_step_is_pulled(start_kernel, folder):
    cells = [
        ("let n = 3;", ["pipeline-parameters"]),
        ("let squares: Vec<i64> = (0..n).map(|x| x * x).collect();", ["step:make"]),
        ("let total: i64 = squares.iter().sum();\nassert!(total < 10, \"too much: {total}\");", ["step:add", "prev:make"]),
    ]
    notebook = nbformat.v4.new_notebook()
    for source, tags in cells:
        notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))
    notebook.metadata.kernelspec = {"name": "oxikale", "display_name": "Rust (Oxikale)", "language": "rust"}
    nbformat.write(notebook, folder / "sum.ipynb")
    client = start_kernel(JPY_SESSION_NAME=str(folder / "sum.ipynb")).client()
    assert "add" in plain(client.run("%pipeline graph").ok())
    client.run("%pipeline run").ok()
    failed = client.run("%pipeline run -p n=5")
    assert failed.status == "error" and "too much: 30" in failed.content["evalue"]
    assert "squares" in plain(client.run("%pull latest add").ok())
    assert client.run("squares").ok().result == "[0, 1, 4, 9, 16]"
    assert "failed" in plain(client.run("%pipeline runs").ok())
