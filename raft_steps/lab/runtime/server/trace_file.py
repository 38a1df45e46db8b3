"""The trace of a real server: the same lines as a simulation's, written before the effects that they record leave.

A file holds the lives of one server, one after the other. Each begins with a header, which states the machine's boot:
times are microseconds since then, so traces of one boot can be merged (`raft_steps.lab.trace.merge`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from raft_steps.lab.errors import ServerError
from raft_steps.lab.runtime.server.clock import boot_id
from raft_steps.lab.trace.parsing import VERSION
from raft_steps.lab.trace.trace import Event, Trace, format_event


class TraceFile(Trace):
    """A trace that goes to a file and is not kept in memory."""

    def __init__(self, path: Path, servers: tuple[str, ...], server: str, title: str, life: int) -> None:
        """Begin a life in a file; what is in the file stays.

        Args:
            path: The file.
            servers: The names of all servers.
            server: The server that writes.
            title: What the Node is called.
            life: How often the server was started.

        Raises:
            ServerError: The file cannot be written.
        """
        super().__init__(servers, title)
        self._server = server
        self._lines: list[str] = []
        try:
            remove_torn_line(path)
            self._file = path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise ServerError(f"the trace cannot be written to {path}: {error.strerror}") from error
        header = {
            "version": VERSION,
            "title": title,
            "servers": servers,
            "scenario": "",
            "end": 0,
            "server": server,
            "life": life,
            "boot": boot_id(),
        }
        self._lines.append(json.dumps(header, ensure_ascii=False))

    def add(self, time_us: int, kind: str, server: str, detail: dict[str, Any]) -> None:
        """Add an event; `flush` writes it."""
        self._lines.append(format_event(Event(0, time_us, kind, server, detail)))

    def crashed(self, time_us: int) -> None:
        """Record that the server stops."""
        self.add(time_us, "crashed", self._server, {})
        self.flush()

    def flush(self) -> None:
        """Write the events to the file, so that they are there even if the process is killed the next moment."""
        if self._lines:
            self._file.write("\n".join(self._lines) + "\n")
            self._file.flush()
            self._lines.clear()

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
        OSError: The file cannot be written.
    """
    remove_torn_line(path)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(format_event(Event(0, time_us, "crashed", server, {})) + "\n")
