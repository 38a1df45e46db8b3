"""Chaos runs with real servers, which take real time: short ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps.lab import check_linearizable, read_history
from raft_steps.lab.cluster.chaos import run_chaos
from raft_steps.lab.errors import ScenarioError


@pytest.mark.slow
def test_step_12_passes(tmp_path: Path) -> None:
    """Ten seconds of faults break nothing in step 12; the histories that are written can be read again."""
    told: list[str] = []
    report = run_chaos(12, seconds=10, seed=0, folder=tmp_path / "data", tell=told.append)
    assert report.verdict == "ok", str(report)
    assert report.faults.total() == len(told) > 0
    assert report.acknowledged > 0
    assert report.elections > 0
    for name in ("history.edn", "history.porcupine.txt"):
        assert check_linearizable(read_history(tmp_path / "data" / name)).verdict in (
            "ok",
            report.reads and report.reads.verdict,
        )


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ({"step_or_node": 3}, "chaos begins with step 4"),
        ({"step_or_node": 12, "folder": Path(__file__).parent}, "is not empty"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object], reason: str) -> None:
    """Each is one sentence, before anything is started."""
    with pytest.raises(ScenarioError, match=reason):
        run_chaos(**arguments)  # type: ignore[arg-type]  # Only the parts that matter here.
