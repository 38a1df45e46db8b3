"""Sweeps: the same trials with any number of workers, a report in three forms, and the first failure shrunk."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from raft_steps import STEPS
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer import Shrunk, Trial, shrink, sweep, try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.fuzzer.shrink import _with_fewer_words, _without, _without_servers
from raft_steps.lab.verify.properties import RULES, Properties, PropertyBroken, Rule, kept_by
from tests.checks.wrong_nodes.mistakes import EndlessLoop, Exceptional, Storm
from tests.checks.wrong_nodes.properties import AnswersAtOnce, VoteIsNotOnDisk
from tests.helpers.raft_fixture import RaftNode

TESTS = Path(__file__).parents[2]
FIXTURE = f"{TESTS / 'helpers' / 'raft_fixture.py'}:RaftNode"
MUTANT = f"{TESTS / 'checks' / 'wrong_nodes' / 'properties.py'}:VoteIsNotOnDisk"
FEW = 10  # actions of a failure that is still easy to read
SECOND = 1_000_000


def rule_named(name: str) -> Rule:
    """Return the rule with this name."""
    return next(rule for rule in RULES if rule.name == name)


# One trial.


def test_trial_counts_what_happened() -> None:
    """A trial that survives counts the elections, faults, answers and events until the end."""
    scenario = adversity(None, "crashes", 1, node_class=RaftNode, seconds=5)
    trial = try_scenario(scenario, RULES, RaftNode)
    simulation = Simulation(scenario, RaftNode)
    simulation.run_until(5 * SECOND)
    assert simulation.trace is not None

    assert ("", "", 1, 5 * SECOND) == (trial.broken, trial.text, trial.seed, trial.time_us)
    assert sum(action.verb in ("crash", "pause", "timeout") for action in scenario.actions) == trial.faults > 0
    assert sum(type(answer).__name__ == "Ok" for answer in simulation.responses.values()) == trial.answered > 0
    assert simulation.event_count == trial.events
    assert trial.elections >= 1


def test_trial_ends_with_the_rule_that_breaks() -> None:
    """A trial ends at the first event that breaks a rule, and faults that come later do not count."""
    scenario = adversity(None, "crashes", 0, node_class=VoteIsNotOnDisk)
    trial = try_scenario(scenario, RULES, VoteIsNotOnDisk)

    assert "Promises Outlive Crashes" == trial.broken
    assert "before its crash" in trial.text
    assert 0 < trial.time_us < 30 * SECOND
    assert trial.faults < sum(action.verb in ("crash", "pause") for action in scenario.actions)


def test_trial_of_a_node_that_fails() -> None:
    """A handler that raises is a failure called "Node Failed", with the error's text."""
    trial = try_scenario(adversity(None, "calm", 0, node_class=Exceptional, seconds=5), RULES, Exceptional)

    assert "Node Failed" == trial.broken
    assert "ZeroDivisionError" in trial.text
    assert 0 < trial.time_us < 5 * SECOND


def test_trial_of_a_node_that_cannot_start() -> None:
    """A Node that fails in on_start fails at 0 s."""

    def on_start(self: Any) -> None:
        raise ValueError("not today")

    broken = type("Node", (RaftNode,), {"on_start": on_start})
    trial = try_scenario(Scenario(servers=("tom",), until_us=SECOND), RULES, broken)

    assert ("Node Failed", 0, 0, 0) == (trial.broken, trial.time_us, trial.answered, trial.events)


