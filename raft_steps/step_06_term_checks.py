"""Step 6: an older term is refused.

A call from an older term changes nothing: a candidacy goes on, and so does its timer. A call with a term at least as
new ends a candidacy and deposes a leader, and everything that AppendEntries used to do happens only then. The refusal
is a separate message; until step 9 the leader that receives it does not act on it.

New: AppendEntriesRefused, become_follower, on_append_entries_refused, refuse_append_entries.
Changed: on_append_entries.
Paper: Section 5.2 ("If the leader's term … is at least as large as the candidate's current term, then the candidate
    recognizes the leader as legitimate and returns to follower state"), Figure 2 (AppendEntries RPC, receiver 1).
Follows: Raft 11, "everything we previously did in an append_entries response only happens in an else block", second
    part of its first commit (August 27, 2020).
"""

from __future__ import annotations

from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps.lab.messages import message
from raft_steps.step_05_term_in_append_entries import AppendEntries


@message
class AppendEntriesRefused:
    """The answer to a leader of an older term: the current term."""

    term: int


class Node(step_05.Node):
    """A server that accepts calls of the current leader only."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, catch up, and store the entries if they fit."""
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.current_term = message.term
            self.become_follower()
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
            self.answer_append_entries(sender, success, message.prev_log_index)

    def become_follower(self) -> None:
        """Follow the leader, and restart the election timer."""
        self.is_leader = False
        self.is_candidate = False
        self.start_election_timer()

    def refuse_append_entries(self, to: str) -> None:
        """Send the current term to a leader of an older one."""
        self.send(to, AppendEntriesRefused(term=self.current_term))

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        """Do nothing: until step 9, only a call of its successor deposes a former leader."""
