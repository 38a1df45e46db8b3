"""With drawn parameters the checks pass right Nodes, catch Nodes that recognise the defaults, and explain it in words that fit."""

import re
from dataclasses import replace
from typing import Any

import pytest

from raft_steps import STEPS, node, step_01_key_value_store, step_04_leader_election, step_06_term_checks
from raft_steps.lab.checks import check
from raft_steps.lab.checks.parameters import DEFAULTS, KEYS, VALUES, CheckParameters
from raft_steps.lab.commands import Request
from raft_steps.lab.log import Entry
from raft_steps.lab.random_stream import RandomStream
from raft_steps.lab.scenario.model import SERVER_NAMES
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.checks.check_tools import failed_checks, first_failure
from tests.checks.wrong_nodes import step_02, step_04, step_09, step_12

DRAWS = 50
TRIED, TRIED_LATER = 8, 1  # of them by each step, and from step 13 on, whose checks take up to a second


def drawn(number: int) -> CheckParameters:
    """Return the parameters that are drawn for this number."""
    return CheckParameters.draw(RandomStream(number, "parameters"))


def failures_of(node_class: type, step: int, parameters: CheckParameters) -> list[str]:
    """Return the failures of a Node, each with the name of its check."""
    results = check(node_class, step, parameters).results
    return [f"{result.name}: {result.message}" for result in results if not result.passed]


@pytest.mark.slow
@pytest.mark.parametrize("step", [step.number for step in STEPS])
def test_right_node_passes_with_drawn_parameters(step: int) -> None:
    """The Node of every step passes its checks, whatever is drawn."""
    failed = {
        number: found
        for number in range(TRIED if step < 13 else TRIED_LATER)
        if (found := failures_of(node(step), step, drawn(number)))
    }

    assert {} == failed


@pytest.mark.parametrize("step", [step.number for step in STEPS])
def test_right_node_passes_with_two_draws(step: int) -> None:
    """The same for two draws, with entries before those of the checks and without."""
    with_entries = next(drawn(number) for number in range(DRAWS) if drawn(number).entries_before)
    without = next(drawn(number) for number in range(DRAWS) if not drawn(number).entries_before)

    assert [] == failures_of(node(step), step, with_entries)
    assert [] == failures_of(node(step), step, without)


def test_every_kind_of_draw_occurs() -> None:
    """Draws differ in everything, and some have no entries before those of the checks."""
    draws = [drawn(number) for number in range(DRAWS)]

    assert {0, 1, 2, 3, 4, 5, 6} == {each.entries_before for each in draws}
    assert len({each.terms_before for each in draws}) > 20
    assert len({each.delay_s for each in draws}) > 20
    assert len({each.pace for each in draws}) > 5
    assert len({each.seed for each in draws}) == DRAWS
    assert not any({*each.servers} & {*SERVER_NAMES} or {*each.keys} & {*KEYS} for each in draws)


def test_the_same_stream_gives_the_same_parameters() -> None:
    """A draw can be repeated."""
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"servers": ("tom", "jerry")}, r"servers should be 7 different words, not \('tom', 'jerry'\)"),
        ({"keys": ("x",) * 9}, "keys should be 9 different words"),
        ({"terms_before": 3}, "needs entries_before; got entries_before=0, terms_before=3"),
        ({"entries_before": -1}, "got entries_before=-1"),
        ({"delay_s": 0}, "delay_s should be above 0 and at most 0.4 seconds, not 0"),
        ({"pace": 2}, "pace should be from 0.5 to 1, not 2"),
    ],
)
def test_parameters_that_no_node_could_pass_are_refused(changes: dict[str, Any], error: str) -> None:
    """The error names the parameter and what is allowed."""
    with pytest.raises(ValueError, match=error):
        replace(DEFAULTS, **changes)


class KnowsItsName(step_04_leader_election.Node):
    """It takes part only as tom."""

    def on_start(self) -> None:
        if self.name == "tom":
            super().on_start()


class KnowsItsPeers(step_04_leader_election.Node):
    """It votes only for the candidates of the checks."""

    def on_request_vote(self, sender: str, message: RequestVote) -> None:
        if sender in SERVER_NAMES:
            super().on_request_vote(sender, message)


