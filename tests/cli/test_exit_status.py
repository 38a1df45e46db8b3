"""The exit status of every command under every condition: 0 and 1 are verdicts, 2 is none, 130 is Control-C."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab import files
from raft_steps.lab.cli import exit_status
from raft_steps.lab.cli.command import main
from raft_steps.lab.trace import merge_stream

RUNNER = [sys.executable, "-m", "raft_steps"]
# A cheap call of each command, the files that it reads, and the status that it has if nothing is in its way.
CALLS: dict[str, tuple[Sequence[str], int]] = {
    "lab": (["lab", "--folder", "empty"], 2),
    "progress": (["progress"], 0),
    "steps": (["steps"], 0),
    "start": (["start", "6"], 0),
    "cheat-sheet": (["cheat-sheet", "6"], 0),
    "mistakes": (["mistakes", "6"], 0),
    "show": (["show", "6"], 0),
    "diff": (["diff", "5", "6"], 0),
    "run": (["run", "8", "--seconds", "20", "--scenario", "at 12 set name Größe→"], 0),
    "replay": (["replay", "scenario.txt"], 0),
    "check": (["check", "1", "--node", "wrong.py"], 1),
    "watch": (["watch", "nothing.py"], 2),
    "ten-steps": (["ten-steps", "4", "--seeds", "1", "--first-seed", "1"], 1),
    "cluster": (["cluster", "12", "--servers", "0"], 2),
    "serve": (["serve", "12", "--name", "nobody", "--cluster", "tom=127.0.0.1:7001"], 2),
    "client": (["client", "--cluster", "nothing", "get", "x"], 2),
    "log": (["log", "empty"], 2),
    "draw": (["draw", "wrong.py"], 2),
    "chaos": (["chaos", "3"], 2),
    "sweep": (["sweep", "8", "--seeds", "1", "--seconds", "5"], 0),
    "search": (["search", "8", "--servers", "2", "--timeout", "election=1"], 0),
    "schedule": (["schedule", "two_leaders_of_four"], 0),
    "linearizable": (["linearizable", "history.edn"], 1),
    "course-map": (["course-map"], 0),
    "kept-rules": (["kept-rules"], 0),
    "catalogue": (["catalogue", "9", "--only", "InitialElection"], 0),
    "budgets": (["budgets", "12"], 0),
    "refresh": (["refresh", "wrong.ipynb", "--jobs", "1"], 1),
    "release": (["release", "out", "--folder", "."], 2),
    "grade": (["grade", "empty", "--step", "6"], 2),
    "site": (["site", "out", "--sphinx", "no-such-program"], 2),
}
FILES = {
    "scenario.txt": "raft-steps 1; step 8; servers tom jerry spike; seed 1; at 12 set name Größe→; until 20",
    "wrong.ipynb": "not a notebook",
    "01_key_value_store.ipynb": "not a notebook",
    "wrong.py": "from raft_steps import node\n\n\nclass Node(node(1)):\n    def apply(self, entry):\n        pass\n",
    "history.edn": """{:process 0 :type :invoke :f :write :value 1}
{:process 0 :type :ok :f :write :value 1}
{:process 0 :type :invoke :f :read :value nil}
{:process 0 :type :ok :f :read :value 2}
""",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the files that the commands read."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Raising(io.StringIO):
    """A stream whose every write fails."""

    encoding = "utf-8"

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, _text: str) -> int:
        """Fail."""
        raise self.error


def ended(monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], output: Any) -> tuple[int, str]:
    """Run a command in this process, with this standard output; return its exit status and what it says on standard error."""
    errors = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", errors)
        with pytest.raises(SystemExit) as end:
            main.main(list(arguments))
    return int(str(end.value.code)), errors.getvalue()


def test_every_command_is_here() -> None:
    """A new command is tried under every condition, too."""
    assert set(main.commands) == set(CALLS)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("name", CALLS)
def test_encoding_changes_no_status(monkeypatch: pytest.MonkeyPatch, name: str, encoding: str) -> None:
    """Whatever signs the terminal has, a command ends with the same status, and all that it prints is in its encoding."""
    arguments, status = CALLS[name]
    raw = io.BytesIO()

    assert status == ended(monkeypatch, arguments, io.TextIOWrapper(raw, encoding=encoding))[0]
    raw.getvalue().decode(encoding)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, status) in CALLS.items() if status != 2 and name != "refresh"])
@pytest.mark.parametrize(
    "error, words",
    [
        (BrokenPipeError(32, "Broken pipe"), ""),
        (OSError(28, "No space left on device"), "Error: standard output cannot be written: No space left on device\n"),
    ],
    ids=["broken-pipe", "full-disk"],
)
def test_lost_output_is_no_verdict(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError, words: str) -> None:
    """A command whose output is lost ends with 2, quietly if only its reader is gone."""
    assert (2, words) == ended(monkeypatch, CALLS[name][0], Raising(error))


@pytest.mark.parametrize("name", CALLS)
def test_closed_output_is_no_verdict(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without standard output a command does not even begin."""
    assert (2, "Error: standard output is closed\n") == ended(monkeypatch, CALLS[name][0], None)


