"""The log table: every entry with its term, what differs marked, and what each state machine holds."""

import os
from pathlib import Path

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.pictures.log_table import log_table
from tests.pictures.picture_tools import texts

GOLDEN = Path(__file__).parent / "golden"
LOGS = {
    "tom": "1 set x 1; 1 set y 2; 3 set z 3",
    "jerry": "1 set x 1; 2 set y 9; 2 set q 1; 2 delete x",
    "spike": "1 set x 1",
}


def test_golden_table() -> None:
    """The table of three logs that differ is the one that was looked at; RAFT_STEPS_GOLDEN=1 writes it anew."""
    picture = Cluster(2, logs=LOGS).logs()
    stored = GOLDEN / "log_table.svg"
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        picture.save(stored)

    assert stored.read_text(encoding="utf-8") == picture.svg


def test_everything_is_shown() -> None:
    """Servers, roles and terms, indexes, each entry's term and command, and what the state machines hold."""
    words = texts(Cluster(2, logs=LOGS).logs())

    for expected in (
        "tom", "jerry", "spike", "L", "F", "leader, term 3", "follower, term 2", "1", "2", "3", "4",
        "set x 1", "set y 9", "delete x", "holds x = 1, y = 2, z = 3",
    ):  # fmt: skip
        assert expected in words, expected


def test_what_differs_from_the_leader_is_marked() -> None:
    """An entry that the leader has not at that index gets a sign and an edge, and the words say so."""
    picture = Cluster(2, logs=LOGS).logs()

    assert 3 == texts(picture).count("≠") == picture.svg.count('class="u"')
    assert "jerry differs from tom" in picture.alt
    assert "2: term 2, set y 9 (differs)" in picture.summary
    assert "set x 1 (differs)" not in picture.summary


def test_logs_that_agree_carry_no_mark() -> None:
    """Logs that the leader has brought into line show no difference; a shorter log is not a different one."""
    picture = Cluster(2, logs=LOGS).run(5).logs()

    assert "≠" not in texts(picture)
    assert "no two entries of one index differ" in picture.alt


def test_without_a_leader_most_decide() -> None:
    """While nobody leads, an entry is marked that most servers do not have."""
    picture = log_table({"a": ["1 set x 1"], "b": ["1 set x 1"], "c": ["2 set x 2"]})

    assert "c differs from most" in picture.alt
    assert any("not what most have" in each for each in texts(picture))


def test_server_that_is_down_shows_its_disk() -> None:
    """A server that is down is crossed; its log is on its disk, its state machine is gone."""
    cluster = Cluster(2, logs=LOGS).run(5)
    cluster.crash("spike")
    picture = cluster.logs()

    assert "down" in texts(picture)
    assert "this is on its disk; its state machine is gone" in texts(picture)


def test_a_moment_of_the_past() -> None:
    """The logs can be seen as they were."""
    cluster = Cluster(2, logs=LOGS).run(5)

    assert cluster.logs(at=0).svg == Cluster(2, logs=LOGS).run(0).logs().svg
    assert cluster.logs(at=0).svg != cluster.logs().svg


def test_long_logs_begin_where_they_differ() -> None:
    """Where there is no room for all entries, the table begins just before the first difference, and says so."""
    same = ["1 set x 1"] * 20
    picture = log_table({"a": [*same, *["2 set y 2"] * 20], "b": [*same, *["3 set y 3"] * 20]}, title="two logs")
    words = texts(picture)

    assert "20" in words
    assert "19" not in words
    assert "≠" in words
    assert any(each.startswith("Entries 1 to 19 are not drawn: they are the same everywhere") for each in words)
    assert "Entries 1 to 19 are not drawn: they are the same everywhere" in picture.summary


def test_hostile_command_is_cut() -> None:
    """A long and hostile command is cut to its cell and is nothing but words."""
    picture = log_table({"a": ["1 set x " + "<script>&\"'" * 50], "b": []})

    assert "<script" not in picture.svg
    assert max(len(each) for each in texts(picture)) < 100


def test_empty_logs_say_so() -> None:
    """Logs without an entry are a table too."""
    picture = log_table({"a": [], "b": []})

    assert "no log has an entry yet" in texts(picture)
    assert "a: no entries" in picture.summary
    assert log_table({}).svg
