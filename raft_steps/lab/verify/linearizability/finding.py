"""What a check finds, as plain data."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from raft_steps.lab.verify.linearizability.history import History, Operation
from raft_steps.lab.verify.linearizability.models import Model, State

Verdict = Literal["ok", "violated", "unknown"]


@dataclass(frozen=True, slots=True, repr=False)
class Finding:
    """What a check found: a verdict, and the order or the failing part that proves it.

    Attributes:
        verdict: ok, violated or unknown.
        history: The history that was checked.
        model: The sequential specification that it was checked against.
        order: If the verdict is ok, the operations that took effect, in an order that explains every answer.
        failing: If it is violated, a smallest part of the history that cannot be explained: without any one of these
            operations, the others can be.
        key: The key of the failing part.
        longest_prefix: The longest beginning of an order of the failing part that the search found.
        state_after: What the key held after that beginning.
        undecided: The keys whose search reached the limit.
        limit: If the verdict is unknown, the limit that was reached: ``60 s``, or ``2,000,000 steps``.
        steps: How many operations were tried, over all keys.
    """

    verdict: Verdict
    history: History
    model: Model
    order: tuple[Operation, ...] = ()
    failing: tuple[Operation, ...] = ()
    key: Hashable = None
    longest_prefix: tuple[Operation, ...] = ()
    state_after: State = None
    undecided: tuple[Hashable, ...] = ()
    limit: str = ""
    steps: int = field(default=0, compare=False)


def effect_times(order: Sequence[Operation]) -> list[int]:
    """Return, for each operation of an order, a time at which it may have taken effect, in microseconds.

    The times follow the order and lie between call and return, in the middle of the interval that the order leaves.
    """
    earliest, now_us = [], 0
    for operation in order:
        now_us = max(now_us, operation.called_us)
        earliest.append(now_us)
    last_us = max((op.returned_us or op.called_us for op in order), default=0)
    latest = []
    for operation, earliest_us in zip(reversed(order), reversed(earliest), strict=True):
        last_us = max(min(last_us, last_us if operation.returned_us is None else operation.returned_us), earliest_us)
        latest.append(last_us)
    latest.reverse()
    return [(low + high) // 2 for low, high in zip(earliest, latest, strict=True)]
