"""Starts JupyterLab on the course, in the same way on every machine.

It also starts as root, without a browser, and if its port is taken. Next to the course it keeps an edition for the
learner, `my_course`, which it brings up to date without overwriting any edited file.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import raft_steps
from raft_steps.lab.course.course_folder import CourseFolder
from raft_steps.lab.course.learner_edition import Release, bring_up_to_date
from raft_steps.lab.course.notebooks import notebooks_of
from raft_steps.lab.errors import LabError
from raft_steps.lab.runtime.launching import OWN_COURSE

PORT = 8888
PORT_TRIES = 50
LEARNER = OWN_COURSE
# These settings turn off JupyterLab's announcements, and its question whether to fetch them.
SETTINGS = Path(__file__).parent / "jupyter"
POLL_S = 0.1  # between two attempts to find the server
PORT_POLLS = 50  # attempts to connect to its port
PrintLine = Callable[[str], None]


class LaunchError(LabError):
    """JupyterLab cannot be started on the course; the message says what is missing."""


def launch(
    course: CourseFolder,
    copied: Release | None = None,
    *,
    learner: bool = False,
    port: int = PORT,
    browser: bool | None = None,
    options: Sequence[str] = (),
    print_line: PrintLine = print,
) -> int:
    """Start JupyterLab on a course and wait until it ends.

    Args:
        course: The course.
        copied: What was copied from the installed package, to be reported.
        learner: Open the learner's edition first, not the full course.
        port: The port to listen on; if it is taken, one of the next ports.
        browser: Whether to open a browser; by default only if there is one.
        options: Further options for JupyterLab.
        print_line: Called with each line to print.

    Returns:
        The exit status of JupyterLab.

    Raises:
        LaunchError: JupyterLab is not installed, or did not start.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise LaunchError(
            "JupyterLab is not installed here; make lab installs all that the course needs, or: pip install jupyterlab"
        )
    for line in _news_of_copy(copied) if copied is not None else ():
        print_line(line)
    editions = _editions(course, print_line)
    if learner:
        editions.reverse()
    browser = has_browser() if browser is None else browser
    if is_root():
        print_line("You are root, so JupyterLab is started with --allow-root.")
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    command = _command(course.root, first_page(editions[0], course.root), port, browser=browser, options=options)
    others = _running_servers()
    with _running(command, token) as process:
        server = _wait_for(process, token, others)
        if server is None:
            if process.returncode == 0:  # It printed its version or its help, or was stopped at once.
                return 0
            raise LaunchError("JupyterLab ended before it was ready; what it printed above says why")
        _print_address(server, port, course.root, editions, print_line)
        return process.wait()


def is_root() -> bool:
    """Return whether this process runs as root, in which case JupyterLab requires --allow-root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def has_browser(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Return whether a graphical browser can be opened here."""
    if environment.get("BROWSER") or platform in ("darwin", "win32"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def first_page(folder: Path, root: Path) -> str:
    """Return the path of a folder's first notebook in JupyterLab's addresses."""
    notebooks = notebooks_of(folder)
    page = notebooks[0] if notebooks else folder
    return f"/lab/tree/{page.relative_to(root).as_posix()}".removesuffix("/.")


# The two editions.


def _editions(course: CourseFolder, print_line: PrintLine) -> list[Path]:
    """Return the folders to open, the full course first, after bringing the learner's edition up to date."""
    if not course.is_full:
        return [course.notebooks]
    learner = course.root / LEARNER
    try:
        new = not learner.exists()
        release = bring_up_to_date(course.original or course.notebooks, learner)
        if new:  # A learner's work does not belong in the course's repository.
            (learner / ".gitignore").write_text("*\n", encoding="utf-8")
    except (LabError, OSError) as error:
        print_line(f"Your own edition cannot be kept in {learner}: {error}")
        return [course.notebooks]
    for line in _news(release, new=new):
        print_line(line)
    return [course.notebooks, learner]


def _news(release: Release, *, new: bool) -> Iterator[str]:
    if new:
        yield f"{LEARNER}/ is new: the course without its solutions, for you to write in."
    elif release.written:
        yield f"{LEARNER}/ was brought up to date with the course: {', '.join(release.written)}."
    if release.outdated:
        names = ", ".join(release.outdated)
        yield f"The course has changed since you began {names}. Your version stays; rename it to get the new one, too."
    if release.removed:
        yield f"{LEARNER}/ lost what the course no longer has: {', '.join(release.removed)}."


def _news_of_copy(copied: Release) -> Iterator[str]:
    """Yield what to print about the notebooks that were copied from the installed package."""
    name, version = copied.folder.name, raft_steps.__version__
    if copied.written and not copied.kept and len(copied.written) == len(notebooks_of(copied.folder)):
        yield f"{name}/ holds the course of raft-steps {version}."
    elif copied.written:
        yield f"{name}/ was brought up to date with raft-steps {version}: {', '.join(copied.written)}."
    if copied.outdated:
        yield (
            f"raft-steps {version} has a new version of {', '.join(copied.outdated)}, which you have changed in {name}/. "
            "Yours stays; rename it to get the new one, too."
        )
    if copied.removed:
        yield f"{name}/ lost what the course no longer has: {', '.join(copied.removed)}."


# The server.


def _command(root: Path, page: str, port: int, *, browser: bool, options: Sequence[str]) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={root}",
        f"--LabApp.default_url={page}",
        f"--ServerApp.port={port}",
        f"--ServerApp.port_retries={PORT_TRIES}",
        "--Application.log_level=WARN",
        *([] if browser else ["--no-browser"]),
        *(["--allow-root"] if is_root() else []),
        *options,
    ]


