"""Helpers that send requests and messages to the Node under test, and that check what it does in response.

Each checking function takes the story so far, so that a failure says who was in which state and what had arrived.
"""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks.bench import Bench, CheckFailed, call_fields
from raft_steps.lab.commands import Ok, command_text
from raft_steps.lab.trace.trace import Event

PEERS = ("jerry", "spike")  # the other servers in a cluster of three


def latest(bench: Bench, *kinds: str) -> Event | None:
    """Return the last event of these kinds on the server under test, if there was one."""
    events = bench.events(*kinds)
    return events[-1] if events else None


def first(events: list[Event]) -> Event | None:
    """Return the first of some events, if there is one."""
    return events[0] if events else None


# As clients.


def request(bench: Bench, command: str) -> Ok:
    """Send a client's request that must be answered at once, and return the answer.

    Raises:
        CheckFailed: There is no answer, or it is not Ok.
    """
    answer = bench.answer(bench.ask(command))
    asked = f"a client sends {command!r} to tom; tom should answer Ok"
    bench.require(answer is not None, f"{asked}, but does not answer", latest(bench, "asked"))
    bench.require(isinstance(answer, Ok), f"{asked}, but answers {answer!r}", latest(bench, "answered"))
    if not command.startswith("get "):
        bench.require(
            answer.value is None, f"{asked}() without a value, but answers {answer!r}", latest(bench, "answered")
        )
    bench.run(bench.pace_s(0.5))  # So that there is room between two requests in a picture.
    return answer  # type: ignore[no-any-return]


def read(bench: Bench, key: str, value: str | None, because: str) -> None:
    """Read a key as a client, and check the value.

    Args:
        bench: The bench.
        key: The key.
        value: The value that tom should answer; None if the key should be missing.
        because: Why it should, for the failure.

    Raises:
        CheckFailed: The answer is not Ok, or has another value.
    """
    found = request(bench, f"get {key}").value
    bench.require(
        found == value,
        f"{because}, so a client that reads {key} should get {value!r}; tom answers {found!r}",
        latest(bench, "answered"),
    )


# As other servers. AppendEntries carries a term from step 5 on, and replies do from step 9 on. A check of an earlier step
# may run on a later Node, so these helpers add a term if the Node's message has one, and choose one that it accepts.


def send(bench: Bench, sender: str, message_name: str, *, term: int | None = None, **fields: Any) -> list[Event]:
    """Send a message from a peer, with a term if the message has one; by default it is tom's current term.

    Returns:
        What the server under test sent in response.
    """
    return bench.send(sender, message_name, optional=None if term is None else {"term": term}, **fields)


def append_entries(bench: Bench, sender: str, after: tuple[int, int], entries: str = "") -> list[Event]:
    """Send AppendEntries from a peer; its term is the lowest that tom accepts and that its entries allow.

    Args:
        bench: The bench.
        sender: The peer.
        after: Index and term of the preceding entry.
        entries: The entries of the call, as ``"2 set y 2; 2 set z 3"``; without any it is a heartbeat.

    Returns:
        What the server under test sent in response.
    """
    fields = call_fields(after, entries)
    terms = [entry.term for entry in fields["entries"]]
    return send(bench, sender, "AppendEntries", term=max(bench.field("current_term"), after[1], *terms), **fields)


def answer_call(bench: Bench, call: Event, *, success: bool) -> list[Event]:
    """Answer a call of the leader under test as its follower; return what the leader sent in response."""
    return bench.send(call["to"], "AppendEntriesReply", success=success, prev_log_index=preceding_entry(call)[0])


def refuse_call(bench: Bench, call: Event, earlier: tuple[int, int]) -> Event:
    """Refuse a call of the leader under test as its follower, and check that the leader retries.

    Args:
        bench: The bench.
        call: The leader's call.
        earlier: Index and term of the preceding entry that the retry should have.

    Returns:
        The call with which the leader retries.

    Raises:
        CheckFailed: It does not retry, retries twice, calls another follower too, or follows another entry.
    """
    to = call["to"]
    story = f"{to} refuses a call that follows {preceding_text(call)}"
    sent = answer_call(bench, call, success=False)
    calls = [each for each in sent if each["type"] == "AppendEntries" and each["to"] == to]
    bench.require(calls, f"{story}; tom should retry one entry earlier, but does not", bench.arrival())
    bench.require(
        preceding_entry(calls[0]) == earlier,
        f"{story}; tom's retry should follow entry {earlier[0]} of term {earlier[1]}, "
        f"but follows {preceding_text(calls[0])}",
        calls[0],
    )
    bench.require(
        len(calls) == 1,
        f"{story}; tom should retry once, but sends {len(calls)} calls, and {to} may refuse each of them",
        calls[-1],
    )
    others = [each for each in sent if each["type"] == "AppendEntries" and each["to"] != to]
    bench.require(
        not others,
        f"{story}; tom should retry with {to} only, but also calls {' and '.join(each['to'] for each in others)}",
        first(others),
    )
    return calls[0]


def field_of(message: Event, name: str) -> Any:
    """Return a field of a sent message.

    Raises:
        CheckFailed: It has no such field.
    """
    values = message["fields"]
    if name not in values:
        has = ", ".join(values) or "none"
        raise CheckFailed(f"{message['type']} should have a field {name}; it has {has}", message.number)
    return values[name]


