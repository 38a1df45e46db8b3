"""The smallest part of a history that still cannot be explained.

What is left out never makes the rest unexplainable. Everything that this module does to a part is a *weakening*: if the
weakened part has no order, the part before had none either, and so the whole history has none.

- What comes after a moment is cut off; what was open then may or may not have happened.
- What ended before a whole value was written is left out, if nobody in the part looked before that was done. For those
  who read on, the last set of each value that somebody read is shown all the same.
- A read is left out: one answer less to explain.
- A write that nobody in the part could have read is left out.
- A set is left out where a later one of the same value, which ends before any read of it begins, can stand for it.

The result is smallest in this sense: none of these can be done to any one of its operations. Of a model of one's own
nobody knows what its writes mean, so there only the first is tried, and the third for what the model calls a read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.linearizability.models import Model, is_ours
from raft_steps.lab.verify.linearizability.search import Budget, OutOfBudgetError, counts, find_order

MOST_ROUNDS = 20
TRIAL_LIMIT = 20_000  # steps for one weaker part: whoever needs more is left as it is


def smallest_part(operations: Sequence[Operation], model: Model, step_limit: int) -> tuple[Operation, ...]:
    """Find a smallest part of the operations of one key that has no order.

    Args:
        operations: The operations, in the order of their calls; they have no order.
        model: What they do.
        step_limit: How many steps to spend; what is found by then is given back.

    Returns:
        Operations of the history as they were, in the order of their calls.
    """
    return _Shrinker(operations, model, step_limit).run()


class _Shrinker:
    def __init__(self, operations: Sequence[Operation], model: Model, step_limit: int) -> None:
        self.originals = {op.begin: op for op in operations}
        self.part = [op for op in operations if counts(op, model)]
        self.model, self.steps = model, step_limit

    def run(self) -> tuple[Operation, ...]:
        """Weaken as long as something gives way."""
        if is_ours(self.model):
            self.cut_before(hurry=True)
            self.cut_after()
            self.cut_before()
        else:
            self.cut_after()
        self.leave_out()
        self.part = [self.originals[op.begin] for op in self.part]  # What was cut may explain less when it is whole.
        self.leave_out()
        return tuple(self.part)

    def leave_out(self) -> None:
        """Leave out whatever can be, until nothing more can."""
        for _ in range(MOST_ROUNDS):
            before = list(self.part)
            self.leave_out_unread()
            self.leave_out_many(self.model.only_reads)
            self.leave_out_doubles()
            if self.part == before:
                return

    def try_part(self, part: list[Operation]) -> bool:
        """Take a weaker part if it has no order either."""
        budget = Budget(limit := min(TRIAL_LIMIT, self.steps))
        try:
            found = find_order(part, self.model, budget)
        except OutOfBudgetError:
            return False
        finally:
            self.steps -= limit - max(budget.steps, 0)
        if found.order is None:
            self.part = part
        return found.order is None

    def cut_after(self) -> None:
        """Cut off what comes after the first answer that cannot be explained. Without it there is an order."""
        whole = self.part
        ends = sorted(op.end for op in whole if op.outcome == "ok")
        low, high = 0, len(ends) - 1  # the first answer in question is one of these
        while low < high:
            middle = (low + high) // 2
            if self.try_part(_until(whole, ends[middle], self.model)):
                high = middle
            else:
                low = middle + 1

    def cut_before(self, *, hurry: bool = False) -> None:
        """Cut off what ended before a write that leaves nothing of it: the latest such write that will do.

        Args:
            hurry: Look at fewer and fewer of the writes, the farther they are from the end.
        """
        whole, stride = self.part, 1.0
        writes = [op for op in whole if op.outcome == "ok" and op.action in ("set", "delete")]
        place = float(len(writes) - 1)
        while place >= 0:
            write = writes[int(place)]
            rest = [op for op in whole if op.outcome != "ok" or op.end > write.begin]
            rest = [op for op in rest if not op.is_read or op.begin > write.end]
            looks_early = any(_is_observer(op) and op.begin < write.end for op in rest)
            if len(rest) < len(whole) and not looks_early and self.try_part(rest):
                self.part = sorted([*rest, *_sources(rest, whole)], key=lambda op: op.begin)
                return
            place -= stride
            stride *= 1.25 if hurry else 1.0

    def leave_out_many(self, may_go: Callable[[Operation], bool]) -> None:
        """Leave operations out: many at once first, one at a time at last."""
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
        """Leave out the writes that nobody could have read: first those that may never have happened anyway."""
        while True:
            readable = _Readable(self.part, self.model)
            kept = [op for op in self.part if op.outcome == "ok" or readable.could_matter(op)]
            if len(kept) == len(self.part) or not self.try_part(kept):
                break
        readable = _Readable(self.part, self.model)
        self.leave_out_many(lambda op: not op.is_read and not readable.could_matter(op))

    def leave_out_doubles(self) -> None:
        """Leave out each set that another of the same value stands for."""
        for write in [op for op in self.part if op.outcome == "ok" and op.action == "set"]:
            if _Readable(self.part, self.model).has_stand_in(write):
                self.try_part([op for op in self.part if op is not write])


def _until(operations: Sequence[Operation], place: int, model: Model) -> list[Operation]:
    """Give what had happened by a place; what was open then may or may not take effect."""
    begun = [op for op in operations if op.begin <= place]
    ended = [op if op.outcome == "ok" and op.end <= place else None for op in begun]
    return [op or was.weakened() for op, was in zip(ended, begun, strict=True) if op or not model.only_reads(was)]


def _sources(part: Sequence[Operation], whole: Sequence[Operation]) -> list[Operation]:
    """Give the last set, before a part, of each value that somebody in it found and nobody had yet written."""
    sets = [op for op in part if op.action == "set"]
    wanted = set()
    for look in part:
        value = look.answer if look.action == "get" else look.expected
        if _is_observer(look) and not any(op.value == value and op.begin < look.end for op in sets):
            wanted.add(value)
    places = {op.begin for op in part}
    found = {}
    for op in sorted(whole, key=lambda op: op.end):
        if op.outcome == "ok" and op.action == "set" and op.value in wanted and op.begin not in places:
            found[op.value] = op
    return list(found.values())


class _Readable:
    """Which values somebody in a part has seen, and so which writes could matter to anyone."""

    def __init__(self, part: Sequence[Operation], model: Model) -> None:
        self.part, self.model = part, model
        self.is_known = is_ours(model)
        self.seen = {op.answer if op.action == "get" else op.expected for op in part if _is_observer(op)}
        maybe = [op for op in part if op.action == "cas" and op.outcome == "unknown"]
        while found := [op for op in maybe if op.value in self.seen and op.expected not in self.seen]:
            self.seen |= {op.expected for op in found}
        self.has_appends = any(op.action == "append" for op in part)
        self.has_refusals = any(op.action == "cas" and op.is_read for op in part)
        self.first_look = min((op.begin for op in part if op.action in ("get", "cas", "append")), default=-1)

    def could_matter(self, write: Operation) -> bool:
        """Say whether some order could need a write; in doubt it does.

        Take any other write out of an order. Until the next set, cas or delete a key holds something else then, which
        nobody saw before either. A cas that answers no saw only what there was not, so with one in the part a write
        must be overwritten before anybody looks.
        """
        if not self.is_known or self._is_seen(write):
            return True
        return self.has_refusals and not any(self._overwrites(op, write) for op in self.part)

    def _is_seen(self, write: Operation) -> bool:
        """Say whether somebody saw a value that this write may have had a part in."""
        if write.action == "delete":
            return self.has_appends or self.model.initial in self.seen
        if self.has_appends and any(str(write.value) in str(seen) for seen in self.seen):
            return True
        return write.value in self.seen

    def _overwrites(self, later: Operation, write: Operation) -> bool:
        """Say whether nobody can have looked between two writes, of which the later one leaves nothing of the other."""
        is_whole = later.action in ("set", "delete") and later.outcome == "ok"
        return is_whole and write.outcome == "ok" and write.end < later.begin and later.end < self.first_look

    def has_stand_in(self, write: Operation) -> bool:
        """Say whether a later set of the same value can take the place of this one in any order.

        In an order that has both, let the later set take this one's place. That place is not too early, for the
        later one came before it or else this one is not read. Nor too late, for this one ended earlier. And no read
        of the value lies between: each was called after the later one had ended, or had ended before both began.
        """
        if write.action != "set" or not self.is_known:
            return False
        same = [op for op in self.part if op.action == "set" and op.outcome == "ok" and op.value == write.value]
        if self.has_refusals or self.has_appends:
            return any(self._overwrites(op, write) for op in same)
        looks = [op for op in self.part if op.action in ("get", "cas")]
        observers = [op for op in looks if write.value in (op.answer, op.expected)]

        def is_apart(look: Operation, later: Operation) -> bool:
            is_before = look.outcome == "ok" and look.end < min(write.begin, later.begin)
            return is_before or look.begin > later.end

        return any(op.end > write.end and all(is_apart(look, op) for look in observers) for op in same)


def _is_observer(operation: Operation) -> bool:
    """Say whether an operation is known to have looked at what the key held."""
    return operation.outcome == "ok" and operation.action in ("get", "cas")
