"""What one can see of a cluster, now or of all that happened so far; it changes nothing."""

from __future__ import annotations

import dataclasses
from threading import RLock
from typing import TYPE_CHECKING, Any

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.simulator import actions
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.text import nearest
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.properties.monitor import Properties

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.player.branches import Branch
    from raft_steps.lab.player.session import Session
    from raft_steps.lab.player.widget import Player
    from raft_steps.lab.runtime.host import Host
    from raft_steps.lab.trace.narration import Story
    from raft_steps.lab.verify.linearizability import History
    from raft_steps.lab.verify.properties.violation import Violation


class View:
    """The looking half of a cluster: who leads, what the logs hold, and every picture of the run."""

    _simulation: Simulation
    _scenario: Scenario
    _actions: list[Action]
    _lock: RLock
    _session: Session | None

    @property
    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._simulation.now_us / MICROSECONDS

    @property
    def scenario(self) -> Scenario:
        """All that was done so far, as data."""
        with self._lock:
            return dataclasses.replace(self._scenario, actions=tuple(self._actions), until_us=self._simulation.now_us)

    @property
    def trace(self) -> Trace:
        """All that happened so far.

        Raises:
            ScenarioError: The cluster was built with ``record=False``.
        """
        with self._lock:
            trace = self._simulation.written_trace
            trace.scenario = self.scenario.to_text()
            return trace

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The properties of Raft that broke so far, each where it broke first, in that order.

        Raises:
            ScenarioError: The cluster was built with ``record=False``; nothing is held against the properties then.
        """
        watch = self._simulation.watch
        if not isinstance(watch, Properties):
            raise ScenarioError("nothing watches this cluster: it was built with record=False")
        return tuple(watch.violations.values())

    @property
    def servers(self) -> tuple[str, ...]:
        """The names of the servers."""
        return self._simulation.scenario.servers

    @property
    def leader(self) -> str | None:
        """Who leads as far as one can see: a running leader of the highest term; None if nobody does."""
        host = actions.visible_leader(self._simulation)
        return host.name if host is not None else None

    @property
    def leaders(self) -> list[str]:
        """Everyone who runs and believes to lead."""
        hosts = self._simulation.hosts.values()
        return [host.name for host in hosts if host.up and getattr(host.node, "is_leader", True)]

    def node(self, server: str) -> Any:
        """Give a server's node, to look at its fields.

        Raises:
            ScenarioError: There is no such server, or it is down.
        """
        host = self._host(server)
        if not host.up:
            raise ScenarioError(f"{server} is down; a server that does not run has no node")
        return host.node

    def log(self, server: str) -> list[str]:
        """Give a server's log as text, a line for each entry: ``1 set x 1``; of a server that is down, its disk's."""
        host = self._host(server)
        entries = host.node.log if host.up else host.disk.get("log", ())
        return [f"{entry.term} {command_text(entry.command)}" for entry in entries]

    def timeline(self, **options: Any) -> Picture:
        """Draw all that happened so far, or a part, as a space-time diagram; the options are those of `timeline`.

        They are start and end (seconds), heartbeats ("auto", True or False), mark (an event's number), mark_text,
        title, and limit (of how much is drawn).
        """
        from raft_steps.lab.pictures.space_time import timeline

        with self._lock:
            return timeline(self.trace, **options)

    def logs(self, at: float | None = None) -> Picture:
        """Draw the logs of all servers, entry by entry, as they are now or were at a time, in seconds."""
        from raft_steps.lab.pictures.log_table import log_table

        with self._lock:
            time = self.time if at is None else at
            return log_table(self.trace.moment_at(time), title=f"{self.trace.title}, {time:.2f} s")

    def story(self, heartbeats: bool = False, start: float | None = None, end: float | None = None) -> Story:
        """Tell all that happened so far, or a part, in words; heartbeats that changed nothing only if asked for."""
        from raft_steps.lab.trace.narration import story

        with self._lock:
            return story(self.trace, heartbeats, start, end)

    def history(self) -> History:
        """Give what clients asked and heard so far, to check with `check_linearizable`."""
        from raft_steps.lab.verify.linearizability import History

        with self._lock:
            return History.from_trace(self.trace)

    def play(self, *, at: float | None = None, speed: float = 1.0, heartbeats: bool = True) -> Player:
        """Show all that happened so far as a ring of servers, to play, step and scrub through, and to act upon.

        What is done in it is done to this cluster; where that is in its past, on a new branch, which this cluster then is.

        Args:
            at: The time that it opens at, in seconds; the beginning by default.
            speed: How fast time goes; at 1, a usual message is seen for a second.
            heartbeats: Whether heartbeats that changed nothing are told, too.
        """
        from raft_steps.lab.player.session import Session
        from raft_steps.lab.player.widget import Player

        with self._lock:
            trace = self.trace
            if self._session is None:
                self._session = Session(self._scenario, self._actions, self._simulation, self._lock, self._adopt)
            return Player(trace, at, speed, heartbeats, self._session)

    def _adopt(self, branch: Branch) -> None:
        """Become a branch of the session."""
        self._scenario, self._actions, self._simulation = branch.scenario, branch.actions, branch.simulation

    def _host(self, server: str) -> Host:
        if server not in self._simulation.hosts:
            raise ScenarioError(f"there is no server {server!r}{nearest(server, self.servers)}")
        return self._simulation.hosts[server]
