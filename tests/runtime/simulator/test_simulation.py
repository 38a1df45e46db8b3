"""The simulation: a scenario decides a run, byte for byte, and nothing else does."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
from dataclasses import field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Set
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.node import Node
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.trace.trace import Event, Trace
from raft_steps.step_04_leader_election import RequestVote
from tests.helpers.runs import GOLDEN, changed, digest, digests, rich_run

SECOND = 1_000_000
ROOT = Path(__file__).parents[3]
PRINT_DIGESTS = "import json; from tests.helpers.runs import digests; print(json.dumps(digests()))"


class Quiet(Node):
    """A server that handles votes and timers, and does nothing."""

    durable: ClassVar[tuple[str, ...]] = ("kept",)
    kept: int = 0

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Do nothing."""

    def on_alarm_timeout(self) -> None:
        """Do nothing."""


def quiet(**parts: Any) -> Simulation:
    """Start two quiet servers, a and b, with messages that take a second."""
    network = {"delay": (1, 1)} | parts
    return Simulation(Scenario(servers=("a", "b"), **network), Quiet)


def send(simulation: Simulation, count: int = 1, sender: str = "a", to: str = "b") -> None:
    """Send a number of messages from one to the other, with terms that count up."""
    for term in range(count):
        simulation.send(sender, to, RequestVote(term=term))


def arrivals(simulation: Simulation) -> list[tuple[float, int]]:
    """Return when each message arrived, and its term."""
    trace = simulation.trace
    assert trace is not None
    return [(event.seconds, event["term"]) for event in trace.of("delivered")]


def alarms(simulation: Simulation) -> list[float]:
    """Return when each timer ran out."""
    trace = simulation.trace
    assert trace is not None
    return [event.seconds for event in trace.of("timer_fired")]


def start_alarm(simulation: Simulation, seconds: float, server: str = "a") -> None:
    """Start a server's alarm, as its node would."""
    simulation._dispatcher.timers.start(simulation.hosts[server], "alarm", seconds)


# Determinism.


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


# Messages.


def test_message_takes_its_delay() -> None:
    """With a delay from 1 to 1 a message takes one second; with a range, any time in it."""
    simulation = quiet()
    send(simulation)
    simulation.run_until(5 * SECOND)
    assert [(1.0, 0)] == arrivals(simulation)

    simulation = quiet(delay=(1, 2))
    send(simulation, 50)
    simulation.run_until(5 * SECOND)
    times = [time for time, _ in arrivals(simulation)]

    assert 1 <= min(times) < 1.1
    assert 1.9 < max(times) <= 2


def test_instant_message_arrives() -> None:
    """A delay may be 0, even at the very beginning."""
    simulation = quiet(delay=(0, 0))
    send(simulation)
    simulation.run_until(1)

    assert [(0.0, 0)] == arrivals(simulation)


def test_messages_of_one_time_keep_their_order() -> None:
    """Messages that arrive at the same moment arrive in the order in which they were sent."""
    simulation = quiet()
    send(simulation, 20)
    simulation.run_until(5 * SECOND)

    assert [(1.0, term) for term in range(20)] == arrivals(simulation)


def test_share_of_messages_is_lost() -> None:
    """With a loss of 0.3 about three of ten messages do not arrive, and the trace records each of them."""
    simulation = quiet(loss=0.3)
    send(simulation, 2000)
    simulation.run_until(5 * SECOND)
    assert simulation.trace is not None
    lost = simulation.trace.of("dropped")

    assert 0.27 < len(lost) / 2000 < 0.33
    assert {"lost"} == {event["reason"] for event in lost}
    assert 2000 == len(lost) + len(arrivals(simulation))


def test_share_of_messages_is_duplicated() -> None:
    """A duplicated message arrives twice, the duplicate later."""
    simulation = quiet(duplicate=0.3)
    send(simulation, 2000)
    simulation.run_until(60 * SECOND)
    assert simulation.trace is not None
    copies = [event for event in simulation.trace.of("delivered") if event.get("copy")]

    assert 0.27 < len(copies) / 2000 < 0.33
    assert {2.000001} == {event.seconds for event in copies}


