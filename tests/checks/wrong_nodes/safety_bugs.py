"""Wrong Nodes of step 12 with a real safety bug each; a sweep finds every one of them within 1,000 seeds of a profile.

Some were found in real code. Those about messages of an earlier time need a server that leads twice: its log is shorter
the second time, and a late or doubled message of the first time still counts.
"""

from __future__ import annotations

from typing import ClassVar

from raft_steps import step_12_persistence as step_12
from raft_steps.lab.commands import Get, Ok, Request, Set
from raft_steps.lab.log import Entry
from raft_steps.step_09_one_vote_per_term import RequestVoteReply
from raft_steps.step_11_commit_index import AppendEntries, AppendEntriesReply

# Logs and messages.


class DeletesWhatFollows(step_12.Node):
    """A call with entries deletes what follows them, even if nothing conflicts: a late call deletes committed entries."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        success = super().store_entries(prev_log_index, prev_log_term, entries)
        if success and entries:
            self.log.truncate_after(entries[-1].index)
        return success


class OldRepliesCount(step_12.Node):
    """A follower's reply of an earlier term counts, although the log was shortened since."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.learn_term(message.term)
        if self.is_leader and message.success and message.term < self.current_term:
            index = min(message.match_index, self.log.last_index)
            self.match_index[sender] = max(self.match_index[sender], index)
            self.next_index[sender] = self.match_index[sender] + 1
            self.advance_commit_index()
        else:
            super().on_append_entries_reply(sender, message)


class OldCallsCount(step_12.Node):
    """An older call of the server that leads now is accepted: the sender is checked, and not the term."""

    leader: str = ""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term and sender == self.leader:
            success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
            last_new = message.prev_log_index + len(message.entries)
            self.answer_append_entries(sender, success, message.prev_log_index, last_new if success else 0)
            return
        if message.term >= self.current_term:
            self.leader = sender
        super().on_append_entries(sender, message)


class MatchIsKept(step_12.Node):
    """A leader that is elected again keeps match_index of its earlier time."""

    def become_leader(self) -> None:
        before = dict(self.match_index)
        super().become_leader()
        self.match_index |= before
        self.advance_commit_index()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if sender in self.next_index:
            self.next_index[sender] = min(self.next_index[sender], self.log.last_index + 1)


class RefusedCallsAreStored(step_12.Node):
    """A call of an older term is refused, and its entries are stored."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        super().on_append_entries(sender, message)


class OldVotesCount(step_12.Node):
    """A vote of an earlier election counts in this one."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.vote_granted:
            self.votes.add(sender)
            self.count_votes()


class OlderTermsCount(step_12.Node):
    """Figure 8: entries of any term are committed by counting, and a leader begins without an entry of its own."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)
        self.advance_commit_index()

    def advance_commit_index(self) -> None:
        for index in range(self.log.last_index, self.commit_index, -1):
            if 2 * (1 + sum(match >= index for match in self.match_index.values())) > len(self.servers):
                self.commit_up_to(index)
                break


class OwnVoteIsEnough(step_12.Node):
    """A candidate leads with its own vote alone."""

    def count_votes(self) -> None:
        if not self.is_leader:
            self.become_leader()


# State machines and clients.


class AppliesTwice(step_12.Node):
    """Every entry is applied twice."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        super().apply(entry)


class AppliesAgainAfterARestart(step_12.Node):
    """The state machine is on disk, and last_applied is not: after a restart every entry is applied again."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "state_machine")


class StateMachineIsLost(step_12.Node):
    """last_applied is on disk, and the state machine is not."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term", "voted_for", "last_applied")


class DeposedLeaderForgets(step_12.Node):
    """A leader that is deposed empties its state machine."""

    def become_follower(self) -> None:
        if self.is_leader:
            self.state_machine = {}
        super().become_follower()


class ThrowsDice(step_12.Node):
    """Now and then a write goes to a key of its own, which every server chooses for itself."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.command, Set) and self.random.random() < 0.02:
            self.state_machine[f"dice{self.random.randint(1, 6)}"] = entry.command.value


class ReadsAtOnce(step_12.Node):
    """A leader answers a read at once, even if it has not applied what is in its log."""

    def answer_read(self, client: str, request: Get) -> None:
        self.reply(client, Ok(value=self.state_machine.get(request.key)))


class FollowersAnswerReads(step_12.Node):
    """Every server answers reads."""

    def on_client_request(self, client: str, request: Request) -> None:
        if isinstance(request, Get):
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            super().on_client_request(client, request)


# Service.


class HeartbeatsDoNotCount(step_12.Node):
    """Only some of a leader's calls restart the election timer, so there are many times the elections."""

    def become_follower(self) -> None:
        led = self.is_leader
        self.is_leader = False
        self.open_writes, self.open_reads = {}, {}
        self.cancel_timer("heartbeat")
        if led or self.random.random() < 0.6:
            self.start_election_timer()


class AnswersFew(step_12.Node):
    """Three of four requests that succeed are not answered."""

    def reply(self, client: str, response: object) -> None:
        if not isinstance(response, Ok) or self.random.random() < 0.25:
            super().reply(client, response)  # type: ignore[arg-type]  # It is what clients are answered with.
