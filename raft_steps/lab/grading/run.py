"""Runs a grading: a judge for each submission, as many at a time as there are workers.

Each judge is a separate process with a limit of real time. Its result is written as soon as it is there, with a key
that depends on the submission, the step, the grader and the seeds. So a second run judges only what has changed, and an
interruption loses nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import raft_steps
from raft_steps.lab.course.environment import clean_environment
from raft_steps.lab.errors import NotTextError
from raft_steps.lab.files import read_text
from raft_steps.lab.grading import trials
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.scheme import read_scheme
from raft_steps.lab.grading.scores import replace_text
from raft_steps.lab.grading.student_page import student_page
from raft_steps.lab.grading.submissions import Submission
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.grading.wall import Wall, find_wall

START = "import sys; sys.path.insert(0, sys.argv[1]); from raft_steps.lab.grading.judge import main; main()"
# Of real time for one judge: more than its workers have, so that the judge can still write a verdict.
JUDGE_LIMIT_S = 700.0
POLL_S = 0.02
SEEDS = 6  # private runs
RESULTS, PAGES = "results", "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingSettings:
    """The settings that all submissions of a grading share.

    Attributes:
        step: The step.
        out: The folder for results, pages and scores.
        secret: The instructor's secret, from which everything private is drawn.
        seeds: How many private seeds are drawn.
        scheme: The file of the scheme of points; None for the course's own.
        reveal: Whether pages show what was private.
        class_name: The name of the Node class.
        wall: What is around the process of each submission.
        workers: How many judges run at a time.
        mutants: The wrong Nodes of find-the-bug, as ``FILE:CLASS``. If there are any, tests are graded and not Nodes.
    """

    step: int
    out: Path
    secret: str = ""
    seeds: int = SEEDS
    scheme: Path | None = None
    reveal: bool = False
    wall: Wall = field(default_factory=find_wall)
    class_name: str = "Node"
    workers: int = 2
    mutants: tuple[str, ...] = ()

    def key(self, submission: Submission) -> str:
        """Return a digest of everything that a result depends on."""
        parts: list[Any] = [
            submission.student,
            submission.digest(),
            self.step,
            self.class_name,
            self.secret,
            self.seeds,
            self.reveal,
        ]
        parts.append(read_scheme(self.step, self.scheme).as_data() if not self.mutants else {})
        texts = [read_text(each.rpartition(":")[0], "a class") for each in self.mutants]
        parts += [grader_version(), [each.rpartition(":")[2] for each in self.mutants], texts]
        suffix = submission.path.suffix if submission.path is not None else ""
        return hashlib.sha256(json.dumps([*parts, suffix]).encode()).hexdigest()

    def result_of(self, submission: Submission) -> Path:
        """Return the file of a submission's result."""
        return self.out / RESULTS / f"{submission.slug}.json"

    def page_of(self, submission: Submission) -> Path:
        """Return the file of a student's page."""
        return self.out / PAGES / f"{submission.slug}.html"


@cache
def grader_version() -> str:
    """Return a digest of the whole package: any change in it may change a verdict or a page."""
    folder = Path(raft_steps.__file__).parent
    digest = hashlib.sha256(f"{sys.version_info[:2]} {trials.RUN_S}".encode())
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.html"), *folder.rglob("*.toml")]):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(slots=True)
class _JudgeProcess:
    """A running judge; `is_late` once it was ended because it took too long."""

    process: subprocess.Popen[bytes]
    submission: Submission
    key: str
    is_late: bool = False
    deadline_s: float = field(default_factory=lambda: time.monotonic() + JUDGE_LIMIT_S)


def grade(
    settings: GradingSettings, submissions: Sequence[Submission], progress: Callable[[int, int], None] | None = None
) -> list[dict[str, Any]]:
    """Grade submissions, except those that are graded already.

    Args:
        settings: The settings that all of them share.
        submissions: The submissions.
        progress: Called with the number of submissions that are done and the number of all submissions.

    Returns:
        The results, in the order of the submissions.
    """
    for name in (RESULTS, PAGES):
        (settings.out / name).mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    todo = []
    for each in submissions:
        stored = _stored(settings, each)
        if stored is None and each.path is None and not settings.mutants:
            stored = _store_nothing(settings, each)
        if stored is None:
            todo.append(each)
        else:
            results[each.student] = stored
    done = len(results)
    if progress is not None:
        progress(done, len(submissions))
    for each, result in _judged(settings, todo):
        results[each.student] = result
        done += 1
        if progress is not None:
            progress(done, len(submissions))
    return [results[each.student] for each in submissions]


def _stored(settings: GradingSettings, submission: Submission) -> dict[str, Any] | None:
    """Return the result of an earlier run, if everything that it depends on is the same."""
    try:
        result = json.loads(read_text(settings.result_of(submission), "a result"))
        # What could not be judged is tried again in the next run.
        counts = result["key"] == settings.key(submission) and result.get("judged", True)
        return result if counts and settings.page_of(submission).is_file() else None
    except (OSError, NotTextError, ValueError, KeyError, TypeError):
        return None


