"""How a space-time diagram is drawn: lifelines, arrows, and words beside them, the farthest first.

A label stands where nothing else stands, or not at all: its arrow's shape and colour still say what it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from raft_steps.lab.pictures.signs import STYLE, WALL, bar_path, draw_sign, draw_visit, head_path, state_words
from raft_steps.lab.pictures.space_time_layout import GUTTER, LEAST_BESIDE, MARGIN, Box, Layout, Room, note_boxes
from raft_steps.lab.pictures.space_time_scene import Arrow, Note, Scene, Stretch
from raft_steps.lab.pictures.style import (
    ALARM,
    BADGE,
    INK,
    LEADING,
    LINE,
    MESSAGES,
    PAPER,
    ROLES,
    SIZE,
    message_look,
    term_tint,
)
from raft_steps.lab.pictures.svg import Drawing, cut, sign_path, text_width
from raft_steps.lab.trace.narration import format_time

WALL_GROUND, GUIDE = "#f7efe6", "#ececec"

ROW = 22
SIGNS = {
    "follower": "follower",
    "candidate": "candidate",
    "leader": "leader",
    "server": "server",
    "down": "crash",
    "timer": "timeout",
    "paused": "paused",
    "resumed": "goes on",
}

Item = tuple[str, int, Callable[[Drawing, float, float], None] | None]  # words, the sign's width, how it is drawn


class Painter:
    """Draws a scene, layer by layer.

    Attributes:
        scene: What is drawn.
        layout: Where it stands.
        drawing: What it is drawn on.
        room: The places that words have taken.
    """

    def __init__(self, scene: Scene, title: str, decimals: int) -> None:
        """Lay the scene out on an empty drawing."""
        self.scene, self.title, self.decimals = scene, title, decimals
        self.layout = Layout(scene)
        self.drawing = Drawing(self.layout.width, style=STYLE)
        self.room = Room()

    def paint(self) -> Drawing:
        """Draw everything, the farthest first."""
        scene, notes = self.scene, list(zip(self.scene.notes, self.layout.words, strict=True))
        for wall in scene.walls:
            self._shade(wall)
        for term in scene.terms:
            y, x = self.layout.y(term.begin), self.layout.x[term.server]
            self.drawing.rectangle(x - 22, y, 44, self.layout.y(term.end) - y, fill=term_tint(term.what))
        self._clock()
        for wall in scene.walls:
            self._wall(wall)
        for role in scene.roles:
            self._role(role)
        self._names()
        self.room.take((0, 0, self.layout.width, self.layout.top - 4))
        self.room.take((0, self.layout.bottom + 4, self.layout.width, self.layout.bottom + 40))
        for note, (lines, _) in notes:
            for box in note_boxes(self.layout, note, lines):
                self.room.take(box)
        self._idle_arrows()
        self._arrows([arrow for arrow in scene.arrows if not arrow.idle])
        for note, (lines, loud) in notes:
            self._note(note, lines, loud)
        return self.drawing

    # Time and servers.

    def _names(self) -> None:
        drawing, layout = self.drawing, self.layout
        drawing.text(MARGIN, 24, cut(self.title, layout.width - 2 * MARGIN, 14), class_="n")
        if self.scene.left_out:
            drawing.text(MARGIN, 42, self.scene.left_out, class_="a")
            drawing.text(MARGIN, layout.bottom + 50, self.scene.left_out, class_="a")
        for server, x in layout.x.items():
            name = cut(server, layout.column - 12, 14)
            drawing.text(x, layout.names_at, name, class_="n m")
            drawing.text(x, layout.bottom + 17, name, class_="n m")
            for moment, y in ((self.scene.first, layout.names_at), (self.scene.last, layout.bottom + 17)):
                if moment.servers[server].life:
                    drawing.text(x, y + 14, state_words(moment.servers[server]), class_="m f")

    def _clock(self) -> None:
        """Write the time at each moment that has room for it, those with notes first."""
        told = {note.time for note in self.scene.notes} | {self.scene.high, self.scene.low}
        knots = self.layout.knots
        written: list[float] = []
        guides: list[str | float] = []
        for time in (*(time for time in knots if time in told), *(time for time in knots if time not in told)):
            y = self.layout.y(time)
            place = bisect_right(written, y)
            if all(abs(y - other) >= LEADING for other in written[max(place - 1, 0) : place + 1]):
                written.insert(place, y)
                guides += ["M", GUTTER - 5, y, "H", self.layout.width - MARGIN]
                self.drawing.text(GUTTER - 8, y + 4, f"{format_time(time, self.decimals)} s", class_="e f")
        self.drawing.path(*guides, stroke=GUIDE)

    def _shade(self, wall: Stretch) -> None:
        """Shade the time of a partition."""
        top, width = self.layout.y(wall.begin), self.layout.width - GUTTER - MARGIN
        self.drawing.rectangle(GUTTER, top, width, self.layout.y(wall.end) - top, fill=WALL_GROUND)

    def _wall(self, wall: Stretch) -> None:
        """Build a wall between neighbours on different sides of a partition."""
        layout, names = self.layout, self.scene.servers
        side_of = {name: number for number, side in enumerate(wall.what) for name in side}
        for left, right in pairwise(names):
            if side_of.get(left) != side_of.get(right):
                x = (layout.x[left] + layout.x[right]) / 2
                self.drawing.path(
                    "M", x, layout.y(wall.begin), "V", layout.y(wall.end),
                    stroke=WALL, stroke_width=2.5, stroke_dasharray="9 5",
                )  # fmt: skip

    def _role(self, stretch: Stretch) -> None:
        """Draw a stretch of a lifeline: as thick as its role, hollow while paused, dotted while down."""
        role = str(stretch.what).removeprefix("paused ")
        look = ROLES[role]
        x, top, bottom = self.layout.x[stretch.server], self.layout.y(stretch.begin), self.layout.y(stretch.end)
        if role == "down":
            self.drawing.path("M", x, top, "V", bottom, stroke=look.fill, stroke_dasharray="2 4")
        elif role != stretch.what:
            self.drawing.rectangle(x - 4, top, 8, bottom - top, fill=PAPER, stroke=INK, stroke_dasharray="3 3")
        else:
            edge, half = LINE if role in ("follower", "server") else INK, look.width / 2
            self.drawing.rectangle(x - half, top, 2 * half, bottom - top, fill=look.fill, stroke=edge, stroke_width=0.8)

    # Notes.

    def _note(self, note: Note, lines: list[str], loud: int) -> None:
        drawing, y = self.drawing, self.layout.y(note.time)
        x = self.layout.x[note.server] if note.server else 0.0
        if note.visit:
            draw_visit(drawing, note.visit, x, y)
        baseline = y + 4
        if not note.server:
            left, top, right, bottom = self.layout.heading(note, lines)
            x, baseline = left - 10, top + 13
            drawing.path("M", GUTTER, y, "H", self.layout.width - MARGIN, stroke=WALL)
            drawing.rectangle(left, top, right - left, bottom - top, fill=WALL_GROUND, stroke=WALL, rx=4)
        for number, line in enumerate(lines):
            emphasis = "a" if number < loud else "b" if number == loud and line[0] not in "+✓" else ""
            drawing.text(x + 15, baseline + LEADING * number, line, class_=emphasis)
        if note.sign:
            draw_sign(drawing, note.sign, x, y)
        if loud:
            drawing.sign("ring", x if note.server else GUTTER, y, BADGE + 5, fill="none", stroke=ALARM, stroke_width=3)

    # Messages.

    def _idle_arrows(self) -> None:
        """Draw idle heartbeats pale; where they are too many for their room, draw some and say how many there were."""
        layout = self.layout
        ticks: dict[tuple[int, str], dict[int, list[Arrow]]] = {}
        for arrow in self.scene.arrows:
            if arrow.idle and arrow.begin >= self.scene.low:
                between = bisect_right(layout.knots, arrow.begin)
                ticks.setdefault((between, arrow.sender), {}).setdefault(arrow.begin, []).append(arrow)
        for (_, sender), by_time in ticks.items():
            lowest = -100.0
            for time, arrows in by_time.items():
                if layout.y(time) >= lowest + 6:
                    lowest = layout.y(time)
                    self._tick(arrows)
            if len(by_time) > 1:
                self._count(sender, list(by_time.values()))

    def _tick(self, arrows: list[Arrow]) -> None:
        """Draw the idle heartbeats of one moment; those of a server that does not lead are not pale."""
        lines: list[str | float] = []
        crosses: list[str | float] = []
        for arrow in arrows:
            x1, y1, x2, y2 = self.layout.ends(arrow)
            lines += ["M", x1, y1, "L", x2, y2]
            if arrow.fate in ("delivered", "flying"):
                lines += sign_path("square", x2, y2, 0.8)
            else:
                crosses += sign_path("cross", x2, y2, 2.5)
        self.drawing.path(*lines, class_=message_look(arrows[0].type).name if arrows[0].stray else "i")
        if crosses:
            self.drawing.path(*crosses, class_="y")

    def _count(self, sender: str, ticks: list[list[Arrow]]) -> None:
        """Say how many idle heartbeats a server sends in a row."""
        x, y = self.layout.x[sender], (self.layout.y(ticks[0][0].begin) + self.layout.y(ticks[-1][0].begin)) / 2
        stray = ticks[0][0].stray
        words = f"{len(ticks)} heartbeats" + (", no leader" if stray else "")
        box = (x + 14, y - 6, x + 18 + text_width(words, SIZE), y + 7)
        if self.room.is_free(box):
            self.room.take(box)
            self.drawing.text(x + 15, y + 4, words, class_="" if stray else "f")

    def _arrows(self, arrows: list[Arrow]) -> None:
        """Draw the messages that tell something; what was cut off for several servers alike is labelled once."""
        labelled: set[tuple[str, int, bool, str]] = set()
        ends = [self.layout.ends(arrow) for arrow in arrows]
        for arrow, end in zip(arrows, ends, strict=True):
            self._arrow(arrow, *end)
        for arrow, end in zip(arrows, ends, strict=True):
            key = (arrow.sender, arrow.begin, end[2] > end[0], arrow.label)
            if arrow.label and not (arrow.end == arrow.begin and key in labelled):
                labelled.add(key)
                self._label(arrow.label, end, LEAST_BESIDE if self.layout.runs_out(arrow) else 0)

    def _arrow(self, arrow: Arrow, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a message: its line, the sign of its kind at the tail, and a head where it arrives."""
        look, drawing = message_look(arrow.type), self.drawing
        line: list[str | float] = ["M", x1, y1, "L", x2, y2]
        signs: list[str | float] = []
        if arrow.begin >= self.scene.low and not arrow.copy:
            signs += sign_path(look.shape, x1, y1, 3.5)
        arrives = arrow.fate == "delivered" and arrow.end is not None and arrow.end <= self.scene.high
        if arrives:
            signs += head_path(x1, y1, x2, y2)
        if arrow.manner == "request" and arrow.fate != "flying" and not arrow.copy and look.shape != "ring":
            drawing.path(*line, *signs, class_=f"{look.name} q")
        else:
            dashes = " p" if arrow.copy or arrow.fate == "flying" else "" if arrow.manner == "request" else " d"
            drawing.path(*line, class_=look.name + dashes)
            if signs:
                drawing.path(
                    *signs, class_=f"{look.name} {'q' if arrow.manner == 'request' and look.shape != 'ring' else 'o'}"
                )
        if arrives and arrow.manner == "refusal":
            drawing.path(*bar_path(x1, y1, x2, y2), class_=f"{look.name} r")
        if arrow.fate not in ("delivered", "flying") and (arrow.end or 0) <= self.scene.high:
            drawing.sign("cross", x2, y2, 5, class_="x")

    def _label(self, words: str, ends: Box, beside: float) -> None:
        """Write a message's words beside its arrow, in the first place that is free."""
        x1, y1, x2, y2 = ends
        room = self.layout.column - 30
        if text_width(words, SIZE) > room:
            words = cut(words.replace("AppendEntries", "Append"), room, SIZE)
        width = text_width(words, SIZE)
        for middle in self.layout.places(x1, x2, width, beside):
            share = (middle - x1) / ((x2 - x1) or 1)
            line = y1 + min(max(share, 0), 1) * (y2 - y1)
            for baseline in (line - 4, line + 12):
                box = (middle - width / 2, baseline - 9, middle + width / 2, baseline + 2)
                if self.room.is_free(box):
                    self.room.take(box)
                    self.drawing.text(middle, baseline, words, class_="m")
                    return


