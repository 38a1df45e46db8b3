"""The disk of a real server: a SQLite database in a folder of its own.

It holds the durable fields of the Node, the entries of its log, and the snapshot that stands for those before. One transaction holds everything that one turn of the
server changed, and it is on the disk before any message or reply of that turn leaves.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, get_type_hints

from raft_steps.lab.errors import MessageError, ServerError
from raft_steps.lab.log import Change, Entry, Log, Snapshot
from raft_steps.lab.messages import checked_value, value_from_data
from raft_steps.lab.runtime.server.checkpointer import CHECKPOINT_BYTES, Checkpointer

FORMAT = 1
DATABASE, WAL, LOCK, READERS = "raft.sqlite", "raft.sqlite-wal", "raft.lock", "raft.readers"
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE field (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (log TEXT NOT NULL, idx INTEGER NOT NULL, term INTEGER NOT NULL, command TEXT NOT NULL,
    PRIMARY KEY (log, idx)) WITHOUT ROWID;
"""
# Databases of earlier versions have no table of snapshots, and no snapshot.
_SNAPSHOT_TABLE = """
CREATE TABLE IF NOT EXISTS snapshot (log TEXT PRIMARY KEY, idx INTEGER NOT NULL, term INTEGER NOT NULL,
    data TEXT NOT NULL) WITHOUT ROWID;
"""
_DELETE_OTHER_HISTORY = """
DELETE FROM entry WHERE log = ? AND NOT EXISTS (SELECT 1 FROM entry WHERE log = ? AND idx = ? AND term = ?)
"""
_COMMAND_HINT = get_type_hints(Entry)["command"]
_to_json = json.JSONEncoder(ensure_ascii=False).encode  # `json.dumps` would build an encoder each time.


