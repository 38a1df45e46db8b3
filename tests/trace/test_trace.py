"""Tests of the trace: it can be stored and parsed, and gives the state of the cluster at any moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.trace.trace import Trace
from tests.helpers.runs import rich_run

TWO_ENTRIES = {"tom": "1 set x 1; 1 set y 2"}


@pytest.mark.parametrize("step", [2, 8])
def test_trace_survives_its_text(step: int) -> None:
    """A trace is formatted and parsed without loss."""
    trace = rich_run(step).trace
    text = trace.to_text()

    assert text == Trace.from_text(text).to_text()
    assert trace.events == Trace.from_text(text).events


@given(value=st.text())
def test_any_value_survives(value: str) -> None:
    """Line breaks inside a value, of which Unicode has several, do not break the text."""
    cluster = Cluster(1)
    cluster.set("key", value)

    assert cluster.trace.events == Trace.from_text(cluster.trace.to_text()).events


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "this is not a trace"),
        ("hello", "this is not a trace"),
        ("{}", "this is not a trace"),
        ("3", "this is not a trace"),
        ('{"version": 2}', "of version 2; this laboratory reads 1"),
        (
            '{"version": 1, "title": "", "servers": [], "scenario": "", "end": 0}\n{"kind": "note"}',
            "not a trace: 'time'",
        ),
    ],
)
def test_other_text_is_refused(text: str, complaint: str) -> None:
    """A text that is not a trace is refused."""
    with pytest.raises(ScenarioError, match=complaint):
        Trace.from_text(text)


def test_trace_names_its_scenario() -> None:
    """A trace has a title and the scenario that repeats it."""
    trace = Cluster(4).run(3).trace

    assert "step 4" == trace.title
    assert "raft-steps 1; step 4; servers tom jerry spike; seed 0; until 3" == trace.scenario
    assert 3_000_000 == trace.end_us


def test_events_are_numbered_and_in_order() -> None:
    """Events have consecutive numbers, and their times never decrease."""
    events = rich_run(8).trace.events

    assert list(range(len(events))) == [event.number for event in events]
    assert sorted(event.time_us for event in events) == [event.time_us for event in events]


def test_last_moment_equals_the_cluster() -> None:
    """The events add up to the state of the nodes: fields, logs, roles."""
    cluster = rich_run(8)
    moment = cluster.trace.moment_after(len(cluster.trace) - 1)

    for name in cluster.servers:
        node, state = cluster.node(name), moment.servers[name]
        assert (node.current_term, node.voted_for) == (state.fields["current_term"], state.fields["voted_for"])
        assert cluster.log(name) == [f"{entry['term']} {entry['command']}" for entry in state.log]
        assert node.is_leader == (state.role == "leader")


def test_moment_at_a_time_includes_that_time() -> None:
    """A moment includes the events at its time; before the first event, no server runs."""
    trace = Cluster(2, logs=TWO_ENTRIES).run(2).trace

    assert not trace.moment_after(-1).servers["tom"].up
    assert trace.moment_at(0).servers["tom"].up
    assert "leader" == trace.moment_at(0).servers["tom"].role


def test_messages_in_flight_are_known() -> None:
    """A message is in flight from its sending until it arrives or is dropped."""
    trace = Cluster(2).run(2).trace
    sent = next(event for event in trace.of("sent"))
    arrived = next(event for event in trace.of("delivered", "dropped") if event["message"] == sent["message"])

    assert sent["message"] in trace.moment_after(arrived.number - 1).in_flight
    assert sent["message"] not in trace.moment_after(arrived.number).in_flight


def test_copies_are_marked() -> None:
    """If the network duplicates every message, half of the deliveries are copies."""
    trace = Cluster(2, network={"duplicate": 1}).run(30).trace
    copies = [event for event in trace.of("delivered") if event.get("copy")]

    assert copies
    assert len(copies) * 2 == pytest.approx(len(trace.of("delivered")), rel=0.1)


def test_moment_follows_truncation() -> None:
    """A log in a moment loses the entries that its server deletes."""
    cluster = Cluster(2, logs={"tom": "1 set x 1", "jerry": "2 set x 2; 2 set y 3"}).run(10)
    moment = cluster.trace.moment_after(len(cluster.trace) - 1)

    assert cluster.trace.of("truncated", server="jerry")
    assert ["set x 1"] == [entry["command"] for entry in moment.servers["jerry"].log]


def test_moment_follows_pause_crash_and_partition() -> None:
    """A moment shows which servers are down or paused, and where the network is cut."""
    cluster = Cluster(4)
    cluster.crash("tom")
    cluster.pause("jerry")
    cluster.partition("spike")
    cluster.cut("tom", "jerry")
    moment = cluster.trace.moment_at(0)

    assert (False, True) == (moment.servers["tom"].up, moment.servers["jerry"].paused)
    assert ([["spike"], ["tom", "jerry"]], ["tom>jerry"]) == (moment.sides, moment.cuts)
    cluster.heal()
    cluster.resume("jerry")
    cluster.restart("tom")
    moment = cluster.trace.moment_after(len(cluster.trace) - 1)

    assert (True, False) == (moment.servers["tom"].up, moment.servers["jerry"].paused)
    assert ([], []) == (moment.sides, moment.cuts)
    assert 2 == moment.servers["tom"].life


def test_of_filters_by_kind_and_server() -> None:
    """Events can be selected by kind and by server."""
    trace = Cluster(4).run(1).trace

    assert 3 == len(trace.of("started"))
    assert ["jerry"] == [event.server for event in trace.of("started", server="jerry")]
