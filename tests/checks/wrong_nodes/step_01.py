"""Wrong Nodes for step 1: servers that answer, log, read or restart wrongly."""

from dataclasses import field
from typing import ClassVar

from raft_steps import step_01_key_value_store as step_01
from raft_steps.lab.commands import Command, Delete, Get, Ok, Request, Set
from raft_steps.lab.log import Entry


class OnlyWritesAreAnswered(step_01.Node):
    """A read is executed, but its value is not sent to the client."""

    def answer_read(self, client: str, request: Get) -> None:
        self.state_machine.get(request.key)


class AbsentKeyIsAnError(step_01.Node):
    """A read assumes that the key exists."""

    def answer_read(self, client: str, request: Get) -> None:
        self.reply(client, Ok(value=self.state_machine[request.key]))


class DeletedKeyIsEmpty(step_01.Node):
    """A deleted key remains, with an empty value."""

    def apply(self, entry: Entry) -> None:
        match entry.command:
            case Set(key=key, value=value):
                self.state_machine[key] = value
            case Delete(key=key):
                self.state_machine[key] = ""


class SecondDeleteIsAnError(step_01.Node):
    """A delete assumes that the key exists, as in the original."""

    def apply(self, entry: Entry) -> None:
        match entry.command:
            case Set(key=key, value=value):
                self.state_machine[key] = value
            case Delete(key=key):
                del self.state_machine[key]


class FirstValueStays(step_01.Node):
    """A key that has a value keeps it."""

    def apply(self, entry: Entry) -> None:
        match entry.command:
            case Set(key=key, value=value):
                self.state_machine.setdefault(key, value)
            case Delete(key=key):
                self.state_machine.pop(key, None)


class WritesAreNotLogged(step_01.Node):
    """A write is applied and answered, but not logged."""

    def write(self, client: str, command: Command) -> None:
        self.apply(self.next_entry(command))
        self.reply(client, Ok())


class DeletesAreNotLogged(step_01.Node):
    """Only set commands are logged."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        if isinstance(command, Set):
            self.log.append(entry)
        self.apply(entry)
        self.reply(client, Ok())


class ReadsAreLogged(step_01.Node):
    """Every request is logged, a read too."""

    def answer_read(self, client: str, request: Get) -> None:
        value = self.state_machine.get(request.key)
        self.log.append(self.next_entry(Set(key=request.key, value=value or "")))
        self.reply(client, Ok(value=value))


class NothingIsDurable(step_01.Node):
    """The log is kept in memory only."""

    durable: ClassVar[tuple[str, ...]] = ()


class LogIsNotReplayed(step_01.Node):
    """The log is there after a restart, but is not replayed."""

    def on_start(self) -> None:
        self.current_term = self.log.last_term


class FirstEntryIsReplayed(step_01.Node):
    """The replay stops after the first entry."""

    def replay_log(self) -> None:
        self.state_machine = {}
        for entry in self.log.entries_after(0)[:1]:
            self.apply(entry)


class StateIsDurableToo(step_01.Node):
    """The state machine is durable too, and the log is not replayed."""

    durable: ClassVar[tuple[str, ...]] = ("log", "state_machine")

    def on_start(self) -> None:
        self.current_term = self.log.last_term


class TermBeginsAtZero(step_01.Node):
    """The log is replayed, but its last term is ignored."""

    def on_start(self) -> None:
        self.replay_log()


class CarriesOutTwice(step_01.Node):
    """A write is applied when it is logged, and again when it is answered."""

    def write(self, client: str, command: Command) -> None:
        super().write(client, command)
        self.apply(self.log[self.log.last_index])


class ApplyIsNotRecorded(step_01.Node):
    """The state machine is right, but `apply` does not call the base class, which records it."""

    def apply(self, entry: Entry) -> None:
        if isinstance(entry.command, Set):
            self.state_machine[entry.command.key] = entry.command.value
        elif isinstance(entry.command, Delete):
            self.state_machine.pop(entry.command.key, None)


class ReplaysTwice(step_01.Node):
    """The log is replayed twice at the start."""

    def on_start(self) -> None:
        super().on_start()
        self.replay_log()


class SavesLater(step_01.Node):
    """A write is answered at once, and logged a second later: the hurried server of notebook 01."""

    unsaved: list[Command] = field(default_factory=list)

    def write(self, client: str, command: Command) -> None:
        self.apply(self.next_entry(command))
        self.reply(client, Ok())
        self.unsaved.append(command)
        self.start_timer("save", 1)

    def on_save_timeout(self) -> None:
        for command in self.unsaved:
            self.log.append(self.next_entry(command))
        self.unsaved.clear()


class ReadsAreLoggedLater(step_01.Node):
    """A read is answered at once, and leaves an entry a second later."""

    def answer_read(self, client: str, request: Get) -> None:
        super().answer_read(client, request)
        self.start_timer("save", 1)

    def on_save_timeout(self) -> None:
        self.log.append(self.next_entry(Set(key="reads", value="1")))


class AnswersTwice(step_01.Node):
    """A write is answered when it is logged, and again when it is applied."""

    def on_client_request(self, client: str, request: Request) -> None:
        super().on_client_request(client, request)
        self.reply(client, Ok())


class ReplaysByWriting(step_01.Node):
    """The replay writes every command again, so each restart doubles the log."""

    def replay_log(self) -> None:
        self.state_machine = {}
        for entry in list(self.log):
            self.log.append(Entry(index=self.log.last_index + 1, term=self.current_term, command=entry.command))
            self.apply(entry)


class ReplayLosesTheLastEntry(step_01.Node):
    """The replay takes the entries out of the log and forgets to put the last one back."""

    def replay_log(self) -> None:
        super().replay_log()
        if len(self.log) > 1:
            self.log.truncate_after(self.log.last_index - 1)


class AppliesTheNextEntry(step_01.Node):
    """The entry is built twice; the second one follows the first, and is in no log."""

    def write(self, client: str, command: Command) -> None:
        self.log.append(self.next_entry(command))
        self.apply(self.next_entry(command))
        self.reply(client, Ok())


class AppliesWithAnotherTerm(step_01.Node):
    """What is applied has a newer term than what is logged."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(Entry(index=entry.index, term=entry.term + 1, command=command))
        self.reply(client, Ok())


