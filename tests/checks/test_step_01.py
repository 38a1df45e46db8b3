"""The checks of step 1 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import field
from typing import ClassVar

from raft_steps import step_01_key_value_store
from raft_steps.lab import node
from raft_steps.lab.commands import Delete, Get, Ok, Request, Set
from raft_steps.lab.log import Entry, Log
from tests.checks.check_tools import failed_checks, first_failure, standard_tests
from tests.checks.wrong_nodes import step_01 as wrong

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class Otherwise(node.Node):
    """A right Node with other fields and other methods than the course's."""

    durable: ClassVar[tuple[str, ...]] = ("log",)
    log: Log = field(default_factory=Log)
    store: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        for entry in self.log:
            self.execute(entry)

    def on_client_request(self, client: str, request: Request) -> None:
        match request:
            case Get(key=key):
                self.reply(client, Ok(value=self.store.get(key)))
            case Set() | Delete():
                entry = Entry(index=len(self.log) + 1, term=self.log.last_term, command=request)
                self.execute(entry)
                self.reply(client, Ok())
                # The order within an event does not matter: the log is on disk before the answer is sent.
                self.log.append(entry)

    def execute(self, entry: Entry) -> None:
        self.apply(entry)  # The base class only records it.
        match entry.command:
            case Set(key=key, value=value):
                self.store[key] = value
            case Delete(key=key) if key in self.store:
                del self.store[key]


class ReplaysWithoutEmptying(step_01_key_value_store.Node):
    """A right Node that does not empty its state machine before a replay, as in exercise 2 of the notebook.

    It makes no difference yet: the Node replays only in `on_start`, when it is a new object with its durable fields,
    here the log, and an empty state machine. From step 4 on it does.
    """

    def replay_log(self) -> None:
        for entry in self.log:
            self.apply(entry)


class OnlyTheBase(node.Node):
    """The base class, before step 1."""


TestTables = standard_tests(
    1,
    wrong.MISTAKES,
    right=(Otherwise, ReplaysWithoutEmptying),
    before=OnlyTheBase,
    not_kept_later=NOT_KEPT_LATER,
    last_step=10,
)


def test_late_entry_is_not_blamed_on_a_read() -> None:
    """A server that logs its writes a second later fails for that, and not because a read arrives in between."""
    assert [
        "a write is logged before it is answered",
        "the term after a restart is that of the last entry",
    ] == failed_checks(wrong.SavesLater, 1)


def test_an_apply_without_super_is_named() -> None:
    """The state machine is right, so the failure asks for the missing call of super()."""
    assert (
        "a client sends tom set x 1, delete x, set x 2 and set x 3; tom should apply "
        "set x 1; delete x; set x 2; set x 3, once each and in this order, "
        "but nothing is recorded: does its apply call super().apply(entry)?"
    ) == first_failure(wrong.ApplyIsNotRecorded, 1).message
