"""A schedule: every event of a run in order, as one line of text that can be run again.

    raft-steps-schedule 1; step 8; servers tom jerry spike; timeout tom election; deliver tom>jerry#1; breaks Election Safety

A scenario gives the times at which something is done to a cluster, and leaves the rest to delays and chance. A schedule
has no times and leaves nothing open: it gives the order in which messages arrive and timers run out. What a search
finds is a schedule.

    step N                    which step's Node runs (absent when a Node class is given with it)
    servers NAME…             the servers; all start, in this order, before the first event
    members NAME…             those that make up the cluster at first, all by default; the others know of no server
    leader NAME               the server that leads from its first start
    log NAME TERM "COMMAND"…  what a server's disk holds at first
    term NAME NUMBER          the term that a server is in, once it has started; by default, from step 9 on, at least the
                              newest term of any log, see `raft_steps.lab.scenario.reachable_starts`
    timeout NAME TIMER        a running timer runs out
    deliver FROM>TO#NUMBER    the message of this number on that link arrives
    copy FROM>TO#NUMBER       the same, and the message stays in flight as well
    drop FROM>TO#NUMBER       the message is lost
    forget                    all messages in flight are lost
    snapshot NAME             the server takes a snapshot of what it has applied, if there is anything new
    crash NAME, restart NAME  the server goes down; it starts again with what its disk holds
    ask NAME COMMAND…         a client asks this server; `ask NAME as client#7 COMMAND…` names the client
    breaks NAME…              the invariant that the run breaks, so that a replay can check it
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.commands import command_of_words, command_text, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.runtime.launching import respects_terms
from raft_steps.lab.scenario.grammar import join_clauses, join_words, log_clause, parse_log, reading, split_clauses
from raft_steps.lab.scenario.model import SERVER_NAMES, StoredLog, parse_whole_number
from raft_steps.lab.scenario.reachable_starts import check_start, last_term, start_terms
from raft_steps.lab.text import nearest, plain_text
from raft_steps.lab.verify.model_checker.scope import check_server

VERSION = 1
HEAD = "raft-steps-schedule"
EVENTS: Mapping[str, str] = {
    "timeout": "SERVER TIMER",
    "deliver": "FROM>TO#NUMBER",
    "copy": "FROM>TO#NUMBER",
    "drop": "FROM>TO#NUMBER",
    "forget": "nothing",
    "snapshot": "SERVER",
    "crash": "SERVER",
    "restart": "SERVER",
    "ask": "SERVER COMMAND, such as: ask tom set x 1",
}
PARTS = ("step", "servers", "members", "leader", "log", "term", "breaks")
MESSAGE = re.compile(r"(\S+)>(\S+)#([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class ScheduleStep:
    """One event of a schedule.

    Attributes:
        verb: One of `EVENTS`.
        words: What follows the verb.
    """

    verb: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Format the step as a clause of the schedule."""
        return join_words((self.verb, *self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every event of a run; the module's docstring explains each part."""

    step: int | None = None
    servers: tuple[str, ...] = SERVER_NAMES[:3]
    members: tuple[str, ...] = ()
    leader: str | None = None
    logs: Mapping[str, StoredLog] = field(default_factory=dict)
    terms: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[ScheduleStep, ...] = ()
    breaks: str = ""

    def __post_init__(self) -> None:
        """Check the names and the forms of all parts. Whether an event can happen shows when the schedule is run.

        Raises:
            ScenarioError: A part is wrong; the message names it and what would be right.
        """
        if not self.servers or len(set(self.servers)) < len(self.servers):
            raise ScenarioError("a schedule names its servers, each once")
        for name in (*self.members, *self.terms):
            check_server(name, self.servers)
        for name in (*self.logs, *([self.leader] if self.leader is not None else [])):
            check_server(name, self.first_members)
        for name, term in self.terms.items():
            if type(term) is not int or term < last_term(self.logs.get(name, ())):
                raise ScenarioError(
                    f"the term of {name} is a number that is at least the term of its last entry, not {term!r}"
                )
        check_start(self.first_members, self.logs, leader=self.leader, step=self.step, terms=self.terms)
        for step in self.steps:
            self._check(step)

    @property
    def first_members(self) -> tuple[str, ...]:
        """The servers that make up the cluster at first."""
        return self.members or self.servers

    def first_terms(self, node_class: type) -> dict[str, int]:
        """Return the terms that servers enter once they have started, if their own are older.

        Raises:
            ScenarioError: With the terms that are given, no run of Raft can lead to the start.
        """
        if not respects_terms(node_class):
            return dict(self.terms)
        return start_terms(self.first_members, self.logs, leader=self.leader, terms=self.terms)

    def _check(self, step: ScheduleStep) -> None:
        if step.verb not in EVENTS:
            raise ScenarioError(f"a schedule has no {step.verb!r}{nearest(step.verb, (*PARTS, *EVENTS))}")
        words = step.words
        if step.verb in ("deliver", "copy", "drop"):
            found = MESSAGE.fullmatch(words[0]) if len(words) == 1 else None
            if found is None:
                raise ScenarioError(f"{step}: after {step.verb} comes {EVENTS[step.verb]}, such as tom>jerry#1")
            check_server(found[1], self.servers)
            check_server(found[2], self.servers)
            if found[1] == found[2]:
                raise ScenarioError(f"{step}: {found[1]} has no link to itself")
            return
        fits = {"timeout": len(words) == 2, "ask": len(words) >= 3, "forget": not words}.get(step.verb, len(words) == 1)
        if not fits:
            raise ScenarioError(f"{step}: after {step.verb} comes {EVENTS[step.verb]}")
        if words:
            check_server(words[0], self.servers)
        if step.verb == "ask":
            command_of_words(*client_and_command(words)[1])

    def to_text(self) -> str:
        """Format the schedule as one line."""
        clauses: list[list[object]] = [[HEAD, VERSION]]
        if self.step is not None:
            clauses.append(["step", self.step])
        clauses.append(["servers", *self.servers])
        if self.members:
            clauses.append(["members", *self.members])
        if self.leader is not None:
            clauses.append(["leader", self.leader])
        clauses += [log_clause(name, entries) for name, entries in self.logs.items()]
        clauses += [["term", name, term] for name, term in self.terms.items()]
        clauses += [[step.verb, *step.words] for step in self.steps]
        if self.breaks:
            clauses.append(["breaks", *self.breaks.split()])
        return join_clauses(clauses)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Parse a schedule from its line of text; lines that begin with # are comments.

        Raises:
            ScenarioError: A part cannot be read; the message names it and what would be right.
        """
        text = " ".join(line for line in plain_text(text).split("\n") if not line.lstrip().startswith("#"))
        clauses = split_clauses(text, "schedule")
        if not clauses or clauses[0][0] != HEAD:
            raise ScenarioError(
                f"a schedule begins with its version, as in: {HEAD} {VERSION}; step 8; servers tom jerry"
            )
        if clauses[0][1:] != [str(VERSION)]:
            given = " ".join(clauses[0][1:])
            raise ScenarioError(f"this schedule is of version {given!r}; this laboratory reads version {VERSION}")
        parts: dict[str, Any] = {"logs": {}, "terms": {}, "steps": []}
        for clause in clauses[1:]:
            with reading(clause, "schedule"):
                _read_clause(clause[0], clause[1:], parts)
        return cls(**parts | {"steps": tuple(parts["steps"])})


def _read_clause(name: str, words: list[str], parts: dict[str, Any]) -> None:
    """Add the content of a clause to the fields; the caller's `reading` turns what this raises into a ScenarioError."""
    match name:
        case "step":
            (number,) = words
            parts["step"] = parse_whole_number(number)
        case "servers" | "members":
            parts[name] = tuple(words)
        case "leader":
            (parts["leader"],) = words
        case "log":
            server, entries = parse_log(words)
            if server in parts["logs"]:
                raise ScenarioError(f"the schedule has the log of {server} twice")
            for _, text in entries:
                parse_command(text)
            parts["logs"][server] = entries
        case "term":
            server, term = words
            parts["terms"][server] = parse_whole_number(term)
        case "breaks":
            parts["breaks"] = " ".join(words)
        case _:  # Any other word is an event, or is refused as one.
            parts["steps"].append(ScheduleStep(name, tuple(words)))


def client_and_command(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Split the words of an `ask` into the client, None if it is not named, and the words of the command."""
    if words[1] == "as" and len(words) > 3:
        return words[2], words[3:]
    return None, words[1:]


def ask_step(server: str, client: str, request: object, number: int) -> ScheduleStep:
    """Return the step in which a client asks a server; the client is named only if a replay would name it differently.

    Args:
        server: The server that is asked.
        client: The client.
        request: Its request.
        number: The number of the next client without a name.
    """
    named = () if client == f"client#{number}" else ("as", client)
    words = shlex.split(command_text(request))  # type: ignore[arg-type]  # It was read from text.
    return ScheduleStep("ask", (server, *named, *words))
