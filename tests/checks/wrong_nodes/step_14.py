"""Wrong Nodes for step 14: rounds that prove nothing, reads that do not wait, and reads that cost too much."""

from dataclasses import replace

from raft_steps import step_14_linearizable_reads as step_14
from raft_steps.lab.commands import Get, Ok, Set
from raft_steps.step_14_linearizable_reads import AppendEntries, AppendEntriesReply

# Rounds.


class AnswersAtOnce(step_14.Node):
    """As before this step: a read waits for the log and for no round."""

    def answer_read(self, client: str, request: Get) -> None:
        self.open_reads[client] = (self.log.last_index, request)
        self.answer_clients()


class AnyAnswerCounts(step_14.Node):
    """Every answer confirms the present round, whichever call it answers: the fault of step 3 again."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, replace(message, round=self.round))


class RoundUnderWayCounts(step_14.Node):
    """A read waits for the last round that has begun: its answers may have been sent before the read arrived.

    A read of etcd that was repeated kept its number, and answers to the first attempt confirmed the second (20418).
    """

    def answer_read(self, client: str, request: Get) -> None:
        if self.is_confirmed(self.round):
            self.send_heartbeat()
        self.unconfirmed_reads[client] = (self.round, self.read_index(), request)
        self.confirm_reads()


class ConfirmedRoundCounts(step_14.Node):
    """A read waits for the last round that has begun, even if it has been answered."""

    def answer_read(self, client: str, request: Get) -> None:
        self.unconfirmed_reads[client] = (self.round, self.read_index(), request)
        self.confirm_reads()


class HasALease(step_14.Node):
    """Until the next heartbeat the answers to the last one are good enough, as if no other could be elected so soon."""

    def answer_read(self, client: str, request: Get) -> None:
        number = self.round if self.is_confirmed(self.round) else self.round + 1
        self.unconfirmed_reads[client] = (number, self.read_index(), request)
        self.confirm_reads()


class OneAnswerIsEnough(step_14.Node):
    """One follower's answer confirms a round, in a cluster of any size."""

    def is_confirmed(self, number: int) -> bool:
        return not self.peers() or any(last >= number for last in self.answered_rounds.values())


class HalfIsEnough(step_14.Node):
    """Half of the servers confirm a round."""

    def is_confirmed(self, number: int) -> bool:
        return 2 * (1 + sum(last >= number for last in self.answered_rounds.values())) >= len(self.servers)


class AnswersAreCounted(step_14.Node):
    """Answers are counted instead of followers, so one that is doubled counts twice."""

    answers: int = 0

    def send_heartbeat(self) -> None:
        self.answers = 0
        super().send_heartbeat()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.answers += message.term == self.current_term and message.round == self.round
        super().on_append_entries_reply(sender, message)

    def is_confirmed(self, number: int) -> bool:
        return not self.peers() or (number <= self.round and 2 * (1 + self.answers) > len(self.servers))


class LeaderIsNotCounted(step_14.Node):
    """A majority of the servers have to answer, and the leader does not count itself."""

    def is_confirmed(self, number: int) -> bool:
        return 2 * sum(last >= number for last in self.answered_rounds.values()) > len(self.servers)


class NumbersAreReused(step_14.Node):
    """A new leader numbers its rounds from 1 again, and keeps what its followers answered before."""

    def become_leader(self) -> None:
        self.round = 0
        super().become_leader()


class OlderTermsCount(step_14.Node):
    """Rounds begin with 1 in every term, and an answer of an earlier term confirms them."""

    def become_leader(self) -> None:
        self.round, self.answered_rounds = 0, {}
        super().become_leader()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if self.is_leader:
            self.answered_rounds[sender] = max(self.answered_rounds.get(sender, 0), message.round)
        super().on_append_entries_reply(sender, message)
        if self.is_leader:
            self.confirm_reads()


# Messages.


class CallsHaveNoRound(step_14.Node):
    """A leader counts its rounds, and does not send their numbers."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return replace(super().append_entries_after(prev_log_index), round=0)


class AnswersWithItsOwnRound(step_14.Node):
    """A follower answers with the number of its own rounds."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, replace(message, round=self.round))


class AnswersWithTheLatestRound(step_14.Node):
    """A follower answers with the latest round that it has been called in, by whichever leader."""

    latest: int = 0

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        self.latest = max(self.latest, message.round)
        super().on_append_entries(sender, replace(message, round=self.latest))


class RefusalsHaveNoRound(step_14.Node):
    """A follower that lacks the preceding entry answers without the round."""

    def answer_append_entries(
        self, to: str, success: bool, prev_log_index: int, match_index: int, round_number: int
    ) -> None:
        super().answer_append_entries(to, success, prev_log_index, match_index, round_number if success else 0)


