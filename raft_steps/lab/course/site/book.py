"""Makes the site: writes the sources of the book, and lets Sphinx make pages of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from raft_steps.lab.course.course_folder import CourseFolder
from raft_steps.lab.course.notebooks import notebooks_of
from raft_steps.lab.course.site.lite_app import APP, share_python, write_lite
from raft_steps.lab.course.site.recorded_runs import RecordedRun
from raft_steps.lab.course.site.sources import write_sources
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text, write_text

MARK = ".raft-steps-site"  # the file that says that a folder holds a site, and may be replaced
# What Sphinx writes for itself.
LEFTOVERS = ("_sources", ".buildinfo", ".doctrees", "objects.inv")
# What the theme leaves out that readers without a mouse or a screen need: axe-core reports each of these.
MENDED = (
    ('<p class="caption" role="heading">', '<p class="caption" role="heading" aria-level="2">'),
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="All pages">'),
    ('<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
    ('<summary aria-label="Toggle hidden content">', "<summary>"),
    ('<div id="search-results"></div>', '<h1>Search</h1>\n<div id="search-results"></div>'),
    # A table may be wider than a phone, and must be scrolled with keys, too.
    ('<div class="table-wrapper ', '<div tabindex="0" role="group" aria-label="Table" class="table-wrapper '),
)
_EMPTY_HEADER = re.compile(r"<th[^>]*>(?:<p></p>)?</th>")
_PRE = re.compile(r"<pre(?! tabindex)(?=[ >])")  # As a table is.


class SiteError(LabError):
    """The site cannot be made; the message says why, and what to do."""


def make_site(
    course: CourseFolder,
    out: Path,
    *,
    sphinx: str = "sphinx-build",
    pyodide: Path | None = None,
    editor: Path | None = None,
    wheels: Path | None = None,
    repository: str = "",
    jobs: int = 2,
) -> list[RecordedRun]:
    """Make the site in a folder, which must be empty or hold an earlier site.

    Args:
        course: The folder of the course.
        out: The folder.
        sphinx: The program sphinx-build, of an environment with the extra `site`.
        pyodide: The folder of Pyodide's npm package, to steer runs and check Nodes in the page; None for runs that only
            play.
        editor: The JavaScript module of the editor in which readers write; None for a plain text field.
        wheels: The folder with the wheels of the course and of what it needs, for JupyterLite, which also needs Pyodide;
            None for a site without it.
        repository: The repository on GitHub, as OWNER/NAME; "" for no links to it.
        jobs: The number of notebooks to run at a time.

    Returns:
        The runs that the players of the site play.

    Raises:
        SiteError: There is no Sphinx, the folder holds something else, or Sphinx finds a mistake in a page.
        NotebookError: A notebook cannot be read, or a cell fails.
        RunDiffersError: A player shows a run that is not that of the course's own Node.
        NoPyodideError: The folder is not that of Pyodide.
        NoFrontPageError: The README is missing, or lacks a part of the front page.
        LiteError: A wheel is missing, or JupyterLite cannot be made.
    """
    program = shutil.which(sphinx)
    if program is None:
        raise SiteError(f"there is no program {sphinx}; make site installs it, or: pip install 'raft-steps[site]'")
    if out.exists() and not (out.is_dir() and ((out / MARK).is_file() or not any(out.iterdir()))):
        raise SiteError(f"{out} is not empty and holds no site; name another folder, or empty this one")
    with tempfile.TemporaryDirectory(prefix="raft-steps-site-") as work:
        sources, pages = Path(work) / "sources", Path(work) / "pages"
        with_lite = pyodide is not None and wheels is not None
        runs = write_sources(
            course, sources, pyodide=pyodide, editor=editor, with_lite=with_lite, repository=repository, jobs=jobs
        )
        _run_sphinx(program, sources, pages)
        _finish(pages)
        if pyodide is not None and wheels is not None:
            (Path(work) / APP).mkdir()
            write_lite(
                notebooks_of(course.notebooks, without=("processes",)), pages / APP, Path(work) / APP,
                program=Path(program).absolute().parent / "jupyter", wheels=wheels, pyodide=pyodide,
            )  # fmt: skip
            share_python(pages / "_static" / "python", pages / APP)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(pages, out)
    return runs


def _run_sphinx(program: str, sources: Path, pages: Path) -> None:
    """Run Sphinx; a warning is an error, because nobody reads the warnings of a build."""
    command = [program, "--quiet", "--fail-on-warning", "--keep-going", "-b", "html", str(sources), str(pages)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        lines = [line.replace(f"{sources}/", "") for line in done.stderr.splitlines() if line.strip()]
        raise SiteError("Sphinx finds mistakes in the pages:\n" + "\n".join(lines[:20]))


def _finish(pages: Path) -> None:
    """Remove what Sphinx wrote for itself, mend the pages, and mark the folder as a site."""
    for name in LEFTOVERS:
        left = pages / name
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    for page in pages.glob("*.html"):
        text = read_text(page, "HTML")
        for old, new in MENDED:
            text = text.replace(old, new)
        text = _EMPTY_HEADER.sub("<td></td>", text)
        write_text(page, _PRE.sub('<pre tabindex="0"', text))
    write_text(pages / MARK, "")
