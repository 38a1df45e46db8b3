"""Shared by breadth-first search and random walks: the objective, the limits, and the progress of a search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from raft_steps.lab.errors import NodeError
from raft_steps.lab.verify.model_checker.predicate_cache import PredicateCache, PredicateFinding
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_space import SearchEvent, State
from raft_steps.lab.verify.model_checker.successors import NodeFailedError, TransitionSystem

EXHAUSTED, VIOLATED, TIME_OUT, GOAL_FOUND, NODE_FAILED = (
    "space exhausted",
    "violated",
    "time out",
    "goal found",
    "node failed",
)
OUTCOMES = (EXHAUSTED, VIOLATED, TIME_OUT, GOAL_FOUND, NODE_FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When to give up.

    Attributes:
        states: The maximum number of distinct states; random walks ignore it.
        depth: The maximum number of events from the start.
        time_s: The maximum time by the clock, in seconds.
        clock: Returns the time in seconds; only a search with a time limit needs one.
        begun_s: When the search began, by the clock.
    """

    states: int
    depth: int | None = None
    time_s: float | None = None
    clock: Callable[[], float] | None = None
    begun_s: float = 0.0

    def is_time_up(self) -> bool:
        """Return whether the search has reached its time limit."""
        return self.time_s is not None and self.clock is not None and self.clock() - self.begun_s >= self.time_s


@dataclass(frozen=True, slots=True)
class Objective:
    """What a search looks for.

    Attributes:
        invariants: What must not be found.
        goal: What is to be found, if anything is.
        prunes: States in which one of these finds something are not expanded.
        goals: How many goal states to find before the search ends.
    """

    invariants: tuple[Predicate, ...]
    goal: Predicate | None = None
    prunes: tuple[Predicate, ...] = ()
    goals: int = 1

    def predicates(self) -> tuple[Predicate, ...]:
        """Return all predicates."""
        return (*self.invariants, *self.prunes, *((self.goal,) if self.goal is not None else ()))


class ObjectiveCache:
    """Evaluates states against an objective.

    Attributes:
        goals: How many goal states to find.
        goal: Finds the goal.
        invariants: Finds a broken invariant.
        prunes: Finds a reason not to expand a state.
    """

    def __init__(self, space: TransitionSystem, objective: Objective) -> None:
        """Create empty caches for the states of a space."""
        self.goals = objective.goals
        self.goal = PredicateCache(space, () if objective.goal is None else (objective.goal,))
        self.invariants = PredicateCache(space, objective.invariants)
        self.prunes = PredicateCache(space, objective.prunes)

    def evaluate(self, state: State) -> tuple[PredicateFinding | None, PredicateFinding | None]:
        """Return the violation that is found in a state, and the goal; of a state with both, only the violation.

        Raises:
            NodeError: A predicate called a handler, and it failed.
        """
        violation = self.invariants.find(state)
        return (violation, None) if violation is not None else (None, self.goal.find(state))


@dataclass(slots=True)
class SearchProgress:
    """How far a search has come, and how it ended.

    Attributes:
        outcome: One of `OUTCOMES`; "" while it goes on.
        finding: The predicate that found something, and what it found.
        error: The error of a Node that failed.
        start: The number of the start state that leads to the finding or the error.
        path: The events from there on.
        states: How many distinct states were found.
        transitions: How many transitions were followed.
        depth: How many events the longest path has.
        pruned: How many states were not expanded.
        limit: The limit that was reached, in words.
        ends: Every goal that was found: the number of the start state, and the path.
    """

    outcome: str = ""
    finding: PredicateFinding | None = None
    error: NodeError | None = None
    start: int = 0
    path: tuple[SearchEvent, ...] = ()
    states: int = 0
    transitions: int = 0
    depth: int = 0
    pruned: int = 0
    limit: str = ""
    ends: list[tuple[int, tuple[SearchEvent, ...]]] = field(default_factory=list)

    def end_with_failure(self, error: NodeError, start: int, path: tuple[SearchEvent, ...]) -> None:
        """End because a Node failed after this path."""
        self.outcome, self.error, self.start, self.path = NODE_FAILED, error, start, path

    def end_at_limit(self, limit: str) -> None:
        """End because a limit was reached."""
        self.outcome, self.limit = TIME_OUT, limit


def node_error_of(failed: NodeFailedError) -> NodeError:
    """Return the error of the Node whose handler failed.

    Raises:
        Exception: The error is the laboratory's, such as the one for a Node that a search cannot handle.
    """
    if isinstance(failed.__cause__, NodeError):
        return failed.__cause__
    raise failed.__cause__ or failed
