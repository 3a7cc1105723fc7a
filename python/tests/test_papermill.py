"""Papermill itself, with this package installed beside it."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillException

CELL = """\
let lr: f64 = 0.1; // the learning rate
let mut names: Vec<String> = vec![];
let epochs = 3;"""


def notebook(folder, *cells, language="rust", kernel="oxikale"):
    """A file with code cells, each of tags and text."""
    nb = nbformat.v4.new_notebook()
    nb.metadata.kernelspec = {"name": kernel, "display_name": "Rust (Oxikale)", "language": language}
    nb.metadata.language_info = {"name": language}
    for tags, text in cells:
        nb.cells.append(nbformat.v4.new_code_cell(text, metadata={"tags": tags}))
    path = folder / "notebook.ipynb"
    nbformat.write(nb, path)
    return path


def prepared(path, parameters, **options):
    """The injected cell."""
    out = path.with_name("out.ipynb")
    papermill.execute_notebook(path, out, parameters, prepare_only=True, progress_bar=False, **options)
    cells = nbformat.read(out, as_version=4).cells
    return next(cell.source for cell in cells if "injected-parameters" in cell.metadata.tags)


@pytest.mark.parametrize("language", ["rust", "Rust"])
def test_the_injected_cell_keeps_types(tmp_path, language):
    path = notebook(tmp_path, (["parameters"], CELL), ([], "lr"), language=language, kernel="rust")
    text = prepared(path, {"lr": 1, "names": ["a"], "new": 5})
    assert text.splitlines() == [
        "// Parameters",
        "let lr: f64 = 1.0;",
        'let mut names: Vec<String> = vec!["a".to_string()];',
        "let new = 5;",
    ]


@pytest.mark.parametrize("engine", [None, "nbclient", "oxikale"])
def test_every_name_of_the_engine_has_it(tmp_path, engine):
    path = notebook(tmp_path, (["parameters"], CELL))
    assert "let lr: f64 = 1.0;" in prepared(path, {"lr": 1}, engine_name=engine)


def test_one_notebook_does_not_speak_for_the_next(tmp_path):
    prepared(notebook(tmp_path, (["parameters"], CELL)), {"lr": 1})
    assert prepared(notebook(tmp_path, ([], "1")), {"lr": 1}) == "// Parameters\nlet lr = 1;\n"


def test_other_languages_are_as_before(tmp_path):
    path = notebook(tmp_path, (["parameters"], "lr = 0.1"), language="python", kernel="python3")
    assert prepared(path, {"lr": 1}) == "# Parameters\nlr = 1\n"


def test_what_cannot_be_written_ends_papermill_before_anything_runs(tmp_path):
    path = notebook(tmp_path, (["parameters"], CELL))
    with pytest.raises(PapermillException, match="the parameter `'lr'` cannot be that: `'x'` is not a number"):
        prepared(path, {"lr": "x"})
    with pytest.raises(PapermillException, match="its name is none of Rust's"):
        prepared(path, {"lr: u8 = 1; panic!()//": 1})
    with pytest.raises(PapermillException, match="cannot be read"):
        prepared(notebook(tmp_path, (["parameters"], 'let lr = "')), {"lr": 1})


def test_kales_tag_alone_is_warned_of(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="papermill"):
        prepared(notebook(tmp_path, (["pipeline-parameters"], CELL)), {"lr": 1})
    assert "Give the cell both tags" in caplog.text


def test_parameters_are_told(tmp_path):
    path = notebook(tmp_path, (["parameters"], CELL))
    assert papermill.inspect_notebook(path) == {
        "lr": {"name": "lr", "inferred_type_name": "f64", "default": "0.1", "help": "the learning rate"},
        "names": {"name": "names", "inferred_type_name": "Vec<String>", "default": "vec![]", "help": ""},
        "epochs": {"name": "epochs", "inferred_type_name": "i32", "default": "3", "help": ""},
    }
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "--help-notebook", path], capture_output=True, text=True, check=False
    )
    assert "lr: f64 (default 0.1)" in done.stdout and "the learning rate" in done.stdout, done


def test_the_command_line_writes_what_the_engine_runs(tmp_path):
    program = os.environ.get("OXIKALE") or shutil.which("oxikale")
    if not program:
        pytest.skip("there is no oxikale")
    path = notebook(tmp_path, (["parameters"], CELL), ([], 'println!("{lr:?} {names:?} {epochs}");'))
    out = tmp_path / "out.ipynb"
    arguments = ["-p", "lr", "2", "-y", 'names: ["a", "b\\"c"]', "-p", "epochs", "7", "--prepare-only"]
    subprocess.run([sys.executable, "-m", "papermill", path, out, *arguments], check=True, capture_output=True)
    env = {**os.environ, "OXIKALE_DATA": str(tmp_path / "data")}
    subprocess.run([Path(program).resolve(), "exec", out, "--stop-on-error"], check=True, capture_output=True, env=env)
    outputs = nbformat.read(out, as_version=4).cells[-1].outputs
    assert "".join(output.text for output in outputs) == '2.0 ["a", "b\\"c"] 7\n'
