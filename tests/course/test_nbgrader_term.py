"""A whole term with nbgrader's commands: making assignments, submitting, grading, feedback and export.

Twelve students hand in step 6, right, wrong in typical ways, or to deceive, and one of them two other steps, too.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.course.nbgrader_course import DOWNLOADS, PRIVATE_SHARE, release_for_nbgrader
from raft_steps.lab.course.notebooks import format_notebook, load
from raft_steps.lab.course.redaction import BLOCK, is_solution
from raft_steps.lab.grading.nbgrader_cells import RUNS
from raft_steps.lab.grading.private_draws import private_seeds
from tests.course.nbgrader_tools import nbgrader_in
from tests.grading.submissions import step_06
from tests.helpers.jupyter import needs

pytestmark = [pytest.mark.slow, needs("nbgrader", reason="pip install 'raft-steps[instructor]'")]

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
MADE_OF = "what the seeds of this term are made of"
OTHERS = ("step_05", "step_08")  # the first of the heart's four steps, and the last
ALL_POINTS = 6.0 + 6 * PRIVATE_SHARE

ALWAYS = """class Always(int):
    def __eq__(self, other):
        return True

    __lt__ = __gt__ = __ne__ = __eq__
    __hash__ = int.__hash__


"""

# What each student writes in step 6, by name; None is what was handed out.
STEP_6: Mapping[str, str | None] = {
    "abe": step_06.in_the_cell(step_06.RIGHT),  # with copies of the graded cells, see below
    "ann": step_06.in_the_cell(step_06.RIGHT),
    "ben": step_06.in_the_cell(step_06.LEADER_STAYS),
    "cleo": step_06.in_the_cell(step_06.OWN_TERM_REFUSED),
    "dan": None,
    "eve": "from raft_steps import step_06_term_checks\n\nNode = step_06_term_checks.Node",
    "finn": f"import sys\n\nsys.path.insert(0, {str(ROOT)!r})\n"
    "for name in [name for name in sys.modules if name.startswith('raft_steps')]:\n    del sys.modules[name]\n"
    "from raft_steps import node\n\nNode = node(6)",
    "gus": "while True:\n    pass",
    "hana": "import os\n\nos._exit(0)",
    "ivan": f"{ALWAYS}{step_06.OPENING}        self.current_term = Always(message.term)\n{step_06.OTHERS}",
    "kim": None,  # from a platform's download, see below
    "jill": "raise SystemExit",  # and her check cell is gone, see below
}
WHOLE = ("ann", "dan")  # hand in every cell of step 6
NEEDED = ("imports", "entry-import", "messages", "tidy-class")  # cells that define what a Node is written with


@dataclass(frozen=True)
class Term:
    """A course directory after the term.

    Attributes:
        folder: Where it is.
        said: The output of each command, by its name.
        points: Each student's points for each assignment, as exported.
        own: Each student's points for step 6 of raft-steps grade, which runs at the same time.
    """

    folder: Path
    said: Mapping[str, str]
    points: Mapping[tuple[str, str], float]
    own: Future[dict[str, float]]


def solutions_of(name: str) -> dict[str, str]:
    """Return the course's solutions of a notebook, by cell id, without their markers."""
    found = {}
    for cell in load(NOTEBOOKS / name).cells:
        if is_solution(cell):
            found[cell.id] = BLOCK.sub(lambda block: block["solution"].rstrip("\n"), cell.source)
    return found


def hand_in(folder: Path, assignment: str, student: str, *changes: Callable[[Any], None]) -> None:
    """Submit the assignment as it was handed out, with changes."""
    (handed_out,) = (folder / "release" / assignment).glob("*.ipynb")
    notebook = load(handed_out)
    for change in changes:
        change(notebook)
    place = folder / "submitted" / student / assignment
    place.mkdir(parents=True)
    (place / handed_out.name).write_text(format_notebook(notebook), encoding="utf-8")


def writing(sources: Mapping[str, str | None]) -> Callable[[Any], None]:
    """Return a change that sets the source of some cells; None leaves a cell as it is."""

    def change(notebook: Any) -> None:
        for cell in notebook.cells:
            cell.source = sources.get(cell.id) or cell.source

    return change


def short(notebook: Any) -> None:
    """Delete all cells but those that the Node needs, the exercise, and the graded cells."""
    notebook.cells = [cell for cell in notebook.cells if cell.id in NEEDED or "nbgrader" in cell.metadata]


def without_check(notebook: Any) -> None:
    """Delete the check, but not the other graded cell."""
    notebook.cells = [cell for cell in notebook.cells if cell.id != "check"]


def with_copies(notebook: Any) -> None:
    """Copy the graded cells and the exercise, as an editor does, with all of their metadata."""
    copies = [deepcopy(cell) for cell in notebook.cells if "nbgrader" in cell.metadata]
    for number, cell in enumerate(copies):
        cell.id = f"copy-{number}"
    notebook.cells += copies


