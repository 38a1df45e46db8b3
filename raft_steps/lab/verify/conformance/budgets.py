"""The cost of agreement: calls, messages, bytes and disk writes, in virtual time with the paper's timing.

A Node may be correct and wasteful. The limits are those of MIT's lab (6.5840, tests Count3B and RPCBytes3B): three
servers elect a leader within 30 calls, agree on ten commands within 42, make at most 60 calls in an idle second, and send
at most three times the bytes that the clients wrote, plus 50,000. As in MIT's lab, the answer to a call does not count as
a call. Bytes are those of all messages, answers included, formatted with `to_text` and encoded as UTF-8.

A Node with a `batch_size` promises more: a server that lacks many entries gets them in (missing / batch_size + 3) calls,
and each of them once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from raft_steps.lab.commands import Ok, Request, Set
from raft_steps.lab.log import Change
from raft_steps.lab.runtime.host import Host
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import MICROSECONDS, SERVER_NAMES, Action
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.lab.text_table import html_table, text_table
from raft_steps.lab.verify.conformance.traffic import Traffic

SERVERS = 3
ENTRIES = 10  # commands that clients ask for, one after another
LONG_VALUE = 5_000  # the length of each value in bytes, when bytes are measured
TIMEOUT_S = 10.0  # virtual time for an election, or for an entry
SETTLE_S = 0.5  # virtual time before a measurement, in which messages of the election arrive
MISSING = 200  # entries that one server lacks
DELAY_S = 0.005  # of every message while that server catches up: with equal delays, no call overtakes another

CALLS_TO_ELECT, CALLS_FOR_ENTRIES, CALLS_IDLE = 30, 42, 60
BYTES_FOR_ENTRIES = 3 * ENTRIES * LONG_VALUE + 50_000


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measured number and its limit.

    Attributes:
        name: Its name in JSON.
        text: What is measured, in words.
        value: The number; None if it does not apply, or could not be measured.
        bar: The limit; None if there is none.
        note: Why there is no value; "" if there is one.
        applies: Whether it applies to this Node.
    """

    name: str
    text: str
    value: float | None
    bar: int | None = None
    note: str = ""
    applies: bool = True

    @property
    def met(self) -> bool:
        """Whether the limit is met; a number that does not apply, or has no limit, counts as met."""
        if not self.applies:
            return True
        return self.value is not None and (self.bar is None or self.value <= self.bar)

    @property
    def verdict(self) -> str:
        """The result in a word or two; "" if there is a value without a limit."""
        if not self.applies:
            return "does not apply"
        if self.value is None:
            return "NOT MET"
        return "" if self.bar is None else "met" if self.met else "NOT MET"

    @property
    def formatted(self) -> str:
        """The value as text, with a comma between thousands."""
        return "–" if self.value is None else f"{self.value:,.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What a Node's agreement costs.

    Attributes:
        title: The name of the Node, such as ``step 8``.
        seed: The seed of the runs.
        measurements: What was measured.
    """

    title: str
    seed: int
    measurements: tuple[Measurement, ...]

    @property
    def passed(self) -> bool:
        """Whether every limit is met."""
        return all(each.met for each in self.measurements)

    def measurement(self, name: str) -> Measurement:
        """Return the measurement with this name.

        Raises:
            LookupError: There is no such measurement.
        """
        for each in self.measurements:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.measurements)
        raise LookupError(f"there is no measurement {name!r}; there are {names}")

    def as_data(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        names = ("name", "text", "value", "bar", "met", "applies", "note")
        return {
            "title": self.title,
            "seed": self.seed,
            "passed": self.passed,
            "figures": [{name: getattr(each, name) for name in names} for each in self.measurements],
        }

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                each.text,
                each.formatted,
                "" if each.bar is None else f"{each.bar:,}",
                "; ".join(part for part in (each.verdict, each.note) if part),
            )
            for each in self.measurements
        ]

    def _heading(self) -> str:
        return f"What agreement costs: {self.title}, {SERVERS} servers, the paper's timing, seed {self.seed}"

    def __str__(self) -> str:
        """Format a line for each measurement."""
        rows = [("", "measured", "at most", ""), *self._rows()]
        return "\n".join([self._heading(), *text_table(rows, right=(1, 2))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Format the same as HTML, with a table."""
        header, align = ("", "measured", "at most", ""), ("left", "right", "right", "left")
        return f"<p>{escape(self._heading())}</p>{html_table(self._rows(), header=header, align=align)}"


