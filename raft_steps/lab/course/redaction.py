"""What a notebook of the course becomes in the student edition: the same, without what the student shall find out.

Authors mark it in the course's own notebooks, the one source of both editions: a solution stands between
`### BEGIN SOLUTION` and `### END SOLUTION` in a cell that nbgrader knows as a solution, and a cell that gives the
solution away is tagged `reveal`. A cell that speaks of the full course alone is tagged `course-only`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from raft_steps.lab.course.notebooks import Cell, Notebook, NotebookError, step_of

REVEAL, COURSE_ONLY = "reveal", "course-only"
BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n(?P<solution>.*?)^[ \t]*### END SOLUTION[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*$", re.MULTILINE)
OPENING = re.compile(r"^(?P<indent>[ \t]*)(async )?(?P<kind>def|class) (?P<name>\w+)")
METHOD = re.compile(r"^[ \t]*(?:async )?def (\w+)", re.MULTILINE)
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)[^)]*\)")
# What prints code of the steps: in a cell, and on the command line.
COMMAND = re.compile(
    r"\b(?:show|diff|whole)\((?P<given>[^()]*)\)|\braft[-_]steps[ \t]+(?:show|diff)\b(?P<typed>[^`;|>\n]*)"
)
STEP = re.compile(r"(?:\bstep_|(?<![\w.]))(\d+)(?![^\W_])")
PIECE = re.compile(r"""["'](\w+)["']|--method[ =](\w+)""")
PIECES = re.compile(r"^[ \t]*(?:(?:async )?def|class) (\w+)", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?])[ \t]+")
NEXT = re.compile(r"\*\*Next:\*\* \[[^\]]*\]\((?P<target>[^)\s#]+\.ipynb)\)\.[ \t]*")
FIELDS = re.compile(r"(?:[ \t]*\w+[ \t]*:[^\n]*\n)+")
IMPORT_COLUMNS = 88  # A longer import is written with a name on each line.
ANSWER = "*Write your answer here.*"
SAYS_NOTHING = 12  # A line that is shorter than this may stand anywhere.


