"""The measured notebooks: each is described once and written for both compilers.

A description is a list of :class:`Cell`: tags, the Rust source and its Python twin. Both notebooks of a
pair have the same cells, tags, steps, edges and variables; only the language differs.
"""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cell:
    """One code cell in both languages."""

    tags: tuple
    rust: str
    python: str


def cell(tags, rust, python):
    """A cell whose tags are given as one text, separated by spaces."""
    return Cell(tuple(tags.split()), rust, python)


IMPORTS = cell("imports", "use std::collections::BTreeMap;", "import json\nimport math")
PARAMETERS = cell("pipeline-parameters", "let start = 1.5;", "start = 1.5")
FUNCTIONS = cell(
    "functions",
    "fn advance(value: f64) -> f64 {\n    value + 1.0\n}",
    "def advance(value):\n    return value + 1.0",
)


def chain(steps):
    """``steps`` steps in a row, each of which adds one to its predecessor's number: steps + 3 code cells."""
    cells = [IMPORTS, FUNCTIONS, PARAMETERS]
    for index in range(steps):
        tags = f"step:s{index}" + (f" prev:s{index - 1}" if index else "")
        before = f"x{index - 1}" if index else "start"
        cells.append(cell(tags, f"let x{index} = advance({before});", f"x{index} = advance({before})"))
    return cells


def trivial(steps):
    """``steps`` steps in a row that do nothing of their own: each hands its predecessor's number on, plus one."""
    cells = []
    for index in range(steps):
        if index == 0:
            cells.append(cell("step:s0", "let x0 = 0_i64;", "x0 = 0"))
        else:
            cells.append(
                cell(
                    f"step:s{index} prev:s{index - 1}",
                    f"let x{index} = x{index - 1} + 1;",
                    f"x{index} = x{index - 1} + 1",
                )
            )
    return cells


