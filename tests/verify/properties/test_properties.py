"""The properties of Raft: each is reported where it breaks, before any other, and none where it holds."""

from __future__ import annotations

import json
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
from raft_steps.lab.verify.properties import ALL_RULES, RULES, Properties, PropertyBroken, Rule, kept_by
from raft_steps.lab.verify.properties.rules import MEASURED
from tests.checks.wrong_nodes import properties, properties_of_members
from tests.checks.wrong_nodes.properties_of_steps import BROKEN_BY_STEPS
from tests.helpers.raft_fixture import RaftNode, RequestVote, RequestVoteReply

MISTAKES = (*properties.MISTAKES, *properties_of_members.MISTAKES)
SEEDS = 40  # of each profile, for the right Node; more than 10,000 were run by hand
STEP_SEEDS = 12  # of the hostile profile, for each step
TWO_SERVERS = ("Election Safety", "State Machine Safety")  # rules that two servers break together
NUMBERS = [entry.number for entry in STEPS]


def rule_named(name: str) -> Rule:
    """Return the rule of a name."""
    return next(rule for rule in ALL_RULES if rule.name == name)


def watched(scenario: Scenario, node_class: type | None = None, **options: Any) -> Properties:
    """Run a scenario to its end, and return its monitor."""
    properties = Properties()
    simulation = Simulation(scenario, node_class, monitor=properties, **{"record": False, **options})
    simulation.run_until(scenario.until_us or 0)
    return properties


# Every rule is reported, and before any other.


def test_every_rule_has_three_wrong_nodes() -> None:
    """For every rule there are at least three Nodes that break it before any other."""
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
    """The mistake of the Node is what breaks the rule: a right Node keeps all rules in the same scenario."""
    assert {} == watched(Scenario.parse(line), RaftNode).violations


def test_run_stops_at_the_event_that_broke() -> None:
    """A run stops at the first violation of a given rule, before any effect of that event; other rules do not stop it."""
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
    """As JSON data, a violation has the rule, the time in seconds, the servers, the sentence and the step."""
    node_class, rule, line = MISTAKES[0]
    violation = next(iter(watched(Scenario.parse(line), node_class).violations.values()))

    assert {
        "rule": rule,
        "seconds": violation.time_us / 1_000_000,
        "servers": list(violation.servers),
        "text": violation.text,
        "step": 12,
    } == violation.as_data()


# No rule is reported in a run that keeps all of them.


@pytest.mark.parametrize("profile", PROFILES)
def test_right_node_keeps_all_rules(profile: str) -> None:
    """A right Node keeps all rules under every fault profile, and answers its clients."""
    trials = [
        try_scenario(adversity(None, profile, seed, node_class=RaftNode, seconds=6), RULES, RaftNode)
        for seed in range(SEEDS)
    ]

    assert [] == [(trial.seed, trial.broken, trial.text) for trial in trials if trial.broken]
    assert sum(trial.answered > 5 for trial in trials) >= SEEDS - 1
    assert all(trial.elections for trial in trials)


def test_monitor_changes_nothing() -> None:
    """With a monitor and without, a run has the same events."""
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
    """With a trace and without, the same violations are found."""
    for seed in range(3):
        scenario = adversity(8, "hostile", seed, seconds=5)
        assert watched(scenario).violations == watched(scenario, record=True).violations


# What each step keeps.


def test_broken_rules_have_reasons() -> None:
    """Each rule that a step broke when it was measured has a reason, and a later step that mends it."""
    for step in NUMBERS:
        for rule in ALL_RULES:
            reason = rule.reason(step)
            assert rule in kept_by(step) or reason, f"step {step} breaks {rule.name}, and no reason is given"
            assert reason == "" or step < rule.kept_from
    for rule in ALL_RULES:
        assert all(first < rule.kept_from for first in rule.why_not)
        assert rule.mended_by
        assert rule.section
        assert rule.reason(rule.kept_from) == ""
    assert {rule.name for rule in RULES} <= {rule.name for rule in kept_by(12)}
    assert {"Exactly Once", "Linearizable Reads"} == {rule.name for rule in ALL_RULES} - {
        rule.name for rule in kept_by(12)
    }


