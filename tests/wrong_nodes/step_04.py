"""Wrong Nodes for step 4: servers that run, vote, count and lead wrongly."""

from typing import ClassVar

from raft_steps import step_04_leader_election as step_04
from raft_steps.step_02_append_entries import AppendEntries
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply


class NobodyRuns(step_04.Node):
    """The timer is never started."""

    def start_election_timer(self) -> None:
        pass


class TermStays(step_04.Node):
    """The candidate asks for votes in the term that it is in already."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.votes.add(self.name)
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))


class OneServerIsAsked(step_04.Node):
    """The candidate asks only as many as it needs."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.current_term += 1
        self.votes.add(self.name)
        self.start_election_timer()
        self.send(self.peers()[0], RequestVote(term=self.current_term))


class TimeoutOf18IsNeverDrawn(step_04.Node):
    """The upper end of the range is left out."""

    election_timeout_range: ClassVar[tuple[float, float]] = (8, 17)


class TimeoutIsNoWholeNumber(step_04.Node):
    """Any number from 8 to 18 is drawn."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.uniform(8, 18)


class TimeoutIsTheSameForAll(step_04.Node):
    """Nothing is drawn at all."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = 10


class HeartbeatsAreNotHeeded(step_04.Node):
    """The election timer goes on whatever a leader says."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super(step_04.Node, self).on_append_entries(sender, message)


class HeartbeatStopsTheTimer(step_04.Node):
    """Whoever has heard a leader once never runs again."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.cancel_timer("election")
        super(step_04.Node, self).on_append_entries(sender, message)


class EveryoneHasItsVote(step_04.Node):
    """Whoever asks with a newer term has the vote; nobody notes who had it."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.answer_request_vote(sender, message.term > self.current_term)


class NobodyHasItsVote(step_04.Node):
    """A server has voted for itself, and so for nobody else, from the beginning."""

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = self.name


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


class RefusalsAreVotes(step_04.Node):
    """Every answer counts."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, RequestVoteReply(vote_granted=True))


class CandidateLeadsAtOnce(step_04.Node):
    """The candidate does not wait for the answers."""

    def start_election(self) -> None:
        super().start_election()
        self.become_leader()


class OwnVoteIsForgotten(step_04.Node):
    """The candidate asks the others, and counts the others."""

    def start_election(self) -> None:
        super().start_election()
        self.votes.discard(self.name)


class RepliesAreCounted(step_04.Node):
    """Votes are counted, and not who gave them."""

    count: int = 1

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.count += 1
            if not self.is_leader and 2 * self.count >= len(self.servers):
                self.become_leader()


class WinsWithEveryVote(step_04.Node):
    """Whoever leads already becomes leader again with the next vote."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if 2 * len(self.votes) >= len(self.servers):
                self.become_leader()


class WinnerKeepsItToItself(step_04.Node):
    """The new leader waits an interval before it says anything."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.start_timer("heartbeat", self.heartbeat_interval)


class LeaderTimesOut(step_04.Node):
    """The election timer goes on when the election is won."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.replay_log()
        self.on_heartbeat_timeout()


class LogIsNotCarriedOut(step_04.Node):
    """The new leader leaves its state machine as it is."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.on_heartbeat_timeout()


class CandidateGivesUp(step_04.Node):
    """The timer is not restarted when an election begins, as in the original's first commit."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.current_term += 1
        self.votes.add(self.name)
        self.broadcast(RequestVote(term=self.current_term))


class TermIsRaisedOnce(step_04.Node):
    """A candidate that runs again stays in its term."""

    def start_election(self) -> None:
        if self.is_candidate:
            self.current_term -= 1
        super().start_election()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (NobodyRuns, "silence starts an election", "started"),
    (TermStays, "silence starts an election", "sent"),
    (OneServerIsAsked, "silence starts an election", "sent"),
    (TimeoutOf18IsNeverDrawn, "the timeout is a whole number from 8 to 18", "timer_started"),
    (TimeoutIsNoWholeNumber, "the timeout is a whole number from 8 to 18", "timer_started"),
    (TimeoutIsTheSameForAll, "the timeout is a whole number from 8 to 18", "timer_started"),
    (HeartbeatsAreNotHeeded, "a heartbeat restarts the timer", "sent"),
    (HeartbeatStopsTheTimer, "a heartbeat restarts the timer", "delivered"),
    (EveryoneHasItsVote, "one vote only", "sent"),
    (NobodyHasItsVote, "one vote only", "delivered"),
    (TermIsNotLookedAt, "no vote for a term that is not newer", "sent"),
    (SameTermIsNewEnough, "no vote for a term that is not newer", "sent"),
    (RefusalsAreVotes, "half of the servers win", "delivered"),
    (CandidateLeadsAtOnce, "half of the servers win", "timer_fired"),
    (OwnVoteIsForgotten, "half of the servers win", "delivered"),
    (RepliesAreCounted, "half of the servers win", "delivered"),
    (WinsWithEveryVote, "the winner sends heartbeats at once", "sent"),
    (WinnerKeepsItToItself, "the winner sends heartbeats at once", "delivered"),
    (LeaderTimesOut, "a leader does not time out", "sent"),
    (LogIsNotCarriedOut, "a new leader has carried out its log", "answered"),
    (CandidateGivesUp, "a failed election is tried again", "timer_fired"),
    (TermIsRaisedOnce, "a failed election is tried again", "sent"),
)
