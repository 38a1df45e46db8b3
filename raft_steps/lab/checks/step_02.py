"""The checks of step 2: a leader copies its log to followers, which store the entries that fit their own logs."""

from __future__ import annotations

from raft_steps.lab.checks import step_01
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    PEERS,
    answer_call,
    append_entries,
    entries_in,
    entries_text,
    first,
    latest,
    preceding_entry,
    preceding_text,
    read,
    refuse_call,
    require_applied,
    require_applied_from_log,
    require_log,
    require_only_stored,
    require_reply,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.scenario.model import MICROSECONDS


@rule(
    "A leader sends a heartbeat, an AppendEntries without entries, to every follower at once and every 5 s.",
    "Section 5.2; Figure 2, Leaders; the commits of July 2020 (every 5 s)",
)
def heartbeats_are_sent_at_once_and_every_5_seconds(bench: Bench) -> None:
    """A leader of two followers runs undisturbed for 11 s; in another run, a follower refuses the first heartbeat."""
    bench.begin(leads=True)
    bench.run(11)
    for peer in PEERS:
        require_heartbeats(bench, peer, "tom leads and")
    bench.begin(log="1 set x 1", leads=True)
    bench.run(1)
    for call in bench.sent("AppendEntries", to="jerry")[:1]:
        answer_call(bench, call, success=False)
    bench.run(10 - bench.delay_s)
    require_heartbeats(bench, "spike", "tom leads, jerry has refused its first heartbeat, and tom")


@rule(
    "A heartbeat carries the index and term of the leader's last entry, and no entries.",
    "Section 5.3: index and term of the preceding entry; the commits of August 2020",
)
def a_heartbeat_names_the_last_entry(bench: Bench) -> None:
    """A leader starts with two entries in its log."""
    bench.begin(log="1 set x 1; 2 set y 2", leads=True)
    bench.run(1)
    heartbeats = bench.sent("AppendEntries")
    started = first(bench.events("started"))
    bench.require(heartbeats, "tom leads and should send a heartbeat at once; it sends none", started)
    for call in heartbeats:
        bench.require(
            preceding_entry(call) == (2, 2),
            f"tom's log ends with entry 2 of term 2, and its heartbeat should name it; it names {preceding_text(call)}",
            call,
        )
        bench.require(
            not entries_in(call),
            f"a heartbeat should carry no entries; tom's carries {entries_text(entries_in(call))}",
            call,
        )
        sent = [each for each in answer_call(bench, call, success=True) if each["type"] == "AppendEntries"]
        bench.require(
            not sent,
            f"{call['to']} has tom's last entry and acknowledges its heartbeat; tom should send it nothing, but calls again",
            first(sent),
        )


@rule(
    "A new entry is sent to every follower, once, with the index and the term of the preceding entry.",
    "Section 5.3; Figure 2, AppendEntries RPC: prevLogIndex, prevLogTerm",
)
def a_new_entry_is_sent_with_the_preceding_one(bench: Bench) -> None:
    """A leader with two entries receives a write, and both followers acknowledge it."""
    bench.begin(log="1 set x 1; 2 set y 2", leads=True)
    bench.run(1)
    mark = bench.mark()
    client = bench.ask("set z 3")
    asked = latest(bench, "asked")
    calls = [call for call in bench.sent("AppendEntries", since=mark) if entries_in(call)]
    for peer in PEERS:
        to_it = [call for call in calls if call["to"] == peer]
        story = f"a client sends set z 3 to tom, the leader; tom should send it to {peer}"
        bench.require(to_it, f"{story}, but does not", asked)
        call = to_it[0]
        bench.require(
            preceding_entry(call) == (2, 2),
            f"set z 3 becomes entry 3 and follows entry 2 of term 2; tom's call names {preceding_text(call)}",
            call,
        )
        bench.require(
            entries_in(call) == ["3: 2 set z 3"],
            f"tom should send entry 3 of term 2 (set z 3) and nothing else; it sends {entries_text(entries_in(call))}",
            call,
        )
        bench.require(len(to_it) == 1, f"{story} once, but sends it {len(to_it)} times", to_it[-1])
    for call in calls:
        answer_call(bench, call, success=True)
    bench.require(
        isinstance(bench.answer(client), Ok),
        "jerry and spike have the entry, so tom should have answered the client with Ok by now; it has not",
        asked,
    )


