"""Step 10: only an up-to-date log is elected. One test for each sentence of the step's docstring and of 5.4.1."""

from __future__ import annotations

import itertools

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Ok, command_text
from raft_steps.lab.log import Log
from raft_steps.lab.verify.model_checker import EXHAUSTED, NOBODY_CAN_BE_ELECTED, Scope, Search, leader
from raft_steps.step_09_one_vote_per_term import RequestVoteReply
from raft_steps.step_10_up_to_date_logs import RequestVote
from tests.helpers.runs import changed, effects, lone, sent

ENDS = [(0, 0), *itertools.product((1, 2, 3), (1, 2, 3))]  # where a log may end: term and index
LOGS = {"tom": "1 set x 1; 1 set y 2", "jerry": "2 set z 3"}  # the longer one, and the one of the newer last term
PLAY = (  # tom leads, jerry is cut off during a write, comes back, and runs first
    "raft-steps 1; step 9; servers tom jerry spike; seed 0; draws tom 8; draws jerry 9 8; draws spike 14; "
    "at 12 partition jerry; at 12 set x 1; at 22.5 heal; until 40"
)


def call(term: int, last_term: int = 0, last_index: int = 0) -> RequestVote:
    """Build a candidate's request."""
    return RequestVote(term=term, last_log_index=last_index, last_log_term=last_term)


def log(term: int, length: int) -> list[str]:
    """Build a log of a given length whose last entry has a given term."""
    return [*["1 set x 1"] * (length - 1), f"{term} set x 2"] if length else []


def both(self: object, last_log_term: int, last_log_index: int) -> bool:
    """Compare as the original did: neither number may be smaller."""
    end: Log = self.log  # type: ignore[attr-defined]
    return last_log_term >= end.last_term and last_log_index >= end.last_index


@pytest.mark.parametrize("lines", [(), ("1 set x 1",), ("1 set x 1", "3 set y 2", "3 set z 3")])
def test_candidate_states_where_its_log_ends(lines: tuple[str, ...]) -> None:
    """Figure 2, RequestVote: index and term of the candidate's last entry, not the candidate's own term."""
    tom = lone(10, *lines, current_term=7)
    tom.on_election_timeout()
    last_term = int(lines[-1].split()[0]) if lines else 0

    assert [(peer, call(8, last_term, len(lines))) for peer in ("jerry", "spike")] == sent(tom)


@pytest.mark.parametrize("own", ENDS)
def test_newer_last_term_counts_first_then_the_index(own: tuple[int, int]) -> None:
    """Section 5.4.1: the later term is more up to date; with the same term, the longer log is."""
    tom = lone(10, *log(*own))
    for term, index in ENDS:
        expected = term > own[0] or (term == own[0] and index >= own[1])

        assert tom.is_up_to_date(term, index) is expected


def test_of_two_logs_one_is_always_up_to_date() -> None:
    """Of any two servers that differ only in their logs, one can get the other's vote."""
    ends = {end: lone(10, *log(*end)) for end in ENDS}
    for one, other in itertools.combinations_with_replacement(ENDS, 2):
        assert ends[one].is_up_to_date(*other) or ends[other].is_up_to_date(*one)


@pytest.mark.parametrize("end", ENDS)
def test_vote_follows_the_comparison(end: tuple[int, int]) -> None:
    """A voter with two entries, the last of term 2, votes as `is_up_to_date` decides, and answers."""
    tom = lone(10, *log(2, 2), current_term=2)
    granted = tom.is_up_to_date(*end)
    tom.on_request_vote("jerry", call(5, *end))

    assert [("jerry", RequestVoteReply(term=5, vote_granted=granted))] == sent(tom)
    assert ("jerry" if granted else None) == tom.voted_for


def test_refusal_leaves_the_vote_and_the_timer_alone() -> None:
    """A server that refuses a log enters the candidate's term, keeps its vote, and does not restart its timer."""
    tom = lone(10, *log(2, 2), current_term=2)
    tom.on_request_vote("jerry", call(5, 2, 1))

    assert [] == effects(tom, "start")
    assert (5, None) == (tom.current_term, tom.voted_for)
    tom.on_request_vote("spike", call(5, 2, 2))
    assert "spike" == tom.voted_for


