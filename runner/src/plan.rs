//! Checks a compiled pipeline and turns it into what is to be run here: steps by number, in an
//! order in which each stands after those that it waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use oxikale_compiler::ir::{
    ArtifactType, ComponentSpec, Container, Ir, KubernetesExecutor, RetryPolicy, Task, VARIABLE_TYPE,
};
use serde_json::Value;

use crate::arguments::{Arguments, typed};
use crate::duration;
use crate::folder::refuse_name;
use crate::quantity;

/// A pipeline, ready to be run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The steps; each stands after those that it waits for.
    pub steps: Vec<PlannedStep>,
}

/// A step, ready to be run.
#[derive(Debug)]
pub(crate) struct PlannedStep {
    pub task: String,
    /// The name for people.
    pub name: String,
    /// The steps it waits for, by number.
    pub after: Vec<usize>,
    /// The length of the longest way from here to an end of the graph: the greater, the sooner it should start.
    pub height: usize,
    pub command: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub parameters: Arguments,
    pub inputs: Vec<ArtifactInput>,
    pub outputs: BTreeMap<String, ArtifactOutput>,
    /// Thousandths of a core.
    pub cores: u64,
    /// Bytes that it asks for.
    pub memory: u64,
    /// Bytes above which it is ended.
    pub memory_limit: Option<u64>,
    pub timeout: Option<Duration>,
    pub retry: Retry,
    pub secrets: Vec<Secret>,
    /// Mount path and claim.
    pub mounts: Vec<Mount>,
    /// Whether the pipeline allows that a result of an earlier run is taken.
    pub reusable: bool,
}

/// Where an input comes from.
#[derive(Debug)]
pub(crate) struct ArtifactInput {
    pub name: String,
    pub producer: usize,
    pub key: String,
}

/// What is known of an output before it is there.
#[derive(Debug)]
pub(crate) struct ArtifactOutput {
    pub artifact_type: ArtifactType,
    /// Whether the step has failed when it did not write it.
    pub required: bool,
}

/// What happens after a failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retry {
    pub count: u32,
    pub backoff: Duration,
    pub factor: f64,
    pub longest: Duration,
}

impl Retry {
    /// The wait after the failure of try `attempt` (from 1).
    pub fn wait(&self, attempt: u32) -> Duration {
        let growth = self.factor.powf(f64::from(attempt.saturating_sub(1)));
        let seconds = self.backoff.as_secs_f64() * growth;
        duration::seconds_or_zero(seconds.min(self.longest.as_secs_f64()))
    }
}

/// A secret's key that a step wants as an environment variable.
#[derive(Debug)]
pub(crate) struct Secret {
    pub secret: String,
    pub key: String,
    pub variable: String,
    pub optional: bool,
}

/// A volume that a step wants.
#[derive(Debug)]
pub(crate) struct Mount {
    pub path: String,
    pub claim: String,
}

/// Makes the plan.
///
/// # Errors
/// Says in a sentence why `ir` cannot be run.
pub(crate) fn plan(ir: &Ir, arguments: &Arguments) -> Result<Plan, String> {
    let Some(dag) = &ir.spec.root.dag else {
        return Err("its root has no graph (`root.dag`)".to_owned());
    };
    if dag.tasks.is_empty() {
        return Err("it has no steps".to_owned());
    }
    let order = order(&dag.tasks)?;
    let number: BTreeMap<&str, usize> = order.iter().enumerate().map(|(i, (name, _))| (*name, i)).collect();
    let mut steps: Vec<PlannedStep> = Vec::with_capacity(order.len());
    for (name, waits_for) in &order {
        let task = &dag.tasks[*name];
        let after: Vec<usize> = waits_for.iter().map(|name| number[name]).collect();
        let step = planned_step(ir, arguments, name, task, after, &number, &steps)
            .map_err(|why| format!("task `{}`: {why}", name.escape_debug()))?;
        steps.push(step);
    }
    for i in (0..steps.len()).rev() {
        let height = steps[i].height;
        for before in steps[i].after.clone() {
            steps[before].height = steps[before].height.max(height + 1);
        }
    }
    Ok(Plan { steps })
}

