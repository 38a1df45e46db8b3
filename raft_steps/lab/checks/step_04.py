"""The checks of step 4: a follower without a leader starts an election, and leads once a majority votes for it."""

from __future__ import annotations

from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.election_timers import (
    begin_just_before_timeout,
    election_due_s,
    require_drawn_timeouts,
    require_each_call_restarts,
    require_election_at,
    require_full_timeouts,
    timeout_at_start,
    wait_s_of,
)
from raft_steps.lab.checks.elections import (
    TIMEOUTS_S,
    ask_for_vote,
    await_election,
    require_field,
    require_leader_votes,
    require_leading,
    require_vote_remembered,
    send_vote,
    win_election,
)
from raft_steps.lab.checks.exchange import (
    PEERS,
    answer_call,
    append_entries,
    first,
    latest,
    read,
    request,
    require_applied,
    require_log,
    require_reply,
    term_of,
)
from raft_steps.lab.checks.rules import rule

STARTS = 200  # In so many starts a correct Node misses one of the 11 timeouts with a probability of 6 in 100 million.


@rule(
    "A follower that receives nothing from a leader for its election timeout increments its term and asks every other "
    "server for its vote.",
    "Section 5.2; Figure 2, Followers and Candidates; Raft 10",
)
def silence_starts_an_election(bench: Bench) -> None:
    """A follower in term 2 receives no message."""
    bench.begin(log="2 set x 1")
    require_field(bench, "is_candidate", False, "tom starts as a follower", first(bench.events("started")))
    story = "tom is a follower in term 2 and receives nothing from a leader"
    calls = await_election(bench, story)
    began = calls[0].seconds
    bench.require(
        began >= TIMEOUTS_S[0], f"{story}; it should wait at least 8 s, but sends RequestVote at {began:g} s", calls[0]
    )
    for call in calls:
        term = term_of(call)
        bench.require(
            term == 3, f"{story}; its election should be in term 3, but its RequestVote has term {term}", call
        )
    asked = [call["to"] for call in calls]
    bench.require(
        sorted(asked) == sorted(PEERS),
        f"{story}; it should send RequestVote to jerry and to spike, but sends it to {', '.join(asked)}",
        calls[0],
    )
    require_field(bench, "is_candidate", True, "tom starts an election", calls[0])


@rule(
    "Each server draws its election timeout at random: a whole number of seconds, from 8 to 18, both included.",
    "Section 5.2: timeouts are chosen randomly from a fixed interval; Raft 11: some integer between 8 and 18",
)
def the_timeout_is_a_whole_number_from_8_to_18(bench: Bench) -> None:
    """A server is started many times, each time with another seed."""
    drawn: set[float] = set()
    for seed in range(STARTS):
        bench.cluster(1, seed=seed, leader=None)
        drawn.add(timeout_at_start(bench))
    missing = ", ".join(f"{seconds} s" for seconds in TIMEOUTS_S if seconds not in drawn)
    bench.require(
        not missing, f"in {STARTS} starts tom should draw every timeout from 8 s to 18 s; it never draws {missing}"
    )


@rule(
    "A follower that receives a leader's call waits a full election timeout again.",
    "Section 5.2: a server remains a follower as long as it receives RPCs from a leader",
)
def a_heartbeat_restarts_the_timer(bench: Bench) -> None:
    """A follower receives a heartbeat every 7 s, ten times, and then calls of other kinds, each just before its timeout."""
    bench.begin(log="1 set x 1")
    interval_s = bench.pace_s(7)
    for _ in range(10):
        bench.run(interval_s - bench.delay_s)
        sent = append_entries(bench, "jerry", (1, 1))
        require_reply(bench, sent, success=True, about=1, story="tom follows jerry and receives its heartbeat")
        early = first(bench.sent("RequestVote"))
        bench.require(
            not early,
            f"tom receives jerry's heartbeat every {interval_s:g} s, and every timeout is longer; but tom starts an election",
            early,
        )
    require_drawn_timeouts(bench, timeout_at_start(bench), "tom receives jerry's heartbeats")
    require_full_timeouts(bench, "tom receives a heartbeat", lambda: append_entries(bench, "jerry", (1, 3)))
    require_each_call_restarts(bench)


