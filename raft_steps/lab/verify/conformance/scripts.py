"""Scripts: generators of actions that are too many for a scenario file, or that depend on the seed.

    script writes from 2 count 50 every 0.01 key a value 1 length 0 to tom
        set a1 to 1, a2 to 2, and so on; `value` is the first value, `length` pads values with zeros, `to` asks one server
    script isolations from 2 rounds 9 every 3 alone 3 for 2.2
        in each round, `alone` servers are cut off from all others for `for` seconds
    script crashes from 2 rounds 5 every 8
        two servers crash, and the others agree; the others crash, and the two return with one of them; then the rest
    script eight from 2 count 1000 short 0.0065 long 0.25 fault crash
        Figure 8: a client writes; after a random time, mostly a short one, the leader crashes, or is cut off with
        `fault cut`; sometimes a server returns
    script compactions from 1 rounds 6 every 0.4 fault cut
        in each round 5 to 14 writes, then every server takes a snapshot; meanwhile, with `fault` cut or crash, one
        server is cut off or down, and with `fault` all, all crash after it and restart
    script clients from 1 clients 5 requests 8 every 0.05 key x
        each client sends one request after the other: it appends what nobody else appends, in a session, or reads
    script splits from 1 rounds 4 every 0.5
        in each round the servers are split at random
    script churn from 2 rounds 20 every 0.35
        in each round a server may be cut off, may crash, and all may return, while three clients write

The same seed gives the same actions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import MICROSECONDS, TIME_MAX_S, Action, parse_number, parse_whole_number
from raft_steps.lab.text import nearest, plural

Servers = tuple[str, ...]
COUNT_MAX = 100_000  # of rounds, writes, or digits


@dataclass(frozen=True, slots=True)
class Script:
    """A generator of actions with its settings.

    Attributes:
        name: The name of the script.
        settings: The settings, each a name and a word.
    """

    name: str
    settings: tuple[tuple[str, str], ...]

    def actions(self, seed: int, servers: Servers) -> list[Action]:
        """Generate the actions for a seed.

        Args:
            seed: The seed of the script's random numbers.
            servers: The names of the servers.
        """
        generated = SCRIPTS[self.name](RandomStream(seed, f"catalogue/{self.name}"), servers, **_values(self))
        return [Action(round(at_s * MICROSECONDS), verb, words) for at_s, verb, words in generated]


def read_script(text: str) -> Script:
    """Parse what follows `script` in a scenario file.

    Raises:
        ScenarioError: There is no such script, or a setting is unknown or not a number.
    """
    name, *words = text.split() or [""]
    if name not in SCRIPTS:
        raise ScenarioError(f"there is no script {name!r}{nearest(name, SCRIPTS)}")
    script = Script(name, tuple(zip(words[::2], words[1::2], strict=False)))
    known = list(inspect.signature(SCRIPTS[name]).parameters)[2:]
    unknown = [setting.rstrip("_") for setting in _names(script) if setting not in known]
    if unknown or len(words) % 2:
        what = f"no {unknown[0]!r}" if unknown else "nothing after its last word"
        raise ScenarioError(f"script {name} has {what}; it has {', '.join(each.rstrip('_') for each in known)}")
    _values(script)  # An error in a value is an error of this line of the file.
    return script


def _names(script: Script) -> list[str]:
    return [_argument(name) for name, _ in script.settings]


def _argument(name: str) -> str:
    """Return the name of a setting's argument: `from` and `for` are keywords of Python."""
    return f"{name}_" if name in ("from", "for") else name


def _values(script: Script) -> dict[str, float | int | str]:
    """Convert each word to the type of the script's argument."""
    parameters = inspect.signature(SCRIPTS[script.name], eval_str=True).parameters
    found: dict[str, float | int | str] = {}
    for name, word in script.settings:
        if _argument(name) in found:
            raise ScenarioError(f"script {script.name} has {name} twice")
        kind = parameters[_argument(name)].annotation
        found[_argument(name)] = _value(word, kind, f"script {script.name}: {name}")
    return found


def _value(word: str, kind: Any, where: str) -> float | int | str:
    """Convert a word to the type of an argument."""
    if kind is str:
        return word
    choices = get_args(kind)
    if choices:
        if word not in choices:
            raise ScenarioError(f"{where} is {' or '.join(choices)}, not {word!r}")
        return word
    try:
        value = parse_whole_number(word) if kind is int else parse_number(word)
    except ValueError as error:
        raise ScenarioError(f"{where} is a {'whole number' if kind is int else 'number'}, not {word!r}") from error
    if not 0 <= value <= (COUNT_MAX if kind is int else TIME_MAX_S):
        raise ScenarioError(f"{where} is from 0 to {COUNT_MAX if kind is int else TIME_MAX_S:,}, not {word}")
    return value


# An action of a script: the time in seconds, the verb and its words.
ScriptAction = tuple[float, str, tuple[str, ...]]


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
) -> Iterator[ScriptAction]:
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
) -> Iterator[ScriptAction]:
    for number in range(rounds):
        at_s, chosen = from_ + number * every, _choose(chance, servers, alone)
        yield at_s, "partition", tuple(word for name in chosen for word in (name, "|"))[:-1]
        yield at_s + for_, "heal", ()


