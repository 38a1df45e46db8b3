"""The grader's verdicts are those of `check`, although it never runs a Node in its own process."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.checks import CheckReport, check
from raft_steps.lab.grading.judge import Terms, judge, load
from raft_steps.lab.grading.package_copy import copy_package
from raft_steps.lab.grading.private_draws import hidden_parameters, private_seeds
from raft_steps.lab.grading.trials import new_checks
from raft_steps.lab.grading.worker_process import WorkerProcess
from raft_steps.lab.source.extraction import extract_node
from tests.checks.check_tools import wrong_nodes_of
from tests.grading.walls import usable_wall
from tests.grading.worker_factory import WorkerFactory

ROOT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (ROOT / "tests" / "checks" / "wrong_nodes").glob("step_*.py"))
NODES_MAX, NODES_LATER = 6, 2  # of each module, and from step 13 on, whose checks call handlers some thousand times
EVERY_STEP = STEPS[-1].number + 1  # The wrong Nodes build on the very steps that they get wrong.


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerFactory]:
    """Return a factory of workers whose package has all steps."""
    folder = tmp_path_factory.mktemp("package")
    copy_package(folder, EVERY_STEP)
    with WorkerFactory(folder) as factory:
        yield factory


def check_remotely(process: WorkerProcess, node_class: type, step: int) -> CheckReport:
    """Check a Node in a worker, as the grader extracts it from its file."""
    path = Path(str(sys.modules[node_class.__module__].__file__))
    return check(load(extract_node(path, node_class.__name__), process), step)


def results_of(report: CheckReport) -> Iterator[tuple[str, bool, str]]:
    """Yield the results of a report, without the names of files."""
    for result in report.results:
        yield result.name, result.passed, re.sub(r"\w+\.py, line", "line", result.message)


def spread(nodes: list[type], most: int) -> list[type]:
    """Return a few of many Nodes. All of them would take minutes, because each call of a handler goes to a process."""
    return nodes[:: max(1, len(nodes) // most)][:most]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_wrong_nodes_get_the_same_verdicts(factory: WorkerFactory, name: str) -> None:
    """Wrong Nodes fail the same checks with the same messages; the first in a process as a grading starts it."""
    module, step = importlib.import_module(f"tests.checks.wrong_nodes.{name}"), int(name.split("_")[1])
    nodes = spread(
        sorted(wrong_nodes_of(module, set()), key=lambda each: each.__name__), NODES_MAX if step < 13 else NODES_LATER
    )

    assert nodes
    for each in nodes:
        with WorkerProcess(factory.package, usable_wall()) if each is nodes[0] else factory.start() as process:
            there = list(results_of(check_remotely(process, each, step)))
        assert list(results_of(check(each, step))) == there, each.__name__


@pytest.mark.slow
@pytest.mark.parametrize("number", [each.number for each in STEPS])
def test_the_course_itself_has_all_points(tmp_path: Path, number: int) -> None:
    """The notebook of each step, with its solution, gets all points without access to later steps."""
    path = ROOT / "notebooks" / STEPS[number - 1].notebook_name
    copy_package(tmp_path, number)

    seeds, draws = (6, 2) if number < 13 else (2, 1)  # The later steps take long, and only have more checks.
    terms = Terms(
        step=number,
        package=tmp_path,
        wall=usable_wall(),
        seeds=private_seeds("of the course", seeds),
        hidden=hidden_parameters("of the course", number, draws),
    )
    verdict, tried = judge(path, terms)

    assert tried is not None, verdict.sentence
    assert 100 == verdict.score, (verdict, tried.report)


@pytest.mark.parametrize("number", [each.number for each in STEPS])
def test_every_step_has_work_to_do(number: int) -> None:
    """In every step some check takes work; otherwise no submission could get points."""
    assert new_checks(number)


def test_notebook_counts_up_to_its_check(tmp_path: Path) -> None:
    """Code after the cell that checks the Node, such as breaking it on purpose, is not graded."""
    from tests.grading.submissions import step_06

    path = tmp_path / "x.ipynb"
    path.write_text(step_06.RIGHT_NOTEBOOK, encoding="utf-8")

    extracted = extract_node(path)

    assert "refuse_append_entries" in extracted.text
    assert "Break it" not in extracted.text
    assert "Cluster" not in extracted.text
    assert "Node of code cell 4, as code cell 5 checks it" == extracted.taken
    assert ["The Node of code cell 6, below the exercise, was not taken."] == extracted.remarks
