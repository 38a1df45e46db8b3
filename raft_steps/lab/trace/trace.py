"""A trace: what happened in a run, in order, as data.

Checks, pictures, the widget and reports all read a trace and nothing else. An event has a number, a time, a kind, the
server that it happened on ("" for the whole cluster) and details of its kind:

    started, restarted     life, log (entries on disk), changes
    crashed, paused, resumed
    sent                   message (its name, tom>jerry#7), to, type, fields, due (when it would arrive)
    delivered              message, from, type, changes; copy when it is a duplicate
    dropped                message, from, type, reason
    held, doubled          message, from, type, due (when it, or the copy that was made of it, would arrive)
    timer_started          timer, due        timer_cancelled, timer_fired   timer (and changes)
    asked                  client, request, changes        answered   client, response, value
    role                   role              term          term
    appended, applied      index, term, command            truncated  after
    partitioned            sides             cut           from, to          healed
    network                loss or delay (two numbers of seconds), from now on
    failed                 error             note          text

`changes` holds the fields of the node that the event changed, with their new values; the log is told by appended and
truncated, which follow. All times are whole microseconds of virtual time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import MICROSECONDS

VERSION = 1


@dataclass(slots=True)
class Event:
    """One thing that happened.

    Attributes:
        number: Its place in the trace, from 0.
        time_us: When, in microseconds of virtual time.
        kind: One of the kinds that the module's docstring lists.
        server: Where; "" for the whole cluster.
        detail: What else its kind says.
    """

    number: int
    time_us: int
    kind: str
    server: str
    detail: dict[str, Any]

    @property
    def seconds(self) -> float:
        """When, in seconds of virtual time."""
        return self.time_us / MICROSECONDS

    def __getitem__(self, name: str) -> Any:
        """Give one detail."""
        return self.detail[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Give one detail, or a default where the event has none of that name."""
        return self.detail.get(name, default)


@dataclass(slots=True)
class ServerState:
    """What one server is at a moment.

    Attributes:
        up: Whether it runs.
        paused: Whether it is held still.
        life: How often it has been started.
        role: leader, candidate, follower, or server where no one leads.
        fields: The node's own fields, the log excepted.
        log: The entries, each as ``{"index": 1, "term": 1, "command": "set x 1"}``.
        timers: For each running timer, when it was started and when it is due.
    """

    up: bool = False
    paused: bool = False
    life: int = 0
    role: str = "follower"
    fields: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    timers: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Moment:
    """The whole cluster at a moment: its servers, the messages in flight, and which links are cut.

    Attributes:
        servers: The state of each server, by name.
        in_flight: The `sent` events whose messages have neither arrived nor been dropped, by message name.
        sides: The sides of the partition, empty when there is none.
        cuts: The one-way cuts, as ``tom>jerry``.
        held: When each message in flight would arrive that was held back, in microseconds, by message name.
        network: The loss and the delay of the network, where they were changed.
    """

    servers: dict[str, ServerState]
    in_flight: dict[str, Event] = field(default_factory=dict)
    sides: list[list[str]] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    network: dict[str, Any] = field(default_factory=dict)


