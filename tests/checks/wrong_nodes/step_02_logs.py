"""Wrong Nodes for step 2: followers that compare logs wrongly, leaders that repair them wrongly."""

from dataclasses import field

from raft_steps import step_02_append_entries as step_02
from raft_steps.lab.commands import Set
from raft_steps.lab.log import Entry
from raft_steps.step_02_append_entries import AppendEntries, AppendEntriesReply


class CommandsAreCompared(step_02.Node):
    """A conflict is another command, and not another term."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if entry.index > self.log.last_index or self.log[entry.index].command != entry.command:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


class ConflictIsInBoth(step_02.Node):
    """A conflict is another term together with another command."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            own = self.log[entry.index] if entry.index <= self.log.last_index else None
            if own is None or (own.term != entry.term and own.command != entry.command):
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


class StopsAfterTheConflict(step_02.Node):
    """The entry that replaces a conflicting one is stored, and those after it are not."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            if entry.index > self.log.last_index:
                self.log.append(entry)
            elif self.log[entry.index].term != entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
                break
        return True


class NewerTermStays(step_02.Node):
    """A conflicting entry is deleted only if its term is older than the leader's."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if self.log.term_at(prev_log_index) != prev_log_term:
            return False
        for entry in entries:
            term = self.log.term_at(entry.index)
            if term is None or term < entry.term:
                self.log.truncate_after(entry.index - 1)
                self.log.append(entry)
        return True


class NewerTermFits(step_02.Node):
    """A preceding entry of a newer term than the call's is accepted."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        term = self.log.term_at(prev_log_index)
        if term is not None and term > prev_log_term:
            prev_log_term = term
        return super().store_entries(prev_log_index, prev_log_term, entries)


class TermIsComparedAtTheEnd(step_02.Node):
    """The term of the preceding entry is compared only if it is the last entry."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if prev_log_index < self.log.last_index:
            prev_log_term = self.log[prev_log_index].term
        return super().store_entries(prev_log_index, prev_log_term, entries)


class FirstEntryStays(step_02.Node):
    """A call that follows entry 0 is refused if the first entries differ."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        if prev_log_index == 0 and entries and self.log.term_at(1) not in (None, entries[0].term):
            return False
        return super().store_entries(prev_log_index, prev_log_term, entries)


class EarlierCallsAreTakenForLate(step_02.Node):
    """A call that follows an earlier entry than one before it is not looked at."""

    latest: int = 0

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.prev_log_index < self.latest:
            self.answer_append_entries(sender, True, message.prev_log_index)
        else:
            self.latest = message.prev_log_index
            super().on_append_entries(sender, message)


class FollowersHoldWhatTheyStore(step_02.Node):
    """A follower changes its state machine with each entry, without a call of `apply`."""

    def store_entries(self, prev_log_index: int, prev_log_term: int, entries: tuple[Entry, ...]) -> bool:
        for entry in entries:
            if isinstance(entry.command, Set):
                self.state_machine[entry.command.key] = entry.command.value
        return super().store_entries(prev_log_index, prev_log_term, entries)


class RetriesWithoutEntries(step_02.Node):
    """A retry carries entries only if it follows entry 0."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            call = self.append_entries_after(self.index_before(message.prev_log_index))
            entries = call.entries if call.prev_log_index == 0 else ()
            self.send(
                sender,
                AppendEntries(prev_log_index=call.prev_log_index, prev_log_term=call.prev_log_term, entries=entries),
            )


class RetriesAreCountedTogether(step_02.Node):
    """The leader goes back by the number of refusals of all followers."""

    refusals: int = 0

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            self.refusals += 1
            self.send(sender, self.append_entries_after(max(self.log.last_index - self.refusals, 0)))


class RetriesAreCountedForever(step_02.Node):
    """The leader goes back by the number of refusals of this follower, also of earlier ones."""

    refusals: dict[str, int] = field(default_factory=dict)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if not message.success:
            self.refusals[sender] = self.refusals.get(sender, 0) + 1
            self.send(sender, self.append_entries_after(max(self.log.last_index - self.refusals[sender], 0)))


class RetriesOncePerEntry(step_02.Node):
    """The leader ignores the second refusal of the same entry by the same follower."""

    tried: set[tuple[str, int]] = field(default_factory=set)

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if (sender, message.prev_log_index) not in self.tried:
            super().on_append_entries_reply(sender, message)
        if not message.success:
            self.tried.add((sender, message.prev_log_index))


class RetriesWithTheFirstPeer(step_02.Node):
    """The retry goes to the first of the followers, not to the one that has refused."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(self.peers()[0], message)


class RefusalDeposes(step_02.Node):
    """A leader that is refused retries, and leads no longer."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        self.is_leader = self.is_leader and message.success


class RefusalStopsTheHeartbeats(step_02.Node):
    """A leader that is refused sends no further heartbeats."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        if not message.success:
            self.cancel_timer("heartbeat")


class RepliesDelayTheHeartbeats(step_02.Node):
    """Each reply restarts the heartbeat timer."""

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        super().on_append_entries_reply(sender, message)
        self.start_timer("heartbeat", self.heartbeat_interval)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (CommandsAreCompared, "conflicting entries are deleted", "delivered"),
    (ConflictIsInBoth, "conflicting entries are deleted", "delivered"),
    (StopsAfterTheConflict, "conflicting entries are deleted", "delivered"),
    (NewerTermStays, "conflicting entries are deleted", "delivered"),
    (FirstEntryStays, "conflicting entries are deleted", "delivered"),
    (EarlierCallsAreTakenForLate, "conflicting entries are deleted", "delivered"),
    (NewerTermFits, "a follower refuses entries that do not fit", "appended"),
    (TermIsComparedAtTheEnd, "a follower refuses entries that do not fit", "appended"),
    (FollowersHoldWhatTheyStore, "a follower stores entries that fit", "delivered"),
    (RetriesWithoutEntries, "a refused leader retries one entry earlier", "sent"),
    (RetriesAreCountedTogether, "a refused leader retries one entry earlier", "sent"),
    (RetriesAreCountedForever, "a refused leader retries one entry earlier", "sent"),
    (RetriesOncePerEntry, "a refused leader retries one entry earlier", "delivered"),
    (RetriesWithTheFirstPeer, "a refused leader retries one entry earlier", "delivered"),
    (RefusalDeposes, "a refused leader retries one entry earlier", "answered"),
    (RefusalStopsTheHeartbeats, "heartbeats are sent at once and every 5 seconds", "delivered"),
    (RepliesDelayTheHeartbeats, "heartbeats are sent at once and every 5 seconds", "sent"),
)
