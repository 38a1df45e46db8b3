"""The checks of step 11: which follower has which entries, how much is committed, and what is applied when."""

from __future__ import annotations

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election
from raft_steps.lab.checks.replication import (
    acknowledge,
    call,
    elect,
    lead,
    refuse,
    require_answer,
    require_applied_so_far,
    require_entries_sent,
    require_following,
    require_last_entry_sent,
    require_leader_commit,
    require_match_index,
    require_next_call_after,
    require_not_sent,
    require_own_preceding_entry,
    require_read,
)
from raft_steps.lab.checks.rules import rule

COUNTING = "Figure 2, Leaders: N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term == currentTerm"


@rule(
    "A new leader begins its term with a no-op entry of that term, and sends it to every follower.",
    "Section 8: each leader commits a blank no-op entry at the start of its term",
)
def a_new_leader_appends_a_blank_entry(bench: Bench) -> None:
    """A server whose log ends in term 1 is elected in term 2."""
    lead(bench, log="1 set x 1")
    for follower in exchange.PEERS:
        story = "tom is elected in term 2, and its log ends with entry 1; entry 2 should be a no-op of term 2"
        require_last_entry_sent(bench, follower, "2: 2 -", story)


@rule(
    "An entry is applied when it is committed, not before: not at the start, not when it is stored, not after an election.",
    "Section 5.3; Figure 2, All Servers: commitIndex > lastApplied",
)
def nothing_is_applied_early(bench: Bench) -> None:
    """A server starts with an entry, receives another one, is elected, and receives a write."""
    bench.begin(log="1 set x 1")
    require_applied_so_far(bench, [], "tom starts with set x 1 on its disk, and does not know whether it is committed")
    call(bench, "jerry", 1, (1, 1), "1 set y 2")
    require_applied_so_far(bench, [], "jerry sends tom set y 2, and nothing is committed yet")
    lead(bench, log="1 set x 1")
    require_applied_so_far(bench, [], "tom is elected with set x 1 in its log, and no follower has acknowledged it")
    client = bench.ask("set z 3")
    bench.run(1)
    require_applied_so_far(bench, [], "a client sends set z 3 to tom, and no follower has it yet")
    require_answer(bench, client, False, "no follower has set z 3 yet")


@rule("A write is committed when a majority has its entry; acknowledgements of earlier entries do not count.", COUNTING)
def a_write_waits_for_its_own_entry(bench: Bench) -> None:
    """Followers acknowledge the entry before a write, and then, one by one, the write; in clusters of five and of four."""
    for servers in (5, 4):
        lead(bench, servers)
        mark, client = bench.mark(), bench.ask("set x 1")
        for follower in exchange.PEERS:
            require_last_entry_sent(bench, follower, "2: 1 set x 1", "tom leads, and a client sends set x 1", mark)
        for follower in ("jerry", "spike", "tyke"):
            acknowledge(bench, follower, 1)
            require_answer(bench, client, False, f"{follower} acknowledges entry 1, and set x 1 is entry 2")
        acknowledge(bench, "jerry", 2)
        acknowledge(bench, "jerry", 2)
        story = f"tom and jerry have set x 1, entry 2, and two of {servers} servers are not a majority"
        require_applied_so_far(bench, ["-"], story)
        require_answer(bench, client, False, story)
        acknowledge(bench, "spike", 2)
        story = f"tom, jerry and spike have set x 1, entry 2: three of {servers} servers"
        require_applied_so_far(bench, ["-", "set x 1"], story)
        require_answer(bench, client, True, story)
    lead(bench, servers=1)
    require_answer(bench, bench.ask("set x 1"), True, "tom is the only server, and a majority by itself")


