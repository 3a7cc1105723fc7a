//! KFP's executor input: what a step is told about its parameters, inputs and outputs.

use std::fs;
use std::io;

use serde_json::{Map, Value, json};

use crate::folder::StepFolder;
use crate::plan::PlannedStep;

/// What stands for the executor input in a command.
const PLACEHOLDER: &str = "{{$}}";

/// Longer inputs travel in a file: a single argument of a program cannot be longer than 128 KiB on Linux.
const LONGEST_ARGUMENT: usize = 100_000;

/// The executor input of a step. `inputs` are its artifacts by input name, as their producers recorded them.
pub(crate) fn executor_input(step: &PlannedStep, folder: &StepFolder, inputs: &Map<String, Value>) -> Value {
    let artifacts: Map<String, Value> =
        inputs.iter().map(|(name, artifact)| (name.clone(), json!({"artifacts": [artifact]}))).collect();
    let outputs: Map<String, Value> = step
        .outputs
        .iter()
        .map(|(key, output)| {
            let artifact = json!({
                "name": key,
                "type": output.artifact_type,
                "uri": folder.output(key, output),
                "metadata": {},
            });
            (key.clone(), json!({"artifacts": [artifact]}))
        })
        .collect();
    json!({
        "inputs": {"parameterValues": step.parameters, "artifacts": artifacts},
        "outputs": {"artifacts": outputs, "outputFile": folder.executor_output()},
    })
}

/// The step's command with the executor input in its place.
///
/// # Errors
/// When the input is long and the file for it cannot be written.
pub(crate) fn command(step: &PlannedStep, folder: &StepFolder, input: &Value) -> io::Result<Vec<String>> {
    let mut text = None;
    let mut command = Vec::with_capacity(step.command.len());
    for part in &step.command {
        if part.contains(PLACEHOLDER) {
            let text = match &text {
                Some(text) => text,
                None => text.insert(argument(folder, input)?),
            };
            command.push(part.replace(PLACEHOLDER, text));
        } else {
            command.push(part.clone());
        }
    }
    Ok(command)
}

fn argument(folder: &StepFolder, input: &Value) -> io::Result<String> {
    let text = input.to_string();
    if text.len() <= LONGEST_ARGUMENT {
        return Ok(text);
    }
    let path = folder.executor_input();
    fs::write(&path, &text)?;
    Ok(format!("@{}", path.display()))
}
