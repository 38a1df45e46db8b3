"""The space-time diagram of a run: what every server was and did, and every message between them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.pictures.space_time_paint import Painter, draw_legend
from raft_steps.lab.pictures.space_time_scene import Scene, View, build_scene, read, times_of
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.text import plural, several
from raft_steps.lab.trace.message_spans import find_causes
from raft_steps.lab.trace.narration import decimals_of, event_text, format_time, time_range
from raft_steps.lab.trace.trace import Event, Trace

MOST_EVENTS = 300
MOST_LINES = 22  # between the sentence at the top and the one at the end
TOLD = frozenset(
    {
        "crashed",
        "restarted",
        "paused",
        "resumed",
        "partitioned",
        "cut",
        "healed",
        "failed",
        "note",
        "asked",
        "answered",
        "truncated",
    }
)
TELLING = TOLD | {"role", "term"}  # What an event brought about is worth words only if one of these is among it.


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
    low, high = time_range(trace, start, end)
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


def alt_text(trace: Trace, scene: Scene, title: str) -> str:
    """Say in one sentence what the diagram shows."""
    decimals = decimals_of(trace)
    events = _events_in(trace, scene)
    counts = [
        (plural(sum(event.kind == kind for event in events), noun))
        for kind, noun in (("crashed", "crash"), ("partitioned", "partition"), ("failed", "error"))
        if any(event.kind == kind for event in events)
    ]
    elections = sum(event.kind == "timer_fired" and event["timer"] == "election" for event in events)
    if elections:
        counts.insert(0, plural(elections, "election timeout"))
    told = f", with {several(counts)}" if counts else ""
    name = f" of {title}" if title else ""
    return (
        f"Space-time diagram{name}: {several(scene.servers)} from {format_time(scene.low, decimals)} s to "
        f"{format_time(scene.high, decimals)} s{told}; {_end(scene)}."
    )


def summary_text(trace: Trace, scene: Scene, title: str) -> str:
    """Tell the diagram's main events, a line each."""
    lines = main_events(trace, scene.low, scene.high)
    if len(lines) > MOST_LINES:
        half = MOST_LINES // 2
        lines = [
            *lines[:half],
            f"{'…':>9}    {len(lines) - MOST_LINES + 1} more events",
            *lines[half + 1 - MOST_LINES :],
        ]
    errors = {event["error"] for event in trace.of("failed")}
    marked = [f"Marked: {line}" for note in scene.notes for line in note.lines[: note.loud] if line not in errors]
    messages = plural(sum(not arrow.copy for arrow in scene.arrows), "message")
    head = f"{title + ': ' if title else ''}{several(scene.servers)}, {messages} drawn"
    end = _end(scene)
    return "\n".join(
        [head, *([scene.left_out] if scene.left_out else []), *lines, *marked, f"{end[0].upper()}{end[1:]}."]
    )


def main_events(trace: Trace, low: int, high: int) -> list[str]:
    """Tell what matters most of a stretch of a trace, a line each, without heartbeats and single messages."""
    decimals, groups = decimals_of(trace), find_causes(trace)
    role: dict[str, str] = {}
    telling = {group for event, group in zip(trace, groups, strict=True) if event.kind in TELLING}
    together: dict[int, list[Event]] = {}
    for event, group in zip(trace, groups, strict=True):
        if group in telling:
            together.setdefault(group, []).append(event)
    lines = []
    for events in together.values():
        told = _headlines(events, role)
        role |= {event.server: event["role"] for event in events if event.kind == "role"}
        if low <= events[0].time_us <= high:
            lines += [f"{format_time(events[0].time_us, decimals):>9} s  {line}" for line in told]
    return lines


def _headlines(events: list[Event], role: dict[str, str]) -> list[str]:
    """Tell what matters of the events that one event brought about."""
    lines = [event["error"] if event.kind == "failed" else event_text(event) for event in events if event.kind in TOLD]
    kinds = {event.kind: event for event in events}
    server, begins = events[0].server, "started" in kinds or "restarted" in kinds
    term = f" in term {kinds['term']['term']}" if "term" in kinds else ""
    if "role" in kinds and not (begins and kinds["role"]["role"] in ("follower", "server")):
        lines.append(f"{server} becomes {kinds['role']['role']}{term}")
    elif "timer_fired" in kinds and term:
        lines.append(f"{server} runs for leader again{term}")
    elif term and not begins and role.get(server) in ("leader", "candidate"):
        lines.append(f"{server}, still {role[server]}, enters{term.removeprefix(' in')}")
    return lines


def _events_in(trace: Trace, scene: Scene) -> list[Event]:
    return [event for event in trace if scene.low <= event.time_us <= scene.high]


def _end(scene: Scene) -> str:
    """Say who leads at the end, and who is down."""
    servers = scene.last.servers
    if any(state.role == "server" for state in servers.values()):
        leading = ""
    else:
        leaders = [
            f"{name}" + (f" in term {state.fields['current_term']}" if "current_term" in state.fields else "")
            for name, state in servers.items()
            if state.up and state.role == "leader"
        ]
        leading = f"{several(leaders)} {'leads' if len(leaders) == 1 else 'lead'}" if leaders else "nobody leads"
    down = [name for name, state in servers.items() if state.life and not state.up]
    parts = [
        part for part in (leading, f"{several(down)} {'is' if len(down) == 1 else 'are'} down" if down else "") if part
    ]
    return f"at the end {' and '.join(parts)}" if parts else "at the end all run"
