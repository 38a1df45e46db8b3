"""Combines the invocations and completions of processes into operations; all text formats use it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import plural
from raft_steps.lab.verify.linearizability.edn_values import edn_text, is_named, shorten_edn
from raft_steps.lab.verify.linearizability.history import ActionName, History, Mark, Operation
from raft_steps.lab.verify.linearizability.keyed import is_pair, with_keys
from raft_steps.lab.verify.linearizability.process_events import FUNCTIONS, NEMESIS, TYPES, ProcessEvent


class HistoryBuilder:
    """Collects the events of a text and builds the history."""

    def __init__(self) -> None:
        """Start without events."""
        self._events: list[ProcessEvent] = []

    def add(self, event: ProcessEvent) -> None:
        """Add an event.

        Raises:
            HistoryError: Its type or its process is none; the message names the line.
        """
        if event.kind not in TYPES:
            raise HistoryError(f"line {event.line}: :type is :invoke, :ok, :fail or :info, not {event.kind!r}")
        if not isinstance(event.process, int) and (not is_named(event.process) or not event.client):
            what = edn_text(event.process)
            raise HistoryError(f"line {event.line}: :process is a whole number, a keyword or a text, not {what}")
        if event.is_of_nemesis and event.kind != "info" and event.action is not None:
            raise HistoryError(
                f"line {event.line}: the nemesis, which does harm to the servers, has {event.kind} for "
                f"{event.function!r}; a client has another name"
            )
        self._events.append(event)

    def history(self) -> History:
        """Return the history. Operations that are still open never returned.

        Raises:
            HistoryError: An event contradicts an earlier one, or there is no operation; the message names the line.
        """
        has_key_fields = any(event.has_key for event in self._events)
        pairing = _Pairing(reads_of_nothing_may_be_empty=has_key_fields)
        events = with_keys(self._events)
        for place, event in enumerate(events):
            pairing.add(event, place)
        is_split = not has_key_fields and any(event.has_key for event in events)
        return replace(pairing.history(), is_split=is_split)


class _Pairing:
    """Combines the events in their order."""

    def __init__(self, *, reads_of_nothing_may_be_empty: bool) -> None:
        """Start without events.

        Args:
            reads_of_nothing_may_be_empty: Whether a read of "" may be that of a missing key, as in Porcupine's logs.
        """
        self._may_be_empty = reads_of_nothing_may_be_empty
        self._open: dict[Hashable, tuple[ProcessEvent, Operation]] = {}
        self._ended: dict[Hashable, int] = {}  # the line of the info that ended a process
        self._operations: list[Operation] = []
        self._marks: list[tuple[int, int | None, str]] = []
        self._timed = True
        self._reads_nil = self._reads_empty = False

    def add(self, event: ProcessEvent, place: int) -> None:
        """Add the next event.

        Raises:
            HistoryError: It contradicts an earlier one; the message names the line.
        """
        if event.is_of_nemesis:
            self._marks.append((place, event.time_us, f"{NEMESIS} {event.function}"))
            return
        self._timed = self._timed and event.time_us is not None
        if event.kind == "invoke":
            self._invoke(event, place)
        else:
            self._complete(event, place)

    def history(self) -> History:
        """Return the history.

        Raises:
            HistoryError: It has no operation.
        """
        found = self._operations + [operation for _, operation in self._open.values()]
        if not found:
            what = f", only {plural(len(self._marks), 'event')} of the nemesis" if self._marks else ""
            raise HistoryError(f"there is no history: the text has no operation of a client{what}")
        marks = [
            Mark(place * MICROSECONDS if time_us is None or not self._timed else time_us, text)
            for place, time_us, text in self._marks
        ]
        if not self._timed:
            found = [_timed_by_indices(op) for op in found]
        missing = "" if self._reads_empty and not self._reads_nil else None  # Porcupine's logs have no nil.
        return History(tuple(found), missing=missing, timed=self._timed, marks=tuple(marks))

    def _invoke(self, event: ProcessEvent, place: int) -> None:
        client, process = event.client, event.process
        if process in self._open:
            before = self._open[process][0].line
            raise HistoryError(
                f"line {event.line}: {client} invokes an operation before the one on line {before} has completed"
            )
        if process in self._ended:
            raise HistoryError(
                f"line {event.line}: {client} invokes an operation after the info on line "
                f"{self._ended[process]}, which ended it"
            )
        if event.action is None:
            raise HistoryError(f"line {event.line}: {event.function!r} is none of {', '.join(FUNCTIONS)}")
        expected, value = _arguments(event, event.action)
        operation = Operation(
            client=client,
            action=event.action,
            key=event.key,
            value=value,
            expected=expected,
            called_us=event.time_us or 0,
            outcome="unknown",
            call_index=place,
        )
        self._open[process] = (event, operation)

    def _complete(self, event: ProcessEvent, place: int) -> None:
        if event.process not in self._open:
            raise HistoryError(f"line {event.line}: {event.kind} for {event.client}, which has no open operation")
        call, operation = self._open.pop(event.process)
        if event.action != operation.action or (event.has_key and event.key != call.key):
            raise HistoryError(
                f"line {event.line}: {event.client} completes another operation than it invoked on line {call.line}"
            )
        if event.kind == "info":
            self._ended[event.process] = event.line
            self._operations.append(operation)
            return
        is_refusal = event.is_refusal and operation.action == "cas" and event.value == call.value
        answer: Hashable = None
        if event.kind == "ok" and operation.action == "get":
            answer = self._read(event)
        elif event.kind == "ok" and event.value is not None and event.value != call.value:
            raise HistoryError(
                f"line {event.line}: {event.client} completes with {shorten_edn(event.value)}, and was invoked on line "
                f"{call.line} with {shorten_edn(call.value)}"
            )
        if operation.action == "cas":
            answer = not is_refusal
        completed = replace(
            operation,
            returned_us=max(event.time_us or 0, operation.called_us),
            outcome="ok" if event.kind == "ok" or is_refusal else "failed",
            answer=answer,
            return_index=place,
        )
        self._operations.append(completed)

    def _read(self, event: ProcessEvent) -> Hashable:
        """Return what a read answered."""
        if not event.has_value:
            raise HistoryError(f"line {event.line}: this ok has no value, so what {event.client} read is not known")
        self._reads_nil |= event.value is None
        self._reads_empty |= self._may_be_empty and event.value == ""
        return event.value


def _arguments(event: ProcessEvent, action: ActionName) -> tuple[Hashable, Hashable]:
    """Return the value that a cas expects, and the value of any action that has one."""
    if action in ("get", "delete"):
        return None, None
    if not event.has_value:
        raise HistoryError(f"line {event.line}: {event.client} invokes {event.function} without a value")
    if action == "append" and not isinstance(event.value, str):
        raise HistoryError(f"line {event.line}: an append adds a text, not {shorten_edn(event.value)}")
    if action != "cas":
        return None, event.value
    if not is_pair(event.value):
        raise HistoryError(f"line {event.line}: a cas has two values, [OLD NEW], not {shorten_edn(event.value)}")
    return event.value


def _timed_by_indices(operation: Operation) -> Operation:
    """Return the operation with the indices of its call and return as its times, in seconds."""
    returned_us = None if operation.returned_us is None else operation.return_index * MICROSECONDS
    return replace(operation, called_us=operation.call_index * MICROSECONDS, returned_us=returned_us)
