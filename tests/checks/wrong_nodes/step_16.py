"""Wrong Nodes for step 16: snapshots of the wrong state, calls that fall between log and snapshot, states that go back."""

from dataclasses import field
from typing import Any

from raft_steps import step_16_snapshots as step_16
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.log import Entry, Log, Snapshot
from raft_steps.lab.snapshots import state_to_text
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_15_fast_catch_up import AppendEntriesReply
from raft_steps.step_16_snapshots import InstallSnapshot


class TakesOver(step_16.Node):
    """A right Node that asks a method of its own whether it takes a snapshot over, so that others can be wrong."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.become_follower()
        self.leader = sender
        if self.wants(message.snapshot):
            self.take_over(message.snapshot)
        index = message.snapshot.last_included_index
        self.answer_append_entries(sender, True, index, index, message.round)

    def wants(self, snapshot: Snapshot) -> bool:
        return snapshot.last_included_index > self.last_applied

    def take_over(self, snapshot: Snapshot) -> None:
        self.log.compact(snapshot)
        self.restore_snapshot()


# What is compacted.


class TakesTheWholeLog(step_16.Node):
    """The snapshot stands for all entries of the log, also for those that are not committed."""

    def take_snapshot(self) -> None:
        last = self.log[self.log.last_index]
        if last.index > self.log.base_index:
            data = state_to_text(self.state())
            self.log.compact(Snapshot(last_included_index=last.index, last_included_term=last.term, data=data))


class LeavesTheLastOne(step_16.Node):
    """The last entry that was applied stays in the log, although the state already has it."""

    def take_snapshot(self) -> None:
        index = self.last_applied - 1
        if index > self.log.base_index:
            data = state_to_text(self.state())
            self.log.compact(Snapshot(last_included_index=index, last_included_term=self.log[index].term, data=data))


class TakesTheTermOfTheServer(step_16.Node):
    """The snapshot has the server's term, and not that of its last entry."""

    def take_snapshot(self) -> None:
        index = self.last_applied
        if index > self.log.base_index:
            data = state_to_text(self.state())
            self.log.compact(Snapshot(last_included_index=index, last_included_term=self.current_term, data=data))


class NeverCompacts(step_16.Node):
    """Only who is told to takes a snapshot: the log grows for ever."""

    def commit_up_to(self, index: int) -> None:
        limit, self.__class__.log_limit = self.log_limit, 10**9
        super().commit_up_to(index)
        self.__class__.log_limit = limit


class LeadersCompact(step_16.Node):
    """Only a leader compacts its log."""

    def commit_up_to(self, index: int) -> None:
        super(step_16.Node, self).commit_up_to(index)
        if self.is_leader and self.last_applied - self.log.base_index >= self.log_limit:
            self.take_snapshot()


class CountsAllEntries(step_16.Node):
    """The length of the log decides, applied or not; what is not applied is compacted, too."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        fits = super().store_entries(prev_log_index, prev_log_term, entries)
        if len(self.log) >= self.log_limit:
            last = self.log[self.log.last_index]
            data = state_to_text(self.state())
            self.log.compact(Snapshot(last_included_index=last.index, last_included_term=last.term, data=data))
        return fits


# What a restart begins with.


class RestoresNothing(step_16.Node):
    """A restart knows up to where everything is applied, and begins with an empty state machine."""

    def restore_snapshot(self) -> None:
        super().restore_snapshot()
        self.state_machine = {}


class AppliesTheWholeLogAfterARestart(step_16.Node):
    """A restart applies what comes after the snapshot at once, committed or not."""

    def on_start(self) -> None:
        super().on_start()
        self.commit_up_to(self.log.last_index)


class LeavesOutSessions(step_16.Node):
    """Sessions are not in the snapshot."""

    def state(self) -> dict[str, Any]:
        return {"state_machine": self.state_machine}


class LeavesOutResponses(step_16.Node):
    """The snapshot has the numbers of the sessions' commands, and not the responses to them."""

    def state(self) -> dict[str, Any]:
        return super().state() | {"sessions": {number: (serial, None) for number, (serial, _) in self.sessions.items()}}


# Who gets a snapshot, and when.


class SendsNoSnapshot(step_16.Node):
    """The leader goes back no further than its log, and calls again and again."""

    def send_entries(self, peer: str) -> None:
        self.next_index[peer] = max(self.next_index[peer], self.log.base_index + 1)
        super().send_entries(peer)


class SendsItToAll(step_16.Node):
    """One follower needs the snapshot, and all get it."""

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        for each in self.peers():
            super().send_snapshot(each, snapshot)


