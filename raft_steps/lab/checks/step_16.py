"""The checks of step 16: what a snapshot takes the place of, what a restart begins with, and who gets a snapshot."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election
from raft_steps.lab.checks.replication import (
    acknowledge,
    call,
    elect,
    lead,
    require_entries_sent,
    require_following,
    require_next_call_after,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.checks.snapshot_exchange import (
    ENTRIES,
    MATCHING,
    follow,
    install,
    last,
    lead_compacted,
    require_base,
    require_call_after,
    require_committed,
    require_match_between,
    require_nothing_sent,
    require_short,
    require_snapshot_sent,
    require_unchanged,
    restart,
    send_many,
    snapshot_of,
    state_of,
    take_snapshot,
    taken,
)
from raft_steps.lab.checks.step_13 import ask_committed, commit, open_session, require_response, require_value
from raft_steps.lab.checks.step_15 import answer, log_of
from raft_steps.lab.commands import Ok

COMPACTION = "Section 7: the snapshot replaces the committed entries, and holds the last included index and term"
INSTALL = "Figure 13, Receiver implementation"
BELOW = "Section 7; RedisLabs/raft issue 49 and hashicorp/raft issue 205: a late call about compacted entries"


@rule("A snapshot takes the place of the entries that have been applied, and of no others.", COMPACTION)
def a_snapshot_stands_for_what_is_applied(bench: Bench) -> None:
    """Tom has five entries of which three are committed, and takes two snapshots; then all five are, and it takes another."""
    follow(bench, 3)
    before = bench.field("state_machine")
    for times in ("a snapshot", "another one at once"):
        take_snapshot(bench)
        story = f"tom has five entries, has applied the first 3, and takes {times}"
        require_base(bench, 3, 1, story)
        exchange.require_log(bench, "1 set x 4; 1 set w 5", story)
        require_unchanged(bench, {"state_machine": before}, story)
    call(bench, "jerry", 3, (5, 1), commit=5)
    take_snapshot(bench)
    story = "tom is in term 3, has applied all five entries of term 1, and takes a snapshot"
    require_base(bench, 5, 1, story)
    exchange.require_log(bench, "", story)
    call(bench, "jerry", 3, (5, 1), "3 set a 6", commit=6)
    exchange.require_applied(bench, [*ENTRIES, "set a 6"], f"{story}; jerry's next call commits entry 6")


@rule(
    "A log in which log_limit entries have been applied is compacted, a leader's and a follower's.",
    "Section 7; this course, step 16",
)
def a_long_log_is_compacted(bench: Bench) -> None:
    """A few more entries than the limit arrive, and are committed later; then tom leads, and commits as many itself."""
    bench.begin()
    limit = bench.field("log_limit")
    count = limit + 20
    send_many(bench, count)
    story = f"tom has {count} entries, and log_limit={limit}"
    for committed in (0, 9):
        call(bench, "jerry", 1, (count, 1), commit=committed)
        require_base(bench, 0, 0, f"{story}; {committed or 'none'} of them are committed")
    call(bench, "jerry", 1, (count, 1), commit=limit)
    require_short(bench, limit, f"{story}; {limit} of them are committed")
    call(bench, "jerry", 1, (count, 1), commit=limit + 9)
    require_base(bench, limit, 1, f"{story}; {limit} of them are committed, and then 9 more")
    lead(bench)
    for _ in range(0, count, 100):
        bench.ask_together(*["set x 1"] * 100)
        commit(bench)
    require_short(bench, limit, f"tom leads, more than {limit} writes are committed, and log_limit={limit}")


@rule(
    "A server restarts with the state in the snapshot: what that stands for is applied already, and what comes after it "
    "waits until it is committed.",
    "Section 7: the snapshot is the state up to its last included entry; Figure 2: commit_index is not on disk",
)
def a_restart_begins_with_the_snapshot(bench: Bench) -> None:
    """Tom has five entries, has applied and compacted three, and restarts; then a leader commits the others."""
    follow(bench, 3)
    take_snapshot(bench)
    before, mark = bench.field("state_machine"), bench.mark()
    restart(bench)
    story = "tom has a snapshot of its first 3 entries and two more, crashes and restarts"
    found = bench.field("state_machine")
    bench.require(
        found == before,
        f"{story}; its state machine should be {before}, as in the snapshot, but is {found}",
        last(bench),
    )
    wrong = bench.events("applied", since=mark)
    bench.require(not wrong, f"{story}; it should apply nothing yet, but does", exchange.first(wrong))
    require_committed(bench, 3, story)
    exchange.require_log(bench, "1 set x 4; 1 set w 5", story)
    call(bench, "jerry", 2, (5, 1), commit=5)
    applied = [event["command"] for event in bench.events("applied", since=mark)]
    bench.require(
        applied == ["set x 4", "set w 5"],
        f"{story}; jerry commits all five; tom should apply set x 4; set w 5, but applies {'; '.join(applied) or 'nothing'}",
        last(bench),
    )


@rule(
    "Sessions are part of the state: a command that was carried out before a snapshot is not carried out again.",
    "Dissertation, Section 6.3: the session's information is in the snapshot",
)
def sessions_are_in_the_snapshot(bench: Bench) -> None:
    """A session's command is carried out and compacted; then tom restarts, or an empty server gets the snapshot."""
    for how in ("tom restarts", "a server without a log gets it"):
        lead(bench)
        session = open_session(bench)
        ask_committed(bench, f"append x 1 as {session}.1")
        take_snapshot(bench)
        snapshot = snapshot_of(bench)
        if how == "tom restarts":
            restart(bench)
        else:
            bench.begin()
            install(bench, snapshot, 2)
        elect(bench)
        story = f"a session's append of 1 to x is carried out, tom takes a snapshot, and {how}; the client asks again"
        client = ask_committed(bench, f"append x 1 as {session}.1")
        require_response(bench, client, Ok(value="1"), story)
        require_value(bench, "x", "1", story)


