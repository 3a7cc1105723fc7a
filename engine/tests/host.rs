//! The processes that run cells: real ones, with cells compiled by rustc.

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use oxikale_engine::Stream;
use oxikale_engine::host::{Ended, HostOptions};
use support::{Session, eventually, lives, text_in};

/// What an interrupt may take, on a machine that does other things as well.
const PROMPT: Duration = Duration::from_millis(500);

#[test]
fn variables_are_kept_from_cell_to_cell() {
    let mut session = Session::start();
    assert_eq!(session.run("define"), Ended::Finished);
    assert_eq!(session.run("add_one"), Ended::Finished);
    assert_eq!(session.text_of("show"), "x = 2, twice = 4, words = [\"a\", \"b\"]\n");
    assert_eq!(session.host.forget(&["x".to_owned(), "unknown".to_owned()]), Ended::Finished);
    let Ended::Panicked(panic) = session.run("add_one") else { panic!("the variable is still there") };
    assert_eq!(panic.message, "the variable `x` is not in the session");
}

#[test]
fn a_panic_says_where_and_the_checkpoint_has_all_variables() {
    let mut session = Session::start();
    session.run("define");
    session.host.checkpoint(1).unwrap();
    let Ended::Panicked(panic) = session.run("take_and_panic") else { panic!("it did not panic") };
    assert_eq!(panic.message, "index out of bounds: the len is 0 but the index is 2");
    assert!(panic.file.ends_with("cells.rs") && panic.line > 0 && panic.column > 0, "{panic:?}");
    assert_eq!(panic.thread, "main");
    let own: Vec<_> = panic.frames.iter().filter(|frame| frame.file.ends_with("cells.rs")).collect();
    assert_eq!(own.iter().filter(|frame| frame.symbol.contains("deep")).count(), 4, "{own:?}");
    assert_eq!(own.last().map(|frame| frame.symbol.as_str()), Some("take_and_panic"));
    assert!(own.iter().all(|frame| frame.line > 0 && frame.column > 0));
    assert!(!panic.frames.iter().any(|frame| frame.symbol.contains("oxikale_host")), "{:?}", panic.frames);
    // The engine reports it; nothing is printed.
    assert_eq!(session.seen.text(Stream::Stderr), "");
    session.host.restore(1).unwrap();
    assert_eq!(session.text_of("show"), "x = 1, twice = 2, words = [\"a\", \"b\"]\n");
}

#[test]
fn panics_that_do_not_end_the_cell_are_printed_as_ever() {
    let mut session = Session::start();
    assert_eq!(session.text_of("panic_caught"), "true\n");
    let printed = session.seen.text(Stream::Stderr);
    assert!(printed.contains("thread 'main'") && printed.contains("caught"), "{printed}");
    assert_eq!(session.text_of("panic_in_thread"), "true\n");
    let printed = session.seen.text(Stream::Stderr);
    assert!(printed.contains("thread 'worker'") && printed.contains("in a thread"), "{printed}");
}

#[test]
fn a_panic_handed_on_from_a_thread_has_the_place_of_the_first() {
    let mut session = Session::start();
    let Ended::Panicked(panic) = session.run("panic_handed_on") else { panic!("it did not panic") };
    assert_eq!(panic.message, "handed on");
    assert!(panic.file.ends_with("cells.rs") && panic.line > 0, "{panic:?}");
}

#[test]
fn a_panic_that_cannot_unwind_is_printed_before_the_process_ends() {
    let mut session = Session::start();
    assert_eq!(session.run("panic_that_aborts"), Ended::Signalled { signal: 6, name: "SIGABRT".to_owned() });
    let printed = session.seen.text(Stream::Stderr);
    assert!(printed.contains("no way out") && printed.contains("cannot unwind"), "{printed}");
}

#[test]
fn a_question_mark_ends_a_cell() {
    let mut session = Session::start();
    let Ended::Failed(failure) = session.run("fail") else { panic!("it did not fail") };
    assert_eq!(failure.debug, "ParseIntError { kind: InvalidDigit }");
    assert_eq!(failure.type_name, "core::num::error::ParseIntError");
    assert!(matches!(session.run("fail_none"), Ended::Failed(_)));
    assert_eq!(session.run("nothing"), Ended::Finished);
}

