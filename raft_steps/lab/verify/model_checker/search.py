"""The search of a cluster: it begins where all servers have started, and goes on from whatever it finds.

    search = Search(8, servers=4)
    result = search.run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])

A search in stages first looks for a state that has a name, and goes on from there with other settings:

    led = search.run(Scope(timeouts={"tom election": 1}), goal=leader("tom", term=1))
    led.go_on(Scope(crashes=1), invariants=["Leader Completeness"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.watchdog import HandlerTimeout, bounded
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.lab.verify.model_checker.breadth_first import (
    GOAL_FOUND,
    NODE_FAILED,
    VIOLATED,
    Aim,
    BreadthFirst,
    Limits,
    Walk,
)
from raft_steps.lab.verify.model_checker.facts import KINDS
from raft_steps.lab.verify.model_checker.initial_states import StartState, beginning_of, end_of, forgotten
from raft_steps.lab.verify.model_checker.invariants import read_invariants
from raft_steps.lab.verify.model_checker.minimise import shortened
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.random_walks import Probes
from raft_steps.lab.verify.model_checker.replay import Replay
from raft_steps.lab.verify.model_checker.result import SearchResult
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.schedule_steps import name_steps
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.state_space import Event
from raft_steps.lab.verify.model_checker.successors import Moves
from raft_steps.lab.verify.model_checker.symmetry import symmetry_of
from raft_steps.lab.verify.model_checker.transitions import Machine

STATES = 300_000  # the limit of a search by default: some hundred megabytes
Rules = str | Predicate | Iterable[str | Predicate]


class Search:
    """Every order of events of one cluster.

    Attributes:
        node_class: The class of the nodes.
        servers: Their names.
        beginning: The schedule that a run begins with: it has no events.
        machine: The nodes.
    """

    def __init__(
        self,
        step_or_node: int | type,
        servers: int | Iterable[str] | None = None,
        *,
        leader: str | None = "",
        logs: Mapping[str, str | Iterable[str]] | None = None,
        terms: Mapping[str, int] | None = None,
    ) -> None:
        """Start the servers of a cluster.

        Args:
            step_or_node: The number of a step, or a Node class such as your own.
            servers: How many, or their names; by default 3, and 1 for a Node that knows no other.
            leader: Who is told to lead at its start; by default the first server as long as there is no election.
            logs: What the disks hold at first, as ``{"tom": "1 set x 1; 1 set y 2"}``: term and command.
            terms: The terms that servers are in once they have started.

        Raises:
            ScenarioError: One of these is not what it should be.
            NodeError: A node failed in `on_start`.
        """
        from raft_steps import node

        step, node_class = arguments.read_step(step_or_node)
        parts: dict[str, Any] = {} if leader == "" else {"leader": leader}
        scenario = default_scenario(step, arguments.read_servers(servers), node_class=node_class, **parts)
        self.node_class: type = node_class or node(step or 0)
        self.servers = scenario.servers
        self.beginning = Schedule(
            step=step,
            servers=self.servers,
            leader=scenario.leader,
            logs=arguments.read_logs(logs),
            terms=dict(terms or {}),
        )
        self.machine = Machine(self.node_class, self.servers)
        self._clients: dict[str, Request] = {}
        with self._guarded():
            self._start = beginning_of(self.machine, self.beginning)

    def run(
        self,
        scope: Scope | None = None,
        *,
        invariants: Rules = (),
        goal: Predicate | None = None,
        prunes: Iterable[Predicate] = (),
        goals: int = 1,
        forget: bool = False,
        symmetry: bool = True,
        states: int = STATES,
        depth: int | None = None,
        seconds: float | None = None,
        clock: Callable[[], float] | None = None,
        starts: Iterable[StartState] = (),
    ) -> SearchResult:
        """Go through every order of events, the nearest states first.

        Args:
            scope: What may happen, and how often; by default messages arrive, and nothing else happens.
            invariants: What must never be found: names as the paper's, predicates, or ``"all"``.
            goal: What to look for; the search ends there.
            prunes: Where not to go on.
            goals: How many states to find before the search ends; `go_on` goes on from all of them.
            forget: Whether all messages that are on their way at the start are lost.
            symmetry: Whether states that differ only in which server is which are gone through once.
            states: The most distinct states to look at.
            depth: The most events in a row.
            seconds: The longest time, as `clock` tells it.
            clock: Tells the time in seconds, such as ``time.monotonic``.
            starts: Where to begin; `SearchResult.go_on` gives it.

        Returns:
            The outcome; of a violation and of a goal, a run with as few events as there can be.

        Raises:
            ScenarioError: A part is not what it should be, or a predicate does not come back.
        """
        if (seconds is None) != (clock is None):
            raise ScenarioError("a limit in seconds needs a clock, such as clock=time.monotonic, and a clock a limit")
        begins = self._begins(starts, forget=forget)
        aim, space = self._prepare(scope, begins, Aim(read_invariants(invariants), goal, tuple(prunes), goals))
        mirror = symmetry_of(space, aim.predicates(), self.beginning) if symmetry else None
        limits = Limits(states=states, depth=depth, seconds=seconds, clock=clock)
        search = BreadthFirst(space, aim, limits, mirror)
        with self._guarded(search.walk):
            self.machine.witness = mirror.witness if mirror is not None else None
            try:
                walk = search.run([space.begin(state) for _, state in begins])
            finally:
                self.machine.witness = None
        walk.pruned += space.pruned
        return self._result(walk, begins, aim.invariants)

    def probe(
        self,
        scope: Scope | None = None,
        *,
        invariants: Rules = (),
        goal: Predicate | None = None,
        prunes: Iterable[Predicate] = (),
        seed: int = 0,
        probes: int = 100,
        depth: int = 100,
        seconds: float | None = None,
        clock: Callable[[], float] | None = None,
        starts: Iterable[StartState] = (),
    ) -> SearchResult:
        """Follow random runs, each as deep as it may go; what is found is shortened as far as single events go.

        Args:
            scope: As in `run`, as are invariants, goal, prunes, seconds, clock and starts.
            invariants: What must never be found.
            goal: What to look for.
            prunes: Where not to go on.
            seed: What chance begins with.
            probes: How many runs.
            depth: The most events of each.
            seconds: The longest time, as `clock` tells it.
            clock: Tells the time in seconds.
            starts: Where to begin.

        Raises:
            ScenarioError: A part is not what it should be.
        """
        if probes < 1 or depth < 1:
            raise ScenarioError(f"probes are 1 or more, of 1 event or more, not {probes} of {depth}")
        begins = self._begins(starts)
        aim, space = self._prepare(scope, begins, Aim(read_invariants(invariants), goal, tuple(prunes)))
        limits = Limits(states=0, depth=depth, seconds=seconds, clock=clock)
        search = Probes(space, aim, limits, seed=seed, probes=probes)
        states = [space.begin(state) for _, state in begins]
        with self._guarded(search.walk):
            walk = search.run(states)
            shortened(walk, space, search.judges, states)
        walk.pruned += space.pruned
        return self._result(walk, begins, aim.invariants)

    # What a run is made of.

    def _begins(self, starts: Iterable[StartState], *, forget: bool = False) -> list[StartState]:
        begins = list(starts) or [self._start]
        return [forgotten(self.machine, start) for start in begins] if forget else begins

    def _prepare(self, scope: Scope | None, begins: list[StartState], aim: Aim) -> tuple[Aim, Moves]:
        scope = scope or Scope()
        self._check_names(aim.predicates())
        keep = {kind for predicate in aim.predicates() for kind in predicate.needs}
        return aim, Moves(self.machine, scope, keep, self._name_clients(scope, begins))

    def _check_names(self, predicates: Iterable[Predicate]) -> None:
        for predicate in predicates:
            unknown = [name for name in predicate.servers or () if name not in self.servers]
            if unknown:
                raise ScenarioError(f"{predicate.name!r} names {unknown[0]!r}; there are {', '.join(self.servers)}")
            if not predicate.needs <= set(KINDS):
                raise ScenarioError(f"{predicate.name!r} needs facts of other kinds than {', '.join(KINDS)}")

    def _name_clients(self, scope: Scope, begins: list[StartState]) -> list[str]:
        """Name a client for each command; the same name is never given to two requests."""
        used = {event[2] for path, _ in begins for event in path if event[0] == "ask"}
        names = []
        for request, _ in scope.requests(self.servers):
            number = 1
            while (name := f"client#{number}") in used or self._clients.get(name, request) != request:
                number += 1
            self._clients[name] = request
            used.add(name)
            names.append(name)
        return names

    def _result(self, walk: Walk, begins: list[StartState], rules: tuple[Predicate, ...]) -> SearchResult:
        told: dict[str, Any] = {
            "outcome": walk.outcome,
            "search": self,
            "node_class": self.node_class,
            "invariants": rules,
        }
        path = (*begins[walk.start][0], *walk.path)
        if walk.finding is not None and walk.outcome in (VIOLATED, GOAL_FOUND):
            told |= {"what": walk.finding[0].name, "words": walk.finding[1]}
            told["schedule"] = self._schedule(path, walk.finding[0].name if walk.outcome == VIOLATED else "")
        elif walk.outcome == NODE_FAILED:
            schedule = self._schedule(path)
            error = Replay(schedule, self.node_class).run().error or walk.error
            told |= {"schedule": schedule, "error": error, "words": str(error)}
        ends = tuple(end_of(self.machine, self._start, (*begins[start][0], *events)) for start, events in walk.ends)
        return SearchResult(
            **told,
            states=walk.states,
            transitions=walk.transitions,
            depth=walk.depth,
            pruned=walk.pruned,
            limit=walk.limit,
            ends=ends,
        )

    def _schedule(self, path: tuple[Event, ...], breaks: str = "") -> Schedule:
        steps = name_steps(self.machine, self.beginning, path)
        return replace(self.beginning, steps=steps, breaks=breaks)

    @contextmanager
    def _guarded(self, walk: Walk | None = None) -> Iterator[None]:
        """Interrupt what does not come back."""
        try:
            with bounded(lambda: self.machine.calls + (walk.transitions + walk.states if walk is not None else 0)):
                yield
        except HandlerTimeout as error:  # A handler's would be a NodeError by now.
            raise ScenarioError("a predicate of the search did not come back: an endless loop?") from error
