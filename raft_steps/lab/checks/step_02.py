"""The checks of step 2: a leader copies its log, and a follower takes what fits onto its own."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    PEERS,
    answer_call,
    append_entries,
    entries_in,
    first,
    latest,
    preceding_entry,
    preceding_text,
    read,
    refuse_call,
    require_applied,
    require_log,
    require_reply,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.scenario.model import MICROSECONDS


@rule(
    "A leader sends a heartbeat, an AppendEntries without entries, to every follower at once and every 5 s.",
    "Section 5.2; Figure 2, Leaders; the commits of July 2020 (every 5 s)",
)
def heartbeats_come_at_once_and_every_5_seconds(bench: Bench) -> None:
    """A leader of two followers is left alone for 11 s."""
    bench.begin(leads=True)
    bench.run(11)
    for peer in PEERS:
        calls = bench.sent("AppendEntries", to=peer)
        times = [call.time_us / MICROSECONDS for call in calls]
        found = "it sends AppendEntries at " + ", ".join(f"{at:g} s" for at in times) if times else "it sends none"
        unwanted = first([call for call, at in zip(calls, times, strict=True) if at not in (0, 5, 10)])
        silent = latest(bench, "started", "timer_fired") if 0 in times else first(bench.events("started"))
        bench.require(
            times == [0, 5, 10],
            f"tom leads and should send {peer} a heartbeat at 0 s, 5 s, 10 s; {found}",
            unwanted or silent,
        )


@rule(
    "A heartbeat asks the follower whether it has the leader's last entry, and brings no entries.",
    "Section 5.3: index and term of the preceding entry; the commits of August 2020",
)
def a_heartbeat_asks_for_the_last_entry(bench: Bench) -> None:
    """A leader starts with two entries in its log."""
    bench.begin(log="1 set x 1; 2 set y 2", leads=True)
    bench.run(1)
    heartbeats = bench.sent("AppendEntries")
    started = first(bench.events("started"))
    bench.require(heartbeats, "tom leads and should send a heartbeat at once; it sends none", started)
    for call in heartbeats:
        bench.require(
            preceding_entry(call) == (2, 2),
            f"tom's log ends at entry 2 of term 2, and the heartbeat should ask for it; it asks for {preceding_text(call)}",
            call,
        )
        bench.require(
            not entries_in(call),
            f"a heartbeat should bring no entries; tom's brings {'; '.join(entries_in(call))}",
            call,
        )


@rule(
    "A new entry goes to every follower, once, together with the index and the term of the entry before it.",
    "Section 5.3; Figure 2, AppendEntries RPC: prevLogIndex, prevLogTerm",
)
def a_new_entry_comes_with_the_one_before(bench: Bench) -> None:
    """A leader with two entries is asked for a write, and both followers have it soon."""
    bench.begin(log="1 set x 1; 2 set y 2", leads=True)
    bench.run(1)
    mark = bench.mark()
    client = bench.ask("set z 3")
    asked = latest(bench, "asked")
    calls = [call for call in bench.sent("AppendEntries", since=mark) if entries_in(call)]
    for peer in PEERS:
        to_it = [call for call in calls if call["to"] == peer]
        story = f"a client asks tom, who leads, for set z 3; {peer} should be sent it"
        bench.require(to_it, f"{story}, but is not", asked)
        call = to_it[0]
        bench.require(
            preceding_entry(call) == (2, 2),
            f"set z 3 becomes entry 3 and comes after entry 2 of term 2; tom says that it comes after {preceding_text(call)}",
            call,
        )
        bench.require(
            entries_in(call) == ["3: 2 set z 3"],
            f"tom should send entry 3, set z 3 of term 2, and nothing else; it sends {'; '.join(entries_in(call))}",
            call,
        )
        bench.require(len(to_it) == 1, f"{story} once, but is sent it {len(to_it)} times", to_it[-1])
    for call in calls:
        answer_call(bench, call, success=True)
    bench.require(
        isinstance(bench.answer(client), Ok),
        "jerry and spike have the entry, so the client should have heard Ok by now; it has not",
        asked,
    )


@rule(
    "When a client hears that its write is done, the leader has carried it out, once: it is what the next client reads.",
    "Section 5.3: the leader applies the entry to its state machine and returns the result to the client",
)
def a_write_that_is_answered_is_carried_out(bench: Bench) -> None:
    """A leader is asked for a write, both followers have it soon, and a client reads it."""
    bench.begin(leads=True)
    bench.run(1)
    client, asked = bench.ask("set x 1"), latest(bench, "asked")
    calls = [call for call in bench.sent("AppendEntries") if entries_in(call)]
    bench.require(calls, "a client asks tom, who leads, for set x 1; tom should send it to jerry and spike", asked)
    for call in calls:
        answer_call(bench, call, success=True)
    story = "a client asks tom, who leads, for set x 1, and jerry and spike have the entry"
    bench.require(isinstance(bench.answer(client), Ok), f"{story}; tom should answer Ok, but does not", asked)
    read(bench, "x", "1", "tom has told a client that set x 1 is done")
    require_applied(bench, ["set x 1"], story)


@rule(
    "A follower refuses a call, and stores nothing, if its log has no entry of that index and term to put it after.",
    "Section 5.3, the consistency check; Figure 2, AppendEntries RPC, receiver 2",
)
def a_follower_refuses_what_does_not_fit(bench: Bench) -> None:
    """A call asks a follower for an entry that is missing, another for one that has another term there."""
    bench.begin(log="1 set x 1; 1 set y 2")
    for after, story in (
        ((3, 2), "tom's log ends at entry 2, and jerry's call comes after entry 3 of term 2"),
        ((2, 2), "tom's entry 2 has term 1, and jerry's call comes after entry 2 of term 2"),
    ):
        mark = bench.mark()
        sent = append_entries(bench, "jerry", after, "2 set z 3")
        stored = bench.events("appended", since=mark)
        bench.require(not stored, f"{story}; tom should store nothing, but appends an entry", first(stored))
        require_reply(bench, sent, success=False, about=after[0], story=story)


@rule(
    "A follower that has the entry before stores the new ones after it, and says so.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 4",
)
def a_follower_stores_what_fits(bench: Bench) -> None:
    """A call brings the first entry to an empty log, another two more, and a third the next."""
    bench.begin()
    log = ""
    for after, entries, story in (
        ((0, 0), "1 set x 1", "tom's log is empty, and jerry's call brings the first entry"),
        ((1, 1), "1 set y 2; 2 delete x", "tom's log ends at entry 1 of term 1, and jerry's call brings the next two"),
        ((3, 2), "2 set z 3", "tom's log ends at entry 3 of term 2, and jerry's call brings the next one"),
    ):
        sent = append_entries(bench, "jerry", after, entries)
        require_reply(bench, sent, success=True, about=after[0], story=story)
        log = f"{log}; {entries}" if log else entries
        require_log(bench, log, story)


@rule(
    "When a follower refuses, the leader tries again with it alone, one entry earlier each time, until they meet, and sends "
    "all that comes after.",
    "Section 5.3: after a rejection the leader decrements nextIndex; the commits of August 2020",
)
def a_refused_leader_tries_one_entry_earlier(bench: Bench) -> None:
    """A follower whose log is empty refuses a leader with four entries, until it is asked for the common first one."""
    bench.begin(log="1 set x 1; 1 set y 2; 2 set z 3; 2 set w 4", leads=True)
    bench.run(1)
    call = first(bench.sent("AppendEntries", to="jerry"))
    started = first(bench.events("started"))
    bench.require(call, "tom leads and should ask jerry for its last entry at once; it sends jerry nothing", started)
    assert call is not None
    for earlier in ((3, 2), (2, 1), (1, 1), (0, 0)):
        call = refuse_call(bench, call, earlier)
    sent = [call, *answer_call(bench, call, success=True)]
    entries = [entry for each in sent if each["type"] == "AppendEntries" for entry in entries_in(each)]
    bench.require(
        entries == ["1: 1 set x 1", "2: 1 set y 2", "3: 2 set z 3", "4: 2 set w 4"],
        f"jerry meets tom at entry 0 and should be sent all four entries; it is sent {'; '.join(entries) or 'nothing'}",
        call,
    )


@rule(
    "An entry that conflicts with the leader's, and all that follow it, are deleted; the leader's take their place.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3; the commits of August 2020",
)
def what_diverges_is_deleted(bench: Bench) -> None:
    """A leader of a newer term has the same second entry, another third one, and no fourth."""
    bench.begin(log="1 set a 1; 1 set b 2; 2 set c 3; 2 set d 4")
    story = "tom's entry 3 has term 2, and jerry's call brings entry 3 of term 3"
    sent = append_entries(bench, "jerry", (1, 1), "1 set b 2; 3 set e 5")
    require_log(bench, "1 set a 1; 1 set b 2; 3 set e 5", story)
    require_reply(bench, sent, success=True, about=1, story=story)


@rule(
    "Only an entry that conflicts is deleted: a call whose entries are there already changes nothing, nor does a heartbeat.",
    "Figure 2, AppendEntries RPC, receiver 3 and 4: conflicts, and entries not already in the log",
)
def what_agrees_is_kept(bench: Bench) -> None:
    """A call comes twice, an older one comes late, and a heartbeat asks for an early entry."""
    bench.begin()
    append_entries(bench, "jerry", (0, 0), "1 set x 1; 1 set y 2; 1 set z 3")
    for after, entries, story in (
        ((0, 0), "1 set x 1; 1 set y 2; 1 set z 3", "jerry's call with entries 1 to 3 comes a second time"),
        ((0, 0), "1 set x 1; 1 set y 2", "an older call with entries 1 and 2 comes late, and tom has entries 1 to 3"),
        ((1, 1), "", "a heartbeat asks for entry 1, and tom has entries 1 to 3"),
    ):
        require_log(bench, "1 set x 1; 1 set y 2; 1 set z 3", "jerry has sent tom entries 1 to 3")
        mark = bench.mark()
        sent = append_entries(bench, "jerry", after, entries)
        changed = bench.events("appended", "truncated", since=mark)
        did = "deletes" if changed and changed[0].kind == "truncated" else "appends"
        bench.require(not changed, f"{story}; the log should stay as it is, but tom {did} entries", first(changed))
        require_reply(bench, sent, success=True, about=after[0], story=story)


@rule(
    "A server that does not lead turns clients away, whatever they ask for; what it is asked to write is not logged.",
    "Section 8: a follower rejects a client's request; the client's prompt of the original",
)
def a_follower_turns_clients_away(bench: Bench) -> None:
    """Clients ask a follower for a write and for a read."""
    bench.begin(log="1 set x 1")
    for command in ("set x 2", "get x"):
        mark = bench.mark()
        answer = bench.answer(bench.ask(command))
        changed = bench.events("appended", since=mark)
        bench.require(
            isinstance(answer, NotLeader),
            f"a client asks tom for {command!r}; tom does not lead and should answer NotLeader, "
            f"but {'says nothing' if answer is None else f'answers {answer!r}'}",
            latest(bench, "asked" if answer is None else "answered"),
        )
        bench.require(
            not changed,
            f"a client asks tom for {command!r}; tom does not lead and should log nothing, but appends an entry",
            first(changed),
        )
