"""Compiled pipelines are what KFP's own packages take: strictly parsed, loaded, the same every time, safe as YAML."""

import json

import pytest
import yaml
from google.protobuf import json_format
from kfp import components
from ruamel.yaml import YAML

import feature_notebooks
from conftest import ROOT
from pipeline_files import Pipeline, documents

REFERENCE = ["simple_pipeline", "opt_package", "titanic"]
WRITTEN = {
    "every_feature": feature_notebooks.every_feature,
    "every_kind": feature_notebooks.every_kind,
    "with_parameters": feature_notebooks.with_parameters,
}


@pytest.fixture(params=[*REFERENCE, *WRITTEN])
def notebook(request, tmp_path):
    """One notebook after the other."""
    name = request.param
    if name in WRITTEN:
        return WRITTEN[name](tmp_path / f"{name}.ipynb")
    return ROOT / "reference_notebooks" / f"{name}.ipynb"


def compiled(oxikale, notebook, name="pipeline.yaml"):
    """The YAML of a notebook."""
    target = oxikale.folder / name
    oxikale("compile", notebook, "-o", target)
    return target.read_bytes().decode("utf-8")


def test_every_field_is_one_that_kfp_knows(oxikale, notebook):
    pipeline = Pipeline(compiled(oxikale, notebook))
    assert pipeline.spec.schema_version == "2.1.0"
    assert pipeline.spec.pipeline_info.name
    assert pipeline.tasks
    for task in pipeline.tasks:
        container = pipeline.container(task)
        assert list(container.command) == ["/oxikale/program"]
        assert list(container.args) == ["--step", task, "--executor_input", "{{$}}"]
        assert container.image
        assert set(pipeline.tasks[task].dependent_tasks) <= set(pipeline.tasks)
    assert set(pipeline.kubernetes) <= set(pipeline.executors)


def test_every_input_comes_from_an_output_that_exists(oxikale, notebook):
    pipeline = Pipeline(compiled(oxikale, notebook))
    for name, task in pipeline.tasks.items():
        component = pipeline.spec.components[task.component_ref.name]
        assert set(task.inputs.artifacts) == set(component.input_definitions.artifacts)
        assert set(task.inputs.parameters) <= set(component.input_definitions.parameters)
        for key, source in task.inputs.artifacts.items():
            source = source.task_output_artifact
            assert source.producer_task in task.dependent_tasks, f"{name} does not wait for the maker of {key}"
            producer = pipeline.spec.components[pipeline.tasks[source.producer_task].component_ref.name]
            made = producer.output_definitions.artifacts[source.output_artifact_key]
            taken = component.input_definitions.artifacts[key]
            assert made.artifact_type.schema_title == taken.artifact_type.schema_title
        for key, source in task.inputs.parameters.items():
            assert source.component_input_parameter in pipeline.spec.root.input_definitions.parameters, key


def test_kfp_loads_it(oxikale, notebook):
    component = components.load_component_from_text(compiled(oxikale, notebook))
    assert component.pipeline_spec.pipeline_info.name
    path = oxikale.folder / "pipeline.yaml"
    assert components.load_component_from_file(str(path)).pipeline_spec == component.pipeline_spec


def test_the_same_notebook_gives_the_same_bytes(oxikale, notebook):
    assert compiled(oxikale, notebook, "one.yaml") == compiled(oxikale, notebook, "two.yaml")


def test_readers_of_yaml_1_1_and_1_2_agree(oxikale, notebook):
    text = compiled(oxikale, notebook)
    newer = list(YAML(typ="safe", pure=True).load_all(text))
    assert documents(text) == json.loads(json.dumps(newer))


def test_kfp_writes_back_what_it_read(oxikale, notebook):
    first, *_ = documents(compiled(oxikale, notebook))
    again = json_format.MessageToDict(Pipeline(yaml.safe_dump(first)).spec)
    assert set(again["root"]["dag"]["tasks"]) == set(first["root"]["dag"]["tasks"])
    assert again["deploymentSpec"] == first["deploymentSpec"]


@pytest.fixture(scope="module")
def features(shared_oxikale):
    """The pipeline of the notebook with everything."""
    notebook = feature_notebooks.every_feature(shared_oxikale.folder / "every_feature.ipynb")
    return Pipeline(compiled(shared_oxikale, notebook))


def test_parameters_have_their_types_and_values(features):
    found = features.spec.root.input_definitions.parameters
    kind = type(found["rate"]).DESCRIPTOR.fields_by_name["parameter_type"].enum_type.values_by_number
    read = {
        name: (kind[parameter.parameter_type].name, json_format.MessageToDict(parameter.default_value))
        for name, parameter in found.items()
    }
    assert read == {
        "rate": ("NUMBER_DOUBLE", 0.25),
        "count": ("NUMBER_INTEGER", -3),
        "title": ("STRING", feature_notebooks.TITLE),
        "quick": ("BOOLEAN", True),
        "sizes": ("LIST", [1, 2, 3]),
        "weights": ("STRUCT", {"a": 0.5, "yes": -1.0}),
    }


