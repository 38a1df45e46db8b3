"""The timers of a real server, on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from raft_steps.lab.runtime.simulator.timers import check_wait
from raft_steps.lab.scenario.model import MICROSECONDS


class ServerTimers:
    """Starts and cancels a node's timers, and reports which have run out.

    A heartbeat restarts the election timer so often that planning a call each time would be wasteful: the call that is
    planned looks when it comes, and is planned again if the timer has been restarted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ran_out: Callable[[], None]) -> None:
        """Prepare timers that do not run.

        Args:
            loop: The event loop; its clock is the timers' clock.
            ran_out: Called when a timer may have run out; `take_due` then says which.
        """
        self._loop, self._ran_out = loop, ran_out
        self._due_s: dict[str, float] = {}  # when each running timer runs out
        self._call: asyncio.TimerHandle | None = None

    def start(self, node: object, name: str, wait_s: float) -> int:
        """Start a timer, or restart it if it runs.

        Returns:
            When it runs out, in microseconds of the loop's clock.

        Raises:
            Mistake: The wait is not a number of seconds.
        """
        check_wait(node, name, wait_s)
        due_s = self._loop.time() + wait_s
        self._due_s[name] = due_s
        if self._call is None or due_s < self._call.when():
            self._plan(due_s)
        return round(due_s * MICROSECONDS)

    def cancel(self, name: str) -> bool:
        """Stop a timer; return whether it ran."""
        return self._due_s.pop(name, None) is not None

    def cancel_all(self) -> None:
        """Stop every timer."""
        self._due_s.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def take_due(self) -> str | None:
        """Stop the timer that ran out first, and return its name; None if none has."""
        if not self._due_s:
            return None
        name = min(self._due_s, key=self._due_s.__getitem__)
        if self._due_s[name] > self._loop.time():
            return None
        del self._due_s[name]
        return name

    def _plan(self, due_s: float) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._loop.call_at(due_s, self._look)

    def _look(self) -> None:
        """Called when a timer was due at some time; it may have been restarted since."""
        self._call = None
        if not self._due_s:
            return
        first_s = min(self._due_s.values())
        if first_s <= self._loop.time():
            self._ran_out()
        else:
            self._plan(first_s)

    def plan_next(self) -> None:
        """Plan the look at the timer that runs out next; called at the end of each turn."""
        if self._call is None and self._due_s:
            self._plan(min(self._due_s.values()))
