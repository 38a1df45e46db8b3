"""What agreement costs: calls, messages, bytes and disk writes, in virtual time with the paper's timing.

A Node may be right and wasteful. The bars are those of MIT's lab (6.5840, tests Count3B and RPCBytes3B), where three
servers elect within 30 calls, agree on ten commands within 42, stay within 60 in an idle second, and send no more
than three times what the clients wrote, and 50,000 bytes. MIT counts calls: the answer to a call is free. Bytes are
those of every message, answers too, as `to_text` spells them, in UTF-8. All of it is in virtual time, so that no
machine is too slow for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from raft_steps.lab.commands import Ok, Set
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario import arguments
from raft_steps.lab.scenario.model import MICROSECONDS, Action
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.lab.text_table import html_table, text_table
from raft_steps.lab.verify.conformance.traffic import Traffic

SERVERS = 3
ENTRIES = 10  # commands that are asked one after another
LONG_VALUE = 5_000  # bytes that the client writes with each of them, where bytes are measured
PATIENCE = 10.0  # seconds of virtual time for an election, or for an entry
SETTLE = 0.5  # seconds before and after what is measured, so that nothing of it is on its way any more

CALLS_TO_ELECT, CALLS_FOR_ENTRIES, CALLS_IDLE = 30, 42, 60
BYTES_FOR_ENTRIES = 3 * ENTRIES * LONG_VALUE + 50_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured.

    Attributes:
        name: What, as a script calls it.
        text: What, in words.
        value: How many; None if it does not apply, or did not come about.
        bar: How many there may be; None without a bar.
        note: Why there is no value, or what else there is to say.
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
        """Whether the bar is met; what does not apply, and what has no bar, misses none."""
        if not self.applies:
            return True
        return self.value is not None and (self.bar is None or self.value <= self.bar)

    @property
    def verdict(self) -> str:
        """The verdict in a word."""
        if not self.applies:
            return "does not apply"
        if self.value is None:
            return "NOT MET"
        return "" if self.bar is None else "met" if self.met else "NOT MET"

    @property
    def spelled(self) -> str:
        """The value, as people write it."""
        return "–" if self.value is None else f"{self.value:,.1f}".removesuffix(".0")


@dataclass(frozen=True, slots=True)
class BudgetReport:
    """What a Node's agreement costs.

    Attributes:
        title: Whose costs these are.
        seed: The seed of the runs.
        figures: What was measured.
    """

    title: str
    seed: int
    figures: tuple[Figure, ...]

    @property
    def passed(self) -> bool:
        """Whether every bar is met."""
        return all(figure.met for figure in self.figures)

    def figure(self, name: str) -> Figure:
        """Give one figure by its name.

        Raises:
            LookupError: There is none of that name.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise LookupError(f"there is no figure {name!r}; there are {', '.join(each.name for each in self.figures)}")

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows."""
        names = ("name", "text", "value", "bar", "met", "applies", "note")
        return {
            "title": self.title,
            "seed": self.seed,
            "passed": self.passed,
            "figures": [{name: getattr(figure, name) for name in names} for figure in self.figures],
        }

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                figure.text,
                figure.spelled,
                "" if figure.bar is None else f"{figure.bar:,}",
                "; ".join(part for part in (figure.verdict, figure.note) if part),
            )
            for figure in self.figures
        ]

    def _heading(self) -> str:
        return f"What agreement costs: {self.title}, {SERVERS} servers, the paper's timing, seed {self.seed}"

    def __str__(self) -> str:
        """Show a line for each figure."""
        rows = [("", "measured", "at most", ""), *self._rows()]
        return "\n".join([self._heading(), *text_table(rows, right=(1, 2))])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the same as a table."""
        header, align = ("", "measured", "at most", ""), ("left", "right", "right", "left")
        return f"<p>{escape(self._heading())}</p>{html_table(self._rows(), header=header, align=align)}"


def budgets(step_or_node: int | type, seed: int = 0) -> BudgetReport:
    """Measure what a Node's agreement costs.

    Args:
        step_or_node: The number of a step, or a Node class such as your own.
        seed: What chance begins with.

    Returns:
        The report; in a notebook, its own table.

    Raises:
        ScenarioError: It is neither, or there is no such step.
        NodeError: A node raised, hung or returned something.
    """
    step, node_class = arguments.read_step(step_or_node)
    title = arguments.title_of(step_or_node)
    if step is not None:
        from raft_steps import node

        node_class = node(step)
    if not hasattr(node_class, "on_append_entries"):
        why = "it is alone and talks to nobody"
        return BudgetReport(title, seed, tuple(Figure(*each, None, None, why, applies=False) for each in FIGURES))
    elects = hasattr(node_class, "on_election_timeout")
    found: list[Figure] = []
    for part in (_election if elects else _no_election, _idle, _entries, _bytes):
        found += part(_Measuring(step, node_class, seed))
    return BudgetReport(title, seed, tuple(found))


