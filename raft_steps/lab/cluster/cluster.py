"""The cluster: the one object that a notebook uses.

Its verbs are those of a scenario. Each acts now and is written into `cluster.scenario`, so whatever was done by hand
can be run again, byte for byte, from one line of text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any

from raft_steps.lab.cluster.view import View
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.simulator import actions
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import Action, format_seconds, parse_seconds
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.scenario.validation import check_action
from raft_steps.lab.verify.properties.watched_run import begin


@dataclasses.dataclass(frozen=True, slots=True)
class NoAnswer:
    """A client waited in vain."""

    why: str


Answer = Ok | NotLeader | NoAnswer


class Cluster(View):
    """Some servers in one process, in virtual time.

    Attributes:
        time: The virtual time, in seconds.
        scenario: All that was done so far, as data; `Cluster.replay` runs it again.
        trace: All that happened so far.
    """

    def __init__(
        self,
        step_or_node: int | type,
        servers: int | Iterable[str] | None = None,
        *,
        seed: int = 0,
        leader: str | None = "",
        logs: Mapping[str, str | Iterable[str]] | None = None,
        draws: Mapping[str, Iterable[float]] | None = None,
        later: Iterable[str] = (),
        timing: str = "post",
        network: Mapping[str, Any] | None = None,
        record: bool = True,
    ) -> None:
        """Build a cluster and start its servers.

        Args:
            step_or_node: The number of a step, or a Node class such as your own.
            servers: How many, or their names; by default 3, and 1 for a Node that knows no other.
            seed: What chance begins with; the same seed gives the same run.
            leader: Who is told to lead at its start; by default the first server as long as there is no election.
            logs: What the disks hold at first, as ``{"tom": "1 set x 1; 1 set y 2"}``: term and command.
            draws: The first timeouts that a server draws, before chance takes over, as ``{"jerry": [11]}``.
            later: Servers that are not started yet; `restart` starts them.
            timing: ``"post"`` (whole seconds) or ``"paper"`` (150 to 300 ms).
            network: ``delay`` (a low and a high number of seconds), ``loss``, ``duplicate``, ``reorder`` (shares).
            record: Whether to keep a trace; without one a run is several times faster.

        Raises:
            ScenarioError: One of these is not what it should be.
            NodeError: A node failed in `on_start`.
        """
        step, node_class = arguments.read_step(step_or_node)
        parts = arguments.read_network(network)
        if leader != "":
            parts["leader"] = leader
        scenario = default_scenario(
            step,
            arguments.read_servers(servers),
            node_class=node_class,
            seed=seed,
            logs=arguments.read_logs(logs),
            draws=arguments.read_draws(draws),
            later=arguments.read_names(later, "later"),
            timing=timing,
            **parts,
        )
        self._begin(scenario, node_class, record)

    def _begin(self, scenario: Scenario, node_class: type | None, record: bool) -> None:
        self._lock, self._session = RLock(), None
        title = "" if node_class is None else arguments.title_of_class(node_class)
        self._simulation = (
            begin(scenario, node_class, title) if record else Simulation(scenario, node_class, record=False)
        )
        self._scenario = scenario
        self._actions = list(scenario.actions)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Keep players from changing the cluster at the same time, and tell them afterwards what changed."""
        with self._lock:
            try:
                yield
            finally:
                if self._session is not None:
                    self._session.changed()

    @classmethod
    def replay(cls, scenario: str | Scenario, node: int | type | None = None, *, record: bool = True) -> Cluster:
        """Run a scenario from its start to its end.

        Args:
            scenario: A scenario, or its line of text or JSON.
            node: The Node class to run, or the number of a step; that of the scenario's step by default.
            record: Whether to keep a trace.

        Raises:
            ScenarioError: The scenario cannot be read, there is no such step, or what was given is no Node class.
            NodeError: A node raised, hung or returned something.
        """
        if isinstance(scenario, str):
            scenario = Scenario.parse(scenario)
        step, node_class = (None, None) if node is None else arguments.read_step(node)
        if step is not None:
            scenario = dataclasses.replace(scenario, step=step)
        cluster = cls.__new__(cls)
        cls._replay(cluster, scenario, node_class, record)
        return cluster

    def _replay(self, scenario: Scenario, node: type | None, record: bool) -> None:
        self._begin(dataclasses.replace(scenario, actions=()), node, record)
        for action in scenario.actions:
            self._simulation.plan(action)
        self._actions += scenario.actions
        self._run_until(scenario.end_us)

    def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> Cluster:
        """Let virtual time pass.

        Args:
            seconds: How long; with a condition, the longest time to wait for it (1,000 seconds by default).
            until: A time in seconds, or a condition that is asked after every event.

        Returns:
            The cluster itself, so that a look can follow on the same line.

        Raises:
            NodeError: A node raised, hung or returned something.
            EventBudgetError: The servers send without end.
        """
        with self._at_work():
            now = self._simulation.now_us
            if callable(until):
                self._run_until(now + parse_seconds(1000 if seconds is None else seconds), until)
            elif until is not None:
                self._run_until(max(now, parse_seconds(until)))
            else:
                self._run_until(now + parse_seconds(10 if seconds is None else seconds))
        return self

    def _run_until(self, time: int, stop: Callable[[], bool] | None = None) -> bool:
        return self._simulation.run_until(time, stop)

    def crash(self, *servers: str, at: float | None = None) -> None:
        """Stop servers at once; what is not on their disks is gone."""
        self._act("crash", servers, at)

    def lose(self, *servers: str, at: float | None = None) -> None:
        """Crash servers in their next event: nothing of it is on their disks, and nobody hears of it."""
        self._act("lose", servers, at)

    def tear(self, *servers: str, at: float | None = None) -> None:
        """Crash servers in their next event: the last thing that it wrote is not on their disks, or only half."""
        self._act("tear", servers, at)

    def restart(self, *servers: str, at: float | None = None) -> None:
        """Start servers that are down, with what their disks hold."""
        self._act("restart", servers, at)

    def pause(self, *servers: str, at: float | None = None) -> None:
        """Hold servers still; what reaches them waits."""
        self._act("pause", servers, at)

    def resume(self, *servers: str, at: float | None = None) -> None:
        """Let paused servers go on, with all that came for them."""
        self._act("resume", servers, at)

    def partition(self, *sides: str | Iterable[str], at: float | None = None) -> None:
        """Cut the network into sides; servers that no side names are one more side together.

        Args:
            sides: Each a name or several: ``partition("tom")`` cuts tom off from all others.
            at: When, in seconds; now by default.
        """
        words = [[side] if isinstance(side, str) else list(side) for side in sides]
        self._act("partition", [word for side in words for word in ("|", *side)][1:], at)

    def cut(self, sender: str, receiver: str, at: float | None = None) -> None:
        """Cut one direction: what the first sends to the second is lost."""
        self._act("cut", (f"{sender}>{receiver}",), at)

    def heal(self, at: float | None = None) -> None:
        """Mend every cut."""
        self._act("heal", (), at)

    def timeout(self, *servers: str, at: float | None = None) -> None:
        """Let the election timer of servers run out."""
        self._act("timeout", servers, at)

    def drop(self, message: str, at: float | None = None) -> None:
        """Lose one message, named as ``tom>jerry#7``: the seventh that tom sends to jerry."""
        self._act("drop", (message,), at)

    def hold(self, message: str, seconds: float, at: float | None = None) -> None:
        """Hold a message in flight back: it arrives so many seconds later."""
        self._act("hold", (message, str(seconds)), at)

    def duplicate(self, message: str, at: float | None = None) -> None:
        """Let a copy of a message in flight arrive, too."""
        self._act("duplicate", (message,), at)

    def loss(self, share: float, at: float | None = None) -> None:
        """Let the network lose this share of the messages, from 0 to 1, from now on."""
        self._act("loss", (str(share),), at)

    def delay(self, low: float, high: float, at: float | None = None) -> None:
        """Let messages take so many seconds, from a least to a longest time, from now on."""
        self._act("delay", (str(low), str(high)), at)

    def set(self, key: str, value: object, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client store a value, and wait for the answer.

        Args:
            key: The key.
            value: The value, stored as text.
            to: The server to ask; by default whoever leads.
            at: When, in seconds; now by default. At a later time, the client asks then, and nobody waits for it here.

        Returns:
            The answer, or NoAnswer after 20 s of virtual time (2 s with the paper's timing).
        """
        return self._request("set", (str(key), str(value)), to, at)

    def delete(self, key: str, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client delete a key, and wait for the answer, as `set` does."""
        return self._request("delete", (str(key),), to, at)

    def get(self, key: str, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client read a key, and wait for the answer, as `set` does; the answer's value is what was read."""
        return self._request("get", (str(key),), to, at)

    def _act(self, verb: str, words: Iterable[str], at: float | None) -> None:
        with self._at_work():
            self._do(verb, words, at)

    def _do(self, verb: str, words: Iterable[str], at: float | None) -> str:
        """Do something now, or plan it; give the reply address of a client that asks now."""
        now = self._simulation.now_us
        action = Action(now if at is None else parse_seconds(at), verb, tuple(words))
        if action.at_us < now:
            raise ScenarioError(f"{verb} at {at} s: that is in the past, it is {format_seconds(now)} s")
        check_action(action, self.servers)
        self._actions.append(action)
        if action.at_us == now:
            return self._simulation.perform(action)
        self._simulation.plan(action)
        return ""

    def _request(self, verb: str, words: tuple[str, ...], to: str | None, at: float | None) -> Answer:
        with self._at_work():
            client = self._do(verb, (*words, "to", to) if to else words, at)
            if at is not None:
                return NoAnswer(f"nobody waits for the answer: the client asks at {at:g} s")
            return self._answer_to(client, to)

    def _answer_to(self, client: str, to: str | None) -> Answer:
        """Wait for what a client hears."""
        simulation = self._simulation
        if not client:
            return NoAnswer(actions.why_nobody(simulation))
        if client not in simulation.responses and client not in simulation.waiting:
            return NoAnswer(f"{to or 'the leader'} is down")
        patience = simulation.timing.patience
        if client not in simulation.responses:
            simulation.run_until(simulation.now_us + parse_seconds(patience), lambda: client in simulation.responses)
        response = simulation.responses.get(client)
        return response if response is not None else NoAnswer(f"nothing was heard within {patience:g} s")
