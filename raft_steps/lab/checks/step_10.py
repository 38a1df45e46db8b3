"""The checks of step 10: a candidate sends the end of its log, and no server votes for one whose log is out of date."""

from __future__ import annotations

from raft_steps.lab.checks import step_04, step_08
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench, call_fields
from raft_steps.lab.checks.election_timers import timeout_at_start
from raft_steps.lab.checks.elections import TIMEOUTS_S, await_election, require_leading, send_vote
from raft_steps.lab.checks.exchange import PEERS, field_of, first, require_log, send
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

End = tuple[int, int]  # the end of a log: the index and the term of its last entry


@rule(
    "A candidate sends where its log ends: the index of its last entry, and the term of that entry.",
    "Section 5.4.1: the RPC includes information about the candidate's log; Figure 2, RequestVote RPC, arguments",
)
def a_candidate_sends_the_end_of_its_log(bench: Bench) -> None:
    """A candidate has no entry; another has three, and starts two elections, and a third after a leader has changed its log."""
    bench.begin()
    require_log_end_sent(bench, (0, 0), "tom's log is empty")
    bench.begin(log="1 set x 1; 2 set y 2; 2 set z 3")
    for election in ("first", "second"):
        require_log_end_sent(
            bench, (3, 2), f"tom's log ends with entry 3 of term 2, and this is its {election} election"
        )
    term = bench.field("current_term") + 1
    call_with_entries(bench, "jerry", term, after=(1, 1), entries=f"{term} set w 4")
    require_log(bench, f"1 set x 1; {term} set w 4", "jerry leads, and its call deletes two of tom's entries")
    require_log_end_sent(bench, (2, term), f"jerry has led, so tom's log ends with entry 2 of term {term} now")


@rule(
    "An election is otherwise as before: a vote for itself, a new timeout, and more than half of the votes win.",
    "Section 5.2; Figure 2, Candidates",
)
def an_election_is_otherwise_as_before(bench: Bench) -> None:
    """Candidates without a reply, and a single server; then one of five that gets two votes."""
    step_08.each_election_has_its_own_timeout.run(bench)
    step_08.a_failed_candidate_runs_again.run(bench)
    step_04.a_single_server_elects_itself.run(bench)
    bench.begin(5, log="1 set x 1")
    await_election(bench)
    send_vote(bench, "jerry")
    require_leading(bench, False, "tom has two votes of five, its own and jerry's")
    send_vote(bench, "spike")
    require_leading(bench, True, "tom has three votes of five, its own, jerry's and spike's")


@rule(
    "Of two logs the one whose last entry has the newer term is more up to date, however short it is.",
    "Section 5.4.1: the log with the later term",
)
def a_newer_last_term_beats_a_longer_log(bench: Bench) -> None:
    """A candidate with a short log of term 2 asks a voter with a longer one of term 1; then the other way round, in term 3."""
    bench.begin(log="1 set x 1; 1 set y 2; 1 set z 3")
    require_vote(bench, "jerry", 3, (1, 2), "tom's log ends with entry 3 of term 1")
    bench.begin(log="1 set x 1; 3 set y 2")
    require_refusal(bench, "jerry", 4, (5, 2), "tom's log ends with entry 2 of term 3")
    require_refusal(bench, "spike", 5, (2, 2), "tom's log ends with entry 2 of term 3")


@rule(
    "Of two logs whose last entries have the same term, the longer one is more up to date.",
    "Section 5.4.1: whichever log is longer",
)
def with_equal_last_terms_the_longer_log_wins(bench: Bench) -> None:
    """A follower with three entries of term 2 is asked by candidates with two, none, and four."""
    bench.begin(log="2 set x 1; 2 set y 2; 2 set z 3")
    story = "tom's log ends with entry 3 of term 2"
    require_refusal(bench, "jerry", 3, (2, 2), story)
    require_refusal(bench, "jerry", 4, (0, 0), story)
    require_vote(bench, "spike", 5, (4, 2), story)


@rule(
    "A log that ends with the same entry as the voter's is up to date, in whatever term the two servers are by now.",
    "Section 5.4.1: a vote is denied only if the voter's own log is more up to date",
)
def an_equal_log_is_up_to_date(bench: Bench) -> None:
    """Two servers without entries; then two with the same log, many elections later."""
    bench.begin()
    require_vote(bench, "jerry", 1, (0, 0), "tom's log is empty")
    bench.begin(log="1 set x 1; 2 set y 2")
    require_vote(bench, "jerry", 9, (2, 2), "tom's log ends with entry 2 of term 2")
    require_vote(bench, "spike", 10, (2, 2), "tom's log ends with entry 2 of term 2")


