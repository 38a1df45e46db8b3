"""Measures which rules each step keeps: many seeds of every profile, all rules at every event, to the end of each run.

The result is stored in the package (``kept.json`` of the properties), because it takes half an hour of processor time;
``raft-steps kept-rules --renew`` measures it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from raft_steps import STEPS
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.text_table import text_table
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.fuzzer.workers import map_on_cores
from raft_steps.lab.verify.properties.monitor import Properties
from raft_steps.lab.verify.properties.rules import ALL_RULES, MEASURED

SEEDS = 1000
CHUNK = 50  # seeds that a worker runs at a time
RUN_S = 10.0  # of each run, in seconds of virtual time


@dataclass(slots=True)
class KeptRow:
    """The result of one step with one profile.

    Attributes:
        step: The number of the step.
        profile: The name of the fault profile.
        seeds: The number of seeds, counted from 0.
        broken: For each rule that broke, in how many runs, and the first seed.
    """

    step: int
    profile: str
    seeds: int
    broken: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, seeds: int, broken: dict[str, list[int]]) -> None:
        """Add some more seeds, with those at which each rule broke."""
        self.seeds += seeds
        for name, at in broken.items():
            count, first = self.broken.get(name, (0, at[0]))
            self.broken[name] = (count + len(at), first)


def measure_kept_rules(
    seeds: int,
    steps: Iterable[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> list[KeptRow]:
    """Measure which rules the steps keep.

    Args:
        seeds: The number of seeds of each profile.
        steps: The steps; all by default.
        progress: Called with the number of finished runs and the number of all runs.
        workers: The number of processes; one for each core by default.
    """
    numbers = list(steps) if steps is not None else [step.number for step in STEPS]
    rows = [KeptRow(step, profile, 0) for step in numbers for profile in PROFILES]
    places = [
        (row.step, row.profile, first, min(CHUNK, seeds - first)) for row in rows for first in range(0, seeds, CHUNK)
    ]
    found = {(row.step, row.profile): row for row in rows}
    done = 0
    for (step, profile, _, count), broken in zip(places, map_on_cores(_measure, places, workers), strict=True):
        found[step, profile].add(count, broken)
        done += count
        if progress is not None:
            progress(done, seeds * len(rows))
    return rows


def _measure(place: tuple[int, str, int, int]) -> dict[str, list[int]]:
    """Run some seeds; return, for each rule that broke, the seeds.

    Raises:
        ScenarioError: A run could not be judged: it is not known which rules it keeps.
    """
    step, profile, first, count = place
    broken: dict[str, list[int]] = {}
    for seed in range(first, first + count):
        scenario = adversity(step, profile, seed, seconds=RUN_S)
        properties = Properties(watch=ALL_RULES)
        Simulation(scenario, record=False, monitor=properties).run_until(scenario.end_us)
        if properties.unjudged:
            raise ScenarioError(f"step {step}, {profile}, seed {seed}: {properties.unjudged[0]}")
        for name in properties.violations:
            broken.setdefault(name, []).append(seed)
    return broken


def store_kept_rules(rows: Iterable[KeptRow]) -> None:
    """Write the rows into the package, to the file that `kept_by` reads."""
    lines = [
        json.dumps({"step": row.step, "profile": row.profile, "seeds": row.seeds, "broken": row.broken}) for row in rows
    ]
    MEASURED.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8", newline="\n")


def stored_rows() -> list[dict[str, Any]]:
    """Return the stored rows as data: step, profile, seeds, and for each broken rule how often and the first seed."""
    return json.loads(MEASURED.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def kept_rules_table() -> str:
    """Format what the steps keep as a table: in how many of the stored runs of all profiles each rule broke."""
    rows = stored_rows()
    numbers = sorted({row["step"] for row in rows})
    table = [["runs in which it broke", *(f"{number}" for number in numbers)]]
    for rule in ALL_RULES:
        counts = [
            sum(row["broken"].get(rule.name, (0, 0))[0] for row in rows if row["step"] == number) for number in numbers
        ]
        table.append([rule.name, *(str(count) if count else "-" for count in counts)])
    tried = [sum(row["seeds"] for row in rows if row["step"] == number) for number in numbers]
    table.append(["of runs", *map(str, tried)])
    return "\n".join(text_table(table, right=range(1, len(numbers) + 1)))
