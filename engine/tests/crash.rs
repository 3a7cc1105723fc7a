//! Faults of cells: each of them fifty times in one session, between cells that must find everything as it was.

#[path = "support/direct_session.rs"]
mod direct_session;

use std::time::Duration;

use direct_session::Session;
use oxikale_engine::direct::Options;
use oxikale_engine::{ErrorKind, Event, Outcome, Stream};

/// How often each fault happens.
const ROUNDS: u64 = 50;

/// What an interrupt may take on a machine that does other things as well, the going back included.
const PROMPT: Duration = Duration::from_secs(1);

/// More than that is never only the machine's fault.
const LIMIT: Duration = Duration::from_secs(10);

/// What every fault spoils before it happens.
const SPOIL: &str = "count += 1_000_000; text.push_str(\"spoilt\"); shared.borrow_mut().clear(); drop(numbers); \
                     let stamp = \"another type\"; let left_over = stamp.len();\n";

/// Variables of every kind that a cell can lose, and pools of threads.
const SETUP: [&str; 3] = [
    ":dep rayon = \"1\"\n:dep oxikale = \"0.1\"\nuse rayon::prelude::*;\nuse std::{cell::RefCell, collections::BTreeMap, rc::Rc};",
    "fn deep(n: u64) -> u64 { if n == u64::MAX { 0 } else { deep(n + 1) + std::hint::black_box(n) } }\n\
     unsafe extern \"C\" { safe fn sleep(seconds: u32) -> u32; }",
    "let numbers: Vec<u64> = (0..10_000).collect();\n\
     let mut count = 0_u64;\n\
     let mut text = String::new();\n\
     let shared = Rc::new(RefCell::new(BTreeMap::from([(\"a\", 1)])));\n\
     let more = Rc::clone(&shared);\n\
     let next = { let step = numbers.len() as u64; move |from: u64| from + step };\n\
     let stamp = 0_u64;",
];

const VARIABLES: [&str; 7] = [
    "count: mut u64",
    "more: Rc<RefCell<BTreeMap<&str, i32>>>",
    "next: &(dyn Fn(u64) -> u64 + Send + Sync)",
    "numbers: Vec<u64>",
    "shared: Rc<RefCell<BTreeMap<&str, i32>>>",
    "stamp: u64",
    "text: mut String",
];

fn start(memory_limit: Option<u64>) -> Session {
    let mut session = Session::start(Options { memory_limit, ..Options::default() });
    for cell in SETUP {
        session.run(cell).printed();
    }
    check(&mut session, 0);
    session
}

/// Everything is as it must be when `rounds` rounds are over; another one follows.
fn check(session: &mut Session, rounds: u64) {
    assert_eq!(session.variables(), VARIABLES);
    let shown = session.run(
        "println!(\"{count} {} {} {stamp} {:?} {} {}\", text.len(), numbers.len(), shared.borrow(), \
         Rc::ptr_eq(&shared, &more), next(1));",
    );
    let map = format!("{{\"a\": {}}}", rounds + 1);
    assert_eq!(shown.printed(), format!("{rounds} {rounds} 10000 {} {map} true 10001\n", 2 * rounds));
    let parallel = session.run("println!(\"{}\", numbers.par_iter().map(|n| n * 2).sum::<u64>());");
    assert_eq!(parallel.printed(), "99990000\n");
}

/// Cells that change variables, and print in a certain order.
fn advance(session: &mut Session) {
    session
        .run("count += 1; text.push('x'); *shared.borrow_mut().get_mut(\"a\").unwrap() += 1; let stamp = count * 2;")
        .printed();
    let ran = session.run(
        "println!(\"1\"); eprint!(\"2 \"); print!(\"3 \"); oxikale::display::show(&oxikale::display::html(\"4\")); \
         println!(\"5\"); eprintln!(\"6\"); println!(\"7\");",
    );
    let mut order = String::new();
    let mut last = None;
    for event in &ran.events {
        let (source, words) = match event {
            Event::Text { stream, bytes } => (Some(*stream), String::from_utf8_lossy(bytes).into_owned()),
            Event::Display { data, .. } => (None, data["text/html"].as_str().unwrap_or_default().to_owned()),
            _ => continue,
        };
        if last != Some(source) {
            order.push_str(match source {
                Some(Stream::Stdout) => "out:",
                Some(Stream::Stderr) => "err:",
                None => "display:",
            });
            last = Some(source);
        }
        order.push_str(&words);
    }
    assert_eq!(order, "out:1\nerr:2 out:3 display:4out:5\nerr:6\nout:7\n", "{}", ran.told());
}

