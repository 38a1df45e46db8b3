"""A schedule: every event of a run in order, as one line of text that can be run again.

    raft-steps-schedule 1; step 8; servers tom jerry spike; timeout tom election; deliver tom>jerry#1; breaks Election Safety

A scenario says when what is done to a cluster, and leaves the rest to delays and chance. A schedule leaves nothing open
and knows no time: it says which message arrives next, and which timer runs out. What a search finds is a schedule.

    step N                    which step's Node runs (absent when a Node class is given beside it)
    servers NAME…             who takes part; all start, in this order, before the first event
    leader NAME               who is told to lead at its start
    log NAME TERM "COMMAND"…  what a server's disk holds at first
    term NAME NUMBER          the term that a server is in, once it has started
    timeout NAME TIMER        a running timer runs out
    deliver FROM>TO#NUMBER    the message of this number on that link arrives
    copy FROM>TO#NUMBER       the same, and it stays on its way as well
    drop FROM>TO#NUMBER       it is lost
    forget                    all messages that are on their way are lost
    crash NAME, restart NAME  a life ends; the next begins with what the disk holds
    ask NAME COMMAND…         a client asks this server; `ask NAME as client#7 COMMAND…` says which client
    breaks NAME…              the invariant that the run breaks, for the reader and for whoever checks
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from raft_steps.lab.commands import command_of_words, command_text, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import SERVER_NAMES
from raft_steps.lab.text import nearest
from raft_steps.lab.verify.model_checker.scope import known

VERSION = 1
HEAD = "raft-steps-schedule"
EVENTS: Mapping[str, str] = {
    "timeout": "SERVER TIMER",
    "deliver": "FROM>TO#NUMBER",
    "copy": "FROM>TO#NUMBER",
    "drop": "FROM>TO#NUMBER",
    "forget": "nothing",
    "crash": "SERVER",
    "restart": "SERVER",
    "ask": "SERVER COMMAND, such as: ask tom set x 1",
}
PARTS = ("step", "servers", "leader", "log", "term", "breaks")
CLAUSE = re.compile(r"(?:[^;\"']|\"(?:[^\"\\]|\\.)*\"|'[^']*')+|['\"]")
MESSAGE = re.compile(r"(\S+)>(\S+)#([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a schedule.

    Attributes:
        verb: One of `EVENTS`.
        words: What follows the verb.
    """

    verb: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Spell it as the schedule does."""
        return shlex_join((self.verb, *self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Every event of a run; the module's docstring explains each part."""

    step: int | None = None
    servers: tuple[str, ...] = SERVER_NAMES[:3]
    leader: str | None = None
    logs: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    terms: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    breaks: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be run.

        Raises:
            ScenarioError: Says which part, and what would be right.
        """
        if not self.servers or len(set(self.servers)) < len(self.servers):
            raise ScenarioError("a schedule names its servers, each once")
        for name in (*self.logs, *self.terms, *([self.leader] if self.leader is not None else [])):
            known(name, self.servers)
        for step in self.steps:
            self._check(step)

    def _check(self, step: Step) -> None:
        if step.verb not in EVENTS:
            raise ScenarioError(f"a schedule has no {step.verb!r}{nearest(step.verb, (*PARTS, *EVENTS))}")
        words = step.words
        if step.verb in ("deliver", "copy", "drop"):
            found = MESSAGE.fullmatch(words[0]) if len(words) == 1 else None
            if found is None:
                raise ScenarioError(f"{step}: after {step.verb} comes {EVENTS[step.verb]}, such as tom>jerry#1")
            known(found[1], self.servers)
            known(found[2], self.servers)
            return
        fits = {"timeout": len(words) == 2, "ask": len(words) >= 3, "forget": not words}.get(step.verb, len(words) == 1)
        if not fits:
            raise ScenarioError(f"{step}: after {step.verb} comes {EVENTS[step.verb]}")
        if words:
            known(words[0], self.servers)
        if step.verb == "ask":
            command_of_words(*client_and_command(words)[1])

    def to_text(self) -> str:
        """Spell the schedule as one line."""
        clauses = [f"{HEAD} {VERSION}"]
        if self.step is not None:
            clauses.append(f"step {self.step}")
        clauses.append(shlex_join(("servers", *self.servers)))
        if self.leader is not None:
            clauses.append(shlex_join(("leader", self.leader)))
        for name, log in self.logs.items():
            clauses.append(shlex_join(("log", name, *(word for term, text in log for word in (str(term), text)))))
        clauses += [shlex_join(("term", name, str(term))) for name, term in self.terms.items()]
        clauses += [str(step) for step in self.steps]
        if self.breaks:
            clauses.append(shlex_join(("breaks", *self.breaks.split())))
        return "; ".join(clauses)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read a schedule from its line of text; lines that begin with # are remarks.

        Raises:
            ScenarioError: Says which part cannot be read, and what would be right.
        """
        text = " ".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
        try:
            clauses = [shlex.split(clause) for clause in CLAUSE.findall(text)]
        except ValueError as error:
            raise ScenarioError("the schedule has an open quotation mark, or a backslash at its end") from error
        clauses = [clause for clause in clauses if clause]
        if not clauses or clauses[0][0] != HEAD:
            raise ScenarioError(
                f"a schedule begins with its version, as in: {HEAD} {VERSION}; step 8; servers tom jerry"
            )
        if clauses[0][1:] != [str(VERSION)]:
            given = " ".join(clauses[0][1:])
            raise ScenarioError(f"this schedule is of version {given!r}; this laboratory reads version {VERSION}")
        return _read(cls, clauses[1:])


def _read(cls: type[Schedule], clauses: list[list[str]]) -> Schedule:
    step: int | None = None
    servers: tuple[str, ...] = SERVER_NAMES[:3]
    leader, breaks = None, ""
    logs: dict[str, tuple[tuple[int, str], ...]] = {}
    terms: dict[str, int] = {}
    steps = []
    for clause in clauses:
        word, *rest = clause
        try:
            match word:
                case "step":
                    step = int(rest[0])
                case "servers":
                    servers = tuple(rest)
                case "leader":
                    (leader,) = rest
                case "log":
                    logs[rest[0]] = _read_log(rest[1:])
                case "term":
                    terms[rest[0]] = int(rest[1])
                case "breaks":
                    breaks = " ".join(rest)
                case _:
                    steps.append(Step(word, tuple(rest)))
        except (ValueError, IndexError) as error:
            raise ScenarioError(f"this part of the schedule cannot be read: {' '.join(clause)}") from error
    return cls(step=step, servers=servers, leader=leader, logs=logs, terms=terms, steps=tuple(steps), breaks=breaks)


def _read_log(words: list[str]) -> tuple[tuple[int, str], ...]:
    entries = tuple((int(term), text) for term, text in zip(words[::2], words[1::2], strict=True))
    for _, text in entries:
        parse_command(text)
    return entries


def client_and_command(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Take an `ask` apart: the client, if it is named, and the command's words."""
    if words[1] == "as" and len(words) > 3:
        return words[2], words[3:]
    return None, words[1:]


def ask_step(server: str, client: str, request: object, number: int) -> Step:
    """Say that a client asks; its name is said only if it is not the next that would be given."""
    named = () if client == f"client#{number}" else ("as", client)
    words = shlex.split(command_text(request))  # type: ignore[arg-type]  # It was read from text.
    return Step("ask", (server, *named, *words))


def shlex_join(words: tuple[str, ...]) -> str:
    """Join words, with quotation marks where one would be read as something else; names of messages need none."""
    return " ".join(word if re.fullmatch(r"[\w.>#-]+", word) else shlex.quote(word) for word in words)
