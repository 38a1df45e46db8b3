"""The checks of step 5: the term travels in AppendEntries, and whoever hears it catches up."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from itertools import pairwise
from typing import Any, get_type_hints

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.bench import Bench, message_class_of
from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import check_message, from_text, to_text


def begin(stage: Bench, log: str = "", draws: tuple[float, ...] = ()) -> None:
    """Start the server under test among puppets, unless its calls cannot carry a number for a term."""
    require_a_number(stage)
    stage.begin(log=log, draws=draws)


def require_a_number(stage: Bench) -> None:
    """Fail if AppendEntries has a field for the term, but one that takes no number: nobody could say its term then."""
    call_class = message_class_of(stage.node_class, "AppendEntries")
    hints = get_type_hints(call_class)
    if "term" in hints:
        try:
            check_message(stage.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=()))
        except MessageError:
            kind = getattr(hints["term"], "__name__", hints["term"])
            stage.fail(f"AppendEntries takes no number for its term, for it says term: {kind}; write term: int")


@rule(
    "Whoever sends AppendEntries says in it which term it is in, and says it once: with a heartbeat, a new entry and a "
    "second try alike.",
    'Figure 2, AppendEntries RPC; Raft 11: "the append_entries calls need to include it"',
)
def every_call_carries_the_current_term(stage: Bench) -> None:
    """A leader of term 4, whose last entry is of term 3, has four reasons to call."""
    begin(stage, log="3 set x 1")
    stage.win_election()
    stage.run(5)
    stage.ask("set y 2")
    stage.send("jerry", "AppendEntriesReply", success=False, prev_log_index=1)
    term = stage.field("current_term")
    calls = stage.sent("AppendEntries")
    stage.require(calls, "tom leads and should call the others with AppendEntries, but never does")
    for call in calls:
        carried = call["fields"].get("term", "no term")
        stage.require(
            carried == term,
            f"tom leads in term {term} and should say so in every AppendEntries; "
            f"this one, to {call['to']}, carries {carried if carried == 'no term' else f'term {carried}'}",
            call,
        )
    for call, after in pairwise(sorted(calls, key=lambda each: each["to"])):
        stage.require(
            (call.time_us, call["to"], call["fields"]) != (after.time_us, after["to"], after["fields"]),
            f"tom sends {call['to']} the same call twice at once. Once is enough: append_entries_after only builds a "
            "call, and whoever asked for it sends it",
            after,
        )


@rule(
    "A server that hears of a later term than its own is in that term from then on.",
    "Section 5.1; Raft 11, the term of an append_entries call",
)
def who_hears_a_later_term_catches_up(stage: Bench) -> None:
    """A follower of term 1 hears a call of term 4."""
    begin(stage, log="1 set x 1")
    stage.call("jerry", 4)
    term = stage.field("current_term")
    stage.require(
        term == 4,
        f"tom follows in term 1 and hears jerry's call of term 4: tom should be in term 4 now, but is in term {term}",
        stage.arrival(),
    )


@rule(
    "A leader that hears of a later term than its own catches up with it too.",
    'Section 5.1; Raft 11: "In Raft, state belongs in the messages"',
)
def a_leader_catches_up_too(stage: Bench) -> None:
    """A leader of term 2, which was cut off, hears its successor's call of term 5."""
    begin(stage, log="1 set x 1")
    stage.win_election()
    stage.call("jerry", 5)
    term = stage.field("current_term")
    stage.require(
        term == 5,
        f"tom leads in term 2 and hears jerry's call of term 5: tom should be in term 5 now, but is in term {term}",
        stage.arrival(),
    )


@rule("A server's current term never goes back.", "Section 5.1; Figure 2, currentTerm")
def the_term_never_goes_back(stage: Bench) -> None:
    """A follower of term 3 hears a call of term 2."""
    begin(stage, log="3 set x 1")
    stage.call("jerry", 2)
    term = stage.field("current_term")
    stage.require(
        term == 3,
        f"tom is in term 3 and hears a call of term 2, of a leader that is behind: tom should stay in term 3, "
        f"but is in term {term} now",
        stage.arrival(),
    )


