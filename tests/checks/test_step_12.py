"""The checks of step 12 pass right Nodes, however they are written, and catch the usual mistakes."""

from typing import ClassVar

import pytest

from raft_steps import step_11_commit_index as step_11
from raft_steps import step_12_persistence as step_12
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.step_10_up_to_date_logs import RequestVote
from tests.checks.check_tools import (
    OnlyCommands,
    failed_checks,
    first_failure,
    marked_event,
    standard_tests,
    wrong_nodes_of,
)
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_12 as wrong
from tests.checks.wrong_nodes.calls import wrong_node

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class EverythingIsKept(step_12.Node):
    """A right Node with state machine and last_applied both on disk, so that they agree after a restart."""

    durable: ClassVar[tuple[str, ...]] = (
        *("log", "current_term", "voted_for"),
        *("commit_index", "last_applied", "state_machine"),
    )


class CommitIndexIsKept(step_12.Node):
    """A right Node with its commit index on disk: a committed entry stays committed."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "commit_index")

    def on_start(self) -> None:
        super().on_start()
        self.commit_up_to(self.commit_index)


class OneRecord(step_11.Node):
    """A right Node with term and vote in one durable field, set wherever one of them changes."""

    durable: ClassVar[tuple[str, ...]] = ("log", "promise")
    promise: tuple[int, str | None] = (0, None)

    def on_start(self) -> None:
        term, self.voted_for = self.promise
        self.current_term = max(term, self.log.last_term)
        if term < self.current_term:
            self.voted_for = None
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()

    def learn_term(self, term: int) -> None:
        super().learn_term(term)
        self.promise = self.current_term, self.voted_for

    def start_election(self) -> None:
        super().start_election()
        self.promise = self.current_term, self.voted_for

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.promise = self.current_term, self.voted_for


class VotesAreALedger(step_12.Node):
    """A right Node that stores all its votes by term, and uses that of the current term."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "ledger")
    ledger: tuple[tuple[int, str], ...] = ()

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = dict(self.ledger).get(self.current_term)

    def start_election(self) -> None:
        super().start_election()
        self.ledger += ((self.current_term, self.name),)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if self.voted_for is not None:
            self.ledger += ((self.current_term, self.voted_for),)


class AppliesOnlyCommands(OnlyCommands, step_12.Node):
    """A right Node that applies commands and skips no-op entries."""


class TornEntriesGo(step_12.Node):
    """A right Node that deletes entries of a term that was not stored: they were never acknowledged."""

    def on_start(self) -> None:
        if self.current_term:
            self.log.truncate_after(sum(entry.term <= self.current_term for entry in self.log))
        super().on_start()


RIGHT = (EverythingIsKept, CommitIndexIsKept, OneRecord, VotesAreALedger, AppliesOnlyCommands, TornEntriesGo)

TestTables = standard_tests(
    12,
    (*wrong.MISTAKES, (wrong_node(calls.TruncatesOnEveryCall, 12), STILL_HOLDS, "truncated")),
    right=RIGHT,
    # The Node of step 11 has its log on disk, takes its term from it, and stores no vote that could be wrong later.
    passed_before={
        "the same candidate gets the vote again",
        "a new term is stored without a vote",
        "the log survives a crash",
        "a term is never older than the log",
        "entries are applied once after a crash",
        "a server starts as a follower",
        "a first start is as before",
        STILL_HOLDS,
    },
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    assert wrong_nodes_of(wrong, right=set()) == {node_class for node_class, _, _ in wrong.MISTAKES}


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.VoteIsForgotten,
            (
                "tom votes for jerry in term 4, crashes and restarts; then spike asks for its vote in term 4: tom"
                " should refuse, but votes for it"
            ),
        ),
        (
            wrong.ElectionIsNotStored,
            (
                "tom is a candidate in term 4, crashes and restarts; then jerry asks for its vote in term 4: tom "
                "should refuse, but votes for it"
            ),
        ),
        (
            wrong.NewTermIsNotStored,
            (
                "tom receives a call of jerry, the leader of term 6, crashes and restarts; then spike calls, the "
                "leader of term 5: tom should refuse, because it has been in a newer term, but stores spike's "
                "entry"
            ),
        ),
        (
            wrong.VoteIsKeptForever,
            (
                "tom votes for jerry in term 4, refuses spike in term 5 for its old log, crashes and restarts; "
                "then tyke asks for its vote in term 5: tom should vote for it, but does not"
            ),
        ),
        (
            wrong.StateMachineIsKept,
            (
                "tom has applied two of its three entries, crashes and restarts: its state machine should be {}, "
                "because the next entry that it applies is 1, but is {'x': '1', 'y': '2'}"
            ),
        ),
        (
            wrong.LeaderStaysLeader,
            "tom leads in term 4, crashes and restarts: it should be a follower now, but it leads",
        ),
        (
            wrong.LeadsBeforeItKnowsTheTerm,
            "tom is the named leader, and its log ends in term 3: it should lead in that term, but calls in 0",
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 12).message


def test_one_forgotten_copy_fails_one_check() -> None:
    """A Node that forgets to store in one place fails the check for that place, and no other."""
    assert ["a vote for itself survives a crash"] == failed_checks(wrong.ElectionIsNotStored, 12)
    assert ["a term survives a crash whatever brought it"] == failed_checks(wrong.NewTermIsNotStored, 12)


def test_marks_the_second_vote() -> None:
    """The picture marks the reply that grants a second vote."""
    assert ("sent", 0.9, "tom") == marked_event(wrong.VoteIsForgotten, 12)
