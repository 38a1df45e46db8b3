"""The verdict on a chaos run, for runs that are made up: everything that can be wrong is found."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.cluster.chaos.report import ChaosReport
from raft_steps.lab.cluster.chaos.verdict import ChaosRun, judge
from raft_steps.lab.trace.merge_stream import MergedEvents
from raft_steps.lab.verify.linearizability import Operation

LOG = ["set x 1", "set x 2"]


def judged(
    folder: Path,
    operations: list[Operation],
    last_reads: list[Operation],
    *,
    log: list[str] = LOG,
    more: list[dict[str, Any]] | None = None,
    reads_count: bool = False,
    problem: str = "",
) -> ChaosReport:
    """Return the verdict on a run of one server that has this log, with these operations of clients."""
    header = {
        "version": 1,
        "title": "step 12",
        "servers": ["tom"],
        "scenario": "",
        "end": 0,
        "server": "tom",
        "life": 1,
        "boot": "b",
    }
    entries = [{"index": index, "term": 1, "command": text} for index, text in enumerate(log, 1)]
    rows = [header, {"time": 5, "kind": "started", "server": "tom", "life": 1, "log": entries}, *(more or [])]
    file = folder / "tom.trace"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    run = ChaosRun(
        title="step 12", servers=("tom",), clients=1, seed=0, start_us=0, end_us=10_000_000, faults=Counter(),
        operations=operations, last_reads=last_reads, leader="tom", problem=problem,
    )  # fmt: skip
    return judge(run, MergedEvents([file]), folder, reads_count=reads_count)


def operation(
    text: str, called_s: float, returned_s: float | None = None, answer: str | None = None, client: str = "a"
) -> Operation:
    """Return an operation of a client."""
    return Operation.parse(text, client, called_s, returned_s, answer)


WRITES = [operation("set x 1", 1, 2), operation("set x 2", 4, 5)]


def last_read(answer: str | None) -> Operation:
    """Return the read of x after everything was mended."""
    return operation("get x", 20, 21, answer, "the last client")


def test_right_run_passes(tmp_path: Path) -> None:
    """Every write is in the log, and the last read finds the last write; the longest gap is that at the end."""
    report = judged(tmp_path, WRITES, [last_read("2")])
    assert report.verdict == "ok"
    assert report.longest_gap_s == 5
    assert (report.acknowledged, report.outcomes["ok"], report.events) == (2, 2, 1)
    assert "Passed." in str(report)


@pytest.mark.parametrize(
    "log, read, sentence",
    [
        (["set x 1"], "2", "Lost although acknowledged: set x 2, by a"),
        (LOG, "1", "get x → 1"),
        (LOG, None, "get x → nothing"),
        (LOG, "7", "get x → 7"),
    ],
)
def test_lost_write_is_found(tmp_path: Path, log: list[str], read: str | None, sentence: str) -> None:
    """A write that is missing in the log, or in what a client reads at the end, fails the run."""
    report = judged(tmp_path, WRITES, [last_read(read)], log=log)
    assert report.verdict == "failed"
    assert sentence in str(report)


def test_write_without_an_answer_may_be_there_or_not(tmp_path: Path) -> None:
    """Its outcome stays open: both last reads are right, and it may be missing in the log."""
    operations = [WRITES[0], operation("set x 2", 4)]
    for read, log in (("1", LOG[:1]), ("2", LOG)):
        assert judged(tmp_path, operations, [last_read(read)], log=log).verdict == "ok"


def test_old_read_counts_if_the_step_promises_it(tmp_path: Path) -> None:
    """A read of an old value during the run is noted; from step 14 on it fails the run."""
    operations = [*WRITES, operation("get x", 6, 7, "1", "b")]
    report = judged(tmp_path, operations, [last_read("2")])
    assert report.verdict == "ok"
    assert "This does not count" in str(report)
    assert judged(tmp_path, operations, [last_read("2")], reads_count=True).verdict == "failed"


def test_what_was_not_decided_is_not_a_verdict(tmp_path: Path) -> None:
    """A run that ended early, or in which nothing was acknowledged although the cluster serves, decides nothing."""
    assert judged(tmp_path, WRITES, [], problem="tom does not answer").verdict == "unknown"
    assert judged(tmp_path, [operation("set x 1", 1)], [last_read("1")]).verdict == "unknown"


def test_cluster_that_does_not_serve_again_fails(tmp_path: Path) -> None:
    """After everything is mended, a cluster has to answer."""
    report = judged(tmp_path, WRITES, [])
    assert report.verdict == "failed"
    assert "did not serve again" in str(report)


def test_failed_node_fails_the_run(tmp_path: Path) -> None:
    """A Node that raised is to blame, although the run ended early because of it."""
    more = [{"time": 9, "kind": "failed", "server": "tom", "error": "tom raised in on_start\nline 3"}]
    report = judged(tmp_path, WRITES, [], more=more, problem="tom has ended")
    assert report.verdict == "failed"
    assert "a Node failed: tom raised in on_start" in str(report)


def test_deletions_are_written_for_other_checkers(tmp_path: Path) -> None:
    """Knossos and Porcupine know no deletion; failed operations are left out."""
    operations = [*WRITES, operation("delete x", 6, 7), Operation.parse("set x 9", "a", 8, 9, outcome="failed")]
    report = judged(tmp_path, operations, [last_read(None)], log=[*LOG, "delete x"])
    assert report.verdict == "ok", str(report)
    knossos = (tmp_path / "history.edn").read_text(encoding="utf-8")
    assert ':f :write, :key "x", :value nil' in knossos
    assert "9" not in knossos.split(":time")[0]
    assert ':f :put, :key "x", :value ""' in (tmp_path / "history.porcupine.txt").read_text(encoding="utf-8")
