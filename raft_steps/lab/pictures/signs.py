"""The signs of a space-time diagram: arrows' heads, roles, timers, clients, and the style that they share."""

from __future__ import annotations

import math

from raft_steps.lab.pictures.style import ALARM, BADGE, FAINT_INK, INK, MESSAGES, PAPER, ROLES, SIZE
from raft_steps.lab.pictures.svg import Drawing, sign_path
from raft_steps.lab.trace.trace import ServerState

WALL, IDLE = "#a05a1c", "#9db8cc"

# Every text has an edge in the paper's colour, so that it can be read on top of a line. Classes: n for names and
# titles, m and e for text that is centred or ends at its place, f for faint, a for alarm, b for bold, k for no edge.
TEXT_STYLE = (
    f"text{{font-size:{SIZE}px;stroke:{PAPER};stroke-width:3.5px;paint-order:stroke;stroke-linejoin:round}}"
    ".n{font-size:13px;font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:bold}"
    f".f{{fill:{FAINT_INK}}}.a{{fill:{ALARM};font-weight:bold}}.k{{stroke:none}}.w{{stroke:none;fill:#fff}}"
)

# An arrow is one element or two, and there may be hundreds: what they share stands here, under short names.
# q: a request's filled signs; o: hollow ones; d: dashed; p: on its way, or a copy; x: a cross; i: an idle heartbeat.
STYLE = (
    TEXT_STYLE
    + "path{fill:none}"
    + "".join(
        f".{look.name}{{stroke:{look.colour};stroke-width:1.5}}.{look.name}.q{{fill:{look.colour}}}"
        for look in MESSAGES.values()
    )
    + (
        f".o{{fill:{PAPER}}}.d{{stroke-dasharray:6 3}}.p{{stroke-dasharray:2 3}}.r{{stroke-width:2.5}}"
        f".x{{stroke:{ALARM};stroke-width:2.5}}.y{{stroke:{ALARM}}}.i{{stroke:{IDLE}}}.ink{{stroke:{INK};stroke-width:1.5}}"
        f".ink.q{{fill:{INK}}}"
    )
)


def head_path(x1: float, y1: float, x2: float, y2: float) -> list[str | float]:
    """Give an arrow's head: filled it is a request's, hollow a reply's."""
    dx, dy = _direction(x1, y1, x2, y2)
    bx, by = x2 - 9 * dx, y2 - 9 * dy
    return ["M", x2, y2, "L", bx - 4 * dy, by + 4 * dx, bx + 4 * dy, by - 4 * dx, "z"]


def bar_path(x1: float, y1: float, x2: float, y2: float) -> list[str | float]:
    """Give the bar before the head of a refusal."""
    dx, dy = _direction(x1, y1, x2, y2)
    bx, by = x2 - 13 * dx, y2 - 13 * dy
    return ["M", bx - 6 * dy, by + 6 * dx, "L", bx + 6 * dy, by - 6 * dx]


def _direction(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float]:
    length = math.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2) or 1.0
    return (x2 - x1) / length, (y2 - y1) / length


def draw_sign(drawing: Drawing, sign: str, x: float, y: float) -> None:
    """Draw a role's letter in its shape, or the sign of a crash, a pause or a timer."""
    if sign == "down":
        drawing.sign("cross", x, y, 7, stroke=PAPER, stroke_width=6)
        drawing.sign("cross", x, y, 7, stroke=ROLES["down"].fill, stroke_width=3.5)
    elif sign in ROLES:
        look = ROLES[sign]
        size = BADGE + 2.5 if look.shape == "diamond" else BADGE
        drawing.sign(look.shape, x, y, size, style=f"fill:{look.fill}", stroke=INK, stroke_width=1.3)
        drawing.text(x, y + 4, look.letter, class_="m b w" if look.ink == "#FFFFFF" else "m b k")
    else:
        hands: dict[str, tuple[str | float, ...]] = {
            "timer": ("M", x, y - 5, "V", y, "H", x + 4),
            "paused": ("M", x - 2.5, y - 4, "V", y + 4, "M", x + 2.5, y - 4, "V", y + 4),
            "resumed": ("M", x - 2, y - 4, "L", x + 4, y, x - 2, y + 4, "Z"),
        }
        drawing.sign("circle", x, y, BADGE - 1, class_="ink o")
        drawing.path(*hands[sign], class_="ink")


def draw_visit(drawing: Drawing, visit: str, x: float, y: float) -> None:
    """Draw a client that comes from the left, or its answer that goes there."""
    tail, tip = (x - 38, x - BADGE - 1) if visit == "asked" else (x - BADGE - 1, x - 34)
    drawing.path("M", tail, y, "H", tip, class_="ink")
    signs = [*head_path(tail, y, tip, y), *sign_path("circle", x - 38, y, 3)]
    drawing.path(*signs, class_="ink q" if visit == "asked" else "ink o")


def state_words(state: ServerState) -> str:
    """Say in a few words what a server is."""
    if not state.up:
        return "down"
    term = state.fields.get("current_term")
    return ("paused " if state.paused else "") + (state.role if term is None else f"{state.role}, term {term}")
