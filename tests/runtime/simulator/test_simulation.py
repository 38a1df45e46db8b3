"""The simulation: a scenario decides a run, byte for byte, and nothing else does."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.trace.trace import Event, Trace
from tests.helpers.runs import GOLDEN, digest, digests, rich_run
from tests.runtime.simulator.quiet_servers import SECOND, Quiet, arrivals, quiet, send

ROOT = Path(__file__).parents[3]
PRINT_DIGESTS = "import json; from tests.helpers.runs import digests; print(json.dumps(digests()))"


def test_traces_are_golden() -> None:
    """The trace of every step's rich run is the stored one.

    After an intended change: python -m tests.helpers.runs.
    """
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == digests()


@pytest.mark.slow
def test_traces_are_the_same_in_every_process() -> None:
    """Two processes with different hash seeds write the same traces, byte for byte."""
    found = []
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", PRINT_DIGESTS]
        found.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)

    assert found[0] == found[1]
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == json.loads(found[0])


@pytest.mark.parametrize("step", [entry.number for entry in STEPS])
def test_recording_changes_nothing(step: int) -> None:
    """A run without a trace ends in the same state: a recorder only reads."""
    recorded, silent = rich_run(step), rich_run(step, record=False)

    for name in recorded.servers:
        one, other = recorded.node(name), silent.node(name)
        assert {k: v for k, v in vars(one).items() if k != "random"} == {
            k: v for k, v in vars(other).items() if k != "random"
        }
        assert one.random.uniform(0, 1) == other.random.uniform(0, 1)
    assert recorded.scenario == silent.scenario


def test_seed_decides() -> None:
    """Another seed gives another run, the same seed the same run."""
    assert digest(Cluster(8, seed=1).run(60)) == digest(Cluster(8, seed=1).run(60))
    assert Cluster(8, seed=1).run(60).trace.events != Cluster(8, seed=2).run(60).trace.events


def test_cut_moves_nothing_elsewhere() -> None:
    """A delay is drawn for a message that is dropped, too, and each link draws for itself."""
    free, cut = Cluster(2, seed=3), Cluster(2, seed=3)
    cut.cut("tom", "jerry")

    def spikes(cluster: Cluster) -> list[tuple[int, str, Any]]:
        return [(e.time_us, e.kind, e.detail) for e in cluster.run(60).trace.events if e.server == "spike"]

    assert spikes(free) == spikes(cut)


def test_life_has_its_own_random_numbers() -> None:
    """The draws of a server's second life do not depend on how many there were in its first."""
    short, long = Cluster(8, seed=5), Cluster(8, seed=5)
    for cluster, life in ((short, 1), (long, 60)):
        cluster.run(life)
        cluster.crash("tom")
        cluster.restart("tom")

    assert short.node("tom").election_timeout == long.node("tom").election_timeout
    assert RandomStream(5, "node/tom/2").between(8, 18) == short.node("tom").election_timeout


def test_timing_of_the_paper_replaces_that_of_the_post() -> None:
    """With the paper's timing, heartbeats come every 50 ms and timeouts are 150 to 300 ms."""
    cluster = Cluster(8, timing="paper")
    cluster.run(5)
    sent = [e.time_us for e in cluster.trace.of("sent", server=cluster.leader) if e["to"] == cluster.servers[0]]

    assert 50_000 in {later - earlier for earlier, later in pairwise(sent)}
    assert all(0.15 <= cluster.node(name).election_timeout <= 0.3 for name in cluster.servers)


def test_scenario_without_a_step_needs_a_class() -> None:
    """A scenario without a step needs a class, and a step must exist."""
    with pytest.raises(ScenarioError, match="give it a Node class"):
        Simulation(Scenario())
    with pytest.raises(ScenarioError, match="there is no step 99"):
        Simulation(Scenario(step=99))


