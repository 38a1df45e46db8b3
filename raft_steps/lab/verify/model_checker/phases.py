"""A search in phases: to a goal, from there to the next goal, and in the end through a whole space.

A run of thirty events is far beyond the reach of a breadth-first search. Each of a few goals on the way is only a
handful of events from the one before, and the list of goals tells the reader what happens in the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.result import SearchResult
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.search import Invariants, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a search: its scope and its goal.

    Attributes:
        name: What happens in it, in words.
        scope: What may happen.
        goal: What is to be found. The last phase may have none; it then goes through its whole space.
        forget: Whether all messages in flight are lost before it begins.
    """

    name: str
    scope: Scope = field(default_factory=Scope)
    goal: Predicate | None = None
    forget: bool = False


def run_phases(
    search: Search, phases: Sequence[Phase], *, invariants: Invariants = (), **options: Any
) -> tuple[SearchResult, list[str]]:
    """Search phase by phase, each from the goal of the one before, and check the invariants in all of them.

    Args:
        search: The cluster.
        phases: The phases, in order.
        invariants: What must hold in every phase.
        options: Other settings of `Search.run`, such as the limits.

    Returns:
        The result of the last phase that was searched, and a line for each phase with its name and how it ended. A
        phase whose goal is not found is the last one.

    Raises:
        ScenarioError: There is no phase, or a setting is wrong.
    """
    if not phases:
        raise ScenarioError("a search in phases needs at least one phase")
    lines: list[str] = []
    result: SearchResult | None = None
    for number, phase in enumerate(phases, start=1):
        settings = {"goal": phase.goal, "forget": phase.forget, "invariants": invariants} | options
        result = search.run(phase.scope, **settings) if result is None else result.go_on(phase.scope, **settings)
        lines.append(f"{number}. {phase.name}: {_ending(result)}")
        if not result.found:
            break
    assert result is not None
    return result, lines


def _ending(result: SearchResult) -> str:
    counted = f"{result.states:,} states"
    words = f": {result.what}: {result.words}" if result.violated else f": {result.words}" if result.found else ""
    return f"{result.outcome}{words} ({counted})"
