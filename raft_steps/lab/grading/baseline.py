"""The checks that a Node passes without doing anything of its step; passing only those is worth no points.

The Node of the step before passes some checks, and so does one that ignores events: a call that is ignored changes
nothing, as a refused call should. `raft-steps grade` and the cells of nbgrader both use this module, so that they agree.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

from raft_steps import node
from raft_steps.lab.checks import check


def passed_without_work(step: int, reference: Any) -> frozenset[str]:
    """Return the names of the checks of a step that a Node passes without doing any of the step's work.

    Two such Nodes are tried. One is the Node of the step before, with handlers for the new messages that do nothing: an
    exercise provides such handlers. The other also ignores every event whose handler the step changes.

    Args:
        step: The step.
        reference: A Node class of this step, whose handlers show what is new. In a student's edition, which does not
            contain the step, it is the student's own.
    """
    if step == 1:
        return frozenset()
    before: Any = node(step - 1)
    handlers = {name: inspect.unwrap(getattr(reference, name)) for name in dir(reference) if name.startswith("on_")}
    functions = {name: each for name, each in handlers.items() if isinstance(each, FunctionType)}
    new = {name for name in functions if not hasattr(before, name)}
    changed = {name for name in functions if getattr(before, name, None) is not getattr(reference, name)}
    idle = (type("Node", (before,), {name: _ignoring(functions[name]) for name in names}) for names in (new, changed))
    return frozenset(result.name for each in idle for result in check(each, step).results if result.passed)


def _ignoring(handler: FunctionType) -> FunctionType:
    """Return a handler of the same message that does nothing.

    The laboratory finds a handler's message by its annotations and its module's names, so it keeps both.
    """
    ignoring = FunctionType(_do_nothing.__code__, handler.__globals__, handler.__name__, _do_nothing.__defaults__)
    ignoring.__annotations__ = handler.__annotations__
    return ignoring


def _do_nothing(self: object, sender: str = "", message: object = None) -> None:  # noqa: ARG001  # A handler's signature.
    return
