"""The checks of step 17: learners, joint configurations, which configuration is in force, and who leaves."""

from __future__ import annotations

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import await_election, require_leading, send_vote
from raft_steps.lab.checks.replication import acknowledge, call, elect, refuse, require_answer, require_not_sent
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.checks.snapshot_exchange import install, restart, snapshot_of, take_snapshot
from raft_steps.lab.commands import Refused

LEARNERS = "Section 6: new servers join as non-voting members, and the leader replicates the log to them"
JOINT = "Section 6: agreement requires separate majorities from both the old and the new configuration"
IN_FORCE = "Section 6: a server always uses the latest configuration in its log, whether it is committed or not"
LEAVES = "Section 6: the leader is not part of C_new: it does not count itself, and steps down once C_new is committed"
ONE = "Section 6: C_new follows once the joint configuration is committed; Ongaro's dissertation, Section 4.1"

THREE = ("tom", "jerry", "spike")
GROWN = "members tom,jerry,spike,tyke"
REPLACED = "members tom,tyke,butch"
WITHOUT_TOM = "members jerry,spike"
FROM_THREE = "from tom,jerry,spike"


@rule(
    "A server that is new gets the log first: no configuration is logged until it has all that is committed.",
    LEARNERS,
)
def new_servers_learn_first(bench: Bench) -> None:
    """Tom leads three servers; a client asks for a fourth, whose log turns out to be empty, and which catches up."""
    _lead(bench)
    mark, before = bench.mark(), bench.log()
    bench.ask(GROWN)
    bench.run(0.5)
    story = "tom leads jerry and spike, and a client asks it to add tyke"
    _require_calls(bench, "tyke", f"{story}; tom should call tyke at once", mark)
    mark = bench.mark()
    bench.run(5.2)
    _require_calls(
        bench, "tyke", f"{story}; tyke does not answer, so tom should call it again with its heartbeats", mark
    )
    _acknowledge(bench, "jerry", "spike")
    _require_log(bench, before, f"{story}, and tyke has not answered yet")
    for _ in range(5):
        index, _ = exchange.preceding_entry(bench.sent("AppendEntries", to="tyke")[-1])
        if index > 0:
            refuse(bench, "tyke", index)
    bench.require(
        index == 0,
        f"{story}, and tyke has no entry at all; tom should find that out, but still calls it after entry {index}",
        bench.arrival(),
    )
    exchange.send(bench, "tyke", "AppendEntriesReply", success=True, prev_log_index=0, match_index=0)
    _require_log(bench, before, f"{story}, and tyke has no entry yet")
    bench.ask("set x 2")
    mark = bench.mark()
    _acknowledge(bench, "tyke")
    story += "; tyke has everything now"
    _require_last(bench, f"{GROWN} {FROM_THREE}", story)
    bench.run(0)
    for peer in ("jerry", "spike", "tyke"):
        _require_calls(bench, peer, f"{story}; tom should send {peer} the configuration at once", mark)


@rule("A leader that is deposed drops a change that it has not logged.", LEARNERS)
def a_deposed_leader_drops_its_change(bench: Bench) -> None:
    """Tom is asked to add tyke, which does not answer; jerry leads for a while, and then tom again."""
    _lead(bench)
    bench.ask(GROWN)
    term = bench.field("current_term")
    call(bench, "jerry", term + 1, (2, term), f"{term + 1} set x 2", commit=2)
    story = "tom leads, and a client asks it to add tyke, which does not answer; jerry leads next, and then tom again"
    await_election(bench, story)
    for voter in ("jerry", "spike"):
        if not bench.field("is_leader"):
            send_vote(bench, voter)
    bench.run(0.5)
    before = bench.log()
    _acknowledge(bench, "jerry", "spike")
    _require_log(bench, before, f"{story}; tom's own entry is committed, and tyke has still not answered")


@rule(
    "A joint configuration decides with a majority of the old voters and one of the new voters.",
    JOINT,
)
def a_joint_configuration_needs_both_majorities(bench: Bench) -> None:
    """Two of three servers are exchanged; the joint configuration reaches one side first, then the other side."""
    for first, last in ((("jerry", "spike"), "tyke"), (("tyke", "butch"), "spike")):
        _ask_for_others(bench)
        story = f"tom has logged {REPLACED} {FROM_THREE}, and {' and '.join(first)} have it"
        _acknowledge(bench, *first)
        _require_last(bench, f"{REPLACED} {FROM_THREE}", f"{story}, but no majority of the others")
        _acknowledge(bench, last)
        _require_last(bench, REPLACED, f"{story}; now {last} has it, too")


