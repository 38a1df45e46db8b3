"""Step 11: the commit index. One test for each sentence of the step's docstring and of Sections 5.3, 5.4.2 and 8."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Get, NotLeader, Ok, Set
from raft_steps.lab.log import Entry
from raft_steps.lab.verify.fuzzer import sweep
from raft_steps.lab.verify.model_checker import run_schedule, stored_schedule
from raft_steps.step_11_commit_index import AppendEntries, AppendEntriesReply
from tests.helpers.runs import changed, effects, lone, sent

SET_X = Set(key="x", value="1")


def elected(*log: str, servers: int = 3, term: int = 1) -> Any:
    """Return a leader of a term, just elected and without effects."""
    tom = lone(11, *log, servers=servers, current_term=term)
    tom.become_leader()
    effects(tom)
    return tom


def call(term: int, *terms: int, prev: int = 0, prev_term: int = 0, commit: int = 0) -> AppendEntries:
    """Build a call with entries of these terms."""
    entries = tuple(Entry(index=index, term=each, command=SET_X) for index, each in enumerate(terms, prev + 1))
    return AppendEntries(term=term, prev_log_index=prev, prev_log_term=prev_term, entries=entries, leader_commit=commit)


def accepted(match: int, term: int = 1) -> AppendEntriesReply:
    """Build the reply of a follower that has everything up to an index."""
    return AppendEntriesReply(term=term, success=True, prev_log_index=max(match - 1, 0), match_index=match)


def refused(prev: int, term: int = 1) -> AppendEntriesReply:
    """Build the reply of a follower that lacks an entry."""
    return AppendEntriesReply(term=term, success=False, prev_log_index=prev, match_index=0)


def applied(of_node: Any) -> list[int]:
    """Remove a node's effects, and return the indexes that it applied."""
    return [effect[1].index for effect in effects(of_node, "apply")]


# The leader.


def test_leader_begins_with_a_no_op() -> None:
    """Section 8: the first call to every follower carries a no-op of the new term."""
    tom = lone(11, "1 set x 0", current_term=2)
    tom.become_leader()
    calls = [(to, message.entries) for to, message in sent(tom)]

    assert (2, None) == (tom.log[2].term, tom.log[2].command)
    assert [("jerry", (tom.log[2],)), ("spike", (tom.log[2],))] == calls


def test_leader_alone_has_a_majority() -> None:
    """A leader without followers commits its log with its first entry, and a write at once."""
    tom = lone(11, "1 set x 0", servers=1, current_term=2)
    tom.become_leader()
    assert [1, 2] == applied(tom)
    tom.on_client_request("client#1", SET_X)

    assert [("apply", tom.log[3]), ("reply", "client#1", Ok())] == effects(tom)


def test_leader_commits_what_a_majority_has() -> None:
    """Figure 2, Leaders: it commits the last entry of its own term that a majority has, the leader included."""
    tom = elected(servers=5)
    for client in ("client#1", "client#2"):
        tom.on_client_request(client, SET_X)
    tom.on_append_entries_reply("jerry", accepted(3))
    assert 0 == tom.commit_index
    tom.on_append_entries_reply("spike", accepted(2))

    assert (2, 2) == (tom.commit_index, tom.last_applied)


@pytest.mark.parametrize("servers, needed", [(2, 1), (3, 1), (4, 2), (5, 2)])
def test_majority_is_more_than_half(servers: int, needed: int) -> None:
    """How many followers must have an entry, for each number of servers."""
    tom = elected(servers=servers)
    counts = []
    for peer in tom.peers():
        tom.on_append_entries_reply(peer, accepted(1))
        counts.append(tom.commit_index)

    assert [0] * (needed - 1) + [1] * (servers - needed) == counts


def test_acknowledged_heartbeat_does_not_count_for_a_write() -> None:
    """The fault of steps 3 to 10: any acknowledgement counted for every open write."""
    tom = elected()
    tom.on_append_entries_reply("jerry", accepted(1))
    tom.on_client_request("client#1", SET_X)
    effects(tom)
    tom.on_append_entries_reply("spike", accepted(1))
    assert [] == effects(tom, "reply")
    tom.on_append_entries_reply("spike", accepted(2))

    assert [("reply", "client#1", Ok())] == effects(tom, "reply")


def test_entry_of_an_older_term_is_not_counted() -> None:
    """Section 5.4.2: a majority with an older entry commits nothing; an entry of its own term commits both."""
    tom = elected("1 set x 0", term=2)
    for peer in tom.peers():
        tom.on_append_entries_reply(peer, accepted(1, term=2))
    assert [] == applied(tom)
    tom.on_append_entries_reply("jerry", accepted(2, term=2))

    assert [1, 2] == applied(tom)


def test_late_reply_does_not_lower_match_index() -> None:
    """Figure 2: match_index increases monotonically."""
    tom = elected()
    tom.on_client_request("client#1", SET_X)
    tom.on_append_entries_reply("jerry", accepted(2))
    tom.on_append_entries_reply("jerry", accepted(1))
    tom.on_append_entries_reply("jerry", refused(0))

    assert ({"jerry": 2, "spike": 0}, {"jerry": 3, "spike": 1}) == (tom.match_index, tom.next_index)


