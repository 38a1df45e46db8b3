"""Tests of the narration: every event has a sentence, and a story omits what changed nothing."""

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.text import join_names, plural
from raft_steps.lab.trace.narration import event_text, message_text, story
from raft_steps.lab.trace.trace import Event, Trace

SENTENCES = [
    ("started", "tom", {"log": []}, "tom starts"),
    ("restarted", "tom", {"log": [1, 2]}, "tom restarts with 2 entries on disk"),
    ("crashed", "tom", {}, "tom crashes"),
    ("paused", "tom", {}, "tom is paused"),
    ("resumed", "tom", {}, "tom resumes"),
    ("role", "tom", {"role": "leader"}, "tom becomes leader"),
    ("role", "tom", {"role": "server"}, "tom serves clients"),
    ("term", "tom", {"term": 3}, "tom enters term 3"),
    (
        "sent",
        "tom",
        {"to": "jerry", "type": "RequestVote", "fields": {"term": 3}},
        "tom sends RequestVote of term 3 to jerry",
    ),
    (
        "delivered",
        "jerry",
        {"from": "tom", "type": "RequestVote", "term": 3},
        "jerry receives RequestVote of term 3 from tom",
    ),
    (
        "delivered",
        "jerry",
        {"from": "tom", "type": "CommitEntry", "copy": True},
        "jerry receives a copy of CommitEntry from tom",
    ),
    (
        "dropped",
        "jerry",
        {"from": "tom", "type": "Gossip", "reason": "cut"},
        "jerry does not get Gossip from tom: the link is cut",
    ),
    ("timer_started", "tom", {"timer": "election", "due": 8_000_000}, "tom starts its election timer: 8 s"),
    ("timer_cancelled", "tom", {"timer": "election"}, "tom stops its election timer"),
    ("timer_fired", "tom", {"timer": "election"}, "tom's election timer runs out"),
    ("appended", "tom", {"index": 2, "term": 1, "command": "set x 1"}, "tom stores entry 2 of term 1: set x 1"),
    ("applied", "tom", {"index": 2, "term": 1, "command": "set x 1"}, "tom applies entry 2 of term 1: set x 1"),
    ("truncated", "tom", {"after": 2}, "tom deletes its entries after 2"),
    ("truncated", "tom", {"after": 0}, "tom deletes all its entries"),
    (
        "compacted",
        "tom",
        {"index": 5, "term": 1, "data": "{}"},
        "tom has a snapshot in place of the entries up to 5",
    ),
    (
        "restarted",
        "tom",
        {"life": 2, "log": [], "snapshot": {"index": 5, "term": 1, "data": "{}"}},
        "tom restarts with a snapshot up to entry 5 on disk",
    ),
    ("told", "tom", {"order": "take a snapshot"}, "tom is told to take a snapshot"),
    ("asked", "tom", {"client": "client#1", "request": "get x"}, "tom is asked by client#1: get x"),
    ("answered", "tom", {"client": "client#1", "response": "Ok", "value": "1"}, "tom answers client#1: ok, 1"),
    ("answered", "tom", {"client": "client#1", "response": "NotLeader"}, "tom answers client#1: not the leader"),
    (
        "answered",
        "tom",
        {"client": "ann#1", "response": "SessionExpired"},
        "tom answers ann#1: the session has expired",
    ),
    (
        "answered",
        "tom",
        {"client": "c", "response": "Refused", "reason": "a change is under way"},
        "tom answers c: refused: a change is under way",
    ),
    ("answered", "tom", {"client": "c", "response": "Mismatch", "value": "2"}, "tom answers c: not done, there is 2"),
    (
        "answered",
        "tom",
        {"client": "c", "response": "Mismatch", "value": None},
        "tom answers c: not done, nothing there",
    ),
    ("partitioned", "", {"sides": [["tom"], ["jerry", "spike"]]}, "the network is partitioned: tom | jerry spike"),
    ("cut", "", {"from": "tom", "to": "jerry"}, "the link from tom to jerry is cut"),
    ("healed", "", {}, "the network heals"),
    (
        "held",
        "jerry",
        {"message": "tom>jerry#1", "from": "tom", "type": "RequestVote", "term": 3, "due": 2_500_000},
        "jerry waits for RequestVote of term 3 from tom: held back until 2.5 s",
    ),
    (
        "doubled",
        "jerry",
        {"message": "tom>jerry#1", "from": "tom", "type": "RequestVote", "term": 3, "due": 2_500_000},
        "a copy of RequestVote of term 3 from tom is on its way to jerry",
    ),
    ("network", "", {"loss": 0.07}, "the network loses 7% of the messages"),
    ("network", "", {"delay": [0.001, 12.0]}, "messages take 0.001 to 12 s"),
    ("failed", "tom", {"error": "tom's on_start raised\nline 3"}, "tom's on_start raised"),
    ("note", "tom", {"text": "crash tom: it is so already"}, "crash tom: it is so already"),
]


