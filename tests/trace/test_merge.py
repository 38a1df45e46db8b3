"""Tests of merging the traces of real servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.trace.merge import is_server_trace, merge_traces


def header(server: str, life: int = 1, **changes: Any) -> str:
    """Return the first line of a life."""
    fields = {"version": 1, "title": "step 12", "servers": ["tom", "jerry"], "scenario": "", "end": 0}
    return json.dumps(fields | {"server": server, "life": life, "boot": "one"} | changes)


def line(time_us: int, kind: str, server: str, **detail: Any) -> str:
    """Return the line of an event."""
    return json.dumps({"time": time_us, "kind": kind, "server": server} | detail)


def text(*lines: str) -> str:
    """Return a file."""
    return "".join(f"{each}\n" for each in lines)


TOM = text(
    header("tom"),
    line(1000, "started", "tom", life=1, log=[]),
    line(1000, "timer_started", "tom", timer="election", due=9000),
    line(5000, "sent", "tom", message="tom.1>jerry#1", to="jerry", type="RequestVote", fields={}, due=5000),
)
JERRY = text(header("jerry"), line(2000, "started", "jerry", life=1, log=[]), line(7000, "delivered", "jerry", message="tom.1>jerry#1", type="RequestVote", **{"from": "tom"}))  # fmt: skip


def test_events_are_in_order_of_time_from_zero() -> None:
    """The merged trace begins at 0, and a message is due when it arrived."""
    trace = merge_traces([("jerry", JERRY), ("tom", TOM)])
    assert [(event.time_us, event.kind, event.server) for event in trace] == [
        (0, "started", "tom"),
        (0, "timer_started", "tom"),
        (1000, "started", "jerry"),
        (4000, "sent", "tom"),
        (6000, "delivered", "jerry"),
    ]
    assert trace.events[1]["due"] == 8000
    assert trace.events[3]["due"] == 6000
    assert trace.end_us == 6000


def test_killed_life_ends_with_a_crash() -> None:
    """A server that was killed could not record it; its next life shows it."""
    again = text(header("tom", 2), line(9000, "restarted", "tom", life=2, log=[]))
    kinds = [event.kind for event in merge_traces([("tom", TOM + again), ("jerry", JERRY)]) if event.server == "tom"]
    assert kinds == ["started", "timer_started", "sent", "crashed", "restarted"]


def sent(time_us: int, number: int) -> str:
    """Return the line of a message of tom to jerry."""
    name = f"tom.1>jerry#{number}"
    return line(time_us, "sent", "tom", message=name, to="jerry", type="RequestVote", fields={}, due=time_us)


def test_message_that_never_arrives_is_lost_with_its_receiver_or_its_sender() -> None:
    """Who is killed records nothing; without the loss, such messages would be under way to the end of the run."""
    tom = TOM + text(sent(7500, 2), sent(8500, 3), sent(9500, 4), line(9900, "crashed", "tom"), sent(9950, 5))
    jerry = JERRY + text(line(8000, "crashed", "jerry"), line(9000, "restarted", "jerry", life=2, log=[]))
    trace = merge_traces([("tom", tom), ("jerry", jerry)])
    lost = [(event.time_us, event["message"][-1], event.server) for event in trace if event.kind == "dropped"]
    # With the receiver, at once because that is down, with the sender; and the last one is still under way.
    assert lost == [(7000, "2", "jerry"), (7500, "3", "jerry"), (8900, "4", "jerry")]
    assert [event["due"] for event in trace if event.kind == "sent"] == [6000, 7000, 7500, 8900, trace.end_us]


def test_torn_last_line_is_left_out() -> None:
    """A line without its end was being written when the server was killed."""
    assert len(merge_traces([("tom", TOM + '{"time": 6000, "ki')])) == 3


@pytest.mark.parametrize(
    "texts, reason",
    [
        ([], "no trace to merge"),
        ([TOM, text(header("jerry", boot="two"))], "another start of the machine"),
        ([TOM, text(header("jerry", title="step 11"))], "another step"),
        ([TOM, text(header("jerry", servers=["tom"]))], "another cluster"),
        ([TOM, TOM], "the same life of tom"),
        ([text("5")], "line 1: .*not an object"),
        ([text(line(1, "started", "tom"))], "line 1: .*not a server's header"),
        ([text(header("tom"), '{"time": 1}')], "line 2: "),
        ([text('{"version": 1, "title": "x"}')], "the header has no boot"),
        ([text(header("tom", version=9))], "of version 9"),
    ],
)
def test_wrong_traces_are_refused(texts: list[str], reason: str) -> None:
    """Each is refused with the file and the line, or with the reason why they do not belong together."""
    with pytest.raises(ScenarioError, match=reason):
        merge_traces((f"file {number}", each) for number, each in enumerate(texts))


def test_server_traces_are_recognised() -> None:
    """Only a file with a server's header is one."""
    assert is_server_trace(TOM)
    assert not is_server_trace('{"version": 1}')
    assert not is_server_trace("tom")
