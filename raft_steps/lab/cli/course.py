"""The commands for the notebooks: `lab` opens them, `progress` checks your own, `refresh` runs them again, `release` builds students' folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from raft_steps import STEPS
from raft_steps.lab.cli.common import COUNT, FAILED, WRONG_INPUT, CommandError, Progress, echo, echo_json, json_option

if TYPE_CHECKING:
    from raft_steps.lab.course.managed_folder import Release

NEEDS = ("processes",)  # what a notebook may need that not every machine has

folder_option = click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The course's folder; by default the current one, or else the one in which the course is installed.",
)


@click.command(context_settings={"ignore_unknown_options": False})
@click.option(
    "--edition",
    type=click.Choice(["course", "learner"]),
    default="course",
    show_default=True,
    help="The edition to open first.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8888, show_default=True, help="The port to listen on.")
@click.option("--browser/--no-browser", default=None, help="Whether to open a browser. [default: if there is one]")
@folder_option
@click.argument("options", nargs=-1, metavar="[-- JUPYTERLAB OPTIONS]")
@click.pass_context
def lab(
    ctx: click.Context,
    *,
    edition: str,
    port: int,
    browser: bool | None,
    folder: Path | None,
    options: tuple[str, ...],
) -> None:
    """Open the course in JupyterLab.

    There are two editions. notebooks/ is the course, with folded solutions. my_course/ is a copy without solutions for
    you to write in: it is kept up to date, but a file that you have changed is never touched.

    If the course was installed as a package, the first start copies notebooks/ into the current folder. A later
    version renews the copy, except for the notebooks that you have changed.

    The command works as root, without a browser (it prints the address to open), and if the port is in use (it takes
    the next free one).
    """
    from raft_steps.lab.course.course_folder import prepare_course
    from raft_steps.lab.course.jupyterlab import launch

    place, copied = prepare_course(folder)
    learner = edition == "learner"
    status = launch(place, copied, learner=learner, port=port, browser=browser, options=options, print_line=click.echo)
    ctx.exit(WRONG_INPUT if status else 0)  # JupyterLab's 1 is not a verdict.


@click.command()
@click.argument("notebooks", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--jobs", type=COUNT, default=2, show_default=True, help="How many notebooks to run at a time.")
@click.option(
    "--check", "only_check", is_flag=True, help="Write nothing; the exit status is 1 if something would change."
)
@click.option(
    "--without", multiple=True, type=click.Choice(NEEDS),
    help="Leave out the notebooks that need this, for machines that lack it.",
)  # fmt: skip
@folder_option
@click.pass_context
def refresh(
    ctx: click.Context,
    *,
    notebooks: tuple[Path, ...],
    jobs: int,
    only_check: bool,
    without: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Run all notebooks again and store their outputs.

    A second run changes nothing. A notebook with a cell that fails is reported and not changed.
    """
    from raft_steps.lab.course.course_folder import find_course
    from raft_steps.lab.course.notebooks import notebooks_of, refresh

    course = None if notebooks else find_course(folder)
    if course is not None and course.is_packaged and not only_check:
        raise CommandError(
            "there is no course in this folder, and the notebooks of the installed package are not changed; "
            "raft-steps lab copies them here, or try them with --check"
        )
    paths = notebooks_of(course.notebooks, without) if course is not None else list(notebooks)
    done = 0
    with Progress("notebooks", len(paths)) as progress:

        def count(_outcome: object) -> None:
            nonlocal done
            done += 1
            progress(done)

        outcomes = refresh(paths, jobs=jobs, write=not only_check, progress=count)
    for outcome in outcomes:
        if not outcome.failure:
            click.echo(
                f"{outcome.path.name}: {('would change' if only_check else 'refreshed') if outcome.changed else 'unchanged'}"
            )
    failures = [outcome.failure for outcome in outcomes if outcome.failure]
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    ctx.exit(FAILED if failures or (only_check and any(outcome.changed for outcome in outcomes)) else 0)


