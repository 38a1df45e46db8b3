"""The states within a scope.

A state of the cluster is a tuple of numbers from the interning table:

    one server state for each server; the history; the budget; the packets in flight, sorted

The budget is what is left of the scope's bounds. It must be part of the state: with one crash left, another future is
possible than with none.

Packets are a multiset and not a queue: the network reorders, so any of them may arrive next. One that is never
delivered is as good as lost, so a loss needs no event of its own unless the scope counts losses.

A state does not include the time, nor when timers are due or messages arrive: any running timer may run out, as often
as the scope allows. So a search also finds runs that some timings rule out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.verify.model_checker.facts import add_facts
from raft_steps.lab.verify.model_checker.scope import Scope, check_server
from raft_steps.lab.verify.model_checker.state_view import Looks, StateView
from raft_steps.lab.verify.model_checker.transitions import TransitionTable

State = tuple[int, ...]
# What happens: "timeout", server, timer; "deliver", "copy" or "drop", packet; "crash", "restart" or "snapshot", server;
# "ask", server, client, request; "forget" between two phases. Servers and packets are numbers.
SearchEvent = tuple[Any, ...]
SPENT = -1


class StateSpace:
    """The states within a scope.

    Attributes:
        table: The transitions of the servers.
        scope: What may happen.
        kept_kinds: The kinds of facts that a history keeps.
        every_arrival: Whether a message may also arrive if that changes nothing but the messages in flight.
        n: The number of servers, which is also the place of the history in a state.
        counters: What each place of a budget counts: a server, or None for all together, and a timer or another event.
        budgets: The budget of each number: how often each may still happen, 1 or 0 for each command.
        timer_bounds: The places of a budget that a timer of a server spends; timers without a bound are not in it.
        crash_bounds: The places of a budget that a crash of a server spends.
    """

    def __init__(
        self,
        table: TransitionTable,
        scope: Scope,
        kept_kinds: Iterable[str],
        clients: Iterable[str] = (),
        *,
        every_arrival: bool = False,
    ) -> None:
        """Create the space of a scope.

        Args:
            table: The transitions of the servers.
            scope: What may happen.
            kept_kinds: The kinds of facts that a history keeps.
            clients: The names of the clients, one for each command of the scope.
            every_arrival: Whether a message may also arrive if that changes nothing but the messages in flight.
        """
        # With a bound for the messages in flight, an arrival without an effect makes room for another message.
        self.every_arrival = every_arrival or scope.in_flight is not None
        self.table, self.scope, self.kept_kinds = table, scope, frozenset(kept_kinds)
        self.n = len(table.servers)
        self.counters: list[tuple[int | None, str]] = []
        self.budgets: list[tuple[int, ...]] = []
        self._budget_numbers: dict[tuple[int, ...], int] = {}
        self._spent: dict[tuple[int, tuple[int, ...]], int] = {}
        self._kept_facts: dict[int, int] = {}
        self.timer_bounds: dict[tuple[int, str], tuple[int, ...]] = {}
        self.crash_bounds: dict[int, tuple[int, ...]] = {}
        self._read_scope(list(clients))

    def _read_scope(self, clients: list[str]) -> None:
        """Turn the scope's bounds into places of a budget, and its servers into numbers."""
        scope, servers = self.scope, self.table.servers
        place = self.table.freezer.place
        left: list[int] = []
        for server, timer, bound in scope.timer_bounds(servers):
            for i in range(self.n) if server is None else (place[server],):
                self.timer_bounds[i, timer] = (*self.timer_bounds.get((i, timer), ()), len(left))
            self.counters.append((None if server is None else place[server], timer))
            left.append(bound)
        for name, bound in scope.crash_bounds().items():
            for i in range(self.n) if not name else (place[check_server(name, servers)],):
                self.crash_bounds[i] = (*self.crash_bounds.get(i, ()), len(left))
            self.counters.append((place[name] if name else None, "crash"))
            left.append(bound)
        self.drop_bound, self.copy_bound, self.snapshot_bound = ((len(left) + place,) for place in range(3))
        self.counters += [(None, "drop"), (None, "copy"), (None, "snapshot")]
        left += [scope.drops, scope.duplicates, scope.snapshots]
        self.requests: list[tuple[tuple[int, ...], str, Request, int | None]] = []
        for client, (request, server) in zip(clients, scope.requests(servers), strict=True):
            self.requests.append(((len(left),), client, request, None if server is None else place[server]))
            self.counters.append((None, "ask"))
            left.append(1)
        self.full_budget = self.intern_budget(tuple(left))
        restartable = servers if scope.restarts is True else scope.restarts or ()
        self.restartable = frozenset(place[check_server(name, servers)] for name in restartable)
        self.blocked_links = frozenset((place[a], place[b]) for a, b in scope.blocked_links(servers))

    def intern_budget(self, left: tuple[int, ...]) -> int:
        """Return the number of a budget."""
        number = self._budget_numbers.setdefault(left, len(self.budgets))
        if number == len(self.budgets):
            self.budgets.append(left)
        return number

    def spend(self, budget: int, places: tuple[int, ...]) -> int:
        """Return the budget after one more event that counts at these places; `SPENT` if it is not allowed."""
        key = (budget, places)
        if key not in self._spent:
            left = list(self.budgets[budget])
            for place in places:
                left[place] -= 1
            self._spent[key] = SPENT if any(left[place] < 0 for place in places) else self.intern_budget(tuple(left))
        return self._spent[key]

    def kept_facts(self, facts: int) -> int:
        """Return the facts that some predicate of this search needs; others would only multiply the states."""
        if facts not in self._kept_facts:
            kept = tuple(fact for fact in self.table.facts[facts] if fact[0] in self.kept_kinds)
            self._kept_facts[facts] = self.table.intern_facts(kept)
        return self._kept_facts[facts]

    def start_from(self, state: State) -> State:
        """Convert a state with its full history to one of this space: only the kept kinds of facts, a full budget."""
        table, n = self.table, self.n
        assert list(state[n + 2 :]) == sorted(state[n + 2 :]), "packets are sorted, or equal states would differ"
        facts = (fact for fact in table.histories[state[n]] if fact[0] in self.kept_kinds)
        history = table.intern_history(add_facts(frozenset(), facts))
        return (*state[:n], history, self.full_budget, *state[n + 2 :])

    def shows(self, looks: Looks) -> bool:
        """Return whether the states of this space differ in everything that a predicate has looked at."""
        return looks.kinds <= self.kept_kinds and (self.every_arrival or not looks.messages)

    def view(self, state: State, looks: Looks | None = None) -> StateView:
        """Return what a predicate sees of a state; `looks` notes what it looks at."""
        table, n = self.table, self.n
        servers = {table.servers[i]: table.server_view(state[i]) for i in range(n)}
        in_flight = tuple([table.packet_view(packet) for packet in state[n + 2 :]])
        return StateView(servers, in_flight, table.histories[state[n]], looks, members=table.members)
