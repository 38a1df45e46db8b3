"""The checks of step 12: term, vote and log survive a crash, and all other state is initialized again."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench, call_fields
from raft_steps.lab.checks.election_timers import timeout_at_start
from raft_steps.lab.checks.elections import await_election, send_vote
from raft_steps.lab.checks.exchange import field_of, first, latest
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.trace.trace import Event


@rule(
    "A vote survives a crash: a server that restarts votes for no other candidate in this term.",
    'Figure 2: votedFor is "updated on stable storage before responding to RPCs"; Section 5.2: at most one vote in a term',
)
def a_vote_survives_a_crash(bench: Bench) -> None:
    """A server votes for one candidate, crashes and restarts, and is asked by another in the same term."""
    bench.begin(log="3 set x 1")
    require_vote_answer(bench, "jerry", 4, "tom has not voted in term 4, and jerry asks for its vote", expected=True)
    restart(bench)
    story = "tom votes for jerry in term 4, crashes and restarts; then spike asks for its vote in term 4"
    require_vote_answer(bench, "spike", 4, story, expected=False)


@rule(
    "The same candidate gets the vote again: after a crash too, a server answers it as it did before.",
    "Figure 2, RequestVote RPC, receiver 2: votedFor is null or candidateId",
)
def the_same_candidate_gets_the_vote_again(bench: Bench) -> None:
    """A voter's reply is lost; it crashes and restarts, and the same candidate asks again."""
    bench.begin(log="3 set x 1")
    require_vote_answer(bench, "jerry", 4, "tom has not voted in term 4, and jerry asks for its vote", expected=True)
    restart(bench)
    story = "tom votes for jerry in term 4, crashes and restarts; then jerry asks again in term 4"
    require_vote_answer(bench, "jerry", 4, story, expected=True)


@rule(
    "A candidate's term and its vote for itself survive a crash: it votes for no other in this term, and runs in the next.",
    "Section 5.2: it increments its current term and votes for itself; Figure 2, persistent state",
)
def a_vote_for_itself_survives_a_crash(bench: Bench) -> None:
    """A candidate crashes before it gets a reply, and restarts; another one asks in the same term."""
    bench.begin(log="3 set x 1")
    term = field_of(await_election(bench)[0], "term")
    bench.run(1)
    restart(bench)
    story = f"tom is a candidate in term {term}, crashes and restarts; then jerry asks for its vote in term {term}"
    require_vote_answer(bench, "jerry", term, story, expected=False)
    request = await_election(bench, "tom receives nothing from a leader after its restart")[0]
    asked = field_of(request, "term")
    bench.require(
        asked > term,
        f"tom was a candidate in term {term} before it crashed; its next election should be in a newer term, "
        f"not {bench.term_text(asked)}",
        request,
    )


@rule(
    "A term survives a crash, whether a call, a vote request or a reply brought it.",
    'Figure 2: currentTerm is the "latest term server has seen"; Section 5.1',
)
def a_term_survives_a_crash_whatever_brought_it(bench: Bench) -> None:
    """A server gets term 6 from three messages; each time it crashes, restarts, and a leader of term 5 calls it."""
    for receive_term_6 in (_term_from_a_call, _term_from_a_vote_request, _term_from_a_reply):
        bench.begin(log="3 set x 1")
        story = receive_term_6(bench)
        restart(bench)
        call(bench, "spike", 5, (1, 3), "5 set y 2")
        bench.require(
            bench.log() == "3 set x 1",
            f"{story}, crashes and restarts; then spike calls, the leader of term 5: tom should refuse, "
            "because it has been in a newer term, but stores spike's entry",
            bench.arrival(),
        )


def _term_from_a_call(bench: Bench) -> str:
    call(bench, "jerry", 6, (1, 3))
    return "tom receives a call of jerry, the leader of term 6"


def _term_from_a_vote_request(bench: Bench) -> str:
    send(bench, "jerry", "RequestVote", term=6, last_log_index=0, last_log_term=0)
    return "tom refuses its vote to jerry, a candidate in term 6 with an old log"


def _term_from_a_reply(bench: Bench) -> str:
    await_election(bench)
    send(bench, "jerry", "RequestVoteReply", term=6, vote_granted=False)
    return "tom is a candidate in term 4, receives jerry's refusal of term 6"


