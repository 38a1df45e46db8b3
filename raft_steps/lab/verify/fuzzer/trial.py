"""One run of a sweep: a scenario, held against rules, and what came of it as data that travels between processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import EventBudgetError, NodeError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.properties import Properties, PropertyBroken, Rule

# What a sweep counts as a fault.
FAULTS = frozenset({"crash", "lose", "tear", "pause", "partition", "cut", "drop", "hold", "duplicate", "loss", "delay"})
NODE_FAILED, STORM = "Node Failed", "Event Storm"  # what breaks a run beside the rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one seed.

    Attributes:
        seed: The seed.
        broken: The name of the first rule that broke, "Node Failed" or "Event Storm"; "" if the run survived.
        text: What broke it, in words.
        time: When, in microseconds; otherwise the end of the run.
        elections: How often a server began to lead.
        faults: How many faults the scenario held until then.
        answered: How many writes and reads were answered with Ok.
        events: How many events there were.
    """

    seed: int
    broken: str
    text: str
    time: int
    elections: int
    faults: int
    answered: int
    events: int


def what_breaks(run: Callable[[], object]) -> tuple[str, str]:
    """Let something run, and say what broke it.

    Args:
        run: Runs a simulation that is watched.

    Returns:
        The name of a rule, "Node Failed" or "Event Storm", and what happened in words; "" and "" if nothing broke.
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
        scenario: What decides the run; without an end it ends with its last action.
        rules: The rules that it is held against.
        node_class: The Node class; that of the scenario's step by default.
    """
    properties = Properties(stop_at=rules)
    simulation: Simulation | None = None

    def run() -> None:
        nonlocal simulation
        simulation = Simulation(scenario, node_class, record=False, monitor=properties)
        simulation.run_until(scenario.end_us)

    broken, text = what_breaks(run)
    time = simulation.now_us if simulation is not None else 0
    return Trial(
        seed=scenario.seed,
        broken=broken,
        text=text,
        time=time,
        elections=properties.elections,
        faults=sum(action.verb in FAULTS for action in scenario.actions if action.at_us <= time),
        answered=sum(isinstance(answer, Ok) for answer in simulation.responses.values()) if simulation else 0,
        events=simulation.event_count if simulation else 0,
    )
