"""The checks of step 3: a write is committed once a majority has it, and only then does any server apply it."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.again import run_earlier_checks
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.exchange import (
    PEERS,
    answer_call,
    append_entries,
    entries_in,
    entries_text,
    field_of,
    first,
    latest,
    read,
    refuse_call,
    require_applied,
    require_applied_from_log,
    send,
)
from raft_steps.lab.checks.rules import rule
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

MAJORITY = "Section 5.3: an entry is committed once a majority of the servers has it"


@rule(
    "A leader logs a write and sends it to every follower at once; it applies and answers it only when half of them have "
    "acknowledged it.",
    MAJORITY,
)
def a_write_waits_for_the_followers(bench: Bench) -> None:
    """A leader receives a write, and no follower answers."""
    bench.begin(leads=True)
    client = write(bench, "set x 1")
    story, asked = "a client sends set x 1 to tom, the leader", latest(bench, "asked")
    logged = [event["command"] for event in bench.events("appended")]
    bench.require(
        logged == ["set x 1"],
        f"{story}; tom should log this one entry at once, but logs {'; '.join(logged) or 'nothing'}",
        asked,
    )
    for follower in PEERS:
        sent = [entry for call in bench.sent("AppendEntries", to=follower) for entry in entries_in(call)]
        bench.require(
            sent == ["1: 0 set x 1"],
            f"{story}; tom should send {follower} entry 1 of term 0 (set x 1) at once; it sends {entries_text(sent)}",
            asked,
        )
    bench.run(1)
    require_waiting(bench, client, "tom leads jerry and spike, and neither has acknowledged set x 1")


@rule("Half of the followers and the leader are a majority: then a write is applied and answered, once.", MAJORITY)
def half_of_the_followers_are_enough(bench: Bench) -> None:
    """One of two followers acknowledges a write, and later the other does too; then clusters of two, six and seven."""
    bench.begin(leads=True)
    client = write(bench, "set x 1")
    acknowledge(bench, "jerry")
    require_done(bench, client, "jerry, one of tom's two followers, has acknowledged set x 1")
    mark = bench.mark()
    acknowledge(bench, "spike")
    again = bench.events("applied", "answered", since=mark)
    bench.require(
        not again,
        "set x 1 is committed, and now spike acknowledges it too; tom should do nothing more, but "
        + ("applies it again" if again and again[0].kind == "applied" else "answers again"),
        first(again),
    )
    for servers in (2, 6, 7):
        bench.begin(servers, leads=True)
        client = write(bench, "set x 1")
        for count, follower in enumerate(bench.peers[: servers // 2], start=1):
            require_waiting(bench, client, f"set x 1 is on {count} of {servers} servers, tom included")
            acknowledge(bench, follower)
        require_done(bench, client, f"set x 1 is on {servers // 2 + 1} of {servers} servers, tom included")


@rule("A server without followers is a majority by itself: its writes wait for nobody.", MAJORITY)
def a_single_server_waits_for_nobody(bench: Bench) -> None:
    """A leader that is the only server receives a write."""
    bench.begin(1, leads=True)
    client = write(bench, "set x 1")
    require_done(bench, client, "tom is the only server, so no other has to acknowledge set x 1")


@rule("Of three or four followers two must acknowledge a write; one that does so twice counts once.", MAJORITY)
def with_four_or_five_servers_two_followers_are_needed(bench: Bench) -> None:
    """In a cluster of five, and in one of four, one follower acknowledges a write twice, and then another does once."""
    for servers in (5, 4):
        bench.begin(servers, leads=True)
        client = write(bench, "set x 1")
        minority = f"tom and jerry have set x 1, and two of {servers} servers are not a majority"
        acknowledge(bench, "jerry")
        require_waiting(bench, client, minority)
        acknowledge(bench, "jerry")
        require_waiting(bench, client, f"jerry acknowledges set x 1 twice; {minority}")
        acknowledge(bench, "spike")
        require_done(bench, client, f"tom, jerry and spike have set x 1, three of {servers} servers")


@rule(
    "A follower that refuses does not have the entry: its answer is not an acknowledgement, and the leader retries one "
    "entry earlier.",
    "Section 5.3: an entry is committed once a majority of the servers has it; the leader retries after a rejection",
)
def a_refusal_is_not_an_acknowledgement(bench: Bench) -> None:
    """A follower lacks the entry that precedes the new one, refuses, and then acknowledges the retry.

    In another run, its refusal of an earlier call arrives late, when it has acknowledged the entry.
    """
    bench.begin(log="1 set x 1", leads=True)
    client = write(bench, "set x 2")
    retry = refuse_call(bench, calls(bench, "jerry")[-1], (0, 0))
    require_waiting(bench, client, "jerry refuses set x 2, because it lacks the preceding entry; spike does not answer")
    answer_call(bench, retry, success=True)
    require_done(bench, client, "jerry refused set x 2 first, and has acknowledged tom's retry, which carried it, too")
    bench.begin(5, log="1 set x 1", leads=True)
    bench.run(0.5)
    heartbeat = calls(bench, "jerry")[-1]
    client = write(bench, "set x 2")
    retry = refuse_call(bench, calls(bench, "jerry")[-1], (0, 0))
    answer_call(bench, retry, success=True)
    answer_call(bench, heartbeat, success=False)
    story = "jerry has acknowledged set x 2, and then its refusal of an earlier heartbeat arrives late"
    require_waiting(bench, client, f"{story}; two of 5 servers have the entry")
    acknowledge(bench, "spike")
    require_done(bench, client, f"{story}; spike acknowledges set x 2, too, so three of 5 servers have it")


@rule("What followers acknowledged before a write does not count for that write.", MAJORITY)
def every_write_needs_its_own_acknowledgements(bench: Bench) -> None:
    """Followers acknowledge heartbeats and a first write; then a second write arrives."""
    bench.begin(leads=True)
    for follower in PEERS:
        acknowledge(bench, follower)
    client = write(bench, "set x 1")
    require_waiting(bench, client, "jerry and spike have acknowledged a heartbeat, but not yet set x 1")
    for follower in PEERS:
        acknowledge(bench, follower)
    require_done(bench, client, "jerry and spike have acknowledged set x 1")
    client = write(bench, "set x 2")
    require_waiting(bench, client, "jerry and spike have acknowledged set x 1, but not yet set x 2")
    acknowledge(bench, "jerry")
    require_done(bench, client, "jerry has acknowledged set x 2")


@rule(
    "Several writes may wait at once: they are applied in the order of the log, and each client gets its own answer.",
    "Section 5.3; Section 8: every client gets the answer to its own request",
)
def pending_writes_are_kept_apart(bench: Bench) -> None:
    """Two clients write before any follower answers; then one follower acknowledges both calls, or only the last.

    In another run, a reply to an earlier call is late.
    """
    for answered, did in (
        (slice(None), "jerry has acknowledged both"),
        (slice(-1, None), "jerry has acknowledged set y 2, which it would have refused without set x 1 before it"),
    ):
        bench.begin(leads=True)
        mark = bench.mark()
        clients = {"set x 1": write(bench, "set x 1"), "set y 2": write(bench, "set y 2")}
        sent = bench.sent("AppendEntries", since=mark, to="jerry")
        bench.require(sent, "clients send set x 1 and set y 2 to tom, which should send jerry both, but sends nothing")
        for call in sent[answered]:
            answer_call(bench, call, success=True)
        story = f"set x 1 and set y 2 both waited at tom, and {did}"
        for client in clients.values():
            require_done(bench, client, story)
        require_applied(bench, list(clients), story)
        require_applied_from_log(bench, story)
    require_order_of_the_log(bench)
    require_own_acknowledgement_counts(bench)


@rule(
    "A read returns the value of the last committed write; a write that still waits for its majority is not visible.",
    "Section 5.3: only committed entries are applied to the state machine",
)
def reads_see_only_committed_writes(bench: Bench) -> None:
    """A client reads a key while a write to it waits, and again when the write is committed."""
    bench.begin(log="1 set x 1", leads=True)
    write(bench, "set x 2")
    read(bench, "x", "1", "x was 1, and set x 2 waits for its majority")
    acknowledge(bench, "jerry")
    read(bench, "x", "2", "jerry has acknowledged set x 2")


@rule(
    "When an entry is committed, and not before, the leader sends CommitEntry to every follower.",
    "the commits of July 2020: a separate message makes followers apply; Section 5.3",
)
def followers_are_notified_of_the_commit(bench: Bench) -> None:
    """A leader receives a write, and one of two followers acknowledges it; in another run, two writes wait."""
    bench.begin(log="1 set x 1", leads=True)
    bench.run(1)
    write(bench, "set x 2")
    bench.run(1)
    early = bench.sent("CommitEntry")
    bench.require(
        not early,
        "no follower has acknowledged set x 2, so none should apply it yet; but tom already sends CommitEntry",
        first(early),
    )
    acknowledge(bench, "jerry")
    for follower in PEERS:
        commits = bench.sent("CommitEntry", to=follower)
        story = f"jerry has acknowledged set x 2, entry 2, so it is committed; tom should notify {follower}"
        bench.require(commits, f"{story}, but sends no CommitEntry", bench.arrival())
        bench.require(
            [field_of(event, "index") for event in commits] == [2],
            f"{story} with one CommitEntry of index 2; it sends {', '.join(str(event['fields']) for event in commits)}",
            commits[0],
        )
    require_each_commit_announced(bench)


@rule(
    "A follower applies an entry when CommitEntry says that it is committed, not when it stores it.",
    "Section 5.3: once a follower learns that an entry is committed, it applies it; the commits of July 2020",
)
def a_follower_applies_on_the_commit_message(bench: Bench) -> None:
    """A follower receives two entries, then CommitEntry for the first, for one that it lacks, and for its last."""
    bench.begin()
    append_entries(bench, "jerry", (0, 0), "1 set x 1; 1 set y 2")
    early = bench.events("applied")
    bench.require(
        not early,
        "jerry sends tom two entries, which may not be committed; tom should only store them, but applies them",
        first(early),
    )
    for index, expected, story in (
        (1, ["set x 1"], "jerry sends CommitEntry for entry 1, set x 1"),
        (7, ["set x 1"], "jerry sends CommitEntry for entry 7, and tom's log ends with entry 2"),
        (2, ["set x 1", "set y 2"], "jerry sends CommitEntry for entry 2, set y 2, the last of tom's log"),
    ):
        mark = bench.mark()
        send(bench, "jerry", "CommitEntry", index=index)
        applied = bench.events("applied")
        found = [event["command"] for event in applied]
        bench.require(
            found == expected,
            f"{story}; by now tom should have applied {'; '.join(expected)} and nothing else, "
            f"but has applied {'; '.join(found) or 'nothing'}",
            first(bench.events("applied", since=mark)) or bench.arrival(),
        )
        answers = bench.sent(since=mark)
        bench.require(
            not answers,
            f"{story}; tom should send nothing, but sends {answers[0]['type'] if answers else ''}",
            first(answers),
        )
    holds, expected_state = bench.field("state_machine", {}), {"x": "1", "y": "2"}
    bench.require(
        holds == expected_state,
        f"tom has applied set x 1 and set y 2, so its state machine should be {expected_state}, but it is {holds}",
        latest(bench, "applied"),
    )
    require_applied_from_log(bench, "jerry has sent CommitEntry for tom's entries 1 and 2")
    require_commits_in_any_order(bench)


@rule(
    "Logs, calls, retries and requests are otherwise as before: only the answer to a write waits.",
    "the checks of steps 1 and 2",
)
def the_rules_of_earlier_steps_still_hold(bench: Bench) -> None:
    """The checks of steps 1 and 2 run again."""
    run_earlier_checks(bench, 3)


# Helpers of these checks.


def require_order_of_the_log(bench: Bench) -> None:
    """Check that writes that wait are applied as they are in the log, whatever their clients' names and their keys are.

    Raises:
        CheckFailed: They are applied in another order.
    """
    bench.begin(leads=True)
    bench.run(0.5)
    for _ in range(7):  # The writes come from client#8 to client#11, which are in another order as text.
        bench.ask("get x")
    commands = ["set z 3", "set y 2", "set x 1", "delete w"]
    for command in commands:
        write(bench, command)
    acknowledge(bench, "jerry")
    require_applied(bench, commands, "four writes waited at tom, and jerry has acknowledged all of them")


def require_own_acknowledgement_counts(bench: Bench) -> None:
    """Check that a write is committed by the reply to its own call, even if one to an earlier call arrives before it.

    In the course the earlier one counts as well, until step 11.

    Raises:
        CheckFailed: The write is not committed.
    """
    bench.begin(log="1 set x 1", leads=True)
    bench.run(1)
    heartbeat = calls(bench, "jerry")[-1]
    client = write(bench, "set y 2")
    with_entry = calls(bench, "jerry")[-1]
    answer_call(bench, heartbeat, success=True)
    if bench.answer(client) is None:
        require_waiting(bench, client, "jerry has acknowledged only a heartbeat that tom sent before set y 2")
        bench.remark_ahead(
            11, "A write waits for acknowledgements of its own entry; one of an earlier call does not count"
        )
    answer_call(bench, with_entry, success=True)
    require_done(bench, client, "jerry has acknowledged set y 2")


def require_commits_in_any_order(bench: Bench) -> None:
    """Check that a follower applies an entry although CommitEntry for an earlier one comes later, and from two leaders.

    Raises:
        CheckFailed: It does not apply each of them once.
    """
    bench.begin()
    append_entries(bench, "jerry", (0, 0), "1 set x 1; 1 set y 2")
    send(bench, "jerry", "CommitEntry", index=2)
    is_ahead = [event["command"] for event in bench.events("applied")] == ["set x 1", "set y 2"]
    if is_ahead:
        bench.remark_ahead(11, "CommitEntry of an entry makes a follower apply the earlier ones as well")
    else:
        require_applied(bench, ["set y 2"], "tom has two entries, and jerry sends CommitEntry for the second one only")
    send(bench, "jerry", "CommitEntry", index=1)
    both = ["set x 1", "set y 2"] if is_ahead else ["set y 2", "set x 1"]
    require_applied(bench, both, "jerry has sent CommitEntry for entry 2 and then for entry 1, and tom has both")
    append_entries(bench, "spike", (2, 1), "2 set x 3")
    send(bench, "spike", "CommitEntry", index=3)
    require_applied(
        bench, [*both, "set x 3"], "spike, the next leader, has sent tom entry 3, set x 3, and CommitEntry for it"
    )


def require_each_commit_announced(bench: Bench) -> None:
    """Check that CommitEntry names the entry that is committed, and not one that still waits.

    Raises:
        CheckFailed: It names another one.
    """
    bench.begin(5, leads=True)
    write(bench, "set x 1")
    acknowledge(bench, "jerry")
    early = calls(bench, "spike")[-1]
    write(bench, "set y 2")
    answer_call(bench, early, success=True)
    found = [(event["to"], field_of(event, "index")) for event in bench.sent("CommitEntry")]
    wanted = [(follower, 1) for follower in ("butch", "jerry", "spike", "tyke")]
    bench.require(
        sorted(found, key=str) == wanted,
        "jerry and spike have acknowledged set x 1, entry 1, and set y 2, entry 2, still waits; tom should send CommitEntry "
        f"for entry 1 to each of its four followers; it sends it {commits_text(found)}",
        latest(bench, "sent"),
    )


def commits_text(found: list[tuple[str, Any]]) -> str:
    """Format to whom CommitEntry was sent, and for which entry."""
    return ", ".join(f"for entry {index} to {to}" for to, index in found) or "to nobody"


def write(bench: Bench, command: str) -> str:
    """Send a client's write, wait until the calls that it causes have been delivered, and return the client."""
    bench.run(0.5)
    client = bench.ask(command)
    bench.run(0.5)
    return client


