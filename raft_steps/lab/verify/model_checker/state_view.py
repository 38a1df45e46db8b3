"""What a predicate sees of a state: the servers, their logs, what is on its way, and what has happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raft_steps.lab.log import Log
from raft_steps.lab.verify.model_checker.facts import Fact, of_kind


@dataclass(frozen=True, slots=True)
class Seen:
    """One server in a state.

    Attributes:
        name: Its name.
        node: Its node, to look at and not to change; None while it is down.
        log: Its log; while it is down, what its disk holds of it.
        timers: The names of its running timers.
    """

    name: str
    node: Any
    log: Log
    timers: tuple[str, ...]

    @property
    def term(self) -> int:
        """Its term; -1 while it is down."""
        return int(getattr(self.node, "current_term", 0)) if self.node is not None else -1

    @property
    def leads(self) -> bool:
        """Whether it runs and believes to lead."""
        return self.node is not None and bool(getattr(self.node, "is_leader", False))


@dataclass(frozen=True, slots=True)
class Flying:
    """A message on its way."""

    sender: str
    to: str
    message: Any


@dataclass(frozen=True, slots=True)
class Look:
    """A state, to look at.

    Attributes:
        servers: Every server, by name.
        in_flight: The messages on their way; one that was sent twice is there twice.
        facts: What has happened, as `history` explains.
    """

    servers: dict[str, Seen]
    in_flight: tuple[Flying, ...]
    facts: frozenset[Fact]

    def __getitem__(self, name: str) -> Seen:
        """Give one server."""
        return self.servers[name]

    def __iter__(self) -> Iterator[Seen]:
        """Go through the servers."""
        return iter(self.servers.values())

    def up(self) -> list[Seen]:
        """Give the servers that run."""
        return [server for server in self.servers.values() if server.node is not None]

    def leaders(self) -> list[Seen]:
        """Give the servers that run and believe to lead."""
        return [server for server in self.servers.values() if server.leads]

    def history(self, kind: str) -> list[Fact]:
        """Give the facts of a kind, without the kind."""
        return of_kind(self.facts, kind)
