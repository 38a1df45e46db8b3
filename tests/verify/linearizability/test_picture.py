"""The picture of a check: bars, numbers, the failing part, servers and faults; nothing by colour alone, every byte fixed."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest

from raft_steps.lab import Cluster
from raft_steps.lab.verify.linearizability import History, Operation, check_linearizable, parse_history
from raft_steps.lab.verify.linearizability.picture import role_intervals
from tests.pictures.picture_tools import parse, texts

GOLDEN = Path(__file__).parent / "golden"
ask = Operation.parse


def stale_run() -> Cluster:
    """Run step 8 until a deposed leader has answered with an old value, and inject some more faults."""
    cluster = Cluster(8, leader="tom", draws={"jerry": [9], "spike": [14]})
    cluster.set("x", 1)
    cluster.run(3)
    cluster.partition("tom")
    cluster.run(until=lambda: cluster.leader == "jerry")
    cluster.set("x", 2)
    cluster.get("x", to="spike")
    cluster.run(2)
    cluster.get("x", to="tom")
    cluster.set("x", 3, to="tom")
    cluster.heal()
    cluster.run(1)
    cluster.crash("spike")
    cluster.run(1)
    cluster.get("x")
    return cluster


def bars(svg: str, look: str) -> list[tuple[float, float]]:
    """Return the left edge and the width of each rectangle of a class."""
    found = [element for element in parse(svg).iter() if element.get("class") == look and element.tag.endswith("rect")]
    return [(float(element.get("x", "")), float(element.get("width", ""))) for element in found]


def test_golden_picture() -> None:
    """The picture of a stale read is the stored one, which was inspected; RAFT_STEPS_GOLDEN=1 stores it again."""
    picture = check_linearizable(stale_run().history()).picture()
    stored = GOLDEN / "linearizability.svg"
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        picture.save(stored)

    assert stored.read_text(encoding="utf-8") == picture.svg


def test_everything_is_shown() -> None:
    """Servers with roles and terms, faults, operations, the time, the reason and a legend are there."""
    words = texts(check_linearizable(stale_run().history()).picture())

    for expected in (
        "tom", "jerry", "spike", "L", "F", "C", "term 0", "term 1", "the network is partitioned: tom | jerry spike", "the network heals",
        "spike crashes", "#1: set x 1", "#2: set x 2", "#3: get x failed", "#4: get x → 1", "#5: set x 3 ?", "0 s", "!",
        "! heavy edge: cannot be explained together", "open end: no answer, may take effect later or never",
        "dotted edge: failed, it did not happen",
    ):  # fmt: skip
        assert expected in words, expected
    assert any(word.startswith("get x by client#4 returned 1 although") for word in words)


def test_failing_part_is_marked_by_more_than_colour() -> None:
    """Each operation of the failing part, and no other, has a heavy edge and a sign."""
    result = check_linearizable(stale_run().history())
    picture = result.picture()

    assert 3 == len(result.failing) == len(bars(picture.svg, "j")) == texts(picture).count("!")


def test_order_is_numbered_within_the_bars() -> None:
    """The numbers of the order are each within their bar, and grow to the right."""
    operations = [ask(f"set x {n}", f"c{n % 3}", n, n + 2.5) for n in range(8)]
    result = check_linearizable(History(tuple(operations)))
    picture = result.picture()
    circles = [element for element in parse(picture.svg).iter() if element.get("class") == "c"]
    middles = [
        float(element.get("d", "").removeprefix("M").split("a")[0].replace("-", " -").split()[0]) + 8
        for element in circles
    ]

    assert [str(n) for n in range(1, 9)] == [word for word in texts(picture) if word.isdigit()]
    assert sorted(middles) == middles
    for (left, width), middle in zip(sorted(bars(picture.svg, "g")), middles, strict=True):
        assert left <= middle <= left + width


def test_clients_that_ask_again_have_a_row_and_others_share() -> None:
    """A client of several operations has a row with its name; those that ask once share rows."""
    picture = check_linearizable(stale_run().history()).picture()
    own = check_linearizable(
        History((ask("get x", "ann", 0, 1), ask("get x", "ann", 2, 3), ask("get x", "bob", 0, 1)))
    ).picture()

    assert "clients" in texts(picture)
    assert {"ann", "clients", "bob: get x → nothing"} <= set(texts(own))


def test_labels_of_a_row_do_not_overlap() -> None:
    """However short and close a client's operations are, each has room for its label."""
    operations = [ask(f"set x {'long' * 4}{n}", "ann", n / 1000, n / 1000 + 0.0005) for n in range(10)]
    picture = check_linearizable(History(tuple(operations))).picture()
    places = [float(e.get("x", "")) for e in parse(picture.svg).iter() if (e.text or "").startswith("set x")]

    assert 10 == len(places)
    assert all(later - earlier > 100 for earlier, later in pairwise(places))


