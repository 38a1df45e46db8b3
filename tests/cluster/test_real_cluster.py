"""Tests of a cluster of real servers, which take real time: few, and each with several questions."""

from __future__ import annotations

import pytest

from raft_steps.lab import check_linearizable, check_trace
from raft_steps.lab.checks.ten_steps import run_real_ten_steps
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.linearizability.from_trace import history_of_trace

WAIT_S = 60  # of real time, for what takes a fraction of a second on a machine that has nothing else to do


def test_ten_steps_pass_on_real_servers() -> None:
    """The post's list, with processes that are killed and restarted."""
    result = run_real_ten_steps(12)
    assert result.passed, str(result)
    assert result.strict_passed, str(result)


def test_faults_are_survived_and_recorded() -> None:
    """A paused leader and a cut-off one are replaced; the trace keeps every property, and the history is linearizable."""
    with RealCluster(12) as cluster:
        first = cluster.run(WAIT_S, until=lambda: cluster.leader is not None).leader
        assert first is not None
        write(cluster, 1)
        cluster.pause(first)
        second = cluster.run(WAIT_S, until=lambda: cluster.leader not in (None, first)).leader
        assert second is not None
        write(cluster, 2)
        cluster.resume(first)
        cluster.partition(second)
        cluster.run(WAIT_S, until=lambda: len(set(cluster.leaders) - {second}) == 1)
        cluster.heal()
        cluster.run(WAIT_S, until=lambda: len(cluster.leaders) == 1 and cluster.get("x") == Ok(value="2"))
        trace = cluster.trace
        assert {"paused", "resumed", "partitioned", "healed", "dropped"} <= {event.kind for event in trace}
        assert check_trace(trace) == ()
        assert check_linearizable(history_of_trace(trace)).verdict == "ok"
        assert "<svg" in cluster.timeline().svg
        folder = cluster.folder
    assert not folder.exists()


def write(cluster: RealCluster, value: int) -> None:
    """Write until it is acknowledged: on a busy machine a leader may be replaced at any time."""
    cluster.run(WAIT_S, until=lambda: isinstance(cluster.set("x", value), Ok))


@pytest.mark.parametrize(
    "scenario, what",
    [
        ("raft-steps 1; step 12; servers tom jerry spike; at 1 drop tom>jerry#1", "drop"),
        ("raft-steps 1; step 12; servers tom jerry spike; draws tom 9", "draws"),
        ("raft-steps 1; step 12; servers tom jerry spike; seed 3", "seed"),
        ("raft-steps 1; step 12; servers tom jerry spike; at 1 tear tom; at 2 timeout tom", "tear, timeout"),
    ],
)
def test_scenario_that_needs_virtual_time_is_refused(scenario: str, what: str) -> None:
    """The refusal lists what real servers cannot do."""
    with pytest.raises(ScenarioError, match=f"real servers cannot do this: {what}"):
        RealCluster.replay(scenario)
