"""The session of a live cluster: it answers requests from the browser, and sends it the changes made by Python code.

A request is a dictionary, and one message answers it: with the new events, the state of the session and a text. What
Python code changes also comes in one message. While a cell runs, requests arrive on another thread, so one lock is held
during each request and each verb of the cluster.
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
from raft_steps.lab.player.exports import EXPORTS
from raft_steps.lab.player.notebook_cells import cell_hook
from raft_steps.lab.player.scenario_finder import find_scenario
from raft_steps.lab.player.state import describe_result, encode_lines, session_state
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action, format_seconds
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


@dataclass(slots=True, eq=False)
class Connection:
    """A frontend, what its browser has, and what the next message to it will contain.

    Attributes:
        frontend: The frontend.
        branches: The numbers of the branches whose events its browser has received.
        has_sent: Whether anything was sent since the browser loaded the state; it may have missed that.
        traces: The new events of branches, without their lines.
        buffers: The lines, one buffer for each of `traces`.
    """

    frontend: Frontend
    branches: set[int]
    has_sent: bool = False
    traces: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=list)

    def begin(self, branch: int) -> None:
        """Note that its browser has loaded the state, with the events of one branch and no other."""
        self.branches, self.has_sent = {branch}, False

    def send(self, content: dict[str, Any]) -> None:
        """Send a message with the collected events."""
        self.frontend.send({"kind": "news", "traces": self.traces} | content, self.buffers)
        self.has_sent, self.traces, self.buffers = True, [], []


class PlayerSession:
    """Connects the players of one cluster with each other and with Python code that uses the cluster.

    Attributes:
        branches: All branches of the cluster.
        lock: Held during every request and every verb.
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
        self._is_changed_by_code = False
        cell_hook.call_after_cells(self.send_changes)

    def connect(self, frontend: Frontend) -> None:
        """Add a frontend, which was created with the current state."""
        with self.lock:
            self._connections = [each for each in self._connections if each.frontend.is_open]
            self._connections.append(Connection(frontend, {self.branches.current.number}))

    def open_state(self, frontend: Frontend | None = None) -> tuple[bytes, dict[str, Any]]:
        """Return what a browser opens a player with: the trace of the current branch, and the state of the session.

        Args:
            frontend: The frontend whose browser loads it; it then has the current branch and no other.
        """
        with self.lock:
            self.send_changes()
            branch = self.branches.current
            branch.trace.end_us = branch.end_us
            for connection in self._connections:
                if connection.frontend is frontend:
                    connection.begin(branch.number)
            return encode_lines([branch.trace.header(), *branch.format_events()]), session_state(self.branches)

    def on_cluster_change(self) -> None:
        """Called when Python code has changed the cluster; players are updated at the end of its cell, or else at once."""
        self.branches.current.reached_us = self.branches.current.end_us
        self._is_changed_by_code = True
        if not cell_hook.is_cell_running:
            self.send_changes()

    def send_changes(self) -> None:
        """Send players the changes that Python code has made since the last call, if any."""
        with self.lock:
            if self._is_changed_by_code:
                self._collect_changes()
                self._send()

    def answer(self, frontend: Frontend, request: Any) -> None:
        """Carry out a request, and answer it in one message, whether it succeeds or fails."""
        asked = request if isinstance(request, dict) else {}
        with self.lock:
            self._collect_changes()
            try:
                answer = {"ok": True} | self._do_and_adopt(frontend, request)
            except LabError as error:
                answer = {"ok": False, "said": str(error)}
                self._collect_failed_runs()
            except Exception as error:  # noqa: BLE001  # The player waits for an answer to every request.
                answer = {"ok": False, "said": f"this cannot be done: {type(error).__name__}: {error}"}
            self._send(frontend, {"id": asked.get("id")} | answer)

    def _do_and_adopt(self, frontend: Frontend, request: Any) -> dict[str, Any]:
        """Carry out a request, let the cluster continue on the branch that is current now, and return the answer."""
        try:
            found = self._do(frontend, request)
        finally:
            # Even a failed request may have replaced the run of the current branch.
            self._adopt(self.branches.current)
        return {"said": found} if isinstance(found, str) else found

    def _do(self, frontend: Frontend, request: Any) -> str | dict[str, Any]:
        """Carry out a request, collect the new events, and return the text of the answer, or all of the answer."""
        match request:
            case {"do": "act", "branch": number, "at": int(at_us), "seen": int(seen_us), "known": int(known_us),
                  "action": str(text)}:  # fmt: skip
                return {"said": self._act(self.branches.find(number), at_us, seen_us, known_us, text), "at": at_us}
            case {"do": "extend", "branch": number}:
                branch = self.branches.find(number)
                storm = self.branches.extend(branch)
                self._collect(branch)
                return storm
            case {"do": "switch", "branch": number}:
                self.branches.current = self.branches.find(number)
                self._collect(self.branches.current, keep=0)
                return f"this is branch {number}: {self.branches.current.name}"
            case {"do": "fetch", "branch": number}:
                self._collect(self.branches.find(number), keep=0, only=frontend)
                return ""
            case {"do": "open"}:
                if any(each.has_sent for each in self._connections if each.frontend is frontend):
                    self._collect(self.branches.current, keep=0, only=frontend)
                return ""
            case {"do": "export", "branch": number, "as": str(kind)} if kind in EXPORTS:
                return {"said": "", "text": EXPORTS[kind](self.branches.find(number))}
            case {"do": "seed", "seed": int(seed)}:
                return self._collect_new(self.branches.reseed(seed))
            case {"do": "reset"}:
                before = self.branches.current
                branch = self.branches.reset()
                return "there are no actions to remove" if branch is before else self._collect_new(branch)
            case {"do": "paste", "text": str(text)}:
                return self._collect_new(self.branches.paste(find_scenario(text)))
        raise ScenarioError(f"a live cluster cannot do this: {json.dumps(request, default=str)[:200]}")

    def _act(self, branch: Branch, at_us: int, seen_us: int, known_us: int, text: str) -> str:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ScenarioError("the action has an open quotation mark, or a backslash at its end") from error
        found = self.branches.act(branch, at_us, seen_us, words)
        is_new = found is not branch
        has_same_past = not is_new or found.matches_past_of(branch)
        self._collect(found, parent=branch.number if is_new else None)
        default = f"{words[1]} will not arrive" if words[0] == "drop" else f"{text}: done"
        result = describe_result(found, at_us) or default
        if not is_new:
            return result
        why = ""
        if seen_us <= at_us and known_us < branch.reached_us:
            # The reader acted at the end of what there was; a cell that was running then has run the cluster on.
            why = f", because a cell has run the cluster on to {format_seconds(branch.reached_us)} s"
            found.name += why
        return f"{result}; this is a new branch{why}" + ("" if has_same_past else DIVERGED)

    def _collect_new(self, branch: Branch) -> str:
        self._collect(branch, parent=branch.parent)
        return f"this is a new branch: {branch.name}"

    def _collect_changes(self) -> None:
        """Collect the changes that Python code has made since the last time, if any."""
        if self._is_changed_by_code:
            self._is_changed_by_code = False
            self._collect(self.branches.current, by_code=True)

    def _collect_failed_runs(self) -> None:
        """Collect the events up to a failure, if a branch could not be restored to where it was before."""
        for branch in self.branches.all:
            if len(branch.events) > len(branch.lines):
                self._collect(branch)

    def _collect(
        self,
        branch: Branch,
        *,
        keep: int | None = None,
        parent: int | None = None,
        by_code: bool = False,
        only: Frontend | None = None,
    ) -> None:
        """Collect the new events of a branch for the next message; a browser that lacks the others gets all of them.

        Args:
            branch: The branch.
            keep: The number of events that the browser keeps; by default all that were sent before.
            parent: The branch whose events it keeps, if that is another one.
            by_code: Whether Python code has caused them: a player that shows the end then goes along.
            only: The frontend to send them to; by default all.
        """
        keep = len(branch.lines) if keep is None else keep
        lines = branch.format_events()
        assert keep <= len(lines), "a browser cannot keep more events than the branch has"
        needed = branch.number if parent is None else parent
        content: dict[str, Any] = {"branch": branch.number, "end": branch.end_us, "code": by_code}
        content |= {"servers": list(branch.scenario.servers), "title": branch.title}
        if parent is not None:
            content["parent"] = parent
        for connection in self._connections:
            if connection.frontend.is_open and (only is None or connection.frontend is only):
                kept = keep if needed in connection.branches else 0
                connection.branches.add(branch.number)
                connection.traces.append(content | {"keep": kept})
                connection.buffers.append(encode_lines(lines[kept:]))

    def _send(self, asking: Frontend | None = None, answer: dict[str, Any] | None = None) -> None:
        """Send each browser one message: the collected events, the state, and for the one that asks the answer.

        The others get none if there are no new events, because then only the one that asks may learn something.
        """
        self._connections = [each for each in self._connections if each.frontend.is_open]
        state = {"live": session_state(self.branches)}
        for connection in self._connections:
            if connection.frontend is asking and answer is not None:
                connection.send(state | answer)
            elif connection.traces:
                connection.send(state)
