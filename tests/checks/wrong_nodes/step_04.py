"""Wrong Nodes for step 4: servers that wait, start elections, count and lead wrongly."""

from typing import ClassVar

from raft_steps import step_04_leader_election as step_04
from raft_steps.lab.commands import Command
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntries
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply


class NobodyRuns(step_04.Node):
    """The election timer is never started."""

    def start_election_timer(self) -> None:
        pass


class TermStays(step_04.Node):
    """The candidate asks for votes in its current term."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.votes.add(self.name)
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))


class CandidacyIsNotSet(step_04.Node):
    """A candidate does not set is_candidate."""

    def start_election(self) -> None:
        super().start_election()
        self.is_candidate = False


class OneServerIsAsked(step_04.Node):
    """The candidate asks only as many servers as it needs."""

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
    """The timeout is any number from 8 to 18."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = self.random.uniform(8, 18)


class TimeoutIsTheSameForAll(step_04.Node):
    """The timeout is not drawn."""

    def draw_election_timeout(self) -> None:
        self.election_timeout = 10


class HeartbeatsAreIgnored(step_04.Node):
    """A call does not restart the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super(step_04.Node, self).on_append_entries(sender, message)


class HeartbeatIsAnsweredTwice(step_04.Node):
    """The inherited handler runs twice, before and after the timer is started."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super(step_04.Node, self).on_append_entries(sender, message)
        super().on_append_entries(sender, message)


class HeartbeatStopsTheTimer(step_04.Node):
    """A call stops the election timer for good."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.cancel_timer("election")
        super(step_04.Node, self).on_append_entries(sender, message)


class RefusalsAreVotes(step_04.Node):
    """Every reply counts as a vote."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, RequestVoteReply(vote_granted=True))


class CandidateLeadsAtOnce(step_04.Node):
    """The candidate does not wait for votes."""

    def start_election(self) -> None:
        super().start_election()
        self.become_leader()


class OwnVoteIsForgotten(step_04.Node):
    """The candidate counts only the votes of others."""

    def start_election(self) -> None:
        super().start_election()
        self.votes.discard(self.name)


class WaitsForAnotherVote(step_04.Node):
    """Only an incoming vote makes the candidate count, so a single server waits forever."""

    def start_election(self) -> None:
        self.is_candidate = True
        self.current_term += 1
        self.votes.add(self.name)
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))


class RepliesAreCounted(step_04.Node):
    """Votes are counted instead of voters."""

    count: int = 1

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.count += 1
            if not self.is_leader and 2 * self.count >= len(self.servers):
                self.become_leader()


class WinsWithEveryVote(step_04.Node):
    """A leader becomes leader again with every further vote."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if 2 * len(self.votes) >= len(self.servers):
                self.become_leader()


class CandidacyIsNotOver(step_04.Node):
    """The winner leads, and is_candidate stays set."""

    def become_leader(self) -> None:
        super().become_leader()
        self.is_candidate = True


class WinnerKeepsItToItself(step_04.Node):
    """The new leader waits an interval before its first heartbeat."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.start_timer("heartbeat", self.heartbeat_interval)


class LeaderTimesOut(step_04.Node):
    """The election timer keeps running when the election is won."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.replay_log()
        self.on_heartbeat_timeout()


class NamedLeaderTimesOut(step_04.Node):
    """The election timer is started last, when the named leader leads already."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        super(step_04.Node, self).on_start()
        self.start_election_timer()


class ReplayAddsToWhatIsThere(step_04.Node):
    """The replay keeps the old state machine, with the effects of entries that are no longer in the log."""

    def replay_log(self) -> None:
        for entry in self.log:
            self.apply(entry)


class LogIsNotCarriedOut(step_04.Node):
    """The new leader does not replay its log."""

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
    """A candidate that starts another election stays in its term."""

    def start_election(self) -> None:
        if self.is_candidate:
            self.current_term -= 1
        super().start_election()


class AllMustVote(step_04.Node):
    """Half and one more are not enough either."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if not self.is_leader and len(self.votes) > len(self.servers) - 2:
                self.become_leader()


class OnlyFittingCallsRestartTheTimer(step_04.Node):
    """A call that is refused does not restart the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if self.log.term_at(message.prev_log_index) == message.prev_log_term:
            self.start_election_timer()
        super(step_04.Node, self).on_append_entries(sender, message)


class HeartbeatsShortenTheTimeout(step_04.Node):
    """After a heartbeat the follower waits for any time."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.election_timeout = self.random.uniform(8, 18)
        super().on_append_entries(sender, message)


class OneMoreHeartbeatOnly(step_04.Node):
    """The winner sends its first heartbeat, and starts no timer for the next."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()


class WritesInTheOldTerm(step_04.Node):
    """A leader's entries have the term of its last entry."""

    def next_entry(self, command: Command) -> Entry:
        return Entry(index=self.log.last_index + 1, term=self.log.last_term, command=command)


class OwnVoteIsThatOfItsChoice(step_04.Node):
    """A candidate counts the server for which it has voted, instead of itself."""

    def start_election(self) -> None:
        super().start_election()
        if self.voted_for is not None:
            self.votes.discard(self.name)
            self.votes.add(self.voted_for)


