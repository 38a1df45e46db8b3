"""Finds a Node's mistake behind an error that has no line of the Node's code.

Such an error comes up when the laboratory calls a handler, records or stores what the handler left, or carries out its
effects. The type of the error does not show whose it is: a TypeError may be a wrong signature of the Node, or a bug of
the laboratory. So the Node is blamed only for a mistake that is found when the call, the effects and the fields are
looked at again; any other error is the laboratory's own, and is raised as it is.
"""

from __future__ import annotations

import copy
import inspect
import re
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from raft_steps.lab.errors import LabError, MessageError, NodeError
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.messages import as_data, check_message
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.diagnostics import CONTAINS_ITSELF, Mistake, node_error
from raft_steps.lab.runtime.watchdog import HandlerTimeout

EFFECT_LENGTHS = {"send": 3, "start": 3, "cancel": 2, "reply": 3, "apply": 2}
NUMBERS = ("current_term", "commit_index")  # the fields that the properties compare
REPR_MAX = 80  # characters of a value in an error message


class HandlerCall(NamedTuple):
    """What was called when an error came up: a node's handler, and its arguments."""

    node: object
    handler: Any
    arguments: tuple[Any, ...]


def blame(
    error: BaseException, server: str, handler: str, seconds: str | None = None, call: HandlerCall | None = None
) -> NodeError | None:
    """Build the error for an exception that came up while a node handled an event.

    Args:
        error: The exception.
        server: The server's name.
        handler: The name of the handler.
        seconds: The virtual time in seconds, as text; None if there is none.
        call: The call; None if no handler was called.

    Returns:
        The error; None if the laboratory itself is to blame.
    """
    if isinstance(error, NodeError):
        return error
    found = node_error(error, server, handler, seconds)
    # Any other error of the laboratory is raised on purpose, such as a broken property: there is nothing to explain.
    is_open = not isinstance(error, LabError | HandlerTimeout) or isinstance(error, MessageError)
    if found is None and is_open and call is not None and (mistake := find_mistake(error, call)) is not None:
        found = node_error(mistake, server, handler, seconds)
    return found


def find_mistake(error: BaseException, call: HandlerCall) -> Mistake | None:
    """Return the mistake of a node that explains an error without a line of the node; None if there is none."""
    if isinstance(error, TypeError) and (mistake := _wrong_handler(error, call)) is not None:
        return mistake
    return _wrong_effect(call.node) or _wrong_number(call.node) or _wrong_field(call.node)


def new_node_of(node_class: Any, **given: Any) -> Any:
    """Build a node, whatever its class is.

    Args:
        node_class: The class.
        given: The fields to set.

    Raises:
        Mistake: The class cannot be called, because a field has no default value or the like.
    """
    try:
        return node_class(**given)
    except TypeError as error:
        if node_error(error, "", "", None) is not None:  # It has a line of the Node, which says more.
            raise
        if "required keyword-only" not in str(error):
            raise Mistake(f"cannot be built: {error}") from error
        name = re.findall(r"'(\w+)'", str(error))[-1]
        text = f"found no default value for the field {name}; every field needs one, as in {name}: int = 0"
        raise Mistake(text) from error


def set_field(node: Any, name: str, value: object) -> None:
    """Set a field of a node, as the driver does before a life begins.

    Raises:
        Mistake: The node does not let it be set.
    """
    try:
        setattr(node, name, value)
    except AttributeError as error:
        if node_error(error, "", "", None) is not None:
            raise
        raise Mistake(f"has a {name} that cannot be set: {error}; make it a field") from error


def enter_term(node: Any, term: int) -> None:
    """Let a node that has just started enter a term, if its own is older.

    Raises:
        Mistake: What the node has as its term cannot be compared with one.
    """
    own = getattr(node, "current_term", 0)
    if not isinstance(own, int):
        raise Mistake(f"left {_short(own)} in current_term; a term is a whole number")
    set_field(node, "current_term", max(own, term))


