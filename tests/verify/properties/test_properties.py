"""The properties of Raft: each one is reported where it breaks, first of all, and none where it holds."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Delete, Ok, Set
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import RULES, Properties, PropertyBroken, Rule, kept_by
from tests.checks.wrong_nodes.properties import MISTAKES
from tests.checks.wrong_nodes.properties_of_steps import BROKEN_BY_STEPS
from tests.helpers.raft_fixture import RaftNode, RequestVote, RequestVoteReply

SEEDS = 40  # of each profile, for the fixture; 10,000 and more were run by hand
STEP_SEEDS = 12  # of the hostile profile, for each step
TWO_SERVERS = ("Election Safety", "State Machine Safety")  # rules that two servers break together
NUMBERS = [entry.number for entry in STEPS]


def rule_named(name: str) -> Rule:
    """Give a rule by its name."""
    return next(rule for rule in RULES if rule.name == name)


def watched(scenario: Scenario, node_class: type | None = None, **options: Any) -> Properties:
    """Run a scenario to its end, and give what was seen of it."""
    properties = Properties()
    simulation = Simulation(scenario, node_class, monitor=properties, **{"record": False, **options})
    simulation.run_until(scenario.until_us or 0)
    return properties


# Every rule is reported, and first.


def test_every_rule_has_three_wrong_nodes() -> None:
    """No rule goes without at least three Nodes that break it and nothing before it."""
    counts = Counter(rule for _, rule, _ in MISTAKES)

    assert {rule.name for rule in RULES} == set(counts)
    assert min(counts.values()) >= 3
    assert len(MISTAKES) == len({node_class for node_class, _, _ in MISTAKES})


@pytest.mark.parametrize("node_class, rule, line", MISTAKES, ids=lambda value: getattr(value, "__name__", ""))
def test_wrong_node_is_reported_first(node_class: type, rule: str, line: str) -> None:
    """The rule that a Node is meant to break is the first one that is reported, with time, servers and step."""
    scenario = Scenario.parse(line)
    properties = watched(scenario, node_class)
    violation = next(iter(properties.violations.values()))
    text = str(violation)

    assert rule == next(iter(properties.violations)) == violation.rule.name
    assert 0 < violation.time_us < (scenario.until_us or 0)
    assert violation.servers
    assert set(violation.servers) <= set(scenario.servers)
    assert (len(violation.servers) == 2) or rule not in TWO_SERVERS
    assert len(set(violation.servers)) == len(violation.servers)
    assert all(server in violation.text for server in violation.servers if server != violation.servers[0])
    assert violation.servers[0] in violation.text
    assert text.startswith(f"{rule} is broken at ")
    assert f"Step {violation.rule.step} teaches it: {violation.rule.mended_by}." in text
    assert violation.rule.sentence in text


@pytest.mark.parametrize("node_class, rule, line", MISTAKES, ids=lambda value: getattr(value, "__name__", ""))
def test_right_node_keeps_all_rules_there(node_class: type, rule: str, line: str) -> None:
    """What breaks is the Node's mistake: the right Node survives the same scenario."""
    assert {} == watched(Scenario.parse(line), RaftNode).violations


def test_run_stops_at_the_event_that_broke() -> None:
    """With a rule to stop at, the run ends there, before any effect of that event; other rules do not end it."""
    node_class, rule, line = next(row for row in MISTAKES if row[1] == "Acknowledged Writes Last")
    scenario = Scenario.parse(line)
    seen = watched(scenario, node_class).violations[rule]
    simulation = Simulation(scenario, node_class, monitor=Properties(stop_at=[rule_named(rule)]))
    with pytest.raises(PropertyBroken) as broken:
        simulation.run_until(scenario.until_us or 0)

    assert broken.value.violation == seen
    assert str(seen) == str(broken.value)
    assert seen.time_us == simulation.now_us
    others = Simulation(scenario, node_class, monitor=Properties(stop_at=[rule_named("Election Safety")]))
    others.run_until(scenario.until_us or 0)
    assert scenario.until_us == others.now_us


def test_violation_as_json() -> None:
    """As data, a violation names rule, time in seconds, servers, sentence and step."""
    node_class, rule, line = MISTAKES[0]
    violation = next(iter(watched(Scenario.parse(line), node_class).violations.values()))

    assert {
        "rule": rule,
        "seconds": violation.time_us / 1_000_000,
        "servers": list(violation.servers),
        "text": violation.text,
        "step": 12,
    } == violation.as_data()


