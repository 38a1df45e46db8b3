"""The scope of a search: what may happen, and how often. Nothing else happens.

timeouts     {"election": 2, "each heartbeat": 1, "tom election": 1}: how often timers may run out: in all, on each
             server, or on one. A timer without a bound never runs out, unless it was started for zero seconds: then
             it runs out without a bound, now or after other events, all of which may be of the same moment. Several
             bounds of one timer all count.
crashes      1, or {"tom": 1}: how often servers may crash, in all or one by one
restarts     True, False, or the servers that may restart
snapshots    how often servers whose Node has `take_snapshot` may take one, in all
drops        how many messages may be lost
duplicates   how often a message may arrive and stay in flight as well
commands     ("set x 1", "set y 2 to tom"): what clients may ask, each once and in any order, of any server that
             believes that it leads, or of the server that is named
cut          ("tom>jerry", "spike"): links that carry nothing, or servers all of whose links carry nothing
only         ("tom>jerry", "jerry>tom"): the links that carry something; all of them by default
messages     ("RequestVote", "RequestVoteReply"): the messages that may arrive; all of them by default
in_flight    how many messages may be in flight; successors with more are pruned
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
    snapshots: int = 0
    drops: int = 0
    duplicates: int = 0
    commands: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    messages: tuple[str, ...] | None = None
    in_flight: int | None = None

    def __post_init__(self) -> None:
        """Check the bounds, and that no string stands in place of a tuple.

        Raises:
            ScenarioError: A part is wrong; the message names it.
        """
        crashes = {f"crashes of {name}" if name else "crashes": bound for name, bound in self.crash_bounds().items()}
        timeouts = {f"timeouts of {timer}": bound for timer, bound in self.timeouts.items()}
        faults = {"drops": self.drops, "duplicates": self.duplicates}
        bounds = {"snapshots": self.snapshots, **faults, **timeouts, **crashes}
        for name, bound in bounds.items():
            if type(bound) is not int or bound < 0:
                raise ScenarioError(f"the number of {name} is 0 or more, not {bound!r}")
        for name in ("commands", "cut", "only", "messages"):
            value = getattr(self, name)
            if isinstance(value, str):  # ("set x 1") without a comma is a string, whose characters would be read.
                raise ScenarioError(f"{name} = {value!r} lacks its comma: write ({value!r},)")
        if self.in_flight is not None and (type(self.in_flight) is not int or self.in_flight < 0):
            raise ScenarioError(f"in_flight is a number of messages, not {self.in_flight!r}")

    def crash_bounds(self) -> dict[str, int]:
        """Return how often each server may crash; the name "" stands for all servers together."""
        return {"": self.crashes} if isinstance(self.crashes, int) else dict(self.crashes)

    def timer_bounds(self, servers: tuple[str, ...]) -> Iterator[tuple[str | None, str, int]]:
        """Yield the bounds of timers: the server, or None for all together; the timer; how often it may run out.

        Raises:
            ScenarioError: A bound is for an unknown server.
        """
        for key, bound in self.timeouts.items():
            server, _, timer = key.rpartition(" ")
            if not server:
                yield None, timer, bound
            elif server == "each":
                yield from ((each, timer, bound) for each in servers)
            else:
                yield check_server(server, servers), timer, bound

    def requests(self, servers: tuple[str, ...]) -> list[tuple[Request, str | None]]:
        """Return the requests of the clients, each with the server that is asked; None for any server that leads.

        Raises:
            ScenarioError: A command cannot be read, or asks an unknown server.
        """
        return [_parse_request(text, servers) for text in self.commands]

    def named_servers(self, servers: tuple[str, ...]) -> frozenset[str]:
        """Return the servers that the scope names, and so may treat differently from the others."""
        words = [*self.cut, *(self.only or ()), *(self.restarts if isinstance(self.restarts, tuple) else ())]
        found = {name for word in words for name in word.split(">")}
        found |= {key.rpartition(" ")[0] for key in self.timeouts} | set(self.crash_bounds())
        found |= {server for _, server in self.requests(servers) if server is not None}
        return frozenset(found & set(servers))

    def blocked_links(self, servers: tuple[str, ...]) -> frozenset[tuple[str, str]]:
        """Return the links that carry nothing, as pairs of sender and receiver.

        Raises:
            ScenarioError: A link is that of an unknown server.
        """
        cut = frozenset(link for word in self.cut for link in _parse_links(word, servers))
        if self.only is None:
            return cut
        links = {(a, b) for a in servers for b in servers if a != b}
        return frozenset(links - {link for word in self.only for link in _parse_links(word, servers)} | cut)


def _parse_links(word: str, servers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Parse ``tom>jerry``, or ``tom`` for all of its links in both directions."""
    sender, arrow, receiver = word.partition(">")
    if arrow:
        return [(check_server(sender, servers), check_server(receiver, servers))]
    check_server(word, servers)
    return [link for other in servers if other != word for link in ((word, other), (other, word))]


def _parse_request(text: str, servers: tuple[str, ...]) -> tuple[Request, str | None]:
    """Parse ``set x 1`` or ``set x 1 to tom``.

    Raises:
        ScenarioError: It cannot be read, or asks an unknown server.
    """
    command, found, server = text.rpartition(" to ")
    if found and server in servers:
        return parse_command(command), server
    words = text.split()
    if len(words) > 2 and words[-2] == "to" and words[0] != "set":  # A value to set may well be "go to jery".
        return command_of_words(*words[:-2]), check_server(words[-1], servers)
    return parse_command(text), None


def check_server(server: str, servers: tuple[str, ...]) -> str:
    """Return the server's name, if there is a server of that name.

    Raises:
        ScenarioError: There is no such server.
    """
    if server not in servers:
        raise ScenarioError(f"there is no server {server!r}{nearest(server, servers)}")
    return server
