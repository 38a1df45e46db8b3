"""What a search comes to: one outcome of five, in words, with the run that it found.

space exhausted    every state within the scope was seen, and none breaks an invariant
violated           an invariant is broken; the run that breaks it is here
time out           a limit was hit first: nothing is said about the states beyond
goal found         the goal is reached; the run that reaches it is here, and one can go on from its end
node failed        a handler raised, did not come back, or returned something; the run up to it is here
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.verify.model_checker.breadth_first import EXHAUSTED, GOAL_FOUND, NODE_FAILED, TIME_OUT, VIOLATED
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

    A result needs no more of the `Search` that it comes from, so this module does not import that one, which builds it.
    """

    def run(self, scope: Any = None, *, starts: Iterable[StartState] = ..., **options: Any) -> SearchResult:
        """Search from these states on."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """How a search ended.

    Attributes:
        outcome: One of the five above.
        what: The predicate that found something; "" where none did.
        words: What it found; of a node that failed, the error; of a time out, the limit.
        schedule: The run that leads there, from the first event on; None where nothing was found.
        states: How many distinct states were seen.
        transitions: How many events happened in them.
        depth: How many events the longest run had, from where this search began.
        pruned: How many states were not gone on from. Where there are any, an exhausted space is exhausted but for
            what lies behind them.
        limit: The limit that was hit; "" where none was.
        error: What a Node did wrong.
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
        """Whether every state within the scope was seen, without a violation."""
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
        """Run what was found again, on real nodes.

        Raises:
            ScenarioError: Nothing was found.
        """
        if self.schedule is None:
            raise ScenarioError(f"there is no run to show: the search ended with {self.outcome!r}")
        return Replay(self.schedule, self.node_class, self.invariants).run()

    @property
    def trace(self) -> Trace:
        """What happens in the run that was found, an event a second."""
        return self.replay().trace

    def timeline(self, **options: Any) -> Picture:
        """Draw the run that was found; the event that breaks an invariant is marked. Options as those of `timeline`."""
        return self.replay().timeline(**options)

    def steps(self) -> list[str]:
        """List the events of the run that was found, in words."""
        return [] if self.schedule is None else describe(self.schedule, self.node_class)

    def go_on(self, scope: Any = None, **options: Any) -> SearchResult:
        """Search on from the states that were found, with other settings; they are those of `Search.run`.

        Raises:
            ScenarioError: No goal was found.
        """
        if not self.ends:
            raise ScenarioError(f"there is no state to go on from: the search ended with {self.outcome!r}")
        return self.search.run(scope, starts=self.ends, **options)

    def __str__(self) -> str:
        """Say all of it."""
        counted = f"{self.states:,} states, {self.transitions:,} events tried, {self.depth} events deep"
        behind = f"; {self.pruned:,} states were not gone on from" if self.pruned else ""
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
    """Run a schedule on real nodes: its `trace` can be drawn and told, its `breaks` say what broke and when.

    Args:
        schedule: A schedule, or its line of text.
        node: The Node class to run; that of the schedule's step by default.
        invariants: What to hold every state against, beside what the schedule says that it breaks.

    Raises:
        ScenarioError: The schedule cannot be read, or an event of it cannot happen.
    """
    from raft_steps import node as node_of

    if isinstance(schedule, str):
        schedule = Schedule.parse(schedule)
    if node is None and schedule.step is None:
        raise ScenarioError("this schedule names no step; give it a Node class")
    rules = read_invariants(invariants)
    if schedule.breaks in INVARIANTS and INVARIANTS[schedule.breaks] not in rules:
        rules = (INVARIANTS[schedule.breaks], *rules)
    try:
        node_class: type = node or node_of(schedule.step or 0)
    except LookupError as error:
        raise ScenarioError(str(error)) from error
    return Replay(schedule, node_class, rules).run()
