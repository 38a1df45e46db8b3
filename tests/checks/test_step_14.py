"""The checks of step 14 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import replace

import pytest

from raft_steps import step_14_linearizable_reads as step_14
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Get
from raft_steps.step_14_linearizable_reads import AppendEntries, AppendEntriesReply
from tests.checks.check_tools import (
    OnlyCommands,
    failed_checks,
    first_failure,
    marked_event,
    standard_tests,
    wrong_nodes_of,
)
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_14 as wrong
from tests.checks.wrong_nodes.calls import wrong_node

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class WaitsForTheLog(step_14.Node):
    """A right Node whose reads wait for everything in the log, as before this step."""

    def read_index(self) -> int:
        return self.log.last_index


class CountsRoundsOfReads(step_14.Node):
    """A right Node whose rounds are those that reads begin; other calls repeat the number of the last one."""

    def send_heartbeat(self) -> None:
        for peer in self.peers():
            self.send_entries(peer)

    def confirm_reads(self) -> None:
        for client, (number, index, request) in list(self.unconfirmed_reads.items()):
            if self.is_confirmed(number):
                del self.unconfirmed_reads[client]
                self.open_reads[client] = (index, request)
        if self.unconfirmed_reads and (self.round == 0 or self.is_confirmed(self.round)):
            self.round += 1
            self.send_heartbeat()
        self.answer_clients()


class NumbersRoundsInEachTerm(step_14.Node):
    """A right Node that counts its rounds from 1 in each term, and forgets what was answered before."""

    def become_leader(self) -> None:
        self.round, self.answered_rounds = 0, {}
        super().become_leader()


class OnlyAcceptedCallsCount(step_14.Node):
    """A right Node that counts a round only if the follower had the preceding entry."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message if message.success else replace(message, round=0))


class AnswersWithTheLatestRoundOfTheTerm(step_14.Node):
    """A right Node that answers a late call with the latest round of its leader's that it knows."""

    latest: tuple[int, int] = (0, 0)

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.latest = max(self.latest, (message.term, message.round))
        own = self.latest[1] if message.term == self.latest[0] else message.round
        super().on_append_entries(sender, replace(message, round=own))


class BeginsTheRoundLater(step_14.Node):
    """A right Node whose reads wait for the first entry of the term, and only then for a round."""

    def confirm_reads(self) -> None:
        if self.log.term_at(self.commit_index) == self.current_term:
            super().confirm_reads()
        else:
            self.unconfirmed_reads = {
                client: (self.round + 1, index, request)
                for client, (_, index, request) in self.unconfirmed_reads.items()
            }


class TwoRoundsAtATime(step_14.Node):
    """A right Node that begins a second round while one is under way."""

    def confirm_reads(self) -> None:
        super().confirm_reads()
        if any(number > self.round for number, _, _ in self.unconfirmed_reads.values()) and self.is_confirmed(
            self.round - 1
        ):
            self.send_heartbeat()


class KeepsReadsInAList(step_14.Node):
    """A right Node that keeps its reads in the order of their arrival, in a list of its own."""

    reads: tuple[tuple[int, str, Get], ...] = ()

    def answer_read(self, client: str, request: Get) -> None:
        self.reads += ((self.round + 1, client, request),)
        self.confirm_reads()

    def become_follower(self) -> None:
        self.reads = ()
        super().become_follower()

    def confirm_reads(self) -> None:
        if self.log.term_at(self.commit_index) == self.current_term:
            for number, client, request in self.reads:
                if self.is_confirmed(number):
                    self.open_reads[client] = (self.commit_index, request)
            self.reads = tuple(read for read in self.reads if not self.is_confirmed(read[0]))
        if self.reads and self.is_confirmed(self.round):
            self.send_heartbeat()
        self.answer_clients()


class AppliesOnlyCommands(OnlyCommands, step_14.Node):
    """A right Node that applies commands and skips no-op entries."""


RIGHT = (
    WaitsForTheLog,
    CountsRoundsOfReads,
    NumbersRoundsInEachTerm,
    OnlyAcceptedCallsCount,
    AnswersWithTheLatestRoundOfTheTerm,
    BeginsTheRoundLater,
    TwoRoundsAtATime,
    KeepsReadsInAList,
    AppliesOnlyCommands,
)

TestTables = standard_tests(
    14,
    (*wrong.MISTAKES, (wrong_node(calls.TruncatesOnEveryCall, 14), STILL_HOLDS, "truncated")),
    right=RIGHT,
    passed_before={STILL_HOLDS},
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    assert wrong_nodes_of(wrong, right=set()) == {node_class for node_class, _, _ in wrong.MISTAKES}


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.AnswersAtOnce,
            "tom leads, its last round was 1, and a client reads x; tom should call jerry at once, but does not",
        ),
        (
            wrong.AnswersWithTheLatestRound,
            (
                "spike, the leader of term 3, calls tom in round 5, after entry 1; tom should answer with round=5, but "
                "answers with 8"
            ),
        ),
        (
            wrong.HalfIsEnough,
            (
                "tom leads 4 servers, a client reads x, and tom's calls of round 2 are on their way; jerry answers one of "
                "them, twice, and its answer to round 1 arrives late; tom should not have answered 'get x' with Ok, but has"
            ),
        ),
        (
            wrong.RoundUnderWayCounts,
            (
                "a client reads x; tom's calls before that were of round 2 or earlier, and are answered after it; tom should "
                "not have answered 'get x' with Ok, but has"
            ),
        ),
        (
            wrong.CommitIndexOfANewLeader,
            (
                "tom is elected in term 2. It knows that set x 1, entry 2, is committed, and not whether set x 2 is, entry "
                "3. A client reads x; both followers answer tom's rounds, and neither has entry 4, the first of term 2; tom "
                "should not have answered 'get x' with Ok, but has"
            ),
        ),
        (
            wrong.EveryReadHasItsRound,
            (
                "a client reads x, which begins round 3; ten others read x before it is answered; one more call to jerry is "
                "enough for them, but tom sends 10"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 14).message


def test_one_mistake_fails_one_check() -> None:
    """A Node that is wrong in one place fails the check for that place, and no other."""
    assert ["a heartbeat makes up for a lost round"] == failed_checks(wrong.HeartbeatsHaveNoRound, 14)
    assert ["a deposed leader does not answer"] == failed_checks(wrong.NumbersAreReused, 14)


def test_marks_the_answer_that_is_too_early() -> None:
    """The picture marks the answer to the client."""
    assert "answered" == marked_event(wrong.AnyAnswerCounts, 14)[0]
