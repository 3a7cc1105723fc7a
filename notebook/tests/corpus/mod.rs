//! Notebook files in the layouts that are found in the wild.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// How a file is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// White space of one level; nothing for all on one line.
    pub indent: Option<&'static str>,
    pub final_newline: bool,
    pub ascii: bool,
    pub crlf: bool,
    pub reversed_keys: bool,
    pub byte_order_mark: bool,
    pub source_as_string: bool,
}

/// Every layout.
pub fn layouts() -> Vec<Layout> {
    let mut layouts = Vec::new();
    for indent in [None, Some(""), Some(" "), Some("  "), Some("    "), Some("\t")] {
        for bits in 0..64_u32 {
            let bit = |index: u32| bits >> index & 1 == 1;
            layouts.push(Layout {
                indent,
                final_newline: bit(0),
                ascii: bit(1),
                crlf: bit(2),
                reversed_keys: bit(3),
                byte_order_mark: bit(4),
                source_as_string: bit(5),
            });
        }
    }
    layouts
}

/// A notebook with what a real one has: three kinds of cells, tags, outputs, characters beyond ASCII.
pub fn notebook() -> Value {
    json!({
        "cells": [
            {"cell_type": "markdown", "id": "a1", "metadata": {}, "source": "# Título\nñandú 😀"},
            {"cell_type": "code", "execution_count": 3, "id": "b2",
             "metadata": {"tags": ["step:load", 7, "prev:x"], "collapsed": false},
             "outputs": [
                {"name": "stdout", "output_type": "stream", "text": ["a\n", "b \"quoted\" \\ é\n"]},
                {"data": {"text/html": "<b>1</b>", "text/plain": "1"}, "execution_count": 3, "metadata": {},
                 "output_type": "execute_result"}],
             "source": "let x = 1;\nlet s = \"ñ\\n\";\n"},
            {"cell_type": "raw", "id": "c3", "metadata": {"format": "text/latex"}, "source": ""},
            {"cell_type": "code", "execution_count": null, "id": "d4", "metadata": {}, "outputs": [], "source": "x"},
            {"cell_type": "diagram", "id": "e5", "metadata": {"tags": []}, "source": "?", "unknown": [1, {"a": 1.50}]}
        ],
        "metadata": {
            "kernelspec": {"display_name": "Rust", "language": "rust", "name": "oxikale"},
            "kubeflow_notebook": {"docker_image": "", "volumes": []}
        },
        "nbformat": 4,
        "nbformat_minor": 5,
        "extra": {"kept": true}
    })
}

/// The file of `notebook` in this layout.
pub fn text(notebook: &Value, layout: Layout) -> String {
    let mut notebook = notebook.clone();
    if !layout.source_as_string {
        for cell in notebook["cells"].as_array_mut().expect("cells") {
            let source = cell["source"].as_str().expect("source").to_owned();
            cell["source"] = source.split_inclusive('\n').collect();
        }
    }
    if layout.reversed_keys {
        notebook = reversed(&notebook);
    }
    let mut text = match layout.indent {
        None => notebook.to_string(),
        Some(indent) => {
            let mut bytes = Vec::new();
            let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            notebook
                .serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))
                .expect("a value can be written");
            String::from_utf8(bytes).expect("JSON is UTF-8")
        }
    };
    if layout.ascii {
        text = text
            .chars()
            .map(|character| {
                if character.is_ascii() {
                    return character.to_string();
                }
                character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            })
            .collect();
    }
    if layout.crlf {
        text = text.replace('\n', "\r\n");
    }
    if layout.final_newline {
        text.push_str(if layout.crlf { "\r\n" } else { "\n" });
    }
    if layout.byte_order_mark {
        text.insert(0, '\u{feff}');
    }
    text
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(reversed).collect(),
        Value::Object(members) => Value::Object(
            members.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}
