"""Turns notebooks and documents into the pages of the book.

The players of a notebook can play, its solution is folded, and it can be downloaded. All pages are in one folder, so
links to other files of the project are changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from raft_steps.lab.course.notebooks import Cell, Notebook
from raft_steps.lab.course.redaction import is_solution
from raft_steps.lab.course.site.exercises import LATER, YOURS
from raft_steps.lab.course.site.recorded_runs import RecordedRun

FILES = "files"  # the folder of the site with the notebooks themselves
LINKS = "site-links"  # the id of the cell with the links; no cell of a notebook has it
SOLUTION = {"code_prompt_show": "Show one solution", "code_prompt_hide": "Hide the solution"}
GIVEN = {"code_prompt_show": "Show the given code", "code_prompt_hide": "Hide the given code"}
_LINK = re.compile(r"\]\((?:\.\./)*(?:[\w.-]+/)*(?P<name>[\w.-]+)(?P<anchor>#[\w-]*)?\)")


def make_page(
    notebook: Notebook,
    name: str,
    runs: Iterable[RecordedRun],
    repository: str = "",
    exercise: Mapping[str, Any] | None = None,
) -> None:
    """Change a notebook into the source of a page, in place.

    Args:
        notebook: The notebook, with its stored outputs.
        name: The name of its file.
        runs: The recorded runs of the course.
        repository: The repository on GitHub, as OWNER/NAME, for a link to Binder; "" for no such link.
        exercise: What `exercise_of` returned, if the reader can write a Node in the page; None if not.
    """
    of_cell = {run.cell: run for run in runs if run.notebook == name}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata["mystnb"] = dict(SOLUTION if is_solution(cell) else GIVEN)
        if cell.id in of_cell:
            _mark_player(cell, of_cell[cell.id])
    if exercise is not None:
        _add_exercise(notebook, name, exercise)
    notebook.cells.insert(1, _links(name, repository))


def _mark_player(cell: Cell, run: RecordedRun) -> None:
    """Put the name of the run around the picture of a player; the page's script adds the button that plays it."""
    for output in cell.outputs:
        picture = output.get("data", {}).get("text/html")
        if picture is not None:
            output.data["text/html"] = f'<div class="raft-run" data-run="{escape(run.name)}">{picture}</div>'


def _add_exercise(notebook: Notebook, name: str, exercise: Mapping[str, Any]) -> None:
    """Put a place for the reader's text above each solution, and mark the outputs that the reader's Node may replace."""
    from nbformat.v4 import new_markdown_cell

    roles = {cell["id"]: cell["role"] for cell in exercise["cells"]}
    cells: list[Cell] = []
    for cell in notebook.cells:
        if roles.get(cell.id) == YOURS:
            place = f'<div class="raft-turn" data-exercise="{Path(name).stem}" data-cell="{escape(cell.id)}"></div>'
            cells.append(new_markdown_cell(place, id=f"{cell.id}-editor"))
        elif roles.get(cell.id) == LATER:
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), f"cell-{cell.id}"]
        cells.append(cell)
    notebook.cells = cells


def _links(name: str, repository: str) -> Cell:
    """Return a cell that says how else the page can be read."""
    from nbformat.v4 import new_markdown_cell

    links = {"Download this notebook": f"{FILES}/{name}"}
    if repository:
        links["Run it on Binder"] = f"https://mybinder.org/v2/gh/{repository}/HEAD?labpath=notebooks%2F{name}"
    anchors = " · ".join(f'<a href="{escape(address)}">{escape(text)}</a>' for text, address in links.items())
    return new_markdown_cell(f'<p class="raft-links">{anchors}</p>', id=LINKS)


def relink(text: str, names: Collection[str]) -> str:
    """Let the links of a document name the files of the book, which are all in one folder.

    Args:
        text: The document, as Markdown.
        names: The names of the book's files; links to other files stay as they are.
    """

    def to_book(link: re.Match[str]) -> str:
        return f"]({link['name']}{link['anchor'] or ''})" if link["name"] in names else link[0]

    return _LINK.sub(to_book, text)