/// A task, and the tasks that it waits for.
type Ordered<'a> = (&'a str, BTreeSet<&'a str>);

/// The tasks in an order in which each stands after those that it waits for, by name where there is a choice.
fn order(tasks: &BTreeMap<String, Task>) -> Result<Vec<Ordered<'_>>, String> {
    let mut waits: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, task) in tasks {
        if let Some(why) = refuse_name(name) {
            return Err(format!("the task name `{}` cannot be the name of a folder: {why}", name.escape_debug()));
        }
        let producers = task.inputs.iter().flat_map(|inputs| inputs.artifacts.values());
        let producers = producers.map(|input| &input.task_output_artifact.producer_task);
        let mut before = BTreeSet::new();
        for other in task.dependent_tasks.iter().chain(producers) {
            if !tasks.contains_key(other) {
                return Err(format!("task `{name}` waits for `{}`, which does not exist", other.escape_debug()));
            }
            before.insert(other.as_str());
        }
        for other in &before {
            followers.entry(other).or_default().push(name);
        }
        waits.insert(name, before);
    }
    let mut missing: BTreeMap<&str, usize> = waits.iter().map(|(name, before)| (*name, before.len())).collect();
    let mut ready: BTreeSet<&str> = missing.iter().filter(|(_, n)| **n == 0).map(|(name, _)| *name).collect();
    let mut order = Vec::with_capacity(tasks.len());
    while let Some(name) = ready.pop_first() {
        missing.remove(name);
        for follower in followers.get(name).into_iter().flatten() {
            if let Some(count) = missing.get_mut(follower) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(follower);
                }
            }
        }
        order.push((name, waits.remove(name).unwrap_or_default()));
    }
    if order.len() < tasks.len() {
        return Err(format!("its tasks wait for each other in a circle: `{}`", circle(&missing, &waits).join("` → `")));
    }
    Ok(order)
}

/// One circle among the tasks that never become ready: each of them waits for another of them.
fn circle<'a>(stuck: &BTreeMap<&'a str, usize>, waits: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let mut way: Vec<&str> = Vec::new();
    let mut at = stuck.keys().next().copied();
    while let Some(name) = at {
        if let Some(start) = way.iter().position(|seen| *seen == name) {
            way.drain(..start);
            way.push(name);
            way.reverse();
            break;
        }
        way.push(name);
        at = waits.get(name).and_then(|before| before.iter().copied().find(|other| stuck.contains_key(other)));
    }
    way
}

fn planned_step(
    ir: &Ir,
    arguments: &Arguments,
    name: &str,
    task: &Task,
    after: Vec<usize>,
    number: &BTreeMap<&str, usize>,
    earlier: &[PlannedStep],
) -> Result<PlannedStep, String> {
    let reference = &task.component_ref.name;
    let component = ir
        .spec
        .components
        .get(reference)
        .ok_or_else(|| format!("its component `{}` does not exist", reference.escape_debug()))?;
    if component.dag.is_some() {
        return Err(format!("its component `{reference}` is a graph of its own, which cannot be run here"));
    }
    let label =
        component.executor_label.as_ref().ok_or_else(|| format!("its component `{reference}` names no executor"))?;
    let executor = ir
        .spec
        .deployment_spec
        .executors
        .get(label)
        .ok_or_else(|| format!("its executor `{}` does not exist", label.escape_debug()))?;
    let container = &executor.container;
    if container.command.first().is_none_or(String::is_empty) {
        return Err(format!("its executor `{label}` has no command"));
    }
    let command: Vec<String> = container.command.iter().chain(&container.args).cloned().collect();
    if command.iter().any(|part| part.contains('\0')) {
        return Err(format!("the command of its executor `{label}` contains a NUL"));
    }
    let kubernetes = ir.kubernetes(label);
    let (cores, memory, memory_limit) = resources(container)?;
    let shown = if task.task_info.name.is_empty() { name } else { &task.task_info.name };
    Ok(PlannedStep {
        task: name.to_owned(),
        name: shown.to_owned(),
        after,
        height: 0,
        command,
        environment: environment(container)?,
        parameters: parameters(ir, arguments, task, component)?,
        inputs: inputs(task, component, number, earlier)?,
        outputs: outputs(component)?,
        cores,
        memory,
        memory_limit,
        timeout: timeout(kubernetes)?,
        retry: retry(task.retry_policy.as_ref())?,
        secrets: secrets(kubernetes)?,
        mounts: mounts(kubernetes)?,
        reusable: task.caching_options.enable_cache == Some(true),
    })
}

