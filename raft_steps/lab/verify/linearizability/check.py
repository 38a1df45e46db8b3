"""The check: whether a history is linearizable, in which order, or which few operations no order explains.

The history is partitioned by key, and each key is searched by itself: their orders fit together (Herlihy and Wing's
locality). A search that reaches its limit decides nothing: the verdict is then unknown, never ok.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.finding import Finding
from raft_steps.lab.verify.linearizability.history import History, Operation
from raft_steps.lab.verify.linearizability.minimise import find_smallest_part
from raft_steps.lab.verify.linearizability.models import MODELS, Model, RegisterModel
from raft_steps.lab.verify.linearizability.search import Budget, LinearizationAttempt, OutOfBudgetError, find_order

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.trace.trace import Trace

STEP_LIMIT = 2_000_000  # a few seconds
MINIMISE_STEP_LIMIT = 200_000  # steps for finding a smallest failing part


class LinearizabilityResult(Finding):
    """The result of a check: a `Finding` that prints as a report and can be drawn."""

    __slots__ = ()

    def picture(self, trace: Trace | None = None, *, title: str = "") -> Picture:
        """Draw the history below the servers and the faults, with the order or the failing part.

        Args:
            trace: The run, for servers and faults; by default the one that the history comes from.
            title: The title of the picture; by default the verdict.
        """
        from raft_steps.lab.verify.linearizability.picture import draw_finding

        return draw_finding(self, trace if trace is not None else self.history.trace, title)

    def as_data(self) -> dict[str, Any]:
        """Return the result as JSON data."""
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
    step_limit: int | None = None,
    time_limit_s: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> LinearizabilityResult:
    """Check whether a history is linearizable.

    Args:
        history: What clients asked and were answered.
        model: ``"kv"``, ``"register"``, or a `Model`.
        step_limit: How many operations may be tried before the verdict is unknown. Without any limit it is 2,000,000, so
            that the result does not depend on the machine; with a limit of time there is none of steps.
        time_limit_s: How many seconds the check may take before the verdict is unknown.
        clock: Returns the time in seconds, for the time limit.

    Returns:
        The result, which prints as a report. If a key is violated, its smallest failing part was found in addition, which
        the limits do not include.

    Raises:
        HistoryError: The history is empty, there is no such model, or it has no rule for an operation of the history.
    """
    chosen = _choose_model(history, model)
    if not len(history):
        raise HistoryError("there is nothing to check: the history has no operation")
    if step_limit is None and time_limit_s is None:
        step_limit = STEP_LIMIT
    parts = history.by_key()
    for operation in history:
        chosen.require(operation)
    deadline_s = None if time_limit_s is None else clock() + time_limit_s
    budget = Budget(step_limit, deadline_s, clock)
    found: dict[Hashable, LinearizationAttempt] = {}
    undecided: list[Hashable] = []
    for key in sorted(parts, key=lambda key: len(parts[key])):  # short ones first: they are decided quickly
        try:
            found[key] = find_order(parts[key], chosen, budget)
        except OutOfBudgetError:
            undecided.append(key)
            continue
        if found[key].order is None:
            return _violated(history, chosen, found[key], parts[key], budget.spent)
    if undecided:
        limit = f"{step_limit:,} steps" if budget.limit == "steps" else f"{time_limit_s:g} s"
        return LinearizabilityResult(
            "unknown", history, chosen, undecided=tuple(undecided), limit=limit, steps=budget.spent
        )
    return LinearizabilityResult("ok", history, chosen, order=_merge(found), steps=budget.spent)


def _choose_model(history: History, model: str | Model) -> Model:
    if isinstance(model, Model):
        return model
    if model not in MODELS:
        raise HistoryError(f"there is no model {model!r}; there are {', '.join(MODELS)}")
    chosen = MODELS[model](history.missing)
    keys = list(history.by_key())
    if type(chosen) is RegisterModel and len(keys) > 1 and not history.is_split:
        raise HistoryError(
            f"a register has no keys, and this history has the keys {keys[0]} and {keys[1]}; use the model kv"
        )
    return chosen


def _violated(
    history: History, model: Model, whole: LinearizationAttempt, operations: Sequence[Operation], steps: int
) -> LinearizabilityResult:
    failing = find_smallest_part(operations, model, MINIMISE_STEP_LIMIT)
    try:
        attempt = find_order(failing, model, Budget(MINIMISE_STEP_LIMIT))
    except OutOfBudgetError:  # The part was hardly reduced, so the attempt at the whole describes it as well.
        attempt = whole
    return LinearizabilityResult(
        "violated",
        history,
        model,
        failing=failing,
        key=failing[0].key,
        longest_prefix=attempt.longest_prefix,
        state_after=attempt.state_after,
        steps=steps,
    )


def _merge(found: Mapping[Hashable, LinearizationAttempt]) -> tuple[Operation, ...]:
    """Merge the orders of all keys: each operation goes to the earliest place that its key's order allows."""
    placed = []
    for attempt in found.values():
        earliest = -1
        for number, operation in enumerate(attempt.order or ()):
            earliest = max(earliest, operation.call_index)
            placed.append((earliest, number, operation))
    return tuple(operation for _, _, operation in sorted(placed, key=lambda item: item[:2]))
