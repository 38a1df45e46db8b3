"""When a step rewrites a handler, its checks cover again what the checks of earlier steps asked of that handler."""

import pytest

from raft_steps import STEPS, node
from raft_steps.lab.checks.again import REPLACED, STILL_HOLDS
from tests.checks.check_tools import failed_checks
from tests.checks.rewritten_handlers import checks_run_by, concerned_checks, rewritten_handlers

AFTER_THE_FIRST = [each.number for each in STEPS[1:]]
# These checks only run others again, and those are looked for one by one.
COLLECTIONS = {STILL_HOLDS}


def test_rewritten_handlers_are_found() -> None:
    """A handler that a step writes for the first time is not rewritten."""
    assert {"on_append_entries"} == rewritten_handlers(6)
    assert set() == rewritten_handlers(7)
    assert {"on_append_entries", "on_append_entries_reply", "on_start"} == rewritten_handlers(11)


@pytest.mark.slow
def test_checks_of_a_follower_concern_its_handler() -> None:
    """A check concerns a handler if it fails for a Node in which that handler does nothing."""
    found = concerned_checks(2)

    assert "a follower stores entries that fit" in found["on_append_entries"]
    assert "a follower stores entries that fit" not in found["on_append_entries_reply"]
    assert "a refused leader retries one entry earlier" in found["on_append_entries_reply"]


@pytest.mark.slow
@pytest.mark.parametrize("step", AFTER_THE_FIRST)
def test_earlier_checks_of_a_rewritten_handler_run_again(step: int) -> None:
    """The earlier checks that concern it run again, except those that are listed as replaced, with the reason."""
    handlers, again = rewritten_handlers(step), checks_run_by(step)
    missing = {
        (earlier, name): handler
        for handler in handlers
        for earlier in range(1, step)
        for name in concerned_checks(earlier).get(handler, set()) - COLLECTIONS
        if (earlier, name) not in again and not is_replaced(earlier, name, step)
    }

    assert {} == missing


def is_replaced(earlier: int, name: str, step: int) -> bool:
    """Return whether a check of an earlier step is listed as replaced in a step."""
    return (earlier, name) in REPLACED and REPLACED[earlier, name][0] <= step


@pytest.mark.slow
@pytest.mark.parametrize("earlier", AFTER_THE_FIRST[:-1])
def test_nodes_keep_the_rules_until_they_are_replaced(earlier: int) -> None:
    """The Nodes of later steps pass every check that is not listed as replaced."""
    failed = {
        (step.number, name)
        for step in STEPS[earlier:]
        for name in failed_checks(node(step.number), earlier)
        if not is_replaced(earlier, name, step.number) and name not in COLLECTIONS
    }

    assert set() == failed
