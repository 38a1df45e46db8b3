"""The transition table: what each event does to each server state, computed once and looked up from then on.

That is sound because a handler is pure: with the same node and the same event it does the same. Chance is removed:
the draws of each event begin at the low end of their range, so a drawn timeout is the same in every state and adds no
states. No field of a node is left out of its state, not even one that a learner adds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raft_steps.lab.commands import Request, Response
from raft_steps.lab.errors import NodeError
from raft_steps.lab.messages import check_message, handler_name, to_text
from raft_steps.lab.node import Effect
from raft_steps.lab.runtime.diagnostics import Mistake, response_mistake, returned_something
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.runtime.launching import known_servers
from raft_steps.lab.runtime.mistakes import HandlerCall, enter_term, new_node_of, set_field
from raft_steps.lab.runtime.mistakes import blame as blame_node
from raft_steps.lab.runtime.simulator.timers import check_wait
from raft_steps.lab.runtime.watchdog import HandlerTimeout
from raft_steps.lab.verify.model_checker.facts import facts_of
from raft_steps.lab.verify.model_checker.interning import (
    DRIVER_FIELDS,
    DeterministicStream,
    FrozenServerState,
    InterningTable,
    Transition,
)

NOT_PURE = "this Node is not pure; it may hold nothing but its fields, and use no clock, and no chance but self.random"


class TransitionTable(InterningTable):
    """The transitions of one cluster's servers.

    A `Search` has one table for all of its runs, so what one run computed is not computed again in the next.

    Attributes:
        calls: How many handlers have run.
        requests: The request of each client that has ever asked.
        on_new_transition: Called with each new transition and its key: the server state, the event, its arguments.
    """

    def __init__(self, node_class: type, servers: tuple[str, ...], members: tuple[str, ...]) -> None:
        """Create a table without transitions."""
        super().__init__(node_class, servers, members)
        self.calls = 0
        self.requests: dict[str, Request] = {}
        self._transitions: dict[tuple[Any, ...], Transition] = {}
        self.on_new_transition: Callable[[tuple[Any, ...], Transition], None] | None = None

    @property
    def takes_snapshots(self) -> bool:
        """Whether the Node has a method that takes a snapshot."""
        return callable(getattr(self.node_class, "take_snapshot", None))

    def deliver(self, server_state: int, packet: int) -> Transition:
        """Return the transition of a running server at which a packet arrives."""
        transition = self.deliveries[server_state].get(packet)
        if transition is None:
            transition = self.deliveries[server_state][packet] = self.compute(server_state, "deliver", packet)
            if self.on_new_transition is not None:
                self.on_new_transition((server_state, "deliver", packet), transition)
        return transition

    def perform(self, server_state: int, event: str, *arguments: Any) -> Transition:
        """Return the transition of any other event.

        Args:
            server_state: The number of the server state.
            event: ``timeout`` with the timer, ``ask`` with client and request, ``snapshot``, ``crash``, or ``start`` with
                whether the server leads from its start and the term that it enters then if its own is older (None for
                its own).
            arguments: The arguments of the event.
        """
        key = (server_state, event, *arguments)
        transition = self._transitions.get(key)
        if transition is None:
            transition = self._transitions[key] = self.compute(server_state, event, *arguments)
            if self.on_new_transition is not None:
                self.on_new_transition(key, transition)
        return transition

    def compute(self, server_state: int, event: str, *arguments: Any) -> Transition:
        """Run the handler of an event, even if its transition is known; events as in `perform`, and ``deliver``."""
        before = self.server_states[server_state]
        if event == "deliver":
            message, sender = self.messages[arguments[0]], self.servers[self.sender[arguments[0]]]
            return self._run(before, handler_name(type(message)), (sender, message), before.timers)
        if event == "timeout":
            left = tuple(name for name in before.timers if name != arguments[0])
            before = before._replace(immediate=tuple(name for name in before.immediate if name != arguments[0]))
            return self._run(before, f"on_{arguments[0]}_timeout", (), left)
        if event == "ask":
            client, request = arguments
            self.requests[client] = request
            return self._run(before, "on_client_request", (client, request), before.timers)
        if event == "snapshot":
            return self._run(before, "take_snapshot", (), before.timers)
        if event == "crash":
            durable = self.node_class.durable  # type: ignore[attr-defined]
            disk = tuple((name, value) for name, value in before.fields if name in durable)
            return self.intern_server(FrozenServerState(before.server, False, (), (), (), disk)), (), 0
        assert event == "start", event
        return self._start(before, *arguments)

    def _start(self, before: FrozenServerState, leader: bool = False, term: int | None = None) -> Transition:
        name = self.servers[before.server]
        host = Host(name)
        host.disk = {field: self.freezer.thaw(value) for field, value in before.disk}
        try:
            known = known_servers(self.members, name)
            node = new_node_of(self.node_class, name=name, servers=known, random=DeterministicStream())
            if leader:
                set_field(node, "is_leader", True)
            host.begin(node)
        except (Exception, SystemExit, HandlerTimeout) as error:
            raise blame(error, name, "beginning") from error
        return self._handle(before, node, "on_start", (), (), term=term)

    def _run(
        self, before: FrozenServerState, handler: str, arguments: tuple[Any, ...], timers: tuple[str, ...]
    ) -> Transition:
        return self._handle(before, self.build_node(before), handler, arguments, timers)

    def _handle(
        self,
        before: FrozenServerState,
        node: Any,
        handler: str,
        arguments: tuple[Any, ...],
        timers: tuple[str, ...],
        *,
        term: int | None = None,
    ) -> Transition:
        """Call a handler on a node that was built for it, and return the transition."""
        name = self.servers[before.server]
        received = arguments if handler != "on_client_request" and len(arguments) == 2 else None
        committed_before = getattr(node, "commit_index", 0)
        self.calls += 1
        try:
            if (returned := find_handler(node, handler)(*arguments)) is not None:
                raise returned_something(returned)  # noqa: TRY301  # The line below `except` is meant for it.
            if term is not None:
                enter_term(node, term)
            effects: list[Effect] = node.effects
            facts = facts_of(
                node, effects, received=received, committed_before=committed_before, requests=self.requests
            )
            running, immediate = self._timers_after(node, handler, timers, before.immediate, effects)
            after = FrozenServerState(before.server, True, self._fields(node), running, immediate, ())
            sent = self._sent_packets(before.server, effects)
        except (Exception, SystemExit, HandlerTimeout) as error:
            call = HandlerCall(node, getattr(node, handler, None), arguments)
            raise blame(error, name, handler, call=call) from error
        return self.intern_server(after), sent, self.intern_facts(tuple(sorted(set(facts), key=repr)))

    def _fields(self, node: Any) -> tuple[tuple[str, Any], ...]:
        met: set[int] = set()
        freeze = self.freezer.freeze
        values = vars(node).items()
        return tuple(sorted((name, freeze(value, met)) for name, value in values if name not in DRIVER_FIELDS))

    def _timers_after(
        self, node: Any, handler: str, timers: tuple[str, ...], zero: tuple[str, ...], effects: list[Effect]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the timers that run after the effects, and those of zero seconds; check timers and answers on the way."""
        running, immediate = set(timers), set(zero)
        for effect in effects:
            if effect[0] == "start":
                check_wait(node, effect[1], effect[2], handler)
                running.add(effect[1])
                immediate.discard(effect[1])
                if effect[2] == 0:
                    immediate.add(effect[1])
            elif effect[0] == "cancel":
                running.discard(effect[1])
                immediate.discard(effect[1])
            elif effect[0] == "reply":
                check_answer(effect[1], effect[2], self.requests)
        return tuple(sorted(running)), tuple(sorted(immediate))

    def _sent_packets(self, server: int, effects: list[Effect]) -> tuple[int, ...]:
        """Return the packets that the effects send, sorted.

        They are interned in an order that does not depend on the order in which the node sends them, which may come
        from iterating over a set: else their numbers, and with them the run that is found, would depend on hashes.
        """
        place, sends = self.freezer.place, []
        for effect in effects:
            if effect[0] == "send":
                if effect[1] not in place or place[effect[1]] == server:
                    others = ", ".join(name for name in place if place[name] != server)
                    raise Mistake(f"sent a message to {effect[1]!r}; the others are {others}")
                check_message(effect[2])
                sends.append((place[effect[1]], to_text(effect[2]), effect[2]))
        sends.sort(key=lambda send: send[:2])
        return tuple(sorted(self.intern_packet(server, receiver, message) for receiver, _, message in sends))


def find_handler(node: Any, handler: str) -> Callable[..., object]:
    """Return the method of a node that handles an event.

    Raises:
        NodeError: It has no such method.
    """
    found = getattr(node, handler, None)
    if found is None:
        text = f"{node.name} has no {handler}: something reached it that its Node does not handle"
        raise NodeError(text, server=node.name, handler=handler)
    return found  # type: ignore[no-any-return]


def check_answer(client: str, response: object, requests: Mapping[str, Request]) -> None:
    """Check that a response is an answer, and that its client has asked.

    Raises:
        Mistake: The response is not an answer, or no such client has asked.
    """
    if not isinstance(response, Response):
        raise response_mistake(response)
    if client not in requests:
        raise Mistake(f"answered {client!r}, but no such client has asked")


def blame(
    error: BaseException, server: str, handler: str, at_s: str | None = None, call: HandlerCall | None = None
) -> BaseException:
    """Return the error to raise: a NodeError if the Node is at fault; otherwise the error itself, unchanged."""
    return blame_node(error, server, handler, at_s, call) or error
