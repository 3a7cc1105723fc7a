"""Runs a pipeline that Kale compiled on this machine, with KFP's own local runner; lives in Kale's environment.

Usage: kale_run.py PIPELINE_YAML ROOT

The packages that Kale asks for are installed already, so its ``pip install`` finds nothing to do.
"""

import sys

from kfp import components, local


def main():
    pipeline, root = sys.argv[1:]
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
    components.load_component_from_file(pipeline)()


main()
