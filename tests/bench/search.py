"""The speed of the model checker: transitions and states a second on one core, bytes for a state, where time goes.

The measured search is that of step 8 with three servers, two elections, a crash, a heartbeat and a write. It checks Log
Matching alone, which holds within that scope, so that the search does not end early.
"""

from __future__ import annotations

import cProfile
import pstats
import time
import tracemalloc

from raft_steps.lab.verify.model_checker import Scope, Search, SearchResult

TARGET = 20_000  # transitions a second
SCOPE = Scope(timeouts={"election": 2, "heartbeat": 1}, crashes=1, commands=("set x 1",))
INVARIANTS = ("Log Matching",)
# The part of each file of the model checker; all other time is that of the nodes and their handlers.
PARTS = {
    "symmetry.py": "symmetry",
    "predicate_cache.py": "invariants",
    "invariants.py": "invariants",
    "successors.py": "successors",
    "state_space.py": "successors",
    "breadth_first.py": "the loop",
    "exploration.py": "the loop",
    "~": "Python's own functions",
}


def timed_search(states: int, *, symmetry: bool) -> tuple[SearchResult, float]:
    """Search up to so many distinct states, and return the result and the time that it took in seconds."""
    search = Search(8, servers=3)
    start_s = time.perf_counter()
    result = search.run(SCOPE, invariants=INVARIANTS, symmetry=symmetry, states=states)
    return result, time.perf_counter() - start_s


def bytes_per_state(states: int, *, symmetry: bool) -> float:
    """Return the memory for one distinct state, with everything that is stored for it."""
    tracemalloc.start()
    try:
        result, _ = timed_search(states, symmetry=symmetry)
        return tracemalloc.get_traced_memory()[1] / result.states
    finally:
        tracemalloc.stop()


def time_shares(states: int) -> dict[str, float]:
    """Return each part's share of the time, without the time of the functions that it calls."""
    profile = cProfile.Profile()
    profile.enable()
    timed_search(states, symmetry=True)
    profile.disable()
    stats = pstats.Stats(profile)
    found = dict.fromkeys(["nodes", *PARTS.values()], 0.0)
    for (path, _, _), row in stats.stats.items():  # type: ignore[attr-defined]  # typeshed leaves `stats` out.
        found[PARTS.get(path.rpartition("/")[2], "nodes")] += row[2]
    return {part: time_s / sum(found.values()) for part, time_s in found.items()}


def search_rows(states: int) -> list[tuple[str, str, str, bool | None]]:
    """Measure the search up to so many distinct states.

    Returns:
        Rows of a table: the name of the measurement, the figure, the target, and whether it is met.
    """
    rows: list[tuple[str, str, str, bool | None]] = []
    for symmetry in (True, False):
        result, took_s = timed_search(states, symmetry=symmetry)
        rate = result.transitions / took_s
        measured = f"{rate:,.0f} transitions/s, {result.states / took_s:,.0f} states/s"
        name = "search, step 8, " + ("with symmetry" if symmetry else "without symmetry")
        rows.append((name, measured, f"{TARGET:,} transitions/s", rate >= TARGET))
    weights = [f"{bytes_per_state(states // 5 or 1, symmetry=symmetry):,.0f}" for symmetry in (True, False)]
    rows.append(("search, bytes for a state", f"{weights[0]} with symmetry, {weights[1]} without", "", None))
    spent = ", ".join(f"{part} {share:.0%}" for part, share in time_shares(states // 5 or 1).items())
    rows.append(("search, where the time goes", spent, "", None))
    return rows
