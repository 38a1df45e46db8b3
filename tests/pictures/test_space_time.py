"""Tests of the space-time diagram: what it shows of a trace, that it is reproducible, and that it reports omissions."""

import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

import raft_steps
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.pictures.space_time import MAX_EVENTS, timeline
from raft_steps.lab.pictures.space_time_scene import DiagramOptions, build_scene, index_trace, shown_times
from raft_steps.lab.pictures.svg import Picture, text_width
from raft_steps.lab.trace.trace import Trace
from tests.pictures.picture_tools import classes, names, parse, texts

Box = tuple[float, float, float, float]  # left, top, right, bottom
GOLDEN = Path(__file__).parent / "golden"
SMALL_RUN = (
    "raft-steps 1; step 6; servers tom jerry spike; seed 0; leader tom; draws jerry 9; at 6 set x 1; at 7 partition tom; "
    "at 22 set z 3 to jerry; at 23 set y 2 to tom; at 24 heal; at 28 crash spike; until 30"
)
ROUGH_RUN = (
    "raft-steps 1; step 8; servers tom jerry spike tyke butch; seed 0; loss 0.05; duplicate 0.03; at 30 set x 1; "
    "at 31 crash leader; at 70 restart crashed; at 100 pause spike; at 110 resume spike; until 120"
)


def draw_elsewhere(hash_seed: str) -> str:
    """Draw a run in another process, with another hash seed."""
    program = (
        "import sys; from raft_steps.lab.cluster.cluster import Cluster; c = Cluster.replay(sys.argv[1]); p = c.timeline();"
        "sys.stdout.reconfigure(encoding='utf-8'); print(p.svg, p.to_html(), p.summary, c.logs().svg, c.story())"
    )
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", program, ROUGH_RUN]
    return subprocess.run(
        command, env=environment, capture_output=True, check=True, encoding="utf-8", timeout=60
    ).stdout


@pytest.mark.slow
def test_same_bytes_in_every_process() -> None:
    """Diagram, log table, texts and HTML of a rough run are the same, byte for byte, whatever the hash seed."""
    assert draw_elsewhere("1") == draw_elsewhere("2")


def test_golden_picture() -> None:
    """The diagram of a small run equals the stored one; RAFT_STEPS_GOLDEN=1 writes it again."""
    picture = Cluster.replay(SMALL_RUN).timeline()
    stored = GOLDEN / "space_time.svg"
    if os.environ.get("RAFT_STEPS_GOLDEN"):
        picture.save(stored)

    assert stored.read_text(encoding="utf-8") == picture.svg


def test_every_server_and_its_end_is_named() -> None:
    """The name of each server is above and below its lifeline, with its state at the start and the end."""
    picture = Cluster.replay(SMALL_RUN).timeline()
    words = texts(picture)

    assert [2, 2, 2] == [words.count(name) for name in ("tom", "jerry", "spike")]
    assert "down" in words
    assert "step 6" in words


def test_events_of_servers_are_annotated() -> None:
    """Elections, roles, terms, clients, the network, crashes and logs are described next to the lifeline."""
    words = texts(Cluster.replay(SMALL_RUN).timeline())

    for expected in (
        "times out", "waits 9 s", "leader", "term 1", "client: set x 1", "answer: ok", "follower, term 1", "crashes",
        "the network is partitioned: tom | jerry spike", "the network heals", "deletes after 1", "+1", "✓1",
    ):  # fmt: skip
        assert expected in words, expected


def test_messages_are_labelled() -> None:
    """Each kind of message has a short label, which includes the reason if it never arrived."""
    words = texts(Cluster.replay(SMALL_RUN).timeline())

    for expected in (
        "RequestVote t1", "vote", "heartbeat t1", "AppendEntries t0 +1", "ok", "Commit 1", "wants earlier", "RequestVote t1, cut",
    ):  # fmt: skip
        assert expected in words, expected


def test_faults_are_distinguished() -> None:
    """Lost messages, copies, messages to a server that is down, pauses and restarts are labelled differently."""
    rough = Cluster.replay(ROUGH_RUN)
    words = texts(rough.timeline(limit=1000))

    for expected in ("a copy", "is paused", "resumes", "restarts with 1"):
        assert expected in words, expected
    for reason in ("lost", "down"):
        assert any(each.endswith(f", {reason}") for each in words), reason
    dropped = Cluster(2).run(2)
    dropped.drop("tom>jerry#2")
    dropped.set("x", 1)
    dropped.cut("tom", "spike")
    words = texts(dropped.run(3).timeline())

    assert "AppendEntries +1, dropped" in words
    assert "the link from tom to spike is cut" in words


