"""The checks of step 11: who has what, how much is committed, and what is carried out when."""

from __future__ import annotations

from raft_steps.lab.checks import exchange
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
    require_not_sent,
    require_read,
)
from raft_steps.lab.checks.rules import rule

COUNTING = "Figure 2, Leaders: N > commitIndex, a majority of matchIndex[i] >= N, and log[N].term == currentTerm"


@rule(
    "A new leader begins its term with an entry of that term that asks for nothing, and sends it to every follower.",
    "Section 8: each leader commits a blank no-op entry at the start of its term",
)
def a_new_leader_logs_an_entry_of_its_own(bench: Bench) -> None:
    """A server whose log ends in term 1 is elected in term 2; another time it is alone."""
    lead(bench, log="1 set x 1")
    for follower in exchange.PEERS:
        story = "tom is elected in term 2, and its log ends with entry 1; entry 2 is of term 2 and has no command"
        require_last_entry_sent(bench, follower, "2: 2 -", story)
    lead(bench, servers=1, log="1 set x 1")
    require_applied_so_far(bench, ["set x 1", "-"], "tom is alone, leads in term 2, and has whatever a majority has")


@rule(
    "An entry is carried out when it is committed, not before: not at a start, not when it is stored, not by being elected.",
    "Section 5.3; Figure 2, All Servers: commitIndex > lastApplied",
)
def nothing_is_carried_out_early(bench: Bench) -> None:
    """A server starts with an entry, is sent another one, is elected, and is asked for a third."""
    bench.begin(log="1 set x 1")
    require_applied_so_far(bench, [], "tom starts with set x 1 on its disk, and does not know whether it is committed")
    call(bench, "jerry", 1, (1, 1), "1 set y 2")
    require_applied_so_far(bench, [], "jerry sends tom set y 2 and says that nothing is committed yet")
    lead(bench, log="1 set x 1")
    require_applied_so_far(bench, [], "tom is elected with set x 1 in its log; nobody has told it what a majority has")
    client = bench.ask("set z 3")
    bench.run(1)
    require_applied_so_far(bench, [], "a client asks tom for set z 3, and no follower has it yet")
    require_answer(bench, client, False, "no follower has set z 3 yet")


@rule(
    "A write is done when a majority has that entry; what a follower acknowledged of others does not count.", COUNTING
)
def a_write_waits_for_its_own_entry(bench: Bench) -> None:
    """Followers acknowledge what came before a write, and then one after the other the write; in five servers and four."""
    for servers in (5, 4):
        lead(bench, servers)
        mark, client = bench.mark(), bench.ask("set x 1")
        for follower in exchange.PEERS:
            require_last_entry_sent(bench, follower, "2: 1 set x 1", "tom leads, and a client asks for set x 1", mark)
        for follower in ("jerry", "spike", "tyke"):
            acknowledge(bench, follower, 1)
            require_answer(bench, client, False, f"{follower} says that it has entry 1, and set x 1 is entry 2")
        acknowledge(bench, "jerry", 2)
        acknowledge(bench, "jerry", 2)
        story = f"tom and jerry have set x 1, entry 2, and two of {servers} servers are no majority"
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
    """Both followers acknowledge an entry of an older term, and then one of them the leader's own."""
    lead(bench, log="1 set x 1; 2 set y 2")
    for follower in exchange.PEERS:
        acknowledge(bench, follower, 2)
    story = "tom leads in term 3, and every server has entry 2, of term 2"
    require_applied_so_far(bench, [], story)
    require_leader_commit(bench, 0, story)
    acknowledge(bench, "spike", 3)
    story = "spike has entry 3 too, the one of tom's own term 3"
    require_applied_so_far(bench, ["set x 1", "set y 2", "-"], story)
    require_leader_commit(bench, 3, story)


@rule(
    "Entries are carried out in the order of the log, each once; replies that come twice, late or in another order do not matter.",
    "Figure 2: lastApplied increases by one; matchIndex increases monotonically",
)
def entries_are_carried_out_in_order_and_once(bench: Bench) -> None:
    """Replies of two followers arrive late, twice and in the wrong order, and a late refusal among them."""
    lead(bench, 5)
    clients = [bench.ask(command) for command in ("set x 1", "set x 2", "delete x")]
    acknowledge(bench, "jerry", 4)
    acknowledge(bench, "jerry", 2)
    acknowledge(bench, "spike", 3)
    story = "jerry has the entries up to 4, whatever its late reply says of 2, and spike has those up to 3"
    require_applied_so_far(bench, ["-", "set x 1", "set x 2"], story)
    for client, done in zip(clients, (True, True, False), strict=True):
        require_answer(bench, client, done, story)
    refuse(bench, "jerry", 3)
    acknowledge(bench, "spike", 3)
    acknowledge(bench, "tyke", 4)
    story = "jerry and tyke have entry 4; a late refusal of jerry's takes nothing back"
    require_applied_so_far(bench, ["-", "set x 1", "set x 2", "delete x"], story)
    for follower in ("jerry", "tyke", "spike"):
        acknowledge(bench, follower, 4)
    require_applied_so_far(
        bench, ["-", "set x 1", "set x 2", "delete x"], "all of it is carried out and acknowledged again"
    )


