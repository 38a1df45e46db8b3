"""The checks of step 18 pass right Nodes, however they are written, and catch the usual mistakes."""

from pathlib import Path

import pytest

from raft_steps import step_18_pre_vote as step_18
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.source.views import whole
from tests.checks.check_tools import failed_checks, first_failure, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import calls, transfers
from tests.checks.wrong_nodes import step_18 as wrong
from tests.checks.wrong_nodes.calls import wrong_node
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class LooksMoreOften(step_18.Node):
    """A right Node whose leader steps down after the least timeout already."""

    def on_quorum_timeout(self) -> None:
        super().on_quorum_timeout()
        if self.is_leader:
            self.start_timer("quorum", self.election_timeout_range[0] + 2)


TestTables = standard_tests(
    18,
    (*wrong.MISTAKES, *transfers.MISTAKES, (wrong_node(calls.TruncatesOnEveryCall, 18), STILL_HOLDS, "truncated")),
    right=(LooksMoreOften,),
    passed_before=[STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    for module in (wrong, transfers):
        assert {node_class for node_class, _, _ in module.MISTAKES} == wrong_nodes_of(module, right=set())


def test_whole_node_passes(tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(18).text, tmp_path / "whole_18.py").Node, 18)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.DoesNotLearnFromRefusals,
            "tom is in term 2 and asks about term 3; jerry is in term 7 and refuses; tom should be in term 7, but is in term 2",
        ),
        (
            wrong.IgnoresAnOlderLeader,
            (
                "tom has voted for jerry in term 5, and spike, the leader of term 2, calls; tom should answer once, with term "
                "5, but answers nothing"
            ),
        ),
        (
            transfers.AcceptsCommandsMeanwhile,
            (
                "tom hands over to jerry, and a client sends 'set x 5'; tom should answer NotLeader and name jerry, but "
                "answers None"
            ),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 18).message
