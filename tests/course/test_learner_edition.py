"""The learner's edition: without solutions and reveals, and no edited file is lost."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from raft_steps.lab.course.learner_edition import MANIFEST, ReleaseError, bring_up_to_date, parse_steps, release
from raft_steps.lab.course.notebooks import NotebookError, execute, format_notebook, load, notebooks_of, step_of
from raft_steps.lab.course.redaction import hidden_names, revealing_commands

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"

EXERCISE = '''class Node(Before):
    def double(self, number: int) -> int:
        """Double a number."""
        ### BEGIN SOLUTION
        twice_the_number = number * 2
        return twice_the_number
        ### END SOLUTION

    ### BEGIN SOLUTION
    def halve(self, number: int) -> int:
        return number // 2
    ### END SOLUTION'''
STUDENTS_EXERCISE = '''class Node(Before):
    def double(self, number: int) -> int:
        """Double a number."""
        raise NotImplementedError("your turn: write double here, instead of this line")

    raise NotImplementedError("your turn: write halve here, instead of this line")'''
LINKS = "[before](05_before.ipynb), [here](06_now.ipynb#rule), [paper](https://raft.github.io), ![ring](ring.png)"


def graded(number: int, **changes: object) -> dict[str, Any]:
    """Build nbgrader's metadata of an exercise's cell."""
    fields = {"schema_version": 3, "grade": False, "solution": True, "locked": False, "task": False}
    return fields | {"grade_id": f"step-{number:02}-your-turn"} | changes


def course_notebook(number: int) -> Any:
    """Build a small notebook of the course, executed, with an exercise, a check and reveals."""
    turn = {"nbgrader": graded(number), "jupyter": {"source_hidden": True}, "tags": ["hide-input", "exercise"]}
    checked = {"nbgrader": graded(number, solution=False, grade=True, locked=True, points=3, grade_id="check")}
    printed = [new_output("stream", text="before\n")]
    notebook = new_notebook(
        cells=[
            new_markdown_cell(f"# Step {number} · A | small step\n\n{LINKS}", id="title"),
            new_code_cell("class Before: pass\nprint('before')", id="before", outputs=printed, execution_count=1),
            new_code_cell(EXERCISE, id="your-turn", metadata=turn, execution_count=2),
            new_code_cell("print(Node().double(4))", id="check", metadata=checked, execution_count=3, outputs=printed),
            new_markdown_cell("## The change: halve it", id="change", metadata={"tags": ["reveal"]}),
            new_code_cell("show(Node)", id="reveal", metadata={"tags": ["reveal"]}, execution_count=4),
            new_markdown_cell("## Summary", id="summary"),
        ]
    )
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return notebook


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make a course of three notebooks, 05, 06 and 06b, and a file that is not part of it."""
    folder = tmp_path / "course" / "notebooks"
    folder.mkdir(parents=True)
    for name, number in (("05_before", 5), ("06_now", 6), ("06b_more", 6)):
        (folder / f"{name}.ipynb").write_text(format_notebook(course_notebook(number)), encoding="utf-8")
    (folder / "scratch.ipynb").write_text("not a notebook of the course", encoding="utf-8")
    return folder


def cells_of(path: Path) -> dict[str, Any]:
    """Return a notebook's cells by id."""
    return {cell.id: cell for cell in load(path).cells}


