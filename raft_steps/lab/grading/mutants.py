"""Makes mutants, the wrong Nodes of find-the-bug, from the source of the correct Node when they are needed.

Each has one small change in a method: another comparison, a statement that is left out, a condition that is always
true. An instructor's secret decides which changes are made, so students cannot make the same set. A change counts only if the
laboratory itself finds a run in which it violates a property.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from raft_steps import node
from raft_steps.lab.errors import NodeLoadError
from raft_steps.lab.files import write_text
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.loading import load_node
from raft_steps.lab.scenario.model import MICROSECONDS
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from raft_steps.lab.source.views import whole
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.properties import kept_by

MOST = 12  # mutants in a set
PROFILES = ("hostile", "partitions", "crashes")
SEEDS, RUN_S = 2, 6.0  # runs with each profile, and the virtual time of each, in seconds
OTHER_COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def write_mutants(
    folder: Path, step: int, secret: str, progress: Callable[[int, int], None] | None = None
) -> list[str]:
    """Write a set of a step's mutants as modules.

    The secret decides which of all changes are tried first, so nobody without it can make the same set.

    Args:
        folder: The folder to write to.
        step: The step.
        secret: The instructor's secret.
        progress: Called with the number of changes that were tried and the number of all changes.

    Returns:
        The mutants, as ``FILE:CLASS``.
    """
    text = whole(step).text
    changes = list(_changes(ast.parse(text)))
    found: list[str] = []
    order = _order(len(changes), f"{step}/{secret}")
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(order):
        if progress is not None:
            progress(number, len(order))
        if len(found) == MOST:
            break
        path = folder / f"mutant_{len(found) + 1:02}.py"
        write_text(path, ast.unparse(_changed(text, changes[place])) + "\n")
        if _is_detectable(load_node(f"{path}:Node"), step):
            found.append(f"{path}:Node")
        else:
            path.unlink()
    return found


def own_mutants(path: Path) -> list[str]:
    """Return an instructor's mutants: every Node that a module, or a folder of modules, defines.

    Raises:
        NodeLoadError: A module cannot be loaded.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    found = []
    for file in files:
        tree = _parsed(file)
        names = [each.name for each in tree.body if isinstance(each, ast.ClassDef) and not each.name.startswith("_")]
        found += [f"{file.absolute()}:{name}" for name in names if _is_node(file, name)]
    return found


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise NodeLoadError(f"{file}{line} is not valid Python: {error.msg}") from error
    except ValueError as error:
        raise NodeLoadError(f"{file} is not valid Python: {error}") from error


def _is_node(file: Path, name: str) -> bool:
    try:
        return issubclass(load_node(f"{file}:{name}"), Node)
    except NodeLoadError:
        if name == "Node":
            raise
        return False  # A message, or a helper.


def _order(count: int, secret: str) -> list[int]:
    """Return the indices below a count in an order that follows from a secret."""
    digests = [hashlib.sha256(f"raft-steps mutants/{number}/{secret}".encode()).digest() for number in range(count)]
    return sorted(range(count), key=lambda number: digests[number])


Change = tuple[int, str]  # the index of a syntax node in the order of ast.walk, and what to change


def _changes(tree: ast.Module) -> Iterator[Change]:
    """Yield every change that can be made in the methods of the Node."""
    inside = {id(each) for found in _methods(tree) for each in ast.walk(found)}
    for number, each in enumerate(ast.walk(tree)):
        if id(each) not in inside:
            continue
        if isinstance(each, ast.Compare) and type(each.ops[0]) in OTHER_COMPARISON:
            yield number, "compare"
        elif isinstance(each, ast.If):
            yield number, "always"
        elif isinstance(each, ast.BoolOp):
            yield number, "and/or"
        if isinstance(each, ast.Assign | ast.AugAssign) or (
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
        ):
            yield number, "leave out"


def _methods(tree: ast.Module) -> list[ast.FunctionDef]:
    last = [each for each in tree.body if isinstance(each, ast.ClassDef)][-1]
    return [each for each in last.body if isinstance(each, ast.FunctionDef)]


def _changed(text: str, change: Change) -> ast.Module:
    """Return the tree of a text with one change."""
    number, what = change
    changed = ast.parse(text)  # Faster than a deep copy of a tree.
    target: Any = next(each for place, each in enumerate(ast.walk(changed)) if place == number)
    if what == "compare":
        target.ops[0] = OTHER_COMPARISON[type(target.ops[0])]()
    elif what == "always":
        target.test = ast.Constant(value=True)
    elif what == "and/or":
        target.op = ast.Or() if isinstance(target.op, ast.And) else ast.And()
    else:
        _leave_out(changed, target)
    return ast.fix_missing_locations(changed)


def _leave_out(tree: ast.Module, target: ast.stmt) -> None:
    for each in ast.walk(tree):
        for body in (getattr(each, "body", None), getattr(each, "orelse", None)):
            if isinstance(body, list) and any(one is target for one in body):
                body[[one is target for one in body].index(True)] = ast.Pass()


def _is_detectable(mutant: Any, step: int) -> bool:
    """Return whether a run with faults violates a property of the step, which the correct Node keeps in the same run.

    A mutant that violates one in a run without faults does not count: it would be too easy to find.
    """
    rules = kept_by(step)
    try:
        if any(try_scenario(scenario, rules, mutant).broken for scenario in _calm_runs(step, mutant)):
            return False
        for number in range(SEEDS * len(PROFILES)):
            profile = PROFILES[number % len(PROFILES)]
            scenario = adversity(step, profile, number, seconds=RUN_S, node_class=mutant)
            if try_scenario(scenario, rules, mutant).broken:
                return try_scenario(scenario, rules, node(step)).survived
    except Exception:  # noqa: BLE001  # A change may make a Node that no simulation can run; that is not a bug to find.
        return False
    return False


def _calm_runs(step: int, mutant: Any) -> Iterator[Scenario]:
    """Yield scenarios without faults, with clients and without."""
    yield default_scenario(step, 3, node_class=mutant, until_us=60 * MICROSECONDS)
    yield adversity(step, "calm", 0, seconds=RUN_S, node_class=mutant)
