"""The network: delays, losses, duplicates, messages held back, cuts, and messages dropped by name."""

from __future__ import annotations

from functools import partial

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from tests.runtime.simulator.quiet_servers import SECOND, arrivals, quiet, send


def test_message_takes_its_delay() -> None:
    """With a delay from 1 to 1 a message takes one second; with a range, any time in it."""
    simulation = quiet()
    send(simulation)
    simulation.run_until(5 * SECOND)
    assert [(1.0, 0)] == arrivals(simulation)

    simulation = quiet(delay=(1, 2))
    send(simulation, 50)
    simulation.run_until(5 * SECOND)
    times = [time for time, _ in arrivals(simulation)]

    assert 1 <= min(times) < 1.1
    assert 1.9 < max(times) <= 2


def test_instant_message_arrives() -> None:
    """A delay may be 0, even at the very beginning."""
    simulation = quiet(delay=(0, 0))
    send(simulation)
    simulation.run_until(1)

    assert [(0.0, 0)] == arrivals(simulation)


def test_messages_of_one_time_keep_their_order() -> None:
    """Messages that arrive at the same moment arrive in the order in which they were sent."""
    simulation = quiet()
    send(simulation, 20)
    simulation.run_until(5 * SECOND)

    assert [(1.0, term) for term in range(20)] == arrivals(simulation)


def test_share_of_messages_is_lost() -> None:
    """With a loss of 0.3 about three of ten messages do not arrive, and the trace records each of them."""
    simulation = quiet(loss=0.3)
    send(simulation, 2000)
    simulation.run_until(5 * SECOND)
    assert simulation.trace is not None
    lost = simulation.trace.of("dropped")

    assert 0.27 < len(lost) / 2000 < 0.33
    assert {"lost"} == {event["reason"] for event in lost}
    assert 2000 == len(lost) + len(arrivals(simulation))


def test_share_of_messages_is_duplicated() -> None:
    """A duplicated message arrives twice, the duplicate later."""
    simulation = quiet(duplicate=0.3)
    send(simulation, 2000)
    simulation.run_until(60 * SECOND)
    assert simulation.trace is not None
    copies = [event for event in simulation.trace.of("delivered") if event.get("copy")]

    assert 0.27 < len(copies) / 2000 < 0.33
    assert {2.000001} == {event.seconds for event in copies}


def test_share_of_messages_is_held_back() -> None:
    """A message that is held back arrives after many that were sent later."""
    simulation = quiet(reorder=0.3)
    send(simulation, 2000)
    simulation.run_until(60 * SECOND)
    late = [term for time, term in arrivals(simulation) if time > 1]

    assert 0.27 < len(late) / 2000 < 0.33
    assert 2000 == len(arrivals(simulation))


def is_sent(cluster: Cluster, message: str) -> bool:
    """Return whether a message has been sent."""
    return message in {event["message"] for event in cluster.trace.of("sent")}


def test_one_message_is_dropped_by_name() -> None:
    """The third message on a link is dropped, and no other, whether it is named before it is sent or on its way."""
    before, on_its_way = Cluster(2), Cluster(2)
    before.drop("tom>jerry#3")
    for cluster in (before, on_its_way):
        cluster.run(until=partial(is_sent, cluster, "tom>jerry#3"))
    on_its_way.drop("tom>jerry#3")
    for cluster in (before, on_its_way):
        dropped = cluster.run(30).trace.of("dropped")

        assert [("tom>jerry#3", "scenario")] == [(event["message"], event["reason"]) for event in dropped]


def test_duplicate_of_a_dropped_message_is_dropped() -> None:
    """A message that the scenario drops does not arrive as a duplicate either."""
    cluster = Cluster(2, network={"duplicate": 1})
    cluster.run(0.1)
    cluster.drop("tom>jerry#1")

    assert not [e for e in cluster.run(10).trace.of("delivered") if e["message"] == "tom>jerry#1"]


def test_partition_cuts_at_both_ends_of_a_link() -> None:
    """A message is lost if its link is cut when it leaves, or when it would arrive."""
    cluster = Cluster(2, network={"delay": (1, 1)})
    cluster.run(0.5)
    cluster.partition("tom")
    cluster.run(until=6)
    cluster.heal()
    cluster.run(until=8)
    dropped = cluster.trace.of("dropped")

    assert [1.0, 1.0, 5.0, 5.0] == [event.seconds for event in dropped]
    assert {"cut"} == {event["reason"] for event in dropped}


def test_heal_mends_all_cuts() -> None:
    """A one-way cut goes on under a partition, and healing ends both."""
    cluster = Cluster(2)
    cluster.cut("tom", "jerry")
    cluster.partition("spike")
    link = cluster._simulation.hosts["tom"].links["jerry"]
    assert {"one way"} == link.cuts
    cluster.partition("tom")
    assert {"one way", "partition"} == link.cuts
    cluster.heal()

    assert set() == link.cuts


def test_message_to_a_crashed_server_is_lost() -> None:
    """A message that arrives while its server is down is not kept for the next life."""
    simulation = quiet()
    send(simulation)
    simulation.crash(simulation.hosts["b"])
    simulation.run_until(5 * SECOND)
    simulation.start(simulation.hosts["b"])
    simulation.run_until(10 * SECOND)
    assert simulation.trace is not None

    assert [] == arrivals(simulation)
    assert ["down"] == [event["reason"] for event in simulation.trace.of("dropped")]


def delays(spread: str) -> list[float]:
    """Return how long each of 4,000 messages takes, in the order in which they were sent."""
    simulation = quiet(delay=(1, 2), spread=spread, seed=4)
    send(simulation, 4000)
    simulation.run_until(200 * SECOND)
    return [time for time, _ in sorted(arrivals(simulation), key=lambda arrival: arrival[1])]


def test_long_spread_has_a_long_tail() -> None:
    """Half of the messages take less than half of the range, a third more than the range, none more than 50 times as much."""
    long = delays("long")
    above = [delay for delay in long if delay > 2]

    assert 4000 == len(long)
    assert 1 <= min(long)
    assert 0.47 < sum(delay < 1.5 for delay in long) / 4000 < 0.53
    assert 0.3 < len(above) / 4000 < 0.37
    assert 0.005 < sum(delay > 50 for delay in long) / 4000 < 0.02
    assert max(long) == pytest.approx(51, abs=0.001)


def test_long_spread_is_the_same_every_time() -> None:
    """The tail comes from the link's one draw: a seed gives the same delays, and the slow messages are those of even delays."""
    even, long, again = delays("even"), delays("long"), delays("long")

    assert long == again
    fastest = [set(sorted(range(4000), key=each.__getitem__)[:2000]) for each in (even, long)]
    assert fastest[0] == fastest[1]