class SendsEntriesAtOnce(step_16.Node):
    """Entries follow the snapshot at once, and are refused if it is lost."""

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        super().send_snapshot(peer, snapshot)
        self.probing.discard(peer)
        self.send_new_entries(peer)


class SendsItOnce(step_16.Node):
    """Each snapshot is sent to a follower once, whether it arrives or not."""

    sent_to: set[tuple[str, int]] = field(default_factory=set)

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        place = (peer, snapshot.last_included_index)
        if place not in self.sent_to:
            self.sent_to.add(place)
            super().send_snapshot(peer, snapshot)


class SendsTheFirstOneAgain(step_16.Node):
    """A follower that has the snapshot which was sent first is never sent the present one (etcd 2918)."""

    first_sent: dict[str, Snapshot] = field(default_factory=dict)

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        first = self.first_sent.setdefault(peer, snapshot)
        if self.match_index[peer] < first.last_included_index:
            super().send_snapshot(peer, first)
        self.probing.add(peer)
        self.next_index[peer] = snapshot.last_included_index + 1


class WaitsWithTheNextSnapshot(step_16.Node):
    """A follower that has answered an earlier snapshot counts as one that has everything up to the present one."""

    def record_match(self, peer: str, match_index: int) -> None:
        known = max(match_index, self.log.base_index) if peer in self.probing else match_index
        super().record_match(peer, known)


class LooksBelowItsLog(step_16.Node):
    """Looks for the term in conflict among entries that are compacted."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        return super(step_16.Node, self).index_after_refusal(message)


class LeavesOutTheBase(step_16.Node):
    """Sends a snapshot although the log's base has the term in conflict."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        index = super().index_after_refusal(message)
        return 1 if index == self.log.base_index + 1 else index


class TakesTheBaseForAMatch(step_16.Node):
    """Goes on after the base, whatever term the follower has there."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        return max(super().index_after_refusal(message), self.log.base_index + 1)


# What a follower does with a snapshot.


class StoresItOnly(TakesOver):
    """The log begins with the snapshot, and the state machine stays as it was."""

    def take_over(self, snapshot: Snapshot) -> None:
        self.log.compact(snapshot)
        self.commit_index = self.last_applied = self.log.base_index


class RestoresItOnly(TakesOver):
    """The state is that of the snapshot, and the log has no snapshot: a restart would have neither."""

    def take_over(self, snapshot: Snapshot) -> None:
        log, self.log = self.log, Log((), snapshot)
        self.restore_snapshot()
        self.log = log


class AddsItToItsState(TakesOver):
    """What a key held before stays, unless it is in the snapshot, too; and nothing counts as applied."""

    def take_over(self, snapshot: Snapshot) -> None:
        super().take_over(snapshot)
        self.commit_index = self.last_applied = 0


class AnswersNothing(TakesOver):
    """Takes the snapshot over, and leaves it to the next call to say so."""

    def answer_append_entries(
        self, to: str, success: bool, prev_log_index: int, match_index: int, round_number: int
    ) -> None:
        if prev_log_index != self.log.base_index or not prev_log_index or len(self.log):
            super().answer_append_entries(to, success, prev_log_index, match_index, round_number)


class DropsWhatComesAfter(TakesOver):
    """All entries go, also those that come after the snapshot and fit."""

    def take_over(self, snapshot: Snapshot) -> None:
        self.log = Log((), snapshot)
        self.restore_snapshot()


class ClaimsItsWholeLog(TakesOver):
    """Answers that its log matches up to its end, also where nobody has compared it."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        super().on_install_snapshot(sender, message)
        if self.effects and self.log.last_index > self.log.base_index:
            self.effects.pop()
            self.answer_append_entries(sender, True, self.log.base_index, self.log.last_index, message.round)


class GoesBack(TakesOver):
    """Takes over any snapshot that its log can take (etcd-io/raft 157)."""

    def wants(self, snapshot: Snapshot) -> bool:
        return snapshot.last_included_index > self.log.base_index


class BeginsAnew(TakesOver):
    """Takes over any snapshot, with a new log if need be."""

    def wants(self, snapshot: Snapshot) -> bool:
        return True

    def take_over(self, snapshot: Snapshot) -> None:
        self.log = Log((), snapshot)
        self.restore_snapshot()


class RefusesOldSnapshots(TakesOver):
    """An old snapshot is refused, so that the leader sends it again."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        if message.term == self.current_term and not self.wants(message.snapshot):
            self.refuse_append_entries(sender)
        else:
            super().on_install_snapshot(sender, message)


class AcceptsOlderTerms(TakesOver):
    """A snapshot of any term is taken over."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        if message.term < self.current_term and self.wants(message.snapshot):
            self.take_over(message.snapshot)
        super().on_install_snapshot(sender, message)


