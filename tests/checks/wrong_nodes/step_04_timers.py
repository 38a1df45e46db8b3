"""Wrong Nodes for step 4: servers whose election timer runs too long or too short, or whose term falls back."""

from raft_steps import step_04_leader_election as step_04
from raft_steps.lab.commands import Command
from raft_steps.step_02_append_entries import AppendEntries, AppendEntriesReply
from raft_steps.step_04_leader_election import RequestVote, RequestVoteReply


class OnlyHeartbeatsRestart(step_04.Node):
    """A call with entries does not restart the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.entries:
            super(step_04.Node, self).on_append_entries(sender, message)
        else:
            super().on_append_entries(sender, message)


class OnlyNewEntriesRestart(step_04.Node):
    """A call with entries restarts the election timer only if one of them is new."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        before = self.log.last_index
        super(step_04.Node, self).on_append_entries(sender, message)
        if not message.entries or self.log.last_index > before:
            self.start_election_timer()


class OnlyTheChosenRestarts(step_04.Node):
    """After its vote, only calls of the server that it chose restart the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if self.voted_for in (None, sender):
            super().on_append_entries(sender, message)
        else:
            super(step_04.Node, self).on_append_entries(sender, message)


class OnlyTheFirstLeaderRestarts(step_04.Node):
    """Only calls of the first leader restart the election timer."""

    leader: str = ""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.leader = self.leader or sender
        if sender == self.leader:
            super().on_append_entries(sender, message)
        else:
            super(step_04.Node, self).on_append_entries(sender, message)


class StoresForTheChosenOnly(step_04.Node):
    """After its vote, a server does not answer the calls of other servers than the one that it chose."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if self.voted_for in (None, sender):
            super().on_append_entries(sender, message)
        else:
            self.start_election_timer()


class CandidatesTimerRunsOn(step_04.Node):
    """A call does not restart the election timer of a candidate."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if self.is_candidate:
            super(step_04.Node, self).on_append_entries(sender, message)
        else:
            super().on_append_entries(sender, message)


class WinnersCallStopsTheTimer(step_04.Node):
    """The call of the server that it chose stops the election timer."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if sender == self.voted_for:
            self.cancel_timer("election")


class EightSecondsAfterItsVote(step_04.Node):
    """A voter waits 8 seconds, whatever its timeout is."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        before = self.voted_for
        super().on_request_vote(sender, message)
        if before is None and self.voted_for is not None:
            self.start_timer("election", 8)


class TenSecondsAsCandidate(step_04.Node):
    """A candidate waits 10 seconds for votes, whatever its timeout is."""

    def start_election(self) -> None:
        super().start_election()
        if not self.is_leader:
            self.start_timer("election", 10)


class RefusalsRestartTheTimer(step_04.Node):
    """A candidate waits a full timeout again after each refusal."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, message)
        if not message.vote_granted:
            self.start_election_timer()


class VotesRestartTheTimer(step_04.Node):
    """A candidate waits a full timeout again after each vote that is not enough."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, message)
        if message.vote_granted and not self.is_leader:
            self.start_election_timer()


class TermIsThatOfThePrecedingEntry(step_04.Node):
    """A follower takes over the term of the entry that a call follows."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.current_term = message.prev_log_term
        super().on_append_entries(sender, message)


class TermIsThatOfItsLog(step_04.Node):
    """After a call, a server is in the term of its last entry."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        self.current_term = self.log.last_term


class LateVoteStartsTheTimer(step_04.Node):
    """A leader that receives a further vote starts its election timer."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if self.is_leader and message.vote_granted:
            self.start_election_timer()
        super().on_request_vote_reply(sender, message)


class LateRefusalStartsTheTimer(step_04.Node):
    """A leader that receives a refusal starts its election timer."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if self.is_leader and not message.vote_granted:
            self.start_election_timer()
        super().on_request_vote_reply(sender, message)


class WritesStartTheTimer(step_04.Node):
    """A leader that logs a write starts its election timer."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.start_election_timer()


class AcknowledgementsStartTheTimer(step_04.Node):
    """A leader that receives an answer starts its election timer."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        self.start_election_timer()


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (OnlyHeartbeatsRestart, "a heartbeat restarts the timer", "sent"),
    (OnlyNewEntriesRestart, "a heartbeat restarts the timer", "sent"),
    (OnlyTheChosenRestarts, "a heartbeat restarts the timer", "sent"),
    (OnlyTheFirstLeaderRestarts, "a heartbeat restarts the timer", "sent"),
    (StoresForTheChosenOnly, "a heartbeat restarts the timer", "delivered"),
    (CandidatesTimerRunsOn, "a heartbeat restarts the timer", "sent"),
    (WinnersCallStopsTheTimer, "a heartbeat restarts the timer", "delivered"),
    (EightSecondsAfterItsVote, "a vote restarts the timer", "timer_started"),
    (TenSecondsAsCandidate, "a failed election is retried", "timer_started"),
    (RefusalsRestartTheTimer, "a failed election is retried", "sent"),
    (VotesRestartTheTimer, "a failed election is retried", "sent"),
    (TermIsThatOfThePrecedingEntry, "a heartbeat restarts the timer", "sent"),
    (TermIsThatOfItsLog, "a heartbeat restarts the timer", "sent"),
    (LateVoteStartsTheTimer, "a leader does not time out", "sent"),
    (LateRefusalStartsTheTimer, "a leader does not time out", "sent"),
    (WritesStartTheTimer, "a leader does not time out", "sent"),
    (AcknowledgementsStartTheTimer, "a leader does not time out", "sent"),
)