@rule(
    "Only an entry of the leader's own term is committed by counting; those of older terms are committed with it.",
    "Section 5.4.2 and Figure 8; " + COUNTING,
)
def older_entries_are_not_counted(bench: Bench) -> None:
    """Both followers acknowledge an entry of an older term, and then one of them an entry of the leader's term.

    In another run, the leader is the only server.
    """
    lead(bench, log="1 set x 1; 2 set y 2")
    for follower in exchange.PEERS:
        acknowledge(bench, follower, 2)
    story = "tom leads in term 3, and every server has entry 2, of term 2"
    require_applied_so_far(bench, [], story)
    require_leader_commit(bench, 0, story)
    acknowledge(bench, "spike", 3)
    story = "spike has entry 3 too, which is of tom's own term 3"
    require_applied_so_far(bench, ["set x 1", "set y 2", "-"], story)
    require_leader_commit(bench, 3, story)
    lead(bench, servers=1, log="1 set x 1")
    require_applied_so_far(bench, ["set x 1", "-"], "tom is the only server, a majority by itself, and leads in term 2")


@rule(
    "Entries are applied in the order of the log, each once, even if replies are duplicated, delayed or reordered.",
    "Figure 2: lastApplied increases by one; matchIndex increases monotonically",
)
def entries_are_applied_in_order_and_once(bench: Bench) -> None:
    """Replies of two followers arrive late, twice and in the wrong order, with a late refusal among them."""
    lead(bench, 5)
    clients = [bench.ask(command) for command in ("set x 1", "set x 2", "delete x")]
    acknowledge(bench, "jerry", 4)
    acknowledge(bench, "jerry", 2)
    acknowledge(bench, "spike", 3)
    two, three, four = (bench.index_text(index) for index in (2, 3, 4))
    story = f"jerry has the entries up to {four}, despite its late reply about {two}, and spike has those up to {three}"
    require_applied_so_far(bench, ["-", "set x 1", "set x 2"], story)
    for client, done in zip(clients, (True, True, False), strict=True):
        require_answer(bench, client, done, story)
    refuse(bench, "jerry", 3)
    acknowledge(bench, "spike", 3)
    acknowledge(bench, "tyke", 4)
    story = "jerry and tyke have entry 4, despite a late refusal from jerry"
    require_applied_so_far(bench, ["-", "set x 1", "set x 2", "delete x"], story)
    for follower in ("jerry", "tyke", "spike"):
        acknowledge(bench, follower, 4)
    require_applied_so_far(
        bench, ["-", "set x 1", "set x 2", "delete x"], "all entries are applied, and are acknowledged again"
    )


@rule(
    "Every AppendEntries carries the commit index, so that losing one does no harm; there is no separate commit message.",
    "Section 5.3: the leader includes the highest index it knows to be committed in future AppendEntries RPCs",
)
def every_call_carries_the_commit_index(bench: Bench) -> None:
    """One follower acknowledges a write; then the heartbeats of two intervals are checked."""
    lead(bench)
    bench.ask("set x 1")
    bench.run(1)
    require_leader_commit(bench, 0, "tom leads, and no follower has acknowledged anything")
    acknowledge(bench, "jerry", 2)
    for _ in range(2):
        require_leader_commit(bench, 2, "jerry has entry 2, so two servers of three have it")
    extra = bench.sent("CommitEntry")
    bench.require(
        not extra, "tom's AppendEntries carry the commit index, but it sends CommitEntry too", exchange.first(extra)
    )


