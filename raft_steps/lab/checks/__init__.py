"""Checks: for every step a list of sentences of post and paper, each tried on a Node.

`check` runs them on any Node class: a step's own, a learner's cell, a deliberately wrong one. A check that fails says
which rule was broken, by which event, and shows the short run that was made for it.
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.report import Check, CheckResult, ChecksFailed, Report
from raft_steps.lab.errors import EventBudgetError, LabError, NodeError
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.diagnostics import node_line
from raft_steps.lab.runtime.watchdog import HandlerTimeout

__all__ = ["Check", "CheckFailed", "CheckResult", "ChecksFailed", "Report", "check", "checks_of", "rule"]


def check(node_class: type, step: int) -> Report:
    """Hold a Node against the checks of a step.

    Args:
        node_class: The Node class: a step's, or your own.
        step: The step whose sentences it must live up to.

    Returns:
        The report; in a notebook, its own picture. It is the same each time, whatever chance the Node draws from
        Python's module random, which is afterwards as it was.

    Raises:
        LookupError: There is no such step.
        NodeError: What was given is no Node class.
    """
    _require_node_class(node_class)
    report, stuck = Report(step), ""
    for each in checks_of(step):
        if stuck:  # It would only wait for the same loop again.
            report.results.append(CheckResult(each, False, f"Not tried, because of: {stuck}.", tried=False))
            continue
        with _chance_of_its_own(node_class):
            result, ends = _try(each, node_class, step)
        report.results.append(result)
        stuck = each.name if ends else ""
    return report


def checks_of(step: int) -> list[Check]:
    """Give the checks of a step.

    Raises:
        LookupError: There is no such step.
    """
    from raft_steps import find_step

    module = importlib.import_module(f"{__name__}.step_{find_step(step).number:02}")
    return [value for value in vars(module).values() if isinstance(value, Check)]


def rule(sentence: str, source: str) -> Callable[[Callable[[Bench], None]], Check]:
    """Turn a function into a check; its name, with spaces, is the check's name."""

    def turn(run: Callable[[Bench], None]) -> Check:
        return Check(run.__name__.replace("_", " "), sentence, source, run)

    return turn


def _require_node_class(given: Any) -> None:
    """Say what is wrong with what was given as a Node class, in words about what to give instead."""
    if isinstance(given, type) and issubclass(given, Node):
        return
    if isinstance(given, ModuleType) and hasattr(given, "Node"):
        hint = f"that is a module; give its Node: check({given.__name__.rpartition('.')[2]}.Node, …)"
    elif isinstance(given, Node):
        hint = "that is one server's node; give its class: check(Node, …)"
    elif isinstance(given, type):
        hint = f"{given.__name__} is a class of its own; build on the step before: class Node(step_NN.Node)"
    else:
        hint = f"not {given!r}"
    raise NodeError(f"check takes a Node class first and the step's number second, as in check(Node, step=6): {hint}")


@contextmanager
def _chance_of_its_own(node_class: Any) -> Iterator[None]:
    """Let Python's module random begin where it began for each other check, and put it back.

    A class that stands in for a Node of another process is told, so that it begins there, too.
    """
    getattr(node_class, "_check_begins", lambda: None)()
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


def _try(each: Check, node_class: type, step: int) -> tuple[CheckResult, bool]:
    """Make one check; say also whether it ended in a loop or a storm, so that no other is worth trying."""
    stage = Bench(node_class, step)
    try:
        each.run(stage)
    except CheckFailed as failure:
        return CheckResult(each, False, str(failure), stage.trace, failure.event), False
    except LabError as error:
        stuck = isinstance(error, EventBudgetError) or isinstance(error.__cause__, HandlerTimeout)
        return CheckResult(each, False, str(error), stage.trace, _last_event(stage)), stuck
    except Exception as error:
        # A look at the Node may run its code too, as with a property: then the Node is to blame, else this check.
        if (line := node_line(error.__traceback__)) is None:
            raise
        message = f"a look at tom's Node raised {type(error).__name__}: {error}\n{line}"
        return CheckResult(each, False, message, stage.trace, _last_event(stage)), False
    return CheckResult(each, True, trace=stage.trace), False


def _last_event(stage: Bench) -> int | None:
    """Give the number of the last event: a Node that fails ends the run."""
    return stage.trace.events[-1].number if stage.trace is not None and stage.trace.events else None
