"""An event loop on a clock that the test moves."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class NoWaiting(selectors.DefaultSelector):
    """A selector that never waits: what a loop waits for comes when the test moves its clock."""

    def select(self, timeout: float | None = None) -> list[Any]:
        """Return what is ready now."""
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop that begins at time 0."""

    now_s = 0.0

    def __init__(self) -> None:
        """Wait for nothing."""
        super().__init__(NoWaiting())

    def time(self) -> float:
        """Return the test's time."""
        return self.now_s

    def turn(self) -> None:
        """Run one iteration: poll, then what is ready."""
        self.call_soon(self.stop)
        self.run_forever()

    def go_on(self, time_s: float | None = None) -> None:
        """Move the clock, and run until nothing is left to do."""
        self.now_s = self.now_s if time_s is None else time_s
        for _ in range(10):
            self.turn()
