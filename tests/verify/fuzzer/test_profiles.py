"""Fault profiles: a profile and a seed give a scenario, always the same one, that is as hard as the profile promises."""

from __future__ import annotations

import pytest

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer import Trial, try_scenario
from raft_steps.lab.verify.fuzzer.profiles import CRASHES, DISKS, FAULTS, PROFILES, SPLITS, adversity, find_profile
from raft_steps.lab.verify.properties import RULES
from tests.helpers.raft_fixture import RaftNode

SEEDS = 30  # for the least numbers; they were measured with 1,100 seeds of each profile, and 2,500 of the hostile one
SECOND = 1_000_000
FAULTY = [name for name, profile in PROFILES.items() if profile.faults]

# The kinds of action that each kind of fault consists of.
VERBS = {
    "crash": {"crash", "restart"},
    "lose": {"lose", "restart"},
    "tear": {"tear", "restart"},
    "pause": {"pause", "resume"},
    "split": {"partition", "heal"},
    "isolate": {"partition", "heal"},
    "one way": {"cut", "heal"},
    "bridge": {"cut", "heal"},
    "flap": {"partition", "heal"},
    "handover": {"timeout", "set", "crash", "get", "restart"},
    "timeout": {"timeout"},
    "reelect": {"timeout", "partition", "heal", "set", "cut", "delay"},
    "late call": {"timeout", "set", "delay", "crash", "restart"},
    "depose": {"timeout", "get", "delay", "partition", "set", "heal"},
    "succeed": {"timeout", "partition", "set", "crash", "heal", "get", "restart"},
    "hand over": {"timeout", "set", "transfer", "partition", "get", "heal"},
    "compact": {"snapshot"},
    "torn snapshot": {"snapshot", "lose", "tear", "restart"},
    "insist": {"retry", "partition", "delay", "crash", "heal", "restart"},
    "fall behind": {"partition", "set", "snapshot", "heal", "timeout", "crash", "restart"},
    "change": {"members", "retry"},
}
# Kinds that are not part of the hostile profile.
OWN_PROFILE = {
    "timeout", "reelect", "late call", "depose", "succeed", "hand over", "compact", "torn snapshot", "fall behind", "change",
    "insist"
}  # fmt: skip


def trace_of(scenario: Scenario) -> str:
    """Run a scenario with a correct Node, and return its trace."""
    simulation = Simulation(scenario, RaftNode)
    simulation.run_until(scenario.until_us or 0)
    assert simulation.trace is not None
    return simulation.trace.to_text()


