"""The notebooks in `notebooks/` as they are stored: to be read without running them, and to be run as they are."""

import json
import re

import nbformat
import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LARGEST = 300_000
# Folders of the machine on which a notebook was run.
PLACES = re.compile(r"/(?:root|home|Users|tmp|work)/")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def book(path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_is_a_notebook_for_the_kernel(book):
    nbformat.validate(book)
    assert (book.nbformat, book.nbformat_minor) == (4, 5)
    kernel = book.metadata.kernelspec
    assert (kernel.name, kernel.display_name, kernel.language) == ("oxikale", "Rust (Oxikale)", "rust")


def test_cells_have_ids_of_their_own(book):
    ids = [cell.id for cell in book.cells]
    assert len(set(ids)) == len(ids)


def test_nothing_stored_is_an_error(book):
    for cell in code_cells(book):
        assert not [output for output in cell.outputs if output.output_type == "error"], cell.source


def test_was_run_from_top_to_bottom(book):
    counts = [cell.execution_count for cell in code_cells(book)]
    # What is about the pipeline itself may have been left out.
    optional = ["skip" in cell.metadata.get("tags", []) for cell in code_cells(book)]
    assert all(count or skip for count, skip in zip(counts, optional))
    run = [count for count in counts if count]
    assert run == list(range(1, len(run) + 1))


def test_outputs_name_no_folder_of_the_machine(book):
    for cell in code_cells(book):
        found = PLACES.search(json.dumps(cell.outputs))
        assert not found, f"{found.group()} in the output of\n{cell.source}"


def test_is_small(path):
    assert path.stat().st_size < LARGEST


def test_crates_are_pinned(path, book):
    if any(re.search(r"^:dep ", cell.source, re.MULTILINE) for cell in code_cells(book)):
        assert path.with_suffix(".lock").is_file()


def test_is_listed(path):
    assert f"]({path.name})" in (ROOT / "notebooks" / "README.md").read_text()
