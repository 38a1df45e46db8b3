"""Scripts: actions that a scenario file does not write out, because they are many, or because chance chooses them.

    script writes from 2 count 50 every 0.01 key a value 1 length 0 to tom
        set a1 to 1, a2 to 2, and so on; `value` begins elsewhere, `length` fills values up, `to` asks one server
    script isolations from 2 rounds 9 every 3 alone 3 for 2.2
        in each round so many servers, each by itself, reach nobody for so long
    script crashes from 2 rounds 5 every 8
        two crash, and the others agree; these crash too, and the two come back with one of them; then the rest
    script eight from 2 count 1000 short 0.0065 long 0.25 fault crash
        Figure 8: write, wait for a moment, mostly a short one, and let the leader crash, or cut it off, as soon as
        there is one; a server comes back now and then
    script churn from 2 rounds 20 every 0.35
        in each round a server may be cut off, may crash, and all may come back, while three clients write

The same seed gives the same actions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.text import nearest

Servers = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """What makes actions.

    Attributes:
        name: Which script.
        settings: How it is set, as names and words.
    """

    name: str
    settings: tuple[tuple[str, str], ...]

    def actions(self, seed: int, servers: Servers) -> list[Action]:
        """Make the actions of a seed.

        Args:
            seed: What chance begins with.
            servers: The names of the servers.
        """
        made = SCRIPTS[self.name](RandomStream(seed, f"catalogue/{self.name}"), servers, **_values(self))
        return [Action(round(at * MICROSECONDS), verb, words) for at, verb, words in made]


def read_script(text: str) -> Script:
    """Read what follows `script` in a scenario file.

    Raises:
        ScenarioError: There is no such script, or it is set wrongly.
    """
    name, *words = text.split()
    if name not in SCRIPTS:
        raise ScenarioError(f"there is no script {name!r}{nearest(name, SCRIPTS)}")
    script = Script(name, tuple(zip(words[::2], words[1::2], strict=False)))
    known = list(inspect.signature(SCRIPTS[name]).parameters)[2:]
    unknown = [setting.rstrip("_") for setting in _names(script) if setting not in known]
    if unknown or len(words) % 2:
        what = f"no {unknown[0]!r}" if unknown else "nothing after its last word"
        raise ScenarioError(f"script {name} has {what}; it has {', '.join(each.rstrip('_') for each in known)}")
    _values(script)
    return script


def _names(script: Script) -> list[str]:
    return [_argument(name) for name, _ in script.settings]


def _argument(name: str) -> str:
    """Spell a setting as Python may spell an argument: `from` and `for` are its own words."""
    return f"{name}_" if name in ("from", "for") else name


def _values(script: Script) -> dict[str, float | int | str]:
    """Turn each word into what its script's annotation asks for."""
    parameters = inspect.signature(SCRIPTS[script.name], eval_str=True).parameters
    found = {}
    for name, word in script.settings:
        kind = parameters[_argument(name)].annotation
        try:
            found[_argument(name)] = kind(word)
        except ValueError as error:
            raise ScenarioError(f"script {script.name}: {name} is a number, not {word!r}") from error
    return found


# What happens, and when, in seconds.
Happening = tuple[float, str, tuple[str, ...]]


def _writes(
    _chance: RandomStream,
    _servers: Servers,
    *,
    from_: float = 2,
    count: int = 10,
    every: float = 0.01,
    key: str = "a",
    value: int = 1,
    length: int = 0,
    to: str = "",
) -> Iterator[Happening]:
    for number in range(count):
        words = (f"{key}{number + 1}", str(value + number).rjust(length, "0"))
        yield from_ + number * every, "set", (*words, "to", to) if to else words


def _isolations(
    chance: RandomStream,
    servers: Servers,
    *,
    from_: float = 2,
    rounds: int = 9,
    every: float = 3,
    alone: int = 3,
    for_: float = 2.2,
) -> Iterator[Happening]:
    for number in range(rounds):
        at, chosen = from_ + number * every, _some(chance, servers, alone)
        yield at, "partition", tuple(word for name in chosen for word in (name, "|"))[:-1]
        yield at + for_, "heal", ()


def _crashes(
    chance: RandomStream, servers: Servers, *, from_: float = 2, rounds: int = 5, every: float = 8
) -> Iterator[Happening]:
    for number in range(rounds):
        at, two = from_ + number * every, _some(chance, servers, 2)
        others = tuple(name for name in servers if name not in two)
        yield at, "crash", tuple(two)
        yield at + 2, "set", ("a", f"{number}a")
        yield at + 2.5, "crash", others
        yield at + 3, "restart", (*two, others[0])
        yield at + 5.5, "set", ("a", f"{number}b")
        yield at + 6, "restart", others[1:]
        yield at + 7, "set", ("a", f"{number}c")


def _eight(
    chance: RandomStream,
    servers: Servers,
    *,
    from_: float = 1,
    count: int = 1000,
    short: float = 0.0065,
    long: float = 0.25,
    fault: str = "crash",
) -> Iterator[Happening]:
    at = from_
    for number in range(count):
        yield at, "set", ("a", str(number))
        at += chance.uniform(0, long if chance.random() < 0.1 else short)
        if fault == "crash":
            yield at, "crash", ("leader",)
            if chance.random() < 0.5:
                yield at, "restart", (chance.choice(servers),)
        elif chance.random() < 0.5:
            yield at, "cut", ("leader>followers",)
            yield at, "cut", ("followers>leader",)
        elif chance.random() < 0.2:
            yield at, "heal", ()


def _churn(
    chance: RandomStream, servers: Servers, *, from_: float = 1, rounds: int = 20, every: float = 0.35
) -> Iterator[Happening]:
    for number in range(rounds):
        at = from_ + number * every
        for client in ("x", "y", "z"):
            for write in range(3):
                yield at + every * (write + chance.random()) / 3, "set", (f"{client}{number}{write}", str(number))
        if chance.random() < 0.2:
            yield at, "partition", (chance.choice(servers),)
        if chance.random() < 0.5:
            yield at + every / 3, "restart", ("crashed",)
            yield at + every / 3, "heal", ()
        if chance.random() < 0.2:
            yield at + every / 2, "crash", (chance.choice(servers),)


def _some(chance: RandomStream, servers: Servers, count: int) -> list[str]:
    """Choose so many servers."""
    left = list(servers)
    return [left.pop(chance.randint(0, len(left) - 1)) for _ in range(count)]


SCRIPTS: Mapping[str, Callable[..., Iterator[Happening]]] = {
    "writes": _writes,
    "isolations": _isolations,
    "crashes": _crashes,
    "eight": _eight,
    "churn": _churn,
}
