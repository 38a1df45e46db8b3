"""What a scope allows is found, and what it does not allow is not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker import (
    EXHAUSTED,
    Predicate,
    Scope,
    Search,
    StateView,
    leader,
    predicate,
    run_schedule,
)
from tests.verify.model_checker.search_tools import VOTES, BatchingNode, CompactingNode, LaterNode

SERVERS = ("tom", "jerry", "spike")


def reached(scope: Scope, found: Predicate, node_class: type | None = None, **settings: Any) -> bool:
    """Return whether a predicate finds something in a state of a scope."""
    result = Search(node_class or 8, **settings).run(scope, goal=found)
    assert result.found or result.outcome == EXHAUSTED
    return result.found


def term(server: str, wanted: int) -> Predicate:
    """Return a predicate that finds a server in a term."""
    return predicate(f"{server} in term {wanted}", lambda view: view[server].term == wanted)


# Timers.


@pytest.mark.parametrize(
    "timeouts, terms",
    [
        ({}, (0, 0)),
        ({"election": 2}, (2, 2)),
        ({"tom election": 3}, (3, 0)),
        ({"each election": 1}, (1, 1)),
        ({"election": 3, "tom election": 1}, (1, 3)),
        ({"heartbeat": 5}, (0, 0)),
    ],
)
def test_timers_run_out_as_often_as_they_may(timeouts: dict[str, int], terms: tuple[int, int]) -> None:
    """A bound counts for all servers, for each, or for one; without messages, a term counts a server's elections."""
    scope = Scope(timeouts=timeouts, messages=())
    for server, most in zip(("tom", "jerry"), terms, strict=True):
        assert reached(scope, term(server, most))
        assert not reached(scope, term(server, most + 1))


def test_timer_of_zero_seconds_needs_no_bound() -> None:
    """It runs out as often as it is started, before or after other events, unless the scope bounds it."""

    def calls(*lengths: int) -> Predicate:
        """Return a predicate that finds calls to jerry in flight, with these numbers of entries."""

        def find(view: StateView) -> bool:
            sent = [packet.message for packet in view.in_flight if packet.sender == "tom"]
            return lengths == tuple(sorted(len(message.entries) for message in sent if hasattr(message, "entries")))

        return predicate("calls", find)

    def found(goal: Predicate, **bounds: int) -> bool:
        scope = Scope(timeouts={"tom election": 1} | bounds, commands=("set x 1", "set y 2"))
        return reached(scope, goal, BatchingNode, servers=2)

    assert found(calls(0, 1, 2))  # a heartbeat, then one write after the other
    assert found(calls(2))  # all of it together
    assert not found(calls(0, 0, 1, 2))  # without a write, nothing is sent again
    assert not found(calls(0, 1, 2), batch=2)
    assert not found(calls(0), batch=0)


def test_timer_of_zero_seconds_cannot_start_itself() -> None:
    """In the timer's own handler that is an error of the Node, as in a simulation, and its replay ends with it, too."""

    class Endless(BatchingNode):
        """A node whose batches never end."""

        def on_batch_timeout(self) -> None:
            """Start the timer again."""
            self.start_timer("batch", 0)

    result = Search(Endless, servers=2).run(Scope(timeouts={"tom election": 1}), goal=leader("jerry"))

    assert "tom's on_batch_timeout" in str(result.error)
    assert "in its own handler it would run out for ever" in str(result.error)
    assert result.schedule is not None
    assert "timeout tom batch" == str(result.schedule.steps[-1])
    assert str(result.error) == str(run_schedule(result.schedule, node=Endless).error)


# Links and messages.


@pytest.mark.parametrize(
    "settings, leads",
    [
        ({}, True),
        ({"cut": ("tom",)}, False),
        ({"cut": ("tom>jerry", "tom>spike")}, False),
        ({"cut": ("tom>jerry",)}, True),
        ({"only": ("tom>jerry", "jerry>tom")}, True),
        ({"only": ("tom>jerry",)}, False),
        ({"only": ("tom>jerry", "jerry>tom"), "cut": ("jerry>tom",)}, False),
        ({"messages": ("RequestVote",)}, False),
        ({"messages": ("RequestVote", "RequestVoteReply")}, True),
        ({"in_flight": 1}, False),
        ({"in_flight": 4}, True),
    ],
)
def test_blocked_links_carry_nothing(settings: dict[str, Any], leads: bool) -> None:
    """Tom is elected if its request and one answer arrive, and only then."""
    assert leads == reached(Scope(timeouts={"tom election": 1}, **settings), leader("tom"))


def test_losses_and_copies_are_bounded() -> None:
    """As many messages are lost or copied as the bounds allow, and no more."""
    lost = predicate("both are lost", lambda view: view["tom"].term == 1 and not view.in_flight)
    twice = predicate("two answers", lambda view: len([f for f in view.in_flight if f.sender == "jerry"]) == 2)
    for count, bound in ((1, False), (2, True)):
        assert bound == reached(Scope(timeouts={"tom election": 1}, drops=count, messages=()), lost)
    for count, bound in ((0, False), (1, True)):
        scope = Scope(timeouts={"tom election": 1}, duplicates=count, cut=("spike",))
        assert bound == reached(scope, twice)


# Crashes and restarts.


def test_crash_keeps_the_durable_fields_only() -> None:
    """After a crash and a restart, step 8 has lost its term; a node that stores it has not."""

    def remembers(view: StateView) -> bool:
        crashed_once = view["tom"].node is not None and view["tom"].timers == ("election",)
        return crashed_once and view["tom"].term == 1 and view["tom"].node.votes == set()

    scope = Scope(timeouts={"tom election": 1}, crashes={"tom": 1}, messages=())

    assert not reached(scope, predicate("remembers", remembers))
    assert reached(scope, predicate("remembers", remembers), LaterNode)