/// Thousandths of a core, bytes asked for, bytes at most. As in Kubernetes, a limit is a request where there is none.
fn resources(container: &Container) -> Result<(u64, u64, Option<u64>), String> {
    let Some(resources) = &container.resources else {
        return Ok((1000, 0, None));
    };
    let read = |what: &str, text: &Option<String>, parse: fn(&str) -> Result<u64, quantity::QuantityError>| {
        text.as_deref().map(parse).transpose().map_err(|error| format!("its {what}: {error}"))
    };
    let cpu_request = read("CPU request", &resources.resource_cpu_request, quantity::thousandths)?;
    let cpu_limit = read("CPU limit", &resources.resource_cpu_limit, quantity::thousandths)?;
    let memory_request = read("memory request", &resources.resource_memory_request, quantity::whole)?;
    let memory_limit = read("memory limit", &resources.resource_memory_limit, quantity::whole)?;
    let cores = cpu_request.or(cpu_limit).unwrap_or(0).max(1000);
    // Nothing runs in no memory at all: Kubernetes, too, takes 0 for "no limit".
    let memory_limit = memory_limit.filter(|bytes| *bytes > 0);
    Ok((cores, memory_request.or(memory_limit).unwrap_or(0), memory_limit))
}

fn check_variable(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("`{}` cannot be the name of an environment variable", name.escape_debug()));
    }
    Ok(())
}

fn environment(container: &Container) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::with_capacity(container.env.len());
    for variable in &container.env {
        check_variable(&variable.name)?;
        if variable.value.contains('\0') {
            return Err(format!("the value of the environment variable `{}` contains a NUL", variable.name));
        }
        all.push((variable.name.clone(), variable.value.clone()));
    }
    Ok(all)
}

fn parameters(ir: &Ir, arguments: &Arguments, task: &Task, component: &ComponentSpec) -> Result<Arguments, String> {
    let mut values = Arguments::new();
    let known = ir.spec.root.input_definitions.as_ref().map(|definitions| &definitions.parameters);
    for (input, source) in task.inputs.iter().flat_map(|inputs| &inputs.parameters) {
        let from = &source.component_input_parameter;
        if !known.is_some_and(|known| known.contains_key(from)) {
            return Err(format!("its input `{input}` comes from the parameter `{from}`, which does not exist"));
        }
        if let Some(value) = arguments.get(from) {
            values.insert(input.clone(), value.clone());
        }
    }
    for (input, definition) in component.input_definitions.iter().flat_map(|definitions| &definitions.parameters) {
        let value = values.get(input).or(definition.default_value.as_ref()).cloned();
        match value {
            Some(value) => {
                let value: Value = typed(definition.parameter_type, value)
                    .map_err(|why| format!("its input `{input}` cannot be that: {why}"))?;
                values.insert(input.clone(), value);
            }
            None if definition.is_optional == Some(true) => {}
            None => return Err(format!("its input `{input}` comes from nowhere and has no default")),
        }
    }
    Ok(values)
}

fn inputs(
    task: &Task,
    component: &ComponentSpec,
    number: &BTreeMap<&str, usize>,
    earlier: &[PlannedStep],
) -> Result<Vec<ArtifactInput>, String> {
    let mut all = Vec::new();
    for (input, source) in task.inputs.iter().flat_map(|inputs| &inputs.artifacts) {
        let from = &source.task_output_artifact;
        let producer = number.get(from.producer_task.as_str()).copied();
        let step = producer.and_then(|producer| earlier.get(producer).map(|step| (producer, step)));
        let Some((producer, step)) = step else {
            return Err(format!("its input `{input}` comes from `{}`, which does not exist", from.producer_task));
        };
        if !step.outputs.contains_key(&from.output_artifact_key) {
            return Err(format!(
                "its input `{input}` is the output `{}` of `{}`, which has no such output",
                from.output_artifact_key, from.producer_task
            ));
        }
        all.push(ArtifactInput { name: input.clone(), producer, key: from.output_artifact_key.clone() });
    }
    for (input, definition) in component.input_definitions.iter().flat_map(|definitions| &definitions.artifacts) {
        if definition.is_optional != Some(true) && !all.iter().any(|known| known.name == *input) {
            return Err(format!("its input `{input}` comes from nowhere"));
        }
    }
    Ok(all)
}

