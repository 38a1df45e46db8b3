"""The checks of step 2 pass right Nodes, however they are written, and catch the usual mistakes."""

import pytest

from raft_steps import step_01_key_value_store, step_02_append_entries
from raft_steps.lab.commands import Get, NotLeader, Ok, Request
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message
from tests.checks.check_tools import first_failure, standard_tests
from tests.checks.wrong_nodes import step_02 as wrong
from tests.checks.wrong_nodes import step_02_logs as logs

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


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


class LeadsWithoutSettingTheField(step_02_append_entries.Node):
    """A right Node that does not set `is_leader` when it becomes leader.

    It makes no difference yet: only `on_start` calls this, when the driver has set the field. From step 4 on it does,
    and the checks of step 4 catch it.
    """

    def become_leader(self) -> None:
        self.on_heartbeat_timeout()


class AssumesTheEntryExists(step_02_append_entries.Node):
    """A right Node that assumes that a refused entry is in its log, and is not entry 0.

    The assumption holds: followers refuse its own calls only, a named leader's log only grows, and every log has
    entry 0.
    """

    def index_before(self, refused_index: int) -> int:
        return refused_index - 1


TestTables = standard_tests(
    2,
    wrong.MISTAKES + logs.MISTAKES,
    right=(Otherwise, LeadsWithoutSettingTheField, AssumesTheEntryExists),
    passed_before={"the rules of earlier steps still hold"},
    not_kept_later=NOT_KEPT_LATER,
    last_step=10,
)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.NothingIsCarriedOut,
            "tom has answered set x 1 with Ok, so a client that reads x should get '1'; tom answers None",
        ),
        (
            wrong.NewEntryGoesTwice,
            ("a client sends set z 3 to tom, the leader; tom should send it to jerry once, but sends it 2 times"),
        ),
        (
            wrong.TriesAgainTwice,
            (
                "jerry refuses a call that follows entry 4 of term 2; tom should retry once, but sends 2 calls, "
                "and jerry may refuse each of them"
            ),
        ),
        (
            wrong.AnswerIsAboutTheLastEntry,
            (
                "tom's log ends with entry 2, and jerry's call follows entry 3 of term 2; tom should refuse it "
                "with prev_log_index=3, the call's; it answers 2"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 2).message
