"""Finds the source of a class that is not part of the steps, in a notebook or in a file.

`inspect` does not find the source of a class from a notebook, because a cell is not a file. But the kernel keeps the
text of every cell for tracebacks, in `linecache`, and the code object of each method records its text and line.
What the class uses from other cells (a message, a constant, an import) is found through its methods' globals.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import inspect
import linecache
import re
import sys
import types
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import raft_steps
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.parse import (
    Definition,
    Import,
    StepSource,
    class_docstring,
    defined_name,
    first_line,
    global_names,
    is_removal,
    parse_class,
    shift,
    split_definitions,
)

# Modules to search for objects without a __module__, such as Command, which is a union of two messages.
LABORATORY = tuple(f"raft_steps.lab.{name}" for name in ("commands", "log", "messages", "node"))
STANDARD = ("typing", "dataclasses", "collections.abc")
MARK = re.compile(r"\s*### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")  # nbgrader's markers in the cells of exercises


def read_custom_class(node_class: type, known: frozenset[str]) -> StepSource:
    """Read a class that is not part of a step, and whatever it needs that the chain before it does not define.

    Args:
        node_class: The class.
        known: The names of the messages that the chain before it defines.

    Raises:
        SourceError: The source of the class cannot be found.
    """
    title = f"your {node_class.__name__}"
    path, found = find_class(node_class, "")
    lines = _lines(path)
    namespace = _names_seen_by(node_class)
    definitions = [
        _with_base_as_node(_simplified(definition, namespace), namespace, node_class)
        for definition in parse_class(lines, found, title)
    ]
    members = [definition for definition in definitions if not is_removal(definition)]
    dependencies = _Dependencies(title, path, namespace, known | {node_class.__name__})
    # In the whole, both are the class itself; super() refers to `__class__`.
    dependencies.seen |= {"Node", "__class__"}
    for definition in members:
        dependencies.visit(definition.text)
    return StepSource(
        title=title,
        text=_text(lines, found),
        docstring=class_docstring(lines, found),
        definitions=dependencies.in_order(),
        members=tuple(members),
        imports=dependencies.imports,
        removed=frozenset(definition.name for definition in definitions if is_removal(definition)),
        missing=dependencies.missing,
    )


def _text(lines: list[str], found: ast.ClassDef) -> str:
    """Return the text of a class without an exercise's markers."""
    kept = [line for line in lines[first_line(found) - 1 : found.end_lineno] if not MARK.match(line)]
    return shift("\n".join(kept), -found.col_offset) + "\n"


def find_class(wanted: type, path: str) -> tuple[str, ast.ClassDef]:
    """Return the name of the text that a class is defined in, and the statement that defines it.

    Args:
        wanted: The class.
        path: The name of the text to search first if the class has no method that identifies it.

    Raises:
        SourceError: No known text defines this class.
    """
    paths = {function.__code__.co_filename for function in _functions(wanted).values()}
    if len(paths) > 1:
        raise SourceError(f"the methods of {wanted.__name__} come from several places; write them inside the class")
    for candidate in paths or _texts(path, wanted.__module__):
        for statement in ast.walk(_tree(candidate)):
            if isinstance(statement, ast.ClassDef) and _is_source_of(statement, wanted):
                return candidate, statement
    raise SourceError(
        f"the source of {wanted.__name__} cannot be found; write the whole class, methods and all, in one cell or file"
    )


def _functions(wanted: type) -> dict[str, types.FunctionType]:
    """Return the functions that are defined in the body of a class."""
    functions = {}
    for name, value in vars(wanted).items():
        function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
        if isinstance(function, types.FunctionType) and not name.startswith("__"):
            functions[name] = function
    return functions


def _texts(path: str, module_name: str) -> Iterator[str]:
    """Yield the names of texts that may contain a definition: `path`, the module's file, then the cells, latest first."""
    if path:
        yield path
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if file:
        yield file
    for name, entry in reversed(list(linecache.cache.items())):
        if len(entry) > 1 and entry[1] is None:  # Only the text of a cell has no modification time.
            yield name


def _lines(path: str) -> list[str]:
    return [line.rstrip("\n") for line in linecache.getlines(path)]


def _tree(path: str) -> ast.Module:
    try:
        return ast.parse("\n".join(_lines(path)))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _is_source_of(statement: ast.ClassDef, wanted: type) -> bool:
    """Return whether a statement defines this class: it has the same names, and the same methods on the same lines."""
    written = {name: s for s in statement.body if (name := defined_name(s)) and not name.startswith("__")}
    own = {name for name in vars(wanted) if not name.startswith("__")}
    try:
        own |= set(inspect.get_annotations(wanted))
    except NameError:  # Python 3.14 evaluates annotations lazily; the other evidence has to suffice.
        own |= set(written)
    lines = {name: function.__code__.co_firstlineno for name, function in _functions(wanted).items()}
    return (
        statement.name == wanted.__name__
        and own == set(written)
        and all(first_line(written[name]) == line for name, line in lines.items())
    )


def _names_seen_by(node_class: type) -> Mapping[str, Any]:
    """Return the names that are visible in a class's methods: those of their closures and globals."""
    functions = _functions(node_class).values()
    local = [inspect.getclosurevars(function).nonlocals for function in functions]
    around = [function.__globals__ for function in functions] or [vars(sys.modules[node_class.__module__])]
    return ChainMap(*map(dict, local), *around)