# No rule is reported where all is well.


@pytest.mark.parametrize("profile", PROFILES)
def test_right_node_keeps_all_rules(profile: str) -> None:
    """A right Node breaks nothing in any adversity, and gets its clients' writes done."""
    trials = [
        try_scenario(adversity(None, profile, seed, node_class=RaftNode, seconds=6), RULES, RaftNode)
        for seed in range(SEEDS)
    ]

    assert [] == [(trial.seed, trial.broken, trial.text) for trial in trials if trial.broken]
    assert sum(trial.answered > 5 for trial in trials) >= SEEDS - 1
    assert all(trial.elections for trial in trials)


def test_watching_changes_nothing() -> None:
    """A run that is watched is the run that is not, event by event."""
    for seed in range(3):
        scenario = adversity(None, "hostile", seed, node_class=RaftNode, seconds=4)
        plain, seen = (
            Simulation(scenario, RaftNode, monitor=monitor) for monitor in (None, Properties())
        )  # fmt: skip
        for simulation in (plain, seen):
            simulation.run_until(scenario.until_us or 0)
        assert plain.trace is not None
        assert seen.trace is not None
        assert plain.trace.to_text() == seen.trace.to_text()


def test_recording_changes_no_verdict() -> None:
    """The same violations are found with a trace and without, at the same events."""
    for seed in range(3):
        scenario = adversity(8, "hostile", seed, seconds=5)
        assert watched(scenario).violations == watched(scenario, record=True).violations


# What each step keeps.


def test_a_step_breaks_nothing_without_a_reason() -> None:
    """Every rule is kept by a step, or there is a sentence that says why not, and a later step that mends it."""
    for step in NUMBERS:
        for rule in RULES:
            reason = rule.reason(step)
            assert (rule in kept_by(step)) == (reason == "")
            assert reason == "" or step < rule.kept_from
    for rule in RULES:
        assert all(first < rule.kept_from for first in rule.why_not)
        assert rule.mended_by
        assert rule.section
        assert rule.reason(rule.kept_from) == ""
    assert RULES == kept_by(12)


@pytest.mark.parametrize("step", NUMBERS[1:])
def test_step_keeps_what_it_should(step: int) -> None:
    """No seed of the hostile profile breaks a rule that the step is expected to keep."""
    trials = [try_scenario(adversity(step, "hostile", seed, seconds=8), kept_by(step)) for seed in range(STEP_SEEDS)]

    assert [] == [(trial.seed, trial.broken, trial.text) for trial in trials if trial.broken]


def test_every_reason_has_its_evidence() -> None:
    """For each rule that a step does not keep there is a scenario in which it does not."""
    claimed = {(step, rule.name) for step in NUMBERS for rule in RULES if rule not in kept_by(step)}

    assert claimed == {(step, rule) for step, rule, _ in BROKEN_BY_STEPS}


@pytest.mark.parametrize("step, rule, line", BROKEN_BY_STEPS)
def test_reason_is_real(step: int, rule: str, line: str) -> None:
    """A rule that a step does not keep is broken in a short scenario."""
    scenario = Scenario.parse(line)

    assert step == scenario.step
    assert rule in watched(scenario).violations


# What a rule is not about.


class Stage:
    """Some servers without a simulation: their nodes are set by hand, and shown to the properties."""

    def __init__(self, *names: str) -> None:
        """Start the servers with empty logs, in term 1."""
        self.properties, self.now_us = Properties(), 0
        self.hosts: dict[str, Any] = {}
        for name in names:
            node = SimpleNamespace(log=Log(), current_term=1, voted_for=None, is_leader=False, commit_index=0)
            node.log.changes.clear()
            self.hosts[name] = SimpleNamespace(name=name, node=node, up=True, disk={})
            self.properties.begins(self.hosts[name])
            self.event(name)

    def event(self, name: str, message: object = None, effects: list[Any] | None = None, **fields: Any) -> None:
        """Let a server handle an event, after which its fields are these, and it has these effects."""
        host = self.hosts[name]
        vars(host.node).update(fields, effects=effects or [])
        changes, host.node.log.changes = host.node.log.changes, []
        self.now_us += 1
        self.properties.handled(host, self.now_us, message, changes or None)

    def append(self, name: str, term: int, command: Any, **fields: Any) -> None:
        """Let a server add an entry."""
        log = self.hosts[name].node.log
        log.append(Entry(index=log.last_index + 1, term=term, command=command))
        self.event(name, **fields)

    def told(self, name: str, client: str, request: Any) -> None:
        """Let a client ask, and a server tell it that it is done."""
        self.properties.asked(client, request)
        self.event(name, effects=[("reply", client, Ok())])

    def broken(self) -> list[str]:
        """Name the rules that broke, in order."""
        return list(self.properties.violations)