@rule(
    "A call about entries that a snapshot stands for fits: those are skipped, and what comes after them is stored.",
    BELOW,
)
def a_call_below_the_snapshot_fits(bench: Bench) -> None:
    """Tom has compacted four of five entries; calls arrive late that begin before, some of them with entries after."""
    cases = ((0, "", 5), (0, "set x 1; set y 2", 5), (2, "set z 3", 5), (3, "set x 4", 5), (2, "set z 3; set x 4; set w 5", 5),
             (1, "set y 2; set z 3; set x 4; set w 5; set a 6", 6))  # fmt: skip
    for prev, commands, end in cases:
        follow(bench, 4)
        take_snapshot(bench)
        entries = "; ".join(f"1 {command}" for command in commands.split("; ") if command)
        sent = call(bench, "jerry", 1, (prev, min(prev, 1)), entries, commit=4)
        what = f"with {commands}" if commands else "without entries"
        story = f"tom has a snapshot of its first 4 entries and entry 5; jerry calls after entry {prev} {what}"
        exchange.require_reply(bench, sent, success=True, about=prev, story=story)
        exchange.require_log(bench, "1 set w 5; 1 set a 6" if end == 6 else "1 set w 5", story)
        covered = prev + len([command for command in commands.split("; ") if command])
        require_match_between(bench, covered, end, story)
        exchange.require_applied(bench, list(ENTRIES[:4]), story)
        require_base(bench, 4, 1, story)


