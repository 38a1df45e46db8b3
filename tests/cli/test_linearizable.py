"""The command `raft-steps linearizable`: its exit status, what it prints, and what it says when something is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raft_steps.lab import Cluster
from raft_steps.lab.cli.main import main
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.verify.linearizability import History, Operation, format_history
from tests.pictures.picture_tools import texts

DATA = Path(__file__).parents[1] / "verify" / "linearizability" / "data"


def call(*arguments: str, text: str | None = None) -> Result:
    """Call the command; whatever it raises, other than an exit, is a mistake of its own."""
    result = CliRunner().invoke(main, ["linearizable", *arguments], input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def hard_history() -> str:
    """Give a history that takes long to decide: open appends, and two reads that disagree on their order."""
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
    """0 is for a history that is linearizable, 1 for one that is not, and the report says which."""
    result = call(str(DATA / name), "--model", model)

    assert (status, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith(("linearizable", "not linearizable")[status])


def test_time_limit_is_unknown_and_not_ok() -> None:
    """What is not decided in time has the exit status 2 and says so; it is neither ok nor violated."""
    result = call("-", "--time-limit", "0.000001", text=hard_history())
    data = json.loads(call("-", "--time-limit", "0.000001", "--json", text=hard_history()).stdout)

    assert (2, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("unknown: the limit was reached after")
    assert ("unknown", ["x"]) == (data["verdict"], data["undecided"])


def test_json_is_one_object() -> None:
    """With --json, standard output holds one object with the verdict, the part and the report."""
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
    """What is no history, or none for the model, is refused with one sentence and the exit status 2."""
    result = call("-", "--model", model, text=text)

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(complaint)
    assert 1 == len(result.stderr.splitlines())


def test_bytes_and_missing_files_are_refused(tmp_path: Path) -> None:
    """A file that is no text, or not there, is named."""
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff")

    assert (2, True) == (call(str(path)).exit_code, "is no text, so it is no history" in call(str(path)).stderr)
    assert (2, True) == (call("nowhere.edn").exit_code, "nowhere.edn" in call("nowhere.edn").stderr)