@rule(
    "In a joint configuration, a candidate needs both majorities as well.",
    JOINT,
)
def a_joint_configuration_elects_with_both_majorities(bench: Bench) -> None:
    """Tom follows jerry, gets a joint configuration, and is elected by one side first, then by the other one, too."""
    for first, last in ((("jerry", "spike"), "tyke"), (("tyke", "butch"), "jerry")):
        _follow(bench, f"1 {REPLACED} {FROM_THREE}")
        story = f"the last entry of tom's log is {REPLACED} {FROM_THREE}"
        asked = {event["to"] for event in await_election(bench, story)}
        bench.require(
            asked == {"jerry", "spike", "tyke", "butch"},
            f"{story}; tom should ask the voters of both for their votes, but asks {', '.join(sorted(asked))}",
            exchange.latest(bench, "sent"),
        )
        for voter in first:
            send_vote(bench, voter)
        require_leading(bench, False, f"{story}; it is a candidate, and {' and '.join(first)} have voted for it")
        send_vote(bench, last)
        require_leading(bench, True, f"{story}; it is a candidate, and {last} has voted for it, too")


@rule(
    "A candidate that follows another leader counts no votes any more: they may be enough in the next configuration.",
    "Section 5.2: a candidate that hears of a leader of its term returns to follower state",
)
def a_follower_counts_no_votes(bench: Bench) -> None:
    """Tom is a candidate; spike leads in the same term and changes the members, and then a late vote arrives."""
    for voted, voters, late in (("jerry", "tom,jerry", "tyke"), ("", "jerry", "jerry")):
        bench.begin(5, log="3 set x 1")
        await_election(bench, "tom hears from nobody")
        if voted:
            send_vote(bench, voted)
        term = bench.field("current_term")
        entries = (f"{term} members {voters} from tom,jerry,spike,tyke,butch", f"{term} members {voters}")
        call(bench, "spike", term, (1, 3), "; ".join(entries))
        send_vote(bench, late)
        got = f"has {voted}'s vote" if voted else "has no other vote"
        require_leading(
            bench,
            False,
            f"tom is a candidate and {got}; spike, which leads in the same term, sends it members {voters}; then the vote "
            f"of {late} arrives, which was late",
        )


@rule(
    "The newest configuration in the log is in force, committed or not, also after entries were deleted, and after a crash.",
    IN_FORCE,
)
def the_newest_configuration_is_in_force(bench: Bench) -> None:
    """Tom gets an uncommitted configuration, loses it to another leader, or crashes with it."""
    newest = "7 members tom,tyke from tom,jerry; 7 members tom,tyke"
    for what in ("", "followed", "deleted", "restarted"):
        _follow(bench, f"7 members tom,jerry {FROM_THREE}; 7 members tom,jerry; 7 set x 2; {newest}", term=7)
        story, voters = "tom's log ends with members tom,tyke, which is not committed", {"tyke"}
        if what == "followed":
            call(bench, "jerry", 7, (6, 7), "7 set x 3")
            story = "the newest configuration in tom's log is members tom,tyke, which is not committed"
        elif what == "deleted":
            call(bench, "spike", 8, (4, 7), "8 set x 3")
            story, voters = "tom's log has members tom,jerry; a newer one was deleted by another leader", {"jerry"}
        elif what:
            restart(bench)
            story = f"{story}; tom has crashed and restarted"
        _require_asked(bench, voters, story)


@rule(
    "A leader uses a configuration as soon as it has logged it, and no longer once another leader deletes it.", IN_FORCE
)
def a_leader_loses_a_configuration(bench: Bench) -> None:
    """Tom logs a joint configuration, and spike, which leads next, deletes it."""
    _ask_for_others(bench)
    bench.run(11)
    term = bench.field("current_term")
    call(bench, "spike", term + 1, (2, term), f"{term + 1} set x 2")
    _require_asked(
        bench, {"jerry", "spike"}, f"tom has logged {REPLACED} {FROM_THREE}, and spike, which leads next, deletes it"
    )


