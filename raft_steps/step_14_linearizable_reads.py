"""Step 14: a read waits until the leader has shown that it still leads.

A leader that was cut off does not know that the others have elected another one, and its state machine is out of date.
So before it answers a read it calls the followers, and waits until a majority has answered a call that was sent after
the read arrived: nobody else led then. Calls and answers carry the number of their round, so that the answer to an older
call is not taken for a new one. All reads that arrive while a round is under way share the next one, and nothing is
written to the log or to a disk.

New: AppendEntries.round, AppendEntriesReply.round, round, answered_rounds, unconfirmed_reads, confirm_reads,
    is_confirmed, read_index.
Changed: AppendEntries, AppendEntriesReply, answer_append_entries, answer_read, append_entries_after, become_follower,
    on_append_entries, on_append_entries_reply, send_heartbeat.
Paper: Section 8 (read-only operations); Ongaro's dissertation, Section 6.4 (readIndex).
Follows: the paper. The original read from whichever server the client had found, leader or not.
"""

from __future__ import annotations

from dataclasses import field

from raft_steps import step_13_client_sessions as step_13
from raft_steps.lab.commands import Get
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message


@message
class AppendEntries:
    """The leader's call: these entries follow that one, this much is committed, and this is the number of the round."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]
    leader_commit: int
    round: int


@message
class AppendEntriesReply:
    """A follower's answer: its term, whether it had the previous entry, how far its log matches, and the call's round."""

    term: int
    success: bool
    prev_log_index: int
    match_index: int
    round: int


class Node(step_13.Node):
    """A leader that answers a read only after it has shown that it still leads."""

    # The last round of calls that this server has begun in this life, and the last one that each follower has answered.
    round: int = 0
    answered_rounds: dict[str, int] = field(default_factory=dict)

    # The reads that wait for a round, by client: its number, the entry that must be applied, and the request.
    unconfirmed_reads: dict[str, tuple[int, int, Get]] = field(default_factory=dict)

    def become_follower(self) -> None:
        """Follow the leader; reads that wait for a round get no answer from this server."""
        self.unconfirmed_reads = {}
        super().become_follower()

    def answer_read(self, client: str, request: Get) -> None:
        """Let the read wait for the next round, which begins at once unless one is under way."""
        self.unconfirmed_reads[client] = (self.round + 1, self.read_index(), request)
        self.confirm_reads()

    def read_index(self) -> int:
        """Return the last entry that a read must see: the last one that is committed, as far as this leader knows."""
        if self.log.term_at(self.commit_index) == self.current_term:
            return self.commit_index
        # Section 8: a new leader does not know what is committed, until an entry of its own term is.
        return self.log.last_index

    def is_confirmed(self, number: int) -> bool:
        """Return whether a majority has answered this round or a later one: this server led when the round began."""
        return self.is_majority({self.name} | {peer for peer, last in self.answered_rounds.items() if last >= number})

    def confirm_reads(self) -> None:
        """Pass on the reads whose round is confirmed; if others wait and no round is under way, begin the next one."""
        for client, (number, index, request) in list(self.unconfirmed_reads.items()):
            if not self.is_confirmed(number):
                break  # The reads after it arrived later.
            del self.unconfirmed_reads[client]
            self.open_reads[client] = (index, request)
        if self.unconfirmed_reads and self.is_confirmed(self.round):
            self.send_heartbeat()
        self.answer_clients()

    def send_heartbeat(self) -> None:
        """Begin a round: send every follower the entries that it lacks."""
        self.round += 1
        super().send_heartbeat()

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        """Build the call with all entries after one that the follower should have."""
        return AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
            leader_commit=self.commit_index,
            round=self.round,
        )

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow this leader, store the entries if they fit, and apply what is committed."""
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.become_follower()
        self.leader = sender
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        last_new = message.prev_log_index + len(message.entries)
        if success:
            self.commit_up_to(min(message.leader_commit, last_new))
        self.answer_append_entries(sender, success, message.prev_log_index, last_new if success else 0, message.round)

    def answer_append_entries(
        self, to: str, success: bool, prev_log_index: int, match_index: int, round_number: int
    ) -> None:
        """Answer the leader, with the round of its call."""
        self.send(
            to,
            AppendEntriesReply(
                term=self.current_term,
                success=success,
                prev_log_index=prev_log_index,
                match_index=match_index,
                round=round_number,
            ),
        )

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Record how far the follower's log matches, and which round it has answered."""
        self.learn_term(message.term)
        if not self.is_leader or message.term < self.current_term:
            return
        self.answered_rounds[sender] = max(self.answered_rounds.get(sender, 0), message.round)
        if message.success:
            self.match_index[sender] = max(self.match_index[sender], message.match_index)
            self.next_index[sender] = self.match_index[sender] + 1
            self.advance_commit_index()
        elif message.prev_log_index == self.next_index[sender] - 1:
            self.next_index[sender] = self.index_before(message.prev_log_index) + 1
            self.send_entries(sender)
        self.confirm_reads()
