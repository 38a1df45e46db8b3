"""The exercises of the pages: what the reader gets, and that nothing in it is the solution."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from raft_steps import STEPS, Step
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.page_notebook import ERROR, PageNotebook
from raft_steps.lab.course.redaction import BLOCK, is_solution
from raft_steps.lab.course.site.exercises import CHECK, GIVEN, LATER, YOURS, exercise_of
from raft_steps.lab.course.site.pages import make_page

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_has_an_exercise_without_its_solution(step: Step) -> None:
    """It has one check, what the reader writes stands before it, and no line of a solution is in it."""
    name = next(NOTEBOOKS.glob(f"{step.number:02d}_*.ipynb")).name
    notebook = load(NOTEBOOKS / name)
    exercise = exercise_of(notebook, name)
    assert exercise is not None
    roles = [cell["role"] for cell in exercise["cells"]]
    written = "\n".join(cell["source"] for cell in exercise["cells"] if cell["role"] == YOURS)
    solutions = [
        found["solution"] for cell in notebook.cells if is_solution(cell) for found in BLOCK.finditer(cell.source)
    ]

    assert 1 == roles.count(CHECK)
    assert YOURS in roles
    assert {GIVEN, YOURS} >= set(roles[: roles.index(CHECK)])
    assert {LATER} >= set(roles[roles.index(CHECK) + 1 :])
    assert [] == [each for each in solutions if len(each.strip()) > 20 and each.strip() in written]
    assert ".require()" not in exercise["cells"][roles.index(CHECK)]["source"]


@pytest.mark.parametrize("name", ["00_start_here.ipynb", "08b_tools_of_the_trade.ipynb", "12b_find_the_bug.ipynb"])
def test_notebook_without_a_step_of_its_own_has_none(name: str) -> None:
    """Their pages stay as they are."""
    assert exercise_of(load(NOTEBOOKS / name), name) is None


def test_page_has_a_place_above_each_solution_and_marks_what_follows_the_check() -> None:
    """The page's script finds both."""
    name = "09_one_vote_per_term.ipynb"
    notebook = load(NOTEBOOKS / name)
    exercise = exercise_of(notebook, name)
    make_page(notebook, name, [], exercise=exercise)
    ids = [cell.id for cell in notebook.cells]
    places = [ids.index(f"{each}-editor") for each in ("voter", "your-turn")]

    assert ["voter", "your-turn"] == [ids[place + 1] for place in places]
    assert 'data-exercise="09_one_vote_per_term" data-cell="voter"' in notebook.cells[places[0]].source
    assert ["cell-again-once"] == next(cell.metadata["tags"] for cell in notebook.cells if cell.id == "again-once")


@pytest.mark.parametrize(
    "name", ["01_key_value_store.ipynb", "02_append_entries.ipynb", "05_term_in_append_entries.ipynb"]
)
def test_exercise_passes_with_the_solution(name: str) -> None:
    """Cells that show an error on purpose stop nothing, and the names in a class's annotations are found."""
    notebook = load(NOTEBOOKS / name)
    solved = {cell.id: cell.source for cell in notebook.cells if is_solution(cell)}
    exercise = exercise_of(notebook, name)
    assert exercise is not None
    page = PageNotebook(lambda *_: None)
    shown: list[Any] = []
    for cell in exercise["cells"]:
        if cell["role"] == LATER:
            break
        shown = page.run_cell(cell["id"], solved.get(cell["id"], cell["source"]))
        assert any(output["kind"] == ERROR for output in shown) == cell.get("raises", False)

    counts = re.match(r"step \d+: (\d+) of (\d+) checks pass", shown[-1]["text"])
    assert counts is not None
    assert counts[1] == counts[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["06_term_checks.ipynb", "09_one_vote_per_term.ipynb"])
def test_page_shows_what_the_notebook_shows(name: str) -> None:
    """With the course's solution, every output of a page is the stored one; only the player differs."""
    page = PageNotebook(lambda *_: None)
    differing = []
    for cell in load(NOTEBOOKS / name).cells:
        if cell.cell_type != "code":
            continue
        shown = page.run_cell(cell.id, cell.source)
        stored = [output.get("text") or output["data"]["text/plain"] for output in cell.outputs]
        stored_html = [html for output in cell.outputs if (html := output.get("data", {}).get("text/html"))]
        found = [output["text"] for output in shown]
        if any(output["kind"] == "player" for output in shown):
            continue
        if _words(found) != _words(stored) or stored_html != [each["html"] for each in shown if each.get("html")]:
            differing.append(cell.id)

    assert [] == differing


def _words(texts: list[str]) -> list[list[str]]:
    """Return texts without the line breaks of a long value, which Jupyter chooses in its own way."""
    return [text.split() for text in texts]
