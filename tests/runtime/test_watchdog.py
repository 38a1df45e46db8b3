"""The watchdog: a handler that never returns is interrupted, and the process goes on."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.runtime import watchdog
from tests.helpers.runs import changed
from tests.runtime.mistaken_nodes import Gossip, failure, on_election_timeout


def loop_for_ever(*_: object) -> None:
    """Never return."""
    while True:
        pass


def never_true() -> bool:
    """Never return, although a condition returns whether it is true."""
    loop_for_ever()
    return True


def loop_and_swallow(*_: object) -> None:
    """Never return, and catch every exception."""
    while True:
        with contextlib.suppress(Exception):
            loop_for_ever()


def wait_for_something(*_: object) -> None:
    """Never return, without computing anything."""
    threading.Event().wait(60)


def grow(node: Any) -> None:
    """Never return, and fill the list of effects."""
    while True:
        node.send("tom", Gossip(text="again"))


LOOPS = [loop_for_ever, loop_and_swallow, wait_for_something, grow]


def test_endless_loop_is_noticed_within_two_seconds() -> None:
    """However late the first look at a stuck handler is, the last one is well within two seconds."""
    assert watchdog.TICK * (watchdog.LOOKS + 1) < 1.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The first try may hit a collection.
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@pytest.mark.usefixtures("impatient")
def test_endless_loop_ends(loop: Callable[[Any], None]) -> None:
    """A handler that never returns is interrupted on the main thread, and the process goes on."""
    error = failure(on_election_timeout(loop))

    assert "jerry's on_election_timeout, at 11 s, did not come back within a second: an endless loop?" in str(error)
    assert "test_watchdog.py, line " in str(error)
    assert Cluster(8).run(30).leader


@pytest.mark.slow
def test_endless_loop_ends_on_another_thread_too() -> None:
    """A kernel may run a cell on another thread, which gets no signals: the loop ends there, too."""
    found: list[object] = []

    def work() -> None:
        found.append(str(failure(on_election_timeout(loop_for_ever))))
        found.append(Cluster(8).run(30).leader)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)

    assert 2 == len(found), "the thread still runs"
    assert "did not come back within a second" in str(found[0])
    assert found[1]


@pytest.mark.slow
@pytest.mark.parametrize("handler", ["on_start", "on_client_request", "on_append_entries"])
@pytest.mark.usefixtures("impatient")
def test_endless_loop_ends_in_every_handler(handler: str) -> None:
    """Any handler may hang: the one of the start, the one of a client's request, or another."""
    node_class = changed(8, **{handler: loop_for_ever})

    with pytest.raises(NodeError, match="did not come back within a second"):
        Cluster(node_class, 3).run(40).set("x", 1)


@pytest.mark.slow
def test_loop_that_collects_garbage_ends_too() -> None:
    """No exception is raised in a callback of the garbage collector, where it would be lost."""

    def slow(_phase: str, _info: dict[str, int]) -> None:
        for _ in range(100):
            pass

    def collect_for_ever(self: Any, *_: object) -> None:
        while True:
            gc.collect(0)

    gc.callbacks.append(slow)
    try:
        with pytest.raises(NodeError, match="did not come back within a second"):
            Cluster(changed(8, on_start=collect_for_ever), 3)
    finally:
        gc.callbacks.remove(slow)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_endless_condition_ends_too() -> None:
    """A condition that a notebook waits for can hang, too."""
    with pytest.raises(ScenarioError, match="the condition of run"):
        Cluster(8).run(until=never_true)


def test_long_run_is_no_endless_loop() -> None:
    """Many short calls in a row are not mistaken for one that hangs, nor are two runs in a row."""
    cluster = Cluster(8, 5, timing="paper", record=False)

    assert cluster.run(150).run(150).leader
