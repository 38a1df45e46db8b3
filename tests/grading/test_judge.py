"""What reaches a student's page: a verdict's remarks, and that there is none if the worker was killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.checks import check
from raft_steps.lab.grading.judge import Terms, judge
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.student_page import student_page
from raft_steps.lab.grading.trials import PrivateSweep, TrialResults, new_checks
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.grading.worker_process import WorkerProcess
from tests.checks.test_step_04 import ByThePaper
from tests.grading.submissions import step_06
from tests.grading.walls import innermost, usable_wall


@pytest.mark.parametrize("requests", [0, 1, 30], ids=["as-it-loads", "at-the-first-event", "in-the-middle"])
def test_worker_that_is_killed_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, requests: int) -> None:
    """Whenever the machine ends the worker, the page shows no score, and that an instructor has to look at it."""
    ask, asked = WorkerProcess.request, 0

    def request(process: WorkerProcess, data: dict[str, Any], draw: Any = None) -> dict[str, Any]:
        nonlocal asked
        if asked == requests:
            os.kill(innermost(process._process.pid), signal.SIGKILL)
        asked += 1
        return ask(process, data, draw)

    monkeypatch.setattr(WorkerProcess, "request", request)
    (tmp_path / "ann.py").write_text(step_06.RIGHT, encoding="utf-8")
    copy_package(tmp_path / "package", 6)
    terms = Terms(step=6, package=tmp_path / "package", wall=usable_wall(), seeds=[1])
    verdict, results = judge(tmp_path / "ann.py", terms)
    page = student_page("ann", "ann.py", verdict, results)

    assert not verdict.is_judged
    assert verdict.sentence.startswith(
        "Could not be judged: the submission lost its process, which was ended by SIGKILL"
    )
    assert "No score." in page
    assert "Could not be judged" in page
    assert "of 100" not in page


def test_page_states_that_a_node_is_ahead() -> None:
    """What the report of the checks remarks is on the student's page, too."""
    results = TrialResults(check(ByThePaper, 4), new_checks(4))
    page = student_page("ann", "ann.py", Verdict.from_results(results, 4, []), results)

    assert "You are ahead of the course: " in page


def test_page_states_what_could_not_be_judged() -> None:
    """Private seeds that could not be judged are neither survived nor failed, and a remark has the reason."""
    results = TrialResults(check(ByThePaper, 4), new_checks(4))
    results.sweep = PrivateSweep(tried=6, survived=5, unjudged=["the reads took too long"])
    verdict = Verdict.from_results(results, 4, [])

    assert ((5, 5), 10.0) == (verdict.seeds, verdict.sweep)
    assert "Could not be judged: 1 private seed. For one, the reads took too long." in student_page(
        "ann", "ann.py", verdict, results
    )
