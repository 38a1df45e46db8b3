"""The checks of step 3 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import field

import pytest

from raft_steps import step_02_append_entries, step_03_majority_commit
from raft_steps.lab.commands import Command, Ok
from raft_steps.lab.messages import message
from raft_steps.step_02_append_entries import AppendEntriesReply
from tests.checks.check_tools import first_failure, standard_tests
from tests.checks.wrong_nodes import step_03 as wrong

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


@message
class CommitEntry:
    """A message of the same name and field as the course's."""

    index: int


class Otherwise(step_02_append_entries.Node):
    """A right Node that stores its pending writes by index, with the names of the servers that have the entry."""

    holders: dict[int, list[str]] = field(default_factory=dict)
    clients: dict[int, str] = field(default_factory=dict)

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.clients[entry.index], self.holders[entry.index] = client, [self.name]
        self.broadcast(self.append_entries_after(entry.index - 1))
        self.commit_what_a_majority_has()

    def on_append_entries_reply(self, sender: str, message: AppendEntriesReply) -> None:
        if message.success:
            for holders in self.holders.values():
                if sender not in holders:
                    holders.append(sender)
            self.commit_what_a_majority_has()
        else:
            super().on_append_entries_reply(sender, message)

    def commit_what_a_majority_has(self) -> None:
        for index in sorted(self.clients):
            if len(self.holders[index]) > len(self.servers) / 2:
                self.reply(self.clients.pop(index), Ok())
                self.broadcast(CommitEntry(index=index))
                self.apply(self.log[index])

    def on_commit_entry(self, sender: str, message: CommitEntry) -> None:
        for entry in self.log:
            if entry.index == message.index:
                self.apply(entry)


class NothingIsForgotten(step_03_majority_commit.Node):
    """A right Node that keeps the acknowledgements of a committed write.

    It makes no difference: they are looked up for pending writes only, and a client's address is never used again.
    """

    def commit(self, client: str) -> None:
        entry = self.open_writes.pop(client)
        self.apply(entry)
        self.announce_commit(entry.index)
        self.reply(client, Ok())


TestTables = standard_tests(
    3,
    wrong.MISTAKES,
    right=(Otherwise, NothingIsForgotten),
    # The Node of step 2 answers at once, and so passes the checks that a write is committed.
    passed_before={
        "a single server waits for nobody",
        "pending writes are kept apart",
        "the rules of earlier steps still hold",
    },
    not_kept_later=NOT_KEPT_LATER,
    last_step=10,
)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.WriteIsNotLogged,
            ("a client sends set x 1 to tom, the leader; tom should log this one entry at once, but logs nothing"),
        ),
        (
            wrong.EntryStaysAtHome,
            (
                "a client sends set x 1 to tom, the leader; tom should send jerry entry 1 of term 0 "
                "(set x 1) at once; it sends no entry"
            ),
        ),
        (
            wrong.WaitsForSomebody,
            (
                "tom is the only server, so no other has to acknowledge set x 1; tom should answer the write 'set"
                " x 1', but does not"
            ),
        ),
        (
            wrong.RefusalIsIgnored,
            ("jerry refuses a call that follows entry 1 of term 1; tom should retry one entry earlier, but does not"),
        ),
        (
            wrong.FollowersLeaveOutTheirLastEntry,
            (
                "jerry sends CommitEntry for entry 2, set y 2, the last of tom's log; by now tom should have "
                "applied set x 1; set y 2 and nothing else, but has applied set x 1"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 3).message
