"""The picture of a check: a history as bars, below the servers and the faults of the run.

A bar lasts from call to return. In a history that is linearizable, numbers show where each operation may have taken
effect; in one that is not, the smallest failing part has a heavy edge and a sign, and the rest is pale.

Time runs to the right, stretched where much happens and compressed where little does, as in the space-time diagram; the
clock below shows the true times. A client with several operations has a row; those with one operation share rows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from raft_steps.lab.pictures.signs import TEXT_STYLE, WALL, draw_sign
from raft_steps.lab.pictures.style import ALARM, BADGE, FONT_SIZE, INK, LINE, PALE_LINE, PAPER, ROLES, TERM_TINTS
from raft_steps.lab.pictures.svg import Drawing, Picture, cut, text_width, wrap
from raft_steps.lab.text import plural, printable
from raft_steps.lab.trace.trace import Moment, ServerState, Trace, advance
from raft_steps.lab.verify.linearizability.finding import Finding, effect_times
from raft_steps.lab.verify.linearizability.history import History, Mark, Operation
from raft_steps.lab.verify.linearizability.report import explanation, on_key, report

MARGIN, GUTTER = 14, 96  # at the edges; the column of names
USUAL_WIDTH, MIN_STEP = 620, 15  # of the time axis; between two times on it
LABEL_WIDTH = 150  # of the text above a bar, at most
MAX_OPERATIONS = 48
LANE = 26
ROW, BAR = 36, 12
MARK_ROWS, MARK_ROW, MARK_WIDTH = 4, 14, 300
WRITE = TERM_TINTS[1]

# g: a write; h: a read; z: pale; j: of the failing part; l: a fault; v: its text; c: the circle of a number.
STYLE = (
    TEXT_STYLE
    + f".g{{fill:{WRITE};stroke:{INK}}}.h{{fill:{PAPER};stroke:{INK}}}.z{{stroke:{PALE_LINE}}}"
    + f".j{{fill:none;stroke:{ALARM};stroke-width:3}}.l{{fill:none;stroke:{WALL};stroke-width:1.5;stroke-dasharray:5 3}}"
    + f".c{{fill:{PAPER};stroke:{INK};stroke-width:1.3}}.v{{fill:{WALL}}}"
)


def draw_finding(finding: Finding, trace: Trace | None, title: str) -> Picture:
    """Draw the result of a check.

    Args:
        finding: The result.
        trace: The run, for the servers; None for a history from elsewhere.
        title: The title of the picture; by default the verdict.
    """
    lanes = role_intervals(trace) if trace is not None else {}
    changes = sorted({interval.begin_us for lane in lanes.values() for interval in lane if interval.role})
    layout = lay_out(finding.history, finding.failing, changes)
    title = title or _verdict(finding)
    painter = _HistoryPainter(finding, layout, lanes)
    alt = f"{title}: {_verdict(finding)}" if title != _verdict(finding) else title
    alt += f", with {plural(len(layout.marks), 'fault')} of the servers" if layout.marks else ""
    if finding.failing:
        alt += f". {explanation(finding)}"
    marks = [f"{finding.history.format_time(mark.time_us):>9}  {mark.text}" for mark in layout.marks]
    summary = "\n".join([*([title] if title != _verdict(finding) else []), report(finding), *marks])
    return Picture(painter.paint(title).svg(alt), alt, summary)


def _verdict(finding: Finding) -> str:
    counted = plural(len(finding.history), "operation")
    words = {"ok": f"{counted}, linearizable", "unknown": f"{counted}, undecided"}
    return words.get(finding.verdict, f"{counted}, not linearizable{on_key(finding.key)}")


class _HistoryPainter:
    """Draws the picture of one finding."""

    def __init__(self, finding: Finding, layout: HistoryLayout, lanes: Mapping[str, list[RoleInterval]]) -> None:
        self.finding, self.layout, self.lanes = finding, layout, lanes
        self.history: History = finding.history
        self.failing = {op.call_index for op in finding.failing}
        self.width = max(layout.right + MARGIN, 480)
        self.drawing = Drawing(self.width, style=STYLE)

    def paint(self, title: str) -> Drawing:
        """Draw everything, from top to bottom."""
        drawing, y = self.drawing, 14.0
        heads = [(line, "n") for line in wrap(title, self.width - 2 * MARGIN, 13, 2)]
        reason = explanation(self.finding) if self.finding.failing else ""
        heads += [(line, "a") for line in wrap(reason, self.width - 2 * MARGIN, FONT_SIZE * 1.08, 3)] if reason else []
        heads += [(self.layout.left_out, "f")] if self.layout.left_out else []
        for words, look in heads:
            drawing.text(MARGIN, y + 12, words, class_=look)
            y += 18
        top, flags = self._mark_names(y + 6)
        servers_end = top + LANE * len(self.lanes) + (8 if self.lanes else 0)
        bottom = servers_end + ROW * len(self.layout.rows) + 6
        self._clock(top, bottom)
        for place, y_of_flag in flags:
            drawing.path("M", place, y_of_flag, "V", bottom, class_="l")
        for number, (name, lane) in enumerate(self.lanes.items()):
            middle = top + LANE * number + LANE / 2
            drawing.text(MARGIN, middle + 4, cut(name, GUTTER - MARGIN - 16, 13), class_="n")
            draw_lane(drawing, lane, self.layout.x, middle, self.layout.right)
        self._rows(servers_end)
        self._numbers(servers_end)
        drawing.height = self._legend(bottom + 34)
        return drawing

    def _mark_names(self, y: float) -> tuple[float, list[tuple[float, float]]]:
        """Write what happened to the servers, in rows in which no text covers another.

        Returns:
            The height at which the rows end, and the place and height at which the line of each mark begins.
        """
        ends = [0.0] * MARK_ROWS
        flags = []
        used = 0
        for mark in self.layout.marks:
            place, words = self.layout.x(mark.time_us), cut(mark.text, MARK_WIDTH, FONT_SIZE)
            row = next((n for n, end in enumerate(ends) if end <= place), ends.index(min(ends)))
            left = min(
                max(place, ends[row]), max(self.width - MARGIN - text_width(words, FONT_SIZE), place - MARK_WIDTH)
            )
            ends[row] = left + text_width(words, FONT_SIZE) + 10
            used = max(used, row + 1)
            self.drawing.text(left, y + 10 + MARK_ROW * row, words, class_="v")
            flags.append((place, y + 13 + MARK_ROW * row))
        return y + MARK_ROW * used + 6, flags

    def _clock(self, top: float, bottom: float) -> None:
        """Write the times below the bars, as far as there is room for them."""
        free = 0.0
        for knot, place in zip(self.layout.knots, self.layout.places, strict=True):
            words = self.history.format_time(knot)
            if place < free or place + text_width(words, FONT_SIZE) / 2 > self.width - 4:
                continue
            self.drawing.path("M", place, top, "V", bottom + 4, stroke=PALE_LINE, stroke_width=0.6)
            self.drawing.text(place, bottom + 17, words, class_="m f")
            free = place + text_width(words, FONT_SIZE) + 14
        self.drawing.path("M", GUTTER, bottom, "H", self.layout.right, stroke=LINE)

    def _rows(self, top: float) -> None:
        for number, name in enumerate(self.layout.rows):
            words = name or ("clients" if number == 0 or self.layout.rows[number - 1] else "")
            self.drawing.text(MARGIN, top + ROW * number + 27, cut(words, GUTTER - MARGIN - 6, FONT_SIZE), class_="b")
        for bar in self.layout.bars:
            self._bar(bar, top + ROW * bar.row)

    def _bar(self, bar: OperationBar, top: float) -> None:
        op, y = bar.operation, top + 16
        is_pale = bool(self.failing) and op.call_index not in self.failing
        look = ("h" if op.is_read else "g") + (" z" if is_pale or op.outcome == "failed" else "")
        if op.returned_us is None:  # Open to the right: it may take effect at any later time.
            self.drawing.path(
                "M", bar.right, y, "H", bar.left, "V", y + BAR, "H", bar.right, class_=look, stroke_dasharray="5 3"
            )
        elif op.outcome == "failed":
            self.drawing.rectangle(bar.left, y, bar.right - bar.left, BAR, class_=look, stroke_dasharray="2 2")
        else:
            self.drawing.rectangle(bar.left, y, bar.right - bar.left, BAR, class_=look)
        if op.call_index in self.failing:
            self.drawing.rectangle(bar.left - 3, y - 3, bar.right - bar.left + 6, BAR + 6, class_="j")
            self.drawing.text(bar.left - 7, y + BAR, "!", class_="a e", style="font-size:15px")
        self.drawing.text(bar.left, y - 7, bar.label, class_="f" if is_pale else "")

    def _numbers(self, top: float) -> None:
        """Write the numbers of the order where each operation may have taken effect."""
        places = {bar.operation.call_index: bar for bar in self.layout.bars}
        order: Sequence[Operation] = self.finding.order
        for number, (op, moment) in enumerate(zip(order, effect_times(order), strict=True), start=1):
            bar = places.get(op.call_index)
            if bar is None:
                continue
            x, y = self.layout.x(moment), top + ROW * bar.row + 16 + BAR / 2
            self.drawing.sign("circle", x, y, 8 if number < 100 else 10, class_="c")
            self.drawing.text(x, y + 3.5, str(number), class_="m k b", style="font-size:10px")

    def _legend(self, y: float) -> float:
        """Explain the signs that the picture has; return the height at which it ends."""
        drawn = [bar.operation for bar in self.layout.bars]
        items = ["filled: writes, hollow: reads"] if drawn else ["no operations"]
        items += ["numbers: the order in which they may have taken effect"] if self.finding.order else []
        items += ["! heavy edge: cannot be explained together"] if self.failing else []
        items += (
            ["open end: no answer, may take effect later or never"]
            if any(op.returned_us is None for op in drawn)
            else []
        )
        items += ["dotted edge: failed, it did not happen"] if any(op.outcome == "failed" for op in drawn) else []
        items += ["time is stretched where much happens"]
        x = float(MARGIN)
        for words in items:
            if x > MARGIN and x + text_width(words, FONT_SIZE) > self.width - MARGIN:
                x, y = float(MARGIN), y + 18
            self.drawing.text(x, y, words, class_="f")
            x += text_width(words, FONT_SIZE) + 18
        return y + 14


# The layout.


@dataclass(frozen=True, slots=True)
class OperationBar:
    """An operation as it is drawn.

    Attributes:
        operation: The operation.
        label: The text above the bar.
        row: Its row, from 0.
        left: The place of its call.
        right: The place of its return.
    """

    operation: Operation
    label: str
    row: int
    left: float
    right: float


@dataclass(slots=True)
class HistoryLayout:
    """The places of everything in the picture.

    Attributes:
        operations: The operations that are drawn.
        marks: What happened to the servers meanwhile, within the time that is drawn.
        changes: Further times that get a place.
        left_out: A sentence about the operations that are not drawn; "" if all are.
        rows: The names of the rows; a row that clients share has none.
        bars: The operations with their places.
        knots: The times that have a place, in order; other times are placed between them.
        places: Their places, from the left.
        right: The place where the time axis ends.
    """

    operations: tuple[Operation, ...]
    marks: tuple[Mark, ...]
    changes: tuple[int, ...] = ()
    left_out: str = ""
    rows: list[str] = field(default_factory=list)
    bars: list[OperationBar] = field(default_factory=list)
    knots: list[int] = field(default_factory=list)
    places: list[float] = field(default_factory=list)
    right: float = 0

    def __post_init__(self) -> None:
        """Place the times, then rows and bars."""
        counts = Counter(op.client for op in self.operations)
        named = [client for client in counts if counts[client] > 1]
        labels = [_label(op, shared=op.client not in named) for op in self.operations]
        self._place_times([op.client if op.client in named else "" for op in self.operations], labels)
        self._place_bars(named, labels)

    def x(self, time_us: int) -> float:
        """Return the place of a time."""
        after = bisect_right(self.knots, time_us)
        if after in (0, len(self.knots)):
            return self.places[-1 if after else 0]
        low, high = self.knots[after - 1], self.knots[after]
        share = (time_us - low) / (high - low)
        return self.places[after - 1] + share * (self.places[after] - self.places[after - 1])

    def _place_times(self, clients: Sequence[str], labels: Sequence[str]) -> None:
        times = {op.called_us for op in self.operations} | {mark.time_us for mark in self.marks} | set(self.changes)
        times |= {op.returned_us for op in self.operations if op.returned_us is not None}
        self.knots = sorted(times) or [0]
        weights = [math.sqrt(later - earlier) for earlier, later in zip(self.knots, self.knots[1:], strict=False)]
        scale = USUAL_WIDTH / (sum(weights) or 1)
        called: dict[int, list[tuple[str, str]]] = {}
        for op, client, label in zip(self.operations, clients, labels, strict=True):
            if client:
                called.setdefault(op.called_us, []).append((client, label))
        free: dict[str, float] = {}
        x = GUTTER + 8.0
        for number, knot in enumerate(self.knots):
            if number:
                x += max(weights[number - 1] * scale, MIN_STEP)
            x = max([x, *(free.get(client, x) for client, _ in called.get(knot, ()))])
            for client, label in called.get(knot, ()):
                free[client] = x + text_width(label, FONT_SIZE) + 8
            self.places.append(round(x, 1))
        self.right = max([x + 24, *free.values()])

    def _place_bars(self, named: list[str], labels: Sequence[str]) -> None:
        rows = {client: number for number, client in enumerate(named)}
        self.rows = list(named)
        ends: list[float] = []  # where the next bar can begin, in each row that clients share
        for op, label in zip(self.operations, labels, strict=True):
            left = self.x(op.called_us)
            right = self.right if op.returned_us is None else max(self.x(op.returned_us), left + 6)
            if op.client in rows:
                row = rows[op.client]
            else:
                shared = next((n for n, end in enumerate(ends) if end <= left), len(ends))
                ends[shared : shared + 1] = [max(right, left + text_width(label, FONT_SIZE)) + 10]
                row = len(named) + shared
            self.bars.append(OperationBar(op, label, row, left, right))
        self.rows += [""] * len(ends)
        self.right = max([self.right, *ends])
        self.bars = [
            bar if bar.operation.returned_us is not None else replace(bar, right=self.right) for bar in self.bars
        ]


def _label(operation: Operation, *, shared: bool) -> str:
    who = f"{operation.client.removeprefix('client')}: " if shared else ""
    return cut(f"{who}{printable(operation.description)}", LABEL_WIDTH, FONT_SIZE)


def lay_out(history: History, focus: Sequence[Operation], changes: Sequence[int]) -> HistoryLayout:
    """Lay out a history; of a long one, the part around the operations in focus, or its beginning.

    Args:
        history: The history.
        focus: The operations that must be drawn: those of the failing part, if there is one.
        changes: Times, in microseconds, at which something about the servers changed.
    """
    drawn, left_out = history.operations, ""
    if len(drawn) > MAX_OPERATIONS:
        drawn = _around(history.operations, focus) if focus else history.operations[:MAX_OPERATIONS]
        left_out = f"Only {len(drawn)} of {len(history)} operations are drawn."
    low = min((op.called_us for op in drawn), default=0)
    high = max((op.returned_us or op.called_us for op in drawn), default=0)
    if not left_out:
        low, high = min([low, *changes]), max([high, *changes])
    marks = tuple(mark for mark in history.marks if low <= mark.time_us <= high)
    return HistoryLayout(drawn, marks, tuple(time for time in changes if low <= time <= high), left_out)


def _around(operations: Sequence[Operation], focus: Sequence[Operation]) -> tuple[Operation, ...]:
    """Return the operations in focus, and those of the same key that are nearest to them."""
    places = {op.call_index for op in focus}
    first, last = min(places), max(places)
    others = [op for op in operations if op.key == focus[0].key and op.call_index not in places]
    others.sort(key=lambda op: max(first - op.call_index, op.call_index - last, 0))
    chosen = [*focus, *others[: max(MAX_OPERATIONS // 2 - len(focus), 0)]]
    return tuple(sorted(chosen, key=lambda op: op.call_index))


# The servers.


@dataclass(frozen=True, slots=True)
class RoleInterval:
    """An interval in which a server kept its role and its term.

    Attributes:
        begin_us: When it began, in microseconds.
        end_us: When it ended.
        role: leader, candidate, follower, server or down; "" before the first start.
        term: The term, or -1.
        paused: Whether the server was paused.
    """

    begin_us: int
    end_us: int
    role: str
    term: int
    paused: bool


def role_intervals(trace: Trace) -> dict[str, list[RoleInterval]]:
    """Return the intervals of each server, from the beginning of the run to its end without gaps."""
    moment = Moment({name: ServerState() for name in trace.servers})
    since = {name: (0, _role_of(moment.servers[name])) for name in trace.servers}
    found: dict[str, list[RoleInterval]] = {name: [] for name in trace.servers}
    for event in trace:
        advance(moment, event)
        name = event.server
        if not name:
            continue
        begin_us, was = since[name]
        if (now := _role_of(moment.servers[name])) != was:
            if event.time_us > begin_us:
                found[name].append(RoleInterval(begin_us, event.time_us, *was))
            since[name] = event.time_us, now
    for name, (begin_us, was) in since.items():
        found[name].append(RoleInterval(begin_us, trace.end_us, *was))
    return found


def _role_of(state: ServerState) -> tuple[str, int, bool]:
    if not state.up:
        return ("down" if state.life else ""), -1, False
    return state.role, state.fields.get("current_term", -1), state.paused


def draw_lane(drawing: Drawing, lane: list[RoleInterval], x: Callable[[int], float], y: float, right: float) -> None:
    """Draw the intervals of a server around the height y, up to `right`; `x` returns the place of a time."""
    free = 0.0
    for number, interval in enumerate(lane):
        left = x(interval.begin_us)
        end = right if number == len(lane) - 1 else x(interval.end_us)
        if not interval.role or end <= left:
            continue
        look = ROLES[interval.role]
        if interval.role == "down":
            drawing.path("M", left, y, "H", end, stroke=LINE, stroke_width=1, stroke_dasharray="2 4")
        else:
            edge = "3 3" if interval.paused else ""
            drawing.rectangle(
                left, y - look.width / 2, end - left, look.width, fill=look.fill, stroke=INK, stroke_dasharray=edge
            )
        if left >= free:
            draw_sign(drawing, interval.role, left, y)
            free = left + 2 * BADGE + 2
            words = "paused" if interval.paused else f"term {interval.term}" if interval.term >= 0 else ""
            if words and end - left > text_width(words, 10) + 2 * BADGE:
                on_bar = look.width > 10
                style = f"font-size:10px;fill:{look.ink};stroke:{look.fill}" if on_bar else "font-size:10px"
                drawing.text(left + BADGE + 4, y + 4 if on_bar else y - 5, words, style=style)
                free = left + BADGE + 8 + text_width(words, 10)
