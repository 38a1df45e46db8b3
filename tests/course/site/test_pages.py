"""Pages of the book: players that can play, folded solutions, links within the book, and the front page."""

from __future__ import annotations

from pathlib import Path

import pytest

from raft_steps.lab.course.notebooks import load, notebooks_of
from raft_steps.lab.course.redaction import is_solution
from raft_steps.lab.course.site.front_page import NoFrontPageError, front_page
from raft_steps.lab.course.site.pages import LINKS, Links, make_page, relink
from raft_steps.lab.course.site.recorded_runs import RecordedRun

ROOT = Path(__file__).parents[3]
NAME = "06_term_checks.ipynb"
RUN = RecordedRun(notebook=NAME, cell="player", trace=b"", options={}, scenario="", step=6)
TEMPLATE = "{{ words }}\n{{ picture }}\n{{ course_map }}{{ notebooks | join(' ') }}\n{{ documents | join(' ') }}\n"


def test_player_names_its_run() -> None:
    """The picture stays, for readers without scripts, and around it is what the script looks for."""
    notebook = load(ROOT / "notebooks" / NAME)
    before = next(cell for cell in notebook.cells if cell.id == "player").outputs[0].data["text/html"]
    make_page(notebook, NAME, [RUN])
    after = next(cell for cell in notebook.cells if cell.id == "player").outputs[0].data["text/html"]

    assert f'<div class="raft-run" data-run="06_term_checks-player">{before}</div>' == after


def test_run_of_another_notebook_marks_nothing() -> None:
    """Cells of different notebooks may have one id."""
    notebook = load(ROOT / "notebooks" / "07_heartbeat_timer.ipynb")
    make_page(notebook, "07_heartbeat_timer.ipynb", [RUN])

    assert "raft-run" not in str(notebook.cells[2:])


@pytest.mark.parametrize("path", notebooks_of(ROOT / "notebooks"), ids=lambda path: path.stem)
def test_every_solution_is_folded(path: Path) -> None:
    """A reader who wants to think first does not see the solution at once."""
    notebook = load(path)
    solutions = [cell.id for cell in notebook.cells if cell.cell_type == "code" and is_solution(cell)]
    make_page(notebook, path.name, [])
    folded = [cell.id for cell in notebook.cells if "hide-input" in cell.metadata.get("tags", [])]

    assert set(solutions) <= set(folded)


def test_links_say_how_else_the_page_can_be_read() -> None:
    """A download always, and Binder only if the repository is known."""
    without, known = load(ROOT / "notebooks" / NAME), load(ROOT / "notebooks" / NAME)
    make_page(without, NAME, [])
    make_page(known, NAME, [], Links("owner/name"))

    assert (LINKS, LINKS) == (without.cells[1].id, known.cells[1].id)
    assert 'href="files/06_term_checks.ipynb"' in without.cells[1].source
    assert "mybinder" not in without.cells[1].source
    assert (
        "https://mybinder.org/v2/gh/owner/name/HEAD?labpath=notebooks%2F06_term_checks.ipynb" in known.cells[1].source
    )


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[a](docs/design.md)", "[a](design.md)"),
        ("[a](../CONTRIBUTING.md#tests)", "[a](CONTRIBUTING.md#tests)"),
        ("![a](docs/a.svg)", "![a](a.svg)"),
        ("[a](design.md) and [b](docs/design.md)", "[a](design.md) and [b](design.md)"),
        ("[a](docs/other.md)", "[a](docs/other.md)"),
        ("[a](https://example.org/docs/design.md)", "[a](https://example.org/docs/design.md)"),
        ("[a](#design.md)", "[a](#design.md)"),
    ],
)
def test_links_name_the_files_of_the_book(text: str, expected: str) -> None:
    """All pages are in one folder; a link to anything else stays as it is."""
    assert expected == relink(text, {"design.md", "CONTRIBUTING.md", "a.svg"})


def test_front_page_has_the_introduction_and_the_map_of_the_readme() -> None:
    """Both are written once, in the README."""
    readme = "# Name\n\nOne.\nTwo.\n\n![P](p.svg)\n\n```sh\nmake lab\n```\n\n| step |\n| --- |\n| [01](01.ipynb) |\n\n| other |\n"

    assert (
        "One.\nTwo.\n![P](p.svg)\n| step |\n| --- |\n| [01](01.ipynb) |\n01 02\ndesign\n"
        == front_page(readme, TEMPLATE, ["01", "02"], ["design"]) + "\n"
    )


@pytest.mark.parametrize(
    "readme", ["", "# Name\n\nWords.\n", "# Name\n\nWords.\n\n| a |\n", "# Name\n\nWords.\n\n![P](p)\n"]
)
def test_readme_without_a_part_is_refused(readme: str) -> None:
    """The error names what the README needs."""
    with pytest.raises(NoFrontPageError, match="needs a title with an introduction, a picture, and a table"):
        front_page(readme, TEMPLATE, [], [])
