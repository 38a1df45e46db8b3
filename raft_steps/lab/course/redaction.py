"""Removes solutions, and the cells that show them, from a notebook of the course.

Authors mark these in the course's notebooks, from which all editions are made. A solution is between
`### BEGIN SOLUTION` and `### END SOLUTION` in a cell that has nbgrader's metadata of a solution. A cell that shows the
solution is tagged `reveal`. A cell that makes sense only in the full course is tagged `course-only`. The answers to
exercises (`answers.py`) are for readers who have the whole course, and are removed for students.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from raft_steps.lab.course.answers import without_answers
from raft_steps.lab.course.notebooks import NOTEBOOK_NAME, Cell, Notebook, NotebookError, step_of

REVEAL, COURSE_ONLY = "reveal", "course-only"
BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n(?P<solution>.*?)^[ \t]*### END SOLUTION[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*$", re.MULTILINE)
OPENING = re.compile(r"^(?P<indent>[ \t]*)(async )?(?P<kind>def|class) (?P<name>\w+)")
METHOD = re.compile(r"^[ \t]*(?:async )?def (\w+)", re.MULTILINE)
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)[^)]*\)")
# Commands that print code of the steps: in a cell, and on the command line.
COMMAND = re.compile(
    r"\b(?:show|diff|whole|mistakes)\((?P<given>[^()]*)\)"
    r"|\braft[-_]steps[ \t]+(?:show|diff|mistakes)\b(?P<typed>[^`;|>\n]*)"
)
STEP = re.compile(r"(?:\bstep_|(?<![\w.]))(\d+)(?![^\W_])")
# The commands among them that are for readers who have written the step.
FOR_AFTERWARDS = re.compile(r"\bNode\b|mistakes\(")
NAMED = re.compile(r"""["'](\w+)["']|--method[ =](\w+)""")
DEFINED = re.compile(r"^[ \t]*(?:(?:async )?def|class) (\w+)", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?])[ \t]+")
NEXT = re.compile(r"\*\*Next:\*\* \[[^\]]*\]\((?P<target>[^)\s#]+\.ipynb)\)\.[ \t]*")
FIELDS = re.compile(r"(?:[ \t]*\w+[ \t]*:[^\n]*\n)+")
IMPORT_COLUMNS = 88  # a longer import has a name on each line
ANSWER = "*Write your answer here.*"
SHORT_LINE = 12  # a shorter line gives nothing away
HiddenNames = Mapping[int, Collection[str]]  # for each step, the names that students define in it


