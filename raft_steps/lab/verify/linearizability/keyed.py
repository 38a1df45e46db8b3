"""Finds the keys of histories of many keys: of `:key`, and of the values that jepsen.independent makes.

jepsen.independent runs a test of one register for many keys at once. It puts the key into each value, as a pair: a read
of key 7 is invoked with ``[7 nil]`` and returns ``[7 3]``, a write has ``[7 3]``, a cas ``[7 [3 4]]``. Printed, such a
pair is a vector like any other, so the values of all invocations together decide: reads without a key are invoked with
nil, and the value of a cas without a key is not a key with a pair.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Literal, TypeGuard

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn_values import edn_text
from raft_steps.lab.verify.linearizability.process_events import ProcessEvent

Shape = Literal["keyed", "plain", "either"]


def with_keys(events: Sequence[ProcessEvent]) -> list[ProcessEvent]:
    """Return the events, each with its key, if the history has keys.

    Raises:
        HistoryError: Some events have a key and others have none, or the values may mean either; the message names the
            lines.
    """
    calls = [event for event in events if event.kind == "invoke" and not event.is_of_nemesis and event.action]
    given = next((call for call in calls if call.has_key), None)
    if given is not None:
        for call in calls:
            if not call.has_key:
                raise HistoryError(f"line {call.line}: this map has no :key, and the one on line {given.line} has one")
        return list(events)
    first: dict[Shape, ProcessEvent] = {}
    for call in calls:
        first.setdefault(_shape(call), call)
    keyed, plain, either = first.get("keyed"), first.get("plain"), first.get("either")
    if keyed is not None and plain is not None:
        raise HistoryError(
            f"line {plain.line}: {edn_text(plain.value)} is a value without a key, and {edn_text(keyed.value)} on line "
            f"{keyed.line} is one with a key"
        )
    if keyed is not None:
        return _split(events)
    if plain is None and either is not None and any(call.action != "set" for call in calls):
        raise HistoryError(
            f"line {either.line}: {edn_text(either.value)} may be a value, or a key and a value; give the key as :key"
        )
    return list(events)


def is_pair(value: object) -> TypeGuard[tuple[Hashable, Hashable]]:
    """Return whether a value is a vector of two."""
    return isinstance(value, tuple) and len(value) == 2


def _shape(call: ProcessEvent) -> Shape:
    """Return what the value of an invocation says: whether it has a key, has none, or may be either."""
    value = call.value
    if not is_pair(value):
        return "plain"
    key, inner = value
    if call.action in ("get", "delete"):
        return "keyed" if inner is None else "either"
    if call.action == "cas":
        return "plain" if not is_pair(inner) else "either" if is_pair(key) else "keyed"
    return "either"


def _split(events: Sequence[ProcessEvent]) -> list[ProcessEvent]:
    """Take the keys out of the values."""
    found = []
    for event in events:
        if event.is_of_nemesis:
            found.append(event)
        elif is_pair(event.value):
            key, value = event.value
            # That of a fail or an info may be an error; which key it is about is known from its invocation.
            is_known = event.kind in ("invoke", "ok")
            found.append(replace(event, key=key if is_known else None, has_key=is_known, value=value))
        elif event.kind == "ok" and (event.action == "get" or event.value is not None):
            raise HistoryError(f"line {event.line}: {edn_text(event.value)} is a value without a key")
        else:
            found.append(replace(event, value=None, has_value=False))
    return found
