"""Handouts contain no solution, and work: every file of every handout is searched, every notebook is run."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_code_cell

from raft_steps import STEPS
from raft_steps.lab.course.answers import without_answers
from raft_steps.lab.course.handouts import Handout, list_handouts, release_handouts
from raft_steps.lab.course.managed_folder import MANIFEST
from raft_steps.lab.course.nbgrader_course import release_for_nbgrader
from raft_steps.lab.course.notebooks import load, notebooks_of
from raft_steps.lab.course.redaction import BLOCK, is_reveal, is_solution

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
HANDOUTS = list_handouts(NOTEBOOKS, None)
SHORT = 26  # A line of fewer characters may stand anywhere.
SECONDS_MAX = 120
FEWER = {"100": "10", "20": "5", "5": "1", "200": "10", "300": "10"}  # seeds that a cell goes through
# All notebooks run in one kernel, which drops names, modules and charts in between and changes to the next folder.
FROM_THE_BEGINNING = """
get_ipython().reset(new_session=True)
import os, sys
os.chdir({folder!r})
if "matplotlib.pyplot" in sys.modules:
    sys.modules["matplotlib.pyplot"].close("all")
    sys.modules["matplotlib"].rcdefaults()
for name in [name for name in sys.modules if name.partition(".")[0] == "raft_steps"]:
    del sys.modules[name]
get_ipython().reset(new_session=True)
"""
ALL_ITS_OWN = """
import sys
files = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "raft_steps"]
assert len(files) > 10 and all(file.startswith({folder!r} + "/") for file in files), files
"""


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the handouts of the whole course."""
    out = tmp_path_factory.mktemp("editions") / "out"
    release_handouts(NOTEBOOKS, out)
    return out


def telling(text: str) -> set[str]:
    """Return the lines of a text that could give a solution away: long statements of a Node."""
    lines = (line.strip() for line in text.splitlines())
    return {line for line in lines if len(line) >= SHORT and ("self." in line or "message." in line)}


def module_lines(steps: Collection[int]) -> set[str]:
    """Return the telling lines of some steps' modules."""
    files = (path for path in (ROOT / "raft_steps").glob("step_*.py") if int(path.name[5:7]) in steps)
    return set().union(*(telling(path.read_text(encoding="utf-8")) for path in files))


def secret_lines(handout: Handout) -> set[str]:
    """Return the lines that must not be in a handout.

    These are those of later steps' modules and of the solutions of its notebook and of later ones, but for what the
    steps before say too, and what the notebook itself gives to its readers.
    """
    steps = range(1, STEPS[-1].number + 1)
    secret = module_lines([step for step in steps if step > handout.last])
    for path in notebooks_of(NOTEBOOKS):
        if path.name >= handout.notebook.name:
            for cell in filter(is_solution, load(path).cells):
                secret |= set().union(*(telling(block["solution"]) for block in BLOCK.finditer(cell.source)))
    cells = (cell for cell in load(handout.notebook).cells if not is_reveal(cell))
    given = (BLOCK.sub("", without_answers(cell.source)) for cell in cells)
    return secret - module_lines([step for step in steps if step <= handout.last]) - set().union(*map(telling, given))


def texts_of(path: Path) -> Iterator[str]:
    """Yield the texts of a file; of a notebook, every source and every form of every output."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix != ".ipynb":
        yield text
        return
    for cell in json.loads(text)["cells"]:
        yield "".join(cell["source"])
        for output in cell.get("outputs", []):
            yield "".join(output.get("text", ""))
            yield "\n".join(output.get("traceback", []))
            for data in output.get("data", {}).values():
                yield "".join(data) if isinstance(data, str | list) else json.dumps(data)


def found_in(folder: Path, secret: set[str]) -> dict[str, set[str]]:
    """Return the secret lines in a folder, by file."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    found = {path.relative_to(folder).as_posix(): telling("\n".join(texts_of(path))) & secret for path in files}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("handout", HANDOUTS, ids=lambda handout: handout.name)
def test_no_file_holds_a_line_of_the_solution(handed_out: Path, handout: Handout) -> None:
    """No file of a handout contains a line of what students write in it or in a later one."""
    assert {} == found_in(handed_out / handout.name, secret_lines(handout))


@pytest.mark.parametrize("handout", HANDOUTS[:-2], ids=lambda handout: handout.name)
def test_search_finds_what_there_is_to_find(handout: Handout) -> None:
    """The same search finds the solutions in the full course, so it does search for something."""
    found = found_in(ROOT / "raft_steps", secret_lines(handout))

    assert {name for name in found if name.startswith("step_") and int(name[5:7]) > handout.last}
    assert found_in(ROOT / "notebooks", secret_lines(handout))