def test_long_history_is_drawn_in_part() -> None:
    """Only the part of a long history around what fails is drawn, with a note of that."""
    many = [ask(f"set x {n}", "A", n, n + 0.5) for n in range(300)]
    good = check_linearizable(History(tuple(many))).picture()
    bad = check_linearizable(History((*many, ask("get x", "B", 301, 302, "7")))).picture()

    assert "Only 48 of 300 operations are drawn." in texts(good)
    assert "Only 24 of 301 operations are drawn." in texts(bad)
    assert {"set x 7", "set x 299", "B: get x → 7"} <= set(texts(bad))


def test_log_without_times_counts_events() -> None:
    """Without times, the axis shows the number of the call or return."""
    text = "INFO  jepsen.util - 0\t:invoke\t:write\t1\nINFO  jepsen.util - 0\t:ok\t:write\t1\n"
    picture = check_linearizable(parse_history(text), "register").picture()

    assert {"event 0", "event 1"} <= set(texts(picture))


def test_undecided_history_is_drawn_too() -> None:
    """A check that reached its limit shows the history, without an order or a failing part."""
    picture = check_linearizable(stale_run().history(), step_limit=1).picture(title="In haste")

    assert "In haste" in texts(picture)
    assert "In haste: 6 operations, undecided, with 3 faults of the servers" == picture.alt
    assert not bars(picture.svg, "j")


def test_summary_describes_the_picture() -> None:
    """The summary has the report and the faults, for readers who cannot see the picture; alt is one sentence."""
    picture = check_linearizable(stale_run().history()).picture()

    assert picture.summary.startswith("not linearizable at key x; the smallest part that no order explains has 3 of 6")
    assert "spike crashes" in picture.summary.splitlines()[-1]
    assert picture.alt.startswith(
        "6 operations, not linearizable at key x, with 3 faults of the servers. get x by client#4"
    )


@pytest.mark.parametrize("text", ["<b>&\"'", "\x00\n\u202e", "x" * 500])
def test_any_text_can_be_drawn(text: str) -> None:
    """Values of any kind neither break the drawing nor leave it."""
    operation = Operation(client=text, action="set", key=text, value=text, called_us=0, returned_us=1)
    picture = check_linearizable(History((operation,))).picture(title=text)

    assert parse(picture.svg).tag.endswith("svg")
    assert max(len(word) for word in texts(picture)) < 150


def test_intervals_cover_the_run() -> None:
    """The intervals of each server have no gap, end with the run, and show leaders, followers and who is down."""
    trace = stale_run().trace
    lanes = role_intervals(trace)

    assert set(trace.servers) == set(lanes)
    for lane in lanes.values():
        assert all(one.end_us == other.begin_us for one, other in pairwise(lane))
        assert lane[-1].end_us == trace.end_us
    assert ["follower", "candidate", "leader"] == [s.role for s in lanes["jerry"] if s.role][:3]
    assert "down" == lanes["spike"][-1].role
