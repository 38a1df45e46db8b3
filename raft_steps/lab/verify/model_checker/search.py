"""A search of one cluster: all orders of events within a scope, or random runs, from the start of all servers on.

    search = Search(8, servers=4)
    result = search.run(Scope(timeouts={"election": 2}), invariants=["Election Safety"])

A search in phases looks for a goal, and continues from there with other settings:

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
from raft_steps.lab.verify.model_checker.breadth_first import BreadthFirstSearch
from raft_steps.lab.verify.model_checker.exploration import (
    GOAL_FOUND,
    NODE_FAILED,
    VIOLATED,
    Limits,
    Objective,
    SearchProgress,
)
from raft_steps.lab.verify.model_checker.facts import KINDS
from raft_steps.lab.verify.model_checker.initial_states import (
    StartState,
    initial_state,
    state_after,
    without_messages,
)
from raft_steps.lab.verify.model_checker.invariants import read_invariants
from raft_steps.lab.verify.model_checker.minimise import minimise
from raft_steps.lab.verify.model_checker.predicate_cache import LooksFurtherError
from raft_steps.lab.verify.model_checker.predicates import Predicate
from raft_steps.lab.verify.model_checker.random_walks import RandomWalks
from raft_steps.lab.verify.model_checker.replay import Replay
from raft_steps.lab.verify.model_checker.result import SearchResult
from raft_steps.lab.verify.model_checker.schedule import Schedule
from raft_steps.lab.verify.model_checker.schedule_steps import schedule_steps
from raft_steps.lab.verify.model_checker.scope import Scope
from raft_steps.lab.verify.model_checker.state_space import SearchEvent
from raft_steps.lab.verify.model_checker.successors import TransitionSystem
from raft_steps.lab.verify.model_checker.symmetry import find_symmetry
from raft_steps.lab.verify.model_checker.transitions import TransitionTable

STATES_MAX = 300_000  # the default limit of a search: some hundred megabytes
Invariants = str | Predicate | Iterable[str | Predicate]


class Search:
    """A search of one cluster. It may run several times, with different settings.

    Attributes:
        node_class: The class of the nodes.
        servers: Their names.
        initial: The schedule that every run begins with: it has no events.
        table: The transitions of the nodes, which all runs share.
    """

    def __init__(
        self,
        step_or_node: int | type,
        servers: int | Iterable[str] | None = None,
        *,
        members: Iterable[str] = (),
        leader: str | None = "",
        logs: Mapping[str, str | Iterable[str]] | None = None,
        terms: Mapping[str, int] | None = None,
    ) -> None:
        """Start the servers of a cluster.

        Args:
            step_or_node: The number of a step, or a Node class such as your own.
            servers: How many servers there are, or their names; by default 3, and 1 for a Node without AppendEntries.
            members: Those that make up the cluster at first, all by default; the others know of no server.
            leader: The server that leads from its start; by default the first one if the Node has no elections.
            logs: What the disks hold at first, as ``{"tom": "1 set x 1; 1 set y 2"}``: term and command.
            terms: The terms that servers are in once they have started; by default, from step 9 on, at least the newest
                term of any log.

        Raises:
            ScenarioError: An argument is wrong.
            NodeError: A node failed in `on_start`.
        """
        from raft_steps import node

        step, node_class = arguments.read_step(step_or_node)
        parts: dict[str, Any] = {} if leader == "" else {"leader": leader}
        scenario = default_scenario(step, arguments.read_servers(servers), node_class=node_class, **parts)
        self.node_class: type = node_class or node(step or 0)
        self.servers = scenario.servers
        self.initial = Schedule(
            step=step,
            servers=self.servers,
            members=tuple(members),
            leader=scenario.leader,
            logs=arguments.read_logs(logs),
            terms=dict(terms or {}),
        )
        self.table = TransitionTable(self.node_class, self.servers, self.initial.first_members)
        self._clients: dict[str, Request] = {}
        with self._interrupting():
            self._start = initial_state(self.table, self.initial)

    def run(
        self,
        scope: Scope | None = None,
        *,
        invariants: Invariants = (),
        goal: Predicate | None = None,
        prunes: Iterable[Predicate] = (),
        goals: int = 1,
        forget: bool = False,
        symmetry: bool = True,
        states: int = STATES_MAX,
        depth: int | None = None,
        seconds: float | None = None,
        clock: Callable[[], float] | None = None,
        starts: Iterable[StartState] = (),
    ) -> SearchResult:
        """Search all orders of events, the nearest states first.

        Args:
            scope: What may happen, and how often; by default messages arrive, and nothing else happens.
            invariants: What must hold in every state: names of `INVARIANTS`, predicates, or ``"all"``.
            goal: What to look for; the search ends when it is found.
            prunes: States in which one of these finds something are not expanded.
            goals: How many goal states to find before the search ends; `go_on` continues from all of them. With more
                than one, states that differ only in the names of the servers, or in messages that would change
                nothing, are different goals.
            forget: Whether all messages in flight are lost at the start.
            symmetry: Whether to expand only one of the states that differ in nothing but the names of the servers.
            states: The maximum number of distinct states.
            depth: The maximum number of events from the start.
            seconds: The maximum time by `clock`, in seconds.
            clock: Returns the time in seconds, such as ``time.monotonic``.
            starts: The states to start from, if not the initial one; `SearchResult.go_on` passes them.

        Returns:
            The result; its run to a violation or a goal has the fewest events possible.

        Raises:
            ScenarioError: A setting is wrong, or a predicate does not return.
        """
        if (seconds is None) != (clock is None):
            raise ScenarioError("a limit in seconds needs a clock, such as clock=time.monotonic, and a clock a limit")
        objective = Objective(read_invariants(invariants), goal, tuple(prunes), goals)
        begins = self._begins(starts, forget=forget)
        limits = Limits(states=states, depth=depth, time_s=seconds, clock=clock, begun_s=clock() if clock else 0)

        def search(space: TransitionSystem) -> SearchProgress:
            reduction = find_symmetry(space, objective.predicates(), self.initial) if reduces else None
            search = BreadthFirstSearch(space, objective, limits, reduction)
            with self._interrupting(search.progress):
                self.table.on_new_transition = reduction.check_transition if reduction is not None else None
                try:
                    return search.run([space.start_from(state) for _, state in begins])
                finally:
                    self.table.on_new_transition = None

        # With several goals, two states count as different although this search could take one for the other: the
        # search that goes on from them may name servers, and look at messages.
        reduces = symmetry and goals == 1
        return self._result(*self._complete(search, scope, begins, objective, every_arrival=goals > 1))

    def probe(
        self,
        scope: Scope | None = None,
        *,
        invariants: Invariants = (),
        goal: Predicate | None = None,
        prunes: Iterable[Predicate] = (),
        seed: int = 0,
        probes: int = 100,
        depth: int = 100,
        seconds: float | None = None,
        clock: Callable[[], float] | None = None,
        starts: Iterable[StartState] = (),
    ) -> SearchResult:
        """Follow random walks until one finds something, and shorten that run.

        Args:
            scope: As in `run`, like invariants, goal, prunes, seconds, clock and starts.
            invariants: What must hold in every state.
            goal: What to look for.
            prunes: States in which one of these finds something are not expanded.
            seed: The seed of the random walks.
            probes: The maximum number of random walks.
            depth: The maximum number of events of each.
            seconds: The maximum time by `clock`, in seconds.
            clock: Returns the time in seconds.
            starts: The states to start from, if not the initial one.

        Returns:
            The result. No single event of the run that it found can be left out, but a shorter run may exist.

        Raises:
            ScenarioError: A setting is wrong, or a predicate does not return.
        """
        if probes < 1 or depth < 1:
            raise ScenarioError(f"probes are 1 or more, of 1 event or more, not {probes} of {depth}")
        objective = Objective(read_invariants(invariants), goal, tuple(prunes))
        begins = self._begins(starts)
        limits = Limits(states=0, depth=depth, time_s=seconds, clock=clock, begun_s=clock() if clock else 0)

        def search(space: TransitionSystem) -> SearchProgress:
            walks = RandomWalks(space, objective, limits, seed=seed, walks=probes)
            states = [space.start_from(state) for _, state in begins]
            with self._interrupting(walks.progress):
                walks.run(states)
                minimise(walks.progress, space, walks.objective, states)
            return walks.progress

        return self._result(*self._complete(search, scope, begins, objective))

    # The parts of a run.

    def _begins(self, starts: Iterable[StartState], *, forget: bool = False) -> list[StartState]:
        begins = list(starts) or [self._start]
        return [without_messages(self.table, start) for start in begins] if forget else begins

    def _complete(
        self,
        search: Callable[[TransitionSystem], SearchProgress],
        scope: Scope | None,
        begins: list[StartState],
        objective: Objective,
        *,
        every_arrival: bool = False,
    ) -> tuple[SearchProgress, TransitionSystem, list[StartState], Objective]:
        """Search in the smallest space that shows the predicates everything that they look at.

        The first space shows what they declare, and leaves out arrivals without an effect. When a predicate looks at
        more, the search begins again in a space that shows it. If none does in any state of a space, then none would
        in a larger one: its states are equal to those in all that was looked at.
        """
        scope = scope or Scope()
        self._check_predicates(objective.predicates())
        kinds = {kind for predicate in objective.predicates() for kind in predicate.needs}
        clients = self._name_clients(scope, begins)
        while True:
            space = TransitionSystem(self.table, scope, kinds, clients, every_arrival=every_arrival)
            try:
                return search(space), space, begins, objective
            except LooksFurtherError as error:
                kinds |= error.looks.kinds
                every_arrival |= error.looks.messages

    def _check_predicates(self, predicates: Iterable[Predicate]) -> None:
        for predicate in predicates:
            unknown = [name for name in predicate.servers or () if name not in self.servers]
            if unknown:
                raise ScenarioError(f"{predicate.name!r} names {unknown[0]!r}; there are {', '.join(self.servers)}")
            if not predicate.needs <= set(KINDS):
                raise ScenarioError(f"{predicate.name!r} needs facts of other kinds than {', '.join(KINDS)}")

    def _name_clients(self, scope: Scope, begins: list[StartState]) -> list[str]:
        """Return a client's name for each command.

        The same name never stands for two requests, not even in two runs: they share the table, whose transitions are
        looked up by the client's name.
        """
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

    def _result(
        self, progress: SearchProgress, space: TransitionSystem, begins: list[StartState], objective: Objective
    ) -> SearchResult:
        found: dict[str, Any] = {}
        path = (*begins[progress.start][0], *progress.path)
        if progress.finding is not None and progress.outcome in (VIOLATED, GOAL_FOUND):
            predicate, words = progress.finding
            schedule = self._schedule(path, predicate.name if progress.outcome == VIOLATED else "")
            found = {"what": predicate.name, "words": words, "schedule": schedule}
        elif progress.outcome == NODE_FAILED:
            schedule = self._schedule(path)
            # The error of the replay has the time of the event in it; the search has no times.
            error = Replay(schedule, self.node_class).run().error or progress.error
            found = {"schedule": schedule, "error": error, "words": str(error)}
        ends = [(*begins[start][0], *events) for start, events in progress.ends]
        return SearchResult(
            outcome=progress.outcome,
            states=progress.states,
            transitions=progress.transitions,
            depth=progress.depth,
            pruned=progress.pruned + space.pruned,
            limit=progress.limit,
            search=self,
            node_class=self.node_class,
            invariants=objective.invariants,
            ends=tuple(state_after(self.table, self._start, events) for events in ends),
            **found,
        )

    def _schedule(self, path: tuple[SearchEvent, ...], breaks: str = "") -> Schedule:
        steps = schedule_steps(self.table, self.initial, path)
        return replace(self.initial, steps=steps, breaks=breaks)

    @contextmanager
    def _interrupting(self, progress: SearchProgress | None = None) -> Iterator[None]:
        """Interrupt a handler or a predicate that does not return."""

        def count() -> int:
            """Return a number that grows as long as the search makes progress."""
            return self.table.calls + (progress.transitions + progress.states if progress is not None else 0)

        try:
            with bounded(count):
                yield
        except HandlerTimeout as error:  # Not from a handler: that would have been turned into a NodeError.
            raise ScenarioError("a predicate of the search did not return: an endless loop?") from error
