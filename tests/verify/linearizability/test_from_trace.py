"""Histories of clusters: what the clients of a run asked and heard, and whether one server could have answered so."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import pytest

from raft_steps.lab import Cluster
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.linearizability import History, HistoryError, check_linearizable, history_of_trace
from raft_steps.step_01_key_value_store import Node as Step1
from raft_steps.step_08_election_timeout_reset import Node as Step8

DRAWS = {"jerry": [9], "spike": [14]}


def two_leaders() -> Cluster:
    """Run step 8 until tom, cut off, still believes to lead, and jerry does."""
    cluster = Cluster(8, leader="tom", draws=DRAWS)
    cluster.set("x", 1)
    cluster.partition("tom")
    cluster.run(until=lambda: cluster.leader == "jerry")
    return cluster


def test_stale_read_of_a_deposed_leader_is_found() -> None:
    """Step 8 lets a leader that was cut off answer with an old value: three operations that no order explains."""
    cluster = two_leaders()
    assert cluster.set("x", 2) == Ok()
    cluster.run(2)
    assert cluster.get("x", to="tom") == Ok(value="1")
    result = check_linearizable(cluster.history())

    assert "violated" == result.verdict
    assert ["set x 1", "set x 2", "get x → 1"] == [op.told for op in result.failing]
    assert (
        "get x by client#3 returned 1 although set x 2 by client#2 had been answered 2 s before it was asked"
        == str(result).splitlines()[-1]
    )


def test_read_at_the_same_moment_as_the_answer_is_found() -> None:
    """What a run does at one moment has an order, too: a read that follows an answer at once is not concurrent."""
    cluster = two_leaders()
    cluster.set("x", 2)
    cluster.get("x", to="tom")

    assert "violated" == check_linearizable(cluster.history()).verdict


def test_read_of_the_new_leader_is_linearizable() -> None:
    """The same run with the read at the right server is fine."""
    cluster = two_leaders()
    cluster.set("x", 2)
    assert cluster.get("x") == Ok(value="2")
    result = check_linearizable(cluster.history())

    assert "ok" == result.verdict
    assert ["set x 1", "set x 2", "get x → 2"] == [op.told for op in result.order]


def test_outcomes() -> None:
    """Whom a follower sent away has failed; who heard nothing does not know; who found a server down never asked."""
    cluster = two_leaders()
    assert cluster.get("x", to="spike") == NotLeader()
    cluster.set("x", 3, to="tom")
    cluster.crash("spike")
    cluster.set("x", 4, to="spike")
    history = cluster.history()

    assert ["set x 1", "get x failed", "set x 3 ?"] == [op.told for op in history]
    assert ["ok", "failed", "unknown"] == [op.outcome for op in history]
    assert ["the network parts: tom | jerry spike", "spike crashes"] == [mark.text for mark in history.marks]
    assert "ok" == check_linearizable(history).verdict


class Undecided(Step8):
    """A leader that stores a write and then says that it does not lead."""

    def write(self, client: str, command: Any) -> None:
        super().write(client, command)
        self.open_writes.pop(client, None)
        self.acknowledgements.pop(client, None)
        self.reply(client, NotLeader())


def test_refusal_after_storing_is_no_promise() -> None:
    """A server that says NotLeader after it stored the command has not said that it will never happen."""
    cluster = Cluster(Undecided, leader="tom")
    cluster.set("x", 1)
    cluster.get("x", to="jerry")

    assert ["unknown", "failed"] == [op.outcome for op in cluster.history()]


def test_request_that_waited_at_a_paused_server_is_as_old_as_it_is() -> None:
    """A read that reached a paused server may see what was there when it was made; one made later may not."""
    cluster = Cluster(8, leader="tom", draws=DRAWS)
    cluster.set("x", 1)
    cluster.pause("tom")
    cluster.get("x", to="tom")
    cluster.run(until=lambda: cluster.leader == "jerry")
    cluster.set("x", 2)
    cluster.resume("tom")
    cluster.get("x", to="tom")
    cluster.run(0.001)
    history = cluster.history()
    result = check_linearizable(history)
    waited = history.operations[1]

    assert ("client#2", "get x → 1") == (waited.client, waited.told)
    assert waited.called < history.operations[2].called < (waited.returned or 0)
    assert ["client#1", "client#3", "client#4"] == [op.client for op in result.failing]
    assert "ok" == check_linearizable(History(history.operations[:3])).verdict


def test_without_a_scenario_a_waiting_request_is_as_old_as_the_pause() -> None:
    """A trace that has lost its scenario gives the request its greatest age, so nothing is called stale without need."""
    cluster = Cluster(8, leader="tom", draws=DRAWS)
    cluster.set("x", 1)
    cluster.pause("tom")
    cluster.run(1)
    cluster.get("x", to="tom")
    cluster.resume("tom")
    cluster.run(0.001)
    trace = Trace.from_text(cluster.trace.to_text())
    exact = history_of_trace(trace).operations[1].called
    trace.scenario = ""
    guessed = history_of_trace(trace).operations[1].called
    (pause,) = trace.of("paused")

    assert guessed == pause.time_us
    assert exact == pause.time_us + 1_000_000


class Forgetful(Step1):
    """A store that loses its data at the third write."""

    writes: int = 0
    lost: list[str] = field(default_factory=list)

    def on_client_request(self, client: str, request: Any) -> None:
        self.writes += 1
        if self.writes == 3:
            self.state_machine.clear()
        super().on_client_request(client, request)


def test_one_server_is_linearizable_and_a_forgetful_one_is_not() -> None:
    """Step 1's store keeps its word; one that loses a value is found out."""
    for node, verdict in ((Step1, "ok"), (Forgetful, "violated")):
        cluster = Cluster(node)
        cluster.set("x", 1)
        cluster.set("y", 2)
        cluster.get("x")
        cluster.delete("y")
        cluster.get("y")

        assert verdict == check_linearizable(cluster.history()).verdict


def test_what_the_disks_hold_at_first_may_be_read() -> None:
    """A value that was on a disk before the run is no value from nowhere, and one that was on none is."""
    cluster = Cluster(2, leader="tom", logs={"tom": "1 set x 0", "jerry": "1 set x 0; 1 delete x"})
    assert cluster.get("x") == Ok(value="0")
    history = cluster.history()

    assert ["set x 0 ?", "delete x ?", "get x → 0"] == [op.told for op in history]
    assert "ok" == check_linearizable(history).verdict
    assert "violated" == check_linearizable(History(history.operations[2:])).verdict


@pytest.mark.slow
def test_calm_runs_are_linearizable() -> None:
    """With a leader that stays, what the clients of step 8 see is linearizable, whatever the seed."""
    for seed in range(20):
        cluster = Cluster(8, 5, seed=seed, leader="tom", timing="paper")
        for number in range(10):
            cluster.set(f"k{number % 3}", number)
            cluster.get(f"k{(number + seed) % 3}")

        assert "ok" == check_linearizable(cluster.history()).verdict


def test_request_without_a_word_is_refused() -> None:
    """A trace in which a client asks what no history can say is refused, with the client's name."""
    trace = Trace(("tom",))
    trace.add(0, "asked", "tom", {"client": "client#1", "request": "fly x"})

    with pytest.raises(HistoryError, match="client#1 asked 'fly x'"):
        history_of_trace(trace)
