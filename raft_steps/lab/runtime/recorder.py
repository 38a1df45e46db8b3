"""Writes the trace of a run: what happened, and what each event changed.

A run without a recorder is several times faster and behaves the same: a recorder reads nodes and never changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Protocol

from raft_steps.lab.commands import Response, command_text
from raft_steps.lab.log import Change, Entry, Log, Snapshot
from raft_steps.lab.messages import as_data, checked_fields
from raft_steps.lab.node import Effect
from raft_steps.lab.runtime.host import Host, fields_reader
from raft_steps.lab.trace.trace import Trace

# The fields of a node that are not part of its recorded state: they belong to the driver, never change, or, as the log,
# have their own events.
NOT_STATE = frozenset({"name", "servers", "random", "effects", "log"})


class Route(Protocol):
    """One direction between two servers, which numbers the messages sent that way."""

    sender: str
    receiver: str
    name: str


class Note(Protocol):
    """Records an event that changes no node, at the present time; without a recorder it does nothing."""

    def __call__(self, kind: str, server: str = "", **detail: Any) -> None:
        """Record the event."""


class Recorder:
    """Writes events to a trace, and with each event what it changed.

    Attributes:
        trace: The trace.
    """

    def __init__(self, trace: Trace) -> None:
        """Write to this trace."""
        self.trace = trace
        self._state: dict[str, tuple[Any, ...]] = dict.fromkeys(trace.servers, ())  # as it was after the last event
        self._last_detail: dict[str, Any] | None = None  # of the last event that a node handled
        self._roles: dict[str, str] = {}
        self._candidacies: dict[str, int | None] = {}  # the term in which a server is a candidate; None if it is not

    def event(self, time_us: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Record an event that changes no node."""
        self.trace.add(time_us, kind, server, detail)

    def life_begins(self, host: Host) -> dict[str, Any]:
        """Forget the state of a server, which begins a new life; return what the event of its start says about its log."""
        self._state[host.name] = ()
        self._candidacies[host.name] = None
        self._roles.pop(host.name, None)
        return _log_detail(host.node)

    def handled(self, time_us: int, host: Host, kind: str, detail: dict[str, Any]) -> None:
        """Record an event that a node has handled, and what it changed."""
        self._last_detail = detail
        changes = self._changes(host)
        written = _as_trace_data(detail) if "request" in detail or "log" in detail else detail
        if changes:
            written["changes"] = changes
        self.trace.add(time_us, kind, host.name, written)
        if "current_term" in changes:
            self.event(time_us, "term", host.name, {"term": changes["current_term"]})
        self._record_role(time_us, host, kind, written)

    def _changes(self, host: Host) -> dict[str, Any]:
        """Return the fields of a server's node that have changed since the last event, as data."""
        names, read_fields = state_fields(type(host.node))
        values, before = read_fields(host.node), self._state[host.name]
        if values == before:
            return {}
        changed = [place for place, value in enumerate(values) if not before or before[place] != value]
        kept = list(before or values)
        for place in changed:
            kept[place] = _copy(values[place])
        self._state[host.name] = tuple(kept)
        return {names[place]: as_data(values[place]) for place in changed}

    def failed(self, time_us: int, host: Host, kind: str, detail: dict[str, Any], error: str) -> None:
        """Record that a node failed in an event; first the event itself, if `handled` has not recorded it."""
        if self._last_detail is not detail:
            self.trace.add(time_us, kind, host.name, _as_trace_data(detail))
        self.event(time_us, "failed", host.name, {"error": error})

    def _record_role(self, time_us: int, host: Host, kind: str, detail: dict[str, Any]) -> None:
        """Record the role of a server, if it is a new one.

        A node stores whether it leads, but not whether it is a candidate: it becomes one when it sends RequestVote, and
        remains one until it leads, receives a call of a leader, or is in another term than the one in which it asked.
        """
        node, name = host.node, host.name
        is_leader, term = getattr(node, "is_leader", None), getattr(node, "current_term", 0)
        if _asks_for_votes(node.effects):
            self._candidacies[name] = term
        elif is_leader or term != self._candidacies[name] or self._is_call_of_leader(kind, detail, node):
            self._candidacies[name] = None
        role = (
            "server" if is_leader is None
            else "leader" if is_leader
            else "candidate" if self._candidacies[name] is not None
            else "follower"
        )  # fmt: skip
        if self._roles.get(name) != role:
            self._roles[name] = role
            self.event(time_us, "role", name, {"role": role})

    def _is_call_of_leader(self, kind: str, detail: dict[str, Any], node: Any) -> bool:
        """Return whether an event was the call of a leader whose term is not older than the node's."""
        if kind != "delivered" or detail["type"] != "AppendEntries":
            return False
        term, own = detail.get("term"), getattr(node, "current_term", 0)
        if term is None or not (isinstance(term, int) and isinstance(own, int)):
            return True  # A term of another type cannot be compared; whether that is right is the Node's business.
        return term >= own

    def stored(self, time_us: int, host: Host, changes: list[Change]) -> None:
        """Record what happened to a server's log."""
        for change in changes:
            if change[0] == "append":
                self.event(time_us, "appended", host.name, entry_data(change[1]))
            elif change[0] == "compact":
                self.event(time_us, "compacted", host.name, snapshot_data(change[1]))
            else:
                self.event(time_us, "truncated", host.name, {"after": change[1]})

    def sent(self, time_us: int, route: Route, number: int, message: object, due_us: int) -> None:
        """Check the fields of a message that leaves, and record it.

        Raises:
            MessageError: A field has a value that its annotation does not allow.
        """
        data, kind, to = checked_fields(message), type(message).__name__, route.receiver
        detail = {"message": f"{route.name}#{number}", "to": to, "type": kind, "fields": data, "due": due_us}
        self.trace.add(time_us, "sent", route.sender, detail)

    def arrival(self, route: Route, message: Any, number: int) -> dict[str, Any]:
        """Return the details of a message that arrives; a duplicate has the negative number of its message."""
        detail = {"message": f"{route.name}#{abs(number)}", "from": route.sender, "type": type(message).__name__}
        if hasattr(message, "term"):
            detail["term"] = message.term
        return detail if number > 0 else detail | {"copy": True}

    def applied(self, time_us: int, server: str, entry: Entry) -> None:
        """Record that a server applied an entry."""
        self.event(time_us, "applied", server, entry_data(entry))

    def answered(self, time_us: int, server: str, client: str, response: Response) -> None:
        """Record the answer to a client."""
        data = as_data(response)
        self.event(time_us, "answered", server, {"client": client, "response": data.pop("type"), **data})


