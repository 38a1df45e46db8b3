"""Writes everything that Sphinx needs to make the book: pages, runs, the player, documents and settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from raft_steps.lab.course.course_folder import CourseFolder
from raft_steps.lab.course.notebooks import format_notebook, load, notebooks_of
from raft_steps.lab.course.site.front_page import NoFrontPageError, front_page
from raft_steps.lab.course.site.page_python import write_python
from raft_steps.lab.course.site.pages import FILES, make_page, relink
from raft_steps.lab.course.site.recorded_runs import RecordedRun, record_all
from raft_steps.lab.files import read_text, write_text
from raft_steps.lab.player.widget import javascript, stylesheet

ASSETS = Path(__file__).parent / "assets"
STATIC = ("recorded_run.js", "recorded_run.css", "stored_model.js", "page_python.js", "python_worker.js", "favicon.svg")
PICTURES = (".svg", ".png")


def write_sources(
    course: CourseFolder, out: Path, *, pyodide: Path | None = None, repository: str = "", jobs: int = 2
) -> list[RecordedRun]:
    """Run the notebooks, and write the sources of the book into a new folder.

    Args:
        course: The folder of the course: notebooks, documents and README.
        out: The folder; what is in it is deleted.
        pyodide: The folder of Pyodide's npm package, to steer runs in the page; None for runs that only play.
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
    _write_notebooks(paths, runs, out, repository)
    _write_documents(course.root, out, paths)
    shutil.copyfile(ASSETS / "conf.py", out / "conf.py")
    write_static(runs, out / "_static", can_steer=pyodide is not None)
    if pyodide is not None:
        write_python(pyodide, out / "_static" / "python")
    return runs


def _write_notebooks(paths: Iterable[Path], runs: Collection[RecordedRun], out: Path, repository: str) -> None:
    """Write each notebook twice: as the source of a page, and as it is, to be downloaded."""
    downloads = out / "extra" / FILES
    downloads.mkdir(parents=True)
    write_text(out / "extra" / ".nojekyll", "")  # Otherwise GitHub Pages leaves out folders like _static.
    for path in paths:
        notebook = load(path)
        make_page(notebook, path.name, runs, repository)
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
