"""The stage of a check: one server is the Node under test, the others are puppets that say what the check wants.

So a check needs no lucky seed and no other correct Node, and its run is as short as it can be. Where a check is about
a whole cluster, `cluster` gives one in which every server is the Node under test.
"""

from __future__ import annotations

from typing import Any, NoReturn

from raft_steps.lab.checks.fake_peers import CheckFailed, FakePeer, build_message, message_class_of
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Request, command_text, parse_command
from raft_steps.lab.log import Entry
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, server_names
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Event, Trace

__all__ = ["DELAY", "Bench", "CheckFailed", "FakePeer", "message_class_of"]

DELAY = 0.2  # seconds that every message takes on the stage
EVENT_BUDGET = 5_000  # events that one stretch of a run may take: a storm is told at once, and still fits a picture
PLAYS = {"AppendEntries": "leader", "RequestVote": "candidate"}  # what a puppet is that says such a thing


class Bench:
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

    @property
    def trace(self) -> Trace | None:
        """The run so far; None before it has begun."""
        if self._cluster is not None:
            return self._cluster.trace
        return self._simulation.trace if self._simulation is not None else None

    # Setting up.

    def begin(self, servers: int = 3, *, log: str = "", draws: tuple[float, ...] = (), leads: bool = False) -> None:
        """Start the server under test among puppets; a second time starts a new run.

        Args:
            servers: How many there are, tom included.
            log: What is on tom's disk, as ``"1 set x 1; 2 set y 2"``; its last term is tom's term.
            draws: The first timeouts that tom draws.
            leads: Whether tom is told to lead at its start.
        """
        # Not by default_scenario, which would look at the step's own Node: a student's edition does not hold it.
        scenario = Scenario(
            step=self.step,
            servers=server_names(servers),
            leader=self.me if leads else None,
            delay=(DELAY, DELAY),
            logs={self.me: read_log(log)} if log else {},
            draws={self.me: draws} if draws else {},
        )
        puppets = dict.fromkeys(scenario.servers[1:], FakePeer)
        # The simulation is kept before its servers start, so that a Node that fails at once leaves a trace.
        self._cluster = None
        self._simulation = simulation = Simulation.__new__(Simulation)
        simulation.__init__(scenario, self.node_class, classes=puppets, event_budget=EVENT_BUDGET)  # type: ignore[misc]

    def cluster(self, servers: int = 3, **options: Any) -> Cluster:
        """Start a cluster in which every server is the Node under test; options are those of Cluster."""
        self._cluster = Cluster(self.node_class, servers, network={"delay": (DELAY, DELAY)}, **options)
        self._cluster._simulation.event_budget = 4 * EVENT_BUDGET  # noqa: SLF001  # A setting that only checks need.
        return self._cluster

    def forget(self) -> None:
        """Forget the run, where its picture would show nothing, or another one each time."""
        self._simulation = self._cluster = None

    # Acting.

    def send(self, sender: str, message_name: str, **fields: Any) -> list[Event]:
        """Let a puppet send a message to the server under test, and wait until it has been heard.

        The message's class is the one that the Node's own handler is annotated with.

        Returns:
            What the server under test sent when it heard it, as `sent` events.
        """
        message = self.message(message_name, **fields)
        self._play(sender, PLAYS.get(message_name), fields.get("term"))
        self.simulation.send(sender, self.me, message)
        self.run(DELAY)
        return self.sent(since=self.arrival().number)

    def call(self, sender: str, term: int, *, after: tuple[int, int] = (0, 0), entries: str = "") -> list[Event]:
        """Let a puppet call the server under test with AppendEntries, as a leader of this term does.

        Args:
            sender: The puppet.
            term: Its term.
            after: Index and term of the entry before; by default the common first one, which every log has.
            entries: What the call brings, as ``"2 set y 2; 2 set z 3"``; nothing makes it a heartbeat.

        Returns:
            What the server under test sent when it heard it, as `sent` events.
        """
        index, prev_log_term = after
        brought = read_entries(entries, index + 1)
        return self.send(
            sender, "AppendEntries", term=term, prev_log_index=index, prev_log_term=prev_log_term, entries=brought
        )

    def call_on(self, sender: str, term: int, times: int, every: float = 5) -> None:
        """Let a puppet call again and again, as a leader of this term does; the first call comes after one interval."""
        for _ in range(times):
            self.run(every - DELAY)
            self.call(sender, term)

    def ask(self, command: str) -> str:
        """Let a client ask the server under test, as ``set x 1``; return the client's reply address."""
        request: Request = parse_command(command)
        client = self.simulation.ask(self.simulation.hosts[self.me], request)
        self.run(0)
        return client

    def run(self, seconds: float) -> None:
        """Let virtual time pass; what is due at the very end happens too."""
        simulation = self.simulation
        end = simulation.now_us + round(seconds * MICROSECONDS)
        simulation.run_until(end + 1)
        simulation.now_us = end  # Nothing at this time is left over, and times stay round.

    def run_until_sent(self, message_name: str, within: float = 60, otherwise: str = "") -> list[Event]:
        """Let time pass until the server under test sends such a message; return all of that kind that it sends then.

        Args:
            message_name: The message.
            within: How many seconds to wait for it.
            otherwise: What went wrong if there is none, in a sentence or two.

        Raises:
            CheckFailed: It sends none.
        """
        mark = looked = self.mark()
        simulation = self.simulation

        def has_sent() -> bool:
            nonlocal looked
            found, looked = self.sent(message_name, since=looked), self.mark()
            return bool(found)

        if simulation.run_until(simulation.now_us + round(within * MICROSECONDS), has_sent):
            simulation.now_us -= 1
        found = self.sent(message_name, since=mark)
        otherwise = otherwise or f"{self.me} should send {message_name} within {within:g} s, but sends none"
        self.require(bool(found), otherwise)
        return found

    def win_election(self) -> None:
        """Let the server under test run for leader, and let every puppet vote for it.

        Raises:
            CheckFailed: It does not run, or does not lead when all have voted.
        """
        self.run_until_sent("RequestVote", otherwise=f"nobody leads, so {self.me} should run for leader; it does not")
        for puppet in self.simulation.scenario.servers[1:]:
            reply = self.message("RequestVoteReply", vote_granted=True)
            self.simulation.send(puppet, self.me, reply)
        self.run(DELAY)
        self.require(self.field("is_leader"), f"{self.me} has every vote and should lead")

    def _play(self, puppet: str, role: str | None, term: int | None) -> None:
        """Note in the trace what a puppet plays, so that a picture shows it as who it says it is."""
        if role is None:
            return
        trace = self.simulation.trace
        assert trace is not None
        state = trace.moment_after(len(trace) - 1).servers[puppet]
        if term is not None and state.fields.get("current_term") != term:
            self.simulation.note("term", puppet, term=term, changes={"current_term": term})
        if state.role != role:
            self.simulation.note("role", puppet, role=role, changes={"is_leader": role == "leader"})

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

    def log(self) -> str:
        """Give the log of the server under test as text: ``1 set x 1; 2 set y 2``."""
        return "; ".join(f"{entry.term} {command_text(entry.command)}" for entry in self.field("log"))

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

    def arrival(self) -> Event:
        """Give the last message that the server under test heard, as a `delivered` event."""
        return self.events("delivered")[-1]

    def answer(self, client: str) -> Any:
        """Give what a client was told; None as long as it waits."""
        return self.simulation.responses.get(client)

    def message(self, message_name: str, **fields: Any) -> Any:
        """Build a message of the class that the Node's own handler expects.

        Raises:
            CheckFailed: The Node hears no such message, or its class has other fields.
        """
        return build_message(self.node_class, message_name, fields)

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
            self.fail(otherwise, event)

    def fail(self, what: str, event: Event | None = None) -> NoReturn:
        """Fail: say what went wrong, and at which event; the last one by default.

        Raises:
            CheckFailed: Always.
        """
        trace = self.trace
        last = trace.events[-1] if trace is not None and trace.events else None
        broken = event or last
        raise CheckFailed(what, broken.number if broken is not None else None)


def read_log(text: str) -> tuple[tuple[int, str], ...]:
    """Read ``1 set x 1; 2 set y 2``: of each entry its term and its command."""
    parts = [line.strip().partition(" ") for line in text.split(";") if line.strip()]
    return tuple((int(term), command) for term, _space, command in parts)


def read_entries(text: str, first_index: int) -> tuple[Entry, ...]:
    """Read ``1 set x 1; 2 set y 2`` as entries, the first of them with this index."""
    parts: list[Any] = [(term, parse_command(command)) for term, command in read_log(text)]
    return tuple(
        Entry(index=index, term=term, command=command) for index, (term, command) in enumerate(parts, first_index)
    )
