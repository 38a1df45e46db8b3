"""Writes everything that Sphinx needs to make the book: pages, runs, the player, documents and settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from raft_steps.lab.course.course_folder import CourseFolder
from raft_steps.lab.course.notebooks import format_notebook, load, notebooks_of
from raft_steps.lab.course.site.exercises import exercise_of
from raft_steps.lab.course.site.front_page import NoFrontPageError, front_page
from raft_steps.lab.course.site.page_python import write_python
from raft_steps.lab.course.site.pages import FILES, Links, make_page, relink
from raft_steps.lab.course.site.recorded_runs import RecordedRun, record_all
from raft_steps.lab.course.site.reference import write_reference
from raft_steps.lab.files import read_text, write_text
from raft_steps.lab.player.widget import javascript, stylesheet

ASSETS = Path(__file__).parent / "assets"
STATIC = (
    "recorded_run.js", "recorded_run.css", "stored_model.js", "page_player.js", "page_python.js", "python_worker.js",
    "your_turn.js", "your_turn.css", "page_outputs.js", "progress.js", "favicon.svg",
)  # fmt: skip
# The npm packages of which the editor consists, as patterns of folders.
EDITOR_PACKAGES = ("@codemirror/*", "@lezer/*", "@marijn/*", "codemirror", "crelt", "style-mod", "w3c-keyname")
PICTURES = (".svg", ".png")


def write_sources(
    course: CourseFolder,
    out: Path,
    *,
    pyodide: Path | None = None,
    editor: Path | None = None,
    with_lite: bool = False,
    repository: str = "",
    jobs: int = 2,
) -> list[RecordedRun]:
    """Run the notebooks, and write the sources of the book into a new folder.

    Args:
        course: The folder of the course: notebooks, documents and README.
        out: The folder; what is in it is deleted.
        pyodide: The folder of Pyodide's npm package, to steer runs and check Nodes in the page; None for runs that only
            play.
        editor: The JavaScript module of the editor in which readers write; None for a plain text field.
        with_lite: Whether the site will have JupyterLite, to which the pages then link.
        repository: The repository on GitHub, as OWNER/NAME; "" for no links to it.
        jobs: The number of notebooks to run at a time.

    Returns:
        The recorded runs.

    Raises:
        NotebookError: A notebook cannot be read, or a cell fails.
        RunDiffersError: A player shows a run that is not that of the course's own Node.
        NoPyodideError: The folder is not that of Pyodide.
        NoFrontPageError: The README is missing, or lacks a part of the front page.
    """
    if not (course.root / "README.md").is_file():
        raise NoFrontPageError(f"{course.root} has no README.md, from which the front page is made; use a checkout")
    paths = notebooks_of(course.notebooks)
    runs = record_all(paths, jobs)
    shutil.rmtree(out, ignore_errors=True)
    exercises = _exercises(paths) if pyodide is not None else {}
    _write_notebooks(paths, runs, out, Links(repository, with_lite), exercises)
    _write_documents(course.root, out, paths)
    write_reference(out)
    shutil.copyfile(ASSETS / "conf.py", out / "conf.py")
    write_static(runs, out / "_static", can_steer=pyodide is not None)
    if pyodide is not None:
        write_python(pyodide, out / "_static" / "python")
        write_exercises(exercises, out / "_static", editor)
    return runs


def _exercises(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return the exercises of all notebooks that have one, by the names of their files."""
    found = {path.name: exercise_of(load(path), path.name) for path in paths}
    return {name: exercise for name, exercise in found.items() if exercise is not None}


def _write_notebooks(
    paths: Iterable[Path],
    runs: Collection[RecordedRun],
    out: Path,
    links: Links,
    exercises: Mapping[str, dict[str, Any]],
) -> None:
    """Write each notebook twice: as the source of a page, and as it is, to be downloaded."""
    downloads = out / "extra" / FILES
    downloads.mkdir(parents=True)
    write_text(out / "extra" / ".nojekyll", "")  # Otherwise GitHub Pages leaves out folders like _static.
    for path in paths:
        notebook = load(path)
        make_page(notebook, path.name, runs, links, exercises.get(path.name))
        write_text(out / path.name, format_notebook(notebook))
        shutil.copyfile(path, downloads / path.name)


def _write_documents(root: Path, out: Path, notebooks: Iterable[Path]) -> None:
    """Write the documents, their pictures and the front page."""
    documents = [*sorted((root / "docs").glob("*.md")), root / "CONTRIBUTING.md", root / "CHANGELOG.md"]
    pictures = [path for path in sorted((root / "docs").iterdir()) if path.suffix in PICTURES]
    names = {path.name for path in (*documents, *pictures, *notebooks)}
    for path in pictures:
        shutil.copyfile(path, out / path.name)
    for path in documents:
        write_text(out / path.name, relink(read_text(path, "Markdown"), names))
    template = read_text(ASSETS / "index.md.j2", "a template")
    readme = relink(read_text(root / "README.md", "Markdown"), names)
    page = front_page(readme, template, [path.stem for path in notebooks], [path.stem for path in documents])
    write_text(out / "index.md", page)


def write_static(runs: Iterable[RecordedRun], static: Path, *, can_steer: bool) -> None:
    """Write the player, and the runs that it plays, into a new folder.

    Args:
        runs: The runs.
        static: The folder.
        can_steer: Whether the site has Python for its pages (`page_python.write_python`).
    """
    (static / "runs").mkdir(parents=True)
    for name in STATIC:
        shutil.copyfile(ASSETS / name, static / name)
    write_text(static / "player.js", javascript())
    write_text(static / "player.css", stylesheet())
    for run in runs:
        (static / "runs" / f"{run.name}.ndjson").write_bytes(run.trace)
        write_text(static / "runs" / f"{run.name}.json", json.dumps(run.state(can_steer), sort_keys=True))


def write_exercises(exercises: Mapping[str, dict[str, Any]], static: Path, editor: Path | None = None) -> None:
    """Write what pages need for their exercises, and the editor.

    Args:
        exercises: What `exercise_of` returned, by the names of the notebooks' files.
        static: The folder.
        editor: The JavaScript module of the editor; None for a plain text field.
    """
    (static / "exercises").mkdir()
    for name, exercise in exercises.items():
        write_text(static / "exercises" / f"{Path(name).stem}.json", json.dumps(exercise, sort_keys=True))
    shutil.copyfile(ASSETS / "plain_editor.js" if editor is None else editor, static / "editor.js")
    if editor is not None:
        write_text(static / "editor-licences.txt", _licences(editor.parent / "node_modules"))


def _licences(packages: Path) -> str:
    """Return the licences of the packages that the editor contains."""
    found = sorted(path for name in EDITOR_PACKAGES for path in packages.glob(f"{name}/LICENSE"))
    return "\n\n".join(
        f"{path.parent.relative_to(packages)}\n\n{read_text(path, 'a licence').strip()}\n" for path in found
    )
