"""What the checks of replication share: how tom comes to lead, what puppets call and answer, and what is committed then."""

from __future__ import annotations

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.bench import Bench, read_entries
from raft_steps.lab.checks.elections import answer_vote, runs
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

# Acting.


def lead(stage: Bench, servers: int = 3, log: str = "") -> None:
    """Begin with a log, and let tom be elected in the next term."""
    stage.begin(servers, log=log)
    elect(stage)


def elect(stage: Bench) -> None:
    """Let tom run for leader with everybody's vote, and wait until its first calls have arrived."""
    if len(stage.node.servers) == 1:
        stage.run(19)
    else:
        runs(stage)
        for puppet in stage.node.servers[1:]:
            if not stage.field("is_leader"):
                answer_vote(stage, puppet)
    stage.require(stage.field("is_leader"), "tom has a majority of the votes and should lead, but does not")
    stage.run(0.5)


def call(
    stage: Bench, sender: str, term: int, after: tuple[int, int], entries: str = "", *, commit: int = 0
) -> list[Event]:
    """Let a puppet call tom as a leader does that has so much committed; return what tom sent then."""
    index, prev_log_term = after
    return stage.send(
        sender,
        "AppendEntries",
        term=term,
        prev_log_index=index,
        prev_log_term=prev_log_term,
        entries=read_entries(entries, index + 1),
        leader_commit=commit,
    )


def acknowledge(stage: Bench, follower: str, match_index: int, *, term: int | None = None) -> list[Event]:
    """Let a follower say, in tom's term or another, that its log is the leader's up to an index; return what tom sent."""
    before = match_index - 1
    return exchange.send(
        stage, follower, "AppendEntriesReply", term=term, success=True, prev_log_index=before, match_index=match_index
    )


def refuse(stage: Bench, follower: str, prev_log_index: int) -> list[Event]:
    """Let a follower say that it lacks the entry before; return what tom sent then."""
    return exchange.send(
        stage, follower, "AppendEntriesReply", success=False, prev_log_index=prev_log_index, match_index=0
    )


# Judging.


def require_carried_out(stage: Bench, expected: list[str], story: str) -> None:
    """Hold all that tom has carried out in this life against what it should be.

    Entries that ask for nothing may all be passed over; who carries out any of them carries out each.

    Raises:
        CheckFailed: It has carried out something else, in another order, or something twice.
    """
    applied = stage.events("applied")
    found = [event["command"] for event in applied]
    if "-" not in found:
        expected = [command for command in expected if command != "-"]
    astray = [event for place, event in enumerate(applied) if found[: place + 1] != expected[: place + 1]]
    stage.require(
        found == expected,
        f"{story}; by now tom should have carried out {_spell(expected)}, but has carried out {_spell(found)}",
        exchange.first(astray) or exchange.latest(stage, "delivered", "timer_fired", "started"),
    )


def _spell(commands: list[str]) -> str:
    """Spell what was carried out; an entry that asks for nothing has no command."""
    return "; ".join("(no command)" if command == "-" else command for command in commands) or "nothing"


def require_answer(stage: Bench, client: str, done: bool, story: str) -> None:
    """Hold a client to have heard Ok, or to have heard no Ok.

    Raises:
        CheckFailed: It is otherwise.
    """
    asked = next(event for event in stage.events("asked") if event["client"] == client)
    heard = [event for event in stage.events("answered") if event["client"] == client]
    told = isinstance(stage.answer(client), Ok)
    stage.require(
        told == done,
        f"{story}; who asked for {asked['request']} should {'hear Ok' if done else 'not hear Ok'} by now, "
        f"but tom {'has said Ok' if told else 'says nothing'}",
        exchange.first(heard) or exchange.latest(stage, "delivered", "asked"),
    )


def require_read(stage: Bench, client: str, value: str, story: str) -> None:
    """Hold a client's read to have been answered with a value.

    Raises:
        CheckFailed: It is not, or with another one.
    """
    require_answer(stage, client, True, story)
    found = stage.answer(client).value
    stage.require(
        found == value,
        f"{story}; a client that reads x should hear {value!r}, but tom says {found!r}",
        exchange.latest(stage, "answered"),
    )


def require_told(stage: Bench, commit: int, story: str) -> None:
    """Hold tom's next heartbeats to say how much is committed.

    Raises:
        CheckFailed: They say otherwise.
    """
    for beat in stage.run_until_sent("AppendEntries", 5.5):
        found = exchange.value(beat, "leader_commit")
        stage.require(
            found == commit,
            f"{story}; tom's next calls should say leader_commit={commit}, but say {found}",
            beat,
        )


def require_following(stage: Bench, term: int, story: str) -> None:
    """Hold tom to follow, in a term.

    Raises:
        CheckFailed: It leads, or is in another term.
    """
    stage.require(not stage.field("is_leader"), f"{story}; tom should follow now, but leads", stage.arrival())
    now = stage.field("current_term")
    stage.require(now == term, f"{story}; tom should be in term {term} now, but is in term {now}", stage.arrival())


def require_matching(stage: Bench, expected: int, story: str) -> None:
    """Hold tom's last answer to a call to say up to where its log is the leader's.

    Raises:
        CheckFailed: It says otherwise, or nothing.
    """
    replies = stage.sent("AppendEntriesReply", since=stage.arrival().number)
    should = f"{story}; tom should answer with match_index={expected}"
    stage.require(replies, f"{should}, but answers nothing", stage.arrival())
    found = exchange.value(replies[-1], "match_index")
    stage.require(found == expected, f"{should}, but says {found}", replies[-1])


def require_brought(stage: Bench, follower: str, expected: list[str], story: str, since: int = 0) -> None:
    """Hold tom's latest call to a follower to bring just these entries.

    Raises:
        CheckFailed: There is none, or it brings others.
    """
    calls = stage.sent("AppendEntries", to=follower, since=since)
    stage.require(calls, f"{story}; tom should call {follower}, but does not")
    brought = exchange.brought_by(calls[-1])
    stage.require(
        brought == expected,
        f"{story}; tom should bring {follower} {'; '.join(expected) or 'no entry'}, but brings "
        f"{'; '.join(brought) or 'none'}",
        calls[-1],
    )


def require_brought_last(stage: Bench, follower: str, entry: str, story: str, since: int = 0) -> None:
    """Hold tom to have called a follower with entries that end in this one, whatever comes before it.

    Raises:
        CheckFailed: It has not.
    """
    calls = stage.sent("AppendEntries", to=follower, since=since)
    brought = [each for call in calls for each in exchange.brought_by(call)]
    stage.require(
        brought[-1:] == [entry],
        f"{story}; tom should send {follower} entry {entry} at once, but sends {'; '.join(brought) or 'no entry'}",
        exchange.latest(stage, "delivered", "asked"),
    )


def require_silence(stage: Bench, seconds: float, message_name: str, story: str, *, beats: int | None = None) -> None:
    """Hold tom to send no such message for a while, and, where a number is given, so many heartbeats to jerry.

    Raises:
        CheckFailed: It does, or it sends more or fewer.
    """
    mark = stage.mark()
    stage.run(seconds)
    sent = stage.sent(message_name, since=mark)
    stage.require(
        not sent, f"{story}; for {seconds:g} s it should send no {message_name}, but does", exchange.first(sent)
    )
    found = len(stage.sent("AppendEntries", to="jerry", since=mark))
    stage.require(
        beats in (None, found),
        f"{story}; in {seconds:g} s it should call jerry {beats} times, but does so {found} times",
        exchange.latest(stage, "delivered"),
    )
