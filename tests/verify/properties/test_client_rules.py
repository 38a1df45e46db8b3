"""The rules about applying and reading: what breaks them, what does not, and the same verdict from a trace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from raft_steps.lab import check_trace
from raft_steps.lab.commands import Append, Get, InSession, Mismatch, NotLeader, Ok, Set, parse_command
from raft_steps.lab.log import Entry, Log, Snapshot
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import ALL_RULES, Properties, reads, watched_run
from raft_steps.lab.verify.properties.monitor import RecordedProperties
from raft_steps.lab.verify.properties.reads import ReadRule
from raft_steps.lab.verify.properties.rules import (
    APPLIED_ONCE,
    CLIENT_RULES,
    EQUAL_STATES,
    EXACTLY_ONCE,
    LINEARIZABLE_READS,
)
from tests.checks.wrong_nodes import safety_bugs

RULE_NAMES = [rule.name for rule in CLIENT_RULES]


class Servers:
    """Servers without a simulation; a test lets them apply entries and answer clients."""

    def __init__(self, *names: str) -> None:
        """Start the servers with empty logs and state machines."""
        self.properties, self.now_us = Properties(watch=ALL_RULES), 0
        self.hosts: dict[str, Any] = {}
        for name in names:
            self.start(name)

    def start(self, name: str, **fields: Any) -> None:
        """Start or restart a server; its log stays."""
        log = self.hosts[name].node.log if name in self.hosts else Log()
        node = SimpleNamespace(log=log, current_term=1, is_leader=False, effects=[], **{"state_machine": {}} | fields)
        self.hosts[name] = SimpleNamespace(name=name, node=node, up=True, disk={})
        self.properties.begins(self.hosts[name])
        self.event(name)

    def event(self, name: str, *effects: Any) -> None:
        """Let a server handle an event with these effects."""
        host = self.hosts[name]
        host.node.effects = list(effects)
        changes, host.node.log.changes = host.node.log.changes, []
        self.now_us += 1
        self.properties.handled(host, self.now_us, None, changes or None)

    def log(self, name: str, *commands: Set | InSession | None) -> list[Entry]:
        """Append entries to a log, and return all of it."""
        log = self.hosts[name].node.log
        for command in commands:
            log.append(Entry(index=log.last_index + 1, term=1, command=command))
        self.event(name)
        return list(log)

    def apply(self, name: str, *entries: Entry) -> None:
        """Let a server apply entries, all in one event."""
        state = self.hosts[name].node.state_machine
        for entry in entries:
            if isinstance(entry.command, Set):
                state[entry.command.key] = entry.command.value
        self.event(name, *(("apply", entry) for entry in entries))

    def ask(self, client: str, request: Any) -> None:
        """Let a client ask."""
        self.properties.asked(client, request)

    def answer(self, name: str, client: str, response: Any) -> None:
        """Let a server answer."""
        self.event(name, ("reply", client, response))

    def broken(self) -> list[str]:
        """Return the names of the broken rules that are about applying and reading."""
        return [name for name in self.properties.violations if name in RULE_NAMES]


ONE, TWO, THREE = (Set(key="x", value=str(number)) for number in (1, 2, 3))


# Applied once and in order.


def test_entries_in_order_break_nothing() -> None:
    """One after the other, several at once, and from the first entry again after a restart."""
    servers = Servers("tom")
    entries = servers.log("tom", ONE, TWO, THREE)
    servers.apply("tom", entries[0])
    servers.apply("tom", *entries[1:])
    servers.start("tom")
    servers.apply("tom", *entries)

    assert [] == servers.broken()


@pytest.mark.parametrize("indices", [(1, 1), (1, 3), (2,), (1, 2, 1), (3, 2, 1)])
def test_other_orders_are_reported(indices: tuple[int, ...]) -> None:
    """Twice, with a gap, not from the first entry on, again from the beginning, or backwards."""
    servers = Servers("tom")
    entries = servers.log("tom", ONE, TWO, THREE)
    for index in indices:
        servers.apply("tom", entries[index - 1])

    assert [APPLIED_ONCE.name] == servers.broken()[:1]
    assert (
        "tom applies the entry at index" in servers.properties.violations[APPLIED_ONCE.name].text
        or "the first entry that it applies has index" in servers.properties.violations[APPLIED_ONCE.name].text
    )


def test_entries_without_a_command_may_be_left_out() -> None:
    """A Node may apply only what has a command; an entry with one may not be left out."""
    servers = Servers("tom", "jerry")
    for name in ("tom", "jerry"):
        entries = servers.log(name, None, ONE, None, TWO)
        servers.apply(name, entries[1])
    servers.apply("tom", entries[3])
    assert [] == servers.broken()

    servers.log("jerry", ONE, THREE)
    servers.apply("jerry", list(servers.hosts["jerry"].node.log)[5])
    assert [APPLIED_ONCE.name] == servers.broken()


def test_state_machine_on_disk_goes_on_where_it_was() -> None:
    """A server that starts with its state machine goes on after the last entry; to begin again applies entries twice."""
    servers = Servers("tom", "jerry")
    for name in ("tom", "jerry"):
        entries = servers.log(name, ONE, TWO)
        servers.apply(name, entries[0])
        servers.start(name, state_machine={"x": "1"})
    servers.apply("tom", entries[1])
    assert [] == servers.broken()

    servers.apply("jerry", entries[0])
    assert [APPLIED_ONCE.name] == servers.broken()


# Equal state machines.


def test_other_state_after_the_same_entries_is_reported() -> None:
    """Both servers, both states and the index are named."""
    servers = Servers("tom", "jerry")
    for name in ("tom", "jerry"):
        entries = servers.log(name, ONE)
    servers.apply("tom", entries[0])
    servers.hosts["jerry"].node.state_machine["dice"] = "6"
    servers.apply("jerry", entries[0])
    violation = servers.properties.violations[EQUAL_STATES.name]

    assert ("jerry", "tom") == violation.servers
    assert violation.text == (
        "jerry has applied the entries up to index 1, and its state machine is {'dice': '6', 'x': '1'}; "
        "after the same entries that of tom was {'x': '1'}."
    )


def test_lost_state_machine_is_reported() -> None:
    """A server that goes on after a restart with an empty state machine differs from itself before."""
    servers = Servers("tom", "jerry")
    for name in ("tom", "jerry"):
        entries = servers.log(name, ONE, Set(key="y", value="2"))
    servers.apply("tom", *entries)
    servers.apply("jerry", entries[0])
    servers.start("jerry")
    servers.apply("jerry", entries[1])

    assert EQUAL_STATES.name in servers.broken()


@pytest.mark.parametrize("state", [SimpleNamespace(), None, [], {"x": SimpleNamespace()}])
def test_state_machines_of_other_kinds_are_not_compared(state: Any) -> None:
    """What cannot be copied and compared by value is not judged."""
    servers = Servers("tom", "jerry")
    for name in ("tom", "jerry"):
        entries = servers.log(name, ONE)
        servers.hosts[name].node.state_machine = state if name == "tom" else {}
        servers.event(name, ("apply", entries[0]))

    assert [] == servers.broken()


def test_other_entries_may_give_another_state() -> None:
    """Servers that have applied different entries are not compared: that is another rule's matter."""
    servers = Servers("tom", "jerry")
    servers.apply("tom", *servers.log("tom", ONE))
    servers.apply("jerry", *servers.log("jerry", TWO))

    assert [] == servers.broken()


