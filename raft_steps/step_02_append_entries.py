"""Step 2: a leader copies its log.

One server is named leader at its start. It sends every new entry to the others, and a heartbeat every few seconds, both
as AppendEntries. The call names the entry before the new ones: a follower that lacks that entry, or has a different one
there, refuses, and the leader tries again one entry earlier until the logs agree. Entries that conflict are deleted.

New: AppendEntries, AppendEntriesReply, heartbeat_interval, is_leader, answer_append_entries, append_entries_after,
    become_leader, index_before, on_append_entries, on_append_entries_reply, on_heartbeat_timeout, send_heartbeat,
    store_entries.
Changed: on_client_request, on_start, write.
Paper: Section 5.3 (log replication, the consistency check), Figure 2 (AppendEntries RPC).
Follows: the commits of August 3 to 16, 2020: previous index and term, asking for what is missing, deleting what diverges.
"""

from __future__ import annotations

from typing import ClassVar

from raft_steps import step_01_key_value_store as step_01
from raft_steps.lab.commands import Command, NotLeader, Ok, Request
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message


@message
class AppendEntries:
    """The leader's call: these entries follow that one; without entries it is a heartbeat."""

    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]


@message
class AppendEntriesReply:
    """A follower's answer: whether it had the previous entry, and which entry that was."""

    success: bool
    prev_log_index: int


class Node(step_01.Node):
    """A server that leads or follows, as set at its start."""

    heartbeat_interval: ClassVar[float] = 5  # seconds

    is_leader: bool = False

    def on_start(self) -> None:
        """Lead at once if this server is the named leader."""
        super().on_start()
        if self.is_leader:
            self.become_leader()

    def become_leader(self) -> None:
        """Send the first heartbeat; each one starts the timer for the next."""
        self.is_leader = True
        self.on_heartbeat_timeout()

    def on_heartbeat_timeout(self) -> None:
        """Send a heartbeat and start the timer for the next one."""
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def send_heartbeat(self) -> None:
        """Ask every follower whether it has the last entry."""
        self.broadcast(self.append_entries_after(self.log.last_index))

    def on_client_request(self, client: str, request: Request) -> None:
        """Refuse clients unless this server leads."""
        if not self.is_leader:
            self.reply(client, NotLeader())
        else:
            super().on_client_request(client, request)

    def write(self, client: str, command: Command) -> None:
        """Log, apply, copy to the followers, and answer without waiting for them."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.broadcast(self.append_entries_after(entry.index - 1))
        self.reply(client, Ok())

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        """Build the call with all entries after one that the follower should have."""
        return AppendEntries(
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
        )

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Store the entries if they fit, and answer whether they did."""
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        """Add entries after the previous one; return False if that one is missing."""
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if self.log.term_at(entry.index) != entry.term:
                # Section 5.3: delete an entry that conflicts with the leader's, and all that follow it.
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        """Answer the leader."""
        self.send(to, AppendEntriesReply(success=success, prev_log_index=prev_log_index))

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Try again one entry earlier if the follower refused."""
        if not message.success:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))

    def index_before(self, refused_index: int) -> int:
        """Return the index one entry earlier; all logs agree at the common first one, 0."""
        return max(min(refused_index - 1, self.log.last_index), 0)
