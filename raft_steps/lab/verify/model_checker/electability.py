"""Whether any server can still be elected, decided by the nodes themselves.

Each server that waits for its election timeout becomes a candidate on copies of the nodes: its handler sends the
requests, the handlers of the others answer, and its handler again decides whether that is enough. This module defines
neither a majority nor what a voter compares. Requests and answers in flight count as well: as long as they may arrive,
they may elect a server. No leader calls meanwhile, so a server that keeps to one for a while forgets it first.
"""

from __future__ import annotations

import copy
from typing import Any

from raft_steps.lab.messages import handler_name
from raft_steps.lab.runtime.diagnostics import returned_something
from raft_steps.lab.runtime.mistakes import HandlerCall
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.verify.model_checker.interning import DeterministicStream
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.state_view import StateView
from raft_steps.lab.verify.model_checker.transitions import blame, find_handler

ELECTION, LEADER = "election", "leader"  # timers
QUESTIONS, ANSWERS = ("PreVote", "RequestVote"), ("PreVoteReply", "RequestVoteReply")


def could_win(view: StateView, server: str) -> bool:
    """Return whether a server could be elected by the servers that run, if nothing happened but its own elections.

    Its requests in flight arrive, and the answers to them. Then it becomes a candidate again and again, until its term
    is above all others: a term that is behind does not matter. No other message arrives.

    Raises:
        NodeError: A handler raised, hung or returned something.
    """
    nodes = {each.name: copy.deepcopy(each.node) for each in view.up()}
    candidate = nodes[server]
    requests = [(packet.to, packet.message) for packet in view.in_flight if packet.sender == server]
    answers = [
        (packet.sender, packet.message)
        for packet in view.in_flight
        if packet.to == server and type(packet.message).__name__ in ANSWERS
    ]
    for each in view.up():
        if LEADER in each.timers:
            _call(nodes[each.name], "on_leader_timeout")
    _hold_election(nodes, candidate, requests, answers)
    if getattr(candidate, "is_leader", False):
        return True
    highest = max(getattr(node, "current_term", 0) for node in nodes.values())
    tries = highest - getattr(candidate, "current_term", 0) + 2
    for _ in range(max(tries, 1)):
        _hold_election(nodes, candidate, _call(candidate, "on_election_timeout"), [])
        if getattr(candidate, "is_leader", False):
            return True
    return False


def _hold_election(
    nodes: dict[str, Any], candidate: Any, requests: list[tuple[str, Any]], answers: list[tuple[str, Any]]
) -> None:
    """Deliver a candidate's questions to the servers that run, and their answers to the candidate, and so on.

    Args:
        nodes: The servers that run.
        candidate: The candidate.
        requests: What it asks, with the servers.
        answers: Earlier answers, which arrive first.
    """
    answers = list(answers)
    while requests or answers:
        for voter, request in requests:
            if voter in nodes and type(request).__name__ in QUESTIONS:
                replies = _call(nodes[voter], handler_name(type(request)), candidate.name, request)
                answers += [(voter, reply) for to, reply in replies if to == candidate.name]
        requests = [
            sent for voter, reply in answers for sent in _call(candidate, handler_name(type(reply)), voter, reply)
        ]
        answers = []


def _call(node: Any, handler: str, *arguments: Any) -> list[tuple[str, Any]]:
    """Call a handler of a copy, and return what it sends, each message with its receiver."""
    node.random, node.effects = DeterministicStream(), []
    try:
        if (returned := find_handler(node, handler)(*arguments)) is not None:
            raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
    except (Exception, SystemExit, HandlerTimeout) as error:
        call = HandlerCall(node, getattr(node, handler, None), arguments)
        raise blame(error, node.name, handler, call=call) from error
    sent = [(effect[1], effect[2]) for effect in node.effects if effect[0] == "send"]
    node.effects = []
    return sent


def _nobody(view: StateView) -> str:
    candidates = [server.name for server in view.up() if ELECTION in server.timers and not server.leads]
    if any(could_win(view, name) for name in candidates):
        return ""
    running = ", ".join(candidates) or "nobody"
    return f"nobody can be elected: of those that run, {running} could try, and no majority grants a vote"


NOBODY_CAN_BE_ELECTED = Predicate(
    name="nobody can be elected", find=_nobody, reads=frozenset({"nodes", "messages"}), servers=()
)
