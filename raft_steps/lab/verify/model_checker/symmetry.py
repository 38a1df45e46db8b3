"""Symmetry: states that differ only in which server is which are the same state, and only one of them is gone on from.

Why that is sound. A handler takes a server's name as an identity: it compares it, keeps it, sends to it. Give all
servers other names, in the nodes and in the messages, and everything happens as before under the other names. The
order of `peers()` is an order of sends only, and messages on their way are a bag; what a node keeps for each server is
put in one order (`freeze`). Servers that the scope or a predicate names stay as they are.

A Node may break that: one that votes for the name that comes first in the alphabet does. So it is not only believed.
Whenever a handler has run for the first time, it runs once more with two names exchanged, and must do the same. That is
a test of every reached server and event with one exchange, not a proof for all. A Node that fails it is searched without
symmetry, or not at all.
"""

from __future__ import annotations

import shlex
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise, permutations, product
from typing import Any

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker.interning import Done, Local
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.state_space import Space, State
from raft_steps.lab.verify.model_checker.transitions import NOT_PURE

MAPS = frozenset({dict, OrderedDict, Counter, defaultdict})


class Renaming:
    """One way to give the servers of a space other names."""

    def __init__(self, space: Space, place: tuple[int, ...]) -> None:
        """Let the server at place i take the part of the one at `place[i]`."""
        self.space, self.place = space, place
        servers = space.machine.servers
        self.names = {name: servers[place[i]] for i, name in enumerate(servers)}
        self._locals: dict[int, int] = {}
        self._packets: dict[int, int] = {}
        self._histories: dict[int, int] = {}
        self._budgets: dict[int, int] = {}
        where = {counter: k for k, counter in enumerate(space.counters) if counter[0] is not None}
        self._from = [where.get((self._back(server), what), k) for k, (server, what) in enumerate(space.counters)]

    def _back(self, server: int | None) -> int | None:
        return None if server is None else self.place.index(server)

    def __call__(self, state: State) -> State:
        """Rename a state."""
        n, place = self.space.n, self.place
        head = [0] * n
        for i, local in enumerate(state[:n]):
            head[place[i]] = self.local(local)
        packets = sorted([self.packet(packet) for packet in state[n + 2 :]])
        return (*head, self.history(state[n]), self._budget(state[n + 1]), *packets)

    def local(self, number: int) -> int:
        """Rename a server."""
        if number not in self._locals:
            machine = self.space.machine
            what, rename = machine.locals[number], machine.freezer.rename
            fields, disk = (
                tuple((name, rename(value, self.names)) for name, value in row) for row in (what.fields, what.disk)
            )
            renamed = Local(self.place[what.server], what.up, fields, what.timers, disk)
            self._locals[number] = machine.number_of_local(renamed)
        return self._locals[number]

    def packet(self, number: int) -> int:
        """Rename a message."""
        if number not in self._packets:
            machine, place = self.space.machine, self.place
            message = machine.freezer.rename(machine.messages[number], self.names)
            self._packets[number] = machine.number_of_packet(
                place[machine.sender[number]], place[machine.receiver[number]], message
            )
        return self._packets[number]

    def history(self, number: int) -> int:
        """Rename what has happened."""
        if number not in self._histories:
            machine = self.space.machine
            renamed = machine.freezer.rename(machine.histories[number], self.names)
            self._histories[number] = machine.number_of_history(renamed)
        return self._histories[number]

    def _budget(self, number: int) -> int:
        if number not in self._budgets:
            left = self.space.budgets[number]
            self._budgets[number] = self.space.number_of_budget(tuple([left[k] for k in self._from]))
        return self._budgets[number]


