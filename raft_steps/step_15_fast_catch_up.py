"""Step 15: what is missing travels once, in few calls.

Until now, a leader found the place where a follower's log agrees with its own one entry at a time, and sent all that was
not acknowledged again and again. Now a refusal states the term in conflict and where it begins, so that the leader skips
it as a whole; it asks with calls without entries until the logs agree. Then it counts on what it has sent: the next call
goes on after the last one, without waiting for an answer, as far as a window allows. A call has a bounded size, and writes
that arrive at the same moment share one. A refusal is old if that entry was acknowledged since, or is no longer sent.

New: AppendEntriesReply.conflict_term, AppendEntriesReply.conflict_index, batch_size, window, probing, send_limit,
    allowance, conflict_at, index_after_refusal, on_batch_timeout, record_match, record_refusal, send_new_entries.
Changed: AppendEntriesReply, advance_commit_index, answer_append_entries, answer_clients, append_entries_after,
    become_leader, on_append_entries_reply, send_entries, write.
Removed: index_before.
Paper: Section 5.3 ("the protocol can be optimized to reduce the number of rejected AppendEntries RPCs"); Ongaro's
    dissertation, Section 10.2 (batching and pipelining).
Follows: the paper. The original sent one entry, waited, and went back one entry at a time.
"""

from __future__ import annotations

from dataclasses import field
from itertools import takewhile
from typing import ClassVar

from raft_steps import step_14_linearizable_reads as step_14
from raft_steps.lab.commands import Command, Ok
from raft_steps.lab.messages import message
from raft_steps.lab.node import removed
from raft_steps.step_14_linearizable_reads import AppendEntries


@message
class AppendEntriesReply:
    """A follower's answer; a refusal adds the term that it has at the previous entry's place, and where that begins."""

    term: int
    success: bool
    prev_log_index: int
    match_index: int
    round: int
    conflict_term: int | None
    conflict_index: int


class Node(step_14.Node):
    """A leader that sends each entry once, in few calls."""

    batch_size: ClassVar[int] = 64  # entries in a call, at most
    window: ClassVar[int] = 256  # entries on their way to a follower, at most

    # The followers of which the leader asks where their logs agree with its own, and sends them no entries.
    probing: set[str] = field(default_factory=set)

    # The last entry that each follower may be sent before it answers.
    send_limit: dict[str, int] = field(default_factory=dict)

    index_before = removed("a refusal states where to go on")

    def become_leader(self) -> None:
        """Begin the term, and count on every follower to have what is in the log."""
        self.probing = set()
        self.send_limit = dict.fromkeys(self.peers(), self.log.last_index + self.window)
        super().become_leader()

    def write(self, client: str, command: Command) -> None:
        """Log the command; it is sent with whatever else arrives at this moment."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes.pop(client, None)  # A client that asks again waits for its newer entry, which comes last.
        self.open_writes[client] = entry
        self.start_timer("batch", 0)

    def on_batch_timeout(self) -> None:
        """Send every follower what has arrived."""
        if self.is_leader:
            for peer in self.peers():
                self.send_new_entries(peer)
            self.advance_commit_index()

    def send_new_entries(self, peer: str) -> None:
        """Send a follower all entries that it may be sent now."""
        while self.next_index[peer] <= self.log.last_index and self.allowance(peer) > 0:
            self.send_entries(peer)

    def allowance(self, peer: str) -> int:
        """Return how many entries the next call to a follower may carry; none if that is not above 0."""
        if peer in self.probing:
            return 0
        return min(self.batch_size, self.send_limit[peer] + 1 - self.next_index[peer])

    def send_entries(self, peer: str) -> None:
        """Send a follower one call, and count on the arrival of the entries in it."""
        call = self.append_entries_after(self.next_index[peer] - 1, self.allowance(peer))
        self.next_index[peer] += len(call.entries)
        self.send(peer, call)

    def append_entries_after(self, prev_log_index: int, most: int) -> AppendEntries:
        """Build the call with the entries after one that the follower should have, but not more than `most`."""
        return AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index, most),
            leader_commit=self.commit_index,
            round=self.round,
        )

    def answer_append_entries(
        self, to: str, success: bool, prev_log_index: int, match_index: int, round_number: int
    ) -> None:
        """Answer the leader; a refusal states what is in the way."""
        conflict_term, conflict_index = (None, 0) if success else self.conflict_at(prev_log_index)
        self.send(
            to,
            AppendEntriesReply(
                term=self.current_term,
                success=success,
                prev_log_index=prev_log_index,
                match_index=match_index,
                round=round_number,
                conflict_term=conflict_term,
                conflict_index=conflict_index,
            ),
        )

    def conflict_at(self, index: int) -> tuple[int | None, int]:
        """Return the term at an index and the first index of that term; without an entry, None and the next index."""
        term, first = self.log.term_at(index), index
        if term is None:
            return None, self.log.last_index + 1
        while self.log.term_at(first - 1) == term:
            first -= 1
        return term, first

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Record which round the follower has answered, and how far its log matches, or what is in the way."""
        self.learn_term(message.term)
        if not self.is_leader or message.term < self.current_term:
            return
        self.answered_rounds[sender] = max(self.answered_rounds.get(sender, 0), message.round)
        if message.success:
            self.record_match(sender, message.match_index)
        else:
            self.record_refusal(sender, message)
        self.confirm_reads()

    def record_refusal(self, peer: str, message: AppendEntriesReply) -> None:
        """Go back, unless the refusal is old, and ask whether the logs agree there."""
        if self.match_index[peer] < message.prev_log_index < self.next_index[peer]:
            self.probing.add(peer)
            self.next_index[peer] = max(self.index_after_refusal(message), self.match_index[peer] + 1)
            self.send_entries(peer)

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        """Return where to go on: after this log's last entry of the term in conflict, or else where that term begins."""
        index = message.prev_log_index
        while message.conflict_term is not None and self.log[index].term > message.conflict_term:
            index -= 1
        return index + 1 if self.log[index].term == message.conflict_term else message.conflict_index

    def record_match(self, peer: str, match_index: int) -> None:
        """Record how far a follower's log matches, and send it what comes next."""
        self.match_index[peer] = max(self.match_index[peer], match_index)
        self.next_index[peer] = max(self.next_index[peer], self.match_index[peer] + 1)
        self.send_limit[peer] = self.match_index[peer] + self.window
        self.probing.discard(peer)
        self.advance_commit_index()
        self.send_new_entries(peer)

    def advance_commit_index(self) -> None:
        """Commit the last entry that a majority has, if it is of the current term."""
        for index in sorted({self.log.last_index, *self.match_index.values()}, reverse=True):
            if index <= self.commit_index:
                break
            holders = {self.name} | {peer for peer, match in self.match_index.items() if match >= index}
            if self.is_majority(holders):
                if self.log[index].term == self.current_term:
                    self.commit_up_to(index)
                break

    def answer_clients(self) -> None:
        """Answer the clients whose entries have been applied: writes in the order of the log, up to one that waits."""
        for client, entry in list(takewhile(lambda each: each[1].index <= self.last_applied, self.open_writes.items())):
            del self.open_writes[client]
            self.reply(client, self.responses[entry.index])
        for client, (index, request) in list(self.open_reads.items()):
            if index <= self.last_applied:
                del self.open_reads[client]
                self.reply(client, Ok(value=self.state_machine.get(request.key)))
        self.responses = {}
