"""Histories of runs: what clients asked and were answered, and whether one server could have answered so."""

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
    """Run step 8 until jerry leads while tom, cut off, still believes to lead."""
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
    assert ["set x 1", "set x 2", "get x → 1"] == [op.description for op in result.failing]
    assert (
        "get x by client#3 returned 1 although set x 2 by client#2 had been answered 2 s before it was asked"
        == str(result).splitlines()[-1]
    )


def test_read_at_the_same_moment_as_the_answer_is_found() -> None:
    """Events at one moment have an order, too: a read that follows an answer at once is not concurrent with it."""
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
    assert ["set x 1", "set x 2", "get x → 2"] == [op.description for op in result.order]


def test_outcomes() -> None:
    """A refused request has failed; one without an answer is unknown; one to a server that is down is not an operation."""
    cluster = two_leaders()
    assert cluster.get("x", to="spike") == NotLeader()
    cluster.set("x", 3, to="tom")
    cluster.crash("spike")
    cluster.set("x", 4, to="spike")
    history = cluster.history()

    assert ["set x 1", "get x failed", "set x 3 ?"] == [op.description for op in history]
    assert ["ok", "failed", "unknown"] == [op.outcome for op in history]
    assert ["the network is partitioned: tom | jerry spike", "spike crashes"] == [mark.text for mark in history.marks]
    assert "ok" == check_linearizable(history).verdict


class Undecided(Step8):
    """A leader that stores a write and then answers that it does not lead."""

    def write(self, client: str, command: Any) -> None:
        super().write(client, command)
        self.open_writes.pop(client, None)
        self.acknowledgements.pop(client, None)
        self.reply(client, NotLeader())


def test_refusal_after_storing_is_unknown() -> None:
    """A request that is answered with NotLeader after its command was stored may still take effect."""
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

    assert ("client#2", "get x → 1") == (waited.client, waited.description)
    assert waited.called_us < history.operations[2].called_us < (waited.returned_us or 0)
    assert ["client#1", "client#3", "client#4"] == [op.client for op in result.failing]
    assert "ok" == check_linearizable(History(history.operations[:3])).verdict


def test_without_a_scenario_a_waiting_request_is_as_old_as_the_pause() -> None:
    """Without a scenario the request gets the greatest possible age, so that no answer is called stale without proof."""
    cluster = Cluster(8, leader="tom", draws=DRAWS)
    cluster.set("x", 1)
    cluster.pause("tom")
    cluster.run(1)
    cluster.get("x", to="tom")
    cluster.resume("tom")
    cluster.run(0.001)
    trace = Trace.from_text(cluster.trace.to_text())
    exact = history_of_trace(trace).operations[1].called_us
    trace.scenario = ""
    guessed = history_of_trace(trace).operations[1].called_us
    (pause,) = trace.of("paused")

    assert guessed == pause.time_us
    assert exact == pause.time_us + 1_000_000


class ForgetfulStore(Step1):
    """A store that loses its data at the third write."""

    writes: int = 0
    lost: list[str] = field(default_factory=list)

    def on_client_request(self, client: str, request: Any) -> None:
        self.writes += 1
        if self.writes == 3:
            self.state_machine.clear()
        super().on_client_request(client, request)


def test_one_server_is_linearizable_and_a_forgetful_one_is_not() -> None:
    """The store of step 1 is linearizable; one that loses a value is not."""
    for node, verdict in ((Step1, "ok"), (ForgetfulStore, "violated")):
        cluster = Cluster(node)
        cluster.set("x", 1)
        cluster.set("y", 2)
        cluster.get("x")
        cluster.delete("y")
        cluster.get("y")

        assert verdict == check_linearizable(cluster.history()).verdict


def test_what_the_disks_hold_at_first_may_be_read() -> None:
    """A value that was on a disk before the run may be read; one that was on none may not."""
    cluster = Cluster(2, leader="tom", logs={"tom": "1 set x 0", "jerry": "1 set x 0; 2 delete x"})
    assert cluster.get("x") == Ok(value="0")
    history = cluster.history()

    assert ["set x 0 ?", "delete x ?", "get x → 0"] == [op.description for op in history]
    assert "ok" == check_linearizable(history).verdict
    assert "violated" == check_linearizable(History(history.operations[2:])).verdict


@pytest.mark.slow
def test_calm_runs_are_linearizable() -> None:
    """While the leader stays, the histories of step 8 are linearizable, with every seed."""
    for seed in range(20):
        cluster = Cluster(8, 5, seed=seed, leader="tom", timing="paper")
        for number in range(10):
            cluster.set(f"k{number % 3}", number)
            cluster.get(f"k{(number + seed) % 3}")

        assert "ok" == check_linearizable(cluster.history()).verdict


def test_request_that_is_not_an_operation_is_refused() -> None:
    """A trace with a request that is not an operation is refused, with the client's name."""
    trace = Trace(("tom",))
    trace.add(0, "asked", "tom", {"client": "client#1", "request": "fly x"})

    with pytest.raises(HistoryError, match="client#1 asked 'fly x'"):
        history_of_trace(trace)


def settled(step: int) -> Cluster:
    """Return a cluster in which tom leads in term 1, and every message takes a tenth of a second."""
    return Cluster(step, draws={"tom": [8], "jerry": [12], "spike": [18]}, network={"delay": (0.1, 0.1)}).run(10)


def test_new_commands_are_operations() -> None:
    """An append has what it answered, a compare-and-set whether it found what it expected; a session is none."""
    cluster = settled(13)
    for request in ("open session", "append x 1", "append x 2 as 2.1", "cas x 1 3", "cas x 12 3", "get x"):
        cluster.ask(request)
    history = cluster.history()

    assert ["append x 1 → 1", "append x 2 → 12", "cas x 1 3 → no", "cas x 12 3", "get x → 3"] == [
        op.description for op in history
    ]
    assert "ok" == check_linearizable(history).verdict


def test_client_that_asks_again_has_asked_once() -> None:
    """All requests of one address are one operation, from the first call to the answer that the client took."""
    cluster = settled(13)
    cluster.crash("tom", at=10.15)
    cluster.retry("append x 1")
    (found,) = cluster.history()

    assert len(cluster.trace.of("asked")) > 2
    assert ("append x 1 → 11", 10_000_000, "ok") == (found.description, found.called_us, found.outcome)
    assert "violated" == check_linearizable(cluster.history()).verdict


def test_expired_session_leaves_the_outcome_open() -> None:
    """A client that is told that its session has expired does not know whether its command was carried out."""
    cluster = settled(13)
    cluster.ask("set x 1 as 99.1")

    assert ["set x 1 ?"] == [op.description for op in cluster.history()]


def test_entry_of_a_session_on_a_disk_is_an_operation() -> None:
    """What is in a log before the run counts as asked before it, without its session."""
    cluster = Cluster(13, logs={"tom": "1 open session; 1 append x 1 as 1.1"})

    assert ["append x 1 ?"] == [op.description for op in cluster.history()]
