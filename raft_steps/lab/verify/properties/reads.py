"""The rule about reads: what clients read fits one server that handles one request at a time.

The check has two parts. The first one is quick and right about nearly every read: the order of the log explains the
answer, because some write that the read may see, in that order, left the value. If it does not, the second part decides:
a search for any order that explains all answers so far. So no read is called stale unless no order explains it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.commands import (
    Get,
    InSession,
    Mismatch,
    Ok,
    Request,
    Response,
    Write,
    command_text,
    operation_of,
)
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.text import plural
from raft_steps.lab.verify.linearizability.history import Operation, format_value
from raft_steps.lab.verify.linearizability.models import KeyValueModel, value_after
from raft_steps.lab.verify.linearizability.search import Budget, OutOfBudgetError, find_order
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import ReportBroken

# How many steps a search may take. A history that needs more is reported as one that could not be judged.
STEPS_MAX = 20_000
MODEL = KeyValueModel()
Place = tuple[int, str | None]  # the index of a write that was applied, and what its key held then


@dataclass(slots=True)
class _Call:
    """A request, with its places in the order of all calls and returns.

    Attributes:
        request: The request, as the client sent it.
        operation: What it does to the key.
        called: The place of its call.
        least: The index of the last write or read of its key that was answered before.
        returned: The place of its answer; -1 without one.
        response: The answer.
    """

    request: Request
    operation: Write | Get
    called: int
    least: int = 0
    returned: int = -1
    response: Response | None = None


@dataclass(slots=True)
class _Key:
    """What happened to a key.

    Attributes:
        writes: The writes that were applied, by index.
        calls: The requests, by client, in the order of their calls.
        stored: The commands that were in a log before the run.
        least: The index of the last write or read that was answered.
        needs_search: Whether the order of the log does not explain all answers.
    """

    writes: list[Place] = field(default_factory=lambda: [(0, None)])
    calls: dict[str, _Call] = field(default_factory=dict)
    stored: list[Write] = field(default_factory=list)
    least: int = 0
    needs_search: bool = False


class ReadRule:
    """Remembers requests, answers and applied writes by key, and checks each answer to a read."""

    def __init__(self, report: ReportBroken, report_unjudged: Callable[[str], None]) -> None:
        """Start before the first request.

        Args:
            report: Called when the rule is broken.
            report_unjudged: Called with a sentence when a read cannot be judged.
        """
        self._report, self._report_unjudged = report, report_unjudged
        self._keys: dict[str, _Key] = {}
        self._key_of: dict[str, _Key] = {}  # by client
        self._applied: dict[int, int] = {}  # the index of a command, by its identity
        self._commands: list[Request] = []  # so that no identity is used twice
        self._seen: set[int] = set()  # indices at which something was applied
        self._in_sessions: set[tuple[int, int]] = set()  # the commands of sessions that were applied
        self._count = 0

    def store_first(self, log: Log) -> None:
        """Note the entries that a server has on disk before the run."""
        for entry in log:
            command = operation_of(entry.command)
            if command is not None and not isinstance(command, Get):
                stored = self._key(command.key).stored
                if command not in stored:
                    stored.append(command)

    def ask(self, client: str, request: Request) -> None:
        """Note that a client asks; a client that asks again still has its first call."""
        operation = operation_of(request)
        if operation is None:
            return
        key = self._key_of[client] = self._key(operation.key)
        if client not in key.calls:
            self._count += 1
            key.calls[client] = _Call(request, operation, self._count, key.least)

    def apply(self, entry: Any) -> None:
        """Note that a server applies an entry."""
        if not isinstance(entry, Entry) or entry.index in self._seen:
            return
        self._seen.add(entry.index)
        command = operation_of(entry.command)
        if command is None or isinstance(command, Get) or entry.command is None or self._is_repeated(entry.command):
            return
        writes = self._key(command.key).writes
        insort(writes, (entry.index, value_after(writes[-1][1], command)), key=lambda place: place[0])
        self._applied.setdefault(id(entry.command), entry.index)
        self._commands.append(entry.command)

    def _is_repeated(self, command: Request) -> bool:
        """Return whether this command of a session was applied before: then it changes nothing."""
        if not isinstance(command, InSession):
            return False
        place = (command.session, command.serial)
        is_repeated = place in self._in_sessions
        self._in_sessions.add(place)
        return is_repeated

    def answer(self, name: str, client: str, response: Response, now_us: int) -> None:
        """Check a server's answer to a client."""
        key = self._key_of.pop(client, None)
        if key is None:
            return
        call = key.calls[client]
        self._count += 1
        is_read = isinstance(call.request, Get)
        if call.returned != -1 or not isinstance(response, Ok if is_read else Ok | Mismatch):
            return
        call.response, call.returned = response, self._count
        if not is_read:
            index = self._applied.get(id(call.request))
            if index is None:  # It was not applied, or the Node has copied the request.
                key.needs_search = True
            else:
                key.least = max(key.least, index)
            return
        index = None if key.needs_search else _place_of(key, call.least, response.value)
        if index is not None:
            key.least = max(key.least, index)
            return
        key.needs_search = True
        found = self._is_explained(key)
        if found is None:
            self._report_unjudged(
                f"whether reads of {call.operation.key!r} are linearizable could not be judged at {format_seconds(now_us)} s: "
                f"the search for an order of {plural(len(key.calls), 'request')} ended after {STEPS_MAX:,} steps"
            )
        elif not found:
            text = f"{name} answers {command_text(call.request)!r} with {format_value(response.value)}"
            self._report(rules.LINEARIZABLE_READS, now_us, text + _why(key, call), name)

    def _key(self, name: str) -> _Key:
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = _Key()
        return found

    def _is_explained(self, key: _Key) -> bool | None:
        """Return whether some order explains all answers about a key so far; None if the search ran out of steps."""
        operations = [_stored(number, command) for number, command in enumerate(key.stored)]
        operations += [_operation(client, call) for client, call in key.calls.items()]
        try:
            return find_order(operations, MODEL, Budget(STEPS_MAX)).order is not None
        except OutOfBudgetError:
            return None


def _place_of(key: _Key, least: int, value: str | None) -> int | None:
    """Return the first index from one on after which a key had this value; None if there is none."""
    first = bisect_left(key.writes, least, key=lambda place: place[0])
    if first == len(key.writes) or key.writes[first][0] > least:
        first -= 1  # The write before still holds there.
    for index, found in key.writes[first:]:
        if found == value:
            return max(index, least)
    return None


def _stored(number: int, command: Write) -> Operation:
    return Operation.of_request(f"disk {number}", command, outcome="unknown", call_index=0)


def _operation(client: str, call: _Call) -> Operation:
    """Return a request as an operation of a history. A refused write may still take effect: a server may have stored it."""
    is_known = call.response is not None
    return Operation.of_request(
        client,
        call.operation,
        call.response,
        outcome="ok" if is_known else "unknown",
        call_index=call.called,
        return_index=call.returned,
    )


def _why(key: _Key, call: _Call) -> str:
    """Describe what contradicts an answer: the last write that was acknowledged before the client asked."""
    before = [
        each
        for each in key.calls.values()
        if -1 < each.returned < call.called and not isinstance(each.request, Get) and isinstance(each.response, Ok)
    ]
    if not before:
        return ", and no order of the requests explains that."
    last = max(before, key=lambda each: each.returned)
    return f", and {command_text(last.request)!r} was acknowledged before that was asked."
