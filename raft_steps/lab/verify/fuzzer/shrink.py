"""Shrinking: from a run that breaks a rule to the smallest one that still breaks the same rule.

Each try leaves something out and runs what is left. Every link and every life has a stream of chance of its own, so
what stays mostly goes on as before. The order of the tries is fixed: the same failure shrinks to the same scenario.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.watchdog import NOT_BACK
from raft_steps.lab.scenario.arguments import title_of_class
from raft_steps.lab.scenario.model import Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.trial import NODE_FAILED, Trial, try_scenario
from raft_steps.lab.verify.properties import RULES, Rule, watched_run

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.trace.trace import Trace

PLAIN: dict[str, Any] = {"loss": 0.0, "duplicate": 0.0, "reorder": 0.0, "spread": "even", "delay": None, "clocks": {}}
TRIES = 3000  # at most; most failures need a few hundred
EVENTS = 20_000_000  # in all tries together: what is left then is small enough, or too dear to make smaller
STUCK = 1_000_000  # events that could have happened while a handler did not come back
OTHER_SEEDS = 12  # what may go, but moves chance, is tried with so many other seeds
MORE_SEEDS = 40  # and with so many where more is left than one likes to read
READABLE = 10  # actions
FEW_ACTIONS = 40  # with more than this, single actions are not tried with other seeds
REQUESTS = ("set", "delete", "get")
LINK_VERBS, NETWORK_VERBS = ("cut", "drop", "hold", "duplicate"), ("loss", "delay")  # what they name is no server
SHORTEST = 1_000  # microseconds: a gap that is no longer is left as it is


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A small scenario that breaks a rule.

    Attributes:
        scenario: The scenario; it ends with the event that breaks the rule.
        trial: What comes of it.
        before: The scenario that it came from.
        tries: How many runs it took.
        node_class: The Node class, when it is not a step's.
    """

    scenario: Scenario
    trial: Trial
    before: Scenario
    tries: int
    node_class: type | None = None

    def __str__(self) -> str:
        """Say what is left of it, what it breaks, and how to see it again."""
        scenario, before = self.scenario, self.before
        return (
            f"{self.trial.broken}: {self.trial.text}\n"
            f"{len(scenario.servers)} of {len(before.servers)} servers, {len(scenario.actions)} of "
            f"{len(before.actions)} actions, {self.trial.time / 1e6:.3f} s are enough (after {self.tries} runs).\n"
            f"{scenario.to_text()}"
        )

    @property
    def trace(self) -> Trace:
        """What happens in the run; for a cluster to look into, use ``Cluster.replay(shrunk.scenario)``.

        Raises:
            NodeError: It is a failure of the Node itself.
        """
        title = "" if self.node_class is None else title_of_class(self.node_class)
        simulation = watched_run.begin(self.scenario, self.node_class, title)
        simulation.run_until(self.scenario.end_us)
        trace = simulation.written_trace
        trace.scenario = self.scenario.to_text()
        return trace

    def timeline(self, **options: Any) -> Picture:
        """Draw the run, with a mark at the event that breaks the rule; the options are those of `timeline`."""
        from raft_steps.lab.pictures.space_time import timeline

        trace = self.trace
        last = max((event.number for event in trace if event.time_us <= self.trial.time), default=None)
        return timeline(trace, **{"mark": last, "mark_text": self.trial.broken, **options})


