"""Step 13: a client may ask again. One test for each sentence of the step's docstring and of Section 8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Mismatch, NotLeader, Ok, SessionExpired, parse_command
from raft_steps.lab.log import Entry
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.linearizability import check_linearizable
from tests.checks.wrong_nodes.step_13 import EverythingIsCarriedOut, ExpiresByItsTimer, FilteredBeforeTheLog
from tests.helpers.runs import changed, lone

TENTH = {"delay": (0.1, 0.1)}  # every message takes a tenth of a second


def settled(step_or_node: Any) -> Cluster:
    """Return a cluster in which tom leads in term 1, and no message is on its way."""
    return Cluster(step_or_node, draws={"tom": [8], "jerry": [12], "spike": [18]}, network=TENTH).run(10)


def applied(*commands: str) -> Any:
    """Return a node of step 13 that has applied these commands, from index 1 on."""
    tom = lone(13)
    for entry in entries(*commands):
        tom.apply(entry)
    return tom


def entries(*commands: str) -> list[Entry]:
    """Return entries with these commands, from index 1 on."""
    parsed: list[Any] = [parse_command(command) for command in commands]
    return [Entry(index=index, term=1, command=command) for index, command in enumerate(parsed, 1)]


def overtaken(step_or_node: Any) -> Cluster:
    """Let ann's first request be carried out without an answer; two reads and another write come before she asks again."""
    cluster = settled(step_or_node)
    cluster.retry("set x 1", "ann", at=10)
    cluster.crash("tom", at=10.35)
    cluster.get("x", at=22.8)
    cluster.set("x", 2, at=22.9)
    cluster.get("x", at=23.5)
    cluster.run(until=25)
    return cluster


def test_retry_of_step_12_undoes_a_later_write() -> None:
    """The notebook's failure: in step 12 the value goes back, and no order of the requests explains the answers."""
    cluster = overtaken(12)

    assert Ok(value="1") == cluster.get("x")
    assert "violated" == check_linearizable(cluster.history()).verdict
    assert () == cluster.violations


def test_retry_in_a_session_changes_nothing() -> None:
    """In step 13 the entry is in the log twice, and is carried out once."""
    cluster = overtaken(13)

    assert Ok(value="2") == cluster.get("x")
    assert "ok" == check_linearizable(cluster.history()).verdict
    assert 2 == cluster.log("jerry").count("1 set x 1 as 2.1") + cluster.log("jerry").count("2 set x 1 as 2.1")


def test_append_without_a_session_is_done_twice() -> None:
    """What a session is for: a client without one appends twice."""
    found = {}
    for session, crash_at in (("", 10.15), ("ann", 10.35)):
        cluster = settled(13)
        cluster.crash("tom", at=crash_at)
        found[session] = cluster.retry("append x !", session), cluster.get("x")

    assert {"": (Ok(value="!!"),) * 2, "ann": (Ok(value="!"),) * 2} == found


def test_session_is_numbered_by_its_entry() -> None:
    """A session has the index of the entry that opened it as its number, and no command at first."""
    tom = applied("open session", "set x 1", "open session")

    assert {1: (0, Ok(value="1")), 3: (0, Ok(value="3"))} == tom.sessions
    assert [Ok(value="1"), Ok(), Ok(value="3")] == list(tom.responses.values())


def test_each_number_is_carried_out_once() -> None:
    """A number that is equal to the last one gets its response again; a larger one is new; a smaller one is too late."""
    tom = applied(
        "open session", "append x 1 as 1.1", "append x 1 as 1.1", "append x 2 as 1.3", "append x 1 as 1.2", "get x"
    )

    assert {"x": "12"} == tom.state_machine
    assert [Ok(value="1"), Ok(value="1"), Ok(value="12"), SessionExpired()] == list(tom.responses.values())[1:5]


def test_response_is_kept_whatever_it_is() -> None:
    """A compare-and-set that has failed fails again, although the key now holds what it expects."""
    tom = applied("open session", "cas x 1 2 as 1.1", "set x 1", "cas x 1 2 as 1.1", "cas x 1 2 as 1.2", "get x")

    assert [Mismatch(value=None), Ok(), Mismatch(value=None), Ok()] == list(tom.responses.values())[1:5]
    assert {"x": "2"} == tom.state_machine


def test_session_used_last_stays_longest() -> None:
    """If there are more than sessions_max, the one that was not used for longest expires."""
    tom = changed(13, sessions_max=2)(name="tom", servers=("tom",), random=lone(13).random)
    for entry in entries("open session", "open session", "set x 1 as 1.1", "open session", "set x 2 as 2.1"):
        tom.apply(entry)

    assert [1, 4] == list(tom.sessions)
    assert SessionExpired() == tom.responses[5]
    assert {"x": "1"} == tom.state_machine


