"""The guard: it keeps an endless loop in a Node from lasting.

A handler call that does not come back is interrupted: on the main thread by a timer signal, on another thread
by an exception that the interpreter raises there between two instructions. A call that is stuck inside C code, or
that swallows BaseException in its loop, is beyond both.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

TICK = 0.2  # seconds of real time between two looks
LOOKS = 5  # This many looks in a row at the same handler call are enough: about a second, with the first.
NOT_BACK = "did not come back"  # what is said of a handler that was interrupted


class HandlerTimeout(BaseException):
    """Raised inside a handler call that does not come back; not an Exception, so that a Node does not catch it."""


class _Watch:
    """Notices that the same handler call has been running for too long.

    It counts looks and does not read a clock: a process that the machine holds up for a while is looked at only once.
    """

    def __init__(self, progress: Callable[[], int]) -> None:
        self.progress = progress
        self.seen, self.looks = progress(), 0

    def stuck(self) -> bool:
        if self.progress() != self.seen:
            self.seen, self.looks = self.progress(), 0
        self.looks += 1
        if self.looks <= LOOKS:
            return False
        self.looks = LOOKS - 1  # What is raised in a destructor or the like is lost: try again two looks later.
        return True


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
    def look(_signum: int, frame: FrameType | None) -> None:
        if not watch.stuck():
            return
        if not _is_collecting(frame):
            raise HandlerTimeout
        watch.looks = LOOKS  # Look again in a moment.
        signal.setitimer(signal.ITIMER_REAL, TICK / 100, TICK)

    before = signal.signal(signal.SIGALRM, look)
    timer_before = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer_before)
        signal.signal(signal.SIGALRM, before)


def _is_collecting(frame: FrameType | None) -> bool:
    """Say whether a callback of the garbage collector was interrupted: what is raised there is lost, and complained of."""
    calls = {getattr(call, "__code__", None) for call in gc.callbacks}
    while frame is not None and frame.f_code not in calls:
        frame = frame.f_back
    return frame is not None


@contextlib.contextmanager
def _watched_by_thread(watch: _Watch) -> Iterator[None]:
    done = threading.Event()
    thread_id = ctypes.c_ulong(threading.get_ident())

    def look() -> None:
        while not done.wait(TICK):
            if watch.stuck():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, ctypes.py_object(HandlerTimeout))

    watcher = threading.Thread(target=look, name="raft-steps guard", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