def _copy(value: Any) -> Any:
    """Copy what a node may change in place; messages and entries are immutable."""
    if isinstance(value, set):
        return set(value)
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _asks_for_votes(effects: list[Effect]) -> bool:
    """Return whether a node sends RequestVote."""
    return any(effect[0] == "send" and type(effect[2]).__name__ == "RequestVote" for effect in effects)


def _as_trace_data(detail: dict[str, Any]) -> dict[str, Any]:
    """Copy an event's details, with the request and the log as a trace holds them."""
    detail = dict(detail)
    if "request" in detail:
        detail["request"] = command_text(detail["request"])
    if "log" in detail:
        detail["log"] = [entry_data(entry) for entry in detail["log"]]
    return detail


def _log_detail(node: Any) -> dict[str, Any]:
    """Return what the event of a node's start says about its log; a log without a snapshot says nothing about one."""
    log = getattr(node, "log", ())
    snapshot = log.snapshot if isinstance(log, Log) else None
    return {"log": list(log)} | ({} if snapshot is None else {"snapshot": snapshot_data(snapshot)})


def snapshot_data(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a trace holds of a snapshot."""
    index, term = snapshot.last_included_index, snapshot.last_included_term
    return {"index": index, "term": term, "data": snapshot.data}


def entry_data(entry: Entry) -> dict[str, Any]:
    """Return what a trace holds of an entry."""
    return {"index": entry.index, "term": entry.term, "command": command_text(entry.command)}


ReadFields = Callable[[Any], tuple[Any, ...]]
_STATE_FIELDS: dict[type, tuple[tuple[str, ...], ReadFields]] = {}


def state_fields(node_class: type) -> tuple[tuple[str, ...], ReadFields]:
    """Return the names of the fields that a trace shows of a node, and a function that reads them all."""
    if node_class not in _STATE_FIELDS:
        names = tuple(f.name for f in fields(node_class) if f.name not in NOT_STATE)
        _STATE_FIELDS[node_class] = names, fields_reader(names)
    return _STATE_FIELDS[node_class]
