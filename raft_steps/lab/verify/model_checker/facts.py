"""History variables: facts about the past that an invariant needs and that the present state no longer shows.

A fact is a tuple, its kind first:

    leads          term, server
    votes          server, term, candidate
    acknowledged   client, index, term, command, and the term in which the client got its Ok; index 0 if no log has it
    committed      index, term, command, and the first term in which a server regarded it as committed
    applied        index, term, command

A Node without a commit_index commits an entry when it answers the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raft_steps.lab.commands import Configuration, Get, Ok, Request
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.node import Effect

Fact = tuple[Any, ...]
KINDS = ("leads", "votes", "acknowledged", "committed", "applied")
NO_FACTS: frozenset[Fact] = frozenset()


def facts_of(
    node: Any,
    effects: Iterable[Effect],
    *,
    received: tuple[str, object] | None,
    committed_before: int,
    requests: Mapping[str, Request],
) -> list[Fact]:
    """Return the facts that an event adds.

    Args:
        node: The node after the event.
        effects: The effects of the event.
        received: The sender and the message, if the event was the arrival of one.
        committed_before: The node's commit index before the event.
        requests: The request of each client.
    """
    found: list[Fact] = []
    base = log.base_index if isinstance(log := getattr(node, "log", None), Log) else 0
    # What it has applied and compacted in this event: it is no longer in the log.
    compacted = [effect[1] for effect in effects if effect[0] == "apply" and effect[1].index <= base] if base else []
    term = getattr(node, "current_term", 0)
    if getattr(node, "is_leader", False):
        found.append(("leads", term, node.name))
    for effect in effects:
        if effect[0] == "send":
            found += _votes(node.name, effect[2], received)
        elif effect[0] == "apply":
            found.append(("applied", effect[1].index, effect[1].term, effect[1].command))
        elif effect[0] == "reply" and isinstance(effect[2], Ok):
            request = requests.get(effect[1])
            if request is not None and not isinstance(request, Get | Configuration):
                index, of_term = _position(node, compacted, request)
                if index or not base:  # A snapshot may stand for the entry.
                    found.append(("acknowledged", effect[1], index, of_term, request, term))
    if hasattr(node, "commit_index"):
        found += _committed(node, compacted, committed_before, term)
    else:
        found += [("committed", *fact[2:]) for fact in found if fact[0] == "acknowledged" and fact[2]]
    return found


def _votes(server: str, message: object, received: tuple[str, object] | None) -> Iterator[Fact]:
    """Yield the vote that a message shows: a RequestVote is a vote for its sender, a granting reply one for another.

    The fields of a node would not do: the steps store their votes in different fields, and some do not store them.
    """
    kind = type(message).__name__
    if kind == "RequestVote":
        yield ("votes", server, getattr(message, "term", 0), server)
    elif kind == "RequestVoteReply" and getattr(message, "vote_granted", False) and received is not None:
        sender, request = received
        if type(request).__name__ == "RequestVote":
            yield ("votes", server, getattr(request, "term", 0), sender)


def _position(node: Any, compacted: list[Entry], request: Request) -> tuple[int, int]:
    """Return the index and term of the newest entry with a command in a node's log; 0 and 0 if there is none."""
    log = getattr(node, "log", None)
    if isinstance(log, Log):
        for entry in reversed([*compacted, *log]):
            if entry.command == request:
                return entry.index, entry.term
    return 0, 0


def _committed(node: Any, compacted: list[Entry], before: int, term: int) -> Iterator[Fact]:
    gone = {entry.index: entry for entry in compacted}
    last = min(node.commit_index, node.log.last_index)  # A faulty Node may commit beyond its log.
    for index in range(before + 1, last + 1):
        # What came in a snapshot of another server was committed there.
        entry = node.log[index] if index > node.log.base_index else gone.get(index)
        if entry is not None:
            yield ("committed", index, entry.term, entry.command, term)


def add_facts(known: frozenset[Fact], facts: Iterable[Fact]) -> frozenset[Fact]:
    """Return known and new facts together.

    Every server commits every entry, in whatever term it is by then. Of each entry only the first such term is kept:
    the later ones would add states and change no verdict, since a leader of any later term must have the entry.
    """
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


def facts_of_kind(facts: frozenset[Fact], kind: str) -> list[Fact]:
    """Return the facts of a kind, without the kind, in an order that does not depend on hashes."""
    return sorted((fact[1:] for fact in facts if fact[0] == kind), key=repr)
