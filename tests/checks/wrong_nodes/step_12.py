"""Wrong Nodes for step 12: what is stored too little, too late, too much, or thrown away when a life begins."""

from typing import ClassVar

from raft_steps import step_11_commit_index as step_11
from raft_steps import step_12_persistence as step_12
from raft_steps.step_10_up_to_date_logs import RequestVote


class VoteIsForgotten(step_12.Node):
    """Term and log are on disk, the vote is not."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class TermIsForgotten(step_12.Node):
    """Vote and log are on disk, the term is not; the vote then stands in whatever term comes."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class LogIsForgotten(step_12.Node):
    """Term and vote are on disk, and whoever wrote that line left the log out."""

    durable: ClassVar[tuple[str, ...]] = ("current_term", "voted_for")


class VoteIsReset(step_12.Node):
    """All three are on disk, and a new life begins without a vote."""

    def on_start(self) -> None:
        super().on_start()
        self.voted_for = None


class TermIsReset(step_12.Node):
    """All three are on disk, and a new life begins in term 0, as the declared default says."""

    def on_start(self) -> None:
        self.current_term = 0
        super().on_start()


class TermIsThatOfTheLog(step_12.Node):
    """All three are on disk, and the term is taken from the last entry all the same, as in the original."""

    def on_start(self) -> None:
        super().on_start()
        self.current_term = self.log.last_term


class TermIsReadAlone(step_12.Node):
    """What is on disk is the term, whatever the log says."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()


class ElectionIsNotStored(step_11.Node):
    """Term and vote are copied to the disk where a server learns or votes, but not where it runs for leader itself.

    In a course's own code the call was missing in just that place (Bug_StartElectionMissingPersist).
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
    """The same with the other place: a newer term that is learned is not stored (Bug_BecomeFollowerMissingPersist)."""

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
    """What is to be stored is stored when the next message arrives: a crash in between takes it away."""

    def learn_term(self, term: int) -> None:
        self.persist()
        step_11.Node.learn_term(self, term)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        step_11.Node.on_request_vote(self, sender, message)


class StoresWithTheHeartbeat(ElectionIsNotStored):
    """Term and vote go to the disk with the entries, when a leader calls: cheap, and too late for every vote."""

    def learn_term(self, term: int) -> None:
        step_11.Node.learn_term(self, term)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        step_11.Node.on_request_vote(self, sender, message)

    def become_follower(self) -> None:
        super().become_follower()
        self.persist()


class VoteIsAFlag(step_12.Node):
    """The disk keeps that a vote was given, and not to whom: the candidate who has it cannot ask again."""

    def on_start(self) -> None:
        super().on_start()
        if self.voted_for is not None:
            self.voted_for = "somebody"


class VoteIsKeptForever(step_12.Node):
    """A vote is stored when it is given; that a newer term took it away is not."""

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
    """The state machine is on disk, and how far it has come is not: everything is carried out on it a second time."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "state_machine")


class LastAppliedIsKept(step_12.Node):
    """How far the state machine has come is on disk, and the state machine is not: nothing is carried out again."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "commit_index", "last_applied")


class WholeLogIsReplayed(step_12.Node):
    """A new life carries out its whole log, as up to step 10: also what nobody has said to be committed."""

    def on_start(self) -> None:
        super().on_start()
        self.commit_up_to(self.log.last_index)


class LeaderStaysLeader(step_12.Node):
    """The role is on disk too, and whoever led goes on."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "is_leader")


class WaitsForNobody(step_12.Node):
    """A server that comes back waits to be called, and starts no timer of its own."""

    def on_start(self) -> None:
        if self.current_term:
            self.draw_election_timeout()
        else:
            super().on_start()


class NobodyIsToldToLead(step_12.Node):
    """A first start knows followers alone."""

    def on_start(self) -> None:
        self.current_term = max(self.current_term, self.log.last_term)
        self.draw_election_timeout()
        self.start_election_timer()


class TimeoutIsNotDrawn(step_12.Node):
    """Every life begins with the same timeout."""

    election_timeout: float = 7.5

    def on_start(self) -> None:
        self.current_term = max(self.current_term, self.log.last_term)
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()


class LeadsBeforeItKnowsTheTerm(step_12.Node):
    """Who is told to lead does so in term 0, and looks for the log's term only then."""

    def on_start(self) -> None:
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()
        self.current_term = max(self.current_term, self.log.last_term)


class LearnsFromItsLog(step_12.Node):
    """The log's term is heard of as another server's is: who is told to lead gives it up, and has drawn no timeout."""

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

# Of each wrong Node the check that is meant for it, and the kind of event that the check marks.
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
    (LearnsFromItsLog, FIRST, "failed"),
)
