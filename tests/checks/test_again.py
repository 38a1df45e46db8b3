"""Steps 9 to 12 ask again what earlier steps asked: mistakes in what they did not change are caught in each of them."""

import pytest

from raft_steps import node
from raft_steps.lab.checks import checks_of
from raft_steps.lab.checks.again import REPLACED, STILL_HOLDS, earlier_checks
from raft_steps.lab.checks.bench import Bench, CheckFailed
from raft_steps.lab.checks.rules import Check
from raft_steps.lab.errors import LabError
from tests.checks.check_tools import class_name, result_of
from tests.checks.wrong_nodes import calls

STEPS = (9, 10, 11, 12)


def check_named(step: int, name: str) -> Check:
    """Return the check of a step with this name."""
    return next(each for each in checks_of(step) if each.name == name)


@pytest.mark.parametrize("mistake, name", calls.MIXINS, ids=class_name)
def test_mistake_fails_its_check_of_step_9(mistake: type, name: str) -> None:
    """The check for a mistake in handling calls or clients catches it, and names the server."""
    found = result_of(check_named(9, name), calls.wrong_node(mistake, 9), 9).message

    assert "tom" in found, found


@pytest.mark.parametrize("step", [10, 11, 12])
@pytest.mark.parametrize("mistake", [mistake for mistake, _ in calls.MIXINS], ids=class_name)
def test_mistake_is_caught_in_every_later_step(mistake: type, step: int) -> None:
    """The same mistake in a later step breaks a rule of an earlier one, which the failure names."""
    found = result_of(check_named(step, STILL_HOLDS), calls.wrong_node(mistake, step), step).message

    assert "This is still a rule of step" in found, found


def test_every_mistake_is_in_the_table() -> None:
    """Every mixin is in the table."""
    defined = {
        value for value in vars(calls).values() if isinstance(value, type) and value.__module__ == calls.__name__
    }

    assert defined == {mistake for mistake, _ in calls.MIXINS}


@pytest.mark.parametrize("step, name", REPLACED)
def test_replaced_check_exists(step: int, name: str) -> None:
    """The table of replaced checks has no name of a check that is gone."""
    assert name in {each.name for each in checks_of(step)}


@pytest.mark.parametrize("key", [key for key in REPLACED if REPLACED[key][0] == 11])
def test_replaced_check_would_accuse_a_right_node(key: tuple[int, str]) -> None:
    """A check that step 11 replaces fails for the Node of step 11, and holds for that of step 10."""
    each = check_named(*key)

    each.run(Bench(node(10), 10))
    with pytest.raises(LabError):
        each.run(Bench(node(11), 11))


def test_every_other_check_runs_again() -> None:
    """Each check of steps 1 to 8 runs again in steps 9 to 12, or is in the table with a reason."""
    for step in STEPS:
        again = {(earlier, each.name) for earlier, each in earlier_checks(step)}
        for earlier in range(1, step):
            for each in checks_of(earlier):
                since, reason = REPLACED.get((earlier, each.name), (step + 1, "runs again"))
                assert ((earlier, each.name) in again) == (since > step and each.name != STILL_HOLDS), reason


def test_failure_names_the_rule_and_its_step() -> None:
    """A failure of an earlier check has its own sentence, and on the next line the rule and where it is from."""
    with pytest.raises(CheckFailed) as raised:
        check_named(12, STILL_HOLDS).run(Bench(calls.wrong_node(calls.CandidateRefusesItsLeader, 12), 12))

    assert str(raised.value).splitlines()[1].startswith("This is still a rule of step 4 (Section 5.2")
    assert raised.value.event is not None
