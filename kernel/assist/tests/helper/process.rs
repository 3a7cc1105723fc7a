//! The life of the process: it starts when it is needed, keeps to deadlines, and ends without harm.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use oxikale_assist::Assist;

use super::Test;
use super::session::{completion, helper, in_time, inserts, program, session, surroundings};

pub fn trials() -> Vec<Test> {
    vec![
        ("deadlines_are_kept", deadlines_are_kept),
        ("a_killed_helper_is_replaced", a_killed_helper_is_replaced),
        ("helpers_end_with_their_front_end", helpers_end_with_their_front_end),
        ("a_stopped_helper_holds_nobody_up", a_stopped_helper_holds_nobody_up),
        ("the_latest_question_wins", the_latest_question_wins),
        ("programs_that_are_no_helpers", programs_that_are_no_helpers),
        ("without_the_standard_library", without_the_standard_library),
    ]
}

fn lives(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn ends(process: u32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while lives(process) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(20));
    }
    !lives(process)
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

fn deadlines_are_kept() {
    let assist = session(&[], &[("mut v", "Vec<i32>")]);
    assert_eq!(assist.process(), None);
    // Nobody can load the standard library that fast.
    let start = Instant::now();
    assert_eq!(assist.complete("v.", 2, start + Duration::from_millis(10)), None);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(assist.complete("v.", 2, Instant::now()), None);
    // What was late is not taken for the answer to another question.
    completion(&assist, "v.le¦", "len");
    completion(&assist, "std::¦", "collections");
    assert!(assist.memory().is_some_and(|bytes| bytes > 10 << 20));
}

fn a_killed_helper_is_replaced() {
    let assist = Arc::new(session(&["struct P { field: u8 }"], &[("p", "P")]));
    completion(&assist, "p.¦", "field");
    let first = assist.process().unwrap();
    signal(first, "-KILL");
    completion(&assist, "p.¦", "field");
    let second = assist.process().unwrap();
    assert_ne!(first, second);
    assert!(!lives(first));
    // Who waits when it happens learns of it at once.
    assist.rest();
    let asking = Arc::clone(&assist);
    let waiting = thread::spawn(move || {
        let start = Instant::now();
        (asking.complete("p.", 2, in_time()), start.elapsed())
    });
    let third = loop {
        match assist.process() {
            Some(process) if process != second => break process,
            _ => thread::sleep(Duration::from_millis(1)),
        }
    };
    signal(third, "-KILL");
    let (found, waited) = waiting.join().unwrap();
    assert!(found.is_none() && waited < Duration::from_secs(10), "{waited:?}");
}

fn helpers_end_with_their_front_end() {
    let assist = session(&[], &[]);
    assist.warm_up();
    let process = assist.process().unwrap();
    assert!(lives(process));
    drop(assist);
    assert!(ends(process));
    // Also if it can say nothing any more: its standard input ends.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("{ sleep 0.2; } | exec \"$0\" __assist >/dev/null").arg(program().unwrap());
    let start = Instant::now();
    assert!(shell.status().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(30));
}

fn a_stopped_helper_holds_nobody_up() {
    let assist = session(&[], &[("mut v", "Vec<i32>")]);
    completion(&assist, "v.¦", "len");
    let process = assist.process().unwrap();
    signal(process, "-STOP");
    let large = format!("v.len();{}", " ".repeat(500_000));
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(assist.complete(&large, 2, Instant::now() + Duration::from_millis(20)), None);
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    signal(process, "-CONT");
    completion(&assist, "v.¦", "len");
    signal(process, "-STOP");
    drop(assist);
    assert!(ends(process));
}

fn the_latest_question_wins() {
    let assist = Arc::new(session(&[], &[("mut v", "Vec<i32>")]));
    let mut earlier = Vec::new();
    for _ in 0..8 {
        let assist = Arc::clone(&assist);
        earlier.push(thread::spawn(move || assist.complete("v.is", 4, in_time())));
        thread::sleep(Duration::from_millis(2));
    }
    // On a busy machine, one of those threads may be later than this one.
    let deadline = in_time();
    let names = loop {
        let names = inserts(&assist, "v.le¦");
        if !names.is_empty() || Instant::now() > deadline {
            break names;
        }
    };
    assert!(names.contains(&"len".to_owned()), "{names:?}");
    // Each is answered, by itself or by nothing.
    for answer in earlier.into_iter().filter_map(|thread| thread.join().unwrap()) {
        assert!(answer.items.iter().any(|item| item.insert == "is_empty"));
    }
    // Questions of other kinds are not in each other's way.
    let other = Arc::clone(&assist);
    let mistakes = thread::spawn(move || other.diagnostics("let x: u8 = \"\";", in_time()));
    completion(&assist, "v.le¦", "len");
    assert_eq!(mistakes.join().unwrap().map(|found| found.len()), Some(1));
}

fn programs_that_are_no_helpers() {
    for (program, arguments) in [("true", vec![]), ("/does/not/exist", vec![]), ("yes", vec![]), ("cat", vec![])] {
        let assist = Assist::new(program, arguments);
        assist.update(surroundings(&[], &[]));
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(assist.complete("1.", 2, Instant::now() + Duration::from_millis(100)), None);
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{program}");
    }
}

fn without_the_standard_library() {
    let assist = helper();
    let mut known = surroundings(
        &["struct Point { x: f64 }", "fn middle(p: &Point) {}"],
        &[("point", "Point"), ("v", "Vec<Point>")],
    );
    known.library = None;
    assist.update(known);
    completion(&assist, "poi¦", "point");
    completion(&assist, "mid¦", "middle");
    completion(&assist, "point.¦", "x");
    assert!(assist.complete("v.", 2, in_time()).unwrap_or_default().items.is_empty());
}