class NeedlessDeletesAreNotLogged(step_01.Node):
    """A delete of a missing key is answered, but not logged."""

    def write(self, client: str, command: Command) -> None:
        if isinstance(command, Delete) and command.key not in self.state_machine:
            self.reply(client, Ok())
        else:
            super().write(client, command)


class WritesAreAnsweredWithTheirValue(step_01.Node):
    """A write is answered as if it were a read."""

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.apply(entry)
        self.reply(client, Ok(value=getattr(command, "value", None)))


class TermIsReadTooLate(step_01.Node):
    """The term of the last entry is looked up for new entries, and not stored."""

    def on_start(self) -> None:
        self.replay_log()

    def next_entry(self, command: Command) -> Entry:
        return Entry(index=self.log.last_index + 1, term=self.log.last_term, command=command)


class ReadsAreApplied(step_01.Node):
    """A read is applied to the state machine, too."""

    def answer_read(self, client: str, request: Get) -> None:
        if self.log.last_index:
            self.apply(self.log[self.log.last_index])
        super().answer_read(client, request)


class UnchangedWritesAreNotLogged(step_01.Node):
    """A write that changes nothing, because the key has this value already, is answered but not logged."""

    def write(self, client: str, command: Command) -> None:
        if isinstance(command, Set) and self.state_machine.get(command.key) == command.value:
            self.reply(client, Ok())
        else:
            super().write(client, command)


class TenEntriesAreReplayed(step_01.Node):
    """The replay stops after ten entries."""

    def replay_log(self) -> None:
        self.state_machine = {}
        for entry in self.log.entries_after(0)[:10]:
            self.apply(entry)


class TheLastTermIsReplayed(step_01.Node):
    """Only entries of the last term are replayed."""

    def replay_log(self) -> None:
        self.state_machine = {}
        for entry in self.log:
            if entry.term == self.current_term:
                self.apply(entry)


