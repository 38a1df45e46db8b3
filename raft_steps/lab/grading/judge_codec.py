"""The judge's codec: it rebuilds the classes that a worker describes, and trusts none of the descriptions."""

from __future__ import annotations

import dataclasses
import enum
import keyword
from typing import Any

from raft_steps.lab.grading.annotations import decode_annotation
from raft_steps.lab.grading.codec import Codec, CodecError

# What Python raises when a malformed description is read as if it were a good one.
MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


class JudgeCodec(Codec):
    """A codec that knows the classes that a worker has described so far."""

    def add_classes(self, descriptions: Any) -> None:
        """Build the classes that an answer describes.

        Raises:
            CodecError: A description is malformed.
        """
        try:
            # All classes before any annotation: a message may have a field of a class that is described after it.
            built = [(self._build(each), each) for each in descriptions or ()]
            for kind, each in built:
                if each["kind"] == "message":
                    fields = {
                        name: decode_annotation(annotation, self.classes) for name, annotation, *_ in each["fields"]
                    }
                    kind.__annotations__ = fields
        except MALFORMED as error:
            raise CodecError("a malformed description of a class") from error

    def _build(self, description: dict[str, Any]) -> Any:
        name = description["name"]
        if description["id"] in self.classes or not is_valid_name(name):
            raise ValueError("a class without a valid name, or described twice")
        kind: Any
        if description["kind"] == "enum":
            make: Any = enum.Enum
            kind = make(name, {str(member): number for number, member in enumerate(description["members"])})
        elif description["kind"] == "plain":
            kind = type(name, (), {})
        else:
            fields = [self._field(each) for each in description["fields"]]
            frozen, compared = bool(description["frozen"]), bool(description["eq"])
            kind = dataclasses.make_dataclass(name, fields, frozen=frozen, eq=compared, kw_only=True)
        kind.__module__ = str(description["module"])
        self.classes[description["id"]], self.ids[kind] = kind, description["id"]
        return kind

    def _field(self, description: list[Any]) -> tuple[str, Any, Any]:
        name, _, how, data = description
        if not is_valid_name(name):
            raise ValueError("a field without a valid name")
        return name, Any, decode_default(how, data, self)


def is_valid_name(name: object) -> bool:
    """Return whether a field or a class may have this name."""
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")


def decode_default(how: str, data: Any, codec: Codec) -> Any:
    """Return a dataclass field with the default that was described."""
    if how == "none":
        return dataclasses.field()
    if how == "value":
        return dataclasses.field(default=codec.decode(data))
    return dataclasses.field(default_factory=lambda: codec.decode(data))