def test_share_of_messages_is_held_back() -> None:
    """A message that is held back arrives after many that were sent later."""
    simulation = quiet(reorder=0.3)
    send(simulation, 2000)
    simulation.run_until(60 * SECOND)
    late = [term for time, term in arrivals(simulation) if time > 1]

    assert 0.27 < len(late) / 2000 < 0.33
    assert 2000 == len(arrivals(simulation))


def is_sent(cluster: Cluster, message: str) -> bool:
    """Return whether a message has been sent."""
    return message in {event["message"] for event in cluster.trace.of("sent")}


def test_one_message_is_dropped_by_name() -> None:
    """The third message on a link is dropped, and no other, whether it is named before it is sent or on its way."""
    before, on_its_way = Cluster(2), Cluster(2)
    before.drop("tom>jerry#3")
    for cluster in (before, on_its_way):
        cluster.run(until=partial(is_sent, cluster, "tom>jerry#3"))
    on_its_way.drop("tom>jerry#3")
    for cluster in (before, on_its_way):
        dropped = cluster.run(30).trace.of("dropped")

        assert [("tom>jerry#3", "scenario")] == [(event["message"], event["reason"]) for event in dropped]


def test_duplicate_of_a_dropped_message_is_dropped() -> None:
    """A message that the scenario drops does not arrive as a duplicate either."""
    cluster = Cluster(2, network={"duplicate": 1})
    cluster.run(0.1)
    cluster.drop("tom>jerry#1")

    assert not [e for e in cluster.run(10).trace.of("delivered") if e["message"] == "tom>jerry#1"]


def test_partition_cuts_at_both_ends_of_a_link() -> None:
    """A message is lost if its link is cut when it leaves, or when it would arrive."""
    cluster = Cluster(2, network={"delay": (1, 1)})
    cluster.run(0.5)
    cluster.partition("tom")
    cluster.run(until=6)
    cluster.heal()
    cluster.run(until=8)
    dropped = cluster.trace.of("dropped")

    assert [1.0, 1.0, 5.0, 5.0] == [event.seconds for event in dropped]
    assert {"cut"} == {event["reason"] for event in dropped}


def test_heal_mends_all_cuts() -> None:
    """A one-way cut goes on under a partition, and healing ends both."""
    cluster = Cluster(2)
    cluster.cut("tom", "jerry")
    cluster.partition("spike")
    link = cluster._simulation.hosts["tom"].links["jerry"]
    assert {"one way"} == link.cuts
    cluster.partition("tom")
    assert {"one way", "partition"} == link.cuts
    cluster.heal()

    assert set() == link.cuts


def test_message_to_a_crashed_server_is_lost() -> None:
    """A message that arrives while its server is down is not kept for the next life."""
    simulation = quiet()
    send(simulation)
    simulation.crash(simulation.hosts["b"])
    simulation.run_until(5 * SECOND)
    simulation.start(simulation.hosts["b"])
    simulation.run_until(10 * SECOND)
    assert simulation.trace is not None

    assert [] == arrivals(simulation)
    assert ["down"] == [event["reason"] for event in simulation.trace.of("dropped")]


# Timers.


def test_timer_runs_out_once() -> None:
    """A timer calls its handler once, when its time is up."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.run_until(60 * SECOND)

    assert [3.0] == alarms(simulation)


@pytest.mark.parametrize("again, due", [(5, 7.0), (3, 5.0), (0.5, 2.5)])
def test_restarted_timer_begins_again(again: float, due: float) -> None:
    """Starting a running timer restarts it, whether the new time is longer, equal or shorter; it runs out once."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.run_until(2 * SECOND)
    start_alarm(simulation, again)
    simulation.run_until(60 * SECOND)

    assert [due] == alarms(simulation)


def test_cancelled_timer_does_not_run_out() -> None:
    """A cancelled timer does not run out, and can be started again."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation._dispatcher.timers.cancel(simulation.hosts["a"], simulation.hosts["a"].timers["alarm"])
    simulation.run_until(2 * SECOND)
    start_alarm(simulation, 4)
    simulation.run_until(60 * SECOND)

    assert [6.0] == alarms(simulation)


def test_timers_die_with_their_server() -> None:
    """A crash ends all timers, and they stay ended in the next life."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.crash(simulation.hosts["a"])
    simulation.start(simulation.hosts["a"])
    simulation.run_until(60 * SECOND)

    assert [] == alarms(simulation)


