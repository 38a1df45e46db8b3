"""The checks of step 2: a leader copies its log, and a follower takes what fits onto its own."""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import rule
from raft_steps.lab.checks.stage import DELAY, Stage, message_class_of
from raft_steps.lab.checks.step_01 import latest
from raft_steps.lab.commands import NotLeader, Ok, command_text, parse_command
from raft_steps.lab.log import Entry
from raft_steps.lab.scenario import MICROSECONDS
from raft_steps.lab.trace import Event

PUPPETS = ("jerry", "spike")


@rule(
    "A leader sends a heartbeat, an AppendEntries without entries, to every follower at once and every 5 s.",
    "Section 5.2; Figure 2, Leaders; the commits of July 2020 (every 5 s)",
)
def heartbeats_come_at_once_and_every_5_seconds(stage: Stage) -> None:
    """A leader of two followers is left alone for 11 s."""
    stage.begin(leads=True)
    stage.run(11)
    for puppet in PUPPETS:
        calls = stage.sent("AppendEntries", to=puppet)
        times = [call.time / MICROSECONDS for call in calls]
        first_wrong = next((call for call, at in zip(calls, times, strict=True) if at not in (0, 5, 10)), None)
        spelled = " s, ".join(f"{at:g}" for at in times) + " s" if times else "no time at all"
        stage.require(
            times == [0, 5, 10],
            f"tom leads and should send {puppet} a heartbeat at 0 s, 5 s, 10 s; it sends AppendEntries at {spelled}",
            first_wrong,
        )


@rule(
    "A heartbeat asks the follower whether it has the leader's last entry, and brings no entries.",
    "Section 5.3: index and term of the preceding entry; the commits of August 2020",
)
def a_heartbeat_asks_for_the_last_entry(stage: Stage) -> None:
    """A leader starts with two entries in its log."""
    stage.begin(log="1 set x 1; 2 set y 2", leads=True)
    stage.run(1)
    heartbeats = stage.sent("AppendEntries")
    stage.require(heartbeats, "tom leads and should send a heartbeat at once; it sends none")
    for call in heartbeats:
        stage.require(
            before(call) == (2, 2),
            f"tom's log ends at entry 2 of term 2, and the heartbeat should ask for it; it asks for {spell_before(call)}",
            call,
        )
        stage.require(
            not brought(call), f"a heartbeat should bring no entries; tom's brings {'; '.join(brought(call))}", call
        )


@rule(
    "A new entry goes to every follower, together with the index and the term of the entry before it.",
    "Section 5.3; Figure 2, AppendEntries RPC: prevLogIndex, prevLogTerm",
)
def a_new_entry_comes_with_the_one_before(stage: Stage) -> None:
    """A leader with two entries is asked for a write, and both followers have it soon."""
    stage.begin(log="1 set x 1; 2 set y 2", leads=True)
    stage.run(1)
    mark = stage.mark()
    client = stage.ask("set z 3")
    asked = latest(stage, "asked")
    calls = [call for call in stage.sent("AppendEntries", since=mark) if brought(call)]
    for puppet in PUPPETS:
        found = [call for call in calls if call["to"] == puppet]
        stage.require(found, f"a client asks tom, who leads, for set z 3; {puppet} should be sent it, but is not", asked)
        stage.require(
            before(found[0]) == (2, 2),
            f"set z 3 becomes entry 3 and comes after entry 2 of term 2; tom says that it comes after "
            f"{spell_before(found[0])}",
            found[0],
        )
        stage.require(
            brought(found[0]) == ["3: 2 set z 3"],
            f"tom should send entry 3, set z 3 of term 2, and nothing else; it sends {'; '.join(brought(found[0]))}",
            found[0],
        )
    for call in calls:
        answer_call(stage, call, success=True)
    stage.require(
        isinstance(stage.answer(client), Ok),
        "jerry and spike have the entry, so the client should have heard Ok by now; it has not",
        asked,
    )


@rule(
    "A follower refuses a call, and stores nothing, if its log has no entry of that index and term to put it after.",
    "Section 5.3, the consistency check; Figure 2, AppendEntries RPC, receiver 2",
)
def a_follower_refuses_what_does_not_fit(stage: Stage) -> None:
    """A call asks a follower for an entry that is missing, another for one that has another term there."""
    stage.begin(log="1 set x 1; 1 set y 2")
    for previous, story in (
        ((3, 2), "tom's log ends at entry 2, and jerry's call comes after entry 3 of term 2"),
        ((2, 2), "tom's entry 2 has term 1, and jerry's call comes after entry 2 of term 2"),
    ):
        mark = stage.mark()
        sent = append_entries(stage, "jerry", previous, "2 set z 3")
        stored = stage.events("appended", since=mark)
        stage.require(not stored, f"{story}: tom should store nothing, but appends an entry", stored[0] if stored else None)
        require_reply(stage, sent, success=False, story=story)


