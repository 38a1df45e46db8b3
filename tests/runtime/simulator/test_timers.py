"""Timers, and the clocks that they run by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from raft_steps.lab.errors import EventBudgetError
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action
from raft_steps.step_04_leader_election import RequestVote
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


# Timers of zero seconds.


def happenings(simulation: Simulation) -> list[str]:
    """Return the messages that arrived and the timers that ran out, in order."""
    trace = simulation.trace
    assert trace is not None
    return [
        event["timer"] if event.kind == "timer_fired" else f"message {event['term']}"
        for event in trace.of("delivered", "timer_fired")
    ]


def at_first_arrival(simulation: Simulation, *calls: Callable[[SimulatedHost], None]) -> None:
    """Make calls of server b's timers when its first message arrives, as its node would."""
    host = simulation.hosts["b"]
    left = list(calls)

    def on_request_vote(sender: str, message: RequestVote) -> None:
        while left:
            left.pop(0)(host)

    host.node.on_request_vote = on_request_vote


def test_timer_of_zero_seconds_runs_out_after_its_moment() -> None:
    """It runs out at the time at which it was started, after all messages that arrive then, and once."""
    simulation = quiet()
    timers = simulation._dispatcher.timers
    at_first_arrival(simulation, lambda host: timers.start(host, "alarm", 0))
    send(simulation, 3)
    simulation.run_until(60 * SECOND)

    assert ["message 0", "message 1", "message 2", "alarm"] == happenings(simulation)
    assert [1.0] == alarms(simulation)


def test_timer_of_zero_seconds_comes_after_what_is_sent_at_its_moment() -> None:
    """With messages that take no time, those count that are sent after the timer was started, too."""
    simulation = quiet(delay=(0, 0))
    start_alarm(simulation, 0)
    send(simulation, 2)
    simulation.run_until(SECOND)

    assert ["message 0", "message 1", "alarm"] == happenings(simulation)


@pytest.mark.parametrize("first_s", [2, 5])
def test_running_timer_is_started_again_for_zero_seconds(first_s: float) -> None:
    """It runs out at the end of the moment, also if it was due at that moment anyway, and not a second time."""
    simulation = quiet(delay=(2, 2))
    timers = simulation._dispatcher.timers
    at_first_arrival(simulation, lambda host: timers.start(host, "alarm", 0))
    send(simulation, 2)
    start_alarm(simulation, first_s, "b")
    simulation.send("a", "b", RequestVote(term=2))
    simulation.run_until(60 * SECOND)

    assert ["message 0", "message 1", "message 2", "alarm"] == happenings(simulation)
    assert [2.0] == alarms(simulation)


def test_timer_of_zero_seconds_is_cancelled_and_restarted() -> None:
    """It can be cancelled, and restarted for longer, before its moment ends."""
    simulation = quiet()
    timers = simulation._dispatcher.timers
    at_first_arrival(
        simulation,
        lambda host: timers.start(host, "alarm", 0),
        lambda host: timers.cancel(host, host.timers["alarm"]),
        lambda host: timers.start(host, "alarm", 0),
        lambda host: timers.start(host, "alarm", 4),
    )
    send(simulation, 2)
    simulation.run_until(60 * SECOND)

    assert [5.0] == alarms(simulation)


def test_timer_of_zero_seconds_is_started_once_in_a_moment() -> None:
    """Starting it again at the same moment changes nothing, and is not recorded."""
    simulation = quiet()
    timers = simulation._dispatcher.timers
    at_first_arrival(simulation, *[lambda host: timers.start(host, "alarm", 0)] * 3)
    send(simulation)
    simulation.run_until(60 * SECOND)

    assert [1.0] == alarms(simulation)
    assert simulation.trace is not None
    assert 1 == len(list(simulation.trace.of("timer_started")))


def test_timer_of_zero_seconds_waits_for_a_paused_server() -> None:
    """If its server is paused at this moment, it runs out when the server resumes, unless it was started again."""
    simulation = quiet()
    start_alarm(simulation, 0)
    simulation.hosts["a"].paused = True
    simulation.run_until(5 * SECOND)
    assert [] == alarms(simulation)
    simulation.perform(Action(simulation.now_us, "resume", ("a",)))
    simulation.run_until(60 * SECOND)

    assert [5.0] == alarms(simulation)


def test_two_timers_of_zero_seconds_cannot_keep_time_from_passing() -> None:
    """Two timers that start each other for zero seconds are reported as a storm, like messages that do."""
    simulation = quiet()
    node = simulation.hosts["a"].node
    node.on_bell_timeout = lambda: node.start_timer("alarm", 0)
    node.on_alarm_timeout = lambda: node.start_timer("bell", 0)
    start_alarm(simulation, 0)

    with pytest.raises(EventBudgetError, match="does a timer restart itself at once"):
        simulation.run_until(SECOND)