class _Shrinker:
    """Keeps the smallest scenario so far."""

    def __init__(self, scenario: Scenario, rules: Iterable[Rule], node_class: type | None) -> None:
        self.rules, self.node_class, self.tries, self.events = tuple(rules), node_class, 0, 0
        self.scenario = scenario
        self.trial = self._try(scenario)

    def _try(self, scenario: Scenario) -> Trial:
        trial = try_scenario(scenario, self.rules, self.node_class)
        self.tries += 1
        self.events += trial.events + (STUCK if trial.broken == NODE_FAILED and NOT_BACK in trial.text else 0)
        return trial

    def keeps(self, scenario: Scenario) -> bool:
        """Try a smaller scenario, and keep it if it breaks the same rule."""
        if self.tries >= TRIES or self.events >= EVENTS:
            return False
        trial = self._try(scenario)
        smaller = _cut(scenario, trial.time)
        if trial.broken != self.trial.broken or _size(smaller) >= _size(self.scenario):
            return False
        self.scenario, self.trial = smaller, trial
        return True

    def shrink(self) -> None:
        """Leave out all that can be, until nothing more can."""
        self.scenario = _cut(self.scenario, self.trial.time)
        size = None
        while size != (size := _size(self.scenario)):
            self._fewer_actions()
            for leave_out in (_without_servers, _with_plain_parts, _with_fewer_sides, _sooner, _by_another_chance):
                self._go_through(leave_out)

    def _go_through(self, variants: Callable[[Scenario], Iterator[Scenario]]) -> None:
        again = True
        while again:
            again = any(self.keeps(variant) for variant in variants(self.scenario))

    def _fewer_actions(self) -> None:
        """Leave actions out: first many at once, then fewer, then one by one."""
        width = max(1, len(self.scenario.actions) // 2)
        while True:
            place = 0
            while place < len(self.scenario.actions):
                actions = self.scenario.actions
                if not self.keeps(
                    dataclasses.replace(self.scenario, actions=actions[:place] + actions[place + width :])
                ):
                    place += width
            if width == 1:
                return
            width = max(1, width // 2)


def shrink(
    scenario: Scenario, node_class: type | None = None, *, rules: Iterable[Rule] = RULES, broken: str | None = None
) -> Shrunk:
    """Give the smallest scenario that still breaks the rule that this one breaks.

    Args:
        scenario: A scenario that breaks a rule, or fails otherwise.
        node_class: The Node class; that of the scenario's step by default.
        rules: The rules that runs are held against.
        broken: The rule that is meant, by its name; by default the one that breaks first.

    Raises:
        ScenarioError: The scenario breaks none of them, or not this one.
    """
    wanted = [rule for rule in rules if broken is None or rule.name == broken]
    shrinker = _Shrinker(scenario, wanted, node_class)
    if not shrinker.trial.broken or (broken is not None and shrinker.trial.broken != broken):
        raise ScenarioError(f"there is nothing to shrink: this scenario does not break {broken or 'any rule'}")
    shrinker.shrink()
    return Shrunk(shrinker.scenario, shrinker.trial, scenario, shrinker.tries, node_class)


def _cut(scenario: Scenario, end: int) -> Scenario:
    """Leave out what comes after the event that broke the rule."""
    actions = tuple(action for action in scenario.actions if action.at_us <= end)
    return dataclasses.replace(scenario, actions=actions, until_us=end + 1)


def _size(scenario: Scenario) -> tuple[int, int, int, int, int]:
    words = sum(len(action.words) for action in scenario.actions)
    plain = sum(getattr(scenario, name) == value for name, value in PLAIN.items())
    return len(scenario.actions), words, len(scenario.servers), -plain, scenario.until_us or 0


def _without_servers(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out a server, or two; what was done to it alone goes too."""
    names = scenario.servers
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    for gone in (*pairs, *((name,) for name in names)):
        left = tuple(name for name in names if name not in gone)
        if left and scenario.leader not in gone:
            found = (_without(action, gone) for action in scenario.actions)
            yield dataclasses.replace(
                scenario,
                servers=left,
                later=tuple(name for name in scenario.later if name in left),
                logs={name: entries for name, entries in scenario.logs.items() if name in left},
                clocks={name: rate for name, rate in scenario.clocks.items() if name in left},
                draws={name: values for name, values in scenario.draws.items() if name in left},
                actions=tuple(action for action in found if action is not None),
            )


def _without(action: Action, gone: tuple[str, ...]) -> Action | None:
    """Leave servers out of an action; None if nothing is left of it."""
    if action.verb in NETWORK_VERBS:
        return action
    if action.verb in LINK_VERBS:
        ends = action.words[0].partition("#")[0].split(">")
        return None if set(ends) & set(gone) else action
    if action.verb in REQUESTS:
        return None if len(action.words) > 2 and action.words[-2] == "to" and action.words[-1] in gone else action
    words = tuple(word for word in action.words if word not in gone)
    if action.verb != "heal" and not any(word != "|" for word in words):
        return None
    return dataclasses.replace(action, words=words)


def _with_plain_parts(scenario: Scenario) -> Iterator[Scenario]:
    """Take the faults of network and clocks away, one kind at a time."""
    for name, value in PLAIN.items():
        if getattr(scenario, name) != value:
            yield dataclasses.replace(scenario, **{name: value})


def _with_fewer_sides(scenario: Scenario) -> Iterator[Scenario]:
    """Name fewer servers in one action."""
    for place, action in enumerate(scenario.actions):
        if action.verb not in (*REQUESTS, *NETWORK_VERBS, *LINK_VERBS) and len(action.words) > 1:
            for gone in range(len(action.words)):
                words = action.words[:gone] + action.words[gone + 1 :]
                if any(word != "|" for word in words):
                    fewer = dataclasses.replace(action, words=words)
                    yield dataclasses.replace(
                        scenario, actions=(*scenario.actions[:place], fewer, *scenario.actions[place + 1 :])
                    )


def _sooner(scenario: Scenario) -> Iterator[Scenario]:
    """Take half of the time before an action away, and before all that come after it."""
    before = 0
    for place, action in enumerate(scenario.actions):
        saved = (action.at_us - before) // 2
        if saved > SHORTEST:
            moved = tuple(dataclasses.replace(each, at_us=each.at_us - saved) for each in scenario.actions[place:])
            yield dataclasses.replace(scenario, actions=scenario.actions[:place] + moved)
        before = action.at_us


def _by_another_chance(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out a server, a fault of the network or actions, and let chance begin with another seed."""
    variants = (
        *_with_far_fewer_actions(scenario),
        *_without_servers(scenario),
        *_with_plain_parts(scenario),
        *_without_an_action(scenario),
    )
    for seed in range(MORE_SEEDS if len(scenario.actions) > READABLE else OTHER_SEEDS):
        for variant in variants:
            yield dataclasses.replace(variant, seed=seed)


def _with_far_fewer_actions(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out all actions, all of a kind, one half, or every second one."""
    actions = scenario.actions
    half = len(actions) // 2
    asked = [action.verb in REQUESTS for action in actions]
    found = [
        (),
        tuple(action for action, asks in zip(actions, asked, strict=True) if asks),
        tuple(action for action, asks in zip(actions, asked, strict=True) if not asks),
        actions[half:],
        actions[:half],
    ]
    for first in (0, 1):
        found.append(actions[first::2])
        number = first
        kept = []
        for action, asks in zip(actions, asked, strict=True):
            number += asks
            if not asks or number % 2:
                kept.append(action)
        found.append(tuple(kept))
    for fewer in dict.fromkeys(found):
        if len(fewer) < len(actions):
            yield dataclasses.replace(scenario, actions=fewer)


def _without_an_action(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out one action, where there are few."""
    actions = scenario.actions
    if len(actions) <= FEW_ACTIONS:
        for place in range(len(actions)):
            yield dataclasses.replace(scenario, actions=actions[:place] + actions[place + 1 :])