@rule(
    "A follower that keeps hearing a leader never runs; once it hears nothing for a whole election timeout, it does.",
    "Section 5.2; Figure 2, Followers",
)
def who_hears_a_leader_does_not_run(stage: Bench) -> None:
    """A follower that waits 8 s hears a leader every 5 s, and then no more."""
    begin(stage, draws=(8,))
    for _ in range(4):
        stage.call_on("jerry", term=1, times=1)
        for run in stage.sent("RequestVote"):
            stage.fail(
                "tom waits 8 s for a leader and hears jerry's call every 5 s, so it should go on waiting; "
                "but its election timer was not restarted, and it runs for leader",
                run,
            )
    stage.run_until_sent(
        "RequestVote",
        within=19,
        otherwise="jerry led and fell silent at 20 s: tom's election timer should run out, and tom should ask for votes; "
        "it does not",
    )


@rule(
    "A call is answered with whether the receiver has the entry before, and with which entry that is.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 2",
)
def a_call_is_answered_as_before(stage: Bench) -> None:
    """A follower with one entry hears a call that fits its log, one that does not, and one of an older term that fits."""
    begin(stage, log="3 set x 1")
    for term, index, success in ((3, 1, True), (3, 2, False), (2, 1, True)):
        has, of = "has" if success else "lacks", f"term {term}" if term == 3 else f"term {term}, older than its own,"
        situation = f"tom {has} the entry {index} that jerry's call of {of} comes after, and should answer jerry"
        sent = stage.call("jerry", term, after=(index, 3))
        later = "" if term == 3 else ": to refuse an older call comes with step 6, and it is answered then too"
        stage.require(sent, f"{situation}; it answers nothing{later}", stage.arrival())
        first, wanted = sent[0], {"success": success, "prev_log_index": index}
        stage.require(first["to"] == "jerry", f"{situation}; it answers {first['to']}", first)
        ahead = term < 3 and first["type"] == "AppendEntriesRefused"  # A Node of step 6 or later.
        stage.require(
            ahead or (first["type"] == "AppendEntriesReply" and first["fields"].items() >= wanted.items()),
            f"{situation} with AppendEntriesReply({spelled(wanted)}); "
            f"it answers {first['type']}({spelled(first['fields'])})",
            first,
        )
        stage.require(len(sent) == 1, f"{situation} once; it sends {len(sent)} messages", sent[-1])


def spelled(values: dict[str, Any]) -> str:
    """Spell a message's fields as in a call: ``success=True, prev_log_index=1``."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


@rule(
    "What a call brings is stored after the entry that it must follow, and what conflicts with it goes.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3 and 4",
)
def entries_are_stored_as_before(stage: Bench) -> None:
    """A follower with an entry too many hears a call of a new term, and a second one of the same term."""
    begin(stage, log="1 set x 1; 1 set y 2")
    for after, entry, wanted in (
        ((1, 1), "2 set y 3", "1 set x 1; 2 set y 3"),
        ((2, 2), "2 set z 4", "1 set x 1; 2 set y 3; 2 set z 4"),
    ):
        stage.call("jerry", 2, after=after, entries=entry)
        log = stage.log()
        stage.require(
            log == wanted,
            f"jerry's call of term 2 brings the entry '{entry}', to come after entry {after[0]}: "
            f"tom's log should be '{wanted}', but is '{log}'",
            stage.arrival(),
        )


@rule(
    "A call turns into text and back; without a term, or with one that is no whole number, it is no call but an error.",
    'Raft 11: the AppendEntries object "converts all the different components to and from the string format"',
)
def a_call_without_a_term_is_an_error(stage: Bench) -> None:
    """A call is spelled, read back, and then spoilt in three ways."""
    require_a_number(stage)
    call = stage.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=())
    term = next(field for field in fields(call) if field.name == "term")
    stage.require(
        term.default is MISSING and term.default_factory is MISSING,
        f"AppendEntries has a value ready for a sender that forgets its term: {term.default!r}. "
        "Write term: int and no more, so that nobody can forget it",
    )
    text = to_text(call)
    stage.require(from_text(text, type(call)) == call, f"this call should be the same after it was read back: {text}")
    for spoilt, what in (("four", "with the term 'four'"), (None, "with the term null"), (4.5, "with the term 4.5")):
        try:
            from_text(json.dumps(json.loads(text) | {"term": spoilt}), type(call))
        except MessageError:
            continue
        stage.fail(f"a call {what} should be an error, but AppendEntries takes it; write term: int")
