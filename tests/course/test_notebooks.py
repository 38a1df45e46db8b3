"""Every stored notebook keeps every rule of notebook_rules, and every rule catches a notebook made to break it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.course.answers import answered
from raft_steps.lab.course.notebooks import load
from tests.course.notebook_rules import CELLS_MAX, ROOT, RULES, WIDGET_VIEW, Cell, Notebook, source

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FILE_BYTES_MAX = 300_000
SOURCES = (
    "https://chelseatroy.com/tag/raft/",
    "https://github.com/chelseatroy/raft",
    "https://raft.github.io/raft.pdf",
    "https://web.stanford.edu/~ouster/cgi-bin/papers/OngaroPhD.pdf",
    "https://thesquareplanet.com/blog/students-guide-to-raft/",
)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path: Path, name: str) -> None:
    """Every notebook keeps every rule."""
    notebook = json.loads(path.read_text(encoding="utf-8"))

    assert [] == list(RULES[name](notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_small(path: Path) -> None:
    """A notebook has at most 300 kB, so that it opens fast and its diff can be read."""
    assert path.stat().st_size <= FILE_BYTES_MAX


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_has_an_answer(path: Path) -> None:
    """The folded answers of a notebook have the numbers of its exercises; raft-steps refresh computes them."""
    found = load(path)
    exercises = [cell.source.partition("## Exercises")[2] for cell in found.cells if cell.cell_type == "markdown"]
    numbers = [int(number) for text in exercises for number in re.findall(r"^(\d+)\. ", text, re.MULTILINE)]

    assert numbers
    assert numbers == answered(found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_solution_has_two_hints(path: Path) -> None:
    """Two folded hints come before each cell that a learner writes."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    turns = sum("### BEGIN SOLUTION" in source(cell) for cell in cells)
    hints = [hint for cell in cells for hint in re.findall(r"<summary>(Hint \d)</summary>", source(cell))]

    assert ["Hint 1", "Hint 2"] * turns == hints


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_sources_are_cited_once(path: Path) -> None:
    """The series, its program, the paper, the dissertation and the Students' Guide can be opened from each notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")

    assert dict.fromkeys(SOURCES, 1) == {address: text.count(f"]({address})") for address in SOURCES}


def test_every_step_has_its_notebook() -> None:
    """Steps and notebooks have the same numbers and names; extra notebooks have a letter, and 00 is the tour."""
    steps = {path.stem.removeprefix("step_") for path in (ROOT / "raft_steps").glob("step_*.py")}
    notebooks = {path.stem for path in NOTEBOOKS if re.match(r"\d\d_", path.stem)}

    assert steps == notebooks - {"00_start_here"}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = (), **metadata: object) -> Cell:
    """Build a code cell; the notebook gives it its id and its execution count."""
    return {
        "cell_type": "code",
        "source": source,
        "outputs": list(outputs),
        "metadata": {"tags": list(tags), **metadata},
    }


def prose(source: str) -> Cell:
    """Build a cell of prose."""
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def printed(text: str, name: str = "stdout") -> dict[str, Any]:
    """Build the output of a print."""
    return {"output_type": "stream", "name": name, "text": text}


def displayed(**data: str) -> dict[str, Any]:
    """Build a displayed output; html and widget stand for their long names."""
    kinds = {"html": "text/html", "widget": WIDGET_VIEW, "png": "image/png"}
    data = {"text/plain": "a picture"} | {kinds[kind]: text for kind, text in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def notebook(*cells: Cell, **metadata: object) -> Notebook:
    """Build a notebook that keeps every rule, except for its cells."""
    number = 0
    for index, cell in enumerate(cells):
        cell.setdefault("id", f"cell-{index}")
        if cell["cell_type"] == "code":
            number += 1
            cell.setdefault("execution_count", number)
    described = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": described | metadata, "cells": list(cells)}


def grading(**changes: object) -> dict[str, Any]:
    """Build the metadata of an exercise's folded cell, with changes."""
    fields = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False, "grade_id": "node"}
    return {"nbgrader": fields | changes, "jupyter": {"source_hidden": True}}


SOLUTION = "class Node(Before):\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION"
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["ValueError: no"]}
ADDRESS = "<Node object at " + "0x7f3a5c0d1e20>"
TEMPORARY = "/" + "tmp/raft/log"

GOOD = notebook(
    prose("# Step 6\n\n![A ring of servers](https://example.org/ring.png) and [the first](.)"),
    code("1 + 1"),
    code("plt.show()  # nothing; here", displayed(png=f"iVBORw0K{TEMPORARY}")),
    code("'<img>'", displayed(html=f'<img alt="three servers" src="data:image/svg+xml;base64,AA+{TEMPORARY}">')),
    code("1 / 0", ERROR, tags=("raises-exception",)),
    code(SOLUTION, **grading()),
    code("check(Node)", **grading(solution=False, grade=True, locked=True, points=3, grade_id="check")),
    code("x = Random(7).random()\nnode.random.choice([1])"),
)

