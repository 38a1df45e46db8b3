"""Step 16: snapshots. One test for each sentence of the step's docstring and of Section 7."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Append, InSession, Ok, OpenSession, Set
from raft_steps.lab.log import Entry, Log, Snapshot
from raft_steps.lab.snapshots import state_from_text, state_to_text
from raft_steps.lab.verify.fuzzer import sweep
from raft_steps.lab.verify.model_checker import Scope, Search
from raft_steps.lab.verify.properties.from_trace import check_trace
from raft_steps.lab.verify.properties.rules import ALL_RULES
from raft_steps.step_14_linearizable_reads import AppendEntries
from raft_steps.step_15_fast_catch_up import AppendEntriesReply
from raft_steps.step_16_snapshots import InstallSnapshot
from tests.checks.wrong_nodes.step_16_calls import HasNoLastTerm
from tests.helpers.runs import changed, effects, lone, sent

SET_X = Set(key="x", value="1")
Small = changed(16, log_limit=4)  # a Node whose log is compacted after four entries
THREE = ("1 set x 1", "1 set y 2", "1 set x 3")


def compacted(*log: str, applied: int, **fields: Any) -> Any:
    """Return a server that has applied some of the entries of its log, and compacted them."""
    tom = lone(16, *log, **fields)
    tom.commit_up_to(applied)
    tom.take_snapshot()
    effects(tom)
    return tom


def led(*log: str, applied: int) -> Any:
    """Return a leader of term 2, just elected, that has compacted what it had applied before."""
    tom = compacted(*log, applied=applied, current_term=2)
    tom.become_leader()
    effects(tom)
    return tom


def snapshot(index: int, term: int = 1, **values: str) -> Snapshot:
    """Build a snapshot with a state machine."""
    state = {"state_machine": values, "sessions": {}}
    return Snapshot(last_included_index=index, last_included_term=term, data=state_to_text(state))


def call(prev: int, prev_term: int, *entries: Entry, term: int = 1, commit: int = 0) -> AppendEntries:
    """Build a leader's call."""
    return AppendEntries(
        term=term, prev_log_index=prev, prev_log_term=prev_term, entries=entries, leader_commit=commit, round=1
    )


def reply(prev: int, *, success: bool = True, conflict: tuple[int | None, int] = (None, 0)) -> AppendEntriesReply:
    """Build a follower's answer in term 2."""
    return AppendEntriesReply(
        term=2, success=success, prev_log_index=prev, match_index=prev if success else 0, round=1,
        conflict_term=conflict[0], conflict_index=conflict[1],
    )  # fmt: skip


def entry(index: int, term: int = 1, value: str = "9") -> Entry:
    """Build an entry."""
    return Entry(index=index, term=term, command=Set(key="x", value=value))


def bounds(log: Log) -> tuple[int, int]:
    """Return up to which entry a log is compacted, and its last entry."""
    return log.base_index, log.last_index


# Taking a snapshot.


def test_snapshot_stands_for_what_is_applied() -> None:
    """It has the last applied entry's index and term, and the state after it; the rest of the log stays."""
    tom = compacted(*THREE, "2 set z 4", applied=3, current_term=5)

    assert (3, 4) == bounds(tom.log)
    assert (3, 1) == (tom.log.snapshot.last_included_index, tom.log.snapshot.last_included_term)
    assert {"state_machine": {"x": "3", "y": "2"}, "sessions": {}} == state_from_text(tom.log.snapshot.data)


def test_log_is_compacted_when_it_is_too_long() -> None:
    """The number of applied entries decides, and not the length of the log."""
    tom = lone(16, *["1 set x 1"] * 10, current_term=1, log_limit=4)
    tom.commit_up_to(3)
    assert 0 == tom.log.base_index
    tom.commit_up_to(4)
    assert (4, 10) == bounds(tom.log)
    tom.commit_up_to(9)

    assert (9, 10) == bounds(tom.log)