def test_refused_candidate_deposes_a_leader_all_the_same() -> None:
    """Section 5.1: a newer term counts, even if the candidate is refused."""
    tom = lone(10, *log(2, 2), current_term=2, is_leader=True)
    tom.on_request_vote("jerry", call(3))

    assert not tom.is_leader
    assert None is tom.voted_for


def test_better_log_does_not_get_a_vote_that_is_given() -> None:
    """Section 5.2 still holds: one vote in a term, and none in an older one."""
    tom = lone(10, current_term=3, voted_for="spike")
    tom.on_request_vote("jerry", call(3, 2, 9))
    tom.on_request_vote("jerry", call(2, 2, 9))

    assert [RequestVoteReply(term=3, vote_granted=False)] * 2 == [reply for _, reply in sent(tom)]
    assert "spike" == tom.voted_for


def test_committed_entry_is_not_lost_to_a_server_without_it() -> None:
    """The failure of step 9: jerry missed an acknowledged write, is the first candidate, and no longer wins."""
    before, after = Cluster.replay(PLAY, node(9)), Cluster.replay(PLAY, node(10))

    assert (["jerry"], Ok(value=None)) == (before.leaders, before.get("x"))
    assert (["tom"], Ok(value="1")) == (after.leaders, after.get("x"))
    assert not [event for event in after.trace.of("role", server="jerry") if event["role"] == "leader"]


def test_uncommitted_entries_may_be_deleted() -> None:
    """The newer last term wins, although its log is shorter, and the other's own entries are deleted."""
    cluster = Cluster(10, logs=LOGS, later=["spike"], draws={"tom": [8], "jerry": [12]})
    cluster.run(40)

    assert ["jerry"] == cluster.leaders
    assert [(2, "set z 3")] == [(entry.term, command_text(entry.command)) for entry in cluster.node("tom").log]


def test_comparing_both_numbers_can_elect_nobody() -> None:
    """The original's comparison: there are two logs of which neither is up to date with the other, forever."""
    wrong = changed(10, is_up_to_date=both)
    cluster = Cluster(wrong, logs=LOGS, later=["spike"])
    cluster.run(600)
    stuck = NOBODY_CAN_BE_ELECTED & ~leader()
    scope = Scope(crashes=1, restarts=False)

    assert [] == cluster.leaders
    assert isinstance(cluster.set("x", 2), NoAnswer)
    assert Search(wrong, logs=LOGS).run(scope, goal=stuck).found
    assert EXHAUSTED == Search(10, logs=LOGS).run(scope, goal=stuck).outcome


@pytest.mark.parametrize("down", ["tom", "jerry", "spike"])
@pytest.mark.parametrize("longer, newer", [*itertools.permutations(["tom", "jerry", "spike"], 2)])
def test_majority_that_is_up_can_elect_somebody(longer: str, newer: str, down: str) -> None:
    """Two minutes are enough, whichever server has the longer log, the newer term, or is down."""
    logs = {longer: LOGS["tom"], newer: LOGS["jerry"]}
    cluster = Cluster(10, logs=logs, later=[down], record=False)
    cluster.run(120, until=lambda: bool(cluster.leaders))

    assert 1 == len(cluster.leaders)
    assert down in {longer, newer} or [newer] == cluster.leaders


def test_any_acknowledgement_still_counts() -> None:
    """What is still broken: the reply to an earlier heartbeat counts for a later write, which is then lost."""
    cluster = Cluster(10, draws={"tom": [8], "jerry": [12], "spike": [14]}, network={"delay": (0.3, 0.3)})
    cluster.run(14)
    cluster.cut("tom", "jerry")
    cluster.cut("tom", "spike")
    assert Ok() == cluster.set("x", 1)
    assert [1, 0, 0] == [len(cluster.node(name).log) for name in cluster.servers]
    cluster.crash("tom")
    cluster.heal()
    cluster.run(20)

    assert Ok(value=None) == cluster.get("x")