def test_leader_goes_back_entry_by_entry() -> None:
    """Section 5.3: after a refusal the leader tries one entry earlier, down to the common first one."""
    tom = elected("1 set x 0", "1 set x 2", term=2)
    asked = []
    for prev in (2, 1, 0):
        tom.on_append_entries_reply("jerry", refused(prev, term=2))
        asked += [message.prev_log_index for _, message in sent(tom)]

    assert [1, 0, 0] == asked


def test_refusal_of_an_older_call_is_ignored() -> None:
    """Only a refusal of the latest call makes the leader go back: duplicates could cause a storm of messages."""
    tom = elected("1 set x 0", "1 set x 2", term=2)
    tom.on_append_entries_reply("jerry", refused(2, term=2))
    effects(tom)
    tom.on_append_entries_reply("jerry", refused(2, term=2))

    assert [] == effects(tom)


def test_follower_that_has_everything_is_sent_nothing() -> None:
    """next_index follows match_index."""
    tom = elected("1 set x 0", term=2)
    tom.on_append_entries_reply("jerry", accepted(2, term=2))
    tom.on_heartbeat_timeout()

    assert {"jerry": 0, "spike": 1} == {to: len(message.entries) for to, message in sent(tom)}


def test_reply_of_an_older_term_does_not_count() -> None:
    """An entry that was acknowledged in an older term may no longer be there."""
    tom = elected(term=3)
    tom.on_append_entries_reply("jerry", accepted(1, term=2))

    assert (0, {"jerry": 0, "spike": 0}) == (tom.commit_index, tom.match_index)


def test_every_call_carries_the_commit_index() -> None:
    """Section 5.3: later calls include the commit index, so that it eventually reaches every follower."""
    tom = elected()
    tom.on_append_entries_reply("jerry", accepted(1))
    tom.on_heartbeat_timeout()

    assert [1, 1] == [message.leader_commit for _, message in sent(tom)]


# The follower.


@pytest.mark.parametrize("commit, expected", [(0, []), (1, [1]), (2, [1, 2]), (9, [1, 2])])
def test_follower_commits_up_to_the_last_new_entry(commit: int, expected: list[int]) -> None:
    """Figure 2, receiver 5: the smaller one of leader_commit and the index of the last new entry."""
    jerry = lone(11, name="jerry")
    jerry.on_append_entries("tom", call(1, 1, 1, commit=commit))

    assert expected == applied(jerry)


def test_heartbeat_vouches_only_up_to_the_previous_entry() -> None:
    """Entries after that in the follower's log may be another leader's."""
    jerry = lone(11, "1 set x 1", "1 set x 2", name="jerry")
    jerry.on_append_entries("tom", call(2, prev=1, prev_term=1, commit=2))

    assert [1] == [effect[1].index for effect in jerry.effects if effect[0] == "apply"]
    assert [("tom", AppendEntriesReply(term=2, success=True, prev_log_index=1, match_index=1))] == sent(jerry)


def test_refused_call_commits_nothing() -> None:
    """Neither a call that does not fit nor one of an older term vouches for the follower's log."""
    jerry = lone(11, "1 set x 1", name="jerry", current_term=2)
    jerry.on_append_entries("tom", call(2, prev=1, prev_term=2, commit=1))
    jerry.on_append_entries("tom", call(1, prev=1, prev_term=1, commit=1))

    assert [] == applied(jerry)


def test_commit_index_never_goes_back() -> None:
    """A late call with a smaller commit index changes nothing, and neither does a duplicate."""
    jerry = lone(11, name="jerry")
    for commit in (2, 2, 1):
        jerry.on_append_entries("tom", call(1, 1, 1, commit=commit))

    assert [1, 2] == applied(jerry)
    assert (2, 2) == (jerry.commit_index, jerry.last_applied)


def test_nothing_is_applied_at_a_start() -> None:
    """The entries on disk may not be committed: the log is not replayed."""
    tom = lone(11, "1 set x 1")
    tom.on_start()

    assert ([], {}) == (applied(tom), tom.state_machine)


# Clients.


def test_read_waits_for_the_leaders_own_entry() -> None:
    """Section 8: before it commits that entry, a new leader does not know what is committed."""
    tom = elected("1 set x 0", term=2)
    tom.on_client_request("client#1", Get(key="x"))
    assert [] == effects(tom, "reply")
    tom.on_append_entries_reply("jerry", accepted(2, term=2))

    assert [("reply", "client#1", Ok(value="0"))] == effects(tom, "reply")


def test_deposed_leader_answers_nobody() -> None:
    """The entries that its clients wait for may be replaced by another leader's."""
    tom = elected()
    tom.on_client_request("client#1", SET_X)
    tom.on_client_request("client#2", Get(key="x"))
    tom.on_append_entries("jerry", call(2, 2, 2, 2, commit=3))
    assert [] == effects(tom, "reply")
    tom.on_client_request("client#3", SET_X)

    assert [("reply", "client#3", NotLeader())] == effects(tom)


