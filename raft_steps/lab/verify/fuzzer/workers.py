"""Calls a function for many arguments on all cores of a machine; the results are in the order of the arguments."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

from raft_steps.lab.errors import WorkerError

_Argument = TypeVar("_Argument")
_Result = TypeVar("_Result")


def map_on_cores(
    function: Callable[[_Argument], _Result], arguments: Sequence[_Argument], workers: int | None = None
) -> Iterator[_Result]:
    """Yield the results of a function for each argument, as `map` does, computed by several processes.

    Args:
        function: A function that another process can import: one at the top level of a module.
        arguments: The arguments.
        workers: The number of processes; one for each core by default. With one, no process is started.

    Raises:
        WorkerError: A process ended before its work was done.
    """
    count = min(workers or os.cpu_count() or 1, len(arguments))
    if count <= 1:
        yield from map(function, arguments)
        return
    with submitted(partial(_call_and_collect, function), arguments, count, _stop_collecting) as futures:
        for future in futures:
            yield future.result()


@contextlib.contextmanager
def submitted(
    function: Callable[[_Argument], _Result],
    arguments: Sequence[_Argument],
    workers: int,
    initialise: Callable[[], None] | None = None,
) -> Iterator[list[Future[_Result]]]:
    """Let processes call a function for each argument while a block waits for the results.

    However the block ends, no process stays behind: Control-C reaches this process only, which then ends the others, and
    they end by themselves if this one is killed.

    Args:
        function: A function that another process can import.
        arguments: The arguments.
        workers: The number of processes.
        initialise: Called in each process before its first call of the function.

    Returns:
        A future for each argument, in their order.

    Raises:
        WorkerError: A process ended before its work was done.
    """
    others = set(active_children())
    # Each worker is a new interpreter: a fork of a process with threads, such as a notebook's kernel, may hang.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin, initargs=(initialise,)) as pool:
        try:
            with _interrupts_blocked():
                futures = [pool.submit(function, each) for each in arguments]
            yield futures
        except BaseException as error:
            for process in set(active_children()) - others:
                process.terminate()
            pool.shutdown(cancel_futures=True)
            if isinstance(error, BrokenProcessPool):
                raise WorkerError(
                    "a process that shares the work ended before it was done, mostly because there is too little memory; "
                    "fewer workers need less"
                ) from error
            raise


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Control-C for this thread, and so for the processes that it starts: they inherit that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(initialise: Callable[[], None] | None) -> None:
    """Prepare a new process: it ignores Control-C, and ends with the process that started it."""
    # A handler and not SIG_IGN, which a kernel that this process starts would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, name="raft-steps parent", daemon=True).start()
    if initialise is not None:
        initialise()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(2)


def _stop_collecting() -> None:
    """Turn the garbage collector off in a worker, and exempt all that is loaded already.

    A run makes many objects that all live until its end, so collecting while it runs finds nothing and costs time.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def _call_and_collect(function: Callable[[_Argument], _Result], argument: _Argument) -> _Result:
    try:
        return function(argument)
    finally:
        gc.collect()