def redact(
    notebook: Notebook,
    name: str,
    released: Collection[str],
    hidden: HiddenNames | None = None,
    *,
    solutions: bool = False,
    own: bool = False,
) -> None:
    """Remove solutions, reveals and the imports that only they use, and all outputs from the first exercise on.

    Args:
        notebook: The notebook, which is changed.
        name: The name of its file, for messages.
        released: The files of the edition. A link to any other file becomes plain text, and the link to the next
            notebook leads to the next of these.
        hidden: The names that students define, as `hidden_names` returns them. A sentence with a command that prints
            such code is removed.
        solutions: Keep the solutions, for nbgrader, which removes them itself.
        own: Keep the answers to exercises, and the commands for those who have written the step, for readers who have
            the whole course.

    Raises:
        NotebookError: A solution's markers do not pair.
    """
    _remove_hidden_cells(notebook)
    begun = False
    for cell in notebook.cells:
        marks = MARKER.findall(cell.source)
        if marks != ["BEGIN", "END"] * (len(marks) // 2):
            raise NotebookError(f"{name}, cell {cell.id}: the markers of a solution do not pair")
        if is_solution(cell):
            begun = True
            _unfold(cell)
            cell.source = cell.source if solutions else without_solution(cell, name)
        elif marks:
            raise NotebookError(
                f"{name}, cell {cell.id}: it has the markers of a solution, but not nbgrader's metadata of a solution"
            )
        if cell.cell_type == "markdown":
            cell.source = cell.source if own else without_answers(cell.source)
            cell.source = NEXT.sub(lambda link: _next(link, released), cell.source)
            cell.source = LINK.sub(lambda link: _link(link, released), cell.source)
            cell.source = _without_revealing_commands(cell.source, name, hidden or {}, own=own)
        elif cell.cell_type == "code" and begun:
            cell.outputs, cell.execution_count = [], None


def is_solution(cell: Cell) -> bool:
    """Return whether the cell has nbgrader's metadata of a solution, which the student writes."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_reveal(cell: Cell) -> bool:
    """Return whether the cell shows the solution."""
    return REVEAL in cell.metadata.get("tags", [])


def is_for_the_course_only(cell: Cell) -> bool:
    """Return whether the cell makes sense only in the full course."""
    return COURSE_ONLY in cell.metadata.get("tags", [])


def spoilers(notebook: Notebook) -> list[str]:
    """Return the ids of the cells of the full course that show a whole solution and are not tagged as a reveal."""
    found: list[str] = []
    for solution in filter(is_solution, notebook.cells):
        lines = {line for block in BLOCK.finditer(solution.source) for line in _revealing_lines(block["solution"])}
        others = [cell for cell in notebook.cells if cell is not solution and not is_reveal(cell)]
        found += [cell.id for cell in others if lines and lines <= set(_revealing_lines(_source_and_outputs(cell)))]
    return found


def hidden_names(notebooks: Mapping[str, Notebook]) -> dict[int, set[str]]:
    """Return the names that students define in each step: the methods and messages in its solutions.

    Args:
        notebooks: The notebooks of the full course, by the names of their files.
    """
    hidden: dict[int, set[str]] = {}
    for name, notebook in notebooks.items():
        for cell in filter(is_solution, notebook.cells):
            for block in BLOCK.finditer(cell.source):
                _, around = _enclosing(cell.source[: block.start()], block["indent"])
                written = {around, *DEFINED.findall(block["solution"])} - {"", "Node"}
                hidden.setdefault(step_of(name), set()).update(written)
    return hidden


def revealing_commands(text: str, name: str, hidden: HiddenNames, *, own: bool = False) -> list[str]:
    """Return the commands in a text that print a solution that the readers of a notebook have not written yet.

    Args:
        text: The source of a cell.
        name: The name of the notebook's file.
        hidden: The names that students define, as `hidden_names` returns them.
        own: Leave out the commands for readers who have written the step: their own Node compared with it, and mistakes.
    """
    found = [each for each in COMMAND.finditer(text) if not (own and FOR_AFTERWARDS.search(each[0]))]
    return [each[0] for each in found if _reveals(each, _first_unwritten(name), hidden)]


def _first_unwritten(name: str) -> int:
    """Return the first step that the readers of a notebook have not written: with a letter, it comes after its step."""
    match = NOTEBOOK_NAME.fullmatch(name)
    return step_of(name) + bool(match and match["letter"])


def _reveals(command: re.Match[str], step: int, hidden: HiddenNames) -> bool:
    """Return whether a command prints code of this step, or of a later one, that students are to write."""
    words = command["given"] or command["typed"] or ""
    last = max(map(int, STEP.findall(words)), default=0)
    named = {python or typed for python, typed in NAMED.findall(words)}
    return any(not named or named & set(names) for number, names in hidden.items() if step <= number <= last)


def _without_revealing_commands(text: str, name: str, hidden: HiddenNames, *, own: bool) -> str:
    """Remove each sentence with a command that prints a solution that students are to write."""
    if not revealing_commands(text, name, hidden, own=own):
        return text
    lines = (
        [each for each in SENTENCE.split(line) if not revealing_commands(each, name, hidden, own=own)]
        for line in text.split("\n")
    )
    return "\n".join(" ".join(sentences) for sentences in lines)


def _revealing_lines(text: str) -> Iterator[str]:
    """Yield the lines of a text that are long enough to give a solution away."""
    return (line.strip() for line in text.splitlines() if len(line.strip()) >= SHORT_LINE)


def _source_and_outputs(cell: Cell) -> str:
    """Return the source and the outputs of a cell as plain text."""
    texts = [cell.source]
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "\n".join(texts)


def _unfold(cell: Cell) -> None:
    """Unfold a cell that was folded to hide its solution."""
    jupyter = cell.metadata.get("jupyter", {})
    jupyter.pop("source_hidden", None)
    if not jupyter:
        cell.metadata.pop("jupyter", None)
    cell.metadata.pop("collapsed", None)
    if "tags" in cell.metadata:
        cell.metadata["tags"] = [tag for tag in cell.metadata["tags"] if tag not in ("hide-input", "hide-cell")]


def without_solution(cell: Cell, name: str) -> str:
    """Return a cell's source in which each solution is replaced by a line that says what to write.

    Raises:
        NotebookError: The cell is code, but its solution is not marked.
    """
    if cell.cell_type != "code":
        return ANSWER
    source: str = cell.source
    if not MARKER.search(source):
        raise NotebookError(
            f"{name}, cell {cell.id}: it has nbgrader's metadata of a solution, but no markers of a solution"
        )
    return BLOCK.sub(lambda block: _stub(source, block), source)


def _remove_hidden_cells(notebook: Notebook) -> None:
    """Remove the cells that students must not see, and the imports that only those use."""
    gone = [cell for cell in notebook.cells if is_reveal(cell) or is_for_the_course_only(cell)]
    kept = [cell for cell in notebook.cells if cell not in gone]
    for cell in _code(kept):
        others = [other.source for other in _code(kept) if other is not cell]
        cell.source = _without_imports(cell.source, others, [other.source for other in _code(gone)])
    notebook.cells = [cell for cell in kept if cell.cell_type != "code" or cell.source.strip()]


def _code(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _without_imports(source: str, used: list[str], no_longer_used: list[str]) -> str:
    """Remove from a cell's imports the names that only removed cells use."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return source  # It has an IPython magic.
    lines = source.splitlines()
    for statement in reversed(statements):
        if not isinstance(statement, ast.ImportFrom) or statement.module is None or statement.level:
            continue
        here = slice(statement.lineno - 1, statement.end_lineno)
        rest = [*used, "\n".join(lines[: here.start] + lines[here.stop :])]
        names = [alias for alias in statement.names if _needed(alias.asname or alias.name, rest, no_longer_used)]
        if len(names) < len(statement.names):
            lines[here] = _import(statement.module, [ast.unparse(alias) for alias in names])
    return "\n".join(lines)


def _needed(name: str, used: list[str], no_longer_used: list[str]) -> bool:
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(map(word.search, used)) or not any(map(word.search, no_longer_used))


def _import(module: str, names: list[str]) -> list[str]:
    """Return the lines of an import; none if it imports nothing."""
    line = f"from {module} import {', '.join(names)}"
    if not names or len(line) <= IMPORT_COLUMNS:
        return [line] if names else []
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _stub(source: str, block: re.Match[str]) -> str:
    """Return the line that replaces a solution. It raises an error that says what to write."""
    task = f"your turn: write {_wanted(source, block)} here, instead of this line"
    if _enclosing(source[: block.start()], block["indent"])[0] == "class" and "def " not in block[0]:
        return f"{block['indent']}# {task}"  # A raise in the class body would leave no class at all.
    return f'{block["indent"]}raise NotImplementedError("{task}")'


def _wanted(source: str, block: re.Match[str]) -> str:
    """Describe what is to be written: the function around the solution, its own methods or fields, or the class."""
    kind, name = _enclosing(source[: block.start()], block["indent"])
    if kind == "def":
        return name
    defined = METHOD.findall(block["solution"])
    if kind == "class" and FIELDS.fullmatch(block["solution"]):
        return f"the new field{'s' if block['solution'].count(':') > 1 else ''} of {name}"
    return " and ".join(defined) or (f"the rest of {name}" if name else "your code")


def _enclosing(before: str, indent: str) -> tuple[str, str]:
    """Return ``def`` or ``class`` and the name of the definition around a block; empty strings at the module's level."""
    for line in reversed(before.splitlines()):
        opening = OPENING.match(line)
        if opening and len(opening["indent"]) < len(indent):
            return opening["kind"], opening["name"]
    return "", ""


def _next(link: re.Match[str], released: Collection[str]) -> str:
    """Return the link to the next notebook of the edition; an empty string after the last one."""
    if link["target"] in released:
        return link[0]
    name = min((name for name in released if name.endswith(".ipynb") and name > link["target"]), default=None)
    if name is None:
        return ""
    number, _, words = name.removesuffix(".ipynb").partition("_")
    return link[0].replace(
        link[0].strip(), f"**Next:** [step {number.lstrip('0')}: {words.replace('_', ' ')}]({name})."
    )


def _link(link: re.Match[str], released: Collection[str]) -> str:
    """Keep a link to a file of the edition or to the web; of any other, keep only the text."""
    target = link["target"]
    return link[0] if ":" in target or target in released else link["text"]