class Database:
    """The database of one server.

    Attributes:
        folder: The folder that holds it.
        checkpointer: Keeps the write-ahead log short.
        life: How often the server was started, this time included; the start counts once `begin_life` has returned.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str], node_class: type) -> None:
        """Open the database in a folder; create both if they do not exist.

        Nothing is stored yet, so a server that then finds its port taken has not had its first life.

        Args:
            folder: The folder.
            identity: What the server is: its name, its cluster, its step. It is stored, and compared when the folder is
                opened again.
            node_class: The Node; its annotations say what its durable fields hold.

        Raises:
            ServerError: The folder cannot be used, another process uses it, it belongs to another server, or the
                database is damaged.
        """
        self.folder = folder
        self._hints = get_type_hints(node_class)
        self._identity = {"format": str(FORMAT), **identity}
        self._new_bytes = 0  # of values in the open transaction
        self._opened = contextlib.ExitStack()
        self._opened.enter_context(self._take_folder())
        try:
            self._connection = self._connect()
            self.checkpointer = Checkpointer(
                self._connection, self._connect(), self._open_readers(), left_bytes=self._wal_bytes()
            )
            self._opened.callback(self.checkpointer.wait)
            with self._reporting("cannot be opened"):
                stored = self._stored_identity()
                self._check_identity(stored)
                self.life = int(stored.get("life", "0")) + 1
        except BaseException:
            self.close()
            raise

    def _take_folder(self) -> IO[str]:
        """Create the folder if there is none, and lock it.

        Raises:
            DiskError: It cannot be created.
            ServerError: Another process has locked it.
        """
        try:
            new = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)
            if new:
                _sync_folder(self.folder.absolute().parent)  # Or a new folder could be gone after a power failure.
            lock = (self.folder / LOCK).open("w", encoding="ascii")
        except OSError as error:
            raise DiskError(f"the folder {self.folder} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise ServerError(
                f"another server uses the folder {self.folder}; stop it, or name another folder with --data"
            ) from None
        return lock

    def _connect(self) -> sqlite3.Connection:
        """Open a connection.

        Raises:
            ServerError: That is not possible.
        """
        # "unix-excl" keeps other processes out, but not the checkpointer, and needs no file for shared memory.
        address = f"{(self.folder / DATABASE).absolute().as_uri()}?vfs=unix-excl"
        try:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
            self._opened.callback(connection.close)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")  # Each commit is on the disk before it returns.
            connection.execute("PRAGMA secure_delete = OFF")  # Debian's SQLite would write zeros over what is deleted.
            connection.execute("PRAGMA wal_autocheckpoint = 0")  # The checkpointer does it.
            if sys.platform == "darwin":
                connection.execute("PRAGMA fullfsync = 1")  # An fsync does not empty the drive's cache there.
        except sqlite3.Error as error:
            raise self._error("cannot be opened", error) from error
        return connection

    def _wal_bytes(self) -> int:
        """Return the length of the write-ahead log."""
        try:
            return (self.folder / WAL).stat().st_size
        except OSError:  # There is none.
            return 0

    def _open_readers(self) -> IO[str]:
        """Open the file that readers lock (`stored_data`).

        Raises:
            DiskError: That is not possible.
        """
        try:
            return self._opened.enter_context((self.folder / READERS).open("w", encoding="ascii"))
        except OSError as error:
            raise self._error("cannot be opened", error) from error

    def _stored_identity(self) -> dict[str, str]:
        """Return the identity in the database, and its number of lives; nothing if the database is new."""
        if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return {}
        return dict(self._connection.execute("SELECT name, value FROM meta"))

    def _check_identity(self, stored: Mapping[str, str]) -> None:
        """Check whose database it is.

        Raises:
            ServerError: It belongs to another server.
        """
        for name in dict.fromkeys((*self._identity, *stored)):
            value, own = stored.get(name, "not given"), self._identity.get(name, "not given")
            if stored and value != own and name != "life":
                raise ServerError(
                    f"the folder {self.folder} belongs to another server: its {name} is {value}, and this server's is "
                    f"{own}; name another folder with --data"
                )

    def begin_life(self, first_log: Iterable[Entry] = ()) -> None:
        """Count the life, in one transaction with the entries that a server's first life begins with.

        Raises:
            ServerError: The database cannot be written.
        """
        with self._reporting("cannot be written"):
            self._connection.execute("BEGIN IMMEDIATE")
            if self.life == 1:
                for statement in _TABLES.split(";"):
                    self._connection.execute(statement)
            self._connection.execute(_SNAPSHOT_TABLE)
            if self.life == 1:
                self.store_log("log", [("append", entry) for entry in first_log])
            rows = {**self._identity, "life": str(self.life)}
            self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows.items())
            self._connection.execute("COMMIT")
            _lengthen(self.folder / WAL, CHECKPOINT_BYTES)
            _sync_folder(self.folder)

    # Reading.

    def load(self) -> dict[str, Any]:
        """Return the durable fields and logs, by name.

        Raises:
            ServerError: The database is damaged, or holds what this Node's fields cannot.
        """
        with self._reporting("cannot be read"):
            found: dict[str, Any] = {}
            for name, value in self._connection.execute("SELECT name, value FROM field"):
                found[name] = value_from_data(json.loads(value), self._hints.get(name, Any), name)
            snapshots = read_snapshots(self._connection)
            for (name,) in self._connection.execute("SELECT log FROM entry UNION SELECT log FROM snapshot").fetchall():
                found[name] = self._load_log(name, snapshots.get(name))
            return found

    def _load_log(self, name: str, snapshot: Snapshot | None) -> Log:
        rows = self._connection.execute("SELECT idx, term, command FROM entry WHERE log = ? ORDER BY idx", (name,))
        return Log((read_entry(*row) for row in rows), snapshot)

    # Writing.

    def store_field(self, name: str, value: Any) -> None:
        """Add a durable field's new value to the open transaction.

        Raises:
            MessageError: It is not a value that a message could have.
        """
        data = _to_json(checked_value(value, self._hints.get(name, Any), name))
        self._new_bytes += len(data)
        self._write("INSERT OR REPLACE INTO field VALUES (?, ?)", [(name, data)])

    def store_log(self, name: str, changes: Iterable[Change]) -> None:
        """Add a log's changes to the open transaction."""
        new: list[tuple[str, int, int, str]] = []
        for change in changes:
            if change[0] == "append":
                new.append((name, *write_entry(change[1])))
            elif change[0] == "compact":
                self._insert(new)
                new = []
                self._compact(name, change[1])
            else:
                # Entries that were appended and deleted in the same turn never reach the database.
                new = [row for row in new if row[1] <= change[1]]
                self._write("DELETE FROM entry WHERE log = ? AND idx > ?", [(name, change[1])])
                self._write("DELETE FROM snapshot WHERE log = ? AND idx > ?", [(name, change[1])])
        self._insert(new)

    def _insert(self, rows: list[tuple[str, int, int, str]]) -> None:
        if rows:
            self._new_bytes += sum(len(row[3]) for row in rows)
            self._write("INSERT INTO entry VALUES (?, ?, ?, ?)", rows)

    def _compact(self, name: str, snapshot: Snapshot) -> None:
        """Put a snapshot in place of the entries up to its last one; those after it stay if that one is there."""
        index, term, data = snapshot.last_included_index, snapshot.last_included_term, snapshot.data
        self._write(_DELETE_OTHER_HISTORY, [(name, name, index, term)])
        self._write("DELETE FROM entry WHERE log = ? AND idx <= ?", [(name, index)])
        self._write("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)", [(name, index, term, data)])
        self._new_bytes += len(data)

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        with self._reporting("cannot be written"):
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)

    def commit(self) -> None:
        """Put the open transaction on the disk, if there is one.

        Raises:
            DiskError: The disk is full or fails; nothing of the transaction is stored.
        """
        if self._connection.in_transaction:
            with self._reporting("cannot be written"):
                self._connection.execute("COMMIT")
            self.checkpointer.committed(self._new_bytes)
            self._new_bytes = 0

    def rollback(self) -> None:
        """Forget the open transaction."""
        self._new_bytes = 0
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the database and unlock the folder; an open transaction is lost."""
        with contextlib.suppress(sqlite3.Error):
            self._opened.close()

    @contextlib.contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Turn an error of SQLite into a sentence."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self.rollback()
            raise self._error(what, error) from error
        except (MessageError, ValueError) as error:
            raise ServerError(f"the database in {self.folder} {what}: {error}") from error

    def _error(self, what: str, error: sqlite3.Error | OSError) -> ServerError:
        kind = DiskError if _is_about_the_disk(error) else ServerError
        return kind(f"the database in {self.folder} {what}: {error}{_advice(error)}")


class DiskError(ServerError):
    """The disk is full, or fails: what the turn had to store is not stored."""


def _is_about_the_disk(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorname", "")
    # A full disk may also have no room for the file of the write-ahead log, and a failing one may be made read-only.
    kinds = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
    return isinstance(error, OSError) or code.startswith(kinds)


def _advice(error: Exception) -> str:
    """Return the end of a sentence that says what to do about an error of the database."""
    code = getattr(error, "sqlite_errorname", "")
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return (
            ". It is damaged. Restore it from a copy of the last moment, or leave this server off: with an empty folder "
            "it would have forgotten its vote and entries that it has acknowledged"
        )
    if code.startswith("SQLITE_BUSY"):
        return ". Another program has it open; close it"
    return ""


def write_entry(entry: Entry) -> tuple[int, int, str]:
    """Return the columns of an entry: index, term, and the command as JSON."""
    return entry.index, entry.term, _to_json(checked_value(entry.command, _COMMAND_HINT, "command"))


def read_entry(index: int, term: int, command: str) -> Entry:
    """Build an entry from its columns.

    Raises:
        MessageError: It is not an entry.
    """
    return Entry(index=index, term=term, command=value_from_data(json.loads(command), _COMMAND_HINT, f"entry {index}"))


def read_snapshots(connection: sqlite3.Connection) -> dict[str, Snapshot]:
    """Read the snapshots in a database, by the names of their logs."""
    return {
        name: Snapshot(last_included_index=index, last_included_term=term, data=data)
        for name, index, term, data in connection.execute("SELECT log, idx, term, data FROM snapshot")
    }


def _lengthen(wal: Path, size: int) -> None:
    """Write zeros after the end of a write-ahead log, which SQLite takes for nothing.

    From then on a commit changes what is in the file, and not how long it is, so that the file system has less to store
    with it. After a checkpoint, SQLite starts from the beginning, and the file keeps its length.
    """
    descriptor = os.open(wal, os.O_RDWR)
    try:
        end = os.fstat(descriptor).st_size
        if end < size:
            with contextlib.suppress(OSError):
                if os.pwrite(descriptor, bytes(size - end), end) == size - end:
                    os.fsync(descriptor)
                    return
            os.ftruncate(descriptor, end)  # There is no room for what may never be needed.
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Put a folder's list of files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