# Pause.


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


# Disks.


def test_crash_keeps_what_is_durable() -> None:
    """The next life begins with the durable fields, and with nothing else."""
    simulation = Simulation(
        Scenario(servers=("a", "b")), type("Forgetful", (Quiet,), {"extra": 0, "__annotations__": {"extra": "int"}})
    )
    host = simulation.hosts["a"]
    host.node.kept, host.node.extra = 5, 6
    host.store()
    simulation.crash(host)
    simulation.start(host)

    assert (5, 0) == (host.node.kept, host.node.extra)


def test_stored_before_anything_leaves() -> None:
    """When a message leaves a node, its log is on disk already: the trace shows append before send."""
    cluster = Cluster(2)
    cluster.set("x", 1)
    kinds = [
        event.kind for event in cluster.trace.events if event.server == "tom" and event.kind in ("appended", "sent")
    ]

    assert ["sent", "sent", "appended", "sent", "sent"] == kinds
    assert ["0 set x 1"] == [f"{e.term} set x 1" for e in cluster._simulation.hosts["tom"].disk["log"]]


def test_log_that_is_not_durable_is_lost() -> None:
    """A Node that does not declare its log durable loses it in a crash; the trace has its entries all the same."""
    cluster = Cluster(changed(1, durable=()))
    cluster.set("x", 1)
    cluster.crash("tom")
    cluster.restart("tom")

    assert [] == cluster.log("tom")
    assert 1 == len(cluster.trace.of("appended"))


def test_new_log_in_the_old_one_s_place_is_stored() -> None:
    """A Node that builds a new log has it on disk, too: the old entries are gone."""

    def write(self: Any, client: str, command: Any) -> None:
        self.log = type(self.log)([self.next_entry(command)]) if not len(self.log) else type(self.log)()

    cluster = Cluster(changed(1, write=write))
    cluster.set("x", 1)
    assert ["0 set x 1"] == [f"{e.term} set x 1" for e in cluster._simulation.hosts["tom"].disk["log"]]
    cluster.set("y", 2)
    cluster.crash("tom")

    assert [] == cluster.log("tom")


def test_disk_does_not_share_with_the_node() -> None:
    """A durable list that the node goes on changing is on disk as it was when it was stored."""

    class Listing(Quiet):
        durable = ("names",)
        names: list[str] = field(default_factory=list)

    simulation = Simulation(Scenario(servers=("a",)), Listing)
    host = simulation.hosts["a"]
    host.node.names = ["x"]
    host.store()
    host.node.names.append("y")
    simulation.crash(host)
    simulation.start(host)

    assert ["x"] == host.node.names


def test_disk_holds_what_the_scenario_says() -> None:
    """A server begins with the log that the scenario puts on its disk."""
    cluster = Cluster(4, logs={"tom": "1 set x 1; 2 delete x"})

    assert ["1 set x 1", "2 delete x"] == cluster.log("tom")
    assert 2 == cluster.node("tom").current_term
    assert [] == cluster.log("jerry")


def test_disk_holds_writes_only() -> None:
    """A read in a log is refused."""
    with pytest.raises(ScenarioError, match="a log holds writes"):
        Cluster(4, logs={"tom": "1 get x"})


# Lives.


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


# Clocks.


def test_clock_that_runs_fast_shortens_its_timers() -> None:
    """With a clock at rate 2 a timer runs out in half the time, at rate 0.5 in twice the time; other servers do not change."""
    for rate, due in ((2, 2.0), (0.5, 8.0), (1, 4.0)):
        simulation = quiet(clocks={"a": rate})
        start_alarm(simulation, 4, "a")
        start_alarm(simulation, 5, "b")
        simulation.run_until(10 * SECOND)

        assert sorted([due, 5.0]) == alarms(simulation)


def test_clock_keeps_its_rate_in_every_life() -> None:
    """A restarted server has the same clock; the delay of messages does not depend on it."""
    simulation = quiet(clocks={"a": 2, "b": 2})
    host = simulation.hosts["a"]
    simulation.crash(host)
    simulation.start(host)
    start_alarm(simulation, 4)
    send(simulation)
    simulation.run_until(10 * SECOND)

    assert [2.0] == alarms(simulation)
    assert [(1.0, 0)] == arrivals(simulation)


