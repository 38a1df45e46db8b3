"""Simulations of two servers that do nothing by themselves, so that a test decides everything that happens."""

from __future__ import annotations

from typing import Any, ClassVar

from raft_steps.lab.node import Node
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.step_04_leader_election import RequestVote

SECOND = 1_000_000


class Quiet(Node):
    """A server that handles votes and timers, and does nothing."""

    durable: ClassVar[tuple[str, ...]] = ("kept",)
    kept: int = 0

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        """Do nothing."""

    def on_alarm_timeout(self) -> None:
        """Do nothing."""


def quiet(**parts: Any) -> Simulation:
    """Start two quiet servers, a and b, with messages that take a second."""
    network = {"delay": (1, 1)} | parts
    return Simulation(Scenario(servers=("a", "b"), **network), Quiet)


def send(simulation: Simulation, count: int = 1, sender: str = "a", to: str = "b") -> None:
    """Send a number of messages from one to the other, with terms that count up."""
    for term in range(count):
        simulation.send(sender, to, RequestVote(term=term))


def arrivals(simulation: Simulation) -> list[tuple[float, int]]:
    """Return when each message arrived, and its term."""
    trace = simulation.trace
    assert trace is not None
    return [(event.seconds, event["term"]) for event in trace.of("delivered")]


def alarms(simulation: Simulation) -> list[float]:
    """Return when each timer ran out."""
    trace = simulation.trace
    assert trace is not None
    return [event.seconds for event in trace.of("timer_fired")]


def start_alarm(simulation: Simulation, seconds: float, server: str = "a") -> None:
    """Start a server's alarm, as its node would."""
    simulation._dispatcher.timers.start(simulation.hosts[server], "alarm", seconds)
