"""What a space-time diagram shows of a trace: messages, stretches of roles and terms, and notes at moments.

This module chooses and words; where things stand, and what they look like, is `timeline_layout`'s and `timeline_paint`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.pictures.style import message_manner
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.message_spans import MessageSpan, find_causes, find_message_spans
from raft_steps.lab.trace.narration import answer_text, event_text, quote, requests_of
from raft_steps.lab.trace.trace import Event, Moment, Trace


@dataclass(frozen=True, slots=True)
class View:
    """What the reader wants to see.

    Attributes:
        low: Where to begin, in microseconds.
        high: Where to end.
        heartbeats: How to treat idle heartbeats: all like any message, none, or "auto", pale.
        marked: The event that is ringed.
        mark_text: What is written at it; "" for the event in words.
    """

    low: int
    high: int
    heartbeats: bool | str = "auto"
    marked: Event | None = None
    mark_text: str = ""


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
        due: When it would arrive.
        copy: Whether the network made it.
        idle: Whether it is a heartbeat, or an answer to one, that changed nothing.
        stray: Whether it is a call of a server that does not lead.
    """

    sender: str
    receiver: str
    begin: int
    end: int | None
    fate: str
    type: str
    manner: str
    label: str
    due: int
    copy: bool = False
    idle: bool = False
    stray: bool = False


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
class Scene:
    """Everything that a diagram shows.

    Attributes:
        servers: The lifelines.
        low: Where the diagram begins, in microseconds.
        high: Where it ends.
        first: The cluster at the beginning.
        last: The cluster at the end.
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
    last: Moment
    arrows: list[Arrow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    roles: list[Stretch] = field(default_factory=list)
    terms: list[Stretch] = field(default_factory=list)
    walls: list[Stretch] = field(default_factory=list)
    left_out: str = ""

    def keep(self, limit: int) -> None:
        """Drop what is over a limit even so: thousands of messages may leave in one instant."""
        del self.arrows[limit:]
        self.notes = self.notes[:limit] + [note for note in self.notes[limit:] if note.loud]


@dataclass(slots=True)
class Reading:
    """What a trace says whatever part of it is shown: which event brought about which, and the messages.

    Attributes:
        trace: The trace.
        groups: For each event, the number of the one that brought it about.
        flights: The messages, in the order in which they left.
        leads: For each event that made a server call the others, whether the server led then.
    """

    trace: Trace
    groups: list[int]
    flights: list[MessageSpan]
    leads: dict[int, bool]


def read(trace: Trace) -> Reading:
    """Read a trace once, for as many scenes as are built of it."""
    groups = find_causes(trace)
    return Reading(trace, groups, find_message_spans(trace, groups), _leaders_by_group(trace, groups))


def times_of(reading: Reading, view: View) -> list[int]:
    """Give the time of each thing that a scene of this view shows, in order, and build no scene for that."""
    begins = [
        max(flight.sent.time_us, view.low) for flight, _ in _shown(reading, view) for _ in (flight, *flight.copies)
    ]
    return sorted(begins + [note.time for note in _notes(reading, view)])


def build_scene(reading: Reading, view: View) -> Scene:
    """Choose what to show of a trace."""
    trace, low, high = reading.trace, view.low, view.high
    before = next((event.number for event in trace if event.time_us >= low), len(trace)) - 1
    after = next((event.number for event in trace if event.time_us > high), len(trace)) - 1
    scene = Scene(trace.servers, low, high, trace.moment_after(before), trace.moment_after(after))
    for flight, idle in _shown(reading, view):
        scene.arrows += _arrows(flight, idle, stray=not reading.leads.get(flight.cause, True))
    scene.notes = _notes(reading, view)
    _add_stretches(scene, trace.events[before + 1 :])
    return scene


def _shown(reading: Reading, view: View) -> Iterator[tuple[MessageSpan, bool]]:
    """Give the messages that a view shows, and whether each is drawn as an idle heartbeat."""
    for flight in reading.flights:
        if flight.sent.time_us > view.high:
            break
        idle = flight.idle and view.heartbeats is not True
        if idle and view.marked is not None:
            idle = view.marked not in flight.events()
        hidden = idle and (view.heartbeats is False or flight.type != "AppendEntries")
        if not hidden and _last_time(flight) >= view.low:
            yield flight, idle


def _last_time(flight: MessageSpan) -> int:
    """Say when the last of a message is to be seen."""
    return max(flight.end.time_us if flight.end else flight.due_us, *(copy.time_us for copy in flight.copies), 0)


def _notes(reading: Reading, view: View) -> list[Note]:
    notes = notes_of(reading.trace, reading.groups, view.low, view.high)
    if view.marked is not None:
        mark_note(notes, view.marked, view.mark_text)
    return notes


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


def _arrows(flight: MessageSpan, idle: bool, stray: bool) -> list[Arrow]:
    """Turn a message into arrows: its own, and one for each copy that the network made."""
    label = "" if idle else arrow_label(flight.type, flight.fields, stray)
    arrows = [_arrow(flight, flight.end, label)]
    arrows += [_arrow(flight, end, "a copy", copy=True) for end in flight.copies]
    for arrow in arrows:
        arrow.idle, arrow.stray = idle and not arrow.copy, stray and flight.type == "AppendEntries"
    return arrows


def _arrow(flight: MessageSpan, end: Event | None, label: str, copy: bool = False) -> Arrow:
    sent = flight.sent
    fate = "flying" if end is None else "delivered" if end.kind == "delivered" else str(end["reason"])
    if label and fate not in ("delivered", "flying"):
        label += ", dropped" if fate == "scenario" else f", {fate}"
    return Arrow(
        sender=sent.server, receiver=sent["to"], begin=sent.time_us, end=end.time_us if end else None, fate=fate, type=flight.type,
        manner=message_manner(flight.type, flight.fields), label=label, copy=copy, due=flight.due_us,
    )  # fmt: skip


def arrow_label(message_type: str, fields: dict[str, Any], stray: bool = False) -> str:
    """Say what a message is in two or three words, t3 for term 3."""
    term = f" t{fields['term']}" if "term" in fields else ""
    entries = fields.get("entries")
    if "vote_granted" in fields:
        return f"{'vote' if fields['vote_granted'] else 'no vote'}{term}"
    if message_type == "AppendEntriesRefused":
        return f"refused{term}"
    if fields.get("success") is False:
        return f"wants earlier{term}"
    if message_type == "AppendEntriesReply" and fields.get("success") is True:
        return f"ok{term}"
    if message_type == "AppendEntries" and isinstance(entries, list):
        kind = f"AppendEntries{term} +{len(entries)}" if entries else f"heartbeat{term}"
        return f"{kind}, no leader" if stray else kind
    index = f" {fields['index']}" if message_type == "CommitEntry" and "index" in fields else ""
    return f"{message_type.removesuffix('Entry') if index else message_type}{index}{term}"


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
                roles.append((event.time_us, server, event["role"]))
            case "paused" | "resumed":
                roles.append(
                    (event.time_us, server, f"paused {now[server]}" if event.kind == "paused" else now[server])
                )
            case "crashed":
                now[server] = "follower"
                roles.append((event.time_us, server, "down"))
                terms.append((event.time_us, server, None))
            case "term":
                terms.append((event.time_us, server, event["term"]))
            case "partitioned" | "healed":
                walls.append((event.time_us, "", event.get("sides")))
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


# What an arrow tells, or nobody needs to know: a moment with nothing else gets no note.
SILENT = frozenset({"sent", "delivered", "dropped", "timer_cancelled"})


def notes_of(trace: Trace, groups: list[int], low: int, high: int) -> list[Note]:
    """Word what befalls the servers, a note for each server and moment."""
    telling = {
        event.time_us
        for event, group in zip(trace, groups, strict=True)
        if event.kind not in SILENT and low <= event.time_us <= high and _tells(event, trace.events[group])
    }
    together: dict[tuple[int, str], list[Event]] = {}
    for event, group in zip(trace, groups, strict=True):
        if event.time_us in telling and _tells(event, trace.events[group]):
            together.setdefault((event.time_us, event.server), []).append(event)
    requests = requests_of(trace)
    notes = [_note(time, server, events, requests) for (time, server), events in together.items()]
    return [note for note in notes if note.sign or note.lines]


def _tells(event: Event, cause: Event) -> bool:
    return event.kind != "timer_started" or _tells_timeout(event, cause)


def _tells_timeout(started: Event, cause: Event) -> bool:
    """Say whether a timer is worth words: the election timer of a new life or of an election, not each restart of it."""
    begins = cause.kind in ("started", "restarted") or (cause.kind == "timer_fired" and cause["timer"] == "election")
    return begins and bool(started["timer"] == "election")


def _note(time: int, server: str, events: list[Event], requests: dict[str, str]) -> Note:
    kinds = {event.kind: event for event in events}
    note = Note(time, server)
    for event in events:
        note.sign = _sign(event) or note.sign
        if event.kind == "failed":
            note.lines.insert(note.loud, str(event["error"]))
            note.loud += 1
        elif event.kind in ("asked", "answered"):
            note.visit = event.kind
    note.lines += [
        line
        for event in events
        if (line := _line(event, requests)) and event.kind not in ("role", "term", "timer_started")
    ]
    note.lines += _role_line(kinds)
    note.lines += [line for event in events if event.kind == "timer_started" and (line := _line(event, requests))]
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
    """Word a new role and a new term together.

    A server that starts needs no word for what all start with, nor one for a candidacy that has just timed out.
    """
    begins = "started" in kinds or "restarted" in kinds
    role = kinds["role"]["role"] if "role" in kinds else ""
    term = kinds["term"]["term"] if "term" in kinds else 0
    words = [role] if role not in ("", "candidate") and not (begins and role in ("follower", "server")) else []
    if "term" in kinds and not (begins and not term):
        words.append(f"term {term}")
    return [", ".join(words)] if words else []


def _line(event: Event, requests: dict[str, str]) -> str:
    """Word one event of a note; "" where its sign says it all. `requests` is what each client asked."""
    match event.kind:
        case "restarted" | "crashed" | "paused" | "resumed" | "partitioned" | "cut" | "healed" | "network" | "note":
            return event_text(event).removeprefix(f"{event.server} ")
        case "held" | "doubled":
            word = "held back" if event.kind == "held" else "doubled"
            return f"{event['message']} {word}: {round(event['due'] / MICROSECONDS, 2):g} s"
        case "timer_fired" if event["timer"] != "heartbeat":
            return "times out" if event["timer"] == "election" else f"{event['timer']} timeout"
        case "timer_started":
            return f"waits {round((event['due'] - event.time_us) / MICROSECONDS, 3):g} s"
        case "asked":
            return f"client: {quote(event['request'])}"
        case "answered":
            return f"answer: {answer_text(event, requests.get(event['client'], ''))}"
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


def mark_note(notes: list[Note], event: Event, text: str) -> None:
    """Add loud words about an event to the note of its moment, or a note of their own."""
    note = next((note for note in notes if (note.time, note.server) == (event.time_us, event.server)), None)
    if note is None:
        note = Note(event.time_us, event.server)
        notes.append(note)
        notes.sort(key=lambda each: each.time)
    if event.kind != "failed":  # A failure is loud by itself.
        note.lines.insert(0, text or f"here: {event_text(event)}")
        note.loud += 1
