"""The students of a course, from a CSV file, and who of them has handed something in.

The file may be an instructor's own, or what Canvas, Moodle, Gradescope or GitHub Classroom export: it needs columns with
known titles for a name or something else that identifies a student. Nobody is guessed: an item belongs to a student if
one of its numbers, logins or addresses is the student's, or else if its name is that of exactly one student.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from raft_steps.lab.grading.csv_cells import Cell, Table, TableError, read_table
from raft_steps.lab.text import printable

if TYPE_CHECKING:
    from raft_steps.lab.grading.downloads import HandedIn

NAMES = ("student", "name", "full name", "student name", "display name")
FIRST = ("first name", "given name", "given names", "first")
LAST = ("last name", "surname", "family name", "last")
IDS = (
    "id", "sis user id", "sis login id", "login id", "integration id", "id number", "student id", "student number", "sid",
    "uid", "user id", "username", "user name", "login", "netid", "net id", "email", "e-mail", "email address",
    "identifier", "github username", "github id", "roster identifier",
)  # fmt: skip
PARTICIPANT = re.compile(r"\D+ (\d+)")  # Moodle's identifier, in any language
NOT_STUDENTS = ("points possible", "student, test")  # rows of a grade book of Canvas


@dataclass(frozen=True, slots=True)
class Student:
    """A row of a roster.

    Attributes:
        name: The name.
        number: The first of what else identifies the student; "" if there is nothing.
        ids: Numbers, logins and addresses, in lower case.
        forms: The name as it may be written elsewhere, without anything but letters and digits.
        row: The row of the table.
    """

    name: str
    number: str
    ids: frozenset[str]
    forms: frozenset[str]
    row: list[Cell] = field(hash=False)


class Roster:
    """The students of a course.

    Attributes:
        table: The table that they are from.
        students: The students, in its order.
    """

    def __init__(self, table: Table) -> None:
        """Read the students from a table.

        Raises:
            TableError: No column identifies a student, or there is no student.
        """
        self.table = table
        titles = [re.sub(r"[_\s]+", " ", title).casefold() for title in table.header]
        names, ids = _columns(titles, NAMES)[:1], _columns(titles, IDS)
        parts = _columns(titles, FIRST)[:1], _columns(titles, LAST)[:1]
        if not names and not ids and not all(parts):
            known = "Student, Name, First name and Last name, ID, Username, Email address"
            raise TableError(
                f"{table.name} has no column that identifies a student; known titles are {known}, among others"
            )
        self.students = []
        for row in table.rows[1:]:
            name = " ".join(filter(None, (table.value(row, column) for column in names or [*parts[0], *parts[1]])))
            found = [value for column in ids if (value := table.value(row, column))]
            if (name or found) and not name.casefold().startswith(NOT_STUDENTS):
                self.students.append(Student(name or found[0], next(iter(found), ""), _ids(found), _forms(name), row))
        if not self.students:
            raise TableError(f"{table.name} has no student")
        self._names = _unique_names(self.students)

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Read a roster from a file."""
        return cls(read_table(path))

    def names(self) -> list[str]:
        """Return the names of all students, each of them once; where two are equal, an identifier is added."""
        return self._names

    def ids(self, place: int) -> tuple[str, ...]:
        """Return what identifies a student besides the name."""
        return tuple(sorted(self.students[place].ids))

    def match(self, item: HandedIn) -> tuple[int | None, str]:
        """Return the place of the student whose item this is, or None and why, as a sentence."""
        own = {each.casefold() for each in (*item.ids, item.name)}
        places = [place for place, each in enumerate(self.students) if own & each.ids]
        if not places:
            name = _folded(item.name)
            places = [place for place, each in enumerate(self.students) if name and name in each.forms]
        if len(places) == 1:
            return places[0], ""
        if not places:
            return None, f"Nobody in {self.table.name} has this name or number."
        return (
            None,
            f"{len(places)} students in {self.table.name} have this name, and nothing says which of them it is.",
        )


def _columns(titles: list[str], known: Iterable[str]) -> list[int]:
    return [titles.index(each) for each in known if each in titles]


def _ids(values: Iterable[str]) -> frozenset[str]:
    plain = [each.casefold() for each in values]
    return frozenset([*plain, *(match[1] for each in plain if (match := PARTICIPANT.fullmatch(each)))])


def _forms(name: str) -> frozenset[str]:
    """Return the forms of a name: as it is, and with the last word, or what follows the comma, first."""
    last, comma, first = name.partition(",")
    words = name.split()
    other = f"{first} {last}" if comma else " ".join([*words[-1:], *words[:-1]])
    return frozenset({_folded(name), _folded(other)} - {""})


def _folded(name: str) -> str:
    """Return a name's letters and digits, without case, whatever form of Unicode they are in."""
    return "".join(each for each in unicodedata.normalize("NFKC", name).casefold() if each.isalnum())


def _unique_names(students: list[Student]) -> list[str]:
    names = [printable(each.name) for each in students]
    count, used, found = Counter(names), set[str](), []
    for name, each in zip(names, students, strict=True):
        plain = printable(f"{name} ({each.number})") if count[name] > 1 and each.number else name
        unique, number = plain, 2
        while unique in used:
            unique, number = f"{plain} ({number})", number + 1
        used.add(unique)
        found.append(unique)
    return found
