"""Step 4: the servers choose their leader.

No server is named leader any more. A follower that receives nothing from a leader for its election timeout raises its
term, votes for itself and asks the others for votes; with the votes of half of the servers it leads. Messages of a
leader carry no term yet, so a new leader cannot be told from an old one. Faults that stay on purpose until step 9: a
server votes once between two restarts, a voter keeps its old term, votes of an earlier election still count, and half
of the votes are enough.

New: RequestVote, RequestVoteReply, election_timeout_range, election_timeout, is_candidate, voted_for, votes,
    answer_request_vote, draw_election_timeout, on_election_timeout, on_request_vote, on_request_vote_reply,
    start_election, start_election_timer.
Changed: become_leader, on_append_entries, on_start.
Paper: Section 5.2 (leader election), Figure 2 (RequestVote RPC, Candidates).
Follows: "Implement elections!", the commits of August 26 and 27, 2020 (Raft 10). The commit did not yet restart the
    election timer when an election began; here it does, with the timeout drawn at the start of the life, as Raft 11
    tells the story.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from raft_steps import step_03_majority_commit as step_03
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntries


@message
class RequestVote:
    """A candidate's request for votes in its new term."""

    term: int


@message
class RequestVoteReply:
    """A server's answer to a candidate."""

    vote_granted: bool


class Node(step_03.Node):
    """A server that can become the leader by election."""

    election_timeout_range: ClassVar[tuple[float, float]] = (8, 18)  # seconds; whole numbers, both ends included

    voted_for: str | None = None

    votes: set[str] = field(default_factory=set)
    election_timeout: float = 0  # seconds
    is_candidate: bool = False

    def on_start(self) -> None:
        """Wait for a leader, unless this server is the named leader."""
        self.draw_election_timeout()
        self.start_election_timer()
        super().on_start()

    def draw_election_timeout(self) -> None:
        """Choose how long to wait for a leader."""
        self.election_timeout = self.random.between(*self.election_timeout_range)

    def start_election_timer(self) -> None:
        """Start the election timer with the full timeout."""
        self.start_timer("election", self.election_timeout)

    def on_election_timeout(self) -> None:
        """No leader was heard from in time: start an election."""
        self.start_election()

    def start_election(self) -> None:
        """Raise the term, vote for itself and ask the others (Section 5.2)."""
        self.is_candidate = True
        self.current_term += 1
        self.votes.add(self.name)
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        if not self.peers():
            self.become_leader()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Vote for the first candidate that asks with a newer term."""
        vote_granted = message.term > self.current_term and self.voted_for is None
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)

    def answer_request_vote(self, to: str, vote_granted: bool) -> None:
        """Answer the candidate."""
        self.send(to, RequestVoteReply(vote_granted=vote_granted))

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        """Count the vote; half of the servers are enough."""
        if message.vote_granted:
            self.votes.add(sender)
            if not self.is_leader and 2 * len(self.votes) >= len(self.servers):
                self.become_leader()

    def become_leader(self) -> None:
        """Lead: apply the whole log, so that reads are right, and send a heartbeat."""
        self.is_leader = True
        self.is_candidate = False
        self.cancel_timer("election")
        self.replay_log()
        self.on_heartbeat_timeout()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Restart the election timer, then store the entries if they fit."""
        self.start_election_timer()
        super().on_append_entries(sender, message)