def test_wait_is_rounded_to_a_microsecond() -> None:
    """With a rate that does not divide evenly, a wait is rounded to the nearest microsecond."""
    simulation = quiet(clocks={"a": 1.1})
    start_alarm(simulation, 1)

    assert 909_091 == simulation.hosts["a"].timers["alarm"].due_us


# Delays with a long tail.


def delays(spread: str) -> list[float]:
    """Return how long each of 4,000 messages takes, in the order in which they were sent."""
    simulation = quiet(delay=(1, 2), spread=spread, seed=4)
    send(simulation, 4000)
    simulation.run_until(200 * SECOND)
    return [time for time, _ in sorted(arrivals(simulation), key=lambda arrival: arrival[1])]


def test_long_spread_has_a_long_tail() -> None:
    """Half of the messages take less than half of the range, a third more than the range, none more than 50 times as much."""
    long = delays("long")
    above = [delay for delay in long if delay > 2]

    assert 4000 == len(long)
    assert 1 <= min(long)
    assert 0.47 < sum(delay < 1.5 for delay in long) / 4000 < 0.53
    assert 0.3 < len(above) / 4000 < 0.37
    assert 0.005 < sum(delay > 50 for delay in long) / 4000 < 0.02
    assert max(long) == pytest.approx(51, abs=0.001)


def test_long_spread_is_the_same_every_time() -> None:
    """The tail comes from the link's one draw: a seed gives the same delays, and the slow messages are those of even delays."""
    even, long, again = delays("even"), delays("long"), delays("long")

    assert long == again
    fastest = [set(sorted(range(4000), key=each.__getitem__)[:2000]) for each in (even, long)]
    assert fastest[0] == fastest[1]


# Disks that fail in the middle of an event.


class Storing(Quiet):
    """A server that stores two entries and a number at each alarm, sends a message, and waits for the next alarm."""

    durable = ("log", "kept")
    log: Log = field(default_factory=Log)

    def on_start(self) -> None:
        """Start the alarm."""
        self.start_timer("alarm", 1)

    def on_alarm_timeout(self) -> None:
        """Store, send, and start the alarm again."""
        self.kept += 1
        for _ in range(2):
            index = self.log.last_index + 1
            self.log.append(Entry(index=index, term=self.kept, command=Set(key="x", value=str(index))))
        self.send("b", RequestVote(term=self.kept))
        self.start_timer("alarm", 1)


def storing(*actions: str, record: bool = True, until: int = 10) -> Simulation:
    """Run two servers, of which the first stores at 1 s, 2 s and so on."""
    line = "; ".join(("raft-steps 1; servers a b; delay 0.1 0.1", *actions))
    simulation = Simulation(Scenario.parse(line), classes={"b": Quiet}, node_class=Storing, record=record)
    simulation.run_until(until * SECOND)
    return simulation


def stored(simulation: Simulation) -> tuple[int, int]:
    """Return how many entries are on the first server's disk, and the number."""
    disk = simulation.hosts["a"].disk
    return len(disk["log"]), disk["kept"]


def test_lost_event_leaves_nothing() -> None:
    """After `lose`, nothing of the next event is on disk, none of its effects leaves, and the server is down."""
    simulation = storing("at 2.5 lose a", until=5)
    trace = simulation.trace
    assert trace is not None
    crashed = trace.of("crashed")

    assert (4, 2) == stored(simulation)
    assert not simulation.hosts["a"].up
    assert [(3.0, "a", "lose")] == [(event.seconds, event.server, event["disk"]) for event in crashed]
    assert [1, 2] == [event["term"] for event in trace.of("delivered", server="b")]
    assert [1, 2] == [event["fields"]["term"] for event in trace.of("sent")]
    assert [1, 2, 3, 4] == [event["index"] for event in trace.of("appended")]
    assert [1.0, 2.0, 3.0] == alarms(simulation), "the event itself is recorded"
    assert "will lose what its next event writes" in trace.of("note")[0]["text"]


