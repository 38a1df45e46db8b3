"""One run of a scenario with checks, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from raft_steps.lab.errors import EventBudgetError, NodeError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance.entry import Entry
from raft_steps.lab.verify.conformance.expectations import Expectation
from raft_steps.lab.verify.conformance.observations import LeftOutError, Witness
from raft_steps.lab.verify.conformance.snapshot import Look
from raft_steps.lab.verify.properties import PropertyBroken


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run.

    Attributes:
        name: The scenario's name.
        seed: The seed.
        wrong: What is not as it should be, in words; "" if all is.
        time: How far the run came, in microseconds.
    """

    name: str
    seed: int
    wrong: str
    time: int

    @property
    def passed(self) -> bool:
        """Whether all is as it should be."""
        return not self.wrong


def try_entry(entry: Entry, step: int | None, seed: int, node_class: type | None = None) -> Outcome:
    """Run a scenario with checks, to its end or to the first thing that is wrong.

    Args:
        entry: The scenario.
        step: The step whose Node runs; None with a class of one's own.
        seed: What chance begins with.
        node_class: The Node class, when it is not a step's.

    Raises:
        ScenarioError: There is neither a step nor a class.
    """
    scenario = entry.scenario(step, seed)
    witness = Witness(entry.rules, counts=entry.counts)
    simulation = None
    try:
        simulation = Simulation(scenario, node_class, record=False, monitor=witness)
        wrong = _watch(entry, scenario, simulation, witness)
    except PropertyBroken as error:
        wrong = f"{error.violation.rule.name} is broken at {format_seconds(error.violation.time_us)} s: {error.violation.text}"
    except (LeftOutError, NodeError, EventBudgetError) as error:
        wrong = str(error)
    return Outcome(entry.name, seed, wrong, simulation.now_us if simulation is not None else 0)


def _watch(entry: Entry, scenario: Scenario, simulation: Simulation, witness: Witness) -> str:
    """Look at the run at all times that matter; say what is wrong first."""
    looks: dict[int, Look] = {}
    asked: dict[int, list[Expectation]] = {}
    for each in entry.expectations:
        for time in each.refers_to():
            asked.setdefault(time, [])
        for time in each.times():
            asked.setdefault(time, []).append(each)
    held: set[Expectation] = set()
    for time in sorted(asked):
        # A microsecond before: what the scenario does at that time comes after the look.
        simulation.run_until(time - 1)
        look = looks[time] = Look(simulation, witness)
        for expectation in asked[time]:
            wrong = "" if expectation in held else expectation.judge(look, looks)
            if not wrong:
                held.add(expectation)
            elif expectation.end == time:
                return f"{expectation}: {wrong}"
    simulation.run_until(scenario.until_us or 0)
    return ""
