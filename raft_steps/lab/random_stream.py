"""Chance that repeats: every draw comes from a named stream of a seed.

Python promises to keep only what `Random.random()` gives for a seed, so every draw is built on that one method.
A stream of its own for each link and each life of a node means that a change here does not reshuffle things there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

_Item = TypeVar("_Item")


class RandomStream:
    """A seeded source of chance, the `random` of a node.

    Attributes:
        scripted: Values that `between` gives before it draws any, for scenarios that want a certain timeout.
    """

    __slots__ = ("random", "scripted")

    def __init__(self, seed: int | str, name: str = "", scripted: Iterable[float] = ()) -> None:
        """Open the stream `name` of a seed."""
        self.random = Random(f"{seed}/{name}").random
        self.scripted = list(scripted)

    def randint(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def uniform(self, low: float, high: float) -> float:
        """Draw any number between low and high."""
        return low + (high - low) * self.random()

    def between(self, low: float, high: float) -> float:
        """Draw a whole number, both ends included, where both ends are whole (ints); any number otherwise."""
        if self.scripted:
            return self.scripted.pop(0)
        if isinstance(low, int) and isinstance(high, int):
            return self.randint(low, high)
        return self.uniform(low, high)

    def choice(self, items: Sequence[_Item]) -> _Item:
        """Draw one of the items."""
        return items[self.randint(0, len(items) - 1)]
