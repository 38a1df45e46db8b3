"""Wrong Nodes for step 4: servers that grant or refuse their vote wrongly."""

from raft_steps import step_04_leader_election as step_04
from raft_steps.step_02_append_entries import AppendEntries
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply


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


class RefusesInSilence(step_04.Node):
    """Only a granted vote is answered."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term > self.current_term and self.voted_for is None:
            self.voted_for = sender
            self.start_election_timer()
            self.answer_request_vote(sender, True)


class EveryoneHearsTheVote(step_04.Node):
    """The vote goes to every server."""

    def answer_request_vote(self, to: str, vote_granted: bool) -> None:
        self.broadcast(RequestVoteReply(vote_granted=vote_granted))


class VoterRunsToo(step_04.Node):
    """A voter starts its election instead of its timer."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
            self.start_election()
        self.answer_request_vote(sender, vote_granted)


class VoteIsATerm(step_04.Node):
    """The answer has the candidate's term where the vote should be."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted and message.term)  # type: ignore[arg-type]


class VoterRaisesItsTerm(step_04.Node):
    """A voter adds one to its own term, whatever the candidate's is."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        before = self.voted_for
        super().on_request_vote(sender, message)
        if before is None and self.voted_for is not None:
            self.current_term += 1


class SecondCandidateDelaysTheVoter(step_04.Node):
    """A newer term restarts the election timer, even if the server has voted and refuses."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term > self.current_term:
            self.start_election_timer()
        super().on_request_vote(sender, message)


class LeaderRefuses(step_04.Node):
    """A leader never votes."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if self.is_leader:
            self.answer_request_vote(sender, False)
        else:
            super().on_request_vote(sender, message)


class WinnerHasVotedForItself(step_04.Node):
    """The winner of an election stores a vote for itself, and so refuses all others from then on."""

    def become_leader(self) -> None:
        super().become_leader()
        self.voted_for = self.name


class AskedLeaderStepsDown(step_04.Node):
    """A leader leads no longer when it is asked for its vote, in however old a term."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.is_leader = False
        super().on_request_vote(sender, message)


class HeartbeatClearsTheVote(step_04.Node):
    """A leader's call makes a server forget its vote."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.voted_for = None
        super().on_append_entries(sender, message)


class ElectionClearsTheVote(step_04.Node):
    """A server that runs itself forgets the vote that it has given."""

    def on_election_timeout(self) -> None:
        self.voted_for = None
        super().on_election_timeout()


class VictoryClearsTheVote(step_04.Node):
    """The winner forgets the vote that it has given before."""

    def become_leader(self) -> None:
        super().become_leader()
        self.voted_for = None


class ChosenCandidateIsAlwaysGranted(step_04.Node):
    """The candidate that has the vote gets it again, also in an older term."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        vote_granted = self.voted_for == sender or (message.term > self.current_term and self.voted_for is None)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)


class FirstServerGetsNoVote(step_04.Node):
    """The first server of the list gets no vote."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if sender == self.servers[0]:
            self.answer_request_vote(sender, False)
        else:
            super().on_request_vote(sender, message)


class VotesBeyondItsLogOnly(step_04.Node):
    """The candidate's term is compared with the length of the log, too."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term > self.log.last_index:
            super().on_request_vote(sender, message)
        else:
            self.answer_request_vote(sender, False)


class VotesForNearTermsOnly(step_04.Node):
    """A candidate whose term is far ahead gets no vote."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if message.term <= self.current_term + 10:
            super().on_request_vote(sender, message)
        else:
            self.answer_request_vote(sender, False)


class RequestStopsTheHeartbeats(step_04.Node):
    """A leader that is asked for its vote sends no further heartbeats."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.cancel_timer("heartbeat")
        super().on_request_vote(sender, message)


class RefusingEndsTheCandidacy(step_04.Node):
    """A candidate that refuses its vote is a candidate no longer."""

    def answer_request_vote(self, to: str, vote_granted: bool) -> None:
        self.is_candidate = self.is_candidate and vote_granted
        super().answer_request_vote(to, vote_granted)


class RefusingClearsTheVotes(step_04.Node):
    """A candidate that refuses its vote forgets the votes that it has, its own included."""

    def answer_request_vote(self, to: str, vote_granted: bool) -> None:
        if not vote_granted:
            self.votes.clear()
        super().answer_request_vote(to, vote_granted)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (EveryoneHasItsVote, "one vote only", "sent"),
    (NobodyHasItsVote, "one vote only", "delivered"),
    (VotesForItself, "one vote only", "delivered"),
    (RefusalIsAVote, "no vote for a term that is not newer", "delivered"),
    (TermIsNotLookedAt, "no vote for a term that is not newer", "sent"),
    (SameTermIsNewEnough, "no vote for a term that is not newer", "sent"),
    (VoterDoesNotWait, "a vote restarts the timer", "sent"),
    (WhoRefusesWaitsToo, "a vote restarts the timer", "sent"),
    (RefusesInSilence, "one vote only", "delivered"),
    (RefusesInSilence, "no vote for a term that is not newer", "delivered"),
    (EveryoneHearsTheVote, "one vote only", "sent"),
    (VoterRunsToo, "one vote only", "sent"),
    (VoteIsATerm, "one vote only", "failed"),
    (VoterRaisesItsTerm, "one vote only", "delivered"),
    (SecondCandidateDelaysTheVoter, "a vote restarts the timer", "sent"),
    (LeaderRefuses, "no vote for a term that is not newer", "delivered"),
    (WinnerHasVotedForItself, "no vote for a term that is not newer", "delivered"),
    (AskedLeaderStepsDown, "no vote for a term that is not newer", "delivered"),
    (HeartbeatClearsTheVote, "one vote only", "sent"),
    (ElectionClearsTheVote, "one vote only", "sent"),
    (VictoryClearsTheVote, "one vote only", "sent"),
    (ChosenCandidateIsAlwaysGranted, "no vote for a term that is not newer", "sent"),
    (FirstServerGetsNoVote, "one vote only", "delivered"),
    (VotesBeyondItsLogOnly, "one vote only", "delivered"),
    (VotesForNearTermsOnly, "no vote for a term that is not newer", "delivered"),
    (RequestStopsTheHeartbeats, "no vote for a term that is not newer", "delivered"),
    (RefusingEndsTheCandidacy, "no vote for a term that is not newer", "delivered"),
    (RefusingClearsTheVotes, "no vote for a term that is not newer", "delivered"),
)
