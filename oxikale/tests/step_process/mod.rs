//! Builds the step program of the tests and runs its steps with executor inputs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// The outputs that a step writes by itself.
pub const OURS: [&str; 3] = ["step-metrics", "html-report", "cell-result"];

/// The built step program.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program");
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/program/Cargo.toml");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--locked", "--quiet", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the step program does not build");
        target.join("debug/step-program")
    })
}

/// The keys of all values that the step `save` hands on.
pub fn keys() -> Vec<&'static str> {
    let source = include_str!("../program/src/values.rs");
    let calls = source.split("pass(").skip(1).filter_map(|call| call.trim_start().strip_prefix("step,"));
    calls.filter_map(|call| call.trim_start().strip_prefix('"')?.split('"').next()).collect()
}

/// A folder in which steps of one run leave their artifacts.
pub struct Run {
    folder: TempDir,
}

/// How a step ended.
pub struct Ended {
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of an artifact; its folder is made by the step.
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder().join("artifacts").join(key)
    }

    pub fn output_file(&self) -> PathBuf {
        self.folder().join("output/executor_output.json")
    }

    /// The metadata of an artifact in the executor output of the last step.
    pub fn metadata(&self, key: &str) -> Map<String, Value> {
        let output: Value = serde_json::from_slice(&fs::read(self.output_file()).unwrap()).unwrap();
        output["artifacts"][key]["artifacts"][0]["metadata"].as_object().unwrap().clone()
    }

    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder().join("events")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What lies in the folder of the artifact.
    pub fn files_beside(&self, key: &str) -> Vec<String> {
        let folder = fs::read_dir(self.file(key).parent().unwrap()).unwrap();
        folder.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    pub fn step(&self, name: &'static str) -> StepRun<'_> {
        StepRun {
            run: self,
            name,
            parameters: Map::new(),
            inputs: Map::new(),
            outputs: Map::new(),
            environment: BTreeMap::new(),
            limited: false,
        }
    }

    fn artifact(&self, key: &str, metadata: &Map<String, Value>) -> Value {
        json!({"artifacts": [{
            "name": key,
            "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"},
            "uri": self.file(key),
            "metadata": metadata,
        }]})
    }
}

/// A step that is about to run.
pub struct StepRun<'a> {
    run: &'a Run,
    name: &'static str,
    parameters: Map<String, Value>,
    inputs: Map<String, Value>,
    outputs: Map<String, Value>,
    environment: BTreeMap<String, String>,
    limited: bool,
}

impl StepRun<'_> {
    pub fn outputs(mut self, keys: &[&str]) -> Self {
        for key in keys {
            self.outputs.insert((*key).to_owned(), self.run.artifact(key, &Map::new()));
        }
        self
    }

    /// Takes artifacts as the runner hands them on: with the metadata that the last executor output has of them.
    pub fn inputs(mut self, keys: &[&str]) -> Self {
        let output: Value = serde_json::from_slice(&fs::read(self.run.output_file()).unwrap()).unwrap();
        for key in keys {
            let made = output["artifacts"].get(key).cloned();
            let made = made.unwrap_or_else(|| self.run.artifact(key, &Map::new()));
            self.inputs.insert((*key).to_owned(), made);
        }
        self
    }

    pub fn parameter(mut self, name: &str, value: Value) -> Self {
        self.parameters.insert(name.to_owned(), value);
        self
    }

    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// No file may grow beyond a few megabytes.
    pub fn with_file_limit(mut self) -> Self {
        self.limited = true;
        self
    }

    pub fn input(&self) -> String {
        json!({
            "inputs": {"parameterValues": self.parameters, "artifacts": self.inputs},
            "outputs": {"artifacts": self.outputs, "outputFile": self.run.output_file()},
        })
        .to_string()
    }

    pub fn command(&self) -> Command {
        let mut command = if self.limited {
            let mut shell = Command::new("sh");
            // Without a handler the signal of the limit would end the step; ignored, the write fails.
            shell.args(["-c", "trap '' XFSZ; ulimit -f 8000; exec \"$0\" \"$@\""]).arg(program());
            shell
        } else {
            Command::new(program())
        };
        command
            .args(["--step", self.name, "--executor_input", &self.input()])
            .env("OXIKALE_EVENTS", self.run.folder().join("events"))
            .env("RUST_BACKTRACE", "0")
            .envs(&self.environment);
        command
    }

    fn end(&self, code: i32) -> Ended {
        let output = self.command().output().unwrap();
        let ended = Ended {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(output.status.code(), Some(code), "{}{}", ended.stdout, ended.stderr);
        ended
    }

    pub fn succeeds(&self) -> Ended {
        self.end(0)
    }

    pub fn fails(&self, code: i32) -> Ended {
        self.end(code)
    }
}
