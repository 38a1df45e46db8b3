"""The space-time diagram of a run: every server's roles, terms and events, and every message."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.pictures.space_time_paint import SpaceTimePainter, draw_legend
from raft_steps.lab.pictures.space_time_scene import DiagramOptions, Scene, build_scene, index_trace, shown_times
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.text import join_names, plural
from raft_steps.lab.trace.message_spans import find_causes
from raft_steps.lab.trace.narration import decimals_of, event_text, format_time, time_range
from raft_steps.lab.trace.trace import Event, Trace

MAX_EVENTS = 300
MAX_SUMMARY_LINES = 22  # between the first line and the last
# In the list of main events, each event of these kinds has a line. A new role or term has one, too, but the events that
# have one cause share it.
HEADLINE_KINDS = frozenset(
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
        "compacted",
    }
)
NOTABLE_KINDS = HEADLINE_KINDS | {"role", "term"}


def timeline(
    trace: Trace,
    *,
    start: float | None = None,
    end: float | None = None,
    heartbeats: bool | str = "auto",
    mark: int | None = None,
    mark_text: str = "",
    title: str | None = None,
    limit: int = MAX_EVENTS,
) -> Picture:
    """Draw the space-time diagram of a run: a lifeline for each server, time downwards, an arrow for each message.

    Args:
        trace: The run.
        start: The start of the part to draw, in seconds; by default the start of the run.
        end: The end of that part, in seconds; by default the end of the run.
        heartbeats: How to draw heartbeats that changed nothing: ``"auto"`` draws them pale and without their replies,
            ``True`` draws them like other messages, ``False`` leaves them out.
        mark: The number of an event to ring in red.
        mark_text: The text next to that event; by default a description of it.
        title: The title of the picture; by default that of the trace.
        limit: The largest number of messages and annotations to draw. If there are more, a note in the picture says so.

    Raises:
        ScenarioError: An argument is invalid.
    """
    if heartbeats not in (True, False, "auto"):
        raise ScenarioError(f'heartbeats is "auto", True or False, not {heartbeats!r}')
    if limit < 1:
        raise ScenarioError(f"limit is the largest number of events to draw, 1 or more, not {limit!r}")
    start_us, end_us = time_range(trace, start, end)
    marked = _event_to_mark(trace, mark, start_us, end_us)
    scene = _build_limited_scene(trace, DiagramOptions(start_us, end_us, heartbeats, marked, mark_text), limit)
    title = trace.title if title is None else title
    painter = SpaceTimePainter(scene, title, decimals_of(trace))
    drawing = painter.paint()
    drawing.height = draw_legend(drawing, scene, painter.layout.bottom + (60 if scene.left_out else 42))
    alt = alt_text(trace, scene, title)
    return Picture(drawing.svg(alt), alt, summary_text(trace, scene, title))


def _event_to_mark(trace: Trace, mark: int | None, start_us: int, end_us: int) -> Event | None:
    """Return the event to ring, after checking that it is in the part that is drawn."""
    if mark is None:
        return None
    if not 0 <= mark < len(trace):
        raise ScenarioError(f"there is no event {mark}; this trace has the events 0 to {len(trace) - 1}")
    marked = trace.events[mark]
    if not start_us <= marked.time_us <= end_us:
        raise ScenarioError(f"event {mark} is at {marked.seconds:g} s, which is not between start and end")
    return marked


def _build_limited_scene(trace: Trace, options: DiagramOptions, limit: int) -> Scene:
    """Build the scene; if it exceeds the limit, build its first part, or the part around the marked event."""
    index = index_trace(trace)
    times = shown_times(index, options)
    if len(times) <= limit:
        return build_scene(index, options)
    position = bisect_left(times, options.marked.time_us) if options.marked is not None else 0
    first = max(min(position - limit * 3 // 4, len(times) - limit), 0)
    last = first + limit - 1
    start_us = times[first] if first else options.start_us
    end_us = times[last] if last < len(times) - 1 else options.end_us
    scene = build_scene(index, replace(options, start_us=start_us, end_us=end_us))
    scene.truncate(limit)
    start, end = format_seconds(start_us), format_seconds(end_us)
    scene.left_out = f"Only {limit} of {len(times)} events are drawn, from {start} s to {end} s."
    if end_us < options.end_us:
        scene.left_out += f" What follows: timeline(start={end})"
    return scene


def alt_text(trace: Trace, scene: Scene, title: str) -> str:
    """Describe the diagram in one sentence."""
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
    with_counts = f", with {join_names(counts)}" if counts else ""
    name = f" of {title}" if title else ""
    return (
        f"Space-time diagram{name}: {join_names(scene.servers)} from {format_time(scene.start_us, decimals)} s to "
        f"{format_time(scene.end_us, decimals)} s{with_counts}; {_describe_end(scene)}."
    )


def summary_text(trace: Trace, scene: Scene, title: str) -> str:
    """Describe the main events of the diagram, one line each."""
    lines = main_events(trace, scene.start_us, scene.end_us)
    if len(lines) > MAX_SUMMARY_LINES:
        half = MAX_SUMMARY_LINES // 2
        lines = [
            *lines[:half],
            f"{'…':>9}    {len(lines) - MAX_SUMMARY_LINES + 1} more events",
            *lines[half + 1 - MAX_SUMMARY_LINES :],
        ]
    errors = {event["error"] for event in trace.of("failed")}
    marked = [
        f"Marked: {line}" for each in scene.annotations for line in each.lines[: each.alarm_count] if line not in errors
    ]
    messages = plural(sum(not arrow.copy for arrow in scene.arrows), "message")
    head = f"{title + ': ' if title else ''}{join_names(scene.servers)}, {messages} drawn"
    end = _describe_end(scene)
    return "\n".join(
        [head, *([scene.left_out] if scene.left_out else []), *lines, *marked, f"{end[0].upper()}{end[1:]}."]
    )


def main_events(trace: Trace, start_us: int, end_us: int) -> list[str]:
    """Describe the main events of a part of a trace, one line each, without heartbeats and single messages."""
    decimals, causes = decimals_of(trace), find_causes(trace)
    role_of: dict[str, str] = {}
    notable = {cause for event, cause in zip(trace, causes, strict=True) if event.kind in NOTABLE_KINDS}
    events_of: dict[int, list[Event]] = {}
    for event, cause in zip(trace, causes, strict=True):
        if cause in notable:
            events_of.setdefault(cause, []).append(event)
    lines = []
    for events in events_of.values():
        headlines = _headlines(events, role_of)
        role_of |= {event.server: event["role"] for event in events if event.kind == "role"}
        if start_us <= events[0].time_us <= end_us:
            lines += [f"{format_time(events[0].time_us, decimals):>9} s  {line}" for line in headlines]
    return lines


def _headlines(events: list[Event], role_of: dict[str, str]) -> list[str]:
    """Describe the main events among those with one cause. `role_of` contains the roles of the servers before them."""
    lines = [
        event["error"] if event.kind == "failed" else event_text(event)
        for event in events
        if event.kind in HEADLINE_KINDS
    ]
    kinds = {event.kind: event for event in events}
    server, begins = events[0].server, "started" in kinds or "restarted" in kinds
    term = f" in term {kinds['term']['term']}" if "term" in kinds else ""
    if "role" in kinds and not (begins and kinds["role"]["role"] in ("follower", "server")):
        lines.append(f"{server} becomes {kinds['role']['role']}{term}")
    elif "timer_fired" in kinds and term:
        lines.append(f"{server} runs for leader again{term}")
    elif term and not begins and role_of.get(server) in ("leader", "candidate"):
        lines.append(f"{server}, still {role_of[server]}, enters{term.removeprefix(' in')}")
    return lines


def _events_in(trace: Trace, scene: Scene) -> list[Event]:
    return [event for event in trace if scene.start_us <= event.time_us <= scene.end_us]


def _describe_end(scene: Scene) -> str:
    """Describe which servers lead and which are down at the end."""
    servers = scene.last.servers
    if any(state.role == "server" for state in servers.values()):
        leading = ""
    else:
        leaders = [
            f"{name}" + (f" in term {state.fields['current_term']}" if "current_term" in state.fields else "")
            for name, state in servers.items()
            if state.up and state.role == "leader"
        ]
        leading = f"{join_names(leaders)} {'leads' if len(leaders) == 1 else 'lead'}" if leaders else "nobody leads"
    down = [name for name, state in servers.items() if state.life and not state.up]
    parts = [
        part
        for part in (leading, f"{join_names(down)} {'is' if len(down) == 1 else 'are'} down" if down else "")
        if part
    ]
    return f"at the end {' and '.join(parts)}" if parts else "at the end all run"
