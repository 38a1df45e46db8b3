"""Selects what a space-time diagram shows: messages, intervals of roles and terms, and annotations at moments.

`space_time_layout` then decides where everything is placed, and `space_time_paint` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from raft_steps.lab.pictures.style import message_manner
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.message_spans import MessageSpan, find_causes, find_message_spans
from raft_steps.lab.trace.narration import answer_text, event_text, quote, requests_of
from raft_steps.lab.trace.trace import Event, Moment, Trace


@dataclass(frozen=True, slots=True)
class DiagramOptions:
    """Which part of a trace to show, and how.

    Attributes:
        start_us: The start, in microseconds.
        end_us: The end, in microseconds.
        heartbeats: Whether idle heartbeats are drawn like other messages (True), not at all (False), or pale ("auto").
        marked: The event to ring.
        mark_text: The text next to that event; "" for a description of the event.
    """

    start_us: int
    end_us: int
    heartbeats: bool | str = "auto"
    marked: Event | None = None
    mark_text: str = ""


@dataclass(slots=True)
class Arrow:
    """One message, or a copy of one, as it is drawn.

    Attributes:
        sender: The server where it starts.
        receiver: The server to which it goes.
        start_us: When it was sent.
        end_us: When it arrived or was dropped; None if it is still in flight.
        fate: delivered, flying, or the reason for which it was dropped: cut, down, lost, scenario.
        type: The type of the message.
        manner: request, reply or refusal.
        label: The text next to it.
        due_us: When it is due to arrive.
        copy: Whether it is a duplicate made by the network.
        idle: Whether it is a heartbeat that changed nothing, or a reply to one.
        stray: Whether it is an AppendEntries from a server that is not the leader.
    """

    sender: str
    receiver: str
    start_us: int
    end_us: int | None
    fate: str
    type: str
    manner: str
    label: str
    due_us: int
    copy: bool = False
    idle: bool = False
    stray: bool = False


@dataclass(slots=True)
class Interval:
    """A period during which a value does not change.

    Attributes:
        server: The server to which the value belongs; "" for the whole cluster.
        start_us: When it starts.
        end_us: When it ends.
        value: A role, a term, or the sides of a partition.
    """

    server: str
    start_us: int
    end_us: int
    value: Any


@dataclass(slots=True)
class Annotation:
    """A note on what happens to a server, or to the whole cluster, at a moment.

    Attributes:
        time_us: The moment.
        server: The server; "" for the whole cluster.
        sign: The sign on the lifeline: the name of a role, down, paused, resumed, timer or "".
        lines: The text next to it.
        alarm_count: How many of the lines, counted from the first, are drawn as an alarm.
        client_arrow: Whether a client asks or is answered: asked, answered, or "".
    """

    time_us: int
    server: str
    sign: str = ""
    lines: list[str] = field(default_factory=list)
    alarm_count: int = 0
    client_arrow: str = ""


@dataclass(slots=True)
class Scene:
    """Everything that a diagram shows.

    Attributes:
        servers: The servers, each with a lifeline.
        start_us: The start of the diagram, in microseconds.
        end_us: The end of the diagram, in microseconds.
        first: The cluster at the beginning.
        last: The cluster at the end.
        arrows: The messages.
        annotations: The annotations, in order of time.
        roles: The intervals of roles; down and paused count as roles here.
        terms: The intervals of terms.
        partitions: The intervals of partitions.
        left_out: A sentence about what is not drawn, or "".
    """

    servers: tuple[str, ...]
    start_us: int
    end_us: int
    first: Moment
    last: Moment
    arrows: list[Arrow] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    roles: list[Interval] = field(default_factory=list)
    terms: list[Interval] = field(default_factory=list)
    partitions: list[Interval] = field(default_factory=list)
    left_out: str = ""

    def truncate(self, limit: int) -> None:
        """Remove what exceeds a limit, except alarms: thousands of messages may be sent at the same moment."""
        del self.arrows[limit:]
        kept = [annotation for annotation in self.annotations[limit:] if annotation.alarm_count]
        self.annotations = self.annotations[:limit] + kept


@dataclass(slots=True)
class TraceIndex:
    """Facts about a trace that do not depend on which part of it is drawn.

    Attributes:
        trace: The trace.
        causes: For each event, the number of the event that caused it.
        spans: The messages, in the order in which they were sent.
        leads: For each event that made a server send AppendEntries, whether that server was the leader.
    """

    trace: Trace
    causes: list[int]
    spans: list[MessageSpan]
    leads: dict[int, bool]


def index_trace(trace: Trace) -> TraceIndex:
    """Find the causes and the messages of a trace."""
    # The scene, its layout and the search for its first and last event all rely on the order of the events.
    assert all(a.time_us <= b.time_us for a, b in pairwise(trace.events)), "the events are not in order of time"
    causes = find_causes(trace)
    return TraceIndex(trace, causes, find_message_spans(trace, causes), _leaders_by_cause(trace, causes))


def shown_times(index: TraceIndex, options: DiagramOptions) -> list[int]:
    """Return the time of each thing that a scene would show, in order, without building the scene."""
    starts = [
        max(span.sent.time_us, options.start_us) for span, _ in _shown(index, options) for _ in (span, *span.copies)
    ]
    return sorted(starts + [annotation.time_us for annotation in _annotations(index, options)])


def build_scene(index: TraceIndex, options: DiagramOptions) -> Scene:
    """Build the scene of a part of a trace."""
    trace, start_us, end_us = index.trace, options.start_us, options.end_us
    before = next((event.number for event in trace if event.time_us >= start_us), len(trace)) - 1
    after = next((event.number for event in trace if event.time_us > end_us), len(trace)) - 1
    scene = Scene(trace.servers, start_us, end_us, trace.moment_after(before), trace.moment_after(after))
    for span, idle in _shown(index, options):
        scene.arrows += _arrows(span, idle, stray=not index.leads.get(span.cause, True))
    scene.annotations = _annotations(index, options)
    _add_intervals(scene, trace.events[before + 1 :])
    return scene


# Messages.


def _shown(index: TraceIndex, options: DiagramOptions) -> Iterator[tuple[MessageSpan, bool]]:
    """Yield the messages to draw, and whether each is drawn as an idle heartbeat."""
    for span in index.spans:
        if span.sent.time_us > options.end_us:
            break
        idle = span.idle and options.heartbeats is not True
        if idle and options.marked is not None:
            idle = options.marked not in span.events()
        hidden = idle and (options.heartbeats is False or span.type != "AppendEntries")
        if not hidden and _last_time_us(span) >= options.start_us:
            yield span, idle


def _last_time_us(span: MessageSpan) -> int:
    """Return when a message, or the last copy of it, ends."""
    return max(span.end.time_us if span.end else span.due_us, *(copy.time_us for copy in span.copies), 0)


def _leaders_by_cause(trace: Trace, causes: list[int]) -> dict[int, bool]:
    """Return, for each event that made a server send AppendEntries, whether that server was the leader."""
    role: dict[str, str] = {}
    leads: dict[int, bool] = {}
    for event, cause in zip(trace, causes, strict=True):
        if event.kind == "role":
            role[event.server] = event["role"]
        elif event.kind == "sent" and event["type"] == "AppendEntries":
            leads[cause] = role.get(event.server, "leader") == "leader"
    return leads


def _arrows(span: MessageSpan, idle: bool, stray: bool) -> list[Arrow]:
    """Return the arrow of a message, and one for each copy that the network made."""
    label = "" if idle else arrow_label(span.type, span.fields, stray)
    arrows = [_arrow(span, span.end, label)]
    arrows += [_arrow(span, end, "a copy", copy=True) for end in span.copies]
    for arrow in arrows:
        arrow.idle, arrow.stray = idle and not arrow.copy, stray and span.type == "AppendEntries"
    return arrows


def _arrow(span: MessageSpan, end: Event | None, label: str, copy: bool = False) -> Arrow:
    sent = span.sent
    fate = "flying" if end is None else "delivered" if end.kind == "delivered" else str(end["reason"])
    if label and fate not in ("delivered", "flying"):
        label += ", dropped" if fate == "scenario" else f", {fate}"
    return Arrow(
        sender=sent.server, receiver=sent["to"], start_us=sent.time_us, end_us=end.time_us if end else None,
        due_us=span.due_us, fate=fate, type=span.type, manner=message_manner(span.type, span.fields), label=label,
        copy=copy,
    )  # fmt: skip


def arrow_label(message_type: str, fields: dict[str, Any], stray: bool = False) -> str:
    """Describe a message in two or three words, with t3 for term 3."""
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


# Intervals.


def _add_intervals(scene: Scene, events: list[Event]) -> None:
    """Divide the time into intervals of one role, one term and one partition."""
    roles: list[tuple[int, str, Any]] = []
    terms: list[tuple[int, str, Any]] = []
    partitions: list[tuple[int, str, Any]] = [(scene.start_us, "", scene.first.sides or None)]
    role_of: dict[str, str] = {}
    for server, state in scene.first.servers.items():
        role_of[server] = state.role
        role = f"paused {state.role}" if state.paused else state.role if state.up else "down"
        roles.append((scene.start_us, server, role if state.life else None))
        terms.append((scene.start_us, server, state.fields.get("current_term") if state.up else None))
    for event in events:
        server = event.server
        match event.kind:
            case "role":
                role_of[server] = event["role"]
                roles.append((event.time_us, server, event["role"]))
            case "paused":
                roles.append((event.time_us, server, f"paused {role_of[server]}"))
            case "resumed":
                roles.append((event.time_us, server, role_of[server]))
            case "crashed":
                role_of[server] = "follower"
                roles.append((event.time_us, server, "down"))
                terms.append((event.time_us, server, None))
            case "term":
                terms.append((event.time_us, server, event["term"]))
            case "partitioned" | "healed":
                partitions.append((event.time_us, "", event.get("sides")))
    scene.roles, scene.terms, scene.partitions = (
        _intervals(changes, scene.end_us) for changes in (roles, terms, partitions)
    )


def _intervals(changes: list[tuple[int, str, Any]], end_us: int) -> list[Interval]:
    """Convert changes to intervals, without empty ones and without changes after the end."""
    intervals: list[Interval] = []
    last: dict[str, Interval] = {}
    for time_us, server, value in changes:
        before = last.get(server)
        if time_us > end_us or (before is not None and before.value == value):
            continue
        if before is not None:
            before.end_us = time_us
        last[server] = Interval(server, time_us, end_us, value)
        intervals.append(last[server])
    return [interval for interval in intervals if interval.value is not None and interval.end_us > interval.start_us]


# Annotations.

# Events of these kinds are shown by arrows, or need no mention.
SILENT = frozenset({"sent", "delivered", "dropped", "timer_cancelled"})


def _annotations(index: TraceIndex, options: DiagramOptions) -> list[Annotation]:
    annotations = annotate(index.trace, index.causes, options.start_us, options.end_us)
    if options.marked is not None:
        _mark(annotations, options.marked, options.mark_text)
    return annotations


def annotate(trace: Trace, causes: list[int], start_us: int, end_us: int) -> list[Annotation]:
    """Describe what happens to the servers, with one annotation for each server and moment."""
    ends = _ends_of_moments(trace)
    notable = [
        event
        for event, cause in zip(trace, causes, strict=True)
        if event.number not in ends and _is_notable(event, trace.events[cause])
    ]
    times = {event.time_us for event in notable if event.kind not in SILENT and start_us <= event.time_us <= end_us}
    events_at: dict[tuple[int, str], list[Event]] = {}
    for event in notable:
        if event.time_us in times:
            events_at.setdefault((event.time_us, event.server), []).append(event)
    requests = requests_of(trace)
    annotations = [_annotation(time_us, server, events, requests) for (time_us, server), events in events_at.items()]
    return [annotation for annotation in annotations if annotation.sign or annotation.lines]


def _ends_of_moments(trace: Trace) -> set[int]:
    """Return the numbers of the events in which timers of zero seconds run out: they only end a moment."""
    started_us: dict[tuple[str, str], int] = {}
    found = set()
    for event in trace:
        if event.kind == "timer_started":
            started_us[event.server, event["timer"]] = event.time_us
        elif event.kind == "timer_fired" and started_us.get((event.server, event["timer"])) == event.time_us:
            found.add(event.number)
    return found


def _is_notable(event: Event, cause: Event) -> bool:
    """Return whether an event is worth mentioning: of the timers, only the election timer of a start or an election."""
    if event.kind != "timer_started":
        return True
    begins = cause.kind in ("started", "restarted") or (cause.kind == "timer_fired" and cause["timer"] == "election")
    return begins and bool(event["timer"] == "election")


def _annotation(time_us: int, server: str, events: list[Event], requests: dict[str, str]) -> Annotation:
    """Combine the events of one server at one moment into an annotation."""
    kinds = {event.kind: event for event in events}
    annotation = Annotation(time_us, server)
    for event in events:
        annotation.sign = _sign(event) or annotation.sign
        if event.kind == "failed":
            annotation.lines.insert(annotation.alarm_count, str(event["error"]))
            annotation.alarm_count += 1
        elif event.kind in ("asked", "answered"):
            annotation.client_arrow = event.kind
    annotation.lines += [
        line
        for event in events
        if (line := _line(event, requests)) and event.kind not in ("role", "term", "timer_started")
    ]
    annotation.lines += _role_line(kinds)
    annotation.lines += [line for event in events if event.kind == "timer_started" and (line := _line(event, requests))]
    annotation.lines += _log_lines(events)
    return annotation


def _sign(event: Event) -> str:
    """Return the sign of an event on the lifeline."""
    if event.kind == "role":
        return str(event["role"])
    if event.kind == "timer_fired":
        return "" if event["timer"] == "heartbeat" else "timer"
    return {"crashed": "down", "paused": "paused", "resumed": "resumed"}.get(event.kind, "")


def _role_line(kinds: dict[str, Event]) -> list[str]:
    """Describe a new role and a new term together.

    Two roles are left out: that of a server that starts, and that of a candidate, whose timeout is already shown.
    """
    begins = "started" in kinds or "restarted" in kinds
    role = kinds["role"]["role"] if "role" in kinds else ""
    term = kinds["term"]["term"] if "term" in kinds else 0
    words = [role] if role not in ("", "candidate") and not (begins and role in ("follower", "server")) else []
    if "term" in kinds and not (begins and not term):
        words.append(f"term {term}")
    return [", ".join(words)] if words else []


def _line(event: Event, requests: dict[str, str]) -> str:
    """Describe one event of an annotation; return "" if its sign is enough. `requests` has each client's request."""
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


def _log_lines(events: list[Event]) -> list[str]:
    """Describe the changes of the log: deletions, then a short line with +3 for stored and ✓3 for applied entries."""
    lines = [f"deletes after {event['after']}" for event in events if event.kind == "truncated"]
    lines += [f"snapshot up to {event['index']}" for event in events if event.kind == "compacted"]
    parts = []
    for kind, sign in (("appended", "+"), ("applied", "✓")):
        indexes = [event["index"] for event in events if event.kind == kind]
        if indexes:
            parts.append(f"{sign}{indexes[0]}" + (f"–{indexes[-1]}" if len(indexes) > 1 else ""))
    return [*lines, " ".join(parts)] if parts else lines


def _mark(annotations: list[Annotation], event: Event, text: str) -> None:
    """Add an alarm about an event to the annotation of its moment, or to a new one."""
    found = next((each for each in annotations if (each.time_us, each.server) == (event.time_us, event.server)), None)
    if found is None:
        found = Annotation(event.time_us, event.server)
        annotations.append(found)
        annotations.sort(key=lambda each: each.time_us)
    if event.kind != "failed":  # A failure is an alarm already.
        found.lines.insert(0, text or f"here: {event_text(event)}")
        found.alarm_count += 1
