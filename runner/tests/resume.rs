//! Runs that take an earlier run up again: which steps run, which do not, and what is there of those afterwards.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use oxikale_compiler::ir::Ir;
use oxikale_runner::{
    Cancel, Event, InputsError, Options, ResumeError, RunError, RunRecord, State, Store, StoreError, inputs,
};
use serde_json::json;
use support::{Bench, Step, ir_json, pipeline, step, wait_until};

/// A step that notes in `ran` that it has run, and hands on `x`.
fn maker(name: &str, ran: &Path, value: &str) -> Step {
    let script = format!(
        "echo {name} >> {}; echo this is {name}; \
         echo '{{\"type\":\"metric\",\"name\":\"loss\",\"value\":0.5}}' >> \"$OXIKALE_EVENTS\"; \
         echo '{{\"type\":\"display\",\"data\":{{\"text/plain\":\"shown by {name}\"}}}}' >> \"$OXIKALE_EVENTS\"; \
         printf %s '{value}' > \"$(printf %s \"$1\" | sed 's/.*\"x\":{{\"artifacts\":\\[{{[^]]*\"uri\":\"\\([^\"]*\\)\".*/\\1/')\"",
        ran.display()
    );
    step(name, &script).output("x")
}

/// Every step has the fingerprint of its name, unless another is given.
fn fingerprints(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(task, text)| ((*task).to_owned(), (*text).to_owned())).collect()
}

struct Place {
    bench: Bench,
    ran: std::path::PathBuf,
}

impl Place {
    fn new() -> Self {
        let bench = Bench::new();
        let ran = bench.path("ran");
        Self { bench, ran }
    }

    /// `load` → `train` → `report`, and `other` beside them. `train` fails until the file `fixed` is there.
    fn ir(&self) -> Ir {
        let fixed = self.bench.path("fixed");
        let train = format!("echo train >> {}; [ -e {} ]", self.ran.display(), fixed.display());
        let report = format!("echo report >> {}", self.ran.display());
        let mut steps = vec![maker("load", &self.ran, "42"), maker("other", &self.ran, "7")];
        steps.push(step("train", &train).input("load", "x"));
        steps.push(step("report", &report).after("train").after("other"));
        pipeline(&steps)
    }

    fn usual(&mut self) {
        self.bench.options.fingerprints =
            fingerprints(&[("load", "1"), ("other", "2"), ("train", "3"), ("report", "4")]);
    }

    fn fix(&self) {
        fs::write(self.bench.path("fixed"), "").unwrap();
    }

    fn resume(&mut self, ir: &Ir, run: &str) -> RunRecord {
        self.bench.options.resume = Some(run.to_owned());
        let _ = fs::remove_file(&self.ran);
        self.bench.events.clear();
        self.bench.run(ir).unwrap()
    }

    /// The steps that ran since the last resumption, in the order of their names.
    fn ran(&self) -> Vec<String> {
        let mut ran: Vec<String> =
            fs::read_to_string(&self.ran).unwrap_or_default().lines().map(str::to_owned).collect();
        ran.sort();
        ran
    }

    fn warnings(&self) -> Vec<String> {
        let events = self.bench.events.iter();
        events
            .filter_map(|event| match event {
                Event::Warning { message, .. } => Some(message.clone()),
                _ => None,
            })
            .collect()
    }
}

#[test]
fn after_a_failure_only_what_failed_and_what_comes_after_it_runs() {
    let mut place = Place::new();
    place.usual();
    let ir = place.ir();
    let first = place.bench.run(&ir).unwrap();
    assert_eq!(first.state, State::Failed);
    place.fix();
    let second = place.resume(&ir, &first.id);
    assert_eq!(second.state, State::Succeeded, "{:?}", second.why);
    assert_eq!(place.ran(), ["report", "train"]);
    assert_ne!(first.id, second.id);
    assert_eq!(second.resumed_from.as_deref(), Some(first.id.as_str()));

    // It is told as what it is.
    let told = place.bench.events.iter().any(|event| {
        matches!(event, Event::StepEnded { task, state: State::Succeeded, reused: Some(run), .. }
            if task == "load" && *run == first.id)
    });
    assert!(told, "{:?}", place.bench.events);
    assert!(matches!(&place.bench.events[0], Event::RunStarted { resumed_from: Some(run), .. } if *run == first.id));
    let store = place.bench.store();
    assert_eq!(store.run(&second.id).unwrap().resumed_from.as_deref(), Some(first.id.as_str()));
    let (before, after) = (store.step(&first.id, "load").unwrap(), store.step(&second.id, "load").unwrap());
    assert_eq!(after.reused.as_deref(), Some(first.id.as_str()));
    assert_eq!((after.state, after.seconds, after.started_ms), (State::Succeeded, before.seconds, before.started_ms));
    assert_eq!(store.step(&second.id, "train").unwrap().reused, None);

    // All of it is the new run's own: the old one may go.
    fs::remove_dir_all(&first.folder).unwrap();
    let artifacts = store.artifacts(&second.id).unwrap();
    let x = artifacts.iter().find(|artifact| artifact.task == "load").unwrap();
    assert!(x.path.starts_with(&second.folder));
    assert_eq!(fs::read_to_string(&x.path).unwrap(), "42");
    assert_eq!(place.bench.log(&second, "load"), "this is load\n");
    let metrics = store.metrics(&second.id).unwrap();
    assert!(metrics.iter().any(|metric| metric.task == "load" && metric.value == 0.5), "{metrics:?}");
    let displays = store.displays(&second.id).unwrap();
    assert!(displays.iter().any(|display| display.data["text/plain"] == json!("shown by load")), "{displays:?}");

    // A run of a run: what is reused tells where it ran first.
    let third = place.resume(&ir, "latest");
    assert_eq!(place.ran(), Vec::<String>::new());
    let origin = |task: &str| place.bench.store().step(&third.id, task).unwrap().reused.unwrap();
    assert_eq!((origin("load"), origin("train")), (first.id, second.id));
}