fn outputs(component: &ComponentSpec) -> Result<BTreeMap<String, ArtifactOutput>, String> {
    let mut all = BTreeMap::new();
    for (key, definition) in component.output_definitions.iter().flat_map(|definitions| &definitions.artifacts) {
        if let Some(why) = refuse_name(key) {
            return Err(format!("its output `{}` cannot be the name of a file: {why}", key.escape_debug()));
        }
        let artifact_type = definition.artifact_type.clone();
        // A variable that is handed on must be there; files, reports and metrics a step may have none to give.
        let required = artifact_type.schema_title == VARIABLE_TYPE;
        all.insert(key.clone(), ArtifactOutput { artifact_type, required });
    }
    Ok(all)
}

fn timeout(kubernetes: Option<&KubernetesExecutor>) -> Result<Option<Duration>, String> {
    let Some(text) = kubernetes.and_then(|settings| settings.active_deadline_seconds.as_deref()) else {
        return Ok(None);
    };
    let seconds: u64 = text
        .trim()
        .parse()
        .map_err(|_| format!("its timeout `{}` is no whole number of seconds", text.escape_debug()))?;
    Ok(Some(duration::seconds_or_zero(seconds as f64)).filter(|timeout| !timeout.is_zero()))
}

fn retry(policy: Option<&RetryPolicy>) -> Result<Retry, String> {
    let none = Retry { count: 0, backoff: Duration::ZERO, factor: 2.0, longest: Duration::from_secs(3600) };
    let Some(policy) = policy else { return Ok(none) };
    let read = |text: &Option<String>, default: Duration| {
        text.as_deref().map_or(Ok(default), duration::parse).map_err(|why| format!("its retry policy: {why}"))
    };
    let factor = policy.backoff_factor.unwrap_or(none.factor);
    if !factor.is_finite() || factor < 0.0 {
        return Err(format!("its retry policy: the factor {factor} is no positive number"));
    }
    Ok(Retry {
        count: policy.max_retry_count,
        backoff: read(&policy.backoff_duration, Duration::ZERO)?,
        factor,
        longest: read(&policy.backoff_max_duration, none.longest)?,
    })
}

fn secrets(kubernetes: Option<&KubernetesExecutor>) -> Result<Vec<Secret>, String> {
    let mut all = Vec::new();
    for secret in kubernetes.iter().flat_map(|settings| &settings.secret_as_env) {
        let constant = &secret.secret_name_parameter.runtime_value.constant;
        let name = if constant.is_empty() { &secret.secret_name } else { constant };
        for key in &secret.key_to_env {
            check_variable(&key.env_var)?;
            all.push(Secret {
                secret: name.clone(),
                key: key.secret_key.clone(),
                variable: key.env_var.clone(),
                optional: secret.optional,
            });
        }
    }
    Ok(all)
}

fn mounts(kubernetes: Option<&KubernetesExecutor>) -> Result<Vec<Mount>, String> {
    let mut all = Vec::new();
    for mount in kubernetes.iter().flat_map(|settings| &settings.pvc_mount) {
        let constant = &mount.pvc_name_parameter.runtime_value.constant;
        let claim = if constant.is_empty() { &mount.constant } else { constant };
        let path = PathBuf::from(&mount.mount_path);
        let climbs = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        if !path.is_absolute() || climbs || mount.mount_path.contains('\0') {
            return Err(format!(
                "its volume's mount path `{}` is no absolute path without `..`",
                mount.mount_path.escape_debug()
            ));
        }
        all.push(Mount { path: mount.mount_path.clone(), claim: claim.clone() });
    }
    Ok(all)
}