class StaysWhatItWas(TakesOver):
    """A snapshot does not make a follower of a candidate or a leader, and the election timer runs on."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.leader = sender
        if self.wants(message.snapshot):
            self.take_over(message.snapshot)
        index = message.snapshot.last_included_index
        self.answer_append_entries(sender, True, index, index, message.round)


class DoesNotKnowTheLeader(TakesOver):
    """Who sends a snapshot is not named to clients."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        leader = self.leader
        super().on_install_snapshot(sender, message)
        self.leader = leader


class SnapshotsHaveNoRound(step_16.Node):
    """A snapshot is of round 0, so that its answer confirms nothing."""

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        number, self.round = self.round, 0
        super().send_snapshot(peer, snapshot)
        self.round = number


class AnswersInNoRound(TakesOver):
    """The answer to a snapshot is of round 0."""

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        super().on_install_snapshot(sender, InstallSnapshot(term=message.term, snapshot=message.snapshot, round=0))


class ForgetsToCompactAfterCatchingUp(step_16.Node):
    """Compacts a log only if it begins with the first entry, and a follower never."""

    def commit_up_to(self, index: int) -> None:
        super(step_16.Node, self).commit_up_to(index)
        if self.is_leader and not self.log.base_index and self.last_applied >= self.log_limit:
            self.take_snapshot()


class RefusesFittingCalls(step_16.Node):
    """Every call with entries is refused."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.entries and message.term >= self.current_term:
            self.learn_term(message.term)
            self.become_follower()
            self.answer_append_entries(sender, False, message.prev_log_index, 0, message.round)
        else:
            super().on_append_entries(sender, message)


(STANDS, LIMIT, RESTART, SESSIONS, BEHIND, LOST, MEANWHILE, BACK, OVER, AFTER, OLD, OLDER, LEADS, ROUND,
 CLUSTER) = (
    "a snapshot stands for what is applied",
    "a long log is compacted",
    "a restart begins with the snapshot",
    "sessions are in the snapshot",
    "a follower that is behind gets the snapshot",
    "a lost snapshot is sent again",
    "a log is compacted while a snapshot is sent",
    "a leader looks no further back than its log",
    "a follower takes a snapshot over",
    "entries after the snapshot stay if they fit",
    "an old snapshot changes nothing",
    "a snapshot of an older term is refused",
    "who sends a snapshot leads",
    "a snapshot belongs to a round",
    "a cluster catches up by snapshots",
)  # fmt: skip

MISTAKES: tuple[tuple[type, str, str], ...] = (
    (TakesTheWholeLog, STANDS, "told"),
    (LeavesTheLastOne, STANDS, "told"),
    (TakesTheTermOfTheServer, STANDS, "told"),
    (NeverCompacts, LIMIT, "delivered"),
    (LeadersCompact, LIMIT, "delivered"),
    (CountsAllEntries, LIMIT, "delivered"),
    (RestoresNothing, RESTART, "restarted"),
    (AppliesTheWholeLogAfterARestart, RESTART, "restarted"),
    (LeavesOutSessions, SESSIONS, "answered"),
    (LeavesOutResponses, SESSIONS, "answered"),
    (SendsNoSnapshot, BEHIND, "delivered"),
    (SendsItToAll, BEHIND, "sent"),
    (SendsEntriesAtOnce, BEHIND, "sent"),
    (SendsItOnce, LOST, "delivered"),
    (SendsTheFirstOneAgain, MEANWHILE, "delivered"),
    (WaitsWithTheNextSnapshot, MEANWHILE, "delivered"),
    (LooksBelowItsLog, BACK, "failed"),
    (LeavesOutTheBase, BACK, "delivered"),
    (TakesTheBaseForAMatch, BACK, "delivered"),
    (StoresItOnly, OVER, "delivered"),
    (RestoresItOnly, OVER, "delivered"),
    (AddsItToItsState, OVER, "delivered"),
    (AnswersNothing, OVER, "delivered"),
    (DropsWhatComesAfter, AFTER, "delivered"),
    (ClaimsItsWholeLog, AFTER, "sent"),
    (GoesBack, OLD, "delivered"),
    (BeginsAnew, OLD, "delivered"),
    (RefusesOldSnapshots, OLD, "delivered"),
    (AcceptsOlderTerms, OLDER, "delivered"),
    (StaysWhatItWas, LEADS, "sent"),
    (DoesNotKnowTheLeader, LEADS, "answered"),
    (SnapshotsHaveNoRound, ROUND, "sent"),
    (AnswersInNoRound, ROUND, "sent"),
    (ForgetsToCompactAfterCatchingUp, CLUSTER, "sent"),
    (RefusesFittingCalls, STILL_HOLDS, "sent"),
)