#[test]
fn a_changed_step_and_everything_after_it_runs() {
    let mut place = Place::new();
    place.usual();
    place.fix();
    let ir = place.ir();
    let first = place.bench.run(&ir).unwrap();
    assert_eq!(first.state, State::Succeeded, "{:?}", first.why);
    for (changed, wanted) in
        [("load", ["load", "report", "train"].as_slice()), ("other", &["other", "report"]), ("report", &["report"])]
    {
        place.usual();
        place.bench.options.fingerprints.insert(changed.to_owned(), "new".to_owned());
        place.resume(&ir, &first.id);
        assert_eq!(place.ran(), wanted, "{changed}");
    }
    // Of what a step is made is not known.
    place.usual();
    place.bench.options.fingerprints.remove("load");
    place.resume(&ir, &first.id);
    assert_eq!(place.ran(), ["load", "report", "train"]);
    place.bench.options.fingerprints.clear();
    place.resume(&ir, &first.id);
    assert_eq!(place.ran(), ["load", "other", "report", "train"]);
}

#[test]
fn settings_that_a_step_can_see_count_as_changes_and_those_that_it_cannot_do_not() {
    let mut bench = Bench::new();
    let ran = bench.path("ran");
    let one = || step("one", &format!("echo one >> {}", ran.display()));
    let mount = |path: &str| {
        let claim = json!({"runtimeValue": {"constant": "data"}});
        json!({"pvcMount": [{"constant": "data", "mountPath": path, "pvcNameParameter": claim}]})
    };
    let secret = |name: &str| {
        let keys = json!([{"envVar": "OXIKALE_NO_SUCH", "secretKey": "k"}]);
        let constant = json!({"runtimeValue": {"constant": name}});
        json!({"secretAsEnv": [{
            "secretName": name, "optional": true, "keyToEnv": keys, "secretNameParameter": constant,
        }]})
    };
    bench.options.fingerprints = fingerprints(&[("one", "1")]);
    bench.options.volumes = BTreeMap::from([("data".to_owned(), bench.path("volume"))]);
    let ran_again = |bench: &mut Bench, before: Step, after: Step| {
        bench.options.resume = None;
        let first = bench.run(&pipeline(&[before])).unwrap();
        assert_eq!(first.state, State::Succeeded, "{:?}", first.why);
        fs::remove_file(&ran).unwrap();
        bench.options.resume = Some(first.id);
        bench.run(&pipeline(&[after])).unwrap();
        let again = ran.exists();
        let _ = fs::remove_file(&ran);
        again
    };
    assert!(!ran_again(&mut bench, one(), one()));
    assert!(ran_again(&mut bench, one(), one().env("A", "1")));
    assert!(ran_again(&mut bench, one().env("A", "1"), one().env("A", "2")));
    assert!(ran_again(&mut bench, one().kubernetes(mount("/a")), one().kubernetes(mount("/b"))));
    assert!(ran_again(&mut bench, one().kubernetes(secret("a")), one().kubernetes(secret("b"))));
    assert!(ran_again(&mut bench, one(), one().output("y").typed_output("z", "system.Artifact")));
    assert!(ran_again(&mut bench, one().uncached(), one().uncached()), "the notebook says that it must run");
    let more = json!({"resourceMemoryLimit": "1Gi"});
    assert!(!ran_again(&mut bench, one(), one().resources(more).retry(json!({"maxRetryCount": 2}))));
}

