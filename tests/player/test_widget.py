"""Tests of the player in Python, and of its pure JavaScript, which node compares with the Python implementation."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.node import Node
from raft_steps.lab.pictures.cluster_ring import cluster_ring
from raft_steps.lab.pictures.style import PAPER
from raft_steps.lab.player import branches
from raft_steps.lab.player.widget import MODULES, Player, Ring, encode_trace, javascript, player, stylesheet
from raft_steps.lab.trace import message_spans
from raft_steps.lab.trace.narration import event_text, story
from raft_steps.lab.trace.trace import Event, Moment, Trace, format_event
from tests.player.live_tools import session_of

ROOT = Path(__file__).parents[2]
BROWSER = ROOT / "raft_steps" / "lab" / "player" / "browser"
JAVASCRIPT = ROOT / "tests" / "player" / "js"  # tests of the modules, and the tools that check them
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# A run of each step, with all kinds of events; the longest has several keyframes.
SCENARIOS = {
    "step 1": "raft-steps 1; step 1; servers tom; at 1 set x 1; at 2 crash tom; at 3 restart tom; at 4 get x; until 6",
    "step 2": "raft-steps 1; step 2; servers tom jerry spike; seed 1; leader tom; log tom 1 'set x 1' 1 'set y 2'; "
    "log jerry 1 'set x 1' 2 'set z 3'; at 3 set x 5; at 9 delete y; at 12 get y to jerry; until 20",
    "step 3": "raft-steps 1; step 3; servers tom jerry spike; seed 2; leader tom; at 2 set x 1; at 4 crash spike; "
    'at 6 set "the key" "don\'t"; at 12 restart spike; at 14 cut tom>jerry; at 15 set x 2; at 25 heal; until 40',
    "step 4": "raft-steps 1; step 4; servers tom jerry spike; seed 3; at 25 set x 1; at 30 crash leader; until 60",
    "step 5": "raft-steps 1; step 5; servers tom jerry spike tyke butch; seed 4; at 25 partition leader; at 60 heal; until 90",
    "step 6": "raft-steps 1; step 6; servers tom jerry spike; seed 5; at 22 partition tom jerry | spike; at 23 set x 1; "
    "at 50 heal; at 51 restart crashed; until 100",
    "step 7": "raft-steps 1; step 7; servers tom jerry spike tyke; seed 6; at 20 partition tom spike; at 40 heal; until 60",
    "step 8": "raft-steps 1; step 8; servers tom jerry spike tyke butch; later butch; seed 7; at 9 restart butch; "
    "at 25 set x 1; at 30 crash leader; at 60 restart crashed; at 70 drop tom>jerry#9; until 120",
    "pause": "raft-steps 1; step 8; servers tom jerry spike; seed 8; at 20 pause followers; at 22 set x 1; "
    "at 31 resume tom; at 31 resume jerry; at 31 resume spike; until 50",
    "bad network": "raft-steps 1; step 8; servers tom jerry spike; seed 9; loss 0.2; duplicate 0.3; reorder 0.2; until 90",
    "steered": "raft-steps 1; step 12; servers tom jerry spike tyke; seed 11; at 1 timeout tom; at 1.1 hold tom>jerry#1 2.5; "
    "at 1.1 duplicate tom>spike#1; at 1.15 drop tom>tyke#1; at 6 set x 1; at 9 loss 0.3; at 9 delay 0.2 2; at 12 timeout spike; "
    "at 20 pause spike; at 21 timeout spike; at 30 hold tom>jerry#1 1; until 40",
    "snapshots": "raft-steps 1; step 16; servers tom jerry spike; seed 12; draws tom 8; at 9 set x 1; at 10 crash spike; "
    "at 11 set x 2; at 12 set y 3; at 13 snapshot tom jerry spike; at 14 restart spike; at 20 crash jerry; at 21 set x 4; "
    "at 22 restart jerry; at 23 pause tom; at 24 snapshot tom; until 40",
    "members": "raft-steps 1; step 18; servers tom jerry spike tyke butch; members tom jerry spike; seed 13; draws tom 8; "
    "at 9 set x 1; at 10 add tyke; at 14 remove tom; at 18 transfer tyke; at 20 crash leader; until 45",
    "paper timing": "raft-steps 1; step 8; servers tom jerry spike; seed 10; timing paper; at 0.5 set x 1; until 2",
}


@cache
def recorded() -> dict[str, Trace]:
    """Run every scenario, a node that fails, and a client with unusual texts."""
    runs = {name: Cluster.replay(text).trace for name, text in SCENARIOS.items()}
    cluster = Cluster(Failing)
    with pytest.raises(NodeError):
        cluster.run(20)
    writer = Cluster(1)
    for value in (
        "two\nlines\tand a tab",
        "right\u202eleft \u2028",
        "long " * 30,
        "\U0001f980" * 70,
        'it\'s; "so"',
        "",
    ):
        writer.set("key", value)
    writer.get("key")
    writer.get("nothing there")
    writer.delete("key")
    return runs | {"a node fails": cluster.trace, "odd text": writer.trace, "nothing yet": Trace(("tom", "jerry"))}


class Failing(Node):
    """A node with an error, and with fields that JSON cannot represent."""

    timeout: float = float("inf")
    nothing: float = float("nan")

    def on_start(self) -> None:
        self.start_timer("work", 2)

    def on_work_timeout(self) -> None:
        raise ValueError("no\u2028way")


@pytest.fixture
def trace() -> Trace:
    """Return a run with an election, a crash, and messages in flight at its end."""
    return recorded()["step 8"]


def test_one_module_that_loads_nothing() -> None:
    """The JavaScript is one module without imports, with one export, and with no URL except the SVG namespace."""
    source = javascript()

    assert not re.search(r"^\s*import\b|\bimport\(", source, re.MULTILINE)
    assert ["export default {"] == re.findall(r"^export.*", source, re.MULTILINE)
    assert {"http://www.w3.org/2000/svg"} == set(re.findall(r"https?://[^\s\"']+", source))
    assert not re.search(r"@import|url\(", stylesheet())


@pytest.mark.parametrize("path", sorted(BROWSER.glob("*.js")), ids=lambda path: path.name)
def test_module_of_javascript_is_small(path: Path) -> None:
    """A file of the player has no more than 500 lines, is used, and opens with what it is."""
    text = path.read_text(encoding="utf-8")

    assert text.count("\n") <= 500
    assert text.startswith("// ")
    assert path.stem in MODULES


def test_joined_module_has_no_types_and_is_valid(tmp_path: Path) -> None:
    """JSDoc is for the type checker alone; and modules that share one scope must not define a name twice."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("NO NODE: the player's JavaScript was not parsed. On Debian and Ubuntu: apt install nodejs")
    joined = tmp_path / "joined.mjs"
    joined.write_text(javascript(), encoding="utf-8")
    answer = subprocess.run([node, "--check", str(joined)], capture_output=True, text=True, check=False, timeout=60)

    assert 0 == answer.returncode, answer.stderr
    assert not re.search(r"@(param|returns|typedef|import)\b", joined.read_text(encoding="utf-8"))