def _wrong_handler(error: TypeError, call: HandlerCall) -> Mistake | None:
    """Return the mistake of a handler that cannot be called with its arguments."""
    handler = inspect.unwrap(call.handler)
    if not callable(handler):
        return Mistake(f"is {_short(handler)}, and not a method")
    try:
        inspect.signature(call.handler).bind(*call.arguments)
    except TypeError:
        return Mistake(f"cannot be called as a handler is, (self, sender, message) or (self) alone: {error}")
    except ValueError:  # A function written in C may have no signature.
        return None
    return None


def _wrong_effect(node: Any) -> Mistake | None:
    """Return the mistake in a node's effects, if there is one that no driver can carry out."""
    effects = getattr(node, "effects", None)
    if not isinstance(effects, list):
        return Mistake(f"replaced its effects by {_short(effects)}; only self.send and the like may change them")
    for effect in effects:
        is_known = type(effect) is tuple and effect and isinstance(effect[0], str)
        if not is_known or EFFECT_LENGTHS.get(effect[0]) != len(effect):
            return Mistake(f"has the effect {_short(effect)}; only self.send and the like may add one")
        kind, what = effect[0], effect[1]
        if kind == "apply":
            if not isinstance(what, Entry):
                return Mistake(f"applied {_short(what)}; what is applied is an entry of the log")
        elif not isinstance(what, str):
            to = {"send": "sent a message to", "reply": "answered"}.get(kind, "used a timer named")
            given = "a whole Node" if isinstance(what, Node) else _short(what)
            return Mistake(f"{to} {given}; a name is a str, such as {node.name!r}")
        if kind == "send" and (mistake := _wrong_message(effect[2])) is not None:
            return mistake
    return None


def _wrong_message(sent: object) -> Mistake | None:
    try:
        check_message(sent)
    except MessageError as error:
        return Mistake(f"sent what it cannot send: {error}{_type_advice(str(error))}")
    except (AttributeError, NameError, TypeError) as error:  # An annotation that means nothing, or a deleted field.
        return Mistake(f"sent a {type(sent).__name__} that cannot be checked: {type(error).__name__}: {error}")
    return None


def _wrong_number(node: Any) -> Mistake | None:
    """Return the mistake of a field or an entry without the number that the properties compare."""
    for name in NUMBERS:
        if not isinstance(value := getattr(node, name, 0), int):
            return Mistake(f"left {_short(value)} in {name}, which is a whole number")
    for entry in getattr(node, "log", ()):
        for name in ("index", "term"):
            if not isinstance(value := getattr(entry, name), int):
                return Mistake(f"appended an entry whose {name} is {_short(value)}, which is not a whole number")
    return None


def _wrong_field(node: Any) -> Mistake | None:
    """Return the mistake of a field that can be neither recorded nor stored."""
    # Those of the base class are the driver's.
    drivers = {each.name for each in fields(Node)}
    for name in [each.name for each in fields(node) if each.name not in drivers] if is_dataclass(node) else []:
        try:
            value = getattr(node, name)
            if isinstance(value, Log):
                continue
            bool(value == value)  # noqa: PLR0124  # As when it is compared with what it was.
            as_data(value)
            if name in node.durable:
                copy.deepcopy(value)
        except RecursionError:
            return Mistake(CONTAINS_ITSELF)
        except Exception as error:  # noqa: BLE001  # A value of any type may raise anything; that is what is looked for.
            return Mistake(f"left something in {name} that cannot be recorded: {type(error).__name__}: {error}")
    return None


def _type_advice(text: str) -> str:
    """Advise what to do about a field of the wrong type: either the value or the class may be wrong."""
    found = re.search(r"^(\w+)\.(\w+) should be .*, not .* \((\w+)\)$", text)
    if found and found[3] == "NoneType":
        return (
            "; a method that ends without a return statement returns None. "
            f"Only if None is meant, and the class {found[1]} is yours: {found[2]}: … | None"
        )
    if found is None:
        return ""
    if found[3] in ("method", "function"):
        return "; a method was named here and not called: a call has brackets"
    return f"; the value is wrong, or the order of two arguments; or, in a class of your own: {found[2]}: {found[3]}"


def _short(value: object) -> str:
    """Return the repr of a value, cut off if it is long."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # A repr may raise anything.
        text = f"a {type(value).__name__}"
    return text if len(text) <= REPR_MAX else f"{text[:REPR_MAX]}…"
