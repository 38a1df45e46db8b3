"""The session: the judge's line to the process that holds a submission's Nodes.

The judge sends an event and waits for what it changed. It waits as long as the other process works on something else
than an endless loop: what counts is its computing time, as the system tells it. When the session ends, by whatever
way, the process and all that it may have started are gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from raft_steps.lab.grading.codec import WireError

START = "import sys; sys.path.insert(0, sys.argv[1]); from raft_steps.lab.grading.worker import main; main()"
# How Python is started for a submission: without anybody's packages, settings and files.
PYTHON = (sys.executable, "-s", "-S", "-P", "-B", "-c")
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
MEMORY, CPU_SECONDS = 512, 20  # MiB, and seconds of computing for a whole submission
LOOP_SECONDS = 3.0  # of computing in one event: an interruption after about one was not heard
WAIT_SECONDS = 60.0  # of real time in one event, however little it computes
LINE_MAX = 8_000_000  # bytes of one answer
SPELL = json.JSONEncoder(separators=(",", ":")).encode
ENDED, LOOPED, FLOODED = "ended", "looped", "flooded"


class Lost(Exception):  # noqa: N818  # It is the submission's doing.
    """The submission's process is gone, or does not keep to its words.

    Attributes:
        why: How it went: ``ended``, ``looped`` or ``flooded``.
    """

    def __init__(self, why: str, words: str) -> None:
        """Keep why, and say it."""
        super().__init__(words)
        self.why = why


class Session:
    """A process that holds one submission.

    Attributes:
        folder: The process's own folder; it is empty but for the submission.
        lost: How the process was lost; None as long as it answers.
        calls: How often it was asked.
        deadline: When, by `time.monotonic`, the session is to be over.
    """

    def __init__(self, package: Path, seconds: float = 120.0, homes: Path | None = None) -> None:
        """Start the process.

        Args:
            package: The folder that holds the package which the submission may import.
            seconds: How long the whole session may last, in real time.
            homes: Where to make the process's own folder; by default where temporary folders are.
        """
        self._home = TemporaryDirectory(prefix="raft-steps-grade-", dir=homes)
        self.folder = Path(self._home.name)
        self.lost: Lost | None = None
        self.calls, self.deadline = 0, time.monotonic() + seconds
        self._process = self._start(package)
        self._buffer = b""
        self._finalizer = weakref.finalize(self, _end, self._process)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, and take its folder away."""
        self.close()

    def _start(self, package: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*PYTHON, START, str(package)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env=ENVIRONMENT,
            start_new_session=True,
            bufsize=0,
        )

    def close(self) -> None:
        """End the process and whatever it has started, and take its folder away."""
        self._finalizer()
        with contextlib.suppress(OSError):
            self._home.cleanup()

    def ask(self, request: dict[str, Any], answer_draw: Any = None) -> dict[str, Any]:
        """Ask the process, and wait for its answer.

        Args:
            request: What to do.
            answer_draw: Gives a number where the process asks for chance; it is called with what, and with which bounds.

        Raises:
            Lost: There is no answer, now or ever.
        """
        if self.lost is not None:
            raise self.lost
        self.calls += 1
        try:
            with _undisturbed():
                self._write(request)
                while True:
                    answer = self._read()
                    if "draw" not in answer or answer_draw is None:
                        return answer
                    self._write(answer_draw(answer))
        except Lost as lost:
            self.lost = lost
            self._finalizer()
            raise

    def _write(self, data: Any) -> None:
        line = SPELL(data).encode() + b"\n"
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
        except OSError as error:
            raise self._gone() from error

    def _read(self) -> dict[str, Any]:
        """Read one line, which is one object."""
        line, newline, self._buffer = self._buffer.partition(b"\n")
        if not newline:
            line = self._receive(line)
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Lost(FLOODED, "the submission's process said what is no answer") from error
        if not isinstance(data, dict):
            raise Lost(FLOODED, "the submission's process said what is no answer")
        return data

    def _receive(self, begun: bytes) -> bytes:
        """Wait for the end of a line, and keep what comes after it."""
        assert self._process.stdout is not None
        number, chunks, size = self._process.stdout.fileno(), [begun], len(begun)
        began, computed = time.monotonic(), None
        while True:
            ready, _, _ = select.select([number], [], [], 0.25)
            if not ready:
                computed = self._check_patience(began, computed)
                continue
            chunk = os.read(number, 1 << 16)
            if not chunk:
                raise self._gone()
            head, newline, rest = chunk.partition(b"\n")
            chunks.append(head)
            size += len(head)
            if newline:
                self._buffer = rest
                return b"".join(chunks)
            if size > LINE_MAX:
                raise Lost(FLOODED, "the Node holds or sends more than can be looked at")

    def _check_patience(self, began: float, computed: float | None) -> float:
        """Give up where an event takes too long; give the process's computing time when it began."""
        now, used = time.monotonic(), cpu_seconds_of(self._process.pid)
        computed = used if computed is None else computed
        if used - computed > LOOP_SECONDS or now - began > WAIT_SECONDS:
            raise Lost(LOOPED, "did not come back, and could not be interrupted: an endless loop?")
        if now > self.deadline:
            raise Lost(LOOPED, "took more time than a submission is given")
        return computed

    def _gone(self) -> Lost:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        code = self._process.returncode
        if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return Lost(LOOPED, f"used up the {CPU_SECONDS} s of computing that a submission is given")
        return Lost(ENDED, "ended its own process")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all of its group, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def cpu_seconds_of(pid: int) -> float:
    """Give the computing time of a process, in seconds; real time where the system does not tell it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return time.monotonic()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the guard's timer away while waiting: the other process has a guard of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


__all__ = ["Lost", "Session", "WireError", "cpu_seconds_of"]
