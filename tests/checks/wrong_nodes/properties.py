"""Wrong Nodes for the properties of Raft: the fixture with one change, at least three for each rule."""

from typing import ClassVar

from raft_steps.lab.commands import Command, Ok, Request, Set
from raft_steps.lab.log import Entry
from tests.helpers.raft_fixture import AppendEntries, AppendEntriesReply, RaftNode, RequestVote, RequestVoteReply

# Election Safety.


class HalfIsEnough(RaftNode):
    """Half of the votes elect a leader, and the other half elects another one."""

    def count_votes(self) -> None:
        if 2 * len(self.votes) >= len(self.servers):
            self.become_leader()


class OldVotesCount(RaftNode):
    """A vote of an earlier election counts in the next one."""

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
    """A refused vote counts too."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.term == self.current_term and self.votes and not self.is_leader:
            self.votes.add(sender)
            self.count_votes()


class LeadsInANewerTerm(RaftNode):
    """A leader adopts a newer term and keeps leading in it."""

    def learn_term(self, term: int) -> None:
        if term > self.current_term and self.is_leader:
            self.current_term = term
        else:
            super().learn_term(term)


# Leader Append-Only.


class LeaderStoresACall(RaftNode):
    """A leader stores the entries of an older leader's call."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term < self.current_term and message.prev_log_index <= self.log.last_index:
            self.store_entries(message.entries)


class LeaderCleansUp(RaftNode):
    """A new leader deletes its uncommitted entries with its first heartbeat."""

    def on_heartbeat_timeout(self) -> None:
        if self.is_leader and self.log.last_index > self.commit_index:
            self.log.truncate_after(self.commit_index)
            self.next_index = {peer: min(index, self.log.last_index + 1) for peer, index in self.next_index.items()}
        super().on_heartbeat_timeout()


class LeaderOverwrites(RaftNode):
    """Of two consecutive writes to one key, a leader stores the second in place of the first."""

    def write(self, client: str, command: Command) -> None:
        last = self.log[self.log.last_index]
        if isinstance(command, Set) and self.commit_index < last.index and last.term == self.current_term:
            self.log.truncate_after(last.index - 1)
            self.open_writes.pop(last.index, None)
            self.next_index = {peer: min(index, last.index) for peer, index in self.next_index.items()}
        super().write(client, command)


class LeaderFollowsItsFollowers(RaftNode):
    """A leader that is refused goes back to where its follower's log may match, and deletes the rest."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if self.is_leader and not message.success and message.term == self.current_term:
            self.log.truncate_after(max(self.commit_index, self.next_index[sender] - 1))
            self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)


# Log Matching.


class PreviousTermIsNotCompared(RaftNode):
    """A follower compares the index of the preceding entry, but not its term."""

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
    """A follower appends the entries beyond its own log, and keeps conflicting ones."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            if entry.index > self.log.last_index:
                self.log.append(entry)


class OwnTermIsStamped(RaftNode):
    """A follower stores entries with its own term."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(
            tuple(Entry(index=entry.index, term=self.current_term, command=entry.command) for entry in entries)
        )


class TermOfTheLastEntry(RaftNode):
    """A leader gives a new entry the term of the preceding one."""

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
    """A voter ignores the candidate's log."""

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
    """A follower applies entries when it stores them."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(entries)
        for entry in entries:
            self.apply(entry)


class LeaderAppliesAtOnce(RaftNode):
    """A leader applies a write before it is committed."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.apply(self.log[self.log.last_index])


class CommitsWhatItRefuses(RaftNode):
    """A follower that refuses a call still applies its own log up to the call's commit index."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.commit_up_to(message.leader_commit, self.log.last_index)


# One Vote per Term.


class VotesForEveryone(RaftNode):
    """A voter ignores voted_for."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        self.voted_for = None if message.term == self.current_term and not self.votes else self.voted_for
        super().on_request_vote(sender, message)


class ForgetsToVoteForItself(RaftNode):
    """A candidate counts its own vote and does not store it."""

    def on_election_timeout(self) -> None:
        super().on_election_timeout()
        self.voted_for = None


class FollowingClearsTheVote(RaftNode):
    """A server that receives a call of its term clears its vote."""

    def become_follower(self) -> None:
        super().become_follower()
        self.voted_for = None


class VoteIsNotStoredBeforeACall(RaftNode):
    """A voter grants a vote, and stores it only when the candidate has won."""

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
    """A server adopts the term of every message."""

    def learn_term(self, term: int) -> None:
        self.current_term = min(self.current_term, term)
        super().learn_term(term)


class TakesTheTermOfAnEntry(RaftNode):
    """A follower that stores entries adopts their term."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        super().store_entries(entries)
        if entries:
            self.current_term = entries[-1].term


class GivesUpItsTerm(RaftNode):
    """A candidate that is refused goes back to its previous term."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        super().on_request_vote_reply(sender, message)
        if not message.vote_granted and message.term == self.current_term and not self.is_leader:
            self.current_term -= 1


