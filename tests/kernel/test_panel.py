"""The comms of a panel: the pipeline, what is wrong with a cell while it is typed, and what the notebook holds."""

import time
import uuid

import nbformat
import pytest

from client import PATIENCE, PROMPT

pytestmark = pytest.mark.own


class Comm:
    """The front end's side of a comm."""

    def __init__(self, client, target):
        self.client, self.id = client, uuid.uuid4().hex
        client.send("comm_open", {"comm_id": self.id, "target_name": target, "data": {}})

    def send(self, **data):
        """Sends data; the id of the message is returned."""
        return self.client.send("comm_msg", {"comm_id": self.id, "data": data})

    def answer(self, msg_id, wanted=lambda data: True, within=PATIENCE):
        """The data of the first answer that is wanted."""
        return self.client.output(
            msg_id, "comm_msg", lambda content: content["comm_id"] == self.id and wanted(content["data"]), within
        )["content"]["data"]

    def end(self, **data):
        """Sends data and returns the answer that ends the action."""
        return self.answer(self.send(**data), lambda answer: answer.get("event") in ("done", "error"))


def write(path, *cells):
    """A notebook of cells with tags."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    notebook.metadata.kernelspec = {"name": "oxikale", "display_name": "Rust (Oxikale)", "language": "rust"}
    nbformat.write(notebook, path)


@pytest.fixture
def panel(client, folder):
    """The comm of a pipeline of two steps, whose notebook the panel has named."""
    write(
        folder / "two.ipynb",
        ("let n = 3;", ["pipeline-parameters"]),
        ("let squares: Vec<i64> = (0..n).map(|x| x * x).collect();", ["step:make"]),
        ('println!("the sum is {}", squares.iter().sum::<i64>());', ["step:add", "prev:make"]),
    )
    Comm(client, "oxikale.notebook").send(path=str(folder / "two.ipynb"))
    return Comm(client, "oxikale.pipeline")


def test_the_graph_comes_with_its_findings(panel, folder):
    answer = panel.end(request=1, action="graph")
    assert answer["request"] == 1 and answer["svg"].startswith("<svg") and answer["diagnostics"] == []
    write(folder / "wrong.ipynb", ("let a = b;", ["step:one", "prev:none"]))
    wrong = panel.end(request=2, action="graph", path=str(folder / "wrong.ipynb"))
    assert any(finding["severity"] == "error" and finding["labels"] for finding in wrong["diagnostics"])


def test_tags_and_steps_are_suggested(panel):
    answer = panel.end(request="t", action="tags")
    assert "skip" in answer["words"] and "step" in answer["prefixes"] and answer["steps"] == ["make", "add"]


def test_a_run_is_watched_and_its_log_is_read(panel):
    msg_id = panel.send(request=3, action="run", parameters={"n": 4})
    seen = panel.answer(msg_id, lambda data: data["event"] == "run" and data["state"] == "succeeded")
    assert "<svg" in seen["svg"] and set(seen["statuses"]) == {"make", "add"}
    done = panel.answer(msg_id, lambda data: data["event"] == "done")
    assert done["run"]["arguments"] == {"n": 4}
    log = panel.end(request=4, action="logs", run=done["run"]["id"], step="add")
    assert log["log"] == "the sum is 14\n"
    runs = panel.end(request=5, action="runs")["runs"]
    assert [entry["run"]["id"] for entry in runs] == [done["run"]["id"]]
    resumed = panel.end(request=6, action="resume")
    assert resumed["run"]["resumed_from"] == done["run"]["id"]


def test_a_run_is_cancelled(client, folder):
    write(folder / "long.ipynb", ("std::thread::sleep(std::time::Duration::from_secs(1000));", ["step:sleep"]))
    panel = Comm(client, "oxikale.pipeline")
    msg_id = panel.send(request=7, action="run", path=str(folder / "long.ipynb"))
    panel.answer(msg_id, lambda data: data["event"] == "run" and data["statuses"]["sleep"]["state"] == "running")
    panel.send(request=7, action="cancel")
    ended = panel.answer(msg_id, lambda data: data["event"] in ("done", "error"))
    assert ended["run"]["state"] == "cancelled"


def test_what_cannot_be_done_is_told(panel):
    assert "no action" in panel.end(request=8, action="fly")["message"]
    assert "nowhere.ipynb" in panel.end(request=9, action="graph", path="nowhere.ipynb")["message"]


def test_mistakes_are_told_while_a_cell_is_typed(client):
    client.run("let count = 5_u8;").ok()
    comm = Comm(client, "oxikale.diagnostics")
    source = "let ä = 1;\nlet text: String = count;"
    end = time.monotonic() + PATIENCE
    while True:
        answer = comm.answer(comm.send(cell="c", version=2, source=source), within=PROMPT)
        assert (answer["cell"], answer["version"]) == ("c", 2)
        # The process that knows starts with the first question, which has no answer then.
        if answer["diagnostics"] is not None:
            break
        assert time.monotonic() < end, "no diagnostics"
    mistake = next(one for one in answer["diagnostics"] if one["severity"] == "error")
    assert source[mistake["start"] : mistake["end"]] == "count"


def test_the_next_cell_is_compiled_before_it_is_run(client):
    first, second = "let base = 40;", f"let sum = base + {time.time_ns() % 1000};\nsum"
    comm = Comm(client, "oxikale.notebook")
    cells = [{"id": "1", "type": "code", "source": first}, {"id": "2", "type": "code", "source": second}]
    client.until_idle(comm.send(cells=cells), PROMPT)
    client.run(first).ok()
    assert client.run(second).ok().reply["metadata"]["oxikale"]["cached"] is True
