"""Messages as lines of JSON, encoded and decoded by msgspec.

The lines are those that `to_text` writes and `from_text` reads, without the spaces. msgspec cannot decode a union of
dataclasses, so each message class gets a twin, a Struct with its type as a tag, and values are converted between the two.
Whatever msgspec refuses is read again by `from_text`: it decides, and its error names the field. Two things it accepts and
a server does not, because no server sends them and they could not be stored: a number of more than 53 bits, and half of a
surrogate pair.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import check_message, from_text

# All readers of JSON agree on these numbers. SQLite's have 64 bits, so a server that counts on from there has room.
SMALLEST, LARGEST = -(2**53) + 1, 2**53 - 1
Convert = Callable[[Any], Any]


class MessageCodec:
    """Encodes and decodes the messages that the servers of one step send each other."""

    def __init__(self, message_classes: Iterable[type]) -> None:
        """Build the codec for these message classes."""
        self._classes = tuple(message_classes)
        self._twins: dict[type, type] = {}
        self._to_twin: dict[type, Convert] = {}
        self._from_twin: dict[type, Convert] = {}
        for each in self._classes:
            self._add(each)
        self._encoder = msgspec.json.Encoder()
        twins = tuple(self._twins[each] for each in self._classes)
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[twins] if twins else None)  # noqa: UP007

    def encode(self, message: object) -> bytes:
        """Return the line of a message, with its line break.

        Raises:
            MessageError: It is not a message, or a field does not match its annotation.
        """
        check_message(message)
        to_twin = self._to_twin.get(type(message))
        if to_twin is None:
            known = ", ".join(each.__name__ for each in self._classes)
            raise MessageError(f"no handler of this Node takes a {type(message).__name__}; they take {known}")
        return self._encoder.encode(to_twin(message)) + b"\n"

    def decode(self, line: bytes) -> Any:
        """Parse the line of a message.

        Raises:
            MessageError: It is not the line of a message that the servers of this step send.
        """
        try:
            twin = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._decode_slowly(line)
        return self._from_twin[type(twin)](twin)

    def _decode_slowly(self, line: bytes) -> Any:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MessageError(f"this is not a message, because it is not UTF-8: {line[:80]!r}") from error
        found = from_text(text, *self._classes)
        _require_storable(text)
        return found

    def _add(self, cls: type) -> None:
        """Add the twin of a message class, and of the classes of its fields."""
        if cls in self._twins:
            return
        hints, names = get_type_hints(cls), [item.name for item in fields(cls)]
        if "type" in names:
            raise MessageError(f"{cls.__name__} has a field named type, which is the name of the message's own type")
        twin_hints = [(name, self._twin_hint(hints[name])) for name in names]
        twin: Any = msgspec.defstruct(
            cls.__name__,
            twin_hints,
            tag_field="type",
            tag=cls.__name__,
            forbid_unknown_fields=True,
            gc=False,
            kw_only=True,
        )
        self._twins[cls] = twin
        self._to_twin[cls] = _converter(cls, twin, [(name, self._to(hints[name])) for name in names])
        self._from_twin[twin] = _converter(twin, cls, [(name, self._from(hints[name])) for name in names])

    def _twin_hint(self, hint: Any) -> Any:
        """Return the annotation of a twin's field."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, types.UnionType):
            return Union[tuple(self._twin_hint(each) for each in arguments)]  # noqa: UP007
        if origin is tuple:
            return tuple[tuple(each if each is Ellipsis else self._twin_hint(each) for each in arguments)]  # type: ignore[misc]
        if is_dataclass(hint) and isinstance(hint, type):
            self._add(hint)
            return self._twins[hint]
        return Annotated[int, msgspec.Meta(ge=SMALLEST, le=LARGEST)] if hint is int else hint

    def _to(self, hint: Any) -> Convert | None:
        """Return the conversion of a field's value to its twin; None if the value stays as it is."""
        return _conversion(hint, self._to_twin, lambda cls: cls)

    def _from(self, hint: Any) -> Convert | None:
        """Return the conversion of a twin's value back; None if the value stays as it is."""
        return _conversion(hint, self._from_twin, self._twins.__getitem__)


def _require_storable(text: str) -> None:
    """Check that a database can store what is in a message.

    Raises:
        MessageError: It cannot.
    """

    def check(digits: str) -> None:
        if not SMALLEST <= int(digits) <= LARGEST:
            raise MessageError(f"a number of more than 53 bits cannot be stored: {text[:80]!r}")

    data = json.loads(text, parse_int=check)
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MessageError(f"half of a surrogate pair is not text, and cannot be stored: {text[:80]!r}") from error


def _conversion(hint: Any, converters: dict[type, Convert], key: Callable[[type], type]) -> Convert | None:
    """Return the conversion of a value with this annotation; None if the value stays as it is."""
    classes = list(_classes_in(hint))
    if not classes:
        return None
    by_class = {key(cls): converters[key(cls)] for cls in classes}

    def convert(value: Any) -> Any:
        found = by_class.get(type(value))
        if found is not None:
            return found(value)
        return tuple([convert(each) for each in value]) if type(value) is tuple else value

    return convert


def _classes_in(hint: Any) -> Iterable[type]:
    """Yield the message classes that an annotation names."""
    if get_origin(hint) is Literal:
        return
    if is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for argument in get_args(hint):
        yield from _classes_in(argument)


def _converter(source: type, target: Any, items: list[tuple[str, Convert | None]]) -> Convert:
    """Build a function that converts objects of one class to another, field by field."""
    names = {f"_{place}": convert for place, (_name, convert) in enumerate(items) if convert is not None}
    parts = [
        f"{name}={f'_{place}(value.{name})' if convert is not None else f'value.{name}'}"
        for place, (name, convert) in enumerate(items)
    ]
    scope: dict[str, Any] = {"target": target, **names}
    # Written out, because a loop over the fields takes three times as long. The names are those of the class's own fields.
    exec(f"def convert(value):\n    return target({', '.join(parts)})", scope)  # noqa: S102
    convert: Convert = scope["convert"]
    convert.__name__ = f"{source.__name__}_to_{target.__name__}"
    return convert
