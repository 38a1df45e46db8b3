"""Functions for the graded cells of an nbgrader assignment: points for the checks, and for runs with private seeds.

nbgrader takes the number that such a cell shows as its points. The student's cells run in the same process as the
check, so they can cheat; marks that have to withstand that come from `raft-steps grade`.
"""

from __future__ import annotations

import os
import re

from raft_steps.lab.checks import CheckReport, check
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text
from raft_steps.lab.grading.baseline import passed_without_work

# The environment variable with the name of the file that holds the secret; the course's nbgrader_config.py sets it.
SEEDS = "RAFT_STEPS_PRIVATE_SEEDS"
RUNS = 20  # private seeds
MODULE = re.compile(r"raft_steps\.step_(\d\d)_\w+")
PROFILE = "hostile"
RUN_S = 15.0  # of each run, in seconds of virtual time


class GradingError(LabError):
    """A cell cannot be graded as it is; the message says what to do."""


def points_for(node_class: type, step: int, points: float) -> float:
    """Check a Node, print the report, and return points for the share of the checks that it passes.

    A Node that passes only checks that take no work (`baseline`) has no points.

    Args:
        node_class: The student's Node.
        step: The step whose checks are run.
        points: The points for passing all of them.

    Returns:
        The points, from 0 to `points`.

    Raises:
        ChecksFailed: A check fails under nbgrader's Validate, which shows errors only.
        GradingError: The Node is not the student's own.
        NodeError: The argument is not a Node class.
    """
    report = check(node_class, step)
    _require_own(node_class, step)
    print(report)
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        report.require()  # Validate shows errors only, and not what a cell prints.
    return _points(points, node_class, report)


def private_runs(node_class: type, step: int, points: float) -> float:
    """Run a Node with the course's private seeds; return points if no run violates a property of its step.

    A Node that passes only some of the checks gets that share of the points, because a Node that does nothing violates
    nothing. The seeds are not shown. Without seeds, as on a student's machine, nothing is run.

    Args:
        node_class: The student's Node.
        step: The step whose properties are checked.
        points: The points if none is violated.

    Returns:
        The points, from 0 to `points`.

    Raises:
        GradingError: nbgrader is grading and there are no seeds, or the Node is not the student's own.
    """
    from raft_steps.lab.grading.trials import private_seeds
    from raft_steps.lab.verify.fuzzer import sweep
    from raft_steps.lab.verify.properties.rules import kept_by

    file = os.environ.get(SEEDS)
    if file is None:
        if os.environ.get("NBGRADER_EXECUTION") == "autograde":
            raise GradingError(
                f"{SEEDS} is not set, so the private seeds cannot be found; start nbgrader in the course's folder"
            )
        print("This is graded after you have handed in.")
        return points
    _require_own(node_class, step)
    seeds = private_seeds(read_text(file, "a secret").strip(), RUNS)
    settings = {"seconds": RUN_S, "rules": kept_by(step, PROFILE), "smallest": False}
    report = sweep(node_class, PROFILE, seeds, reference=step, **settings)  # type: ignore[arg-type]
    broken = sorted({trial.broken for trial in report.failed})
    print(f"{len(seeds) - len(report.failed)} of {len(seeds)} private runs keep what step {step} promises.")
    if broken:
        print(
            f"Violated in the others: {', '.join(broken)}. Try raft-steps sweep, or sweep(Node), to find a run like them."
        )
    return 0.0 if broken else _points(points, node_class, check(node_class, step))


def _points(points: float, node_class: type, report: CheckReport) -> float:
    """Return the share of the points for the checks that pass; 0 if none of those that take work passes."""
    passed = {result.name for result in report.results if result.passed}
    if report.passed:
        return float(points)
    return (
        round(points * len(passed) / len(report.results), 2)
        if passed - passed_without_work(report.step, node_class)
        else 0.0
    )


def _require_own(node_class: type, step: int) -> None:
    """Raise a GradingError if a Node builds on the step that is to be written, or on a later one."""
    for each in node_class.__mro__:
        found = MODULE.fullmatch(each.__module__)
        if found and int(found[1]) >= step:
            raise GradingError(
                f"your Node builds on step {int(found[1])}, but this exercise is to write step {step}; build on step {step - 1}"
            )
