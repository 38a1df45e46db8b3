"""Where everything stands in the picture of a history: time to the right, a row for each client.

Time is stretched where much happens and squeezed where little does, as in the space-time diagram; the clock below tells
the true times. Clients that ask only once share rows where they have room.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from raft_steps.lab.pictures.svg import cut, text_width
from raft_steps.lab.text import printable
from raft_steps.lab.verify.linearizability.history import History, Mark, Operation

SIZE, MARGIN, GUTTER = 11, 14, 96  # of letters, the edges, the names' column
USUAL_WIDTH, LEAST_STEP = 620, 15
LABEL = 150  # how long the words at a bar may be
MOST_OPERATIONS = 48


@dataclass(frozen=True, slots=True)
class Bar:
    """One operation as it is drawn.

    Attributes:
        operation: The operation.
        label: The words at it.
        row: Its row, from 0.
        left: Where it begins.
        right: Where it ends.
    """

    operation: Operation
    label: str
    row: int
    left: float
    right: float


@dataclass(slots=True)
class Layout:
    """Where everything stands.

    Attributes:
        operations: The operations that are drawn.
        marks: What happened to the servers meanwhile, within the time that is drawn.
        changes: Further times that need a place of their own.
        left_out: What is said of the operations that are not drawn; empty when all are.
        rows: The names of the rows; a row that clients share has none.
        bars: The operations with their places.
        knots: The times that have a place of their own, in order.
        places: Their places, from the left.
        right: Where the time ends.
    """

    operations: tuple[Operation, ...]
    marks: tuple[Mark, ...]
    changes: tuple[int, ...] = ()
    left_out: str = ""
    rows: list[str] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    knots: list[int] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    right: float = 0

    def __post_init__(self) -> None:
        """Place moments, then rows and bars."""
        counts = Counter(op.client for op in self.operations)
        own = [client for client in counts if counts[client] > 1]
        labels = [_label(op, shared=op.client not in own) for op in self.operations]
        self._place_moments([op.client if op.client in own else "" for op in self.operations], labels)
        self._place_bars(own, labels)

    def x(self, time: int) -> float:
        """Give the place of a time."""
        after = bisect_right(self.knots, time)
        if after in (0, len(self.knots)):
            return self.places[-1 if after else 0]
        low, high = self.knots[after - 1], self.knots[after]
        share = (time - low) / (high - low)
        return self.places[after - 1] + share * (self.places[after] - self.places[after - 1])

    def _place_moments(self, clients: Sequence[str], labels: Sequence[str]) -> None:
        times = {op.called for op in self.operations} | {mark.time for mark in self.marks} | set(self.changes)
        times |= {op.returned for op in self.operations if op.returned is not None}
        self.knots = sorted(times) or [0]
        weights = [math.sqrt(later - earlier) for earlier, later in zip(self.knots, self.knots[1:], strict=False)]
        scale = USUAL_WIDTH / (sum(weights) or 1)
        begun: dict[int, list[tuple[str, str]]] = {}
        for op, client, label in zip(self.operations, clients, labels, strict=True):
            if client:
                begun.setdefault(op.called, []).append((client, label))
        free: dict[str, float] = {}
        x = GUTTER + 8.0
        for number, time in enumerate(self.knots):
            if number:
                x += max(weights[number - 1] * scale, LEAST_STEP)
            x = max([x, *(free.get(client, x) for client, _ in begun.get(time, ()))])
            for client, label in begun.get(time, ()):
                free[client] = x + text_width(label, SIZE) + 8
            self.places.append(round(x, 1))
        self.right = max([x + 24, *free.values()])

    def _place_bars(self, own: list[str], labels: Sequence[str]) -> None:
        rows = {client: number for number, client in enumerate(own)}
        self.rows = list(own)
        ends: list[float] = []  # of the rows that clients share
        for op, label in zip(self.operations, labels, strict=True):
            left = self.x(op.called)
            right = self.right if op.returned is None else max(self.x(op.returned), left + 6)
            if op.client in rows:
                row = rows[op.client]
            else:
                shared = next((n for n, end in enumerate(ends) if end <= left), len(ends))
                ends[shared : shared + 1] = [max(right, left + text_width(label, SIZE)) + 10]
                row = len(own) + shared
            self.bars.append(Bar(op, label, row, left, right))
        self.rows += [""] * len(ends)
        self.right = max([self.right, *ends])
        self.bars = [bar if bar.operation.returned is not None else replace(bar, right=self.right) for bar in self.bars]


def _label(operation: Operation, *, shared: bool) -> str:
    who = f"{operation.client.removeprefix('client')}: " if shared else ""
    return cut(f"{who}{printable(operation.told)}", LABEL, SIZE)


def lay_out(history: History, focus: Sequence[Operation], changes: Sequence[int]) -> Layout:
    """Place a history; of a long one the part around the operations in focus, or else its beginning.

    Args:
        history: The history.
        focus: The operations that must be seen: the failing part; empty for none.
        changes: Times, in microseconds, at which something about the servers changed.
    """
    drawn, left_out = history.operations, ""
    if len(drawn) > MOST_OPERATIONS:
        drawn = _around(history.operations, focus) if focus else history.operations[:MOST_OPERATIONS]
        left_out = f"Only {len(drawn)} of {len(history)} operations are drawn."
    low = min((op.called for op in drawn), default=0)
    high = max((op.returned or op.called for op in drawn), default=0)
    if not left_out:
        low, high = min([low, *changes]), max([high, *changes])
    marks = tuple(mark for mark in history.marks if low <= mark.time <= high)
    return Layout(drawn, marks, tuple(time for time in changes if low <= time <= high), left_out)


def _around(operations: Sequence[Operation], focus: Sequence[Operation]) -> tuple[Operation, ...]:
    """Give the operations in focus, and those of the same key that are nearest to them."""
    places = {op.begin for op in focus}
    first, last = min(places), max(places)
    others = [op for op in operations if op.key == focus[0].key and op.begin not in places]
    others.sort(key=lambda op: max(first - op.begin, op.begin - last, 0))
    chosen = [*focus, *others[: max(MOST_OPERATIONS // 2 - len(focus), 0)]]
    return tuple(sorted(chosen, key=lambda op: op.begin))
