//! What a step handed on: reads KFP's executor output and looks at the files.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use oxikale_compiler::ir::ArtifactType;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::folder::{StepFolder, local_path};
use crate::json_numbers;
use crate::plan::PlannedStep;

/// Files up to this size get a checksum: it takes some tens of milliseconds at most.
const LARGEST_HASHED: u64 = 64 << 20;

/// An executor output that is larger is not read.
const LARGEST_OUTPUT: u64 = 256 << 20;

/// Something that a step handed on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Artifact {
    /// The step.
    pub task: String,
    /// Its name among the step's outputs; for a variable, the variable's.
    pub key: String,
    /// KFP's type of it, e.g. `system.Artifact`.
    #[serde(rename = "type")]
    pub schema_title: String,
    /// Where it is.
    pub path: PathBuf,
    /// Bytes; of a folder, of all files in it. None where there is only metadata.
    pub size: Option<u64>,
    /// Of the file, in hexadecimal; none for folders and files over 64 MiB.
    pub sha256: Option<String>,
    /// How it is written: `json`, `npy`, `msgpack`, …
    pub format: Option<String>,
    /// The Rust type of the variable.
    pub rust_type: Option<String>,
    /// A short text that shows it.
    pub display: Option<String>,
    /// All that the step said of it.
    pub metadata: Map<String, Value>,
}

/// All that a try left.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub artifacts: Vec<Artifact>,
    /// Key → artifact in KFP's form, as later steps get it.
    pub handed_on: Map<String, Value>,
    /// Metrics that are in the executor output alone.
    pub metrics: Vec<(String, f64)>,
    /// Says which output is missing, where one is.
    pub missing: Option<String>,
}

/// Looks at what is there after a try. `told` are metrics that the step reported while it ran.
pub(crate) fn outcome(step: &PlannedStep, folder: &StepFolder, told: &HashSet<String>) -> Outcome {
    let output = executor_output(&folder.executor_output());
    let mut outcome = Outcome::default();
    let mut missing = Vec::new();
    for (key, planned) in &step.outputs {
        let said = output
            .as_ref()
            .and_then(|output| output.pointer("/artifacts")?.get(key)?.pointer("/artifacts/0")?.as_object());
        let uri = said.and_then(|said| said.get("uri")?.as_str()).filter(|uri| !uri.is_empty() && !uri.contains('\0'));
        let path = uri.map_or_else(|| folder.output(key, planned), local_path);
        let metadata = said.and_then(|said| said.get("metadata")?.as_object()).cloned().unwrap_or_default();
        let size = size(&path);
        if size.is_none() && planned.required {
            missing.push(key.as_str());
        }
        if size.is_none() && metadata.is_empty() {
            continue;
        }
        if planned.artifact_type.schema_title == "system.Metrics" {
            let new = metadata.iter().filter(|(name, _)| !told.contains(*name));
            outcome.metrics.extend(new.filter_map(|(name, value)| Some((name.clone(), json_numbers::number(value)?))));
        }
        outcome.handed_on.insert(key.clone(), handed_on(key, &planned.artifact_type, &path, &metadata));
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        outcome.artifacts.push(Artifact {
            task: step.task.clone(),
            key: key.clone(),
            schema_title: planned.artifact_type.schema_title.clone(),
            size,
            sha256: size.filter(|size| *size <= LARGEST_HASHED).and_then(|_| checksum(&path)),
            path,
            format: text("format"),
            rust_type: text("rust_type"),
            display: text("display"),
            metadata,
        });
    }
    if !missing.is_empty() {
        outcome.missing = Some(format!(
            "it ended without an error, but did not hand on `{}`; does it end the process itself (`std::process::exit`)?",
            missing.join("`, `")
        ));
    }
    outcome
}

pub(crate) fn handed_on(key: &str, artifact_type: &ArtifactType, path: &Path, metadata: &Map<String, Value>) -> Value {
    json!({"name": key, "type": artifact_type, "uri": path, "metadata": metadata})
}

fn executor_output(path: &Path) -> Option<Value> {
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.len() > LARGEST_OUTPUT {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_OUTPUT).read_to_end(&mut bytes).ok()?;
    json_numbers::from_slice(&bytes)
}

/// Bytes of a file, or of all files in a folder; links in it are not followed. None where there is nothing.
pub(crate) fn size(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_dir() {
        return Some(metadata.len());
    }
    let mut total = 0_u64;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => total = total.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    Some(total)
}

/// The SHA-256 of a file, in hexadecimal; none where there is no such file.
pub(crate) fn checksum(path: &Path) -> Option<String> {
    // A pipe or a device would never end.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?.take(LARGEST_HASHED + 1);
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).ok()?;
    Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
