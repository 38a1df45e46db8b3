"""The parameters of a run of the checks: names, terms, entries, commands and timings, with the values of the course as defaults.

A Node that follows the rules passes with any parameters. One that recognises the checks (`if self.name == "tom"`, or a
term of 5) passes with the defaults only, so a grader draws others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import SERVER_NAMES

# The words in which the checks are written. `Vocabulary` translates them into those of a run.
KEYS = ("x", "y", "z", "w", "a", "b", "c", "d", "e")
VALUES = ("1", "2", "3", "4", "5", "6", "7", "8", "9")

# What is drawn instead. None of these words has another meaning in the text of a failure.
OTHER_SERVERS = (
    "ada", "alan", "barbara", "brian", "donald", "edsger", "frances", "grace", "ken", "leslie", "lynn", "niklaus", "robin",
)  # fmt: skip
OTHER_KEYS = (
    "apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel", "juniper", "kiwi", "lemon", "mango",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckParameters:
    """What may differ from one run of the checks to the next.

    Attributes:
        servers: The names of seven servers. The first is the server under test, tom in the text of a check.
        keys: What replaces each of `KEYS` in the commands of a check.
        values: What replaces each of `VALUES` in the commands of a check.
        entries_before: How many entries are on the disk before the log of a check; every index grows by it.
        terms_before: The term of the last of these entries; every term grows by it. It is 0 without such entries, because
            a server without a log is in term 0.
        delay_s: How long a message takes, in seconds.
        pace: A factor for waits whose length no rule prescribes, such as the time between two calls of a fake leader.
        seed: The seed of the run, from which the Node's random numbers come.
    """

    servers: tuple[str, ...] = SERVER_NAMES
    keys: tuple[str, ...] = KEYS
    values: tuple[str, ...] = VALUES
    entries_before: int = 0
    terms_before: int = 0
    delay_s: float = 0.2
    pace: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that a correct Node can pass with these parameters.

        Raises:
            ValueError: It cannot.
        """
        for name, words, count in (
            ("servers", self.servers, len(SERVER_NAMES)),
            ("keys", self.keys, len(KEYS)),
            ("values", self.values, len(VALUES)),
        ):
            if len(words) != count or len(set(words)) != count:
                raise ValueError(f"{name} should be {count} different words, not {words}")
        if self.entries_before < 0 or self.terms_before < 0 or (self.terms_before and not self.entries_before):
            raise ValueError(
                "terms_before is the term of the last entry before a check's own, so it needs entries_before; "
                f"got entries_before={self.entries_before}, terms_before={self.terms_before}"
            )
        if not 0 < self.delay_s <= 0.4:
            raise ValueError(f"delay_s should be above 0 and at most 0.4 seconds, not {self.delay_s}")
        if not 0.5 <= self.pace <= 1:
            raise ValueError(f"pace should be from 0.5 to 1, not {self.pace}: checks call more often than each timeout")

    @classmethod
    def draw(cls, stream: RandomStream) -> CheckParameters:
        """Draw parameters with which a correct Node passes; the same stream gives the same ones.

        In one of four draws there are no entries before those of a check, so that a log may be empty and a term 0.
        """
        before = stream.randint(1, 6) if stream.randint(1, 4) > 1 else 0
        return cls(
            servers=_sample(stream, OTHER_SERVERS, len(SERVER_NAMES)),
            keys=_sample(stream, OTHER_KEYS, len(KEYS)),
            values=_sample(stream, [str(number) for number in range(10, 100)], len(VALUES)),
            entries_before=before,
            terms_before=stream.randint(1, 60) if before else 0,
            delay_s=stream.randint(5, 35) / 100,
            pace=stream.randint(12, 20) / 20,
            seed=stream.randint(1, 1_000_000),
        )


def _sample(stream: RandomStream, words: Sequence[str], count: int) -> tuple[str, ...]:
    """Draw so many different words."""
    left = list(words)
    return tuple(left.pop(stream.randint(0, len(left) - 1)) for _ in range(count))


DEFAULTS = CheckParameters()
