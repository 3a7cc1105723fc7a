"""What Jupyter's own library makes of an installed kernel."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel


def test_jupyter_finds_the_kernel_and_its_logos(tmp_path):
    program = os.environ.get("OXIKALE") or shutil.which("oxikale")
    if not program:
        pytest.skip("there is no oxikale")
    program = Path(program).resolve()
    kernels = tmp_path / "share" / "jupyter" / "kernels"

    def call(command):
        subprocess.run([program, "kernel", command, "--prefix", tmp_path], check=True, capture_output=True)

    manager = KernelSpecManager(kernel_dirs=[str(kernels)])
    call("install")
    spec = manager.get_kernel_spec("oxikale")
    assert spec.argv == [str(program), "kernel", "run", "{connection_file}"]
    assert (spec.display_name, spec.language, spec.interrupt_mode) == ("Rust (Oxikale)", "rust", "message")
    assert sorted(path.name for path in Path(spec.resource_dir).iterdir()) == [
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
    ]
    call("uninstall")
    with pytest.raises(NoSuchKernel):
        manager.get_kernel_spec("oxikale")
