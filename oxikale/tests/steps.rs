//! Step programs as real processes: values that pass between them, what they record, and how they end.
#![cfg(feature = "step")]

mod step_process;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use step_process::{OURS, Run, keys, program};

#[test]
fn every_kind_of_value_passes_from_step_to_step() {
    let run = Run::new();
    run.step("save").outputs(&keys()).succeeds();
    let metadata = run.metadata("a2");
    assert_eq!(metadata["format"], "npy");
    assert_eq!(metadata["display"], "array of f32, shape [3, 4]");
    assert_eq!(run.metadata("nan")["format"], "json");
    assert_eq!(fs::read_to_string(run.file("nan")).unwrap(), "NaN");
    assert_eq!(fs::read_to_string(run.file("whole_float")).unwrap(), "1.0");
    assert_eq!(fs::read_to_string(run.file("i128_min")).unwrap(), i128::MIN.to_string());
    assert_eq!(run.metadata("point")["format"], "msgpack");
    assert!(run.metadata("point")["rust_type"].as_str().unwrap().ends_with("Point"));
    let loaded = run.step("load").inputs(&keys()).succeeds();
    assert_eq!(loaded.stderr, "");
}

/// Needs a Python with numpy and msgpack, which the variable names.
#[test]
fn python_reads_every_file() {
    let Ok(python) = std::env::var("OXIKALE_PYTHON") else {
        eprintln!("not run: OXIKALE_PYTHON names no python with numpy and msgpack");
        return;
    };
    let run = Run::new();
    run.step("save").outputs(&keys()).succeeds();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_artifacts.py");
    let read = Command::new(python).arg(script).arg(run.output_file()).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), format!("{} artifacts", keys().len() - 1));
}

#[test]
fn a_file_that_is_cut_or_damaged_is_named_and_never_panics() {
    let run = Run::new();
    run.step("save").outputs(&keys()).succeeds();
    for key in ["int", "string", "point", "a2", "chain", "str_map"] {
        let whole = fs::read(run.file(key)).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            // One digit of `42` is a number as well: JSON cannot know.
            if key == "int" && length > 0 {
                continue;
            }
            fs::write(run.file(key), &whole[..length]).unwrap();
            let ended = run.step("load").inputs(&keys()).fails(1);
            assert!(ended.stderr.contains(&format!("variable `{key}`")), "{key} {length}: {}", ended.stderr);
            assert!(ended.stderr.contains("damaged"), "{key} {length}: {}", ended.stderr);
        }
        fs::write(run.file(key), [whole.as_slice(), b"more"].concat()).unwrap();
        run.step("load").inputs(&keys()).fails(1);
        fs::write(run.file(key), &whole).unwrap();
    }
    fs::remove_file(run.file("point")).unwrap();
    let ended = run.step("load").inputs(&keys()).fails(1);
    assert!(ended.stderr.contains("variable `point`") && ended.stderr.contains("missing"), "{}", ended.stderr);
}

#[test]
fn a_value_of_another_type_is_refused() {
    let run = Run::new();
    run.step("small").outputs(&["x"]).succeeds();
    let ended = run.step("wrong-type").inputs(&["x"]).fails(1);
    assert!(
        ended.stderr.contains("variable `x` was saved as `i64`, but this step takes a `alloc::vec::Vec<alloc::string"),
        "{}",
        ended.stderr
    );
}

