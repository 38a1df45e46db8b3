"""The checks of step 15 pass right Nodes, however they are written, and catch the usual mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from raft_steps import step_15_fast_catch_up as step_15
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Command
from raft_steps.lab.source.views import whole
from raft_steps.step_15_fast_catch_up import AppendEntriesReply
from tests.checks.check_tools import failed_checks, first_failure, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import step_15 as wrong
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class SmallCalls(step_15.Node):
    """A right Node with other sizes."""

    batch_size: ClassVar[int] = 20
    window: ClassVar[int] = 100


class SendsOnceForAMoment(step_15.Node):
    """A right Node that starts the timer only for the first write of a moment."""

    sends_soon: bool = False

    def write(self, client: str, command: Command) -> None:
        entry = self.next_entry(command)
        self.log.append(entry)
        self.open_writes.pop(client, None)
        self.open_writes[client] = entry
        if not self.sends_soon:
            self.sends_soon = True
            self.start_timer("batch", 0)

    def on_batch_timeout(self) -> None:
        self.sends_soon = False
        super().on_batch_timeout()


class LooksForTheLast(step_15.Node):
    """A right Node that lists its entries of the term in conflict."""

    def index_after_refusal(self, message: AppendEntriesReply) -> int:
        own = [entry.index for entry in self.log if entry.term == message.conflict_term]
        return max(own) + 1 if own else message.conflict_index


TestTables = standard_tests(
    15,
    wrong.MISTAKES,
    right=(wrong.TakesApart, SmallCalls, SendsOnceForAMoment, LooksForTheLast),
    passed_before=["a deposed leader sends nothing", STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    assert {node_class for node_class, _, _ in wrong.MISTAKES} == wrong_nodes_of(wrong, right={"TakesApart"})


def test_whole_node_passes(tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(15).text, tmp_path / "whole_15.py").Node, 15)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.StatesItsLastEntry,
            (
                "tom's log has the terms 1, 1, 1, 4, 4, 5, 5, 6, 6, and jerry calls after entry 10 of term 8; tom should "
                "refuse with conflict_term=None and conflict_index=10, but does so with conflict_term=None and "
                "conflict_index=9"
            ),
        ),
        (
            wrong.OneCallForEachWrite,
            "6 clients write at one moment; one call to jerry is enough, but tom sends 6",
        ),
        (
            wrong.SendsAfterItIsDeposed,
            (
                "tom leads in term 1; a client writes, and at the same moment jerry calls in term 2; tom should send no "
                "calls any more, but does"
            ),
        ),
        (
            wrong.OnlyGoneBackIsOld,
            (
                "jerry has acknowledged entry 5, and its refusal of a call after entry 4 arrives late; tom should not send "
                "anything, but does"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 15).message