@contextmanager
def _running(command: Sequence[str], token: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run JupyterLab, and terminate it at the end of the block or when this process is terminated.

    JupyterLab receives Control-C, too, and handles it itself, so this process ignores it.
    """
    # Settings and profiles are the reader's own here: only what the course stores or grades is made without them.
    environment = os.environ | {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_PATH": _before(SETTINGS, "JUPYTER_CONFIG_PATH"),
        # So that a terminal in JupyterLab finds raft-steps without an activated environment.
        "PATH": _before(Path(sys.executable).parent, "PATH"),
    }
    process = subprocess.Popen(command, env=environment)
    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: process.terminate()),
    }
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _before(folder: Path, variable: str) -> str:
    """Return the value of a search path variable, with a folder added at its front."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))


def _running_servers() -> list[dict[str, Any]]:
    """Return the descriptions of this user's servers; none if one vanishes while it is read."""
    from jupyter_server.serverapp import list_running_servers

    with suppress(OSError):
        return [dict(server) for server in list_running_servers()]
    return []


def _wait_for(
    process: subprocess.Popen[bytes], token: str, others: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any] | None:
    """Wait until the server listens, and return its description; None if it ended before that.

    Args:
        process: What was started. If it is only a launcher, the server is another process.
        token: The server's token; if JUPYTER_TOKEN is set, other servers have the same one.
        others: The servers that were running before.
    """
    known = {server.get("pid") for server in others}
    while process.poll() is None:
        for server in _running_servers():
            is_new = server.get("token") == token and server.get("pid") not in known
            if is_new or server.get("pid") == process.pid:
                _wait_until_open(server)
                return server
        time.sleep(POLL_S)
    return None


def _wait_until_open(server: Mapping[str, Any]) -> None:
    """Wait a short time until the server accepts connections: its description appears a little before that."""
    host = urlsplit(server["url"]).hostname or "localhost"
    for _ in range(PORT_POLLS if server["port"] else 0):  # A server on a Unix socket has no port.
        with suppress(OSError), socket.create_connection((host, server["port"]), timeout=1):
            return
        time.sleep(POLL_S)


def _print_address(
    server: Mapping[str, Any], port: int, root: Path, editions: Sequence[Path], print_line: PrintLine
) -> None:
    if server["port"] != port:
        print_line(f"Port {port} is taken, so JupyterLab listens on port {server['port']}.")
    token = f"?token={server['token']}" if server.get("token") else ""
    print_line("JupyterLab is running. Control-C in this terminal ends it.")
    for folder in editions:
        what = "Your own edition, to write in" if folder.name == LEARNER else "The course"
        print_line(f"\n  {what}:\n  {server['url'].rstrip('/')}{first_page(folder, root)}{token}")
    print_line("")
