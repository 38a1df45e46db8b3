"""The session of a live cluster: it answers requests from the browser, and sends it the changes made by Python code.

A request is a dictionary. The replies are messages: the new events, the state of the session, and one answer. While a
cell runs, requests arrive on another thread, so one lock is held during each request and each verb of the cluster.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Protocol

from raft_steps.lab.errors import LabError, ScenarioError
from raft_steps.lab.player.branches import Branch, BranchTree
from raft_steps.lab.player.notebook_cells import cell_hook
from raft_steps.lab.player.scenario_finder import find_scenario
from raft_steps.lab.player.state import describe_result, encode_lines, session_state
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario

DIVERGED = (
    ", but its events before that time differ: was a node changed by hand, or does its class use random numbers"
    " that are not from self.random?"
)


class Frontend(Protocol):
    """The widget of a player, as a session uses it."""

    @property
    def is_open(self) -> bool:
        """Whether the widget has not been closed."""

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a message to the browser."""

    def store_state(self, trace: bytes, live: dict[str, Any]) -> None:
        """Store the current state for browsers that open the widget later, and send `live` to those that show it already."""


@dataclass(slots=True, eq=False)
class Connection:
    """A frontend, and the numbers of the branches whose events it has received."""

    frontend: Frontend
    branches: set[int] = field(default_factory=set)