def hand_in_all(folder: Path) -> None:
    """Submit step 6 for all students, and two other steps for ann, with the course's solutions."""
    for student, source in STEP_6.items():
        if student == "kim":
            continue
        changes = [writing({"your-turn": source})]
        changes += [short] if student not in WHOLE else []
        changes += [without_check] if student == "jill" else []
        changes += [with_copies] if student == "abe" else []
        hand_in(folder, "step_06", student, *changes)
    for assignment in OTHERS:
        (path,) = (folder / "source" / assignment).glob("*.ipynb")
        hand_in(folder, assignment, "ann", writing(solutions_of(path.name)), short)


def download(folder: Path) -> None:
    """Put kim's step 6 into a zip file as Canvas makes it, where nbgrader looks for such files."""
    archive = folder / "downloaded" / "step_06" / "archive" / "submissions.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as made:
        made.write(folder / "release" / "step_06" / "06_term_checks.ipynb", "kim_LATE_4711_99_06_term_checks-1.ipynb")


def own_grades(folder: Path) -> dict[str, float]:
    """Grade step 6 with raft-steps grade; return each student's points."""
    command = [*(sys.executable, "-m", "raft_steps", "grade", "submitted", "--step", "6", "--json")]
    command += ["--out", str(folder.parent / "grades"), "--private-seeds", "private_seeds.txt"]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    answer = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert 0 == answer.returncode, answer.stderr
    students: dict[str, float] = json.loads(answer.stdout)["students"]
    return students


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """Run the whole term and return its results."""
    folder = tmp_path_factory.mktemp("nbgrader") / "a course"
    shutil.copytree(NOTEBOOKS, folder.parent / "notebooks")
    release_for_nbgrader(folder.parent / "notebooks", folder, [5, 6, 8], secret=MADE_OF)
    said = {}
    with nbgrader_in(folder) as nbgrader, ThreadPoolExecutor() as pool:
        for assignment in ("step_06", *OTHERS):
            said[f"generate {assignment}"] = nbgrader("generate_assignment", assignment)
        hand_in_all(folder)
        download(folder)
        said["collect"] = nbgrader("zip_collect", "step_06")
        said["validate cleo"] = nbgrader("validate", "submitted/cleo/step_06/06_term_checks.ipynb")
        own = pool.submit(own_grades, folder)  # nbgrader often waits for its kernels.
        # gus's cell never ends, so its limit is short; no student's marks depend on how long a cell takes.
        said["autograde loop"] = nbgrader("autograde", "step_06", "--student=[gj]*", "--Execute.timeout=1")
        for assignment in ("step_06", *OTHERS):
            # hana's kernel dies, and nbgrader reports it at the end.
            status = 1 if assignment == "step_06" else 0
            said[f"autograde {assignment}"] = nbgrader("autograde", assignment, expected=status)
        said["feedback"] = nbgrader("generate_feedback", "step_06")
        said["export"] = nbgrader("export", "--to=grades.csv")
    with (folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        points = {(row["student_id"], row["assignment"]): float(row["score"]) for row in csv.DictReader(file)}
    return Term(folder, said, points, own)


def test_wrong_notebook_does_not_validate(term: Term) -> None:
    """Validating a wrong notebook reports the failed check. The test of the guide's commands validates a right one."""
    assert "VALIDATION FAILED ON 1 CELL(S)!" in term.said["validate cleo"]
    assert re.search(r"ChecksFailed: \d of 10 checks fail, the first is: \w+", term.said["validate cleo"])


def test_who_is_right_has_all_points_and_nobody_else(term: Term) -> None:
    """Right solutions have all points, wrong ones a part, and empty or copied ones none."""
    got = {student: term.points[student, "step_06"] for student in STEP_6}

    assert ALL_POINTS == got["ann"] == got["abe"]
    assert [] == [name for name in got if name not in ("abe", "ann") and got[name] >= ALL_POINTS]
    for student in ("ben", "cleo"):
        assert 2 < got[student] < ALL_POINTS, student
    assert got["ivan"] < min(got["ben"], got["cleo"])
    for student in ("dan", "eve", "finn", "gus", "hana", "jill", "kim"):
        assert 0 == got[student], student
    for assignment in OTHERS:
        graded = load(next((term.folder / "autograded" / "ann" / assignment).glob("*.ipynb")))
        most = sum(
            cell.metadata.nbgrader.points for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade")
        )
        assert most == term.points["ann", assignment], assignment


def test_what_never_ends_or_dies_stops_nobody_else(term: Term) -> None:
    """An endless cell is stopped, a dead kernel is reported, and all others are graded once."""
    graded = {path.parts[-3] for path in term.folder.glob("autograded/*/step_06/*.ipynb")}

    assert STEP_6.keys() - {"hana"} == graded
    assert "Timeout waiting for execute reply" in term.said["autograde loop"]
    assert 1 == term.said["autograde step_06"].count("nbclient.exceptions.DeadKernelError: Kernel died")
    for student in ("gus", "jill"):
        assert re.search(rf"Skipping existing assignment: .*/{student}/step_06", term.said["autograde step_06"]), (
            student
        )


def test_a_student_takes_little_room(term: Term) -> None:
    """No graded copy has the package again; 300 students of one assignment fit into 300 MB."""
    folders = [term.folder / name / "ann" / "step_06" for name in ("submitted", "autograded", "feedback")]
    sizes = [path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()]

    assert not any((folder / "raft_steps").exists() for folder in folders)
    assert sum(sizes) < 1_000_000, sizes


@pytest.mark.parametrize(
    "name",
    [
        "ann_4711_99_06_term_checks.ipynb", "ann_LATE_4711_99_06_term_checks-2.ipynb", "ann_4711_99_work/step/06_term_checks.ipynb",
        "ann_12_assignsubmission_file_/06_term_checks.ipynb", "ann_12_assignsubmission_file_06_term_checks.ipynb",
        "ann_12_assignsubmission_file_/all/step_06/06_term_checks.ipynb", "ann/06_term_checks.ipynb",
        "ann_06_term_checks.ipynb", "submissions/ann_4711_99_06_term_checks-1.ipynb",
        "all/ann_12_assignsubmission_file_/06_term_checks.ipynb", "all/ann_4711_99_work/06_term_checks.ipynb",
        "ann/step_06/06_term_checks (1).ipynb",
    ],
)  # fmt: skip
def test_downloads_are_collected(name: str) -> None:
    """Nbgrader finds student and notebook in the names of downloads, however they are unpacked."""
    found = re.match(DOWNLOADS, f"/a course/downloaded/step_06/extracted/{name}")

    assert found is not None
    assert ("ann", "06_term_checks") == (found["student_id"], found["file_id"])


def test_feedback_tells_the_rule_and_no_seed(term: Term) -> None:
    """Each student's page reports the failed checks; none contains a private seed or a line of the solution."""
    pages = {path.parts[-3]: path.read_text(encoding="utf-8") for path in term.folder.glob("feedback/*/step_06/*.html")}

    assert STEP_6.keys() - {"hana"} == pages.keys()
    assert "a term at least as new is followed" in pages["cleo"]
    for student, page in pages.items():
        assert not [seed for seed in private_seeds(MADE_OF, RUNS) if str(seed) in page], student
        if student not in ("abe", "ann"):
            assert "if message.term &lt; self.current_term" not in re.sub(r"<[^>]*>", "", page) or student == "ben"


def test_handed_out_is_what_a_student_gets(term: Term) -> None:
    """A released assignment has a task instead of each solution, the package next to it, and an empty private cell."""
    handed_out = term.folder / "release" / "step_06"
    cells = {cell.id: cell for cell in load(handed_out / "06_term_checks.ipynb").cells}

    assert 'raise NotImplementedError("your turn: write become_follower here' in cells["your-turn"].source
    assert "" == cells["check-private"].source.strip()
    assert "points_for(Node, step=6, points=6)" in cells["check"].source
    assert (handed_out / "raft_steps" / "step_05_term_in_append_entries.py").is_file()
    assert not (handed_out / "raft_steps" / "step_06_term_checks.py").exists()
    assert {"nbgrader_config.py", "private_seeds.txt"}.isdisjoint(path.name for path in handed_out.rglob("*"))


def test_directory_can_be_renewed_in_mid_term(term: Term) -> None:
    """A second release into the same directory changes no assignment and ignores nbgrader's files."""
    before = json.dumps(sorted(str(path) for path in term.folder.rglob("*.ipynb")))
    again = release_for_nbgrader(term.folder.parent / "notebooks", term.folder, [5, 6, 8], secret=MADE_OF)

    assert [] == [name for name in again.written + again.removed if "/raft_steps/" not in name]
    assert before == json.dumps(sorted(str(path) for path in term.folder.rglob("*.ipynb")))


def test_own_grader_finds_the_same_order_of_merit(term: Term) -> None:
    """`raft-steps grade` on the same files gives the same order of merit."""
    own = term.own.result()
    theirs = {student: term.points[student, "step_06"] for student in STEP_6}

    assert theirs.keys() == own.keys()
    assert own["ann"] == own["abe"] == max(own.values()) > max(own[name] for name in own if name not in ("abe", "ann"))
    wrong = [(a, b) for a in theirs for b in theirs if theirs[a] > theirs[b] and own[a] < own[b]]
    assert [] == wrong, (own, theirs)
