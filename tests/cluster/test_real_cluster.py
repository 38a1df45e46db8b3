"""Tests of a cluster of real servers, which take real time: few, and each with several questions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from raft_steps import step_12_persistence as step_12
from raft_steps.lab import check_linearizable, check_trace
from raft_steps.lab.checks.ten_steps import run_real_ten_steps
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import ScenarioError, ServerError
from raft_steps.lab.runtime.server.leader_client import NoAnswerError
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


class Silent:
    """A client whose server does not answer at first."""

    def __init__(self, silences: int) -> None:
        """Prepare so many attempts without an answer; then the server answers, and refuses what it does not know."""
        self.silences = silences
        self.told: list[tuple[str, ...]] = []

    def command(self, name: str, *words: str) -> object:
        """Send a command."""
        if self.silences:
            self.silences -= 1
            raise NoAnswerError(f"{name}: timed out", may_take_effect=True)
        if words[0] != "RAFT.FAULT":
            raise ServerError(f"{name}: ERR unknown command")
        self.told.append(words)
        return "OK"


def test_server_that_does_not_answer_at_once_is_asked_again() -> None:
    """A fault is not given up because a machine is busy; what the server refuses is not asked twice."""
    cluster = RealCluster.__new__(RealCluster)
    client = Silent(2)
    cluster._client = client  # type: ignore[assignment]
    cluster._supervisor = SimpleNamespace(ended=tuple)  # type: ignore[assignment]
    cluster._tell("tom", ("RAFT.FAULT", "HEAL"))
    assert client.told == [("RAFT.FAULT", "HEAL")]
    with pytest.raises(ServerError, match="unknown command"):
        cluster._tell("tom", ("FLUSHALL",))


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


class Counting(step_12.Node):
    """Counts its lives on its disk."""

    durable = ("log", "current_term", "voted_for", "lives")
    lives: int = 0

    def on_start(self) -> None:
        """Count one more life."""
        super().on_start()
        self.lives += 1


def test_learners_node_runs() -> None:
    """A class of any name is a server; what it declares durable is on its disk after kill -9, and so is a preset log."""
    with RealCluster(Counting, 1, logs={"tom": "1 set x 1"}) as cluster:
        cluster.crash("tom")
        cluster.restart("tom")
        assert cluster.node("tom").lives == 2
        assert cluster.log("tom")[0] == "1 set x 1"


def test_servers_end_with_a_process_that_is_killed() -> None:
    """A kernel that is killed with -9 in the middle leaves no server behind, not even a paused one."""
    script = (
        "from raft_steps.lab import RealCluster\n"
        "cluster = RealCluster(12, 1)\n"
        "cluster.pause('tom')\n"
        "print(cluster.paused[0], cluster.folder, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout is not None
        name, folder = kernel.stdout.readline().split()
        os.kill(kernel.pid, signal.SIGKILL)
        kernel.wait()
    assert name == "tom"
    with RealCluster(12, 1, folder=Path(folder)) as cluster:  # Its databases are locked as long as a server uses them.
        assert cluster.running == ["tom"]


def test_scenario_is_carried_out() -> None:
    """A scenario runs in real time, with the log that it begins with."""
    text = (
        "raft-steps 1; step 12; servers tom jerry spike; leader tom; timing paper; log tom 1 'set x 1'; "
        "at 0.5 crash leader; at 1.5 restart crashed; at 1.6 partition tom; at 1.8 heal; until 2"
    )
    with RealCluster.replay(text) as cluster:
        kinds = {event.kind for event in cluster.trace}
        assert {"crashed", "restarted", "partitioned", "healed"} <= kinds
        assert cluster.time >= 2
        assert cluster.running == list(cluster.servers)


def test_scenario_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The servers end, the client disconnects, and the folder is gone."""
    closed: list[RealCluster] = []
    close = RealCluster.close

    def noted(cluster: RealCluster) -> None:
        closed.append(cluster)
        close(cluster)

    monkeypatch.setattr(RealCluster, "close", noted)
    with pytest.raises(ServerError, match="tom does not run"):
        RealCluster.replay("raft-steps 1; step 12; servers tom; at 0.1 crash tom; at 0.1 pause tom")
    (cluster,) = closed
    assert cluster.running == []
    assert not cluster.folder.exists()
