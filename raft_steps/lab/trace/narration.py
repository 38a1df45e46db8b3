"""Describes a trace in words: one event as a sentence, or a whole run as a story that a screen reader can read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import join_names, plural, printable
from raft_steps.lab.trace.message_spans import find_causes, find_message_spans
from raft_steps.lab.trace.trace import Event, Trace

MAX_QUOTE = 60  # characters of a client's text that are quoted
STORY_WIDTH = 110  # characters of a line of a story; a notebook would break a longer line in the middle of a word
OMITTED_KINDS = frozenset({"timer_started", "timer_cancelled"})
REASONS = {
    "cut": "the link is cut",
    "down": "it is down",
    "lost": "the network lost it",
    "scenario": "the scenario dropped it",
}


def quote(text: object) -> str:
    """Return a client's text on one line, shortened if it is long."""
    line = printable(str(text))
    return line if len(line) <= MAX_QUOTE else line[: MAX_QUOTE - 1] + "…"


def decimals_of(trace: Trace) -> int:
    """Return how many decimals of a second distinguish the events of a trace: 2 for the post's timing, 3 for the paper's."""
    first = next((event for event in trace if event.kind == "sent"), None)
    return 3 if first is not None and first["due"] - first.time_us < 50_000 else 2


def format_time(time_us: int, decimals: int = 2) -> str:
    """Format a time of the trace in seconds, with a fixed number of decimals."""
    return f"{time_us / MICROSECONDS:.{decimals}f}"


def message_text(message_type: str, fields: dict[str, Any]) -> str:
    """Describe a message: RequestVote of term 3, a heartbeat of term 3, a vote."""
    term = f" of term {fields['term']}" if "term" in fields else ""
    entries = fields.get("entries")
    if message_type == "RequestVoteReply" and "vote_granted" in fields:
        return f"a vote{term}" if fields["vote_granted"] else f"a refusal to vote{term}"
    if message_type == "PreVoteReply" and "vote_granted" in fields and "next_term" in fields:
        return f"a {'' if fields['vote_granted'] else 'refused '}pre-vote for term {fields['next_term']}"
    if message_type == "AppendEntriesRefused":
        return f"a refusal{term}"
    if fields.get("success") is False:  # Not a refusal of the sender: the follower lacks earlier entries.
        return f"a request for earlier entries{term}"
    if fields.get("success") is True:
        return f"an acknowledgement{term}"
    if message_type == "AppendEntries" and isinstance(entries, list):
        return f"AppendEntries{term} with {plural(len(entries), 'entry')}" if entries else f"a heartbeat{term}"
    index = f" {fields['index']}" if message_type == "CommitEntry" and "index" in fields else ""
    return f"{message_type}{index}{term}"


def event_text(event: Event, fields: dict[str, Any] | None = None) -> str:
    """Describe one event in a sentence.

    Args:
        event: The event.
        fields: For a message that arrives, its fields if they are known, because the event itself has only its type;
            for an answer, ``{"request": …}`` with the request that it answers.
    """
    return _subject(event) + _predicate(event, fields)


def _subject(event: Event) -> str:
    """Return the beginning of a sentence about an event; empty if it is not about a server, or names the server itself."""
    if not event.server or event.kind in ("failed", "note", "doubled"):
        return ""
    return f"{event.server}'s " if event.kind == "timer_fired" else f"{event.server} "


