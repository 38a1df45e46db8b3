"""Fault injection: what can be done to messages in flight, to the network and to timers, and what is refused."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.node import Node
from raft_steps.lab.pictures.cluster_ring import cluster_ring
from raft_steps.lab.pictures.space_time import timeline
from raft_steps.lab.pictures.space_time_scene import DiagramOptions, build_scene, index_trace
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Trace


def election(**options: Any) -> Cluster:
    """Start a cluster in which tom has just asked for votes; its messages take half a second."""
    cluster = Cluster(8, seed=1, network={"delay": (0.5, 0.5)}, **options)
    cluster.timeout("tom")
    cluster.run(0.1)
    return cluster


def arrivals(trace: Trace, message: str) -> list[tuple[float, bool]]:
    """Return when a message arrived, and whether it was a duplicate, for each arrival."""
    found = [event for event in trace.of("delivered") if event["message"] == message]
    return [(event.seconds, bool(event.get("copy"))) for event in found]


def notes(trace: Trace) -> list[str]:
    """Return the texts of the trace's notes."""
    return [event["text"] for event in trace.of("note")]


def test_timeout_is_an_ordinary_one() -> None:
    """An election timer that is made to run out does what it always does: the server becomes a candidate."""
    cluster = election()

    assert [(0.0, "tom", "election")] == [(e.seconds, e.server, e["timer"]) for e in cluster.trace.of("timer_fired")]
    assert "candidate" == cluster.trace.moment_at(0.1).servers["tom"].role
    assert [] == notes(cluster.trace)


def test_timeout_is_not_followed_by_the_one_that_was_due() -> None:
    """Nothing happens at the time at which the timer would have run out; the new time counts."""
    cluster = Cluster(8, ["tom", "jerry", "spike"], seed=1, draws={"tom": [8, 18]}, later=["jerry", "spike"])
    cluster.timeout("tom", at=3)
    cluster.run(25)

    assert [3.0, 21.0] == [event.seconds for event in cluster.trace.of("timer_fired", server="tom")]


@pytest.mark.parametrize(
    "step, before, why",
    [
        (8, "crash", "timeout tom: it is down"),
        (8, "pause", "timeout tom: it is paused"),
        (3, "heal", "timeout tom: its election timer does not run"),
    ],
)
def test_timeout_of_a_timer_that_does_not_run_is_noted(step: int, before: str, why: str) -> None:
    """If no election timer runs, a note has the reason, and nothing else happens."""
    cluster = Cluster(step, seed=1)
    getattr(cluster, before)(*([] if before == "heal" else ["tom"]))
    number = len(cluster.trace)
    cluster.timeout("tom")

    assert [("note", why)] == [(event.kind, event["text"]) for event in cluster.trace.events[number:]]


def test_timeout_of_the_leader_is_noted() -> None:
    """The target may be symbolic: if no server leads, a note says so; a leader has no election timer, and a note says so."""
    cluster = Cluster(8, seed=1)
    cluster.timeout("leader")
    cluster.run(30)
    cluster.timeout("leader")

    assert ["timeout leader: there is none", f"timeout {cluster.leader}: its election timer does not run"] == notes(
        cluster.trace
    )


class Raises(Node):
    """A node with a mistake in its election."""

    def on_start(self) -> None:
        self.start_timer("election", 9)

    def on_election_timeout(self) -> None:
        raise ValueError("no way")


class Hangs(Raises):
    """A node that never ends its election."""

    def on_election_timeout(self) -> None:
        while True:
            pass


@pytest.mark.parametrize("node, words", [(Raises, "raised ValueError: no way"), (Hangs, "an endless loop?")])
@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_timeout_of_a_wrong_node_reports_its_mistake(node: type, words: str) -> None:
    """A mistake in the handler of a timer that is made to run out is reported as any other."""
    cluster = Cluster(node)
    with pytest.raises(NodeError) as caught:
        cluster.timeout("tom")

    assert words in str(caught.value)


def test_message_is_held() -> None:
    """A held message arrives so many seconds later than it would have, and the trace has the new time."""
    cluster = election()
    cluster.hold("tom>jerry#1", 2)
    held = cluster.trace.of("held")
    cluster.run(5)

    assert [(0.1, "jerry", "tom>jerry#1", "tom", 2_500_000)] == [
        (event.seconds, event.server, event["message"], event["from"], event["due"]) for event in held
    ]
    assert [(2.5, False)] == arrivals(cluster.trace, "tom>jerry#1")
    assert [(0.5, False)] == arrivals(cluster.trace, "tom>spike#1")