def test_javascript_tools_name_no_registry() -> None:
    """The lock file holds versions and checksums, and works with any registry that npm is set up with."""
    lock = json.loads((JAVASCRIPT / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]

    assert not [package for package in packages if "resolved" in package]
    assert all(package["integrity"].startswith("sha512-") for package in packages)
    assert all(re.fullmatch(r"[\d.]+", version) for version in lock["packages"][""]["devDependencies"].values())


def test_repr_is_a_stable_text(trace: Trace) -> None:
    """The text describes the cluster, without a memory address, and is the same for the same run: nbval compares it."""
    first, second = repr(player(trace)), repr(player(trace))

    assert first == second
    assert first.startswith("Player of step 8: 120.00 s, ")
    assert "tom" in first
    assert "0x" not in first


def test_mime_bundle_has_widget_picture_and_text(trace: Trace) -> None:
    """A notebook gets the widget and, where that cannot run, a picture and a text that do not change."""
    bundles = [player(trace)._repr_mimebundle_() for _ in range(2)]

    assert {"text/plain", "text/html", WIDGET_VIEW} == bundles[0].keys()
    assert bundles[0]["text/html"] == bundles[1]["text/html"]
    assert bundles[0]["text/html"].startswith('<img alt="Player of step 8')
    assert 'src="data:image/svg+xml;base64,' in bundles[0]["text/html"]
    assert len(bundles[0]["text/html"]) < 20_000


def test_cluster_plays_what_happened_so_far() -> None:
    """`cluster.play` shows the run so far, live; the player of a trace shows the same, and cannot act."""
    cluster = Cluster(6, seed=1)
    shown = cluster.run(20).play(at=12)
    alone = player(cluster.trace, at=12)

    assert isinstance(shown, Player)
    assert cluster.trace.to_text().encode() == shown.ring.trace == alone.ring.trace
    assert ({}, 0) == (alone.ring.live, shown.ring.live["current"])
    assert repr(alone) == repr(shown)
    assert alone._repr_mimebundle_()["text/html"] == shown._repr_mimebundle_()["text/html"]


def test_run_without_a_trace_cannot_be_played() -> None:
    """A cluster without a trace cannot be played, and the error says why."""
    with pytest.raises(ScenarioError, match="keeps no trace"):
        Cluster(6, record=False).play()


class Wire:
    """Records what goes to a browser: custom messages, and the names of the traits of each update, in order."""

    def __init__(self, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace the `send` of a ring's comm."""
        self.sent: list[Any] = []
        self.buffers: list[bytes] = []
        monkeypatch.setattr(ring.comm, "send", self.record)

    def record(self, data: dict[str, Any], buffers: list[bytes] | None = None, **_: Any) -> None:
        """Record a message."""
        self.sent.append(data["content"] if data["method"] == "custom" else sorted(data["state"]))
        self.buffers += buffers or []


CLICK = {"id": 7, "do": "act", "branch": 0, "at": 12_000_000, "seen": 30_000_000, "known": 30_000_000}


def test_click_goes_to_the_cluster_and_back_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom message acts on the cluster; one message brings the new events, the state and the answer."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    before = ring.trace
    wire = Wire(ring, monkeypatch)
    ring._handle_custom_msg(CLICK | {"action": "crash tom"}, [])
    (news,) = wire.sent
    (trace,) = news["traces"]

    assert {"id": 7, "ok": True, "said": "tom crashes; this is a new branch", "at": 12_000_000}.items() <= news.items()
    assert (1, 0, 30_000_000) == tuple(trace[name] for name in ("branch", "parent", "end"))
    lines = before.split(b"\n")[1 : trace["keep"] + 1]
    assert cluster.trace.to_text().encode().split(b"\n", 1)[1] == b"".join(line + b"\n" for line in lines) + b"".join(
        wire.buffers
    )
    assert 1 == news["live"]["current"] == json.loads(json.dumps(news["live"]))["current"]


def test_action_spells_only_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a run is, an action at its end formats and sends the events since the last time, and no other."""
    cluster = Cluster(8, seed=1).run(600)
    ring = cluster.play().ring
    spelled = []

    def spell(event: Event) -> str:
        spelled.append(event.number)
        return format_event(event)

    monkeypatch.setattr(branches, "format_event", spell)
    wire = Wire(ring, monkeypatch)
    known = len(cluster.trace)
    now = {"at": 600_000_000, "seen": 600_000_000, "known": 600_000_000}
    ring._handle_custom_msg(CLICK | now | {"action": "crash tom"}, [])

    assert list(range(known, len(cluster.trace))) == spelled
    assert len(spelled) == sum(buffer.count(b"\n") for buffer in wire.buffers)


def test_verbs_update_a_live_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later changes made by Python reach the player; outside notebooks, they do so at once."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    wire = Wire(ring, monkeypatch)
    cluster.run(5)

    assert [[(35_000_000, True)]] == [[(trace["end"], trace["code"]) for trace in each["traces"]] for each in wire.sent]
    assert cluster.trace.to_text().encode() == ring.get_state()["trace"]


def test_reloaded_browser_gets_the_current_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reloaded browser gets the current state, and is not asked to keep events that are not part of it."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    ring._handle_custom_msg(CLICK | {"action": "crash tom"}, [])
    state = ring.get_state()
    wire = Wire(ring, monkeypatch)
    ring._handle_custom_msg({"id": 1, "do": "open"}, [])
    ring._handle_custom_msg(CLICK | {"id": 2, "action": "crash jerry"}, [])
    opened, clicked = wire.sent

    assert (session_of(cluster).branches.all[1].trace.to_text().encode(), 1) == (
        state["trace"],
        state["live"]["current"],
    )
    assert [] == opened["traces"]
    assert [0] == [trace["keep"] for trace in clicked["traces"]]


def test_browser_that_opens_late_gets_what_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent before the browser could listen is sent again, whole, when it opens."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    cluster.run(5)
    wire = Wire(ring, monkeypatch)
    ring._handle_custom_msg({"id": 1, "do": "open"}, [])
    ((trace,),) = [news["traces"] for news in wire.sent]

    assert (0, 0, 35_000_000) == (trace["branch"], trace["keep"], trace["end"])
    assert cluster.trace.to_text().encode().split(b"\n", 1)[1] == wire.buffers[0]


def test_closed_player_gets_no_more_messages() -> None:
    """A closed player gets no more messages, and nothing fails."""
    cluster = Cluster(8, seed=1).run(30)
    closed, other = cluster.play(), cluster.play()
    closed.ring.close()
    before = closed.ring.trace
    cluster.run(5)

    assert (before, cluster.trace.to_text().encode()) == (closed.ring.trace, other.ring.get_state()["trace"])


def test_player_opens_at_a_time(trace: Trace) -> None:
    """With a time, the player opens there and its picture shows that moment."""
    shown = player(trace, at=30.0)

    assert 30_000_000 == shown.ring.start
    assert re.search("At 30.00 s: .* down", repr(shown))
    assert -1 == player(trace).ring.start


@pytest.mark.parametrize("name", recorded())
def test_ring_can_be_drawn_at_any_moment(name: str) -> None:
    """Every moment can be drawn, including the first and the last."""
    run = recorded()[name]

    for at in (0, 2, *range(5, 30, 5), None):
        picture = cluster_ring(run, at)
        assert picture.svg.startswith("<svg")
        assert set(run.servers) <= set(re.findall(r"\w+", picture.alt))


def test_text_of_a_ring_is_legible() -> None:
    """Every text has a contrast of at least 4.5 to 1 with the sign or the paper behind it."""
    roles = set()
    for run in (recorded()["step 8"], recorded()["step 1"]):
        for at in range(0, 120, 3):
            picture = ET.fromstring(cluster_ring(run, at).svg)  # noqa: S314 (the drawing is our own)
            inks = dict(re.findall(r"(?<![\w-])(\.?[\w.]+)\{[^}]*fill:(#\w+)", "".join(picture.itertext())))
            for place, text in enumerate(picture):
                if text.tag.endswith("}text"):
                    classes = (text.get("class") or "").split()
                    ink = next(
                        (
                            inks[key]
                            for key in ("." + ".".join(classes), *(f".{each}" for each in classes))
                            if key in inks
                        ),
                        inks["text"],
                    )
                    ground = picture[place - 1].get("fill") if "l" in classes else PAPER
                    assert contrast(ink, ground or "") >= 4.5, (text.text, ink, ground)
                    roles |= {text.text} if "l" in classes else set()

    assert {"F", "C", "L", "S", "X"} == roles


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        letters = colour.removeprefix("#")
        pairs = [letters[n : n + 2] for n in (0, 2, 4)] if len(letters) == 6 else [2 * letter for letter in letters]
        parts = [int(pair, 16) / 255 for pair in pairs]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_encoded_trace_is_valid_json() -> None:
    """The browser gets the trace unchanged, except that numbers that are not valid JSON become strings."""
    trace = recorded()["a node fails"]
    rows = [json.loads(line, parse_constant=pytest.fail) for line in encode_trace(trace).decode().split("\n") if line]

    assert len(trace) + 1 == len(rows)
    assert {"timeout": "Infinity", "nothing": "NaN"} == rows[1]["changes"]
    assert encode_trace(recorded()["step 6"]) == recorded()["step 6"].to_text().encode()


def test_only_the_player_of_a_cluster_plays_by_itself() -> None:
    """A player that a cell has just made for a cluster begins to play when it is seen; that of a trace waits."""
    cluster = Cluster(6, seed=1)

    assert cluster.run(5).play().ring.fresh
    assert not player(cluster.trace).ring.fresh


MARKS = {
    "crashed": "down",
    "restarted": "up",
    "paused": "down",
    "resumed": "up",
    "partitioned": "wall",
    "cut": "wall",
    "healed": "heal",
    "truncated": "alarm",
    "failed": "alarm",
}


def expected_chapters(trace: Trace) -> list[tuple[int, str, str]]:
    """Return the chapters that the player should list: elections, faults, deleted entries; the first 200."""
    terms: dict[str, int] = {}
    roles: dict[str, str] = {}
    found = []
    for event in trace:
        if event.kind == "role":
            roles[event.server] = event["role"]
        if event.kind == "term":
            terms[event.server] = event["term"]
            after = trace.events[event.number + 1 : event.number + 2]
            stays = not any(each.kind == "role" and each.server == event.server for each in after)
            if stays and roles.get(event.server) == "candidate":
                found.append((event.number, "candidate", f"{event.server} stands again in term {event['term']}"))
        if event.kind == "role" and event["role"] in ("leader", "candidate"):
            found.append((event.number, event["role"], f"{event_text(event)} in term {terms.get(event.server, 0)}"))
        elif event.kind in MARKS:
            found.append((event.number, MARKS[event.kind], event_text(event)))
    return found[:200]


def as_data(moment: Moment) -> dict[str, Any]:
    """Return a moment as JSON data, with the number of the event for each message in flight."""
    data = {
        "servers": {name: asdict(state) for name, state in moment.servers.items()},
        "in_flight": {name: event.number for name, event in moment.in_flight.items()},
        "held": moment.held,
        "network": moment.network,
        "sides": moment.sides,
        "cuts": moment.cuts,
    }
    return dict(json.loads(json.dumps(data), parse_constant=str))


def record(name: str, trace: Trace) -> dict[str, Any]:
    """Return what Python computes from a run, to compare with JavaScript."""
    numbers = sorted({-1, len(trace) - 1, *range(0, len(trace), 1 + len(trace) // 150)})
    return {
        "name": name,
        "text": encode_trace(trace).decode(),
        "moments": [(number, as_data(trace.moment_after(number))) for number in numbers],
        "words": [event_text(event) for event in trace],
        "story": [line.partition(" s  ")[2] for line in story(trace, heartbeats=True).lines],
        "chapters": expected_chapters(trace),
        "weighty_story": [line.partition(" s  ")[2] for line in story(trace).lines],
    }


@pytest.mark.slow
def test_javascript_computes_the_same_as_python(tmp_path: Path) -> None:
    """Moments, sentences and lists computed from recorded runs are the same in JavaScript and in Python."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("NO NODE: the player's JavaScript was not tested. On Debian and Ubuntu: apt install nodejs")
    modules = shutil.copytree(BROWSER, tmp_path / "browser")
    (modules / "package.json").write_text('{"type": "module"}')
    runs = tmp_path / "runs.json"
    runs.write_text(json.dumps([record(name, trace) for name, trace in recorded().items()]), encoding="utf-8")
    variables = {"RAFT_STEPS_BROWSER": str(modules), "RAFT_STEPS_RECORDED": str(runs)}
    command = [
        node,
        "--test",
        "--test-reporter=tap",
        *map(str, sorted(JAVASCRIPT.glob("*.test.mjs"))),
    ]

    answer = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=120
    )

    failures = [line for line in answer.stdout.splitlines() if "not ok" in line or "error:" in line]
    assert [] == failures, answer.stdout[-6000:]
    assert 0 == answer.returncode, answer.stderr
    assert int(re.findall(r"^# pass (\d+)", answer.stdout, re.MULTILINE)[0]) >= 6 * len(recorded())


@pytest.mark.slow
def test_stored_output_survives_strict_nbval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook with a player, executed and normalised as make refresh does, passes nbval with another hash seed."""
    from raft_steps.lab.course.notebooks import refresh_one
    from tests.player.in_browser.in_jupyterlab import write_notebook

    path = write_notebook(
        tmp_path / "06_play.ipynb",
        "from raft_steps.lab.cluster.cluster import Cluster\ncluster = Cluster(6, seed=1)",
        "cluster.run(40).play()",
    )
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    refreshed = refresh_one(path)
    cell = json.loads(path.read_text())["cells"][1]

    assert not refreshed.failure
    assert {"text/plain", "text/html"} == cell["outputs"][0]["data"].keys()
    options = ["-q", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env", str(path)]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        env=os.environ | {"PYTHONHASHSEED": "2", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "2 passed" in answer.stdout, answer.stdout


def test_causes_and_effects_are_those_of_the_diagrams() -> None:
    """The player finds what caused an event, and which messages are idle, by the same kinds and fields as Python."""
    text = (BROWSER / "happenings.js").read_text(encoding="utf-8")

    def listed(name: str) -> set[str]:
        (items,) = re.findall(rf"^const {name} = (?:new Set\()?\[(.*?)\]", text, re.DOTALL | re.MULTILINE)
        return set(re.findall(r'"(\w+)"', items))

    assert message_spans.CAUSES == listed("CAUSES")
    assert message_spans.EFFECTS == listed("EFFECTS")
    assert message_spans._WEIGHTY_EFFECTS == listed("SIGNIFICANT")
    assert message_spans._WEIGHTY_FIELDS == listed("SIGNIFICANT_FIELDS")
