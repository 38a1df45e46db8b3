"""The simulation: a cluster in virtual time, decided by a scenario alone.

Time is a whole number of microseconds and moves from event to event: timers that run out, messages that arrive,
actions of the scenario. Events of the same time happen in the order in which they were planned, the scenario's actions
first. Each link and each life of a node has a stream of chance of its own, so that a change here moves nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from raft_steps.lab import actions
from raft_steps.lab.chance import Stream
from raft_steps.lab.commands import Command, NotLeader, Ok, Request, Response, parse_command
from raft_steps.lab.errors import EventBudgetError, MessageError, NodeError
from raft_steps.lab.guard import HandlerStuck, bounded, node_error
from raft_steps.lab.host import Host, Link
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.messages import handler_name
from raft_steps.lab.recorder import Recorder
from raft_steps.lab.scenario import MICROSECONDS, TIMINGS, Action, Scenario, seconds
from raft_steps.lab.trace import Trace

# How many events one call of run_until may take before it is called a storm; fewer where each is written down.
EVENT_BUDGET, EVENT_BUDGET_RECORDED = 2_000_000, 100_000
HELD_BACK = 5  # A message that is held back takes this many times the longest delay more.


class Simulation:
    """A cluster of nodes in virtual time.

    Attributes:
        scenario: What decides the run.
        hosts: The servers, by name.
        now: The time in microseconds: what happens before it has happened, nothing at it or after.
        trace: What happened, or None when recording is off.
        responses: What each client was told, by client.
        event_count: How many events have happened.
    """

    def __init__(
        self,
        scenario: Scenario,
        node_class: type | None = None,
        *,
        classes: Mapping[str, type] | None = None,
        record: bool = True,
        event_budget: int | None = None,
    ) -> None:
        """Build the cluster and start its servers.

        Args:
            scenario: What decides the run.
            node_class: The class of the nodes; that of the scenario's step by default.
            classes: Other classes for some servers, by name.
            record: Whether to write a trace.
            event_budget: How many events one call of `run_until` may take.

        Raises:
            NodeError: A node cannot be started.
        """
        self.scenario = scenario
        self.node_class = node_class or _class_of_step(scenario)
        self.timing = TIMINGS[scenario.timing]
        self.event_budget = event_budget or (EVENT_BUDGET_RECORDED if record else EVENT_BUDGET)
        low, high = scenario.delay or self.timing.delay
        self._delay_low, self._delay_span = round(low * MICROSECONDS), round((high - low) * MICROSECONDS) + 1
        self._faulty = bool(scenario.loss or scenario.duplicate or scenario.reorder)
        self.now = self.event_count = self._planned = self._clients = 0
        self._heap: list[tuple[int, int, Callable[[Any, Any, Any], None], Any, Any, Any]] = []
        self.responses: dict[str, Response] = {}
        self.waiting: set[str] = set()  # the clients that have asked and heard nothing
        self.trace = Trace(scenario.servers) if record else None
        self._recorder = Recorder(self.trace) if self.trace is not None else None
        self.classes = dict.fromkeys(scenario.servers, self.node_class) | dict(classes or {})
        self.hosts = {name: Host(name) for name in scenario.servers}
        for host in self.hosts.values():
            peers = [peer for peer in self.hosts.values() if peer is not host]
            host.links = {peer.name: Link(scenario.seed, host.name, peer) for peer in peers}
            host.disk = _first_disk(scenario.logs.get(host.name, ()))
        for action in scenario.actions:
            self.plan(action)
        for host in self.hosts.values():
            if host.name not in scenario.later:
                self.start(host)

    def plan(self, action: Action) -> None:
        """Plan an action of the scenario."""
        self._push(action.at, actions.perform, self, action, None)

    def _push(self, time: int, call: Callable[[Any, Any, Any], None], a: Any, b: Any, c: Any) -> None:
        self._planned += 1
        heappush(self._heap, (time, self._planned, call, a, b, c))

    def run_until(self, time: int, stop: Callable[[], bool] | None = None) -> bool:
        """Let everything happen that happens before a time, or until `stop` says so after an event.

        Returns:
            Whether `stop` ended the run; the clock then stands one microsecond after that event.

        Raises:
            NodeError: A node raised, hung or returned something.
            EventBudgetError: The run took too many events.
        """
        heap, limit, stopped = self._heap, self.event_count + self.event_budget, False
        with bounded(self._progress):
            while heap and heap[0][0] < time:
                self.now, _, call, a, b, c = heappop(heap)
                self.event_count += 1
                call(a, b, c)
                if self.event_count > limit:
                    raise self._storm()
                if stop is not None and stop():
                    # What else belongs to this microsecond still happens, so that the next action comes after it.
                    time, stop, stopped = self.now + 1, None, True
        self.now = max(self.now, time)
        if self.trace is not None:
            self.trace.end = self.now
        return stopped

    def _progress(self) -> int:
        return self.event_count

    def _storm(self) -> EventBudgetError:
        links = [link for host in self.hosts.values() for link in host.links.values()]
        busiest = max(links, key=lambda link: link.count)
        return EventBudgetError(
            f"the run took {self.event_budget} events and is only at {seconds(self.now)} s: a storm of messages; "
            f"{busiest.name} alone has carried {busiest.count}"
        )

    # The life of a server.

    def start(self, host: Host) -> None:
        """Begin a life: a new node, with what the disk holds."""
        node_class = self.classes[host.name]
        host.life += 1
        host.up, host.paused = True, False
        chance = Stream(
            self.scenario.seed,
            f"node/{host.name}/{host.life}",
            self.scenario.draws.get(host.name, ()) if host.life == 1 else (),
        )
        node = node_class(name=host.name, servers=self.scenario.servers, random=chance)
        for name in ("heartbeat_interval", "election_timeout_range"):
            if self.scenario.timing != "post" and hasattr(node_class, name):
                setattr(node, name, getattr(self.timing, name))
        if host.life == 1 and host.name == self.scenario.leader:
            node.is_leader = True
        host.begin(node)
        if self._recorder is not None:
            self._recorder.life_begins(host)
        detail = {"life": host.life, "log": list(getattr(node, "log", ()))} if self._recorder is not None else {}
        with bounded(self._progress):
            self._handle(host, "on_start", node.on_start, (), "started" if host.life == 1 else "restarted", detail)

    def crash(self, host: Host) -> None:
        """End a life: all that is not on disk is gone."""
        host.end()
        self.note("crashed", host.name)

    def resume(self, host: Host) -> None:
        """Let a paused server go on with all that came for it."""
        host.paused = False
        self.note("resumed", host.name)
        for call, a, b, c in host.mailbox:
            self._push(self.now, call, a, b, c)
        host.mailbox.clear()

    def note(self, kind: str, server: str = "", **detail: Any) -> None:
        """Write an event that changes no node to the trace."""
        if self._recorder is not None:
            self._recorder.event(self.now, kind, server, **detail)

    def send(self, sender: str, to: str, message: object) -> None:
        """Send a message in a server's name, whatever its node thinks: the puppets of a check speak like this."""
        self._send(self.hosts[sender], to, message)

    # What reaches a node.

    def _deliver(self, link: Link, message: object, number: int) -> None:
        host = link.receiver
        if link.cut or link.one_way_cut or not host.up:
            self._dropped(link, message, number, "cut" if host.up else "down")
            return
        if host.paused:
            host.mailbox.append((self._deliver, link, message, number))
            return
        handler = host.handlers.get(type(message)) or self._find_handler(host, handler_name(type(message)))
        host.handlers[type(message)] = handler
        detail = None
        if self._recorder is not None:
            detail = self._recorder.arrival(link, message, number)
        self._handle(host, handler.__name__, handler, (link.sender, message), "delivered", detail)

    def _find_handler(self, host: Host, name: str) -> Callable[..., None]:
        handler = getattr(host.node, name, None)
        if handler is None:
            raise NodeError(
                f"{host.name} has no {name}: something reached it at {seconds(self.now)} s that its Node does not know",
                server=host.name,
                handler=name,
            )
        return handler  # type: ignore[no-any-return]

    def _fire(self, host: Host, timer: str, life: int) -> None:
        if host.life != life or host.queued.get(timer) != self.now:
            return
        due = host.timers.get(timer)
        if due is None:
            del host.queued[timer]
        elif due > self.now:  # It was restarted while it ran: look again when it is due.
            host.queued[timer] = due
            self._push(due, self._fire, host, timer, life)
        elif host.paused:
            host.mailbox.append((self._fire_late, host, timer, life))
        else:
            self._time_out(host, timer)

    def _fire_late(self, host: Host, timer: str, life: int) -> None:
        if host.life == life and timer in host.timers and host.timers[timer] <= self.now:
            self._time_out(host, timer)

    def _time_out(self, host: Host, timer: str) -> None:
        host.queued.pop(timer, None)
        del host.timers[timer]
        name = f"on_{timer}_timeout"
        detail = {"timer": timer} if self._recorder is not None else None
        self._handle(host, name, self._find_handler(host, name), (), "timer_fired", detail)

    def ask(self, host: Host, request: Request) -> str:
        """Bring a client's request to a server.

        Returns:
            The client's reply address; `responses` holds the answer under it, once there is one.
        """
        self._clients += 1
        client = f"client#{self._clients}"
        if not host.up:
            self.note("note", host.name, text=f"{client} cannot reach {host.name}, which is down")
            return client
        self.waiting.add(client)
        self._ask(host, client, request)
        return client

    def _ask(self, host: Host, client: str, request: Request) -> None:
        if host.paused:
            host.mailbox.append((self._ask, host, client, request))
            return
        handler = self._find_handler(host, "on_client_request")
        detail = {"client": client, "request": request} if self._recorder is not None else None
        self._handle(host, "on_client_request", handler, (client, request), "asked", detail)

    # What a node does.

    def _handle(
        self,
        host: Host,
        name: str,
        handler: Callable[..., None],
        arguments: tuple[Any, ...],
        kind: str,
        detail: dict[str, Any] | None,
    ) -> None:
        """Call a handler, store what must be durable, and carry out the effects."""
        recorder = self._recorder
        try:
            returned = handler(*arguments)
            if recorder is not None:
                recorder.handled(self.now, host, kind, detail or {})
            if returned is not None:
                raise TypeError(f"it returned {returned!r}; a handler returns nothing, it acts by self.send and the like")
            log_changes = host.store()
            if recorder is not None:
                recorder.stored(self.now, host, log_changes)
            effects, host.node.effects = host.node.effects, []
            for effect in effects:
                self._carry_out(host, effect)
        except (Exception, HandlerStuck) as error:
            raise self._blame(host, name, error, kind, detail) from error

    def _blame(
        self, host: Host, handler: str, error: BaseException, kind: str, detail: dict[str, Any] | None
    ) -> BaseException:
        """Give the error to raise: the Node's, in words about it, or the laboratory's own as it is."""
        found = error if isinstance(error, NodeError) else node_error(error, host.name, handler, seconds(self.now))
        if found is None:
            return error
        if self._recorder is not None and self.trace is not None:
            self._recorder.failed(self.now, host, kind, detail or {}, str(found))
            self.trace.end = self.now + 1
        return found

    def _carry_out(self, host: Host, effect: Any) -> None:
        kind = effect[0]
        if kind == "send":
            self._send(host, effect[1], effect[2])
        elif kind == "start":
            self._start_timer(host, effect[1], effect[2])
        elif kind == "cancel":
            if host.timers.pop(effect[1], None) is not None:
                self.note("timer_cancelled", host.name, timer=effect[1])
        elif kind == "reply":
            self._reply(host, effect[1], effect[2])
        elif self._recorder is not None:
            self._recorder.applied(self.now, host.name, effect[1])

    def _send(self, host: Host, to: str, message: object) -> None:
        link = host.links.get(to)
        if link is None:
            raise MessageError(f"a message to {to!r} cannot be sent; the others are {', '.join(host.links)}")
        link.count = number = link.count + 1
        due = self.now + self._delay_low + int(link.chance() * self._delay_span)
        if self._recorder is not None:
            self._recorder.sent(self.now, link, number, message, due)
        if self._faulty:
            due = self._faults(link, message, number, due)
        if link.cut or link.one_way_cut:
            self._dropped(link, message, number, "cut")
        elif number in link.drops:
            self._dropped(link, message, number, "scenario")
        elif due:
            self._planned += 1
            heappush(self._heap, (due, self._planned, self._deliver, link, message, number))

    def _faults(self, link: Link, message: object, number: int, due: int) -> int:
        """Let the network lose, double or hold back a message; return when it arrives, 0 for never."""
        lost, doubled, held = link.faults(), link.faults(), link.faults()
        longest = self._delay_low + self._delay_span
        if doubled < self.scenario.duplicate and not (link.cut or link.one_way_cut):
            self._push(due + longest, self._deliver, link, message, -number)  # A copy has the negative number.
        if lost < self.scenario.loss and not (link.cut or link.one_way_cut):
            self._dropped(link, message, number, "lost")
            return 0
        return due + HELD_BACK * longest if held < self.scenario.reorder else due

    def _dropped(self, link: Link, message: object, number: int, reason: str) -> None:
        if self._recorder is not None:
            self._recorder.event(
                self.now, "dropped", link.receiver.name, **self._recorder.arrival(link, message, number), reason=reason
            )

    def _start_timer(self, host: Host, timer: str, wait: float) -> None:
        if type(wait) not in (int, float) or not wait > 0:
            raise TypeError(f"start_timer({timer!r}, {wait!r}): a timer needs a number of seconds above 0")
        due = self.now + round(wait * MICROSECONDS)
        host.timers[timer] = due
        if self._recorder is not None:
            self._recorder.event(self.now, "timer_started", host.name, timer=timer, due=due)
        queued = host.queued.get(timer)
        if queued is None or due < queued:
            host.queued[timer] = due
            self._push(due, self._fire, host, timer, host.life)

    def _reply(self, host: Host, client: str, response: Response) -> None:
        if not isinstance(response, Ok | NotLeader):
            raise TypeError(f"a client is answered with Ok(…) or NotLeader(…), not {response!r}")
        if client not in self.waiting:
            raise TypeError(f"reply({client!r}, …): no such client waits; a client is answered once")
        self.waiting.remove(client)
        self.responses[client] = response
        if self._recorder is not None:
            self._recorder.answered(self.now, host.name, client, response)


def _class_of_step(scenario: Scenario) -> type:
    from raft_steps import node

    if scenario.step is None:
        raise NodeError("this scenario names no step; give it a Node class")
    return node(scenario.step)  # type: ignore[no-any-return]


def _first_disk(entries: tuple[tuple[int, str], ...]) -> dict[str, Any]:
    """Give what is on a disk before its server ever ran."""
    stored = [
        Entry(index=index, term=term, command=_write(text)) for index, (term, text) in enumerate(entries, start=1)
    ]
    return {"log": Log(stored)} if stored else {}


def _write(text: str) -> Command:
    request = parse_command(text)
    if not isinstance(request, Command):
        raise NodeError(f"a log holds writes, not {text!r}")
    return request


