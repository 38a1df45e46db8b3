"""Helpers of the tests of checks: which checks a Node fails, and the tests that every step's checks must pass."""

import re
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

import pytest

from raft_steps import STEPS, node
from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.checks.parameters import DEFAULTS, CheckParameters
from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.checks.runner import try_check
from raft_steps.lab.node import Node


def failed_checks(node_class: type, step: int) -> list[str]:
    """Return the names of a step's checks that a Node fails, in order."""
    return [result.name for result in check(node_class, step).results if not result.passed]


def check_names(step: int) -> list[str]:
    """Return the names of a step's checks, in order."""
    return [each.name for each in checks_of(step)]


def wrong_nodes_of(module: ModuleType, right: set[str]) -> set[type]:
    """Return the Nodes that a module of wrong Nodes defines, except its right base classes."""
    return {
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Node)
        and value.__module__ == module.__name__
        and name not in right
    }


def result_of(each: Check, node_class: type, step: int, parameters: CheckParameters = DEFAULTS) -> CheckResult:
    """Run one check of a step on a Node, as `check` runs all of them."""
    return try_check(each, node_class, step, parameters)


def first_failure(node_class: type, step: int, parameters: CheckParameters = DEFAULTS) -> Any:
    """Return the first result that does not pass; the checks after it do not run."""
    results = (result_of(each, node_class, step, parameters) for each in checks_of(step))
    return next(result for result in results if not result.passed)


def marked_event(node_class: type, step: int) -> tuple[str, float, str]:
    """Return the event that the first failure marks: its kind, its time in seconds and its server."""
    result = first_failure(node_class, step)
    assert result.trace is not None
    assert result.event is not None
    event = result.trace.events[result.event]
    return event.kind, event.seconds, event.server


def unwrapped(text: str) -> str:
    """Undo the wrapping of a report, so that a test can search it for a sentence."""
    return re.sub(r"\s+", " ", text)


class OnlyCommands:
    """A mixin for right Nodes from step 11 on that apply commands and skip no-op entries."""

    def commit_up_to(self: Any, index: int) -> None:
        """Count every entry, and apply those with a command."""
        self.commit_index = max(self.commit_index, index)
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            entry = self.log[self.last_applied]
            if entry.command is not None:
                self.apply(entry)
        self.answer_clients()


Mistakes = tuple[tuple[type, str, str], ...]


def standard_tests(
    step: int,
    mistakes: Mistakes,
    *,
    right: Collection[type],
    before: type | None = None,
    passed_before: Collection[str] = (),
    not_kept_later: Mapping[tuple[int, str], str],
    last_step: int = STEPS[-1].number,
) -> type:
    """Build a class with the tests that the checks of every step must pass, over the tables of one step.

    Args:
        step: The step whose checks are tested.
        mistakes: For each wrong Node, which check should catch it, and which kind of event that check marks.
        right: Nodes that are right, however they are written.
        before: A Node that does nothing of the step yet; by default that of the step before.
        passed_before: The names of the checks that it passes nevertheless.
        not_kept_later: The checks that a later step's Node fails, by step and name, with the reason.
        last_step: The last step whose Node is checked: from the next one on, messages have more fields.
    """
    node_before = before or node(step - 1)

    class Tests:
        """The checks of a step pass right Nodes and catch wrong ones."""

        @pytest.mark.parametrize("number", [each.number for each in STEPS if step <= each.number <= last_step])
        def test_checks_hold_at_this_step_and_later(self, number: int) -> None:
            """Every check passes for the step's own Node and for all later ones, unless a reason is given."""
            failed = {(number, name) for name in failed_checks(node(number), step)}
            assert {key for key in not_kept_later if key[0] == number} == failed, failed

        @pytest.mark.parametrize("node_class", right, ids=class_name)
        def test_node_may_be_written_otherwise(self, node_class: type) -> None:
            """A right Node passes, whatever the names of its methods and additional fields."""
            report = check(node_class, step)
            assert report.passed, str(report)

        def test_the_node_before_fails(self) -> None:
            """A Node that does nothing of the step passes no check except those in `passed_before`."""
            passed = set(check_names(step)) - set(failed_checks(node_before, step))
            assert set(passed_before) == passed, passed

        @pytest.mark.parametrize("wrong, name, kind", mistakes, ids=class_name)
        def test_mistake_is_caught(self, wrong: type, name: str, kind: str) -> None:
            """The check for a mistake catches it, names the server, and marks the event that broke the rule."""
            result = result_of(next(each for each in checks_of(step) if each.name == name), wrong, step)
            assert not result.passed, f"{name} passes"
            assert "tom" in result.message, result.message
            assert result.trace is not None, result.message
            assert result.event is not None, result.message
            assert kind == result.trace.events[result.event].kind, result

        def test_every_check_catches_something(self) -> None:
            """Every check catches a mistake."""
            idle = set(check_names(step)) ^ {name for _, name, _ in mistakes}
            assert set() == idle, idle

    return Tests


def class_name(value: object) -> str | None:
    """Return the name of a Node class, for the id of a test."""
    return getattr(value, "__name__", None)