FIGURES = (
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
TEXTS = dict(FIGURES)


class _Measuring:
    """One run that is measured."""

    def __init__(self, step: int | None, node_class: type | None, seed: int) -> None:
        scenario = default_scenario(step, SERVERS, node_class=node_class, seed=seed, timing="paper")
        self.traffic = Traffic()
        self.simulation = Simulation(scenario, node_class, record=False, monitor=self.traffic)

    def wait(self, condition: Callable[[], bool]) -> bool:
        """Let time pass until a condition holds; say whether it does."""
        end = self.simulation.now_us + round(PATIENCE * MICROSECONDS)
        return condition() or self.simulation.run_until(end, condition)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.simulation.run_until(self.simulation.now_us + round(seconds * MICROSECONDS))

    def all_know_a_leader(self) -> bool:
        """Say whether one server leads, and every other has heard from it."""
        hosts = self.simulation.hosts
        leaders = [name for name, host in hosts.items() if host.node.is_leader]
        return len(leaders) == 1 and all(
            (leaders[0], name) in self.traffic.heard for name in hosts if name != leaders[0]
        )

    def begin(self) -> bool:
        """Get to a leader that all know, and let all that is on its way arrive."""
        if not self.wait(self.all_know_a_leader):
            return False
        self.pass_time(SETTLE)
        return True

    def write_all(self, value: str) -> bool:
        """Ask for all entries, one after another, until every server has stored them; say whether it did."""
        simulation, last = self.simulation, Set(key=f"k{ENTRIES}", value=f"{value}{ENTRIES}")
        for number in range(1, ENTRIES + 1):
            client = simulation.perform(Action(simulation.now_us, "set", (f"k{number}", f"{value}{number}")))
            if not self.wait(partial(self.is_answered, client)):
                return False
        return self.wait(partial(self.all_end_with, last))

    def is_answered(self, client: str) -> bool:
        """Say whether a client was told that its write is done."""
        return isinstance(self.simulation.responses.get(client), Ok)

    def all_end_with(self, command: Set) -> bool:
        """Say whether this command is the last in every log."""
        return all(
            host.node.log[host.node.log.last_index].command == command for host in self.simulation.hosts.values()
        )


def _figure(name: str, value: float | None, bar: int | None = None, note: str = "") -> Figure:
    if value is None:
        note = f"it did not come about within {PATIENCE:g} s"
    return Figure(name, TEXTS[name], value, bar, note)


def _no_election(_run: _Measuring) -> list[Figure]:
    why = "the leader is named, nobody is elected"
    return [
        Figure(name, TEXTS[name], None, None, why, applies=False) for name in ("calls_to_elect", "messages_to_elect")
    ]


def _election(run: _Measuring) -> list[Figure]:
    elected = run.wait(run.all_know_a_leader)
    traffic = run.traffic
    return [
        _figure("calls_to_elect", traffic.calls if elected else None, CALLS_TO_ELECT),
        _figure("messages_to_elect", traffic.messages if elected else None),
    ]


def _idle(run: _Measuring) -> list[Figure]:
    traffic, begun = run.traffic, run.begin()
    calls, messages = traffic.calls, traffic.messages
    run.pass_time(1)
    return [
        _figure("calls_idle", traffic.calls - calls if begun else None, CALLS_IDLE),
        _figure("messages_idle", traffic.messages - messages if begun else None),
    ]


def _entries(run: _Measuring) -> list[Figure]:
    traffic, begun = run.traffic, run.begin()
    calls, messages, stored = traffic.calls, traffic.messages, sum(traffic.stored.values())
    done = begun and run.write_all("")
    return [
        _figure("calls_for_entries", traffic.calls - calls if done else None, CALLS_FOR_ENTRIES),
        _figure("messages_per_entry", (traffic.messages - messages) / ENTRIES if done else None),
        _figure("stored_per_entry", (sum(traffic.stored.values()) - stored) / ENTRIES / SERVERS if done else None),
    ]


def _bytes(run: _Measuring) -> list[Figure]:
    traffic, begun = run.traffic, run.begin()
    before = traffic.bytes
    done = begun and run.write_all("x" * LONG_VALUE)
    spent = traffic.bytes - before if done else None
    return [
        _figure("bytes_for_entries", spent, BYTES_FOR_ENTRIES),
        _figure("bytes_per_entry", None if spent is None else spent / ENTRIES),
    ]
