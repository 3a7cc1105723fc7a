//! From the pipeline to KFP's IR.

use std::collections::BTreeMap;

use super::*;
use crate::names;
use crate::pipeline::{Pipeline, Retry, Step, Volume};

/// Where a target puts the step program; the local runner starts the built file instead.
pub const PROGRAM: &str = "/oxikale/program";
/// The artifact type of a variable that is handed on; files that a step may or may not write are `system.Artifact`.
pub const VARIABLE_TYPE: &str = "system.Dataset";
/// The key of the artifact that holds a step's metrics.
pub const METRICS_KEY: &str = "step-metrics";
/// The key of a step's HTML report.
pub const REPORT_KEY: &str = "html-report";
/// The key of the display of a step's last expression.
pub const RESULT_KEY: &str = "cell-result";

/// The IR of a pipeline. The same pipeline gives the same IR.
pub fn emit(pipeline: &Pipeline) -> Ir {
    let mut spec = PipelineSpec {
        pipeline_info: PipelineInfo {
            description: pipeline.description.clone(),
            display_name: None,
            name: pipeline.name.clone(),
        },
        schema_version: "2.1.0".to_owned(),
        sdk_version: concat!("oxikale-", env!("CARGO_PKG_VERSION")).to_owned(),
        ..PipelineSpec::default()
    };
    let mut tasks = BTreeMap::new();
    let mut platform = BTreeMap::new();
    for step in &pipeline.steps {
        let executor = format!("exec-{}", step.task);
        let component = format!("comp-{}", step.task);
        tasks.insert(step.task.clone(), task(pipeline, step, &component));
        spec.components.insert(component, component_of(pipeline, step, &executor));
        spec.deployment_spec.executors.insert(executor.clone(), Executor { container: container(pipeline, step) });
        let kubernetes = kubernetes(pipeline, step);
        if kubernetes != KubernetesExecutor::default() {
            platform.insert(executor, kubernetes);
        }
    }
    spec.root = ComponentSpec {
        dag: Some(Dag { tasks }),
        input_definitions: (!pipeline.parameters.is_empty()).then(|| InputDefinitions {
            artifacts: BTreeMap::new(),
            parameters: pipeline
                .parameters
                .iter()
                .map(|parameter| (names::key(&parameter.name), definition(parameter)))
                .collect(),
        }),
        ..ComponentSpec::default()
    };
    let mut ir = Ir { spec, platform: PlatformSpec::default() };
    if !platform.is_empty() {
        let deployment = Platform { deployment_spec: PlatformDeployment { executors: platform } };
        ir.platform.platforms.insert("kubernetes".to_owned(), deployment);
    }
    ir
}

fn definition(parameter: &crate::pipeline::Parameter) -> ParameterDefinition {
    ParameterDefinition {
        default_value: Some(parameter.default.clone()),
        description: None,
        is_optional: Some(true),
        parameter_type: parameter.kind,
    }
}

fn artifact(title: &str) -> ArtifactDefinition {
    ArtifactDefinition {
        artifact_type: ArtifactType { schema_title: title.to_owned(), schema_version: "0.0.1".to_owned() },
        description: None,
        is_optional: None,
    }
}

fn component_of(pipeline: &Pipeline, step: &Step, executor: &str) -> ComponentSpec {
    let mut outputs: BTreeMap<String, ArtifactDefinition> = BTreeMap::new();
    for output in &step.outputs {
        // What a step hands on must be there at its end; a file it may leave out. KFP's types tell the two apart.
        outputs.insert(output.key.clone(), artifact(VARIABLE_TYPE));
    }
    for name in &step.artifacts {
        outputs.insert(name.clone(), artifact("system.Artifact"));
    }
    if step.has_metrics {
        outputs.insert(METRICS_KEY.to_owned(), artifact("system.Metrics"));
    }
    if step.config.report != Some(false) {
        outputs.insert(REPORT_KEY.to_owned(), artifact("system.HTML"));
    }
    if step.has_result {
        outputs.insert(RESULT_KEY.to_owned(), artifact("system.Artifact"));
    }
    let inputs = InputDefinitions {
        artifacts: step.inputs.iter().map(|input| (input.key.clone(), artifact(VARIABLE_TYPE))).collect(),
        parameters: pipeline
            .parameters
            .iter()
            .filter(|parameter| step.parameters.contains(&parameter.name))
            .map(|parameter| (names::key(&parameter.name), definition(parameter)))
            .collect(),
    };
    ComponentSpec {
        dag: None,
        executor_label: Some(executor.to_owned()),
        input_definitions: (inputs != InputDefinitions::default()).then_some(inputs),
        output_definitions: (!outputs.is_empty()).then_some(OutputDefinitions { artifacts: outputs }),
    }
}