# Commit Index Never Goes Back.


class TakesTheLeadersWord(RaftNode):
    """A follower sets its commit index to that of every call, late ones too."""

    def commit_up_to(self, leader_commit: int, last_new: int) -> None:
        self.commit_index = min(leader_commit, last_new)
        self.apply_committed()


class ElectedBeginsAnew(RaftNode):
    """A new leader resets its commit index."""

    def become_leader(self) -> None:
        self.commit_index = 0
        super().become_leader()


class FollowerBeginsAnew(RaftNode):
    """A server that becomes a follower resets its commit index."""

    def become_follower(self) -> None:
        if self.is_leader:
            self.commit_index = 0
        super().become_follower()


class TruncatesOnEveryCall(RaftNode):
    """A follower deletes all entries after the preceding one, even committed ones."""

    def store_entries(self, entries: tuple[Entry, ...]) -> None:
        if entries:
            self.log.truncate_after(entries[0].index - 1)
        super().store_entries(entries)
        self.commit_index = min(self.commit_index, self.log.last_index)


# Promises Outlive Crashes.


class VoteIsNotOnDisk(RaftNode):
    """A vote is lost in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class TermIsNotOnDisk(RaftNode):
    """A term is lost in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class LogIsNotOnDisk(RaftNode):
    """A log is lost in a crash."""

    durable: ClassVar[tuple[str, ...]] = ("current_term", "voted_for")


class StartsWithoutAVote(RaftNode):
    """The vote from the disk is discarded at the start."""

    def on_start(self) -> None:
        self.voted_for = None
        super().on_start()


class StartsWithTheTermOfItsLog(RaftNode):
    """A server takes its term from its last entry at the start."""

    def on_start(self) -> None:
        self.current_term = self.log.last_term
        super().on_start()


# Acknowledged Writes Last.