def faults_of(scenario: Scenario) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the actions on servers and network, without the requests of clients."""
    return [
        (action.at_us, action.verb, action.words)
        for action in scenario.actions
        if action.verb not in ("set", "delete", "get")
    ]


# The scenarios.


@pytest.mark.parametrize("profile", PROFILES)
def test_a_seed_gives_one_scenario(profile: str) -> None:
    """The same seed gives the same scenario, and another seed another one."""
    one, same, other = (adversity(8, profile, seed) for seed in (1, 1, 2))

    assert one == same
    assert one.to_text() == same.to_text()
    assert one.actions != other.actions


@pytest.mark.parametrize("profile", PROFILES)
def test_scenario_survives_text_and_json(profile: str) -> None:
    """Written as a line or as JSON and read again, a scenario is the same and gives the same run."""
    for seed in range(3):
        scenario = adversity(None, profile, seed, seconds=3, node_class=RaftNode)
        from_line, from_json = Scenario.parse(scenario.to_text()), Scenario.parse(scenario.to_json())
        assert scenario == from_line == from_json
    assert trace_of(scenario) == trace_of(from_line) == trace_of(from_json)


def test_faults_do_not_depend_on_the_step() -> None:
    """Every step has the same faults and the same requests at the same times."""
    scenarios = [adversity(step, "hostile", 4) for step in (4, 8)]

    assert scenarios[0].actions == scenarios[1].actions
    assert scenarios[0].clocks == scenarios[1].clocks


def test_one_kind_of_fault_moves_no_other() -> None:
    """Each kind has its own random stream: the requests are the same in every profile."""
    scripted = {
        "handover",
        "reelect",
        "late call",
        "depose",
        "succeed",
        "fall behind",
    }  # faults that have requests of their own
    asked = [
        [action for action in adversity(8, name, 7).actions if action.verb in ("set", "delete", "get")]
        for name, profile in PROFILES.items()
        if scripted.isdisjoint(profile.faults)
    ]

    assert asked[0]
    assert all(each == asked[0] for each in asked)
    whole = faults_of(adversity(8, "partitions", 7))
    assert [fault for fault in whole if fault[0] < 10 * SECOND] == faults_of(adversity(8, "partitions", 7, seconds=10))


def test_actions_come_in_order_and_in_time() -> None:
    """The actions are sorted, and none comes after the end."""
    for profile in PROFILES:
        scenario = adversity(8, profile, 3, seconds=7.5)
        times = [action.at_us for action in scenario.actions]
        assert times == sorted(times)
        assert 0 < times[0] <= times[-1] < 7.5 * SECOND == scenario.until_us
        assert "paper" == scenario.timing


def test_clients_set_delete_and_get() -> None:
    """Clients mostly write, sometimes delete and read, and use few keys, so that their requests overlap."""
    asked = [action for seed in range(10) for action in adversity(8, "calm", seed).actions]
    verbs = [action.verb for action in asked]

    assert {"k1", "k2", "k3"} == {action.words[0] for action in asked}
    assert 0.7 < verbs.count("set") / len(verbs) < 0.9
    assert verbs.count("delete") > 20
    assert verbs.count("get") > 20


def test_clients_ask_servers_by_name() -> None:
    """Clients ask every server, and not only the leader; half of the reads name a server, so that followers are asked."""
    asked = [action for seed in range(10) for action in adversity(8, "calm", seed).actions]
    reads = [action for action in asked if action.verb == "get"]
    named = [action.words[-1] for action in asked if "to" in action.words]

    assert {"tom", "jerry", "spike", "tyke", "butch"} == set(named)
    assert 0.15 < len(named) / len(asked) < 0.4
    assert len([action for action in reads if "to" in action.words]) > len(reads) / 2


def test_leaders_that_are_cut_off_are_asked() -> None:
    """Among the servers that clients ask are followers, and leaders of an older term than the newest leader's."""
    followers = former = 0
    for seed in range(12):
        simulation = Simulation(adversity(12, "partitions", seed), record=True)
        simulation.run_until(30 * SECOND)
        assert simulation.trace is not None
        leading: dict[str, int] = {}
        terms: dict[str, int] = {}
        for event in simulation.trace:
            if event.kind == "term":
                terms[event.server] = event["term"]
            elif event.kind == "role":
                leading.pop(event.server, None)
                if event["role"] == "leader":
                    leading[event.server] = terms.get(event.server, 0)
            elif event.kind == "asked":
                followers += event.server not in leading
                former += event.server in leading and leading[event.server] < max(leading.values())

    assert followers > 20
    assert former > 0


def test_reelected_server_has_a_shorter_log() -> None:
    """In the profile about reelections, a server leads, loses entries, and leads again; messages of its first term are late."""
    again = late = 0
    for seed in range(4):
        simulation = Simulation(adversity(12, "reelections", seed), record=True)
        simulation.run_until(30 * SECOND)
        assert simulation.trace is not None
        led: dict[str, int] = {}  # the length of the log with which a server last stopped leading
        length: dict[str, int] = {}
        elections = 0
        sent: dict[str, int] = {}
        for event in simulation.trace:
            if event.kind == "appended":
                length[event.server] = event["index"]
            elif event.kind == "truncated":
                length[event.server] = event["after"]
            elif event.kind == "role" and event["role"] == "leader":
                elections += 1
                again += length.get(event.server, 0) < led.get(event.server, 0)
            elif event.kind == "role":
                led[event.server] = max(length.get(event.server, 0), led.get(event.server, 0))
            elif event.kind == "sent":
                sent[event["message"]] = elections
            elif event.kind == "delivered":
                late += elections - sent.get(event["message"], elections) >= 2

    assert again > 4
    assert late > 20


# What goes wrong.


def test_every_fault_is_in_a_profile() -> None:
    """Each kind of fault is in a profile, and the hostile profile has all kinds, each less often than its own profile."""
    used = {name for profile in PROFILES.values() for name in profile.faults}
    hostile = PROFILES["hostile"].faults

    assert set(FAULTS) == set(VERBS) == used == set(hostile) | OWN_PROFILE
    assert OWN_PROFILE.isdisjoint(hostile)
    assert all(hostile[name] > mean for name, mean in (SPLITS | CRASHES | DISKS).items())
    assert {"delay", "spread", "loss", "reorder", "duplicate"} == set(PROFILES["hostile"].network)