@rule(
    "A follower applies committed entries only up to the last one that the call confirms, and answers with that index.",
    "Figure 2, AppendEntries RPC, receiver 5: min(leaderCommit, index of last new entry)",
)
def a_follower_commits_what_the_call_confirms(bench: Bench) -> None:
    """A follower has entries that its leader may lack; it receives a call that ends before them, and refuses another."""
    bench.begin(log="1 set x 1; 1 set y 2; 1 set z 3")
    call(bench, "jerry", 2, (1, 1), commit=3)
    story = "jerry's heartbeat has leader_commit=3 and follows entry 1"
    require_applied_so_far(bench, ["set x 1"], story)
    require_match_index(bench, 1, story)
    call(bench, "jerry", 2, (4, 2), commit=2)
    story = "jerry's call has leader_commit=2 and follows entry 4, which tom lacks"
    require_applied_so_far(bench, ["set x 1"], story)
    require_match_index(bench, 0, story)
    call(bench, "jerry", 2, (1, 1), "1 set y 2; 2 set z 4", commit=2)
    story = "jerry's call has leader_commit=2 and carries entries 2 and 3"
    require_applied_so_far(bench, ["set x 1", "set y 2"], story)
    require_match_index(bench, 3, story)
    call(bench, "jerry", 2, (3, 2), commit=3)
    require_applied_so_far(bench, ["set x 1", "set y 2", "set z 4"], "jerry's heartbeat has leader_commit=3")


@rule(
    "The commit index never decreases: neither a late call with a lower one nor a duplicated call changes anything.",
    "Figure 2: commitIndex and lastApplied increase monotonically",
)
def what_is_committed_stays_committed(bench: Bench) -> None:
    """A follower receives a call twice, then two older ones; then it is elected, and its own calls are checked."""
    bench.begin()
    for commit, entries in ((2, "1 set x 1; 1 set y 2"), (2, "1 set x 1; 1 set y 2"), (1, "1 set x 1"), (0, "")):
        call(bench, "jerry", 1, (0, 0), entries, commit=commit)
        story = f"jerry has sent leader_commit=2, and now a call with leader_commit={commit}"
        require_applied_so_far(bench, ["set x 1", "set y 2"], story)
        bench.require(
            bench.log() == "1 set x 1; 1 set y 2",
            f"{story}; tom's log should not change, but is '{bench.log()}'",
            bench.arrival(),
        )
    elect(bench)
    require_leader_commit(
        bench,
        2,
        f"tom's commit index was {bench.index_text(2)} when it was elected, and no follower has acknowledged more",
    )


@rule(
    "The leader tracks the next entry of each follower: it goes back until the logs match, and sends what is missing, no "
    "more.",
    "Section 5.3: nextIndex; Figure 2, Leaders",
)
def each_follower_is_sent_what_it_lacks(bench: Bench) -> None:
    """One follower has no entry and refuses every call until one starts with entry 1; the other has every entry."""
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3", at_the_beginning=True)
    acknowledge(bench, "jerry", 4)
    before, everything = 3, ["1: 1 set x 1", "2: 1 set y 2", "3: 1 set z 3", "4: 2 -"]
    while before:
        sent = [each for each in refuse(bench, "spike", before) if each["type"] == "AppendEntries"]
        story = f"spike lacks entry {before}"
        bench.require(
            sent, f"{story}; tom should retry with earlier entries at once, but sends nothing", bench.arrival()
        )
        earlier = exchange.preceding_entry(sent[-1])[0]
        bench.require(
            0 <= earlier < before, f"{story}; tom should go back, but its retry follows entry {earlier}", sent[-1]
        )
        before = earlier
    require_entries_sent(bench, "spike", everything, "spike lacks entry 1 and all later ones")
    refuse(bench, "spike", 0)
    require_entries_sent(bench, "spike", everything, "spike refuses again")
    acknowledge(bench, "spike", 4)
    mark = bench.mark()
    bench.run(5.2)
    for follower in exchange.PEERS:
        require_entries_sent(bench, follower, [], f"{follower} has all of tom's entries", mark)