@rule(
    "In one term a server votes for one candidate, the first that asks.",
    "Section 5.2: at most one candidate in a given term, first come, first served",
)
def one_vote_only(bench: Bench) -> None:
    """A follower receives a heartbeat; then two candidates of the same term ask it for its vote."""
    bench.begin()
    append_entries(bench, "spike", (0, 0))
    bench.require(
        ask_for_vote(bench, "jerry", 5),
        "tom has received a heartbeat, is in term 0 and has not voted; it should vote for jerry, a candidate in term 5, but does not",
        bench.arrival(),
    )
    require_voters_term(bench)
    vote = ask_for_vote(bench, "spike", 5)
    bench.require(
        not vote, "tom has voted for jerry in term 5; it should refuse spike in the same term, but votes for it", vote
    )
    require_field(bench, "voted_for", "jerry", "tom has voted for jerry and refused spike", bench.arrival())
    require_not_leading(bench)
    append_entries(bench, "jerry", (0, 0))
    vote = ask_for_vote(bench, "spike", 5)
    bench.require(
        not vote,
        "tom has voted for jerry in term 5, and jerry's heartbeat arrives; tom should still refuse spike in term 5, "
        "but votes for it",
        vote,
    )
    if ask_for_vote(bench, "spike", 6):
        bench.remark_ahead(9, "A server votes again in a newer term")
    require_vote_remembered(bench)


@rule(
    "A server refuses its vote to a candidate whose term is not newer than its own.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1; Raft 10",
)
def no_vote_for_a_term_that_is_not_newer(bench: Bench) -> None:
    """A follower is asked for its vote in an older term; then, as a candidate, in its own term and in a newer one.

    In other runs a request for which it voted arrives again, and a leader is asked in all of these terms.
    """
    bench.begin(log="3 set x 1")
    vote = ask_for_vote(bench, "jerry", 2)
    bench.require(not vote, "tom is in term 3; it should refuse jerry, a candidate in term 2, but votes for it", vote)
    await_election(bench)
    vote = ask_for_vote(bench, "jerry", 4)
    story = "tom is a candidate in term 4"
    bench.require(not vote, f"{story}; it should refuse jerry, another candidate in term 4, but votes for it", vote)
    story += " and has refused jerry"
    require_field(bench, "is_candidate", True, story, bench.arrival())
    bench.require(
        ask_for_vote(bench, "spike", 5),
        "tom has refused jerry twice and voted for no other server; it should vote for spike, a candidate in term 5, "
        "but does not",
        bench.arrival(),
    )
    bench.begin(log="3 set x 1")
    await_election(bench)
    ask_for_vote(bench, "jerry", 4)
    send_vote(bench, "spike")
    require_leading(bench, True, f"{story}, and spike votes for it")
    bench.begin(log="3 set x 1")
    bench.require(
        ask_for_vote(bench, "jerry", 4), "tom is in term 3 and should vote for jerry in term 4", bench.arrival()
    )
    await_election(bench)
    vote = ask_for_vote(bench, "jerry", 4)
    bench.require(
        not vote,
        "tom has voted for jerry in term 4, and runs itself now; jerry's request of term 4 arrives a second time, "
        "and tom should refuse it, but votes again",
        vote,
    )
    require_leader_votes(bench)


