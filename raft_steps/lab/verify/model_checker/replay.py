"""Replays a schedule on real nodes, event by event, and records a trace that can be drawn and narrated like any other.

Each event takes a second of virtual time. That is not a duration but a place in the order, which is all that a schedule
determines. In the trace a timer is due when the schedule lets it run out, and a message when it arrives.

A search runs on interned states; a replay runs real nodes on the hosts of the simulator. So a replay also verifies what
the search found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Request, command_of_words
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.messages import handler_name
from raft_steps.lab.runtime.diagnostics import Mistake, none_was_sent, returned_something
from raft_steps.lab.runtime.launching import known_servers, read_entries
from raft_steps.lab.runtime.mistakes import HandlerCall, enter_term, new_node_of, set_field
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.simulator.link import Link
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost, connect
from raft_steps.lab.runtime.simulator.timers import check_wait
from raft_steps.lab.runtime.watchdog import HandlerTimeout, bounded
from raft_steps.lab.scenario.arguments import title_of_class
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.model_checker.facts import NO_FACTS, Fact, add_facts, facts_of
from raft_steps.lab.verify.model_checker.interning import DeterministicStream
from raft_steps.lab.verify.model_checker.schedule import MESSAGE, Schedule, ScheduleStep, client_and_command
from raft_steps.lab.verify.model_checker.state_view import PacketView, ServerView, StateView
from raft_steps.lab.verify.model_checker.transitions import blame, check_answer, find_handler

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.verify.model_checker.predicates import Predicate

FLIGHTS_PER_RUN = 5  # By the end of the run, a message that never arrives has covered a fifth of its way.


@dataclass(frozen=True, slots=True)
class BrokenInvariant:
    """The first violation of an invariant in a replay.

    Attributes:
        name: The name of the invariant.
        words: How it is broken.
        step: The number of the schedule's event that broke it, from 1; 0 if it was broken at the start.
        event: The number of the trace's event to mark.
    """

    name: str
    words: str
    step: int
    event: int


class Replay:
    """A cluster that follows a schedule.

    Attributes:
        schedule: The schedule. `run` performs its events.
        trace: What has happened.
        breaks: The invariants that broke, in the order in which they did.
        error: The error of a Node that failed; nothing happens after that.
        now_us: The virtual time, in microseconds.
        done: How many events have happened.
        facts: The history, with facts of all kinds.
        in_flight: The messages in flight, by name: the link, the message and its number.
        calls: How many handlers have run.
    """

    def __init__(self, schedule: Schedule, node_class: type, invariants: Iterable[Predicate] = ()) -> None:
        """Build the cluster and start its servers.

        Args:
            schedule: What to follow.
            node_class: The class of the nodes.
            invariants: What to check in every state.
        """
        self.schedule, self.node_class, self.invariants = schedule, node_class, tuple(invariants)
        self.trace = Trace(schedule.servers, _title(schedule, node_class), schedule.to_text())
        self.breaks: list[BrokenInvariant] = []
        self.error: NodeError | None = None
        self.now_us = self.done = 0
        self.facts: frozenset[Fact] = NO_FACTS
        self.requests: dict[str, Request] = {}
        self.in_flight: dict[str, tuple[Link, Any, int]] = {}
        self._recorder = Recorder(self.trace)
        self._first_terms = schedule.first_terms(node_class)
        self.calls = 0
        self.hosts = {name: SimulatedHost(name, read_entries(schedule.logs.get(name, ()))) for name in schedule.servers}
        connect(self.hosts, 0)
        self._timers: dict[str, set[str]] = {name: set() for name in schedule.servers}  # those that run
        for host in self.hosts.values():
            if self.error is None:
                self._start(host)
        self._check_invariants()

    def run(self) -> Replay:
        """Perform the events of the schedule, up to one in which a Node fails.

        Raises:
            ScenarioError: An event cannot happen; the message names it and the reason.
        """
        with bounded(lambda: self.calls):
            for step in self.schedule.steps:
                if self.error is None:
                    self.perform(step)
        self.finish()
        return self

    def timeline(self, **options: Any) -> Picture:
        """Draw the run and mark the event that first breaks an invariant; the options are those of `timeline`."""
        from raft_steps.lab.pictures.space_time import timeline

        if self.breaks:
            first = self.breaks[0]
            options = {"mark": first.event, "mark_text": f"{first.name}: {first.words}"} | options
        return timeline(self.trace, **options)

    def perform(self, step: ScheduleStep) -> None:
        """Perform one event.

        Raises:
            ScenarioError: It cannot happen.
        """
        self.now_us += MICROSECONDS
        self.done += 1
        if step.verb in ("deliver", "copy", "drop"):
            self._arrive(step)
        elif step.verb == "forget":
            for name in list(self.in_flight):
                self._lose(name)
        elif step.verb == "ask":
            self._ask(self._running(step), step)
        elif step.verb == "timeout":
            host, timer = self._running(step), step.words[1]
            if timer not in self._timers[host.name]:
                raise self._cannot(step, f"{host.name} has no running timer of that name")
            self._timers[host.name].remove(timer)
            self._handle(host, f"on_{timer}_timeout", (), "timer_fired", {"timer": timer})
        elif step.verb == "snapshot":
            self._handle(self._running(step), "take_snapshot", (), "told", {"order": "take a snapshot"})
        elif step.verb == "crash":
            self._running(step).end()
            self._timers[step.words[0]].clear()
            self._recorder.event(self.now_us, "crashed", step.words[0], {})
        else:
            host = self.hosts[step.words[0]]
            if host.up:
                raise self._cannot(step, f"{host.name} is not down")
            self._start(host)
        self._check_invariants()

    def finish(self) -> None:
        """Set the end of the trace, and when its timers and messages are due."""
        self.trace.end_us = self.now_us + MICROSECONDS
        _set_due_times(self.trace)

    def view(self) -> StateView:
        """Return the present state."""
        servers = {}
        for name, host in self.hosts.items():
            log = getattr(host.node, "log", Log()) if host.up else host.disk.get("log", Log())
            servers[name] = ServerView(name, host.node if host.up else None, log, tuple(sorted(self._timers[name])))
        in_flight = tuple(
            PacketView(link.sender, link.receiver, message) for link, message, _ in self.in_flight.values()
        )
        return StateView(servers, in_flight, self.facts, members=self.schedule.first_members)

    def find_message(self, sender: str, receiver: str, message: object) -> str | None:
        """Return the name of the oldest message in flight on a link that equals a message; None if there is none."""
        for name, (link, sent, _) in self.in_flight.items():
            if link.sender == sender and link.receiver == receiver and sent == message:
                return name
        return None

    def _check_invariants(self) -> None:
        """Record the invariants that are broken in the present state for the first time."""
        if not self.invariants:
            return
        view, known = self.view(), {found.name for found in self.breaks}
        for rule in self.invariants:
            if rule.name not in known and (words := rule.find(view)):
                self.breaks.append(BrokenInvariant(rule.name, words, self.done, self._last_cause()))

    def _last_cause(self) -> int:
        """Return the number of the event that led to the present state."""
        kinds = ("started", "restarted", "delivered", "timer_fired", "asked", "told", "crashed", "dropped")
        return max((event.number for event in self.trace.of(*kinds)), default=0)

    def _running(self, step: ScheduleStep) -> SimulatedHost:
        host = self.hosts[step.words[0]]
        if not host.up:
            raise self._cannot(step, f"{host.name} is down")
        return host

    def _cannot(self, step: ScheduleStep, why: str) -> ScenarioError:
        return ScenarioError(f"event {self.done} of the schedule, {step}, cannot happen: {why}")

    # What happens to a server.

    def _start(self, host: SimulatedHost) -> None:
        first = host.life == 0
        host.life += 1
        host.up = True
        kind, detail = "started" if first else "restarted", {"life": host.life, "log": []}
        try:
            known = known_servers(self.schedule.first_members, host.name)
            node = new_node_of(self.node_class, name=host.name, servers=known, random=DeterministicStream())
            if first and host.name == self.schedule.leader:
                set_field(node, "is_leader", True)
            host.begin(node)
        except (Exception, SystemExit, HandlerTimeout) as error:  # noqa: BLE001  # `_fail` raises what is not the Node's.
            self._fail(host, "beginning", error, kind, detail)
            return
        detail |= self._recorder.life_begins(host)
        self._handle(host, "on_start", (), kind, detail)

    def _arrive(self, step: ScheduleStep) -> None:
        name = step.words[0]
        if name not in self.in_flight:
            found = MESSAGE.fullmatch(name)
            sent = self.hosts[found[1]].links[found[2]].count if found is not None else 0
            raise self._cannot(step, f"that message is not in flight; {sent} were sent on that link so far")
        link, message, number = self.in_flight[name]
        if step.verb == "drop":
            self._lose(name)
            return
        receiver = self.hosts[link.receiver]
        if not receiver.up:
            raise self._cannot(step, f"{link.receiver} is down")
        if step.verb == "deliver":
            del self.in_flight[name]
        detail = self._recorder.arrival(link, message, number if step.verb == "deliver" else -number)
        self._handle(receiver, handler_name(type(message)), (link.sender, message), "delivered", detail)

    def _lose(self, name: str) -> None:
        link, message, number = self.in_flight.pop(name)
        detail = self._recorder.arrival(link, message, number) | {"reason": "scenario"}
        self._recorder.event(self.now_us, "dropped", link.receiver, detail)

    def _ask(self, host: SimulatedHost, step: ScheduleStep) -> None:
        client, words = client_and_command(step.words)
        client = client or f"client#{len(self.requests) + 1}"
        request = command_of_words(*words)
        self.requests[client] = request
        self._handle(host, "on_client_request", (client, request), "asked", {"client": client, "request": request})

    def _handle(
        self, host: SimulatedHost, handler: str, arguments: tuple[Any, ...], kind: str, detail: dict[str, Any]
    ) -> None:
        """Call a handler, store what must be durable, and carry out the effects."""
        node, self.calls = host.node, self.calls + 1
        node.random = DeterministicStream()  # As in the search, the draws of each event begin at the low end.
        committed_before = getattr(node, "commit_index", 0)
        try:
            returned = find_handler(node, handler)(*arguments)
            if handler == "on_start" and host.life == 1 and host.name in self._first_terms:
                enter_term(node, self._first_terms[host.name])
            self._recorder.handled(self.now_us, host, kind, detail)
            if returned is not None:
                raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
            changes = host.store()
            if changes is not None:
                self._recorder.stored(self.now_us, host, changes)
            received = arguments if kind == "delivered" else None
            facts = facts_of(
                node, node.effects, received=received, committed_before=committed_before, requests=self.requests
            )
            self._carry_out(host, handler)
            self.facts = add_facts(self.facts, facts)
        except (Exception, SystemExit, HandlerTimeout) as error:  # noqa: BLE001  # `_fail` raises what is not the Node's.
            call = HandlerCall(node, getattr(node, handler, None), arguments)
            self._fail(host, handler, error, kind, detail, call=call)

    def _carry_out(self, host: SimulatedHost, handler: str) -> None:
        record = self._recorder
        for effect in host.node.effects:
            if effect[0] == "send":
                link = host.links.get(effect[1])
                if link is None:
                    raise Mistake(f"sent a message to {effect[1]!r}; the others are {', '.join(host.links)}")
                if effect[2] is None:
                    raise none_was_sent(host.node)
                link.count += 1
                record.sent(self.now_us, link, link.count, effect[2], self.now_us)
                self.in_flight[f"{link.name}#{link.count}"] = (link, effect[2], link.count)
            elif effect[0] == "start":
                check_wait(host.node, effect[1], effect[2], handler)
                self._timers[host.name].add(effect[1])
                record.event(self.now_us, "timer_started", host.name, {"timer": effect[1], "due": self.now_us})
            elif effect[0] == "cancel":
                if effect[1] in self._timers[host.name]:
                    self._timers[host.name].remove(effect[1])
                    record.event(self.now_us, "timer_cancelled", host.name, {"timer": effect[1]})
            elif effect[0] == "reply":
                check_answer(effect[1], effect[2], self.requests)
                record.answered(self.now_us, host.name, effect[1], effect[2])
            else:
                record.applied(self.now_us, host.name, effect[1])
        host.node.effects = []  # Only now: if one of them cannot be carried out, `blame` looks at them.

    def _fail(
        self,
        host: SimulatedHost,
        handler: str,
        error: BaseException,
        kind: str,
        detail: dict[str, Any],
        *,
        call: HandlerCall | None = None,
    ) -> None:
        """Record that a Node failed.

        Raises:
            BaseException: The error is not the Node's.
        """
        blamed = blame(error, host.name, handler, format_seconds(self.now_us), call)
        if not isinstance(blamed, NodeError):
            raise blamed
        self._recorder.failed(self.now_us, host, kind, detail, str(blamed))
        self.error = blamed


def _title(schedule: Schedule, node_class: type) -> str:
    """Return the title of the trace."""
    if schedule.step is not None:
        return f"step {schedule.step}"
    return title_of_class(node_class)


def _set_due_times(trace: Trace) -> None:
    """Set when each timer is due, which is when it runs out, and each message, which is when it arrives.

    A timer that never runs out is due at the end. A message that never arrives is due long after it, so that a picture
    shows it leave and get no further. The events are read backwards, so the end of each timer and message comes first.
    """
    ends: dict[tuple[str, str], int] = {}
    for event in reversed(trace.events):
        if event.kind in ("delivered", "dropped"):
            ends["message", event["message"]] = event.time_us
        elif event.kind == "sent":
            event.detail["due"] = ends.get(
                ("message", event["message"]), event.time_us + FLIGHTS_PER_RUN * (trace.end_us - event.time_us)
            )
        elif event.kind in ("timer_fired", "timer_cancelled"):
            ends[event.server, event["timer"]] = event.time_us if event.kind == "timer_fired" else trace.end_us
        elif event.kind == "timer_started":
            event.detail["due"] = ends.pop((event.server, event["timer"]), trace.end_us)