def _judged(settings: GradingSettings, todo: Sequence[Submission]) -> Iterator[tuple[Submission, dict[str, Any]]]:
    """Run the judges; yield each result as it arrives."""
    waiting, judges = list(reversed(todo)), list[_JudgeProcess]()
    with TemporaryDirectory(prefix="raft-steps-package-") as folder:
        Path(folder).chmod(0o755)
        copy_package(Path(folder, "package"), settings.step)
        try:
            while waiting or judges:
                while waiting and len(judges) < settings.workers:
                    judges.append(_start(settings, waiting.pop(), folder))
                for judge in [judge for judge in judges if _is_over(judge)]:
                    judges.remove(judge)
                    yield judge.submission, _result(settings, judge)
                time.sleep(POLL_S)
        finally:
            for judge in judges:
                _kill(judge.process)
            settings.wall.end_all(Path(folder, "package"))


def _start(settings: GradingSettings, submission: Submission, folder: str) -> _JudgeProcess:
    key = settings.key(submission)
    job = {
        "path": str(submission.path.absolute()) if submission.path is not None else None,
        "student": submission.student,
        "problem": submission.problem,
        "step": settings.step,
        "class": settings.class_name,
        "mutants": list(settings.mutants),
        "secret": settings.secret,
        "seeds": settings.seeds,
        "scheme": str(settings.scheme.absolute()) if settings.scheme is not None else None,
        "reveal": settings.reveal,
        "package": str(Path(folder, "package")),
        "folders_in": folder,  # This process removes it, even if the judge is killed.
        "wall": [settings.wall.kind, settings.wall.changes_user, list(settings.wall.extra)],
        "key": key,
        "result": str(settings.result_of(submission).absolute()),
        "page": str(settings.page_of(submission).absolute()),
    }
    settings.result_of(submission).unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", START, str(Path(raft_steps.__file__).parent.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment(Path(folder, "settings")),
        start_new_session=True,  # Control-C reaches this process only, which then ends its judges.
    )
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:
        process.stdin.write(json.dumps(job).encode())
    return _JudgeProcess(process, submission, key)


def _is_over(judge: _JudgeProcess) -> bool:
    if judge.process.poll() is None and time.monotonic() > judge.deadline_s:
        judge.is_late = True
        _kill(judge.process)
    return judge.process.poll() is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a judge; its worker ends with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _result(settings: GradingSettings, judge: _JudgeProcess) -> dict[str, Any]:
    """Return the result of a judge that has ended; without points if it wrote none."""
    submission = judge.submission
    assert judge.process.stderr is not None
    with judge.process.stderr as stream:
        printed = stream.read()[-2000:].decode(errors="replace") if judge.process.returncode else ""
    written = _written(settings, judge)
    if written is not None:
        return written
    remarks = [printed.strip().rpartition("\n")[2]] if printed.strip() else []
    scheme = read_scheme(settings.step, settings.scheme)
    why = f"it took more than {JUDGE_LIMIT_S:g} s" if judge.is_late else _why_ended(judge.process.returncode)
    verdict = Verdict.not_judged(settings.step, why, remarks, scheme)
    return _store(settings, submission, judge.key, verdict)


def _store_nothing(settings: GradingSettings, submission: Submission) -> dict[str, Any]:
    """Write the result of a student without a file, which needs no judge."""
    scheme = read_scheme(settings.step, settings.scheme)
    verdict = Verdict.without_file(settings.step, submission.problem, scheme)
    return _store(settings, submission, settings.key(submission), verdict)


def _store(settings: GradingSettings, submission: Submission, key: str, verdict: Verdict) -> dict[str, Any]:
    """Write a verdict that no judge has given, and its page; return the result."""
    result = {"key": key, "student": submission.student} | verdict.as_data()
    file = submission.path.name if submission.path is not None else ""
    replace_text(settings.page_of(submission), student_page(submission.student, file, verdict, None))
    replace_text(settings.result_of(submission), json.dumps(result))
    return result


def _written(settings: GradingSettings, judge: _JudgeProcess) -> dict[str, Any] | None:
    """Return the result that a judge has written, whatever it is."""
    try:
        result: dict[str, Any] = json.loads(read_text(settings.result_of(judge.submission), "a result"))
    except (OSError, NotTextError, ValueError):
        return None
    return result if result.get("key") == judge.key else None


def _why_ended(status: int | None) -> str:
    """Describe how a judge ended that wrote no result, as the end of a sentence."""
    if status is not None and status < 0:
        return f"the grader's process was ended by signal {-status}, which came from outside"
    return "the grader itself failed on this submission"
