"""Draws a cluster at one moment as a ring of servers.

The picture is shown where the player cannot run: in untrusted notebooks, in exported pages, and without a kernel. It
looks like the player's own drawing (in the folder `player/browser`), but has no timers.
"""

from __future__ import annotations

from math import cos, hypot, pi, sin

from raft_steps.lab.pictures.style import FAINT_INK, INK, LINE, PALE_LINE, PAPER, ROLES, message_manner, message_style
from raft_steps.lab.pictures.svg import Drawing, Picture, cut
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.text import join_names, plural
from raft_steps.lab.trace.narration import decimals_of, format_time, message_text
from raft_steps.lab.trace.trace import Event, Moment, ServerState, Trace

WIDTH, RADIUS = 460, 110  # of the picture, and of the ring
REACH = 40  # from the centre of a server to where its messages start and end
# n: the name of a server; w: its state; l: the letter of its role, on dark ground with d; q: the hint below the ring.
# k: a link; c: one that is interrupted.
STYLE = (
    f".n{{font-weight:600;font-size:13px;text-anchor:middle}}.w{{font-size:11px;text-anchor:middle}}"
    f".l{{font-weight:700;font-size:18px;text-anchor:middle;fill:#000}}.l.d{{fill:#fff}}.q{{fill:{FAINT_INK};font-size:11px}}"
    f".k{{stroke:{PALE_LINE}}}.c{{stroke:#7a4b2a;stroke-width:2;stroke-dasharray:4 4}}"
)


def cluster_ring(trace: Trace, at: float | None = None) -> Picture:
    """Draw the cluster at a time.

    Args:
        trace: The run.
        at: The time in seconds; by default the end of the run.
    """
    moment, time_us = _moment(trace, at)
    places = _places(trace.servers)
    ys = [y for _, y in places.values()]
    top, bottom = min(ys) - REACH - 52, max(ys) + REACH + 58
    drawing = Drawing(WIDTH, bottom - top, STYLE)
    where = {name: (WIDTH / 2 + x, y - top) for name, (x, y) in places.items()}
    decimals = decimals_of(trace)
    heading = (
        f"{trace.title}, {format_time(time_us, decimals)} s of {format_time(max(trace.end_us, time_us), decimals)} s"
    )
    drawing.text(14, 22, cut(heading, WIDTH - 28, 12))
    _draw_links(drawing, where, moment)
    for name, state in moment.servers.items():
        _draw_server(drawing, *where[name], name, state)
    for name, event in moment.in_flight.items():
        due_us = moment.held.get(name, event["due"])
        _draw_message(drawing, where[event.server], where[event["to"]], event, time_us, due_us=due_us)
    drawing.text(14, bottom - top - 14, "Run this cell to play it.", class_="q")
    text = ring_text(trace, at)
    return Picture(drawing.svg(text), text, text)


def ring_text(trace: Trace, at: float | None = None) -> str:
    """Describe the cluster at a time; by default at the end of the run."""
    moment, time_us = _moment(trace, at)
    decimals = decimals_of(trace)
    parts = [f"{name} {_state_text(state)}" for name, state in moment.servers.items()]
    if moment.sides:
        parts.append(f"the network is partitioned: {' | '.join(' '.join(side) for side in moment.sides)}")
    if moment.cuts:
        parts.append(f"cut: {join_names(moment.cuts)}")
    if moment.in_flight:
        parts.append(f"{plural(len(moment.in_flight), 'message')} on the way")
    end = format_time(max(trace.end_us, time_us), decimals)
    return f"Player of {trace.title or 'a run'}: {end} s, {plural(len(trace), 'event')}. At {format_time(time_us, decimals)} s: {'; '.join(parts)}."


def _moment(trace: Trace, at: float | None) -> tuple[Moment, int]:
    """Return the cluster at a time, and that time in microseconds; by default at the end of the run."""
    if at is not None:
        return trace.moment_at(at), round(at * MICROSECONDS)
    last_us = trace.events[-1].time_us if trace.events else 0
    return trace.moment_after(len(trace) - 1), max(trace.end_us, last_us)


def _state_text(state: ServerState) -> str:
    if not state.up:
        return "down" if state.life else "not started"
    term = state.fields.get("current_term")
    return f"{state.role}{', paused' if state.paused else ''}" + (f", term {term}" if term is not None else "")


def _places(servers: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Place the servers on a ring around 0, 0, the first one at the top; two servers are placed side by side."""
    count = len(servers)
    start = {1: 0.0, 2: pi}.get(count, -pi / 2)
    radius = 0 if count == 1 else RADIUS
    angles = {name: start + 2 * pi * place / count for place, name in enumerate(servers)}
    return {name: (radius * cos(angle), radius * sin(angle)) for name, angle in angles.items()}


def _draw_links(drawing: Drawing, places: dict[str, tuple[float, float]], moment: Moment) -> None:
    """Draw the links between servers, dashed if a partition or a cut interrupts them."""
    side_of = {name: number for number, side in enumerate(moment.sides) for name in side}
    names = list(places)
    for number, a in enumerate(names):
        for b in names[number + 1 :]:
            is_cut = side_of.get(a) != side_of.get(b) or f"{a}>{b}" in moment.cuts or f"{b}>{a}" in moment.cuts
            (x1, y1), (x2, y2) = places[a], places[b]
            drawing.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="c" if is_cut else "k")


def _draw_server(drawing: Drawing, x: float, y: float, name: str, state: ServerState) -> None:
    style = ROLES[state.role if state.up else "down"]
    if state.up:
        size = {"circle": 24, "square": 21, "diamond": 29}[style.shape]
        drawing.sign(style.shape, x, y, size, fill=style.fill, stroke=INK, stroke_width=1.5)
    else:
        drawing.sign("circle", x, y, 24, fill=style.fill, stroke=LINE, stroke_dasharray="4 3")
    drawing.text(x, y + 6.5, style.letter, class_="l d" if style.ink == "#FFFFFF" else "l")
    below = drawing.height / 2 - 20 < y
    baseline = y + 44 if below else y - 48
    outward = x + 0.2 * (x - WIDTH / 2)
    drawing.text(outward, baseline, cut(name, 120, 13), class_="n")
    drawing.text(outward, baseline + 14, _state_text(state), class_="w")


def _draw_message(
    drawing: Drawing, start: tuple[float, float], end: tuple[float, float], event: Event, time_us: int, *, due_us: int
) -> None:
    """Draw a message at its current position, to the right of the line, so that the two directions are apart."""
    (x1, y1), (x2, y2) = start, end
    length = hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    share = min(1.0, (time_us - event.time_us) / max(1, due_us - event.time_us))
    along = REACH + share * (length - 2 * REACH)
    x, y = x1 + dx * along - dy * 7, y1 + dy * along + dx * 7
    style = message_style(event["type"])
    manner = message_manner(event["type"], event["fields"])
    drawing.add("line", x1=x - dx * 18, y1=y - dy * 18, x2=x, y2=y, stroke=style.colour, stroke_width=2)
    fill = style.colour if manner == "request" else PAPER
    drawing.sign(
        "circle" if style.shape == "ring" else style.shape, x, y, 6, fill=fill, stroke=style.colour, stroke_width=2
    )
    if manner == "refusal":
        drawing.add("line", x1=x - 10, y1=y, x2=x + 10, y2=y, stroke=style.colour, stroke_width=2)
    due_s = (due_us - time_us) / MICROSECONDS
    title = f"{message_text(event['type'], event['fields'])}, {event.server} to {event['to']}, due in {due_s:.2f} s"
    drawing.add("title", title)
