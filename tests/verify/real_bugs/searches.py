"""Searches that find bugs which no sweep finds: rare orders of events, and clusters that wait for ever.

Each begins with a few stages that lead to a place where the bug matters, over few links, so that it takes moments.
"""

from __future__ import annotations

from raft_steps.lab.verify.model_checker import (
    EXHAUSTED,
    NOBODY_CAN_BE_ELECTED,
    Scope,
    Search,
    SearchResult,
    committed,
    down,
    holds,
    leader,
)
from raft_steps.lab.verify.model_checker.predicates import Predicate, predicate
from raft_steps.lab.verify.model_checker.state_view import StateView

ELECTION = ("PreVote", "PreVoteReply", "RequestVote", "RequestVoteReply")


def links(one: str, *others: str) -> tuple[str, ...]:
    """Return the links between a server and some others, in both directions."""
    return tuple(link for other in others for link in (f"{one}>{other}", f"{other}>{one}"))


def two_changes_from_one_configuration(node: type | int) -> str:
    """Tom adds butch, and nobody else hears of it; jerry, the next leader, removes tom; then tom leads again.

    Returns:
        The invariant that breaks; "" if the changes do not succeed, or nothing breaks.
    """
    votes = ("RequestVote", "RequestVoteReply")
    search = Search(node, 5, members=("tom", "jerry", "spike", "tyke"))
    scope = Scope(timeouts={"tom election": 1}, messages=votes, only=links("tom", "spike", "tyke"))
    found = search.run(scope, goal=leader("tom"))
    grown = "members tom,jerry,spike,tyke,butch"
    scope = Scope(timeouts={"tom batch": 1}, commands=(f"{grown} to tom",), only=links("tom", "butch"))
    found = found.go_on(scope, goal=_has_members("butch"), forget=True)
    scope = Scope(timeouts={"jerry election": 2}, messages=votes, only=links("jerry", "spike", "tyke"))
    found = found.go_on(scope, goal=leader("jerry"), forget=True)
    fewer = "members jerry,spike,tyke"
    scope = Scope(timeouts={"jerry batch": 1}, commands=(f"{fewer} to jerry",), only=links("jerry", "spike"))
    found = found.go_on(scope, goal=committed(fewer), forget=True)
    if not found.found:
        return ""
    scope = Scope(timeouts={"tom election": 3}, crashes={"tom": 1}, messages=votes, only=links("tom", "tyke", "butch"))
    return found.go_on(scope, invariants="all", forget=True).what


def a_change_to_other_servers(node: type | int) -> str:
    """Tom exchanges two of three voters, and one of the new servers hears of it; then votes arrive in any order.

    Returns:
        The invariant that breaks; "" if nothing does.
    """
    search = Search(node, 5, members=("tom", "jerry", "spike"))
    change = ("members tom,tyke,butch to tom",)
    scope = Scope(timeouts={"tom election": 1}, commands=change, only=links("tom", "jerry", "tyke", "butch"))
    found = search.run(scope, goal=_has_members("tyke"))
    votes = Scope(timeouts={"jerry election": 1, "tyke election": 1}, messages=("RequestVote", "RequestVoteReply"))
    return found.go_on(votes, invariants="all", forget=True).what


def nobody_can_be_elected(node: type | int) -> str:
    """One of three servers is down; one has the newer log, and one the newer term.

    Returns:
        What the search says if nobody can be elected any more; "" if somebody always can.
    """
    scope = Scope(
        timeouts={"tom election": 1, "jerry election": 1, "tom quorum": 1},
        crashes={"spike": 1},
        restarts=False,
        messages=ELECTION,
        only=links("jerry", "tom", "spike"),
    )
    return Search(node).run(scope, goal=NOBODY_CAN_BE_ELECTED & ~leader()).words


def a_leader_that_nobody_tells(node: type | int) -> str:
    """Tom leads and has the newer log; jerry is in a newer term, and spike is down. Without check quorum, tom leads on.

    Returns:
        The outcome if nobody leads in a newer term, whatever happens; "" if somebody may.
    """
    scope = Scope(
        timeouts={"tom election": 1, "jerry election": 1},
        crashes={"spike": 1},
        restarts=False,
        messages=ELECTION,
        only=links("jerry", "tom", "spike"),
    )
    ahead = leader("tom", term=1) & down("spike") & holds("tom", "1 -") & predicate("jerry is ahead", _jerry_is_ahead)
    found = Search(node).run(scope, goal=ahead)
    scope = Scope(
        timeouts={"tom election": 2, "jerry election": 1, "tom heartbeat": 1},
        restarts=False,
        only=links("tom", "jerry"),
    )
    return _never(found.go_on(scope, goal=leader(term=3), forget=True))


def a_snapshot_that_is_outdated(node: type | int) -> str:
    """Tom's log is cut twice: the second time while the first snapshot is on its way to jerry, who was away.

    Returns:
        The outcome if jerry never gets the last entry, whatever happens; "" if it may.
    """
    scope = Scope(
        timeouts={"tom heartbeat": 1, "tom batch": 1},
        commands=("set x 1 to tom",),
        snapshots=1,
        only=links("tom", "spike"),
    )
    compacted = predicate("tom has compacted its log", lambda view: _base(view, "tom") >= 2)
    found = Search(node, leader="tom").run(scope, goal=compacted)
    scope = Scope(
        timeouts={"tom heartbeat": 1, "tom batch": 1},
        commands=("set x 2 to tom",),
        snapshots=1,
        only=links("tom", "spike", "jerry"),
    )
    found = found.go_on(scope, goal=predicate("a snapshot is outdated", _is_outdated), forget=True)
    scope = Scope(timeouts={"tom heartbeat": 2}, only=links("tom", "jerry"))
    return _never(found.go_on(scope, goal=predicate("jerry has it", lambda view: _last(view, "jerry") >= 3)))


def _never(result: SearchResult) -> str:
    return result.outcome if result.outcome == EXHAUSTED else ""


def _has_members(server: str) -> Predicate:
    """Return a predicate that finds a server whose log ends with the members that are asked for."""

    def find(view: StateView) -> bool:
        return type(getattr(view.servers[server].log[_last(view, server)], "command", None)).__name__ == "Configuration"

    return predicate(f"{server} has the new members", find)


def _base(view: StateView, server: str) -> int:
    return view.servers[server].log.base_index


def _last(view: StateView, server: str) -> int:
    return view.servers[server].log.last_index


def _jerry_is_ahead(view: StateView) -> bool:
    return view.servers["jerry"].term == 2


def _is_outdated(view: StateView) -> bool:
    return any(
        packet.to == "jerry"
        and type(packet.message).__name__ == "InstallSnapshot"
        and packet.message.snapshot.last_included_index < _base(view, "tom")
        for packet in view.in_flight
    )
