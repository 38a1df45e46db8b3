"""Tests of the database: what is stored comes back, and every wrong folder gets a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps import node
from raft_steps.lab import Entry, Set
from raft_steps.lab.errors import ServerError
from raft_steps.lab.log import Change, Log, Snapshot
from raft_steps.lab.runtime.server.checkpointer import CHECKPOINT_BYTES
from raft_steps.lab.runtime.server.database import DATABASE, WAL, Database, DiskError
from raft_steps.lab.runtime.server.stored_data import read_stored
from tests.runtime.server.disk_tools import limited_files

IDENTITY = {"name": "tom", "servers": "tom,jerry,spike", "step": "step 12"}


def open_database(folder: Path, **changes: str) -> Database:
    """Open tom's database, and begin a life."""
    database = Database(folder, IDENTITY | changes, node(12))
    database.begin_life()
    return database


def entry(index: int, term: int = 1) -> Entry:
    """Return an entry."""
    return Entry(index=index, term=term, command=Set(key="x", value=str(index)))


def test_what_is_committed_comes_back(tmp_path: Path) -> None:
    """Fields and entries are there in the next life; an entry that was deleted is not."""
    database = open_database(tmp_path / "tom.d")
    database.store_field("current_term", 3)
    database.store_field("voted_for", None)
    database.store_log("log", [("append", entry(1)), ("append", entry(2)), ("truncate", 1), ("append", entry(2, 3))])
    database.commit()
    database.store_field("current_term", 4)  # Never committed.
    database.close()
    again = open_database(tmp_path / "tom.d")
    assert again.life == 2
    assert again.load() == {"current_term": 3, "voted_for": None, "log": Log([entry(1), entry(2, 3)])}
    again.close()


SNAPSHOT = Snapshot(last_included_index=2, last_included_term=1, data="the state")
OTHER = Snapshot(last_included_index=2, last_included_term=9, data="the state")


@pytest.mark.parametrize(
    "turns",
    [
        [[("append", entry(1)), ("append", entry(2)), ("append", entry(3)), ("compact", SNAPSHOT)]],
        [
            [("append", entry(1)), ("append", entry(2)), ("append", entry(3))],
            [("compact", SNAPSHOT), ("append", entry(4))],
        ],
        [
            [("append", entry(1)), ("append", entry(2)), ("append", entry(3))],
            [("compact", OTHER), ("append", entry(3, 9))],
        ],
        [[("compact", SNAPSHOT)], [("truncate", 0), ("append", entry(1, 5))]],
        [[("append", entry(1)), ("append", entry(2))], [("compact", SNAPSHOT), ("truncate", 2)]],
    ],
    ids=["at once", "suffix stays", "other history goes", "new log", "all compacted"],
)
def test_snapshot_takes_the_place_of_rows(tmp_path: Path, turns: list[list[Change]]) -> None:
    """What comes back is what a log in memory holds; the rows that the snapshot stands for are gone."""
    database, expected = open_database(tmp_path), Log()
    for changes in turns:
        database.store_log("log", changes)
        database.commit()
        expected.follow(changes)
    rows = database._connection.execute("SELECT count(*) FROM entry").fetchone()[0]
    assert len(expected) == rows
    database.close()
    again = open_database(tmp_path)
    assert {"log": expected} == again.load()
    again.close()


def test_compaction_is_one_transaction(tmp_path: Path) -> None:
    """A turn that is not committed leaves the entries, and no snapshot."""
    database, log = open_database(tmp_path), Log([entry(1), entry(2)])
    database.store_log("log", log.changes)
    database.commit()
    database.store_log("log", [("compact", SNAPSHOT)])
    database.close()
    again = open_database(tmp_path)
    assert {"log": log} == again.load()
    again.close()


def test_database_of_an_earlier_version_gets_a_table_of_snapshots(tmp_path: Path) -> None:
    """A folder from before there were snapshots is used as it is."""
    database = open_database(tmp_path)
    database._connection.execute("DROP TABLE snapshot")
    database.close()
    assert {} == read_stored(tmp_path).snapshots
    again = open_database(tmp_path)
    again.store_log("log", [("compact", SNAPSHOT)])
    again.commit()
    again.close()
    assert {"log": SNAPSHOT} == read_stored(tmp_path).snapshots


def test_life_counts_once_it_has_begun(tmp_path: Path) -> None:
    """A server that could not listen has not lived: nothing says whose folder it is, and its first log is still to come."""
    first = Database(tmp_path, IDENTITY, node(12))
    assert first.life == 1
    first.close()
    second = Database(tmp_path, IDENTITY | {"name": "jerry"}, node(12))
    second.begin_life([entry(1)])
    second.close()
    third = Database(tmp_path, IDENTITY | {"name": "jerry"}, node(12))
    third.begin_life([entry(1), entry(2)])
    assert (2, {"log": Log([entry(1)])}) == (third.life, third.load())
    third.close()


def test_folder_that_is_gone_is_about_the_disk(tmp_path: Path) -> None:
    """A file that cannot be opened may be there again later, as after a full disk: a server tries again."""
    folder = tmp_path / "tom.d"
    (folder / DATABASE).mkdir(parents=True)
    with pytest.raises(DiskError, match="cannot be opened: unable to open database file"):
        open_database(folder)
    (folder / DATABASE).rmdir()
    open_database(folder).close()


def test_value_that_no_message_could_hold_is_refused(tmp_path: Path) -> None:
    """A durable field has the type of its annotation."""
    database = open_database(tmp_path)
    with pytest.raises(Exception, match="voted_for should be str or None, not 3"):
        database.store_field("voted_for", 3)
    database.close()


def test_second_process_is_refused(tmp_path: Path) -> None:
    """A folder that is in use is named."""
    database = open_database(tmp_path)
    with pytest.raises(ServerError, match="another server uses the folder"):
        open_database(tmp_path)
    database.close()


@pytest.mark.parametrize("change", [{"name": "jerry"}, {"servers": "tom,jerry"}, {"step": "step 11"}])
def test_folder_of_another_server_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    """A folder belongs to one server of one cluster and step."""
    open_database(tmp_path).close()
    with pytest.raises(ServerError, match="belongs to another server: its"):
        open_database(tmp_path, **change)


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look at", b"SQLite format 3\0" + b"x" * 4096]
)
def test_damaged_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is not a database, or no longer one, is named."""
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(ServerError, match=r"cannot be opened.*It is damaged"):
        open_database(tmp_path)


def test_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A path that is not a folder is named."""
    (tmp_path / "tom.d").write_text("")
    with pytest.raises(ServerError, match="cannot be used"):
        open_database(tmp_path / "tom.d")


def test_write_ahead_log_has_its_length_from_the_start(tmp_path: Path) -> None:
    """So a commit does not change it; what SQLite has not written is nothing."""
    database = open_database(tmp_path)
    before = (tmp_path / WAL).stat().st_size
    database.store_log("log", [("append", Entry(index=1, term=1, command=None))])
    database.commit()
    after = (tmp_path / WAL).stat().st_size
    database.close()
    assert CHECKPOINT_BYTES == before == after
    again = open_database(tmp_path)
    assert 1 == again.load()["log"].last_index
    again.close()


def test_disk_without_room_for_that_is_no_reason(tmp_path: Path) -> None:
    """The log is then as long as what is in it."""
    with limited_files(CHECKPOINT_BYTES // 2):
        database = open_database(tmp_path)
        assert (tmp_path / WAL).stat().st_size < CHECKPOINT_BYTES // 2
        database.close()
