"""The work of the Nodes alone: writes a second by three Nodes in one process, without disks, sockets or virtual time.

Everything that happens at one moment is handled before what it causes. A client whose write is answered asks for the next
one at the next moment, so a fixed number of writes is open at any time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from raft_steps import node
from raft_steps.lab.commands import Request, Set
from raft_steps.lab.messages import handler_name
from raft_steps.lab.random_stream import RandomStream

SERVERS = ("tom", "jerry", "spike")
Call = tuple[Callable[..., None], tuple[Any, ...]]


class Moments:
    """Three Nodes, of which tom leads, and clients that each ask for one write after another.

    Attributes:
        answered: How many writes have been answered.
    """

    def __init__(self, step: int) -> None:
        """Start the Nodes, and let tom win an election."""
        self.nodes: dict[str, Any] = {
            name: node(step)(name=name, servers=SERVERS, random=RandomStream(0, name)) for name in SERVERS
        }
        self.answered = self._asked = 0
        self._next: list[Call] = []
        for each in self.nodes.values():
            each.on_start()
        self.nodes["tom"].on_election_timeout()
        self._carry_out_all()
        while not self.nodes["tom"].is_leader or self._next:
            self._moment()

    def run(self, open_writes: int, writes: int) -> None:
        """Let clients ask until a number of writes is answered; so many are open at any time."""
        while self._asked - self.answered < open_writes:
            self._ask()
        end = self.answered + writes
        while self.answered < end:
            self._moment()

    def _ask(self) -> None:
        self._asked += 1
        request: Request = Set(key=f"k{self._asked % 100}", value="0123456789abcdef")
        self._next.append((self.nodes["tom"].on_client_request, (f"client#{self._asked}", request)))

    def _moment(self) -> None:
        """Handle everything that has arrived, then the timers of zero seconds, and last what they all want done."""
        calls, self._next = self._next, []
        for handler, arguments in calls:
            handler(*arguments)
        self._carry_out_all()

    def _carry_out_all(self) -> None:
        for name, each in self.nodes.items():
            timers: dict[str, None] = {}
            self._carry_out(name, each, timers)
            for timer in timers:
                getattr(each, f"on_{timer}_timeout")()
            self._carry_out(name, each, {})

    def _carry_out(self, name: str, each: Any, timers: dict[str, None]) -> None:
        effects, each.effects = each.effects, []
        each.log.changes.clear()  # What a driver would have stored by now.
        for effect in effects:
            if effect[0] == "send":
                handler = getattr(self.nodes[effect[1]], handler_name(type(effect[2])))
                self._next.append((handler, (name, effect[2])))
            elif effect[0] == "reply":
                self.answered += 1
                self._ask()
            elif effect[0] == "start" and effect[2] == 0:
                timers[effect[1]] = None


def writes_per_second(step: int, open_writes: int, writes: int) -> float:
    """Measure how many writes a second three Nodes of a step agree on, with so many of them open at any time."""
    cluster = Moments(step)
    cluster.run(open_writes, open_writes)  # So that the measurement begins with clients that wait.
    before, begun = cluster.answered, time.process_time()
    cluster.run(open_writes, writes)
    return (cluster.answered - before) / (time.process_time() - begun)


def write_figures(writes: int, repetitions: int) -> list[tuple[str, str, str, bool | None]]:
    """Measure the newest steps; return rows of what was measured, the result, the target, and whether it is met.

    Args:
        writes: The number of writes of a measurement.
        repetitions: How often each is measured; the result is the median.
    """
    found: dict[tuple[int, int], list[float]] = {}
    for _ in range(repetitions):
        for step in (12, 15):
            for open_writes in (16, 256):
                found.setdefault((step, open_writes), []).append(writes_per_second(step, open_writes, writes))
    rows: list[tuple[str, str, str, bool | None]] = []
    for (step, open_writes), rates in found.items():
        rate = statistics.median(rates)
        target = 60_000 if (step, open_writes) == (15, 256) else None
        row = f"three Nodes of step {step}, {open_writes} open writes"
        rows.append((row, f"{rate:,.0f} writes/s", f"{target:,}" if target else "", rate >= target if target else None))
    return rows
