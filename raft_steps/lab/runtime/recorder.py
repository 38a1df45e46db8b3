"""Writes the trace of a run: what happened, and what each event changed.

A run without a recorder is several times faster and behaves the same: a recorder reads nodes and never changes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

from raft_steps.lab.commands import Response, command_text
from raft_steps.lab.log import Change, Entry
from raft_steps.lab.messages import as_data, checked_fields
from raft_steps.lab.node import Effect
from raft_steps.lab.trace.trace import Trace

if TYPE_CHECKING:
    from raft_steps.lab.runtime.host import Host

# Fields of every node that are the driver's, or told by events of their own.
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
    """Writes what happens to a trace, with what each event changed."""

    def __init__(self, trace: Trace) -> None:
        """Write to this trace."""
        self.trace = trace
        self.known: dict[str, tuple[Any, ...]] = dict.fromkeys(trace.servers, ())
        self.told: dict[str, Any] | None = None  # the details of the last event that was written down
        self.roles: dict[str, str] = {}
        self.runs_for_leader: dict[str, int | None] = {}  # in which term each server runs, if it does

    def event(self, time: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Write down an event that changes no node."""
        self.trace.add(time, kind, server, detail)

    def life_begins(self, host: Host) -> None:
        """Forget what was known of a server: it begins a new life."""
        self.known[host.name] = ()
        self.runs_for_leader[host.name] = None
        self.roles.pop(host.name, None)

    def handled(self, time: int, host: Host, kind: str, detail: dict[str, Any]) -> None:
        """Write down an event that a node has handled, and what it changed."""
        self.told = detail
        changes = self._changes(host)
        written = _in_words(detail) if "request" in detail or "log" in detail else detail
        if changes:
            written["changes"] = changes
        self.trace.add(time, kind, host.name, written)
        if "current_term" in changes:
            self.event(time, "term", host.name, {"term": changes["current_term"]})
        self._tell_role(time, host, kind, written)

    def _changes(self, host: Host) -> dict[str, Any]:
        """Give the fields of a server's node that are not what they were, as data."""
        names, look = state_fields(type(host.node))
        values, known = look(host.node), self.known[host.name]
        if values == known:
            return {}
        changed = [place for place, value in enumerate(values) if not known or known[place] != value]
        kept = list(known or values)
        for place in changed:
            kept[place] = _copy(values[place])
        self.known[host.name] = tuple(kept)
        return {names[place]: as_data(values[place]) for place in changed}

    def failed(self, time: int, host: Host, kind: str, detail: dict[str, Any], error: str) -> None:
        """Write down that a node failed in an event, and the event itself if that is not written yet."""
        if self.told is not detail:
            self.trace.add(time, kind, host.name, _in_words(detail))
        self.event(time, "failed", host.name, {"error": error})

    def _tell_role(self, time: int, host: Host, kind: str, detail: dict[str, Any]) -> None:
        """Write down a new role. A candidacy is what a server says, not what it stores: it begins with RequestVote.

        It ends when the server leads, hears a leader, or is in another term than the one in which it asked for votes.
        """
        node, name = host.node, host.name
        is_leader, term = getattr(node, "is_leader", None), getattr(node, "current_term", 0)
        if _asks_for_votes(node.effects):
            self.runs_for_leader[name] = term
        elif is_leader or term != self.runs_for_leader[name] or self._hears_leader(kind, detail, node):
            self.runs_for_leader[name] = None
        role = (
            "server" if is_leader is None
            else "leader" if is_leader
            else "candidate" if self.runs_for_leader[name] is not None
            else "follower"
        )  # fmt: skip
        if self.roles.get(name) != role:
            self.roles[name] = role
            self.event(time, "role", name, {"role": role})

    def _hears_leader(self, kind: str, detail: dict[str, Any], node: Any) -> bool:
        """Say whether the event was a call of a leader that is not of an older term."""
        if kind != "delivered" or detail["type"] != "AppendEntries":
            return False
        term = detail.get("term")
        return term is None or term >= getattr(node, "current_term", 0)

    def stored(self, time: int, host: Host, changes: list[Change]) -> None:
        """Write down what happened to a server's log."""
        for change in changes:
            if change[0] == "append":
                self.event(time, "appended", host.name, entry_data(change[1]))
            else:
                self.event(time, "truncated", host.name, {"after": change[1]})

    def sent(self, time: int, route: Route, number: int, message: object, due: int) -> None:
        """Write down a message that leaves, after a look at its fields.

        Raises:
            MessageError: A field does not hold what its annotation says.
        """
        data, kind, to = checked_fields(message), type(message).__name__, route.receiver
        detail = {"message": f"{route.name}#{number}", "to": to, "type": kind, "fields": data, "due": due}
        self.trace.add(time, "sent", route.sender, detail)

    def arrival(self, route: Route, message: Any, number: int) -> dict[str, Any]:
        """Describe a message at the end of its way; a copy that the network made has a negative number."""
        detail = {"message": f"{route.name}#{abs(number)}", "from": route.sender, "type": type(message).__name__}
        if hasattr(message, "term"):
            detail["term"] = message.term
        return detail if number > 0 else detail | {"copy": True}

    def applied(self, time: int, server: str, entry: Entry) -> None:
        """Write down that a server carried out an entry."""
        self.event(time, "applied", server, entry_data(entry))

    def answered(self, time: int, server: str, client: str, response: Response) -> None:
        """Write down what a client was told."""
        data = as_data(response)
        self.event(time, "answered", server, {"client": client, "response": data.pop("type"), **data})


def _copy(value: Any) -> Any:
    """Copy what a node may go on changing; messages and entries are immutable."""
    if isinstance(value, set):
        return set(value)
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _asks_for_votes(effects: list[Effect]) -> bool:
    """Say whether a node runs for leader with what it does."""
    return any(effect[0] == "send" and type(effect[2]).__name__ == "RequestVote" for effect in effects)


def _in_words(detail: dict[str, Any]) -> dict[str, Any]:
    """Spell what the simulation hands over as objects, for it knows no spelling."""
    detail = dict(detail)
    if "request" in detail:
        detail["request"] = command_text(detail["request"])
    if "log" in detail:
        detail["log"] = [entry_data(entry) for entry in detail["log"]]
    return detail


def entry_data(entry: Entry) -> dict[str, Any]:
    """Turn an entry into what a trace holds of it."""
    return {"index": entry.index, "term": entry.term, "command": command_text(entry.command)}


Look = Callable[[Any], tuple[Any, ...]]
_STATE_FIELDS: dict[type, tuple[tuple[str, ...], Look]] = {}


def state_fields(node_class: type) -> tuple[tuple[str, ...], Look]:
    """Name the fields of a node that a trace shows, and give a quick look at all of them."""
    if node_class not in _STATE_FIELDS:
        names = tuple(f.name for f in fields(node_class) if f.name not in NOT_STATE)
        look: Look = attrgetter(*names) if len(names) > 1 else lambda node: tuple(getattr(node, name) for name in names)
        _STATE_FIELDS[node_class] = names, look
    return _STATE_FIELDS[node_class]
