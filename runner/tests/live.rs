//! A run that is drawn while it goes on: what the picture, the page and the text say, and what they cost.

use std::path::PathBuf;
use std::time::Instant;

use oxikale_compiler::compile;
use oxikale_compiler::pipeline::Pipeline;
use oxikale_notebook::{CellKind, Notebook};
use oxikale_runner::{Event, Failure, LiveRun, State, Stream};
use serde_json::Map;

fn pipeline(steps: &[(&str, &str)]) -> Pipeline {
    let cells = steps.iter().map(|(tags, source)| {
        (CellKind::Code, (*source).to_owned(), tags.split_whitespace().map(str::to_owned).collect())
    });
    let notebook = Notebook::new(cells.collect(), Map::new());
    let options = oxikale_compiler::Options { name: "live".to_owned(), ..oxikale_compiler::Options::default() };
    compile(&notebook, &options).pipeline.unwrap()
}

fn started() -> Event {
    Event::RunStarted { id: "live-1".to_owned(), folder: PathBuf::new(), steps: Vec::new(), resumed_from: None }
}

fn start(task: &str) -> Event {
    Event::StepStarted { task: task.to_owned(), attempt: 1 }
}

fn print(task: &str, text: &str) -> Event {
    Event::Output { task: task.to_owned(), stream: Stream::Stdout, bytes: text.as_bytes().to_vec() }
}

fn metric(task: &str, name: &str, value: f64) -> Event {
    Event::Metric { task: task.to_owned(), name: name.to_owned(), value, step: None }
}

fn end(task: &str, state: State, why: Option<Failure>) -> Event {
    Event::StepEnded { task: task.to_owned(), state, seconds: 1.5, peak_memory: None, why, reused: None }
}

fn reuse(task: &str) -> Event {
    Event::StepEnded {
        task: task.to_owned(),
        state: State::Succeeded,
        seconds: 2.5,
        peak_memory: None,
        why: None,
        reused: Some("live-0".to_owned()),
    }
}

const STEPS: [(&str, &str); 6] = [
    ("step:load", "let x = 1;"),
    ("step:fit prev:load", "let y = x;"),
    ("step:wait prev:fit", "y;"),
    ("step:other", "1;"),
    ("step:late prev:other", "1;"),
    ("step:gone prev:other", "1;"),
];

#[test]
fn every_state_is_seen_in_all_three_forms() {
    let mut run = LiveRun::new(pipeline(&STEPS));
    assert!(run.text().starts_with("Run of live: pending\n"), "{}", run.text());
    let why = Failure { message: "no fit".to_owned(), cell: Some(2), line: Some(3), column: None };
    let events = [
        started(),
        metric("load", "rows", 12.0),
        reuse("load"),
        start("fit"),
        start("other"),
        metric("fit", "loss", 0.5),
        metric("fit", "loss", 0.25),
        print("fit", "first\nsec"),
        print("fit", "ond\n10%\r100%\nlast"),
        Event::Progress { task: "other".to_owned(), label: "epochs".to_owned(), done: 1.0, total: Some(4.0) },
        end("fit", State::Failed, Some(why)),
        end("wait", State::Skipped, None),
        end("gone", State::Cancelled, None),
    ];
    for event in &events {
        run.hear(event);
    }
    let svg = run.svg();
    for state in ["reused", "failed", "skipped", "running", "pending", "cancelled"] {
        assert!(svg.contains(&format!("class=\"ox-node ox-{state}\"")), "{state}: {svg}");
    }
    assert!(svg.contains("<title") && svg.contains("loss 0.25") && svg.contains("2.50 s"), "{svg}");

    let html = run.html();
    for said in
        ["reused from live-0", "running, epochs 25%", "cell 2:3: no fit", "first\nsecond\n100%\nlast</pre>", "rows 12"]
    {
        assert!(html.contains(said), "`{said}` is not in {html}");
    }
    let text = run.text();
    for said in ["Run live-1: running\n", "↻ load", "✗ fit", "cell 2:3: no fit", "| last", "○ late"] {
        assert!(text.contains(said), "`{said}` is not in {text}");
    }
    run.hear(&Event::RunEnded { state: State::Failed });
    assert_eq!((run.state(), run.id()), (State::Failed, Some("live-1")));
}

