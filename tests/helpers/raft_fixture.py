"""A small, complete and correct Raft node, after the paper's Figure 2, to test the laboratory's checks with.

It is not a step of the course. Wrong nodes are this one with one thing changed.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from raft_steps.lab import node
from raft_steps.lab.commands import Command, Delete, Get, NotLeader, Ok, Request, Set
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.messages import message

BATCH = 3  # entries in one call, so that a call may end before the leader's log does


@message
class AppendEntries:
    """The leader's call."""

    term: int
    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...]
    leader_commit: int


@message
class AppendEntriesReply:
    """A follower's answer: whether it stored them, and up to which index its log matches the leader's."""

    term: int
    success: bool
    match_index: int


@message
class RequestVote:
    """A candidate's call."""

    term: int
    last_log_index: int
    last_log_term: int


@message
class RequestVoteReply:
    """A voter's answer."""

    term: int
    vote_granted: bool


class RaftNode(node.Node):
    """One server."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for")
    heartbeat_interval: ClassVar[float] = 0.05
    election_timeout_range: ClassVar[tuple[float, float]] = (0.15, 0.3)

    log: Log = field(default_factory=Log)
    current_term: int = 0
    voted_for: str | None = None

    is_leader: bool = False
    votes: set[str] = field(default_factory=set)
    commit_index: int = 0
    last_applied: int = 0
    next_index: dict[str, int] = field(default_factory=dict)
    match_index: dict[str, int] = field(default_factory=dict)
    open_writes: dict[int, str] = field(default_factory=dict)
    state_machine: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        """Wait for a leader."""
        self.start_election_timer()

    def start_election_timer(self) -> None:
        """Wait a random timeout from now."""
        self.start_timer("election", self.random.between(*self.election_timeout_range))

    # Terms (Section 5.1).

    def learn_term(self, term: int) -> None:
        """Catch up with a newer term, as a follower without a vote."""
        if term > self.current_term:
            self.current_term = term
            self.voted_for = None
            self.become_follower()

    def become_follower(self) -> None:
        """Follow."""
        if self.is_leader:
            self.cancel_timer("heartbeat")
            self.start_election_timer()
        self.is_leader = False
        self.votes = set()
        self.open_writes = {}

    # Elections (Sections 5.2 and 5.4.1).

    def on_election_timeout(self) -> None:
        """Start an election."""
        self.current_term += 1
        self.voted_for = self.name
        self.votes = {self.name}
        self.start_election_timer()
        self.broadcast(
            RequestVote(term=self.current_term, last_log_index=self.log.last_index, last_log_term=self.log.last_term)
        )
        self.count_votes()

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Vote for the first candidate that asks in a term, if its log is at least as up to date."""
        self.learn_term(message.term)
        vote_granted = (
            message.term == self.current_term and self.voted_for in (None, sender) and self.is_up_to_date(message)
        )
        if vote_granted:
            self.voted_for = sender
            self.start_election_timer()
        self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=vote_granted))

    def is_up_to_date(self, message: RequestVote) -> bool:
        """Compare the logs' last entries, the term first."""
        return (message.last_log_term, message.last_log_index) >= (self.log.last_term, self.log.last_index)

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        """Count the vote."""
        self.learn_term(message.term)
        if message.vote_granted and message.term == self.current_term and self.votes and not self.is_leader:
            self.votes.add(sender)
            self.count_votes()

    def count_votes(self) -> None:
        """Lead with more than half of the votes."""
        if self.is_majority(len(self.votes)):
            self.become_leader()

    def is_majority(self, count: int) -> bool:
        """Return whether a number of servers is more than half."""
        return 2 * count > len(self.servers)

    def become_leader(self) -> None:
        """Lead, and send heartbeats."""
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.on_heartbeat_timeout()

    # Replication (Section 5.3).

    def on_heartbeat_timeout(self) -> None:
        """Send each follower the entries that it lacks; without entries the call is a heartbeat."""
        for peer in self.peers():
            self.send_append_entries(peer)
        self.start_timer("heartbeat", self.heartbeat_interval)

    def send_append_entries(self, to: str) -> None:
        """Send a follower the entries that it lacks."""
        before = self.next_index[to] - 1
        self.send(
            to,
            AppendEntries(
                term=self.current_term,
                prev_log_index=before,
                prev_log_term=self.log[before].term,
                entries=self.log.entries_after(before)[:BATCH],
                leader_commit=self.commit_index,
            ),
        )

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        """Refuse an older term; otherwise follow, and store what fits."""
        self.learn_term(message.term)
        success = False
        if message.term == self.current_term:
            self.become_follower()
            self.start_election_timer()
            success = self.log.term_at(message.prev_log_index) == message.prev_log_term
        last_new = message.prev_log_index + len(message.entries)
        if success:
            self.store_entries(message.entries)
            self.commit_up_to(message.leader_commit, last_new)
        self.send(
            sender, AppendEntriesReply(term=self.current_term, success=success, match_index=last_new if success else 0)
        )

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        """Store what is new; delete only what conflicts."""
        for entry in entries:
            if self.log.term_at(entry.index) != entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)

    def commit_up_to(self, leader_commit: int, last_new: int) -> None:
        """Commit what the leader has committed, as far as this log is known to match the leader's."""
        self.commit_index = max(self.commit_index, min(leader_commit, last_new))
        self.apply_committed()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        """Record what a follower has; go back one entry if it refused."""
        self.learn_term(message.term)
        if not self.is_leader or message.term != self.current_term:
            return
        if message.success:
            self.match_index[sender] = max(self.match_index[sender], message.match_index)
            self.next_index[sender] = self.match_index[sender] + 1
            self.advance_commit_index()
        else:
            self.next_index[sender] = max(self.next_index[sender] - 1, self.match_index[sender] + 1)
            self.send_append_entries(sender)

    # Committing (Section 5.4.2).

    def advance_commit_index(self) -> None:
        """Commit what a majority has, counting only entries of the current term."""
        for index in range(self.log.last_index, self.commit_index, -1):
            if self.may_commit(index):
                self.commit_index = index
                break
        self.apply_committed()

    def may_commit(self, index: int) -> bool:
        """Return whether an entry is of the current term and on a majority of the servers."""
        return self.log[index].term == self.current_term and self.is_majority(self.holders(index))

    def holders(self, index: int) -> int:
        """Count the servers that are known to have an entry, this one included."""
        return 1 + sum(match >= index for match in self.match_index.values())

    def apply_committed(self) -> None:
        """Apply what is committed, in order, and answer the clients that wait for it."""
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            self.apply(self.log[self.last_applied])
            if self.is_leader and self.last_applied in self.open_writes:
                self.reply(self.open_writes.pop(self.last_applied), Ok())

    def apply(self, entry: Entry) -> None:
        """Apply an entry."""
        super().apply(entry)
        if isinstance(entry.command, Set):
            self.state_machine[entry.command.key] = entry.command.value
        elif isinstance(entry.command, Delete):
            self.state_machine.pop(entry.command.key, None)

    # Clients (Section 8).

    def on_client_request(self, client: str, request: Request) -> None:
        """Answer a read at once and a write when it is applied; turn clients away unless this server leads."""
        if not self.is_leader:
            self.reply(client, NotLeader())
        elif isinstance(request, Get):
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            self.write(client, request)

    def write(self, client: str, command: Command) -> None:
        """Log a command and send it to the followers."""
        index = self.log.last_index + 1
        self.log.append(Entry(index=index, term=self.current_term, command=command))
        self.open_writes[index] = client
        for peer in self.peers():
            self.send_append_entries(peer)
        self.advance_commit_index()
