"""The scope of a search: what may happen, and how often. Whatever is not allowed here does not happen.

timeouts     {"election": 2, "each heartbeat": 1, "tom election": 1}: how often timers may run out: in all, on each
             server, or on one. A timer that is not named never runs out; one that is named twice keeps both bounds.
crashes      1, or {"tom": 1}: how often servers may crash, in all or one by one
restarts     True, False, or the servers that may come back
drops        how many messages may be lost
duplicates   how often a message may arrive and stay on its way as well
commands     ("set x 1", "set y 2 to tom"): what clients may ask, each once and in any order, of any server that
             believes to lead or of the one that is named
cut          ("tom>jerry", "spike"): links that carry nothing, or servers that hear and are heard by nobody
only         ("tom>jerry", "jerry>tom"): the links that carry something; all of them by default
messages     ("RequestVote", "RequestVoteReply"): what may arrive; everything by default
in_flight    how many messages may be on their way; a state with more is not gone on from, and counted as pruned
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from raft_steps.lab.commands import Request, command_of_words, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What may happen in a search; the module's docstring explains each part."""

    timeouts: Mapping[str, int] = field(default_factory=dict)
    crashes: int | Mapping[str, int] = 0
    restarts: bool | tuple[str, ...] = True
    drops: int = 0
    duplicates: int = 0
    commands: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    messages: tuple[str, ...] | None = None
    in_flight: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is no bound.

        Raises:
            ScenarioError: A part is not of its kind; says which.
        """
        bounds = {"drops": self.drops, "duplicates": self.duplicates, **self.timeouts, **self.crashes_by_name()}
        for name, bound in bounds.items():
            if type(bound) is not int or bound < 0:
                raise ScenarioError(f"how often {name} may happen is a number from 0 on, not {bound!r}")
        for name in ("commands", "cut", "only", "messages"):
            if isinstance(getattr(self, name), str):
                raise ScenarioError(
                    f"{name} = {getattr(self, name)!r} lacks its comma: write ({getattr(self, name)!r},)"
                )
        if self.in_flight is not None and (type(self.in_flight) is not int or self.in_flight < 0):
            raise ScenarioError(f"in_flight is a number of messages, not {self.in_flight!r}")

    def crashes_by_name(self) -> dict[str, int]:
        """Give how often each server may crash; the name "" is for all together."""
        return {"": self.crashes} if isinstance(self.crashes, int) else dict(self.crashes)

    def timers(self, servers: tuple[str, ...]) -> Iterator[tuple[str | None, str, int]]:
        """Read the bounds of timers: the server or None, the timer, and how often.

        Raises:
            ScenarioError: A bound names no server.
        """
        for key, bound in self.timeouts.items():
            who, _, timer = key.rpartition(" ")
            if not who:
                yield None, timer, bound
            elif who == "each":
                yield from ((server, timer, bound) for server in servers)
            else:
                yield known(who, servers), timer, bound

    def requests(self, servers: tuple[str, ...]) -> list[tuple[Request, str | None]]:
        """Read the commands: what is asked, and the server that is asked, None for whoever leads.

        Raises:
            ScenarioError: A command cannot be read, or names no server.
        """
        return [read_command(text, servers) for text in self.commands]

    def named(self, servers: tuple[str, ...]) -> frozenset[str]:
        """Name the servers that the scope treats unlike the others."""
        words = [*self.cut, *(self.only or ()), *(self.restarts if isinstance(self.restarts, tuple) else ())]
        found = {name for word in words for name in word.split(">")}
        found |= {key.rpartition(" ")[0] for key in self.timeouts} | set(self.crashes_by_name())
        found |= {server for _, server in self.requests(servers) if server is not None}
        return frozenset(found & set(servers))

    def closed(self, servers: tuple[str, ...]) -> frozenset[tuple[str, str]]:
        """Give the links that carry nothing.

        Raises:
            ScenarioError: A link names no server.
        """
        links = {(a, b) for a in servers for b in servers if a != b}
        if self.only is not None:
            links -= {link for word in self.only for link in _links(word, servers)}
            return frozenset(links | {link for word in self.cut for link in _links(word, servers)})
        return frozenset(link for word in self.cut for link in _links(word, servers))


def _links(word: str, servers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Read ``tom>jerry``, or ``tom`` for all links from and to it."""
    sender, arrow, receiver = word.partition(">")
    if arrow:
        return [(known(sender, servers), known(receiver, servers))]
    known(word, servers)
    return [link for other in servers if other != word for link in ((word, other), (other, word))]


def read_command(text: str, servers: tuple[str, ...]) -> tuple[Request, str | None]:
    """Read ``set x 1`` or ``set x 1 to tom``.

    Raises:
        ScenarioError: It cannot be read, or names no server.
    """
    command, found, server = text.rpartition(" to ")
    if found and server in servers:
        return parse_command(command), server
    words = text.split()
    if len(words) > 2 and words[-2] == "to" and words[0] != "set":
        return command_of_words(*words[:-2]), known(words[-1], servers)
    return parse_command(text), None


def known(server: str, servers: tuple[str, ...]) -> str:
    """Give the server's name back, if there is one of that name.

    Raises:
        ScenarioError: There is none.
    """
    if server not in servers:
        raise ScenarioError(f"there is no server {server!r}{nearest(server, servers)}")
    return server
