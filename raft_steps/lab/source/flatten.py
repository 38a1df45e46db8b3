"""Folding: the chapters of a chain become one node, as if it had been written at once.

A piece of a later chapter takes the place of the piece of that name; a new one is put after its neighbour. Where a
method passes its arguments on to super(), the lines that it calls stand in its place (`super_calls`). This module works
on text that `reading` has cut, and never prints from a syntax tree.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.inline_super import write_out
from raft_steps.lab.source.parse import INDENT, Definition, Import, StepSource, global_names, shift

LINE_LENGTH = 120


@dataclass(slots=True)
class Folded:
    """A whole node, in pieces.

    Attributes:
        docstring: The class's docstring, that of the latest chapter that has one.
        definitions: The messages, and whatever else stands at the module's level.
        members: Class variables, fields and methods, in this order.
        imports: Where each imported name comes from.
    """

    docstring: str = ""
    definitions: list[Definition] = field(default_factory=list)
    members: list[Definition] = field(default_factory=list)
    imports: dict[str, Import] = field(default_factory=dict)

    @property
    def variables(self) -> list[Definition]:
        """The class variables and fields."""
        return [piece for piece in self.members if piece.kind != "method"]

    @property
    def methods(self) -> list[Definition]:
        """The methods."""
        return [piece for piece in self.members if piece.kind == "method"]


def fold(chapters: Iterable[StepSource], *, alone: bool = True) -> Folded:
    """Fold the chapters of a chain, the first one first.

    Args:
        chapters: The chapters.
        alone: Whether the whole shall stand alone. If not, as for a look at single methods, a use of super() that
            cannot be written out stays as it is, and it does not matter what the whole would import.

    Raises:
        SourceError: The whole cannot stand alone: a use of super() cannot be written out, two chapters import
            different things as one name, or something that a class uses has no source.
    """
    whole = Folded()
    for chapter in chapters:
        whole.docstring = chapter.docstring or whole.docstring
        if alone:
            _merge_imports(whole, chapter)
        for definition in chapter.definitions:
            _place(whole.definitions, definition, len(whole.definitions))
        inherited = {piece.name: piece for piece in whole.members}
        for number, piece in enumerate(chapter.members):
            written_out = _written_out(piece, inherited, chapter.title, alone)
            _place(whole.members, written_out, _place_for(whole.members, chapter.members, number))
        for name in chapter.removed:
            _take_away(whole.members, name)
            _take_away(whole.definitions, name)
    whole.definitions = _used(whole)
    return whole


def _written_out(piece: Definition, inherited: Mapping[str, Definition], title: str, alone: bool) -> Definition:
    try:
        return write_out(piece, inherited, title)
    except SourceError:
        if alone:
            raise
        return piece


def _merge_imports(whole: Folded, chapter: StepSource) -> None:
    """Add a chapter's imports; what comes from a step is in the whole itself."""
    if chapter.missing:
        raise SourceError(chapter.missing)
    for name, origin in chapter.imports.items():
        if origin.module == "raft_steps" or origin.module.startswith("raft_steps.step_"):
            continue
        if whole.imports.setdefault(name, origin) != origin:
            raise SourceError(
                f"{chapter.title} imports {name} from {origin.module}, an earlier step from {whole.imports[name].module}; "
                "one file cannot hold both"
            )


def _place(pieces: list[Definition], piece: Definition, place: int) -> None:
    """Put a piece where the one of its name is, or else at this place; the heading of a field's group stays."""
    for number, old in enumerate(pieces):
        if old.name == piece.name and old.kind == piece.kind:
            if piece.kind != "method" and not piece.heading:
                piece = dataclasses.replace(piece, text=old.heading + piece.text, gap=old.gap)
            pieces[number] = piece
            return
    _take_away(pieces, piece.name)
    pieces.insert(place, piece)


