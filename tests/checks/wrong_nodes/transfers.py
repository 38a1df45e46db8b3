"""Wrong Nodes for step 18: leaders that hand over badly, and successors that do not take over."""

from dataclasses import replace

from raft_steps import step_17_membership as step_17
from raft_steps import step_18_pre_vote as step_18
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Configuration, Get, Ok, Request, Transfer
from raft_steps.step_18_pre_vote import TimeoutNow


class KeepsItsLease(step_18.Node):
    """A leader whose last call was answered answers reads without another, also while it hands over (tikv 1593)."""

    def on_client_request(self, client: str, request: Request) -> None:
        if self.is_leader and isinstance(request, Get):
            self.answer_read(client, request)
        else:
            super().on_client_request(client, request)

    def answer_read(self, client: str, request: Get) -> None:
        if self.is_confirmed(self.round):
            self.open_reads[client] = (self.read_index(), request)
            self.answer_clients()
        else:
            super().answer_read(client, request)


class CallsTheElectionTooEarly(step_18.Node):
    """The successor is asked at once, whatever it lacks: it cannot win, and nobody can for a while."""

    def call_election(self, peer: str) -> None:
        if peer == self.successor:
            self.send(peer, TimeoutNow(term=self.current_term))


class AsksOnlyOnce(step_18.Node):
    """A successor that lacks an entry is never asked."""

    def record_match(self, peer: str, match_index: int) -> None:
        step_17.Node.record_match(self, peer, match_index)


class CallsEveryone(step_18.Node):
    """Every server that has the whole log is asked, and the votes are split."""

    def call_election(self, peer: str) -> None:
        for other in self.peers() if peer == self.successor else ():
            self.successor, kept = other, self.successor
            super().call_election(other)
            self.successor = kept


class AcceptsCommandsMeanwhile(step_18.Node):
    """Commands are logged during a transfer, so that the successor may never have the whole log."""

    def on_client_request(self, client: str, request: Request) -> None:
        if isinstance(request, Transfer):
            super().on_client_request(client, request)
        else:
            step_17.Node.on_client_request(self, client, request)


class ChangesMembersMeanwhile(step_18.Node):
    """A change of the members begins during a transfer: it is lost with this leader, or holds the successor up."""

    def on_client_request(self, client: str, request: Request) -> None:
        if isinstance(request, Configuration):
            step_17.Node.on_client_request(self, client, request)
        else:
            super().on_client_request(client, request)


class NeverAcceptsCommandsAgain(step_18.Node):
    """A transfer that fails leaves a leader that accepts no commands."""

    def on_transfer_timeout(self) -> None:
        pass


class HandsOverToAnyone(step_18.Node):
    """A transfer to itself or to a stranger begins like any other, and clients are refused for it."""

    def on_client_request(self, client: str, request: Request) -> None:
        if self.is_leader and isinstance(request, Transfer):
            self.match_index.setdefault(request.server, 0)
            self.successor = request.server
            self.start_timer("transfer", self.election_timeout_range[0])
            self.reply(client, Ok())
            self.call_election(request.server)
        else:
            super().on_client_request(client, request)


class HandsOverToALearner(HandsOverToAnyone):
    """A learner can be asked to run, which nobody counts: clients are refused for nothing."""

    def on_client_request(self, client: str, request: Request) -> None:
        if isinstance(request, Transfer) and request.server in self.learners:
            super().on_client_request(client, request)
        else:
            step_18.Node.on_client_request(self, client, request)


class StaysInTransfer(step_18.Node):
    """A server that is elected again still hands over."""

    def become_follower(self) -> None:
        successor = self.successor
        super().become_follower()
        self.successor = successor


class AsksBeforeItTakesOver(step_18.Node):
    """The successor asks first, and everybody who hears the leader refuses: no transfer succeeds."""

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        if message.term == self.current_term:
            self.on_election_timeout()


class HidesTheTransfer(step_18.Node):
    """The successor does not state that the leader wants the election, and is refused."""

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        if message.term == self.current_term and not self.is_leader:
            self.start_election()


class ObeysOldLeaders(step_18.Node):
    """TimeoutNow of any term begins an election: a copy that arrives late deposes the leader of that time."""

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        super().on_timeout_now(sender, replace(message, term=self.current_term))


class ForgetsItself(step_18.Node):
    """A successor forgets the leader that asked it to run, and with it that it leads itself now."""

    def become_leader(self) -> None:
        super().become_leader()
        self.start_timer("leader", self.election_timeout_range[0] - 2)


class RunsAgainstItself(step_18.Node):
    """A leader that is asked to run leaves its own term, and counts as its leader without a vote."""

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        if message.term == self.current_term:
            self.start_election(is_transfer=True)


READY = "the successor is asked when it has the log"
HELD = "no commands while handing over"
AT_ONCE = "a successor runs at once"

# The wrong Nodes, each with the check that catches it and the kind of event that it marks.
MISTAKES = (
    (CallsTheElectionTooEarly, READY, "sent"),
    (AsksOnlyOnce, READY, "delivered"),
    (CallsEveryone, READY, "asked"),
    (AcceptsCommandsMeanwhile, HELD, "sent"),
    (NeverAcceptsCommandsAgain, HELD, "asked"),
    (HandsOverToAnyone, HELD, "answered"),
    (StaysInTransfer, HELD, "answered"),
    (AsksBeforeItTakesOver, AT_ONCE, "delivered"),
    (HidesTheTransfer, AT_ONCE, "sent"),
    (ObeysOldLeaders, AT_ONCE, "sent"),
    (ForgetsItself, AT_ONCE, "sent"),
    (RunsAgainstItself, AT_ONCE, "delivered"),
    (ChangesMembersMeanwhile, HELD, "asked"),
    (HandsOverToALearner, HELD, "answered"),
    (KeepsItsLease, STILL_HOLDS, "asked"),
)
