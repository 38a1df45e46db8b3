"""Flattens a chain of classes into one node, as if it had been written as a single class.

A definition of a later step replaces the one of the same name; a new one is inserted after its neighbour. A call of
super() that passes its arguments on is replaced by the lines of the method that it calls (`inline_super`). This module
works on the text that `parse` returns, and never generates text from a syntax tree.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.inline_super import inline_super
from raft_steps.lab.source.inline_values import inline_values
from raft_steps.lab.source.parse import INDENT, Definition, Import, StepSource, global_names, shift

LINE_LENGTH = 120


@dataclass(slots=True)
class FlatNode:
    """A whole node.

    Attributes:
        docstring: The class's docstring, from the latest step that has one.
        definitions: The messages, and any other definition at the module's level.
        members: Class variables, fields and methods, in this order.
        imports: The origin of each imported name.
    """

    docstring: str = ""
    definitions: list[Definition] = field(default_factory=list)
    members: list[Definition] = field(default_factory=list)
    imports: dict[str, Import] = field(default_factory=dict)

    @property
    def variables(self) -> list[Definition]:
        """The class variables and fields."""
        return [definition for definition in self.members if definition.kind != "method"]

    @property
    def methods(self) -> list[Definition]:
        """The methods."""
        return [definition for definition in self.members if definition.kind == "method"]


def flatten(steps: Iterable[StepSource], *, complete: bool = True) -> FlatNode:
    """Flatten the steps of a chain.

    Args:
        steps: The steps, in order.
        complete: Whether the result must be a complete module. Otherwise, as for showing single methods, a use of
            super() that cannot be inlined stays as it is, and imports are ignored.

    Raises:
        SourceError: The whole cannot be a complete module: a use of super() cannot be inlined, two steps import
            different things under one name, or something that a class uses has no source.
    """
    whole = FlatNode()
    for step in steps:
        whole.docstring = step.docstring or whole.docstring
        if complete:
            _merge_imports(whole, step)
        for definition in step.definitions:
            _put(whole.definitions, definition, len(whole.definitions))
        inherited = {definition.name: definition for definition in whole.members}
        for number, definition in enumerate(step.members):
            inlined = inline_values(_inlined(definition, inherited, step.title, complete), inherited)
            _put(whole.members, inlined, _place_for(whole.members, step.members, number))
        for name in step.removed:
            _remove(whole.members, name)
            _remove(whole.definitions, name)
    assert whole.members == [*whole.variables, *whole.methods]  # format_module prints them in this order.
    whole.definitions = _used(whole)
    return whole


def _inlined(definition: Definition, inherited: Mapping[str, Definition], title: str, complete: bool) -> Definition:
    """Inline super() in a definition; return it unchanged if that fails and `complete` is false."""
    try:
        return inline_super(definition, inherited, title)
    except SourceError:
        if complete:
            raise
        return definition


def _merge_imports(whole: FlatNode, step: StepSource) -> None:
    """Add a step's imports, except imports from other steps: the whole contains what they define."""
    if step.missing:
        raise SourceError(step.missing)
    for name, origin in step.imports.items():
        if origin.module == "raft_steps" or origin.module.startswith("raft_steps.step_"):
            continue
        if whole.imports.setdefault(name, origin) != origin:
            raise SourceError(
                f"{step.title} imports {name} from {origin.module}, an earlier step from {whole.imports[name].module}; "
                "one file cannot hold both"
            )


def _put(definitions: list[Definition], definition: Definition, place: int) -> None:
    """Replace the definition of the same name, or insert this one at a place; the heading of a field's group stays."""
    for number, old in enumerate(definitions):
        if old.name == definition.name and old.kind == definition.kind:
            if definition.kind != "method" and not definition.heading:
                definition = dataclasses.replace(definition, text=old.heading + definition.text, gap=old.gap)
            definitions[number] = definition
            return
    _remove(definitions, definition.name)
    definitions.insert(place, definition)


def _place_for(definitions: Sequence[Definition], step: Sequence[Definition], number: int) -> int:
    """Return the place of a new member: a method goes after the step's method before it, or before the next one."""
    kind = step[number].kind
    order = ["class variable", "field", "method"]
    end = sum(order.index(definition.kind) <= order.index(kind) for definition in definitions)
    if kind != "method":
        return end  # Fields stay in the order of the chain, because a trace lists them in that order.
    places = {definition.name: place for place, definition in enumerate(definitions) if definition.kind == "method"}
    before = [places[definition.name] + 1 for definition in step[:number] if definition.name in places]
    after = [places[definition.name] for definition in step[number + 1 :] if definition.name in places]
    return before[-1] if before else after[0] if after else end


def _remove(definitions: list[Definition], name: str) -> None:
    """Remove a definition; if it carries the heading of its group, the next one of the group gets it."""
    for number, definition in enumerate(definitions):
        if definition.name == name:
            del definitions[number]
            following = definitions[number] if number < len(definitions) else definition
            if definition.kind == following.kind == "field" and not following.gap and not following.heading:
                definitions[number] = dataclasses.replace(
                    following, text=definition.heading + following.text, gap=definition.gap
                )
            return


def _used(whole: FlatNode) -> list[Definition]:
    """Return the definitions that a member uses, directly or indirectly; unused messages are left out."""
    names, waiting = set[str](), list(whole.members)
    by_name = {definition.name: definition for definition in whole.definitions}
    while waiting:
        for name in global_names(waiting.pop().text) - names:
            names.add(name)
            waiting += [by_name[name]] if name in by_name else []
    return [definition for definition in whole.definitions if definition.name in names]


# The text of the whole.


def format_module(whole: FlatNode, title: str) -> str:
    """Return a whole node as the text of a complete module.

    Args:
        whole: The node.
        title: The module's docstring, without quotation marks.
    """
    definitions = [line for definition in whole.definitions for line in _spaced(definition)]
    used = {name for definition in (*whole.definitions, *whole.members) for name in global_names(definition.text)}
    imports = whole.imports | {"node": Import("raft_steps.lab", "node")}
    blocks = [
        block for block in (whole.docstring, format_fields(whole.variables), *(m.text for m in whole.methods)) if block
    ]
    body = "\n\n".join(shift(block, INDENT) for block in blocks) or " " * INDENT + "pass"
    lines = [
        f'"""{title}"""',
        "",
        "from __future__ import annotations",
        *format_imports({name: origin for name, origin in imports.items() if name in used or name == "node"}),
        *definitions,
        "",
        "",
        "class Node(node.Node):",
        body,
    ]
    return "\n".join(lines) + "\n"


def _spaced(definition: Definition) -> list[str]:
    """Return a definition's lines with the blank lines before it: two before a class or function."""
    is_block = not isinstance(ast.parse(definition.text).body[0], ast.Assign | ast.AnnAssign)
    return [*([""] * (2 if is_block else definition.gap)), definition.text]


def format_fields(definitions: Sequence[Definition]) -> str:
    """Return class variables and fields as one block, with a blank line between groups, as their authors wrote them."""
    lines: list[str] = []
    for number, definition in enumerate(definitions):
        is_group = bool(definition.heading) if definition.kind == "class variable" else definition.gap
        if number and (is_group or definitions[number - 1].kind != definition.kind):
            lines.append("")
        lines.append(definition.text)
    return "\n".join(lines)


def format_imports(imports: dict[str, Import]) -> Iterator[str]:
    """Yield imports in the formatter's order: the standard library's first, ``import x`` before ``from x``."""
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
    """Return a key that sorts as the linter does: CONSTANTS, Classes, functions."""
    name = names[0]
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _from_line(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE_LENGTH:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
