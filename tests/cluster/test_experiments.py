"""Tests of the measurements of notebook 08: equal timeouts, and the time without a leader."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.experiments import equal_timeouts, leaderless, three_fresh_followers
from raft_steps.lab.errors import ScenarioError
from tests.helpers.runs import changed


def test_two_timeouts_are_equal_once_in_eleven() -> None:
    """Of 121 pairs of whole numbers from 8 to 18, 11 are equal: one in 11, not one in 121."""
    assert equal_timeouts(50_000) == pytest.approx(1 / 11, abs=0.005)
    assert equal_timeouts(5_000, 1, 2) == pytest.approx(1 / 2, abs=0.02)
    assert equal_timeouts(10, 8, 8) == 1


def test_same_seed_gives_the_same_share() -> None:
    """The share depends on the seed only."""
    assert equal_timeouts(100, seed=1) == equal_timeouts(100, seed=1)
    assert equal_timeouts(100, seed=1) != equal_timeouts(100, seed=2)


def test_share_of_no_pairs_is_refused() -> None:
    """A share needs at least one pair."""
    with pytest.raises(ScenarioError, match="at least one pair, not 0"):
        equal_timeouts(0)


def test_change_ends_the_endless_split() -> None:
    """In step 7, about one cluster in eleven has no leader within two minutes; in step 8, every cluster has one."""
    before, after = leaderless(7, 200), leaderless(8, 200)

    assert 0.05 < sum(seconds == 120 for seconds in before) / 200 < 0.15
    assert max(after) < 60


def test_unequal_timeouts_give_the_same_duration() -> None:
    """A cluster whose first election succeeds takes as long in step 8 as in step 7."""
    pairs = list(zip(leaderless(7, 50), leaderless(8, 50), strict=True))

    assert {True} == {before == after for before, after in pairs if before < 10}


def test_seeds_are_a_number_or_a_list() -> None:
    """The durations are in the order of the seeds, and progress is reported."""
    reported: list[tuple[int, int]] = []
    by_number = leaderless(8, 4, progress=lambda done, total: reported.append((done, total)))

    assert by_number[2:] == leaderless(8, [2, 3])
    assert [(1, 4), (2, 4), (3, 4), (4, 4)] == reported


def test_cap_is_the_longest_wait() -> None:
    """No cluster is run longer than the cap."""
    assert [5.0] * 3 == leaderless(8, 3, cap=5.0)


def test_larger_clusters_can_be_measured() -> None:
    """A cluster of five servers can be measured."""
    assert all(seconds < 120 for seconds in leaderless(8, 5, servers=5))


def test_three_fresh_followers_never_elect_again() -> None:
    """As in the original: they elect a leader, it crashes, and all further elections fail."""
    outage = three_fresh_followers(8, 0)

    assert (None, 120.0) == (outage.leader, outage.duration_s)
    assert "jerry" == outage.crashed
    assert {"tom": 8, "spike": 8} == outage.elections
    assert (
        "jerry led after 11.5 s, and crashed; nobody leads 120.0 s later. Elections called since: tom 8, spike 8."
        == str(outage)
    )


def test_both_have_voted_for_the_crashed_leader() -> None:
    """The reason: a server votes once in its life, and both have voted for the first leader."""
    outage = three_fresh_followers(8, 0)

    assert ["jerry", "jerry"] == [outage.cluster.node(name).voted_for for name in ("tom", "spike")]


def test_some_clusters_elect_again() -> None:
    """If two servers ran at the same time at first, one of them still has its vote, and a leader is elected."""
    outage = three_fresh_followers(8, 10)

    assert "jerry" == outage.leader
    assert None in [outage.cluster.node(name).voted_for for name in ("jerry", "spike")] or outage.elections["jerry"]


def test_share_of_the_original_is_similar() -> None:
    """In the original 3 of 4 clusters had no leader after 120 s; here it is about nine in ten."""
    capped = sum(seconds == 120 for seconds in leaderless(8, 200, named_leader=False))

    assert 0.85 < capped / 200 < 0.97


def test_cluster_without_any_leader_is_reported() -> None:
    """A Node that never wins an election is reported, and does not fail the measurement."""
    outage = three_fresh_followers(changed(8, become_leader=lambda self: None), 0, cap=30)

    assert ("nobody", None, 30.0) == (outage.crashed, outage.leader, outage.duration_s)
