"""The cluster: the one object that a notebook uses.

Its verbs are those of a scenario. Each one acts at once and is added to `cluster.scenario`, so that a run made by hand
can be repeated, byte for byte, from one line of text.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

from raft_steps.lab.cluster.answer import Answer, NoAnswer
from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.simulator import actions
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import MICROSECONDS, Action, format_seconds, parse_seconds
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.scenario.validation import check_action
from raft_steps.lab.text import nearest
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.properties.monitor import Properties
from raft_steps.lab.verify.properties.watched_run import begin

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.player.branches import Branch
    from raft_steps.lab.player.session import PlayerSession
    from raft_steps.lab.player.widget import Player
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.trace.narration import Story
    from raft_steps.lab.verify.linearizability import History
    from raft_steps.lab.verify.properties.violation import Violation

__all__ = ["Answer", "Cluster", "NoAnswer"]

DEFAULT_RUN_S = 10
LONGEST_WAIT_S = 1000  # for a condition that may never become true


class Cluster:
    """Several servers in one process, in virtual time; `Cluster.replay` runs its scenario again."""

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
        members: Iterable[str] = (),
        timing: str = "post",
        network: Mapping[str, Any] | None = None,
        record: bool = True,
    ) -> None:
        """Build a cluster and start its servers.

        Args:
            step_or_node: The number of a step, or a Node class such as your own.
            servers: The number of servers, or their names; by default 3, or 1 for a Node that works without others.
            seed: The seed of every random choice; the same seed produces the same run.
            leader: The server that leads from the start; by default the first one in steps that have no elections yet.
            logs: The logs on the disks before the start, as ``{"tom": "1 set x 1; 1 set y 2"}``: term and command.
            draws: The first timeouts of a server in seconds, before random ones follow, as ``{"jerry": [11]}``.
            later: Servers that are not started yet; `restart` starts them.
            members: The servers that make up the cluster at first, all by default; any other waits until it is added.
            timing: ``"post"`` (whole seconds) or ``"paper"`` (150 to 300 ms).
            network: ``delay`` (the shortest and the longest, in seconds), ``loss``, ``duplicate``, ``reorder`` (shares).
            record: Whether to record a trace; a run without one is several times faster.

        Raises:
            ScenarioError: An argument is invalid.
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
            members=arguments.read_names(members, "members"),
            timing=timing,
            **parts,
        )
        self._begin(scenario, node_class, record)

    def _begin(self, scenario: Scenario, node_class: type | None, record: bool) -> None:
        self._lock = RLock()
        self._session: PlayerSession | None = None
        title = "" if node_class is None else arguments.title_of_class(node_class)
        self._simulation = (
            begin(scenario, node_class, title) if record else Simulation(scenario, node_class, record=False)
        )
        # The actions are kept apart, because every verb adds one and a scenario is immutable.
        self._scenario = scenario
        self._actions = list(scenario.actions)

    @classmethod
    def replay(cls, scenario: str | Scenario, node: int | type | None = None, *, record: bool = True) -> Cluster:
        """Run a scenario from its start to its end.

        Args:
            scenario: A scenario, or its text or JSON.
            node: The Node class to run, or the number of a step; by default the step that the scenario names.
            record: Whether to record a trace.

        Raises:
            ScenarioError: The scenario cannot be parsed, there is no such step, or `node` is not a Node class.
            NodeError: A node raised an exception, hung, or returned a value from a handler.
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
        self._simulation.run_until(scenario.end_us)

    # Its state and its history. Nothing here changes the cluster.

    @property
    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._simulation.now_us / MICROSECONDS

    @property
    def scenario(self) -> Scenario:
        """Everything done so far, as data."""
        with self._lock:
            scenario = dataclasses.replace(self._scenario, actions=tuple(self._actions), until_us=None)
            return scenario.ending_at(self._simulation.now_us)

    @property
    def trace(self) -> Trace:
        """Everything that has happened so far.

        Raises:
            ScenarioError: The cluster was built with ``record=False``.
        """
        with self._lock:
            trace = self._simulation.written_trace
            trace.scenario = self.scenario.to_text()
            return trace

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The properties of Raft that were violated so far: the first violation of each, in order of time.

        Raises:
            ScenarioError: The cluster was built with ``record=False``, so no property was checked; or no violation was
                found, but not everything could be judged.
        """
        monitor = self._simulation.monitor
        if not isinstance(monitor, Properties):
            raise ScenarioError("this cluster checks no properties: it was built with record=False")
        if monitor.unjudged and not monitor.violations:  # An empty answer would mean that all is well.
            raise ScenarioError(f"could not be judged: {'; '.join(monitor.unjudged)}")
        return tuple(monitor.violations.values())

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers."""
        return self._simulation.scenario.servers

    @property
    def leader(self) -> str | None:
        """The running leader of the highest term; None if there is none."""
        host = actions.visible_leader(self._simulation.hosts)
        return host.name if host is not None else None

    @property
    def leaders(self) -> list[str]:
        """Every running server that considers itself the leader."""
        hosts = self._simulation.hosts.values()
        return [host.name for host in hosts if host.up and getattr(host.node, "is_leader", True)]

    def node(self, server: str) -> Any:
        """Return a server's node, to look at its fields.

        Raises:
            ScenarioError: There is no such server, or it is down.
        """
        host = self._host(server)
        if not host.up:
            raise ScenarioError(f"{server} is down; a server that does not run has no node")
        return host.node

    def log(self, server: str) -> list[str]:
        """Return a server's log as text, one line per entry: ``1 set x 1``. If the server is down, read its disk."""
        host = self._host(server)
        entries = host.node.log if host.up else host.disk.get("log", ())
        return [f"{entry.term} {command_text(entry.command)}" for entry in entries]

    def timeline(self, **options: Any) -> Picture:
        """Draw the run so far, or a part of it, as a space-time diagram.

        The options are those of `timeline`: start and end (seconds), heartbeats ("auto", True or False), mark (the
        number of an event), mark_text, title, and limit (the largest number of messages and annotations to draw).
        """
        from raft_steps.lab.pictures.space_time import timeline

        with self._lock:
            return timeline(self.trace, **options)

    def logs(self, at: float | None = None) -> Picture:
        """Draw the logs of all servers, entry by entry, as they are now or were at a time in seconds."""
        from raft_steps.lab.pictures.log_table import log_table

        with self._lock:
            time_s = self.time if at is None else at
            return log_table(self.trace.moment_at(time_s), title=f"{self.trace.title}, {time_s:.2f} s")

    def story(self, heartbeats: bool = False, start: float | None = None, end: float | None = None) -> Story:
        """Describe the run so far, or a part of it, in words.

        Args:
            heartbeats: Whether to include heartbeats that changed nothing.
            start: The start of the part, in seconds.
            end: The end of the part, in seconds.
        """
        from raft_steps.lab.trace.narration import story

        with self._lock:
            return story(self.trace, heartbeats, start, end)

    def history(self) -> History:
        """Return the requests of clients and their answers so far, to check with `check_linearizable`."""
        from raft_steps.lab.verify.linearizability import history_of_trace

        with self._lock:
            return history_of_trace(self.trace)

    def play(self, *, at: float | None = None, speed: float = 1.0, heartbeats: bool = True) -> Player:
        """Show the run so far as a ring of servers: to play, step through, scrub through, and act upon.

        Actions in the player change this cluster. An action in the past starts a new branch, and the cluster continues
        on that branch.

        Args:
            at: The time at which the player opens, in seconds; by default the beginning.
            speed: How fast time passes; at 1, a typical message takes a second on the screen.
            heartbeats: Whether to show heartbeats that changed nothing.
        """
        from raft_steps.lab.player.opening import open_player

        with self._lock:
            return open_player(self.trace, at, speed, heartbeats, self.session())

    def session(self) -> PlayerSession:
        """Return the session that all players of this cluster share; it answers their requests."""
        from raft_steps.lab.player.session import PlayerSession

        with self._lock:
            if self._session is None:
                self._session = PlayerSession(self._scenario, self._actions, self._simulation, self._lock, self._adopt)
            return self._session

    def _adopt(self, branch: Branch) -> None:
        """Continue on a branch that a player has chosen."""
        self._scenario, self._actions, self._simulation = branch.scenario, branch.actions, branch.simulation

    def _host(self, server: str) -> Host:
        if server not in self._simulation.hosts:
            raise ScenarioError(f"there is no server {server!r}{nearest(server, self.servers)}")
        return self._simulation.hosts[server]

    # Time and faults.

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Keep the lock while the cluster changes, and send the changes to its players afterwards."""
        with self._lock:
            try:
                yield
            finally:
                if self._session is not None:
                    self._session.on_cluster_change()

    def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> Cluster:
        """Let virtual time pass.

        Args:
            seconds: How long, 10 seconds by default. With a condition, the longest time to wait for it, 1,000 seconds by
                default.
            until: A time in seconds, or a condition that is checked after every event.

        Returns:
            The cluster itself, so that calls can be chained.

        Raises:
            NodeError: A node raised an exception, hung, or returned a value from a handler.
            EventBudgetError: The servers send messages without end.
        """
        with self._at_work():
            simulation, now_us = self._simulation, self._simulation.now_us
            if callable(until):
                simulation.run_until(now_us + parse_seconds(LONGEST_WAIT_S if seconds is None else seconds), until)
            elif until is not None:
                simulation.run_until(max(now_us, parse_seconds(until)))
            else:
                simulation.run_until(now_us + parse_seconds(DEFAULT_RUN_S if seconds is None else seconds))
        return self

    def crash(self, *servers: str, at: float | None = None) -> None:
        """Stop servers at once; they keep only what is on their disks."""
        self._act("crash", servers, at)

    def lose(self, *servers: str, at: float | None = None) -> None:
        """Crash servers during their next event: nothing of it reaches the disk or the other servers."""
        self._act("lose", servers, at)

    def tear(self, *servers: str, at: float | None = None) -> None:
        """Crash servers during their next event: its last write is missing from the disk, or only half of it is there."""
        self._act("tear", servers, at)

    def restart(self, *servers: str, at: float | None = None) -> None:
        """Start servers that are down, with what is on their disks."""
        self._act("restart", servers, at)

    def pause(self, *servers: str, at: float | None = None) -> None:
        """Pause servers; messages and timers wait until they resume."""
        self._act("pause", servers, at)

    def resume(self, *servers: str, at: float | None = None) -> None:
        """Resume paused servers, which then handle everything that has waited for them."""
        self._act("resume", servers, at)

    def snapshot(self, *servers: str, at: float | None = None) -> None:
        """Make servers compact their logs, if their Node takes snapshots: one takes the place of what is applied."""
        self._act("snapshot", servers, at)

    def partition(self, *sides: str | Iterable[str], at: float | None = None) -> None:
        """Split the network into sides; the servers that are not listed form one more side.

        Args:
            sides: Each side is a name or a list of names: ``partition("tom")`` isolates tom from all others.
            at: When, in seconds; now by default.
        """
        words = [[side] if isinstance(side, str) else list(side) for side in sides]
        self._act("partition", [word for side in words for word in ("|", *side)][1:], at)

    def cut(self, sender: str, receiver: str, at: float | None = None) -> None:
        """Cut one direction of a link: messages from the sender to the receiver are lost."""
        self._act("cut", (f"{sender}>{receiver}",), at)

    def heal(self, at: float | None = None) -> None:
        """End the partition and all cuts."""
        self._act("heal", (), at)

    def timeout(self, *servers: str, at: float | None = None) -> None:
        """Make the election timers of servers run out."""
        self._act("timeout", servers, at)

    def drop(self, message: str, at: float | None = None) -> None:
        """Drop one message, given as ``tom>jerry#7``: the seventh that tom sends to jerry."""
        self._act("drop", (message,), at)

    def hold(self, message: str, seconds: float, at: float | None = None) -> None:
        """Delay a message that is in flight by this many seconds more."""
        self._act("hold", (message, str(seconds)), at)

    def duplicate(self, message: str, at: float | None = None) -> None:
        """Deliver a message that is in flight a second time."""
        self._act("duplicate", (message,), at)

    def loss(self, share: float, at: float | None = None) -> None:
        """Set the share of all messages that the network loses, from 0 to 1."""
        self._act("loss", (str(share),), at)

    def delay(self, low: float, high: float, at: float | None = None) -> None:
        """Set how long messages take: between `low` and `high` seconds."""
        self._act("delay", (str(low), str(high)), at)

    # Clients.

    def set(self, key: str, value: object, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client store a value, and wait for the answer.

        Args:
            key: The key.
            value: The value, stored as text.
            to: The server to ask; by default the leader.
            at: When, in seconds; now by default. A request at a later time is only scheduled, without waiting for its
                answer.

        Returns:
            The answer, or NoAnswer after 20 s of virtual time (2 s with the paper's timing).
        """
        return self._request("set", (str(key), str(value)), to, at)

    def delete(self, key: str, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client delete a key, and wait for the answer, as `set` does."""
        return self._request("delete", (str(key),), to, at)

    def append(self, key: str, value: object, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client add to the end of a value, and wait for the answer, as `set` does; it holds the new value.

        A Node does so from step 13 on; the course's earlier ones ignore the command.
        """
        return self._request("append", (str(key), str(value)), to, at)

    def cas(
        self, key: str, expected: object, value: object, to: str | None = None, *, at: float | None = None
    ) -> Answer:
        """Let a client replace the expected value by another one, and wait for the answer, as `set` does.

        The answer is a Mismatch with the value that was found, if it was another one. A Node does so from step 13 on; the
        course's earlier ones ignore the command.
        """
        return self._request("cas", (str(key), str(expected), str(value)), to, at)

    def ask(self, request: str, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client send a request once, and wait for the answer, as `set` does.

        Args:
            request: The request, as ``"open session"``, or ``"append x 1 as 4.2"`` for the second command of session 4.
            to: The server to ask; by default the leader.
            at: When, in seconds; now by default.
        """
        verb, *words = shlex.split(request) or [""]
        return self._request(verb, tuple(words), to, at)

    def retry(self, request: str, session: str = "", to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client ask until it is answered, by other servers too, and wait for the answer, as `set` does.

        Args:
            request: The request, as ``"set x 1"``.
            session: The name of the client, which has a session and sends one command at a time in it; without a name
                the client has no session.
            to: The server to ask first; by default the leader.
            at: When, in seconds; now by default.
        """
        words = shlex.split(request)
        return self._request("retry", (*words, "as", session) if session else tuple(words), to, at)

    def get(self, key: str, to: str | None = None, *, at: float | None = None) -> Answer:
        """Let a client read a key, and wait for the answer, as `set` does; the answer holds the value."""
        return self._request("get", (str(key),), to, at)

    def _act(self, verb: str, words: Iterable[str], at: float | None) -> None:
        with self._at_work():
            self._do(verb, words, at)

    def _do(self, verb: str, words: Iterable[str], at: float | None) -> str:
        """Perform an action now, or schedule it; return the client's address if it is a request to a server now."""
        now_us = self._simulation.now_us
        action = Action(now_us if at is None else parse_seconds(at), verb, tuple(words))
        if action.at_us < now_us:
            raise ScenarioError(f"{verb} at {at} s: that is in the past, it is {format_seconds(now_us)} s")
        check_action(action, self.servers)
        # Added before it is performed, because the scenario must reproduce an action in which a node fails.
        self._actions.append(action)
        if action.at_us == now_us:
            return self._simulation.perform(action)
        self._simulation.plan(action)
        return ""

    def _request(self, verb: str, words: tuple[str, ...], to: str | None, at: float | None) -> Answer:
        with self._at_work():
            client = self._do(verb, (*words, "to", to) if to else words, at)
            if at is not None:
                return NoAnswer(f"nobody waits for the answer: the client asks at {at:g} s")
            return self._wait_for_answer(client, to)

    def _wait_for_answer(self, client: str, to: str | None) -> Answer:
        simulation = self._simulation
        if not client:
            return NoAnswer(actions.why_nobody(simulation.hosts))
        if client not in simulation.responses and client not in simulation.waiting:
            return NoAnswer(f"{to or 'the leader'} is down")
        patience_s = simulation.timing.patience
        if client not in simulation.responses:
            deadline_us = simulation.now_us + parse_seconds(patience_s)
            simulation.run_until(deadline_us, lambda: client in simulation.responses)
        response = simulation.responses.get(client)
        return response if response is not None else NoAnswer(f"no response within {patience_s:g} s")
