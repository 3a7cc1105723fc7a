//! Whole runs, with a program that cargo builds.

mod support;

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use support::{Done, Place};

/// Parameters, a metric, parallel steps, a trailing expression.
const TINY: [(&str, &str); 5] = [
    ("pipeline-parameters", "let n = 3;\nlet word = \"hi\";"),
    (
        "step:count",
        "let mut sum = 0;\nfor i in 0..n { sum += i; println!(\"{word} {i}\"); }\noxikale::metrics::log(\"sum\", f64::from(sum));",
    ),
    ("step:left prev:count", "let l = sum + 1;\neprintln!(\"left is {l}\");"),
    ("step:right prev:count", "let r = sum * 10;"),
    ("step:end prev:left prev:right", "format!(\"total {}\", l + r)"),
];

#[test]
fn a_notebook_runs_with_parameters_and_everything_is_kept() {
    let place = Place::new("run");
    place.notebook("tiny.ipynb", &TINY);
    let built = place.call(&["build", "tiny.ipynb", "--json", "--quiet"]).exits(0).json();
    assert!(fs::metadata(built["program"].as_str().unwrap()).unwrap().is_file());
    for name in ["package", "target", "lock"] {
        assert!(fs::metadata(built[name].as_str().unwrap()).is_ok(), "{name}: {built}");
    }
    assert!(built["seconds"].is_f64());
    assert_eq!(place.call(&["build", "tiny.ipynb", "--json"]).exits(0).json()["reused"], true);

    let done = place.call(&["run", "tiny.ipynb", "-p", "n=5", "-p", "word=hey=you", "--name", "first try"]).exits(0);
    for said in
        ["[count] hey=you 4\n", "[left] left is 11\n", "count: succeeded after", "\"total 111\"", "n = 5", "first try"]
    {
        assert!(done.out.contains(said), "`{said}` is not in {}", done.out);
    }
    assert!(!done.out.contains('\x1b'), "into a pipe the output is plain: {:?}", done.out);

    let runs = place.call(&["runs", "--json"]).exits(0).json();
    assert_eq!(
        (runs.as_array().unwrap().len(), &runs[0]["state"], &runs[0]["name"]),
        (1, &"succeeded".into(), &"first try".into())
    );
    let id = runs[0]["id"].as_str().unwrap();
    assert!(place.call(&["runs"]).exits(0).out.contains(id));
    let shown = place.call(&["runs", &id[..8]]).exits(0).out;
    assert!(shown.contains("✔ left") && shown.contains("total 111"), "{shown}");

    assert_eq!(place.call(&["logs", "latest", "left"]).exits(0).out, "left is 11\n");
    assert_eq!(place.call(&["logs", "latest", "left", "--stdout"]).exits(0).out, "");
    let log = place.call(&["logs", id, "left", "--json"]).exits(0).json();
    assert_eq!((&log["log"][0]["stream"], &log["log"][0]["text"]), (&"stderr".into(), &"left is 11\n".into()));
    assert!(place.call(&["logs", id, "lift"]).exits(2).err.contains("`left`"));

    let artifacts = place.call(&["artifacts", "latest", "count", "--json"]).exits(0).json();
    let sum = artifacts.as_array().unwrap().iter().find(|artifact| artifact["key"] == "sum").unwrap();
    assert_eq!((&sum["format"], &sum["rust_type"]), (&"json".into(), &"i32".into()));
    assert_eq!(fs::read_to_string(sum["path"].as_str().unwrap()).unwrap().trim(), "10");
    assert!(place.call(&["artifacts", "latest"]).exits(0).out.contains("i32"));
    place.call(&["artifacts", "latest", "nowhere"]).exits(2);
    let metrics = place.call(&["metrics", "latest", "--json"]).exits(0).json();
    assert_eq!((&metrics[0]["name"], metrics[0]["value"].as_f64()), (&"sum".into(), Some(10.0)));
    assert!(place.call(&["metrics", "latest"]).exits(0).out.contains("sum"));
}