def test_message_in_flight_has_no_head() -> None:
    """A message in flight at the end is dotted, and a message sent before the start is drawn as well."""
    cluster = Cluster(2).run(0.1)

    assert 2 == len([look for look in classes(cluster.timeline()) if look == "append p"])
    assert "ok" in texts(cluster.run(10).timeline(start=0.3, end=1))


def test_idle_heartbeats_have_three_styles() -> None:
    """Idle heartbeats are pale and without labels by default; they can be left out, or drawn like any message."""
    cluster = Cluster(8, draws={"tom": [8]}).run(40)
    pale, without, full = (cluster.timeline(heartbeats=each) for each in ("auto", False, True))
    heartbeats = [texts(picture).count("heartbeat t1") for picture in (pale, without, full)]

    assert [2, 2] == heartbeats[:2]
    assert heartbeats[2] > 10
    assert "i" in classes(pale)
    assert "i" not in classes(without) + classes(full)
    assert len(without.svg) < len(pale.svg) < len(full.svg)


def test_heartbeats_without_a_leader_stand_out() -> None:
    """The fault of step 6 is visible by default: servers that do not lead still send heartbeats."""
    cluster = Cluster.replay(SMALL_RUN.replace("at 28 crash spike; until 30", "until 60"))
    words = texts(cluster.timeline())

    assert any("heartbeat t1, no leader" in each for each in words)
    assert any("heartbeats, no leader" in each for each in words)


def test_error_is_prominent() -> None:
    """A Node that fails has a ring, and its error is shown next to it and in the summary."""

    class Wrong(raft_steps.node(4)):  # type: ignore[misc]
        def on_request_vote(self, sender: str, message: object) -> None:
            raise ValueError("no such thing")

    cluster = Cluster(Wrong, draws={"tom": [8]})
    with pytest.raises(NodeError):
        cluster.run(20)
    picture = cluster.timeline()

    assert 'stroke="#b00020" stroke-width="3"' in picture.svg
    assert any("ValueError" in each for each in texts(picture))
    assert "no such thing" in picture.summary
    assert "1 error" in picture.alt


def test_marked_event_is_ringed() -> None:
    """A marked event has a ring and a text, even if it is an idle heartbeat or exceeds the limit."""
    cluster = Cluster.replay(ROUGH_RUN)
    idle = next(event.number for event in cluster.trace if event.kind == "delivered" and event.seconds > 12)
    late = cluster.trace.events[-5].number
    for number in (idle, late):
        picture = cluster.timeline(mark=number, mark_text="here it broke", limit=60)

        assert 1 == picture.svg.count('stroke="#b00020" stroke-width="3"')
        assert "here it broke" in texts(picture)
        assert "Marked: here it broke" in picture.summary
    event = next(event for event in cluster.trace if event.kind == "crashed")

    assert "Marked: here: tyke crashes" in cluster.timeline(mark=event.number).summary


def test_picture_over_the_limit_has_a_notice() -> None:
    """Over the limit, only the first part is drawn, with a notice in the picture and in the summary."""
    picture = Cluster.replay(ROUGH_RUN).timeline(limit=80)
    notices = [each for each in texts(picture) if each.startswith("Only 80 of ")]

    assert 2 == len(notices)
    assert re.search(r"What follows: timeline\(start=[\d.]+\)", notices[0])
    assert notices[0] in picture.summary
    assert MAX_EVENTS == 300
    assert "Only" not in "".join(texts(Cluster.replay(SMALL_RUN).timeline()))


def test_storm_in_one_instant_is_limited() -> None:
    """Thousands of messages sent at once are not drawn as thousands of arrows."""

    class Storm(raft_steps.node(2)):  # type: ignore[misc]
        def send_heartbeat(self) -> None:
            for _ in range(1000):
                super().send_heartbeat()

    picture = Cluster(Storm, leader="tom").run(0.1).timeline()

    assert len(picture.svg) < 200_000
    assert "Only 300 of " in picture.summary


