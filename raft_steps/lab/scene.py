"""What a space-time diagram shows of a trace: messages, stretches of roles and terms, and notes at moments.

This module chooses and words; where things stand, and what they look like, is `raft_steps.lab.spacetime`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.flights import Flight, flights_of, groups_of
from raft_steps.lab.palette import message_manner
from raft_steps.lab.scenario import MICROSECONDS
from raft_steps.lab.trace import Event, Moment, Trace
from raft_steps.lab.words import answer_words, event_text, quote


@dataclass(slots=True)
class Arrow:
    """One message, or a copy of one, as it is drawn.

    Attributes:
        sender: Where it begins.
        receiver: Where it goes.
        begin: When it left.
        end: When it arrived or was dropped; None while it is on its way.
        fate: delivered, flying, or why it was dropped: cut, down, lost, scenario.
        type: The type of the message.
        manner: request, reply or refusal.
        label: What stands beside it.
        idle: Whether it is a heartbeat, or an answer to one, that changed nothing.
        stray: Whether it is a call of a server that does not lead.
        copy: Whether the network made it.
        due: When it would arrive.
        numbers: The numbers of its events.
    """

    sender: str
    receiver: str
    begin: int
    end: int | None
    fate: str
    type: str
    manner: str
    label: str
    idle: bool
    stray: bool
    copy: bool
    due: int
    numbers: tuple[int, ...]


@dataclass(slots=True)
class Note:
    """What befalls a server at a moment, or the whole cluster where the server is "".

    Attributes:
        time: When.
        server: Where.
        sign: The sign that is drawn on the lifeline: a role's name, down, paused, resumed, timer or "".
        lines: What stands beside it.
        loud: How many of the lines, from the first, tell of something that broke.
        visit: Whether a client comes: asked, answered, or "".
    """

    time: int
    server: str
    sign: str = ""
    lines: list[str] = field(default_factory=list)
    loud: int = 0
    visit: str = ""


@dataclass(slots=True)
class Stretch:
    """A time for which something stays the same.

    Attributes:
        server: Whose it is; "" for the whole cluster.
        begin: When it begins.
        end: When it ends.
        what: A role, a term, or the sides of a partition.
    """

    server: str
    begin: int
    end: int
    what: Any


@dataclass(slots=True)
class Scene:
    """Everything that a diagram shows.

    Attributes:
        servers: The lifelines.
        low: Where the diagram begins, in microseconds.
        high: Where it ends.
        first: The cluster at the beginning.
        arrows: The messages.
        notes: What happens to servers.
        roles: The stretches of roles; down and paused are roles here.
        terms: The stretches of terms.
        walls: The stretches of partitions.
        left_out: A sentence about what is not drawn, or "".
    """

    servers: tuple[str, ...]
    low: int
    high: int
    first: Moment
    arrows: list[Arrow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    roles: list[Stretch] = field(default_factory=list)
    terms: list[Stretch] = field(default_factory=list)
    walls: list[Stretch] = field(default_factory=list)
    left_out: str = ""


def build_scene(trace: Trace, low: int, high: int, heartbeats: bool | str, marked: Event | None) -> Scene:
    """Choose what to show of a trace between two times."""
    groups = groups_of(trace)
    before = next((event.number for event in trace if event.time >= low), len(trace)) - 1
    scene = Scene(trace.servers, low, high, trace.moment_after(before))
    marked_number = marked.number if marked is not None else -1
    leads = _leaders_by_group(trace, groups)
    for flight in flights_of(trace, groups):
        end = flight.end.time if flight.end else flight.sent["due"]
        if flight.sent.time > high or max(end, *(copy.time for copy in flight.copies), end) < low:
            continue
        idle = flight.idle and heartbeats is not True and marked_number not in {event.number for event in flight.events()}
        if not (idle and (heartbeats is False or flight.type != "AppendEntries")):
            scene.arrows += _arrows(flight, idle, stray=not leads.get(flight.cause, True))
    scene.notes = _notes(trace, groups, low, high)
    _add_stretches(scene, trace.events[before + 1 :])
    return scene


def _leaders_by_group(trace: Trace, groups: list[int]) -> dict[int, bool]:
    """Say for each event that made a server send a call whether the server leads then."""
    role: dict[str, str] = {}
    leads: dict[int, bool] = {}
    for event, group in zip(trace, groups, strict=True):
        if event.kind == "role":
            role[event.server] = event["role"]
        elif event.kind == "sent" and event["type"] == "AppendEntries":
            leads[group] = role.get(event.server, "leader") == "leader"
    return leads


def _arrows(flight: Flight, idle: bool, stray: bool) -> list[Arrow]:
    sent, end = flight.sent, flight.end
    fate = "flying" if end is None else "delivered" if end.kind == "delivered" else str(end["reason"])
    label = "" if idle else arrow_label(flight.type, flight.fields, stray)
    if fate not in ("delivered", "flying") and label:
        label += f", {'dropped' if fate == 'scenario' else fate}"
    manner = message_manner(flight.type, flight.fields)
    stray = stray and flight.type == "AppendEntries"

    def arrow(fate: str, end: Event | None, label: str, copy: bool) -> Arrow:
        return Arrow(
            sender=sent.server, receiver=sent["to"], begin=sent.time, end=end.time if end else None, fate=fate,
            type=flight.type, manner=manner, label=label, idle=idle, stray=stray, copy=copy, due=sent["due"],
            numbers=tuple(event.number for event in (sent, end) if event is not None),
        )  # fmt: skip

    return [arrow(fate, end, label, copy=False), *(arrow("delivered", copy, "a copy", copy=True) for copy in flight.copies)]


def arrow_label(message_type: str, fields: dict[str, Any], stray: bool = False) -> str:
    """Say what a message is in two or three words, t3 for term 3."""
    term = f" t{fields['term']}" if "term" in fields else ""
    entries = fields.get("entries")
    if "vote_granted" in fields:
        return f"{'vote' if fields['vote_granted'] else 'no vote'}{term}"
    if message_type == "AppendEntriesRefused" or fields.get("success") is False:
        return f"refused{term}"
    if message_type == "AppendEntriesReply" and fields.get("success") is True:
        return f"ok{term}"
    if message_type == "AppendEntries" and isinstance(entries, list):
        kind = f"AppendEntries{term} +{len(entries)}" if entries else f"heartbeat{term}"
        return f"{kind}, no leader" if stray else kind
    index = f" {fields['index']}" if message_type == "CommitEntry" and "index" in fields else ""
    return f"{message_type.removesuffix('Entry') if index else message_type}{index}{term}"


def _notes(trace: Trace, groups: list[int], low: int, high: int) -> list[Note]:
    """Word what befalls the servers, a note for each server and moment."""
    together: dict[tuple[int, str], list[Event]] = {}
    for event, group in zip(trace, groups, strict=True):
        if low <= event.time <= high and (event.kind != "timer_started" or _tells_timeout(event, trace.events[group])):
            together.setdefault((event.time, event.server), []).append(event)
    notes = [_note(time, server, events) for (time, server), events in together.items()]
    return [note for note in notes if note.sign or note.lines]


def _tells_timeout(started: Event, cause: Event) -> bool:
    """Say whether a timer is worth words: the election timer of a new life or of an election, not each restart of it."""
    begins = cause.kind in ("started", "restarted") or (cause.kind == "timer_fired" and cause["timer"] == "election")
    return begins and bool(started["timer"] == "election")


def _note(time: int, server: str, events: list[Event]) -> Note:
    kinds = {event.kind: event for event in events}
    note = Note(time, server)
    for event in events:
        note.sign = _sign(event) or note.sign
        if event.kind == "failed":
            note.lines.insert(note.loud, str(event["error"]))
            note.loud += 1
        elif event.kind in ("asked", "answered"):
            note.visit = event.kind
    note.lines += [line for event in events if (line := _line(event)) and event.kind not in ("role", "term", "timer_started")]
    note.lines += _role_line(kinds)
    note.lines += [line for event in events if event.kind == "timer_started" and (line := _line(event))]
    note.lines += _log_line(events)
    return note


def _sign(event: Event) -> str:
    """Choose the sign that an event puts on the lifeline."""
    if event.kind == "role":
        return str(event["role"])
    if event.kind == "timer_fired":
        return "" if event["timer"] == "heartbeat" else "timer"
    return {"crashed": "down", "paused": "paused", "resumed": "resumed"}.get(event.kind, "")


def _role_line(kinds: dict[str, Event]) -> list[str]:
    """Word a new role and a new term together; a server that starts needs no word for what all start with."""
    begins = "started" in kinds or "restarted" in kinds
    role = kinds["role"]["role"] if "role" in kinds else ""
    term = kinds["term"]["term"] if "term" in kinds else 0
    words = [role] if role and not (begins and role in ("follower", "server")) else []
    if "term" in kinds and not (begins and not term):
        words.append(f"term {term}")
    return [", ".join(words)] if words else []


def _line(event: Event) -> str:
    """Word one event of a note; "" where its sign says it all."""
    match event.kind:
        case "restarted" | "crashed" | "paused" | "resumed" | "partitioned" | "cut" | "healed" | "note":
            return event_text(event).removeprefix(f"{event.server} ")
        case "timer_fired" if event["timer"] != "heartbeat":
            return f"{event['timer']} timeout"
        case "timer_started":
            return f"waits {round((event['due'] - event.time) / MICROSECONDS, 3):g} s"
        case "asked":
            return f"client: {quote(event['request'])}"
        case "answered":
            return f"answer: {answer_words(event)}"
    return ""


def _log_line(events: list[Event]) -> list[str]:
    """Word what happened to the log: what was deleted, then in one short line +3 for stored and ✓3 for applied."""
    lines = [f"deletes after {event['after']}" for event in events if event.kind == "truncated"]
    parts = []
    for kind, sign in (("appended", "+"), ("applied", "✓")):
        indexes = [event["index"] for event in events if event.kind == kind]
        if indexes:
            parts.append(f"{sign}{indexes[0]}" + (f"–{indexes[-1]}" if len(indexes) > 1 else ""))
    return [*lines, " ".join(parts)] if parts else lines


def _add_stretches(scene: Scene, events: list[Event]) -> None:
    """Cut the time into stretches of one role, of one term and of one partition."""
    roles: list[tuple[int, str, Any]] = []
    terms: list[tuple[int, str, Any]] = []
    walls: list[tuple[int, str, Any]] = [(scene.low, "", scene.first.sides or None)]
    now: dict[str, str] = {}
    for server, state in scene.first.servers.items():
        now[server] = state.role
        role = f"paused {state.role}" if state.paused else state.role if state.up else "down"
        roles.append((scene.low, server, role if state.life else None))
        terms.append((scene.low, server, state.fields.get("current_term") if state.up else None))
    for event in events:
        server = event.server
        match event.kind:
            case "role":
                now[server] = event["role"]
                roles.append((event.time, server, event["role"]))
            case "paused" | "resumed":
                roles.append((event.time, server, f"paused {now[server]}" if event.kind == "paused" else now[server]))
            case "crashed":
                now[server] = "follower"
                roles.append((event.time, server, "down"))
                terms.append((event.time, server, None))
            case "term":
                terms.append((event.time, server, event["term"]))
            case "partitioned" | "healed":
                walls.append((event.time, "", event.get("sides")))
    scene.roles, scene.terms, scene.walls = (_stretches(changes, scene.high) for changes in (roles, terms, walls))


def _stretches(changes: list[tuple[int, str, Any]], high: int) -> list[Stretch]:
    """Turn changes into stretches; what lasts no time, or lies beyond the end, is none."""
    stretches: list[Stretch] = []
    last: dict[str, Stretch] = {}
    for time, server, what in changes:
        before = last.get(server)
        if time > high or (before is not None and before.what == what):
            continue
        if before is not None:
            before.end = time
        last[server] = Stretch(server, time, high, what)
        stretches.append(last[server])
    return [stretch for stretch in stretches if stretch.what is not None and stretch.end > stretch.begin]
