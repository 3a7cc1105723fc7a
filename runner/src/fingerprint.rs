//! What a step and all that it depends on are made of, as one hash: where it is the same in two runs, so is the result.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::plan::{Plan, PlannedStep};

/// Changes whenever what is hashed does, so that no hash of another kind is taken for one of these.
const KIND: &str = "oxikale step 1";

/// The fingerprint of every step, by number. A step has none where `code` (task → what the build says of its code) has
/// none for it or for a step before it, or where its result may not be taken at all.
pub(crate) fn of_steps(
    plan: &Plan,
    code: &BTreeMap<String, String>,
    volumes: &[BTreeMap<String, PathBuf>],
    working_folder: Option<&Path>,
) -> Vec<Option<String>> {
    let mut all: Vec<Option<String>> = Vec::with_capacity(plan.steps.len());
    for (step, volumes) in plan.steps.iter().zip(volumes) {
        let before: Option<Vec<(&str, &str)>> =
            step.after.iter().map(|other| Some((plan.steps[*other].task.as_str(), all[*other].as_deref()?))).collect();
        let own = code.get(&step.task).zip(before).filter(|_| step.reusable);
        all.push(own.map(|(code, before)| of_step(plan, step, code, &before, volumes, working_folder)));
    }
    all
}

fn of_step(
    plan: &Plan,
    step: &PlannedStep,
    code: &str,
    before: &[(&str, &str)],
    volumes: &BTreeMap<String, PathBuf>,
    working_folder: Option<&Path>,
) -> String {
    let inputs: Vec<_> =
        step.inputs.iter().map(|input| (&input.name, &plan.steps[input.producer].task, &input.key)).collect();
    let outputs: Vec<_> = step.outputs.iter().map(|(key, output)| (key, &output.artifact_type)).collect();
    // The names of secrets: a hash of a short secret would tell it.
    let secrets: Vec<_> = step.secrets.iter().map(|secret| (&secret.secret, &secret.key, &secret.variable)).collect();
    let mounts: Vec<_> =
        step.mounts.iter().map(|mount| (&mount.path, &mount.claim, volumes.get(&mount.path))).collect();
    let all = json!([
        KIND,
        step.task,
        step.name,
        code,
        before,
        step.command,
        step.environment,
        step.parameters,
        inputs,
        outputs,
        secrets,
        mounts,
        working_folder,
    ]);
    Sha256::digest(all.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}
