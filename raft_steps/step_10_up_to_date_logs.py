"""Step 10: only a server whose log is up to date is elected.

A candidate states where its log ends, and a server does not vote for a candidate whose log is less up to date than its
own. A committed entry is on a majority, and a leader needs the votes of a majority; so some voter has the entry. As far
as it was committed as step 11 commits, no log without it is as up to date, and no server without it is elected. Of two
logs, the one whose last entry has the newer term is more up to date, however short it is; only with equal terms does
the length count.

New: RequestVote.last_log_index, RequestVote.last_log_term, is_up_to_date.
Changed: RequestVote, on_request_vote, start_election.
Paper: Section 5.4.1 (election restriction), Figure 2 (RequestVote RPC: lastLogIndex, lastLogTerm, receiver 2).
Follows: Raft 12 and on: RequestVote carries the last index and term (September 5, 2020). The original asked for both to
    be at least as large, and some clusters could then elect nobody.
"""

from __future__ import annotations

from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps.lab.messages import message


@message
class RequestVote:
    """A candidate's request: its term, and where its log ends."""

    term: int
    last_log_index: int
    last_log_term: int


class Node(step_09.Node):
    """A voter that compares the candidate's log with its own."""

    def start_election(self) -> None:
        """Vote for itself in a new term, and ask the others."""
        self.current_term += 1
        self.voted_for = self.name
        self.votes = {self.name}
        self.draw_election_timeout()
        self.start_election_timer()
        self.broadcast(
            RequestVote(term=self.current_term, last_log_index=self.log.last_index, last_log_term=self.log.last_term)
        )
        self.count_votes()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Vote for the first candidate that asks in a term with an up-to-date log."""
        self.learn_term(message.term)
        vote_granted = (
            message.term == self.current_term
            and self.voted_for in (None, sender)
            and self.is_up_to_date(message.last_log_term, message.last_log_index)
        )
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.answer_request_vote(sender, vote_granted)

    def is_up_to_date(self, last_log_term: int, last_log_index: int) -> bool:
        """Return whether a log with this end is at least as up to date as this server's: by term, then by index."""
        return (last_log_term, last_log_index) >= (self.log.last_term, self.log.last_index)
