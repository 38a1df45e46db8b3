"""The space of a search: every state, and what can happen in it.

A state is a row of numbers: one for each server, one for the history, one for what is left of the bounds, and then one
for each message on its way, sorted. Messages are a bag and no queue: the network reorders, so any of them may arrive
next. One that is never delivered is as good as lost. Durations are ignored: any running timer may run out, as often
as the scope allows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.verify.model_checker.facts import grown
from raft_steps.lab.verify.model_checker.scope import Scope, known
from raft_steps.lab.verify.model_checker.state_view import Look
from raft_steps.lab.verify.model_checker.transitions import Machine

State = tuple[int, ...]
# What happens: "timeout", server, timer; "deliver", "copy" or "drop", message; "crash" or "restart", server;
# "ask", server, client, request; "forget" between two stages. Servers and messages are numbers.
Event = tuple[Any, ...]
SPENT = -1


class Space:
    """The states within a scope.

    Attributes:
        machine: The nodes.
        scope: What may happen.
        keep: The kinds of facts that a state remembers.
        counters: What each place of the bounds counts: a server or None, and what.
        budgets: What each number of the bounds stands for: how often each may still happen, and then 1 for every
            command that may still be asked.
    """

    def __init__(self, machine: Machine, scope: Scope, keep: Iterable[str], clients: Iterable[str] = ()) -> None:
        """Lay out the space.

        Args:
            machine: The nodes.
            scope: What may happen.
            keep: The kinds of facts that a state remembers.
            clients: The names of the clients, one for each command of the scope.
        """
        self.machine, self.scope, self.keep = machine, scope, frozenset(keep)
        self.n = len(machine.servers)
        self.counters: list[tuple[int | None, str]] = []
        self.budgets: list[tuple[int, ...]] = []
        self._budget_numbers: dict[tuple[int, ...], int] = {}
        self._spent: dict[tuple[int, tuple[int, ...]], int] = {}
        self._kept: dict[int, int] = {}
        self.timer_bounds: dict[tuple[int, str], tuple[int, ...]] = {}
        self.crash_bounds: dict[int, tuple[int, ...]] = {}
        self._read(list(clients))

    def _read(self, clients: list[str]) -> None:
        scope, servers = self.scope, self.machine.servers
        place = self.machine.freezer.place
        left: list[int] = []
        for server, timer, bound in scope.timers(servers):
            for i in range(self.n) if server is None else (place[server],):
                self.timer_bounds[i, timer] = (*self.timer_bounds.get((i, timer), ()), len(left))
            self.counters.append((None if server is None else place[server], timer))
            left.append(bound)
        for name, bound in scope.crashes_by_name().items():
            for i in range(self.n) if not name else (place[known(name, servers)],):
                self.crash_bounds[i] = (*self.crash_bounds.get(i, ()), len(left))
            self.counters.append((place[name] if name else None, "crash"))
            left.append(bound)
        self.drop_bound, self.copy_bound = (len(left),), (len(left) + 1,)
        self.counters += [(None, "drop"), (None, "copy")]
        left += [scope.drops, scope.duplicates]
        self.asks: list[tuple[tuple[int, ...], str, Request, int | None]] = []
        for client, (request, server) in zip(clients, scope.requests(servers), strict=True):
            self.asks.append(((len(left),), client, request, None if server is None else place[server]))
            self.counters.append((None, "ask"))
            left.append(1)
        self.full = self.number_of_budget(tuple(left))
        back = servers if scope.restarts is True else scope.restarts or ()
        self.may_restart = frozenset(place[known(name, servers)] for name in back)
        self.links_cut = frozenset((place[a], place[b]) for a, b in scope.closed(servers))

    # What a state is made of.

    def number_of_budget(self, left: tuple[int, ...]) -> int:
        """Give the number of what is left of the bounds."""
        number = self._budget_numbers.setdefault(left, len(self.budgets))
        if number == len(self.budgets):
            self.budgets.append(left)
        return number

    def spend(self, budget: int, places: tuple[int, ...]) -> int:
        """Give what is left after one more; `SPENT` if one of these was none."""
        key = (budget, places)
        if key not in self._spent:
            left = list(self.budgets[budget])
            for place in places:
                left[place] -= 1
            self._spent[key] = SPENT if any(left[place] < 0 for place in places) else self.number_of_budget(tuple(left))
        return self._spent[key]

    def kept(self, facts: int) -> int:
        """Leave out the facts that nothing in this search asks for."""
        if facts not in self._kept:
            machine = self.machine
            asked = tuple(fact for fact in machine.facts[facts] if fact[0] in self.keep)
            self._kept[facts] = machine.number_of_facts(asked)
        return self._kept[facts]

    def begin(self, state: State) -> State:
        """Take a state that remembers everything, and begin here: with all bounds unspent, and only what is asked for."""
        machine, n = self.machine, self.n
        facts = (fact for fact in machine.histories[state[n]] if fact[0] in self.keep)
        history = machine.number_of_history(grown(frozenset(), facts))
        return (*state[:n], history, self.full, *state[n + 2 :])

    def look(self, state: State) -> Look:
        """Show a state."""
        machine, n = self.machine, self.n
        servers = {machine.servers[i]: machine.seen(state[i]) for i in range(n)}
        flying = tuple([machine.flying(packet) for packet in state[n + 2 :]])
        return Look(servers, flying, machine.histories[state[n]])


def advanced(machine: Machine, state: State, event: Event) -> State:
    """Give the state after an event, with all facts and without any bound; the event must be one that can happen."""
    n = len(machine.servers)
    head, history, packets = list(state[:n]), state[n], list(state[n + 2 :])
    what = event[0]
    if what == "forget":
        return (*state[: n + 2],)
    if what in ("deliver", "drop"):
        packets.remove(event[1])
    if what == "drop":
        return (*head, history, state[n + 1], *packets)
    server = machine.receiver[event[1]] if what in ("deliver", "copy") else event[1]
    if what in ("deliver", "copy"):
        local, sends, facts = machine.hear(head[server], event[1])
    else:
        name = "fire" if what == "timeout" else "start" if what == "restart" else what
        local, sends, facts = machine.do(head[server], name, *event[2:])
    head[server] = local
    return (*head, machine.grow(history, facts), state[n + 1], *sorted((*packets, *sends)))