# Linearizable reads.


def written(value: Set = ONE) -> Servers:
    """Return servers of which tom has acknowledged a write to x."""
    servers = Servers("tom", "jerry")
    servers.ask("client#1", value)
    servers.apply("tom", *servers.log("tom", value))
    servers.answer("tom", "client#1", Ok())
    return servers


def test_stale_read_is_reported() -> None:
    """A read that was asked after a write was acknowledged, and does not see it."""
    servers = written()
    servers.ask("client#2", Get(key="x"))
    servers.answer("jerry", "client#2", Ok(value=None))
    violation = servers.properties.violations[LINEARIZABLE_READS.name]

    assert ("jerry",) == violation.servers
    assert "jerry answers 'get x' with nothing, and 'set x 1' was acknowledged before that was asked." == violation.text


def test_read_may_see_a_write_that_is_under_way() -> None:
    """A read that was asked before the acknowledgement may see the old value or the new one."""
    for value in ("1", None):
        servers = Servers("tom", "jerry")
        servers.ask("client#1", ONE)
        servers.ask("client#2", Get(key="x"))
        servers.apply("tom", *servers.log("tom", ONE))
        servers.answer("tom", "client#1", Ok())
        servers.answer("jerry", "client#2", Ok(value=value))
        assert [] == servers.broken()


