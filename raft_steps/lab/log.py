"""The log of one server, as the paper numbers it: the first command has index 1.

Index 0 holds a common first entry that is the same on all servers, so that every other entry has a predecessor.
A log records its own changes, so that the cost of storing or drawing it depends only on what is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NoReturn, get_args

from raft_steps.lab.commands import Command, Request, command_text
from raft_steps.lab.errors import LogError
from raft_steps.lab.messages import message


@message
class Entry:
    """One entry of a log: its index, the term in which a leader received it, and the command (None at index 0)."""

    index: int
    term: int
    command: Command | None


FIRST_ENTRY = Entry(index=0, term=0, command=None)

# What can be written as text, so that a trace can show it. A read has no place in a log, but is the Node's decision.
_COMMANDS = (*get_args(Request), type(None))

Change = tuple[Literal["append"], Entry] | tuple[Literal["truncate"], int]


class Log:
    """The entries of one server.

    Attributes:
        changes: The changes since this list was last emptied: ``("append", entry)`` or ``("truncate", index)``, oldest
            first. The driver of a node reads and empties it.
    """

    __slots__ = ("_entries", "changes")

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Start with the common first entry and the given ones.

        The entries count as changes, after a truncation of everything before: this way a new log that a node puts in
        place of its old one is stored correctly. A caller that has stored the entries already empties `changes`.
        """
        self._entries: list[Entry] = [FIRST_ENTRY]
        self.changes: list[Change] = [("truncate", 0)]
        for entry in entries:
            self.append(entry)

    @property
    def last_index(self) -> int:
        """The index of the last entry; 0 if there is only the common first one."""
        return len(self._entries) - 1

    @property
    def last_term(self) -> int:
        """The term of the last entry; 0 if there is only the common first one."""
        return self._entries[-1].term

    def append(self, entry: Entry) -> None:
        """Add an entry at the end.

        Raises:
            LogError: `entry` is not an Entry, its index is not the next one, or its command is not one.
        """
        if not isinstance(entry, Entry):
            raise LogError(f"a log holds entries: append(Entry(index=…, term=…, command=…)), not {entry!r}")
        if type(entry.command) not in _COMMANDS:
            raise LogError(f"the command of an entry is one of a client, such as a Set, or None, not {entry.command!r}")
        if entry.index != len(self._entries):
            raise LogError(f"the next entry has index {len(self._entries)}, not {entry.index}")
        self._entries.append(entry)
        self.changes.append(("append", entry))

    def truncate_after(self, index: int) -> None:
        """Delete every entry after this index.

        Raises:
            LogError: The index is negative; the common first entry is never deleted.
        """
        if index < 0:
            raise LogError(f"nothing can be deleted after index {index}: the common first entry, 0, stays")
        if index + 1 < len(self._entries):
            del self._entries[index + 1 :]
            self.changes.append(("truncate", index))

    def follow(self, changes: Iterable[Change]) -> None:
        """Apply the changes of another log that was equal before: this is how a disk follows its node's log.

        They are not recorded again in `changes`.
        """
        entries = self._entries
        for change in changes:
            if change[0] == "append":
                entries.append(change[1])
            else:
                del entries[change[1] + 1 :]

    def entries_after(self, index: int, most: int | None = None) -> tuple[Entry, ...]:
        """Return the entries after this index, oldest first.

        Args:
            index: The index.
            most: How many entries to return at most; by default all of them. It costs no more than what is returned.
        """
        if index + 1 == len(self._entries):  # The common case, a heartbeat: no slice is needed.
            return ()
        first = max(index, -1) + 1
        return tuple(self._entries[first : None if most is None else first + max(most, 0)])

    def term_at(self, index: int) -> int | None:
        """Return the term of the entry at this index, or None if there is no such entry."""
        return self._entries[index].term if 0 <= index < len(self._entries) else None

    def __getitem__(self, index: int) -> Entry:
        """Return the entry at this index.

        Raises:
            LogError: There is no such entry, or the index is not an int.
        """
        entries = self._entries
        if type(index) is not int:
            raise LogError(
                f"a log is read one index at a time, as log[3]; for several use entries_after, not log[{index!r}]"
            )
        try:
            if index >= 0:
                return entries[index]
        except IndexError:
            pass
        raise LogError(f"there is no entry {index}; the log ends at {self.last_index}")

    def __len__(self) -> int:
        """Return the number of entries, without the common first one."""
        return self.last_index

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries, without the common first one."""
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
        """Compare entry by entry."""
        return self._entries == other._entries if isinstance(other, Log) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the entries, each as its term and command."""
        return "Log(" + "; ".join(f"{e.term} {command_text(e.command)}" for e in self) + ")"
