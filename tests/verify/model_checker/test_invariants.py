"""Each invariant reports a node that breaks it, and no node that keeps it; predicates can be joined."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker import (
    EXHAUSTED,
    INVARIANTS,
    NOBODY_CAN_BE_ELECTED,
    VIOLATED,
    Scope,
    Search,
    SearchResult,
    StateView,
    acknowledged,
    committed,
    down,
    holds,
    leader,
    predicate,
)
from tests.helpers.raft_fixture import RequestVoteReply
from tests.verify.model_checker.search_tools import (
    AnswersAtOnce,
    AppliesAtOnce,
    ForgetsTermAndVote,
    HalfIsEnough,
    LaterNode,
    SkipsConsistencyCheck,
    VotesAgain,
    VotesForAnyLog,
)

LOGS = {"tom": "2 set x 1", "jerry": "1 set y 9"}
ONE = Scope(timeouts={"election": 1}, commands=("set x 1",))
TWO = Scope(timeouts={"election": 2}, commands=("set x 1",))


def run(node_class: type, rule: str) -> SearchResult:
    """Check an invariant in the scope in which the wrong node breaks it."""
    if rule in ("Election Safety", "One Vote per Term"):
        servers = 4 if issubclass(node_class, HalfIsEnough) else 3
        crashes = 1 if issubclass(node_class, ForgetsTermAndVote) else 0
        return Search(node_class, servers).run(Scope(timeouts={"election": 2}, crashes=crashes), invariants=rule)
    if rule == "Log Matching":
        search = Search(node_class, logs=LOGS, terms={"tom": 2, "jerry": 2, "spike": 2})
        scope = Scope(timeouts={"tom election": 1}, commands=("set z 1",), only=("tom>jerry", "jerry>tom"))
        return search.run(scope, invariants=rule)
    if rule == "Acknowledged Writes Last":
        return Search(node_class).run(ONE, invariants=rule, states=20_000)
    led = Search(node_class).run(
        Scope(timeouts={"tom election": 1}, commands=("set x 1 to tom",), cut=("tom>spike", "spike>tom")),
        goal=leader("tom") & holds("jerry" if rule == "Leader Completeness" else "tom", "1 set x 1"),
    )
    assert led.found
    ends = Scope(timeouts={"spike election": 2}, commands=("set y 2 to spike",), cut=("tom>spike", "spike>tom"))
    return led.go_on(ends, invariants=rule, states=20_000)


WRONG = [
    (HalfIsEnough, "Election Safety"),
    (ForgetsTermAndVote, "Election Safety"),
    (VotesAgain, "Election Safety"),
    (VotesAgain, "One Vote per Term"),
    (ForgetsTermAndVote, "One Vote per Term"),
    (SkipsConsistencyCheck, "Log Matching"),
    (VotesForAnyLog, "Leader Completeness"),
    (AppliesAtOnce, "State Machine Safety"),
    (VotesForAnyLog, "State Machine Safety"),
    (AnswersAtOnce, "Acknowledged Writes Last"),
]


@pytest.mark.parametrize("node_class, rule", WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_wrong_node_is_reported(node_class: type, rule: str) -> None:
    """A node that lacks a rule breaks the invariant that the rule is for, in the search and in the replay."""
    result = run(node_class, rule)

    assert (VIOLATED, rule) == (result.outcome, result.what)
    assert [(rule, result.words)] == [(found.name, found.words) for found in result.replay().breaks]
    assert result.schedule is not None
    assert result.replay().breaks[0].step == len(result.schedule.steps)


@pytest.mark.slow
@pytest.mark.parametrize("rule", INVARIANTS)
def test_right_node_is_not_reported(rule: str) -> None:
    """In the same scope, the node that has all rules breaks no invariant."""
    result = run(LaterNode, rule)

    assert not result.violated
    assert result.states > 15


def test_every_invariant_has_a_wrong_node() -> None:
    """Every invariant is tested with a node that breaks it."""
    assert set(INVARIANTS) == {rule for _, rule in WRONG}


def test_violation_is_described() -> None:
    """The description has the servers, the term and the entry."""
    assert "jerry has voted for itself and for tom in term 1" == run(VotesAgain, "One Vote per Term").words
    assert (
        "client#1 has its Ok for set x 1, and tom alone of 3 holds it"
        in run(AnswersAtOnce, "Acknowledged Writes Last").words
    )
    assert "agree on entry 2 of term 3, and not up to it" in run(SkipsConsistencyCheck, "Log Matching").words
    assert "was committed in term 1, and spike leads in term 2 without it" in (
        run(VotesForAnyLog, "Leader Completeness").words
    )


def test_ok_without_an_entry_is_reported() -> None:
    """A server that answers a write with Ok and stores it nowhere has acknowledged it; an Ok for a read proves nothing."""

    class StoresNothing(LaterNode):
        """Answers every request with Ok, and does nothing else."""

        def on_client_request(self, client: str, request: Any) -> None:
            self.reply(client, Ok())

    rule = "Acknowledged Writes Last"
    written = Search(StoresNothing).run(Scope(commands=("set x 1 to tom",)), invariants=rule)
    read = Search(StoresNothing).run(Scope(commands=("get x to tom",)), invariants=rule)

    assert "client#1 has its Ok for set x 1, and no server holds it" == written.words
    assert EXHAUSTED == read.outcome


def test_late_vote_is_not_a_vote_for_the_sender() -> None:
    """A granting reply to another message than RequestVote shows no vote."""

    class GrantsToAnyone(LaterNode):
        """Answers AppendEntries with a vote."""

        def on_append_entries(self, sender: str, message: Any) -> None:
            self.send(sender, RequestVoteReply(term=self.current_term, vote_granted=True))

    assert EXHAUSTED == run(GrantsToAnyone, "One Vote per Term").outcome


def test_nobody_can_be_elected_in_step_8() -> None:
    """Up to step 8 a server votes once in its life: when the candidate that got all votes crashes, no server can win."""
    stuck = NOBODY_CAN_BE_ELECTED & ~leader()
    scope = Scope(timeouts={"election": 1}, crashes=1, restarts=False)
    result = Search(8).run(scope, goal=stuck)

    assert result.found
    assert "no majority grants a vote" in result.words
    assert ["timeout", "deliver", "deliver", "crash"] == [
        step.verb for step in (result.schedule.steps if result.schedule else ())
    ]
    assert EXHAUSTED == Search(LaterNode).run(scope, invariants=[stuck]).outcome


def test_who_asks_first_can_be_elected() -> None:
    """Pre-votes lead to votes, and a leader that is down is forgotten: two of three elect one of them at step 18."""
    scope = Scope(timeouts={"tom election": 1}, crashes={"tom": 1}, restarts=False)
    stuck = NOBODY_CAN_BE_ELECTED & ~leader()

    assert EXHAUSTED == Search(18).run(scope, goal=stuck, states=2_000).outcome


def test_votes_in_flight_may_elect() -> None:
    """As long as a vote may still arrive, a server can be elected: without loss, step 8 does not get stuck."""
    assert not Search(8).run(Scope(timeouts={"election": 2}), goal=NOBODY_CAN_BE_ELECTED & ~leader()).found


def test_minority_elects_nobody() -> None:
    """With two of three servers down, the last cannot win however often it asks."""
    scope = Scope(crashes=2, restarts=False)
    result = Search(LaterNode).run(scope, goal=NOBODY_CAN_BE_ELECTED)

    assert result.found
    assert ["crash", "crash"] == [step.verb for step in (result.schedule.steps if result.schedule else ())]
    assert not Search(LaterNode).run(Scope(crashes=1), goal=NOBODY_CAN_BE_ELECTED).found


def test_predicates_are_joined() -> None:
    """A predicate that is joined with &, | or ~ reads, needs and names what its parts do."""
    both = leader("tom", term=1) & committed("set x 1")
    either = down("jerry") | acknowledged("set x 1")

    assert "tom leads in term 1, and 'set x 1' was committed" == both.name
    assert {"nodes", "history"} == both.reads
    assert {"committed"} == both.needs
    assert ("jerry",) == either.servers
    assert None is (either & predicate("mine", lambda view: True)).servers
    result = Search(LaterNode).run(ONE, goal=both & ~acknowledged("set y 1"))
    assert result.found
    assert "tom leads in term 1; 'set x 1' was committed; not ('set y 1' was acknowledged)" == result.words


def test_own_predicate_sees_everything() -> None:
    """The function of a predicate is called with the servers, the messages in flight, and the history it needs."""
    seen: list[tuple[int, int]] = []

    def two_votes(view: StateView) -> bool:
        seen.append((len(view.up()), len(view.in_flight)))
        return len(view.history("votes")) == 2 and view["tom"].term == 1

    result = Search(8).run(TWO, goal=predicate("two votes", two_votes, needs=["votes"]))

    assert "two votes" == result.words
    assert (3, 0) == seen[0]


@pytest.mark.parametrize(
    "wanted, words",
    [("Election Savety", "did you mean 'Election Safety'"), ([leader("nobody")], "names 'nobody'; there are tom")],
)
def test_unknown_rule_or_server_is_refused(wanted: object, words: str) -> None:
    """An unknown invariant, and a predicate about an unknown server, are refused."""
    with pytest.raises(ScenarioError, match=words):
        Search(8).run(invariants=wanted)  # type: ignore[arg-type]


def test_unknown_facts_are_refused() -> None:
    """The error for an unknown kind of facts lists the known ones."""
    with pytest.raises(ScenarioError, match="needs facts of other kinds than leads, votes"):
        Search(8).run(goal=predicate("mine", lambda view: False, needs=["elected"]))
