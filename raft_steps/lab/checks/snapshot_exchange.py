"""Helpers for the checks of snapshots: let tom take, get and send them, and check what its log then stands for.

What is in a snapshot is the Node's own affair: a check sends a Node only snapshots that the same Node has taken.
"""

from __future__ import annotations

from typing import Any

from raft_steps.lab.checks import exchange
from raft_steps.lab.checks.bench import Bench
from raft_steps.lab.checks.elections import preparing
from raft_steps.lab.checks.replication import acknowledge, call, lead
from raft_steps.lab.checks.step_14 import round_of
from raft_steps.lab.log import Snapshot
from raft_steps.lab.trace.trace import Event

ENTRIES = ("set x 1", "set y 2", "set z 3", "set x 4", "set w 5")
MATCHING = "; ".join(f"1 {command}" for command in ENTRIES)

# Acting.


def follow(bench: Bench, committed: int) -> None:
    """Let tom get `ENTRIES` in term 1 from jerry, who commits this many of them."""
    bench.begin()
    call(bench, "jerry", 1, (0, 0), MATCHING, commit=committed)
    with preparing():
        story = f"jerry sends tom five entries, and commits {committed} of them"
        exchange.require_applied(bench, list(ENTRIES[:committed]), story)


def send_many(bench: Bench, count: int) -> None:
    """Let tom get this many entries in term 1 from jerry, who commits none of them."""
    for first in range(1, count + 1, 100):
        entries = "; ".join(f"1 set x {number % 9 + 1}" for number in range(first, min(first + 100, count + 1)))
        call(bench, "jerry", 1, (first - 1, min(first - 1, 1)), entries)


def lead_compacted(bench: Bench) -> None:
    """Let tom lead in term 2, with a snapshot of `ENTRIES` and of its own first entry, the 6th; spike has them all."""
    lead(bench, log=MATCHING)
    acknowledge(bench, "spike", 6)
    take_snapshot(bench)


def take_snapshot(bench: Bench) -> None:
    """Let tom take a snapshot now.

    Raises:
        CheckFailed: Its Node has no take_snapshot.
    """
    bench.require(
        callable(getattr(bench.node, "take_snapshot", None)),
        "tom should take a snapshot, but its Node has no take_snapshot",
    )
    bench.act("snapshot", "tom")


def restart(bench: Bench) -> None:
    """Let tom crash, and start again."""
    bench.simulation.crash(bench.host)
    bench.run(0.5)
    bench.simulation.start(bench.host)


def install(bench: Bench, snapshot: Snapshot, term: int) -> list[Event]:
    """Send tom a snapshot from jerry, who leads in a term; return what tom sent in response."""
    return bench.send("jerry", "InstallSnapshot", term=term, snapshot=snapshot, round=1)


def taken(bench: Bench, committed: int) -> tuple[Snapshot, Any]:
    """Let tom take a snapshot of the first of `ENTRIES`; return it, and the state machine that it stands for."""
    follow(bench, committed)
    take_snapshot(bench)
    return snapshot_of(bench), bench.field("state_machine")


def snapshot_of(bench: Bench) -> Snapshot:
    """Return the snapshot in tom's log.

    Raises:
        CheckFailed: It has none.
    """
    snapshot: Snapshot | None = bench.field("log").snapshot
    bench.require(
        snapshot is not None, "tom has applied entries and takes a snapshot; its log should have it, but has none"
    )
    assert snapshot is not None
    return snapshot


# Judging.


def last(bench: Bench, *kinds: str) -> Event | None:
    """Return the last event of these kinds; by default the last one that brought tom something new."""
    return exchange.latest(bench, *(kinds or ("delivered", "restarted", "told")))


def state_of(bench: Bench) -> dict[str, Any]:
    """Return what a snapshot that changes nothing leaves as it is."""
    names = ("log", "state_machine", "last_applied", "commit_index", "current_term", "is_leader")
    return {name: bench.field(name) for name in names}


def require_unchanged(bench: Bench, before: dict[str, Any], story: str) -> None:
    """Check that tom's state is as it was.

    Raises:
        CheckFailed: A field has another value.
    """
    for name, value in before.items():
        found = bench.field(name)
        bench.require(found == value, f"{story}; its {name} should stay {value}, but is {found} now", bench.arrival())


