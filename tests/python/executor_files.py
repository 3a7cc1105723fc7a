"""What steps left behind: executor outputs, strictly parsed, and artifacts, read as Python reads their formats."""

import json
from pathlib import Path

import msgpack
import numpy
from kfp.pipeline_spec import pipeline_spec_pb2 as kfp

from pipeline_files import strictly


def local(uri):
    """The local path of an artifact's URI."""
    for scheme, folder in (("minio://", "/minio/"), ("s3://", "/s3/"), ("gs://", "/gcs/"), ("file://", "")):
        if uri.startswith(scheme):
            return Path(folder + uri.removeprefix(scheme))
    return Path(uri)


def load(path, form):
    """The value in an artifact's file."""
    if form == "json":
        return json.loads(path.read_text(encoding="utf-8"))
    if form == "npy":
        return numpy.load(path, allow_pickle=False)
    if form == "msgpack":
        return msgpack.unpackb(path.read_bytes(), strict_map_key=False)
    raise AssertionError(f"{path} is of the unknown format {form!r}")


def read_output(path):
    """One executor output: artifact name → the runtime artifact as a plain value."""
    output = json.loads(path.read_text(encoding="utf-8"))
    strictly(output, kfp.ExecutorOutput())
    return {name: listed["artifacts"][0] for name, listed in output.get("artifacts", {}).items()}


def outputs(folder):
    """Every executor output below a folder: (task's folder, artifacts) pairs."""
    found = sorted(folder.rglob("executor_output.json"))
    return [(path.parent, read_output(path)) for path in found]


def variables(folder):
    """Every variable that was handed on below a folder: name → (format, value)."""
    found = {}
    for _, artifacts in outputs(folder):
        for name, artifact in artifacts.items():
            if "-" not in name:
                form = artifact["metadata"]["format"]
                found[name] = form, load(local(artifact["uri"]), form)
    return found
