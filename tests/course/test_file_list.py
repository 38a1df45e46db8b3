"""What is handed out is on a list: git's in a checkout, the RECORD of a wheel, or ordinary names in an archive."""

import subprocess
from pathlib import Path

import pytest

from raft_steps.lab.course import file_list, package_subset
from raft_steps.lab.course.file_list import EditionError, course_files, course_notebooks, own_notebooks
from raft_steps.lab.course.handouts import release_handouts
from raft_steps.lab.course.learner_edition import release
from raft_steps.lab.course.nbgrader_course import release_for_nbgrader
from raft_steps.lab.course.package_subset import package_files, warn_of_unlisted_files

COURSE = (
    *("__init__.py", "py.typed", "step_01_key_value_store.py", "step_05_term_in_append_entries.py"),
    *("step_06_term_checks.py", "lab/__init__.py", "lab/checks/step_05.py", "lab/checks/step_06.py"),
    *("lab/checks/step_07.py", "lab/grading/templates/student.html"),
)
# What JupyterLab, editors, merges and file managers leave next to a step.
STRANGERS = (
    ".ipynb_checkpoints/step_06_term_checks-checkpoint.py",
    "lab/checks/.ipynb_checkpoints/step_06-checkpoint.py",
    "step_06_term_checks.py~",
    "#step_06_term_checks.py#",
    ".#step_06_term_checks.py",
    ".step_06_term_checks.py.swp",
    ".step_06_term_checks.py.draft",
    "step_06_term_checks.py.orig",
    "step_06_term_checks.py.rej",
    "step_06_term_checks.py.bak",
    "step_06_term_checks (copy).py",
    "step_06_term_checks_copy.py",
    "Step_06_term_checks.py.txt",
    "old_step_06_term_checks.py",
    "step-06.py",
    "step6.py",
    "old/step_06_term_checks.py",
    "lab/step_06_term_checks.py~",
    "step_06_backup/solution.py",
    "__pycache__/step_06_term_checks.py",
    "my_course/06_term_checks.ipynb",
    "lab/.ipynb_checkpoints/06_term_checks-checkpoint.ipynb",
    "notebooks/06_term_checks.ipynb",
)
# What every installation has, and no edition gets.
BYTECODE = ("__pycache__/step_06_term_checks.cpython-311.pyc", "lab/checks/__pycache__/step_06.cpython-311.pyc.1234")


def write(folder: Path, *names: str) -> None:
    """Write files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def track(folder: Path, *names: str) -> None:
    """Let git track files."""
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run(["git", "add", *(names or ["."])], cwd=folder, check=True)


@pytest.fixture(params=["checkout", "part of a repository", "wheel", "archive"])
def package(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small package, listed in each of the ways in which one can be."""
    folder = tmp_path / "raft_steps"
    write(folder, *COURSE)
    if request.param == "checkout":
        track(tmp_path)
    elif request.param == "part of a repository":
        (tmp_path / "courses").mkdir()
        folder = folder.rename(tmp_path / "courses" / "raft_steps")
        track(tmp_path)
    elif request.param == "wheel":
        write(folder, "notebooks/00_start_here.ipynb")
        record = "".join(f"raft_steps/{name},,\n" for name in (*COURSE, *BYTECODE, "notebooks/00_start_here.ipynb"))
        installed = tmp_path / "raft_steps-0.3.0.dist-info"
        installed.mkdir()
        (installed / "RECORD").write_text(record, encoding="utf-8")
        (installed / "METADATA").write_text("Name: raft-steps\nVersion: 0.3.0\n", encoding="utf-8")
    write(folder, *BYTECODE)
    for module in (file_list, package_subset):
        monkeypatch.setattr(module, "PACKAGE", folder)
    return folder


def test_exactly_the_listed_files_are_handed_out(package: Path) -> None:
    """The steps before, the checks of one step more, and everything that does not belong to a step."""
    names = {f"raft_steps/{name}" for name in COURSE if name != "step_06_term_checks.py" and "step_07" not in name}

    assert sorted(COURSE) == course_files()
    assert names == package_files(5).keys()
    assert [] == warn_of_unlisted_files()


