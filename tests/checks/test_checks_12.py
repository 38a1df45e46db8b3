"""The checks of step 12 pass right Nodes, however they are written, and catch each of the usual mistakes."""

from typing import ClassVar

import pytest

from raft_steps import step_11_commit_index as step_11
from raft_steps import step_12_persistence as step_12
from raft_steps.step_10_up_to_date_logs import RequestVote
from tests.checks.check_tools import CommandsAlone, failing, first_failure, marked, usual_tests, wrong_nodes_of
from tests.checks.wrong_nodes import step_12 as wrong

# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


class EverythingIsKept(step_12.Node):
    """The state machine and how far it has come are both on disk, so they fit: a new life goes on where it was."""

    durable: ClassVar[tuple[str, ...]] = (
        *("log", "current_term", "voted_for"),
        *("commit_index", "last_applied", "state_machine"),
    )


class CommitIndexIsKept(step_12.Node):
    """What is committed stays so, and a server may know it from its disk."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "commit_index")

    def on_start(self) -> None:
        super().on_start()
        self.commit_up_to(self.commit_index)


class OneRecord(step_11.Node):
    """Term and vote are one record of the disk, written wherever one of them changes."""

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
    """Every vote of a life is kept, by term; the one of this term counts."""

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


class CarriesOutCommandsAlone(CommandsAlone, step_12.Node):
    """Entries that ask for nothing are not carried out: they count, and nobody is told."""


class TornEntriesGo(step_12.Node):
    """Entries of a term that was not stored were never acknowledged: a new life throws them away."""

    def on_start(self) -> None:
        if self.current_term:
            self.log.truncate_after(sum(entry.term <= self.current_term for entry in self.log))
        super().on_start()


RIGHT = (EverythingIsKept, CommitIndexIsKept, OneRecord, VotesAreALedger, CarriesOutCommandsAlone, TornEntriesGo)

TestTables = usual_tests(
    12,
    wrong.MISTAKES,
    right=RIGHT,
    # The Node of step 11 has its log on disk, takes its term from there, and stores no vote that could be wrong later.
    passed_before={
        "the same candidate gets the vote again",
        "a new term is stored without a vote",
        "the log survives a crash",
        "a term is never older than the log",
        "entries are applied once after a crash",
        "a server starts as a follower",
        "a first start is as before",
    },
    no_longer_true=NO_LONGER_TRUE,
)


def test_every_wrong_node_counts() -> None:
    """No wrong Node is forgotten in the table."""
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
            wrong.VoteStaysForEver,
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
    """A failure tells the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 12).message


def test_one_missing_place_fails_one_sentence() -> None:
    """A copy that is forgotten in one place is told by the sentence about that place, and by no other."""
    assert ["a vote for itself survives a crash"] == failing(wrong.ElectionIsNotStored, 12)
    assert ["a term survives a crash whatever brought it"] == failing(wrong.NewTermIsNotStored, 12)


def test_marks_the_second_vote() -> None:
    """The picture's mark is at the answer that gives the vote a second time."""
    assert ("sent", 0.9, "tom") == marked(wrong.VoteIsForgotten, 12)
