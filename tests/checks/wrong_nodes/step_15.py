"""Wrong Nodes for step 15: refusals that say too little, entries that travel twice or never, and refusals that are old."""

from dataclasses import field, replace

from raft_steps import step_15_fast_catch_up as step_15
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Command
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_15_fast_catch_up import AppendEntriesReply


class TakesApart(step_15.Node):
    """A right Node that asks methods of its own which refusals count and where it goes on, so that others can be wrong."""

    def record_refusal(self, peer: str, message: AppendEntriesReply) -> None:
        if self.counts(peer, message):
            self.probing.add(peer)
            self.next_index[peer] = self.goes_on_at(peer, message)
            self.send_entries(peer)

    def counts(self, peer: str, message: AppendEntriesReply) -> bool:
        return self.match_index[peer] < message.prev_log_index < self.next_index[peer]

    def goes_on_at(self, peer: str, message: AppendEntriesReply) -> int:
        return max(self.index_after_refusal(message), self.match_index[peer] + 1)


# What a refusal states.


class AlwaysStatesItsEnd(step_15.Node):
    """A refusal states where the log ends, also if there is an entry in the way."""

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        return None, min(self.log.last_index + 1, index)


class StatesThePlaceItself(step_15.Node):
    """A refusal states the term in the way, and the entry that was asked for instead of the term's first one."""

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        term, first = super().conflict_at(index)
        return term, first if term is None else index


class StatesTheEntryBefore(step_15.Node):
    """A refusal states the last entry before the term in the way."""

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        term, first = super().conflict_at(index)
        return term, first if term is None else first - 1


class StatesItsLastEntry(step_15.Node):
    """A log that is too short is stated by its last entry, and not by the next one."""

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        term, first = super().conflict_at(index)
        return term, first - 1 if term is None else first


class StatesItsLastTerm(step_15.Node):
    """A log that is too short is stated like one with another term there."""

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        return super().conflict_at(min(index, self.log.last_index))


# Where the leader goes on.


class GoesBackOneEntry(TakesApart):
    """Goes back one entry at a time, as before."""

    def goes_on_at(self, peer: str, message: AppendEntriesReply) -> int:
        return max(message.prev_log_index, self.match_index[peer] + 1)


class GoesBackToTheBeginning(TakesApart):
    """Every refusal makes it begin with the first entry."""

    def goes_on_at(self, peer: str, message: AppendEntriesReply) -> int:
        return self.match_index[peer] + 1


class SkipsItsOwnTerm(step_15.Node):
    """Goes on where the follower's term begins, also if it has entries of that term itself."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        return message.conflict_index


class TakesTheFirstOfItsOwn(step_15.Node):
    """Goes on after its own first entry of the term in conflict, and not after the last one."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        for entry in self.log:
            if entry.term == message.conflict_term and entry.index < message.prev_log_index:
                return entry.index + 1
        return message.conflict_index


class GoesBelowTheMatch(TakesApart):
    """A refusal makes it go back below what the follower has acknowledged."""

    def goes_on_at(self, peer: str, message: AppendEntriesReply) -> int:
        return self.index_after_refusal(message)


# Which refusals count.


class EveryRefusalCounts(TakesApart):
    """No refusal is old."""

    def counts(self, peer: str, message: AppendEntriesReply) -> bool:
        return True


class OnlyAcknowledgedIsOld(TakesApart):
    """A refusal counts again after the leader has gone back further."""

    def counts(self, peer: str, message: AppendEntriesReply) -> bool:
        return message.prev_log_index > self.match_index[peer]


class OnlyGoneBackIsOld(TakesApart):
    """A refusal counts although the follower has acknowledged that entry since."""

    def counts(self, peer: str, message: AppendEntriesReply) -> bool:
        return message.prev_log_index < self.next_index[peer]


class LatestCallOnly(TakesApart):
    """Only a refusal of the last call that was sent counts, as in step 11: a lost call is noticed too late."""

    def counts(self, peer: str, message: AppendEntriesReply) -> bool:
        return message.prev_log_index == self.next_index[peer] - 1


# What is sent, and when.


class ProbesWithEntries(step_15.Node):
    """Calls after a refusal carry entries, which the follower may refuse again."""

    def send_entries(self, peer: str) -> None:
        if peer not in self.probing:
            super().send_entries(peer)
        else:
            self.send(peer, self.append_entries_after(self.next_index[peer] - 1, self.batch_size))


