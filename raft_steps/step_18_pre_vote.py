"""Step 18: an election begins only when it can be won, or when the leader wants it.

A server that hears no leader raised its term again and again, and the others, who heard one, had to follow. Now it first
asks whether a majority would vote for it. A server that has heard a leader within the least timeout would not, and
refuses votes, too. A leader that no majority answers stops leading, so that its calls do not keep the others quiet. And
a leader can hand over: it brings another voter up to date and lets it begin an election at once.

New: PreVote, PreVoteReply, RequestVote.is_transfer, TimeoutNow, pre_votes, quorum_round, successor, call_election,
    on_leader_timeout, on_pre_vote, on_pre_vote_reply, on_quorum_timeout, on_timeout_now, on_transfer_timeout.
Changed: RequestVote, become_follower, become_leader, on_client_request, on_election_timeout, on_request_vote,
    record_match, start_election.
Paper: Section 6; Ongaro's dissertation, Sections 9.6 (pre-vote), 4.2.3 (votes), 6.2 (stopping), 3.10 (transfer).
Follows: the dissertation. In the original, a server that timed out raised the term.
"""

from __future__ import annotations

from dataclasses import field

from raft_steps import step_17_membership as step_17
from raft_steps.lab.commands import NotLeader, Ok, Request, Transfer
from raft_steps.lab.messages import message


@message
class PreVote:
    """A question before an election: would you vote for me in this next term? My log ends here."""

    term: int
    last_log_index: int
    last_log_term: int


@message
class PreVoteReply:
    """The answer: the server's own term, the term that it was asked about, and whether it would vote."""

    term: int
    next_term: int
    vote_granted: bool


@message
class RequestVote:
    """A candidate's request: its term, where its log ends, and whether the leader wants this election."""

    term: int
    last_log_index: int
    last_log_term: int
    is_transfer: bool


@message
class TimeoutNow:
    """A leader's request to its successor: begin an election at once."""

    term: int


class Node(step_17.Node):
    """A server that disturbs no leader whom the others hear."""

    # The servers that would vote for this one in the next term; empty unless it asks them.
    pre_votes: set[str] = field(default_factory=set)

    # The round that a majority must answer before the leader looks again, and the voter to which it hands over.
    quorum_round: int = 0
    successor: str | None = None

    def become_follower(self) -> None:
        """Follow; the leader is forgotten unless it calls again within the least timeout."""
        self.leader = self.successor = None
        self.pre_votes = set()
        self.start_timer("leader", self.election_timeout_range[0])
        self.cancel_timer("quorum")
        super().become_follower()

    def on_leader_timeout(self) -> None:
        """Forget the leader, which has not called for the least timeout."""
        self.leader = None

    def become_leader(self) -> None:
        """Lead, as long as a majority answers within the longest timeout."""
        self.leader = self.name
        self.pre_votes = set()
        self.cancel_timer("leader")
        super().become_leader()
        self.quorum_round = self.round
        self.start_timer("quorum", self.election_timeout_range[1])

    def on_quorum_timeout(self) -> None:
        """Lead on if a majority has answered a call since the last look; otherwise follow."""
        if self.is_confirmed(self.quorum_round):
            self.quorum_round = self.round + 1
            self.start_timer("quorum", self.election_timeout_range[1])
        else:
            self.become_follower()

    def on_election_timeout(self) -> None:
        """Ask who would vote for this server in the next term, and do not enter it yet."""
        if not self.may_lead():
            return
        self.leader, self.pre_votes = None, {self.name}
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(
            PreVote(term=self.current_term + 1, last_log_index=self.log.last_index, last_log_term=self.log.last_term)
        )
        if self.is_majority(self.pre_votes):
            self.start_election()

    def on_pre_vote(self, sender: str, message: PreVote) -> None:
        """Answer whether this server would vote; nothing changes, and the term is not learnt."""
        vote_granted = self.leader is None and message.term > self.current_term
        vote_granted = vote_granted and self.is_up_to_date(message.last_log_term, message.last_log_index)
        self.send(sender, PreVoteReply(term=self.current_term, next_term=message.term, vote_granted=vote_granted))

    def on_pre_vote_reply(self, sender: str, message: PreVoteReply) -> None:
        """Count who would vote; the term of a refusal is learnt, or the next question would be refused as well."""
        self.learn_term(message.term)
        if self.pre_votes and message.vote_granted and message.next_term == self.current_term + 1:
            self.pre_votes.add(sender)
            if self.is_majority(self.pre_votes):
                self.start_election()

    def start_election(self, is_transfer: bool = False) -> None:
        """Vote for itself in a new term, and ask the others; answers to an earlier question do not count any more."""
        self.current_term += 1
        self.voted_for = self.name
        self.votes, self.pre_votes = {self.name}, set()
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(
            RequestVote(
                term=self.current_term,
                last_log_index=self.log.last_index,
                last_log_term=self.log.last_term,
                is_transfer=is_transfer,
            )
        )
        self.count_votes()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Refuse while a leader is heard, unless it wants the election; otherwise vote as before."""
        if self.leader is not None and not message.is_transfer:
            self.answer_request_vote(sender, False)
            return
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        vote_granted = vote_granted and self.is_up_to_date(message.last_log_term, message.last_log_index)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)

    def on_client_request(self, client: str, request: Request) -> None:
        """Hand over to another voter if asked to; until that is done, accept no requests (Section 3.10)."""
        if not self.is_leader or (self.successor is None and not isinstance(request, Transfer)):
            super().on_client_request(client, request)
        elif isinstance(request, Transfer) and request.server in self.voters() and request.server != self.name:
            self.successor = request.server
            self.start_timer("transfer", self.election_timeout_range[0])
            self.reply(client, Ok())
            self.call_election(request.server)
        else:
            self.reply(client, NotLeader(leader=self.successor or self.name))

    def call_election(self, peer: str) -> None:
        """Let the successor begin an election as soon as it has the whole log."""
        if peer == self.successor and self.match_index[peer] == self.log.last_index:
            self.send(peer, TimeoutNow(term=self.current_term))

    def record_match(self, peer: str, match_index: int) -> None:
        """Record how far a follower's log matches, and whether the successor is ready."""
        super().record_match(peer, match_index)
        self.call_election(peer)

    def on_transfer_timeout(self) -> None:
        """Lead on: the successor was not elected in time."""
        self.successor = None

    def on_timeout_now(self, sender: str, message: TimeoutNow) -> None:
        """Begin an election that the leader of this term wants, unless this server leads or does not vote."""
        if message.term == self.current_term and not self.is_leader and self.name in self.voters():
            self.start_election(is_transfer=True)