#[test]
fn parameters_are_those_of_the_earlier_run_unless_given_anew() {
    let mut bench = Bench::new();
    let ran = bench.path("ran");
    let script = |name: &str| format!("echo {name} >> {}", ran.display());
    let parameters = json!({
        "a": {"parameterType": "NUMBER_INTEGER", "defaultValue": 1},
        "b": {"parameterType": "NUMBER_INTEGER", "defaultValue": 1},
    });
    let steps = || [step("one", &script("one")).parameter("a"), step("two", &script("two")).parameter("b")];
    let ir: Ir = serde_json::from_value(ir_json(&steps(), parameters)).unwrap();
    bench.options.fingerprints = fingerprints(&[("one", "1"), ("two", "2")]);
    bench.options.arguments = json!({"a": 5}).as_object().unwrap().clone();
    let first = bench.run(&ir).unwrap();
    fs::remove_file(&ran).unwrap();
    bench.options.resume = Some("latest".to_owned());
    bench.options.arguments = json!({"b": 6}).as_object().unwrap().clone();
    let second = bench.run(&ir).unwrap();
    assert_eq!(serde_json::Value::Object(second.arguments), json!({"a": 5, "b": 6}));
    assert_eq!(fs::read_to_string(&ran).unwrap(), "two\n");

    // A parameter has become a text, and another one is gone.
    let parameters = json!({"a": {"parameterType": "STRING", "defaultValue": "x"}});
    let ir = ir_json(&[step("one", "true").parameter("a")], parameters);
    bench.options.resume = Some(first.id);
    bench.options.arguments.clear();
    let third = bench.run(&serde_json::from_value(ir).unwrap()).unwrap();
    assert_eq!(serde_json::Value::Object(third.arguments), json!({"a": "x"}));
    let told = |event: &Event| matches!(event, Event::Warning { message, .. } if message.contains("no longer fits"));
    assert!(bench.events.iter().any(told), "{:?}", bench.events);
}

#[test]
fn a_step_whose_file_is_gone_or_changed_runs_again_with_a_word() {
    let mut place = Place::new();
    place.usual();
    place.fix();
    let ir = place.ir();
    let first = place.bench.run(&ir).unwrap();
    let path = |place: &Place, run: &str, task: &str| {
        let artifacts = place.bench.store().artifacts(run).unwrap();
        artifacts.into_iter().find(|artifact| artifact.task == task).unwrap().path
    };
    fs::write(path(&place, &first.id, "other"), "8").unwrap();
    let second = place.resume(&ir, &first.id);
    assert_eq!((second.state, place.ran()), (State::Succeeded, vec!["other".to_owned(), "report".to_owned()]));
    assert!(place.warnings().iter().any(|word| word.contains("`x` has been changed")), "{:?}", place.warnings());
    assert_eq!(place.bench.log(&second, "other"), "this is other\n");

    fs::remove_file(path(&place, &second.id, "load")).unwrap();
    let third = place.resume(&ir, &second.id);
    assert_eq!((third.state, place.ran().len()), (State::Succeeded, 3));
    assert!(place.warnings().iter().any(|word| word.contains("`x` is gone")), "{:?}", place.warnings());
    assert_eq!(fs::read_to_string(path(&place, &third.id, "load")).unwrap(), "42");

    // The whole folder of the run is gone.
    fs::remove_dir_all(&third.folder).unwrap();
    let fourth = place.resume(&ir, &third.id);
    assert_eq!(fourth.state, State::Succeeded, "{:?}", fourth.why);
    assert!(place.ran().len() >= 3);
}

#[test]
fn a_cancelled_run_is_taken_up_where_it_was() {
    let mut bench = Bench::new();
    let (ran, go) = (bench.path("ran"), bench.path("go"));
    let slow = format!("echo slow >> {}; while [ ! -e {} ]; do sleep 0.01; done", ran.display(), go.display());
    let ir = pipeline(&[maker("load", &ran, "1"), step("slow", &slow).input("load", "x")]);
    bench.options.fingerprints = fingerprints(&[("load", "1"), ("slow", "2")]);
    let cancel = Cancel::new();
    let first = bench
        .run_with(&ir, &cancel, |event| {
            if matches!(event, Event::StepStarted { task, .. } if task == "slow") {
                cancel.cancel();
            }
        })
        .unwrap();
    assert_eq!(first.state, State::Cancelled);
    fs::write(&go, "").unwrap();
    let _ = fs::remove_file(&ran);
    bench.options.resume = Some("latest".to_owned());
    let second = bench.run(&ir).unwrap();
    assert_eq!(second.state, State::Succeeded, "{:?}", second.why);
    assert_eq!(fs::read_to_string(&ran).unwrap(), "slow\n");
}

