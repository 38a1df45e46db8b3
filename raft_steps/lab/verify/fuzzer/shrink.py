"""Shrinks a scenario that breaks a rule to a smaller one that still breaks the same rule.

Each attempt leaves something out and runs the rest. Every link and every life of a server has its own random stream, so
the rest of the run mostly stays as it was. The order of the attempts is fixed: the same failure always shrinks to the
same scenario.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.watchdog import NOT_BACK
from raft_steps.lab.scenario.arguments import title_of_class
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.blame import excuses, try_with_reference
from raft_steps.lab.verify.fuzzer.trial import NODE_FAILED, Trial, try_scenario
from raft_steps.lab.verify.properties import RULES, Rule, watched_run
from raft_steps.lab.verify.properties.rules import SERVICE

if TYPE_CHECKING:
    from raft_steps.lab.pictures.svg import Picture
    from raft_steps.lab.trace.trace import Trace

# The parts of a scenario that are faults of network and clocks, each with its value for no fault.
NO_FAULTS: dict[str, Any] = {
    "loss": 0.0,
    "duplicate": 0.0,
    "reorder": 0.0,
    "spread": "even",
    "delay": None,
    "clocks": {},
}
TRIES_MAX = 3000  # most failures need a few hundred
EVENTS_MAX = 20_000_000  # in all tries together: what is left then is small enough, or too expensive to shrink further
# Of many failures, the earliest is shrunk first. If it does not become readable within these limits, the next ones are
# tried, and the smallest of them is shrunk further. The limits are not of time, so that they are the same everywhere.
CANDIDATES_MAX, CANDIDATE_TRIES_MAX, CANDIDATE_EVENTS_MAX = 4, 1000, 2_000_000
EVENTS_OF_HANG = 1_000_000  # A handler that does not return counts as this many events: it takes about as long.
# Leaving a part out can move the random draws so that the failure goes away; then other seeds are tried.
SEEDS = 12
SEEDS_IF_LONG = 40  # while there are more than READABLE actions
READABLE = 10
FEW_ACTIONS = 40  # With more actions, leaving out a single one is not tried with other seeds: it would take too long.
REQUESTS = ("set", "delete", "append", "cas", "get", "open", "transfer", "members", "add", "remove", "retry")
LINK_VERBS, NETWORK_VERBS = ("cut", "drop", "hold", "duplicate"), ("loss", "delay")  # their words are not servers
GAP_MIN_US = 1_000  # shorter times between two actions are not shortened further


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A shrunk scenario that breaks a rule.

    Attributes:
        scenario: The scenario; it ends with the event that breaks the rule.
        trial: The result of its run.
        before: The scenario that was shrunk.
        tries: The number of runs that shrinking took.
        node_class: The Node class, if it is not a step's.
    """

    scenario: Scenario
    trial: Trial
    before: Scenario
    tries: int
    node_class: type | None = None

    def __str__(self) -> str:
        """Format what breaks, how much of the scenario is left, and the line that replays it."""
        scenario, before = self.scenario, self.before
        return (
            f"{self.trial.broken}: {self.trial.text}\n"
            f"{len(scenario.servers)} of {len(before.servers)} servers, {len(scenario.actions)} of "
            f"{len(before.actions)} actions, {self.trial.time_us / MICROSECONDS:.3f} s are enough (after {self.tries} runs).\n"
            f"{scenario.to_text()}"
        )

    @property
    def trace(self) -> Trace:
        """The trace of the run; ``Cluster.replay(shrunk.scenario)`` builds a cluster in its state.

        Raises:
            NodeError: The failure is that of a Node.
        """
        title = "" if self.node_class is None else title_of_class(self.node_class)
        simulation = watched_run.begin(self.scenario, self.node_class, title)
        simulation.run_until(self.scenario.end_us)
        trace = simulation.written_trace
        trace.scenario = self.scenario.to_text()
        return trace

    def timeline(self, **options: Any) -> Picture:
        """Draw the run and mark the event that breaks the rule; the options are those of `timeline`."""
        from raft_steps.lab.pictures.space_time import timeline

        trace = self.trace
        last = max((event.number for event in trace if event.time_us <= self.trial.time_us), default=None)
        return timeline(trace, **{"mark": last, "mark_text": self.trial.broken, **options})


