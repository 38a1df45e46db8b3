"""Judges one submission, in a process that runs none of the submission's code itself.

The process reads a job from standard input, and writes the result to one file and a page for the student to another.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raft_steps.lab.checks.parameters import CheckParameters
from raft_steps.lab.grading import trials
from raft_steps.lab.grading.private_draws import hidden_parameters, private_seeds
from raft_steps.lab.grading.remote_node import RemoteSubmission
from raft_steps.lab.grading.scheme import Scheme, read_scheme
from raft_steps.lab.grading.scores import replace_text
from raft_steps.lab.grading.student_page import student_page
from raft_steps.lab.grading.verdict import Verdict
from raft_steps.lab.grading.wall import PROCESSES_MAX, Wall
from raft_steps.lab.grading.worker_process import CPU_S, KILLED, MEMORY_MIB, WorkerProcess
from raft_steps.lab.runtime.diagnostics import Mistake
from raft_steps.lab.source.extraction import ExtractedNode, extract_node
from raft_steps.lab.source.submission_cells import SubmissionError

JUDGE_MEMORY_BYTES = 4 * 1024**3  # of address space
LIMIT_S = 300.0  # of real time for the worker of one submission; its computing time has a limit of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the submissions of a grading are judged by.

    Attributes:
        step: The step.
        package: The package that a submission may import, as `copy_package` made it.
        wall: What is around a submission's process.
        seeds: The private seeds.
        hidden: The parameters of the hidden checks.
        scheme: The scheme of points; None for the course's own.
        class_name: The name of the Node class.
        problem: Why there is no file, as a clause.
        folders_in: Where to make the folders of processes; by default where temporary folders are.
    """

    step: int
    package: Path
    wall: Wall
    seeds: Sequence[int] = ()
    hidden: Sequence[CheckParameters] = ()
    scheme: Scheme | None = None
    class_name: str = "Node"
    problem: str = ""
    folders_in: Path | None = None

    def start(self) -> WorkerProcess:
        """Start a process for the submission."""
        return WorkerProcess(self.package, self.wall, LIMIT_S, self.folders_in)


def judge(
    path: Path | None, terms: Terms, decided: Callable[[Verdict, trials.TrialResults | None], None] | None = None
) -> tuple[Verdict, trials.TrialResults | None]:
    """Judge a submission.

    Args:
        path: The notebook or module; None if none was handed in.
        terms: What it is judged by.
        decided: Called with the verdict before a run for the student's page is looked for, which may take long.

    Returns:
        The verdict, and the results of the trials for the student's page; None if nothing was tried.
    """
    step, scheme = terms.step, terms.scheme
    if path is None:
        return Verdict.without_file(step, terms.problem, scheme), None
    try:
        extracted = extract_node(path, terms.class_name)
    except SubmissionError as error:
        return Verdict.nothing(step, f"{error}.", scheme=scheme), None
    with terms.start() as process:
        try:
            verdict, results = _judge_loaded(extracted, process, terms)
        except trials.TrialError as error:
            verdict, results = Verdict.not_judged(step, str(error), extracted.remarks, scheme), None
        if process.lost is not None and process.lost.reason == KILLED:
            verdict, results = (
                Verdict.not_judged(step, f"the submission {process.lost}", extracted.remarks, scheme),
                None,
            )
    verdict.taken = extracted.taken
    if decided is not None:
        decided(verdict, results)
    if results is not None and results.sweep is not None and results.sweep.first is not None:
        _add_public_run(results.sweep, extracted, terms)
    return verdict, results


def _judge_loaded(
    extracted: ExtractedNode, process: WorkerProcess, terms: Terms
) -> tuple[Verdict, trials.TrialResults | None]:
    """Load a submission and try its Node."""
    try:
        stand_in = load(extracted, process)
    except Mistake as error:
        reason = "; ".join(filter(None, (str(error), " ".join((error.place or "").split()))))
        words = f"The Node cannot be loaded: {reason}."
        return Verdict.nothing(terms.step, words, extracted.remarks, terms.scheme), None
    results = trials.try_node(stand_in, terms.step, terms.seeds, terms.hidden, _draw_pictures)
    verdict = Verdict.from_results(results, terms.step, extracted.remarks, terms.scheme)
    if process.lost is not None:
        verdict.remarks.append(f"The submission's process was ended: it {process.lost}.")
    return verdict, results


def _add_public_run(sweep: trials.PrivateSweep, extracted: ExtractedNode, terms: Terms) -> None:
    """Look for a public run like the first private one that failed, in a process that has seen nothing private."""
    with terms.start() as process, contextlib.suppress(Mistake):
        sweep.public = trials.find_public_run(terms.step, load(extracted, process), sweep, set(terms.seeds))
        # A picture runs the Node again, so it is drawn here.
        if sweep.public is not None:
            with contextlib.suppress(Exception):  # A Node that fails again leaves no picture; the page has the text.
                sweep.picture = sweep.public.timeline().to_html()


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
    """Draw the failure of the search, as long as the process of its Node runs."""
    if results.search is not None and not trials.search_passed(results.search):
        with contextlib.suppress(Exception):  # A Node that fails again leaves no picture; the page has the text.
            results.pictures["search"] = results.search.timeline().to_html()


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
    step, secret = job["step"], job["secret"]
    scheme = read_scheme(step, Path(job["scheme"]) if job["scheme"] else None)
    terms = Terms(
        step=step,
        package=Path(job["package"]),
        wall=Wall(job["wall"][0], job["wall"][1], tuple(job["wall"][2])),
        seeds=private_seeds(secret, job["seeds"]),
        hidden=hidden_parameters(secret, step, scheme.draws),
        scheme=scheme,
        class_name=job["class"],
        problem=job["problem"],
        folders_in=Path(job["folders_in"]),
    )
    name = path.name if path else ""

    def write(verdict: Verdict, results: trials.TrialResults | None) -> None:
        page = student_page(job["student"], name, verdict, results, job["class"], reveal=job["reveal"])
        _write(job, page, verdict.as_data())

    write(*judge(path, terms, write))


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
