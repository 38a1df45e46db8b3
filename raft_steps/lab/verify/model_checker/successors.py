"""What can happen in a state of a search, and the state after it.

What changes nothing is left out: a message that its receiver takes note of without any change may as well stay on its
way, for the state before can do all that the state after can. That holds as long as the scope does not count the
messages in flight.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from raft_steps.lab.verify.model_checker.interning import Done
from raft_steps.lab.verify.model_checker.state_space import SPENT, Event, Space, State

Rest = tuple[int, int, State]  # history, bounds, messages


class NodeFailedError(Exception):
    """A handler failed in the event that is named; `__cause__` is the error."""

    def __init__(self, event: Event) -> None:
        """Keep the event."""
        super().__init__(str(event))
        self.event = event


class Moves(Space):
    """A space in which one can move.

    Attributes:
        pruned: How many moves were left out because too many messages would be in flight.
    """

    pruned = 0

    def successors(self, state: State) -> list[tuple[Event, State]]:
        """Give all that can happen in a state, and the state after it.

        Raises:
            NodeFailedError: A handler raised, hung or returned something.
        """
        n = self.n
        found: list[tuple[Event, State]] = []
        head, rest = state[:n], (state[n], state[n + 1], state[n + 2 :])
        self._add_timeouts(found, head, rest)
        self._add_requests(found, head, rest)
        self._add_arrivals(found, head, rest)
        self._add_lives(found, head, rest)
        if self.scope.duplicates or self.scope.drops:
            self._add_faults(found, head, rest)
        if self.scope.in_flight is not None:
            few = [move for move in found if len(move[1]) - n - 2 <= self.scope.in_flight]
            self.pruned += len(found) - len(few)
            return few
        return found

    def _add(self, found: list[tuple[Event, State]], event: Event, head: State, done: Done, rest: Rest) -> None:
        """Add what an event leads to, unless it leads nowhere."""
        local, sends, facts = done
        server = self.machine.locals[local].server
        history, budget, packets = rest
        if facts:
            facts = self.kept(facts)
            if facts:
                history = self.machine.grow(history, facts)
        if local == head[server] and not sends and history == rest[0] and self.scope.in_flight is None:
            return
        if sends:
            both = list(packets)
            for packet in sends:
                insort(both, packet)
            packets = tuple(both)
        found.append((event, (*head[:server], local, *head[server + 1 :], history, budget, *packets)))

    def _try(self, event: Event, work: Callable[..., Done], *arguments: object) -> Done:
        try:
            return work(*arguments)
        except Exception as error:
            raise NodeFailedError(event) from error

    def _add_timeouts(self, found: list[tuple[Event, State]], head: State, rest: Rest) -> None:
        for i, local in enumerate(head):
            for timer in self.machine.timers[local]:
                bounds = self.timer_bounds.get((i, timer))
                if bounds is None or (left := self.spend(rest[1], bounds)) == SPENT:
                    continue
                event = ("timeout", i, timer)
                done = self._try(event, self.machine.do, local, "fire", timer)
                self._add(found, event, head, done, (rest[0], left, rest[2]))

    def _add_requests(self, found: list[tuple[Event, State]], head: State, rest: Rest) -> None:
        machine = self.machine
        for bound, client, request, named in self.asks:
            left = self.spend(rest[1], bound)
            if left == SPENT:
                continue
            for i in range(self.n) if named is None else (named,):
                local = head[i]
                if machine.up[local] and (named is not None or machine.leads[local]):
                    event = ("ask", i, client, request)
                    done = self._try(event, machine.do, local, "ask", client, request)
                    self._add(found, event, head, done, (rest[0], left, rest[2]))

    def _add_arrivals(self, found: list[tuple[Event, State]], head: State, rest: Rest) -> None:
        machine, (history, budget, packets) = self.machine, rest
        before = -1
        for k, packet in enumerate(packets):
            if packet == before:  # The same message twice: either of them may arrive first.
                continue
            before = packet
            local = head[machine.receiver[packet]]
            if not machine.up[local] or self._is_closed(packet):
                continue
            done = machine.heard[local].get(packet)
            event = ("deliver", packet)
            if done is None:
                done = self._try(event, machine.hear, local, packet)
            self._add(found, event, head, done, (history, budget, packets[:k] + packets[k + 1 :]))

    def _is_closed(self, packet: int) -> bool:
        """Say whether a message cannot arrive within the scope."""
        machine = self.machine
        if self.links_cut and (machine.sender[packet], machine.receiver[packet]) in self.links_cut:
            return True
        kinds = self.scope.messages
        return kinds is not None and type(machine.messages[packet]).__name__ not in kinds

    def _add_lives(self, found: list[tuple[Event, State]], head: State, rest: Rest) -> None:
        machine = self.machine
        for i, local in enumerate(head):
            if not machine.up[local]:
                if i in self.may_restart:
                    done = self._try(("restart", i), machine.do, local, "start")
                    self._add(found, ("restart", i), head, done, rest)
            elif i in self.crash_bounds and (left := self.spend(rest[1], self.crash_bounds[i])) != SPENT:
                self._add(found, ("crash", i), head, machine.do(local, "crash"), (rest[0], left, rest[2]))

    def _add_faults(self, found: list[tuple[Event, State]], head: State, rest: Rest) -> None:
        machine, (history, budget, packets) = self.machine, rest
        lost, doubled = self.spend(budget, self.drop_bound), self.spend(budget, self.copy_bound)
        for packet in sorted(set(packets)):
            local = head[machine.receiver[packet]]
            if doubled != SPENT and machine.up[local] and not self._is_closed(packet):
                done = self._try(("copy", packet), machine.hear, local, packet)
                self._add(found, ("copy", packet), head, done, (history, doubled, packets))
            if lost != SPENT:
                k = packets.index(packet)
                found.append((("drop", packet), (*head, history, lost, *packets[:k], *packets[k + 1 :])))