def test_trial_of_a_storm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with more events than its budget is a storm."""
    monkeypatch.setattr("raft_steps.lab.runtime.simulator.simulation.EVENT_BUDGET", 5_000)
    trial = try_scenario(Scenario(servers=("tom",), until_us=SECOND), (), Storm)

    assert "Event Storm" == trial.broken
    assert "a storm" in trial.text


def test_trial_without_an_end_ends_with_its_last_action() -> None:
    """A scenario without an end runs until its last action has happened."""
    scenario = Scenario.parse("raft-steps 1; servers tom; timing paper; at 1 set x 1; at 2 set x 2")
    trial = try_scenario(scenario, RULES, RaftNode)

    assert (2, 2 * SECOND + 1) == (trial.answered, trial.time_us)


# Many trials.


def test_two_workers_find_what_one_finds() -> None:
    """The trials are the same, in the order of the seeds, in one process and in two; each chunk reports progress."""
    reported: list[tuple[int, int]] = []
    options: dict[str, Any] = {"seeds": range(5, 65), "seconds": 2, "smallest": False, "rules": RULES}
    one = sweep(8, "hostile", **options, workers=1)
    two = sweep(8, "hostile", **options, workers=2, progress=lambda done, count: reported.append((done, count)))

    assert one.trials == two.trials
    assert list(range(5, 65)) == [trial.seed for trial in two.trials]
    assert [(20, 60), (40, 60), (60, 60)] == reported
    assert two.failed, "without failures the comparison proves little"


def test_a_class_and_its_file_give_the_same_trials() -> None:
    """A Node class can be passed as an object or by its file, and run in this process or in another."""
    options: dict[str, Any] = {"seeds": 24, "seconds": 2, "smallest": False, "rules": RULES}
    by_class = sweep(RaftNode, "hostile", **options)
    by_file = sweep(FIXTURE, "hostile", **options, workers=2)

    assert by_class.trials == by_file.trials
    assert not by_class.failed
    assert tuple(rule.name for rule in RULES) == by_class.rules == by_file.rules
    assert None is by_class.reference is by_file.reference


def test_a_class_of_its_own_is_checked_against_the_last_step() -> None:
    """By default, a class that is derived from no step is compared with the last one, with the rules that this keeps."""
    report = sweep(RaftNode, "calm", seeds=2, seconds=2)

    assert tuple(rule.name for rule in kept_by(STEPS[-1].number, "calm")) == report.rules
    assert (STEPS[-1].number, []) == (report.reference, report.failed)


def test_a_step_is_checked_against_the_rules_it_keeps() -> None:
    """By default, a step's sweep checks the rules that the step is expected to keep."""
    report = sweep(8, "hostile", seeds=20, seconds=3, workers=1)

    assert tuple(rule.name for rule in kept_by(8, "hostile")) == report.rules
    assert report.reference is None
    assert (1.0, [], None) == (report.survived, report.failed, report.smallest)


def test_wrong_arguments_are_refused() -> None:
    """No seeds, no servers, no time, an unknown profile or step: each is refused."""
    wrong: list[dict[str, Any]] = [
        {"seeds": 0},
        {"servers": 0},
        {"seconds": 0},
        {"seconds": float("nan")},
        {"seeds": []},
    ]
    for options in wrong:
        with pytest.raises(ScenarioError, match="at least one seed, one server and some time"):
            sweep(8, "calm", **options)
    with pytest.raises(ScenarioError, match=r"no profile 'hostille'; did you mean 'hostile'\?"):
        sweep(8, "hostille")
    with pytest.raises(LookupError):
        sweep(99)


# Reports.


@pytest.fixture(scope="module")
def report() -> Any:
    """Sweep a wrong Node."""
    return sweep(MUTANT, "crashes", seeds=12, seconds=4, servers=3, workers=1)


def test_report_says_what_broke(report: Any) -> None:
    """The report has the share that survived, each rule that broke first with its seeds, and the smallest failure."""
    text = str(report)
    seeds = report.broken()["Promises Outlive Crashes"]

    assert ["Promises Outlive Crashes"] == list(report.broken())
    assert [trial.seed for trial in report.failed] == seeds
    assert f"{12 - len(seeds)} survived ({1 - len(seeds) / 12:.1%})" in text
    assert f"Promises Outlive Crashes: {', '.join(map(str, seeds[:8]))}" in text
    assert report.smallest.scenario.to_text() in text
    assert repr(report) == text


def test_report_as_json(report: Any) -> None:
    """The JSON holds the same, and its scenario can be parsed."""
    data = json.loads(json.dumps(report.as_data()))
    smallest = Scenario.parse(data["smallest"]["scenario"])

    assert (None, "crashes", 3, 4, 12) == tuple(
        data[name] for name in ("step", "profile", "servers", "seconds", "seeds")
    )
    assert 12 == data["survived"] + sum(map(len, data["broken"].values()))
    assert sum(trial.events for trial in report.trials) == data["events"]
    assert "Promises Outlive Crashes" == data["smallest"]["rule"]
    assert smallest == report.smallest.scenario


