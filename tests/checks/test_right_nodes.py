"""No check of steps 9 to 12 accuses a right Node that is written otherwise, or that is ahead."""

import pytest

from raft_steps import node
from raft_steps.lab.checks import check
from raft_steps.lab.node import Node
from tests.checks import right_nodes
from tests.checks.check_tools import class_name, failed_checks

CASES = [(way, step) for way, steps in right_nodes.MIXINS for step in steps]


@pytest.mark.parametrize("way, step", CASES, ids=class_name)
def test_right_node_passes(way: type, step: int) -> None:
    """A Node that is right in another way passes every check of its step."""
    report = check(right_nodes.right_node(way, step), step)

    assert report.passed, str(report)


@pytest.mark.parametrize("reached, step", [(12, 9), (12, 10), (12, 11), (11, 9), (11, 10), (10, 9)])
def test_node_that_is_ahead_passes(reached: int, step: int) -> None:
    """The Node of a later step passes the checks of an earlier one."""
    assert [] == failed_checks(node(reached), step)


def test_each_step_has_ten_ways() -> None:
    """Each of steps 9 to 12 has at least ten right Nodes that are written otherwise."""
    counts = {step: sum(step in steps for _, steps in right_nodes.MIXINS) for step in (9, 10, 11, 12)}

    assert all(count >= 10 for count in counts.values()), counts


def test_every_way_is_in_the_table() -> None:
    """Every mixin is in the table."""
    module = right_nodes.__name__
    defined = {each for each in vars(right_nodes).values() if isinstance(each, type) and each.__module__ == module}

    assert defined == {way for way, _ in right_nodes.MIXINS}
    assert not any(issubclass(way, Node) for way in defined)
