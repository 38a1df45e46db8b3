"""Runs a scenario of the catalogue and checks its expectations."""

from __future__ import annotations

from dataclasses import dataclass

from raft_steps.lab.errors import EventBudgetError, NodeError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance.entry import CatalogueEntry
from raft_steps.lab.verify.conformance.expectations import Expectation
from raft_steps.lab.verify.conformance.observations import Observations, SkippedIndexError
from raft_steps.lab.verify.conformance.snapshot import ClusterSnapshot
from raft_steps.lab.verify.properties import PropertyBroken


@dataclass(frozen=True, slots=True)
class CatalogueOutcome:
    """The result of one run.

    Attributes:
        name: The entry's name.
        seed: The seed.
        wrong: What is wrong, in words; "" if the run passes.
        time_us: How far the run got, in microseconds.
    """

    name: str
    seed: int
    wrong: str
    time_us: int

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def try_entry(entry: CatalogueEntry, step: int | None, seed: int, node_class: type | None = None) -> CatalogueOutcome:
    """Run an entry's scenario to its end, or until something is wrong.

    Args:
        entry: The entry.
        step: The step whose Node runs; None with a custom class.
        seed: The seed of the run and of its scripts.
        node_class: The Node class, if it is not a step's.

    Raises:
        ScenarioError: There is neither a step nor a class.
    """
    scenario = entry.scenario(step, seed)
    observations = Observations(entry.rules, count_traffic=entry.counts_traffic)
    simulation = None
    try:
        simulation = Simulation(scenario, node_class, record=False, monitor=observations)
        wrong = _run(entry, scenario, simulation, observations)
    except PropertyBroken as error:
        wrong = f"{error.violation.rule.name} is broken at {format_seconds(error.violation.time_us)} s: {error.violation.text}"
    except (SkippedIndexError, NodeError, EventBudgetError) as error:
        wrong = str(error)
    return CatalogueOutcome(entry.name, seed, wrong, simulation.now_us if simulation is not None else 0)


def _run(entry: CatalogueEntry, scenario: Scenario, simulation: Simulation, observations: Observations) -> str:
    """Run to the end, and return the first thing that is wrong; "" if nothing is."""
    snapshots: dict[int, ClusterSnapshot] = {}
    due: dict[int, list[Expectation]] = {}  # what to check, by time; nothing at times that are only referred to
    for each in entry.expectations:
        for time_us in each.refers_to():
            due.setdefault(time_us, [])
        for time_us in each.times():
            due.setdefault(time_us, []).append(each)
    met: set[Expectation] = set()
    for time_us in sorted(due):
        # A microsecond earlier: the scenario's actions at that time come after the check.
        simulation.run_until(time_us - 1)
        snapshot = snapshots[time_us] = ClusterSnapshot(simulation, observations)
        for expectation in due[time_us]:
            wrong = "" if expectation in met else expectation.check(snapshot, snapshots)
            if not wrong:
                met.add(expectation)
            elif expectation.end_us == time_us:
                return f"{expectation}: {wrong}"
    simulation.run_until(scenario.until_us or 0)
    return ""
