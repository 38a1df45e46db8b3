"""Right Nodes of steps 9 to 12 that are written otherwise: no check may accuse them.

Each way of writing is a mixin. The table at the end says in which steps it can be written.
"""

from __future__ import annotations

from typing import Any

from raft_steps import node
from raft_steps.lab.log import Entry, Log

Entries = tuple[Entry, ...]


class FindsTheFirstConflict:
    """Looks for the first entry that is not there, deletes once, and appends the rest."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if prev_log_index > self.log.last_index or self.log[prev_log_index].term != prev_log_term:
            return False
        new = [entry for entry in entries if self.log.term_at(entry.index) != entry.term]
        if new:
            self.log.truncate_after(new[0].index - 1)
            for entry in entries[new[0].index - prev_log_index - 1 :]:
                self.log.append(entry)
        return True


class ReplacesItsLog:
    """Puts a new log in place of the old one if an entry conflicts or is new."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        if any(self.log.term_at(entry.index) != entry.term for entry in entries):
            self.log = Log([*list(self.log)[:prev_log_index], *entries])
        return True


class ComparesTermsFirst:
    """Refuses an older call before anything else, and learns a newer term afterwards."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        if message.term < self.current_term:
            self.refuse_append_entries(sender)
        else:
            super().on_append_entries(sender, message)  # type: ignore[misc]


class FollowsTwice:
    """Becomes a follower before and after storing: the election timer is started twice at the same time."""

    def on_append_entries(self: Any, sender: str, message: Any) -> None:
        super().on_append_entries(sender, message)  # type: ignore[misc]
        if message.term == self.current_term:
            self.become_follower()


class ForgetsItsVotes:
    """A candidate that follows a leader discards the votes that it has received."""

    def become_follower(self: Any) -> None:
        self.votes.clear()
        super().become_follower()  # type: ignore[misc]


class DrawsWhenItFollows:
    """Draws a new election timeout with every call of the leader."""

    def become_follower(self: Any) -> None:
        self.draw_election_timeout()
        super().become_follower()  # type: ignore[misc]


class LetsTheElectionTimerExpire:
    """A leader does not stop its election timer, and ignores it when it expires."""

    def become_leader(self: Any) -> None:
        super().become_leader()  # type: ignore[misc]
        self.start_election_timer()

    def on_election_timeout(self: Any) -> None:
        if not self.is_leader:
            super().on_election_timeout()  # type: ignore[misc]


class LetsTheHeartbeatTimerExpire:
    """A deposed leader ignores its heartbeat timer when it expires."""

    def cancel_timer(self: Any, name: str) -> None:
        if name != "heartbeat":
            super().cancel_timer(name)  # type: ignore[misc]

    def on_heartbeat_timeout(self: Any) -> None:
        if self.is_leader:
            super().on_heartbeat_timeout()  # type: ignore[misc]


class CountsVotesAnew:
    """Counts the servers that have voted one by one, in the order of their names."""

    def count_votes(self: Any) -> None:
        voters = [server for server in sorted(self.servers) if server in self.votes]
        if len(voters) >= len(self.servers) // 2 + 1 and not self.is_leader:
            self.become_leader()


class AnswersVotesFirst:
    """Compares the candidate's term before it learns it, and answers in one place for each reason."""

    def on_request_vote(self: Any, sender: str, message: Any) -> None:
        if message.term < self.current_term or (
            message.term == self.current_term and self.voted_for not in (None, sender)
        ):
            self.answer_request_vote(sender, False)
        else:
            super().on_request_vote(sender, message)  # type: ignore[misc]


class KeepsTheVotesOfEveryTerm:
    """Stores every vote that it gives in a table by term, next to voted_for."""

    table: tuple[tuple[int, str], ...] = ()

    def answer_request_vote(self: Any, to: str, vote_granted: bool) -> None:
        if vote_granted:
            self.table += ((self.current_term, to),)
        super().answer_request_vote(to, vote_granted)  # type: ignore[misc]


class LearnsFromItsEntries:
    """A call's entries teach terms too, although none is newer than the call."""

    def store_entries(self: Any, prev_log_index: int, prev_log_term: int, entries: Entries) -> bool:
        for entry in entries:
            self.learn_term(entry.term)
        return super().store_entries(prev_log_index, prev_log_term, entries)  # type: ignore[misc, no-any-return]


