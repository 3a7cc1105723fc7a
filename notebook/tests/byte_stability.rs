//! What is read and written back is the same file; what is changed changes alone, in the file's own layout.

mod corpus;

use std::collections::BTreeMap;

use oxikale_notebook::{CellKind, EditError, Notebook};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

fn parse(text: &str) -> Notebook {
    Notebook::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The whole file as it would be if `change` had been made before it was laid out.
fn laid_out(layout: corpus::Layout, change: impl FnOnce(&mut Value)) -> String {
    let mut notebook = corpus::notebook();
    change(&mut notebook);
    corpus::text(&notebook, layout)
}

/// Each member of an object as it is written.
fn members(object: &str) -> BTreeMap<String, Box<RawValue>> {
    serde_json::from_str(object.trim_start_matches('\u{feff}')).expect("an object")
}

#[test]
fn every_layout_comes_back_byte_for_byte() {
    for layout in corpus::layouts() {
        let text = corpus::text(&corpus::notebook(), layout);
        let notebook = parse(&text);
        assert_eq!(notebook.to_text(), text, "{layout:?}");
        assert_eq!(notebook.cells()[1].source, "let x = 1;\nlet s = \"ñ\\n\";\n", "{layout:?}");
    }
}

#[test]
fn a_changed_source_is_written_as_the_file_writes_sources() {
    for layout in corpus::layouts() {
        let mut notebook = parse(&corpus::text(&corpus::notebook(), layout));
        notebook.set_source(1, "// é\nf();").expect("cell 1");
        let expected = laid_out(layout, |notebook| notebook["cells"][1]["source"] = json!("// é\nf();"));
        assert_eq!(notebook.to_text(), expected, "{layout:?}");
    }
}

#[test]
fn changed_metadata_and_tags_are_written_in_the_files_layout() {
    for layout in corpus::layouts().into_iter().filter(|layout| !layout.reversed_keys) {
        let mut notebook = parse(&corpus::text(&corpus::notebook(), layout));
        notebook.set_tags(1, &["step:ñ"]).expect("cell 1");
        notebook.set_tags(0, &["skip"]).expect("cell 0");
        let metadata = Map::from_iter([("a".to_owned(), json!({"b": [1, "é"], "c": []}))]);
        notebook.set_cell_metadata(2, metadata.clone()).expect("cell 2");
        notebook.set_metadata(metadata.clone()).expect("metadata");
        let expected = laid_out(layout, |notebook| {
            notebook["cells"][1]["metadata"]["tags"] = json!(["step:ñ", 7]);
            notebook["cells"][0]["metadata"] = json!({"tags": ["skip"]});
            notebook["cells"][2]["metadata"] = Value::Object(metadata.clone());
            notebook["metadata"] = Value::Object(metadata);
        });
        assert_eq!(notebook.to_text(), expected, "{layout:?}");
        assert_eq!(notebook.cells()[1].tags, ["step:ñ"]);
        assert_eq!(notebook.cells()[1].odd_tags, 1);
    }
}

#[test]
fn changed_outputs_are_written_in_the_files_layout() {
    let outputs = vec![json!({"name": "stdout", "output_type": "stream", "text": ["é\n"]})];
    for layout in corpus::layouts() {
        if layout.reversed_keys {
            continue;
        }
        let mut notebook = parse(&corpus::text(&corpus::notebook(), layout));
        notebook.set_outputs(3, outputs.clone(), Some(9)).expect("cell 3");
        notebook.set_outputs(1, Vec::new(), None).expect("cell 1");
        let expected = laid_out(layout, |notebook| {
            notebook["cells"][3]["outputs"] = json!(outputs);
            notebook["cells"][3]["execution_count"] = json!(9);
            notebook["cells"][1]["outputs"] = json!([]);
            notebook["cells"][1]["execution_count"] = Value::Null;
        });
        assert_eq!(notebook.to_text(), expected, "{layout:?}");
        assert_eq!(notebook.cells()[3].outputs(), outputs);
        assert_eq!(notebook.cells()[3].execution_count, Some(9));
    }
}

#[test]
fn a_new_cell_is_written_in_the_files_layout() {
    for layout in corpus::layouts().into_iter().filter(|layout| !layout.reversed_keys) {
        for (at, cells) in [(0, 5), (2, 5), (5, 5), (0, 1), (1, 1), (0, 0)] {
            let shortened = |notebook: &mut Value| notebook["cells"].as_array_mut().expect("cells").truncate(cells);
            let mut notebook = parse(&laid_out(layout, shortened));
            notebook.insert_cell(at, CellKind::Code, "let n = 2;\n// é", &["injected"]).expect("a place");
            let id = notebook.cells()[at].id.clone().expect("an id");
            let expected = laid_out(layout, |notebook| {
                shortened(notebook);
                let cell = json!({"cell_type": "code", "execution_count": null, "id": id,
                    "metadata": {"tags": ["injected"]}, "outputs": [], "source": "let n = 2;\n// é"});
                notebook["cells"].as_array_mut().expect("cells").insert(at, cell);
            });
            // Without any cell, nothing tells how the file writes sources, nor that it is ASCII on purpose.
            if cells > 0 || !(layout.ascii || layout.source_as_string) {
                assert_eq!(notebook.to_text(), expected, "{layout:?}, before {at} of {cells}");
            }
            assert_eq!(parse(&notebook.to_text()).cells()[at].source, "let n = 2;\n// é", "{layout:?}");
        }
    }
}

#[test]
fn new_cells_have_ids_of_their_own_where_the_version_has_ids() {
    let mut notebook = parse("{\"cells\": [], \"metadata\": {}, \"nbformat\": 4, \"nbformat_minor\": 5}");
    for _ in 0..5 {
        notebook.insert_cell(0, CellKind::Markdown, "same", &[] as &[&str]).expect("a place");
    }
    let ids: std::collections::BTreeSet<_> = notebook.cells().iter().map(|cell| cell.id.clone()).collect();
    assert_eq!(ids.len(), 5);
    let mut old = parse("{\"cells\": [], \"nbformat\": 4, \"nbformat_minor\": 4}");
    old.insert_cell(0, CellKind::Code, "x", &[] as &[&str]).expect("a place");
    assert_eq!(old.cells()[0].id, None);
    assert_eq!(old.insert_cell(2, CellKind::Code, "x", &["t"]), Err(EditError::NoSuchCell { cell: 2, count: 1 }));
}

#[test]
fn setting_what_is_there_changes_nothing() {
    // `1.50` and the odd spaces would not survive a second printing.
    let text = "{ \"nbformat\":4 ,\"nbformat_minor\" : 4, \"metadata\":{\"x\" :1.50},\n\"cells\":[{\"cell_type\":\"code\",\
        \"metadata\":{\"tags\":[ \"a\" ]},\"outputs\":[ ],\"execution_count\":  1,\"source\":[ \"a\\u006e\" ]}] }";
    let mut notebook = parse(text);
    let cell = notebook.cells()[0].clone();
    notebook.set_source(0, "an").expect("source");
    notebook.set_tags(0, &["a"]).expect("tags");
    notebook.set_cell_metadata(0, cell.metadata.clone()).expect("metadata");
    notebook.set_outputs(0, cell.outputs(), cell.execution_count).expect("outputs");
    notebook.set_metadata(notebook.metadata().clone()).expect("metadata");
    assert_eq!(notebook.to_text(), text);
}

#[test]
fn an_odd_layout_keeps_every_other_byte() {
    let text = "{ \"nbformat\":4 ,\"metadata\":{\"x\" :1.50},\n\n \"cells\" : [ {\"source\":[ \"a\" ],  \"cell_type\":\"code\"\
        ,\"metadata\":{ \"n\":1e0,\"tags\":[ \"a\" ] },\"outputs\":[ ]} ,{\"cell_type\":\"raw\"}] }";
    let mut notebook = parse(text);
    notebook.set_tags(0, &["b", "c"]).expect("tags");
    assert_eq!(notebook.to_text(), text.replace("[ \"a\" ] }", "[\"b\" ,\"c\"] }"));
    notebook.set_source(0, "z").expect("source");
    assert_eq!(notebook.to_text(), text.replace("[ \"a\" ] }", "[\"b\" ,\"c\"] }").replace("[ \"a\" ]", "[\"z\"]"));
}

#[test]
fn what_is_missing_is_put_in() {
    let text = "{\n \"cells\": [\n  {},\n  {\n   \"cell_type\": \"code\",\n   \"source\": \"x\"\n  }\n ],\n \"nbformat\": 4\n}\n";
    let mut notebook = parse(text);
    notebook.set_source(0, "raw").expect("source");
    notebook.set_tags(1, &["skip"]).expect("tags");
    notebook.set_outputs(1, Vec::new(), Some(1)).expect("outputs");
    notebook.set_metadata(Map::from_iter([("k".to_owned(), json!(1))])).expect("metadata");
    let expected = r#"{
 "cells": [
  {
   "source": "raw"
  },
  {
   "cell_type": "code",
   "execution_count": 1,
   "metadata": {
    "tags": [
     "skip"
    ]
   },
   "outputs": [],
   "source": "x"
  }
 ],
 "metadata": {
  "k": 1
 },
 "nbformat": 4
}
"#;
    assert_eq!(notebook.to_text(), expected);
}