def draw_legend(drawing: Drawing, scene: Scene, top: float) -> float:
    """Draw the legend from a height on; return where it ends."""
    drawing.path("M", MARGIN, top, "H", drawing.width - MARGIN, stroke="#d4d4d4")
    x, y = float(MARGIN), top + 16
    for words, width, draw in _items(scene):
        needed = width + text_width(words, SIZE) + 16
        if x > MARGIN and x + needed > drawing.width - MARGIN:
            x, y = float(MARGIN), y + ROW
        if draw is not None:
            draw(drawing, x + width / 2, y)
        drawing.text(x + (width + 6 if width else 0), y + 4, words, class_="f")
        x += needed
    return y + 14


def _items(scene: Scene) -> Iterator[Item]:
    """Name what the diagram uses: signs on lifelines, messages, what may become of them, and words."""
    used = {note.sign for note in scene.notes} | {str(stretch.what).removeprefix("paused ") for stretch in scene.roles}
    for sign, words in SIGNS.items():
        if sign in used:
            yield words, 20, partial(_draw_sign, sign)
    if any(note.visit for note in scene.notes):
        yield "client", 30, _draw_client
    yield from _messages(scene)
    if scene.walls:
        yield "partition", 8, _draw_wall
    if any(line.startswith(("+", "✓")) for note in scene.notes for line in note.lines):
        yield "+2 stores entry 2, ✓2 applies it", 0, None
    yield "time is stretched where much happens", 0, None