def test_crashes_and_restarts_are_bounded() -> None:
    """As many servers crash as the bounds allow, and those restart that may."""

    def down(count: int) -> Predicate:
        return predicate(f"{count} down", lambda view: len(view.up()) == 3 - count)

    assert reached(Scope(crashes=2), down(2))
    assert not reached(Scope(crashes=2), down(3))
    assert not reached(Scope(crashes={"tom": 3}), down(2))
    back = predicate("jerry is back", lambda view: view["tom"].node is None and len(view.up()) == 2)
    for restarts, found in ((True, True), (("jerry",), True), (("tom",), True), (False, True)):
        assert found == reached(Scope(crashes={"tom": 1}, restarts=restarts), back)
    lives = Search(8).run(Scope(crashes={"tom": 1}, restarts=False))
    assert (2, 3) == (lives.states, Search(8).run(Scope(crashes={"tom": 2})).transitions - 1)


def test_snapshots_are_bounded() -> None:
    """As many servers take a snapshot as the bound allows, if their Node can and something new is applied."""

    def compacted(*indices: int) -> Predicate:
        return predicate(f"{indices}", lambda view: tuple(server.log.base_index for server in view) == indices)

    scope = Scope(timeouts={"tom election": 1}, commands=("set x 1", "set x 2"), snapshots=2)
    for indices in ((1, 0), (2, 0), (1, 1)):
        assert reached(scope, compacted(*indices), CompactingNode, servers=2), indices
    once = dataclasses.replace(scope, commands=("set x 1",), snapshots=1)
    assert not reached(once, compacted(1, 1), CompactingNode, servers=2)
    assert not reached(once, compacted(1, 0), LaterNode, servers=2)


def test_snapshot_is_part_of_the_schedule() -> None:
    """What a search finds is replayed, told and recorded with the snapshot."""
    scope = Scope(timeouts={"tom election": 1}, commands=("set x 1",), snapshots=1)
    goal = predicate("compacted", lambda view: view["tom"].log.base_index == 1)
    result = Search(CompactingNode, servers=2).run(scope, goal=goal)

    assert result.schedule is not None
    assert "snapshot tom" == str(result.schedule.steps[-1])
    assert "tom takes a snapshot: it has a snapshot up to 1" in str(result)
    assert 1 == result.replay().view()["tom"].log.base_index


# Clients.


def test_command_is_asked_once_and_of_the_leader() -> None:
    """A command is sent to a leader, or to the server that it names, once; the order of commands is free."""

    def log_of_tom(*commands: str) -> Predicate:
        wanted = list(commands)
        return predicate(str(wanted), lambda view: [command_text(entry.command) for entry in view["tom"].log] == wanted)

    scope = Scope(
        timeouts={"tom election": 1}, commands=("set x 1", "set y 2 to tom", "set z 3 to jerry"), messages=VOTES
    )
    for commands, found in (
        (("set x 1", "set y 2"), True),
        (("set y 2", "set x 1"), True),
        (("set x 1", "set x 1"), False),
        (("set z 3",), False),
    ):
        assert found == reached(scope, log_of_tom(*commands)), commands


def test_initial_state_is_given() -> None:
    """Logs, terms and a leader that are given are there before the first event."""
    search = Search(8, logs={"tom": "1 set x 1; 2 set y 2"}, terms={"jerry": 7}, leader="spike")
    result = search.run(goal=predicate("there", lambda view: len(view["tom"].log) == 2 and view["jerry"].term == 7))

    assert result.found
    assert ["spike"] == [seen.name for seen in result.replay().view().leaders()]
    assert result.schedule is not None
    assert "leader spike; log tom 1 'set x 1' 2 'set y 2'; term jerry 7" in result.schedule.to_text()


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"timeouts": {"tim election": 1}}, "there is no server 'tim'; did you mean 'tom'"),
        ({"timeouts": {"election": -1}}, "the number of timeouts of election is 0 or more, not -1"),
        ({"crashes": -1}, "the number of crashes is 0 or more, not -1"),
        ({"crashes": {"jery": 1}}, "did you mean 'jerry'"),
        ({"restarts": ("jery",)}, "did you mean 'jerry'"),
        ({"snapshots": -1}, "the number of snapshots is 0 or more, not -1"),
        ({"drops": 1.5}, "the number of drops is 0 or more, not 1.5"),
        ({"cut": "tom>jerry"}, "lacks its comma"),
        ({"cut": ("tom>jery",)}, "did you mean 'jerry'"),
        ({"commands": ("put x 1",)}, "is not a command"),
        ({"commands": ("delete x to jery",)}, "did you mean 'jerry'"),
        ({"in_flight": -1}, "in_flight is a number of messages"),
    ],
)
def test_scope_that_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    """A bound that is not a number, and a name of no server, are refused."""
    with pytest.raises(ScenarioError, match=words):
        Search(8).run(Scope(**settings))


# Events that change nothing are left out.


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["Election Safety", "One Vote per Term", "Log Matching", "Acknowledged Writes Last"])
def test_inert_deliveries_change_no_verdict(rule: str) -> None:
    """With the deliveries that change nothing, the verdict and the length of the shortest run are the same."""
    for scope in ({"timeouts": {"election": 2}}, {"timeouts": {"election": 1}, "commands": ("set x 1",)}):
        short, long = (Search(8).run(Scope(**scope, in_flight=most), invariants=rule) for most in (None, 99))
        assert (short.outcome, short.what) == (long.outcome, long.what)
        assert (short.schedule and len(short.schedule.steps)) == (long.schedule and len(long.schedule.steps))
        assert short.states <= long.states