#[test]
fn events_and_the_result_are_json_lines() {
    let place = Place::new("run-json");
    place.notebook("tiny.ipynb", &TINY);
    place.file("params.json", "{\"n\": 2, \"word\": \"from the file\"}");
    let done = place.call(&["run", "tiny.ipynb", "--json", "--params", "params.json", "-p", "n=4"]).exits(0);
    let lines: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.first().unwrap()["event"], "run_started");
    assert!(
        lines
            .iter()
            .any(|line| line["event"] == "output" && line["text"].as_str().unwrap().contains("from the file 3"))
    );
    let result = lines.last().unwrap();
    assert_eq!((&result["event"], &result["run"]["state"]), (&"result".into(), &"succeeded".into()));
    assert_eq!((&result["run"]["arguments"]["n"], result["steps"].as_array().unwrap().len()), (&4.into(), 4));
    assert_eq!(result["metrics"][0]["value"].as_f64(), Some(6.0));
}

#[test]
fn wrong_arguments_are_told_before_anything_is_built() {
    let place = Place::new("run-arguments");
    place.notebook("tiny.ipynb", &TINY);
    place.file("list.json", "[1]");
    for (arguments, said) in [
        (vec!["-p", "m=1"], "did you mean `n`"),
        (vec!["-p", "n=many"], "no integer"),
        (vec!["-p", "n"], "n"),
        (vec!["--params", "list.json"], "object"),
        (vec!["--params", "missing.json"], "cannot be read"),
        (vec!["--volume", "/nowhere=x"], "no volume `/nowhere`"),
        (vec!["--volume", "x"], "VOLUME=FOLDER"),
    ] {
        let all = [vec!["run", "tiny.ipynb"], arguments].concat();
        let done = place.call(&all).exits(2);
        assert!(done.err.contains(said) && !done.err.contains("Compiling"), "{all:?}: {}", done.err);
    }
    assert_eq!(place.call(&["runs", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn a_failing_step_fails_the_run_and_its_log_is_kept() {
    let place = Place::new("run-failing");
    let cells = [
        ("step:good", "let a = 7;"),
        ("step:bad prev:good", "println!(\"before\");\nlet v: Vec<i32> = Vec::new();\nlet x = v[a];"),
        ("step:after prev:bad", "println!(\"{x}\");"),
    ];
    place.notebook("failing.ipynb", &cells);
    let done = place.call(&["run", "failing.ipynb"]).exits(1);
    assert!(done.out.contains("failing.ipynb, cell 2:3:10"), "the cell is drawn: {}", done.out);
    assert!(done.out.contains("step `bad` failed") && done.out.contains("–"), "{}", done.out);
    assert!(place.call(&["logs", "latest", "bad"]).exits(0).out.starts_with("before\n"));
    assert!(place.call(&["logs", "latest", "after"]).exits(0).err.contains("skipped"));
    let run = place.call(&["runs", "latest", "--json"]).exits(0).json();
    let states: Vec<&str> =
        run["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect();
    assert_eq!((run["run"]["state"].as_str(), states), (Some("failed"), vec!["succeeded", "failed", "skipped"]));
}

#[test]
fn errors_of_the_notebook_and_of_the_machine_have_their_own_codes() {
    let place = Place::new("run-codes");
    place.notebook("wrong.ipynb", &[("step:one", "println!(\"{nothing}\");")]);
    assert!(place.call(&["run", "wrong.ipynb"]).exits(3).err.contains("OX301"));
    assert!(place.call(&["build", "wrong.ipynb"]).exits(3).err.contains("OX301"));
    place.notebook("fine.ipynb", &[("step:one", "println!(\"fine\");")]);
    let mut command = place.command(&["check", "fine.ipynb"]);
    let done = Done::of(command.env("CARGO", "/nowhere/cargo").output().unwrap()).exits(4);
    assert!(done.err.contains("cargo cannot be started"), "{}", done.err);
}

#[test]
fn a_run_goes_on_when_nobody_reads_of_it() {
    let place = Place::new("run-unread");
    place.notebook("tiny.ipynb", &TINY);
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    Done::of(place.command(&["run", "tiny.ipynb"]).stdout(writer).output().unwrap()).exits(0);
    assert_eq!(place.call(&["runs", "latest", "--json"]).json()["run"]["state"], "succeeded");
}

#[test]
fn ctrl_c_ends_every_child_and_the_run_stays_readable() {
    let place = Place::new("run-interrupted");
    let cells = [
        (
            "step:long",
            "let child = std::process::Command::new(\"sleep\").arg(\"1000\").spawn()?;\n\
             println!(\"pids {} {}\", std::process::id(), child.id());\n\
             std::thread::sleep(std::time::Duration::from_secs(1000));",
        ),
        ("step:next prev:long", "println!(\"never\");"),
    ];
    place.notebook("long.ipynb", &cells);
    place.call(&["build", "long.ipynb"]).exits(0);
    let mut child = place
        .command(&["run", "long.ipynb"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let pids: Vec<u32> = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("[long] pids ")?.split(' ').map(|pid| pid.parse().ok()).collect())
        .expect("the step says its pids");
    let killed = Command::new("kill").args(["-INT", "--", &format!("-{}", child.id())]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("cancelled")), "{rest:?}");

    // A killed process may be there for a moment, until its new parent has taken notice.
    let deadline = Instant::now() + Duration::from_secs(10);
    while pids.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < deadline, "{pids:?} are still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    let run = place.call(&["runs", "latest", "--json"]).exits(0).json();
    assert_eq!(run["run"]["state"], "cancelled");
    assert!(place.call(&["logs", "latest", "long"]).exits(0).out.starts_with("pids "));
}

/// Whether a process is there and no zombie.
fn lives(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

#[test]
fn in_a_terminal_the_steps_are_drawn_live() {
    let place = Place::new("run-live");
    let mut cells = TINY;
    cells[3].1 = "println!(\"\\x1b[5A\\x1b[32mgreen\");\nstd::thread::sleep(std::time::Duration::from_millis(600));\nlet r = sum * 10;";
    place.notebook("tiny.ipynb", &cells);
    place.call(&["build", "tiny.ipynb"]).exits(0);

    let mut master = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::from(rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
    tcsetwinsize(&slave, Winsize { ws_row: 30, ws_col: 90, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let mut command = place.command(&["run", "tiny.ipynb"]);
    command.stdout(slave.try_clone().unwrap()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // With it goes the last descriptor of the terminal that this process has.
    drop(command);
    let mut bytes = Vec::new();
    // When the last process has closed a terminal, reading fails instead of ending.
    let _ = master.read_to_end(&mut bytes);
    assert!(child.wait().unwrap().success());

    let text = String::from_utf8_lossy(&bytes);
    let frames: Vec<&str> = text.split("\x1b[?2026h").collect();
    assert!(frames.len() > 4, "{text:?}");
    let during = frames.iter().find(|frame| frame.contains("2 of 4 steps") || frame.contains("1 of 4 steps")).unwrap();
    assert!(during.contains("right") && during.contains("end"), "{during:?}");
    assert!(
        text.contains("│\x1b[0m \x1b[32mgreen\x1b[0m\r\n"),
        "colours of a step stay, its cursor movements do not: {text:?}"
    );
    assert!(frames.last().unwrap().contains("succeeded"), "{text:?}");
}

/// The steps of a run that were taken from an earlier one.
fn reused(place: &Place) -> Vec<String> {
    let shown = place.call(&["runs", "latest", "--json"]).exits(0).json();
    let steps = shown["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["reused"].is_string()).map(|step| step["task"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn after_a_mistake_is_mended_only_what_it_concerns_runs_again() {
    let place = Place::new("resume");
    // Whether `k` is an `i32` is decided by what other steps do with it.
    let mut cells = [
        ("functions", "fn double(x: i64) -> i64 { x * 2 }\nfn triple(x: i64) -> i64 { x * 3 }"),
        ("pipeline-parameters", "let n = 3;"),
        (
            "step:load",
            "let rows: Vec<i64> = (0..n).collect();\nlet k = 2;\nprintln!(\"k has {} bytes\", std::mem::size_of_val(&k));",
        ),
        ("step:twice prev:load", "let twice: i64 = rows.iter().map(|x| double(*x)).sum();"),
        (
            "step:fit prev:load",
            "fn fit(rows: &[i64]) -> i64 { panic!(\"no fit for {}\", rows.len()) }\nlet model = fit(&rows);",
        ),
        ("step:end prev:twice prev:fit", "println!(\"{} {twice} {model}\", k + 1);"),
    ];
    place.notebook("nb.ipynb", &cells);
    assert!(place.call(&["run", "nb.ipynb", "--resume", "latest"]).exits(2).err.contains("has not been run yet"));
    let failed = place.call(&["run", "nb.ipynb", "-p", "n=4"]).exits(1);
    assert!(failed.out.contains("no fit for 4"), "{}", failed.out);
    assert!(place.call(&["run", "nb.ipynb", "--resume", "nothing"]).exits(2).err.contains("there is no run `nothing`"));

    cells[4].1 = "fn fit(rows: &[i64]) -> i64 { rows.iter().sum() }\nlet model = fit(&rows);";
    place.notebook("nb.ipynb", &cells);
    let done = place.call(&["run", "nb.ipynb", "--resume", "latest"]).exits(0);
    assert_eq!(reused(&place), ["load", "twice"], "{}", done.out);
    for said in ["load: reused from nb-", "which resumes nb-", "[end] 3 12 6\n", "n = 4"] {
        assert!(done.out.contains(said), "`{said}` is not in {}", done.out);
    }
    assert_eq!(place.call(&["logs", "latest", "load"]).exits(0).out, "k has 4 bytes\n");

    // Nothing has changed.
    let done = place.call(&["run", "nb.ipynb", "--resume", "latest", "--json"]).exits(0);
    assert_eq!(reused(&place).len(), 4);
    let told = |line: &str| line.contains("\"step_ended\"") && line.contains("\"reused\":\"nb-");
    assert_eq!(done.out.lines().filter(|line| told(line)).count(), 4, "{}", done.out);

    // A shared function that one of the steps calls.
    cells[0].1 = "fn double(x: i64) -> i64 { x * 20 }\nfn triple(x: i64) -> i64 { x * 30 }";
    place.notebook("nb.ipynb", &cells);
    let done = place.call(&["run", "nb.ipynb", "--resume", "latest"]).exits(0);
    assert_eq!(reused(&place), ["load", "fit"], "{}", done.out);
    assert!(done.out.contains("[end] 3 120 6\n"), "{}", done.out);

    // The text of `load` is the same, but its `k` has become another type.
    cells[5].1 = "println!(\"{} {twice} {model}\", rows[k]);";
    place.notebook("nb.ipynb", &cells);
    let done = place.call(&["run", "nb.ipynb", "--resume", "latest"]).exits(0);
    assert!(reused(&place).is_empty(), "{}", done.out);
    assert!(done.out.contains("[load] k has 8 bytes\n") && done.out.contains("[end] 2 120 6\n"), "{}", done.out);

    // A new value of a parameter concerns those that use it, and what comes after them.
    let done = place.call(&["run", "nb.ipynb", "--resume", "latest", "-p", "n=5"]).exits(0);
    assert!(reused(&place).is_empty() && done.out.contains("[end] 2 200 10\n"), "{}", done.out);
}