#[test]
fn a_dead_process_is_replaced_by_its_checkpoint() {
    let faults = [
        ("exit", Ended::Exited(7)),
        ("abort", Ended::Signalled { signal: 6, name: "SIGABRT".to_owned() }),
        ("segfault", Ended::Signalled { signal: 11, name: "SIGSEGV".to_owned() }),
        ("overflow", Ended::StackOverflow),
    ];
    let mut session = Session::start();
    session.run("define");
    let mut id = 0;
    for _ in 0..2 {
        for (cell, expected) in &faults {
            id += 1;
            session.host.checkpoint(id).unwrap();
            assert_eq!(&session.run(cell), expected, "{cell}");
            assert!(!session.host.is_alive());
            session.host.restore(id).unwrap();
            assert!(session.host.is_alive());
            assert_eq!(session.run("add_one"), Ended::Finished);
        }
    }
    assert!(session.seen.text(Stream::Stdout).contains("before the exit\n"));
    assert_eq!(session.text_of("show"), "x = 9, twice = 18, words = [\"a\", \"b\"]\n");
}

#[test]
fn checkpoints_go_back_several_cells() {
    let mut session = Session::start_with(HostOptions { checkpoints: 4, ..HostOptions::default() });
    session.run("define");
    for id in 1..=8 {
        session.host.checkpoint(id).unwrap();
        session.run("add_one");
    }
    assert_eq!(session.host.checkpoints(), [5, 6, 7, 8]);
    session.host.restore(6).unwrap();
    assert_eq!(session.host.checkpoints(), [5]);
    assert!(session.text_of("show").starts_with("x = 6,"));
    session.run("add_one");
    let error = session.host.restore(7).unwrap_err();
    assert!(error.message.contains("checkpoint 7 is gone"), "{error}");
    assert!(session.text_of("show").starts_with("x = 7,"), "a failed restore changes nothing");
    session.host.restore(5).unwrap();
    assert!(session.text_of("show").starts_with("x = 5,"));
    assert!(session.host.checkpoints().is_empty());
}

#[test]
fn an_interrupt_ends_whatever_runs() {
    let mut session = Session::start();
    session.run("define");
    for (id, (cell, sign)) in
        [("spin", "spinning\n"), ("sleep", "sleeping\n"), ("sleep_in_c", "in C\n"), ("child_process", "child ")]
            .into_iter()
            .enumerate()
    {
        let id = id as u64 + 1;
        session.host.checkpoint(id).unwrap();
        session.seen.clear();
        let (handle, seen) = (session.host.interrupt_handle(), session.seen.clone());
        let at = std::thread::scope(|scope| {
            let interrupter = scope.spawn(move || {
                seen.wait_until(|outputs| text_in(outputs, Stream::Stdout).contains(sign).then_some(()));
                handle.interrupt();
                Instant::now()
            });
            assert_eq!(session.run(cell), Ended::Interrupted, "{cell}");
            interrupter.join().unwrap()
        });
        assert!(at.elapsed() < PROMPT, "{cell}: {:?}", at.elapsed());
        let restored = session.host.restore(id).unwrap();
        if cell == "child_process" {
            let child = session.seen.wait_for("child ").parse().unwrap();
            assert!(!lives(child), "the child process lives on");
            assert_eq!(restored.processes, 1);
        }
    }
    assert!(session.text_of("show").starts_with("x = 1,"));
    // Between cells it does nothing.
    session.host.interrupt_handle().interrupt();
    assert!(session.text_of("show").starts_with("x = 1,"));
}

#[test]
fn processes_that_left_the_cell_end_with_it() {
    let mut session = Session::start();
    session.host.checkpoint(1).unwrap();
    let (handle, seen) = (session.host.interrupt_handle(), session.seen.clone());
    let left = std::thread::scope(|scope| {
        let interrupter = scope.spawn(move || {
            let left = seen.wait_for("left ").parse().unwrap();
            handle.interrupt();
            left
        });
        assert_eq!(session.run("child_that_left"), Ended::Interrupted);
        interrupter.join().unwrap()
    });
    assert!(!lives(left));
    assert!(session.host.restore(1).unwrap().processes >= 1);
}

#[test]
fn lost_threads_are_named() {
    let mut session = Session::start();
    session.run("start_threads");
    session.host.checkpoint(1).unwrap();
    assert_eq!(session.run("abort"), Ended::Signalled { signal: 6, name: "SIGABRT".to_owned() });
    assert_eq!(session.host.restore(1).unwrap().threads, ["ticker", "unnamed"]);
    session.host.checkpoint(2).unwrap();
    session.run("start_threads");
    assert_eq!(session.host.restore(2).unwrap().threads, ["ticker"], "started after the checkpoint");
}

