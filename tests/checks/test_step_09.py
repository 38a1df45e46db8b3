"""The checks of step 9 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import field
from pathlib import Path

import pytest

from raft_steps import step_08_election_timeout_reset as step_08
from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps.lab.checks import check
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.messages import message
from raft_steps.lab.source.views import whole
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused
from tests.checks.check_tools import (
    class_name,
    failed_checks,
    first_failure,
    marked_event,
    standard_tests,
    wrong_nodes_of,
)
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_09 as wrong
from tests.checks.wrong_nodes import step_09_voters as voters
from tests.checks.wrong_nodes.calls import wrong_node
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


@message
class AppendEntriesReply:
    """An answer of the same name and fields as the course's, in another order."""

    prev_log_index: int
    success: bool
    term: int


@message
class RequestVoteReply:
    """An answer of the same name and fields as the course's, in another order."""

    vote_granted: bool
    term: int


class Otherwise(step_08.Node):
    """A right Node that keeps a ballot for every term, sets no voted_for, and compares terms in one place."""

    ballots: dict[int, str] = field(default_factory=dict)
    running_in: int = -1

    def adopt(self, term: int) -> bool:
        """Adopt a newer term, and return whether the message has the current one."""
        if term > self.current_term:
            self.current_term = term
            if self.is_leader:
                self.become_follower()
        return term == self.current_term

    def start_election(self) -> None:
        self.current_term += 1
        self.running_in = self.current_term
        self.ballots[self.current_term] = self.name
        self.votes.clear()
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        self.lead_if_elected()

    def lead_if_elected(self) -> None:
        if not self.is_leader and len(self.votes) >= len(self.servers) // 2:
            self.become_leader()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        granted = self.adopt(message.term) and self.ballots.setdefault(message.term, sender) == sender
        self.send(sender, RequestVoteReply(vote_granted=granted, term=self.current_term))
        if granted:
            self.start_election_timer()

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if self.adopt(message.term) and message.vote_granted and self.running_in == message.term:
            self.votes.add(sender)
            self.lead_if_elected()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.adopt(message.term)
        super().on_append_entries(sender, message)

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        self.send(to, AppendEntriesReply(prev_log_index=prev_log_index, success=success, term=self.current_term))

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.adopt(message.term) and self.is_leader:
            super().on_append_entries_reply(sender, message)  # type: ignore[arg-type]

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        self.adopt(message.term)


class StaleFirst(step_09.Node):
    """A right Node that drops stale messages before it does anything else, and counts votes with sets."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term < self.current_term:
            self.answer_request_vote(sender, False)
            return
        super().on_request_vote(sender, message)

    def on_request_vote_reply(self, sender: str, message: step_09.RequestVoteReply) -> None:
        if message.term >= self.current_term:
            super().on_request_vote_reply(sender, message)

    def count_votes(self) -> None:
        others = set(self.servers) - self.votes
        if len(others) < len(self.votes) and not self.is_leader:
            self.become_leader()


MISTAKES = wrong.MISTAKES + voters.MISTAKES
# One mistake for each check of what earlier steps asked; tests/checks/test_again.py has all of them.
EARLIER = (
    (wrong_node(calls.StoresWhatItRefuses, 9), calls.OLDER, "appended"),
    (wrong_node(calls.CandidateRefusesItsLeader, 9), calls.SAME, "sent"),
    (wrong_node(calls.AppendsBeforeTheCheck, 9), calls.STORED, "appended"),
    (wrong_node(calls.FollowersLogWrites, 9), calls.CLIENTS, "appended"),
    (wrong_node(calls.TruncatesOnEveryCall, 9), STILL_HOLDS, "truncated"),
)
# The check that fails first, if it is not the one for the mistake.
NOT_FIRST: dict[type, str] = {
    wrong.OwnVoteDoesNotCount: "only votes of this term count",
    wrong.TermGoesBack: "replies carry the term",
    wrong.TermGrowsWithEachVote: "a new term is a new vote",
    wrong.VoterKeepsItsTerm: "replies carry the term",
    voters.VoteForTheLeader: "a new term is a new vote",
}

TestTables = standard_tests(
    9,
    MISTAKES + EARLIER,
    right=(Otherwise, StaleFirst),
    # They guard the rewritten methods.
    passed_before=("the election timer is as before", "a candidate follows the leader of its term", STILL_HOLDS),
    not_kept_later=NOT_KEPT_LATER,
)


@pytest.mark.parametrize("step", [9, 10, 11, 12])
def test_whole_node_passes(step: int, tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(step).text, tmp_path / f"whole_{step}.py").Node, 9)


@pytest.mark.parametrize("node_class, name", [(node, name) for node, name, _ in MISTAKES], ids=class_name)
def test_mistake_fails_its_check_first(node_class: type, name: str) -> None:
    """The first failure is that of the check for the mistake, unless NOT_FIRST names another one."""
    assert NOT_FIRST.get(node_class, name) == first_failure(node_class, 9).name


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in one of the tables."""
    assert wrong_nodes_of(wrong, set()) | wrong_nodes_of(voters, set()) == {node for node, _, _ in MISTAKES}


def test_a_reply_without_a_term_is_explained() -> None:
    """If the replies are not changed, the failures name the missing field and the inherited handler."""
    report = check(step_08.Node, 9)
    messages = {result.name: result.message for result in report.results}

    assert messages["replies carry the term"] == "RequestVoteReply should have a field term; it has vote_granted"
    assert messages["only votes of this term count"] == (
        "RequestVoteReply has no field term; it has vote_granted. "
        "Your Node inherits on_request_vote_reply from step 4; write it for the new message"
    )


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.HalfIsEnough,
            ("tom is a candidate in term 4 and has 2 of 4 votes, its own included; it should not lead yet, but does"),
        ),
        (
            wrong.LateVotesCount,
            ("tom is a candidate in term 5, and jerry's vote of term 4 arrives late; it should not lead yet, but does"),
        ),
        (
            wrong.LeaderGoesOnLeading,
            "tom leads in term 4 and receives RequestVote of term 9; it should stop leading, but does not",
        ),
        (
            voters.VoteFallsWithTheRole,
            (
                "tom has voted for jerry in term 4, in which spike leads now; "
                "spike asks for its vote in term 4, and tom should refuse it, but answers vote_granted=True"
            ),
        ),
        (
            voters.EveryCandidateIsWaitedFor,
            (
                "tom has voted for jerry in term 4 and refuses spike, a candidate in term 4: its election timer "
                "should keep running, but restarts"
            ),
        ),
        (
            voters.WaitsWhenItLearns,
            (
                "tom is a follower in term 4 and receives AppendEntriesRefused of term 9: its election timer "
                "should keep running, but does not"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 9).message


def test_advice_of_step_8_on_voted_for_is_left_out() -> None:
    """A split vote that is not resolved is reported as in step 8, but without its advice: now a vote sets voted_for."""
    messages = {result.name: result.message for result in check(wrong.OwnVoteDoesNotCount, 9).results}

    assert messages["the election timer is as before"] == (
        "tom is down; jerry and spike have the same timeout and split the vote. After 60 s one of them should lead, "
        "but neither wins an election"
    )


def test_marks_the_second_vote() -> None:
    """The picture marks the first event that shows the mistake."""
    assert marked_event(voters.VoteFallsWithTheRole, 9) == ("sent", 2.6, "tom")
