"""The checks of step 16 pass right Nodes, however they are written, and catch the usual mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from raft_steps import step_16_snapshots as step_16
from raft_steps.lab.checks.again import STILL_HOLDS
from raft_steps.lab.source.views import whole
from tests.checks.check_tools import failed_checks, standard_tests, wrong_nodes_of
from tests.checks.wrong_nodes import step_16 as wrong
from tests.checks.wrong_nodes import step_16_calls as calls
from tests.source.source_tools import load

# Checks that a later step no longer passes, by step and name, with the reason.
NOT_KEPT_LATER: dict[tuple[int, str], str] = {}


class OtherLimit(step_16.Node):
    """A right Node with another limit."""

    log_limit: ClassVar[int] = 600


class SaysHowFarItIs(step_16.Node):
    """A right Node that answers an old snapshot, and a late call, with what it has applied."""

    def answer_append_entries(
        self, to: str, success: bool, prev_log_index: int, match_index: int, round_number: int
    ) -> None:
        known = max(match_index, self.log.base_index) if success else match_index
        super().answer_append_entries(to, success, prev_log_index, known, round_number)


TestTables = standard_tests(
    16,
    (*wrong.MISTAKES, *calls.MISTAKES),
    right=(wrong.TakesOver, OtherLimit, SaysHowFarItIs),
    passed_before=[STILL_HOLDS],
    not_kept_later=NOT_KEPT_LATER,
)


def test_every_wrong_node_is_in_the_table() -> None:
    """Every wrong Node is in the table."""
    for module in (wrong, calls):
        assert {node_class for node_class, _, _ in module.MISTAKES} == wrong_nodes_of(module, right={"TakesOver"})


def test_whole_node_passes(tmp_path: Path) -> None:
    """The generated class in one piece passes the checks too."""
    assert [] == failed_checks(load(whole(16).text, tmp_path / "whole_16.py").Node, 16)