class OwnError(BaseException):
    """An exception that nobody expects."""


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "error, status, words",
    [
        (MemoryError(), 2, "Error: there was not enough memory to finish, so there is no verdict"),
        (RecursionError("deep"), 2, "Error: something is nested too deeply to be judged"),
        (
            ZeroDivisionError("no"),
            2,
            "Error: the laboratory itself failed, so there is no verdict: ZeroDivisionError: no (",
        ),
        (OwnError("no"), 2, "Error: the laboratory itself failed, so there is no verdict: OwnError: no ("),
        (SystemExit(0), 2, "Error: something ended the command before it was done (SystemExit: 0)"),
        (SystemExit(1), 2, "Error: something ended the command before it was done (SystemExit: 1)"),
        (OSError(28, "No space left on device"), 2, "Error: a file: No space left on device"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), 2, "Error: some text is not in the encoding"),
        (EOFError(), 2, "Error: the laboratory itself failed"),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_crash_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, status: int, words: str
) -> None:
    """Whatever is raised inside a command, it ends with 2 and a sentence, or with 130 after Control-C."""

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(main.commands[name], "invoke", fail)
    found, said = ended(monkeypatch, CALLS[name][0], io.StringIO())

    assert status == found
    assert said.strip().startswith(words)
    assert "Traceback" not in said


