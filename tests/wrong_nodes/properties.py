"""Wrong Nodes for the properties of Raft: the fixture with one thing changed, at least three for each rule."""

from typing import ClassVar

from raft_fixture import AppendEntries, AppendEntriesReply, RaftNode, RequestVote, RequestVoteReply

from raft_steps.lab.commands import Command, Ok, Request, Set
from raft_steps.lab.log import Entry

# Election Safety.


class HalfIsEnough(RaftNode):
    """Half of the votes elect a leader, and the other half elects another one."""

    def count_votes(self) -> None:
        if 2 * len(self.votes) >= len(self.servers):
            self.become_leader()


class OldVotesCount(RaftNode):
    """A vote of an election that is over counts in the next."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        if message.vote_granted and self.votes and not self.is_leader:
            self.votes.add(sender)
            self.count_votes()

    def on_election_timeout(self) -> None:
        before = self.votes
        super().on_election_timeout()
        self.votes |= before
        self.count_votes()


class EveryAnswerIsAVote(RaftNode):
    """A refused vote is counted, too."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.term == self.current_term and self.votes and not self.is_leader:
            self.votes.add(sender)
            self.count_votes()


class LeadsInANewerTerm(RaftNode):
    """Who leads catches up with a newer term, and goes on leading in it."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term and self.is_leader:
            self.current_term = term
        else:
            super().learn_term(term)


# Leader Append-Only.


class LeaderStoresACall(RaftNode):
    """A leader takes the entries of an older leader's call."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term < self.current_term and message.prev_log_index <= self.log.last_index:
            self.store_entries(message.entries)


class LeaderCleansUp(RaftNode):
    """A new leader drops what it could not commit, with its first heartbeat."""

    def on_heartbeat_timeout(self) -> None:
        if self.is_leader and self.log.last_index > self.commit_index:
            self.log.truncate_after(self.commit_index)
            self.next_index = {
                peer: min(index, self.log.last_index + 1) for peer, index in self.next_index.items()
            }
        super().on_heartbeat_timeout()


class LeaderOverwrites(RaftNode):
    """Of two writes to one key in a row, a leader keeps the second, in the place of the first."""

    def write(self, client: str, command: Command) -> None:
        last = self.log[self.log.last_index]
        if isinstance(command, Set) and self.commit_index < last.index and last.term == self.current_term:
            self.log.truncate_after(last.index - 1)
            self.open_writes.pop(last.index, None)
            self.next_index = {peer: min(index, last.index) for peer, index in self.next_index.items()}
        super().write(client, command)


class LeaderFollowsItsFollowers(RaftNode):
    """A leader that is refused goes back to where its follower's log may agree, and deletes the rest."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.is_leader and not message.success and message.term == self.current_term:
            self.log.truncate_after(max(self.commit_index, self.next_index[sender] - 1))
            self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)


# Log Matching.


class PreviousTermIsNotCompared(RaftNode):
    """A follower asks whether it has an entry at the previous index, and not of which term."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        term = self.log.term_at(message.prev_log_index)
        if term is not None and term != message.prev_log_term:
            message = AppendEntries(
                term=message.term,
                prev_log_index=message.prev_log_index,
                prev_log_term=term,
                entries=message.entries,
                leader_commit=message.leader_commit,
            )
        super().on_append_entries(sender, message)


class ConflictsStay(RaftNode):
    """A follower adds what is longer than its own log, and leaves what conflicts."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            if entry.index > self.log.last_index:
                self.log.append(entry)


class OwnTermIsStamped(RaftNode):
    """A follower writes its own term on what it stores."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(
            tuple(Entry(index=entry.index, term=self.current_term, command=entry.command) for entry in entries)
        )


class TermOfTheLastEntry(RaftNode):
    """A leader gives a new entry the term of the one before."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        last = self.log[self.log.last_index]
        if self.is_leader and last.index > 1 and last.term == self.current_term:
            self.log.truncate_after(last.index - 1)
            self.log.append(Entry(index=last.index, term=max(self.log.last_term, 1), command=command))


# Leader Completeness.


class OldTermsCount(RaftNode):
    """A leader commits entries of older terms by counting: Figure 8."""

    def may_commit(self, index: int) -> bool:
        return self.is_majority(self.holders(index))


class AnyLogWillDo(RaftNode):
    """A voter does not look at the candidate's log."""

    def is_up_to_date(self, message: RequestVote) -> bool:
        return True


class OnlyTheLengthCounts(RaftNode):
    """A voter compares the lengths of the logs."""

    def is_up_to_date(self, message: RequestVote) -> bool:
        return message.last_log_index >= self.log.last_index


class OnlyTheTermCounts(RaftNode):
    """A voter compares the terms of the last entries."""

    def is_up_to_date(self, message: RequestVote) -> bool:
        return message.last_log_term >= self.log.last_term


class HalfCommits(RaftNode):
    """A leader commits with one server less than a majority."""

    def may_commit(self, index: int) -> bool:
        return self.log[index].term == self.current_term and self.is_majority(self.holders(index) + 1)


# State Machine Safety.


