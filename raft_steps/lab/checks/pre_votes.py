"""Peers that answer a question before an election at once, so that checks of earlier steps see the election itself.

From step 18 on, a Node whose timeout has passed first asks who would vote for it. A check of an earlier step does not know
that question. So all peers answer it favourably at the moment at which it is asked, and the check goes on with RequestVote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_steps.lab.checks.fake_peers import build_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from raft_steps.lab.commands import Request
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.runtime.simulator.simulation import Simulation

QUESTION, ANSWER = "PreVote", "PreVoteReply"


class FavourablePeers:
    """A monitor of the server under test, which has its questions answered."""

    def __init__(self, me: str, simulation: Callable[[], Simulation]) -> None:
        """Answer the questions of one server.

        Args:
            me: The server under test.
            simulation: Returns the run; it exists only when the monitor does.
        """
        self._me, self._simulation = me, simulation

    def begins(self, host: Host) -> None:
        """Do nothing."""

    def asked(self, client: str, request: Request) -> None:
        """Do nothing."""

    def failed(self, host: Host) -> None:
        """Do nothing."""

    def handled(self, host: Host, _now_us: int, _message: object, _changes: object) -> None:
        """Let every peer that has just been asked answer."""
        if host.name != self._me:
            return
        for effect in host.node.effects:
            if effect[0] == "send" and type(effect[2]).__name__ == QUESTION:
                answer = favourable_answer(type(host.node), effect[2])
                self._simulation().send_at_once(effect[1], self._me, answer)


def favourable_answer(node_class: type, question: Any) -> Any:
    """Build the answer of a server that would vote, and that is in the term before the one it is asked for."""
    return build_message(
        node_class, ANSWER, {"term": question.term - 1, "next_term": question.term, "vote_granted": True}
    )
