"""What a state does not show any more, and a property needs: who led, who voted, what was promised, as facts.

A fact is a tuple, its kind first:

    leads          term, server
    votes          server, term, candidate
    acknowledged   client, index, term, command, and the term in which the client was told; index 0 if it is nowhere
    committed      index, term, command, and the first term in which a server held it for committed
    applied        index, term, command

A Node without a commit_index holds an entry for committed when it tells the client so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raft_steps.lab.commands import Get, Ok, Request
from raft_steps.lab.log import Log
from raft_steps.lab.node import Effect

Fact = tuple[Any, ...]
KINDS = ("leads", "votes", "acknowledged", "committed", "applied")
NOTHING: frozenset[Fact] = frozenset()


def facts_of(
    node: Any,
    effects: Iterable[Effect],
    *,
    heard: tuple[str, object] | None,
    committed_before: int,
    requests: Mapping[str, Request],
) -> list[Fact]:
    """Give the facts that an event brings.

    Args:
        node: The node after it.
        effects: What the node does about it.
        heard: The sender and the message, if the event was one that arrived.
        committed_before: The node's commit index before it.
        requests: What each client wants.
    """
    found: list[Fact] = []
    term = getattr(node, "current_term", 0)
    if getattr(node, "is_leader", False):
        found.append(("leads", term, node.name))
    for effect in effects:
        if effect[0] == "send":
            found += _votes(node.name, effect[2], heard)
        elif effect[0] == "apply":
            found.append(("applied", effect[1].index, effect[1].term, effect[1].command))
        elif effect[0] == "reply" and isinstance(effect[2], Ok):
            request = requests.get(effect[1])
            if request is not None and not isinstance(request, Get):
                found.append(("acknowledged", effect[1], *_place(node, request), request, term))
    if hasattr(node, "commit_index"):
        found += _committed(node, committed_before, term)
    else:
        found += [("committed", *fact[2:]) for fact in found if fact[0] == "acknowledged" and fact[2]]
    return found


def _votes(server: str, message: object, heard: tuple[str, object] | None) -> Iterator[Fact]:
    """See a vote in what a server sends: a granted request's answer, or its own request."""
    kind = type(message).__name__
    if kind == "RequestVote":
        yield ("votes", server, getattr(message, "term", 0), server)
    elif kind == "RequestVoteReply" and getattr(message, "vote_granted", False) and heard is not None:
        sender, request = heard
        if type(request).__name__ == "RequestVote":
            yield ("votes", server, getattr(request, "term", 0), sender)


def _place(node: Any, request: Request) -> tuple[int, int]:
    """Find the newest entry with a command in a node's log: its index and term."""
    log = getattr(node, "log", None)
    if isinstance(log, Log):
        for index in range(log.last_index, 0, -1):
            if log[index].command == request:
                return index, log[index].term
    return 0, 0


def _committed(node: Any, before: int, term: int) -> Iterator[Fact]:
    last = min(node.commit_index, node.log.last_index)
    for index in range(before + 1, last + 1):
        entry = node.log[index]
        yield ("committed", index, entry.term, entry.command, term)


def grown(known: frozenset[Fact], facts: Iterable[Fact]) -> frozenset[Fact]:
    """Add facts to what is known; of an entry that is committed again and again, only the first term is kept."""
    both = known.union(facts)
    first: dict[Fact, int] = {}
    for fact in both:
        if fact[0] == "committed":
            first[fact[:-1]] = min(fact[-1], first.get(fact[:-1], fact[-1]))
    if not first:
        return both
    return frozenset(f for f in both if f[0] != "committed") | frozenset(
        (*entry, term) for entry, term in first.items()
    )


def of_kind(facts: frozenset[Fact], kind: str) -> list[Fact]:
    """Give the facts of a kind, without the kind, in an order that is always the same."""
    return sorted((fact[1:] for fact in facts if fact[0] == kind), key=repr)
