"""A breadth-first search that leaves nothing out, to compare the model checker with.

It has no symmetry, no table of transitions and no cache of predicates, and it takes every event that can happen. Its
states are real nodes, which are copied before each event, and it keeps facts of all kinds. So it is slow, and meant for
scopes of a few thousand states.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.log import Log
from raft_steps.lab.messages import handler_name
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.verify.model_checker import Predicate, Scope, StateView
from raft_steps.lab.verify.model_checker.facts import NO_FACTS, Fact, add_facts, facts_of
from raft_steps.lab.verify.model_checker.interning import DRIVER_FIELDS, DeterministicStream
from raft_steps.lab.verify.model_checker.state_view import PacketView, ServerView


@dataclass
class PlainState:
    """A state of the cluster: nodes, disks, timers, messages in flight, facts, and how often each event happened."""

    nodes: dict[str, Any] = field(default_factory=dict)
    disks: dict[str, dict[str, Any]] = field(default_factory=dict)
    timers: dict[str, set[str]] = field(default_factory=dict)
    immediate: dict[str, set[str]] = field(default_factory=dict)
    packets: list[PacketView] = field(default_factory=list)
    facts: frozenset[Fact] = NO_FACTS
    spent: Counter[str] = field(default_factory=Counter)

    def view(self) -> StateView:
        """Return what a predicate sees, without a note of what it looks at."""
        servers = {}
        for name, timers in self.timers.items():
            node = self.nodes.get(name)
            log = node.log if node is not None else self.disks[name].get("log", Log())
            servers[name] = ServerView(name, node, log, tuple(sorted(timers)))
        return StateView(servers, tuple(self.packets), self.facts)

    def key(self) -> str:
        """Return a text that is equal for equal states."""
        values = {name: _fields(node) for name, node in self.nodes.items()}
        timers = (_plain(self.timers), _plain(self.immediate))
        packets = sorted(map(repr, self.packets))
        facts = sorted(map(repr, self.facts))
        return repr((_plain(values), _plain(self.disks), timers, packets, facts, sorted(self.spent.items())))


def _fields(node: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(node).items() if name not in DRIVER_FIELDS}


def _plain(value: Any) -> Any:
    """Return a value whose text does not depend on hashes or on the order of a dictionary."""
    if isinstance(value, dict):
        return sorted((repr(key), _plain(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return sorted(repr(item) for item in value)
    if isinstance(value, Log):
        return [repr(value.snapshot), *(repr(entry) for entry in value)]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return [(each.name, _plain(getattr(value, each.name))) for each in fields(value)]
    return repr(value)


class PlainSearch:
    """All states of a scope, each with the number of events that lead to it."""

    def __init__(self, node_class: type, servers: tuple[str, ...], scope: Scope, states_max: int = 20_000) -> None:
        """Visit all states.

        Raises:
            AssertionError: There are more than `states_max`.
        """
        self.node_class, self.servers, self.scope = node_class, servers, scope
        self.requests: dict[str, Request] = {}
        first = PlainState(
            timers={name: set() for name in servers},
            immediate={name: set() for name in servers},
            disks={name: {} for name in servers},
        )
        for name in servers:
            self._start(first, name)
        self.states: list[tuple[int, StateView]] = [(0, first.view())]
        frontier, seen, depth = [first], {first.key()}, 0
        while frontier:
            depth += 1
            following = []
            for state in frontier:
                for after in self._successors(state):
                    key = after.key()
                    if key not in seen:
                        seen.add(key)
                        following.append(after)
                        self.states.append((depth, after.view()))
            assert len(seen) <= states_max, f"the scope has more than {states_max} states"
            frontier = following

    def depth_of(self, goal: Predicate) -> int | None:
        """Return the fewest events after which a predicate finds something; None if it never does."""
        return next((depth for depth, view in self.states if goal.find(view)), None)

    def _successors(self, state: PlainState) -> Iterator[PlainState]:
        scope, servers = self.scope, self.servers
        yield from self._timeouts(state)
        for number, (request, asked) in enumerate(scope.requests(servers)):
            for name in servers:
                node = state.nodes.get(name)
                if (
                    node is None
                    or (asked is None and not getattr(node, "is_leader", True))
                    or asked not in (None, name)
                ):
                    continue
                after = self._spend(state, [(None, f"ask {number}")], {(None, f"ask {number}"): 1})
                if after is not None:
                    client = f"client#{number + 1}"
                    self.requests[client] = request
                    yield self._handle(after, name, "on_client_request", (client, request))
        yield from self._network(state)
        for name in state.nodes:
            snapped = self._spend(state, [(None, "snapshot")], {(None, "snapshot"): scope.snapshots})
            if snapped is not None and hasattr(self.node_class, "take_snapshot"):
                yield self._handle(snapped, name, "take_snapshot", ())
        for name in servers:
            if name not in state.nodes:
                after = copy.deepcopy(state)
                yield self._start(after, name)
            else:
                bounds = {(who or None, "crash"): bound for who, bound in scope.crash_bounds().items()}
                after = self._spend(state, [(name, "crash"), (None, "crash")], bounds)
                if after is not None:
                    node = after.nodes.pop(name)
                    after.disks[name] = {each: getattr(node, each) for each in self.node_class.durable}  # type: ignore[attr-defined]
                    after.timers[name], after.immediate[name] = set(), set()
                    yield after

    def _timeouts(self, state: PlainState) -> Iterator[PlainState]:
        for name in self.servers:
            for timer in sorted(state.timers[name]):
                bounds = dict(self._timer_bounds(name, timer))
                if not bounds and timer in state.immediate[name]:
                    after: PlainState | None = copy.deepcopy(state)
                else:
                    after = self._spend(state, [(name, timer), (None, timer)], bounds)
                if after is not None:
                    after.timers[name].discard(timer)
                    after.immediate[name].discard(timer)
                    yield self._handle(after, name, f"on_{timer}_timeout", ())

    def _timer_bounds(self, name: str, timer: str) -> Iterator[tuple[tuple[str | None, str], int]]:
        for server, bounded, bound in self.scope.timer_bounds(self.servers):
            if bounded == timer and server in (None, name):
                yield (server, timer), bound

    def _network(self, state: PlainState) -> Iterator[PlainState]:
        for place, packet in enumerate(state.packets):
            rest = [*state.packets[:place], *state.packets[place + 1 :]]
            arrives = (packet.to, handler_name(type(packet.message)), (packet.sender, packet.message))
            if packet.to in state.nodes:
                after = copy.deepcopy(state)
                after.packets = list(rest)
                yield self._handle(after, *arrives)
                copied = self._spend(state, [(None, "copy")], {(None, "copy"): self.scope.duplicates})
                if copied is not None:
                    yield self._handle(copied, *arrives)
            dropped = self._spend(state, [(None, "drop")], {(None, "drop"): self.scope.drops})
            if dropped is not None:
                dropped.packets = list(rest)
                yield dropped

    @staticmethod
    def _spend(
        state: PlainState, counters: list[tuple[str | None, str]], bounds: dict[tuple[str | None, str], int]
    ) -> PlainState | None:
        """Return a copy of a state with one event more at each counter; None if a bound does not allow it."""
        if not any(counter in bounds for counter in counters):
            return None
        after = copy.deepcopy(state)
        for counter in counters:
            if counter in bounds:
                after.spent[str(counter)] += 1
                if after.spent[str(counter)] > bounds[counter]:
                    return None
        return after

    def _start(self, state: PlainState, name: str) -> PlainState:
        host = Host(name)
        host.disk = state.disks[name]
        node: Any = self.node_class(name=name, servers=self.servers, random=DeterministicStream())
        host.begin(node)
        state.nodes[name], state.disks[name] = node, {}
        return self._handle(state, name, "on_start", ())

    def _handle(self, state: PlainState, name: str, handler: str, arguments: tuple[Any, ...]) -> PlainState:
        node = state.nodes[name]
        node.random, node.effects = DeterministicStream(), []
        committed_before = getattr(node, "commit_index", 0)
        getattr(node, handler)(*arguments)
        for effect in node.effects:
            if effect[0] == "send":
                state.packets.append(PacketView(name, effect[1], effect[2]))
            elif effect[0] == "start":
                state.timers[name].add(effect[1])
                state.immediate[name].discard(effect[1])
                if effect[2] == 0:
                    state.immediate[name].add(effect[1])
            elif effect[0] == "cancel":
                state.timers[name].discard(effect[1])
                state.immediate[name].discard(effect[1])
        received = arguments if handler not in ("on_client_request", "on_start") and len(arguments) == 2 else None
        new = facts_of(node, node.effects, received=received, committed_before=committed_before, requests=self.requests)
        state.facts = add_facts(state.facts, new)
        node.effects = []
        return state
