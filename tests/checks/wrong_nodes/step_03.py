"""Wrong Nodes for step 3: leaders that count wrongly, and servers that apply entries at the wrong time."""

from dataclasses import field

from raft_steps import step_02_append_entries as step_02
from raft_steps import step_03_majority_commit as step_03
from raft_steps.lab.commands import Command, Ok, Request, Set
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntries, AppendEntriesReply
from raft_steps.step_03_majority_commit import CommitEntry


class AnswersAtOnce(step_03.Node):
    """The client is answered as in step 2, before a majority has the entry."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        if client in self.open_writes:
            self.reply(client, Ok())


class CarriesOutAtOnce(step_03.Node):
    """The answer waits, but the write is applied at once."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.apply(entry)
        super().write(client, command)


class StateIsChangedAtOnce(step_03.Node):
    """The state machine changes while the entry still waits, without a call of `apply`."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        if isinstance(command, Set):
            self.state_machine[command.key] = command.value


class WriteIsNotLogged(step_03.Node):
    """A write is stored as pending, but never logged, so the followers get no entry."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.open_writes[client] = entry
        self.acknowledgements[client] = set()
        self.broadcast(self.append_entries_after(entry.index - 1))
        self.commit_acknowledged()


class EntryStaysAtHome(step_03.Node):
    """The call names the new entry as the preceding one, and does not carry it."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes[client] = entry
        self.acknowledgements[client] = set()
        self.broadcast(self.append_entries_after(entry.index))
        self.commit_acknowledged()


class WaitsForSomebody(step_03.Node):
    """Only an acknowledgement makes the leader count, so a leader without followers waits forever."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes[client] = entry
        self.acknowledgements[client] = set()
        self.broadcast(self.append_entries_after(entry.index - 1))


class WaitsForAll(step_03.Node):
    """Every follower must have the entry: one that is down blocks all writes."""

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if len(self.acknowledgements[client]) == len(self.peers()):
                self.commit(client)


class FirstAcknowledgementIsEnough(step_03.Node):
    """One follower is enough in a cluster of any size."""

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if self.acknowledgements[client] or not self.peers():
                self.commit(client)


class HalfIsRoundedDown(step_03.Node):
    """Half of three followers is rounded down to one."""

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if len(self.acknowledgements[client]) >= len(self.peers()) // 2:
                self.commit(client)


class MessagesAreCounted(step_03.Node):
    """Acknowledgements are counted instead of followers."""

    counts: dict[str, int] = field(default_factory=dict)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            super().on_append_entries_reply(sender, message)
            return
        for client in list(self.open_writes):
            self.counts[client] = self.counts.get(client, 0) + 1
            if 2 * self.counts[client] >= len(self.peers()):
                self.commit(client)


class RefusalsCount(step_03.Node):
    """A refusal counts as an acknowledgement."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        for followers in self.acknowledgements.values():
            followers.add(sender)
        self.commit_acknowledged()
        if not message.success:
            self.send(sender, self.append_entries_after(self.index_before(message.prev_log_index)))


class RefusalIsIgnored(step_03.Node):
    """A refusal is not counted, but causes no retry either."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            super().on_append_entries_reply(sender, message)


class AcknowledgementsAreKept(step_03.Node):
    """A follower that has acknowledged anything counts for every later write."""

    ever: set[str] = field(default_factory=set)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            self.ever.add(sender)
        super().on_append_entries_reply(sender, message)

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if 2 * len(self.ever) >= len(self.peers()):
                self.commit(client)


class OneOpenWrite(step_02.Node):
    """Only one write can be pending; a second one replaces it."""

    open_client: str = ""
    open_entry: Entry | None = None
    followers: set[str] = field(default_factory=set)

    def write(self, client: str, command: Command) -> None:
        self.open_client, self.open_entry, self.followers = client, self.next_entry(command), set()
        self.log.append(self.open_entry)
        self.broadcast(self.append_entries_after(self.open_entry.index - 1))

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        self.followers.add(sender)
        if self.open_entry is not None and 2 * len(self.followers) >= len(self.peers()):
            self.apply(self.open_entry)
            self.broadcast(CommitEntry(index=self.open_entry.index))
            self.reply(self.open_client, Ok())
            self.open_entry = None

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        if message.index <= self.log.last_index:
            self.apply(self.log[message.index])


