"""The options of `grade` that are about a class: its list of students, its grade book, its dates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from raft_steps.lab.cli.common import CommandError
from raft_steps.lab.text import join_names, plural, printable

if TYPE_CHECKING:
    from raft_steps.lab.grading.roster import Roster
    from raft_steps.lab.grading.run import GradingSettings
    from raft_steps.lab.grading.submissions import Submission

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN_MAX = 10
OPTIONS = (
    click.option("--roster", type=FILE, help="The students of the course (CSV): everyone gets a row."),
    click.option("--canvas", type=FILE, help="A grade book exported from Canvas: OUT/canvas.csv gets the scores."),
    click.option("--moodle", type=FILE, help="A grading worksheet or grade book exported from Moodle, likewise."),
    click.option("--column", help="The column of the grade book; by default the one that names the step."),
    click.option("--due", metavar="TIME", help="When it was due, such as 2026-12-01T23:59: counts days late. [UTC]"),
    click.option(
        "--attempts", type=click.Choice(("last", "best")), default="last", show_default=True,
        help="Which counts of several attempts of one student.",
    ),
    click.option(
        "--results", type=click.Path(dir_okay=False, path_type=Path),
        help="Write results.json for Gradescope; the argument is one submission, a file or a folder.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFiles:
    """The files and dates of a class; see `OPTIONS`."""

    roster: Path | None
    canvas: Path | None
    moodle: Path | None
    column: str | None
    due: str | None
    attempts: str
    results: Path | None

    @property
    def books(self) -> dict[str, Path]:
        """The grade books, by the names of the platforms."""
        return {name: path for name, path in (("canvas", self.canvas), ("moodle", self.moodle)) if path is not None}

    def read_roster(self) -> Roster | None:
        """Return the students: those of the roster, or of a grade book if there is no roster."""
        from raft_steps.lab.grading.roster import Roster

        self._due_time()  # A wrong one is an error before anything is graded.
        path = next((each for each in (self.roster, *self.books.values()) if each is not None), None)
        return Roster.read(path) if path is not None else None

    def rows(self, found: Sequence[Submission], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a row for each student."""
        from raft_steps.lab.grading.attempts import rows_of

        return rows_of(found, results, best=self.attempts == "best", due=self._due_time())

    def _due_time(self) -> datetime | None:
        """Return when the submissions were due."""
        if self.due is None:
            return None
        try:
            time = datetime.fromisoformat(self.due)
        except ValueError as error:
            raise CommandError(
                f"--due is {self.due!r}; write a time as 2026-12-01T23:59 or 2026-12-01T23:59+01:00"
            ) from error
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)

    def write(
        self, settings: GradingSettings, found: Sequence[Submission], rows: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Write what the class's platform wants, and return sentences about it; report who is in no list."""
        from raft_steps.lab.files import replace_file
        from raft_steps.lab.grading.gradescope import results_json
        from raft_steps.lab.grading.scheme import read_scheme

        if self.roster is not None or self.books:
            self._report_strangers(found)
        if self.results is not None:
            if settings.mutants:
                raise CommandError("--results is for Nodes, not for --find-the-bug")
            if len(rows) != 1:
                raise CommandError(f"--results is for one submission, and there are {len(rows)}")
            scheme = read_scheme(settings.step, settings.scheme)
            replace_file(self.results, results_json(rows[0], scheme).encode("utf-8", "replace"))
        return self._fill_books(settings.out, settings.step, found, rows)

    def _fill_books(
        self, out: Path, step: int, found: Sequence[Submission], rows: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Write the grade books with the scores into the folder; return sentences about them."""
        from raft_steps.lab.files import replace_file
        from raft_steps.lab.grading.downloads import HandedIn
        from raft_steps.lab.grading.gradebook import fill_gradebook
        from raft_steps.lab.grading.roster import Roster
        from raft_steps.lab.grading.submissions import NOTHING

        words = []
        people = {each.person: each for each in found if each.path is not None or each.problem != NOTHING}
        for name, path in self.books.items():
            book, scores, strangers = Roster.read(path), dict[int, float](), list[str]()
            for row in rows:
                person = people.get(row["student"])
                if person is None or not row.get("judged", True):
                    continue
                entry, _ = book.match(HandedIn(person.person, person.ids))
                if entry is None:
                    strangers.append(row["student"])
                else:
                    scores[entry] = row["score"]
            content, count = fill_gradebook(book, scores, step, self.column)
            replace_file(out / f"{name}.csv", content)
            words.append(f"{out / f'{name}.csv'} has the scores of {plural(count, 'student')}.")
            if strangers:
                words.append(f"Not in {printable(path.name)}: {_some(strangers)}.")
        return words

    def _report_strangers(self, found: Sequence[Submission]) -> None:
        """Print who has handed in and is not in the roster, on standard error."""
        strangers = list(dict.fromkeys(each.person for each in found if each.entry is None))
        if strangers:
            where = next(each for each in (self.roster, *self.books.values()) if each is not None)
            words = (
                f"{plural(len(strangers), 'submission')} of nobody in {printable(where.name)}, at the end of the table"
            )
            click.echo(f"Warning: {words}: {_some(strangers)}", err=True)


def class_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets them as one argument, `files`."""

    @functools.wraps(command)
    def with_files(**given: Any) -> None:
        own = {name: given.pop(name) for name in ClassFiles.__dataclass_fields__}
        command(**given, files=ClassFiles(**own))

    for option in reversed(OPTIONS):
        with_files = option(with_files)
    return with_files


def _some(names: Sequence[str]) -> str:
    shown = list(names[:SHOWN_MAX])
    return join_names([*shown, f"{len(names) - SHOWN_MAX} more"] if len(names) > SHOWN_MAX else shown)
