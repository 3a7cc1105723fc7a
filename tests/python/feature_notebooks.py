"""The notebooks of these tests, written cell by cell."""

import json
from pathlib import Path


def code(source, *tags):
    """A code cell."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(tags)} if tags else {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def text(source):
    """A Markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def write(path, cells, **settings):
    """Writes a notebook with `settings` as its `kubeflow_notebook` metadata; returns its path."""
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    book = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"},
            "kubeflow_notebook": settings,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = Path(path)
    path.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n")
    return path


# What YAML 1.1 or 1.2 reads as something else than text where a writer forgets its quotes, or cannot hold plainly.
HAZARDS = [
    "yes", "No", "on", "OFF", "y", "null", "~", "", "true", "=", "<<", "0o17", "017", "0x1F", "1_000", "1e3", ".inf",
    ".nan", "-.INF", "2026-01-01", "2026-01-01T10:00:00Z", "12:34:56", "190:20:30", "- a", "-", "--- x", "...", "a: b",
    "a #b", "#x", ": x", "? x", " lead", "trail ", "one\ntwo\n", "one\n\n\ntwo", "\n", "\ttab", "it's", 'say "hi"',
    "back\\slash", "\\n", "é😀漢", "%x", "@y", "`z`", "!tag", "!!int 3", "&a", "*b", "|", ">", "[a]", "{a: b}", "a,b",
    "\u0085next", "\u2028line", "\ufefffeff", "\x1b[1m", "\x7f", "\x01", "x" * 5000, "word " * 200, "'", '"', "\r\n", "a\r",
]  # fmt: skip

TITLE = 'it\'s "quoted": yes # no\n\tback\\slash é😀 - {x} {{y}} %z'


def every_feature(path):
    """A notebook with everything that a pipeline can be told."""
    return write(
        path,
        [
            text("# Every feature"),
            code("use std::collections::BTreeMap;", "imports"),
            code("fn twice(x: f64) -> f64 {\n    2.0 * x\n}", "functions"),
            code(
                "let rate = 0.25;\nlet count = -3;\nlet title = " + rust_text(TITLE) + ";\nlet quick = true;\n"
                'let sizes = vec![1, 2, 3];\nlet weights = BTreeMap::from([("a", 0.5), ("yes", -1.0)]);',
                "pipeline-parameters",
            ),
            code(
                "let numbers: Vec<f64> = sizes.iter().map(|size| f64::from(*size) * rate).collect();\n"
                'println!("{title} {quick} {weights:?}");',
                "step:Load-Data",
                "limit:nvidia.com/gpu:2",
                "limit:cpu:1500m",
                "limit:memory:2Gi",
                "request:cpu:250m",
                "request:memory:512Mi",
                "retry:3:10s:2:5m",
                "timeout:1h30m",
                *(f"env:HAZARD_{index}:{value}" for index, value in enumerate(HAZARDS)),
                "secret:db:password:DB_PASSWORD",
                "secret:db:user-name:DB_USER",
                "secret:other.secret:token:TOKEN",
                "volume:scratch-claim:/scratch",
                "toleration:gpu:yes:NoSchedule",
                "toleration:spot",
                "node:kubernetes.io/arch:amd64",
                "node:disk:on",
                "label:app.kubernetes.io/name:oxikale",
                "label:version:1.0",
                "annotation:example.com/url:http://x:80/y?a=b&c",
                'annotation:example.com/quote:say "hi", it\'s: yes # no',
                'annotation:example.com/json:{"a": [1, 2], "b": null}',
                "image:registry.example.com:5000/team/image:1.2",
                "cache:disabled",
                "report:disabled",
            ),
            code("let mut total = 0.0;", "step:type_", "prev:Load-Data"),
            code(
                "for number in &numbers {\n    total += twice(*number);\n}\nlet r#match = total * f64::from(count);\nlet größe = numbers.len();"
            ),
            code("let best = r#match.abs() + größe as f64;\nbest", "step:_9_final_STEP", "prev:type_", "cache:enabled"),
            code('println!("nothing flows in here");', "step:lonely"),
            code("best", "pipeline-metrics"),
        ],
        pipeline_name="every-feature",
        pipeline_description=TITLE,
        experiment_name="conformance",
        base_image="debian:12-slim",
        enable_caching=True,
        volumes=[
            {"name": "shared-claim", "mount_point": "/shared_volume/", "type": "pvc", "expose_as_env_var": True},
            {"name": "plain", "mount_point": "/plain", "type": "pvc", "size": 1, "annotations": [], "snapshot": False},
        ],
        steps_defaults=["label:team:optimisation", "limit:memory:1Gi"],
        security_context={"enabled": True, "run_as_user": 65534, "run_as_group": 0, "run_as_non_root": True},
    )


def rust_text(value):
    """A Rust string literal."""
    quoted = "".join(
        {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}.get(character, character) for character in value
    )
    return f'"{quoted}"'


