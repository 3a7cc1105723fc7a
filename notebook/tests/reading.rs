//! Which files are notebooks, what is made of sloppy ones, and what is said of those that are none.

use oxikale_notebook::{CellKind, Notebook, ReadError, ReadErrorKind};

fn error(text: &str) -> ReadError {
    match Notebook::parse(text) {
        Ok(notebook) => panic!("read: {notebook:?}"),
        Err(error) => error,
    }
}

fn with_cells(cells: &str) -> String {
    format!("{{\"cells\": [{cells}], \"metadata\": {{}}, \"nbformat\": 4, \"nbformat_minor\": 5}}")
}

#[test]
fn what_is_not_json_is_said_with_its_place() {
    let text = "{\n \"cells\": [],\n \"metadata\": {,}\n}";
    let error = error(text);
    assert_eq!(error.kind(), ReadErrorKind::NotJson);
    let place = error.place().expect("a place");
    assert_eq!((place.position.line, place.position.column), (3, 15));
    assert_eq!(&text[place.byte..=place.byte], ",");
    assert!(error.to_string().starts_with("line 3, column 15: the file is not JSON"), "{error}");
}

#[test]
fn a_place_behind_a_byte_order_mark_is_a_place_in_the_file() {
    let text = "\u{feff}{\"nbformat\": é}";
    let place = error(text).place().expect("a place");
    assert_eq!((place.byte, place.position.column), (3 + 13, 14));
}

#[test]
fn an_error_in_a_cell_has_its_place_in_the_file() {
    let text = with_cells("\n{\"cell_type\": \"code\"},\n{\"cell_type\": \"code\", \"source\": 12}");
    let error = error(&text);
    assert_eq!(error.kind(), ReadErrorKind::NotANotebook);
    let place = error.place().expect("a place");
    assert_eq!(&text[place.byte..place.byte + 2], "12");
    assert_eq!(place.position.line, 3);
    assert!(error.message().contains("cell 2: `source` is neither a string nor a list of strings"), "{error}");
}

#[test]
fn json_that_is_no_notebook_is_named_so() {
    for text in [
        "[]",
        "3",
        "null",
        "\"x\"",
        "{}",
        "{\"cells\": []}",
        "{\"nbformat\": \"4\"}",
        "{\"nbformat\": -4}",
        "{\"nbformat\": 4, \"cells\": {}}",
        "{\"nbformat\": 4, \"cells\": [1]}",
        "{\"nbformat\": 4, \"metadata\": []}",
        "{\"nbformat\": 3, \"worksheets\": {}}",
        "{\"nbformat\": 3, \"worksheets\": [{\"cells\": [3]}]}",
        "{\"nbformat\": 4, \"cells\": [{\"metadata\": 1}]}",
    ] {
        assert_eq!(error(text).kind(), ReadErrorKind::NotANotebook, "{text}");
    }
    for text in [
        "",
        " \n",
        "{",
        "x = 1",
        "{\"nbformat\": 4}}",
        "{\"nbformat\": 4, \"a\": \"\u{0}\"}",
        "{\"nbformat\": 4, \"a\": NaN}",
        "{\"nbformat\": 4, \"a\": -Infinity}",
        "{\"nbformat\": 4, \"a\": 1e999}",
        "{\"nbformat\": 4, 'a': 1}",
        "\u{0}",
    ] {
        assert_eq!(error(text).kind(), ReadErrorKind::NotJson, "{text}");
    }
}

#[test]
fn other_versions_are_refused_with_what_to_do() {
    for version in [0, 1, 2, 5, 12] {
        let text = format!("{{\"cells\": [], \"worksheets\": [],\n\"nbformat\": {version}}}");
        let error = error(&text);
        assert_eq!(error.kind(), ReadErrorKind::UnsupportedVersion, "{version}");
        assert!(error.message().contains(&format!("nbformat version {version}")), "{error}");
        assert_eq!(error.place().map(|place| place.position.line), Some(2));
    }
    for version in ["4", "4.0", "4e0"] {
        let text = format!("{{\"cells\": [], \"nbformat\": {version}, \"nbformat_minor\": 2}}");
        assert_eq!(Notebook::parse(&text).map(|notebook| notebook.nbformat()), Ok((4, 2)));
    }
}

