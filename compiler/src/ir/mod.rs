//! KFP's intermediate representation: the values of `pipeline_spec.proto` 2.1.0 and
//! `kubernetes_executor_config.proto` (KFP 2.17) that a notebook pipeline needs, and their YAML.

mod emit;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use emit::extended;
pub use emit::{METRICS_KEY, PROGRAM, REPORT_KEY, RESULT_KEY, VARIABLE_TYPE, emit};

/// Both documents of a compiled pipeline: what runs, and what Kubernetes must know about it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ir {
    /// The pipeline itself.
    pub spec: PipelineSpec,
    /// Settings that only a platform understands; empty when there are none.
    pub platform: PlatformSpec,
}

/// `ml_pipelines.PipelineSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineSpec {
    /// Component name → component.
    pub components: BTreeMap<String, ComponentSpec>,
    /// How each executor runs.
    pub deployment_spec: DeploymentSpec,
    /// Name and description.
    pub pipeline_info: PipelineInfo,
    /// The graph, and the pipeline's own parameters.
    pub root: ComponentSpec,
    /// Always `2.1.0`.
    pub schema_version: String,
    /// Who made it.
    pub sdk_version: String,
}

/// `ml_pipelines.PipelineInfo`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineInfo {
    /// A free text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The title that KFP shows where it is not `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Lower case letters, digits and hyphens.
    pub name: String,
}

/// `ml_pipelines.PipelineDeploymentConfig`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentSpec {
    /// Executor label → executor.
    pub executors: BTreeMap<String, Executor>,
}

/// `PipelineDeploymentConfig.ExecutorSpec`, of the container kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executor {
    /// What to run.
    pub container: Container,
}

/// `PipelineContainerSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Container {
    /// Arguments; `{{$}}` stands for the executor input as JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The program, and its first arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// The container image.
    pub image: String,
    /// CPU, memory and accelerators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
}

/// One environment variable.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// `PipelineContainerSpec.ResourceSpec`, as Kubernetes quantities (`500m`, `2Gi`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// GPUs and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
    /// At most this many cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_cpu_limit: Option<String>,
    /// At least this many cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_cpu_request: Option<String>,
    /// At most this much memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_memory_limit: Option<String>,
    /// At least this much memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_memory_request: Option<String>,
}

/// `ResourceSpec.AcceleratorConfig`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accelerator {
    /// How many, as text.
    pub resource_count: String,
    /// The extended resource, e.g. `nvidia.com/gpu`.
    pub resource_type: String,
}

/// `ml_pipelines.ComponentSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentSpec {
    /// The graph inside, for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<Dag>,
    /// The executor that runs it, for a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor_label: Option<String>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_definitions: Option<InputDefinitions>,
    /// What it hands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_definitions: Option<OutputDefinitions>,
}

/// `ml_pipelines.ComponentInputsSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputDefinitions {
    /// Name → artifact.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactDefinition>,
    /// Name → parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, ParameterDefinition>,
}

/// `ml_pipelines.ComponentOutputsSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputDefinitions {
    /// Name → artifact.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, ArtifactDefinition>,
}

/// One artifact of a component.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactDefinition {
    /// Its type.
    pub artifact_type: ArtifactType,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether a step may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_optional: Option<bool>,
}

/// `ml_pipelines.ArtifactTypeSchema`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArtifactType {
    /// `system.Artifact`, `system.Metrics`, `system.HTML`, …
    pub schema_title: String,
    /// `0.0.1`.
    pub schema_version: String,
}

/// One parameter of a component.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParameterDefinition {
    /// The value where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<Value>,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it may be left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_optional: Option<bool>,
    /// Its type.
    pub parameter_type: ParameterType,
}

/// `ml_pipelines.ParameterType.ParameterTypeEnum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ParameterType {
    /// A double.
    #[serde(rename = "NUMBER_DOUBLE")]
    Double,
    /// An integer.
    #[serde(rename = "NUMBER_INTEGER")]
    Integer,
    /// Text.
    #[default]
    #[serde(rename = "STRING")]
    String,
    /// True or false.
    #[serde(rename = "BOOLEAN")]
    Boolean,
    /// A list of JSON values.
    #[serde(rename = "LIST")]
    List,
    /// A map of JSON values.
    #[serde(rename = "STRUCT")]
    Struct,
}

/// `ml_pipelines.DagSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dag {
    /// Task name → task.
    pub tasks: BTreeMap<String, Task>,
}

/// `ml_pipelines.PipelineTaskSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Task {
    /// Whether an earlier result may be taken.
    pub caching_options: CachingOptions,
    /// What it runs.
    pub component_ref: ComponentRef,
    /// Tasks that must have ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependent_tasks: Vec<String>,
    /// Where its inputs come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<TaskInputs>,
    /// What happens after a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// Its name, for people.
    pub task_info: TaskInfo,
}

/// `PipelineTaskSpec.CachingOptions`; empty means no caching.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CachingOptions {
    /// True, or absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable_cache: Option<bool>,
}

/// `ml_pipelines.ComponentRef`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentRef {
    /// A key of `PipelineSpec::components`.
    pub name: String,
}

