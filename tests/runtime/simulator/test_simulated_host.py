"""Disks: what is on them after a crash, and what is not when they fail in the middle of an event."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Set
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry, Log, Snapshot
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Trace
from raft_steps.step_04_leader_election import RequestVote
from tests.helpers.runs import changed
from tests.runtime.simulator.quiet_servers import SECOND, Quiet, alarms


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


class Compacting(Storing):
    """A node that, after what `Storing` does, lets a snapshot take the place of all its entries but the last."""

    def on_alarm_timeout(self) -> None:
        """Store, and compact."""
        super().on_alarm_timeout()
        index = self.log.last_index - 1
        term = self.log[index].term
        self.log.compact(Snapshot(last_included_index=index, last_included_term=term, data=str(index)))


def storing(*actions: str, record: bool = True, until: int = 10, node_class: type[Storing] = Storing) -> Simulation:
    """Run two servers, of which the first stores at 1 s, 2 s and so on."""
    line = "; ".join(("raft-steps 1; servers a b; delay 0.1 0.1", *actions))
    simulation = Simulation(Scenario.parse(line), classes={"b": Quiet}, node_class=node_class, record=record)
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


def test_compaction_is_stored_as_a_whole_or_not_at_all() -> None:
    """A disk that fails between the entries and the snapshot has the entries, and the snapshot before."""
    for verb, base, last in (("lose", 3, 4), ("tear", 3, 6)):
        simulation = storing(f"at 2.5 {verb} a", "at 4.2 restart a", until=5, node_class=Compacting)
        trace = simulation.trace
        assert trace is not None
        restarted = trace.of("restarted")[0]
        assert {"index": base, "term": trace.of("compacted")[1]["term"], "data": str(base)} == restarted["snapshot"]
        assert list(range(base + 1, last + 1)) == [entry["index"] for entry in restarted["log"]]
        assert (base, last) == (
            simulation.hosts["a"].disk["log"].base_index,
            simulation.hosts["a"].disk["log"].last_index,
        )


def test_trace_follows_compaction() -> None:
    """The last moment of a trace has the snapshot and the entries of the node, and its text is read again."""
    simulation = storing(until=4, node_class=Compacting)
    trace = simulation.trace
    assert trace is not None
    again = Trace.from_text(trace.to_text())
    state, log = again.moment_after(len(again) - 1).servers["a"], simulation.hosts["a"].node.log

    assert (log.base_index, [log.last_index]) == (state.base_index, [entry["index"] for entry in state.log])
    assert {"index": log.base_index, "term": log.base_term, "data": log.snapshot.data} == state.snapshot
    assert [1, 3, 5] == [event["index"] for event in trace.of("compacted")]


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
