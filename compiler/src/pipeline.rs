//! The compiled pipeline as a value: steps, what flows between them, parameters and settings.

use std::collections::BTreeMap;

use oxikale_notebook::CellSpan;
use serde::Serialize;
use serde_json::Value;

use crate::ir::ParameterType;

/// A notebook's pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pipeline {
    /// KFP's name of it: lower case letters, digits, hyphens.
    pub name: String,
    /// A text for people.
    pub description: Option<String>,
    /// The experiment its runs belong to; none means KFP's default.
    pub experiment: Option<String>,
    /// Parameters, in the order of the notebook.
    pub parameters: Vec<Parameter>,
    /// Steps, in the order of the notebook. A step's dependencies may stand after it.
    pub steps: Vec<Step>,
    /// Volumes that every step sees.
    pub volumes: Vec<Volume>,
    /// The image that steps run in where they name none.
    pub base_image: String,
    /// The user that steps run as on Kubernetes; none leaves it to the image.
    pub security_context: Option<SecurityContext>,
    /// Cells that every step runs before its own (indices).
    pub shared_cells: Vec<usize>,
    /// Cells that are in no step (indices): `skip`, and code before the first tag.
    pub skipped_cells: Vec<usize>,
}

/// A parameter of the pipeline, with the value written in the notebook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parameter {
    /// The Rust name, and the name that a run is given.
    pub name: String,
    /// KFP's type of it.
    #[serde(skip)]
    pub kind: ParameterType,
    /// The notebook's value.
    pub default: Value,
    /// Where it is defined.
    pub span: CellSpan,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// As the notebook writes it.
    pub name: String,
    /// As KFP knows it.
    pub task: String,
    /// Its cells (indices into the notebook), in order.
    pub cells: Vec<usize>,
    /// The steps it waits for (indices into [`Pipeline::steps`]): `prev:` tags and producers of its inputs.
    pub after: Vec<usize>,
    /// The variables it takes.
    pub inputs: Vec<Input>,
    /// The variables it hands on.
    pub outputs: Vec<Output>,
    /// The pipeline parameters it uses, by name.
    pub parameters: Vec<String>,
    /// The variables it logs as metrics at its end.
    pub metrics: Vec<String>,
    /// Whether it may log metrics at all.
    pub has_metrics: bool,
    /// Files that it writes as artifacts, by the name given in the call.
    pub artifacts: Vec<String>,
    /// Whether its last cell ends in an expression, whose display becomes an artifact.
    pub has_result: bool,
    /// What its tags ask for.
    pub config: StepConfig,
}

/// A variable that a step takes from another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The variable.
    pub variable: String,
    /// Its key in the IR.
    pub key: String,
    /// The step that hands it on (an index).
    pub from: usize,
    /// Where it is used first.
    pub span: CellSpan,
}

/// A variable that a step hands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The variable.
    pub variable: String,
    /// Its key in the IR.
    pub key: String,
    /// Where it is defined or written last.
    pub span: CellSpan,
}

/// What the tags of a step ask for, over the notebook's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct StepConfig {
    /// Its image.
    pub image: Option<String>,
    /// Whether its result may be taken from an earlier run; none leaves it to the pipeline.
    pub cache: Option<bool>,
    /// Whether it writes an HTML report.
    pub report: Option<bool>,
    /// Resource → quantity, at most.
    pub limits: BTreeMap<String, String>,
    /// Resource → quantity, at least.
    pub requests: BTreeMap<String, String>,
    /// Pod labels.
    pub labels: BTreeMap<String, String>,
    /// Pod annotations.
    pub annotations: BTreeMap<String, String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Secrets as environment variables.
    pub secrets: Vec<Secret>,
    /// Node labels that must hold.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are borne.
    pub tolerations: Vec<Toleration>,
    /// Volumes of this step alone.
    pub volumes: Vec<Volume>,
    /// What happens after a failure.
    pub retry: Option<Retry>,
    /// Seconds after which a try is ended.
    pub timeout_seconds: Option<u64>,
}

/// A key of a Kubernetes secret as an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Secret {
    /// The secret.
    pub name: String,
    /// The key in it.
    pub key: String,
    /// The variable.
    pub env: String,
}

/// A Kubernetes toleration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// Its value; none means any.
    pub value: Option<String>,
    /// The effect; none means all.
    pub effect: Option<String>,
}

/// Tries after the first, with growing waits between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retry {
    /// How many.
    pub count: u32,
    /// Seconds before the first.
    pub backoff_seconds: f64,
    /// Multiplies the wait each time.
    pub factor: f64,
    /// The longest wait, in seconds.
    pub max_seconds: f64,
}

/// A claim that is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// The claim's name.
    pub claim: String,
    /// Where it is mounted: an absolute path without a slash at its end.
    pub mount_path: String,
    /// The environment variable that holds the mount path, where one is wanted.
    pub env: Option<String>,
}

/// Who a step runs as on Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecurityContext {
    /// The numeric user.
    pub run_as_user: Option<i64>,
    /// The numeric group.
    pub run_as_group: Option<i64>,
    /// Whether Kubernetes must refuse root.
    pub run_as_non_root: Option<bool>,
}
