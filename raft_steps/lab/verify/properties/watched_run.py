"""Starts a recorded run whose every event is checked against the properties of Raft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.properties.monitor import RecordedProperties

if TYPE_CHECKING:
    from raft_steps.lab.scenario.scenario import Scenario


def begin(scenario: Scenario, node_class: type | None = None, title: str = "") -> Simulation:
    """Start a recorded run; its `monitor` is a `RecordedProperties`.

    Args:
        scenario: What decides the run.
        node_class: The class of the nodes; that of the scenario's step by default.
        title: The title of the trace; the step by default.

    Raises:
        NodeError: A node cannot be started.
        ScenarioError: The scenario does not name a step, and no class is given.
    """
    # Servers may break a rule as they start. The properties read the number of that event from the trace, so the trace is
    # built before the simulation.
    trace = Trace(scenario.servers, title or f"step {scenario.step}")
    properties = RecordedProperties(lambda: len(trace) - 1)
    return Simulation(scenario, node_class, trace=trace, monitor=properties)
