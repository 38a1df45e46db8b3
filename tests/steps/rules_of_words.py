"""The rules about a step's docstring, its imports, and the names that it uses."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

from raft_steps.lab.source.parse import StepSource
from tests.steps.rule_cases import Case, message_fields

SECTIONS = ("New", "Changed", "Removed", "Paper", "Follows")
LABORATORY = {f"raft_steps.lab.{name}" for name in ("node", "log", "commands", "messages", "snapshots")}
# Clocks, files, networks, threads, and random numbers that are not the node's own.
IMPURE_MODULES = {
    *("asyncio", "concurrent", "multiprocessing", "queue", "sched", "signal", "subprocess", "threading"),
    *("ctypes", "io", "logging", "os", "pathlib", "platform", "shutil", "sys", "tempfile"),
    *("datetime", "random", "secrets", "time", "uuid"),
    *("http", "select", "selectors", "socket", "socketserver", "ssl", "urllib"),
}
IMPURE_NAMES = {"print", "open", "input", "exec", "eval", "globals", "__import__", "breakpoint", "id", "hash"}


# The docstring.


def docstring_has_its_parts(case: Case) -> Iterator[str]:
    """The docstring opens with the step's number and title, and has its sections in order."""
    text = ast.get_docstring(case.step.tree) or ""
    if not re.match(rf"Step {case.step.number}: [^\n]+\.\n\n", text):
        yield f"the docstring opens with 'Step {case.step.number}: what it adds.' and a blank line"
    found = [name for name, _ in _sections(text)]
    if found != [name for name in SECTIONS if name in found]:
        yield f"the docstring's sections come once each and in this order: {', '.join(SECTIONS)}; not {', '.join(found)}"
    for name in ("New", "Paper", "Follows"):
        if name not in found:
            yield f"the docstring has no section {name}"


def lists_agree_with_the_code(case: Case) -> Iterator[str]:
    """New, Changed and Removed list what the code adds, changes and removes: all of it, and nothing else."""
    text = ast.get_docstring(case.step.tree) or ""
    written = {name: _items(content) for name, content in _sections(text)}
    for section, expected in _expected(case).items():
        items = written.get(section, [])
        for name in sorted(expected - set(items)):
            yield f"the docstring's {section} does not name {name}"
        for name in sorted(set(items) - expected):
            yield f"the docstring's {section} names {name}, which the code does not bear out"
        if len(set(items)) < len(items):
            yield f"the docstring's {section} names something twice"


def _sections(text: str) -> list[tuple[str, str]]:
    """Split a docstring into its sections; continuation lines are indented."""
    pattern = rf"^({'|'.join(SECTIONS)}): (.*(?:\n +.*)*)"
    return [(match[1], match[2]) for match in re.finditer(pattern, text, re.MULTILINE)]


def _items(content: str) -> list[str]:
    """Read a list such as ``one, two.``; ``nothing but words.`` is an empty one."""
    words = " ".join(content.split()).removesuffix(".")
    return [] if words.startswith("nothing") else words.split(", ")


def _expected(case: Case) -> dict[str, set[str]]:
    """Return what the three lists should contain."""
    chapter: StepSource = case.step.chapter
    old = {**case.old_definitions, **case.old_members}
    own = {piece.name: piece for piece in (*chapter.definitions, *chapter.members)}
    new, changed, removed = set(own) - set(old), set(own) & set(old), set(chapter.removed)
    for name in case.redefined:
        before, after = (message_fields(each[name]) for each in (old, own))
        new |= {f"{name}.{field}" for field in after if field not in before}
        removed |= {f"{name}.{field}" for field in before if field not in after}
    return {"New": new, "Changed": changed, "Removed": removed}


# Imports and names.


def imports_are_few(case: Case) -> Iterator[str]:
    """A step imports the standard library, the laboratory's few names, and earlier steps."""
    previous = case.earlier[-1].name if case.earlier else ""
    earlier = {f"raft_steps.{step.name}" for step in case.earlier}
    for statement in ast.walk(case.step.tree):
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            continue
        where = f"line {statement.lineno}: {ast.unparse(statement)}"
        if statement not in case.step.tree.body:
            yield f"{where}: imports are at the top of the module"
        modules = [alias.name for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            source, names = statement.module or "", set(modules)
            whole_modules = {
                "raft_steps": {previous},
                "raft_steps.lab": {name.rpartition(".")[2] for name in LABORATORY},
            }
            if statement.level or "*" in names:
                yield f"{where}: an import names its module and the names that it imports"
            if source in LABORATORY | earlier or names <= whole_modules.get(source, set()):
                continue
            modules = [source]
        for module in modules:
            if module.partition(".")[0] not in sys.stdlib_module_names:
                yield f"{where}: a step may import the standard library, earlier steps and {', '.join(sorted(LABORATORY))}"
            elif module.partition(".")[0] in IMPURE_MODULES:
                yield f"{where}: a node is pure; it uses no clock, file, network, or random numbers but its own"


def names_are_pure(case: Case) -> Iterator[str]:
    """A node prints nothing, opens nothing, and does not depend on an object's address."""
    for name in sorted({n.id for n in ast.walk(case.step.tree) if isinstance(n, ast.Name)} & IMPURE_NAMES):
        yield f"{name} is used; a node is pure"


def annotations_are_late(case: Case) -> Iterator[str]:
    """Definitions may move in the whole file, so annotations must not be evaluated in place."""
    if "from __future__ import annotations" not in case.step.text.splitlines():
        yield "from __future__ import annotations is missing"


def steps_are_named_once(case: Case) -> Iterator[str]:
    """An earlier step's module is used in one place, the base of Node; its messages are imported by name."""
    aliases = {name for name, origin in case.step.chapter.imports.items() if origin.module == "raft_steps"}
    bases = {
        id(n) for c in ast.walk(case.step.tree) if isinstance(c, ast.ClassDef) for b in c.bases for n in ast.walk(b)
    }
    for found in ast.walk(case.step.tree):
        if isinstance(found, ast.Name) and found.id in aliases and id(found) not in bases:
            yield f"line {found.lineno}: {found.id} is named outside the base of Node; import the message itself"


def comments_belong_to_something(case: Case) -> Iterator[str]:
    """Every comment belongs to a message, field or method, so that the whole file keeps it."""
    chapter = case.step.chapter
    kept = "\n".join(piece.text for piece in (*chapter.definitions, *chapter.members))
    for token in tokenize.generate_tokens(io.StringIO(case.step.text).readline):
        if token.type == tokenize.COMMENT and token.string not in kept:
            yield f"line {token.start[0]}: this comment belongs to no message, field or method: {token.string}"