def files_of(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {path.name for path in folder.iterdir()}


def test_solution_becomes_a_task(course: Path, tmp_path: Path) -> None:
    """A line that says what to write replaces a solution, with its indentation; the cell is unfolded."""
    release(course, tmp_path / "out", [6])
    cell = cells_of(tmp_path / "out" / "06_now.ipynb")["your-turn"]

    assert STUDENTS_EXERCISE == cell.source
    assert {"nbgrader": graded(6), "tags": ["exercise"]} == cell.metadata


@pytest.mark.parametrize(
    "source, task",
    [
        ("@message\nclass Call:\n    ### BEGIN SOLUTION\n    term: int\n    ### END SOLUTION", "the new field of Call"),
        (
            "class Call:\n    ### BEGIN SOLUTION\n    a: int = 0\n    b: str\n    ### END SOLUTION",
            "the new fields of Call",
        ),
        ("class Call:\n    ### BEGIN SOLUTION\n    hear = None\n    ### END SOLUTION", "the rest of Call"),
        ("### BEGIN SOLUTION\nanswer = 42\n### END SOLUTION", "your code"),
        ("async def f():\n    if x:\n        ### BEGIN SOLUTION\n        y()\n        ### END SOLUTION", "f"),
        ("class A:\n    ### BEGIN SOLUTION\n    def f(): ...\n    def g(): ...\n    ### END SOLUTION", "f and g"),
    ],
)
def test_task_names_what_to_write(course: Path, tmp_path: Path, source: str, task: str) -> None:
    """The line names the function, or what is to be defined, or the class."""
    notebook = course_notebook(6)
    notebook.cells[2].source = source
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    release(course, tmp_path / "out")

    assert f"your turn: write {task} here," in cells_of(tmp_path / "out" / "06_now.ipynb")["your-turn"].source


def test_nothing_of_the_solution_is_left(course: Path, tmp_path: Path) -> None:
    """No file of the release contains a line of a solution or a cell that shows it."""
    release(course, tmp_path / "out")
    texts = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir())

    for secret in ("twice_the_number", "number // 2", "SOLUTION", "show(Node)", "The change"):
        assert secret not in texts
    assert ["title", "before", "your-turn", "check", "summary"] == list(cells_of(tmp_path / "out" / "06_now.ipynb"))


def test_outputs_end_where_the_exercise_begins(course: Path, tmp_path: Path) -> None:
    """Outputs before the exercise stay; later ones are removed, because they come from the solution."""
    release(course, tmp_path / "out")
    cells = cells_of(tmp_path / "out" / "06_now.ipynb")

    assert "before\n" == cells["before"].outputs[0].text
    assert [[], []] == [cells[name].outputs for name in ("your-turn", "check")]
    assert [1, None, None] == [cells[name].execution_count for name in ("before", "your-turn", "check")]


def test_release_is_what_jupyter_and_nbgrader_read(course: Path, tmp_path: Path) -> None:
    """A released notebook is valid, and nbgrader's fields of exercise and check are as they were."""
    release(course, tmp_path / "out")
    notebook = nbformat.read(tmp_path / "out" / "06_now.ipynb", as_version=4)

    nbformat.validate(notebook)
    graders = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert [graded(6), graded(6, solution=False, grade=True, locked=True, points=3, grade_id="check")] == graders


@pytest.mark.slow
def test_released_notebook_runs_up_to_the_exercise(course: Path, tmp_path: Path) -> None:
    """Running all cells ends at the exercise, with an error that says what to do."""
    release(course, tmp_path / "out")
    path = tmp_path / "out" / "06_now.ipynb"

    with pytest.raises(NotebookError, match=r"cell your-turn: NotImplementedError: your turn: write halve here"):
        execute(load(path), path)


def test_links_lead_within_the_release(course: Path, tmp_path: Path) -> None:
    """A link to a file that is not released becomes text; links within the release and to the web stay."""
    release(course, tmp_path / "out", [6])

    kept = "before, [here](06_now.ipynb#rule), [paper](https://raft.github.io), ring"
    assert cells_of(tmp_path / "out" / "06_now.ipynb")["title"].source.endswith(kept)


def with_cells(course: Path, *cells: Any) -> None:
    """Replace the cells of the course's notebook 06."""
    notebook = course_notebook(6)
    notebook.cells = list(cells)
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")


def released_source(course: Path, tmp_path: Path, name: str, steps: list[int] | None = None) -> str:
    """Return the source of a cell of notebook 06 as it is released."""
    release(course, tmp_path / "out", steps or [6])
    source: str = cells_of(tmp_path / "out" / "06_now.ipynb")[name].source
    return source


@pytest.mark.parametrize(
    "linked, said",
    [
        ("06b_more", "**Next:** [then](06b_more.ipynb). **Before:** x."),
        ("05_before", "**Next:** [step 6: now](06_now.ipynb). **Before:** x."),
        ("06a_gone", "**Next:** [step 6b: more](06b_more.ipynb). **Before:** x."),
        ("07_later", "**Before:** x."),
    ],
)
def test_next_is_what_comes_next_in_the_release(course: Path, tmp_path: Path, linked: str, said: str) -> None:
    """A link to the next notebook leads to the next one that is released, or is removed."""
    with_cells(course, new_markdown_cell(f"**Next:** [then]({linked}.ipynb). **Before:** x.", id="links"))

    assert said == released_source(course, tmp_path, "links")


