"""The checks of step 4: a server that hears no leader runs for leader, and leads with a majority behind it."""

from __future__ import annotations

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import (
    TIMEOUTS_S,
    ask_for_vote,
    await_election,
    begin_just_before_timeout,
    require_field,
    require_leading,
    send_vote,
    timeout_at_start,
)
from raft_steps.lab.checks.exchange import (
    PEERS,
    append_entries,
    first,
    read,
    request,
    require_log,
    require_reply,
    term_of,
)
from raft_steps.lab.checks.rules import rule

LIVES = 200  # A right Node leaves out one of the 11 timeouts in so many lives about once in 20 million tries.


@rule(
    "A follower that hears no leader for its election timeout raises its term and asks every other server for its vote.",
    "Section 5.2; Figure 2, Followers and Candidates; Raft 10",
)
def silence_starts_an_election(bench: Bench) -> None:
    """A follower in term 2 hears nothing."""
    bench.begin(log="2 set x 1")
    require_field(bench, "is_candidate", False, "tom starts as a follower", first(bench.events("started")))
    story = "tom is a follower in term 2 and hears no leader"
    calls = await_election(bench, story)
    began = calls[0].seconds
    bench.require(
        began >= TIMEOUTS_S[0], f"{story}; it should wait 8 s at least, but sends RequestVote at {began:g} s", calls[0]
    )
    for call in calls:
        term = term_of(call)
        bench.require(term == 3, f"{story}; it should run in term 3, but sends RequestVote of term {term}", call)
    asked = [call["to"] for call in calls]
    bench.require(
        sorted(asked) == sorted(PEERS),
        f"{story}; it should send RequestVote to jerry and to spike, but sends it to {', '.join(asked)}",
        calls[0],
    )
    require_field(bench, "is_candidate", True, "tom runs for leader", calls[0])


@rule(
    "Each server draws its election timeout at random: a whole number of seconds, from 8 to 18, both included.",
    "Section 5.2: timeouts are chosen randomly from a fixed interval; Raft 11: some integer between 8 and 18",
)
def the_timeout_is_a_whole_number_from_8_to_18(bench: Bench) -> None:
    """A server is started many times, each time with another seed."""
    drawn: set[float] = set()
    for seed in range(LIVES):
        bench.cluster(1, seed=seed, leader=None)
        drawn.add(timeout_at_start(bench))
    missing = ", ".join(f"{seconds} s" for seconds in TIMEOUTS_S if seconds not in drawn)
    bench.require(
        not missing, f"in {LIVES} lives tom should draw every timeout from 8 s to 18 s; it never draws {missing}"
    )


@rule(
    "A follower that hears from a leader waits a full election timeout again.",
    "Section 5.2: a server remains a follower as long as it hears from a leader",
)
def a_heartbeat_restarts_the_timer(bench: Bench) -> None:
    """A follower hears a heartbeat every 7 s, ten times; then nothing more."""
    bench.begin(log="1 set x 1")
    for _ in range(10):
        bench.run(6.8)
        sent = append_entries(bench, "jerry", (1, 1))
        require_reply(bench, sent, success=True, about=1, story="tom follows jerry and hears its heartbeat")
        early = first(bench.sent("RequestVote"))
        bench.require(
            not early,
            "tom hears jerry's heartbeat every 7 s, and no timeout is that short; but tom runs for leader",
            early,
        )
    heard = bench.arrival().seconds
    call = await_election(bench, "tom followed jerry, who has fallen silent")[0]
    bench.require(
        call.seconds - heard >= TIMEOUTS_S[0],
        f"tom hears jerry's heartbeat at {heard:g} s and should wait 8 s at least from then on; "
        f"it runs for leader at {call.seconds:g} s",
        call,
    )


@rule(
    "A server gives its vote to one candidate of a term, to the first that asks.",
    "Section 5.2: at most one candidate in a given term, first come, first served",
)
def one_vote_only(bench: Bench) -> None:
    """Two candidates of the same term ask a follower for its vote."""
    bench.begin()
    bench.require(
        ask_for_vote(bench, "jerry", 5),
        "tom is in term 0 and has not voted; it should vote for jerry, who asks for a vote in term 5, but does not",
        bench.arrival(),
    )
    vote = ask_for_vote(bench, "spike", 5)
    bench.require(not vote, "tom has voted for jerry in term 5; it should refuse spike, who asks too, but votes", vote)
    require_field(bench, "voted_for", "jerry", "tom has voted for jerry and refused spike", bench.arrival())