def _simplified(definition: Definition, namespace: Mapping[str, Any]) -> Definition:
    """Remove an exercise's markers, and replace ``step_05.AppendEntries`` by ``AppendEntries``, as in one file."""
    text = "\n".join(line for line in definition.text.split("\n") if not MARK.match(line))
    lines = [line.encode() for line in text.split("\n")]
    qualified = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and _is_step(namespace.get(node.value.id))
        if node.lineno == node.end_lineno
    ]
    for node in sorted(qualified, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + node.attr.encode() + line[node.end_col_offset :]
    return dataclasses.replace(definition, text=b"\n".join(lines).decode())


def _with_base_as_node(definition: Definition, namespace: Mapping[str, Any], node_class: type) -> Definition:
    """Write ``Node`` for a base class by another name, in a class variable or field: ``(*Base.durable, "x")``."""
    if definition.kind not in ("class variable", "field"):
        return definition
    lines = [line.encode() for line in definition.text.split("\n")]
    bases = [
        node
        for node in ast.walk(ast.parse(definition.text))
        if isinstance(node, ast.Name | ast.Call) and _value(node, namespace) in node_class.__mro__[1:]
        if node.lineno == node.end_lineno
    ]
    for node in sorted(bases, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = line[: node.col_offset] + b"Node" + line[node.end_col_offset :]
    return dataclasses.replace(definition, text=b"\n".join(lines).decode())


def _value(node: ast.Name | ast.Call, namespace: Mapping[str, Any]) -> Any:
    """Return what an expression stands for: a name, or ``node(12)``; None for anything else."""
    match node:
        case ast.Name(id=name):
            return namespace.get(name)
        case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=int(number))]):
            return raft_steps.node(number) if namespace.get(name) is raft_steps.node else None
    return None


def _is_step(value: object) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__ in {step.module_name for step in raft_steps.STEPS}


@dataclass
class _Dependencies:
    """Whatever a class uses from outside its body: imports, and definitions in cells, such as a redefined message.

    Attributes:
        title: The name of the class in error messages.
        path: The name of the text that the class is defined in.
        namespace: The names that are visible in its methods.
        known: The names that the chain before it defines.
        imports: The imports found so far.
        definitions: The definitions found so far, each with the name of its text and its first line.
        missing: Why a name was not found; empty if all were.
        seen: The names that were looked up already.
    """

    title: str
    path: str
    namespace: Mapping[str, Any]
    known: frozenset[str]
    imports: dict[str, Import] = field(default_factory=dict)
    definitions: list[tuple[str, int, Definition]] = field(default_factory=list)
    missing: str = ""
    seen: set[str] = field(default_factory=set)

    def visit(self, text: str) -> None:
        """Add everything that a text uses. The needs of a definition are added before the definition itself."""
        for name in sorted(global_names(text) - self.seen):
            if name not in self.namespace or self.namespace[name] is getattr(builtins, name, None):
                continue
            self.seen.add(name)
            value = self.namespace[name]
            origin = _origin(name, value)
            if origin is not None:
                self.imports[name] = origin
            elif name not in self.known or (isinstance(value, type) and not _is_from_step(value)):
                self._define(name, value)

    def _define(self, name: str, value: Any) -> None:
        try:
            path, statement = _definition(name, value, self.path, self.title)
        except SourceError as error:
            self.missing = self.missing or str(error)
            return
        definition = _simplified(next(split_definitions(_lines(path), [statement], 0, self.title)), self.namespace)
        self.visit(definition.text)
        self.definitions.append((path, statement.lineno, definition))

    def in_order(self) -> tuple[Definition, ...]:
        """Return the definitions in the order of their text or, if they come from several texts, each after its needs."""
        if len({path for path, _, _ in self.definitions}) == 1:
            self.definitions.sort(key=lambda found: found[1])
        return tuple(definition for _, _, definition in self.definitions)


def _is_from_step(value: object) -> bool:
    return getattr(value, "__module__", None) in {step.module_name for step in raft_steps.STEPS}


def _origin(name: str, value: Any) -> Import | None:
    """Return the import of a name of the standard library or the laboratory; None for any other."""
    if isinstance(value, types.ModuleType):
        return Import(*value.__name__.rsplit(".", 1)) if _is_ours(value.__name__) else Import(value.__name__)
    own = getattr(value, "__module__", None) or ""
    for module_name in (own, *LABORATORY, *STANDARD):
        module = sys.modules.get(module_name)
        if not (_is_ours(module_name) or module_name.partition(".")[0] in sys.stdlib_module_names):
            continue
        for candidate in (name, getattr(value, "__name__", name)):
            if module is not None and getattr(module, candidate, module) is value:
                return Import(module_name, candidate)
    return None


def _is_ours(module_name: str) -> bool:
    return module_name.startswith("raft_steps.lab.")


def _definition(name: str, value: Any, path: str, title: str) -> tuple[str, ast.stmt]:
    """Return the name of the text that defines a name of a cell or file, and the statement that does so."""
    if isinstance(value, type):
        return find_class(value, path)
    if isinstance(value, types.FunctionType):
        path = value.__code__.co_filename
    for candidate in (path, *_texts("", "")):
        for statement in reversed(_tree(candidate).body):
            if defined_name(statement) == name:
                return candidate, statement
    raise SourceError(f"{title} uses {name}, whose source cannot be found; define it in the cell of the class")
