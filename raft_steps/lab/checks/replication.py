"""Helpers for the checks of replication: make tom leader, send calls and replies, and check what is committed."""

from __future__ import annotations

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.bench import Bench, call_fields
from raft_steps.lab.checks.elections import require_leading, win_election
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

# Acting.


def lead(bench: Bench, servers: int = 3, log: str = "", *, at_the_beginning: bool = False) -> None:
    """Begin with a log, and elect tom in the next term."""
    bench.begin(servers, log=log, at_the_beginning=at_the_beginning)
    elect(bench)


def elect(bench: Bench) -> None:
    """Let tom win an election, and wait until its first calls have been delivered."""
    if bench.peers:
        win_election(bench)
    else:
        bench.run(19)  # Longer than any election timeout; a single server needs no vote but its own.
        require_leading(bench, True, "tom is the only server, and no timeout is longer than 18 s")
    bench.run(0.5)


def call(
    bench: Bench, sender: str, term: int, after: tuple[int, int], entries: str = "", *, commit: int = 0
) -> list[Event]:
    """Send AppendEntries from a peer to tom, with the leader's commit index; return what tom sent in response."""
    return bench.send(sender, "AppendEntries", term=term, leader_commit=commit, **call_fields(after, entries))


def acknowledge(bench: Bench, follower: str, match_index: int, *, term: int | None = None) -> list[Event]:
    """Send a follower's reply that its log matches the leader's up to an index; return what tom sent in response."""
    before = match_index - 1
    return exchange.send(
        bench, follower, "AppendEntriesReply", term=term, success=True, prev_log_index=before, match_index=match_index
    )


def refuse(bench: Bench, follower: str, prev_log_index: int) -> list[Event]:
    """Send a follower's reply that it lacks the preceding entry; return what tom sent in response."""
    return exchange.send(
        bench, follower, "AppendEntriesReply", success=False, prev_log_index=prev_log_index, match_index=0
    )


# Judging.


def require_applied_so_far(bench: Bench, expected: list[str], story: str) -> None:
    """Check which commands tom has applied since the run began.

    A Node may apply either all no-op entries or none of them.

    Raises:
        CheckFailed: It has applied other commands, in another order, or one of them twice.
    """
    applied = bench.events("applied")
    found = [event["command"] for event in applied]
    if "-" not in found:
        expected = [command for command in expected if command != "-"]
    wrong = [event for place, event in enumerate(applied) if found[: place + 1] != expected[: place + 1]]
    bench.require(
        found == expected,
        f"{story}; by now tom should have applied {_commands_text(expected)}, but has applied {_commands_text(found)}",
        exchange.first(wrong) or exchange.latest(bench, "delivered", "timer_fired", "started"),
    )


def _commands_text(commands: list[str]) -> str:
    """Format applied commands for a failure."""
    return "; ".join("a no-op" if command == "-" else command for command in commands) or "nothing"


def require_answer(bench: Bench, client: str, done: bool, story: str) -> None:
    """Check whether tom has answered a client with Ok.

    Args:
        bench: The bench.
        client: The client's address.
        done: Whether tom should have answered by now.
        story: What has happened so far, for the failure.

    Raises:
        CheckFailed: Tom has answered and should not have, or the other way round.
    """
    asked = next(event for event in bench.events("asked") if event["client"] == client)
    answers = [event for event in bench.events("answered") if event["client"] == client]
    is_ok = isinstance(bench.answer(client), Ok)
    bench.require(
        is_ok == done,
        f"{story}; tom {'should' if done else 'should not'} have answered {asked['request']!r} with Ok, "
        f"but {'has' if is_ok else 'has not'}",
        exchange.first(answers) or exchange.latest(bench, "delivered", "asked"),
    )


def require_read(bench: Bench, client: str, value: str, story: str) -> None:
    """Check that tom has answered a client's read with a value.

    Raises:
        CheckFailed: It has not answered, or with another value.
    """
    require_answer(bench, client, True, story)
    found = bench.answer(client).value
    bench.require(
        found == value,
        f"{story}; a client that reads x should get {value!r}, but tom answers {found!r}",
        exchange.latest(bench, "answered"),
    )


def require_leader_commit(bench: Bench, commit: int, story: str) -> None:
    """Check the commit index in tom's next heartbeats.

    Raises:
        CheckFailed: One carries another commit index, or tom sends none.
    """
    failure = f"{story}; tom should send heartbeats within 5.5 s, but sends no AppendEntries"
    for beat in bench.run_until_sent("AppendEntries", 5.5, failure):
        found = exchange.field_of(beat, "leader_commit")
        bench.require(
            found == commit,
            f"{story}; tom's next calls should carry leader_commit={commit}, but carry {bench.commit_text(found)}",
            beat,
        )


