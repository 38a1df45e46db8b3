"""Charts: what matplotlib draws where it is installed, and the SVG that takes its place."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from raft_steps.lab.pictures.charts import Square, counted, heat_map_picture, histogram, histogram_picture
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.verify.fuzzer.course_map import course_map
from tests.pictures.picture_tools import parse, texts

SAMPLES = {"step 7": [10, 12, 118, 120], "step 8": [9, 11, 12]}
EDGES = range(0, 130, 5)


@pytest.fixture
def _without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let matplotlib be missing, as in a browser."""
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)


def test_counts_are_those_of_matplotlib() -> None:
    """Both put a value on an edge into the range above it, and the last range includes its upper edge."""
    figure = histogram(SAMPLES, EDGES, "seconds", "clusters")
    heights = [patch.get_height() for patch in figure.axes[0].patches]

    assert [float(count) for values in SAMPLES.values() for count in counted(values, EDGES)] == heights


def test_values_outside_are_not_counted() -> None:
    """The upper edge of the last range is not outside."""
    assert [1, 2] == counted([-1, 0, 1, 2, 2.5], [0, 1, 2])


@pytest.mark.usefixtures("_without_matplotlib")
def test_without_matplotlib_the_charts_are_pictures() -> None:
    """So the course's notebooks run in a browser."""
    assert isinstance(histogram(SAMPLES, EDGES, "seconds", "clusters"), Picture)
    assert isinstance(course_map().chart(), Picture)


def test_histogram_has_a_bar_for_each_range_with_values() -> None:
    """Its words have the same numbers."""
    picture = histogram_picture(SAMPLES, EDGES, "seconds", "clusters")
    bars = [each for each in parse(picture.svg).iter() if each.tag.endswith("}rect")]

    assert 1 + 2 + 5 == len(bars)  # the ground, the legend, and the bars
    assert ["seconds", "step", "7", "step", "8"] == picture.summary.split("\n")[0].split()
    assert ["10", "to", "15", "2", "2"] == picture.summary.split("\n")[2].split()
    assert {"step 7", "step 8", "seconds", "clusters"} <= set(texts(picture))


def test_heat_map_has_all_shares() -> None:
    """Every name and every text of a square is drawn."""
    squares = [[Square(1, "100%", is_bold=True), Square(0.5, "50%")], [Square(0, "0%"), Square(1, "100%")]]
    picture = heat_map_picture(["a", "b"], ["calm", "lossy"], squares, "A map.")

    assert ["calm", "lossy", "a", "100%", "50%", "b", "0%", "100%"] == texts(picture)
    assert 1 == picture.svg.count('font-weight="bold"')


def test_pictures_are_the_same_everywhere(tmp_path: Path) -> None:
    """Two drawings of the same numbers have the same bytes."""
    one, two = (histogram_picture(SAMPLES, EDGES, "seconds", "clusters") for _ in range(2))
    one.save(tmp_path / "one.svg")

    assert one.svg == two.svg == (tmp_path / "one.svg").read_text(encoding="utf-8")
