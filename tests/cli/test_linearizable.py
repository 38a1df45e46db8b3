"""The command `raft-steps linearizable`: its exit statuses, its output and its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raft_steps.lab import Cluster
from raft_steps.lab.cli.command import main
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.verify.linearizability import History, Operation, format_history
from tests.pictures.picture_tools import texts

DATA = Path(__file__).parents[1] / "verify" / "linearizability" / "data"


def call(*arguments: str, text: str | None = None) -> Result:
    """Call the command; an exception that is not an exit is a bug, and raised."""
    result = CliRunner().invoke(main, ["linearizable", *arguments], input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def hard_history() -> str:
    """Return a history that takes long to decide: open appends, and two reads that disagree on their order."""
    writes = [Operation.parse(f"append x {n}", f"W{n}", 0, 10) for n in range(10)]
    reads = [Operation.parse("get x", "A", 11, 12, "0123456789"), Operation.parse("get x", "B", 11, 12, "9876543210")]
    return format_history(History((*writes, *reads)), "porcupine")


@pytest.mark.parametrize(
    "name, model, status",
    [
        ("register_ok.log", "register", 0),
        ("register_bad.log", "register", 1),
        ("kv_ok.txt", "kv", 0),
        ("kv_bad.txt", "kv", 1),
        ("knossos_ok.edn", "register", 0),
        ("knossos_bad.edn", "kv", 1),
    ],
)
def test_exit_status_is_the_verdict(name: str, model: str, status: int) -> None:
    """The status is 0 for a linearizable history and 1 for one that is not, and the report begins accordingly."""
    result = call(str(DATA / name), "--model", model)

    assert (status, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith(("linearizable", "not linearizable")[status])


def test_reaching_the_time_limit_is_unknown() -> None:
    """A history that is not decided in time is neither ok nor violated: the status is 2."""
    result = call("-", "--time-limit", "0.000001", text=hard_history())
    data = json.loads(call("-", "--time-limit", "0.000001", "--json", text=hard_history()).stdout)

    assert (2, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("unknown: the limit of 1e-06 s was reached after")
    assert ("unknown", ["x"]) == (data["verdict"], data["undecided"])


def test_json_is_one_object() -> None:
    """With --json, standard output is an object with the verdict, the part and the report."""
    result = call(str(DATA / "register_bad.log"), "--model", "register", "--json")
    data = json.loads(result.stdout)

    assert (1, "violated", "register", 6) == (result.exit_code, data["verdict"], data["model"], data["operations"])
    assert data["report"].splitlines()[-1].endswith("and get → 3 by process 6 could not come next")


def test_saved_trace_is_checked_and_drawn(tmp_path: Path) -> None:
    """A trace that `run --trace` saved is a history, and its picture shows the servers too."""
    cluster = Cluster(8, leader="tom")
    cluster.set("x", 1)
    cluster.get("x")
    trace, svg = tmp_path / "run.jsonl", tmp_path / "run.svg"
    trace.write_text(cluster.trace.to_text(), encoding="utf-8")
    result = call(str(trace), "--svg", str(svg))

    assert 0 == result.exit_code
    assert {"tom", "#1: set x 1", "#2: get x → 1"} <= set(texts(Picture(svg.read_text(encoding="utf-8"), "", "")))


@pytest.mark.parametrize(
    "text, model, complaint",
    [
        ("", "kv", "Error: there is no history: the text is empty"),
        ("{:process 0 :type :ok :f :read}", "kv", "Error: line 1: ok for process 0, which has no open operation"),
        (
            '{:process 0 :type :invoke :f :append :key "k" :value "a"}',
            "register",
            "Error: append k a by process 0: a register",
        ),
    ],
)
def test_bad_history_is_a_sentence_and_a_status(text: str, model: str, complaint: str) -> None:
    """A text that is not a history, or not one of the model, is refused in a sentence, with exit status 2."""
    result = call("-", "--model", model, text=text)

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(complaint)
    assert 1 == len(result.stderr.splitlines())


def test_bytes_and_missing_files_are_refused(tmp_path: Path) -> None:
    """The error for a file that is missing, or not text, has its name."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff")

    assert (2, True) == (
        call(str(path)).exit_code,
        "is not a text file, so it does not hold a history" in call(str(path)).stderr,
    )
    assert (2, True) == (call("nowhere.edn").exit_code, "nowhere.edn" in call("nowhere.edn").stderr)
