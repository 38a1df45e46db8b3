"""The simulation: a cluster in virtual time, decided by a scenario alone.

Time is a whole number of microseconds and moves from event to event: timers run out, messages arrive, the scenario's
actions happen. Events of the same time happen in the order in which they were planned, the scenario's actions first.
Each link and each life of a node has its own random numbers, so a change in one place changes nothing in another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from raft_steps.lab.commands import Request
from raft_steps.lab.errors import EventBudgetError, ScenarioError
from raft_steps.lab.runtime.launching import class_of, read_entries
from raft_steps.lab.runtime.monitor import Monitor
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.simulator.actions import Actions
from raft_steps.lab.runtime.simulator.agenda import Agenda
from raft_steps.lab.runtime.simulator.dispatch import Dispatcher
from raft_steps.lab.runtime.simulator.fault_injection import FaultInjector
from raft_steps.lab.runtime.simulator.lifecycle import Lifecycle
from raft_steps.lab.runtime.simulator.retrying import RetryingClients
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost, connect
from raft_steps.lab.runtime.watchdog import HandlerTimeout, bounded
from raft_steps.lab.scenario.model import TIMINGS, Action, format_seconds
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Trace

# How many events one call of run_until may take before it is called a storm; fewer if each of them is recorded.
EVENT_BUDGET, EVENT_BUDGET_RECORDED = 2_000_000, 100_000
CROWD = 50_000  # This many messages and timers under way at once are a storm, too.
EVENTS_BETWEEN_LOOKS = 1000  # How often the run looks for a storm.
WATCHED_ALREADY = nullcontext()


class Simulation:
    """A cluster of nodes in virtual time.

    Attributes:
        scenario: What decides the run.
        node_class: The class of the nodes, but for those that have another one.
        timing: The timing of the scenario.
        hosts: The servers, by name.
        trace: What happened; None if the run is not recorded.
        monitor: What watches the nodes, if anything does.
        responses: The answer to each client that has one, by the client's reply address.
        waiting: The clients that wait for an answer.
        event_count: How many events have happened.
        event_budget: How many events one call of `run_until` may take.
    """

    def __init__(
        self,
        scenario: Scenario,
        node_class: type | None = None,
        *,
        classes: Mapping[str, type] | None = None,
        record: bool = True,
        trace: Trace | None = None,
        monitor: Monitor | None = None,
        event_budget: int | None = None,
    ) -> None:
        """Build the cluster and start its servers.

        Args:
            scenario: What decides the run.
            node_class: The class of the nodes; by default the scenario's step.
            classes: Other classes for some servers, by name.
            record: Whether to write a trace.
            trace: The trace to write to; a new one by default. A caller that passes one has it before the servers start,
                and still has it if one of them fails as it starts.
            monitor: Called at every event of every node; the properties of Raft, for example.
            event_budget: How many events one call of `run_until` may take.

        Raises:
            NodeError: A node cannot be started.
            ScenarioError: The scenario names no step, and there is no node_class.
        """
        self.scenario = scenario
        self.node_class = node_class or class_of(scenario)
        self.timing = TIMINGS[scenario.timing]
        self.event_budget = event_budget or (EVENT_BUDGET_RECORDED if record else EVENT_BUDGET)
        self.event_count = 0
        self.monitor = monitor
        self.trace = (trace if trace is not None else Trace(scenario.servers)) if record else None
        self.hosts = {
            name: SimulatedHost(name, read_entries(scenario.logs.get(name, ())), scenario.clocks.get(name, 1))
            for name in scenario.servers
        }
        connect(self.hosts, scenario.seed)
        self._is_running = False  # whether a run is under way, which the watchdog watches as a whole
        self._agenda = Agenda()
        self._build(dict.fromkeys(scenario.servers, self.node_class) | dict(classes or {}))
        self._agenda.plan_all(((action.at_us, action) for action in scenario.actions), self._actions.perform)
        for host in self.hosts.values():
            if host.name not in scenario.later:
                self._lifecycle.start(host)

    def _build(self, classes: Mapping[str, type]) -> None:
        """Build what the simulation is composed of."""
        recorder = Recorder(self.trace) if self.trace is not None else None
        agenda, hosts, watched = self._agenda, self.hosts, self._watched
        dispatcher = Dispatcher(self.scenario, hosts, agenda, recorder=recorder, monitor=self.monitor)
        self._dispatcher = dispatcher
        self.responses, self.waiting = dispatcher.clients.responses, dispatcher.clients.waiting
        self._lifecycle = Lifecycle(
            self.scenario, classes, agenda, dispatcher, recorder=recorder, monitor=self.monitor, watched=watched
        )
        faults = FaultInjector(hosts, agenda, dispatcher, recorder=recorder, watched=watched)
        retrying = RetryingClients(hosts, agenda, dispatcher, self.timing.patience)
        self._actions = Actions(hosts, dispatcher, self._lifecycle, faults, retrying=retrying, watched=watched)

    @property
    def now_us(self) -> int:
        """The time in microseconds: everything before it has happened, and the actions at it, but nothing else."""
        return self._agenda.now_us

    @now_us.setter
    def now_us(self, time_us: int) -> None:
        self._agenda.now_us = time_us

    @property
    def messages_under_way(self) -> int:
        """How many messages, with their duplicates, have neither arrived nor been lost."""
        return sum(call == self._dispatcher.deliver for _, _, call, *_ in self._agenda.calls)

    @property
    def written_trace(self) -> Trace:
        """The trace, for callers that need one.

        Raises:
            ScenarioError: The run is not recorded.
        """
        if self.trace is None:
            raise ScenarioError("this cluster keeps no trace: it was built with record=False")
        return self.trace

    def plan(self, action: Action) -> None:
        """Plan an action; it comes before everything else that happens at its time."""
        self._agenda.plan(action.at_us, self._actions.perform, action)

    def perform(self, action: Action) -> str:
        """Carry out an action now, after those that are planned for now.

        Returns:
            The reply address of a client that asks; "" if no client asks, or there is no server that it could ask.
        """
        self._agenda.act_now()
        return self._actions.perform(action)

    def start(self, host: SimulatedHost) -> None:
        """Start a server that is down.

        Raises:
            NodeError: The node cannot be built, or failed in `on_start`.
        """
        self._lifecycle.start(host)

    def crash(self, host: SimulatedHost) -> None:
        """Crash a server: everything that is not on its disk is lost."""
        self._lifecycle.crash(host)

    def ask(self, host: SimulatedHost, request: Request, client: str = "") -> str:
        """Bring a client's request to a server.

        Args:
            host: The server.
            request: The request.
            client: The address of a client that asks again, and is content with one answer; by default a new one asks.

        Returns:
            The client's reply address; `responses` has the answer under it, once there is one.
        """
        with self._watched():
            if client:
                self._dispatcher.clients.retry_as(client, lambda _server, _response: True)
            return self._dispatcher.clients.ask(host, request, client)

    def send(self, sender: str, to: str, message: object) -> None:
        """Send a message in a server's name, whatever its node does: so the fake peers of a check send theirs."""
        self._dispatcher.network.send(self.hosts[sender].links[to], message, self.hosts[sender].node)

    def send_at_once(self, sender: str, to: str, message: object) -> None:
        """Send a message after the present event; it arrives at the same moment. A fake peer of a check may do so."""
        self._agenda.push(self.now_us, self._send_without_delay, sender, to, message)

    def _send_without_delay(self, sender: str, to: str, message: object) -> None:
        network = self._dispatcher.network
        usual = network.shortest_us, network.longest_us
        network.set_delay(0, 0)
        self.send(sender, to, message)
        network.set_delay(*usual)

    def note(self, kind: str, server: str = "", **detail: Any) -> None:
        """Record an event that changes no node, if the run is recorded."""
        self._dispatcher.note(kind, server, **detail)

    def run_until(self, time_us: int, stop: Callable[[], bool] | None = None) -> bool:
        """Let everything happen that happens before a time, or until `stop` returns True after an event.

        The scenario's actions at that time happen, too: they come before everything else of their time.

        Returns:
            Whether `stop` ended the run; the clock is then one microsecond after that event.

        Raises:
            NodeError: A node raised, hung or returned something.
            EventBudgetError: The run took too many events.
            ScenarioError: `stop` hung.
        """
        self._is_running = True
        try:
            with bounded(self._progress):
                stopped = self._run(time_us, stop)
        except HandlerTimeout as error:  # One of a handler would be a NodeError by now.
            raise ScenarioError("the condition of run(until=…) did not come back: an endless loop?") from error
        finally:
            self._is_running = False
        if self.trace is not None:
            self.trace.end_us = self.now_us
        return stopped

    def _run(self, time_us: int, stop: Callable[[], bool] | None) -> bool:
        agenda, stopped = self._agenda, False
        calls = agenda.calls
        limit = self.event_count + self.event_budget
        while calls and calls[0][0] < time_us:
            self._refuse_storm(limit)
            begun = self.event_count
            for self.event_count in range(begun + 1, min(begun + EVENTS_BETWEEN_LOOKS, limit) + 1):
                agenda.now_us, _, call, a, b, c = calls.pop(0)
                call(a, b, c)
                if stop is not None and stop():
                    # What else belongs to this microsecond still happens, so that the next action comes after it.
                    time_us, stop, stopped = agenda.now_us + 1, None, True
                if not calls or calls[0][0] >= time_us:
                    break
        agenda.now_us = max(agenda.now_us, time_us)
        agenda.act_now()
        return stopped

    def _refuse_storm(self, limit: int) -> None:
        assert self._agenda.is_sound(), "the agenda is not sorted, or something on it is in the past"
        under_way = len(self._agenda.calls)
        if self.event_count >= limit:
            raise self._storm(f"took {self.event_budget} events", self.event_budget)
        if under_way > CROWD:
            raise self._storm(f"has {under_way} messages and timers under way", under_way)

    def _storm(self, what: str, count: int) -> EventBudgetError:
        """Build the error for a run that has too much of something, with the busiest link."""
        links = (link for host in self.hosts.values() for link in host.links.values())
        busiest = max(links, key=lambda link: link.count, default=None)
        if busiest is not None and busiest.count > count // 100:
            why = f"a storm of messages: {busiest.name} alone has carried {busiest.count}"
        else:
            why = "a storm, but not of messages: does a timer restart itself at once?"
        return EventBudgetError(f"the run {what} and is only at {format_seconds(self.now_us)} s, {why}")

    def _progress(self) -> int:
        return self.event_count + self._dispatcher.failures

    def _watched(self) -> AbstractContextManager[None]:
        """Let the watchdog look at handlers that are called outside of a run; a run is watched as a whole."""
        return WATCHED_ALREADY if self._is_running else bounded(self._progress)