@rule(
    "A new term is stored without a vote: after a crash a server may still vote in a term in which it has not voted.",
    "Figure 2, RequestVote RPC: votedFor is the candidate that received the vote in the current term",
)
def a_new_term_is_stored_without_a_vote(bench: Bench) -> None:
    """A server votes in term 4, receives term 5 and votes for nobody in it, crashes, and is asked in term 5."""
    bench.begin(4, log="3 set x 1")
    require_vote_answer(bench, "jerry", 4, "tom has not voted in term 4, and jerry asks for its vote", expected=True)
    send(bench, "spike", "RequestVote", term=5, last_log_index=0, last_log_term=0)
    restart(bench)
    story = (
        "tom votes for jerry in term 4, refuses spike in term 5 for its old log, crashes and restarts; "
        "then tyke asks for its vote in term 5"
    )
    require_vote_answer(bench, "tyke", 5, story, expected=True)


@rule(
    "The log survives a crash: a server keeps the entries that it has acknowledged.",
    "Figure 2: log[] is persistent state; Section 5.3",
)
def the_log_survives_a_crash(bench: Bench) -> None:
    """A follower acknowledges two entries, crashes and restarts."""
    bench.begin()
    replies = call(bench, "jerry", 1, (0, 0), "1 set x 1; 1 set y 2")
    bench.require(
        any(field_of(reply, "success") for reply in replies if reply["type"] == "AppendEntriesReply"),
        "jerry, the leader of term 1, sends tom two entries; tom should acknowledge them, but does not",
        bench.arrival(),
    )
    restart(bench)
    found = bench.log()
    bench.require(
        found == "1 set x 1; 1 set y 2",
        f"tom acknowledges two entries, crashes and restarts; its log should have both, but is {found or 'empty'}",
        latest(bench, "restarted"),
    )


@rule(
    "A server's term is never older than its last entry's, even after a crash between storing the entry and the term.",
    "Section 5.1; Figure 2 does not order the writes of log and term, so either may be missing",
)
def a_term_is_never_older_than_the_log(bench: Bench) -> None:
    """A follower in term 3 crashes while it stores a call of term 5: the first entry is on disk, the term is not."""
    bench.begin(log="3 set x 1")
    host = bench.host
    host.fail_next("tear")
    call(bench, "jerry", 5, (1, 3), "5 set y 2; 5 set z 3")
    bench.simulation.start(host)
    newest = bench.field("log").last_term
    request = await_election(bench)[0]
    asked = field_of(request, "term")
    bench.require(
        asked > newest,
        f"tom has an entry of term {newest} on disk, but crashed before it stored the term; "
        f"its next election should be in a newer term than {bench.term_text(newest)}, but it asks for votes in term {asked}",
        request,
    )


@rule(
    "After a crash each committed entry is applied once: both the state machine and last_applied start from the "
    "beginning, or neither does.",
    "Figure 2: commitIndex and lastApplied are volatile state, initialized to 0; Section 5.3",
)
def entries_are_applied_once_after_a_crash(bench: Bench) -> None:
    """A follower has applied two entries of three, crashes, restarts, and receives a commit index of two."""
    bench.begin(log="1 set x 1; 1 set y 2; 1 set x 3")
    call(bench, "jerry", 2, (3, 1), committed=2)
    require_state(bench, 2, "jerry, the leader of term 2, calls tom with leader_commit=2")
    since = bench.mark()
    restart(bench)
    began, at_start = dict(bench.field("state_machine")), bench.events("applied", since=since)
    restarted = latest(bench, "restarted")
    bench.require(
        all(event["index"] <= 2 for event in at_start),
        "tom has applied two of its three entries, crashes and restarts: it applies the third one too, "
        "which is not known to be committed",
        first([event for event in at_start if event["index"] > 2]),
    )
    call(bench, "jerry", 2, (3, 1), committed=2)
    again = bench.events("applied", since=since)
    known = len(at_start) if at_start else again[0]["index"] - 1 if again else 2
    bench.require(
        began == state_after(known),
        f"tom has applied two of its three entries, crashes and restarts: its state machine should be "
        f"{state_after(known)}, because the next entry that it applies is {bench.index_text(known + 1)}, but is {began}",
        restarted,
    )
    require_state(bench, 2, "tom crashes, restarts, and receives a call with leader_commit=2")


