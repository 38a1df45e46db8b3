"""Charts of measurements: with matplotlib where it is installed, else as SVG, for example in a browser."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from raft_steps.lab.pictures.style import FAINT_INK, PALE_LINE
from raft_steps.lab.pictures.svg import Drawing, Picture, text_width
from raft_steps.lab.text_table import text_table

COLOURS = ("#E69F00", "#0072B2", "#009E73", "#CC79A7")  # distinguishable for the colour-blind
WIDTH, HEIGHT, SIZE = 760, 260, 12


def histogram(samples: Mapping[str, Sequence[float]], edges: Sequence[float], across: str, up: str) -> Any:
    """Draw how often values fall into ranges, with a bar for each kind of sample in each range.

    Args:
        samples: The values of each kind, by its name.
        edges: The edges of the ranges, in order; values outside of them are not counted, except that the last range
            includes its upper edge.
        across: What the values are, with their unit.
        up: What is counted.

    Returns:
        A figure of matplotlib, or a `Picture` where there is no matplotlib.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return histogram_picture(samples, edges, across, up)
    figure, axes = plt.subplots(figsize=(8, 2.8))
    axes.hist(list(samples.values()), bins=list(edges), label=list(samples), color=list(COLOURS[: len(samples)]))
    axes.set(xlabel=across, ylabel=up)
    axes.legend()
    figure.tight_layout()
    plt.close(figure)  # Otherwise matplotlib's backend for notebooks shows it a second time.
    return figure


def histogram_picture(samples: Mapping[str, Sequence[float]], edges: Sequence[float], across: str, up: str) -> Picture:
    """Draw the histogram as SVG; the arguments are those of `histogram`."""
    counts = {name: counted(values, edges) for name, values in samples.items()}
    most = max((count for each in counts.values() for count in each), default=0) or 1
    left, top, bottom = 60, 34, HEIGHT - 44
    step = (WIDTH - left - 16) / (len(edges) - 1)
    drawing = Drawing(WIDTH, HEIGHT)
    for number, name in enumerate(counts):
        colour = COLOURS[number % len(COLOURS)]
        drawing.rectangle(left + 130 * number, 12, 12, 12, fill=colour)
        drawing.text(left + 130 * number + 18, 22, name)
    for share in (0, 0.5, 1):
        y = bottom - (bottom - top) * share
        drawing.path("M", left, y, "H", WIDTH - 16, stroke=PALE_LINE)
        drawing.text(left - 6, y + 4, f"{most * share:g}", text_anchor="end", fill=FAINT_INK)
    for number, each in enumerate(counts.values()):
        bar = step * 0.8 / len(counts)
        for index, count in enumerate(each):
            height = (bottom - top) * count / most
            if count:
                x = left + step * (index + 0.1) + bar * number
                drawing.rectangle(x, bottom - height, bar, height, fill=COLOURS[number % len(COLOURS)])
    for index, edge in enumerate(edges):
        if index % max(1, len(edges) // 8) == 0:
            drawing.text(left + step * index, bottom + 16, f"{edge:g}", text_anchor="middle", fill=FAINT_INK)
    drawing.text((left + WIDTH) / 2, HEIGHT - 10, across, text_anchor="middle")
    drawing.text(14, (top + bottom) / 2, up, text_anchor="middle", transform=f"rotate(-90 14 {(top + bottom) // 2})")
    rows = [[across, *counts]]
    rows += [
        [f"{low:g} to {high:g}", *(str(each[i]) for each in counts.values())]
        for i, (low, high) in enumerate(pairwise(edges))
        if any(each[i] for each in counts.values())
    ]
    summary = "\n".join(text_table(rows, right=range(1, len(rows[0])), gap="  "))
    alt = f"A histogram of {across}, of {' and '.join(samples)}."
    return Picture(drawing.svg(alt), alt, summary)


def counted(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Return how many values fall into each range; the last range includes its upper edge."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        if edges[0] <= value <= edges[-1]:
            counts[min(bisect_right(edges, value) - 1, len(counts) - 1)] += 1
    return counts


@dataclass(frozen=True, slots=True)
class Square:
    """A square of a heat map.

    Attributes:
        share: How dark it is, from 0 to 1.
        text: What stands in it.
        is_bold: Whether the text is bold.
    """

    share: float
    text: str
    is_bold: bool = False


def heat_map_picture(
    rows: Sequence[str], columns: Sequence[str], squares: Sequence[Sequence[Square]], alt: str
) -> Picture:
    """Draw a table of shares as SVG: the larger a share, the darker its square.

    Args:
        rows: The names of the rows.
        columns: The names of the columns.
        squares: The squares of each row.
        alt: The alternative text.
    """
    left = max(text_width(row, SIZE) for row in rows) + 20
    width = max(52, *(text_width(column, SIZE) + 10 for column in columns))
    drawing = Drawing(left + width * len(columns) + 8, 34 + 24 * len(rows))
    for x, column in enumerate(columns):
        drawing.text(left + width * (x + 0.5), 20, column, text_anchor="middle")
    for y, (row, cells) in enumerate(zip(rows, squares, strict=True)):
        drawing.text(left - 8, 44 + 24 * y, row, text_anchor="end")
        for x, square in enumerate(cells):
            drawing.rectangle(left + width * x, 28 + 24 * y, width - 2, 22, fill=_blue(square.share))
            drawing.text(
                left + width * (x + 0.5) - 1, 43 + 24 * y, square.text, text_anchor="middle",
                font_weight="bold" if square.is_bold else "",
            )  # fmt: skip
    table = [["", *columns], *([row, *(each.text for each in cells)] for row, cells in zip(rows, squares, strict=True))]
    summary = "\n".join(text_table(table, right=range(1, len(columns) + 1), gap=" "))
    return Picture(drawing.svg(alt), alt, summary)


def _blue(share: float) -> str:
    """Return a blue, pale enough for black text on it."""
    return "#" + "".join(f"{round(255 - (255 - dark) * share):02x}" for dark in (0x7A, 0xB2, 0xE0))
