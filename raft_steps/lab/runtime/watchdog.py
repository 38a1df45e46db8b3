"""A watchdog that interrupts a handler stuck in an endless loop, and nothing else.

It counts the computing time of the watched thread, so that a busy machine is not mistaken for a loop; a handler that
waits without computing has a far limit. It interrupts only where a Node's code runs, never the laboratory's own.

On the main thread it interrupts with a timer signal, on another thread with an exception that the interpreter raises
there between two instructions, and in a browser, which has neither signals nor threads, at a jump of a loop. None of them
reaches a handler that is stuck in C code, or that catches BaseException in its loop. Python 3.11 without signals and
threads has no watchdog.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import inspect
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType, TracebackType
from typing import Any, Protocol

from raft_steps.lab.runtime.code_owner import is_laboratory, is_node_frame, is_python

TICK = 0.2  # seconds of real time between two looks
LOOKS = 5  # A handler call that computes for so many ticks after the look that first saw it is stuck: about a second.
WAITING_LOOKS = 50  # A handler call that is seen in so many looks is stuck, too, even if it does not compute.
RETRY_LOOKS = 2  # An exception raised in a destructor or the like is lost: try again so many looks later.
JUMPS = 256  # In a browser, the clock is read once in so many jumps.
# The beginnings of the names of the modules that hold a program at a breakpoint: pdb, and what JupyterLab and editors use.
DEBUGGERS = ("bdb", "pdb", "pydevd", "_pydevd", "debugpy")
NOT_BACK = "did not come back"  # what an error message says of a handler that was interrupted


class HandlerTimeout(BaseException):
    """Raised inside a handler that computes without end; not an Exception, because a Node may catch those.

    Attributes:
        words: What happened, as the end of a sentence that begins with the handler.
    """

    words = f"{NOT_BACK} within a second: an endless loop?"


class HandlerWaits(HandlerTimeout):
    """Raised inside a handler that waits without computing."""

    words = f"{NOT_BACK} within ten seconds, and computed almost nothing: does it wait for something?"


class _Looks:
    """Decides from repeated looks whether the same handler call still runs, and for too long.

    Looks and not a clock of real time, because a process that the machine suspends for a while is seen only once.
    """

    def __init__(self, progress: Callable[[], int], cpu_s: Callable[[], float]) -> None:
        self.progress, self.cpu_s = progress, cpu_s
        self.restart()

    def restart(self) -> None:
        """Begin again, as if the handler had just been called."""
        self.seen, self.count, self.since_s = self.progress(), 0, self.cpu_s()

    def verdict(self) -> type[HandlerTimeout] | None:
        """Return what to raise now; None if nothing is stuck."""
        seen, now_s = self.progress(), self.cpu_s()
        if seen != self.seen:
            self.seen, self.count, self.since_s = seen, 0, now_s
        self.count += 1
        if now_s - self.since_s >= LOOKS * TICK:
            return HandlerTimeout
        return HandlerWaits if self.count >= WAITING_LOOKS else None

    def raised(self) -> None:
        """Called when the exception is about to be raised: the next try is a little later."""
        self.since_s = self.cpu_s() - (LOOKS - RETRY_LOOKS) * TICK
        self.count = WAITING_LOOKS - RETRY_LOOKS - 1


class _Way(Protocol):
    """A way to interrupt the thread that runs a block."""

    def start(self) -> None:
        """Begin to look; raise a RuntimeError if this way is not open here."""

    def stop(self) -> None:
        """End: afterwards nothing is raised any more."""


class bounded(contextlib.AbstractContextManager[None, None]):  # noqa: N801  # It reads as a function.
    """Interrupt a handler in a block with `HandlerTimeout` if it runs for about a second of computing time.

    Args:
        progress: Returns how many handler calls have begun.
    """

    def __init__(self, progress: Callable[[], int]) -> None:
        """Prepare a block."""
        self.progress = progress
        self.way: _Way | None = None

    def __enter__(self) -> None:
        """Begin to watch the block of the caller's frame."""
        owner = _block_owner(sys._getframe(1))  # noqa: SLF001  # The frame whose callees are watched.
        for kind in _ways():
            with contextlib.suppress(RuntimeError):  # Browsers cannot start threads.
                way = kind(self.progress, owner)
                way.start()
                self.way = way
                break

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching."""
        if self.way is not None:
            self.way.stop()
            self.way = None


def _ways() -> list[Callable[[Callable[[], int], FrameType], _Way]]:
    """Return the ways to interrupt this thread, the best first."""
    ways: list[Callable[[Callable[[], int], FrameType], _Way]] = []
    if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        return [_BySignal]
    if sys.platform != "emscripten":
        ways.append(_ByThread)
    if hasattr(sys, "monitoring"):
        ways.append(_ByJumps)
    return ways


class _BySignal:
    """Interrupts the main thread: the signal's handler runs there, and raises where the thread is."""

    def __init__(self, progress: Callable[[], int], owner: FrameType) -> None:
        self.looks, self.owner, self.ended = _Looks(progress, _clock_of_this_thread()), owner, False
        self.is_looking = False

    def start(self) -> None:
        self.before = signal.signal(signal.SIGALRM, self.look)
        self.timer_before = signal.setitimer(signal.ITIMER_REAL, TICK, TICK)

    def stop(self) -> None:
        if self.ended:
            return
        self.ended = True
        signal.setitimer(signal.ITIMER_REAL, *self.timer_before)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if self.before is None else self.before)
        del self.owner

    def look(self, _signum: int, frame: FrameType | None) -> None:
        if self.ended or self.is_looking:  # A signal may interrupt the look at the one before it.
            return
        self.is_looking = True
        try:
            self.decide(frame)
        finally:
            self.is_looking = False

    def decide(self, frame: FrameType | None) -> None:
        """Raise the exception for a handler that is stuck in this frame."""
        if not _is_on_stack(self.owner, frame):  # Control-C ended the block without its end.
            self.stop()
            return
        if _is_debugged(frame, self.owner):
            self.looks.restart()
            return
        verdict = self.looks.verdict()
        if verdict is None or _watched_frame(frame, self.owner) is None:
            return
        if _is_collecting(frame):
            signal.setitimer(signal.ITIMER_REAL, TICK / 100, TICK)  # Look again soon.
            return
        self.looks.raised()
        raise verdict


