"""What a search leaves out hides nothing that a predicate can look at: it is compared with a search of everything."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker import (
    INVARIANTS,
    NOBODY_CAN_BE_ELECTED,
    TIME_OUT,
    Predicate,
    Scope,
    Search,
    StateView,
    acknowledged,
    committed,
    down,
    holds,
    leader,
    predicate,
)
from tests.verify.model_checker.plain_search import PlainSearch
from tests.verify.model_checker.search_tools import BatchingNode, CompactingNode, ForgetsItsVote, LaterNode

SILENT = predicate("nothing is on its way", lambda view: not view.in_flight)
ONE = {"election": 1}

SPACES: dict[str, tuple[type, tuple[str, ...], Scope]] = {
    "two servers": (node(8), ("tom", "jerry"), Scope(timeouts=ONE)),
    "two servers, a heartbeat": (node(6), ("tom", "jerry"), Scope(timeouts={"election": 1, "heartbeat": 1})),
    "two candidates": (node(9), ("tom", "jerry"), Scope(timeouts={"each election": 1})),
    "a write": (node(8), ("tom", "jerry"), Scope(timeouts={"tom election": 1}, commands=("set x 1",))),
    "a crash": (ForgetsItsVote, ("tom", "jerry"), Scope(timeouts={"tom election": 1}, crashes=1)),
    "a loss and a copy": (LaterNode, ("tom", "jerry"), Scope(timeouts=ONE, drops=1, duplicates=1)),
    "entries of a moment": (BatchingNode, ("tom", "jerry"), Scope(timeouts={"tom election": 1}, commands=("set x 1",))),
    "a snapshot": (
        CompactingNode,
        ("tom", "jerry"),
        Scope(timeouts={"tom election": 1}, crashes={"tom": 1}, commands=("set x 1",), snapshots=1),
    ),
    "three servers": (node(12), ("tom", "jerry", "spike"), Scope(timeouts={"tom election": 1})),
}


@cache
def everything(name: str) -> PlainSearch:
    """Return the search of everything in one of the spaces."""
    return PlainSearch(*SPACES[name])


def count_of(view: StateView, kind: str) -> int:
    """Return how many messages of a kind are in flight."""
    return sum(type(packet.message).__name__ == kind for packet in view.in_flight)


OWN = (
    SILENT,
    predicate("one message", lambda view: len(view.in_flight) == 1),
    predicate("two messages to jerry", lambda view: sum(p.to == "jerry" for p in view.in_flight) == 2),
    predicate("a heartbeat is on its way", lambda view: count_of(view, "AppendEntries") > 0),
    predicate("a vote is on its way", lambda view: count_of(view, "RequestVoteReply") > 0),
    predicate("jerry is silent", lambda view: all(p.sender != "jerry" for p in view.in_flight)),
    predicate("both in term 1", lambda view: all(server.term == 1 for server in view)),
    predicate("tom has two votes", lambda view: len(getattr(view["tom"].node, "votes", ())) == 2),
    predicate("jerry has voted", lambda view: getattr(view["jerry"].node, "voted_for", None) is not None),
    predicate("tom waits", lambda view: view["tom"].timers == ("election",)),
    predicate("one runs", lambda view: len(view.up()) == 1),
    predicate("two votes", lambda view: len(view.history("votes")) >= 2),
    predicate("somebody led", lambda view: bool(view.history("leads"))),
    predicate("three facts", lambda view: len(view.facts) >= 3),
    predicate("tom has a snapshot", lambda view: view["tom"].log.snapshot is not None),
    predicate("jerry has an entry", lambda view: view["jerry"].log.last_index > 0),
    leader(),
    leader("jerry"),
    down("jerry"),
    holds("jerry"),
    acknowledged("set x 1"),
    committed("set x 1"),
    NOBODY_CAN_BE_ELECTED,
    *INVARIANTS.values(),
)


PREDICATES = st.recursive(
    st.sampled_from(OWN),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda both: both[0] & both[1]),
        st.tuples(inner, inner).map(lambda both: both[0] | both[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(space=st.sampled_from(sorted(SPACES)), goal=PREDICATES)
def test_goal_has_the_verdict_of_a_search_of_everything(space: str, goal: Predicate) -> None:
    """A goal is found if a state has it, in the fewest events, and otherwise the space is exhausted."""
    node_class, servers, scope = SPACES[space]
    result = Search(node_class, servers).run(scope, goal=goal)
    depth = None if result.schedule is None else len(result.schedule.steps)

    assert (everything(space).depth_of(goal), result.found) == (depth, depth is not None)
    assert result.found or result.exhausted


def test_messages_without_effect_are_seen_to_arrive() -> None:
    """A goal about messages in flight is found, with and without a bound for them."""
    goal = predicate("tom leads and nothing is on its way", lambda view: view["tom"].leads and not view.in_flight)
    for in_flight in (None, 50):
        result = Search(8, servers=2).run(Scope(timeouts=ONE, in_flight=in_flight), goal=goal)

        assert result.found
        assert "deliver jerry>tom#2" == str(result.schedule.steps[-1] if result.schedule else "")
    assert Search(8, servers=2).probe(Scope(timeouts=ONE), goal=goal).found


@pytest.mark.parametrize("role", ["goal", "invariants", "prunes"])
def test_arrivals_are_left_out_unless_they_are_looked_at(role: str) -> None:
    """A predicate in any role that looks at messages makes the space larger; one that does not leaves it as it is."""

    def states(look: Predicate) -> int:
        given = look if role == "goal" else [look]
        return Search(8, servers=2).run(Scope(timeouts=ONE), **{role: given}).states  # type: ignore[arg-type]

    blind = predicate("nothing", lambda view: view["tom"].term > 9)
    seeing = predicate("nothing", lambda view: view["tom"].leads and len(view.in_flight) > 9)

    assert states(blind) < states(seeing)
    assert states(blind) == Search(8, servers=2).run(Scope(timeouts=ONE), symmetry=False).states


def test_facts_need_not_be_declared() -> None:
    """A predicate that does not declare the facts that it reads has the same verdict as one that does."""
    for needs in ((), ("votes",)):
        goal = predicate("two votes", lambda view: len(view.history("votes")) == 2, needs=needs)

        assert Search(8, servers=2).run(Scope(timeouts=ONE), goal=goal).found
    strict = predicate("the newest leader", lambda view: max(view.history("leads"))[0] > 1 if view.up() else "")
    with pytest.raises(ValueError, match="empty"):
        Search(8, servers=2).run(Scope(timeouts=ONE), goal=strict)
    careful = predicate("a leader", lambda view: [f"{server} led" for _, server in view.history("leads")][0:1])
    assert Search(8, servers=2).run(Scope(timeouts=ONE), goal=careful).found


def test_unknown_kind_of_facts_is_refused() -> None:
    """A misspelt kind of facts is an error, and not a kind without facts."""
    with pytest.raises(ScenarioError, match="no facts of the kind 'vote'; did you mean 'votes'"):
        Search(8, servers=2).run(goal=predicate("mine", lambda view: view.history("vote")))


@pytest.mark.parametrize(
    "reads, find, words",
    [
        ("nodes", lambda view: view.in_flight, "the messages in flight and declares reads={nodes}; add 'messages'"),
        ("logs", lambda view: view["tom"].leads, "leads of a server and declares reads={logs}; add 'nodes'"),
        ("logs", lambda view: view.up(), "node of a server and declares reads={logs}; add 'nodes'"),
        ("history", lambda view: view["tom"].log, "the servers and declares reads={history}; add 'nodes'"),
        ("messages", lambda view: view.facts, "the history and declares reads={messages}; add 'history'"),
        ("logs", lambda view: view["tom"].lock, "a server has no 'lock'"),
    ],
)
def test_looking_at_undeclared_parts_is_an_error(reads: str, find: Any, words: str) -> None:
    """A predicate that looks at more than it declares would find the same in states that differ; it is refused."""
    rule = Predicate(name="mine", find=lambda view: "found" if find(view) else "", reads=frozenset({reads}))
    with pytest.raises((ScenarioError, AttributeError), match=re.escape(words)):
        Search(8, servers=2).run(goal=rule)


def test_several_goals_are_all_there() -> None:
    """With several goals, states that differ only in names or in messages count, so a second search misses none."""
    led = Search(9, servers=2).run(Scope(timeouts=ONE), goal=leader(), goals=1000)

    assert {"tom", "jerry"} == {name for name in ("tom", "jerry") if led.go_on(goal=leader(name)).found}
    assert led.go_on(Scope(messages=()), goal=SILENT).found


def test_time_limit_holds_for_a_search_that_begins_again() -> None:
    """The time of the first search counts, when a predicate looks at messages and the search begins again."""
    ticks = iter(range(1000))
    goal = predicate("late", lambda view: view["tom"].leads and len(view.in_flight) > 9)
    result = Search(8, servers=2).run(Scope(timeouts=ONE), goal=goal, seconds=9, clock=lambda: next(ticks))

    assert TIME_OUT == result.outcome
    assert 10 == next(ticks)
