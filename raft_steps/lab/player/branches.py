"""The branches of a live cluster: each a scenario and its run. What is done in the past begins a new one.

A branch leaves another by running the other's scenario anew up to that time. The same scenario gives the same run, so
the old branch stays as it is, whatever happens on the new one.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from operator import attrgetter

from raft_steps import node
from raft_steps.lab.errors import LabError, ScenarioError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.grammar import format_action
from raft_steps.lab.scenario.model import MICROSECONDS, Action, format_seconds
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.scenario.validation import check_action
from raft_steps.lab.trace.trace import Event, Trace, format_event
from raft_steps.lab.verify.properties.watched_run import begin

MOST_BRANCHES = 200


@dataclass(slots=True, eq=False, kw_only=True)
class Branch:
    """One course that a cluster took.

    Attributes:
        number: Its number, in the order in which they began.
        name: What it is called.
        parent: The number of the branch that it left; None for the first.
        left: When it left that one, in microseconds.
        scenario: What decides its run, but for the actions.
        actions: What was done, in the order in which it was said.
        simulation: Its run.
        reached: How far Python code has run it, or when it began: what lies before is never thrown away.
        lines: The events of its run, spelled, as far as players have been told of them.
    """

    number: int
    name: str
    parent: int | None = None
    left: int = 0
    scenario: Scenario
    actions: list[Action]
    simulation: Simulation
    reached: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def trace(self) -> Trace:
        """What happened on it; its header names its scenario."""
        trace = self.simulation.written_trace
        trace.scenario = self.whole_scenario.to_text()
        return trace

    @property
    def whole_scenario(self) -> Scenario:
        """All that decides its run, as data."""
        return dataclasses.replace(self.scenario, actions=tuple(self.actions), until_us=self.simulation.now_us)

    @property
    def end(self) -> int:
        """How far it has been run, in microseconds."""
        return self.simulation.now_us

    @property
    def chunk(self) -> int:
        """How far it is run on at a time, in microseconds: as long as from heartbeat to heartbeat."""
        return round(self.simulation.timing.heartbeat_interval * MICROSECONDS)

    def repeats(self, parent: Branch) -> bool:
        """Say, before players are told of it, whether it is as its parent was until it left; it is, unless a node cheats."""
        return len(self.lines) >= bisect_left(parent.trace.events, self.left, key=attrgetter("time_us"))

    def spell(self) -> list[str]:
        """Spell its events that players have not been told of, and give all; whoever asks for them tells them."""
        self.lines += map(format_event, self.trace.events[len(self.lines) :])
        return self.lines


class Branches:
    """The tree of all branches.

    Attributes:
        all: The branches, by number.
        current: The one on which the cluster is.
    """

    def __init__(self, scenario: Scenario, actions: list[Action], simulation: Simulation) -> None:
        """Begin with what a cluster has done so far."""
        step = scenario.step if _is_of_step(simulation.node_class, scenario.step) else None
        first = Branch(
            number=0, name="the first run", scenario=dataclasses.replace(scenario, step=step, until_us=None),
            actions=actions, simulation=simulation, reached=simulation.now_us,
        )  # fmt: skip
        self.all = [first]
        self.current = first

    def find(self, number: object) -> Branch:
        """Find a branch by its number.

        Raises:
            ScenarioError: There is none.
        """
        if type(number) is not int or not 0 <= number < len(self.all):
            raise ScenarioError(f"there is no branch {number!r}; there are 0 to {len(self.all) - 1}")
        return self.all[number]

    def act(self, branch: Branch, at: int, seen: int, words: Sequence[str]) -> Branch:
        """Do something on a branch, or, if that is in its past, on a new one that leaves it there.

        Args:
            branch: Where.
            at: When, in microseconds.
            seen: How far anybody has seen the branch.
            words: A verb, and what follows it.

        Returns:
            The branch on which it was done; it is the current one now.

        Raises:
            ScenarioError: It cannot be done.
            NodeError: A node failed; all branches are as they were.
        """
        if not words:
            raise ScenarioError("what is to be done? an action is a verb and its words, such as: crash tom")
        action = Action(at, words[0], tuple(words[1:]))
        check_action(action, branch.scenario.servers)
        if at < 0:
            raise ScenarioError(f"{format_seconds(at)} s lies before the start, which is 0 s")
        if at > branch.end + branch.chunk:
            raise ScenarioError(
                f"{format_seconds(at)} s is further than the run has come, which is {format_seconds(branch.end)} s"
            )
        until = max(branch.end, at + branch.chunk)
        if at < max(seen, branch.reached):
            self._check_room()
            kept = [before for before in branch.actions if before.at_us <= at]
            simulation = run_anew(branch, kept, at)
            simulation.perform(action)
            simulation.run_until(until)
            name = f"{format_action(action)} at {format_seconds(at)} s"
            return self._add(name, branch.scenario, [*kept, action], simulation, parent=branch, left=at)
        if at < branch.end:
            simulation = run_anew(branch, branch.actions, at)
            simulation.perform(action)
            simulation.run_until(until)
            self._replace(branch, simulation)
        else:
            self._go_on(branch, lambda: _run_and_perform(branch.simulation, action, until))
        branch.actions.append(action)
        self.current = branch
        return branch

    def extend(self, branch: Branch) -> None:
        """Run a branch on by a chunk.

        Raises:
            NodeError: A node failed; the branch is as it was.
        """
        self._go_on(branch, lambda: branch.simulation.run_until(branch.end + branch.chunk))

    def reseed(self, seed: int) -> Branch:
        """Begin a branch with the current one's script under another seed, and run it as far.

        Raises:
            NodeError: A node failed.
        """
        scenario = dataclasses.replace(self.current.scenario, seed=seed)
        return self._begin_anew(f"seed {seed}", scenario, self.current.actions, self.current.end)

    def reset(self) -> Branch:
        """Begin a branch without any action, unless the current one has none.

        Raises:
            NodeError: A node failed.
        """
        if not self.current.actions:
            return self.current
        return self._begin_anew("without actions", self.current.scenario, [], self.current.end)

    def paste(self, scenario: Scenario) -> Branch:
        """Begin a branch with a scenario from elsewhere; one that names no step runs the Node of the current branch.

        Raises:
            ScenarioError: There is no such step.
            NodeError: A node failed.
        """
        if scenario.step is None and self.current.scenario.step is not None:
            scenario = dataclasses.replace(scenario, step=self.current.scenario.step)
        base = dataclasses.replace(scenario, actions=(), until_us=None)
        until = scenario.end_us if scenario.until_us is not None else scenario.last_action_us + self.current.chunk
        return self._begin_anew("pasted", base, scenario.actions, until)

    def _begin_anew(self, name: str, scenario: Scenario, actions: Sequence[Action], until: int) -> Branch:
        self._check_room()
        current = self.current
        is_same_node = scenario.step == current.scenario.step
        node_class = current.simulation.node_class if is_same_node else None
        title = current.trace.title if is_same_node else ""
        simulation = begin(scenario, node_class, title)
        _run_script(simulation, actions, until)
        return self._add(name, scenario, list(actions), simulation, parent=current)

    def _add(
        self,
        name: str,
        scenario: Scenario,
        actions: list[Action],
        simulation: Simulation,
        *,
        parent: Branch,
        left: int = 0,
    ) -> Branch:
        branch = Branch(
            number=len(self.all), name=name, parent=parent.number, left=left, reached=left,
            scenario=scenario, actions=actions, simulation=simulation,
        )  # fmt: skip
        branch.lines = parent.lines[: shared(parent.trace.events, branch.trace.events)]
        self.all.append(branch)
        self.current = branch
        return branch

    def _check_room(self) -> None:
        if len(self.all) >= MOST_BRANCHES:
            raise ScenarioError(f"there are {MOST_BRANCHES} branches, and no room for more; play the cluster again")

    def _replace(self, branch: Branch, simulation: Simulation) -> None:
        """Put another run in a branch's; what both have in common stays told."""
        old, branch.simulation = branch.trace.events, simulation
        del branch.lines[shared(old, branch.trace.events) :]

    def _go_on(self, branch: Branch, work: Callable[[], object]) -> None:
        """Let a branch's own run go on; if that fails, it is run anew to where it was."""
        before, count = branch.end, len(branch.trace)
        try:
            work()
        except BaseException:
            with suppress(LabError):
                simulation = run_anew(branch, branch.actions, before)
                # A run that had failed before cannot be had again; it stays as it is.
                if _events_of(simulation) == count:
                    self._replace(branch, simulation)
            raise


