"""The stage of a check: one server is the Node under test, the others are puppets that say what the check wants.

So a check needs no lucky seed and no other correct Node, and its run is as short as it can be. Where a check is about
a whole cluster, `cluster` gives one in which every server is the Node under test.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from raft_steps.lab import node
from raft_steps.lab.cluster import Cluster
from raft_steps.lab.commands import Request, parse_command
from raft_steps.lab.errors import LabError
from raft_steps.lab.messages import handler_name
from raft_steps.lab.scenario import MICROSECONDS, default_scenario
from raft_steps.lab.simulation import Simulation
from raft_steps.lab.trace import Event, Trace

DELAY = 0.2  # seconds that every message takes on the stage


class CheckFailed(LabError):
    """The Node under test does not live up to a rule.

    Attributes:
        event: The number of the first event that broke it, if one did.
    """

    def __init__(self, message: str, event: int | None = None) -> None:
        """Keep what went wrong, and where."""
        super().__init__(message)
        self.event = event


class Puppet(node.Node):
    """A server that hears everything and does nothing of its own accord."""

    is_leader: bool = False

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Hear any message."""
        if name.startswith("on_"):
            return ignore
        raise AttributeError(name)


def ignore(sender: str, message: object) -> None:
    """Do nothing with a message."""


class Stage:
    """Where a check tries a Node. The server under test is tom; jerry, spike and so on are puppets.

    Attributes:
        node_class: The Node under test.
        step: The step whose checks these are.
        me: The name of the server under test.
    """

    me = "tom"

    def __init__(self, node_class: type, step: int) -> None:
        """Prepare a stage; `begin` or `cluster` starts the run."""
        self.node_class, self.step = node_class, step
        self._simulation: Simulation | None = None
        self._cluster: Cluster | None = None
        self._seen = 0

    @property
    def trace(self) -> Trace | None:
        """The run so far; None before it has begun."""
        if self._cluster is not None:
            return self._cluster.trace
        return self._simulation.trace if self._simulation is not None else None

    # Setting up.

    def begin(self, servers: int = 3, *, log: str = "", draws: tuple[float, ...] = (), leads: bool = False) -> None:
        """Start the server under test among puppets.

        Args:
            servers: How many there are, tom included.
            log: What is on tom's disk, as ``"1 set x 1; 2 set y 2"``; its last term is tom's term.
            draws: The first timeouts that tom draws.
            leads: Whether tom is told to lead at its start.
        """
        from raft_steps.lab.cluster import _read_log

        scenario = default_scenario(
            self.step,
            servers,
            leader=self.me if leads else None,
            delay=(DELAY, DELAY),
            logs={self.me: _read_log(log)} if log else {},
            draws={self.me: draws} if draws else {},
        )
        puppets = dict.fromkeys(scenario.servers[1:], Puppet)
        # The simulation is kept before its servers start, so that a Node that fails at once leaves a trace.
        self._simulation = simulation = Simulation.__new__(Simulation)
        simulation.__init__(scenario, self.node_class, classes=puppets)  # type: ignore[misc]

    def cluster(self, servers: int = 3, **options: Any) -> Cluster:
        """Start a cluster in which every server is the Node under test; options are those of Cluster."""
        self._cluster = Cluster(self.node_class, servers, network={"delay": (DELAY, DELAY)}, **options)
        return self._cluster

    # Acting.

    def send(self, sender: str, message_name: str, **fields: Any) -> list[Event]:
        """Let a puppet send a message to the server under test, and wait until it has been heard.

        The message's class is the one that the Node's own handler is annotated with.

        Returns:
            What the server under test sent when it heard it, as `sent` events.
        """
        message = self.message(message_name, **fields)
        mark = self.mark()
        self.simulation.send(sender, self.me, message)
        self.run(DELAY)
        return self.sent(since=mark)

    def ask(self, command: str) -> str:
        """Let a client ask the server under test, as ``set x 1``; return the client's reply address."""
        request: Request = parse_command(command)
        client = self.simulation.ask(self.simulation.hosts[self.me], request)
        self.run(0)
        return client

    def run(self, seconds: float) -> None:
        """Let virtual time pass; what is due at the very end happens too."""
        simulation = self.simulation
        simulation.run_until(simulation.now + round(seconds * MICROSECONDS) + 1)

    def run_until_sent(self, message_name: str, within: float = 60) -> list[Event]:
        """Let time pass until the server under test sends such a message; return all of that kind that it sends then.

        Raises:
            CheckFailed: It sends none.
        """
        mark, simulation = self.mark(), self.simulation
        simulation.run_until(
            simulation.now + round(within * MICROSECONDS), lambda: bool(self.sent(message_name, since=mark))
        )
        found = self.sent(message_name, since=mark)
        self.require(bool(found), f"{self.me} should send {message_name} within {within:g} s, but sends none")
        return found

    def win_election(self) -> None:
        """Let the server under test run for leader, and let every puppet vote for it.

        Raises:
            CheckFailed: It does not run, or does not lead when all have voted.
        """
        self.run_until_sent("RequestVote")
        for puppet in self.simulation.scenario.servers[1:]:
            reply = self.message("RequestVoteReply", vote_granted=True)
            self.simulation.send(puppet, self.me, reply)
        self.run(DELAY)
        self.require(self.field("is_leader"), f"{self.me} has every vote and should lead")

    # Looking.

    @property
    def simulation(self) -> Simulation:
        """The run among puppets; `begin` must have started it."""
        assert self._simulation is not None, "begin the stage first"
        return self._simulation

    @property
    def node(self) -> Any:
        """The Node under test."""
        return self.simulation.hosts[self.me].node

    def field(self, name: str) -> Any:
        """Give a field of the Node under test.

        Raises:
            CheckFailed: It has no such field.
        """
        try:
            return getattr(self.node, name)
        except AttributeError as error:
            raise CheckFailed(f"the Node has no {name}: {error}") from error

    def fields(self) -> dict[str, Any]:
        """Give all that the trace knows of the server under test, to compare before and after."""
        assert self.trace is not None
        state = self.trace.moment_after(len(self.trace) - 1).servers[self.me]
        return {**state.fields, "log": state.log, "timers": dict(state.timers)}

    def mark(self) -> int:
        """Give the number of the next event, to look at what comes since."""
        assert self.trace is not None
        return len(self.trace)

    def sent(self, message_name: str | None = None, *, since: int = 0, to: str | None = None) -> list[Event]:
        """Give the `sent` events of the server under test."""
        return [
            event
            for event in self.events("sent", since=since)
            if (message_name is None or event["type"] == message_name) and (to is None or event["to"] == to)
        ]

    def events(self, *kinds: str, since: int = 0) -> list[Event]:
        """Give the events of these kinds on the server under test."""
        assert self.trace is not None
        return [e for e in self.trace.events[since:] if e.kind in kinds and e.server == self.me]

    def answer(self, client: str) -> Any:
        """Give what a client was told; None as long as it waits."""
        return self.simulation.responses.get(client)

    def message(self, message_name: str, **fields: Any) -> Any:
        """Build a message of the class that the Node's own handler expects.

        Raises:
            CheckFailed: The Node hears no such message, or the class lacks a field.
        """
        message_class = message_class_of(self.node_class, message_name)
        try:
            return message_class(**fields)
        except TypeError as error:
            wanted = ", ".join(fields)
            raise CheckFailed(f"{message_name} should have the fields {wanted}; {error}") from error

    # Judging.

    def require(self, condition: object, otherwise: str, event: Event | None = None) -> None:
        """Fail unless the condition holds.

        Args:
            condition: What must hold.
            otherwise: What went wrong, in one sentence.
            event: The first event that broke the rule; the last one by default.

        Raises:
            CheckFailed: It does not hold.
        """
        if not condition:
            trace = self.trace
            last = trace.events[-1] if trace is not None and trace.events else None
            raise CheckFailed(otherwise, (event or last).number if (event or last) else None)  # type: ignore[union-attr]


def message_class_of(node_class: type, message_name: str) -> Any:
    """Find the class of a message that a Node hears: the one that its handler is annotated with.

    A handler without annotations is understood too: the class of that name where the handler was written counts.

    Raises:
        CheckFailed: The Node has no such handler, or the class cannot be found.
    """
    snake = "on_" + "".join("_" + c.lower() if c.isupper() else c for c in message_name)[1:]
    if not hasattr(node_class, snake):
        raise CheckFailed(f"the Node has no {snake}(self, sender, message), which should hear {message_name}")
    for base in node_class.__mro__:
        function = vars(base).get(snake)
        if function is None:
            continue
        try:
            hints = typing.get_type_hints(function)
        except (NameError, TypeError):
            hints = {}
        candidates = [hint for name, hint in hints.items() if name != "return"]
        candidates.append(getattr(function, "__globals__", {}).get(message_name))
        for candidate in candidates:
            if isinstance(candidate, type) and candidate.__name__ == message_name:
                assert handler_name(candidate) == snake
                return candidate
    raise CheckFailed(f"annotate the message: def {snake}(self, sender: str, message: {message_name}) -> None")
