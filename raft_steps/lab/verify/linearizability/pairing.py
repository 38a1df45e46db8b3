"""Combines the invocations and completions of processes into operations; all text formats use it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.verify.linearizability.edn import require_hashable
from raft_steps.lab.verify.linearizability.history import ActionName, History, Mark, Operation

TYPES = ("invoke", "ok", "fail", "info")
FUNCTIONS: dict[str, ActionName] = {
    "read": "get", "get": "get", "write": "set", "put": "set", "set": "set",
    "cas": "cas", "append": "append", "delete": "delete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProcessEvent:
    """An invocation or a completion, as Jepsen records them.

    Attributes:
        line: Its line in the text, from 1.
        process: The process: a number for a client, a text for anything else, such as ``:nemesis``.
        kind: invoke, ok, fail or info.
        function: read, write, cas, get, put, append or delete.
        value: The argument or the result.
        key: The key.
        has_key: Whether a key was given.
        time_us: When, in microseconds; None if that is not known.
    """

    line: int
    process: int | str
    kind: str
    function: str
    value: object = None
    key: object = None
    has_key: bool = False
    time_us: int | None = None


class HistoryBuilder:
    """Collects the events of a text, line by line, and builds the history."""

    def __init__(self, *, refusals: bool = False) -> None:
        """Start without events.

        Args:
            refusals: Whether a failed cas is an answer: it found another value than it expected.
        """
        self._refusals = refusals
        self._count = 0
        self._open: dict[int, tuple[ProcessEvent, Operation]] = {}
        self._ended: dict[int, int] = {}  # the line of the info that ended a process
        self._operations: list[Operation] = []
        self._marks: list[tuple[int, int | None, str]] = []
        self._timed = True
        self._reads_nil = self._reads_empty = False

    def add(self, event: ProcessEvent) -> None:
        """Add an event.

        Raises:
            HistoryError: It contradicts an earlier one; the message names the line.
        """
        if event.kind not in TYPES:
            raise HistoryError(f"line {event.line}: :type is :invoke, :ok, :fail or :info, not {event.kind!r}")
        place, self._count = self._count, self._count + 1
        if isinstance(event.process, str):
            self._marks.append((place, event.time_us, f"{event.process.lstrip(':')} {event.function}"))
            return
        self._timed = self._timed and event.time_us is not None
        if event.kind == "invoke":
            self._invoke(event, event.process, place)
        else:
            self._complete(event, event.process, place)

    def history(self) -> History:
        """Return the history. Operations that are still open never returned."""
        found = self._operations + [operation for _, operation in self._open.values()]
        marks = [
            Mark(place * MICROSECONDS if time_us is None or not self._timed else time_us, text)
            for place, time_us, text in self._marks
        ]
        if not self._timed:
            found = [_timed_by_indices(op) for op in found]
        missing = "" if self._reads_empty and not self._reads_nil else None  # Porcupine's logs have no nil.
        return History(tuple(found), missing=missing, timed=self._timed, marks=tuple(marks))

    def _invoke(self, event: ProcessEvent, process: int, place: int) -> None:
        if process in self._open:
            before = self._open[process][0].line
            raise HistoryError(
                f"line {event.line}: process {process} invokes an operation before the one on line {before} has completed"
            )
        if process in self._ended:
            raise HistoryError(
                f"line {event.line}: process {process} invokes an operation after the info on line "
                f"{self._ended[process]}, which ended it"
            )
        if event.function not in FUNCTIONS:
            raise HistoryError(f"line {event.line}: {event.function!r} is none of {', '.join(FUNCTIONS)}")
        action = FUNCTIONS[event.function]
        expected, value = _arguments(event, action)
        self._open[process] = (
            event,
            Operation(
                client=f"process {process}",
                action=action,
                key=require_hashable(event.key, event.line),
                value=value,
                expected=expected,
                called_us=event.time_us or 0,
                outcome="unknown",
                call_index=place,
            ),
        )

    def _complete(self, event: ProcessEvent, process: int, place: int) -> None:
        if process not in self._open:
            raise HistoryError(f"line {event.line}: {event.kind} for process {process}, which has no open operation")
        call, operation = self._open.pop(process)
        if FUNCTIONS.get(event.function) != operation.action or (event.has_key and event.key != call.key):
            raise HistoryError(
                f"line {event.line}: process {process} completes another operation than it invoked on line {call.line}"
            )
        if event.kind == "info":
            self._ended[process] = event.line
            self._operations.append(operation)
            return
        is_refusal = self._refusals and operation.action == "cas" and event.kind == "fail"
        answer: Hashable = None
        if operation.action == "get" and event.kind == "ok":
            answer = require_hashable(event.value, event.line)
            self._reads_nil |= answer is None
            self._reads_empty |= call.has_key and answer == ""
        elif operation.action == "cas":
            answer = not is_refusal
        completed = replace(
            operation,
            returned_us=max(event.time_us or 0, operation.called_us),
            outcome="ok" if event.kind == "ok" or is_refusal else "failed",
            answer=answer,
            return_index=place,
        )
        self._operations.append(completed)


def _arguments(event: ProcessEvent, action: ActionName) -> tuple[Hashable, Hashable]:
    """Return the value that a cas expects, and the value of any action that has one."""
    if action == "cas":
        if not isinstance(event.value, tuple) or len(event.value) != 2:
            raise HistoryError(f"line {event.line}: a cas has two values, [OLD NEW], not {event.value!r}")
        return require_hashable(event.value[0], event.line), require_hashable(event.value[1], event.line)
    return None, None if action in ("get", "delete") else require_hashable(event.value, event.line)


def _timed_by_indices(operation: Operation) -> Operation:
    """Return the operation with the indices of its call and return as its times, in seconds."""
    returned_us = None if operation.returned_us is None else operation.return_index * MICROSECONDS
    return replace(operation, called_us=operation.call_index * MICROSECONDS, returned_us=returned_us)
