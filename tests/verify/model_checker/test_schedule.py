"""A schedule survives its line of text, can be replayed, and is refused with a reason if it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab.commands import Set, command_text
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.narration import story
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.model_checker import (
    Replay,
    Schedule,
    Scope,
    Search,
    committed,
    down,
    holds,
    leader,
    run_schedule,
    stored_schedule,
    stored_schedule_names,
)
from raft_steps.lab.verify.model_checker.schedule import ScheduleStep
from raft_steps.lab.verify.model_checker.schedule_steps import describe
from tests.helpers.starts import starts
from tests.verify.model_checker.search_tools import LaterNode

LINE = (
    "raft-steps-schedule 1; step 8; servers tom jerry spike; log tom 1 'set x 1'; timeout tom election; "
    "copy tom>jerry#1; deliver tom>jerry#1; drop tom>spike#1; deliver jerry>tom#1; ask tom set y 'a b'; "
    "crash spike; restart spike; forget; breaks Election Safety"
)


def test_line_comes_back_as_it_was() -> None:
    """Every clause comes back as it was, quotation marks and all."""
    assert LINE == Schedule.parse(LINE).to_text()
    for name in stored_schedule_names():
        schedule = stored_schedule(name)
        assert schedule == Schedule.parse(schedule.to_text())


WORDS = st.text(max_size=8).filter(lambda word: len(f"{word}.".splitlines()) == 1)  # A schedule joins its lines.
NAMES = st.sampled_from(("tom", "jerry", "spike"))
STARTS = starts(("tom", "jerry", "spike"), st.builds(lambda value: command_text(Set(key="x", value=value)), WORDS))
STEPS = st.one_of(
    st.builds(lambda name, timer: ScheduleStep("timeout", (name, timer)), NAMES, WORDS),
    st.builds(lambda key, value: ScheduleStep("ask", ("tom", "as", "client#9", "set", key, value)), WORDS, WORDS),
    st.builds(lambda name: ScheduleStep("crash", (name,)), NAMES),
    st.just(ScheduleStep("forget", ())),
)


@given(
    steps=st.lists(STEPS, max_size=4).map(tuple),
    start=STARTS,
)
def test_every_schedule_comes_back_from_its_line(
    steps: tuple[ScheduleStep, ...], start: tuple[dict[str, tuple[tuple[int, str], ...]], str | None]
) -> None:
    """A schedule equals what is parsed from its line, whatever characters its keys and values have."""
    schedule = Schedule(steps=steps, logs=start[0], leader=start[1])

    assert schedule == Schedule.parse(schedule.to_text())


@pytest.mark.parametrize(
    "text, words",
    [
        ("raft-steps 1; step 8", "a schedule begins with its version"),
        ("", "a schedule begins with its version"),
        ("raft-steps-schedule 2; step 8", "of version '2'; this laboratory reads version 1"),
        ("raft-steps-schedule 1; step eight", "cannot be read: step eight"),
        ("raft-steps-schedule 1; delliver tom>jerry#1", "did you mean 'deliver'"),
        ("raft-steps-schedule 1; deliver tom-jerry", "after deliver comes FROM>TO#NUMBER, such as tom>jerry#1"),
        ("raft-steps-schedule 1; deliver tom>jery#1", "did you mean 'jerry'"),
        ("raft-steps-schedule 1; deliver tom>jerry#0", "after deliver comes FROM>TO#NUMBER"),
        ("raft-steps-schedule 1; deliver tom>tom#1", "tom has no link to itself"),
        ("raft-steps-schedule 1; timeout tom", "after timeout comes SERVER TIMER"),
        ("raft-steps-schedule 1; crash thomas", "there is no server 'thomas'"),
        ("raft-steps-schedule 1; ask tom put x 1", "is not a command"),
        ("raft-steps-schedule 1; ask tom 'set", "open quotation mark"),
        ("raft-steps-schedule 1; log tom 1", "cannot be read: log tom 1"),
        ("raft-steps-schedule 1; log tom 1 'hello'", "is not a command"),
        ("raft-steps-schedule 1; term jery 1", "there is no server 'jery'"),
        ("raft-steps-schedule 1; servers tom tom", "names its servers, each once"),
        ("raft-steps-schedule 1; forget everything", "after forget comes nothing"),
    ],
)
def test_bad_schedule_is_refused(text: str, words: str) -> None:
    """The error for a schedule that cannot be read names the part that is wrong and what would be right."""
    with pytest.raises(ScenarioError) as caught:
        Schedule.parse(text)

    assert words in str(caught.value)


@pytest.mark.parametrize(
    "events, words",
    [
        ("deliver tom>jerry#1", "event 1 of the schedule, deliver tom>jerry#1, cannot happen: .* 0 were sent"),
        ("timeout tom heartbeat", "tom has no running timer of that name"),
        ("crash tom; crash tom", "event 2 .* tom is down"),
        ("restart tom", "tom is not down"),
        ("timeout tom election; crash jerry; deliver tom>jerry#1", "event 3 .* jerry is down"),
        ("timeout tom election; drop tom>jerry#1; deliver tom>jerry#1", "not in flight; 1 were sent"),
    ],
)
def test_event_that_cannot_happen_is_refused(events: str, words: str) -> None:
    """A schedule that does not fit its Node stops at the event that cannot happen, with the reason."""
    with pytest.raises(ScenarioError, match=words):
        run_schedule(f"raft-steps-schedule 1; step 8; {events}")


def test_schedule_without_step_needs_a_class() -> None:
    """A schedule without a step needs a Node class; an unknown step is refused."""
    text = "raft-steps-schedule 1; timeout tom election"
    with pytest.raises(ScenarioError, match="give it a Node class"):
        run_schedule(text)
    with pytest.raises(ScenarioError, match="there is no step 99"):
        run_schedule(text.replace("1;", "1; step 99;"))

    assert run_schedule(text, LaterNode).trace.title == "LaterNode"


def test_trace_is_drawn_and_narrated() -> None:
    """A replay records a trace like any other: it has a picture, which marks the violation, and a narration."""
    replayed = run_schedule(stored_schedule("two_leaders_of_four"))
    trace = replayed.trace
    last = replayed.breaks[0]
    picture = replayed.timeline(title="Two leaders")

    assert trace.end_us == 7 * MICROSECONDS
    assert [1, 2] == [event.time_us // MICROSECONDS for event in trace.of("timer_fired")]
    assert trace.to_text() == Trace.from_text(trace.to_text()).to_text()
    assert 6 * MICROSECONDS == trace.events[last.event].time_us
    assert "Two leaders" in picture.svg
    assert "Marked: Election Safety: jerry and tom have both led in term 1" in str(picture)
    assert "tom" in str(story(trace))
    assert picture.svg == run_schedule(stored_schedule("two_leaders_of_four")).timeline(title="Two leaders").svg


def test_timers_and_messages_are_due_when_they_happen() -> None:
    """A timer is due when it runs out and a message when it arrives; one that never does, long after the end."""
    trace = run_schedule(stored_schedule("two_leaders_of_four")).trace
    arrivals = {event["message"]: event.time_us for event in trace.of("delivered")}
    assert arrivals
    for event in trace.of("sent"):
        assert event["due"] == arrivals.get(event["message"], event.time_us + 5 * (trace.end_us - event.time_us))
    first = next(event for event in trace.of("timer_started", server="tom"))

    assert first["due"] == trace.of("timer_fired", server="tom")[0].time_us


def test_replay_follows_the_whole_line() -> None:
    """Each kind of clause has its effect: copies, losses, crashes, disks, initial logs and clients."""
    replayed = run_schedule(LINE.replace("; breaks Election Safety", ""))
    trace = replayed.trace

    assert [True, None] == [event.get("copy") for event in trace.of("delivered", server="jerry")][:2]
    assert {"tom>spike#1"} <= {event["message"] for event in trace.of("dropped")}
    assert [1, 2] == [event["life"] for event in trace.of("started", "restarted", server="spike")]
    assert ["1 set x 1", "2 set y 'a b'"] == [
        f"{entry['term']} {entry['command']}" for entry in trace.moment_at(99).servers["tom"].log
    ]
    assert {} == trace.moment_at(99).in_flight
    assert [] == list(replayed.in_flight)


def test_client_can_be_named() -> None:
    """Clients are numbered in the order in which they ask, unless the schedule names them."""
    begin = "raft-steps-schedule 1; step 8; leader tom; "
    numbered = run_schedule(begin + "ask tom set x 1; ask tom set x 2").trace
    named = run_schedule(begin + "ask tom as client#9 set x 1; ask tom set x 2").trace

    assert ["client#1", "client#2"] == [event["client"] for event in numbered.of("asked")]
    assert ["client#9", "client#2"] == [event["client"] for event in named.of("asked")]


def test_failing_node_is_replayed_up_to_its_failure() -> None:
    """A replay ends when a Node fails; the trace has the failure, with its time."""

    def on_request_vote(self: Any, sender: str, message: Any) -> None:
        raise RuntimeError("no")

    broken = type("Node", (node(8),), {"on_request_vote": on_request_vote})
    replayed = run_schedule("raft-steps-schedule 1; timeout tom election; deliver tom>jerry#1; crash tom", broken)

    assert isinstance(replayed.error, NodeError)
    assert "jerry's on_request_vote, at 2 s, raised RuntimeError: no" in str(replayed.error)
    assert ["failed"] == [event.kind for event in replayed.trace.events[-1:]]
    assert [] == replayed.trace.of("crashed")


@pytest.mark.parametrize("node_class", [node(8), LaterNode], ids=["step 8", "later"])
def test_search_and_replay_are_in_the_same_state(node_class: type) -> None:
    """At the end of a run that a search found, real nodes have the same fields, timers, messages and facts as its state."""
    search = Search(node_class, logs={"jerry": "1 set y 9"}, terms={"jerry": 1})
    scope = Scope(timeouts={"election": 2}, crashes=1, commands=("set x 1",), duplicates=1)
    for goal in (leader(term=2), leader("jerry") & committed("set x 1")):
        result = search.run(scope, goal=goal)
        assert result.schedule is not None
        (_, state), replayed = result.ends[0], result.replay()
        table, n, now = search.table, len(search.servers), replayed.view()
        for i, seen in enumerate(now):
            what = table.server_states[state[i]]
            assert (what.up, what.timers) == (seen.node is not None, seen.timers)
            assert table.server_view(state[i]).log == seen.log
            if seen.node is not None:
                assert what.fields == table._fields(seen.node)
        ours = sorted(repr(table.packet_view(packet)) for packet in state[n + 2 :])
        assert ours == sorted(map(repr, now.in_flight))
        assert table.histories[state[n]] == now.facts


def test_every_event_is_described() -> None:
    """A loss, a crash and a restart have sentences too; a message that is not in flight is refused as in a replay."""
    begin = "raft-steps-schedule 1; step 8; timeout tom election; drop tom>jerry#1; crash jerry; restart jerry; forget"
    lines = describe(Schedule.parse(begin), node(8))

    assert [
        "tom>jerry#1, RequestVote(term=1), is lost",
        "jerry crashes",
        "jerry restarts with what its disk holds",
        "all messages in flight are lost, 1 of them",
    ] == lines[1:]
    with pytest.raises(ScenarioError, match="deliver tom>spike#1, cannot happen"):
        describe(Schedule.parse(f"{begin}; deliver tom>spike#1"), node(8))


def test_deleted_entries_are_described() -> None:
    """The sentence of a delivery reports the entries that the receiver deletes for it, and those that it stores."""
    search = Search(LaterNode, logs={"tom": "2 set x 1", "jerry": "1 set y 9"})
    found = search.run(Scope(timeouts={"tom election": 3}, cut=("spike",)), goal=holds("jerry", "2 set x 1"))

    assert "it deletes all after 0, it stores 2 set x 1 at 1" in str(found)


def test_picture_without_a_broken_invariant_has_no_mark() -> None:
    """A run that breaks nothing can be drawn as well."""
    replayed = run_schedule("raft-steps-schedule 1; step 8; timeout tom election")

    assert [] == replayed.breaks
    assert "Space-time diagram" in replayed.timeline().to_html()


def test_predicate_about_an_unknown_server_is_refused() -> None:
    """The error names the servers that there are."""
    with pytest.raises(ScenarioError, match="no server 'butch'; there are tom, jerry"):
        run_schedule(LINE, invariants=[down("butch")])


def test_empty_schedule_starts_the_servers() -> None:
    """The replay of a schedule without events starts all servers, and no more."""
    replay = Replay(Schedule(), node(8)).run()

    assert ["started"] * 3 == [event.kind for event in replay.trace.of("started")]
    assert replay.view().leaders() == []
