//! Pipelines that make no sense: refused with a reason, never a panic, a hang or a path outside of the data folder.

mod support;

use std::fs;

use oxikale_compiler::ir::Ir;
use oxikale_runner::{RunError, State};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Bench, ir_json, pipeline, step};

/// What is said of a pipeline after a change to it.
fn refused(change: impl FnOnce(&mut Value)) -> String {
    let steps = [step("a", "true").output("x"), step("b", "true").input("a", "x").parameter("p")];
    let mut ir = ir_json(&steps, json!({"p": {"parameterType": "STRING", "defaultValue": "v"}}));
    change(&mut ir);
    let ir: Ir = serde_json::from_value(ir).expect("the change keeps the IR readable");
    let mut bench = Bench::new();
    let error = bench.run(&ir).expect_err("it is refused");
    assert!(matches!(error, RunError::Pipeline(_)), "{error}");
    assert!(!bench.options.data_dir.exists(), "nothing is made for it");
    error.to_string()
}

fn tasks(ir: &mut Value) -> &mut Value {
    &mut ir["spec"]["root"]["dag"]["tasks"]
}

#[test]
fn what_is_missing_is_named() {
    let spec = |ir: &mut Value, path: &str, value: Value| *ir.pointer_mut(path).expect(path) = value;
    let tasks = "/spec/root/dag/tasks";
    for (path, value, word) in [
        (format!("{tasks}/b/componentRef/name"), json!("comp-none"), "`comp-none` does not exist"),
        ("/spec/components/comp-a/executorLabel".to_owned(), json!("exec-none"), "`exec-none` does not exist"),
        ("/spec/components/comp-a/executorLabel".to_owned(), Value::Null, "names no executor"),
        ("/spec/deploymentSpec/executors/exec-a/container/command".to_owned(), json!([]), "has no command"),
        (format!("{tasks}/b/inputs/artifacts/x/taskOutputArtifact/producerTask"), json!("z"), "waits for `z`"),
        (format!("{tasks}/b/inputs/artifacts/x/taskOutputArtifact/outputArtifactKey"), json!("y"), "no such output"),
        (format!("{tasks}/b/inputs/parameters/p/componentInputParameter"), json!("q"), "the parameter `q`"),
        (format!("{tasks}/b/inputs/artifacts"), json!({}), "`x` comes from nowhere"),
        (format!("{tasks}/b/dependentTasks"), json!(["../a"]), "waits for `../a`"),
        (tasks.to_owned(), json!({}), "no steps"),
        ("/spec/root/dag".to_owned(), Value::Null, "no graph"),
    ] {
        let said = refused(|ir| spec(ir, &path, value));
        assert!(said.contains(word), "{path}: {said}");
    }
}

#[test]
fn circles_are_shown() {
    let said = refused(|ir| tasks(ir)["a"]["dependentTasks"] = json!(["b"]));
    assert!(said.contains("in a circle: `a` → `b` → `a`"), "{said}");
    let said = refused(|ir| tasks(ir)["b"]["dependentTasks"] = json!(["b"]));
    assert!(said.contains("`b` → `b`"), "{said}");
}

#[test]
fn names_cannot_leave_the_folder() {
    for name in ["../x", "/etc", "", "a\0b", "..", "a/b", ".lock"] {
        let said = refused(|ir| {
            let task = tasks(ir)["b"].clone();
            tasks(ir)[name] = task;
        });
        assert!(said.contains("cannot be the name of a folder"), "{said}");
        let said = refused(|ir| {
            let outputs = &mut ir["spec"]["components"]["comp-a"]["outputDefinitions"]["artifacts"];
            outputs[name] = outputs["x"].clone();
        });
        assert!(said.contains("cannot be the name of a file"), "{said}");
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for (resources, word) in [
        (json!({"resourceCpuLimit": "two"}), "CPU limit: `two`"),
        (json!({"resourceMemoryLimit": "-1"}), "memory limit: `-1`"),
        (json!({"resourceMemoryRequest": "1GB"}), "memory request: `1GB`"),
    ] {
        let said =
            refused(|ir| ir["spec"]["deploymentSpec"]["executors"]["exec-a"]["container"]["resources"] = resources);
        assert!(said.contains(word), "{said}");
    }
    let said = refused(|ir| tasks(ir)["a"]["retryPolicy"] = json!({"maxRetryCount": 1, "backoffDuration": "soon"}));
    assert!(said.contains("`soon` is no duration"), "{said}");
    let said = refused(|ir| {
        ir["platform"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-a"] =
            json!({"activeDeadlineSeconds": "1.5"});
    });
    assert!(said.contains("`1.5` is no whole number of seconds"), "{said}");
}

#[test]
fn a_pipeline_may_be_called_anything() {
    let mut bench = Bench::new();
    let mut ir = pipeline(&[step("one", "true")]);
    for name in ["../../../etc", "", "\0", "Ünï çödé 🦀", "a\nb"] {
        ir.spec.pipeline_info.name = name.to_owned();
        let run = bench.run(&ir).unwrap();
        assert_eq!(run.state, State::Succeeded);
        assert_eq!(bench.store().run(&run.id).unwrap().pipeline, name);
    }
    let runs = fs::read_dir(bench.options.data_dir.join("runs")).unwrap();
    assert_eq!(runs.count(), 5);
}

/// Something to be put anywhere into an IR.
fn rubbish() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
        prop_oneof![Just("a"), Just("b"), Just("x"), Just("comp-a"), Just("9e99"), Just("99999999999s")]
            .prop_map(Value::from),
    ]
}

/// Every place in a JSON value.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, format!("{at}/{key}"), all)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| places(value, format!("{at}/{i}"), all)),
        _ => {}
    }
    all.push(at);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_pipeline_makes_a_panic_or_a_hang(changes in prop::collection::vec((any::<prop::sample::Index>(), rubbish()), 1..4)) {
        let steps = [
            step("a", "true").output("x").retry(json!({"maxRetryCount": 0, "backoffDuration": "0s"})),
            step("b", "true").input("a", "x").parameter("p").resources(json!({"resourceCpuLimit": "1", "resourceMemoryLimit": "1Gi"}))
                .kubernetes(json!({"activeDeadlineSeconds": "9"})),
        ];
        let mut ir = ir_json(&steps, json!({"p": {"parameterType": "STRING", "defaultValue": "v"}}));
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&ir, String::new(), &mut all);
            // What is executed stays as it is: rubbish must not become a command.
            all.retain(|at| !at.contains("/command") && at.len() > "/spec/deploymentSpec/executors/exec-a/container".len());
            let at = index.get(&all).clone();
            if let Some(place) = ir.pointer_mut(&at) {
                *place = value;
            }
        }
        if let Ok(ir) = serde_json::from_value::<Ir>(ir) {
            let mut bench = Bench::new();
            let waits = ir.spec.root.dag.iter().flat_map(|dag| dag.tasks.values()).any(|task| {
                task.retry_policy.as_ref().is_some_and(|policy| policy.max_retry_count > 0)
            });
            // A pipeline that retries for years is no hang.
            if !waits {
                let _ = bench.run(&ir);
            }
            for entry in fs::read_dir(bench.folder.path()).unwrap() {
                prop_assert_eq!(entry.unwrap().file_name(), "data");
            }
        }
    }
}