fn interrupted_ir(folder: &Path) -> Ir {
    let (ran, go) = (folder.join("ran"), folder.join("go"));
    let slow = format!("echo slow >> {}; while [ ! -e {} ]; do sleep 0.01; done", ran.display(), go.display());
    pipeline(&[maker("load", &ran, "1"), step("slow", &slow).input("load", "x")])
}

fn interrupted_options(folder: &Path) -> Options {
    Options {
        data_dir: folder.join("data"),
        cores: Some(4),
        fingerprints: fingerprints(&[("load", "1"), ("slow", "2")]),
        ..Options::default()
    }
}

/// Is no test: with the variable set, it is the process that the test below kills.
#[test]
fn runner_process() {
    let Some(folder) = std::env::var_os("OXIKALE_TEST_RUNNER").map(std::path::PathBuf::from) else { return };
    let options = interrupted_options(&folder);
    let _ = oxikale_runner::run(&interrupted_ir(&folder), &options, &Cancel::new(), &mut |_| {});
}

#[test]
fn an_interrupted_run_is_taken_up_where_it_was_but_not_while_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "runner_process"])
        .env("OXIKALE_TEST_RUNNER", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ran = folder.join("ran");
    wait_until("the second step runs", || fs::read_to_string(&ran).is_ok_and(|text| text.contains("slow")));
    let (ir, mut options) = (interrupted_ir(folder), interrupted_options(folder));
    options.resume = Some("latest".to_owned());
    let run = |options: &Options| oxikale_runner::run(&ir, options, &Cancel::new(), &mut |_| {});
    let error = run(&options).unwrap_err();
    assert!(matches!(error, RunError::Resume(ResumeError::GoesOn { .. })), "{error}");
    runner.kill().unwrap();
    runner.wait().unwrap();
    assert_eq!(Store::open(&options.data_dir).unwrap().run("latest").unwrap().state, State::Interrupted);
    fs::write(folder.join("go"), "").unwrap();
    fs::remove_file(&ran).unwrap();
    let second = run(&options).unwrap();
    assert_eq!(second.state, State::Succeeded, "{:?}", second.why);
    assert_eq!(fs::read_to_string(&ran).unwrap(), "slow\n");
}

#[test]
fn what_cannot_be_resumed_is_said() {
    let mut bench = Bench::new();
    let ir = pipeline(&[step("one", "true")]);
    let refused = |bench: &mut Bench, ir: &Ir, wanted: &str| {
        bench.options.resume = Some(wanted.to_owned());
        bench.run(ir).unwrap_err()
    };
    let error = refused(&mut bench, &ir, "latest");
    assert!(error.to_string().contains("has not been run yet"), "{error}");
    bench.options.resume = None;
    let first = bench.run(&ir).unwrap();
    let error = refused(&mut bench, &ir, "nothing");
    assert!(matches!(error, RunError::Resume(ResumeError::Store(StoreError::NoRun { .. }))), "{error}");
    let mut other = ir.clone();
    other.spec.pipeline_info.name = "other".to_owned();
    let error = refused(&mut bench, &other, &first.id);
    assert!(matches!(error, RunError::Resume(ResumeError::OtherPipeline { .. })), "{error}");
    assert!(error.to_string().contains("is a run of the pipeline `test`, not of `other`"), "{error}");
    assert_eq!(bench.store().runs(10).unwrap().len(), 1);
}

#[test]
fn the_inputs_of_a_step_are_found_whether_it_ran_or_not() {
    let mut place = Place::new();
    place.usual();
    let ir = place.ir();
    let run = place.bench.run(&ir).unwrap();
    let store = place.bench.store();
    let found = inputs(&store, "latest", "train").unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["x"]);
    assert_eq!(fs::read_to_string(&found["x"]).unwrap(), "42");
    assert!(inputs(&store, &run.id, "load").unwrap().is_empty());
    assert!(matches!(inputs(&store, "nothing", "train"), Err(InputsError::Store(StoreError::NoRun { .. }))));
    assert!(matches!(inputs(&store, "latest", "nothing"), Err(InputsError::Store(StoreError::NoStep { .. }))));
    fs::remove_file(&found["x"]).unwrap();
    let error = inputs(&store, "latest", "train").unwrap_err();
    assert!(error.to_string().contains("is gone from the run"), "{error}");

    let ir = pipeline(&[step("load", "false").output("x"), step("train", "true").input("load", "x")]);
    place.bench.run(&ir).unwrap();
    let error = inputs(&place.bench.store(), "latest", "train").unwrap_err();
    assert!(error.to_string().contains("the step `load`, which makes it, is failed"), "{error}");
}
