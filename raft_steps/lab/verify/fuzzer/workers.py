"""Work over the cores of a machine: the same function for many arguments, the answers in the order of the arguments."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

_Given = TypeVar("_Given")
_Answer = TypeVar("_Answer")


def over_cores(
    work: Callable[[_Given], _Answer], given: Sequence[_Given], workers: int | None = None
) -> Iterator[_Answer]:
    """Do the same work for each of the arguments, at the same time on several cores.

    Args:
        work: A function that another process can load: one at the top level of a module.
        given: The arguments.
        workers: How many processes; one for each core by default. With one, nothing leaves this process.

    Returns:
        The answers, in the order of the arguments.
    """
    count = min(workers or os.cpu_count() or 1, len(given))
    if count <= 1:
        yield from map(work, given)
        return
    # A new interpreter for each: a fork of a process with threads, such as a notebook's kernel, may hang.
    with ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin) as pool:
        yield from pool.map(partial(_tidily, work), given)


def _begin() -> None:
    """Collect no garbage while working, and never look at what is loaded already: runs make many short-lived objects."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _tidily(work: Callable[[_Given], _Answer], given: _Given) -> _Answer:
    """Do a piece of work, and collect the garbage after it."""
    try:
        return work(given)
    finally:
        gc.collect()
