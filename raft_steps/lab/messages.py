"""Messages: immutable objects that turn into one line of text and back.

A message is a frozen dataclass. Its fields are checked against its annotations, so that a missing term, or a term that
is a string, is reported where it arises. Nothing here depends on which messages Raft has.
"""

from __future__ import annotations

import functools
import json
import re
import types
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, dataclass_transform, get_args, get_origin, get_type_hints

from raft_steps.lab.errors import MessageError

_Class = TypeVar("_Class", bound=type)
_Result = TypeVar("_Result")
_PLAIN = frozenset({int, str, bool, float, type(None)})  # JSON represents these as they are.


@dataclass_transform(kw_only_default=True, frozen_default=True)
def message(cls: _Class) -> _Class:
    """Turn a class into a message: frozen, keyword-only, compared by value."""
    plain = "__init__" not in vars(cls) and not hasattr(cls, "__post_init__")
    made: Any = dataclass(frozen=True, slots=True, kw_only=True)(cls)
    if plain and all(_is_required(f) for f in fields(made)):
        made.__init__ = _constructor(made)  # Does what the dataclass's own does, but faster.
    return cast("_Class", made)


def _is_required(item: Field[Any]) -> bool:
    """Return whether a field must be passed to the constructor, by keyword."""
    has_default = item.default is not MISSING or item.default_factory is not MISSING
    return not has_default and item.init and bool(item.kw_only)


def _constructor(cls: Any) -> Any:
    """Build a constructor that sets each field through its slot descriptor.

    The constructor of a frozen dataclass uses `object.__setattr__`, which looks every slot up by name. Messages are built
    so often that the difference is measurable.
    """
    names = [f.name for f in fields(cls)]
    setters = {f"_{place}": getattr(cls, name).__set__ for place, name in enumerate(names)}
    lines = [f"def __init__({', '.join(['self', '*', *names] if names else ['self'])}):", "    pass"]
    lines += [f"    {setter}(self, {name})" for setter, name in zip(setters, names, strict=True)]
    scope = {"__name__": __name__, **setters}  # With the name, its frames are not taken for a Node's code.
    exec("\n".join(lines), scope)  # noqa: S102  # As dataclasses do; the names are those of the class's own fields.
    made = scope["__init__"]
    made.__qualname__, made.__annotations__ = f"{cls.__qualname__}.__init__", cls.__init__.__annotations__
    return made


def _cached(function: Callable[[type], _Result]) -> Callable[[type], _Result]:
    """Cache the results of a function of a class; unlike `functools.cache`, keep its type."""
    return functools.cache(function)


@_cached
def handler_name(message_class: type) -> str:
    """Return the name of the method that handles a message: ``on_append_entries`` for AppendEntries."""
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", message_class.__name__).lower()


def to_text(message: object) -> str:
    """Format a message as one line of JSON, its type first.

    Raises:
        MessageError: It is not a message, or a field does not match its annotation.
    """
    data = {"type": type(message).__name__, **checked_fields(message)}
    return json.dumps(data, ensure_ascii=False, separators=(", ", ": "))


def from_text(text: str, *message_classes: type) -> Any:
    """Parse a message from its line of text.

    Args:
        text: The line, as `to_text` returns it.
        message_classes: The messages that may arrive; a text of another type is rejected.

    Raises:
        MessageError: The text is not JSON, its type is unknown, or a field is missing, unknown or of the wrong type.
    """
    try:
        data = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise MessageError(f"this is not a message, because it is not JSON: {str(text)[:80]!r}") from error
    known = {cls.__name__: cls for cls in message_classes}
    name = data.get("type") if isinstance(data, dict) else None
    if not isinstance(name, str) or name not in known:
        raise MessageError(f"a message has a type, one of {', '.join(known)}; this one has {name!r}")
    return _from_data(data, known[name], name)