def test_large_state_is_written_less_often() -> None:
    """Half as many entries as the state has keys are applied between two snapshots, so that these cost no more than writes."""
    tom = lone(16, *[f"1 set k{number} 1" for number in range(40)], current_term=1, log_limit=4)
    bases = set()
    for index in range(1, 41):
        tom.commit_up_to(index)
        bases.add(tom.log.base_index)

    assert {0, 4, 8, 15, 29} == bases


def test_nothing_new_is_no_snapshot() -> None:
    """What is compacted already is not compacted again."""
    tom = compacted(*THREE, applied=2)
    before = tom.log.snapshot
    tom.take_snapshot()

    assert before is tom.log.snapshot


def test_restart_begins_with_the_snapshot() -> None:
    """State, commit index and last applied are those of the snapshot; nothing is applied again."""
    tom = lone(16, current_term=1)
    tom.log = Log([entry(4)], snapshot(3, y="2"))
    tom.on_start()

    assert ({"y": "2"}, 3, 3) == (tom.state_machine, tom.commit_index, tom.last_applied)
    assert [] == effects(tom, "apply")
    tom.commit_up_to(4)
    assert [("apply", entry(4))] == effects(tom, "apply")


def test_sessions_are_in_the_snapshot() -> None:
    """Numbers, responses and their order: the one that was not used for longest expires next."""
    tom = lone(16)
    commands = [OpenSession(), OpenSession(), InSession(session=1, serial=1, command=Append(key="x", value="1"))]
    for index, command in enumerate(commands, 1):
        tom.log.append(Entry(index=index, term=1, command=command))  # type: ignore[arg-type]
    tom.commit_up_to(3)
    tom.take_snapshot()
    jerry = lone(16, name="jerry")
    jerry.on_install_snapshot("tom", InstallSnapshot(term=1, snapshot=tom.log.snapshot, round=1))

    assert [(2, (0, Ok(value="2"))), (1, (1, Ok(value="1")))] == list(jerry.sessions.items())
    assert tom.state_machine == jerry.state_machine == {"x": "1"}


# Calls below the snapshot.


@pytest.mark.parametrize("prev, last, kept", [(0, 0, 4), (0, 2, 4), (1, 3, 4), (1, 4, 4), (2, 5, 5), (3, 5, 5)])
def test_call_about_compacted_entries_fits(prev: int, last: int, kept: int) -> None:
    """What the snapshot stands for is skipped, and what comes after it is stored."""
    tom = compacted(*THREE, "1 set x 9", applied=3, current_term=1)
    tom.on_append_entries("jerry", call(prev, min(prev, 1), *(entry(index) for index in range(prev + 1, last + 1))))
    ((_, answer),) = sent(tom)

    assert (True, max(prev, last)) == (answer.success, answer.match_index)
    assert (3, kept) == bounds(tom.log)


def test_conflict_after_the_snapshot_is_deleted() -> None:
    """An entry after the snapshot may be another one than the leader's."""
    tom = compacted(*THREE, "1 set x 9", "1 set x 9", applied=3, current_term=2)
    tom.on_append_entries("jerry", call(1, 1, entry(2), entry(3), entry(4, 2), term=2))

    assert [(4, 2)] == [(each.index, each.term) for each in tom.log]


def test_call_after_another_entry_is_refused() -> None:
    """The last entry that the snapshot stands for has its term."""
    tom = compacted(*THREE, applied=3, current_term=4)
    tom.on_append_entries("jerry", call(3, 2, term=4))
    ((_, answer),) = sent(tom)

    assert not answer.success


# Sending a snapshot.


def test_follower_that_needs_compacted_entries_gets_the_snapshot() -> None:
    """After it, calls carry nothing until the follower has answered; then what comes next follows."""
    tom = led(*THREE, applied=3)
    tom.on_append_entries_reply("jerry", reply(3, success=False, conflict=(None, 1)))
    assert [("jerry", InstallSnapshot(term=2, snapshot=tom.log.snapshot, round=1))] == sent(tom)
    tom.on_heartbeat_timeout()
    assert [("jerry", 3, ())] == [(to, each.prev_log_index, each.entries) for to, each in sent(tom) if to == "jerry"]
    tom.on_append_entries_reply("jerry", reply(3))

    assert [[4]] == [[each.index for each in message.entries] for _, message in sent(tom)]


