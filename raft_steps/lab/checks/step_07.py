"""The checks of step 7: the leader, and nobody else, sends heartbeats."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raft_steps.lab.checks import step_06
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Ok
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds
from raft_steps.lab.trace.trace import Event


@rule(
    "A new leader calls every other server at once, so that nobody else runs.",
    "Section 5.2; Figure 2, Leaders: upon election",
)
def a_new_leader_calls_at_once(bench: Bench) -> None:
    """A candidate has every vote."""
    bench.begin()
    bench.win_election()
    won = election_won(bench)
    for peer in other_servers(bench):
        calls = [call for call in bench.sent("AppendEntries", to=peer) if call.time_us == won.time_us]
        situation = f"tom wins its election at {format_seconds(won.time_us)} s and should call {peer} at once"
        bench.require(calls, f"{situation}; it does not", won)
        bench.require(len(calls) == 1, f"{situation}, and once; it calls {len(calls)} times", calls[-1])


@rule(
    "A leader calls every other server again after each heartbeat interval, whether there is news or not.",
    'Section 5.2: periodic heartbeats; Raft 11: "I start that up when the server becomes the leader"',
)
def a_leader_calls_every_interval(bench: Bench) -> None:
    """A leader is left alone for 16 seconds."""
    bench.begin()
    bench.win_election()
    bench.run(16)
    require_heartbeats(bench, f"tom leads since {format_seconds(election_won(bench).time_us)} s")


@rule(
    "A leader that is deposed sends no heartbeat any more, in whatever term.",
    'Raft 11: "if it was previously sending heartbeats, it now needs to stop"',
)
def a_deposed_leader_falls_silent(bench: Bench) -> None:
    """The leader of term 4 hears calls of term 5; another time, calls of term 4."""
    for term in (5, 4):
        bench.begin(log="3 set x 1")
        bench.win_election()
        bench.run(2)
        with cancelled_timers(bench) as cancelled:
            bench.call("jerry", term)
        mark, situation = bench.mark(), f"tom led in term 4 until jerry's call of term {term}"
        for _ in range(3):
            bench.call_repeatedly("jerry", term, times=1)
            for call in bench.sent("AppendEntries", since=mark):
                at = f"but at {format_seconds(call.time_us)} s it still does{misspelled_timer_hint(bench, cancelled)}"
                bench.fail(f"{situation}: it should send no heartbeat any more, {at}", call)


@contextlib.contextmanager
def cancelled_timers(bench: Bench) -> Iterator[list[str]]:
    """List the timers that the server under test cancels in this block, also those that do not run."""
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
    """Say which of the timers that were cancelled nobody ever started: a slip of the pen; nothing if there is none."""
    started = {event["timer"] for event in bench.events("timer_started")}
    unknown = [name for name in cancelled if name not in started]
    return (
        f": it cancelled a timer {unknown[0]!r} that nobody ever started; the timers are {' and '.join(sorted(started))}"
        if unknown
        else ""
    )


@rule(
    "A call of an older term stops no heartbeats: whoever refuses it goes on leading.",
    'Raft 11: the heartbeat timer is cancelled "in the event of an up-to-date append_entries call"',
)
def a_refused_call_stops_no_heartbeat(bench: Bench) -> None:
    """The leader of term 4 hears a call of term 3."""
    bench.begin(log="3 set x 1")
    bench.win_election()
    bench.run(2)
    bench.call("jerry", 3)
    bench.run(9)
    since = format_seconds(election_won(bench).time_us)
    require_heartbeats(bench, f"tom leads in term 4 since {since} s and refuses a call of term 3: its heartbeats go on")


@rule(
    "A server that is elected again sends heartbeats again, each of them once.",
    'Raft 11: "I start that up when the server becomes the leader"',
)
def a_leader_elected_again_calls_again(bench: Bench) -> None:
    """A leader is deposed by a successor that falls silent, and is elected for the second time."""
    bench.begin(log="3 set x 1")
    bench.win_election()
    bench.call("jerry", 5)
    bench.require(
        "election" in bench.fields()["timers"],
        "tom was deposed by jerry's call of term 5 and should start its election timer, so that it can be elected again; "
        "no election timer runs, so it never is, and its heartbeats cannot be looked at",
        bench.arrival(),
    )
    bench.require(
        not bench.field("is_leader"),
        "tom was deposed by jerry's call of term 5 and should lead no more; is_leader is still True",
        bench.arrival(),
    )
    bench.win_election()
    bench.run(11)
    require_heartbeats(bench, f"tom leads for the second time since {format_seconds(election_won(bench).time_us)} s")


@rule(
    "A server that does not lead sends no heartbeat, be it a follower or a candidate.",
    'Raft 11: "only the leader should send heartbeats"',
)
def who_does_not_lead_never_calls(bench: Bench) -> None:
    """A server follows for a while, and then runs for leader in vain."""
    bench.begin()
    for last in range(3):
        bench.call_repeatedly("jerry", term=1, times=1)
        if last == 2:
            bench.run(20)
        for call in bench.sent("AppendEntries"):
            at = f"but at {format_seconds(call.time_us)} s it does"
            bench.fail(f"tom was never elected and should send no heartbeat, {at}", call)


@rule(
    "A leader does not run for leader: its election timer stands still.",
    "Section 5.2: elections are for followers that hear no leader, and candidates; Figure 2, Rules for Servers",
)
def a_leader_does_not_run(bench: Bench) -> None:
    """A leader is left alone for 40 seconds."""
    bench.begin()
    bench.win_election()
    won = election_won(bench)
    bench.run(40)
    runs = bench.sent("RequestVote", since=won.number)
    bench.require(
        not runs,
        f"tom leads since {format_seconds(won.time_us)} s, so its election timer should be cancelled; "
        "but the timer runs out, and tom runs against itself",
        runs[0] if runs else None,
    )


@rule(
    "A new leader's state is the sum of its whole log, also of entries that it only stored as a follower.",
    'Raft 11, the test list: "Ensure that its state matches the totality of its current logs"',
)
def a_new_leader_knows_its_whole_log(bench: Bench) -> None:
    """A follower stores an entry that nobody tells it to carry out, and is elected."""
    bench.begin()
    bench.call("jerry", 1, entries="1 set x 1")
    bench.win_election()
    answer = bench.answer(bench.ask("get x"))
    heard = repr(answer.value) if isinstance(answer, Ok) else type(answer).__name__
    bench.require(
        heard == "'1'",
        f"tom was elected with '1 set x 1' in its log: a client that gets x should hear '1', but hears {heard}",
    )


@rule(
    "All else about a change of role is as before: winning and following end a candidacy, and who is deposed can run again.",
    "Section 5.2; Raft 11, first commit",
)
def changing_roles_is_otherwise_as_before(bench: Bench) -> None:
    """A candidate wins; and then the checks of step 6 about followers."""
    bench.begin()
    bench.win_election()
    bench.require(
        not getattr(bench.node, "is_candidate", False),
        "tom has won its election and leads: its candidacy is over, but is_candidate is still True",
        election_won(bench),
    )
    step_06.a_candidate_follows_the_leader_of_its_term.run(bench)
    step_06.a_term_at_least_as_new_deposes_a_leader.run(bench)
    step_06.a_deposed_leader_can_run_again.run(bench)
    step_06.require_vote_left(bench)


def other_servers(bench: Bench) -> tuple[str, ...]:
    """Name the servers beside the one under test."""
    return bench.simulation.scenario.servers[1:]


def election_won(bench: Bench) -> Event:
    """Give the event by which the server under test last became leader."""
    return [event for event in bench.events("role") if event["role"] == "leader"][-1]


def require_heartbeats(bench: Bench, situation: str) -> None:
    """Fail unless, since it was last elected, the server calls everyone at once and then once per interval."""
    won, now = election_won(bench), bench.simulation.now_us
    wanted = list(range(won.time_us, now + 1, round(bench.field("heartbeat_interval") * MICROSECONDS)))
    for peer in other_servers(bench):
        calls = bench.sent("AppendEntries", since=won.number, to=peer)
        times = [call.time_us for call in calls]
        wrong = [call for call, time in zip(calls, [*wanted, *[-1] * len(calls)], strict=False) if call.time_us != time]
        bench.require(
            times == wanted,
            f"{situation}. Until {format_seconds(now)} s it should call {peer} at {times_text(wanted)}, "
            f"but does so {'at ' + times_text(times) if times else 'never'}",
            wrong[0] if wrong else None,
        )


def times_text(times: list[int]) -> str:
    """Spell some times: ``8, 13 and 18 s``."""
    *most, last = [format_seconds(time) for time in times]
    return f"{', '.join(most)} and {last} s" if most else f"{last} s"
