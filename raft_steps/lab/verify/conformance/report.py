"""What came of the catalogue: which step passes which scenario, and why another one does not yet."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from raft_steps.lab.text_table import HtmlCell, html_table, text_table
from raft_steps.lab.verify.conformance.entry import Entry
from raft_steps.lab.verify.conformance.trial import Outcome

PASSES = "ok"
FAILS = "FAILS"


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario with one step, or with a Node of one's own.

    Attributes:
        entry: The scenario.
        step: The step; None for a class of one's own.
        outcomes: What came of each seed.
    """

    entry: Entry
    step: int | None
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[Outcome]:
        """The runs in which something was wrong."""
        return [outcome for outcome in self.outcomes if not outcome.passed]

    @property
    def claimed(self) -> bool:
        """Whether the scenario's file says that the step passes; whatever is no step should pass all."""
        return self.step is None or self.entry.fails(self.step) is None

    @property
    def passes_from(self) -> int | None:
        """The step from which on the scenario is passed, by its file; None if this one passes, or is no step."""
        step, found = self.step, None
        while step is not None and (gap := self.entry.fails(step)) is not None:
            step = found = gap.mended_by
        return found

    @property
    def spelled(self) -> str:
        """What the table says: "ok", "FAILS", or the step from which on it is passed."""
        if self.claimed:
            return FAILS if self.failed else PASSES
        return f"from {self.passes_from}"


class CatalogueReport:
    """All cells of a table.

    Attributes:
        cells: The cells, scenario by scenario.
    """

    def __init__(self, cells: list[Cell]) -> None:
        """Keep the cells."""
        self.cells = cells

    @property
    def passed(self) -> bool:
        """Whether every step passed what it is said to pass."""
        return not self.unexpected

    @property
    def unexpected(self) -> list[Cell]:
        """The cells that should pass, and did not."""
        return [cell for cell in self.cells if cell.claimed and cell.failed]

    @property
    def lucky(self) -> list[Cell]:
        """The cells that are said to fail, and passed with these seeds: other seeds will tell."""
        return [cell for cell in self.cells if not cell.claimed and not cell.failed]

    def cell(self, name: str, step: int | None = None) -> Cell:
        """Give one cell.

        Args:
            name: The scenario's name.
            step: The step; None for a class of one's own.

        Raises:
            LookupError: There is none.
        """
        for cell in self.cells:
            if (cell.entry.name, cell.step) == (name, step):
                return cell
        raise LookupError(f"the table has no cell for {name} and step {step}")

    @property
    def columns(self) -> list[int | None]:
        """The steps, in order."""
        return list(dict.fromkeys(cell.step for cell in self.cells))

    @property
    def entries(self) -> list[Entry]:
        """The scenarios, in order."""
        return list(dict.fromkeys(cell.entry for cell in self.cells))

    def gaps(self) -> list[tuple[str, str, str]]:
        """Say what keeps these steps from passing: which steps, what it is and which step mends it, which scenarios."""
        found: dict[tuple[str, str], list[str]] = {}
        for entry in self.entries:
            for gap in entry.not_yet:
                steps = [step for step in self.columns if step is not None and gap.first <= step < gap.mended_by]
                if steps:
                    said = (_span(steps), f"{gap.why}; step {gap.mended_by} mends it")
                    found.setdefault(said, []).append(entry.name)
        return [
            (steps, why, ", ".join(names))
            for (steps, why), names in sorted(found.items(), key=lambda item: len(item[1]), reverse=True)
        ]

    def as_data(self) -> dict[str, Any]:
        """Turn it into what JSON knows."""
        rows = []
        for cell in self.cells:
            gap = cell.entry.fails(cell.step) if cell.step is not None else None
            rows.append(
                {
                    "scenario": cell.entry.name,
                    "step": cell.step,
                    "seeds": len(cell.outcomes),
                    "failed": [outcome.seed for outcome in cell.failed],
                    "wrong": cell.failed[0].wrong if cell.failed else "",
                    "not_yet": None if gap is None else {"mended_by": gap.mended_by, "why": gap.why},
                }
            )
        known = {entry.name: list(entry.known_as) for entry in self.entries}
        return {"passed": self.passed, "known_as": known, "cells": rows}

    def _heading(self) -> str:
        seeds = len(self.cells[0].outcomes)
        whole = len(self.cells)
        good = sum(cell.claimed and not cell.failed for cell in self.cells)
        bad = f"; {len(self.unexpected)} should and do not" if self.unexpected else ""
        lucky = f"; {len(self.lucky)} others did with these seeds" if self.lucky else ""
        return (
            f"{len(self.entries)} scenarios, {seeds} {'seed' if seeds == 1 else 'seeds'} each: "
            f"{good} of {whole} cells pass{bad}{lucky}"
        )

    def _titles(self) -> list[str]:
        return ["scenario", *(f"step {step}" if step is not None else "your Node" for step in self.columns)]

    def _wrong(self) -> list[str]:
        return [
            f"{cell.entry.name}, {'step ' + str(cell.step) if cell.step is not None else 'your Node'}, "
            f"seed {cell.failed[0].seed}: {cell.failed[0].wrong}"
            for cell in self.unexpected
        ]

    def __str__(self) -> str:
        """Show the table, what is wrong, and why steps do not pass yet."""
        rows = [self._titles()]
        rows += [
            [entry.name, *(self.cell(entry.name, step).spelled for step in self.columns)] for entry in self.entries
        ]
        lines = [self._heading(), *text_table(rows)]
        lines += [f"WRONG  {text}" for text in self._wrong()]
        gaps = self.gaps()
        if gaps:
            lines += ["Not yet:", *(f"  {steps}: {why}: {names}" for steps, why, names in gaps)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Show the same as tables."""
        titles = self._titles()
        rows: list[list[str | HtmlCell]] = [
            [entry.name, *(_html_cell(self.cell(entry.name, step)) for step in self.columns)] for entry in self.entries
        ]
        table = html_table(rows, header=titles, align=["left"] * len(titles))
        wrong = "".join(f"<li>{escape(text)}</li>" for text in self._wrong())
        gaps = self.gaps()
        not_yet = html_table(gaps, align=["left"] * 3)
        return (
            f"<p>{escape(self._heading())}</p>"
            + (f"<ul>{wrong}</ul>" if wrong else "")
            + table
            + (f"<details><summary>Why not yet</summary>{not_yet}</details>" if gaps else "")
        )


def _html_cell(cell: Cell) -> HtmlCell:
    gap = cell.entry.fails(cell.step) if cell.step is not None else None
    why = gap.why if gap is not None else cell.failed[0].wrong if cell.failed else ""
    return HtmlCell(cell.spelled, why, "bold" if cell.spelled == PASSES else "normal")


def _span(steps: list[int]) -> str:
    return f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]} to {steps[-1]}"
