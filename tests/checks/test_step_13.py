"""The checks of step 13 pass right Nodes, however they are written, and catch wrong ones."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

import pytest

from raft_steps import step_13_client_sessions as step_13
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Command, InSession, NotLeader, Ok, Request, Response, SessionExpired
from raft_steps.lab.log import Entry
from raft_steps.step_11_commit_index import AppendEntries
from tests.checks.check_tools import OnlyCommands, first_failure, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_13 as wrong
from tests.checks.wrong_nodes.calls import wrong_node

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {
    (18, "sessions do not expire by a clock"): "a leader that nobody answers does not lead for long",
}


class AnswersAtOnce(step_13.Node):
    """A right Node that answers a repeated command without logging it, if it has been carried out."""

    def write(self, client: str, command: Command) -> None:
        if isinstance(command, InSession) and command.session in self.sessions:
            serial, response = self.sessions[command.session]
            if command.serial == serial:
                self.reply(client, response)
                return
        super().write(client, command)


class SessionsAreCounted(step_13.Node):
    """A right Node that numbers sessions 1, 2, 3, in the order of their entries."""

    opened: int = 0

    def open_session(self, number: int) -> Response:
        self.opened += 1
        return super().open_session(self.opened)


class KeepsAllResponses(step_13.Node):
    """A right Node that keeps the response to every command of a session, with a clock of entries for expiry."""

    uses: dict[int, int] = field(default_factory=dict)
    done: dict[tuple[int, int], Response] = field(default_factory=dict)

    def open_session(self, number: int) -> Response:
        self.uses[number] = self.last_applied
        if len(self.uses) > self.sessions_max:
            del self.uses[min(self.uses, key=self.uses.__getitem__)]
        return Ok(value=str(number))

    def execute_once(self, command: InSession) -> Response:
        if command.session not in self.uses:
            return SessionExpired()
        self.uses[command.session] = self.last_applied
        place = command.session, command.serial
        if place not in self.done:
            self.done[place] = self.execute(command.command)
        return self.done[place]


class AllIsOnDisk(step_13.Node):
    """A right Node with the state machine, the sessions and last_applied on disk, so that they agree after a restart."""

    durable: ClassVar[tuple[str, ...]] = (
        *("log", "current_term", "voted_for", "commit_index"),
        *("last_applied", "state_machine", "sessions"),
    )


class AnswersWhenItApplies(step_13.Node):
    """A right Node that answers a client as soon as its entry is applied, by the entry's index."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        for client, waiting in list(self.open_writes.items()):
            if waiting.index == entry.index:
                del self.open_writes[client]
                self.reply(client, self.responses[entry.index])


class LeaderIsAPair(step_13.Node):
    """A right Node that keeps the leader with the term in which it heard from it."""

    heard: tuple[int, str] = (-1, "")

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.heard = message.term, sender

    def on_client_request(self, client: str, request: Request) -> None:
        if self.is_leader:
            super().on_client_request(client, request)
        else:
            term, leader = self.heard
            self.reply(client, NotLeader(leader=leader if term == self.current_term else None))


class AppliesOnlyCommands(OnlyCommands, step_13.Node):
    """A right Node that applies commands and skips no-op entries."""


RIGHT = (
    *(AnswersAtOnce, SessionsAreCounted, KeepsAllResponses, AllIsOnDisk),
    *(AnswersWhenItApplies, LeaderIsAPair, AppliesOnlyCommands),
)

TestTables = standard_tests(
    13,
    (*wrong.MISTAKES, (wrong_node(calls.TruncatesOnEveryCall, 13), STILL_HOLDS, "truncated")),
    right=RIGHT,
    # The Node of step 12 names nobody.
    passed_before={"only a leader is named", STILL_HOLDS},
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    assert wrong_nodes_of(wrong, right=set()) == {node_class for node_class, _, _ in wrong.MISTAKES}


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.NobodyIsNamed,
            (
                "jerry, the leader of term 4, has called tom; a client asks for 'set y 2': "
                "tom should answer NotLeader and name jerry, but names nobody"
            ),
        ),
        (
            wrong.FilteredBeforeTheLog,
            (
                "a client asks twice to append 1 to x, as the first command of its session; "
                "tom should answer Ok with '1', but answers Ok with '11'"
            ),
        ),
        (
            wrong.ExpiresByItsTimer,
            (
                "a session is opened and used, and ten minutes later, with no entry in between, its client asks again for "
                "the same; tom should answer Ok with '1', but answers SessionExpired"
            ),
        ),
        (
            wrong.OnlySuccessIsKept,
            (
                "a client asks for 'cas y 1 2' in its session, another one for 'set y 3', and the first one asks again; "
                "tom should answer Mismatch with nothing, but answers Mismatch with '3'"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names what the clients asked, what should happen and what happened instead."""
    assert message == first_failure(node_class, 13).message