def test_one_answer_to_two_candidates_is_two_votes() -> None:
    """A server that says the same granted vote to two servers votes twice; one that calls everybody votes once."""
    stage, granted, call = (
        Stage("tom", "jerry"),
        RequestVoteReply(term=2, vote_granted=True),
        RequestVote(term=2, last_log_index=0, last_log_term=0),
    )
    stage.event("jerry", effects=[("send", "tom", call), ("send", "spike", call)])
    stage.event("tom", message=call, effects=[("send", "jerry", granted)])
    assert [] == stage.broken()

    stage.event("tom", message=call, effects=[("send", "jerry", granted), ("send", "spike", granted)])
    assert ["One Vote per Term"] == stage.broken()


def test_late_leader_of_an_older_term_is_not_blamed() -> None:
    """A candidate whose votes arrive late leads without what was committed since in a newer term; nobody follows it."""
    stage, write = Stage("tom", "jerry", "spike"), Set(key="x", value="1")
    stage.event("tom", current_term=3, is_leader=True)
    for name in ("tom", "spike"):
        stage.append(name, 3, write, current_term=3)
    stage.event("tom", commit_index=1)
    stage.told("tom", "client#1", write)
    stage.event("jerry", current_term=2, is_leader=True)
    assert [] == stage.broken()

    stage.event("jerry", current_term=4, is_leader=True)
    assert ["Leader Completeness", "Acknowledged Writes Last"] == stage.broken()


def test_commit_behind_a_newer_leaders_back() -> None:
    """A former leader that commits what a newer leader lacks breaks Leader Completeness with that commit."""
    stage = Stage("tom", "jerry")
    stage.event("tom", is_leader=True)
    stage.append("tom", 1, Set(key="x", value="1"))
    stage.event("jerry", current_term=2, is_leader=True)
    assert [] == stage.broken()

    stage.event("tom", commit_index=1)
    assert ["Leader Completeness"] == stage.broken()
    assert ("tom", "jerry") == stage.properties.violations["Leader Completeness"].servers


def test_the_newest_leader_counts() -> None:
    """A leader of a term between, elected late, does not hide that the newest one lacks what is committed."""
    stage, write = Stage("tom", "jerry", "spike"), Set(key="x", value="1")
    stage.event("tom", is_leader=True)
    for name in ("tom", "spike"):
        stage.append(name, 1, write)
    stage.event("jerry", current_term=3, is_leader=True)
    stage.event("spike", current_term=2, is_leader=True)
    stage.event("tom", commit_index=1)

    assert ("tom", "jerry") == stage.properties.violations["Leader Completeness"].servers


def test_the_last_committed_entry_counts() -> None:
    """A new leader needs all that was committed, also where an older leader's commit was heard of last."""
    stage = Stage("tom", "jerry", "spike")
    for value in ("1", "2"):
        command = Set(key="x", value=value)
        for name in stage.hosts:
            stage.append(name, 1, command)
    stage.event("tom", is_leader=True)
    stage.append("tom", 1, Set(key="x", value="3"))
    stage.event("tom", commit_index=3)
    stage.event("tom", is_leader=False)
    stage.event("spike", current_term=2, is_leader=True, commit_index=1)

    assert ["Leader Completeness"] == stage.broken()
    assert "at index 3" in stage.properties.violations["Leader Completeness"].text


def test_two_writes_that_say_the_same() -> None:
    """Of two equal requests each has its own entry: what the first client hears says nothing of the second's."""
    stage, first, second = Stage("tom", "jerry"), Delete(key="x"), Delete(key="x")
    stage.event("tom", is_leader=True)
    for name in ("tom", "jerry"):
        stage.append(name, 1, first)
    stage.append("tom", 1, second)
    stage.told("tom", "client#1", first)
    stage.event("jerry", current_term=2, is_leader=True)
    assert [] == stage.broken()

    stage.told("tom", "client#2", second)
    assert ["Acknowledged Writes Last"] == stage.broken()