def test_hostile_commands_remain_text() -> None:
    """A client's text cannot inject elements into the drawing or the page."""
    cluster = Cluster(3)
    cluster.set("<script>alert(1)</script>", "\"'>&\x00\u202e]]>" + "🙂" * 200)
    cluster.run(2)
    for picture in (cluster.timeline(), cluster.logs()):
        assert {"svg", "title", "style", "rect", "path", "text"} == names(picture.svg)
        assert "<script" not in picture.to_html() + picture.svg
        assert max(len(each) for each in texts(picture)) < 100


def test_summary_lists_the_main_events() -> None:
    """The summary lists leaders, faults and clients in order, and the end; its length is limited."""
    summary = Cluster.replay(SMALL_RUN).timeline().summary

    assert "     7.00 s  the network is partitioned: tom | jerry spike" in summary
    assert "becomes candidate in term 1" in summary
    assert "tom becomes follower in term 1" in summary
    assert "    28.00 s  spike crashes" in summary
    assert summary.endswith("spike is down.")
    assert len(Cluster.replay(ROUGH_RUN).timeline().summary.splitlines()) <= 26


def test_alternative_text_is_one_sentence() -> None:
    """The alternative text describes the servers, the time, the faults and the end."""
    alt = Cluster.replay(SMALL_RUN).timeline().alt

    assert alt.startswith("Space-time diagram of step 6: tom, jerry and spike from 0.00 s to 30.00 s, with ")
    assert alt.endswith(".")
    assert "\n" not in alt


@pytest.mark.parametrize("servers", [1, 2, 4, 7])
def test_any_number_of_servers(servers: int) -> None:
    """Any number of servers can be drawn, and all are named."""
    cluster = Cluster(8, servers, network={"loss": 0.1}).run(30)

    assert set(cluster.servers) <= set(texts(cluster.timeline()))


def test_paper_timing_has_milliseconds() -> None:
    """With the paper's timing, times have milliseconds."""
    picture = Cluster(8, timing="paper").run(1).timeline()

    assert "1.000 s" in texts(picture)


def test_empty_trace_can_be_drawn() -> None:
    """An empty trace has a picture and a summary."""
    picture = timeline(Trace(("tom", "jerry")))

    assert "0 messages drawn" in picture.summary
    assert "tom" in texts(picture)


def test_parsed_trace_gives_the_same_picture() -> None:
    """A trace that was formatted and parsed gives the same picture as the original."""
    trace = Cluster.replay(SMALL_RUN).trace

    assert timeline(trace).svg == timeline(Trace.from_text(trace.to_text())).svg


