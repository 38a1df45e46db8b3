"""A search in stages: to a state that has a name, from there to the next, and at last through a whole space.

A scenario that takes thirty events is far beyond a search of all orders. Said as a few states on the way, each is only
a handful of events from the one before; and the list of them says what the scenario is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.result import SearchResult
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.search import Rules, Search


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One stage of a search: what is looked for, within which scope.

    Attributes:
        name: What happens in it, in words.
        scope: What may happen.
        goal: What is to be found; the last stage may have none, and then goes through its whole space.
        forget: Whether all messages that are on their way are lost when it begins.
    """

    name: str
    scope: Scope = field(default_factory=Scope)
    goal: Predicate | None = None
    forget: bool = False


def run_stages(
    search: Search, stages: Sequence[Phase], *, invariants: Rules = (), **options: Any
) -> tuple[SearchResult, list[str]]:
    """Go through the stages, one from the end of the other; every stage is held against the invariants.

    Args:
        search: The cluster.
        stages: The stages, in order.
        invariants: What must never be found, in any stage.
        options: Further settings of `Search.run`, such as the limits.

    Returns:
        The result of the last stage that was searched, and a line for each: its name, and how it ended. A stage whose
        goal is not found is the last.

    Raises:
        ScenarioError: There is no stage, or a part is not what it should be.
    """
    if not stages:
        raise ScenarioError("a search in stages has at least one")
    told: list[str] = []
    result: SearchResult | None = None
    for number, stage in enumerate(stages, start=1):
        settings = {"goal": stage.goal, "forget": stage.forget, "invariants": invariants} | options
        result = search.run(stage.scope, **settings) if result is None else result.go_on(stage.scope, **settings)
        told.append(f"{number}. {stage.name}: {_ending(result)}")
        if not result.found:
            break
    assert result is not None
    return result, told


def _ending(result: SearchResult) -> str:
    counted = f"{result.states:,} states"
    words = f": {result.what}: {result.words}" if result.violated else f": {result.words}" if result.found else ""
    return f"{result.outcome}{words} ({counted})"