def test_what_is_kept_was_measured_with_enough_seeds() -> None:
    """For each step, all rules were checked in 1,000 or more runs, with every profile."""
    rows = json.loads(MEASURED.read_text(encoding="utf-8"))

    assert {(step, profile) for step in NUMBERS for profile in PROFILES} == {
        (row["step"], row["profile"]) for row in rows
    }
    for step in NUMBERS:
        assert sum(row["seeds"] for row in rows if row["step"] == step) >= 1_000
    assert {name for row in rows for name in row["broken"]} <= {rule.name for rule in ALL_RULES}


def test_a_profile_may_keep_what_another_one_breaks() -> None:
    """A sweep with a profile asks for what was kept with it; a step that was not measured counts as the last one."""
    reads = rule_named("Linearizable Reads")

    assert reads not in kept_by(12)
    assert reads not in kept_by(12, "partitions")
    assert reads in kept_by(12, "calm")
    assert reads not in kept_by(13)
    assert ALL_RULES == kept_by(14)
    assert all(rule in kept_by(12, "calm") for rule in kept_by(12))
    assert kept_by(12, "calm") == kept_by(13, "calm")
    assert rule_named("Election Safety") in kept_by(9, "partitions")


@pytest.mark.parametrize("step", NUMBERS[1:])
def test_step_keeps_what_it_should(step: int) -> None:
    """No seed of the hostile profile breaks a rule that the step is expected to keep."""
    trials = [try_scenario(adversity(step, "hostile", seed, seconds=8), kept_by(step)) for seed in range(STEP_SEEDS)]

    assert [] == [(trial.seed, trial.broken, trial.text) for trial in trials if trial.broken]


def test_every_reason_has_its_evidence() -> None:
    """For each rule that a step does not keep, there is a scenario in which it breaks."""
    claimed = {(step, rule.name) for step in NUMBERS for rule in RULES if rule.reason(step)}

    assert claimed == {(step, rule) for step, rule, _ in BROKEN_BY_STEPS}


@pytest.mark.parametrize("step, rule, line", BROKEN_BY_STEPS)
def test_reason_is_real(step: int, rule: str, line: str) -> None:
    """A rule that a step does not keep is broken in a short scenario."""
    scenario = Scenario.parse(line)

    assert step == scenario.step
    assert rule in watched(scenario).violations


# Details of the rules.


class ScriptedServers:
    """Servers without a simulation, whose fields and effects a test sets event by event."""

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
        """Let a server handle an event that leaves it with these fields and effects."""
        host = self.hosts[name]
        vars(host.node).update(fields, effects=effects or [])
        changes, host.node.log.changes = host.node.log.changes, []
        self.now_us += 1
        self.properties.handled(host, self.now_us, message, changes or None)

    def append(self, name: str, term: int, command: Any, **fields: Any) -> None:
        """Let a server append an entry."""
        log = self.hosts[name].node.log
        log.append(Entry(index=log.last_index + 1, term=term, command=command))
        self.event(name, **fields)

    def acknowledge(self, name: str, client: str, request: Any) -> None:
        """Let a client send a request, and a server answer it with Ok."""
        self.properties.asked(client, request)
        self.event(name, effects=[("reply", client, Ok())])

    def broken(self) -> list[str]:
        """Return the names of the broken rules, in order."""
        return list(self.properties.violations)


def test_one_answer_to_two_candidates_is_two_votes() -> None:
    """A server that grants its vote to two candidates votes twice; a candidate that asks all servers votes once."""
    servers, granted, call = (
        ScriptedServers("tom", "jerry"),
        RequestVoteReply(term=2, vote_granted=True),
        RequestVote(term=2, last_log_index=0, last_log_term=0),
    )
    servers.event("jerry", effects=[("send", "tom", call), ("send", "spike", call)])
    servers.event("tom", message=call, effects=[("send", "jerry", granted)])
    assert [] == servers.broken()

    servers.event("tom", message=call, effects=[("send", "jerry", granted), ("send", "spike", granted)])
    assert ["One Vote per Term"] == servers.broken()


