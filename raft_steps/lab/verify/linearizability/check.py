"""The check: is a history linearizable, in what order, or which few operations cannot be explained.

Each key is searched by itself; orders of keys fit together (Herlihy and Wing's locality). A search that runs out of its
limit decides nothing: the verdict is then unknown, never ok.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.finding import Finding
from raft_steps.lab.verify.linearizability.history import History, Operation
from raft_steps.lab.verify.linearizability.minimise import smallest_part
from raft_steps.lab.verify.linearizability.models import MODELS, Model, RegisterModel
from raft_steps.lab.verify.linearizability.search import Budget, OutOfBudgetError, Search, find_order

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.trace.trace import Trace

STEP_LIMIT = 2_000_000  # a few seconds, and some hundred megabytes at worst
SMALLEST_LIMIT = 200_000  # how many more steps to look for the smallest failing part


class LinearizabilityResult(Finding):
    """The result of a check: a `Finding` that prints as a report and can be drawn."""

    __slots__ = ()

    def picture(self, trace: Trace | None = None, *, title: str = "") -> Picture:
        """Draw the history beside the servers and the faults, with the order or the failing part.

        Args:
            trace: The run, for servers and faults; by default the one that the history was taken from.
            title: What the picture is called.
        """
        from raft_steps.lab.verify.linearizability.picture import draw_result

        return draw_result(self, trace if trace is not None else self.history.trace, title)

    def as_data(self) -> dict[str, Any]:
        """Give the result as data that JSON can hold."""
        from raft_steps.lab.verify.linearizability.report import result_data

        return result_data(self)

    def __str__(self) -> str:
        from raft_steps.lab.verify.linearizability.report import report

        return report(self)

    __repr__ = __str__


def check_linearizable(
    history: History,
    model: str | Model = "kv",
    *,
    step_limit: int = STEP_LIMIT,
    time_limit: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LinearizabilityResult:
    """Check whether a history is linearizable.

    Args:
        history: What clients asked and heard.
        model: ``"kv"``, ``"register"``, or a `Model` of your own.
        step_limit: How many operations may be tried before the verdict is unknown.
        time_limit: How many seconds it may take; None for as long as the steps last.
        clock: What tells the seconds for the time limit.

    Raises:
        HistoryError: There is no such model, or it has no rule for an operation of the history.
    """
    chosen = _model(history, model)
    parts = history.by_key()
    for operation in history:
        chosen.require(operation)
    deadline = None if time_limit is None else clock() + time_limit
    budget = Budget(step_limit, deadline, clock)
    found: dict[Hashable, Search] = {}
    undecided: list[Hashable] = []
    for key in sorted(parts, key=lambda key: len(parts[key])):  # what is quickly decided comes first
        try:
            found[key] = find_order(parts[key], chosen, budget)
        except OutOfBudgetError:
            undecided.append(key)
            continue
        if found[key].order is None:
            return _violated(history, chosen, found[key], parts[key], step_limit - budget.steps)
    steps = min(step_limit - budget.steps, step_limit)
    if undecided:
        return LinearizabilityResult("unknown", history, chosen, undecided=tuple(undecided), steps=steps)
    return LinearizabilityResult("ok", history, chosen, order=_together(found), steps=steps)


def _model(history: History, model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    if model not in MODELS:
        raise HistoryError(f"there is no model {model!r}; there are {', '.join(MODELS)}")
    chosen = MODELS[model](history.missing)
    keys = list(history.by_key())
    if type(chosen) is RegisterModel and len(keys) > 1:
        raise HistoryError(f"a register is one, and this history has the keys {keys[0]} and {keys[1]}; its model is kv")
    return chosen


def _violated(
    history: History, model: Model, whole: Search, operations: Sequence[Operation], steps: int
) -> LinearizabilityResult:
    failing = smallest_part(operations, model, SMALLEST_LIMIT)
    try:
        search = find_order(failing, model, Budget(SMALLEST_LIMIT))
    except OutOfBudgetError:  # The part is as hard as the whole was; what the whole's search saw is true of it too.
        search = whole
    return LinearizabilityResult(
        "violated",
        history,
        model,
        failing=failing,
        key=failing[0].key,
        longest_prefix=search.farthest,
        state_after=search.state,
        steps=steps,
    )


def _together(found: Mapping[Hashable, Search]) -> tuple[Operation, ...]:
    """Put the orders of all keys into one: each operation at the earliest place that its key's order allows."""
    placed = []
    for search in found.values():
        earliest = -1
        for number, operation in enumerate(search.order or ()):
            earliest = max(earliest, operation.begin)
            placed.append((earliest, number, operation))
    return tuple(operation for _, _, operation in sorted(placed, key=lambda item: item[:2]))