/// A fault that comes by itself.
fn survive(memory_limit: Option<u64>, fault: &str, kind: ErrorKind, name: &str) {
    let mut session = start(memory_limit);
    for round in 1..=ROUNDS {
        advance(&mut session);
        let ran = session.run(&format!("{SPOIL}{fault}"));
        assert_eq!(ran.outcome, Outcome::Failed, "round {round}: {}", ran.told());
        let error = ran.error();
        assert_eq!((error.kind, error.name.as_str()), (kind, name), "round {round}: {}", ran.told());
        assert!(
            error.rendered.contains("every variable is as it was before this cell"),
            "round {round}: {}",
            ran.told()
        );
        check(&mut session, round);
    }
    session.end();
}

/// An interrupt of what would not end by itself for a long time; `work` follows the sign that it is under way.
fn interrupt(work: &str) {
    let mut session = start(None);
    let mut times = Vec::new();
    for round in 1..=ROUNDS {
        advance(&mut session);
        let (ran, time) = session.interrupt_at(&format!("{SPOIL}println!(\"under way\");\n{work}"), "under way");
        assert_eq!(ran.outcome, Outcome::Interrupted, "round {round}: {}", ran.told());
        let error = ran.error();
        assert_eq!(error.kind, ErrorKind::Interrupted, "round {round}: {}", ran.told());
        assert!(
            error.rendered.contains("every variable is as it was before this cell"),
            "round {round}: {}",
            ran.told()
        );
        times.push(time);
        check(&mut session, round);
    }
    session.end();
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("interrupted and put back within {median:.1?} (median), {longest:.1?} (longest)");
    assert!(median < PROMPT && longest < LIMIT, "{times:?}");
}

#[test]
fn panic() {
    survive(None, "if count > 0 { panic!(\"at {count}\") }", ErrorKind::Panic, "panic");
}

#[test]
fn exit() {
    survive(None, "std::process::exit(3);", ErrorKind::Crash, "exit");
}

#[test]
fn abort() {
    survive(None, "std::process::abort();", ErrorKind::Crash, "SIGABRT");
}

#[test]
fn write_to_address_16() {
    let fault = "let place = std::hint::black_box(16 as *mut u64); unsafe { place.write_volatile(1) };";
    survive(None, fault, ErrorKind::Crash, "SIGSEGV");
}

#[test]
fn stack_overflow() {
    survive(None, "println!(\"{}\", deep(count));", ErrorKind::Crash, "stack overflow");
}

#[test]
fn memory_limit() {
    let fault =
        "let mut hoard = Vec::new(); loop { hoard.push(vec![1_u8; 1 << 20]); if hoard.len() > 100_000 { break } }";
    survive(Some(150 << 20), fault, ErrorKind::Crash, "out of memory");
}

#[test]
fn interrupt_of_a_loop() {
    interrupt("while std::hint::black_box(true) {}");
}

#[test]
fn interrupt_of_a_sleep() {
    interrupt("std::thread::sleep(std::time::Duration::from_secs(1000));");
}

#[test]
fn interrupt_of_a_call_in_c() {
    interrupt("sleep(1000);");
}

#[test]
fn interrupt_of_a_child_process() {
    interrupt("std::process::Command::new(\"sleep\").arg(\"1000\").status()?;");
}

/// A process in which somebody holds the lock of standard output cannot be copied, so the last checkpoint is an earlier one.
#[test]
fn a_cell_without_a_checkpoint_ends_before_an_earlier_cell() {
    let mut session = Session::start(Options::default());
    session.run("let kept = vec![1, 2];").printed();
    session
        .run(
            "let later = 3;\n\
             let (tell, told) = std::sync::mpsc::channel();\n\
             std::thread::spawn(move || { let _lock = std::io::stdout().lock(); tell.send(()).unwrap(); loop { std::thread::park() } });\n\
             told.recv()?;",
        )
        .printed();
    let ran = session.run("drop(kept); std::process::abort();");
    assert_eq!((ran.outcome, ran.error().kind), (Outcome::Failed, ErrorKind::Crash), "{}", ran.told());
    assert!(ran.error().rendered.contains("the lock of standard output"), "{}", ran.told());
    assert!(ran.told().contains("the session is back to where it was before cell 2"), "{}", ran.told());
    assert_eq!(session.variables(), ["kept: Vec<i32>"]);
    assert_eq!(session.run("println!(\"{kept:?}\");").printed(), "[1, 2]\n");
    session.end();
}
