"""A trace: everything that happened in a run, in order, as data.

Checks, pictures, the player and reports all read a trace and nothing else. An event has a number, a time, a kind, the
server on which it happened ("" for the whole cluster) and details that depend on its kind:

    started, restarted     life, log (entries on disk), changes; snapshot if its log begins with one
    crashed, paused, resumed
    sent                   message (its name, tom>jerry#7), to, type, fields, due (when it would arrive)
    delivered              message, from, type, changes; copy when it is a duplicate
    dropped                message, from, type, reason
    held, doubled          message, from, type, due (when the message, or its copy, would arrive)
    timer_started          timer, due        timer_cancelled, timer_fired   timer (and changes)
    told                   order (what someone outside has told the server to do), changes
    asked                  client, request, changes        answered   client, response, value
    role                   role              term          term
    appended, applied      index, term, command            truncated  after
    compacted              index, term, data (of the snapshot that takes the place of the entries up to that index)
    partitioned            sides             cut           from, to          healed
    network                loss or delay (two numbers of seconds), from now on
    failed                 error             note          text

`changes` holds the fields of the node that the event changed, with their new values. Changes of the log are events of
their own, appended, truncated and compacted, which follow. All times are whole microseconds of virtual time.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from operator import attrgetter
from typing import Any

from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.parsing import VERSION, parse_rows


@dataclass(slots=True)
class Event:
    """One thing that happened.

    Attributes:
        number: Its position in the trace, from 0.
        time_us: The virtual time, in microseconds.
        kind: One of the kinds that the module's docstring lists.
        server: The server on which it happened; "" for the whole cluster.
        detail: The details of its kind.
    """

    number: int
    time_us: int
    kind: str
    server: str
    detail: dict[str, Any]

    @property
    def seconds(self) -> float:
        """The virtual time, in seconds."""
        return self.time_us / MICROSECONDS

    def __getitem__(self, name: str) -> Any:
        """Return one detail."""
        return self.detail[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return one detail, or `default` if the event has no such detail."""
        return self.detail.get(name, default)


@dataclass(slots=True)
class ServerState:
    """The state of one server at a moment.

    Attributes:
        up: Whether it runs.
        paused: Whether it is paused.
        life: The number of times that it has been started.
        role: leader, candidate, follower, or server if the cluster has no leader by design.
        fields: The node's fields, except the log.
        log: The entries, each as ``{"index": 1, "term": 1, "command": "set x 1"}``.
        snapshot: What has taken the place of the entries before them, as ``{"index": 5, "term": 1, "data": "…"}``; None
            if nothing has.
        timers: When each running timer was started, and when it is due, in microseconds.
    """

    up: bool = False
    paused: bool = False
    life: int = 0
    role: str = "follower"
    fields: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    snapshot: dict[str, Any] | None = None
    timers: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def base_index(self) -> int:
        """The index of the last entry that is no longer in the log, because a snapshot stands for it; 0 without one."""
        return 0 if self.snapshot is None else int(self.snapshot["index"])


@dataclass(slots=True)
class Moment:
    """The whole cluster at a moment: its servers, the messages in flight, and the links that are cut.

    Attributes:
        servers: The state of each server, by name.
        in_flight: The `sent` events whose messages have neither arrived nor been dropped, by message name.
        sides: The sides of the partition; empty if there is no partition.
        cuts: The one-way cuts, as ``tom>jerry``.
        held: The new arrival time of each delayed message that is still in flight, in microseconds, by message name.
        network: The loss and the delay of the network, as far as they were changed.
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
        title: The name of the Node that ran, such as ``step 6``.
        scenario: The scenario, as one line of text.
        events: The events, in order of time.
        end_us: The virtual time that the run has reached, in microseconds.
    """

    def __init__(self, servers: tuple[str, ...], title: str = "", scenario: str = "") -> None:
        """Create an empty trace."""
        self.servers = servers
        self.title = title
        self.scenario = scenario
        self.events: list[Event] = []
        self.end_us = 0

    def add(self, time_us: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Append an event. The caller adds events in order of time: this is called too often to check it here."""
        self.events.append(Event(len(self.events), time_us, kind, server, detail))

    def of(self, *kinds: str, server: str | None = None) -> list[Event]:
        """Return the events of these kinds, on one server or on all."""
        return [e for e in self.events if e.kind in kinds and (server is None or e.server == server)]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events in order."""
        return iter(self.events)

    def moment_after(self, number: int) -> Moment:
        """Return the cluster as it is after the event with this number; -1 is before the first event."""
        moment = Moment({name: ServerState() for name in self.servers})
        for event in self.events[: number + 1]:
            advance(moment, event)
        return moment

    def moment_at(self, seconds: float) -> Moment:
        """Return the cluster as it is at a time in seconds, after all events up to and including that time."""
        until_us = round(seconds * MICROSECONDS)
        return self.moment_after(bisect_right(self.events, until_us, key=attrgetter("time_us")) - 1)

    def to_text(self) -> str:
        """Format the trace as lines of JSON: a header, then one line per event."""
        return "\n".join([self.header(), *map(format_event, self.events)]) + "\n"

    def header(self) -> str:
        """Format the first line: version, title, servers, scenario and end."""
        header = {
            "version": VERSION,
            "title": self.title,
            "servers": self.servers,
            "scenario": self.scenario,
            "end": self.end_us,
        }
        return json.dumps(header, ensure_ascii=False)

    def digest(self) -> str:
        """Return 16 hexadecimal digits that change if any event, or its time, changes."""
        return digest_of(map(format_event, self.events))

    @classmethod
    def from_text(cls, text: str) -> Trace:
        """Parse the text of a trace.

        Raises:
            ScenarioError: The text is not a trace, or its version is not supported; the message names the line.
        """
        header, rows = parse_rows(text)
        trace = cls(header.servers, header.title, header.scenario)
        trace.end_us = header.end_us
        for row in rows:
            trace.add(*row)
        return trace


def format_event(event: Event) -> str:
    """Format an event as one line of JSON."""
    return json.dumps(
        {"time": event.time_us, "kind": event.kind, "server": event.server} | event.detail, ensure_ascii=False
    )


def digest_of(lines: Iterable[str]) -> str:
    """Return the digest of a trace whose events have these lines."""
    # A client's text may contain half of a surrogate pair, which UTF-8 cannot encode.
    return sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:16]


def advance(moment: Moment, event: Event) -> None:
    """Apply one event to a moment. The player's cluster_state.js does the same, and a test compares the two."""
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
            state.fields, state.snapshot = {}, detail.get("snapshot")
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
            if detail["after"] < state.base_index:  # A new log, without a snapshot, has taken the place of the old one.
                state.snapshot = None
            del state.log[detail["after"] - state.base_index :]
        case "compacted":
            index, term = detail["index"], detail["term"]
            kept = state.log[index - state.base_index :] if _term_at(state, index) == term else []
            state.log, state.snapshot = kept, {"index": index, "term": term, "data": detail["data"]}
    if "changes" in detail:
        state.fields |= detail["changes"]


def _term_at(state: ServerState, index: int) -> int | None:
    """Return the term of a server's entry at an index, or None if it has none there."""
    place = index - state.base_index - 1
    return int(state.log[place]["term"]) if 0 <= place < len(state.log) else None
