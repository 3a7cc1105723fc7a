//! What runs when: in parallel where it can, again after failures, never after a failed ancestor.

mod support;

use std::fs;

use oxikale_runner::{Event, State};
use serde_json::json;
use support::{Bench, pipeline, step};

#[test]
fn independent_steps_run_at_the_same_time() {
    let mut bench = Bench::new();
    // Each waits for the other's file: one after the other they would never end, and the timeout would say so.
    let meet = |mine: &str, other: &str| {
        let (mine, other) = (bench.path(mine), bench.path(other));
        format!("touch {}; while [ ! -e {} ]; do sleep 0.01; done", mine.display(), other.display())
    };
    let deadline = json!({"activeDeadlineSeconds": "30"});
    let ir = pipeline(&[
        step("a", &meet("a", "b")).kubernetes(deadline.clone()),
        step("b", &meet("b", "a")).kubernetes(deadline),
        step("end", "true").after("a").after("b"),
    ]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
}

/// Fails where another step with this script runs at the same time.
fn alone(bench: &Bench) -> String {
    let lock = bench.path("lock");
    format!("mkdir {0} && sleep 0.05 && rmdir {0}", lock.display())
}

#[test]
fn no_more_runs_at_once_than_there_are_cores() {
    let mut bench = Bench::new();
    bench.options.cores = Some(1);
    let script = alone(&bench);
    let steps: Vec<_> = (0..5).map(|i| step(&format!("s{i}"), &script)).collect();
    let run = bench.run(&pipeline(&steps)).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
}

#[test]
fn what_asks_for_much_waits_and_what_asks_for_too_much_runs_alone() {
    let mut bench = Bench::new();
    bench.options.cores = Some(8);
    bench.options.memory = Some(1 << 30);
    let script = alone(&bench);
    let memory = |text: &str| json!({"resourceMemoryRequest": text});
    let run = bench
        .run(&pipeline(&[
            step("a", &script).resources(memory("600Mi")),
            step("b", &script).resources(memory("0.6G")),
            step("c", &script).resources(memory("2Gi")),
            step("d", &script).resources(json!({"resourceCpuLimit": "9"})),
        ]))
        .unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let warned: Vec<_> = bench
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Warning { task, message } => Some((task.as_deref().unwrap_or(""), message.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        warned,
        [
            ("c", "it asks for 2 GiB of memory and there are 1 GiB; it will run alone"),
            ("d", "it asks for 9 cores and there are 8; it will run alone"),
        ]
    );
}

#[test]
fn a_failure_skips_what_depends_on_it_and_nothing_else() {
    let mut bench = Bench::new();
    let ir = pipeline(&[
        step("bad", "echo before; echo told >&2; exit 3"),
        step("child", "true").after("bad"),
        step("grandchild", "true").after("child").after("good"),
        step("good", "sleep 0.1; echo fine"),
        step("after-good", "true").after("good"),
    ]);
    let run = bench.run(&ir).unwrap();
    assert_eq!(run.state, State::Failed);
    assert_eq!(run.why.as_deref(), Some("the step `bad` failed: ended with exit code 3"));
    assert_eq!(bench.log(&run, "bad"), "before\ntold\n");
    assert_eq!(bench.ended(&run, "child"), (State::Skipped, "the step `bad` before it failed".to_owned()));
    assert_eq!(bench.ended(&run, "grandchild"), (State::Skipped, "the step `child` before it was skipped".to_owned()));
    assert_eq!(bench.ended(&run, "good").0, State::Succeeded);
    assert_eq!(bench.ended(&run, "after-good").0, State::Succeeded);
    assert_eq!(bench.events.last(), Some(&Event::RunEnded { state: State::Failed }));
}

#[test]
fn the_step_s_own_words_say_why_it_failed_and_where() {
    let mut bench = Bench::new();
    let script = "echo '{\"type\":\"error\",\"message\":\"no such file: x.csv\",\"cell\":3,\"line\":2,\"column\":5}' >> \"$OXIKALE_EVENTS\"; exit 1";
    let run = bench.run(&pipeline(&[step("read", script)])).unwrap();
    let steps = bench.store().steps(&run.id).unwrap();
    let why = steps[0].why.clone().unwrap();
    assert_eq!(
        (why.message.as_str(), why.cell, why.line, why.column),
        ("no such file: x.csv", Some(3), Some(2), Some(5))
    );
    assert_eq!(steps[0].exit_code, Some(1));
}

#[test]
fn a_step_is_tried_again_with_growing_waits() {
    let mut bench = Bench::new();
    let count = bench.path("count");
    let script = format!(
        "echo x >> {0}; echo \"{{\\\"type\\\":\\\"metric\\\",\\\"name\\\":\\\"try\\\",\\\"value\\\":$(wc -l < {0})}}\" >> \"$OXIKALE_EVENTS\"; [ $(wc -l < {0}) = 3 ]",
        count.display()
    );
    let policy =
        json!({"maxRetryCount": 5, "backoffDuration": "0.02s", "backoffFactor": 10.0, "backoffMaxDuration": "0.1s"});
    let run =
        bench.run(&pipeline(&[step("flaky", &script).retry(policy), step("after", "true").after("flaky")])).unwrap();
    assert_eq!(run.state, State::Succeeded, "{:?}", run.why);
    let waits: Vec<f64> = bench
        .events
        .iter()
        .filter_map(|event| match event {
            Event::StepRetrying { in_seconds, .. } => Some(*in_seconds),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [0.02, 0.1]);
    let step = &bench.store().steps(&run.id).unwrap()[0];
    assert_eq!((step.attempts, &step.why), (3, &None));
    let metrics = bench.store().metrics(&run.id).unwrap();
    assert_eq!(metrics.iter().map(|metric| metric.value).collect::<Vec<_>>(), [3.0], "those of the last try");
}

#[test]
fn retries_come_to_an_end() {
    let mut bench = Bench::new();
    let count = bench.path("count");
    let script = format!("echo x >> {}; exit 1", count.display());
    let run = bench.run(&pipeline(&[step("bad", &script).retry(json!({"maxRetryCount": 2}))])).unwrap();
    assert_eq!(run.state, State::Failed);
    assert_eq!(fs::read_to_string(count).unwrap(), "x\nx\nx\n");
}
