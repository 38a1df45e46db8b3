"""No wrong attempt at steps 1 to 4 passes the checks."""

import pytest

import raft_steps
from raft_steps.lab.checks import check
from tests.checks.attempts import ATTEMPTS


def node_of(step: int, methods: str) -> type:
    """Return the Node that has these methods instead of the step's own."""
    body = "\n".join(f"    {line}" for line in methods.strip().splitlines())
    module = raft_steps.step(step)
    names = {**vars(raft_steps.step(1)), **vars(module), "step": module}
    exec(f"class Node(step.Node):\n{body}\n", names)
    node_class: type = names["Node"]
    return node_class


@pytest.mark.parametrize("step, name", [(step, name) for step, found in ATTEMPTS.items() for name in found])
def test_attempt_fails_a_check(step: int, name: str) -> None:
    """The checks of its step report the attempt."""
    assert not check(node_of(step, ATTEMPTS[step][name]), step).passed
