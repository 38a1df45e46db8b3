"""What a predicate sees of a state: the servers and their logs, the messages in flight, and the history.

A view notes what a predicate looks at. A search leaves out what no predicate looks at, such as the arrival of a message
that changes nothing, and evaluates a predicate once for all states that are equal in the parts that it declares. Both
would be wrong without anyone noticing if a predicate looked at more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.facts import KINDS, Fact, facts_of_kind


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


@dataclass(slots=True)
class Looks:
    """What a predicate may look at, and what it has looked at in one state.

    Attributes:
        predicate: The name of the predicate, for error messages.
        declared: The parts of a state that it declares to read; see `Predicate.reads`.
        messages: Whether it has looked at the messages in flight.
        kinds: The kinds of facts that it has looked at.
    """

    predicate: str
    declared: frozenset[str]
    messages: bool = False
    kinds: set[str] = field(default_factory=set)

    def check(self, what: str, *parts: str) -> None:
        """Check that the predicate declares one of these parts.

        Raises:
            ScenarioError: It does not. What was found for one state would then be taken for the finding in others.
        """
        if not self.declared & set(parts):
            listed = ", ".join(sorted(self.declared)) or "nothing"
            raise ScenarioError(
                f"{self.predicate!r} looks at {what} and declares reads={{{listed}}}; add {parts[0]!r} to what it reads"
            )


class LogView:
    """One server, for a predicate that declares to read the logs alone."""

    __slots__ = ("_looks", "log", "name")

    def __init__(self, server: ServerView, looks: Looks) -> None:
        """Show the name and the log of a server."""
        self.name, self.log, self._looks = server.name, server.log, looks

    def __getattr__(self, name: str) -> Any:
        """Refuse to show anything else.

        Raises:
            ScenarioError: A predicate looks at something that it does not declare.
            AttributeError: A server has nothing of this name.
        """
        if hasattr(ServerView, name):
            self._looks.check(f"{name} of a server", "nodes")
        raise AttributeError(f"a server has no {name!r}")


class StateView:
    """A state of the cluster.

    A message stays in flight until it arrives or is dropped: also one to a server that is down, and one on a link that
    carries nothing.

    Attributes:
        members: The servers that make up the cluster at first.
    """

    __slots__ = ("_facts", "_in_flight", "_looks", "_servers", "members")

    def __init__(
        self,
        servers: Mapping[str, ServerView],
        in_flight: tuple[PacketView, ...],
        facts: frozenset[Fact],
        looks: Looks | None = None,
        *,
        members: tuple[str, ...] = (),
    ) -> None:
        """Show a state.

        Args:
            servers: Every server, by name.
            in_flight: The messages in flight; one that was sent twice is there twice.
            facts: The facts of the history.
            looks: Notes what a predicate looks at; None if it may look at everything.
            members: The servers that make up the cluster at first; all by default.
        """
        self.members = members or tuple(servers)
        self._servers, self._in_flight, self._facts, self._looks = servers, in_flight, facts, looks
        if looks is not None and "nodes" not in looks.declared:
            self._servers = {name: LogView(server, looks) for name, server in servers.items()}  # type: ignore[misc]

    @property
    def servers(self) -> Mapping[str, ServerView]:
        """Every server, by name."""
        if self._looks is not None:
            self._looks.check("the servers", "nodes", "logs")
        return self._servers

    @property
    def in_flight(self) -> tuple[PacketView, ...]:
        """The messages in flight; one that was sent twice is there twice."""
        if self._looks is not None:
            self._looks.check("the messages in flight", "messages")
            self._looks.messages = True
        return self._in_flight

    @property
    def facts(self) -> frozenset[Fact]:
        """The facts of the history; the module `facts` lists the kinds and their parts."""
        self._look_at_facts(*KINDS)
        return self._facts

    def _look_at_facts(self, *kinds: str) -> None:
        if self._looks is not None:
            self._looks.check("the history", "history")
            self._looks.kinds.update(kinds)

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
        """Return the facts of a kind, each without the kind; the module `facts` lists the kinds and their parts.

        Raises:
            ScenarioError: There is no such kind.
        """
        if kind not in KINDS:
            raise ScenarioError(f"there are no facts of the kind {kind!r}{nearest(kind, KINDS)}")
        self._look_at_facts(kind)
        return facts_of_kind(self._facts, kind)