class LastWriteFirst(step_03.Node):
    """Pending writes are applied newest first."""

    def commit_acknowledged(self) -> None:
        for client in reversed(list(self.open_writes)):
            if 2 * len(self.acknowledgements[client]) >= len(self.peers()):
                self.commit(client)


class OldestWriteAlone(step_03.Node):
    """An acknowledgement counts for the oldest pending write, even if it is about a later one."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            super().on_append_entries_reply(sender, message)
        elif self.open_writes:
            self.acknowledgements[next(iter(self.open_writes))].add(sender)
            self.commit_acknowledged()


class ReadsSeeTheLog(step_03.Node):
    """A read uses the newest entry of the log, committed or not."""

    def on_client_request(self, client: str, request: Request) -> None:
        for entry in self.open_writes.values():
            if isinstance(entry.command, Set):
                self.state_machine[entry.command.key] = entry.command.value
        super().on_client_request(client, request)


class CommitIsNotSent(step_03.Node):
    """The leader applies the entry, and sends no CommitEntry."""

    def announce_commit(self, index: int) -> None:
        pass


class CommitIsAnnouncedEarly(step_03.Node):
    """CommitEntry is sent together with the entry."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.announce_commit(self.log.last_index)


class FollowersCarryOutWhatTheyStore(step_03.Node):
    """A follower applies an entry when it stores it."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        for entry in message.entries:
            self.apply(entry)


class FollowersCarryOutTheirLastEntry(step_03.Node):
    """A follower applies its last entry, whatever index CommitEntry names."""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        self.apply(self.log[self.log.last_index])


class FollowersLeaveOutTheirLastEntry(step_03.Node):
    """A follower applies an entry only if another one follows it."""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        if message.index < self.log.last_index:
            self.apply(self.log[message.index])


class FollowersTrustTheIndex(step_03.Node):
    """A follower assumes that it has the committed entry."""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        self.apply(self.log[message.index])


class AnnouncesTheLastEntry(step_03.Node):
    """The commit message names the last entry of the log, which may still wait."""

    def announce_commit(self, index: int) -> None:
        super().announce_commit(self.log.last_index)


class CommitIsAcknowledged(step_03.Node):
    """A follower answers the commit message."""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        super().on_commit_entry(sender, message)
        self.answer_append_entries(sender, True, message.index)


class AppliesACopy(step_03.Node):
    """What the leader applies is built again, and follows the last entry."""

    def commit(self, client: str) -> None:
        entry = self.open_writes.pop(client)
        del self.acknowledgements[client]
        assert entry.command is not None
        self.apply(self.next_entry(entry.command))
        self.announce_commit(entry.index)
        self.reply(client, Ok())


class LateAcknowledgementsAreKept(step_03.Node):
    """Only the first reply of a follower counts, so a late one is taken for that of a write."""

    heard: set[str] = field(default_factory=set)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success and self.open_writes and sender not in self.heard:
            self.heard.add(sender)
        else:
            super().on_append_entries_reply(sender, message)


class RefusedLeaderBeginsAtTheStart(step_03.Node):
    """After a refusal the leader sends its whole log."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            super().on_append_entries_reply(sender, message)
        else:
            self.send(sender, self.append_entries_after(0))


class HalfIsRounded(step_03.Node):
    """Half of one follower is rounded to none, and half of five to two."""

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if len(self.acknowledgements[client]) >= round(len(self.peers()) / 2):
                self.commit(client)


