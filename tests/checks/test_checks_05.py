"""The checks of step 5: the term travels in AppendEntries, and whoever hears it catches up."""

import pytest

from raft_steps import node
from raft_steps.lab.checks import check
from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import from_text, to_text
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.checks.check_tools import failing, first_failure, marked, names_of, wrong_nodes_of
from tests.checks.wrong_nodes import step_05 as wrong

CAUGHT_BY = {
    wrong.OldCallIsSent: "every call carries the current term",
    wrong.CallIsNotGivenBack: "every call carries the current term",
    wrong.CallIsSentTwice: "every call carries the current term",
    wrong.TermOfLastEntryIsSent: "every call carries the current term",
    wrong.OnlyHeartbeatsCarryTheTerm: "every call carries the current term",
    wrong.OldCallIsHeard: "a later term is adopted",
    wrong.TermIsNotRead: "a later term is adopted",
    wrong.TermIsRaisedByOne: "a later term is adopted",
    wrong.LeaderKnowsBetter: "a leader adopts a later term too",
    wrong.AnyTermIsTaken: "the term never decreases",
    wrong.TimerIsForgotten: "heartbeats prevent an election",
    wrong.TimerIsOnlyCancelled: "heartbeats prevent an election",
    wrong.AnswerIsForgotten: "a call is answered as before",
    wrong.OlderCallIsPassedOver: "a call is answered as before",
    wrong.OlderCallIsAFailure: "a call is answered as before",
    wrong.AnswerIsAlwaysYes: "a call is answered as before",
    wrong.EntriesAreForgotten: "entries are stored as before",
    wrong.OnlyNewTermsBringEntries: "entries are stored as before",
    wrong.TermHasAValueReady: "a call without a term is an error",
    wrong.TermMayBeNone: "a call without a term is an error",
    wrong.TermIsAWord: "every call carries the current term",
}
# Mistakes that no check of a call can pass over: there is no term to be heard, or none that is a number.
EVERYWHERE = {wrong.OldCallIsHeard, wrong.TermIsAWord}


@pytest.mark.parametrize("step", [5, 6, 7, 8])
def test_holds_from_step_5_on(step: int) -> None:
    """What step 5 is about is never given up again."""
    assert [] == failing(node(step), 5)


def test_step_4_has_none_of_it() -> None:
    """Without a term in the call, nothing of this can be."""
    assert names_of(5) == failing(node(4), 5)


@pytest.mark.parametrize("node_class", CAUGHT_BY, ids=lambda node_class: node_class.__name__)
def test_wrong_node_meets_its_check(node_class: type) -> None:
    """Each mistake is caught by the check that is made for it, before any other."""
    failed = failing(node_class, 5)

    assert CAUGHT_BY[node_class] == failed[0]
    assert len(failed) <= 2 or node_class in EVERYWHERE


def test_every_check_and_every_wrong_node_counts() -> None:
    """No check is idle, and no wrong node is forgotten in the table."""
    assert set(names_of(5)) == set(CAUGHT_BY.values())
    assert set(CAUGHT_BY) == wrong_nodes_of(wrong, right={"Sends", "Hears"})


def test_report_of_a_missing_term() -> None:
    """The report of one mistake, to the letter."""
    report = str(check(wrong.TermOfLastEntryIsSent, 5))

    assert (
        """\
step 5: 7 of 8 checks pass
  FAIL  every call carries the current term
        tom leads in term 4 and should say so in every AppendEntries; this one, to jerry, carries term 3
        The event, at 13.2 s: tom sends a heartbeat of term 3 to jerry
        The rule (Figure 2, AppendEntries RPC; Raft 11: "the append_entries calls need to include it"): Whoever
        sends AppendEntries says in it which term it is in, and says it once: with a heartbeat, a new entry and
        a second try alike.
  ok    a later term is adopted
  ok    a leader adopts a later term too
  ok    the term never decreases
  ok    heartbeats prevent an election
  ok    a call is answered as before
  ok    entries are stored as before
  ok    a call without a term is an error"""
        == report
    )


def test_old_handler_is_told_apart() -> None:
    """Whoever changes the message and not its handler hears that the handler is still the old one."""
    result = first_failure(wrong.OldCallIsHeard, 5)

    assert (
        "AppendEntries has no field term; it has prev_log_index, prev_log_term, entries. "
        "Write on_append_entries for the message that has it; so far it is the one of step 4"
    ) == result.message


def test_silence_is_no_refusal() -> None:
    """Whoever says nothing to an older call hears that refusing comes later, and is an answer too."""
    assert (
        "tom has the entry 1 that jerry's call of term 2, older than its own, comes after, and should answer jerry; "
        "it answers nothing: to refuse an older call comes with step 6, and it is answered then too"
    ) == first_failure(wrong.OlderCallIsPassedOver, 5).message


def test_term_of_the_wrong_type_is_told_the_right_way_round() -> None:
    """A field that takes no number is named with what to write, by every check alike, and nothing of the laboratory is."""
    report = str(check(wrong.TermIsAWord, 5))

    assert "AppendEntries takes no number for its term, for it says term: str; write term: int\n" in report
    assert len(names_of(5)) - 1 == report.count("The same mistake as in: every call carries the current term.")


@pytest.mark.parametrize(
    "node_class, event",
    [
        (wrong.OnlyHeartbeatsCarryTheTerm, ("sent", 18.2, "tom")),
        (wrong.AnyTermIsTaken, ("delivered", 0.2, "tom")),
        (wrong.TimerIsForgotten, ("sent", 8.0, "tom")),
        (wrong.AnswerIsAlwaysYes, ("sent", 0.4, "tom")),
        (wrong.OnlyNewTermsBringEntries, ("delivered", 0.4, "tom")),
    ],
)
def test_marks_the_first_event_that_breaks_the_rule(node_class: type, event: tuple[str, float, str]) -> None:
    """The picture's mark is at the event by which one sees the mistake first."""
    assert event == marked(node_class, 5)


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
    """A text that is no call says which field is missing or wrong."""
    with pytest.raises(MessageError) as caught:
        from_text(text, AppendEntries)

    assert error == str(caught.value)


def test_a_term_of_the_wrong_type_is_not_spelled() -> None:
    """A call with a word for a term is an error before it is text."""
    call = AppendEntries(term="four", prev_log_index=0, prev_log_term=0, entries=())  # type: ignore[arg-type]

    with pytest.raises(MessageError) as caught:
        to_text(call)

    assert "AppendEntries.term should be int, not 'four' (str)" == str(caught.value)