class _ScenarioShrinker:
    """The smallest scenario so far that breaks the rule, and the attempts to shrink it further."""

    def __init__(
        self, scenario: Scenario, rules: Iterable[Rule], node_class: type | None, reference: int | None = None
    ) -> None:
        self.rules, self.node_class, self.tries, self.events = tuple(rules), node_class, 0, 0
        self.tries_max, self.events_max = TRIES_MAX, EVENTS_MAX
        self.reference, self.before = reference, scenario
        self.scenario = scenario
        self.trial = self._try(scenario)

    def result(self) -> Shrunk:
        """Return the smallest scenario so far."""
        return Shrunk(self.scenario, self.trial, self.before, self.tries, self.node_class)

    def _try(self, scenario: Scenario) -> Trial:
        if SERVICE in self.rules:
            trial = try_with_reference(scenario, self.rules, self.node_class, self.reference)
        else:  # The reference runs only if the scenario is otherwise worth keeping.
            trial = try_scenario(scenario, self.rules, self.node_class)
        self.tries += 1
        self.events += trial.events + (EVENTS_OF_HANG if trial.broken == NODE_FAILED and NOT_BACK in trial.text else 0)
        return trial

    def keep_if_smaller(self, scenario: Scenario) -> bool:
        """Try a scenario, keep it if it is smaller and breaks the same rule, and return whether it was kept."""
        if self.tries >= self.tries_max or self.events >= self.events_max:
            return False
        trial = self._try(scenario)
        smaller = _without_the_rest(scenario, trial.time_us)
        if trial.broken != self.trial.broken or size_of(smaller) >= size_of(self.scenario):
            return False
        if self.reference is not None and excuses(smaller, trial.broken, self.reference):
            return False
        self.scenario, self.trial = smaller, trial
        return True

    def shrink(self) -> None:
        """Leave parts out until no part can be left out any more."""
        self.scenario = _without_the_rest(self.scenario, self.trial.time_us)
        size = None
        while size != (size := size_of(self.scenario)):
            self._fewer_actions()
            for variants in (_without_servers, _without_faults, _with_fewer_words, _sooner, _with_other_seeds):
                self._try_all(variants)

    def _try_all(self, variants: Callable[[Scenario], Iterator[Scenario]]) -> None:
        """Try the variants of the scenario, and start again with those of each that is kept."""
        while any(self.keep_if_smaller(variant) for variant in variants(self.scenario)):
            pass

    def _fewer_actions(self) -> None:
        """Leave actions out: at first many at once, then fewer, then one at a time."""
        width = max(1, len(self.scenario.actions) // 2)
        while True:
            place = 0
            while place < len(self.scenario.actions):
                actions = self.scenario.actions
                if not self.keep_if_smaller(
                    dataclasses.replace(self.scenario, actions=actions[:place] + actions[place + width :])
                ):
                    place += width
            if width == 1:
                return
            width = max(1, width // 2)


def shrink(
    scenario: Scenario,
    node_class: type | None = None,
    *,
    rules: Iterable[Rule] = RULES,
    broken: str | None = None,
    reference: int | None = None,
) -> Shrunk:
    """Shrink a scenario that breaks a rule to a small one that breaks the same rule.

    Args:
        scenario: A scenario that breaks a rule, or fails in another way.
        node_class: The Node class; that of the scenario's step by default.
        rules: The rules to check.
        broken: The name of the rule to break; by default the one that breaks first.
        reference: The step of the course's Node, which must keep the rule in the small scenario; None if it need not.

    Raises:
        ScenarioError: The scenario does not break any of the rules, or not this one.
    """
    wanted = [rule for rule in rules if broken is None or rule.name == broken]
    shrinker = _ScenarioShrinker(scenario, wanted, node_class, reference)
    if not shrinker.trial.broken or (broken is not None and shrinker.trial.broken != broken):
        raise ScenarioError(f"there is nothing to shrink: this scenario does not break {broken or 'any rule'}")
    shrinker.shrink()
    return shrinker.result()


def shrink_smallest(
    failures: Sequence[tuple[Scenario, Sequence[Rule]]], node_class: type | None = None, reference: int | None = None
) -> Shrunk:
    """Shrink the earliest failures within limits of tries and events, and the smallest of them as far as it gets.

    Args:
        failures: The scenarios with the rules that may break in them, the earliest failure first.
        node_class: The Node class; that of the scenarios' step by default.
        reference: The step of the course's Node, which must keep the rule in the small scenario; None if it need not.
    """
    tried: list[_ScenarioShrinker] = []
    for scenario, rules in failures[:CANDIDATES_MAX]:
        shrinker = _ScenarioShrinker(scenario, rules, node_class, reference)
        shrinker.tries_max, shrinker.events_max = CANDIDATE_TRIES_MAX, CANDIDATE_EVENTS_MAX
        shrinker.shrink()
        tried.append(shrinker)
        if len(shrinker.scenario.actions) <= READABLE:
            break
    best = min(tried, key=lambda shrinker: size_of(shrinker.scenario))
    best.tries_max, best.events_max = TRIES_MAX, EVENTS_MAX
    best.shrink()
    return best.result()


def _without_the_rest(scenario: Scenario, last_us: int) -> Scenario:
    """Leave out what comes after the event that broke the rule."""
    return scenario.ending_at(last_us + 1)


def size_of(scenario: Scenario) -> tuple[int, int, int, int, int]:
    """Return the size of a scenario, the most important part first; every kept scenario is smaller, so shrinking ends."""
    words = sum(len(action.words) for action in scenario.actions)
    absent = sum(getattr(scenario, name) == value for name, value in NO_FAULTS.items())
    return len(scenario.actions), words, len(scenario.servers), -absent, scenario.until_us or 0


def _without_servers(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out two servers, or one, with the actions on them alone."""
    names = scenario.servers
    pairs = [(one, other) for place, one in enumerate(names) for other in names[place + 1 :]]
    for gone in (*pairs, *((name,) for name in names)):
        left = tuple(name for name in names if name not in gone)
        if left and scenario.leader not in gone and not set(scenario.first_members) <= set(gone):
            found = (_without(action, gone) for action in scenario.actions)
            yield dataclasses.replace(
                scenario,
                servers=left,
                later=tuple(name for name in scenario.later if name in left),
                members=tuple(name for name in scenario.members if name in left),
                logs={name: entries for name, entries in scenario.logs.items() if name in left},
                clocks={name: rate for name, rate in scenario.clocks.items() if name in left},
                draws={name: values for name, values in scenario.draws.items() if name in left},
                actions=tuple(action for action in found if action is not None),
            )


def _without(action: Action, gone: tuple[str, ...]) -> Action | None:
    """Leave servers out of an action; return None if nothing is left of it."""
    if action.verb in NETWORK_VERBS:
        return action
    if action.verb in LINK_VERBS:
        ends = action.words[0].partition("#")[0].split(">")
        return None if set(ends) & set(gone) else action
    if action.verb == "retry":  # Another request follows, which may name servers, too.
        request = _without(dataclasses.replace(action, verb=action.words[0], words=action.words[1:]), gone)
        return request and dataclasses.replace(request, verb="retry", words=(request.verb, *request.words))
    if action.verb in ("members", "add", "remove"):
        voters = ",".join(name for name in action.words[0].split(",") if name not in gone)
        if not voters or set(action.words[2:]) & set(gone):
            return None
        return dataclasses.replace(action, words=(voters, *action.words[1:]))
    if action.verb in REQUESTS:
        return None if len(action.words) > 2 and action.words[-2] == "to" and action.words[-1] in gone else action
    words = tuple(word for word in action.words if word not in gone)
    if action.verb != "heal" and not any(word != "|" for word in words):
        return None
    return dataclasses.replace(action, words=words)


def _without_faults(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out the faults of network and clocks, one kind at a time."""
    for name, value in NO_FAULTS.items():
        if getattr(scenario, name) != value:
            yield dataclasses.replace(scenario, **{name: value})


def _with_fewer_words(scenario: Scenario) -> Iterator[Scenario]:
    """Leave a server, or the border between two sides of a partition, out of one action."""
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
    """Halve the time before an action; those after it move with it."""
    before_us = 0
    for place, action in enumerate(scenario.actions):
        saved_us = (action.at_us - before_us) // 2
        if saved_us > GAP_MIN_US:
            moved = tuple(dataclasses.replace(each, at_us=each.at_us - saved_us) for each in scenario.actions[place:])
            yield dataclasses.replace(scenario, actions=scenario.actions[:place] + moved)
        before_us = action.at_us


def _with_other_seeds(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out servers, faults of the network or actions, and change the seed."""
    variants = (
        *_with_far_fewer_actions(scenario),
        *_without_servers(scenario),
        *_without_faults(scenario),
        *_without_an_action(scenario),
    )
    for seed in range(SEEDS_IF_LONG if len(scenario.actions) > READABLE else SEEDS):
        for variant in variants:
            yield dataclasses.replace(variant, seed=seed)


def _with_far_fewer_actions(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out all actions, all of a kind, one half, every second one, or every second request."""
    actions = scenario.actions
    half = len(actions) // 2
    selections = [
        (),
        tuple(action for action in actions if action.verb in REQUESTS),
        tuple(action for action in actions if action.verb not in REQUESTS),
        actions[half:],
        actions[:half],
    ]
    for first in (0, 1):
        selections.append(actions[first::2])
        number = first
        kept = []
        for action in actions:
            is_request = action.verb in REQUESTS
            number += is_request
            if not is_request or number % 2:
                kept.append(action)
        selections.append(tuple(kept))
    for fewer in dict.fromkeys(selections):
        if len(fewer) < len(actions):
            yield dataclasses.replace(scenario, actions=fewer)


def _without_an_action(scenario: Scenario) -> Iterator[Scenario]:
    """Leave out one action, if there are few."""
    actions = scenario.actions
    if len(actions) <= FEW_ACTIONS:
        for place in range(len(actions)):
            yield dataclasses.replace(scenario, actions=actions[:place] + actions[place + 1 :])