def budgets(step_or_node: int | type, seed: int = 0) -> BudgetReport:
    """Measure what a Node's agreement costs.

    Args:
        step_or_node: The number of a step, or a Node class such as your own.
        seed: The seed of the runs.

    Returns:
        The report, which a notebook shows as a table.

    Raises:
        ScenarioError: The argument is neither, or there is no such step.
        NodeError: A node raised, hung or returned something.
    """
    step, node_class = arguments.read_step(step_or_node)
    title = arguments.title_of(step_or_node)
    if step is not None:
        from raft_steps import node

        node_class = node(step)
    if not hasattr(node_class, "on_append_entries"):
        why = "it is alone and talks to nobody"
        skipped = tuple(Measurement(*each, None, None, why, applies=False) for each in MEASUREMENTS)
        return BudgetReport(title, seed, skipped)
    elects = hasattr(node_class, "on_election_timeout")
    found: list[Measurement] = []
    for measure in (_election if elects else _no_election, _idle, _entries, _bytes):
        found += measure(_MeasuredRun(step, node_class, seed))
    if elects and hasattr(node_class, "batch_size"):
        found += _catching_up(step, node_class, seed)
    return BudgetReport(title, seed, tuple(found))


MEASUREMENTS = (  # each a name and what is measured, in words
    ("calls_to_elect", "calls until three servers have a leader that all know"),
    ("messages_to_elect", "messages, with the answers, until then"),
    ("calls_idle", "calls in an idle second"),
    ("messages_idle", "messages in an idle second"),
    ("calls_for_entries", f"calls for {ENTRIES} entries, one after another"),
    ("messages_per_entry", "messages for each of them"),
    ("stored_per_entry", "writes to the disk for each of them, on each server"),
    ("bytes_for_entries", f"bytes for {ENTRIES} entries of {LONG_VALUE:,} bytes"),
    ("bytes_per_entry", "bytes for each of them"),
)
OF_BATCHES = (
    ("calls_to_catch_up", f"calls to a server that lacks {MISSING} entries, until it has them"),
    ("entries_to_catch_up", "entries in these calls"),
)
TEXTS = dict(MEASUREMENTS + OF_BATCHES)


class _MeasuredRun:
    """A run whose traffic is counted."""

    def __init__(self, step: int | None, node_class: type | None, seed: int) -> None:
        scenario = default_scenario(step, SERVERS, node_class=node_class, seed=seed, timing="paper")
        self.traffic = Traffic()
        self.simulation = Simulation(scenario, node_class, record=False, monitor=self.traffic)

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Run until a condition is true, and return whether it became true in time."""
        end_us = self.simulation.now_us + round(TIMEOUT_S * MICROSECONDS)
        return condition() or self.simulation.run_until(end_us, condition)

    def run_for(self, duration_s: float) -> None:
        """Run for some virtual time."""
        self.simulation.run_until(self.simulation.now_us + round(duration_s * MICROSECONDS))

    def all_know_a_leader(self) -> bool:
        """Return whether one server leads, and a call of it has reached every other server."""
        hosts = self.simulation.hosts
        leaders = [name for name, host in hosts.items() if host.node.is_leader]
        return len(leaders) == 1 and all(
            (leaders[0], name) in self.traffic.called for name in hosts if name != leaders[0]
        )

    def elect(self) -> bool:
        """Run until all know a leader and the messages of the election have arrived; return whether all know one."""
        if not self.wait(self.all_know_a_leader):
            return False
        self.run_for(SETTLE_S)
        return True

    def write_all(self, value: str) -> bool:
        """Ask for all entries, one after another, and return whether every server has stored them in time."""
        simulation, last = self.simulation, Set(key=f"k{ENTRIES}", value=f"{value}{ENTRIES}")
        for number in range(1, ENTRIES + 1):
            client = simulation.perform(Action(simulation.now_us, "set", (f"k{number}", f"{value}{number}")))
            if not self.wait(partial(self.is_answered, client)):
                return False
        return self.wait(partial(self.all_end_with, last))

    def is_answered(self, client: str) -> bool:
        """Return whether a client's write was answered with Ok."""
        return isinstance(self.simulation.responses.get(client), Ok)

    def all_end_with(self, command: Set) -> bool:
        """Return whether this command is the last in every log."""
        return all(
            host.node.log[host.node.log.last_index].command == command for host in self.simulation.hosts.values()
        )


