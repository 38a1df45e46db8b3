"""Checking a recorded run: the trace of a run gets the verdict that the run itself got."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from raft_steps import STEPS, node
from raft_steps.lab import check_trace
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.conformance import entries
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.properties import RULES, properties_of_trace, watched_run
from raft_steps.lab.verify.properties.monitor import RecordedProperties
from raft_steps.lab.verify.properties.rules import ELECTION_SAFETY, TERMS_GROW
from tests.checks.wrong_nodes import properties, properties_of_members
from tests.checks.wrong_nodes.properties_of_steps import BROKEN_BY_STEPS
from tests.helpers.raft_fixture import RaftNode
from tests.helpers.runs import rich_run

MISTAKES = (*properties.MISTAKES, *properties_of_members.MISTAKES)
STEPS_WITH_ELECTIONS = [step.number for step in STEPS if step.number >= 4]
SEEDS = 3  # of each profile, each with a third of the steps
VOTE = {"message": "jerry>tom#1", "from": "jerry", "type": "RequestVote", "term": 1}


def both(scenario: Scenario, node_class: type | None = None) -> tuple[RecordedProperties, RecordedProperties]:
    """Return what was found while a scenario ran, and what its trace shows once it was stored and read."""
    simulation = watched_run.begin(scenario, node_class)
    simulation.run_until(scenario.end_us)
    live = simulation.monitor
    assert isinstance(live, RecordedProperties)
    return live, properties_of_trace(Trace.from_text(simulation.written_trace.to_text()))


def assert_same(live: RecordedProperties, replayed: RecordedProperties) -> None:
    """Require the same rules, in the same order, with the same events, times, servers and words."""
    assert list(live.violations.values()) == list(replayed.violations.values())
    assert live.events == replayed.events
    assert live.elections == replayed.elections


@pytest.mark.parametrize("node_class, rule, line", MISTAKES, ids=lambda value: getattr(value, "__name__", ""))
def test_wrong_node_gets_the_verdict_of_its_run(node_class: type, rule: str, line: str) -> None:
    """For every wrong Node the trace shows the rule that broke first, and all that broke after it."""
    live, replayed = both(Scenario.parse(line), node_class)

    assert_same(live, replayed)
    assert rule == next(iter(replayed.violations))


@pytest.mark.parametrize("step, rule, line", BROKEN_BY_STEPS)
def test_step_gets_the_verdict_of_its_run(step: int, rule: str, line: str) -> None:
    """The trace of a step that does not keep a rule yet shows that it breaks."""
    live, replayed = both(Scenario.parse(line), node(step))

    assert_same(live, replayed)
    assert rule in replayed.violations


def test_hand_driven_run_gets_its_verdict() -> None:
    """A run with clients, partitions, pauses and crashes that was driven by calls gets the verdict of its cluster."""
    for step in (1, 8, 12):
        cluster = rich_run(step)
        assert cluster.violations == check_trace(cluster.trace)


def profile_runs() -> Iterator[tuple[Scenario, type | None]]:
    """Yield some seeds of every profile for every step with elections, and for a right Node."""
    for profile in PROFILES:
        for seed in range(SEEDS):
            for step in STEPS_WITH_ELECTIONS[seed % 3 :: 3]:  # every third step, in turns
                yield adversity(step, profile, seed, seconds=6), None
            yield adversity(None, profile, seed, node_class=RaftNode, seconds=6), RaftNode


@pytest.mark.slow
def test_adverse_runs_get_their_verdicts() -> None:
    """In some runs of all profiles, stored traces get the verdicts of the runs; many of them break something."""
    runs = broken = 0
    for scenario, node_class in profile_runs():
        live, replayed = both(scenario, node_class)
        assert_same(live, replayed)
        runs, broken = runs + 1, broken + bool(live.violations)

    assert runs >= len(PROFILES) * len(STEPS_WITH_ELECTIONS)
    assert broken >= runs // 5


@pytest.mark.slow
def test_stored_scenarios_get_their_verdicts() -> None:
    """So do the scenarios of the catalogue, in turns in the first step with elections and in the last step."""
    broken = 0
    for number, entry in enumerate(entries()):
        live, replayed = both(entry.scenario(STEPS_WITH_ELECTIONS[-(number % 2)], 1))
        assert_same(live, replayed)
        broken += bool(live.violations)

    assert broken


def test_rules_can_be_chosen() -> None:
    """Only the rules that were asked for are reported; the trace may be given as text."""
    scenario = Scenario.parse(next(line for step, rule, line in BROKEN_BY_STEPS if rule == ELECTION_SAFETY.name))
    simulation = watched_run.begin(scenario)
    simulation.run_until(scenario.end_us)
    text = simulation.written_trace.to_text()

    assert [ELECTION_SAFETY] == [each.rule for each in check_trace(text, [ELECTION_SAFETY])]
    assert () == check_trace(text, [TERMS_GROW])
    assert ELECTION_SAFETY in [each.rule for each in check_trace(text, RULES)]


# What a trace shows, event by event.


TraceRow = tuple[int, str, str, dict[str, Any]]  # time, kind, server, details


def small_trace(*events: TraceRow) -> Trace:
    """Build a trace of two servers that start in term 1 with empty logs, and of these events."""
    trace = Trace(("tom", "jerry"))
    for name in trace.servers:
        fields = {"current_term": 1, "voted_for": None, "is_leader": False, "commit_index": 0}
        trace.add(0, "started", name, {"life": 1, "log": [], "changes": fields})
    for time_us, kind, server, detail in events:
        trace.add(time_us, kind, server, detail)
    return trace


def granted(to: str, number: int = 1) -> dict[str, Any]:
    """Describe a granted vote on its way."""
    fields = {"term": 1, "vote_granted": True}
    return {"message": f"tom>{to}#{number}", "to": to, "type": "RequestVoteReply", "fields": fields, "due": 9}


def test_event_number_is_that_of_the_change() -> None:
    """A violation is at the last event before the effects of what broke the rule."""
    trace = small_trace(
        (5, "timer_fired", "tom", {"timer": "election", "changes": {"is_leader": True}}),
        (5, "role", "tom", {"role": "leader"}),
        (5, "timer_started", "tom", {"timer": "heartbeat", "due": 9}),
        (7, "timer_fired", "jerry", {"timer": "election", "changes": {"is_leader": True}}),
        (7, "role", "jerry", {"role": "leader"}),
        (7, "timer_started", "jerry", {"timer": "heartbeat", "due": 9}),
    )
    found = properties_of_trace(trace)

    assert {"Election Safety": 6} == found.events
    assert ["jerry leads in term 1, and tom has led in it since 0.000005 s."] == [
        each.text for each in check_trace(trace)
    ]
    assert 2 == found.elections


def test_last_event_of_a_trace_is_checked() -> None:
    """A trace may end with any event: what a node did last is checked, too."""
    trace = small_trace((5, "timer_fired", "tom", {"timer": "election", "changes": {"current_term": 0}}))

    assert ["Terms Never Go Back"] == [each.rule.name for each in check_trace(trace)]


def test_dropped_message_counts_as_sent() -> None:
    """A vote whose message is lost was given all the same, and what follows the loss belongs to the same event."""
    trace = small_trace(
        (5, "delivered", "tom", VOTE),
        (5, "sent", "tom", granted("jerry")),
        (
            5,
            "dropped",
            "jerry",
            {"message": "tom>jerry#1", "from": "tom", "type": "RequestVoteReply", "reason": "lost"},
        ),
        (5, "sent", "tom", granted("spike")),
    )

    assert ["One Vote per Term"] == [each.rule.name for each in check_trace(trace)]


def test_event_whose_disk_failed_did_not_happen() -> None:
    """A crash in the middle of an event undoes it; a crash after it does not."""
    lower_term = 5, "timer_fired", "tom", {"timer": "election", "changes": {"current_term": 0}}

    assert () == check_trace(small_trace(lower_term, (5, "crashed", "tom", {"disk": "lose"})))
    assert 1 == len(check_trace(small_trace(lower_term, (5, "crashed", "tom", {}))))


def test_torn_disk_is_the_one_that_the_restart_shows() -> None:
    """After a torn write the disk has what the server restarts with, and nothing more was promised."""
    entry = {"index": 1, "term": 1, "command": "set x 1"}
    torn: list[TraceRow] = [
        (5, "timer_fired", "tom", {"timer": "election"}),
        (5, "appended", "tom", entry),
        (
            7,
            "timer_fired",
            "tom",
            {"timer": "election"},
        ),  # It replaces the entry, and its disk only deletes the old one.
        (7, "crashed", "tom", {"disk": "tear"}),
    ]
    restart: dict[str, Any] = {
        "life": 2,
        "changes": {"current_term": 1, "voted_for": None, "is_leader": False, "commit_index": 0},
    }

    assert () == check_trace(small_trace(*torn, (9, "restarted", "tom", restart | {"log": []})))
    assert () == check_trace(small_trace(*torn, (9, "restarted", "tom", restart | {"log": [entry]})))
    whole: list[TraceRow] = [*torn[:2], (7, "crashed", "tom", {}), (9, "restarted", "tom", restart | {"log": []})]
    assert ["Promises Outlive Crashes"] == [each.rule.name for each in check_trace(small_trace(*whole))]


def test_event_that_failed_at_once_is_not_checked() -> None:
    """A node that failed before anything was stored or sent did nothing that others could see."""
    lower_term = 5, "timer_fired", "tom", {"timer": "election", "changes": {"current_term": 0}}
    failed = 5, "failed", "tom", {"error": "returned 7"}

    assert () == check_trace(small_trace(lower_term, failed))
    assert 1 == len(
        check_trace(small_trace(lower_term, (5, "timer_started", "tom", {"timer": "election", "due": 9}), failed))
    )


def test_role_stands_in_for_a_property() -> None:
    """A Node that computes `is_leader` does not show it as a field; the role does."""
    events = [
        (0, "started", name, {"life": 1, "log": [], "changes": {"current_term": 1, "voted_for": None}})
        for name in ("tom", "jerry")
    ]
    trace = Trace(("tom", "jerry"))
    for event in events:
        trace.add(*event)
    for name in trace.servers:
        trace.add(3, "timer_fired", name, {"timer": "election"})
        trace.add(3, "role", name, {"role": "leader"})

    assert ["Election Safety"] == [each.rule.name for each in check_trace(trace)]


def test_two_logs_are_refused() -> None:
    """A trace in which a server's entries do not form one log is refused, with the reason."""
    trace = small_trace(
        (5, "timer_fired", "tom", {"timer": "election"}),
        (5, "appended", "tom", {"index": 1, "term": 1, "command": "set x 1"}),
        (5, "appended", "tom", {"index": 1, "term": 1, "command": "set y 1"}),
    )
    with pytest.raises(ScenarioError, match="the log of tom ends at index 1, and index 1 is appended"):
        check_trace(trace)


