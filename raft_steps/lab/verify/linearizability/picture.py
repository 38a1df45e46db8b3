"""The picture of a check: a history as bars, beside the servers and the faults of the run.

A bar lasts from call to answer. Of a history that is linearizable, numbers stand where each operation may have taken
effect; of one that is not, the smallest failing part has a heavy edge and a sign, and all else steps back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raft_steps.lab.pictures.signs import TEXT_STYLE, WALL
from raft_steps.lab.pictures.style import ALARM, INK, LINE, PALE_LINE, PAPER, TERM_TINTS
from raft_steps.lab.pictures.svg import Drawing, Picture, cut, text_width, wrap
from raft_steps.lab.text import plural
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.linearizability.finding import Finding, effect_times
from raft_steps.lab.verify.linearizability.history import History, Operation
from raft_steps.lab.verify.linearizability.picture_layout import GUTTER, MARGIN, SIZE, Bar, Layout, lay_out
from raft_steps.lab.verify.linearizability.picture_servers import LANE, Stretch, draw_lane, stretches
from raft_steps.lab.verify.linearizability.report import explanation, on_key, report

ROW, BAR = 36, 12
MARK_ROWS, MARK_ROW, MARK_WIDTH = 4, 14, 300
WRITE = TERM_TINTS[1]

# g: a write; h: a read; z: what steps back; j: of the failing part; l: a fault; v: its words; c: a number's circle.
STYLE = (
    TEXT_STYLE
    + f".g{{fill:{WRITE};stroke:{INK}}}.h{{fill:{PAPER};stroke:{INK}}}.z{{stroke:{PALE_LINE}}}"
    + f".j{{fill:none;stroke:{ALARM};stroke-width:3}}.l{{fill:none;stroke:{WALL};stroke-width:1.5;stroke-dasharray:5 3}}"
    + f".c{{fill:{PAPER};stroke:{INK};stroke-width:1.3}}.v{{fill:{WALL}}}"
)


def draw_result(result: Finding, trace: Trace | None, title: str) -> Picture:
    """Draw the result of a check.

    Args:
        result: The result.
        trace: The run, for the servers; None for a history from elsewhere.
        title: What the picture is called; by default the verdict.
    """
    lanes = stretches(trace) if trace is not None else {}
    changes = sorted({stretch.begin for lane in lanes.values() for stretch in lane if stretch.role})
    layout = lay_out(result.history, result.failing, changes)
    title = title or _verdict(result)
    painter = _Painter(result, layout, lanes)
    alt = f"{title}: {_verdict(result)}" if title != _verdict(result) else title
    alt += f", with {plural(len(layout.marks), 'fault')} of the servers" if layout.marks else ""
    if result.failing:
        alt += f". {explanation(result)}"
    marks = [f"{result.history.clock(mark.time):>9}  {mark.text}" for mark in layout.marks]
    summary = "\n".join([*([title] if title != _verdict(result) else []), report(result), *marks])
    return Picture(painter.paint(title).svg(alt), alt, summary)


def _verdict(result: Finding) -> str:
    counted = plural(len(result.history), "operation")
    words = {"ok": f"{counted}, linearizable", "unknown": f"{counted}, undecided"}
    return words.get(result.verdict, f"{counted}, not linearizable{on_key(result.key)}")


class _Painter:
    def __init__(self, result: Finding, layout: Layout, lanes: Mapping[str, list[Stretch]]) -> None:
        self.result, self.layout, self.lanes = result, layout, lanes
        self.history: History = result.history
        self.failing = {op.begin for op in result.failing}
        self.width = max(layout.right + MARGIN, 480)
        self.drawing = Drawing(self.width, style=STYLE)

    def paint(self, title: str) -> Drawing:
        """Draw everything, from top to bottom."""
        drawing, y = self.drawing, 14.0
        heads = [(line, "n") for line in wrap(title, self.width - 2 * MARGIN, 13, 2)]
        reason = explanation(self.result) if self.result.failing else ""
        heads += [(line, "a") for line in wrap(reason, self.width - 2 * MARGIN, SIZE * 1.08, 3)] if reason else []
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
        """Write what happened to the servers, each where it does not stand on another; say where the lines begin."""
        ends = [0.0] * MARK_ROWS
        flags = []
        used = 0
        for mark in self.layout.marks:
            place, words = self.layout.x(mark.time), cut(mark.text, MARK_WIDTH, SIZE)
            row = next((n for n, end in enumerate(ends) if end <= place), ends.index(min(ends)))
            left = min(max(place, ends[row]), max(self.width - MARGIN - text_width(words, SIZE), place - MARK_WIDTH))
            ends[row] = left + text_width(words, SIZE) + 10
            used = max(used, row + 1)
            self.drawing.text(left, y + 10 + MARK_ROW * row, words, class_="v")
            flags.append((place, y + 13 + MARK_ROW * row))
        return y + MARK_ROW * used + 6, flags

    def _clock(self, top: float, bottom: float) -> None:
        """Write the time below, where there is room."""
        free = 0.0
        for knot, place in zip(self.layout.knots, self.layout.places, strict=True):
            words = self.history.clock(knot)
            if place < free or place + text_width(words, SIZE) / 2 > self.width - 4:
                continue
            self.drawing.path("M", place, top, "V", bottom + 4, stroke=PALE_LINE, stroke_width=0.6)
            self.drawing.text(place, bottom + 17, words, class_="m f")
            free = place + text_width(words, SIZE) + 14
        self.drawing.path("M", GUTTER, bottom, "H", self.layout.right, stroke=LINE)

    def _rows(self, top: float) -> None:
        for number, name in enumerate(self.layout.rows):
            words = name or ("clients" if number == 0 or self.layout.rows[number - 1] else "")
            self.drawing.text(MARGIN, top + ROW * number + 27, cut(words, GUTTER - MARGIN - 6, SIZE), class_="b")
        for bar in self.layout.bars:
            self._bar(bar, top + ROW * bar.row)

    def _bar(self, bar: Bar, top: float) -> None:
        op, y = bar.operation, top + 16
        steps_back = bool(self.failing) and op.begin not in self.failing
        look = ("h" if op.is_read else "g") + (" z" if steps_back or op.outcome == "failed" else "")
        if op.returned is None:  # Open to the right: nobody knows until when.
            self.drawing.path(
                "M", bar.right, y, "H", bar.left, "V", y + BAR, "H", bar.right, class_=look, stroke_dasharray="5 3"
            )
        elif op.outcome == "failed":
            self.drawing.rectangle(bar.left, y, bar.right - bar.left, BAR, class_=look, stroke_dasharray="2 2")
        else:
            self.drawing.rectangle(bar.left, y, bar.right - bar.left, BAR, class_=look)
        if op.begin in self.failing:
            self.drawing.rectangle(bar.left - 3, y - 3, bar.right - bar.left + 6, BAR + 6, class_="j")
            self.drawing.text(bar.left - 7, y + BAR, "!", class_="a e", style="font-size:15px")
        self.drawing.text(bar.left, y - 7, bar.label, class_="f" if steps_back else "")

    def _numbers(self, top: float) -> None:
        """Put the numbers of the order where each operation may have taken effect."""
        places = {bar.operation.begin: bar for bar in self.layout.bars}
        order: Sequence[Operation] = self.result.order
        for number, (op, moment) in enumerate(zip(order, effect_times(order), strict=True), start=1):
            bar = places.get(op.begin)
            if bar is None:
                continue
            x, y = self.layout.x(moment), top + ROW * bar.row + 16 + BAR / 2
            self.drawing.sign("circle", x, y, 8 if number < 100 else 10, class_="c")
            self.drawing.text(x, y + 3.5, str(number), class_="m k b", style="font-size:10px")

    def _legend(self, y: float) -> float:
        """Explain the signs that the picture uses; say where it ends."""
        drawn = [bar.operation for bar in self.layout.bars]
        items = ["filled: writes, hollow: reads"] if drawn else ["no operations"]
        items += ["numbers: the order in which they may have taken effect"] if self.result.order else []
        items += ["! heavy edge: cannot be explained together"] if self.failing else []
        items += (
            ["open end: no answer, may take effect later or never"] if any(op.returned is None for op in drawn) else []
        )
        items += ["dotted edge: failed, it did not happen"] if any(op.outcome == "failed" for op in drawn) else []
        items += ["time is stretched where much happens"]
        x = float(MARGIN)
        for words in items:
            if x > MARGIN and x + text_width(words, SIZE) > self.width - MARGIN:
                x, y = float(MARGIN), y + 18
            self.drawing.text(x, y, words, class_="f")
            x += text_width(words, SIZE) + 18
        return y + 14
