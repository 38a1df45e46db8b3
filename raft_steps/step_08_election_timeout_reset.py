"""Step 8: a new timeout for every election.

Two candidates with the same timeout split the vote, wait equally long and split it again, for ever. So each election
begins with a new random timeout. The candidate attribute is removed: nothing ever read it, and a server is a candidate
because it has sent RequestVote.

New: nothing but a draw in another place.
Changed: become_follower, become_leader, start_election.
Removed: is_candidate.
Paper: Section 5.2 ("Each candidate restarts its randomized election timeout at the start of an election").
Follows: Raft 11, "Reset the election timeouts at the start of every election", its second commit (August 27, 2020).
"""

from __future__ import annotations

from raft_steps import step_07_heartbeat_timer as step_07
from raft_steps.lab.node import removed
from raft_steps.step_04_leader_election import RequestVote


class Node(step_07.Node):
    """A server that does not repeat a split vote for ever."""

    is_candidate = removed("a server is a leader or a follower; it becomes a candidate by sending RequestVote")

    def start_election(self) -> None:
        """Raise the term, draw a new timeout, vote for itself and ask the others (Section 5.2)."""
        self.current_term += 1
        self.votes.add(self.name)
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        if not self.peers():
            self.become_leader()

    def become_leader(self) -> None:
        """Lead: apply the log, send a heartbeat at once, and start the timer for the next one."""
        self.is_leader = True
        self.cancel_timer("election")
        self.replay_log()
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def become_follower(self) -> None:
        """Follow the leader: stop sending heartbeats, and restart the election timer."""
        self.is_leader = False
        self.cancel_timer("heartbeat")
        self.start_election_timer()
