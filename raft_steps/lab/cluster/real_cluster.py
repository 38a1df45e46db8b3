"""A cluster of real servers: the verbs of `Cluster`, carried out with processes, signals and connections."""

from __future__ import annotations

import atexit
import json
import shutil
import signal
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Self

from raft_steps.lab.cluster.cluster import Answer, NoAnswer
from raft_steps.lab.cluster.real_scenario import perform, refuse_what_is_not_real
from raft_steps.lab.commands import NotLeader, Ok, command_of_words
from raft_steps.lab.errors import ScenarioError, ServerError
from raft_steps.lab.files import read_text
from raft_steps.lab.runtime.server.clock import now_us
from raft_steps.lab.runtime.server.trace_file import note_crash
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import MICROSECONDS, TIMINGS
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.text import nearest
from raft_steps.lab.trace.merge import merge_traces
from raft_steps.lab.trace.merge_stream import MergedEvents
from raft_steps.lab.trace.trace import Event, Trace

NEEDS = 'real servers need a machine of your own with Linux or macOS, and pip install "raft-steps[server]"'

try:
    from raft_steps.lab.runtime.server.leader_client import LeaderClient, NoAnswerError
    from raft_steps.lab.runtime.server.supervisor import ClusterOptions, Supervisor, free_cluster
except ImportError as error:
    raise ImportError(f"{NEEDS} ({error})") from error

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.runtime.server.addresses import Address
    from raft_steps.lab.trace.narration import Story

LOOK_S = 0.02  # between two looks at a condition
DEFAULT_RUN_S = 10.0
START_LIMIT_S = 60.0  # for a process to answer after its start
ANSWER_LIMIT_S = 60.0  # for a process to answer at any other time


