"""Wrong Nodes for step 16: calls about what is compacted, and the terms of entries that a log no longer has."""

from raft_steps import step_16_snapshots as step_16
from raft_steps.lab.log import Entry
from raft_steps.step_14_linearizable_reads import AppendEntries


class RefusesWhatIsCompacted(step_16.Node):
    """A call that begins before the snapshot's last entry is refused: its previous entry is missing."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        return prev_log_index >= self.log.base_index and super().store_entries(prev_log_index, prev_log_term, entries)


class LeavesOutWhatComesAfter(step_16.Node):
    """A call that begins before the snapshot's last entry is accepted, and nothing of it is stored."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        return prev_log_index < self.log.base_index or super().store_entries(prev_log_index, prev_log_term, entries)


class TakesCompactedForConflicts(step_16.Node):
    """Entries that are compacted count as missing, and what comes after the snapshot is deleted (RedisLabs/raft 49)."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        base = self.log.base_index
        if prev_log_index < base:
            self.log.truncate_after(base)
        return super().store_entries(prev_log_index, prev_log_term, entries)


class DoesNotKnowItsBase(step_16.Node):
    """A call that goes on after the snapshot is refused, because no entry precedes it (hashicorp/raft 205)."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if 0 < prev_log_index == self.log.base_index:
            return False
        return super().store_entries(prev_log_index, prev_log_term, entries)

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        return (None, index) if index == self.log.base_index else super().conflict_at(index)


class NothingMatchesNothing(step_16.Node):
    """A follower that is asked where its log agrees gets no snapshot; what either lacks is of term 0 (etcd-io/raft 31)."""

    def send_entries(self, peer: str) -> None:
        prev = self.next_index[peer] - 1
        if peer not in self.probing or prev >= self.log.base_index:
            super().send_entries(peer)
            return
        call = AppendEntries(
            term=self.current_term,
            prev_log_index=prev,
            prev_log_term=self.log.term_at(prev) or 0,
            entries=(),
            leader_commit=self.commit_index,
            round=self.round,
        )
        self.send(peer, call)

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if not entries and prev_log_term == (self.log.term_at(prev_log_index) or 0):
            return True
        return super().store_entries(prev_log_index, prev_log_term, entries)


class HasNoLastTerm(step_16.Node):
    """The term of a compacted entry counts as 0: any candidate's log is as up to date."""

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        last_term = self.log.last_term if len(self.log) else 0
        return (last_log_term, last_log_index) >= (last_term, len(self.log))


class TakesAnyTermForAMatch(step_16.Node):
    """A call that goes on after the snapshot fits, whatever term it names there."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        term = self.log.base_term if prev_log_index == self.log.base_index else prev_log_term
        return super().store_entries(prev_log_index, term, entries)


BELOW, LAST, BEHIND, OVER = (
    "a call below the snapshot fits",
    "a compacted log has a last entry",
    "a follower that is behind gets the snapshot",
    "a follower takes a snapshot over",
)

MISTAKES: tuple[tuple[type, str, str], ...] = (
    (RefusesWhatIsCompacted, BELOW, "sent"),
    (LeavesOutWhatComesAfter, BELOW, "delivered"),
    (TakesCompactedForConflicts, BELOW, "delivered"),
    (DoesNotKnowItsBase, OVER, "delivered"),
    (HasNoLastTerm, LAST, "sent"),
    (TakesAnyTermForAMatch, LAST, "sent"),
    (NothingMatchesNothing, BEHIND, "delivered"),
)