#[test]
fn a_cell_that_uses_too_much_memory_is_ended() {
    let limit = 200 << 20;
    let mut session = Session::start_with(HostOptions { memory_limit: Some(limit), ..HostOptions::default() });
    session.run("define");
    session.host.checkpoint(1).unwrap();
    let ended = session.run("eat_memory");
    assert!(matches!(ended, Ended::MemoryLimit { limit: most, used } if most == limit && used > limit), "{ended:?}");
    session.host.restore(1).unwrap();
    assert!(session.text_of("show").starts_with("x = 1,"));
    assert!(session.host.memory() > 32 << 10);
}

#[test]
fn a_host_killed_from_outside_is_noticed() {
    let mut session = Session::start();
    session.text_of("pids");
    let pid: u32 = session.seen.wait_for("pid ").parse().unwrap();
    session.host.checkpoint(1).unwrap();
    assert_eq!(session.host.wait_until_idle(), Ended::Finished);
    kill(pid);
    eventually("the host is gone", || !session.host.is_alive());
    assert!(matches!(session.run("nothing"), Ended::Lost(_)));
    session.host.restore(1).unwrap();
    assert_eq!(session.run("nothing"), Ended::Finished);
    let (seen, cell) = (session.seen.clone(), "spin");
    session.text_of("pids");
    let pid: u32 = session.seen.wait_for("pid ").parse().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            seen.wait_for("spinning");
            kill(pid);
        });
        assert_eq!(session.run(cell), Ended::Signalled { signal: 9, name: "SIGKILL".to_owned() });
    });
}

#[test]
fn a_killed_supervisor_ends_the_session_and_leaves_nothing() {
    let mut session = Session::start();
    session.text_of("pids");
    let pid: u32 = session.seen.wait_for("pid ").parse().unwrap();
    let supervisor: u32 = session.seen.wait_for(" of ").parse().unwrap();
    let folder = session.seen.wait_for("folder ");
    session.host.checkpoint(1).unwrap();
    kill(supervisor);
    eventually("the loss is noticed", || !session.host.is_alive());
    let ended = session.run("nothing");
    assert!(matches!(&ended, Ended::Lost(reason) if reason.contains("supervisor")), "{ended:?}");
    drop(session);
    eventually("the host has ended", || !lives(pid));
    assert!(!Path::new(&folder).parent().unwrap().exists());
}

