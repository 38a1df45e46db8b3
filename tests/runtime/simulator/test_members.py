"""Servers that are not members at first, and the verbs that ask for other members."""

from __future__ import annotations

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import NotLeader, Ok
from raft_steps.lab.verify.model_checker import Schedule, Scope, Search, holds

NODE: type = node(12)
FIVE = "raft-steps 1; servers tom jerry spike tyke butch; members tom jerry spike; timing paper; "


def asked_for(line: str) -> list[str]:
    """Return the requests that reach a server in a run."""
    trace = Cluster.replay(FIVE + line, NODE).trace
    return [event["request"] for event in trace.of("asked")]


def test_a_server_that_is_not_a_member_knows_no_server() -> None:
    """The members know each other; the other servers know nobody, and a restart does not change that."""
    cluster = Cluster.replay(FIVE + "at 1 crash tyke tom; at 2 restart tyke tom; until 3", NODE)

    assert {
        name: (("tom", "jerry", "spike") if name in ("tom", "jerry", "spike") else ()) for name in cluster.servers
    } == {name: cluster.node(name).servers for name in cluster.servers}
    assert cluster.leader in ("tom", "jerry", "spike")


@pytest.mark.parametrize(
    "verb, request_",
    [
        ("members tyke,butch", "members tyke,butch"),
        ("add tyke", "members tom,jerry,spike,tyke"),
        ("add jerry", "members tom,spike,jerry"),
        ("remove jerry to spike", "members tom,spike"),
        ("retry add tyke to spike", "members tom,jerry,spike,tyke"),
    ],
)
def test_verbs_become_a_request_for_voters(verb: str, request_: str) -> None:
    """What is added or removed is added to, or removed from, the voters of the server that is asked."""
    assert request_ == asked_for(f"at 1 {verb}; until 1.001")[0]


def test_newest_configuration_counts() -> None:
    """The voters are those of the newest configuration in the log of the server that is asked."""
    line = "at 1 members tom,tyke; at 2 remove tom; at 3 add spike; until 4"

    assert ["members tom,tyke", "members tyke", "members tyke,spike"] == asked_for(line)


def test_nobody_is_asked_to_remove_the_last_voter() -> None:
    """A cluster without voters is not asked for: the trace says so."""
    cluster = Cluster.replay(FIVE + "at 1 members tom; at 2 remove tom; until 3", NODE)

    assert ["members tom"] == [event["request"] for event in cluster.trace.of("asked")]
    assert ["remove tom: no voter would be left, so nobody is asked"] == [
        event["text"] for event in cluster.trace.of("note")
    ]


def test_a_client_asks_a_cluster_by_words() -> None:
    """The same words are a request in a notebook."""
    cluster = Cluster(NODE, 3, members=["tom", "jerry"], timing="paper").run(2)

    assert Ok() == cluster.ask("add spike")
    assert NotLeader() == cluster.ask("members tom", to="spike")
    assert "1 members tom,jerry,spike" == cluster.log(cluster.leader or "")[-1]


def test_search_knows_members() -> None:
    """In a search and in the replay of its schedule, too, other servers know nobody, and clients may ask for voters."""
    search = Search(NODE, 3, members=["tom", "jerry"])
    scope = Scope(timeouts={"tom election": 1}, commands=("members spike,tom to tom",))
    result = search.run(scope, goal=holds("tom", "1 -", "1 members spike,tom"))
    assert result.schedule is not None
    line = result.schedule.to_text()

    assert "servers tom jerry spike; members tom jerry;" in line
    assert result.schedule == Schedule.parse(line)
    assert () == result.replay().hosts["spike"].node.servers
    assert ("tom", "jerry") == result.replay().hosts["tom"].node.servers