#[test]
fn a_value_that_is_on_one_line_stays_on_one_line() {
    let text = "{\n  \"cells\": [\n    {\n      \"cell_type\": \"code\",\n      \"metadata\": { \"tags\": [\"a\"] },\n      \
        \"outputs\": [],\n      \"source\": [\"x\"]\n    }\n  ],\n  \"metadata\": {},\n  \"nbformat\": 4\n}";
    let mut notebook = parse(text);
    notebook.set_tags(0, &["b"]).expect("tags");
    notebook.set_source(0, "x\ny").expect("source");
    assert_eq!(notebook.to_text(), text.replace("[\"a\"]", "[\"b\"]").replace("[\"x\"]", "[\"x\\n\", \"y\"]"));
}

#[test]
fn a_new_notebook_is_valid_and_deterministic() {
    let cells = || {
        vec![
            (CellKind::Markdown, "# A\nb".to_owned(), vec![]),
            (CellKind::Code, "let x = \"é\";".to_owned(), vec!["step:a".to_owned()]),
            (CellKind::Code, "let x = \"é\";".to_owned(), vec![]),
            (CellKind::Raw, String::new(), vec![]),
        ]
    };
    let metadata = Map::from_iter([("kernelspec".to_owned(), json!({"name": "oxikale", "language": "rust"}))]);
    let notebook = Notebook::new(cells(), metadata.clone());
    let text = notebook.to_text();
    assert_eq!(text, Notebook::new(cells(), metadata.clone()).to_text());
    let read = parse(&text);
    assert_eq!(read.to_text(), text);
    assert_eq!(read.nbformat(), (4, 5));
    assert_eq!(read.metadata(), &metadata);
    assert_eq!((read.language(), read.kernel_name()), (Some("rust"), Some("oxikale")));
    for ((cell, built), (kind, source, tags)) in read.cells().iter().zip(notebook.cells()).zip(cells()) {
        assert_eq!((cell.kind, &cell.source, &cell.tags), (kind, &source, &tags));
        assert_eq!((&cell.id, &cell.metadata), (&built.id, &built.metadata));
        let members = members(cell.raw());
        assert_eq!(members.contains_key("outputs"), kind == CellKind::Code);
        assert_eq!(members.contains_key("execution_count"), kind == CellKind::Code);
    }
    let ids: std::collections::HashSet<_> = read.cells().iter().map(|cell| cell.id.clone()).collect();
    assert_eq!(ids.len(), 4);
    let empty = Notebook::new(Vec::new(), Map::new());
    assert_eq!(parse(&empty.to_text()).cells().len(), 0);
}

