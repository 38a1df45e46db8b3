"""The checks of step 10 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import field

import pytest

from raft_steps import node
from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps import step_10_up_to_date_logs as step_10
from raft_steps.lab.checks import check
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.messages import message
from raft_steps.step_09_one_vote_per_term import RequestVoteReply
from tests.checks.check_tools import failed_checks, first_failure, standard_tests, unwrapped, wrong_nodes_of
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_10 as wrong
from tests.checks.wrong_nodes import step_10_candidates as candidates
from tests.checks.wrong_nodes.calls import wrong_node

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


@message
class RequestVote:
    """A call with the fields of the course's, in another order, and one more that has a default."""

    last_log_term: int
    last_log_index: int
    term: int
    again: bool = False


class Otherwise(step_09.Node):
    """A right Node that compares in two steps, and stores its votes by term."""

    given: dict[int, str] = field(default_factory=dict)

    def start_election(self) -> None:
        self.current_term += 1
        self.given[self.current_term] = self.voted_for = self.name
        self.votes = {self.name}
        self.draw_election_timeout()
        last = self.log[len(self.log)]
        for peer in self.peers():
            self.send(peer, RequestVote(term=self.current_term, last_log_index=last.index, last_log_term=last.term))
        self.start_election_timer()
        self.count_votes()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term < self.current_term:
            self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=False))
            return
        self.learn_term(message.term)
        last, granted = self.log[len(self.log)], False
        if message.last_log_term != last.term:
            granted = message.last_log_term > last.term
        elif message.last_log_index >= last.index:
            granted = True
        if granted and self.given.setdefault(message.term, sender) == sender:
            self.start_timer("election", self.election_timeout)
            self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=True))
        else:
            self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=False))


class DrawsWithEachVote(step_10.Node):
    """A right Node that draws a new timeout whenever it votes."""

    def on_request_vote(self, sender: str, message: step_10.RequestVote) -> None:
        if self.is_up_to_date(message.last_log_term, message.last_log_index):
            self.draw_election_timeout()
        super().on_request_vote(sender, message)


class AddsUp(step_10.Node):
    """A right Node that compares two differences."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        newer, longer = last_log_term - self.log.last_term, last_log_index - self.log.last_index
        return newer > 0 or (newer == 0 and not longer < 0)


TestTables = standard_tests(
    10,
    (*wrong.MISTAKES, *candidates.MISTAKES, (wrong_node(calls.TruncatesOnEveryCall, 10), STILL_HOLDS, "truncated")),
    right=(Otherwise, DrawsWithEachVote, AddsUp, candidates.Says, candidates.Runs),
    passed_before=["an election is otherwise as before", STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    found = wrong_nodes_of(wrong, right=set()) | wrong_nodes_of(candidates, right={"Says", "Runs"})

    assert found == {mistake for mistake, _, _ in wrong.MISTAKES + candidates.MISTAKES}


def test_inherited_message_is_named() -> None:
    """If the voter's handler is not written yet, the failure says that it is inherited from the step before."""
    report = unwrapped(str(check(node(9), 10)))

    assert "RequestVote has no field last_log_index" in report
    assert "Your Node inherits on_request_vote from step 9" in report


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.BothAtLeastAsLarge,
            (
                "tom's log ends with entry 3 of term 1; jerry asks in term 3 with a log that ends with entry 1 of term 2: "
                "tom should vote for jerry, but does not"
            ),
        ),
        (
            candidates.SaysItsOwnTerm,
            (
                "tom's log is empty; its RequestVote should carry last_log_index=0, last_log_term=0, but carries "
                "last_log_index=0, last_log_term=1"
            ),
        ),
        (
            wrong.RefusalIsAVote,
            (
                "tom's log ends with entry 2 of term 2, and it has refused jerry in term 5; spike asks in term 5 "
                "with a log that ends with entry 2 of term 2: tom should vote for spike, but does not"
            ),
        ),
        (
            wrong.VoteIsNotWrittenDown,
            (
                "tom has voted for jerry in term 5; spike asks in term 5 with a log that ends with entry 9 of term 4: "
                "tom should refuse, but votes for spike"
            ),
        ),
        (
            wrong.RefusalRestartsTheTimer,
            (
                "tom's election timeout is at 13 s, and its log ends with entry 1 of term 3; a second before, it "
                "refuses jerry. It should still start an election at 13 s, but starts one at 25 s"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 10).message


def test_the_original_comparison_fails_two_checks() -> None:
    """The original's comparison fails for the order of the two numbers, and in a cluster that elects no leader."""
    assert [wrong.NEWER, wrong.TOTAL] == failed_checks(wrong.BothAtLeastAsLarge, 10)
