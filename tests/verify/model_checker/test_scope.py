"""What a scope allows happens, what it does not allow does not, and what a node holds is compared as it should be."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps import node
from raft_steps.lab.commands import Set
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.verify.model_checker import EXHAUSTED, Predicate, Scope, Search, StateView, leader, predicate
from raft_steps.lab.verify.model_checker.freezing import ValueFreezer
from raft_steps.lab.verify.model_checker.interning import DeterministicStream
from tests.verify.model_checker.search_tools import VOTES, LaterNode

SERVERS = ("tom", "jerry", "spike")


def reached(scope: Scope, found: Predicate, node_class: type | None = None, **settings: Any) -> bool:
    """Say whether a scope has a state in which a predicate finds something."""
    result = Search(node_class or 8, **settings).run(scope, goal=found)
    assert result.found or result.outcome == EXHAUSTED
    return result.found


def term(server: str, wanted: int) -> Predicate:
    """Find a server in a term."""
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
    """A bound holds for all servers, for each, or for one; without messages, a term counts the elections of a server."""
    scope = Scope(timeouts=timeouts, messages=())
    for server, most in zip(("tom", "jerry"), terms, strict=True):
        assert reached(scope, term(server, most))
        assert not reached(scope, term(server, most + 1))


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
def test_closed_links_carry_nothing(settings: dict[str, Any], leads: bool) -> None:
    """Tom is elected where its call and one answer get through, and only there."""
    assert leads == reached(Scope(timeouts={"tom election": 1}, **settings), leader("tom"))


def test_losses_and_copies_are_bounded() -> None:
    """So many messages are lost, or arrive and stay, and no more."""
    lost = predicate("both are lost", lambda view: view["tom"].term == 1 and not view.in_flight)
    twice = predicate("two answers", lambda view: len([f for f in view.in_flight if f.sender == "jerry"]) == 2)
    for count, bound in ((1, False), (2, True)):
        assert bound == reached(Scope(timeouts={"tom election": 1}, drops=count, messages=()), lost)
    for count, bound in ((0, False), (1, True)):
        scope = Scope(timeouts={"tom election": 1}, duplicates=count, cut=("spike",))
        assert bound == reached(scope, twice)


# Lives.


def test_crash_keeps_the_durable_fields_only() -> None:
    """After a crash and a restart, term and vote are gone in step 8, and there where they are durable."""

    def remembers(view: StateView) -> bool:
        crashed_once = view["tom"].node is not None and view["tom"].timers == ("election",)
        return crashed_once and view["tom"].term == 1 and view["tom"].node.votes == set()

    scope = Scope(timeouts={"tom election": 1}, crashes={"tom": 1}, messages=())

    assert not reached(scope, predicate("remembers", remembers))
    assert reached(scope, predicate("remembers", remembers), LaterNode)


def test_crashes_and_restarts_are_bounded() -> None:
    """So many servers crash as may, and those come back that may."""

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


# Clients.


def test_command_is_asked_once_and_of_the_leader() -> None:
    """A command goes to whoever leads, or to the server that it names; each is asked once, in any order."""

    def logs(*lines: str) -> Predicate:
        wanted = list(lines)
        return predicate(
            str(lines), lambda view: [f"{e.command.key}{e.command.value}" for e in view["tom"].log] == wanted
        )

    scope = Scope(
        timeouts={"tom election": 1}, commands=("set x 1", "set y 2 to tom", "set z 3 to jerry"), messages=VOTES
    )
    for lines, found in ((("x1", "y2"), True), (("y2", "x1"), True), (("x1", "x1"), False), (("z3",), False)):
        assert found == reached(scope, logs(*lines)), lines


def test_initial_state_is_given() -> None:
    """Logs, terms and a leader are there before the first event."""
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
        ({"timeouts": {"election": -1}}, "a number from 0 on, not -1"),
        ({"crashes": {"jery": 1}}, "did you mean 'jerry'"),
        ({"restarts": ("jery",)}, "did you mean 'jerry'"),
        ({"drops": 1.5}, "how often drops may happen"),
        ({"cut": "tom>jerry"}, "lacks its comma"),
        ({"cut": ("tom>jery",)}, "did you mean 'jerry'"),
        ({"commands": ("put x 1",)}, "is not a command"),
        ({"commands": ("delete x to jery",)}, "did you mean 'jerry'"),
        ({"in_flight": -1}, "in_flight is a number of messages"),
    ],
)
def test_scope_that_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    """What is no bound, or names nobody, says so."""
    with pytest.raises(ScenarioError, match=words):
        Search(8).run(Scope(**settings))


# What is left out changes no verdict.


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["Election Safety", "One Vote per Term", "Log Matching", "Acknowledged Writes Last"])
def test_inert_deliveries_change_no_verdict(rule: str) -> None:
    """With every delivery gone through, those that change nothing too, the verdict and its length are the same."""
    for scope in ({"timeouts": {"election": 2}}, {"timeouts": {"election": 1}, "commands": ("set x 1",)}):
        short, long = (Search(8).run(Scope(**scope, in_flight=most), invariants=rule) for most in (None, 99))
        assert (short.outcome, short.what) == (long.outcome, long.what)
        assert (short.schedule and len(short.schedule.steps)) == (long.schedule and len(long.schedule.steps))
        assert short.states <= long.states


# Values as keys.


class Colour(Enum):
    """Compared by name."""

    RED = 1


@dataclass
class Box:
    """A learner's own mutable thing."""

    content: list[int] = field(default_factory=list)