@rule(
    "When the leader answers a write, it has applied it, once: the next client reads the new value.",
    "Section 5.3: the leader applies the entry to its state machine and returns the result to the client",
)
def an_answered_write_is_applied(bench: Bench) -> None:
    """A leader receives a write, both followers acknowledge it, and a client reads it."""
    bench.begin(leads=True)
    bench.run(1)
    client, asked = bench.ask("set x 1"), latest(bench, "asked")
    calls = [call for call in bench.sent("AppendEntries") if entries_in(call)]
    bench.require(
        calls, "a client sends set x 1 to tom, the leader; tom should send it to jerry and spike, but does not", asked
    )
    for call in calls:
        answer_call(bench, call, success=True)
    story = "a client sends set x 1 to tom, the leader, and jerry and spike have the entry"
    bench.require(isinstance(bench.answer(client), Ok), f"{story}; tom should answer Ok, but does not", asked)
    read(bench, "x", "1", "tom has answered set x 1 with Ok")
    require_applied(bench, ["set x 1"], story)
    require_applied_from_log(bench, story)


@rule(
    "A follower refuses a call, and stores nothing, if its log has no entry with the preceding entry's index and term.",
    "Section 5.3, the consistency check; Figure 2, AppendEntries RPC, receiver 2",
)
def a_follower_refuses_entries_that_do_not_fit(bench: Bench) -> None:
    """Calls follow an entry that the follower lacks, or one whose term differs in its log: at the end, or before it."""
    for log, after, entries, story in (
        ("1 set x 1; 1 set y 2", (3, 2), "2 set z 3", "tom's log ends with entry 2, and jerry's call follows entry 3 of term 2"),
        ("1 set x 1; 1 set y 2", (2, 2), "2 set z 3", "tom's entry 2 has term 1, and jerry's call follows entry 2 of term 2"),
        ("1 set x 1; 1 set y 2", (2, 3), "", "tom's entry 2 has term 1, and jerry's heartbeat follows entry 2 of term 3"),
        ("1 set x 1; 1 set y 2", (1, 2), "2 set z 3", "tom's entry 1 has term 1, and jerry's call follows entry 1 of term 2"),
        ("1 set x 1; 3 set y 2", (2, 2), "4 set z 3", "tom's entry 2 has term 3, and jerry's call follows entry 2 of term 2"),
        ("", (1, 1), "1 set y 2", "tom's log is empty, and jerry's call follows entry 1 of term 1"),
    ):  # fmt: skip
        bench.begin(log=log)
        mark = bench.mark()
        sent = append_entries(bench, "jerry", after, entries)
        stored = bench.events("appended", since=mark)
        bench.require(not stored, f"{story}; tom should store nothing, but appends an entry", first(stored))
        require_log(bench, log, story)
        require_reply(bench, sent, success=False, about=after[0], story=story)
        require_only_stored(bench, story, mark)


@rule(
    "A follower that has the preceding entry stores the new ones after it, and answers success.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 4",
)
def a_follower_stores_entries_that_fit(bench: Bench) -> None:
    """Three calls carry the first entry of an empty log, then the next two, then one more; the last is from another server."""
    bench.begin()
    log = ""
    for after, entries, story in (
        ((0, 0), "1 set x 1", "tom's log is empty, and jerry's call carries the first entry"),
        ((1, 1), "1 set y 2; 2 delete x", "tom's log ends with entry 1, and jerry's call carries the next two"),
        ((3, 2), "2 set z 3", "tom's log ends with entry 3, and jerry's call carries the next one"),
    ):
        sent = append_entries(bench, "jerry", after, entries)
        require_reply(bench, sent, success=True, about=after[0], story=story)
        log = f"{log}; {entries}" if log else entries
        require_log(bench, log, story)
        require_only_stored(bench, story)
    story = "tom's log ends with entry 4, and spike, who leads now, sends the next one"
    require_reply(bench, append_entries(bench, "spike", (4, 2), "3 set w 4"), success=True, about=4, story=story)
    require_log(bench, f"{log}; 3 set w 4", story)
    holds = bench.field("state_machine", {})
    bench.require(
        holds == {},
        "tom is a follower and has only stored entries, so its state machine should be {}, but it is " + repr(holds),
        bench.arrival(),
    )


