//! What holds for every text whatever.

mod corpus;

use std::ops::Range;

use oxikale_notebook::Notebook;
use oxikale_notebook::directives::{dependency, directives};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A notebook's file in any layout.
fn file() -> impl Strategy<Value = String> {
    proptest::sample::select(corpus::layouts()).prop_map(|layout| corpus::text(&corpus::notebook(), layout))
}

/// Such a file with some bytes replaced, removed or repeated.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let mutation = (any::<prop::sample::Index>(), 0..20_usize, prop::collection::vec(any::<u8>(), 0..6), any::<bool>());
    (file(), prop::collection::vec(mutation, 1..5)).prop_map(|(text, mutations)| {
        let mut bytes = text.into_bytes();
        for (at, length, new, repeat) in mutations {
            let start = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (start + length).min(bytes.len());
            let new = if repeat { bytes[start..end].repeat(2) } else { new };
            bytes.splice(start..end, new);
        }
        bytes
    })
}

/// Text in which JSON's and Rust's special characters are frequent.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(?s)([a-c!%:;'\"#/*\\\\ \\n\r{}()\\[\\]=é😀-]|r#\"|:dep |%%|%time |!ls |let |//|/\\*|\\*/|'a|b'){0,60}",
        r#"(?s)(\{|\}|\[|\]|,|:|"nbformat"|"cells"|"worksheets"|"metadata"|"source"|4|3|"\\ud800"|-1e9|null|\n| ){0,40}"#,
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e30..1e30_f64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((any::<String>(), value()), 0..4).prop_map(|members| members.into_iter().collect())
}

/// Where the value of a member is in the text of an object.
fn place(object: &str, name: &str) -> Range<usize> {
    let members: std::collections::HashMap<&str, &RawValue> = serde_json::from_str(object).expect("an object");
    let value = members[name].get();
    let start = value.as_ptr() as usize - object.as_ptr() as usize;
    start..start + value.len()
}

