"""What notebook 08 measures: equal timeouts, and how long a cluster has no leader."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.experiments import equal_timeouts, leaderless, three_fresh_followers
from raft_steps.lab.errors import ScenarioError
from tests.helpers.runs import changed


def test_two_timeouts_are_equal_once_in_eleven() -> None:
    """Of 121 pairs of whole numbers from 8 to 18, 11 are equal: once in 11, not once in 121."""
    assert equal_timeouts(50_000) == pytest.approx(1 / 11, abs=0.005)
    assert equal_timeouts(5_000, 1, 2) == pytest.approx(1 / 2, abs=0.02)
    assert equal_timeouts(10, 8, 8) == 1


def test_measuring_twice_gives_the_same() -> None:
    """The seed decides."""
    assert equal_timeouts(100, seed=1) == equal_timeouts(100, seed=1)
    assert equal_timeouts(100, seed=1) != equal_timeouts(100, seed=2)


def test_nothing_cannot_be_measured() -> None:
    """A share needs at least one pair."""
    with pytest.raises(ScenarioError, match="at least one pair, not 0"):
        equal_timeouts(0)


def test_change_ends_the_endless_split() -> None:
    """Before step 8, about one cluster in eleven has no leader within two minutes; after it, every one has."""
    before, after = leaderless(7, 200), leaderless(8, 200)

    assert 0.05 < sum(seconds == 120 for seconds in before) / 200 < 0.15
    assert max(after) < 60


def test_where_timeouts_differ_nothing_changes() -> None:
    """A cluster whose first election succeeds takes as long in step 8 as in step 7."""
    pairs = list(zip(leaderless(7, 50), leaderless(8, 50), strict=True))

    assert {True} == {before == after for before, after in pairs if before < 10}


def test_seeds_are_a_number_or_a_list() -> None:
    """The seconds come in the order of the seeds, and progress is told."""
    told: list[tuple[int, int]] = []
    by_number = leaderless(8, 4, progress=lambda done, total: told.append((done, total)))

    assert by_number[2:] == leaderless(8, [2, 3])
    assert [(1, 4), (2, 4), (3, 4), (4, 4)] == told


def test_cap_is_the_longest_wait() -> None:
    """Nobody is waited for longer than the cap."""
    assert [5.0] * 3 == leaderless(8, 3, cap=5.0)


def test_larger_clusters_can_be_measured() -> None:
    """Five servers can be measured like three."""
    assert all(seconds < 120 for seconds in leaderless(8, 5, servers=5))


def test_three_fresh_followers_never_elect_again() -> None:
    """The story of the original: they elect a leader, lose it, and run again and again in vain."""
    story = three_fresh_followers(8, 0)

    assert (None, 120.0) == (story.leader, story.seconds)
    assert "jerry" == story.crashed
    assert {"tom": 8, "spike": 8} == story.elections
    assert (
        "jerry led after 11.5 s, and crashed; nobody leads 120.0 s later. Elections called since: tom 8, spike 8."
        == str(story)
    )


def test_both_have_voted_for_the_leader_that_is_gone() -> None:
    """The reason: each vote is given once in a life, and both were given to the first leader."""
    story = three_fresh_followers(8, 0)

    assert ["jerry", "jerry"] == [story.cluster.node(name).voted_for for name in ("tom", "spike")]


def test_some_clusters_elect_again() -> None:
    """Where two ran at once at first, one still has a vote to give, and the story ends well."""
    story = three_fresh_followers(8, 10)

    assert "jerry" == story.leader
    assert None in [story.cluster.node(name).voted_for for name in ("jerry", "spike")] or story.elections["jerry"]


def test_original_s_share_is_met() -> None:
    """In the original 3 of 4 clusters had no leader after 120 s; here it is about nine in ten."""
    capped = sum(seconds == 120 for seconds in leaderless(8, 200, named_leader=False))

    assert 0.85 < capped / 200 < 0.97


def test_cluster_without_any_leader_is_told() -> None:
    """A Node that never wins is reported, and does not end the measurement."""
    story = three_fresh_followers(changed(8, become_leader=lambda self: None), 0, cap=30)

    assert ("nobody", None, 30.0) == (story.crashed, story.leader, story.seconds)
