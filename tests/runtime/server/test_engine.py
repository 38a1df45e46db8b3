"""Tests of the engine: what happens in a turn, in which order, and who is to blame if it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from raft_steps.lab import Delete, Entry, Get, NotLeader, Ok, Set, message
from raft_steps.lab.commands import Append, InSession, Request, Response
from raft_steps.lab.errors import NodeError
from raft_steps.lab.log import Log
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.server.database import Database, DiskError
from raft_steps.lab.runtime.server.engine import MOST_SHOWN, Client, Engine, UnhandledMessageError
from raft_steps.lab.runtime.server.server_host import ServerHost
from raft_steps.lab.runtime.server.timers import ServerTimers
from raft_steps.lab.trace.trace import Trace
from raft_steps.step_14_linearizable_reads import AppendEntries
from tests.runtime.server.moved_loop import Loop

SERVERS = ("tom", "jerry", "spike")


@message
class Ping:
    """A message."""

    term: int


@message
class Unknown:
    """A message without a handler."""


class Probe(Node):
    """A Node whose handlers are those of the test."""

    durable: ClassVar[tuple[str, ...]] = ("log", "count")
    act: ClassVar[Callable[..., Any]]

    log: Log = field(default_factory=Log)
    count: int = 0

    def on_start(self) -> Any:
        return type(self).act(self, "start")

    def on_client_request(self, client: str, request: Request) -> Any:
        return type(self).act(self, "request", client, request)

    def on_ping(self, sender: str, message: Ping) -> Any:
        return type(self).act(self, "ping", sender, message)

    def on_election_timeout(self) -> Any:
        return type(self).act(self, "timeout")

    def append(self, command: Any) -> Entry:
        """Append a command to the log."""
        entry = Entry(index=self.log.last_index + 1, term=1, command=command)
        self.log.append(entry)
        return entry


class Bench:
    """An engine whose effects are noted in the order in which they leave.

    Attributes:
        names: All servers.
        left: What has left.
        errors: What `commit` and `record` raise, by name.
    """

    names: tuple[str, ...] = SERVERS

    def __init__(
        self, folder: Path, act: Callable[..., Any], *, recorder: Recorder | None = None, base: type[Probe] = Probe
    ) -> None:
        """Begin a life."""
        self.loop, self.left, self.errors = Loop(), list[str](), dict[str, DiskError]()
        node_class = type("Probe", (base,), {"act": act})
        self.database = Database(folder, {"name": "tom", "servers": ",".join(SERVERS), "step": "a probe"}, base)
        self.database.begin_life()
        self.commit_really = self.database.commit
        self.database.commit = self.commit  # type: ignore[method-assign]
        self.host = ServerHost("tom", self.database)
        self.node = node_class(name="tom", servers=SERVERS, random=None)
        self.host.begin(self.node)
        self.timers = ServerTimers(self.loop, lambda: None)
        self.engine = Engine(self.host, self, self.timers, lambda: round(self.loop.now_s * 1e6), recorder)

    def commit(self) -> None:
        self.note("commit")
        self.commit_really()

    def record(self) -> None:
        self.note("record")

    def note(self, what: str) -> None:
        """Note what happened, or fail."""
        if what in self.errors:
            raise self.errors[what]
        self.left.append(what)

    def send(self, to: str, message: object, time_us: int) -> None:
        self.left.append(f"send {type(message).__name__} to {to}")

    def send_ahead(self) -> None:
        self.left.append("send ahead")

    def flush(self) -> None:
        self.left.append("flush")

    def ask(self, request: Request) -> Client:
        """Let a client ask."""
        client = Client(request, self.answer)
        self.engine.ask(client)
        return client

    def answer(self, response: Response, client: Client) -> None:
        """Note an answer."""
        self.left.append(f"answer {response}" + (" deleted" if client.deleted else ""))

    def close(self) -> None:
        """Close what is open."""
        self.database.close()
        self.loop.close()


Build = Callable[..., Bench]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Return a function that builds a bench, which is closed at the end."""
    built: list[Bench] = []

    def begin(act: Callable[..., Any] = lambda *_: None, **options: Any) -> Bench:
        for bench in built:
            bench.close()
        built.append(Bench(tmp_path, act, **options))
        return built[-1]

    yield begin
    built[-1].close()


def store_and_answer(node: Probe, what: str, *arguments: Any) -> None:
    """Store a request, send it on, and answer it."""
    if what == "request":
        client, request = arguments
        node.append(request)
        node.count += 1
        node.send("jerry", Ping(term=node.count))
        node.reply(client, Ok())


# The order of a turn.


