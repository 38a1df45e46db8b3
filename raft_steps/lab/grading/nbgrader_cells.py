"""Functions for the graded cells of an nbgrader assignment: points for the checks, and for runs with private seeds.

nbgrader takes the number that such a cell shows as its points. The student's cells run in the same process as the
check, so they can cheat; marks that have to withstand that come from `raft-steps grade`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from raft_steps.lab.checks import check
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text

if TYPE_CHECKING:
    from raft_steps.lab.grading.scheme import Scheme

# The environment variables with the names of the files that hold the secret, and an instructor's scheme of points; the
# course's nbgrader_config.py sets them.
SEEDS, SCHEME = "RAFT_STEPS_PRIVATE_SEEDS", "RAFT_STEPS_SCHEME"
RUNS = 6  # private seeds, as many as raft-steps grade tries
MODULE = re.compile(r"raft_steps\.step_(\d\d)_\w+")


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
    from raft_steps.lab.grading.trials import new_checks

    report = check(node_class, step)
    _require_own(node_class, step)
    print(report)
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        report.require()  # Validate shows errors only, and not what a cell prints.
    passed = {result.name for result in report.results if result.passed}
    if report.passed:
        return float(points)
    return round(points * _scheme(step).share(passed), 2) if passed & new_checks(step, node_class) else 0.0


def private_runs(node_class: type, step: int, points: float) -> float:
    """Try a Node with what is drawn from the course's secret, and with the model checker; return points.

    These are the hidden checks, the private runs and the search of `raft-steps grade`, in the proportions of the scheme.
    Nothing of them is shown. Without the secret, as on a student's machine, nothing is run.

    Args:
        node_class: The student's Node.
        step: The step whose properties are checked.
        points: The points if nothing is violated.

    Returns:
        The points, from 0 to `points`.

    Raises:
        GradingError: nbgrader is grading and there is no secret, or the Node is not the student's own.
    """
    from raft_steps.lab.grading.private_draws import hidden_parameters, private_seeds
    from raft_steps.lab.grading.trials import TrialError, try_node
    from raft_steps.lab.grading.verdict import Verdict

    file = os.environ.get(SEEDS)
    if file is None:
        if os.environ.get("NBGRADER_EXECUTION") == "autograde":
            raise GradingError(
                f"{SEEDS} is not set, so the private seeds cannot be found; start nbgrader in the course's folder"
            )
        print("This is graded after you have handed in.")
        return points
    _require_own(node_class, step)
    secret, scheme = read_text(file, "a secret").strip(), _scheme(step)
    try:
        results = try_node(node_class, step, private_seeds(secret, RUNS), hidden_parameters(secret, step, scheme.draws))
    except TrialError as error:
        raise GradingError(f"this Node could not be judged: {error}; an instructor has to look at it") from error
    verdict = Verdict.from_results(results, step, [], scheme)
    survived, tried = verdict.seeds
    print(f"{survived} of {tried} private runs keep what step {step} promises.")
    if results.sweep is not None and results.sweep.first is not None:
        print(
            f"Violated in the first of the others: {results.sweep.first.broken}. Try sweep(Node), to find a run like it."
        )
    if verdict.hidden_failed:
        print(f"With other servers, terms, logs or timings these checks fail: {', '.join(verdict.hidden_failed)}.")
    got, most = verdict.hidden + verdict.sweep + verdict.search, scheme.most - scheme.checks
    return round(points * got / most, 2) if most else float(points)


def _scheme(step: int) -> Scheme:
    from raft_steps.lab.grading.scheme import read_scheme

    file = os.environ.get(SCHEME)
    return read_scheme(step, Path(file) if file else None)


def _require_own(node_class: type, step: int) -> None:
    """Raise a GradingError if a Node builds on the step that is to be written, or on a later one."""
    for each in node_class.__mro__:
        found = MODULE.fullmatch(each.__module__)
        if found and int(found[1]) >= step:
            raise GradingError(
                f"your Node builds on step {int(found[1])}, but this exercise is to write step {step}; build on step {step - 1}"
            )
