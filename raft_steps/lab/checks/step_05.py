"""The checks of step 5: the term travels in AppendEntries, and whoever hears it catches up."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from itertools import pairwise
from typing import Any, get_type_hints

from raft_steps.lab.checks.bench import Bench, message_class_of
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import check_message, from_text, to_text


def begin(bench: Bench, log: str = "", draws: tuple[float, ...] = ()) -> None:
    """Start the server under test among peers, unless its calls cannot carry a number for a term."""
    require_numeric_term(bench)
    bench.begin(log=log, draws=draws)


def require_numeric_term(bench: Bench) -> None:
    """Fail if AppendEntries has a field for the term, but one that takes no number: nobody could say its term then."""
    call_class = message_class_of(bench.node_class, "AppendEntries")
    hints = get_type_hints(call_class)
    if "term" in hints:
        try:
            check_message(bench.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=()))
        except MessageError:
            kind = getattr(hints["term"], "__name__", hints["term"])
            bench.fail(f"AppendEntries takes no number for its term, for it says term: {kind}; write term: int")


@rule(
    "Whoever sends AppendEntries says in it which term it is in, and says it once: with a heartbeat, a new entry and a "
    "second try alike.",
    'Figure 2, AppendEntries RPC; Raft 11: "the append_entries calls need to include it"',
)
def every_call_carries_the_current_term(bench: Bench) -> None:
    """A leader of term 4, whose last entry is of term 3, has four reasons to call."""
    begin(bench, log="3 set x 1")
    bench.win_election()
    bench.run(5)
    bench.ask("set y 2")
    bench.send("jerry", "AppendEntriesReply", success=False, prev_log_index=1)
    term = bench.field("current_term")
    calls = bench.sent("AppendEntries")
    bench.require(calls, "tom leads and should call the others with AppendEntries, but never does")
    for call in calls:
        carried = call["fields"].get("term", "no term")
        bench.require(
            carried == term,
            f"tom leads in term {term} and should say so in every AppendEntries; "
            f"this one, to {call['to']}, carries {carried if carried == 'no term' else f'term {carried}'}",
            call,
        )
    for call, after in pairwise(sorted(calls, key=lambda each: each["to"])):
        bench.require(
            (call.time_us, call["to"], call["fields"]) != (after.time_us, after["to"], after["fields"]),
            f"tom sends {call['to']} the same call twice at once. Once is enough: append_entries_after only builds a "
            "call, and whoever asked for it sends it",
            after,
        )


@rule(
    "A server that hears of a later term than its own is in that term from then on.",
    "Section 5.1; Raft 11, the term of an append_entries call",
)
def who_hears_a_later_term_catches_up(bench: Bench) -> None:
    """A follower of term 1 hears a call of term 4."""
    begin(bench, log="1 set x 1")
    bench.call("jerry", 4)
    term = bench.field("current_term")
    bench.require(
        term == 4,
        f"tom follows in term 1 and hears jerry's call of term 4: tom should be in term 4 now, but is in term {term}",
        bench.arrival(),
    )


@rule(
    "A leader that hears of a later term than its own catches up with it too.",
    'Section 5.1; Raft 11: "In Raft, state belongs in the messages"',
)
def a_leader_catches_up_too(bench: Bench) -> None:
    """A leader of term 2, which was cut off, hears its successor's call of term 5."""
    begin(bench, log="1 set x 1")
    bench.win_election()
    bench.call("jerry", 5)
    term = bench.field("current_term")
    bench.require(
        term == 5,
        f"tom leads in term 2 and hears jerry's call of term 5: tom should be in term 5 now, but is in term {term}",
        bench.arrival(),
    )


@rule("A server's current term never goes back.", "Section 5.1; Figure 2, currentTerm")
def the_term_never_goes_back(bench: Bench) -> None:
    """A follower of term 3 hears a call of term 2."""
    begin(bench, log="3 set x 1")
    bench.call("jerry", 2)
    term = bench.field("current_term")
    bench.require(
        term == 3,
        f"tom is in term 3 and hears a call of term 2, of a leader that is behind: tom should stay in term 3, "
        f"but is in term {term} now",
        bench.arrival(),
    )