@rule(
    "The last entry that a snapshot stands for has a term: a log is compared, and asked about, by it.",
    "Section 5.4.1; etcd-io/raft issue 31: a compacted entry was taken for one of term 0",
)
def a_compacted_log_has_a_last_entry(bench: Bench) -> None:
    """All entries of tom are compacted: candidates with shorter logs, a call with another term, and its own candidacy."""
    follow(bench, 5)
    take_snapshot(bench)
    story = "tom has a snapshot of its five entries of term 1, and no others"
    for place in ((5, 2), (7, 1)):
        sent = call(bench, "jerry", 2, place, "2 set a 6")
        story_of_call = f"{story}; jerry calls after entry {place[0]} of term {place[1]}"
        exchange.require_reply(bench, sent, success=False, about=place[0], story=story_of_call)
        exchange.require_log(bench, "", story_of_call)
    for index, term, granted in ((4, 1, False), (9, 0, False), (5, 1, True)):
        sent = exchange.send(bench, "spike", "RequestVote", term=9, last_log_index=index, last_log_term=term)
        votes = [event for event in sent if event["type"] == "RequestVoteReply"]
        bench.require(votes, f"{story}; tom should answer a candidate, but does not", bench.arrival())
        found = exchange.field_of(votes[0], "vote_granted")
        should = "vote for" if granted else "refuse"
        bench.require(
            found == granted,
            f"{story}; tom should {should} a candidate whose log ends with entry {index} of term {term}, but does not",
            votes[0],
        )
    for request in await_election(bench)[:1]:
        ends = exchange.field_of(request, "last_log_index"), exchange.field_of(request, "last_log_term")
        bench.require(
            ends == (5, 1),
            f"{story}; its RequestVote should say that its log ends with entry 5 of term 1, "
            f"but says entry {ends[0]} of term {ends[1]}",
            request,
        )


@rule(
    "A follower that needs entries which the leader no longer has gets the leader's snapshot, and then what comes after it.",
    "Section 7, Figure 13",
)
def a_follower_that_is_behind_gets_the_snapshot(bench: Bench) -> None:
    """Tom leads and has compacted five entries; an empty follower refuses, gets the snapshot, and what was written since."""
    for prev, conflict in ((5, (None, 1)), (5, (None, 5)), (6, (1, 1))):
        lead_compacted(bench)
        bench.ask("set a 6")
        mark = bench.mark()
        sent = answer(bench, "jerry", prev, success=False, conflict=conflict)
        story = (
            "tom leads in term 2, and has a snapshot of its first 6 entries; jerry's refusal says that it lacks some"
        )
        require_snapshot_sent(bench, sent, story)
        bench.require(
            len(sent) == 1, f"{story}; tom should send it that alone, but sends {len(sent)} messages", sent[-1]
        )
        bench.run(5.2)
        story = f"{story}, and has not answered yet"
        require_nothing_sent(bench, mark, story)
        calls = bench.sent("AppendEntries", to="jerry", since=mark)
        bench.require(calls and exchange.preceding_entry(calls[-1]) == (6, 2), f"{story}; tom's next heartbeat to it should "
                      "follow entry 6 of term 2, but does not", exchange.first(calls) or sent[-1])  # fmt: skip
        mark = bench.mark()
        answer(bench, "jerry", 6)
        require_entries_sent(bench, "jerry", ["7: 2 set a 6"], f"{story}; then it has the snapshot", since=mark)
        wrong = bench.sent("InstallSnapshot", since=mark)
        bench.require(not wrong, f"{story}; then it has the snapshot, and should not get it again, but does",
                      exchange.first(wrong))  # fmt: skip


@rule(
    "A snapshot that is lost is sent again, one that is answered is not.",
    "Section 7; Section 5.3: messages may be lost",
)
def a_lost_snapshot_is_sent_again(bench: Bench) -> None:
    """A follower refuses the call after the snapshot that it has not got, twice; then it answers."""
    lead_compacted(bench)
    answer(bench, "jerry", 5, success=False, conflict=(None, 1))
    for _ in range(2):
        bench.run(5.2)
        mark = bench.mark()
        answer(bench, "jerry", 6, success=False, conflict=(None, 1))
        bench.run(5.2)
        story = "tom has sent jerry its snapshot, which was lost; jerry refuses the next call, and a heartbeat's time passes"
        require_snapshot_sent(bench, bench.sent(since=mark), story)
    answer(bench, "jerry", 6)
    require_next_call_after(bench, "jerry", 6, "jerry has tom's snapshot of 6 entries")


