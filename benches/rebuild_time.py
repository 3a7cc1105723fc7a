"""Rebuilding the program after an edit of one cell, beside `cargo build` of the same package by hand."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import notebooks
from processes import Failed, Series, measure
from setting import ROOT


def marked(notebook, number, target):
    """Copies a notebook with one line in front of the first step's code that prints ``number``."""
    book = json.loads(Path(notebook).read_text())
    for item in book["cells"]:
        tags = item.get("metadata", {}).get("tags", [])
        if item["cell_type"] == "code" and any(tag.startswith(("step:", "block:")) for tag in tags):
            source = "".join(item["source"])
            lines = source.splitlines(keepends=True)
            directives = sum(1 for line in lines if line.startswith(":"))
            lines.insert(directives, f'println!("edition {number}");\n')
            item["source"] = lines
            break
    else:
        raise Failed(f"{notebook}: has no step")
    target.write_text(json.dumps(book))
    return target


def edit(package, number):
    """Writes another number into the generated sources, as somebody with an editor would."""
    for source in sorted(package.rglob("*.rs")):
        text = source.read_text()
        changed = re.sub(r"edition 7\d{6}", f"edition {number}", text)
        if changed != text:
            source.write_text(changed)
            return
    raise Failed(f"{package}: the marked line is in no source file of the generated package")


def by_hand(package, target):
    """The `cargo build` that makes the same program: the release profile, a target folder of its own."""
    locked = ["--locked"] if (package / "Cargo.lock").exists() else []
    return ["cargo", "build", "--quiet", "--release", *locked, "--target-dir", str(target)]


def build(setting, notebook):
    """One `oxikale build --json`: its usage and its answer."""
    usage = measure([setting.oxikale, "build", notebook, "--json"], cwd=setting.work, env=setting.ours())
    return usage, json.loads(usage.stdout)


def pairs(setting, source):
    """Edits in turn: through our command, and in the generated package with cargo alone.

    Both sides have built everything once before the first measured edit. Returns (ours, cargo's) as series.
    """
    notebook = setting.work / "edited.ipynb"
    number = 7000000
    _, answer = build(setting, marked(source, number, notebook))
    # Each notebook's package has a folder of its own.
    package = Path(tempfile.mkdtemp(dir=setting.work)) / "package"
    shutil.copytree(answer["package"], package, ignore=shutil.ignore_patterns("target"))
    target = package.parent / "cargo-target"
    command = by_hand(package, target)
    measure(command, cwd=package, limit=1800)
    mine, cargo = [], []
    for turn in range(setting.rounds + 1):
        number += 1
        marked(source, number, notebook)
        ours, _ = build(setting, notebook)
        edit(package, number)
        theirs = measure(command, cwd=package)
        if turn:
            mine.append(ours)
            cargo.append(theirs)
    return Series(tuple(mine)), Series(tuple(cargo))


def sources(setting):
    """The notebooks whose rebuild is measured: label → path."""
    found = {"nine steps, no crates": notebooks.write(notebooks.titanic_shaped(), "rust", "nine-edit", setting.work)}
    titanic = ROOT / "reference_notebooks" / "titanic.ipynb"
    if titanic.exists():
        found["reference_notebooks/titanic.ipynb"] = titanic
    return found
