"""What checks say to the Node under test, as clients and as other servers, and how they judge what it answers.

Each judging function takes the story so far, so that a failure says who was in which state and what had arrived.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from raft_steps.lab.checks.bench import Bench, CheckFailed, message_class_of, read_entries
from raft_steps.lab.commands import Ok
from raft_steps.lab.trace.trace import Event

PUPPETS = ("jerry", "spike")  # the others, in a cluster of three


def latest(stage: Bench, *kinds: str) -> Event | None:
    """Give the last event of these kinds on the server under test, if there was one."""
    events = stage.events(*kinds)
    return events[-1] if events else None


def first(events: list[Event]) -> Event | None:
    """Give the first of some events, if there is one."""
    return events[0] if events else None


# As clients.


def request(stage: Bench, command: str) -> Ok:
    """Let a client ask something that is answered at once, and give the answer.

    Raises:
        CheckFailed: There is none, or it is not Ok.
    """
    answer = stage.answer(stage.ask(command))
    asked = f"a client asks tom for {command!r}; tom should answer Ok"
    stage.require(answer is not None, f"{asked}, but says nothing", latest(stage, "asked"))
    stage.require(isinstance(answer, Ok), f"{asked}, but answers {answer!r}", latest(stage, "answered"))
    stage.run(0.5)  # So that a picture has room between two requests.
    return answer  # type: ignore[no-any-return]


def read(stage: Bench, key: str, value: str | None, because: str) -> None:
    """Let a client read a key, and hold the answer against what was to be expected.

    Raises:
        CheckFailed: Another value is read.
    """
    found = request(stage, f"get {key}").value
    stage.require(
        found == value,
        f"{because}, so a client that reads {key} should hear {value!r}; tom answers {found!r}",
        latest(stage, "answered"),
    )


# As other servers. From step 5 on a call carries a term; these checks are about what held before, so theirs fits.


def send(stage: Bench, sender: str, message_name: str, *, term: int | None = None, **values: Any) -> list[Event]:
    """Let a puppet send a message, with a term only if the message has one: tom's own unless another is given.

    Returns:
        What the server under test sent when it heard it.
    """
    if "term" in {field.name for field in fields(message_class_of(stage.node_class, message_name))}:
        values["term"] = stage.field("current_term") if term is None else term
    return stage.send(sender, message_name, **values)


def append_entries(stage: Bench, sender: str, after: tuple[int, int], entries: str = "") -> list[Event]:
    """Let a puppet call AppendEntries, in a term that is new enough.

    Args:
        stage: Where.
        sender: The puppet.
        after: Index and term of the entry before.
        entries: What the call brings, as ``"2 set y 2; 2 set z 3"``; nothing makes it a heartbeat.

    Returns:
        What the server under test sent when it heard it.
    """
    index, prev_log_term = after
    brought = read_entries(entries, index + 1)
    return send(
        stage,
        sender,
        "AppendEntries",
        term=max(stage.field("current_term"), prev_log_term, *(entry.term for entry in brought)),
        prev_log_index=index,
        prev_log_term=prev_log_term,
        entries=brought,
    )


def answer_call(stage: Bench, call: Event, *, success: bool) -> list[Event]:
    """Let the follower that was called answer; return what the server under test sent then."""
    return send(stage, call["to"], "AppendEntriesReply", success=success, prev_log_index=entry_before(call)[0])


def refuse_call(stage: Bench, call: Event, earlier: tuple[int, int]) -> Event:
    """Let the follower that was called refuse, and hold the leader to try again.

    Args:
        stage: Where.
        call: The leader's call.
        earlier: Index and term of the entry that the leader should ask for then.

    Returns:
        The call with which it tries again.

    Raises:
        CheckFailed: It does not, does it more than once or with others, or asks for another entry.
    """
    to = call["to"]
    story = f"{to} refuses a call that comes after {spell_before(call)}"
    sent = answer_call(stage, call, success=False)
    calls = [each for each in sent if each["type"] == "AppendEntries" and each["to"] == to]
    stage.require(calls, f"{story}; tom should try again one entry earlier, but does not", stage.arrival())
    stage.require(
        entry_before(calls[0]) == earlier,
        f"{story}; tom should ask for entry {earlier[0]} of term {earlier[1]}, but asks for {spell_before(calls[0])}",
        calls[0],
    )
    stage.require(
        len(calls) == 1,
        f"{story}; tom should try again once, but sends {len(calls)} calls, and {to} may refuse each of them",
        calls[-1],
    )
    others = [each for each in sent if each["type"] == "AppendEntries" and each["to"] != to]
    stage.require(
        not others,
        f"{story}; tom should try again with {to} alone, but calls {' and '.join(each['to'] for each in others)} too",
        first(others),
    )
    return calls[0]


def value(message: Event, name: str) -> Any:
    """Give a field of a message that was sent.

    Raises:
        CheckFailed: It has no such field.
    """
    values = message["fields"]
    if name not in values:
        has = ", ".join(values) or "none"
        raise CheckFailed(f"{message['type']} should have a field {name}; it has {has}", message.number)
    return values[name]


def term_of(message: Event) -> int:
    """Give the term of a message that was sent.

    Raises:
        CheckFailed: It has none, or one that is no whole number.
    """
    term = value(message, "term")
    if type(term) is not int:
        raise CheckFailed(
            f"a term is a whole number; {message['type']} of {message.server} has {term!r}", message.number
        )
    return term


def entry_before(call: Event) -> tuple[int, int]:
    """Give index and term of the entry that a call comes after."""
    return value(call, "prev_log_index"), value(call, "prev_log_term")


def spell_before(call: Event) -> str:
    """Spell the entry that a call comes after."""
    return "entry {} of term {}".format(*entry_before(call))


def brought_by(call: Event) -> list[str]:
    """Spell the entries that a call brings, each with its index, term and command: ``3: 2 set z 3``.

    Raises:
        CheckFailed: It brings something else.
    """
    entries = value(call, "entries")
    if not isinstance(entries, list) or any(not isinstance(each, dict) or "command" not in each for each in entries):
        raise CheckFailed(
            f"{call['type']} should bring entries of the log, as a tuple; it brings {entries}", call.number
        )
    return [f"{each['index']}: {each['term']} {_spell(each['command'])}" for each in entries]


def _spell(command: dict[str, str] | None) -> str:
    if command is None:
        return "-"
    return " ".join([command["type"].lower(), *(command[name] for name in ("key", "value") if name in command)])


# Judging.


def require_reply(stage: Bench, sent: list[Event], *, success: bool, about: int, story: str) -> None:
    """Hold the answer to an AppendEntries against what it should be.

    Args:
        stage: Where.
        sent: What the server under test sent when it heard the call.
        success: What it should answer.
        about: The index of the entry that the call comes after: the leader goes by it when it tries again.
        story: What happened so far.

    Raises:
        CheckFailed: There is none, it says the opposite or names another entry, or there is more than one.
    """
    replies = [event for event in sent if event["type"] == "AppendEntriesReply"]
    should = f"{story}; tom should {'accept' if success else 'refuse'} it"
    stage.require(replies, f"{should}, but answers nothing", stage.arrival())
    for reply in replies:
        found = reply["fields"].get("success")
        stage.require(found is success, f"{should}, but answers success={found}", reply)
        index = value(reply, "prev_log_index")
        stage.require(index == about, f"{should} with prev_log_index={about}, the call's; it answers {index}", reply)
    stage.require(len(replies) == 1, f"{should}, once, but answers {len(replies)} times", replies[-1])


def require_applied(stage: Bench, expected: list[str], story: str, since: int = 0) -> None:
    """Hold what the server under test has carried out against what it should be.

    What counts is what it tells the driver with `apply`; whether its state machine is right is to be seen before.

    Raises:
        CheckFailed: It has carried out something else, in another order, more than once, or told the driver of nothing.
    """
    applied = stage.events("applied", since=since)
    found = [event["command"] for event in applied]
    astray = [event for place, event in enumerate(applied) if found[: place + 1] != expected[: place + 1]]
    silent = "the driver hears of none, which is what super().apply(entry) is for"
    did = f"it carries out {'; '.join(found)}" if found else silent
    should = f"{'; '.join(expected)}, once{' each and in this order' if len(expected) > 1 else ''}"
    stage.require(
        found == expected,
        f"{story}; tom should carry out {should}, but {did}",
        first(astray) or latest(stage, "answered", "delivered", "restarted"),
    )


def require_log(stage: Bench, expected: str, story: str) -> None:
    """Hold the log of the server under test against what it should be.

    Raises:
        CheckFailed: It holds something else.
    """
    found = stage.log()
    is_now = f"'{found}'" if found else "empty"
    stage.require(
        found == expected,
        f"{story}; afterwards tom's log should be '{expected}', but is {is_now}",
        stage.arrival(),
    )
