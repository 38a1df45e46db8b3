"""A history: what clients asked, when, and what they were answered. Whether the answers are right is up to a model.

Times are stored in whole microseconds; people read and write them in seconds. Besides its times, every operation has the
indices of its call and its return in the order of all calls and returns: two events in the same microsecond may still
have an order, and a log without times has nothing else.
"""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from raft_steps.lab.commands import Append, CompareAndSet, Delete, Get, Mismatch, Ok, Response, Set, Write
from raft_steps.lab.errors import HistoryError
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import printable

if TYPE_CHECKING:
    from raft_steps.lab.trace.trace import Trace

ActionName = Literal["set", "get", "delete", "append", "cas"]
Outcome = Literal["ok", "failed", "unknown"]

# How many words follow each action after its key: set KEY VALUE, cas KEY EXPECTED VALUE.
WORDS: dict[ActionName, int] = {"set": 1, "get": 0, "delete": 0, "append": 1, "cas": 2}
ACTIONS: dict[type[Write | Get], ActionName] = {
    Set: "set", Get: "get", Delete: "delete", Append: "append", CompareAndSet: "cas"
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request of a client, from call to return.

    Attributes:
        client: Who asked.
        action: set, get, delete, append or cas (compare-and-set).
        key: The key; None for a single register without a name.
        value: What a set stores, what an append adds, or what a cas puts in place of the value that it expects.
        expected: The value that a cas expects.
        called_us: When it was called, in microseconds.
        returned_us: When it returned, in microseconds; None if it never did.
        answer: What a get read; whether a cas found what it expected; what the key held after an append, if that is known.
        outcome: ok; failed, if it is known not to have happened; unknown, if it may take effect at any time after the
            call, or never.
        call_index: The place of the call in the order of all calls and returns; -1 until it is part of a history.
        return_index: The place of the return, or -1.
    """

    client: str
    action: ActionName
    key: Hashable = None
    value: Hashable = None
    expected: Hashable = None
    called_us: int = 0
    returned_us: int | None = None
    answer: Hashable = None
    outcome: Outcome = "ok"
    call_index: int = -1
    return_index: int = -1

    @classmethod
    def parse(
        cls,
        text: str,
        client: str,
        called_s: float,
        returned_s: float | None = None,
        answer: Hashable = None,
        *,
        outcome: Outcome | None = None,
    ) -> Operation:
        """Build an operation from text, such as ``set x 1``, ``get x``, ``cas x 1 2``.

        Args:
            text: The request; values are text.
            client: Who asked.
            called_s: When it was called, in seconds.
            returned_s: When it returned, in seconds; without it the outcome is unknown.
            answer: What a get read; whether a cas found what it expected (True by default).
            outcome: The outcome; by default ok, or unknown if it never returned.

        Raises:
            HistoryError: The text is not one of the five actions, or the operation returned before it was called.
        """
        try:
            action, *words = shlex.split(text) or [""]
        except ValueError:  # A quotation mark is missing.
            action, words = "", []
        if action not in WORDS or len(words) != WORDS[action] + 1:
            raise HistoryError(
                f"{text!r} is not an operation; there are set K V, get K, delete K, append K V, cas K OLD NEW"
            )
        if returned_s is not None and returned_s < called_s:
            raise HistoryError(
                f"{text!r} of {client} is answered at {returned_s} s, before it is asked at {called_s} s"
            )
        outcome = outcome or ("unknown" if returned_s is None else "ok")
        if action == "cas" and outcome == "ok" and answer is None:
            answer = True
        return cls(
            client=client,
            action=action,
            key=words[0],
            value=words[-1] if WORDS[action] else None,
            expected=words[1] if action == "cas" else None,
            called_us=round(called_s * MICROSECONDS),
            returned_us=None if returned_s is None else round(returned_s * MICROSECONDS),
            answer=answer,
            outcome=outcome,
        )

    @classmethod
    def of_request(cls, client: str, request: Write | Get, response: Response | None = None, **parts: Any) -> Operation:
        """Build an operation from a client's request to a server, and the response to it, if it has one.

        Args:
            client: Who asked.
            request: The request, without its session.
            response: The response, if the outcome is ok.
            parts: The other fields of the operation.
        """
        answer: Hashable = None
        if isinstance(request, CompareAndSet) and response is not None:
            answer = not isinstance(response, Mismatch)
        elif isinstance(request, Get | Append) and isinstance(response, Ok):
            answer = response.value
        return cls(
            client=client,
            action=ACTIONS[type(request)],
            key=request.key,
            value=getattr(request, "value", None),
            expected=getattr(request, "expected", None),
            answer=answer,
            **parts,
        )

    @property
    def request(self) -> str:
        """The request as a client would type it: ``set x 1``."""
        parts = [part for part in (self.key,) if part is not None]
        parts += [self.expected] if self.action == "cas" else []
        parts += [self.value] if WORDS[self.action] else []
        return " ".join([self.action, *(format_value(part) for part in parts)])

    @property
    def description(self) -> str:
        """The request with its answer or outcome: ``get x → 1``, ``set x 2 ?``."""
        if self.outcome == "failed":
            return f"{self.request} failed"
        if self.outcome == "unknown":
            return f"{self.request} ?"
        if self.action == "get" or (self.action == "append" and self.answer is not None):
            return f"{self.request} → {format_value(self.answer)}"
        return f"{self.request} → no" if self.action == "cas" and self.answer is False else self.request

    @property
    def is_read(self) -> bool:
        """Whether it is known to have changed nothing: a get, or a cas that did not find what it expected."""
        return self.action == "get" or (self.action == "cas" and self.outcome == "ok" and self.answer is False)

    @property
    def observed(self) -> Hashable:
        """The value that a get found, or that a successful cas must have found; meaningless for other operations."""
        return self.answer if self.action == "get" else self.expected

    def with_unknown_outcome(self) -> Operation:
        """Return the same call without its return: it may take effect at any time after the call, or never."""
        return replace(self, outcome="unknown", returned_us=None, return_index=-1, answer=None)


def format_value(value: Hashable) -> str:
    """Format a value on one line; text that could be mistaken for something else is quoted."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return shlex.quote(value) if value != "nothing" else "'nothing'"
    if isinstance(value, tuple):
        return f"[{' '.join(format_value(item) for item in value)}]"
    return printable(str(value))


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to the servers meanwhile, such as a crash or a partition.

    Attributes:
        time_us: When, in microseconds.
        text: What, in a few words.
    """

    time_us: int
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """The operations of all clients.

    Attributes:
        operations: The operations, in the order of their calls.
        missing: What a get answers for a key that does not exist.
        timed: Whether the times are real; if not, they only count calls and returns, one a second.
        marks: What happened to the servers meanwhile.
        is_split: Whether it is of many registers, one for each key, as jepsen.independent tests them.
        trace: The run that the history comes from, for pictures; None if it comes from elsewhere.
    """

    operations: tuple[Operation, ...]
    missing: Hashable = None
    timed: bool = True
    marks: tuple[Mark, ...] = ()
    is_split: bool = False
    trace: Trace | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Order the operations by their calls, and number calls and returns."""
        object.__setattr__(self, "operations", _with_indices(self.operations))

    def __len__(self) -> int:
        """Return the number of operations."""
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        """Iterate over the operations in the order of their calls."""
        return iter(self.operations)

    def by_key(self) -> dict[Hashable, list[Operation]]:
        """Return the operations of each key in the order of their calls; keys in the order of their first call."""
        parts: dict[Hashable, list[Operation]] = {}
        for operation in self.operations:
            parts.setdefault(operation.key, []).append(operation)
        return parts

    def format_time(self, time_us: int) -> str:
        """Format a time of this history: in seconds, or as the number of a call or return if the times are not real."""
        if not self.timed:
            return f"event {time_us // MICROSECONDS}"
        return f"{time_us / MICROSECONDS:.3f}".rstrip("0").rstrip(".") + " s"

    def __repr__(self) -> str:
        lines = [
            f"{op.client:>10}  {op.description:<24}  {self.format_time(op.called_us)} – "
            + ("no answer" if op.returned_us is None else self.format_time(op.returned_us))
            for op in self.operations
        ]
        return "\n".join([f"history of {len(self)} operations", *lines])


def _with_indices(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Number the calls and returns, by time if some have no index yet, and check each operation.

    At the same time, calls come before returns, so operations that touch count as concurrent: only an order that was
    observed may be used as evidence against the servers.
    """
    found = list(operations)
    by_time = any(op.call_index < 0 for op in found)
    moments = [(op.called_us if by_time else op.call_index, 0, number) for number, op in enumerate(found)]
    for number, op in enumerate(found):
        if op.returned_us is not None:
            moments.append((op.returned_us if by_time else op.return_index, 1, number))
        elif op.outcome == "ok":
            raise HistoryError(f"{op.request} by {op.client} is ok, but it has no answer")
    if by_time or len({place for place, _, _ in moments}) < len(moments):
        places = {(is_return, number): place for place, (_, is_return, number) in enumerate(sorted(moments))}
        found = [
            replace(op, call_index=places[0, n], return_index=places.get((1, n), -1)) for n, op in enumerate(found)
        ]
    for op in found:
        if op.outcome == "ok" and op.return_index <= op.call_index:
            raise HistoryError(f"{op.request} by {op.client} is ok, but its answer does not come after its call")
    return tuple(sorted(found, key=lambda op: op.call_index))