class _ByThread:
    """Interrupts another thread than the main one, from a thread of its own."""

    def __init__(self, progress: Callable[[], int], owner: FrameType) -> None:
        self.thread_id = threading.get_ident()
        self.looks, self.owner = _Looks(progress, _clock_of_thread(self.thread_id)), owner
        self.lock, self.done = (
            threading.Lock(),
            threading.Event(),
        )  # The lock: to decide and raise, and to end, exclude each other.
        self.has_raised = False
        self.watcher = threading.Thread(target=self.watch, name="raft-steps watchdog", daemon=True)

    def start(self) -> None:
        self.watcher.start()

    def stop(self) -> None:
        with self.lock:
            self.done.set()
        self.watcher.join()
        if self.has_raised:  # Nothing is pending, but if it were, it would be raised after the block.
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread_id), None)
        del self.owner

    def watch(self) -> None:
        while not self.done.wait(TICK):
            with self.lock:
                if self.done.is_set() or not self.look():
                    return

    def look(self) -> bool:
        """Interrupt the thread if it is stuck; return whether to go on looking."""
        frame = sys._current_frames().get(self.thread_id)  # noqa: SLF001  # There is no other way to see a thread.
        if not _is_on_stack(self.owner, frame):
            return False
        if _is_debugged(frame, self.owner):
            self.looks.restart()
            return True
        verdict = self.looks.verdict()
        watched = _watched_frame(frame, self.owner) if verdict is not None else None
        if verdict is None or watched is None or _is_collecting(frame):
            return True
        place = watched.f_lasti
        # The thread may have moved on in the meantime. If this frame is still watched, it was not at its end before.
        if _watched_frame(sys._current_frames().get(self.thread_id), self.owner) is not watched:  # noqa: SLF001
            return True
        self.looks.raised()
        raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        thread_id, wrapped = ctypes.c_ulong(self.thread_id), ctypes.py_object(verdict)
        self.has_raised = True
        # From this comparison to the call the interpreter does not switch threads, because it does so only after a call
        # and at a jump back. So the exception is raised in this frame, or in what it calls, and nowhere else.
        if watched.f_lasti == place:
            raise_in(thread_id, wrapped)
        return True


