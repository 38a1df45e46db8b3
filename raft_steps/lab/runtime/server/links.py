"""The links of a server to all others: numbers messages, and cuts, delays and loses them if a test asks for that."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.hello import Identity
from raft_steps.lab.runtime.server.limited_log import LimitedLog
from raft_steps.lab.runtime.server.message_codec import MessageCodec
from raft_steps.lab.runtime.server.peer_link import PeerLink

LONGEST_DELAY_S = 60.0
MOST_ENCODED = 8  # messages of a turn whose lines are kept; a leader with a full window sends each follower 4


class _Route:
    """One direction between two servers; a message is named ``tom.2>jerry#7``, with the sender's life."""

    def __init__(self, sender: str, life: int, receiver: str) -> None:
        self.sender, self.receiver = sender, receiver
        self.name = f"{sender}.{life}>{receiver}"
        self.count = 0


class Links:
    """Sends messages to the other servers.

    Attributes:
        links: The link to each.
        cut: The servers to which nothing is sent; for tests.
    """

    def __init__(
        self,
        identity: Identity,
        others: Mapping[str, Address],
        codec: MessageCodec,
        *,
        log: LimitedLog,
        recorder: Recorder | None,
    ) -> None:
        """Prepare the links; `start` opens them.

        Args:
            identity: This server.
            others: The addresses of the others.
            codec: Encodes messages.
            log: Writes lines to standard error.
            recorder: Records what is sent, if the run is recorded.
        """
        self.links = {
            name: PeerLink(name, address, identity, log.about(f"the link to {name}"))
            for name, address in others.items()
        }
        self.cut: set[str] = set()
        self._loss, self._delay_s = 0.0, (0.0, 0.0)
        self._routes = {name: _Route(identity.name, identity.life, name) for name in others}
        self._codec, self._recorder = codec, recorder
        self._tasks: list[asyncio.Task[None]] = []
        self._staged: list[tuple[str, int, bytes]] = []  # receiver, number and line of what leaves with `flush`
        self._encoded: list[tuple[object, bytes]] = []  # the last messages of this turn, and their lines
        self._random = random.Random()  # For tests that ask for loss and delay.

    def begin_life(self, identity: Identity) -> None:
        """Send as the server of a new life: messages are numbered from 1, and what the last life did not send is lost.

        Args:
            identity: This server, with its new life.
        """
        self._routes = {name: _Route(identity.name, identity.life, name) for name in self.links}
        self.discard()
        for link in self.links.values():
            link.begin_life(identity)

    def start(self) -> None:
        """Open the links."""
        self._tasks = [asyncio.create_task(link.run(), name=f"link to {name}") for name, link in self.links.items()]

    async def stop(self) -> None:
        """Close the links."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, to: str, message: object, time_us: int) -> None:
        """Prepare a message for a server; `flush` sends it.

        Raises:
            MessageError: It is not a message that this step's servers send.
        """
        route = self._routes[to]
        line = self._line_of(message)
        route.count += 1
        if self._recorder is not None:
            self._recorder.sent(time_us, route, route.count, message, time_us)
        if to in self.cut:
            self._note_dropped(route, message, time_us, "cut")
        elif not self.links[to].is_connected:
            self._note_dropped(route, message, time_us, "down")
        elif self._loss and self._random.random() < self._loss:
            self._note_dropped(route, message, time_us, "lost")
        else:
            self._staged.append((to, route.count, line))

    def _line_of(self, message: object) -> bytes:
        """Encode a message, unless it is one that another server was sent in this turn, or equals it.

        Raises:
            MessageError: It is not a message that this step's servers send.
        """
        for known, line in self._encoded:
            # Equal calls to two followers hold the very same entries, so comparing them takes no time.
            if type(known) is type(message) and known == message:
                return line
        line = self._codec.encode(message)
        self._encoded = [*self._encoded[-MOST_ENCODED + 1 :], (message, line)]
        return line

    def _send_late(self, route: _Route, number: int, line: bytes) -> None:
        to = route.receiver
        if route is self._routes[to]:  # Otherwise the life that sent it has ended.
            self.links[to].send(number, line)
            self.links[to].flush()

    def _note_dropped(self, route: _Route, message: object, time_us: int, reason: str) -> None:
        if self._recorder is not None:
            detail = {"message": f"{route.name}#{route.count}", "from": route.sender, "type": type(message).__name__}
            self._recorder.event(time_us, "dropped", route.receiver, detail | {"reason": reason})

    def flush(self) -> None:
        """Send what was prepared."""
        self._encoded = []
        for to, number, line in self._staged:
            if self._delay_s[1]:
                wait_s = self._random.uniform(*self._delay_s)
                asyncio.get_running_loop().call_later(wait_s, self._send_late, self._routes[to], number, line)
            else:
                self.links[to].send(number, line)
        self._staged.clear()
        for link in self.links.values():
            link.flush()

    def discard(self) -> None:
        """Forget what was prepared and not sent."""
        self._staged.clear()
        self._encoded = []

    def wake(self, name: str) -> None:
        """Connect to a server soon, because it has just connected to this one."""
        self.links[name].wake()

    # Faults, for tests.

    def inject(self, words: list[str]) -> str | None:
        """Carry out ``CUT NAME``, ``HEAL``, ``LOSS SHARE`` or ``DELAY LOW HIGH``; return the reason if that cannot be."""
        match [words[0].upper() if words else "", *words[1:]]:
            case ["CUT", *names] if names and set(names) <= set(self.links):
                self.cut |= set(names)
            case ["HEAL"]:
                self.cut.clear()
            case ["LOSS", share] if (loss := _number(share)) is not None and 0 <= loss <= 1:
                self._loss = loss
            case ["DELAY", low, high] if _is_delay(low, high):
                self._delay_s = (float(low), float(high))
            case _:
                others = "|".join(self.links)
                return f"write RAFT.FAULT CUT {others}, HEAL, LOSS SHARE, or DELAY LOW HIGH in seconds"
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_delay(low: str, high: str) -> bool:
    shortest, longest = _number(low), _number(high)
    return shortest is not None and longest is not None and 0 <= shortest <= longest <= LONGEST_DELAY_S
