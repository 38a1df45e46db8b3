"""The checks of step 6: a call of an older term is refused; a call of a term at least as new is from the leader."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import step_05
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import win_election
from raft_steps.lab.checks.exchange import fields_text
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds

# The fields that a refused call must not change, if the Node has them; a learner's own counters do not matter.
KEPT = ("current_term", "voted_for", "is_leader", "is_candidate", "log", "timers")


@rule(
    "A call whose term is smaller than the receiver's is answered with a refusal that carries the receiver's term.",
    "Section 5.1; Figure 2, AppendEntries RPC, receiver 1",
)
def an_older_term_is_refused(bench: Bench) -> None:
    """A call of term 2 reaches a candidate in term 4, whose last entry has term 3."""
    bench.begin(log="3 set x 1")
    bench.run_until_sent("RequestVote")
    sent = bench.call("jerry", 2, after=(1, 3))
    story = "tom is in term 4, and jerry's call has term 2: tom should answer jerry with AppendEntriesRefused(term=4)"
    bench.require(sent, f"{story}; it does not answer", bench.arrival())
    first = sent[0]
    bench.require(first["type"] == "AppendEntriesRefused", f"{story}; it answers with {first['type']}", first)
    bench.require(first["to"] == "jerry", f"{story}; it answers {first['to']}", first)
    term = first["fields"].get("term", "no term")
    bench.require(term == 4, f"{story}; its refusal carries {term if term == 'no term' else f'term {term}'}", first)
    bench.require(len(sent) == 1, f"{story} only; it also sends {sent[-1]['type']}", sent[-1])


@rule(
    "A refused call changes nothing: neither log nor vote, and the election timer is not restarted.",
    'Raft 11: "Everything we previously did in an append_entries response […] only happens in an else block"',
)
def a_refused_call_changes_nothing(bench: Bench) -> None:
    """A call of an older term would delete an entry of a follower that has voted, and delay its election."""
    bench.begin(log="3 set x 1; 3 set y 2", draws=(8,))
    bench.send("spike", "RequestVote", term=4)
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 2, after=(1, 3), entries="2 set z 9")
    require_unchanged(
        bench, before, "tom is a follower in term 3 and should refuse jerry's call of term 2 and change nothing"
    )


@rule(
    "A candidate that refuses a call stays a candidate: its election timer keeps running, and votes still count.",
    'Section 5.2: it "continues in candidate state"',
)
def a_candidate_that_refuses_stays_a_candidate(bench: Bench) -> None:
    """A call of term 3 reaches a candidate in term 4."""
    bench.begin(log="3 set x 1", draws=(8, 8))
    bench.run_until_sent("RequestVote")
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 3, after=(1, 3), entries="3 set y 2")
    require_unchanged(
        bench, before, "tom is a candidate in term 4 and should refuse jerry's call of term 3 and change nothing"
    )
    bench.send("spike", "RequestVoteReply", vote_granted=True)
    bench.require(
        bench.field("is_leader"),
        "tom is a candidate in term 4 and has refused a call of term 3: with spike's vote it should lead, but does not",
        bench.arrival(),
    )


@rule(
    "A leader that refuses a call keeps leading.",
    "Section 5.1; Raft 11, first commit",
)
def a_leader_that_refuses_keeps_leading(bench: Bench) -> None:
    """A call of term 3, from a former leader, reaches the leader of term 4."""
    bench.begin(log="3 set x 1")
    win_election(bench)
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 3, after=(1, 3), entries="3 set y 2")
    require_unchanged(bench, before, "tom leads in term 4 and should refuse jerry's call of term 3 and change nothing")


def require_unchanged(bench: Bench, before: dict[str, Any], story: str) -> None:
    """Check that the call that the server under test has just received changed nothing.

    Raises:
        CheckFailed: A field has changed.
    """
    after = bench.fields()
    for name in KEPT:
        was, now = before.get(name), after.get(name)
        if was != now:
            bench.fail(f"{story}; but {describe_change(name, was, now)} now", bench.arrival())


def describe_change(name: str, was: Any, now: Any) -> str:
    """Describe how a field of the server under test has changed."""
    if name == "log":
        was, now = ("; ".join(f"{entry['term']} {entry['command']}" for entry in log) for log in (was, now))
    if name == "timers":
        timer = next(timer for timer in sorted({*was, *now}) if was.get(timer) != now.get(timer))
        due = f"was due at {format_seconds(was[timer][1])} s" if timer in was else "was off"
        return f"its {timer} timer {due} and is " + (
            f"due at {format_seconds(now[timer][1])} s" if timer in now else "off"
        )
    return f"its {name} was {was!r} and is {now!r}"


@rule(
    "A call of the receiver's own term, or of a later one, comes from the leader: the receiver follows it as before, and "
    "keeps its vote, because no server may vote twice in a term.",
    'Section 5.2: "at least as large"; Raft 11: "an up-to-date append_entries call"',
)
def a_term_at_least_as_new_is_followed(bench: Bench) -> None:
    """A follower in term 3 receives a call with an entry, of term 3 or of term 4; in a third run it has voted before."""
    for term in (3, 4):
        bench.begin(log="3 set x 1", draws=(8,))
        bench.run(4)
        require_followed(bench, term, "tom is a follower in term 3")
        require_timer_restarted(bench, f"tom is a follower in term 3 and receives jerry's call of term {term}")
    require_vote_kept(bench)


@rule(
    "A candidate that receives a call of its own term, or of a later one, accepts that leader and becomes a follower.",
    'Section 5.2: it "returns to follower state"',
)
def a_candidate_follows_the_leader_of_its_term(bench: Bench) -> None:
    """A candidate in term 4 receives a call of the leader of term 4; in another run, of the leader of term 5."""
    for term in (4, 5):
        bench.begin(log="3 set x 1", draws=(8, 8))
        bench.run_until_sent("RequestVote")
        bench.run(2)
        require_followed(bench, term, "tom is a candidate in term 4")
        require_timer_restarted(bench, f"tom is a candidate in term 4 and receives jerry's call of term {term}")


@rule(
    "A leader that receives a call of a term at least as new becomes a follower, and turns clients away.",
    'Section 5.1; Raft 11: "it reverts to the follower state"',
)
def a_term_at_least_as_new_deposes_a_leader(bench: Bench) -> None:
    """The leader of term 4 receives a call of term 5; in another run, a call of term 4."""
    for term in (5, 4):
        bench.begin(log="3 set x 1")
        win_election(bench)
        bench.run(2)
        require_followed(bench, term, "tom leads in term 4")
        client = bench.ask("set z 3")
        answer = type(bench.answer(client)).__name__
        bench.require(
            answer == "NotLeader",
            f"tom led in term 4 and was deposed by jerry's call of term {term}: it should answer a client NotLeader, "
            f"but answers {'nothing' if answer == 'NoneType' else answer}",
        )


def require_followed(bench: Bench, term: int, story: str) -> None:
    """Send a call of this term with an entry from jerry, and check that the server under test follows jerry.

    Raises:
        CheckFailed: Its term, role, log or answer is wrong.
    """
    sent = bench.call("jerry", term, after=(1, 3), entries=f"{term} set y 2")
    story, received = f"{story} and receives jerry's call of term {term}", bench.arrival()
    now, state = bench.field("current_term"), bench.fields()
    bench.require(now == term, f"{story}: it should be in term {term} now, but is in term {now}", received)
    role = "leader" if state.get("is_leader") else "candidate" if state.get("is_candidate") else ""
    bench.require(not role, f"{story}: it should follow jerry now, but is_{role} is still True", received)
    wanted = f"3 set x 1; {term} set y 2"
    bench.require(bench.log() == wanted, f"{story}: its log should be '{wanted}' now, but is '{bench.log()}'", received)
    accepts = [event["type"] for event in sent] == ["AppendEntriesReply"] and sent[0]["fields"].get("success")
    answers = ", ".join(f"{event['type']}({fields_text(event['fields'])})" for event in sent) or "nothing"
    bench.require(
        accepts,
        f"{story}: it should answer one AppendEntriesReply with success=True, but answers {answers}",
        sent[0] if sent else received,
    )


def require_vote_kept(bench: Bench) -> None:
    """Check that a follower in term 3 that votes in term 4 and then receives a call of term 3 does not vote again.

    Until step 9 a vote does not change the voter's term, so the call is of the follower's own term.

    Raises:
        CheckFailed: It votes a second time.
    """
    bench.begin(log="3 set x 1")
    bench.send("spike", "RequestVote", term=4)
    bench.call("jerry", 3, after=(1, 3))
    voted_for = bench.field("voted_for", "spike")
    votes = [reply for reply in bench.send("jerry", "RequestVote", term=4) if reply["fields"].get("vote_granted")]
    bench.require(
        not votes,
        "tom voted for spike in term 4 and then received a call of term 3, its own; now jerry asks for a vote in term 4, "
        "and tom votes a second time: a call should not change the vote"
        + (f", but tom's voted_for was 'spike' before it and {voted_for!r} after it" if voted_for != "spike" else ""),
        votes[0] if votes else None,
    )


def require_timer_restarted(bench: Bench, story: str) -> None:
    """Check that the call just received restarted the election timer of the server under test, for a full timeout.

    Raises:
        CheckFailed: The timer was not restarted, or was restarted with another timeout.
    """
    received, timers = bench.arrival(), bench.fields()["timers"]
    started_us, due_us = timers.get("election", (None, 0))
    bench.require(
        started_us == received.time_us, f"{story}: it should restart its election timer, but does not", received
    )
    wait_s = (due_us - started_us) / MICROSECONDS
    timeout_s = bench.field("election_timeout", wait_s)
    bench.require(
        wait_s == timeout_s,
        f"{story}: it should wait its full election timeout again, {timeout_s} s, but starts its timer with {wait_s:g} s",
        received,
    )


@rule(
    "A deposed leader waits for its successor like any follower: if the successor goes silent, it starts an election.",
    "Section 5.2; Figure 2, Followers",
)
def a_deposed_leader_can_run_again(bench: Bench) -> None:
    """A leader is deposed by a successor that sends one call and no more."""
    bench.begin(log="3 set x 1")
    win_election(bench)
    bench.call("jerry", 5)
    deposed = bench.arrival()
    mark, story = bench.mark(), "jerry deposed tom and went silent: within 18 s tom's election timer should expire"
    bench.run(19)
    bench.require(bench.sent("RequestVote", since=mark), f"{story}, and tom should ask for votes; it does not", deposed)


@rule(
    "A leader whose call is refused for its term does not retry: it sends nothing before its next heartbeat.",
    "Raft 11, first commit; until step 9, only a successor's call deposes a leader",
)
def a_refused_leader_does_not_retry(bench: Bench) -> None:
    """The leader of term 4, which has a successor that it does not know of, receives a refusal."""
    bench.begin(log="3 set x 1; 3 set y 2")
    win_election(bench)
    bench.run(2)
    sent = bench.send("jerry", "AppendEntriesRefused", term=7)
    bench.require(
        not sent,
        "tom leads in term 4, and jerry, in term 7, refuses its call: tom should send nothing in response, "
        f"but sends {sent[0]['type'] if sent else 'nothing'} at once",
        sent[0] if sent else None,
    )
    bench.send("spike", "AppendEntriesRefused", term=2)
    term = bench.field("current_term")
    bench.require(
        term >= 4,
        f"tom leads in term 4, and a late refusal of term 2 arrives: a term never decreases, but tom is in term {term} now",
        bench.arrival(),
    )


@rule(
    "A call that is not refused is handled as before: its term is adopted, its entries are stored if they fit, the answer "
    "names the preceding entry, and the follower waits a full election timeout again, also if it lacks that entry.",
    "Section 5.3; Raft 11, the else block does everything that an append_entries response did before",
)
def a_call_is_otherwise_handled_as_before(bench: Bench) -> None:
    """The checks of step 5 about calls run again, and with them those of steps 2 to 4."""
    step_05.a_later_term_is_adopted.run(bench)
    step_05.a_leader_adopts_a_later_term_too.run(bench)
    step_05.the_term_never_decreases.run(bench)
    step_05.a_call_is_answered_as_before.run(bench)
    step_05.heartbeats_prevent_an_election.run(bench)
    step_05.entries_are_stored_as_before.run(bench)
