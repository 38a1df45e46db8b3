"""The space-time diagram of a run: what every server was and did, and every message between them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.pictures.space_time_legend import draw_legend
from raft_steps.lab.pictures.space_time_paint import Painter
from raft_steps.lab.pictures.space_time_scene import Scene, View, build_scene, read, times_of
from raft_steps.lab.pictures.space_time_summary import alt_text, summary_text
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.trace.narration import decimals_of, window
from raft_steps.lab.trace.trace import Event, Trace

MOST_EVENTS = 300


def timeline(
    trace: Trace,
    *,
    start: float | None = None,
    end: float | None = None,
    heartbeats: bool | str = "auto",
    mark: int | None = None,
    mark_text: str = "",
    title: str | None = None,
    limit: int = MOST_EVENTS,
) -> Picture:
    """Draw the space-time diagram of a run: a lifeline for each server, time downwards, an arrow for each message.

    Args:
        trace: The run.
        start: Where to begin, in seconds.
        end: Where to end, in seconds.
        heartbeats: ``"auto"`` draws those that change nothing pale and without their replies, ``True`` draws all like
            any other message, ``False`` leaves them out.
        mark: The number of an event to ring in red.
        mark_text: What to write at it; by default the event in words.
        title: What the picture is called; by default whose run it is.
        limit: How many messages and notes are drawn at most; the picture says what is left out.

    Raises:
        ScenarioError: One of these is not what it should be.
    """
    if heartbeats not in (True, False, "auto"):
        raise ScenarioError(f'heartbeats is "auto", True or False, not {heartbeats!r}')
    if limit < 1:
        raise ScenarioError(f"limit is how much is drawn at most, 1 or more, not {limit!r}")
    low, high = window(trace, start, end)
    marked = _event_to_mark(trace, mark, low, high)
    scene = _capped(trace, View(low, high, heartbeats, marked, mark_text), limit)
    title = trace.title if title is None else title
    painter = Painter(scene, title, decimals_of(trace))
    drawing = painter.paint()
    drawing.height = draw_legend(drawing, scene, painter.layout.bottom + (60 if scene.left_out else 42))
    alt = alt_text(trace, scene, title)
    return Picture(drawing.svg(alt), alt, summary_text(trace, scene, title))


def _event_to_mark(trace: Trace, mark: int | None, low: int, high: int) -> Event | None:
    """Find the event to ring, which must be one that is drawn."""
    if mark is None:
        return None
    if not 0 <= mark < len(trace):
        raise ScenarioError(f"there is no event {mark}; this trace has the events 0 to {len(trace) - 1}")
    marked = trace.events[mark]
    if not low <= marked.time_us <= high:
        raise ScenarioError(f"event {mark} is at {marked.seconds:g} s, which is not between start and end")
    return marked


def _capped(trace: Trace, view: View, limit: int) -> Scene:
    """Build the scene; of one that is too large the first part, or the part around the marked event."""
    reading = read(trace)
    times = times_of(reading, view)
    if len(times) <= limit:
        return build_scene(reading, view)
    position = bisect_left(times, view.marked.time_us) if view.marked is not None else 0
    first = max(min(position - limit * 3 // 4, len(times) - limit), 0)
    last = first + limit - 1
    low = times[first] if first else view.low
    high = times[last] if last < len(times) - 1 else view.high
    shorter = build_scene(reading, replace(view, low=low, high=high))
    shorter.keep(limit)
    shorter.left_out = (
        f"Only {limit} of {len(times)} events are drawn, from {format_seconds(low)} s to {format_seconds(high)} s."
    )
    if high < view.high:
        shorter.left_out += f" What follows: timeline(start={format_seconds(high)})"
    return shorter