def _measurement(name: str, value: float | None, bar: int | None = None) -> Measurement:
    note = f"it did not happen within {TIMEOUT_S:g} s" if value is None else ""
    return Measurement(name, TEXTS[name], value, bar, note)


def _no_election(_run: _MeasuredRun) -> list[Measurement]:
    why = "the leader is named, nobody is elected"
    names = ("calls_to_elect", "messages_to_elect")
    return [Measurement(name, TEXTS[name], None, None, why, applies=False) for name in names]


def _election(run: _MeasuredRun) -> list[Measurement]:
    elected = run.wait(run.all_know_a_leader)
    traffic = run.traffic
    return [
        _measurement("calls_to_elect", traffic.calls if elected else None, CALLS_TO_ELECT),
        _measurement("messages_to_elect", traffic.messages if elected else None),
    ]


def _idle(run: _MeasuredRun) -> list[Measurement]:
    traffic, elected = run.traffic, run.elect()
    calls, messages = traffic.calls, traffic.messages
    run.run_for(1)
    return [
        _measurement("calls_idle", traffic.calls - calls if elected else None, CALLS_IDLE),
        _measurement("messages_idle", traffic.messages - messages if elected else None),
    ]


def _entries(run: _MeasuredRun) -> list[Measurement]:
    traffic, elected = run.traffic, run.elect()
    calls, messages, stored = traffic.calls, traffic.messages, sum(traffic.stored.values())
    done = elected and run.write_all("")
    return [
        _measurement("calls_for_entries", traffic.calls - calls if done else None, CALLS_FOR_ENTRIES),
        _measurement("messages_per_entry", (traffic.messages - messages) / ENTRIES if done else None),
        _measurement("stored_per_entry", (sum(traffic.stored.values()) - stored) / ENTRIES / SERVERS if done else None),
    ]


def _bytes(run: _MeasuredRun) -> list[Measurement]:
    traffic, elected = run.traffic, run.elect()
    before = traffic.bytes
    done = elected and run.write_all("x" * LONG_VALUE)
    spent = traffic.bytes - before if done else None
    return [
        _measurement("bytes_for_entries", spent, BYTES_FOR_ENTRIES),
        _measurement("bytes_per_entry", None if spent is None else spent / ENTRIES),
    ]


class _CallsTo:
    """Counts the calls to one server, and the entries in them."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.calls = self.entries = 0

    def begins(self, host: Host) -> None:
        """Called when a server starts or restarts."""

    def asked(self, client: str, request: Request) -> None:
        """Called when a client asks a server."""

    def failed(self, host: Host) -> None:
        """Called when a server crashes in the middle of an event."""

    def handled(self, host: Host, _now_us: int, _message: object | None, _changes: list[Change] | None) -> None:
        """Called when a node has handled an event: count its calls."""
        for effect in host.node.effects:
            entries = getattr(effect[2], "entries", None) if effect[0] == "send" and effect[1] == self.server else None
            if entries is not None:
                self.calls += 1
                self.entries += len(entries)


def _catching_up(step: int | None, node_class: Any, seed: int) -> list[Measurement]:
    """Elect a leader with many entries, and measure how another server without any gets them."""
    servers = SERVER_NAMES[:SERVERS]
    log = tuple((1, f"set k{number} {number}") for number in range(MISSING))
    scenario = default_scenario(
        step, SERVERS, node_class=node_class, seed=seed, timing="paper", delay=(DELAY_S, DELAY_S),
        logs=dict.fromkeys(servers[:-1], log), draws={name: (0.2 + 0.2 * place,) for place, name in enumerate(servers)},
    )  # fmt: skip
    counts = _CallsTo(servers[-1])
    simulation = Simulation(scenario, node_class, record=False, monitor=counts)
    behind = simulation.hosts[servers[-1]]
    done = simulation.run_until(round(TIMEOUT_S * MICROSECONDS), lambda: behind.node.log.last_index > MISSING)
    calls, entries = (counts.calls, counts.entries) if done else (None, None)
    missing = (
        MISSING + 1
    )  # The leader's own first entry is missing, too; it travels twice, because the first call is refused.
    return [
        _measurement("calls_to_catch_up", calls, -(-missing // node_class.batch_size) + 3),
        _measurement("entries_to_catch_up", entries, missing + 1),
    ]