def _crashes(
    chance: RandomStream, servers: Servers, *, from_: float = 2, rounds: int = 5, every: float = 8
) -> Iterator[ScriptAction]:
    if len(servers) < 3:
        raise ScenarioError(f"the script needs 3 servers, and there are {len(servers)}")
    for number in range(rounds):
        at_s, two = from_ + number * every, _choose(chance, servers, 2)
        others = tuple(name for name in servers if name not in two)
        yield at_s, "crash", tuple(two)
        yield at_s + 2, "set", ("a", f"{number}a")
        yield at_s + 2.5, "crash", others
        yield at_s + 3, "restart", (*two, others[0])
        yield at_s + 5.5, "set", ("a", f"{number}b")
        yield at_s + 6, "restart", others[1:]
        yield at_s + 7, "set", ("a", f"{number}c")


def _figure_eight(
    chance: RandomStream,
    servers: Servers,
    *,
    from_: float = 1,
    count: int = 1000,
    short: float = 0.0065,
    long: float = 0.25,
    fault: Literal["crash", "cut"] = "crash",
) -> Iterator[ScriptAction]:
    at_s = from_
    for number in range(count):
        yield at_s, "set", ("a", str(number))
        at_s += chance.uniform(0, long if chance.random() < 0.1 else short)
        if fault == "crash":
            yield at_s, "crash", ("leader",)
            if chance.random() < 0.5:
                yield at_s, "restart", (chance.choice(servers),)
        elif chance.random() < 0.5:
            yield at_s, "cut", ("leader>followers",)
            yield at_s, "cut", ("followers>leader",)
        elif chance.random() < 0.2:
            yield at_s, "heal", ()


def _churn(
    chance: RandomStream, servers: Servers, *, from_: float = 1, rounds: int = 20, every: float = 0.35
) -> Iterator[ScriptAction]:
    for number in range(rounds):
        at_s = from_ + number * every
        for client in ("x", "y", "z"):
            for write in range(3):
                yield at_s + every * (write + chance.random()) / 3, "set", (f"{client}{number}{write}", str(number))
        if chance.random() < 0.2:
            yield at_s, "partition", (chance.choice(servers),)
        if chance.random() < 0.5:
            yield at_s + every / 3, "restart", ("crashed",)
            yield at_s + every / 3, "heal", ()
        if chance.random() < 0.2:
            yield at_s + every / 2, "crash", (chance.choice(servers),)


def _compactions(
    chance: RandomStream,
    servers: Servers,
    *,
    from_: float = 1,
    rounds: int = 6,
    every: float = 0.4,
    fault: Literal["none", "cut", "crash", "all"] = "none",
) -> Iterator[ScriptAction]:
    for number in range(rounds):
        at_s, victim = from_ + number * every, chance.choice(servers)
        if fault in ("cut", "crash"):
            yield at_s, "partition" if fault == "cut" else "crash", (victim,)
        writes = chance.randint(5, 14)
        for write in range(writes):  # After an election, if the victim led.
            yield at_s + every * (0.8 + 0.1 * write / writes), "set", (f"c{write}", f"{number}.{write}")
        yield at_s + every * 0.95, "snapshot", servers
        if fault == "all":
            yield at_s + every * 0.97, "crash", servers
        yield at_s + every * 0.98, "heal", ()
        if fault in ("crash", "all"):
            yield at_s + every * 0.98, "restart", ("crashed",)


def _clients(
    chance: RandomStream,
    _servers: Servers,
    *,
    from_: float = 1,
    clients: int = 5,
    requests: int = 8,
    every: float = 0.05,
    key: str = "x",
) -> Iterator[ScriptAction]:
    for client in range(1, clients + 1):
        for number in range(requests):
            at_s = from_ + every * (number + chance.random())
            if number and chance.random() < 0.4:
                yield at_s, "retry", ("get", key)
            else:
                yield at_s, "retry", ("append", key, f"{client}.{number},", "as", f"client{client}")


def _splits(
    chance: RandomStream, servers: Servers, *, from_: float = 1, rounds: int = 4, every: float = 0.5
) -> Iterator[ScriptAction]:
    for number in range(rounds):
        side = [server for server in servers if chance.random() < 0.5]
        yield from_ + number * every, "partition", tuple(side) or servers[:1]


def _choose(chance: RandomStream, servers: Servers, count: int) -> list[str]:
    """Choose this many different servers.

    Raises:
        ScenarioError: There are not as many.
    """
    left = list(servers)
    if count > len(left):
        raise ScenarioError(f"the script needs {plural(count, 'server')}, and there are {len(left)}")
    return [left.pop(chance.randint(0, len(left) - 1)) for _ in range(count)]


SCRIPTS: Mapping[str, Callable[..., Iterator[ScriptAction]]] = {
    "writes": _writes,
    "isolations": _isolations,
    "crashes": _crashes,
    "eight": _figure_eight,
    "churn": _churn,
    "compactions": _compactions,
    "clients": _clients,
    "splits": _splits,
}