fn container(pipeline: &Pipeline, step: &Step) -> Container {
    let mut env: BTreeMap<String, String> =
        volumes(pipeline, step).filter_map(|volume| Some((volume.env.clone()?, volume.mount_path.clone()))).collect();
    env.extend(step.config.env.iter().map(|(name, value)| (name.clone(), value.clone())));
    let amount = |map: &BTreeMap<String, String>, resource: &str| map.get(resource).cloned();
    let accelerator = accelerator(step);
    let resources = Resources {
        accelerator,
        resource_cpu_limit: amount(&step.config.limits, "cpu"),
        resource_cpu_request: amount(&step.config.requests, "cpu"),
        resource_memory_limit: amount(&step.config.limits, "memory"),
        resource_memory_request: amount(&step.config.requests, "memory"),
    };
    Container {
        args: ["--step", &step.task, "--executor_input", "{{$}}"].map(str::to_owned).to_vec(),
        command: vec![PROGRAM.to_owned()],
        env: env.into_iter().map(|(name, value)| EnvVar { name, value }).collect(),
        image: step.config.image.clone().unwrap_or_else(|| pipeline.base_image.clone()),
        resources: (resources != Resources::default()).then_some(resources),
    }
}

/// KFP knows one kind of accelerator for a step; Kubernetes takes an extended resource's limit as its request.
fn accelerator(step: &Step) -> Option<Accelerator> {
    extended(step)
        .next()
        .map(|(resource, amount)| Accelerator { resource_count: amount.clone(), resource_type: resource.clone() })
}

/// The extended resources (`vendor/name`) that a step asks for, in order.
pub(crate) fn extended(step: &Step) -> impl Iterator<Item = (&String, &String)> {
    let requests = step.config.requests.iter().filter(|(resource, _)| !step.config.limits.contains_key(*resource));
    step.config.limits.iter().chain(requests).filter(|(resource, _)| resource.contains('/'))
}

fn volumes<'a>(pipeline: &'a Pipeline, step: &'a Step) -> impl Iterator<Item = &'a Volume> {
    let own = &step.config.volumes;
    pipeline
        .volumes
        .iter()
        .filter(move |volume| !own.iter().any(|other| other.mount_path == volume.mount_path))
        .chain(own)
}

fn task(pipeline: &Pipeline, step: &Step, component: &str) -> Task {
    let mut dependent_tasks: Vec<String> =
        step.after.iter().map(|&before| pipeline.steps[before].task.clone()).collect();
    dependent_tasks.sort();
    let inputs = TaskInputs {
        artifacts: step
            .inputs
            .iter()
            .map(|input| {
                let producer_task = pipeline.steps[input.from].task.clone();
                let task_output_artifact = TaskOutputArtifact { output_artifact_key: input.key.clone(), producer_task };
                (input.key.clone(), InputArtifact { task_output_artifact })
            })
            .collect(),
        parameters: step
            .parameters
            .iter()
            .map(|name| (names::key(name), InputParameter { component_input_parameter: names::key(name) }))
            .collect(),
    };
    Task {
        caching_options: CachingOptions { enable_cache: (step.config.cache != Some(false)).then_some(true) },
        component_ref: ComponentRef { name: component.to_owned() },
        dependent_tasks,
        inputs: (inputs != TaskInputs::default()).then_some(inputs),
        retry_policy: step.config.retry.as_ref().map(retry_policy),
        task_info: TaskInfo { name: step.name.clone() },
    }
}

fn retry_policy(retry: &Retry) -> RetryPolicy {
    RetryPolicy {
        backoff_duration: Some(seconds(retry.backoff_seconds)),
        backoff_factor: Some(retry.factor),
        backoff_max_duration: Some(seconds(retry.max_seconds)),
        max_retry_count: retry.count,
    }
}

/// Protobuf's JSON form of a duration.
fn seconds(seconds: f64) -> String {
    format!("{seconds}s")
}

fn kubernetes(pipeline: &Pipeline, step: &Step) -> KubernetesExecutor {
    let config = &step.config;
    KubernetesExecutor {
        active_deadline_seconds: config.timeout_seconds.map(|seconds| seconds.to_string()),
        node_selector: (!config.node_selector.is_empty())
            .then(|| NodeSelector { labels: config.node_selector.clone() }),
        pod_metadata: (!config.labels.is_empty() || !config.annotations.is_empty())
            .then(|| PodMetadata { annotations: config.annotations.clone(), labels: config.labels.clone() }),
        pvc_mount: volumes(pipeline, step)
            .map(|volume| PvcMount {
                constant: volume.claim.clone(),
                mount_path: volume.mount_path.clone(),
                pvc_name_parameter: NameParameter::constant(&volume.claim),
            })
            .collect(),
        secret_as_env: config
            .secrets
            .iter()
            .map(|secret| SecretAsEnv {
                key_to_env: vec![SecretKeyToEnv { env_var: secret.env.clone(), secret_key: secret.key.clone() }],
                optional: false,
                secret_name: secret.name.clone(),
                secret_name_parameter: NameParameter::constant(&secret.name),
            })
            .collect(),
        security_context: pipeline.security_context.as_ref().map(|context| SecurityContext {
            run_as_group: context.run_as_group.map(|id| id.to_string()),
            run_as_non_root: context.run_as_non_root,
            run_as_user: context.run_as_user.map(|id| id.to_string()),
        }),
        tolerations: config
            .tolerations
            .iter()
            .map(|toleration| Toleration {
                effect: toleration.effect.clone(),
                key: Some(toleration.key.clone()),
                operator: if toleration.value.is_some() { "Equal" } else { "Exists" }.to_owned(),
                value: toleration.value.clone(),
            })
            .collect(),
    }
}
