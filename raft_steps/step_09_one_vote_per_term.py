"""Step 9: one vote per term.

A vote belongs to a term. A server that receives any message with a newer term enters that term, has not voted in it,
and does not lead in it. Replies carry the term in which they were sent, and replies of another term do not count. More
than half of the servers must vote for a leader: of four, two are not enough.

New: AppendEntriesReply.term, RequestVoteReply.term, count_votes, is_majority, learn_term, voters.
Changed: AppendEntriesReply, RequestVoteReply, answer_append_entries, answer_request_vote, on_append_entries,
    on_append_entries_refused, on_append_entries_reply, on_request_vote, on_request_vote_reply, start_election.
Paper: Section 5.1 ("If a candidate or leader discovers that its term is out of date, it immediately reverts to follower
    state"), Section 5.2 (each server votes for at most one candidate in a term), Figure 2 (All Servers).
Follows: Raft 12 and on: the "already voted" flag goes, a vote raises the voter's term (September 5, 2020). The original
    never asked for a true majority.
"""

from __future__ import annotations

from raft_steps import step_08_election_timeout_reset as step_08
from raft_steps.lab.messages import message
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from raft_steps.step_06_term_checks import AppendEntriesRefused


@message
class AppendEntriesReply:
    """A follower's answer: its term, whether it had the previous entry, and which entry that was."""

    term: int
    success: bool
    prev_log_index: int


@message
class RequestVoteReply:
    """A voter's answer: its term, and whether the candidate has its vote in that term."""

    term: int
    vote_granted: bool


class Node(step_08.Node):
    """A server whose vote belongs to a term."""

    def learn_term(self, term: int) -> None:
        """Enter a newer term: this server has not voted in it, and does not lead in it."""
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None
            self.votes = set()
            if self.is_leader:
                self.become_follower()

    def start_election(self) -> None:
        """Vote for itself in a new term, and ask the others."""
        self.current_term += 1
        self.voted_for = self.name
        self.votes = {self.name}
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(RequestVote(term=self.current_term))
        self.count_votes()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Vote for the first candidate that asks in a term."""
        self.learn_term(message.term)
        vote_granted = message.term == self.current_term and self.voted_for in (None, sender)
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)

    def answer_request_vote(self, to: str, vote_granted: bool) -> None:
        """Answer a candidate."""
        self.send(to, RequestVoteReply(term=self.current_term, vote_granted=vote_granted))

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        """Count a vote that was given in this term."""
        self.learn_term(message.term)
        if message.term == self.current_term and message.vote_granted:
            self.votes.add(sender)
            self.count_votes()

    def count_votes(self) -> None:
        """Lead with the votes of a majority."""
        if not self.is_leader and self.is_majority(self.votes):
            self.become_leader()

    def is_majority(self, names: set[str]) -> bool:
        """Return whether these servers are more than half of the voters."""
        return 2 * len(names.intersection(self.voters())) > len(self.voters())

    def voters(self) -> tuple[str, ...]:
        """Return the servers of which a majority elects a leader and commits an entry."""
        return self.servers

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, and store the entries if they fit."""
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            self.become_follower()
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
            self.answer_append_entries(sender, success, message.prev_log_index)

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        """Answer the leader."""
        self.send(to, AppendEntriesReply(term=self.current_term, success=success, prev_log_index=prev_log_index))

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Count a follower that has the entries in this term; try again one entry earlier if it lacks one."""
        self.learn_term(message.term)
        if not self.is_leader or message.term < self.current_term:
            return
        if message.success:
            for followers in self.acknowledgements.values():
                followers.add(sender)
            self.commit_acknowledged()
        else:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))

    def on_append_entries_refused(self, sender: str, message: AppendEntriesRefused) -> None:
        """Enter the newer term that the others are in."""
        self.learn_term(message.term)
