"""Merges the traces of real servers event by event, for runs that are too long to be held in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import parse_json
from raft_steps.lab.trace.merge import check_same_run, read_header
from raft_steps.lab.trace.parsing import parse_row
from raft_steps.lab.trace.trace import Event


class MergedEvents:
    """The events of a cluster, from one file for each server, in which its lives follow each other.

    Iterating reads the files; only the next event of each is held. Times begin with the first event.

    Attributes:
        servers: The names of the servers.
        logs_on_disk: While a crash is the current event: the details with which its server restarts, its log among them, by
            the event's number.
    """

    def __init__(self, files: Sequence[Path], more: Iterable[Event] = ()) -> None:
        """Read the headers.

        Args:
            files: The files, one for each server that was ever started.
            more: Events of the whole cluster, such as partitions, in order and by the same clock.

        Raises:
            ScenarioError: A file is not a trace of a real server, or they do not belong together.
        """
        if not files:
            raise ScenarioError("there is no trace to merge")
        self._files, self._more = list(files), list(more)
        headers = [(file.name, _first_header(file)) for file in self._files]
        check_same_run(headers)
        self.servers: tuple[str, ...] = tuple(headers[0][1]["servers"])
        self.logs_on_disk: dict[int, dict[str, Any]] = {}

    def __iter__(self) -> Iterator[Event]:
        """Iterate over the events.

        Raises:
            ScenarioError: A line is not an event, or an event is earlier than the one before it in its file.
        """
        # Of equal times, the earlier stream comes first, so that what one event caused stays together.
        streams = [((event, None) for event in self._more), *map(_events_of, self._files)]
        merged = heapq.merge(*streams, key=lambda item: item[0].time_us)
        start_us: int | None = None
        for number, (event, log) in enumerate(merged):
            start_us = event.time_us if start_us is None else start_us
            event.number, event.time_us = number, event.time_us - start_us
            if log is not None:
                self.logs_on_disk[number] = log
            yield event
            self.logs_on_disk.pop(number, None)


LINE_MAX = 64 * 2**20  # characters of an event; a restart has the whole log
_Item = tuple[Event, dict[str, Any] | None]


def _first_header(file: Path) -> dict[str, Any]:
    with file.open(encoding="utf-8", newline="\n") as lines:
        return _header(file, 1, parse_json(next(_lines_of(lines, file), "null")))


def _lines_of(opened: IO[str], file: Path) -> Iterator[str]:
    """Iterate over the lines of a file.

    Raises:
        ScenarioError: A line is longer than any event: the file is something else, such as a device without an end.
    """
    number = 0
    while line := opened.readline(LINE_MAX):
        number += 1
        if len(line) == LINE_MAX:
            raise ScenarioError(f"{file.name}, line {number}: this is not a line of a server's trace, it is too long")
        yield line


def _header(file: Path, number: int, row: Any) -> dict[str, Any]:
    try:
        return read_header(row)
    except (ValueError, TypeError) as error:
        raise ScenarioError(f"{file.name}, line {number}: {error}") from error


def _events_of(file: Path) -> Iterator[_Item]:
    """Iterate over the events of a server; a crash comes with the log with which it restarts.

    A life that ends without a crash was killed: its crash is at the time of its last event.
    """
    last: Event | None = None  # held back until it is known whether a crash has to follow, and with which log
    with file.open(encoding="utf-8", newline="\n") as lines:
        servers: Sequence[str] = ()
        for number, line in enumerate(_lines_of(lines, file), 1):
            if not line.endswith("\n"):
                break  # The server was killed while it wrote this line: its effects never left.
            try:
                row = parse_json(line)
                if "version" in row:
                    servers = _header(file, number, row)["servers"]
                    continue
                event = Event(0, *parse_row(row, servers))
            except (ValueError, TypeError) as error:
                raise ScenarioError(
                    f"{file.name}, line {number}: this is not a line of a server's trace ({error})"
                ) from error
            if last is not None:
                if event.time_us < last.time_us:
                    raise ScenarioError(f"{file.name}, line {number}: this event is earlier than the one before it")
                yield from _with_crash(last, event)
            last = event
    if last is not None:
        yield last, None


def _with_crash(last: Event, following: Event) -> Iterator[_Item]:
    if following.kind != "restarted":
        yield last, None
        return
    if last.kind != "crashed":
        yield last, None
        last = Event(0, last.time_us, "crashed", last.server, {})
    yield last, following.detail