@rule(
    "A follower that grants its vote waits a full election timeout again; one that refuses it does not.",
    "Figure 2, Followers: the timeout elapses without a leader's call and without granting a vote",
)
def a_vote_restarts_the_timer(bench: Bench) -> None:
    """One second before a follower's timeout, a candidate asks for its vote, or one of an older term, or a second one."""
    due_s = begin_just_before_timeout(bench)
    story = f"tom's election timeout is at {due_s:g} s, and a second before, jerry asks for its vote in term 4"
    vote = ask_for_vote(bench, "jerry", 4)
    bench.require(vote, f"{story}; tom is in term 3 and should vote, but does not", bench.arrival())
    received_s = bench.arrival().seconds
    call = await_election(bench, f"{story}; tom votes")[0]
    bench.require(
        call.seconds - received_s >= TIMEOUTS_S[0],
        f"{story}; tom votes, and should wait at least 8 s from then on, but starts an election at {call.seconds:g} s",
        call,
    )
    send_vote(bench, "jerry")
    require_leading(
        bench, True, "tom voted for jerry, then ran itself, and has two votes of three, its own and jerry's"
    )
    bench.begin(log="3 set x 1")
    bench.require(
        ask_for_vote(bench, "jerry", 4), "tom is in term 3 and should vote for jerry in term 4", bench.arrival()
    )
    due_s = bench.arrival().seconds + wait_s_of(bench.events("timer_started")[-1])
    bench.run(due_s - bench.arrival().seconds - 1 - 2 * bench.delay_s)
    vote = ask_for_vote(bench, "spike", 4)
    story = f"tom has voted for jerry in term 4, and a second before its timeout, at {due_s:g} s, spike asks in term 4"
    bench.require(not vote, f"{story}; tom should refuse, but votes", vote)
    require_election_at(bench, due_s, story)
    due_s = begin_just_before_timeout(bench)
    story = f"tom's election timeout is at {due_s:g} s, and a second before, jerry asks for its vote in term 2"
    vote = ask_for_vote(bench, "jerry", 2)
    bench.require(not vote, f"{story}; tom is in term 3 and should refuse, but votes", vote)
    require_election_at(bench, due_s, story)
    require_full_timeouts(bench, "tom has voted for jerry", lambda: ask_for_vote(bench, "jerry", 5))


