#!/usr/bin/env python3
"""Runs notebooks in the kernel `oxikale` and stores their outputs in them.

    scripts/store_outputs.py notebooks/tour.ipynb …

Needs the kernel (`oxikale kernel install`) and the packages nbclient and nbformat. What differs from run to run (times) is
not stored, and a notebook that fails stays as it is.
"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(path):
    book = nbformat.read(path, as_version=4)
    # By this name a cell finds the notebook in which it stands.
    os.environ["JPY_SESSION_NAME"] = str(path)
    NotebookClient(
        book,
        kernel_name="oxikale",
        timeout=1800,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    for cell in book.cells:
        if cell.cell_type == "code" and cell.source.lstrip().startswith(("%time", "%%time")):
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    # The kernel's own account of the language, versions included, is nothing to keep.
    book.metadata.language_info = {"file_extension": ".rs", "mimetype": "text/rust", "name": "rust"}
    nbformat.write(book, path)


for argument in sys.argv[1:]:
    print(argument, flush=True)
    run(Path(argument).resolve())
