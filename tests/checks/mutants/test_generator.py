"""The mutants of a step are its Node with one small change each, and each has a key of its own."""

import ast
import inspect

import pytest

import raft_steps
from raft_steps import STEPS
from tests.checks.mutants.equivalents import equivalents_of
from tests.checks.mutants.generator import mutants_of
from tests.checks.mutants.trial import node_of, trials

STEP_NUMBERS = [each.number for each in STEPS]


@pytest.mark.parametrize("step", STEP_NUMBERS)
def test_every_method_has_mutants(step: int) -> None:
    """Every method of a step is changed in some way, except those without a statement."""
    mutants = mutants_of(step)
    methods = [each for each in ast.parse(mutants[0].text).body[0].body if isinstance(each, ast.FunctionDef)]  # type: ignore[attr-defined]
    empty = {each.name for each in methods if len(each.body) == 1 and isinstance(each.body[0], ast.Expr)}

    assert {each.name for each in methods} - empty <= {each.method for each in mutants} | {"on_append_entries_refused"}


@pytest.mark.parametrize("step", STEP_NUMBERS)
def test_keys_and_texts_are_unique(step: int) -> None:
    """No two mutants of a step have the same key or the same text."""
    mutants = mutants_of(step)

    assert len(mutants) == len({each.key for each in mutants}) == len({each.text for each in mutants})


def test_each_mutant_has_one_change() -> None:
    """A mutant differs from the step in one statement: one line, two that change places, or those of its body."""
    right = ast.unparse(ast.parse(inspect.getsource(raft_steps.step(7)))).splitlines()

    for mutant in mutants_of(7):
        changed = [line for line in ast.unparse(ast.parse(mutant.text)).splitlines() if line not in right]
        assert len(changed) <= 1, mutant.key


@pytest.mark.parametrize(
    "step, key",
    [
        (2, "on_start: super().on_start() -> (removed)"),
        (2, "on_start: if self.is_leader: -> if True:"),
        (2, "on_client_request: if not self.is_leader: -> if self.is_leader:"),
        (2, "fields: heartbeat_interval: ClassVar[float] = 5 -> heartbeat_interval: ClassVar[float] = 6"),
        (2, "store_entries: return False -> (removed)"),
        (2, "store_entries: return False -> return True"),
        (2, "append_entries_after: prev_log_term=self.log[prev_log_index].term -> prev_log_term=self.log[0].term"),
        (4, "fields: is_candidate: bool = False -> is_candidate: bool = True"),
        (4, "start_election: self.current_term += 1 -> self.current_term -= 1"),
        (4, "on_start: self.draw_election_timeout() -> (after) self.start_election_timer()"),
        (5, "append_entries_after: term=self.current_term -> term=self.log.last_term"),
        (6, "on_append_entries: if message.term < self.current_term: -> if message.term <= self.current_term:"),
        (7, "become_follower: self.cancel_timer('heartbeat') -> self.cancel_timer('election')"),
        (7, "become_leader: self.send_heartbeat() -> self.on_heartbeat_timeout()"),
        (1, "fields: durable: ClassVar[tuple[str, ...]] = ('log',) -> durable: ClassVar[tuple[str, ...]] = ()"),
    ],
)  # fmt: skip
def test_kinds_of_changes(step: int, key: str) -> None:
    """Every kind of change is tried."""
    assert key in {each.key for each in mutants_of(step)}


@pytest.mark.parametrize("step", STEP_NUMBERS)
def test_mutants_are_nodes(step: int) -> None:
    """A mutant is a class of its own, with the methods that it does not change."""
    mutant = mutants_of(step)[-1]
    found = node_of(mutant)

    assert ("Node", f"mutant_of_step_{step:02}") == (found.__name__, found.__module__)


def test_a_mutant_that_fails_is_found_with_its_check() -> None:
    """The trials name a check that a mutant fails."""
    killers = {mutant.key: killer for mutant, killer in trials(7, mutants_of(7))}

    assert (
        "a deposed leader stops its heartbeats"
        == killers["become_follower: self.cancel_timer('heartbeat') -> (removed)"]
    )


@pytest.mark.parametrize("step", STEP_NUMBERS)
def test_every_reason_is_a_sentence(step: int) -> None:
    """Every mutant that is listed as equivalent has a reason."""
    for key, reason in equivalents_of(step).items():
        assert reason.endswith("."), key
        assert len(reason.split()) > 5, key