class EmptyValueDeletes(step_01.Node):
    """An empty value deletes the key."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.command, Set) and not entry.command.value:
            del self.state_machine[entry.command.key]


class EmptyValueIsNotAnswered(step_01.Node):
    """A read takes an empty value for none."""

    def answer_read(self, client: str, request: Get) -> None:
        self.reply(client, Ok(value=self.state_machine.get(request.key) or None))


class TermBeginsAtOne(step_01.Node):
    """A server with an empty log is in term 1."""

    def on_start(self) -> None:
        self.current_term = self.log.last_term or 1
        self.replay_log()


class TermIsTheIndex(step_01.Node):
    """A new entry has its index as its term, too."""

    def next_entry(self, command: Command) -> Entry:
        index = self.log.last_index + 1
        return Entry(index=index, term=index, command=command)


class OneEntryHasNoTerm(step_01.Node):
    """The term of the last entry is looked up only if there are several."""

    def on_start(self) -> None:
        if len(self.log) > 1:
            self.current_term = self.log.last_term
        self.replay_log()


class NeedlessDeleteEndsTheReplay(step_01.Node):
    """The replay ends where a missing key is deleted."""

    def replay_log(self) -> None:
        self.state_machine = {}
        for entry in self.log:
            if isinstance(entry.command, Delete) and entry.command.key not in self.state_machine:
                break
            self.apply(entry)


class StateOutlivesAnEmptyLog(step_01.Node):
    """The state machine is durable, too, and is emptied only if there is something to replay."""

    durable: ClassVar[tuple[str, ...]] = ("log", "state_machine")

    def replay_log(self) -> None:
        if self.log.last_index:
            super().replay_log()


class ZeroIsNoValue(step_01.Node):
    """The value 0 is taken for none."""

    def answer_read(self, client: str, request: Get) -> None:
        value = self.state_machine.get(request.key)
        self.reply(client, Ok(value=None if value == "0" else value))


class KeysAreLowered(step_01.Node):
    """Keys are not told apart by capital letters."""

    def answer_read(self, client: str, request: Get) -> None:
        super().answer_read(client, Get(key=request.key.lower()))


class DeleteRemovesAll(step_01.Node):
    """A delete empties the state machine."""

    def apply(self, entry: Entry) -> None:
        super().apply(entry)
        if isinstance(entry.command, Delete):
            self.state_machine.clear()


class ReadRemoves(step_01.Node):
    """A read takes the value out of the state machine."""

    def answer_read(self, client: str, request: Get) -> None:
        self.reply(client, Ok(value=self.state_machine.pop(request.key, None)))


class RepeatedCommandIsReplayedOnce(step_01.Node):
    """The replay leaves out a command that it has applied before."""

    def replay_log(self) -> None:
        self.state_machine = {}
        applied: list[Command | None] = []
        for entry in self.log:
            if entry.command not in applied:
                applied.append(entry.command)
                self.apply(entry)


MISTAKES: tuple[tuple[type, str, str], ...] = (
    (OnlyWritesAreAnswered, "a value that was set is read", "asked"),
    (AnswersTwice, "a value that was set is read", "failed"),
    (AbsentKeyIsAnError, "a missing key reads as none", "failed"),
    (DeletedKeyIsEmpty, "a missing key reads as none", "answered"),
    (SecondDeleteIsAnError, "deleting a missing key is allowed", "failed"),
    (CarriesOutTwice, "later writes win", "applied"),
    (ApplyIsNotRecorded, "later writes win", "answered"),
    (FirstValueStays, "later writes win", "answered"),
    (WritesAreNotLogged, "a write is logged before it is answered", "answered"),
    (DeletesAreNotLogged, "a write is logged before it is answered", "answered"),
    (NeedlessDeletesAreNotLogged, "deleting a missing key is allowed", "answered"),
    (WritesAreAnsweredWithTheirValue, "a value that was set is read", "answered"),
    (AppliesTheNextEntry, "what is applied is in the log", "applied"),
    (AppliesWithAnotherTerm, "what is applied is in the log", "applied"),
    (ReplaysByWriting, "a restart leaves the log as it is", "appended"),
    (ReplayLosesTheLastEntry, "a restart leaves the log as it is", "truncated"),
    (TermIsReadTooLate, "the term after a restart is that of the last entry", "started"),
    (ReadsAreApplied, "reads are not logged", "applied"),
    (SavesLater, "a write is logged before it is answered", "answered"),
    (ReadsAreLogged, "reads are not logged", "appended"),
    (ReadsAreLoggedLater, "reads are not logged", "appended"),
    (NothingIsDurable, "a restart replays the log", "restarted"),
    (LogIsNotReplayed, "a restart replays the log", "restarted"),
    (FirstEntryIsReplayed, "a restart replays the log", "restarted"),
    (ReplaysTwice, "a restart replays the log", "applied"),
    (StateIsDurableToo, "only the log survives", "restarted"),
    (TermBeginsAtZero, "the term after a restart is that of the last entry", "appended"),
    (TermBeginsAtOne, "the term after a restart is that of the last entry", "appended"),
    (UnchangedWritesAreNotLogged, "a write is logged before it is answered", "answered"),
    (TenEntriesAreReplayed, "a restart replays the log", "restarted"),
    (TheLastTermIsReplayed, "a restart replays the log", "applied"),
    (EmptyValueDeletes, "a value that was set is read", "answered"),
    (TermIsTheIndex, "the term after a restart is that of the last entry", "appended"),
    (RepeatedCommandIsReplayedOnce, "a restart replays the log", "restarted"),
    (OneEntryHasNoTerm, "the term after a restart is that of the last entry", "appended"),
    (NeedlessDeleteEndsTheReplay, "a restart replays the log", "restarted"),
    (StateOutlivesAnEmptyLog, "only the log survives", "restarted"),
    (ZeroIsNoValue, "a value that was set is read", "answered"),
    (KeysAreLowered, "a missing key reads as none", "answered"),
    (DeleteRemovesAll, "a missing key reads as none", "answered"),
    (ReadRemoves, "a value that was set is read", "answered"),
    (EmptyValueIsNotAnswered, "a value that was set is read", "answered"),
)
