"""Tests of reading a server's folder: while the server writes, and when it holds something else."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from raft_steps import node
from raft_steps.lab import Delete, Entry, Set
from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server import checkpointer, stored_data
from raft_steps.lab.runtime.server.database import DATABASE, WAL, Database
from raft_steps.lab.runtime.server.stored_data import StoredData, StoredEntry, read_stored

IDENTITY = {"name": "tom", "servers": "tom,jerry,spike", "step": "step 12"}


def open_database(folder: Path) -> Database:
    """Open tom's database, and begin a life."""
    database = Database(folder, IDENTITY, node(12))
    for connection in (database._connection, database.checkpointer._second):
        connection.execute("PRAGMA synchronous = OFF")  # Faster; the files are the same.
    database.begin_life()
    return database


def store(database: Database, index: int) -> None:
    """Store the entry of a term, and the term; the log starts over after 40 entries."""
    if index % 40 == 1:
        database.store_log("log", [("truncate", 0)])
    entry = Entry(index=(index - 1) % 40 + 1, term=index, command=Set(key="x", value="y" * (index % 7 * 300)))
    database.store_log("log", [("append", entry)])
    database.store_field("current_term", index)
    database.commit()


def test_folder_of_a_server_that_runs_is_read(tmp_path: Path) -> None:
    """The server keeps its lock, and the folder has no other files than before."""
    folder = tmp_path / "tom.d"
    database = open_database(folder)
    database.store_log("log", [("append", Entry(index=1, term=2, command=Delete(key="a b")))])
    database.store_log("other", [("append", Entry(index=1, term=3, command=None))])
    database.store_field("voted_for", "jerry")
    database.commit()
    database.store_field("voted_for", "spike")  # It is not on the disk yet.
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    found = read_stored(folder)
    assert files == {file.name: file.read_bytes() for file in folder.iterdir()}
    database.close()
    logs = {"log": (StoredEntry(1, 2, "delete 'a b'"),), "other": (StoredEntry(1, 3, "-"),)}
    assert StoredData("tom", ("tom", "jerry", "spike"), "step 12", 1, {"voted_for": "jerry"}, logs, {}) == found
    assert found == read_stored(folder)  # The server has stopped.


def test_copy_is_of_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the write-ahead log starts over after the database was copied and before the log is, both are copied again."""
    database = open_database(tmp_path)
    for index in range(1, 60):
        store(database, index)
    copied: list[str] = []

    def copy(source: Path, to: Path) -> None:
        shutil.copyfile(source, to)
        copied.append(source.name)
        if len(copied) == 1:
            database._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            for index in range(60, 90):
                store(database, index)

    monkeypatch.setattr(stored_data, "shutil", SimpleNamespace(copyfile=copy))
    found = read_stored(tmp_path)
    database.close()
    assert [DATABASE, WAL] * 2 == copied
    assert 89 == found.fields["current_term"]
    assert list(range(81, 90)) == [entry.term for entry in found.logs["log"]]


def test_server_moves_nothing_while_its_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much it writes, its database stays as it is, and its write-ahead log does not start over."""
    monkeypatch.setattr(checkpointer, "CHECKPOINT_BYTES", 1)
    monkeypatch.setattr(checkpointer, "REST_BYTES", 1_000_000)
    database = open_database(tmp_path)
    file, wal = tmp_path / DATABASE, tmp_path / WAL

    def store_some(first: int) -> tuple[bytes, bytes]:
        for index in range(first, first + 20):
            store(database, index)
            database.checkpointer.wait()
        return file.read_bytes(), stored_data._wal_header(wal)

    assert store_some(1) != store_some(21)
    with stored_data._without_checkpoints(tmp_path):
        before = store_some(41)  # Everything was moved, so the write-ahead log may start over once more.
        assert before == store_some(61)
    assert before != store_some(81)
    database.close()


def test_log_that_starts_over_during_each_copy_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No copy that may be of two moments is read."""
    open_database(tmp_path).close()
    headers = iter(range(1000))
    monkeypatch.setattr(stored_data, "_wal_header", lambda _wal: b"%d" % next(headers))
    with pytest.raises(ServerError, match="changes faster than it can be copied"):
        read_stored(tmp_path)


def other_database(folder: Path, *statements: str) -> None:
    """Make a database, or change one."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / DATABASE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def of_tom(folder: Path, *statements: str) -> None:
    """Make tom's folder, and change its database."""
    database = open_database(folder)
    store(database, 1)
    database.close()
    other_database(folder, *statements)


def several(folder: Path) -> None:
    """Make the folder of a cluster."""
    for name in ("tom.d", "jerry.d"):
        (folder / name).mkdir(parents=True)
        (folder / name / DATABASE).write_bytes(b"")


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda folder: None, "there is no folder"),
        (lambda folder: folder.write_text("x"), "is not a folder; name the one that a server was given with --data"),
        (lambda folder: folder.mkdir(), "no server has stored anything in .*: it has no file raft.sqlite"),
        (several, "holds the folders of several servers; name one of them: jerry.d, tom.d"),
        (other_database, "no server has stored anything in .* yet: its database is empty"),
        (lambda folder: other_database(folder, "CREATE TABLE birds (name)"), "is not that of a server"),
        (lambda folder: of_tom(folder, "DELETE FROM meta WHERE name = 'step'"), "does not say whose it is"),
        (lambda folder: of_tom(folder, "UPDATE meta SET value = '9' WHERE name = 'format'"), "is of format 9; this"),
        (lambda folder: of_tom(folder, "UPDATE entry SET command = '{'"), "holds what no server stores: Expecting"),
        (
            lambda folder: of_tom(folder, "UPDATE entry SET command = '3'"),
            "holds what no server stores: entry 1 should be",
        ),
        (lambda folder: of_tom(folder, "UPDATE field SET value = ''"), "holds what no server stores: Expecting value"),
    ],
)
def test_what_is_not_a_servers_folder_gets_a_sentence(make: object, words: str, tmp_path: Path) -> None:
    """The sentence says what is there instead."""
    assert callable(make)
    make(tmp_path / "tom.d")
    with pytest.raises(ServerError, match=words):
        read_stored(tmp_path / "tom.d")


@pytest.mark.parametrize(
    "damage", [lambda data: b"no database" * 100, lambda data: data[:2000], lambda data: data[:5000]]
)
def test_damaged_database_gets_a_sentence(tmp_path: Path, damage: object) -> None:
    """Whatever SQLite says of it, it is damaged."""
    of_tom(tmp_path)
    file = tmp_path / DATABASE
    assert callable(damage)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ServerError, match=r"cannot be read: .* It is damaged"):
        read_stored(tmp_path)


def test_file_that_cannot_be_read_gets_a_sentence(tmp_path: Path) -> None:
    """An error of the file system names the file."""
    of_tom(tmp_path)
    (tmp_path / WAL).mkdir()
    with pytest.raises(ServerError, match=r"raft\.sqlite-wal cannot be read: Is a directory"):
        read_stored(tmp_path)
