"""The player's Python side, and its pure JavaScript, run by node against the Python twins."""

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
from raft_steps.lab.player.widget import (
    MODULES,
    Player,
    Ring,
    javascript,
    player,
    stylesheet,
    telling_moments,
    trace_bytes,
)
from raft_steps.lab.trace.narration import event_text, story
from raft_steps.lab.trace.trace import Moment, Trace

ROOT = Path(__file__).parents[2]
BROWSER = ROOT / "raft_steps" / "lab" / "player" / "browser"
JAVASCRIPT = ROOT / "tests" / "player" / "js"  # tests of the modules, and the tools that check them
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

# A run of each step with something of everything that can happen; the longest is several keyframes long.
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
    "paper timing": "raft-steps 1; step 8; servers tom jerry spike; seed 10; timing paper; at 0.5 set x 1; until 2",
}


@cache
def recorded() -> dict[str, Trace]:
    """Run every scenario, and one node that fails."""
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
    """A node with a mistake, and with fields that JSON has trouble with."""

    timeout: float = float("inf")
    nothing: float = float("nan")

    def on_start(self) -> None:
        self.start_timer("work", 2)

    def on_work_timeout(self) -> None:
        raise ValueError("no\u2028way")


@pytest.fixture
def trace() -> Trace:
    """Give a run with an election, a crash and messages on their way at its end."""
    return recorded()["step 8"]


def test_one_module_that_loads_nothing() -> None:
    """The JavaScript is one module: no import is left, one export, and no address but the name of SVG."""
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


def test_repr_is_words_and_stable(trace: Trace) -> None:
    """Its text says how the cluster stands, without an address, and is the same for the same run: strict nbval compares it."""
    first, second = repr(player(trace)), repr(player(trace))

    assert first == second
    assert first.startswith("Player of step 8: 120.00 s, ")
    assert "tom" in first
    assert "0x" not in first


def test_mime_bundle_is_live_and_has_a_still_picture(trace: Trace) -> None:
    """A notebook gets the live widget, and for those who cannot run it a picture with words, which do not change."""
    bundles = [player(trace)._repr_mimebundle_() for _ in range(2)]

    assert {"text/plain", "text/html", WIDGET_VIEW} == bundles[0].keys()
    assert bundles[0]["text/html"] == bundles[1]["text/html"]
    assert bundles[0]["text/html"].startswith('<img alt="Player of step 8')
    assert 'src="data:image/svg+xml;base64,' in bundles[0]["text/html"]
    assert len(bundles[0]["text/html"]) < 20_000


def test_cluster_plays_what_happened_so_far() -> None:
    """`cluster.play` shows the run up to now, live; a trace alone shows the same, and has nothing to act upon."""
    cluster = Cluster(6, seed=1)
    shown = cluster.run(20).play(at=12)
    alone = player(cluster.trace, at=12)

    assert isinstance(shown, Player)
    assert cluster.trace.to_text().encode() == shown.ring.trace == alone.ring.trace
    assert ({}, 0) == (alone.ring.live, shown.ring.live["current"])
    assert repr(alone) == repr(shown)
    assert alone._repr_mimebundle_()["text/html"] == shown._repr_mimebundle_()["text/html"]


def test_run_without_a_trace_cannot_be_played() -> None:
    """A cluster that keeps no trace says so."""
    with pytest.raises(ScenarioError, match="keeps no trace"):
        Cluster(6, record=False).play()


