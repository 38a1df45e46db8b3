"""What happens to a node: an event reaches it, what must be durable is stored, and its effects are carried out.

Most events of a long run are messages that change next to nothing, so the way from an arrival to its effects is short:
a recorder and a watch are asked only where there is one.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from math import floor
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import NodeError
from raft_steps.lab.runtime.diagnostics import Mistake, node_error, none_was_sent, returned_something
from raft_steps.lab.runtime.simulator.simulated_host import DiskFailed
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.scenario.model import format_seconds

if TYPE_CHECKING:
    from raft_steps.lab.node import Effect
    from raft_steps.lab.runtime.monitor import Monitor
    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.clients import Clients
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.runtime.simulator.network import Network, Planned
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.runtime.simulator.timers import Timers
    from raft_steps.lab.trace.trace import Trace


class Handling:
    """The part of a simulation that calls a node and does what it asks for."""

    hosts: dict[str, SimulatedHost]
    now_us: int
    recorder: Recorder | None
    trace: Trace | None
    monitor: Monitor | None
    _agenda: list[Planned]
    _numbers: Iterator[int]
    _network: Network
    _timers: Timers
    _clients: Clients

    def note(self, kind: str, server: str = "", **detail: Any) -> None:
        """Write an event that changes no node to the trace."""
        if self.recorder is not None:
            self.recorder.event(self.now_us, kind, server, detail)

    def crash(self, host: SimulatedHost, **detail: Any) -> None:
        """End a life: all that is not on disk is gone."""
        host.end()
        self.note("crashed", host.name, **detail)

    def _crash_in_event(self, host: SimulatedHost, how: str) -> None:
        """End a life in the middle of an event: none of its effects leaves, and the disk has part of it, or nothing."""
        host.node.effects = []
        self.crash(host, disk=how)
        if self.monitor is not None:
            self.monitor.failed(host)

    def _deliver(self, link: Link, message: object, number: int) -> None:
        host = self.hosts[link.receiver]
        if not (link.open and host.up):
            reason = link.closed_to(number) if host.up else "down"
            if reason:
                self._network.dropped(self.now_us, link, message, number, reason)
                return
        if host.paused:
            host.mailbox.append((self._deliver, link, message, number))
            return
        try:
            handler = host.handlers[type(message)]
        except KeyError:
            if message is None:  # Where nobody writes down what is sent, it is noticed only here.
                raise self._none_arrived(link) from None
            handler = host.find_message_handler(type(message), self.now_us)
        if self.recorder is not None:
            detail = self.recorder.arrival(link, message, number)
            self.handle(host, handler, (link.sender, message), "delivered", detail, message=message)
            return
        try:  # What `handle` does, without a word about it.
            returned = handler(link.sender, message)
            if returned is not None:
                raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
            changes = None
            if host.stores_more or host.node.log is not host.log or host.log.changes:
                changes = host.store()
            if self.monitor is not None:
                self.monitor.handled(host, self.now_us, message, changes)
            if effects := host.node.effects:
                host.node.effects = []
                self._carry_out(host, effects)
        except DiskFailed as failure:
            self._crash_in_event(host, str(failure))
        except (Exception, HandlerTimeout) as error:
            raise self._blame(host, getattr(handler, "__name__", "handler"), error, "delivered", None) from error

    def _none_arrived(self, link: Link) -> NodeError:
        """Blame who sent it."""
        mistake = none_was_sent(self.hosts[link.sender].node)
        place = f"\n{mistake.place}" if mistake.place else ""
        return NodeError(f"{link.sender}, before {format_seconds(self.now_us)} s, {mistake}{place}", server=link.sender)

    def handle(
        self,
        host: SimulatedHost,
        handler: Callable[..., object],
        arguments: tuple[Any, ...],
        kind: str,
        detail: dict[str, Any] | None,
        *,
        message: object | None = None,
    ) -> None:
        """Call a handler, store what must be durable, and carry out the effects."""
        recorder = self.recorder
        try:
            returned = handler(*arguments)
            if recorder is not None:
                recorder.handled(self.now_us, host, kind, detail or {})
            if returned is not None:
                raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
            changes = host.store()
            if changes is not None and recorder is not None:
                recorder.stored(self.now_us, host, changes)
            if self.monitor is not None:
                self.monitor.handled(host, self.now_us, message, changes)
            if effects := host.node.effects:
                host.node.effects = []
                self._carry_out(host, effects)
        except DiskFailed as failure:
            self._crash_in_event(host, str(failure))
        except (Exception, HandlerTimeout) as error:
            raise self._blame(host, getattr(handler, "__name__", "handler"), error, kind, detail) from error

    def _blame(
        self, host: SimulatedHost, handler: str, error: BaseException, kind: str, detail: dict[str, Any] | None
    ) -> BaseException:
        """Give the error to raise: the Node's, in words about it, or the laboratory's own as it is."""
        found = (
            error
            if isinstance(error, NodeError)
            else node_error(error, host.name, handler, format_seconds(self.now_us))
        )
        if found is None:
            return error
        if host.node is not None:
            host.node.effects = []  # A call that failed has no effects, not even with a later event.
        if self.recorder is not None and self.trace is not None:
            self.recorder.failed(self.now_us, host, kind, detail or {}, str(found))
            self.trace.end_us = self.now_us + 1
        return found

    def _carry_out(self, host: SimulatedHost, effects: list[Effect]) -> None:
        now, links, network = self.now_us, host.links, self._network
        plain, agenda, numbers = network.plain, self._agenda, self._numbers
        for effect in effects:
            if effect[0] == "send":
                try:
                    link = links[effect[1]]
                except KeyError:
                    others = ", ".join(links)
                    raise Mistake(f"sent a message to {effect[1]!r}; the others are {others}") from None
                if plain and link.open:  # What the network does, without a word about it.
                    link.count = number = link.count + 1
                    draw = link.delay_draw
                    due = now + network.shortest + floor(draw() * network.span)
                    insort(agenda, (due, next(numbers), network.deliver, link, effect[2], number))
                elif effect[2] is None:
                    raise none_was_sent(host.node)
                else:
                    network.send(now, link, effect[2])
            elif effect[0] == "start":
                self._timers.start(now, host, effect[1], effect[2])
            elif effect[0] == "cancel":
                if effect[1] in host.timers:
                    self._timers.cancel(host, effect[1])
            elif effect[0] == "reply":
                self._clients.answer(host, effect[1], effect[2])
            elif self.recorder is not None:
                self.recorder.applied(now, host.name, effect[1])
