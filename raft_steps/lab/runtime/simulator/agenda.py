"""The agenda of a simulation: its clock, and the calls that are planned, in the order of their times."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from itertools import count, pairwise
from typing import Any

BEFORE_ALL_ELSE = -(2**40)  # Actions are numbered from here up, so they come before everything else of their time.
AFTER_ALL_ELSE = 2**40  # Calls that come last are numbered from here up; no run has that many others.

Call = Callable[[Any, Any, Any], object]
# When it is due, its place among the calls of the same time, the call, and its three arguments.
PlannedCall = tuple[int, int, Call, Any, Any, Any]


class Agenda:
    """The clock of a simulation, and what is to happen next.

    Calls of the same time happen in the order in which they were planned, the actions of the scenario first, and last
    of all what was planned with `push_last`. A sorted
    list is faster here than a heap: a cluster has some ten messages and timers under way, and in a list that short a
    binary search needs fewer comparisons than a heap.

    Attributes:
        now_us: The time in microseconds.
        calls: What is planned, the next call first. Always sorted; a caller that inserts by
            itself, because a method call would take too long, numbers the call with `numbers`.
        numbers: Numbers the calls, so that two of the same time are never compared by their arguments.
    """

    __slots__ = ("_action_numbers", "_actions", "_last_numbers", "calls", "now_us", "numbers")

    def __init__(self) -> None:
        """Create an empty agenda at time 0."""
        self.now_us = 0
        self.calls: list[PlannedCall] = []
        self.numbers = count(1)
        self._action_numbers = count(BEFORE_ALL_ELSE)
        self._last_numbers = count(AFTER_ALL_ELSE)
        self._actions: list[PlannedCall] = []  # The actions that are not on the agenda yet, the next one last.

    def push(self, due_us: int, call: Call, a: Any, b: Any, c: Any) -> None:
        """Plan a call, after all that is planned for the same time."""
        insort(self.calls, (due_us, next(self.numbers), call, a, b, c))

    def push_last(self, call: Call, a: Any, b: Any, c: Any) -> None:
        """Plan a call for the present time, after everything else of this time, even if that is planned later."""
        insort(self.calls, (self.now_us, next(self._last_numbers), call, a, b, c))

    def plan(self, due_us: int, call: Call, action: Any) -> None:
        """Plan an action: it comes before everything of its time but the actions that were planned earlier."""
        assert due_us >= self.now_us, f"an action is planned for {due_us} us, but it is {self.now_us} us already"
        insort(self.calls, (due_us, next(self._action_numbers), call, action, None, None))

    def plan_all(self, actions: Iterable[tuple[int, Any]], call: Call) -> None:
        """Plan many actions, given as time and action, of which only the next is on the agenda: short is fast."""
        numbers = self._action_numbers
        planned: list[PlannedCall] = [
            (due_us, next(numbers), self._act, call, action, None) for due_us, action in actions
        ]
        self._actions = sorted(planned, reverse=True)
        self._bring_next_action()

    def _act(self, call: Call, action: Any, _: None) -> None:
        self._bring_next_action()
        call(action, None, None)

    def _bring_next_action(self) -> None:
        if self._actions:
            insort(self.calls, self._actions.pop())

    def act_now(self) -> None:
        """Make the calls of the actions that are planned for the present time."""
        while self.calls and self.calls[0][0] == self.now_us and self.calls[0][1] < 0:
            _, _, call, a, b, c = self.calls.pop(0)
            call(a, b, c)

    def is_sound(self) -> bool:
        """Return whether the calls are sorted and none of them is in the past."""
        calls = self.calls
        in_order = all(one[:2] < other[:2] for one, other in pairwise(calls))
        return in_order and (not calls or calls[0][0] >= self.now_us)