def test_second_read_may_not_go_back() -> None:
    """Once a read has seen a write, a later read has to see it as well, even if the write was never acknowledged."""
    servers = Servers("tom", "jerry")
    servers.ask("client#1", ONE)
    servers.apply("tom", *servers.log("tom", ONE))
    servers.ask("client#2", Get(key="x"))
    servers.answer("tom", "client#2", Ok(value="1"))
    servers.ask("client#3", Get(key="x"))
    servers.answer("jerry", "client#3", Ok(value=None))

    assert [LINEARIZABLE_READS.name] == servers.broken()


def test_read_that_takes_too_long_to_judge_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the search for an order runs out of steps, the read is neither right nor wrong: the rule could not be judged."""
    monkeypatch.setattr(reads, "STEPS_MAX", 0)
    servers = written()
    servers.ask("client#2", Get(key="x"))
    servers.answer("jerry", "client#2", Ok(value=None))

    assert [] == servers.broken()
    assert "whether reads of 'x' are linearizable could not be judged" in servers.properties.unjudged[0]
    assert "the search for an order of 2 requests ended after 0 steps" in servers.properties.unjudged[0]


def test_refused_write_and_refused_read() -> None:
    """A refused read says nothing; a refused write may or may not have happened."""
    for value in ("2", "1"):
        servers = written()
        servers.ask("client#2", TWO)
        servers.answer("jerry", "client#2", NotLeader())
        servers.ask("client#3", Get(key="x"))
        servers.answer("jerry", "client#3", NotLeader())
        servers.ask("client#4", Get(key="x"))
        servers.answer("tom", "client#4", Ok(value=value))
        assert [] == servers.broken()


def test_value_that_nobody_wrote_is_reported() -> None:
    """No order explains it."""
    servers = written()
    servers.ask("client#2", Get(key="x"))
    servers.answer("tom", "client#2", Ok(value="7"))

    assert [LINEARIZABLE_READS.name] == servers.broken()


def test_reads_of_what_was_on_disk() -> None:
    """An entry that a server has on disk at first may be read, or may not have been committed."""
    for value in ("1", None):
        servers = Servers()
        log = Log([Entry(index=1, term=1, command=ONE)])
        log.changes.clear()
        node = SimpleNamespace(log=log, current_term=1, is_leader=False, effects=[], state_machine={})
        servers.hosts["tom"] = SimpleNamespace(name="tom", node=node, up=True, disk={})
        servers.properties.begins(servers.hosts["tom"])
        servers.event("tom")
        servers.ask("client#1", Get(key="x"))
        servers.answer("tom", "client#1", Ok(value=value))
        assert [] == servers.broken()


# Exactly once.


def twice(*, done_again: bool, client: str = "ann#1", snapshot: bool = False) -> Servers:
    """Let a client's first write be in the log before and after another one, and tom apply each in an event of its own."""
    servers = Servers("tom")
    servers.ask(client, ONE)
    entries = servers.log("tom", ONE, TWO, ONE)
    servers.apply("tom", entries[0])
    servers.apply("tom", entries[1])
    if snapshot:
        servers.hosts["tom"].node.log.compact(Snapshot(last_included_index=2, last_included_term=1, data=""))
        servers.event("tom")
        servers.start("tom", state_machine={"x": "2"})
    if done_again:
        servers.apply("tom", entries[2])
    else:
        servers.event("tom", ("apply", entries[2]))
    return servers


def test_repeated_command_of_a_client_with_a_name() -> None:
    """It is carried out once; without a name, the client promises nothing."""
    assert [] == twice(done_again=False).broken()
    assert [] == twice(done_again=True, client="client#1").broken()
    broken = twice(done_again=True)
    assert [EXACTLY_ONCE.name] == broken.broken()
    assert (
        "tom carries out 'set x 1' at index 3 again: x is '1', and would be '2'."
        == broken.properties.violations[EXACTLY_ONCE.name].text
    )


def test_repetition_after_a_snapshot() -> None:
    """Whether a command is repeated is still known after a restart, as far as the state is."""
    assert [] == twice(done_again=False, snapshot=True).broken()
    assert [EXACTLY_ONCE.name] == twice(done_again=True, snapshot=True).broken()


