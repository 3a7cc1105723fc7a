//! What cells print, show and read: in order, whole, and while they run.

mod support;

use std::fs;

use oxikale_engine::Stream;
use oxikale_engine::host::{DisplayKind, Ended, HostOptions, Output};
use support::{Session, text_in};

#[test]
fn output_comes_in_the_order_in_which_it_was_written() {
    let mut session = Session::start();
    assert_eq!(session.run("interleaved"), Ended::Finished);
    let mut all = String::new();
    for output in session.seen.all() {
        match output {
            Output::Text { bytes, .. } => all.push_str(&String::from_utf8(bytes).unwrap()),
            Output::Display { data, .. } => all.push_str(&format!("{}\n", data["text/plain"].as_str().unwrap())),
            Output::Input { .. } => panic!("nobody reads"),
        }
    }
    let expected: String = (0..1000).map(|index| format!("out {index}\nerr {index}\nshow {index}\n")).collect();
    assert!(all == expected, "{all}");
}

#[test]
fn output_of_child_processes_comes_before_what_follows_them() {
    let mut session = Session::start();
    assert_eq!(session.run("shell_output"), Ended::Finished);
    let all = session.seen.text(Stream::Stdout);
    let expected: String = (0..20).map(|index| format!("shell out {index}\ncell {index}\n")).collect();
    assert_eq!(all, expected);
}

#[test]
fn displays_may_be_written_to_the_pipe_by_its_path() {
    let mut session = Session::start();
    assert_eq!(session.run("display_by_path"), Ended::Finished);
    let mut all = String::new();
    for output in session.seen.all() {
        match output {
            Output::Text { bytes, .. } => all.push_str(&String::from_utf8(bytes).unwrap()),
            Output::Display { kind, data, id, update } => {
                assert_eq!((kind, id.as_deref(), update), (DisplayKind::Result, Some("d"), true));
                let (index, rest) = data["text/plain"].as_str().unwrap().split_once('x').unwrap();
                assert_eq!(rest.len(), 199_999);
                all.push_str(&format!("show {index}\n"));
            }
            Output::Input { .. } => panic!("nobody reads"),
        }
    }
    let expected: String = (0..50).map(|index| format!("before {index}\nshow {index}\nafter {index}\n")).collect();
    assert!(all == expected, "{all}");
}

#[test]
fn displays_of_several_threads_stay_whole() {
    let mut session = Session::start();
    assert_eq!(session.run("displays_by_threads"), Ended::Finished);
    let outputs = session.seen.all();
    assert_eq!(outputs.len(), 200);
    for output in outputs {
        let Output::Display { data, .. } = output else { panic!("{output:?}") };
        assert!(data["text/plain"].as_str().unwrap() == "y".repeat(100_000));
    }
}

#[test]
fn displays_made_for_evcxr_are_found() {
    let mut session = Session::start();
    assert_eq!(session.run("evcxr_display"), Ended::Finished);
    let outputs = session.seen.all();
    let Output::Display { data, .. } = &outputs[0] else { panic!("{outputs:?}") };
    assert_eq!(data["text/html"], "<b>bold</b>");
    assert_eq!(data["text/plain"], "bold");
    assert_eq!(outputs[1], Output::Text { stream: Stream::Stderr, bytes: b"then\n".to_vec() });
}

#[test]
fn half_a_line_is_seen_while_the_cell_runs() {
    let folder = tempfile::tempdir().unwrap();
    let sign = folder.path().join("sign");
    let environment = vec![("GIVEN".to_owned(), sign.display().to_string())];
    let mut session = Session::start_with(HostOptions { environment, ..HostOptions::default() });
    let seen = session.seen.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The cell ends only after that.
            seen.wait_until(|outputs| (text_in(outputs, Stream::Stdout) == "half").then_some(()));
            fs::write(&sign, "").unwrap();
        });
        assert_eq!(session.run("half_a_line"), Ended::Finished);
    });
}

#[test]
fn much_output_is_neither_lost_nor_kept() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    let built = support::built();
    let (count, lines) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let seen = (count.clone(), lines.clone());
    let sink = move |output| {
        let Output::Text { bytes, .. } = output else { panic!("{output:?}") };
        seen.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        seen.1.fetch_add(bytes.iter().filter(|byte| **byte == b'\n').count() as u64, Ordering::Relaxed);
    };
    let options = HostOptions::default();
    let mut host =
        oxikale_engine::host::Host::start(&built.toolchain, &built.runtime, options, Arc::new(sink)).unwrap();
    let before = resident();
    assert_eq!(host.run(&built.cells, "lines_200_mb"), Ended::Finished);
    assert_eq!(count.load(Ordering::Relaxed), 200_000_000);
    assert_eq!(lines.load(Ordering::Relaxed), 200_000);
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "the engine has grown by {grown} bytes");
}

/// The bytes of this process that are in memory.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn reading_asks_for_input_until_it_ends() {
    let mut session = Session::start();
    for _ in 0..2 {
        session.seen.clear();
        let (input, seen) = (session.host.input_handle(), session.seen.clone());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for (asked, answer) in [(1, Some("Ada")), (2, Some("Grace\nspare")), (3, None)] {
                    seen.wait_until(|outputs| {
                        let requests = outputs.iter().filter(|output| matches!(output, Output::Input { .. })).count();
                        (requests == asked).then_some(())
                    });
                    input.reply(answer);
                }
            });
            assert_eq!(session.run("read_lines"), Ended::Finished);
        });
        let expected = "name: hello Ada\nname: hello Grace\nname: hello spare\nname: end\n";
        assert_eq!(session.seen.text(Stream::Stdout), expected);
        let outputs = session.seen.all();
        let first = outputs.iter().position(|output| matches!(output, Output::Input { .. })).unwrap();
        assert_eq!(text_in(&outputs[..first], Stream::Stdout), "name: ", "the prompt comes first");
        // What is typed ahead is not for the next cell.
        session.host.input_handle().reply(Some("typed ahead"));
        assert_eq!(session.run("nothing"), Ended::Finished);
    }
}
