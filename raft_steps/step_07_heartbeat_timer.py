"""Step 7: only the leader sends heartbeats.

Becoming leader starts the heartbeat timer, and a call with a current term cancels it. Before this step, the timer of a
former leader ran for ever, and in the term that it had adopted, its heartbeats passed for the leader's.

New: nothing but a cancelled timer.
Changed: become_follower, become_leader.
Paper: Section 5.2 (leaders send periodic heartbeats), Figure 2 (Leaders).
Follows: Raft 11, "if it was previously sending heartbeats, it now needs to stop", third part of its first commit
    (August 27, 2020).
"""

from __future__ import annotations

from raft_steps import step_06_term_checks as step_06


class Node(step_06.Node):
    """A server that stops sending heartbeats when it no longer leads."""

    def become_leader(self) -> None:
        """Lead: apply the log, send a heartbeat at once, and start the timer for the next one."""
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def become_follower(self) -> None:
        """Follow the leader: stop sending heartbeats, and restart the election timer."""
        self.is_leader = False
        self.is_candidate = False
        self.cancel_timer("heartbeat")
        self.start_election_timer()