def student_edition(
    notebook: Notebook,
    name: str,
    released: Collection[str],
    solved: Mapping[int, Collection[str]] | None = None,
    *,
    solutions: bool = False,
) -> None:
    """Take solutions, reveals and what they alone import out of a notebook, and all outputs from the first exercise on.

    Args:
        notebook: The notebook, which is changed.
        name: Its file's name, for messages.
        released: The files of the release: a link to any other file becomes plain text, and the next notebook is the
            next of these.
        solved: What `solved_in` found: a sentence with a command that prints such a solution goes.
        solutions: Leave the solutions in, for a tool that takes them out itself.

    Raises:
        NotebookError: A solution's markers do not pair.
    """
    _leave_out(notebook)
    begun = False
    for cell in notebook.cells:
        marks = MARKER.findall(cell.source)
        if marks != ["BEGIN", "END"] * (len(marks) // 2):
            raise NotebookError(f"{name}, cell {cell.id}: the markers of a solution do not pair")
        if is_solution(cell):
            begun = True
            _open(cell)
            cell.source = cell.source if solutions else without_solution(cell, name)
        elif marks:
            raise NotebookError(f"{name}, cell {cell.id}: it has a solution's markers, but nbgrader is not told")
        if cell.cell_type == "markdown":
            cell.source = NEXT.sub(lambda link: _next(link, released), cell.source)
            cell.source = LINK.sub(lambda link: _link(link, released), cell.source)
            cell.source = _without_commands_that_tell(cell.source, name, solved or {})
        elif cell.cell_type == "code" and begun:
            cell.outputs, cell.execution_count = [], None


def is_solution(cell: Cell) -> bool:
    """Tell whether nbgrader knows the cell as one that the student writes."""
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def is_reveal(cell: Cell) -> bool:
    """Tell whether the cell gives the solution away."""
    return REVEAL in cell.metadata.get("tags", [])


def is_for_the_course_only(cell: Cell) -> bool:
    """Tell whether the cell speaks of the full course, and makes no sense in another edition."""
    return COURSE_ONLY in cell.metadata.get("tags", [])


def spoilers(notebook: Notebook) -> list[str]:
    """Name the cells of the full course that show a whole solution and are not tagged as a reveal."""
    found: list[str] = []
    for solution in filter(is_solution, notebook.cells):
        lines = {line for block in BLOCK.finditer(solution.source) for line in _telling(block["solution"])}
        others = [cell for cell in notebook.cells if cell is not solution and not is_reveal(cell)]
        found += [cell.id for cell in others if lines and lines <= set(_telling(_shown(cell)))]
    return found


def solved_in(notebooks: Mapping[str, Notebook]) -> dict[int, set[str]]:
    """Name what a student writes in each step: the methods and messages that stand in its solutions.

    Args:
        notebooks: The notebooks of the full course, by the names of their files.
    """
    solved: dict[int, set[str]] = {}
    for name, notebook in notebooks.items():
        for cell in filter(is_solution, notebook.cells):
            for block in BLOCK.finditer(cell.source):
                _, around = _enclosing(cell.source[: block.start()], block["indent"])
                written = {around, *PIECES.findall(block["solution"])} - {"", "Node"}
                solved.setdefault(step_of(name), set()).update(written)
    return solved


def commands_that_tell(text: str, name: str, solved: Mapping[int, Collection[str]]) -> list[str]:
    """List the commands in a text that print the solution of a notebook's own step, or of a later one.

    Args:
        text: What a cell says.
        name: The name of the notebook's file.
        solved: What `solved_in` found.
    """
    return [found[0] for found in COMMAND.finditer(text) if _tells(found, step_of(name), solved)]


def _tells(command: re.Match[str], step: int, solved: Mapping[int, Collection[str]]) -> bool:
    words = command["given"] or command["typed"] or ""
    last = max(map(int, STEP.findall(words)), default=0)
    named = {python or typed for python, typed in PIECE.findall(words)}
    hidden = (set(pieces) for number, pieces in solved.items() if step <= number <= last)
    return any(not named or named & pieces for pieces in hidden)


def _without_commands_that_tell(text: str, name: str, solved: Mapping[int, Collection[str]]) -> str:
    """Leave out each sentence with a command that prints a solution that is still to be found."""
    if not commands_that_tell(text, name, solved):
        return text
    lines = ([s for s in SENTENCE.split(line) if not commands_that_tell(s, name, solved)] for line in text.split("\n"))
    return "\n".join(" ".join(sentences) for sentences in lines)


def _telling(text: str) -> Iterator[str]:
    """Yield the lines of a solution that would give it away."""
    return (line.strip() for line in text.splitlines() if len(line.strip()) >= SAYS_NOTHING)


def _shown(cell: Cell) -> str:
    """Give all that a cell says and shows, as plain text."""
    texts = [cell.source]
    for output in cell.get("outputs", []):
        texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
    return "\n".join(texts)


def _open(cell: Cell) -> None:
    """Unfold a cell that was folded to hide its solution."""
    jupyter = cell.metadata.get("jupyter", {})
    jupyter.pop("source_hidden", None)
    if not jupyter:
        cell.metadata.pop("jupyter", None)
    cell.metadata.pop("collapsed", None)
    if "tags" in cell.metadata:
        cell.metadata["tags"] = [tag for tag in cell.metadata["tags"] if tag not in ("hide-input", "hide-cell")]


def without_solution(cell: Cell, name: str) -> str:
    """Give a cell's source with something to do in place of each solution.

    Raises:
        NotebookError: It is code, and no solution is marked in it.
    """
    if cell.cell_type != "code":
        return ANSWER
    source: str = cell.source
    if not MARKER.search(source):
        raise NotebookError(
            f"{name}, cell {cell.id}: nbgrader knows it as a solution, but it has no solution's markers"
        )
    return BLOCK.sub(lambda block: _stub(source, block), source)


def _leave_out(notebook: Notebook) -> None:
    """Leave out the cells that a student shall not see, and imports that only they use."""
    gone = [cell for cell in notebook.cells if is_reveal(cell) or is_for_the_course_only(cell)]
    kept = [cell for cell in notebook.cells if cell not in gone]
    for cell in _code(kept):
        others = [other.source for other in _code(kept) if other is not cell]
        cell.source = _without_imports(cell.source, others, [other.source for other in _code(gone)])
    notebook.cells = [cell for cell in kept if cell.cell_type != "code" or cell.source.strip()]


def _code(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.cell_type == "code"]


def _without_imports(source: str, used: list[str], no_longer_used: list[str]) -> str:
    """Leave out of a cell's imports the names that only cells use which are gone; a solution may use them, too."""
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return source  # It holds a command of the notebook's own.
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
    """Write an import, in lines; none if it imports nothing."""
    line = f"from {module} import {', '.join(names)}"
    if not names or len(line) <= IMPORT_COLUMNS:
        return [line] if names else []
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _stub(source: str, block: re.Match[str]) -> str:
    """Say what to do in place of a solution, so that it is heard by whoever runs the cell without doing it."""
    task = f"your turn: write {_wanted(source, block)} here, in place of this line"
    if _enclosing(source[: block.start()], block["indent"])[0] == "class" and "def " not in block[0]:
        return f"{block['indent']}# {task}"  # For a missing field, an error would take the whole class away.
    return f'{block["indent"]}raise NotImplementedError("{task}")'


def _wanted(source: str, block: re.Match[str]) -> str:
    """Name what a solution is: the function that it stands in, or else what it defines, or else the class."""
    kind, name = _enclosing(source[: block.start()], block["indent"])
    if kind == "def":
        return name
    defined = METHOD.findall(block["solution"])
    if kind == "class" and FIELDS.fullmatch(block["solution"]):
        return f"the new field{'s' if block['solution'].count(':') > 1 else ''} of {name}"
    return " and ".join(defined) or (f"the rest of {name}" if name else "your code")


def _enclosing(before: str, indent: str) -> tuple[str, str]:
    """Give whether a block stands in a def or a class, and its name; nothing when it stands in neither."""
    for line in reversed(before.splitlines()):
        opening = OPENING.match(line)
        if opening and len(opening["indent"]) < len(indent):
            return opening["kind"], opening["name"]
    return "", ""


def _next(link: re.Match[str], released: Collection[str]) -> str:
    """Name the next notebook that is in the release; say nothing where it ends."""
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
    """Keep a link that leads somewhere in the release or out into the world; of any other, keep the words."""
    target = link["target"]
    return link[0] if ":" in target or target in released else link["text"]
