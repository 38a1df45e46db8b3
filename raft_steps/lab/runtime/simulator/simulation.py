"""The simulation: a cluster in virtual time, decided by a scenario alone.

Time is a whole number of microseconds and moves from event to event: timers that run out, messages that arrive,
actions of the scenario. Events of the same time happen in the order in which they were planned, the scenario's actions
first. Each link and each life of a node has a stream of chance of its own, so that a change here moves nothing there.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.launching import class_of, new_node, read_entries
from raft_steps.lab.runtime.monitor import Monitor
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.simulator import actions
from raft_steps.lab.runtime.simulator.clients import Clients
from raft_steps.lab.runtime.simulator.dispatch import Handling
from raft_steps.lab.runtime.simulator.fault_injection import Meddling
from raft_steps.lab.runtime.simulator.network import Network, Planned, storm
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost, connect
from raft_steps.lab.runtime.simulator.timers import Timers
from raft_steps.lab.runtime.watchdog import HandlerTimeout, bounded
from raft_steps.lab.scenario.model import TIMINGS, Action, format_seconds
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Trace

# How many events one call of run_until may take before it is called a storm; fewer where each is written down.
EVENT_BUDGET, EVENT_BUDGET_RECORDED = 2_000_000, 100_000
CROWD = 50_000  # So much under way at once is a storm too.
LOOK = 1000  # events between two looks for a storm
GUARDED_ALREADY = nullcontext()
BEFORE_ALL_ELSE = -(2**40)  # Actions are numbered from here, so that they come before what else a time brings.


class Simulation(Handling, Meddling):
    """A cluster of nodes in virtual time.

    Attributes:
        scenario: What decides the run.
        hosts: The servers, by name.
        now_us: The time in microseconds: what happens before it has happened, and actions at it, but nothing else.
        trace: What happened, or None when recording is off.
        responses: What each client was told, by client.
        waiting: The clients that have asked and heard nothing.
        event_count: How many events have happened.
    """

    def __init__(
        self,
        scenario: Scenario,
        node_class: type | None = None,
        *,
        classes: Mapping[str, type] | None = None,
        record: bool = True,
        monitor: Monitor | None = None,
        event_budget: int | None = None,
    ) -> None:
        """Build the cluster and start its servers.

        Args:
            scenario: What decides the run.
            node_class: The class of the nodes; that of the scenario's step by default.
            classes: Other classes for some servers, by name.
            record: Whether to write a trace.
            monitor: Who looks at every node after every event; the properties of Raft, for one.
            event_budget: How many events one call of `run_until` may take.

        Raises:
            NodeError: A node cannot be started.
            ScenarioError: The scenario names no step, and no class is given beside it.
        """
        self.scenario = scenario
        self.node_class = node_class or class_of(scenario)
        self.classes = dict.fromkeys(scenario.servers, self.node_class) | dict(classes or {})
        self.timing = TIMINGS[scenario.timing]
        self.event_budget = event_budget or (EVENT_BUDGET_RECORDED if record else EVENT_BUDGET)
        self.now_us = self.event_count = 0
        self.monitor = monitor
        self._running = False  # whether a run is under way, and guarded as a whole
        self._clients = Clients(self)
        self.responses, self.waiting = self._clients.responses, self._clients.waiting
        self.trace = Trace(scenario.servers) if record else None
        self.recorder = Recorder(self.trace) if self.trace is not None else None
        self._agenda: list[Planned] = []
        self._numbers, self._action_numbers = count(1), count(BEFORE_ALL_ELSE)
        self._timers = Timers(self)
        self._network = Network(
            scenario,
            delay=scenario.delay or self.timing.delay,
            agenda=self._agenda,
            numbers=self._numbers,
            deliver=self._deliver,
            recorder=self.recorder,
        )
        self.hosts = {
            name: SimulatedHost(name, read_entries(scenario.logs.get(name, ())), scenario.clocks.get(name, 1))
            for name in scenario.servers
        }
        connect(self.hosts, scenario.seed)
        entries = [
            (each.at_us, next(self._action_numbers), self._perform_next, each, None, None) for each in scenario.actions
        ]
        self._coming: list[Planned] = sorted(entries, reverse=True)
        self._bring_next()
        for host in self.hosts.values():
            if host.name not in scenario.later:
                self.start(host)

    def plan(self, action: Action) -> None:
        """Plan an action of the scenario; it comes before all else that happens at its time."""
        insort(self._agenda, (action.at_us, next(self._action_numbers), actions.perform, self, action, None))

    def _perform_next(self, action: Action, _b: None, _c: None) -> None:
        self._bring_next()
        actions.perform(self, action)

    def _bring_next(self) -> None:
        """Put the scenario's next action on the agenda, and only that one: a short agenda is a quick one."""
        if self._coming:
            insort(self._agenda, self._coming.pop())

    def perform(self, action: Action) -> str:
        """Carry out an action now, after those that were planned for now; give the client of one that asks."""
        self._perform_planned()
        return actions.perform(self, action)

    def _perform_planned(self) -> None:
        while self._agenda and self._agenda[0][0] == self.now_us and self._agenda[0][1] < 0:
            _, _, call, a, b, c = self._agenda.pop(0)
            call(a, b, c)

    def push(self, time: int, call: Callable[[Any, Any, Any], object], a: Any, b: Any, c: Any) -> None:
        """Plan a call."""
        insort(self._agenda, (time, next(self._numbers), call, a, b, c))

    def run_until(self, time: int, stop: Callable[[], bool] | None = None) -> bool:
        """Let everything happen that happens before a time, or until `stop` says so after an event.

        The scenario's actions at that time happen too: they come before all else that it brings.

        Returns:
            Whether `stop` ended the run; the clock then stands one microsecond after that event.

        Raises:
            NodeError: A node raised, hung or returned something.
            EventBudgetError: The run took too many events.
            ScenarioError: `stop` hung.
        """
        self._running = True
        try:
            with bounded(self._progress):
                stopped = self._run(time, stop)
        except HandlerTimeout as error:  # A handler's would be a NodeError by now.
            raise ScenarioError("the condition of run(until=…) did not come back: an endless loop?") from error
        finally:
            self._running = False
        if self.trace is not None:
            self.trace.end_us = self.now_us
        return stopped

    def _run(self, time: int, stop: Callable[[], bool] | None) -> bool:
        agenda, stopped = self._agenda, False
        limit = self.event_count + self.event_budget
        while agenda and agenda[0][0] < time:
            self._refuse_storm(limit)
            begun = self.event_count
            for self.event_count in range(begun + 1, min(begun + LOOK, limit) + 1):
                self.now_us, _, call, a, b, c = agenda.pop(0)
                call(a, b, c)
                if stop is not None and stop():
                    # What else belongs to this microsecond still happens, so that the next action comes after it.
                    time, stop, stopped = self.now_us + 1, None, True
                if not agenda or agenda[0][0] >= time:
                    break
        self.now_us = max(self.now_us, time)
        self._perform_planned()
        return stopped

    def _refuse_storm(self, limit: int) -> None:
        under_way = len(self._agenda)
        if self.event_count >= limit:
            raise storm(
                self.hosts.values(), f"took {self.event_budget} events", self.event_budget, format_seconds(self.now_us)
            )
        if under_way > CROWD:
            what = f"has {under_way} messages and timers under way"
            raise storm(self.hosts.values(), what, under_way, format_seconds(self.now_us))

    @property
    def written_trace(self) -> Trace:
        """The trace, for whoever cannot do without.

        Raises:
            ScenarioError: Recording is off.
        """
        if self.trace is None:
            raise ScenarioError("this cluster keeps no trace: it was built with record=False")
        return self.trace

    def _progress(self) -> int:
        return self.event_count

    def _guarded(self) -> AbstractContextManager[None]:
        """Guard what happens outside of a run against a handler that hangs; a run is guarded as a whole."""
        return GUARDED_ALREADY if self._running else bounded(self._progress)

    # The life of a server.

    def start(self, host: SimulatedHost) -> None:
        """Begin a life: a new node, with what the disk holds.

        Raises:
            NodeError: The node cannot be built, or failed in `on_start`.
        """
        host.life += 1
        host.up, host.paused = True, False
        detail: dict[str, Any] = {"life": host.life, "log": []}
        kind = "started" if host.life == 1 else "restarted"
        with self._guarded():
            try:
                host.begin(new_node(self.scenario, host, self.classes[host.name]))
            except (Exception, HandlerTimeout) as error:
                raise self._blame(host, "beginning", error, kind, detail) from error
            if self.monitor is not None:
                self.monitor.begins(host)
            if self.recorder is not None:
                self.recorder.life_begins(host)
                detail["log"] = list(getattr(host.node, "log", ()))
            self.handle(host, host.node.on_start, (), kind, detail)

    def resume(self, host: SimulatedHost) -> None:
        """Let a paused server go on with all that came for it."""
        host.paused = False
        self.note("resumed", host.name)
        for call, a, b, c in host.mailbox:
            self.push(self.now_us, call, a, b, c)
        host.mailbox.clear()

    def send(self, sender: str, to: str, message: object) -> None:
        """Send a message in a server's name, whatever its node thinks: the puppets of a check speak like this."""
        self._network.send(self.now_us, self.hosts[sender].links[to], message)

    def ask(self, host: SimulatedHost, request: Request) -> str:
        """Bring a client's request to a server.

        Returns:
            The client's reply address; `responses` holds the answer under it, once there is one.
        """
        with self._guarded():
            return self._clients.ask(host, request)
