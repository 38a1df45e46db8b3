"""Runs the checks of a step on its mutants."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from unittest import mock

import raft_steps
from raft_steps.lab.checks import runner
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.runtime import watchdog
from tests.checks.mutants.generator import Mutant

TICK_S = 0.02  # seconds between two looks of the watchdog: a mutant that loops is stopped within a few of them


def node_of(mutant: Mutant) -> type:
    """Return the class of a mutant; everything else in its module is the step's.

    Raises:
        TypeError: The base class refuses it.
    """
    name = f"mutant_of_step_{mutant.step:02}"
    module = ModuleType(name)
    vars(module).update({**vars(raft_steps.step(mutant.step)), "__name__": name})
    sys.modules[name] = module  # dataclasses looks it up there.
    code = compile(f"from __future__ import annotations\n{mutant.text}", f"{name}.py", "exec")
    exec(code, vars(module))
    found = vars(module)["Node"]
    assert isinstance(found, type)
    return found


def trials(step: int, mutants: Iterable[Mutant]) -> Iterator[tuple[Mutant, str]]:
    """Yield mutants of a step, each with the name of a check that it fails; "" if it passes all.

    Args:
        step: The step.
        mutants: The mutants to try, all or some of `mutants_of` the step.
    """
    order = runner.checks_of(step)
    for mutant in mutants:
        killer = _killer(mutant, order)
        if killer is not None:  # A neighbouring mutant probably fails the same check, so it is tried first.
            order.remove(killer)
            order.insert(0, killer)
        yield mutant, killer.name if killer is not None else ""


def _killer(mutant: Mutant, order: list[Check]) -> Check | None:
    """Return the first check that a mutant fails, in this order."""
    node_class = node_of(mutant)
    with mock.patch.object(watchdog, "TICK", TICK_S):
        for each in order:
            with runner._reproducible_random(node_class):
                result, _ = runner._try(each, Bench(node_class, mutant.step))
            if not result.passed:
                return each
    return None
