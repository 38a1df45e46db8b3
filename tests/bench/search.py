"""The speed of the search: transitions and distinct states a second on one core, what a state costs, where time goes.

The measured search is that of step 8 with three servers, two elections, a crash, a heartbeat and a write, against all
invariants that it keeps within that scope or not: Log Matching alone, so that it does not end early.
"""

from __future__ import annotations

import cProfile
import pstats
import time
import tracemalloc

from raft_steps.lab.verify.model_checker import Scope, Search, SearchResult

TARGET = 20_000  # transitions a second
SCOPE = Scope(timeouts={"election": 2, "heartbeat": 1}, crashes=1, commands=("set x 1",))
RULES = ("Log Matching",)
# Where the time goes, by the file that spends it; all that is named nowhere here belongs to the nodes and their handlers.
PARTS = {
    "symmetry.py": "symmetry",
    "judge.py": "invariants",
    "invariants.py": "invariants",
    "moves.py": "successors",
    "space.py": "successors",
    "explore.py": "the loop",
    "~": "Python's own functions",
}


def searched(states: int, *, symmetry: bool) -> tuple[SearchResult, float]:
    """Search up to so many distinct states; give the result, and how long it took in seconds."""
    search = Search(8, servers=3)
    begun = time.perf_counter()
    result = search.run(SCOPE, invariants=RULES, symmetry=symmetry, states=states)
    return result, time.perf_counter() - begun


def bytes_per_state(states: int, *, symmetry: bool) -> float:
    """Give what one distinct state takes in memory, with all that is kept beside it."""
    tracemalloc.start()
    try:
        result, _ = searched(states, symmetry=symmetry)
        return tracemalloc.get_traced_memory()[1] / result.states
    finally:
        tracemalloc.stop()


def shares(states: int) -> dict[str, float]:
    """Give the share of the time that each part takes by itself, as the profiler sees it."""
    profile = cProfile.Profile()
    profile.enable()
    searched(states, symmetry=True)
    profile.disable()
    figures = pstats.Stats(profile)
    found = dict.fromkeys(["nodes", *PARTS.values()], 0.0)
    for (path, _, _), row in figures.stats.items():  # type: ignore[attr-defined]
        found[PARTS.get(path.rpartition("/")[2], "nodes")] += row[2]
    return {part: seconds / sum(found.values()) for part, seconds in found.items()}


def search_rows(states: int) -> list[tuple[str, str, str, bool | None]]:
    """Measure the search up to so many distinct states.

    Returns:
        Rows for the table: what is measured, the figure, the target, and whether it is met.
    """
    rows: list[tuple[str, str, str, bool | None]] = []
    for symmetry in (True, False):
        result, took = searched(states, symmetry=symmetry)
        rate = result.transitions / took
        measured = f"{rate:,.0f} transitions/s, {result.states / took:,.0f} states/s"
        name = "search, step 8, " + ("with symmetry" if symmetry else "without symmetry")
        rows.append((name, measured, f"{TARGET:,} transitions/s", rate >= TARGET))
    weights = [f"{bytes_per_state(states // 5 or 1, symmetry=symmetry):,.0f}" for symmetry in (True, False)]
    rows.append(("search, bytes for a state", f"{weights[0]} with symmetry, {weights[1]} without", "", None))
    spent = ", ".join(f"{part} {share:.0%}" for part, share in shares(states // 5 or 1).items())
    rows.append(("search, where the time goes", spent, "", None))
    return rows
