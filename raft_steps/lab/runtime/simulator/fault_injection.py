"""What alters messages in flight, the network as a whole, and timers: the hand that reaches into a running simulation.

A message in flight is found in the agenda by going through all of it. That is slow and rare; sending stays fast.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any, NamedTuple

from raft_steps.lab.runtime.watchdog import bounded
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.runtime.simulator.network import Network, Planned
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.timers import Timers


class InFlight(NamedTuple):
    """A message in flight.

    Attributes:
        place: Its place in the agenda.
        link: The way that it takes.
        message: What it says.
        due: When it arrives, in microseconds.
    """

    place: int
    link: Link
    message: object
    due: int


class Meddling:
    """The part of a simulation that reaches into what is under way. What it cannot do, it says and leaves alone."""

    now_us: int
    recorder: Recorder | None
    hosts: dict[str, SimulatedHost]
    _agenda: list[Planned]
    _numbers: Iterator[int]
    _network: Network
    _timers: Timers
    _deliver: Callable[[Link, object, int], None]
    _progress: Callable[[], int]
    note: Callable[..., None]

    def time_out(self, host: SimulatedHost, timer: str = "election") -> None:
        """Let a timer run out now.

        Raises:
            NodeError: The node failed in it.
        """
        why = (
            "it is down" if not host.up
            else "it is paused" if host.paused
            else f"its {timer} timer does not run" if timer not in host.timers
            else ""
        )  # fmt: skip
        if why:
            self.note("note", host.name, text=f"timeout {host.name}: {why}")
            return
        with bounded(self._progress):
            self._timers.run_out(host, timer)

    def drop(self, name: str) -> None:
        """Lose a message: when it will be sent, or on its way if it has been."""
        link, number = self._link_of(name)
        if number in link.drops:
            self.note("note", link.receiver, text=f"drop {name}: it is so already")
        elif number <= link.count and not self._is_under_way(link, number):
            self.note("note", link.receiver, text=f"drop {name}: it is not on its way")
        else:
            link.drop(number)
            self._take_away(link, number)

    def _take_away(self, link: Link, number: int) -> None:
        """Take a message that is dropped out of the agenda, or from where it waits, and its copy with it."""
        mailbox, agenda = self.hosts[link.receiver].mailbox, self._agenda
        carries = self._is_arrival(link, number)
        found = [(message, c) for call, a, message, c in mailbox if carries(call, a, c)]
        found += [(message, c) for _, _, call, a, message, c in agenda if carries(call, a, c)]
        mailbox[:] = [each for each in mailbox if not carries(each[0], each[1], each[3])]
        agenda[:] = [each for each in agenda if not carries(each[2], each[3], each[5])]
        for message, each in found:
            self._network.dropped(self.now_us, link, message, each, "scenario")

    def hold(self, name: str, wait: float) -> None:
        """Let a message arrive so many seconds later."""
        found = self._find(name, "hold")
        if found is not None:
            due = found.due + round(wait * MICROSECONDS)
            link, number = self._link_of(name)
            del self._agenda[found.place]
            insort(self._agenda, (due, next(self._numbers), self._deliver, link, found.message, number))
            self._tell("held", found, number, due)

    def double(self, name: str) -> None:
        """Let a copy of a message arrive, too: later than the message, by the longest time that one takes."""
        found = self._find(name, "duplicate")
        if found is not None:
            due = found.due + self._network.longest + 1
            link, number = self._link_of(name)
            insort(self._agenda, (due, next(self._numbers), self._deliver, link, found.message, -number))
            self._tell("doubled", found, number, due)

    def lose_share(self, share: float) -> None:
        """Let the network lose this share of what is sent from now on."""
        network = self._network
        if network.loss == share:
            self.note("note", text=f"loss {share:g}: it is so already")
            return
        network.lose(share)
        self.note("network", loss=share)

    def take_time(self, low: float, high: float) -> None:
        """Let what is sent from now on take so many seconds, from the least to the longest."""
        shortest, longest = round(low * MICROSECONDS), round(high * MICROSECONDS)
        network = self._network
        if (network.shortest, network.longest) == (shortest, longest):
            text = f"delay {format_seconds(shortest)} {format_seconds(longest)}: it is so already"
            self.note("note", text=text)
            return
        network.take(shortest, longest)
        self.note("network", delay=[shortest / MICROSECONDS, longest / MICROSECONDS])

    def _tell(self, kind: str, found: InFlight, number: int, due: int) -> None:
        """Write down what became of a message."""
        if self.recorder is not None:
            detail: dict[str, Any] = self.recorder.arrival(found.link, found.message, number)
            self.note(kind, found.link.receiver, **detail, due=due)

    def _find(self, name: str, verb: str) -> InFlight | None:
        """Find a message in flight by its name; where there is none, say so."""
        link, number = self._link_of(name)
        for place, (due, _, call, a, b, c) in enumerate(self._agenda):
            if a is link and c == number and call == self._deliver:
                return InFlight(place, link, b, due)
        why = "it waits until its server goes on" if self._waits(link, number) else "it is not on its way"
        self.note("note", link.receiver, text=f"{verb} {name}: {why}")
        return None

    def _is_under_way(self, link: Link, number: int) -> bool:
        """Say whether a message, or a copy of it, is in flight or waits at a paused server."""
        carries = self._is_arrival(link, number)
        return any(carries(call, a, c) for _, _, call, a, _, c in self._agenda) or self._waits(link, number)

    def _waits(self, link: Link, number: int) -> bool:
        carries = self._is_arrival(link, number)
        return any(carries(call, a, c) for call, a, _, c in self.hosts[link.receiver].mailbox)

    def _is_arrival(self, link: Link, number: int) -> Callable[[object, object, object], bool]:
        """Tell the arrival of a message, or of its copy, from all else that is planned."""
        return lambda call, a, c: a is link and c in (number, -number) and call == self._deliver

    def _link_of(self, name: str) -> tuple[Link, int]:
        """Take a message's name, such as tom>jerry#7, apart into its link and its number."""
        ends, _hash, number = name.partition("#")
        sender, receiver = ends.split(">")
        return self.hosts[sender].links[receiver], int(number)
