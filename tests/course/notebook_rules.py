"""The rules that every stored notebook keeps, each a function that yields one sentence per problem.

Strict nbval compares what a notebook shows with what it stores. That is useful only if everything is stored, and if
nothing stored depends on one machine, one run or one version. Further rules keep cells short, pictures accessible, and
solutions where a grading tool finds them. A notebook here is the plain JSON of its file.
"""

import json
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.validator import iter_validate

ROOT = Path(__file__).parents[2]

CELLS_MAX = 72
CELL_LINES_MAX = 25
CELL_LINES_MEDIAN_BELOW = 8
UNCOMPARED_CELLS_MAX = 2

BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
PNG_OR_JPEG = {"image/png", "image/jpeg"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# A folder at the root of a machine, or a drive of Windows; a path inside an address does not count.
MACHINE_PATH = re.compile(r"(?<![\w/.:])/(?:work|tmp|root|opt|var|usr|home|Users)/[\w.-]+|\b[A-Z]:\\\w+|file://")
MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
EMBEDDED_DATA = re.compile(r"data:[\w/+.-]+;base64,[\w+/=]+")

Cell = dict[str, Any]
Notebook = dict[str, Any]
Rule = Callable[[Notebook], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Register a rule in the table that the tests run."""
    RULES[function.__name__] = function
    return function


def code_cells(notebook: Notebook) -> list[Cell]:
    """Return the code cells, in order."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def source(cell: Cell) -> str:
    """Return a cell's source as one text; in a file it may be a list of lines."""
    return joined(cell["source"])


def joined(text: str | list[str]) -> str:
    """Return a text of the notebook format, which may be a list of lines, as one string."""
    return text if isinstance(text, str) else "".join(text)


def tags(cell: Cell) -> list[str]:
    """Return a cell's tags."""
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def lines(cell: Cell) -> int:
    """Return the number of a cell's lines that are not blank."""
    return sum(bool(line.strip()) for line in source(cell).splitlines())


def shown(cell: Cell) -> Iterator[str]:
    """Yield the texts in a cell's outputs, without embedded data and binary pictures."""
    for output in cell.get("outputs", []):
        yield joined(output.get("text", ""))
        yield output.get("evalue", "")
        yield from output.get("traceback", [])
        for kind, data in output.get("data", {}).items():
            if kind not in PNG_OR_JPEG:
                text = joined(data) if isinstance(data, str | list) else json.dumps(data)
                yield EMBEDDED_DATA.sub("", text)


def place(cell: Cell) -> str:
    """Return a cell's id and first line, to find it by."""
    first = source(cell).strip().splitlines() or ["(empty)"]
    return f"cell {cell.get('id', '?')} ({first[0][:60]})"


@rule
def valid_format(notebook: Notebook) -> Iterator[str]:
    """A notebook is valid, in the format with cell ids, and no id occurs twice."""
    if (notebook["nbformat"], notebook["nbformat_minor"]) < (4, 5):
        yield "older than format 4.5, so its cells have no ids"
        return
    for error in iter_validate(nbformat.from_dict(notebook)):
        yield f"not a valid notebook: {error.message}"
    ids = [cell.get("id") for cell in notebook["cells"]]
    if len(ids) != len(set(ids)):
        yield "two cells have the same id"


@rule
def executed_in_order(notebook: Notebook) -> Iterator[str]:
    """Every code cell was executed, from 1 on: nbval compares nothing, silently, if no output was stored."""
    for number, cell in enumerate(code_cells(notebook), start=1):
        if not source(cell).strip():
            yield f"{place(cell)} has no code"
        if cell["execution_count"] != number:
            yield f"{place(cell)} has execution count {cell['execution_count']}, not {number}; run make refresh"


@rule
def no_trailing_semicolon(notebook: Notebook) -> Iterator[str]:
    """No cell ends in a semicolon: nbval runs cells without history, and IPython then shows what ';' should hide."""
    for cell in code_cells(notebook):
        code = [line for line in source(cell).splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if code and re.search(r";\s*(#.*)?$", code[-1]):
            yield f"{place(cell)} ends in ';'; end it in plt.show(), or assign to _"


@rule
def nothing_of_this_machine(notebook: Notebook) -> Iterator[str]:
    """No source and no output contains an absolute path or a memory address."""
    for cell in notebook["cells"]:
        for text in (source(cell), *shown(cell)):
            for match in (*MACHINE_PATH.finditer(text), *MEMORY_ADDRESS.finditer(text)):
                yield f"{place(cell)} contains {match.group()!r}, which differs between machines or runs"


@rule
def nothing_of_this_run(notebook: Notebook) -> Iterator[str]:
    """No time stamp, widget state or version is stored: make refresh removes them, so that it leaves no diff."""
    metadata = notebook["metadata"]
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "its kernel is not named python3"
    if metadata.get("language_info") != {"name": "python"}:
        yield "its language_info has more than the name python"
    if "widgets" in metadata:
        yield "it contains saved widget state"
    for cell in code_cells(notebook):
        if "execution" in cell["metadata"]:
            yield f"{place(cell)} contains the times of its execution"
        if any(WIDGET_VIEW in output.get("data", {}) for output in cell["outputs"]):
            yield f"{place(cell)} contains a widget's random model id"


@rule
def errors_are_meant(notebook: Notebook) -> Iterator[str]:
    """A cell shows an error if and only if it is tagged raises-exception; nothing goes to standard error."""
    for cell in code_cells(notebook):
        fails = any(output["output_type"] == "error" for output in cell["outputs"])
        if fails != ("raises-exception" in tags(cell)):
            yield f"{place(cell)} {'fails' if fails else 'does not fail'}, against its tags"
        if any(output.get("name") == "stderr" for output in cell["outputs"]):
            yield f"{place(cell)} writes to standard error; warnings contain paths of this machine"


@rule
def outputs_are_compared(notebook: Notebook) -> Iterator[str]:
    """Hardly any output is excluded from the comparison, and none by a comment that a learner would have to read."""
    uncompared = [cell for cell in code_cells(notebook) if "nbval-ignore-output" in tags(cell)]
    if len(uncompared) > UNCOMPARED_CELLS_MAX:
        yield f"{len(uncompared)} cells are tagged nbval-ignore-output, over {UNCOMPARED_CELLS_MAX}"
    for cell in code_cells(notebook):
        if "NBVAL_" in source(cell):
            yield f"{place(cell)} contains a comment for nbval; use a tag"
        if forbidden := {"nbval-skip", "nbval-raises-exception"} & set(tags(cell)):
            yield f"{place(cell)} is tagged {forbidden.pop()}: that hides it, or breaks other tools"


@rule
def no_clock_no_chance(notebook: Notebook) -> Iterator[str]:
    """No cell sleeps, asks for input, reads a clock, or draws without a seed; animated output is not compared."""
    unstable = r"\btime\.(sleep|time|monotonic|perf_counter)\(|\bdatetime\.now\(|%time|(?<![\w.])input\("
    unseeded = r"(?<![\w.])random\.(random|randint|randrange|choice|choices|shuffle|sample|uniform)\(|\.Random\(\)"
    redrawn = r"(?<![\w.])(interact|clear_output|to_jshtml|Output)\("
    for cell in code_cells(notebook):
        for match in re.finditer(f"{unstable}|{unseeded}", source(cell)):
            yield f"{place(cell)} uses {match.group()!r}, so its output differs between runs"
        if (drawn := re.search(redrawn, source(cell))) and "nbval-ignore-output" not in tags(cell):
            yield f"{place(cell)} uses {drawn.group()!r}, which nbval cannot compare; tag it nbval-ignore-output"


@rule
def pictures_have_words(notebook: Notebook) -> Iterator[str]:
    """Every picture has an alternative text."""
    for cell in notebook["cells"]:
        texts = [source(cell)] if cell["cell_type"] == "markdown" else []
        texts += [joined(output["data"]["text/html"]) for output in cell.get("outputs", []) if has_html(output)]
        for text in texts:
            if re.search(r"!\[\s*\]\(", text):
                yield f"{place(cell)} has a picture without alternative text in its brackets"
            if any(not re.search(r"""\balt=["'][^"']""", tag) for tag in re.findall(r"<img\b[^>]*>", text)):
                yield f"{place(cell)} has an <img> without alt text"


def has_html(output: dict[str, Any]) -> bool:
    """Return whether an output has an HTML form."""
    return "text/html" in output.get("data", {})


@rule
def cells_are_small(notebook: Notebook) -> Iterator[str]:
    """No code cell is over 25 lines, and the median is under 8: define in one cell, use in the next."""
    sizes = [lines(cell) for cell in code_cells(notebook)]
    for cell in code_cells(notebook):
        if lines(cell) > CELL_LINES_MAX:
            yield f"{place(cell)} has {lines(cell)} lines, over {CELL_LINES_MAX}"
    if sizes and statistics.median(sizes) >= CELL_LINES_MEDIAN_BELOW:
        yield f"the median code cell has {statistics.median(sizes):g} lines, not under {CELL_LINES_MEDIAN_BELOW}"


@rule
def not_too_many_cells(notebook: Notebook) -> Iterator[str]:
    """A notebook has 72 cells at most: small ones, with words between them, are many, but it is still one sitting."""
    if len(notebook["cells"]) > CELLS_MAX:
        yield f"{len(notebook['cells'])} cells, over {CELLS_MAX}; merge neighbours if that reads well"


@rule
def gradable(notebook: Notebook) -> Iterator[str]:
    """Nbgrader's metadata are valid: the fields of its schema 3, a unique id, points if there is a grade."""
    seen: set[str] = set()
    for cell in notebook["cells"]:
        if (grading := cell["metadata"].get("nbgrader")) is None:
            continue
        if grading.get("schema_version") != 3:
            yield f"{place(cell)} has nbgrader schema version {grading.get('schema_version')}, not 3"
        for flag in ("grade", "solution", "locked", "task"):
            if not isinstance(grading.get(flag), bool):
                yield f"{place(cell)} has no nbgrader flag {flag!r}"
        if unknown := grading.keys() - {"schema_version", "grade", "solution", "locked", "task", "grade_id", "points"}:
            yield f"{place(cell)} has nbgrader fields that its source may not have: {sorted(unknown)}"
        grade_id = grading.get("grade_id", "")
        if not re.fullmatch(r"[a-zA-Z0-9_-]+", grade_id) or grade_id in seen:
            yield f"{place(cell)} has the nbgrader id {grade_id!r}, which is invalid or not unique"
        seen.add(grade_id)
        points = grading.get("points")
        if bool(grading.get("grade") or grading.get("task")) != (isinstance(points, int | float) and points >= 0):
            yield f"{place(cell)} has points {points!r}, and nbgrader requires them exactly for graded cells"


@rule
def solutions_are_marked(notebook: Notebook) -> Iterator[str]:
    """A solution cell has both markers, nbgrader's metadata, and is folded; no other cell has a marker."""
    for cell in notebook["cells"]:
        marks = re.findall(r"^\s*### (BEGIN|END) SOLUTION$", source(cell), re.MULTILINE)
        expected = cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution", False)
        if marks != ["BEGIN", "END"] * (len(marks) // 2) or (expected and not marks):
            yield f"{place(cell)} does not pair {BEGIN_SOLUTION} with {END_SOLUTION}"
        if marks and not expected:
            yield f"{place(cell)} has a solution's markers, but no nbgrader metadata"
        elif marks and not cell["metadata"].get("jupyter", {}).get("source_hidden"):
            yield f"{place(cell)} shows its solution; fold it away (jupyter.source_hidden)"


@rule
def links_lead_somewhere(notebook: Notebook) -> Iterator[str]:
    """A link to a file of the course leads to a file that exists."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", source(cell)):
                if ":" not in target and not (ROOT / "notebooks" / target).exists():
                    yield f"{place(cell)} links to {target}, which does not exist"
