//! How the command is called: help, completion, wrong arguments, pipes that are closed.

mod support;

use std::io;

use support::{Done, Place};

const COMMANDS: [&str; 14] = [
    "check",
    "graph",
    "compile",
    "build",
    "run",
    "exec",
    "repl",
    "kernel",
    "runs",
    "logs",
    "artifacts",
    "metrics",
    "explain",
    "completions",
];

#[test]
fn every_command_has_help_with_an_example() {
    let place = Place::new("help");
    let all = place.call(&["--help"]).exits(0);
    for command in COMMANDS {
        assert!(all.out.contains(&format!("\n  {command} ")), "{}", all.out);
        let help = place.call(&[command, "--help"]).exits(0);
        assert!(help.out.contains(&format!("Examples:\n  oxikale {command}")), "{command}: {}", help.out);
        for option in ["--json", "--color", "--quiet"] {
            assert!(help.out.contains(option), "{command} has no {option}");
        }
    }
}

#[test]
fn the_version_is_the_crates() {
    let place = Place::new("version");
    assert_eq!(place.call(&["--version"]).exits(0).out, format!("oxikale {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_says_what_is_wrong() {
    let place = Place::new("wrong");
    place.call(&[]).exits(2);
    assert!(place.call(&["chekc", "x.ipynb"]).exits(2).err.contains("check"));
    assert!(place.call(&["run", "x.ipynb", "--cores", "0"]).exits(2).err.contains("one core at least"));
    assert!(place.call(&["run", "x.ipynb", "--memory", "8GB"]).exits(2).err.contains("8Gi"));
    assert!(place.call(&["logs", "latest", "a", "--attempt", "0"]).exits(2).err.contains("attempt"));
}

#[test]
fn what_is_no_notebook_is_refused_with_the_reason() {
    let place = Place::new("files");
    place.file("empty.ipynb", "");
    place.file("list.ipynb", "[1, 2]");
    place.file("text.ipynb", "not json");
    place.file("broken.ipynb", "{\"cells\": [");
    place.file("old.ipynb", "{\"nbformat\": 2, \"worksheets\": []}");
    for command in ["check", "graph", "compile", "build", "run", "exec"] {
        for (file, said) in [
            ("missing.ipynb", "cannot be read"),
            (".", "this is a folder"),
            ("empty.ipynb", "the file is empty"),
            ("list.ipynb", "not a notebook"),
            ("text.ipynb", "not JSON"),
            ("broken.ipynb", "not JSON"),
            ("old.ipynb", "too old"),
        ] {
            let done = place.call(&[command, file]).exits(2);
            assert!(done.err.starts_with("error: ") && done.err.contains(said), "{command} {file}: {}", done.err);
            assert_eq!(done.out, "");
            let done = place.call(&[command, file, "--json"]).exits(2);
            let value = done.json();
            assert!(value["error"].as_str().unwrap().contains(said) && value["exit_code"] == 2, "{value}");
            assert_eq!(done.err, "");
        }
    }
}

#[test]
fn shells_get_completions() {
    let place = Place::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.call(&["completions", shell]).exits(0).out;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} knows no {command}");
        }
    }
    place.call(&["completions", "tcsh"]).exits(2);
}

#[test]
fn codes_are_explained() {
    let place = Place::new("explain");
    let list = place.call(&["explain"]).exits(0).out;
    assert!(list.lines().any(|line| line.starts_with("OX301  ")), "{list}");
    let page = place.call(&["explain", "ox301"]).exits(0).out;
    assert!(page.starts_with("# OX301"), "into a pipe the page is Markdown: {page}");
    let shown = place.call(&["explain", "[OX301]", "--color", "always"]).exits(0).out;
    assert!(shown.starts_with("\x1b[1mOX301") && !shown.contains("```"), "{shown}");
    let all = place.call(&["explain", "--json"]).exits(0).json();
    for entry in all.as_array().unwrap() {
        let code = entry["code"].as_str().unwrap();
        let page = place.call(&["explain", code, "--json"]).exits(0).json();
        assert_eq!(page["title"], entry["title"]);
        assert!(page["page"].as_str().unwrap().contains(entry["title"].as_str().unwrap()), "{code}");
    }
    assert!(place.call(&["explain", "OX000"]).exits(2).err.contains("lists all codes"));
    assert!(place.call(&["explain", "E0382"]).exits(2).err.contains("rustc --explain E0382"));
}

#[test]
fn nobody_reading_is_no_error() {
    let place = Place::new("pipe");
    place.notebook("n.ipynb", &[("step:one", "let a = 1;"), ("step:two prev:one", "println!(\"{a}\");")]);
    for arguments in [
        vec!["explain"],
        vec!["explain", "OX301", "--json"],
        vec!["compile", "n.ipynb"],
        vec!["graph", "n.ipynb"],
        vec!["check", "n.ipynb", "--no-rustc"],
        vec!["completions", "zsh"],
        vec!["--help"],
        vec!["runs", "--json"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let done = Done::of(place.command(&arguments).stdout(writer).output().unwrap()).exits(0);
        assert_eq!(done.err, "", "{arguments:?}");
    }
}

#[test]
fn without_runs_there_is_nothing_to_list() {
    let place = Place::new("no-runs");
    assert!(place.call(&["runs"]).exits(0).err.contains("no run yet"));
    assert_eq!(place.call(&["runs", "--json"]).exits(0).json(), serde_json::json!([]));
    for command in
        [vec!["logs", "latest", "a"], vec!["artifacts", "latest"], vec!["metrics", "nothing"], vec!["runs", "x"]]
    {
        assert!(place.call(&command).exits(2).err.contains("there is no run"), "{command:?}");
    }
}
