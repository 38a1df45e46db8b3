"""Tests of the cluster: its verbs act at once, and add up to a scenario that can be run again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps import STEPS, node
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.errors import ScenarioError
from tests.helpers.runs import changed, rich_run

SERVERS = ("tom", "jerry", "spike")
NAME = st.sampled_from(SERVERS)
TARGET = st.sampled_from([*SERVERS, "leader", "followers", "crashed"])
TIME = st.none() | st.integers(0, 30)
# What can be done with a cluster: a verb, its argument, and in how many seconds (None: now).
STEPS_BY_HAND = st.lists(
    st.tuples(st.sampled_from(["crash", "restart", "pause", "resume", "partition"]), TARGET, TIME)
    | st.tuples(st.just("heal"), st.none(), TIME)
    | st.tuples(st.just("cut"), st.permutations(SERVERS), TIME)
    | st.tuples(st.just("drop"), st.integers(1, 40), st.none())
    | st.tuples(st.sampled_from(["set", "get", "delete"]), st.text(max_size=3), st.none() | NAME)
    | st.tuples(st.just("run"), st.sampled_from([0, 1, 5, 11, 12, 0.25]), st.none())
    | st.tuples(st.just("wait"), st.sampled_from(["leader", "message"]), st.none()),
    max_size=12,
)


def do(cluster: Cluster, deed: tuple[str, Any, Any]) -> None:
    """Do one thing with a cluster."""
    verb, whom, when = deed
    if verb == "run":
        cluster.run(whom)
    elif verb == "wait":
        before = len(cluster.trace.of("delivered"))
        done = {
            "leader": lambda: cluster.leader is not None,
            "message": lambda: len(cluster.trace.of("delivered")) > before,
        }
        cluster.run(20, until=done[whom])
    elif verb in ("get", "delete"):
        getattr(cluster, verb)(whom, to=when)
    elif verb == "set":
        cluster.set(whom, whom, to=when)
    elif verb == "drop":
        cluster.drop(f"tom>jerry#{whom}")
    else:
        words = {"heal": (), "cut": whom[:2] if whom else ()}.get(verb, (whom,))
        getattr(cluster, verb)(*words, at=None if when is None else cluster.time + when)


@settings(deadline=None)
@given(
    step=st.integers(2, 8),
    seed=st.integers(0, 99),
    draws=st.sampled_from([{}, {"tom": [12], "jerry": [12]}]),
    deeds=STEPS_BY_HAND,
)
def test_run_by_hand_can_be_replayed(
    step: int, seed: int, draws: dict[str, list[float]], deeds: list[tuple[str, Any, Any]]
) -> None:
    """Whatever is done with a cluster, in any order, its scenario gives the same trace, byte for byte.

    Actions happen at whole seconds, as timers do, so that many things happen at the same moment.
    """
    cluster = Cluster(step, SERVERS, seed=seed, draws=draws)
    for deed in deeds:
        do(cluster, deed)
    expected = cluster.trace.to_text()

    assert expected == Cluster.replay(cluster.scenario.to_text()).trace.to_text()
    assert expected == Cluster.replay(cluster.scenario.to_json()).trace.to_text()


@pytest.mark.parametrize("step", [entry.number for entry in STEPS])
def test_rich_run_can_be_replayed(step: int) -> None:
    """A long run with every kind of fault can be replayed, in every step."""
    cluster = rich_run(step)

    assert cluster.trace.to_text() == Cluster.replay(cluster.scenario).trace.to_text()


def test_action_comes_first_at_its_time() -> None:
    """A crash at 12 s comes before the timer that runs out at 12 s, by hand and in a replay."""
    cluster = Cluster(4, draws={"tom": [12], "jerry": [15], "spike": [17]})
    cluster.run(until=12)
    cluster.crash("tom")
    cluster.run(2)

    assert [] == cluster.trace.of("timer_fired")
    assert [] == Cluster.replay("raft-steps 1; step 4; draws tom 12; at 12 crash tom; until 14").trace.of(
        "timer_fired", server="tom"
    )


def test_last_action_is_part_of_the_scenario() -> None:
    """An action at the very end, after which no time passed, is repeated by a replay."""
    cluster = Cluster(4)
    cluster.run(3)
    cluster.crash("tom")
    again = Cluster.replay(cluster.scenario)

    assert [3.0] == [event.seconds for event in again.trace.of("crashed")]


def test_replayed_cluster_can_be_used() -> None:
    """A replayed cluster can be used like any other."""
    cluster = Cluster.replay("raft-steps 1; step 8; at 5 crash tom; until 6")
    cluster.restart("tom")

    assert ["crash", "restart"] == [action.verb for action in cluster.scenario.actions]
    assert cluster.run(30).leader


def test_replay_runs_a_class() -> None:
    """A scenario of a learner's class is replayed with that class."""
    cluster = Cluster(changed(8), 3)
    cluster.run(20)

    assert "your Node" == cluster.trace.title
    assert cluster.trace.to_text() == Cluster.replay(cluster.scenario, cluster.node("tom").__class__).trace.to_text()