def test_report_as_html(report: Any) -> None:
    """A notebook shows a table, in which a Node's text is escaped."""
    html = report._repr_html_()
    odd = Trial(
        seed=3, broken="<b>", text="<script>", time_us=0, elections=0, faults=0, answered=0, events=0
    )  # fmt: skip
    trials, report.trials = report.trials, [odd]
    try:
        escaped = report._repr_html_()
    finally:
        report.trials = trials

    assert "<td>Promises Outlive Crashes</td>" in html
    assert "After a crash a server contradicts" in html
    assert "<td>&lt;b&gt;</td>" in escaped
    assert "<td><b>" not in escaped


def test_report_of_quiet_seeds() -> None:
    """The report lists seeds with fewer elections or faults than the profile promises, unless something broke."""
    report = sweep(RaftNode, "crashes", seeds=3, seconds=30, smallest=False, rules=RULES)
    assert [] == report.quiet

    report.trials = [
        Trial(
            seed=trial.seed,
            broken="" if trial.seed else "Election Safety",
            text="",
            time_us=0,
            elections=trial.elections if trial.seed == 1 else 0,
            faults=trial.faults,
            answered=0,
            events=0,
        )
        for trial in report.trials
    ]
    assert [2] == report.quiet
    assert re.search(r"1 seed had fewer .*: 2\.", str(report))


# The smallest failure.


@pytest.fixture(scope="module")
def failures() -> list[tuple[Rule, Scenario, Shrunk]]:
    """Shrink failures of step 8, one rule at a time."""
    found = []
    for seed in range(6):
        for rule in RULES:
            scenario = adversity(8, "hostile", seed, seconds=10)
            if try_scenario(scenario, [rule]).broken:
                found.append((rule, scenario, shrink(scenario, rules=[rule])))
    return found


def test_failures_become_small(failures: list[tuple[Rule, Scenario, Shrunk]]) -> None:
    """Typical failures shrink to ten actions or fewer, and to fewer servers and less time."""
    counts = [len(shrunk.scenario.actions) for _, _, shrunk in failures]

    assert len(failures) >= 10
    assert len({rule.name for rule, _, _ in failures}) >= 3
    assert median(counts) <= FEW / 2
    assert sum(count <= FEW for count in counts) >= 0.8 * len(counts)
    for _, scenario, shrunk in failures:
        assert len(shrunk.scenario.servers) <= len(scenario.servers)
        assert len(shrunk.scenario.actions) <= len(scenario.actions)
        assert shrunk.before == scenario


def test_small_failure_breaks_the_same_rule(failures: list[tuple[Rule, Scenario, Shrunk]]) -> None:
    """The small scenario, parsed from its text, breaks the same rule at the same event, with and without a trace."""
    for rule, _, shrunk in failures:
        for record in (False, True):
            simulation = Simulation(
                Scenario.parse(shrunk.scenario.to_text()), record=record, monitor=Properties(stop_at=[rule])
            )
            with pytest.raises(PropertyBroken) as broken:
                simulation.run_until(shrunk.scenario.until_us or 0)
            assert rule.name == broken.value.violation.rule.name == shrunk.trial.broken
            assert shrunk.trial.text == broken.value.violation.text
            assert shrunk.trial.time_us == broken.value.violation.time_us == (shrunk.scenario.until_us or 0) - 1


def test_nothing_more_can_be_left_out(failures: list[tuple[Rule, Scenario, Shrunk]]) -> None:
    """No single action of a small scenario can be left out."""
    for rule, _, shrunk in failures:
        actions = shrunk.scenario.actions
        for place in range(len(actions)):
            parts = {"actions": actions[:place] + actions[place + 1 :]}
            fewer = Scenario(**{name: getattr(shrunk.scenario, name) for name in Scenario.__dataclass_fields__} | parts)
            assert not try_scenario(fewer, [rule]).broken


