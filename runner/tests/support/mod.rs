//! Pipelines of shell commands, and runs of them, for the tests.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::{Path, PathBuf};

use oxikale_compiler::ir::Ir;
use oxikale_runner::{Cancel, Event, Options, RunError, RunRecord, State, Store};
use serde_json::{Value, json};

/// A step of a test's pipeline.
pub struct Step {
    name: String,
    command: Vec<String>,
    after: Vec<String>,
    inputs: Vec<(String, String)>,
    parameters: Vec<String>,
    outputs: Vec<(String, String)>,
    resources: Value,
    retry: Option<Value>,
    kubernetes: Value,
    env: Vec<Value>,
    caching: Value,
}

/// A step that runs a shell script. The executor input is its `$1`.
pub fn step(name: &str, script: &str) -> Step {
    Step {
        name: name.to_owned(),
        command: ["sh", "-c", script, "sh", "{{$}}"].map(str::to_owned).to_vec(),
        after: Vec::new(),
        inputs: Vec::new(),
        parameters: Vec::new(),
        outputs: Vec::new(),
        resources: Value::Null,
        retry: None,
        kubernetes: json!({}),
        env: Vec::new(),
        caching: json!({"enableCache": true}),
    }
}

impl Step {
    pub fn command(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|part| (*part).to_owned()).collect();
        self
    }

    pub fn after(mut self, other: &str) -> Self {
        self.after.push(other.to_owned());
        self
    }

    /// Takes the output `key` of `from` under the same name.
    pub fn input(mut self, from: &str, key: &str) -> Self {
        self.inputs.push((from.to_owned(), key.to_owned()));
        self
    }

    pub fn parameter(mut self, name: &str) -> Self {
        self.parameters.push(name.to_owned());
        self
    }

    pub fn output(self, key: &str) -> Self {
        self.typed_output(key, "system.Dataset")
    }

    pub fn typed_output(mut self, key: &str, title: &str) -> Self {
        self.outputs.push((key.to_owned(), title.to_owned()));
        self
    }

    pub fn resources(mut self, resources: Value) -> Self {
        self.resources = resources;
        self
    }

    pub fn retry(mut self, policy: Value) -> Self {
        self.retry = Some(policy);
        self
    }

    pub fn kubernetes(mut self, settings: Value) -> Self {
        self.kubernetes = settings;
        self
    }

    /// The result of an earlier run must not be taken.
    pub fn uncached(mut self) -> Self {
        self.caching = json!({});
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(json!({"name": name, "value": value}));
        self
    }
}

/// The IR of a pipeline, as JSON. `parameters` are root input definitions.
pub fn ir_json(steps: &[Step], parameters: Value) -> Value {
    let mut components = json!({});
    let mut executors = json!({});
    let mut platform = json!({});
    let mut tasks = json!({});
    let mut types = json!({});
    for step in steps {
        for (key, title) in &step.outputs {
            types[format!("{}/{key}", step.name)] = json!({"schemaTitle": title, "schemaVersion": "0.0.1"});
        }
    }
    for step in steps {
        let component = format!("comp-{}", step.name);
        let executor = format!("exec-{}", step.name);
        let mut inputs = json!({"artifacts": {}, "parameters": {}});
        let mut sources = json!({"artifacts": {}, "parameters": {}});
        for (from, key) in &step.inputs {
            inputs["artifacts"][key] = json!({"artifactType": types[format!("{from}/{key}")]});
            sources["artifacts"][key] = json!({"taskOutputArtifact": {"outputArtifactKey": key, "producerTask": from}});
        }
        for name in &step.parameters {
            inputs["parameters"][name] = json!({"parameterType": parameters[name]["parameterType"]});
            sources["parameters"][name] = json!({"componentInputParameter": name});
        }
        let mut outputs = json!({});
        for (key, _) in &step.outputs {
            outputs[key] = json!({"artifactType": types[format!("{}/{key}", step.name)]});
        }
        components[&component] = json!({
            "executorLabel": executor, "inputDefinitions": inputs, "outputDefinitions": {"artifacts": outputs},
        });
        let mut container = json!({"image": "none", "command": step.command, "env": step.env});
        if !step.resources.is_null() {
            container["resources"] = step.resources.clone();
        }
        executors[&executor] = json!({"container": container});
        platform[&executor] = step.kubernetes.clone();
        let mut task = json!({
            "cachingOptions": step.caching, "componentRef": {"name": component}, "dependentTasks": step.after,
            "inputs": sources, "taskInfo": {"name": step.name},
        });
        if let Some(retry) = &step.retry {
            task["retryPolicy"] = retry.clone();
        }
        tasks[&step.name] = task;
    }
    json!({
        "spec": {
            "components": components,
            "deploymentSpec": {"executors": executors},
            "pipelineInfo": {"name": "test"},
            "root": {"dag": {"tasks": tasks}, "inputDefinitions": {"parameters": parameters}},
            "schemaVersion": "2.1.0",
            "sdkVersion": "test",
        },
        "platform": {"platforms": {"kubernetes": {"deploymentSpec": {"executors": platform}}}},
    })
}

/// The IR of a pipeline without parameters.
pub fn pipeline(steps: &[Step]) -> Ir {
    serde_json::from_value(ir_json(steps, json!({}))).expect("the test's IR is well formed")
}

/// A data folder of its own, and what happened in it.
pub struct Bench {
    pub folder: tempfile::TempDir,
    pub options: Options,
    pub events: Vec<Event>,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = Options { data_dir: folder.path().join("data"), cores: Some(4), ..Options::default() };
        Self { folder, options, events: Vec::new() }
    }

    /// A path outside of the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&mut self, ir: &Ir) -> Result<RunRecord, RunError> {
        self.run_with(ir, &Cancel::new(), |_| {})
    }

    pub fn run_with(
        &mut self,
        ir: &Ir,
        cancel: &Cancel,
        mut on_event: impl FnMut(&Event),
    ) -> Result<RunRecord, RunError> {
        let events = &mut self.events;
        oxikale_runner::run(ir, &self.options, cancel, &mut |event| {
            on_event(&event);
            events.push(event);
        })
    }

    pub fn store(&self) -> Store {
        Store::open(&self.options.data_dir).expect("the store opens")
    }

    /// How a step of the run ended, and why.
    pub fn ended(&self, run: &RunRecord, task: &str) -> (State, String) {
        let steps = self.store().steps(&run.id).expect("steps are readable");
        let step = steps.into_iter().find(|step| step.task == task).expect("the step is recorded");
        (step.state, step.why.map(|why| why.message).unwrap_or_default())
    }

    pub fn log(&self, run: &RunRecord, task: &str) -> String {
        let log = self.store().log(&run.id, task).expect("the step is recorded");
        String::from_utf8_lossy(&std::fs::read(log.path()).expect("there is a log")).into_owned()
    }
}

/// Waits until `condition` holds; fails the test when it does not for a minute.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed().as_secs() < 60, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Whether the process whose id is written in `file` lives.
pub fn lives(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).expect("the process wrote its id");
    let process: i32 = text.trim().parse().expect("an id");
    match std::fs::read_to_string(format!("/proc/{process}/stat")) {
        Ok(stat) => !stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('Z')),
        Err(_) => false,
    }
}