# Clusters.


def test_another_acknowledgement_does_not_replace_a_lost_one() -> None:
    """In step 10 the reply to a heartbeat acknowledged a write that no follower had; here its client gets no answer."""
    answers = {}
    for step in (10, 11):
        cluster = Cluster(step, leader="tom", draws={"tom": [18], "jerry": [9], "spike": [14]})
        cluster.drop("tom>jerry#3")
        cluster.drop("tom>spike#3")
        cluster.run(5.1)
        cluster._simulation.ask(cluster._simulation.hosts["tom"], SET_X)
        cluster.run(4)
        answers[step] = len(cluster.trace.of("answered"))

    assert {10: 1, 11: 0} == answers


@pytest.mark.parametrize("step, holds", [(10, {}), (11, {"x": "1"})])
def test_lost_commit_index_is_sent_again(step: int, holds: dict[str, str]) -> None:
    """A follower that missed it gets the commit index with the next heartbeat; in step 10 it never did."""
    cluster = Cluster(step, leader="tom", draws={"jerry": [12], "spike": [14]})
    cluster.drop("tom>spike#4")
    cluster.run(6)
    cluster.set("x", 1)
    cluster.run(100)

    assert {"x": "1"} == cluster.node("jerry").state_machine
    assert holds == cluster.node("spike").state_machine


@pytest.mark.parametrize("seed", range(10))
def test_all_servers_apply_the_same_in_a_bad_network(seed: int) -> None:
    """Messages are lost, duplicated and reordered, and every server applies every entry once, in the same order."""
    network = {"loss": 0.1, "duplicate": 0.2, "reorder": 0.3}
    cluster = Cluster(11, 5, seed=seed, timing="paper", network=network)
    cluster.run(2)
    done = [isinstance(cluster.set("x", number), Ok) for number in range(8)]
    cluster.run(3)
    orders = {name: [event["index"] for event in cluster.trace.of("applied", server=name)] for name in cluster.servers}

    assert sum(done) >= 6
    assert {tuple(range(1, len(orders["tom"]) + 1))} == {tuple(order) for order in orders.values()}
    assert {"7"} >= {cluster.node(name).state_machine["x"] for name in cluster.servers} or not done[-1]


class CountsOlderTerms(node(11)):  # type: ignore[misc]
    """Counts entries of older terms, and begins without a no-op."""

    def become_leader(self) -> None:
        self.is_leader = True
        self.cancel_timer("election")
        self.next_index = dict.fromkeys(self.peers(), self.log.last_index + 1)
        self.match_index = dict.fromkeys(self.peers(), 0)
        self.send_heartbeat()
        self.start_timer("heartbeat", self.heartbeat_interval)

    def advance_commit_index(self) -> None:
        have = sorted([self.log.last_index, *self.match_index.values()])
        self.commit_up_to(have[(len(have) - 1) // 2])


class CountsItsOwn(CountsOlderTerms):
    """The same with the step's own way of counting."""

    def advance_commit_index(self) -> None:
        node(11).advance_commit_index(self)


@pytest.mark.parametrize("name", ["figure_8", "figure_8_of_the_paper"])
def test_figure_8_needs_the_term_comparison(name: str) -> None:
    """The stored runs break a Node that counts older terms, but neither the same Node with the rule nor the step's."""
    found = [run_schedule(stored_schedule(name), each, "all") for each in (CountsOlderTerms, CountsItsOwn, node(11))]

    assert [["Leader Completeness"], [], []] == [[each.name for each in replay.breaks] for replay in found]
    assert [None] * 3 == [replay.error for replay in found]


def test_no_op_hides_a_wrong_count() -> None:
    """Every call of a leader carries its no-op, so no run shows that it counts older terms: only the check does."""
    counting = changed(11, advance_commit_index=CountsOlderTerms.advance_commit_index)

    assert [] == run_schedule(stored_schedule("figure_8"), counting, "all").breaks


def test_crash_still_clears_the_vote() -> None:
    """What is still broken: jerry forgets its vote, and tom and spike lead in the same term."""
    cluster = Cluster(11, draws={"tom": [8], "jerry": [18], "spike": [9]})
    cluster.cut("tom", "spike")
    cluster.cut("spike", "tom")
    cluster.crash("jerry", at=8.6)
    cluster.restart("jerry", at=8.9)
    cluster.run(10.4)

    assert ["tom", "spike"] == cluster.leaders
    assert {1} == {cluster.node(name).current_term for name in cluster.servers}


@pytest.mark.parametrize("profile", ["lossy", "reordering"])
def test_properties_hold_without_crashes(profile: str) -> None:
    """The properties that the step keeps hold in lossy and in reordering networks."""
    report = sweep(11, profile, 10, seconds=10, workers=1)

    assert [] == [trial.broken for trial in report.trials if trial.broken], str(report)