def test_lost_snapshot_is_sent_again() -> None:
    """The call after it is refused."""
    tom = led(*THREE, applied=3)
    for _ in range(2):
        tom.on_append_entries_reply("jerry", reply(3, success=False, conflict=(None, 1)))
        assert [InstallSnapshot] == [type(message) for _, message in sent(tom)]
        tom.on_heartbeat_timeout()
        effects(tom)


def test_log_may_be_compacted_while_a_snapshot_is_on_its_way() -> None:
    """A follower that has the earlier snapshot gets the present one."""
    tom = led(*THREE, applied=2)
    tom.on_append_entries_reply("jerry", reply(3, success=False, conflict=(None, 1)))
    tom.on_append_entries_reply("spike", reply(4))
    tom.take_snapshot()
    effects(tom)
    tom.on_append_entries_reply("jerry", reply(2))

    assert [4] == [message.snapshot.last_included_index for to, message in sent(tom) if to == "jerry"]


@pytest.mark.parametrize(
    "conflict, expected",
    [((1, 3), 3), ((2, 4), 3), ((None, 2), 0), ((None, 4), 3), ((3, 5), 4)],
    ids=["base has the term", "nothing of that term", "log too short", "log ends at the base", "newer"],
)
def test_leader_looks_no_further_back_than_its_log(conflict: tuple[int | None, int], expected: int) -> None:
    """If the logs part before the base, a snapshot is needed (0); otherwise a call follows the entry where they may agree."""
    tom = compacted(*THREE, "3 set x 4", "4 set x 5", applied=3, current_term=5)
    tom.become_leader()
    effects(tom)
    refusal = AppendEntriesReply(
        term=5, success=False, prev_log_index=5, match_index=0, round=1,
        conflict_term=conflict[0], conflict_index=conflict[1],
    )  # fmt: skip
    tom.on_append_entries_reply("jerry", refusal)
    ((_, message),) = sent(tom)

    assert expected == getattr(message, "prev_log_index", 0)


# Getting a snapshot.


@pytest.mark.parametrize(
    "log, kept",
    [
        ((), []),
        (THREE[:1], []),
        ((*THREE, "1 set x 9"), [4]),
        (("1 set x 1", "2 set y 2", "2 set x 3", "2 set x 4"), []),
    ],
    ids=["empty", "short", "suffix", "other history"],
)
def test_snapshot_is_taken_over(log: tuple[str, ...], kept: list[int]) -> None:
    """Figure 13: what follows its last entry stays if that is in the log, and the state is the snapshot's."""
    tom = lone(16, *log, current_term=3)
    tom.on_install_snapshot("jerry", InstallSnapshot(term=3, snapshot=snapshot(3, z="7"), round=4))
    ((to, answer),) = sent(tom)

    assert (kept, 3) == ([each.index for each in tom.log], tom.log.base_index)
    assert ({"z": "7"}, 3, 3) == (tom.state_machine, tom.commit_index, tom.last_applied)
    assert ("jerry", True, 3, 4) == (to, answer.success, answer.match_index, answer.round)
    assert "jerry" == tom.leader


@pytest.mark.parametrize("index", [1, 2, 3])
def test_state_never_goes_back(index: int) -> None:
    """A snapshot of what is applied already changes nothing, compacted or not."""
    for applied in ("compacted", "in the log"):
        tom = (
            compacted(*THREE, applied=3, current_term=1) if applied == "compacted" else lone(16, *THREE, current_term=1)
        )
        tom.commit_up_to(3)
        before = bounds(tom.log)
        tom.on_install_snapshot("jerry", InstallSnapshot(term=1, snapshot=snapshot(index, z="7"), round=1))

        assert (before, {"x": "3", "y": "2"}, 3) == (bounds(tom.log), tom.state_machine, tom.last_applied)


def test_older_term_is_refused() -> None:
    """A snapshot of a former leader changes nothing."""
    tom = lone(16, current_term=3)
    tom.on_install_snapshot("jerry", InstallSnapshot(term=2, snapshot=snapshot(3), round=1))

    assert ["AppendEntriesRefused"] == [type(message).__name__ for _, message in sent(tom)]
    assert (0, 0) == bounds(tom.log)


