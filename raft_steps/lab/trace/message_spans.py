"""The messages of a trace, each from where it left to where it ended, and which of them are but idle heartbeats.

An idle heartbeat is a call without entries that changed nothing, and its answer likewise. A picture or a story that
shows them all hides what matters, so whoever draws or tells asks here which they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.trace.trace import Event, Trace

# Kinds of events that a node is told; the events that follow on the same server are what it did about it.
CAUSES = frozenset({"started", "restarted", "delivered", "timer_fired", "asked"})
EFFECTS = frozenset(
    {
        "term",
        "role",
        "appended",
        "truncated",
        "applied",
        "answered",
        "sent",
        "timer_started",
        "timer_cancelled",
        "failed",
    }
)
# What makes a message more than idle: effects of these kinds, or a change of one of these fields.
_WEIGHTY_EFFECTS = frozenset({"term", "role", "appended", "truncated", "applied", "answered", "failed"})
_WEIGHTY_FIELDS = frozenset({"current_term", "voted_for", "votes", "acknowledgements", "commit_index", "state_machine"})


@dataclass(slots=True)
class MessageSpan:
    """One message on its way.

    Attributes:
        sent: The event in which it left.
        cause: The number of the event that made the sender send it.
        end: The event in which it arrived or was dropped; None while it is on its way.
        due_us: When it would arrive, in microseconds, after all that held it back.
        copies: The events in which copies of it arrived.
        idle: Whether it is a heartbeat, or the answer to one, that changed nothing.
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
        """What the message holds."""
        return dict(self.sent["fields"])

    def events(self) -> list[Event]:
        """Give all events of this message."""
        return [self.sent, *([self.end] if self.end else []), *self.copies]


def groups_of(trace: Trace) -> list[int]:
    """Say for each event which event brought it about: the number of that one, or its own."""
    latest: dict[str, int] = {}
    groups = []
    for event in trace:
        if event.kind in CAUSES:
            latest[event.server] = event.number
        groups.append(latest.get(event.server, event.number) if event.kind in EFFECTS else event.number)
    return groups


def flights_of(trace: Trace, groups: list[int] | None = None) -> list[MessageSpan]:
    """Give the messages of a trace in the order in which they left."""
    groups = groups if groups is not None else groups_of(trace)
    flights: dict[str, MessageSpan] = {}
    for event in trace:
        if event.kind == "sent":
            flights[event["message"]] = MessageSpan(event, groups[event.number], due_us=event["due"])
        elif event.kind == "held" and event["message"] in flights:
            flights[event["message"]].due_us = event["due"]
        elif event.kind in ("delivered", "dropped") and event["message"] in flights:
            flight = flights[event["message"]]
            if event.get("copy"):
                flight.copies.append(event)
            else:
                flight.end = event
    _find_idle(trace, groups, flights)
    return list(flights.values())


def _find_idle(trace: Trace, groups: list[int], flights: dict[str, MessageSpan]) -> None:
    weighty = {group for event, group in zip(trace, groups, strict=True) if _is_weighty(event)}
    arrivals: dict[int, MessageSpan] = {}
    for flight in flights.values():
        arrivals |= {
            event.number: flight for event in (flight.end, *flight.copies) if event and event.kind == "delivered"
        }
        if flight.type == "AppendEntries" and not flight.fields.get("entries"):
            flight.idle = flight.cause not in weighty and not _ends_in(flight, weighty)
    for flight in flights.values():
        call = arrivals.get(flight.cause)
        if call is None or call.type != "AppendEntries":
            continue
        success = flight.type == "AppendEntriesReply" and flight.fields.get("success") is not False
        flight.idle = success and call.idle and not _ends_in(flight, weighty)
        call.idle = call.idle and flight.idle


def _is_weighty(event: Event) -> bool:
    if event.kind in _WEIGHTY_EFFECTS:
        return True
    changes = event.detail.get("changes")
    return changes is not None and not _WEIGHTY_FIELDS.isdisjoint(changes)


def _ends_in(flight: MessageSpan, groups: set[int]) -> bool:
    return any(event.number in groups for event in (flight.end, *flight.copies) if event is not None)
