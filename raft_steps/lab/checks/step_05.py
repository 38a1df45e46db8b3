"""The checks of step 5: AppendEntries carries the leader's term, and a receiver that is behind adopts it."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from itertools import pairwise
from typing import get_type_hints

from raft_steps.lab.checks import step_02, step_03, step_04
from raft_steps.lab.checks.bench import Bench, message_class_of
from raft_steps.lab.checks.elections import win_election
from raft_steps.lab.checks.exchange import fields_text
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.errors import MessageError
from raft_steps.lab.messages import check_message, from_text, to_text

TERM_CHECKS = 6  # the step from which a call of an older term is refused


def begin(bench: Bench, log: str = "", draws: tuple[float, ...] = ()) -> None:
    """Start the server under test with fake peers; fail if its calls cannot carry a number as the term."""
    require_numeric_term(bench)
    bench.begin(log=log, draws=draws)


def require_numeric_term(bench: Bench) -> None:
    """Fail if AppendEntries has a field `term` that does not accept a number: no check could send a call."""
    call_class = message_class_of(bench.node_class, "AppendEntries")
    hints = get_type_hints(call_class)
    if "term" in hints:
        try:
            check_message(bench.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=()))
        except MessageError:
            kind = getattr(hints["term"], "__name__", hints["term"])
            bench.fail(f"AppendEntries declares term: {kind}, which does not accept a number; write term: int")


@rule(
    "Every AppendEntries carries the leader's current term, in a heartbeat, with a new entry and in a retry alike, and "
    "is sent once.",
    'Figure 2, AppendEntries RPC; Raft 11: "the append_entries calls need to include it"',
)
def every_call_carries_the_current_term(bench: Bench) -> None:
    """A leader of term 4, whose last entry has term 3, has four reasons to call."""
    begin(bench, log="3 set x 1")
    win_election(bench)
    bench.run(5.1)  # Just after a heartbeat: a call with the entry must not look like the same one sent twice.
    bench.ask("set y 2")
    bench.send("jerry", "AppendEntriesReply", success=False, prev_log_index=1)
    term = bench.field("current_term")
    calls = bench.sent("AppendEntries")
    bench.require(calls, "tom leads and should call the others with AppendEntries, but never does")
    for call in calls:
        carried = call["fields"].get("term", "no term")
        bench.require(
            carried == term,
            f"tom leads in term {term}, and every AppendEntries should carry it; "
            f"this one, to {call['to']}, carries {carried if carried == 'no term' else f'term {carried}'}",
            call,
        )
    for call, after in pairwise(sorted(calls, key=lambda each: each["to"])):
        bench.require(
            (call.time_us, call["to"], call["fields"]) != (after.time_us, after["to"], after["fields"]),
            f"tom sends the same call to {call['to']} twice at once. append_entries_after should only build the call; "
            "the method that calls it sends it",
            after,
        )


@rule(
    "A server that receives a call of a later term than its own adopts that term.",
    "Section 5.1; Raft 11, the term of an append_entries call",
)
def a_later_term_is_adopted(bench: Bench) -> None:
    """A follower in term 1 receives a call of term 4."""
    begin(bench, log="1 set x 1")
    bench.call("jerry", 4)
    term = bench.field("current_term")
    bench.require(
        term == 4,
        f"tom is a follower in term 1 and receives jerry's call of term 4: it should be in term 4 now, "
        f"but is in term {term}",
        bench.arrival(),
    )


@rule(
    "A leader that receives a call of a later term than its own adopts that term too.",
    'Section 5.1; Raft 11: "In Raft, state belongs in the messages"',
)
def a_leader_adopts_a_later_term_too(bench: Bench) -> None:
    """A leader of term 2, which was cut off, receives its successor's call of term 5."""
    begin(bench, log="1 set x 1")
    win_election(bench)
    bench.call("jerry", 5)
    term = bench.field("current_term")
    bench.require(
        term == 5,
        f"tom leads in term 2 and receives jerry's call of term 5: it should be in term 5 now, but is in term {term}",
        bench.arrival(),
    )


@rule("A server's current term never decreases.", "Section 5.1; Figure 2, currentTerm")
def the_term_never_decreases(bench: Bench) -> None:
    """A follower in term 3 receives a call of term 2; in another run, a candidate in term 4 receives a call of term 3."""
    for own, older in ((3, 2), (4, 3)):
        begin(bench, log="3 set x 1")
        if own == 4:  # Its term is then newer than that of its last entry.
            bench.run_until_sent("RequestVote")
        bench.call("jerry", older)
        term = bench.field("current_term")
        bench.require(
            term == own,
            f"tom is in term {own} and receives a call of term {older}, from a former leader: it should stay in "
            f"term {own}, but is in term {term} now",
            bench.arrival(),
        )


@rule(
    "The answer to a call says whether the receiver has the preceding entry, and which entry that is.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 2",
)
def a_call_is_answered_as_before(bench: Bench) -> None:
    """A follower with one entry receives a call that fits its log, one that does not, and one of an older term."""
    begin(bench, log="3 set x 1")
    older = [(2, 1, True)] if bench.step < TERM_CHECKS else []
    for term, index, success in [(3, 1, True), (3, 2, False), *older]:
        has, of = "has" if success else "lacks", f"term {term}" if term == 3 else f"term {term}, older than its own,"
        story = f"jerry's call of {of} follows entry {index}, which tom {has}; tom should answer jerry"
        sent = bench.call("jerry", term, after=(index, 3))
        later = "" if term == 3 else ". Older calls are refused only from step 6 on, and a refusal is an answer too"
        bench.require(sent, f"{story}; it does not answer{later}", bench.arrival())
        first, wanted = sent[0], {"success": success, "prev_log_index": index}
        bench.require(first["to"] == "jerry", f"{story}; it answers {first['to']}", first)
        ahead = term < 3 and first["type"] == "AppendEntriesRefused"  # A Node of step 6 or later.
        bench.require(
            ahead or (first["type"] == "AppendEntriesReply" and first["fields"].items() >= wanted.items()),
            f"{story} with AppendEntriesReply({fields_text(wanted)}); "
            f"it answers {first['type']}({fields_text(first['fields'])})",
            first,
        )
        bench.require(len(sent) == 1, f"{story} once; it sends {len(sent)} messages", sent[-1])