class Symmetry:
    """Gives one state in the place of all that are the same but for the names."""

    def __init__(self, space: Space, fixed: Iterable[str]) -> None:
        """Let all servers be alike that are not fixed."""
        self.space = space
        fixed = set(fixed)
        self.free = [i for i, name in enumerate(space.machine.servers) if name not in fixed]
        self._renamings: dict[tuple[int, ...], Renaming] = {}
        self._looks: dict[int, int] = {}  # of a server, with all names but the fixed ones left out
        self._ends: dict[int, tuple[int, int, int, int]] = {}  # of a message: both ends, and how it looks from each
        self._forms: dict[Any, int] = {}
        nameless = {name: "\0" for i, name in enumerate(space.machine.servers) if i in self.free}
        self._nameless = [
            nameless | ({name: "\0own"} if i in self.free else {}) for i, name in enumerate(space.machine.servers)
        ]
        self._swaps = [self._swap(a, b) for a, b in zip(self.free, self.free[1:], strict=False)]
        self._tested = 0

    def canonical(self, state: State) -> State:
        """Give the one that stands for a state: the smallest that it can become by other names."""
        free, looks = self.free, self._looks_of(state)
        order = sorted(free, key=looks.__getitem__)
        if all(looks[a] != looks[b] for a, b in pairwise(order)):
            return self._renaming(order)(state)
        return min(self._renaming(each)(state) for each in self._orders(order, looks))

    def _renaming(self, order: list[int]) -> Renaming:
        """Give the renaming that puts free servers in this order."""
        place = list(range(self.space.n))
        for target, i in zip(self.free, order, strict=True):
            place[i] = target
        key = tuple(place)
        if key not in self._renamings:
            self._renamings[key] = Renaming(self.space, key)
        return self._renamings[key]

    def _orders(self, order: list[int], looks: list[Any]) -> Iterator[list[int]]:
        """Give every order that differs only among servers that look alike."""
        groups: list[list[int]] = []
        for i in order:
            if groups and looks[groups[-1][0]] == looks[i]:
                groups[-1].append(i)
            else:
                groups.append([i])
        for parts in product(*(permutations(group) for group in groups)):
            yield [i for part in parts for i in part]

    def _looks_of(self, state: State) -> list[Any]:
        """Say how each server looks with its messages, without names: alike for servers that could be exchanged."""
        n, known, ends = self.space.n, self._looks, self._ends
        looks: list[list[int]] = []
        for local in state[:n]:
            if local not in known:
                known[local] = self._look(local)
            looks.append([known[local]])
        for packet in state[n + 2 :]:
            if packet not in ends:
                ends[packet] = self._look_of_packet(packet)
            sender, receiver, out, into = ends[packet]
            looks[sender].append(out)
            looks[receiver].append(into)
        for look in looks:
            if len(look) > 2:
                look[1:] = sorted(look[1:])
        return looks

    def _look(self, local: int) -> int:
        machine = self.space.machine
        what = machine.locals[local]
        names = self._nameless[what.server]
        held = loose(machine.freezer.rename((what.fields, what.disk), names))
        return self._form(("server", what.server if what.server not in self.free else -1, what.up, held, what.timers))

    def _look_of_packet(self, packet: int) -> tuple[int, int, int, int]:
        machine = self.space.machine
        sender, receiver, message = machine.sender[packet], machine.receiver[packet], machine.messages[packet]
        a, b = (-1 if end in self.free else end for end in (sender, receiver))
        out = loose(machine.freezer.rename(message, self._nameless[sender]))
        into = loose(machine.freezer.rename(message, self._nameless[receiver]))
        return sender, receiver, self._form(("out", b, out)), self._form(("in", a, into))

    def _form(self, form: Any) -> int:
        return self._forms.setdefault(form, len(self._forms))

    # The test.

    def _swap(self, a: int, b: int) -> Renaming:
        place = list(range(self.space.n))
        place[a], place[b] = b, a
        key = tuple(place)
        return self._renamings.setdefault(key, Renaming(self.space, key))

    def witness(self, key: tuple[Any, ...], done: Done) -> None:
        """See an event on a server that was never seen before, and test it with two names exchanged.

        Raises:
            ScenarioError: The Node does something else then.
        """
        swap = self._swaps[self._tested % len(self._swaps)]
        self._tested += 1
        machine, (local, what, *arguments) = self.space.machine, key
        before, machine.witness = machine.witness, None
        try:
            if what == "hear":
                again = machine.hear(swap.local(local), swap.packet(arguments[0]))
            else:
                again = machine.do(swap.local(local), what, *arguments)
        finally:
            machine.witness = before
        sends = tuple(sorted([swap.packet(packet) for packet in done[1]]))
        facts = machine.freezer.rename(frozenset(machine.facts[done[2]]), swap.names)
        if again != (swap.local(done[0]), sends, again[2]) or facts != frozenset(machine.facts[again[2]]):
            if machine.work_out(local, what, *arguments) != done:
                raise ScenarioError(f"the same event does not do the same when it happens again: {NOT_PURE}")
            names = " and ".join(name for name, other in swap.names.items() if name != other)
            event = {"hear": "a message that arrives", "fire": "a timer that runs out"}.get(what, f"the event {what}")
            raise ScenarioError(
                f"this Node does not treat all servers alike: with the names {names} exchanged, {event} has another "
                "effect; search with symmetry=False"
            )


def symmetry_of(space: Space, predicates: Iterable[Predicate], beginning: Schedule) -> Symmetry | None:
    """Give the symmetry of a search; None where no two servers may be taken for one another.

    Servers that the scope or a predicate names are told apart. Where nobody knows whom a predicate names, or a command
    holds a server's name, all are.
    """
    servers = space.machine.servers
    fixed = set(space.scope.named(servers))
    for predicate in predicates:
        if predicate.servers is None:
            return None
        fixed |= set(predicate.servers)
    texts = [command_text(request) for request, _ in space.scope.requests(servers)]
    texts += [text for log in beginning.logs.values() for _, text in log]
    words = {word for text in texts for word in shlex.split(text)}
    if words & set(servers) or len(servers) - len(fixed) < 2:
        return None
    return Symmetry(space, fixed)


def loose(frozen: Any) -> Any:
    """Forget the order of a dictionary's items, for names that were left out may have changed it."""
    if type(frozen) is tuple:
        if len(frozen) >= 2 and frozen[0] in MAPS and type(frozen[1]) is tuple:
            return (frozen[0], frozenset(loose(item) for item in frozen[1]), *frozen[2:])
        return tuple([loose(item) for item in frozen])
    if type(frozen) is frozenset:
        return frozenset(loose(item) for item in frozen)
    return frozen
