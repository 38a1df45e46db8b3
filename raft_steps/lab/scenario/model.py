"""The parts of a scenario as plain data: its fields and their defaults, actions, timings, and units of time.

Nothing here is validated, so that the grammar and the validation can both build on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from raft_steps.lab.errors import ScenarioError

VERSION = 1  # of the grammar
MICROSECONDS = 1_000_000  # in a second of virtual time
TIME_MAX_S = 1_000_000_000  # of a run: 31 years
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,600}")  # more digits than a run needs, and fewer than Python refuses
SERVER_NAMES = ("tom", "jerry", "spike", "tyke", "butch", "nibbles", "toodles")
NAMELESS_CLIENT = "client#"  # how the address of a client begins that has no name, and no session
TARGETS = ("leader", "followers", "crashed")  # resolved to servers when the action happens
StoredLog = tuple[tuple[int, str], ...]  # the log on a disk before the run: the term and the command of each entry

# Each action's verb, and the arguments that follow it, as error messages show them.
VERBS: Mapping[str, str] = {
    "crash": "SERVER…",
    "lose": "SERVER… (crash in its next event, and nothing of that event is on disk)",
    "tear": "SERVER… (crash in its next event, and its last write is only half on disk)",
    "restart": "SERVER…",
    "pause": "SERVER…",
    "resume": "SERVER…",
    "timeout": "SERVER… (its election timer runs out now)",
    "snapshot": "SERVER… (it compacts its log now: its Node takes a snapshot)",
    "partition": "SERVER… | SERVER… (servers that are not named form one more side)",
    "cut": "FROM>TO (one way only)",
    "heal": "",
    "drop": "MESSAGE, such as tom>jerry#7",
    "hold": "MESSAGE SECONDS (it arrives SECONDS later)",
    "duplicate": "MESSAGE (a copy of it arrives as well)",
    "loss": "SHARE (from now on the network loses this share of all messages)",
    "delay": "LOW HIGH (from now on a message takes LOW to HIGH seconds)",
    "set": "KEY VALUE [as SESSION.SERIAL] [to SERVER]",
    "delete": "KEY [as SESSION.SERIAL] [to SERVER]",
    "append": "KEY VALUE [as SESSION.SERIAL] [to SERVER]",
    "cas": "KEY EXPECTED VALUE [as SESSION.SERIAL] [to SERVER]",
    "get": "KEY [to SERVER]",
    "open": "session [to SERVER]",
    "transfer": "SERVER [to LEADER] (the leader is asked to let this server lead)",
    "members": "SERVER,SERVER,… [to SERVER] (a client asks for these voters)",
    "add": "SERVER [to SERVER] (a client asks for the present voters and this one)",
    "remove": "SERVER [to SERVER] (a client asks for the present voters without this one)",
    "retry": "REQUEST [as CLIENT] [to SERVER] (until it is answered, by other servers too; as CLIENT: in its session)",
}
# The verbs of a client's request, and how many words a request has after its verb.
REQUESTS: Mapping[str, int] = {
    "set": 2, "delete": 1, "append": 2, "cas": 3, "get": 1, "open": 1, "transfer": 1,
    "members": 1, "add": 1, "remove": 1,
}  # fmt: skip
CHANGES = ("add", "remove")  # those that become a `members` when they are sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The durations of a cluster, in seconds; the first two set the fields of the same name of every Node."""

    heartbeat_interval: float
    election_timeout_range: tuple[float, float]
    delay: tuple[float, float]
    patience: float  # how long a client waits for its answer


