"""A nursery: one process that has imported what a submission's process imports, and divides for each submission.

To start Python three hundred times takes longer than all that the processes are then asked. What each of them does is
the child's own `main`, in a session, in a folder and with pipes of its own, as in a grading.
"""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

from raft_steps.lab.grading.worker_process import ENVIRONMENT, PYTHON, WorkerProcess

DIVIDE = (Path(__file__).parent / "grading_divide.py").read_text(encoding="utf-8")


class Divided:
    """A process that a nursery has begun, to be talked to and ended as a `subprocess.Popen` is."""

    returncode = None

    def __init__(self, pid: int, stdin: Any, stdout: Any) -> None:
        """Keep its number, and our ends of its pipes."""
        self.pid, self.stdin, self.stdout = pid, stdin, stdout

    def kill(self) -> None:
        """End it; its number is its own until the nursery is asked for the next one."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, _seconds: float | None = None) -> None:
        """Do nothing: the nursery waits for it."""


class Nursery:
    """Gives sessions, one after the other, whose processes need not start Python.

    Attributes:
        package: The folder of the package that submissions may import.
        modules: The modules of the steps in it.
    """

    def __init__(self, package: Path, modules: list[str]) -> None:
        """Start the process that divides."""
        self.package, self.modules = package, modules
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*PYTHON, DIVIDE, str(package), *modules], stdin=theirs.fileno(), env=ENVIRONMENT
            )

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._line.close()
        assert 0 == self._process.wait()

    def session(self) -> WorkerProcess:
        """Give a session; the one before has to be over."""
        return _Divided(self)

    def divide(self, folder: Path) -> Divided:
        """Begin a process in this folder."""
        inward, stdin = os.pipe()
        stdout, outward = os.pipe()
        socket.send_fds(self._line, [str(folder).encode()], [inward, outward])
        os.close(inward)
        os.close(outward)
        return Divided(int(self._line.recv(100)), os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0))


class _Divided(WorkerProcess):
    """A session that gets its process from a nursery."""

    def __init__(self, nursery: Nursery) -> None:
        """Keep who begins it."""
        self.nursery = nursery
        super().__init__(nursery.package)

    def _start(self, package: Path) -> Any:
        assert package == self.nursery.package
        return self.nursery.divide(self.folder)
