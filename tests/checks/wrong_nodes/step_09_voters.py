"""Wrong Nodes for step 9: voters that vote too often, too seldom, or wait wrongly."""

from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries


class EveryoneIsVotedFor(step_09.Node):
    """Nobody looks at voted_for: whoever asks in the present term gets a vote (a published course's code has none)."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class OldCandidatesAreVotedFor(step_09.Node):
    """A candidate of a term that is over gets the vote of the present one (a comparison with the stale term)."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class SecondAnswerIsNo(step_09.Node):
    """A candidate that asks twice, for the answer may be lost, is refused the vote that it has."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class OwnVoteIsNotNoted(step_09.Node):
    """A candidate counts its own vote and may give it away in the same term."""

    def start_election(self) -> None:
        self.current_term += 1
        self.voted_for = None
        self.votes = {self.name}
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        self.count_votes()


class OnceInALife(step_09.Node):
    """The newer term is taken over, and the vote of the old one is kept."""

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
    """The classic: whoever becomes a follower forgets its vote, within the term too."""

    def become_follower(self) -> None:
        super().become_follower()
        self.voted_for = None


class RefusalClearsTheVote(step_09.Node):
    """Any term that is not the present one clears the vote, an older one too."""

    def learn_term(self, term: int) -> None:
        if term < self.current_term:
            self.voted_for = None
        super().learn_term(term)


class VoteForTheLeader(step_09.Node):
    """Whoever hears a leader notes it as the one that it has voted for."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.voted_for = sender


class EveryCandidateIsWaitedFor(step_09.Node):
    """The election timer restarts with every RequestVote, so that one server that asks in vain keeps all from running."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.start_election_timer()


class VoterDoesNotWait(step_09.Node):
    """A voter runs against the candidate that it has just chosen."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
        self.answer_request_vote(sender, vote_granted)


class WaitsWhenItLearns(step_09.Node):
    """Whoever enters a newer term waits a full timeout, follower or not, though no leader called and no vote was given."""

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
