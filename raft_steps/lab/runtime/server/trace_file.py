"""The trace of a real server: the same lines as a simulation's, written before the effects that they record leave.

A file holds the lives of one server, one after the other. Each begins with a header, which states the machine's boot:
times are microseconds since then, so traces of one boot can be merged (`raft_steps.lab.trace.merge`).

The lines of a turn are written together once the turn is in the database. A turn that could not be stored leaves no line:
its effects never left, and a reader would take its answers for given.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.clock import boot_id
from raft_steps.lab.runtime.server.database import DiskError
from raft_steps.lab.trace.parsing import VERSION
from raft_steps.lab.trace.trace import Event, Trace, format_event


class TraceFile(Trace):
    """A trace that goes to a file and is not kept in memory."""

    def __init__(self, path: Path, servers: tuple[str, ...], server: str, title: str) -> None:
        """Open a file; what is in the file stays.

        Args:
            path: The file.
            servers: The names of all servers.
            server: The server that writes.
            title: What the Node is called.

        Raises:
            ServerError: The file cannot be written.
        """
        super().__init__(servers, title)
        self._path, self._server = path, server
        self._lines: list[str] = []
        self._is_in_life = False
        try:
            remove_torn_line(path)
            # Without a buffer, which would keep what a full disk refused, and try again.
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise ServerError(f"the trace cannot be written to {path}: {error.strerror}") from error

    def begin_life(self, life: int) -> None:
        """Begin a life: write its header.

        Args:
            life: How often the server was started.

        Raises:
            DiskError: The disk is full or fails.
        """
        header = {
            "version": VERSION,
            "title": self.title,
            "servers": self.servers,
            "scenario": "",
            "end": 0,
            "server": self._server,
            "life": life,
            "boot": boot_id(),
        }
        self._lines = [json.dumps(header, ensure_ascii=False)]
        self.flush()
        self._is_in_life = True

    def add(self, time_us: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Add an event; `flush` writes it."""
        self._lines.append(format_event(Event(0, time_us, kind, server, detail)))

    def end_life(self, time_us: int, error: str = "") -> None:
        """Record that the server stops; the events that are not in the file yet are forgotten.

        It is not recorded if the disk is full: readers of a trace add the crash of a server that was killed, too.

        Args:
            time_us: The time.
            error: What the node did wrong, if that is why.
        """
        self._lines.clear()
        if not self._is_in_life:
            return
        self._is_in_life = False
        if error:
            self.add(time_us, "failed", self._server, {"error": error})
        self.add(time_us, "crashed", self._server, {})
        with contextlib.suppress(DiskError):
            self.flush()

    def flush(self) -> None:
        """Write the events to the file, so that they are there even if the process is killed the next moment.

        Raises:
            DiskError: The disk is full or fails; the file holds none of them.
        """
        if not self._lines:
            return
        data = memoryview(("\n".join(self._lines) + "\n").encode())
        self._lines.clear()
        end = self._file.seek(0, os.SEEK_END)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise DiskError(f"the trace cannot be written to {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def remove_torn_line(path: Path) -> None:
    """Remove a last line without its end: the server was killed while it wrote it, and its effects never left."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        position = file.seek(0, os.SEEK_END)
        while position:
            start = max(0, position - 65_536)
            file.seek(start)
            end = file.read(position - start).rfind(b"\n")
            if end >= 0:
                file.truncate(start + end + 1)
                return
            position = start
        file.truncate(0)


def note_crash(path: Path, server: str, time_us: int) -> None:
    """Record the crash of a server that was killed, after its last event.

    Raises:
        DiskError: The disk is full or fails.
    """
    try:
        remove_torn_line(path)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(format_event(Event(0, time_us, "crashed", server, {})) + "\n")
    except OSError as error:
        raise DiskError(f"the trace cannot be written to {path}: {error.strerror}") from error
