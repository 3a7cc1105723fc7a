//! `oxikale repl`, in a terminal and with scripts.

mod support;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use support::terminal::Terminal;
use support::{Done, Place};

fn script(place: &Place, text: &str) -> Done {
    let mut child =
        place.command(&["repl"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Done::of(child.wait_with_output().unwrap())
}

#[test]
fn a_scripts_cells_run_as_they_become_complete() {
    let place = Place::new("repl-script");
    let text = "let a = 20;\n\nfn double(x: i32) -> i32 {\n    x * 2\n}\n#[derive(Debug)]\nstruct P {\n    x: i32,\n}\n\
                P { x: double(a) + 2 }\nprintln!(\n    \"no prompt\"\n);";
    let done = script(&place, text).exits(0);
    assert_eq!(done.out, "P { x: 42 }\nno prompt\n", "{}", done.err);
    assert_eq!(done.err, "");
}

#[test]
fn a_script_with_a_failing_cell_goes_on_and_fails_in_the_end() {
    let place = Place::new("repl-failing");
    let done = script(&place, "let a = 1;\nlet b: u8 = \"text\";\npanic!(\"not today\");\na + 1\n(1 + ").exits(1);
    assert_eq!(done.out, "2\n");
    assert!(done.err.contains("E0308") && done.err.contains("not today"), "{}", done.err);
    assert!(!done.err.contains('\x1b'), "into a pipe there are no colours: {:?}", done.err);
    let quit = script(&place, "1\n:quit\n2\n").exits(0);
    assert_eq!(quit.out, "1\n");
}

#[test]
fn a_script_has_no_input_for_its_cells() {
    let place = Place::new("repl-no-input");
    let text = "let mut line = String::from(\"x\");\nstd::io::stdin().read_line(&mut line)?\nline\n";
    let done = script(&place, text).exits(0);
    assert_eq!(done.out, "0\n\"x\"\n", "{}", done.err);
    assert!(done.err.contains("standard input is the script"), "{}", done.err);
}

#[test]
fn results_as_json_are_refused_with_the_reason() {
    let done = Place::new("repl-json").call(&["repl", "--json"]).exits(2);
    assert!(done.json()["error"].as_str().unwrap().contains("no results as JSON"));
}

#[test]
fn cells_of_several_lines_are_typed_completed_and_remembered() {
    let place = Place::new("repl-terminal");
    let mut terminal = Terminal::start(&place.command(&["repl"]));
    terminal.shows("`:help` lists commands").shows("In [1]: ");
    terminal.types("let counter = {\r").shows("{\r\n").types("21\r}; // é\r").shows("In [2]: ");
    // Tab completes the only variable that begins like this; Ctrl-J begins a new line though the cell is complete.
    terminal.types("coun\t\n* 2\r").shows("Out[2]: 42").shows("In [3]: ");
    terminal.types("not sent\x03").shows("In [3]: ");
    terminal.types("vec![1, 2]\r").shows("Out[3]: [1, 2]").shows("In [4]: ");
    terminal.types("let b = nope;\r").shows("E0425").shows("In [5]: ");
    terminal.types("\x04");
    let (status, shown) = terminal.ends();
    assert!(status.success(), "{shown:?}");
    assert!(shown.contains("\x1b[35mlet\x1b[0m"), "keywords are in colour: {shown:?}");

    let history = place.data.path().join("repl_history");
    assert_eq!(std::fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    let mut terminal = Terminal::start(&place.command(&["repl", "--quiet", "--color", "never"]));
    // Two cells up.
    terminal.shows("In [1]: ").types("\x1b[A\x1b[A\r").shows("Out[1]: [1, 2]").shows("In [2]: ").types("\x04");
    let (status, shown) = terminal.ends();
    assert!(status.success() && !shown.contains("\x1b[35m") && !shown.contains(":help"), "{shown:?}");
}

#[test]
fn ctrl_c_ends_the_cell_and_keeps_the_variables() {
    let place = Place::new("repl-interrupt");
    let mut terminal = Terminal::start(&place.command(&["repl"]));
    terminal.shows("In [1]: ").types("let kept = String::from(\"still here\");\r").shows("In [2]: ");
    terminal.types("println!(\"{}\", \"begun\"); loop { std::hint::spin_loop() }\r").shows("\nbegun");
    terminal.types("\x03").shows("interrupted").shows("In [3]: ");
    terminal.types("kept\r").shows("Out[3]: \"still here\"").shows("In [4]: ");
    terminal.types(":quit\r");
    assert!(terminal.ends().0.success());
}

#[test]
fn user_code_reads_lines_that_the_user_types() {
    let place = Place::new("repl-input");
    let mut terminal = Terminal::start(&place.command(&["repl"]));
    terminal.shows("In [1]: ").types("let mut line = String::new();\r").shows("In [2]: ");
    terminal.types("println!(\"{}?\", \"name\"); std::io::stdin().read_line(&mut line)?\r").shows("\nname?");
    terminal.types("Ada Lovelace\n").shows("Out[2]: 13").shows("In [3]: ");
    // A question that Ctrl-C takes back takes nothing of what is typed next.
    terminal.types("println!(\"{}?\", \"again\"); std::io::stdin().read_line(&mut line)?\r").shows("\nagain?");
    terminal.types("\x03").shows("interrupted").shows("In [4]: ");
    terminal.types("line\r").shows("Out[4]: \"Ada Lovelace\\n\"").shows("In [5]: ");
    terminal.types("\x04");
    assert!(terminal.ends().0.success());
}

#[test]
fn commands_that_are_completed_are_those_of_the_engine() {
    let place = Place::new("repl-commands");
    let help = script(&place, ":help\n").exits(0).out;
    let mut terminal = Terminal::start(&place.command(&["repl"]));
    // Twice, since the first one completes as far as all have in common, which is nothing.
    terminal.shows("In [1]: ").types(":\t\t").shows("version").shows("In [1]: :");
    // What is typed together with Ctrl-C is dropped with what was typed before it.
    terminal.types("\x03").shows("In [1]: ").types("\x04");
    let (_, shown) = terminal.ends();
    let listed = shown.split("\n").flat_map(str::split_whitespace).filter(|word| help.contains(&format!(":{word}")));
    let listed: std::collections::BTreeSet<&str> = listed.collect();
    let known: std::collections::BTreeSet<&str> = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix(':'))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, known, "{help}");
}
