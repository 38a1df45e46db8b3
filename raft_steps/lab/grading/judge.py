"""Judges one submission, in a process that runs none of the submission's code itself.

The process reads a job from standard input, and writes the result to one file and a page for the student to another.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raft_steps.lab.grading import trials
from raft_steps.lab.grading.remote_node import RemoteSubmission
from raft_steps.lab.grading.scores import replace_text
from raft_steps.lab.grading.student_page import student_page
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.grading.wall import PROCESSES_MAX, Wall
from raft_steps.lab.grading.worker_process import CPU_S, KILLED, MEMORY_MIB, WorkerProcess
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.source.extraction import ExtractedNode, extract_node
from raft_steps.lab.source.submission_cells import SubmissionError

JUDGE_MEMORY_BYTES = 4 * 1024**3  # of address space
LIMIT_S = 120.0  # of real time for the worker of one submission


def judge(
    path: Path | None,
    step: int,
    package: Path,
    wall: Wall,
    seeds: Sequence[int],
    *,
    class_name: str = "Node",
    folders_in: Path | None = None,
) -> tuple[Verdict, trials.TrialResults | None]:
    """Judge a submission.

    Args:
        path: The notebook or module; None if none was handed in.
        step: The step.
        package: The package that the submission may import, as `copy_package` made it.
        wall: What is around the submission's process.
        seeds: The private seeds.
        class_name: The name of the Node class.
        folders_in: Where to make the worker's folder; by default where temporary folders are.

    Returns:
        The verdict, and the results of the trials for the student's page; None if nothing was tried.
    """
    if path is None:
        return Verdict.nothing(step, "Nothing was handed in that can be graded."), None
    try:
        extracted = extract_node(path, class_name)
    except SubmissionError as error:
        return Verdict.nothing(step, f"{error}."), None
    with WorkerProcess(package, wall, LIMIT_S, folders_in) as process:
        try:
            stand_in = load(extracted, process)
        except Mistake as error:
            if process.lost is not None and process.lost.reason == KILLED:
                return Verdict.not_judged(step, f"the submission {process.lost}", extracted.remarks), None
            reason = "; ".join(filter(None, (str(error), " ".join((error.place or "").split()))))
            return Verdict.nothing(step, f"The Node cannot be loaded: {reason}.", extracted.remarks), None
        results = trials.try_node(stand_in, step, seeds)
        if process.lost is not None and process.lost.reason == KILLED:
            return Verdict.not_judged(step, f"the submission {process.lost}", extracted.remarks), None
        verdict = Verdict.from_results(results, step, extracted.remarks)
        if process.lost is not None:
            verdict.remarks.append(f"The submission's process was ended: it {process.lost}.")
        _draw_pictures(results)  # Before the worker ends: a picture runs the Node again.
    return verdict, results


def load(extracted: ExtractedNode, process: WorkerProcess) -> Any:
    """Load an extracted Node in a worker; return the class that stands in for it.

    Raises:
        Mistake: The Node cannot be loaded.
    """
    cells = [[cell.name, cell.label, cell.source, cell.kept, cell.needed] for cell in extracted.cells]
    request = {
        "cells": cells,
        "class": extracted.class_name,
        "notebook": extracted.cells[0].name.startswith("cell:"),
        "user": process.wall.user,
        "memory_mib": MEMORY_MIB,
        "cpu_s": CPU_S,
        "processes": PROCESSES_MAX,
    }
    submission = RemoteSubmission(process)
    stand_in = submission.load(request)
    extracted.remarks += submission.skipped
    return stand_in


def _draw_pictures(results: trials.TrialResults) -> None:
    """Draw the failures of the sweep and of the search."""
    drawable: dict[str, Any] = {}
    if results.sweep is not None and results.sweep.public is not None:
        drawable["sweep"] = results.sweep.public
    if results.search is not None and not trials.search_passed(results.search):
        drawable["search"] = results.search
    for name, each in drawable.items():
        # A Node that fails again leaves no picture; the page has the text.
        with contextlib.suppress(Exception):
            results.pictures[name] = each.timeline().to_html()


def main() -> None:
    """Judge the submission that the job on standard input describes."""
    job = json.loads(sys.stdin.read())
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # Some systems have the constant but not the limit.
        resource.setrlimit(resource.RLIMIT_AS, (JUDGE_MEMORY_BYTES, hard))
    path = Path(job["path"]) if job["path"] else None
    if job["mutants"]:
        _grade_tests(job, path)
        return
    verdict, results = judge(
        path,
        job["step"],
        Path(job["package"]),
        Wall(job["wall"][0], job["wall"][1], tuple(job["wall"][2])),
        job["seeds"],
        class_name=job["class"],
        folders_in=Path(job["folders_in"]),
    )
    verdict.remarks += [job["problem"]] if job["problem"] else []
    page = student_page(job["student"], path.name if path else "", verdict, results, job["class"])
    _write(job, page, verdict.as_data())


def _grade_tests(job: dict[str, Any], path: Path | None) -> None:
    # Imported here so that a judge of Nodes starts sooner.
    from raft_steps.lab.grading.find_the_bug import grade_tests
    from raft_steps.lab.runtime.loading import load_node

    graded = grade_tests(path, job["step"], [load_node(each) for each in job["mutants"]])
    _write(job, graded.page(job["student"]), graded.as_data())


def _write(job: dict[str, Any], page: str, data: dict[str, Any]) -> None:
    # The result last: once it is there, the page counts as up to date, even if it is that of an earlier grading.
    replace_text(Path(job["page"]), page)
    replace_text(Path(job["result"]), json.dumps({"key": job["key"], "student": job["student"]} | data))
