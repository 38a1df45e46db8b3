"""The checks of step 3 pass right Nodes, however they are written, and catch each of the usual mistakes."""

from dataclasses import field

import pytest
from wrong_nodes.step_03 import MISTAKES

from raft_steps import STEPS, step_02_append_entries
from raft_steps import node as node_of
from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.commands import Command, Ok
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntriesReply

STEP = 3
LATER = [step.number for step in STEPS if step.number >= STEP]
# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


@message
class CommitEntry:
    """A message of the same name and field as the course's."""

    index: int


class Otherwise(step_02_append_entries.Node):
    """A right Node that keeps its open writes by index, with the names of those that have the entry."""

    holders: dict[int, list[str]] = field(default_factory=dict)
    clients: dict[int, str] = field(default_factory=dict)

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.clients[entry.index], self.holders[entry.index] = client, [self.name]
        for peer in self.peers():
            self.send_append_entries(peer, entry.index - 1)
        self.commit_what_a_majority_has()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            for holders in self.holders.values():
                if sender not in holders:
                    holders.append(sender)
            self.commit_what_a_majority_has()
        else:
            super().on_append_entries_reply(sender, message)

    def commit_what_a_majority_has(self) -> None:
        for index in sorted(self.clients):
            if len(self.holders[index]) > len(self.servers) / 2:
                self.reply(self.clients.pop(index), Ok())
                self.broadcast(CommitEntry(index=index))
                self.apply(self.log[index])

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        for entry in self.log:
            if entry.index == message.index:
                self.apply(entry)


@pytest.mark.parametrize("number", LATER)
def test_checks_hold_at_this_step_and_later(number: int) -> None:
    """Every check passes for the step's own Node and for those of all later steps, but where a reason is given."""
    failed = {(number, result.name) for result in check(node_of(number), STEP).results if not result.passed}

    assert {key for key in NO_LONGER_TRUE if key[0] == number} == failed


def test_node_may_be_written_otherwise() -> None:
    """A right Node passes whatever its methods and its own fields are called."""
    report = check(Otherwise, STEP)

    assert report.passed, str([result.message for result in report.results])


def test_the_step_before_fails() -> None:
    """The Node of the step before, which answers at once, passes only what says that a write gets done."""
    passed = {result.name for result in check(node_of(STEP - 1), STEP).results if result.passed}

    assert {"half of the followers are enough", "open writes are told apart"} == passed


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
