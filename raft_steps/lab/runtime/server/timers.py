"""The timers of a real server, on the event loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container

from raft_steps.lab.runtime.simulator.timers import check_wait
from raft_steps.lab.scenario.model import MICROSECONDS


class ServerTimers:
    """Starts and cancels a node's timers, and reports which have run out.

    A heartbeat restarts the election timer so often that planning a call each time would be wasteful: the call that is
    planned looks when it comes, and is planned again if the timer has been restarted.

    The process may be stopped for a while (SIGSTOP) at any point. Then a timer is late, and what has arrived meanwhile
    may cancel it, but has not been read. So a timer that is seen to be late runs out only after the event loop has looked
    at its connections once more, and only as of the time at which it was seen.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ran_out: Callable[[], None]) -> None:
        """Prepare timers that do not run.

        Args:
            loop: The event loop; its clock is the timers' clock.
            ran_out: Called when a timer may have run out; `take_due` then says which.
        """
        self._loop, self._ran_out = loop, ran_out
        self._due_s: dict[str, float] = {}  # when each running timer runs out, but for those of zero seconds
        self._immediate: dict[str, None] = {}  # the running timers of zero seconds, in the order of their starts
        self._call: asyncio.TimerHandle | None = None
        self._read_until_s = float("-inf")  # what had arrived by then has been handled

    def start(self, node: object, name: str, wait_s: float) -> int:
        """Start a timer, or restart it if it runs; one of zero seconds runs out at the end of the turn.

        Returns:
            When it runs out, in microseconds of the loop's clock.

        Raises:
            Mistake: The wait is not a number of seconds.
        """
        check_wait(node, name, wait_s)
        due_s = self._loop.time() + wait_s
        if wait_s == 0:
            self._due_s.pop(name, None)
            self._immediate[name] = None
            return round(due_s * MICROSECONDS)
        self._immediate.pop(name, None)
        self._due_s[name] = due_s
        if self._call is None or due_s < self._call.when():
            self._plan(due_s)
        return round(due_s * MICROSECONDS)

    def cancel(self, name: str) -> bool:
        """Stop a timer; return whether it ran."""
        is_immediate = name in self._immediate
        self._immediate.pop(name, None)
        return self._due_s.pop(name, None) is not None or is_immediate

    def cancel_all(self) -> None:
        """Stop every timer."""
        self._due_s.clear()
        self._immediate.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def take_due(self, taken: Container[str] = ()) -> str | None:
        """Stop the timer that ran out first, and return its name; None if none has.

        It is called after all that has been read was handled. Timers of zero seconds come last; one of the names in
        `taken` waits for the next turn.
        """
        if self._due_s:
            name = min(self._due_s, key=self._due_s.__getitem__)
            if self._due_s[name] <= self._read_until_s:
                del self._due_s[name]
                return name
        for name in self._immediate:
            if name not in taken:
                del self._immediate[name]
                return name
        return None

    def _plan(self, due_s: float) -> None:
        if self._call is not None:
            self._call.cancel()
        self._call = self._loop.call_at(due_s, self._look)

    def _look(self) -> None:
        """Called when a timer was due at some time; it may have been restarted since."""
        self._call = None
        if not self._due_s:
            return
        first_s, now_s = min(self._due_s.values()), self._loop.time()
        if first_s > now_s:
            self._plan(first_s)
        else:
            # An iteration of the loop looks at the connections, runs the calls that were planned before, and then reads.
            # So the second call from now on comes after all that had arrived by now was read.
            self._loop.call_soon(self._loop.call_soon, self._all_is_read, now_s)

    def _all_is_read(self, time_s: float) -> None:
        """Called when all that had arrived by a time has been read: timers that were late then run out, if they still run."""
        self._read_until_s = time_s
        self._ran_out()

    def plan_next(self) -> None:
        """Plan the look at the timer that runs out next; called at the end of each turn."""
        if self._immediate:
            self._ran_out()
        if self._call is None and self._due_s:
            self._plan(min(self._due_s.values()))
