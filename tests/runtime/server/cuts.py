"""Cuts the write-ahead log of a database at every byte: ``python -m tests.runtime.server.cuts [STRIDE]``.

With a stride of 10, at every tenth byte.

A machine that loses its power in the middle of a write leaves the beginning of the log. Whatever that beginning is, the
database must have each transaction that is in it as a whole, and nothing of the one after it.
"""

from __future__ import annotations

import struct
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raft_steps import node
from raft_steps.lab import Delete, Entry, Set
from raft_steps.lab.log import Change, Log
from raft_steps.lab.runtime.server.database import DATABASE, WAL, Database

IDENTITY = {"name": "tom", "servers": "tom,jerry,spike", "step": "step 12"}
WAL_HEADER, FRAME_HEADER = 32, 24  # bytes, as SQLite's description of its file format states
State = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """The files of a server at one moment, and what it had acknowledged.

    Attributes:
        database: The database.
        wal: The write-ahead log, with what is left of the one before it.
        states: What the durable fields were after each transaction, from the first on.
    """

    database: bytes
    wal: bytes
    states: tuple[State, ...]

    def expected(self, length: int) -> State:
        """Return the state that a log of this length must give."""
        ends = commit_ends(self.wal)
        kept = sum(end <= length for end in ends)
        return self.states[len(self.states) - 1 - len(ends) + kept]


def commit_ends(wal: bytes) -> list[int]:
    """Return where the transactions in a write-ahead log end, in bytes; what is left of an older log does not count."""
    if len(wal) < WAL_HEADER:
        return []
    page_bytes, salts = struct.unpack(">I", wal[8:12])[0], wal[16:24]
    ends = []
    for start in range(WAL_HEADER, len(wal) - FRAME_HEADER, FRAME_HEADER + page_bytes):
        header = wal[start : start + FRAME_HEADER]
        if header[8:16] != salts:
            break
        if header[4:8] != bytes(4):  # The last page of a transaction states how many pages the database has.
            ends.append(start + FRAME_HEADER + page_bytes)
    return ends


def changes_of_transactions(count: int) -> Iterator[tuple[dict[str, Any], list[Change]]]:
    """Yield what a server of step 12 may store: a term, a vote, entries of several sizes, entries that are deleted."""
    last = 0
    for number in range(1, count + 1):
        fields = {"current_term": number} | ({"voted_for": ("jerry", "ä" * 30, None)[number % 3]} if number % 2 else {})
        changes: list[Change] = []
        if number % 7 == 0:
            last -= 2
            changes.append(("truncate", last))
        for _ in range(number % 3 + 1):
            last += 1
            command = Delete(key="x") if last % 5 == 0 else Set(key=f"key{last}", value="v" * (last * 37 % 2000))
            changes.append(("append", Entry(index=last, term=number, command=command)))
        yield fields, changes


def moments(folder: Path, count: int, checkpoints: Iterable[int] = ()) -> Iterator[Moment]:
    """Store transactions, and yield the moment after each.

    Args:
        folder: The folder of the database.
        count: How many transactions.
        checkpoints: The numbers of the transactions after which the log is moved, so that it starts over.
    """
    database = Database(folder, IDENTITY, node(12))
    database.begin_life()
    state: State = {}
    states = [{}, state]  # before and after the first life began
    log = Log()
    for number, (fields, changes) in enumerate(changes_of_transactions(count), 1):
        for name, value in fields.items():
            database.store_field(name, value)
        database.store_log("log", changes)
        database.commit()
        log.follow(changes)
        state = state | fields | {"log": Log(log)}
        states.append(state)
        yield Moment((folder / DATABASE).read_bytes(), (folder / WAL).read_bytes(), tuple(states))
        if number in checkpoints:
            database._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    database.close()


def opened(folder: Path, database: bytes, wal: bytes) -> State:
    """Write the files of a server into a folder, and return what the server finds in them."""
    (folder / DATABASE).write_bytes(database)
    (folder / WAL).write_bytes(wal)
    found = Database(folder, IDENTITY, node(12))
    try:
        return found.load() if found.life > 1 else {}
    finally:
        found.close()


def fast_folder() -> str | None:
    """Return a folder in memory, if there is one: what is tested there does not depend on the disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # A folder of our own is made in it.


def main() -> None:
    """Cut the log of several moments, and print how many cuts were tried."""
    stride = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    start_s, count = time.perf_counter(), 0
    with tempfile.TemporaryDirectory(dir=fast_folder()) as temporary:
        work, folder = Path(temporary) / "work", Path(temporary) / "cut"
        folder.mkdir()
        for number, moment in enumerate(moments(work, 24, checkpoints={8, 20}), 1):
            if number not in {4, 11, 21}:
                continue
            ends = commit_ends(moment.wal)
            for length in range(0, ends[-1] + 1, stride):
                found = opened(folder, moment.database, moment.wal[:length])
                if found != moment.expected(length):
                    raise SystemExit(f"transaction {number}, {length} of {ends[-1]} bytes: {found}")
                count += 1
            print(
                f"after {number:2} transactions: {len(ends):2} in {ends[-1]:6} bytes of the log; {count:,} cuts",
                flush=True,
            )
    seconds = time.perf_counter() - start_s
    print(f"{count:,} cuts, no transaction lost or torn; {seconds:.0f} s, {1000 * seconds / count:.2f} ms each")


if __name__ == "__main__":
    main()
