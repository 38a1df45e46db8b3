"""Shortening: events that a random run does not need are taken out, one at a time, until none can be."""

from __future__ import annotations

from raft_steps.lab.errors import NodeError
from raft_steps.lab.verify.model_checker.breadth_first import GOAL_FOUND, VIOLATED, Judges, Walk
from raft_steps.lab.verify.model_checker.predicate_cache import Finding, Judge
from raft_steps.lab.verify.model_checker.state_space import Event, State
from raft_steps.lab.verify.model_checker.successors import Moves, NodeFailedError


def shortened(walk: Walk, space: Moves, judges: Judges, starts: list[State]) -> None:
    """Shorten the path of a walk that found something: the same predicate must still find something at its end.

    An event that cannot happen any more once another one is gone goes with it.
    """
    if walk.outcome not in (VIOLATED, GOAL_FOUND) or walk.finding is None:
        return
    judge = judges.invariants if walk.outcome == VIOLATED else judges.goal
    start, place = starts[walk.start], 0
    while place < len(walk.path):
        path, found = _try(space, judge, start, walk.path[:place] + walk.path[place + 1 :])
        if found is not None and found[0] is walk.finding[0]:
            walk.path, walk.finding, place = path, found, 0
        else:
            place += 1
    if walk.outcome == GOAL_FOUND:
        walk.ends = [(walk.start, walk.path)]


def _try(space: Moves, judge: Judge, start: State, path: tuple[Event, ...]) -> tuple[tuple[Event, ...], Finding | None]:
    """Follow a path, and say what is found at its end; nothing where a Node fails beside it."""
    try:
        happened, state = _follow(space, start, path)
        return happened, judge.find(state)
    except NodeFailedError as failed:
        if not isinstance(failed.__cause__, NodeError):
            raise
    except NodeError:  # A predicate asked the nodes themselves.
        pass
    return path, None


def _follow(space: Moves, state: State, path: tuple[Event, ...]) -> tuple[tuple[Event, ...], State]:
    """Follow a path as far as its events can happen; give those that did, and the state after them."""
    happened = []
    for event in path:
        after = dict(space.successors(state)).get(event)
        if after is not None:
            happened.append(event)
            state = after
    return tuple(happened), state
