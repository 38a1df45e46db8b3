"""Every row of the table of real bugs: the check fails, the sweep or search finds it, and the course's Node has no such bug."""

from __future__ import annotations

import pytest

from raft_steps.lab.checks import checks_of
from raft_steps.lab.verify.fuzzer.blame import try_with_reference
from raft_steps.lab.verify.fuzzer.profiles import adversity
from raft_steps.lab.verify.properties import ALL_RULES
from tests.checks.check_tools import result_of
from tests.verify.real_bugs.table import PAGE, REAL_BUGS, RealBug, Seed, page

BUGS = [pytest.param(bug, id=bug.node_class.__name__) for bug in REAL_BUGS]


@pytest.mark.parametrize("bug", BUGS)
def test_check_fails(bug: RealBug) -> None:
    """The check that is named fails."""
    step, name = bug.fails
    (check,) = [each for each in checks_of(step) if each.name == name]

    assert not result_of(check, bug.node_class, step).passed


@pytest.mark.parametrize("bug", BUGS)
def test_sweep_or_search_finds_it(bug: RealBug) -> None:
    """It is found, and nothing is found in the Node of the course."""
    if not isinstance(bug.found, Seed):
        assert bug.found(bug.node_class)
        assert not bug.found(bug.step)
        return
    scenario = adversity(None, bug.found.profile, bug.found.seed, node_class=bug.node_class)
    trial = try_with_reference(scenario, ALL_RULES, bug.node_class, bug.step)

    assert bug.found.rule == trial.broken, trial.text
    assert () == trial.excused
    assert not trial.unjudged


def test_page_is_the_table() -> None:
    """The page says what the table says; `python -m tests.verify.real_bugs.table` writes it."""
    assert page() == PAGE.read_text(encoding="utf-8")
