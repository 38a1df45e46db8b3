"""Grade books of Canvas and Moodle: scores are filled in, and every other byte stays as it is."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from raft_steps.lab.grading.csv_cells import TableError, read_table
from raft_steps.lab.grading.gradebook import fill_gradebook
from raft_steps.lab.grading.roster import Roster
from tests.grading.submissions import step_06

# The columns and rows of an export of Canvas: a row about posting, the points possible, a test student, read-only columns.
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Quiz 1 (8001),Step 6: term checks (8002),Step 16 (8003),Current Score\r\n"
    ",,,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,10.00,20.00,,(read only)\r\n"
    '"Smith, Ann",4711,S1,asmith,"A ""1""",8.00,,,80\r\n'
    '"Müller, Jürgen",4712,S2,jm,B, 7.5 ,"3.00",,75\r\n'
    "=cmd|'/C calc'!A0,4713,S3,calc,B,,,,\r\n"
    '"Student, Test",4799,,test,B,,,,\r\n'
).encode()
# An offline grading worksheet of Moodle.
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission),"
    "Last modified (grade),Feedback comments\n"
    'Participant 12345,Ann Smith,ann@example.edu,"Submitted for grading",,"10,00",Yes,"Monday, 30 November 2026",-,\n'
    'Participant 12346,Jürgen Müller,j@example.edu,Submitted,,100.00,Yes,-,-,"two\nlines"\n'
    "Participant 12347,Carl Roe,c@example.edu,Submitted,5.00,100.00,No,-,-,"
).encode()
# A grade book of Moodle, as plain text.
MOODLE_BOOK = b"First name\tLast name\tID number\tEmail address\tAssignment: Step 06 (Real)\nAnn\tSmith\t77\ta@b\t-\n"


def filled(tmp_path: Path, content: bytes, scores: dict[int, float], column: str | None = None) -> bytes:
    """Return a grade book with scores."""
    (tmp_path / "book.csv").write_bytes(content)
    return fill_gradebook(Roster.read(tmp_path / "book.csv"), scores, 6, column)[0]


def test_canvas_gets_scores_out_of_its_points(tmp_path: Path) -> None:
    """Two cells change; the mark of byte order, line ends, quotation marks and blanks stay."""
    expected = CANVAS.replace(b",8.00,,,80", b",8.00,20.00,,80").replace(b'"3.00"', b'"16.50"')

    assert expected == filled(tmp_path, CANVAS, {0: 100, 1: 82.5})
    assert CANVAS == filled(tmp_path, CANVAS, {})
    assert b",60.00,75" in filled(tmp_path, CANVAS, {1: 60}, "step 16")


def test_moodle_gets_scores_out_of_its_maximum(tmp_path: Path) -> None:
    """With its decimal comma, in quotation marks then; what may not be changed is not."""
    expected = MOODLE.replace(b'grading",,', b'grading","8,25",').replace(b"Submitted,,", b"Submitted,60.00,")

    assert expected == filled(tmp_path, MOODLE, {0: 82.5, 1: 60, 2: 100})
    assert MOODLE_BOOK.replace(b"\t-", b"\t82.50") == filled(tmp_path, MOODLE_BOOK, {0: 82.5})


@pytest.mark.parametrize("column", [None, "Step 7", "Current"])
def test_column_must_be_clear(tmp_path: Path, column: str | None) -> None:
    """The error lists the columns."""
    with pytest.raises(TableError, match=re.escape("'Quiz 1 (8001)'")):
        filled(tmp_path, CANVAS.replace(b"Step 6:", b"Paxos"), {0: 1}, column)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2",
        'a,"b\nc"\r\n"1""2",\r\n',
        "a;b\n1,5;2\n",
        "a\n\n\nb\n",
        '"a"x,b\n',
        "a,\n,\n",
        "\ufeff\na\n",
    ],
)
def test_cells_are_where_they_are_said_to_be(tmp_path: Path, text: str) -> None:
    """The values are those of Python's module, and nothing changes if each cell is replaced by itself."""
    (tmp_path / "x.csv").write_bytes(text.encode())
    table = read_table(tmp_path / "x.csv")
    plain = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=table.delimiter)

    assert [row for row in plain if any(row)] == [[cell.value for cell in row] for row in table.rows]
    assert text.encode() == table.replaced({})


def test_open_quotation_mark_is_an_error(tmp_path: Path) -> None:
    """Whatever follows would be taken for one cell."""
    with pytest.raises(TableError, match=r"book\.csv is not CSV: a quotation mark is not closed"):
        filled(tmp_path, b'Name,ID\n"Ann,1\nBob,2\n', {})


@pytest.mark.slow
def test_a_class_from_download_to_grade_book(tmp_path: Path) -> None:
    """Everyone has a row, attempts and days late are columns, no cell is a formula, and the grade book is filled."""
    for folder, files in {
        "first": {"smithann_LATE_4711_1_06_term_checks.ipynb": step_06.RIGHT_NOTEBOOK},
        "second": {
            "smithann_4711_2_06_term_checks-1.ipynb": "",
            "roecarl_5000_3_x.py": "",
        },
    }.items():
        (tmp_path / folder).mkdir()
        for name, content in files.items():
            (tmp_path / folder / name).write_text(content, encoding="utf-8")
    (tmp_path / "book.csv").write_bytes(CANVAS)
    arguments = ["grade", str(tmp_path / "first"), str(tmp_path / "second"), "--step", "6", "--seeds", "1"]
    arguments += ["--canvas", str(tmp_path / "book.csv"), "--out", str(tmp_path / "out"), "--attempts"]

    best, last = (CliRunner().invoke(main, [*arguments, which]) for which in ("best", "last"))

    assert (0, 0) == (best.exit_code, last.exit_code), best.output
    assert "1 submission of nobody in book.csv, at the end of the table: roecarl" in best.stderr
    assert "100.0  Smith, Ann" in best.output
    assert "  0.0  Smith, Ann" in last.output
    with (tmp_path / "out" / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert ["Smith, Ann", "Müller, Jürgen", "'=cmd|'/C calc'!A0", "roecarl"] == list(rows)
    assert ("2", "100.0", "") == tuple(rows["Smith, Ann"][name] for name in ("attempts", "best", "days late"))
    assert CANVAS.replace(b",8.00,,,80", b",8.00,0.00,,80") == (tmp_path / "out" / "canvas.csv").read_bytes()
    data = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert "Nothing was handed in that can be graded." == data[1]["sentence"]