/// Checks that `new` is `old` but for what is in `range` of `old`.
fn differs_only_in(old: &str, new: &str, range: Range<usize>) -> Result<(), TestCaseError> {
    prop_assert!(new.len() >= old.len() - range.len());
    prop_assert!(new.starts_with(&old[..range.start]), "before: {new}");
    prop_assert!(new.ends_with(&old[range.end..]), "after: {new}");
    Ok(())
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..200), mutated()]) {
        let text = String::from_utf8_lossy(&bytes);
        match Notebook::parse(&text) {
            Ok(notebook) => {
                prop_assert_eq!(notebook.to_text(), text.as_ref());
                for cell in notebook.cells() {
                    cell.outputs();
                    directives(&cell.source);
                }
            }
            Err(error) => if let Some(place) = error.place() {
                prop_assert!(text.is_char_boundary(place.byte));
            },
        }
    }

    #[test]
    fn text_is_read_or_refused(text in text()) {
        if let Ok(notebook) = Notebook::parse(&text) {
            prop_assert_eq!(notebook.to_text(), text);
        }
    }

    #[test]
    fn a_mutated_notebook_can_still_be_changed(bytes in mutated(), source in any::<String>(), tag in any::<String>()) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(mut notebook) = Notebook::parse(&text) {
            for cell in 0..notebook.cells().len() {
                notebook.set_source(cell, &source).expect("source");
                notebook.set_tags(cell, &[&tag]).expect("tags");
            }
            let written = notebook.to_text();
            let read = Notebook::parse(&written).expect("what was written is a notebook");
            prop_assert_eq!(read.cells().len(), notebook.cells().len());
            for cell in read.cells() {
                prop_assert_eq!(&cell.source, &source);
                prop_assert_eq!(&cell.tags, &[tag.as_str()]);
            }
        }
    }

    #[test]
    fn a_set_source_is_read_back_and_nothing_else_changes(text in file(), cell in 0..5_usize, source in any::<String>()) {
        let mut notebook = Notebook::parse(&text).expect("a notebook");
        let start = text.find(notebook.cells()[cell].raw()).expect("the cell's text");
        let range = place(notebook.cells()[cell].raw(), "source");
        notebook.set_source(cell, &source).expect("source");
        let new = notebook.to_text();
        differs_only_in(&text, &new, start + range.start..start + range.end)?;
        let read = Notebook::parse(&new).expect("a notebook");
        prop_assert_eq!(&read.cells()[cell].source, &source);
        prop_assert_eq!(read.to_text(), new);
    }

    #[test]
    fn set_metadata_is_read_back_and_nothing_else_changes(text in file(), cell in 0..5_usize, new in object(), all in object()) {
        let mut notebook = Notebook::parse(&text).expect("a notebook");
        let start = text.find(notebook.cells()[cell].raw()).expect("the cell's text");
        let range = place(notebook.cells()[cell].raw(), "metadata");
        notebook.set_cell_metadata(cell, new.clone()).expect("metadata");
        let changed = notebook.to_text();
        differs_only_in(&text, &changed, start + range.start..start + range.end)?;
        let read = Notebook::parse(&changed).expect("a notebook");
        prop_assert_eq!(&read.cells()[cell].metadata, &new);

        let body = changed.trim_start_matches('\u{feff}');
        let mark = changed.len() - body.len();
        let range = place(body, "metadata");
        notebook.set_metadata(all.clone()).expect("metadata");
        let last = notebook.to_text();
        differs_only_in(&changed, &last, mark + range.start..mark + range.end)?;
        let read = Notebook::parse(&last).expect("a notebook");
        prop_assert_eq!(read.metadata(), &all);
    }

    #[test]
    fn set_tags_and_outputs_are_read_back(text in file(), tags in prop::collection::vec(any::<String>(), 0..4), outputs in prop::collection::vec(value(), 0..3), count in any::<Option<u64>>()) {
        let mut notebook = Notebook::parse(&text).expect("a notebook");
        let before = notebook.clone();
        notebook.set_tags(1, &tags).expect("tags");
        notebook.set_outputs(1, outputs.clone(), count).expect("outputs");
        let read = Notebook::parse(&notebook.to_text()).expect("a notebook");
        let (old, new) = (&before.cells()[1], &read.cells()[1]);
        prop_assert_eq!(&new.tags, &tags);
        prop_assert_eq!(new.odd_tags, old.odd_tags);
        prop_assert_eq!(new.outputs(), outputs);
        prop_assert_eq!(new.execution_count, count);
        prop_assert_eq!(&new.metadata["collapsed"], &old.metadata["collapsed"]);
        prop_assert_eq!((&new.source, &new.id), (&old.source, &old.id));
        for cell in [0, 2, 3, 4] {
            prop_assert_eq!(read.cells()[cell].raw(), before.cells()[cell].raw());
        }
    }

    #[test]
    fn code_has_the_length_and_the_lines_of_the_source(source in text()) {
        let found = directives(&source);
        prop_assert_eq!(found.code.len(), source.len());
        for (before, after) in source.bytes().zip(found.code.bytes()) {
            prop_assert_eq!(before == b'\n', after == b'\n');
            prop_assert!(after == before || after == b' ');
        }
        let mut done = 0;
        for command in &found.commands {
            prop_assert!(done <= command.span.start && command.span.start < command.span.end);
            done = command.span.end;
            prop_assert_eq!(&source[command.argument_span.clone()], &command.argument);
        }
        prop_assert_eq!(directives(&found.code).code.len(), source.len());
    }

    #[test]
    fn a_dependency_is_one_line_that_says_the_same(argument in prop_oneof![text(), "[a-z-]{1,5} ?= ?\\{ ?(version|path|git|x) ?= ?(\"[^\"]{0,9}\"|'[^']{0,9}') ?\\}"]) {
        match dependency(&argument) {
            Ok(read) => {
                let line = read.to_toml_line();
                prop_assert!(!line.contains('\n'));
                let manifest: toml::Table = toml::from_str(&line).expect("TOML");
                prop_assert_eq!(manifest.len(), 1);
                prop_assert!(manifest.contains_key(&read.name));
                if !read.unnamed {
                    prop_assert_eq!(dependency(&line).expect("what was written can be read"), read);
                }
            }
            Err(error) => prop_assert!(argument.is_char_boundary(error.offset)),
        }
    }
}