def test_write_that_a_node_builds_anew() -> None:
    """A Node that logs a copy of a request is believed for as many requests as it has entries."""
    stage = Stage("tom")
    stage.event("tom", is_leader=True)
    stage.append("tom", 1, Delete(key="x"))
    stage.told("tom", "client#1", Delete(key="x"))
    assert [] == stage.broken()

    stage.told("tom", "client#2", Delete(key="x"))
    assert ["Acknowledged Writes Last"] == stage.broken()


def test_before_there_is_a_commit_index() -> None:
    """A Node without a commit index has committed what it has told a client."""
    stage, write = Stage("tom", "jerry"), Set(key="x", value="1")
    for host in stage.hosts.values():
        del host.node.commit_index
    stage.event("tom", is_leader=True)
    stage.append("tom", 1, write)
    stage.told("tom", "client#1", write)
    stage.event("jerry", current_term=2, is_leader=True)

    assert ["Leader Completeness", "Acknowledged Writes Last"] == stage.broken()


def test_answers_may_come_in_any_order() -> None:
    """A client that is told late of an early write takes nothing back of what others were told before."""
    stage, first, second = Stage("tom", "jerry"), Set(key="x", value="1"), Set(key="x", value="2")
    for host in stage.hosts.values():
        del host.node.commit_index
    stage.event("tom", is_leader=True)
    for name in ("tom", "jerry"):
        stage.append(name, 1, first)
    stage.append("tom", 1, second)
    stage.told("tom", "client#2", second)
    stage.told("tom", "client#1", first)
    stage.event("jerry", current_term=2, is_leader=True)

    assert ["Leader Completeness"] == stage.broken()[:1]


def test_vote_for_another_after_a_crash() -> None:
    """A server that comes back with another vote than it gave contradicts itself, as with none."""
    stage = Stage("tom", "jerry", "spike")
    ask = RequestVote(term=1, last_log_index=0, last_log_term=0)
    yes = RequestVoteReply(term=1, vote_granted=True)
    stage.event("tom", ask, [("send", "jerry", yes)], voted_for="jerry")
    stage.event("tom", ask, [("send", "jerry", yes)])
    stage.properties.begins(stage.hosts["tom"])
    stage.event("tom")
    assert [] == stage.broken(), "the same vote twice is one vote"

    stage.properties.begins(stage.hosts["tom"])
    stage.event("tom", voted_for="spike")
    assert ["Promises Outlive Crashes"] == stage.broken()
    assert "its vote is for spike now" in stage.properties.violations["Promises Outlive Crashes"].text


def test_what_was_never_stored_was_never_promised() -> None:
    """A server that lost an event on its disk comes back without it and contradicts nobody."""
    for verb in ("lose", "tear"):
        line = f"raft-steps 1; servers tom jerry spike; seed 3; timing paper; at 1 {verb} leader; at 1.001 set x 1; "
        scenario = Scenario.parse(line + "at 2 restart crashed; at 3 set x 2; until 4")
        cluster = Cluster.replay(scenario, RaftNode)

        assert [verb] == [event["disk"] for event in cluster.trace.of("crashed")]
        assert {} == watched(scenario, RaftNode).violations
        assert ["set x 2"] == [line.partition(" ")[2] for line in cluster.log("tom")]


def test_torn_disk_may_lack_what_was_overwritten() -> None:
    """A server that went down while it replaced an entry comes back without that entry, and contradicts nobody."""
    stage = Stage("tom")
    stage.append("tom", 1, Set(key="x", value="1"))
    host = stage.hosts["tom"]
    host.up, host.disk = False, {"log": Log([Entry(index=1, term=2, command=Set(key="x", value="2"))])}
    stage.properties.failed(host)
    host.up, host.node.log = True, Log(host.disk["log"])
    host.node.log.changes.clear()
    stage.properties.begins(host)
    stage.event("tom")
    assert [] == stage.broken()

    stage.properties.begins(host)
    stage.event("tom", log=Log())
    assert ["Promises Outlive Crashes"] == stage.broken()


def test_log_that_is_not_called_log() -> None:
    """A Node whose logs have other names, or that has none, is not held against what is said of logs."""
    stage = Stage("tom")
    del stage.hosts["tom"].node.log
    host = stage.hosts["tom"]
    host.node.effects = []
    stage.properties.handled(host, 9, None, [("append", Entry(index=1, term=1, command=Delete(key="x")))])

    assert [] == stage.broken()
