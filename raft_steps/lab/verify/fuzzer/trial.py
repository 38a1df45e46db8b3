"""A single run of a sweep: a scenario, checked against rules, and its result as data that can be pickled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import EventBudgetError, NodeError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.properties import Properties, PropertyBroken, Rule

# The verbs of actions that a sweep counts as faults; what ends a fault does not count.
FAULT_VERBS = frozenset(
    {
        "crash",
        "lose",
        "tear",
        "pause",
        "partition",
        "cut",
        "drop",
        "hold",
        "duplicate",
        "loss",
        "delay",
        "timeout",
        "transfer",
    }
)
NODE_FAILED, STORM = "Node Failed", "Event Storm"  # what can break a run apart from the rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The result of one run.

    Attributes:
        seed: The seed.
        broken: The name of the first rule that broke, "Node Failed" or "Event Storm"; "" if the run survived.
        text: What broke it, in words.
        time_us: When it broke, or the end of a run that survived, in microseconds.
        elections: How often a server became leader.
        faults: The number of the scenario's faults until then.
        answered: The number of requests that were answered with Ok.
        events: The number of events.
        longest_wait_us: The longest time without an answer of Ok to any client, in microseconds.
        excused: The names of the rules that broke, but broke with the course's Node in the same scenario, too.
        expected: The number of requests that the course's Node answers in the same scenario; None if that was not tried.
        unjudged: What could not be judged, in words; "" if everything was. A run that broke nothing but could not be
            judged has not survived.
    """

    seed: int
    broken: str
    text: str
    time_us: int
    elections: int
    faults: int
    answered: int
    events: int
    longest_wait_us: int = 0
    excused: tuple[str, ...] = ()
    expected: int | None = None
    unjudged: str = ""

    @property
    def survived(self) -> bool:
        """Whether nothing broke, and everything could be judged."""
        return not self.broken and not self.unjudged


def find_break(run: Callable[[], object]) -> tuple[str, str]:
    """Call a function that runs a simulation, and return what broke the run.

    Args:
        run: Builds and runs a simulation with a monitor.

    Returns:
        The name of a rule, "Node Failed" or "Event Storm", and what happened, in words; "" and "" if nothing broke.
    """
    try:
        run()
    except PropertyBroken as error:
        return error.violation.rule.name, error.violation.text
    except NodeError as error:
        return NODE_FAILED, str(error)
    except EventBudgetError as error:
        return STORM, str(error)
    return "", ""


def try_scenario(scenario: Scenario, rules: Iterable[Rule], node_class: type | None = None) -> Trial:
    """Run a scenario to its end, or to the first event that breaks one of the rules.

    Args:
        scenario: The scenario; without an end it ends with its last action.
        rules: The rules to check.
        node_class: The Node class; that of the scenario's step by default.
    """
    properties = Properties(stop_at=rules)
    simulation: Simulation | None = None

    def run() -> None:
        nonlocal simulation
        simulation = Simulation(scenario, node_class, record=False, monitor=properties)
        simulation.run_until(scenario.end_us)

    broken, text = find_break(run)
    # A Node that fails in on_start leaves no simulation behind.
    time_us = simulation.now_us if simulation is not None else 0
    return Trial(
        seed=scenario.seed,
        broken=broken,
        text=text,
        time_us=time_us,
        elections=properties.elections,
        faults=sum(action.verb in FAULT_VERBS for action in scenario.actions if action.at_us <= time_us),
        answered=sum(isinstance(answer, Ok) for answer in simulation.responses.values()) if simulation else 0,
        events=simulation.event_count if simulation else 0,
        longest_wait_us=properties.longest_wait_us(time_us),
        unjudged="; ".join(properties.unjudged),
    )
