"""How a space-time diagram is drawn: a column for each server, time downwards, an arrow for each message.

Time is stretched where much happens and squeezed where little does; the clock at the left tells the true times. Idle
heartbeats are pale and need no room of their own. A label stands where nothing else stands, or not at all.
"""

from __future__ import annotations

import math
from bisect import bisect_right

from raft_steps.lab.palette import ALARM, FAINT_INK, INK, LINE, PALE_LINE, PAPER, ROLES, message_look, term_tint
from raft_steps.lab.scene import Arrow, Note, Scene, Stretch
from raft_steps.lab.svg import Drawing, cut, text_width, wrap
from raft_steps.lab.words import clock

GUTTER, TOP, MARGIN = 66, 74, 14  # the clock's column, the names' rows, the right edge
FIRST_LINE = 46  # from a column's left edge to its lifeline; a client's arrow comes from there
SIZE, LEADING = 11, 13  # of the letters beside lifelines and arrows
BADGE = 9  # half the width of a role's sign

STYLE = (
    f".s{{font-size:{SIZE}px}}.h{{stroke:{PAPER};stroke-width:3px;paint-order:stroke;stroke-linejoin:round}}"
    f".n{{font-size:13px;font-weight:bold}}.m{{text-anchor:middle}}.e{{text-anchor:end}}"
    f".f{{fill:{FAINT_INK}}}.a{{fill:{ALARM};font-weight:bold}}.b{{font-weight:bold}}path,line{{fill:none}}"
)