class TwoAreAlwaysEnough(step_03.Node):
    """Two followers are enough in a cluster of any size."""

    def commit_acknowledged(self) -> None:
        for client in list(self.open_writes):
            if len(self.acknowledgements[client]) >= min(2, len(self.servers) // 2):
                self.commit(client)


class ClientsInOrder(step_03.Node):
    """Pending writes are applied in the order of their clients' names."""

    def commit_acknowledged(self) -> None:
        self.open_writes = {client: self.open_writes[client] for client in sorted(self.open_writes)}
        super().commit_acknowledged()


class KeysInOrder(step_03.Node):
    """Pending writes are applied in the order of their keys."""

    def commit_acknowledged(self) -> None:
        by_key = sorted(self.open_writes.items(), key=lambda write: getattr(write[1].command, "key", ""))
        self.open_writes = dict(by_key)
        super().commit_acknowledged()


class LateRefusalCancels(step_03.Node):
    """A refusal cancels what the follower has acknowledged, even if it is one of an earlier call."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            for followers in self.acknowledgements.values():
                followers.discard(sender)
        super().on_append_entries_reply(sender, message)


class RefusedWriteIsDropped(step_03.Node):
    """A refusal ends the wait for all pending writes, whose clients get no answer."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            self.open_writes.clear()
            self.acknowledgements.clear()
        super().on_append_entries_reply(sender, message)


class RetriedEntriesDoNotCount(step_03.Node):
    """An acknowledgement counts only for the first entry after the one that its call follows."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            super().on_append_entries_reply(sender, message)
            return
        for client, entry in self.open_writes.items():
            if entry.index <= message.prev_log_index + 1:
                self.acknowledgements[client].add(sender)
        self.commit_acknowledged()


class EarlierCommitsAreDropped(step_03.Node):
    """A CommitEntry that arrives after one of a later entry is dropped."""

    latest: int = 0

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        if self.latest < message.index <= self.log.last_index:
            self.latest = message.index
            super().on_commit_entry(sender, message)


class FirstLeaderCommits(step_03.Node):
    """Only the first leader's CommitEntry counts."""

    leader: str = ""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        self.leader = self.leader or sender
        if sender == self.leader:
            super().on_commit_entry(sender, message)


class KeysAreAppliedOnce(step_03.Node):
    """A follower applies an entry only if its key is new."""

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        if message.index <= self.log.last_index:
            entry = self.log[message.index]
            if isinstance(entry.command, Set) and entry.command.key not in self.state_machine:
                self.apply(entry)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (AnswersAtOnce, "a write waits for the followers", "answered"),
    (CarriesOutAtOnce, "a write waits for the followers", "applied"),
    (WriteIsNotLogged, "a write waits for the followers", "asked"),
    (EntryStaysAtHome, "a write waits for the followers", "asked"),
    (WaitsForSomebody, "a single server waits for nobody", "asked"),
    (WaitsForAll, "half of the followers are enough", "delivered"),
    (FirstAcknowledgementIsEnough, "with four or five servers two followers are needed", "applied"),
    (HalfIsRoundedDown, "with four or five servers two followers are needed", "applied"),
    (MessagesAreCounted, "with four or five servers two followers are needed", "applied"),
    (RefusalsCount, "a refusal is not an acknowledgement", "applied"),
    (RefusalIsIgnored, "a refusal is not an acknowledgement", "delivered"),
    (AcknowledgementsAreKept, "every write needs its own acknowledgements", "applied"),
    (OneOpenWrite, "pending writes are kept apart", "delivered"),
    (OldestWriteAlone, "pending writes are kept apart", "delivered"),
    (LastWriteFirst, "pending writes are kept apart", "applied"),
    (ReadsSeeTheLog, "reads see only committed writes", "answered"),
    (StateIsChangedAtOnce, "reads see only committed writes", "answered"),
    (CommitIsNotSent, "followers are notified of the commit", "delivered"),
    (CommitIsAnnouncedEarly, "followers are notified of the commit", "sent"),
    (FollowersCarryOutWhatTheyStore, "a follower applies on the commit message", "applied"),
    (FollowersCarryOutTheirLastEntry, "a follower applies on the commit message", "applied"),
    (FollowersLeaveOutTheirLastEntry, "a follower applies on the commit message", "delivered"),
    (FollowersTrustTheIndex, "a follower applies on the commit message", "failed"),
    (AnnouncesTheLastEntry, "followers are notified of the commit", "sent"),
    (CommitIsAcknowledged, "a follower applies on the commit message", "sent"),
    (AppliesACopy, "pending writes are kept apart", "applied"),
    (RefusedLeaderBeginsAtTheStart, "the rules of earlier steps still hold", "sent"),
    (LateAcknowledgementsAreKept, "half of the followers are enough", "delivered"),
    (HalfIsRounded, "half of the followers are enough", "applied"),
    (TwoAreAlwaysEnough, "half of the followers are enough", "applied"),
    (ClientsInOrder, "pending writes are kept apart", "applied"),
    (KeysInOrder, "pending writes are kept apart", "applied"),
    (LateRefusalCancels, "a refusal is not an acknowledgement", "delivered"),
    (RefusedWriteIsDropped, "a refusal is not an acknowledgement", "delivered"),
    (RetriedEntriesDoNotCount, "a refusal is not an acknowledgement", "delivered"),
    (EarlierCommitsAreDropped, "a follower applies on the commit message", "delivered"),
    (FirstLeaderCommits, "a follower applies on the commit message", "delivered"),
    (KeysAreAppliedOnce, "a follower applies on the commit message", "delivered"),
)
