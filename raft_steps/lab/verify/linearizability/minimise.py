"""Finds a smallest part of a history that still has no linearization.

Every reduction here is a *weakening*: if the reduced part has no order, then the part before had none either, and so the
whole history has none. No reduction can make the rest inexplicable that was explicable before.

- Cut off what comes after a moment; what was pending then may or may not have happened.
- Cut off what returned before a set or a delete was called, if no operation of the part observed a value before that
  write returned. For the reads that stay, the last set of each value that they found is kept all the same.
- Leave out a read: there is one answer less to explain.
- Leave out a write that no operation of the part could have observed.
- Leave out a set if a later one of the same value can stand for it, because that one returns before any read of the
  value is called.

The result is smallest in this sense: no reduction applies to any single operation of it. What the writes of a learner's
own model mean is not known, so for such a model only the first reduction is tried, and the third for what it calls reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.linearizability.models import Model, is_built_in
from raft_steps.lab.verify.linearizability.search import Budget, OutOfBudgetError, find_order, is_relevant

MAX_ROUNDS = 20
TRIAL_LIMIT = 20_000  # steps for one reduction; one that needs more is given up


def find_smallest_part(operations: Sequence[Operation], model: Model, step_limit: int) -> tuple[Operation, ...]:
    """Find a smallest part of the operations of one key that has no order.

    Args:
        operations: The operations, in the order of their calls; they have no order.
        model: Their sequential specification.
        step_limit: How many steps to spend; the smallest part that was found by then is returned.

    Returns:
        Operations of the history, unchanged, in the order of their calls.
    """
    assert all(one.call_index < other.call_index for one, other in pairwise(operations)), "not in the order of calls"
    return _Minimiser(operations, model, step_limit).run()


class _Minimiser:
    """One minimisation; `part` is the smallest part so far, and has no order."""

    def __init__(self, operations: Sequence[Operation], model: Model, step_limit: int) -> None:
        self.originals = {op.call_index: op for op in operations}
        self.part = [op for op in operations if is_relevant(op, model)]
        self.model, self.steps = model, step_limit

    def run(self) -> tuple[Operation, ...]:
        """Apply reductions until none applies any more."""
        if is_built_in(self.model):
            self.cut_before(hurry=True)
            self.cut_after()
            self.cut_before()
        else:
            self.cut_after()
        self.leave_out()
        # Operations that lost their return in a cut get it back. With it they explain less, so more may be left out.
        self.part = [self.originals[op.call_index] for op in self.part]
        self.leave_out()
        return tuple(self.part)

    def leave_out(self) -> None:
        """Leave out operations until no more can be left out."""
        for _ in range(MAX_ROUNDS):
            before = list(self.part)
            self.leave_out_unread()
            self.leave_out_many(self.model.only_reads)
            self.leave_out_repeated_sets()
            if self.part == before:
                return

    def try_part(self, part: list[Operation]) -> bool:
        """Continue with a weaker part if it has no order either; return whether it has none."""
        budget = Budget(min(TRIAL_LIMIT, self.steps))
        try:
            found = find_order(part, self.model, budget)
        except OutOfBudgetError:
            return False
        finally:
            self.steps -= budget.spent
        if found.order is None:
            self.part = part
        return found.order is None

    def cut_after(self) -> None:
        """Cut off what comes after the first return that cannot be explained, by bisection."""
        whole = self.part
        ends = sorted(op.return_index for op in whole if op.outcome == "ok")
        low, high = 0, len(ends) - 1  # that return is one of these
        while low < high:
            middle = (low + high) // 2
            if self.try_part(_until(whole, ends[middle], self.model)):
                high = middle
            else:
                low = middle + 1

    def cut_before(self, *, hurry: bool = False) -> None:
        """Cut off what returned before a set or a delete was called: the last one for which that works.

        Args:
            hurry: Whether to skip more and more of these writes, the farther they are from the end.
        """
        whole, stride = self.part, 1.0
        writes = [op for op in whole if op.outcome == "ok" and op.action in ("set", "delete")]
        place = float(len(writes) - 1)
        while place >= 0:
            write = writes[int(place)]
            rest = [op for op in whole if op.outcome != "ok" or op.return_index > write.call_index]
            rest = [op for op in rest if not op.is_read or op.call_index > write.return_index]
            is_observed_early = any(_is_observer(op) and op.call_index < write.return_index for op in rest)
            if len(rest) < len(whole) and not is_observed_early and self.try_part(rest):
                self.part = sorted([*rest, *_sources(rest, whole)], key=lambda op: op.call_index)
                return
            place -= stride
            stride *= 1.25 if hurry else 1.0

    def leave_out_many(self, may_go: Callable[[Operation], bool]) -> None:
        """Leave out operations that may go: at first many at once, then fewer, then one at a time."""
        size = max(len(self.part) // 2, 1)
        while True:
            start = 0
            while start < len(self.part):
                chunk = self.part[start : start + size]
                kept = [op for op in chunk if not may_go(op)]
                shorter = [*self.part[:start], *kept, *self.part[start + size :]]
                if len(kept) < len(chunk) and self.try_part(shorter):
                    start += len(kept)
                else:
                    start += size
            if size == 1:
                return
            size //= 2

    def leave_out_unread(self) -> None:
        """Leave out the writes that no operation could have observed: first those that may never have happened anyway."""
        while True:
            observations = _Observations(self.part, self.model)
            kept = [op for op in self.part if op.outcome == "ok" or observations.could_matter(op)]
            if len(kept) == len(self.part) or not self.try_part(kept):
                break
        observations = _Observations(self.part, self.model)
        self.leave_out_many(lambda op: not op.is_read and not observations.could_matter(op))

    def leave_out_repeated_sets(self) -> None:
        """Leave out each set that a later one of the same value can stand for."""
        for write in [op for op in self.part if op.outcome == "ok" and op.action == "set"]:
            if _Observations(self.part, self.model).has_stand_in(write):
                self.try_part([op for op in self.part if op is not write])


def _until(operations: Sequence[Operation], place: int, model: Model) -> list[Operation]:
    """Return the operations that were called by an index; what was pending then may or may not take effect."""
    begun = [op for op in operations if op.call_index <= place]
    ended = [op if op.outcome == "ok" and op.return_index <= place else None for op in begun]
    return [
        op or was.with_unknown_outcome()
        for op, was in zip(ended, begun, strict=True)
        if op or not model.only_reads(was)
    ]


def _sources(part: Sequence[Operation], whole: Sequence[Operation]) -> list[Operation]:
    """Return the last set, before a part, of each value that an operation of the part found and none of it wrote before."""
    sets = [op for op in part if op.action == "set"]
    wanted = set()
    for observer in part:
        if _is_observer(observer) and not any(
            op.value == observer.observed and op.call_index < observer.return_index for op in sets
        ):
            wanted.add(observer.observed)
    places = {op.call_index for op in part}
    found = {}
    for op in sorted(whole, key=lambda op: op.return_index):
        if op.outcome == "ok" and op.action == "set" and op.value in wanted and op.call_index not in places:
            found[op.value] = op
    return list(found.values())


class _Observations:
    """The values that the operations of a part have observed, and so the writes that could matter."""

    def __init__(self, part: Sequence[Operation], model: Model) -> None:
        self.part, self.model = part, model
        self.is_built_in = is_built_in(model)
        self.observed = {op.observed for op in part if _is_observer(op)}
        maybe = [op for op in part if op.action == "cas" and op.outcome == "unknown"]
        while found := [op for op in maybe if op.value in self.observed and op.expected not in self.observed]:
            self.observed |= {op.expected for op in found}
        self.has_appends = any(op.action == "append" for op in part)
        self.has_refusals = any(op.action == "cas" and op.is_read for op in part)
        self.first_observation = min(
            (op.call_index for op in part if op.action in ("get", "cas", "append")), default=-1
        )

    def could_matter(self, write: Operation) -> bool:
        """Return whether some order could need a write; in doubt, it could.

        The others can go for this reason: take such a write out of an order. Until the next set, cas or delete, the key
        then holds another value, but no operation observed the old one either. Only a cas that answers no observed what
        the key did not hold; so if the part has one, a write may go only if it is overwritten before the first
        observation.
        """
        if not self.is_built_in or self._is_observed(write):
            return True
        return self.has_refusals and not any(self._overwrites(op, write) for op in self.part)

    def _is_observed(self, write: Operation) -> bool:
        """Return whether an operation observed a value that this write may have contributed to."""
        if write.action == "delete":
            return self.has_appends or self.model.initial in self.observed
        if self.has_appends and any(str(write.value) in str(observed) for observed in self.observed):
            return True
        return write.value in self.observed

    def _overwrites(self, later: Operation, write: Operation) -> bool:
        """Return whether a later write overwrites this one before any operation can observe it."""
        is_whole = later.action in ("set", "delete") and later.outcome == "ok"
        return (
            is_whole
            and write.outcome == "ok"
            and write.return_index < later.call_index
            and later.return_index < self.first_observation
        )

    def has_stand_in(self, write: Operation) -> bool:
        """Return whether a later set of the same value can take the place of this one in any order.

        In an order that has both, move the later set to the place of this one. That place is not too early: either the
        later one came before it anyway, or this one is not read. It is not too late either, because this one returned
        first. And no read of the value lies between: each was called after the later one had returned, or had returned
        before both were called.
        """
        if write.action != "set" or not self.is_built_in:
            return False
        same = [op for op in self.part if op.action == "set" and op.outcome == "ok" and op.value == write.value]
        if self.has_refusals or self.has_appends:
            return any(self._overwrites(op, write) for op in same)
        observers = [op for op in self.part if op.action in ("get", "cas") and write.value in (op.answer, op.expected)]

        def is_apart(observer: Operation, later: Operation) -> bool:
            is_before = observer.outcome == "ok" and observer.return_index < min(write.call_index, later.call_index)
            return is_before or observer.call_index > later.return_index

        return any(
            op.return_index > write.return_index and all(is_apart(observer, op) for observer in observers)
            for op in same
        )


def _is_observer(operation: Operation) -> bool:
    """Return whether an operation is known to have observed what the key held."""
    return operation.outcome == "ok" and operation.action in ("get", "cas")
