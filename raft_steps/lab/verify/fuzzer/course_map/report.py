"""The course map as data that shows itself: as text, as a table, as a chart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from raft_steps.lab.text_table import HtmlCell, html_table, text_table
from raft_steps.lab.verify.fuzzer.course_map.trial import SERVICE_RETURNS
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.properties.rules import RULES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What mends a cluster that does not serve any more, by the step that has the fault. The rules know their own.
NOT_SERVED = {
    2: (4, "the leader is named once, so nobody leads after its crash; step 4 lets the servers choose"),
    4: (
        9,
        "a server votes once in its life, so after some elections nobody gets enough votes; step 9 gives a vote per term",
    ),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One step, or one Node, in one kind of adversity.

    Attributes:
        row: Whose cell it is, such as ``step 8``.
        profile: The kind of adversity.
        seeds: How many seeds were tried.
        broken: What broke first, and at how many seeds, the most frequent first.
    """

    row: str
    profile: str
    seeds: int
    broken: dict[str, int]

    @property
    def survived(self) -> float:
        """The share of seeds at which nothing broke, from 0 to 1."""
        return 1 - sum(self.broken.values()) / self.seeds

    @property
    def step(self) -> int | None:
        """The step's number; None for a Node of one's own."""
        name, _, number = self.row.partition(" ")
        return int(number) if name == "step" and number.isdecimal() else None

    def mended_by(self) -> dict[str, tuple[int, str]]:
        """Say for each thing that broke which later step mends it, and what the fault is; nothing for one's own Node."""
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
        """The share as a whole percentage that says 100 only if nothing broke, and 0 only if everything did."""
        share = round(100 * self.survived)
        if self.broken and share == 100:
            return ">99%"
        return "<1%" if share == 0 and self.survived > 0 else f"{share}%"


class CourseMap:
    """All cells of the map.

    Attributes:
        cells: The cells, row by row.
    """

    def __init__(self, cells: list[Cell]) -> None:
        """Keep the cells."""
        self.cells = cells

    @property
    def rows(self) -> list[str]:
        """The names of the rows, in order."""
        return list(dict.fromkeys(cell.row for cell in self.cells))

    def cell(self, row: str, profile: str) -> Cell:
        """Give one cell.

        Raises:
            LookupError: There is none for this row and this profile.
        """
        for cell in self.cells:
            if (cell.row, cell.profile) == (row, profile):
                return cell
        raise LookupError(f"the course map has no cell for {row} and {profile}")

    def faults(self) -> list[str]:
        """Say for every row that breaks what breaks, and which later step mends it."""
        said = []
        for row in self.rows:
            mends: dict[str, tuple[int, str]] = {}
            for cell in self.cells:
                if cell.row == row:
                    mends |= cell.mended_by()
            said += [f"{row}, {name}: {why}; mended by step {step}" for name, (step, why) in mends.items()]
        return said

    def __str__(self) -> str:
        """Show the shares as a table of text."""
        # The columns are equally wide, as wide as the longest of today's names.
        header = ["", *(f"{name:>10}" for name in PROFILES)]
        rows = [[row, *(self.cell(row, name).percent for name in PROFILES)] for row in self.rows]
        return "\n".join(text_table([header, *rows], right=range(1, len(header)), gap=" "))

    __repr__ = __str__

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows."""
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
        """Show the shares as a table; what broke is under the pointer, and in words below."""
        header: list[str | HtmlCell] = ["", *(HtmlCell(name, profile.sentence) for name, profile in PROFILES.items())]
        rows: list[list[str | HtmlCell]] = [
            [row, *(_html_cell(self.cell(row, name)) for name in PROFILES)] for row in self.rows
        ]
        return html_table(rows, header=header, align=("left",), row_headers=True)

    def chart(self) -> Figure:
        """Draw the map: a square for each cell, dark where everything survives, with the share in it."""
        import matplotlib.pyplot as plt

        rows, columns = self.rows, list(PROFILES)
        shares = [[self.cell(row, name).survived for name in columns] for row in rows]
        figure, axes = plt.subplots(figsize=(8, 0.9 + 0.42 * len(rows)))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        for y, row in enumerate(rows):
            for x, name in enumerate(columns):
                cell = self.cell(row, name)
                axes.text(x, y, cell.percent, ha="center", va="center", weight="normal" if cell.broken else "bold")
        figure.tight_layout()
        plt.close(figure)  # Whoever shows it shows it once.
        return figure


def _html_cell(cell: Cell) -> HtmlCell:
    broken = ", ".join(f"{name} at {count}" for name, count in cell.broken.items()) or "nothing broke"
    return HtmlCell(cell.percent, f"{broken}, of {cell.seeds} seeds", "normal" if cell.broken else "bold")