@rule(
    "The leader may compact its log while a snapshot is on its way: what is missing then comes with the next one.",
    "etcd issue 2918: the log was cut while a snapshot was sent",
)
def a_log_is_compacted_while_a_snapshot_is_sent(bench: Bench) -> None:
    """A follower gets a snapshot of six entries; before it answers, tom compacts three more; an old refusal arrives."""
    lead_compacted(bench)
    answer(bench, "jerry", 5, success=False, conflict=(None, 1))
    for index, command in enumerate(("set a 6", "set b 7", "set c 8", "set d 9"), 7):
        if index == 10:
            take_snapshot(bench)
        client = bench.ask(command)
        acknowledge(bench, "spike", index)
        bench.require(
            bench.answer(client) == Ok(), f"spike has entry {index}; tom should answer its client, but does not"
        )
    mark = bench.mark()
    answer(bench, "jerry", 6)
    bench.run(5.2)
    bench.ask("set e 9")
    story = "tom has compacted 9 entries; jerry answers that it has an earlier snapshot, of 6"
    require_snapshot_sent(bench, bench.sent(since=mark), story, 9)
    require_nothing_sent(bench, mark, f"{story}; it has not got the new one yet")
    require_call_after(bench, bench.sent(to="jerry", since=mark), 9, story)
    mark = bench.mark()
    answer(bench, "jerry", 8, success=False, conflict=(1, 7))
    answer(bench, "jerry", 9)
    story = f"{story}; then it has the new one"
    require_entries_sent(bench, "jerry", ["10: 2 set d 9", "11: 2 set e 9"], story, since=mark)


@rule("A leader looks for the term in conflict no further back than its log goes.", "Section 5.3; Section 7")
def a_leader_looks_no_further_back_than_its_log(bench: Bench) -> None:
    """Tom's log begins after an entry of term 4, the 6th; a follower refuses with that term, with older ones, and with none."""
    cases = (
        (8, 4, 5, 6), (8, 4, 6, 6), (8, 1, 2, 0), (8, None, 4, 0), (8, None, 6, 0), (8, None, 7, 6), (8, 5, 8, 7),
        (9, 6, 8, 8), (7, 6, 7, 6),
    )  # fmt: skip
    for prev, term, index, expected in cases:
        bench.begin()
        entries = "1 set x 1; 1 set y 2; 1 set z 3; 4 set x 4; 4 set w 5; 4 set a 6; 5 set b 7; 6 set c 8"
        call(bench, "jerry", 6, (0, 0), entries, commit=6)
        take_snapshot(bench)
        elect(bench)
        sent = answer(bench, "jerry", prev, success=False, conflict=(term, index))
        conflict = (
            f"term {term}, from entry {index} on" if term is not None else f"a log that ends before entry {index}"
        )
        story = f"tom's log begins after entry 6 of term 4; jerry refuses the call after entry {prev}, and states {conflict}"
        if not expected:
            require_snapshot_sent(bench, sent, story, 6)
        else:
            require_call_after(bench, sent, expected, story)


@rule("A follower without those entries takes the snapshot over, and says how far its log matches now.", INSTALL)
def a_follower_takes_a_snapshot_over(bench: Bench) -> None:
    """A server without entries, and one with a few, get a snapshot of three; then entries follow it."""
    snapshot, state = taken(bench, 3)
    for log in ("", "1 set x 1", "1 set x 1; 1 set y 2"):
        bench.begin(log=log)
        sent = install(bench, snapshot, 2)
        story = f"tom's log is {log or 'empty'}; jerry sends it a snapshot of 3 entries"
        require_base(bench, 3, 1, story)
        exchange.require_log(bench, "", story)
        require_unchanged(bench, {"state_machine": state}, f"{story}, taken after these entries")
        wrong = bench.events("applied")
        bench.require(not wrong, f"{story}; there is nothing to apply, but it does", exchange.first(wrong))
        require_committed(bench, 3, story)
        exchange.require_reply(bench, sent, success=True, about=3, story=story)
        require_match_between(bench, 3, 3, story)
        call(bench, "jerry", 2, (3, 1), "2 set a 6; 2 set b 7", commit=4)
        exchange.require_applied(
            bench, ["set a 6"], f"{story}, and then entries 4 and 5, of which it commits the first"
        )


