"""The course map: which step survives which fault profile, what breaks it, and which step mends that.

The rows of the steps are stored in ``measured.json``, because hundreds of seeds for each cell would keep a reader's
machine busy for minutes; ``raft-steps course-map --renew`` measures them again. The row of your own Node is measured when
the map is built.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from raft_steps import STEPS
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.files import read_text, write_text
from raft_steps.lab.verify.fuzzer.course_map.report import CourseMap, MapCell
from raft_steps.lab.verify.fuzzer.course_map.trial import broken_first
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.fuzzer.workers import map_on_cores

__all__ = ["CourseMap", "MapCell", "course_map", "measure_steps"]

STORED = Path(__file__).parent / "measured.json"
SEEDS = 20
FIRST_STEP = 2  # step 1 is a single server, which has no network


def course_map(node_class: type | None = None, *, seeds: int = SEEDS, title: str = "your Node") -> CourseMap:
    """Return the course map, with a row for your own Node if you pass one.

    Args:
        node_class: Your own Node class; None for the steps alone.
        seeds: The number of seeds with which your Node runs each profile.
        title: The title of its row.

    Raises:
        ScenarioError: The argument is not a Node class, or there are no seeds.
    """
    if seeds < 1 or (node_class is not None and not isinstance(node_class, type)):
        raise ScenarioError("the course map takes a Node class of your own, and at least one seed")
    stored = json.loads(read_text(STORED, "a course map"))
    cells = [MapCell(f"step {row['step']}", row["profile"], row["seeds"], row["broken"]) for row in stored]
    if node_class is not None:
        found = {
            profile: [broken_first(None, profile, seed, node_class) for seed in range(seeds)] for profile in PROFILES
        }
        cells += [MapCell(title, profile, seeds, _count(broken)) for profile, broken in found.items()]
    return CourseMap(cells)


def measure_steps(
    seeds: int, steps: Iterable[int] | None = None, progress: Callable[[int, int], None] | None = None
) -> CourseMap:
    """Measure the rows of the steps, on all cores.

    Args:
        seeds: The number of seeds of each profile.
        steps: The steps; all from step 2 on by default.
        progress: Called after each cell with the number of finished cells and the number of all cells.
    """
    places = [(step, profile) for step in steps or steps_on_map() for profile in PROFILES]
    cells = []
    for (step, profile), broken in zip(places, map_on_cores(partial(_measure, seeds), places), strict=True):
        cells.append(MapCell(f"step {step}", profile, seeds, broken))
        if progress is not None:
            progress(len(cells), len(places))
    return CourseMap(cells)


def steps_on_map() -> list[int]:
    """Return the steps that have a row on the map."""
    return [step.number for step in STEPS if step.number >= FIRST_STEP]


def count_cells_of_steps() -> int:
    """Count the cells in the rows of the steps."""
    return len(steps_on_map()) * len(PROFILES)


def store(measured: CourseMap) -> None:
    """Write the measured rows into the package, to the file that `course_map` reads."""
    rows = [
        {
            "step": int(cell.row.removeprefix("step ")),
            "profile": cell.profile,
            "seeds": cell.seeds,
            "broken": cell.broken,
        }
        for cell in measured.cells
    ]
    text = ",\n".join(json.dumps(row) for row in rows)
    write_text(STORED, f"[\n{text}\n]\n")


def _measure(seeds: int, place: tuple[int, str]) -> dict[str, int]:
    return _count(broken_first(*place, seed) for seed in range(seeds))


def _count(broken: Iterable[str]) -> dict[str, int]:
    """Count how often each thing broke first, the most frequent first."""
    found = Counter(name for name in broken if name)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
