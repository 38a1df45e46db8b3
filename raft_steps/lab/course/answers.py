"""Answers to the exercises of a notebook: folded in its text, and computed.

An answer is a `<details>` element of Markdown that is titled "Answer to 1". It may hold Python code; what that prints,
and the value of its last expression, is in the block of text below it. The code can use what the notebook defines:
imports, functions, classes and constants, but no clusters that were changed on the way. So an answer can be copied into
a cell, and it is computed without running the whole notebook.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from raft_steps.lab.errors import LabError
from raft_steps.lab.source.parse import global_names

FOLDED = re.compile(r"<details><summary>(?P<title>[^<\n]*)</summary>\n.*?^</details>\n*", re.MULTILINE | re.DOTALL)
ANSWER = re.compile(r"Answer to (?P<number>\d+)")
CODE = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
NAME = "raft_steps_answers"  # the module in which answers run

# A notebook or a cell of nbformat, which has no types of its own.
Notebook = Any
Cell = Any


class AnswerError(LabError):
    """The code of an answer fails; the message names the notebook and the answer."""


def answered(notebook: Notebook) -> list[int]:
    """Return the numbers of the exercises that have an answer, in their order in the notebook."""
    titles = (found["title"] for cell in _texts(notebook) for found in FOLDED.finditer(cell.source))
    return [int(number["number"]) for title in titles if (number := ANSWER.fullmatch(title))]


def without_answers(text: str) -> str:
    """Return a cell's text without the answers to exercises; other folded text stays."""
    kept = FOLDED.sub(lambda found: "" if ANSWER.fullmatch(found["title"]) else found[0], text)
    return kept if kept == text else kept.rstrip("\n")


def compute_answers(notebook: Notebook, name: str) -> None:
    """Run the code of a notebook's answers, in order, and store what it shows below it.

    Args:
        notebook: The notebook, which is changed.
        name: The name of its file, for messages.

    Raises:
        AnswerError: The code of an answer fails.
    """
    code = [found["code"] for text in _answers(notebook) for found in CODE.finditer(text)]
    if not code:
        return
    with _module() as module:
        _run(_definitions(notebook, "\n".join(code)), module, name)
        for cell in _texts(notebook):
            cell.source = FOLDED.sub(lambda found: _with_results(found, module, name), cell.source)


def _with_results(folded: re.Match[str], module: ModuleType, name: str) -> str:
    """Return a folded text in which the results of its code are current, if it is an answer."""
    title = ANSWER.fullmatch(folded["title"])
    if title is None:
        return folded[0]

    def computed(found: re.Match[str]) -> str:
        shown = _run(found["code"], module, f"{name}, answer to {title['number']}").rstrip()
        return f"```python\n{found['code']}```\n" + (f"\n```text\n{shown}\n```\n" if shown else "")

    return CODE.sub(computed, folded[0])


def _texts(notebook: Notebook) -> Iterator[Cell]:
    """Yield the cells of text."""
    yield from (cell for cell in notebook.cells if cell.cell_type == "markdown")


def _answers(notebook: Notebook) -> Iterator[str]:
    """Yield the answers, as text."""
    for cell in _texts(notebook):
        yield from (found[0] for found in FOLDED.finditer(cell.source) if ANSWER.fullmatch(found["title"]))


def _definitions(notebook: Notebook, code: str) -> str:
    """Return the imports, functions, classes and constants of a notebook that some code needs, in their order."""
    statements = [
        (each, ast.unparse(each))
        for cell in notebook.cells
        if cell.cell_type == "code" and not {"raises-exception", "reveal"} & set(cell.metadata.get("tags", []))
        for each in ast.parse(cell.source).body
        if _defines(each)
    ]
    wanted, chosen = global_names(code), set[int]()
    size = -1
    while size < len(chosen):
        size = len(chosen)
        for number, (statement, text) in enumerate(statements):
            if _bound(statement) & wanted and number not in chosen:
                chosen.add(number)
                wanted = wanted | global_names(text)
    return "\n\n\n".join(statements[number][1] for number in sorted(chosen))


def _defines(statement: ast.stmt) -> bool:
    """Return whether a statement defines something, and does nothing else."""
    if isinstance(statement, ast.Assign):
        with contextlib.suppress(ValueError):
            ast.literal_eval(statement.value)
            return True
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement defines."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(each.asname or each.name).partition(".")[0] for each in statement.names}
    if isinstance(statement, ast.Assign):
        return {each.id for each in statement.targets if isinstance(each, ast.Name)}
    return {statement.name} if isinstance(statement, ast.FunctionDef | ast.ClassDef) else set()


# Running.


@contextlib.contextmanager
def _module() -> Iterator[ModuleType]:
    """Provide a module for the code of one notebook's answers; Python looks up dataclasses in their module."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    try:
        yield module
    finally:
        del sys.modules[NAME]


def _run(code: str, module: ModuleType, place: str) -> str:
    """Run code in a module; return what it prints, and the value of its last expression or the laboratory's error.

    Args:
        code: The code.
        module: The module.
        place: The place of the code, for messages.

    Raises:
        AnswerError: The code fails.
    """
    file = f"<{place}, line {len(linecache.cache)}>"  # a name of its own, so that messages quote the right lines
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    shown = io.StringIO()
    try:
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        with contextlib.redirect_stdout(shown):
            exec(compile(tree, file, "exec"), vars(module))  # noqa: S102  # It is the course's own code.
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), file, "eval"), vars(module))  # noqa: S307
                if value is not None:
                    print(value if isinstance(value, str) else repr(value))
    except LabError as error:  # A Node that an answer breaks on purpose.
        shown.write(f"{type(error).__name__}: {error}")
    except Exception as error:
        raise AnswerError(f"{place}: {type(error).__name__}: {error}") from error
    return shown.getvalue()
