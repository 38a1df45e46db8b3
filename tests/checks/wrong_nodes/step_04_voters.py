"""Wrong Nodes for step 4: servers that grant or refuse their vote wrongly."""

from raft_steps import step_04_leader_election as step_04
from raft_steps.step_04_leader_election import RequestVote


class EveryoneHasItsVote(step_04.Node):
    """Every candidate with a newer term gets the vote, and it is not stored."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.answer_request_vote(sender, message.term > self.current_term)


class NobodyHasItsVote(step_04.Node):
    """A server has voted for itself from the beginning, and so for no other."""

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = self.name


class VotesForItself(step_04.Node):
    """The vote is granted, but the wrong name is stored."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if self.voted_for is not None:
            self.voted_for = self.name


class RefusalIsAVote(step_04.Node):
    """A refused candidate is stored as if it had the vote, which is then used up."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.start_election_timer()
        self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class TermIsNotLookedAt(step_04.Node):
    """The first candidate gets the vote, however old its term is."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = self.voted_for is None
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class SameTermIsNewEnough(step_04.Node):
    """A candidate votes for another one of its own term."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term >= self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class VoterDoesNotWait(step_04.Node):
    """A voter does not restart its election timer."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class WhoRefusesWaitsToo(step_04.Node):
    """Every RequestVote restarts the election timer, even one that is refused."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.start_election_timer()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (EveryoneHasItsVote, "one vote only", "sent"),
    (NobodyHasItsVote, "one vote only", "delivered"),
    (VotesForItself, "one vote only", "delivered"),
    (RefusalIsAVote, "no vote for a term that is not newer", "delivered"),
    (TermIsNotLookedAt, "no vote for a term that is not newer", "sent"),
    (SameTermIsNewEnough, "no vote for a term that is not newer", "sent"),
    (VoterDoesNotWait, "a vote restarts the timer", "sent"),
    (WhoRefusesWaitsToo, "a vote restarts the timer", "sent"),
)
