"""Moves what is in the write-ahead log of a database into the database, without making the server wait.

A commit adds to the log and waits for the disk. SQLite would, every thousand pages, also move the whole log into the
database before it returns, and after a large value that takes so long that followers elect another leader. Here a thread
does it, with a connection of its own, while commits go on. What they have added meanwhile is little, and moved by the
server itself: then the log is empty for a moment, so that SQLite starts it over, and it does not grow without end.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import threading
from collections.abc import Iterator
from typing import IO

PAGE_BYTES = 4096
PAGES_OF_COMMIT = 3  # about what a small commit adds to the log
CHECKPOINT_BYTES = 1000 * PAGE_BYTES  # as much as SQLite lets the log grow
REST_BYTES = 100 * PAGE_BYTES  # what the server moves itself, which takes as long as a commit or two
MOST_PASSES = 8  # A thread that is never as fast as the server gets help after so many attempts.


class Checkpointer:
    """Keeps the write-ahead log of one connection short.

    While a reader holds the lock of `readers`, nothing is moved, so that it can copy the files (`stored_data`).
    """

    def __init__(
        self, connection: sqlite3.Connection, second: sqlite3.Connection, readers: IO[str], *, left_bytes: int = 0
    ) -> None:
        """Prepare for commits.

        Args:
            connection: The connection that commits; it makes no checkpoints by itself.
            second: Another connection of this process to the same database, for the thread alone.
            readers: The file that readers lock.
            left_bytes: How long the write-ahead log is already: a server that was killed leaves it.
        """
        self._connection, self._second, self._readers = connection, second, readers
        self._new_bytes = left_bytes  # about what was committed since the last pass began
        self._passes = 0
        self._thread: threading.Thread | None = None

    def committed(self, size_bytes: int) -> None:
        """Called after each commit; start a pass if it is time.

        Args:
            size_bytes: About how much was committed.
        """
        self._new_bytes += size_bytes + PAGES_OF_COMMIT * PAGE_BYTES
        if self._thread is None:
            if self._new_bytes >= CHECKPOINT_BYTES:
                self._start_pass()
        elif not self._thread.is_alive():
            if self._new_bytes > REST_BYTES and self._passes < MOST_PASSES:
                self._start_pass()
            else:
                self._thread, self._passes, self._new_bytes = None, 0, 0
                self._move(self._connection)

    def _start_pass(self) -> None:
        self._passes += 1
        self._new_bytes = 0
        self._thread = threading.Thread(target=self._move, args=(self._second,), name="checkpoint", daemon=True)
        self._thread.start()

    def _move(self, connection: sqlite3.Connection) -> None:
        # A failure harms nothing, as everything is in the log. If the disk is full, the next commit reports it.
        with self._no_reader() as is_free, contextlib.suppress(sqlite3.Error):
            if is_free:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextlib.contextmanager
    def _no_reader(self) -> Iterator[bool]:
        """Keep readers out, and yield True; yield False if there is one now."""
        try:
            fcntl.flock(self._readers, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.flock(self._readers, fcntl.LOCK_UN)

    def wait(self) -> None:
        """Wait until the thread has nothing to do."""
        if self._thread is not None:
            self._thread.join()
