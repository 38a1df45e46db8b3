"""The judge of one submission: a process of its own, which runs none of the submission's code itself.

It reads a job on standard input, writes what it found into one file, and a page for the student into another.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raft_steps.lab.course.extraction import ExtractedNode, SubmissionError
from raft_steps.lab.grading import trials
from raft_steps.lab.grading.remote_node import Remote
from raft_steps.lab.grading.scores import write
from raft_steps.lab.grading.source_policy import extract_submission
from raft_steps.lab.grading.student_page import page
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.grading.worker_process import CPU_SECONDS, MEMORY, Session
from raft_steps.lab.runtime.diagnostics import Mistake

JUDGE_MEMORY = 4 * 1024**3  # bytes of address space
SECONDS_MAX = 120.0  # of real time for one submission


def judge(
    path: Path | None,
    step: int,
    package: Path,
    modules: Sequence[str],
    seeds: Sequence[int],
    *,
    class_name: str = "Node",
    homes: Path | None = None,
) -> tuple[Verdict, trials.Tried | None]:
    """Judge a submission.

    Args:
        path: The notebook or module; None where nothing was handed in.
        step: The step.
        package: The package that the submission may import, as `copy_package` made it.
        modules: The modules of the steps in it.
        seeds: The private seeds.
        class_name: The name of the Node class.
        homes: Where the submission's process has its folder; by default where temporary folders are.

    Returns:
        The verdict, and all that came of the trials, to be drawn; None where there were none.
    """
    if path is None:
        return Verdict.nothing(step, "Nothing was handed in that can be graded."), None
    try:
        extracted = extract_submission(path, class_name)
    except SubmissionError as error:
        return Verdict.nothing(step, f"{error}."), None
    with Session(package, SECONDS_MAX, homes) as session:
        try:
            stand_in = load(extracted, session, modules)
        except Mistake as error:
            words = "; ".join(filter(None, (str(error), " ".join((error.place or "").split()))))
            return Verdict.nothing(step, f"The Node cannot be loaded: {words}.", extracted.remarks), None
        tried = trials.try_node(stand_in, step, seeds)
        verdict = Verdict.of(tried, step, extracted.remarks)
        if session.lost is not None:
            verdict.remarks.append(f"The submission's process was ended: it {session.lost}.")
        _draw_while_it_lives(tried)
    return verdict, tried


def load(extracted: ExtractedNode, session: Session, modules: Sequence[str]) -> Any:
    """Load an extracted Node in the submission's process; return the class that stands in for it.

    Raises:
        Mistake: It cannot be loaded.
    """
    cells = []
    for cell in extracted.cells:
        name = cell.name
        if not name.startswith("cell:"):
            name = str(session.folder / Path(name).name)
            Path(name).write_text(cell.source, encoding="utf-8")
        cells.append([name, cell.source, cell.kept])
    request = {"cells": cells, "class": extracted.class_name, "modules": list(modules)}
    return Remote(session).load(request | {"memory": MEMORY, "cpu_seconds": CPU_SECONDS})


def _draw_while_it_lives(tried: trials.Tried) -> None:
    """Draw what needs the submission's process once more."""
    for name, thing in (("sweep", tried.swept and tried.swept.shown), ("search", tried.found)):
        if thing and not (name == "search" and trials.search_passed(tried.found)):
            try:
                tried.pictures[name] = thing.timeline().to_html()
            except Exception:  # noqa: BLE001, S112  # A Node that fails again leaves no picture; the words are there.
                continue


def main() -> None:
    """Judge the submission that standard input names."""
    job = json.loads(sys.stdin.read())
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # Some systems know a limit, and keep none.
        resource.setrlimit(resource.RLIMIT_AS, (JUDGE_MEMORY, hard))
    path = Path(job["path"]) if job["path"] else None
    if job["mutants"]:
        _hunt(job, path)
        return
    verdict, tried = judge(
        path, job["step"], Path(job["package"]), job["modules"], job["seeds"], class_name=job["class"], homes=Path(job["homes"])
    )  # fmt: skip
    verdict.remarks += [job["why"]] if job["why"] else []
    text = page(job["student"], path.name if path else "", verdict, tried, job["class"])
    _write(job, text, verdict.as_data())


def _hunt(job: dict[str, Any], path: Path | None) -> None:
    # A judge of Nodes has no use for these, and starts sooner without them.
    from raft_steps.lab.grading.find_the_bug import hunt
    from raft_steps.lab.runtime.loading import load_node

    hunted = hunt(path, job["step"], [load_node(each) for each in job["mutants"]])
    _write(job, hunted.page(job["student"]), hunted.as_data())


def _write(job: dict[str, Any], text: str, data: dict[str, Any]) -> None:
    write(Path(job["page"]), text)
    write(Path(job["result"]), json.dumps({"key": job["key"], "student": job["student"]} | data))