def test_texts_survive_yaml(features):
    env = {entry.name: entry.value for entry in features.container("load-data").env}
    expected = {f"HAZARD_{index}": value for index, value in enumerate(feature_notebooks.HAZARDS)}
    assert {name: env.get(name) for name in expected} == expected
    assert features.spec.pipeline_info.description == feature_notebooks.TITLE


def test_names_become_kfp_names_and_edges_stay(features):
    assert set(features.tasks) == {"load-data", "type", "9-final-step", "lonely"}
    assert features.edges() >= {("load-data", "type"), ("type", "9-final-step")}
    assert not any("lonely" in edge for edge in features.edges())


def test_resources_are_kept(features):
    resources = features.container("load-data").resources
    assert (resources.accelerator.resource_type, resources.accelerator.resource_count) == ("nvidia.com/gpu", "2")
    assert (resources.resource_cpu_limit, resources.resource_cpu_request) == ("1500m", "250m")
    assert (resources.resource_memory_limit, resources.resource_memory_request) == ("2Gi", "512Mi")
    assert features.container("lonely").resources.resource_memory_limit == "1Gi"


def test_retries_caching_and_images_are_kept(features):
    policy = features.tasks["load-data"].retry_policy
    assert policy.max_retry_count == 3
    assert (policy.backoff_duration.seconds, policy.backoff_factor, policy.backoff_max_duration.seconds) == (10, 2, 300)
    assert not features.tasks["load-data"].caching_options.enable_cache
    assert features.tasks["9-final-step"].caching_options.enable_cache
    assert features.container("load-data").image == "registry.example.com:5000/team/image:1.2"
    assert features.container("lonely").image == "debian:12-slim"


def test_the_pod_is_told_everything(features):
    pod = features.pod("load-data")
    assert pod.active_deadline_seconds == 5400
    assert dict(pod.node_selector.labels) == {"kubernetes.io/arch": "amd64", "disk": "on"}
    assert dict(pod.pod_metadata.labels) == {
        "app.kubernetes.io/name": "oxikale",
        "version": "1.0",
        "team": "optimisation",
    }
    assert dict(pod.pod_metadata.annotations) == {
        "example.com/url": "http://x:80/y?a=b&c",
        "example.com/quote": 'say "hi", it\'s: yes # no',
        "example.com/json": '{"a": [1, 2], "b": null}',
    }
    tolerations = {(t.key, t.operator, t.value, t.effect) for t in pod.tolerations}
    assert tolerations == {("gpu", "Equal", "yes", "NoSchedule"), ("spot", "Exists", "", "")}
    secrets = {(s.secret_name, m.secret_key, m.env_var) for s in pod.secret_as_env for m in s.key_to_env}
    assert secrets == {
        ("db", "password", "DB_PASSWORD"),
        ("db", "user-name", "DB_USER"),
        ("other.secret", "token", "TOKEN"),
    }
    mounts = {(mount.constant, mount.mount_path) for mount in pod.pvc_mount}
    assert mounts == {("shared-claim", "/shared_volume"), ("plain", "/plain"), ("scratch-claim", "/scratch")}
    context = pod.security_context
    assert (context.run_as_user, context.run_as_group, context.run_as_non_root) == (65534, 0, True)
    env = {entry.name: entry.value for entry in features.container("load-data").env}
    assert env["KALE_VOLUME_SHARED_CLAIM"] == "/shared_volume"
    assert {(mount.constant) for mount in features.pod("lonely").pvc_mount} == {"shared-claim", "plain"}


def test_volumes_and_secrets_are_named_for_old_and_new_back_ends(features):
    pod = features.pod("load-data")
    for mount in pod.pvc_mount:
        assert mount.pvc_name_parameter.runtime_value.constant.string_value == mount.constant
    for secret in pod.secret_as_env:
        assert secret.secret_name_parameter.runtime_value.constant.string_value == secret.secret_name


def test_report_metrics_and_result_are_outputs_where_they_are_meant(features):
    outputs = {
        task: {
            name: artifact.artifact_type.schema_title
            for name, artifact in features.spec.components[
                features.tasks[task].component_ref.name
            ].output_definitions.artifacts.items()
        }
        for task in features.tasks
    }
    assert "html-report" not in outputs["load-data"]
    assert outputs["lonely"]["html-report"] == "system.HTML"
    assert outputs["9-final-step"]["cell-result"] == "system.Artifact"
    assert outputs["9-final-step"]["step-metrics"] == "system.Metrics"
    assert "step-metrics" not in outputs["load-data"]
    assert outputs["load-data"]["numbers"] == "system.Dataset"


def test_the_strict_parser_would_notice_an_unknown_field(features, shared_oxikale):
    notebook = feature_notebooks.with_parameters(shared_oxikale.folder / "known.ipynb")
    first, *_ = documents(compiled(shared_oxikale, notebook, "known.yaml"))
    first["deploymentSpec"]["executors"][next(iter(first["deploymentSpec"]["executors"]))]["container"][
        "imagePolicy"
    ] = "x"
    with pytest.raises(json_format.ParseError):
        Pipeline(yaml.safe_dump(first))
