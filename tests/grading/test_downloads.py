"""Submissions as Canvas, Moodle, Gradescope and nbgrader hand them over, and the students whose they are."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from raft_steps.lab.grading.archives import ArchiveError
from raft_steps.lab.grading.csv_cells import TableError
from raft_steps.lab.grading.downloads import DownloadError
from raft_steps.lab.grading.roster import Roster
from raft_steps.lab.grading.submissions import Submission, find_submissions
from tests.grading.test_archives import zipped

NOTEBOOK = "06_term_checks.ipynb"
# File names as Canvas's own program makes them: name, LATE, user, file, the student's file name.
CANVAS = [
    f"smithann_4711_99812_{NOTEBOOK}",
    "müllerjürgen_LATE_4712_99813_06_term_checks-1.ipynb",
    "müllerjürgen_LATE_4712_99814_notes.py",
    "doejane_4713_99815_my_raft.py",
    "doejohn_4714_99816_06_term_checks.zip",
    "roecarl_4715_text.html",
    "LATE_anon_x8Jd2_99820_06_term_checks.ipynb",
]
MOODLE = [
    f"Ann Smith_12345_assignsubmission_file_/{NOTEBOOK}",
    "Ann Smith_12346_assignsubmission_file_/mine.py",
    f"Jürgen Müller_12347_assignsubmission_file_{NOTEBOOK}",
    "Carl Roe_12348_assignsubmission_onlinetext_/onlinetext.html",
    "Jo de la Cruz_12349_assignsubmission_file_/all.zip",
]
METADATA = """---
submission_99812:
  :submitters:
  - :name: Ann Smith
    :sid: '100'
    :email: ann@example.edu
  :created_at: 2026-11-29 20:11:09.382218000 Z
  :score: 0.0
  :status: processed
  :history: []
submission_99813:
  :submitters:
  - :name: "Jürgen Müller"
    :sid: '101'
    :email: juergen@example.edu
  - :name: Ann Smith
    :sid: '102'
    :email: other.ann@example.edu
  :created_at: 2026-12-02 08:00:00.000000000 Z
"""


def lay(folder: Path, names: list[str], content: bytes = b"") -> Path:
    """Write files, a zip file with a notebook where a name asks for one."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(zipped({f"step_06/{NOTEBOOK}": "{}"}) if name.endswith(".zip") else content)
    return folder


