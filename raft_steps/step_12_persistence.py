"""Step 12: term and vote are on disk.

A server that restarts after a crash has its log, but not its term and its vote: it may vote again in the same term, for
another candidate. Now both are stored before any message that depends on them leaves the server.

New: nothing but two durable fields.
Changed: durable, on_start.
Paper: Figure 2 (persistent state on all servers: "Updated on stable storage before responding to RPCs"), Section 5.1.
Follows: the paper. The original took the term from the last log entry, and had the vote in memory alone.
"""

from __future__ import annotations

from typing import ClassVar

from raft_steps import step_11_commit_index as step_11


class Node(step_11.Node):
    """A server that remembers its term and its vote."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for")

    def on_start(self) -> None:
        """Restore the state from disk; the log may hold entries of a term newer than the stored one."""
        self.current_term = max(self.current_term, self.log.last_term)
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()
