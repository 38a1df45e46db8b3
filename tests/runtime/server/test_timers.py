"""Tests of a server's timers, on a clock that the test moves."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.runtime.server.timers import ServerTimers
from tests.runtime.server.moved_loop import Loop


class Bench:
    """A server as far as its timers go: what arrives is handled in a turn, before the timers that have run out.

    Attributes:
        fired: The timers that ran out, with their times.
        turns: How many turns there were.
        handlers: What a timer's handler does, by the timer's name.
        arrives: Called with each byte that arrives on the server's connection.
    """

    def __init__(self, loop: Loop) -> None:
        """Connect two sockets."""
        self.loop = loop
        self.timers = ServerTimers(loop, self.plan_turn)
        self.fired: list[tuple[str, float]] = []
        self.turns = 0
        self.handlers: dict[str, Callable[[], object]] = {}
        self.arrives: Callable[[], object] = lambda: None
        self.inbox: list[Callable[[], object]] = []
        self.planned = False
        self.before_turn: Callable[[], object] = lambda: None
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        loop.add_reader(self.ours, self.read)

    def read(self) -> None:
        """Called when something has arrived."""
        self.inbox += [self.arrives] * len(self.ours.recv(100))
        self.plan_turn()

    def plan_turn(self) -> None:
        """Plan a turn, as a server does."""
        if not self.planned:
            self.planned = True
            self.loop.call_soon(self.turn)

    def turn(self) -> None:
        """Handle what has arrived, then the timers."""
        self.planned = False
        self.before_turn()
        inbox, self.inbox = self.inbox, []
        for handle in inbox:
            handle()
        self.turns += 1
        taken: list[str] = []
        while (name := self.timers.take_due(taken)) is not None:
            taken.append(name)
            self.fired.append((name, self.loop.now_s))
            self.handlers.get(name, lambda: None)()
        self.timers.plan_next()

    def start(self, name: str, wait_s: float) -> int:
        """Start a timer."""
        return self.timers.start(None, name, wait_s)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench whose sockets and loop are closed at the end."""
    loop = Loop()
    found = Bench(loop)
    yield found
    found.ours.close()
    found.theirs.close()
    loop.close()


def test_timer_runs_out_once_and_not_before(bench: Bench) -> None:
    """A timer runs out at its time; `start` says when that is."""
    assert 2_500_000 == bench.start("election", 2.5)
    bench.loop.go_on(2.499)
    assert [] == bench.fired
    bench.loop.go_on(2.5)
    bench.loop.go_on(10)
    assert [("election", 2.5)] == bench.fired


def test_restarted_timer_runs_out_at_its_new_time(bench: Bench) -> None:
    """A later start moves the end; an earlier one, too."""
    bench.start("election", 2)
    bench.loop.go_on(1)
    bench.start("election", 2)
    bench.loop.go_on(2)
    assert [] == bench.fired
    bench.start("election", 0.25)
    bench.loop.go_on(2.25)
    assert [("election", 2.25)] == bench.fired


def test_cancelled_timer_does_not_run_out(bench: Bench) -> None:
    """Cancelling reports whether the timer ran; another timer goes on."""
    bench.start("election", 1)
    bench.start("heartbeat", 2)
    assert bench.timers.cancel("election")
    assert not bench.timers.cancel("election")
    bench.loop.go_on(2)
    assert [("heartbeat", 2)] == bench.fired
    bench.start("heartbeat", 1)
    bench.timers.cancel_all()
    bench.loop.go_on(9)
    assert [("heartbeat", 2)] == bench.fired


def test_timers_that_are_late_run_out_in_the_order_of_their_times(bench: Bench) -> None:
    """After a pause of the process, the one that was due first comes first, whatever order they were started in."""
    for name, wait_s in [("c", 3), ("a", 1), ("b", 2)]:
        bench.start(name, wait_s)
    bench.loop.go_on(5)
    assert [("a", 5), ("b", 5), ("c", 5)] == bench.fired