def test_late_leader_of_an_older_term_breaks_nothing() -> None:
    """A candidate whose votes arrive late may lead without what was committed in a newer term: it has no followers."""
    servers, write = ScriptedServers("tom", "jerry", "spike"), Set(key="x", value="1")
    servers.event("tom", current_term=3, is_leader=True)
    for name in ("tom", "spike"):
        servers.append(name, 3, write, current_term=3)
    servers.event("tom", commit_index=1)
    servers.acknowledge("tom", "client#1", write)
    servers.event("jerry", current_term=2, is_leader=True)
    assert [] == servers.broken()

    servers.event("jerry", current_term=4, is_leader=True)
    assert ["Leader Completeness", "Acknowledged Writes Last"] == servers.broken()


def test_commit_that_a_newer_leader_lacks() -> None:
    """A former leader that commits an entry that a newer leader lacks breaks Leader Completeness."""
    servers = ScriptedServers("tom", "jerry")
    servers.event("tom", is_leader=True)
    servers.append("tom", 1, Set(key="x", value="1"))
    servers.event("jerry", current_term=2, is_leader=True)
    assert [] == servers.broken()

    servers.event("tom", commit_index=1)
    assert ["Leader Completeness"] == servers.broken()
    assert ("tom", "jerry") == servers.properties.violations["Leader Completeness"].servers


def test_the_newest_leader_counts() -> None:
    """A leader of a term in between, elected late, does not hide that the newest leader lacks what is committed."""
    servers, write = ScriptedServers("tom", "jerry", "spike"), Set(key="x", value="1")
    servers.event("tom", is_leader=True)
    for name in ("tom", "spike"):
        servers.append(name, 1, write)
    servers.event("jerry", current_term=3, is_leader=True)
    servers.event("spike", current_term=2, is_leader=True)
    servers.event("tom", commit_index=1)

    assert ("tom", "jerry") == servers.properties.violations["Leader Completeness"].servers


def test_the_last_committed_entry_counts() -> None:
    """A new leader needs everything that was committed, even if an older leader's commit was observed last."""
    servers = ScriptedServers("tom", "jerry", "spike")
    for value in ("1", "2"):
        command = Set(key="x", value=value)
        for name in servers.hosts:
            servers.append(name, 1, command)
    servers.event("tom", is_leader=True)
    servers.append("tom", 1, Set(key="x", value="3"))
    servers.event("tom", commit_index=3)
    servers.event("tom", is_leader=False)
    servers.event("spike", current_term=2, is_leader=True, commit_index=1)

    assert ["Leader Completeness"] == servers.broken()
    assert "at index 3" in servers.properties.violations["Leader Completeness"].text


def test_two_equal_writes() -> None:
    """Two equal requests have an entry each: the answer to the first does not acknowledge the second."""
    servers, first, second = ScriptedServers("tom", "jerry"), Delete(key="x"), Delete(key="x")
    servers.event("tom", is_leader=True)
    for name in ("tom", "jerry"):
        servers.append(name, 1, first)
    servers.append("tom", 1, second)
    servers.acknowledge("tom", "client#1", first)
    servers.event("jerry", current_term=2, is_leader=True)
    assert [] == servers.broken()

    servers.acknowledge("tom", "client#2", second)
    assert ["Acknowledged Writes Last"] == servers.broken()


def test_write_that_a_node_copies() -> None:
    """A Node that logs copies of requests may acknowledge as many equal requests as it has entries."""
    servers = ScriptedServers("tom")
    servers.event("tom", is_leader=True)
    servers.append("tom", 1, Delete(key="x"))
    servers.acknowledge("tom", "client#1", Delete(key="x"))
    assert [] == servers.broken()

    servers.acknowledge("tom", "client#2", Delete(key="x"))
    assert ["Acknowledged Writes Last"] == servers.broken()


