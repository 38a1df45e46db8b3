"""Symmetry reduction changes the number of states, and never the verdict."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.model_checker import INVARIANTS, Scope, Search, leader, predicate
from raft_steps.lab.verify.model_checker.breadth_first import BreadthFirstSearch
from raft_steps.lab.verify.model_checker.exploration import Limits, Objective
from raft_steps.lab.verify.model_checker.initial_states import initial_state
from raft_steps.lab.verify.model_checker.successors import TransitionSystem
from raft_steps.lab.verify.model_checker.symmetry import Permutation, SymmetryReduction
from tests.verify.model_checker.search_tools import ForgetsItsVote, LaterNode, VotesAgain

SMALL = (
    Scope(timeouts={"election": 1}),
    Scope(timeouts={"election": 2}),
    Scope(timeouts={"election": 1}, crashes=1, commands=("set x 1",)),
    Scope(timeouts={"each election": 1}, messages=("RequestVote", "RequestVoteReply")),
    Scope(timeouts={"election": 1}, duplicates=1, drops=1),
    Scope(timeouts={"election": 1, "tom election": 1}, crashes={"spike": 1}),
)
NODES = [node(4), node(8), LaterNode, ForgetsItsVote, VotesAgain]


@pytest.mark.slow
@pytest.mark.parametrize("node_class", NODES, ids=lambda found: f"{found.__module__[-18:]}.{found.__name__}")
def test_verdicts_agree(node_class: type) -> None:
    """With and without symmetry, each invariant has the same verdict, and a shortest run of the same length."""
    for scope in SMALL:
        for rule in INVARIANTS:
            results = [
                Search(node_class).run(scope, invariants=rule, symmetry=symmetry, states=1000)
                for symmetry in (True, False)
            ]
            if "time out" in [result.outcome for result in results]:
                continue
            with_it, without = [
                (each.outcome, each.what, each.schedule and len(each.schedule.steps)) for each in results
            ]

            assert with_it == without, (scope, rule)
            assert results[0].states <= results[1].states


def all_states(search: Search, scope: Scope) -> tuple[TransitionSystem, set[Any]]:
    """Return the space of a scope and all states in it."""
    space = TransitionSystem(search.table, scope, ("leads", "votes"), ["client#1"] * len(scope.commands))
    search_of_all = BreadthFirstSearch(space, Objective(()), Limits(states=100_000), None)
    search_of_all.run([space.start_from(initial_state(search.table, search.initial)[1])])
    return space, search_of_all._visited


@pytest.mark.parametrize("node_class", [node(8), LaterNode], ids=["step 8", "later"])
@pytest.mark.parametrize("servers, fixed", [(3, ()), (3, ("spike",)), (4, ())])
def test_canonical_forms_match_brute_force(node_class: type, servers: int, fixed: tuple[str, ...]) -> None:
    """There are as many canonical forms as classes of states that the permutations of the servers make."""
    search = Search(node_class, servers)
    scope = Scope(timeouts={"election": 1 if servers == 4 else 2}, messages=("RequestVote", "RequestVoteReply"))
    space, states = all_states(search, scope)
    symmetry = SymmetryReduction(space, fixed)
    free = [i for i, name in enumerate(search.servers) if name not in fixed]
    all_permutations = []
    for order in permutations(free):
        place = list(range(servers))
        for i, target in zip(free, order, strict=True):
            place[i] = target
        all_permutations.append(Permutation(space, tuple(place)))
    by_force = {min(permutation(state) for permutation in all_permutations) for state in states}
    canonical = {symmetry.canonical(state) for state in states}

    assert len(by_force) == len(canonical) < len(states)
    assert canonical <= {permutation(state) for state in by_force for permutation in all_permutations}


def test_symmetry_reduces_the_states() -> None:
    """With four free servers, whose orders are 24, the states are reduced by almost as much."""
    scope = Scope(timeouts={"election": 2}, messages=("RequestVote",))
    with_it, without = (Search(8, 4).run(scope, symmetry=symmetry).states for symmetry in (True, False))

    assert without / with_it > 12


def test_named_servers_are_fixed() -> None:
    """A goal that names a server finds that server, and a predicate of a function turns symmetry off."""
    goal = Search(8).run(Scope(timeouts={"election": 1}), goal=leader("spike"))
    own = Search(8).run(
        Scope(timeouts={"election": 1}), goal=predicate("spike leads", lambda view: view["spike"].leads)
    )

    assert "spike leads in term 1" == goal.words
    assert "spike leads" == own.words
    assert goal.schedule is not None
    assert goal.schedule.to_text() == (own.schedule.to_text() if own.schedule is not None else "")


def test_command_with_a_name_in_it_turns_symmetry_off() -> None:
    """A value that is a server's name would be renamed with the server, so no server is."""
    scope = Scope(timeouts={"election": 1}, commands=("set x jerry",))
    counts = [Search(8).run(scope, symmetry=symmetry).states for symmetry in (True, False)]

    assert counts[0] == counts[1]


def test_node_that_orders_servers_is_refused() -> None:
    """A Node that compares the names of servers is refused with symmetry, and searched without."""

    def on_request_vote(self: Any, sender: str, message: Any) -> None:
        self.answer_request_vote(sender, sender < self.name)

    first_name = type("Node", (node(8),), {"on_request_vote": on_request_vote})
    scope = Scope(timeouts={"election": 2})
    with pytest.raises(ScenarioError, match=r"does not treat all servers alike: with the names .* exchanged"):
        Search(first_name).run(scope, invariants="Log Matching")

    assert Search(first_name).run(scope, invariants="Log Matching", symmetry=False).exhausted
