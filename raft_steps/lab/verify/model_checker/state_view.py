"""What a predicate sees of a state: the servers and their logs, the messages in flight, and the history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raft_steps.lab.log import Log
from raft_steps.lab.verify.model_checker.facts import Fact, facts_of_kind


@dataclass(frozen=True, slots=True)
class ServerView:
    """One server in a state.

    Attributes:
        name: Its name.
        node: Its node, to be read and not changed; None while the server is down.
        log: Its log; while the server is down, the log on its disk.
        timers: The names of its running timers.
    """

    name: str
    node: Any
    log: Log
    timers: tuple[str, ...]

    @property
    def term(self) -> int:
        """Its current term; -1 while the server is down."""
        return int(getattr(self.node, "current_term", 0)) if self.node is not None else -1

    @property
    def leads(self) -> bool:
        """Whether it runs and believes that it leads."""
        return self.node is not None and bool(getattr(self.node, "is_leader", False))


@dataclass(frozen=True, slots=True)
class PacketView:
    """A message in flight."""

    sender: str
    to: str
    message: Any


@dataclass(frozen=True, slots=True)
class StateView:
    """A state of the cluster.

    Attributes:
        servers: Every server, by name.
        in_flight: The messages in flight; one that was sent twice is there twice.
        facts: The facts of the history, of the kinds that some predicate needs; see `facts`.
    """

    servers: dict[str, ServerView]
    in_flight: tuple[PacketView, ...]
    facts: frozenset[Fact]

    def __getitem__(self, name: str) -> ServerView:
        """Return one server."""
        return self.servers[name]

    def __iter__(self) -> Iterator[ServerView]:
        """Iterate over the servers."""
        return iter(self.servers.values())

    def up(self) -> list[ServerView]:
        """Return the servers that run."""
        return [server for server in self.servers.values() if server.node is not None]

    def leaders(self) -> list[ServerView]:
        """Return the servers that run and believe that they lead."""
        return [server for server in self.servers.values() if server.leads]

    def history(self, kind: str) -> list[Fact]:
        """Return the facts of a kind, each without the kind; the module `facts` lists the kinds and their parts."""
        return facts_of_kind(self.facts, kind)