def test_replay_runs_another_step_by_its_number() -> None:
    """A number selects a step's Node, as it does when a cluster is built, and becomes part of the scenario."""
    scenario = "raft-steps 1; step 6; leader tom; at 6 crash tom; until 40"
    again = Cluster.replay(scenario, 8)

    assert Cluster.replay(scenario, node(8)).trace.events == again.trace.events
    assert ("step 8", 8) == (again.trace.title, again.scenario.step)
    assert again.trace.to_text() == Cluster.replay(again.scenario).trace.to_text()


@pytest.mark.parametrize(
    "given, complaint",
    [(99, "there is no step 99"), ("8", "a cluster takes a step number or a Node class, not '8'")],
)
def test_replay_refuses_what_it_cannot_run(given: Any, complaint: str) -> None:
    """An unknown step, and a value that is neither a number nor a Node class, are refused."""
    with pytest.raises(ScenarioError, match=complaint):
        Cluster.replay("raft-steps 1; step 6; until 5", given)


# Clients.


def test_client_writes_reads_and_deletes() -> None:
    """The three requests are answered by the leader; values are text."""
    cluster = Cluster(3)

    assert Ok() == cluster.set("x", 1)
    assert Ok(value="1") == cluster.get("x")
    assert Ok() == cluster.delete("x")
    assert Ok(value=None) == cluster.get("x")


def test_follower_refuses_clients() -> None:
    """A server that does not lead answers NotLeader."""
    assert NotLeader() == Cluster(3).set("x", 1, to="jerry")


@pytest.mark.parametrize(
    "prepare, to, why",
    [
        (lambda cluster: None, "jerry", ""),
        (lambda cluster: cluster.crash("tom"), "tom", "tom is down"),
        (lambda cluster: cluster.crash("tom"), None, "nobody leads"),
        (lambda cluster: cluster.crash("tom", "jerry", "spike"), None, "all servers are down"),
        (lambda cluster: cluster.crash("followers"), None, "no response within 20 s"),
        (lambda cluster: cluster.pause("tom"), None, "no response within 20 s"),
    ],
)
def test_client_without_an_answer_gets_the_reason(prepare: Any, to: str | None, why: str) -> None:
    """A client without an answer gets the reason, and does not retry."""
    cluster = Cluster(3)
    prepare(cluster)
    answer = cluster.set("x", 1, to=to)

    assert (NoAnswer(why) if why else NotLeader()) == answer
    assert 1 == len([action for action in cluster.scenario.actions if action.verb == "set"])


def test_client_of_a_single_server_that_is_down() -> None:
    """A single server has no leader: the answer and the trace report that it is down."""
    cluster = Cluster(1)
    cluster.crash("tom")

    assert NoAnswer("tom is down") == cluster.get("x")
    assert "get x: tom is down, so nobody can be asked" == cluster.trace.events[-1]["text"]


def test_client_of_a_fast_cluster_waits_two_seconds() -> None:
    """With the paper's timing, a client waits a tenth of the time."""
    cluster = Cluster(3, timing="paper")
    cluster.crash("followers")

    assert NoAnswer("no response within 2 s") == cluster.set("x", 1)
    assert 2.0 == cluster.time


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "a;b", "'", '"', "\\", "\n", "\r", "é", "to", "|", "#", "\u2028", "-"]
)
def test_any_text_can_be_key_and_value(text: str) -> None:
    """Any text can be stored and read, also in a replay."""
    cluster = Cluster(2)
    cluster.set(text, text)

    assert Ok(value=text) == cluster.get(text)
    assert cluster.trace.to_text() == Cluster.replay(cluster.scenario.to_text()).trace.to_text()


def test_key_and_value_become_text() -> None:
    """A number as a key is stored as text, as values are."""
    cluster = Cluster(1)
    cluster.set(1, 2)  # type: ignore[arg-type]

    assert Ok(value="2") == cluster.get("1")


# State.


def test_leader_is_the_running_leader_of_the_highest_term() -> None:
    """The leader is the running leader of the highest term; a single server is always the leader."""
    assert "tom" == Cluster(1).leader
    cluster = Cluster(2)
    assert ("tom", ["tom"]) == (cluster.leader, cluster.leaders)
    cluster.crash("tom")

    assert (None, []) == (cluster.leader, cluster.leaders)


