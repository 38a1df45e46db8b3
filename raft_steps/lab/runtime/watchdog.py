"""A watchdog that interrupts a handler stuck in an endless loop.

On the main thread it interrupts with a timer signal, on another thread with an exception that the interpreter raises
there between two instructions. Neither reaches a handler that is stuck in C code, or that catches BaseException in its
loop.
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
LOOKS = 5  # A handler call that is seen in this many looks and one more is stuck: that is about a second.
NOT_BACK = "did not come back"  # what an error message says of a handler that was interrupted


class HandlerTimeout(BaseException):
    """Raised inside a handler that is stuck; not an Exception, because a Node may catch those."""


class _Looks:
    """Counts how often in a row the same handler call was seen running.

    Looks and not a clock, because a process that the machine suspends for a while is seen only once.
    """

    def __init__(self, progress: Callable[[], int]) -> None:
        self.progress = progress
        self.seen, self.count = progress(), 0

    def is_stuck(self) -> bool:
        if self.progress() != self.seen:
            self.seen, self.count = self.progress(), 0
        self.count += 1
        if self.count <= LOOKS:
            return False
        self.count = LOOKS - 1  # An exception raised in a destructor or the like is lost: try again two looks later.
        return True


@contextlib.contextmanager
def bounded(progress: Callable[[], int]) -> Iterator[None]:
    """Interrupt the block with `HandlerTimeout` if `progress` returns the same number for about a second.

    Args:
        progress: Returns how many handler calls have begun.
    """
    looks = _Looks(progress)
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        with _interrupting_by_signal(looks):
            yield
    else:
        with _interrupting_by_thread(looks):
            yield


@contextlib.contextmanager
def _interrupting_by_signal(looks: _Looks) -> Iterator[None]:
    def look(_signum: int, frame: FrameType | None) -> None:
        if not looks.is_stuck():
            return
        if not _is_collecting(frame):
            raise HandlerTimeout
        looks.count = LOOKS  # Look again soon.
        signal.setitimer(signal.ITIMER_REAL, TICK / 100, TICK)

    before = signal.signal(signal.SIGALRM, look)
    timer_before = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer_before)
        signal.signal(signal.SIGALRM, before)


def _is_collecting(frame: FrameType | None) -> bool:
    """Return whether a callback of the garbage collector was interrupted: an exception raised there is lost."""
    calls = {getattr(call, "__code__", None) for call in gc.callbacks}
    while frame is not None and frame.f_code not in calls:
        frame = frame.f_back
    return frame is not None


@contextlib.contextmanager
def _interrupting_by_thread(looks: _Looks) -> Iterator[None]:
    done = threading.Event()
    thread_id = ctypes.c_ulong(threading.get_ident())

    def look() -> None:
        while not done.wait(TICK):
            if looks.is_stuck():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread_id, ctypes.py_object(HandlerTimeout))

    watcher = threading.Thread(target=look, name="raft-steps watchdog", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