def every_kind(path):
    """A notebook that hands on one variable of every kind that steps can hand on, and checks each on arrival."""
    return write(
        path,
        [
            code(
                ':dep ndarray = "0.17"\nuse std::collections::{BTreeMap, HashMap};\n'
                "use ndarray::{Array0, Array1, Array2, Array3, ArrayD, IxDyn, array};",
                "imports",
            ),
            code(
                "#[derive(Debug, Clone, PartialEq)]\nstruct Point {\n    x: f64,\n    y: f64,\n}\n\n"
                "#[derive(Debug, Clone, PartialEq)]\nenum Shape {\n    Nothing,\n    Dot(Point),\n"
                "    Circle { center: Point, radius: f32 },\n}\n\n"
                "#[derive(Debug, Clone, PartialEq)]\nstruct Scene {\n    title: String,\n    shapes: Vec<Shape>,\n"
                "    parent: Option<Box<Scene>>,\n    wide: u128,\n}",
                "functions",
            ),
            code(
                "let int = -7_i64;\nlet byte = 255_u8;\nlet wide = i128::MIN;\nlet widest = u128::MAX;\nlet real = 0.1;\n"
                "let single = 0.1_f32;\nlet nan = f64::NAN;\nlet inf = f64::INFINITY;\nlet minus_inf = f32::NEG_INFINITY;\n"
                'let tiny = 5e-324_f64;\nlet flag = true;\nlet letter = \'ß\';\nlet word = "it\'s \\"é😀\\"\\n";\n'
                'let owned = String::from("\\u{0}\\u{1f}\\\\");\nlet greatest = u64::MAX;',
                "step:make",
            ),
            code(
                'let some = Some(3_u8);\nlet none: Option<u8> = None;\nlet pair = (1_i32, "two".to_string(), 3.5_f64);\n'
                "let reals = vec![1.5, f64::NAN, f64::NEG_INFINITY];\n"
                'let map = BTreeMap::from([("a".to_string(), vec![1_i64, 2]), ("yes".to_string(), vec![])]);\n'
                "let numbered: HashMap<i64, f64> = HashMap::from([(-1, 0.5)]);\n"
                'let scene = Scene {\n    title: "all".into(),\n    shapes: vec![Shape::Nothing, Shape::Dot(Point { x: 1.0, y: -0.0 }), '
                "Shape::Circle { center: Point { x: f64::INFINITY, y: 2.0 }, radius: 0.5 }],\n"
                "    parent: Some(Box::new(Scene { title: String::new(), shapes: Vec::new(), parent: None, wide: 1 })),\n"
                "    wide: u128::MAX,\n};"
            ),
            code(
                "let scalar: Array0<f64> = Array0::from_elem((), 2.5);\nlet row: Array1<f64> = array![1.0, f64::NAN, f64::INFINITY];\n"
                "let table: Array2<f32> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];\n"
                "let turned: Array2<f32> = table.t().to_owned();\n"
                "let cube: Array3<i64> = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (100 * i + 10 * j + k) as i64);\n"
                "let mask: Array1<bool> = array![true, false, true];\nlet bytes: Array1<u8> = array![0, 255];\n"
                "let empty: Array2<f64> = Array2::zeros((0, 3));\n"
                "let free: ArrayD<u64> = ArrayD::from_elem(IxDyn(&[2, 1, 2]), u64::MAX);"
            ),
            code(
                "assert_eq!((int, byte, wide, widest, greatest), (-7, 255, i128::MIN, u128::MAX, u64::MAX));\n"
                "assert!(real == 0.1 && single == 0.1 && tiny == 5e-324 && flag && letter == 'ß');\n"
                "assert!(nan.is_nan() && inf == f64::INFINITY && minus_inf == f32::NEG_INFINITY);\n"
                'assert_eq!((&word[..], &owned[..]), ("it\'s \\"é😀\\"\\n", "\\u{0}\\u{1f}\\\\"));\n'
                'assert_eq!((some, none, pair), (Some(3), None, (1, "two".to_string(), 3.5)));\n'
                "assert!(reals[0] == 1.5 && reals[1].is_nan() && reals[2] == f64::NEG_INFINITY);\n"
                'assert_eq!((map["a"].len(), numbered[&-1]), (2, 0.5));\n'
                "assert_eq!((scene.wide, scene.shapes.len(), scene.parent.map(|parent| parent.wide)), (u128::MAX, 3, Some(1)));\n"
                "assert_eq!((scalar.sum(), row.len(), table[[1, 0]], turned[[0, 1]], cube[[1, 2, 3]]), (2.5, 3, 4.0, 4.0, 123));\n"
                "assert_eq!((mask[1], bytes[1], empty.dim(), free.shape().len()), (false, 255, (0, 3), 3));\n"
                'println!("everything arrived");',
                "step:take",
                "prev:make",
            ),
        ],
        pipeline_name="every-kind",
        experiment_name="conformance",
    )


def with_parameters(path):
    """A small notebook with parameters, a metric and an order between steps, for KFP's own runner."""
    return write(
        path,
        [
            code('let rate = 0.5;\nlet count = 4;\nlet title = "plain";\nlet quick = false;', "pipeline-parameters"),
            code(
                'let series: Vec<f64> = (0..count).map(|i| f64::from(i) * rate).collect();\nlet label = format!("{title}/{quick}");',
                "step:make",
            ),
            code('let total: f64 = series.iter().sum();\nprintln!("{label}: {total}");', "step:sum", "prev:make"),
            code('let report = format!("{label} = {total}");\nreport', "step:tell", "prev:sum"),
            code("total", "pipeline-metrics"),
        ],
        pipeline_name="with-parameters",
        experiment_name="conformance",
    )
