//! How the processes of steps end: by themselves, by limits, by signals, with the run.

mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use oxikale_runner::{Cancel, Event, State};
use serde_json::json;
use support::{Bench, lives, pipeline, step, wait_until};

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_its_processes() {
    let mut bench = Bench::new();
    let child = bench.path("child");
    let script = format!("sleep 1000 & echo $! > {}; echo started; wait", child.display());
    let ir = pipeline(&[step("slow", &script).kubernetes(json!({"activeDeadlineSeconds": "1"}))]);
    let started = Instant::now();
    let run = bench.run(&ir).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        bench.ended(&run, "slow"),
        (State::Failed, "took longer than its timeout of 1 s (tag timeout)".to_owned())
    );
    assert!(!lives(&child));
    assert_eq!(bench.log(&run, "slow"), "started\n");
}

#[test]
fn a_step_above_its_memory_limit_is_ended() {
    let mut bench = Bench::new();
    // `tail` keeps what may be the last line, here all of it.
    let ir =
        pipeline(&[step("greedy", "tail -n 1 /dev/zero | cat").resources(json!({"resourceMemoryLimit": "100Mi"}))]);
    let run = bench.run(&ir).unwrap();
    let (state, why) = bench.ended(&run, "greedy");
    assert_eq!(state, State::Failed);
    assert!(why.starts_with("used ") && why.ends_with("more than its limit of 100 MiB (tag limit:memory)"), "{why}");
}

#[test]
fn the_peak_of_memory_counts_children() {
    let mut bench = Bench::new();
    let script = "head -c 80000000 /dev/zero | tail -n 1 | (sleep 0.3; wc -c)";
    let run = bench.run(&pipeline(&[step("big", script), step("small", "true").after("big")])).unwrap();
    let steps = bench.store().steps(&run.id).unwrap();
    let (big, small) = (steps[0].peak_memory.unwrap(), steps[1].peak_memory.unwrap());
    assert!((80_000_000..200_000_000).contains(&big), "{big}");
    assert!(small < 80_000_000, "{small}");
    assert!(steps[0].cpu_seconds.unwrap() > 0.0 && steps[0].seconds.unwrap() >= 0.3);
}

#[test]
fn signals_are_named() {
    let mut bench = Bench::new();
    let ir = pipeline(&[
        step("segv", "kill -SEGV $$"),
        step("kill", "kill -KILL $$"),
        step("abort", "echo '{\"type\":\"error\",\"message\":\"boom\"}' >> \"$OXIKALE_EVENTS\"; kill -ABRT $$"),
        step("none", "").command(&["/no/such/program"]),
    ]);
    let run = bench.run(&ir).unwrap();
    assert!(bench.ended(&run, "segv").1.starts_with("killed by SIGSEGV"));
    assert_eq!(bench.ended(&run, "kill").1, "killed by SIGKILL (out of memory?)");
    assert_eq!(bench.ended(&run, "abort").1, "killed by SIGABRT: boom");
    let why = bench.ended(&run, "none").1;
    assert!(why.contains("`/no/such/program` could not be started"), "{why}");
}

#[test]
fn what_a_step_leaves_running_is_ended_and_does_not_hold_the_run() {
    let mut bench = Bench::new();
    let child = bench.path("child");
    // The child keeps both pipes open.
    let script = format!("sleep 1000 & echo $! > {}; echo done", child.display());
    let started = Instant::now();
    let run = bench.run(&pipeline(&[step("leaves", &script)])).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    assert!(started.elapsed() < Duration::from_secs(100));
    assert!(!lives(&child));
    assert_eq!(bench.log(&run, "leaves"), "done\n");
}

#[test]
fn a_process_that_left_the_group_does_not_hold_the_run_either() {
    let mut bench = Bench::new();
    let child = bench.path("child");
    let script = format!(
        "setsid sh -c 'echo $$ > {0}.part; mv {0}.part {0}; exec yes' & while [ ! -e {0} ]; do sleep 0.01; done",
        child.display()
    );
    let run = bench.run(&pipeline(&[step("escapes", &script)])).unwrap();
    let id = fs::read_to_string(&child).unwrap();
    // Its pipe has no reader any more, so that it ends by itself.
    wait_until("the escaped process ends", || !lives(&child));
    assert_eq!(run.state, State::Succeeded, "{id}: {:?}", run.why);
}

#[test]
fn cancelling_ends_everything_at_once_and_the_run_stays_readable() {
    let mut bench = Bench::new();
    let (child, child2) = (bench.path("child"), bench.path("child2"));
    // Neither the steps nor their children listen to polite signals.
    let script = |file: &std::path::Path| {
        format!(
            "trap '' TERM INT HUP; echo hello; sh -c 'trap \"\" TERM INT; sleep 1000; sleep 1000' & echo $! > {0}.part; mv {0}.part {0}; wait; sleep 1000",
            file.display()
        )
    };
    let ir = pipeline(&[
        step("a", &script(&child)),
        step("b", &script(&child2)),
        step("c", "true").after("a"),
        step("d", "exit 1").retry(json!({"maxRetryCount": 3, "backoffDuration": "1000s"})),
    ]);
    let cancel = Cancel::new();
    let thrower = thread::spawn({
        let (cancel, child, child2) = (cancel.clone(), child.clone(), child2.clone());
        move || {
            wait_until("both steps run", || child.exists() && child2.exists());
            let thrown = Instant::now();
            cancel.cancel();
            thrown
        }
    });
    let run = bench.run_with(&ir, &cancel, |_| {}).unwrap();
    let took = thrower.join().unwrap().elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(run.state, State::Cancelled);
    assert!(!lives(&child) && !lives(&child2));
    for task in ["a", "b", "c", "d"] {
        assert_eq!(bench.ended(&run, task).0, State::Cancelled, "{task}");
    }
    assert_eq!(bench.log(&run, "a"), "hello\n");
    assert_eq!(bench.store().run("latest").unwrap().state, State::Cancelled);
}

#[test]
fn a_run_that_is_cancelled_before_it_begins_starts_nothing() {
    let mut bench = Bench::new();
    let cancel = Cancel::new();
    cancel.cancel();
    let file = bench.path("file");
    let run = bench.run_with(&pipeline(&[step("a", &format!("touch {}", file.display()))]), &cancel, |_| {}).unwrap();
    assert_eq!(run.state, State::Cancelled);
    assert!(!file.exists());
}

#[test]
fn output_is_forwarded_while_the_step_runs() {
    let mut bench = Bench::new();
    let answer = bench.path("answer");
    // Half a line, which the step follows up only when it has been seen here.
    let script = format!("printf half; while [ ! -e {} ]; do sleep 0.01; done; echo ' line'", answer.display());
    let run = bench
        .run_with(
            &pipeline(&[step("talk", &script).kubernetes(json!({"activeDeadlineSeconds": "30"}))]),
            &Cancel::new(),
            |event| {
                if matches!(event, Event::Output { bytes, .. } if bytes == b"half") {
                    fs::write(&answer, "").unwrap();
                }
            },
        )
        .unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    assert_eq!(bench.log(&run, "talk"), "half line\n");
}
