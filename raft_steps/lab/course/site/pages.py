"""Turns notebooks and documents into the pages of the book.

The players of a notebook can play, its solution is folded, and it can be downloaded. All pages are in one folder, so
links to other files of the project are changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from html import escape

from raft_steps.lab.course.notebooks import Cell, Notebook
from raft_steps.lab.course.site.recorded_runs import RecordedRun

FILES = "files"  # the folder of the site with the notebooks themselves
LINKS = "site-links"  # the id of the cell with the links; no cell of a notebook has it
FOLDED = {"code_prompt_show": "Show one solution", "code_prompt_hide": "Hide the solution"}
_LINK = re.compile(r"\]\((?:\.\./)*(?:[\w.-]+/)*(?P<name>[\w.-]+)(?P<anchor>#[\w-]*)?\)")


def make_page(notebook: Notebook, name: str, runs: Iterable[RecordedRun], repository: str = "") -> None:
    """Change a notebook into the source of a page, in place.

    Args:
        notebook: The notebook, with its stored outputs.
        name: The name of its file.
        runs: The recorded runs of the course.
        repository: The repository on GitHub, as OWNER/NAME, for a link to Binder; "" for no such link.
    """
    of_cell = {run.cell: run for run in runs if run.notebook == name}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata["mystnb"] = dict(FOLDED)
        if cell.id in of_cell:
            _mark_player(cell, of_cell[cell.id])
    notebook.cells.insert(1, _links(name, repository))


def _mark_player(cell: Cell, run: RecordedRun) -> None:
    """Put the name of the run around the picture of a player; the page's script adds the button that plays it."""
    for output in cell.outputs:
        picture = output.get("data", {}).get("text/html")
        if picture is not None:
            output.data["text/html"] = f'<div class="raft-run" data-run="{escape(run.name)}">{picture}</div>'


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
