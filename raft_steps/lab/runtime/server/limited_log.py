"""Lines about connections: as many as a person reads, and a count of the others.

Anyone on the machine can connect, ten thousand times if they like, and send garbage. Each connection gets one line at
most; this bounds the lines of all connections together, so that no one can fill the disk that a server logs to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Protocol

from raft_steps.lab.text import plural, printable

MOST_LINES = 10  # about one subject, in one period
PERIOD_S = 10.0
LONGEST_LINE = 500  # characters; a part of it may be what a stranger sent


class Timer(Protocol):
    """A planned call."""

    def cancel(self) -> None:
        """Cancel the call."""


class Clock(Protocol):
    """What an event loop knows of time."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Plan a call at a time of this clock."""


class LimitedLog:
    """Writes lines about subjects, up to a number for each of them in each period."""

    def __init__(self, log: Callable[[str], None], clock: Clock) -> None:
        """Write nothing yet.

        Args:
            log: Writes a line.
            clock: The event loop.
        """
        self._log, self._clock = log, clock
        self._written: dict[str, int] = {}  # in the period that runs, by subject
        self._hidden: dict[str, int] = {}

    def about(self, subject: str) -> Callable[[str], None]:
        """Return a function that writes a line about a subject, such as the clients."""
        return functools.partial(self._write, subject)

    def _write(self, subject: str, text: str) -> None:
        if not self._written:
            self._clock.call_at(self._clock.time() + PERIOD_S, self._end_period)
        self._written[subject] = self._written.get(subject, 0) + 1
        if self._written[subject] <= MOST_LINES:
            line = printable(text)
            self._log(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…")
        else:
            self._hidden[subject] = self._hidden.get(subject, 0) + 1

    def _end_period(self) -> None:
        hidden, self._hidden = self._hidden, {}
        self._written.clear()
        for subject, count in hidden.items():
            self._log(f"{plural(count, 'more line')} about {subject} in {PERIOD_S:g} s")
