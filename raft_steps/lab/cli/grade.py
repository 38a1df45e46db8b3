"""The command `grade`, which grades what students hand in."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raft_steps import step
from raft_steps.lab.cli.common import COUNT, CommandError, Progress, echo_json, json_option
from raft_steps.lab.cli.grade_class import ClassFiles, class_options
from raft_steps.lab.files import read_text, write_text
from raft_steps.lab.text import printable

if TYPE_CHECKING:
    from raft_steps.lab.grading.submissions import Submission
    from raft_steps.lab.grading.wall import Wall

EMPTY = "the secret for private seeds is empty"


@click.command()
@click.argument("submissions", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--step", "number", type=int, required=True, help="The step that was assigned.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("grades"), show_default=True,
              help="The folder for scores and pages, and for the results of earlier runs.")  # fmt: skip
@click.option(
    "--private-seeds",
    "secret",
    metavar="FILE|SECRET",
    help="A secret, or a file with one, from which all that is private is drawn.",
)
@click.option("--seeds", type=COUNT, default=6, show_default=True, help="How many private seeds.")
@click.option("--scheme", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with your own points and weights (TOML).")  # fmt: skip
@click.option("--reveal", is_flag=True, help="Show on the pages what was private: for when no submission can follow.")
@click.option("--class", "class_name", default="Node", show_default=True, help="The name of the Node class.")
@click.option(
    "--find-the-bug", "hunting", is_flag=True, help="Grade scenarios (.txt) by the wrong Nodes that they find."
)
@click.option("--mutants", type=click.Path(exists=True, path_type=Path),
              help="Your own wrong Nodes, a module or a folder, for --find-the-bug.")  # fmt: skip
@click.option(
    "--workers",
    type=COUNT,
    help="How many submissions to grade at a time. [default: one for each core]",
)
@click.option("--container", type=click.Choice(("docker", "podman")),
              help="Run each submission in a container, instead of behind bubblewrap.")  # fmt: skip
@click.option(
    "--no-sandbox", is_flag=True, help="Run submissions without a wall: as you, or as nobody if you are root."
)
@class_options
@json_option
def grade(
    submissions: tuple[Path, ...],
    *,
    number: int,
    out: Path,
    secret: str | None,
    seeds: int,
    scheme: Path | None,
    reveal: bool,
    class_name: str,
    hunting: bool,
    mutants: Path | None,
    workers: int | None,
    container: str | None,
    no_sandbox: bool,
    as_json: bool,
    files: ClassFiles,
) -> None:
    """Grade the notebooks or modules of students, one file or folder for each student, or a platform's download.

    \b
    raft-steps grade handed_in/ --step 6 --private-seeds seeds.txt
    raft-steps grade submissions.zip --step 6 --canvas gradebook.csv
    raft-steps grade handed_in/ --step 12 --find-the-bug

    Downloads of Canvas, Moodle and Gradescope may be folders or zip files, as they come. The command writes scores.csv,
    scores.json and a page for each student. What was graded before and has not changed is not graded again. Without
    --private-seeds, the secret is drawn at random once and stored in the folder.

    The code of a submission runs behind bubblewrap or in a container, without network, and sees none of your files.
    With --find-the-bug, each student hands in scenarios, separated by lines of ---. The score is the share of wrong
    Nodes in which they break a promise, without a false alarm in the correct one.
    """  # noqa: D301  # click's own mark for lines that it shall not wrap
    from raft_steps.lab.grading.run import GradingSettings
    from raft_steps.lab.grading.run import grade as run_grading
    from raft_steps.lab.grading.scores import write_scores

    step(number)  # An edition without this step has nothing to compare the submissions with.
    if not class_name.isidentifier():
        raise CommandError(f"{class_name!r} is not the name of a class")
    found = _find(submissions, number, out, files, hunting=hunting, mutants=mutants)
    out.mkdir(parents=True, exist_ok=True)
    made_of = _secret(secret, out)
    settings = GradingSettings(
        step=number,
        out=out,
        secret=made_of,
        seeds=seeds,
        scheme=scheme,
        reveal=reveal,
        wall=_wall(container, no_sandbox=no_sandbox or hunting),
        class_name=class_name,
        workers=workers or os.cpu_count() or 1,
        mutants=_mutants(mutants, number, out, made_of) if hunting else (),
    )
    with Progress(f"step {number}", len(found)) as progress:
        results = files.rows(found, run_grading(settings, found, progress))
    _report(number, results, write_scores(out, results), files.write(settings, found, results), as_json=as_json)
    if failed := _not_judged(results):
        raise CommandError(f"not judged: {', '.join(failed)}; the reasons are above, and grade tries again next time")


def _find(
    paths: tuple[Path, ...], number: int, out: Path, files: ClassFiles, *, hunting: bool, mutants: Path | None
) -> list[Submission]:
    """Return what was handed in; nothing at all is an error, and so are mutants without a hunt."""
    from raft_steps.lab.grading.submissions import NOTHING, SUFFIXES, TEXTS, find_submissions

    if mutants is not None and not hunting:
        raise CommandError("--mutants are for --find-the-bug")
    suffixes, roster = TEXTS if hunting else SUFFIXES, files.read_roster()
    found = find_submissions(paths, number, suffixes, out, roster, of_one=files.results is not None)
    if all(each.entry is not None and each.problem == NOTHING for each in found):
        raise CommandError("nothing was handed in: the folder is empty")
    return found


def _wall(kind: str | None, *, no_sandbox: bool) -> Wall:
    """Return what is around the process of each submission. The tests of find-the-bug are data, and need no wall."""
    from raft_steps.lab.grading.wall import find_wall, start_container, without_wall

    if no_sandbox:
        return without_wall()
    return start_container(kind) if kind is not None else find_wall()


def _report(
    step: int, results: Sequence[Mapping[str, Any]], tables: tuple[Path, Path], notes: Sequence[str], *, as_json: bool
) -> None:
    """Print the scores, where the tables are, and what else was written."""
    table, data = tables
    if as_json:
        scores = {each["student"]: each["score"] for each in results if each.get("judged", True)}
        echo_json({"step": step, "scores": str(table), "students": scores, "not_judged": _not_judged(results)})
        return
    for each in results:
        score = f"{each['score']:>6.1f}" if each.get("judged", True) else "     ?"
        click.echo(printable(f"{score}  {each['student']}: {each['sentence']}"))
    click.echo(f"{len(results)} graded; see {table}, {data} and {table.parent / 'pages'}.")
    for note in notes:
        click.echo(note)


def _not_judged(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the students whose submissions could not be judged."""
    return [each["student"] for each in results if not each.get("judged", True)]


