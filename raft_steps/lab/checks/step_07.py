"""The checks of step 7: a leader sends heartbeats for as long as it leads, and no other server does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raft_steps.lab.checks import step_06
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import win_election
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Ok
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds
from raft_steps.lab.trace.trace import Event


@rule(
    "A new leader sends a heartbeat to every other server at once, to prevent new elections.",
    "Section 5.2; Figure 2, Leaders: upon election",
)
def a_new_leader_sends_heartbeats_at_once(bench: Bench) -> None:
    """A candidate gets every vote."""
    bench.begin()
    win_election(bench)
    won = election_won(bench)
    for peer in other_servers(bench):
        calls = [call for call in bench.sent("AppendEntries", to=peer) if call.time_us == won.time_us]
        story = f"tom wins its election at {format_seconds(won.time_us)} s and should call {peer} at once"
        bench.require(calls, f"{story}; it does not", won)
        bench.require(len(calls) == 1, f"{story}, and once; it calls {len(calls)} times", calls[-1])


@rule(
    "A leader sends a heartbeat to every other server after each heartbeat interval, even without new entries.",
    'Section 5.2: periodic heartbeats; Raft 11: "I start that up when the server becomes the leader"',
)
def a_leader_sends_heartbeats_every_interval(bench: Bench) -> None:
    """A leader runs undisturbed for 16 seconds."""
    bench.begin()
    win_election(bench)
    bench.run(16)
    require_heartbeats(bench, f"tom has led since {format_seconds(election_won(bench).time_us)} s")


@rule(
    "A deposed leader stops sending heartbeats, in any term.",
    'Raft 11: "if it was previously sending heartbeats, it now needs to stop"',
)
def a_deposed_leader_stops_its_heartbeats(bench: Bench) -> None:
    """The leader of term 4 receives calls of term 5; in another run, calls of term 4."""
    for term in (5, 4):
        bench.begin(log="3 set x 1")
        win_election(bench)
        bench.run(2)
        with cancelled_timers(bench) as cancelled:
            bench.call("jerry", term)
        mark, story = bench.mark(), f"tom led in term 4 until jerry's call of term {term}"
        for _ in range(3):
            bench.call_repeatedly("jerry", term, times=1)
            for call in bench.sent("AppendEntries", since=mark):
                at = f"but at {format_seconds(call.time_us)} s it sends one{misspelled_timer_hint(bench, cancelled)}"
                bench.fail(f"{story}: it should send no more heartbeats, {at}", call)


@contextlib.contextmanager
def cancelled_timers(bench: Bench) -> Iterator[list[str]]:
    """Collect the names of the timers that the server under test cancels in this block, including those that are off."""
    node, cancel = bench.node, bench.node.cancel_timer
    names: list[str] = []

    def record(*words: str, **named: str) -> None:
        cancel(*words, **named)
        names.extend(words or named.values())

    node.cancel_timer = record
    try:
        yield names
    finally:
        del node.cancel_timer


def misspelled_timer_hint(bench: Bench, cancelled: list[str]) -> str:
    """Return a hint if one of the cancelled timers was never started, so its name is probably misspelled."""
    started = {event["timer"] for event in bench.events("timer_started")}
    unknown = [name for name in cancelled if name not in started]
    return (
        f": it cancelled a timer {unknown[0]!r}, which was never started; the timers are {' and '.join(sorted(started))}"
        if unknown
        else ""
    )


@rule(
    "A call of an older term does not stop the heartbeats: a leader that refuses it keeps leading.",
    'Raft 11: the heartbeat timer is cancelled "in the event of an up-to-date append_entries call"',
)
def a_refused_call_does_not_stop_the_heartbeats(bench: Bench) -> None:
    """The leader of term 4 receives a call of term 3."""
    bench.begin(log="3 set x 1")
    win_election(bench)
    bench.run(2)
    bench.call("jerry", 3)
    bench.run(9)
    since = format_seconds(election_won(bench).time_us)
    require_heartbeats(bench, f"tom has led in term 4 since {since} s and refuses a call of term 3")


@rule(
    "A server that is elected again sends heartbeats again, each of them once.",
    'Raft 11: "I start that up when the server becomes the leader"',
)
def a_reelected_leader_sends_heartbeats_again(bench: Bench) -> None:
    """A leader is deposed by a successor that goes silent, and is elected for the second time."""
    bench.begin(log="3 set x 1")
    win_election(bench)
    bench.call("jerry", 5)
    bench.require(
        "election" in bench.fields()["timers"],
        "tom was deposed by jerry's call of term 5 and should start its election timer, so that it can be elected again; "
        "the election timer is off, so this check cannot go on",
        bench.arrival(),
    )
    bench.require(
        not bench.field("is_leader"),
        "tom was deposed by jerry's call of term 5 and should no longer lead; is_leader is still True",
        bench.arrival(),
    )
    win_election(bench)
    bench.run(11)
    since = format_seconds(election_won(bench).time_us)
    require_heartbeats(bench, f"tom has led for the second time since {since} s")


@rule(
    "Neither a follower nor a candidate sends heartbeats.",
    'Raft 11: "only the leader should send heartbeats"',
)
def only_a_leader_sends_heartbeats(bench: Bench) -> None:
    """A server is a follower for a while, and then a candidate that gets no vote."""
    bench.begin()
    for number in range(3):
        bench.call_repeatedly("jerry", term=1, times=1)
        if number == 2:
            bench.run(20)  # Longer than any election timeout.
        for call in bench.sent("AppendEntries"):
            at_s = format_seconds(call.time_us)
            bench.fail(f"tom was never elected and should send no heartbeat, but sends one at {at_s} s", call)


@rule(
    "A leader does not start an election: its election timer is off.",
    "Section 5.2: followers without a leader and candidates start elections; Figure 2, Rules for Servers",
)
def a_leader_does_not_start_an_election(bench: Bench) -> None:
    """A leader runs undisturbed for 40 seconds."""
    bench.begin()
    win_election(bench)
    won = election_won(bench)
    bench.run(40)
    requests = bench.sent("RequestVote", since=won.number)
    bench.require(
        not requests,
        f"tom has led since {format_seconds(won.time_us)} s, so its election timer should be cancelled; "
        "but the timer expires, and tom starts an election",
        requests[0] if requests else None,
    )


@rule(
    "A new leader's state is the result of its whole log, including entries that it only stored as a follower.",
    'Raft 11, the test list: "Ensure that its state matches the totality of its current logs"',
)
def a_new_leader_has_applied_its_whole_log(bench: Bench) -> None:
    """A follower stores an entry without a message that commits it, and is elected."""
    bench.begin()
    bench.call("jerry", 1, entries="1 set x 1")
    win_election(bench)
    answer = bench.answer(bench.ask("get x"))
    found = repr(answer.value) if isinstance(answer, Ok) else type(answer).__name__
    bench.require(
        found == "'1'",
        f"tom was elected with '1 set x 1' in its log: a client that reads x should get '1', but gets {found}",
    )


@rule(
    "Changes of role are otherwise as before: winning and following end a candidacy, and a deposed leader can run again.",
    "Section 5.2; Raft 11, first commit",
)
def role_changes_are_otherwise_as_before(bench: Bench) -> None:
    """A candidate wins; then the checks of step 6 about followers run again."""
    bench.begin()
    win_election(bench)
    bench.require(
        not bench.field("is_candidate", False),
        "tom has won its election and leads: it is no longer a candidate, but is_candidate is still True",
        election_won(bench),
    )
    step_06.a_candidate_follows_the_leader_of_its_term.run(bench)
    step_06.a_term_at_least_as_new_deposes_a_leader.run(bench)
    step_06.a_deposed_leader_can_run_again.run(bench)
    step_06.require_vote_kept(bench)


def other_servers(bench: Bench) -> tuple[str, ...]:
    """Return the servers other than the one under test."""
    return bench.peers


def election_won(bench: Bench) -> Event:
    """Return the event at which the server under test last became leader."""
    return [event for event in bench.events("role") if event["role"] == "leader"][-1]


def require_heartbeats(bench: Bench, story: str) -> None:
    """Check that the server under test, once elected, calls every peer at once and then after each heartbeat interval.

    Raises:
        CheckFailed: It calls a peer at other times.
    """
    won, now_us = election_won(bench), bench.simulation.now_us
    wanted = list(range(won.time_us, now_us + 1, round(bench.field("heartbeat_interval") * MICROSECONDS)))
    for peer in other_servers(bench):
        calls = bench.sent("AppendEntries", since=won.number, to=peer)
        times = [call.time_us for call in calls]
        expected = [*wanted, *[-1] * len(calls)]  # Padded with a time that no call has: extra calls are wrong.
        wrong = [call for call, time_us in zip(calls, expected, strict=False) if call.time_us != time_us]
        bench.require(
            times == wanted,
            f"{story}. Until {format_seconds(now_us)} s it should call {peer} at {times_text(wanted)}, "
            f"but does so {'at ' + times_text(times) if times else 'never'}",
            wrong[0] if wrong else None,
        )


def times_text(times_us: list[int]) -> str:
    """Format at least one time: ``8, 13 and 18 s``."""
    *most, last = [format_seconds(time_us) for time_us in times_us]
    return f"{', '.join(most)} and {last} s" if most else f"{last} s"
