"""Random runs into a space: they go deep, find what lies far away, and never say that a space is exhausted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from raft_steps.lab.errors import NodeError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.verify.model_checker.breadth_first import (
    GOAL_FOUND,
    NODE_FAILED,
    TIME_OUT,
    VIOLATED,
    Aim,
    Judges,
    Limits,
    Walk,
)
from raft_steps.lab.verify.model_checker.state_space import Event, State
from raft_steps.lab.verify.model_checker.successors import Moves, NodeFailedError


class Probes:
    """Random paths into a space."""

    def __init__(self, space: Moves, aim: Aim, limits: Limits, *, seed: int, probes: int) -> None:
        """Prepare this many paths, drawn from a seed."""
        self.space, self.limits = space, limits
        self.judges = Judges(space, aim)
        self.seed, self.probes = seed, probes
        self.walk = Walk()

    def run(self, starts: Sequence[State]) -> Walk:
        """Try one path after the other until one finds something."""
        walk, limits, seen = self.walk, self.limits, set(starts)
        began = limits.clock() if limits.clock is not None else 0.0
        for probe in range(self.probes):
            stream = RandomStream(self.seed, f"probe/{probe}")
            walk.start = stream.randint(0, len(starts) - 1)
            for found in self._follow(starts[walk.start], stream):
                seen.add(found)
                walk.states = len(seen)
                if walk.outcome:
                    return walk
            if limits.clock is not None and limits.seconds is not None and limits.clock() - began >= limits.seconds:
                break
        walk.outcome, walk.limit = TIME_OUT, f"{probe + 1} probes of up to {limits.depth} events"
        walk.path = ()
        return walk

    def _follow(self, state: State, stream: RandomStream) -> Iterator[State]:
        """Go along one path; the walk has an outcome when it found something."""
        walk = self.walk
        walk_path: list[Event] = []
        for depth in count(1):
            if self.judges.prunes.find(state) is not None:
                walk.pruned += 1
                return
            try:
                moves = self.space.successors(state)
            except NodeFailedError as failed:
                if not isinstance(failed.__cause__, NodeError):
                    raise
                walk.outcome, walk.error, walk.path = NODE_FAILED, failed.__cause__, (*walk_path, failed.event)
                return
            if not moves or (self.limits.depth is not None and depth > self.limits.depth):
                return
            event, state = stream.choice(moves)
            walk_path.append(event)
            walk.transitions += 1
            walk.depth = max(walk.depth, depth)
            try:
                found = self.judges.invariants.find(state)
                goal = self.judges.goal.find(state) if found is None else None
            except NodeError as error:  # A predicate asked the nodes themselves.
                walk.outcome, walk.error, walk.path = NODE_FAILED, error, tuple(walk_path)
                return
            if found is not None or goal is not None:
                walk.outcome = VIOLATED if found is not None else GOAL_FOUND
                walk.finding, walk.path = found or goal, tuple(walk_path)
                if goal is not None:
                    walk.ends.append((walk.start, walk.path))
            yield state
