"""The lives of a simulation's servers: starting, crashing, pausing and resuming, and orders from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from raft_steps.lab.runtime.launching import first_term, new_node, starting_in
from raft_steps.lab.runtime.watchdog import HandlerTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from raft_steps.lab.runtime.monitor import Monitor
    from raft_steps.lab.runtime.recorder import Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.dispatch import Dispatcher
    from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
    from raft_steps.lab.scenario.scenario import Scenario


class Lifecycle:
    """Starts and crashes servers, pauses and resumes them, and tells them to take snapshots."""

    def __init__(
        self,
        scenario: Scenario,
        classes: Mapping[str, type],
        agenda: Agenda,
        dispatcher: Dispatcher,
        *,
        recorder: Recorder | None,
        monitor: Monitor | None,
        watched: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Create the lifecycle of a scenario's servers.

        Args:
            scenario: Has the seed and the timing of the nodes.
            classes: The class of each server's node.
            agenda: Where a resumed server's mailbox is planned.
            dispatcher: Handles the first event of each life.
            recorder: Records the events, if the run is recorded.
            monitor: Watches the nodes, if anything does.
            watched: Lets the watchdog look at a block in which handlers run.
        """
        self._scenario, self._classes, self._agenda, self._dispatcher = scenario, classes, agenda, dispatcher
        self._recorder, self._monitor, self._watched = recorder, monitor, watched

    def start(self, host: SimulatedHost) -> None:
        """Begin a life: a new node, with what the disk holds.

        Raises:
            NodeError: The node cannot be built, or failed in `on_start`.
        """
        host.life += 1
        host.up, host.paused = True, False
        detail: dict[str, Any] = {"life": host.life, "log": []}
        kind = "started" if host.life == 1 else "restarted"
        with self._watched():
            try:
                host.begin(new_node(self._scenario, host, self._classes[host.name]))
            except (Exception, SystemExit, HandlerTimeout) as error:
                raise self._dispatcher.blame(host, "beginning", error, kind, detail) from error
            if self._monitor is not None:
                self._monitor.begins(host)
            if self._recorder is not None:
                detail |= self._recorder.life_begins(host)
            term = first_term(self._scenario, host, self._classes[host.name])
            handler = starting_in(host.node, term) if term else host.node.on_start
            self._dispatcher.handle(host, handler, (), kind, detail)

    def crash(self, host: SimulatedHost) -> None:
        """End a life: everything that is not on disk is lost."""
        host.end()
        self._dispatcher.note("crashed", host.name)

    def take_snapshot(self, host: SimulatedHost) -> None:
        """Let a server take a snapshot, if it runs and its Node can.

        Raises:
            NodeError: The node failed in `take_snapshot`.
        """
        handler = getattr(host.node, "take_snapshot", None)
        why = (
            "it is down" if not host.up
            else "it is paused" if host.paused
            else "its Node has no take_snapshot" if handler is None
            else ""
        )  # fmt: skip
        if handler is None or why:
            self._dispatcher.note("note", host.name, text=f"snapshot {host.name}: {why}")
            return
        with self._watched():
            self._dispatcher.handle(host, handler, (), "told", {"order": "take a snapshot"})

    def pause(self, host: SimulatedHost) -> None:
        """Pause a server: what arrives from now on waits in its mailbox."""
        host.paused = True
        self._dispatcher.note("paused", host.name)

    def resume(self, host: SimulatedHost) -> None:
        """Resume a paused server, with everything that arrived in the meantime."""
        host.paused = False
        self._dispatcher.note("resumed", host.name)
        for call, a, b, c in host.mailbox:
            self._agenda.push(self._agenda.now_us, call, a, b, c)
        host.mailbox.clear()