def as_data(value: Any) -> Any:
    """Convert a message, or a value of one of its fields, to JSON's types; sets are sorted."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    names = _field_names(kind)
    if names is not None:
        return {"type": kind.__name__, **{name: as_data(getattr(value, name)) for name in names}}
    if isinstance(value, tuple | list):
        return [as_data(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((as_data(item) for item in value), key=repr)
    if isinstance(value, dict):
        return {str(key): as_data(item) for key, item in value.items()}
    return value if isinstance(value, str | int | float) else repr(kind.__name__)


@_cached
def _field_names(cls: type) -> tuple[str, ...] | None:
    """Return the names of the fields of a message class; None for any other class."""
    return tuple(f.name for f in fields(cls)) if is_dataclass(cls) else None


def check_message(message: object) -> None:
    """Check every field of a message against its annotation.

    Raises:
        MessageError: It is not a message, or a field does not match its annotation.
    """
    _checked_values(message)


def checked_fields(message: object) -> dict[str, Any]:
    """Check every field of a message against its annotation, and convert the fields to JSON's types.

    Raises:
        MessageError: It is not a message, or a field does not match its annotation.
    """
    values = _checked_values(message)
    return {name: value if type(value) in _PLAIN else as_data(value) for name, value in values}


def _checked_values(message: object) -> list[tuple[str, Any]]:
    """Check every field of a message against its annotation; return the names and values of the fields.

    Raises:
        MessageError: It is not a message, or a field does not match its annotation.
    """
    kind: type = type(message)
    if _field_names(kind) is None:
        if type(message) is tuple and len(message) == 1 and _field_names(type(message[0])) is not None:
            raise MessageError(f"{message!r} is a tuple, not a message: there is one comma too many after it")
        then = ", and return it" if message is None else ""
        name = message.__name__ if isinstance(message, type) and _field_names(message) is not None else "AppendEntries"
        raise MessageError(f"{message!r} is not a message; build one, such as {name}(…){then}")
    values = []
    for name, accepts, expected in _field_checks(kind):
        value = getattr(message, name)
        if not accepts(value):
            raise MessageError(f"{kind.__name__}.{name} should be {expected}, not {value!r} ({type(value).__name__})")
        values.append((name, value))
    return values


def checked_value(value: Any, hint: Any, where: str) -> Any:
    """Check a value against an annotation, and convert it to JSON's types.

    Args:
        value: The value.
        hint: The annotation, as `typing.get_type_hints` returns it.
        where: What the value is, for the error.

    Raises:
        MessageError: The value does not match the annotation, or no message could hold it.
    """
    if not _acceptor(hint)(value):
        raise MessageError(f"{where} should be {_describe(hint)}, not {value!r} ({type(value).__name__})")
    return value if type(value) in _PLAIN else as_data(value)


def value_from_data(data: Any, hint: Any, where: str) -> Any:
    """Build a value of an annotated type from parsed JSON, as `checked_value` returned it.

    Raises:
        MessageError: The data does not match the annotation.
    """
    return _from_data(data, hint, where)


@_cached
def _field_checks(cls: type) -> tuple[tuple[str, Callable[[Any], bool], str], ...]:
    """Return, for each field of a message class, its name, its check, and a description of its annotation."""
    hints = get_type_hints(cls)
    return tuple((f.name, _acceptor(hints[f.name]), _describe(hints[f.name])) for f in fields(cls))


@_cached
def _acceptor(hint: Any) -> Callable[[Any], bool]:
    """Return a function that checks whether a value matches an annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda _value: True
    if hint is int:  # In Python a bool is an int, but a term is never True.
        return lambda value: type(value) is int
    if hint is float:
        return lambda value: type(value) in (int, float)
    if origin is Literal:
        return lambda value: value in arguments
    if origin in (Union, types.UnionType):
        return _union_acceptor(arguments)
    if origin is tuple:
        return _tuple_acceptor(arguments)
    if (origin or hint) in (list, dict, set):
        raise MessageError(
            f"a message holds nothing that can change while it is in flight, so not a {_describe(hint)}; use a tuple"
        )
    if is_dataclass(hint):
        return _message_acceptor(hint)  # type: ignore[arg-type]
    kind = origin or hint
    return lambda value: isinstance(value, kind)


