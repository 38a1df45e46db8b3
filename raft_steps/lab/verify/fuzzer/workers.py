"""Calls a function for many arguments on all cores of a machine; the results are in the order of the arguments."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

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
    """
    count = min(workers or os.cpu_count() or 1, len(arguments))
    if count <= 1:
        yield from map(function, arguments)
        return
    # Each worker is a new interpreter: a fork of a process with threads, such as a notebook's kernel, may hang.
    with ProcessPoolExecutor(count, get_context("spawn"), initializer=_stop_collecting) as pool:
        yield from pool.map(partial(_call_and_collect, function), arguments)


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
