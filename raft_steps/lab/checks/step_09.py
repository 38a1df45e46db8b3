"""The checks of step 9: a vote belongs to a term, and every message carries one."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import following, step_08
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.delivery import (
    MESSAGES,
    begin_as,
    deliver,
    election_timer_start_us,
    require_vote,
    win,
)
from raft_steps.lab.checks.elections import await_election, require_leading
from raft_steps.lab.checks.exchange import first, term_of
from raft_steps.lab.checks.rules import rule


@rule(
    "Every reply carries the term of the server that sends it.",
    "Figure 2, AppendEntries RPC and RequestVote RPC, results: term",
)
def replies_carry_the_term(bench: Bench) -> None:
    """A follower in term 3 votes, refuses to vote, and answers calls."""
    bench.begin(log="3 set x 1")
    for name, asked, own, reply in (
        ("RequestVote", 5, 5, "RequestVoteReply"),
        ("RequestVote", 4, 5, "RequestVoteReply"),
        ("AppendEntries", 5, 5, "AppendEntriesReply"),
        ("AppendEntries", 4, 5, "AppendEntriesRefused"),
        ("AppendEntries", 6, 6, "AppendEntriesReply"),
    ):
        lacking: dict[str, Any] = {"prev_log_index": 7, "prev_log_term": 6} if asked == 6 else {}
        replies = [event for event in deliver(bench, name, asked, **lacking) if event["type"] == reply]
        story = f"jerry sends {name} of term {asked}, and tom is in term {own} then; it should answer {reply}"
        bench.require(replies, f"{story}, but does not", bench.arrival())
        found = term_of(replies[0])
        bench.require(found == own, f"{story} of term {own}, but answers with term {found}", replies[0])


@rule(
    "A server that receives a message of a newer term, whatever message it is, adopts that term; a term never decreases.",
    "Section 5.1; Figure 2, All Servers",
)
def any_message_brings_a_newer_term(bench: Bench) -> None:
    """A follower, a candidate and a leader in term 4 receive each message, of term 9 and then of term 2."""
    for role in ("follower", "candidate", "leader"):
        for name in MESSAGES:
            begin_as(bench, role)
            for term, expected in ((9, 9), (2, 9)):
                deliver(bench, name, term)
                now = bench.field("current_term")
                then = " and another of term 2" if term == 2 else ""
                bench.require(
                    now == expected,
                    f"tom is a {role} in term 4 and receives {name} of term 9{then}: "
                    f"it should be in term {expected}, but is in term {now}",
                    bench.arrival(),
                )


@rule(
    "A leader that receives a newer term stops leading at once, and waits for the new leader; nothing else deposes it.",
    'Section 5.1: "If a candidate or leader discovers that its term is out of date, it immediately reverts"',
)
def a_newer_term_deposes_a_leader(bench: Bench) -> None:
    """The leader of term 4 receives each message, first of term 4 or older, then of term 9."""
    for name in MESSAGES:
        begin_as(bench, "leader")
        story = "tom leads in term 4"
        for term in (3, 4):
            if (name, term) != ("AppendEntries", 4):  # No other server leads in term 4.
                deliver(bench, name, term)
                require_leading(bench, True, f"{story} and receives {name} of term {term}, which is not newer")
        deliver(bench, name, 9)
        received, mark = bench.arrival(), bench.mark()
        leads = bench.field("is_leader")
        bench.require(
            not leads, f"{story} and receives {name} of term 9; it should stop leading, but does not", received
        )
        turned_away = type(bench.answer(bench.ask("set y 2"))).__name__ == "NotLeader"
        deposed = f"{story} until {name} of term 9"
        bench.require(turned_away, f"{deposed}; then it should answer a client NotLeader, but does not", received)
        failure = f"{deposed}; nobody leads then, and it should start an election within 18 s, but does not"
        found = bench.run_until_sent("RequestVote", 19, failure)
        calls = bench.sent("AppendEntries", since=mark)
        bench.require(not calls, f"{deposed}; it should send no more heartbeats, but does", first(calls))
        term = term_of(found[0])
        bench.require(
            term == 10, f"{deposed}; its election should be in term 10, the next one, but is in term {term}", found[0]
        )


@rule(
    "In one term a server votes for one candidate only: the first that asks, as often as it asks.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1 and 2",
)
def one_vote_per_term(bench: Bench) -> None:
    """Two candidates of term 4 ask a follower for its vote, in either order; in another run, one asks a candidate in term 4."""
    bench.begin(log="3 set x 1", draws=(18,))
    require_vote(bench, "jerry", 2, False, "tom is in term 3, so term 2 is over")
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    require_vote(bench, "spike", 4, False, "tom has voted for jerry in term 4")
    require_vote(bench, "jerry", 4, True, "tom has voted for jerry in term 4, and the answer may be lost")
    require_vote(bench, "jerry", 3, False, "tom has voted for jerry in term 4, so term 3 is over")
    bench.begin(log="3 set x 1", draws=(18,))
    require_vote(bench, "spike", 4, True, "tom is in term 3 and has not voted in term 4")
    require_vote(bench, "jerry", 4, False, "tom has voted for spike in term 4")
    require_vote(bench, "spike", 4, True, "tom has voted for spike in term 4, and the answer may be lost")
    begin_as(bench, "candidate")
    require_vote(bench, "jerry", 4, False, "tom is a candidate in term 4 and has voted for itself")


@rule(
    "In a newer term a server may vote again, whatever its last vote was and whatever message brought that term.",
    "Section 5.2; Figure 2: votedFor is for the current term",
)
def a_new_term_is_a_new_vote(bench: Bench) -> None:
    """A follower has voted in term 4, and receives each message of term 9; then a voter is asked term after term."""
    for name in MESSAGES:
        if name == "RequestVote":
            continue  # It asks for the vote.
        bench.begin(log="3 set x 1", draws=(18,))
        require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
        deliver(bench, name, 9, sender="jerry")
        story = f"tom voted for jerry in term 4, and received {name} of term 9, in which it has not voted"
        require_vote(bench, "spike", 9, True, story)
    for role, vote in (("follower", "nobody"), ("candidate", "itself"), ("leader", "itself")):
        begin_as(bench, role)
        story = f"tom is a {role} in term 4, in which it has voted for {vote}"
        require_vote(bench, "jerry", 5, True, story)
        require_vote(bench, "spike", 6, True, f"{story}, and voted for jerry in term 5")


@rule(
    "Within a term a vote is kept: a candidate that becomes a follower, or a server that refuses a message, has voted.",
    "Section 5.2; Figure 2: votedFor is cleared only with a new term",
)
def a_vote_is_kept_within_a_term(bench: Bench) -> None:
    """A voter and a candidate in term 4 receive messages of term 3, or a call of another server that leads in term 4."""
    bench.begin(log="3 set x 1", draws=(18,))
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    for name in MESSAGES:
        deliver(bench, name, 3)
        require_vote(bench, "spike", 4, False, f"tom has voted for jerry in term 4 and received {name} of term 3")
    deliver(bench, "AppendEntries", 4, sender="spike")
    require_vote(bench, "spike", 4, False, "tom has voted for jerry in term 4, in which spike leads now")
    begin_as(bench, "candidate")
    deliver(bench, "AppendEntries", 4)
    require_vote(bench, "spike", 4, False, "tom has voted for itself in term 4, and follows jerry, which has won")


@rule(
    "Only votes of the candidate's current term count.",
    "Section 5.2: it must receive votes from a majority of the servers in the same term",
)
def only_votes_of_this_term_count(bench: Bench) -> None:
    """Votes for a failed election arrive during the next one; in another run, they arrived before it."""
    begin_as(bench, "candidate")
    await_election(bench, "tom's election in term 4 fails")
    deliver(bench, "RequestVoteReply", 4, vote_granted=True)
    require_leading(bench, False, "tom is a candidate in term 5, and jerry's vote of term 4 arrives late")
    deliver(bench, "RequestVoteReply", 5, vote_granted=True)
    require_leading(bench, True, "tom is a candidate in term 5, and jerry's vote of term 5 arrives")
    begin_as(bench, "candidate", servers=5)
    deliver(bench, "RequestVoteReply", 4, vote_granted=True)
    await_election(bench, "tom's election in term 4 fails")
    story = "tom is one of five and a candidate in term 5; jerry voted for it in term 4, spike does in term 5"
    deliver(bench, "RequestVoteReply", 5, sender="spike", vote_granted=True)
    require_leading(bench, False, story)
    deliver(bench, "RequestVoteReply", 5, sender="tyke", vote_granted=True)
    require_leading(bench, True, f"{story}, and so does tyke")


@rule(
    "More than half of all servers must vote for a leader, itself included; each voter counts once.",
    "Section 5.2: a majority of the servers in the full cluster",
)
def more_than_half_must_vote(bench: Bench) -> None:
    """Candidates in clusters of one to five get one vote after the other, each of them twice."""
    for servers, needed in ((4, 3), (2, 2), (3, 2), (5, 3), (1, 1)):
        begin_as(bench, "candidate", servers=servers)
        voters = bench.peers
        for has in range(1, needed + 1):
            story = f"tom is a candidate in term 4 and has {has} of {servers} votes, its own included"
            require_leading(bench, has == needed, story)
            if has == needed:
                break
            deliver(bench, "RequestVoteReply", 4, sender=voters[-1], vote_granted=False)
            require_leading(bench, False, f"{story}; {voters[-1]} refuses")
            for _ in range(2):  # The network may duplicate a vote.
                deliver(bench, "RequestVoteReply", 4, sender=voters[has - 1], vote_granted=True)
        term, story = bench.field("current_term"), f"tom was elected in term 4 with {needed} of {servers} votes"
        bench.require(term == 4, f"{story}; it should lead in that term, but is in term {term}")
        sent = deliver(bench, "RequestVoteReply", 4, sender=voters[-1], vote_granted=True) if voters else []
        bench.require(not sent, f"{story}; one more vote changes nothing, but tom sends messages", first(sent))


@rule(
    "Only replies of the leader's current term count: a late one neither acknowledges an entry nor causes a retry.",
    "Section 5.1: a message with an older term is stale",
)
def only_replies_of_this_term_count(bench: Bench) -> None:
    """A server leads in term 4 and again in term 6; then replies of term 4 arrive late."""
    begin_as(bench, "leader")
    deliver(bench, "AppendEntriesRefused", 5)
    win(bench, "tom led in term 4 and received term 5, and nobody leads")
    sent = deliver(bench, "AppendEntriesReply", 4, success=False, prev_log_index=1)
    story = "tom led in term 4 and leads in term 6; jerry's reply of term 4"
    bench.require(not sent, f"{story} should cause no retry, but tom sends a message", bench.arrival())
    story = "tom led in term 4, leads in term 6, and a client waits for its write; jerry's reply of term 4"
    client = bench.ask("set y 2")
    last = bench.field("log").last_index
    deliver(bench, "AppendEntriesReply", 4, success=True, prev_log_index=last, match_index=last)
    waits = bench.answer(client) is None
    bench.require(waits, f"{story} acknowledges nothing, but tom answers the client", bench.arrival())
    sent = deliver(bench, "AppendEntriesReply", 4, success=False, prev_log_index=1)
    bench.require(not sent, f"{story} should cause no retry, but tom sends a message", bench.arrival())
    before = bench.sent("AppendEntries", to="jerry")[-1]["fields"]["prev_log_index"]
    sent = deliver(bench, "AppendEntriesReply", 6, success=False, prev_log_index=before)
    bench.require(sent, f"{story} should cause no retry, but one of term 6 should; tom sends nothing", bench.arrival())
    before = bench.sent("AppendEntries", to="spike")[-1]["fields"]["prev_log_index"]
    sent = deliver(bench, "AppendEntriesReply", 6, sender="spike", success=False, prev_log_index=before)
    following.require_sent_to(bench, sent, "spike", "tom leads in term 6, and spike refuses its call")
    deliver(bench, "AppendEntriesReply", 6, success=True, prev_log_index=last, match_index=last)
    bench.require(
        bench.answer(client) is not None,
        f"{story} does not count, but that of term 6 does; tom does not answer the client",
    )
    bench.begin(log="3 set x 1")
    sent = deliver(bench, "AppendEntriesReply", 3, success=False, prev_log_index=1)
    story = "tom led in term 3 until it crashed, and has been a follower since; a late refusal arrives"
    bench.require(not sent, f"{story}: only a leader retries, but tom does", bench.arrival())


@rule(
    "The election timer restarts with a leader's call, a vote granted, and an election; not with a vote refused.",
    "Section 5.2; Figure 2, Followers and Candidates",
)
def the_election_timer_is_as_before(bench: Bench) -> None:
    """A follower votes and refuses to vote, and receives calls; others receive a newer term; a candidate gets no reply."""
    bench.begin(log="3 set x 1", draws=(8,))
    require_vote(bench, "jerry", 4, True, "tom is in term 3 and has not voted in term 4")
    started_us = bench.arrival().time_us
    story = "tom votes for jerry in term 4: it should restart its election timer, but does not"
    bench.require(election_timer_start_us(bench) == started_us, story, bench.arrival())
    for term in (4, 3):
        bench.run(1)
        require_vote(bench, "spike", term, False, "tom has voted for jerry in term 4")
        story = f"tom has voted for jerry in term 4 and refuses spike, a candidate in term {term}"
        on = election_timer_start_us(bench) == started_us
        bench.require(on, f"{story}: its election timer should keep running, but restarts", bench.arrival())
    deliver(bench, "AppendEntries", 4)
    story = "tom follows jerry in term 4 and receives its call: it should restart its election timer, but does not"
    bench.require(election_timer_start_us(bench) == bench.arrival().time_us, story, bench.arrival())
    for role in ("follower", "candidate"):
        begin_as(bench, role)
        before_us = election_timer_start_us(bench)
        deliver(bench, "AppendEntriesRefused", 9)
        story = f"tom is a {role} in term 4 and receives AppendEntriesRefused of term 9"
        on = election_timer_start_us(bench) == before_us
        bench.require(on, f"{story}: its election timer should keep running, but does not", bench.arrival())
    following.restart_the_timer_for_the_leader_only(bench)
    step_08.a_failed_candidate_runs_again.run(bench)
    step_08.each_election_has_its_own_timeout.run(bench)
    step_08.a_split_vote_is_resolved.run(bench)


@rule(
    "A call of an older term is refused, and changes nothing: neither log nor vote, neither role nor timers.",
    "Section 5.1; Figure 2, AppendEntries RPC, receiver 1",
)
def an_older_call_changes_nothing(bench: Bench) -> None:
    """A follower, a candidate and a leader in term 4 receive calls of term 3, whose entries they could store."""
    following.change_nothing_for_an_older_call(bench)


@rule(
    "A candidate that receives a call of its own term, or of a newer one, follows that leader.",
    "Section 5.2: if the leader's term is \"at least as large as the candidate's current term\"",
)
def a_candidate_follows_the_leader_of_its_term(bench: Bench) -> None:
    """A candidate in term 4 receives calls of the leader of term 4, and of the leader of term 5."""
    following.follow_the_leader_of_its_term(bench)


@rule(
    "A call is stored after the preceding entry, if index and term of that entry match, and refused otherwise; what "
    "conflicts is deleted, by term, and what matches is kept.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 2 to 4",
)
def calls_are_stored_as_before(bench: Bench) -> None:
    """A follower receives calls that follow other entries than its own, that conflict with its log, and that match it."""
    following.refuse_what_does_not_follow(bench)
    following.store_what_follows(bench)
    following.delete_what_conflicts(bench)
    following.keep_what_matches(bench)
    following.depose_a_leader_and_store(bench)


@rule(
    "Only a leader logs a client's write; all other servers turn clients away.",
    "Section 5.3; Section 8",
)
def only_a_leader_logs(bench: Bench) -> None:
    """Clients send writes and reads to a follower, a candidate and a deposed leader, and then to a leader."""
    following.log_writes_as_leader_only(bench)


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.3; steps 1 to 8",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 8 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 9)