@rule(
    "A server refuses its vote to a candidate whose term is not newer than its own.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1; Raft 10",
)
def no_vote_for_a_term_that_is_not_newer(bench: Bench) -> None:
    """A follower is asked by a candidate of an older term, then as a candidate by one of its own term and by a newer."""
    bench.begin(log="3 set x 1")
    vote = ask_for_vote(bench, "jerry", 2)
    bench.require(not vote, "tom is in term 3; it should refuse jerry, who asks for a vote in term 2, but votes", vote)
    await_election(bench)
    vote = ask_for_vote(bench, "jerry", 4)
    bench.require(
        not vote, "tom runs in term 4; it should refuse jerry, who asks for a vote in term 4, but votes", vote
    )
    bench.require(
        ask_for_vote(bench, "spike", 5),
        "tom has voted for nobody else, it refused jerry twice; it should vote for spike, who asks in term 5, but does not",
        bench.arrival(),
    )


@rule(
    "A follower that gives its vote waits a full election timeout again; one that refuses it does not.",
    "Figure 2, Followers: it runs when a timeout passes without a leader's call and without granting its vote",
)
def a_vote_restarts_the_timer(bench: Bench) -> None:
    """A second before a follower would run, a candidate asks for its vote; in a second run it is one of an older term."""
    due = begin_just_before_timeout(bench)
    story = f"tom hears no leader and would run at {due:g} s, and a second before jerry asks for its vote in term 4"
    bench.require(
        ask_for_vote(bench, "jerry", 4), f"{story}; tom is in term 3 and should vote, but does not", bench.arrival()
    )
    heard = bench.arrival().seconds
    call = await_election(bench, f"{story}; tom votes")[0]
    bench.require(
        call.seconds - heard >= TIMEOUTS_S[0],
        f"{story}; tom votes, and should wait 8 s at least for a leader, but runs at {call.seconds:g} s",
        call,
    )
    due = begin_just_before_timeout(bench)
    story = f"tom hears no leader and would run at {due:g} s, and a second before jerry asks for its vote in term 2"
    vote = ask_for_vote(bench, "jerry", 2)
    bench.require(not vote, f"{story}; tom is in term 3 and should refuse, but votes", vote)
    call = await_election(bench, f"{story}; tom refuses")[0]
    bench.require(
        call.seconds <= due,
        f"{story}; tom refuses, and should run at {due:g} s all the same, but runs at {call.seconds:g} s",
        call,
    )


@rule(
    "A candidate leads as soon as half of the servers have voted for it, itself included; refusals do not count.",
    "Raft 10, which takes half for a majority; Section 5.2: a candidate wins with votes from a majority",
)
def half_of_the_servers_win(bench: Bench) -> None:
    """One of three servers is refused, then gets a vote; one of five gets a vote twice, then another; then even ones."""
    bench.begin(3)
    await_election(bench)
    require_leading(bench, False, "tom has one vote of three, its own")
    send_vote(bench, "jerry", granted=False)
    require_leading(bench, False, "jerry refuses, and tom has one vote of three, its own")
    send_vote(bench, "spike")
    require_leading(bench, True, "tom has two votes of three, its own and spike's")
    bench.begin(5)
    await_election(bench)
    send_vote(bench, "jerry")
    require_leading(bench, False, "tom has two votes of five, its own and jerry's")
    send_vote(bench, "jerry")
    require_leading(bench, False, "jerry's vote comes twice, so tom still has two votes of five")
    send_vote(bench, "spike")
    require_leading(bench, True, "tom has three votes of five, its own, jerry's and spike's")
    for servers, voters in ((4, ["jerry"]), (6, ["jerry", "spike"])):
        bench.begin(servers)
        await_election(bench)
        for count, voter in enumerate(voters, start=2):
            send_vote(bench, voter)
            enough = 2 * count == servers
            half = "and half is enough" if enough else "and half is more"
            require_leading(bench, enough, f"tom has {count} votes of {servers}, its own included, {half}")