def test_message_can_be_held_again() -> None:
    """A message that is held again arrives later than it would have after the first time."""
    cluster = election()
    cluster.hold("tom>jerry#1", 1)
    cluster.hold("tom>jerry#1", 0.25, at=1)
    cluster.run(5)

    assert [(1.75, False)] == arrivals(cluster.trace, "tom>jerry#1")


def test_moment_has_held_messages() -> None:
    """A moment of the trace has the time at which a held message arrives, until it has arrived."""
    cluster = election()
    cluster.hold("tom>jerry#1", 2)
    cluster.run(5)

    assert {} == cluster.trace.moment_at(0).held
    assert {"tom>jerry#1": 2_500_000} == cluster.trace.moment_at(1).held
    assert {} == cluster.trace.moment_at(2.5).held


def test_arrow_of_a_held_message_ends_where_it_arrives() -> None:
    """A diagram draws a held message up to its arrival, even if the diagram ends before that."""
    cluster = election()
    cluster.hold("tom>jerry#1", 2)
    on_its_way = build_scene(index_trace(cluster.trace), DiagramOptions(start_us=0, end_us=200_000))
    cluster.run(5)
    arrived = build_scene(index_trace(cluster.trace), DiagramOptions(start_us=0, end_us=3_000_000))

    for scene, end in ((on_its_way, None), (arrived, 2_500_000)):
        (arrow,) = [each for each in scene.arrows if (each.receiver, each.start_us) == ("jerry", 0)]
        assert (end, 2_500_000) == (arrow.end_us, arrow.due_us)
    assert "tom&gt;jerry#1 held back: 2.5 s" in timeline(cluster.trace).svg


def test_still_picture_shows_a_held_message_on_its_way() -> None:
    """The picture of a moment places a held message by the time that it still takes."""
    cluster = election()
    cluster.hold("tom>jerry#1", 2)

    assert "RequestVote of term 1, tom to jerry, due in 1.00 s" in cluster_ring(cluster.run(5).trace, 1.5).svg


def test_message_is_duplicated() -> None:
    """A duplicate arrives after the message, marked as a copy; its arrival is not that of the message."""
    cluster = election()
    cluster.duplicate("tom>jerry#1")
    doubled = cluster.trace.of("doubled")
    cluster.run(5)

    assert [("jerry", "tom>jerry#1", 1_000_001)] == [(e.server, e["message"], e["due"]) for e in doubled]
    assert [(0.5, False), (1.000001, True)] == arrivals(cluster.trace, "tom>jerry#1")
    assert "tom&gt;jerry#1 doubled: 1 s" in timeline(cluster.trace).svg


def test_message_that_was_held_can_be_dropped() -> None:
    """A message can be held, duplicated and dropped: it is dropped at once, and so is its duplicate."""
    cluster = election()
    cluster.hold("tom>jerry#1", 1)
    cluster.duplicate("tom>jerry#1")
    cluster.drop("tom>jerry#1")
    dropped = [e.seconds for e in cluster.run(5).trace.of("dropped") if e["message"] == "tom>jerry#1"]

    assert [] == arrivals(cluster.trace, "tom>jerry#1")
    assert [0.1, 0.1] == dropped


def test_message_that_waits_is_dropped_at_once() -> None:
    """A message that waits at a paused server can be dropped, too; the server never handles it."""
    cluster = election()
    cluster.pause("jerry")
    cluster.run(1)
    cluster.drop("tom>jerry#1")
    cluster.resume("jerry")
    cluster.run(5)

    assert [1.1] == [e.seconds for e in cluster.trace.of("dropped") if e["message"] == "tom>jerry#1"]
    assert [] == arrivals(cluster.trace, "tom>jerry#1")
    assert ["spike"] == [e.server for e in cluster.trace.of("delivered") if e["message"].startswith("tom>spike#1")]


def test_message_is_dropped_at_a_later_time() -> None:
    """A message is dropped at a time: too late if it has arrived."""
    early, late = election(), election()
    early.drop("tom>jerry#1", at=0.4)
    late.drop("tom>jerry#1", at=0.6)

    assert [] == arrivals(early.run(5).trace, "tom>jerry#1")
    assert [(0.5, False)] == arrivals(late.run(5).trace, "tom>jerry#1")
    assert ["drop tom>jerry#1: it is not on its way"] == notes(late.trace)


