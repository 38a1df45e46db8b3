"""Fills a column of a grade book that Canvas or Moodle exports, so that it can be imported again.

Only the cells of students who have a score are changed: whose submission could not be judged, who handed in nothing or
is not in the grade book keeps what is there, and so does every other byte of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from raft_steps.lab.grading.csv_cells import Table, TableError
from raft_steps.lab.grading.roster import Roster

POINTS_POSSIBLE = "points possible"  # Canvas's second or third row
MAXIMUM, GRADE, MAY_CHANGE = "maximum grade", "grade", "grade can be changed"  # Moodle's grading worksheet
FULL_SCORE = 100.0


def fill_gradebook(
    roster: Roster, scores: Mapping[int, float], step: int, column: str | None = None
) -> tuple[bytes, int]:
    """Return a grade book with scores filled in, and in how many rows.

    Args:
        roster: The grade book.
        scores: The scores, from 0 to 100, by the places of the students in it.
        step: The step, for whose assignment there should be a column.
        column: The title of the column, with or without the number that Canvas adds to it; None to look for it.

    Raises:
        TableError: It is not clear which column is meant.
    """
    table = roster.table
    place = _column(table, step, column)
    titles = [title.casefold() for title in table.header]
    is_worksheet = titles[place] == GRADE and MAXIMUM in titles
    possible = next((row for row in table.rows[1:4] if POINTS_POSSIBLE in table.value(row, 0).casefold()), None)
    values = {}
    for entry, score in scores.items():
        row = roster.students[entry].row
        if place >= len(row) or (is_worksheet and _is_locked(table, row)):
            continue
        text = table.value(row, titles.index(MAXIMUM)) if is_worksheet else ""
        if not is_worksheet and possible is not None:
            text = table.value(possible, place)
        values[row[place]] = _number(score, text)
    return table.replaced(values), len(values)


def _column(table: Table, step: int, wanted: str | None) -> int:
    """Return the place of the column for the scores."""
    titles = [_plain(title) for title in table.header]
    if wanted is not None:
        places = [place for place, title in enumerate(titles) if _plain(wanted) == title]
        places = places or [place for place, title in enumerate(table.header) if wanted.strip() == title]
        if len(places) != 1:
            raise TableError(f"{table.name} has {len(places) or 'no'} columns {wanted!r}; it has {_list(table)}")
        return places[0]
    if GRADE in titles and MAXIMUM in titles:
        return titles.index(GRADE)
    found = [place for place, title in enumerate(titles) if re.search(rf"step[ _-]*0*{step}(?![0-9a-z])", title)]
    if len(found) != 1:
        raise TableError(
            f"{table.name}: which column is for step {step}? Name it with --column; there are {_list(table)}"
        )
    return found[0]


def _plain(title: str) -> str:
    """Return a title as it was written, without Canvas's number and Moodle's kind of grade."""
    title = re.sub(r"\s*\((?:\d+|real)\)$", "", title.strip(), flags=re.IGNORECASE)
    return re.sub(r"^assignment:\s*", "", title.casefold())


def _list(table: Table) -> str:
    return ", ".join(repr(title) for title in table.header if title)


def _is_locked(table: Table, row: Any) -> bool:
    titles = [title.casefold() for title in table.header]
    place = titles.index(MAY_CHANGE) if MAY_CHANGE in titles else None
    return table.value(row, place).casefold() == "no"


def _number(score: float, possible: str) -> str:
    """Return a score out of the highest possible number, with as many places after the same mark."""
    try:
        most = float(possible.replace(",", "."))
    except ValueError:
        most = FULL_SCORE
    text = f"{score * most / FULL_SCORE:.2f}"
    return text.replace(".", ",") if "," in possible else text
