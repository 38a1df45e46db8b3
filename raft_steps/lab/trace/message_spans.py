"""The messages of a trace, each from its sending to its end, and which of them are idle heartbeats.

An idle heartbeat is an AppendEntries without entries that changed nothing, or the reply to one. Pictures and stories
would be full of them, so they leave them out or draw them pale.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.trace.trace import Event, Trace

# Events of the first kinds make a node act; events of the second kinds that follow on the same server are their effects.
# The player finds causes in the same way: happenings.js has a copy of both sets.
CAUSES = frozenset({"started", "restarted", "delivered", "timer_fired", "asked", "told"})
EFFECTS = frozenset(
    {
        "term",
        "role",
        "appended",
        "truncated",
        "compacted",
        "applied",
        "answered",
        "sent",
        "timer_started",
        "timer_cancelled",
        "failed",
    }
)
# A message that has an effect of these kinds, or changes one of these fields, is not idle.
_WEIGHTY_EFFECTS = frozenset({"term", "role", "appended", "truncated", "compacted", "applied", "answered", "failed"})
_WEIGHTY_FIELDS = frozenset({"current_term", "voted_for", "votes", "acknowledgements", "commit_index", "state_machine"})


@dataclass(slots=True)
class MessageSpan:
    """One message, from its sending to its end.

    Attributes:
        sent: The event in which it was sent.
        cause: The number of the event that made the server send it.
        end: The event in which it arrived or was dropped; None while it is in flight.
        due_us: When it would arrive, in microseconds, including any delay added later.
        copies: The events in which copies of it arrived.
        idle: Whether it is a heartbeat that changed nothing, or the reply to one.
    """

    sent: Event
    cause: int
    end: Event | None = None
    due_us: int = 0
    copies: list[Event] = field(default_factory=list)
    idle: bool = False

    @property
    def type(self) -> str:
        """The type of the message."""
        return str(self.sent["type"])

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the message."""
        return dict(self.sent["fields"])

    def events(self) -> list[Event]:
        """Return all events of this message."""
        return [self.sent, *([self.end] if self.end else []), *self.copies]


def find_causes(trace: Trace) -> list[int]:
    """Return, for each event, the number of the event that caused it; its own number if it was not caused by another."""
    latest: dict[str, int] = {}
    causes = []
    for event in trace:
        if event.kind in CAUSES:
            latest[event.server] = event.number
        causes.append(latest.get(event.server, event.number) if event.kind in EFFECTS else event.number)
    return causes


def find_message_spans(trace: Trace, causes: list[int] | None = None) -> list[MessageSpan]:
    """Return the messages of a trace in the order in which they were sent.

    Args:
        trace: The trace.
        causes: The result of `find_causes`, if the caller has it already.
    """
    causes = causes if causes is not None else find_causes(trace)
    spans: dict[str, MessageSpan] = {}
    for event in trace:
        if event.kind == "sent":
            spans[event["message"]] = MessageSpan(event, causes[event.number], due_us=event["due"])
        elif event.kind == "held" and event["message"] in spans:
            spans[event["message"]].due_us = event["due"]
        elif event.kind in ("delivered", "dropped") and event["message"] in spans:
            span = spans[event["message"]]
            assert span.sent.time_us <= event.time_us, f"{event['message']} ends before it is sent"
            if event.get("copy"):
                span.copies.append(event)
            else:
                span.end = event
    _mark_idle(trace, causes, spans)
    return list(spans.values())


def _mark_idle(trace: Trace, causes: list[int], spans: dict[str, MessageSpan]) -> None:
    """Set `idle` for the heartbeats that changed nothing, and for the replies to them."""
    weighty = {cause for event, cause in zip(trace, causes, strict=True) if _is_weighty(event)}
    arrivals: dict[int, MessageSpan] = {}
    for span in spans.values():
        arrivals |= {event.number: span for event in (span.end, *span.copies) if event and event.kind == "delivered"}
        if span.type == "AppendEntries" and not span.fields.get("entries"):
            span.idle = span.cause not in weighty and not _ends_in(span, weighty)
    # In a second pass: a reply is idle only if its call is, and a call is idle only if its reply is.
    for span in spans.values():
        call = arrivals.get(span.cause)
        if call is None or call.type != "AppendEntries":
            continue
        success = span.type == "AppendEntriesReply" and span.fields.get("success") is not False
        span.idle = success and call.idle and not _ends_in(span, weighty)
        call.idle = call.idle and span.idle


def _is_weighty(event: Event) -> bool:
    if event.kind in _WEIGHTY_EFFECTS:
        return True
    changes = event.detail.get("changes")
    return changes is not None and not _WEIGHTY_FIELDS.isdisjoint(changes)


def _ends_in(span: MessageSpan, numbers: set[int]) -> bool:
    return any(event.number in numbers for event in (span.end, *span.copies) if event is not None)