def test_torn_event_lacks_its_last_write() -> None:
    """After `tear`, all changes of the log but the last are on disk, and no other field of the event."""
    simulation = storing("at 2.5 tear a", until=5)
    assert simulation.trace is not None

    assert (5, 2) == stored(simulation)
    assert not simulation.hosts["a"].up
    assert ["tear"] == [event["disk"] for event in simulation.trace.of("crashed")]
    assert [1, 2] == [event["fields"]["term"] for event in simulation.trace.of("sent")]


def test_server_starts_again_with_what_its_disk_has() -> None:
    """After a lost or a torn event the next life begins with what is on disk, and its disk works."""
    for verb, entries in (("lose", 4), ("tear", 5)):
        simulation = storing(f"at 2.5 {verb} a", "at 4.2 restart a", until=6)
        trace = simulation.trace
        assert trace is not None
        assert entries == len(trace.of("restarted")[0]["log"])
        assert (entries + 2, 3) == stored(simulation)
        assert 2 == simulation.hosts["a"].life
        assert 1 == len(trace.of("crashed"))


def test_disk_fails_in_the_next_event_of_any_kind() -> None:
    """A message that changes nothing is an event, too: the server crashes in it."""
    simulation = storing("at 0.5 lose b", until=3)
    assert simulation.trace is not None

    assert [(1.1, "b", "lose")] == [
        (event.seconds, event.server, event["disk"]) for event in simulation.trace.of("crashed")
    ]
    assert ["down"] == [event["reason"] for event in simulation.trace.of("dropped")]


def test_disk_of_a_server_that_is_down_does_not_fail() -> None:
    """A server that is down has no next event, and after its restart its disk works."""
    simulation = storing("at 2.5 crash a", "at 2.6 lose a", "at 2.7 tear a", "at 3 restart a", until=6)
    trace = simulation.trace
    assert trace is not None

    assert [None] == [event.get("disk") for event in trace.of("crashed")]
    assert ["lose a: it is so already", "tear a: it is so already"] == [note["text"] for note in trace.of("note")]
    assert (8, 4) == stored(simulation)


def test_crash_comes_before_the_failure() -> None:
    """A server that crashes first has a working disk in its next life."""
    simulation = storing("at 2.5 lose a", "at 2.6 crash a", "at 2.7 restart a", until=5)
    assert simulation.trace is not None

    assert [None] == [event.get("disk") for event in simulation.trace.of("crashed")]
    assert (8, 4) == stored(simulation)


def test_disk_of_a_paused_server_fails_when_it_goes_on() -> None:
    """A paused server handles its next event when it is resumed, and then its disk fails."""
    simulation = storing("at 2.5 pause a", "at 2.6 lose a", "at 4.5 resume a", until=6)
    assert simulation.trace is not None

    assert [(4.5, "lose")] == [(event.seconds, event["disk"]) for event in simulation.trace.of("crashed")]
    assert (4, 2) == stored(simulation)


@pytest.mark.parametrize("verb", ["lose", "tear"])
def test_recording_changes_no_failure(verb: str) -> None:
    """With and without a trace, the disks hold the same, and the same servers are up."""
    parts = ("at 2.5 pause b", f"at 2.6 {verb} a", "at 4 restart crashed", f"at 5 {verb} b", "at 5.5 resume b")
    for until in range(1, 9):
        one, other = (storing(*parts, record=record, until=until) for record in (True, False))
        for name in ("a", "b"):
            assert one.hosts[name].disk == other.hosts[name].disk
            assert one.hosts[name].up == other.hosts[name].up
            assert one.hosts[name].node.kept == other.hosts[name].node.kept
        assert one.event_count == other.event_count


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
        ("spread long; spread even", "gives spread twice"),
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


@pytest.mark.parametrize("how", ["lose", "crash"])
def test_request_at_a_paused_server_is_lost_when_it_crashes(how: str) -> None:
    """A request waits at a paused server, which crashes as it resumes: nothing is stored, and there is no answer."""
    text = f"raft-steps 1; step 12; servers tom; timing paper; at 1 pause tom; at 2 set x 1; at 2.5 {how} tom; at 3 resume tom; until 4"
    cluster = Cluster.replay(text)
    cluster.crash("tom")

    assert ["1 -"] == cluster.log("tom")
    assert not cluster._simulation.responses
