"""The session: it answers what players ask of a live cluster, and tells them what Python code did to it.

A player asks with a dictionary and gets messages back: the events that are new, the state of the session, one answer.
Requests come on another thread while a cell runs, so one lock is held around each of them and each verb of the cluster.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Protocol

from raft_steps.lab.errors import LabError, ScenarioError
from raft_steps.lab.player.branches import Branch, Branches
from raft_steps.lab.player.notebook_cells import cell_hook
from raft_steps.lab.player.scenario_finder import find_scenario
from raft_steps.lab.player.state import describe, spell_lines, what_happened
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario

STRAYED = (
    ", but what came before is not as it was: was a node changed by hand, or does its class use chance"
    " that is not self.random?"
)


class Screen(Protocol):
    """A player, as a session knows it."""

    @property
    def is_open(self) -> bool:
        """Whether anybody can see it."""

    def send(self, content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send a message to the browser."""

    def keep(self, trace: bytes, live: dict[str, Any]) -> None:
        """Keep the present state for whoever opens it later, and send `live` to the browser."""


@dataclass(slots=True, eq=False)
class Viewer:
    """A player, and which branches its browser holds."""

    screen: Screen
    holds: set[int] = field(default_factory=set)


class PlayerSession:
    """What players and Python code do with one cluster.

    Attributes:
        branches: All that was tried.
        lock: Held while anything is done.
    """

    def __init__(
        self,
        scenario: Scenario,
        actions: list[Action],
        simulation: Simulation,
        lock: RLock,
        adopt: Callable[[Branch], None],
    ) -> None:
        """Begin with what a cluster has done so far.

        Args:
            scenario: What decides its run, but for the actions.
            actions: What was done.
            simulation: Its run.
            lock: What is held while anything is done.
            adopt: Makes a branch the cluster's own run.
        """
        self.lock = lock
        self.branches = Branches(scenario, actions, simulation)
        self._adopt = adopt
        self._viewers: list[Viewer] = []
        self._untold = False
        cell_hook.call_after_cells(self.tell)
        self._state: dict[str, Any] = {}
        self.trace_bytes = b""
        self._refresh()

    def open(self, screen: Screen) -> None:
        """Let one more player take part; it has been given the present state."""
        with self.lock:
            self._viewers = [viewer for viewer in self._viewers if viewer.screen.is_open]
            self._viewers.append(Viewer(screen, {self.branches.current.number}))

    def opened_anew(self, screen: Screen) -> None:
        """Hear that a browser has asked for all of a player's state: it holds the current branch and no other."""
        with self.lock:
            for viewer in self._viewers:
                if viewer.screen is screen:
                    viewer.holds = {self.branches.current.number}

    def state(self) -> dict[str, Any]:
        """Give the present state, as players know it, once all that was done has been told."""
        with self.lock:
            self.tell()
            return self._state

    def changed(self) -> None:
        """Hear that Python code has changed the cluster: players are told at the end of its cell, or at once."""
        self.branches.current.reached = self.branches.current.end
        self._untold = True
        if not cell_hook.is_cell_running:
            self.tell()

    def tell(self) -> None:
        """Tell players what Python code has changed."""
        with self.lock:
            if self._untold:
                self._untold = False
                current = self.branches.current
                self._send_events(current, at=current.end)
                self._publish()

    def answer(self, screen: Screen, request: Any) -> None:
        """Do what a player asks for; it gets exactly one answer, also when it cannot be done."""
        number = request.get("id") if isinstance(request, dict) else None
        with self.lock:
            self.tell()
            try:
                said, ok = self._do_and_publish(screen, request), True
            except LabError as error:
                said, ok = str(error), False
                self._tell_of_failure()
            except Exception as error:  # noqa: BLE001  # Whatever it was, whoever clicked waits for an answer.
                said, ok = f"this cannot be done: {type(error).__name__}: {error}", False
            screen.send({"kind": "answer", "id": number, "ok": ok, "said": said})

    def _do_and_publish(self, screen: Screen, request: Any) -> str:
        try:
            said = self._do(screen, request)
        finally:
            self._adopt(self.branches.current)
        self._publish()
        return said

    def _do(self, screen: Screen, request: Any) -> str:
        """Do what a request says, send the events that are new, and say what was done."""
        match request:
            case {"do": "act", "branch": number, "at": int(at), "seen": int(seen), "action": str(text)}:
                return self._act(self.branches.find(number), at, seen, text)
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
                self._send_events(self.branches.find(number), keep=0, only=screen)
                return ""
            case {"do": "seed", "seed": int(seed)}:
                return self._show_new(self.branches.reseed(seed))
            case {"do": "reset"}:
                before = self.branches.current
                branch = self.branches.reset()
                return "there is nothing to take back" if branch is before else self._show_new(branch)
            case {"do": "paste", "text": str(text)}:
                return self._show_new(self.branches.paste(find_scenario(text)))
        raise ScenarioError(f"a live cluster cannot do this: {json.dumps(request, default=str)[:200]}")

    def _act(self, branch: Branch, at: int, seen: int, text: str) -> str:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise ScenarioError("the action has an open quotation mark, or a backslash at its end") from error
        found = self.branches.act(branch, at, seen, words)
        is_true = found is branch or found.repeats(branch)
        self._send_events(found, parent=None if found is branch else branch.number)
        said = what_happened(found, at) or (f"{words[1]} will not arrive" if words[0] == "drop" else f"{text}: done")
        if found is branch:
            return said
        return f"{said}; this is a new branch" + ("" if is_true else STRAYED)

    def _show_new(self, branch: Branch) -> str:
        self._send_events(branch, parent=branch.parent)
        return f"this is a new branch: {branch.name}"

    def _tell_of_failure(self) -> None:
        """Tell what is left of a run that failed where it could not be brought back to where it was."""
        for branch in self.branches.all:
            if len(branch.trace) > len(branch.lines):
                self._send_events(branch)
                self._publish()

    def _send_events(
        self,
        branch: Branch,
        *,
        keep: int | None = None,
        parent: int | None = None,
        at: int | None = None,
        only: Screen | None = None,
    ) -> None:
        """Send a branch's events that players have not been told of, or all of them where a browser lacks the others.

        Args:
            branch: The branch.
            keep: How many a browser keeps; by default all that it has been told of.
            parent: The branch whose events it keeps, if that is another one.
            at: Where the browser is to stand, in microseconds.
            only: The player to send them to; all by default.
        """
        keep = len(branch.lines) if keep is None else keep
        lines = branch.spell()
        needed = branch.number if parent is None else parent
        content: dict[str, Any] = {"kind": "trace", "branch": branch.number, "end": branch.end, "at": at}
        content |= {"servers": list(branch.scenario.servers), "title": branch.trace.title}
        if parent is not None:
            content["parent"] = parent
        for viewer in self._viewers:
            if viewer.screen.is_open and (only is None or viewer.screen is only):
                kept = keep if needed in viewer.holds else 0
                viewer.holds.add(branch.number)
                viewer.screen.send(content | {"keep": kept}, [spell_lines(lines[kept:])])

    def _publish(self) -> None:
        """Give all players the present state."""
        self._refresh()
        self._viewers = [viewer for viewer in self._viewers if viewer.screen.is_open]
        for viewer in self._viewers:
            viewer.screen.keep(self.trace_bytes, self._state)

    def _refresh(self) -> None:
        branch = self.branches.current
        trace = branch.trace
        trace.end_us = branch.end
        self.trace_bytes = spell_lines([trace.header(), *branch.spell()])
        self._state = describe(self.branches)