def test_follower_names_the_leader_that_it_has_heard_from() -> None:
    """A follower names the leader that has called last, even if it has crashed; before any call, nobody."""
    assert NotLeader(leader=None) == Cluster(13).get("x", to="jerry")
    cluster = settled(13)
    assert [NotLeader(leader="tom")] * 2 == [cluster.get("x", to=name) for name in ("jerry", "spike")]

    cluster.crash("tom")
    assert NotLeader(leader="tom") == cluster.get("x", to="jerry")
    cluster.run(20)
    assert NotLeader(leader="jerry") == cluster.get("x", to="spike")


def test_client_follows_the_hint() -> None:
    """A client that asks a follower is sent to the leader, and asks nobody else."""
    cluster = settled(13)

    assert Ok(value="1") == cluster.retry("append x 1", to="spike")
    assert ["spike", "tom"] == [event.server for event in cluster.trace.of("asked")]


def test_commands_of_a_client_wait_for_each_other() -> None:
    """A client sends one command of its session at a time, in order."""
    cluster = settled(13)
    for number in range(1, 4):
        cluster.retry(f"append x {number}", "ann", at=10)
    cluster.run(until=12)

    assert Ok(value="123") == cluster.get("x")
    assert ["2.1", "2.2", "2.3"] == [line.rpartition(" ")[2] for line in cluster.log("tom")[2:]]


def test_responses_are_kept_no_longer_than_needed() -> None:
    """The responses of applied entries are gone when the clients have them, also on followers."""
    cluster = settled(13)
    cluster.retry("append x 1", "ann")
    cluster.run(6)

    assert [{}] * 3 == [cluster.node(name).responses for name in cluster.servers]
    assert 1 == len({str(cluster.node(name).sessions) for name in cluster.servers})


def test_expiry_by_a_clock_makes_states_differ() -> None:
    """The notebook's exercise: a server that has restarted carries out what the others refuse; the logs are equal."""
    cluster = settled(ExpiresByItsTimer)
    cluster.retry("append x 1", "ann")
    cluster.run(2)
    cluster.crash("spike", at=60)
    cluster.restart("spike", at=60.5)
    cluster.ask("append x 2 as 2.2", at=80)
    cluster.run(until=90)
    states = {name: cluster.node(name).state_machine for name in cluster.servers}

    assert {"tom": {"x": "1"}, "jerry": {"x": "1"}, "spike": {"x": "12"}} == states
    assert 1 == len({str(cluster.log(name)) for name in cluster.servers})


def with_sessions(scenario: Scenario) -> Scenario:
    """Return a scenario whose writes are appends of three clients that ask again, each in its session."""
    actions = tuple(
        replace(action, verb="retry", words=("append", *action.words[:2], "as", f"c{number % 3}"))
        if action.verb == "set"
        else action
        for number, action in enumerate(scenario.actions)
    )
    return replace(scenario, actions=actions)


@pytest.mark.parametrize("profile", ["lossy", "crashes", "disks", "reelections"])
def test_histories_with_retries_are_linearizable(profile: str) -> None:
    """Clients that ask again have their commands carried out once each, while servers crash and messages get lost."""
    for seed in range(4):
        assert "" == wrong_with(node(13), profile, seed), seed


@pytest.mark.parametrize(
    "node_class, profile, seeds",
    [(EverythingIsCarriedOut, "crashes", [1]), (FilteredBeforeTheLog, "crashes", [10])],
)
def test_wrong_filters_are_found(node_class: type, profile: str, seeds: Sequence[int]) -> None:
    """The same runs find a Node that carries out a command twice."""
    assert any(wrong_with(node_class, profile, seed) for seed in seeds)


def wrong_with(node_class: type, profile: str, seed: int) -> str:
    """Run a scenario of a profile with retrying clients; return what is wrong with it, "" if nothing is.

    Reads are left out: until step 14, a deposed leader may answer them from its past.
    """
    cluster = Cluster.replay(with_sessions(adversity(13, profile, seed, seconds=8)), node_class)
    history = cluster.history()
    writes = tuple(op for op in history if op.action != "get")
    assert any(op.action == "append" and op.outcome == "ok" for op in writes), "no client was answered"
    result = check_linearizable(replace(history, operations=writes))
    return "; ".join([*map(str, cluster.violations), *([] if result.verdict == "ok" else [str(result)])])


def test_no_answer_is_no_session() -> None:
    """A request without a client's name is not asked again."""
    cluster = settled(13)
    cluster.crash("tom", at=10.15)

    assert isinstance(cluster.append("x", 1), NoAnswer)
    assert 1 == len(cluster.trace.of("asked"))