@pytest.mark.parametrize("wait_s", ["1", None, -1, float("nan"), True])
def test_wait_that_is_not_a_number_of_seconds_is_refused(bench: Bench, wait_s: Any) -> None:
    """The Node is to blame, and no timer runs."""
    with pytest.raises(Mistake):
        bench.timers.start(SimpleNamespace(), "election", wait_s)
    assert bench.timers.take_due() is None


@pytest.mark.parametrize("turns", range(8))
@pytest.mark.parametrize("effect", ["cancel", "restart"])
def test_heartbeat_that_arrived_during_a_stop_comes_before_the_timer(bench: Bench, effect: str, turns: int) -> None:
    """A process that is stopped (SIGSTOP) at any point finds its timer overdue and a heartbeat that has arrived.

    The heartbeat cancels or restarts the timer, which then must not run out, although it is late.
    """
    bench.arrives = lambda: bench.timers.cancel("election") if effect == "cancel" else bench.start("election", 1)
    bench.start("election", 1)
    bench.plan_turn()  # Something else is under way, too.
    bench.loop.now_s = 0.999
    for _ in range(turns % 4):
        bench.loop.turn()

    def stop() -> None:  # Until the heartbeat has long arrived.
        bench.before_turn = lambda: None
        bench.theirs.send(b"h")
        bench.loop.now_s = 5

    if turns < 4:
        stop()
    else:  # In the middle of a turn, after the sockets were looked at.
        bench.plan_turn()
        bench.before_turn = stop
    bench.loop.go_on()
    assert [] == bench.fired
    bench.loop.go_on(6)
    assert [("election", 6)] * (effect == "restart") == bench.fired


def test_timer_that_ran_out_before_a_heartbeat_came_is_not_saved_by_it(bench: Bench) -> None:
    """Only what had arrived by the time at which the timer was seen to be late comes first."""
    bench.start("election", 1)
    bench.loop.go_on(1)
    bench.arrives = lambda: bench.start("election", 1)
    bench.theirs.send(b"h")
    bench.loop.go_on(1.5)
    assert [("election", 1)] == bench.fired


def test_timer_of_zero_seconds_runs_out_at_the_end_of_its_turn(bench: Bench) -> None:
    """It runs out once, in the turn in which it was started, after all that has arrived."""
    bench.arrives = lambda: (bench.start("batch", 0), bench.start("election", 8))
    bench.theirs.send(b"hhh")
    bench.loop.go_on()

    assert ([("batch", 0)], 1) == (bench.fired, bench.turns)
    bench.loop.go_on(8)
    assert [("batch", 0), ("election", 8)] == bench.fired


def test_timer_of_zero_seconds_outside_of_a_turn_asks_for_one(bench: Bench) -> None:
    """One that is started as the server starts, before its first turn, gets a turn at once."""
    bench.start("election", 8)
    bench.start("batch", 0)
    bench.timers.plan_next()
    bench.loop.go_on()

    assert [("batch", 0)] == bench.fired


def test_timer_of_zero_seconds_can_be_cancelled_or_take_longer(bench: Bench) -> None:
    """Both work as with any other timer, in both directions."""
    bench.start("batch", 0)
    assert bench.timers.cancel("batch")
    assert not bench.timers.cancel("batch")
    bench.start("batch", 0)
    bench.start("batch", 3)
    bench.start("election", 5)
    bench.start("election", 0)
    bench.timers.plan_next()
    bench.loop.go_on()
    assert [("election", 0)] == bench.fired
    bench.loop.go_on(5)
    assert [("election", 0), ("batch", 5)] == bench.fired
    bench.start("batch", 0)
    bench.timers.cancel_all()
    assert bench.timers.take_due() is None


def test_timers_that_start_each_other_let_a_turn_end(bench: Bench) -> None:
    """Each runs out once in a turn, so what arrives is still handled."""
    bench.handlers = {"a": lambda: bench.start("b", 0), "b": lambda: bench.start("a", 0)}
    bench.start("a", 0)
    bench.timers.plan_next()
    bench.loop.turn()
    bench.loop.turn()

    assert 1 <= bench.turns == len(bench.fired) // 2
