"""The search for an order: Wing and Gong's algorithm with Lowe's memory, for the operations of one key.

Wing and Gong, "Testing and verifying concurrent objects" (1993), try as the next operation each that was called before
the first answer still to come. Lowe, "Testing for linearizability" (2017), remembers which sets of operations, with
which state, were tried before. Porcupine (Athalye, 2017) keeps both in a linked list of calls and answers, as here.

Three rules make it fast, and none of them loses an order:

- An operation that only reads, and whose answer is right now, is taken at once: moved here from anywhere later in an
  order, it changes nothing for the others.
- An operation that nobody heard of is left out where it would change nothing, since it may never have happened.
- Of several unheard-of operations that ask for the same, the first called goes first: one can stand for another.

The search ends well when every *answered* operation has its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from raft_steps.lab.verify.linearizability.history import Operation
from raft_steps.lab.verify.linearizability.models import Model, State

ASK_CLOCK_EVERY = 256  # steps; a step takes a few microseconds


class OutOfBudgetError(Exception):
    """The search used up its steps or its time; whether there is an order is not known."""


class Budget:
    """How much a search may still do.

    Attributes:
        steps: How many operations it may still try.
    """

    def __init__(self, steps: int, deadline: float | None = None, clock: Callable[[], float] | None = None) -> None:
        """Allow this many steps, and end when the clock, in seconds, shows the deadline."""
        self.steps = steps
        self._deadline, self._clock = deadline, clock

    def spend(self) -> None:
        """Count a step.

        Raises:
            OutOfBudgetError: It was one too many, or time is up.
        """
        self.steps -= 1
        if self.steps < 0:
            raise OutOfBudgetError
        is_time_to_look = self.steps % ASK_CLOCK_EVERY == 0
        if is_time_to_look and self._clock and self._deadline is not None and self._clock() >= self._deadline:
            raise OutOfBudgetError


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found.

    Attributes:
        order: The operations in an order that explains every answer; None when there is none.
        farthest: The longest beginning of an order that was found.
        state: What the key held after it.
    """

    order: tuple[Operation, ...] | None
    farthest: tuple[Operation, ...]
    state: State


def find_order(operations: Sequence[Operation], model: Model, budget: Budget) -> Search:
    """Find an order of the operations of one key that explains every answer.

    Args:
        operations: The operations, in the order of their calls.
        model: What they do.
        budget: How much may be tried.

    Raises:
        OutOfBudgetError: The budget is used up.
    """
    return _Walk([op for op in operations if counts(op, model)], model, budget).run()


def counts(operation: Operation, model: Model) -> bool:
    """Say whether an operation says anything: neither one that did not happen does, nor a read without an answer."""
    return operation.outcome == "ok" or (operation.outcome == "unknown" and not model.only_reads(operation))


# A choice that is open: which operation, and what the key holds after it.
Choice = tuple[int, State]


class _Walk:
    """One search. Operation n's call is node n of the linked list, its answer is node count + n."""

    def __init__(self, operations: list[Operation], model: Model, budget: Budget) -> None:
        self.operations, self.model, self.budget = operations, model, budget
        self.count = count = len(operations)
        self.head = 2 * count
        nodes = [(op.begin, n) for n, op in enumerate(operations)]
        nodes += [(op.end, count + n) for n, op in enumerate(operations) if op.outcome == "ok"]
        line = [self.head, *(node for _, node in sorted(nodes)), self.head]
        self.after, self.before = [0] * (2 * count + 1), [0] * (2 * count + 1)
        for one, other in pairwise(line):
            self.after[one], self.before[other] = other, one
        self.answered = [op.outcome == "ok" for op in operations]
        self.reads = [model.only_reads(op) for op in operations]
        self.owed = sum(self.answered)
        self.twin = _twins(operations)
        self.done = 0  # a bit for each operation that has its place

    def run(self) -> Search:
        """Go down while it goes, and back up where it does not."""
        state: State = self.model.initial
        order: list[int] = []
        open_choices: list[tuple[list[Choice], State]] = []
        seen: set[tuple[int, State]] = set()
        farthest: list[int] = []
        farthest_state = state
        while self.owed:
            choices = self._choices(state)
            chosen = self._next_new(choices, seen)
            if chosen is None and len(order) > len(farthest):
                farthest, farthest_state = order.copy(), state
            while chosen is None:
                if not open_choices:
                    return Search(None, self._named(farthest), farthest_state)
                choices, state = open_choices.pop()
                self._put_back(order.pop())
                chosen = self._next_new(choices, seen)
            open_choices.append((choices, state))
            number, state = chosen
            order.append(number)
            self._take(number)
        return Search(self._named(order), self._named(order), state)

    def _named(self, numbers: list[int]) -> tuple[Operation, ...]:
        return tuple(self.operations[number] for number in numbers)

    def _choices(self, state: State) -> list[Choice]:
        """Give what may come next, the best last: every call before the first answer that is still to come."""
        answered: list[Choice] = []
        unheard: list[Choice] = []
        step, node = self.model.step, self.after[self.head]
        while node < self.count:
            is_legal, then = step(state, self.operations[node])
            if is_legal and self.reads[node]:
                return [(node, then)]
            if is_legal and self.answered[node]:
                answered.append((node, then))
            elif is_legal and then != state and (self.twin[node] < 0 or self.done >> self.twin[node] & 1):
                unheard.append((node, then))
            node = self.after[node]
        if len(answered) > 1:
            answered.sort(key=self._urgency)
        return unheard + answered

    def _urgency(self, choice: Choice) -> int:
        """Rate a choice: what is answered soonest goes first, for it has the least room."""
        return -self.operations[choice[0]].end

    def _next_new(self, choices: list[Choice], seen: set[tuple[int, State]]) -> Choice | None:
        """Take the next choice that leads where the search has not been."""
        while choices:
            number, then = choices.pop()
            self.budget.spend()
            place = (self.done | 1 << number, then)
            if place not in seen:
                seen.add(place)
                return number, then
        return None

    def _take(self, number: int) -> None:
        """Give an operation its place: its call and its answer leave the list."""
        self.done |= 1 << number
        self._unlink(number)
        if self.answered[number]:
            self._unlink(self.count + number)
            self.owed -= 1

    def _put_back(self, number: int) -> None:
        """Undo the last `_take`; the order of steps is the reverse, so the list is what it was."""
        self.done &= ~(1 << number)
        if self.answered[number]:
            self._link(self.count + number)
            self.owed += 1
        self._link(number)

    def _unlink(self, node: int) -> None:
        before, after = self.before[node], self.after[node]
        self.after[before], self.before[after] = after, before

    def _link(self, node: int) -> None:
        self.after[self.before[node]] = self.before[self.after[node]] = node


def _twins(operations: Sequence[Operation]) -> list[int]:
    """Give for each unheard-of operation the last one before it that asks for the same, or -1."""
    last: dict[tuple[object, ...], int] = {}
    twins = []
    for number, op in enumerate(operations):
        asked = (op.action, op.key, op.value, op.expected)
        is_unheard = op.outcome == "unknown"
        twins.append(last.get(asked, -1) if is_unheard else -1)
        if is_unheard:
            last[asked] = number
    return twins
