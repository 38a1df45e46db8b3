"""The test bench of a check: one server runs the Node under test, the others are fake peers that the check controls.

So a check depends neither on a lucky seed nor on another correct Node, and its run is as short as possible. For a check
of a whole cluster, `cluster` starts one in which every server runs the Node under test.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NoReturn

from raft_steps.lab.checks.fake_peers import CheckFailed, FakePeer, build_message, message_class_of
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Request, command_text, parse_command
from raft_steps.lab.log import Entry
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, server_names
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Event, Trace

__all__ = ["DELAY_S", "Bench", "CheckFailed", "FakePeer", "message_class_of"]

DELAY_S = 0.2  # of every message on the bench
EVENT_BUDGET = 5_000  # events in one stretch of a run: enough for any check, and a storm still fits a picture
ROLES = {"AppendEntries": "leader", "RequestVote": "candidate"}  # the role of a peer that sends such a message


class Bench:
    """Drives one Node through a check. The server under test is tom; jerry, spike and so on are fake peers.

    Attributes:
        node_class: The Node under test.
        step: The step whose checks run.
        me: The name of the server under test.
    """

    me = "tom"

    def __init__(self, node_class: type, step: int) -> None:
        """Prepare the bench; `begin` or `cluster` starts a run."""
        self.node_class, self.step = node_class, step
        self._simulation: Simulation | None = None
        self._trace: Trace | None = None
        self._cluster: Cluster | None = None

    @property
    def trace(self) -> Trace | None:
        """The run so far; None before it starts."""
        if self._cluster is not None:
            return self._cluster.trace
        return self._trace

    # Setting up.

    def begin(self, servers: int = 3, *, log: str = "", draws: tuple[float, ...] = (), leads: bool = False) -> None:
        """Start a run with the server under test and fake peers; a second call starts a new run.

        Args:
            servers: The number of servers, tom included.
            log: The log on tom's disk, as ``"1 set x 1; 2 set y 2"``; its last term becomes tom's term.
            draws: The first election timeouts that tom draws, in seconds.
            leads: Whether tom is the named leader of its first start.
        """
        # Not with default_scenario: it imports the step's own Node, which a student's edition does not contain.
        scenario = Scenario(
            step=self.step,
            servers=server_names(servers),
            leader=self.me if leads else None,
            delay=(DELAY_S, DELAY_S),
            logs={self.me: parse_log(log)} if log else {},
            draws={self.me: draws} if draws else {},
        )
        peers = dict.fromkeys(scenario.servers[1:], FakePeer)
        self._simulation = self._cluster = None
        # Stored before the servers start, so that a Node that fails as it starts leaves a trace.
        self._trace = Trace(scenario.servers)
        self._simulation = Simulation(
            scenario, self.node_class, classes=peers, trace=self._trace, event_budget=EVENT_BUDGET
        )

    def cluster(self, servers: int = 3, **options: Any) -> Cluster:
        """Start a cluster in which every server runs the Node under test; the options are those of Cluster."""
        self._cluster = Cluster(self.node_class, servers, network={"delay": (DELAY_S, DELAY_S)}, **options)
        self._cluster._simulation.event_budget = 4 * EVENT_BUDGET  # noqa: SLF001  # A setting that only checks need.
        return self._cluster

    def forget(self) -> None:
        """Discard the run, if its picture would show nothing, or differ each time."""
        self._simulation = self._cluster = self._trace = None

    # Acting.

    def send(
        self, sender: str, message_name: str, *, optional: dict[str, Any] | None = None, **fields: Any
    ) -> list[Event]:
        """Send a message from a peer to the server under test, and run until it has been delivered.

        The message's class is the one with which the Node's handler is annotated.

        Args:
            sender: The peer.
            message_name: The name of the message's class.
            optional: Fields that are set only if the Node's message has them.
            fields: The fields that the message must have.

        Returns:
            What the server under test sent in response, as `sent` events.
        """
        if optional:
            known = {name: value for name, value in optional.items() if self.has_field(message_name, name)}
            fields = {**known, **fields}
        message = self.message(message_name, **fields)
        self._show_role(sender, ROLES.get(message_name), fields.get("term"))
        self.simulation.send(sender, self.me, message)
        self.run(DELAY_S)
        return self.sent(since=self.arrival().number)

    def call(self, sender: str, term: int, *, after: tuple[int, int] = (0, 0), entries: str = "") -> list[Event]:
        """Send AppendEntries from a peer to the server under test, as a leader of this term does.

        Args:
            sender: The peer.
            term: Its term.
            after: Index and term of the preceding entry; by default entry 0, which every log has.
            entries: The entries of the call, as ``"2 set y 2; 2 set z 3"``; without entries it is a heartbeat.

        Returns:
            What the server under test sent in response, as `sent` events.
        """
        return self.send(sender, "AppendEntries", term=term, **call_fields(after, entries))

    def call_repeatedly(self, sender: str, term: int, times: int, interval_s: float = 5) -> None:
        """Send heartbeats from a peer, as a leader of this term does; the first is delivered after one interval."""
        for _ in range(times):
            self.run(interval_s - DELAY_S)
            self.call(sender, term)

    def ask(self, command: str) -> str:
        """Send a client's request to the server under test, such as ``set x 1``; return the client's address."""
        request: Request = parse_command(command)
        client = self.simulation.ask(self.simulation.hosts[self.me], request)
        self.run(0)
        return client

    def run(self, seconds: float) -> None:
        """Let seconds of virtual time pass, and handle the events that are due at the very end too."""
        # It would be negative for an interval that is shorter than DELAY_S, which callers subtract from it.
        assert seconds >= 0, "time never goes back"
        simulation = self.simulation
        end_us = simulation.now_us + round(seconds * MICROSECONDS)
        simulation.run_until(end_us + 1)
        # `run_until` ends one microsecond late, so that it includes the events at end_us; put back, times stay round.
        simulation.now_us = end_us

    def run_until_sent(self, message_name: str, within_s: float = 60, failure: str = "") -> list[Event]:
        """Let time pass until the server under test sends a message of a kind; return all of this kind that it sends then.

        Args:
            message_name: The name of the message's class.
            within_s: How long to wait for it, in seconds.
            failure: The message if it sends none; by default it names the kind and the time.

        Raises:
            CheckFailed: It sends none.
        """
        mark = searched = self.mark()
        simulation = self.simulation

        def has_sent() -> bool:
            nonlocal searched
            found, searched = self.sent(message_name, since=searched), self.mark()
            return bool(found)

        if simulation.run_until(simulation.now_us + round(within_s * MICROSECONDS), has_sent):
            # The clock stands one microsecond after the event that stopped the run; put back, later times stay round.
            simulation.now_us -= 1
        found = self.sent(message_name, since=mark)
        failure = failure or f"{self.me} should send {message_name} within {within_s:g} s, but sends none"
        self.require(bool(found), failure)
        return found

    def win_election(self) -> None:
        """Let the server under test start an election, and let every peer vote for it.

        Raises:
            CheckFailed: It starts none, or does not lead with every vote.
        """
        self.run_until_sent("RequestVote", failure=f"nobody leads, so {self.me} should start an election; it does not")
        for peer in self.simulation.scenario.servers[1:]:
            reply = self.message("RequestVoteReply", vote_granted=True)
            self.simulation.send(peer, self.me, reply)
        self.run(DELAY_S)
        self.require(self.field("is_leader"), f"{self.me} has every vote and should lead, but does not")

    def _show_role(self, peer: str, role: str | None, term: int | None) -> None:
        """Record the role and the term of a peer in the trace, for the picture."""
        if role is None:
            return
        trace = self.simulation.trace
        assert trace is not None
        state = trace.moment_after(len(trace) - 1).servers[peer]
        if term is not None and state.fields.get("current_term") != term:
            self.simulation.note("term", peer, term=term, changes={"current_term": term})
        if state.role != role:
            self.simulation.note("role", peer, role=role, changes={"is_leader": role == "leader"})

    # Observing.

    @property
    def simulation(self) -> Simulation:
        """The run with fake peers; `begin` must have started it."""
        assert self._simulation is not None, "call begin first"
        return self._simulation

    @property
    def node(self) -> Any:
        """The Node under test."""
        return self.simulation.hosts[self.me].node

    def field(self, name: str) -> Any:
        """Return a field of the Node under test.

        Raises:
            CheckFailed: It has no such field.
        """
        try:
            return getattr(self.node, name)
        except AttributeError as error:
            raise CheckFailed(f"the Node has no {name}: {error}") from error

    def fields(self) -> dict[str, Any]:
        """Return the recorded state of the server under test, to compare before and after."""
        assert self.trace is not None
        state = self.trace.moment_after(len(self.trace) - 1).servers[self.me]
        return {**state.fields, "log": state.log, "timers": dict(state.timers)}

    def log(self) -> str:
        """Return the log of the server under test as text: ``1 set x 1; 2 set y 2``."""
        return "; ".join(f"{entry.term} {command_text(entry.command)}" for entry in self.field("log"))

    def mark(self) -> int:
        """Return the number that the next event will have, to select the events from then on."""
        assert self.trace is not None
        return len(self.trace)

    def sent(self, message_name: str | None = None, *, since: int = 0, to: str | None = None) -> list[Event]:
        """Return the `sent` events of the server under test, of all messages or of one kind, to all peers or to one."""
        return [
            event
            for event in self.events("sent", since=since)
            if (message_name is None or event["type"] == message_name) and (to is None or event["to"] == to)
        ]

    def events(self, *kinds: str, since: int = 0) -> list[Event]:
        """Return the events of these kinds on the server under test."""
        assert self.trace is not None
        return [e for e in self.trace.events[since:] if e.kind in kinds and e.server == self.me]

    def arrival(self) -> Event:
        """Return the `delivered` event of the last message that the server under test received."""
        return self.events("delivered")[-1]

    def answer(self, client: str) -> Any:
        """Return the answer that a client received; None while it waits."""
        return self.simulation.responses.get(client)

    def has_field(self, message_name: str, name: str) -> bool:
        """Return whether the Node's message of this name has a field.

        Raises:
            CheckFailed: The Node has no handler for it.
        """
        return name in {field.name for field in dataclasses.fields(message_class_of(self.node_class, message_name))}

    def message(self, message_name: str, **fields: Any) -> Any:
        """Build a message of the class that the Node's handler expects.

        Raises:
            CheckFailed: The Node has no handler for it, or its class has other fields.
        """
        return build_message(self.node_class, message_name, fields)

    # Judging.

    def require(self, condition: object, failure: str, event: Event | None = None) -> None:
        """Fail unless the condition holds.

        Args:
            condition: What must be true of the Node.
            failure: What went wrong, in one sentence.
            event: The first event that broke the rule; by default the last event of the run.

        Raises:
            CheckFailed: It does not hold.
        """
        if not condition:
            self.fail(failure, event)

    def fail(self, failure: str, event: Event | None = None) -> NoReturn:
        """Raise the failure, at an event; by default the last event of the run.

        Raises:
            CheckFailed: Always.
        """
        trace = self.trace
        last = trace.events[-1] if trace is not None and trace.events else None
        broken = event or last
        raise CheckFailed(failure, broken.number if broken is not None else None)


def parse_log(text: str) -> tuple[tuple[int, str], ...]:
    """Parse ``1 set x 1; 2 set y 2`` into the term and the command of each entry."""
    parts = [line.strip().partition(" ") for line in text.split(";") if line.strip()]
    return tuple((int(term), command) for term, _space, command in parts)


def parse_entries(text: str, first_index: int) -> tuple[Entry, ...]:
    """Parse ``1 set x 1; 2 set y 2`` into entries, the first of which has this index."""
    parts: list[Any] = [(term, parse_command(command)) for term, command in parse_log(text)]
    return tuple(
        Entry(index=index, term=term, command=command) for index, (term, command) in enumerate(parts, first_index)
    )


def call_fields(after: tuple[int, int], entries: str = "") -> dict[str, Any]:
    """Return the fields of an AppendEntries that follows the entry with this index and term.

    Args:
        after: Index and term of the preceding entry.
        entries: The entries of the call, as ``"2 set y 2; 2 set z 3"``; without any it is a heartbeat.
    """
    prev_log_index, prev_log_term = after
    return {
        "prev_log_index": prev_log_index,
        "prev_log_term": prev_log_term,
        "entries": parse_entries(entries, prev_log_index + 1),
    }