@rule(
    "Only a refusal of the latest call makes the leader go back: one that is late or duplicated changes nothing.",
    "Section 5.3: after a rejection, the leader decrements nextIndex; messages may be delayed, duplicated and reordered",
)
def only_the_latest_refusal_counts(bench: Bench) -> None:
    """Refusals arrive a second time after others, and after an acknowledgement; then the next heartbeat is checked."""
    lead(bench, log="1 set x 1; 2 set y 2; 3 set z 3; 3 set w 4")
    before = 4
    for _ in range(2):  # A Node may go back by more than one entry.
        calls = [each for each in refuse(bench, "jerry", before) if each["type"] == "AppendEntries"]
        story = f"tom's log ends with entry 5, and jerry refuses a call that follows entry {before}"
        bench.require(calls, f"{story}; tom should retry with earlier entries at once, but does not", bench.arrival())
        require_own_preceding_entry(bench, calls[-1], story)
        before = exchange.preceding_entry(calls[-1])[0]
    refuse(bench, "jerry", 4)
    story = (
        f"tom has gone back to entry {before} for jerry, and jerry's refusal of the call after entry 4 arrives twice"
    )
    require_next_call_after(bench, "jerry", before, story)
    acknowledge(bench, "spike", 5)
    refuse(bench, "spike", 4)
    story = "spike has acknowledged entry 5, and its refusal of the call after entry 4 arrives late"
    require_next_call_after(bench, "spike", 5, story)


@rule(
    "The leader keeps what one follower has apart from what another has.",
    "Figure 2, Leaders: nextIndex[] and matchIndex[] have a value for each server",
)
def each_follower_has_its_own_indexes(bench: Bench) -> None:
    """Of two followers only the second one acknowledges; then it refuses, and the first one acknowledges."""
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3")
    acknowledge(bench, "spike", 4)
    story = "spike has acknowledged entry 4, the last of tom's log, and jerry has not replied"
    require_next_call_after(bench, "spike", 4, story)
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3")
    sent = refuse(bench, "spike", 3)
    wrong = exchange.first([each for each in sent if each["to"] != "spike"])
    bench.require(not wrong, "spike refuses a call; tom should retry with spike only, but also calls jerry", wrong)
    acknowledge(bench, "jerry", 4)
    story = "jerry has acknowledged entry 4, the last of tom's log, after spike has refused"
    require_next_call_after(bench, "jerry", 4, story)


@rule(
    "A leader that is elected again starts afresh: earlier acknowledgements and waiting clients do not count any more.",
    "Figure 2: nextIndex[] and matchIndex[] are reinitialized after election; respond after the entry is applied",
)
def a_reelected_leader_starts_afresh(bench: Bench) -> None:
    """A leader with waiting clients is deposed; other entries replace their writes, and it is elected again."""
    lead(bench, 5)
    clients = [bench.ask(command) for command in ("set x 1", "set x 2", "get x")]
    acknowledge(bench, "jerry", 3)
    exchange.send(bench, "tyke", "AppendEntriesReply", term=2, success=False, prev_log_index=3, match_index=0)
    require_following(bench, 2, "tom led in term 1, and tyke's reply has term 2")
    call(bench, "spike", 3, (0, 0), "3 set x 7; 3 set x 8", commit=1)
    elect(bench)
    story = (
        f"jerry had tom's entries up to {bench.index_text(3)} in term 1; now tom leads in term 4 and has other entries"
    )
    require_entries_sent(bench, "jerry", ["3: 4 -"], story)
    acknowledge(bench, "jerry", 3, term=1)
    acknowledge(bench, "tyke", 3)
    require_applied_so_far(bench, ["set x 7"], f"{story}, and only tyke has acknowledged entry 3")
    acknowledge(bench, "spike", 3)
    expected = ["set x 7", "set x 8", "-"]
    require_applied_so_far(bench, expected, f"{story}, and tyke and spike have acknowledged entry 3")
    for client in clients:
        require_answer(bench, client, False, f"{story}; the entry of the client's request is gone")