@pytest.mark.parametrize("stranger", STRANGERS)
def test_file_named_like_a_step_is_refused(package: Path, stranger: str) -> None:
    """Nothing is released while there is a file that may hold a solution; the error names it."""
    write(package, stranger)

    with pytest.raises(EditionError) as caught:
        package_files(5)
    assert str(caught.value).startswith(f"raft_steps/{stranger} is named like a step, but is not part of the course")


def test_other_file_is_left_out_and_named(package: Path) -> None:
    """A file that is in no list is not handed out, whatever its name, and the author is told."""
    write(package, "lab/.notes", "lab/solution.bak")

    assert package_files(12).keys() == {f"raft_steps/{name}" for name in COURSE}
    assert ["raft_steps/lab/.notes", "raft_steps/lab/solution.bak"] == [
        warning.partition(" ")[0] for warning in warn_of_unlisted_files()
    ]


def test_missing_file_is_reported(package: Path) -> None:
    """A package without one of its modules would not work; in an archive nobody knows what is missing."""
    (package / "lab" / "__init__.py").unlink()
    if file_list.listed_files(package) is None:
        assert "raft_steps/lab/__init__.py" not in package_files(5)
        return

    with pytest.raises(EditionError, match=r"lab/__init__\.py is part of the course, but is missing"):
        package_files(5)


def test_listed_file_with_the_name_of_no_step_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup that was added to git by mistake is not a step either."""
    package = tmp_path / "raft_steps"
    write(package, *COURSE, "step_06_term_checks_old.py")
    track(tmp_path)
    monkeypatch.setattr(file_list, "PACKAGE", package)

    with pytest.raises(EditionError, match=r"step_06_term_checks_old\.py is named like a step"):
        course_files()


def test_checkout_that_git_cannot_read_hands_nothing_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that cannot be read is not taken for a list of everything."""
    package = tmp_path / "raft_steps"
    write(package, *COURSE)
    write(tmp_path, ".git/HEAD")
    monkeypatch.setattr(file_list, "PACKAGE", package)

    with pytest.raises(EditionError, match="git cannot list the files of the course"):
        course_files()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EditionError, match="git cannot list the files of the course"):
        course_files()


def test_variables_of_a_git_hook_do_not_change_the_list(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git sets GIT_DIR for its hooks; the list is that of the package's own repository."""
    monkeypatch.setenv("GIT_DIR", str(package / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(package / "nothing"))

    assert sorted(COURSE) == course_files()


# Notebooks.


@pytest.mark.parametrize(
    "stranger", ["06_term_checks-Copy1.ipynb", "06_mine.ipynb", "06b_mine.ipynb", "06 term checks.ipynb"]
)
def test_notebook_that_git_does_not_track_is_not_released(tmp_path: Path, stranger: str) -> None:
    """A reader's copy has the solution without its markers; their own edition leaves it out, too."""
    write(tmp_path, "00_start_here.ipynb", "06_term_checks.ipynb", ".ipynb_checkpoints/06_term_checks-checkpoint.ipynb")
    track(tmp_path, "00_start_here.ipynb", "06_term_checks.ipynb")
    before = course_notebooks(tmp_path)
    write(tmp_path, stranger, "notes.ipynb")

    assert ["00_start_here.ipynb", "06_term_checks.ipynb"] == [path.name for path in before]
    assert before == own_notebooks(tmp_path)
    for make in (release, release_handouts, release_for_nbgrader):
        with pytest.raises(EditionError, match="is named like a notebook of the course, but is not part of it"):
            make(tmp_path, tmp_path / "out")


def test_two_notebooks_of_one_step_are_refused(tmp_path: Path) -> None:
    """Without a list, a second notebook of a step could be a copy of the first."""
    write(tmp_path, "06_term_checks.ipynb", "06_mine.ipynb", "06b_more.ipynb")

    with pytest.raises(EditionError, match=r"two notebooks with one number, 06_mine\.ipynb and 06_term_checks\.ipynb"):
        course_notebooks(tmp_path)