@rule("Entries that come after the snapshot's last one stay if the log has that one, and go if it has not.", INSTALL)
def entries_after_the_snapshot_stay_if_they_fit(bench: Bench) -> None:
    """A snapshot of three entries arrives at logs of five: with these three, with another third, and without a third."""
    snapshot, _ = taken(bench, 3)
    for log, kept in (
        (MATCHING, "1 set x 4; 1 set w 5"),
        ("1 set x 1; 1 set y 2; 1 set z 3; 2 set x 8", "2 set x 8"),
        ("1 set x 1; 2 set y 8; 2 set z 9; 2 set x 8", ""),
        ("1 set x 1; 1 set y 2; 2 set z 9; 2 set x 8", ""),
        ("1 set x 1; 1 set y 2", ""),
    ):
        bench.begin(log=log)
        sent = install(bench, snapshot, 3)
        story = f"tom's log is '{log}', of which nothing is committed; jerry sends a snapshot of 3 entries, the last of term 1"
        exchange.require_log(bench, kept, story)
        require_base(bench, 3, 1, story)
        require_match_between(bench, 3, 3, story)
        exchange.require_reply(bench, sent, success=True, about=3, story=story)


@rule(
    "A snapshot of what a server has applied itself changes nothing: its state never goes back.",
    "Section 7; etcd-io/raft issue 157: a stale snapshot took the log back",
)
def an_old_snapshot_changes_nothing(bench: Bench) -> None:
    """A snapshot of three entries arrives late: tom has applied five, and compacted none, four or all of them, or three."""
    snapshot, _ = taken(bench, 3)
    for base, applied in ((0, 5), (4, 5), (5, 5), (0, 3), (3, 3)):
        follow(bench, base or applied)
        if base:
            take_snapshot(bench)
            call(bench, "jerry", 1, (5, 1), commit=applied)
        before, mark = state_of(bench), bench.mark()
        sent = install(bench, snapshot, 1)
        story = f"tom has applied {applied} entries, {base} of them compacted; a snapshot of 3 arrives late"
        exchange.require_reply(bench, sent, success=True, about=3, story=story)
        if applied == 3:  # It may as well compact what it has applied.
            del before["log"]
        require_unchanged(bench, before, story)
        call(bench, "jerry", 1, (5, 1), "1 set a 6", commit=6)
        commands = [event["command"] for event in bench.events("applied", since=mark)]
        expected = [*ENTRIES[applied:], "set a 6"]
        bench.require(
            commands == expected,
            f"{story}; then entry 6 is committed, and tom should apply {'; '.join(expected)}, "
            f"but applies {'; '.join(commands) or 'nothing'}",
            last(bench),
        )


@rule(
    "A snapshot of an older term is refused, and changes nothing.", "Figure 13: reply immediately if term < currentTerm"
)
def a_snapshot_of_an_older_term_is_refused(bench: Bench) -> None:
    """Tom is in term 4 when a snapshot of a leader of term 3 arrives, as a follower and as the leader."""
    snapshot, _ = taken(bench, 3)
    for leads in (False, True):
        if leads:
            lead(bench, log="3 set x 1")
        else:
            bench.begin(log="2 set x 1")
            call(bench, "jerry", 4, (1, 2))
        before = state_of(bench)
        sent = install(bench, snapshot, 3)
        story = f"tom {'leads' if leads else 'is a follower'} in term 4, and a snapshot arrives in term 3"
        require_unchanged(bench, before, story)
        bench.require(
            [(each["type"], exchange.term_of(each)) for each in sent] == [("AppendEntriesRefused", 4)],
            f"{story}; tom should send AppendEntriesRefused with term 4, and nothing else", exchange.first(sent) or bench.arrival()
        )  # fmt: skip