TOM = ["--cluster", "tom=127.0.0.1:7001"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no device without an end")
@pytest.mark.parametrize("name", ["replay", "schedule", "linearizable", "draw"])
def test_file_without_an_end_is_no_verdict(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A device that never ends is not read until the memory is full."""
    monkeypatch.setattr(files, "STREAM_MAX", 1000)
    monkeypatch.setattr(merge_stream, "LINE_MAX", 1000)
    status, said = ended(monkeypatch, [name, "/dev/zero"], io.StringIO())

    assert 2 == status
    assert "has no end within" in said or "it is too long" in said


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["run", "8"],
            ["replay", "scenario.txt"],
            ["check", "1"],
            ["ten-steps", "8"],
            ["sweep", "8"],
            ["search", "8"],
        ),
        *(["course-map"], ["catalogue"], ["budgets", "12"], ["cluster", "12"], ["serve", "12", "--name", "tom", *TOM]),
    ],
    ids=lambda arguments: arguments[0],
)
def test_empty_name_of_a_class_is_not_the_step_s_class(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """An empty name, as of a variable of the shell that is not set, is an error: a verdict would be about another Node."""
    status, said = ended(monkeypatch, [*arguments, "--node", ""], io.StringIO())

    assert 2 == status
    assert "your own class is FILE:CLASS" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["ten-steps", "4", "--seeds", "9" * 23],
        ["sweep", "8", "--seeds", "9" * 23],
        ["sweep", "8", "--servers", "9" * 23],
        ["search", "8", "--seconds", "nan"],
        ["search", "8", "--probes", "9" * 23],
        ["grade", "empty", "--step", "6", "--seeds", "9" * 23],
        ["linearizable", "history.edn", "--time-limit", "1e300"],
        ["chaos", "12", "--minutes", "1e300"],
        ["chaos", "12", "--minutes", "nan"],
        *(["client", *TOM, "--patience", value, "get", "x"] for value in ("nan", "inf", "-1", "0", "1e300")),
        *(["serve", "12", "--name", "tom", *TOM, "--patience", value] for value in ("nan", "inf", "-1", "0")),
        ["serve", "12", "--name", "tom", *TOM, "--parent-pipe", "-1"],
        ["serve", "12", "--name", "tom", *TOM, "--log", "-1 set x 1"],
        ["serve", "12", "--name", "tom", *TOM, "--log", "2 set x 1; 1 set x 2"],
    ],
    ids=" ".join,
)
def test_number_that_makes_no_sense_is_no_verdict(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """A number that nothing can be done with is wrong input, and not an error of the laboratory."""
    status, said = ended(monkeypatch, arguments, io.StringIO())

    assert 2 == status
    assert "Error: " in said
    assert "the laboratory itself failed" not in said


def test_servers_that_do_not_answer_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to show of a cluster that does not run."""
    arguments = ["client", "--cluster", "tom=127.0.0.1:1,jerry=127.0.0.1:2", "show"]

    expected = "Error: no server answers: tom at 127.0.0.1:1, jerry at 127.0.0.1:2\n"
    assert (2, expected) == ended(monkeypatch, arguments, io.StringIO())


def test_traceback_is_printed_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable shows the traceback of an error; the status stays 2."""
    monkeypatch.setenv(exit_status.TRACEBACK, "1")
    monkeypatch.setattr(main.commands["steps"], "callback", lambda **_: 1 / 0)
    status, said = ended(monkeypatch, ["steps"], io.StringIO())

    assert 2 == status
    assert said.startswith("Traceback (most recent call last):")
    assert "ZeroDivisionError: division by zero" in said


def test_missing_library_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command whose library cannot be imported ends with 2."""
    from raft_steps.lab import cli

    monkeypatch.setitem(sys.modules, "raft_steps.lab.cli.command", None)
    with pytest.raises(SystemExit) as end:
        cli.main()

    assert 2 == end.value.code


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `raft` is the command."""
    script = f'raft() {{ "{sys.executable}" -m raft_steps "$@"; }}; {line}'
    return subprocess.run(
        ["/bin/bash", "-c", script],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "line, status, said",
    [
        ("raft check 6 >/dev/full", 2, "Error: standard output cannot be written: No space left on device"),
        ("raft --version >/dev/full", 2, "Error: standard output cannot be written: No space left on device"),
        ("raft --help >&-", 2, "Error: standard output is closed"),
        ("raft check 6 >&- 2>&- <&-", 2, ""),
        ("raft steps 2>&-", 0, ""),
        ("raft steps 2>/dev/full <&-", 0, ""),
        ("raft check 99 2>/dev/full", 2, ""),
        ("raft replay - <&-", 2, "Error: standard input: it is closed"),
        ("raft schedule - <&-", 2, "Error: standard input: it is closed"),
        ("raft run 8 --seconds 5 --svg /dev/full", 2, "Error: /dev/full: No space left on device"),
        ("raft run 8 --seconds 5 --trace /dev/full", 2, "Error: /dev/full: No space left on device"),
        ("raft linearizable history.edn --svg /dev/full", 2, "Error: /dev/full: No space left on device"),
        ("set -o pipefail; raft run 8 --seconds 2000 --heartbeats | head -1", 2, ""),
        ("set -o pipefail; raft --help | true", 2, ""),
    ],
)
def test_broken_streams_of_a_process_are_no_verdict(line: str, status: int, said: str) -> None:
    """Closed and full streams, and files on a full disk, end a real process with 2 and one sentence, never a traceback."""
    result = shell(line)

    assert (status, said) == (result.returncode, result.stderr.strip())


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda each: "-".join(each.values()),
)
def test_locale_of_a_process_changes_no_status(environment: dict[str, str]) -> None:
    """A violated history has status 1, and a run with umlauts 0, whatever the locale is."""
    assert 1 == shell("raft linearizable history.edn", **environment).returncode
    result = shell("raft replay scenario.txt", **environment)

    assert (0, "") == (result.returncode, result.stderr)


@pytest.mark.slow
def test_file_that_cannot_grow_is_no_verdict(folder: Path) -> None:
    """A disk that fills up while a folder is written ends with 2, and leaves no draft behind."""

    def allow_little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    arguments = [*RUNNER, "grade", "wrong.py", "--step", "1", "--private-seeds", "a secret of words", "--workers", "1"]
    # With so little room, Python would leave compiled modules that are cut off, for all processes after this one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        arguments, capture_output=True, text=True, check=False, preexec_fn=allow_little, env=environment
    )

    assert 2 == result.returncode
    assert 1 == len(result.stderr.splitlines()), result.stderr
    assert [] == list(folder.rglob("*.draft"))


def waiting_workers(group: int) -> list[str]:
    """Return the processes of a group that still run."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args=", "-ww"], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in found.stdout.splitlines()]
    return [row[2] for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


def until(condition: Callable[[], bool], limit_s: float = 30.0) -> bool:
    """Wait until a condition of other processes holds."""
    end_s = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end_s:
        time.sleep(0.05)
    return condition()


def started_sweep() -> subprocess.Popen[str]:
    """Start a long sweep over two processes, and wait until they run."""
    process = subprocess.Popen(
        [*RUNNER, "sweep", "8", "--seeds", "5000", "--workers", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    assert until(lambda: len(waiting_workers(process.pid)) >= 4), "a tracker and two workers never ran"
    return process


@pytest.mark.slow
def test_control_c_ends_all_workers() -> None:
    """Control-C reaches the whole group of processes: one word, status 130, no traceback, and nothing stays behind."""
    process = started_sweep()
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=30)

    assert (130, "", "Interrupted.") == (process.returncode, printed, said.strip())
    assert until(lambda: not waiting_workers(process.pid))


@pytest.mark.slow
def test_killed_command_leaves_no_workers() -> None:
    """Workers end by themselves if the command is killed."""
    process = started_sweep()
    process.kill()
    process.communicate(timeout=30)

    assert until(lambda: not waiting_workers(process.pid))


@pytest.mark.slow
def test_killed_worker_is_no_verdict() -> None:
    """A worker that the machine kills, for one because memory runs out, ends the command with 2 and a sentence."""
    process = started_sweep()
    found = subprocess.run(["ps", "-eo", "pgid=,pid=,args=", "-ww"], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in found.stdout.splitlines()]
    worker = next(int(row[1]) for row in rows if row[0] == str(process.pid) and "spawn_main" in row[2])
    os.kill(worker, signal.SIGKILL)
    _, said = process.communicate(timeout=30)

    assert 2 == process.returncode
    assert said.startswith("Error: a process that shares the work ended before it was done")