class Wire:
    """What goes to a browser: the custom messages, and the names of the traits of each update, in order."""

    def __init__(self, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
        """Listen to a ring's comm."""
        self.sent: list[Any] = []
        self.buffers: list[bytes] = []
        monkeypatch.setattr(ring.comm, "send", self.take)

    def take(self, data: dict[str, Any], buffers: list[bytes] | None = None, **_: Any) -> None:
        """Take what is sent."""
        self.sent.append(data["content"] if data["method"] == "custom" else sorted(data["state"]))
        self.buffers += buffers or []


def test_click_goes_to_the_cluster_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom message acts on the cluster; back come the new events, the state, the answer, in this order and no more.

    The whole trace is kept in Python for a browser that is opened later, and is not sent.
    """
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    before = ring.trace
    wire = Wire(ring, monkeypatch)
    request = {"id": 7, "do": "act", "branch": 0, "at": 12_000_000, "seen": 30_000_000, "action": "crash tom"}
    ring._handle_custom_msg(request, [])
    events, live, answer = wire.sent

    assert {"kind": "answer", "id": 7, "ok": True, "said": "tom crashes; this is a new branch"} == answer
    assert ["live"] == live
    assert ("trace", 1, 0, 30_000_000) == tuple(events[name] for name in ("kind", "branch", "parent", "end"))
    lines = before.split(b"\n")[1 : events["keep"] + 1]
    assert (
        cluster.trace.to_text().encode().split(b"\n", 1)[1]
        == b"".join(line + b"\n" for line in lines) + wire.buffers[0]
    )
    assert cluster.trace.to_text().encode() == ring.trace
    assert 1 == ring.live["current"] == json.loads(json.dumps(ring.live))["current"]


def test_verbs_move_a_live_player(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Python does to the cluster later comes to the player, too: outside of notebooks at once."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    wire = Wire(ring, monkeypatch)
    cluster.run(5)

    assert [("trace", 35_000_000), ["live"]] == [
        each if isinstance(each, list) else (each["kind"], each["at"]) for each in wire.sent
    ]
    assert cluster.trace.to_text().encode() == ring.trace


def test_browser_that_is_loaded_anew_is_given_the_present(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the state is the present one; and what that browser did not get with it, it is not told to keep."""
    cluster = Cluster(8, seed=1).run(30)
    ring = cluster.play().ring
    click = {"id": 1, "do": "act", "branch": 0, "at": 12_000_000, "seen": 30_000_000, "action": "crash tom"}
    ring._handle_custom_msg(click, [])
    state = ring.get_state()
    wire = Wire(ring, monkeypatch)
    ring._handle_custom_msg(click | {"id": 2, "action": "crash jerry"}, [])

    assert (cluster._session.branches.all[1].trace.to_text().encode(), 1) == (state["trace"], state["live"]["current"])
    assert 0 == wire.sent[0]["keep"]


def test_closed_player_is_told_nothing_more() -> None:
    """A player that was closed takes no part any more, and nothing fails."""
    cluster = Cluster(8, seed=1).run(30)
    closed, other = cluster.play(), cluster.play()
    closed.ring.close()
    before = closed.ring.trace
    cluster.run(5)

    assert (before, cluster.trace.to_text().encode()) == (closed.ring.trace, other.ring.trace)


def test_it_opens_at_a_time(trace: Trace) -> None:
    """With a time, the player opens there and its picture shows that moment."""
    shown = player(trace, at=30.0)

    assert 30_000_000 == shown.ring.start
    assert re.search("At 30.00 s: .* down", repr(shown))
    assert -1 == player(trace).ring.start


@pytest.mark.parametrize("name", recorded())
def test_still_can_be_drawn_at_any_moment(name: str) -> None:
    """Every moment has a still picture, the first and the last as well."""
    run = recorded()[name]

    for at in (0, 2, *range(5, 30, 5), None):
        picture = cluster_ring(run, at)
        assert picture.svg.startswith("<svg")
        assert set(run.servers) <= set(re.findall(r"\w+", picture.alt))


def test_words_of_a_still_can_be_read() -> None:
    """Every letter stands out from the sign or the paper that it stands on, by 4.5 to 1 or more."""
    roles = set()
    for run in (recorded()["step 8"], recorded()["step 1"]):
        for at in range(0, 120, 3):
            picture = ET.fromstring(cluster_ring(run, at).svg)  # noqa: S314 (the drawing is our own)
            inks = dict(re.findall(r"(?<![\w-])(\.?[\w.]+)\{[^}]*fill:(#\w+)", "".join(picture.itertext())))
            for place, text in enumerate(picture):
                if text.tag.endswith("}text"):
                    look = (text.get("class") or "").split()
                    ink = next(
                        (inks[key] for key in ("." + ".".join(look), *(f".{each}" for each in look)) if key in inks),
                        inks["text"],
                    )
                    ground = picture[place - 1].get("fill") if "l" in look else PAPER
                    assert contrast(ink, ground or "") >= 4.5, (text.text, ink, ground)
                    roles |= {text.text} if "l" in look else set()

    assert {"F", "C", "L", "S", "X"} == roles


def contrast(one: str, other: str) -> float:
    """Give how much two colours differ in brightness, as WCAG 2.2 counts it (relative luminance)."""

    def luminance(colour: str) -> float:
        letters = colour.removeprefix("#")
        pairs = [letters[n : n + 2] for n in (0, 2, 4)] if len(letters) == 6 else [2 * letter for letter in letters]
        parts = [int(pair, 16) / 255 for pair in pairs]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_payload_is_the_trace_and_is_json() -> None:
    """The browser gets the trace as it is; numbers that its JSON does not know have become words."""
    trace = recorded()["a node fails"]
    rows = [json.loads(line, parse_constant=pytest.fail) for line in trace_bytes(trace).decode().split("\n") if line]

    assert len(trace) + 1 == len(rows)
    assert {"timeout": "Infinity", "nothing": "NaN"} == rows[1]["changes"]
    assert trace_bytes(recorded()["step 6"]) == recorded()["step 6"].to_text().encode()


def test_moments_are_elections_and_faults(trace: Trace) -> None:
    """The list of moments names who leads in which term, and what broke, in order, and is no longer than it can be read."""
    words = [words for _, _, words in telling_moments(trace)]
    numbers = [number for number, _, _ in telling_moments(trace)]

    assert any(re.fullmatch(r"\w+ becomes leader in term \d+", line) for line in words)
    assert any(line.endswith(" crashes") for line in words)
    assert sorted(numbers) == numbers
    assert len(words) <= 200


def test_options_are_linked_to_the_drawing(trace: Trace) -> None:
    """Speed, hurry and heartbeats are ipywidgets that begin as the drawing does."""
    shown = player(trace, speed=2, heartbeats=False)
    speed, hurry, heartbeats = shown.children[1].children

    assert (2, True, False) == (speed.value, hurry.value, heartbeats.value)


def plain(moment: Moment) -> dict[str, Any]:
    """Give a moment as JSON knows it; of a message in flight, the number of its event."""
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
    """Write down what the Python twins make of a run."""
    numbers = sorted({-1, len(trace) - 1, *range(0, len(trace), 1 + len(trace) // 150)})
    return {
        "name": name,
        "text": trace_bytes(trace).decode(),
        "moments": [(number, plain(trace.moment_after(number))) for number in numbers],
        "words": [event_text(event) for event in trace],
        "story": [line.partition(" s  ")[2] for line in story(trace, heartbeats=True).lines],
        "chapters": telling_moments(trace),
        "weighty_story": [line.partition(" s  ")[2] for line in story(trace).lines],
    }


@pytest.mark.slow
def test_javascript_does_as_its_python_twins(tmp_path: Path) -> None:
    """What node computes from recorded runs (moments, words, lists) is what Python computes; and it steps and plays right."""
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
    """A notebook with a player, run and normalised as make refresh does, is found the same with another hash seed."""
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
