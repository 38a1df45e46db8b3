"""Tests of the links of a server: numbers, faults, and what a trace records of them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from raft_steps.lab.runtime.recorder import Recorder
from raft_steps.lab.runtime.server.addresses import Address
from raft_steps.lab.runtime.server.hello import Identity
from raft_steps.lab.runtime.server.limited_log import LimitedLog
from raft_steps.lab.runtime.server.links import Links
from raft_steps.lab.trace.trace import Trace
from tests.runtime.server.fakes import CODEC, FakeClock, FakeTransport
from tests.runtime.server.test_message_codec import NAMES

VOTE = NAMES["RequestVoteReply"](term=3, vote_granted=True)
OTHERS = {"jerry": Address("127.0.0.1", 7002, 17002), "spike": Address("127.0.0.1", 7003, 17003)}


class Linked:
    """The links of tom in his second life, connected to fakes."""

    def __init__(self) -> None:
        """Connect to jerry and spike."""
        self.trace = Trace(("tom", "jerry", "spike"), "")
        self.links = Links(
            Identity("tom=…", "step 12", "tom", 2), OTHERS, CODEC,
            log=LimitedLog(lambda _text: None, FakeClock()), recorder=Recorder(self.trace),
        )  # fmt: skip
        self.transports = {name: FakeTransport(link) for name, link in self.links.links.items()}
        for transport in self.transports.values():
            transport.written = b""

    def received(self, name: str) -> bytes:
        """Return what a server has received since the first line."""
        return self.transports[name].written


@pytest.fixture
def linked() -> Linked:
    """The links of tom."""
    return Linked()


def test_nothing_leaves_before_the_flush(linked: Linked) -> None:
    """A turn's messages leave together; what a life that ended had prepared never does."""
    linked.links.send("jerry", VOTE, 5)
    assert linked.received("jerry") == b""
    linked.links.flush()
    assert linked.received("jerry") == b'{"next":1}\n' + CODEC.encode(VOTE)
    linked.links.send("spike", VOTE, 6)
    linked.links.discard()
    linked.links.flush()
    assert linked.received("spike") == b""


def test_equal_messages_of_a_turn_are_encoded_once(linked: Linked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader builds its calls for each follower; they are different objects, and mostly equal."""
    encoded: list[object] = []

    def encode(each: object) -> bytes:
        encoded.append(each)
        return b"line\n"

    monkeypatch.setattr(linked.links, "_codec", SimpleNamespace(encode=encode))
    other = NAMES["RequestVoteReply"](term=4, vote_granted=True)
    for receiver in OTHERS:
        for each in (VOTE, other):
            linked.links.send(receiver, dataclasses.replace(each), 5)
    linked.links.flush()
    assert encoded == [VOTE, other]
    assert {linked.received(name) for name in OTHERS} == {b'{"next":1}\nline\nline\n'}
    linked.links.send("jerry", VOTE, 6)
    assert encoded == [VOTE, other, VOTE]  # Nothing is kept longer than a turn.


def test_message_on_a_cut_link_is_dropped_and_recorded(linked: Linked) -> None:
    """It is sent, as far as the node knows, and never arrives; the next one has the next number."""
    assert linked.links.inject(["CUT", "jerry"]) is None
    linked.links.send("jerry", VOTE, 5)
    linked.links.flush()
    assert linked.received("jerry") == b""
    assert linked.links.inject(["HEAL"]) is None
    linked.links.send("jerry", VOTE, 6)
    linked.links.flush()
    assert linked.received("jerry") == b'{"next":2}\n' + CODEC.encode(VOTE)
    kinds = [(event.kind, event["message"]) for event in linked.trace]
    assert kinds == [("sent", "tom.2>jerry#1"), ("dropped", "tom.2>jerry#1"), ("sent", "tom.2>jerry#2")]


def test_message_to_a_server_that_is_down_is_dropped_and_recorded(linked: Linked) -> None:
    """As in the simulator, it is lost; the next one has the next number."""
    linked.transports["jerry"].abort()
    linked.links.send("jerry", VOTE, 5)
    linked.links.flush()
    assert [event["reason"] for event in linked.trace if event.kind == "dropped"] == ["down"]


def test_loss_is_recorded(linked: Linked) -> None:
    """With a share of one nothing arrives."""
    assert linked.links.inject(["loss", "1"]) is None
    linked.links.send("jerry", VOTE, 5)
    linked.links.flush()
    assert linked.received("jerry") == b""
    assert [event["reason"] for event in linked.trace if event.kind == "dropped"] == ["lost"]


@pytest.mark.parametrize(
    "words",
    [
        [], ["CUT"], ["CUT", "tom"], ["CUT", "nibbles"], ["HEAL", "jerry"], ["LOSS", "2"], ["LOSS", "-1"], ["LOSS", "nan"],
        ["LOSS", "x"], ["DELAY", "2", "1"], ["DELAY", "-1", "1"], ["DELAY", "0", "61"], ["DELAY", "0", "nan"], ["DRAW"],
    ],
)  # fmt: skip
def test_fault_that_cannot_be_is_refused(linked: Linked, words: list[str]) -> None:
    """The answer lists what can be asked for; nothing changes."""
    assert "RAFT.FAULT CUT jerry|spike" in (linked.links.inject(words) or "")
    linked.links.send("jerry", VOTE, 5)
    linked.links.flush()
    assert linked.received("jerry")