@pytest.mark.parametrize("verb, words", [("hold", (2,)), ("duplicate", ())])
@pytest.mark.parametrize("message, when", [("tom>jerry#1", 0.7), ("tom>jerry#9", 0.1), ("jerry>tom#1", 0.1)])
def test_message_that_is_not_on_its_way_is_left_alone(
    verb: str, words: tuple[int, ...], message: str, when: float
) -> None:
    """A message that has arrived, or was never sent, can be neither held nor duplicated: that is noted, and changes nothing."""
    plain, cluster = election().run(until=20), election()
    getattr(cluster, verb)(message, *words, at=when)
    cluster.run(until=20)

    assert [f"{verb} {message}: it is not on its way"] == notes(cluster.trace)
    others = [dataclasses.replace(event, number=0) for event in cluster.trace if event.kind != "note"]
    assert [dataclasses.replace(event, number=0) for event in plain.trace] == others


def test_duplicate_in_flight_is_not_its_message() -> None:
    """After a message has arrived, its duplicate is not held or duplicated in its place."""
    cluster = election()
    cluster.duplicate("tom>jerry#1")
    cluster.hold("tom>jerry#1", 2, at=0.7)
    cluster.run(5)

    assert ["hold tom>jerry#1: it is not on its way"] == notes(cluster.trace)
    assert [(0.5, False), (1.000001, True)] == arrivals(cluster.trace, "tom>jerry#1")


@pytest.mark.parametrize("verb, words", [("hold", (2,)), ("duplicate", ())])
def test_message_at_a_paused_server_waits(verb: str, words: tuple[int, ...]) -> None:
    """A message that waits at a paused server is not in flight any more, but can be dropped."""
    cluster = election()
    cluster.pause("jerry")
    cluster.run(1)
    getattr(cluster, verb)("tom>jerry#1", *words)
    cluster.drop("tom>jerry#1")
    cluster.resume("jerry")
    cluster.run(5)

    assert [f"{verb} tom>jerry#1: it waits until its server resumes"] == notes(cluster.trace)
    assert [] == arrivals(cluster.trace, "tom>jerry#1")


def test_message_is_dropped_once() -> None:
    """Dropping a message that is dropped already is noted."""
    cluster = election()
    cluster.drop("tom>jerry#1")
    cluster.drop("tom>jerry#1")

    assert ["drop tom>jerry#1: it is so already"] == notes(cluster.trace)


def test_loss_begins_and_ends() -> None:
    """The network loses messages from one action to another."""
    cluster = Cluster(8, seed=1)
    cluster.loss(1, at=30)
    cluster.loss(0, at=60)
    trace = cluster.run(100).trace
    sent = [event for event in trace.of("sent") if 30 <= event.seconds < 60]
    lost = [event.seconds for event in trace.of("dropped")]

    assert [(30.0, 1.0), (60.0, 0.0)] == [(event.seconds, event["loss"]) for event in trace.of("network")]
    assert len(sent) == len(lost) > 0
    assert 30 <= min(lost) <= max(lost) < 60
    assert {"loss": 1.0} == trace.moment_at(59).network


def test_loss_changes_nothing_before_it_begins() -> None:
    """Until the network begins to lose messages, the trace is the same as that of a run without loss."""
    plain, lossy = Cluster(8, seed=1), Cluster(8, seed=1)
    lossy.loss(0.5, at=40)
    before = [event for event in lossy.run(80).trace if event.seconds < 40]

    assert [event for event in plain.run(80).trace if event.seconds < 40] == before


def test_delay_changes() -> None:
    """From an action on, messages have delays from another range; those in flight keep theirs."""
    cluster = Cluster(8, seed=1)
    cluster.delay(1, 1.5, at=20)
    trace = cluster.run(60).trace
    times = [(event.seconds, (event["due"] - event.time_us) / 1e6) for event in trace.of("sent")]

    assert {True} == {0.2 <= took <= 0.3 for sent, took in times if sent < 20}
    assert {True} == {1.0 <= took <= 1.5 for sent, took in times if sent >= 20}
    assert [[1.0, 1.5]] == [event["delay"] for event in trace.of("network")]
    assert {"delay": [1.0, 1.5]} == trace.moment_at(60).network


@pytest.mark.parametrize(
    "verb, words, note",
    [("loss", (0,), "loss 0: it is so already"), ("delay", (0.2, 0.3), "delay 0.2 0.3: it is so already")],
)
def test_fault_that_changes_nothing_is_noted(verb: str, words: tuple[float, ...], note: str) -> None:
    """A loss or a delay that the network has already is noted, and changes nothing."""
    cluster = Cluster(8, seed=1)
    getattr(cluster, verb)(*words)

    assert [note] == notes(cluster.trace)
    assert [] == cluster.trace.of("network")