def fields_text(values: dict[str, Any]) -> str:
    """Format a message's fields as arguments: ``success=True, prev_log_index=1``."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def term_of(message: Event) -> int:
    """Return the term of a sent message.

    Raises:
        CheckFailed: It has no term, or one that is not a whole number.
    """
    term = field_of(message, "term")
    if type(term) is not int:
        raise CheckFailed(
            f"a term is a whole number; {message.server}'s {message['type']} has {term!r}", message.number
        )
    return term


def preceding_entry(call: Event) -> tuple[int, int]:
    """Return index and term of the entry that a call follows."""
    return field_of(call, "prev_log_index"), field_of(call, "prev_log_term")


def preceding_text(call: Event) -> str:
    """Format the entry that a call follows."""
    return "entry {} of term {}".format(*preceding_entry(call))


def entries_in(call: Event) -> list[str]:
    """Return the entries of a call as text, each with its index, term and command: ``3: 2 set z 3``.

    Raises:
        CheckFailed: The call has no entries, or they are not log entries.
    """
    entries = field_of(call, "entries")
    if not isinstance(entries, list) or any(not isinstance(each, dict) or "command" not in each for each in entries):
        raise CheckFailed(
            f"the entries of {call['type']} should be a tuple of log entries; they are {entries}", call.number
        )
    return [f"{each['index']}: {each['term']} {_command_text(each['command'])}" for each in entries]


def _command_text(command: dict[str, str] | None) -> str:
    """Format a command as a trace stores it, as data; a no-op entry has none."""
    if command is None:
        return "-"
    return " ".join([command["type"].lower(), *(command[name] for name in ("key", "value") if name in command)])


def entries_text(entries: list[str]) -> str:
    """Format entries that `entries_in` has returned, for a failure: ``entry 3 of term 2 (set z 3)``."""
    parts = [(index, *rest.split(" ", 1)) for index, rest in (entry.split(": ", 1) for entry in entries)]
    words = [f"{index} of term {term} ({'no-op' if command == '-' else command})" for index, term, command in parts]
    return f"{'entry' if len(words) == 1 else 'entries'} {', '.join(words)}" if words else "no entry"


# Judging.


def require_reply(bench: Bench, sent: list[Event], *, success: bool, about: int, story: str) -> None:
    """Check the answer to an AppendEntries.

    Args:
        bench: The bench.
        sent: What the server under test sent in response to the call.
        success: The answer that is expected.
        about: The index of the entry that the call follows; the leader needs it for its retry.
        story: What has happened so far, for the failure.

    Raises:
        CheckFailed: There is no answer, more than one, or one with another success or prev_log_index.
    """
    replies = [event for event in sent if event["type"] == "AppendEntriesReply"]
    should = f"{story}; tom should {'accept' if success else 'refuse'} it"
    bench.require(replies, f"{should}, but does not answer", bench.arrival())
    leader = bench.arrival()["from"]
    for reply in replies:
        bench.require(reply["to"] == leader, f"{should} and answer {leader}, but answers {reply['to']}", reply)
        found = reply["fields"].get("success")
        bench.require(found is success, f"{should}, but answers success={found}", reply)
        index = field_of(reply, "prev_log_index")
        bench.require(
            index == about,
            f"{should} with prev_log_index={about}, the call's; it answers {bench.index_text(index)}",
            reply,
        )
    bench.require(len(replies) == 1, f"{should} with one reply, but sends {len(replies)}", replies[-1])
    others = [event for event in sent if event not in replies]
    bench.require(
        not others, f"{should} and send nothing else, but sends {others[0]['type'] if others else ''}", first(others)
    )


def require_applied(bench: Bench, expected: list[str], story: str, since: int = 0) -> None:
    """Check which commands the server under test has applied.

    This counts its calls of Node.apply, which the recorder sees; to test the state machine itself, a check reads from it.

    Raises:
        CheckFailed: It has applied other commands, or the same in another order, twice, or without calling Node.apply.
    """
    applied = bench.events("applied", since=since)
    found = [event["command"] for event in applied]
    wrong = [event for place, event in enumerate(applied) if found[: place + 1] != expected[: place + 1]]
    did = (
        f"it applies {'; '.join(found)}" if found else "nothing is recorded: does its apply call super().apply(entry)?"
    )
    should = f"{'; '.join(expected)}, once{' each and in this order' if len(expected) > 1 else ''}"
    bench.require(
        found == expected,
        f"{story}; tom should apply {should}, but {did}",
        first(wrong) or latest(bench, "answered", "delivered", "restarted"),
    )


def require_only_stored(bench: Bench, story: str, since: int = 0) -> None:
    """Check that the server under test has applied nothing.

    Raises:
        CheckFailed: It has applied an entry.
    """
    applied = first(bench.events("applied", since=since))
    bench.require(
        not applied,
        f"{story}; tom is a follower and should only store entries, but applies {applied['command'] if applied else ''}",
        applied,
    )


def require_applied_from_log(bench: Bench, story: str, since: int = 0) -> None:
    """Check that every entry that the server under test has applied is the one in its log, of the same index and term.

    Raises:
        CheckFailed: It has applied an entry that is not in its log.
    """
    log = {entry.index: entry for entry in bench.field("log")}
    for applied in bench.events("applied", since=since):
        there = log.get(applied["index"])
        is_same = there is not None and (there.term, command_text(there.command)) == (
            applied["term"],
            applied["command"],
        )
        has = f"entry {there.index} of term {there.term} ({command_text(there.command)})" if there else "no such entry"
        bench.require(
            is_same,
            f"{story}; tom should apply the entry that is in its log, but applies entry {applied['index']} of term "
            f"{applied['term']} ({applied['command']}), and its log has {has} there",
            applied,
        )


def require_log(bench: Bench, expected: str, story: str) -> None:
    """Check the log of the server under test.

    Raises:
        CheckFailed: The log has other entries.
    """
    found = bench.log()
    is_now = f"'{found}'" if found else "empty"
    bench.require(
        found == expected,
        f"{story}; afterwards tom's log should be '{expected}', but is {is_now}",
        latest(bench, "delivered") or latest(bench, "answered"),
    )
