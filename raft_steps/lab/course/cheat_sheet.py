"""One sheet for a step: the paper's Figure 2 as far as it is built, what a Node, a Log and a Cluster can do, and the words.

All but the words is read from the classes and from the chain of steps, so it is never out of date.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

from raft_steps import STEPS
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Delete, Get, NotLeader, Ok, Set
from raft_steps.lab.course.glossary import GLOSSARY
from raft_steps.lab.log import Entry, Log
from raft_steps.lab.node import Node
from raft_steps.lab.source.parse import Definition, StepSource
from raft_steps.lab.source.views import steps_of
from raft_steps.lab.text_table import text_table

MEANING_MAX = 90  # characters of a meaning in text; HTML shows all of it
OPERATORS = {"__getitem__": "log[index]", "__len__": "len(log)", "__iter__": "for entry in log"}
VALUES = (Entry, Set, Delete, Get, Ok, NotLeader)


class SheetLine(NamedTuple):
    """A line of the sheet.

    Attributes:
        code: How it is written.
        meaning: What it is or does.
        written_in: The steps that wrote it, in order; the numbers of steps, or "yours".
    """

    code: str
    meaning: str
    written_in: tuple[str, ...] = ()


class SheetSection(NamedTuple):
    """A part of the sheet: a heading and its lines."""

    heading: str
    lines: list[SheetLine]


@dataclass(frozen=True, slots=True, repr=False)
class CheatSheet:
    """The sheet for a step.

    Attributes:
        title: Its title.
        sections: Its parts.
    """

    title: str
    sections: tuple[SheetSection, ...]

    def __str__(self) -> str:
        """Return the sheet as text; each line of Figure 2 ends with the steps that wrote it."""
        blocks = [self.title]
        for section in self.sections:
            rows = [(line.code, _short(line.meaning), _steps(line)) for line in section.lines]
            blocks.append("\n".join([section.heading, *(f"  {row}" for row in text_table(rows))]))
        return "\n\n".join(blocks)

    __repr__ = __str__

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        """Return the sheet as text, and as HTML in which the steps are links to their notebooks."""
        parts = [f"<h3>{escape(self.title)}</h3>"]
        for section in self.sections:
            rows = "".join(f"<tr>{''.join(map(_cell, _html(line)))}</tr>" for line in section.lines)
            parts.append(f"<h4>{escape(section.heading)}</h4><table>{rows}</table>")
        return {"text/plain": str(self), "text/html": "".join(parts)}


def cheat_sheet(step_or_class: int | type) -> CheatSheet:
    """Return one sheet with all that is there in a step.

    Args:
        step_or_class: The number of a step, or a Node class such as your own.

    Raises:
        SourceError: There is no such step, or the source of the class cannot be found.
    """
    steps = steps_of(step_or_class)
    last = sum(step.title.startswith("step ") for step in steps)
    sections = (
        *figure_2(steps),
        SheetSection("What every Node has", [*_fields_of(Node), *_methods_of(Node, "self.")]),
        SheetSection("What a Log can do, here log", [*_methods_of(Log, "log."), *_fields_of(Log, "log.")]),
        SheetSection("Entries, requests and answers", [SheetLine(_call(each), _meaning(each)) for each in VALUES]),
        SheetSection("What a Cluster can do, here cluster", list(_methods_of(Cluster, "cluster."))),
        SheetSection(
            "Words", [SheetLine(word.name, word.meaning, (str(word.step),)) for word in GLOSSARY if word.step <= last]
        ),
    )
    return CheatSheet(f"{steps[-1].title}: what there is", tuple(each for each in sections if each.lines))


# Figure 2, from the chain of steps.


def figure_2(steps: list[StepSource]) -> Iterator[SheetSection]:
    """Yield the parts of Figure 2 as of the last step: state, messages, and what a server does."""
    members: dict[str, tuple[Definition, list[str]]] = {}
    for step in steps:
        label = step.title.removeprefix("step ") if step.title.startswith("step ") else "yours"
        for definition in (*step.definitions, *step.members):
            _, before = members.get(definition.name, (definition, []))
            members[definition.name] = (definition, [*before, label])
        for name in step.removed:
            members.pop(name, None)
    durable = _durable(members)
    found = {name: (each, tuple(labels)) for name, (each, labels) in members.items() if name != "durable"}
    kinds = {name: each.kind for name, (each, _) in found.items()}
    lines = {name: _line(each, labels) for name, (each, labels) in found.items()}
    handlers = [name for name in lines if kinds[name] == "method" and name.startswith("on_")]
    yield SheetSection("State on disk", [lines[name] for name in lines if name in durable])
    memory = [lines[name] for name in lines if kinds[name] == "field" and name not in durable]
    yield SheetSection("State in memory", memory)
    yield SheetSection("Times", [lines[name] for name in lines if kinds[name] == "class variable"])
    yield SheetSection("Messages", [lines[name] for name in lines if kinds[name] == "definition"])
    yield SheetSection("What a server does when something happens", [lines[name] for name in handlers])
    others = [lines[name] for name in lines if kinds[name] == "method" and name not in handlers]
    yield SheetSection("What it uses for that", others)


def _durable(members: dict[str, tuple[Definition, list[str]]]) -> tuple[str, ...]:
    """Return the names of the durable fields, as of the last step that says so."""
    if "durable" not in members:
        return ()
    statement = ast.parse(members["durable"][0].text).body[0]
    assert isinstance(statement, ast.AnnAssign | ast.Assign)
    return tuple(ast.literal_eval(statement.value)) if statement.value is not None else ()


def _line(definition: Definition, labels: tuple[str, ...]) -> SheetLine:
    """Return the line of a message, field or method."""
    statement = ast.parse(definition.text).body[0]
    if isinstance(statement, ast.FunctionDef):
        names = [each.arg for each in (*statement.args.args, *statement.args.kwonlyargs) if each.arg != "self"]
        return SheetLine(f"{statement.name}({', '.join(names)})", _first(ast.get_docstring(statement)), labels)
    if isinstance(statement, ast.ClassDef):
        targets = [each.target for each in statement.body if isinstance(each, ast.AnnAssign)]
        fields = [each.id for each in targets if isinstance(each, ast.Name)]
        return SheetLine(f"{statement.name}({', '.join(fields)})", _first(ast.get_docstring(statement)), labels)
    comment = re.search(r"#\s*(.*)$", definition.text.split("\n")[-1])
    kind = ast.unparse(statement.annotation) if isinstance(statement, ast.AnnAssign) else ""
    kind = kind.removeprefix("ClassVar[").removesuffix("]") if kind.startswith("ClassVar[") else kind
    return SheetLine(definition.name, f"{kind}{': ' + comment[1] if comment else ''}", labels)


# What the laboratory's classes can do, from the classes themselves.


def _methods_of(found: type, prefix: str) -> Iterator[SheetLine]:
    """Yield the public methods and properties of a class, in the order in which they are written."""
    for name, value in vars(found).items():
        if name in OPERATORS and found is Log:
            yield SheetLine(OPERATORS[name], _meaning(value))
        elif not name.startswith("_") and isinstance(value, property):
            yield SheetLine(f"{prefix}{name}", _meaning(value))
        elif not name.startswith("_") and isinstance(value, classmethod):
            yield SheetLine(f"{found.__name__}.{name}{_arguments(value.__func__)}", _meaning(value.__func__))
        elif not name.startswith("_") and inspect.isfunction(value):
            yield SheetLine(f"{prefix}{name}{_arguments(value)}", _meaning(value))


def _fields_of(found: type, prefix: str = "self.") -> Iterator[SheetLine]:
    """Yield the attributes that a class's docstring describes."""
    documented = re.findall(r"^    (\w+): (.*(?:\n      +.*)*)", inspect.getdoc(found) or "", re.MULTILINE)
    for name, meaning in documented:
        if f"{prefix}{name}" != "log.changes":  # It is for the driver of a node.
            yield SheetLine(f"{prefix}{name}", _first(re.sub(r"\s+", " ", meaning)))


