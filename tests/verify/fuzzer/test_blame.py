"""What a sweep finds, and whom it blames: real bugs, with stored seeds, and no Node where the course's Node fails, too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

import pytest

from raft_steps import step_09_one_vote_per_term as step_09
from raft_steps import step_12_persistence as step_12
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer import Trial, blame, kept_rules, sweep, try_scenario
from raft_steps.lab.verify.fuzzer.blame import compare_service, excuses, try_with_reference
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.properties import ALL_RULES, Rule, kept_by, reads
from tests.checks.wrong_nodes import safety_bugs

SECOND = 1_000_000
OF_STEP_12 = 13  # the step of a class that is derived from step 12

# A profile and its first seed that finds the bug, and the rule that breaks. ``try_with_reference`` with the rules that
# step 12 keeps in this profile found them; each is far below 1,000.
FOUND: tuple[tuple[type, str, int, str], ...] = (
    (safety_bugs.DeletesWhatFollows, "reelections", 0, "Leader Completeness"),
    (safety_bugs.OldRepliesCount, "reelections", 0, "Leader Completeness"),
    (safety_bugs.OldCallsCount, "reelections", 0, "Leader Append-Only"),
    (safety_bugs.MatchIsKept, "reelections", 0, "Leader Completeness"),
    (safety_bugs.RefusedCallsAreStored, "reelections", 0, "Leader Append-Only"),
    (safety_bugs.OldVotesCount, "slow", 12, "Election Safety"),
    (safety_bugs.OlderTermsCount, "reelections", 125, "Leader Completeness"),
    (safety_bugs.OwnVoteIsEnough, "calm", 3, "Election Safety"),
    (safety_bugs.AppliesTwice, "calm", 0, "Applied Once and in Order"),
    (safety_bugs.AppliesAgainAfterARestart, "crashes", 0, "Applied Once and in Order"),
    (safety_bugs.StateMachineIsLost, "crashes", 0, "Equal State Machines"),
    (safety_bugs.DeposedLeaderForgets, "crashes", 0, "Equal State Machines"),
    (safety_bugs.ThrowsDice, "calm", 0, "Equal State Machines"),
    (safety_bugs.ReadsAtOnce, "crashes", 0, "Linearizable Reads"),
    (safety_bugs.FollowersAnswerReads, "calm", 1, "Linearizable Reads"),
    (safety_bugs.HeartbeatsDoNotCount, "calm", 0, "Service"),
    (safety_bugs.AnswersFew, "calm", 0, "Service"),
)


def rule_named(name: str) -> Rule:
    """Return the rule with this name."""
    return next(rule for rule in ALL_RULES if rule.name == name)


def test_every_bug_is_in_the_table() -> None:
    """Every wrong Node of the module is found with some profile."""
    nodes = [
        each
        for each in vars(safety_bugs).values()
        if isinstance(each, type) and each.__module__ == safety_bugs.__name__
    ]

    assert nodes == [node_class for node_class, _, _, _ in FOUND]


@pytest.mark.parametrize("node_class, profile, seed, rule", FOUND, ids=lambda value: getattr(value, "__name__", ""))
def test_safety_bug_is_found(node_class: type, profile: str, seed: int, rule: str) -> None:
    """A run of a profile finds the bug, and the course's Node of step 12 survives the same run."""
    scenario = adversity(None, profile, seed, node_class=node_class)
    trial = try_with_reference(scenario, kept_by(12, profile), node_class, 12)

    assert rule == trial.broken
    assert () == trial.excused
    assert not try_scenario(dataclasses.replace(scenario, step=12), kept_by(12, profile)).broken


class StateMachineOnDisk(step_12.Node):
    """State machine, last_applied and commit_index are on disk: a restarted server goes on where it was."""

    durable: ClassVar[tuple[str, ...]] = (*step_12.Node.durable, "state_machine", "last_applied", "commit_index")


class NoOpsAreNotApplied(step_12.Node):
    """An entry without a command is not applied."""

    def apply(self, entry: Entry) -> None:
        if entry.command is not None:
            super().apply(entry)


class OtherTimeouts(step_12.Node):
    """Draws its timeouts differently."""

    def draw_election_timeout(self) -> None:
        self.random.random()
        super().draw_election_timeout()


@pytest.mark.parametrize("node_class", [StateMachineOnDisk, NoOpsAreNotApplied, OtherTimeouts])
@pytest.mark.parametrize("profile", ["crashes", "reelections", "hostile"])
def test_right_nodes_that_differ_are_not_blamed(node_class: type, profile: str) -> None:
    """A Node that does the same in another way breaks no rule, and serves as well."""
    report = sweep(node_class, profile, seeds=4, seconds=20)

    assert [] == [(trial.seed, trial.broken, trial.text) for trial in report.failed]
    assert OF_STEP_12 == report.reference


# The reference.


class Step9(step_09.Node):
    """The Node of step 9, as a learner might write it."""


def test_node_is_not_blamed_for_what_its_step_breaks() -> None:
    """The Node is excused where the course's Node of the step breaks the same rule; other rules are still checked."""
    completeness = rule_named("Leader Completeness")
    scenario = next(
        found
        for seed in range(20)
        if try_scenario(found := adversity(9, "partitions", seed, seconds=15), [completeness]).broken
    )
    blamed = try_with_reference(scenario, [completeness], Step9, None)
    excused = try_with_reference(scenario, [completeness], Step9, 9)

    assert ("Leader Completeness", ()) == (blamed.broken, blamed.excused)
    assert ("", ("Leader Completeness",)) == (excused.broken, excused.excused)
    assert excuses(scenario, "Leader Completeness", 9)
    assert not excuses(scenario, "Leader Completeness", 12)
    assert not excuses(scenario, "Node Failed", 9)


