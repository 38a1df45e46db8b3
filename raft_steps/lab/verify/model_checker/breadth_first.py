"""Going through a space, the nearest states first.

Each state is gone on from once, and the first finding has a shortest path: no other order of fewer events leads to one.
A limit that is hit is an outcome of its own: it says nothing about the states beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from raft_steps.lab.errors import NodeError
from raft_steps.lab.verify.model_checker.predicate_cache import Finding, Judge
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_space import Event, State
from raft_steps.lab.verify.model_checker.successors import Moves, NodeFailedError
from raft_steps.lab.verify.model_checker.symmetry import Symmetry

EXHAUSTED, VIOLATED, TIME_OUT, GOAL_FOUND, NODE_FAILED = (
    "space exhausted",
    "violated",
    "time out",
    "goal found",
    "node failed",
)
OUTCOMES = (EXHAUSTED, VIOLATED, TIME_OUT, GOAL_FOUND, NODE_FAILED)
LOOK_AT_CLOCK = 256  # States between two looks at the clock.


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to give up.

    Attributes:
        states: After so many distinct states.
        depth: At so many events from the start.
        seconds: After so long, by the clock.
        clock: Tells the time in seconds; only a search with a limit in seconds needs one.
    """

    states: int
    depth: int | None = None
    seconds: float | None = None
    clock: Callable[[], float] | None = None


