"""The checks of step 11 pass right Nodes, however they are written, and catch the usual mistakes."""

from dataclasses import field
from pathlib import Path

import pytest

from raft_steps import step_11_commit_index as step_11
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Command, Get, Ok
from raft_steps.lab.source.views import whole
from tests.checks.check_tools import OnlyCommands, failed_checks, first_failure, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import calls
from tests.checks.wrong_nodes import step_11 as wrong
from tests.checks.wrong_nodes import step_11_carrying_out as carrying_out
from tests.checks.wrong_nodes import step_11_indexes as indexes
from tests.checks.wrong_nodes.calls import wrong_node
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {
    (14, "a read waits for the leaders own entry"): "a read waits for a round of calls, and step 14 asks it again",
    (15, "a read waits for the leaders own entry"): "a read waits for a round of calls, and step 14 asks it again",
    (15, "each follower is sent what it lacks"): "a refusal states where to go on, and step 15 asks it again",
    (15, "a read waits for what is in the log"): "a write begins no round that a read could wait for",
    (16, "a read waits for the leaders own entry"): "a read waits for a round of calls, and step 14 asks it again",
    (16, "each follower is sent what it lacks"): "a refusal states where to go on, and step 15 asks it again",
    (16, "a read waits for what is in the log"): "a write begins no round that a read could wait for",
    (17, "a read waits for the leaders own entry"): "a read waits for a round of calls, and step 14 asks it again",
    (17, "each follower is sent what it lacks"): "a refusal states where to go on, and step 15 asks it again",
    (17, "a read waits for what is in the log"): "a write begins no round that a read could wait for",
    (18, "a read waits for the leaders own entry"): "a read waits for a round of calls, and step 14 asks it again",
    (18, "each follower is sent what it lacks"): "a refusal states where to go on, and step 15 asks it again",
    (18, "a read waits for what is in the log"): "a write begins no round that a read could wait for",
    (18, "following and leading are as before"): "a leader that nobody answers does not lead for long",
}


class TakesTheMedian(step_11.Node):
    """A right Node that sorts the matching indexes, takes the median, and then compares its term."""

    def advance_commit_index(self) -> None:
        have = sorted((self.log.last_index, *self.match_index.values()), reverse=True)
        index = have[len(self.servers) // 2]
        if self.log[index].term == self.current_term:
            self.commit_up_to(index)

    def commit_up_to(self, index: int) -> None:
        for place in range(self.last_applied + 1, index + 1):
            self.apply(self.log[place])
        self.last_applied = self.commit_index = max(self.commit_index, index)
        self.answer_clients()


class ComparesTheEntry(step_11.Node):
    """A right Node that keeps its pending writes when it is deposed, and answers one if that very entry is committed."""

    asked: dict[str, tuple[int, int]] = field(default_factory=dict)

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.asked[client] = (entry.index, entry.term)
        self.send_heartbeat()
        self.advance_commit_index()

    def answer_clients(self) -> None:
        super().answer_clients()
        for client, (index, term) in list(self.asked.items()):
            if index <= self.last_applied:
                del self.asked[client]
                if self.log[index].term == term:
                    self.reply(client, Ok())


class AppliesOnlyCommands(OnlyCommands, step_11.Node):
    """A right Node that applies commands and skips no-op entries."""


class ReadsWaitForTheFirstEntry(step_11.Node):
    """A right Node whose reads wait only for the first entry of its term, not for pending writes."""

    def answer_read(self, client: str, request: Get) -> None:
        own = next(entry.index for entry in self.log if entry.term == self.current_term)
        self.open_reads[client] = (own, request)
        self.answer_clients()


TestTables = standard_tests(
    11,
    (
        *wrong.MISTAKES,
        *carrying_out.MISTAKES,
        *indexes.MISTAKES,
        (wrong_node(calls.TruncatesOnEveryCall, 11), STILL_HOLDS, "truncated"),
    ),
    right=(TakesTheMedian, ComparesTheEntry, AppliesOnlyCommands, ReadsWaitForTheFirstEntry),
    passed_before=[STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    for module in (wrong, carrying_out, indexes):
        assert {node_class for node_class, _, _ in module.MISTAKES} == wrong_nodes_of(module, right=set())


def test_whole_node_passes(tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(11).text, tmp_path / "whole_11.py").Node, 11)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.NothingIsLogged,
            (
                "tom is elected in term 2, and its log ends with entry 1; entry 2 should be a no-op of term 2; "
                "tom should send jerry entry 2 of term 2 (no-op) at once, but sends no entry"
            ),
        ),
        (
            wrong.AnyAcknowledgementCounts,
            (
                "spike acknowledges entry 1, and set x 1 is entry 2; tom should not have answered 'set x 1' with Ok,"
                " but has"
            ),
        ),
        (
            wrong.OlderTermsCount,
            (
                "tom leads in term 3, and every server has entry 2, of term 2; by now tom should have applied "
                "nothing, but has applied set x 1; set y 2"
            ),
        ),
        (
            carrying_out.TrustsItsOwnLog,
            (
                "jerry's heartbeat has leader_commit=3 and follows entry 1; by now tom should have applied set x "
                "1, but has applied set x 1; set y 2; set z 3"
            ),
        ),
        (
            carrying_out.CommitGoesBack,
            (
                "tom's commit index was 2 when it was elected, and no follower has acknowledged more; tom's next "
                "calls should carry leader_commit=2, but carry 0"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 11).message
