"""The course directory for nbgrader. What nbgrader does with it is tested in test_nbgrader_term."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from raft_steps import STEPS
from raft_steps.lab.course import jupyterlab
from raft_steps.lab.course.managed_folder import ReleaseError
from raft_steps.lab.course.nbgrader_course import PRIVATE_SHARE, release_for_nbgrader
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.redaction import BLOCK
from tests.helpers.jupyter import needs

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"


def cells_of(folder: Path, assignment: str) -> dict[str, Any]:
    """Return the cells of an assignment's source, by id."""
    (path,) = (folder / "source" / assignment).glob("*.ipynb")
    return {cell.id: cell for cell in load(path).cells}


def test_assignment_is_the_notebook_and_all_that_goes_with_it(tmp_path: Path) -> None:
    """An assignment has one notebook with its solution, no outputs and no reveals, and the package of its edition."""
    release_for_nbgrader(NOTEBOOKS, tmp_path / "c", [6])
    folder, cells = tmp_path / "c" / "source" / "step_06", cells_of(tmp_path / "c", "step_06")

    assert {"source", "nbgrader_config.py"} <= {path.name for path in (tmp_path / "c").iterdir()}
    assert BLOCK.search(cells["your-turn"].source)
    assert [] == [
        cell.id for cell in cells.values() if cell.get("outputs") or "reveal" in cell.metadata.get("tags", [])
    ]
    assert (folder / "raft_steps" / "step_05_term_in_append_entries.py").is_file()
    assert not (folder / "raft_steps" / "step_06_term_checks.py").exists()


def test_graded_cells_show_their_points(tmp_path: Path) -> None:
    """A check shows at most the points in nbgrader's metadata; other graded cells print their result."""
    release_for_nbgrader(NOTEBOOKS, tmp_path / "c")
    graded = [
        (assignment.name, cell)
        for assignment in (tmp_path / "c" / "source").iterdir()
        for cell in cells_of(tmp_path / "c", assignment.name).values()
        if cell.metadata.get("nbgrader", {}).get("grade")
    ]

    assert len(STEPS) == sum("points_for(" in cell.source for _, cell in graded)
    for name, cell in graded:
        points = cell.metadata.nbgrader.points
        assert f"points={points})" in cell.source or cell.source.startswith("print(judge("), name
        assert cell.metadata.nbgrader.locked


def test_private_cell_is_hidden_and_kept(tmp_path: Path) -> None:
    """With a secret, steps from 4 on have a private cell; a later release without a secret keeps it."""
    out = tmp_path / "c"
    (tmp_path / "secret").write_text("from a file\n", encoding="utf-8")
    release_for_nbgrader(NOTEBOOKS, out, [3, 6], secret=str(tmp_path / "secret"))
    release_for_nbgrader(NOTEBOOKS, out, [3, 6])
    cell = cells_of(out, "step_06")["check-private"]

    assert "from a file\n" == (out / "private_seeds.txt").read_text(encoding="utf-8")
    assert cell.source.startswith("### BEGIN HIDDEN TESTS\n")
    assert cell.source.endswith("### END HIDDEN TESTS")
    assert ("step-06-private", 6 * PRIVATE_SHARE, True) == (
        cell.metadata.nbgrader.grade_id,
        cell.metadata.nbgrader.points,
        cell.metadata.nbgrader.grade,
    )
    assert "check-private" not in cells_of(out, "step_03")


def test_empty_secret_is_refused(tmp_path: Path) -> None:
    """A blank secret is refused, and nothing is written."""
    (tmp_path / "blank").write_text("\n", encoding="utf-8")
    with pytest.raises(ReleaseError, match="is empty"):
        release_for_nbgrader(NOTEBOOKS, tmp_path / "c", [6], secret=str(tmp_path / "blank"))

    assert not (tmp_path / "c").exists()


def test_what_nbgrader_puts_there_stays(tmp_path: Path) -> None:
    """A second release ignores submissions and grades, but does not overwrite an edited source."""
    out = tmp_path / "c"
    release_for_nbgrader(NOTEBOOKS, out, [6])
    for name in ("submitted/ann/step_06/x.ipynb", "gradebook.db", "release/step_06/x.ipynb"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("theirs", encoding="utf-8")
    release_for_nbgrader(NOTEBOOKS, out, [6])
    (out / "source" / "step_06" / "06_term_checks.ipynb").write_text("mine", encoding="utf-8")

    with pytest.raises(ReleaseError, match=r"06_term_checks\.ipynb, which would be lost"):
        release_for_nbgrader(NOTEBOOKS, out, [6])
    assert "theirs" == (out / "gradebook.db").read_text(encoding="utf-8")


@needs("nbgrader", reason="pip install 'raft-steps[instructor]'")
def test_nbgrader_stays_out_of_the_way_of_readers() -> None:
    """`raft-steps lab` turns off nbgrader's extensions of JupyterLab, which readers do not need."""
    installed = Path(sys.prefix) / "etc" / "jupyter" / "jupyter_server_config.d" / "nbgrader.json"
    settings = json.loads((jupyterlab.SETTINGS / "jupyter_server_config.json").read_text(encoding="utf-8"))
    page = json.loads((jupyterlab.SETTINGS / "labconfig" / "page_config.json").read_text(encoding="utf-8"))

    added = json.loads(installed.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    assert dict.fromkeys(added, False) == settings["ServerApp"]["jpserver_extensions"]
    assert page["disabledExtensions"]["@jupyter/nbgrader"]