class AnswersAtOnce(RaftNode):
    """A leader answers a write as soon as its own log has it."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        if self.open_writes.pop(self.log.last_index, None) is not None:
            self.reply(client, Ok())


class AnswersWhatItLoses(RaftNode):
    """A leader that steps down answers all waiting writes with Ok."""

    def become_follower(self) -> None:
        for client in self.open_writes.values():
            self.reply(client, Ok())
        super().become_follower()


class FollowersAnswer(RaftNode):
    """A follower answers a write with Ok and does nothing."""

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


# Which rule reports each of them first, and a short scenario in which it does.
MISTAKES: tuple[tuple[type[RaftNode], str, str], ...] = (
    (
        HalfIsEnough,
        "Election Safety",
        "raft-steps 1; servers spike tyke; seed 3; timing paper; until 0.198593",
    ),
    (
        OldVotesCount,
        "Election Safety",
        "raft-steps 1; servers tom jerry spike tyke; seed 66; timing paper; until 0.453314",
    ),
    (
        EveryAnswerIsAVote,
        "Election Safety",
        (
            "raft-steps 1; servers tom jerry; seed 8; timing paper; spread long; clock tom 1.02; "
            "clock jerry 0.95; until 0.213225"
        ),
    ),
    (
        LeadsInANewerTerm,
        "Election Safety",
        (
            "raft-steps 1; servers tom jerry spike; seed 7; timing paper; at 0.347679 partition leader; "
            "at 0.531232 heal; until 0.542122"
        ),
    ),
    (
        LeaderStoresACall,
        "Leader Append-Only",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.214718 partition leader; "
            "at 0.238882 set k3 5; at 1.198314 set k2 7; at 1.255897 heal; until 1.262519"
        ),
    ),
    (
        LeaderCleansUp,
        "Leader Append-Only",
        "raft-steps 1; servers tom jerry; seed 0; timing paper; at 1.051061 set k2 4; until 1.058673",
    ),
    (
        LeaderOverwrites,
        "Leader Append-Only",
        (
            "raft-steps 1; servers jerry spike; seed 0; timing paper; at 0.310674 set k3 6; at 0.31175 set k1 7; "
            "until 0.311751"
        ),
    ),
    (
        LeaderFollowsItsFollowers,
        "Leader Append-Only",
        (
            "raft-steps 1; servers tom spike tyke; seed 1; timing paper; delay 0.001 0.03; spread long; "
            "clock tom 1.05; clock spike 0.92; clock tyke 1.07; at 0.864725 set k2 1; at 1.545991 set k3 3; "
            "at 1.97546 set k3 4; at 2.496556 set k2 5; at 3.095157 set k2 6; at 3.691046 set k1 7; "
            "at 3.893647 set k1 8; until 4.187072"
        ),
    ),
    (
        PreviousTermIsNotCompared,
        "Log Matching",
        (
            "raft-steps 1; servers tom jerry spike tyke butch; seed 14; timing paper; "
            "at 3.044023 cut butch>jerry; at 3.044023 cut tom>jerry; at 3.057675 partition leader; "
            "at 3.165309 set k2 10; at 3.724546 set k3 11; at 3.76335 heal; at 3.9344 set k3 12; until 3.942095"
        ),
    ),
    (
        ConflictsStay,
        "Log Matching",
        (
            "raft-steps 1; servers tom jerry spike; seed 7; timing paper; at 0.184955 partition leader; "
            "at 0.19301 set k1 8; at 0.366311 set k3 10; at 0.39432 set k3 11; at 0.438047 heal; until 0.443364"
        ),
    ),
    (
        OwnTermIsStamped,
        "Log Matching",
        (
            "raft-steps 1; servers tom spike tyke; seed 1; timing paper; delay 0.001 0.03; spread long; "
            "clock tom 1.05; clock spike 0.92; clock tyke 1.07; at 0.864725 set k2 1; at 1.545991 set k3 3; "
            "at 1.97546 set k3 4; at 2.496556 set k2 5; at 3.095157 set k2 6; at 3.691046 set k1 7; "
            "at 3.893647 set k1 8; at 4.197846 set k1 9; until 4.256656"
        ),
    ),
    (
        TermOfTheLastEntry,
        "Log Matching",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.262766 set k2 4; "
            "at 0.271077 partition leader; at 0.272588 set k3 5; at 0.512446 set k2 7; until 0.512447"
        ),
    ),
    (
        OldTermsCount,
        "Leader Completeness",
        (
            "raft-steps 1; servers spike tyke butch; seed 17; timing paper; at 0.690294 set x 1; "
            "at 0.895217 set x 2; at 1.212865 set x 3; at 1.334362 set x 4; at 1.599395 set x 5; "
            "at 1.65248 partition leader; at 1.769053 set x 6; at 1.815182 partition butch; at 1.829755 set x 7; "
            "at 2.179308 partition leader; until 2.394679"
        ),
    ),
    (
        AnyLogWillDo,
        "Leader Completeness",
        (
            "raft-steps 1; servers tom tyke butch; seed 1; timing paper; at 0.143167 partition tom; "
            "at 0.33316 set k1 12; at 0.516865 heal; until 0.613726"
        ),
    ),
    (
        OnlyTheLengthCounts,
        "Leader Completeness",
        (
            "raft-steps 1; servers tom jerry spike; seed 1; timing paper; at 0.179444 partition leader; "
            "at 0.198894 set x 15; at 0.238756 set x 16; at 0.467782 set x 33; at 0.495296 partition leader; "
            "until 0.795564"
        ),
    ),
    (
        OnlyTheTermCounts,
        "Leader Completeness",
        (
            "raft-steps 1; servers tom tyke butch; seed 1; timing paper; at 0.195046 set k3 11; "
            "at 0.24069 partition tom; at 0.430683 set k1 12; at 0.614388 heal; until 0.657975"
        ),
    ),
    (
        HalfCommits,
        "Leader Completeness",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.331617 partition leader; "
            "at 0.355781 set k3 5; until 0.529227"
        ),
    ),
    (
        FollowersApplyAtOnce,
        "State Machine Safety",
        (
            "raft-steps 1; servers tom jerry spike tyke butch; seed 2; timing paper; delay 0.001 0.02; "
            "spread long; loss 0.03; duplicate 0.03; clock tom 0.99; clock jerry 0.98; clock spike 1.04; "
            "clock tyke 0.97; clock butch 0.97; at 0.630224 delete k2; at 1.063069 set k2 2; "
            "at 1.567099 set k3 3; at 2.007727 set k2 4; at 2.338614 set k3 5; at 2.873902 set k3 6; "
            "at 3.207886 set k1 7; at 3.725006 set k3 8; at 3.74211 set k3 9; until 3.74452"
        ),
    ),
    (
        LeaderAppliesAtOnce,
        "State Machine Safety",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.329247 partition leader; "
            "at 0.330758 set k3 5; at 0.570616 set k2 7; until 0.570617"
        ),
    ),
    (
        CommitsWhatItRefuses,
        "State Machine Safety",
        (
            "raft-steps 1; servers tom jerry spike; seed 23; timing paper; at 1.017908 partition jerry spike; "
            "at 1.167915 set k3 9; at 1.219365 set k3 10; at 1.288534 partition leader; until 1.470586"
        ),
    ),
    (
        VotesForEveryone,
        "One Vote per Term",
        "raft-steps 1; servers tom jerry spike; seed 10; timing paper; delay 0.001 0.02; until 0.180932",
    ),
    (
        ForgetsToVoteForItself,
        "One Vote per Term",
        "raft-steps 1; servers tom jerry; seed 9; timing paper; until 0.252516",
    ),
    (
        FollowingClearsTheVote,
        "One Vote per Term",
        "raft-steps 1; servers tom spike tyke; seed 2; timing paper; delay 0.001 0.02; spread long; until 0.273993",
    ),
    (
        VoteIsNotStoredBeforeACall,
        "One Vote per Term",
        "raft-steps 1; servers tom jerry spike; seed 10; timing paper; delay 0.001 0.02; until 0.180932",
    ),
    (
        TakesAnyTerm,
        "Terms Never Go Back",
        (
            "raft-steps 1; servers tom jerry; seed 0; timing paper; at 0.33329 partition leader; "
            "at 0.357454 set k3 5; at 0.654895 heal; until 0.659783"
        ),
    ),
    (
        TakesTheTermOfAnEntry,
        "Terms Never Go Back",
        (
            "raft-steps 1; servers tom tyke butch; seed 1; timing paper; at 0.083467 partition tom; "
            "at 0.178464 set k1 12; at 0.362169 heal; until 0.581282"
        ),
    ),
    (
        GivesUpItsTerm,
        "Terms Never Go Back",
        "raft-steps 1; servers tom jerry; seed 9; timing paper; until 0.256175",
    ),
    (
        TakesTheLeadersWord,
        "Commit Index Never Goes Back",
        "raft-steps 1; servers spike tyke; seed 11; timing paper; reorder 0.1; at 0.865566 delete k1; until 0.913994",
    ),
    (
        ElectedBeginsAnew,
        "Commit Index Never Goes Back",
        (
            "raft-steps 1; servers jerry spike tyke; seed 0; timing paper; at 0.206368 set k3 5; "
            "at 0.355689 pause tyke; until 0.509819"
        ),
    ),
    (
        FollowerBeginsAnew,
        "Commit Index Never Goes Back",
        (
            "raft-steps 1; servers tom jerry; seed 5; timing paper; at 0.228881 set k2 4; "
            "at 0.245502 partition leader; at 0.423653 heal; until 0.43534"
        ),
    ),
    (
        TruncatesOnEveryCall,
        "Commit Index Never Goes Back",
        (
            "raft-steps 1; servers tom jerry; seed 0; timing paper; delay 0.001 0.02; spread long; reorder 0.05; "
            "clock tom 1.02; clock jerry 0.95; at 0.865566 delete k1; at 1.786532 delete k2; "
            "at 2.102122 set k2 4; until 2.247591"
        ),
    ),
    (
        VoteIsNotOnDisk,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; servers jerry spike; seed 0; timing paper; at 0.243004 crash spike; "
            "at 0.24405 restart crashed; until 0.244051"
        ),
    ),
    (
        TermIsNotOnDisk,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; servers spike; seed 0; timing paper; at 0.243004 crash spike; "
            "at 0.24405 restart crashed; until 0.244051"
        ),
    ),
    (
        LogIsNotOnDisk,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; servers spike; seed 0; timing paper; at 0.332267 set k3 5; at 0.333469 crash spike; "
            "at 0.334515 restart crashed; until 0.334516"
        ),
    ),
    (
        StartsWithoutAVote,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; servers jerry spike; seed 0; timing paper; at 0.243004 crash spike; "
            "at 0.24405 restart crashed; until 0.244051"
        ),
    ),
    (
        StartsWithTheTermOfItsLog,
        "Promises Outlive Crashes",
        (
            "raft-steps 1; servers tyke; seed 8; timing paper; at 0.525373 tear tyke; "
            "at 0.617066 restart crashed; until 0.617067"
        ),
    ),
    (
        AnswersAtOnce,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.331617 partition leader; "
            "at 0.355781 set k3 5; until 0.529227"
        ),
    ),
    (
        AnswersWhatItLoses,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; servers tom jerry spike; seed 0; timing paper; at 0.227814 partition leader; "
            "at 0.239896 set k3 5; at 0.479754 set k2 7; at 0.508546 heal; until 0.535501"
        ),
    ),
    (
        FollowersAnswer,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; servers tom spike; seed 0; timing paper; at 0.323931 pause spike; "
            "at 0.592228 set k1 13; at 0.594138 resume spike; until 0.594139"
        ),
    ),
    (
        OneFollowerIsEnough,
        "Acknowledged Writes Last",
        (
            "raft-steps 1; servers tom jerry spike tyke butch; seed 28; timing paper; at 0.744655 set k3 1; "
            "at 1.190654 set k2 2; at 2.018273 set k1 4; at 2.228157 set k2 5; at 2.553142 set k1 6; "
            "at 2.658582 partition jerry tyke; at 3.030614 delete k3; until 3.144563"
        ),
    ),
)