@pytest.mark.parametrize("kind", FAULTS)
def test_fault_consists_of_its_actions(kind: str) -> None:
    """Each kind of fault consists of its own kinds of action, and ends what it begins."""
    servers = ("tom", "jerry", "spike", "tyke", "butch")
    seen = set()
    for seed in range(40):
        actions = FAULTS[kind](RandomStream(seed, kind), servers)
        verbs = [verb for _, verb, _ in actions]
        times = [time for time, _, _ in actions]
        assert times == sorted(times)
        assert 0 == times[0] or len(times) == 1, "only a one-way fault that cut nothing has a heal alone"
        assert times[-1] <= 2
        assert verbs[-1] in ("restart", "resume", "heal") or kind in ("timeout", "compact", "fall behind", "change")
        assert verbs.count("partition") <= verbs.count("heal")
        seen |= set(verbs)

    assert VERBS[kind] == seen


def test_bridge_leaves_one_server_that_both_sides_reach() -> None:
    """A bridge's two sides cannot reach each other, but both can reach the bridge."""
    servers = ("tom", "jerry", "spike", "tyke", "butch")
    for seed in range(10):
        ways = [
            words[0].split(">") for _, verb, words in FAULTS["bridge"](RandomStream(seed), servers) if verb == "cut"
        ]
        named = {end for way in ways for end in way}
        assert 8 == len(ways)
        assert 4 == len(named)
        assert all([to, sender] in ways for sender, to in ways)


def test_clocks_drift_within_the_profile() -> None:
    """A clock's rate is within the profile's drift, and the clocks differ."""
    for profile, most in (("slow", 0.1), ("hostile", 0.05)):
        rates = [rate for seed in range(20) for rate in adversity(8, profile, seed).clocks.values()]
        assert 100 == len(rates)
        assert 1 - most <= min(rates) < 1 < max(rates) <= 1 + most
        assert max(rates) - min(rates) > most
    assert {} == adversity(8, "lossy", 0).clocks


# How hard it is.


@pytest.mark.parametrize("profile", PROFILES)
def test_runs_have_the_least_numbers(profile: str) -> None:
    """Every seed has at least as many elections and faults as the profile promises, and on average not many times more."""
    trials: list[Trial] = [
        try_scenario(adversity(None, profile, seed, node_class=RaftNode), RULES, RaftNode) for seed in range(SEEDS)
    ]
    found = PROFILES[profile]

    assert [] == [trial.text for trial in trials if trial.broken]
    assert min(trial.elections for trial in trials) >= found.elections >= 1
    assert min(trial.faults for trial in trials) >= found.hits
    assert (found.hits > 0) == (profile in FAULTY)
    assert sum(trial.elections for trial in trials) <= 5 * found.elections * SEEDS
    assert all(trial.answered > 30 for trial in trials)


# Its edges.


def test_unknown_profile_is_refused() -> None:
    """The error for an unknown profile suggests the nearest one."""
    with pytest.raises(ScenarioError, match=r"there is no profile 'partition'; did you mean 'partitions'\?"):
        adversity(8, "partition", 0)
    with pytest.raises(ScenarioError, match=r"there is no profile 'xyz'; there are calm, slow, lossy"):
        find_profile("xyz")


def test_unknown_step_and_no_servers_are_refused() -> None:
    """An unknown step, or a cluster without servers, is refused."""
    with pytest.raises(LookupError):
        adversity(99, "calm", 0)
    with pytest.raises(ScenarioError, match="at least one server"):
        adversity(8, "calm", 0, servers=0)


@pytest.mark.parametrize("profile", PROFILES)
def test_one_server_is_enough(profile: str) -> None:
    """With one server, faults of the network are left out; with two servers, every fault works."""
    scenario = adversity(None, profile, 2, servers=1, seconds=10, node_class=RaftNode)
    trial = try_scenario(scenario, RULES, RaftNode)

    assert ("tom",) == scenario.servers
    assert "" == trial.broken
    assert trial.answered > 5
    assert not {"partition", "cut", "heal"} & {action.verb for action in scenario.actions}
    assert profile == "partitions" or bool(faults_of(scenario)) == (profile in FAULTY)
    pair = adversity(None, profile, 2, servers=2, seconds=10, node_class=RaftNode)
    assert "" == try_scenario(pair, RULES, RaftNode).broken


def test_profiles_that_leave_servers_alone() -> None:
    """The ten-step test, which crashes servers itself, accepts these."""
    alone = [name for name, profile in PROFILES.items() if profile.leaves_servers_alone]

    assert ["calm", "slow", "lossy", "reordering"] == alone
