"""Starts a recorded run whose every event is checked against the properties of Raft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.runtime.launching import step_of_class
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.properties.monitor import RecordedProperties
from raft_steps.lab.verify.properties.rules import APPLIED_ONCE, EQUAL_STATES, Rule

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
    properties = RecordedProperties(lambda: len(trace) - 1, _watched(scenario, node_class))
    return Simulation(scenario, node_class, trace=trace, monitor=properties)


def _watched(scenario: Scenario, node_class: type | None) -> tuple[Rule, ...]:
    """Return the rules to check in addition to the properties of Raft: those about applying, from the step that keeps them."""
    step = scenario.step if node_class is None else step_of_class(node_class)
    return tuple(rule for rule in (APPLIED_ONCE, EQUAL_STATES) if step is not None and step >= rule.kept_from)