def test_nothing_leaves_before_it_is_on_the_disk(build: Build) -> None:
    """A turn is handled, stored, recorded, and only then answered and sent."""
    bench = build(store_and_answer)
    bench.ask(Set(key="x", value="1"))
    assert ["send Ping to jerry"] == bench.left  # It is prepared: it leaves with the flush.
    bench.engine.finish_turn()
    assert ["send Ping to jerry", "commit", "record", "answer Ok(value=None)", "flush"] == bench.left
    assert {"log": bench.node.log, "count": 1} == bench.database.load()


def test_a_turn_has_one_transaction(build: Build) -> None:
    """However many clients ask, the disk is written once, and all are answered in their order."""
    bench = build(lambda node, what, *arguments: node.reply(arguments[0], Ok(value=arguments[1].key)))
    for key in "abc":
        bench.ask(Get(key=key))
    bench.engine.finish_turn()
    assert ["commit", "record", *(f"answer Ok(value='{key}')" for key in "abc"), "flush"] == bench.left
    bench.engine.finish_turn()
    assert bench.left.count("answer Ok(value='a')") == 1


class Leading(Probe):
    """A Node whose term is stored, too, and which can lead."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")

    current_term: int = 1
    is_leader: bool = True


def call(node: Probe, *entries: Entry, committed: int = 0) -> None:
    """Send a leader's call."""
    node.send(
        "jerry",
        AppendEntries(term=1, prev_log_index=0, prev_log_term=0, entries=entries, leader_commit=committed, round=1),
    )


def change_term(node: Any) -> None:
    """Do what goes with an election."""
    node.current_term += 1


def add_and_truncate(node: Any) -> None:
    """Add an entry in place of one that is deleted."""
    node.append(None)
    node.log.truncate_after(node.log.last_index - 1)


def call_with_new(node: Any, committed: int = 0) -> None:
    """Send a leader's call with a new entry."""
    call(node, node.append(None), committed=committed)


@pytest.mark.parametrize(
    "acts, goes_ahead",
    [
        ([call_with_new], True),
        ([lambda node: call_with_new(node, 1)], True),  # The first entry is on the disk already.
        ([lambda node: call_with_new(node, 2)], False),
        ([call], False),  # There is nothing to wait for.
        ([call_with_new, lambda node: node.send("jerry", Ping(term=1))], False),
        ([call_with_new, change_term], False),
        ([call_with_new, add_and_truncate], False),
        ([lambda node: setattr(node, "is_leader", False), call_with_new], False),
        ([call_with_new, lambda node: node.reply("client#tom.1.1", Ok())], False),
        ([lambda node: node.append(None)], False),
    ],
)
def test_new_entries_of_a_leader_may_leave_while_the_disk_is_written(
    build: Build, acts: list[Callable[[Any], object]], goes_ahead: bool
) -> None:
    """Nothing else may: what a message states must be on the disk, but for entries that the sender does not count on."""

    def do(node: Any, what: str, *_arguments: Any) -> None:
        for act in acts if what == "timeout" else ():
            act(node)

    bench = build(do, base=Leading)
    bench.ask(Get(key="x"))
    bench.node.append(None)
    bench.engine.finish_turn()
    bench.left.clear()
    bench.engine.timeout("election")
    bench.engine.finish_turn()
    order = [each for each in bench.left if each in ("record", "send ahead", "commit", "flush")]
    ahead = ["record", "send ahead"] if goes_ahead else []
    assert [*ahead, "commit", "record", "flush"] == order
    bench.left.clear()
    bench.engine.finish_turn()
    assert "send ahead" not in bench.left


def test_node_that_forgets_its_term_sends_nothing_ahead(build: Build) -> None:
    """It could lead in the same term again, with another entry in the same place."""
    bench = build(lambda node, what, *_: call_with_new(node))
    bench.node.is_leader = True
    bench.engine.start()
    bench.engine.finish_turn()
    assert "send ahead" not in bench.left


@pytest.mark.parametrize("where", ["commit", "record"])
def test_full_disk_lets_nothing_leave(build: Build, where: str) -> None:
    """Neither an answer nor a message leaves if the turn cannot be stored or recorded."""
    bench = build(store_and_answer)
    bench.errors[where] = DiskError("full")
    bench.ask(Set(key="x", value="1"))
    with pytest.raises(DiskError):
        bench.engine.finish_turn()
    assert not {"flush", "answer Ok(value=None)"} & set(bench.left)


def test_timers_take_effect_at_once(build: Build) -> None:
    """A timer that an event cancels or restarts is not due later in the same turn."""

    def act(node: Probe, what: str, *_arguments: Any) -> None:
        if what == "ping":
            node.cancel_timer("election")
        else:
            node.start_timer("election", 1)

    bench = build(act)
    bench.engine.start()
    bench.loop.go_on(5)  # It is late, and nothing was handled yet.
    bench.engine.message("jerry", Ping(term=1), "jerry.1", 1)
    assert bench.timers.take_due() is None
    bench.ask(Get(key="x"))
    bench.loop.go_on(6)
    assert "election" == bench.timers.take_due()