class Layout:
    """Where everything stands.

    Attributes:
        scene: What is drawn.
        column: How wide a server's column is.
        width: How wide the picture is.
        x: Where each server's lifeline stands.
        knots: The times that have a height of their own, in order.
        heights: The heights of the knots; times between lie between.
        words: The lines beside the lifeline for each note, broken to fit, with how many are loud.
    """

    def __init__(self, scene: Scene) -> None:
        """Place columns and moments."""
        self.scene = scene
        count = len(scene.servers)
        self.column = min(max(820 // count, 165), 330)
        self.width = GUTTER + count * self.column + MARGIN
        self.x = {name: GUTTER + FIRST_LINE + number * self.column for number, name in enumerate(scene.servers)}
        self.words = [self._break(note) for note in scene.notes]
        self.knots: list[int] = []
        self.heights: list[float] = []
        self._place_moments()

    def _break(self, note: Note) -> tuple[list[str], int]:
        width = self.column - BADGE - 24 if note.server else self.width - GUTTER - 2 * MARGIN
        loud = [line for text in note.lines[: note.loud] for line in wrap(text, width, SIZE * 1.08, 4)]
        return loud + [line for text in note.lines[note.loud :] for line in wrap(text, width, SIZE, 2)], len(loud)

    def _place_moments(self) -> None:
        """Give every moment at which something is told a height: never too near to what it must clear."""
        scene = self.scene
        telling = [arrow for arrow in scene.arrows if not arrow.idle]
        times = {scene.low, scene.high, *(note.time for note in scene.notes)}
        times |= {time for arrow in telling for time in (arrow.begin, arrow.end) if time is not None}
        notes: dict[int, list[tuple[Note, int]]] = {}
        for note, (lines, _) in zip(scene.notes, self.words, strict=True):
            notes.setdefault(note.time, []).append((note, len(lines)))
        ending: dict[int, list[int]] = {}
        for arrow in telling:
            if arrow.end is not None and arrow.end > arrow.begin:
                ending.setdefault(arrow.end, []).append(arrow.begin)
        unit = self._usual_delay()
        floor = dict.fromkeys(("", *scene.servers), float(TOP))
        placed: dict[int, float] = {}
        y, last = float(TOP + 4), scene.low
        for time in sorted(time for time in times if scene.low <= time <= scene.high):
            if time > last:
                y += max(min(5 * math.sqrt((time - last) / unit), 80), 9)
            y = max([y, *(placed[begin] + 15 for begin in ending.get(time, ()) if begin in placed)])
            for note, _ in notes.get(time, ()):
                y = max(y, floor[note.server] + 10 if note.server else max(floor.values()) + 16, floor[""] + 10)
            for note, count in notes.get(time, ()):
                floor[note.server] = y + (max(BADGE + 1, LEADING * count - 5) if note.server else LEADING * (count - 1) + 2)
            placed[time], last = y, time
        self.knots, self.heights = list(placed), list(placed.values())
        self.bottom = max(y + 14, *floor.values())

    def _usual_delay(self) -> int:
        delays = sorted(arrow.due - arrow.begin for arrow in self.scene.arrows)
        return max(delays[len(delays) // 2], 1) if delays else 250_000

    def y(self, time: int) -> float:
        """Give the height of a time."""
        knots, heights = self.knots, self.heights
        after = bisect_right(knots, time)
        if after == 0 or after == len(knots):
            return heights[-1 if after else 0]
        share = (time - knots[after - 1]) / (knots[after] - knots[after - 1])
        return heights[after - 1] + share * (heights[after] - heights[after - 1])


class Painter:
    """Draws a scene, layer by layer.

    Attributes:
        scene: What is drawn.
        layout: Where it stands.
        drawing: What it is drawn on.
        taken: The places that words have taken, by stripes of 32 pixels: left, top, right, bottom.
    """

    def __init__(self, scene: Scene, title: str, decimals: int) -> None:
        """Lay the scene out on an empty drawing."""
        self.scene, self.title, self.decimals = scene, title, decimals
        self.layout = Layout(scene)
        self.drawing = Drawing(self.layout.width, style=STYLE)
        self.taken: dict[int, list[tuple[float, float, float, float]]] = {}

    def paint(self) -> Drawing:
        """Draw everything, the farthest first."""
        for wall in self.scene.walls:
            self._wall(wall)
        for term in self.scene.terms:
            y = self.layout.y(term.begin)
            x = self.layout.x[term.server] - 22
            self.drawing.rectangle(x, y, 44, self.layout.y(term.end) - y, fill=term_tint(term.what))
        for role in self.scene.roles:
            self._role(role)
        self._names()
        self._idle_arrows()
        self._reserve_notes()
        self._clock()
        labels: dict[tuple[str, int, bool, str], None] = {}
        for arrow in self.scene.arrows:
            if not arrow.idle:
                self._arrow(arrow, labels)
        for note, (lines, loud) in zip(self.scene.notes, self.layout.words, strict=True):
            self._note(note, lines, loud)
        return self.drawing

    # Time and servers.

    def _names(self) -> None:
        drawing, layout = self.drawing, self.layout
        drawing.text(MARGIN, 24, cut(self.title, layout.width - 2 * MARGIN, 13), class_="n")
        for server, x in layout.x.items():
            name = cut(server, layout.column - 12, 13)
            drawing.text(x, 50, name, class_="n m")
            drawing.text(x, layout.bottom + 18, name, class_="n m")
            state = self.scene.first.servers[server]
            if state.life:
                term = state.fields.get("current_term")
                words = "down" if not state.up else state.role if term is None else f"{state.role}, term {term}"
                drawing.text(x, 65, words, class_="s m f")

    def _clock(self) -> None:
        """Write the time at each moment that has room for it, those with notes first."""
        told = {note.time for note in self.scene.notes} | {self.scene.high, self.scene.low}
        rows: set[int] = set()
        for time in (*(t for t in self.layout.knots if t in told), *(t for t in self.layout.knots if t not in told)):
            y = self.layout.y(time)
            row = int(y // LEADING)
            if not rows & {row - 1, row, row + 1}:
                rows.add(row)
                self.drawing.text(GUTTER - 8, y + 4, f"{clock(time, self.decimals)} s", class_="s e f")
                self.drawing.path("M", GUTTER - 5, y, "H", self.layout.width - MARGIN, stroke="#ececec")

    def _wall(self, wall: Stretch) -> None:
        """Shade a partition, with a wall between neighbours on different sides."""
        layout, drawing = self.layout, self.drawing
        top, bottom = layout.y(wall.begin), layout.y(wall.end)
        drawing.rectangle(GUTTER, top, layout.width - GUTTER - MARGIN, bottom - top, fill="#f7efe6")
        side_of = {name: number for number, side in enumerate(wall.what) for name in side}
        names = self.scene.servers
        for left, right in zip(names, names[1:], strict=False):
            if side_of.get(left) != side_of.get(right):
                x = (layout.x[left] + layout.x[right]) / 2
                drawing.path("M", x, top, "V", bottom, stroke="#a05a1c", stroke_width=2.5, stroke_dasharray="9 5")

    def _role(self, stretch: Stretch) -> None:
        role = str(stretch.what).removeprefix("paused ")
        look = ROLES[role]
        x, top, bottom = self.layout.x[stretch.server], self.layout.y(stretch.begin), self.layout.y(stretch.end)
        if role == "down":
            self.drawing.path("M", x, top, "V", bottom, stroke=look.fill, stroke_dasharray="2 4")
        elif role != stretch.what:
            self.drawing.rectangle(x - 4, top, 8, bottom - top, fill=PAPER, stroke=INK, stroke_dasharray="3 3")
        else:
            edge = LINE if role in ("follower", "server") else INK
            self.drawing.rectangle(x - look.width / 2, top, look.width, bottom - top, fill=look.fill, stroke=edge, stroke_width=0.8)

    # Notes.

    def _reserve_notes(self) -> None:
        for note, (lines, _) in zip(self.scene.notes, self.layout.words, strict=True):
            y = self.layout.y(note.time)
            if note.server:
                x = self.layout.x[note.server]
                self._take(x - BADGE, y - BADGE, x + BADGE, y + BADGE)
                for number, line in enumerate(lines):
                    self._take(x + 14, y + LEADING * number - 6, x + 18 + text_width(line, SIZE), y + LEADING * number + 6)
            else:
                self._take(GUTTER, y - 14, self.layout.width, y + LEADING * (len(lines) - 1) + 2)

    def _note(self, note: Note, lines: list[str], loud: int) -> None:
        drawing, y = self.drawing, self.layout.y(note.time)
        x = self.layout.x[note.server] if note.server else GUTTER - 10.0
        if note.visit:
            self._visit(note.visit, x, y)
        if not note.server:
            drawing.path("M", GUTTER, y, "H", self.layout.width - MARGIN, stroke="#a05a1c")
        for number, line in enumerate(lines):
            baseline = y + 4 + LEADING * number if note.server else y - 4 + LEADING * number
            drawing.text(x + 15, baseline, line, class_="s h a" if number < loud else "s h b" if number == 0 else "s h")
        if note.sign:
            self._sign(note.sign, x, y)
        if loud:
            drawing.sign("ring", x, y, 14, fill="none", stroke=ALARM, stroke_width=3)

    def _sign(self, sign: str, x: float, y: float) -> None:
        """Draw a role's letter in its shape, or the sign of a crash, a pause or a timer."""
        drawing = self.drawing
        if sign in ROLES and sign != "down":
            draw_badge(drawing, sign, x, y)
        elif sign == "down":
            drawing.sign("cross", x, y, 7, stroke=PAPER, stroke_width=6)
            drawing.sign("cross", x, y, 7, stroke=ROLES["down"].fill, stroke_width=3.5)
        else:
            drawing.sign("circle", x, y, BADGE - 1, fill=PAPER, stroke=INK)
            hands = {
                "timer": ("M", x, y - 5, "V", y, "H", x + 4),
                "paused": ("M", x - 2.5, y - 4, "V", y + 4, "M", x + 2.5, y - 4, "V", y + 4),
                "resumed": ("M", x - 2, y - 4, "L", x + 4, y, x - 2, y + 4, "Z"),
            }[sign]
            drawing.path(*hands, stroke=INK, stroke_width=1.6)

    def _visit(self, visit: str, x: float, y: float) -> None:
        """Draw a client that comes from the left, or its answer that goes there."""
        tail, head = (x - 38, x - 10) if visit == "asked" else (x - 10, x - 34)
        self.drawing.path("M", tail, y, "H", head, stroke=INK, stroke_width=1.5)
        self._head("request", tail, y, head, y, INK)
        self.drawing.sign("circle", x - 38, y, 3, fill=INK if visit == "asked" else PAPER, stroke=INK)

    # Messages.

    def _idle_arrows(self) -> None:
        """Draw idle heartbeats pale; where they are too many for their room, draw some and say how many there were."""
        layout = self.layout
        rounds: dict[tuple[int, str], dict[int, list[Arrow]]] = {}
        for arrow in self.scene.arrows:
            if arrow.idle and arrow.begin >= self.scene.low:
                between = bisect_right(layout.knots, arrow.begin)
                rounds.setdefault((between, arrow.sender), {}).setdefault(arrow.begin, []).append(arrow)
        for (_, sender), by_time in rounds.items():
            lowest = -100.0
            for time, arrows in by_time.items():
                if layout.y(time) >= lowest + 6:
                    lowest = layout.y(time)
                    for arrow in arrows:
                        self._idle_arrow(arrow)
            self._count(sender, list(by_time))

    def _idle_arrow(self, arrow: Arrow) -> None:
        x1, y1, x2, y2 = self._ends(arrow)
        colour = message_look(arrow.type).colour if arrow.stray else "#9db8cc"
        self.drawing.path("M", x1, y1, "L", x2, y2, stroke=colour, stroke_width=1)
        if arrow.fate not in ("delivered", "flying"):
            self.drawing.sign("cross", x2, y2, 2.5, stroke=ALARM, stroke_width=1)
        else:
            self.drawing.sign("circle", x2, y2, 1.5, fill=colour)

    def _count(self, sender: str, times: list[int]) -> None:
        x, y = self.layout.x[sender], (self.layout.y(times[0]) + self.layout.y(times[-1])) / 2
        words = f"{len(times)} heartbeats"
        box = (x + 14, y - 6, x + 18 + text_width(words, SIZE), y + 7)
        if len(times) > 1 and self._free(*box):
            self._take(*box)
            self.drawing.text(x + 15, y + 4, words, class_="s h f")

    def _ends(self, arrow: Arrow) -> tuple[float, float, float, float]:
        """Say where an arrow begins and ends: short of its receiver when it was dropped or is still on its way."""
        layout = self.layout
        x1, x2, y1 = layout.x[arrow.sender], layout.x[arrow.receiver], layout.y(arrow.begin)
        way = 1 if x2 > x1 else -1
        x1 += way * 9
        if arrow.fate == "flying" or (arrow.end is not None and arrow.end > self.scene.high):
            due = arrow.end or arrow.due
            share = min((self.scene.high - arrow.begin) / max(due - arrow.begin, 1), 1)
            return x1, y1, x1 + share * (x2 - way * 9 - x1), layout.y(due)
        if arrow.end == arrow.begin:
            columns = abs(x2 - layout.x[arrow.sender]) / layout.column
            return x1, y1, x1 + way * layout.column * (0.26 + 0.12 * columns), y1 + (3 if arrow.idle else 8)
        short = 9 if arrow.fate == "delivered" else 24
        return x1, y1, x2 - way * short, layout.y(arrow.end or arrow.due)

    def _arrow(self, arrow: Arrow, labels: dict[tuple[str, int, bool, str], None]) -> None:
        x1, y1, x2, y2 = self._ends(arrow)
        look = message_look(arrow.type)
        dashes = "2 3" if arrow.copy or arrow.fate == "flying" else "" if arrow.manner == "request" else "6 3"
        self.drawing.path("M", x1, y1, "L", x2, y2, stroke=look.colour, stroke_width=1.5, stroke_dasharray=dashes)
        fill = look.colour if arrow.manner == "request" and look.shape != "ring" else PAPER
        self.drawing.sign(look.shape, x1, y1, 3.5, fill=fill, stroke=look.colour)
        if arrow.fate == "delivered" and arrow.end is not None and arrow.end <= self.scene.high:
            self._head(arrow.manner, x1, y1, x2, y2, look.colour)
        elif arrow.fate != "flying":
            self.drawing.sign("cross", x2, y2, 5, stroke=ALARM, stroke_width=2.5)
        key = (arrow.sender, arrow.begin, x2 > x1, arrow.label)
        if not (arrow.end == arrow.begin and key in labels):
            labels[key] = None
            self._label(arrow.label, x1, y1, x2, y2)

    def _head(self, manner: str, x1: float, y1: float, x2: float, y2: float, colour: str) -> None:
        """Draw an arrow's head: filled for a request, hollow for a reply, with a bar before it for a refusal."""
        length = math.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2) or 1.0
        dx, dy = (x2 - x1) / length, (y2 - y1) / length
        bx, by = x2 - 9 * dx, y2 - 9 * dy
        self.drawing.path(
            "M", x2, y2, "L", bx - 4 * dy, by + 4 * dx, bx + 4 * dy, by - 4 * dx, "Z",
            style=f"fill:{colour if manner == 'request' else PAPER}", stroke=colour, stroke_width=1.3,
        )  # fmt: skip
        if manner == "refusal":
            bx, by = x2 - 13 * dx, y2 - 13 * dy
            self.drawing.path("M", bx - 6 * dy, by + 6 * dx, "L", bx + 6 * dy, by - 6 * dx, stroke=colour, stroke_width=2.5)

    def _label(self, words: str, x1: float, y1: float, x2: float, y2: float) -> None:
        """Write a message's words beside its arrow, in the first place that is free: near its end, or near its begin."""
        if not words:
            return
        width = text_width(words, SIZE)
        for middle in self._places(x1, x2, width):
            share = (middle - x1) / ((x2 - x1) or 1)
            line = y1 + min(max(share, 0), 1) * (y2 - y1)
            for baseline in (line - 4, line + 12):
                box = (middle - width / 2, baseline - 10, middle + width / 2, baseline + 2)
                if self._free(*box):
                    self._take(*box)
                    self.drawing.text(middle, baseline, words, class_="s h m")
                    return

    def _places(self, x1: float, x2: float, width: float) -> list[float]:
        """Give the middles of places along an arrow where words of a width cross no lifeline."""
        columns = sorted(self.layout.x.values())
        low, high = min(x1, x2), max(x1, x2)
        gaps = [(a + 14, b - 14) for a, b in zip(columns, [*columns[1:], self.layout.width], strict=True) if a < high and b > low]
        if x2 > x1:
            gaps.reverse()
        if len(gaps) > 2:
            gaps = [gaps[0], gaps[-1], *gaps[1:-1]]
        places = []
        for left, right in gaps:
            room = right - left - width
            if room >= 0:
                places += [left + width / 2 + room * share for share in (0.8, 0.5, 1.0, 0.25, 0.0)]
        return places

    def _take(self, left: float, top: float, right: float, bottom: float) -> None:
        for stripe in range(int(top // 32), int(bottom // 32) + 1):
            self.taken.setdefault(stripe, []).append((left, top, right, bottom))

    def _free(self, left: float, top: float, right: float, bottom: float) -> bool:
        return not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
            for stripe in range(int(top // 32), int(bottom // 32) + 1)
            for other in self.taken.get(stripe, ())
        )


def draw_badge(drawing: Drawing, role: str, x: float, y: float) -> None:
    """Draw a role's letter in its shape."""
    look = ROLES[role]
    size = BADGE + 2.5 if look.shape == "diamond" else BADGE
    if look.shape == "none":
        drawing.sign("cross", x, y, 7, stroke=look.fill, stroke_width=3.5)
        return
    drawing.sign(look.shape, x, y, size, fill=look.fill, stroke=INK, stroke_width=1.3)
    drawing.text(x, y + 4, look.letter, class_="s m b", style=f"fill:{look.ink}")