def _messages(scene: Scene) -> Iterator[Item]:
    """Name the kinds of messages, their manners and their fates."""
    telling = [arrow for arrow in scene.arrows if not arrow.idle]
    used = {message_look(arrow.type) for arrow in telling}
    for look in MESSAGES.values():
        if look in used:
            yield look.name, 30, partial(_draw_message, look.name, look.shape)
    for manner in ("reply", "refusal"):
        if any(arrow.manner == manner for arrow in telling):
            yield manner, 30, partial(_draw_reply, manner)
    if any(arrow.fate not in ("delivered", "flying") for arrow in scene.arrows):
        yield "never arrives", 12, _draw_cross
    if any(arrow.copy or arrow.fate == "flying" for arrow in telling):
        yield "on its way, or a copy", 26, partial(_draw_line, "ink p")
    if any(arrow.idle for arrow in scene.arrows):
        yield "heartbeat that changes nothing; its reply is not drawn", 26, partial(_draw_line, "i")


def _draw_sign(sign: str, drawing: Drawing, x: float, y: float) -> None:
    draw_sign(drawing, sign, x, y)


def _draw_client(drawing: Drawing, x: float, y: float) -> None:
    draw_visit(drawing, "asked", x + 24, y)


def _draw_wall(drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x, y - 8, "V", y + 8, stroke=WALL, stroke_width=2.5, stroke_dasharray="6 3")


def _draw_cross(drawing: Drawing, x: float, y: float) -> None:
    drawing.sign("cross", x, y, 5, class_="x")


def _draw_line(look: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 13, y, "H", x + 13, class_=look)


def _draw_message(name: str, shape: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 15, y, "H", x + 8, class_=name)
    drawing.path(*head_path(x - 15, y, x + 15, y), class_=f"{name} q")
    drawing.sign(shape, x - 11, y, 3.5, class_=f"{name} {'o' if shape == 'ring' else 'q'}")


def _draw_reply(manner: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 15, y, "H", x + 2, class_="ink d")
    drawing.path(*head_path(x - 15, y, x + 15, y), class_="ink o")
    if manner == "refusal":
        drawing.path(*bar_path(x - 15, y, x + 15, y), class_="ink r")
