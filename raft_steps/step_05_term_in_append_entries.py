"""Step 5: state belongs in the messages.

AppendEntries carries the leader's current term, and its receiver catches up with it. Nothing is refused yet: a leader
that comes back from a partition adopts the new term from its successor's call, and goes on leading in it.

New: AppendEntries.term.
Changed: AppendEntries, append_entries_after, on_append_entries.
Paper: Section 5.1 ("current terms are exchanged whenever servers communicate"), Figure 2 (AppendEntries RPC: term).
Follows: Raft 11, "the append_entries calls need to include it", first part of its first commit (August 27, 2020).
"""

from __future__ import annotations

from raft_steps import step_04_leader_election as step_04
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message


@message
class AppendEntries:
    """The leader's call: in this term, these entries follow that one."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]


class Node(step_04.Node):
    """A server that adopts the term of its leader."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        """Build the call with the current term and all entries after one that the follower should have."""
        return AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
        )

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Catch up with the term, restart the election timer, then store the entries if they fit."""
        self.current_term = max(self.current_term, message.term)
        self.start_election_timer()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)