class PlayerSession:
    """Connects the players of one cluster with each other and with Python code that uses the cluster.

    Attributes:
        branches: All branches of the cluster.
        lock: Held during every request and every verb.
        trace_bytes: The trace of the current branch, encoded for browsers.
    """

    def __init__(
        self,
        scenario: Scenario,
        actions: list[Action],
        simulation: Simulation,
        lock: RLock,
        adopt: Callable[[Branch], None],
    ) -> None:
        """Start with the run of the cluster so far.

        Args:
            scenario: Everything that determines the run, except for the actions.
            actions: The actions.
            simulation: The run.
            lock: The lock to hold during every request.
            adopt: Called with the branch on which the cluster continues.
        """
        self.lock = lock
        self.branches = BranchTree(scenario, actions, simulation)
        self._adopt = adopt
        self._connections: list[Connection] = []
        self._has_unsent_changes = False
        cell_hook.call_after_cells(self.send_changes)
        self._state: dict[str, Any] = {}
        self.trace_bytes = b""
        self._refresh()

    def connect(self, frontend: Frontend) -> None:
        """Add a frontend, which was created with the current state."""
        with self.lock:
            self._remove_closed()
            self._connections.append(Connection(frontend, {self.branches.current.number}))

    def on_state_request(self, frontend: Frontend) -> None:
        """Called when a browser loads the whole state of a widget; it then has the current branch and no other."""
        with self.lock:
            for connection in self._connections:
                if connection.frontend is frontend:
                    connection.branches = {self.branches.current.number}

    def state(self) -> dict[str, Any]:
        """Return the current state, after sending unsent changes."""
        with self.lock:
            self.send_changes()
            return self._state

    def on_cluster_change(self) -> None:
        """Called when Python code has changed the cluster; players are updated at the end of its cell, or else at once."""
        self.branches.current.reached_us = self.branches.current.end_us
        self._has_unsent_changes = True
        if not cell_hook.is_cell_running:
            self.send_changes()

    def send_changes(self) -> None:
        """Send players the changes that Python code has made since the last call, if any."""
        with self.lock:
            if self._has_unsent_changes:
                self._has_unsent_changes = False
                current = self.branches.current
                self._send_events(current, at_us=current.end_us)
                self._send_state()

    def answer(self, frontend: Frontend, request: Any) -> None:
        """Carry out a request, and send exactly one answer, whether it succeeds or fails."""
        number = request.get("id") if isinstance(request, dict) else None
        with self.lock:
            self.send_changes()
            try:
                text, ok = self._do_and_send_state(frontend, request), True
            except LabError as error:
                text, ok = str(error), False
                self._send_failed_runs()
            except Exception as error:  # noqa: BLE001  # The player waits for an answer to every request.
                text, ok = f"this cannot be done: {type(error).__name__}: {error}", False
            frontend.send({"kind": "answer", "id": number, "ok": ok, "said": text})

    def _do_and_send_state(self, frontend: Frontend, request: Any) -> str:
        """Carry out a request, send the new events and the new state, and return the text of the answer."""
        try:
            text = self._do(frontend, request)
        finally:
            # Even a failed request may have replaced the run of the current branch.
            self._adopt(self.branches.current)
        self._send_state()
        return text

    def _do(self, frontend: Frontend, request: Any) -> str:
        """Carry out a request, send the new events, and return the text of the answer."""
        match request:
            case {"do": "act", "branch": number, "at": int(at_us), "seen": int(seen_us), "action": str(text)}:
                return self._act(self.branches.find(number), at_us, seen_us, text)
            case {"do": "extend", "branch": number}:
                branch = self.branches.find(number)
                self.branches.extend(branch)
                self._send_events(branch)
                return ""
            case {"do": "switch", "branch": number}:
                self.branches.current = self.branches.find(number)
                self._send_events(self.branches.current, keep=0)
                return f"this is branch {number}: {self.branches.current.name}"
            case {"do": "fetch", "branch": number}:
                self._send_events(self.branches.find(number), keep=0, only=frontend)
                return ""
            case {"do": "seed", "seed": int(seed)}:
                return self._send_new(self.branches.reseed(seed))
            case {"do": "reset"}:
                before = self.branches.current
                branch = self.branches.reset()
                return "there are no actions to remove" if branch is before else self._send_new(branch)
            case {"do": "paste", "text": str(text)}:
                return self._send_new(self.branches.paste(find_scenario(text)))
        raise ScenarioError(f"a live cluster cannot do this: {json.dumps(request, default=str)[:200]}")

    def _act(self, branch: Branch, at_us: int, seen_us: int, text: str) -> str:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ScenarioError("the action has an open quotation mark, or a backslash at its end") from error
        found = self.branches.act(branch, at_us, seen_us, words)
        is_new = found is not branch
        has_same_past = not is_new or found.matches_past_of(branch)
        self._send_events(found, parent=branch.number if is_new else None)
        default = f"{words[1]} will not arrive" if words[0] == "drop" else f"{text}: done"
        result = describe_result(found, at_us) or default
        if not is_new:
            return result
        return f"{result}; this is a new branch" + ("" if has_same_past else DIVERGED)

    def _send_new(self, branch: Branch) -> str:
        self._send_events(branch, parent=branch.parent)
        return f"this is a new branch: {branch.name}"

    def _send_failed_runs(self) -> None:
        """Send the events up to a failure, if a branch could not be restored to where it was before."""
        for branch in self.branches.all:
            if len(branch.trace) > len(branch.lines):
                self._send_events(branch)
                self._send_state()

    def _send_events(
        self,
        branch: Branch,
        *,
        keep: int | None = None,
        parent: int | None = None,
        at_us: int | None = None,
        only: Frontend | None = None,
    ) -> None:
        """Send the new events of a branch; a browser that lacks the others gets all of them.

        Args:
            branch: The branch.
            keep: The number of events that the browser keeps; by default all that were sent before.
            parent: The branch whose events it keeps, if that is another one.
            at_us: The time to which the player should move, in microseconds.
            only: The frontend to send them to; by default all.
        """
        keep = len(branch.lines) if keep is None else keep
        lines = branch.format_events()
        assert keep <= len(lines), "a browser cannot keep more events than the branch has"
        needed = branch.number if parent is None else parent
        content: dict[str, Any] = {"kind": "trace", "branch": branch.number, "end": branch.end_us, "at": at_us}
        content |= {"servers": list(branch.scenario.servers), "title": branch.trace.title}
        if parent is not None:
            content["parent"] = parent
        for connection in self._connections:
            if connection.frontend.is_open and (only is None or connection.frontend is only):
                kept = keep if needed in connection.branches else 0
                connection.branches.add(branch.number)
                connection.frontend.send(content | {"keep": kept}, [encode_lines(lines[kept:])])

    def _send_state(self) -> None:
        """Send the current state to all frontends."""
        self._refresh()
        self._remove_closed()
        for connection in self._connections:
            connection.frontend.store_state(self.trace_bytes, self._state)

    def _remove_closed(self) -> None:
        self._connections = [connection for connection in self._connections if connection.frontend.is_open]

    def _refresh(self) -> None:
        """Encode the trace of the current branch and the state of the session."""
        branch = self.branches.current
        trace = branch.trace
        trace.end_us = branch.end_us
        self.trace_bytes = encode_lines([trace.header(), *branch.format_events()])
        self._state = session_state(self.branches)
