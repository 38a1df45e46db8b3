"""The course map as data, with its forms as text, as a table and as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raft_steps.lab.pictures.charts import Square, heat_map_picture
from raft_steps.lab.pictures.svg import Picture
from raft_steps.lab.text_table import HtmlCell, html_table, text_table
from raft_steps.lab.verify.fuzzer.course_map.trial import SERVICE_RETURNS
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.properties.rules import RULES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Why a cluster of a step stops serving its clients, and which later step mends it. Each entry holds from its step up to
# the next entry. For what else breaks, the rule itself has the reason and the step.
NOT_SERVED = {
    2: (4, "the leader is named once, so nobody leads after its crash; step 4 lets the servers choose"),
    4: (
        9,
        "a server votes once in its life, so after some elections nobody gets enough votes; step 9 gives a vote per term",
    ),
    17: (18, "a server that was removed and does not know it starts elections; step 18 lets it ask first"),
}


@dataclass(frozen=True, slots=True)
class MapCell:
    """The result of one step, or of your own Node, with one profile.

    Attributes:
        row: The title of its row, such as ``step 8``.
        profile: The name of the fault profile.
        seeds: The number of seeds that were tried.
        broken: How often each thing broke first, the most frequent first.
    """

    row: str
    profile: str
    seeds: int
    broken: dict[str, int]

    @property
    def survived(self) -> float:
        """The share of seeds that broke nothing, from 0 to 1."""
        return 1 - sum(self.broken.values()) / self.seeds

    @property
    def step(self) -> int | None:
        """The step's number; None for your own Node."""
        name, _, number = self.row.partition(" ")
        return int(number) if name == "step" and number.isdecimal() else None

    def mended_by(self) -> dict[str, tuple[int, str]]:
        """Return, for each thing that broke, the step that mends it and the reason; nothing for your own Node."""
        if self.step is None:
            return {}
        found = {}
        for name in self.broken:
            if name == SERVICE_RETURNS:
                found[name] = [mend for first, mend in NOT_SERVED.items() if first <= self.step][-1]
            for rule in RULES:
                if rule.name == name:
                    found[name] = (rule.mended_at(self.step), rule.reason(self.step))
        return found

    @property
    def percent(self) -> str:
        """The share as a whole percentage: 100% only if nothing broke, and 0% only if all seeds broke something."""
        share = round(100 * self.survived)
        if self.broken and share == 100:
            return ">99%"
        return "<1%" if share == 0 and self.survived > 0 else f"{share}%"


class CourseMap:
    """The course map: which step survives which profile.

    Attributes:
        cells: The cells, row by row.
    """

    def __init__(self, cells: list[MapCell]) -> None:
        """Build a map of these cells."""
        self.cells = cells

    @property
    def rows(self) -> list[str]:
        """The titles of the rows, in order."""
        return list(dict.fromkeys(cell.row for cell in self.cells))

    def cell(self, row: str, profile: str) -> MapCell:
        """Return the cell of a row and a profile.

        Raises:
            LookupError: There is no such cell.
        """
        for cell in self.cells:
            if (cell.row, cell.profile) == (row, profile):
                return cell
        raise LookupError(f"the course map has no cell for {row} and {profile}")

    def faults(self) -> list[str]:
        """Describe, for each row, what breaks and which later step mends it, in a sentence each."""
        sentences = []
        for row in self.rows:
            mends: dict[str, tuple[int, str]] = {}
            for cell in self.cells:
                if cell.row == row:
                    mends |= cell.mended_by()
            sentences += [f"{row}, {name}: {why}; mended by step {step}" for name, (step, why) in mends.items()]
        return sentences

    def __str__(self) -> str:
        """Format the shares as a table of text."""
        # The columns are equally wide, as wide as the longest of today's names.
        header = ["", *(f"{name:>10}" for name in PROFILES)]
        rows = [[row, *(self.cell(row, name).percent for name in PROFILES)] for row in self.rows]
        return "\n".join(text_table([header, *rows], right=range(1, len(header)), gap=" "))

    __repr__ = __str__

    def as_data(self) -> dict[str, Any]:
        """Return the map as data for JSON."""
        return {
            "cells": [
                {
                    "row": cell.row,
                    "profile": cell.profile,
                    "seeds": cell.seeds,
                    "survived": cell.survived,
                    "broken": cell.broken,
                }
                for cell in self.cells
            ]
        }

    def _repr_html_(self) -> str:
        """Format the shares as HTML, with what broke in each cell's tooltip."""
        header: list[str | HtmlCell] = ["", *(HtmlCell(name, profile.sentence) for name, profile in PROFILES.items())]
        rows: list[list[str | HtmlCell]] = [
            [row, *(_html_cell(self.cell(row, name)) for name in PROFILES)] for row in self.rows
        ]
        return html_table(rows, header=header, align=("left",), row_headers=True)

    def chart(self) -> Figure | Picture:
        """Draw the map: a square for each cell, darker the more seeds survive, with the share in it if some did not.

        Returns:
            A figure of matplotlib, or a `Picture` where there is no matplotlib.
        """
        rows, columns = self.rows, list(PROFILES)
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            return self.picture()
        shares = [[self.cell(row, name).survived for name in columns] for row in rows]
        # Notebooks store it as a PNG: with few dots, and words only where a rule broke, it stays small as the course grows.
        figure, axes = plt.subplots(figsize=(8, 0.9 + 0.3 * len(rows)), dpi=80)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        axes.set_xticks(range(len(columns)), columns, rotation=35, ha="left", rotation_mode="anchor")
        axes.set_yticks(range(len(rows)), rows)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for y, row in enumerate(rows):
            for x, name in enumerate(columns):
                cell = self.cell(row, name)
                if cell.broken:
                    axes.text(x, y, cell.percent, ha="center", va="center", size="small")
        figure.tight_layout()
        plt.close(figure)  # Otherwise matplotlib's backend for notebooks shows it a second time.
        return figure

    def picture(self) -> Picture:
        """Draw it as SVG, which needs no library, with the share in every square."""
        found = [[self.cell(row, name) for name in PROFILES] for row in self.rows]
        squares = [[Square(cell.survived, cell.percent, not cell.broken) for cell in cells] for cells in found]
        return heat_map_picture(self.rows, list(PROFILES), squares, "The course map: the share of seeds that survive.")


def _html_cell(cell: MapCell) -> HtmlCell:
    broken = ", ".join(f"{name} at {count}" for name, count in cell.broken.items()) or "nothing broke"
    return HtmlCell(cell.percent, f"{broken}, of {cell.seeds} seeds", "normal" if cell.broken else "bold")
