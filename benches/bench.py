"""The benchmark beside Kale: measures everything in one run, prints a Markdown table and writes it to a file.

Run it with `make bench`, which sets up both sides first.
"""

import argparse
import datetime
import os
import shutil
import sys
import tempfile
from pathlib import Path

import compile_time
import notebooks
import rebuild_time
import report
import setting as settings
import step_time
from processes import Failed


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kale", type=Path, help="virtual environment with kubeflow-kale; without it Kale is left out")
    parser.add_argument("--only", choices=["ours", "kale"], help="measure one side alone")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured (default 5)")
    parser.add_argument("--output", type=Path, help="file for the table")
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return given


def said(text):
    """Says on the error stream what is being measured now."""
    print(f"[{datetime.datetime.now():%H:%M:%S}] {text}", file=sys.stderr, flush=True)


def measure_all(setting):
    """Every measurement, as the values that the report draws."""
    found = report.Findings()
    said("notebook → IR, 9 steps")
    found.nine = compile_time.interleaved(setting, notebooks.titanic_shaped(), "nine", setting.rounds)
    said("notebook → IR, 200 steps (Kale takes most of a minute for one)")
    found.two_hundred = compile_time.interleaved(setting, notebooks.chain(200), "chain", min(2, setting.rounds))
    if setting.oxikale:
        said("notebook → IR, to 2000 steps")
        found.growth = compile_time.growth(setting)
    said("steps run here")
    found.steps = step_time.interleaved(setting)
    if setting.oxikale:
        for label, source in rebuild_time.sources(setting).items():
            said(f"rebuild after an edit: {label}")
            found.rebuilds[label] = rebuild_time.pairs(setting, source)
    return found


def main():
    given = arguments()
    oxikale = None if given.only == "kale" else settings.command()
    kale = None if given.only == "ours" else given.kale
    if oxikale and not os.access(oxikale, os.X_OK):
        sys.exit(f"{oxikale} is missing: build it with `cargo build --release -p oxikale-cli`, or use --only kale")
    if kale and not (kale / "bin" / "kale").exists():
        sys.exit(f"{kale} holds no Kale: `make bench` sets it up")
    work = Path(tempfile.mkdtemp(prefix="oxikale-bench-"))
    setting = settings.Setting(oxikale, kale.resolve() if kale else None, work, given.rounds)
    load = [os.getloadavg()[0]]
    try:
        found = measure_all(setting)
    except Failed as error:
        sys.exit(f"a measured program failed: {error}")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    load.append(os.getloadavg()[0])
    text = report.markdown(found, setting, load)
    print(text)
    if given.output:
        given.output.write_text(text + "\n")


main()
