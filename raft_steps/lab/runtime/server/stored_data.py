"""Reads what the folder of a server holds, also while the server runs, and changes nothing in it.

The server locks its database for itself alone, so nobody else can open it. This module reads a copy instead: first of the
database, then of its write-ahead log. SQLite changes the database only by moving pages of the log into it, and it keeps
them in the log until it starts the log over, with another header. So if the header is the same before and after, the copy
of the log has every page that may have been moved meanwhile, and opening the copy gives the state of one moment: that of
the last transaction in it. Otherwise the copy is made again. A reader holds a lock meanwhile that keeps the server from
moving pages, so a second or third copy succeeds, however fast the server writes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raft_steps.lab.commands import command_text
from raft_steps.lab.errors import MessageError, ServerError
from raft_steps.lab.log import Snapshot
from raft_steps.lab.runtime.server.database import DATABASE, FORMAT, READERS, WAL, read_entry, read_snapshots

MOST_COPIES = 10
WAL_HEADER_BYTES = 32


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry of a log on disk.

    Attributes:
        index: Its index.
        term: Its term.
        command: Its command, as a client types it.
    """

    index: int
    term: int
    command: str


@dataclass(frozen=True, slots=True)
class StoredData:
    """What the folder of a server holds.

    Attributes:
        name: The server's name.
        servers: The names of all servers of its cluster.
        step: What its Node is called, such as ``step 12``.
        life: How often it was started.
        fields: The durable fields that were stored, as JSON data, by name.
        logs: The logs, by name.
        snapshots: What stands for the entries before those of a log, as far as that is so, by the log's name.
    """

    name: str
    servers: tuple[str, ...]
    step: str
    life: int
    fields: Mapping[str, Any]
    logs: Mapping[str, tuple[StoredEntry, ...]]
    snapshots: Mapping[str, Snapshot]


def read_stored(folder: Path) -> StoredData:
    """Read the folder of a server.

    Raises:
        ServerError: There is no such folder, it is not that of a server, or its database is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="raft-steps-") as temporary:
        try:
            copy_database(folder, Path(temporary))
        except OSError as error:
            raise ServerError(f"{error.filename or folder} cannot be read: {error.strerror}") from error
        try:
            with contextlib.closing(sqlite3.connect(Path(temporary) / DATABASE)) as connection:
                connection.execute("PRAGMA synchronous = OFF")  # It is a copy.
                return _read(connection, folder)
        except sqlite3.DatabaseError as error:
            raise ServerError(f"the database in {folder} cannot be read: {error}. It is damaged") from error
        except (MessageError, ValueError, TypeError) as error:
            raise ServerError(f"the database in {folder} holds what no server stores: {error}") from error


def copy_database(folder: Path, to: Path) -> None:
    """Copy the database of a server into another folder, as it is at one moment.

    Raises:
        OSError: A file cannot be read or written.
        ServerError: There is no database, or the server writes too fast.
    """
    _require_database(folder)
    database, wal = folder / DATABASE, folder / WAL
    for _ in range(MOST_COPIES):
        with _without_checkpoints(folder):
            before = _wal_header(wal)
            shutil.copyfile(database, to / DATABASE)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(wal, to / wal.name)
            if _wal_header(wal) == before:
                return
            (to / wal.name).unlink(missing_ok=True)
    raise ServerError(
        f"the database in {folder} changes faster than it can be copied; try again, or stop the server first"
    )


@contextlib.contextmanager
def _without_checkpoints(folder: Path) -> Iterator[None]:
    """Keep the server from moving pages into its database, unless it is doing so now."""
    try:
        file = (folder / READERS).open("rb")
    except FileNotFoundError:
        yield
        return
    with file:
        # A server that is paused in the middle of a checkpoint is not waited for: its files do not change.
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def _wal_header(wal: Path) -> bytes:
    """Return the header of a write-ahead log, which is another one whenever the log starts over; b"" if there is none."""
    try:
        with wal.open("rb") as file:
            return file.read(WAL_HEADER_BYTES)
    except FileNotFoundError:
        return b""


def _require_database(folder: Path) -> None:
    """Check that a folder holds a database.

    Raises:
        ServerError: It does not; the message says what is there instead.
    """
    if not folder.exists():
        raise ServerError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise ServerError(f"{folder} is not a folder; name the one that a server was given with --data, such as tom.d")
    if (folder / DATABASE).is_file():
        return
    inside = sorted(each.parent.name for each in folder.glob(f"*/{DATABASE}"))
    if inside:
        raise ServerError(f"{folder} holds the folders of several servers; name one of them: {', '.join(inside)}")
    raise ServerError(f"no server has stored anything in {folder}: it has no file {DATABASE}")


def _read(connection: sqlite3.Connection, folder: Path) -> StoredData:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        raise ServerError(f"no server has stored anything in {folder} yet: its database is empty")
    if not tables >= {"meta", "field", "entry"}:
        raise ServerError(f"the database in {folder} is not that of a server")
    meta: dict[str, str] = dict(connection.execute("SELECT name, value FROM meta"))
    if not meta.keys() >= {"format", "name", "servers", "step", "life"}:
        raise ServerError(f"the database in {folder} does not say whose it is")
    if meta.get("format") != str(FORMAT):
        raise ServerError(
            f"the database in {folder} is of format {meta.get('format')}; this version of raft-steps reads format {FORMAT}"
        )
    logs: dict[str, list[StoredEntry]] = {}
    for log, *columns in connection.execute("SELECT log, idx, term, command FROM entry ORDER BY log, idx"):
        entry = read_entry(*columns)
        logs.setdefault(log, []).append(StoredEntry(entry.index, entry.term, command_text(entry.command)))
    snapshots = read_snapshots(connection) if "snapshot" in tables else {}
    for name in snapshots:
        logs.setdefault(name, [])
    return StoredData(
        name=meta["name"],
        servers=tuple(meta["servers"].split(",")),
        step=meta["step"],
        life=int(meta["life"]),
        fields={
            name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM field ORDER BY 1")
        },
        logs={name: tuple(entries) for name, entries in logs.items()},
        snapshots=snapshots,
    )
