"""The network of a simulation: whether and when each message arrives. It does not know what the messages mean.

A delay is drawn for every message, also for one that is dropped, and each link draws for itself. So a cut or a dropped
message on one link changes nothing on another.
"""

from __future__ import annotations

from bisect import insort
from math import floor
from typing import TYPE_CHECKING

from raft_steps.lab.runtime.diagnostics import none_was_sent
from raft_steps.lab.scenario.model import MICROSECONDS, TIMINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.scenario.scenario import Scenario

HELD_BACK = 5  # A message that is held back takes this many times the longest delay more.
LONGEST_TAIL = 50.0  # With a long tail, no message takes more than this many times the range of delays.


class Network:
    """Plans the arrival of each message that is sent.

    Attributes:
        shortest_us: The shortest delay of a message, in microseconds.
        longest_us: The longest delay of a message that is not held back, unless delays have a long tail.
        span: How many different delays there are.
        loss: The share of messages that are lost.
        deliver: What an arrival calls, with the link, the message and its number. A duplicate has the negative number.
        is_plain: Whether a message that is not cut off arrives once and after an even delay, and nothing records it.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        agenda: Agenda,
        deliver: Callable[[Link, object, int], None],
        recorder: Recorder | None,
    ) -> None:
        """Create the network of a scenario."""
        self._agenda, self._recorder, self.deliver = agenda, recorder, deliver
        self._has_long_tail = scenario.spread == "long"
        self._duplicate, self._reorder = scenario.duplicate, scenario.reorder
        low_s, high_s = scenario.delay or TIMINGS[scenario.timing].delay
        self.set_delay(round(low_s * MICROSECONDS), round(high_s * MICROSECONDS))
        self.set_loss(scenario.loss)

    def set_delay(self, shortest_us: int, longest_us: int) -> None:
        """Let messages that are sent from now on take so many microseconds, both ends included."""
        self.shortest_us, self.longest_us = shortest_us, longest_us
        self.span = float(longest_us - shortest_us + 1)  # A float, because float times float is faster.

    def set_loss(self, share: float) -> None:
        """Lose this share of the messages that are sent from now on."""
        self.loss = share
        self._is_faulty = bool(share or self._duplicate or self._reorder)
        self.is_plain = self._recorder is None and not self._is_faulty and not self._has_long_tail

    def send(self, link: Link, message: object, node: object) -> None:
        """Send a message of a node: plan its arrival, or drop it.

        Raises:
            Mistake: The message is None.
            MessageError: A field has a value that its annotation does not allow; found if the run is recorded.
        """
        if message is None:
            raise none_was_sent(node)
        now_us, recorder = self._agenda.now_us, self._recorder
        link.count = number = link.count + 1
        draw = link.delay_draw
        share = draw()
        if self._has_long_tail:
            # Half of these are below 0.5, one in a hundred is above 49. A quotient, not a logarithm, whose last digit
            # differs between machines.
            share = share / 2 / (1 - share)
            if share > LONGEST_TAIL:  # noqa: PLR1730  # A call of `min` for every message is slow.
                share = LONGEST_TAIL
        due_us = now_us + self.shortest_us + floor(share * self.span)
        if recorder is not None:
            recorder.sent(now_us, link, number, message, due_us)
        if self._is_faulty:
            # Three draws for every message, so that one kind of fault does not change what the others do.
            draw = link.fault_draw
            lost, duplicated, held = draw(), draw(), draw()
        else:
            lost = duplicated = held = 1.0  # Draws are below 1: none of this happens.
        if not link.open and (reason := link.closed_to(number)):
            self.drop(link, message, number, reason)
            return
        if duplicated < self._duplicate:
            self._agenda.push(due_us + self.longest_us + 1, self.deliver, link, message, -number)
        if lost < self.loss:
            self.drop(link, message, number, "lost")
            return
        if held < self._reorder:
            due_us += HELD_BACK * (self.longest_us + 1)
        insort(self._agenda.calls, (due_us, next(self._agenda.numbers), self.deliver, link, message, number))

    def drop(self, link: Link, message: object, number: int, reason: str) -> None:
        """Record that a message does not arrive."""
        if self._recorder is not None:
            detail = self._recorder.arrival(link, message, number)
            self._recorder.event(self._agenda.now_us, "dropped", link.receiver, detail | {"reason": reason})
