"""A factory of workers: one process that has imported what a worker imports, and forks for each submission.

They are for honest Nodes, and have no wall. Starting Python three hundred times would take longer than all the requests. Each fork runs the worker's `main` in a
session and a folder of its own, as in a grading.
"""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

from raft_steps.lab.grading.wall import NOTHING, Wall, environment
from raft_steps.lab.grading.worker_process import WorkerProcess

WITHOUT = Wall(NOTHING)
FACTORY = (Path(__file__).parent / "worker_factory_process.py").read_text(encoding="utf-8")


class ForkedProcess:
    """A worker that a factory has forked, with the interface of `subprocess.Popen`."""

    returncode = None

    def __init__(self, pid: int, stdin: Any, stdout: Any) -> None:
        """Initialise with its process id, and our ends of its pipes."""
        self.pid, self.stdin, self.stdout = pid, stdin, stdout

    def kill(self) -> None:
        """End it. The factory reaps it before the next fork, so its process id is not reused until then."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, _seconds: float | None = None) -> None:
        """Do nothing: the factory waits for it."""


class WorkerFactory:
    """Starts workers, one after the other, without starting Python each time.

    Attributes:
        package: The folder of the package that submissions may import.
    """

    def __init__(self, package: Path) -> None:
        """Start the process that forks."""
        self.package = package
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                WITHOUT.command(package, FACTORY, str(package)), stdin=theirs.fileno(), env=environment(WITHOUT)
            )

    def __enter__(self) -> Self:
        """Return the factory itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._line.close()
        assert 0 == self._process.wait()

    def start(self) -> WorkerProcess:
        """Start a worker; the one before has to have ended."""
        return _ForkedWorker(self)

    def fork(self, folder: Path) -> ForkedProcess:
        """Fork a process in this folder."""
        inward, stdin = os.pipe()
        stdout, outward = os.pipe()
        socket.send_fds(self._line, [str(folder).encode()], [inward, outward])
        os.close(inward)
        os.close(outward)
        return ForkedProcess(int(self._line.recv(100)), os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0))


class _ForkedWorker(WorkerProcess):
    """A worker whose process comes from a factory."""

    def __init__(self, factory: WorkerFactory) -> None:
        """Initialise with the factory."""
        self.factory = factory
        super().__init__(factory.package, WITHOUT)

    def _start(self, package: Path) -> Any:
        assert package == self.factory.package
        return self.factory.fork(self.folder)
