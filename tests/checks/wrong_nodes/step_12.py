"""Wrong Nodes for step 12: what is stored too little, too late, too much, or discarded at a restart."""

from typing import ClassVar

from raft_steps import step_11_commit_index as step_11
from raft_steps import step_12_persistence as step_12
from raft_steps.step_10_up_to_date_logs import RequestVote


class VoteIsForgotten(step_12.Node):
    """Term and log are on disk, the vote is not."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class TermIsForgotten(step_12.Node):
    """Vote and log are on disk, the term is not; the vote then belongs to whatever term comes."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class LogIsForgotten(step_12.Node):
    """Term and vote are on disk, the log is not."""

    durable: ClassVar[tuple[str, ...]] = ("current_term", "voted_for")


class VoteIsReset(step_12.Node):
    """All three are on disk, but the vote is cleared at the start."""

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = None


class TermIsReset(step_12.Node):
    """All three are on disk, but the term is set to its default, 0, at the start."""

    def on_start(self) -> None:
        self.current_term = 0
        super().on_start()


class TermIsThatOfTheLog(step_12.Node):
    """All three are on disk, but the term is taken from the last entry, as in the original."""

    def on_start(self) -> None:
        super().on_start()
        self.current_term = self.log.last_term


class TermIsReadAlone(step_12.Node):
    """The term is read from disk, even if the log has a newer one."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()


class ElectionIsNotStored(step_11.Node):
    """Term and vote are stored when a server adopts a term or votes, but not when it starts an election.

    A course's own code lacked the call in this very place (Bug_StartElectionMissingPersist).
    """

    durable: ClassVar[tuple[str, ...]] = ("log", "stored_term", "stored_vote")
    stored_term: int = 0
    stored_vote: str | None = None

    def on_start(self) -> None:
        super().on_start()
        self.current_term = max(self.stored_term, self.log.last_term)
        self.voted_for = self.stored_vote

    def persist(self) -> None:
        self.stored_term, self.stored_vote = self.current_term, self.voted_for

    def learn_term(self, term: int) -> None:
        super().learn_term(term)
        self.persist()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.persist()


class NewTermIsNotStored(ElectionIsNotStored):
    """The other missing copy: a newer term that is adopted is not stored (Bug_BecomeFollowerMissingPersist)."""

    def learn_term(self, term: int) -> None:
        step_11.Node.learn_term(self, term)

    def start_election(self) -> None:
        super().start_election()
        self.persist()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        if self.voted_for is not None:
            self.persist()


class StoresAtTheNextEvent(ElectionIsNotStored):
    """The copy to disk is made when the next message arrives: a crash in between loses it."""

    def learn_term(self, term: int) -> None:
        self.persist()
        step_11.Node.learn_term(self, term)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        step_11.Node.on_request_vote(self, sender, message)


class StoresWithTheHeartbeat(ElectionIsNotStored):
    """Term and vote are stored with the entries of a call: too late for every vote."""

    def learn_term(self, term: int) -> None:
        step_11.Node.learn_term(self, term)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        step_11.Node.on_request_vote(self, sender, message)

    def become_follower(self) -> None:
        super().become_follower()
        self.persist()


class VoteIsAFlag(step_12.Node):
    """The disk stores that a vote was granted, but not to which candidate, so that candidate cannot ask again."""

    def on_start(self) -> None:
        super().on_start()
        if self.voted_for is not None:
            self.voted_for = "somebody"


class VoteIsKeptForever(step_12.Node):
    """A vote is stored when it is granted, but not when a newer term clears it."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "last_vote")
    last_vote: str | None = None

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = self.last_vote

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        super().on_request_vote(sender, message)
        self.last_vote = self.voted_for or self.last_vote

    def start_election(self) -> None:
        super().start_election()
        self.last_vote = self.voted_for


class StateMachineIsKept(step_12.Node):
    """The state machine is on disk, but last_applied is not: every entry is applied a second time."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "state_machine")


class LastAppliedIsKept(step_12.Node):
    """last_applied is on disk, but the state machine is not: no entry is applied again."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "commit_index", "last_applied")


class WholeLogIsReplayed(step_12.Node):
    """The whole log is applied at the start, as up to step 10, even entries that are not committed."""

    def on_start(self) -> None:
        super().on_start()
        self.commit_up_to(self.log.last_index)


class LeaderStaysLeader(step_12.Node):
    """The role is on disk too, and a leader restarts as leader."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "is_leader")


class WaitsForNobody(step_12.Node):
    """A restarted server starts no election timer."""

    def on_start(self) -> None:
        if self.current_term:
            self.draw_election_timeout()
        else:
            super().on_start()


class NobodyIsToldToLead(step_12.Node):
    """A named leader starts as a follower."""

    def on_start(self) -> None:
        self.current_term = max(self.current_term, self.log.last_term)
        self.draw_election_timeout()
        self.start_election_timer()


class TimeoutIsNotDrawn(step_12.Node):
    """Every start uses the same timeout."""

    election_timeout: float = 7.5

    def on_start(self) -> None:
        self.current_term = max(self.current_term, self.log.last_term)
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()


class LeadsBeforeItKnowsTheTerm(step_12.Node):
    """A named leader leads in term 0, and reads the log's term only then."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()
        self.current_term = max(self.current_term, self.log.last_term)


class LearnsFromItsLog(step_12.Node):
    """The log's term is adopted like another server's: a named leader steps down."""

    def on_start(self) -> None:
        self.learn_term(self.log.last_term)
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()


OUTLIVES, OWN, TERM = (
    "a vote survives a crash",
    "a vote for itself survives a crash",
    "a term survives a crash whatever brought it",
)
ONCE, FIRST = "entries are applied once after a crash", "a first start is as before"

# For each wrong Node, the check that should catch it, and the kind of event that the check marks.
MISTAKES: tuple[tuple[type, str, str], ...] = (
    (VoteIsForgotten, OUTLIVES, "sent"),
    (TermIsForgotten, TERM, "delivered"),
    (LogIsForgotten, "the log survives a crash", "restarted"),
    (VoteIsReset, OUTLIVES, "sent"),
    (TermIsReset, TERM, "delivered"),
    (TermIsThatOfTheLog, TERM, "delivered"),
    (TermIsReadAlone, "a term is never older than the log", "sent"),
    (ElectionIsNotStored, OWN, "sent"),
    (NewTermIsNotStored, TERM, "delivered"),
    (StoresAtTheNextEvent, OUTLIVES, "sent"),
    (StoresWithTheHeartbeat, OUTLIVES, "sent"),
    (VoteIsAFlag, "the same candidate gets the vote again", "sent"),
    (VoteIsKeptForever, "a new term is stored without a vote", "sent"),
    (StateMachineIsKept, ONCE, "restarted"),
    (LastAppliedIsKept, ONCE, "restarted"),
    (WholeLogIsReplayed, ONCE, "delivered"),
    (LeaderStaysLeader, "a server starts as a follower", "sent"),
    (WaitsForNobody, "a server starts as a follower", "restarted"),
    (NobodyIsToldToLead, FIRST, "started"),
    (TimeoutIsNotDrawn, FIRST, "timer_started"),
    (LeadsBeforeItKnowsTheTerm, FIRST, "sent"),
    (LearnsFromItsLog, FIRST, "started"),
)