#[test]
fn sloppy_cells_are_read() {
    let text = with_cells(
        r#"{"cell_type": "code", "source": ["a\n", "b"], "id": "x"},
           {"cell_type": "code", "source": "a\r\nb", "id": "x", "metadata": null, "execution_count": "7", "outputs": null},
           {"cell_type": "sql", "metadata": {"tags": "step:a"}},
           {"source": null, "id": 5, "metadata": {"tags": ["a", 1, null, ["b"], "b"]}},
           {"cell_type": "markdown", "source": "one", "source": "two", "execution_count": 3.5}"#,
    );
    let notebook = Notebook::parse(&text).expect("sloppy, but a notebook");
    let cells = notebook.cells();
    let kinds: Vec<_> = cells.iter().map(|cell| cell.kind).collect();
    assert_eq!(kinds, [CellKind::Code, CellKind::Code, CellKind::Raw, CellKind::Raw, CellKind::Markdown]);
    let sources: Vec<_> = cells.iter().map(|cell| cell.source.as_str()).collect();
    assert_eq!(sources, ["a\nb", "a\r\nb", "", "", "two"]);
    assert_eq!((cells[0].id.as_deref(), cells[1].id.as_deref(), &cells[3].id), (Some("x"), Some("x"), &None));
    assert_eq!((cells[2].tags.len(), cells[2].odd_tags), (0, 1));
    assert_eq!((&cells[3].tags[..], cells[3].odd_tags), (&["a".to_owned(), "b".to_owned()][..], 3));
    assert_eq!(cells[3].metadata["tags"].as_array().map(Vec::len), Some(5));
    assert!(cells.iter().all(|cell| cell.execution_count.is_none() && cell.outputs().is_empty()));
    assert_eq!(notebook.to_text(), text);
    assert_eq!(Notebook::parse("{\"nbformat\": 4}").expect("an empty notebook").cells().len(), 0);
}

#[test]
fn lone_surrogates_become_replacement_characters_and_stay_in_the_file() {
    let text = with_cells(
        r#"{"cell_type": "code", "source": "a\ud800b\uDE00\ud83d\ude00\\ud800", "metadata": {"k\udfff": 1, "m": "\udc00"},
            "outputs": [{"output_type": "stream", "text": "\ud800"}]}"#,
    );
    let mut notebook = Notebook::parse(&text).expect("readable");
    let cell = &notebook.cells()[0];
    assert_eq!(cell.source, "a\u{fffd}b\u{fffd}😀\\ud800");
    assert_eq!(cell.metadata["m"], "\u{fffd}");
    assert_eq!(cell.outputs()[0]["text"], "\u{fffd}");
    assert_eq!(notebook.to_text(), text);
    notebook.set_source(0, "b").expect("source");
    assert!(notebook.to_text().contains(r#""m": "\udc00""#));
}

#[test]
fn deep_and_large_json_is_an_error_or_read_but_never_a_crash() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for text in [
        deep.clone(),
        "[".repeat(200_000),
        format!("{{\"nbformat\": 4, \"metadata\": {{\"a\": {deep}}}}}"),
        with_cells(&format!("{{\"outputs\": {deep}}}")),
        format!("{{\"nbformat\": 3, \"worksheets\": {deep}}}"),
    ] {
        let error = error(&text);
        assert_eq!(error.kind(), ReadErrorKind::NotJson);
        assert!(error.message().contains("deep"), "{error}");
    }
    let source = "x".repeat(5_000_000);
    let large = with_cells(&format!("{{\"cell_type\": \"code\", \"source\": \"{source}\"}}"));
    assert_eq!(Notebook::parse(&large).expect("large").cells()[0].source.len(), source.len());
}

#[test]
fn what_is_nested_as_deep_as_may_be_can_be_upgraded_and_changed() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    for text in [
        format!("{{\"nbformat\": 4, \"odd\": {}}}", nested(119)),
        format!("{{\"nbformat\": 3, \"worksheets\": [{{\"cells\": [{{\"odd\": {}}}]}}]}}", nested(110)),
    ] {
        let mut notebook = Notebook::parse(&text).expect("not too deep");
        notebook.set_metadata(serde_json::Map::from_iter([("a".to_owned(), 1.into())])).expect("metadata");
        let again = Notebook::parse(&notebook.to_text()).expect("what was written can be read");
        assert_eq!(again.metadata()["a"], 1);
    }
    let text = format!("{{\"nbformat\": 4, \"odd\": {}}}", nested(120));
    assert_eq!(error(&text).kind(), ReadErrorKind::NotJson);
}

#[test]
fn the_language_is_the_kernels() {
    let notebook = |metadata: &str| {
        Notebook::parse(&format!("{{\"nbformat\": 4, \"metadata\": {metadata}}}")).expect("a notebook")
    };
    assert_eq!(
        notebook(r#"{"kernelspec": {"name": "k", "language": "rust"}, "language_info": {"name": "Rust2"}}"#).language(),
        Some("rust")
    );
    assert_eq!(
        notebook(r#"{"kernelspec": {"name": "k"}, "language_info": {"name": "python"}}"#).language(),
        Some("python")
    );
    assert_eq!(notebook(r#"{"kernelspec": "k", "language_info": []}"#).language(), None);
    assert_eq!(notebook(r#"{"kernelspec": {"name": "k"}}"#).kernel_name(), Some("k"));
}
