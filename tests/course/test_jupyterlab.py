"""`raft-steps lab` starts on every machine, prints what to open, and keeps a learner's own edition."""

import contextlib
import importlib.util
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import raft_steps
from raft_steps.lab.cli.command import main
from raft_steps.lab.course import jupyterlab
from raft_steps.lab.course.course_folder import CourseFolder, NoCourseError, find_course
from raft_steps.lab.course.jupyterlab import LaunchError, first_page, has_browser
from raft_steps.lab.course.learner_edition import release
from raft_steps.lab.course.notebooks import format_notebook

START_SECONDS_MAX = 60
# Extensions that may be installed with JupyterLab, and take as long to start as all the rest.
OTHERS = ("jupyter_lsp", "jupyter_server_terminals", "notebook", "notebook_shim")
EDITION = ("--edition", "learner")
Start = Callable[..., "Started"]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make a course of two small notebooks, in a folder with a space in its name."""
    root = tmp_path / "the course"
    (root / "notebooks").mkdir(parents=True)
    for name in ("00_start_here", "01_first"):
        grading = {
            "schema_version": 3,
            "grade": False,
            "solution": True,
            "locked": False,
            "task": False,
            "grade_id": "x",
        }
        turn = new_code_cell("### BEGIN SOLUTION\n1\n### END SOLUTION", metadata={"nbgrader": grading}, id="turn")
        notebook = new_notebook(cells=[new_markdown_cell("# Title", id="title"), turn])
        (root / "notebooks" / f"{name}.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    return root


class Started:
    """A running `raft-steps lab`, and its output."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Start to read its output."""
        self.process, self.lines, self.said = process, queue.Queue[str](), ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        """Put every line into the queue that `addresses` waits for."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def end(self) -> None:
        """End it, and the thread that reads its output."""
        self.process.terminate()
        self.process.wait(START_SECONDS_MAX)
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def urls(self, count: int) -> list[str]:
        """Wait until it has printed this many addresses."""
        while len(found := re.findall(r"http://\S+", self.said)) < count:
            line = self.lines.get(timeout=START_SECONDS_MAX)
            assert line, f"it ended too soon: {self.said}"
            self.said += line
        return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts `raft-steps lab` with its own home and runtime folder; all of them are ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "BROWSER"))}
    environment |= {"HOME": str(tmp_path / "home"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    environment["JUPYTER_CONFIG_DIR"] = str(tmp_path / "home" / "settings")
    (tmp_path / "home" / "settings").mkdir(parents=True)
    without = {"ServerApp": {"jpserver_extensions": dict.fromkeys(OTHERS, False)}}
    (tmp_path / "home" / "settings" / "jupyter_server_config.json").write_text(json.dumps(without), encoding="utf-8")
    with contextlib.ExitStack() as stack:

        def run(folder: Path, *options: str) -> Started:
            command = [sys.executable, "-m", "raft_steps", "lab", *options]
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            started = Started(process)
            stack.callback(started.end)
            return started

        yield run


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Occupy a port during the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def ask(url: str, path: str) -> Any:
    """Send a request to an address, with its token; return the answer."""
    base, _, token = url.partition("?")
    request = urllib.request.Request(f"{base.partition('/lab')[0]}/api/{path}")  # noqa: S310  # it is our own
    request.add_header("Authorization", f"token {token.removeprefix('token=')}")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # it is our own
        return json.load(answer)


@pytest.mark.slow
def test_lab_starts_though_the_port_is_taken(course: Path, start: Start, taken_port: int) -> None:
    """It starts without a browser, as any user, and with its port taken; the addresses that it prints can be opened."""
    started = start(course, "--no-browser", "--port", str(taken_port))
    ours, own = started.urls(2)

    assert f"Port {taken_port} is taken, so JupyterLab listens on port" in started.said
    assert jupyterlab.is_root() == ("--allow-root" in started.said)
    assert "/lab/tree/notebooks/00_start_here.ipynb?token=" in ours
    assert "/lab/tree/my_course/00_start_here.ipynb?token=" in own
    assert 0 == ask(ours, "status")["kernels"]
    assert {"notebooks", "my_course"} <= {entry["name"] for entry in ask(ours, "contents/")["content"]}
    with urllib.request.urlopen(ours, timeout=10) as page:  # noqa: S310  # it is our own
        assert b"apputils-extension:announcements" in page.read(), "JupyterLab would ask the reader about news"


def test_address_is_printed_when_it_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is registered but does not listen yet is waited for, up to a limit."""
    looks: list[float] = []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def look_again(seconds: float) -> None:
            looks.append(seconds)
            if len(looks) == 3:
                server.listen()

        monkeypatch.setattr(time, "sleep", look_again)
        jupyterlab._wait_until_open({"url": f"http://127.0.0.1:{port}/", "port": port})
        assert 3 == len(looks)

    jupyterlab._wait_until_open({"url": "http://127.0.0.1:1/", "port": 1})
    assert 3 + jupyterlab.PORT_POLLS == len(looks)