class SendsWhileItProbes(step_15.Node):
    """New writes are sent to a follower whose log does not agree yet."""

    def send_new_entries(self, peer: str) -> None:
        kept, self.probing = self.probing, self.probing - {peer}
        super().send_new_entries(peer)
        self.probing = kept


class ProbesForever(step_15.Node):
    """A follower that has refused once is never sent an entry again."""

    refused: set[str] = field(default_factory=set)

    def record_match(self, peer: str, match_index: int) -> None:
        self.refused |= self.probing
        super().record_match(peer, match_index)

    def send_new_entries(self, peer: str) -> None:
        if peer not in self.refused:
            super().send_new_entries(peer)


class GoesOnAtTheNextHeartbeat(step_15.Node):
    """An acknowledgement lets nothing follow: the rest waits for the next heartbeat or write."""

    def record_match(self, peer: str, match_index: int) -> None:
        self.match_index[peer] = max(self.match_index[peer], match_index)
        self.next_index[peer] = max(self.next_index[peer], self.match_index[peer] + 1)
        self.send_limit[peer] = self.match_index[peer] + self.window
        self.probing.discard(peer)
        self.advance_commit_index()


class WaitsForAnswers(step_15.Node):
    """next_index moves with an acknowledgement only, so each call repeats what is on its way."""

    def send_entries(self, peer: str) -> None:
        before = self.next_index[peer]
        super().send_entries(peer)
        self.next_index[peer] = before

    def send_new_entries(self, peer: str) -> None:
        if self.next_index[peer] <= self.log.last_index:
            self.send_entries(peer)


class GoesBackWithEveryAnswer(step_15.Node):
    """Every acknowledgement sets next_index to the entry after it, although later ones are on their way."""

    def record_match(self, peer: str, match_index: int) -> None:
        self.next_index[peer] = max(self.match_index[peer], match_index) + 1
        super().record_match(peer, match_index)


class OneCallForEachWrite(step_15.Node):
    """Every write is sent at once, by itself."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.on_batch_timeout()


class WaitsForMoreWrites(step_15.Node):
    """A write waits for a tenth of a second for others."""

    def start_timer(self, name: str, seconds: float) -> None:
        super().start_timer(name, 0.1 if name == "batch" else seconds)


class CallsTheFirstOnly(step_15.Node):
    """A batch is sent to the first follower; the others wait for a heartbeat."""

    def on_batch_timeout(self) -> None:
        if self.is_leader and self.peers():
            self.send_new_entries(self.peers()[0])
        self.advance_commit_index()


class SendsAfterItIsDeposed(step_15.Node):
    """A batch is sent although the server leads no more, in the term of its successor."""

    def on_batch_timeout(self) -> None:
        for peer in self.peers():
            self.send_new_entries(peer)
        self.advance_commit_index()


class SendsEverythingAtOnce(step_15.Node):
    """A call carries all that is missing."""

    def append_entries_after(self, prev_log_index: int, most: int) -> AppendEntries:
        return super().append_entries_after(prev_log_index, len(self.log) if most else 0)


class RepeatsTheLastEntry(step_15.Node):
    """The second full call begins with the last entry of the first one."""

    def send_entries(self, peer: str) -> None:
        if self.next_index[peer] - self.match_index[peer] > self.batch_size:
            self.next_index[peer] -= 1
        super().send_entries(peer)


class OneCallAtATime(step_15.Node):
    """Only as much is under way to a follower as one call carries, whatever the window allows."""

    def send_new_entries(self, peer: str) -> None:
        if self.match_index[peer] + 1 == self.next_index[peer] <= self.log.last_index:
            self.send_entries(peer)


class NoWindow(step_15.Node):
    """As much as there is goes out, also to a follower that does not answer."""

    def send_new_entries(self, peer: str) -> None:
        self.send_limit[peer] = self.log.last_index
        super().send_new_entries(peer)


class OneWindowForAll(step_15.Node):
    """An acknowledgement of one follower moves the window of all."""

    def record_match(self, peer: str, match_index: int) -> None:
        super().record_match(peer, match_index)
        self.send_limit = dict.fromkeys(self.peers(), self.send_limit[peer])
        for other in self.peers():
            self.send_new_entries(other)


# What is counted.


class SentIsStored(step_15.Node):
    """What was sent to a follower counts as if the follower had it."""

    def record_match(self, peer: str, match_index: int) -> None:
        super().record_match(peer, max(match_index, self.next_index[peer] - 1))


class NoticesNoLoss(TakesApart):
    """After a refusal it goes on after the entries that were sent."""

    def goes_on_at(self, peer: str, message: AppendEntriesReply) -> int:
        return self.next_index[peer]


class KeepsProbing(step_15.Node):
    """A new leader still probes the followers of which it knew nothing in an earlier term."""

    def become_leader(self) -> None:
        kept = set(self.probing)
        super().become_leader()
        self.probing = kept


class KeepsTheWindow(step_15.Node):
    """A new leader goes on with the windows of its earlier term."""

    def become_leader(self) -> None:
        kept = dict(self.send_limit)
        super().become_leader()
        self.send_limit |= kept


class CountsOlderTerms(step_15.Node):
    """Entries of older terms are committed by counting."""

    def advance_commit_index(self) -> None:
        have = sorted((self.log.last_index, *self.match_index.values()), reverse=True)
        self.commit_up_to(have[len(self.servers) // 2])


class AcceptsWhatItRefuses(step_15.Node):
    """A refusal has the match_index of an answer that accepts, and the leader believes it."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            message = replace(message, success=True, match_index=message.prev_log_index)
        super().on_append_entries_reply(sender, message)