@rule(
    "A snapshot holds the configuration as of its last entry, for who takes it and for who gets it.",
    "Section 7: a snapshot includes the configuration; etcd issue 21610, openraft issue 1808",
)
def a_snapshot_holds_the_configuration(bench: Bench) -> None:
    """Tom compacts a log with a committed configuration, and restarts; then it gets snapshots, with and without its name."""
    for later in ("", "deleted", "kept"):
        newer = "; 1 set x 2; 1 members tom,tyke,butch from tom,tyke; 1 members tom,tyke,butch" if later else ""
        _follow(bench, f"1 members tom,tyke {FROM_THREE}; 1 members tom,tyke{newer}", commit=4 if later else 3)
        take_snapshot(bench)
        story, voters = "tom has taken a snapshot of a log with members tom,tyke", {"tyke"}
        if later == "deleted":
            call(bench, "spike", 2, (4, 1), "2 set x 3")
            story += ", and then lost a newer one to another leader's entry"
        elif later:
            story, voters = f"{story}, and has members tom,tyke,butch after it", {"tyke", "butch"}
        restart(bench)
        _require_asked(bench, voters, f"{story}; it restarts")
    _follow(bench, f"1 members tom,jerry {FROM_THREE}; 1 members tom,jerry; 1 set x 2; 1 set x 3", commit=5)
    take_snapshot(bench)
    snapshot = snapshot_of(bench)
    _follow(bench, f"1 set x 2; 1 set x 3; 1 {REPLACED} {FROM_THREE}")
    install(bench, snapshot, 2)
    story = f"tom has {REPLACED}, not committed, at index 4; jerry sends it a snapshot up to 5, with members tom,jerry"
    _require_asked(bench, {"jerry"}, f"{story}; then tom hears from nobody")
    _follow(bench, f"1 {WITHOUT_TOM} {FROM_THREE}; 1 {WITHOUT_TOM}", commit=3)
    take_snapshot(bench)
    snapshot = snapshot_of(bench)
    bench.begin(5, members=("jerry", "spike"), at_the_beginning=True)
    install(bench, snapshot, 1)
    call(bench, "jerry", 1, (3, 1), "1 set x 9", commit=4)
    bench.require(
        bench.log().endswith("1 set x 9"),
        f"tom is a learner, gets a snapshot with {WITHOUT_TOM}, and then 'set x 9'; it should store it, but its log is "
        f"'{bench.log()}'",
        bench.arrival(),
    )


@rule(
    "A leader with a snapshot changes the members as any other does.",
    "Section 7: the log is complete with its snapshot",
)
def a_leader_with_a_snapshot_changes_the_members(bench: Bench) -> None:
    """Tom compacts all of its log, and a client asks it to remove spike; or to add tyke, which needs the snapshot."""
    _lead(bench)
    take_snapshot(bench)
    bench.ask("members tom,jerry")
    story = "tom leads jerry and spike, with all of its log in a snapshot, and a client asks it to remove spike"
    _require_last(bench, f"members tom,jerry {FROM_THREE}", story)
    _acknowledge(bench, "jerry")
    _require_last(bench, "members tom,jerry", f"{story}; jerry has what tom logged")
    _lead(bench)
    take_snapshot(bench)
    mark, before = bench.mark(), bench.log()
    bench.ask(GROWN)
    story = "tom leads jerry and spike, with all of its log in a snapshot, and a client asks it to add tyke"
    last = bench.field("log").last_index
    if not bench.sent("InstallSnapshot", to="tyke", since=mark):
        refuse(bench, "tyke", last)
    bench.require(
        bench.sent("InstallSnapshot", to="tyke", since=mark),
        f"{story}, and tyke has no entry; tom should send it the snapshot, but does not",
        exchange.latest(bench, "delivered", "asked"),
    )
    _acknowledge(bench, "jerry", "spike")
    _require_log(bench, before, f"{story}, and tyke has not got the snapshot yet")
    acknowledge(bench, "tyke", last)
    _require_last(bench, f"{GROWN} {FROM_THREE}", f"{story}; tyke has the snapshot now")


