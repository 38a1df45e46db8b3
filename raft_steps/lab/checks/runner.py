"""Run the checks of a step on a Node class."""

from __future__ import annotations

import importlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from raft_steps import find_step
from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.own_steps import step_to_blame
from raft_steps.lab.checks.parameters import DEFAULTS, CheckParameters
from raft_steps.lab.checks.report import CheckReport, CheckResult
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.errors import EventBudgetError, LabError, MissingStepError, NodeError
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.diagnostics import node_line
from raft_steps.lab.runtime.slips import find_slips
from raft_steps.lab.runtime.watchdog import HandlerTimeout


def check(node_class: type, step: int, parameters: CheckParameters = DEFAULTS) -> CheckReport:
    """Run the checks of a step on a Node class.

    The report is the same each time, even if the Node draws from Python's module `random`, whose state is restored
    afterwards.

    Args:
        node_class: The Node class: a step's, or your own.
        step: The step whose rules it must follow.
        parameters: The names, terms, entries, commands and timings of the runs; by default those of the course.

    Returns:
        The report, which a notebook displays with a picture.

    Raises:
        MissingStepError: There is no such step, or it is not in this edition.
        NodeError: `node_class` is not a Node class.
    """
    _require_node_class(node_class)
    report, stuck = CheckReport(step), ""  # the name of the check that did not end, if one did not
    for each in checks_of(step):
        if stuck:  # The other checks would only wait for the same loop again.
            words = f"Not tried, because this check did not end: {stuck}."
            report.results.append(CheckResult(each, False, words, tried=False))
            continue
        result, is_stuck = _tried(each, node_class, step, parameters)
        if not result.passed:
            result.own_step = step_to_blame(
                node_class,
                lambda other, each=each: _tried(each, other, step, parameters)[0].passed,  # type: ignore[misc]
            )
        report.results.append(result)
        stuck = each.name if is_stuck else ""
    if not report.passed:
        report.slips = find_slips(node_class)
    return report


def checks_of(step: int) -> list[Check]:
    """Return the checks of a step, in the order of its module.

    Raises:
        MissingStepError: There is no such step, or it is not in this edition.
    """
    # Imported by name and only when needed: a student's edition does not contain the checks of later steps.
    try:
        number = find_step(step).number
    except LookupError as error:
        raise MissingStepError(*error.args) from None
    module = importlib.import_module(f"{__package__}.step_{number:02}")
    return [value for value in vars(module).values() if isinstance(value, Check)]


def _require_node_class(given: Any) -> None:
    """Raise a NodeError, with what to pass instead, if the argument is not a Node class."""
    if isinstance(given, type) and issubclass(given, Node):
        return
    if isinstance(given, ModuleType) and hasattr(given, "Node"):
        hint = f"this is a module; pass its Node: check({given.__name__.rpartition('.')[2]}.Node, …)"
    elif isinstance(given, Node):
        hint = "this is one server's node; pass its class: check(Node, …)"
    elif isinstance(given, type):
        hint = f"{given.__name__} is not a Node; derive it from the Node of the step before: class Node(step_NN.Node)"
    else:
        hint = f"not {given!r}"
    raise NodeError(f"check takes a Node class first and the step's number second, as in check(Node, step=6): {hint}")


@contextmanager
def _reproducible_random(node_class: Any) -> Iterator[None]:
    """Seed Python's module `random` the same way for every check, and restore its state afterwards.

    A class that stands in for a Node in another process is notified, so that it seeds `random` there too.
    """
    getattr(node_class, "_run_begins", lambda: None)()
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def try_check(each: Check, node_class: type, step: int, parameters: CheckParameters = DEFAULTS) -> CheckResult:
    """Run one check of a step on a Node class, as `check` runs all of them."""
    return _tried(each, node_class, step, parameters)[0]


def _tried(each: Check, node_class: type, step: int, parameters: CheckParameters) -> tuple[CheckResult, bool]:
    """Run one check on a bench of its own; see `_try`."""
    with _reproducible_random(node_class):
        return _try(each, Bench(node_class, step, parameters))


def _try(each: Check, bench: Bench) -> tuple[CheckResult, bool]:
    """Run one check; return its result, and whether an endless loop or a storm of messages ended it."""
    try:
        each.run(bench)
    except CheckFailed as failure:
        words = bench.failure_text(failure)
        return CheckResult(each, False, words, bench.trace, failure.event, is_preparation=failure.is_preparation), False
    except LabError as error:
        is_stuck = isinstance(error, EventBudgetError) or isinstance(error.__cause__, HandlerTimeout)
        return CheckResult(each, False, str(error), bench.trace, _last_event(bench)), is_stuck
    except Exception as error:
        # Reading the Node's state may run its code too, for example a property. Only an error with a line of the
        # Node in its traceback is the Node's; any other is a bug in this check.
        if (line := node_line(error.__traceback__)) is None:
            raise
        message = (
            f"reading the state of {bench.vocabulary.servers[0]}'s Node raised {type(error).__name__}: {error}\n{line}"
        )
        return CheckResult(each, False, message, bench.trace, _last_event(bench)), False
    return CheckResult(each, True, trace=bench.trace, remarks=tuple(bench.remarks)), False


def _last_event(bench: Bench) -> int | None:
    """Return the number of the last event, at which a Node that fails ends the run; None if there is none."""
    return bench.trace.events[-1].number if bench.trace is not None and bench.trace.events else None
