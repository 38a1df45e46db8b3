"""Shortens the path that a random walk found: leaves out unneeded events, one at a time, until none can be left out."""

from __future__ import annotations

from raft_steps.lab.errors import NodeError
from raft_steps.lab.verify.model_checker.exploration import (
    GOAL_FOUND,
    VIOLATED,
    ObjectiveCache,
    SearchProgress,
    node_error_of,
)
from raft_steps.lab.verify.model_checker.predicate_cache import PredicateCache, PredicateFinding
from raft_steps.lab.verify.model_checker.state_space import SearchEvent, State
from raft_steps.lab.verify.model_checker.successors import NodeFailedError, TransitionSystem


def minimise(progress: SearchProgress, space: TransitionSystem, objective: ObjectiveCache, starts: list[State]) -> None:
    """Shorten the path to a finding, as long as the same predicate still finds something at its end.

    An event that cannot happen any more once another one is left out is left out with it. The path is then minimal in
    that no single event can be left out; a breadth-first search may still find a shorter one.
    """
    if progress.outcome not in (VIOLATED, GOAL_FOUND) or progress.finding is None:
        return
    predicates = objective.invariants if progress.outcome == VIOLATED else objective.goal
    start, place = starts[progress.start], 0
    while place < len(progress.path):
        path, found = _try(space, predicates, start, progress.path[:place] + progress.path[place + 1 :])
        if found is not None and found[0] is progress.finding[0]:
            progress.path, progress.finding, place = path, found, 0
        else:
            place += 1
    if progress.outcome == GOAL_FOUND:
        progress.ends = [(progress.start, progress.path)]


def _try(
    space: TransitionSystem, predicates: PredicateCache, start: State, path: tuple[SearchEvent, ...]
) -> tuple[tuple[SearchEvent, ...], PredicateFinding | None]:
    """Follow a path, and return the events that could happen and what is found after them; None if a Node fails."""
    try:
        happened, state = _follow(space, start, path)
        return happened, predicates.find(state)
    except NodeFailedError as failed:
        node_error_of(failed)  # Raises what is not the Node's.
    except NodeError:  # From a predicate that called a handler.
        pass
    return path, None


def _follow(
    space: TransitionSystem, state: State, path: tuple[SearchEvent, ...]
) -> tuple[tuple[SearchEvent, ...], State]:
    """Follow a path without the events that cannot happen; return the events that did, and the state after them."""
    happened = []
    for event in path:
        after = dict(space.successors(state)).get(event)
        if after is not None:
            happened.append(event)
            state = after
    return tuple(happened), state
