"""The checks of step 4 pass right Nodes, however they are written, and catch the usual mistakes."""

import html
from dataclasses import field

import pytest

from raft_steps import step_03_majority_commit, step_04_leader_election
from raft_steps.lab.checks import check
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntries
from tests.checks.check_tools import class_name, first_failure, standard_tests, unwrapped
from tests.checks.wrong_nodes import step_04 as wrong
from tests.checks.wrong_nodes import step_04_timers as timers
from tests.checks.wrong_nodes import step_04_voters as voters

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


@message
class RequestVote:
    """A call of the same name and field as the course's."""

    term: int


@message
class RequestVoteReply:
    """An answer of the same name and field as the course's."""

    vote_granted: bool


class Otherwise(step_03_majority_commit.Node):
    """A right Node that draws a timeout for every wait, has fields of other names, and never votes twice in a term."""

    voted_in: int = 0
    supporters: dict[str, bool] = field(default_factory=dict)

    def on_start(self) -> None:
        self.wait()
        super().on_start()

    def wait(self) -> None:
        self.start_timer("election", self.random.randint(8, 18))

    def on_election_timeout(self) -> None:
        self.current_term = self.voted_in = max(self.current_term, self.voted_in) + 1
        self.supporters = {}
        self.broadcast(RequestVote(term=self.current_term))
        self.wait()
        self.lead_if_elected()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        granted = message.term > max(self.current_term, self.voted_in)
        if granted:
            self.voted_in = message.term
            self.wait()
        self.send(sender, RequestVoteReply(vote_granted=granted))

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.supporters[sender] = self.supporters.get(sender, False) or message.vote_granted
        self.lead_if_elected()

    def lead_if_elected(self) -> None:
        votes = 1 + sum(self.supporters.values())
        if votes >= len(self.servers) / 2 and not self.is_leader:
            self.become_leader()

    def become_leader(self) -> None:
        self.replay_log()
        self.cancel_timer("election")
        super().become_leader()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.wait()


class VoterTakesOverTheTerm(step_04_leader_election.Node):
    """A voter adopts the candidate's term, as from step 9 on."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        self.current_term = max(self.current_term, message.term)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class VoterTakesOverTheTermWithItsVote(step_04_leader_election.Node):
    """The same, but only where it votes."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for, self.current_term = sender, message.term
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class MoreThanHalfMustVote(step_04_leader_election.Node):
    """The paper's majority, which comes with step 9."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if not self.is_leader and 2 * len(self.votes) > len(self.servers):
                self.become_leader()


class EachElectionCountsItsOwnVotes(step_04_leader_election.Node):
    """Votes of an earlier election are forgotten, as from step 9 on."""

    def start_election(self) -> None:
        self.votes = set()
        super().start_election()


class DrawsAtEachHeartbeat(step_04_leader_election.Node):
    """A new timeout is drawn for each wait."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.draw_election_timeout()
        super().on_append_entries(sender, message)


class DrawsForEachElection(step_04_leader_election.Node):
    """A new timeout is drawn for each election, as from step 8 on."""

    def start_election(self) -> None:
        self.draw_election_timeout()
        super().start_election()


class ByThePaper(
    DrawsForEachElection, EachElectionCountsItsOwnVotes, MoreThanHalfMustVote, step_04_leader_election.Node
):
    """Votes belong to a term, and a majority is more than half."""

    def start_election(self) -> None:
        super().start_election()
        self.voted_for = self.name

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term > self.current_term:
            self.current_term, self.voted_for = message.term, None
            self.is_leader = self.is_candidate = False
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


TERM, AGAIN = "A voter takes over the candidate's term", "A server votes again in a newer term"
HALF = "A candidate needs the votes of more than half of the servers, not only of half"
ELECTION, TIMEOUT = (
    "A vote counts only in the election for which it was given",
    "A new election timeout is drawn during a life",
)


@pytest.mark.parametrize(
    "node_class, remarks",
    [
        (VoterTakesOverTheTerm, [TERM]),
        (VoterTakesOverTheTermWithItsVote, [TERM]),
        (MoreThanHalfMustVote, [HALF]),
        (EachElectionCountsItsOwnVotes, [ELECTION]),
        (DrawsAtEachHeartbeat, [TIMEOUT]),
        (DrawsForEachElection, [TIMEOUT]),
        (ByThePaper, [TERM, AGAIN, HALF, TIMEOUT, ELECTION]),
        (step_04_leader_election.Node, []),
    ],
    ids=class_name,
)
def test_node_that_is_ahead_passes_and_is_told_so(node_class: type, remarks: list[str]) -> None:
    """A Node that does what the paper says passes, and its report states that later runs may differ."""
    report = check(node_class, 4)

    assert report.passed, str(report)
    told = [remark.removeprefix("You are ahead of the course: ").partition(". ")[0] for remark in report.remarks]
    assert ([*remarks, "That is right"] if remarks else []) == told
    assert all(remark in unwrapped(str(report)) for remark in report.remarks)
    assert all(remark in html.unescape(report._repr_mimebundle_()["text/html"]) for remark in report.remarks)


TestTables = standard_tests(
    4,
    wrong.MISTAKES + voters.MISTAKES + timers.MISTAKES,
    right=(Otherwise,),
    passed_before={"the rules of earlier steps still hold"},
    not_kept_later=NOT_KEPT_LATER,
    last_step=8,
)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.CandidacyIsNotSet,
            "tom starts an election; its is_candidate should be True, but is False",
        ),
        (
            wrong.CandidacyIsNotOver,
            "tom has won and leads; its is_candidate should be False, but is True",
        ),
        (
            wrong.WaitsForAnotherVote,
            "tom is the only server, and no timeout is longer than 18 s; it should lead, but does not",
        ),
        (
            wrong.ReplayAddsToWhatIsThere,
            (
                "tom has won, and its log has set x 1; set x 2; set y 3, so a client that reads z should get "
                "None; tom answers '4'"
            ),
        ),
        (
            voters.VotesForItself,
            "tom has voted for jerry and refused spike; its voted_for should be 'jerry', but is 'tom'",
        ),
        (
            voters.VoterDoesNotWait,
            (
                "tom's election timeout is at 13 s, and a second before, jerry asks for its vote in term 4; tom "
                "votes, and should wait at least 8 s from then on, but starts an election at 13 s"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 4).message