def calls(bench: Bench, follower: str) -> list[Event]:
    """Return the AppendEntries that the server under test has sent to a follower.

    Raises:
        CheckFailed: There are none.
    """
    found = bench.sent("AppendEntries", to=follower)
    bench.require(found, f"tom leads and should send AppendEntries to {follower}, but sends none")
    return found


def acknowledge(bench: Bench, follower: str) -> None:
    """Acknowledge the latest AppendEntries to a follower."""
    answer_call(bench, calls(bench, follower)[-1], success=True)


def require_waiting(bench: Bench, client: str, story: str) -> None:
    """Check that a write is neither applied nor answered yet.

    Raises:
        CheckFailed: It is applied or answered.
    """
    asked = next(event for event in bench.events("asked") if event["client"] == client)
    early = bench.events("applied", "answered", since=asked.number)
    did = "applies it" if early and early[0].kind == "applied" else "answers the client"
    bench.require(not early, f"{story}; the write should wait, but tom {did}", first(early))


def require_done(bench: Bench, client: str, story: str) -> None:
    """Check that a write is applied and answered.

    Raises:
        CheckFailed: It is not applied, or not answered with Ok.
    """
    asked = next(event for event in bench.events("asked") if event["client"] == client)
    entry = f"the write {asked['request']!r}"
    last = latest(bench, "asked", "delivered")
    answer = bench.answer(client)
    bench.require(answer is not None, f"{story}; tom should answer {entry}, but does not", last)
    bench.require(
        isinstance(answer, Ok),
        f"{story}; tom should answer {entry} with Ok, not {answer!r}",
        latest(bench, "answered"),
    )
    applied = [event["command"] for event in bench.events("applied", since=asked.number)]
    bench.require(asked["request"] in applied, f"{story}; tom should apply {entry}, but only answers its client", last)
