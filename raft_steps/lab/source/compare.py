"""Differences: what becomes of each piece of a node, from one to another.

This module compares texts and knows nothing of where they come from.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from raft_steps.lab.errors import SourceError
from raft_steps.lab.source import highlight

FIELDS = "fields"  # the name under which all class variables and fields are one piece
CONTEXT = 3  # lines shown around a change of the fields; all else is short and shown whole


@dataclass(frozen=True, slots=True)
class Pieces:
    """A node in pieces.

    Attributes:
        title: Whose node it is, such as ``step 6``.
        order: The names of its messages, of the fields as one piece, and of its methods, in the order of the text.
        texts: The text of each, and of each field by itself.
    """

    title: str
    order: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one piece.

    Attributes:
        name: Its name.
        kind: Whether it is new, changed or removed.
        lines: Its lines, each with its sign.
    """

    name: str
    kind: Literal["new", "changed", "removed"]
    lines: tuple[highlight.Line, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """What changes from one node to another.

    Attributes:
        before: The first node.
        after: The second node.
        changes: The pieces that differ: messages, the fields as one piece, then each method.
    """

    before: Pieces
    after: Pieces
    changes: tuple[Change, ...]

    @property
    def names(self) -> list[str]:
        """The names of the pieces."""
        return [change.name for change in self.changes]

    def piece(self, *names: str) -> Difference:
        """Give some pieces of the difference: messages, methods, single fields, or all ``fields`` as one.

        Raises:
            SourceError: There is no piece of that name, or it does not change.
        """
        return compare(self.before, self.after, *names)

    def __str__(self) -> str:
        """Give the pieces as plain text, with + and - before what is added and removed."""
        if not self.changes:
            return f"nothing changes from {self.before.title} to {self.after.title}"
        return "\n\n".join(f"{c.name} {self._verb(c)}\n\n{highlight.plain_difference(c.lines)}" for c in self.changes)

    __repr__ = __str__

    def ansi(self) -> str:
        """Give the pieces with a terminal's colours."""
        if not self.changes:
            return str(self)
        return "\n\n".join(
            f"{highlight.bold(c.name)} {self._verb(c)}\n\n{highlight.ansi_difference(c.lines)}" for c in self.changes
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """Tell a notebook what to show."""
        blocks = [
            highlight.html_block(f"<b>{c.name}</b> {self._verb(c)}", highlight.html_difference(c.lines))
            for c in self.changes
        ]
        return {"text/plain": str(self), "text/html": "\n".join(blocks) or f"<div>{self}</div>"}

    def _verb(self, change: Change) -> str:
        """Say what becomes of a piece."""
        several = change.name == FIELDS
        verbs = {
            "new": "are new" if several else "is new",
            "changed": "change" if several else "changes",
            "removed": "go" if several else "goes",
        }
        return f"{verbs[change.kind]} from {self.before.title} to {self.after.title}"


def compare(before: Pieces, after: Pieces, *names: str) -> Difference:
    """Compare two nodes, or some pieces of them.

    Raises:
        SourceError: There is no piece of that name, or it does not change.
    """
    changed = [name for name in _merged(before.order, after.order) if before.texts.get(name) != after.texts.get(name)]
    changes = tuple(_change(before, after, name) for name in (map(plain_name, names) if names else changed))
    return Difference(before, after, changes)


def plain_name(name: str) -> str:
    """Take a name as people write it: ``Node.on_start`` is a method, ``AppendEntries.term`` a part of its message."""
    owner, dot, member = name.partition(".")
    return member if dot and owner == "Node" else owner


def find(texts: Mapping[str, str], name: str, nobody_has: str) -> str:
    """Give the text of a piece.

    Args:
        texts: The text of each piece.
        name: The name of the piece.
        nobody_has: How the error begins, such as ``step 6 has no``.

    Raises:
        SourceError: There is none of that name.
    """
    if name not in texts:
        close = difflib.get_close_matches(name, texts, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(texts)}"
        raise SourceError(f"{nobody_has} {name}; {hint}")
    return texts[name]


def _merged(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Give the names of both in the order of the second; what goes stays where it was."""
    merged = list(after)
    for number, name in enumerate(before):
        if name not in merged:
            merged.insert(merged.index(before[number - 1]) + 1 if number else 0, name)
    return merged


def _change(before: Pieces, after: Pieces, name: str) -> Change:
    """Compare one piece."""
    find({**after.texts, **before.texts}, name, f"neither {before.title} nor {after.title} has")
    old, new = before.texts.get(name), after.texts.get(name)
    if old == new:
        raise SourceError(f"{name} is the same in {before.title} and {after.title}")
    lines = list(_compared(old.split("\n") if old is not None else [], new.split("\n") if new is not None else []))
    kind: Literal["new", "changed", "removed"] = "new" if old is None else "removed" if new is None else "changed"
    return Change(name, kind, tuple(_near(lines) if name == FIELDS else lines))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[highlight.Line]:
    """Yield the lines of both: what stays, what goes, what comes."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in old[old_start:old_end])
        else:
            yield from (("-", line) for line in old[old_start:old_end])
            yield from (("+", line) for line in new[new_start:new_end])


def _near(lines: Sequence[highlight.Line]) -> Iterator[highlight.Line]:
    """Leave out what is far from any change, and mark the place."""
    changed = [sign != " " for sign, _ in lines]
    left_out = False
    for number, line in enumerate(lines):
        if any(changed[max(number - CONTEXT, 0) : number + CONTEXT + 1]):
            yield line
            left_out = False
        elif not left_out:
            yield " ", "…"
            left_out = True
