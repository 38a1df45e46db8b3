"""The test bench of a check: one server runs the Node under test, the others are fake peers that the check controls.

So a check depends neither on a lucky seed nor on another correct Node, and its run is as short as possible. For a check
of a whole cluster, `cluster` starts one in which every server runs the Node under test.

A check is written for tom, jerry and spike, for the terms and entries that it names, and for keys such as x. These are the
words of the *check*. What they stand for in its *run* is a parameter (`CheckParameters`), and the bench translates in both
directions (`Vocabulary`): all its arguments and results, and those of `exchange`, `elections` and `replication`, are in the
words of the check. So a check need not care, as long as it

- acts and observes with the methods of the bench, and not on `simulation`, whose servers have the names of the run;
- reads the Node's state with `field` and `fields`;
- takes `delay_s` from the bench, and `pace_s` for a wait whose length no rule prescribes;
- writes the numbers of terms and entries after *term* and *entry* in its failures (`Vocabulary.text`); elsewhere with
  `term_text` and `index_text`;
- begins with ``at_the_beginning=True`` if it is about entry 0 or term 0.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NoReturn

from raft_steps.lab.checks.checked_cluster import CheckedCluster
from raft_steps.lab.checks.entry_text import call_fields, parse_entries, parse_log
from raft_steps.lab.checks.fake_peers import CheckFailed, FakePeer, build_message, message_class_of
from raft_steps.lab.checks.later_fields import LATER_FIELDS, conflict_before, latest_round, matching_index
from raft_steps.lab.checks.parameters import DEFAULTS, CheckParameters
from raft_steps.lab.checks.pre_votes import FavourablePeers
from raft_steps.lab.checks.vocabulary import Vocabulary
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok, Request, command_text, parse_command
from raft_steps.lab.log import Log
from raft_steps.lab.runtime.simulator.simulated_host import SimulatedHost
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.model import MICROSECONDS, SERVER_NAMES, Action
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.trace import Event, Trace

__all__ = ["Bench", "CheckFailed", "FakePeer", "call_fields", "message_class_of", "parse_entries", "parse_log"]

REQUIRED = object()  # instead of a default value: there is none
EVENT_BUDGET = 5_000  # events in one stretch of a run: enough for any check, and a storm still fits a picture
ROLES = {"AppendEntries": "leader", "RequestVote": "candidate"}  # the role of a peer that sends such a message


class Bench:
    """Drives one Node through a check. The server under test is tom; jerry, spike and so on are fake peers.

    Attributes:
        node_class: The Node under test.
        step: The step whose checks run.
        parameters: What the words of a check stand for in its run.
        vocabulary: The translation between the two.
        me: The name of the server under test, in the words of a check.
        peers: The names of the others in the present run, in the words of a check.
        remarks: What the Node does earlier than the course, in sentences.
    """

    me = SERVER_NAMES[0]

    def __init__(self, node_class: type, step: int, parameters: CheckParameters = DEFAULTS) -> None:
        """Prepare the bench; `begin` or `cluster` starts a run."""
        self.node_class, self.step, self.parameters = node_class, step, parameters
        self.vocabulary = Vocabulary(parameters)
        self.peers: tuple[str, ...] = SERVER_NAMES[1:3]
        self.remarks: list[str] = []
        self._simulation: Simulation | None = None
        self._trace: Trace | None = None
        self._cluster: Cluster | None = None

    @property
    def delay_s(self) -> float:
        """How long every message takes, in seconds."""
        return self.parameters.delay_s

    def pace_s(self, seconds: float) -> float:
        """Return how long to wait, in seconds, where the parameters may shorten a wait."""
        return seconds * self.parameters.pace

    @property
    def trace(self) -> Trace | None:
        """The run so far; None before it starts."""
        if self._cluster is not None:
            return self._cluster.trace
        return self._trace

    # Setting up.

    def begin(
        self,
        servers: int = 3,
        *,
        log: str = "",
        draws: tuple[float, ...] = (),
        leads: bool = False,
        at_the_beginning: bool = False,
        seed: int = 0,
        listed_last: bool = False,
        members: tuple[str, ...] = (),
        asks_first: bool = False,
    ) -> None:
        """Start a run with the server under test and fake peers; a second call starts a new run.

        Args:
            servers: The number of servers, tom included.
            log: The log on tom's disk, as ``"1 set x 1; 2 set y 2"``; its last term becomes tom's term.
            draws: The first election timeouts that tom draws, in seconds.
            leads: Whether tom is the named leader of its first start.
            at_the_beginning: Whether the check is about entry 0 or term 0, so that no entries may come before its own.
            seed: The seed, to which that of the parameters is added.
            listed_last: Whether tom is the last of the servers that each Node knows, and not the first.
            members: The servers that make up the cluster at first; all by default.
            asks_first: Whether the check itself answers tom's pre-votes; otherwise all peers do so at once, favourably.
        """
        self.vocabulary = Vocabulary(self.parameters, at_the_beginning=at_the_beginning)
        self.peers = SERVER_NAMES[1:servers]
        me, *others = self.vocabulary.servers[:servers]
        stored = self.vocabulary.stored_log(parse_log(log))
        # Not with default_scenario: it imports the step's own Node, which a student's edition does not contain.
        scenario = Scenario(
            step=self.step,
            servers=(*others, me) if listed_last else (me, *others),
            members=self.vocabulary.to_run("members", members),
            seed=self.parameters.seed + seed,
            leader=me if leads else None,
            delay=(self.delay_s, self.delay_s),
            logs={me: stored} if stored else {},
            draws={me: draws} if draws else {},
        )
        peers = dict.fromkeys(others, FakePeer)
        self._simulation = self._cluster = None
        # Stored before the servers start, so that a Node that fails as it starts leaves a trace.
        self._trace = Trace(scenario.servers)
        self._simulation = Simulation(
            scenario,
            self.node_class,
            classes=peers,
            trace=self._trace,
            monitor=None if asks_first else FavourablePeers(me, lambda: self.simulation),
            event_budget=EVENT_BUDGET,
        )

    def cluster(
        self, servers: int = 3, *, seed: int = 0, logs: dict[str, str] | None = None, **options: Any
    ) -> CheckedCluster:
        """Start a cluster in which every server runs the Node under test.

        Args:
            servers: The number of servers.
            seed: The seed, to which that of the parameters is added.
            logs: The log on the disk of each server, as ``"1 set x 1; 2 set y 2"``; by default they are empty.
            options: Further options of Cluster: `leader`, `draws` and `later`.
        """
        self.vocabulary = vocabulary = Vocabulary(self.parameters)
        self.peers = SERVER_NAMES[1:servers]
        stored = {name: vocabulary.stored_log(parse_log((logs or {}).get(name, ""))) for name in SERVER_NAMES[:servers]}
        self._cluster = Cluster(
            self.node_class,
            vocabulary.servers[:servers],
            seed=self.parameters.seed + seed,
            network={"delay": (self.delay_s, self.delay_s)},
            logs={
                vocabulary.to_run("server", name): [f"{term} {command}" for term, command in log]
                for name, log in stored.items()
                if log
            },
            **{name: vocabulary.to_run(name, value) for name, value in options.items()},
        )
        self._cluster._simulation.event_budget = 4 * EVENT_BUDGET  # noqa: SLF001  # A setting that only checks need.
        return CheckedCluster(self._cluster, vocabulary)

    def forget(self) -> None:
        """Discard the run, if its picture would show nothing, or differ each time."""
        self._simulation = self._cluster = self._trace = None

    # Acting.

    def send(
        self,
        sender: str,
        message_name: str,
        *,
        optional: dict[str, Any] | None = None,
        asking: tuple[str, ...] = (),
        **fields: Any,
    ) -> list[Event]:
        """Send a message from a peer to the server under test, and run until it has been delivered.

        The message's class is the one with which the Node's handler is annotated. A check of an earlier step may run on a
        later Node: if its message has a term and none is given, the term is that of the server under test.

        Args:
            sender: The peer.
            message_name: The name of the message's class.
            optional: Fields that are set only if the Node's message has them.
            asking: Requests that clients send at the moment at which the message arrives, just before it.
            fields: The fields that the message must have.

        Returns:
            What the server under test sent in response, as `sent` events.
        """
        if optional:
            known = {name: value for name, value in optional.items() if self.has_field(message_name, name)}
            fields = {**known, **fields}
        fields = self._with_term(message_name, fields)
        message = self.message(message_name, **fields)
        run_sender = self._in_run(sender)
        self._show_role(run_sender, ROLES.get(message_name), self.vocabulary.to_run("term", fields.get("term")))
        simulation = self.simulation
        simulation.send(run_sender, self.host.name, message)
        simulation.run_until(simulation.now_us + round(self.delay_s * MICROSECONDS))
        self.ask_together(*asking)
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

    def act(self, verb: str, server: str) -> None:
        """Carry out an action of a scenario on a server now, such as ``snapshot``."""
        self.simulation.perform(Action(self.simulation.now_us, verb, (self._in_run(server),)))

    def call_repeatedly(self, sender: str, term: int, times: int, interval_s: float = 5) -> None:
        """Send heartbeats from a peer, as a leader does, the first after one interval; the parameters may shorten it."""
        for _ in range(times):
            self.run(self.pace_s(interval_s) - self.delay_s)
            self.call(sender, term)

    def ask(self, command: str, client: str = "") -> str:
        """Send a request such as ``set x 1`` to the server under test, from a new client or this one; return its address."""
        request: Request = self.vocabulary.to_run("request", parse_command(command))
        address = self.simulation.ask(self.host, request, client)
        self.run(0)
        return address

    def ask_together(self, *commands: str) -> list[str]:
        """Send clients' requests to the server under test, all at one moment; return the clients' addresses."""
        requests: list[Request] = [self.vocabulary.to_run("request", parse_command(command)) for command in commands]
        clients = [self.simulation.ask(self.host, request) for request in requests]
        self.run(0)
        return clients

    def run(self, seconds: float) -> None:
        """Let seconds of virtual time pass, and handle the events that are due at the very end too."""
        assert seconds >= 0, "an interval should be longer than `delay_s`, which callers subtract from it"
        end_us = self.simulation.now_us + round(seconds * MICROSECONDS)
        self.simulation.run_until(end_us + 1)
        # `run_until` ends one microsecond late, so that it includes the events at end_us; put back, times stay round.
        self.simulation.now_us = end_us

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

        def has_sent() -> bool:
            nonlocal searched
            found, searched = self.sent(message_name, since=searched), self.mark()
            return bool(found)

        if self.simulation.run_until(self.simulation.now_us + round(within_s * MICROSECONDS), has_sent):
            # The clock stands one microsecond after the event that stopped the run; put back, later times stay round.
            self.simulation.now_us -= 1
        found = self.sent(message_name, since=mark)
        self.require(found, failure or f"{self.me} should send {message_name} within {within_s:g} s, but sends none")
        return found

    def _show_role(self, peer: str, role: str | None, term: int | None) -> None:
        """Record the role and the term of a peer in the trace, for the picture; its name and term are those of the run."""
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
    def host(self) -> SimulatedHost:
        """The server under test; its name and its state are those of the run."""
        return self.simulation.hosts[self.vocabulary.servers[0]]

    @property
    def node(self) -> Any:
        """The Node under test; its state is that of the run, so a check reads it with `field`."""
        return self.host.node

    def field(self, name: str, default: Any = REQUIRED) -> Any:
        """Return a field of the Node under test.

        Args:
            name: The name of the field.
            default: What to return if the Node has no such field.

        Raises:
            CheckFailed: It has no such field, and there is no default.
        """
        try:
            value = getattr(self.node, name)
        except AttributeError as error:
            if default is not REQUIRED:
                return default
            raise CheckFailed(f"the Node has no {name}: {error}") from error
        if isinstance(value, Log) and not self.vocabulary.has_entries_before(value):
            count = len(self.vocabulary.before)
            self.fail(f"{self.me}'s log should still begin with the {count} entries that its disk had, but does not")
        return self.vocabulary.to_check(name, value)

    def fields(self) -> dict[str, Any]:
        """Return the recorded state of the server under test, to compare before and after."""
        assert self.trace is not None
        state = self.trace.moment_after(len(self.trace) - 1).servers[self.host.name]
        known = {**state.fields, "log": state.log}
        return {name: self.vocabulary.to_check(name, value) for name, value in known.items()} | {
            "timers": dict(state.timers)
        }

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
        me, vocabulary = self.vocabulary.servers[0], self.vocabulary
        return [
            vocabulary.event(event)
            for event in self.trace.events[since:]
            if event.kind in kinds and event.server == me and not vocabulary.is_before(event)
        ]

    def arrival(self) -> Event:
        """Return the `delivered` event of the last message that the server under test received."""
        return self.events("delivered")[-1]

    def answer(self, client: str) -> Any:
        """Return the answer that a client received; None while it waits."""
        return self.vocabulary.to_check("response", self.simulation.responses.get(client))

    def session(self, client: str) -> int:
        """Return the number of the session that a client has opened; a Node may number sessions as it likes.

        Raises:
            CheckFailed: The client was not answered Ok with a number.
        """
        answer = self.simulation.responses.get(client)  # Not translated: the number is not a word of the check.
        number = answer.value if isinstance(answer, Ok) and isinstance(answer.value, str) else ""
        self.require(
            number.isdecimal() and int(number) > 0,
            f"a client opens a session, and its entry is committed; {self.me} should answer Ok with a number above 0 as text, "
            f"but {'answers ' + repr(answer) if answer is not None else 'does not answer'}",
        )
        return int(number)

    def has_field(self, message_name: str, name: str) -> bool:
        """Return whether the Node's message of this name has a field.

        Raises:
            CheckFailed: The Node has no handler for it.
        """
        message_class = message_class_of(self.node_class, message_name)
        if not dataclasses.is_dataclass(message_class):
            return False  # `message` explains it.
        return name in {field.name for field in dataclasses.fields(message_class)}

    def message(self, message_name: str, **fields: Any) -> Any:
        """Build a message of the class that the Node's handler expects, in the words of the run.

        Fields of a later step's message that the check does not know have the values of `LATER_FIELDS`; a reply's
        match_index follows from the call that it answers, its round is that of the last call, and
        a refusal goes back one entry.

        Raises:
            CheckFailed: The Node has no handler for it, or its class has other fields.
        """
        later: dict[str, Any] = {
            name: value for name, value in LATER_FIELDS.items() if self.has_field(message_name, name)
        }
        if "success" in fields and self.has_field(message_name, "match_index"):
            calls = [call["fields"] for call in self.sent("AppendEntries")]
            later["match_index"] = matching_index(calls, **fields)
            if "round" in later:
                later["round"] = latest_round(calls)
            if self.has_field(message_name, "conflict_index"):
                later |= conflict_before(**fields)
        values = {name: self.vocabulary.to_run(name, value) for name, value in (later | fields).items()}
        return build_message(self.node_class, message_name, values)

    def _with_term(self, message_name: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a message, with the term of the server under test if a term is missing."""
        if "term" in fields or not self.has_field(message_name, "term"):
            return fields
        return fields | {"term": self.field("current_term")}

    def term_text(self, term: object) -> str:
        """Return the number of a term as a failure shows it, where the word *term* does not come before it."""
        return str(self.vocabulary.to_run("term", term))

    def index_text(self, index: object) -> str:
        """Return the index of an entry as a failure shows it, where the word *entry* does not come before it."""
        return str(self.vocabulary.to_run("index", index))

    def commit_text(self, index: object) -> str:
        """Return a commit index or a match index, of which 0 stands for none, as a failure shows it."""
        return str(self.vocabulary.to_run("leader_commit", index))

    def _in_run(self, server: str) -> str:
        """Return the name that a server has in the run."""
        name: str = self.vocabulary.to_run("server", server)
        return name

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

    def remark_ahead(self, step: int, what: str) -> None:
        """Record that the Node does right what the course does only in a later step.

        Args:
            step: The first step in which the course does it; from there on nothing is recorded.
            what: What the Node does, as a sentence without a full stop, in words that do not depend on the run.
        """
        self.remark(step, f"{what}. The course does so from step {step} on.")

    def remark(self, step: int, sentence: str) -> None:
        """Record that the Node does something right in another way than the course does it before a step."""
        if self.step < step:
            self.remarks.append(sentence)

    def failure_text(self, failure: CheckFailed) -> str:
        """Return the text of a failure in the words of the run."""
        text, before = self.vocabulary.text(str(failure)), self.vocabulary.before
        if before and self.trace is not None:
            text += f". Before the entries of this check, {self.vocabulary.servers[0]}'s log has {len(before)} others"
        return text

    def fail(self, failure: str, event: Event | None = None) -> NoReturn:
        """Raise the failure, at an event; by default the last event of the run.

        Raises:
            CheckFailed: Always.
        """
        trace = self.trace
        last = trace.events[-1] if trace is not None and trace.events else None
        broken = event or last
        raise CheckFailed(failure, broken.number if broken is not None else None)
