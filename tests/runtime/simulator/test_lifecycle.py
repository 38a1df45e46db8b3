"""The lives of servers: starting, crashing, pausing and resuming."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.step_04_leader_election import RequestVote
from tests.runtime.simulator.quiet_servers import SECOND, Quiet, alarms, arrivals, quiet, send, start_alarm


def pause_and_resume(simulation: Simulation, at: int) -> None:
    """Pause server b from now until a time, in seconds."""
    simulation.hosts["b"].paused = True
    simulation.run_until(at * SECOND)
    simulation._lifecycle.resume(simulation.hosts["b"])
    simulation.run_until(60 * SECOND)


def test_paused_server_handles_everything_later() -> None:
    """Messages and timers that come during a pause are kept, and handled in their order when it ends."""
    simulation = quiet()
    send(simulation, 2)
    start_alarm(simulation, 2, "b")
    pause_and_resume(simulation, 5)

    assert [(5.0, 0), (5.0, 1)] == arrivals(simulation)
    assert [5.0] == alarms(simulation)


def test_timer_that_a_kept_message_restarts_is_not_late() -> None:
    """A timer that ran out during a pause does not fire if a message that came before restarts it; it runs on."""

    class Restarting(Quiet):
        def on_request_vote(self, sender: str, message: RequestVote) -> None:
            self.start_timer("alarm", 4)

    simulation = Simulation(Scenario(servers=("a", "b"), delay=(1, 1)), Restarting)
    send(simulation)
    start_alarm(simulation, 2, "b")
    pause_and_resume(simulation, 5)

    assert [9.0] == alarms(simulation)


def test_crash_ends_a_pause() -> None:
    """What has arrived at a paused server is lost when it crashes."""
    simulation = quiet()
    send(simulation)
    simulation.hosts["b"].paused = True
    simulation.run_until(5 * SECOND)
    simulation.crash(simulation.hosts["b"])
    simulation.start(simulation.hosts["b"])
    simulation.run_until(60 * SECOND)

    assert [] == arrivals(simulation)
    assert not simulation.hosts["b"].paused


def test_paused_server_answers_clients_later() -> None:
    """A client of a paused server waits; the answer comes after the pause."""
    cluster = Cluster(2)
    cluster.pause("tom")
    cluster.resume("tom", at=10)
    answer = cluster.set("x", 1)

    assert 10.0 == pytest.approx(cluster.time, abs=0.001)
    assert "Ok(value=None)" == repr(answer)


def test_later_server_starts_with_restart() -> None:
    """A server that starts later is down at first, and its first life is a first life."""
    cluster = Cluster(4, later=["spike"])
    cluster.run(30)
    cluster.restart("spike")

    assert ["started"] == [event.kind for event in cluster.trace.of("started", "restarted", server="spike")]
    assert 1 == cluster._simulation.hosts["spike"].life


def test_named_leader_leads_in_its_first_life_only() -> None:
    """The scenario's leader leads when it starts first; a restarted server is a follower."""
    cluster = Cluster(2)
    assert cluster.node("tom").is_leader
    cluster.crash("tom")
    cluster.restart("tom")

    assert not cluster.node("tom").is_leader


@pytest.mark.parametrize("how", ["lose", "crash"])
def test_request_at_a_paused_server_is_lost_when_it_crashes(how: str) -> None:
    """A request waits at a paused server, which crashes as it resumes: nothing is stored, and there is no answer."""
    text = f"raft-steps 1; step 12; servers tom; timing paper; at 1 pause tom; at 2 set x 1; at 2.5 {how} tom; at 3 resume tom; until 4"
    cluster = Cluster.replay(text)
    cluster.crash("tom")

    assert ["1 -"] == cluster.log("tom")
    assert not cluster._simulation.responses