@rule(
    "A follower that has the entry before stores the new ones after it, and says so.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 4",
)
def a_follower_stores_what_fits(stage: Stage) -> None:
    """A call brings two entries to a follower that has the one before them; its own first call goes to an empty log."""
    stage.begin()
    story = "tom's log is empty, and jerry's call brings the first entry"
    require_reply(stage, append_entries(stage, "jerry", (0, 0), "1 set x 1"), success=True, story=story)
    require_log(stage, ["1 set x 1"], story)
    story = "tom's log ends at entry 1 of term 1, and jerry's call brings two entries that come after it"
    sent = append_entries(stage, "jerry", (1, 1), "1 set y 2", "2 delete x")
    require_reply(stage, sent, success=True, story=story)
    require_log(stage, ["1 set x 1", "1 set y 2", "2 delete x"], story)


@rule(
    "When a follower refuses, the leader tries again one entry earlier until they meet, and sends all that comes after.",
    "Section 5.3: after a rejection the leader decrements nextIndex; the commits of August 2020",
)
def a_refused_leader_tries_one_entry_earlier(stage: Stage) -> None:
    """A follower whose log is empty refuses a leader with three entries, until it is asked for the common first one."""
    stage.begin(log="1 set x 1; 1 set y 2; 2 set z 3", leads=True)
    stage.run(1)
    call = next(iter(stage.sent("AppendEntries", to="jerry")), None)
    stage.require(call, "tom leads and should send jerry a heartbeat, to hear what jerry lacks; it sends none")
    for previous in ((2, 1), (1, 1), (0, 0)):
        assert call is not None
        story = f"jerry refuses a call that comes after {spell_before(call)}"
        sent = answer_call(stage, call, success=False)
        again = [each for each in sent if each["type"] == "AppendEntries" and each["to"] == "jerry"]
        stage.require(again, f"{story}; tom should try again one entry earlier, but sends nothing", latest(stage, "delivered"))
        call = again[-1]
        stage.require(
            before(call) == previous,
            f"{story}; tom should ask for entry {previous[0]} of term {previous[1]}, but asks for {spell_before(call)}",
            call,
        )
    assert call is not None
    last = answer_call(stage, call, success=True)
    entries = [entry for each in (call, *last) if each["type"] == "AppendEntries" for entry in brought(each)]
    stage.require(
        entries == ["1: 1 set x 1", "2: 1 set y 2", "3: 2 set z 3"],
        f"jerry meets tom at entry 0 and should be sent all three entries; it is sent {'; '.join(entries) or 'nothing'}",
        call,
    )


@rule(
    "An entry that conflicts with the leader's, and all that follow it, are deleted; the leader's take their place.",
    "Section 5.3; Figure 2, AppendEntries RPC, receiver 3; the commits of August 2020",
)
def what_diverges_is_deleted(stage: Stage) -> None:
    """A leader of a newer term has other entries from the third on; then one that has only another second."""
    stage.begin(log="1 set a 1; 1 set b 2; 2 set c 3; 2 set d 4")
    story = "tom's entry 3 has term 2, and jerry's call brings entry 3 of term 3"
    require_reply(
        stage, append_entries(stage, "jerry", (1, 1), "1 set b 2", "3 set e 5"), success=True, story=story
    )
    require_log(stage, ["1 set a 1", "1 set b 2", "3 set e 5"], story)


@rule(
    "Only an entry that conflicts is deleted: a call whose entries are there already changes nothing, nor does a heartbeat.",
    "Figure 2, AppendEntries RPC, receiver 3 and 4: conflicts, and entries not already in the log",
)
def what_agrees_is_kept(stage: Stage) -> None:
    """A call comes twice, an older one comes late, and a heartbeat asks for an early entry."""
    stage.begin()
    log = ["1 set x 1", "1 set y 2", "1 set z 3"]
    append_entries(stage, "jerry", (0, 0), *log)
    require_log(stage, log, "tom's log is empty, and jerry's call brings the first three entries")
    for previous, entries, story in (
        ((0, 0), log, "jerry's call comes a second time, and tom has all of its entries"),
        ((0, 0), log[:2], "an older call with entries 1 and 2 comes late, and tom has entries 1 to 3"),
        ((1, 1), [], "a heartbeat asks for entry 1, and tom has entries 1 to 3"),
    ):
        mark = stage.mark()
        sent = append_entries(stage, "jerry", previous, *entries)
        changed = stage.events("appended", "truncated", since=mark)
        did = "deletes" if changed and changed[0].kind == "truncated" else "appends"
        stage.require(
            not changed,
            f"{story}: the log should stay as it is, but tom {did} entries",
            changed[0] if changed else None,
        )
        require_reply(stage, sent, success=True, story=story)


