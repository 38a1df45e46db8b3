"""Wrong Nodes for step 4: servers that give or refuse their vote wrongly."""

from raft_steps import step_04_leader_election as step_04
from raft_steps.step_04_leader_election import RequestVote


class EveryoneHasItsVote(step_04.Node):
    """Whoever asks with a newer term has the vote; nobody notes who had it."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.answer_request_vote(sender, message.term > self.current_term)


class NobodyHasItsVote(step_04.Node):
    """A server has voted for itself, and so for nobody else, from the beginning."""

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = self.name


class VotesForItself(step_04.Node):
    """The vote is given, but the wrong name is written down."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if self.voted_for is not None:
            self.voted_for = self.name


class RefusalIsAVote(step_04.Node):
    """Whoever asks is written down, whatever the answer: then the vote is gone."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.start_election_timer()
        self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class TermIsNotLookedAt(step_04.Node):
    """The first that asks has the vote, however old its term is."""

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
    """A voter runs against the candidate that it has just chosen."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class WhoRefusesWaitsToo(step_04.Node):
    """Whoever asks, even in vain, keeps the others from running."""

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
