"""Translates between the words of a check and those of its run.

Every check is written for the same few words: tom is under test, jerry and spike are its peers, a leader is in term 4, and
a client sends ``set x 1``. That is easy to read, and it is what happens with the default parameters. With others, the
bench translates what a check does into the words of the run, and what it observes back; the text of a failure is
translated, too, so that it fits the run that is drawn below it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from raft_steps.lab.checks.parameters import DEFAULTS, KEYS, VALUES, CheckParameters
from raft_steps.lab.commands import command_text, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.log import Log
from raft_steps.lab.scenario.model import SERVER_NAMES, StoredLog
from raft_steps.lab.trace.trace import Event

# What a field contains follows from its name, in messages, in a Node's state and in a trace alike.
TERMS = frozenset(
    {"term", "current_term", "prev_log_term", "last_log_term", "conflict_term", "last_included_term", "next_term"}
)
INDEXES = frozenset(
    {"index", "after", "prev_log_index", "last_log_index", "next_index", "send_limit", "last_included_index"}
)
COMMITS = frozenset(
    {"leader_commit", "match_index", "commit_index", "last_applied", "conflict_index"}
)  # indexes for which 0 means: none
COMMANDS = frozenset({"command", "request"})


@dataclass(frozen=True, slots=True)
class _Direction:
    """One of the two directions of a translation."""

    servers: dict[str, str]
    keys: dict[str, str]
    values: dict[str, str]
    own_values: tuple[str, ...]  # those of the side that is translated; none is the beginning of another
    terms: int
    indexes: int

    def data(self, name: str, value: Any) -> Any:
        """Translate the value of a field, a command, an entry or an answer, and everything in it."""
        if isinstance(value, str):
            return self._text(name, value)
        if type(value) is int:
            return self._number(name, value)
        if isinstance(value, dict):
            return self._mapping(name, value)
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self.data(name, each) for each in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{each.name: self.data(each.name, getattr(value, each.name)) for each in fields(value)}
            )
        return value

    def _text(self, name: str, text: str) -> str:
        if name in COMMANDS:
            return self.command(text)
        if name == "key":
            return self.keys.get(text, text)
        if name in ("value", "expected"):
            return self.value(text)
        return self.servers.get(text, text)

    def value(self, text: str) -> str:
        """Translate a value, or several that were appended to each other; any other text stays as it is."""
        parts = re.findall("|".join(self.own_values), text)
        if parts and "".join(parts) == text:
            return "".join(self.values[part] for part in parts)
        return self.values.get(text, text)

    def _number(self, name: str, number: int) -> int:
        if name in TERMS:
            return number + self.terms
        if name in INDEXES or (name in COMMITS and number):
            return number + self.indexes
        return number

    def _mapping(self, name: str, mapping: dict[Any, Any]) -> dict[Any, Any]:
        if name == "state_machine":
            return {self.keys.get(key, key): self.data("value", value) for key, value in mapping.items()}
        # A value that belongs to a server, as in next_index, is of the mapping's kind; any other is named by its key.
        return {
            self.servers.get(key, key): self.data(name if key in self.servers else str(key), value)
            for key, value in mapping.items()
        }

    def command(self, text: str) -> str:
        """Translate ``set x 1`` and the like; other text stays as it is."""
        try:
            return command_text(self.data("", parse_command(text)))
        except ScenarioError:  # It is the "-" of an entry without a command.
            return text


class Vocabulary:
    """The words of one run, and their translation.

    Attributes:
        parameters: The parameters of the run.
        servers: The names of the servers in the run, the one under test first.
        before: The entries on the disk before those of the check.
    """

    def __init__(self, parameters: CheckParameters = DEFAULTS, *, at_the_beginning: bool = False) -> None:
        """Prepare the translation.

        Args:
            parameters: The parameters of the run.
            at_the_beginning: Whether the run is about entry 0 or term 0, so that no entries and terms come before.
        """
        self.parameters = parameters
        self.servers = parameters.servers
        count, terms = (0, 0) if at_the_beginning else (parameters.entries_before, parameters.terms_before)
        self.before: StoredLog = tuple(
            (max(terms - count + number, min(terms, 1)), f"set before{number} {number}")
            for number in range(1, count + 1)
        )
        words = (SERVER_NAMES, parameters.servers), (KEYS, parameters.keys), (VALUES, parameters.values)
        servers, keys, values = (_exchanged(ours, theirs) for ours, theirs in words)
        self._there = _Direction(servers, keys, values, VALUES, terms, count)
        self._back = _Direction(_inverse(servers), _inverse(keys), _inverse(values), parameters.values, -terms, -count)
        self.is_trivial = not count and all(ours == theirs for ours, theirs in words)
        self._pattern = None if self.is_trivial else _pattern(self._there)

    # From the check to the run.

    def to_run(self, name: str, value: Any) -> Any:
        """Translate the value of a field of this name into the words of the run."""
        return value if self.is_trivial else self._there.data(name, value)

    def stored_log(self, log: StoredLog) -> StoredLog:
        """Translate a log on a disk, and put the entries before it."""
        own = tuple((self.to_run("term", term), self._there.command(command)) for term, command in log)
        return self.before + own if not self.is_trivial else log

    def text(self, text: str) -> str:
        """Translate the text of a failure into the words of the run.

        These are translated: names of servers; the number after *term*, *entry* or the name of a field; the commands *set*,
        *append*, *cas*, *delete* and *get*, with the term before them as in a log; a key that stands alone; and a value in quotation marks or
        after *set to* or after a key and *was*.
        """
        return text if self._pattern is None else self._pattern.sub(self._replacement, text)

    def _replacement(self, found: re.Match[str]) -> str:
        """Return what replaces a part of a text."""
        there, kind = self._there, found.lastgroup
        text = found[0]
        if kind == "server":
            return there.servers[text]
        if kind == "key":
            return there.keys[text]
        if kind == "value":
            return text[: -len(found["value"])] + there.values[found["value"]]
        if kind == "was":
            key, value = text.split(" was ")
            return f"{there.keys[key]} was {there.values[value]}"
        if kind == "empty":
            return f"log ends with entry {len(self.before)} of term {there.terms}" if self.before else text
        if kind == "quoted":
            return f"'{there.value(found['quoted'])}'"
        if kind == "command":
            term, command = found["of"], there.command(found["command"])
            return f"{int(term) + there.terms} {command}" if term else command
        delta = {"terms": there.terms, "noop": there.terms}.get(kind or "", there.indexes)
        return re.sub(r"-?\d+", lambda number: _shifted(number[0], delta, zero_stays=kind == "commits"), text)

    # From the run to the check.

    def to_check(self, name: str, value: Any) -> Any:
        """Translate the value of a field of this name into the words of the check, without the entries before its own."""
        if self.is_trivial:
            return value
        if name == "state_machine" and isinstance(value, dict):
            own = {command.split()[1] for _, command in self.before}
            value = {key: kept for key, kept in value.items() if key not in own}
        if name == "log" and isinstance(value, Log):
            return self._own_entries(value)
        if name == "log" and isinstance(value, list):
            found = tuple((entry["term"], entry["command"]) for entry in value[: len(self.before)])
            value = value[len(self.before) :] if found == self.before else value
        return self._back.data(name, value)

    def event(self, event: Event) -> Event:
        """Translate an event."""
        if self.is_trivial:
            return event
        detail = {name: self.to_check(name, value) for name, value in event.detail.items() if name != "changes"}
        if "changes" in event.detail:
            detail["changes"] = {name: self.to_check(name, value) for name, value in event.detail["changes"].items()}
        return Event(
            event.number, event.time_us, event.kind, self._back.servers.get(event.server, event.server), detail
        )

    def is_before(self, event: Event) -> bool:
        """Return whether an event, in the words of the run, is about one of the entries before those of the check."""
        return event.kind == "applied" and (event["term"], event["command"]) in self.before

    def has_entries_before(self, log: Log) -> bool:
        """Return whether a log of the run begins with the entries that come before those of the check."""
        count = len(self.before)
        if log.base_index >= count:  # A snapshot stands for them.
            return True
        return self.before == tuple((entry.term, command_text(entry.command)) for entry in list(log)[:count])

    def _own_entries(self, log: Log) -> Log:
        """Return the entries of a check, in its own words."""
        count = len(self.before)
        if log.base_index <= count:  # A snapshot stands for none of them.
            return Log(self._back.data("log", log.entries_after(count)))
        return Log(self._back.data("log", log.entries_after(log.base_index)), self._back.data("snapshot", log.snapshot))


def _exchanged(ours: tuple[str, ...], theirs: tuple[str, ...]) -> dict[str, str]:
    """Return a translation that is one to one: a word of the run that no check uses stands for one that the run lacks.

    So a Node that uses a word of the checks, but not one of the run, never seems to be right.
    """
    lacking = [word for word in ours if word not in theirs]
    foreign = [word for word in theirs if word not in ours]
    return dict(zip(ours, theirs, strict=True)) | dict(zip(foreign, lacking, strict=True))


def _inverse(translation: dict[str, str]) -> dict[str, str]:
    """Return the translation in the other direction."""
    return {theirs: ours for ours, theirs in translation.items()}


def _pattern(there: _Direction) -> re.Pattern[str]:
    """Build the pattern that finds everything in a text that is translated; the last group of a match is its kind."""

    def any_of(words: dict[str, str]) -> str:
        return "|".join(sorted(map(re.escape, words), key=lambda word: (-len(word), word)))

    servers, keys, values = any_of(there.servers), any_of(there.keys), any_of(there.values)
    alone = any_of({key: key for key in there.keys if key not in "abcde"})  # "a" alone is a word of English.
    numbers = r"-?\d+(?:(?:,| and| to|, \d+ and) \d+)*"
    return re.compile(
        rf"(?P<server>\b(?:{servers})\b)"
        rf"|(?:(?<![\w.-])(?P<of>-?\d+) )?\b(?P<command>(?:set|append) (?:{keys}) \w+|cas (?:{keys}) \w+ \w+"
        rf"|(?:delete|get) (?:{keys})\b)"
        r"|(?P<noop>(?<=[ '])-?\d+ -(?=[;']|$))"
        rf"|(?P<terms>\b(?:prev_log_|last_log_|current_)?terms?(?:=|': | should be | was -?\d+ and is | )(?:{numbers}))"
        rf"|(?P<commits>\b(?:leader_commit|match_index|commit_index)(?:=|': )\d+)"
        rf"|(?P<indexes>\b(?:entry|entries|index|prev_log_index|last_log_index)(?:=|': | )(?:{numbers})|-?\d+(?= of term ))"
        rf"|(?P<was>\b(?:{alone}) was (?:{values})\b)"
        r"|(?P<empty>\blog is empty\b)"
        rf"|\bset to (?P<value>{values})\b"
        rf"|'(?P<quoted>(?:{values})+)'"
        rf"|(?P<key>\b(?:{alone})\b)"
    )


def _shifted(number: str, delta: int, *, zero_stays: bool) -> str:
    """Add to a number in a text."""
    return number if zero_stays and number == "0" else str(int(number) + delta)
