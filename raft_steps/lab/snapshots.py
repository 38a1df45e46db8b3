"""The state in a snapshot as text, and back: what `Snapshot.data` holds.

The text is JSON. A value that JSON has not, or would change, is an object of one item that names its type, so that the
state that is read equals the one that was written: ``{"dict": [["x", "1"]]}``, ``{"Ok": [["value", null]]}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_args

from raft_steps.lab.commands import Request, Response
from raft_steps.lab.errors import MessageError
from raft_steps.lab.log import Entry

_PLAIN = frozenset({str, int, float, bool, type(None)})
_COLLECTIONS: Mapping[str, Callable[[Any], Any]] = {"tuple": tuple, "list": list, "set": set, "frozenset": frozenset}
_OBJECTS: Mapping[str, Any] = {kind.__name__: kind for kind in (Entry, *get_args(Request), *get_args(Response))}


def state_to_text(state: Mapping[str, Any]) -> str:
    """Return a state, its parts by name, as text that `state_from_text` reads.

    Raises:
        MessageError: It holds something else than plain values, collections, entries, requests and responses.
    """
    return "{" + ", ".join(f"{_dumps(name)}: {_to_text(value)}" for name, value in state.items()) + "}"


def state_from_text(text: str) -> dict[str, Any]:
    """Return the state that a text stands for: new objects, equal to those of which the text was made.

    Raises:
        MessageError: The text is not that of a state.
    """
    try:
        return {name: _from_data(data) for name, data in json.loads(text).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MessageError(f"this is not the state of a snapshot: {text[:80]!r}") from error


def _dumps(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False)


def _to_text(value: Any) -> str:
    """Return the text of a part of a state."""
    if type(value) is dict and {*map(type, value), *map(type, value.values())} == {str}:
        together = "".join([*value, *value.values()])
        if together.isprintable() and '"' not in together and "\\" not in together:
            # A large state is mostly this: texts that JSON leaves as they are. It takes a third of the encoder's time.
            return '{"dict": [' + ", ".join([f'["{key}", "{item}"]' for key, item in value.items()]) + "]}"
    return _dumps(_to_data(value))


def _to_data(value: Any) -> Any:
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    name = kind.__name__
    if kind is dict:
        return {name: [[_to_data(key), _to_data(item)] for key, item in value.items()]}
    if _COLLECTIONS.get(name) is kind:
        items = [_to_data(item) for item in value]
        return {name: sorted(items, key=repr) if name in ("set", "frozenset") else items}
    if _OBJECTS.get(name) is kind:
        return {name: [[each.name, _to_data(getattr(value, each.name))] for each in fields(value)]}
    raise MessageError(f"a snapshot holds plain values, collections, entries, requests and responses, not {value!r}")


def _from_data(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    ((name, items),) = data.items()
    if name == "dict":
        return {_from_data(key): _from_data(item) for key, item in items}
    if name in _COLLECTIONS:
        return _COLLECTIONS[name]([_from_data(item) for item in items])
    return _OBJECTS[name](**{field: _from_data(item) for field, item in items})