def zip_of(folder: Path, top: str = "") -> Path:
    """Return a zip file of a folder, next to it."""
    files: dict[str, bytes | str] = {
        f"{top}{path.relative_to(folder).as_posix()}": path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    path = folder.with_name(f"{folder.name}.zip")
    path.write_bytes(zipped(files))
    return path


def found(tmp_path: Path, path: Path, roster: Roster | None = None) -> dict[str, Submission]:
    """Return the submissions of step 6 in a folder or a zip file, by student."""
    return {each.student: each for each in find_submissions([path], 6, out=tmp_path / "grades", roster=roster)}


def named(submissions: dict[str, Submission]) -> dict[str, str]:
    """Return the file of each student, or why there is none."""
    return {name: each.path.name if each.path is not None else each.problem for name, each in submissions.items()}


@pytest.mark.parametrize("as_zip", [False, True])
def test_canvas_download(tmp_path: Path, *, as_zip: bool) -> None:
    """Each user number is a person; the notebook counts, in a zip file, too; a text is not a file; LATE is noted."""
    folder = lay(tmp_path / "in", CANVAS)
    submissions = found(tmp_path, zip_of(folder) if as_zip else folder)

    assert {
        "smithann": CANVAS[0],
        "müllerjürgen": CANVAS[1],
        "doejane": CANVAS[3],
        "doejohn": NOTEBOOK,
        "roecarl": "a text was handed in, and no file",
        "anon_x8Jd2": CANVAS[6],
    } == named(submissions)
    assert {"müllerjürgen", "anon_x8Jd2"} == {name for name, each in submissions.items() if each.late}
    assert ("4711",) == submissions["smithann"].ids


@pytest.mark.parametrize("as_zip", [False, True])
def test_moodle_download(tmp_path: Path, *, as_zip: bool) -> None:
    """In folders or not; two people of the same name have their numbers in parentheses."""
    folder = lay(tmp_path / "in", MOODLE)
    submissions = found(tmp_path, zip_of(folder) if as_zip else folder)

    assert {
        "Ann Smith (12345)": NOTEBOOK,
        "Ann Smith (12346)": "mine.py",
        "Jürgen Müller": Path(MOODLE[2]).name,
        "Carl Roe": "a text was handed in, and no file",
        "Jo de la Cruz": NOTEBOOK,
    } == named(submissions)


@pytest.mark.parametrize("top", ["", "assignment_9100_export/"])
def test_gradescope_export(tmp_path: Path, top: str) -> None:
    """Names, numbers and times are from the metadata; each member of a group has the group's file."""
    folder = lay(tmp_path / "in", [f"submission_99812/{NOTEBOOK}", "submission_99813/mine.py"])
    (folder / "submission_metadata.yml").write_text(METADATA, encoding="utf-8")
    submissions = found(tmp_path, zip_of(folder, top))

    assert {"Ann Smith (100)": NOTEBOOK, "Ann Smith (102)": "mine.py", "Jürgen Müller": "mine.py"} == named(submissions)
    assert datetime(2026, 12, 2, 8, tzinfo=UTC) == submissions["Jürgen Müller"].time
    assert ("101", "juergen@example.edu") == submissions["Jürgen Müller"].ids


@pytest.mark.parametrize("text", ["- a", "a: [", "../out:\n  :submitters: []", "? [y]: 1"])
def test_strange_metadata_is_an_error(tmp_path: Path, text: str) -> None:
    """A sentence, and nothing outside of the folder is read."""
    folder = lay(tmp_path / "in", ["x/mine.py"])
    lay(tmp_path / "out", ["a.py"])
    (folder / "submission_metadata.yml").write_text(text, encoding="utf-8")

    with pytest.raises(DownloadError, match=r"submission_metadata\.yml"):
        found(tmp_path, folder)


def test_folders_of_nbgrader_have_a_time(tmp_path: Path) -> None:
    """The file timestamp.txt says when it was handed in."""
    folder = lay(tmp_path / "submitted", [f"ann/step_06/{NOTEBOOK}"])
    (folder / "ann" / "step_06" / "timestamp.txt").write_text("2026-12-01 10:00:00.000000 UTC", encoding="utf-8")

    assert datetime(2026, 12, 1, 10, tzinfo=UTC) == found(tmp_path, folder)["ann"].time


def test_zip_files_of_students(tmp_path: Path) -> None:
    """One file for each, with the whole folder that was handed out in it; what is wrong with one costs only its student."""
    folder = lay(tmp_path / "in", [])
    folder.mkdir()
    whole = {"raft_steps/step_05.py": "", "raft_steps/x.py": "", "00_start_here.ipynb": "{}"}
    (folder / "ann.zip").write_bytes(zipped(whole | {"my_step.ipynb": "{}"}))
    (folder / "bob.zip").write_bytes(b"no zip file")
    (folder / "cem.zip").write_bytes(zipped({"readme.md": "x"}))
    (folder / "dia.zip").write_bytes(zipped({"../../06_term_checks.ipynb": "{}"}))
    (folder / "eve.zip").write_bytes(zipped({"inner.zip": zipped({NOTEBOOK: "{}"})}))

    assert {
        "ann": "my_step.ipynb",
        "bob": "bob.zip is not a zip file, or is damaged",
        "cem": "cem.zip contains neither a notebook nor a module",
        "dia": "dia.zip contains neither a notebook nor a module",
        "eve": "eve.zip contains another zip file",
    } == named(found(tmp_path, folder))
    with pytest.raises(ArchiveError, match=r"bob\.zip is not a zip file"):
        found(tmp_path, folder / "bob.zip")


def test_one_person_is_one_row(tmp_path: Path) -> None:
    """The same name in both forms of Unicode, or as a file and a folder, is one person; later places are later attempts."""
    first = lay(tmp_path / "one", [f"{unicodedata.normalize('NFD', 'Jürgen')}.py", "ann.py", "Ann/mine.py"])
    second = lay(tmp_path / "two", ["Jürgen.ipynb", "ann/mine.py", "ann.txt"])
    submissions = find_submissions([first, second], 6, out=tmp_path / "grades")

    assert ["Ann", "Jürgen (attempt 1)", "Jürgen", "ann (attempt 1)", "ann"] == [
        unicodedata.normalize("NFC", each.student) for each in submissions
    ]
    assert {"Jürgen.ipynb", "mine.py"} <= {each.path.name for each in submissions if each.path is not None}


ROSTER = """Name,ID,SIS Login ID,Email address
"Smith, Ann",4711,asmith,ann@example.edu
"Smith, Ann",4799,asmith2,other.ann@example.edu
"Müller, Jürgen",4712,jm,juergen@example.edu
=cmd|'/C calc'!A0,4713,calc,
"Roe, Carl",4715,croe,
"""


def test_roster_has_a_row_for_everyone(tmp_path: Path) -> None:
    """Numbers decide before names, an ambiguous name is nobody's, and who is missing or unknown is said."""
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8-sig")
    canvas = lay(tmp_path / "in", [*CANVAS[:3], "smithann_9999_1_x.py", "nobody_1_2_x.py"])
    submissions = found(tmp_path, canvas, Roster.read(path))

    assert {
        "Smith, Ann (4711)": CANVAS[0],
        "Smith, Ann (4799)": "nothing was handed in",
        "Müller, Jürgen": CANVAS[1],
        "=cmd|'/C calc'!A0": "nothing was handed in",
        "Roe, Carl": "nothing was handed in",
        "nobody": "nobody_1_2_x.py",
        "smithann": "smithann_9999_1_x.py",
    } == named(submissions)
    assert ["nobody", "smithann"] == list(submissions)[-2:]
    assert "2 students in roster.csv have this name" in submissions["smithann"].remarks[0]
    assert "Nobody in roster.csv" in submissions["nobody"].remarks[0]


@pytest.mark.parametrize("name", ["jm", "JUERGEN@example.edu", "Jürgen Müller", "müllerjürgen", "müller jürgen"])
def test_roster_knows_a_student_in_many_ways(tmp_path: Path, name: str) -> None:
    """By login, address or name, in any order, case and form of Unicode."""
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8")
    folder = lay(tmp_path / "in", [f"{unicodedata.normalize('NFD', name)}/mine.py"])

    assert "mine.py" == named(found(tmp_path, folder, Roster.read(path)))["Müller, Jürgen"]


@pytest.mark.parametrize(
    "text, error", [("", "is empty"), ("a,b\n1,2\n", "no column"), ("Name\n", "no student"), ("\xff", "")]
)
def test_wrong_roster_is_an_error(tmp_path: Path, text: str, error: str) -> None:
    """A sentence with the file's name."""
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(TableError, match=rf"roster\.csv.*{error}"):
        Roster.read(path)