#[test]
fn parameters_come_as_doubles_and_wrong_ones_are_explained() {
    let run = Run::new();
    run.step("small").outputs(&["x"]).parameter("n", json!(3.0)).succeeds();
    assert_eq!(fs::read_to_string(run.file("x")).unwrap(), "3");
    run.step("small").outputs(&["x"]).succeeds();
    assert_eq!(fs::read_to_string(run.file("x")).unwrap(), "7");
    let ended = run.step("small").outputs(&["x"]).parameter("n", json!("a")).fails(1);
    assert!(
        ended.stderr.contains("parameter `n` must be a whole number (i64), but the run's value is \"a\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_library_records_what_cells_do() {
    let run = Run::new();
    let outputs = ["notes", "table_u2e_json", "by_path", OURS[0], OURS[1], OURS[2]];
    let volume = run.folder().join("volume");
    let ended = run
        .step("library")
        .outputs(&outputs)
        .parameter("n", json!(3.0))
        .parameter("names", json!(["x", "y"]))
        .environment("OXIKALE_VOLUMES", &json!({ "/shared_volume": volume }).to_string())
        .succeeds();
    assert!(ended.stdout.contains("n = 3\nnames = [\"x\", \"y\"]"), "{}", ended.stdout);
    assert!(ended.stdout.contains("error: step `library` has no artifact `undeclared`"), "{}", ended.stdout);
    assert_eq!(fs::read_to_string(volume.join("file.txt")).unwrap(), "on the volume");
    let metrics = run.metadata("step-metrics");
    assert_eq!(metrics["accuracy"], 0.93);
    assert_eq!(metrics["macro F1 \"é\""], "NaN");
    assert_eq!(metrics["loss"], 0.2);
    assert_eq!(run.metadata("notes")["mime"], "text/plain");
    assert_eq!(run.metadata("by_path")["size"], 3);
    assert_eq!(fs::read_to_string(run.file("notes")).unwrap(), "some notes");
    let events = run.events();
    let series: Vec<&Value> = events.iter().filter(|e| e["name"] == "loss").collect();
    assert_eq!(series.len(), 5);
    assert_eq!(series[4]["step"], 4);
    let last = events.iter().rfind(|event| event["type"] == "progress").unwrap();
    assert_eq!((&last["done"], &last["total"]), (&json!(1000), &json!(1000)));
    assert!(events.iter().filter(|event| event["type"] == "progress").count() < 100);
    assert_eq!(events.iter().filter(|event| event["id"] == "status").count(), 2);
    let report = fs::read_to_string(run.file("html-report")).unwrap();
    assert!(!report.contains("<script"), "a script of a display stands in the report itself");
    assert!(report.contains("<iframe sandbox=\"\" srcdoc=\"&lt;script&gt;"));
    assert!(report.contains("a &lt; b &amp; &quot;c&quot;"));
    assert!(report.contains("finished") && !report.contains("starting"));
}

#[test]
fn a_trailing_expression_is_shown_by_the_best_way_of_its_type() {
    let run = Run::new();
    run.step("show").outputs(&OURS).succeeds();
    let shown: Vec<Value> = run
        .events()
        .into_iter()
        .filter(|event| event["type"] == "display")
        .map(|event| event["data"].clone())
        .collect();
    let text = |text: &str| json!({ "text/plain": text });
    let plot = |name: &str| json!({"text/html": format!("<p>{name}</p>"), "image/png": "aGVsbG8="});
    let expected = [
        text("2"),
        text("2.5"),
        text("-3"),
        text("\"text\""),
        text("\"owned\""),
        text("\"owned\""),
        text("\"owned\""),
        text("\"owned\""),
        text("\"wned\""),
        text("2"),
        text("step_program::shows::Plain"),
        text("step_program::shows::run::{{closure}}"),
        plot("value"),
        plot("reference"),
        plot("double reference"),
        plot("mutable"),
        plot("boxed"),
        plot("counted"),
        json!({"text/html": "<p>both</p>"}),
        text("own"),
        text("own"),
        text("own"),
        json!({"text/html": "<p>by trait</p>"}),
        text("Silent"),
        text(""),
        text("Some(1)"),
        text("[1, 2, 3]"),
    ];
    for (index, expected) in expected.iter().enumerate() {
        assert_eq!(&shown[index], expected, "display {index}");
    }
    let long = shown[expected.len()]["text/plain"].as_str().unwrap();
    assert!(long.len() < 70_000 && long.ends_with("(234464 bytes left out)"), "{} bytes", long.len());
    let result: Value = serde_json::from_slice(&fs::read(run.file("cell-result")).unwrap()).unwrap();
    assert_eq!(result, json!({"text/html": "<b>last</b>", "text/plain": "last"}));
    let report = fs::read_to_string(run.file("html-report")).unwrap();
    assert!(!report.contains("onload"), "an SVG stands in the report itself");
}

#[test]
fn a_panic_names_its_cell_and_loses_nothing() {
    let run = Run::new();
    let ended = run.step("panic").outputs(&OURS).fails(101);
    let told = "panicked at cell 5, line 3, column 5: index out of bounds: the len is 1 but the index is 7";
    assert!(ended.stderr.starts_with(told), "{}", ended.stderr);
    assert_eq!(run.metadata("step-metrics")["before"], 1);
    let error = run.events().into_iter().find(|event| event["type"] == "error").unwrap();
    assert_eq!((&error["cell"], &error["line"], &error["column"]), (&json!(5), &json!(3), &json!(5)));
    assert!(fs::read_to_string(run.file("html-report")).unwrap().contains(told));
}

#[test]
fn a_panic_inside_a_crate_names_the_cell_that_called_it() {
    let ended = Run::new().step("foreign-panic").fails(101);
    assert!(ended.stderr.starts_with("panicked at cell 6, line 1, column "), "{}", ended.stderr);
}

#[test]
fn panics_that_a_cell_lives_through_do_not_fail_the_step() {
    let run = Run::new();
    let ended = run.step("thread-panic").outputs(&["x"]).succeeds();
    assert!(ended.stderr.contains("thread `worker` panicked at"), "{}", ended.stderr);
    run.step("caught").outputs(&["x"]).succeeds();
    assert!(run.events().iter().all(|event| event["type"] != "error"));
}

#[test]
fn an_error_names_the_place_of_its_question_mark_and_its_causes() {
    let run = Run::new();
    let ended = run.step("fail").outputs(&OURS).fails(1);
    assert_eq!(ended.stderr, "error at cell 7, line 2: No such file or directory (os error 2)\n");
    assert_eq!(run.metadata("step-metrics")["before"], 2);
    let ended = run.step("fail").outputs(&OURS).parameter("deep", json!(true)).fails(1);
    let told = "error: the table cannot be read\n  caused by: invalid digit found in string\n";
    assert_eq!(ended.stderr, told);
}

#[test]
fn a_variable_that_was_not_handed_on_fails_the_step() {
    let run = Run::new();
    let ended = run.step("early").outputs(&["x"]).fails(1);
    assert!(ended.stderr.contains("`x` was not handed on"), "{}", ended.stderr);
    // A step that saved its variables reached its end; what else is missing is an artifact under an `if`.
    let ended = run.step("half").outputs(&["x", "maybe"]).succeeds();
    assert!(ended.stderr.contains("the artifact `maybe` was not written"), "{}", ended.stderr);
}

#[test]
fn a_value_that_gives_up_half_way_leaves_no_file() {
    let run = Run::new();
    let ended = run.step("unserializable").outputs(&["x"]).fails(1);
    assert!(ended.stderr.contains("variable `x` cannot be saved") && ended.stderr.contains("no more to give"));
    assert_eq!(run.files_beside("x"), Vec::<String>::new());
}

#[test]
fn a_full_disk_says_so_and_leaves_no_file() {
    // A limit on the size of files makes the same kind of failure as a full disk, without one.
    let run = Run::new();
    let ended = run.step("full").outputs(&["x"]).with_file_limit().fails(1);
    assert!(ended.stderr.contains("variable `x` cannot be saved"), "{}", ended.stderr);
    assert!(ended.stderr.contains("File too large"), "{}", ended.stderr);
    assert_eq!(run.files_beside("x"), Vec::<String>::new());
}

#[test]
fn a_closed_standard_output_loses_no_result() {
    let run = Run::new();
    let mut child = run.step("chatty").outputs(&["x"]).command();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = child.stdout(writer).status().unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(run.file("x")).unwrap(), "1");
}

#[test]
fn a_step_may_recurse_deeply() {
    let run = Run::new();
    run.step("recurse").outputs(&["x"]).succeeds();
    assert_eq!(fs::read_to_string(run.file("x")).unwrap(), "20000");
}

#[test]
fn a_killed_runner_takes_its_step_along() {
    let run = Run::new();
    let step = run.step("sleep").environment("OXIKALE_RUN", "r");
    let (program, input) = (program(), step.input());
    // The shell is the runner: it starts the step, tells its number, and is killed.
    let mut shell = Command::new("sh")
        .args(["-c", "\"$0\" --step sleep --executor_input \"$1\" & echo $!; wait"])
        .arg(program)
        .arg(input)
        .env("OXIKALE_RUN", "r")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    assert!(first.contains(&"ready".to_owned()), "{first:?}");
    shell.kill().unwrap();
    shell.wait().unwrap();
    // The pipe ends when its last writer, the step, is gone.
    assert_eq!(lines.count(), 0);
}

#[test]
fn useless_arguments_exit_with_2_and_say_why() {
    for (arguments, told) in [
        (vec!["--step", "save"], "--executor_input JSON is missing"),
        (vec!["--step"], "--step needs a value"),
        (vec!["--bogus"], "unknown argument `--bogus`"),
        (vec!["--step", "nope", "--executor_input", "{}"], "no step `nope`; its steps: save"),
        (vec!["--step", "save", "--executor_input", "{"], "the executor input makes no sense"),
        (vec!["--step", "save", "--executor_input", "{}"], "outputs.outputFile"),
        (vec!["--step", "save", "--executor_input", "@/nonexistent"], "cannot read the executor input /nonexistent"),
    ] {
        let ended = Command::new(program()).args(&arguments).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(told), "{arguments:?}: {ended:?}");
    }
    let listed = Command::new(program()).arg("--list").output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("save\nload\n"));
}

#[test]
fn a_long_executor_input_may_lie_in_a_file() {
    let run = Run::new();
    let file = run.folder().join("input.json");
    fs::write(&file, run.step("small").outputs(&["x"]).input()).unwrap();
    let argument = format!("--executor_input=@{}", file.display());
    assert!(Command::new(program()).args(["--step=small", &argument]).status().unwrap().success());
    assert_eq!(fs::read_to_string(run.file("x")).unwrap(), "7");
}
