"""Faults that an action injects into a running simulation: in messages in flight, in the network, and in timers.

A message in flight is found by a search of the whole agenda. That is slow and rare, and it keeps sending fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.dispatch import Dispatcher
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost


class InFlight(NamedTuple):
    """A message in flight.

    Attributes:
        place: Its place on the agenda.
        link: The link that it is on.
        message: The message.
        number: Its number on the link.
        due_us: When it arrives, in microseconds.
    """

    place: int
    link: Link
    message: object
    number: int
    due_us: int


class FaultInjector:
    """Changes what is under way. A fault that is not possible now is noted in the trace, and changes nothing."""

    def __init__(
        self,
        hosts: Mapping[str, SimulatedHost],
        agenda: Agenda,
        dispatcher: Dispatcher,
        *,
        recorder: Recorder | None,
        watched: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Create a fault injector.

        Args:
            hosts: The servers, by name.
            agenda: Where the messages in flight are.
            dispatcher: Has the network and the timers.
            recorder: Records the faults, if the run is recorded.
            watched: Lets the watchdog look at a block in which handlers run.
        """
        self._hosts, self._agenda, self._recorder, self._watched = hosts, agenda, recorder, watched
        self._network, self._timers, self._note = dispatcher.network, dispatcher.timers, dispatcher.note

    def timeout(self, host: SimulatedHost, timer: str = "election") -> None:
        """Let a timer run out now.

        Raises:
            NodeError: The node failed in the timer's handler.
        """
        why = (
            "it is down" if not host.up
            else "it is paused" if host.paused
            else f"its {timer} timer does not run" if not host.is_running(timer)
            else ""
        )  # fmt: skip
        if why:
            self._note("note", host.name, text=f"timeout {host.name}: {why}")
            return
        with self._watched():
            self._timers.run_out(host, host.timers[timer])

    def drop(self, name: str) -> None:
        """Drop a message: when it is sent, or now if it is under way."""
        link, number = self._find_link(name)
        if number in link.drops:
            self._note("note", link.receiver, text=f"drop {name}: it is so already")
        elif number <= link.count and not self._is_under_way(link, number):
            self._note("note", link.receiver, text=f"drop {name}: it is not on its way")
        else:
            link.drop(number)
            self._remove(link, number)

    def _remove(self, link: Link, number: int) -> None:
        """Remove a message and its duplicate from the agenda, and from the mailbox of a paused server."""
        mailbox, calls = self._hosts[link.receiver].mailbox, self._agenda.calls
        is_arrival = self._arrival_test(link, number)
        found = [(message, c) for call, a, message, c in mailbox if is_arrival(call, a, c)]
        found += [(message, c) for _, _, call, a, message, c in calls if is_arrival(call, a, c)]
        mailbox[:] = [each for each in mailbox if not is_arrival(each[0], each[1], each[3])]
        calls[:] = [each for each in calls if not is_arrival(each[2], each[3], each[5])]
        for message, each in found:
            self._network.drop(link, message, each, "scenario")

    def hold(self, name: str, wait_s: float) -> None:
        """Let a message in flight arrive so many seconds later."""
        found = self._find_in_flight(name, "hold")
        if found is not None:
            due_us = found.due_us + round(wait_s * MICROSECONDS)
            del self._agenda.calls[found.place]
            self._agenda.push(due_us, self._network.deliver, found.link, found.message, found.number)
            self._record("held", found, due_us)

    def duplicate(self, name: str) -> None:
        """Let a duplicate of a message in flight arrive, later than the message by the longest delay."""
        found = self._find_in_flight(name, "duplicate")
        if found is not None:
            due_us = found.due_us + self._network.longest_us + 1
            self._agenda.push(due_us, self._network.deliver, found.link, found.message, -found.number)
            self._record("doubled", found, due_us)

    def set_loss(self, share: float) -> None:
        """Let the network lose this share of the messages that are sent from now on."""
        if self._network.loss == share:
            self._note("note", text=f"loss {share:g}: it is so already")
            return
        self._network.set_loss(share)
        self._note("network", loss=share)

    def set_delay(self, low_s: float, high_s: float) -> None:
        """Let messages that are sent from now on take so many seconds."""
        shortest_us, longest_us = round(low_s * MICROSECONDS), round(high_s * MICROSECONDS)
        if (self._network.shortest_us, self._network.longest_us) == (shortest_us, longest_us):
            text = f"delay {format_seconds(shortest_us)} {format_seconds(longest_us)}: it is so already"
            self._note("note", text=text)
            return
        self._network.set_delay(shortest_us, longest_us)
        self._note("network", delay=[shortest_us / MICROSECONDS, longest_us / MICROSECONDS])

    def _record(self, kind: str, found: InFlight, due_us: int) -> None:
        """Record what was done to a message in flight."""
        if self._recorder is not None:
            detail = self._recorder.arrival(found.link, found.message, found.number)
            self._note(kind, found.link.receiver, **detail, due=due_us)

    def _find_in_flight(self, name: str, verb: str) -> InFlight | None:
        """Find a message in flight by its name. If it is not in flight, note why not and return None."""
        link, number = self._find_link(name)
        for place, (due_us, _, call, a, b, c) in enumerate(self._agenda.calls):
            if a is link and c == number and call == self._network.deliver:
                return InFlight(place, link, b, number, due_us)
        why = "it waits until its server resumes" if self._waits(link, number) else "it is not on its way"
        self._note("note", link.receiver, text=f"{verb} {name}: {why}")
        return None

    def _is_under_way(self, link: Link, number: int) -> bool:
        """Return whether a message or its duplicate is in flight, or waits at a paused server."""
        is_arrival = self._arrival_test(link, number)
        return any(is_arrival(call, a, c) for _, _, call, a, _, c in self._agenda.calls) or self._waits(link, number)

    def _waits(self, link: Link, number: int) -> bool:
        is_arrival = self._arrival_test(link, number)
        return any(is_arrival(call, a, c) for call, a, _, c in self._hosts[link.receiver].mailbox)

    def _arrival_test(self, link: Link, number: int) -> Callable[[object, object, object], bool]:
        """Return a test whether a planned call is the arrival of a message or of its duplicate."""
        deliver = self._network.deliver
        return lambda call, a, c: a is link and c in (number, -number) and call == deliver

    def _find_link(self, name: str) -> tuple[Link, int]:
        """Return the link and the number of a message, from its name, such as tom>jerry#7."""
        ends, _hash, number = name.partition("#")
        sender, receiver = ends.split(">")
        return self._hosts[sender].links[receiver], int(number)