@rule(
    "Every AppendEntries says how much is committed, so that a lost one does no harm; there is no message of its own for it.",
    "Section 5.3: the leader includes the highest index it knows to be committed in future AppendEntries RPCs",
)
def every_call_says_what_is_committed(bench: Bench) -> None:
    """A write is acknowledged by one follower; the next heartbeats are looked at, and the next again."""
    lead(bench)
    bench.ask("set x 1")
    bench.run(1)
    require_leader_commit(bench, 0, "tom leads, and no follower has said what it has")
    acknowledge(bench, "jerry", 2)
    for _ in range(2):
        require_leader_commit(bench, 2, "jerry has entry 2, so two servers of three have it")
    own = bench.sent("CommitEntry")
    bench.require(
        not own, "tom tells what is committed in AppendEntries, but sends CommitEntry too", exchange.first(own)
    )


@rule(
    "A follower carries out what is committed as far as the call vouches for its log, up to the last entry that is new; "
    "its answer says up to where that is.",
    "Figure 2, AppendEntries RPC, receiver 5: min(leaderCommit, index of last new entry)",
)
def a_follower_commits_what_the_call_vouches_for(bench: Bench) -> None:
    """A follower holds entries that its leader may not have, hears a call that ends before them, and refuses another."""
    bench.begin(log="1 set x 1; 1 set y 2; 1 set z 3")
    call(bench, "jerry", 2, (1, 1), commit=3)
    story = "jerry says that 3 entries are committed, in a heartbeat that comes after entry 1"
    require_applied_so_far(bench, ["set x 1"], story)
    require_match_index(bench, 1, story)
    call(bench, "jerry", 2, (4, 2), commit=2)
    story = "jerry says that 2 entries are committed, in a call that comes after entry 4, which tom lacks"
    require_applied_so_far(bench, ["set x 1"], story)
    require_match_index(bench, 0, story)
    call(bench, "jerry", 2, (1, 1), "1 set y 2; 2 set z 4", commit=2)
    story = "jerry brings entries 2 and 3 and says that 2 entries are committed"
    require_applied_so_far(bench, ["set x 1", "set y 2"], story)
    require_match_index(bench, 3, story)
    call(bench, "jerry", 2, (3, 2), commit=3)
    require_applied_so_far(bench, ["set x 1", "set y 2", "set z 4"], "jerry says that 3 entries are committed")


@rule(
    "What is committed stays so: a late call that knows of less takes nothing back, and a doubled one repeats nothing.",
    "Figure 2: commitIndex and lastApplied increase monotonically",
)
def what_is_committed_stays_committed(bench: Bench) -> None:
    """A follower hears a call twice, and two from before; then it is elected, and its own calls are looked at."""
    bench.begin()
    for commit, brought in ((2, "1 set x 1; 1 set y 2"), (2, "1 set x 1; 1 set y 2"), (1, "1 set x 1"), (0, "")):
        call(bench, "jerry", 1, (0, 0), brought, commit=commit)
        story = f"jerry has said that 2 entries are committed, and now a call says {commit}"
        require_applied_so_far(bench, ["set x 1", "set y 2"], story)
        bench.require(bench.log() == "1 set x 1; 1 set y 2", f"{story}; tom's log is '{bench.log()}'", bench.arrival())
    elect(bench)
    require_leader_commit(
        bench, 2, "tom knew of 2 committed entries when it was elected, and no follower has said more"
    )


@rule(
    "The leader knows for each follower what comes next: it goes back until the logs meet, and sends what is lacking, no more.",
    "Section 5.3: nextIndex; Figure 2, Leaders",
)
def each_follower_is_sent_what_it_lacks(bench: Bench) -> None:
    """One follower lacks everything and refuses until the beginning; the other has everything."""
    lead(bench, log="1 set x 1; 1 set y 2; 1 set z 3")
    acknowledge(bench, "jerry", 4)
    before, everything = 3, ["1: 1 set x 1", "2: 1 set y 2", "3: 1 set z 3", "4: 2 -"]
    while before:
        sent = [each for each in refuse(bench, "spike", before) if each["type"] == "AppendEntries"]
        story = f"spike lacks entry {before}"
        bench.require(sent, f"{story}; tom should call it again at once, with earlier entries", bench.arrival())
        earlier = exchange.preceding_entry(sent[-1])[0]
        bench.require(0 <= earlier < before, f"{story}; tom calls it with what comes after {earlier}", sent[-1])
        before = earlier
    require_entries_sent(bench, "spike", everything, "spike lacks entry 1 and what follows")
    refuse(bench, "spike", 0)
    require_entries_sent(bench, "spike", everything, "spike refuses even so")
    acknowledge(bench, "spike", 4)
    mark = bench.mark()
    bench.run(5.2)
    for follower in exchange.PEERS:
        require_entries_sent(bench, follower, [], f"{follower} has all that tom has", mark)


