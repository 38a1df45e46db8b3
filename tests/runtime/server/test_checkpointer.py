"""Tests of the checkpoints: commits go on meanwhile, and the write-ahead log does not grow without end."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from raft_steps import node
from raft_steps.lab import Entry, Set
from raft_steps.lab.runtime.server import checkpointer
from raft_steps.lab.runtime.server.checkpointer import CHECKPOINT_BYTES, PAGE_BYTES
from raft_steps.lab.runtime.server.database import DATABASE, WAL, Database


def open_database(folder: Path) -> Database:
    """Open tom's database, and begin a life."""
    database = Database(folder, {"name": "tom", "servers": "tom", "step": "step 1"}, node(1))
    for connection in (database._connection, database.checkpointer._second):
        connection.execute("PRAGMA synchronous = OFF")  # Faster; the files are the same.
    database.begin_life()
    return database


def store(database: Database, index: int, size: int = 10) -> None:
    """Store an entry with a value of this size."""
    entry = Entry(index=index, term=1, command=Set(key="x", value="y" * size))
    database.store_log("log", [("append", entry)])
    database.commit()


def test_commits_go_on_during_a_checkpoint(tmp_path: Path) -> None:
    """After a large value a thread works, and the commits do not wait for it."""
    database = open_database(tmp_path)
    goes_on, threads = threading.Event(), list[str]()
    second = database.checkpointer._second

    def execute(statement: str) -> object:
        threads.append(threading.current_thread().name)
        assert goes_on.wait(20)
        return second.execute(statement)

    database.checkpointer._second = SimpleNamespace(execute=execute)  # type: ignore[assignment]
    store(database, 1, 2 * CHECKPOINT_BYTES)
    for index in range(2, 20):
        store(database, index)
    assert (tmp_path / DATABASE).stat().st_size < CHECKPOINT_BYTES  # Nothing was moved yet.
    goes_on.set()
    database.checkpointer.wait()
    assert ["checkpoint"] == threads
    assert (tmp_path / DATABASE).stat().st_size > 2 * CHECKPOINT_BYTES
    database.close()
    again = open_database(tmp_path)
    assert 19 == again.load()["log"].last_index
    again.close()


@pytest.mark.parametrize("rest_bytes", [checkpointer.REST_BYTES, 0])
def test_write_ahead_log_stays_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest_bytes: int) -> None:
    """While a server writes without a pause, the log starts over again and again, also if the thread is never as fast."""
    monkeypatch.setattr(checkpointer, "CHECKPOINT_BYTES", 50 * PAGE_BYTES)
    monkeypatch.setattr(checkpointer, "REST_BYTES", rest_bytes)
    database = open_database(tmp_path)
    for index in range(1, 1001):
        store(database, index, 5000)
        if index % 10 == 0:
            database.checkpointer.wait()
    wal_bytes = (tmp_path / WAL).stat().st_size
    database.close()
    assert wal_bytes < 1500 * PAGE_BYTES  # Of about 4500 that were written.
    assert (tmp_path / DATABASE).stat().st_size > 1000 * PAGE_BYTES


def test_failed_checkpoint_loses_nothing(tmp_path: Path) -> None:
    """A thread that finds the disk full says nothing: everything is in the write-ahead log."""
    database = open_database(tmp_path)
    database.checkpointer._second.close()  # So that its checkpoints fail.
    for index in range(1, 5):
        store(database, index, CHECKPOINT_BYTES)
        database.checkpointer.wait()
    assert 4 == database.load()["log"].last_index
    database.close()


def test_log_of_a_killed_server_is_moved(tmp_path: Path) -> None:
    """A server that is killed again and again before its log is long enough does not leave an ever longer one."""
    killed = tmp_path / "killed"
    database = open_database(tmp_path / "tom.d")
    store(database, 1, CHECKPOINT_BYTES * 9 // 10)
    shutil.copytree(tmp_path / "tom.d", killed)
    database.close()
    again = open_database(killed)
    assert (killed / DATABASE).stat().st_size < CHECKPOINT_BYTES // 2
    store(again, 2, CHECKPOINT_BYTES // 5)
    again.checkpointer.wait()
    assert (killed / DATABASE).stat().st_size > CHECKPOINT_BYTES // 2
    again.close()
