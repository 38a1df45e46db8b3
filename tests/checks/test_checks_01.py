"""The checks of step 1 pass right Nodes, however they are written, and catch each of the usual mistakes."""

from dataclasses import field
from typing import ClassVar

from raft_steps import step_01_key_value_store
from raft_steps.lab import node
from raft_steps.lab.commands import Delete, Get, Ok, Request, Set
from raft_steps.lab.log import Entry, Log
from tests.checks.check_tools import failing, first_failure, usual_tests
from tests.checks.wrong_nodes import step_01 as wrong

# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


class Otherwise(node.Node):
    """A right Node with other fields and other methods than the course's."""

    durable: ClassVar[tuple[str, ...]] = ("log",)
    log: Log = field(default_factory=Log)
    store: dict[str, str] = field(default_factory=dict)

    def on_start(self) -> None:
        for entry in self.log:
            self.do(entry)

    def on_client_request(self, client: str, request: Request) -> None:
        match request:
            case Get(key=key):
                self.reply(client, Ok(value=self.store.get(key)))
            case Set() | Delete():
                entry = Entry(index=len(self.log) + 1, term=self.log.last_term, command=request)
                self.do(entry)
                self.reply(client, Ok())
                # The order within an event does not matter: the log is on disk before an answer leaves.
                self.log.append(entry)

    def do(self, entry: Entry) -> None:
        self.apply(entry)  # The driver hears of it; what is done is said below.
        match entry.command:
            case Set(key=key, value=value):
                self.store[key] = value
            case Delete(key=key) if key in self.store:
                del self.store[key]


class AddsToWhatIsThere(step_01_key_value_store.Node):
    """A right Node that does not empty its state machine before a replay, as in exercise 2 of the notebook.

    Nobody can tell: it replays in `on_start` alone, the first event of a life, and a life begins with a new object
    that has its durable fields, here the log, and an empty state machine. From step 4 on it makes a difference.
    """

    def replay_log(self) -> None:
        for entry in self.log:
            self.apply(entry)


class OnlyTheBase(node.Node):
    """What there is before step 1."""


TestTables = usual_tests(
    1,
    wrong.MISTAKES,
    right=(Otherwise, AddsToWhatIsThere),
    before=OnlyTheBase,
    no_longer_true=NO_LONGER_TRUE,
    held_until=10,
)


def test_late_entry_is_not_blamed_on_a_read() -> None:
    """A server that logs its writes a second later fails for just that, and not because a read comes in between."""
    assert [
        "a write is logged before it is answered",
        "the term after a restart is that of the last entry",
    ] == failing(wrong.SavesLater, 1)


def test_an_apply_that_tells_nobody_is_told_what_is_missing() -> None:
    """The state machine is right, so the failure speaks of the driver and says how it is told."""
    assert (
        "a client asks tom for set x 1, delete x, set x 2 and set x 3; tom should carry out "
        "set x 1; delete x; set x 2; set x 3, once each and in this order, "
        "but the driver hears of none, which is what super().apply(entry) is for"
    ) == first_failure(wrong.ApplyTellsNobody, 1).message
