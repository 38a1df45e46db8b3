"""Random walks through a space. They go deep and find what is far away, but never show that a space is exhausted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from raft_steps.lab.errors import NodeError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.verify.model_checker.exploration import (
    GOAL_FOUND,
    VIOLATED,
    Limits,
    Objective,
    ObjectiveCache,
    SearchProgress,
    node_error_of,
)
from raft_steps.lab.verify.model_checker.state_space import SearchEvent, State
from raft_steps.lab.verify.model_checker.successors import NodeFailedError, TransitionSystem


class RandomWalks:
    """Random walks, one after the other, until one finds something."""

    def __init__(self, space: TransitionSystem, objective: Objective, limits: Limits, *, seed: int, walks: int) -> None:
        """Prepare this many walks. Each has its own random stream, which is derived from the seed."""
        self.space, self.limits = space, limits
        self.objective = ObjectiveCache(space, objective)
        self.seed, self.walks = seed, walks
        self.progress = SearchProgress()

    def run(self, starts: Sequence[State]) -> SearchProgress:
        """Walk from these states on, and return how the search ended."""
        progress, limits, visited = self.progress, self.limits, set(starts)
        for walk in range(self.walks):
            stream = RandomStream(self.seed, f"probe/{walk}")
            start = stream.randint(0, len(starts) - 1)
            for state in self._walk(starts[start], start, stream):
                visited.add(state)
                progress.states = len(visited)
            if progress.outcome:
                return progress
            if limits.is_time_up():
                break
        progress.end_at_limit(f"{walk + 1} probes of up to {limits.depth} events")
        return progress

    def _walk(self, state: State, start: int, stream: RandomStream) -> Iterator[State]:
        """Yield the states of one walk, which ends when the search is over."""
        progress = self.progress
        path: list[SearchEvent] = []
        for depth in count(1):
            if self.objective.prunes.find(state) is not None:
                progress.pruned += 1
                return
            try:
                successors = self.space.successors(state)
            except NodeFailedError as failed:
                progress.end_with_failure(node_error_of(failed), start, (*path, failed.event))
                return
            if not successors or (self.limits.depth is not None and depth > self.limits.depth):
                return
            event, state = stream.choice(successors)
            path.append(event)
            progress.transitions += 1
            progress.depth = max(progress.depth, depth)
            try:
                violation, goal = self.objective.evaluate(state)
            except NodeError as error:  # From a predicate that called a handler.
                progress.end_with_failure(error, start, tuple(path))
                return
            if violation is not None or goal is not None:
                progress.outcome = VIOLATED if violation is not None else GOAL_FOUND
                progress.finding, progress.start, progress.path = violation or goal, start, tuple(path)
                if goal is not None:
                    progress.ends.append((start, progress.path))
                yield state
                return
            yield state