@rule(
    "A server starts as a follower, even if it led before it crashed, and waits a full timeout.",
    'Section 5.2: "When servers start up, they begin as followers"',
)
def a_server_starts_as_a_follower(bench: Bench) -> None:
    """A leader crashes and restarts."""
    bench.begin(log="3 set x 1")
    await_election(bench)
    for peer in ("jerry", "spike"):
        send_vote(bench, peer)
    bench.require(
        bench.field("is_leader"), "tom has every vote of term 4 and should lead, but does not", bench.arrival()
    )
    since = bench.mark()
    restart(bench)
    bench.run(7)
    heartbeat = first(bench.sent("AppendEntries", since=since))
    bench.require(
        heartbeat is None and not bench.field("is_leader"),
        "tom leads in term 4, crashes and restarts: it should be a follower now, but it leads",
        heartbeat or latest(bench, "restarted"),
    )
    timers = [event for event in bench.events("timer_started", since=since) if event["timer"] == "election"]
    bench.require(
        timers, "tom crashes and restarts; it should wait for a leader, but starts no election timer",
        latest(bench, "restarted"),
    )  # fmt: skip


@rule(
    "A first start is as before: a server draws its timeout and waits, its term is its log's, and the named leader leads.",
    "Section 5.2; this course, step 11",
)
def a_first_start_is_as_before(bench: Bench) -> None:
    """A server starts with a log of term 3 on disk; then a named leader without a log, and one with a log."""
    bench.begin(log="3 set x 1")
    timeout_at_start(bench)
    request = await_election(bench)[0]
    asked = field_of(request, "term")
    bench.require(
        asked == 4,
        f"tom's last entry has term 3: its election should be in term 4, not {bench.term_text(asked)}",
        request,
    )
    for log, term in (("", 0), ("1 set x 1; 3 set y 2", 3)):
        bench.begin(log=log, leads=True)
        bench.run(0)
        called = sorted(each["to"] for each in bench.sent("AppendEntries"))
        bench.require(
            called == ["jerry", "spike"] and bench.field("is_leader"),
            "tom is the named leader of its first start: it should call both followers at once, "
            f"but calls {' and '.join(called) or 'nobody'}",
            latest(bench, "started"),
        )
        first_call = bench.sent("AppendEntries")[0]
        found, story = field_of(first_call, "term"), f"tom is the named leader, and its log ends in term {term}"
        bench.require(
            found == term, f"{story}: it should lead in that term, but calls in {bench.term_text(found)}", first_call
        )


@rule(
    "What earlier steps ask of a server is still so, except what this step changes.",
    "Sections 5.1 to 5.4, Section 8; steps 1 to 11",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 to 11 run again, except those that a later step replaces."""
    run_earlier_checks(bench, 12)


# These helpers send only the fields that the Node's message class has.


def send(bench: Bench, sender: str, message_name: str, **values: Any) -> list[Event]:
    """Send a message from a peer, without fields that its class lacks; return what the server under test sent in response."""
    return bench.send(sender, message_name, optional=values)


def call(
    bench: Bench, leader: str, term: int, after: tuple[int, int], entries: str = "", *, committed: int = 0
) -> list[Event]:
    """Send AppendEntries as the leader of a term does; return what the server under test sent in response."""
    return send(bench, leader, "AppendEntries", term=term, leader_commit=committed, **call_fields(after, entries))


def require_vote_answer(bench: Bench, candidate: str, term: int, story: str, *, expected: bool) -> None:
    """Ask the server under test for its vote, with an up-to-date log, and check the reply.

    Raises:
        CheckFailed: It is not the expected one.
    """
    log = bench.field("log")
    last = {"last_log_index": log.last_index, "last_log_term": log.last_term}
    sent = send(bench, candidate, "RequestVote", term=term, **last)
    replies = [event for event in sent if event["type"] == "RequestVoteReply" and event["to"] == candidate]
    yes = first([reply for reply in replies if field_of(reply, "vote_granted")])
    should, does = ("vote for it", "does not") if expected else ("refuse", "votes for it")
    bench.require(
        bool(yes) == expected, f"{story}: tom should {should}, but {does}", yes or first(replies) or bench.arrival()
    )


def restart(bench: Bench) -> None:
    """Crash the server under test, and restart it half a second later."""
    host = bench.host
    bench.simulation.crash(host)
    bench.run(0.5)
    bench.simulation.start(host)


def state_after(count: int) -> dict[str, str]:
    """Return the state machine after the first entries of the log in `entries_are_applied_once_after_a_crash`."""
    return dict((("x", "1"), ("y", "2"), ("x", "3"))[:count])


def require_state(bench: Bench, count: int, story: str) -> None:
    """Check that the state machine is the result of the first entries of that log.

    Raises:
        CheckFailed: It has other contents.
    """
    found = bench.field("state_machine")
    bench.require(
        found == state_after(count),
        f"{story}; its state machine should be {state_after(count)}, but is {found}",
        bench.arrival(),
    )
