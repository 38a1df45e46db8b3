"""The course map: which step survives which adversity, what breaks it, and which step mends that.

The steps' own shares are stored beside this module, because hundreds of seeds of each are no work for a reader's
machine; `raft-steps course-map --renew` measures them again. A Node of one's own is tried when it is put on the map.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from raft_steps import STEPS
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.fuzzer.course_map.report import Cell, CourseMap
from raft_steps.lab.verify.fuzzer.course_map.trial import broken_first
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.fuzzer.workers import over_cores

__all__ = ["Cell", "CourseMap", "course_map", "measure_steps"]

STORED = Path(__file__).parent / "measured.json"
OWN_SEEDS = 20
FIRST_STEP = 2  # a single server has no network, and no adversity but its crashes


def course_map(node_class: type | None = None, *, seeds: int = OWN_SEEDS, title: str = "your Node") -> CourseMap:
    """Give the course map, with a line for a Node of one's own if there is one.

    Args:
        node_class: Your own Node class; None for the steps alone.
        seeds: With how many seeds of each kind of adversity it is tried.
        title: What its line is called.

    Raises:
        ScenarioError: It is no Node class, or it is tried with no seeds.
    """
    if seeds < 1 or (node_class is not None and not isinstance(node_class, type)):
        raise ScenarioError("the course map takes a Node class of your own, and at least one seed")
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    cells = [Cell(f"step {row['step']}", row["profile"], row["seeds"], row["broken"]) for row in stored]
    if node_class is not None:
        found = {
            profile: [broken_first(None, profile, seed, node_class) for seed in range(seeds)] for profile in PROFILES
        }
        cells += [Cell(title, profile, seeds, _counted(broken)) for profile, broken in found.items()]
    return CourseMap(cells)


def measure_steps(
    seeds: int, steps: Iterable[int] | None = None, progress: Callable[[int, int], None] | None = None
) -> CourseMap:
    """Measure the map of the steps anew, over all cores.

    Args:
        seeds: How many seeds of each kind of adversity.
        steps: Which steps; all from step 2 on by default.
        progress: Told after each cell how many are done, of how many.
    """
    places = [(step, profile) for step in steps or steps_on_it() for profile in PROFILES]
    cells = []
    for (step, profile), broken in zip(places, over_cores(partial(_measure, seeds), places), strict=True):
        cells.append(Cell(f"step {step}", profile, seeds, broken))
        if progress is not None:
            progress(len(cells), len(places))
    return CourseMap(cells)


def steps_on_it() -> list[int]:
    """Name the steps that have a row on the map."""
    return [step.number for step in STEPS if step.number >= FIRST_STEP]


def cells_of_the_steps() -> int:
    """Count the cells that the steps have."""
    return len(steps_on_it()) * len(PROFILES)


def store(measured: CourseMap) -> None:
    """Keep what was measured as the map that everybody sees."""
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
    STORED.write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")


def _measure(seeds: int, place: tuple[int, str]) -> dict[str, int]:
    return _counted(broken_first(*place, seed) for seed in range(seeds))


def _counted(broken: Iterable[str]) -> dict[str, int]:
    """Count what broke first, the most frequent first."""
    found = Counter(name for name in broken if name)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
