"""The guard: it keeps a Node's mistakes from looking like the laboratory's, and an endless loop from lasting.

An exception inside a handler becomes a NodeError that names the server, the handler and the line of the Node's own
source. A handler call that does not come back is interrupted: on the main thread by a timer signal, on another thread
by an exception that the interpreter raises there between two instructions. A call that is stuck inside C code, or
that swallows BaseException in its loop, is beyond both.
"""

from __future__ import annotations

import contextlib
import ctypes
import linecache
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import FrameType, TracebackType

from raft_steps.lab.errors import MessageError, NodeError

TICK = 0.25  # seconds of real time between two looks
LIMIT_BUSY = 1.0  # seconds that one handler call may compute
LIMIT_ASLEEP = 1.5  # seconds that one handler call may take when it only waits
LABORATORY = str(Path(__file__).parent)


class HandlerStuck(BaseException):
    """Raised inside a handler call that does not come back; not an Exception, so that a Node does not catch it."""


class Mistake(Exception):
    """What a handler left behind cannot be carried out; the message goes on after "tom's on_start, at 3 s, "."""


class _Watch:
    """Notices that the same handler call has been running for too long."""

    def __init__(self, progress: Callable[[], int]) -> None:
        self.progress = progress
        self.reset()

    def reset(self) -> None:
        self.seen, self.since, self.cpu = self.progress(), time.monotonic(), time.process_time()

    def stuck(self) -> bool:
        if self.progress() != self.seen:
            self.reset()
            return False
        waited, busy = time.monotonic() - self.since, time.process_time() - self.cpu
        return (waited >= LIMIT_BUSY and busy >= LIMIT_BUSY / 2) or waited >= LIMIT_ASLEEP


@contextlib.contextmanager
def bounded(progress: Callable[[], int]) -> Iterator[None]:
    """Interrupt the block with HandlerStuck when `progress` stays the same for more than a second or so.

    Args:
        progress: Counts the handler calls that have begun.
    """
    watch = _Watch(progress)
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _watched_by_signal(watch):
            yield
    else:
        with _watched_by_thread(watch):
            yield


@contextlib.contextmanager
def _watched_by_signal(watch: _Watch) -> Iterator[None]:
    def look(signum: int, frame: FrameType | None) -> None:
        if watch.stuck():
            watch.reset()
            raise HandlerStuck

    before = signal.signal(signal.SIGALRM, look)
    timer_before = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer_before)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _watched_by_thread(watch: _Watch) -> Iterator[None]:
    done = threading.Event()
    thread_id = ctypes.c_ulong(threading.get_ident())

    def look() -> None:
        while not done.wait(TICK):
            if watch.stuck():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, ctypes.py_object(HandlerStuck))
                return

    watcher = threading.Thread(target=look, name="raft-steps guard", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def node_error(error: BaseException, server: str, handler: str, seconds: str) -> NodeError | None:
    """Turn what a handler raised into words about the Node; None if the laboratory itself is to blame."""
    place = node_line(error.__traceback__)
    if place is None and not isinstance(error, TypeError | Mistake | MessageError):
        return None
    where = f"{server}'s {handler}, at {seconds} s"
    if isinstance(error, HandlerStuck):
        text = f"{where}, did not come back within a second: an endless loop?"
    elif isinstance(error, Mistake):
        text = f"{where}, {error}"
    elif isinstance(error, MessageError) and place is None:
        text = f"{where}, sent what it cannot send: {error}"
    elif isinstance(error, FrozenInstanceError):
        text = f"{where}, changed a message or an entry ({error}); both are immutable: build a new one instead"
    else:
        text = f"{where}, raised {type(error).__name__}: {error}"
    return NodeError(text + (f"\n{place}" if place else ""), server=server, handler=handler)


def node_line(trace: TracebackType | None) -> str | None:
    """Spell the innermost line of the traceback that is not the laboratory's."""
    found = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith((LABORATORY, "<string>", "<frozen")):
            found = (code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    if found is None:
        return None
    path, number = found
    # A notebook's cell has a file name of the kernel's own, with a number that differs from run to run.
    place = f"{Path(path).name}, line" if Path(path).is_file() else "your cell, line"
    return f"  {place} {number}: {linecache.getline(path, number).strip()}".rstrip(": ")