def test_before_there_is_a_commit_index() -> None:
    """For a Node without a commit index, what was acknowledged counts as committed."""
    servers, write = ScriptedServers("tom", "jerry"), Set(key="x", value="1")
    for host in servers.hosts.values():
        del host.node.commit_index
    servers.event("tom", is_leader=True)
    servers.append("tom", 1, write)
    servers.acknowledge("tom", "client#1", write)
    servers.event("jerry", current_term=2, is_leader=True)

    assert ["Leader Completeness", "Acknowledged Writes Last"] == servers.broken()


def test_answers_may_come_in_any_order() -> None:
    """A late acknowledgement of an early write does not replace that of a later one."""
    servers, first, second = ScriptedServers("tom", "jerry"), Set(key="x", value="1"), Set(key="x", value="2")
    for host in servers.hosts.values():
        del host.node.commit_index
    servers.event("tom", is_leader=True)
    for name in ("tom", "jerry"):
        servers.append(name, 1, first)
    servers.append("tom", 1, second)
    servers.acknowledge("tom", "client#2", second)
    servers.acknowledge("tom", "client#1", first)
    servers.event("jerry", current_term=2, is_leader=True)

    assert ["Leader Completeness"] == servers.broken()[:1]


def test_vote_for_another_after_a_crash() -> None:
    """A server that restarts with another vote than it gave contradicts itself, as one without a vote does."""
    servers = ScriptedServers("tom", "jerry", "spike")
    ask = RequestVote(term=1, last_log_index=0, last_log_term=0)
    yes = RequestVoteReply(term=1, vote_granted=True)
    servers.event("tom", ask, [("send", "jerry", yes)], voted_for="jerry")
    servers.event("tom", ask, [("send", "jerry", yes)])
    servers.properties.begins(servers.hosts["tom"])
    servers.event("tom")
    assert [] == servers.broken(), "the same vote twice is one vote"

    servers.properties.begins(servers.hosts["tom"])
    servers.event("tom", voted_for="spike")
    assert ["Promises Outlive Crashes"] == servers.broken()
    assert "its vote is for spike now" in servers.properties.violations["Promises Outlive Crashes"].text


def test_what_was_never_stored_may_be_lost() -> None:
    """A server whose disk lost the last event restarts without it, and breaks no rule."""
    for verb in ("lose", "tear"):
        line = f"raft-steps 1; servers tom jerry spike; seed 3; timing paper; at 1 {verb} leader; at 1.001 set x 1; "
        scenario = Scenario.parse(line + "at 2 restart crashed; at 3 set x 2; until 4")
        cluster = Cluster.replay(scenario, RaftNode)

        assert [verb] == [event["disk"] for event in cluster.trace.of("crashed")]
        assert {} == watched(scenario, RaftNode).violations
        assert ["set x 2"] == [line.partition(" ")[2] for line in cluster.log("tom")]


def test_torn_disk_may_lack_what_was_overwritten() -> None:
    """A server that crashed while it replaced an entry restarts without that entry, and breaks no rule."""
    servers = ScriptedServers("tom")
    servers.append("tom", 1, Set(key="x", value="1"))
    host = servers.hosts["tom"]
    host.up, host.disk = False, {"log": Log([Entry(index=1, term=2, command=Set(key="x", value="2"))])}
    servers.properties.failed(host)
    host.up, host.node.log = True, Log(host.disk["log"])
    host.node.log.changes.clear()
    servers.properties.begins(host)
    servers.event("tom")
    assert [] == servers.broken()

    servers.properties.begins(host)
    servers.event("tom", log=Log())
    assert ["Promises Outlive Crashes"] == servers.broken()


def test_log_that_is_not_called_log() -> None:
    """For a Node whose log has another name, or that has none, the rules about logs are not checked."""
    servers = ScriptedServers("tom")
    del servers.hosts["tom"].node.log
    host = servers.hosts["tom"]
    host.node.effects = []
    servers.properties.handled(host, 9, None, [("append", Entry(index=1, term=1, command=Delete(key="x")))])

    assert [] == servers.broken()
