"""The checks of step 15: what a refusal states, which entries travel in which call, and which refusals are old."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench, call_fields
from raft_steps.lab.checks.replication import (
    call,
    elect,
    lead,
    require_answer,
    require_applied_so_far,
    require_following,
    require_next_call_after,
    require_own_preceding_entry,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.trace.trace import Event

CONFLICT = (
    "Section 5.3: the follower can include the term of the conflicting entry and the first index it stores for it"
)
PIPELINE = "Ongaro's dissertation, Section 10.2.2: the next index moves on as soon as a call is sent"
BATCH = "Ongaro's dissertation, Section 10.2.2: batching"
LOST = "Section 5.3: the leader retries AppendEntries; replies may be lost, delayed, duplicated and reordered"

# The logs of Figure 7, as the terms of the entries 1, 2, …: the leader's, and those of its followers.
LEADER = (1, 1, 1, 4, 4, 5, 5, 6, 6, 6)
FOLLOWERS = {
    "a": (1, 1, 1, 4, 4, 5, 5, 6, 6), "b": (1, 1, 1, 4), "c": (*LEADER, 6), "d": (*LEADER, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4), "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}  # fmt: skip
OTHERS = (3, 3, 3, 3, 5, 5, 5), (3, 3, 3, 3, 3, 4)  # a leader's log, and one in which no term is the index of an entry


@rule(
    "A refusal states the term of the entry in the way and the first index of that term, or else where the log ends.",
    CONFLICT,
)
def a_refusal_states_the_conflict(bench: Bench) -> None:
    """Each follower of Figure 7 refuses calls after entries that it lacks, and after some of another term."""
    for terms in FOLLOWERS.values():
        bench.begin(log=log_of(terms))
        own = (0, *terms)
        for index in range(2, 14):
            sent = exchange.append_entries(bench, "jerry", (index, 8))
            story = (
                f"tom's log has the terms {_terms_text(bench, terms)}, and jerry calls after entry {index} of term 8"
            )
            exchange.require_reply(bench, sent, success=False, about=index, story=story)
            reply = sent[0]
            found = exchange.field_of(reply, "conflict_term"), exchange.field_of(reply, "conflict_index")
            expected = (own[index], own.index(own[index])) if index < len(own) else (None, len(own))
            bench.require(
                found == expected,
                f"{story}; tom should refuse with {_conflict_text(bench, expected)}, "
                f"but does so with {_conflict_text(bench, found)}",
                reply,
            )


@rule(
    "After a refusal the leader goes on after its own last entry of that term, or else where the follower's term begins.",
    CONFLICT,
)
def the_leader_skips_a_term(bench: Bench) -> None:
    """Tom has the leader's log of Figure 7, and each follower refuses until the logs agree; then two others."""
    for mine, theirs in (*((LEADER, terms) for terms in FOLLOWERS.values()), OTHERS):
        lead(bench, log=log_of(mine))
        story = f"tom's log has the terms {_terms_text(bench, mine)}, and jerry's {_terms_text(bench, theirs)}"
        _follow_refusals(bench, theirs, story)


@rule(
    "Until the follower has accepted a call, those after a refusal carry no entries; then all that is missing follows.",
    "Section 5.3: if a conflict is found the leader need not send entries; LogCabin sends none before the logs agree",
)
def calls_after_a_refusal_carry_nothing(bench: Bench) -> None:
    """A follower lacks three entries; it refuses, a heartbeat and a write follow, and it accepts the second heartbeat."""
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3")
    mark = bench.mark()
    answer(bench, "jerry", 3, success=False, conflict=(None, 1))
    bench.ask("set w 4")
    bench.run(5.2)
    story = "jerry refuses the call after entry 3, because its log is empty"
    calls = bench.sent("AppendEntries", to="jerry", since=mark)
    bench.require(calls, f"{story}; tom should ask at once whether jerry has entry 0, but does not", bench.arrival())
    for each in calls:
        carried = exchange.entries_in(each)
        bench.require(
            not carried,
            f"{story}; until jerry has accepted a call, tom should send it no entries, "
            f"but sends {exchange.entries_text(carried)}",
            each,
        )
    mark = bench.mark()
    answer(bench, "jerry", 0)
    expected = ["1: 1 set x 1", "2: 1 set y 2", "3: 1 set z 3", "4: 2 -", "5: 2 set w 4"]
    _require_entries_since(bench, mark, expected, f"{story}; then it accepts the call after entry 0")
    _require_entries_since(bench, mark, expected, f"{story}; jerry has them all", after_s=5.2)


