"""Whom to blame for a broken rule: a Node, only if the course's Node of its step keeps the rule in the same scenario.

A step that kept a rule in thousands of runs may break it in another one. So before a Node is blamed, the course's Node,
the reference, runs the same scenario. It also shows what service is possible there: how many answers, how long without
any, and how many elections.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from raft_steps import STEPS
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.trial import NODE_FAILED, STORM, Trial, try_scenario
from raft_steps.lab.verify.properties.rules import ALL_RULES, SERVICE, Rule

# A Node serves worse if it has more than so many times the elections of the reference and some more, fewer than such a
# share of its answers, or so many times its longest wait and some seconds more. Other timeouts alone change these
# figures, too. Measured with 28 seeds of each profile, for step 12 with timeouts of 0.15 to 0.18 s, 0.15 to 0.6 s and 0.3 to
# 0.6 s: up to three times the elections and 8 more (the first, with slow messages), at least 88% of the answers, less 4,
# and never four times the longest wait. Timeouts from 0.1 s on are beyond the first limit where messages are slow.
ELECTIONS_FACTOR, ELECTIONS_EXTRA = 3, 12
ANSWERS_SHARE, ANSWERS_EXTRA = 0.4, 4
WAIT_FACTOR, WAIT_EXTRA_S = 4.0, 5.0


def is_available(step: int) -> bool:
    """Return whether this edition of the course has the Node of a step."""
    return any(entry.number == step for entry in STEPS)


def excuses(scenario: Scenario, broken: str, reference: int) -> bool:
    """Return whether the course's Node breaks a rule in a scenario, too, or might: it could not be judged there.

    Args:
        scenario: The scenario.
        broken: The name of the rule, "Node Failed" or "Event Storm".
        reference: The step of the course's Node.
    """
    found = _try_reference(scenario, broken, reference)
    return found is not None and (found.broken == broken or bool(found.unjudged))


def _try_reference(scenario: Scenario, broken: str, reference: int) -> Trial | None:
    """Run the course's Node with one rule; return None if what broke is not a rule that it could break."""
    rules = [rule for rule in ALL_RULES if rule.name == broken]
    if not rules and broken not in (NODE_FAILED, STORM):
        return None
    return try_scenario(_with_step(scenario, reference), rules)


def try_with_reference(
    scenario: Scenario, rules: Iterable[Rule], node_class: type | None, reference: int | None
) -> Trial:
    """Run a scenario, and blame the Node for what breaks only if the course's Node keeps it in the same scenario.

    Args:
        scenario: The scenario.
        rules: The rules to check.
        node_class: The Node class; that of the scenario's step by default.
        reference: The step of the course's Node; None to blame the Node for every broken rule.

    Returns:
        The result, with the names of the rules that the course's Node breaks there, too, in `excused`.
    """
    rules = list(rules)
    trial = try_scenario(scenario, rules, node_class)
    if reference is None:
        return trial
    excused: tuple[str, ...] = ()
    unjudged: list[str] = []
    while trial.broken and (found := _try_reference(scenario, trial.broken, reference)) is not None:
        if found.broken == trial.broken:
            excused += (trial.broken,)
        elif found.unjudged:
            unjudged.append(f"{trial.broken} is broken, but for the Node of step {reference} {found.unjudged}")
        else:
            break
        left = [rule for rule in rules if rule.name != trial.broken]
        if len(left) == len(rules):  # Both Nodes fail; a failure cannot be left out as a rule can.
            return dataclasses.replace(trial, broken="", text="", excused=excused)
        rules = left
        trial = try_scenario(scenario, rules, node_class)
    unjudged += [trial.unjudged] if trial.unjudged else []
    trial = dataclasses.replace(trial, excused=excused, unjudged="; ".join(unjudged))
    if not trial.broken and SERVICE in rules:
        usual = try_scenario(_with_step(scenario, reference), ())
        trial, worse = dataclasses.replace(trial, expected=usual.answered), compare_service(trial, usual)
        if worse:
            trial = dataclasses.replace(trial, broken=SERVICE.name, text=f"{worse} for the Node of step {reference}.")
    return trial


def compare_service(trial: Trial, reference: Trial) -> str:
    """Describe in what a run served worse than that of the course's Node; "" if it did not.

    Args:
        trial: The run.
        reference: The run of the course's Node in the same scenario.
    """
    if trial.elections > ELECTIONS_FACTOR * reference.elections + ELECTIONS_EXTRA:
        return f"There were {trial.elections} elections, and {reference.elections}"
    if answers_too_few(trial.answered, reference.answered):
        return f"{trial.answered} requests were answered, and {reference.answered}"
    wait_s, usual_s = trial.longest_wait_us / MICROSECONDS, reference.longest_wait_us / MICROSECONDS
    if wait_s > WAIT_FACTOR * usual_s + WAIT_EXTRA_S:
        return f"No request was answered for {wait_s:.1f} s, and for {usual_s:.1f} s"
    return ""


def answers_too_few(answered: int, expected: int) -> bool:
    """Return whether so many answers, in one run or in several together, are clearly fewer than those of the course's Node."""
    return answered + ANSWERS_EXTRA < ANSWERS_SHARE * expected


def _with_step(scenario: Scenario, step: int) -> Scenario:
    return dataclasses.replace(scenario, step=step)
