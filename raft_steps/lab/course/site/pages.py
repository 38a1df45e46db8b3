"""Turns notebooks and documents into the pages of the book.

The players of a notebook can play, its solution is folded, and it can be downloaded. All pages are in one folder, so
links to other files of the project are changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from raft_steps.lab.course.notebooks import Cell, Notebook, needs_of, step_of
from raft_steps.lab.course.redaction import is_solution
from raft_steps.lab.course.site.exercises import LATER, YOURS
from raft_steps.lab.course.site.recorded_runs import RecordedRun
from raft_steps.lab.course.site.reference import link_reference

FILES = "files"  # the folder of the site with the notebooks themselves
LINKS = "site-links"  # the id of the cell with the links; no cell of a notebook has it
SOLUTION = {"code_prompt_show": "Show one solution", "code_prompt_hide": "Hide the solution"}
GIVEN = {"code_prompt_show": "Show the given code", "code_prompt_hide": "Hide the given code"}


@dataclass(frozen=True, slots=True)
class Links:
    """Where else the notebooks of a site can be run.

    Attributes:
        repository: The repository on GitHub, as OWNER/NAME, for links to Binder; "" for no such links.
        with_lite: Whether the site has JupyterLite.
    """

    repository: str = ""
    with_lite: bool = False


_LINK = re.compile(r"\]\((?:\.\./)*(?:[\w.-]+/)*(?P<name>[\w.-]+)(?P<anchor>#[\w-]*)?\)")


def make_page(
    notebook: Notebook,
    name: str,
    runs: Iterable[RecordedRun],
    links: Links | None = None,
    exercise: Mapping[str, Any] | None = None,
) -> None:
    """Change a notebook into the source of a page, in place.

    Args:
        notebook: The notebook, with its stored outputs.
        name: The name of its file.
        runs: The recorded runs of the course.
        links: Where else the notebook can be run; by default nowhere.
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
    link_reference(notebook.cells, step_of(name))
    if exercise is not None:
        _add_exercise(notebook, name, exercise)
    notebook.cells.insert(1, _links(name, links or Links(), needs_of(notebook)))


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


def _links(name: str, links: Links, needs: Collection[str]) -> Cell:
    """Return a cell that says how else the page can be read."""
    from nbformat.v4 import new_markdown_cell

    found = {"Download this notebook": f"{FILES}/{name}"}
    if links.with_lite and not needs:
        found["Open it in JupyterLab, in the browser"] = f"lite/lab/index.html?path={name}"
        found["in Notebook, for small screens"] = f"lite/notebooks/index.html?path={name}"
    if links.repository:
        found["Run it on Binder"] = f"https://mybinder.org/v2/gh/{links.repository}/HEAD?labpath=notebooks%2F{name}"
    parts = [f'<a href="{escape(address)}">{escape(text)}</a>' for text, address in found.items()]
    if links.with_lite and needs:
        parts.append("This notebook needs a machine of your own: it starts processes.")
    return new_markdown_cell(f'<p class="raft-links">{" · ".join(parts)}</p>', id=LINKS)


def relink(text: str, names: Collection[str]) -> str:
    """Let the links of a document name the files of the book, which are all in one folder.

    Args:
        text: The document, as Markdown.
        names: The names of the book's files; links to other files stay as they are.
    """

    def to_book(link: re.Match[str]) -> str:
        return f"]({link['name']}{link['anchor'] or ''})" if link["name"] in names else link[0]

    return _LINK.sub(to_book, text)
