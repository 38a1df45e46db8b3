"""The log of one server, as the paper numbers it: the first command has index 1.

Index 0 holds a common first entry that is the same on all servers, so that every other entry has a predecessor.
A log records its own changes, so that the cost of storing or drawing it depends only on what is new. A snapshot can take
the place of its first entries; that is one change, so that a disk has either the entries or the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn, get_args

from raft_steps.lab.commands import Command, Request, command_text
from raft_steps.lab.errors import LogError
from raft_steps.lab.messages import check_message, message


@message
class Entry:
    """One entry of a log: its index, the term in which a leader received it, and the command (None at index 0)."""

    index: int
    term: int
    command: Command | None


FIRST_ENTRY = Entry(index=0, term=0, command=None)


@message
class Snapshot:
    """What takes the place of the first entries of a log: the last one of them, and all that follows from them, as text."""

    last_included_index: int
    last_included_term: int
    data: str


# What can be written as text, so that a trace can show it. A read has no place in a log, but is the Node's decision.
_COMMANDS = (*get_args(Request), type(None))

Change = tuple[Literal["append"], Entry] | tuple[Literal["truncate"], int] | tuple[Literal["compact"], Snapshot]


class Log:
    """The entries of one server, and the snapshot that stands for those before them.

    Attributes:
        changes: The changes since this list was last emptied: ``("append", entry)``, ``("truncate", index)`` or
            ``("compact", snapshot)``, oldest first. The driver of a node reads and empties it.
        snapshot: What has taken the place of the first entries; None if they are all there.
        base_index: The index of the last entry that the snapshot stands for; 0 without a snapshot.
    """

    __slots__ = ("_entries", "base_index", "changes", "snapshot")

    def __init__(self, entries: Iterable[Entry] = (), snapshot: Snapshot | None = None) -> None:
        """Start with the given entries, after a snapshot or the common first entry.

        They count as changes that replace everything before: this way a new log that a node puts in place of its old one
        is stored correctly. A caller that has stored them already empties `changes`.
        """
        self._entries: list[Entry] = [FIRST_ENTRY]  # The first one is not in the log: it is the last one before it.
        self.changes: list[Change] = []
        self.snapshot: Snapshot | None = None
        self.base_index = 0
        if snapshot is not None:
            self.compact(snapshot)
        self.changes.append(("truncate", self.base_index))
        for entry in entries:
            self.append(entry)

    @property
    def last_index(self) -> int:
        """The index of the last entry; 0 if there is only the common first one."""
        return self.base_index + len(self._entries) - 1

    @property
    def last_term(self) -> int:
        """The term of the last entry; 0 if there is only the common first one."""
        return self._entries[-1].term

    @property
    def base_term(self) -> int:
        """The term of the entry at `base_index`; 0 without a snapshot."""
        return self._entries[0].term

    def append(self, entry: Entry) -> None:
        """Add an entry at the end.

        Raises:
            LogError: `entry` is not an Entry, its index is not the next one, or its command is not one.
        """
        if not isinstance(entry, Entry):
            raise LogError(f"a log holds entries: append(Entry(index=…, term=…, command=…)), not {entry!r}")
        if type(entry.command) not in _COMMANDS:
            raise LogError(f"the command of an entry is one of a client, such as a Set, or None, not {entry.command!r}")
        if entry.index != self.last_index + 1:
            room = (
                f"; truncate_after({entry.index - 1}) makes room for it" if 0 < entry.index <= self.last_index else ""
            )
            raise LogError(f"the next entry has index {self.last_index + 1}, not {entry.index}{room}")
        self._entries.append(entry)
        self.changes.append(("append", entry))

    def truncate_after(self, index: int) -> None:
        """Delete every entry after this index.

        Raises:
            LogError: The index is negative, or a snapshot stands for entries after it; those are never deleted.
        """
        if index < self.base_index:
            raise LogError(f"nothing can be deleted after index {index}: {self._base_text()} stays")
        if index < self.last_index:
            del self._entries[index + 1 - self.base_index :]
            self.changes.append(("truncate", index))

    def compact(self, snapshot: Snapshot) -> None:
        """Let a snapshot take the place of the entries up to its last one; this is one change.

        The entries after that one stay if this log has it, in the same term. Otherwise they belong to another history,
        and go as well.

        Raises:
            LogError: It is not a snapshot, or this log has one that stands for as many entries or for more.
        """
        if not isinstance(snapshot, Snapshot):
            raise LogError(f"a log is compacted by a Snapshot(…), not by {snapshot!r}")
        check_message(snapshot)
        if snapshot.last_included_index <= self.base_index:
            raise LogError(
                f"a snapshot up to entry {snapshot.last_included_index} would take the log back: {self._base_text()} stays"
            )
        self._begin_after(snapshot)
        self.changes.append(("compact", snapshot))

    def _begin_after(self, snapshot: Snapshot) -> None:
        """Keep the entries after a snapshot's last one, if there is that one."""
        index, term = snapshot.last_included_index, snapshot.last_included_term
        kept = self._entries[index + 1 - self.base_index :] if self.term_at(index) == term else []
        self._entries = [Entry(index=index, term=term, command=None), *kept]
        self.base_index, self.snapshot = index, snapshot

    def _base_text(self) -> str:
        if self.snapshot is None:
            return "the common first entry, 0,"
        return f"the snapshot up to entry {self.base_index}"

    def copy(self) -> Log:
        """Return a log of the same snapshot and entries."""
        return Log(self, self.snapshot)

    def follow(self, changes: Iterable[Change]) -> None:
        """Apply the changes of another log that was equal before: this is how a disk follows its node's log.

        They are not recorded again in `changes`.
        """
        for change in changes:
            if change[0] == "append":
                self._entries.append(change[1])
            elif change[0] == "compact":
                self._begin_after(change[1])
            elif change[1] >= self.base_index:
                del self._entries[change[1] + 1 - self.base_index :]
            else:  # A new log, without a snapshot, in place of the old one.
                self._entries, self.base_index, self.snapshot = [FIRST_ENTRY], 0, None

    def entries_after(self, index: int, most: int | None = None) -> tuple[Entry, ...]:
        """Return the entries after this index, oldest first.

        Args:
            index: The index.
            most: How many entries to return at most; by default all of them. It costs no more than what is returned.

        Raises:
            LogError: A snapshot stands for some of them.
        """
        first = index + 1 - self.base_index
        if first == len(self._entries):  # The common case, a heartbeat: no slice is needed.
            return ()
        if first < 1 and self.snapshot is not None:
            raise self._is_compacted(index + 1)
        first = max(first, 0)
        return tuple(self._entries[first : None if most is None else first + max(most, 0)])

    def term_at(self, index: int) -> int | None:
        """Return the term of the entry at this index, or None if there is no such entry.

        It is still known of the last entry that a snapshot stands for, but not of those before.
        """
        place = index - self.base_index
        return self._entries[place].term if 0 <= place < len(self._entries) else None

    def __getitem__(self, index: int) -> Entry:
        """Return the entry at this index; at `base_index`, an entry without a command.

        Raises:
            LogError: There is no such entry, a snapshot stands for it, or the index is not an int.
        """
        if type(index) is not int:
            raise LogError(
                f"a log is read one index at a time, as log[3]; for several use entries_after, not log[{index!r}]"
            )
        place = index - self.base_index
        try:
            if place >= 0:
                return self._entries[place]
        except IndexError:
            pass
        if 0 <= index < self.base_index:
            raise self._is_compacted(index)
        raise LogError(f"there is no entry {index}; the log ends at {self.last_index}")

    def _is_compacted(self, index: int) -> LogError:
        return LogError(f"entry {index} is no longer in the log: a snapshot stands for all up to {self.base_index}")

    def __len__(self) -> int:
        """Return the number of entries, without the common first one and those that a snapshot stands for."""
        return len(self._entries) - 1

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries, without the common first one and those that a snapshot stands for."""
        return iter(self._entries[1:])

    def __setitem__(self, index: int, entry: object) -> NoReturn:
        """Raise: an entry never changes in place (Section 5.3)."""
        if type(index) is not int or index < 1:
            raise LogError(
                f"log[{index!r}] cannot be assigned: entries are added with append, and the common first one, 0, stays"
            )
        raise LogError(f"log[{index}] = … changes an entry in place; use truncate_after({index - 1}) and append")

    def __delitem__(self, index: int) -> NoReturn:
        """Raise: entries are deleted from the end only."""
        raise LogError(
            f"del log[{index!r}] would leave a hole; entries are deleted from the end, with truncate_after(…)"
        )

    def __eq__(self, other: object) -> bool:
        """Compare the snapshots, and entry by entry."""
        if not isinstance(other, Log):
            return NotImplemented
        return self._entries == other._entries and self.snapshot == other.snapshot

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the entries, each as its term and command, after the index and the term of the last compacted one."""
        base = [f"snapshot up to {self.base_index} of term {self.base_term}"] if self.snapshot is not None else []
        return "Log(" + "; ".join([*base, *(f"{e.term} {command_text(e.command)}" for e in self)]) + ")"
