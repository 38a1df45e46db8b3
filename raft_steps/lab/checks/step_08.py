"""The checks of step 8: a new random timeout for every election, and no candidate attribute."""

from __future__ import annotations

from raft_steps.lab.checks import step_06, step_07
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import TIMEOUTS_S, wait_s_of
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.trace.trace import Event

ONE_VOTE_PER_TERM = 9  # the step from which a server votes again in a newer term


@rule(
    "A candidate restarts its election timer when its election begins: if the election comes to nothing, it runs again.",
    'Section 5.2: it "waits for that timeout to elapse before starting the next election"',
)
def a_candidate_that_fails_runs_again(bench: Bench) -> None:
    """A candidate gets no answer, three times in a row."""
    bench.begin(draws=(8, 9, 10))
    for term in (1, 2, 3):
        run = bench.run_until_sent(
            "RequestVote",
            within_s=19,
            failure=f"tom hears from nobody and should run for leader of term {term} when its election timer runs out; "
            + ("it has no timer running since its last election began" if term > 1 else "it asks nobody for a vote"),
        )[0]
        asked = run["fields"].get("term")
        bench.require(
            asked == term,
            f"tom was in term {term - 1} and runs for leader: it should ask for votes in term {term}, not {asked}",
            run,
        )


@rule(
    "Each election begins with a new random timeout, and the election timer is restarted with that one.",
    'Section 5.2; Raft 11: "Reset the election timeouts at the start of every election"',
)
def each_election_has_a_timeout_of_its_own(bench: Bench) -> None:
    """A candidate that waited 8 s draws 13 s next, if it draws; it gets no answer, six times in a row."""
    draws = (8, 13, 10, 17, 9, 16, 12)
    elections = len(draws) - 1  # The first draw is for the time before them.
    bench.begin(draws=draws)
    for _ in range(elections):
        bench.run_until_sent("RequestVote", within_s=30)
    timers = [event for event in election_timers(bench) if event.time_us > 0]
    bench.require(timers, "tom runs for leader, but starts no election timer for the next election")
    first = timers[0]
    left = len(bench.node.random.scripted)
    waited, drew = wait_s_of(first), left < elections
    bench.require(
        not drew or waited != 8,
        "tom waited 8 s, runs for leader and draws a new timeout, but its election timer starts with the old 8 s: "
        "draw first, then start the timer with what was drawn",
        first,
    )
    bench.require(
        not drew or not left,
        f"tom has run for leader six times, and has drawn a new timeout in only {elections - left} of these elections: "
        "each election needs a new draw",
        timers[min(elections - left, len(timers) - 1)],
    )
    # A Node that draws in a way of its own may draw 8 s again, but not every time.
    bench.require(
        drew or any(wait_s_of(timer) != 8 for timer in timers),
        "tom waited 8 s, runs for leader, and waits the old 8 s again: each election needs a new draw",
        first,
    )


@rule(
    "An election timeout is a whole number of seconds from 8 to 18, both included.",
    'Raft 11: "some integer between 8 and 18 (inclusive)"',
)
def timeouts_are_from_8_to_18_seconds(bench: Bench) -> None:
    """A candidate gets no answer for 3,000 seconds, in which a right one waits each of the eleven times more than once."""
    bench.begin()
    bench.run(3000)
    timers = election_timers(bench)
    for timer in timers:
        wait = wait_s_of(timer)
        bench.require(
            wait in TIMEOUTS_S,
            f"tom starts its election timer with {wait:g} s; a timeout is a whole number of seconds from 8 to 18",
            timer,
        )
    waits = {wait_s_of(timer) for timer in timers}
    never = ", ".join(str(wait) for wait in TIMEOUTS_S if wait not in waits)
    if never and len(waits) > 1:
        bench.forget()  # No picture: what is missing cannot be seen.
        bench.fail(f"tom has waited {len(timers)} times for a leader, but never for {never} s: each should come up")


@rule(
    "Timeouts come from the node's own chance, self.random, so that the same seed gives the same run.",
    "this course: a Node reads no other chance and no clock, or no failure could be shown twice",
)
def timeouts_come_from_self_random(bench: Bench) -> None:
    """The same 150 seconds are run twice."""
    runs = []
    for _ in range(2):
        bench.begin()
        bench.run(150)
        runs.append([wait_s_of(timer) for timer in election_timers(bench)])
    if runs[0] != runs[1]:
        bench.forget()  # No picture: it would be another one each time.
        bench.fail(
            "tom ran twice with the same seed and waited for different times: "
            "draw with self.random, which is the node's own, not with Python's module random"
        )


