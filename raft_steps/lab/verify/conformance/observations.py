"""The watch of a catalogue run: it remembers what the expectations ask for, and holds every event against rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from raft_steps.lab.commands import Ok, Request, Response, Set
from raft_steps.lab.errors import LabError
from raft_steps.lab.log import Entry
from raft_steps.lab.scenario.model import format_seconds
from raft_steps.lab.verify.conformance.traffic import Traffic
from raft_steps.lab.verify.properties import Properties, Rule

if TYPE_CHECKING:
    from raft_steps.lab.log import Change
    from raft_steps.lab.runtime.host import Host


class LeftOutError(LabError):
    """A server carried an entry out, and not the one before it; the run ends there."""


class Witness:
    """Remembers who led, what was carried out, and what clients were told.

    Attributes:
        elections: Who began to lead, when (in microseconds), and in which term.
        applied: What each server has carried out in this life, by index.
        ever_applied: Every command that any server has carried out in any life.
        requests: What each client asked.
        responses: What each client was told.
        traffic: What was sent; None where no expectation asks for it.
    """

    def __init__(self, rules: Iterable[Rule], *, counts: bool = False) -> None:
        """Watch one run.

        Args:
            rules: The rules whose violation ends the run.
            counts: Whether to count what is sent.
        """
        self.properties = Properties(stop_at=rules)
        self.traffic = Traffic() if counts else None
        self.elections: list[tuple[int, str, int]] = []
        self.applied: dict[str, dict[int, Entry]] = {}
        self.ever_applied: set[Request] = set()
        self.requests: dict[str, Request] = {}
        self.responses: dict[str, Response] = {}
        self._leads: dict[str, bool] = {}

    def begins(self, host: Host) -> None:
        """Hear that a life begins."""
        self.properties.begins(host)
        self.applied[host.name], self._leads[host.name] = {}, False

    def asked(self, client: str, request: Request) -> None:
        """Hear what a client asks."""
        self.properties.asked(client, request)
        self.requests[client] = request

    def handled(self, host: Host, now: int, message: object | None, changes: list[Change] | None) -> None:
        """Look at a node that has handled an event.

        Raises:
            PropertyBroken: The event broke a rule that ends the run.
            LeftOutError: The server left an index out.
        """
        self.properties.handled(host, now, message, changes)
        if self.traffic is not None:
            self.traffic.handled(host, now, message, changes)
        leads = getattr(host.node, "is_leader", False)
        if leads != self._leads[host.name]:
            self._leads[host.name] = leads
            if leads:
                self.elections.append((now, host.name, getattr(host.node, "current_term", 0)))
        for effect in host.node.effects:
            if effect[0] == "apply":
                self._applies(host.name, effect[1], now)
            elif effect[0] == "reply":
                self.responses[effect[1]] = effect[2]

    def failed(self, host: Host) -> None:
        """Hear that a server went down in the middle of an event."""
        self.properties.failed(host)

    def _applies(self, name: str, entry: Entry, now: int) -> None:
        applied = self.applied[name]
        if entry.index > 1 and entry.index - 1 not in applied:
            raise LeftOutError(
                f"at {format_seconds(now)} s {name} applies index {entry.index} and has not applied {entry.index - 1}"
            )
        applied[entry.index] = entry
        if entry.command is not None:
            self.ever_applied.add(entry.command)

    def answers(self, request: Request) -> list[Response]:
        """Give what the clients were told that asked this."""
        return [
            self.responses[client]
            for client, asked in self.requests.items()
            if asked == request and client in self.responses
        ]

    def answered_writes(self) -> list[Set]:
        """Give the writes that clients were told are done."""
        return [
            asked
            for client, asked in self.requests.items()
            if isinstance(asked, Set) and isinstance(self.responses.get(client), Ok)
        ]
