"""What the tests of the model checker share: nodes of a small Raft, right and wrong, and the phases of Figure 8.

`LaterNode` is a minimal node with a commit index, one vote per term, and the election restriction; each wrong node
differs from it in one rule. It has fewer states than the course's steps, and than the fixture whose messages it uses:
no batches, no state machine, no first entry of a leader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from raft_steps import node as node_of
from raft_steps.lab import node
from raft_steps.lab.commands import NotLeader, Ok, Set
from raft_steps.lab.log import Entry, Log, Snapshot
from raft_steps.lab.verify.model_checker import (
    Phase,
    Schedule,
    Scope,
    Search,
    SearchResult,
    down,
    holds,
    leader,
    run_phases,
)
from raft_steps.lab.verify.model_checker.invariants import ONE_VOTE_PER_TERM
from tests.helpers.raft_fixture import AppendEntries, AppendEntriesReply, RequestVote, RequestVoteReply


class LaterNode(node.Node):
    """Figure 2 as far as Sections 5.1 to 5.4 go."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for")

    current_term: int = 0
    voted_for: str | None = None
    log: Log = field(default_factory=Log)
    commit_index: int = 0
    last_applied: int = 0
    is_leader: bool = False
    votes: set[str] = field(default_factory=set)
    next_index: dict[str, int] = field(default_factory=dict)
    match_index: dict[str, int] = field(default_factory=dict)
    open_writes: dict[int, str] = field(default_factory=dict)

    def on_start(self) -> None:
        self.wait()

    def wait(self) -> None:
        self.start_timer("election", self.random.between(8, 18))

    def is_majority(self, count: int) -> bool:
        return 2 * count > len(self.servers)

    def on_election_timeout(self) -> None:
        self.current_term += 1
        self.voted_for, self.votes = self.name, {self.name}
        self.wait()
        self.broadcast(
            RequestVote(term=self.current_term, last_log_index=self.log.last_index, last_log_term=self.log.last_term)
        )

    def hear_term(self, term: int) -> None:
        if term > self.current_term:
            self.current_term, self.voted_for = term, None
            self.follow()

    def follow(self) -> None:
        self.is_leader = False
        self.votes = set()
        self.wait()

    def is_up_to_date(self, message: RequestVote) -> bool:
        return (message.last_log_term, message.last_log_index) >= (self.log.last_term, self.log.last_index)

    def may_vote(self, sender: str) -> bool:
        return self.voted_for in (None, sender)

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.hear_term(message.term)
        granted = message.term == self.current_term and self.may_vote(sender) and self.is_up_to_date(message)
        if granted:
            self.voted_for = sender
            self.wait()
        self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=granted))

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.hear_term(message.term)
        if message.vote_granted and message.term == self.current_term and not self.is_leader:
            self.votes.add(sender)
            if self.is_majority(len(self.votes)):
                self.become_leader()

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.replicate()

    def replicate(self) -> None:
        for peer in self.peers():
            self.send_entries(peer)

    def send_entries(self, peer: str) -> None:
        before = self.next_index[peer] - 1
        self.send(
            peer,
            AppendEntries(
                term=self.current_term,
                prev_log_index=before,
                prev_log_term=self.log[before].term,
                entries=self.log.entries_after(before),
                leader_commit=self.commit_index,
            ),
        )

    def on_client_request(self, client: str, request: Any) -> None:
        if not self.is_leader or not isinstance(request, Set):
            self.reply(client, NotLeader())
            return
        self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=request))
        self.open_writes[self.log.last_index] = client
        self.replicate()

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.hear_term(message.term)
        success = message.term == self.current_term
        if success:
            self.follow()
            success = self.store(message)
        match = message.prev_log_index + len(message.entries) if success else 0
        self.send(sender, AppendEntriesReply(term=self.current_term, success=success, match_index=match))

    def store(self, message: AppendEntries) -> bool:
        if self.log.term_at(message.prev_log_index) != message.prev_log_term:
            return False
        for entry in message.entries:
            if self.log.term_at(entry.index) != entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        last_new = message.prev_log_index + len(message.entries)
        self.commit_up_to(min(message.leader_commit, last_new))
        return True

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.hear_term(message.term)
        if not self.is_leader or message.term != self.current_term:
            return
        if message.success:
            self.match_index[sender] = max(self.match_index[sender], message.match_index)
            self.next_index[sender] = self.match_index[sender] + 1
            self.advance_commit()
        elif self.next_index[sender] > 1:
            self.next_index[sender] -= 1
            self.send_entries(sender)

    def may_count(self, index: int) -> bool:
        """Section 5.4.2: only entries of the leader's own term commit by counting."""
        return self.log[index].term == self.current_term

    def advance_commit(self) -> None:
        for index in range(self.commit_index + 1, self.log.last_index + 1):
            holders = 1 + sum(match >= index for match in self.match_index.values())
            if self.is_majority(holders) and self.may_count(index):
                self.commit_up_to(index)

    def commit_up_to(self, index: int) -> None:
        self.commit_index = max(self.commit_index, index)
        while self.last_applied < self.commit_index:
            self.last_applied += 1
            self.apply(self.log[self.last_applied])
            client = self.open_writes.pop(self.last_applied, None)
            if client is not None and self.is_leader:
                self.reply(client, Ok())