def test_log_of_a_crashed_server_is_on_its_disk() -> None:
    """A server that is down has no node, but its log can be read from its disk."""
    cluster = Cluster(2)
    cluster.set("x", "a b")
    cluster.crash("tom")

    assert ["0 set x 'a b'"] == cluster.log("tom")
    with pytest.raises(ScenarioError, match="tom is down; a server that does not run has no node"):
        cluster.node("tom")


@pytest.mark.parametrize("look", ["node", "log"])
def test_unknown_server_is_refused(look: str) -> None:
    """An unknown server is refused with a suggestion."""
    with pytest.raises(ScenarioError, match=r"there is no server 'jery'; did you mean 'jerry'\?"):
        getattr(Cluster(2), look)("jery")


def test_cluster_without_recording_has_no_trace() -> None:
    """Without recording there is no trace and there are no violations, and the error names the reason."""
    with pytest.raises(ScenarioError, match="it was built with record=False"):
        _ = Cluster(2, record=False).trace
    with pytest.raises(ScenarioError, match="it was built with record=False"):
        _ = Cluster(2, record=False).violations


# Running.


def test_run_takes_seconds_a_time_or_a_condition() -> None:
    """A run takes a number of seconds, a time, or a condition with a longest wait, and returns the cluster."""
    cluster = Cluster(4)

    assert 10.0 == cluster.run().time
    assert 12.5 == cluster.run(2.5).time
    assert 20.0 == cluster.run(until=20).time
    assert 20.0 == cluster.run(until=3).time
    assert 25.0 == cluster.run(5, until=lambda: False).time


def test_condition_is_checked_after_every_event() -> None:
    """A run with a condition stops right after the event that made it true."""
    cluster = Cluster(4)
    cluster.run(until=lambda: cluster.leader is not None)

    assert "role" == cluster.trace.of("role", "timer_fired")[-1].kind
    assert cluster.time == pytest.approx(cluster.trace.of("role")[-1].seconds, abs=2e-6)


def test_scheduled_actions_happen_at_their_time() -> None:
    """An action with a time happens at that time, whatever is done in between."""
    cluster = Cluster(4)
    cluster.restart("tom", at=9)
    cluster.crash("tom", at=3)
    cluster.run(20)

    assert [(3.0, "crashed"), (9.0, "restarted")] == [
        (e.seconds, e.kind) for e in cluster.trace.of("crashed", "restarted")
    ]


def test_torn_write_crashes_the_server() -> None:
    """A server whose next write is torn is down after it, and can restart."""
    cluster = Cluster(8)
    cluster.tear("tom")
    cluster.run(30)
    cluster.restart("tom")

    assert "tear tom" in cluster.scenario.to_text()
    assert ["tom"] == [event.server for event in cluster.trace.of("crashed")]
    assert ["tom"] == [event.server for event in cluster.trace.of("restarted")]


def test_targets_are_resolved_at_the_time_of_the_action() -> None:
    """Leader, followers and crashed refer to the servers at the time of the action."""
    cluster = Cluster(8)
    cluster.crash("leader", at=30)
    cluster.restart("crashed", at=40)
    cluster.run(29)
    leader = cluster.leader
    cluster.run(20)

    assert [leader] == [event.server for event in cluster.trace.of("crashed")]
    assert [leader] == [event.server for event in cluster.trace.of("restarted")]


def test_action_without_effect_is_noted() -> None:
    """An action without effect leaves a note in the trace."""
    cluster = Cluster(4)
    cluster.crash("leader")
    cluster.restart("tom")

    assert ["crash leader: there is none", "restart tom: it is so already"] == [
        e["text"] for e in cluster.trace.of("note")
    ]


def test_partition_has_sides() -> None:
    """The servers that are not listed form one more side."""
    cluster = Cluster(4, 5)
    cluster.partition("tom", ["jerry", "spike"])

    assert [[["tom"], ["jerry", "spike"], ["tyke", "butch"]]] == [e["sides"] for e in cluster.trace.of("partitioned")]


# Errors.