/// `ml_pipelines.TaskInputsSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInputs {
    /// Input name → where it comes from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifacts: BTreeMap<String, InputArtifact>,
    /// Input name → where it comes from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, InputParameter>,
}

/// `TaskInputsSpec.InputArtifactSpec`, from another task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputArtifact {
    /// Which output of which task.
    pub task_output_artifact: TaskOutputArtifact,
}

/// `TaskOutputArtifactSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskOutputArtifact {
    /// The output's name there.
    pub output_artifact_key: String,
    /// The task.
    pub producer_task: String,
}

/// `TaskInputsSpec.InputParameterSpec`, from a parameter of the pipeline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputParameter {
    /// The pipeline's parameter.
    pub component_input_parameter: String,
}

/// `PipelineTaskSpec.RetryPolicy`; durations are protobuf's, e.g. `30s`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryPolicy {
    /// The wait before the first retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_duration: Option<String>,
    /// What each wait is multiplied with for the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_factor: Option<f64>,
    /// The longest wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_max_duration: Option<String>,
    /// How many times after the first try.
    pub max_retry_count: u32,
}

/// `ml_pipelines.PipelineTaskInfo`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskInfo {
    /// The name that KFP shows.
    pub name: String,
}

/// `ml_pipelines.PlatformSpec`: the second document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformSpec {
    /// `kubernetes` → its settings.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, Platform>,
}

/// `ml_pipelines.SinglePlatformSpec`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Platform {
    /// Settings of each executor.
    pub deployment_spec: PlatformDeployment,
}

/// `ml_pipelines.PlatformDeploymentConfig`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformDeployment {
    /// Executor label → settings.
    pub executors: BTreeMap<String, KubernetesExecutor>,
}

/// `kfp_kubernetes.KubernetesExecutorConfig`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesExecutor {
    /// The pod is ended after this many seconds (protobuf JSON writes an int64 as text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<String>,
    /// Labels that the node must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<NodeSelector>,
    /// Labels and annotations of the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_metadata: Option<PodMetadata>,
    /// Volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pvc_mount: Vec<PvcMount>,
    /// Secrets as environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secret_as_env: Vec<SecretAsEnv>,
    /// The user that the container runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<SecurityContext>,
    /// Taints that the pod bears.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
}

/// `kfp_kubernetes.NodeSelector`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSelector {
    /// Label → value.
    pub labels: BTreeMap<String, String>,
}

/// `kfp_kubernetes.PodMetadata`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodMetadata {
    /// Annotation → value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Label → value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// `kfp_kubernetes.PvcMount`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PvcMount {
    /// The claim's name, where older back ends look for it.
    pub constant: String,
    /// Where it is mounted.
    pub mount_path: String,
    /// The claim's name.
    pub pvc_name_parameter: NameParameter,
}

/// An `InputParameterSpec` that is a constant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NameParameter {
    /// The value.
    pub runtime_value: RuntimeValue,
}

impl NameParameter {
    /// The parameter that is always `name`.
    pub fn constant(name: &str) -> Self {
        Self { runtime_value: RuntimeValue { constant: name.to_owned() } }
    }
}

/// `ValueOrRuntimeParameter`, as a constant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuntimeValue {
    /// The constant.
    pub constant: String,
}

/// `kfp_kubernetes.SecretAsEnv`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretAsEnv {
    /// Which keys go to which variables.
    pub key_to_env: Vec<SecretKeyToEnv>,
    /// Whether the pod may start without the secret.
    pub optional: bool,
    /// The secret's name, where older back ends look for it.
    pub secret_name: String,
    /// The secret's name.
    pub secret_name_parameter: NameParameter,
}

/// `SecretAsEnv.SecretKeyToEnvMap`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyToEnv {
    /// The environment variable.
    pub env_var: String,
    /// The key inside the secret.
    pub secret_key: String,
}

/// `kfp_kubernetes.SecurityContext` (protobuf JSON writes an int64 as text).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecurityContext {
    /// The numeric group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_group: Option<String>,
    /// Whether Kubernetes must refuse root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_non_root: Option<bool>,
    /// The numeric user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as_user: Option<String>,
}

/// `kfp_kubernetes.Toleration`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Toleration {
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// The taint's key; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `Equal` or `Exists`.
    pub operator: String,
    /// The taint's value, with `Equal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What a run is given: parameter name → JSON value.
pub type Arguments = Map<String, Value>;

impl Ir {
    /// The Kubernetes settings of an executor, where there are any.
    pub fn kubernetes(&self, executor: &str) -> Option<&KubernetesExecutor> {
        self.platform.platforms.get("kubernetes")?.deployment_spec.executors.get(executor)
    }

    /// Writes both documents as YAML; equal values give equal bytes.
    ///
    /// # Errors
    /// When the YAML library refuses a value, which no value made by this crate makes it do.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        let mut text = serde_saphyr::to_string(&self.spec)?;
        if !self.platform.platforms.is_empty() {
            text.push_str("---\n");
            text.push_str(&serde_saphyr::to_string(&self.platform)?);
        }
        Ok(text)
    }
}