def _call(found: type) -> str:
    return f"{found.__name__}{_arguments(found)}".replace("(*, ", "(")  # Fields are named; the star would only puzzle.


def _arguments(function: Any) -> str:
    """Return a function's parameters without annotations and `self`."""
    signature = inspect.signature(function)
    kept = [
        each.replace(annotation=each.empty)
        for name, each in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return str(signature.replace(parameters=kept, return_annotation=signature.empty))


def _meaning(documented: object) -> str:
    return _first(inspect.getdoc(documented))


def _first(docstring: str | None) -> str:
    """Return the first paragraph of a docstring on one line, without the full stop at its end."""
    return " ".join((docstring or "").split("\n\n")[0].split()).replace("`", "").removesuffix(".")


# Text and HTML.


def _short(meaning: str) -> str:
    return meaning if len(meaning) <= MEANING_MAX else meaning[: MEANING_MAX - 1].rsplit(" ", 1)[0] + " …"


def _steps(line: SheetLine) -> str:
    if not line.written_in:
        return ""
    return f"step{'s' if len(line.written_in) > 1 else ''} {', '.join(line.written_in)}"


def _html(line: SheetLine) -> list[str]:
    notebooks = {str(each.number): each.notebook_name for each in STEPS}
    links = [f'<a href="{notebooks[each]}">{each}</a>' if each in notebooks else each for each in line.written_in]
    cells = [f"<code>{escape(line.code)}</code>", escape(line.meaning)]
    return [*cells, ", ".join(links)] if links else cells


def _cell(content: str) -> str:
    return f"<td style='text-align:left'>{content}</td>"
