"""The course of an installed wheel is copied to where the reader works, and renewed without losing what they wrote."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_markdown_cell, new_notebook

import raft_steps
from raft_steps.lab.cli.command import main
from raft_steps.lab.course import jupyterlab
from raft_steps.lab.course.course_folder import NoCourseError, find_course, prepare_course
from raft_steps.lab.course.file_list import EditionError, course_notebooks
from raft_steps.lab.course.managed_folder import MANIFEST
from raft_steps.lab.course.notebooks import format_notebook

NAMES = ["00_start_here.ipynb", "01_first.ipynb"]


def publish(packaged: Path, text: str, *names: str) -> None:
    """Let the installed package have these notebooks."""
    packaged.mkdir(parents=True, exist_ok=True)
    for path in packaged.iterdir():
        path.unlink()
    for name in names or NAMES:
        notebook = new_notebook(cells=[new_markdown_cell(f"# {text}", id="title")])
        (packaged / name).write_text(format_notebook(notebook), encoding="utf-8")


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the package is an installed wheel; return the folder of its notebooks."""
    package = tmp_path / "site-packages" / "raft_steps"
    publish(package / "notebooks", "old")
    monkeypatch.setattr(raft_steps, "__file__", str(package / "__init__.py"))
    return package / "notebooks"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def news(folder: Path | None = None) -> list[str]:
    """Prepare the course and its editions as `raft-steps lab` does; return what it prints."""
    said: list[str] = []
    course, copied = prepare_course(folder)
    if copied is not None:
        said += jupyterlab._news_of_copy(copied)
    jupyterlab._editions(course, said.append)
    return said


def test_first_start_copies_the_course(packaged: Path, here: Path) -> None:
    """In an empty folder both editions are made, and the next start prints nothing."""
    assert [
        f"notebooks/ holds the course of raft-steps {raft_steps.__version__}.",
        "my_course/ is new: the course without its solutions, for you to write in.",
    ] == news()
    assert NAMES == sorted(path.name for path in (here / "notebooks").glob("*.ipynb"))
    assert NAMES == sorted(path.name for path in (here / "my_course").glob("*.ipynb"))
    assert find_course().is_full
    assert find_course() == find_course(here / "notebooks") == prepare_course(here / "notebooks")[0]
    assert [] == news()


def test_new_version_keeps_what_the_reader_wrote(packaged: Path, here: Path) -> None:
    """A newer wheel renews the other notebooks, and names the one that it did not touch; both editions alike."""
    news()
    for folder in ("notebooks", "my_course"):
        (here / folder / "01_first.ipynb").write_text("mine", encoding="utf-8")
    publish(packaged, "new", *NAMES, "02_second.ipynb")
    said = news()

    assert ["mine", "mine"] == [
        (here / folder / "01_first.ipynb").read_text(encoding="utf-8") for folder in ("notebooks", "my_course")
    ]
    assert "# new" in (here / "notebooks" / "00_start_here.ipynb").read_text(encoding="utf-8")
    version = raft_steps.__version__
    assert [
        f"notebooks/ was brought up to date with raft-steps {version}: 00_start_here.ipynb, 02_second.ipynb.",
        (
            f"raft-steps {version} has a new version of 01_first.ipynb, which you have changed in notebooks/. "
            "Yours stays; rename it to get the new one, too."
        ),
    ] == said[:2]
    assert said[3].startswith("The course has changed since you began 01_first.ipynb. Your version stays;")


def test_own_edition_is_made_from_the_package(packaged: Path, here: Path) -> None:
    """What a reader does to notebooks/, or adds there, does not reach my_course/."""
    news()
    (here / "notebooks" / "01_first.ipynb").write_text("not a notebook any more", encoding="utf-8")
    (here / "notebooks" / "01_mine.ipynb").write_text("mine", encoding="utf-8")

    assert [] == news()
    assert not (here / "my_course" / "01_mine.ipynb").exists()
    with pytest.raises(EditionError, match=r"01_mine\.ipynb is named like a notebook of the course"):
        course_notebooks(here / "notebooks")


def test_renamed_notebook_of_the_course_is_replaced(packaged: Path, here: Path) -> None:
    """A notebook that the course no longer has goes, unless the reader has changed it."""
    news()
    publish(packaged, "new", NAMES[0], "01_other.ipynb")
    said = news()

    assert not (here / "notebooks" / "01_first.ipynb").exists()
    assert "notebooks/ lost what the course no longer has: 01_first.ipynb." in said
    (here / "notebooks" / "01_other.ipynb").write_text("mine", encoding="utf-8")
    publish(packaged, "new", *NAMES)
    news()
    assert "mine" == (here / "notebooks" / "01_other.ipynb").read_text(encoding="utf-8")


def test_broken_manifest_loses_nothing(packaged: Path, here: Path) -> None:
    """Without a readable manifest the folder is the reader's own, and is left alone."""
    news()
    (here / "notebooks" / MANIFEST).write_text("{", encoding="utf-8")
    (here / "notebooks" / "01_first.ipynb").write_text("mine", encoding="utf-8")
    publish(packaged, "new")
    before = (here / "notebooks" / "00_start_here.ipynb").read_bytes()

    assert prepare_course()[1] is None
    assert "mine" == (here / "notebooks" / "01_first.ipynb").read_text(encoding="utf-8")
    assert before == (here / "notebooks" / "00_start_here.ipynb").read_bytes()


@pytest.mark.parametrize("name", ["notebooks/recipes.ipynb", "notebooks"])
def test_other_things_are_not_mixed_up_with_the_course(packaged: Path, here: Path, name: str) -> None:
    """A folder or file that is called as the copy would be is not written to."""
    (here / name).parent.mkdir(exist_ok=True)
    (here / name).write_text("{}", encoding="utf-8")

    with pytest.raises(NoCourseError, match="holds something else; start in an empty folder"):
        prepare_course()


def test_packaged_notebooks_are_read_and_not_written(packaged: Path, here: Path) -> None:
    """Releases are made from the package if nothing was copied, and refreshing it is refused."""
    assert find_course().is_packaged
    assert find_course().is_full
    answer = CliRunner().invoke(main, ["refresh"])
    assert (2, True) == (answer.exit_code, "raft-steps lab copies them here" in answer.output)
    with pytest.raises(NoCourseError, match="there is no course in"):
        find_course(here)