@rule("Each call goes on after the last one, without waiting for an answer: no entry travels twice.", PIPELINE)
def the_next_call_goes_on(bench: Bench) -> None:
    """Three clients write one after the other, and nobody answers; then one follower acknowledges the first entry."""
    lead(bench)
    mark = bench.mark()
    expected: list[str] = []
    for number, command in enumerate(("set x 1", "set y 2", "set z 3"), 2):
        bench.ask(command)
        expected.append(f"{number}: 1 {command}")
        story = f"tom leads, a client sends {command!r}, and no follower has answered"
        for follower in exchange.PEERS:
            _require_entries_since(bench, mark, expected, story, follower)
    answer(bench, "jerry", 2)
    bench.run(5.2)
    for follower in exchange.PEERS:
        story = "jerry acknowledges entry 2, nobody answers anything else, and tom sends its next heartbeat"
        _require_entries_since(bench, mark, expected, story, follower)


@rule("Writes that arrive at the same moment share a call, which leaves at this moment.", BATCH)
def writes_of_a_moment_share_a_call(bench: Bench) -> None:
    """Six clients write at one moment, then one at another; a single server answers its own clients at once."""
    lead(bench)
    for commands in ([f"set x {number}" for number in range(1, 7)], ["set y 1"]):
        mark, first = bench.mark(), bench.field("log").last_index + 1
        bench.ask_together(*commands)
        story = f"{len(commands)} {'clients write' if len(commands) > 1 else 'client writes'} at one moment"
        for follower in exchange.PEERS:
            expected = [f"{index}: 1 {command}" for index, command in enumerate(commands, first)]
            _require_entries_since(bench, mark, expected, story, follower)
            calls = bench.sent("AppendEntries", to=follower, since=mark)
            bench.require(
                len(calls) == 1, f"{story}; one call to {follower} is enough, but tom sends {len(calls)}", calls[-1]
            )
    lead(bench, servers=1)
    for client in bench.ask_together("set x 1", "set x 2"):
        require_answer(bench, client, True, "tom is the only server, and a majority by itself")


@rule(
    "A leader that is deposed at the moment of a write sends nothing more: its calls would have a term that it does not "
    "lead.",
    "Section 5.1; Section 5.2: a term has at most one leader",
)
def a_deposed_leader_sends_nothing(bench: Bench) -> None:
    """A client writes, and at the same moment a call of a newer term arrives."""
    lead(bench)
    sent = bench.send(
        "jerry", "AppendEntries", term=2, leader_commit=0, round=1, asking=("set x 1",), **call_fields((0, 0))
    )
    story = "tom leads in term 1; a client writes, and at the same moment jerry calls in term 2"
    require_following(bench, 2, story)
    wrong = [each for each in sent if each["type"] == "AppendEntries"]
    bench.require(not wrong, f"{story}; tom should send no calls any more, but does", exchange.first(wrong))


@rule("A call carries at most batch_size entries, and what is missing travels in as few calls as that allows.", BATCH)
def calls_are_of_bounded_size(bench: Bench) -> None:
    """A follower lacks two full calls of entries and one more, and accepts them."""
    bench.begin()
    size = bench.field("batch_size")
    lead(bench, log=log_of((1,) * (2 * size)))
    answer(bench, "jerry", 2 * size, success=False, conflict=(None, 1))
    mark = bench.mark()
    answer(bench, "jerry", 0)
    for index in (size, 2 * size, 2 * size + 1):
        answer(bench, "jerry", index)
    story = f"jerry lacks {2 * size + 1} entries, and a call carries at most batch_size={size}"
    calls = bench.sent("AppendEntries", to="jerry", since=mark)
    counts = [len(exchange.entries_in(each)) for each in calls]
    bench.require(
        counts == [size, size, 1],
        f"{story}; tom should send {size}, {size} and 1 of them, but sends {', '.join(map(str, counts)) or 'nothing'}",
        exchange.first(calls) or bench.arrival(),
    )
    for each in calls:
        require_own_preceding_entry(bench, each, story)
    indexes = [int(entry.partition(":")[0]) for each in calls for entry in exchange.entries_in(each)]
    bench.require(
        indexes == list(range(1, 2 * size + 2)), f"{story}; tom should send each of them once and in order", calls[-1]
    )


