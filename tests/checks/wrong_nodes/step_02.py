"""Wrong Nodes for step 2: a leader that calls wrongly, a follower that stores wrongly."""

from typing import ClassVar

from raft_steps import step_02_append_entries as step_02
from raft_steps.lab.commands import Command, Ok, Request
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntries, AppendEntriesReply


class OneHeartbeatOnly(step_02.Node):
    """The heartbeat timer is not started again when it expires."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def on_heartbeat_timeout(self) -> None:
        self.send_heartbeat()


class FirstHeartbeatIsLate(step_02.Node):
    """The leader waits an interval before its first heartbeat."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.start_timer("heartbeat", self.heartbeat_interval)


class HeartbeatGoesToOne(step_02.Node):
    """Only the first follower gets a heartbeat."""

    def send_heartbeat(self) -> None:
        self.send(self.peers()[0], self.append_entries_after(self.log.last_index))


class HeartbeatAsksForNothing(step_02.Node):
    """A heartbeat names entry 0, which every follower has, so a follower that lacks entries never refuses."""

    def send_heartbeat(self) -> None:
        self.broadcast(AppendEntries(prev_log_index=0, prev_log_term=0, entries=()))


class PreviousIsReadTooLate(step_02.Node):
    """The preceding entry is read when the new one is in the log already, as in the original."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        index, term = self.log.last_index, self.log.last_term
        self.broadcast(AppendEntries(prev_log_index=index, prev_log_term=term, entries=(entry,)))
        self.reply(client, Ok())


class WholeLogEveryTime(step_02.Node):
    """Every write sends the whole log."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.broadcast(self.append_entries_after(0))
        self.reply(client, Ok())


class NewEntryWaitsForTheHeartbeat(step_02.Node):
    """A write is logged, but not sent before the next heartbeat."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.reply(client, Ok())


class NewEntryGoesTwice(step_02.Node):
    """The calls to all followers are sent once for each follower."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        index, term = entry.index - 1, self.log[entry.index - 1].term
        for _ in self.peers():
            self.broadcast(AppendEntries(prev_log_index=index, prev_log_term=term, entries=(entry,)))
        self.reply(client, Ok())


class NothingIsCarriedOut(step_02.Node):
    """A write is logged, sent and answered, but not applied."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.broadcast(self.append_entries_after(entry.index - 1))
        self.reply(client, Ok())


class CarriesOutTwice(step_02.Node):
    """A write is applied when it is logged, and again when it is answered."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.apply(self.log[self.log.last_index])


class PreviousEntryIsNotLookedAt(step_02.Node):
    """The entries are appended without comparing the preceding one."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        for entry in entries:
            self.log.append(Entry(index=self.log.last_index + 1, term=entry.term, command=entry.command))
        return True


class OnlyTheIndexIsCompared(step_02.Node):
    """Any preceding entry is accepted, whatever its term."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if prev_log_index > self.log.last_index:
            return False
        for entry in entries:
            if self.log.term_at(entry.index) != entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


class OneEntryIsStored(step_02.Node):
    """Only one entry of a call is stored."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        return super().store_entries(prev_log_index, prev_log_term, entries[:1])


class RefusalsAreSilent(step_02.Node):
    """A follower that would refuse does not answer."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        if success:
            self.send(to, AppendEntriesReply(success=success, prev_log_index=prev_log_index))


class AnswersTwice(step_02.Node):
    """Every call is answered twice: after each refusal the leader retries twice, and is refused four times."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        super().on_append_entries(sender, message)


class AnswerIsAboutTheLastEntry(step_02.Node):
    """The answer names the follower's last entry instead of the call's preceding one."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        success = self.store_entries(message.prev_log_index, message.prev_log_term, message.entries)
        self.answer_append_entries(sender, success, self.log.last_index)


class IndexAndTermAreMixedUp(step_02.Node):
    """Index and term of the preceding entry are swapped; in many short logs they are equal."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        success = self.store_entries(message.prev_log_term, message.prev_log_index, message.entries)
        self.answer_append_entries(sender, success, message.prev_log_index)


class TriesAgainTwice(step_02.Node):
    """A refusal is answered with two calls, each of which may be refused."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        super().on_append_entries_reply(sender, message)


class AllAreTriedAgain(step_02.Node):
    """When one follower refuses, the retry goes to all of them."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            self.broadcast(self.append_entries_after(self.index_before(message.prev_log_index)))


class RefusalIsRepeated(step_02.Node):
    """The leader retries with the same entry."""

    def index_before(self, refused_index: int) -> int:
        return refused_index


class RefusalIsIgnored(step_02.Node):
    """The leader ignores a refusal."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        pass


class OneEntryAtATime(step_02.Node):
    """The leader sends one entry, and never those after it."""

    def append_entries_after(self, prev_log_index: int) -> AppendEntries:
        return AppendEntries(
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index)[:1],
        )


class ConflictsStay(step_02.Node):
    """A conflicting entry is not deleted."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if entry.index > self.log.last_index:
                self.log.append(entry)
        return True


class MatchingEntriesAreDeleted(step_02.Node):
    """Everything after the preceding entry is deleted, even entries that match."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        self.log.truncate_after(prev_log_index)
        for entry in entries:
            self.log.append(entry)
        return True


class HeartbeatCutsOff(step_02.Node):
    """A heartbeat deletes everything after the preceding entry."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        fits = super().store_entries(prev_log_index, prev_log_term, entries)
        if fits and not entries:
            self.log.truncate_after(prev_log_index)
        return fits


class SameEntryTwice(step_02.Node):
    """Entries are appended even if the log has them already."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        if self.log.entries_after(prev_log_index) != entries:
            self.log.truncate_after(prev_log_index)
        for entry in entries:
            self.log.append(entry)
        return True


