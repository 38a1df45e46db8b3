"""What happens at a node: an event reaches its handler, durable fields are stored, and effects are carried out."""

from __future__ import annotations

from bisect import insort
from math import floor
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import NodeError
from raft_steps.lab.runtime.diagnostics import Mistake, none_was_sent, returned_something
from raft_steps.lab.runtime.mistakes import HandlerCall, blame
from raft_steps.lab.runtime.simulator.clients import Clients
from raft_steps.lab.runtime.simulator.network import Network
from raft_steps.lab.runtime.simulator.simulated_host import DiskFailed
from raft_steps.lab.runtime.simulator.timers import Timers
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.scenario.model import format_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.monitor import Monitor
    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.link import Link
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.scenario.scenario import Scenario


class Dispatcher:
    """Calls the nodes' handlers, and carries out what the nodes ask for.

    Attributes:
        network: Sends the nodes' messages.
        timers: Starts the nodes' timers.
        clients: Ask the nodes, and are answered.
        failures: How many events have failed. They count as progress for the watchdog, which otherwise might interrupt
            the report of a handler that it has interrupted.
    """

    def __init__(
        self,
        scenario: Scenario,
        hosts: Mapping[str, SimulatedHost],
        agenda: Agenda,
        *,
        recorder: Recorder | None,
        monitor: Monitor | None,
    ) -> None:
        """Create a dispatcher, and network, timers and clients that dispatch their events by it.

        Args:
            scenario: Has the faults and delays of the network.
            hosts: The servers, by name.
            agenda: Has the time, and what is planned.
            recorder: Records the events, if the run is recorded.
            monitor: Watches the nodes, if anything does.
        """
        self._hosts, self._agenda, self._recorder, self._monitor = hosts, agenda, recorder, monitor
        self.failures = 0
        self.network = Network(scenario, agenda=agenda, deliver=self.deliver, recorder=recorder)
        self.timers = Timers(agenda, self.handle, self.note, recorder)
        self.clients = Clients(agenda, self.handle, self.note, recorder, monitor)

    def note(self, kind: str, server: str = "", **detail: Any) -> None:
        """Record an event that changes no node, if the run is recorded."""
        if self._recorder is not None:
            self._recorder.event(self._agenda.now_us, kind, server, detail)

    def deliver(self, link: Link, message: object, number: int) -> None:
        """Deliver a message that arrives: drop it, put it into the mailbox of a paused server, or let it be handled."""
        host = self._hosts[link.receiver]
        if not (link.open and host.up):
            reason = link.closed_to(number) if host.up else "down"
            if reason:
                self.network.drop(link, message, number, reason)
                return
        if host.paused:
            host.mailbox.append((self.deliver, link, message, number))
            return
        try:
            handler = host.handlers[type(message)]
        except KeyError:
            if message is None:  # Without a recorder nothing looks at a message before it arrives.
                raise self._none_arrived(link) from None
            handler = host.find_message_handler(type(message), self._agenda.now_us)
        detail = None if self._recorder is None else self._recorder.arrival(link, message, number)
        try:
            self._finish(host, handler(link.sender, message), message, "delivered", detail)
        except DiskFailed as failure:
            self._crash_in_event(host, str(failure))
        except (Exception, SystemExit, HandlerTimeout) as error:
            call = HandlerCall(host.node, handler, (link.sender, message))
            raise self.blame(host, _name_of(handler), error, "delivered", detail, call=call) from error

    def _none_arrived(self, link: Link) -> NodeError:
        """Build the error for a None that arrives: its sender is to blame, not its receiver."""
        mistake = none_was_sent(self._hosts[link.sender].node)
        place = f"\n{mistake.place}" if mistake.place else ""
        now = format_seconds(self._agenda.now_us)
        return NodeError(f"{link.sender}, before {now} s, {mistake}{place}", server=link.sender)

    def handle(
        self,
        host: SimulatedHost,
        handler: Callable[..., object],
        arguments: tuple[Any, ...],
        kind: str,
        detail: dict[str, Any] | None,
    ) -> None:
        """Let a node handle an event that is not a message.

        Args:
            host: The server.
            handler: A method of its node.
            arguments: What to call the handler with.
            kind: The kind of the event, for the trace.
            detail: The event's details, for the trace.

        Raises:
            NodeError: The node failed.
        """
        try:
            self._finish(host, handler(*arguments), None, kind, detail)
        except DiskFailed as failure:
            self._crash_in_event(host, str(failure))
        except (Exception, SystemExit, HandlerTimeout) as error:
            call = HandlerCall(host.node, handler, arguments)
            raise self.blame(host, _name_of(handler), error, kind, detail, call=call) from error

    def _finish(  # noqa: PLR0912  # One function, because two for each event would cost 5% of the speed.
        self, host: SimulatedHost, returned: object, message: object | None, kind: str, detail: dict[str, Any] | None
    ) -> None:
        """Finish an event whose handler has run: store what must be durable, then carry out the effects.

        Raises:
            Mistake: The handler returned something, or the node asks for something impossible.
            DiskFailed: The disk was to fail in this event.
        """
        node, agenda = host.node, self._agenda
        if returned is not None or self._recorder is not None:
            self._record(host, returned, kind, detail)
        changes = None
        # Most events change nothing durable: these conditions are faster than a call of `store`.
        log = host.log
        if (
            host.stores_more
            or node.log is not log
            or log.changes
            or (host.on_disk and host.read_durable(node) != host.on_disk)
        ):
            changes = self._store(host)
        if self._monitor is not None:
            self._monitor.handled(host, agenda.now_us, message, changes)
        effects = node.effects
        if not effects:
            return
        links, network, calls, now_us = host.links, self.network, agenda.calls, agenda.now_us
        for effect in effects:
            if effect[0] == "send":
                try:
                    link = links[effect[1]]
                except KeyError:
                    others = ", ".join(links)
                    raise Mistake(f"sent a message to {effect[1]!r}; the others are {others}") from None
                if network.is_plain and link.open:  # What `Network.send` does then, without the calls.
                    link.count = number = link.count + 1
                    draw = link.delay_draw  # A local name, because Python is slow at calling what a slot holds.
                    due_us = now_us + network.shortest_us + floor(draw() * network.span)
                    insort(calls, (due_us, next(agenda.numbers), network.deliver, link, effect[2], number))
                else:
                    network.send(link, effect[2], node)
            elif effect[0] == "start":
                self.timers.start(host, effect[1], effect[2])
            elif effect[0] == "cancel":
                timer = host.timers.get(effect[1])
                if timer is not None and timer.due_us is not None:
                    self.timers.cancel(host, timer)
            elif effect[0] == "reply":
                self.clients.answer(host, effect[1], effect[2])
            elif self._recorder is not None:
                self._recorder.applied(now_us, host.name, effect[1])
        node.effects = []  # Only now: if one of them cannot be carried out, `blame` looks at them.

    def _record(self, host: SimulatedHost, returned: object, kind: str, detail: dict[str, Any] | None) -> None:
        """Record an event that a node has handled, and refuse a handler that returned something."""
        if self._recorder is not None:
            self._recorder.handled(self._agenda.now_us, host, kind, detail or {})
        if returned is not None:
            raise returned_something(returned)

    def _store(self, host: SimulatedHost) -> list[Change] | None:
        """Bring a host's disk up to date, or let it fail; return the changes of its logs."""
        if host.unsynced:
            host.fail()
        changes = host.store()
        if changes is not None and self._recorder is not None:
            self._recorder.stored(self._agenda.now_us, host, changes)
        return changes

    def _crash_in_event(self, host: SimulatedHost, how: str) -> None:
        """Crash a server in the middle of an event: no effect leaves, and its disk has part of the event or nothing."""
        host.node.effects = []
        host.end()
        self.note("crashed", host.name, disk=how)
        if self._monitor is not None:
            self._monitor.failed(host)

    def blame(
        self,
        host: SimulatedHost,
        handler: str,
        error: BaseException,
        kind: str,
        detail: dict[str, Any] | None,
        *,
        call: HandlerCall | None = None,
    ) -> BaseException:
        """Return the error to raise: a NodeError if the node is to blame, otherwise the laboratory's own error."""
        self.failures += 1
        now_us = self._agenda.now_us
        found = blame(error, host.name, handler, format_seconds(now_us), call)
        if found is None:
            return error
        if host.node is not None:
            host.node.effects = []  # A call that failed has no effects, not even with a later event.
        if self._recorder is not None:
            self._recorder.failed(now_us, host, kind, detail or {}, str(found))
            self._recorder.trace.end_us = now_us + 1
        return found


def _name_of(handler: object) -> str:
    return getattr(handler, "__name__", "handler")
