"""The checks of step 2 pass right Nodes, however they are written, and catch each of the usual mistakes."""

import pytest
from wrong_nodes.step_02 import MISTAKES

from raft_steps import STEPS, step_01_key_value_store
from raft_steps import node as node_of
from raft_steps.lab.checks import check, checks_of
from raft_steps.lab.commands import Get, NotLeader, Ok, Request
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message

STEP = 2
LATER = [step.number for step in STEPS if step.number >= STEP]
# Sentences that a later step takes back, by step and check, with the reason.
NO_LONGER_TRUE: dict[tuple[int, str], str] = {}


@message
class AppendEntries:
    """A call of the same name and fields as the course's, with one more that has a default."""

    prev_log_index: int
    prev_log_term: int
    entries: tuple[Entry, ...] = ()
    leader: str | None = None


@message
class AppendEntriesReply:
    """An answer with the fields of the course's in another order."""

    prev_log_index: int
    success: bool


class Otherwise(step_01_key_value_store.Node):
    """A right Node that asks without entries until a follower agrees, and then sends them."""

    is_leader: bool = False

    def on_start(self) -> None:
        super().on_start()
        if self.is_leader:
            self.on_tick_timeout()

    def on_tick_timeout(self) -> None:
        self.start_timer("tick", 5.0)
        for follower in self.peers():
            self.ask(follower, self.log.last_index)

    def ask(self, follower: str, index: int, entries: tuple[Entry, ...] = ()) -> None:
        term = self.log[index].term
        self.send(follower, AppendEntries(prev_log_index=index, prev_log_term=term, entries=entries, leader=self.name))

    def on_client_request(self, client: str, request: Request) -> None:
        if not self.is_leader:
            self.reply(client, NotLeader())
        elif isinstance(request, Get):
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            entry = Entry(index=self.log.last_index + 1, term=self.current_term, command=request)
            for follower in self.peers():
                self.ask(follower, self.log.last_index, (entry,))
            self.log.append(entry)
            self.apply(entry)
            self.reply(client, Ok())

    def on_append_entries(self, sender: str, call: AppendEntries) -> None:
        success = self.log.term_at(call.prev_log_index) == call.prev_log_term
        new = [entry for entry in call.entries if self.log.term_at(entry.index) != entry.term] if success else []
        if new:
            self.log.truncate_after(new[0].index - 1)
        for entry in new:
            self.log.append(entry)
        self.send(sender, AppendEntriesReply(success=success, prev_log_index=call.prev_log_index))

    def on_append_entries_reply(self, sender: str, answer: AppendEntriesReply) -> None:
        if not answer.success:
            self.ask(sender, answer.prev_log_index - 1)
        elif answer.prev_log_index < self.log.last_index:
            self.ask(sender, answer.prev_log_index, self.log.entries_after(answer.prev_log_index))


@pytest.mark.parametrize("number", LATER)
def test_checks_hold_at_this_step_and_later(number: int) -> None:
    """Every check passes for the step's own Node and for those of all later steps, but where a reason is given."""
    failed = {(number, result.name) for result in check(node_of(number), STEP).results if not result.passed}

    assert {key for key in NO_LONGER_TRUE if key[0] == number} == failed


def test_node_may_be_written_otherwise() -> None:
    """A right Node passes whatever its methods and its own fields are called."""
    report = check(Otherwise, STEP)

    assert report.passed, str([result.message for result in report.results])


def test_nothing_passes_before_the_step() -> None:
    """The Node of the step before passes no check."""
    assert [] == [result.name for result in check(node_of(STEP - 1), STEP).results if result.passed]


@pytest.mark.parametrize("wrong, name, kind", MISTAKES, ids=lambda value: getattr(value, "__name__", None))
def test_mistake_is_caught(wrong: type, name: str, kind: str) -> None:
    """The check that is meant for a mistake catches it, says whose it is, and marks the event that broke the rule."""
    result = next(result for result in check(wrong, STEP).results if result.name == name)

    assert not result.passed
    assert "tom" in result.message
    assert result.trace is not None
    assert result.event is not None
    assert kind == result.trace.events[result.event].kind


def test_every_check_catches_something() -> None:
    """No check is there in vain: each is meant for a mistake."""
    assert {each.name for each in checks_of(STEP)} == {name for _, name, _ in MISTAKES}
