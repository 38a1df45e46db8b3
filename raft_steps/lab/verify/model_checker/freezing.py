"""Converts the values of a node's fields to immutable, hashable keys, and back.

Integers, strings and None stand for themselves, and so does everything that is immutable and compared by value:
messages, entries, enumerations. Anything else becomes a pair of its type and its content.

A dictionary keeps the order of its keys, for a node may iterate over it in that order. The exception is a dictionary
whose keys are all servers: its items are sorted in the order of the servers, as `peers()` is. Symmetry needs that,
because a permutation of the servers must not change the order of the items.

Two fields must not share a mutable object: the copies would be two objects, and a change to one would miss the other.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

from raft_steps.lab.log import Log, Snapshot
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.snapshots import state_from_text, state_to_text

PLAIN = frozenset({int, str, type(None), bytes})
SEQUENCES: Mapping[type, Callable[[Any], Any]] = {list: list, deque: deque, tuple: tuple}
SETS: Mapping[type, Callable[[Any], Any]] = {set: set, frozenset: frozenset}
MAPS: Mapping[type, Callable[[Any], Any]] = {
    dict: dict,
    OrderedDict: OrderedDict,
    Counter: lambda items: Counter(dict(items)),
}
CODE = (type, FunctionType, BuiltinFunctionType)


class ValueFreezer:
    """Freezes the values of one cluster's nodes, thaws them, and renames the servers in them.

    Attributes:
        place: The index of each server among the servers.
    """

    def __init__(self, servers: tuple[str, ...]) -> None:
        """Prepare for a cluster of these servers."""
        self.place = {name: index for index, name in enumerate(servers)}
        self._renamed_messages: dict[tuple[Any, tuple[str, ...]], Any] = {}

    def freeze(self, value: Any, met: set[int]) -> Any:
        """Return the key of a value.

        Args:
            value: The value of a field of a node.
            met: The ids of the mutable objects found so far in this node; those in the value are added.

        Raises:
            Mistake: The value cannot be compared, or a mutable object is in two places.
        """
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is bool or kind is float:  # True == 1 == 1.0 in Python, but a node may treat them differently.
            return (kind, value)
        if kind is tuple:
            return (tuple, tuple([self.freeze(item, met) for item in value]))
        if kind in SEQUENCES or kind in SETS or isinstance(value, dict | Log):
            self._check_unshared(value, met)
            return self._freeze_container(kind, value, met)
        return self._freeze_object(kind, value, met)

    def _check_unshared(self, value: Any, met: set[int]) -> None:
        if id(value) in met:
            raise Mistake(f"holds the same {type(value).__name__} in two places; a search needs a copy in each")
        met.add(id(value))

    def _freeze_container(self, kind: type, value: Any, met: set[int]) -> Any:
        if isinstance(value, Log):
            return (Log, tuple(value), value.snapshot)
        if kind in SEQUENCES:
            return (kind, tuple([self.freeze(item, met) for item in value]))
        if kind in SETS:
            return (kind, frozenset(self.freeze(item, met) for item in value))
        items = tuple([(self.freeze(key, met), self.freeze(item, met)) for key, item in value.items()])
        if isinstance(value, defaultdict):
            return (defaultdict, self._sort_by_server(items), value.default_factory)
        if kind not in MAPS:
            raise Mistake(f"holds a {kind.__name__}, which a search cannot copy; use a dict")
        return (kind, self._sort_by_server(items))

    def _sort_by_server(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Sort items whose keys are all servers in the order of the servers."""
        place = self.place
        if all(type(key) is str and key in place for key, _ in items):
            return tuple(sorted(items, key=lambda item: place[item[0]]))
        return items

    def _freeze_object(self, kind: type, value: Any, met: set[int]) -> Any:
        if isinstance(value, CODE):
            return value
        by_value = getattr(kind, "__eq__", None) is not object.__eq__ or hasattr(kind, "__members__")
        if by_value and kind.__hash__ is not None:
            try:
                hash(value)
            except TypeError:  # It is immutable, but something in it is not.
                pass
            else:
                return value
        content = _content(value)
        if content is None:
            raise Mistake(f"holds a {kind.__name__}, which a search cannot compare; use a list, set, dict or message")
        self._check_unshared(value, met)
        return (object, kind, tuple([(name, self.freeze(item, met)) for name, item in sorted(content.items())]))

    def thaw(self, frozen: Any) -> Any:
        """Return the value of a key; each call builds a new object, which the caller may change."""
        if type(frozen) is not tuple:
            return frozen
        kind, content = frozen[0], frozen[1]
        if kind is bool or kind is float:
            return content
        if kind is Log:
            log = Log(content, frozen[2])
            log.changes = []
            return log
        if kind in SEQUENCES:
            return SEQUENCES[kind]([self.thaw(item) for item in content])
        if kind in SETS:
            return SETS[kind]([self.thaw(item) for item in content])
        if kind is object:
            made = content.__new__(content)
            for name, item in frozen[2]:
                object.__setattr__(made, name, self.thaw(item))
            return made
        items = [(self.thaw(key), self.thaw(item)) for key, item in content]
        return defaultdict(frozen[2], items) if kind is defaultdict else MAPS[kind](items)

    def rename(self, frozen: Any, names: Mapping[str, str]) -> Any:
        """Return the key of the same value after each server's name is replaced by the one that it maps to."""
        kind = type(frozen)
        if kind is str:
            return names.get(frozen, frozen)
        if kind is tuple:
            renamed = tuple([self.rename(item, names) for item in frozen])
            is_map = renamed and (renamed[0] in MAPS or renamed[0] is defaultdict)
            return (renamed[0], self._sort_by_server(renamed[1]), *renamed[2:]) if is_map else renamed
        if kind is frozenset:
            return frozenset(self.rename(item, names) for item in frozen)
        if dataclasses.is_dataclass(frozen) and not isinstance(frozen, type):
            return self._rename_message(frozen, names)
        return frozen

    def _rename_snapshot(self, snapshot: Snapshot, names: Mapping[str, str]) -> Snapshot:
        """Rename the servers in the state that a snapshot holds."""
        state = self.rename(self.freeze(state_from_text(snapshot.data), set()), names)
        return dataclasses.replace(snapshot, data=state_to_text(self.thaw(state)))

    def _rename_message(self, message: Any, names: Mapping[str, str]) -> Any:
        key = (message, tuple(names.values()))
        if key not in self._renamed_messages:
            fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message) if field.init}
            changed = {name: self.rename(value, names) for name, value in fields.items()}
            renamed = message if changed == fields else dataclasses.replace(message, **changed)
            self._renamed_messages[key] = (
                self._rename_snapshot(renamed, names) if isinstance(renamed, Snapshot) else renamed
            )
        return self._renamed_messages[key]


def _content(value: Any) -> dict[str, Any] | None:
    """Return the attributes of an object by name; None if it does not show them."""
    if hasattr(value, "__dict__"):
        return dict(vars(value))
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
