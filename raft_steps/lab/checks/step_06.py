"""The checks of step 6: an older term is refused, and a term at least as new is followed."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds

# What a refused call leaves alone, as far as a Node has it; a learner's own counters do not matter.
KEPT = ("current_term", "voted_for", "is_leader", "is_candidate", "log", "timers")


@rule(
    "A call whose term is smaller than the receiver's is answered with a refusal that carries the receiver's term.",
    "Section 5.1; Figure 2, AppendEntries RPC, receiver 1",
)
def an_older_term_is_refused(bench: Bench) -> None:
    """A call of term 2 reaches a candidate of term 4, whose last entry is of term 3."""
    bench.begin(log="3 set x 1")
    bench.run_until_sent("RequestVote")
    sent = bench.call("jerry", 2, after=(1, 3))
    situation = "tom is in term 4, and jerry calls in term 2: tom should answer jerry with AppendEntriesRefused(term=4)"
    bench.require(sent, f"{situation}; it answers nothing", bench.arrival())
    first = sent[0]
    bench.require(first["type"] == "AppendEntriesRefused", f"{situation}; it answers with {first['type']}", first)
    bench.require(first["to"] == "jerry", f"{situation}; it answers {first['to']}", first)
    term = first["fields"].get("term", "no term")
    bench.require(term == 4, f"{situation}; its refusal says {term if term == 'no term' else f'term {term}'}", first)
    bench.require(len(sent) == 1, f"{situation} and no more; it also sends {sent[-1]['type']}", sent[-1])


@rule(
    "A refused call changes nothing: neither log nor vote, and the election timer is not restarted.",
    'Raft 11: "Everything we previously did in an append_entries response […] only happens in an else block"',
)
def a_refused_call_changes_nothing(bench: Bench) -> None:
    """A call of an older term would delete an entry of a follower that has voted, and put off its election."""
    bench.begin(log="3 set x 1; 3 set y 2", draws=(8,))
    bench.send("spike", "RequestVote", term=4)
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 2, after=(1, 3), entries="2 set z 9")
    require_unchanged(bench, before, "tom follows in term 3 and should refuse jerry's call of term 2 unchanged")


@rule(
    "A candidate that refuses a call goes on as a candidate: its election timer runs on, and votes still count.",
    'Section 5.2: it "continues in candidate state"',
)
def a_candidate_that_refuses_goes_on(bench: Bench) -> None:
    """A call of term 3 reaches a candidate of term 4."""
    bench.begin(log="3 set x 1", draws=(8, 8))
    bench.run_until_sent("RequestVote")
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 3, after=(1, 3), entries="3 set y 2")
    require_unchanged(bench, before, "tom runs for leader of term 4 and should refuse jerry's call of term 3 unchanged")
    bench.send("spike", "RequestVoteReply", vote_granted=True)
    bench.require(
        bench.field("is_leader"),
        "tom runs for leader of term 4 and has refused a call of term 3: with spike's vote it should lead, but does not",
        bench.arrival(),
    )


@rule(
    "A leader that refuses a call goes on leading.",
    "Section 5.1; Raft 11, first commit",
)
def a_leader_that_refuses_goes_on(bench: Bench) -> None:
    """A call of term 3, from a former leader, reaches the leader of term 4."""
    bench.begin(log="3 set x 1")
    bench.win_election()
    bench.run(2)
    before = bench.fields()
    bench.call("jerry", 3, after=(1, 3), entries="3 set y 2")
    require_unchanged(bench, before, "tom leads in term 4 and should refuse jerry's call of term 3 unchanged")


def require_unchanged(bench: Bench, before: dict[str, Any], situation: str) -> None:
    """Fail unless the server under test is what it was before the call that it has just heard."""
    after = bench.fields()
    for name in KEPT:
        was, now = before.get(name), after.get(name)
        if was != now:
            bench.fail(f"{situation}; but {describe_change(name, was, now)} now", bench.arrival())


def describe_change(name: str, was: Any, now: Any) -> str:
    """Say how a field of the server under test has changed."""
    if name == "log":
        was, now = ("; ".join(f"{entry['term']} {entry['command']}" for entry in log) for log in (was, now))
    if name == "timers":
        timer = next(timer for timer in sorted({*was, *now}) if was.get(timer) != now.get(timer))
        due = f"ran until {format_seconds(was[timer][1])} s" if timer in was else "stood still"
        return f"its {timer} timer {due} and " + (
            f"runs until {format_seconds(now[timer][1])} s" if timer in now else "stands still"
        )
    return f"its {name} was {was!r} and is {now!r}"


@rule(
    "A call of the receiver's own term, or of a later one, is from a leader to follow: all is done that a call did before, "
    "and the vote is left alone, so that nobody votes twice in a term.",
    'Section 5.2: "at least as large"; Raft 11: "an up-to-date append_entries call"',
)
def a_term_at_least_as_new_is_followed(bench: Bench) -> None:
    """A follower of term 3 hears a call of term 3 that brings an entry; another time, one of term 4; and one that has voted."""
    for term in (3, 4):
        bench.begin(log="3 set x 1", draws=(8,))
        bench.run(4)
        require_followed(bench, term, "tom follows in term 3")
        require_timer_restarted(bench, f"tom follows in term 3 and hears jerry's call of term {term}")
    require_vote_left(bench)


@rule(
    "A candidate that hears a call of its own term, or of a later one, accepts that leader and is a follower again.",
    'Section 5.2: it "returns to follower state"',
)
def a_candidate_follows_the_leader_of_its_term(bench: Bench) -> None:
    """A candidate of term 4 hears that jerry has won term 4; another time, that jerry leads in term 5 already."""
    for term in (4, 5):
        bench.begin(log="3 set x 1", draws=(8, 8))
        bench.run_until_sent("RequestVote")
        bench.run(2)
        require_followed(bench, term, "tom runs for leader of term 4")
        require_timer_restarted(bench, f"tom runs for leader of term 4 and hears jerry's call of term {term}")


@rule(
    "A leader that hears a call of a term at least as new is a follower from then on, and turns clients away.",
    'Section 5.1; Raft 11: "it reverts to the follower state"',
)
def a_term_at_least_as_new_deposes_a_leader(bench: Bench) -> None:
    """The leader of term 4 hears a call of term 5; another time, a call of term 4."""
    for term in (5, 4):
        bench.begin(log="3 set x 1")
        bench.win_election()
        bench.run(2)
        require_followed(bench, term, "tom leads in term 4")
        client = bench.ask("set z 3")
        answer = type(bench.answer(client)).__name__
        bench.require(
            answer == "NotLeader",
            f"tom led in term 4 and was deposed by jerry's call of term {term}: it should answer a client NotLeader, "
            f"but answers {'nothing' if answer == 'NoneType' else answer}",
        )


def require_followed(bench: Bench, term: int, situation: str) -> None:
    """Let jerry call in this term with an entry, and fail unless the server under test follows it in every way."""
    sent = bench.call("jerry", term, after=(1, 3), entries=f"{term} set y 2")
    situation, heard = f"{situation} and hears jerry's call of term {term}", bench.arrival()
    now, state = bench.field("current_term"), bench.fields()
    bench.require(now == term, f"{situation}: it should be in term {term} now, but is in term {now}", heard)
    role = "leader" if state.get("is_leader") else "candidate" if state.get("is_candidate") else ""
    bench.require(not role, f"{situation}: it should follow jerry now, but is_{role} is still True", heard)
    wanted = f"3 set x 1; {term} set y 2"
    bench.require(
        bench.log() == wanted, f"{situation}: its log should be '{wanted}' now, but is '{bench.log()}'", heard
    )
    answers = ", ".join(event["type"] for event in sent) or "nothing"
    accepts = answers == "AppendEntriesReply" and sent[0]["fields"].get("success")
    bench.require(accepts, f"{situation}: it should answer success, but answers {answers}", sent[0] if sent else heard)


def require_vote_left(bench: Bench) -> None:
    """Let a follower of term 3 vote in term 4 and hear the leader of term 3 once more; fail if it votes again after that."""
    bench.begin(log="3 set x 1")
    bench.send("spike", "RequestVote", term=4)
    bench.call("jerry", 3, after=(1, 3))
    voted_for = getattr(bench.node, "voted_for", "spike")
    votes = [reply for reply in bench.send("jerry", "RequestVote", term=4) if reply["fields"].get("vote_granted")]
    bench.require(
        not votes,
        "tom voted for spike in term 4 and heard a call of term 3, its own, since; now jerry asks for a vote in term 4, "
        "and tom votes a second time: a call should leave the vote alone"
        + (f", but tom's voted_for was 'spike' before it and {voted_for!r} after it" if voted_for != "spike" else ""),
        votes[0] if votes else None,
    )


def require_timer_restarted(bench: Bench, situation: str) -> None:
    """Fail unless the call that the server under test has just heard restarted its election timer, for a whole timeout."""
    heard, timers = bench.arrival(), bench.fields()["timers"]
    started, due = timers.get("election", (None, 0))
    bench.require(started == heard.time_us, f"{situation}: it should restart its election timer, but does not", heard)
    wait = (due - started) / MICROSECONDS
    whole = getattr(bench.node, "election_timeout", wait)
    bench.require(
        wait == whole,
        f"{situation}: it should wait its whole election timeout again, {whole} s, but starts its timer with {wait:g} s",
        heard,
    )


@rule(
    "A deposed leader waits for its successor like any follower: if the successor falls silent, it runs again.",
    "Section 5.2; Figure 2, Followers",
)
def a_deposed_leader_can_run_again(bench: Bench) -> None:
    """A leader is deposed by a successor that is never heard again."""
    bench.begin(log="3 set x 1")
    bench.win_election()
    bench.call("jerry", 5)
    deposed = bench.arrival()
    mark, waits = bench.mark(), "jerry deposed tom and fell silent: within 18 s tom's election timer should run out"
    bench.run(19)
    bench.require(bench.sent("RequestVote", since=mark), f"{waits}, and tom should ask for votes; it does not", deposed)


@rule(
    "A leader that is refused leaves it at that: it neither goes back an entry nor calls again before its next heartbeat.",
    "Raft 11, first commit; until step 9, only a successor's call deposes a leader",
)
def a_refusal_is_left_at_that(bench: Bench) -> None:
    """The leader of term 4, which has a successor that it does not know of, hears that its call is refused."""
    bench.begin(log="3 set x 1; 3 set y 2")
    bench.win_election()
    bench.run(2)
    sent = bench.send("jerry", "AppendEntriesRefused", term=7)
    bench.require(
        not sent,
        "tom leads in term 4, and jerry, who is in term 7, refuses its call: tom should send nothing in return, "
        f"but sends {sent[0]['type'] if sent else 'nothing'} at once",
        sent[0] if sent else None,
    )