def require_base(bench: Bench, index: int, term: int, story: str) -> None:
    """Check up to which entry tom's log is compacted.

    Raises:
        CheckFailed: It is compacted up to another one, or that one has another term.
    """
    log = bench.field("log")
    found = log.base_index, log.base_term
    should = f"a snapshot up to entry {index} of term {term}" if index else "no snapshot"
    has = f"one up to entry {found[0]} of term {found[1]}" if log.snapshot is not None else "none"
    bench.require(found == (index, term), f"{story}; tom's log should have {should}, but has {has}", last(bench))


def require_short(bench: Bench, limit: int, story: str) -> None:
    """Check that fewer entries than the limit are in tom's log although they have been applied.

    Raises:
        CheckFailed: As many are, or more.
    """
    log = bench.field("log")
    left = bench.field("last_applied") - log.base_index
    bench.require(
        left < limit, f"{story}; tom's log should be compacted, but has {left} entries that are applied", last(bench)
    )


def require_match_between(bench: Bench, least: int, most: int, story: str) -> None:
    """Check the match_index in tom's last answer.

    Raises:
        CheckFailed: It is smaller than what the call was about, or larger than what tom is known to have.
    """
    replies = bench.sent("AppendEntriesReply", since=bench.arrival().number)
    should = f"{story}; tom should answer that its log matches up to entry {least}"
    bench.require(replies, f"{should}, but does not answer", bench.arrival())
    found = exchange.field_of(replies[-1], "match_index")
    bench.require(
        type(found) is int and least <= found <= most,
        f"{should}, but its match_index is {bench.commit_text(found)}",
        replies[-1],
    )


def require_committed(bench: Bench, index: int, story: str) -> None:
    """Check that tom regards all entries up to one as committed and applied.

    Raises:
        CheckFailed: It does not.
    """
    for name in ("commit_index", "last_applied"):
        found = bench.field(name)
        bench.require(found == index, f"{story}; its {name} should be {bench.commit_text(index)}, but is "
                      f"{bench.commit_text(found)}", last(bench))  # fmt: skip


def require_nothing_sent(bench: Bench, mark: int, story: str) -> None:
    """Check that tom has sent jerry no entries since an event.

    Raises:
        CheckFailed: It has.
    """
    early = [each for each in bench.sent("AppendEntries", to="jerry", since=mark) if exchange.entries_in(each)]
    bench.require(not early, f"{story}; tom should send it no entries, but does", exchange.first(early))


def require_call_after(bench: Bench, sent: list[Event], index: int, story: str) -> None:
    """Check which entry tom's next call follows.

    Raises:
        CheckFailed: It follows another entry, or tom does not call.
    """
    calls = [each for each in sent if each["type"] == "AppendEntries"]
    bench.require(calls, f"{story}; tom should call again, after entry {index}, but does not", bench.arrival())
    found = exchange.preceding_entry(calls[0])[0]
    bench.require(
        found == index, f"{story}; tom should call again after entry {index}, but does so after entry {found}", calls[0]
    )


def require_snapshot_sent(bench: Bench, sent: list[Event], story: str, index: int = 6) -> None:
    """Check that tom has sent jerry the snapshot in its log, in its term, and nobody else one.

    Raises:
        CheckFailed: It has not, or with other fields.
    """
    found = [each for each in sent if each["type"] == "InstallSnapshot"]
    bench.require(found, f"{story}; tom should send jerry an InstallSnapshot, but does not", last(bench))
    wrong = [each for each in found if each["to"] != "jerry"]
    bench.require(
        not wrong, f"{story}; tom should send its snapshot to jerry alone, but does not", exchange.first(wrong)
    )
    term, now = exchange.term_of(found[-1]), bench.field("current_term")
    bench.require(
        term == now, f"{story}; its InstallSnapshot should be of term {now}, but is of term {term}", found[-1]
    )
    fields = exchange.field_of(found[-1], "snapshot")
    own = snapshot_of(bench)
    has = fields.get("last_included_index"), fields.get("last_included_term"), fields.get("data")
    expected = own.last_included_index, own.last_included_term, own.data
    bench.require(
        has == expected and has[0] == index,
        f"{story}; it should send jerry the snapshot in its log, up to entry {index}, but sends another one",
        found[-1],
    )
    calls = [each for each in bench.sent("AppendEntries") if each.time_us <= found[-1].time_us]
    now = max((round_of(each) for each in calls), default=0)
    number = exchange.field_of(found[-1], "round")
    bench.require(
        number == now, f"{story}; its InstallSnapshot should be of round {now}, but is of {number}", found[-1]
    )