def test_next_life_begins_with_what_was_stored(build: Build) -> None:
    """What a turn has not finished is not there; the clients of the next life have other addresses."""
    bench = build(store_and_answer)
    first = bench.ask(Set(key="x", value="1"))
    bench.engine.finish_turn()
    bench.ask(Set(key="x", value="2"))
    bench = build(store_and_answer)
    assert (1, 1) == (bench.node.count, bench.node.log.last_index)
    second = bench.ask(Set(key="x", value="2"))
    assert ("client#tom.1.1", "client#tom.2.1") == (first.address, second.address)


# Clients.


def test_deletes_report_whether_the_key_was_there(build: Build) -> None:
    """The reply to a Delete counts what its own entry deleted, not what an equal one did."""

    def act(node: Probe, what: str, *arguments: Any) -> None:
        client, request = arguments
        node.apply(node.append(request))
        node.reply(client, Ok())

    bench = build(act)
    for request in (Delete(key="x"), Set(key="x", value="1"), Delete(key="x"), Delete(key="x")):
        bench.ask(request)
    bench.engine.finish_turn()
    assert [False, False, True, False] == ["deleted" in line for line in bench.left if line.startswith("answer")]
    assert {} == bench.engine.waiting


def test_deletes_in_a_session_are_counted_too(build: Build) -> None:
    """What a session numbers changes keys as the same command without a number does."""

    def act(node: Probe, what: str, *arguments: Any) -> None:
        client, request = arguments
        node.apply(node.append(request))
        node.reply(client, Ok())

    bench = build(act)
    commands: list[Append | Delete] = [Append(key="x", value="1"), Delete(key="x"), Delete(key="x")]
    for serial, command in enumerate(commands, 1):
        bench.ask(InSession(session=1, serial=serial, command=command))
    bench.engine.finish_turn()
    assert [False, True, False] == ["deleted" in line for line in bench.left if line.startswith("answer")]


def test_client_that_has_gone_costs_nothing_and_may_be_answered_late(build: Build) -> None:
    """A deposed leader never answers; a leader without a majority answers when it has one again, to nobody."""
    waits: list[str] = []

    def act(node: Probe, what: str, *arguments: Any) -> None:
        if what == "request":
            waits.append(arguments[0])
        else:
            for address in waits:
                node.reply(address, Ok())

    bench = build(act)
    stays, leaves, left = (Client(Delete(key="x"), bench.answer) for _ in range(3))
    bench.engine.forget(left)  # Before the turn in which the node hears of it.
    for client in (stays, leaves, left):
        bench.engine.ask(client)
    bench.engine.forget(leaves)
    assert [stays] == list(bench.engine.waiting.values())
    bench.engine.message("jerry", Ping(term=1), "jerry.1", 1)
    bench.engine.finish_turn()
    assert 1 == sum(line.startswith("answer") for line in bench.left)
    with pytest.raises(NodeError, match="no such client waits"):
        bench.engine.message("jerry", Ping(term=1), "jerry.1", 2)


def test_entries_of_others_count_for_deletes(build: Build) -> None:
    """A key that another server's entry set exists; an entry equal to an open request is not that request."""
    waits: list[str] = []

    def act(node: Probe, what: str, *arguments: Any) -> None:
        if what == "ping":
            node.apply(Entry(index=1, term=1, command=Set(key="x", value="1")))
            node.apply(Entry(index=2, term=1, command=Delete(key="x")))  # Another client's.
            node.reply(waits[0], NotLeader())
        else:
            waits.append(arguments[0])

    bench = build(act)
    client = bench.ask(Delete(key="x"))
    bench.engine.message("jerry", Ping(term=1), "jerry.1", 1)
    bench.engine.finish_turn()
    assert not client.deleted


# Mistakes.


def wrong(effect: Callable[[Probe], object]) -> Callable[..., Any]:
    """Return what a Node does that does this at its start."""
    return lambda node, what, *arguments: effect(node)


@pytest.mark.parametrize(
    "effect, words",
    [
        (lambda node: 1 / 0, "ZeroDivisionError"),
        (lambda node: (_ for _ in ()).throw(SystemExit(3)), "SystemExit"),
        (lambda node: 3, "return"),
        (lambda node: node.send("tom", Ping(term=1)), "sent a message to 'tom'; the others are jerry, spike"),
        (lambda node: node.send("tyke", Ping(term=1)), "sent a message to 'tyke'; the others are jerry, spike"),
        (lambda node: node.send("jerry", None), "None"),
        (lambda node: node.reply("client#tom.1.9", Ok()), "no such client waits; a client is answered once"),
        (lambda node: node.start_timer("election", -1), "election"),
    ],
)
def test_mistake_in_a_handler_is_the_nodes(build: Build, effect: Callable[[Probe], object], words: str) -> None:
    """The error names the server and the handler; the watchdog sees that no handler runs any more."""
    bench = build(wrong(effect))
    with pytest.raises(NodeError, match=words) as caught:
        bench.engine.start()
    assert ("tom", "on_start") == (caught.value.server, caught.value.handler)
    assert (1, False) == (bench.engine.calls, bench.engine.is_handling)


