"""A cluster in which every server runs the Node under test, in the words of a check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raft_steps.lab.checks.vocabulary import Vocabulary
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.trace.trace import Event


class CheckedCluster:
    """Translates what a check does with a cluster into the words of the run, and what it observes back.

    Its methods are those of `Cluster`.
    """

    def __init__(self, cluster: Cluster, vocabulary: Vocabulary) -> None:
        """Translate for this cluster."""
        self._cluster, self._vocabulary = cluster, vocabulary

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers."""
        return self._names(self._cluster.servers)

    @property
    def leaders(self) -> tuple[str, ...]:
        """Every running server that considers itself the leader."""
        return self._names(self._cluster.leaders)

    @property
    def leader(self) -> str | None:
        """The running leader of the highest term; None if there is none."""
        name: str | None = self._vocabulary.to_check("leader", self._cluster.leader)
        return name

    def run(self, seconds: float, *, until: Callable[[], bool]) -> None:
        """Let virtual time pass until a condition holds, but not more than some seconds."""
        self._cluster.run(seconds, until=until)

    def set(self, key: str, value: str, *, to: str) -> Any:
        """Let a client store a value, and return the answer."""
        key, value = self._vocabulary.to_run("key", key), self._vocabulary.to_run("value", value)
        return self._vocabulary.to_check("response", self._cluster.set(key, value, to=self._in_run(to)))

    def partition(self, side: str) -> None:
        """Cut a server off from all others."""
        self._cluster.partition(self._in_run(side))

    def heal(self) -> None:
        """End the partition."""
        self._cluster.heal()

    def crash(self, server: str) -> None:
        """Stop a server at once."""
        self._cluster.crash(self._in_run(server))

    def field(self, server: str, name: str, default: Any) -> Any:
        """Return a field of a server's node, or a default if it has no such field."""
        return self._vocabulary.to_check(name, getattr(self._cluster.node(self._in_run(server)), name, default))

    def events(self, kind: str, *, server: str | None = None) -> list[Event]:
        """Return the events of a kind, on one server or on all."""
        on = None if server is None else self._in_run(server)
        return [self._vocabulary.event(event) for event in self._cluster.trace.of(kind, server=on)]

    def _in_run(self, server: str) -> str:
        name: str = self._vocabulary.to_run("server", server)
        return name

    def _names(self, servers: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        return tuple(self._vocabulary.to_check("server", name) for name in servers)