@rule(
    "At most window entries are on their way to a follower: an acknowledgement lets as many follow, for this follower "
    "alone.",
    "Ongaro's dissertation, Section 10.2.2: pipelining; etcd limits the messages in flight to a follower",
)
def a_window_limits_what_is_under_way(bench: Bench) -> None:
    """More clients write than the window allows, and nobody answers; then one follower does, and the other one never."""
    lead(bench, log="1 set y 1; 1 set y 2; 1 set y 3")
    for follower in exchange.PEERS:
        answer(bench, follower, 4)
    window, size, mark = bench.field("window"), bench.field("batch_size"), bench.mark()
    for count in (window - 1, 2 * size + 1):
        bench.ask_together(*["set x 1"] * count)
    story = f"clients write {window + 2 * size} times, and no follower has answered; window={window}"
    for after_s in (0, 5.2):  # A heartbeat brings nothing more.
        bench.run(after_s)
        for follower in exchange.PEERS:
            _require_sent_up_to(bench, mark, follower, 4 + window, story)
    answer(bench, "jerry", 4 + size)
    story = f"{story}; then jerry acknowledges {size} of the entries"
    _require_sent_up_to(bench, mark, "jerry", 4 + window + size, story)
    _require_sent_up_to(bench, mark, "spike", 4 + window, story)
    for _ in range(2):
        answer(bench, "jerry", 4)
    _require_sent_up_to(bench, mark, "jerry", 4 + window + size, f"{story}; two of its older answers arrive late")
    bench.run(5.2)
    _require_sent_up_to(bench, mark, "spike", 4 + window, story)


@rule(
    "A refusal is old if the follower has acknowledged that entry since, or if the leader has gone back further since.",
    LOST,
)
def old_refusals_change_nothing(bench: Bench) -> None:
    """Refusals arrive after an acknowledgement, and again after the leader has gone back; then heartbeats are checked."""
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3; 1 set w 4")
    answer(bench, "jerry", 5)
    for prev, conflict in ((4, (None, 1)), (5, (None, 2)), (2, (1, 1))):
        mark = bench.mark()
        answer(bench, "jerry", prev, success=False, conflict=conflict)
        story = f"jerry has acknowledged entry 5, and its refusal of a call after entry {prev} arrives late"
        wrong = bench.sent("AppendEntries", since=mark)
        bench.require(not wrong, f"{story}; tom should not send anything, but does", exchange.first(wrong))
        require_next_call_after(bench, "jerry", 5, story)
    answer(bench, "spike", 4, success=False, conflict=(None, 2))
    for prev in (4, 3, 2):
        mark = bench.mark()
        answer(bench, "spike", prev, success=False, conflict=(None, prev))
        story = f"tom has gone back to entry 1 for spike, whose refusal of a call after entry {prev} arrives late"
        wrong = bench.sent("AppendEntries", since=mark)
        bench.require(not wrong, f"{story}; tom should not send anything, but does", exchange.first(wrong))
        require_next_call_after(bench, "spike", 1, story)


@rule("A refusal never makes the leader go back to an entry that the follower has acknowledged.", LOST)
def what_is_acknowledged_is_not_sent_again(bench: Bench) -> None:
    """A follower's refusal was sent when it had less than it has acknowledged; the answers arrive in either order."""
    lead(bench, log="1 set x 1; 1 set y 2")
    answer(bench, "jerry", 3)
    for command in ("set z 3", "set w 4"):
        bench.ask(command)
    answer(bench, "jerry", 4, success=False, conflict=(None, 1))
    story = "jerry has acknowledged entry 3, and refuses the call after entry 4; when it did so, its log was empty"
    require_next_call_after(bench, "jerry", 3, story)
    mark = bench.mark()
    answer(bench, "jerry", 3)
    expected = ["4: 2 set z 3", "5: 2 set w 4"]
    _require_entries_since(bench, mark, expected, f"{story}; then jerry accepts the call after entry 3")
    answer(bench, "spike", 4, success=False, conflict=(None, 2))
    mark = bench.mark()
    answer(bench, "spike", 3)
    story = "spike refuses the call after entry 4, because its log ended with entry 1; then it acknowledges entry 3"
    _require_entries_since(bench, mark, expected, story, "spike")


