"""Breadth-first search: every state within a scope, the nearest first.

Each state is expanded once, and the path to the first finding is a shortest one: no sequence of fewer events leads
there. If a search reaches a limit, nothing is known about the states beyond it, so that is an outcome of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from raft_steps.lab.errors import NodeError
from raft_steps.lab.verify.model_checker.exploration import (
    EXHAUSTED,
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
from raft_steps.lab.verify.model_checker.symmetry import SymmetryReduction

STATES_PER_CLOCK_READING = 256
Frontier = list[tuple[int, State]]  # the states of one depth that are to be expanded, each with its number


class BreadthFirstSearch:
    """A search of all states, the nearest first.

    The states themselves are in the visited set. For the paths, each state that was found has a number, under which its
    parent's number and the event that led to it are stored; the parent of the start state k is -1 - k.
    """

    def __init__(
        self, space: TransitionSystem, objective: Objective, limits: Limits, symmetry: SymmetryReduction | None
    ) -> None:
        """Prepare the search."""
        self.space, self.limits, self.symmetry = space, limits, symmetry
        self.objective = ObjectiveCache(space, objective)
        self.progress = SearchProgress()
        self._parents: list[int] = []
        self._events: list[SearchEvent] = []
        # With symmetry, the visited set holds canonical forms only. The second set holds all states as they were found:
        # looking there first is much cheaper than computing the canonical form of a state again.
        self._visited: set[State] = set()
        self._found: set[State] = set()

    def run(self, starts: Sequence[State]) -> SearchProgress:
        """Search from these states on, and return how the search ended."""
        progress = self.progress
        assert not self._parents, "a search runs once"
        frontier: Frontier = []
        for number, state in enumerate(starts):
            if self._is_new(state) and self._add(-1 - number, (), state, frontier):
                return progress
        while frontier:
            if self.limits.depth is not None and progress.depth >= self.limits.depth:
                progress.end_at_limit(f"{self.limits.depth} events from the start")
                return progress
            frontier = self._expand(frontier)
            if progress.outcome:
                return progress
            progress.depth += bool(frontier)
        progress.outcome = GOAL_FOUND if progress.ends else EXHAUSTED
        return progress

    def _expand(self, frontier: Frontier) -> Frontier:
        """Return the new states one event after those of the frontier; end the search if it is over."""
        progress, limits = self.progress, self.limits
        following: Frontier = []
        for count, (parent, state) in enumerate(frontier):
            if progress.states >= limits.states:
                progress.end_at_limit(f"{limits.states:,} states")
                return []
            if count % STATES_PER_CLOCK_READING == 0 and limits.is_time_up():
                progress.end_at_limit(f"{limits.time_s:g} seconds")
                return []
            try:
                successors = self.space.successors(state)
            except NodeFailedError as failed:
                error = node_error_of(failed)
                start, path = self._path(parent)
                progress.end_with_failure(error, start, (*path, failed.event))
                return []
            progress.transitions += len(successors)
            for event, after in successors:
                if self._is_new(after) and self._add(parent, event, after, following):
                    return []
        return following

    def _is_new(self, state: State) -> bool:
        """Return whether a state is visited for the first time."""
        if self.symmetry is not None:
            if state in self._found:
                return False
            self._found.add(state)
            state = self.symmetry.canonical(state)
        before = len(self._visited)
        self._visited.add(state)
        return len(self._visited) > before

    def _add(self, parent: int, event: SearchEvent, state: State, frontier: Frontier) -> bool:
        """Add a new state, to the frontier as well unless it is pruned; return whether the search is over.

        The state is added as it was found and not in its canonical form, so that the events of a path fit together.
        """
        number = len(self._parents)
        self._parents.append(parent)
        self._events.append(event)
        self.progress.states += 1
        if self._is_over(number, state):
            return True
        if self.objective.prunes.find(state) is None:
            frontier.append((number, state))
        else:
            self.progress.pruned += 1
        return False

    def _is_over(self, number: int, state: State) -> bool:
        """Evaluate a new state, and return whether the search is over."""
        progress = self.progress
        try:
            violation, goal = self.objective.evaluate(state)
        except NodeError as error:  # From a predicate that called a handler.
            progress.end_with_failure(error, *self._path(number))
            return True
        if violation is None and goal is None:
            return False
        start, path = self._path(number)
        if violation is not None or not progress.ends:
            progress.finding, progress.start, progress.path = violation or goal, start, path
            progress.depth = max(progress.depth, len(path))
        if goal is not None:
            progress.ends.append((start, path))
        if violation is not None:
            progress.outcome = VIOLATED
        elif len(progress.ends) >= self.objective.goals:
            progress.outcome = GOAL_FOUND
        return bool(progress.outcome)

    def _path(self, number: int) -> tuple[int, tuple[SearchEvent, ...]]:
        """Return the number of the start state from which a state was found, and the events from there on."""
        events = []
        while self._parents[number] >= 0:
            events.append(self._events[number])
            number = self._parents[number]
        return -1 - self._parents[number], tuple(reversed(events))