def test_report_shows_what_was_excused() -> None:
    """The report has a sentence about excused seeds, and they count as survived."""
    report = sweep(
        Step9, "partitions", seeds=5, seconds=15, rules=[rule_named("Leader Completeness")], reference=9
    )  # fmt: skip

    assert 1.0 == report.survived
    assert "the Node of step 9 breaks a rule, too: Leader Completeness." in str(report)
    assert report.as_data()["excused"]
    assert 9 == report.as_data()["reference"]


def test_small_failure_is_one_that_the_reference_survives() -> None:
    """While a failure is shrunk, only scenarios count in which the course's Node keeps the rule."""
    report = sweep(safety_bugs.DeposedLeaderForgets, "crashes", seeds=4, seconds=10)
    small = report.smallest
    assert small is not None

    assert "Equal State Machines" == small.trial.broken
    assert not excuses(small.scenario, small.trial.broken, 12)
    assert len(small.scenario.actions) <= 6


# Service.


def trial(elections: int, answered: int, wait_s: float) -> Trial:
    """Return the result of a run that broke nothing."""
    return Trial(
        seed=0,
        broken="",
        text="",
        time_us=30 * SECOND,
        elections=elections,
        faults=0,
        answered=answered,
        events=1,
        longest_wait_us=round(wait_s * SECOND),
    )


@pytest.mark.parametrize(
    "elections, answered, wait_s, words",
    [
        (10, 60, 1.5, ""),
        (30, 40, 4.0, ""),
        (82, 60, 1.5, "There were 82 elections, and 10"),
        (10, 5, 1.5, "5 requests were answered, and 60"),
        (10, 60, 29.0, "No request was answered for 29.0 s, and for 1.5 s"),
    ],
)
def test_service_is_compared(elections: int, answered: int, wait_s: float, words: str) -> None:
    """Many times the elections, far fewer answers, or a far longer wait is worse; a little of each is not."""
    assert words == compare_service(trial(elections, answered, wait_s), trial(10, 60, 1.5))


class DrawsFromANarrowRange(step_12.Node):
    """Draws timeouts that are nearly equal: with slow messages, many votes are split, and still nothing is wrong."""

    def draw_election_timeout(self) -> None:
        """Draw from a tenth of the usual range."""
        self.election_timeout = self.random.between(0.15, 0.18)


@pytest.mark.parametrize("seed", [0, 10, 26])
def test_right_node_with_other_timeouts_survives(seed: int) -> None:
    """A range of timeouts that is only narrower is not a worse service."""
    scenario = adversity(12, "slow", seed, node_class=DrawsFromANarrowRange)

    assert try_with_reference(scenario, [rule_named("Service")], DrawsFromANarrowRange, 12).survived


def test_node_with_many_elections_does_not_survive() -> None:
    """A Node with many times the elections breaks the rule about service, and the failure is shrunk."""
    report = sweep(safety_bugs.HeartbeatsDoNotCount, "calm", seeds=3)
    small = report.smallest
    assert small is not None

    assert 3 == len(report.failed) == len(report.broken()["Service"])
    assert "Service" == small.trial.broken
    assert f"for the Node of step {OF_STEP_12}" in str(small)
    assert not small.scenario.actions


def test_seed_that_cannot_be_judged_has_not_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the search for an order of the reads runs out of steps, the report states it, and does not count the seed."""
    monkeypatch.setattr(reads, "STEPS_MAX", 1)
    report = sweep(12, "partitions", range(6, 8), seconds=8, rules=[rule_named("Linearizable Reads")], workers=1)

    assert ([], [7], 0.5) == (report.failed, [trial.seed for trial in report.unjudged], report.survived)
    assert "1 survived (50.0%), 1 could not be judged" in str(report)
    assert "Could not be judged: 1 seed (7). At seed 7, whether reads of 'k3' are linearizable" in str(report)
    assert "could not be judged" in report._repr_html_()
    assert (1, ["7"]) == (report.as_data()["survived"], list(report.as_data()["unjudged"]))


def test_node_is_not_blamed_where_the_course_s_node_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may break the rule there, too: the run could not be judged."""
    rule = rule_named("Linearizable Reads")
    node_class, profile, seed, _ = next(row for row in FOUND if row[3] == rule.name)
    scenario = adversity(12, profile, seed, seconds=30, node_class=node_class)
    assert rule.name == try_with_reference(scenario, [rule], node_class, 12).broken

    def unjudged(scenario: Scenario, rules: Iterable[Rule], node_class: type | None = None) -> Trial:
        trial = try_scenario(scenario, rules, node_class)
        return trial if node_class is not None else dataclasses.replace(trial, unjudged="the reads took too long")

    monkeypatch.setattr(blame, "try_scenario", unjudged)
    trial = try_with_reference(scenario, [rule], node_class, 12)

    assert (False, "") == (trial.survived, trial.broken)
    assert "Linearizable Reads is broken, but for the Node of step 12 the reads took too long" == trial.unjudged
    assert excuses(scenario, rule.name, 12)


def test_what_steps_keep_is_not_measured_where_it_cannot_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement ends with the seed, instead of counting it as one that keeps the rule."""
    monkeypatch.setattr(reads, "STEPS_MAX", 1)
    with pytest.raises(ScenarioError, match="step 12, partitions, seed 7: whether reads of"):
        kept_rules._measure((12, "partitions", 7, 1))
