//! `oxikale exec`: whole notebooks in the engine.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oxikale_notebook::{CellKind, Notebook};
use serde_json::{Map, Value, json};
use support::Place;
use support::terminal::Terminal;

fn outputs(path: &Path) -> Vec<Value> {
    Notebook::read(path).unwrap().cells().iter().map(|cell| Value::from(cell.outputs())).collect()
}

fn stream(name: &str, lines: &[&str]) -> Value {
    json!({"name": name, "output_type": "stream", "text": lines})
}

#[test]
fn outputs_are_kept_as_jupyter_keeps_them_and_a_second_run_changes_no_byte() {
    let place = Place::new("exec");
    let cells = [
        (CellKind::Markdown, "# Title"),
        (CellKind::Code, "let a = 20;\nprintln!(\"one\");\neprintln!(\"two\");\nprint!(\"three\");"),
        (CellKind::Code, "\n"),
        (CellKind::Code, "fn double(x: i32) -> i32 { x * 2 }\ndouble(a) + 2"),
        (CellKind::Raw, "raw"),
        (
            CellKind::Code,
            "println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>bold</b>\\n<i>it</i>\\nEVCXR_END_CONTENT\");\nprintln!(\"after\");",
        ),
    ];
    let cells = cells.map(|(kind, text)| (kind, text.to_owned(), Vec::new())).to_vec();
    let path = place.file("n.ipynb", &Notebook::new(cells, Map::new()).to_text());
    let done = place.call(&["exec", "n.ipynb"]).exits(0);
    assert_eq!(done.out, "");
    for said in ["[1/3] cell 2: let a = 20;\none\ntwo\nthree\n", "[2/3] cell 4: fn double", "3 cells in ", "n.ipynb"] {
        assert!(done.err.contains(said), "`{said}` is not in {}", done.err);
    }
    let result =
        json!({"data": {"text/plain": ["42"]}, "execution_count": 2, "metadata": {}, "output_type": "execute_result"});
    let display =
        json!({"data": {"text/html": ["<b>bold</b>\n", "<i>it</i>"]}, "metadata": {}, "output_type": "display_data"});
    assert_eq!(
        outputs(&path),
        [
            json!([]),
            json!([stream("stdout", &["one\n"]), stream("stderr", &["two\n"]), stream("stdout", &["three"])]),
            json!([]),
            json!([result]),
            json!([]),
            json!([display, stream("stdout", &["after\n"])]),
        ]
    );
    let counts: Vec<_> = Notebook::read(&path).unwrap().cells().iter().map(|cell| cell.execution_count).collect();
    assert_eq!(counts, [None, Some(1), None, Some(2), None, Some(3)]);

    let first = fs::read(&path).unwrap();
    let done = place.call(&["exec", "n.ipynb", "--quiet"]).exits(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
    assert_eq!(fs::read(&path).unwrap(), first);
}

#[test]
fn errors_stand_in_their_cells_and_fail_the_command() {
    let place = Place::new("exec-errors");
    let cells = [
        ("", "let kept = 5;"),
        ("raises-exception", "panic!(\"expected\");"),
        ("", "let x: u8 = \"text\";"),
        ("", "println!(\"{kept}\");"),
    ];
    let path = place.notebook("n.ipynb", &cells);
    let done = place.call(&["exec", "n.ipynb", "--json", "--quiet"]).exits(1);
    let said = done.json();
    let states: Vec<_> = said["cells"].as_array().unwrap().iter().map(|cell| cell["state"].clone()).collect();
    assert_eq!(states, ["succeeded", "failed_as_expected", "failed", "succeeded"]);
    assert_eq!((&said["failed"], &said["stopped"], &said["left"]), (&json!([3]), &json!(null), &json!(0)));
    assert_eq!(said["cells"][2]["error"]["name"], "E0308");
    assert!(done.err.contains("cell 3: let x") && !done.err.contains("expected\n"), "{}", done.err);
    let kept = outputs(&path);
    assert_eq!(kept[1][0]["output_type"], "error");
    assert!(kept[1][0]["evalue"].as_str().unwrap().contains("expected"), "{}", kept[1]);
    assert_eq!(kept[2][0]["ename"], "E0308");
    let traceback: Vec<&str> =
        kept[2][0]["traceback"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(traceback.len() > 3 && traceback.iter().all(|line| !line.contains('\n')), "{traceback:?}");
    assert_eq!(kept[3], json!([stream("stdout", &["5\n"])]));

    let path = place.notebook("n.ipynb", &cells);
    let done = place.call(&["exec", "n.ipynb", "--stop-on-error"]).exits(1);
    assert!(done.err.contains("1 failed (cell 3), ended at the first error: 1 cell was not run"), "{}", done.err);
    assert_eq!(outputs(&path)[3], json!([]));
}

#[test]
fn parameters_are_set_in_a_cell_of_their_own() {
    let place = Place::new("exec-parameters");
    let cells = [
        ("parameters", "let mut rate: f32 = 0.5;\nlet names = vec![\"a\".to_string()];\nlet n = 3;"),
        ("", "rate += 1.0;\nprintln!(\"{rate} {names:?} {n}\");"),
    ];
    let path = place.notebook("n.ipynb", &cells);
    let before = fs::read(&path).unwrap();
    for (arguments, said) in [
        (vec!["-p", "rat=1"], "did you mean `rate`"),
        (vec!["-p", "n=1.5"], "integer"),
        (vec!["-p", "n"], "name=value"),
        (vec!["--timeout", "0"], "some time"),
        (vec!["--memory-limit", "much"], "4GiB"),
        (vec!["--engine", "python"], "direct"),
    ] {
        let done = place.call(&[vec!["exec", "n.ipynb"], arguments].concat()).exits(2);
        assert!(done.err.contains(said), "{}", done.err);
    }
    assert_eq!(fs::read(&path).unwrap(), before);

    let output = path.with_file_name("out.ipynb");
    place.call(&["exec", "n.ipynb", "-p", "rate=2", "-p", "names=[\"b\", \"c\"]", "-o", "out.ipynb"]).exits(0);
    assert_eq!(fs::read(&path).unwrap(), before, "the notebook itself is left alone");
    let notebook = Notebook::read(&output).unwrap();
    assert_eq!(notebook.cells()[1].tags, ["injected-parameters"]);
    assert_eq!(
        notebook.cells()[1].source,
        "// Parameters\nlet mut rate: f32 = 2.0;\nlet names = vec![\"b\".to_string(), \"c\".to_string()];"
    );
    assert_eq!(outputs(&output)[2], json!([stream("stdout", &["3 [\"b\", \"c\"] 3\n"])]));

    place.call(&["exec", "out.ipynb", "-p", "n=4"]).exits(0);
    assert_eq!(Notebook::read(&output).unwrap().cells()[1].source, "// Parameters\nlet n = 4;");
    assert_eq!(outputs(&output)[2], json!([stream("stdout", &["1.5 [\"a\"] 4\n"])]));
}

#[test]
fn a_cell_that_takes_too_long_or_too_much_is_ended_and_the_rest_runs() {
    let place = Place::new("exec-limits");
    let cells = [
        ("", "let kept = vec![1, 2];\nprintln!(\"begun\");"),
        ("", "loop { std::hint::spin_loop() }"),
        ("", "let big = vec![1u8; 2 << 30];\nprintln!(\"{}\", big.len());"),
        ("", "kept"),
    ];
    let path = place.notebook("n.ipynb", &cells);
    let done = place.call(&["exec", "n.ipynb", "--timeout", "5", "--memory-limit", "1GiB"]).exits(1);
    assert!(done.err.contains("2 failed (cells 2, 3)"), "{}", done.err);
    let kept = outputs(&path);
    assert_eq!(
        (&kept[1][0]["ename"], &kept[1][0]["evalue"]),
        (&json!("timeout"), &json!("the cell ran longer than 5 s and was ended (--timeout)"))
    );
    assert!(kept[2][0]["evalue"].as_str().unwrap().contains("memory"), "{}", kept[2]);
    assert_eq!(kept[3][0]["data"]["text/plain"], json!(["[1, 2]"]));
}

/// Starts a run whose second cell tells its process and that of a child, and then waits; returns both.
fn waiting(place: &Place) -> (std::process::Child, [u32; 2], std::path::PathBuf) {
    let cells = [
        ("", "println!(\"first\");"),
        (
            "",
            "let child = std::process::Command::new(\"sleep\").arg(\"1000\").spawn()?;\n\
             println!(\"pids {} {}\", std::process::id(), child.id());\n\
             std::thread::sleep(std::time::Duration::from_secs(1000));",
        ),
        ("", "println!(\"never\");"),
    ];
    let path = place.notebook("n.ipynb", &cells);
    let mut child = place
        .command(&["exec", "n.ipynb"])
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let pids = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            let (one, other) = line.strip_prefix("pids ")?.split_once(' ')?;
            Some([one.parse().ok()?, other.parse().ok()?])
        })
        .expect("the cell says its pids");
    // Nobody else reads what the command goes on to say.
    std::thread::spawn(move || lines.map_while(Result::ok).count());
    (child, pids, path)
}

