"""Step 15: fast catch-up. One test for each sentence of the step's docstring and of the end of Section 5.3."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok, Set
from raft_steps.lab.trace.trace import Event
from raft_steps.lab.verify.fuzzer import sweep
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_15_fast_catch_up import AppendEntriesReply
from tests.checks.wrong_nodes import step_15 as wrong
from tests.helpers.runs import changed, effects, lone, sent

SET_X = Set(key="x", value="1")
# The logs of Figure 7, as the terms of their entries, and the calls that find where each agrees with the leader's.
LEADER = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
FIGURE_7 = {
    "a": ((1, 1, 1, 4, 4, 5, 5, 6, 6), [10, 9]),
    "b": ((1, 1, 1, 4), [10, 4]),
    "c": ((*LEADER, 6), [10]),
    "d": ((*LEADER, 7, 7), [10]),
    "e": ((1, 1, 1, 4, 4, 4, 4), [10, 7, 5]),
    "f": ((1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3), [10, 6, 3]),
}


def led(*log: str, servers: int = 3, term: int = 1) -> Any:
    """Return a leader of a term, just elected and without effects."""
    tom = lone(15, *log, servers=servers, current_term=term)
    tom.become_leader()
    effects(tom)
    return tom


def entries_of(terms: tuple[int, ...]) -> tuple[str, ...]:
    """Return a log with entries of these terms."""
    return tuple(f"{term} set x {index}" for index, term in enumerate(terms, 1))


def accepted(match: int, term: int = 1) -> AppendEntriesReply:
    """Build the reply of a follower that has everything up to an index."""
    return reply(term, success=True, prev=match, match=match)


def refused(prev: int, conflict: tuple[int | None, int], term: int = 1) -> AppendEntriesReply:
    """Build the reply of a follower that lacks an entry, with the conflict that it states."""
    return reply(term, success=False, prev=prev, conflict=conflict)


def reply(
    term: int, *, success: bool, prev: int, match: int = 0, conflict: tuple[int | None, int] = (None, 0)
) -> AppendEntriesReply:
    """Build a reply."""
    return AppendEntriesReply(
        term=term, success=success, prev_log_index=prev, match_index=match, round=1,
        conflict_term=conflict[0], conflict_index=conflict[1],
    )  # fmt: skip


def call(term: int, prev: int, prev_term: int) -> AppendEntries:
    """Build a call without entries."""
    return AppendEntries(term=term, prev_log_index=prev, prev_log_term=prev_term, entries=(), leader_commit=0, round=1)


def carried(of_node: Any, to: str = "jerry") -> list[list[int]]:
    """Remove a node's effects, and return the indexes of the entries in each of its calls to a follower."""
    return [[entry.index for entry in message.entries] for peer, message in sent(of_node) if peer == to]


def write(tom: Any, count: int) -> None:
    """Let clients write, all at one moment."""
    before = len(tom.effects)
    for _ in range(count):
        tom.on_client_request(f"client#{tom.log.last_index}", SET_X)
    assert [("start", "batch", 0)] * count == tom.effects[before:]
    tom.on_batch_timeout()


# Refusals.


@pytest.mark.parametrize("name", FIGURE_7)
def test_logs_of_figure_7_agree_after_a_few_calls(name: str) -> None:
    """A refusal states the term in conflict and where it begins, and the leader skips the whole term."""
    terms, expected = FIGURE_7[name]
    tom, jerry = led(*entries_of(LEADER), term=8), lone(15, *entries_of(terms), name="jerry", current_term=7)
    prev, asked = 10, [10]
    for _ in range(9):
        jerry.on_append_entries("tom", call(8, prev, tom.log[prev].term))
        ((_, answer),) = sent(jerry)
        if answer.success:
            break
        tom.on_append_entries_reply("jerry", answer)
        ((to, message),) = sent(tom)
        prev = message.prev_log_index
        asked.append(prev)
        assert ("jerry", ()) == (to, message.entries)

    assert expected == asked


@pytest.mark.parametrize(
    "prev, expected", [(2, (1, 1)), (3, (1, 1)), (4, (4, 4)), (5, (4, 4)), (6, (None, 6)), (9, (None, 6))]
)
def test_refusal_states_what_is_in_the_way(prev: int, expected: tuple[int | None, int]) -> None:
    """The term at the previous entry's place and its first index, or else the index after the last entry."""
    jerry = lone(15, *entries_of((1, 1, 1, 4, 4)), name="jerry", current_term=9)
    jerry.on_append_entries("tom", call(9, prev, 8))
    ((_, answer),) = sent(jerry)

    assert (False, *expected) == (answer.success, answer.conflict_term, answer.conflict_index)