def test_repeated_command_of_a_session() -> None:
    """Session and serial number say what is the same command, not the client."""
    for serial, expected in ((1, [EXACTLY_ONCE.name]), (2, [])):
        servers = Servers("tom")
        first, again = (
            InSession(session=4, serial=number, command=Append(key="x", value="a")) for number in (1, serial)
        )
        entries = servers.log("tom", first, again)
        servers.hosts["tom"].node.state_machine["x"] = "a"
        servers.event("tom", ("apply", entries[0]))
        servers.hosts["tom"].node.state_machine["x"] = "aa"
        servers.event("tom", ("apply", entries[1]))
        assert expected == servers.broken()


def test_repetitions_within_an_event() -> None:
    """Both copies may be applied in one event; a repetition that changes nothing is none."""
    servers = Servers("tom")
    servers.ask("ann#1", ONE)
    servers.apply("tom", *servers.log("tom", ONE, ONE))
    assert [] == servers.broken()
    servers.apply("tom", *servers.log("tom", TWO, ONE)[2:])
    assert [EXACTLY_ONCE.name] == servers.broken()


# Both ways in.


def both(node_class: type, profile: str, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the violations of a recorded run, and those that its trace shows."""
    scenario = adversity(None, profile, seed, node_class=node_class, seconds=6)
    trace = Trace(scenario.servers)
    live = RecordedProperties(lambda: len(trace) - 1, ALL_RULES)
    simulation = Simulation(scenario, node_class, trace=trace, monitor=live)
    simulation.run_until(scenario.end_us)
    stored = simulation.written_trace
    stored.scenario = scenario.to_text()
    replayed = check_trace(Trace.from_text(stored.to_text()), ALL_RULES)
    return live.violations, {violation.rule.name: violation for violation in replayed}


@pytest.mark.parametrize("profile", PROFILES)
def test_trace_gets_the_verdict_of_its_run(profile: str) -> None:
    """A stored trace shows what the run broke, with the same words."""
    for node_class in (safety_bugs.AppliesTwice, safety_bugs.ReadsAtOnce, safety_bugs.DeposedLeaderForgets):
        live, replayed = both(node_class, profile, 1)
        assert live == replayed


@pytest.mark.parametrize("step, is_watched", [(3, False), (10, False), (11, True), (12, True)])
def test_cluster_checks_applying_from_the_step_that_keeps_it(step: int, is_watched: bool) -> None:
    """A recorded run checks the rules about applying only if its step keeps them."""
    monitor = watched_run.begin(adversity(step, "calm", 0, seconds=1)).monitor
    assert isinstance(monitor, RecordedProperties)

    assert is_watched == (monitor._applying is not None)


def read_rule(*events: tuple[str, str]) -> list[str]:
    """Let clients ask (``client: request``), a server apply (``apply: command``) and answer (``client: response``).

    Returns:
        The texts of the reports.
    """
    reports: list[str] = []
    rule = ReadRule(lambda _rule, _now_us, text, *_servers: reports.append(text), reports.append)
    requests: dict[str, Any] = {}
    index = 0
    for who, text in events:
        if who == "apply":
            index += 1
            command: Any = requests.get(text) or parse_command(text)
            rule.apply(Entry(index=index, term=1, command=command))
        elif text.startswith("= "):
            rule.answer("tom", who, Mismatch() if text == "= no" else Ok(value=text[2:] or None), 0)
        else:
            requests[text] = parse_command(text)
            rule.ask(who, requests[text])
    return reports


def test_repeated_command_of_a_session_is_one_write() -> None:
    """A command of a session that is applied twice has taken effect once, so a later value is not overwritten."""
    asked = ("ann", "append x 1 as 4.1"), ("ann", "append x 1 as 4.1"), ("bob", "append x 2")
    applied = ("apply", "append x 1 as 4.1"), ("apply", "append x 2"), ("apply", "append x 1 as 4.1")
    answered = ("ann", "= 1"), ("bob", "= 12")

    assert [] == read_rule(*asked, *applied, *answered, ("cat", "get x"), ("cat", "= 12"))
    assert 1 == len(read_rule(*asked, *applied, *answered, ("cat", "get x"), ("cat", "= 121")))


def test_failed_compare_and_set_changes_nothing() -> None:
    """A read after a compare-and-set sees the old value if the answer was a mismatch, and the new one otherwise."""
    before = ("ann", "set x 1"), ("apply", "set x 1"), ("ann", "= "), ("bob", "cas x 2 3"), ("apply", "cas x 2 3")

    assert [] == read_rule(*before, ("bob", "= no"), ("cat", "get x"), ("cat", "= 1"))
    assert 1 == len(read_rule(*before, ("bob", "= no"), ("cat", "get x"), ("cat", "= 3")))