fn end(pids: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let lives = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
    };
    while pids.iter().any(lives) {
        assert!(Instant::now() < deadline, "{pids:?} are still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn ctrl_c_ends_the_run_and_keeps_what_was_put_out() {
    let place = Place::new("exec-interrupted");
    let (mut child, pids, path) = waiting(&place);
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    end(&pids);
    let kept = outputs(&path);
    assert_eq!(kept[0], json!([stream("stdout", &["first\n"])]));
    assert!(kept[1][0]["text"][0].as_str().unwrap().starts_with("pids "), "{}", kept[1]);
    assert_eq!(kept[1][1]["ename"], "interrupted");
    assert_eq!(kept[2], json!([]));
}

#[test]
fn a_killed_run_has_saved_the_cells_before_and_leaves_no_process() {
    let place = Place::new("exec-killed");
    let (mut child, pids, path) = waiting(&place);
    let saved = json!([stream("stdout", &["first\n"])]);
    let deadline = Instant::now() + Duration::from_secs(20);
    // At each moment the file is a whole notebook, the one before or the one after a save.
    while outputs(&path)[0] != saved {
        assert!(Instant::now() < deadline, "{:?}", outputs(&path));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    end(&pids);
    assert_eq!(outputs(&path)[0], saved);
}

#[test]
fn what_somebody_edits_meanwhile_is_not_overwritten() {
    let place = Place::new("exec-edited");
    let cells =
        [("", "println!(\"waits\");\nwhile !std::path::Path::new(\"go\").exists() { std::thread::yield_now() }")];
    let path = place.notebook("n.ipynb", &cells);
    let (go, beside) = (path.with_file_name("go"), path.with_file_name("n.executed.ipynb"));
    let _ = (fs::remove_file(&go), fs::remove_file(&beside));
    let mut command = place.command(&["exec", "n.ipynb"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.by_ref().any(|line| line == "waits"));
    let edited = fs::read_to_string(place.notebook("n.ipynb", &[("", "// edited")])).unwrap();
    fs::write(&go, "").unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("somebody else changed the notebook")), "{rest:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    assert_eq!(outputs(&beside)[0], json!([stream("stdout", &["waits\n"])]));
}

#[test]
fn a_cell_that_asks_for_input_hears_that_there_is_none() {
    let place = Place::new("exec-input");
    let path =
        place.notebook("n.ipynb", &[("", "let mut line = String::new();\nstd::io::stdin().read_line(&mut line)?")]);
    place.call(&["exec", "n.ipynb"]).exits(0);
    let kept = &outputs(&path)[0];
    assert!(kept[0]["text"][0].as_str().unwrap().contains("has nobody to ask"), "{kept}");
    assert_eq!(kept[1]["data"]["text/plain"], json!(["0"]));
}

#[test]
fn what_cannot_be_run_or_written_is_refused_before_anything_runs() {
    let place = Place::new("exec-refused");
    let path = place.notebook("n.ipynb", &[("", "println!(\"ran\");")]);
    let done = place.call(&["exec", "n.ipynb", "--output", "missing/out.ipynb"]).exits(4);
    assert!(done.err.contains("missing/out.ipynb cannot be written") && !done.err.contains("ran"), "{}", done.err);
    let python = fs::read_to_string(&path).unwrap().replace("\"language\": \"rust\"", "\"language\": \"python\"");
    place.file("python.ipynb", &python);
    assert!(place.call(&["exec", "python.ipynb"]).exits(2).err.contains("written in python"));
    let mut command = place.command(&["exec", "n.ipynb"]);
    let done = support::Done::of(command.env("RUSTC", "/nowhere/rustc").output().unwrap()).exits(4);
    assert!(done.err.contains("install Rust"), "{}", done.err);
    assert!(
        place.call(&["exec", "n.ipynb", "--toolchain", "no-such-toolchain"]).exits(4).err.contains("no-such-toolchain")
    );
}

#[test]
fn in_a_terminal_the_running_cell_is_drawn_live() {
    let place = Place::new("exec-live");
    let cells = [
        ("", "println!(\"\\x1b[5A\\x1b[32mgreen\");\nstd::thread::sleep(std::time::Duration::from_millis(500));"),
        ("", "nothing_here"),
    ];
    place.notebook("n.ipynb", &cells);
    let mut terminal = Terminal::start(&place.command(&["exec", "n.ipynb"]));
    terminal.shows("green\r\n").shows("[1/2] cell 1: println!").shows("✔ [1/2] cell 1").shows("✘ [2/2] cell 2");
    terminal.shows("2 cells in").shows("1 failed (cell 2)");
    let (status, shown) = terminal.ends();
    assert_eq!(status.code(), Some(1));
    assert!(shown.contains("\x1b[32mgreen\x1b[0m\r\n"), "colours stay, cursor movements do not: {shown:?}");
}
