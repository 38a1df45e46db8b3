"""The purpose of steps 9 to 12: whatever happens, acknowledged writes stay, in the order of their acknowledgements.

The runs are recorded and judged from outside, by the clients' answers and the logs at the end: a check that does not
depend on the properties, which are checked at every event.
"""

from __future__ import annotations

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.log import Log
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.fuzzer.course_map.trial import mended_adversity
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.linearizability import check_linearizable, history_of_trace

SEEDS = range(4)


def told(trace: Trace) -> list[tuple[str, int, int]]:
    """Return the acknowledged writes: the command, and the numbers of the events of the request and of the answer."""
    asked = {event["client"]: event for event in trace if event.kind == "asked"}
    answers = [event for event in trace if event.kind == "answered" and event["response"] == "Ok"]
    found = [(asked[event["client"]]["request"], asked[event["client"]].number, event.number) for event in answers]
    return [write for write in found if not write[0].startswith("get")]


def final_log(cluster: Cluster) -> Log:
    """Return the log that all servers have in the end.

    They agree after two more heartbeats at the latest, if nothing is written.
    """
    cluster.run(
        20, until=lambda: cluster.leader is not None and len({repr(cluster.node(s).log) for s in cluster.servers}) == 1
    )
    logs: list[Log] = [cluster.node(server).log for server in cluster.servers]
    assert all(log == logs[0] for log in logs)
    return logs[0]


@pytest.mark.parametrize("profile", PROFILES)
def test_acknowledged_writes_are_in_the_final_log_in_real_time_order(profile: str) -> None:
    """Each is there, and a write that was answered before another one was requested has the smaller index."""
    for seed in SEEDS:
        cluster = Cluster.replay(mended_adversity(12, profile, seed))
        log = final_log(cluster)
        words = [line.partition(" ")[2] for line in cluster.log(cluster.servers[0])]
        writes = told(cluster.trace)
        sets = [(words.index(request), asked, done) for request, asked, done in writes if request.startswith("set")]

        assert len(sets) > 5
        assert all(request in words for request, _, _ in writes)
        assert len(words) == len(log)
        for index, _, done in sets:
            assert all(index < later for later, asked, _ in sets if asked > done)


@pytest.mark.parametrize("profile", ["calm", "lossy", "reordering"])
def test_histories_are_linearizable_if_no_leader_is_cut_off(profile: str) -> None:
    """Without partitions and pauses even the reads are linearizable; with them, they will be in step 14."""
    for seed in SEEDS:
        cluster = Cluster.replay(mended_adversity(12, profile, seed))

        assert check_linearizable(history_of_trace(cluster.trace)).verdict == "ok"


def test_earlier_steps_fail_the_same_tests() -> None:
    """In step 8 some of the same runs lose an acknowledged write, so the test can fail."""
    lost = 0
    for seed in range(8):
        cluster = Cluster.replay(mended_adversity(8, "hostile", seed), node(8))
        logs = [" ".join(cluster.log(server)) for server in cluster.servers]
        lost += any(request not in log for request, _, _ in told(cluster.trace) for log in logs)

    assert lost > 0