#[test]
fn a_new_notebook_can_be_changed_like_one_that_was_read() {
    let mut built = Notebook::new(vec![(CellKind::Code, "a".to_owned(), vec![])], Map::new());
    let mut read = parse(&built.to_text());
    for notebook in [&mut built, &mut read] {
        notebook.set_source(0, "b\nc").expect("source");
        notebook.set_tags(0, &["skip"]).expect("tags");
        notebook.set_metadata(Map::from_iter([("k".to_owned(), json!([1]))])).expect("metadata");
    }
    assert_eq!(built.to_text(), read.to_text());
    assert_eq!(built.cells()[0].source, "b\nc");
}

#[test]
fn a_change_that_cannot_be_made_changes_nothing() {
    let text = corpus::text(&corpus::notebook(), corpus::layouts()[64]);
    let mut notebook = parse(&text);
    assert_eq!(notebook.set_source(5, "x"), Err(EditError::NoSuchCell { cell: 5, count: 5 }));
    assert!(
        notebook.set_tags(usize::MAX, &["x"]).is_err_and(|error| error.to_string().starts_with("there is no cell"))
    );
    assert_eq!(notebook.set_outputs(0, Vec::new(), None), Err(EditError::NotCode { cell: 0 }));
    let deep = (0..200).fold(json!(1), |value, _| json!([value]));
    let metadata = Map::from_iter([("deep".to_owned(), deep.clone())]);
    assert!(matches!(notebook.set_cell_metadata(0, metadata.clone()), Err(EditError::Unreadable(_))));
    assert!(matches!(notebook.set_metadata(metadata), Err(EditError::Unreadable(_))));
    assert!(matches!(notebook.set_outputs(1, vec![deep], None), Err(EditError::Unreadable(_))));
    assert_eq!(notebook.to_text(), text);
}
