"""Notebooks as programs run them: nbclient, `jupyter nbconvert --execute` and papermill."""

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import nbclient
import nbformat
import pytest

from cells import ROOT
from client import PATIENCE

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# A notebook's crates are compiled the first time.
COMPILING = max(600, PATIENCE)

PARAMETERS = """\
let rate: f64 = 0.5;
let names: Vec<String> = vec!["one".into()];"""


def errors(notebook):
    """What went wrong in the cells, by the stored outputs."""
    return [
        f"cell {at}: {output.ename}: {output.evalue[:300]}"
        for at, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]


def kinds(cell):
    """The kinds of a cell's outputs: the streams, and the MIME types of what was shown."""
    return {
        kind
        for output in cell.get("outputs", [])
        for kind in ([output.name] if output.output_type == "stream" else output.get("data", {}))
    }


def text(notebook):
    """What all cells wrote, and their results."""
    parts = [
        output.text if output.output_type == "stream" else output.data["text/plain"] + "\n"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" or "text/plain" in output.get("data", {})
    ]
    return "".join(parts)


@pytest.fixture
def write(folder, subject):
    """Writes a notebook for this kernel, each cell of tags and text."""

    def write(*cells, name="made.ipynb"):
        notebook = nbformat.v4.new_notebook()
        notebook.metadata.kernelspec = {
            "name": subject.kernel_name,
            "display_name": subject.spec["display_name"],
            "language": "rust",
        }
        notebook.metadata.language_info = {"name": "rust"}
        for tags, source in cells:
            notebook.cells.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags} if tags else {}))
        path = folder / name
        nbformat.write(notebook, path)
        return path

    return write


@pytest.fixture
def command(subject, folder, env):
    """Runs one of Jupyter's commands to its successful end, and returns what it said."""
    started = []

    def command(name, *arguments, **more):
        process = subject.jupyter(
            name,
            *arguments,
            env={**env, **more},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        said, _ = process.communicate(timeout=3 * PATIENCE)
        assert process.returncode == 0, f"{name} {arguments} ends with {process.returncode}:\n{said[-3000:]}"
        return said

    yield command
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def python_package(folder):
    """A folder for PYTHONPATH in which this checkout's Python package counts as installed."""
    project = tomllib.loads((ROOT / "python" / "pyproject.toml").read_text("utf-8"))["project"]
    site = folder / "site"
    info = site / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", "utf-8"
    )
    return os.pathsep.join([str(site), str(ROOT / "python")])


@pytest.mark.own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_hold_no_errors(path):
    assert not errors(nbformat.read(path, as_version=4))


@pytest.mark.own
@pytest.mark.timeout(2 * COMPILING)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_of_this_repository_runs(subject, folder, env, monkeypatch, path):
    # Its crates are in folders beside its own; the copy keeps what it writes out of the repository.
    for crate in ("oxikale", "solvers", "reference_notebooks"):
        (folder / crate).symlink_to(ROOT / crate)
    copy = folder / "notebooks" / path.name
    shutil.copytree(path.parent, copy.parent, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))

    stored = nbformat.read(copy, as_version=4)
    notebook = nbformat.read(copy, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    monkeypatch.setenv("JUPYTER_PATH", str(subject.jupyter_path))
    client = nbclient.NotebookClient(
        notebook,
        timeout=COMPILING,
        startup_timeout=int(PATIENCE),
        kernel_name=subject.kernel_name,
        resources={"metadata": {"path": str(copy.parent)}},
    )
    # As Jupyter's server tells a kernel which notebook it is for.
    client.execute(env={**env, "JPY_SESSION_NAME": str(copy)})

    assert not errors(notebook)
    for at, (before, after) in enumerate(zip(stored.cells, notebook.cells, strict=True)):
        missing = kinds(before) - kinds(after)
        assert not missing, f"cell {at} has no {sorted(missing)} any more:\n{before.source[:300]}"


@pytest.mark.feature("jupyter nbconvert --execute")
def test_nbconvert_executes(write, command, folder):
    path = write(([], "let words = vec![\"a\", \"b\"];"), ([], "words.len() * 21"))
    command("nbconvert", "--to", "notebook", "--execute", "--output", "done", path)
    done = nbformat.read(folder / "done.ipynb", as_version=4)
    assert text(done) == "42\n"
    assert [cell.execution_count for cell in done.cells] == [1, 2]


@pytest.mark.feature("papermill runs notebooks")
def test_papermill_without_parameters(write, command, folder):
    path = write((["parameters"], PARAMETERS), ([], 'println!("{rate:?} {names:?}");'))
    command("papermill", path, "out.ipynb")
    assert text(nbformat.read(folder / "out.ipynb", as_version=4)) == '0.5 ["one"]\n'


@pytest.mark.own
def test_papermill_with_parameters(write, command, folder, python_package):
    path = write((["parameters"], PARAMETERS), ([], 'println!("{rate:?} {names:?}");'))
    arguments = ["-p", "rate", "2", "-y", 'names: ["two", "a \\"quote\\""]']
    command("papermill", path, "out.ipynb", *arguments, PYTHONPATH=python_package)
    assert text(nbformat.read(folder / "out.ipynb", as_version=4)) == '2.0 ["two", "a \\"quote\\""]\n'


@pytest.mark.feature("papermill tells of errors")
def test_papermill_ends_at_the_cell_that_fails(write, subject, folder, env):
    path = write(([], "let n = 1;"), ([], 'panic!("on purpose");'), ([], "n"))
    process = subject.jupyter(
        "papermill",
        path,
        "out.ipynb",
        env=env,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said, _ = process.communicate(timeout=3 * PATIENCE)
    assert process.returncode, "papermill has not seen the error"
    assert "on purpose" in said, said[-2000:]
    done = nbformat.read(Path(folder, "out.ipynb"), as_version=4)
    assert any("on purpose" in error for error in errors(done))
    # Papermill puts a cell in front that says where the error is.
    assert not done.cells[-1].outputs, "the cell after the error ran"
