"""Step 3: the leader answers once a majority has it.

A write is applied and answered only when half of the followers have acknowledged it: with the leader that is a
majority, and an entry on a majority survives the loss of any minority. The leader then tells the followers to apply it
too. Two faults stay on purpose until step 11: any acknowledgement counts for every open write, even one that answers an
earlier heartbeat, and a commit message that is lost is never sent again.

New: CommitEntry, open_writes, acknowledgements, announce_commit, commit, commit_acknowledged, on_commit_entry.
Changed: on_append_entries_reply, write.
Paper: Section 5.3 (committed entries).
Follows: the commits of July 2020: a broadcast write waits for a majority; a separate message tells followers to apply.
"""

from __future__ import annotations

from dataclasses import field

from raft_steps import step_02_append_entries as step_02
from raft_steps.lab.commands import Command, Ok
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntriesReply


@message
class CommitEntry:
    """The leader's message that the entry at this index may be applied."""

    index: int


class Node(step_02.Node):
    """A leader that waits for a majority."""

    # The writes that wait for a majority, by client: the entry, and the followers that have acknowledged since.
    open_writes: dict[str, Entry] = field(default_factory=dict)
    acknowledgements: dict[str, set[str]] = field(default_factory=dict)

    def write(self, client: str, command: Command) -> None:
        """Log the command and copy it to the followers; the client is answered later."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes[client] = entry
        self.acknowledgements[client] = set()
        self.broadcast(self.append_entries_after(entry.index - 1))
        self.commit_acknowledged()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Count a follower that has the entries; try again one entry earlier if it refused."""
        if message.success:
            for followers in self.acknowledgements.values():
                followers.add(sender)
            self.commit_acknowledged()
        else:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))

    def commit_acknowledged(self) -> None:
        """Commit each open write that half of the followers have acknowledged."""
        for client in list(self.open_writes):
            if 2 * len(self.acknowledgements[client]) >= len(self.peers()):
                self.commit(client)

    def commit(self, client: str) -> None:
        """Apply the entry, tell the followers, and answer the client."""
        entry = self.open_writes.pop(client)
        del self.acknowledgements[client]
        self.apply(entry)
        self.announce_commit(entry.index)
        self.reply(client, Ok())

    def announce_commit(self, index: int) -> None:
        """Announce to the followers that an entry is committed."""
        self.broadcast(CommitEntry(index=index))

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        """Apply the entry, if it is in the log."""
        if message.index <= self.log.last_index:
            self.apply(self.log[message.index])
