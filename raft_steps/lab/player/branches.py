"""The branches of a live cluster: each is a scenario and its run. An action in the past starts a new branch.

To start a branch, the scenario of the old one is run again up to the time of the action. The same scenario produces the
same run, so no copy of the old branch is needed, and nothing that happens on the new one can change it.
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

MAX_BRANCHES = 200
PASTED = "pasted"  # The name of a branch with a pasted scenario; the second one is "pasted 2".
EXTENSION_EVENTS = 2000  # A chunk has some ten to a hundred of the simulation's events; so many are a storm.


@dataclass(slots=True, eq=False, kw_only=True)
class Branch:
    """One history of a cluster.

    Attributes:
        number: Its number, in the order in which the branches started.
        name: Its name.
        parent: The number of the branch from which it started; None for the first branch.
        left_us: The time at which it left its parent, in microseconds.
        scenario: Everything that determines its run, except for the actions.
        actions: The actions, in the order in which they were given.
        simulation: Its run.
        reached_us: The time up to which Python code has run it, or else its start; the run before is never discarded.
        lines: The events of its run as lines of JSON, as far as players have received them.
    """

    number: int
    name: str
    parent: int | None = None
    left_us: int = 0
    scenario: Scenario
    actions: list[Action]
    simulation: Simulation
    reached_us: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def trace(self) -> Trace:
        """The trace of its run, with its scenario in the header."""
        trace = self.simulation.written_trace
        trace.scenario = self.full_scenario.to_text()
        return trace

    @property
    def events(self) -> list[Event]:
        """The events of its run."""
        return self.simulation.written_trace.events

    @property
    def title(self) -> str:
        """The title of its run."""
        return self.simulation.written_trace.title

    @property
    def full_scenario(self) -> Scenario:
        """Everything that determines its run, including the actions."""
        # A run in which a node failed may have actions that it has not reached.
        return dataclasses.replace(self.scenario, actions=tuple(self.actions), until_us=None).ending_at(
            self.simulation.now_us
        )

    @property
    def end_us(self) -> int:
        """The time up to which it has been run, in microseconds."""
        return self.simulation.now_us

    @property
    def chunk_us(self) -> int:
        """The part of its run that `extend` adds, in microseconds: one heartbeat interval."""
        return round(self.simulation.timing.heartbeat_interval * MICROSECONDS)

    def matches_past_of(self, parent: Branch) -> bool:
        """Return whether it is identical to its parent up to the time at which it left.

        It is, unless a node was changed by hand or depends on something other than its events. Call this before
        `format_events`, while `lines` still contains exactly the events that both branches share.
        """
        return len(self.lines) >= bisect_left(parent.events, self.left_us, key=attrgetter("time_us"))

    def format_events(self) -> list[str]:
        """Return the lines of all events. The caller sends those that were not in `lines` before to the players."""
        events = self.events
        assert len(self.lines) <= len(events), "players have events that this run does not have"
        self.lines += map(format_event, events[len(self.lines) :])
        return self.lines


class BranchTree:
    """All branches of a cluster.

    Attributes:
        all: The branches, by number.
        current: The branch on which the cluster continues.
    """

    def __init__(self, scenario: Scenario, actions: list[Action], simulation: Simulation) -> None:
        """Create the first branch, which is the run of the cluster so far."""
        step = scenario.step if _is_node_of_step(simulation.node_class, scenario.step) else None
        first = Branch(
            number=0, name="the first run", scenario=dataclasses.replace(scenario, step=step, until_us=None),
            actions=actions, simulation=simulation, reached_us=simulation.now_us,
        )  # fmt: skip
        self.all = [first]
        self.current = first

    def find(self, number: object) -> Branch:
        """Return a branch by its number.

        Raises:
            ScenarioError: There is no such branch.
        """
        if type(number) is not int or not 0 <= number < len(self.all):
            raise ScenarioError(f"there is no branch {number!r}; there are 0 to {len(self.all) - 1}")
        return self.all[number]

    def act(self, branch: Branch, at_us: int, seen_us: int, words: Sequence[str]) -> Branch:
        """Perform an action on a branch or, if its time is in the branch's past, on a new branch that starts there.

        Args:
            branch: The branch.
            at_us: When, in microseconds.
            seen_us: The time up to which players have shown the branch; the run after it may be discarded.
            words: The verb and its arguments.

        Returns:
            The branch on which the action was performed; it is now the current one.

        Raises:
            ScenarioError: The action is invalid.
            NodeError: A node failed; all branches are as they were.
        """
        if not words:
            raise ScenarioError("the action is empty; it needs a verb and its arguments, such as: crash tom")
        action = Action(at_us, words[0], tuple(words[1:]))
        check_action(action, branch.scenario.servers)
        if at_us < 0:
            raise ScenarioError(f"{format_seconds(at_us)} s is before the start, which is 0 s")
        if at_us > branch.end_us + branch.chunk_us:
            raise ScenarioError(
                f"{format_seconds(at_us)} s is after the end of the run so far, which is {format_seconds(branch.end_us)} s"
            )
        until_us = max(branch.end_us, at_us + branch.chunk_us)
        if at_us < max(seen_us, branch.reached_us):
            self._check_capacity()
            # Actions at the same time were performed before, so they happen before this one on the new branch as well.
            kept = [before for before in branch.actions if before.at_us <= at_us]
            simulation = run_again(branch, kept, at_us)
            simulation.perform(action)
            simulation.run_until(until_us)
            name = f"{format_action(action)} at {format_seconds(at_us)} s"
            return self._add(name, branch.scenario, [*kept, action], simulation, parent=branch, left_us=at_us)
        if at_us < branch.end_us:
            simulation = run_again(branch, branch.actions, at_us)
            simulation.perform(action)
            simulation.run_until(until_us)
            self._replace_run(branch, simulation)
        else:
            self._continue(branch, lambda: _run_and_perform(branch.simulation, action, until_us))
        branch.actions.append(action)
        self.current = branch
        return branch

    def extend(self, branch: Branch) -> str:
        """Run a branch for one more chunk, or as far as `EXTENSION_EVENTS` lead.

        Returns:
            What is wrong if it stopped before the end of the chunk, with the number of messages on their way; or "".

        Raises:
            NodeError: A node failed; the branch is as it was.
        """
        until_us = branch.end_us + branch.chunk_us
        self._continue(branch, lambda: _run_on(branch.simulation, until_us))
        if branch.end_us >= until_us:
            return ""
        return f"a storm: {branch.simulation.messages_under_way} messages are on their way at {format_seconds(branch.end_us)} s"

    def reseed(self, seed: int) -> Branch:
        """Start a branch with the actions of the current one and another seed, and run it equally far.

        Raises:
            NodeError: A node failed.
        """
        scenario = dataclasses.replace(self.current.scenario, seed=seed)
        return self._start(f"seed {seed}", scenario, self.current.actions, self.current.end_us)

    def reset(self) -> Branch:
        """Start a branch without actions; return the current one if it has none.

        Raises:
            NodeError: A node failed.
        """
        if not self.current.actions:
            return self.current
        return self._start("without actions", self.current.scenario, [], self.current.end_us)

    def paste(self, scenario: Scenario) -> Branch:
        """Start a branch with another scenario; if it names no step, it runs the Node of the current branch.

        Raises:
            ScenarioError: There is no such step.
            NodeError: A node failed.
        """
        if scenario.step is None and self.current.scenario.step is not None:
            scenario = dataclasses.replace(scenario, step=self.current.scenario.step)
        base = dataclasses.replace(scenario, actions=(), until_us=None)
        has_end = scenario.until_us is not None
        until_us = scenario.end_us if has_end else scenario.last_action_us + self.current.chunk_us
        count = sum(branch.name.startswith(PASTED) for branch in self.all)
        return self._start(f"{PASTED} {count + 1}" if count else PASTED, base, scenario.actions, until_us)

    def _start(self, name: str, scenario: Scenario, actions: Sequence[Action], until_us: int) -> Branch:
        self._check_capacity()
        current = self.current
        is_same_node = scenario.step == current.scenario.step
        node_class = current.simulation.node_class if is_same_node else None
        title = current.title if is_same_node else ""
        simulation = begin(scenario, node_class, title)
        _run_script(simulation, actions, until_us)
        return self._add(name, scenario, list(actions), simulation, parent=current)

    def _add(
        self,
        name: str,
        scenario: Scenario,
        actions: list[Action],
        simulation: Simulation,
        *,
        parent: Branch,
        left_us: int = 0,
    ) -> Branch:
        branch = Branch(
            number=len(self.all), name=name, parent=parent.number, left_us=left_us, reached_us=left_us,
            scenario=scenario, actions=actions, simulation=simulation,
        )  # fmt: skip
        branch.lines = parent.lines[: count_shared(parent.events, branch.events)]
        self.all.append(branch)
        self.current = branch
        return branch

    def _check_capacity(self) -> None:
        if len(self.all) >= MAX_BRANCHES:
            raise ScenarioError(f"there are {MAX_BRANCHES} branches, which is the limit; play the cluster again")

    def _replace_run(self, branch: Branch, simulation: Simulation) -> None:
        """Replace the run of a branch; players keep the events that both runs share."""
        old, branch.simulation = branch.events, simulation
        del branch.lines[count_shared(old, branch.events) :]

    def _continue(self, branch: Branch, work: Callable[[], object]) -> None:
        """Let the run of a branch continue; if that fails, run it again to where it was."""
        before_us, count = branch.end_us, len(branch.events)
        try:
            work()
        except BaseException:  # Also after an interrupt, which may leave the run in the middle of an event.
            with suppress(LabError):
                simulation = run_again(branch, branch.actions, before_us)
                # If a node had failed before, that run cannot be repeated, and the branch stays as it is.
                if _event_count(simulation) == count:
                    self._replace_run(branch, simulation)
            raise


def _is_node_of_step(node_class: type, number: int | None) -> bool:
    """Return whether a class is the Node of the step with this number.

    It may not be: a scenario that names a step can be replayed with another class.
    """
    with suppress(LookupError):  # A learner's edition may not have the step.
        return number is not None and node_class is node(number)
    return False


def run_again(branch: Branch, actions: Sequence[Action], until_us: int) -> Simulation:
    """Run a branch's scenario from the start with these actions.

    Raises:
        NodeError: A node failed.
    """
    simulation = begin(branch.scenario, branch.simulation.node_class, branch.title)
    _run_script(simulation, actions, until_us, branch.simulation.event_count)
    return simulation


def _run_script(simulation: Simulation, actions: Sequence[Action], until_us: int, more_events: int = 0) -> None:
    """Run a simulation with these actions, with `more_events` added to its budget of events.

    The budget limits a single call of `run_until`, and a branch that was run in many calls is run again in one.
    """
    for action in actions:
        simulation.plan(action)
    budget = simulation.event_budget
    simulation.event_budget = budget + more_events
    simulation.run_until(until_us)
    simulation.event_budget = budget


def _run_and_perform(simulation: Simulation, action: Action, until_us: int) -> None:
    """Run a simulation up to the time of an action, perform it, and run on."""
    simulation.run_until(action.at_us)
    simulation.perform(action)
    _run_on(simulation, until_us)


def _run_on(simulation: Simulation, until_us: int) -> None:
    """Run a simulation up to a time; in a storm, only as far as `EXTENSION_EVENTS` lead."""
    limit = simulation.event_count + EXTENSION_EVENTS
    simulation.run_until(until_us, lambda: simulation.event_count >= limit)


def _event_count(simulation: Simulation) -> int:
    return len(simulation.trace) if simulation.trace is not None else 0


def count_shared(one: Sequence[Event], other: Sequence[Event]) -> int:
    """Return the number of events that two runs share from the start."""
    for count, (a, b) in enumerate(zip(one, other, strict=False)):
        if a is not b and a != b:
            return count
    return min(len(one), len(other))
