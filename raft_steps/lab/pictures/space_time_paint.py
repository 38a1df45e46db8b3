"""Draws a space-time diagram: lifelines, arrows and text, from the background to the foreground, and the legend.

A label is drawn where it overlaps no other text, or not at all: the shape and colour of its arrow identify the message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from raft_steps.lab.pictures.signs import STYLE, WALL, bar_path, draw_client_arrow, draw_sign, head_path, state_text
from raft_steps.lab.pictures.space_time_layout import (
    GUTTER,
    MARGIN,
    MIN_OVERLAP,
    Box,
    OccupiedBoxes,
    SpaceTimeLayout,
    annotation_boxes,
)
from raft_steps.lab.pictures.space_time_scene import Annotation, Arrow, Interval, Scene
from raft_steps.lab.pictures.style import (
    ALARM,
    BADGE,
    FONT_SIZE,
    INK,
    LINE,
    LINE_HEIGHT,
    MESSAGES,
    PAPER,
    ROLES,
    message_style,
    term_tint,
)
from raft_steps.lab.pictures.svg import Drawing, cut, sign_path, text_width
from raft_steps.lab.trace.narration import format_time

PARTITION_TINT, GUIDE = "#f7efe6", "#ececec"

LEGEND_ROW = 22
LEGEND_SIGNS = {
    "follower": "follower",
    "candidate": "candidate",
    "leader": "leader",
    "server": "server",
    "down": "crash",
    "timer": "timeout",
    "paused": "paused",
    "resumed": "resumes",
}

LegendItem = tuple[str, int, Callable[[Drawing, float, float], None] | None]  # text, width of the sign, how to draw it


class SpaceTimePainter:
    """Draws a scene, layer by layer.

    Attributes:
        scene: The scene.
        layout: The positions of everything.
        drawing: The drawing.
        occupied: The boxes occupied by text.
    """

    def __init__(self, scene: Scene, title: str, decimals: int) -> None:
        """Create an empty drawing, and compute the layout of the scene."""
        self.scene, self.title, self.decimals = scene, title, decimals
        self.layout = SpaceTimeLayout(scene)
        self.drawing = Drawing(self.layout.width, style=STYLE)
        self.occupied = OccupiedBoxes()

    def paint(self) -> Drawing:
        """Draw everything, from the background to the foreground."""
        scene, layout = self.scene, self.layout
        annotations = list(zip(scene.annotations, layout.text, strict=True))
        for partition in scene.partitions:
            self._shade_partition(partition)
        for term in scene.terms:
            y, x = layout.y(term.start_us), layout.x[term.server]
            self.drawing.rectangle(x - 22, y, 44, layout.y(term.end_us) - y, fill=term_tint(term.value))
        self._draw_times()
        for partition in scene.partitions:
            self._draw_partition(partition)
        for role in scene.roles:
            self._draw_role(role)
        self._draw_names()
        # All text with a fixed place comes first: labels of arrows must keep clear of it.
        self.occupied.add((0, 0, layout.width, layout.top - 4))
        self.occupied.add((0, layout.bottom + 4, layout.width, layout.bottom + 40))
        for annotation, (lines, _) in annotations:
            for box in annotation_boxes(layout, annotation, lines):
                self.occupied.add(box)
        self._draw_idle_arrows()
        self._draw_arrows([arrow for arrow in scene.arrows if not arrow.idle])
        for annotation, (lines, alarm_count) in annotations:
            self._draw_annotation(annotation, lines, alarm_count)
        return self.drawing

    # Time and servers.

    def _draw_names(self) -> None:
        drawing, layout = self.drawing, self.layout
        drawing.text(MARGIN, 24, cut(self.title, layout.width - 2 * MARGIN, 14), class_="n")
        if self.scene.left_out:
            drawing.text(MARGIN, 42, self.scene.left_out, class_="a")
            drawing.text(MARGIN, layout.bottom + 50, self.scene.left_out, class_="a")
        for server, x in layout.x.items():
            name = cut(server, layout.column_width - 12, 14)
            drawing.text(x, layout.names_y, name, class_="n m")
            drawing.text(x, layout.bottom + 17, name, class_="n m")
            for moment, y in ((self.scene.first, layout.names_y), (self.scene.last, layout.bottom + 17)):
                if moment.servers[server].life:
                    drawing.text(x, y + 14, state_text(moment.servers[server]), class_="m f")

    def _draw_times(self) -> None:
        """Label the moments with their times as far as there is room, those with annotations first."""
        annotated = {annotation.time_us for annotation in self.scene.annotations}
        annotated |= {self.scene.end_us, self.scene.start_us}
        knots = self.layout.knots_us
        labelled: list[float] = []  # heights, in order
        guides: list[str | float] = []
        for time_us in (
            *(knot for knot in knots if knot in annotated),
            *(knot for knot in knots if knot not in annotated),
        ):
            y = self.layout.y(time_us)
            place = bisect_right(labelled, y)
            if all(abs(y - other) >= LINE_HEIGHT for other in labelled[max(place - 1, 0) : place + 1]):
                labelled.insert(place, y)
                guides += ["M", GUTTER - 5, y, "H", self.layout.width - MARGIN]
                self.drawing.text(GUTTER - 8, y + 4, f"{format_time(time_us, self.decimals)} s", class_="e f")
        self.drawing.path(*guides, stroke=GUIDE)

    def _shade_partition(self, partition: Interval) -> None:
        """Shade the time of a partition."""
        top, width = self.layout.y(partition.start_us), self.layout.width - GUTTER - MARGIN
        self.drawing.rectangle(GUTTER, top, width, self.layout.y(partition.end_us) - top, fill=PARTITION_TINT)

    def _draw_partition(self, partition: Interval) -> None:
        """Draw a line between neighbours on different sides of a partition."""
        layout, names = self.layout, self.scene.servers
        side_of = {name: number for number, side in enumerate(partition.value) for name in side}
        for left, right in pairwise(names):
            if side_of.get(left) != side_of.get(right):
                x = (layout.x[left] + layout.x[right]) / 2
                self.drawing.path(
                    "M", x, layout.y(partition.start_us), "V", layout.y(partition.end_us),
                    stroke=WALL, stroke_width=2.5, stroke_dasharray="9 5",
                )  # fmt: skip

    def _draw_role(self, interval: Interval) -> None:
        """Draw an interval of a lifeline: its width depends on the role; it is hollow when paused, dotted when down."""
        role = str(interval.value).removeprefix("paused ")
        style = ROLES[role]
        x = self.layout.x[interval.server]
        top, bottom = self.layout.y(interval.start_us), self.layout.y(interval.end_us)
        if role == "down":
            self.drawing.path("M", x, top, "V", bottom, stroke=style.fill, stroke_dasharray="2 4")
        elif role != interval.value:
            self.drawing.rectangle(x - 4, top, 8, bottom - top, fill=PAPER, stroke=INK, stroke_dasharray="3 3")
        else:
            edge, half = LINE if role in ("follower", "server") else INK, style.width / 2
            self.drawing.rectangle(
                x - half, top, 2 * half, bottom - top, fill=style.fill, stroke=edge, stroke_width=0.8
            )

    # Annotations.

    def _draw_annotation(self, annotation: Annotation, lines: list[str], alarm_count: int) -> None:
        drawing, y = self.drawing, self.layout.y(annotation.time_us)
        x = self.layout.x[annotation.server] if annotation.server else 0.0
        if annotation.client_arrow:
            draw_client_arrow(drawing, annotation.client_arrow, x, y)
        baseline = y + 4
        if not annotation.server:
            left, top, right, bottom = self.layout.network_box(annotation, lines)
            x, baseline = left - 10, top + 13
            drawing.path("M", GUTTER, y, "H", self.layout.width - MARGIN, stroke=WALL)
            drawing.rectangle(left, top, right - left, bottom - top, fill=PARTITION_TINT, stroke=WALL, rx=4)
        for number, line in enumerate(lines):
            class_ = "a" if number < alarm_count else "b" if number == alarm_count and line[0] not in "+✓" else ""
            drawing.text(x + 15, baseline + LINE_HEIGHT * number, line, class_=class_)
        if annotation.sign:
            draw_sign(drawing, annotation.sign, x, y)
        if alarm_count:
            centre = x if annotation.server else GUTTER
            drawing.sign("ring", centre, y, BADGE + 5, fill="none", stroke=ALARM, stroke_width=3)

    # Messages.

    def _draw_idle_arrows(self) -> None:
        """Draw idle heartbeats pale; if they are too many for the space, draw some of them and write their number."""
        layout = self.layout
        # By the space between two knots and the sender, and then by time.
        ticks: dict[tuple[int, str], dict[int, list[Arrow]]] = {}
        for arrow in self.scene.arrows:
            if arrow.idle and arrow.start_us >= self.scene.start_us:
                between = bisect_right(layout.knots_us, arrow.start_us)
                ticks.setdefault((between, arrow.sender), {}).setdefault(arrow.start_us, []).append(arrow)
        for (_, sender), by_time in ticks.items():
            lowest = -100.0
            for time_us, arrows in by_time.items():
                if layout.y(time_us) >= lowest + 6:
                    lowest = layout.y(time_us)
                    self._draw_tick(arrows)
            if len(by_time) > 1:
                self._draw_count(sender, list(by_time.values()))

    def _draw_tick(self, arrows: list[Arrow]) -> None:
        """Draw the idle heartbeats of one moment; those of a server that does not lead are not pale."""
        lines: list[str | float] = []
        crosses: list[str | float] = []
        for arrow in arrows:
            x1, y1, x2, y2 = self.layout.endpoints(arrow)
            lines += ["M", x1, y1, "L", x2, y2]
            if arrow.fate in ("delivered", "flying"):
                lines += sign_path("square", x2, y2, 0.8)
            else:
                crosses += sign_path("cross", x2, y2, 2.5)
        self.drawing.path(*lines, class_=message_style(arrows[0].type).name if arrows[0].stray else "i")
        if crosses:
            self.drawing.path(*crosses, class_="y")

    def _draw_count(self, sender: str, ticks: list[list[Arrow]]) -> None:
        """Write how many idle heartbeats a server sends in a row."""
        first, last = ticks[0][0], ticks[-1][0]
        x, y = self.layout.x[sender], (self.layout.y(first.start_us) + self.layout.y(last.start_us)) / 2
        text = f"{len(ticks)} heartbeats" + (", no leader" if first.stray else "")
        box = (x + 14, y - 6, x + 18 + text_width(text, FONT_SIZE), y + 7)
        if self.occupied.is_free(box):
            self.occupied.add(box)
            self.drawing.text(x + 15, y + 4, text, class_="" if first.stray else "f")

    def _draw_arrows(self, arrows: list[Arrow]) -> None:
        """Draw messages; if a partition stops the same message to several servers, only the first gets a label."""
        labelled: set[tuple[str, int, bool, str]] = set()
        endpoints = [self.layout.endpoints(arrow) for arrow in arrows]
        for arrow, ends in zip(arrows, endpoints, strict=True):
            self._draw_arrow(arrow, *ends)
        for arrow, ends in zip(arrows, endpoints, strict=True):
            key = (arrow.sender, arrow.start_us, ends[2] > ends[0], arrow.label)
            if arrow.label and not (arrow.end_us == arrow.start_us and key in labelled):
                labelled.add(key)
                self._draw_label(arrow.label, ends, MIN_OVERLAP if self.layout.is_unfinished(arrow) else 0)

    def _draw_arrow(self, arrow: Arrow, x1: float, y1: float, x2: float, y2: float) -> None:
        """Draw a message: its line, the sign of its kind at the tail, and a head where it arrives."""
        style, drawing = message_style(arrow.type), self.drawing
        line: list[str | float] = ["M", x1, y1, "L", x2, y2]
        signs: list[str | float] = []
        if arrow.start_us >= self.scene.start_us and not arrow.copy:
            signs += sign_path(style.shape, x1, y1, 3.5)
        arrives = arrow.fate == "delivered" and arrow.end_us is not None and arrow.end_us <= self.scene.end_us
        if arrives:
            signs += head_path(x1, y1, x2, y2)
        # Usually line and signs are one element: there may be hundreds of arrows.
        if arrow.manner == "request" and arrow.fate != "flying" and not arrow.copy and style.shape != "ring":
            drawing.path(*line, *signs, class_=f"{style.name} q")
        else:
            dashes = " p" if arrow.copy or arrow.fate == "flying" else "" if arrow.manner == "request" else " d"
            drawing.path(*line, class_=style.name + dashes)
            if signs:
                fill = "q" if arrow.manner == "request" and style.shape != "ring" else "o"
                drawing.path(*signs, class_=f"{style.name} {fill}")
        if arrives and arrow.manner == "refusal":
            drawing.path(*bar_path(x1, y1, x2, y2), class_=f"{style.name} r")
        if arrow.fate not in ("delivered", "flying") and (arrow.end_us or 0) <= self.scene.end_us:
            drawing.sign("cross", x2, y2, 5, class_="x")

    def _draw_label(self, text: str, endpoints: Box, overlap: float) -> None:
        """Write the label of a message next to its arrow, at the first position that is free."""
        x1, y1, x2, y2 = endpoints
        room = self.layout.column_width - 30
        if text_width(text, FONT_SIZE) > room:
            text = cut(text.replace("AppendEntries", "Append"), room, FONT_SIZE)
        width = text_width(text, FONT_SIZE)
        for middle in self.layout.label_positions(x1, x2, width, overlap):
            share = (middle - x1) / ((x2 - x1) or 1)
            line = y1 + min(max(share, 0), 1) * (y2 - y1)
            for baseline in (line - 4, line + 12):
                box = (middle - width / 2, baseline - 9, middle + width / 2, baseline + 2)
                if self.occupied.is_free(box):
                    self.occupied.add(box)
                    self.drawing.text(middle, baseline, text, class_="m")
                    return


def draw_legend(drawing: Drawing, scene: Scene, top: float) -> float:
    """Draw the legend below a height, with only the signs that the scene uses; return where it ends."""
    drawing.path("M", MARGIN, top, "H", drawing.width - MARGIN, stroke="#d4d4d4")
    x, y = float(MARGIN), top + 16
    for text, width, draw in _legend_items(scene):
        needed = width + text_width(text, FONT_SIZE) + 16
        if x > MARGIN and x + needed > drawing.width - MARGIN:
            x, y = float(MARGIN), y + LEGEND_ROW
        if draw is not None:
            draw(drawing, x + width / 2, y)
        drawing.text(x + (width + 6 if width else 0), y + 4, text, class_="f")
        x += needed
    return y + 14


def _legend_items(scene: Scene) -> Iterator[LegendItem]:
    """Yield the items for signs on lifelines, messages and their fates, and text."""
    used = {annotation.sign for annotation in scene.annotations}
    used |= {str(interval.value).removeprefix("paused ") for interval in scene.roles}
    for sign, text in LEGEND_SIGNS.items():
        if sign in used:
            yield text, 20, partial(_draw_sign_item, sign)
    if any(annotation.client_arrow for annotation in scene.annotations):
        yield "client", 30, _draw_client_item
    yield from _message_items(scene)
    if scene.partitions:
        yield "partition", 8, _draw_partition_item
    if any(line.startswith(("+", "✓")) for annotation in scene.annotations for line in annotation.lines):
        yield "+2 stores entry 2, ✓2 applies it", 0, None
    yield "time is stretched where much happens", 0, None


def _message_items(scene: Scene) -> Iterator[LegendItem]:
    """Yield the items for the kinds, manners and fates of messages."""
    arrows = [arrow for arrow in scene.arrows if not arrow.idle]
    used = {message_style(arrow.type) for arrow in arrows}
    for style in MESSAGES.values():
        if style in used:
            yield style.name, 30, partial(_draw_message_item, style.name, style.shape)
    for manner in ("reply", "refusal"):
        if any(arrow.manner == manner for arrow in arrows):
            yield manner, 30, partial(_draw_reply_item, manner)
    if any(arrow.fate not in ("delivered", "flying") for arrow in scene.arrows):
        yield "never arrives", 12, _draw_cross_item
    if any(arrow.copy or arrow.fate == "flying" for arrow in arrows):
        yield "on its way, or a copy", 26, partial(_draw_line_item, "ink p")
    if any(arrow.idle for arrow in scene.arrows):
        yield "heartbeat that changes nothing; its reply is not drawn", 26, partial(_draw_line_item, "i")


def _draw_sign_item(sign: str, drawing: Drawing, x: float, y: float) -> None:
    draw_sign(drawing, sign, x, y)


def _draw_client_item(drawing: Drawing, x: float, y: float) -> None:
    draw_client_arrow(drawing, "asked", x + 24, y)


def _draw_partition_item(drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x, y - 8, "V", y + 8, stroke=WALL, stroke_width=2.5, stroke_dasharray="6 3")


def _draw_cross_item(drawing: Drawing, x: float, y: float) -> None:
    drawing.sign("cross", x, y, 5, class_="x")


def _draw_line_item(class_: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 13, y, "H", x + 13, class_=class_)


def _draw_message_item(name: str, shape: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 15, y, "H", x + 8, class_=name)
    drawing.path(*head_path(x - 15, y, x + 15, y), class_=f"{name} q")
    drawing.sign(shape, x - 11, y, 3.5, class_=f"{name} {'o' if shape == 'ring' else 'q'}")


def _draw_reply_item(manner: str, drawing: Drawing, x: float, y: float) -> None:
    drawing.path("M", x - 15, y, "H", x + 2, class_="ink d")
    drawing.path(*head_path(x - 15, y, x + 15, y), class_="ink o")
    if manner == "refusal":
        drawing.path(*bar_path(x - 15, y, x + 15, y), class_="ink r")
