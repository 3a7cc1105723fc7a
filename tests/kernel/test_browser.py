"""JupyterLab in headless Chromium: a cell is run, a plot is seen, an interrupt is clicked, completion pops up."""

import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect, sync_playwright

from client import PATIENCE

# Chromium as distributions name it.
CHROMIUM = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
PLOT = """println!("EVCXR_BEGIN_CONTENT image/svg+xml\\n<svg xmlns='http://www.w3.org/2000/svg' width='200' height='100'>\\
<rect width='200' height='100' fill='teal'/></svg>\\nEVCXR_END_CONTENT");"""
CELLS = ["let kept = vec![1, 2, 3];\nkept.len()", PLOT, 'println!("on it");\nloop {}', "kept", "kept.ite"]


@pytest.fixture
def page(subject, folder, env):
    """A page of JupyterLab with a notebook of these cells."""
    assert CHROMIUM, "Chromium is missing: scripts/prerequisites.sh installs it with apt"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata.kernelspec = {"name": subject.kernel_name, "display_name": "Rust (Oxikale)", "language": "rust"}
    nbformat.write(notebook, folder / "lab.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = os.urandom(16).hex()
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={token}"]
    log = open(folder / "lab.log", "wb")
    server = subject.jupyter(
        "jupyterlab", *options, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.set_default_timeout(PATIENCE * 1000)
            wait_until_served(page, f"{address}/api/status?token={token}", server)
            page.goto(f"{address}/lab/tree/lab.ipynb?token={token}&reset")
            page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
            yield page
            browser.close()
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)
        log.close()


def wait_until_served(page, address, server):
    """Waits for the server's first answer."""
    for _ in range(int(PATIENCE * 10)):
        assert server.poll() is None, "the server has ended"
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, OSError):
            page.wait_for_timeout(100)
    raise AssertionError("the server does not answer")


def cell(page, number):
    """A code cell of the notebook."""
    return page.locator(".jp-Notebook .jp-CodeCell").nth(number)


def run(page, number):
    """Runs a cell with the keyboard."""
    cell(page, number).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def test_a_notebook_is_used_in_jupyterlab(page, folder):
    # Before the kernel has said that it is idle, JupyterLab drops what is to be run.
    page.get_by_text("Rust (Oxikale) | Idle").wait_for()
    run(page, 0)
    expect(cell(page, 0).locator(".jp-OutputArea-executeResult")).to_contain_text("3", timeout=PATIENCE * 1000)

    run(page, 1)
    plot = cell(page, 1).locator(".jp-RenderedSVG img, .jp-RenderedSVG svg").first
    plot.wait_for()
    shots = Path(os.environ.get("OXIKALE_SCREENSHOTS", folder))
    page.screenshot(path=str(shots / "jupyterlab.png"))
    colours = page.evaluate(
        """async element => {
            const picture = new Image();
            picture.src = element.src ?? 'data:image/svg+xml;utf8,' + encodeURIComponent(element.outerHTML);
            await picture.decode();
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [20, 20];
            const context = canvas.getContext('2d');
            context.drawImage(picture, 0, 0, 20, 20);
            return [...context.getImageData(10, 10, 1, 1).data];
        }""",
        plot.element_handle(),
    )
    assert colours == [0, 128, 128, 255], f"the plot is not teal but {json.dumps(colours)}"

    run(page, 2)
    expect(cell(page, 2).locator(".jp-OutputArea")).to_contain_text("on it", timeout=PATIENCE * 1000)
    page.locator("[title*='Interrupt the kernel']").first.click()
    expect(cell(page, 2).locator(".jp-OutputArea")).to_contain_text("interrupted", timeout=PATIENCE * 1000)
    run(page, 3)
    expect(cell(page, 3).locator(".jp-OutputArea-executeResult")).to_contain_text("[1, 2, 3]", timeout=PATIENCE * 1000)

    cell(page, 4).locator(".cm-content").click()
    page.keyboard.press("End")
    for _ in range(20):
        page.keyboard.press("Tab")
        try:
            page.locator(".jp-Completer-item", has_text="iter").first.wait_for(timeout=2000)
            break
        except PlaywrightTimeout:
            # The process that knows methods has begun to start with the first question.
            page.keyboard.press("Escape")
            cell(page, 4).locator(".cm-content").click()
            page.keyboard.press("End")
    expect(page.locator(".jp-Completer-item", has_text="iter").first).to_be_visible()
    page.screenshot(path=str(shots / "completion.png"))
