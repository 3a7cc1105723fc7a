"""Reads a compiled pipeline as strictly as KFP's own messages allow: no field that they do not know."""

import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2 as kfp


def documents(text):
    """The documents of a YAML text: the pipeline, then what the platform must know, if anything."""
    return list(yaml.safe_load_all(text))


def strictly(value, message):
    """Fills a protobuf message from plain values; an unknown field or a wrong type raises."""
    return json_format.ParseDict(value, message, ignore_unknown_fields=False)


class Pipeline:
    """A compiled pipeline in KFP's own messages."""

    def __init__(self, text):
        spec, *rest = documents(text)
        assert len(rest) <= 1, "a pipeline has one document, or two"
        self.spec = strictly(spec, kfp.PipelineSpec())
        # The message keeps the next two as untyped structures, so they are parsed once more by themselves.
        self.executors = strictly(spec["deploymentSpec"], kfp.PipelineDeploymentConfig()).executors
        self.kubernetes = {}
        if rest:
            strictly(rest[0], kfp.PlatformSpec())
            (name,) = rest[0]["platforms"]
            assert name == "kubernetes"
            executors = rest[0]["platforms"][name]["deploymentSpec"]["executors"]
            self.kubernetes = {
                label: strictly(config, kubernetes.KubernetesExecutorConfig()) for label, config in executors.items()
            }

    @property
    def tasks(self):
        """Task name → task."""
        return self.spec.root.dag.tasks

    def label(self, task):
        """The executor label of a task."""
        return self.spec.components[self.tasks[task].component_ref.name].executor_label

    def container(self, task):
        """What a task runs."""
        return self.executors[self.label(task)].container

    def pod(self, task):
        """What Kubernetes must know about a task."""
        return self.kubernetes[self.label(task)]

    def edges(self):
        """Pairs of (before, after), by order or by data."""
        found = set()
        for name, task in self.tasks.items():
            found |= {(before, name) for before in task.dependent_tasks}
            found |= {
                (source.task_output_artifact.producer_task, name)
                for source in task.inputs.artifacts.values()
                if source.HasField("task_output_artifact")
            }
        return found