def test_text_that_is_not_a_trace_is_refused() -> None:
    """Text is read as a trace, and refused if it is not one."""
    with pytest.raises(ScenarioError):
        check_trace("raft-steps 8")


class LeadsTwice(RaftNode):
    """Leads in whatever term it has as soon as its first timer runs out, and then returns something."""

    def on_election_timeout(self) -> Any:
        self.is_leader = True
        return self.current_term


def test_run_that_fails_gets_its_verdict() -> None:
    """A run that an error of the Node ends is checked up to that event."""
    simulation = watched_run.begin(
        Scenario.parse("raft-steps 1; servers tom jerry spike; seed 1; until 60"), LeadsTwice
    )
    with pytest.raises(NodeError):
        simulation.run_until(60_000_000)
    live = simulation.monitor

    assert isinstance(live, RecordedProperties)
    assert_same(live, properties_of_trace(simulation.written_trace))


class TermOfText(RaftNode):
    """Counts its terms in a text."""

    def on_election_timeout(self) -> None:
        """Enter a term that cannot be compared with a number."""
        self.current_term = "second"  # type: ignore[assignment]


def test_field_that_cannot_be_compared_is_stated() -> None:
    """A run whose term is a text goes on, and its check is an error with the reason, not the verdict that all is well."""
    simulation = watched_run.begin(Scenario.parse("raft-steps 1; servers tom jerry; seed 1; until 60"), TermOfText)
    with contextlib.suppress(NodeError):
        simulation.run_until(60_000_000)
    live = simulation.monitor

    assert isinstance(live, RecordedProperties)
    assert "the properties of Raft cannot be checked from event" in live.gave_up
    assert "TypeError" in live.gave_up
    with pytest.raises(ScenarioError, match="the properties of Raft cannot be checked from event"):
        check_trace(simulation.written_trace)


def test_cluster_that_cannot_be_judged_has_no_empty_verdict() -> None:
    """An empty list of violations would mean that all is well: instead, the reason is an error."""
    cluster = Cluster(TermOfText, ("tom", "jerry"), seed=1)
    with contextlib.suppress(NodeError):
        cluster.run(60)

    with pytest.raises(ScenarioError, match="could not be judged: the properties of Raft cannot be checked from event"):
        cluster.violations  # noqa: B018  # Reading it raises.
