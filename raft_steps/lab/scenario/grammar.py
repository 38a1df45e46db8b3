"""The grammar that scenarios and schedules share, and a scenario as one line of text.

A line consists of clauses, separated by semicolons. The first word of a clause is its name:

    raft-steps 1; step 6; servers tom jerry spike; log tom 1 'set x 1'; at 12 crash leader

Words are quoted as in a shell. A scenario and a schedule of the model checker have some clauses in common (their
version, step, servers, leader, log), and each adds its own. What the words mean, and whether they make sense, is
checked by the modules that parse them: `raft_steps.lab.scenario.scenario` and the model checker's `schedule`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import (
    MICROSECONDS,
    VERSION,
    Action,
    ScenarioData,
    StoredLog,
    format_seconds,
    parse_number,
    parse_seconds,
    parse_whole_number,
)
from raft_steps.lab.text import nearest

SHARES = ("loss", "duplicate", "reorder")
CLAUSES = (
    "raft-steps",
    "step",
    "servers",
    "later",
    "members",
    "seed",
    "leader",
    "timing",
    "delay",
    "spread",
    *SHARES,
    "log",
    "clock",
    "draws",
    "at",
    "until",
)
# The text between two semicolons: quoted parts, which may contain semicolons, and anything else. An open quotation mark
# matches as an ordinary character, so that `shlex` finds it and reports it.
CLAUSE = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^;])+""", re.DOTALL)


# Common to scenarios and schedules.


def split_clauses(text: str, what: str) -> list[list[str]]:
    """Split a line into clauses, and each clause into words; empty clauses are left out.

    Args:
        text: The line.
        what: The kind of line, for an error message: "scenario" or "schedule".

    Raises:
        ScenarioError: A quotation mark is not closed.
    """
    try:
        clauses = [shlex.split(clause) for clause in CLAUSE.findall(text)]
    except ValueError as error:
        raise ScenarioError(f"the {what} has an open quotation mark, or a backslash at its end") from error
    return [clause for clause in clauses if clause]


def join_clauses(clauses: Iterable[Iterable[object]]) -> str:
    """Format clauses as one line."""
    return "; ".join(join_words(clause) for clause in clauses)


def join_words(words: Iterable[object]) -> str:
    """Format the words of a clause."""
    return " ".join(_quote(str(word)) for word in words)


def _quote(word: str) -> str:
    """Quote a word that would be split or changed; the `|`, `>` and `#` of servers and messages stay as they are."""
    plain = word.split() == [word] and not set(word) & set(";'\"\\")  # split() splits at every kind of space
    return word if plain else shlex.quote(word)


@contextmanager
def reading(clause: Sequence[str], what: str) -> Iterator[None]:
    """Turn an error in parsing a clause into a ScenarioError.

    Raises:
        ScenarioError: The clause has too few or too many words, or a word that is not a number; the message shows it.
    """
    try:
        yield
    except (ValueError, IndexError) as error:
        raise ScenarioError(f"this part of the {what} cannot be read: {' '.join(clause)}") from error


def parse_log(words: Sequence[str]) -> tuple[str, StoredLog]:
    """Parse a server's name and the log on its disk: a term and a command for each entry.

    Raises:
        ValueError: A term is not a number, or the last one has no command.
        IndexError: There are no words.
    """
    terms, commands = words[1::2], words[2::2]
    return words[0], tuple((parse_whole_number(term), command) for term, command in zip(terms, commands, strict=True))


def log_clause(server: str, entries: StoredLog) -> list[object]:
    """Return the clause of a server's log."""
    return ["log", server, *(word for entry in entries for word in entry)]


# A scenario as a line of text.


