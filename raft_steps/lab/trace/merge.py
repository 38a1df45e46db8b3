"""Merges the traces of real servers into one trace of their cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import parse_json, plain_text
from raft_steps.lab.trace.parsing import VERSION, check_servers, parse_row
from raft_steps.lab.trace.trace import Event, Trace

# The keys of a header that are the same in all traces of a run, and what a difference means.
OTHER_RUN = {
    "boot": "another start of the machine, so their clocks differ",
    "servers": "another cluster",
    "title": "another step",
}
HEADER_KEYS = {"version", "title", "servers", "server", "life", "boot"}


@dataclass(frozen=True, slots=True)
class _Life:
    """One life of one server.

    Attributes:
        file: The file's name.
        header: The line with which it begins.
        events: Its events, in order.
    """

    file: str
    header: dict[str, Any]
    events: list[Event]


def merge_traces(texts: Iterable[tuple[str, str]], more: Iterable[Event] = ()) -> Trace:
    """Merge the traces of real servers, which one machine wrote since it was started.

    Args:
        texts: The name and the text of each file.
        more: Events of the whole cluster, such as partitions, by the same clock.

    Returns:
        One trace; its time begins with its first event.

    Raises:
        ScenarioError: A text is not a trace of a real server, or they do not belong together.
    """
    lives = [life for file, text in texts for life in _read(file, text)]
    if not lives:
        raise ScenarioError("there is no trace to merge")
    check_same_run([(life.file, life.header) for life in lives])
    header = lives[0].header
    servers = tuple(header["servers"])
    events = [event for life in _with_crashes(lives) for event in life.events]
    events += more
    # A stable sort by server within a microsecond: what one event caused has one time, and must stay together.
    events.sort(key=lambda event: (event.time_us, servers.index(event.server) if event.server in servers else -1))
    known = {life.header["server"] for life in lives}
    return _trace_of(list(_with_losses(events, known)), servers, header["title"])


def check_same_run(headers: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Check that traces come from one run, whose times can be compared.

    Args:
        headers: The name of each file, and a header in it.

    Raises:
        ScenarioError: They do not.
    """
    first_file, first = headers[0]
    for file, header in headers[1:]:
        for key, what in OTHER_RUN.items():
            if header[key] != first[key]:
                raise ScenarioError(f"{first_file} and {file} cannot be merged: they come from {what}")


def is_server_trace(text: str) -> bool:
    """Return whether a text begins as the trace of a real server does."""
    try:
        header = parse_json(text.partition("\n")[0])
    except ValueError:
        return False
    return isinstance(header, dict) and header.keys() >= HEADER_KEYS


def _read(file: str, text: str) -> list[_Life]:
    """Return the lives in a file."""
    lives: list[_Life] = []
    lines = plain_text(text).split("\n")
    if lines and lines[-1]:
        lines.pop()  # A server that was killed while it wrote a line: the line's effects never left.
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            _take(parse_json(line), file, lives)
        except (ValueError, TypeError) as error:
            raise ScenarioError(f"{file}, line {number}: this is not a line of a server's trace ({error})") from error
    return lives


def _take(row: Any, file: str, lives: list[_Life]) -> None:
    """Add a line to the lives read so far.

    Raises:
        ValueError: It is not a line of a server's trace.
        TypeError: It is not an object.
    """
    if not isinstance(row, dict):
        raise TypeError("it is not an object")
    if "version" in row:
        lives.append(_Life(file, read_header(row), []))
    elif lives:
        lives[-1].events.append(Event(0, *parse_row(row, lives[-1].header["servers"])))
    else:
        raise ValueError("the first line is not a server's header")


def read_header(header: Any) -> dict[str, Any]:
    """Return the header of a life of a real server.

    Raises:
        ValueError: It is not one.
        TypeError: It is not an object.
    """
    if not isinstance(header, dict):
        raise TypeError("it is not an object")
    missing = HEADER_KEYS - header.keys()
    if missing:
        raise ValueError(f"the header has no {min(missing)}; only traces of raft-steps serve can be merged")
    if header["version"] != VERSION:
        raise ValueError(f"it is of version {header['version']!r}; this laboratory reads {VERSION}")
    check_servers(header["servers"])
    if not isinstance(header["server"], str) or type(header["life"]) is not int:
        raise ValueError("the header has a server that is not a name, or a life that is not a whole number")
    return header


def _with_crashes(lives: list[_Life]) -> list[_Life]:
    """Add the crash that a killed server could not record: before its next life, if there is one."""
    by_server: dict[str, list[_Life]] = {}
    for life in lives:
        by_server.setdefault(life.header["server"], []).append(life)
    for server, own in by_server.items():
        own.sort(key=lambda life: life.header["life"])
        numbers = [life.header["life"] for life in own]
        if len(set(numbers)) != len(numbers):
            raise ScenarioError(f"two traces hold the same life of {server}")
        for life in own[:-1]:
            if life.events and life.events[-1].kind != "crashed":
                last_us = life.events[-1].time_us
                life.events.append(Event(0, last_us, "crashed", server, {}))
    return lives


def _with_losses(events: Sequence[Event], known: set[str]) -> Iterator[Event]:
    """Add what nobody could record: a message that never arrives is lost when its sender or its receiver ends.

    Without that it would be under way for ever. A message to a server that is down is lost at once.

    Args:
        events: The events, in order.
        known: The servers of which there are traces; of others it is not known what arrived.
    """
    arrived = {event["message"] for event in events if event.kind in ("delivered", "dropped")}
    running: set[str] = set()
    under_way: dict[str, Event] = {}
    for event in events:
        yield event
        lost: list[Event] = []
        if event.kind in ("started", "restarted"):
            running.add(event.server)
        elif event.kind == "crashed":
            running.discard(event.server)
            lost = [sent for sent in under_way.values() if event.server in (sent.server, sent["to"])]
        elif event.kind == "sent" and event["message"] not in arrived and event["to"] in known:
            under_way[event["message"]] = event
            lost = [] if event["to"] in running else [event]
        for sent in lost:
            del under_way[sent["message"]]
            detail = {"message": sent["message"], "from": sent.server, "type": sent["type"], "reason": "down"}
            yield Event(0, event.time_us, "dropped", sent["to"], detail)


def _trace_of(events: list[Event], servers: tuple[str, ...], title: str) -> Trace:
    """Build a trace that begins at time 0, and in which a message is due when it arrives."""
    trace = Trace(servers, title)
    if not events:
        return trace
    start_us, end_us = events[0].time_us, events[-1].time_us
    arrived_us = {event["message"]: event.time_us for event in events if event.kind in ("delivered", "dropped")}
    for event in events:
        detail = event.detail
        if event.kind == "sent":
            detail["due"] = arrived_us.get(detail["message"], end_us) - start_us
        elif event.kind == "timer_started":
            detail["due"] -= start_us
        trace.add(event.time_us - start_us, event.kind, event.server, detail)
    trace.end_us = end_us - start_us
    return trace
