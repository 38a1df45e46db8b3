"""A scenario: everything that decides a run, as data that one line of text holds.

    raft-steps 1; step 6; servers tom jerry spike; seed 7; at 12 crash leader; at 30 restart crashed; until 60

The same scenario gives the same trace, byte for byte. Parts that are not said have defaults. As JSON it is one object
with the same words. Times are seconds of virtual time; inside, they are whole microseconds.

    step N                     which step's Node runs (absent when a Node class is given beside the scenario)
    servers NAME…              who takes part; `later NAME…` names those that are not started at first
    seed N                     the seed of every stream of chance
    leader NAME                who is told to lead at its first start (`leader -`: nobody)
    timing post|paper          heartbeats and timeouts, see `TIMINGS`
    delay LOW HIGH             how long a message takes, in seconds
    spread even|long           how times between the two are drawn; with a long tail, some take up to 50 times longer
    loss P, duplicate P, reorder P     the share of messages that are lost, arrive twice, are held back
    log NAME TERM "COMMAND"…   what a server's disk holds at first
    clock NAME RATE            how fast a server's clock runs: at 1.1 its timers run out after 10/11 of their time
    draws NAME SECONDS…        the first values that a server's random draws, before chance takes over
    at SECONDS VERB …          an action, see `VERBS`
    until SECONDS              when the run ends
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario import grammar
from raft_steps.lab.scenario.validation import check_scenario

VERSION = 1
MICROSECONDS = 1_000_000  # in a second of virtual time
SERVER_NAMES = ("tom", "jerry", "spike", "tyke", "butch", "nibbles", "toodles")
TARGETS = ("leader", "followers", "crashed")  # resolved when the action happens

# What an action needs after its verb, for people.
VERBS: Mapping[str, str] = {
    "crash": "SERVER…",
    "lose": "SERVER… (crash in its next event, and nothing of that event is on disk)",
    "tear": "SERVER… (crash in its next event, and its last write is only half on disk)",
    "restart": "SERVER…",
    "pause": "SERVER…",
    "resume": "SERVER…",
    "timeout": "SERVER… (its election timer runs out now)",
    "partition": "SERVER… | SERVER… (those that are not named are one more side together)",
    "cut": "FROM>TO (one way only)",
    "heal": "",
    "drop": "MESSAGE, such as tom>jerry#7",
    "hold": "MESSAGE SECONDS (it arrives so many seconds later)",
    "duplicate": "MESSAGE (a copy of it arrives, too)",
    "loss": "SHARE (from now on the network loses this share of the messages)",
    "delay": "LOW HIGH (from now on messages take so many seconds)",
    "set": "KEY VALUE [to SERVER]",
    "delete": "KEY [to SERVER]",
    "get": "KEY [to SERVER]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How fast a cluster lives, in seconds."""

    heartbeat_interval: float
    election_timeout_range: tuple[float, float]
    delay: tuple[float, float]
    patience: float  # how long a client waits for its answer