def test_accepted_call_states_no_conflict() -> None:
    """The fields are None and 0."""
    jerry = lone(15, "1 set x 1", name="jerry", current_term=1)
    jerry.on_append_entries("tom", call(1, 1, 1))
    ((_, answer),) = sent(jerry)

    assert (True, None, 0) == (answer.success, answer.conflict_term, answer.conflict_index)


def test_refusal_is_old_after_an_acknowledgement() -> None:
    """What a follower has acknowledged it has, so its refusal was sent before."""
    tom = led(*entries_of((1, 1, 1)), term=2)
    tom.on_append_entries_reply("jerry", accepted(4, term=2))
    effects(tom)
    for prev in (3, 4):
        tom.on_append_entries_reply("jerry", refused(prev, (None, 1), term=2))

    assert ([], 5) == (effects(tom), tom.next_index["jerry"])


def test_refusal_is_old_after_the_leader_has_gone_back() -> None:
    """After a lost call every later one is refused: one refusal is enough."""
    tom = led()
    tom.on_append_entries_reply("jerry", accepted(1))
    for _ in range(3):
        write(tom, 1)
    effects(tom)
    for prev in (2, 3):
        tom.on_append_entries_reply("jerry", refused(prev, (None, 2)))

    assert [("jerry", 1, ())] == [(to, message.prev_log_index, message.entries) for to, message in sent(tom)]


def test_leader_never_goes_back_to_what_is_acknowledged() -> None:
    """A hint may be older than an acknowledgement."""
    tom = led(*entries_of((1, 1, 1)), term=2)
    tom.on_append_entries_reply("jerry", accepted(2, term=2))
    tom.on_append_entries_reply("jerry", refused(3, (None, 1), term=2))

    assert 3 == tom.next_index["jerry"]


# Probes and windows.


def test_probe_carries_no_entries_until_it_is_accepted() -> None:
    """Then everything that is missing follows."""
    tom = led(*entries_of((1, 1, 1)), term=2)
    tom.on_append_entries_reply("jerry", refused(3, (None, 1), term=2))
    write(tom, 2)
    tom.on_heartbeat_timeout()
    assert [[], []] == carried(tom)
    tom.on_append_entries_reply("jerry", accepted(0, term=2))

    assert [[1, 2, 3, 4, 5, 6]] == carried(tom)


def test_calls_go_on_without_an_answer() -> None:
    """next_index moves when a call is sent, and an acknowledgement does not take that back."""
    tom = led()
    tom.on_append_entries_reply("jerry", accepted(1))
    for _ in range(3):
        write(tom, 1)
    assert [[2], [3], [4]] == carried(tom)
    tom.on_append_entries_reply("jerry", accepted(2))

    assert ([], 5, 2) == (carried(tom), tom.next_index["jerry"], tom.match_index["jerry"])


def test_writes_of_a_moment_share_calls_of_bounded_size() -> None:
    """A call carries 64 entries at most."""
    tom = led()
    tom.on_append_entries_reply("jerry", accepted(1))
    write(tom, 100)

    assert [list(range(2, 66)), list(range(66, 102))] == carried(tom)


def test_window_bounds_what_is_on_its_way() -> None:
    """A follower that does not answer gets 256 entries, and heartbeats after that."""
    tom = led()
    for peer in tom.peers():
        tom.on_append_entries_reply(peer, accepted(1))
    write(tom, 400)
    assert 256 == sum(map(len, carried(tom)))
    tom.on_heartbeat_timeout()
    assert [[]] == carried(tom)
    tom.on_append_entries_reply("jerry", accepted(101))
    assert [list(range(258, 322)), list(range(322, 358))] == carried(tom)

    assert {"jerry": 358, "spike": 258} == tom.next_index


def test_deposed_leader_sends_no_batch() -> None:
    """The timer may run out after another server has taken over, at the same moment."""
    tom = led()
    tom.on_client_request("ann", SET_X)
    tom.on_append_entries("jerry", call(2, 0, 0))
    effects(tom)
    tom.on_batch_timeout()

    assert [] == effects(tom)