def _predicate(event: Event, fields: dict[str, Any] | None = None) -> str:
    """Describe an event without its subject, the server."""
    match event.kind:
        case "sent":
            return f"sends {message_text(event['type'], event['fields'])} to {event['to']}"
        case "delivered":
            copy = "a copy of " if event.get("copy") else ""
            return f"receives {copy}{_arrival_text(event, fields)} from {event['from']}"
        case "dropped":
            reason = REASONS.get(event["reason"], event["reason"])
            return f"does not get {_arrival_text(event, fields)} from {event['from']}: {reason}"
        case "held":
            name = _arrival_text(event, fields)
            return f"waits for {name} from {event['from']}: held back until {event['due'] / MICROSECONDS:g} s"
        case "doubled":
            return f"a copy of {_arrival_text(event, fields)} from {event['from']} is on its way to {event.server}"
        case "appended" | "applied":
            verb = "stores" if event.kind == "appended" else "applies"
            return f"{verb} entry {event['index']} of term {event['term']}: {quote(event['command'])}"
        case "asked":
            return f"is asked by {event['client']}: {quote(event['request'])}"
        case "told":
            return f"is told to {quote(event['order'])}"
        case "answered":
            return f"answers {event['client']}: {answer_text(event, (fields or {}).get('request', ''))}"
        case "timer_started" | "timer_cancelled" | "timer_fired":
            return _timer_text(event)
        case _:
            return _server_text(event)


def _server_text(event: Event) -> str:
    """Describe a change of a server, or of the cluster as a whole."""
    match event.kind:
        case "started" | "restarted":
            snapshot, entries = event.get("snapshot"), event.get("log", ())
            found = [f"a snapshot up to entry {snapshot['index']}"] if snapshot else []
            found += [plural(len(entries), "entry")] if entries else []
            return f"{event.kind.removesuffix('ed')}s" + (f" with {' and '.join(found)} on disk" if found else "")
        case "crashed":
            return "crashes"
        case "paused":
            return "is paused"
        case "resumed":
            return "resumes"
        case "role":
            return f"becomes {event['role']}" if event["role"] != "server" else "serves clients"
        case "term":
            return f"enters term {event['term']}"
        case "truncated":
            return f"deletes its entries after {event['after']}" if event["after"] else "deletes all its entries"
        case "compacted":
            return f"has a snapshot in place of the entries up to {event['index']}"
        case "partitioned" | "cut" | "healed" | "network":
            return _network_text(event)
        case "failed":
            return quote(event["error"].splitlines()[0] if event["error"] else f"{event.server} fails")
        case "note":
            return quote(event["text"])
    return event.kind


def _network_text(event: Event) -> str:
    """Describe a change of the network."""
    match event.kind:
        case "partitioned":
            return f"the network is partitioned: {' | '.join(' '.join(side) for side in event['sides'])}"
        case "cut":
            return f"the link from {event['from']} to {event['to']} is cut"
        case "healed":
            return "the network heals"
    parts = [f"the network loses {100 * event['loss']:g}% of the messages"] if "loss" in event.detail else []
    if "delay" in event.detail:
        low, high = (f"{value:.6f}".rstrip("0").rstrip(".") for value in event["delay"])
        parts.append(f"messages take {low} to {high} s")
    return "; ".join(parts)


def requests_of(trace: Trace) -> dict[str, str]:
    """Return the request of each client of a trace, by the client's address."""
    return {event["client"]: event["request"] for event in trace if event.kind == "asked"}


def answer_text(event: Event, request: str = "") -> str:
    """Describe the answer to a client. With its request given, a read of a missing key is described as such."""
    if event["response"] == "NotLeader":
        return f"not the leader, ask {event['leader']}" if event.get("leader") else "not the leader"
    if event["response"] == "Refused":
        return f"refused: {quote(event['reason'])}"
    if event["response"] == "SessionExpired":
        return "the session has expired"
    if event["response"] == "Mismatch":
        return f"not done, {'nothing there' if event.get('value') is None else 'there is ' + quote(event['value'])}"
    if event.get("value") is None:
        return "nothing there" if request.startswith("get ") else "ok"
    return f"ok, {quote(event['value'])}"


def _arrival_text(event: Event, fields: dict[str, Any] | None) -> str:
    if fields is not None:
        return message_text(event["type"], fields)
    return f"{event['type']} of term {event['term']}" if "term" in event.detail else str(event["type"])


def _timer_text(event: Event) -> str:
    match event.kind:
        case "timer_started":
            return f"starts its {event['timer']} timer: {(event['due'] - event.time_us) / MICROSECONDS:g} s"
        case "timer_cancelled":
            return f"stops its {event['timer']} timer"
        case _:
            return f"{event['timer']} timer runs out"


