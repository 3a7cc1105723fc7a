//! Measures what a step costs beyond its own work: a chain of steps that do nothing, beside the
//! same processes started bare.
//!
//! `cargo run --release -p oxikale-runner --example overhead [steps] [program]`

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use oxikale_compiler::ir::Ir;
use oxikale_runner::{Cancel, Options, State};
use serde_json::{Value, json};

fn chain(steps: usize, program: &str) -> Ir {
    let mut tasks = json!({});
    for i in 0..steps {
        let before: Vec<String> = (i > 0).then(|| format!("s{}", i - 1)).into_iter().collect();
        tasks[format!("s{i}")] = json!({
            "cachingOptions": {}, "componentRef": {"name": "comp"}, "dependentTasks": before,
            "taskInfo": {"name": format!("s{i}")},
        });
    }
    let ir: Value = json!({
        "spec": {
            "components": {"comp": {"executorLabel": "exec"}},
            "deploymentSpec": {"executors": {"exec": {"container": {"image": "none", "command": [program, "{{$}}"]}}}},
            "pipelineInfo": {"name": "overhead"},
            "root": {"dag": {"tasks": tasks}},
            "schemaVersion": "2.1.0", "sdkVersion": "example",
        },
        "platform": {},
    });
    serde_json::from_value(ir).expect("the IR is well formed")
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let steps: usize = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(100);
    let program = arguments.next().unwrap_or_else(|| "/bin/true".to_owned());
    let data = std::env::temp_dir().join(format!("oxikale-overhead-{}", std::process::id()));

    let started = Instant::now();
    for _ in 0..steps {
        let status = Command::new(&program).stdin(Stdio::null()).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "{program} does not run");
    }
    let bare = started.elapsed().as_secs_f64() * 1e3 / steps as f64;

    let options = Options { data_dir: data.clone(), program: PathBuf::from(&program), ..Options::default() };
    let started = Instant::now();
    let run = oxikale_runner::run(&chain(steps, &program), &options, &Cancel::new(), &mut |_| {});
    let ours = started.elapsed().as_secs_f64() * 1e3 / steps as f64;
    assert!(run.is_ok_and(|run| run.state == State::Succeeded), "the run failed");
    let _ = std::fs::remove_dir_all(data);
    println!("{steps} steps: {ours:.2} ms each; the process alone {bare:.2} ms; overhead {:.2} ms", ours - bare);
}
