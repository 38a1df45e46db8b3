"""Starts the worker, the process that runs a submission's Nodes, and exchanges requests and answers with it.

The judge sends an event and waits for what it changed. How long it waits depends on the worker's computing time: a busy
machine is not an endless loop. However the judge ends, the worker and every process that it started are ended too.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from raft_steps.lab.grading.codec import encode_json
from raft_steps.lab.grading.wall import Wall, environment

START = "import sys; sys.path.insert(0, sys.argv[1]); from raft_steps.lab.grading.worker import main; main()"
MEMORY_MIB, CPU_S = 512, 20  # address space in MiB, and computing time in seconds, for a whole submission
LOOP_S = 3.0  # of computing time for one event; the worker's own watchdog should have interrupted it after about one
WAIT_S = 60.0  # of real time for one event, however little it computes
DRAWS_MAX = 20_000  # random numbers for one event
LINE_MAX = 8_000_000  # bytes of one answer
SIGNALLED = 128  # A status above this is that of a process behind a wall that a signal has ended.
ENDED, KILLED, LOOPED, FLOODED = "ended", "killed", "looped", "flooded"
NOT_AN_ANSWER = "wrote something that is not an answer"


class WorkerLostError(Exception):
    """The worker has ended, takes too long, or does not follow the protocol.

    Attributes:
        reason: ``ended`` by itself, ``killed`` from outside, ``looped`` or ``flooded``.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Initialise with the reason, and a message that completes a sentence about the Node."""
        super().__init__(message)
        self.reason = reason


class WorkerProcess:
    """The process that runs one submission, as a context manager that ends it.

    Attributes:
        folder: The folder that it is started in, which is empty; behind a wall it does not see it.
        wall: What is around it.
        lost: Why the process no longer answers; None as long as it does.
        limit_s: How long the process may run, in seconds of real time.
        deadline_s: The time, by `time.monotonic`, by which the process has to be done.
    """

    def __init__(self, package: Path, wall: Wall, limit_s: float = 120.0, folders_in: Path | None = None) -> None:
        """Start the process.

        Args:
            package: The folder with the package that the submission may import.
            wall: What is around the process.
            limit_s: How long the process may run, in seconds of real time.
            folders_in: Where to make the process's folder; by default where temporary folders are.
        """
        self._temporary = TemporaryDirectory(prefix="raft-steps-grade-", dir=folders_in)
        self.folder = Path(self._temporary.name)
        if wall.user is not None:  # Which may have to write in it.
            self.folder.chmod(0o1777)
        self.wall = wall
        self.lost: WorkerLostError | None = None
        self.limit_s = limit_s
        self.deadline_s = time.monotonic() + limit_s
        self._process = self._start(package)
        self._buffer = b""
        self._finalizer = weakref.finalize(self, _end, self._process, wall, self.folder.name)

    def __enter__(self) -> Self:
        """Return the process itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process and remove its folder."""
        self.close()

    def _start(self, package: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.wall.command(package, START, self.wall.package(package), name=self.folder.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=environment(self.wall),
            start_new_session=True,
            bufsize=0,
        )

    def close(self) -> None:
        """End the process and every process that it has started, and remove its folder."""
        self._finalizer()
        with contextlib.suppress(OSError):
            self._temporary.cleanup()

    def request(self, request: dict[str, Any], draw: Any = None) -> dict[str, Any]:
        """Send a request and wait for the answer.

        Args:
            request: The request.
            draw: Called with each question of the worker for a random number; returns the number.

        Returns:
            The answer.

        Raises:
            WorkerLostError: There is no answer, nor will there be one to any later request.
        """
        if self.lost is not None:
            raise self.lost
        try:
            with _alarm_blocked():
                self._write(request)
                return self._answer(draw)
        except WorkerLostError as lost:
            self.lost = lost
            self._finalizer()
            raise

    def _answer(self, draw: Any) -> dict[str, Any]:
        """Return the answer to a request, after the random numbers that the worker asks for."""
        for _ in range(DRAWS_MAX):
            answer = self._read()
            if "draw" not in answer or draw is None:
                return answer
            self._write(draw(answer))
        raise WorkerLostError(LOOPED, f"asked for {DRAWS_MAX:,} random numbers in one event: an endless loop?")

    def _write(self, data: Any) -> None:
        line = encode_json(data).encode() + b"\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except OSError as error:
            raise self._why_gone() from error

    def _read(self) -> dict[str, Any]:
        """Read one line, which is one JSON object."""
        line, newline, self._buffer = self._buffer.partition(b"\n")
        if not newline:
            line = self._receive(line)
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise WorkerLostError(FLOODED, NOT_AN_ANSWER) from error
        if not isinstance(data, dict):
            raise WorkerLostError(FLOODED, NOT_AN_ANSWER)
        return data

    def _receive(self, begun: bytes) -> bytes:
        """Return a line that has begun, once its end has arrived; keep what follows it."""
        assert self._process.stdout is not None
        number, chunks, size = self._process.stdout.fileno(), [begun], len(begun)
        began_s, computed_s = time.monotonic(), None
        while True:
            ready, _, _ = select.select([number], [], [], 0.25)
            if not ready:
                computed_s = self._check_time(began_s, computed_s)
                continue
            chunk = os.read(number, 1 << 16)
            if not chunk:
                raise self._why_gone()
            head, newline, rest = chunk.partition(b"\n")
            chunks.append(head)
            size += len(head)
            if newline:
                self._buffer = rest
                return b"".join(chunks)
            if size > LINE_MAX:
                raise WorkerLostError(FLOODED, "stored or sent more data than can be examined")

    def _check_time(self, began_s: float, computed_s: float | None) -> float:
        """Raise a WorkerLostError if an event takes too long; return the worker's computing time at the first call."""
        now_s, used_s = time.monotonic(), cpu_seconds_of(self._process.pid)
        computed_s = used_s if computed_s is None else computed_s
        if used_s - computed_s > LOOP_S or now_s - began_s > WAIT_S:
            raise WorkerLostError(LOOPED, "did not come back, and could not be interrupted: an endless loop?")
        if now_s > self.deadline_s:
            raise WorkerLostError(LOOPED, f"took more than the {self.limit_s:g} s that a submission has")
        return computed_s

    def _why_gone(self) -> WorkerLostError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        code = self._process.returncode
        if code is not None and code > SIGNALLED:  # What started it says so.
            code = SIGNALLED - code
        if code == -signal.SIGXCPU:
            return WorkerLostError(LOOPED, f"used up the {CPU_S} s of computing time that a submission has")
        if code is not None and -code in (signal.SIGKILL, signal.SIGTERM):
            return WorkerLostError(
                KILLED, f"lost its process, which was ended by {_signal_name(-code)}{_sender(-code)}"
            )
        if code is not None and code < 0:
            return WorkerLostError(ENDED, f"lost its process, which was ended by {_signal_name(-code)}")
        return WorkerLostError(ENDED, "ended its own process")


def _signal_name(number: int) -> str:
    """Return the name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _sender(number: int) -> str:
    """Describe who sends a signal that ends a process from outside."""
    if number == signal.SIGKILL:
        return ", which the machine sends if it runs out of memory"
    return ", which came from outside"


def _end(process: subprocess.Popen[bytes], wall: Wall, name: str) -> None:
    """End the process, and the container around it."""
    end_group(process)
    wall.end(name)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its whole process group, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def cpu_seconds_of(pid: int) -> float:
    """Return the computing time of a process and of all that it started, in seconds; real time on systems without /proc."""
    used, todo = 0, [pid]
    try:
        while todo:
            number = todo.pop()
            fields = (
                Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            )
            used += sum(int(each) for each in fields[11:15])
            todo += [int(each) for each in Path(f"/proc/{number}/task/{number}/children").read_text("ascii").split()]
        return used / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


@contextlib.contextmanager
def _alarm_blocked() -> Iterator[None]:
    """Block the watchdog's timer signal while waiting: the worker has its own watchdog."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