@rule(
    "A server that refuses a candidate for its log adopts the candidate's term and may still vote in it.",
    "Section 5.1; Section 5.4.1; Figure 2, All Servers and RequestVote RPC, receiver 2",
)
def a_refusal_does_not_use_up_the_vote(bench: Bench) -> None:
    """A follower refuses a candidate that lacks an entry; then one with the entry asks in the same term."""
    bench.begin(log="2 set x 1; 2 set y 2")
    story = "tom's log ends with entry 2 of term 2"
    sent = ask_for_vote(bench, "jerry", 5, (1, 2))
    refusals = vote_replies(sent, "jerry")
    bench.require(
        refusals, f"{story}, and jerry's with entry 1: tom should refuse, but does not answer", bench.arrival()
    )
    granted = field_of(refusals[0], "vote_granted")
    bench.require(granted is False, f"{story}, and jerry's with entry 1: tom should refuse, but votes", refusals[0])
    term = bench.field("current_term")
    bench.require(
        term == 5,
        f"{story}; it refuses jerry in term 5, and should be in term 5 now, not {bench.term_text(term)}",
        bench.arrival(),
    )
    require_vote(bench, "spike", 5, (2, 2), f"{story}, and it has refused jerry in term 5")


@rule(
    "The log is an additional condition: a server still refuses an older term, and a second vote in the same term.",
    "Section 5.2; Figure 2, RequestVote RPC, receiver 1 and 2",
)
def a_better_log_does_not_override_a_vote(bench: Bench) -> None:
    """A candidate with a more up-to-date log asks a follower that has voted, or that is in a newer term."""
    bench.begin(log="2 set x 1; 2 set y 2", draws=(18, 18, 18))
    require_vote(bench, "jerry", 5, (2, 2), "tom's log ends with entry 2 of term 2")
    require_refusal(bench, "spike", 5, (9, 4), "tom has voted for jerry in term 5")
    require_vote(bench, "jerry", 5, (2, 2), "tom has voted for jerry in term 5, and the reply may be lost")
    require_vote(bench, "spike", 6, (9, 4), "tom has not voted in term 6")
    await_election(bench)
    term = bench.field("current_term")
    for candidate in PEERS:
        require_refusal(bench, candidate, term, (9, 5), f"tom is a candidate in term {term} and has voted for itself")
    require_refusal(bench, "jerry", term + 2, (1, 2), "tom's log ends with entry 2 of term 2")
    require_refusal(bench, "spike", term + 1, (9, 5), f"tom is in term {term + 2}, and has not voted in it")


@rule(
    "Only a granted vote restarts the election timer; refusing a candidate for its log does not.",
    "Figure 2, Followers: a timeout without a leader's call and without granting a vote",
)
def a_refused_log_does_not_restart_the_timer(bench: Bench) -> None:
    """One second before a follower's timeout, a candidate that lacks its entry asks; in another run, one that has it."""
    for end, granted in (((0, 0), False), ((1, 3), True)):
        bench.begin(log="3 set x 1")
        due_s = timeout_at_start(bench)
        bench.run(due_s - 1 - bench.delay_s)
        story = f"tom's election timeout is at {due_s:g} s, and its log ends with entry 1 of term 3"
        (require_vote if granted else require_refusal)(bench, "jerry", 4, end, story)
        received_s = bench.arrival().seconds
        call = await_election(bench, story)[0]
        late = call.seconds - received_s >= TIMEOUTS_S[0]
        bench.require(
            late is granted,
            f"{story}; a second before, it {'votes for' if granted else 'refuses'} jerry. It should "
            + ("wait at least 8 s from then on" if granted else f"still start an election at {due_s:g} s")
            + f", but starts one at {call.seconds:g} s",
            call,
        )


@rule(
    "No server without a committed entry leads: a winner has a majority of the votes, and one of the voters has the entry.",
    "Section 5.4.1; Figure 3, Leader Completeness",
)
def a_candidate_without_a_committed_entry_loses(bench: Bench) -> None:
    """A follower is cut off during a write, comes back, and starts an election before the follower that has the write."""
    cluster = bench.cluster(3, draws={"jerry": [8], "tom": [9, 8, 8], "spike": [18, 18, 18, 18]})
    cluster.run(90, until=lambda: bool(cluster.leaders))
    bench.require(cluster.leaders, "tom, jerry and spike have just started, and after 90 s nobody leads")
    leader = cluster.leaders[0]
    lacks, has = (name for name in cluster.servers if name != leader)
    cluster.partition(lacks)
    answer = cluster.set("x", "1", to=leader)
    story = f"{leader} leads, {lacks} is cut off, and a client sends set x 1 to {leader}"
    bench.require(
        isinstance(answer, Ok), f"{story}; with {has} that is a majority, so it should answer Ok, not {answer!r}"
    )
    cluster.crash(leader)
    cluster.heal()
    cluster.run(90, until=lambda: bool({lacks, has} & set(cluster.leaders)))
    led = first([event for event in cluster.events("role", server=lacks) if event["role"] == "leader"])
    bench.require(not led, f"{story}, which is acknowledged; {lacks} should not be elected without it, but leads", led)
    bench.require(
        has in cluster.leaders,
        f"{story}; then {leader} crashes and {lacks} comes back. {has} has the entry, and with {lacks}'s vote it should "
        "lead within 90 s, but nobody does",
    )