STATES, SKIPS, PROBE, GOES_ON, SHARED, DEPOSED, BOUNDED, WINDOW, OLD, ACKNOWLEDGED, LOST, AFRESH, FEW = (
    "a refusal states the conflict",
    "the leader skips a term",
    "calls after a refusal carry nothing",
    "the next call goes on",
    "writes of a moment share a call",
    "a deposed leader sends nothing",
    "calls are of bounded size",
    "a window limits what is under way",
    "old refusals change nothing",
    "what is acknowledged is not sent again",
    "what is lost is sent again",
    "a new leader starts afresh",
    "few calls are enough",
)

MISTAKES: tuple[tuple[type, str, str], ...] = (
    (AlwaysStatesItsEnd, STATES, "sent"),
    (StatesThePlaceItself, STATES, "sent"),
    (StatesTheEntryBefore, STATES, "sent"),
    (StatesItsLastEntry, STATES, "sent"),
    (StatesItsLastTerm, STATES, "sent"),
    (GoesBackOneEntry, SKIPS, "sent"),
    (GoesBackToTheBeginning, SKIPS, "sent"),
    (SkipsItsOwnTerm, SKIPS, "sent"),
    (TakesTheFirstOfItsOwn, SKIPS, "sent"),
    (ProbesWithEntries, PROBE, "sent"),
    (SendsWhileItProbes, PROBE, "sent"),
    (ProbesForever, PROBE, "delivered"),
    (WaitsForAnswers, GOES_ON, "sent"),
    (GoesBackWithEveryAnswer, GOES_ON, "sent"),
    (OneCallForEachWrite, SHARED, "sent"),
    (WaitsForMoreWrites, SHARED, "asked"),
    (CallsTheFirstOnly, SHARED, "asked"),
    (SendsAfterItIsDeposed, DEPOSED, "sent"),
    (SendsEverythingAtOnce, BOUNDED, "sent"),
    (RepeatsTheLastEntry, BOUNDED, "sent"),
    (GoesOnAtTheNextHeartbeat, BOUNDED, "delivered"),
    (NoWindow, WINDOW, "asked"),
    (OneWindowForAll, WINDOW, "delivered"),
    (OneCallAtATime, WINDOW, "asked"),
    (EveryRefusalCounts, OLD, "sent"),
    (OnlyAcknowledgedIsOld, OLD, "sent"),
    (OnlyGoneBackIsOld, OLD, "sent"),
    (LatestCallOnly, LOST, "delivered"),
    (NoticesNoLoss, LOST, "delivered"),
    (SentIsStored, LOST, "applied"),
    (GoesBelowTheMatch, ACKNOWLEDGED, "sent"),
    (KeepsProbing, AFRESH, "asked"),
    (KeepsTheWindow, AFRESH, "asked"),
    (GoesBackOneEntry, FEW, "sent"),
    (CountsOlderTerms, STILL_HOLDS, "applied"),
    (AcceptsWhatItRefuses, STILL_HOLDS, "delivered"),
)