def test_sent_entry_does_not_count() -> None:
    """Only what a follower has acknowledged is committed, and then every client in order."""
    tom = led()
    for peer in tom.peers():
        tom.on_append_entries_reply(peer, accepted(1))
    for client in ("ann", "bob", "cleo"):
        tom.on_client_request(client, SET_X)
    tom.on_batch_timeout()
    assert 1 == tom.commit_index
    effects(tom)
    tom.on_append_entries_reply("spike", accepted(3))

    assert [("reply", "ann", Ok()), ("reply", "bob", Ok())] == effects(tom, "reply")


def test_leader_alone_answers_at_once() -> None:
    """A single server is a majority by itself."""
    tom = led(servers=1)
    tom.on_client_request("ann", SET_X)
    tom.on_batch_timeout()

    assert [("reply", "ann", Ok())] == effects(tom, "reply")


# Clusters.


def catch_up(node_class: type | int, count: int, **network: Any) -> tuple[Cluster, list[Event]]:
    """Elect tom while spike lacks some entries; return the calls to spike until it has them."""
    log = list(entries_of((1,) * count))
    draws = {"tom": [8], "jerry": [17], "spike": [18]}
    cluster = Cluster(node_class, logs={"tom": log, "jerry": log}, draws=draws, network={"delay": (0.1, 0.1)} | network)
    cluster.run(60, until=lambda: cluster.node("spike").log.last_index > count)
    calls = [event for event in cluster.trace.of("sent", server="tom") if event["type"] == "AppendEntries"]
    return cluster, [event for event in calls if event["to"] == "spike"]


@pytest.mark.parametrize("count, calls", [(10, 3), (63, 3), (64, 4), (500, 10)])
def test_missing_entries_travel_once(count: int, calls: int) -> None:
    """They take (missing / 64 + 3) calls at most; the leader's own first entry is refused once."""
    _, found = catch_up(15, count)

    assert (calls, count + 2) == (len(found), sum(len(event["fields"]["entries"]) for event in found))
    assert calls <= (count + 1) / 64 + 3


@pytest.mark.parametrize("network", [{"loss": 0.2}, {"reorder": 0.5}, {"duplicate": 0.5}])
def test_catching_up_works_in_a_bad_network(network: dict[str, float]) -> None:
    """Calls are lost, overtaken and doubled."""
    for seed in range(3):
        log = list(entries_of((1,) * 300))
        cluster = Cluster(15, logs={"tom": log, "jerry": log}, network=network, seed=seed, timing="paper")
        cluster.run(20)

        assert 300 < cluster.node("spike").log.last_index == cluster.node("spike").last_applied


def test_refusals_of_the_latest_call_are_not_enough() -> None:
    """If next_index moves on and only a refusal of the latest call counts, one lost call stops a follower for good."""
    last = {}
    for node_class in (wrong.LatestCallOnly, node(15)):
        cluster = Cluster(node_class, draws={"tom": [8], "jerry": [12], "spike": [18]}, network={"delay": (0.1, 0.1)})
        cluster.drop("tom>spike#6")
        for number in range(100):
            cluster.set("x", number, at=10 + number / 20)
        cluster.run(until=14.5)
        last[node_class] = cluster.node("spike").log.last_index

    assert last[wrong.LatestCallOnly] < 10
    assert last[node(15)] > 80


def test_whole_window_may_be_lost() -> None:
    """The next heartbeat is refused, and everything is sent again."""
    cluster = Cluster(15, draws={"tom": [8], "jerry": [12], "spike": [18]}, network={"delay": (0.1, 0.1)})
    cluster.cut("tom", "spike", at=10)
    for number in range(300):
        cluster.set("x", number, at=10 + number / 1000)
    cluster.heal(at=11)
    cluster.run(until=18)

    assert 300 < cluster.node("spike").log.last_index == cluster.node("tom").log.last_index


@pytest.mark.parametrize("profile", ["lossy", "reordering", "hostile"])
def test_properties_hold(profile: str) -> None:
    """A few seeds of the profiles that lose and reorder calls break no rule."""
    report = sweep(15, profile, 10, seconds=10, workers=1)

    assert [] == [trial.broken for trial in report.trials if trial.broken], str(report)


def test_skipping_is_not_needed_for_safety() -> None:
    """A leader that goes back to the beginning is slow, and right."""
    careful = changed(15, index_after_refusal=lambda self, message: 1)
    cluster, found = catch_up(careful, 100)

    assert () == cluster.violations
    assert 4 >= len(found)
