"""Values as keys: what a node holds, turned into something that can be compared and looked up, and back again.

Whole numbers, words and None stand for themselves, and so does whatever is immutable and compared by value: messages,
entries, enumerations. Everything else becomes a pair: its kind, and what it holds. A dictionary keeps the order of its
keys, for a node may go through it in that order; one whose keys are all servers is put in the servers' order, as
`peers()` is. Two fields must not hold the same list: the copy that is given back would hold two.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType
from typing import Any

from raft_steps.lab.log import Log
from raft_steps.lab.runtime.diagnostics import Mistake

PLAIN = frozenset({int, str, type(None), bytes})
ROWS: Mapping[type, Callable[[Any], Any]] = {list: list, deque: deque, tuple: tuple}
SETS: Mapping[type, Callable[[Any], Any]] = {set: set, frozenset: frozenset}
MAPS: Mapping[type, Callable[[Any], Any]] = {
    dict: dict,
    OrderedDict: OrderedDict,
    Counter: lambda items: Counter(dict(items)),
}
CODE = (type, FunctionType, BuiltinFunctionType)


class Freezer:
    """Turns values into keys and back, for one cluster.

    Attributes:
        place: Where each server stands among the servers.
    """

    def __init__(self, servers: tuple[str, ...]) -> None:
        """Know the servers."""
        self.place = {name: number for number, name in enumerate(servers)}
        self._messages: dict[tuple[Any, tuple[str, ...]], Any] = {}

    def freeze(self, value: Any, held: set[int]) -> Any:
        """Turn a value into a key.

        Args:
            value: What a field of a node holds.
            held: The identities of the mutable things met so far in this node; what is met is added.

        Raises:
            Mistake: It is of a kind that cannot be compared by value, or it is held twice.
        """
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is bool or kind is float:  # True is 1 to Python, but not to a reader.
            return (kind, value)
        if kind is tuple:
            return (tuple, tuple([self.freeze(item, held) for item in value]))
        if kind in ROWS or kind in SETS or isinstance(value, dict | Log):
            self._hold(value, held)
            return self._freeze_container(kind, value, held)
        return self._freeze_object(kind, value, held)

    def _hold(self, value: Any, held: set[int]) -> None:
        if id(value) in held:
            raise Mistake(f"holds the same {type(value).__name__} in two places; a search needs a copy in each")
        held.add(id(value))

    def _freeze_container(self, kind: type, value: Any, held: set[int]) -> Any:
        if isinstance(value, Log):
            return (Log, tuple(value))
        if kind in ROWS:
            return (kind, tuple([self.freeze(item, held) for item in value]))
        if kind in SETS:
            return (kind, frozenset(self.freeze(item, held) for item in value))
        items = tuple([(self.freeze(key, held), self.freeze(item, held)) for key, item in value.items()])
        if isinstance(value, defaultdict):
            return (defaultdict, self._in_place(items), value.default_factory)
        if kind not in MAPS:
            raise Mistake(f"holds a {kind.__name__}, which a search cannot copy; take a dict")
        return (kind, self._in_place(items))

    def _in_place(self, items: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put what is kept for each server in the servers' order."""
        place = self.place
        if all(type(key) is str and key in place for key, _ in items):
            return tuple(sorted(items, key=lambda item: place[item[0]]))
        return items

    def _freeze_object(self, kind: type, value: Any, held: set[int]) -> Any:
        if isinstance(value, CODE):
            return value
        by_value = getattr(kind, "__eq__", None) is not object.__eq__ or hasattr(kind, "__members__")
        if by_value and kind.__hash__ is not None:
            try:
                hash(value)
            except TypeError:  # Immutable itself, it holds something that is not.
                pass
            else:
                return value
        inside = _inside(value)
        if inside is None:
            raise Mistake(f"holds a {kind.__name__}, which a search cannot compare; take a list, set, dict or message")
        self._hold(value, held)
        return (object, kind, tuple([(name, self.freeze(item, held)) for name, item in sorted(inside.items())]))

    def thaw(self, frozen: Any) -> Any:
        """Turn a key back into a value of one's own."""
        if type(frozen) is not tuple:
            return frozen
        kind, content = frozen[0], frozen[1]
        if kind is bool or kind is float:
            return content
        if kind is Log:
            log = Log(content)
            log.changes = []
            return log
        if kind in ROWS:
            return ROWS[kind]([self.thaw(item) for item in content])
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
        """Give the key of the same value with other servers' names: each name becomes the one that it maps to."""
        kind = type(frozen)
        if kind is str:
            return names.get(frozen, frozen)
        if kind is tuple:
            renamed = tuple([self.rename(item, names) for item in frozen])
            is_map = renamed and (renamed[0] in MAPS or renamed[0] is defaultdict)
            return (renamed[0], self._in_place(renamed[1]), *renamed[2:]) if is_map else renamed
        if kind is frozenset:
            return frozenset(self.rename(item, names) for item in frozen)
        if dataclasses.is_dataclass(frozen) and not isinstance(frozen, type):
            return self._rename_message(frozen, names)
        return frozen

    def _rename_message(self, message: Any, names: Mapping[str, str]) -> Any:
        key = (message, tuple(names.values()))
        if key not in self._messages:
            fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message) if field.init}
            changed = {name: self.rename(value, names) for name, value in fields.items()}
            self._messages[key] = message if changed == fields else dataclasses.replace(message, **changed)
        return self._messages[key]


def _inside(value: Any) -> dict[str, Any] | None:
    """Give what an object holds, by name; None where that cannot be seen."""
    if hasattr(value, "__dict__"):
        return dict(vars(value))
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None