@rule(
    "Two servers with the same timeout split the vote, and wait differently long after that: one of them leads.",
    'Section 5.2; Raft 11: "if their timeouts are the same, this could happen indefinitely"',
)
def a_split_vote_comes_to_an_end(bench: Bench) -> None:
    """One server of three is down; the others both wait 11 s."""
    cluster = bench.cluster(3, draws={"jerry": [11], "spike": [11]}, later=["tom"])
    cluster.run(60, until=lambda: cluster.leader is not None)
    if cluster.leader is None:
        runs = [event for event in cluster.trace.of("sent") if event["type"] == "RequestVote"]
        jerry, spike = ({run.time_us: run for run in runs if run.server == name} for name in ("jerry", "spike"))
        splits = [run for time, run in jerry.items() if time in spike]
        own = [name for name in ("jerry", "spike") if getattr(cluster.node(name), "voted_for", None) == name]
        bench.fail(
            "tom is down, and jerry and spike wait equally long and split the vote. After 60 s one of them should lead, but "
            + (f"they run at the same moment {len(splits)} times" if len(splits) > 1 else "nobody wins an election")
            + (
                f"; {own[0]}'s voted_for is {own[0]!r}: a vote for oneself leaves voted_for alone until step 9, "
                "for until then a server that has voted_for never votes again"
                if own and bench.step < ONE_VOTE_PER_TERM
                else ""
            ),
            splits[1] if len(splits) > 1 else None,
        )


@rule(
    "A server is a leader or a follower, and it says that it runs by asking for votes: there is no is_candidate.",
    'Raft 11: "I also removed the candidate attribute"',
)
def there_is_no_candidate_attribute(bench: Bench) -> None:
    """A server runs for leader."""
    bench.begin()
    bench.run_until_sent("RequestVote")
    has_it = hasattr(bench.node, "is_candidate")
    bench.forget()  # A picture cannot show this.
    bench.require(
        not has_it,
        "tom still has is_candidate, which nothing reads: take it away with is_candidate = removed('why'), "
        "and write the methods that set it without it",
    )


@rule(
    "An election is what it was: one term later, with a vote for oneself, and everyone is asked; who is alone leads at once.",
    "Section 5.2; Figure 2, Candidates",
)
def an_election_is_otherwise_as_before(bench: Bench) -> None:
    """One of five servers runs for leader of term 4, and two vote for it."""
    bench.begin(5, log="3 set x 1")
    runs = bench.run_until_sent("RequestVote")
    asked = [(run["to"], run["fields"].get("term")) for run in runs]
    bench.require(
        sorted(asked, key=str) == sorted(((peer, 4) for peer in step_07.other_servers(bench)), key=str),
        "tom was in term 3 and should ask each of the four others once for its vote in term 4; "
        f"it asks {', '.join(f'{to} in term {term}' for to, term in asked)}",
        runs[0],
    )
    for voters, peer in ((1, "jerry"), (2, "spike")):
        bench.send(peer, "RequestVoteReply", vote_granted=True)
        leads = bench.field("is_leader")
        bench.require(
            leads == (voters == 2),
            f"tom runs in a cluster of five. With its own vote it has {voters + 1}: "
            + ("it should lead now, but does not" if voters == 2 else "that is no majority, but it leads"),
            bench.arrival(),
        )
    bench.begin(log="3 set x 1")
    bench.send("jerry", "RequestVote", term=4)
    bench.run_until_sent("RequestVote", within_s=19)
    bench.require(
        getattr(bench.node, "voted_for", "jerry") is not None,
        "tom voted for jerry, and runs for leader later: its voted_for is None now, so it would vote a second time; "
        "an election leaves voted_for alone until step 9",
    )
    bench.begin(1)
    bench.run(19)
    bench.require(
        bench.field("is_leader"), "tom is alone in its cluster: its own vote is a majority, but it does not lead"
    )


@rule(
    "Becoming leader is what it was: heartbeats at once and at every interval, no election timer, all of the log at hand.",
    "Section 5.2; Raft 11, first commit",
)
def becoming_leader_is_as_before(bench: Bench) -> None:
    """The checks of step 7 about leaders."""
    step_07.a_leader_calls_every_interval.run(bench)
    step_07.a_leader_does_not_run.run(bench)
    step_07.a_new_leader_knows_its_whole_log.run(bench)


@rule(
    "Stepping down is what it was: no heartbeat any more, and a full timeout of waiting for the successor.",
    "Section 5.2; Raft 11, first commit",
)
def stepping_down_is_as_before(bench: Bench) -> None:
    """The checks of steps 6 and 7 about deposed leaders."""
    step_06.a_term_at_least_as_new_deposes_a_leader.run(bench)
    step_06.a_deposed_leader_can_run_again.run(bench)
    step_06.require_vote_left(bench)
    step_07.a_deposed_leader_falls_silent.run(bench)


def election_timers(bench: Bench) -> list[Event]:
    """Give the starts of the election timer that count: the last one at each time."""
    starts = {event.time_us: event for event in bench.events("timer_started") if event["timer"] == "election"}
    return list(starts.values())
