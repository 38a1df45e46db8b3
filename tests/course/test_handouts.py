"""Handouts: a folder for each notebook, in which the step to be written can be neither read nor imported."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import raft_steps
from raft_steps.lab.course.course_folder import find_course
from raft_steps.lab.course.handouts import list_handouts, release_handouts
from raft_steps.lab.course.managed_folder import MANIFEST, Release, ReleaseError, fill, read_manifest, update
from raft_steps.lab.course.missing_steps import without_missing_steps
from raft_steps.lab.course.notebooks import Cell, NotebookError, notebooks_of
from raft_steps.lab.course.package_subset import package_files, requirements

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
LAST = raft_steps.STEPS[-1].number
GRADING = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False, "grade_id": "x"}


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the handouts of the whole course, once for all tests that only read them."""
    out = tmp_path_factory.mktemp("editions") / "out"
    assert [] == release_handouts(NOTEBOOKS, out).warnings
    return out


def run_in(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder, as a kernel and a student do, so that its package is imported."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


# The folders.


def test_each_notebook_has_a_folder_that_stands_alone(handed_out: Path) -> None:
    """A folder has the notebook, notebook 00, the package, the dependencies, a README and the licence."""
    expected = {f"step_{path.name.partition('_')[0]}" for path in notebooks_of(NOTEBOOKS)} - {"step_00"}

    assert expected == {path.name for path in handed_out.iterdir()} - {MANIFEST}
    assert {
        *("00_start_here.ipynb", "06_term_checks.ipynb", "raft_steps", "README.md"),
        *("LICENSE", "environment.yml", "pyproject.toml"),
    } == {path.name for path in (handed_out / "step_06").iterdir()}


@pytest.mark.parametrize(
    "name, last", [("step_01", 0), ("step_06", 5), ("step_08", 7), ("step_08b", 8), ("step_12b", 12)]
)
def test_package_ends_before_the_step(handed_out: Path, name: str, last: int) -> None:
    """The package has the steps before and the checks up to the step itself; with a letter, the step, too."""
    package = handed_out / name / "raft_steps"
    of_steps = [int(path.name[5:7]) for path in sorted(package.glob("step_*.py"))]
    of_checks = [int(path.stem[5:]) for path in sorted((package / "lab" / "checks").glob("step_*.py"))]

    assert list(range(1, last + 1)) == of_steps
    assert list(range(1, min(last + 1, LAST) + 1)) == of_checks
    assert (package / "py.typed").read_bytes() == (ROOT / "raft_steps" / "py.typed").read_bytes()
    assert [] == list(package.rglob("*.pyc"))


def test_page_says_what_is_to_be_done(handed_out: Path) -> None:
    """The README explains what to write and what is there; a notebook without exercise has nothing to hand in."""
    page, tools, first = (
        (handed_out / name / "README.md").read_text(encoding="utf-8") for name in ("step_06", "step_08b", "step_01")
    )

    assert page.startswith("# Step 6 · An older term is refused\n")
    assert "`raft_steps/`, contains the steps 1 to 5, which you build on." in page
    assert "raft-steps check 6 --node my_raft.py:Node" in page
    assert "raft-steps start 6 > my_raft.py" in page
    assert "raft-steps start" not in tools
    assert "raft-steps show 5 --whole" in page
    assert ("Hand in only the notebook" in page, "There is nothing to hand in." in tools) == (True, True)
    assert "raft-steps show" not in first


def test_steps_are_chosen(tmp_path: Path) -> None:
    """Only the folders of the requested steps are made; notebook 00 alone is not a handout."""
    names = [stage.name for stage in list_handouts(NOTEBOOKS, [5, 8])]

    assert ["step_05", "step_08", "step_08b"] == names
    with pytest.raises(ReleaseError, match="name the step that the edition is for"):
        list_handouts(NOTEBOOKS, [0])


def test_edition_installs_what_the_course_needs(handed_out: Path) -> None:
    """Its pyproject.toml has the course's dependencies, and its environment.yml installs exactly those."""
    project = tomllib.loads((handed_out / "step_06" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    course = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = yaml.safe_load((handed_out / "step_06" / "environment.yml").read_text(encoding="utf-8"))

    assert course["dependencies"] == project["dependencies"] == requirements()
    assert raft_steps.__version__ == project["version"]
    assert [course[name] for name in ("scripts", "requires-python")] == [
        project[name] for name in ("scripts", "requires-python")
    ]
    assert ["python=3.11", "pip", {"pip": ["-e ."]}] == environment["dependencies"]


def test_edition_is_opened_as_one(handed_out: Path) -> None:
    """`raft-steps lab` in the folder opens its notebooks, and no release can be made from it."""
    place = find_course(handed_out / "step_06")

    assert place.notebooks == (handed_out / "step_06").resolve()
    assert not place.is_full
    answer = run_in(handed_out / "step_06", "-m", "raft_steps", "release", "further")
    assert (2, True) == (answer.returncode, "is a student edition itself" in answer.stderr)


# Errors for missing steps.

YOURS = "step 6 is yours to write: this is an edition of the course which holds steps 1 to 5 and the checks of step 6"


@pytest.mark.parametrize(
    "code, said",
    [
        ("import raft_steps; raft_steps.node(6)", f"LookupError: {YOURS}"),
        ("import raft_steps; raft_steps.step(6)", f"LookupError: {YOURS}"),
        ("from raft_steps import step_06_term_checks", f"ImportError: {YOURS}"),
        ("from raft_steps.lab import whole; whole(6)", f"SourceError: {YOURS}"),
        ("from raft_steps.lab import diff; diff(5, 6)", f"SourceError: {YOURS}"),
        ("from raft_steps.lab import show; show(6)", f"SourceError: {YOURS}"),
        ("from raft_steps.lab import Cluster; Cluster(6)", f"LookupError: {YOURS}"),
        ("import raft_steps.step_06_term_checks", "ModuleNotFoundError: No module named"),
        ("from raft_steps import step_09_one_vote_per_term", "ImportError: step 9 is yours to write"),
        (
            "import raft_steps; raft_steps.node(9)",
            "LookupError: step 9 is not in this edition of the course, which holds",
        ),
        ("from raft_steps.lab import Cluster; Cluster(9)", "ScenarioError: step 9 is not in this edition"),
        (
            "from raft_steps.lab import check; from raft_steps import node; check(node(5), 7)",
            "MissingStepError: step 7 is not in",
        ),
        (
            "import raft_steps; raft_steps.node(99)",
            f"LookupError: there is no step 99; the course has steps 1 to {LAST}",
        ),
        ("from raft_steps import nothing", "ImportError: cannot import name 'nothing'"),
    ],
)
def test_missing_step_is_an_error(handed_out: Path, code: str, said: str) -> None:
    """Asking an edition for a step that it does not contain raises an error with one clear sentence."""
    answer = run_in(handed_out / "step_06", "-c", code)

    assert 1 == answer.returncode
    assert said in answer.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", ["show 6", "show 6 --whole", "diff 5 6", "run 6", "check 6", "ten-steps 6", "sweep 6", "search 6"]
)
def test_command_prints_no_solution(handed_out: Path, arguments: str) -> None:
    """On the command line the sentence is the whole output."""
    answer = run_in(handed_out / "step_06", "-m", "raft_steps", *arguments.split())

    assert (2, "") == (answer.returncode, answer.stdout)
    assert f"Error: {YOURS}" in answer.stderr.replace("\n", " ")
    assert "Traceback" not in answer.stderr


def test_edition_runs_the_students_node(handed_out: Path, tmp_path: Path) -> None:
    """The step that is to be written can be begun, and runs with the student's Node, as the help of this edition says."""
    folder = handed_out / "step_06"
    begun = run_in(folder, "-m", "raft_steps", "start", "6")
    (tmp_path / "my_raft.py").write_text(begun.stdout, encoding="utf-8")
    ran = run_in(folder, "-m", "raft_steps", "run", "6", "--node", f"{tmp_path / 'my_raft.py'}", "--seconds", "3")
    said = run_in(folder, "-m", "raft_steps", "--help").stdout

    assert "your turn: write become_follower here" in begun.stdout
    assert (0, "") == (ran.returncode, ran.stderr)
    assert "The same run again: raft-steps 1; step 6;" in ran.stdout
    assert "raft-steps check 6 --node my_raft.py" in said
    assert "raft-steps run 7" not in said


def test_edition_lists_and_checks_what_it_holds(handed_out: Path, tmp_path: Path) -> None:
    """It lists its steps, runs them, and checks a student's Node, with the same verdict as the course."""
    own = tmp_path / "my_raft.py"
    own.write_text(
        "from raft_steps import step_05_term_in_append_entries as step_05\n\n\nclass Node(step_05.Node):\n    pass\n",
        encoding="utf-8",
    )
    command = ("-m", "raft_steps", "check", "6", "--json", "--node", f"{own}:Node")
    there, here = run_in(handed_out / "step_06", *command), run_in(ROOT, *command)

    assert 5 == len(run_in(handed_out / "step_06", "-m", "raft_steps", "steps").stdout.strip().splitlines())
    assert 0 == run_in(handed_out / "step_06", "-m", "raft_steps", "check", "5").returncode
    assert (1, json.loads(here.stdout)) == (there.returncode, json.loads(there.stdout))


def test_full_course_holds_all() -> None:
    """In the full course no step is missing, and a wrong name raises Python's usual error."""
    assert raft_steps.COURSE == raft_steps.STEPS
    with pytest.raises(AttributeError, match="module 'raft_steps' has no attribute 'step_99'"):
        _ = raft_steps.step_99
    assert {f"raft_steps/{path.name}" for path in (ROOT / "raft_steps").glob("*.py")} <= package_files(LAST).keys()


# Cells that need a missing step.


def converted(*sources: str, missing: int = 6, turn: int | None = None) -> list[Cell]:
    """Return the cells that code cells are converted to; the one with the number `turn` is the exercise."""
    cells = [
        new_code_cell(source, id=f"c{number}", outputs=[new_output("stream", text=f"shown {number}\n")])
        for number, source in enumerate(sources)
    ]
    if turn is not None:
        cells[turn].metadata["nbgrader"] = GRADING
    notebook: Any = new_notebook(cells=cells)
    without_missing_steps(notebook, "06_x.ipynb", missing)
    found: list[Cell] = notebook.cells
    return found


@pytest.mark.parametrize(
    "source, left",
    [
        ("Cluster(6, seed=1)", "Cluster(Node, seed=1)"),
        ("Cluster(5, seed=6)", "Cluster(5, seed=6)"),
        ("diff(5, 6, 'f')", "diff(5, Node, 'f')"),
        ("class A(node(6)): x = 6", "class A(Node): x = 6"),
        ("class A(step_06.Node): pass", "class A(Node): pass"),
        ("class A(step_06_now.Node): pass", "class A(Node): pass"),
        ("ä, b = sweep(5), sweep(6, 6)", "ä, b = sweep(5), sweep(Node, 6)"),
        ("[f(step) for step in (4, 5, 6)]", "[f(step) for step in (4, 5,)]"),
        ("[f(step) for step in (4, 5)]", "[f(step) for step in (4, 5)]"),
        ("from raft_steps import node, step_06_now as step_06\nx = 1", "from raft_steps import node\nx = 1"),
        ("from raft_steps.step_06_now import A\nx = 1", "x = 1"),
        ("%time Cluster(6)", "%time Cluster(6)"),
    ],
)
def test_own_node_stands_in_after_the_exercise(source: str, left: str) -> None:
    """From the exercise on, cells that use the step use the student's own Node, and are otherwise unchanged."""
    cells = converted("class Node: pass", source, turn=0)

    assert [("code", left)] == [(cell.cell_type, cell.source) for cell in cells[1:]]


def test_cell_before_the_exercise_is_shown_and_not_run() -> None:
    """A cell that needs the step too early becomes text with its output, and so do cells that depend on it."""
    sources = ("a = Cluster(6)", "b = Cluster(5)", "a.run(1)", "b.run(1)", "a = 1", "a + 1", "class Node: pass")
    cells = converted(*sources, turn=6)

    expected = ["markdown", "code", "markdown", "code", "code", "code", "code"]
    assert expected == [cell.cell_type for cell in cells]
    assert "*To be read, not run: it needs step 6, which your edition does not contain.*" in cells[0].source
    assert "```python\na = Cluster(6)\n```" in cells[0].source
    assert "```text\nshown 0\n```" in cells[0].source


@pytest.mark.parametrize(
    "source", ["Cluster(7)", "catalogue([5, 7])", "Cluster.replay('raft-steps 1; step 7; until 3')"]
)
def test_later_step_is_shown_after_the_exercise_too(source: str) -> None:
    """Cells that need a later step become text."""
    assert "markdown" == converted("class Node: pass", source, turn=0)[1].cell_type


def test_code_of_a_missing_step_is_not_even_shown() -> None:
    """Output that shows code of a missing step is left out."""
    (cell,) = converted("show(6, 'f')")

    assert "shown 0" not in cell.source
    assert "show(6, 'f')" in cell.source


def test_what_others_need_stays() -> None:
    """If later cells need a part of a cell that cannot be run, that part stays as a cell, and the text follows it."""
    first, shown, last = converted("logs = {'tom': 1}\nSearch(6, logs=logs)", "print(logs)")

    assert ("code", "logs = {'tom': 1}", []) == (first.cell_type, first.source, first.outputs)
    assert ("markdown", "c0-shown") == (shown.cell_type, shown.id)
    assert "print(logs)" == last.source


def test_names_of_a_comprehension_are_its_own() -> None:
    """A name that a removed cell binds only in a comprehension or a function is not missing in other cells."""
    cells = converted("[name for name in Cluster(6).servers]", "[name for name in 'ab']", "def f(): name = 1")

    assert ["markdown", "code", "code"] == [cell.cell_type for cell in cells]


def test_exercise_that_needs_the_step_is_refused() -> None:
    """A cell that a student writes must not need what the student does not have."""
    with pytest.raises(NotebookError, match=r"06_x\.ipynb, cell c0: it needs step 6"):
        converted("class Node(step_07.Node):\n    x = Cluster(7)", turn=0)


def test_pictures_stay_pictures() -> None:
    """The picture of a cell that becomes text is kept, with its alternative text."""
    drawn = new_output(
        "display_data", {"text/plain": "a ring", "text/html": '<div><img src="data:x" alt="a ring"></div>'}
    )
    chart = new_output("display_data", {"text/plain": '<Figure "1">', "image/png": "aGk=\n"})
    notebook: Any = new_notebook(cells=[new_code_cell("Cluster(6)", id="a", outputs=[drawn, chart])])
    without_missing_steps(notebook, "x", 6)

    assert '<img src="data:x" alt="a ring">' in notebook.cells[0].source
    assert '<img src="data:image/png;base64,aGk=" alt="&lt;Figure &quot;1&quot;&gt;">' in notebook.cells[0].source


def test_text_stays() -> None:
    """Markdown cells and reveals are left alone: the first are text already, the second are removed later."""
    reveal = new_code_cell("show(6)", id="r", metadata={"tags": ["reveal"]})
    notebook: Any = new_notebook(cells=[new_markdown_cell("`Cluster(6)`", id="m"), reveal])
    without_missing_steps(notebook, "x", 6)

    assert ["`Cluster(6)`", "show(6)"] == [cell.source for cell in notebook.cells]


# The folder.


def test_folders_are_filled_and_emptied(tmp_path: Path) -> None:
    """Files in folders are written, renewed and removed with their folders, even if Python left bytecode there."""
    fill(Release(tmp_path / "out"), {"a/b/one.txt": b"1", "two.txt": b"2"})
    cache = tmp_path / "out" / "a" / "b" / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"")
    result = Release(tmp_path / "out")
    fill(result, {"two.txt": b"3"})

    assert (["two.txt"], ["a/b/one.txt"]) == (result.written, result.removed)
    assert {"two.txt", MANIFEST} == {path.name for path in (tmp_path / "out").iterdir()}


def test_work_in_a_folder_is_kept(tmp_path: Path) -> None:
    """A changed file deep in the release counts as edited; so does a new one, unless it belongs to another program."""
    out = tmp_path / "out"
    fill(Release(out), {"a/one.txt": b"1"})
    (out / "a" / "one.txt").write_bytes(b"mine")
    with pytest.raises(ReleaseError, match=r"holds a/one\.txt, which would be lost"):
        fill(Release(out), {"a/one.txt": b"2"})
    (out / "a" / "one.txt").write_bytes(b"1")
    (out / "graded").mkdir()
    (out / "graded" / "x").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"holds graded/x, which would be lost"):
        fill(Release(out), {"a/one.txt": b"2"})
    fill(Release(out), {"a/one.txt": b"2"}, others={"graded"})

    assert b"2" == (out / "a" / "one.txt").read_bytes()


def test_own_edition_is_brought_up_to_date(tmp_path: Path) -> None:
    """An edited file stays, and is reported if it has changed in the course, too."""
    out = tmp_path / "out"
    update(Release(out), {"a/one.txt": b"1", "two.txt": b"2"})
    (out / "a" / "one.txt").write_bytes(b"mine")
    result = Release(out)
    update(result, {"a/one.txt": b"new", "two.txt": b"new"})

    assert (["two.txt"], ["a/one.txt"], ["a/one.txt"]) == (result.written, result.kept, result.outdated)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "c:a", "a\\b", ""])
def test_file_of_digests_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    """A path in the manifest that leads out of the folder is ignored."""
    (tmp_path / MANIFEST).write_text(json.dumps({"files": {name: "x", "a/b": "y"}}), encoding="utf-8")

    assert {"a/b": "y"} == read_manifest(tmp_path)
