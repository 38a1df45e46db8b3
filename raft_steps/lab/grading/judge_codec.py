"""The judge's end of the wire: classes that a submission describes are built anew, and none of its words are trusted."""

from __future__ import annotations

import dataclasses
import enum
import keyword
from typing import Any

from raft_steps.lab.grading.annotations import decode_hint
from raft_steps.lab.grading.codec import Wire, WireError

NONSENSE = (KeyError, TypeError, ValueError, IndexError, AttributeError)  # what comes of words that make no sense


class JudgeWire(Wire):
    """The judge's end: it builds a class for each that is described to it, and trusts none of the words."""

    def learn(self, news: Any) -> None:
        """Build the classes that an answer describes.

        Raises:
            WireError: A description makes no sense.
        """
        try:
            built = [(self._build(said), said) for said in news or ()]
            for kind, said in built:
                if said["kind"] == "message":
                    annotations = {each[0]: decode_hint(each[1], self.classes) for each in said["fields"]}
                    kind.__annotations__ = annotations
        except NONSENSE as error:
            raise WireError("a class was described that cannot be") from error

    def _build(self, said: dict[str, Any]) -> Any:
        name = said["name"]
        if said["id"] in self.classes or not is_name(name):
            raise ValueError("a class is described once, and has a name")
        kind: Any
        if said["kind"] == "enum":
            make: Any = enum.Enum
            kind = make(name, {str(member): number for number, member in enumerate(said["members"])})
        elif said["kind"] == "plain":
            kind = type(name, (), {})
        else:
            fields = [self._field(each) for each in said["fields"]]
            frozen, compared = bool(said["frozen"]), bool(said["eq"])
            kind = dataclasses.make_dataclass(name, fields, frozen=frozen, eq=compared, kw_only=True)
        kind.__module__ = str(said["module"])
        self.classes[said["id"]], self.ids[kind] = kind, said["id"]
        return kind

    def _field(self, said: list[Any]) -> tuple[str, Any, Any]:
        name, _, how, data = said
        if not is_name(name):
            raise ValueError("a field has a name")
        return name, Any, default(how, data, self)


def is_name(name: object) -> bool:
    """Say whether a field or a class may be called so."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def default(how: str, data: Any, wire: Wire) -> Any:
    """Give a dataclass field that begins as it was described."""
    if how == "none":
        return dataclasses.field()
    if how == "value":
        return dataclasses.field(default=wire.decode(data))
    return dataclasses.field(default_factory=lambda: wire.decode(data))