def _secret(given: str | None, out: Path) -> str:
    """Return the secret for the private seeds; one that is drawn at random is stored for the next run."""
    if given is not None:
        return _given_secret(given)
    kept = out / "private_seeds.txt"
    if not kept.is_file():
        write_text(kept, secrets.token_hex(16) + "\n")
    return read_text(kept, "a secret").strip()


def _given_secret(given: str) -> str:
    """Return the secret in a file, or the argument itself; what looks like the path of a missing file is refused."""
    path, secret = Path(given), given
    if not given:
        raise CommandError(EMPTY)
    if os.path.isfile(given):  # noqa: PTH113  # For a sentence that is too long for a path, Path.is_file raises.
        secret = read_text(path, "a secret")
    elif " " not in given and (path.suffix or len(path.parts) > 1 or path.is_dir()):
        raise CommandError(f"there is no file {given}; write your secret into it, or pass a secret of several words")
    if not secret.strip():
        raise CommandError(EMPTY)
    return secret.strip()


def _mutants(given: Path | None, step: int, out: Path, secret: str) -> tuple[str, ...]:
    """Return the wrong Nodes: an instructor's own, or a set that is generated once and stored with the scores."""
    from raft_steps.lab.grading.mutants import own_mutants, write_mutants
    from raft_steps.lab.grading.run import grader_version

    if given is not None:
        own = own_mutants(given)
        if not own:
            raise CommandError(f"{given} defines no Node")
        return tuple(own)
    version = hashlib.sha256(f"{grader_version()} {secret}".encode()).hexdigest()
    folder = out / f"mutants-{step:02}-{version[:12]}"
    done = folder / "done"
    if not done.is_file():
        with Progress("making mutants", 100) as progress:
            write_mutants(folder, step, secret, lambda number, of: progress(100 * number // of))
        write_text(done, "")
    made = tuple(f"{path.absolute()}:Node" for path in sorted(folder.glob("mutant_*.py")))
    if not made:
        raise CommandError(
            f"no wrong Node of step {step} can be generated that breaks a promise; pass your own with --mutants"
        )
    return made
