"""The plan of a chaos run."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.chaos.plan import KINDS, UNDONE_BY, plan

SERVERS = ("tom", "jerry", "spike")


def test_seed_decides_the_plan() -> None:
    """The same seed makes the same plan, another one another."""
    assert plan(3, SERVERS, 60) == plan(3, SERVERS, 60)
    assert plan(3, SERVERS, 60) != plan(4, SERVERS, 60)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_every_kind_happens_and_ends(count: int) -> None:
    """In a long run every kind of fault that fits the cluster happens, and each ends after it began."""
    servers = ("tom", "jerry", "spike", "tyke", "butch")[:count]
    faults = plan(0, servers, 1_000)
    assert all(fault.at_s < fault.until_s for fault in faults)
    assert all(set(fault.strikes("tom")) <= set(servers) for fault in faults)
    kinds = {(fault.verb, fault.target) for fault in faults}
    assert kinds == {kind for kind in KINDS if count > 1 or kind[0] in ("kill", "pause")}
    assert {fault.verb for fault in faults} <= UNDONE_BY.keys()


def test_faults_strike_whom_they_name() -> None:
    """A fault of the leader strikes the server that leads; one of a follower never the leader."""
    for fault in plan(1, SERVERS, 1_000):
        struck = fault.strikes("jerry")
        if fault.target == "leader":
            assert struck == ["jerry"]
        elif fault.target == "follower":
            assert len(struck) == 1
            assert struck != ["jerry"]
        elif fault.target == "half":
            assert len(struck) == 2
