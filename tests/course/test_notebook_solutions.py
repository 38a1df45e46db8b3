"""The solutions that the notebooks fold away are the step modules' own code, so the two cannot drift apart."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from raft_steps import STEPS, Step

ROOT = Path(__file__).parents[2]


def code_cells(step: Step) -> list[tuple[str, bool]]:
    """Return the source of each code cell of a step's notebook, and whether it is an exercise."""
    notebook = json.loads((ROOT / "notebooks" / step.notebook_name).read_text(encoding="utf-8"))
    return [
        ("".join(cell["source"]), cell["metadata"].get("nbgrader", {}).get("solution", False))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]


def members(source: str) -> Iterator[tuple[str, str]]:
    """Return the methods and class-level statements of the classes in a source, without docstrings and comments."""
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.ClassDef):
            continue
        is_message = any(isinstance(each, ast.Name) and each.id == "message" for each in statement.decorator_list)
        for member in statement.body:
            if isinstance(member, ast.Expr) and isinstance(member.value, ast.Constant):
                continue
            name = member.name if isinstance(member, ast.FunctionDef) else ast.unparse(member)
            yield (f"{statement.name}.{name}" if is_message else name), without_docstring(member)


def without_docstring(member: ast.stmt) -> str:
    """Return a member of a class in a normal form."""
    if isinstance(member, ast.FunctionDef) and ast.get_docstring(member) is not None:
        member.body = member.body[1:] or [ast.Pass()]
    return ast.unparse(member)


def module_members(step: Step) -> dict[str, str]:
    """Return the members of the classes in a step's module."""
    path = ROOT / "raft_steps" / f"step_{step.number:02}_{step.name}.py"
    return dict(members(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_solution_is_the_modules_code(step: Step) -> None:
    """The code in an exercise's cell is in the step's module, word for word except for docstrings."""
    expected = module_members(step)
    solved = [piece for source, is_turn in code_cells(step) if is_turn for piece in members(source)]

    assert solved, "there is no your-turn cell"
    assert {name: text for name, text in solved if expected.get(name) != text} == {}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_method_of_the_step_says_what_it_does(step: Step) -> None:
    """Every method of the module has a docstring in the notebook, too."""
    expected = module_members(step)
    classes = [
        each for source, _ in code_cells(step) for each in ast.parse(source).body if isinstance(each, ast.ClassDef)
    ]
    methods = [each for found in classes for each in found.body if isinstance(each, ast.FunctionDef)]

    assert {each.name for each in methods if expected.get(each.name) == ast.unparse(each)} == set()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_notebook_holds_the_whole_step(step: Step) -> None:
    """Every member of the module's classes is in the notebook, so its Node is the step's Node."""
    shown = {piece for source, _ in code_cells(step) for piece in members(source)}

    assert {name for name, text in module_members(step).items() if (name, text) not in shown} == set()