@rule(
    "When a follower refuses, the leader retries with that follower, one entry earlier each time, until the two logs "
    "match, and sends all later entries.",
    "Section 5.3: after a rejection the leader decrements nextIndex; the commits of August 2020",
)
def a_refused_leader_retries_one_entry_earlier(bench: Bench) -> None:
    """A follower with an empty log refuses, until a call follows entry 0; then the other one, and later the first again."""
    bench.begin(log="1 set x 1; 1 set y 2; 2 set z 3; 2 set w 4", leads=True)
    bench.run(1)
    require_repaired(bench, "jerry", ((3, 2), (2, 1), (1, 1), (0, 0)))
    require_repaired(bench, "spike", ((3, 2), (2, 1)))
    bench.run(5)
    require_repaired(bench, "jerry", ((3, 2), (2, 1), (1, 1)))
    read(bench, "x", "1", "tom leads, and has set x 1 in its log, whatever jerry and spike had in theirs")


@rule(
    "An entry that conflicts with the leader's is deleted with all that follow it; the leader's entries replace them.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3; the commits of August 2020",
)
def conflicting_entries_are_deleted(bench: Bench) -> None:
    """Entries of a call have another term than the follower's: a newer or an older one, all of them or only the last."""
    for log, after, entries, expected, story in (
        (
            "1 set a 1; 1 set b 2; 2 set c 3; 2 set d 4", (1, 1), "1 set b 2; 3 set e 5",
            "1 set a 1; 1 set b 2; 3 set e 5", "tom's entry 3 has term 2, and jerry's call carries entry 3 of term 3",
        ),
        (
            "1 set a 1; 1 set b 2; 1 set c 3", (1, 1), "2 set d 4; 2 set e 5; 3 set x 6",
            "1 set a 1; 2 set d 4; 2 set e 5; 3 set x 6", "tom's entry 2 has term 1, and jerry's call carries entry 2 of term 2",
        ),
        (
            "1 set a 1; 3 set b 2; 3 set c 3", (1, 1), "2 set d 4",
            "1 set a 1; 2 set d 4", "tom's entry 2 has term 3, and jerry's call carries entry 2 of term 2",
        ),
        (
            "1 set a 1; 1 set b 2; 1 set c 3", (0, 0), "2 set d 4",
            "2 set d 4", "tom's entry 1 has term 1, and jerry's call carries entry 1 of term 2",
        ),
        (
            "1 set a 1; 1 set b 2", (1, 1), "2 set b 2",
            "1 set a 1; 2 set b 2", "tom's entry 2, set b 2, has term 1, and jerry's call carries the same command as entry 2 of term 2",
        ),
    ):  # fmt: skip
        bench.begin(log=log, at_the_beginning=after == (0, 0))
        mark = bench.mark()
        sent = append_entries(bench, "jerry", after, entries)
        require_log(bench, expected, story)
        require_reply(bench, sent, success=True, about=after[0], story=story)
        require_only_stored(bench, story, mark)
    bench.begin()
    for index, entry in enumerate(("1 set x 1", "1 set y 2", "1 set z 3")):
        append_entries(bench, "jerry", (index, min(index, 1)), entry)
    story = "jerry has sent tom entries 1 to 3, and spike, the next leader, sends entry 2 of term 2"
    sent = append_entries(bench, "spike", (1, 1), "2 set w 4")
    require_log(bench, "1 set x 1; 2 set w 4", story)
    require_reply(bench, sent, success=True, about=1, story=story)


@rule(
    "Only a conflicting entry is deleted: neither a call whose entries are in the log already nor a heartbeat changes "
    "anything.",
    "Figure 2, AppendEntries RPC, receiver 3 and 4: conflicts, and entries not already in the log",
)
def matching_entries_are_kept(bench: Bench) -> None:
    """A call arrives twice, an older one arrives late, and a heartbeat follows an early entry."""
    bench.begin()
    append_entries(bench, "jerry", (0, 0), "1 set x 1; 1 set y 2; 2 set z 3")
    for after, entries, story in (
        ((0, 0), "1 set x 1; 1 set y 2; 2 set z 3", "jerry's call with entries 1 to 3 arrives a second time"),
        ((0, 0), "1 set x 1; 1 set y 2", "tom has entries 1 to 3, and an older call with entries 1 and 2 arrives late"),
        ((1, 1), "", "tom has entries 1 to 3, and a heartbeat follows entry 1"),
    ):
        require_log(bench, "1 set x 1; 1 set y 2; 2 set z 3", "jerry has sent tom entries 1 to 3")
        mark = bench.mark()
        sent = append_entries(bench, "jerry", after, entries)
        changed = bench.events("appended", "truncated", since=mark)
        did = "deletes" if changed and changed[0].kind == "truncated" else "appends"
        bench.require(not changed, f"{story}; the log should stay as it is, but tom {did} entries", first(changed))
        require_reply(bench, sent, success=True, about=after[0], story=story)
        require_only_stored(bench, story)