@rule(
    "Following and leading are as before: an older term is refused, a newer one is followed, and timers are unchanged.",
    "Sections 5.1 and 5.2; Figure 2, All Servers and Leaders",
)
def following_and_leading_are_as_before(bench: Bench) -> None:
    """A named leader starts; a leader of term 2 receives a call of term 1, which it refuses, and one of term 3."""
    bench.begin(leads=True)
    require_last_entry_sent(bench, "jerry", "1: 0 -", "tom is the named leader of its start, in term 0")
    lead(bench, log="1 set x 1")
    sent = call(bench, "jerry", 1, (0, 0), "1 set x 9", commit=1)
    story = "tom leads in term 2, and jerry calls in term 1"
    kinds = [event["type"] for event in sent]
    bench.require(
        kinds == ["AppendEntriesRefused"],
        f"{story}; tom should refuse, but sends {', '.join(kinds) or 'nothing'}",
        bench.arrival(),
    )
    require_applied_so_far(bench, [], story)
    require_not_sent(bench, 20.5, "RequestVote", "tom leads", beats=4)
    call(bench, "jerry", 3, (1, 1))
    require_following(bench, 3, "tom led in term 2, and jerry calls in term 3")
    acknowledge(bench, "spike", 2)
    require_applied_so_far(bench, [], "tom is a follower, and spike's reply arrives")
    for _ in range(4):
        require_not_sent(bench, 5, "RequestVote", "jerry calls tom every 5 s in term 3")
        call(bench, "jerry", 3, (1, 1))
    require_not_sent(bench, 7.5, "AppendEntries", "tom was deposed by jerry's call of term 3")
    await_election(bench, "tom was deposed by jerry's call, and jerry has gone silent")
    bench.begin(log="1 set x 1")
    acknowledge(bench, "spike", 1)
    require_following(
        bench, 1, "tom has been a follower since its restart, and a reply arrives that was sent to it as a leader"
    )


@rule(
    "A leader answers reads only when an entry of its own term is committed: before, it does not know the commit index.",
    "Section 8: a leader must have the latest information on which entries are committed",
)
def a_read_waits_for_the_leaders_own_entry(bench: Bench) -> None:
    """A client reads from a new leader that does not know what is committed, and again after a write."""
    lead(bench, log="1 set x 1")
    client = bench.ask("get x")
    acknowledge(bench, "jerry", 1)
    require_answer(bench, client, False, "tom leads in term 2, and no follower has an entry of that term yet")
    acknowledge(bench, "jerry", 2)
    require_read(bench, client, "1", "jerry has entry 2, the first of tom's term, and x was set to 1 before it")
    bench.ask("set x 2")
    acknowledge(bench, "spike", 3)
    require_read(bench, bench.ask("get x"), "2", "spike has entry 3, set x 2, so it is committed")


@rule(
    "A read waits for the entries that are in the log when it arrives, and for no others.",
    "Section 8; this course: a read is answered once everything in the log has been applied",
)
def a_read_waits_for_what_is_in_the_log(bench: Bench) -> None:
    """A new leader has applied what it got as a follower, but not its whole log; clients read before and after a write."""
    for term in (1, 8):  # smaller than the index of tom's last entry, and larger
        bench.begin(log="1 set w 1")
        entries = f"{term} set x 1; {term} set y 2; {term} set z 3; {term} set x 4"
        call(bench, "jerry", term, (1, 1), entries, commit=4)
        elect(bench)
        story = f"tom leads in term {term + 1}, and has applied entries 1 to 4 of its 6; set x 4 is entry 5"
        early = bench.ask("get x")
        require_answer(bench, early, False, story)
        write = bench.ask("set x 5")
        acknowledge(bench, "jerry", 6)
        require_read(bench, early, "4", f"{story}, and jerry has everything up to entry 6")
        require_answer(bench, write, False, f"{story}, and jerry has everything up to entry 6; set x 5 is entry 7")
        late, another = bench.ask("get x"), bench.ask("set y 6")
        acknowledge(bench, "spike", 8)
        # A Node may let a read wait for the first entry of its term alone, so the value may be that before set x 5.
        require_answer(
            bench, late, True, f"{story}, and spike has everything up to entry 8; the read came before set y 6"
        )
        require_answer(bench, another, True, f"{story}, and spike has everything up to entry 8, set y 6")


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4; steps 1 to 10",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 10 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 11)