def titanic_shaped():
    """Nine steps with the edges of the Titanic notebook: three in a row, five models side by side, a table.

    33 code cells, of which ten are exploratory (``skip``) and eleven are untagged and belong to the step above.
    """
    cells = [
        IMPORTS,
        cell(
            "functions",
            "fn mean(values: &[f64]) -> f64 {\n    values.iter().sum::<f64>() / values.len().max(1) as f64\n}\n\n"
            "fn scaled(rows: &[Vec<f64>], by: f64) -> Vec<Vec<f64>> {\n"
            "    rows.iter().map(|row| row.iter().map(|value| value * by).collect()).collect()\n}",
            "def mean(values):\n    return sum(values) / max(len(values), 1)\n\n\n"
            "def scaled(rows, by):\n    return [[value * by for value in row] for row in rows]",
        ),
        cell("pipeline-parameters", "let passengers = 891;", "passengers = 891"),
        cell(
            "step:loaddata",
            "let mut rows: Vec<Vec<f64>> = Vec::new();\nfor i in 0..passengers {\n"
            "    rows.push(vec![(i % 3) as f64, (i % 80) as f64, (i * 7 % 250) as f64, (i % 2) as f64]);\n}",
            "rows = []\nfor i in range(passengers):\n"
            "    rows.append([float(i % 3), float(i % 80), float(i * 7 % 250), float(i % 2)])",
        ),
        cell("", "let label: Vec<f64> = rows.iter().map(|row| row[3]).collect();", "label = [row[3] for row in rows]"),
    ]
    for index in range(10):
        column = index % 4
        cells.append(
            cell(
                "skip",
                f"let look{index}: Vec<f64> = rows.iter().map(|row| row[{column}]).collect();\n"
                f'println!("column {column}: {{:.3}}", mean(&look{index}));',
                f'look{index} = [row[{column}] for row in rows]\nprint(f"column {column}: {{mean(look{index}):.3f}}")',
            )
        )
    cells.append(
        cell(
            "step:datapreprocessing prev:loaddata",
            "let relatives: Vec<f64> = rows.iter().map(|row| row[0] + row[3]).collect();",
            "relatives = [row[0] + row[3] for row in rows]",
        )
    )
    for name, rust, python in [
        (
            "alone",
            "relatives.iter().map(|count| f64::from(*count == 0.0)).collect()",
            "[float(count == 0) for count in relatives]",
        ),
        ("ages", "rows.iter().map(|row| row[1].max(1.0)).collect()", "[max(row[1], 1.0) for row in rows]"),
        ("fares", "rows.iter().map(|row| row[2].floor()).collect()", "[math.floor(row[2]) for row in rows]"),
        (
            "decks",
            "rows.iter().map(|row| (row[2] / 40.0).floor()).collect()",
            "[math.floor(row[2] / 40) for row in rows]",
        ),
        ("ports", "rows.iter().map(|row| row[0] % 3.0).collect()", "[row[0] % 3 for row in rows]"),
    ]:
        cells.append(cell("", f"let {name}: Vec<f64> = {rust};", f"{name} = {python}"))
    cells.append(
        cell(
            "step:featureengineering prev:datapreprocessing",
            "let mut features: Vec<Vec<f64>> = Vec::new();\nfor i in 0..label.len() {\n"
            "    features.push(vec![ages[i], fares[i], decks[i], ports[i], relatives[i], alone[i]]);\n}",
            "features = []\nfor i in range(len(label)):\n"
            "    features.append([ages[i], fares[i], decks[i], ports[i], relatives[i], alone[i]])",
        )
    )
    for rust, python in [
        (
            "for row in features.iter_mut() {\n    row[0] = (row[0] / 11.0).floor().min(6.0);\n}",
            "for row in features:\n    row[0] = min(math.floor(row[0] / 11), 6)",
        ),
        (
            "for row in features.iter_mut() {\n    row[1] = (row[1] / 50.0).floor().min(5.0);\n}",
            "for row in features:\n    row[1] = min(math.floor(row[1] / 50), 5)",
        ),
        (
            "for row in features.iter_mut() {\n    let product = row[0] * row[3];\n    row.push(product);\n}",
            "for row in features:\n    row.append(row[0] * row[3])",
        ),
        ("let train = scaled(&features, 0.1);", "train = scaled(features, 0.1)"),
    ]:
        cells.append(cell("", rust, python))
    models = ["randomforest", "logisticregression", "naivebayes", "svm", "decisiontree"]
    for number, model in enumerate(models, start=1):
        cells.append(
            cell(
                f"step:{model} prev:featureengineering",
                f"let guess_{model}: Vec<f64> = train.iter().map(|row| f64::from(mean(row) > 0.{number})).collect();\n"
                f"let hits_{model} = guess_{model}.iter().zip(&label).filter(|(guess, truth)| guess == truth).count();\n"
                f"let acc_{model} = (hits_{model} as f64 / label.len() as f64 * 10000.0).round() / 100.0;",
                f"guess_{model} = [float(mean(row) > 0.{number}) for row in train]\n"
                f"hits_{model} = sum(guess == truth for guess, truth in zip(guess_{model}, label))\n"
                f"acc_{model} = round(hits_{model} / len(label) * 100, 2)",
            )
        )
    cells.append(
        cell(
            "step:results " + " ".join(f"prev:{model}" for model in models),
            "let mut table: BTreeMap<&str, f64> = BTreeMap::new();\n"
            + "\n".join(f'table.insert("{model}", acc_{model});' for model in models),
            "table = {}\n" + "\n".join(f'table["{model}"] = acc_{model}' for model in models),
        )
    )
    cells.append(
        cell(
            "",
            'for (model, score) in &table {\n    println!("{model:<20} {score:6.2}");\n}',
            'for model, score in sorted(table.items()):\n    print(f"{model:<20} {score:6.2f}")',
        )
    )
    return cells


def write(cells, language, name, folder):
    """Writes one of the twins (``rust`` or ``python``) as ``folder/name.language.ipynb`` and returns its path."""
    kernels = {
        "rust": {"display_name": "Rust", "language": "rust", "name": "rust"},
        "python": {"display_name": "Python 3", "language": "python", "name": "python3"},
    }
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{index}",
                "metadata": {"tags": list(item.tags)} if item.tags else {},
                "outputs": [],
                "source": getattr(item, language).splitlines(keepends=True),
            }
            for index, item in enumerate(cells)
        ],
        "metadata": {
            "kernelspec": kernels[language],
            "kubeflow_notebook": {
                "enable_caching": False,
                "experiment_name": "bench",
                "pipeline_description": "A measured notebook",
                "pipeline_name": name,
                "volumes": [],
            },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = Path(folder, f"{name}.{language}.ipynb")
    path.write_text(json.dumps(notebook, indent=1) + "\n")
    return path