ENTRY = Entry(index=1, term=1, command=Set(key="x", value="1"))
VALUES = [
    0, "tom", None, True, 1.5, b"x", (1, ("a", True)), [1, [2]], {"b", "a"}, frozenset({1}), {"x": [1]},
    {"spike": 1, "tom": 2}, deque([1, 2]), defaultdict(list, x=[1]), Counter("aab"), OrderedDict(b=1, a=2),
    Log([ENTRY]), ENTRY, [ENTRY], Colour.RED, Box([1]), int,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_value_comes_back_as_it_was(value: Any) -> None:
    """What was frozen comes back equal, of the same kind, and is another one if it can change."""
    freezer = ValueFreezer(SERVERS)
    frozen = freezer.freeze(value, set())
    back = freezer.thaw(frozen)

    assert (type(value), value) == (type(back), back)
    assert frozen == freezer.freeze(back, set())
    assert hash(frozen) == hash(freezer.freeze(back, set()))
    if isinstance(value, list | dict | set | deque | Log | Box):
        assert back is not value


def test_different_values_have_different_keys() -> None:
    """Nothing is taken for something else: not True for 1, no list for a tuple, no order of keys for another."""
    values = [*VALUES, 1, False, 1.0, (1, 2), [1, 2], {"x": 1, "y": 2}, {"y": 2, "x": 1}, {1}, (True,), (1,)]
    keys = [ValueFreezer(SERVERS).freeze(value, set()) for value in values]

    assert len(keys) == len(set(keys))


def test_what_is_kept_for_servers_has_no_order() -> None:
    """A dictionary by server is the same whichever server was first; other dictionaries keep their order."""
    freezer = ValueFreezer(SERVERS)

    assert freezer.freeze({"spike": 1, "tom": 2}, set()) == freezer.freeze({"tom": 2, "spike": 1}, set())
    assert ["tom", "spike"] == list(freezer.thaw(freezer.freeze({"spike": 1, "tom": 2}, set())))
    assert ["y", "x"] == list(freezer.thaw(freezer.freeze({"y": 1, "x": 2}, set())))


@pytest.mark.parametrize("value", [object(), iter([1]), {"x": {"y": [[].__iter__()]}}, type("D", (dict,), {})()])
def test_what_cannot_be_compared_is_refused(value: Any) -> None:
    """A thing that only is itself is no state, and the words say what to take."""
    with pytest.raises(Mistake, match="which a search cannot"):
        ValueFreezer(SERVERS).freeze(value, set())


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(SERVERS)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.sampled_from(SERVERS), inner, max_size=3)
        | st.sets(PLAIN, max_size=3)
    ),
)


@given(ANYTHING)
def test_renaming_there_and_back_changes_nothing(value: Any) -> None:
    """Whatever a node holds: it comes back, and two names that are exchanged twice are the names that they were."""
    freezer = ValueFreezer(SERVERS)
    frozen = freezer.freeze(value, set())
    swap = {"tom": "spike", "spike": "tom"}

    assert value == freezer.thaw(frozen)
    assert frozen == freezer.rename(freezer.rename(frozen, swap), swap)


def test_chance_is_even() -> None:
    """Draws begin at the low end and spread, so that a drawn timeout is one value, and drawing again is another."""
    stream = DeterministicStream()

    assert [8, 13, 10, 16] == [stream.between(8, 18) for _ in range(4)]
    assert 8 == DeterministicStream().between(8, 18)
    assert "a" == DeterministicStream().choice(["a", "b"])


def test_learners_field_counts_as_state() -> None:
    """A field that a learner adds tells states apart, one that nobody declared too; a drawn timeout does not."""

    class Counting(node(8)):  # type: ignore[misc]  # The step's Node is known at run time only.
        heard: int = 0

        def on_request_vote_reply(self, sender: str, message: Any) -> None:
            self.heard += 1
            self.last_voter = sender
            super().on_request_vote_reply(sender, message)

    scope = Scope(timeouts={"tom election": 1})
    plain, counting = (Search(found).run(scope) for found in (node(8), Counting))

    assert counting.states > plain.states
    assert 1 == Search(8).run(Scope(timeouts={})).states