@rule(
    "A call that is lost is noticed by the next one that is refused, and everything from there on is sent again; an answer "
    "that is lost is made up for by the next one.",
    LOST,
)
def what_is_lost_is_sent_again(bench: Bench) -> None:
    """The first of two writes does not reach one follower; the other one gets both, and its first answer is lost."""
    lead(bench)
    for follower in exchange.PEERS:
        answer(bench, follower, 1)
    clients = [bench.ask(command) for command in ("set x 1", "set y 2")]
    mark = bench.mark()
    answer(bench, "jerry", 2, success=False, conflict=(None, 2))
    answer(bench, "jerry", 1)
    story = "jerry refuses the call after entry 2, because the one before was lost, and accepts the one after entry 1"
    _require_entries_since(bench, mark, ["2: 1 set x 1", "3: 1 set y 2"], story)
    for client in clients:
        require_answer(bench, client, False, f"{story}; no follower has acknowledged the entry")
    answer(bench, "spike", 2)
    require_applied_so_far(bench, ["-", "set x 1"], f"{story}; spike acknowledges entry 2")
    require_answer(bench, clients[1], False, f"{story}; spike acknowledges entry 2, and set y 2 is entry 3")
    answer(bench, "spike", 3)
    require_applied_so_far(bench, ["-", "set x 1", "set y 2"], f"{story}; spike acknowledges entry 3")
    for client in clients:
        require_answer(bench, client, True, f"{story}; spike acknowledges entry 3")


@rule(
    "A new leader starts afresh: what it knew of its followers in an earlier term does not count.", "Figure 2, Leaders"
)
def a_new_leader_starts_afresh(bench: Bench) -> None:
    """A leader that probes one follower and has sent the other one a full window is deposed, and elected with a longer log."""
    lead(bench)
    for follower in exchange.PEERS:
        answer(bench, follower, 1)
    window = bench.field("window")
    bench.ask_together(*["set x 1"] * window)
    answer(bench, "jerry", 1 + window, success=False, conflict=(None, 2))
    call(bench, "spike", 3, (1, 1), "; ".join(["3 set y 2"] * (window + 2)))
    elect(bench)
    for follower in exchange.PEERS:
        mark = bench.mark()
        bench.ask("set z 3")
        story = "tom led in term 1, was deposed, and leads in term 4; a client writes"
        last = bench.field("log").last_index
        _require_entries_since(bench, mark, [f"{last}: 4 set z 3"], story, follower)


@rule(
    "What is missing takes at most (missing / batch_size + 3) calls, and without a loss each entry is accepted once.",
    "MIT 6.5840, lab 3B, tests Backup3B and RPCBytes3B; Section 5.3",
)
def few_calls_are_enough(bench: Bench) -> None:
    """A server without a log joins two that have many entries; every server runs the Node under test."""
    for count in (10, 300):
        _let_catch_up(bench, count)


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; steps 1 to 14",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 14 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 15)


def log_of(terms: tuple[int, ...]) -> str:
    """Return a log with entries of these terms, as `Bench.begin` reads it."""
    return "; ".join(f"{term} set x {index % 9 + 1}" for index, term in enumerate(terms))


def answer(
    bench: Bench, follower: str, prev: int, *, success: bool = True, conflict: tuple[int | None, int] = (None, 0)
) -> list[Event]:
    """Send a follower's answer to a call after an entry; if it accepts, its log matches tom's up to that entry.

    Args:
        bench: The bench.
        follower: The follower.
        prev: The index of the entry that the call followed.
        success: Whether the follower accepts.
        conflict: The conflict_term and the conflict_index of a refusal.

    Returns:
        What tom sent in response.
    """
    fields: dict[str, Any] = {"success": success, "prev_log_index": prev, "match_index": prev if success else 0}
    term, index = conflict
    return exchange.send(bench, follower, "AppendEntriesReply", conflict_term=term, conflict_index=index, **fields)


