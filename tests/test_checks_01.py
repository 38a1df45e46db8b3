"""The checks of step 1 pass right Nodes, however they are written, and catch each of the usual mistakes."""

from dataclasses import field
from typing import ClassVar

import pytest
from wrong_nodes.step_01 import MISTAKES

from raft_steps import STEPS
from raft_steps import node as node_of
from raft_steps.lab import node
from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.commands import Delete, Get, Ok, Request, Set
from raft_steps.lab.log import Entry, Log

STEP = 1
LATER = [step.number for step in STEPS if step.number >= STEP]
# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


class Otherwise(node.Node):
    """A right Node with other fields and other methods than the course's."""

    durable: ClassVar[tuple[str, ...]] = ("log",)
    log: Log = field(default_factory=Log)
    store: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        for entry in self.log:
            self.do(entry.command)

    def on_client_request(self, client: str, request: Request) -> None:
        match request:
            case Get(key=key):
                self.reply(client, Ok(value=self.store.get(key)))
            case Set() | Delete():
                self.do(request)
                self.reply(client, Ok())
                # The order within an event does not matter: the log is on disk before an answer leaves.
                self.log.append(Entry(index=len(self.log) + 1, term=self.log.last_term, command=request))

    def do(self, command: Set | Delete | None) -> None:
        match command:
            case Set(key=key, value=value):
                self.store[key] = value
            case Delete(key=key) if key in self.store:
                del self.store[key]


class OnlyTheBase(node.Node):
    """What there is before step 1."""


@pytest.mark.parametrize("number", LATER)
def test_checks_hold_at_this_step_and_later(number: int) -> None:
    """Every check passes for the step's own Node and for those of all later steps, but where a reason is given."""
    failed = {(number, result.name) for result in check(node_of(number), STEP).results if not result.passed}

    assert {key for key in NO_LONGER_TRUE if key[0] == number} == failed


def test_node_may_be_written_otherwise() -> None:
    """A right Node passes whatever its methods and its own fields are called."""
    report = check(Otherwise, STEP)

    assert report.passed, str([result.message for result in report.results])


def test_nothing_passes_before_the_step() -> None:
    """A Node that does nothing yet passes no check."""
    assert [] == [result.name for result in check(OnlyTheBase, STEP).results if result.passed]


@pytest.mark.parametrize("wrong, name, kind", MISTAKES, ids=lambda value: getattr(value, "__name__", None))
def test_mistake_is_caught(wrong: type, name: str, kind: str) -> None:
    """The check that is meant for a mistake catches it, says whose it is, and marks the event that broke the rule."""
    result = next(result for result in check(wrong, STEP).results if result.name == name)

    assert not result.passed
    assert "tom" in result.message
    assert result.trace is not None
    assert result.event is not None
    assert kind == result.trace.events[result.event].kind


def test_every_check_catches_something() -> None:
    """No check is there in vain: each is meant for a mistake."""
    assert {each.name for each in checks_of(STEP)} == {name for _, name, _ in MISTAKES}
