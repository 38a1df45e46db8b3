"""The successors of a state: every event that can happen in it, and the state after it.

An event that only uses up a part of the budget is left out. The state before it has the same servers, history and
packets, and more budget, so all that can happen after the event can happen without it, and no predicate sees the budget.

The arrival of a message that only uses up its packet is left out for the same reason, but not if a predicate looks at
the messages in flight, which are fewer after it, or if the scope bounds their number.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from raft_steps.lab.verify.model_checker.interning import Transition
from raft_steps.lab.verify.model_checker.state_space import SPENT, SearchEvent, State, StateSpace
from raft_steps.lab.verify.model_checker.transitions import TransitionTable

Successors = list[tuple[SearchEvent, State]]
Rest = tuple[int, int, State]  # what follows the server states in a state: history, budget, packets


class NodeFailedError(Exception):
    """A handler failed in an event; `__cause__` is the error."""

    def __init__(self, event: SearchEvent) -> None:
        """Store the event."""
        super().__init__(str(event))
        self.event = event


class TransitionSystem(StateSpace):
    """The states within a scope, and the transitions between them.

    Attributes:
        pruned: How many successors were left out because too many messages would be in flight.
    """

    pruned = 0

    def successors(self, state: State) -> Successors:
        """Return every event that can happen in a state, and the state after it.

        Raises:
            NodeFailedError: A handler raised, hung or returned something.
        """
        n = self.n
        found: Successors = []
        servers, rest = state[:n], (state[n], state[n + 1], state[n + 2 :])
        self._add_timeouts(found, servers, rest)
        self._add_requests(found, servers, rest)
        self._add_deliveries(found, servers, rest)
        self._add_crashes_and_restarts(found, servers, rest)
        if self.scope.snapshots:
            self._add_snapshots(found, servers, rest)
        if self.scope.duplicates or self.scope.drops:
            self._add_faults(found, servers, rest)
        if self.scope.in_flight is not None:
            kept = [successor for successor in found if len(successor[1]) - n - 2 <= self.scope.in_flight]
            self.pruned += len(found) - len(kept)
            return kept
        return found

    def _add(self, found: Successors, event: SearchEvent, servers: State, transition: Transition, rest: Rest) -> None:
        """Add the successor that a transition leads to, unless the event changes nothing that matters."""
        server_state, sent, facts = transition
        i = self.table.server_states[server_state].server
        history, budget, packets = rest
        if facts:
            facts = self.kept_facts(facts)
            if facts:
                history = self.table.extend_history(history, facts)
        is_seen = event[0] == "deliver" and self.every_arrival
        if server_state == servers[i] and not sent and history == rest[0] and not is_seen:
            return
        if sent:
            merged = list(packets)
            for packet in sent:
                insort(merged, packet)
            packets = tuple(merged)
        found.append((event, (*servers[:i], server_state, *servers[i + 1 :], history, budget, *packets)))

    def _try(self, event: SearchEvent, transition_of: Callable[..., Transition], *arguments: object) -> Transition:
        try:
            return transition_of(*arguments)
        except Exception as error:
            raise NodeFailedError(event) from error

    def _add_timeouts(self, found: Successors, servers: State, rest: Rest) -> None:
        for i, server_state in enumerate(servers):
            for timer in self.table.timers[server_state]:
                bounds = self.timer_bounds.get((i, timer))
                if bounds is None and timer in self.table.immediate[server_state]:
                    left = rest[1]  # A timer of zero seconds needs no bound: it runs out as often as it is started.
                elif bounds is None or (left := self.spend(rest[1], bounds)) == SPENT:
                    continue
                event = ("timeout", i, timer)
                transition = self._try(event, self.table.perform, server_state, "timeout", timer)
                self._add(found, event, servers, transition, (rest[0], left, rest[2]))

    def _add_requests(self, found: Successors, servers: State, rest: Rest) -> None:
        table = self.table
        for bound, client, request, asked in self.requests:
            left = self.spend(rest[1], bound)
            if left == SPENT:
                continue
            for i in range(self.n) if asked is None else (asked,):
                server_state = servers[i]
                if table.up[server_state] and (asked is not None or table.leads[server_state]):
                    event = ("ask", i, client, request)
                    transition = self._try(event, table.perform, server_state, "ask", client, request)
                    self._add(found, event, servers, transition, (rest[0], left, rest[2]))

    def _add_deliveries(self, found: Successors, servers: State, rest: Rest) -> None:
        table, (history, budget, packets) = self.table, rest
        before = -1
        for k, packet in enumerate(packets):
            if packet == before:  # Packets are sorted; it makes no difference which of two equal ones arrives.
                continue
            before = packet
            server_state = servers[table.receiver[packet]]
            if not table.up[server_state] or self._is_blocked(packet):
                continue
            # The innermost loop of a search: a known transition is looked up here, without the cost of a call.
            transition = table.deliveries[server_state].get(packet)
            event = ("deliver", packet)
            if transition is None:
                transition = self._try(event, table.deliver, server_state, packet)
            self._add(found, event, servers, transition, (history, budget, packets[:k] + packets[k + 1 :]))

    def _is_blocked(self, packet: int) -> bool:
        """Return whether the scope does not let a packet arrive."""
        table = self.table
        if self.blocked_links and (table.sender[packet], table.receiver[packet]) in self.blocked_links:
            return True
        kinds = self.scope.messages
        return kinds is not None and type(table.messages[packet]).__name__ not in kinds

    def _add_crashes_and_restarts(self, found: Successors, servers: State, rest: Rest) -> None:
        table = self.table
        for i, server_state in enumerate(servers):
            if not table.up[server_state]:
                if i in self.restartable:
                    transition = self._try(("restart", i), table.perform, server_state, "start")
                    self._add(found, ("restart", i), servers, transition, rest)
            elif i in self.crash_bounds and (left := self.spend(rest[1], self.crash_bounds[i])) != SPENT:
                transition = table.perform(server_state, "crash")
                self._add(found, ("crash", i), servers, transition, (rest[0], left, rest[2]))

    def _add_snapshots(self, found: Successors, servers: State, rest: Rest) -> None:
        left = self.spend(rest[1], self.snapshot_bound)
        if left == SPENT or not self.table.takes_snapshots:
            return
        for i, server_state in enumerate(servers):
            if self.table.up[server_state]:
                transition = self._try(("snapshot", i), self.table.perform, server_state, "snapshot")
                self._add(found, ("snapshot", i), servers, transition, (rest[0], left, rest[2]))

    def _add_faults(self, found: Successors, servers: State, rest: Rest) -> None:
        table, (history, budget, packets) = self.table, rest
        after_drop, after_copy = self.spend(budget, self.drop_bound), self.spend(budget, self.copy_bound)
        for packet in sorted(set(packets)):
            server_state = servers[table.receiver[packet]]
            if after_copy != SPENT and table.up[server_state] and not self._is_blocked(packet):
                transition = self._try(("copy", packet), table.deliver, server_state, packet)
                self._add(found, ("copy", packet), servers, transition, (history, after_copy, packets))
            if after_drop != SPENT:
                k = packets.index(packet)
                found.append((("drop", packet), (*servers, history, after_drop, *packets[:k], *packets[k + 1 :])))


def successor(table: TransitionTable, state: State, event: SearchEvent) -> State:
    """Return the state after an event that can happen, with its full history; the scope and its budget do not matter.

    A search keeps only the facts that its own predicates need; the search that goes on from its goal may need others.
    """
    n = len(table.servers)
    servers, history, packets = list(state[:n]), state[n], list(state[n + 2 :])
    what = event[0]
    if what == "forget":
        return (*state[: n + 2],)
    if what in ("deliver", "drop"):
        packets.remove(event[1])
    if what == "drop":
        return (*servers, history, state[n + 1], *packets)
    i = table.receiver[event[1]] if what in ("deliver", "copy") else event[1]
    if what in ("deliver", "copy"):
        server_state, sent, facts = table.deliver(servers[i], event[1])
    else:
        server_state, sent, facts = table.perform(servers[i], "start" if what == "restart" else what, *event[2:])
    servers[i] = server_state
    return (*servers, table.extend_history(history, facts), state[n + 1], *sorted((*packets, *sent)))
