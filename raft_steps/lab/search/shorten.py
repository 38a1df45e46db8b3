"""Shortening: events that a random run does not need are taken out, one at a time, until none can be."""

from __future__ import annotations

from raft_steps.lab.search.explore import GOAL_FOUND, VIOLATED, Judges, Walk
from raft_steps.lab.search.moves import Moves
from raft_steps.lab.search.space import Event, State


def shortened(walk: Walk, space: Moves, judges: Judges, starts: list[State]) -> None:
    """Shorten the path of a walk that found something: the same predicate must still find something at its end.

    An event that cannot happen any more once another one is gone goes with it.
    """
    if walk.outcome not in (VIOLATED, GOAL_FOUND) or walk.finding is None:
        return
    judge = judges.invariants if walk.outcome == VIOLATED else judges.goal
    start, place = starts[walk.start], 0
    while place < len(walk.path):
        tried = _follow(space, start, walk.path[:place] + walk.path[place + 1 :])
        found = judge.find(tried[1])
        if found is not None and found[0] is walk.finding[0]:
            walk.path, walk.finding, place = tried[0], found, 0
        else:
            place += 1
    if walk.outcome == GOAL_FOUND:
        walk.ends = [(walk.start, walk.path, _follow(space, start, walk.path)[1])]


def _follow(space: Moves, state: State, path: tuple[Event, ...]) -> tuple[tuple[Event, ...], State]:
    """Follow a path as far as its events can happen; give those that did, and the state after them."""
    happened = []
    for event in path:
        after = dict(space.successors(state)).get(event)
        if after is not None:
            happened.append(event)
            state = after
    return tuple(happened), state
