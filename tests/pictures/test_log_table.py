"""Tests of the log table: it shows every entry with its term, marks differences, and shows the state machines."""

import os
from pathlib import Path

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.pictures.log_table import log_table
from tests.pictures.picture_tools import texts

GOLDEN = Path(__file__).parent / "golden"
LOGS = {
    "tom": "1 set x 1; 1 set y 2; 3 set z 3",
    "jerry": "1 set x 1; 2 set y 9; 2 set q 1; 2 delete x",
    "spike": "1 set x 1",
}


def test_golden_table() -> None:
    """The table of three different logs equals the stored one; RAFT_STEPS_GOLDEN=1 writes it again."""
    picture = Cluster(2, logs=LOGS).logs()
    stored = GOLDEN / "log_table.svg"
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        picture.save(stored)

    assert stored.read_text(encoding="utf-8") == picture.svg


def test_everything_is_shown() -> None:
    """The table shows servers, roles and terms, indexes, each entry's term and command, and the state machines."""
    words = texts(Cluster(2, logs=LOGS).logs())

    for expected in (
        "tom", "jerry", "spike", "L", "F", "leader, term 3", "follower, term 2", "1", "2", "3", "4",
        "set x 1", "set y 9", "delete x", "holds x = 1, y = 2, z = 3",
    ):  # fmt: skip
        assert expected in words, expected


def test_differences_from_the_leader_are_marked() -> None:
    """An entry that differs from the leader's gets a sign and an edge, and the texts mention it."""
    picture = Cluster(2, logs=LOGS).logs()

    assert 3 == texts(picture).count("≠") == picture.svg.count('class="u"')
    assert "jerry differs from tom" in picture.alt
    assert "2: term 2, set y 9 (differs)" in picture.summary
    assert "set x 1 (differs)" not in picture.summary


def test_equal_logs_have_no_mark() -> None:
    """Logs that the leader has repaired show no difference; a shorter log does not count as different."""
    picture = Cluster(2, logs=LOGS).run(5).logs()

    assert "≠" not in texts(picture)
    assert "no two entries of one index differ" in picture.alt


def test_majority_is_expected_without_a_leader() -> None:
    """Without a leader, an entry is marked if most servers have another one."""
    picture = log_table({"a": ["1 set x 1"], "b": ["1 set x 1"], "c": ["2 set x 2"]})

    assert "c differs from most" in picture.alt
    assert any("not what most have" in each for each in texts(picture))


def test_server_that_is_down_shows_its_disk() -> None:
    """A server that is down shows the log on its disk, without a state machine."""
    cluster = Cluster(2, logs=LOGS).run(5)
    cluster.crash("spike")
    picture = cluster.logs()

    assert "down" in texts(picture)
    assert "this is on its disk; its state machine is gone" in texts(picture)


def test_logs_of_a_past_moment() -> None:
    """The logs can be drawn as they were at an earlier time."""
    cluster = Cluster(2, logs=LOGS).run(5)

    assert cluster.logs(at=0).svg == Cluster(2, logs=LOGS).run(0).logs().svg
    assert cluster.logs(at=0).svg != cluster.logs().svg


def test_long_logs_start_at_the_first_difference() -> None:
    """If there is no room for all entries, the table starts just before the first difference, and says so."""
    same = ["1 set x 1"] * 20
    picture = log_table({"a": [*same, *["2 set y 2"] * 20], "b": [*same, *["3 set y 3"] * 20]}, title="two logs")
    words = texts(picture)

    assert "20" in words
    assert "19" not in words
    assert "≠" in words
    assert any(each.startswith("Entries 1 to 19 are not drawn: they are the same everywhere") for each in words)
    assert "Entries 1 to 19 are not drawn: they are the same everywhere" in picture.summary


def test_hostile_command_is_cut() -> None:
    """A long and hostile command is cut to fit its cell, and remains text."""
    picture = log_table({"a": ["1 set x " + "<script>&\"'" * 50], "b": []})

    assert "<script" not in picture.svg
    assert max(len(each) for each in texts(picture)) < 100


def test_empty_logs_can_be_drawn() -> None:
    """Logs without entries can be drawn."""
    picture = log_table({"a": [], "b": []})

    assert "no log has an entry yet" in texts(picture)
    assert "a: no entries" in picture.summary
    assert log_table({}).svg


def test_logs_of_a_trace_can_be_drawn() -> None:
    """Entries may also have the form that they have in a trace."""
    picture = log_table({"a": [{"term": 3, "command": "set x 1"}], "b": ["3 set x 1"]})

    assert picture.svg == log_table({"a": ["3 set x 1"], "b": ["3 set x 1"]}).svg


def test_server_that_has_not_started_is_shown() -> None:
    """Before its first start, a server has a row without a role."""
    first = Cluster(8, seed=1).trace.moment_after(0)

    assert ["not started"] * 2 == [each for each in texts(log_table(first)) if each == "not started"]


def test_applied_entries_have_a_tick() -> None:
    """An entry that its server has applied is ticked; one that is only stored is not."""
    cluster = Cluster(11, seed=1).run(30)
    assert cluster.set("x", "1") == Ok()
    applied = texts(cluster.run(5).logs()).count("✓")
    cluster.crash("leader")

    assert applied == 3 * len(cluster.log("tom")) > 0
    assert 2 * applied // 3 == texts(cluster.logs()).count("✓")


def test_snapshot_stands_in_place_of_entries() -> None:
    """A double line with words, and no entry, where a server has a snapshot; the others' entries there do not differ."""
    draws = "draws tom 8; draws jerry 18; draws spike 18"
    writes = "at 9 set x 1; at 10 set x 2; at 11 set x 3"
    compacted = Cluster.replay(f"raft-steps 1; step 16; {draws}; {writes}; at 25 snapshot tom; until 26")
    picture = compacted.logs()

    assert "snapshot up to 4" in texts(picture)
    assert "≠" not in texts(picture)
    assert "tom has a snapshot up to entry 4 and 0 entries, jerry has 4 entries" in picture.alt
    assert "tom (leader, term 1): snapshot up to 4; holds x = 3" in picture.summary