class Trace:
    """The events of a run.

    Attributes:
        servers: The names of the servers.
        title: Whose run it is, such as ``step 6``.
        scenario: The scenario, as one line.
        events: What happened, in order.
        end_us: How far the run has come, in microseconds.
    """

    def __init__(self, servers: tuple[str, ...], title: str = "", scenario: str = "") -> None:
        """Begin an empty trace."""
        self.servers = servers
        self.title = title
        self.scenario = scenario
        self.events: list[Event] = []
        self.end_us = 0

    def add(self, time: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Write down what happened."""
        self.events.append(Event(len(self.events), time, kind, server, detail))

    def of(self, *kinds: str, server: str | None = None) -> list[Event]:
        """Give the events of these kinds, of one server or of all."""
        return [e for e in self.events if e.kind in kinds and (server is None or e.server == server)]

    def __len__(self) -> int:
        """Count the events."""
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        """Go through the events in order."""
        return iter(self.events)

    def moment_after(self, number: int) -> Moment:
        """Give the cluster as it is after the event of this number; -1 is before everything."""
        moment = Moment({name: ServerState() for name in self.servers})
        for event in self.events[: number + 1]:
            advance(moment, event)
        return moment

    def moment_at(self, seconds: float) -> Moment:
        """Give the cluster as it is at a time, in seconds: after everything that happened until then."""
        until = round(seconds * MICROSECONDS)
        return self.moment_after(sum(event.time_us <= until for event in self.events) - 1)

    def to_text(self) -> str:
        """Spell the trace as lines of JSON: a header, then an event a line."""
        return "\n".join([self.header(), *map(spell_event, self.events)]) + "\n"

    def header(self) -> str:
        """Spell what the trace says of itself, as the first of its lines."""
        header = {
            "version": VERSION,
            "title": self.title,
            "servers": self.servers,
            "scenario": self.scenario,
            "end": self.end_us,
        }
        return json.dumps(header, ensure_ascii=False)

    def digest(self) -> str:
        """Give 16 letters that are others as soon as anything happens otherwise, or at another time."""
        return digest_of(map(spell_event, self.events))

    @classmethod
    def from_text(cls, text: str) -> Trace:
        """Read a trace back.

        Raises:
            ScenarioError: It is no trace, or of a version that this laboratory does not read.
        """
        try:
            header, *rows = [json.loads(line) for line in text.rstrip("\n").split("\n")]
            if header["version"] != VERSION:
                raise ScenarioError(f"this trace is of version {header['version']!r}; this laboratory reads {VERSION}")
            trace = cls(tuple(header["servers"]), header["title"], header["scenario"])
            trace.end_us = header["end"]
            for row in rows:
                trace.add(row.pop("time"), row.pop("kind"), row.pop("server"), row)
        except (ValueError, KeyError, TypeError) as error:
            raise ScenarioError(f"this is no trace: {error}") from error
        return trace


def spell_event(event: Event) -> str:
    """Spell an event as one line of JSON."""
    return json.dumps(
        {"time": event.time_us, "kind": event.kind, "server": event.server} | event.detail, ensure_ascii=False
    )


def digest_of(lines: Iterable[str]) -> str:
    """Give the digest of a trace whose events are spelled so."""
    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]


def advance(moment: Moment, event: Event) -> None:
    """Move a moment on by one event. The widget's cluster_state.js does the same, and a test compares the two."""
    detail = event.detail
    match event.kind:
        case "sent":
            moment.in_flight[detail["message"]] = event
        case "delivered" | "dropped":
            if not detail.get("copy"):
                moment.in_flight.pop(detail["message"], None)
                moment.held.pop(detail["message"], None)
        case "held":
            moment.held[detail["message"]] = detail["due"]
        case "network":
            moment.network |= {name: detail[name] for name in ("loss", "delay") if name in detail}
        case "partitioned":
            moment.sides = detail["sides"]
        case "cut":
            moment.cuts.append(f"{detail['from']}>{detail['to']}")
        case "healed":
            moment.sides, moment.cuts = [], []
    if event.server:
        _advance_server(moment.servers[event.server], event)


def _advance_server(state: ServerState, event: Event) -> None:
    detail = event.detail
    match event.kind:
        case "started" | "restarted":
            state.up, state.paused, state.life, state.log = True, False, detail["life"], list(detail["log"])
            state.fields = {}
        case "crashed":
            state.up, state.paused, state.role, state.timers = False, False, "follower", {}
        case "paused" | "resumed":
            state.paused = event.kind == "paused"
        case "timer_started":
            state.timers[detail["timer"]] = (event.time_us, detail["due"])
        case "timer_fired" | "timer_cancelled":
            state.timers.pop(detail["timer"], None)
        case "role":
            state.role = detail["role"]
        case "appended":
            state.log.append({name: detail[name] for name in ("index", "term", "command")})
        case "truncated":
            del state.log[detail["after"] :]
    if "changes" in detail:
        state.fields |= detail["changes"]
