"""Compares two nodes, definition by definition.

This module compares texts; it does not matter where they come from.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from raft_steps.lab.errors import SourceError
from raft_steps.lab.source import highlight

FIELDS = "fields"  # the name under which all class variables and fields are compared as one text
CONTEXT = 3  # lines shown around a change of the fields; other definitions are short and shown whole


@dataclass(frozen=True, slots=True)
class NodeText:
    """The text of a node, by definition.

    Attributes:
        title: The name of the node in messages, such as ``step 6``.
        order: The names of its messages, the name ``fields``, and the names of its methods, in the order of the text.
        texts: The text of each of these, and of each field by itself.
    """

    title: str
    order: tuple[str, ...]
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one definition.

    Attributes:
        name: The name of the definition.
        kind: Whether it is new, changed or removed.
        lines: The lines of both versions, each with its sign.
    """

    name: str
    kind: Literal["new", "changed", "removed"]
    lines: tuple[highlight.Line, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Difference:
    """The changes from one node to another.

    Attributes:
        before: The first node.
        after: The second node.
        changes: The definitions that differ: messages, the fields as one, then the methods.
    """

    before: NodeText
    after: NodeText
    changes: tuple[Change, ...]

    @property
    def names(self) -> list[str]:
        """The names of the definitions that differ."""
        return [change.name for change in self.changes]

    def only(self, *names: str) -> Difference:
        """Return a part of the difference: messages, methods or single fields by name, or ``fields`` for all fields.

        Raises:
            SourceError: There is no definition of that name, or it does not change.
        """
        return compare(self.before, self.after, *names)

    def __str__(self) -> str:
        """Return the changes as plain text, with + and - before added and removed lines."""
        if not self.changes:
            return f"nothing changes from {self.before.title} to {self.after.title}"
        return "\n\n".join(f"{c.name} {self._verb(c)}\n\n{highlight.plain_difference(c.lines)}" for c in self.changes)

    __repr__ = __str__

    def ansi(self) -> str:
        """Return the changes in a terminal's colours."""
        if not self.changes:
            return str(self)
        return "\n\n".join(
            f"{highlight.bold(c.name)} {self._verb(c)}\n\n{highlight.ansi_difference(c.lines)}" for c in self.changes
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """Return what a notebook shows."""
        blocks = [
            highlight.html_block(f"<b>{c.name}</b> {self._verb(c)}", highlight.html_difference(c.lines))
            for c in self.changes
        ]
        return {"text/plain": str(self), "text/html": "\n".join(blocks) or f"<div>{self}</div>"}

    def _verb(self, change: Change) -> str:
        """Return a clause such as ``is new from step 5 to step 6``."""
        is_plural = change.name == FIELDS
        verbs = {
            "new": "are new" if is_plural else "is new",
            "changed": "change" if is_plural else "changes",
            "removed": "are removed" if is_plural else "is removed",
        }
        return f"{verbs[change.kind]} from {self.before.title} to {self.after.title}"


def compare(before: NodeText, after: NodeText, *names: str) -> Difference:
    """Compare two nodes, or some of their definitions.

    Raises:
        SourceError: There is no definition of that name, or it does not change.
    """
    changed = [name for name in _merged(before.order, after.order) if before.texts.get(name) != after.texts.get(name)]
    changes = tuple(_change(before, after, name) for name in (map(plain_name, names) if names else changed))
    return Difference(before, after, changes)


def plain_name(name: str) -> str:
    """Return the definition that a dotted name is in: ``on_start`` for ``Node.on_start``, otherwise the first part."""
    owner, dot, member = name.partition(".")
    return member if dot and owner == "Node" else owner


def find_text(texts: Mapping[str, str], name: str, subject: str) -> str:
    """Return the text of a definition.

    Args:
        texts: The text of each definition.
        name: The name of the definition.
        subject: How the error begins, such as ``step 6 has no``.

    Raises:
        SourceError: There is no definition of that name.
    """
    if name not in texts:
        close = difflib.get_close_matches(name, texts, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(texts)}"
        raise SourceError(f"{subject} {name}; {hint}")
    return texts[name]


def _merged(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the names of both, in the order of the second; a name that only the first has stays after its predecessor."""
    merged = list(after)
    for number, name in enumerate(before):
        if name not in merged:
            merged.insert(merged.index(before[number - 1]) + 1 if number else 0, name)
    return merged


def _change(before: NodeText, after: NodeText, name: str) -> Change:
    """Compare one definition.

    Raises:
        SourceError: Neither node has it, or it is the same in both.
    """
    find_text({**after.texts, **before.texts}, name, f"neither {before.title} nor {after.title} has")
    old, new = before.texts.get(name), after.texts.get(name)
    if old == new:
        raise SourceError(f"{name} is the same in {before.title} and {after.title}")
    lines = list(_compared(old.split("\n") if old is not None else [], new.split("\n") if new is not None else []))
    kind: Literal["new", "changed", "removed"] = "new" if old is None else "removed" if new is None else "changed"
    return Change(name, kind, tuple(_near(lines) if name == FIELDS else lines))


def _compared(old: Sequence[str], new: Sequence[str]) -> Iterator[highlight.Line]:
    """Yield the lines of both texts, each with its sign."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in old[old_start:old_end])
        else:
            yield from (("-", line) for line in old[old_start:old_end])
            yield from (("+", line) for line in new[new_start:new_end])


def _near(lines: Sequence[highlight.Line]) -> Iterator[highlight.Line]:
    """Yield the lines near a change, and an ellipsis in place of the others."""
    changed = [sign != " " for sign, _ in lines]
    left_out = False
    for number, line in enumerate(lines):
        if any(changed[max(number - CONTEXT, 0) : number + CONTEXT + 1]):
            yield line
            left_out = False
        elif not left_out:
            yield " ", "…"
            left_out = True