@click.command()
@json_option
def progress(as_json: bool) -> None:
    """Show which steps pass in your own notebooks, my_course, and what comes next.

    Only what is saved counts. The exit status is 0, however far you are.
    """
    from raft_steps.lab.course.progress import progress as measure

    with Progress("your steps", len(STEPS)) as bar:
        found = measure(bar)
    if as_json:
        echo_json(found.as_data())
    else:
        echo(found)


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--steps", "text", metavar="STEPS", help="Which steps: 6, 5-8, or 1,5-8. [default: all]")
@click.option(
    "--flat",
    is_flag=True,
    help="Make one folder with only the notebooks, for learners who have the course installed.",
)
@click.option("--nbgrader", "for_nbgrader", is_flag=True, help="Make a course directory for nbgrader.")
@click.option("--classroom", is_flag=True, help="Add a workflow for GitHub Classroom to each folder.")
@click.option("--gradescope", is_flag=True, help="Make the zip file of a Gradescope autograder for each exercise.")
@click.option(
    "--private-seeds",
    "secret",
    metavar="FILE|SECRET",
    help="With --nbgrader or --gradescope: a secret, or a file with one; hidden tests run seeds that are derived from it.",
)
@click.option("--force", is_flag=True, help="Overwrite files that were changed since an earlier release.")
@folder_option
def release(
    out: Path,
    *,
    text: str | None,
    flat: bool,
    for_nbgrader: bool,
    classroom: bool,
    gradescope: bool,
    secret: str | None,
    force: bool,
    folder: Path | None,
) -> None:
    """Make a folder for each notebook, to be handed out to students.

    Each folder is complete. It has the notebook without its solution, a package with the steps before it and no other,
    a list of what to install, and a page for students. Notebook 00 is in each.

    The folders are written into OUT, which must be empty or hold an earlier release without changes. In a course
    directory for nbgrader, nbgrader's own files are kept.
    """
    from raft_steps.lab.course.course_folder import find_course
    from raft_steps.lab.course.handouts import release_handouts
    from raft_steps.lab.course.learner_edition import parse_steps
    from raft_steps.lab.course.learner_edition import release as release_flat
    from raft_steps.lab.course.nbgrader_course import release_for_nbgrader
    from raft_steps.lab.course.platforms import classroom_files, release_autograders

    place = find_course(folder)
    if not place.is_full:
        raise CommandError(f"{place.notebooks} is a student edition itself; releases are made from the course")
    if flat + for_nbgrader + classroom + gradescope > 1:
        raise CommandError("a release is only one of --flat, --nbgrader, --classroom and --gradescope")
    if secret is not None and not (for_nbgrader or gradescope):
        raise CommandError("--private-seeds needs --nbgrader or --gradescope; else give them to raft-steps grade")
    steps = parse_steps(text) if text is not None else None
    if for_nbgrader:
        result = release_for_nbgrader(place.notebooks, out, steps, secret=secret, force=force)
    elif gradescope:
        result = release_autograders(place.notebooks, out, steps, secret=secret, force=force)
    elif flat:
        result = release_flat(place.notebooks, out, steps, force=force)
    else:
        more = classroom_files if classroom else None
        result = release_handouts(place.notebooks, out, steps, force=force, more=more)
    _print_release(result)


def _print_release(result: Release) -> None:
    """Print the files that were written and removed; those of the package are only counted."""
    for done, names in (("wrote", result.written), ("removed", result.removed)):
        shown = [name for name in names if "/raft_steps/" not in name]
        for name in shown:
            click.echo(f"{done} {result.folder / name}")
        if others := len(names) - len(shown):
            click.echo(f"{done} {others} files of the package")
    if not result.written and not result.removed:
        click.echo(f"{result.folder} is up to date")
    for warning in result.warnings:
        click.echo(f"Warning: {warning}", err=True)