class FollowersServeClients(step_02.Node):
    """A follower answers clients like a leader."""

    def on_client_request(self, client: str, request: Request) -> None:
        super(step_02.Node, self).on_client_request(client, request)


class ClientsGetNoAnswer(step_02.Node):
    """A follower does not answer its clients."""

    def on_client_request(self, client: str, request: Request) -> None:
        if self.is_leader:
            super().on_client_request(client, request)


class FollowersApplyWhatTheyStore(step_02.Node):
    """A follower applies an entry as soon as it has it, committed or not."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        success = super().store_entries(prev_log_index, prev_log_term, entries)
        if success:
            for entry in entries:
                self.apply(entry)
        return success


class RefusalsDeleteToo(step_02.Node):
    """A follower whose previous entry differs deletes it, although it stores nothing."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        success = super().store_entries(prev_log_index, prev_log_term, entries)
        if not success and prev_log_index:
            self.log.truncate_after(prev_log_index - 1)
        return success


class AnswersTheFirstPeer(step_02.Node):
    """The answer goes to the first of the other servers, and not to the caller."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        super().answer_append_entries(self.peers()[0], success, prev_log_index)


class AnswersWithACallToo(step_02.Node):
    """A follower sends its own log to the leader as well."""

    def answer_append_entries(self, to: str, success: bool, prev_log_index: int) -> None:
        super().answer_append_entries(to, success, prev_log_index)
        self.send_heartbeat()


class AcknowledgementsAreAnswered(step_02.Node):
    """The leader calls again after every reply, not only after a refusal."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        index = self.log.last_index if message.success else self.index_before(message.prev_log_index)
        self.send(sender, self.append_entries_after(index))


class LeadershipIsDurable(step_02.Node):
    """A leader that restarts leads again."""

    durable: ClassVar[tuple[str, ...]] = ("log", "is_leader")


class StartWithoutTheReplay(step_02.Node):
    """The start of step 1 is forgotten."""

    def on_start(self) -> None:
        if self.is_leader:
            self.become_leader()


class MatchingIsByTheLastTerm(step_02.Node):
    """An entry is compared with the term of the last entry."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if entry.index > self.log.last_index or self.log.last_term != entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (OneHeartbeatOnly, "heartbeats are sent at once and every 5 seconds", "timer_fired"),
    (FirstHeartbeatIsLate, "heartbeats are sent at once and every 5 seconds", "started"),
    (HeartbeatGoesToOne, "heartbeats are sent at once and every 5 seconds", "started"),
    (HeartbeatAsksForNothing, "a heartbeat names the last entry", "sent"),
    (PreviousIsReadTooLate, "a new entry is sent with the preceding one", "sent"),
    (WholeLogEveryTime, "a new entry is sent with the preceding one", "sent"),
    (NewEntryWaitsForTheHeartbeat, "a new entry is sent with the preceding one", "asked"),
    (NewEntryGoesTwice, "a new entry is sent with the preceding one", "sent"),
    (NothingIsCarriedOut, "an answered write is applied", "answered"),
    (CarriesOutTwice, "an answered write is applied", "applied"),
    (PreviousEntryIsNotLookedAt, "a follower refuses entries that do not fit", "appended"),
    (OnlyTheIndexIsCompared, "a follower refuses entries that do not fit", "appended"),
    (RefusalsAreSilent, "a follower refuses entries that do not fit", "delivered"),
    (AnswersTwice, "a follower refuses entries that do not fit", "sent"),
    (AnswerIsAboutTheLastEntry, "a follower refuses entries that do not fit", "sent"),
    (IndexAndTermAreMixedUp, "a follower stores entries that fit", "sent"),
    (OneEntryIsStored, "a follower stores entries that fit", "delivered"),
    (RefusalIsRepeated, "a refused leader retries one entry earlier", "sent"),
    (RefusalIsIgnored, "a refused leader retries one entry earlier", "delivered"),
    (AllAreTriedAgain, "a refused leader retries one entry earlier", "sent"),
    (TriesAgainTwice, "a refused leader retries one entry earlier", "sent"),
    (OneEntryAtATime, "a refused leader retries one entry earlier", "sent"),
    (ConflictsStay, "conflicting entries are deleted", "delivered"),
    (MatchingEntriesAreDeleted, "matching entries are kept", "truncated"),
    (HeartbeatCutsOff, "matching entries are kept", "truncated"),
    (SameEntryTwice, "matching entries are kept", "failed"),
    (FollowersServeClients, "a follower turns clients away", "answered"),
    (ClientsGetNoAnswer, "a follower turns clients away", "asked"),
    (FollowersApplyWhatTheyStore, "a follower stores entries that fit", "applied"),
    (FollowersApplyWhatTheyStore, "conflicting entries are deleted", "applied"),
    (FollowersApplyWhatTheyStore, "matching entries are kept", "applied"),
    (RefusalsDeleteToo, "a follower refuses entries that do not fit", "delivered"),
    (AnswersTheFirstPeer, "a follower stores entries that fit", "sent"),
    (AnswersWithACallToo, "a follower stores entries that fit", "sent"),
    (AcknowledgementsAreAnswered, "a heartbeat names the last entry", "sent"),
    (MatchingIsByTheLastTerm, "matching entries are kept", "truncated"),
    (LeadershipIsDurable, "a leader that restarts follows", "sent"),
    (StartWithoutTheReplay, "the rules of earlier steps still hold", "restarted"),
)
