"""Step 1: one server that remembers. One test for each sentence of the step's docstring."""

from __future__ import annotations

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Get, Ok, Set
from raft_steps.lab.log import Entry
from tests.helpers.runs import effects, lone

SET_X = Set(key="x", value="1")


def test_client_sets_deletes_and_gets_keys() -> None:
    """A client sets, deletes and gets keys; a missing key has no value."""
    cluster = Cluster(1)

    assert Ok(value=None) == cluster.get("x")
    assert Ok() == cluster.set("x", 1)
    assert Ok() == cluster.set("x", 2)
    assert Ok(value="2") == cluster.get("x")
    assert Ok() == cluster.delete("x")
    assert Ok(value=None) == cluster.get("x")


def test_second_delete_is_not_an_error() -> None:
    """Deleting a missing key is applied like any other command; in the original it raised an error."""
    cluster = Cluster(1)

    assert [Ok(), Ok()] == [cluster.delete("x"), cluster.delete("x")]
    assert ["0 delete x", "0 delete x"] == cluster.log("tom")


def test_change_is_logged_before_it_is_applied_and_answered() -> None:
    """The server writes every change to its log before it applies it; the answer comes last."""
    tom = lone(1)
    tom.on_client_request("client#1", SET_X)
    entry = Entry(index=1, term=0, command=SET_X)

    assert [entry] == list(tom.log)
    assert [("apply", entry), ("reply", "client#1", Ok())] == effects(tom)


def test_read_writes_nothing() -> None:
    """A read is answered from the state machine at once, and is not logged."""
    tom = lone(1)
    tom.on_client_request("client#1", Get(key="x"))

    assert [("reply", "client#1", Ok(value=None))] == effects(tom)
    assert 0 == len(tom.log)


def test_restarted_server_replays_its_log() -> None:
    """The log survives; applying its entries in order restores the state machine."""
    cluster = Cluster(1)
    for value in (1, 2):
        cluster.set("x", value)
    cluster.set("y", 1)
    cluster.delete("y")
    cluster.crash("tom")
    cluster.restart("tom")

    assert {"x": "2"} == cluster.node("tom").state_machine
    assert [1, 2, 3, 4] == [event["index"] for event in cluster.trace.of("applied")[-4:]]


def test_term_after_a_restart_is_that_of_the_last_entry() -> None:
    """After a restart, the server's term is that of the last entry of its log."""
    assert 3 == Cluster(1, logs={"tom": "1 set x 1; 3 set x 2"}).node("tom").current_term
    assert 0 == Cluster(1).node("tom").current_term


def test_new_entry_has_the_current_term() -> None:
    """An entry has the index after the last one, and the server's term."""
    cluster = Cluster(1, logs={"tom": "1 set x 1; 3 set x 2"})
    cluster.set("x", 3)

    assert ["1 set x 1", "3 set x 2", "3 set x 3"] == cluster.log("tom")


def test_replay_starts_from_nothing() -> None:
    """Replaying the log twice gives the same state: the state machine is emptied first."""
    tom = lone(1, "1 set x 1", "1 delete x", state_machine={"z": "old"})
    tom.replay_log()

    assert {} == tom.state_machine
