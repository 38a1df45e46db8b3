"""What the tests of the checks share: which checks fail for a Node, and that each wrong Node meets the one made for it."""

import re
from collections.abc import Collection, Mapping
from types import ModuleType
from typing import Any

import pytest

from raft_steps import STEPS, node
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


class CommandsAlone:
    """What a right Node may have from step 11 on: it carries out commands, and passes over entries that have none."""

    def commit_up_to(self: Any, index: int) -> None:
        """Count every entry, and carry out those that ask for something."""
        self.commit_index = max(self.commit_index, index)
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            entry = self.log[self.last_applied]
            if entry.command is not None:
                self.apply(entry)
        self.answer_clients()


Mistakes = tuple[tuple[type, str, str], ...]


def usual_tests(
    step: int,
    mistakes: Mistakes,
    *,
    right: Collection[type],
    before: type | None = None,
    passed_before: Collection[str] = (),
    no_longer_true: Mapping[tuple[int, str], str],
    held_until: int = STEPS[-1].number,
) -> type:
    """Give a class with the tests that hold for the checks of every step alike, over the tables of one step.

    Args:
        step: The step whose checks these are.
        mistakes: Of each wrong Node, which check is meant for it, and which kind of event that check marks.
        right: Nodes that are right, however they are written.
        before: A Node that does nothing of the step yet; by default that of the step before.
        passed_before: The names of the checks that it passes all the same.
        no_longer_true: Sentences that a later step takes back, by step and check, with the reason.
        held_until: The last step whose Node they are held against: the next one's messages carry more than they say.
    """
    before = before or node(step - 1)

    class Tests:
        """The checks of a step pass right Nodes and catch wrong ones."""

        @pytest.mark.parametrize("number", [each.number for each in STEPS if step <= each.number <= held_until])
        def test_checks_hold_at_this_step_and_later(self, number: int) -> None:
            """Every check passes for the step's own Node and for all later ones, but where a reason is given."""
            failed = {(number, name) for name in failing(node(number), step)}
            assert {key for key in no_longer_true if key[0] == number} == failed, failed

        @pytest.mark.parametrize("node_class", right, ids=name_of)
        def test_node_may_be_written_otherwise(self, node_class: type) -> None:
            """A right Node passes whatever its methods and its own fields are called."""
            report = check(node_class, step)
            assert report.passed, str(report)

        def test_the_node_before_fails(self) -> None:
            """A Node that does nothing of the step passes no check, or only those that are said to hold before too."""
            passed = set(names_of(step)) - set(failing(before, step))
            assert set(passed_before) == passed, passed

        @pytest.mark.parametrize("wrong, name, kind", mistakes, ids=name_of)
        def test_mistake_is_caught(self, wrong: type, name: str, kind: str) -> None:
            """The check that is meant for a mistake catches it, says whose it is, and marks the event that broke the rule."""
            result = next(result for result in check(wrong, step).results if result.name == name)
            assert not result.passed, f"{name} passes"
            assert "tom" in result.message, result.message
            assert result.trace is not None, result.message
            assert result.event is not None, result.message
            assert kind == result.trace.events[result.event].kind, result

        def test_every_check_catches_something(self) -> None:
            """No check is there in vain: each is meant for a mistake."""
            idle = set(names_of(step)) ^ {name for _, name, _ in mistakes}
            assert set() == idle, idle

    return Tests


def name_of(value: object) -> str | None:
    """Name a Node in the name of a test."""
    return getattr(value, "__name__", None)
