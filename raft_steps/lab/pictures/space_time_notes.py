"""The words of a space-time diagram: what befalls a server at a moment, in a few short lines beside its lifeline."""

from __future__ import annotations

from dataclasses import dataclass, field

from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.trace.narration import answer_words, event_text, quote, requests_of
from raft_steps.lab.trace.trace import Event, Trace


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
            return f"answer: {answer_words(event, requests.get(event['client'], ''))}"
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