@rule(
    "A server that does not lead turns clients away, readers and writers alike, and logs nothing.",
    "Section 8: a follower rejects a client's request; the client's prompt of the original",
)
def a_follower_turns_clients_away(bench: Bench) -> None:
    """Clients send a write and a read to a follower."""
    bench.begin(log="1 set x 1")
    for command in ("set x 2", "get x"):
        mark = bench.mark()
        answer = bench.answer(bench.ask(command))
        changed = bench.events("appended", since=mark)
        bench.require(
            isinstance(answer, NotLeader),
            f"a client sends {command!r} to tom; tom does not lead and should answer NotLeader, "
            f"but {'does not answer' if answer is None else f'answers {answer!r}'}",
            latest(bench, "asked" if answer is None else "answered"),
        )
        bench.require(
            not changed,
            f"a client sends {command!r} to tom; tom does not lead and should log nothing, but appends an entry",
            first(changed),
        )


@rule(
    "A server handles requests and restarts as before: it logs and applies every write, answers it, and replays its log.",
    "the checks of step 1",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of step 1 run again, with a leader that has no followers."""
    run_earlier_checks(bench, 2)


@rule(
    "A server that restarts follows: it keeps its log, sends no heartbeats, and stores what a leader sends.",
    "this course: only the first start of a server has a named leader",
)
def a_leader_that_restarts_follows(bench: Bench) -> None:
    """The named leader of three servers crashes and restarts, and jerry, who leads now, calls it."""
    bench.begin(log="1 set x 1", leads=True)
    bench.run(1)
    step_01.restart(bench)
    restarted, mark = latest(bench, "restarted"), bench.mark()
    bench.run(6)
    story = "tom was the named leader, and crashed and restarted; nobody has made it leader since"
    call = first(bench.sent("AppendEntries", since=mark))
    bench.require(not call, f"{story}; it should send no heartbeats, but does", call)
    sent = append_entries(bench, "jerry", (1, 1), "2 set y 2")
    require_reply(bench, sent, success=True, about=1, story=story)
    require_log(bench, "1 set x 1; 2 set y 2", story)
    answer = bench.answer(bench.ask("get x"))
    bench.require(
        isinstance(answer, NotLeader), f"{story}; it should answer a client NotLeader, not {answer!r}", restarted
    )


# Helpers of these checks.


def require_heartbeats(bench: Bench, peer: str, story: str) -> None:
    """Check that the leader under test has called a peer at 0, 5 and 10 seconds, and not otherwise.

    Raises:
        CheckFailed: It has called it at other times.
    """
    calls = bench.sent("AppendEntries", to=peer)
    times = [call.time_us / MICROSECONDS for call in calls]
    found = "it sends AppendEntries at " + ", ".join(f"{at:g} s" for at in times) if times else "it sends none"
    unwanted = first([call for call, at in zip(calls, times, strict=True) if at not in (0, 5, 10)])
    silent = latest(bench, "started", "timer_fired", "delivered") if 0 in times else first(bench.events("started"))
    bench.require(
        times == [0, 5, 10],
        f"{story} should send {peer} a heartbeat at 0 s, 5 s, 10 s; {found}",
        unwanted or silent,
    )


def require_repaired(bench: Bench, follower: str, earlier: tuple[tuple[int, int], ...]) -> None:
    """Refuse the latest heartbeat to a follower, and each retry but the last, and check the retries and the entries sent.

    Args:
        bench: The bench, with a leader whose log is ``1 set x 1; 1 set y 2; 2 set z 3; 2 set w 4``.
        follower: The follower.
        earlier: Index and term of the entry that each retry should follow; the follower has the last one.

    Raises:
        CheckFailed: The leader does not retry one entry earlier, or does not send exactly what the follower lacks.
    """
    calls = bench.sent("AppendEntries", to=follower)
    bench.require(
        calls, f"tom leads and should send {follower} a heartbeat, but sends it nothing", first(bench.events("started"))
    )
    call = calls[-1]
    for each in earlier:
        call = refuse_call(bench, call, each)
    sent = [call, *answer_call(bench, call, success=True)]
    entries = [entry for each in sent if each["type"] == "AppendEntries" for entry in entries_in(each)]
    expected = ["1: 1 set x 1", "2: 1 set y 2", "3: 2 set z 3", "4: 2 set w 4"][earlier[-1][0] :]
    bench.require(
        entries == expected,
        f"{follower}'s log matches tom's at entry {earlier[-1][0]}, so tom should send {entries_text(expected)}; "
        f"it sends {entries_text(entries)}",
        call,
    )