BAD: list[tuple[str, Notebook]] = [
    ("valid_format", notebook(code("1") | {"id": "same"}, code("2") | {"id": "same"})),
    ("valid_format", notebook(code("1", {"output_type": "unheard of"}))),
    ("valid_format", notebook(code("1")) | {"nbformat_minor": 4}),
    ("executed_in_order", notebook(code("1") | {"execution_count": None})),
    ("executed_in_order", notebook(code("1") | {"execution_count": 2})),
    ("executed_in_order", notebook(code("  "))),
    ("no_trailing_semicolon", notebook(code("plt.plot(x);  # quiet\n# the end"))),
    ("nothing_of_this_machine", notebook(code("node", printed(ADDRESS)))),
    ("nothing_of_this_machine", notebook(code(f"open('{TEMPORARY}')"))),
    ("nothing_of_this_machine", notebook(code("x", displayed(html=f"<b>{TEMPORARY}</b>")))),
    ("nothing_of_this_run", notebook(code("1"), widgets={})),
    ("nothing_of_this_run", notebook(code("1"), kernelspec={"name": "my-own", "display_name": "Mine"})),
    ("nothing_of_this_run", notebook(code("1"), language_info={"name": "python", "version": "3.11.7"})),
    ("nothing_of_this_run", notebook(code("1", execution={"iopub.execute_input": "now"}))),
    ("nothing_of_this_run", notebook(code("slider", displayed(widget="{}")))),
    ("errors_are_meant", notebook(code("1 / 0", ERROR))),
    ("errors_are_meant", notebook(code("1", tags=("raises-exception",)))),
    ("errors_are_meant", notebook(code("warn()", printed("a warning", "stderr")))),
    ("outputs_are_compared", notebook(*(code("1", tags=("nbval-ignore-output",)) for _ in range(3)))),
    ("outputs_are_compared", notebook(code("# NBVAL_SKIP\n1"))),
    ("outputs_are_compared", notebook(code("1", tags=("nbval-skip",)))),
    ("no_clock_no_chance", notebook(code("time.sleep(1)"))),
    ("no_clock_no_chance", notebook(code("random.shuffle(servers)"))),
    ("no_clock_no_chance", notebook(code("interact(f, x=3)"))),
    ("pictures_have_words", notebook(prose("![](https://example.org/ring.png)"))),
    ("pictures_have_words", notebook(code("x", displayed(html="<img src='ring.png' alt=''>")))),
    ("cells_are_small", notebook(code("x = 1\n" * 26), code("1"), code("2"))),
    ("cells_are_small", notebook(code("x = 1\n" * 8))),
    ("not_too_many_cells", notebook(*(prose("A word.") for _ in range(CELLS_MAX)), code("1"))),
    ("gradable", notebook(code(SOLUTION, **grading(schema_version=2)))),
    ("gradable", notebook(code(SOLUTION, **grading(grade_id="no spaces")))),
    ("gradable", notebook(code(SOLUTION, **grading()), code(SOLUTION, **grading()))),
    ("gradable", notebook(code(SOLUTION, **grading(locked=None)))),
    ("gradable", notebook(code(SOLUTION, **grading(checksum="0" * 32)))),
    ("gradable", notebook(code("check(Node)", **grading(grade=True, solution=False)))),
    ("solutions_are_marked", notebook(code("class Node: ...", **grading()))),
    ("solutions_are_marked", notebook(code("### BEGIN SOLUTION\nx = 1", **grading()))),
    ("solutions_are_marked", notebook(code(SOLUTION))),
    ("solutions_are_marked", notebook(code(SOLUTION, **(grading() | {"jupyter": {}})))),
    ("links_lead_somewhere", notebook(prose("[the next](99_nowhere.ipynb#top)"))),
]


@pytest.mark.parametrize("name", RULES)
def test_rule_lets_a_good_notebook_pass(name: str) -> None:
    """A correct notebook breaks no rule, although some of its cells look like violations."""
    assert [] == list(RULES[name](GOOD))


@pytest.mark.parametrize("name, bad", BAD, ids=[f"{name}-{index}" for index, (name, _) in enumerate(BAD)])
def test_rule_catches_its_break(name: str, bad: Notebook) -> None:
    """A notebook made to break a rule is reported by exactly that rule, once."""
    caught = {other: list(check(bad)) for other, check in RULES.items()}

    assert 1 == len(caught.pop(name))
    assert not any(caught.values()), caught


def test_every_rule_has_a_break() -> None:
    """Every rule has a case that breaks it."""
    assert set(RULES) == {name for name, _ in BAD}
