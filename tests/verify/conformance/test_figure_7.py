"""Figure 7 of the paper: who can be elected, who votes for whom, and what the leader of term 8 makes of each log."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.verify.conformance import find_entry

WITH_ELECTION_RESTRICTION = (10, 11, 12)
# For each server that asks for votes, those that grant theirs. A vote is granted to a log whose last entry has a newer
# term, or the same term and at least the same index (Section 5.4.1). Four of seven are a majority.
VOTERS = {"top": "abef", "a": "bef", "b": "f", "c": ("top", *"abef"), "d": ("top", *"abcef"), "e": "bf", "f": ""}
ELECTED = {"top", "a", "c", "d"}


def with_candidate(step: int, candidate: str, seed: int = 0) -> Cluster:
    """Run the scenario up to the answers to the requests of one server, which alone becomes a candidate."""
    plain = find_entry("Figure7").scenario(step, seed)
    draws = {name: (0.15 if name == candidate else 10,) for name in plain.servers}
    return Cluster.replay(replace(plain, draws=draws, actions=(), until_us=190_000).to_text())


@pytest.mark.parametrize("step", WITH_ELECTION_RESTRICTION)
@pytest.mark.parametrize("candidate", VOTERS)
def test_votes_are_those_of_the_paper(candidate: str, step: int) -> None:
    """Each server that asks in term 8 gets the votes of the servers whose logs are not more up to date."""
    cluster = with_candidate(step, candidate)
    voters = {name for name in cluster.servers if cluster.node(name).voted_for == candidate} - {candidate}

    assert set(VOTERS[candidate]) == voters
    assert (candidate in ELECTED, 8) == (cluster.node(candidate).is_leader, cluster.node(candidate).current_term)
    assert all(cluster.node(name).current_term == 8 for name in cluster.servers)


@pytest.mark.parametrize("step", [11, 12])
def test_leader_of_term_8_repairs_all_logs(step: int) -> None:
    """Entries that are missing arrive, and entries that are too much go: all logs are the leader's, and nothing breaks."""
    for seed in range(20):
        cluster = Cluster.replay(find_entry("Figure7").scenario(step, seed).to_text())
        before = [f"{term} {command}" for term, command in cluster.scenario.logs["top"]]

        assert () == cluster.violations
        assert [*before, "8 -", "8 set z 1", "8 set z 2"] == cluster.log("top")
        assert all(cluster.log(name) == cluster.log("top") for name in cluster.servers)


def test_without_the_restriction_anyone_is_elected() -> None:
    """In step 9, the server with the oldest log is elected: what the figure shows needs the restriction."""
    assert with_candidate(9, "f").node("f").is_leader
