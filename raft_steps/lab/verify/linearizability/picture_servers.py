"""The servers of a run as lanes above a history: who runs, who leads, in which term."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raft_steps.lab.pictures.signs import draw_sign
from raft_steps.lab.pictures.style import BADGE, INK, LINE, ROLES
from raft_steps.lab.pictures.svg import Drawing, text_width
from raft_steps.lab.trace.trace import Moment, ServerState, Trace, advance

LANE = 26


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a server stayed what it was.

    Attributes:
        begin: From when, in microseconds.
        end: Until when.
        role: leader, candidate, follower, server; down; or "" before its first start.
        term: Its term, or -1.
        paused: Whether it was held still.
    """

    begin: int
    end: int
    role: str
    term: int
    paused: bool


def stretches(trace: Trace) -> dict[str, list[Stretch]]:
    """Give what each server was, one stretch after another."""
    moment = Moment({name: ServerState() for name in trace.servers})
    since = {name: (0, _what(moment.servers[name])) for name in trace.servers}
    found: dict[str, list[Stretch]] = {name: [] for name in trace.servers}
    for event in trace:
        advance(moment, event)
        name = event.server
        if not name:
            continue
        begin, was = since[name]
        if (now := _what(moment.servers[name])) != was:
            if event.time_us > begin:
                found[name].append(Stretch(begin, event.time_us, *was))
            since[name] = event.time_us, now
    for name, (begin, was) in since.items():
        found[name].append(Stretch(begin, trace.end_us, *was))
    return found


def _what(state: ServerState) -> tuple[str, int, bool]:
    if not state.up:
        return ("down" if state.life else ""), -1, False
    return state.role, state.fields.get("current_term", -1), state.paused


def draw_lane(drawing: Drawing, lane: list[Stretch], x: Callable[[int], float], y: float, right: float) -> None:
    """Draw what one server was, at a height."""
    free = 0.0
    for number, stretch in enumerate(lane):
        left = x(stretch.begin)
        end = right if number == len(lane) - 1 else x(stretch.end)
        if not stretch.role or end <= left:
            continue
        look = ROLES[stretch.role]
        if stretch.role == "down":
            drawing.path("M", left, y, "H", end, stroke=LINE, stroke_width=1, stroke_dasharray="2 4")
        else:
            edge = "3 3" if stretch.paused else ""
            drawing.rectangle(
                left, y - look.width / 2, end - left, look.width, fill=look.fill, stroke=INK, stroke_dasharray=edge
            )
        if left >= free:
            draw_sign(drawing, stretch.role, left, y)
            free = left + 2 * BADGE + 2
            words = "paused" if stretch.paused else f"term {stretch.term}" if stretch.term >= 0 else ""
            if words and end - left > text_width(words, 10) + 2 * BADGE:
                on_bar = look.width > 10
                style = f"font-size:10px;fill:{look.ink};stroke:{look.fill}" if on_bar else "font-size:10px"
                drawing.text(left + BADGE + 4, y + 4 if on_bar else y - 5, words, style=style)
                free = left + BADGE + 8 + text_width(words, 10)
