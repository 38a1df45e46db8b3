"""The rule about clients that ask again in a session: a command that is in the log twice is carried out once.

A log may hold a command twice, because a client that has no answer asks again. The rule looks at what carrying it out the
second time does: if a key then holds what it would hold had the command been carried out again, and not what it would
hold had it been left out, the rule is broken. So a repetition that changes nothing breaks nothing.

A command is known by its session and its serial number. A client whose Node opens no sessions sends the same request
again, under one address; such a command is known by the request. Clients that ask again without a session promise
nothing, and are not judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from raft_steps.lab.commands import Get, InSession, Request, command_text, operation_of
from raft_steps.lab.log import Entry, Snapshot
from raft_steps.lab.scenario.model import NAMELESS_CLIENT
from raft_steps.lab.verify.linearizability.models import value_after
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import ReportBroken
from raft_steps.lab.verify.properties.observed import ObservedServer, log_of

Identity = tuple[int, int]  # a session and a serial number, or 0 and the request's identity


@dataclass(slots=True)
class _State:
    """What a server's state machine is known to hold.

    Attributes:
        values: The values of some keys after the server's last event; None for a key that does not exist.
        is_complete: Whether all other keys do not exist; otherwise they are not known.
        last: The index of the last entry that the server has applied.
    """

    values: dict[str, str | None] = field(default_factory=dict)
    is_complete: bool = True
    last: int = 0


@dataclass(slots=True)
class _Change:
    """What the entries of one event do to a key.

    Attributes:
        once: What it holds if repeated commands are left out.
        again: What it holds if they are carried out again.
        repeated: The last entry whose command is repeated; None without one.
    """

    once: str | None
    again: str | None
    repeated: Entry | None = None


class OnceRule:
    """Remembers the commands of sessions, and what each server's state machine holds."""

    def __init__(self, report: ReportBroken) -> None:
        """Start before the first request.

        Args:
            report: Called when the rule is broken.
        """
        self._report = report
        self._states: dict[str, _State] = {}
        self._named: dict[
            int, Request
        ] = {}  # the requests of clients with names, by identity; kept, so it stays theirs
        self._first: dict[Identity, int] = {}  # the first index at which a command was applied

    def ask(self, client: str, request: Request) -> None:
        """Note a request of a client that has a session, or would have one if its Node opened sessions."""
        if not client.startswith(NAMELESS_CLIENT):
            self._named[id(request)] = request

    def begin(self, server: ObservedServer) -> None:
        """Note that a server starts or restarts."""
        values = getattr(server.node, "state_machine", None)
        known = dict(values) if isinstance(values, dict) else {}
        self._states[server.name] = _State(known, is_complete=log_of(server).snapshot is None)

    def check_event(self, server: ObservedServer, snapshots: Iterable[Snapshot], now_us: int) -> None:
        """Check what a server has applied in an event, and note a snapshot that it has got."""
        state, held = self._states[server.name], getattr(server.node, "state_machine", None)
        entries = [effect[1] for effect in server.node.effects if effect[0] == "apply"]
        entries = [entry for entry in entries if isinstance(entry, Entry)]
        last = max([state.last, *(entry.index for entry in entries)])
        for snapshot in snapshots:
            if snapshot.last_included_index > last:  # It is another server's, and so is the state in it.
                state.values, state.is_complete, last = {}, False, snapshot.last_included_index
        state.last = last
        changes = self._changes(state, entries)
        if not isinstance(held, dict):
            return
        for key, change in changes.items():
            actual = held.get(key)
            if change.repeated is not None and actual == change.again != change.once:
                self._report(rules.EXACTLY_ONCE, now_us, _text(server.name, change, key, actual), server.name)
        touched = (operation_of(entry.command) for entry in entries)
        for operation in touched:
            if operation is not None:
                state.values[operation.key] = held.get(operation.key)

    def _changes(self, state: _State, entries: Iterable[Entry]) -> dict[str, _Change]:
        """Return what entries do to the keys whose values are known."""
        changes: dict[str, _Change] = {}
        for entry in entries:
            operation = operation_of(entry.command)
            if operation is None or isinstance(operation, Get):
                continue
            is_repeated = self._is_repeated(entry)
            key = operation.key
            if key not in changes:
                if key not in state.values and not state.is_complete:
                    continue
                changes[key] = _Change(state.values.get(key), state.values.get(key))
            change = changes[key]
            change.again = value_after(change.again, operation)
            if is_repeated:
                change.repeated = entry
            else:
                change.once = value_after(change.once, operation)
        return changes

    def _is_repeated(self, entry: Entry) -> bool:
        """Return whether an entry has a command that an earlier entry has, too."""
        command: Any = entry.command
        if isinstance(command, InSession):
            identity = (command.session, command.serial)
        elif id(command) in self._named:
            identity = (0, id(command))
        else:
            return False
        return self._first.setdefault(identity, entry.index) < entry.index


def _text(name: str, change: _Change, key: str, actual: str | None) -> str:
    entry = change.repeated
    assert entry is not None
    return (
        f"{name} carries out {command_text(entry.command)!r} at index {entry.index} again: {key} is "
        f"{'not there' if actual is None else repr(actual)}, and would be "
        f"{'not there' if change.once is None else repr(change.once)}."
    )