@rule(
    "A candidate leads as soon as half of the servers have voted for it, itself included; refusals do not count.",
    "Raft 10, which takes half for a majority; Section 5.2: a candidate wins with votes from a majority",
)
def half_of_the_servers_win(bench: Bench) -> None:
    """A candidate of three gets a refusal, then a vote; one of five the same vote twice, then another; then four and six.

    A Node that needs the votes of more than half leads with one vote more.
    """
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
    bench.begin(5)
    ask_for_vote(bench, "jerry", 5)
    await_election(bench, "tom has voted for jerry, who does not call")
    send_vote(bench, "spike")
    require_leading(
        bench, False, "tom voted for jerry and then ran itself; it has two votes of five, its own and spike's"
    )
    send_vote(bench, "spike", granted=False)
    send_vote(bench, "jerry")
    require_leading(
        bench, True, "tom has three votes of five, its own, spike's and jerry's, and a refusal by spike came late"
    )
    for servers in (2, 4, 6, 7):
        bench.begin(servers)
        await_election(bench)
        for count, voter in enumerate(bench.peers[: servers // 2], start=2):
            send_vote(bench, voter)
            story = f"tom has {count} votes of {servers}, its own included"
            if 2 * count < servers:
                require_leading(bench, False, f"{story}, which is less than half")
            elif 2 * count > servers:
                require_leading(bench, True, f"{story}, which is more than half")
            elif not bench.field("is_leader"):
                bench.remark_ahead(9, "A candidate needs the votes of more than half of the servers, not only of half")


@rule(
    "A single server needs no other vote than its own: when its election timeout elapses, it leads.",
    "Section 5.2: a candidate wins with votes from a majority, and of one server its own vote is a majority",
)
def a_single_server_elects_itself(bench: Bench) -> None:
    """The only server of a cluster waits for its timeout, and then receives a write and a read."""
    bench.begin(1, log="1 set x 1")
    bench.run(TIMEOUTS_S[-1] + 0.5)
    require_leading(bench, True, "tom is the only server, and no timeout is longer than 18 s")
    request(bench, "set y 2")
    read(bench, "x", "1", "tom leads, and its log has set x 1")
    logged = [event["term"] for event in bench.events("appended") if event["command"] == "set y 2"]
    bench.require(
        logged == [2],
        "tom leads in term 2, and a client sends set y 2; tom should log it in that term; "
        + (f"its entry has term {logged[0]}" if logged else "it does not log it"),
        latest(bench, "answered"),
    )


@rule(
    "A candidate that wins sends heartbeats to all others at once; it wins once, and a later vote changes nothing.",
    "Section 5.2; Figure 2, Leaders: upon election, send initial empty AppendEntries",
)
def the_winner_sends_heartbeats_at_once(bench: Bench) -> None:
    """A candidate wins with the first of two votes; it arrives twice, and then a refusal and the other vote."""
    bench.begin()
    term = term_of(await_election(bench)[0])
    sent = send_vote(bench, "jerry")
    require_leading(bench, True, "tom has two votes of three, its own and jerry's")
    require_field(bench, "is_candidate", False, "tom has won and leads", bench.arrival())
    called = [call["to"] for call in sent if call["type"] == "AppendEntries"]
    bench.require(
        sorted(called) == sorted(PEERS),
        f"tom has won and should send one heartbeat each to jerry and spike at once; "
        f"it sends AppendEntries to {', '.join(called) or 'nobody'}",
        bench.arrival(),
    )
    for voter, granted, what in (
        ("jerry", True, "vote, for the second time,"),
        ("spike", False, "refusal"),
        ("spike", True, "vote"),
    ):
        mark = bench.mark()
        send_vote(bench, voter, granted=granted)
        again = first(bench.events("sent", "applied", since=mark))
        did = f"sends {again['type']}" if again and again.kind == "sent" else "applies its log"
        story = f"tom leads already when {voter}'s {what} arrives"
        bench.require(not again, f"{story}, and should do nothing, but {did} again", again)
        require_leading(bench, True, story)
    found = bench.field("current_term")
    bench.require(
        found == term,
        f"tom has won the election of term {term}, so its current_term should be {term}; it is {bench.term_text(found)}",
        bench.arrival(),
    )
    mark = bench.mark()
    bench.run(5 - 3 * bench.delay_s)
    called = [call["to"] for call in bench.sent("AppendEntries", since=mark)]
    bench.require(
        sorted(called) == sorted(PEERS),
        f"tom leads, and should send its next heartbeats to jerry and spike after 5 s; "
        f"within 5 s it sends AppendEntries to {', '.join(called) or 'nobody'}",
        latest(bench, "delivered", "timer_fired"),
    )


@rule(
    "A leader never starts an election, however long it leads.",
    "Section 5.2; Figure 2: only followers and candidates have an election timeout",
)
def a_leader_does_not_time_out(bench: Bench) -> None:
    """A server leads for a minute, first as the named leader of its start, then because it has won an election.

    It receives a write, an acknowledgement, and a refusal and a vote that arrive late.
    """
    for named in (True, False):
        bench.begin(leads=named)
        if not named:
            win_election(bench)
        mark, story = bench.mark(), "is the named leader" if named else "has won its election"
        bench.run(1)
        bench.ask("set x 1")
        for heartbeat in bench.sent("AppendEntries", to="spike")[:1]:
            answer_call(bench, heartbeat, success=True)
        for granted in (False, True):
            send_vote(bench, "spike", granted=granted)
        for _ in range(12):
            bench.run(5)
            call = first(bench.sent("RequestVote", since=mark))
            bench.require(
                not call, f"tom {story}, so its election timer should be off; but it starts an election", call
            )


@rule(
    "When a server becomes leader, its state machine is exactly the result of its log, so its reads are right.",
    "Raft 10: winning an election replays the log; the ten-step test, step 4",
)
def a_new_leader_has_applied_its_log(bench: Bench) -> None:
    """A follower receives two entries, one in place of its own, but no commit message, and becomes leader."""
    bench.begin(log="1 set x 1; 1 set z 4")
    append_entries(bench, "jerry", (1, 1), "2 set x 2; 2 set y 3")
    story = "tom's entry 2, set z 4, has term 1, and jerry sends entries 2 and 3 of term 2"
    require_log(bench, "1 set x 1; 2 set x 2; 2 set y 3", story)
    mark = bench.mark()
    win_election(bench)
    for key, expected in (("x", "2"), ("y", "3"), ("z", None)):
        read(bench, key, expected, "tom has won, and its log has set x 1; set x 2; set y 3")
    require_applied(bench, ["set x 1", "set x 2", "set y 3"], "tom wins an election with a log of three entries", mark)


@rule(
    "A candidate that is not elected within its timeout increments its term and starts a new election.",
    "Section 5.2: each candidate times out and starts a new election",
)
def a_failed_election_is_retried(bench: Bench) -> None:
    """A candidate receives two refusals, three times; in another run, one vote of five in each of two elections."""
    bench.begin(log="2 set x 1")
    drawn_s = timeout_at_start(bench)
    call = await_election(bench)[0]
    for _ in range(3):
        began, term = call.seconds, term_of(call)
        due_s = election_due_s(bench, f"tom starts an election in term {term} at {began:g} s, which may fail")
        story = f"tom starts an election in term {term} at {began:g} s, and jerry and spike refuse"
        for voter in PEERS:
            sent = send_vote(bench, voter, granted=False)
            did = f"sends {sent[0]['type']}" if sent else ""
            bench.require(not sent, f"{story}; it should go on waiting when {voter} refuses, but {did}", first(sent))
        require_field(bench, "is_candidate", True, story, bench.arrival())
        call = await_election(bench, story)[0]
        bench.require(
            call.seconds <= due_s,
            f"{story}; its timer was due at {due_s:g} s, and no refusal restarts it, but the next election is at "
            f"{call.seconds:g} s",
            call,
        )
        bench.require(
            call.seconds - began >= TIMEOUTS_S[0],
            f"{story}; it should wait at least 8 s for votes, but starts the next one at {call.seconds:g} s",
            call,
        )
        found = term_of(call)
        bench.require(
            found == term + 1,
            f"{story}; its next election should be in term {term + 1}, but its RequestVote has term {found}",
            call,
        )
    require_drawn_timeouts(bench, drawn_s, "tom is a candidate, and jerry and spike refuse")
    bench.begin(5)
    await_election(bench)
    due_s = election_due_s(bench)
    send_vote(bench, "jerry")
    call = await_election(bench, "tom, one of five, has jerry's vote and its own")[0]
    bench.require(
        call.seconds <= due_s,
        f"tom, one of five, has jerry's vote and its own; its timer was due at {due_s:g} s, and a vote does not restart it, "
        f"but the next election is at {call.seconds:g} s",
        call,
    )
    send_vote(bench, "spike")
    if not bench.field("is_leader"):
        bench.remark_ahead(9, "A vote counts only in the election for which it was given")
        send_vote(bench, "tyke")
    require_leading(bench, True, "tom, one of five, has votes of two others in one election")
    require_full_timeouts(bench, "tom starts an election", lambda: await_election(bench))


@rule(
    "Everything else is as before: logs, calls, commits, requests and restarts.",
    "the checks of steps 1 to 3",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 3 run again."""
    run_earlier_checks(bench, 4)


# Helpers of these checks.


def require_voters_term(bench: Bench) -> None:
    """Check the term of a server in term 0 that has voted for a candidate in term 5.

    In the course it stays in its own term until step 9.

    Raises:
        CheckFailed: It is in neither term.
    """
    term = bench.field("current_term")
    bench.require(
        term in (0, 5),
        f"tom is in term 0 and votes for jerry in term 5; it should be in term 0 still, or in term 5, but is in term {term}",
        bench.arrival(),
    )
    if term == 5:
        bench.remark_ahead(9, "A voter takes over the candidate's term")


def require_not_leading(bench: Bench) -> None:
    """Check that a server that was only asked for its vote is neither leader nor candidate.

    Raises:
        CheckFailed: It is.
    """
    story = "tom was only asked for its vote"
    require_leading(bench, False, story)
    require_field(bench, "is_candidate", False, story, bench.arrival())