@dataclass(slots=True)
class Walk:
    """How far a search has come, and how it ended.

    Attributes:
        outcome: One of `OUTCOMES`.
        finding: The predicate that found something, and its words.
        error: What a Node did wrong.
        start: Which of the states that it began with led there.
        path: The events from there on.
        states: How many distinct states were seen.
        transitions: How many times something happened in one of them.
        depth: How many events the longest path had.
        pruned: How many states were not gone on from.
        limit: The limit that was hit, in words.
        ends: Every goal that was found: the start, and the path.
    """

    outcome: str = ""
    finding: Finding | None = None
    error: NodeError | None = None
    start: int = 0
    path: tuple[Event, ...] = ()
    states: int = 0
    transitions: int = 0
    depth: int = 0
    pruned: int = 0
    limit: str = ""
    ends: list[tuple[int, tuple[Event, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Aim:
    """What a search looks for.

    Attributes:
        invariants: What must not be found.
        goal: What is to be found, if anything is.
        prunes: Where not to go on.
        goals: How many states to find before it ends.
    """

    invariants: tuple[Predicate, ...]
    goal: Predicate | None = None
    prunes: tuple[Predicate, ...] = ()
    goals: int = 1

    def predicates(self) -> tuple[Predicate, ...]:
        """Give all of them."""
        return (*self.invariants, *self.prunes, *((self.goal,) if self.goal is not None else ()))


class Judges:
    """Holds states against what a search looks for."""

    def __init__(self, space: Moves, aim: Aim) -> None:
        """Judge the states of a space."""
        self.goals = aim.goals
        self.goal = Judge(space, () if aim.goal is None else (aim.goal,))
        self.invariants, self.prunes = Judge(space, aim.invariants), Judge(space, aim.prunes)


class BreadthFirst:
    """A search of all states, the nearest first."""

    def __init__(self, space: Moves, aim: Aim, limits: Limits, symmetry: Symmetry | None) -> None:
        """Prepare the search."""
        self.space, self.limits, self.symmetry = space, limits, symmetry
        self.judges = Judges(space, aim)
        self.walk = Walk()
        self._parents: list[int] = []
        self._events: list[Event] = []
        self._seen: set[State] = set()
        self._known: set[State] = set()  # with symmetry: states as they are, which are many more

    def run(self, starts: Sequence[State]) -> Walk:
        """Search from these states on."""
        walk, frontier = self.walk, []
        began = self._now()
        for number, state in enumerate(starts):
            if self._is_new(state):
                self._add(-1 - number, ())
                if self._ends(len(self._parents) - 1, state):
                    return walk
                if self._goes_on(state):
                    frontier.append((len(self._parents) - 1, state))
        while frontier:
            if self.limits.depth is not None and walk.depth >= self.limits.depth:
                return self._give_up(f"{self.limits.depth} events from the start")
            frontier = self._deepen(frontier, began)
            if walk.outcome:
                return walk
            walk.depth += bool(frontier)
        walk.outcome = GOAL_FOUND if walk.ends else EXHAUSTED
        return walk

    def _deepen(self, frontier: list[tuple[int, State]], began: float) -> list[tuple[int, State]]:
        """Go one event further from every state of a depth; end the walk if that is all."""
        walk, limits, following = self.walk, self.limits, []
        for number, (parent, state) in enumerate(frontier):
            if walk.states >= limits.states:
                self._give_up(f"{limits.states:,} states")
                return []
            if number % LOOK_AT_CLOCK == 0 and limits.seconds is not None and self._now() - began >= limits.seconds:
                self._give_up(f"{limits.seconds:g} seconds")
                return []
            try:
                moves = self.space.successors(state)
            except NodeFailedError as failed:
                self._fail(failed, parent)
                return []
            walk.transitions += len(moves)
            for event, after in moves:
                if not self._is_new(after):
                    continue
                self._add(parent, event)
                if self._ends(len(self._parents) - 1, after):
                    return []
                if self._goes_on(after):
                    following.append((len(self._parents) - 1, after))
        return following

    def _is_new(self, state: State) -> bool:
        if self.symmetry is not None:
            if state in self._known:
                return False
            self._known.add(state)
            state = self.symmetry.canonical(state)
        before = len(self._seen)
        self._seen.add(state)
        return len(self._seen) > before

    def _add(self, parent: int, event: Event) -> None:
        self._parents.append(parent)
        self._events.append(event)
        self.walk.states += 1

    def _goes_on(self, state: State) -> bool:
        if self.judges.prunes.find(state) is None:
            return True
        self.walk.pruned += 1
        return False

    def _ends(self, index: int, state: State) -> bool:
        """Hold a new state against invariants and goal; say whether the search is over."""
        walk = self.walk
        try:
            found = self.judges.invariants.find(state)
            goal = self.judges.goal.find(state) if found is None else None
        except NodeError as error:  # A predicate asked the nodes themselves.
            walk.outcome, walk.error = NODE_FAILED, error
            walk.start, walk.path = self._path(index)
            return True
        if found is None and goal is None:
            return False
        start, path = self._path(index)
        if found is not None or not walk.ends:
            walk.finding, walk.start, walk.path = found or goal, start, path
            walk.depth = max(walk.depth, len(path))
        if goal is not None:
            walk.ends.append((start, path))
        if found is not None:
            walk.outcome = VIOLATED
        elif len(walk.ends) >= self.judges.goals:
            walk.outcome = GOAL_FOUND
        return bool(walk.outcome)

    def _path(self, index: int) -> tuple[int, tuple[Event, ...]]:
        """Give the start of a state, and the events that lead from there to it."""
        events = []
        while self._parents[index] >= 0:
            events.append(self._events[index])
            index = self._parents[index]
        return -1 - self._parents[index], tuple(reversed(events))

    def _fail(self, failed: NodeFailedError, parent: int) -> None:
        if not isinstance(failed.__cause__, NodeError):
            raise failed.__cause__ or failed
        walk = self.walk
        walk.outcome, walk.error = NODE_FAILED, failed.__cause__
        walk.start, path = self._path(parent)
        walk.path = (*path, failed.event)

    def _give_up(self, limit: str) -> Walk:
        self.walk.outcome, self.walk.limit = TIME_OUT, limit
        return self.walk

    def _now(self) -> float:
        return self.limits.clock() if self.limits.clock is not None else 0.0