@rule(
    "A follower that keeps receiving calls never starts an election; after an election timeout without one, it does.",
    "Section 5.2; Figure 2, Followers",
)
def heartbeats_prevent_an_election(bench: Bench) -> None:
    """A follower with a timeout of 8 s receives a call every 5 s, and then no more."""
    begin(bench, draws=(8,))
    for _ in range(4):
        bench.call_repeatedly("jerry", term=1, times=1)
        for request in bench.sent("RequestVote"):
            bench.fail(
                f"tom's election timeout is 8 s and it receives jerry's call every {bench.pace_s(5):g} s, so it should go on "
                "waiting; but its election timer was not restarted, and it starts an election",
                request,
            )
    bench.run_until_sent(
        "RequestVote",
        within_s=19,
        failure=f"jerry led and went silent at {bench.arrival().seconds:g} s: tom's election timer should expire, and tom "
        "should ask for votes; it does not",
    )
    require_timer_restarted_by_refused_entries(bench)
    step_04.a_heartbeat_restarts_the_timer.run(bench)


def require_timer_restarted_by_refused_entries(bench: Bench) -> None:
    """Check that a call restarts the election timer of a follower that lacks the preceding entry.

    Raises:
        CheckFailed: The follower starts an election.
    """
    begin(bench, log="3 set x 1", draws=(8,))
    for _ in range(4):
        bench.run(bench.pace_s(5) - bench.delay_s)
        bench.call("jerry", 3, after=(2, 3), entries="3 set z 3")
        for request in bench.sent("RequestVote"):
            bench.fail(
                f"tom's election timeout is 8 s. Every {bench.pace_s(5):g} s it receives a call of jerry, the leader, that follows entry 2, "
                "which tom lacks: it refuses the entries, but should go on waiting. It starts an election",
                request,
            )


@rule(
    "The entries of a call are stored after the preceding entry, and conflicting ones are deleted.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3 and 4",
)
def entries_are_stored_as_before(bench: Bench) -> None:
    """A follower with an extra entry receives a call of a new term, and a second one of the same term.

    Then the checks of steps 2 to 4 about the entries of a call run again.
    """
    begin(bench, log="1 set x 1; 1 set y 2")
    for after, entry, wanted in (
        ((1, 1), "2 set y 3", "1 set x 1; 2 set y 3"),
        ((2, 2), "2 set z 4", "1 set x 1; 2 set y 3; 2 set z 4"),
    ):
        bench.call("jerry", 2, after=after, entries=entry)
        log = bench.log()
        bench.require(
            log == wanted,
            f"jerry's call of term 2 carries '{entry}' and follows entry {after[0]}: "
            f"tom's log should be '{wanted}', but is '{log}'",
            bench.arrival(),
        )
    step_02.a_follower_refuses_entries_that_do_not_fit.run(bench)
    step_02.a_follower_stores_entries_that_fit.run(bench)
    step_02.conflicting_entries_are_deleted.run(bench)
    step_02.matching_entries_are_kept.run(bench)
    step_02.a_leader_that_restarts_follows.run(bench)
    step_03.a_follower_applies_on_the_commit_message.run(bench)
    step_04.a_new_leader_has_applied_its_log.run(bench)


@rule(
    "A call names the entry that precedes its entries, with that entry's own term, and carries all entries after it.",
    "Section 5.3; Figure 2, AppendEntries RPC: prevLogIndex, prevLogTerm, entries[]",
)
def calls_are_built_as_before(bench: Bench) -> None:
    """The checks of step 2 about heartbeats, new entries and retries run again."""
    require_numeric_term(bench)
    bench.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=())  # It fails without a term.
    step_02.a_heartbeat_names_the_last_entry.run(bench)
    step_02.a_new_entry_is_sent_with_the_preceding_one.run(bench)
    step_02.a_refused_leader_retries_one_entry_earlier.run(bench)


@rule(
    "A call can be converted to text and back; without a term, or with one that is not a whole number, it is an error.",
    'Raft 11: the AppendEntries object "converts all the different components to and from the string format"',
)
def a_call_without_a_term_is_an_error(bench: Bench) -> None:
    """A call is written as text and parsed, and then corrupted in three ways."""
    require_numeric_term(bench)
    call = bench.message("AppendEntries", term=4, prev_log_index=0, prev_log_term=0, entries=())
    term = next(field for field in fields(call) if field.name == "term")
    bench.require(
        term.default is MISSING and term.default_factory is MISSING,
        f"AppendEntries has a default for its term, {term.default!r}, so a sender may forget it; "
        "write term: int without a default",
    )
    text = to_text(call)
    bench.require(
        from_text(text, type(call)) == call,
        f"this call, written as text and parsed again, should be equal to the original, but is not: {text}",
    )
    for wrong, what in (("four", "with the term 'four'"), (None, "with the term null"), (4.5, "with the term 4.5")):
        try:
            from_text(json.dumps(json.loads(text) | {"term": wrong}), type(call))
        except MessageError:
            continue
        bench.fail(f"a call {what} should be an error, but AppendEntries accepts it; write term: int")
