"""Predicates: what is looked for in a state. As a goal it is to be found, as an invariant never, as a prune no further.

A predicate finds something, and says in words what, or finds nothing. `a & b`, `a | b` and `~a` are predicates, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.state_view import Look, Seen

Find = Callable[[Look], str]
EVERYTHING = frozenset({"nodes", "history", "messages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """Something to look for in a state.

    Attributes:
        name: What it is called.
        find: Says in words what it finds in a state; "" for nothing.
        looks_at: The parts of a state that it looks at: ``nodes`` (with their logs and timers), ``logs`` alone,
            ``history``, ``messages``. States that do not differ there are asked only once.
        needs: The kinds of facts that it asks a history for.
        servers: The servers that it names. None if nobody knows: servers are then not taken for one another.
    """

    name: str
    find: Find
    looks_at: frozenset[str] = EVERYTHING
    needs: frozenset[str] = frozenset()
    servers: tuple[str, ...] | None = None

    def __and__(self, other: Predicate) -> Predicate:
        """Find both, or nothing."""

        def find(look: Look) -> str:
            ours = self.find(look)
            theirs = other.find(look) if ours else ""
            return f"{ours}; {theirs}" if theirs else ""

        return self._joined(f"{self.name}, and {other.name}", find, other)

    def __or__(self, other: Predicate) -> Predicate:
        """Find either of two."""
        return self._joined(f"{self.name}, or {other.name}", lambda look: self.find(look) or other.find(look), other)

    def __invert__(self) -> Predicate:
        """Find that there is nothing of the kind."""
        name = f"not ({self.name})"
        return self._joined(name, lambda look: "" if self.find(look) else name, self)

    def _joined(self, name: str, find: Find, other: Predicate) -> Predicate:
        known = self.servers is not None and other.servers is not None
        return Predicate(
            name=name,
            find=find,
            looks_at=self.looks_at | other.looks_at,
            needs=self.needs | other.needs,
            servers=(*(self.servers or ()), *(other.servers or ())) if known else None,
        )


def predicate(name: str, find: Callable[[Look], object], *, needs: Iterable[str] = ()) -> Predicate:
    """Make a predicate of a function of one's own.

    Args:
        name: What it is called.
        find: Is given a `Look`; what it returns is words or a truth value, and nothing is found where that is false.
        needs: The kinds of facts that it asks the history for, such as ``leads``.
    """

    def found(look: Look) -> str:
        answer = find(look)
        return answer if isinstance(answer, str) else name if answer else ""

    return Predicate(name=name, find=found, needs=frozenset(needs))


def leader(server: str | None = None, *, term: int | None = None) -> Predicate:
    """Find a server that runs and believes to lead: this one or any, in this term or any."""
    name = f"{server or 'a server'} leads" + ("" if term is None else f" in term {term}")

    def find(look: Look) -> str:
        for seen in look.leaders():
            if server in (None, seen.name) and term in (None, seen.term):
                return f"{seen.name} leads in term {seen.term}"
        return ""

    return Predicate(name=name, find=find, looks_at=frozenset({"nodes"}), servers=_names(server))


def down(server: str) -> Predicate:
    """Find this server down."""
    name = f"{server} is down"
    find: Find = lambda look: name if _seen(look, server).node is None else ""  # noqa: E731  # As short as it is said.
    return Predicate(name=name, find=find, looks_at=frozenset({"nodes"}), servers=(server,))


def holds(server: str, *entries: str) -> Predicate:
    """Find that a server's log is just this: entries as ``"1 set x 1"``, term and command, the oldest first."""
    name = f"{server} holds {', '.join(entries) or 'nothing'}"

    def find(look: Look) -> str:
        log = [f"{entry.term} {command_text(entry.command)}" for entry in _seen(look, server).log]
        return name if log == list(entries) else ""

    return Predicate(name=name, find=find, looks_at=frozenset({"logs"}), servers=(server,))


def acknowledged(command: str) -> Predicate:
    """Find that a client was told that this write is done."""
    name = f"{command!r} was acknowledged"

    def find(look: Look) -> str:
        return name if any(command_text(fact[3]) == command for fact in look.history("acknowledged")) else ""

    looks_at, needs = frozenset({"history"}), frozenset({"acknowledged"})
    return Predicate(name=name, find=find, looks_at=looks_at, needs=needs, servers=())


def committed(command: str) -> Predicate:
    """Find that some server held the entry of this command for committed."""
    name = f"{command!r} was committed"

    def find(look: Look) -> str:
        return name if any(command_text(fact[2]) == command for fact in look.history("committed")) else ""

    looks_at, needs = frozenset({"history"}), frozenset({"committed"})
    return Predicate(name=name, find=find, looks_at=looks_at, needs=needs, servers=())


def _names(server: str | None) -> tuple[str, ...]:
    return () if server is None else (server,)


def _seen(look: Look, server: str) -> Seen:
    if server not in look.servers:
        raise ScenarioError(f"there is no server {server!r}; there are {', '.join(look.servers)}")
    return look[server]