def test_shrinking_is_deterministic() -> None:
    """The same failure shrinks to the same scenario in the same number of runs."""
    scenario = adversity(None, "partitions", 0, servers=3, seconds=4, node_class=AnswersAtOnce)
    one, other = (shrink(scenario, AnswersAtOnce) for _ in range(2))

    assert one == other
    assert "Acknowledged Writes Last" == one.trial.broken
    assert len(one.scenario.actions) <= 3


def test_shrinking_keeps_to_the_rule_that_was_asked_for() -> None:
    """If several rules break, `broken` chooses the one that must still break."""
    scenario = adversity(8, "hostile", 1)
    first = shrink(scenario, rules=[rule_named("One Vote per Term"), rule_named("Promises Outlive Crashes")])
    meant = shrink(scenario, broken="One Vote per Term")

    assert "Promises Outlive Crashes" == first.trial.broken
    assert "One Vote per Term" == meant.trial.broken


def test_actions_on_messages_and_network_are_left_out_too() -> None:
    """A scenario with messages held and duplicated, and a network that changes, shrinks like any other."""
    script = (
        "at 0.05 hold tom>jerry#1 0.5; at 0.06 duplicate tyke>butch#1; at 0.1 loss 0.2; at 0.1 delay 0.001 0.02; "
        "at 0.3 hold jerry>spike#2 1; at 0.4 duplicate spike>tom#1; at 0.5 loss 0; at 0.6 cut tom>jerry; until 4"
    )
    scenario = Scenario.parse(
        f"raft-steps 1; step 8; servers tom jerry spike tyke butch; timing paper; seed 2; {script}"
    )
    shrunk = shrink(scenario, broken="One Vote per Term")

    assert "One Vote per Term" == shrunk.trial.broken
    assert ("tyke", "butch") == shrunk.scenario.servers
    assert ["loss"] == [action.verb for action in shrunk.scenario.actions]


def test_server_is_left_out_of_every_action() -> None:
    """What is about a server's link goes with it; other actions lose its name, and a side that is empty is nothing."""
    scenario = Scenario.parse(
        "raft-steps 1; servers tom jerry spike; at 1 hold tom>spike#1 2; at 1 hold tom>jerry#1 2; "
        "at 2 partition tom | jerry spike; at 3 set x 1 to spike; at 4 crash spike"
    )
    left = [
        action and " ".join((action.verb, *action.words))
        for action in (_without(a, ("spike",)) for a in scenario.actions)
    ]
    fewer = {each.actions[2].words for each in _with_fewer_words(scenario)}

    assert [None, "hold tom>jerry#1 2", "partition tom | jerry", None, None] == left
    assert ("tom", "jerry", "spike") in fewer
    assert ("tom", "|", "jerry") in fewer


def test_server_is_left_out_of_the_members() -> None:
    """It goes from the members, and from those that clients ask for; a request about it alone goes as a whole."""
    scenario = Scenario.parse(
        "raft-steps 1; servers tom jerry spike tyke; members tom jerry; at 1 members tom,tyke to jerry; at 2 add tyke; "
        "at 3 remove jerry to tyke; at 4 retry members jerry,tyke to jerry; at 5 retry set x 1; at 6 retry add tyke"
    )
    found = {each.servers: each for each in _without_servers(scenario)}

    assert ("spike", "tyke") not in found, "without tom and jerry there would be no cluster"
    fewer = found["tom", "jerry", "spike"]
    assert ("tom", "jerry") == fewer.members
    assert ["members tom to jerry", "retry members jerry to jerry", "retry set x 1"] == [
        " ".join((action.verb, *action.words)) for action in fewer.actions
    ]
    assert ("tom",) == found["tom", "spike", "tyke"].members


def test_failure_of_a_node_is_shrunk() -> None:
    """A handler's exception shrinks like any failure."""
    scenario = adversity(None, "hostile", 0, node_class=Exceptional, seconds=4)
    shrunk = shrink(scenario, Exceptional)

    assert "Node Failed" == shrunk.trial.broken
    assert "ZeroDivisionError" in shrunk.trial.text
    assert not shrunk.scenario.actions


