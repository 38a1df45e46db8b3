"""A space-time diagram in words: one sentence for its alternative text, and its main events as a short list."""

from __future__ import annotations

from raft_steps.lab.pictures.space_time_scene import Scene
from raft_steps.lab.text import plural, several
from raft_steps.lab.trace.message_spans import groups_of
from raft_steps.lab.trace.narration import clock, decimals_of, event_text
from raft_steps.lab.trace.trace import Event, Trace

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
        f"Space-time diagram{name}: {several(scene.servers)} from {clock(scene.low, decimals)} s to "
        f"{clock(scene.high, decimals)} s{told}; {_end(scene)}."
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
    decimals, groups = decimals_of(trace), groups_of(trace)
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
            lines += [f"{clock(events[0].time_us, decimals):>9} s  {line}" for line in told]
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