@rule(
    "A server that is alone needs no other's vote: when its election timeout is up, it leads.",
    "Section 5.2: a candidate wins with votes from a majority, and of one server its own vote is that",
)
def a_server_alone_elects_itself(bench: Bench) -> None:
    """The only server of a cluster waits for its timeout, and is asked for a write and a read then."""
    bench.begin(1, log="1 set x 1")
    bench.run(TIMEOUTS_S[-1] + 0.5)
    require_leading(bench, True, "tom is the only server, and no timeout is longer than 18 s")
    request(bench, "set y 2")
    read(bench, "x", "1", "tom leads, and its log says set x 1")


@rule(
    "A candidate that wins sends heartbeats to all others at once; it wins once, and a late vote changes nothing.",
    "Section 5.2; Figure 2, Leaders: upon election, send initial empty AppendEntries",
)
def the_winner_sends_heartbeats_at_once(bench: Bench) -> None:
    """A candidate wins with the first of two votes; the second comes later."""
    bench.begin()
    await_election(bench)
    sent = send_vote(bench, "jerry")
    require_leading(bench, True, "tom has two votes of three, its own and jerry's")
    require_field(bench, "is_candidate", False, "tom has won and leads", bench.arrival())
    called = [call["to"] for call in sent if call["type"] == "AppendEntries"]
    bench.require(
        sorted(called) == sorted(PEERS),
        f"tom has won and should send jerry and spike a heartbeat each, at once; "
        f"it sends AppendEntries to {', '.join(called) or 'nobody'}",
        bench.arrival(),
    )
    mark = bench.mark()
    send_vote(bench, "spike")
    again = first(bench.events("sent", "applied", since=mark))
    did = f"sends {again['type']}" if again and again.kind == "sent" else "carries out its log"
    bench.require(
        not again, f"tom leads already when spike's vote arrives, and should do nothing; but it {did} again", again
    )


@rule(
    "A leader does not run for leader, however long it leads.",
    "Section 5.2; Figure 2: it is followers and candidates that have an election timeout",
)
def a_leader_does_not_time_out(bench: Bench) -> None:
    """A server leads for a minute, because it was told to at its start; another because it has won its election."""
    for told in (True, False):
        bench.begin(leads=told)
        if not told:
            bench.win_election()
        mark, story = bench.mark(), "was told to lead" if told else "has won its election"
        for _ in range(12):
            bench.run(5)
            call = first(bench.sent("RequestVote", since=mark))
            bench.require(not call, f"tom {story}, and its election timer should not run any more; but tom runs", call)


@rule(
    "When a server becomes leader, its state machine holds what its log says and nothing else, so its reads are right.",
    "Raft 10: winning an election replays the log; the ten-step test, step 4",
)
def a_new_leader_has_carried_out_its_log(bench: Bench) -> None:
    """A follower is sent two entries, one in the place of its own, hears of no commit, and becomes leader."""
    bench.begin(log="1 set x 1; 1 set z 4")
    append_entries(bench, "jerry", (1, 1), "2 set x 2; 2 set y 3")
    story = "tom's entry 2, set z 4, has term 1, and jerry sends entries 2 and 3 of term 2"
    require_log(bench, "1 set x 1; 2 set x 2; 2 set y 3", story)
    bench.win_election()
    for key, expected in (("x", "2"), ("y", "3"), ("z", None)):
        read(bench, key, expected, "tom has won, and its log says set x 1; set x 2; set y 3")


@rule(
    "A candidate that is not elected within its timeout raises its term and runs again.",
    "Section 5.2: each candidate times out and starts a new election",
)
def a_failed_election_is_tried_again(bench: Bench) -> None:
    """A candidate hears nothing from the others, three times."""
    bench.begin(log="2 set x 1")
    call = await_election(bench)[0]
    for _ in range(3):
        began, term = call.seconds, term_of(call)
        story = f"tom runs in term {term} at {began:g} s, and nobody answers"
        call = await_election(bench, story)[0]
        bench.require(
            call.seconds - began >= TIMEOUTS_S[0],
            f"{story}; it should wait 8 s at least for votes, but runs again at {call.seconds:g} s",
            call,
        )
        found = term_of(call)
        bench.require(
            found == term + 1,
            f"{story}; it should run again in term {term + 1}, but sends RequestVote of term {found}",
            call,
        )
