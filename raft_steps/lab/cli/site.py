"""The command `site`, which makes the course's site of static files."""

from __future__ import annotations

import re
from pathlib import Path

import click

from raft_steps.lab.cli.common import COUNT, echo
from raft_steps.lab.cli.course import folder_option

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def _repository(_ctx: click.Context, _option: click.Parameter, value: str) -> str:
    """Check the name of a repository."""
    if value and not REPOSITORY.fullmatch(value):
        raise click.BadParameter("a repository is named as OWNER/NAME")
    return value


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--sphinx", metavar="PROGRAM", default="sphinx-build", show_default=True,
    help="Sphinx, in an environment with the extra site.",
)  # fmt: skip
@click.option(
    "--pyodide", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of Pyodide's npm package, to steer runs and check Nodes in the pages. By default runs only play.",
)  # fmt: skip
@click.option(
    "--editor", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The JavaScript module of the editor for exercises. By default it is a plain text field.",
)  # fmt: skip
@click.option(
    "--wheels", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of wheels for JupyterLite, which make site fills. By default the site has no JupyterLite.",
)  # fmt: skip
@click.option(
    "--repository", metavar="OWNER/NAME", default="", callback=_repository,
    help="The repository on GitHub, for links to Binder.",
)  # fmt: skip
@click.option("--jobs", type=COUNT, default=2, show_default=True, help="How many notebooks to run at a time.")
@folder_option
def site(
    out: Path,
    *,
    sphinx: str,
    pyodide: Path | None,
    editor: Path | None,
    wheels: Path | None,
    repository: str,
    jobs: int,
    folder: Path | None,
) -> None:
    """Make the course's site: a book of static files, whose players play without Python.

    All notebooks are run for it. The site is written into OUT, which must be empty or hold an earlier site. make site
    installs Sphinx in an environment of its own, and calls this command.
    """
    from raft_steps.lab.course.course_folder import find_course
    from raft_steps.lab.course.site.book import make_site

    runs = make_site(
        find_course(folder), out, sphinx=sphinx, pyodide=pyodide, editor=editor, wheels=wheels, repository=repository,
        jobs=jobs,
    )  # fmt: skip
    echo(f"{out}/index.html: {len(list(out.glob('*.html')))} pages, {len(runs)} players")
