"""What the graded cells of an nbgrader assignment call: a check that gives points, and runs with private seeds.

nbgrader takes the number that such a cell shows as its points. A student's cell and the check share one process, so
whoever wants to cheat can; marks that must hold against that come from `raft-steps grade`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from raft_steps.lab.checks import Report, check
from raft_steps.lab.errors import LabError
from raft_steps.lab.grading.baseline import passed_without_work

# Names the file with the secret that the seeds are made of; the course's nbgrader_config.py sets it.
SEEDS = "RAFT_STEPS_PRIVATE_SEEDS"
RUNS = 20
MODULE = re.compile(r"raft_steps\.step_(\d\d)_\w+")
PROFILE = "hostile"
SERVERS, SECONDS = 5, 15.0


class GradingError(LabError):
    """A graded cell cannot be graded as it is; the message says what to do."""


def points_for(node_class: type, step: int, points: float) -> float:
    """Check a Node, show what came of it, and give points for the share of the checks that it passes.

    A Node that does nothing of its step has no points, though it may pass a check as the step before does.

    Args:
        node_class: The student's Node.
        step: The step whose checks it is held against.
        points: The points for all of them.

    Returns:
        The points, from 0 to `points`.

    Raises:
        ChecksFailed: A check fails, and nbgrader's Validate runs this, which shows nothing but errors.
        GradingError: The Node is not the student's own.
        NodeError: What was given is no Node class.
    """
    report = check(node_class, step)
    _require_own(node_class, step)
    print(report)
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        report.require()  # nbgrader's Validate shows errors alone, and not what a cell prints.
    return _worth(points, node_class, report)


def private_runs(node_class: type, step: int, points: float) -> float:
    """Try a Node with the course's private seeds, and give points if it keeps the promises of its step in all runs.

    A Node that passes some of the checks only has that share of the points: to do nothing breaks no promise. Nothing is said about the seeds. Where there are none, as at a student's, nothing is tried.

    Args:
        node_class: The student's Node.
        step: The step whose promises it is held against.
        points: The points if all are kept.

    Returns:
        The points, from 0 to `points`.

    Raises:
        GradingError: There are no seeds, though this is the grading; or the Node is not the student's own.
    """
    from raft_steps.lab.grading.trials import private_seeds
    from raft_steps.lab.verify.fuzzer import sweep
    from raft_steps.lab.verify.properties.rules import kept_by

    file = os.environ.get(SEEDS)
    if file is None:
        if os.environ.get("NBGRADER_EXECUTION") == "autograde":
            raise GradingError(
                f"{SEEDS} does not say where the private seeds are; start nbgrader in the course's folder"
            )
        print("This is graded after you have handed in.")
        return points
    _require_own(node_class, step)
    seeds = private_seeds(Path(file).read_text(encoding="utf-8").strip(), RUNS)
    settings = {"servers": SERVERS, "seconds": SECONDS, "rules": kept_by(step), "smallest": False}
    report = sweep(node_class, PROFILE, seeds, **settings)  # type: ignore[arg-type]
    broken = sorted({trial.broken for trial in report.failed})
    print(f"{len(seeds) - len(report.failed)} of {len(seeds)} private runs keep what step {step} promises.")
    if broken:
        print(
            f"What breaks in the others: {', '.join(broken)}. Try raft-steps sweep, or sweep(Node), to find a run like them."
        )
    return 0.0 if broken else _worth(points, node_class, check(node_class, step))


def _worth(points: float, node_class: type, report: Report) -> float:
    """Give what a report is worth: the share of the checks, if one of them passes that does not pass by itself."""
    passed = {result.name for result in report.results if result.passed}
    if report.passed:
        return float(points)
    return (
        round(points * len(passed) / len(report.results), 2)
        if passed - passed_without_work(report.step, node_class)
        else 0.0
    )


def _require_own(node_class: type, step: int) -> None:
    """Refuse a Node that the course has written: it builds on the step at hand, or on a later one."""
    for each in node_class.__mro__:
        found = MODULE.fullmatch(each.__module__)
        if found and int(found[1]) >= step:
            raise GradingError(
                f"your Node builds on step {int(found[1])}, which is what there is to write; build on step {step - 1}"
            )
