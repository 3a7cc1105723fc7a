"""Kernels for tests, no process of which may outlive its test, and the record of which features pass."""

import json
import os
import tempfile
import uuid
from pathlib import Path

import pytest

from kernels import Kernel, environment, find_subject
from processes import left_after

# How long the processes of a kernel may take to end after it.
END = 15


def pytest_addoption(parser):
    parser.addoption("--features", metavar="FILE", help="write which features pass into a JSON file")


def pytest_configure(config):
    config.addinivalue_line("markers", "feature(name): a line of the conformance table that this test stands behind")
    config.addinivalue_line("markers", "own: what only Oxikale's kernel is asked for, such as its words")
    config.features, config.features_by_name = {}, {}
    # The folder of pytest's may become another one while it runs.
    target = config.getoption("--features")
    config.features_file = Path(target).absolute() if target else None
    config.pluginmanager.register(Features(config))


def pytest_collection_modifyitems(config, items):
    skip = pytest.mark.skip(reason="asked of Oxikale's kernel alone")
    for item in items:
        if os.environ.get("KERNEL", "oxikale") != "oxikale" and item.get_closest_marker("own"):
            item.add_marker(skip)
        if marker := item.get_closest_marker("feature"):
            record = {"family": item.path.stem.removeprefix("test_"), "passed": 0, "why": []}
            config.features[item.nodeid] = config.features_by_name.setdefault(marker.args[0], record)


class Features:
    """Notes what became of the tests of each feature; parts of a test (subtests) count, too."""

    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        record = self.config.features.get(report.nodeid)
        if record is None:
            return
        if report.passed and report.when != "call":
            pass
        elif report.passed:
            record["passed"] += 1
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash else report.longreprtext
            record["why"].append(message.strip().splitlines()[0] if message.strip() else "it fails")
        if report.when == "teardown":
            self.write()

    def pytest_sessionfinish(self):
        self.write()

    def write(self):
        """Writes what is known so far: a run that is cut off after an hour has then not been for nothing."""
        if target := self.config.features_file:
            text = json.dumps(self.config.features_by_name, indent=1, ensure_ascii=False)
            part = target.with_name(f"{target.name}.part")
            part.write_text(text + "\n", "utf-8")
            part.replace(target)


@pytest.fixture(scope="session")
def subject(tmp_path_factory):
    """The kernel under test."""
    try:
        return find_subject(tmp_path_factory.mktemp("prefix"))
    except LookupError as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture
def mark():
    """What the environment of all processes of this test's kernels carries."""
    return uuid.uuid4().hex


@pytest.fixture(autouse=True)
def no_orphans(mark):
    """After the test, none of its processes is left."""
    yield
    left = left_after(mark, END)
    for process in left:
        process.kill()
    assert not left, f"{END} s after the test these processes are left: {', '.join(map(str, left))}"


@pytest.fixture
def folder():
    """A folder of the test's own, with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="oxikale-test-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture
def env(mark, folder, no_orphans):
    """The environment that this test's kernels get."""
    return environment(mark, folder)


@pytest.fixture
def start_kernel(subject, mark, folder, env):
    """Starts kernels, which are ended after the test."""
    running = []

    def start(transport="tcp", **more):
        kernel = Kernel(subject, mark, folder, transport, {**env, **more})
        running.append(kernel)
        return kernel.start()

    yield start
    for kernel in running:
        kernel.stop()


@pytest.fixture
def kernel(start_kernel):
    """A running kernel."""
    return start_kernel()


@pytest.fixture
def client(kernel):
    """A client of a running kernel."""
    return kernel.client()
