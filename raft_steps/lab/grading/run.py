"""Running a grading: a judge for each submission, as many at a time as there are cores.

Each judge is a process of its own, with a limit of real time. Its result is written at once, under a name that says
what was handed in, for which step, by which grader and with which seeds; so a second run does only what is not done
yet, and an interruption loses nothing.
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
from raft_steps.lab.grading import trials
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.scores import write
from raft_steps.lab.grading.student_page import page
from raft_steps.lab.grading.submissions import HandedIn
from raft_steps.lab.grading.verdict import Verdict

START = "import sys; sys.path.insert(0, sys.argv[1]); from raft_steps.lab.grading.judge import main; main()"
JUDGE_SECONDS = 180.0  # of real time for one submission
LOOK_SECONDS = 0.02
RESULTS, PAGES = "results", "pages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grading:
    """What all submissions of a grading have in common.

    Attributes:
        step: The step.
        out: The folder for results, pages and scores.
        seeds: The private seeds.
        class_name: The name of the Node class.
        workers: How many judges at a time.
        mutants: For finding bugs: where the wrong Nodes are, as ``FILE:CLASS``. Then tests are graded, and no Nodes.
    """

    step: int
    out: Path
    seeds: Sequence[int]
    class_name: str = "Node"
    workers: int = 2
    mutants: tuple[str, ...] = ()

    def key(self, handed_in: HandedIn) -> str:
        """Name what a result depends on; the same name stands for the same result."""
        parts: list[Any] = [handed_in.student, handed_in.digest(), self.step, self.class_name, list(self.seeds)]
        texts = [Path(each.rpartition(":")[0]).read_text(encoding="utf-8") for each in self.mutants]
        parts += [grader_version(), [each.rpartition(":")[2] for each in self.mutants], texts]
        suffix = handed_in.path.suffix if handed_in.path is not None else ""
        return hashlib.sha256(json.dumps([*parts, suffix]).encode()).hexdigest()

    def result_of(self, handed_in: HandedIn) -> Path:
        """Say where the result of a submission is."""
        return self.out / RESULTS / f"{handed_in.slug}.json"

    def page_of(self, handed_in: HandedIn) -> Path:
        """Say where the page of a student is."""
        return self.out / PAGES / f"{handed_in.slug}.html"


@cache
def grader_version() -> str:
    """Give the digest of the whole package: whatever changes in it may change a verdict."""
    folder = Path(raft_steps.__file__).parent
    digest = hashlib.sha256(f"{sys.version_info[:2]} {trials.SECONDS}".encode())
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(slots=True)
class _Judge:
    """A judge at work."""

    process: subprocess.Popen[bytes]
    handed_in: HandedIn
    key: str
    until: float = field(default_factory=lambda: time.monotonic() + JUDGE_SECONDS)


def grade(
    grading: Grading, submissions: Sequence[HandedIn], progress: Callable[[int, int], None] | None = None
) -> list[dict[str, Any]]:
    """Grade submissions, those that are graded already excepted.

    Args:
        grading: What they have in common.
        submissions: The submissions.
        progress: Told how many are done, of how many.

    Returns:
        The results, in the order of the submissions.
    """
    for name in (RESULTS, PAGES):
        (grading.out / name).mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    todo = []
    for each in submissions:
        stored = _stored(grading, each)
        if stored is None:
            todo.append(each)
        else:
            results[each.student] = stored
    done = len(results)
    if progress is not None:
        progress(done, len(submissions))
    for each, result in _judged(grading, todo):
        results[each.student] = result
        done += 1
        if progress is not None:
            progress(done, len(submissions))
    return [results[each.student] for each in submissions]


def _stored(grading: Grading, handed_in: HandedIn) -> dict[str, Any] | None:
    """Give the result of an earlier run, if what was handed in is still the same."""
    try:
        result = json.loads(grading.result_of(handed_in).read_text(encoding="utf-8"))
        return result if result["key"] == grading.key(handed_in) and grading.page_of(handed_in).is_file() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _judged(grading: Grading, todo: Sequence[HandedIn]) -> Iterator[tuple[HandedIn, dict[str, Any]]]:
    """Let judges work side by side, and give each result as it comes."""
    waiting, judges = list(reversed(todo)), list[_Judge]()
    with TemporaryDirectory(prefix="raft-steps-package-") as folder:
        modules = copy_package(Path(folder, "package"), grading.step)
        try:
            while waiting or judges:
                while waiting and len(judges) < grading.workers:
                    judges.append(_start(grading, waiting.pop(), folder, modules))
                for judge in [judge for judge in judges if _is_over(judge)]:
                    judges.remove(judge)
                    yield judge.handed_in, _result(grading, judge)
                time.sleep(LOOK_SECONDS)
        finally:
            for judge in judges:
                _kill(judge.process)


def _start(grading: Grading, handed_in: HandedIn, folder: str, modules: list[str]) -> _Judge:
    key = grading.key(handed_in)
    job = {
        "path": str(handed_in.path.absolute()) if handed_in.path is not None else None,
        "student": handed_in.student,
        "why": handed_in.why,
        "step": grading.step,
        "class": grading.class_name,
        "mutants": list(grading.mutants),
        "seeds": list(grading.seeds),
        "package": str(Path(folder, "package")),
        "homes": folder,  # So that nothing is left of a judge that is ended.
        "modules": modules,
        "key": key,
        "result": str(grading.result_of(handed_in).absolute()),
        "page": str(grading.page_of(handed_in).absolute()),
    }
    grading.result_of(handed_in).unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", START, str(Path(raft_steps.__file__).parent.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Control-C is for the grading, which then ends its judges itself.
    )
    assert process.stdin is not None
    with contextlib.suppress(OSError), process.stdin:
        process.stdin.write(json.dumps(job).encode())
    return _Judge(process, handed_in, key)


def _is_over(judge: _Judge) -> bool:
    if judge.process.poll() is None and time.monotonic() > judge.until:
        _kill(judge.process)
    return judge.process.poll() is not None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a judge; the submission's process ends with it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _result(grading: Grading, judge: _Judge) -> dict[str, Any]:
    """Read what a judge has found; a judge that found nothing gives no points, and says so."""
    handed_in = judge.handed_in
    assert judge.process.stderr is not None
    with judge.process.stderr as stream:
        said = stream.read()[-2000:].decode(errors="replace") if judge.process.returncode else ""
    stored = _stored(grading, handed_in)
    if stored is not None:
        return stored
    if judge.process.returncode == -signal.SIGKILL:
        why = "The submission took more time than it is given, and nothing is known of it."
    else:
        why = "The grader itself failed on this submission; an instructor has to look at it."
    verdict = Verdict.nothing(grading.step, why, [said.strip().rpartition("\n")[2]] if said.strip() else [])
    result = {"key": judge.key, "student": handed_in.student} | verdict.as_data()
    file = handed_in.path.name if handed_in.path is not None else ""
    write(grading.page_of(handed_in), page(handed_in.student, file, verdict, None))
    write(grading.result_of(handed_in), json.dumps(result))
    return result