class BatchingNode(LaterNode):
    """A node that sends the entries of a moment together, when a timer of zero seconds runs out."""

    def replicate(self) -> None:
        self.start_timer("batch", 0)

    def on_batch_timeout(self) -> None:
        if self.is_leader:
            super().replicate()


class CompactingNode(LaterNode):
    """A node that takes snapshots, and sends none: with two servers, both have what is committed."""

    def on_start(self) -> None:
        self.commit_index = self.last_applied = self.log.base_index
        super().on_start()

    def take_snapshot(self) -> None:
        if self.last_applied > self.log.base_index:
            term = self.log[self.last_applied].term
            self.log.compact(Snapshot(last_included_index=self.last_applied, last_included_term=term, data="{}"))


class CountsOlderTerms(LaterNode):
    """Commits an entry of an earlier term as soon as a majority has it: the bug of Figure 8."""

    def may_count(self, index: int) -> bool:
        return True


class ForgetsItsVote(LaterNode):
    """Stores its term, and not its vote."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class ForgetsTermAndVote(LaterNode):
    """Stores nothing but its log."""

    durable: ClassVar[tuple[str, ...]] = ("log",)


class HalfIsEnough(LaterNode):
    """Regards half of the servers as a majority."""

    def is_majority(self, count: int) -> bool:
        return 2 * count >= len(self.servers)


class VotesAgain(LaterNode):
    """Votes for every candidate that asks."""

    def may_vote(self, sender: str) -> bool:
        return True


class VotesForAnyLog(LaterNode):
    """Does not compare the candidate's log with its own."""

    def is_up_to_date(self, message: RequestVote) -> bool:
        return True


class SkipsConsistencyCheck(LaterNode):
    """Stores entries without comparing the entry before them."""

    def store(self, message: AppendEntries) -> bool:
        for entry in message.entries:
            if entry.index <= self.log.last_index + 1:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


class AnswersAtOnce(LaterNode):
    """Answers the client before any other server has the write."""

    def on_client_request(self, client: str, request: Any) -> None:
        super().on_client_request(client, request)
        if self.open_writes.pop(self.log.last_index, None) is not None:
            self.reply(client, Ok())


class AppliesAtOnce(LaterNode):
    """Applies a write before any other server has it."""

    def on_client_request(self, client: str, request: Any) -> None:
        super().on_client_request(client, request)
        if self.is_leader:
            self.apply(self.log[self.log.last_index])


VOTES = ("RequestVote", "RequestVoteReply")

# Figure 8 with three servers. tom is the paper's S1 and spike its S5; with one of them jerry is a majority.
FIGURE_8 = (
    Phase(
        name="tom leads in term 1 and takes a write that it does not get to send, and crashes",
        scope=Scope(
            timeouts={"tom election": 1},
            commands=("set x 1 to tom",),
            crashes={"tom": 1},
            restarts=False,
            messages=VOTES,
        ),
        goal=down("tom") & holds("tom", "1 set x 1"),
    ),
    Phase(
        name="spike leads in term 2 and takes another write at the same index, and crashes",
        scope=Scope(
            timeouts={"spike election": 2},
            commands=("set x 2 to spike",),
            crashes={"spike": 1},
            restarts=False,
            messages=VOTES,
        ),
        goal=down("spike") & holds("spike", "2 set x 2"),
        forget=True,
    ),
    Phase(
        name="tom restarts, leads in term 3, and jerry stores its old entry",
        scope=Scope(timeouts={"tom election": 2}, restarts=("tom",)),
        goal=leader("tom", term=3) & holds("jerry", "1 set x 1"),
        forget=True,
    ),
    Phase(
        name="spike restarts and runs for leader, tom may crash and come back, and no message passes between the two",
        scope=Scope(
            timeouts={"spike election": 2, "tom election": 1}, crashes={"tom": 1}, cut=("tom>spike", "spike>tom")
        ),
    ),
)
FIGURE_8_RULES = ("Leader Completeness", "State Machine Safety", "Election Safety", "One Vote per Term")


@dataclass(frozen=True)
class StoredSearch:
    """A stored schedule: its remark, the Node that it runs, and the search that finds it."""

    remark: str
    node_class: type
    search: Callable[[], SearchResult]


STORED_SEARCHES = {
    "two_leaders_of_four": StoredSearch(
        "Step 8, four servers: half of the votes are enough, so two halves elect two leaders.",
        node_of(8),
        lambda: Search(8, servers=4).run(
            Scope(timeouts={"election": 2}), invariants="Election Safety", prunes=[ONE_VOTE_PER_TERM]
        ),
    ),
    "vote_after_restart": StoredSearch(
        "A Node that keeps its term on disk, and its vote not: jerry votes, crashes, and votes again.",
        ForgetsItsVote,
        lambda: Search(ForgetsItsVote).run(
            Scope(timeouts={"tom election": 1, "spike election": 1}, crashes={"jerry": 1}), invariants="Election Safety"
        ),
    ),
    "figure_8": StoredSearch(
        "Figure 8 with three servers: a Node that has term and vote on disk and commits entries of older terms by counting.",
        CountsOlderTerms,
        lambda: run_phases(Search(CountsOlderTerms), FIGURE_8, invariants=FIGURE_8_RULES)[0],
    ),
}


def found_schedule(name: str) -> Schedule:
    """Return the schedule that the search for a stored one finds."""
    schedule = STORED_SEARCHES[name].search().schedule
    assert schedule is not None
    return schedule