def _message_acceptor(kind: type) -> Callable[[Any], bool]:
    """Return the check for a message in a message: a loop, because a generator takes twice as long."""

    def accepts(value: Any) -> bool:
        if not isinstance(value, kind):
            return False
        for name, accepts_field, _ in _field_checks(kind):  # noqa: SIM110
            if not accepts_field(getattr(value, name)):
                return False
        return True

    return accepts


def _union_acceptor(options: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Return the check for a union; the option that is the value's own class is tried first, and mostly decides."""
    tests = {option: _acceptor(option) for option in options}

    def accepts(value: Any) -> bool:
        own = tests.get(type(value))
        if own is not None and own(value):
            return True
        return any(test(value) for test in tests.values())

    return accepts


def _tuple_acceptor(items: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Return the check for a tuple: any number of ints for ``tuple[int, ...]``, an int and a str for ``tuple[int, str]``."""
    tests = [_acceptor(item) for item in items if item is not Ellipsis]
    if _is_homogeneous(items):
        return lambda value: type(value) is tuple and all(tests[0](each) for each in value)
    return lambda value: (
        type(value) is tuple
        and len(value) == len(tests)
        and all(test(each) for test, each in zip(tests, value, strict=True))
    )


def _is_homogeneous(items: tuple[Any, ...]) -> bool:
    return len(items) == 2 and items[1] is Ellipsis


def _describe(hint: Any) -> str:
    """Describe an annotation in words, for an error message."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is type(None):
        return "None"
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(argument) for argument in arguments)
    if origin is Literal:
        return " or ".join(repr(argument) for argument in arguments)
    if origin is tuple:
        same = _is_homogeneous(arguments)
        return f"a tuple of {_describe(arguments[0]) if same else ' and '.join(map(_describe, arguments)) or 'nothing'}"
    return str(getattr(origin or hint, "__name__", hint))


def _from_data(data: Any, hint: Any, where: str) -> Any:
    """Build a value of the annotated type from parsed JSON."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _from_data(data, _choose(data, arguments, where), where)
    if origin is tuple and isinstance(data, list) and (_is_homogeneous(arguments) or len(data) == len(arguments)):
        hints = (arguments[0],) * len(data) if _is_homogeneous(arguments) else arguments
        return tuple(_from_data(item, hints[n], f"{where}[{n}]") for n, item in enumerate(data))
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(data, dict):
        return _message_from_data(data, hint, where)
    if not _acceptor(hint)(data):
        raise MessageError(f"{where} should be {_describe(hint)}, not {data!r}")
    return data


def _choose(data: Any, options: tuple[Any, ...], where: str) -> Any:
    """Return the member of a union that this JSON represents."""
    for option in options:
        if isinstance(data, dict):
            if getattr(option, "__name__", None) == data.get("type"):
                return option
        elif get_origin(option) is tuple or _acceptor(option)(data):
            return option
    raise MessageError(f"{where} should be {' or '.join(map(_describe, options))}, not {data!r}")


def _message_from_data(data: dict[str, Any], cls: type, where: str) -> Any:
    """Build a message from parsed JSON; `where` is its place in the whole message, for an error."""
    hints, names = get_type_hints(cls), _field_names(cls) or ()
    given = {key: value for key, value in data.items() if key != "type"}
    if data.get("type") != cls.__name__:
        raise MessageError(f"{where} should be of type {cls.__name__}, not {data.get('type')!r}")
    missing = [name for name in names if name not in given]
    if missing:
        raise MessageError(f"{where} has no {missing[0]}; a message has all its fields: {', '.join(names)}")
    unknown = [name for name in given if name not in names]
    if unknown:
        raise MessageError(f"{where} has no field {unknown[0]!r}; it has {', '.join(names) or 'none'}")
    return cls(**{name: _from_data(value, hints[name], f"{where}.{name}") for name, value in given.items()})