class KnowsTheTerms(step_06_term_checks.Node):
    """It refuses only calls of the small terms of the checks."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term and message.term > 9:
            self.answer_append_entries(sender, True, message.prev_log_index)
        else:
            super().on_append_entries(sender, message)


class KnowsTheKeys(step_01_key_value_store.Node):
    """It stores only the keys of the checks."""

    def apply(self, entry: Entry) -> None:
        if getattr(entry.command, "key", None) in ("X", *KEYS):
            super().apply(entry)


class KnowsTheValues(step_01_key_value_store.Node):
    """It answers only writes of the values of the checks."""

    def on_client_request(self, client: str, request: Request) -> None:
        if getattr(request, "value", "1") in ("0", "", *VALUES):
            super().on_client_request(client, request)


class KnowsHowLongLogsAre(step_06_term_checks.Node):
    """It refuses entries after the first few."""

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.entries and message.prev_log_index > 9:
            self.answer_append_entries(sender, False, message.prev_log_index)
        else:
            super().on_append_entries(sender, message)


@pytest.mark.parametrize(
    "node_class, step",
    [
        (KnowsItsName, 4),
        (KnowsItsPeers, 4),
        (KnowsTheTerms, 6),
        (KnowsTheKeys, 1),
        (KnowsTheValues, 1),
        (KnowsHowLongLogsAre, 6),
    ],
)
def test_node_that_knows_the_defaults_is_caught(node_class: type, step: int) -> None:
    """A Node that is right only with the defaults passes with them, and fails with one of a few draws."""
    assert [] == failed_checks(node_class, step)
    assert any(failures_of(node_class, step, drawn(number)) for number in range(5))


@pytest.mark.parametrize(
    "node_class, step, default, with_other_parameters",
    [
        (
            step_02.MatchingEntriesAreDeleted,
            2,
            "jerry's call with entries 1 to 3 arrives a second time; the log should stay as it is, but tom deletes entries",
            (
                "ken's call with entries 3 to 5 arrives a second time; the log should stay as it is, but ada deletes entries. "
                "Before the entries of this check, ada's log has 2 others"
            ),
        ),
        (
            step_04.ReplayAddsToWhatIsThere,
            4,
            (
                "tom has won, and its log has set x 1; set x 2; set y 3, so a client that reads z should get None; "
                "tom answers '4'"
            ),
            (
                "ada has won, and its log has set k1 v1; set k1 v2; set k2 v3, so a client that reads k3 should get None; "
                "ada answers 'v4'. Before the entries of this check, ada's log has 2 others"
            ),
        ),
        (
            step_09.HalfIsEnough,
            9,
            "tom is a candidate in term 4 and has 2 of 4 votes, its own included; it should not lead yet, but does",
            (
                "ada is a candidate in term 34 and has 2 of 4 votes, its own included; it should not lead yet, but does. "
                "Before the entries of this check, ada's log has 2 others"
            ),
        ),
        (
            step_12.StateMachineIsKept,
            12,
            (
                "tom has applied two of its three entries, crashes and restarts: its state machine should be {}, because the "
                "next entry that it applies is 1, but is {'x': '1', 'y': '2'}"
            ),
            (
                "ada has applied two of its three entries, crashes and restarts: its state machine should be {}, because the "
                "next entry that it applies is 3, but is {'k1': 'v1', 'k2': 'v2'}. Before the entries of this check, ada's log "
                "has 2 others"
            ),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_failure_is_in_the_words_of_the_run(
    node_class: type, step: int, default: str, with_other_parameters: str
) -> None:
    """Servers, terms, entries, keys and values in a failure are those of the run."""
    others = CheckParameters(
        servers=("ada", "ken", "lynn", "brian", "robin", "grace", "alan"),
        keys=tuple(f"k{number}" for number in range(1, 10)),
        values=tuple(f"v{number}" for number in range(1, 10)),
        entries_before=2,
        terms_before=30,
    )

    assert default == first_failure(node_class, step).message
    assert with_other_parameters == first_failure(node_class, step, others).message


@pytest.mark.parametrize("module, step", [(step_02, 2), (step_04, 4), (step_09, 9), (step_12, 12)])
def test_mistake_is_caught_with_drawn_parameters(module: Any, step: int) -> None:
    """The check that catches a mistake with the defaults does so with drawn parameters, and uses none of its own words."""
    for number, (wrong, name, _) in enumerate(module.MISTAKES):
        result = next(each for each in check(wrong, step, drawn(number)).results if each.name == name)
        assert not result.passed, f"{wrong.__name__} passes: {name}"
        assert [] == re.findall(r"\b(?:tom|jerry|spike|tyke|[wxyz])\b", result.message.splitlines()[0])