TIMINGS: Mapping[str, Timing] = {
    # The whole seconds of the post that the course follows. Messages take so long that equal timeouts split every vote.
    "post": Timing(heartbeat_interval=5, election_timeout_range=(8, 18), delay=(0.2, 0.3), patience=20),
    "paper": Timing(heartbeat_interval=0.05, election_timeout_range=(0.15, 0.3), delay=(0.001, 0.01), patience=2),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that is done to the cluster.

    Attributes:
        at_us: The time, in microseconds.
        verb: One of `VERBS`.
        words: The arguments of the verb.
    """

    at_us: int
    verb: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioData:
    """The fields of a scenario, not validated; `raft_steps.lab.scenario.scenario` explains each."""

    step: int | None = None
    servers: tuple[str, ...] = SERVER_NAMES[:3]
    later: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    seed: int = 0
    leader: str | None = None
    timing: str = "post"
    delay: tuple[float, float] | None = None
    spread: str = "even"
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    logs: Mapping[str, StoredLog] = field(default_factory=dict)
    clocks: Mapping[str, float] = field(default_factory=dict)
    draws: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    until_us: int | None = None

    @property
    def first_members(self) -> tuple[str, ...]:
        """The servers that make up the cluster at first."""
        return self.members or self.servers

    @property
    def last_action_us(self) -> int:
        """When the last action happens, in microseconds; 0 without actions."""
        return max((action.at_us for action in self.actions), default=0)

    @property
    def end_us(self) -> int:
        """When the run ends, in microseconds: at `until_us`, or else one microsecond after the last action."""
        return self.until_us if self.until_us is not None else self.last_action_us + 1


@dataclass(frozen=True, slots=True)
class RequestWords:
    """The words of a client's request.

    Attributes:
        request: The request: its verb, and what belongs to it.
        sender: Who sends it: a session and a serial number, or the name of a client that has a session; "" for nobody.
        receiver: The server that is asked; "" for the leader.
    """

    request: tuple[str, ...]
    sender: str
    receiver: str


def request_words(verb: str, words: tuple[str, ...]) -> RequestWords | None:
    """Split an action of a client into its parts: ``retry set x 1 as ann to tom``; None if it does not have that form."""
    if verb == "retry" and words:
        verb, *rest = words
        words = tuple(rest)
    if verb not in REQUESTS or len(words) < REQUESTS[verb]:
        return None
    count = REQUESTS[verb]
    match words[count:]:
        case ():
            sender, receiver = "", ""
        case ("to", receiver):
            sender = ""
        case ("as", sender):
            receiver = ""
        case ("as", sender, "to", receiver):
            pass
        case _:
            return None
    return RequestWords((verb, *words[:count]), sender, receiver)


def sides_of(words: Iterable[str]) -> list[list[str]]:
    """Return the sides of a partition: the servers between its bars."""
    sides: list[list[str]] = [[]]
    for word in words:
        if word == "|":
            sides.append([])
        else:
            sides[-1].append(word)
    return sides


def server_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` servers: the first seven have names of their own, the others are s8, s9 and so on.

    Raises:
        ScenarioError: `count` is less than 1.
    """
    if count < 1:
        raise ScenarioError(f"a cluster has at least one server, not {count}")
    return SERVER_NAMES[:count] + tuple(f"s{number}" for number in range(len(SERVER_NAMES) + 1, count + 1))


def format_seconds(time_us: int) -> str:
    """Format microseconds as seconds, without trailing zeros."""
    return f"{time_us / MICROSECONDS:.6f}".rstrip("0").rstrip(".")


def parse_whole_number(word: str) -> int:
    """Parse a whole number as it is written: `1_000` and digits of other scripts, which Python reads, are not.

    Raises:
        ValueError: It is not a whole number.
    """
    if WHOLE_NUMBER.fullmatch(word) is None:
        raise ValueError(f"{word!r} is not a whole number")
    return int(word)


def parse_number(word: str, *, keep_whole: bool = False) -> float:
    """Parse a number as it is written.

    Args:
        word: The number.
        keep_whole: Whether a whole one becomes an int: `draws jerry 11` is formatted as 11 again, not as 11.0.

    Raises:
        ValueError: It is not a number.
    """
    if "_" in word or not word.isascii():
        raise ValueError(f"{word!r} is not a number")
    return int(word) if keep_whole and WHOLE_NUMBER.fullmatch(word) else float(word)


def parse_seconds(value: float | str) -> int:
    """Parse a number of seconds and return it in whole microseconds.

    Raises:
        ScenarioError: It is not a number, it is negative, or it is more than `TIME_MAX_S`.
    """
    try:
        seconds = parse_number(value) if isinstance(value, str) else float(value)
    except (ValueError, OverflowError, TypeError) as error:
        raise ScenarioError(f"{value!r} is not a number of seconds") from error
    if isinstance(value, bool) or math.isnan(seconds):
        raise ScenarioError(f"{value!r} is not a number of seconds")
    if seconds < 0:
        raise ScenarioError(f"{value} s lies before the start, which is 0 s")
    if seconds > TIME_MAX_S:
        raise ScenarioError(f"{value} s is too late: a run lasts at most {TIME_MAX_S:,} s")
    return round(seconds * MICROSECONDS)