@pytest.mark.parametrize(
    "options,problem",
    [
        ({"heartbeats": "some"}, "heartbeats is"),
        ({"mark": 10_000}, "there is no event 10000"),
        ({"mark": 0, "start": 5}, "not between start and end"),
        ({"start": 9, "end": 8}, "end is before start"),
        ({"limit": 0}, "limit"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, object], problem: str) -> None:
    """An invalid option is refused, and the error says what would be valid."""
    with pytest.raises(ScenarioError, match=problem):
        Cluster.replay(SMALL_RUN).timeline(**options)


def texts_with_boxes(picture: Picture) -> list[tuple[str, Box]]:
    """Return all texts of a picture with their boxes, according to our own estimate of their width."""
    found = []
    for element in parse(picture.svg).iter():
        if element.tag.endswith("}text"):
            look, words = (element.get("class") or "").split(), element.text or ""
            size = 13 if "n" in look else 11
            x, y, width = float(element.get("x", 0)), float(element.get("y", 0)), text_width(words, size)
            left = x - width / 2 if "m" in look else x - width if "e" in look else x
            found.append((words, (left + 1, y - 8, left + width - 1, y + 1)))
    return found


def network_boxes(picture: Picture) -> list[Box]:
    """Return the boxes of the texts about the network."""
    rounded = (element for element in parse(picture.svg).iter() if element.get("rx") == "4")
    frames = (tuple(float(each.get(name, 0)) for name in ("x", "y", "width", "height")) for each in rounded)
    return [(x, y, x + width, y + height) for x, y, width, height in frames]


def overlap(one: Box, other: Box) -> bool:
    """Return whether two boxes overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def network_run(seed: int, node: int = 8) -> Cluster:
    """Run a cluster whose network changes at the times of arrivals, crashes, restarts and writes."""
    cluster = Cluster(node, 3 + 2 * (seed % 2), seed=seed)
    for _ in range(6):
        seen = len(cluster.trace.of("delivered")) + seed
        cluster.run(20, until=lambda seen=seen: len(cluster.trace.of("delivered")) > seen)  # type: ignore[misc]
        cluster.partition(cluster.servers[seed % 3])
        cluster.set("x", seed, to="jerry")
        cluster.crash("tom")
        cluster.run(15)
        cluster.heal()
        cluster.restart("tom")
        cluster.cut("jerry", "spike")
    return cluster


@pytest.mark.parametrize("run", [SMALL_RUN, ROUGH_RUN, 0, 1, 2, 3], ids=["small", "rough", "0", "1", "2", "3"])
def test_texts_do_not_overlap(run: str | int) -> None:
    """No texts overlap, and no frame of a text about the network covers another text, wherever the picture ends."""
    cluster = Cluster.replay(run) if isinstance(run, str) else network_run(run)
    for end in (None, *(quarters / 4 for quarters in range(28, 200, 7))):
        if end is not None and end > cluster.time:
            break
        picture = cluster.timeline(end=end)
        boxes = texts_with_boxes(picture)
        frames = network_boxes(picture)

        assert [] == [(one, other) for one, other in itertools.combinations(boxes, 2) if overlap(one[1], other[1])]
        assert [] == [(a, b) for a, b in itertools.combinations(frames, 2) if overlap(a, b)]
        told = [words for words, box in boxes for frame in frames if overlap(box, frame)]
        assert all(re.match("the (network|link)", words) for words in told), told
        assert len(frames) <= len(told)


def test_frame_of_the_network_clears_its_moment() -> None:
    """If a server crashes as the network heals, the frame is above the text of the crash."""
    cluster = Cluster.replay(
        "raft-steps 1; step 8; servers tom jerry spike; at 3 partition tom; at 7 heal; at 7 crash tom; until 8"
    )
    picture = cluster.timeline()
    places = dict(texts_with_boxes(picture))

    assert places["the network heals"][3] < places["crashes"][1] - 4
    assert network_boxes(picture)[1][3] <= places["crashes"][1]


def test_short_arrow_at_the_end_has_no_label() -> None:
    """A message sent just before the end of the picture has no room for a label next to its arrow."""
    cluster = Cluster(8, draws={"tom": [8]}).run(20)
    at = cluster.trace.of("sent")[0].seconds

    assert "RequestVote t1" not in texts(cluster.timeline(end=at))
    assert "RequestVote t1" not in texts(cluster.timeline(end=at + 0.01))
    assert "RequestVote t1" in texts(cluster.timeline(end=at + 0.15))


@pytest.mark.parametrize("heartbeats", [True, False, "auto"])
@pytest.mark.parametrize("mark", [None, 40])
def test_times_are_those_of_the_scene(heartbeats: bool | str, mark: int | None) -> None:
    """The times counted before a scene is built are those in the scene."""
    trace = Cluster.replay(ROUGH_RUN).trace
    marked = None if mark is None else trace.events[mark]
    for low, high in ((0, trace.end_us), (5_000_000, 20_000_000)):
        index, options = index_trace(trace), DiagramOptions(low, high, heartbeats, marked, "here")
        scene = build_scene(index, options)
        arrows = [max(arrow.start_us, low) for arrow in scene.arrows]

        assert sorted(arrows + [each.time_us for each in scene.annotations]) == shown_times(index, options)
        assert arrows


def test_drawing_is_fast() -> None:
    """300 events are drawn in much less than a second; the bound is generous, for slow machines."""
    trace = Cluster.replay(ROUGH_RUN).trace
    timeline(trace)
    start = time.process_time()
    timeline(trace)

    assert time.process_time() - start < 0.25


def test_timer_of_zero_seconds_is_not_drawn() -> None:
    """It only ends a moment: the picture shows what is sent then, and neither a sign nor words for the timer."""
    cluster = Cluster(15, draws={"tom": [8], "jerry": [18], "spike": [18]}).run(10)
    cluster.set("x", 1)
    picture = cluster.timeline(start=9.9)

    assert "client: set x 1" in texts(picture)
    assert not [text for text in texts(picture) if "timeout" in text]
