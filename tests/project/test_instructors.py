"""The guides for instructors: every block of commands in them runs as it stands, and the plan is what the notebooks say."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from raft_steps.lab.cli.command import main
from raft_steps.lab.course.notebooks import load
from raft_steps.lab.course.redaction import BLOCK, is_solution
from tests.helpers.jupyter import needs, own_environment

ROOT = Path(__file__).parents[2]
GUIDE, GRADING, PLATFORMS = (ROOT / "docs" / f"{name}.md" for name in ("instructors", "grading", "platforms"))
TEXT = GUIDE.read_text(encoding="utf-8")
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the course's notebooks to where the commands may write."""
    folder = tmp_path_factory.mktemp("instructor") / "raft-steps"
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    return folder


def run_blocks(page: Path, course: Path) -> str:
    """Run a page's blocks of commands, from the first to the last, in the course's folder; give all that they say."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    environment = own_environment(course)
    said = ""
    for block in blocks:
        answer = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=course,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
        assert 0 == answer.returncode, f"{block}\n{answer.stdout[-3000:]}"
        said += answer.stdout
    return said


@pytest.mark.slow
@needs("nbgrader", "repo2docker", reason="the guide's commands are not tried")
def test_every_block_of_commands_runs_as_written(course: Path) -> None:
    """In the course's folder, from the first block to the last, each command does what it says."""
    said = run_blocks(GUIDE, course)

    assert "Success! Your notebook passes all the tests." in said  # nbgrader validate ends with 0 in any case.
    build = course / "build"
    assert {"step_05", "step_06", "step_07", "step_08", "step_08b"} <= {
        path.name for path in (build / "handout").iterdir()
    }
    assert (build / "grades" / "scores.csv").is_file()
    assert "step_06" in (build / "course" / "grades.csv").read_text(encoding="utf-8")
    assert list((build / "course" / "feedback" / "ann" / "step_06").glob("*.html"))
    assert (build / "bug_grades" / "scores.json").is_file()


@pytest.mark.slow
def test_every_block_about_grading_runs_as_written(course: Path, tmp_path: Path) -> None:
    """The page about the grader stands alone: nothing has to be released before; the course's own Node has all points."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    for made in course.glob("build/bug_grades/mutants-12-*"):  # The same set takes seconds to make: once is enough.
        shutil.copytree(made, tmp_path / "build" / "test_grades" / made.name)
    run_blocks(GRADING, tmp_path)

    scores = {name: json.loads((tmp_path / "build" / name / "scores.json").read_text(encoding="utf-8"))
              for name in ("grades", "test_grades", "suspect_grades")}  # fmt: skip
    assert [100, 100] == [scores[name][0]["score"] for name in ("grades", "suspect_grades")]
    assert 0 < scores["test_grades"][0]["score"] < 100


@pytest.mark.slow
def test_every_block_about_platforms_runs_as_written(tmp_path: Path) -> None:
    """A download of Canvas becomes scores in its grade book."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    run_blocks(PLATFORMS, tmp_path)

    filled = (tmp_path / "build" / "download_grades" / "canvas.csv").read_text(encoding="utf-8")
    before = (tmp_path / "build" / "gradebook.csv").read_text(encoding="utf-8")
    assert before.replace("asmith,A,", "asmith,A,20.00").replace("croe,A,", "croe,A,20.00") == filled


@pytest.mark.parametrize(
    "page, least",
    [(GUIDE, {"release", "grade", "check", "lab"}), (GRADING, {"grade"}), (PLATFORMS, {"grade"})],
    ids=["instructors", "grading", "platforms"],
)
def test_commands_in_the_text_exist(page: Path, least: set[str]) -> None:
    """What is named within a sentence is a command, too, with the options that it has."""
    assert isinstance(main, click.Group)
    named = re.findall(r"raft-steps ([a-z][a-z-]*)((?: [^`\n|]*)?)", page.read_text(encoding="utf-8"))

    assert least <= {name for name, _ in named}
    for name, rest in named:
        options = {option for each in main.commands[name].params for option in each.opts} | {"--help"}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options, f"raft-steps {name}{rest}"


def rows() -> dict[str, list[str]]:
    """Return the rows of the plan's table, by the notebook's number."""
    found = re.findall(r"^\| (\d\d[a-z]?) \| (.*) \|$", TEXT, re.MULTILINE)
    return {number: [cell.strip() for cell in rest.split("|")] for number, rest in found}


@pytest.mark.parametrize("number", rows())
def test_plan_is_what_the_notebooks_say(number: str) -> None:
    """Minutes are those at a notebook's top, lines those of its solution, points those that nbgrader gets."""
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = load(path).cells
    minutes = re.search(r"\*Time\* about (\d+) minutes", cells[0].source)
    solutions = [block["solution"] for cell in cells if is_solution(cell) for block in BLOCK.finditer(cell.source)]
    lines = sum(bool(line.strip()) for solution in solutions for line in solution.splitlines())
    points = sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)

    assert [minutes[1] if minutes else "", str(lines), str(points)] == rows()[number][1:]


def test_plan_has_every_notebook_with_something_to_write() -> None:
    """The table leaves no exercise out."""
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    written = {path.name.partition("_")[0] for path in notebooks if any(map(is_solution, load(path).cells))}

    assert written <= rows().keys()


def test_links_lead_somewhere() -> None:
    """Every link to a file of the repository finds it, and the README leads here."""
    links = [
        link
        for page in (GUIDE, GRADING, PLATFORMS)
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    ]

    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
    assert "docs/instructors.md" in (ROOT / "README.md").read_text(encoding="utf-8")