class Story:
    """A run in words, one line for each event and its effects. Long lines are wrapped when it is printed or displayed.

    Attributes:
        lines: The lines, oldest first, not wrapped.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """Create a story of these lines."""
        self.lines = tuple(lines)

    def __str__(self) -> str:
        """Return the text; continuation lines are indented, so that the first column holds only times."""
        return "\n".join(wrapped for line in self.lines for wrapped in _wrap(line))

    __repr__ = __str__


def _wrap(line: str) -> list[str]:
    indent = " " * len(_time_column(""))
    return textwrap.wrap(line, STORY_WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _time_column(time_s: str) -> str:
    """Format the first column of a story: the time in seconds."""
    return f"{time_s:>9} s  "


def story(trace: Trace, heartbeats: bool = False, start: float | None = None, end: float | None = None) -> Story:
    """Describe a run: one line for each event that made a server act, together with its effects.

    Args:
        trace: The run.
        heartbeats: Whether to include heartbeats that changed nothing.
        start: The start of the part to describe, in seconds; by default the start of the run.
        end: The end of that part, in seconds; by default the end of the run.

    Raises:
        ScenarioError: `end` is before `start`.
    """
    start_us, end_us = time_range(trace, start, end)
    causes = find_causes(trace)
    spans = find_message_spans(trace, causes)
    fields = {event.number: span.fields for span in spans for event in span.events()}
    requests = requests_of(trace)
    fields |= {event.number: {"request": requests.get(event["client"], "")} for event in trace.of("answered")}
    omitted = set() if heartbeats else {event.number for span in spans if span.idle for event in span.events()}
    events_of: dict[int, list[Event]] = {}
    for event, cause in zip(trace, causes, strict=True):
        if start_us <= event.time_us <= end_us and event.kind not in OMITTED_KINDS and event.number not in omitted:
            events_of.setdefault(cause, []).append(event)
    decimals = decimals_of(trace)
    return Story(
        f"{_time_column(format_time(events[0].time_us, decimals))}{_line(events, fields)}"
        for events in events_of.values()
        if heartbeats or not _is_bare_tick(events)
    )


def time_range(trace: Trace, start: float | None, end: float | None) -> tuple[int, int]:
    """Convert a range of seconds to microseconds of the trace; by default the whole trace.

    Raises:
        ScenarioError: `end` is before `start`.
    """
    start_us = 0 if start is None else round(start * MICROSECONDS)
    last_us = max(trace.end_us, trace.events[-1].time_us) if trace.events else trace.end_us
    end_us = last_us if end is None else min(round(end * MICROSECONDS), last_us)
    if end_us < start_us:
        raise ScenarioError(
            f"nothing to show from {start_us / MICROSECONDS:g} s to {end_us / MICROSECONDS:g} s: end is before start"
        )
    return start_us, end_us


def _is_bare_tick(events: list[Event]) -> bool:
    """Return whether only the tick of the heartbeat timer is left, because its idle messages were omitted."""
    return len(events) == 1 and events[0].kind == "timer_fired" and events[0]["timer"] == "heartbeat"


def _line(events: list[Event], fields: dict[int, dict[str, Any]]) -> str:
    """Describe an event and its effects in one line; similar effects are combined."""
    parts: list[str] = []
    for _, group in groupby(events, key=_similarity_key):
        similar = list(group)
        first = similar[0]
        if first.kind == "sent":
            parts.append(f"{_similarity_key(first)}{join_names(event['to'] for event in similar)}")
        elif first.kind in ("appended", "applied") and len(similar) > 2:
            parts.append(f"{_predicate(first).split()[0]} entries {first['index']} to {similar[-1]['index']}")
        else:
            parts += [_predicate(event, fields.get(event.number)) for event in similar]
    return _subject(events[0]) + "; ".join(parts)


def _similarity_key(event: Event) -> str:
    """Return the key that consecutive events must share to be combined in a line."""
    if event.kind == "sent":
        return f"sends {message_text(event['type'], event['fields'])} to "
    return event.kind
