"""The two spellings of a scenario: one line of text, and one JSON object.

This module knows the grammar; what the words mean, and whether they make sense, is `raft_steps.lab.scenario.scenario`'s.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import MICROSECONDS, VERSION, Action, ScenarioData, format_seconds, parse_seconds
from raft_steps.lab.text import nearest

SHARES = ("loss", "duplicate", "reorder")
CLAUSES = (
    "raft-steps",
    "step",
    "servers",
    "later",
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
# What lies between two semicolons: quoted parts, which may hold one, and anything else.
CLAUSE = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^;])+""", re.DOTALL)


def format_scenario(scenario: ScenarioData) -> str:
    """Spell a scenario as one line, leaving out what is as by default."""
    clauses: list[list[object]] = [["raft-steps", VERSION]]
    if scenario.step is not None:
        clauses.append(["step", scenario.step])
    clauses.append(["servers", *scenario.servers])
    if scenario.later:
        clauses.append(["later", *scenario.later])
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
    for name, entries in scenario.logs.items():
        clauses.append(["log", name, *(word for entry in entries for word in entry)])
    clauses += [["clock", name, rate] for name, rate in scenario.clocks.items()]
    clauses += [["draws", name, *values] for name, values in scenario.draws.items()]
    clauses += [["at", format_seconds(action.at_us), action.verb, *action.words] for action in scenario.actions]
    if scenario.until_us is not None:
        clauses.append(["until", format_seconds(scenario.until_us)])
    return "; ".join(" ".join(_quote(str(word)) for word in clause) for clause in clauses)


def format_action(action: Action) -> str:
    """Spell what an action does, without its time: crash tom."""
    return " ".join(map(_quote, (action.verb, *action.words)))


def _quote(word: str) -> str:
    """Quote what the line would take apart; a server's `|`, `>` and `#` stay as they are."""
    plain = word.split() == [word] and not set(word) & set(";'\"\\")  # split knows every kind of space that strip takes
    return word if plain else shlex.quote(word)


def parts_of_line(text: str) -> dict[str, Any]:
    """Take a line apart into the fields of a scenario.

    Raises:
        ScenarioError: Says which clause cannot be read.
    """
    try:
        clauses = [shlex.split(clause) for clause in CLAUSE.findall(text)]
    except ValueError as error:
        raise ScenarioError("the scenario has an open quotation mark, or a backslash at its end") from error
    parts: dict[str, Any] = {"actions": (), "logs": {}, "clocks": {}, "draws": {}}
    for clause in clauses:
        if clause:
            _check_clause(clause[0], clause[1:], parts)
            try:
                _read_clause(clause[0], clause[1:], parts)
            except (ValueError, IndexError) as error:
                raise ScenarioError(f"this part of the scenario cannot be read: {' '.join(clause)}") from error
    return parts


def _check_clause(name: str, words: list[str], parts: dict[str, Any]) -> None:
    """Refuse a clause that there is none of, or a second one where there is one."""
    if name not in CLAUSES:
        raise ScenarioError(f"a scenario has no part {name!r}{nearest(name, CLAUSES)}")
    if name in parts and name != "draws":
        raise ScenarioError(f"the scenario says {name} twice")
    if name == "clock" and words and words[0] in parts["clocks"]:
        raise ScenarioError(f"the scenario says twice how fast the clock of {words[0]} runs")


def _read_clause(name: str, words: list[str], parts: dict[str, Any]) -> None:
    match name:
        case "raft-steps":
            (version,) = words
            parts["version"] = int(version)
        case "step" | "seed":
            (number,) = words
            parts[name] = int(number)
        case "servers" | "later":
            parts[name] = tuple(words)
        case "leader" | "timing" | "spread":
            (parts[name],) = words
            if words == ["-"]:
                parts[name] = None
        case "delay":
            low, high = words
            parts[name] = (float(low), float(high))
        case "loss" | "duplicate" | "reorder":
            (share,) = words
            parts[name] = float(share)
        case "log":
            terms, commands = words[1::2], words[2::2]
            parts["logs"][words[0]] = tuple((int(term), command) for term, command in zip(terms, commands, strict=True))
        case "clock":
            server, rate = words
            parts["clocks"][server] = float(rate)
        case "draws":
            parts["draws"][words[0]] = tuple(_number(word) for word in words[1:])
        case "at":
            parts["actions"] += (Action(parse_seconds(words[0]), words[1], tuple(words[2:])),)
        case "until":
            (end,) = words
            parts[name] = parse_seconds(end)


def _number(word: str) -> float:
    """Read a whole number as an int, so that a whole-second timeout stays one."""
    return int(word) if word.lstrip("-").isdigit() else float(word)


def as_data(scenario: ScenarioData) -> dict[str, Any]:
    """Turn a scenario into what JSON knows; times in seconds."""
    return {
        "step": scenario.step,
        "servers": list(scenario.servers),
        "later": list(scenario.later),
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


def parts_of_json(text: str) -> dict[str, Any]:
    """Take a JSON object apart into the fields of a scenario.

    Raises:
        ScenarioError: It is no JSON, or a part is not of the form that it should be.
    """
    try:
        data = dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise ScenarioError(f"the scenario is no JSON object: {error}") from error
    try:
        for name in ("servers", "later", "delay"):
            if isinstance(data.get(name), str):
                raise ScenarioError(f"{name} is a list, not {data[name]!r}")
            if data.get(name) is not None:
                data[name] = tuple(data[name])
        if "logs" in data:
            data["logs"] = {
                name: tuple((int(term), str(command)) for term, command in entries)
                for name, entries in data["logs"].items()
            }
        if "clocks" in data:
            data["clocks"] = dict(data["clocks"])
        if "draws" in data:
            data["draws"] = {name: tuple(values) for name, values in data["draws"].items()}
        if "actions" in data:
            data["actions"] = tuple(
                Action(parse_seconds(at), str(verb), tuple(str(word) for word in words))
                for at, verb, *words in data["actions"]
            )
        if data.get("until") is not None:
            data["until"] = parse_seconds(data["until"])
    except (ValueError, TypeError, AttributeError) as error:
        raise ScenarioError(f"a part of the scenario has not the form that it should have: {error}") from error
    return data
