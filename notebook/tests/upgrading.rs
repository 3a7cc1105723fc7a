//! Notebooks of nbformat 3.

use oxikale_notebook::{CellKind, Notebook};
use serde_json::{Map, Value, json};

const OLD: &str = r##"{"metadata": {"name": "Old", "signature": "sha256:1", "kale": [1]}, "nbformat": 3, "nbformat_minor": 0,
 "worksheets": [
  {"cells": [
    {"cell_type": "heading", "level": 2, "metadata": {}, "source": ["A", " title\n", "more"]},
    {"cell_type": "code", "collapsed": true, "input": ["let x = 1;\n", "x"], "language": "rust", "metadata": {"tags": ["step:a"]},
     "outputs": [
      {"output_type": "pyout", "prompt_number": 4, "text": ["1"], "html": "<b>1</b>", "metadata": {"html": {"a": 1}}},
      {"output_type": "display_data", "png": "aGk=", "json": "{\"a\": [1]}"},
      {"output_type": "stream", "stream": "stderr", "text": "oh\n"},
      {"output_type": "stream", "text": "out\n"},
      {"output_type": "pyerr", "ename": "E", "evalue": "v", "traceback": ["t"]}],
     "prompt_number": 4, "custom": "kept"}],
   "metadata": {"w": 1}},
  {"cells": [
    {"cell_type": "html", "source": "<i>x</i>"},
    {"cell_type": "raw", "source": "raw"},
    {"cell_type": "plot", "source": "p"},
    {"cell_type": "code", "input": "y", "language": "python", "outputs": []}], "metadata": {}}],
 "user_save_timestamp": "1970"}"##;

#[test]
fn an_old_notebook_is_read_as_a_new_one() {
    let notebook = Notebook::parse(OLD).expect("version 3");
    assert_eq!(notebook.nbformat(), (4, 5));
    assert_eq!(notebook.language(), Some("rust"));
    let cells = notebook.cells();
    let found: Vec<_> = cells.iter().map(|cell| (cell.kind, cell.source.as_str())).collect();
    assert_eq!(
        found,
        [
            (CellKind::Markdown, "## A title more"),
            (CellKind::Code, "let x = 1;\nx"),
            (CellKind::Markdown, "<i>x</i>"),
            (CellKind::Raw, "raw"),
            (CellKind::Raw, "p"),
            (CellKind::Code, "y"),
        ]
    );
    assert_eq!(cells[1].tags, ["step:a"]);
    assert_eq!(cells[1].execution_count, Some(4));
    assert_eq!((&cells[1].metadata["collapsed"], &cells[1].metadata["custom"]), (&json!(true), &json!("kept")));
    assert_eq!(cells[5].metadata["language"], "python");
    assert_eq!(
        Value::from(cells[1].outputs()),
        json!([
            {"data": {"text/plain": ["1"], "text/html": "<b>1</b>"}, "execution_count": 4,
             "metadata": {"text/html": {"a": 1}}, "output_type": "execute_result"},
            {"data": {"image/png": "aGk=", "application/json": {"a": [1]}}, "metadata": {}, "output_type": "display_data"},
            {"name": "stderr", "output_type": "stream", "text": "oh\n"},
            {"name": "stdout", "output_type": "stream", "text": "out\n"},
            {"ename": "E", "evalue": "v", "output_type": "error", "traceback": ["t"]},
        ])
    );
    let metadata = notebook.metadata();
    assert_eq!(
        (&metadata["name"], &metadata["kale"], &metadata["orig_nbformat"]),
        (&json!("Old"), &json!([1]), &json!(3))
    );
    assert_eq!((&metadata["worksheets"], &metadata["user_save_timestamp"]), (&json!([{"w": 1}]), &json!("1970")));
    assert!(!metadata.contains_key("signature"));
}

#[test]
fn an_old_notebook_stays_as_it_is_until_it_is_changed() {
    let mut notebook = Notebook::parse(OLD).expect("version 3");
    assert_eq!(notebook.to_text(), OLD);
    notebook.set_source(1, "let x = 1;\nx").expect("the same source");
    assert!(notebook.set_outputs(0, Vec::new(), None).is_err());
    assert_eq!(notebook.to_text(), OLD);
    notebook.set_tags(3, &["skip"]).expect("tags");
    let text = notebook.to_text();
    let read = Notebook::parse(&text).expect("version 4.5");
    assert_eq!(read.to_text(), text);
    assert_eq!(read.nbformat(), (4, 5));
    assert_eq!(read.cells()[3].tags, ["skip"]);
    assert_eq!(read.cells()[1].outputs(), notebook.cells()[1].outputs());
    let ids: std::collections::HashSet<_> = read.cells().iter().filter_map(|cell| cell.id.as_deref()).collect();
    assert_eq!(ids.len(), 6);
    let mut other = Notebook::parse(OLD).expect("version 3");
    other.set_metadata(Map::new()).expect("metadata");
    assert!(other.to_text().contains("\"nbformat\": 4"));
}
