"""Starts the kernel under test as Jupyter does: from its kernelspec, by a KernelManager."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from client import PATIENCE, Client
from processes import MARK, family


class Subject:
    """Which kernel is tested, and where its kernelspec is."""

    def __init__(self, name, jupyter_path, kernel_name, program=None):
        self.name = name
        self.jupyter_path = Path(jupyter_path)
        self.kernel_name = kernel_name
        self.program = program

    @property
    def spec(self):
        """The kernelspec as it stands in its file."""
        return json.loads((self.jupyter_path / "kernels" / self.kernel_name / "kernel.json").read_text("utf-8"))

    def jupyter(self, command, *arguments, env, **options):
        """Starts one of Jupyter's commands, which finds this kernel, and is its parent."""
        return subprocess.Popen(
            [sys.executable, "-m", command, *map(str, arguments)],
            env={**env, "JUPYTER_PATH": str(self.jupyter_path)},
            start_new_session=True,
            **options,
        )


def find_subject(folder):
    """The kernel that `$KERNEL` names; its kernelspec is installed into the folder, if it is ours."""
    name = os.environ.get("KERNEL", "oxikale")
    if name == "evcxr":
        path = os.environ.get("EVCXR_JUPYTER_PATH")
        if not path:
            raise LookupError("set EVCXR_JUPYTER_PATH to what scripts/evcxr_jupyter.sh prints")
        return Subject("evcxr", path, "rust")
    if name != "oxikale":
        raise LookupError(f"KERNEL is `{name}`; it may be `oxikale` or `evcxr`")
    target = os.environ.get("CARGO_TARGET_DIR") or Path.home() / ".cache" / "oxikale" / "target"
    program = Path(os.environ.get("OXIKALE") or Path(target, "release", "oxikale")).resolve()
    if not os.access(program, os.X_OK):
        raise LookupError(f"{program} is missing: build it with `make release`, or set OXIKALE")
    done = subprocess.run(
        [program, "kernel", "install", "--prefix", folder], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise LookupError(f"`oxikale kernel install --prefix` failed:\n{done.stdout}{done.stderr}")
    return Subject("oxikale", Path(folder, "share", "jupyter"), "oxikale", program)


class Kernel:
    """A running kernel."""

    def __init__(self, subject, mark, folder, transport="tcp", env=None):
        self.mark = mark
        self.folder = folder
        specs = KernelSpecManager(kernel_dirs=[str(subject.jupyter_path / "kernels")], ensure_native_kernel=False)
        self.manager = KernelManager(kernel_name=subject.kernel_name, kernel_spec_manager=specs, transport=transport)
        if transport == "ipc":
            # Paths of sockets are short by law; a name is enough, as the kernel works in the same folder.
            self.socket_folder = Path(folder, "ipc")
            self.socket_folder.mkdir(exist_ok=True)
            self.manager.ip = str(self.socket_folder / "k")
        self.log = open(folder / "kernel.log", "a+b")
        self.env = env
        self.clients = []

    def start(self):
        """Starts the process."""
        self.manager.start_kernel(env=self.env, cwd=str(self.folder), stdout=self.log, stderr=self.log)
        return self

    @property
    def pid(self):
        """The process id."""
        return self.manager.provisioner.process.pid

    def client(self, ready=True):
        """A new client, which the kernel has answered."""
        raw = self.manager.client()
        raw.start_channels()
        self.clients.append(raw)
        if ready:
            try:
                raw.wait_for_ready(timeout=PATIENCE)
            except RuntimeError as error:
                raise AssertionError(f"the kernel does not answer: {error}\n{self.said()}") from None
        return Client(raw, self)

    def said(self):
        """What the kernel has written to its own standard output and error."""
        return Path(self.folder, "kernel.log").read_text("utf-8", errors="replace")

    def family(self):
        """The kernel's processes."""
        return family(self.mark)

    def helpers(self):
        """The kernel's processes without itself."""
        return [process for process in self.family() if process.pid != self.pid]

    def ended(self, seconds=PATIENCE):
        """Waits for the end of the process and returns its exit status."""
        try:
            return self.manager.provisioner.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the kernel has not ended within {seconds:.0f} s") from None

    def stop(self):
        """Ends the kernel as Jupyter does: by a request, and by force if that is not heard."""
        for raw in self.clients:
            raw.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()
        self.log.close()
        shutil.rmtree(Path(self.folder, "ipc"), ignore_errors=True)


def environment(mark, folder):
    """The environment of a test's kernels: data of their own, the cache of this machine."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "JUPYTER_", "OXIKALE_"))}
    for name in ("OXIKALE_CACHE",):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update({MARK: mark, "OXIKALE_DATA": str(folder / "data"), "JUPYTER_PLATFORM_DIRS": "1"})
    for name in ("CONFIG", "DATA", "RUNTIME"):
        env[f"JUPYTER_{name}_DIR"] = str(folder / f"jupyter-{name.lower()}")
    return env