def test_what_students_get_of_an_nbgrader_course_holds_no_solution(tmp_path: Path) -> None:
    """Apart from the notebook, from which nbgrader removes the solution, an assignment's folder contains none."""
    (handout,) = (handout for handout in HANDOUTS if handout.name == "step_06")
    release_for_nbgrader(NOTEBOOKS, tmp_path / "c", [6])
    found = found_in(tmp_path / "c" / "source" / "step_06", secret_lines(handout))

    assert {"06_term_checks.ipynb"} == found.keys()


@pytest.fixture(scope="module")
def manager() -> Iterator[KernelManager]:
    """Return the kernel in which all notebooks run; the first of them starts it."""
    manager = KernelManager(kernel_name="python3")
    yield manager
    manager.shutdown_kernel(now=True)


def errors_of(manager: KernelManager, folder: Path, notebook: Any) -> list[str]:
    """Run a notebook in its folder; return the unintended errors of its cells."""
    from nbclient import NotebookClient

    notebook.cells.insert(0, new_code_cell(FROM_THE_BEGINNING.format(folder=str(folder)), id="from-the-beginning"))
    client = NotebookClient(
        notebook, km=manager, timeout=SECONDS_MAX, allow_errors=True, extra_arguments=["--log-level=ERROR"]
    )
    client.execute()
    assert client.kc is not None
    client.kc.stop_channels()
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in notebook.cells
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "error"
    ]


def sooner(source: str) -> str:
    """Return a cell's source with fewer seeds; its imports and calls are the same."""
    return re.sub(r"(?<=seeds=)\d+|(?<=, )[23]00(?=\))", lambda found: FEWER.get(found[0], found[0]), source)


@pytest.mark.parametrize("handout", HANDOUTS, ids=lambda handout: handout.name)
def test_notebook_works_with_its_own_package(handed_out: Path, manager: KernelManager, handout: Handout) -> None:
    """With the course's solution in it, a notebook runs with the package next to it, and no other."""
    folder = handed_out / handout.name
    solutions = {cell.id: cell.source for cell in load(handout.notebook).cells if is_solution(cell)}
    notebook = load(folder / handout.notebook.name)
    for cell in notebook.cells:
        cell.source = solutions.get(cell.id, cell.source)
        cell.source = sooner(cell.source) if cell.cell_type == "code" else cell.source
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source = f"import raft_steps\nassert raft_steps.__file__.startswith({f'{folder}/'!r})\n{first.source}"
    last = new_code_cell(ALL_ITS_OWN.format(folder=str(folder)), id="all-its-own")
    notebook.cells.append(last)

    assert [] == errors_of(manager, folder, notebook)
    assert last.execution_count


@pytest.mark.parametrize("name", ["step_06", "step_09"])
def test_notebook_00_works_in_every_edition(handed_out: Path, manager: KernelManager, name: str) -> None:
    """Notebook 00, which previews the course, runs from top to bottom in every handout."""
    notebook = load(handed_out / name / "00_start_here.ipynb")

    assert [] == errors_of(manager, handed_out / name, notebook)
    assert ("step_06" == name) == any("which your edition does not contain.*" in cell.source for cell in notebook.cells)


def test_edition_can_be_installed(handed_out: Path, tmp_path: Path) -> None:
    """A wheel can be built from the folder; it contains its package, the command, and no later step."""
    pytest.importorskip("hatchling", reason="hatchling is not installed, so no wheel can be built without the network")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    answer = subprocess.run(
        command, cwd=handed_out / "step_06", capture_output=True, text=True, check=False, timeout=SECONDS_MAX
    )
    assert 0 == answer.returncode, answer.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    assert "raft_steps/step_05_term_in_append_entries.py" in names
    assert "raft_steps/lab/cli/command.py" in names
    assert "raft_steps/lab/grading/templates/student.html" in names
    assert not [name for name in names if "step_06_term_checks" in name]


def test_second_release_changes_nothing(tmp_path: Path) -> None:
    """A second release makes the same handouts and removes the folder of a step that is no longer requested."""
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    release_handouts(tmp_path / "notebooks", tmp_path / "out", [5, 6])
    before = (tmp_path / "out" / "step_06" / "06_term_checks.ipynb").read_bytes()
    again = release_handouts(tmp_path / "notebooks", tmp_path / "out", [6])

    assert [] == [name for name in again.written if "/raft_steps/" not in name]
    assert before == (tmp_path / "out" / "step_06" / "06_term_checks.ipynb").read_bytes()
    assert {"step_06", "step_06b", MANIFEST} == {path.name for path in (tmp_path / "out").iterdir()}
