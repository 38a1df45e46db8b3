"""A history: what clients asked, when, and what they heard. It does not know what the answers should have been.

Times are whole microseconds inside and seconds outside. Beside its times every operation has its places in the order of
all calls and answers: two things at the same microsecond may still be one after the other, and a log without clocks
has its order alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.scenario.model import MICROSECONDS

if TYPE_CHECKING:
    from raft_steps.lab.trace.trace import Trace

Action = Literal["set", "get", "delete", "append", "cas"]
Outcome = Literal["ok", "failed", "unknown"]

# How many words follow each action after its key: set KEY VALUE, cas KEY EXPECTED VALUE.
WORDS: dict[Action, int] = {"set": 1, "get": 0, "delete": 0, "append": 1, "cas": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that a client asked.

    Attributes:
        client: Who asked.
        action: set, get, delete, append or cas (compare-and-set).
        key: What it was about; None where there is one register without a name.
        value: What a set stores, an append adds, a cas puts in place of what it expects.
        expected: What a cas expects to find.
        called: When it was asked, in microseconds.
        returned: When it was answered, in microseconds; None if it never was.
        answer: For a get, what was read; for a cas, whether it found what it expected.
        outcome: ok; failed, when it is known not to have happened; unknown, when it may take effect at any time after
            the call, or never.
        begin: The place of the call in the order of all calls and answers; a history gives it where it is -1.
        end: The place of the answer, or -1.
    """

    client: str
    action: Action
    key: Hashable = None
    value: Hashable = None
    expected: Hashable = None
    called: int = 0
    returned: int | None = None
    answer: Hashable = None
    outcome: Outcome = "ok"
    begin: int = -1
    end: int = -1

    @classmethod
    def parse(
        cls,
        text: str,
        client: str,
        asked: float,
        answered: float | None = None,
        answer: Hashable = None,
        **more: Outcome,
    ) -> Operation:
        """Build an operation from words, such as ``set x 1``, ``get x``, ``cas x 1 2``.

        Args:
            text: What was asked; values are text.
            client: Who asked.
            asked: When, in seconds.
            answered: When it was answered, in seconds; None makes the outcome unknown.
            answer: What a get read; whether a cas found what it expected (True by default).
            more: ``outcome``, where it is neither ok nor, without an answer, unknown.

        Raises:
            HistoryError: The words are none of the five actions, or it was answered before it was asked.
        """
        action, *words = shlex.split(text)
        if action not in WORDS or len(words) != WORDS[action] + 1:
            raise HistoryError(
                f"{text!r} is no operation; there are set K V, get K, delete K, append K V, cas K OLD NEW"
            )
        if answered is not None and answered < asked:
            raise HistoryError(f"{text!r} of {client} is answered at {answered} s, before it is asked at {asked} s")
        outcome: Outcome = more.get("outcome") or ("unknown" if answered is None else "ok")
        if action == "cas" and outcome == "ok" and answer is None:
            answer = True
        return cls(
            client=client,
            action=action,
            key=words[0],
            value=words[-1] if WORDS[action] else None,
            expected=words[1] if action == "cas" else None,
            called=round(asked * MICROSECONDS),
            returned=None if answered is None else round(answered * MICROSECONDS),
            answer=answer,
            outcome=outcome,
        )

    @property
    def words(self) -> str:
        """What was asked, as a client would type it."""
        parts = [part for part in (self.key,) if part is not None]
        parts += [self.expected] if self.action == "cas" else []
        parts += [self.value] if WORDS[self.action] else []
        return " ".join([self.action, *(spell(part) for part in parts)])

    @property
    def told(self) -> str:
        """What was asked and what came of it: ``get x → 1``, ``set x 2 ?``."""
        if self.outcome == "failed":
            return f"{self.words} failed"
        if self.outcome == "unknown":
            return f"{self.words} ?"
        if self.action == "get":
            return f"{self.words} → {spell(self.answer)}"
        return f"{self.words} → no" if self.action == "cas" and self.answer is False else self.words

    @property
    def is_read(self) -> bool:
        """Whether it is known to have changed nothing: a get, or a cas that did not find what it expected."""
        return self.action == "get" or (self.action == "cas" and self.outcome == "ok" and self.answer is False)

    def weakened(self) -> Operation:
        """Give the same call with nothing known of its fate: it may take effect at any time after it, or never."""
        return replace(self, outcome="unknown", returned=None, end=-1, answer=None)


def spell(value: Hashable) -> str:
    """Spell a value on one line; text that could be taken for something else has quotation marks."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return shlex.quote(value) if value != "nothing" else "'nothing'"
    if isinstance(value, tuple):
        return f"[{' '.join(spell(item) for item in value)}]"
    return str(value)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened to the servers meanwhile: a crash, a partition.

    Attributes:
        time: When, in microseconds.
        text: What, in a few words.
    """

    time: int
    text: str


@dataclass(frozen=True, slots=True)
class History:
    """What clients asked and heard.

    Attributes:
        operations: The operations, in the order of their calls.
        missing: What a get answers for a key that is not there.
        timed: Whether the times are times; if not, they only count calls and answers, one a second.
        marks: What happened to the servers meanwhile.
        trace: The run that it was taken from, for pictures; None for a history from elsewhere.
    """

    operations: tuple[Operation, ...]
    missing: Hashable = None
    timed: bool = True
    marks: tuple[Mark, ...] = ()
    trace: Trace | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Give every operation its places, and put them in the order of their calls."""
        object.__setattr__(self, "operations", _placed(self.operations))

    def __len__(self) -> int:
        """Count the operations."""
        return len(self.operations)

    def __iter__(self) -> Iterator[Operation]:
        """Go through the operations in the order of their calls."""
        return iter(self.operations)

    def by_key(self) -> dict[Hashable, list[Operation]]:
        """Give the operations of each key, in the order of their calls; keys in the order of their first call."""
        parts: dict[Hashable, list[Operation]] = {}
        for operation in self.operations:
            parts.setdefault(operation.key, []).append(operation)
        return parts

    def clock(self, time: int) -> str:
        """Spell one of its times: seconds, or which call or answer it was."""
        if not self.timed:
            return f"event {time // MICROSECONDS}"
        return f"{time / MICROSECONDS:.3f}".rstrip("0").rstrip(".") + " s"

    def __repr__(self) -> str:
        lines = [
            f"{op.client:>10}  {op.told:<24}  {self.clock(op.called)} – "
            + ("no answer" if op.returned is None else self.clock(op.returned))
            for op in self.operations
        ]
        return "\n".join([f"history of {len(self)} operations", *lines])


def _placed(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    """Give places by time where there are none. At one moment, calls come before answers: they count as concurrent."""
    found = list(operations)
    by_time = any(op.begin < 0 for op in found)
    moments = [(op.called if by_time else op.begin, 0, number) for number, op in enumerate(found)]
    for number, op in enumerate(found):
        if op.returned is not None:
            moments.append((op.returned if by_time else op.end, 1, number))
        elif op.outcome == "ok":
            raise HistoryError(f"{op.words} by {op.client} is ok, but it has no answer")
    if by_time or len({place for place, _, _ in moments}) < len(moments):
        places = {(is_answer, number): place for place, (_, is_answer, number) in enumerate(sorted(moments))}
        found = [replace(op, begin=places[0, n], end=places.get((1, n), -1)) for n, op in enumerate(found)]
    for op in found:
        if op.outcome == "ok" and op.end <= op.begin:
            raise HistoryError(f"{op.words} by {op.client} is ok, but its answer does not come after its call")
    return tuple(sorted(found, key=lambda op: op.begin))
