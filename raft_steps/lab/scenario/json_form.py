"""Parses a scenario from a JSON object. Each part has its form, and an error names the part and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import Action, StoredLog, parse_seconds
from raft_steps.lab.text import parse_json as parse_any_json


def parse_json(text: str) -> dict[str, Any]:
    """Parse a JSON object into the fields of a scenario. A part that is null is left out.

    Raises:
        ScenarioError: It is not a JSON object, or a part does not have the right form.
    """
    try:
        data = parse_any_json(text)
    except ValueError as error:
        raise ScenarioError(f"the scenario is not a JSON object: {error}") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"the scenario is not a JSON object: it is {_shorten(data)}")
    return {
        name: PARTS[name](value, name) if name in PARTS else value for name, value in data.items() if value is not None
    }


def _wrong(value: object, where: str, right: str) -> ScenarioError:
    return ScenarioError(
        f"a part of the scenario does not have the right form: {where} is {right}, not {_shorten(value)}"
    )


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, where, "a text")
    return value


def _whole(value: object, where: str) -> int:
    if type(value) is not int:
        raise _wrong(value, where, "a whole number")
    return value


def _list(value: object, where: str) -> list[Any]:
    if isinstance(value, str):
        raise ScenarioError(f"{where} is a list, not {value!r}")
    if not isinstance(value, list):
        raise _wrong(value, where, "a list")
    return value


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(value, where, "an object with the names of servers")
    return value


def _tuple(value: object, where: str) -> tuple[Any, ...]:
    return tuple(_list(value, where))


def _logs(value: object, where: str) -> dict[str, StoredLog]:
    return {name: _log(entries, f"{where}.{name}") for name, entries in _object(value, where).items()}


def _log(value: object, where: str) -> StoredLog:
    entries = []
    for place, entry in enumerate(_list(value, where), start=1):
        if not isinstance(entry, list) or len(entry) != 2:
            raise _wrong(entry, f"entry {place} of {where}", 'a term and a command, such as [1, "set x 1"]')
        entries.append(
            (_whole(entry[0], f"the term of entry {place} of {where}"), _text(entry[1], f"the command of {where}"))
        )
    return tuple(entries)


def _draws(value: object, where: str) -> dict[str, tuple[Any, ...]]:
    return {name: _tuple(draws, f"{where}.{name}") for name, draws in _object(value, where).items()}


def _actions(value: object, where: str) -> tuple[Action, ...]:
    return tuple(_action(action, f"action {place}") for place, action in enumerate(_list(value, where), start=1))


def _action(value: object, where: str) -> Action:
    if not isinstance(value, list) or len(value) < 2:
        raise _wrong(value, where, 'a time, a verb and its words, such as [12, "crash", "tom"]')
    at, verb, *words = value
    return Action(_seconds(at, where), _text(verb, f"the verb of {where}"), tuple(_word(word, where) for word in words))


def _word(value: object, where: str) -> str:
    """Return a word of an action, which may be a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(value, f"each word of {where}", "a text or a number")
    return str(value)


def _seconds(value: Any, where: str) -> int:
    try:
        return parse_seconds(value)
    except ScenarioError as error:
        raise ScenarioError(f"{where}: {error}") from error


# The parts whose form is not that of a scenario in Python; the others are checked by `validation` as they are.
PARTS: Mapping[str, Callable[[Any, str], Any]] = {
    "servers": _tuple,
    "later": _tuple,
    "members": _tuple,
    "leader": _text,
    "timing": _text,
    "delay": _tuple,
    "spread": _text,
    "logs": _logs,
    "clocks": _object,
    "draws": _draws,
    "actions": _actions,
    "until": _seconds,
}