class FollowersApplyAtOnce(RaftNode):
    """A follower carries out what it stores."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(entries)
        for entry in entries:
            self.apply(entry)


class LeaderAppliesAtOnce(RaftNode):
    """A leader carries out a write before it is committed."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.apply(self.log[self.log.last_index])


class ElectedAppliesAll(RaftNode):
    """A new leader carries out its whole log."""

    def become_leader(self) -> None:
        super().become_leader()
        for entry in self.log:
            self.apply(entry)


class CommitsBeyondTheCall(RaftNode):
    """A follower commits what the leader has committed, though the call did not show that it has the same there."""

    def hear_commit(self, leader_commit: int, last_new: int) -> None:
        super().hear_commit(leader_commit, self.log.last_index)


# One Vote per Term.


class VotesForEveryone(RaftNode):
    """A voter does not ask whether it has voted."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.voted_for = None if message.term == self.current_term and not self.votes else self.voted_for
        super().on_request_vote(sender, message)


class ForgetsToVoteForItself(RaftNode):
    """A candidate counts its own vote and does not remember it."""

    def on_election_timeout(self) -> None:
        super().on_election_timeout()
        self.voted_for = None


class FollowingClearsTheVote(RaftNode):
    """A server that hears the leader of its term forgets its vote."""

    def become_follower(self) -> None:
        super().become_follower()
        self.voted_for = None


class VoteIsNotStoredBeforeACall(RaftNode):
    """A voter grants a vote, and remembers it only when the candidate has won."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        before = self.voted_for if message.term == self.current_term else None
        super().on_request_vote(sender, message)
        self.voted_for = before

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.voted_for = sender


# Terms Never Go Back.


class TakesAnyTerm(RaftNode):
    """A server takes the term of every message for its own."""

    def learn_term(self, term: int) -> None:
        if term < self.current_term:
            self.current_term = term
        super().learn_term(term)


class TakesTheTermOfAnEntry(RaftNode):
    """A follower that stores entries takes their term for its own."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(entries)
        if entries:
            self.current_term = entries[-1].term


class GivesUpItsTerm(RaftNode):
    """A candidate that is refused goes back to the term that it came from."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, message)
        if not message.vote_granted and message.term == self.current_term and not self.is_leader:
            self.current_term -= 1


# Commit Index Never Goes Back.


class TakesTheLeadersWord(RaftNode):
    """A follower sets its commit index to what a call says, late calls too."""

    def hear_commit(self, leader_commit: int, last_new: int) -> None:
        self.commit_index = min(leader_commit, last_new)
        self.apply_committed()


class ElectedBeginsAnew(RaftNode):
    """A new leader counts again from the beginning."""

    def become_leader(self) -> None:
        self.commit_index = 0
        super().become_leader()


class FollowerBeginsAnew(RaftNode):
    """A server that falls back to following forgets how far it had committed."""

    def become_follower(self) -> None:
        if self.is_leader:
            self.commit_index = 0
        super().become_follower()


class TruncatesOnEveryCall(RaftNode):
    """A follower deletes all that comes after the previous entry, and what it had committed there."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        if entries:
            self.log.truncate_after(entries[0].index - 1)
        super().store_entries(entries)
        self.commit_index = min(self.commit_index, self.log.last_index)


# Promises Outlive Crashes.


class VoteIsNotOnDisk(RaftNode):
    """A vote is forgotten in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class TermIsNotOnDisk(RaftNode):
    """A term is forgotten in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class LogIsNotOnDisk(RaftNode):
    """A log is forgotten in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("current_term", "voted_for")


class StartsWithoutAVote(RaftNode):
    """What the disk says of a vote is thrown away at the start."""

    def on_start(self) -> None:
        self.voted_for = None
        super().on_start()


class StartsWithTheTermOfItsLog(RaftNode):
    """A server that starts takes its term from its last entry."""

    def on_start(self) -> None:
        self.current_term = self.log.last_term
        super().on_start()


# Acknowledged Writes Last.


class AnswersAtOnce(RaftNode):
    """A leader tells a client that a write is done as soon as its own log has it."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        if self.open_writes.pop(self.log.last_index, None) is not None:
            self.reply(client, Ok())


class AnswersWhatItLoses(RaftNode):
    """A leader that steps down tells all that wait that their writes are done."""

    def become_follower(self) -> None:
        for client in self.open_writes.values():
            self.reply(client, Ok())
        super().become_follower()


class FollowersAnswer(RaftNode):
    """A follower says that a write is done and does nothing."""

    def on_client_request(self, client: str, request: Request) -> None:
        if self.is_leader:
            super().on_client_request(client, request)
        else:
            self.reply(client, Ok())


class OneFollowerIsEnough(RaftNode):
    """A leader answers when the first follower has an entry."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.is_leader and message.success:
            for index in [index for index in self.open_writes if index <= message.match_index]:
                self.reply(self.open_writes.pop(index), Ok())


class RepeatedWritesAreSkipped(RaftNode):
    """A leader does not log a write that says what its state machine holds already."""

    def write(self, client: str, command: Command) -> None:
        if isinstance(command, Set) and self.log.last_index and self.log[self.log.last_index].command == command:
            self.reply(client, Ok())
        else:
            super().write(client, command)
