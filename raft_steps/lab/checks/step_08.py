"""The checks of step 8: a new random timeout for every election, and no candidate attribute."""

from __future__ import annotations

from raft_steps.lab.checks import step_06, step_07
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.election_timers import wait_s_of
from raft_steps.lab.checks.elections import TIMEOUTS_S
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.trace.trace import Event

ONE_VOTE_PER_TERM = 9  # the step from which a server votes again in a newer term


@rule(
    "A candidate restarts its election timer when its election begins: if the election fails, it starts the next one.",
    'Section 5.2: it "waits for that timeout to elapse before starting the next election"',
)
def a_failed_candidate_runs_again(bench: Bench) -> None:
    """A candidate gets no reply, three times in a row."""
    bench.begin(draws=(8, 9, 10))
    for term in (1, 2, 3):
        request = bench.run_until_sent(
            "RequestVote",
            within_s=19,
            failure=f"tom receives no message and should start an election in term {term} when its election timer "
            + ("expires; the timer is off since its last election began" if term > 1 else "expires; it does not"),
        )[0]
        asked = request["fields"].get("term")
        bench.require(
            asked == term,
            f"tom was in term {term - 1} and starts an election: it should ask for votes in term {term}, "
            f"not {bench.term_text(asked)}",
            request,
        )


@rule(
    "Each election begins with a new random timeout, and the election timer is restarted with that one.",
    'Section 5.2; Raft 11: "Reset the election timeouts at the start of every election"',
)
def each_election_has_its_own_timeout(bench: Bench) -> None:
    """A candidate that waited 8 s should draw 13 s next; it gets no reply, six times in a row."""
    draws = (8, 13, 10, 17, 9, 16, 12)
    elections = len(draws) - 1  # The first draw is the follower's.
    bench.begin(draws=draws)
    for _ in range(elections):
        bench.run_until_sent(
            "RequestVote",
            within_s=30,
            failure="tom receives no message, so its election timer should expire and tom should send RequestVote within 30 s; "
            "it sends none",
        )
    timers = [event for event in election_timers(bench) if event.time_us > 0]
    bench.require(timers, "tom starts an election, but no election timer for the next one")
    first = timers[0]
    left = len(bench.node.random.scripted)  # the prescribed draws that the Node has not used
    wait_s, drew = wait_s_of(first), left < elections
    bench.require(
        not drew or wait_s != 8,
        "tom waited 8 s, starts an election and draws a new timeout, but starts its election timer with the old 8 s: "
        "draw first, then start the timer with the new timeout",
        first,
    )
    bench.require(
        not drew or not left,
        f"tom has started six elections, but has drawn a new timeout in only {elections - left} of them: "
        "each election needs a new draw",
        timers[min(elections - left, len(timers) - 1)],
    )
    # A Node that draws in another way than with self.random may get 8 s again, but not every time.
    bench.require(
        drew or any(wait_s_of(timer) != 8 for timer in timers),
        "tom waited 8 s, starts an election, and waits the old 8 s again: each election needs a new draw",
        first,
    )


@rule(
    "An election timeout is a whole number of seconds from 8 to 18, both included.",
    'Raft 11: "some integer between 8 and 18 (inclusive)"',
)
def timeouts_are_from_8_to_18_seconds(bench: Bench) -> None:
    """A candidate gets no reply for 3,000 seconds; a correct one draws each of the eleven timeouts many times."""
    bench.begin()
    bench.run(3000)
    timers = election_timers(bench)
    for timer in timers:
        wait_s = wait_s_of(timer)
        bench.require(
            wait_s in TIMEOUTS_S,
            f"tom starts its election timer with {wait_s:g} s; a timeout is a whole number of seconds from 8 to 18",
            timer,
        )
    drawn = {wait_s_of(timer) for timer in timers}
    never = ", ".join(str(timeout_s) for timeout_s in TIMEOUTS_S if timeout_s not in drawn)
    if never and len(drawn) > 1:  # Another check explains a Node that never draws again.
        bench.forget()  # No picture: it cannot show what is missing.
        bench.fail(f"tom has drawn {len(timers)} timeouts, but never {never} s: each should occur")


@rule(
    "Timeouts are drawn with the node's own generator, self.random, so that the same seed gives the same run.",
    "this course: a Node uses no other random numbers and no clock, so that a failure can be reproduced",
)
def timeouts_come_from_self_random(bench: Bench) -> None:
    """The same 150 seconds run twice."""
    runs = []
    for _ in range(2):
        bench.begin()
        bench.run(150)
        runs.append([wait_s_of(timer) for timer in election_timers(bench)])
    if runs[0] != runs[1]:
        bench.forget()  # No picture: it would differ each time.
        bench.fail(
            "tom ran twice with the same seed, but with different timeouts: "
            "draw with self.random, the node's own generator, not with Python's module random"
        )


