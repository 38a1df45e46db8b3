"""The monitor of a catalogue run: it checks rules at every event and records what expectations refer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import Ok, Request, Response, Set
from raft_steps.lab.errors import LabError
from raft_steps.lab.log import Entry
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.verify.conformance.traffic import Traffic
from raft_steps.lab.verify.properties import Properties, Rule

if TYPE_CHECKING:
    from raft_steps.lab.log import Change, Snapshot
    from raft_steps.lab.runtime.host import Host


class SkippedIndexError(LabError):
    """A server applied an entry, but not the one before it; the run ends there."""


class Observations:
    """A monitor that records elections, applied entries, and the requests and answers of clients.

    Attributes:
        elections: Each election: when (in microseconds), the new leader and its term.
        applied: The entries that each server has applied in its current life, or has the results of in a snapshot, by
            index.
        ever_applied: Every command that any server has ever applied.
        requests: The request of each client.
        responses: The response to each client.
        traffic: The counts of messages; None if no expectation is about them.
    """

    def __init__(self, rules: Iterable[Rule], *, count_traffic: bool = False) -> None:
        """Build a monitor for one run.

        Args:
            rules: The rules whose violation ends the run.
            count_traffic: Whether to count calls and bytes.
        """
        self.properties = Properties(stop_at=rules)
        self.traffic = Traffic() if count_traffic else None
        self.elections: list[tuple[int, str, int]] = []
        self.applied: dict[str, dict[int, Entry]] = {}
        self.ever_applied: set[Request] = set()
        self._first_applied: dict[int, Entry] = {}  # by any server, by index
        self.requests: dict[str, Request] = {}
        self.responses: dict[str, Response] = {}
        self._is_leader: dict[str, bool] = {}

    def begins(self, host: Host) -> None:
        """Called when a server starts or restarts; the state machine of its former life is gone."""
        self.properties.begins(host)
        self.applied[host.name], self._is_leader[host.name] = {}, False
        if (snapshot := getattr(getattr(host.node, "log", None), "snapshot", None)) is not None:
            self._record_snapshot(host.name, snapshot)

    def asked(self, client: str, request: Request) -> None:
        """Called when a client asks a server."""
        self.properties.asked(client, request)
        self.requests[client] = request

    def handled(self, host: Host, now_us: int, message: object | None, changes: list[Change] | None) -> None:
        """Called when a node has handled an event, before its effects leave.

        Raises:
            PropertyBroken: The event broke a rule that ends the run.
            SkippedIndexError: The server skipped an index.
        """
        self.properties.handled(host, now_us, message, changes)
        if self.traffic is not None:
            self.traffic.handled(host, now_us, message, changes)
        is_leader = getattr(host.node, "is_leader", False)
        if is_leader != self._is_leader[host.name]:
            self._is_leader[host.name] = is_leader
            if is_leader:
                self.elections.append((now_us, host.name, getattr(host.node, "current_term", 0)))
        for change in changes or ():
            if change[0] == "compact" and not _applies_up_to(host.node, change[1]):
                self._record_snapshot(host.name, change[1])
        for effect in host.node.effects:
            if effect[0] == "apply":
                self._record_applied(host.name, effect[1], now_us)
            elif effect[0] == "reply":
                self.responses[effect[1]] = effect[2]

    def failed(self, host: Host) -> None:
        """Called when a server crashes in the middle of an event."""
        self.properties.failed(host)

    def _record_applied(self, name: str, entry: Entry, now_us: int) -> None:
        applied = self.applied[name]
        if entry.index > 1 and entry.index - 1 not in applied:
            raise SkippedIndexError(
                f"at {format_seconds(now_us)} s {name} applies index {entry.index} and has not applied {entry.index - 1}"
            )
        applied[entry.index] = entry
        self._first_applied.setdefault(entry.index, entry)
        if entry.command is not None:
            self.ever_applied.add(entry.command)

    def _record_snapshot(self, name: str, snapshot: Snapshot) -> None:
        applied = self.applied[name]
        for index in range(1, snapshot.last_included_index + 1):
            if index not in applied and index in self._first_applied:
                applied[index] = self._first_applied[index]

    def answers(self, request: Request) -> list[Response]:
        """Return the responses to this request, one for each client that asked it and was answered."""
        return [
            self.responses[client]
            for client, asked in self.requests.items()
            if asked == request and client in self.responses
        ]

    def answered_writes(self) -> list[Set]:
        """Return the writes that were answered with Ok."""
        return [
            asked
            for client, asked in self.requests.items()
            if isinstance(asked, Set) and isinstance(self.responses.get(client), Ok)
        ]


def _applies_up_to(node: Any, snapshot: Snapshot) -> bool:
    """Return whether a node applies the last entry of a snapshot in the same event: then it has taken that itself."""
    return any(effect[0] == "apply" and effect[1].index == snapshot.last_included_index for effect in node.effects)
