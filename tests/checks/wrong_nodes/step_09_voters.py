"""Wrong Nodes for step 9: voters that vote too often, too seldom, or wait wrongly."""

from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries


class EveryoneIsVotedFor(step_09.Node):
    """voted_for is ignored: every candidate of the current term gets a vote (as in a published course's code)."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class OldCandidatesAreVotedFor(step_09.Node):
    """A candidate of an older term gets the vote of the current one (a comparison with the stale term)."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class SecondAnswerIsNo(step_09.Node):
    """A candidate that asks twice, because the reply may be lost, is refused the vote that it has."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class OwnVoteIsNotNoted(step_09.Node):
    """A candidate counts its own vote, but may grant another one in the same term."""

    def start_election(self) -> None:
        self.current_term += 1
        self.voted_for = None
        self.votes = {self.name}
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        self.count_votes()


class OnceInALife(step_09.Node):
    """A newer term is adopted, but the old vote is kept."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term:
            self.current_term = term
            if self.is_leader:
                self.become_follower()


class OnlyCandidatesFreeTheVote(step_09.Node):
    """The vote is cleared when a candidate asks, and kept when a leader calls in a newer term."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = max(self.current_term, message.term)
        super().on_append_entries(sender, message)


class VoteFallsWithTheRole(step_09.Node):
    """The classic mistake: becoming a follower clears the vote, within the term too."""

    def become_follower(self) -> None:
        super().become_follower()
        self.voted_for = None


class RefusalClearsTheVote(step_09.Node):
    """Any term other than the current one clears the vote, an older one too."""

    def learn_term(self, term: int) -> None:
        if term < self.current_term:
            self.voted_for = None
        super().learn_term(term)


class VoteForTheLeader(step_09.Node):
    """A call sets voted_for to the leader."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.voted_for = sender


class EveryCandidateIsWaitedFor(step_09.Node):
    """Every RequestVote restarts the election timer, so a candidate that cannot win prevents all elections."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.start_election_timer()


class VoterDoesNotWait(step_09.Node):
    """A voter does not restart its election timer."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class WaitsWhenItLearns(step_09.Node):
    """A newer term restarts the election timer, even without a leader's call and without a vote."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None
            self.votes = set()
            self.become_follower()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (EveryoneIsVotedFor, "one vote per term", "sent"),
    (OldCandidatesAreVotedFor, "one vote per term", "sent"),
    (SecondAnswerIsNo, "one vote per term", "sent"),
    (OwnVoteIsNotNoted, "one vote per term", "sent"),
    (OnceInALife, "a new term is a new vote", "sent"),
    (OnlyCandidatesFreeTheVote, "a new term is a new vote", "sent"),
    (VoteFallsWithTheRole, "a vote is kept within a term", "sent"),
    (RefusalClearsTheVote, "a vote is kept within a term", "sent"),
    (VoteForTheLeader, "a vote is kept within a term", "sent"),
    (EveryCandidateIsWaitedFor, "the election timer is as before", "delivered"),
    (VoterDoesNotWait, "the election timer is as before", "delivered"),
    (WaitsWhenItLearns, "the election timer is as before", "delivered"),
)
