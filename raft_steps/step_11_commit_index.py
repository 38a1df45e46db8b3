"""Step 11: the commit index.

The leader tracks for each follower how far its log matches, and commits the last entry of its own term that is on a
majority, with all entries before it. Every call tells the followers the commit index. Entries are applied in order,
each once, and only when they are committed; a client is answered when its entry is applied. A new leader begins its
term with a no-op entry, because only an entry of its own term can commit the entries of older ones.

New: AppendEntries.leader_commit, AppendEntriesReply.match_index, commit_index, last_applied, match_index, next_index,
    open_reads, advance_commit_index, answer_clients, commit_up_to, send_entries.
Changed: AppendEntries, AppendEntriesReply, answer_append_entries, answer_read, append_entries_after, become_follower,
    become_leader, on_append_entries, on_append_entries_reply, on_start, send_heartbeat, write.
Removed: acknowledgements, announce_commit, commit, commit_acknowledged, on_commit_entry, replay_log.
Paper: Section 5.3 (nextIndex), Section 5.4.2 and Figure 8 (only entries of the own term are committed by counting),
    Section 8 (a no-op at the start of a term), Figure 2 (State, with commitIndex and lastApplied; Leaders).
Follows: the paper. In the original any acknowledgement counted, and a lost commit message was a lost command.
"""

from __future__ import annotations

from dataclasses import field

from raft_steps import step_10_up_to_date_logs as step_10
from raft_steps.lab.commands import Command, Get, Ok
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message
from raft_steps.lab.node import removed


@message
class AppendEntries:
    """The leader's call: these entries follow that one, and this much is committed."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]
    leader_commit: int


@message
class AppendEntriesReply:
    """A follower's answer: its term, whether it had the previous entry, and how far its log matches the leader's."""

    term: int
    success: bool
    prev_log_index: int
    match_index: int


class Node(step_10.Node):
    """A server that applies committed entries, and nothing else."""

    # Volatile state on all servers (Figure 2).
    commit_index: int = 0
    last_applied: int = 0

    # Volatile state on leaders, by follower: the next entry to send, and the last one known to be replicated.
    next_index: dict[str, int] = field(default_factory=dict)
    match_index: dict[str, int] = field(default_factory=dict)

    # The reads that wait, by client: the entry that must be applied first, and the request.
    open_reads: dict[str, tuple[int, Get]] = field(default_factory=dict)

    acknowledgements = removed("a leader counts what each follower has, in match_index")
    announce_commit = removed("every AppendEntries carries leader_commit")
    commit = removed("advance_commit_index commits, and commit_up_to applies")
    commit_acknowledged = removed("advance_commit_index looks at match_index")
    on_commit_entry = removed("every AppendEntries carries leader_commit")
    replay_log = removed("an entry is applied when it is committed, once and in order")

    def on_start(self) -> None:
        """Restore the term from the log; nothing is applied yet."""
        self.current_term = self.log.last_term
        self.draw_election_timeout()
        self.start_election_timer()
        if self.is_leader:
            self.become_leader()

    def become_leader(self) -> None:
        """Begin the term with a no-op entry, and send it."""
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=None))
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)
        self.advance_commit_index()

    def become_follower(self) -> None:
        """Follow the leader; clients that wait get no answer from this server."""
        self.is_leader = False
        self.open_writes = {}
        self.open_reads = {}
        self.cancel_timer("heartbeat")
        self.start_election_timer()

    def write(self, client: str, command: Command) -> None:
        """Log the command and send it; the client is answered when the entry is applied."""
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes[client] = entry
        self.send_heartbeat()
        self.advance_commit_index()

    def answer_read(self, client: str, request: Get) -> None:
        """Answer once everything now in the log has been applied."""
        self.open_reads[client] = (self.log.last_index, request)
        self.answer_clients()

    def send_heartbeat(self) -> None:
        """Send every follower the entries that it lacks."""
        for peer in self.peers():
            self.send_entries(peer)

    def send_entries(self, peer: str) -> None:
        """Send a follower the entries that it lacks."""
        self.send(peer, self.append_entries_after(self.next_index[peer] - 1))

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        """Build the call with all entries after one that the follower should have."""
        return AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
            leader_commit=self.commit_index,
        )

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, store the entries if they fit, and apply what is committed."""
        self.learn_term(message.term)
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
            return
        self.become_follower()
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        last_new = message.prev_log_index + len(message.entries)
        if success:
            self.commit_up_to(min(message.leader_commit, last_new))
        self.answer_append_entries(sender, success, message.prev_log_index, last_new if success else 0)

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int, match_index: int) -> None:
        """Answer the leader."""
        self.send(
            to,
            AppendEntriesReply(
                term=self.current_term, success=success, prev_log_index=prev_log_index, match_index=match_index
            ),
        )

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Record how far the follower's log matches; try again one entry earlier if it refused."""
        self.learn_term(message.term)
        if not self.is_leader or message.term < self.current_term:
            return
        if message.success:
            self.match_index[sender] = max(self.match_index[sender], message.match_index)
            self.next_index[sender] = self.match_index[sender] + 1
            self.advance_commit_index()
        elif message.prev_log_index == self.next_index[sender] - 1:
            self.next_index[sender] = self.index_before(message.prev_log_index) + 1
            self.send_entries(sender)

    def advance_commit_index(self) -> None:
        """Commit the last entry of the current term that is on a majority."""
        for index in range(self.log.last_index, self.commit_index, -1):
            holders = {self.name} | {peer for peer, match in self.match_index.items() if match >= index}
            if self.log[index].term == self.current_term and self.is_majority(holders):
                self.commit_up_to(index)
                break

    def commit_up_to(self, index: int) -> None:
        """Apply what is committed, in order, each entry once, and answer the clients that wait for it."""
        self.commit_index = max(self.commit_index, index)
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            self.apply(self.log[self.last_applied])
        self.answer_clients()

    def answer_clients(self) -> None:
        """Answer the clients whose entries have been applied."""
        for client, entry in list(self.open_writes.items()):
            if entry.index <= self.last_applied:
                del self.open_writes[client]
                self.reply(client, Ok())
        for client, (index, request) in list(self.open_reads.items()):
            if index <= self.last_applied:
                del self.open_reads[client]
                self.reply(client, Ok(value=self.state_machine.get(request.key)))
