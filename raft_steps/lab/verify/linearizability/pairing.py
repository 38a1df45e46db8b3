"""Calls and answers of processes, put together to operations, whatever the text that they stand in."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.verify.linearizability.edn import plain
from raft_steps.lab.verify.linearizability.history import Action, History, Mark, Operation

TYPES = ("invoke", "ok", "fail", "info")
FUNCTIONS: dict[str, Action] = {
    "read": "get", "get": "get", "write": "set", "put": "set", "set": "set",
    "cas": "cas", "append": "append", "delete": "delete",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a process said.

    Attributes:
        line: The line that it stands on, from 1.
        process: Which process; a text is none of the clients, but what breaks things (``:nemesis``).
        kind: invoke, ok, fail or info.
        function: What it is about: read, write, cas, get, put, append, delete.
        value: What goes with it.
        key: The key.
        has_key: Whether a key was given.
        time: When, in microseconds, where that is known.
    """

    line: int
    process: int | str
    kind: str
    function: str
    value: object = None
    key: object = None
    has_key: bool = False
    time: int | None = None


class Pairing:
    """Hears what is said, line by line, and gives the history at the end."""

    def __init__(self, *, refusals: bool = False) -> None:
        """Begin.

        Args:
            refusals: Whether a failed cas is an answer: it found another value than it expected.
        """
        self._refusals = refusals
        self._heard = 0
        self._open: dict[int, tuple[Said, Operation]] = {}
        self._gone: dict[int, int] = {}  # the processes that heard info, and on which line
        self._operations: list[Operation] = []
        self._marks: list[tuple[int, int | None, str]] = []
        self._timed = True
        self._reads_nil = self._reads_empty = False

    def hear(self, said: Said) -> None:
        """Take one line.

        Raises:
            HistoryError: It does not fit what was said before; the message names the line.
        """
        if said.kind not in TYPES:
            raise HistoryError(f"line {said.line}: :type is :invoke, :ok, :fail or :info, not {said.kind!r}")
        place, self._heard = self._heard, self._heard + 1
        if isinstance(said.process, str):
            self._marks.append((place, said.time, f"{said.process.lstrip(':')} {said.function}"))
            return
        self._timed = self._timed and said.time is not None
        if said.kind == "invoke":
            self._call(said, said.process, place)
        else:
            self._answer(said, said.process, place)

    def history(self) -> History:
        """Give the history. Whoever has not heard by now, never does."""
        found = self._operations + [operation for _, operation in self._open.values()]
        marks = [
            Mark(place * MICROSECONDS if time is None or not self._timed else time, text)
            for place, time, text in self._marks
        ]
        if not self._timed:
            found = [_by_places(op) for op in found]
        missing = "" if self._reads_empty and not self._reads_nil else None  # Porcupine's logs know no nil.
        return History(tuple(found), missing=missing, timed=self._timed, marks=tuple(marks))

    def _call(self, said: Said, process: int, place: int) -> None:
        if process in self._open:
            before = self._open[process][0].line
            raise HistoryError(
                f"line {said.line}: process {process} asks again before it heard the answer to line {before}"
            )
        if process in self._gone:
            raise HistoryError(
                f"line {said.line}: process {process} asks again after the info on line {self._gone[process]}"
            )
        if said.function not in FUNCTIONS:
            raise HistoryError(f"line {said.line}: {said.function!r} is none of {', '.join(FUNCTIONS)}")
        action = FUNCTIONS[said.function]
        expected, value = _arguments(said, action)
        self._open[process] = (
            said,
            Operation(
                client=f"process {process}",
                action=action,
                key=plain(said.key, said.line),
                value=value,
                expected=expected,
                called=said.time or 0,
                outcome="unknown",
                begin=place,
            ),
        )

    def _answer(self, said: Said, process: int, place: int) -> None:
        if process not in self._open:
            raise HistoryError(f"line {said.line}: process {process} hears {said.kind}, but it asked nothing")
        call, operation = self._open.pop(process)
        if FUNCTIONS.get(said.function) != operation.action or (said.has_key and said.key != call.key):
            raise HistoryError(f"line {said.line}: process {process} asked something else on line {call.line}")
        if said.kind == "info":
            self._gone[process] = said.line
            self._operations.append(operation)
            return
        is_refusal = self._refusals and operation.action == "cas" and said.kind == "fail"
        answer: Hashable = None
        if operation.action == "get" and said.kind == "ok":
            answer = plain(said.value, said.line)
            self._reads_nil |= answer is None
            self._reads_empty |= call.has_key and answer == ""
        elif operation.action == "cas":
            answer = not is_refusal
        ended = replace(
            operation,
            returned=max(said.time or 0, operation.called),
            outcome="ok" if said.kind == "ok" or is_refusal else "failed",
            answer=answer,
            end=place,
        )
        self._operations.append(ended)


def _arguments(said: Said, action: Action) -> tuple[Hashable, Hashable]:
    """Give what a cas expects, and the value of whatever has one."""
    if action == "cas":
        if not isinstance(said.value, tuple) or len(said.value) != 2:
            raise HistoryError(f"line {said.line}: a cas has two values, [OLD NEW], not {said.value!r}")
        return plain(said.value[0], said.line), plain(said.value[1], said.line)
    return None, None if action in ("get", "delete") else plain(said.value, said.line)


def _by_places(operation: Operation) -> Operation:
    """Let the places of call and answer stand for their times, one a second."""
    ended = None if operation.returned is None else operation.end * MICROSECONDS
    return replace(operation, called=operation.begin * MICROSECONDS, returned=ended)
