"""Clients that ask again: whom they ask, when, what they repeat, and what they do without a session."""

from __future__ import annotations

import pytest

from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import NotLeader, Ok, OpenSession, Request, SessionExpired
from raft_steps.lab.node import Node
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.step_13_client_sessions import Node as Step13


class Silent(Node):
    """A server that answers nobody."""

    def on_client_request(self, client: str, request: Request) -> None:
        """Do nothing."""


class Polite(Node):
    """A server that names the first server as the leader; the first one itself answers Ok."""

    def on_client_request(self, client: str, request: Request) -> None:
        """Answer."""
        leads = self.name == self.servers[0]
        self.reply(client, Ok(value="7") if leads else NotLeader(leader=self.servers[0]))


class Lost(Node):
    """A server that names a server that does not exist."""

    def on_client_request(self, client: str, request: Request) -> None:
        """Refuse."""
        self.reply(client, NotLeader(leader="nobody"))


class Twice(Node):
    """A server that answers a client when it asks for the second time, then twice."""

    first: str = ""

    def on_client_request(self, client: str, request: Request) -> None:
        """Answer both requests."""
        if self.first:
            self.reply(self.first, Ok(value="1"))
            self.reply(client, Ok(value="2"))
        self.first = client


class Expires(Node):
    """A server that opens sessions and forgets each of them after its first command."""

    opened: int = 0

    def on_client_request(self, client: str, request: Request) -> None:
        """Open a session, or refuse a command after the first."""
        if isinstance(request, OpenSession):
            self.opened += 1
            self.reply(client, Ok(value=str(self.opened)))
        else:
            self.reply(client, Ok() if getattr(request, "serial", 0) == 1 else SessionExpired())


def asked(cluster: Cluster) -> list[tuple[float, str, str, str]]:
    """Return when which server was asked by whom for what."""
    return [(event.seconds, event.server, event["client"], event["request"]) for event in cluster.trace.of("asked")]


def test_next_server_is_asked_if_no_answer_comes() -> None:
    """A client waits a tenth of the usual patience, 2 s, and asks the servers in turn, with the same address."""
    cluster = Cluster(Silent, 3)
    cluster.retry("set x 1", to="jerry", at=0)
    cluster.run(6.5)

    assert [(t, s, "client#1", "set x 1") for t, s in ((0, "jerry"), (2, "spike"), (4, "tom"), (6, "jerry"))] == asked(
        cluster
    )


def test_named_leader_is_asked_next() -> None:
    """A hint is followed after a tenth of that time; the answer is the one that counts."""
    cluster = Cluster(Polite, 3)

    assert Ok(value="7") == cluster.retry("set x 1", to="spike")
    assert [(0, "spike"), (0.2, "tom")] == [(time, server) for time, server, _, _ in asked(cluster)]


def test_unknown_name_is_no_hint() -> None:
    """A name that no server has is ignored: the next server is asked when the time is over."""
    cluster = Cluster(Lost, 2)
    cluster.retry("set x 1", at=0)
    cluster.run(3)

    assert [(0, "tom"), (2, "jerry")] == [(time, server) for time, server, _, _ in asked(cluster)]


def test_server_that_is_down_is_passed_over() -> None:
    """A server that is down does not hear the client, which asks the next one."""
    cluster = Cluster(Polite, 2, later=["jerry"])
    assert Ok(value="7") == cluster.retry("set x 1", to="jerry")
    assert [(2, "tom")] == [(time, server) for time, server, _, _ in asked(cluster)]


def test_second_answer_is_ignored() -> None:
    """A client that has asked twice may be answered twice; the first answer counts, and nobody made a mistake."""
    cluster = Cluster(Twice, 1)

    assert Ok(value="1") == cluster.retry("set x 1")
    assert "client#1 has its answer already, and ignores that of tom" in str(cluster.story())


def test_client_without_a_session_goes_on_without() -> None:
    """A Node that opens no session is asked for the command itself, again and again."""
    cluster = Cluster(12, draws={"tom": [8]}).run(10)

    assert Ok() == cluster.retry("set x 1", "ann")
    assert ["open session", "set x 1"] == [request for _, _, _, request in asked(cluster)]
    assert "ann gets no session, and asks without one" in str(cluster.story())


def test_expired_session_is_opened_again() -> None:
    """A client that is told that its session has expired opens another one, and begins at 1 with its next command."""
    cluster = Cluster(Expires, 1)
    answers = [cluster.retry(f"set x {number}", "ann") for number in range(1, 4)]

    assert [Ok(), SessionExpired(), Ok()] == answers
    assert ["open session", "set x 1 as 1.1", "set x 2 as 1.2", "open session", "set x 3 as 2.1"] == [
        request for _, _, _, request in asked(cluster)
    ]


def test_sessions_of_two_clients_are_their_own() -> None:
    """Each name has a session, addresses and serial numbers of its own."""
    cluster = Cluster(Expires, 1)
    for name in ("ann", "bob"):
        assert Ok() == cluster.retry("set x 1", name)

    assert ["ann#open1", "ann#1", "bob#open1", "bob#1"] == [client for _, _, client, _ in asked(cluster)]
    assert ["set x 1 as 1.1", "set x 1 as 2.1"] == [request for _, _, _, request in asked(cluster)[1::2]]


def test_later_request_waits_until_it_is_its_turn() -> None:
    """A command of a session that waits for the one before has no answer, and its client is not forgotten."""
    cluster = Cluster(Silent, 1)
    cluster.retry("set x 1", "ann", at=0)

    assert NoAnswer("no response within 20 s") == cluster.retry("set x 2", "ann")


@pytest.mark.parametrize("line", ["retry append x a as ann", "retry append x b", "append x c as 5.1", "open session"])
def test_run_with_clients_is_replayed_to_the_byte(line: str) -> None:
    """A scenario with clients that ask again gives the same trace from its line of text."""
    servers = "raft-steps 1; step 13; servers tom jerry spike; seed 3; loss 0.1"
    scenario = Scenario.parse(f"{servers}; at 20 {line}; at 20.5 crash leader; at 21 {line}; until 60")
    first, again = (Cluster.replay(each, Step13).trace for each in (scenario, Scenario.parse(scenario.to_text())))

    assert first.to_text() == again.to_text()