@rule(
    "What was before a leader was deposed is void: what followers acknowledged then, and whom it owed an answer.",
    "Figure 2: nextIndex[] and matchIndex[] are reinitialized after election; respond after the entry is applied",
)
def a_deposed_leader_begins_anew(bench: Bench) -> None:
    """A leader with a write and a read that wait is deposed; other entries take the place, and it is elected again."""
    lead(bench, 5)
    clients = [bench.ask(command) for command in ("set x 1", "set x 2", "get x")]
    acknowledge(bench, "jerry", 3)
    exchange.send(bench, "tyke", "AppendEntriesReply", term=2, success=False, prev_log_index=3, match_index=0)
    require_following(bench, 2, "tom led in term 1, and tyke's reply is of term 2")
    call(bench, "spike", 3, (0, 0), "3 set x 7; 3 set x 8", commit=1)
    elect(bench)
    story = "jerry had tom's entries up to 3 in term 1; now tom leads in term 4 and has other ones"
    require_entries_sent(bench, "jerry", ["3: 4 -"], story)
    acknowledge(bench, "jerry", 3, term=1)
    acknowledge(bench, "tyke", 3)
    require_applied_so_far(bench, ["set x 7"], f"{story}, and only tyke has said that it has entry 3")
    acknowledge(bench, "spike", 3)
    expected = ["set x 7", "set x 8", "-"]
    require_applied_so_far(bench, expected, f"{story}, and tyke and spike have said that they have entry 3")
    for client in clients:
        require_answer(bench, client, False, f"{story}; what the client asked for in term 1 is gone")


@rule(
    "Following and leading are as before: an older term is refused, a newer one is followed, and timers run as they did.",
    "Sections 5.1 and 5.2; Figure 2, All Servers and Leaders",
)
def following_and_leading_are_as_before(bench: Bench) -> None:
    """A server is told to lead; a leader of term 2 hears a call of term 1, which it refuses, and one of term 3."""
    bench.begin(leads=True)
    require_last_entry_sent(bench, "jerry", "1: 0 -", "tom is told to lead at its start, in term 0")
    lead(bench, log="1 set x 1")
    sent = call(bench, "jerry", 1, (0, 0), "1 set x 9", commit=1)
    story = "tom leads in term 2, and jerry calls in term 1"
    kinds = [event["type"] for event in sent]
    bench.require(kinds == ["AppendEntriesRefused"], f"{story}; tom should refuse, but sends {kinds}", bench.arrival())
    require_applied_so_far(bench, [], story)
    require_not_sent(bench, 20.5, "RequestVote", "tom leads", beats=4)
    call(bench, "jerry", 3, (1, 1))
    require_following(bench, 3, "tom led in term 2, and jerry calls in term 3")
    acknowledge(bench, "spike", 2)
    require_applied_so_far(bench, [], "tom follows, and spike's reply has come to it")
    for _ in range(4):
        require_not_sent(bench, 5, "RequestVote", "jerry calls tom every 5 s in term 3")
        call(bench, "jerry", 3, (1, 1))
    require_not_sent(bench, 7.5, "AppendEntries", "tom was deposed by jerry's call of term 3")
    await_election(bench, "tom was deposed by jerry's call, and jerry has fallen silent")
    bench.begin(log="1 set x 1")
    acknowledge(bench, "spike", 1)
    require_following(
        bench, 1, "tom follows since it was restarted, and a reply comes that was meant for its life before"
    )


@rule(
    "A leader reads only when an entry of its own term is committed: before, it does not know what is.",
    "Section 8: a leader must have the latest information on which entries are committed",
)
def a_read_waits_for_the_leaders_own_entry(bench: Bench) -> None:
    """A client reads from a new leader whose log is not known to be committed, and again after a write."""
    lead(bench, log="1 set x 1")
    client = bench.ask("get x")
    acknowledge(bench, "jerry", 1)
    require_answer(bench, client, False, "tom leads in term 2, and nobody has an entry of that term yet")
    acknowledge(bench, "jerry", 2)
    require_read(bench, client, "1", "jerry has entry 2, the first of tom's term, and x was set to 1 before it")
    bench.ask("set x 2")
    acknowledge(bench, "spike", 3)
    require_read(bench, bench.ask("get x"), "2", "spike has entry 3, set x 2, so it is done")