#[test]
fn closing_a_session_leaves_nothing() {
    let mut session = Session::start();
    session.run("start_threads");
    session.text_of("pids");
    let pid: u32 = session.seen.wait_for("pid ").parse().unwrap();
    let folder = session.seen.wait_for("folder ");
    session.host.checkpoint(1).unwrap();
    session.host.wait_until_idle();
    session.host.shutdown();
    assert!(!lives(pid));
    drop(session);
    assert!(!Path::new(&folder).parent().unwrap().exists());
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Not a test: what [`a_killed_engine_leaves_nothing`] starts, to be killed.
#[test]
#[ignore = "is started by another test"]
fn engine_to_be_killed() {
    let mut session = Session::start();
    for id in 1..4 {
        session.host.checkpoint(id).unwrap();
        session.run("start_threads");
    }
    println!("\n{}", session.text_of("pids"));
    session.run("child_that_left");
}

#[test]
fn a_killed_engine_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    support::built();
    let mut engine = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine_to_be_killed", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open to the end: the engine may write more.
    let mut output = BufReader::new(engine.stdout.take().unwrap()).lines();
    let lines: Vec<String> =
        output.by_ref().map(Result::unwrap).skip_while(|line| !line.starts_with("pid ")).take(2).collect();
    let words: Vec<&str> = lines[0].split(' ').collect();
    let (host, supervisor): (u32, u32) = (words[1].parse().unwrap(), words[3].parse().unwrap());
    let folder = Path::new(lines[1].strip_prefix("folder ").unwrap()).parent().unwrap();
    assert!(lives(host) && folder.exists());
    // The cell's own process: a sleep in a session of its own.
    let mut family = Vec::new();
    eventually("the cell has started its process", || {
        family = descendants(supervisor);
        family.iter().any(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n"))
    });
    assert!(family.len() >= 5, "the host, three checkpoints and a sleep: {family:?}");
    engine.kill().unwrap();
    engine.wait().unwrap();
    eventually("everything has ended", || family.iter().chain([&supervisor]).all(|pid| !lives(*pid)));
    eventually("the folder is gone", || !folder.exists());
}

fn descendants(root: u32) -> Vec<u32> {
    let (mut found, mut open) = (Vec::new(), vec![root]);
    while let Some(pid) = open.pop() {
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for children in tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()) {
            open.extend(children.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
        }
        found.extend((pid != root).then_some(pid));
    }
    found
}

#[test]
fn checkpoints_are_usable_whatever_threads_do_meanwhile() {
    let mut session = Session::start();
    for id in 1..=50 {
        assert_eq!(session.run("busy_threads"), Ended::Finished);
        session.host.checkpoint(id).unwrap();
        assert_eq!(session.run("segfault"), Ended::Signalled { signal: 11, name: "SIGSEGV".to_owned() });
        let restored = session.host.restore(id).unwrap();
        assert_eq!(restored.threads, ["unnamed", "unnamed"]);
        assert_eq!(session.text_of("allocate_and_print"), "1000 words\n");
    }
}

#[test]
fn there_is_no_checkpoint_while_a_thread_keeps_standard_output_locked() {
    let mut session = Session::start();
    session.host.checkpoint(1).unwrap();
    assert_eq!(session.run("hold_stdout"), Ended::Finished);
    session.host.checkpoint(2).unwrap();
    assert_eq!(session.host.wait_until_idle(), Ended::Finished);
    assert_eq!(session.host.checkpoints(), [1]);
    let refusals = session.host.refusals();
    assert!(refusals.len() == 1 && refusals[0].0 == 2 && refusals[0].1.contains("standard output"), "{refusals:?}");
    session.host.restore(1).unwrap();
    assert_eq!(session.text_of("allocate_and_print"), "1000 words\n");
}

#[test]
fn code_that_cares_is_told_of_a_restore() {
    let mut session = Session::start();
    session.run("count_restores");
    for id in 1..=3 {
        session.host.checkpoint(id).unwrap();
        assert!(matches!(session.run("abort"), Ended::Signalled { .. }));
        session.host.restore(id).unwrap();
    }
    assert_eq!(session.text_of("say_restores"), "3 restores, generation 3\ntoken: None\n");
}

#[test]
fn futures_are_run_without_any_executor() {
    let mut session = Session::start();
    assert_eq!(session.text_of("await_ready"), "43\n");
}

#[test]
fn the_environment_is_the_one_that_was_given() {
    let environment = vec![("GIVEN".to_owned(), "at the start".to_owned())];
    let mut session = Session::start_with(HostOptions { environment, ..HostOptions::default() });
    assert_eq!(session.text_of("environment"), "Ok(\"at the start\") Err(NotPresent)\n");
    session.host.set_environment("LATER", Some("now"));
    session.host.set_environment("GIVEN", None);
    assert_eq!(session.text_of("environment"), "Err(NotPresent) Ok(\"now\")\n");
}

#[test]
fn a_drop_that_panics_is_reported() {
    let mut session = Session::start();
    session.run("store_bomb");
    let ended = session.host.forget(&["bomb".to_owned()]);
    assert!(matches!(&ended, Ended::Panicked(panic) if panic.message == "dropped"), "{ended:?}");
    assert_eq!(session.run("nothing"), Ended::Finished);
}

#[test]
fn a_cell_that_closes_files_that_are_not_its_own_is_told_so() {
    let mut session = Session::start();
    session.host.checkpoint(1).unwrap();
    assert_eq!(session.run("close_files"), Ended::Exited(1));
    assert!(session.seen.text(Stream::Stderr).contains("did the cell close files"));
    session.host.restore(1).unwrap();
    assert_eq!(session.run("nothing"), Ended::Finished);
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let mut session = Session::start();
    let missing = Path::new("/nonexistent/libcell.so");
    let error = session.host.load(missing, &[]).unwrap_err();
    assert!(error.message.contains("/nonexistent/libcell.so"), "{error}");
    assert!(matches!(session.host.run(missing, "cell"), Ended::Lost(_)));
    assert!(matches!(session.run("no_such_cell"), Ended::Lost(_)));
    assert_eq!(session.run("nothing"), Ended::Finished);
}