class CallsAreNotStored(step_04.Node):
    """The handler of the step before is forgotten."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.start_election_timer()
        self.answer_append_entries(sender, True, message.prev_log_index)


class StartIsForgotten(step_04.Node):
    """The start of the step before is forgotten, so the log is not replayed."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()
        self.current_term = self.log.last_term
        if self.is_leader:
            self.become_leader()


class GivenVoteIsCounted(step_04.Node):
    """A vote that the server gives to another one is counted as if it were its own."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if self.voted_for is not None:
            self.votes.add(self.voted_for)


class MajorityIsHitTwice(step_04.Node):
    """A vote that arrives twice makes the leader win again."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if len(self.votes) == len(self.servers) // 2 + 1:
                self.become_leader()


class ThreeVotesAreEnough(step_04.Node):
    """Three votes are enough in a cluster of any size."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted:
            self.votes.add(sender)
            if not self.is_leader and (len(self.votes) >= 3 or 2 * len(self.votes) >= len(self.servers)):
                self.become_leader()


class LateRefusalTakesTheVoteBack(step_04.Node):
    """A refusal cancels the vote of the same server."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if not message.vote_granted:
            self.votes.discard(sender)
        super().on_request_vote_reply(sender, message)


class LateRefusalDeposes(step_04.Node):
    """A leader that receives a refusal leads no longer."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, message)
        self.is_leader = self.is_leader and message.vote_granted


class VictoryRaisesTheTerm(step_04.Node):
    """The winner leads in the term after that of its election."""

    def become_leader(self) -> None:
        self.current_term += 1
        super().become_leader()


class WinnerReplaysTwice(step_04.Node):
    """The winner applies its log twice."""

    def become_leader(self) -> None:
        super().become_leader()
        self.replay_log()


class CandidateIgnoresCalls(step_04.Node):
    """A candidate does not answer a leader's call."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if not self.is_candidate:
            super().on_append_entries(sender, message)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (NobodyRuns, "silence starts an election", "started"),
    (TermStays, "silence starts an election", "sent"),
    (CandidacyIsNotSet, "silence starts an election", "sent"),
    (OneServerIsAsked, "silence starts an election", "sent"),
    (TimeoutOf18IsNeverDrawn, "the timeout is a whole number from 8 to 18", "timer_started"),
    (TimeoutIsNoWholeNumber, "the timeout is a whole number from 8 to 18", "timer_started"),
    (TimeoutIsTheSameForAll, "the timeout is a whole number from 8 to 18", "timer_started"),
    (HeartbeatsAreIgnored, "a heartbeat restarts the timer", "sent"),
    (HeartbeatIsAnsweredTwice, "a heartbeat restarts the timer", "sent"),
    (HeartbeatStopsTheTimer, "a heartbeat restarts the timer", "delivered"),
    (RefusalsAreVotes, "half of the servers win", "delivered"),
    (CandidateLeadsAtOnce, "half of the servers win", "timer_fired"),
    (OwnVoteIsForgotten, "half of the servers win", "delivered"),
    (WaitsForAnotherVote, "a single server elects itself", "timer_fired"),
    (RepliesAreCounted, "half of the servers win", "delivered"),
    (WinsWithEveryVote, "the winner sends heartbeats at once", "sent"),
    (CandidacyIsNotOver, "the winner sends heartbeats at once", "delivered"),
    (WinnerKeepsItToItself, "the winner sends heartbeats at once", "delivered"),
    (LeaderTimesOut, "a leader does not time out", "sent"),
    (NamedLeaderTimesOut, "a leader does not time out", "sent"),
    (ReplayAddsToWhatIsThere, "a new leader has applied its log", "answered"),
    (LogIsNotCarriedOut, "a new leader has applied its log", "answered"),
    (CandidateGivesUp, "a failed election is retried", "timer_fired"),
    (TermIsRaisedOnce, "a failed election is retried", "sent"),
    (AllMustVote, "half of the servers win", "delivered"),
    (OnlyFittingCallsRestartTheTimer, "a heartbeat restarts the timer", "sent"),
    (HeartbeatsShortenTheTimeout, "a heartbeat restarts the timer", "timer_started"),
    (OneMoreHeartbeatOnly, "the winner sends heartbeats at once", "delivered"),
    (WritesInTheOldTerm, "a single server elects itself", "answered"),
    (OwnVoteIsThatOfItsChoice, "a vote restarts the timer", "delivered"),
    (CallsAreNotStored, "the rules of earlier steps still hold", "sent"),
    (StartIsForgotten, "the rules of earlier steps still hold", "restarted"),
    (GivenVoteIsCounted, "half of the servers win", "delivered"),
    (MajorityIsHitTwice, "the winner sends heartbeats at once", "sent"),
    (ThreeVotesAreEnough, "half of the servers win", "delivered"),
    (LateRefusalTakesTheVoteBack, "half of the servers win", "delivered"),
    (LateRefusalDeposes, "the winner sends heartbeats at once", "delivered"),
    (VictoryRaisesTheTerm, "the winner sends heartbeats at once", "delivered"),
    (WinnerReplaysTwice, "a new leader has applied its log", "applied"),
    (CandidateIgnoresCalls, "a heartbeat restarts the timer", "delivered"),
)
