"""The nodes as a machine: what an event makes of a server is worked out only once, and looked up from then on.

A handler is pure: the same node with the same event does the same. Chance is taken out: the draws of one event always
begin at the low end of their range. So a drawn timeout is the same in every state and adds none, and no field must be
left out of a state: a field that a learner adds counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raft_steps.lab.commands import NotLeader, Ok, Request
from raft_steps.lab.errors import NodeError
from raft_steps.lab.messages import check_message, handler_name, to_text
from raft_steps.lab.node import Effect
from raft_steps.lab.runtime.diagnostics import Mistake, node_error, returned_something
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.runtime.simulator.timers import check_wait
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.verify.model_checker.facts import facts_of
from raft_steps.lab.verify.model_checker.interning import DRIVERS_OWN, Done, Even, Local, Numbers

NOT_PURE = "this Node is not pure; it may hold nothing but its fields, and use no clock, and no chance but self.random"


class Machine(Numbers):
    """One cluster's nodes, an event at a time.

    Attributes:
        calls: How many handlers have run.
        requests: What each client that was ever sent wants.
        witness: Is told of each event on each server that happens for the first time.
    """

    def __init__(self, node_class: type, servers: tuple[str, ...]) -> None:
        """Begin without knowing what any event does."""
        super().__init__(node_class, servers)
        self.calls = 0
        self.requests: dict[str, Request] = {}
        self._done: dict[tuple[Any, ...], Done] = {}
        self.witness: Callable[[tuple[Any, ...], Done], None] | None = None

    def hear(self, local: int, packet: int) -> Done:
        """Let a message arrive at a server that runs."""
        done = self.heard[local].get(packet)
        if done is None:
            done = self.heard[local][packet] = self.work_out(local, "hear", packet)
            if self.witness is not None:
                self.witness((local, "hear", packet), done)
        return done

    def do(self, local: int, event: str, *arguments: Any) -> Done:
        """Let something else happen to a server.

        Args:
            local: What the server is.
            event: ``fire`` with the timer that runs out, ``ask`` with client and request, ``crash``, or ``start`` with
                whether it is told to lead, and its term (None for the one that it finds itself).
            arguments: What belongs to the event.
        """
        key = (local, event, *arguments)
        done = self._done.get(key)
        if done is None:
            done = self._done[key] = self.work_out(local, event, *arguments)
            if self.witness is not None:
                self.witness(key, done)
        return done

    def work_out(self, local: int, event: str, *arguments: Any) -> Done:
        """Let something happen, whether it is known or not what comes of it; events are those of `do`, and ``hear``."""
        what = self.locals[local]
        if event == "hear":
            message, sender = self.messages[arguments[0]], self.servers[self.sender[arguments[0]]]
            return self._run(what, handler_name(type(message)), (sender, message), what.timers)
        if event == "fire":
            left = tuple(name for name in what.timers if name != arguments[0])
            return self._run(what, f"on_{arguments[0]}_timeout", (), left)
        if event == "ask":
            client, request = arguments
            self.requests[client] = request
            return self._run(what, "on_client_request", (client, request), what.timers)
        if event == "crash":
            durable = self.node_class.durable  # type: ignore[attr-defined]
            disk = tuple((name, value) for name, value in what.fields if name in durable)
            return self.number_of_local(Local(what.server, False, (), (), disk)), (), 0
        return self._start(what, *arguments)

    def _start(self, what: Local, leader: bool = False, term: int | None = None) -> Done:
        name = self.servers[what.server]
        host = Host(name)
        host.disk = {field: self.freezer.thaw(value) for field, value in what.disk}
        try:
            node = self.node_class(name=name, servers=self.servers, random=Even())
            if leader:
                node.is_leader = True
            host.begin(node)
        except (Exception, HandlerTimeout) as error:
            raise blame(error, name, "beginning") from error
        return self._handle(what, node, "on_start", (), (), term=term)

    def _run(self, what: Local, handler: str, arguments: tuple[Any, ...], timers: tuple[str, ...]) -> Done:
        return self._handle(what, self.node_of(what), handler, arguments, timers)

    def _handle(
        self,
        what: Local,
        node: Any,
        handler: str,
        arguments: tuple[Any, ...],
        timers: tuple[str, ...],
        *,
        term: int | None = None,
    ) -> Done:
        name = self.servers[what.server]
        heard = arguments if handler != "on_client_request" and len(arguments) == 2 else None
        before = getattr(node, "commit_index", 0)
        self.calls += 1
        try:
            found = find_handler(node, handler)
            if (returned := found(*arguments)) is not None:
                raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
            if term is not None:
                node.current_term = term
            effects: list[Effect] = node.effects
            facts = facts_of(node, effects, heard=heard, committed_before=before, requests=self.requests)
            after = Local(what.server, True, self._fields(node), self._timers_after(node, timers, effects), ())
            sends = self._sends(what.server, effects)
        except (Exception, HandlerTimeout) as error:
            raise blame(error, name, handler) from error
        return self.number_of_local(after), sends, self.number_of_facts(tuple(sorted(set(facts), key=repr)))

    def _fields(self, node: Any) -> tuple[tuple[str, Any], ...]:
        held: set[int] = set()
        freeze = self.freezer.freeze
        values = vars(node).items()
        return tuple(sorted((name, freeze(value, held)) for name, value in values if name not in DRIVERS_OWN))

    def _timers_after(self, node: Any, timers: tuple[str, ...], effects: list[Effect]) -> tuple[str, ...]:
        running = set(timers)
        for effect in effects:
            if effect[0] == "start":
                check_wait(node, effect[1], effect[2])
                running.add(effect[1])
            elif effect[0] == "cancel":
                running.discard(effect[1])
            elif effect[0] == "reply":
                check_answer(effect[1], effect[2], self.requests)
        return tuple(sorted(running))

    def _sends(self, server: int, effects: list[Effect]) -> tuple[int, ...]:
        """Number what is sent, in an order that does not depend on the order in which the node names its peers."""
        place, sends = self.freezer.place, []
        for effect in effects:
            if effect[0] == "send":
                if effect[1] not in place or place[effect[1]] == server:
                    others = ", ".join(name for name in place if place[name] != server)
                    raise Mistake(f"sent a message to {effect[1]!r}; the others are {others}")
                check_message(effect[2])
                sends.append((place[effect[1]], to_text(effect[2]), effect[2]))
        sends.sort(key=lambda sent: sent[:2])
        return tuple(sorted(self.number_of_packet(server, to, message) for to, _, message in sends))


def find_handler(node: Any, handler: str) -> Callable[..., object]:
    """Find the method of a node that hears something.

    Raises:
        NodeError: It has no such method.
    """
    found = getattr(node, handler, None)
    if found is None:
        text = f"{node.name} has no {handler}: something reached it that its Node does not know"
        raise NodeError(text, server=node.name, handler=handler)
    return found  # type: ignore[no-any-return]


def check_answer(client: str, response: object, requests: Mapping[str, Request]) -> None:
    """Hold an answer against what a client may hear.

    Raises:
        Mistake: It is no answer, or no such client has asked.
    """
    if not isinstance(response, Ok | NotLeader):
        raise Mistake(f"answered {response!r}; a client is answered with Ok(…) or NotLeader(…)")
    if client not in requests:
        raise Mistake(f"answered {client!r}, but no such client has asked")


def blame(error: BaseException, server: str, handler: str) -> BaseException:
    """Give the error to raise: the Node's, in words about it, or the laboratory's own as it is."""
    if isinstance(error, NodeError):
        return error
    return node_error(error, server, handler, "?") or error