@rule(
    "A follower that keeps hearing a leader never runs; once it hears nothing for a whole election timeout, it does.",
    "Section 5.2; Figure 2, Followers",
)
def who_hears_a_leader_does_not_run(bench: Bench) -> None:
    """A follower that waits 8 s hears a leader every 5 s, and then no more."""
    begin(bench, draws=(8,))
    for _ in range(4):
        bench.call_repeatedly("jerry", term=1, times=1)
        for run in bench.sent("RequestVote"):
            bench.fail(
                "tom waits 8 s for a leader and hears jerry's call every 5 s, so it should go on waiting; "
                "but its election timer was not restarted, and it runs for leader",
                run,
            )
    bench.run_until_sent(
        "RequestVote",
        within_s=19,
        failure="jerry led and fell silent at 20 s: tom's election timer should run out, and tom should ask for votes; "
        "it does not",
    )


@rule(
    "A call is answered with whether the receiver has the entry before, and with which entry that is.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 2",
)
def a_call_is_answered_as_before(bench: Bench) -> None:
    """A follower with one entry hears a call that fits its log, one that does not, and one of an older term that fits."""
    begin(bench, log="3 set x 1")
    for term, index, success in ((3, 1, True), (3, 2, False), (2, 1, True)):
        has, of = "has" if success else "lacks", f"term {term}" if term == 3 else f"term {term}, older than its own,"
        situation = f"tom {has} the entry {index} that jerry's call of {of} comes after, and should answer jerry"
        sent = bench.call("jerry", term, after=(index, 3))
        later = "" if term == 3 else ": to refuse an older call comes with step 6, and it is answered then too"
        bench.require(sent, f"{situation}; it answers nothing{later}", bench.arrival())
        first, wanted = sent[0], {"success": success, "prev_log_index": index}
        bench.require(first["to"] == "jerry", f"{situation}; it answers {first['to']}", first)
        ahead = term < 3 and first["type"] == "AppendEntriesRefused"  # A Node of step 6 or later.
        bench.require(
            ahead or (first["type"] == "AppendEntriesReply" and first["fields"].items() >= wanted.items()),
            f"{situation} with AppendEntriesReply({fields_text(wanted)}); "
            f"it answers {first['type']}({fields_text(first['fields'])})",
            first,
        )
        bench.require(len(sent) == 1, f"{situation} once; it sends {len(sent)} messages", sent[-1])


def fields_text(values: dict[str, Any]) -> str:
    """Spell a message's fields as in a call: ``success=True, prev_log_index=1``."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


@rule(
    "What a call brings is stored after the entry that it must follow, and what conflicts with it goes.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3 and 4",
)
def entries_are_stored_as_before(bench: Bench) -> None:
    """A follower with an entry too many hears a call of a new term, and a second one of the same term."""
    begin(bench, log="1 set x 1; 1 set y 2")
    for after, entry, wanted in (
        ((1, 1), "2 set y 3", "1 set x 1; 2 set y 3"),
        ((2, 2), "2 set z 4", "1 set x 1; 2 set y 3; 2 set z 4"),
    ):
        bench.call("jerry", 2, after=after, entries=entry)
        log = bench.log()
        bench.require(
            log == wanted,
            f"jerry's call of term 2 brings the entry '{entry}', to come after entry {after[0]}: "
            f"tom's log should be '{wanted}', but is '{log}'",
            bench.arrival(),
        )


@rule(
    "A call turns into text and back; without a term, or with one that is no whole number, it is no call but an error.",
    'Raft 11: the AppendEntries object "converts all the different components to and from the string format"',
)
def a_call_without_a_term_is_an_error(bench: Bench) -> None:
    """A call is fields_text, read back, and then spoilt in three ways."""
    require_numeric_term(bench)
    call = bench.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=())
    term = next(field for field in fields(call) if field.name == "term")
    bench.require(
        term.default is MISSING and term.default_factory is MISSING,
        f"AppendEntries has a value ready for a sender that forgets its term: {term.default!r}. "
        "Write term: int and no more, so that nobody can forget it",
    )
    text = to_text(call)
    bench.require(from_text(text, type(call)) == call, f"this call should be the same after it was read back: {text}")
    for spoilt, what in (("four", "with the term 'four'"), (None, "with the term null"), (4.5, "with the term 4.5")):
        try:
            from_text(json.dumps(json.loads(text) | {"term": spoilt}), type(call))
        except MessageError:
            continue
        bench.fail(f"a call {what} should be an error, but AppendEntries takes it; write term: int")