def test_words_about_the_full_course_go(course: Path, tmp_path: Path) -> None:
    """A cell about the full course is not in the edition."""
    folded = new_markdown_cell("It is folded away.", id="folded", metadata={"tags": ["course-only"]})
    with_cells(course, new_markdown_cell("Run it.", id="run"), folded)
    release(course, tmp_path / "out", [6])

    assert ["run"] == list(cells_of(tmp_path / "out" / "06_now.ipynb"))


@pytest.mark.parametrize(
    "imports, left",
    [
        ("from lab import diff, show", "from lab import show"),
        ("from lab import diff", ""),
        ("from lab import diff as other", "from lab import diff as other"),
        ("from lab import (\n    diff,\n    show,\n)\nimport lab", "from lab import show\nimport lab"),
        ("from lab import Vote, diff", "from lab import Vote"),
        ("from lab import diff, never", "from lab import never"),
        ("from lab import show\n%time diff", "from lab import show\n%time diff"),
    ],
)
def test_imports_that_only_reveals_use_go(course: Path, tmp_path: Path, imports: str, left: str) -> None:
    """A name that no cell uses any more is not imported; one that a solution needs is."""
    turn = "### BEGIN SOLUTION\nanswer = Vote()\n### END SOLUTION"
    with_cells(
        course,
        new_code_cell(f"{imports}\nkept = 1", id="imports"),
        new_code_cell("show(kept)", id="look"),
        new_code_cell(turn, id="turn", metadata={"nbgrader": graded(6), "jupyter": {"source_hidden": True}}),
        new_code_cell("diff(5, 6)\nshow(6)", id="reveal", metadata={"tags": ["reveal"]}),
    )

    assert f"{left}\nkept = 1".lstrip() == released_source(course, tmp_path, "imports")


def test_long_imports_have_a_name_on_each_line(course: Path, tmp_path: Path) -> None:
    """The rest of a long import has a name on each line, and a cell that only had imports is removed."""
    names = [f"a_long_name_number_{number}" for number in range(6)]
    with_cells(
        course,
        new_code_cell(f"from lab import diff, {', '.join(names)}", id="imports"),
        new_code_cell("from lab import whole", id="more"),
        new_code_cell(" + ".join(names), id="look"),
        new_code_cell("diff(whole)", id="reveal", metadata={"tags": ["reveal"]}),
    )

    lines = ["from lab import (", *(f"    {name}," for name in names), ")"]
    assert lines == released_source(course, tmp_path, "imports").splitlines()
    assert ["imports", "look"] == list(cells_of(tmp_path / "out" / "06_now.ipynb"))


def test_start_is_always_there(course: Path, tmp_path: Path) -> None:
    """Notebook 00, with the glossary, is in every release."""
    (course / "00_start.ipynb").write_text(format_notebook(course_notebook(0)), encoding="utf-8")
    release(course, tmp_path / "out", [6])

    assert "00_start.ipynb" in files_of(tmp_path / "out")


@pytest.mark.parametrize(
    "said, left",
    [
        ("**Before:** this. **Whole:** `raft-steps show 6 --whole`. The end.", "**Before:** this. The end."),
        ("Look. `raft-steps diff 4 6` tells.\nMore.", "Look.\nMore."),
        ("`raft-steps show 6 --method halve` tells. `show(6, 'other')` does not.", "`show(6, 'other')` does not."),
        ("`raft-steps show 5 --whole` is where we begin.", "`raft-steps show 5 --whole` is where we begin."),
        ("`show(step_06.Node, 'double')` tells.", ""),
        ("`whole(step_06_now.Node)` tells.", ""),
        ("`python -m raft_steps show 6` tells.", ""),
        ("`show(step_05_before.Node)` is where we begin.", "`show(step_05_before.Node)` is where we begin."),
        ("Later: `whole(7)`.", ""),
    ],
)
def test_commands_that_tell_go(course: Path, tmp_path: Path, said: str, left: str) -> None:
    """A sentence with a command that prints the solution of this step or a later one is removed, and no other."""
    notebook = course_notebook(6)
    notebook.cells.append(new_markdown_cell(said, id="said"))
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    (course / "07_then.ipynb").write_text(format_notebook(course_notebook(7)), encoding="utf-8")
    release(course, tmp_path / "out", [6])

    assert left == cells_of(tmp_path / "out" / "06_now.ipynb")["said"].source


