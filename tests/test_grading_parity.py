"""The grader says of a Node what `check` says of it, though it never runs the Node in its own process."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from check_tools import wrong_nodes_of

from raft_steps import STEPS
from raft_steps.lab.checks import Report, check
from raft_steps.lab.grading.judge import judge, load
from raft_steps.lab.grading.package import copy_package
from raft_steps.lab.grading.session import Session
from raft_steps.lab.grading.taking import Cell, Taken, take
from raft_steps.lab.grading.trials import new_checks, private_seeds

ROOT = Path(__file__).parent.parent
MODULES = sorted(path.stem for path in (ROOT / "tests" / "wrong_nodes").glob("step_*.py"))
EVERY_STEP = STEPS[-1].number + 1  # The wrong Nodes build on the very steps that they get wrong.


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Give a package with all steps in it."""
    folder = tmp_path_factory.mktemp("package")
    return folder, copy_package(folder, EVERY_STEP)


def remotely(package: tuple[Path, list[str]], text: str, class_name: str, step: int) -> Report:
    """Hold a Node that another process holds against the checks."""
    with Session(package[0]) as session:
        taken = Taken([Cell("wrong.py", text, text)], class_name)
        return check(load(taken, session, package[1]), step)


def said(report: Report) -> Iterator[tuple[str, bool, str]]:
    """Give what a report says, but for the names of files."""
    for result in report.results:
        yield result.name, result.passed, re.sub(r"\w+\.py, line", "line", result.message)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_wrong_nodes_get_the_same_verdicts(package: tuple[Path, list[str]], name: str) -> None:
    """Each wrong Node fails the same checks, in the same words."""
    module, step = importlib.import_module(f"wrong_nodes.{name}"), int(name.split("_")[1])
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    nodes = sorted(wrong_nodes_of(module, set()), key=lambda each: each.__name__)

    assert nodes
    for each in nodes:
        there = list(said(remotely(package, text, each.__name__, step)))
        assert list(said(check(each, step))) == there, each.__name__


@pytest.mark.slow
@pytest.mark.parametrize("number", [each.number for each in STEPS])
def test_the_course_itself_has_all_points(tmp_path: Path, number: int) -> None:
    """The notebook of each step, with its solution, earns every point, with the later steps out of reach."""
    path = ROOT / "notebooks" / STEPS[number - 1].notebook_name
    modules = copy_package(tmp_path, number)

    verdict, tried = judge(path, number, tmp_path, modules, private_seeds("of the course", 6))

    assert tried is not None, verdict.sentence
    assert 100 == verdict.score, (verdict, tried.report)


@pytest.mark.parametrize("number", [each.number for each in STEPS])
def test_every_step_has_work_to_do(number: int) -> None:
    """In every step some check is not passed by doing nothing; else nobody could earn a point."""
    assert new_checks(number)


def test_notebook_counts_up_to_its_check(tmp_path: Path) -> None:
    """What comes after the cell that checks the Node, such as breaking it on purpose, is not graded."""
    from submissions import step_06

    path = tmp_path / "x.ipynb"
    path.write_text(step_06.RIGHT_NOTEBOOK, encoding="utf-8")

    taken = take(path)

    assert "refuse_append_entries" in taken.text
    assert "Break it" not in taken.text
    assert "Cluster" not in taken.text
    assert [] == taken.remarks
