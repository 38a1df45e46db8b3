"""The signs of a space-time diagram, for arrow heads, roles, timers and clients, and their common style sheet."""

from __future__ import annotations

import math

from raft_steps.lab.pictures.style import ALARM, BADGE, FAINT_INK, FONT_SIZE, INK, MESSAGES, PAPER, ROLES
from raft_steps.lab.pictures.svg import Drawing, sign_path
from raft_steps.lab.trace.trace import ServerState

WALL, IDLE = "#a05a1c", "#9db8cc"  # the lines of partitions, and of idle heartbeats

# Every text has an outline in the colour of the paper, which keeps it legible on top of a line. Classes: n for names
# and titles, m and e for text that is centred or right-aligned, f for faint, a for alarm, b for bold, k for no outline.
TEXT_STYLE = (
    f"text{{font-size:{FONT_SIZE}px;stroke:{PAPER};stroke-width:3.5px;paint-order:stroke;stroke-linejoin:round}}"
    ".n{font-size:13px;font-weight:bold}.m{text-anchor:middle}.e{text-anchor:end}.b{font-weight:bold}"
    f".f{{fill:{FAINT_INK}}}.a{{fill:{ALARM};font-weight:bold}}.k{{stroke:none}}.w{{stroke:none;fill:#fff}}"
)

# A diagram may have hundreds of arrows, so their common attributes are classes with short names.
# q: the filled signs of a request; o: hollow signs; d: dashed; p: in flight, or a copy; r: the bar of a refusal;
# x: a cross; y: a small cross; i: an idle heartbeat; ink: a line that belongs to no message.
STYLE = (
    TEXT_STYLE
    + "path{fill:none}"
    + "".join(
        f".{style.name}{{stroke:{style.colour};stroke-width:1.5}}.{style.name}.q{{fill:{style.colour}}}"
        for style in MESSAGES.values()
    )
    + (
        f".o{{fill:{PAPER}}}.d{{stroke-dasharray:6 3}}.p{{stroke-dasharray:2 3}}.r{{stroke-width:2.5}}"
        f".x{{stroke:{ALARM};stroke-width:2.5}}.y{{stroke:{ALARM}}}.i{{stroke:{IDLE}}}.ink{{stroke:{INK};stroke-width:1.5}}"
        f".ink.q{{fill:{INK}}}"
    )
)


def head_path(x1: float, y1: float, x2: float, y2: float) -> list[str | float]:
    """Return the path of an arrow's head."""
    dx, dy = _direction(x1, y1, x2, y2)
    bx, by = x2 - 9 * dx, y2 - 9 * dy
    return ["M", x2, y2, "L", bx - 4 * dy, by + 4 * dx, bx + 4 * dy, by - 4 * dx, "z"]


def bar_path(x1: float, y1: float, x2: float, y2: float) -> list[str | float]:
    """Return the path of the bar before the head of a refusal."""
    dx, dy = _direction(x1, y1, x2, y2)
    bx, by = x2 - 13 * dx, y2 - 13 * dy
    return ["M", bx - 6 * dy, by + 6 * dx, "L", bx + 6 * dy, by - 6 * dx]


def _direction(x1: float, y1: float, x2: float, y2: float) -> tuple[float, float]:
    length = math.sqrt((x2 - x1) ** 2 + (y2 - y1) ** 2) or 1.0
    return (x2 - x1) / length, (y2 - y1) / length


def draw_sign(drawing: Drawing, sign: str, x: float, y: float) -> None:
    """Draw the sign of a role, a crash, a pause or a timer."""
    if sign == "down":
        drawing.sign("cross", x, y, 7, stroke=PAPER, stroke_width=6)
        drawing.sign("cross", x, y, 7, stroke=ROLES["down"].fill, stroke_width=3.5)
    elif sign in ROLES:
        role = ROLES[sign]
        size = BADGE + 2.5 if role.shape == "diamond" else BADGE
        drawing.sign(role.shape, x, y, size, style=f"fill:{role.fill}", stroke=INK, stroke_width=1.3)
        drawing.text(x, y + 4, role.letter, class_="m b w" if role.ink == "#FFFFFF" else "m b k")
    else:
        # Inside the circle: the hands of a clock, the bars of a pause, or the triangle of a play button.
        inner: dict[str, tuple[str | float, ...]] = {
            "timer": ("M", x, y - 5, "V", y, "H", x + 4),
            "paused": ("M", x - 2.5, y - 4, "V", y + 4, "M", x + 2.5, y - 4, "V", y + 4),
            "resumed": ("M", x - 2, y - 4, "L", x + 4, y, x - 2, y + 4, "Z"),
        }
        drawing.sign("circle", x, y, BADGE - 1, class_="ink o")
        drawing.path(*inner[sign], class_="ink")


def draw_client_arrow(drawing: Drawing, kind: str, x: float, y: float) -> None:
    """Draw a client's request, which comes from the left ("asked"), or the answer to it ("answered")."""
    tail, tip = (x - 38, x - BADGE - 1) if kind == "asked" else (x - BADGE - 1, x - 34)
    drawing.path("M", tail, y, "H", tip, class_="ink")
    signs = [*head_path(tail, y, tip, y), *sign_path("circle", x - 38, y, 3)]
    drawing.path(*signs, class_="ink q" if kind == "asked" else "ink o")


def state_text(state: ServerState) -> str:
    """Describe the state of a server in a few words."""
    if not state.up:
        return "down"
    term = state.fields.get("current_term")
    return ("paused " if state.paused else "") + (state.role if term is None else f"{state.role}, term {term}")