@pytest.mark.parametrize(
    "action, complaint",
    [
        ("timeout", "timeout needs at least one server; the form is: timeout SERVER…"),
        ("timeout bob", "there is no server 'bob'"),
        ("hold tom>jerry#1", "hold '' cannot be read: SECONDS are above 0; the form is: hold MESSAGE SECONDS"),
        ("hold tom>jerry#1 0", "SECONDS are above 0"),
        ("hold tom>jerry#1 soon", "SECONDS are above 0"),
        ("hold tom>jerry#1 nan", "SECONDS are above 0"),
        ("hold tom>jerry#1 1 2", "SECONDS are above 0"),
        ("hold tom>jerry 1", "hold 'tom>jerry' cannot be read"),
        ("hold leader>jerry#1 1", "there is no server 'leader'"),
        ("duplicate", "duplicate '' cannot be read; the form is: duplicate MESSAGE"),
        ("duplicate tom>tom#1", "a server has no link to itself"),
        ("loss", "a share is from 0 to 1; the form is: loss SHARE"),
        ("loss 1.5", "a share is from 0 to 1"),
        ("loss most", "a share is from 0 to 1"),
        ("delay 1", "LOW is from 0 to HIGH; the form is: delay LOW HIGH"),
        ("delay 2 1", "LOW is from 0 to HIGH"),
        ("delay 0 inf", "LOW is from 0 to HIGH"),
    ],
)
def test_impossible_action_is_refused(action: str, complaint: str) -> None:
    """Numbers and names are checked before the run; the error shows the form of the action."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(f"raft-steps 1; servers tom jerry spike; at 3 {action}")

    assert complaint in str(caught.value)


@pytest.mark.parametrize("verb, words", [("set", ("x", 1)), ("get", ("x",)), ("delete", ("x",))])
def test_client_may_ask_later(verb: str, words: tuple[Any, ...]) -> None:
    """A client may ask at a later time; then the call does not wait for the answer."""
    cluster = Cluster(1)
    answer = getattr(cluster, verb)(*words, at=2)

    assert NoAnswer("nobody waits for the answer: the client asks at 2 s") == answer
    assert 0 == cluster.time
    assert [2.0] == [event.seconds for event in cluster.run(3).trace.of("asked")]


MESSAGES = st.sampled_from([f"{a}>{b}#{n}" for a, b in (("tom", "jerry"), ("jerry", "spike")) for n in (1, 2, 3)])
DEEDS = st.lists(
    st.tuples(st.just("timeout"), st.tuples(st.sampled_from(["tom", "jerry", "leader", "followers"])))
    | st.tuples(st.just("hold"), st.tuples(MESSAGES, st.sampled_from([0.1, 1, 7.5])))
    | st.tuples(st.sampled_from(["drop", "duplicate", "hold 1"]), st.tuples(MESSAGES))
    | st.tuples(st.just("loss"), st.tuples(st.sampled_from([0, 0.2, 1])))
    | st.tuples(st.just("delay"), st.sampled_from([(0, 0), (0.2, 0.3), (0.1, 4)]))
    | st.tuples(st.sampled_from(["pause", "resume", "crash", "restart"]), st.tuples(st.just("jerry")))
    | st.tuples(st.just("run"), st.tuples(st.sampled_from([0.1, 0.25, 5]))),
    max_size=14,
)


@settings(deadline=None)
@given(seed=st.integers(0, 50), deeds=DEEDS)
def test_run_with_faults_can_be_replayed(seed: int, deeds: list[tuple[str, tuple[Any, ...]]]) -> None:
    """A scenario with any of these actions gives the same trace again, byte for byte, from its line and from its JSON."""
    cluster = Cluster(8, seed=seed)
    cluster.timeout("tom")
    for verb, words in deeds:
        if verb == "hold 1":
            cluster.hold(words[0], 1, at=cluster.time + 0.1)
        else:
            getattr(cluster, verb)(*words)
    expected = cluster.run(1).trace.to_text()

    assert expected == Cluster.replay(cluster.scenario.to_text()).trace.to_text()
    assert expected == Cluster.replay(cluster.scenario.to_json()).trace.to_text()
    assert expected == Trace.from_text(expected).to_text()