# Clusters.


def wrote(node_class: Any, count: int, **network: Any) -> Cluster:
    """Let spike be away while clients write, and be back for a while."""
    cluster = Cluster(node_class, draws={"tom": [8], "jerry": [17], "spike": [18]}, network=network, timing="paper")
    cluster.run(9)
    cluster.crash("spike")
    for number in range(count):
        cluster.set("x", number, at=cluster.time + 0.01 * number)
    cluster.run(0.01 * count + 1)
    cluster.restart("spike")
    return cluster.run(3)


@pytest.mark.parametrize("network", [{}, {"loss": 0.2}, {"reorder": 0.3, "duplicate": 0.3}])
def test_server_that_was_away_catches_up(network: dict[str, float]) -> None:
    """It gets a snapshot, and its log is as short as the others'."""
    cluster = wrote(Small, 30, **network)
    nodes = [cluster.node(name) for name in cluster.servers]

    assert [31, 31, 31] == [each.last_applied for each in nodes]
    assert all(len(each.log) < 8 for each in nodes)
    assert [] == list(cluster.violations) == list(check_trace(cluster.trace, ALL_RULES))
    assert cluster.trace.of("sent", server="tom")


def test_log_stays_within_2000_bytes() -> None:
    """MIT 6.5840, 3D: a log with short commands is bounded, however long the cluster runs."""
    cluster = Cluster(changed(16, log_limit=10), timing="paper").run(2)
    longest = 0
    for number in range(300):
        cluster.set(f"k{number % 5}", number, at=cluster.time + 0.02)
        cluster.run(0.03)
        sizes = [len(str(cluster.log(name))) + len(cluster.node(name).log.snapshot.data if cluster.node(name).log.snapshot else "")
                 for name in cluster.servers]  # fmt: skip
        longest = max(longest, *sizes)

    assert longest < 2000


def test_snapshot_now() -> None:
    """A scenario may tell a server to take a snapshot; one that cannot is noted."""
    cluster = Cluster.replay("raft-steps 1; step 16; draws tom 8; draws jerry 18; draws spike 18; at 10 set x 1; "
                             "at 12 snapshot tom jerry; at 13 crash jerry; at 14 snapshot jerry; until 15")  # fmt: skip
    assert [2, 1] == [cluster.trace.of("compacted", server=name)[0]["index"] for name in ("tom", "jerry")]
    assert ["snapshot jerry: it is down"] == [event["text"] for event in cluster.trace.of("note")]
    assert [] == list(cluster.violations)

    old = Cluster.replay("raft-steps 1; step 15; at 12 snapshot tom; until 13")
    assert ["snapshot tom: its Node has no take_snapshot"] == [event["text"] for event in old.trace.of("note")]


@pytest.mark.parametrize("profile", ["snapshots", "disks", "hostile"])
def test_properties_hold(profile: str) -> None:
    """A few seeds break no rule, with snapshots after every four entries."""
    report = sweep(Small, profile, 10, seconds=10, workers=1)

    assert [] == [trial.broken for trial in report.trials if trial.broken], str(report)


def test_search_knows_compacted_logs() -> None:
    """Every order of a few events keeps the invariants, when servers take snapshots at any moment."""
    scope = Scope(timeouts={"election": 1, "batch": 2}, crashes=1, commands=("set x 1", "set x 2"), snapshots=2)
    found = Search(16, leader="tom").run(scope, invariants="all", states=4_000)

    assert "" == found.what, str(found)
    assert found.states >= 4_000


def test_compacted_entry_of_term_0_is_found_by_a_sweep() -> None:
    """If what is compacted counts as of term 0, a server that lacks it may lead."""
    report = sweep(HasNoLastTerm, "snapshots", [0], seconds=10, workers=1, smallest=False)
    assert ["Leader Completeness"] == [trial.broken for trial in report.failed]


def test_step_15_has_no_snapshots() -> None:
    """The step before cannot take one."""
    assert not hasattr(node(15), "take_snapshot")