class RealCluster:
    """Several server processes on this machine, in real time.

    Used as a context manager, it ends the processes and removes their folder; they also end with this process.

    Attributes:
        servers: The names of the servers.
        folder: The folder with the servers' databases, log files and traces.
    """

    def __init__(
        self,
        step_or_node: int | type,
        servers: int | Iterable[str] | None = None,
        *,
        members: Iterable[str] = (),
        leader: str | None = "",
        logs: Mapping[str, str | Iterable[str]] | None = None,
        later: Iterable[str] = (),
        timing: str = "paper",
        folder: Path | None = None,
    ) -> None:
        """Start the servers, and wait until each answers.

        Args:
            step_or_node: The number of a step, or a Node class such as your own.
            servers: The number of servers, or their names; by default 3.
            members: The servers that make up the cluster at first; by default all.
            leader: The server that leads from the start; by default the first one in steps that have no elections yet.
            logs: The logs on the disks before the start, as ``{"tom": "1 set x 1; 1 set y 2"}``.
            later: Servers that are not started yet; `restart` starts them.
            timing: ``"paper"`` (150 to 300 ms) or ``"post"`` (whole seconds).
            folder: The folder for the servers' files; by default a new folder that is removed at the end.

        Raises:
            ScenarioError: An argument is invalid.
            ServerError: A server does not start.
        """
        step, node_class = arguments.read_step(step_or_node)
        parts: dict[str, Any] = {} if leader == "" else {"leader": leader}
        scenario = default_scenario(
            step, arguments.read_servers(servers), node_class=node_class, logs=arguments.read_logs(logs),
            later=arguments.read_names(later, "later"), members=arguments.read_names(members, "members"), timing=timing, **parts,
        )  # fmt: skip
        self._begin(scenario, node_class, folder)

    def _begin(self, scenario: Scenario, node_class: type | None, folder: Path | None) -> None:
        for library in ("hiredis", "msgspec"):  # The servers' processes import them.
            if find_spec(library) is None:
                raise ServerError(f"{NEEDS} (No module named {library!r})")
        self.servers: tuple[str, ...] = scenario.servers
        self.folder = folder or Path(tempfile.mkdtemp(prefix="raft-steps-"))
        self._cluster = free_cluster(self.servers)
        patience_s = TIMINGS[scenario.timing].patience
        options = ClusterOptions(
            step=scenario.step or 1,
            cluster=self._cluster,
            folder=self.folder,
            timing=scenario.timing,
            leader=scenario.leader or "",
            members=scenario.members,
            node=_node_file(node_class, self.folder) if node_class is not None else "",
            logs={name: "; ".join(f"{term} {text}" for term, text in log) for name, log in scenario.logs.items()},
            traced=True,
            more=("--allow-faults", "--patience", str(patience_s)),
        )
        self._supervisor = Supervisor(options)
        self._finalizer = weakref.finalize(self, _end, self._supervisor, None if folder else self.folder)
        atexit.register(self._finalizer)
        self._client = LeaderClient(self._cluster, limit_s=patience_s)
        self._paused: set[str] = set()
        self._partition: set[tuple[str, str]] = set()  # the links between the sides
        self._cuts: set[tuple[str, str]] = set()  # the links that are cut one way
        self._network: dict[str, tuple[str, ...]] = {}  # loss and delay, as words of RAFT.FAULT
        self._events: list[Event] = []
        self._start_us = now_us()
        try:
            if scenario.leader:  # First, or another server could elect itself before the leader's first heartbeat.
                self.restart(scenario.leader)
            self.restart(*(name for name in self.servers if name not in scenario.later))
        except BaseException:
            self.close()
            raise

    @classmethod
    def replay(cls, scenario: str | Scenario, node: type | None = None) -> RealCluster:
        """Run a scenario in real time, from its start to its end.

        Args:
            scenario: A scenario, or its text or JSON.
            node: The Node class to run; by default that of the step that the scenario names.

        Raises:
            ScenarioError: The scenario asks for something that real servers cannot do; the message lists it.
        """
        if isinstance(scenario, str):
            scenario = Scenario.parse(scenario)
        refuse_what_is_not_real(scenario)
        cluster = cls.__new__(cls)
        cluster._begin(scenario, node, None)  # noqa: SLF001  # Its own class; as in Cluster.replay.
        try:
            for action in sorted(scenario.actions, key=lambda action: action.at_us):
                cluster.run(until=action.at_us / MICROSECONDS)
                perform(cluster, action)
            if scenario.until_us is not None:
                cluster.run(until=scenario.until_us / MICROSECONDS)
        except BaseException:
            cluster.close()
            raise
        return cluster

    # Looking.

    @property
    def addresses(self) -> Mapping[str, Address]:
        """The addresses of the servers, by name; any Redis client can connect to them."""
        return self._cluster

    @property
    def running(self) -> list[str]:
        """The servers that run and are not paused."""
        return [name for name in self.servers if self._is_running(name)]

    @property
    def paused(self) -> list[str]:
        """The servers that are paused."""
        return sorted(self._paused)

    @property
    def time(self) -> float:
        """The time since the start, in seconds."""
        return (now_us() - self._start_us) / MICROSECONDS

    @property
    def leader(self) -> str | None:
        """The running leader of the highest term; None if there is none."""
        found = [
            (int(status["raft_term"]), name) for name, status in self._statuses() if status["raft_role"] != "follower"
        ]
        return max(found)[1] if found else None

    @property
    def leaders(self) -> list[str]:
        """Every running server that considers itself the leader."""
        return [name for name, status in self._statuses() if status["raft_role"] != "follower"]

    def _statuses(self) -> list[tuple[str, dict[str, str]]]:
        return [(name, status) for name in self.running if (status := self._client.status(name)) is not None]

    def node(self, server: str) -> Any:
        """Return the present values of a server's fields; its `log` is a list of lines such as ``1 set x 1``.

        Raises:
            ScenarioError: There is no such server, or it does not run.
        """
        state = self._state(server)
        return SimpleNamespace(**state["fields"], log=_lines(state["log"]))

    def log(self, server: str) -> list[str]:
        """Return a server's log as text, one line per entry: ``1 set x 1``."""
        return _lines(self._state(server)["log"])

    def _state(self, server: str) -> dict[str, Any]:
        self._require(server)
        if not self._is_running(server):
            raise ScenarioError(f"{server} does not run; a server that does not run shows nothing")
        state: dict[str, Any] = json.loads(str(self._client.command(server, "RAFT.STATE")))
        return state

    @property
    def trace(self) -> Trace:
        """What has happened so far, merged from what the servers have recorded."""
        files = [self._supervisor.trace_file(name) for name in self.servers]
        texts = [(file.name, read_text(file, "a trace")) for file in files if file.exists()]
        return merge_traces(texts, self._events)

    def merged_events(self) -> MergedEvents:
        """Return the events of `trace` one by one, for a run that is too long to be held in memory."""
        files = [self._supervisor.trace_file(name) for name in self.servers]
        return MergedEvents([file for file in files if file.exists()], self._events)

    def timeline(self, **options: Any) -> Picture:
        """Draw the run so far as a space-time diagram; the options are those of `Cluster.timeline`."""
        from raft_steps.lab.pictures.space_time import timeline

        return timeline(self.trace, **options)

    def logs(self) -> Picture:
        """Draw the logs of all servers, entry by entry."""
        from raft_steps.lab.pictures.log_table import log_table

        trace = self.trace
        return log_table(trace.moment_after(len(trace) - 1), title=trace.title)

    def story(self, heartbeats: bool = False) -> Story:
        """Describe the run so far in words."""
        from raft_steps.lab.trace.narration import story

        return story(self.trace, heartbeats=heartbeats)

    # Time and faults.

    def run(self, seconds: float | None = None, *, until: float | Callable[[], bool] | None = None) -> RealCluster:
        """Let time pass.

        Args:
            seconds: How long, 10 seconds by default; with a condition, the longest time to wait for it.
            until: A time in seconds since the start, or a condition.

        Raises:
            ServerError: A server has ended by itself, for example because its Node failed.
        """
        wait_s = DEFAULT_RUN_S if seconds is None else seconds
        if until is not None and not callable(until):
            wait_s = until - self.time
        end_s = time.monotonic() + wait_s
        while (left_s := end_s - time.monotonic()) > 0:
            self._require_no_failure()
            if callable(until) and until():
                break
            time.sleep(min(LOOK_S, left_s))
        return self

    def crash(self, *servers: str) -> None:
        """Kill servers (kill -9); they keep only what is on their disks.

        Raises:
            ServerError: The trace of the crash cannot be written.
        """
        for name in self._required(servers):
            if self._supervisor.runs(name):
                self._supervisor.kill(name)
                self._paused.discard(name)
                note_crash(self._supervisor.trace_file(name), name, now_us())

    def restart(self, *servers: str) -> None:
        """Start servers that do not run, and wait until they answer.

        Raises:
            ServerError: A server does not start.
        """
        started = [name for name in self._required(servers) if not self._supervisor.runs(name)]
        for name in started:
            self._supervisor.start(name)
        deadline_s = time.monotonic() + START_LIMIT_S
        for name in started:
            while self._client.status(name) is None:
                self._require_no_failure()
                if time.monotonic() > deadline_s:
                    raise ServerError(f"{name} does not answer {START_LIMIT_S:g} s after its start")
                time.sleep(LOOK_S)
            self._renew_faults(name)

    def pause(self, *servers: str) -> None:
        """Stop servers for a while (SIGSTOP); what is sent to them waits."""
        for name in self._required(servers):
            self._supervisor.signal(name, signal.SIGSTOP)
            self._paused.add(name)
            self._note("paused", name)

    def resume(self, *servers: str) -> None:
        """Let paused servers go on (SIGCONT)."""
        for name in self._required(servers):
            self._note("resumed", name)
            self._paused.discard(name)
            self._supervisor.signal(name, signal.SIGCONT)
            self._renew_faults(name)

    def partition(self, *sides: str | Iterable[str]) -> None:
        """Split the network into sides; the servers that are not listed form one more side. An earlier partition ends."""
        groups = [[side] if isinstance(side, str) else list(side) for side in sides]
        named = self._required(name for side in groups for name in side)
        rest = [name for name in self.servers if name not in named]
        groups = [*groups, rest] if rest else groups
        self._note("partitioned", sides=groups)
        side_of = {name: number for number, side in enumerate(groups) for name in side}
        self._partition = {(a, b) for a in self.servers for b in self.servers if side_of[a] != side_of[b]}
        self._renew_all_faults()

    def cut(self, sender: str, receiver: str) -> None:
        """Cut one direction of a link: messages from the sender to the receiver are lost."""
        self._required((sender, receiver))
        self._note("cut", **{"from": sender, "to": receiver})
        self._cuts.add((sender, receiver))
        self._renew_all_faults()

    def heal(self) -> None:
        """End the partition and all cuts."""
        self._cuts.clear()
        self._partition.clear()
        self._renew_all_faults()
        self._note("healed")

    def loss(self, share: float) -> None:
        """Set the share of all messages that the network loses, from 0 to 1."""
        self._network["LOSS"] = ("LOSS", str(share))
        self._renew_all_faults()
        self._note("network", loss=share)

    def delay(self, low: float, high: float) -> None:
        """Set how much longer messages take: between `low` and `high` seconds."""
        self._network["DELAY"] = ("DELAY", str(low), str(high))
        self._renew_all_faults()
        self._note("network", delay=[low, high])

    # Clients.

    def set(self, key: str, value: object, to: str | None = None) -> Answer:
        """Let a client store a value, and wait for the answer.

        Returns:
            The answer, or NoAnswer after 2 s (20 s with the post's timing).
        """
        return self._request(("set", str(key), str(value)), to)

    def delete(self, key: str, to: str | None = None) -> Answer:
        """Let a client delete a key, and wait for the answer, as `set` does."""
        return self._request(("delete", str(key)), to)

    def get(self, key: str, to: str | None = None) -> Answer:
        """Let a client read a key, and wait for the answer, as `set` does; the answer holds the value."""
        return self._request(("get", str(key)), to)

    def close(self) -> None:
        """End all servers, and remove their folder unless it was given; the traces in a given folder can still be read."""
        self._client.close()
        self._finalizer()

    def __enter__(self) -> Self:
        """Return the cluster itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all servers."""
        self.close()

    # How.

    def _request(self, words: tuple[str, ...], to: str | None) -> Answer:
        request = command_of_words(*words)
        if to is not None:
            self._require(to)
        elif (leader := self.leader) is not None:
            self._client.leader = leader  # The one that answered last may be paused, and would keep the request.
        try:
            value = self._client.ask(request, to)
        except NoAnswerError as error:
            return NoAnswer(str(error))
        except ServerError as error:
            return NotLeader() if "NOTLEADER" in str(error) else NoAnswer(str(error))
        return Ok(value=None if value is None or words[0] != "get" else str(value))

    def _is_running(self, name: str) -> bool:
        return self._supervisor.runs(name) and name not in self._paused

    def _renew_all_faults(self) -> None:
        for name in self.servers:
            self._renew_faults(name)

    def _renew_faults(self, name: str) -> None:
        """Bring a server's links to what was asked for: one that did not run meanwhile does not know."""
        if not self._is_running(name):
            return  # It is told when it runs again.
        receivers = sorted({receiver for sender, receiver in self._partition | self._cuts if sender == name})
        wanted = [("HEAL",), *([("CUT", *receivers)] if receivers else []), *self._network.values()]
        for words in wanted:
            self._tell(name, ("RAFT.FAULT", *words))

    def _tell(self, name: str, words: tuple[str, ...]) -> None:
        """Send a command to a server that runs, again and again until it answers: a busy machine may keep it waiting.

        Raises:
            ServerError: It refuses the command, has ended, or does not answer for a long time.
        """
        deadline_s = time.monotonic() + ANSWER_LIMIT_S
        while True:
            try:
                self._client.command(name, *words)
            except NoAnswerError:
                self._require_no_failure()
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(LOOK_S)
            else:
                return

    def _note(self, kind: str, server: str = "", **detail: Any) -> None:
        self._events.append(Event(0, now_us(), kind, server, detail))

    def _require(self, server: str) -> None:
        if server not in self.servers:
            raise ScenarioError(f"there is no server {server!r}{nearest(server, self.servers)}")

    def _required(self, servers: Iterable[str]) -> list[str]:
        names = list(servers)
        for name in names:
            self._require(name)
        return names

    def _require_no_failure(self) -> None:
        """Raise if a server has ended by itself.

        Raises:
            ServerError: It has; the message is what it wrote last.
        """
        for name in self._supervisor.ended():
            raise ServerError(f"{name} has ended: {self._supervisor.why_ended(name)}")


def _lines(entries: list[dict[str, Any]]) -> list[str]:
    return [f"{entry['term']} {entry['command']}" for entry in entries]


def _end(supervisor: Supervisor, folder: Path | None) -> None:
    """End the processes; called at the latest when Python ends."""
    supervisor.close()
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _node_file(node_class: type, folder: Path) -> str:
    """Write a class, which may come from a notebook's cell, into a file that a server can load."""
    from raft_steps.lab.source.views import whole

    path = folder / "node.py"
    path.write_text(whole(node_class).text, encoding="utf-8", newline="\n")
    return f"{path}:Node"  # the name of the class in `whole`, whatever it is called in the notebook