def require_following(bench: Bench, term: int, story: str) -> None:
    """Check that tom is a follower in a term.

    Raises:
        CheckFailed: It leads, or is in another term.
    """
    bench.require(not bench.field("is_leader"), f"{story}; tom should be a follower now, but leads", bench.arrival())
    now = bench.field("current_term")
    bench.require(now == term, f"{story}; tom should be in term {term} now, but is in term {now}", bench.arrival())


def require_match_index(bench: Bench, expected: int, story: str) -> None:
    """Check the match_index in tom's reply to the last call.

    Raises:
        CheckFailed: There is no reply, or it has another match_index.
    """
    replies = bench.sent("AppendEntriesReply", since=bench.arrival().number)
    should = f"{story}; tom should answer with match_index={expected}"
    bench.require(replies, f"{should}, but does not answer", bench.arrival())
    found = exchange.field_of(replies[-1], "match_index")
    bench.require(found == expected, f"{should}, but answers with {bench.commit_text(found)}", replies[-1])


def require_entries_sent(bench: Bench, follower: str, expected: list[str], story: str, since: int = 0) -> None:
    """Check that tom's latest call to a follower carries exactly these entries.

    Raises:
        CheckFailed: There is no call, or it carries other entries.
    """
    calls = bench.sent("AppendEntries", to=follower, since=since)
    bench.require(calls, f"{story}; tom should call {follower}, but does not")
    found = exchange.entries_in(calls[-1])
    bench.require(
        found == expected,
        f"{story}; tom should send {follower} {exchange.entries_text(expected)}, but sends {exchange.entries_text(found)}",
        calls[-1],
    )


def require_next_call_after(bench: Bench, follower: str, index: int, story: str) -> None:
    """Check which entry tom's next heartbeat to a follower follows.

    Raises:
        CheckFailed: It follows another entry, or tom sends none.
    """
    mark = bench.mark()
    bench.run(5.2)
    calls = bench.sent("AppendEntries", to=follower, since=mark)
    bench.require(calls, f"{story}; tom should send {follower} a heartbeat within 5.2 s, but does not")
    found = exchange.preceding_entry(calls[-1])[0]
    bench.require(
        found == index,
        f"{story}; tom's next call to {follower} should follow entry {index}, but follows entry {found}",
        calls[-1],
    )
    require_own_preceding_entry(bench, calls[-1], story)


def require_own_preceding_entry(bench: Bench, call: Event, story: str) -> None:
    """Check that a call follows an entry of tom's log, and has the term of that entry.

    Raises:
        CheckFailed: It has another term, or tom's log has no such entry.
    """
    index, term = exchange.preceding_entry(call)
    expected = bench.field("log").term_at(index)
    bench.require(
        term == expected,
        f"{story}; tom's call follows entry {index}, which has term {expected} in tom's log, but the call says term {term}",
        call,
    )


def require_last_entry_sent(bench: Bench, follower: str, entry: str, story: str, since: int = 0) -> None:
    """Check that this entry is the last one that tom has sent to a follower.

    Raises:
        CheckFailed: Tom has sent no entry, or another one last.
    """
    calls = bench.sent("AppendEntries", to=follower, since=since)
    found = [each for call in calls for each in exchange.entries_in(call)]
    bench.require(
        found[-1:] == [entry],
        f"{story}; tom should send {follower} {exchange.entries_text([entry])} at once, but sends {exchange.entries_text(found)}",
        exchange.latest(bench, "delivered", "asked"),
    )


def require_not_sent(bench: Bench, seconds: float, message_name: str, story: str, *, beats: int | None = None) -> None:
    """Check that tom sends no message of a kind for some seconds.

    Args:
        bench: The bench.
        seconds: How much virtual time to let pass.
        message_name: The name of the message's class.
        story: What has happened so far, for the failure.
        beats: How many heartbeats tom should send to jerry in that time; None if it does not matter.

    Raises:
        CheckFailed: It sends such a message, or more or fewer heartbeats.
    """
    mark = bench.mark()
    bench.run(seconds)
    sent = bench.sent(message_name, since=mark)
    bench.require(
        not sent, f"{story}; for {seconds:g} s tom should send no {message_name}, but does", exchange.first(sent)
    )
    found = len(bench.sent("AppendEntries", to="jerry", since=mark))
    bench.require(
        beats in (None, found),
        f"{story}; in {seconds:g} s tom should call jerry {beats} times, but does so {found} times",
        exchange.latest(bench, "delivered"),
    )