@pytest.mark.parametrize(
    "kind,server,detail,sentence", SENTENCES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_event_has_a_sentence(kind: str, server: str, detail: dict[str, object], sentence: str) -> None:
    """Every kind of event is described in a sentence."""
    assert sentence == event_text(Event(0, 0, kind, server, detail))


def test_every_kind_of_event_is_covered() -> None:
    """The sentences above are of documented kinds, and cover every kind in a run."""
    import raft_steps.lab.trace.trace as module

    listed = (module.__doc__ or "").partition("details that depend on its kind:")[2].partition("`changes`")[0]

    for kind in {kind for kind, *_ in SENTENCES}:
        assert kind in listed
    known = {kind for kind, *_ in SENTENCES} | {"lost", "cut", "down"}
    run = Cluster(8, 5, seed=1, network={"loss": 0.1, "duplicate": 0.1}).run(60)

    assert {event.kind for event in run.trace} <= known


@pytest.mark.parametrize(
    "name,fields,words",
    [
        ("AppendEntries", {"term": 2, "entries": []}, "a heartbeat of term 2"),
        ("AppendEntries", {"entries": [{}]}, "AppendEntries with 1 entry"),
        ("AppendEntriesReply", {"success": False}, "a request for earlier entries"),
        ("AppendEntriesReply", {"success": True}, "an acknowledgement"),
        ("AppendEntriesRefused", {"term": 4}, "a refusal of term 4"),
        ("RequestVoteReply", {"vote_granted": True}, "a vote"),
        ("RequestVoteReply", {"vote_granted": False}, "a refusal to vote"),
        ("CommitEntry", {"index": 3}, "CommitEntry 3"),
        ("Gossip", {}, "Gossip"),
    ],
)
def test_messages_are_described_by_their_meaning(name: str, fields: dict[str, object], words: str) -> None:
    """A message is described by its meaning in the protocol, an unknown one by its type."""
    assert words == message_text(name, fields)


def test_story_of_an_election() -> None:
    """A story has a line for each cause, with its effects, and no idle heartbeats."""
    shown = story(Cluster(4, draws={"tom": [8]}).run(30).trace)

    assert "     8.00 s  tom's election timer runs out; enters term 1; becomes candidate; " in str(shown)
    assert any(line.endswith("sends RequestVote of term 1 to jerry and spike") for line in shown.lines)
    assert "tom receives a vote from jerry; becomes leader; sends a heartbeat to jerry and spike" in str(shown)
    assert not [line for line in shown.lines if line.startswith("    13.")]
    assert repr(shown) == str(shown)


def test_story_with_heartbeats_is_longer() -> None:
    """Heartbeats that changed nothing are included on request."""
    trace = Cluster(4, draws={"tom": [8]}).run(30).trace

    assert len(story(trace).lines) < len(story(trace, heartbeats=True).lines)


def test_read_of_a_missing_key_is_described() -> None:
    """A read of a missing key is answered with nothing, a write with ok."""
    cluster = Cluster(1)
    cluster.set("x", 1)
    cluster.get("x")
    cluster.get("y")
    cluster.delete("y")

    answers = [line.rpartition("answers ")[2] for line in cluster.story().lines[1:]]
    assert ["client#1: ok", "client#2: ok, 1", "client#3: nothing there", "client#4: ok"] == answers
    (answered,) = [event for event in cluster.trace.of("answered") if event["client"] == "client#3"]
    assert "tom answers client#3: nothing there" == event_text(answered, {"request": "get y"})


def test_many_entries_are_described_as_a_range() -> None:
    """A server that stores or applies more than two entries at once does so from the first to the last."""
    trace = Trace(("tom",))
    trace.add(0, "asked", "tom", {"client": "client#1", "request": "get x"})
    for index in (1, 2, 3):
        trace.add(0, "appended", "tom", {"index": index, "term": 1, "command": f"set x {index}"})

    assert "entries 1 to 3" in "\n".join(story(trace).lines)


def test_story_of_a_part() -> None:
    """A story can cover a part of the run; its end must not be before its start."""
    trace = Cluster(4, draws={"tom": [8]}).run(30).trace
    lines = story(trace, start=8.1, end=8.5).lines

    assert [8.23, 8.24, 8.46] == [float(line.split()[0]) for line in lines]
    with pytest.raises(ScenarioError, match="end is before start"):
        story(trace, start=9, end=8)


def test_story_shortens_a_long_text() -> None:
    """A long text of a client is shortened to a part of one line."""
    cluster = Cluster(1)
    cluster.set("key", "line\nline " + "long " * 100)

    assert all(len(line) < 300 for line in cluster.story().lines)


def test_story_is_wrapped_between_words() -> None:
    """A long line is wrapped between words and indented, because a notebook would break it in the middle of a word."""
    shown = story(Cluster(8, 5, draws={"tom": [8]}).run(30).trace, heartbeats=True)
    printed = str(shown).split("\n")

    assert max(map(len, shown.lines)) > 110 >= max(map(len, printed))
    assert [] == [line for line in printed if not line.startswith(" " * 13) and line[9:13] != " s  "]
    assert " ".join(str(shown).split()) == " ".join(" ".join(shown.lines).split())


def test_story_of_nothing() -> None:
    """An empty trace has an empty story."""
    assert "" == str(story(Trace(("tom",))))


def test_lists_and_counts_read_well() -> None:
    """Names and counts are formatted as in a sentence."""
    assert "tom" == join_names(["tom"])
    assert "tom, jerry and spike" == join_names(["tom", "jerry", "spike"])
    assert "nobody" == join_names([])
    assert ["1 entry", "2 entries", "0 messages", "1 message"] == [
        plural(1, "entry"), plural(2, "entry"), plural(0, "message"), plural(1, "message"),
    ]  # fmt: skip
