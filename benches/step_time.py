"""What a step costs here beyond its own code: the slope of whole runs over chains of trivial steps."""

import shutil
import statistics
from pathlib import Path

import notebooks
from processes import Failed, measure

OURS = (1, 11, 21, 41)
KALE = (1, 3)


def slope(points):
    """Least-squares seconds per step, and seconds at no step, of {steps: seconds}."""
    line = statistics.linear_regression(list(points), list(points.values()))
    return line.slope, line.intercept


def prepare_ours(setting, n):
    """Builds the program of a chain of ``n`` steps and runs it once; returns the notebook."""
    notebook = notebooks.write(notebooks.trivial(n), "rust", f"trivial-{n}", setting.work)
    measure([setting.oxikale, "build", notebook], cwd=setting.work, env=setting.ours())
    before = executed(setting)
    run_ours(setting, notebook)
    if executed(setting) - before != n:
        raise Failed(f"{notebook.name}: {executed(setting) - before} of {n} steps were executed")
    return notebook


def executed(setting):
    """How many steps have been executed in our data folder so far: each leaves an executor output."""
    return sum(1 for _ in (setting.work / "data").rglob("executor_output.json"))


def run_ours(setting, notebook):
    """One whole `oxikale run`, every step of it executed; the program is built already."""
    return measure([setting.oxikale, "run", notebook], cwd=setting.work, env=setting.ours())


def prepare_kale(setting, n):
    """Compiles the twin with Kale; returns the pipeline's path."""
    notebook = notebooks.write(notebooks.trivial(n), "python", f"trivial-{n}", setting.work)
    folder = setting.work / f"kale-{n}"
    folder.mkdir()
    measure(["kale", "--nb", notebook], cwd=folder, env=setting.theirs())
    (pipeline,) = (folder / ".kale").glob("*.pipeline.yaml")
    return pipeline


def run_kale(setting, pipeline):
    """One whole run of a pipeline by KFP's local runner in subprocesses."""
    root = setting.work / "kale-root"
    shutil.rmtree(root, ignore_errors=True)
    script = setting.kale / "bin" / "python"
    return measure(
        [script, Path(__file__).with_name("kale_run.py"), pipeline, root],
        cwd=setting.work,
        env=setting.theirs(),
    )


def interleaved(setting):
    """Runs of every length in turn, Kale's once a round and ours three times.

    Returns for each side {length: [wall seconds]}, empty where that side is left out.
    """
    ours = {n: prepare_ours(setting, n) for n in OURS} if setting.oxikale else {}
    theirs = {n: prepare_kale(setting, n) for n in KALE} if setting.kale else {}
    mine = {n: [] for n in ours}
    peer = {n: [] for n in theirs}
    for round_number in range(setting.rounds):
        for _ in range(3):
            for n, notebook in ours.items():
                mine[n].append(run_ours(setting, notebook).wall)
        if round_number < max(2, setting.rounds // 2):
            for n, pipeline in theirs.items():
                peer[n].append(run_kale(setting, pipeline).wall)
    return mine, peer


def per_step(runs):
    """Seconds per step of what :func:`interleaved` gave for one side, over the medians; none without runs."""
    if not runs:
        return None
    return slope({n: statistics.median(walls) for n, walls in runs.items()})[0]