def test_cell_that_prints_the_solution_is_named(course: Path, tmp_path: Path) -> None:
    """A cell that would print the solution and is not tagged as a reveal is reported to the author."""
    notebook = course_notebook(6)
    notebook.cells.append(new_code_cell("diff(5, 6, 'halve')", id="look"))
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")

    expected = ["06_now.ipynb, cell look: it prints a solution that students are to write; tag it reveal"]
    assert expected == release(course, tmp_path / "out").warnings


@pytest.mark.parametrize("steps", [None, [5, 6, 7, 8], [3]], ids=str)
def test_release_of_the_course_tells_nothing_and_leads_somewhere(tmp_path: Path, steps: list[int] | None) -> None:
    """No notebook of a real release has a command that prints what is to be written, and every link leads somewhere."""
    out = tmp_path / "out"
    solved = hidden_names({path.name: load(path) for path in notebooks_of(NOTEBOOKS)})
    result = release(NOTEBOOKS, out, steps)

    assert {step_of(path.name) for path in notebooks_of(NOTEBOOKS)} - {0} == solved.keys()
    assert [] == result.warnings
    assert "00_start_here.ipynb" in files_of(out)
    for path in notebooks_of(out):
        text = "\n".join(cell.source for cell in load(path).cells)
        assert [] == revealing_commands(text, path.name, solved)
        assert "--whole" not in text
        assert "Answer to" not in text
        named = {*re.findall(r"\]\(([^)#\s:]+)[^):]*\)", text), *re.findall(r"\w+\.ipynb", text)}
        assert named <= files_of(out)
    readme = (out / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(([^)]+)\)", readme)) == files_of(out) - {"README.md", MANIFEST}
    shown = [int(step) for step in re.findall(r"raft-steps show (\d+)", readme)]
    assert ([min(steps) - 1] if steps else []) == shown


def test_readme_lists_what_is_there(course: Path, tmp_path: Path) -> None:
    """The release has a README for students, with a line for each notebook."""
    release(course, tmp_path / "out", [6])

    assert {"06_now.ipynb", "06b_more.ipynb", "README.md", MANIFEST} == files_of(tmp_path / "out")
    readme = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| [06_now.ipynb](06_now.ipynb) | Step 6 · A   small step |" in readme
    assert "raft-steps lab" in readme


@pytest.mark.parametrize(
    "text, steps",
    [("6", [6]), ("5-8", [5, 6, 7, 8]), ("0, 5 - 6", [0, 5, 6]), ("5,5-5", [5])],
)
def test_steps_are_read(text: str, steps: list[int]) -> None:
    """Steps are a number, a range, or several of both."""
    assert steps == parse_steps(text)


@pytest.mark.parametrize("text", ["", "five", "8-5", "5-", "-5", "5;6"])
def test_wrong_steps_are_refused(text: str) -> None:
    """The error for unreadable steps names the accepted forms."""
    with pytest.raises(ReleaseError, match="steps are written as 6, as 5-8 or as 1,5-8"):
        parse_steps(text)


def test_missing_step_is_refused(course: Path, tmp_path: Path) -> None:
    """A step without a notebook is an error that lists the steps, and nothing is written."""
    with pytest.raises(ReleaseError, match="there is no notebook of step 7; there are 5, 6"):
        release(course, tmp_path / "out", [6, 7])

    assert not (tmp_path / "out").exists()


# Nothing is lost.


def test_course_without_notebooks_has_no_release(tmp_path: Path) -> None:
    """There must be something to release."""
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(ReleaseError, match="there are no notebooks to release"):
        release(tmp_path / "notebooks", tmp_path / "out")


def test_untouched_release_is_renewed(course: Path, tmp_path: Path) -> None:
    """A second release is the same, byte for byte; files that it no longer has are removed."""
    out = tmp_path / "out"
    first = release(course, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert [] == release(course, out).written
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}
    (out / ".ipynb_checkpoints").mkdir()
    (out / ".ipynb_checkpoints" / "06_now-checkpoint.ipynb").write_text("{}", encoding="utf-8")
    second = release(course, out, [5])  # Its links to 06 become words.

    assert ["05_before.ipynb", "06_now.ipynb", "06b_more.ipynb", "README.md"] == first.written
    assert ["05_before.ipynb", "README.md"] == second.written
    assert ["06_now.ipynb", "06b_more.ipynb"] == second.removed
    assert {"05_before.ipynb", "README.md", MANIFEST, ".ipynb_checkpoints"} == files_of(out)