@rule(
    "Who sends a snapshot leads: a server follows it, in its term, and starts no election while snapshots arrive.",
    INSTALL,
)
def who_sends_a_snapshot_leads(bench: Bench) -> None:
    """A leader of a newer term sends a snapshot to tom, who leads; then to a follower again and again, for half a minute."""
    snapshot, _ = taken(bench, 3)
    lead(bench)
    install(bench, snapshot, 3)
    require_following(bench, 3, "tom leads in term 1, and jerry sends it a snapshot in term 3")
    found = bench.answer(bench.ask("set x 1"))
    bench.require(
        getattr(found, "leader", None) == "jerry",
        f"jerry has sent tom a snapshot; tom should name jerry to clients, but answers {found!r}",
        last(bench, "answered"),
    )
    bench.begin()
    for _ in range(8):
        bench.run(bench.pace_s(5) - bench.delay_s)
        install(bench, snapshot, 2)
    wrong = bench.sent("RequestVote")
    bench.require(not wrong, "jerry sends tom a snapshot every five seconds; tom should start no election, but does",
                  exchange.first(wrong))  # fmt: skip


@rule(
    "A follower's answer to a snapshot confirms that the leader leads, as the answer to a call does.",
    "Section 8: the leader exchanges messages with a majority; this course, steps 14 and 16",
)
def a_snapshot_belongs_to_a_round(bench: Bench) -> None:
    """A follower that needs a snapshot answers nothing else, and a client reads; then tom answers a snapshot itself."""
    lead_compacted(bench)
    answer(bench, "jerry", 5, success=False, conflict=(None, 1))
    for _ in range(2):
        client = bench.ask("get x")
        mark = bench.mark()
        bench.run(5.2)
        sent = [
            each for each in bench.sent(to="jerry", since=0) if each["type"] in ("AppendEntries", "InstallSnapshot")
        ]
        rounds = [exchange.field_of(each, "round") for each in sent]
        bench.require(
            rounds == sorted(rounds), "the rounds of tom's calls and snapshots should not fall, but do", sent[-1]
        )
        fields: dict[str, Any] = {"success": True, "prev_log_index": 6, "match_index": 6, "round": rounds[-1]}
        exchange.send(bench, "jerry", "AppendEntriesReply", conflict_term=None, conflict_index=0, **fields)
        bench.require(
            isinstance(bench.answer(client), Ok),
            "tom leads, a client reads, and jerry answers tom's latest call or snapshot; tom should answer, but does not",
            exchange.first(bench.events("delivered", since=mark)),
        )
    snapshot, _ = taken(bench, 3)
    bench.begin()
    sent = bench.send("jerry", "InstallSnapshot", term=2, snapshot=snapshot, round=7)
    found = [exchange.field_of(each, "round") for each in sent if each["type"] == "AppendEntriesReply"]
    bench.require(
        found == [7], f"jerry sends a snapshot in round 7; tom's answer should be for round 7, but is for {found}"
    )


@rule(
    "A server without a log that joins gets what the others have, and in the end all have the same state.", "Section 7"
)
def a_cluster_catches_up_by_snapshots(bench: Bench) -> None:
    """A server without a log joins two that have more entries than a log may have."""
    bench.begin()
    limit = bench.field("log_limit")
    count = limit + 20
    log, names = log_of((1,) * count), ("tom", "jerry", "spike")
    cluster = bench.cluster(logs={"tom": log, "jerry": log}, draws={"tom": (8,), "jerry": (17,), "spike": (18,)})
    cluster.run(60, until=lambda: min(cluster.field(name, "last_applied", 0) for name in names) > count)
    story = f"tom and jerry have {count} entries, and spike has none; tom is elected"
    for name in names:
        found, expected = (cluster.field(each, "state_machine", None) for each in (name, "tom"))
        bench.require(
            found == expected != {},
            f"{story}; within 60 s {name}'s state machine should be {expected}, but is {found}",
        )
        held = len(cluster.field(name, "log", ()))
        bench.require(held < limit, f"{story}; then {name}'s log should be compacted, but has {held} entries")


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; steps 1 to 15",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 15 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 16)