@rule(
    "A leader that is not a voter any more does not count itself, and leaves once the new configuration is committed.",
    LEAVES,
)
def a_removed_leader_leaves(bench: Bench) -> None:
    """Tom is removed; jerry has the new configuration first, and then spike."""
    _lead(bench)
    client = bench.ask(WITHOUT_TOM)
    bench.run(0)
    story = "tom leads jerry and spike, and a client asks it to leave"
    _require_last(bench, f"{WITHOUT_TOM} {FROM_THREE}", story)
    _acknowledge(bench, "jerry")
    _require_last(bench, f"{WITHOUT_TOM} {FROM_THREE}", f"{story}; jerry alone of the new voters has what tom logged")
    _acknowledge(bench, "spike")
    _require_last(bench, WITHOUT_TOM, f"{story}; both others have what tom logged")
    require_answer(bench, client, False, f"{story}; the new configuration is logged, and not committed")
    require_leading(bench, True, f"{story}; the new configuration is logged, and not committed")
    _acknowledge(bench, "jerry")
    story += "; jerry has the new configuration, and spike does not"
    require_answer(bench, client, False, story)
    require_leading(bench, True, story)
    _acknowledge(bench, "spike")
    story = story.replace("and spike does not", "and spike as well")
    require_answer(bench, client, True, story)
    require_leading(bench, False, f"{story}; tom is removed")
    require_not_sent(bench, 25, "AppendEntries", f"{story}; tom is removed")
    bench.require(
        not bench.sent("RequestVote", since=bench.events("answered")[-1].number),
        f"{story}; tom knows that it is removed, and should not start an election, but does",
        exchange.latest(bench, "timer_fired"),
    )


@rule(
    "The next configuration waits for the one before: while one is logged and not committed, clients are refused.", ONE
)
def one_change_at_a_time(bench: Bench) -> None:
    """Another client asks while a change is under way, in each of its phases."""
    _ask_for_others(bench)
    for logged, committed_by in ((f"{REPLACED} {FROM_THREE}", ("jerry", "tyke")), (REPLACED, ("tyke",))):
        story = f"the last entry of tom's log is {logged}, which is not committed, and a client asks to add jerry"
        _require_refused(bench, bench.ask("members tom,tyke,butch,jerry"), story)
        _require_last(bench, logged, story)
        _acknowledge(bench, *committed_by)
    waiting = bench.ask("members tom,tyke,spike")
    bench.ask("members tom,tyke")
    _require_last(
        bench, "members tom,tyke from tom,tyke,butch", "the change is committed, and a client asks for another"
    )
    _require_refused(
        bench, waiting, "a client asks to add spike, which does not answer, and another client asks for another change"
    )


@rule("A client that asks for the voters that there are gets Ok.", ONE)
def a_change_of_nothing_succeeds(bench: Bench) -> None:
    """A client asks for tom, jerry and spike; a leader may log that, or answer at once."""
    _lead(bench)
    client = bench.ask("members tom,jerry,spike")
    for _ in range(2):
        bench.run(0)
        _acknowledge(bench, "jerry", "spike")
    require_answer(bench, client, True, "tom leads jerry and spike, and a client asks for these three voters")


@rule("A leader that finds a joint configuration in its log goes on with the change.", ONE)
def a_new_leader_finishes_the_change(bench: Bench) -> None:
    """Tom has a joint configuration from a leader that is gone, and is elected."""
    _follow(bench, f"1 {REPLACED} {FROM_THREE}")
    story = f"tom's log has {REPLACED} {FROM_THREE}, and tom is elected"
    await_election(bench, story)
    for voter in ("jerry", "tyke"):
        send_vote(bench, voter)
    require_leading(bench, True, f"{story} by jerry and tyke")
    bench.run(0.5)
    bench.require(
        REPLACED not in [text.partition(" ")[2] for text in bench.log().split("; ")],
        f"{story}; its own entry is not committed, so it should not log the new configuration yet, but does",
        exchange.latest(bench, "delivered"),
    )
    _acknowledge(bench, "jerry", "tyke")
    _require_last(bench, REPLACED, f"{story}; its own entry is committed")


@rule(
    "A server that belongs to no configuration starts no election; it votes, and stores what a leader sends.", LEARNERS
)
def a_server_of_no_cluster_waits(bench: Bench) -> None:
    """Tom knows no other server; a candidate and a leader come."""
    bench.begin(5, members=("jerry", "spike", "tyke"), at_the_beginning=True)
    require_not_sent(bench, 40, "RequestVote", "tom is started, and knows of no other server")
    require_leading(bench, False, "tom is started, and knows of no other server")
    reply = exchange.send(bench, "jerry", "RequestVote", term=2)
    bench.require(
        [exchange.field_of(event, "vote_granted") for event in reply if event["type"] == "RequestVoteReply"] == [True],
        "tom knows of no other server, and jerry, a candidate, asks it for its vote; tom may be a voter without knowing "
        "it yet, so it should vote for jerry, but does not",
        bench.arrival(),
    )
    call(bench, "jerry", 2, (0, 0), "2 set x 1", commit=1)
    story = "tom knows of no other server, and jerry calls it with an entry"
    bench.require(bench.log() == "2 set x 1", f"{story}; tom should store it, but its log is {bench.log()}")
    require_not_sent(bench, 40, "RequestVote", f"{story}; then it hears nothing")