def _place_for(pieces: Sequence[Definition], chapter: Sequence[Definition], number: int) -> int:
    """Find the place of a new member: a method's is after the chapter's method before it, or before the next one."""
    kind = chapter[number].kind
    order = ["class variable", "field", "method"]
    end = sum(order.index(piece.kind) <= order.index(kind) for piece in pieces)
    if kind != "method":
        return end  # The order of fields is that of the chain, so that a trace tells them in the same order.
    places = {piece.name: place for place, piece in enumerate(pieces) if piece.kind == "method"}
    before = [places[piece.name] + 1 for piece in chapter[:number] if piece.name in places]
    after = [places[piece.name] for piece in chapter[number + 1 :] if piece.name in places]
    return before[-1] if before else after[0] if after else end


def _take_away(pieces: list[Definition], name: str) -> None:
    """Drop a piece; the heading of its group goes to the next of the group."""
    for number, piece in enumerate(pieces):
        if piece.name == name:
            del pieces[number]
            following = pieces[number] if number < len(pieces) else piece
            if piece.kind == following.kind == "field" and not following.gap and not following.heading:
                pieces[number] = dataclasses.replace(following, text=piece.heading + following.text, gap=piece.gap)
            return


def _used(whole: Folded) -> list[Definition]:
    """Give the definitions that some member needs, directly or not: a message that nobody names any more goes."""
    names, waiting = set[str](), list(whole.members)
    by_name = {piece.name: piece for piece in whole.definitions}
    while waiting:
        for name in global_names(waiting.pop().text) - names:
            names.add(name)
            waiting += [by_name[name]] if name in by_name else []
    return [piece for piece in whole.definitions if piece.name in names]


# One text.


def text_of(whole: Folded, title: str) -> str:
    """Spell a whole node as a module that stands alone.

    Args:
        whole: The node.
        title: The module's docstring, without quotation marks.
    """
    definitions = [line for piece in whole.definitions for line in _spaced(piece)]
    used = {name for piece in (*whole.definitions, *whole.members) for name in global_names(piece.text)}
    imports = whole.imports | {"node": Import("raft_steps.lab", "node")}
    blocks = [
        block for block in (whole.docstring, fields_text(whole.variables), *(m.text for m in whole.methods)) if block
    ]
    body = "\n\n".join(shift(block, INDENT) for block in blocks) or " " * INDENT + "pass"
    lines = [
        f'"""{title}"""',
        "",
        "from __future__ import annotations",
        *import_lines({name: origin for name, origin in imports.items() if name in used or name == "node"}),
        *definitions,
        "",
        "",
        "class Node(node.Node):",
        body,
    ]
    return "\n".join(lines) + "\n"


def _spaced(piece: Definition) -> list[str]:
    """Give a definition's lines with the blank lines before it: two before a class or function."""
    is_block = not isinstance(ast.parse(piece.text).body[0], ast.Assign | ast.AnnAssign)
    return [*([""] * (2 if is_block else piece.gap)), piece.text]


def fields_text(pieces: Sequence[Definition]) -> str:
    """Spell class variables and fields as one block, groups apart as their authors set them."""
    lines: list[str] = []
    for number, piece in enumerate(pieces):
        is_group = bool(piece.heading) if piece.kind == "class variable" else piece.gap
        if number and (is_group or pieces[number - 1].kind != piece.kind):
            lines.append("")
        lines.append(piece.text)
    return "\n".join(lines)


def import_lines(imports: dict[str, Import]) -> Iterator[str]:
    """Spell imports as the formatter sorts them: the standard library's first, ``import x`` before ``from x``."""
    for standard in (True, False):
        section = {
            n: o for n, o in imports.items() if (o.module.partition(".")[0] in sys.stdlib_module_names) == standard
        }
        if section:
            yield ""
        for name, origin in sorted(section.items(), key=lambda item: item[1]):
            if not origin.name:
                yield f"import {origin.module}" + (f" as {name}" if name != origin.module else "")
        for module in sorted({origin.module for origin in section.values() if origin.name}):
            names = [(o.name, n) for n, o in section.items() if o.name and o.module == module]
            yield _from_line(module, [a if a == n else f"{a} as {n}" for a, n in sorted(names, key=_member_order)])


def _member_order(names: tuple[str, str]) -> tuple[int, str]:
    """Sort as the linter does: CONSTANTS, Classes, functions."""
    name = names[0]
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _from_line(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE_LENGTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