def _is_of_step(node_class: type, number: int | None) -> bool:
    """Say whether a class is a step's own: a scenario replayed with another class still names the step it came from."""
    with suppress(LookupError):  # An edition need not hold the step.
        return number is not None and node_class is node(number)
    return False


def run_anew(branch: Branch, actions: Sequence[Action], until: int) -> Simulation:
    """Run a branch's scenario from the start with these actions.

    Raises:
        NodeError: A node failed.
    """
    simulation = begin(branch.scenario, branch.simulation.node_class, branch.trace.title)
    _run_script(simulation, actions, until, branch.simulation.event_count)
    return simulation


def _run_script(simulation: Simulation, actions: Sequence[Action], until: int, known: int = 0) -> None:
    """Run a simulation with actions; what took many runs before may take as many events in one."""
    for action in actions:
        simulation.plan(action)
    budget = simulation.event_budget
    simulation.event_budget = budget + known
    simulation.run_until(until)
    simulation.event_budget = budget


def _run_and_perform(simulation: Simulation, action: Action, until: int) -> None:
    simulation.run_until(action.at_us)
    simulation.perform(action)
    simulation.run_until(until)


def _events_of(simulation: Simulation) -> int:
    return len(simulation.trace) if simulation.trace is not None else 0


def shared(one: Sequence[Event], other: Sequence[Event]) -> int:
    """Count the events with which two runs begin alike."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a is not b and a != b:
            return count
    return min(len(one), len(other))