@rule(
    "A server that does not lead turns clients away, whatever they ask for; what it is asked to write is not logged.",
    "Section 8: a follower rejects a client's request; the client's prompt of the original",
)
def a_follower_turns_clients_away(stage: Stage) -> None:
    """Clients ask a follower for a write and for a read."""
    stage.begin(log="1 set x 1")
    for command in ("set x 2", "get x"):
        mark = stage.mark()
        answer = stage.answer(stage.ask(command))
        changed = stage.events("appended", since=mark)
        stage.require(
            isinstance(answer, NotLeader),
            f"a client asks tom for {command!r}; tom does not lead and should answer NotLeader, "
            f"but {'says nothing' if answer is None else f'answers {answer!r}'}",
            latest(stage, "asked" if answer is None else "answered"),
        )
        stage.require(
            not changed,
            f"a client asks tom for {command!r}; tom does not lead and should log nothing, but appends an entry",
            changed[0] if changed else None,
        )


# What these checks, and those of later steps, have in common.


def fitting(stage: Stage, message_name: str, **fields: Any) -> dict[str, Any]:
    """Complete a message's fields with what later steps add to it: from step 5 on a call carries the term."""
    known = getattr(message_class_of(stage.node_class, message_name), "__dataclass_fields__", {})
    return fields | ({"term": stage.field("current_term")} if "term" in known and "term" not in fields else {})


def append_entries(stage: Stage, sender: str, previous: tuple[int, int], *entries: str) -> list[Event]:
    """Let a puppet call AppendEntries, where it carries a term in one that is new enough.

    Args:
        stage: Where.
        sender: The puppet.
        previous: Index and term of the entry that comes before.
        entries: Each as its term and its command: ``1 set x 1``.

    Returns:
        What the server under test sent when it heard the call.
    """
    index, previous_term = previous
    made = []
    for text in entries:
        index += 1
        term, _space, command = text.partition(" ")
        made.append(Entry(index=index, term=int(term), command=parse_command(command)))  # type: ignore[arg-type]
    fields = fitting(
        stage, "AppendEntries", prev_log_index=previous[0], prev_log_term=previous_term, entries=tuple(made)
    )
    if "term" in fields:
        fields["term"] = max(fields["term"], previous_term, *(entry.term for entry in made))
    return stage.send(sender, "AppendEntries", **fields)


def answer_call(stage: Stage, call: Event, *, success: bool) -> list[Event]:
    """Let the follower that was called answer; return what the server under test sent then."""
    index = call["fields"].get("prev_log_index")
    fields = fitting(stage, "AppendEntriesReply", success=success, prev_log_index=index)
    return stage.send(call["to"], "AppendEntriesReply", **fields)


def before(call: Event) -> tuple[Any, Any]:
    """Give index and term of the entry that a call comes after."""
    return call["fields"].get("prev_log_index"), call["fields"].get("prev_log_term")


def spell_before(call: Event) -> str:
    """Spell the entry that a call comes after."""
    return "entry {} of term {}".format(*before(call))


def brought(call: Event) -> list[str]:
    """Spell the entries that a call brings, each with its index, term and command: ``3: 2 set z 3``."""
    return [
        f"{entry['index']}: {entry['term']} {' '.join(list(spelled.values()))}"
        for entry in call["fields"].get("entries", ())
        if (spelled := {**entry["command"], "type": entry["command"]["type"].lower()})
    ]


def require_reply(stage: Stage, sent: list[Event], *, success: bool, story: str) -> None:
    """Hold the answer to an AppendEntries against what it should be.

    Raises:
        CheckFailed: There is none, or it says the opposite.
    """
    replies = [event for event in sent if event["type"] == "AppendEntriesReply"]
    stage.require(replies, f"{story}: tom should answer, but sends nothing", latest(stage, "delivered"))
    for reply in replies:
        stage.require(
            reply["fields"].get("success") is success,
            f"{story}: tom should {'accept' if success else 'refuse'} it, but answers "
            f"success={reply['fields'].get('success')}",
            reply,
        )


def require_log(stage: Stage, expected: list[str], story: str) -> None:
    """Hold the log of the server under test against what it should be.

    Raises:
        CheckFailed: It holds something else.
    """
    found = [f"{entry.term} {command_text(entry.command)}" for entry in stage.field("log")]
    stage.require(
        found == expected,
        f"{story}: afterwards its log should be {'; '.join(expected)}, but is {'; '.join(found) or 'empty'}",
        latest(stage, "delivered"),
    )


__all__ = ["DELAY", "PUPPETS", "answer_call", "append_entries", "brought", "fitting"]
