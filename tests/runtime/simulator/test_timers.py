"""Timers, and the clocks that they run by."""

from __future__ import annotations

import pytest

from tests.runtime.simulator.quiet_servers import SECOND, alarms, arrivals, quiet, send, start_alarm


def test_timer_runs_out_once() -> None:
    """A timer calls its handler once, when its time is up."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.run_until(60 * SECOND)

    assert [3.0] == alarms(simulation)


@pytest.mark.parametrize("again, due", [(5, 7.0), (3, 5.0), (0.5, 2.5)])
def test_restarted_timer_begins_again(again: float, due: float) -> None:
    """Starting a running timer restarts it, whether the new time is longer, equal or shorter; it runs out once."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.run_until(2 * SECOND)
    start_alarm(simulation, again)
    simulation.run_until(60 * SECOND)

    assert [due] == alarms(simulation)


def test_cancelled_timer_does_not_run_out() -> None:
    """A cancelled timer does not run out, and can be started again."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation._dispatcher.timers.cancel(simulation.hosts["a"], simulation.hosts["a"].timers["alarm"])
    simulation.run_until(2 * SECOND)
    start_alarm(simulation, 4)
    simulation.run_until(60 * SECOND)

    assert [6.0] == alarms(simulation)


def test_timers_die_with_their_server() -> None:
    """A crash ends all timers, and they stay ended in the next life."""
    simulation = quiet()
    start_alarm(simulation, 3)
    simulation.crash(simulation.hosts["a"])
    simulation.start(simulation.hosts["a"])
    simulation.run_until(60 * SECOND)

    assert [] == alarms(simulation)


def test_clock_that_runs_fast_shortens_its_timers() -> None:
    """With a clock at rate 2 a timer runs out in half the time, at rate 0.5 in twice the time; other servers do not change."""
    for rate, due in ((2, 2.0), (0.5, 8.0), (1, 4.0)):
        simulation = quiet(clocks={"a": rate})
        start_alarm(simulation, 4, "a")
        start_alarm(simulation, 5, "b")
        simulation.run_until(10 * SECOND)

        assert sorted([due, 5.0]) == alarms(simulation)


def test_clock_keeps_its_rate_in_every_life() -> None:
    """A restarted server has the same clock; the delay of messages does not depend on it."""
    simulation = quiet(clocks={"a": 2, "b": 2})
    host = simulation.hosts["a"]
    simulation.crash(host)
    simulation.start(host)
    start_alarm(simulation, 4)
    send(simulation)
    simulation.run_until(10 * SECOND)

    assert [2.0] == alarms(simulation)
    assert [(1.0, 0)] == arrivals(simulation)


def test_wait_is_rounded_to_a_microsecond() -> None:
    """With a rate that does not divide evenly, a wait is rounded to the nearest microsecond."""
    simulation = quiet(clocks={"a": 1.1})
    start_alarm(simulation, 1)

    assert 909_091 == simulation.hosts["a"].timers["alarm"].due_us
