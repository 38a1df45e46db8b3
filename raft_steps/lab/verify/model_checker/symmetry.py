"""Symmetry reduction: of the states that differ only in which server is which, only one is expanded.

This is sound because a server's name is only an identity to a handler: it compares names, stores them, sends to them.
If all servers get other names, in the nodes and in the packets, everything happens as before under the other names. The
order of `peers()` only orders sends, packets in flight have no order, and what a node keeps for each server is frozen
in one order. Servers that the scope or a predicate names keep their names.

A Node may break that, for example by voting for the name that comes first in the alphabet. So the search checks it:
each new transition is computed once more with two names exchanged, and must be the same under these names. That tests
each server state and event that is reached with one exchange; it is not a proof for all permutations. A Node that fails
the test is refused, and can be searched without symmetry.

The canonical form of a state is the smallest of the tuples that permutations of the free servers turn it into. Trying
all permutations of every state would be too slow, so servers are first sorted by a signature that no renaming changes,
and only servers with equal signatures are permuted. The candidates are the same for all states that are permutations of
each other, so the smallest of them is the same, too.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise, permutations, product
from typing import Any

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.freezing import MAPS
from raft_steps.lab.verify.model_checker.interning import Transition
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.state_space import State, StateSpace
from raft_steps.lab.verify.model_checker.transitions import NOT_PURE


class Permutation:
    """One permutation of the servers, applied to states and their parts.

    Attributes:
        target: For each server, the index of the server whose place it takes.
        names: The new name of each server.
    """

    def __init__(self, space: StateSpace, target: tuple[int, ...]) -> None:
        """Let the server at index i take the place of the one at `target[i]`."""
        assert sorted(target) == list(range(space.n)), target
        self.space, self.target = space, target
        servers = space.table.servers
        self.names = {name: servers[target[i]] for i, name in enumerate(servers)}
        self._server_states: dict[int, int] = {}
        self._packets: dict[int, int] = {}
        self._histories: dict[int, int] = {}
        self._budgets: dict[int, int] = {}
        # For each place of a budget, the place whose number moves there; bounds for all servers together stay.
        where = {counter: k for k, counter in enumerate(space.counters) if counter[0] is not None}
        self._budget_sources = [
            where.get((None if server is None else target.index(server), what), k)
            for k, (server, what) in enumerate(space.counters)
        ]

    def __call__(self, state: State) -> State:
        """Return the permuted state."""
        n, target = self.space.n, self.target
        servers = [0] * n
        for i, server_state in enumerate(state[:n]):
            servers[target[i]] = self.server_state(server_state)
        packets = sorted([self.packet(packet) for packet in state[n + 2 :]])
        return (*servers, self.history(state[n]), self._budget(state[n + 1]), *packets)

    def server_state(self, number: int) -> int:
        """Return the permuted server state."""
        if number not in self._server_states:
            table = self.space.table
            before, rename = table.server_states[number], table.freezer.rename
            fields, disk = (
                tuple((name, rename(value, self.names)) for name, value in row) for row in (before.fields, before.disk)
            )
            renamed = before._replace(server=self.target[before.server], fields=fields, disk=disk)
            self._server_states[number] = table.intern_server(renamed)
        return self._server_states[number]

    def packet(self, number: int) -> int:
        """Return the permuted packet."""
        if number not in self._packets:
            table, target = self.space.table, self.target
            message = table.freezer.rename(table.messages[number], self.names)
            self._packets[number] = table.intern_packet(
                target[table.sender[number]], target[table.receiver[number]], message
            )
        return self._packets[number]

    def history(self, number: int) -> int:
        """Return the permuted history."""
        if number not in self._histories:
            table = self.space.table
            renamed = table.freezer.rename(table.histories[number], self.names)
            self._histories[number] = table.intern_history(renamed)
        return self._histories[number]

    def _budget(self, number: int) -> int:
        if number not in self._budgets:
            left = self.space.budgets[number]
            self._budgets[number] = self.space.intern_budget(tuple([left[k] for k in self._budget_sources]))
        return self._budgets[number]


class SymmetryReduction:
    """Finds the canonical form of states, and checks that the Node treats all servers alike.

    Attributes:
        space: The states.
        free: The indexes of the servers that may be permuted.
    """

    def __init__(self, space: StateSpace, fixed: Iterable[str]) -> None:
        """Permute all servers but the fixed ones."""
        self.space = space
        fixed = set(fixed)
        self.free = [i for i, name in enumerate(space.table.servers) if name not in fixed]
        self._permutations: dict[tuple[int, ...], Permutation] = {}
        self._server_signatures: dict[int, int] = {}
        self._packet_signatures: dict[int, tuple[int, int, int, int]] = {}
        self._signature_numbers: dict[Any, int] = {}
        # In a signature every free server has the same name, except the one whose signature it is. Neither is a name
        # that a server can have.
        nameless = {name: "\0" for i, name in enumerate(space.table.servers) if i in self.free}
        self._nameless = [
            nameless | ({name: "\0own"} if i in self.free else {}) for i, name in enumerate(space.table.servers)
        ]
        self._swaps = [self._swap(a, b) for a, b in pairwise(self.free)]
        self._checked = 0

    def canonical(self, state: State) -> State:
        """Return the canonical form of a state."""
        free, signatures = self.free, self._signatures_of(state)
        order = sorted(free, key=signatures.__getitem__)
        if all(signatures[a] != signatures[b] for a, b in pairwise(order)):
            return self._permutation(order)(state)
        return min(self._permutation(each)(state) for each in self._orders(order, signatures))

    def _permutation(self, order: list[int]) -> Permutation:
        """Return the permutation that puts the free servers in this order."""
        target = list(range(self.space.n))
        for place, i in zip(self.free, order, strict=True):
            target[i] = place
        key = tuple(target)
        if key not in self._permutations:
            self._permutations[key] = Permutation(self.space, key)
        return self._permutations[key]

    def _orders(self, order: list[int], signatures: list[Any]) -> Iterator[list[int]]:
        """Yield every order that differs from a sorted one only among servers with equal signatures."""
        groups: list[list[int]] = []
        for i in order:
            if groups and signatures[groups[-1][0]] == signatures[i]:
                groups[-1].append(i)
            else:
                groups.append([i])
        for parts in product(*(permutations(group) for group in groups)):
            yield [i for part in parts for i in part]

    # Signatures.

    def _signatures_of(self, state: State) -> list[Any]:
        """Return the signature of each server: its state and the packets from and to it, without the names."""
        n, server_signatures, packet_signatures = self.space.n, self._server_signatures, self._packet_signatures
        signatures: list[list[int]] = []
        for server_state in state[:n]:
            if server_state not in server_signatures:
                server_signatures[server_state] = self._server_signature(server_state)
            signatures.append([server_signatures[server_state]])
        for packet in state[n + 2 :]:
            if packet not in packet_signatures:
                packet_signatures[packet] = self._packet_signature(packet)
            sender, receiver, outgoing, incoming = packet_signatures[packet]
            signatures[sender].append(outgoing)
            signatures[receiver].append(incoming)
        for signature in signatures:
            if len(signature) > 2:
                signature[1:] = sorted(signature[1:])
        return signatures

    def _server_signature(self, number: int) -> int:
        table = self.space.table
        server_state = table.server_states[number]
        names = self._nameless[server_state.server]
        values = without_order(table.freezer.rename((server_state.fields, server_state.disk), names))
        fixed = server_state.server if server_state.server not in self.free else -1
        return self._intern_signature(
            ("server", fixed, server_state.up, values, server_state.timers, server_state.immediate)
        )

    def _packet_signature(self, packet: int) -> tuple[int, int, int, int]:
        """Return the sender and the receiver of a packet, and its signature for each of them."""
        table = self.space.table
        sender, receiver, message = table.sender[packet], table.receiver[packet], table.messages[packet]
        a, b = (-1 if end in self.free else end for end in (sender, receiver))
        outgoing = without_order(table.freezer.rename(message, self._nameless[sender]))
        incoming = without_order(table.freezer.rename(message, self._nameless[receiver]))
        return (
            sender,
            receiver,
            self._intern_signature(("out", b, outgoing)),
            self._intern_signature(("in", a, incoming)),
        )

    def _intern_signature(self, signature: Any) -> int:
        return self._signature_numbers.setdefault(signature, len(self._signature_numbers))

    # The check of the Node.

    def _swap(self, a: int, b: int) -> Permutation:
        """Return the permutation that exchanges two servers."""
        target = list(range(self.space.n))
        target[a], target[b] = b, a
        key = tuple(target)
        return self._permutations.setdefault(key, Permutation(self.space, key))

    def check_transition(self, key: tuple[Any, ...], transition: Transition) -> None:
        """Check that a new transition is the same with two names exchanged; the pair changes from call to call.

        Raises:
            ScenarioError: It is not.
        """
        swap = self._swaps[self._checked % len(self._swaps)]
        self._checked += 1
        table, (server_state, event, *arguments) = self.space.table, key
        # The exchanged transition may be new as well. It is not checked in turn: each check could cause another.
        before, table.on_new_transition = table.on_new_transition, None
        try:
            if event == "deliver":
                swapped = table.deliver(swap.server_state(server_state), swap.packet(arguments[0]))
            else:
                swapped = table.perform(swap.server_state(server_state), event, *arguments)
        finally:
            table.on_new_transition = before
        after, sent, facts = transition
        sent = tuple(sorted([swap.packet(packet) for packet in sent]))
        facts_match = table.freezer.rename(frozenset(table.facts[facts]), swap.names) == frozenset(
            table.facts[swapped[2]]
        )
        if (swap.server_state(after), sent) == swapped[:2] and facts_match:
            return
        if table.compute(server_state, event, *arguments) != transition:
            raise ScenarioError(f"the same event does not do the same when it happens again: {NOT_PURE}")
        names = " and ".join(name for name, other in swap.names.items() if name != other)
        what = {"deliver": "a message that arrives", "timeout": "a timer that runs out"}.get(
            event, f"the event {event}"
        )
        raise ScenarioError(
            f"this Node does not treat all servers alike: with the names {names} exchanged, {what} has another "
            "effect; search with symmetry=False"
        )


def find_symmetry(space: StateSpace, predicates: Iterable[Predicate], initial: Schedule) -> SymmetryReduction | None:
    """Return the symmetry reduction of a search; None if there are no two servers that may be exchanged.

    Servers that the scope or a predicate names are fixed. All are fixed if a predicate may name any server, or if a
    command contains a server's name: it would be renamed with the server.
    """
    servers = space.table.servers
    fixed = set(space.scope.named_servers(servers)) | (set(servers) - set(initial.first_members))
    for predicate in predicates:
        if predicate.servers is None:
            return None
        fixed |= set(predicate.servers)
    texts = [command_text(request) for request, _ in space.scope.requests(servers)]
    texts += [text for log in initial.logs.values() for _, text in log]
    words = {name for text in texts for word in shlex.split(text) for name in word.split(",")}
    if words & set(servers) or len(servers) - len(fixed) < 2:
        return None
    return SymmetryReduction(space, fixed)


def without_order(frozen: Any) -> Any:
    """Return a frozen value without the order of dictionaries, which is lost when several servers have one name."""
    if type(frozen) is tuple:
        if len(frozen) >= 2 and (frozen[0] in MAPS or frozen[0] is defaultdict) and type(frozen[1]) is tuple:
            return (frozen[0], frozenset(without_order(item) for item in frozen[1]), *frozen[2:])
        return tuple([without_order(item) for item in frozen])
    if type(frozen) is frozenset:
        return frozenset(without_order(item) for item in frozen)
    return frozen