def format_scenario(scenario: ScenarioData) -> str:
    """Format a scenario as one line. Parts that have their default value are left out, except the seed."""
    clauses: list[list[object]] = [["raft-steps", VERSION]]
    if scenario.step is not None:
        clauses.append(["step", scenario.step])
    clauses.append(["servers", *scenario.servers])
    if scenario.later:
        clauses.append(["later", *scenario.later])
    if scenario.members:
        clauses.append(["members", *scenario.members])
    clauses.append(["seed", scenario.seed])
    if scenario.leader:
        clauses.append(["leader", scenario.leader])
    if scenario.timing != "post":
        clauses.append(["timing", scenario.timing])
    if scenario.delay is not None:
        clauses.append(["delay", *scenario.delay])
    if scenario.spread != "even":
        clauses.append(["spread", scenario.spread])
    clauses += [[share, getattr(scenario, share)] for share in SHARES if getattr(scenario, share)]
    clauses += [log_clause(name, entries) for name, entries in scenario.logs.items()]
    clauses += [["clock", name, rate] for name, rate in scenario.clocks.items()]
    clauses += [["draws", name, *values] for name, values in scenario.draws.items()]
    clauses += [["at", format_seconds(action.at_us), action.verb, *action.words] for action in scenario.actions]
    if scenario.until_us is not None:
        clauses.append(["until", format_seconds(scenario.until_us)])
    return join_clauses(clauses)


def format_action(action: Action) -> str:
    """Format what an action does, without its time: crash tom."""
    return join_words((action.verb, *action.words))


def parse_line(text: str) -> dict[str, Any]:
    """Parse a line of text into the fields of a scenario.

    Raises:
        ScenarioError: A clause cannot be read; the message shows it.
    """
    parts: dict[str, Any] = {"actions": (), "logs": {}, "clocks": {}, "draws": {}}
    for clause in split_clauses(text, "scenario"):
        name, *words = clause
        _check_clause(name, words, parts)
        with reading(clause, "scenario"):
            _read_clause(name, words, parts)
    return parts


def _check_clause(name: str, words: list[str], parts: dict[str, Any]) -> None:
    """Reject a clause with an unknown name, and a second clause of a kind that a scenario may have only once."""
    if name not in CLAUSES:
        raise ScenarioError(f"a scenario has no part {name!r}{nearest(name, CLAUSES)}")
    if name in parts and name != "draws":  # `draws` is the one clause with the name of its field: one for each server.
        raise ScenarioError(f"the scenario has {name} twice")
    of_servers = {"log": "logs", "clock": "clocks", "draws": "draws"}
    if name in of_servers and words and words[0] in parts[of_servers[name]]:
        raise ScenarioError(f"the scenario has the {name} of {words[0]} twice")


def _read_clause(name: str, words: list[str], parts: dict[str, Any]) -> None:
    """Add the values of a clause to the fields. The caller's `reading` reports any error."""
    match name:
        case "raft-steps":
            (version,) = words
            parts["version"] = parse_whole_number(version)
        case "step" | "seed":
            (number,) = words
            parts[name] = parse_whole_number(number)
        case "servers" | "later" | "members":
            parts[name] = tuple(words)
        case "leader" | "timing" | "spread":
            (parts[name],) = words
            if words == ["-"]:
                parts[name] = None
        case "delay":
            low, high = words
            parts[name] = (parse_number(low), parse_number(high))
        case "loss" | "duplicate" | "reorder":
            (share,) = words
            parts[name] = parse_number(share)
        case "log":
            server, entries = parse_log(words)
            parts["logs"][server] = entries
        case "clock":
            server, rate = words
            parts["clocks"][server] = parse_number(rate)
        case "draws":
            parts["draws"][words[0]] = tuple(parse_number(word, keep_whole=True) for word in words[1:])
        case "at":
            parts["actions"] += (Action(parse_seconds(words[0]), words[1], tuple(words[2:])),)
        case "until":
            (end,) = words
            parts[name] = parse_seconds(end)


def as_data(scenario: ScenarioData) -> dict[str, Any]:
    """Return a scenario as data for JSON, with times in seconds."""
    return {
        "step": scenario.step,
        "servers": list(scenario.servers),
        "later": list(scenario.later),
        "members": list(scenario.members),
        "seed": scenario.seed,
        "leader": scenario.leader,
        "timing": scenario.timing,
        "delay": list(scenario.delay) if scenario.delay else None,
        "spread": scenario.spread if scenario.spread != "even" else None,
        **{share: getattr(scenario, share) or None for share in SHARES},
        "logs": {name: [list(entry) for entry in entries] for name, entries in scenario.logs.items()},
        "clocks": dict(scenario.clocks),
        "draws": {name: list(values) for name, values in scenario.draws.items()},
        "actions": [[action.at_us / MICROSECONDS, action.verb, *action.words] for action in scenario.actions],
        "until": None if scenario.until_us is None else scenario.until_us / MICROSECONDS,
    }
