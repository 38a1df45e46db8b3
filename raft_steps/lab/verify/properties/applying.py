"""The rules about applying: each entry once and in order, and equal state machines after equal entries.

Two servers are compared only where both have applied exactly the same entries, so that a fault of elections or of logs
is not reported a second time as a fault of a state machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from raft_steps.lab.commands import Command
from raft_steps.lab.log import Entry, Snapshot
from raft_steps.lab.verify.properties import rules
from raft_steps.lab.verify.properties.elections import ReportBroken
from raft_steps.lab.verify.properties.observed import ObservedServer, log_of

NOTHING = 0  # the number of the empty sequence of entries
UNCLEAR = -1  # what a server has applied is not a sequence from the first entry on
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})
_LONGEST = 60  # characters of a state machine in a sentence


class _NotPlain(Exception):  # noqa: N818  # It ends a comparison and is never shown.
    """A state machine has objects that cannot be copied and compared by value."""


class _Applied:
    """What a server has applied.

    Attributes:
        sequences: The number of the sequence of entries up to each index, from index 0.
        is_new_life: Whether it has applied nothing since it last started.
        kept_state: Whether it started with a state machine that was not empty.
    """

    __slots__ = ("is_new_life", "kept_state", "sequences")

    def __init__(self) -> None:
        self.sequences = [NOTHING]
        self.is_new_life, self.kept_state = True, False


class ApplyRules:
    """Remembers what each server has applied, and the state machine after each sequence of entries."""

    def __init__(self, report: ReportBroken) -> None:
        """Start before anything is applied.

        Args:
            report: Called when a rule is broken.
        """
        self._report = report
        self._servers: dict[str, _Applied] = {}
        self._sequences: dict[tuple[int, int, int, Command | None], int] = {}  # by the sequence before and the entry
        self._snapshots: dict[tuple[int, int], int] = {}  # the sequence that a snapshot stands for, by index and term
        self._states: dict[int, tuple[Any, str]] = {}  # the first state machine after a sequence, and its server

    def begin(self, server: ObservedServer) -> None:
        """Note that a server starts or restarts; its node has what was on its disk."""
        applied = self._servers.setdefault(server.name, _Applied())
        applied.is_new_life, applied.kept_state = True, bool(getattr(server.node, "state_machine", None))
        snapshot = log_of(server).snapshot
        if snapshot is not None:  # Its life begins with the state in the snapshot.
            del applied.sequences[snapshot.last_included_index + 1 :]
            self._install(applied, snapshot)

    def _install(self, applied: _Applied, snapshot: Snapshot) -> None:
        """Note that a server has the state of a snapshot, unless it has applied as much itself."""
        missing = snapshot.last_included_index + 1 - len(applied.sequences)
        if missing > 0:
            applied.sequences += [UNCLEAR] * missing
            applied.sequences[-1] = self._snapshots.get(_place(snapshot), UNCLEAR)
            applied.is_new_life = False

    def check_event(self, server: ObservedServer, snapshots: Iterable[Snapshot], now_us: int) -> None:
        """Check what a server has applied in an event, and the snapshots that it has taken or got."""
        applied = self._servers[server.name]
        entries = [effect[1] for effect in server.node.effects if effect[0] == "apply"]
        first = min((entry.index for entry in entries if isinstance(entry, Entry)), default=math.inf)
        for snapshot in snapshots:
            if first > snapshot.last_included_index:  # Otherwise it has applied those entries before it took it.
                self._install(applied, snapshot)
        for entry in entries:
            self.check_apply(server, entry, now_us)
        for snapshot in snapshots:
            if snapshot.last_included_index < len(applied.sequences):
                sequence = applied.sequences[snapshot.last_included_index]
                if sequence != UNCLEAR:
                    self._snapshots.setdefault(_place(snapshot), sequence)
        self.check_state(server, now_us)

    def check_apply(self, server: ObservedServer, entry: Any, now_us: int) -> None:
        """Check that a server applies the entry that comes next.

        A life begins with the first entry, or, if the Node has its state machine on disk, where the last life ended.
        Entries without a command may be left out.
        """
        if not isinstance(entry, Entry):
            return
        applied = self._servers[server.name]
        sequences, index = applied.sequences, entry.index
        last = len(sequences) - 1
        if index != last + 1 and not (applied.is_new_life and not applied.kept_state and 0 < index <= last):
            if index > last + 1 and _only_noops(server, last + 1, index):
                sequences.extend([sequences[-1]] * (index - last - 1))
            else:
                self._report_order(server.name, entry, last, now_us, is_new_life=applied.is_new_life)
                if index == 1:  # It applies its whole log again, as up to step 10.
                    del sequences[1:]
                elif index > last:
                    sequences.extend([UNCLEAR] * (index - last - 1))
                else:
                    sequences[-1] = UNCLEAR
                    applied.is_new_life = False
                    return
        elif applied.is_new_life:
            del sequences[index:]
        applied.is_new_life = False
        before = sequences[-1]
        if before == UNCLEAR:
            sequences.append(UNCLEAR)
        else:
            place = (before, index, entry.term, entry.command)
            sequences.append(self._sequences.setdefault(place, len(self._sequences) + 1))

    def _report_order(self, name: str, entry: Entry, last: int, now_us: int, *, is_new_life: bool) -> None:
        if is_new_life and entry.index > last:
            text = f"{name} has restarted, and the first entry that it applies has index {entry.index}; "
            text += f"before, it had applied the entries up to index {last}."
        elif entry.index <= last:
            text = (
                f"{name} applies the entry at index {entry.index} again; it has applied the entries up to index {last}."
            )
        else:
            text = f"{name} applies the entry at index {entry.index} after that at index {last}, and none in between."
        self._report(rules.APPLIED_ONCE, now_us, text, name)

    def check_state(self, server: ObservedServer, now_us: int) -> None:
        """Check the state machine of a server that has applied something."""
        applied = self._servers[server.name]
        sequence = applied.sequences[-1]
        state = getattr(server.node, "state_machine", None)
        if sequence == UNCLEAR or type(state) is not dict:
            return
        try:
            copied = _copy(state)
        except _NotPlain:
            return
        found, first = self._states.setdefault(sequence, (copied, server.name))
        if found != copied:
            whose = "it" if first == server.name else first
            text = f"{server.name} has applied the entries up to index {len(applied.sequences) - 1}, and its state "
            text += f"machine is {_describe(copied)}; after the same entries that of {whose} was {_describe(found)}."
            self._report(rules.EQUAL_STATES, now_us, text, server.name, *({first} - {server.name}))


def _place(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.last_included_index, snapshot.last_included_term


def _only_noops(server: ObservedServer, first: int, after: int) -> bool:
    """Return whether a server's log has only entries without a command from an index up to, and without, another."""
    log = log_of(server)
    return (
        log.base_index < first
        and after <= log.last_index + 1
        and all(log[index].command is None for index in range(first, after))
    )


def _copy(value: Any) -> Any:
    """Copy plain data.

    Raises:
        _NotPlain: It has objects of other types.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {_copy(key): _copy(each) for key, each in value.items()}
    if kind in (list, tuple):
        return kind(_copy(each) for each in value)
    if kind in (set, frozenset):
        return frozenset(_copy(each) for each in value)
    raise _NotPlain


def _describe(state: dict[Any, Any]) -> str:
    try:
        text = "{" + ", ".join(f"{key!r}: {state[key]!r}" for key in sorted(state)) + "}"
    except TypeError:  # Keys of several types have no order.
        text = repr(state)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