@pytest.mark.parametrize("name", ["notes.txt", "06_now.ipynb", "deep/er/notes.txt"])
def test_work_is_not_overwritten(course: Path, tmp_path: Path, name: str) -> None:
    """A folder with an edited file is refused, and stays as it is."""
    out = tmp_path / "out"
    release(course, out)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("my work", encoding="utf-8")

    with pytest.raises(ReleaseError, match=f"holds {name}, which would be lost"):
        release(course, out, [5])

    assert "my work" == (out / name).read_text(encoding="utf-8")
    assert (out / "06b_more.ipynb").exists()


def test_strange_folder_is_refused(course: Path, tmp_path: Path) -> None:
    """A folder that no release made is refused, even with a broken manifest."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MANIFEST).write_text("{", encoding="utf-8")
    (tmp_path / "out" / "README.md").write_text("mine", encoding="utf-8")

    with pytest.raises(ReleaseError, match=r"holds README\.md, which would be lost"):
        release(course, tmp_path / "out")


def test_instructor_may_overwrite(course: Path, tmp_path: Path) -> None:
    """With force the files of the release are overwritten, and all others stay."""
    out = tmp_path / "out"
    release(course, out)
    (out / "06_now.ipynb").write_text("changed", encoding="utf-8")
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    result = release(course, out, force=True)

    assert ["06_now.ipynb"] == result.written
    assert "mine" == (out / "notes.txt").read_text(encoding="utf-8")


def test_course_is_not_overwritten_by_itself(course: Path) -> None:
    """A release into the course's own folder is refused, even with force, because it would overwrite the solutions."""
    with pytest.raises(ReleaseError, match="would overwrite its solutions"):
        release(course, course / ".." / "notebooks", force=True)


def test_a_file_is_no_folder(course: Path, tmp_path: Path) -> None:
    """A release into a file is refused."""
    (tmp_path / "out").write_text("", encoding="utf-8")

    with pytest.raises(ReleaseError, match="is a file; a release needs a folder"):
        release(course, tmp_path / "out")


