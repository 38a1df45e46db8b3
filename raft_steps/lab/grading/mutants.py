"""Mutants: wrong Nodes for those who look for bugs, made of the right one when they are needed.

Each has one small change in a method of its step: a comparison that is the other way round, a line that is missing, a
condition that always holds. They are made from the step's source, so there is no file with them that anybody could
read. A change counts only where the laboratory itself finds a run that shows it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from raft_steps import node
from raft_steps.lab.errors import NodeLoadError
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
SEEDS, SECONDS = 2, 6.0
OTHERS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def write_mutants(folder: Path, step: int, progress: Callable[[int, int], None] | None = None) -> list[str]:
    """Write the default set of a step's mutants, as modules.

    Args:
        folder: Where to.
        step: The step.
        progress: Told how many changes were looked at, of how many.

    Returns:
        Where each is, as ``FILE:CLASS``.
    """
    text = whole(step).text
    changes = list(_changes(ast.parse(text)))
    found: list[str] = []
    order = _spread(len(changes))
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(order):
        if progress is not None:
            progress(number, len(order))
        if len(found) == MOST:
            break
        path = folder / f"mutant_{len(found) + 1:02}.py"
        path.write_text(ast.unparse(_changed(text, changes[place])) + "\n", encoding="utf-8")
        if _is_seen(load_node(f"{path}:Node"), step):
            found.append(f"{path}:Node")
        else:
            path.unlink()
    return found


def own_mutants(path: Path) -> list[str]:
    """List an instructor's mutants: every Node that a module, or a folder of modules, defines.

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
        raise NodeLoadError(f"{file}{line} is no Python: {error.msg}") from error
    except ValueError as error:
        raise NodeLoadError(f"{file} is no Python: {error}") from error


def _is_node(file: Path, name: str) -> bool:
    try:
        return issubclass(load_node(f"{file}:{name}"), Node)
    except NodeLoadError:
        if name == "Node":
            raise
        return False  # A message, or a helper.


def _spread(count: int) -> list[int]:
    """Give all places in an order that jumps, so that the first few come from all over a class."""
    step = max(1, round(count * 0.618))
    while count and any(count % each == 0 == step % each for each in range(2, step + 1)):
        step += 1
    return [number * step % count for number in range(count)]


Change = tuple[int, str]  # which node of the tree, in the order of a walk, and what to do with it


def _changes(tree: ast.Module) -> Iterator[Change]:
    """List what can be changed in the methods of the Node."""
    inside = {id(each) for found in _methods(tree) for each in ast.walk(found)}
    for number, each in enumerate(ast.walk(tree)):
        if id(each) not in inside:
            continue
        if isinstance(each, ast.Compare) and type(each.ops[0]) in OTHERS:
            yield number, "compare"
        elif isinstance(each, ast.If):
            yield number, "always"
        elif isinstance(each, ast.BoolOp):
            yield number, "other word"
        if isinstance(each, ast.Assign | ast.AugAssign) or (
            isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
        ):
            yield number, "leave out"


def _methods(tree: ast.Module) -> list[ast.FunctionDef]:
    last = [each for each in tree.body if isinstance(each, ast.ClassDef)][-1]
    return [each for each in last.body if isinstance(each, ast.FunctionDef)]


def _changed(text: str, change: Change) -> ast.Module:
    """Give the tree of a text with one change."""
    number, what = change
    changed = ast.parse(text)  # Sooner than a copy of a tree.
    target: Any = next(each for place, each in enumerate(ast.walk(changed)) if place == number)
    if what == "compare":
        target.ops[0] = OTHERS[type(target.ops[0])]()
    elif what == "always":
        target.test = ast.Constant(value=True)
    elif what == "other word":
        target.op = ast.Or() if isinstance(target.op, ast.And) else ast.And()
    else:
        _leave_out(changed, target)
    return ast.fix_missing_locations(changed)


def _leave_out(tree: ast.Module, target: ast.stmt) -> None:
    for each in ast.walk(tree):
        for body in (getattr(each, "body", None), getattr(each, "orelse", None)):
            if isinstance(body, list) and any(one is target for one in body):
                body[[one is target for one in body].index(True)] = ast.Pass()


def _is_seen(mutant: Any, step: int) -> bool:
    """Say whether adversity breaks a promise of the step, while a run in which nothing goes wrong breaks none."""
    rules = kept_by(step)
    try:
        if any(try_scenario(scenario, rules, mutant).broken for scenario in _peace(step, mutant)):
            return False  # Whoever looks at all sees it.
        for number in range(SEEDS * len(PROFILES)):
            profile = PROFILES[number % len(PROFILES)]
            scenario = adversity(step, profile, number, seconds=SECONDS, node_class=mutant)
            if try_scenario(scenario, rules, mutant).broken:
                return not try_scenario(scenario, rules, node(step)).broken
    except Exception:  # noqa: BLE001  # A change may make a Node that no simulation can run: that is no bug to find.
        return False
    return False


def _peace(step: int, mutant: Any) -> Iterator[Scenario]:
    """Give runs in which nothing goes wrong, with clients and without."""
    yield default_scenario(step, 3, node_class=mutant, until_us=60 * MICROSECONDS)
    yield adversity(step, "calm", 0, seconds=SECONDS, node_class=mutant)