def test_servers_may_run_different_classes() -> None:
    """One server may run another class than the others: so a check puts fake peers around one node."""
    simulation = Simulation(default_scenario(8), classes={"spike": Quiet})

    assert isinstance(simulation.hosts["spike"].node, Quiet)
    assert not isinstance(simulation.hosts["tom"].node, Quiet)


def test_time_moves_on_without_events() -> None:
    """A run ends at its time, whether anything happens or not, and never runs backwards."""
    simulation = quiet()
    simulation.run_until(5 * SECOND)
    assert 5 * SECOND == simulation.now_us
    simulation.run_until(3 * SECOND)

    assert 5 * SECOND == simulation.now_us
    assert isinstance(simulation.trace, Trace)
    assert simulation.trace.end_us == simulation.now_us


def test_agenda_is_as_short_as_what_is_under_way() -> None:
    """Of a scenario's actions only the next is on the agenda, however they are ordered, and they keep their order."""
    lines = [f"at {at} set k {at}" for at in range(40, 0, -1)] + ["at 20 set k again", "at 20 set k last"]
    simulation = Simulation(Scenario.parse("raft-steps 1; step 1; servers tom; seed 0; " + "; ".join(lines)))
    on_agenda = len(simulation._agenda.calls)
    simulation.run_until(30 * SECOND)
    commands = [entry.command for entry in simulation.hosts["tom"].node.log]

    assert on_agenda == 1
    assert [*map(str, range(1, 21)), "again", "last", *map(str, range(21, 31))] == [each.value for each in commands]


def test_fields_of_a_node_stay_in_the_node() -> None:
    """Nothing calls `vars` on a node that runs: Python would move its fields to a dictionary, and become slower."""
    for record in (False, True):
        simulation = Simulation(default_scenario(8), record=record)
        simulation.run_until(30 * SECOND)
        held = [each for host in simulation.hosts.values() for each in gc.get_referents(host.node)]

        assert Log in map(type, held)
        assert not [each for each in held if isinstance(each, dict) and "current_term" in each]


def test_run_stops_at_a_condition() -> None:
    """A run ends with the event after which its condition holds, one microsecond later."""
    simulation = quiet()
    send(simulation, 3)
    stopped = simulation.run_until(9 * SECOND, lambda: bool(arrivals(simulation)))

    assert (True, SECOND + 1) == (stopped, simulation.now_us)
    assert 3 == len(arrivals(simulation)), "what else belongs to the same microsecond happens too"


def test_event_has_its_details_by_name() -> None:
    """An event has its details by name."""
    event = Event(0, 1_500_000, "note", "tom", {"text": "hello"})

    assert (1.5, "hello", None) == (event.seconds, event["text"], event.get("more"))


@pytest.mark.parametrize(
    "part, words",
    [
        ("clock tom 0.01", "the clock of tom runs at a rate from 0.1 to 10, not 0.01"),
        ("clock tom 11", "from 0.1 to 10"),
        ("clock tom nan", "from 0.1 to 10"),
        ("clock tom fast", "cannot be read: clock tom fast"),
        ("clock tom", "cannot be read: clock tom"),
        ("clock tim 1", "there is no server 'tim'"),
        ("spread wide", "there is no spread 'wide'; there are even, long"),
        ("spread", "cannot be read: spread"),
        ("spread long; spread even", "has spread twice"),
        ("at 1 lose", "lose needs at least one server;"),
        ("at 1 lose tim", "lose: there is no server 'tim'"),
        ("at 1 tear tom>jerry", "tear: there is no server 'tom>jerry'"),
        ("at 1 loose tom", "there is no action 'loose'; did you mean 'lose'?"),
    ],
)
def test_scenario_refuses_impossible_clocks_networks_and_disks(part: str, words: str) -> None:
    """The error for an impossible rate, spread or server shows what would be right."""
    with pytest.raises(ScenarioError, match=re.escape(words)):
        Scenario.parse(f"raft-steps 1; servers tom jerry; {part}")