def test_manifest_reaches_nothing_outside(course: Path, tmp_path: Path) -> None:
    """Paths outside the folder in the manifest are ignored, so nothing there is removed."""
    out = tmp_path / "out"
    release(course, out)
    (tmp_path / "mine.txt").write_bytes((out / "06_now.ipynb").read_bytes())
    manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"]["../mine.txt"] = manifest["files"]["06_now.ipynb"]
    (out / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")

    assert ["05_before.ipynb"] == release(course, out, [6]).removed
    assert (tmp_path / "mine.txt").exists()


def test_own_edition_keeps_what_was_changed(course: Path, tmp_path: Path) -> None:
    """A learner's own edition is brought up to date, except for the files that they have edited."""
    out = tmp_path / "my_course"
    bring_up_to_date(course, out)
    (out / "06_now.ipynb").write_text("my work", encoding="utf-8")
    (out / "notes.txt").write_text("my notes", encoding="utf-8")
    (out / "05_before.ipynb").unlink()
    same = bring_up_to_date(course, out)
    for path in course.glob("06*"):
        path.write_text(path.read_text(encoding="utf-8").replace("small step", "great leap"), encoding="utf-8")
    newer = bring_up_to_date(course, out)

    assert (["05_before.ipynb"], ["06_now.ipynb"], []) == (same.written, same.kept, same.outdated)
    assert ["06b_more.ipynb", "README.md"] == newer.written
    assert (["06_now.ipynb"], ["06_now.ipynb"]) == (newer.kept, newer.outdated)
    assert "my work" == (out / "06_now.ipynb").read_text(encoding="utf-8")
    assert "my notes" == (out / "notes.txt").read_text(encoding="utf-8")


def test_own_edition_renews_what_was_only_run(course: Path, tmp_path: Path) -> None:
    """A notebook that was opened, run and saved is not the learner's: it is renewed when the course changes it."""
    out = tmp_path / "my_course"
    bring_up_to_date(course, out)
    for name, source in (("05_before.ipynb", None), ("06_now.ipynb", "my = 'work'")):
        notebook = load(out / name)
        notebook.metadata["language_info"] = {"name": "python", "version": "3.11.7"}
        notebook.cells[1].execution_count, notebook.cells[1].outputs = 9, []
        notebook.cells[1].source = source or notebook.cells[1].source
        (out / name).write_text(format_notebook(notebook), encoding="utf-8")
    for path in course.glob("0*"):
        path.write_text(path.read_text(encoding="utf-8").replace("small step", "great leap"), encoding="utf-8")
    newer = bring_up_to_date(course, out)

    assert "05_before.ipynb" in newer.written
    assert ["06_now.ipynb"] == newer.kept == newer.outdated


def test_answers_are_for_those_who_have_the_whole_course(course: Path, tmp_path: Path) -> None:
    """A learner's own edition has the answers to exercises, folded; what students get has not."""
    notebook = load(course / "06_now.ipynb")
    notebook.cells[-1].source += "\n\n<details><summary>Answer to 1</summary>\n\nThe half.\n\n</details>"
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    bring_up_to_date(course, tmp_path / "my_course")
    release(course, tmp_path / "handed_out")

    kept, taken = (cells_of(tmp_path / name / "06_now.ipynb")["summary"] for name in ("my_course", "handed_out"))
    assert kept.source == notebook.cells[-1].source
    assert taken.source == "## Summary"


def test_own_edition_takes_no_stranger_for_its_own(course: Path, tmp_path: Path) -> None:
    """A file with a notebook's name that was there before stays as it is."""
    (tmp_path / "my_course").mkdir()
    (tmp_path / "my_course" / "06_now.ipynb").write_text("my work", encoding="utf-8")
    bring_up_to_date(course, tmp_path / "my_course")
    bring_up_to_date(course, tmp_path / "my_course")

    assert "my work" == (tmp_path / "my_course" / "06_now.ipynb").read_text(encoding="utf-8")


# Authors' mistakes.


@pytest.mark.parametrize(
    "before, after, problem",
    [
        ("        ### END SOLUTION\n", "", "markers of a solution do not pair"),
        ("        ### BEGIN SOLUTION\n", "", "markers of a solution do not pair"),
        (EXERCISE, "class Node: ...", "but no markers of a solution"),
    ],
)
def test_unmarked_solution_stops_the_release(
    course: Path, tmp_path: Path, before: str, after: str, problem: str
) -> None:
    """Unpaired markers are an error that names the cell, and nothing is written."""
    notebook = course_notebook(6)
    notebook.cells[2].source = EXERCISE.replace(before, after)
    (course / "06b_more.ipynb").write_text(format_notebook(notebook), encoding="utf-8")

    with pytest.raises(NotebookError, match=rf"06b_more\.ipynb, cell your-turn: .*{problem}"):
        release(course, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_marker_outside_a_solution_stops_the_release(course: Path, tmp_path: Path) -> None:
    """A solution without nbgrader's metadata would stay in the release, so it is an error."""
    notebook = course_notebook(6)
    del notebook.cells[2].metadata["nbgrader"]
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")

    with pytest.raises(NotebookError, match="but not nbgrader's metadata"):
        release(course, tmp_path / "out")


def test_spoiler_is_named(course: Path, tmp_path: Path) -> None:
    """A cell whose output shows the whole solution and that is not tagged as a reveal is reported to the author."""
    notebook = course_notebook(6)
    notebook.cells[5].metadata.tags = []
    shown = {"text/plain": EXERCISE.replace("    ", "  ")}
    notebook.cells[5].outputs = [new_output("execute_result", data=shown, execution_count=4)]
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    result = release(course, tmp_path / "out")

    assert ["06_now.ipynb, cell reveal: it seems to show the solution; tag it reveal"] == result.warnings


def test_written_answer_is_taken_out(course: Path, tmp_path: Path) -> None:
    """An exercise with an answer in prose keeps its cell, without the answer."""
    notebook = course_notebook(6)
    metadata = {"nbgrader": graded(6, grade=True, points=2, grade_id="why")}
    notebook.cells.append(new_markdown_cell("Because of the term.", id="why", metadata=metadata))
    (course / "06_now.ipynb").write_text(format_notebook(notebook), encoding="utf-8")
    release(course, tmp_path / "out")

    assert "*Write your answer here.*" == cells_of(tmp_path / "out" / "06_now.ipynb")["why"].source
