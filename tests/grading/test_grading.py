"""The grader: every submission gets a score and a sentence, and no submission gets undeserved points."""

import base64
import csv
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.checks import checks_of
from raft_steps.lab.grading import package_copy, worker_process
from raft_steps.lab.grading import run as grading_run
from raft_steps.lab.grading.private_draws import private_seeds
from raft_steps.lab.grading.run import GradingSettings, grade
from raft_steps.lab.grading.scores import as_csv, replace_text, write_scores
from raft_steps.lab.grading.student_page import student_page
from raft_steps.lab.grading.submissions import Submission, find_submissions
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.text import printable
from tests.grading.submissions import hostile, step_06
from tests.grading.walls import real_wall, usable_wall

MADE_OF = "a secret of the test's own"
SEEDS = private_seeds(MADE_OF, 2)
HONEST: dict[str, str | bytes] = {
    "right.py": step_06.RIGHT,
    "right_notebook.ipynb": step_06.RIGHT_NOTEBOOK,
    "leader_stays.py": step_06.LEADER_STAYS,
    "own_term_refused.py": step_06.OWN_TERM_REFUSED,
    "not_written.py": step_06.NOT_WRITTEN,
    "untouched.py": step_06.UNTOUCHED,
}


def put(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write the submissions of students."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Halve the time that judges wait for an endless loop."""

    def copy(folder: Path, step: int) -> None:
        package_copy.copy_package(folder, step)
        guard = folder / "raft_steps" / "lab" / "runtime" / "watchdog.py"
        text, count = re.subn(r"^TICK = 0\.2\b", "TICK = 0.1", guard.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert 1 == count
        guard.write_text(text, encoding="utf-8")
        package_copy.compile_file(guard)

    begin = f"from raft_steps.lab.grading import worker_process; worker_process.LOOP_S = {worker_process.LOOP_S / 2}; "
    path, rest = grading_run.START.split("from ", 1)
    patch.setattr(grading_run, "START", f"{path}{begin}from {rest}")
    patch.setattr(grading_run, "copy_package", copy)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Grade all submissions at once, with separate temporary folders, so that a test finds what is left in them."""
    place = tmp_path_factory.mktemp("grading")
    own = place / "temporary"
    own.mkdir()
    put(place / "handed_in", HONEST | {f"{each.name}{each.suffix}": each.content for each in hostile.ALL})
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        patch.setenv("TMPDIR", str(own))
        patch.setattr(tempfile, "tempdir", str(own))
        grading = GradingSettings(step=6, out=place / "grades", secret=MADE_OF, seeds=2, wall=real_wall())
        results = grade(grading, find_submissions([place / "handed_in"], 6))
    return {
        "place": place,
        "temporary": own,
        "grading": grading,
        "results": {each["student"]: each for each in results},
    }


@pytest.mark.slow
@pytest.mark.parametrize("each", hostile.ALL, ids=lambda each: each.name)
def test_hostile_submission_gets_what_it_earns(graded: dict[str, Any], each: hostile.Hostile) -> None:
    """It gets a score that it deserves, a sentence and a page."""
    result = graded["results"][each.name]

    assert each.least <= result["score"] <= each.most, result
    assert result["sentence"], result
    assert each.says in f"{result['sentence']} {' '.join(result['remarks'])}", result
    assert graded["grading"].page_of(Submission(each.name, None)).is_file()


@pytest.mark.slow
def test_nothing_is_left_running(graded: dict[str, Any]) -> None:
    """After a grading no process uses its folders, and its temporary folders are gone."""
    mark = str(graded["temporary"]).encode()
    running = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            at, command = (path / "cwd").readlink(), (path / "cmdline").read_bytes()
        except OSError:
            continue
        if mark in command or mark in str(at).encode() or hostile.MARK.encode() in command:
            running.append(command)

    assert [] == running
    assert [] == list(graded["temporary"].iterdir())


@pytest.mark.slow
def test_honest_submissions_are_in_order_of_merit(graded: dict[str, Any]) -> None:
    """A right notebook or module has all points, a nearly right one fewer, and an unwritten one none."""
    scores = {Path(name).stem: graded["results"][Path(name).stem]["score"] for name in HONEST}

    assert 100 == scores["right"] == scores["right_notebook"]
    assert 100 > scores["leader_stays"] > scores["own_term_refused"] > 0
    assert 0 == scores["not_written"] == scores["untouched"]


@pytest.mark.slow
def test_page_has_rule_picture_and_command(graded: dict[str, Any]) -> None:
    """A failure has its rule, its picture and a command to repeat it; the page loads nothing and runs no script."""
    page = graded["grading"].page_of(Submission("leader_stays", None)).read_text(encoding="utf-8")

    rule = next(each for each in checks_of(6) if each.name == "a term at least as new deposes a leader")
    assert rule.rule in page
    assert 'src="data:image/svg+xml' in page
    assert "raft-steps check 6 --node leader_stays.py" in page
    assert "become_follower compares, and nothing uses the result; to assign, write a single =" in page
    assert "<script" not in page
    assert 'src="http' not in page
    assert "<link" not in page


@pytest.mark.slow
def test_no_page_gives_a_secret_away(graded: dict[str, Any]) -> None:
    """No page contains a private seed, a line of a check, or a path of the machine."""
    code = [line.strip() for line in Path("raft_steps/lab/checks/step_06.py").read_text(encoding="utf-8").splitlines()]
    telling = [line for line in code if line.startswith(("bench.", "sent =", "before ="))]

    assert telling
    for path in (graded["grading"].out / "pages").iterdir():
        page = path.read_text(encoding="utf-8")
        for drawn in re.findall(r"base64,([^\"]+)", page):
            page += base64.b64decode(drawn).decode()
        assert not any(str(seed) in page for seed in SEEDS), path.name
        assert not any(line in page for line in telling), path.name
        assert str(graded["place"]) not in page, path.name


@pytest.mark.slow
def test_second_run_does_only_what_is_new(graded: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A graded submission is not graded again and keeps its result; a changed one is graded."""
    hurry(monkeypatch)
    started: list[str] = []
    start = grading_run._start

    def recorded(settings: GradingSettings, submission: Submission, folder: str) -> Any:
        started.append(submission.student)
        return start(settings, submission, folder)

    monkeypatch.setattr(grading_run, "_start", recorded)
    (graded["place"] / "handed_in" / "no_node.py").write_text("y = 2\n")

    again = grade(graded["grading"], find_submissions([graded["place"] / "handed_in"], 6))

    assert ["no_node"] == started
    assert graded["results"]["leader_stays"] == next(each for each in again if each["student"] == "leader_stays")


@pytest.mark.slow
def test_interruption_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C keeps the results so far and leaves no folder; the next run continues."""
    hurry(monkeypatch)
    own = tmp_path / "temporary"
    own.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(own))
    put(tmp_path / "in", {f"student{n}.py": step_06.NOT_WRITTEN for n in range(5)})
    grading = GradingSettings(step=6, out=tmp_path / "out", secret=MADE_OF, seeds=2, wall=usable_wall(), workers=1)
    submissions = find_submissions([tmp_path / "in"], 6)

    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(grading, submissions, interrupt)
    assert [] == list(own.iterdir())
    stored = sorted(path.stem for path in (tmp_path / "out" / "results").glob("*.json"))
    begun: list[int] = []
    results = grade(grading, submissions, lambda done, _total: begun.append(done))

    assert ["student0", "student1"] == stored
    assert [2, 3, 4, 5] == begun
    assert [0.0] * 5 == [each["score"] for each in results]


@pytest.mark.slow
@pytest.mark.parametrize(
    "start, content, why",
    [
        ("raise SystemExit(3)", step_06.NOT_WRITTEN, "the grader itself failed on this submission"),
        ("import os; os.kill(os.getpid(), 9)", step_06.NOT_WRITTEN, "was ended by signal 9, which came from outside"),
    ],
)
def test_failure_of_the_grader_is_not_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: str, content: str, why: str
) -> None:
    """It has no points to take: the sentence says so, the table has no number, and the next run tries again."""
    monkeypatch.setattr(grading_run, "START", start)
    put(tmp_path / "in", {"ann.py": content})
    grading = GradingSettings(step=6, out=tmp_path / "out", secret=MADE_OF, seeds=2, wall=usable_wall(), workers=1)
    submissions = find_submissions([tmp_path / "in"], 6)
    results = grade(grading, submissions)
    assert [False] == [each["judged"] for each in results]
    assert why in results[0]["sentence"]
    assert "" == next(csv.DictReader(as_csv(results).splitlines()))["score"]
    assert {None} == {results[0]["score"], results[0]["points"], *results[0]["checks"].values()}
    page = next((tmp_path / "out" / "pages").iterdir()).read_text(encoding="utf-8")
    assert "No score." in page
    assert "of 100" not in page
    monkeypatch.undo()
    assert [True] == [each["judged"] for each in grade(grading, submissions)]


def test_private_seeds_follow_from_the_secret_alone() -> None:
    """The same secret gives the same seeds, another one others, and a longer list starts with the shorter one."""
    assert private_seeds("a", 3) == private_seeds("a", 5)[:3]
    assert not set(private_seeds("a", 50)) & set(private_seeds("b", 50))


def result(student: str, sentence: str = "All is well.") -> dict[str, Any]:
    """Return a result as a judge writes it."""
    checks = {"one": 1, "two": 0}
    numbers = {
        "step": 6,
        "score": 50.0,
        "points": 2,
        "of": 4,
        "sweep": 0.5,
        "seeds": [1, 2],
        "search": 0.5,
        "hidden": 1,
    }
    return {"key": "k", "student": student, "checks": checks, "sentence": sentence, "remarks": ["A remark."]} | numbers


def test_scores_have_a_line_for_each_student(tmp_path: Path) -> None:
    """CSV has a column for each check; JSON has the same data."""
    table, data = write_scores(tmp_path, [result("ann"), result("bob", "Two\nlines.")])

    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [("ann", "50.0", "1", "0"), ("bob", "50.0", "1", "0")] == [
        (row["student"], row["score"], row["one"], row["two"]) for row in rows
    ]
    assert "Two lines." == rows[1]["sentence"]
    assert ["ann", "bob"] == [each["student"] for each in json.loads(data.read_text(encoding="utf-8"))]


def test_scores_hold_no_formula() -> None:
    """A student's name that looks like a formula is a text in a spreadsheet."""
    assert "'=1+1" in as_csv([result("=1+1")])


def test_half_a_character_is_written_as_a_mark(tmp_path: Path) -> None:
    """Lone surrogates and control characters in messages are replaced in the scores."""
    table, data = write_scores(tmp_path, [result("ann", "raised E: \ud800\x1b[2J")])

    assert "\x1b" not in table.read_text(encoding="utf-8")
    assert "raised E: ?" in json.loads(data.read_text(encoding="utf-8"))[0]["sentence"]


def test_name_that_is_not_text_is_graded(tmp_path: Path) -> None:
    """Files with names that are not text, or control a terminal, have readable student names and a page."""
    for name in (b"b\xff.py", b"c\x1b[31m\n 100.0  d.py", b"<script>.py"):
        try:
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("", encoding="utf-8")
        except OSError:
            pytest.skip("this system has no such names")

    found = find_submissions([tmp_path], 6)

    assert all(each.student == printable(each.student) for each in found)
    assert 3 == len({each.slug for each in found})
    for each in found:
        replace_text(
            tmp_path / each.slug,
            student_page(each.student, each.path.name if each.path else "", Verdict.nothing(6, "."), None),
        )
        assert "<script>" not in (tmp_path / each.slug).read_text(encoding="utf-8")


def test_each_file_and_each_folder_is_a_student(tmp_path: Path) -> None:
    """Students are named after files and folders; a folder may have one file, or the step's notebook among others."""
    put(tmp_path / "in", {"ann.py": "", "bob.ipynb": ""})
    for name, files in {"cem": ["06_term_checks.ipynb", "05_x.ipynb"], "dia": ["a.py", "b.py"], "eve": []}.items():
        put(tmp_path / "in" / name, dict.fromkeys(files, ""))
    put(tmp_path / "in" / "fay", {})
    put(tmp_path / "in" / "fay" / "step6", {"mine.py": ""})

    found = {each.student: each for each in find_submissions([tmp_path / "in", tmp_path / "in" / "ann.py"], 6)}

    assert ["ann (attempt 1)", "ann", "bob", "cem", "dia", "eve", "fay"] == list(found)
    named = {name: each.path.name if each.path else None for name, each in found.items()}
    assert ("06_term_checks.ipynb", None, None, "mine.py") == tuple(
        named[name] for name in ("cem", "dia", "eve", "fay")
    )
    assert found["dia"].problem.startswith("2 files")


def test_names_of_files_are_harmless() -> None:
    """Every student's page has a unique name, inside the folder."""
    names = ["../../etc/passwd", "a b", "a/b", "a-b", "", "…"]
    slugs = [Submission(name, None).slug for name in names]

    assert len(set(slugs)) == len(slugs)
    assert not any("/" in slug or slug.startswith(".") or not slug for slug in slugs)


def test_names_never_collide() -> None:
    """Not by case, which some file systems ignore, nor by a name that is made to look like the slug of another."""
    made_to_match = [Submission(name, None).slug for name in ("Müller", "Ann", "ann ", "con")]
    names = ["Müller", "Mu\u0308ller", "Ann", "ann", "ANN", "ann ", "con", "con.x", "x" * 70, "x" * 71, *made_to_match]
    slugs = [Submission(name, None).slug for name in names]

    assert len(names) == len({slug.lower() for slug in slugs})
    assert "ann" == Submission("ann", None).slug


def test_output_is_not_a_submission(tmp_path: Path) -> None:
    """The folder of this grading and those of other ones are left out, where students' folders are."""
    put(tmp_path, {"ann.py": ""})
    for name in ("out", "other"):
        (tmp_path / name / "results").mkdir(parents=True)
    put(tmp_path / "other", {"scores.json": "[]"})

    assert ["ann"] == [each.student for each in find_submissions([tmp_path], 6, out=tmp_path / "out")]
