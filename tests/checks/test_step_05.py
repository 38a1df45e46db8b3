"""The checks of step 5 pass right Nodes and catch the usual mistakes."""

import pytest

from raft_steps import node
from raft_steps.lab.checks import check
from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import from_text, to_text
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.checks.check_tools import check_names, failed_checks, first_failure, marked_event, wrong_nodes_of
from tests.checks.wrong_nodes import step_05 as wrong

CAUGHT_BY: dict[type, str] = {
    wrong.OldCallIsSent: "every call carries the current term",
    wrong.CallIsNotReturned: "every call carries the current term",
    wrong.CallIsSentTwice: "every call carries the current term",
    wrong.TermOfLastEntryIsSent: "every call carries the current term",
    wrong.OnlyHeartbeatsCarryTheTerm: "every call carries the current term",
    wrong.HandlerIsInherited: "a later term is adopted",
    wrong.TermIsNotRead: "a later term is adopted",
    wrong.TermIsRaisedByOne: "a later term is adopted",
    wrong.LeaderKnowsBetter: "a leader adopts a later term too",
    wrong.AnyTermIsTaken: "the term never decreases",
    wrong.TimerIsForgotten: "heartbeats prevent an election",
    wrong.TimerIsOnlyCancelled: "heartbeats prevent an election",
    wrong.AnswerIsForgotten: "a call is answered as before",
    wrong.OlderCallIsIgnored: "a call is answered as before",
    wrong.OlderCallIsAFailure: "a call is answered as before",
    wrong.AnswerIsAlwaysYes: "a call is answered as before",
    wrong.EntriesAreForgotten: "entries are stored as before",
    wrong.OnlyNewTermsBringEntries: "entries are stored as before",
    wrong.RetryBeginsAtTheStart: "calls are built as before",
    wrong.EntriesBeginOneLate: "calls are built as before",
    wrong.RefusedEntriesCountAsSilence: "heartbeats prevent an election",
    wrong.TermOfLastEntryIsCompared: "the term never decreases",
    wrong.TermHasADefault: "a call without a term is an error",
    wrong.TermMayBeNone: "a call without a term is an error",
    wrong.TermIsAString: "every call carries the current term",
}
# Mistakes that fail every check with a call: the Node does not accept a term, or one that is not a number.
EVERYWHERE = {wrong.HandlerIsInherited, wrong.TermIsAString}


@pytest.mark.parametrize("step", [5, 6, 7, 8])
def test_later_nodes_pass(step: int) -> None:
    """Later steps keep the rules of step 5."""
    assert [] == failed_checks(node(step), 5)


def test_step_4_passes_none() -> None:
    """A call without a term fails every check."""
    assert check_names(5) == failed_checks(node(4), 5)


@pytest.mark.parametrize("node_class", CAUGHT_BY, ids=lambda node_class: node_class.__name__)
def test_wrong_node_fails_its_check(node_class: type) -> None:
    """Each mistake is caught by its check, which fails first."""
    failed = failed_checks(node_class, 5)

    assert CAUGHT_BY[node_class] == failed[0]
    assert len(failed) <= 4 or node_class in EVERYWHERE


def test_every_check_and_every_wrong_node_is_used() -> None:
    """Every check catches a wrong Node, and every wrong Node is in the table."""
    assert set(check_names(5)) == set(CAUGHT_BY.values())
    assert set(CAUGHT_BY) == wrong_nodes_of(wrong, right={"Sends", "Hears"})


def test_report_of_a_missing_term() -> None:
    """The whole report of one mistake."""
    report = str(check(wrong.TermOfLastEntryIsSent, 5))

    assert (
        """\
step 5: 8 of 9 checks pass
  FAIL  every call carries the current term
        tom leads in term 4, and every AppendEntries should carry it; this one, to jerry, carries term 3
        The event, at 13.2 s: tom sends a heartbeat of term 3 to jerry
        The rule (Figure 2, AppendEntries RPC; Raft 11: "the append_entries calls need to include it"): Every
        AppendEntries carries the leader's current term, in a heartbeat, with a new entry and in a retry alike,
        and is sent once.
  ok    a later term is adopted
  ok    a leader adopts a later term too
  ok    the term never decreases
  ok    a call is answered as before
  ok    heartbeats prevent an election
  ok    entries are stored as before
  ok    calls are built as before
  ok    a call without a term is an error"""
        == report
    )


def test_inherited_handler_is_named() -> None:
    """If only the message was changed, the failure names the handler that is still inherited."""
    result = first_failure(wrong.HandlerIsInherited, 5)

    assert (
        "AppendEntries has no field term; it has prev_log_index, prev_log_term, entries. "
        "Your Node inherits on_append_entries from step 4; write it for the new message"
    ) == result.message


def test_silence_is_not_a_refusal() -> None:
    """If a Node does not answer an older call, the failure says that refusing comes later, and is an answer too."""
    assert (
        "jerry's call of term 2, older than its own, follows entry 1, which tom has; tom should answer jerry; "
        "it does not answer. Older calls are refused only from step 6 on, and a refusal is an answer too"
    ) == first_failure(wrong.OlderCallIsIgnored, 5).message


def test_term_of_the_wrong_type_is_named() -> None:
    """Every check reports a field that does not accept a number, with what to write instead."""
    report = str(check(wrong.TermIsAString, 5))

    assert "AppendEntries declares term: str, which does not accept a number; write term: int\n" in report
    assert len(check_names(5)) - 1 == report.count("The same mistake as in: every call carries the current term.")


@pytest.mark.parametrize(
    "node_class, event",
    [
        (wrong.OnlyHeartbeatsCarryTheTerm, ("sent", 18.3, "tom")),
        (wrong.AnyTermIsTaken, ("delivered", 0.2, "tom")),
        (wrong.TimerIsForgotten, ("sent", 8.0, "tom")),
        (wrong.AnswerIsAlwaysYes, ("sent", 0.4, "tom")),
        (wrong.OnlyNewTermsBringEntries, ("delivered", 0.4, "tom")),
    ],
)
def test_marks_the_first_event_that_breaks_the_rule(node_class: type, event: tuple[str, float, str]) -> None:
    """The picture marks the first event that shows the mistake."""
    assert event == marked_event(node_class, 5)


@pytest.mark.parametrize(
    "text, error",
    [
        (
            '{"type": "AppendEntries", "prev_log_index": 0, "prev_log_term": 0, "entries": []}',
            "AppendEntries has no term; a message has all its fields: term, prev_log_index, prev_log_term, entries",
        ),
        (
            '{"type": "AppendEntries", "term": "four", "prev_log_index": 0, "prev_log_term": 0, "entries": []}',
            "AppendEntries.term should be int, not 'four'",
        ),
    ],
)
def test_a_call_without_a_right_term_is_a_clear_error(text: str, error: str) -> None:
    """The error of a text that is not a call names the missing or wrong field."""
    with pytest.raises(MessageError) as caught:
        from_text(text, AppendEntries)

    assert error == str(caught.value)


def test_a_term_of_the_wrong_type_is_not_spelled() -> None:
    """A call with a word for a term is an error before it is text."""
    call = AppendEntries(term="four", prev_log_index=0, prev_log_term=0, entries=())  # type: ignore[arg-type]

    with pytest.raises(MessageError) as caught:
        to_text(call)

    assert "AppendEntries.term should be int, not 'four' (str)" == str(caught.value)