@rule("A server that a configuration removes may still be needed to lead, until it knows that it is committed.", LEAVES)
def a_removed_server_may_be_needed(bench: Bench) -> None:
    """Tom alone has the new configuration, without itself, so the others cannot be elected by it."""
    _follow(bench, f"1 {WITHOUT_TOM} {FROM_THREE}; 1 {WITHOUT_TOM}")
    story = f"the last entry of tom's log is {WITHOUT_TOM}, which is not committed"
    await_election(bench, f"{story}; tom hears from nobody")
    send_vote(bench, "jerry")
    require_leading(
        bench, False, f"{story}; tom is a candidate and not a voter, and one of two voters has voted for it"
    )
    send_vote(bench, "spike")
    require_leading(bench, True, f"{story}; tom is a candidate, and both voters have voted for it")
    _follow(bench, f"1 {WITHOUT_TOM} {FROM_THREE}; 1 {WITHOUT_TOM}; 1 set x 2", commit=4)
    require_not_sent(bench, 40, "RequestVote", f"tom's log has {WITHOUT_TOM}, which is committed")


@rule("The rules of earlier steps still hold.", "Steps 1 to 16")
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """Every rule of the earlier steps that still holds is checked again."""
    run_earlier_checks(bench, 17)


# Acting.


def _lead(bench: Bench) -> None:
    """Let tom lead jerry and spike, with all of its log committed; tyke and butch are not members."""
    bench.begin(5, log="3 set x 1", members=THREE)
    elect(bench)
    _acknowledge(bench, "jerry", "spike")


def _ask_for_others(bench: Bench) -> None:
    """Let tom lead jerry and spike, ask it for tyke and butch instead, and let these have what is committed."""
    _lead(bench)
    bench.ask(REPLACED)
    _acknowledge(bench, "tyke", "butch")
    _require_last(
        bench,
        f"{REPLACED} {FROM_THREE}",
        f"tom leads jerry and spike, a client asks for {REPLACED}, and both are up to date",
    )


def _follow(bench: Bench, entries: str, *, term: int = 1, commit: int = 0) -> None:
    """Let tom follow jerry in a term, who sends it an entry and then these."""
    bench.begin(5, members=THREE)
    call(bench, "jerry", term, (0, 0), f"{term} set x 1; {entries}", commit=commit)


def _acknowledge(bench: Bench, *followers: str) -> None:
    """Let followers acknowledge all that was in tom's log before."""
    last = bench.field("log").last_index
    for follower in followers:
        acknowledge(bench, follower, last)


# Judging.


def _require_last(bench: Bench, expected: str, story: str) -> None:
    """Check the last entry of tom's log."""
    found = bench.log().split("; ")[-1].partition(" ")[2]
    bench.require(
        found == expected,
        f"{story}; the last entry of its log should be {expected}, but is {found or 'missing'}",
        exchange.latest(bench, "delivered", "asked", "timer_fired"),
    )


def _require_log(bench: Bench, expected: str, story: str) -> None:
    """Check that tom has logged nothing."""
    bench.require(
        bench.log() == expected,
        f"{story}; tom's log should have no new entry, but is {bench.log()}",
        exchange.latest(bench, "delivered", "asked"),
    )


def _require_calls(bench: Bench, peer: str, should: str, since: int) -> None:
    """Check that tom has called a server since an event."""
    bench.require(
        bench.sent("AppendEntries", to=peer, since=since),
        f"{should}, but does not",
        exchange.latest(bench, "asked", "delivered", "timer_fired"),
    )


def _require_asked(bench: Bench, voters: set[str], story: str) -> None:
    """Check whom tom asks for votes when it starts an election."""
    asked = {event["to"] for event in await_election(bench, story)}
    bench.require(
        asked == voters,
        f"{story}; tom should ask {' and '.join(sorted(voters))} for votes, but asks {', '.join(sorted(asked))}",
        exchange.latest(bench, "sent"),
    )


def _require_refused(bench: Bench, client: str, story: str) -> None:
    """Check that tom has refused a client's request."""
    answer = bench.answer(client)
    bench.require(
        isinstance(answer, Refused),
        f"{story}; tom should answer it Refused, but {f'answers {answer!r}' if answer is not None else 'does not answer'}",
        exchange.latest(bench, "answered", "asked"),
    )
