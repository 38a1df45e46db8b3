"""The checks of step 17 pass right Nodes, however they are written, and catch the usual mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps import step_17_membership as step_17
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.commands import Configuration
from raft_steps.lab.source.views import whole
from tests.checks.check_tools import failed_checks, first_failure, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import step_17 as wrong
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class LooksEachTime(step_17.Node):
    """A right Node that looks for the newest configuration in its log whenever it needs it."""

    def configuration(self) -> tuple[int, Configuration]:
        for index in range(self.log.last_index, self.log.base_index, -1):
            command = self.log[index].command
            if isinstance(command, Configuration):
                return index, command
        return super().configuration()


class TellsTheRemoved(step_17.Node):
    """A right Node that sends a server that is removed the configuration that removes it."""

    def add_configuration(self, configuration: Configuration) -> None:
        before = self.peers()
        super().add_configuration(configuration)
        for peer in before:
            if peer not in self.peers():
                self.send_new_entries(peer)


TestTables = standard_tests(
    17,
    wrong.MISTAKES,
    right=(LooksEachTime, TellsTheRemoved),
    passed_before=["a change of nothing succeeds", "a deposed leader drops its change", STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    assert {node_class for node_class, _, _ in wrong.MISTAKES} == wrong_nodes_of(wrong, right=set())


def test_whole_node_passes(tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(17).text, tmp_path / "whole_17.py").Node, 17)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.OldVotersDecide,
            (
                "tom has logged members tom,tyke,butch from tom,jerry,spike, and jerry and spike have it, but no majority "
                "of the others; the last entry of its log should be members tom,tyke,butch from tom,jerry,spike, but is "
                "members tom,tyke,butch"
            ),
        ),
        (
            wrong.ForgetsInACrash,
            (
                "tom's log ends with members tom,tyke, which is not committed; tom has crashed and restarted; tom should "
                "ask tyke for votes, but asks jerry, spike"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 17).message