TIMINGS: Mapping[str, Timing] = {
    # The post's whole seconds; a message takes so long that equal timeouts always split the vote.
    "post": Timing(heartbeat_interval=5, election_timeout_range=(8, 18), delay=(0.2, 0.3), patience=20),
    "paper": Timing(heartbeat_interval=0.05, election_timeout_range=(0.15, 0.3), delay=(0.001, 0.01), patience=2),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that happens to the cluster.

    Attributes:
        at: When, in microseconds.
        verb: One of `VERBS`.
        words: What follows the verb.
    """

    at: int
    verb: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that decides a run; the module's docstring explains each part."""

    step: int | None = None
    servers: tuple[str, ...] = SERVER_NAMES[:3]
    later: tuple[str, ...] = ()
    seed: int = 0
    leader: str | None = None
    timing: str = "post"
    delay: tuple[float, float] | None = None
    spread: str = "even"
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    logs: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    clocks: Mapping[str, float] = field(default_factory=dict)
    draws: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    until: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be run.

        Raises:
            ScenarioError: Says which part, and what would be right.
        """
        check_scenario(self)

    @property
    def last_action(self) -> int:
        """When the last action happens, in microseconds; 0 without actions."""
        return max((action.at for action in self.actions), default=0)

    @property
    def end(self) -> int:
        """When the run ends, in microseconds: as it is said, or with the last action."""
        return self.until if self.until is not None else self.last_action + 1

    def to_text(self) -> str:
        """Spell the scenario as one line."""
        return grammar.spell(self)

    def to_json(self) -> str:
        """Spell the scenario as one JSON object on one line."""
        data = {key: value for key, value in grammar.as_data(self).items() if value not in (None, [], {})}
        return json.dumps({"version": VERSION} | data, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Read a scenario from its line of text, or from JSON.

        Raises:
            ScenarioError: Says which part cannot be read, and what would be right.
        """
        text = text.strip()
        parts = grammar.parts_of_json(text) if text.startswith("{") else grammar.parts_of_line(text)
        version = parts.pop("version", None)
        if version is None:
            raise ScenarioError(
                f"a scenario begins with its version, as in: raft-steps {VERSION}; step 6; servers tom jerry"
            )
        if version != VERSION:
            raise ScenarioError(f"this scenario is of version {version!r}; this laboratory reads version {VERSION}")
        unknown = [name for name in parts if name not in {f.name for f in dataclasses.fields(cls)}]
        if unknown:
            raise ScenarioError(f"a scenario has no {unknown[0]!r}{nearest(unknown[0], cls.__dataclass_fields__)}")
        return cls(**parts)


def sides_of(words: Iterable[str]) -> list[list[str]]:
    """Give the sides that the words of a partition name."""
    sides: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            sides.append([])
        else:
            sides[-1].append(word)
    return sides


def nearest(word: str, known: Any) -> str:
    """Say which known word was probably meant, as the end of a sentence; nothing when none is near."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def default_scenario(
    step: int | None,
    servers: int | tuple[str, ...] | None = None,
    *,
    node_class: type | None = None,
    **parts: Any,
) -> Scenario:
    """Begin a scenario with the defaults that suit a Node: how many servers, and who is told to lead.

    A Node that knows no AppendEntries is alone; one that knows it, but no election, is told who leads.

    Args:
        step: The step whose Node runs, or None with a class.
        servers: How many servers, or their names.
        node_class: The Node class, when it is not a step's.
        parts: Other parts of the scenario.

    Raises:
        ScenarioError: A part is not what it should be.
        LookupError: There is no such step.
    """
    if step is not None:
        from raft_steps import node

        node_class = node(step)
    if servers is None:
        servers = 3 if node_class is None or hasattr(node_class, "on_append_entries") else 1
    names = server_names(servers) if isinstance(servers, int) else tuple(servers)
    knows_leader, elects = hasattr(node_class, "on_append_entries"), hasattr(node_class, "on_election_timeout")
    if "leader" not in parts and knows_leader and not elects and names:
        parts["leader"] = names[0]
    return Scenario(step=step, servers=names, **parts)


def server_names(count: int) -> tuple[str, ...]:
    """Name this many servers."""
    if count < 1:
        raise ScenarioError(f"a cluster has at least one server, not {count}")
    return SERVER_NAMES[:count] + tuple(f"s{number}" for number in range(len(SERVER_NAMES) + 1, count + 1))


def seconds(time: int) -> str:
    """Spell microseconds as seconds, without zeros that say nothing."""
    return f"{time / MICROSECONDS:.6f}".rstrip("0").rstrip(".")


def microseconds(value: float | str) -> int:
    """Turn seconds into whole microseconds.

    Raises:
        ScenarioError: It is no number, or negative.
    """
    try:
        time = round(float(value) * MICROSECONDS)
    except (ValueError, OverflowError, TypeError) as error:
        raise ScenarioError(f"{value!r} is no number of seconds") from error
    if time < 0:
        raise ScenarioError(f"{value} s lies before the start, which is 0 s")
    return time
