"""Parses the lines of a stored trace, and checks that each is an event that a run could have recorded.

What reads a trace relies on the details of an event, so that a line without one of them is refused here, with its
number, instead of failing later in a picture or a check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import parse_json, plain_text

VERSION = 1  # of the text format
TIME_MAX_US = 2**53  # 285 years; beyond that JavaScript and Python would not agree on the number


class _RowError(ValueError):
    """A line is not what it should be."""


class TraceHeader(NamedTuple):
    """The first line of a stored trace, as `Trace` describes its parts."""

    servers: tuple[str, ...]
    title: str
    scenario: str
    end_us: int


class TraceRow(NamedTuple):
    """A line of a stored trace: the parts of an event."""

    time_us: int
    kind: str
    server: str
    detail: dict[str, Any]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < TIME_MAX_US


def _is_whole(value: object) -> bool:
    return type(value) is int and 0 <= value < TIME_MAX_US


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_anything(_value: object) -> bool:
    return True


def _is_entry(value: object) -> bool:
    return isinstance(value, dict) and all(name in value and fits(value[name]) for name, fits in ENTRY.items())


def _is_log(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_entry, value))


def _is_snapshot(value: object) -> bool:
    return isinstance(value, dict) and all(name in value and fits(value[name]) for name, fits in SNAPSHOT.items())


def _are_sides(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(side, list) and all(map(_is_text, side)) for side in value)


def _is_delay(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


Fits = Callable[[object], bool]
ENTRY: Mapping[str, Fits] = {"index": _is_whole, "term": _is_whole, "command": _is_text}
SNAPSHOT: Mapping[str, Fits] = {"index": _is_whole, "term": _is_whole, "data": _is_text}
_MESSAGE: Mapping[str, Fits] = {"message": _is_text, "from": _is_text, "type": _is_text}
_TIMER: Mapping[str, Fits] = {"timer": _is_text}
_LIFE: Mapping[str, Fits] = {"life": _is_whole, "log": _is_log}

# The details that an event of each kind has at least.
DETAILS: Mapping[str, Mapping[str, Fits]] = {
    "started": _LIFE, "restarted": _LIFE,
    "crashed": {}, "paused": {}, "resumed": {}, "healed": {}, "network": {},
    "sent": {"message": _is_text, "to": _is_text, "type": _is_text, "fields": _is_object, "due": _is_whole},
    "delivered": _MESSAGE,
    "dropped": {**_MESSAGE, "reason": _is_text},
    "held": {**_MESSAGE, "due": _is_whole}, "doubled": {**_MESSAGE, "due": _is_whole},
    "timer_started": {**_TIMER, "due": _is_whole}, "timer_cancelled": _TIMER, "timer_fired": _TIMER,
    "told": {"order": _is_text},
    "asked": {"client": _is_text, "request": _is_text},
    "answered": {"client": _is_text, "response": _is_text},
    "role": {"role": _is_text},
    "term": {"term": _is_whole},
    "appended": ENTRY, "applied": ENTRY,
    "truncated": {"after": _is_whole},
    "compacted": SNAPSHOT,
    "partitioned": {"sides": _are_sides},
    "cut": {"from": _is_text, "to": _is_text},
    "failed": {"error": _is_text},
    "note": {"text": _is_text},
}  # fmt: skip
# What an event may have besides, and what it is then.
OPTIONAL: Mapping[str, Fits] = {
    "changes": _is_object, "loss": _is_number, "delay": _is_delay, "snapshot": _is_snapshot
}  # fmt: skip
EVENT: Mapping[str, Fits] = {"time": _is_whole, "kind": _is_text, "server": _is_text}
OF_THE_CLUSTER = frozenset({"partitioned", "cut", "healed", "network", "note"})  # may happen on no server
_ENDS = ("from", "to")  # the details that name a server


def parse_rows(text: str) -> tuple[TraceHeader, list[TraceRow]]:
    """Parse the text of a trace.

    Raises:
        ScenarioError: The text is not a trace, or its version is not supported; the message names the line.
    """
    header: TraceHeader | None = None
    rows: list[TraceRow] = []
    for number, line in enumerate(plain_text(text).rstrip("\n").split("\n"), start=1):
        try:
            data = parse_json(line)
            if header is None:
                header = _read_header(data)
            else:
                rows.append(parse_row(data, header.servers))
                if len(rows) > 1 and rows[-1].time_us < rows[-2].time_us:
                    raise _RowError("an event should not be earlier than the one before it")
        except ValueError as error:
            raise ScenarioError(f"this is not a trace: {error}, on line {number}") from error
    assert header is not None, "a text has at least one line"
    if rows and rows[-1].time_us > header.end_us:
        raise ScenarioError(f"this is not a trace: it ends at {header.end_us} us, before its last event")
    return header, rows


def _read_header(data: object) -> TraceHeader:
    if not isinstance(data, dict):
        raise _RowError("the first line should be an object with version, servers, title, scenario and end")
    version = _part(data, "version", _is_anything)
    if type(version) is not int or version != VERSION:
        raise ScenarioError(f"this trace is of version {version!r}; this laboratory reads {VERSION}")
    servers = _part(data, "servers", _is_anything)
    check_servers(servers)
    title, scenario = _part(data, "title", _is_text), _part(data, "scenario", _is_text)
    return TraceHeader(tuple(servers), title, scenario, _part(data, "end", _is_whole))


def check_servers(servers: object) -> None:
    """Check the servers of a trace.

    Raises:
        ValueError: They are not a list of different names.
    """
    if not isinstance(servers, list) or not all(map(_is_text, servers)) or len({"", *servers}) <= len(servers):
        raise _RowError(f"'servers' is a list of different names, not {_shorten(servers)}")


def parse_row(data: object, servers: Sequence[str]) -> TraceRow:
    """Return the event that a line of JSON stands for.

    Args:
        data: The parsed line.
        servers: The names of the servers.

    Raises:
        ValueError: It is not an event, or lacks a part of it.
    """
    if not isinstance(data, dict):
        raise _RowError(f"an event should be an object, not {_shorten(data)}")
    time_us, kind, server = (_part(data, name, fits) for name, fits in EVENT.items())
    if kind not in DETAILS:
        raise _RowError(f"there is no kind of event {kind!r}")
    if server not in servers and (server or kind not in OF_THE_CLUSTER):
        raise _RowError(f"there is no server {server!r}")
    detail = {name: value for name, value in data.items() if name not in ("time", "kind", "server")}
    for name, fits in DETAILS[kind].items():
        _part(detail, name, fits)
    for name, fits in OPTIONAL.items():
        if name in detail:
            _part(detail, name, fits)
    for name in _ENDS:
        if name in detail and detail[name] not in servers:
            raise _RowError(f"there is no server {detail[name]!r}")
    return TraceRow(time_us, kind, server, detail)


def _part(data: Mapping[str, Any], name: str, fits: Fits) -> Any:
    """Return a part of a line.

    Raises:
        _RowError: It is missing, or not what it should be.
    """
    if name not in data:
        raise _RowError(f"{name!r} is missing")
    if not fits(data[name]):
        raise _RowError(f"{name!r} cannot be {_shorten(data[name])}")
    return data[name]


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
