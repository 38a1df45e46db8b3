"""The checks of step 4 pass right Nodes, however they are written, and catch each of the usual mistakes."""

from dataclasses import field

import pytest
from wrong_nodes.step_04 import MISTAKES

from raft_steps import STEPS, step_03_majority_commit
from raft_steps import node as node_of
from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntries

STEP = 4
LATER = [step.number for step in STEPS if step.number >= STEP]
# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


@message
class RequestVote:
    """A call of the same name and field as the course's."""

    term: int


@message
class RequestVoteReply:
    """An answer of the same name and field as the course's."""

    vote_granted: bool


class Otherwise(step_03_majority_commit.Node):
    """A right Node that draws a timeout for every wait, counts a strict majority and never votes twice in a term."""

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
            self.send(sender, RequestVoteReply(vote_granted=True))

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.supporters[sender] = self.supporters.get(sender, False) or message.vote_granted
        self.lead_if_elected()

    def lead_if_elected(self) -> None:
        votes = 1 + sum(self.supporters.values())
        if votes > len(self.servers) / 2 and not self.is_leader:
            self.become_leader()

    def become_leader(self) -> None:
        self.replay_log()
        self.cancel_timer("election")
        super().become_leader()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.wait()


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
    """The Node of the step before passes no check."""
    assert [] == [result.name for result in check(node_of(STEP - 1), STEP).results if result.passed]


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