@pytest.mark.parametrize("value", ["three", None, [3]])
def test_durable_field_that_cannot_be_stored_is_the_nodes(build: Build, value: Any) -> None:
    """What a message could not hold cannot be stored, and nothing leaves."""
    bench = build(lambda node, what, *arguments: setattr(node, "count", value))
    bench.engine.start()
    with pytest.raises(NodeError, match=r"tom's turn left something in a durable field .*: count should be int"):
        bench.engine.finish_turn()
    assert [] == bench.left


def test_something_else_in_place_of_the_log_is_the_nodes(build: Build) -> None:
    """A log stays a Log."""
    bench = build(lambda node, what, *arguments: setattr(node, "log", []))
    bench.engine.start()
    with pytest.raises(NodeError, match="a log stays a Log"):
        bench.engine.finish_turn()


def test_client_is_answered_once(build: Build) -> None:
    """A second answer to the same client is a mistake, also in a later turn."""
    clients: list[str] = []

    def act(node: Probe, what: str, *arguments: Any) -> None:
        clients.extend(arguments[:1])
        node.reply(clients[0], Ok())

    bench = build(act)
    bench.ask(Get(key="x"))
    bench.engine.finish_turn()
    with pytest.raises(NodeError, match="a client is answered once"):
        bench.engine.message("jerry", Ping(term=1), "jerry.1", 1)


def test_message_that_a_node_cannot_handle_is_named(build: Build) -> None:
    """It may be false; so the error says what had arrived, and from whom, and not more than fits on a screen."""

    def act(node: Probe, what: str, *arguments: Any) -> None:
        raise ValueError("no such term")

    bench = build(act)
    with pytest.raises(
        UnhandledMessageError, match=r"no such term(?s:.*)This is what jerry had sent: Ping\(term=7\)$"
    ) as found:
        bench.engine.message("jerry", Ping(term=7), "jerry.1", 1)
    assert "jerry" == found.value.sender
    with pytest.raises(NodeError) as caught:
        bench.engine.message("jerry", Ping(term=10**1000), "jerry.1", 2)
    assert len(str(caught.value)) < 2 * MOST_SHOWN
    with pytest.raises(NodeError, match="no such term") as caught:
        bench.ask(Get(key="x"))
    assert "had sent" not in str(caught.value)


def test_event_without_a_handler_is_the_nodes(build: Build) -> None:
    """A message or a timer that the Node does not handle is named."""
    bench = build()
    with pytest.raises(NodeError, match="tom has no on_unknown"):
        bench.engine.message("jerry", Unknown(), "jerry.1", 1)
    with pytest.raises(NodeError, match="tom has no on_nap_timeout"):
        bench.engine.timeout("nap")


# The trace.


def test_events_are_recorded_with_what_they_caused(build: Build) -> None:
    """Each event is followed by its changes and effects, all at one time, and a request by its answer."""
    trace = Trace(SERVERS)

    def act(node: Probe, what: str, *arguments: Any) -> None:
        node.start_timer("election", 1)
        store_and_answer(node, what, *arguments)

    bench = build(act, recorder=Recorder(trace))
    bench.engine.start()
    bench.loop.now_s = 0.5
    bench.engine.message("jerry", Ping(term=7), "jerry.3", 12)
    bench.loop.now_s = 1.0
    bench.ask(Set(key="x", value="1"))
    bench.engine.timeout("election")
    kinds = [(event.kind, event.time_us) for event in trace if event.kind != "role"]
    expected = {0: ["started"], 500_000: ["delivered"], 1_000_000: ["asked", "appended", "answered", "timer_fired"]}
    assert [(kind, time_us) for time_us, kinds in expected.items() for kind in kinds] == [
        each for each in kinds if each[0] != "timer_started"
    ]
    assert [1_000_000, 1_500_000, 2_000_000, 2_000_000] == [event["due"] for event in trace.of("timer_started")]
    delivered = trace.of("delivered")[0]
    assert ("jerry.3>tom#12", "jerry", 7) == (delivered["message"], delivered["from"], delivered["term"])
    assert {"client": "client#tom.1.1", "response": "Ok", "value": None} == trace.of("answered")[0].detail
