"""The checks of step 7: the leader, and nobody else, sends heartbeats."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from raft_steps.lab.checks import rule, step_06
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.commands import Ok
from raft_steps.lab.scenario.model import MICROSECONDS, format_seconds
from raft_steps.lab.trace.trace import Event


@rule(
    "A new leader calls every other server at once, so that nobody else runs.",
    "Section 5.2; Figure 2, Leaders: upon election",
)
def a_new_leader_calls_at_once(stage: Bench) -> None:
    """A candidate has every vote."""
    stage.begin()
    stage.win_election()
    won = election_won(stage)
    for peer in peers(stage):
        calls = [call for call in stage.sent("AppendEntries", to=peer) if call.time_us == won.time_us]
        situation = f"tom wins its election at {format_seconds(won.time_us)} s and should call {peer} at once"
        stage.require(calls, f"{situation}; it does not", won)
        stage.require(len(calls) == 1, f"{situation}, and once; it calls {len(calls)} times", calls[-1])


@rule(
    "A leader calls every other server again after each heartbeat interval, whether there is news or not.",
    'Section 5.2: periodic heartbeats; Raft 11: "I start that up when the server becomes the leader"',
)
def a_leader_calls_every_interval(stage: Bench) -> None:
    """A leader is left alone for 16 seconds."""
    stage.begin()
    stage.win_election()
    stage.run(16)
    require_heartbeats(stage, f"tom leads since {format_seconds(election_won(stage).time_us)} s")


@rule(
    "A leader that is deposed sends no heartbeat any more, in whatever term.",
    'Raft 11: "if it was previously sending heartbeats, it now needs to stop"',
)
def a_deposed_leader_falls_silent(stage: Bench) -> None:
    """The leader of term 4 hears calls of term 5; another time, calls of term 4."""
    for term in (5, 4):
        stage.begin(log="3 set x 1")
        stage.win_election()
        stage.run(2)
        with cancelled_timers(stage) as cancelled:
            stage.call("jerry", term)
        mark, situation = stage.mark(), f"tom led in term 4 until jerry's call of term {term}"
        for _ in range(3):
            stage.call_on("jerry", term, times=1)
            for call in stage.sent("AppendEntries", since=mark):
                at = f"but at {format_seconds(call.time_us)} s it still does{in_vain(stage, cancelled)}"
                stage.fail(f"{situation}: it should send no heartbeat any more, {at}", call)


@contextlib.contextmanager
def cancelled_timers(stage: Bench) -> Iterator[list[str]]:
    """List the timers that the server under test cancels in this block, also those that do not run."""
    node, cancel = stage.node, stage.node.cancel_timer
    names: list[str] = []

    def listen(*words: str, **named: str) -> None:
        cancel(*words, **named)
        names.extend(words or named.values())

    node.cancel_timer = listen
    try:
        yield names
    finally:
        del node.cancel_timer


def in_vain(stage: Bench, cancelled: list[str]) -> str:
    """Say which of the timers that were cancelled nobody ever started: a slip of the pen; nothing if there is none."""
    started = {event["timer"] for event in stage.events("timer_started")}
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
def a_refused_call_stops_no_heartbeat(stage: Bench) -> None:
    """The leader of term 4 hears a call of term 3."""
    stage.begin(log="3 set x 1")
    stage.win_election()
    stage.run(2)
    stage.call("jerry", 3)
    stage.run(9)
    since = format_seconds(election_won(stage).time_us)
    require_heartbeats(stage, f"tom leads in term 4 since {since} s and refuses a call of term 3: its heartbeats go on")


@rule(
    "A server that is elected again sends heartbeats again, each of them once.",
    'Raft 11: "I start that up when the server becomes the leader"',
)
def a_leader_elected_again_calls_again(stage: Bench) -> None:
    """A leader is deposed by a successor that falls silent, and is elected for the second time."""
    stage.begin(log="3 set x 1")
    stage.win_election()
    stage.call("jerry", 5)
    stage.require(
        "election" in stage.fields()["timers"],
        "tom was deposed by jerry's call of term 5 and should start its election timer, so that it can be elected again; "
        "no election timer runs, so it never is, and its heartbeats cannot be looked at",
        stage.arrival(),
    )
    stage.require(
        not stage.field("is_leader"),
        "tom was deposed by jerry's call of term 5 and should lead no more; is_leader is still True",
        stage.arrival(),
    )
    stage.win_election()
    stage.run(11)
    require_heartbeats(stage, f"tom leads for the second time since {format_seconds(election_won(stage).time_us)} s")


@rule(
    "A server that does not lead sends no heartbeat, be it a follower or a candidate.",
    'Raft 11: "only the leader should send heartbeats"',
)
def who_does_not_lead_never_calls(stage: Bench) -> None:
    """A server follows for a while, and then runs for leader in vain."""
    stage.begin()
    for last in range(3):
        stage.call_on("jerry", term=1, times=1)
        if last == 2:
            stage.run(20)
        for call in stage.sent("AppendEntries"):
            at = f"but at {format_seconds(call.time_us)} s it does"
            stage.fail(f"tom was never elected and should send no heartbeat, {at}", call)


@rule(
    "A leader does not run for leader: its election timer stands still.",
    "Section 5.2: elections are for followers that hear no leader, and candidates; Figure 2, Rules for Servers",
)
def a_leader_does_not_run(stage: Bench) -> None:
    """A leader is left alone for 40 seconds."""
    stage.begin()
    stage.win_election()
    won = election_won(stage)
    stage.run(40)
    runs = stage.sent("RequestVote", since=won.number)
    stage.require(
        not runs,
        f"tom leads since {format_seconds(won.time_us)} s, so its election timer should be cancelled; "
        "but the timer runs out, and tom runs against itself",
        runs[0] if runs else None,
    )


@rule(
    "A new leader's state is the sum of its whole log, also of entries that it only stored as a follower.",
    'Raft 11, the test list: "Ensure that its state matches the totality of its current logs"',
)
def a_new_leader_knows_its_whole_log(stage: Bench) -> None:
    """A follower stores an entry that nobody tells it to carry out, and is elected."""
    stage.begin()
    stage.call("jerry", 1, entries="1 set x 1")
    stage.win_election()
    answer = stage.answer(stage.ask("get x"))
    heard = repr(answer.value) if isinstance(answer, Ok) else type(answer).__name__
    stage.require(
        heard == "'1'",
        f"tom was elected with '1 set x 1' in its log: a client that gets x should hear '1', but hears {heard}",
    )


@rule(
    "All else about a change of role is as before: winning and following end a candidacy, and who is deposed can run again.",
    "Section 5.2; Raft 11, first commit",
)
def changing_roles_is_otherwise_as_before(stage: Bench) -> None:
    """A candidate wins; and then the checks of step 6 about followers."""
    stage.begin()
    stage.win_election()
    stage.require(
        not getattr(stage.node, "is_candidate", False),
        "tom has won its election and leads: its candidacy is over, but is_candidate is still True",
        election_won(stage),
    )
    step_06.a_candidate_follows_the_leader_of_its_term.run(stage)
    step_06.a_term_at_least_as_new_deposes_a_leader.run(stage)
    step_06.a_deposed_leader_can_run_again.run(stage)
    step_06.require_vote_left(stage)


def peers(stage: Bench) -> tuple[str, ...]:
    """Name the servers beside the one under test."""
    return stage.simulation.scenario.servers[1:]


def election_won(stage: Bench) -> Event:
    """Give the event by which the server under test last became leader."""
    return [event for event in stage.events("role") if event["role"] == "leader"][-1]


def require_heartbeats(stage: Bench, situation: str) -> None:
    """Fail unless, since it was last elected, the server calls everyone at once and then once per interval."""
    won, now = election_won(stage), stage.simulation.now_us
    wanted = list(range(won.time_us, now + 1, round(stage.field("heartbeat_interval") * MICROSECONDS)))
    for peer in peers(stage):
        calls = stage.sent("AppendEntries", since=won.number, to=peer)
        times = [call.time_us for call in calls]
        wrong = [call for call, time in zip(calls, [*wanted, *[-1] * len(calls)], strict=False) if call.time_us != time]
        stage.require(
            times == wanted,
            f"{situation}. Until {format_seconds(now)} s it should call {peer} at {several(wanted)}, "
            f"but does so {'at ' + several(times) if times else 'never'}",
            wrong[0] if wrong else None,
        )


def several(times: list[int]) -> str:
    """Spell some times: ``8, 13 and 18 s``."""
    *most, last = [format_seconds(time) for time in times]
    return f"{', '.join(most)} and {last} s" if most else f"{last} s"
