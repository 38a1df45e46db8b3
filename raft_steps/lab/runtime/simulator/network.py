"""The network of a simulation: what lies between two servers. It does not know what the messages say.

Each link has two streams of chance of its own, and a delay is drawn for a message that is dropped too, so that a cut
or a lost message on one link moves nothing on another.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from math import floor
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import EventBudgetError

if TYPE_CHECKING:
    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.scenario.scenario import Scenario

MICROSECONDS = 1_000_000
HELD_BACK = 5  # A message that is held back takes this many times the longest delay more.
LONGEST_TAIL = 50  # With a long tail, no message takes longer than this many times the range of delays.

# What is planned: when, its place among what is planned for the same time, and a call with three arguments.
Planned = tuple[int, int, Callable[[Any, Any, Any], object], Any, Any, Any]


class Network:
    """Decides when each message arrives, and whether.

    Attributes:
        plain: Whether a message that is not cut off arrives once, in even time, and nobody writes it down.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        delay: tuple[float, float],
        agenda: list[Planned],
        numbers: Iterator[int],
        deliver: Callable[[Link, object, int], None],
        recorder: Recorder | None,
    ) -> None:
        """Lay the network.

        Args:
            scenario: What decides its faults.
            delay: The least and the longest time that a message takes, in seconds.
            agenda: What is planned, in order; an arrival is put in its place.
            numbers: Numbers what is planned.
            deliver: What an arrival calls, with the link, the message and its number; a copy's number is negative.
            recorder: Who writes down what is sent and dropped.
        """
        self.long = scenario.spread == "long"
        self.duplicate, self.reorder = scenario.duplicate, scenario.reorder
        self.agenda, self.numbers, self.deliver, self.recorder = agenda, numbers, deliver, recorder
        self.take(*(round(each * MICROSECONDS) for each in delay))
        self.lose(scenario.loss)

    def take(self, shortest: int, longest: int) -> None:
        """Let a message that is sent from now on take so many microseconds, both ends included."""
        self.shortest, self.longest = shortest, longest
        self.span = float(longest - shortest + 1)  # A draw times a float is sooner done than times an int.

    def lose(self, share: float) -> None:
        """Lose this share of what is sent from now on."""
        self.loss = share
        self.faulty = bool(share or self.duplicate or self.reorder)
        self.plain = self.recorder is None and not self.faulty and not self.long

    def send(self, now: int, link: Link, message: object) -> None:
        """Put a message on its way."""
        link.count = number = link.count + 1
        draw = link.delay_draw
        share = draw()
        due = now + self.shortest + floor((_long_tail(share) if self.long else share) * self.span)
        if self.recorder is not None:
            self.recorder.sent(now, link, number, message, due)
        if self.faulty:
            self._send_at_risk(now, link, message, number, due)
        elif not link.open and (reason := link.closed_to(number)):
            self.dropped(now, link, message, number, reason)
        else:
            insort(self.agenda, (due, next(self.numbers), self.deliver, link, message, number))

    def _send_at_risk(self, now: int, link: Link, message: object, number: int, due: int) -> None:
        """Lose, double or hold back a message, or do nothing of that kind."""
        draw = link.fault_draw
        lost, doubled, held = draw(), draw(), draw()
        if not link.open and (reason := link.closed_to(number)):
            self.dropped(now, link, message, number, reason)
            return
        if doubled < self.duplicate:
            copy_due = due + self.longest + 1
            insort(self.agenda, (copy_due, next(self.numbers), self.deliver, link, message, -number))
        if lost < self.loss:
            self.dropped(now, link, message, number, "lost")
            return
        if held < self.reorder:
            due += HELD_BACK * (self.longest + 1)
        insort(self.agenda, (due, next(self.numbers), self.deliver, link, message, number))

    def dropped(self, now: int, link: Link, message: object, number: int, reason: str) -> None:
        """Write down that a message does not arrive."""
        if self.recorder is not None:
            detail = self.recorder.arrival(link, message, number)
            self.recorder.event(now, "dropped", link.receiver, detail | {"reason": reason})


def _long_tail(share: float) -> float:
    """Turn an even draw into one with a long tail: half of them stay below 0.5, one in a hundred is above 49.

    It takes no logarithm, whose last digit differs between machines.
    """
    tail = share / 2 / (1 - share)
    if tail > LONGEST_TAIL:
        return LONGEST_TAIL
    return tail


def storm(hosts: Iterable[SimulatedHost], what: str, count: int, seconds: str) -> EventBudgetError:
    """Say of what a run has too much, and which link was the busiest.

    Args:
        hosts: The servers.
        what: What it has too much of.
        count: How much that is.
        seconds: The time.
    """
    busiest = max((link for host in hosts for link in host.links.values()), key=lambda link: link.count, default=None)
    if busiest is not None and busiest.count > count // 100:
        why = f"a storm of messages: {busiest.name} alone has carried {busiest.count}"
    else:
        why = "a storm, but not of messages: does a timer restart itself at once?"
    return EventBudgetError(f"the run {what} and is only at {seconds} s, {why}")