@pytest.mark.slow
def test_lab_opens_a_student_edition_and_ends_with_whoever_started_it(
    course: Path, start: Start, tmp_path: Path
) -> None:
    """In a handout, it opens only that folder, and makes no further edition.

    When the command is ended, JupyterLab is too, and its port is free again.
    """
    release(course / "notebooks", tmp_path / "handed out", [1])
    started = start(tmp_path / "handed out", "--no-browser")
    (url,) = started.urls(1)

    assert "/lab/tree/00_start_here.ipynb?token=" in url
    assert not list(tmp_path.glob("**/my_course"))
    assert 0 == ask(url, "status")["kernels"]
    started.process.send_signal(signal.SIGTERM)
    assert 0 == started.process.wait(START_SECONDS_MAX)
    with pytest.raises(urllib.error.URLError):
        ask(url, "status")


def test_learners_edition_is_opened_first_where_asked_for(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --edition learner the first address, which a browser opens, is that of the learner's own edition."""
    commands: list[list[str]] = []

    @contextlib.contextmanager
    def running(command: list[str], _token: str) -> Iterator[Any]:
        commands.append(command)
        yield SimpleNamespace(wait=lambda: 0)

    monkeypatch.chdir(course)
    monkeypatch.setattr(jupyterlab, "_running", running)
    monkeypatch.setattr(jupyterlab, "_wait_for", lambda *_given: {"url": "http://localhost:1/", "port": 1})
    learner, whole = (CliRunner().invoke(main, ["lab", "--no-browser", *given]) for given in (EDITION, ()))
    own, ours = re.findall(r"http://\S+", learner.output)

    assert (0, 0) == (learner.exit_code, whole.exit_code), learner.output
    assert "my_course" in own
    assert "/lab/tree/notebooks/" in ours
    assert [ours, own] == re.findall(r"http://\S+", whole.output)
    opened = [next(each for each in command if each.startswith("--LabApp.default_url=")) for command in commands]
    assert ["my_course", "notebooks"] == [Path(each).parent.name for each in opened]


def test_other_server_with_the_same_token_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """If JUPYTER_TOKEN is set, all servers have its token; the one that was started is the one that is new."""
    other, ours = ({"pid": pid, "token": "t", "port": port} for pid, port in ((11, 9011), (13, 9012)))
    process: Any = SimpleNamespace(pid=12, poll=lambda: None)  # only the launcher of the server
    monkeypatch.setattr(jupyterlab, "_running_servers", lambda: [other, ours])
    monkeypatch.setattr(jupyterlab, "_wait_until_open", lambda _server: None)

    assert ours == jupyterlab._wait_for(process, "t", [other])


@pytest.mark.slow
def test_jupyter_that_does_not_start_is_reported(course: Path, start: Start) -> None:
    """If JupyterLab refuses its options, its own message is printed, and the command reports it in one sentence."""
    started = start(course, "--no-browser", "--", "--ServerApp.port=none")
    answer = started.process.wait(START_SECONDS_MAX)
    said = "".join(iter(lambda: started.lines.get(timeout=5), ""))

    assert 2 == answer
    assert "Error: JupyterLab ended before it was ready; what it printed above says why" in said
    assert "Traceback" not in said.partition("Error: JupyterLab ended")[2]


def test_command_suits_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root gets --allow-root, a machine without a browser --no-browser, and further options are passed on."""

    def command(*, root: bool, browser: bool) -> list[str]:
        monkeypatch.setattr(jupyterlab, "is_root", lambda: root)
        return jupyterlab._command(tmp_path, "/lab", 8888, browser=browser, options=("--collaborative",))

    assert {"--allow-root", "--no-browser"} <= set(command(root=True, browser=False))
    assert not {"--allow-root", "--no-browser"} & set(command(root=False, browser=True))
    assert {"--collaborative", f"--ServerApp.root_dir={tmp_path}"} <= set(command(root=False, browser=True))


@pytest.mark.parametrize(
    "environment, platform, expected",
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "darwin", True),
        ({}, "win32", True),
    ],
)
def test_browser_is_opened_where_there_is_one(environment: dict[str, str], platform: str, *, expected: bool) -> None:
    """On Linux a browser needs a display or the variable BROWSER; on other systems there is one."""
    assert expected == has_browser(environment, platform)


# Finding the course.


def test_course_is_found(course: Path, tmp_path: Path) -> None:
    """The course is found from its folder and from its notebooks folder; a release is found as such."""
    out = tmp_path / "handed out" / "notebooks"
    release(course / "notebooks", out)
    whole = CourseFolder(course.resolve(), (course / "notebooks").resolve())

    assert whole == find_course(course)
    assert whole == find_course(course / "notebooks")
    assert whole.is_full
    assert CourseFolder(out.resolve(), out.resolve()) == find_course(out)
    assert not find_course(out).is_full


def test_course_is_looked_for_here_and_beside_the_package(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default the current folder is searched, and then the one that contains the package."""
    monkeypatch.setattr(raft_steps, "__file__", str(course / "raft_steps" / "__init__.py"))
    monkeypatch.chdir(tmp_path)

    assert course.resolve() == find_course().root


def test_missing_course_is_reported(tmp_path: Path) -> None:
    """For a folder without the course's notebooks, the error says what to do."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "recipes.ipynb").write_text("{}", encoding="utf-8")

    with pytest.raises(NoCourseError, match=r"there is no course in .*; start this in the course's folder"):
        find_course(tmp_path)


def test_missing_jupyterlab_is_reported(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If JupyterLab is not installed, the error says how to install it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(LaunchError, match="pip install jupyterlab"):
        jupyterlab.launch(find_course(course))


# The learner's own edition.


def editions(course: Path) -> tuple[list[str], list[str]]:
    """Prepare the editions of a course; return the folders' names and the printed lines."""
    said: list[str] = []
    folders = jupyterlab._editions(find_course(course), said.append)
    return [folder.name for folder in folders], said


def test_own_edition_is_made_once_and_kept(course: Path) -> None:
    """The first start makes it; later ones print nothing, and never change an edited file."""
    own = course / "my_course" / "01_first.ipynb"

    assert (
        ["notebooks", "my_course"],
        ["my_course/ is new: the course without its solutions, for you to write in."],
    ) == (editions(course))
    assert "SOLUTION" not in own.read_text(encoding="utf-8")
    own.write_text("my work", encoding="utf-8")
    assert (["notebooks", "my_course"], []) == editions(course)
    assert "my work" == own.read_text(encoding="utf-8")


def test_news_of_the_course_is_reported(course: Path) -> None:
    """When the course changes, unedited files are updated, and the others are reported."""
    editions(course)
    (course / "my_course" / "01_first.ipynb").write_text("my work", encoding="utf-8")
    for path in (course / "notebooks").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace("# Title", "# A new title"), encoding="utf-8")
    _, said = editions(course)

    assert "my_course/ was brought up to date with the course: 00_start_here.ipynb, README.md." == said[0]
    assert said[1].startswith("The course has changed since you began 01_first.ipynb. Your version stays;")


def test_own_edition_stays_out_of_the_repository(course: Path) -> None:
    """The learner's folder is ignored by git until its .gitignore is removed."""
    editions(course)
    ignore = course / "my_course" / ".gitignore"
    assert "*\n" == ignore.read_text(encoding="utf-8")
    ignore.unlink()
    editions(course)

    assert not ignore.exists()


def test_course_opens_without_an_own_edition(course: Path) -> None:
    """If the learner's folder cannot be made, that is reported, and the course is opened all the same."""
    (course / "my_course").write_text("a file", encoding="utf-8")
    folders, said = editions(course)

    assert ["notebooks"] == folders
    assert "Your own edition cannot be kept" in said[0]


def test_page_of_a_folder_without_notebooks_is_the_folder(tmp_path: Path) -> None:
    """If there is no first notebook to open, the folder is shown."""
    (tmp_path / "empty").mkdir()

    assert ("/lab/tree/empty", "/lab/tree") == (
        first_page(tmp_path / "empty", tmp_path),
        first_page(tmp_path, tmp_path),
    )