@rule(
    "Any running majority can elect a leader: of two logs, one is always at least as up to date as the other.",
    "Section 5.4.1: of any two logs, it says which is more up to date; the original required both, and elected nobody",
)
def of_two_logs_one_is_always_up_to_date(bench: Bench) -> None:
    """One of three servers is down; of the others one has the longer log, the other the newer last term."""
    logs = {"tom": "1 set x 1; 1 set y 2; 1 set z 3", "jerry": "1 set x 1; 2 set y 4"}
    cluster = bench.cluster(3, logs=logs, draws={"tom": [9], "jerry": [12]}, later=["spike"])
    cluster.run(90, until=lambda: bool(cluster.leaders))
    bench.require(
        cluster.leaders,
        "spike is down; tom's log ends with entry 3 of term 1, and jerry's with entry 2 of term 2. "
        "tom should vote for jerry, whose last term is newer, but after 90 s nobody leads",
        first(vote_replies(cluster.events("sent", server="tom"), "jerry")),
    )
    bench.require(
        "jerry" in cluster.leaders,
        "tom's log ends with entry 3 of term 1, and jerry's with entry 2 of term 2, which is newer: jerry should lead, not tom",
        first([event for event in cluster.events("role", server="tom") if event["role"] == "leader"]),
    )


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.3; steps 1 to 9",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 9 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 10)


def ask_for_vote(bench: Bench, candidate: str, term: int, end: End) -> list[Event]:
    """Ask the server under test for its vote, with the end of the candidate's log; return what it sent in response."""
    index, last_term = end
    return send(bench, candidate, "RequestVote", term=term, last_log_index=index, last_log_term=last_term)


def require_vote(bench: Bench, candidate: str, term: int, end: End, story: str) -> None:
    """Ask for a vote with a log that ends at this entry, and check that the server under test grants it.

    Raises:
        CheckFailed: It does not.
    """
    replies = vote_replies(ask_for_vote(bench, candidate, term, end), candidate)
    bench.require(
        any(field_of(reply, "vote_granted") for reply in replies),
        f"{request_text(candidate, term, end, story)}: tom should vote for {candidate}, but does not",
        bench.arrival(),
    )


def require_refusal(bench: Bench, candidate: str, term: int, end: End, story: str) -> None:
    """Ask for a vote with a log that ends at this entry, and check that the server under test does not grant it.

    Raises:
        CheckFailed: It does.
    """
    replies = vote_replies(ask_for_vote(bench, candidate, term, end), candidate)
    vote = first([reply for reply in replies if field_of(reply, "vote_granted")])
    bench.require(
        not vote, f"{request_text(candidate, term, end, story)}: tom should refuse, but votes for {candidate}", vote
    )


def vote_replies(sent: list[Event], candidate: str) -> list[Event]:
    """Return the replies to a candidate among the sent messages."""
    return [event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate]


def request_text(candidate: str, term: int, end: End, story: str) -> str:
    """Format the story so far and the candidate's request."""
    return f"{story}; {candidate} asks in term {term} with a log that ends with entry {end[0]} of term {end[1]}"


def require_log_end_sent(bench: Bench, end: End, story: str) -> None:
    """Wait until the server under test starts an election, and check that it sends where its log ends to every peer.

    Raises:
        CheckFailed: It does not ask every peer once, or sends another end.
    """
    calls = await_election(bench, story)
    asked = sorted(call["to"] for call in calls)
    bench.require(
        asked == sorted(PEERS),
        f"{story}; it should ask jerry and spike, once each, but asks {', '.join(asked)}",
        calls[0],
    )
    for call in calls:
        found = field_of(call, "last_log_index"), field_of(call, "last_log_term")
        bench.require(
            found == end,
            f"{story}; its RequestVote should carry last_log_index={end[0]}, last_log_term={end[1]}, "
            f"but carries last_log_index={found[0]}, last_log_term={found[1]}",
            call,
        )


def call_with_entries(bench: Bench, leader: str, term: int, after: End, entries: str) -> None:
    """Send AppendEntries with entries from a leader; from step 11 on the message also carries a commit index.

    Raises:
        CheckFailed: The Node has no handler for it.
    """
    bench.send(leader, "AppendEntries", optional={"leader_commit": 0}, term=term, **call_fields(after, entries))