class _ByJumps:
    """Interrupts a loop at its jump, by the interpreter's own monitoring: that needs neither signals nor threads."""

    def __init__(self, progress: Callable[[], int], owner: FrameType) -> None:
        del owner  # Only the code of a Node is monitored, and only during the block.
        self.monitoring: Any = sys.monitoring  # type: ignore[attr-defined, unused-ignore]
        self.looks = _Looks(progress, _clock_of_this_thread())
        self.thread_id, self.jumps, self.looked_s = threading.get_ident(), 0, time.monotonic()

    def start(self) -> None:
        free = [each for each in (4, 3) if self.monitoring.get_tool(each) in (None, "raft-steps")]
        if not free:
            raise RuntimeError("other tools monitor this interpreter")
        self.tool, self.event = free[0], self.monitoring.events.JUMP
        self.is_nested = self.monitoring.get_tool(self.tool) is not None
        if not self.is_nested:
            self.monitoring.use_tool_id(self.tool, "raft-steps")
        self.before = self.monitoring.register_callback(self.tool, self.event, self.jump)
        self.monitoring.set_events(self.tool, self.event)

    def stop(self) -> None:
        self.monitoring.register_callback(self.tool, self.event, self.before)
        if not self.is_nested:
            self.monitoring.set_events(self.tool, 0)
            self.monitoring.free_tool_id(self.tool)

    def jump(self, code: CodeType, _offset: int, _target: int) -> object:
        if is_laboratory(code.co_filename) or is_python(code.co_filename):
            return self.monitoring.DISABLE
        self.jumps += 1
        if self.jumps % JUMPS or time.monotonic() - self.looked_s < TICK or threading.get_ident() != self.thread_id:
            return None
        self.looked_s = time.monotonic()
        verdict = self.looks.verdict()
        if verdict is not None:
            self.looks.raised()
            raise verdict
        return None


@functools.cache  # It costs as much as a short handler.
def _clock_of_this_thread() -> Callable[[], float]:
    """Return a clock of this thread's computing time, in seconds; of real time where there is none, as in a browser."""
    try:
        time.thread_time()
    except (AttributeError, OSError):
        return time.monotonic
    return time.thread_time


def _clock_of_thread(thread_id: int) -> Callable[[], float]:
    """Return a clock of a thread's computing time, in seconds; of the process's where there is none, as on macOS."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return time.process_time
    clock = time.pthread_getcpuclockid(thread_id)
    return lambda: time.clock_gettime(clock)


def _block_owner(frame: FrameType) -> FrameType:
    """Return the frame in which a block runs: not that of a generator that is a context manager itself."""
    while frame.f_back is not None and (
        frame.f_code.co_flags & inspect.CO_GENERATOR or frame.f_code.co_filename == contextlib.__file__
    ):
        frame = frame.f_back
    return frame


def _is_on_stack(wanted: FrameType, frame: FrameType | None) -> bool:
    while frame is not None and frame is not wanted:
        frame = frame.f_back
    return frame is not None


def _watched_frame(frame: FrameType | None, owner: FrameType) -> FrameType | None:
    """Return the outermost frame of a block that runs a Node's code; None if the laboratory is at work, or the block is over."""
    found = None
    while frame is not None:
        if frame.f_code is _ENTER or frame.f_code is _EXIT:
            return None
        if is_node_frame(frame):
            found = frame
        if frame is owner:
            return found
        frame = frame.f_back
    return None


def _is_debugged(frame: FrameType | None, owner: FrameType) -> bool:
    """Return whether a debugger holds what a block has called, or looks at it."""
    while frame is not None and frame is not owner:
        if str(frame.f_globals.get("__name__", "")).startswith(DEBUGGERS):
            return True
        frame = frame.f_back
    return False


_ENTER, _EXIT = bounded.__enter__.__code__, bounded.__exit__.__code__


def _is_collecting(frame: FrameType | None) -> bool:
    """Return whether a callback of the garbage collector was interrupted: an exception raised there is lost."""
    calls = {getattr(call, "__code__", None) for call in gc.callbacks}
    while frame is not None and frame.f_code not in calls:
        frame = frame.f_back
    return frame is not None
