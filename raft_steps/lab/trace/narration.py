"""A trace in words: one event as a sentence, or a whole run as a story that a screen reader can read out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import plural, printable, several
from raft_steps.lab.trace.message_spans import flights_of, groups_of
from raft_steps.lab.trace.trace import Event, Trace

LONGEST = 60  # How much of a client's text is quoted.
WIDTH = 110  # Characters of a line of a story: as many as a notebook shows without breaking it in the middle of a word.
UNTOLD = frozenset({"timer_started", "timer_cancelled"})
REASONS = {
    "cut": "the link is cut",
    "down": "it is down",
    "lost": "the network lost it",
    "scenario": "the scenario dropped it",
}


def quote(text: object) -> str:
    """Give a client's text on one line, shortened where it is long."""
    line = printable(str(text))
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def decimals_of(trace: Trace) -> int:
    """Say how many decimals tell the moments of a trace apart: two with the post's timing, three with the paper's."""
    first = next((event for event in trace if event.kind == "sent"), None)
    return 3 if first is not None and first["due"] - first.time_us < 50_000 else 2


def clock(time: int, decimals: int = 2) -> str:
    """Spell a time of the trace in seconds."""
    return f"{time / MICROSECONDS:.{decimals}f}"


def message_words(message_type: str, fields: dict[str, Any]) -> str:
    """Say what a message is: RequestVote of term 3, a heartbeat of term 3, a vote."""
    term = f" of term {fields['term']}" if "term" in fields else ""
    entries = fields.get("entries")
    if message_type == "RequestVoteReply" and "vote_granted" in fields:
        return f"a vote{term}" if fields["vote_granted"] else f"a refusal to vote{term}"
    if message_type == "AppendEntriesRefused":
        return f"a refusal{term}"
    if fields.get("success") is False:  # Not a refusal of the caller: this follower lacks what comes before.
        return f"a request for earlier entries{term}"
    if fields.get("success") is True:
        return f"an acknowledgement{term}"
    if message_type == "AppendEntries" and isinstance(entries, list):
        return f"AppendEntries{term} with {plural(len(entries), 'entry')}" if entries else f"a heartbeat{term}"
    index = f" {fields['index']}" if message_type == "CommitEntry" and "index" in fields else ""
    return f"{message_type}{index}{term}"


def event_text(event: Event, fields: dict[str, Any] | None = None) -> str:
    """Tell one event in plain words.

    Args:
        event: The event.
        fields: What the message holds that arrives, where that is known, for the event itself names but its type; for
            an answer, the request that it answers.
    """
    told = _predicate(event, fields)
    return _subject(event) + told


def _subject(event: Event) -> str:
    """Begin a sentence about an event; some are about no server, or name it themselves."""
    if not event.server or event.kind in ("failed", "note", "doubled"):
        return ""
    return f"{event.server}'s " if event.kind == "timer_fired" else f"{event.server} "


def _predicate(event: Event, fields: dict[str, Any] | None = None) -> str:
    """Tell an event without its subject, the server."""
    match event.kind:
        case "sent":
            return f"sends {message_words(event['type'], event['fields'])} to {event['to']}"
        case "delivered":
            copy = "a copy of " if event.get("copy") else ""
            return f"hears {copy}{_name_of_arrival(event, fields)} from {event['from']}"
        case "dropped":
            reason = REASONS.get(event["reason"], event["reason"])
            return f"does not get {_name_of_arrival(event, fields)} from {event['from']}: {reason}"
        case "held":
            name = _name_of_arrival(event, fields)
            return f"waits for {name} from {event['from']}: held back until {event['due'] / MICROSECONDS:g} s"
        case "doubled":
            return f"a copy of {_name_of_arrival(event, fields)} from {event['from']} is on its way to {event.server}"
        case "appended" | "applied":
            verb = "stores" if event.kind == "appended" else "applies"
            return f"{verb} entry {event['index']} of term {event['term']}: {quote(event['command'])}"
        case "asked":
            return f"is asked by {event['client']}: {quote(event['request'])}"
        case "answered":
            return f"answers {event['client']}: {answer_words(event, (fields or {}).get('request', ''))}"
        case "timer_started" | "timer_cancelled" | "timer_fired":
            return _timer_words(event)
        case _:
            return _life_words(event)


def _life_words(event: Event) -> str:
    """Tell what befalls a server or the cluster as a whole."""
    match event.kind:
        case "started" | "restarted":
            entries = event.get("log", ())
            found = f" with {plural(len(entries), 'entry')} on disk" if entries else ""
            return f"{event.kind.removesuffix('ed')}s{found}"
        case "crashed":
            return "crashes"
        case "paused":
            return "is paused"
        case "resumed":
            return "goes on"
        case "role":
            return f"becomes {event['role']}" if event["role"] != "server" else "serves clients"
        case "term":
            return f"enters term {event['term']}"
        case "truncated":
            return f"deletes its entries after {event['after']}" if event["after"] else "deletes all its entries"
        case "partitioned" | "cut" | "healed" | "network":
            return _network_words(event)
        case "failed":
            return quote(event["error"].splitlines()[0] if event["error"] else f"{event.server} fails")
        case "note":
            return quote(event["text"])
    return event.kind