@pytest.mark.usefixtures("impatient")
def test_expensive_failures_are_tried_only_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm, or a handler that does not come back, takes long, so only a few smaller scenarios are tried."""
    monkeypatch.setattr("raft_steps.lab.runtime.simulator.simulation.EVENT_BUDGET", 5_000)
    shrinking = sys.modules["raft_steps.lab.verify.fuzzer.shrink"]  # the package has a function of the same name
    monkeypatch.setattr(shrinking, "EVENTS_MAX", 20_000)
    scenario = adversity(None, "hostile", 0, node_class=Storm, seconds=4)
    shrunk = shrink(scenario, Storm)
    assert "Event Storm" == shrunk.trial.broken
    assert shrunk.tries <= 10

    monkeypatch.setattr(shrinking, "EVENTS_OF_HANG", 10_000)
    shrunk = shrink(adversity(None, "hostile", 0, node_class=EndlessLoop, seconds=4), EndlessLoop)
    assert "did not come back" in shrunk.trial.text
    assert shrunk.tries <= 4


def test_earliest_failure_is_shrunk() -> None:
    """Of several failures, the one that comes first in virtual time is shrunk, not the one with the first seed."""
    report = sweep(VoteIsNotOnDisk, "crashes", seeds=[3, 4, 1], seconds=4, servers=3, rules=RULES)
    earliest = min(report.failed, key=lambda trial: trial.time_us)
    small = report.smallest
    assert small is not None

    assert earliest is not report.failed[0], "otherwise this test could not fail"
    assert earliest.seed == small.before.seed
    assert len(small.scenario.actions) <= 3


def test_smallest_of_several_failures_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the earliest failure does not become readable within the limits, the next ones are shrunk, too."""
    shrinking = sys.modules["raft_steps.lab.verify.fuzzer.shrink"]
    scenarios = [
        adversity(None, "crashes", seed, servers=3, seconds=4, node_class=VoteIsNotOnDisk) for seed in (3, 4, 1)
    ]
    monkeypatch.setattr(shrinking, "CANDIDATE_TRIES_MAX", 1)
    monkeypatch.setattr(shrinking, "READABLE", 0)
    small = shrinking.shrink_smallest([(scenario, RULES) for scenario in scenarios], VoteIsNotOnDisk)
    counts = {}
    for scenario in scenarios:
        end_us = try_scenario(scenario, RULES, VoteIsNotOnDisk).time_us
        counts[scenario.seed] = sum(action.at_us <= end_us for action in scenario.actions)

    assert min(counts, key=lambda seed: counts[seed]) == small.before.seed == 1
    assert len(small.scenario.actions) <= 3


def test_nothing_to_shrink() -> None:
    """A scenario that breaks nothing, or not the rule that was asked for, is refused."""
    calm = adversity(8, "calm", 0, seconds=1)

    with pytest.raises(ScenarioError, match="nothing to shrink: this scenario does not break any rule"):
        shrink(calm, rules=kept_by(8))
    with pytest.raises(ScenarioError, match="does not break Election Safety"):
        shrink(calm, broken="Election Safety")


def test_small_failure_can_be_printed_and_drawn() -> None:
    """Its text has the rule, what is left and the line to replay; its picture marks the event that breaks the rule."""
    scenario = adversity(None, "crashes", 0, servers=3, seconds=6, node_class=VoteIsNotOnDisk)
    shrunk = shrink(scenario, VoteIsNotOnDisk)
    text = str(shrunk)

    assert text.startswith("Promises Outlive Crashes: ")
    assert f"{len(shrunk.scenario.servers)} of 3 servers" in text
    assert text.endswith(shrunk.scenario.to_text())
    assert shrunk.trace.of("restarted")
    assert "Promises Outlive Crashes" in shrunk.timeline().svg


def test_every_profile_can_be_swept() -> None:
    """Each profile works with one server and with seven, for a step and for a class."""
    for profile in PROFILES:
        for servers in (1, 7):
            assert not sweep(8, profile, seeds=1, servers=servers, seconds=1, workers=1).failed
            assert not sweep(RaftNode, profile, seeds=1, servers=servers, seconds=1, rules=RULES).failed