def _follow_refusals(bench: Bench, theirs: tuple[int, ...], story: str) -> None:
    """Answer tom's calls as a follower with a log of these terms does, until one fits; check where each call goes on."""
    mine, own = (0, *(entry.term for entry in bench.field("log"))), (0, *theirs)
    calls = bench.sent("AppendEntries", to="jerry")
    bench.require(calls, f"{story}; tom leads, and should have called jerry")
    prev = exchange.preceding_entry(calls[0])[0]
    while prev >= len(own) or own[prev] != mine[prev]:
        term = own[prev] if prev < len(own) else None
        first = len(own) if term is None else own.index(term)
        kept = [index for index in range(prev) if mine[index] == term]
        expected = kept[-1] if kept else first - 1
        sent = answer(bench, "jerry", prev, success=False, conflict=(term, first))
        refusal = f"{story}. Jerry refuses the call after entry {prev}, with {_conflict_text(bench, (term, first))}"
        calls = [each for each in sent if each["type"] == "AppendEntries"]
        bench.require(calls, f"{refusal}; tom should call again, after entry {expected}, but does not", bench.arrival())
        found = exchange.preceding_entry(calls[0])[0]
        bench.require(
            found == expected,
            f"{refusal}; tom's next call should follow entry {expected}, but follows entry {found}",
            calls[0],
        )
        require_own_preceding_entry(bench, calls[0], refusal)
        wrong = [each for each in calls if each["to"] != "jerry"]
        bench.require(not wrong, f"{refusal}; tom should call jerry only, but also calls others", exchange.first(wrong))
        prev = expected


def _let_catch_up(bench: Bench, count: int) -> None:
    """Let a server without a log join two that have a number of entries, and check the calls that it takes."""
    log = log_of((1,) * count)
    cluster = bench.cluster(logs={"tom": log, "jerry": log}, draws={"tom": (8,), "jerry": (17,), "spike": (18,)})
    cluster.run(60, until=lambda: len(cluster.events("appended", server="spike")) > count)
    story = f"tom and jerry have {count} entries, and spike has none; tom is elected"
    stored = len(cluster.events("appended", server="spike"))
    bench.require(stored > count, f"{story}; within 60 s spike should have them all, but has {stored}")
    calls = [each for each in cluster.events("sent", server="tom") if _is_call(each, "spike")]
    most = -(-(count + 1) // cluster.field("tom", "batch_size", 1)) + 3
    bench.require(
        len(calls) <= most, f"{story}; {most} calls are enough for spike, but tom needs {len(calls)}", calls[-1]
    )
    carried = sum(len(exchange.entries_in(each)) for each in calls)
    bench.require(
        carried <= count + 2,  # The first call carries the leader's own entry, and is refused.
        f"{story}; its calls should carry {count + 2} entries at most, but carry {carried}",
        calls[-1],
    )


def _require_entries_since(
    bench: Bench, mark: int, expected: list[str], story: str, follower: str = "jerry", *, after_s: float = 0
) -> None:
    """Check which entries tom has sent to a follower since an event, in all calls together, each once and in order."""
    bench.run(after_s)
    calls = bench.sent("AppendEntries", to=follower, since=mark)
    found = [entry for each in calls for entry in exchange.entries_in(each)]
    bench.require(
        found == expected,
        f"{story}; by now tom should have sent {follower} {exchange.entries_text(expected)}, "
        f"but has sent {exchange.entries_text(found)}",
        exchange.first([each for each in reversed(calls) if exchange.entries_in(each)])
        or exchange.latest(bench, "delivered", "asked"),
    )
    for each in calls:
        require_own_preceding_entry(bench, each, story)


def _require_sent_up_to(bench: Bench, mark: int, follower: str, last: int, story: str) -> None:
    """Check up to which entry tom has sent everything to a follower since an event, each entry once."""
    calls = bench.sent("AppendEntries", to=follower, since=mark)
    found = [int(entry.partition(":")[0]) for each in calls for entry in exchange.entries_in(each)]
    ends = f"up to entry {found[-1]}" if found else "no entry"
    bench.require(
        found[-1:] == [last],
        f"{story}; by now tom should have sent {follower} everything up to entry {last}, but has sent {ends}",
        exchange.latest(bench, "delivered", "asked"),
    )
    bench.require(
        found == list(range(found[0], last + 1)),
        f"{story}; tom should have sent {follower} each entry once and in order, but has not",
        calls[-1],
    )


def _is_call(event: Event, follower: str) -> bool:
    return bool(event["type"] == "AppendEntries" and event["to"] == follower)


def _terms_text(bench: Bench, terms: tuple[int, ...]) -> str:
    """Format the terms of a log's entries."""
    return ", ".join(bench.term_text(term) for term in terms)


def _conflict_text(bench: Bench, conflict: tuple[Any, Any]) -> str:
    """Format the two fields of a refusal."""
    term, index = conflict
    shown = term if type(term) is not int else bench.term_text(term)
    return f"conflict_term={shown} and conflict_index={bench.commit_text(index)}"
