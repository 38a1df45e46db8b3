"""Starts a real JupyterLab for tests, opens notebooks in it, and runs their cells.

Every wait in the page has a timeout, because a promise that never resolves would block the test run for good. The
server has settings, data and workspaces of its own, and neither reads nor changes those of the user.
"""

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.helpers.jupyter import own_environment

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[3]
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# An open notebook whose kernel answers. The page shows "idle" before that, when running would do nothing.
READY = """
async () => {
  const pause = () => new Promise((done) => setTimeout(done, 50));
  while (!window.jupyterapp) await pause();
  const app = window.jupyterapp;
  await app.restored;
  while (!app.shell.currentWidget?.sessionContext) await pause();
  const notebook = app.shell.currentWidget;
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  while (!notebook.sessionContext.session?.kernel) await pause();
  await notebook.sessionContext.session.kernel.info;
}
"""
# The kernel answers the request at the end after all its other messages, so that none of those are missing.
RUN_ALL = """
async () => {
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestKernelInfo();
}
"""
ERRORS = """
() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells
  .flatMap((cell) => cell.outputs ?? [])
  .filter((output) => output.output_type === 'error')
  .map((output) => `${output.ename}: ${output.evalue}`)
"""
RACED = """
async (limit) => {
  const work = (%s)();
  const alarm = new Promise((_, fail) => setTimeout(() => fail(new Error(`not done in ${limit} ms`)), limit));
  return await Promise.race([work, alarm]);
}
"""


@dataclass(frozen=True)
class Server:
    """A running JupyterLab.

    Attributes:
        port: The port on which it listens, on this machine only.
        token: The token that it requires.
        root: The folder whose notebooks it opens.
    """

    port: int
    token: str
    root: Path

    def address(self, path: str) -> str:
        """Return the address of a page."""
        mark = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{self.port}{path}{mark}token={self.token}"

    def new_folder(self) -> Path:
        """Create a folder for notebooks that it opens."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def ask(self, path: str) -> bytes:
        """Send a request to the server; return its answer, or an empty one while the server does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Authorization": f"token {self.token}"})
            return connection.getresponse().read()
        except OSError:
            return b""
        finally:
            connection.close()


@contextmanager
def running_server(folder: Path) -> Iterator[Server]:
    """Run a JupyterLab that keeps its settings, data and workspaces in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = folder / "root"
    root.mkdir()
    server = Server(port, secrets.token_hex(16), root)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            _command(server, folder),
            env=own_environment(folder) | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _await_answer(server, process, folder / "server.log")
            yield server
        finally:
            _end(process)


def _command(server: Server, folder: Path) -> list[str]:
    settings = folder / "settings"
    settings.mkdir()
    (settings / "overrides.json").write_text(
        json.dumps(
            {
                "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
                "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
            }
        )
    )
    return [
        *(
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={server.port}",
        ),
        "--ServerApp.port_retries=0",
        "--ServerApp.contents_manager_class=raft_steps.lab.course.notebook_files.NotebookFiles",
        "--ServerApp.disable_check_xsrf=True",
        f"--IdentityProvider.token={server.token}",
        f"--ServerApp.root_dir={server.root}",
        f"--LabApp.app_settings_dir={settings}",
        f"--LabApp.workspaces_dir={folder / 'workspaces'}",
        f"--LabApp.user_settings_dir={folder / 'user_settings'}",
        "--LabApp.expose_app_in_browser=True",
    ]


def _await_answer(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if server.ask("/api"):
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start; it said:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server, which ends its kernels first."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, how)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                continue


def within(page: "Page", script: str, seconds: float = 120) -> Any:
    """Run a JavaScript function in the page, with a limit in seconds."""
    return page.evaluate(RACED % script, seconds * 1000)


def await_notebook(page: "Page") -> None:
    """Wait until the page shows a notebook whose kernel answers."""
    within(page, READY)


def run_all(page: "Page") -> list[str]:
    """Run every cell of the open notebook; return the errors of the cells, each as its name and its message."""
    within(page, RUN_ALL, 300)
    errors: list[str] = within(page, ERRORS)
    return errors


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells."""
    described = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    content: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"cell-{n}", "source": cell, "metadata": {}, "outputs": [], "execution_count": None}
        for n, cell in enumerate(cells)
    ]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": described, "cells": content}))
    return path
