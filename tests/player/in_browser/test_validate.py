"""Tests of nbgrader's Validate button in a real JupyterLab, in the folder that students get."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from raft_steps.lab.course.nbgrader_course import release_for_nbgrader
from raft_steps.lab.course.notebooks import format_notebook, load
from raft_steps.lab.course.redaction import BLOCK, is_solution
from tests.helpers.jupyter import needs
from tests.player.in_browser.in_jupyterlab import ROOT
from tests.player.in_browser.laboratory import PageLook

if TYPE_CHECKING:
    from tests.player.in_browser.in_jupyterlab import Server
    from tests.player.in_browser.laboratory import Laboratory

# Not importorskip: nbgrader loads setuptools, which refuses a process in which another test has loaded pip.
pytestmark = [pytest.mark.browser, pytest.mark.slow, needs("nbgrader", reason="pip install 'raft-steps[instructor]'")]

NAME = "06_term_checks.ipynb"
SECONDS_MAX = 90


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the assignment of step 6 as nbgrader releases it."""
    folder = tmp_path_factory.mktemp("validate") / "course"
    release_for_nbgrader(ROOT / "notebooks", folder, [6])
    binaries = Path(sys.executable).parent
    answer = subprocess.run(
        [str(binaries / "nbgrader"), "generate_assignment", "step_06"],
        cwd=folder,
        env=os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS_MAX,
    )
    assert 0 == answer.returncode, answer.stderr
    return folder / "release" / "step_06"


@pytest.fixture
def laboratory(load: Callable[..., "Laboratory"]) -> Iterator["Laboratory"]:
    """Yield the page, and end its kernels afterwards."""
    laboratory = load()
    yield laboratory
    laboratory.clear()


def solve(path: Path) -> None:
    """Write the course's own solution into a notebook."""
    solutions = {cell.id: cell.source for cell in load(ROOT / "notebooks" / NAME).cells if is_solution(cell)}
    notebook = load(path)
    for cell in notebook.cells:
        if cell.id in solutions:
            cell.source = BLOCK.sub(lambda block: block["solution"].rstrip("\n"), solutions[cell.id])
    path.write_text(format_notebook(notebook), encoding="utf-8")


def validate(laboratory: "Laboratory", folder: str) -> str:
    """Open the notebook in a folder, click Validate, and return the text of the dialog."""
    laboratory.open(f"{folder}/{NAME}", PageLook())
    laboratory.page.locator("jp-button.validate-button").click()
    dialog = laboratory.page.locator(".jp-Dialog", has_text="Validation Results")
    dialog.wait_for(timeout=SECONDS_MAX * 1000)
    said = dialog.inner_text()
    dialog.locator("button.jp-mod-accept").click()
    dialog.wait_for(state="detached")
    return said


@pytest.mark.parametrize("solved", [False, True], ids=["as handed out", "solved"])
def test_validate_button(handed_out: Path, server: "Server", laboratory: "Laboratory", solved: bool) -> None:
    """As released, the check fails and names what is missing; with a correct Node everything passes."""
    folder = f"validate_{'solved' if solved else 'open'}"
    shutil.copytree(handed_out, server.root / folder)
    if solved:
        solve(server.root / folder / NAME)
    said = validate(laboratory, folder)

    assert solved == ("Success! Your notebook passes all the tests." in said), said
    assert solved != ("9 of 10 checks fail, the first is: an older term is refused" in said), said
    assert "step_06_term_checks" not in said
