//! Commands that read a notebook and run nothing: check, graph, compile.

mod support;

use std::fs;

use support::Place;

const WRONG: [(&str, &str); 3] = [
    ("step:one", "let text = \"\x1b[31m\u{202e}\"; // \x1b]0;title\x07\nlet x = undefined_name + 1;"),
    ("step:two prev:one", "println!(\"{x}\");"),
    ("odd:\x1b[2Jtag", "let q = x;"),
];

#[test]
fn diagnostics_are_drawn_at_their_cells() {
    let place = Place::new("check");
    place.notebook("wrong.ipynb", &WRONG);
    let done = place.call(&["check", "wrong.ipynb"]).exits(1);
    assert!(done.out.contains("[OX301] Error: `undefined_name` is not defined"), "{}", done.out);
    assert!(done.out.contains("wrong.ipynb, cell 1:2:9"), "{}", done.out);
    assert!(done.out.ends_with("1 error, 1 warning\n"), "{}", done.out);
    assert!(
        !done.out.contains('\x1b') && !done.out.contains('\u{202e}'),
        "the notebook steers the terminal: {:?}",
        done.out
    );
    let coloured = place.call(&["check", "wrong.ipynb", "--color", "always"]).exits(1).out;
    assert!(coloured.contains("\x1b[31m[OX301] Error:"), "{coloured:?}");
    assert!(!coloured.contains("\x1b[2J") && !coloured.contains('\x07'), "{coloured:?}");
}

#[test]
fn diagnostics_are_data_for_programs() {
    let place = Place::new("check-json");
    place.notebook("wrong.ipynb", &WRONG);
    let done = place.call(&["check", "wrong.ipynb", "--json"]).exits(1);
    assert!(!done.out.contains(|c: char| c.is_control() && c != '\n'), "{:?}", done.out);
    let found = done.json();
    let error = found.as_array().unwrap().iter().find(|one| one["code"] == "OX301").unwrap();
    assert_eq!(error["severity"], "error");
    assert_eq!((&error["cell"], &error["line"], &error["column"]), (&1.into(), &2.into(), &9.into()));
    assert_eq!((&error["end_line"], &error["end_column"]), (&2.into(), &23.into()));
    assert_eq!(error["labels"][0]["cell"], 1);
    assert!(error["message"].is_string() && error["help"].is_string() && error["rustc"].is_null());
}

#[test]
fn warnings_fail_where_they_are_denied() {
    let place = Place::new("deny");
    place.notebook("odd.ipynb", &[("step:one odd:tag", "let a = 1;\nprintln!(\"{a}\");")]);
    place.call(&["check", "odd.ipynb", "--no-rustc"]).exits(0);
    place.call(&["check", "odd.ipynb", "--no-rustc", "--deny", "warnings"]).exits(1);
}

#[test]
fn rustc_is_asked_and_answers_at_the_cell() {
    let place = Place::new("rustc");
    place.notebook(
        "types.ipynb",
        &[("step:one", "let a = 1;\nlet x: i32 = \"text\";"), ("step:two prev:one", "println!(\"{x}\");")],
    );
    place.call(&["check", "types.ipynb", "--no-rustc"]).exits(0);
    let done = place.call(&["check", "types.ipynb"]).exits(1);
    assert!(
        done.out.contains("[OX501, E0308] Error: mismatched types") && done.out.contains("cell 1:2:"),
        "{}",
        done.out
    );
    let found = place.call(&["check", "types.ipynb", "--json", "--quiet"]).exits(1).json();
    let error = found.as_array().unwrap().iter().find(|one| one["severity"] == "error").unwrap();
    assert_eq!((&error["rustc"], &error["cell"], &error["line"]), (&"E0308".into(), &1.into(), &2.into()));
}

#[test]
fn the_pipeline_is_drawn_in_every_format_even_with_errors() {
    let place = Place::new("graph");
    place.notebook("wrong.ipynb", &WRONG);
    let done = place.call(&["graph", "wrong.ipynb"]).exits(0);
    assert!(
        done.out.contains("one") && done.out.contains("two") && done.err.contains("OX301"),
        "{}{}",
        done.out,
        done.err
    );
    assert!(place.call(&["graph", "wrong.ipynb", "--format", "mermaid"]).exits(0).out.starts_with("flowchart TD\n"));
    assert!(place.call(&["graph", "wrong.ipynb", "--format", "svg"]).exits(0).out.contains("<svg"));
    let value = place.call(&["graph", "wrong.ipynb", "--json"]).exits(0).json();
    assert_eq!(value["nodes"].as_array().unwrap().len(), 2);
    place.call(&["graph", "wrong.ipynb", "--format", "svg", "-o", "drawn.svg"]).exits(0);
    assert!(fs::read_to_string(place.file("x", "").with_file_name("drawn.svg")).unwrap().contains("</svg>"));
    assert!(
        place.call(&["graph", "wrong.ipynb", "-o", "no/such/folder.txt"]).exits(4).err.contains("cannot be written")
    );
    place.notebook("none.ipynb", &[("", "let a = 1;")]);
    assert!(place.call(&["graph", "none.ipynb"]).exits(3).err.contains("OX114"));
}

#[test]
fn the_ir_goes_where_it_is_wanted_and_is_always_the_same() {
    let place = Place::new("compile");
    place.notebook("n.ipynb", &[("pipeline-parameters", "let lr = 0.1;"), ("step:one", "println!(\"{lr}\");")]);
    let printed = place.call(&["compile", "n.ipynb"]).exits(0).out;
    assert!(printed.contains("schemaVersion: \"2.1.0\"") && printed.contains("defaultValue: 0.1"), "{printed}");
    assert_eq!(place.call(&["compile", "n.ipynb", "-o", "-"]).exits(0).out, printed);
    let path = place.file("p.yaml", "old");
    let done = place.call(&["compile", "n.ipynb", "-o", "p.yaml"]).exits(0);
    assert_eq!((done.out.as_str(), fs::read_to_string(path).unwrap()), ("", printed));
    let value = place.call(&["compile", "n.ipynb", "--json"]).exits(0).json();
    assert_eq!((&value["pipeline"], &value["spec"]["schemaVersion"]), (&"n".into(), &"2.1.0".into()));
    place.notebook("wrong.ipynb", &WRONG);
    let done = place.call(&["compile", "wrong.ipynb"]).exits(3);
    assert!(done.out.is_empty() && done.err.contains("OX301"), "{}", done.err);
    let value = place.call(&["compile", "wrong.ipynb", "--json"]).exits(3).json();
    assert!(value["diagnostics"].as_array().unwrap().iter().any(|one| one["code"] == "OX301"), "{value}");
}