@pytest.mark.parametrize(
    "arguments, options, complaint",
    [
        ((99,), {}, f"there is no step 99; the course has steps 1 to {len(STEPS)}"),
        ((True,), {}, "a cluster takes a step number or a Node class, not True"),
        (("8",), {}, "a cluster takes a step number or a Node class, not '8'"),
        ((int,), {}, "a cluster takes a step number or a Node class, not <class 'int'>"),
        ((8, 0), {}, "a cluster has at least one server, not 0"),
        ((8, 2.5), {}, "servers must be a list of names, such as"),
        ((8, ["a", "a"]), {}, "servers need different names, not a a"),
        ((8, [1, 2]), {}, "a server cannot be called 1"),
        ((8,), {"seed": "x"}, "a seed is a whole number, not 'x'"),
        ((8,), {"leader": "bob"}, "there is no server 'bob'"),
        ((8,), {"logs": "tom"}, "logs is a dictionary"),
        ((8,), {"logs": {"tom": 3}}, "a log is text"),
        (
            (8,),
            {"logs": {"tom": "set x 1"}},
            "a log entry is a term and a command, such as '1 set x 1', not 'set x 1'",
        ),
        ((8,), {"logs": {"tom": [(1, "set x 1")]}}, "a log entry is a term and a command"),
        ((8,), {"logs": {"bob": "1 set x 1"}}, "there is no server 'bob'"),
        ((8,), {"draws": {"tom": 3}}, "the draws of tom are a list of numbers of seconds"),
        ((8,), {"draws": {"tom": [-1]}}, "the draws of tom are numbers of seconds above 0"),
        ((8,), {"later": ["bob"]}, "there is no server 'bob'"),
        ((8,), {"later": 3}, "later must be a list of names"),
        ((8,), {"timing": "fast"}, "there is no timing 'fast'; there are post, paper"),
        ((8,), {"network": {"speed": 1}}, "a network has delay, spread, loss, duplicate, reorder, but no 'speed'"),
        ((8,), {"network": 3}, "network is a dictionary"),
        ((8,), {"network": {"delay": 3}}, "delay needs a low and a high number of seconds"),
        ((8,), {"network": {"loss": 2}}, "loss is a share of messages"),
    ],
)
def test_invalid_argument_is_refused(arguments: tuple[Any, ...], options: dict[str, Any], complaint: str) -> None:
    """An invalid argument is refused, and the error says what would be valid."""
    with pytest.raises(ScenarioError) as caught:
        Cluster(*arguments, **options)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "verb, arguments, complaint",
    [
        ("crash", (), "crash needs at least one server; the form is: crash SERVER…"),
        ("crash", ("bob",), "there is no server 'bob'"),
        ("crash", (3,), "a server is given by its name, not 3"),
        ("restart", (["tom", "jerry"],), "a server is given by its name, not ['tom', 'jerry']"),
        ("partition", (["tom"], ["tom", "jerry"]), "names a server twice"),
        ("cut", ("tom", "tom"), "a server has no link to itself"),
        ("drop", ("tom>jerry",), "the form is: drop MESSAGE, such as tom>jerry#7"),
        ("hold", ("tom>jerry#1", "soon"), "SECONDS are above 0; the form is: hold MESSAGE SECONDS"),
        ("duplicate", ("tom",), "the form is: duplicate MESSAGE"),
        ("loss", (2,), "a share is from 0 to 1"),
        ("delay", (2, 1), "LOW is from 0 to HIGH"),
        ("timeout", ("bob",), "there is no server 'bob'"),
        ("run", ("x",), "'x' is not a number of seconds"),
        ("run", (-1,), "-1 s lies before the start"),
    ],
)
def test_invalid_action_is_refused(verb: str, arguments: tuple[Any, ...], complaint: str) -> None:
    """An invalid action is refused with its expected form; nothing is done, and the scenario does not change."""
    cluster = Cluster(8)
    with pytest.raises(ScenarioError) as caught:
        getattr(cluster, verb)(*arguments)

    assert complaint in str(caught.value)
    assert () == cluster.scenario.actions


def test_past_cannot_be_changed() -> None:
    """An action cannot be scheduled in the past."""
    cluster = Cluster(8).run(5)

    with pytest.raises(ScenarioError, match="crash at 4 s: that is in the past, it is 5 s"):
        cluster.crash("tom", at=4)


def test_names_can_be_one_string() -> None:
    """Names in one string are separated at spaces."""
    assert ("tom", "jerry") == Cluster(4, "tom jerry").servers


def test_network_can_come_from_json() -> None:
    """A delay can be a list, as in JSON."""
    assert (0.1, 0.2) == Cluster(4, network={"delay": [0.1, 0.2]}).scenario.delay


def test_class_has_suitable_defaults() -> None:
    """A learner's class gets the number of servers and the leader that suit its methods."""
    assert (1, "tom") == (len(Cluster(changed(1)).servers), Cluster(changed(1)).leader)
    assert "tom" == Cluster(changed(3)).leader
    assert Cluster(changed(4)).leader is None


def test_scenario_of_a_class_names_no_step() -> None:
    """A scenario names a step only if the cluster was built with its number."""
    assert 8 == Cluster(8).scenario.step
    assert Cluster(node(8)).scenario.step is None
