"""The result of a search: one of five outcomes, with the run that was found.

space exhausted    every state within the scope was visited, and none breaks an invariant
violated           an invariant is broken; `schedule` is the counterexample, a run that breaks it
time out           a limit was reached first; nothing is known about the states beyond it
goal found         the goal was found; `schedule` leads there, and `go_on` searches from there on
node failed        a handler raised, did not return, or returned a value; `schedule` leads there
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.verify.model_checker.exploration import EXHAUSTED, GOAL_FOUND, NODE_FAILED, TIME_OUT, VIOLATED
from raft_steps.lab.verify.model_checker.initial_states import StartState
from raft_steps.lab.verify.model_checker.invariants import INVARIANTS, read_invariants
from raft_steps.lab.verify.model_checker.replay import Replay
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.schedule_steps import describe

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.trace.trace import Trace
    from raft_steps.lab.verify.model_checker.predicates import Predicate


class Resumable(Protocol):
    """A search that can be resumed from states that it found.

    This is all that a result needs of the `Search` that returned it. `search` imports this module, so importing it here
    would be a cycle.
    """

    def run(self, *arguments: Any, **options: Any) -> SearchResult:
        """Search as `Search.run` does, from the states in `starts` on."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The result of a search.

    Attributes:
        outcome: One of the five that the module's docstring lists.
        what: The name of the predicate that found something; "" if none did.
        words: What it found, or the error of a node that failed.
        schedule: The run that leads to it, from the first event on; None if nothing was found.
        states: How many distinct states were found.
        transitions: How many transitions were followed.
        depth: How many events the longest run had, counted from the states that this search started from.
        pruned: How many states were not expanded. What lies behind these was not visited, even if the outcome is
            that the space is exhausted.
        limit: The limit that was reached; "" if none was.
        error: The error of a Node that failed.
    """

    outcome: str
    what: str = ""
    words: str = ""
    schedule: Schedule | None = None
    states: int = 0
    transitions: int = 0
    depth: int = 0
    pruned: int = 0
    limit: str = ""
    error: NodeError | None = None
    search: Resumable = field(repr=False)
    node_class: type = field(repr=False)
    invariants: tuple[Predicate, ...] = field(default=(), repr=False)
    ends: tuple[StartState, ...] = field(default=(), repr=False)

    @property
    def exhausted(self) -> bool:
        """Whether every state within the scope was visited, without a violation."""
        return self.outcome == EXHAUSTED

    @property
    def violated(self) -> bool:
        """Whether an invariant is broken."""
        return self.outcome == VIOLATED

    @property
    def found(self) -> bool:
        """Whether the goal was found."""
        return self.outcome == GOAL_FOUND

    def replay(self) -> Replay:
        """Replay the run that was found, on real nodes.

        Raises:
            ScenarioError: Nothing was found.
        """
        if self.schedule is None:
            raise ScenarioError(f"there is no run to show: the search ended with {self.outcome!r}")
        return Replay(self.schedule, self.node_class, self.invariants).run()

    @property
    def trace(self) -> Trace:
        """The trace of the run that was found, with an event a second."""
        return self.replay().trace

    def timeline(self, **options: Any) -> Picture:
        """Draw the run that was found and mark the event that breaks an invariant; the options are those of `timeline`."""
        return self.replay().timeline(**options)

    def steps(self) -> list[str]:
        """Describe the events of the run that was found, each in a sentence."""
        return [] if self.schedule is None else describe(self.schedule, self.node_class)

    def go_on(self, scope: Any = None, **options: Any) -> SearchResult:
        """Continue from the goal states that were found.

        The settings are those of `Search.run`; none are carried over from the search that found the states.

        Raises:
            ScenarioError: No goal was found.
        """
        if not self.ends:
            raise ScenarioError(f"there is no state to go on from: the search ended with {self.outcome!r}")
        return self.search.run(scope, starts=self.ends, **options)

    def __str__(self) -> str:
        """Format the result: the outcome, the numbers, and the events of the run that was found."""
        counted = f"{self.states:,} states, {self.transitions:,} events tried, {self.depth} events deep"
        behind = f"; {self.pruned:,} states were not expanded" if self.pruned else ""
        lines = [f"{self._headline()} ({counted}{behind})"]
        lines += [f"{number:>4}. {step}" for number, step in enumerate(self.steps(), start=1)]
        return "\n".join(lines)

    def _headline(self) -> str:
        if self.outcome == EXHAUSTED:
            return "Space exhausted: no order of events within the scope breaks anything."
        if self.outcome == TIME_OUT:
            return f"Time out at {self.limit}: nothing was found so far, and nothing is said about the rest."
        if self.outcome == NODE_FAILED:
            return f"Node failed: {self.words}"
        return f"Violated: {self.what}: {self.words}." if self.violated else f"Goal found: {self.words}."


def run_schedule(
    schedule: Schedule | str, node: type | None = None, invariants: str | Predicate | Iterable[str | Predicate] = ()
) -> Replay:
    """Replay a schedule on real nodes: `trace` can be drawn and narrated, `breaks` lists the invariants that broke.

    Args:
        schedule: A schedule, or its line of text.
        node: The Node class to run; that of the schedule's step by default.
        invariants: What to check in every state, besides the invariant that the schedule breaks.

    Raises:
        ScenarioError: The schedule cannot be read, or an event of it cannot happen.
    """
    from raft_steps import node as build_node

    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    if node is None and schedule.step is None:
        raise ScenarioError("this schedule names no step; give it a Node class")
    rules = read_invariants(invariants)
    if schedule.breaks in INVARIANTS and INVARIANTS[schedule.breaks] not in rules:
        rules = (INVARIANTS[schedule.breaks], *rules)
    try:
        node_class: type = node or build_node(schedule.step or 0)
    except LookupError as error:
        raise ScenarioError(str(error)) from error
    return Replay(schedule, node_class, rules).run()
