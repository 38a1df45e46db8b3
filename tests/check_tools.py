"""What the tests of the checks share: which checks fail for a Node, and that each wrong Node meets the one made for it."""

import re
from types import ModuleType
from typing import Any

from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.node import Node


def failing(node_class: type, step: int) -> list[str]:
    """Name the checks of a step that a Node fails, in order."""
    return [result.name for result in check(node_class, step).results if not result.passed]


def names_of(step: int) -> list[str]:
    """Name the checks of a step, in order."""
    return [each.name for each in checks_of(step)]


def wrong_nodes_of(module: ModuleType, right: set[str]) -> set[type]:
    """Give the Nodes that a module of wrong nodes defines, without those that are right as far as they go."""
    return {
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Node)
        and value.__module__ == module.__name__
        and name not in right
    }


def first_failure(node_class: type, step: int) -> Any:
    """Give the first result that did not pass."""
    return next(result for result in check(node_class, step).results if not result.passed)


def marked(node_class: type, step: int) -> tuple[str, float, str]:
    """Say which event the first failure marks: its kind, its time in seconds and its server."""
    result = first_failure(node_class, step)
    assert result.trace is not None
    assert result.event is not None
    event = result.trace.events[result.event]
    return event.kind, event.seconds, event.server


def in_one_line(text: str) -> str:
    """Undo the wrapping of a report, so that a test can look for a sentence."""
    return re.sub(r"\s+", " ", text)
