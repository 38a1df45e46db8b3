"""The legend of a space-time diagram: the signs that it uses, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from raft_steps.lab.pictures.signs import WALL, bar_path, draw_sign, draw_visit, head_path
from raft_steps.lab.pictures.space_time_layout import MARGIN, SIZE
from raft_steps.lab.pictures.space_time_scene import Scene
from raft_steps.lab.pictures.style import MESSAGES, message_look
from raft_steps.lab.pictures.svg import Drawing, text_width

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
