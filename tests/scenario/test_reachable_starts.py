"""Logs that no run of Raft can leave behind are refused; from all others, a correct Node is safe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.arguments import read_logs
from raft_steps.lab.scenario.model import StoredLog, server_names
from raft_steps.lab.scenario.reachable_starts import start_terms
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.fuzzer.trial import try_scenario
from raft_steps.lab.verify.model_checker import Predicate, Schedule, Scope, Search, StateView
from raft_steps.lab.verify.properties import RULES
from tests.helpers.starts import is_refused, reachable_logs, starts
from tests.verify.model_checker.search_tools import LaterNode

THREE = ("tom", "jerry", "spike")
COMMANDS = st.sampled_from([f"set {key} {value}" for key in "xy" for value in (1, 2)])
KEPT = [rule for rule in RULES if rule.kept_from <= 12]

# What is refused: the servers, the logs, the leader, and a part of the reason.
REFUSED: list[tuple[int, dict[str, str], str | None, str]] = [
    (3, {"tom": "2 set x 1; 1 set y 2"}, None, "entry 2 has term 1 and the one before it term 2; terms never fall"),
    (3, {"tom": "0 set x 1"}, None, "entry 1 in the log of tom has term 0; elections begin with term 1"),
    (
        3,
        {"tom": "1 set x 1", "jerry": "1 set x 2"},
        None,
        "entry 1 of term 1 is 'set x 1' in the log of tom and 'set x 2'",
    ),
    (
        3,
        {"tom": "1 set x 1; 3 set y 1", "jerry": "2 set x 1; 3 set y 1"},
        None,
        "entry 2 of term 3, and different entries",
    ),
    (
        3,
        {"tom": "1 set x 1; 2 set y 1", "jerry": "2 set z 1"},
        None,
        "term 2 begin at index 2 in the log of tom and at 1",
    ),
    (3, {"tom": "1 set x 1; 2 set y 1", "jerry": "1 set x 1; 1 set y 2; 2 set y 1"}, None, "term 2 begin at index 2"),
    (3, {"jerry": "1 set x 1"}, "tom", ""),
    (
        3,
        {"tom": "1 set x 1", "jerry": "1 set x 1; 1 set y 1"},
        "tom",
        "tom leads term 1 from its start and lacks entry 2",
    ),
    (3, {"jerry": "0 set x 1"}, "tom", "tom leads term 0 from its start and lacks entry 1"),
    (
        3,
        {"tom": "1 set x 1", "jerry": "2 set x 2", "spike": "3 set x 3"},
        None,
        "3 leaders were elected with empty logs",
    ),
    (2, {"tom": "1 set x 1", "jerry": "2 set x 2"}, None, "with two servers, both vote for every leader"),
    (2, {"tom": "1 set x 1", "jerry": "1 set x 1; 2 set x 2"}, "tom", "whose leader needed the votes of both servers"),
]


@pytest.mark.parametrize("count, logs, leader, reason", REFUSED)
def test_start_without_a_run_is_refused(count: int, logs: dict[str, str], leader: str | None, reason: str) -> None:
    """Each kind of logs that no run can leave is refused with its reason, however it is given."""
    servers = server_names(count)
    if not reason:
        Scenario(step=12, servers=servers, logs=read_logs(logs), leader=leader)
        return
    words = "".join(
        f"; log {name} {' '.join(f'{term} {command!r}' for term, command in log)}"
        for name, log in read_logs(logs).items()
    )
    head = f"servers {' '.join(servers)}" + (f"; leader {leader}" if leader else "")
    data = {"version": 1, "step": 12, "servers": servers, "leader": leader, "logs": read_logs(logs)}
    for attempt in (
        lambda: Scenario.parse(f"raft-steps 1; step 12; {head}{words}"),
        lambda: Scenario.parse(json.dumps(data)),
        lambda: Cluster(12, list(servers), logs=logs, leader=leader),
        lambda: Search(12, list(servers), logs=logs, leader=leader),
        lambda: Schedule.parse(f"raft-steps-schedule 1; step 12; {head}{words}"),
    ):
        with pytest.raises(ScenarioError) as error:
            attempt()
        assert reason in str(error.value)


@pytest.mark.parametrize("term", [-1, True, 1.0, "1", None])
def test_term_is_a_number_from_0_on(term: Any) -> None:
    """A term that is negative or not a whole number is refused."""
    with pytest.raises(ScenarioError, match=r"has the term -1|is not a term and a command"):
        Scenario(step=12, logs={"tom": ((term, "set x 1"),)})


def test_log_holds_no_reads() -> None:
    """A read in a log is refused when the scenario is read."""
    with pytest.raises(ScenarioError, match="a log holds writes"):
        Scenario.parse("raft-steps 1; step 8; log tom 1 'get x'")


@pytest.mark.parametrize("clause", ["log tom 1 'set x 1'", "draws tom 9", "clock tom 1.1"])
def test_clause_of_a_server_is_given_once(clause: str) -> None:
    """The second log, clock or list of draws of a server is refused, and does not replace the first."""
    with pytest.raises(ScenarioError, match="of tom twice"):
        Scenario.parse(f"raft-steps 1; step 8; {clause}; {clause}")


def test_logs_of_step_1_are_independent() -> None:
    """Without replication, each server writes its own log in term 0, as in step 1."""
    cluster = Cluster(1, ["tom", "jerry"], logs={"tom": "0 set x 1", "jerry": "0 set x 2"})

    assert [["0 set x 1"], ["0 set x 2"]] == [cluster.log(name) for name in cluster.servers]


# Terms.


def test_no_server_leads_a_term_that_has_been_led() -> None:
    """A server that lacks the newest entry does not lead its term again: the run that accused a correct Node."""
    text = (
        "raft-steps 1; step 12; servers tom jerry spike; log tom 1 'set x 1'; log jerry 1 'set x 1' 2 'set y 2'; "
        "draws tom 5; draws jerry 100; draws spike 100; at 20 set z 3; until 60"
    )
    for step in (11, 12):
        cluster = Cluster.replay(text.replace("step 12", f"step {step}"))

        assert () == cluster.violations
        assert ["1 set x 1", "3 -", "3 set z 3"] == cluster.log("tom") == cluster.log("jerry")


@pytest.mark.parametrize(
    "step, terms", [(2, [1, 2, 0]), (8, [1, 2, 0]), (9, [2, 2, 2]), (10, [2, 2, 2]), (12, [2, 2, 2])]
)
def test_servers_start_in_the_newest_term(step: int, terms: list[int]) -> None:
    """From step 9 on, all servers start in the newest term of any log, in a simulation, a search and a replay."""
    logs = {"tom": "1 set x 1", "jerry": "1 set x 1; 2 set y 2"}
    cluster = Cluster(step, logs=logs, leader=None)
    search = Search(step, logs=logs, leader=None)
    seen: list[list[int]] = []

    def look(view: StateView) -> str:
        seen.append([server.term for server in view])
        return "found"

    found = search.run(goal=Predicate(name="look", find=look))

    assert terms == [cluster.node(name).current_term for name in cluster.servers] == seen[0]
    assert terms == [server.term for server in found.replay().view()]
    assert terms == [event["changes"].get("current_term", 0) for event in cluster.trace.of("started")]
    if step == 12:
        assert terms == [cluster._host(name).disk["current_term"] for name in cluster.servers]


def test_deposed_leader_is_behind() -> None:
    """A server that leads an old term from its start is deposed; after a restart nobody elects it in the newest term."""
    logs = {"tom": "1 set x 1", "jerry": "1 set x 1; 2 set y 2"}

    assert {"jerry": 3, "spike": 3} == start_terms(THREE, read_logs(logs), leader="tom")
    cluster = Cluster(12, logs=logs, leader="tom", draws={"tom": [8], "jerry": [100], "spike": [100]})
    cluster.crash("tom")
    cluster.restart("tom")
    cluster.timeout("tom")
    cluster.run(30)
    assert () == cluster.violations


def test_given_terms_must_not_allow_a_second_leader() -> None:
    """Terms of a search are refused if the newest term of the logs could be led once more, or are older than the log."""
    logs = {"jerry": "1 set x 1; 2 set y 2"}
    with pytest.raises(ScenarioError, match="tom could be elected in term 2 once more"):
        Search(12, logs=logs, terms={"tom": 1})
    with pytest.raises(
        ScenarioError, match="the term of jerry is a number that is at least the term of its last entry"
    ):
        Search(12, logs=logs, terms={"jerry": 1})
    assert Search(12, logs=logs, terms={"tom": 1, "jerry": 3, "spike": 3}).run().exhausted
    assert Search(8, logs=logs, terms={"tom": 1}).run().exhausted


# Nothing is refused that a run leaves behind.


def logs_of(logs: dict[str, Log]) -> dict[str, StoredLog]:
    """Return logs as a scenario gives them; for the entry without a command of a new leader stands some command."""
    return {
        name: tuple((entry.term, "set noop 1" if entry.command is None else repr(entry.command)) for entry in log)
        for name, log in logs.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["hostile", "crashes", "partitions", "reordering"])
@pytest.mark.parametrize("servers", [2, 3, 5])
def test_what_a_simulation_leaves_is_accepted(profile: str, servers: int) -> None:
    """The logs of step 12 at any time of a run with faults are accepted."""
    for seed in range(25):
        scenario = adversity(12, profile, seed, servers=servers)
        simulation = Simulation(scenario, record=False)
        for part in range(1, 11):
            simulation.run_until(scenario.end_us * part // 10)
            disks = {name: host.disk.get("log", Log()) for name, host in simulation.hosts.items()}

            assert "" == is_refused(scenario.servers, logs_of(disks)), (seed, part)


@pytest.mark.parametrize("servers", [2, 3])
def test_what_a_search_finds_is_accepted(servers: int) -> None:
    """The logs of all states of a scope are accepted, those of leaders that took writes without the others as well."""
    refused: list[str] = []
    met: set[str] = set()

    def look(view: StateView) -> str:
        logs = logs_of({server.name: server.log for server in view})
        met.add(repr(logs))
        if why := is_refused(tuple(logs), logs):
            refused.append(why)
        return why

    scope = Scope(timeouts={"election": 3}, commands=("set x 1", "set x 2"), messages=VOTES_AND_ENTRIES)
    Search(LaterNode, servers=servers).run(scope, goal=Predicate(name="refused", find=look), states=10_000)

    assert [] == refused
    assert len(met) > 10


VOTES_AND_ENTRIES = ("RequestVote", "RequestVoteReply", "AppendEntries")


# A correct Node is safe from everything that is accepted.


def hostile(start: tuple[dict[str, StoredLog], str | None], seed: int, servers: tuple[str, ...]) -> Iterator[Scenario]:
    """Yield scenarios with these logs and faults: those of a profile, and a hard one with equal timeouts."""
    logs, leader = start
    for profile in ("hostile", "crashes"):
        scenario = adversity(12, profile, seed, servers=len(servers), seconds=12)
        yield replace(scenario, logs=logs, leader=leader)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(start=starts(THREE, COMMANDS), seed=st.integers(0, 10**6))
def test_correct_node_is_safe_from_accepted_starts(start: tuple[dict[str, StoredLog], str | None], seed: int) -> None:
    """From no start that is accepted does step 12 break a rule, whatever happens then."""
    for scenario in hostile(start, seed, THREE):
        assert "" == try_scenario(scenario, KEPT).text


@settings(max_examples=50, deadline=None)
@given(logs=reachable_logs(server_names(5), COMMANDS))
def test_five_servers_agree_in_the_end(logs: dict[str, StoredLog]) -> None:
    """Five servers of step 12 elect a leader from any start that is accepted, and then agree on one log."""
    cluster = Cluster(12, 5, logs={name: [f"{term} {command}" for term, command in log] for name, log in logs.items()})
    cluster.run(40).set("z", 1)
    cluster.run(40)

    assert () == cluster.violations
    assert 1 == len({tuple(cluster.log(name)) for name in cluster.servers})
