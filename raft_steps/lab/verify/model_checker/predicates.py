"""Predicates on states: a goal is to be found, an invariant must hold in every state, a prune stops the search there.

A predicate finds something in a state and describes it in words, or finds nothing. An invariant is given as a predicate
that finds how it is broken. `a & b`, `a | b` and `~a` are predicates, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.state_view import ServerView, StateView

Find = Callable[[StateView], str]
EVERYTHING = frozenset({"nodes", "history", "messages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """Something to look for in a state.

    Attributes:
        name: Its name, for reports.
        find: Returns a description of what it finds in a state; "" for nothing.
        reads: The parts of a state that it reads: ``nodes`` (with their logs and timers), ``logs`` alone, ``history``,
            ``messages``. States that are equal there are looked at only once, so looking at another part is an error.
        needs: The kinds of facts that it reads from the history. A search finds out by itself, but then begins again.
        servers: The servers that it names. None if that is unknown: no two servers are then exchanged by symmetry.
    """

    name: str
    find: Find
    reads: frozenset[str] = EVERYTHING
    needs: frozenset[str] = frozenset()
    servers: tuple[str, ...] | None = None

    def __and__(self, other: Predicate) -> Predicate:
        """Return a predicate that finds what both find, or nothing."""

        def find(view: StateView) -> str:
            ours = self.find(view)
            theirs = other.find(view) if ours else ""
            return f"{ours}; {theirs}" if theirs else ""

        return self._joined(f"{self.name}, and {other.name}", find, other)

    def __or__(self, other: Predicate) -> Predicate:
        """Return a predicate that finds what the first finds, or else what the second finds."""
        return self._joined(f"{self.name}, or {other.name}", lambda view: self.find(view) or other.find(view), other)

    def __invert__(self) -> Predicate:
        """Return a predicate that finds something in the states in which this one finds nothing."""
        name = f"not ({self.name})"
        return self._joined(name, lambda view: "" if self.find(view) else name, self)

    def _joined(self, name: str, find: Find, other: Predicate) -> Predicate:
        both_known = self.servers is not None and other.servers is not None
        return Predicate(
            name=name,
            find=find,
            reads=self.reads | other.reads,
            needs=self.needs | other.needs,
            servers=(*(self.servers or ()), *(other.servers or ())) if both_known else None,
        )


def predicate(name: str, find: Callable[[StateView], object], *, needs: Iterable[str] = ()) -> Predicate:
    """Return a predicate that calls a function.

    Args:
        name: Its name, for reports.
        find: A function of a `StateView`. It returns a description or a truth value; what is false finds nothing.
        needs: The kinds of facts that it reads from the history, such as ``leads``. A search finds out by itself, but
            then begins again.
    """

    def found(view: StateView) -> str:
        answer = find(view)
        return answer if isinstance(answer, str) else name if answer else ""

    return Predicate(name=name, find=found, needs=frozenset(needs))


def leader(server: str | None = None, *, term: int | None = None) -> Predicate:
    """Return a predicate that finds a running server that believes that it leads.

    Args:
        server: The server; None for any.
        term: The term in which it leads; None for any.
    """
    name = f"{server or 'a server'} leads" + ("" if term is None else f" in term {term}")

    def find(view: StateView) -> str:
        for each in view.leaders():
            if server in (None, each.name) and term in (None, each.term):
                return f"{each.name} leads in term {each.term}"
        return ""

    return Predicate(name=name, find=find, reads=frozenset({"nodes"}), servers=() if server is None else (server,))


def down(server: str) -> Predicate:
    """Return a predicate that finds this server down."""
    name = f"{server} is down"

    def find(view: StateView) -> str:
        return name if _server(view, server).node is None else ""

    return Predicate(name=name, find=find, reads=frozenset({"nodes"}), servers=(server,))


def holds(server: str, *entries: str) -> Predicate:
    """Return a predicate that finds exactly these entries in a server's log.

    Args:
        server: The server; while it is down, the log on its disk counts.
        entries: The entries, oldest first, each with its term and command: ``"1 set x 1"``.
    """
    name = f"{server} holds {', '.join(entries) or 'nothing'}"

    def find(view: StateView) -> str:
        log = [f"{entry.term} {command_text(entry.command)}" for entry in _server(view, server).log]
        return name if log == list(entries) else ""

    return Predicate(name=name, find=find, reads=frozenset({"logs"}), servers=(server,))


def acknowledged(command: str) -> Predicate:
    """Return a predicate that finds that a write was answered with Ok."""
    return _happened(f"{command!r} was acknowledged", "acknowledged", 3, command)


def committed(command: str) -> Predicate:
    """Return a predicate that finds that some server has regarded the entry of this command as committed."""
    return _happened(f"{command!r} was committed", "committed", 2, command)


def _happened(name: str, kind: str, place: int, command: str) -> Predicate:
    """Return a predicate that finds a fact of this kind with this command at this place."""

    def find(view: StateView) -> str:
        return name if any(command_text(fact[place]) == command for fact in view.history(kind)) else ""

    return Predicate(name=name, find=find, reads=frozenset({"history"}), needs=frozenset({kind}), servers=())


def _server(view: StateView, server: str) -> ServerView:
    if server not in view.servers:
        raise ScenarioError(f"there is no server {server!r}; there are {', '.join(view.servers)}")
    return view[server]