class HeartbeatsHaveNoRound(step_14.Node):
    """Only the calls of a read carry its round, so that it waits forever if they are lost."""

    def on_heartbeat_timeout(self) -> None:
        number, self.round = self.round, -1
        super().on_heartbeat_timeout()
        self.round = number


# What else a read waits for.


class CommitIndexOfANewLeader(step_14.Node):
    """A new leader takes its commit index for that of the cluster, as etcd did (issue 7331)."""

    def read_index(self) -> int:
        return self.commit_index


class ValueIsTakenAtOnce(step_14.Node):
    """The value is read when the client asks, and sent when the round is confirmed."""

    def answer_read(self, client: str, request: Get) -> None:
        value = self.state_machine.get(request.key)
        super().answer_read(client, Get(key=f"{request.key}={value}"))

    def reply(self, client: str, response: object) -> None:
        super().reply(client, response)  # type: ignore[arg-type]  # It is what clients are answered with.

    def answer_clients(self) -> None:
        for client, (index, request) in list(self.open_reads.items()):
            if index <= self.last_applied:
                del self.open_reads[client]
                value = request.key.partition("=")[2]
                self.reply(client, Ok(value=None if value == "None" else value))
        super().answer_clients()


class UncommittedWritesAreSeen(step_14.Node):
    """A read returns the last write in the log."""

    def answer_clients(self) -> None:
        kept = dict(self.state_machine)
        if self.open_reads:
            for entry in self.log:
                if isinstance(entry.command, Set):
                    self.state_machine[entry.command.key] = entry.command.value
        super().answer_clients()
        self.state_machine = kept


class DeposedLeaderAnswers(step_14.Node):
    """A deposed leader keeps its reads, and answers to its calls still count."""

    kept: int = 0

    def become_follower(self) -> None:
        reads = self.unconfirmed_reads
        super().become_follower()
        self.unconfirmed_reads = reads

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if not self.is_leader:
            self.answered_rounds[sender] = max(self.answered_rounds.get(sender, 0), message.round)
            self.confirm_reads()

    def send_heartbeat(self) -> None:
        if self.is_leader:
            super().send_heartbeat()


# Costs.


class WaitsForTheHeartbeat(step_14.Node):
    """A read begins no round: it waits for the next heartbeat."""

    def answer_read(self, client: str, request: Get) -> None:
        self.unconfirmed_reads[client] = (self.round + 1, self.read_index(), request)


class EveryReadHasItsRound(step_14.Node):
    """Each read begins a round of its own."""

    def answer_read(self, client: str, request: Get) -> None:
        super().answer_read(client, request)
        if client in self.unconfirmed_reads:
            self.send_heartbeat()


class ReadsAreLogged(step_14.Node):
    """A read appends an entry without a command, and is answered when that is committed: right, and as slow as a write."""

    def answer_read(self, client: str, request: Get) -> None:
        self.log.append(replace(self.log[self.log.last_index], index=self.log.last_index + 1, term=self.current_term))
        super().answer_read(client, request)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (AnswersAtOnce, "a read begins a round", "asked"),
    (CallsHaveNoRound, "a read begins a round", "asked"),
    (WaitsForTheHeartbeat, "a read begins a round", "asked"),
    (AnswersWithItsOwnRound, "an answer repeats the round", "sent"),
    (AnswersWithTheLatestRound, "an answer repeats the round", "sent"),
    (RefusalsHaveNoRound, "an answer repeats the round", "sent"),
    (OneAnswerIsEnough, "a read waits for a majority", "answered"),
    (HalfIsEnough, "a read waits for a majority", "answered"),
    (AnswersAreCounted, "a read waits for a majority", "answered"),
    (LeaderIsNotCounted, "a read waits for a majority", "delivered"),
    (ConfirmedRoundCounts, "a read waits for a majority", "answered"),
    (HasALease, "a read waits for a majority", "answered"),
    (AnyAnswerCounts, "answers to earlier calls do not count", "answered"),
    (RoundUnderWayCounts, "answers to earlier calls do not count", "answered"),
    (EveryReadHasItsRound, "many reads share a round", "sent"),
    (HeartbeatsHaveNoRound, "a heartbeat makes up for a lost round", "delivered"),
    (CommitIndexOfANewLeader, "a read waits for the leaders own entry", "answered"),
    (ValueIsTakenAtOnce, "a read waits for the leaders own entry", "answered"),
    (UncommittedWritesAreSeen, "a read sees what is committed", "answered"),
    (ReadsAreLogged, "a read writes nothing", "asked"),
    (NumbersAreReused, "a deposed leader does not answer", "answered"),
    (OlderTermsCount, "a deposed leader does not answer", "answered"),
    (DeposedLeaderAnswers, "a deposed leader does not answer", "answered"),
)
