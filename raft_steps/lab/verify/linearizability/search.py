"""The search for a linearization of one key: Wing and Gong's algorithm, with Lowe's memory of what was tried.

Wing and Gong, "Testing and verifying concurrent objects" (1993), try as the next operation each one that was called
before the first pending return. Lowe, "Testing for linearizability" (2017), remembers which sets of operations, with
which state, were tried before. Porcupine (Athalye, 2017) does both on a linked list of calls and returns, as here.

Three rules make it fast, and none of them misses a history that has an order:

- An operation that only reads, and whose answer is right now, is taken at once: moved here from anywhere later in an
  order, it changes nothing for the others.
- An unanswered operation is left out if it would change nothing, since it may never have happened.
- Of several equal unanswered operations, the one that was called first goes first: each can stand for another.

The search succeeds when every *answered* operation has its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.linearizability.models import Model, State

STEPS_PER_CLOCK_READ = 256  # a step takes a few microseconds
MEMORY_MAX_BYTES = 500_000_000  # for remembering where a search has been; beyond that it goes on without remembering
BYTES_PER_PLACE = 250  # about, with a short state and few operations; an eighth more for each operation


class OutOfBudgetError(Exception):
    """A search has used up its steps or its time and is undecided."""


class Budget:
    """A limit of steps, of time, or of both.

    Attributes:
        spent: How many operations were tried.
        limit: Which limit was reached: steps or time; "" if none was.
    """

    def __init__(
        self, steps: int | None, deadline_s: float | None = None, clock: Callable[[], float] | None = None
    ) -> None:
        """Allow this many steps, or any number, until the clock, in seconds, reaches the deadline."""
        self.spent = 0
        self.limit: Literal["", "steps", "time"] = ""
        self._steps = steps
        self._deadline_s, self._clock = deadline_s, clock

    def spend(self) -> None:
        """Count a step.

        Raises:
            OutOfBudgetError: The steps or the time are used up.
        """
        if self.spent == self._steps:
            self.limit = "steps"
            raise OutOfBudgetError
        self.spent += 1
        must_read_clock = self.spent % STEPS_PER_CLOCK_READ == 0
        if must_read_clock and self._clock and self._deadline_s is not None and self._clock() >= self._deadline_s:
            self.limit = "time"
            raise OutOfBudgetError


@dataclass(frozen=True, slots=True)
class LinearizationAttempt:
    """The result of a search.

    Attributes:
        order: The linearization: the operations in an order that explains every answer; None if there is none.
        longest_prefix: The longest beginning of an order that was found.
        state_after: What the key held after that beginning.
    """

    order: tuple[Operation, ...] | None
    longest_prefix: tuple[Operation, ...]
    state_after: State


def find_order(operations: Sequence[Operation], model: Model, budget: Budget) -> LinearizationAttempt:
    """Find an order of the operations of one key that explains every answer.

    Args:
        operations: The operations, in the order of their calls.
        model: Their sequential specification.
        budget: The limit.

    Raises:
        OutOfBudgetError: The budget is used up.
    """
    return _LinearizationSearch([op for op in operations if is_relevant(op, model)], model, budget).run()


def is_relevant(operation: Operation, model: Model) -> bool:
    """Return whether an operation matters: one that did not happen does not, nor does a read without an answer."""
    return operation.outcome == "ok" or (operation.outcome == "unknown" and not model.only_reads(operation))


# A candidate for the next place: the number of an operation, and what the key holds after it.
Candidate = tuple[int, State]


class _LinearizationSearch:
    """One search. In the linked list, the call of operation n is node n, and its return is node count + n."""

    def __init__(self, operations: list[Operation], model: Model, budget: Budget) -> None:
        self.operations, self.model, self.budget = operations, model, budget
        self.count = count = len(operations)
        self.head = 2 * count
        nodes = [(op.call_index, n) for n, op in enumerate(operations)]
        nodes += [(op.return_index, count + n) for n, op in enumerate(operations) if op.outcome == "ok"]
        nodes_in_order = [self.head, *(node for _, node in sorted(nodes)), self.head]
        self.after, self.before = [0] * (2 * count + 1), [0] * (2 * count + 1)
        for one, other in pairwise(nodes_in_order):
            self.after[one], self.before[other] = other, one
        self.answered = [op.outcome == "ok" for op in operations]
        self.reads = [model.only_reads(op) for op in operations]
        self.unplaced = sum(self.answered)
        self.equal_before = _equal_before(operations)
        self.places_max = MEMORY_MAX_BYTES // (BYTES_PER_PLACE + count // 8)
        self.done = 0  # a bit for each operation that has its place: as a dict key it is small and fast

    def run(self) -> LinearizationAttempt:
        """Search depth-first, without recursion: histories are longer than Python's stack."""
        state: State = self.model.initial
        order: list[int] = []
        untried: list[tuple[list[Candidate], State]] = []
        seen: set[tuple[int, State]] = set()
        longest: list[int] = []
        state_after = state
        while self.unplaced:
            candidates = self._candidates(state)
            chosen = self._pop_untried(candidates, seen)
            if chosen is None and len(order) > len(longest):
                longest, state_after = order.copy(), state
            while chosen is None:
                if not untried:
                    return LinearizationAttempt(None, self._operations(longest), state_after)
                candidates, state = untried.pop()
                self._put_back(order.pop())
                chosen = self._pop_untried(candidates, seen)
            untried.append((candidates, state))
            number, state = chosen
            order.append(number)
            self._take(number)
        return LinearizationAttempt(self._operations(order), self._operations(order), state)

    def _operations(self, numbers: list[int]) -> tuple[Operation, ...]:
        return tuple(self.operations[number] for number in numbers)

    def _candidates(self, state: State) -> list[Candidate]:
        """Return what may come next, the best last: every call before the first pending return."""
        answered: list[Candidate] = []
        unanswered: list[Candidate] = []
        step, node = self.model.step, self.after[self.head]
        while node < self.count:
            is_legal, then = step(state, self.operations[node])
            if is_legal and self.reads[node]:
                return [(node, then)]
            if is_legal and self.answered[node]:
                answered.append((node, then))
            elif (
                is_legal and then != state and (self.equal_before[node] < 0 or self.done >> self.equal_before[node] & 1)
            ):
                unanswered.append((node, then))
            node = self.after[node]
        if len(answered) > 1:
            answered.sort(key=self._urgency)
        return unanswered + answered

    def _urgency(self, candidate: Candidate) -> int:
        """Rate a candidate: the one that returns first goes first, because it has the fewest places."""
        return -self.operations[candidate[0]].return_index

    def _pop_untried(self, candidates: list[Candidate], seen: set[tuple[int, State]]) -> Candidate | None:
        """Remove the next candidate that leads to a place where the search has not been, and return it."""
        while candidates:
            number, then = candidates.pop()
            self.budget.spend()
            place = (self.done | 1 << number, then)
            if place not in seen:
                if len(seen) < self.places_max:
                    seen.add(place)
                return number, then
        return None

    def _take(self, number: int) -> None:
        """Place an operation: its call and its return leave the list."""
        self.done |= 1 << number
        self._unlink(number)
        if self.answered[number]:
            self._unlink(self.count + number)
            self.unplaced -= 1

    def _put_back(self, number: int) -> None:
        """Undo the last `_take`: in reverse order, so that each node finds its neighbours as it left them."""
        self.done &= ~(1 << number)
        if self.answered[number]:
            self._link(self.count + number)
            self.unplaced += 1
        self._link(number)

    def _unlink(self, node: int) -> None:
        before, after = self.before[node], self.after[node]
        self.after[before], self.before[after] = after, before

    def _link(self, node: int) -> None:
        self.after[self.before[node]] = self.before[self.after[node]] = node


def _equal_before(operations: Sequence[Operation]) -> list[int]:
    """Return, for each unanswered operation, the number of the last equal one before it, or -1."""
    last: dict[tuple[object, ...], int] = {}
    found = []
    for number, op in enumerate(operations):
        request = (op.action, op.key, op.value, op.expected)
        is_unanswered = op.outcome == "unknown"
        found.append(last.get(request, -1) if is_unanswered else -1)
        if is_unanswered:
            last[request] = number
    return found