@rule(
    "Two servers with the same timeout split the vote; their next timeouts differ, and one of them wins.",
    'Section 5.2; Raft 11: "if their timeouts are the same, this could happen indefinitely"',
)
def a_split_vote_is_resolved(bench: Bench) -> None:
    """One server of three is down; both others have a timeout of 11 s."""
    cluster = bench.cluster(3, draws={"jerry": [11], "spike": [11]}, later=["tom"])
    cluster.run(60, until=lambda: cluster.leader is not None)
    if cluster.leader is None:
        requests = [event for event in cluster.events("sent") if event["type"] == "RequestVote"]
        jerry, spike = ({each.time_us: each for each in requests if each.server == name} for name in ("jerry", "spike"))
        splits = [request for time_us, request in jerry.items() if time_us in spike]
        own = [name for name in ("jerry", "spike") if cluster.field(name, "voted_for", None) == name]
        bench.fail(
            "tom is down; jerry and spike have the same timeout and split the vote. After 60 s one of them should lead, but "
            + (
                f"they start elections at the same time {len(splits)} times"
                if len(splits) > 1
                else "neither wins an election"
            )
            + (
                f"; {own[0]}'s voted_for is {own[0]!r}: until step 9 a candidate's vote for itself does not set "
                "voted_for, because a server that has set it never votes again"
                if own and bench.step < ONE_VOTE_PER_TERM
                else ""
            ),
            splits[1] if len(splits) > 1 else None,
        )


@rule(
    "A server is a leader or it is not; a candidate differs from a follower only by its RequestVote: there is no "
    "is_candidate.",
    'Raft 11: "I also removed the candidate attribute"',
)
def there_is_no_candidate_attribute(bench: Bench) -> None:
    """A server starts an election."""
    bench.begin()
    bench.run_until_sent("RequestVote")
    has_it = hasattr(bench.node, "is_candidate")
    bench.forget()  # A picture cannot show this.
    bench.require(
        not has_it,
        "tom still has is_candidate, which nothing reads: remove it with is_candidate = removed('why'), "
        "and rewrite the methods that set it",
    )


@rule(
    "An election is otherwise as before: the next term, a vote for itself, a request to every peer; a single server leads "
    "at once.",
    "Section 5.2; Figure 2, Candidates",
)
def an_election_is_otherwise_as_before(bench: Bench) -> None:
    """One of five servers starts an election in term 4, and two vote for it."""
    bench.begin(5, log="3 set x 1")
    requests = bench.run_until_sent("RequestVote")
    asked = [(request["to"], request["fields"].get("term")) for request in requests]
    bench.require(
        sorted(asked, key=str) == sorted(((peer, 4) for peer in step_07.other_servers(bench)), key=str),
        "tom was in term 3 and should ask each of its four peers once for its vote in term 4; "
        f"it asks {', '.join(f'{to} in term {term}' for to, term in asked)}",
        requests[0],
    )
    for voters, peer in ((1, "jerry"), (2, "spike")):
        bench.send(peer, "RequestVoteReply", vote_granted=True)
        leads = bench.field("is_leader")
        bench.require(
            leads == (voters == 2),
            f"tom is a candidate in a cluster of five and has {voters + 1} votes, its own included: "
            + ("it should lead now, but does not" if voters == 2 else "that is not a majority, but it leads"),
            bench.arrival(),
        )
    bench.begin(log="3 set x 1")
    bench.send("jerry", "RequestVote", term=4)
    bench.run_until_sent("RequestVote", within_s=19)
    bench.require(
        bench.field("voted_for", "jerry") is not None,
        "tom voted for jerry, and starts an election later: its voted_for is None now, so it would vote a second time; "
        "until step 9 an election does not change voted_for",
    )
    bench.send("jerry", "RequestVoteReply", vote_granted=True)
    bench.require(
        bench.field("is_leader"),
        "tom voted for jerry, started an election later, and gets jerry's vote: with its own it has two votes of three "
        "and should lead, but does not",
        bench.arrival(),
    )
    bench.begin(1)
    bench.run(19)
    bench.require(bench.field("is_leader"), "tom is the only server: its own vote is a majority, but it does not lead")


@rule(
    "Becoming leader is as before: heartbeats at once and at every interval, no election timer, and the whole log applied.",
    "Section 5.2; Raft 11, first commit",
)
def becoming_leader_is_as_before(bench: Bench) -> None:
    """The checks of step 7 about leaders run again."""
    step_07.a_leader_sends_heartbeats_every_interval.run(bench)
    step_07.a_leader_does_not_start_an_election.run(bench)
    step_07.a_new_leader_has_applied_its_whole_log.run(bench)


@rule(
    "Stepping down is as before: no more heartbeats, and a full election timeout for the successor.",
    "Section 5.2; Raft 11, first commit",
)
def stepping_down_is_as_before(bench: Bench) -> None:
    """The checks of steps 6 and 7 about deposed leaders and followers run again."""
    step_06.a_term_at_least_as_new_deposes_a_leader.run(bench)
    step_06.a_deposed_leader_can_run_again.run(bench)
    step_06.require_vote_kept(bench)
    step_07.a_deposed_leader_stops_its_heartbeats.run(bench)
    step_07.a_reelected_leader_sends_heartbeats_again.run(bench)
    step_07.only_a_leader_sends_heartbeats.run(bench)


def election_timers(bench: Bench) -> list[Event]:
    """Return the `timer_started` events of the election timer; if several have the same time, only the last one."""
    starts = {event.time_us: event for event in bench.events("timer_started") if event["timer"] == "election"}
    return list(starts.values())