class SendsTheRestAtOnce:
    """A leader whose follower has acknowledged something sends what it still lacks without waiting for the heartbeat."""

    def on_append_entries_reply(self: Any, sender: str, message: Any) -> None:
        super().on_append_entries_reply(sender, message)  # type: ignore[misc]
        if self.is_leader and message.success and self.next_index[sender] <= self.log.last_index:
            self.send(sender, self.append_entries_after(self.next_index[sender] - 1))


class GoesBackByATerm:
    """A leader that is refused goes back to where the term of the refused entry begins."""

    def index_before(self: Any, refused_index: int) -> int:
        index: int = min(refused_index - 1, self.log.last_index)
        while index > 0 and self.log[index].term == self.log.term_at(refused_index):
            index -= 1
        return max(index, 0)


class GoesBackToTheStart:
    """A leader that is refused starts again after entry 0."""

    def index_before(self: Any, refused_index: int) -> int:
        return 0


class CountsUpwards:
    """A leader looks for the next committed entry from the commit index upwards."""

    def advance_commit_index(self: Any) -> None:
        for index in range(self.commit_index + 1, self.log.last_index + 1):
            holders = [1 for match in self.match_index.values() if match >= index]
            if 2 * (1 + len(holders)) > len(self.servers) and self.log[index].term == self.current_term:
                self.commit_up_to(index)


class AppliesBeforeItCounts:
    """Applies an entry, and increases last_applied afterwards."""

    def commit_up_to(self: Any, index: int) -> None:
        self.commit_index = max(index, self.commit_index)
        for entry in list(self.log)[self.last_applied : self.commit_index]:
            self.apply(entry)
            self.last_applied = entry.index
        self.answer_clients()


class AnswersReadsFirst:
    """Answers the reads that wait before the writes that wait."""

    def answer_clients(self: Any) -> None:
        writes, self.open_writes = self.open_writes, {}
        super().answer_clients()  # type: ignore[misc]
        self.open_writes = writes
        super().answer_clients()  # type: ignore[misc]


class WaitsWithTheHeartbeat:
    """A leader that has just sent a write to everybody waits a full interval for its next heartbeat."""

    def write(self: Any, client: str, command: Any) -> None:
        super().write(client, command)  # type: ignore[misc]
        self.start_timer("heartbeat", self.heartbeat_interval)


class DiscardsTheVoteOfAnOlderTerm:
    """After a start with a log newer than the stored term, the vote of the older term is discarded."""

    def on_start(self: Any) -> None:
        if self.log.last_term > self.current_term:
            self.voted_for = None
        super().on_start()  # type: ignore[misc]


class StartsItsTimerLast:
    """Leads first, if it is the named leader, and starts its election timer only as a follower."""

    def on_start(self: Any) -> None:
        self.current_term = max(self.current_term, self.log.last_term)
        self.draw_election_timeout()
        if self.is_leader:
            self.become_leader()
        else:
            self.start_election_timer()


ALL, LATE = (9, 10, 11, 12), (11, 12)

# For each way of writing, the steps in which it can be written.
MIXINS: tuple[tuple[type, tuple[int, ...]], ...] = (
    (FindsTheFirstConflict, ALL),
    (ReplacesItsLog, ALL),
    (ComparesTermsFirst, ALL),
    (FollowsTwice, ALL),
    (ForgetsItsVotes, ALL),
    (DrawsWhenItFollows, ALL),
    (LetsTheElectionTimerExpire, ALL),
    (LetsTheHeartbeatTimerExpire, ALL),
    (CountsVotesAnew, ALL),
    (AnswersVotesFirst, ALL),
    (KeepsTheVotesOfEveryTerm, ALL),
    (LearnsFromItsEntries, ALL),
    (SendsTheRestAtOnce, LATE),
    (GoesBackByATerm, LATE),
    (GoesBackToTheStart, LATE),
    (CountsUpwards, LATE),
    (AppliesBeforeItCounts, LATE),
    (AnswersReadsFirst, LATE),
    (WaitsWithTheHeartbeat, LATE),
    (DiscardsTheVoteOfAnOlderTerm, (12,)),
    (StartsItsTimerLast, (12,)),
)


def right_node(way: type, step: int) -> type:
    """Return the Node of a step, written otherwise."""
    return type(way.__name__, (way, node(step)), {})
