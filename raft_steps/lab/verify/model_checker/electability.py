"""Whether anybody could be elected, asked of the nodes themselves.

Each server that waits for its election timeout runs for leader on copies of the nodes: its own handler says what it
sends, the others' handlers what they answer, and its own again whether that is enough. Nothing here knows what a
majority is, or what a voter asks for. What counts, too, are calls for votes and answers that are on their way: as long as
they may arrive, they may elect somebody.
"""

from __future__ import annotations

import copy
from typing import Any

from raft_steps.lab.errors import NodeError
from raft_steps.lab.messages import handler_name
from raft_steps.lab.runtime.diagnostics import returned_something
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.verify.model_checker.interning import Even
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_view import Look
from raft_steps.lab.verify.model_checker.transitions import blame, find_handler

ELECTION = "election"


def could_win(look: Look, server: str) -> bool:
    """Say whether a server could be elected by those that run, if nothing but its own elections happened from now on.

    Its calls for votes that are on their way arrive, and the answers, and then it runs again and again until its term is
    above all others: a term that is behind is no obstacle. No other message arrives.

    Raises:
        NodeError: A handler raised, hung or returned something.
    """
    nodes = {seen.name: copy.deepcopy(seen.node) for seen in look.up()}
    candidate = nodes[server]
    calls = [(each.to, each.message) for each in look.in_flight if each.sender == server]
    answers = [(each.sender, each.message) for each in look.in_flight if each.to == server]
    _carry(nodes, candidate, calls, [(who, said) for who, said in answers if type(said).__name__ == "RequestVoteReply"])
    if getattr(candidate, "is_leader", False):
        return True
    highest = max(getattr(node, "current_term", 0) for node in nodes.values())
    tries = highest - getattr(candidate, "current_term", 0) + 2
    for _ in range(max(tries, 1)):
        _carry(nodes, candidate, _call(candidate, "on_election_timeout"))
        if getattr(candidate, "is_leader", False):
            return True
    return False


def _carry(
    nodes: dict[str, Any], candidate: Any, calls: list[tuple[str, Any]], answers: list[tuple[str, Any]] | None = None
) -> None:
    """Bring a candidate's calls for votes to those that run, and their answers back to it."""
    answers = list(answers or ())
    for voter, request in calls:
        if voter in nodes and type(request).__name__ == "RequestVote":
            replies = _call(nodes[voter], handler_name(type(request)), candidate.name, request)
            answers += [(voter, reply) for to, reply in replies if to == candidate.name]
    for voter, reply in answers:
        _call(candidate, handler_name(type(reply)), voter, reply)


def _call(node: Any, handler: str, *arguments: Any) -> list[tuple[str, Any]]:
    """Call a handler on a copy; give what it sends."""
    node.random, node.effects = Even(), []
    try:
        if (returned := find_handler(node, handler)(*arguments)) is not None:
            raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
    except NodeError:
        raise
    except (Exception, HandlerTimeout) as error:
        raise blame(error, node.name, handler) from error
    sent = [(effect[1], effect[2]) for effect in node.effects if effect[0] == "send"]
    node.effects = []
    return sent


def _nobody(look: Look) -> str:
    candidates = [seen.name for seen in look.up() if ELECTION in seen.timers and not seen.leads]
    if any(could_win(look, name) for name in candidates):
        return ""
    running = ", ".join(candidates) or "nobody"
    return f"nobody can be elected: of those that run, {running} could try, and no majority grants a vote"


NOBODY_CAN_BE_ELECTED = Predicate(
    name="nobody can be elected", find=_nobody, looks_at=frozenset({"nodes", "messages"}), servers=()
)
