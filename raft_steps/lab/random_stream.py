"""Repeatable random numbers: every draw comes from a named stream of a seed.

Python guarantees only the values of `Random.random()` for a seed, so every draw is built on that one method.
Each link and each start of a node has its own stream, so that a change in one does not alter the draws of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

_Item = TypeVar("_Item")


class RandomStream:
    """A seeded source of random numbers; the `random` of a node.

    Attributes:
        scripted: Values that `between` returns before it draws any, for scenarios that need particular timeouts.
    """

    __slots__ = ("random", "scripted")

    def __init__(self, seed: int | str, name: str = "", scripted: Iterable[float] = ()) -> None:
        """Seed the stream called `name`."""
        self.random = Random(f"{seed}/{name}").random
        self.scripted = list(scripted)

    def randint(self, low: int, high: int) -> int:
        """Return a random whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """Return a random number between low and high."""
        return low + (high - low) * self.random()

    def between(self, low: float, high: float) -> float:
        """Return a random whole number, both ends included, if both ends are ints; any number between them otherwise."""
        if self.scripted:
            return self.scripted.pop(0)
        if isinstance(low, int) and isinstance(high, int):
            return self.randint(low, high)
        return self.uniform(low, high)

    def choice(self, items: Sequence[_Item]) -> _Item:
        """Return a random item."""
        return items[self.randint(0, len(items) - 1)]
