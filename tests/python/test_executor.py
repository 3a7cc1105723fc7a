"""The step program speaks KFP's executor contract: KFP's own local runner drives it, and so does a launcher by hand."""

import json
import math
import subprocess

import pytest
import yaml
from kfp import components, local
from kfp.local import subprocess_task_handler

import executor_files
import feature_notebooks
from pipeline_files import documents


@pytest.fixture(scope="module")
def built(shared_oxikale):
    """The compiled pipeline's documents, and the step program."""
    notebook = feature_notebooks.with_parameters(shared_oxikale.folder / "with_parameters.ipynb")
    target = shared_oxikale.folder / "pipeline.yaml"
    shared_oxikale("compile", notebook, "-o", target)
    answer = json.loads(shared_oxikale("build", notebook, "--json"))
    return target.read_text(encoding="utf-8"), answer["program"]


@pytest.fixture
def kfp_runner(monkeypatch, tmp_path):
    """KFP's local runner in subprocesses, which takes programs that are not Python's here; yields its folder.

    KFP refuses such steps only because it cannot see that a program needs no container.
    """
    handler = subprocess_task_handler.SubprocessTaskHandler
    monkeypatch.setattr(handler, "validate_not_container_component", lambda self, command: None)
    monkeypatch.setattr(handler, "validate_image", lambda self, image: None)
    root = tmp_path / "kfp"
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), raise_on_error=True)
    return root


def at_home(text, program):
    """The pipeline with the step program where it lies here, as a target puts it where the pipeline says."""
    parts = documents(text)
    for executor in parts[0]["deploymentSpec"]["executors"].values():
        assert executor["container"]["command"] == ["/oxikale/program"]
        executor["container"]["command"] = [str(program)]
    return yaml.safe_dump_all(parts)


def test_kfps_own_runner_runs_the_pipeline(built, kfp_runner):
    text, program = built
    pipeline = components.load_component_from_text(at_home(text, program))
    pipeline(rate=0.25, count=5, title='it\'s "quoted" {x}\n$(id)', quick=True)
    found = executor_files.variables(kfp_runner)
    label = 'it\'s "quoted" {x}\n$(id)/true'
    assert found["series"][1] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found["label"] == ("json", label)
    assert found["total"] == ("json", 2.5)


def test_kfps_own_runner_takes_the_defaults(built, kfp_runner):
    text, program = built
    components.load_component_from_text(at_home(text, program))()
    found = executor_files.variables(kfp_runner)
    assert found["label"] == ("json", "plain/false")
    assert found["total"] == ("json", 3.0)


def executor_input(folder, parameters, made=(), taken=()):
    """An executor input as KFP's launcher writes it: numbers are doubles, no parent folder exists yet."""

    def artifact(name, uri):
        kind = {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}
        return {"artifacts": [{"name": name, "type": kind, "uri": str(uri), "metadata": {}}]}

    return {
        "inputs": {
            "parameterValues": parameters,
            "artifacts": {name: {"artifacts": [found]} for name, found in dict(taken).items()},
        },
        "outputs": {
            "artifacts": {name: artifact(name, folder / "deep" / "er" / name) for name in made},
            "outputFile": str(folder / "out" / "put" / "executor_output.json"),
        },
    }


def step(program, name, given, folder):
    """Runs one step of the program with an executor input as its argument."""
    return subprocess.run(
        [program, "--step", name, "--executor_input", given],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


PARAMETERS = {"rate": 0.5, "count": 3.0, "title": "t", "quick": True}


def test_integers_may_come_as_doubles_and_folders_are_made(built, tmp_path):
    _, program = built
    given = executor_input(tmp_path, PARAMETERS, ["series", "label"])
    done = step(program, "make", json.dumps(given), tmp_path)
    assert done.returncode == 0, done.stderr
    found = executor_files.variables(tmp_path)
    assert found["series"][1] == [0.0, 0.5, 1.0]
    assert found["label"] == ("json", "t/true")


def test_the_input_may_be_a_file(built, tmp_path):
    _, program = built
    path = tmp_path / "input.json"
    path.write_text(json.dumps(executor_input(tmp_path, PARAMETERS, ["series", "label"])))
    done = step(program, "make", f"@{path}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert executor_files.variables(tmp_path)["label"] == ("json", "t/true")


def test_a_step_takes_what_another_made_and_logs_its_metric(built, tmp_path):
    text, program = built
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    assert (
        step(program, "make", json.dumps(executor_input(first, PARAMETERS, ["series", "label"])), first).returncode == 0
    )
    ((_, made),) = executor_files.outputs(first)
    given = executor_input(second, PARAMETERS, ["total", "step-metrics"], made)
    done = step(program, "sum", json.dumps(given), second)
    assert done.returncode == 0, done.stderr
    assert "t/true: 1.5" in done.stdout
    ((_, summed),) = executor_files.outputs(second)
    assert executor_files.variables(second)["total"] == ("json", 1.5)
    assert summed["step-metrics"]["metadata"] == {"total": 1.5}
    assert "sum" in documents(text)[0]["root"]["dag"]["tasks"]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        "{}",
        '{"inputs": 3}',
        '{"outputs": {"outputFile": 3}}',
        "@",
        "@/does/not/exist",
        "{{$}}",
    ],
)
def test_a_broken_input_is_an_error_and_no_panic(built, tmp_path, given):
    _, program = built
    done = step(program, "make", given, tmp_path)
    assert done.returncode not in (0, 101) and done.returncode > 0, done.stderr
    assert done.stderr.strip()
    assert "panicked" not in done.stderr


def test_a_parameter_of_the_wrong_type_is_named(built, tmp_path):
    _, program = built
    given = executor_input(tmp_path, {**PARAMETERS, "count": "many"}, ["series", "label"])
    done = step(program, "make", json.dumps(given), tmp_path)
    assert done.returncode > 0
    assert "count" in done.stderr and "panicked" not in done.stderr


def test_a_step_that_does_not_exist_is_named(built, tmp_path):
    _, program = built
    done = step(program, "nowhere", json.dumps(executor_input(tmp_path, PARAMETERS)), tmp_path)
    assert done.returncode > 0
    assert "nowhere" in done.stderr and "panicked" not in done.stderr


def test_infinite_results_stay_what_they_are(built, tmp_path):
    _, program = built
    given = executor_input(tmp_path, {**PARAMETERS, "rate": 1e308, "count": 100.0}, ["series", "label"])
    assert step(program, "make", json.dumps(given), tmp_path).returncode == 0
    assert executor_files.variables(tmp_path)["series"][1][-1] == math.inf
