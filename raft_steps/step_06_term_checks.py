"""Step 6: an older term is refused.

A call from an older term changes nothing: the candidacy goes on, and so does its timer. A call whose term is at least
as new ends a candidacy and deposes a leader, and all that an AppendEntries used to do happens only then. The refusal
is a reply of its own; until step 9 the leader that hears it does not act on it.

New: AppendEntriesRefused, become_follower, on_append_entries_refused, refuse_append_entries.
Changed: on_append_entries.
Paper: Section 5.2 ("If the leader's term is at least as large as the candidate's current term, then the candidate
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
    """The answer to a leader of an older term: the term that it missed."""

    term: int


class Node(step_05.Node):
    """A server that tells a leader from a former one."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, catch up, and store what fits."""
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.current_term = message.term
            self.become_follower()
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
            self.answer_append_entries(sender, success, message.prev_log_index)

    def become_follower(self) -> None:
        """Follow the server that leads, and wait a full timeout for its next word."""
        self.is_leader = False
        self.is_candidate = False
        self.start_election_timer()

    def refuse_append_entries(self, to: str) -> None:
        """Tell a leader of an older term which term it is."""
        self.send(to, AppendEntriesRefused(term=self.current_term))

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        """Leave it at that: a former leader learns its place from its successor's call (until step 9)."""
