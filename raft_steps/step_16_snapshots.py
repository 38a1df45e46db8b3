"""Step 16: a snapshot takes the place of what has been applied.

Until now, a log only grew, and a server that restarted carried out all of it again. Now a server whose log has become
too long lets a snapshot take the place of the entries that it has applied: the state that follows from them, sessions
included. That is one change of the log, so a disk has either the entries or the snapshot. A server that restarts begins
with the state in the snapshot. A follower that needs entries which the leader no longer has gets the leader's snapshot
instead; it keeps its own state if that is newer, and its own entries that come after the snapshot. All that a snapshot
stands for is committed, so it is in every later leader's log: a call about entries before its last one fits.

New: InstallSnapshot, log_limit, on_install_snapshot, restore_snapshot, send_snapshot, state, take_snapshot.
Changed: commit_up_to, index_after_refusal, on_start, send_entries, store_entries.
Paper: Section 7 (log compaction, Figures 12 and 13); Section 8 and Ongaro's dissertation, Section 6.3 (sessions are part
    of the state).
Follows: the paper, but for one message: a snapshot is sent as a whole, and answered as a call with entries is.
"""

from __future__ import annotations

from typing import Any, ClassVar

from raft_steps import step_15_fast_catch_up as step_15
from raft_steps.lab.log import Entry, Snapshot
from raft_steps.lab.messages import message
from raft_steps.lab.snapshots import state_from_text, state_to_text
from raft_steps.step_15_fast_catch_up import AppendEntriesReply


@message
class InstallSnapshot:
    """The leader's call to a follower that needs entries which the leader no longer has: what stands for them."""

    term: int
    snapshot: Snapshot
    round: int


class Node(step_15.Node):
    """A server whose log has no more entries than it needs."""

    # How many entries may be applied before a snapshot takes their place. A large state is written less often.
    log_limit: ClassVar[int] = 500

    def on_start(self) -> None:
        """Restore the state from disk; the log may hold entries of a term newer than the stored one."""
        self.restore_snapshot()
        super().on_start()

    def commit_up_to(self, index: int) -> None:
        """Apply what is committed, answer the clients that wait for it, and compact a log that has become too long."""
        super().commit_up_to(index)
        if self.last_applied - self.log.base_index >= max(self.log_limit, len(self.state_machine) // 2):
            self.take_snapshot()

    def take_snapshot(self) -> None:
        """Let a snapshot of the state take the place of all entries that have been applied."""
        index = self.last_applied
        if index > self.log.base_index:
            term, data = self.log[index].term, state_to_text(self.state())
            self.log.compact(Snapshot(last_included_index=index, last_included_term=term, data=data))

    def state(self) -> dict[str, Any]:
        """Return all that follows from the entries that have been applied, by the names of the fields."""
        return {"state_machine": self.state_machine, "sessions": self.sessions}

    def restore_snapshot(self) -> None:
        """Begin with the state in the log's snapshot, if there is one: the entries up to its last one are applied."""
        if self.log.snapshot is not None:
            for name, value in state_from_text(self.log.snapshot.data).items():
                setattr(self, name, value)
            self.commit_index = self.last_applied = self.log.base_index

    def send_entries(self, peer: str) -> None:
        """Send a follower one call, and count on the arrival of the entries in it, or the snapshot that it needs."""
        snapshot = self.log.snapshot
        if snapshot is not None and self.next_index[peer] <= snapshot.last_included_index:
            self.send_snapshot(peer, snapshot)
            return
        call = self.append_entries_after(self.next_index[peer] - 1, self.allowance(peer))
        self.next_index[peer] += len(call.entries)
        self.send(peer, call)

    def send_snapshot(self, peer: str, snapshot: Snapshot) -> None:
        """Send a follower a snapshot; entries follow once it is known to have it."""
        self.probing.add(peer)
        self.next_index[peer] = snapshot.last_included_index + 1
        self.send(peer, InstallSnapshot(term=self.current_term, snapshot=snapshot, round=self.round))

    def on_install_snapshot(self, sender: str, message: InstallSnapshot) -> None:
        """Refuse an older term; otherwise follow this leader, and take over the snapshot unless it is behind."""
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.become_follower()
        self.leader = sender
        index = message.snapshot.last_included_index
        if index > self.last_applied:  # Otherwise this server's own state is newer, and never goes back.
            self.log.compact(message.snapshot)
            self.restore_snapshot()
        self.answer_append_entries(sender, True, index, index, message.round)

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        """Add entries after the previous one; return False if that one is missing."""
        base = self.log.base_index
        if prev_log_index >= base and self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            # What the snapshot stands for is committed: the leader has the same there.
            if entry.index > base and self.log.term_at(entry.index) != entry.term:
                # Section 5.3: delete an entry that conflicts with the leader's, and all that follow it.
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        """Return where to go on: after this log's last entry of the term in conflict, or else where that term begins."""
        if message.conflict_term is None:
            return message.conflict_index
        index = message.prev_log_index
        while index > self.log.base_index and self.log[index].term > message.conflict_term:
            index -= 1
        return index + 1 if self.log.term_at(index) == message.conflict_term else message.conflict_index