#[test]
fn a_new_try_begins_anew() {
    let mut run = LiveRun::new(pipeline(&STEPS));
    let why = Failure { message: "for now".to_owned(), cell: None, line: None, column: None };
    run.hear(&start("load"));
    run.hear(&print("load", "of the first try\n"));
    run.hear(&Event::StepRetrying { task: "load".to_owned(), attempt: 1, in_seconds: 1.0, why: why.clone() });
    assert!(run.text().contains("to be tried again"));
    run.hear(&Event::StepStarted { task: "load".to_owned(), attempt: 2 });
    assert!(run.text().contains("running, try 2"));
    run.hear(&end("load", State::Failed, Some(why)));
    let text = run.text();
    assert!(text.contains("for now") && !text.contains("of the first try"), "{text}");
}

#[test]
fn nothing_hostile_gets_onto_the_page_or_into_the_terminal() {
    let evil = "</pre><script>alert(1)</script>\x1b[2J\u{202e}<img src=x onerror=alert(1)> \"'&";
    let mut pipeline = pipeline(&STEPS);
    pipeline.steps[0].name = evil.to_owned();
    let mut run = LiveRun::new(pipeline);
    run.hear(&Event::RunStarted {
        id: evil.to_owned(),
        folder: PathBuf::new(),
        steps: Vec::new(),
        resumed_from: Some(evil.to_owned()),
    });
    run.hear(&Event::Warning { task: Some(evil.to_owned()), message: evil.to_owned() });
    run.hear(&start("load"));
    run.hear(&metric("load", evil, 1.0));
    run.hear(&Event::Progress { task: "load".to_owned(), label: evil.to_owned(), done: 1.0, total: Some(2.0) });
    let running = run.html();
    run.hear(&print("load", evil));
    run.hear(&end(
        "load",
        State::Failed,
        Some(Failure { message: evil.to_owned(), cell: None, line: None, column: None }),
    ));
    for page in [running, run.html(), run.svg()] {
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains('\x1b'), "{page}");
        assert!(!page.contains('\u{202e}') && !page.contains("'&") && !page.contains("href"), "{page}");
        assert!(page.contains("&lt;script&gt;"), "{page}");
    }
    let text = run.text();
    assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
}

#[test]
fn an_endless_line_and_endless_lines_take_little_room() {
    let mut run = LiveRun::new(pipeline(&STEPS));
    run.hear(&start("load"));
    for i in 0..10_000 {
        run.hear(&print("load", &format!("line {i}\n")));
    }
    for _ in 0..10_000 {
        run.hear(&print("load", "without an end"));
    }
    let why = Failure { message: "x".to_owned(), cell: None, line: None, column: None };
    run.hear(&end("load", State::Failed, Some(why)));
    let text = run.text();
    assert!(text.contains("line 9999\n") && text.contains("without an end") && text.len() < 5000, "{}", text.len());
}

#[test]
fn fifty_steps_are_drawn_at_once() {
    let names: Vec<(String, String)> = (0..50)
        .map(|i| {
            let prev = (1..=2).filter(|back| i >= back * 5).map(|back| format!(" prev:s{}", i - back * 5));
            (format!("step:s{i}{}", prev.collect::<String>()), format!("let v{i} = {i};"))
        })
        .collect();
    let steps: Vec<(&str, &str)> = names.iter().map(|(tags, source)| (tags.as_str(), source.as_str())).collect();
    let mut run = LiveRun::new(pipeline(&steps));
    run.hear(&started());
    for i in 0..50 {
        run.hear(&start(&format!("s{i}")));
        run.hear(&metric(&format!("s{i}"), "loss", f64::from(i)));
    }
    // The machine may be busy with something else; the best of some tries tells what it costs.
    let cost = (0..30)
        .map(|_| {
            let begun = Instant::now();
            assert!(run.svg().contains("ox-running"));
            begun.elapsed()
        })
        .min()
        .unwrap();
    let most = if cfg!(debug_assertions) { 100 } else { 5 };
    assert!(cost.as_millis() < most, "{cost:?}");
}