def _network_words(event: Event) -> str:
    """Tell what becomes of the network."""
    match event.kind:
        case "partitioned":
            return f"the network parts: {' | '.join(' '.join(side) for side in event['sides'])}"
        case "cut":
            return f"the link from {event['from']} to {event['to']} is cut"
        case "healed":
            return "the network heals"
    said = [f"the network loses {100 * event['loss']:g}% of the messages"] if "loss" in event.detail else []
    if "delay" in event.detail:
        low, high = (f"{value:.6f}".rstrip("0").rstrip(".") for value in event["delay"])
        said.append(f"messages take {low} to {high} s")
    return "; ".join(said)


def requests_of(trace: Trace) -> dict[str, str]:
    """Give what each client of a trace asked, by the client's address."""
    return {event["client"]: event["request"] for event in trace if event.kind == "asked"}


def answer_words(event: Event, request: str = "") -> str:
    """Say what a client was told; with its request, also that a read found nothing."""
    if event["response"] == "NotLeader":
        return f"not the leader, ask {event['leader']}" if event.get("leader") else "not the leader"
    if event.get("value") is None:
        return "nothing there" if request.startswith("get ") else "ok"
    return f"ok, {quote(event['value'])}"


def _name_of_arrival(event: Event, fields: dict[str, Any] | None) -> str:
    if fields is not None:
        return message_words(event["type"], fields)
    return f"{event['type']} of term {event['term']}" if "term" in event.detail else str(event["type"])


def _timer_words(event: Event) -> str:
    match event.kind:
        case "timer_started":
            return f"starts its {event['timer']} timer: {(event['due'] - event.time_us) / MICROSECONDS:g} s"
        case "timer_cancelled":
            return f"stops its {event['timer']} timer"
        case _:
            return f"{event['timer']} timer runs out"


class Story:
    """A run in words, a line for each thing that happened; printed or shown, it is its text, broken between words.

    Attributes:
        lines: The lines, oldest first, each as long as it is.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        """Keep the lines."""
        self.lines = tuple(lines)

    def __str__(self) -> str:
        """Give the text; what does not fit into a line goes on below its own words, not below the time."""
        return "\n".join(wrapped for line in self.lines for wrapped in _wrapped(line))

    __repr__ = __str__


def _wrapped(line: str) -> list[str]:
    """Break a line of a story between words."""
    indent = " " * len(clock_column(""))
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def clock_column(time: str) -> str:
    """Spell what stands before the words of a line of a story: its time."""
    return f"{time:>9} s  "


def story(
    trace: Trace, heartbeats: bool = False, start: float | None = None, end: float | None = None
) -> Story:  # fmt: skip
    """Tell a run, a line for each event together with what the server did about it.

    Args:
        trace: The run.
        heartbeats: Whether to tell of heartbeats that changed nothing, too.
        start: Where to begin, in seconds.
        end: Where to end, in seconds.

    Raises:
        ScenarioError: The end lies before the start.
    """
    low, high = window(trace, start, end)
    groups = groups_of(trace)
    flights = flights_of(trace, groups)
    holds = {event.number: flight.fields for flight in flights for event in flight.events()}
    requests = requests_of(trace)
    holds |= {event.number: {"request": requests.get(event["client"], "")} for event in trace.of("answered")}
    untold = set() if heartbeats else {event.number for flight in flights if flight.idle for event in flight.events()}
    together: dict[int, list[Event]] = {}
    for event, group in zip(trace, groups, strict=True):
        if low <= event.time_us <= high and event.kind not in UNTOLD and event.number not in untold:
            together.setdefault(group, []).append(event)
    decimals = decimals_of(trace)
    return Story(
        f"{clock_column(clock(events[0].time_us, decimals))}{_together(events, holds)}"
        for events in together.values()
        if heartbeats or not _is_bare_tick(events)
    )


def window(trace: Trace, start: float | None, end: float | None) -> tuple[int, int]:
    """Turn a stretch of seconds into microseconds of the trace; by default all of it.

    Raises:
        ScenarioError: The end lies before the start.
    """
    low = 0 if start is None else round(start * MICROSECONDS)
    last = max(trace.end_us, trace.events[-1].time_us) if trace.events else trace.end_us
    high = last if end is None else min(round(end * MICROSECONDS), last)
    if high < low:
        raise ScenarioError(
            f"nothing to tell from {low / MICROSECONDS:g} s to {high / MICROSECONDS:g} s: end comes before start"
        )
    return low, high


def _is_bare_tick(events: list[Event]) -> bool:
    """Say whether nothing is left of a heartbeat's tick but the tick."""
    return len(events) == 1 and events[0].kind == "timer_fired" and events[0]["timer"] == "heartbeat"


def _together(events: list[Event], holds: dict[int, dict[str, Any]]) -> str:
    """Tell in one line what a server was told and what it did about it, what is alike together."""
    told: list[str] = []
    for _, alike in groupby(events, key=_likeness):
        same = list(alike)
        first = same[0]
        if first.kind == "sent":
            told.append(f"{_likeness(first)}{several(event['to'] for event in same)}")
        elif first.kind in ("appended", "applied") and len(same) > 2:
            told.append(f"{_predicate(first).split()[0]} entries {first['index']} to {same[-1]['index']}")
        else:
            told += [_predicate(event, holds.get(event.number)) for event in same]
    return _subject(events[0]) + "; ".join(told)


def _likeness(event: Event) -> str:
    """Give what events have in common that are told together."""
    if event.kind == "sent":
        return f"sends {message_words(event['type'], event['fields'])} to "
    return event.kind
