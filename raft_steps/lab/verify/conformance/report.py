"""The report of the catalogue: which step passes which scenario, and why a step does not pass yet."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from raft_steps.lab.text_table import HtmlCell, html_table, text_table
from raft_steps.lab.verify.conformance.entry import CatalogueEntry
from raft_steps.lab.verify.conformance.trial import CatalogueOutcome

PASSES = "ok"
FAILS = "FAILS"


@dataclass(frozen=True, slots=True)
class CatalogueCell:
    """The results of a scenario with a step, or with your own Node.

    Attributes:
        entry: The entry of the catalogue.
        step: The step; None for a custom class.
        outcomes: The result of each seed.
    """

    entry: CatalogueEntry
    step: int | None
    outcomes: tuple[CatalogueOutcome, ...]

    @property
    def failed(self) -> list[CatalogueOutcome]:
        """The runs in which something was wrong."""
        return [outcome for outcome in self.outcomes if not outcome.passed]

    @property
    def should_pass(self) -> bool:
        """Whether the step is expected to pass, by the scenario's file; your own Node should pass all scenarios."""
        return self.step is None or self.entry.known_failure_of(self.step) is None

    @property
    def passes_from(self) -> int | None:
        """The first later step that passes, by the scenario's file; None if this one passes, or for your own Node."""
        step, found = self.step, None
        # What one step mends may still fail for another reason.
        while step is not None and (failure := self.entry.known_failure_of(step)) is not None:
            step = found = failure.mended_by
        return found

    @property
    def label(self) -> str:
        """The text in the table: "ok", "FAILS", or the step from which on the scenario passes."""
        if self.should_pass:
            return FAILS if self.failed else PASSES
        return f"from {self.passes_from}"


class CatalogueReport:
    """A table of scenarios and steps.

    Attributes:
        cells: The cells, scenario by scenario.
    """

    def __init__(self, cells: list[CatalogueCell]) -> None:
        """Build a table of these cells."""
        self.cells = cells

    @property
    def passed(self) -> bool:
        """Whether every step passed what it should pass."""
        return not self.unexpected

    @property
    def unexpected(self) -> list[CatalogueCell]:
        """The cells that should pass and did not."""
        return [cell for cell in self.cells if cell.should_pass and cell.failed]

    @property
    def lucky(self) -> list[CatalogueCell]:
        """The cells that are known to fail and passed with these seeds; with other seeds they fail."""
        return [cell for cell in self.cells if not cell.should_pass and not cell.failed]

    def cell(self, name: str, step: int | None = None) -> CatalogueCell:
        """Return the cell of a scenario and a step.

        Args:
            name: The scenario's name.
            step: The step; None for a custom class.

        Raises:
            LookupError: There is no such cell.
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
    def entries(self) -> list[CatalogueEntry]:
        """The scenarios, in order."""
        return list(dict.fromkeys(cell.entry for cell in self.cells))

    def gaps(self) -> list[tuple[str, str, str]]:
        """Return why steps do not pass yet: the steps, the reason with the step that mends it, and the scenarios."""
        found: dict[tuple[str, str], list[str]] = {}
        for entry in self.entries:
            for failure in entry.known_failures:
                affected = range(failure.first, failure.mended_by)
                steps = [step for step in self.columns if step is not None and step in affected]
                if steps:
                    reason = f"{failure.why}; step {failure.mended_by} mends it"
                    found.setdefault((_format_steps(steps), reason), []).append(entry.name)
        return [
            (steps, why, ", ".join(names))
            for (steps, why), names in sorted(found.items(), key=lambda item: len(item[1]), reverse=True)
        ]

    def as_data(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        rows = []
        for cell in self.cells:
            failure = cell.entry.known_failure_of(cell.step) if cell.step is not None else None
            rows.append(
                {
                    "scenario": cell.entry.name,
                    "step": cell.step,
                    "seeds": len(cell.outcomes),
                    "failed": [outcome.seed for outcome in cell.failed],
                    "wrong": cell.failed[0].wrong if cell.failed else "",
                    "not_yet": None if failure is None else {"mended_by": failure.mended_by, "why": failure.why},
                }
            )
        known = {entry.name: list(entry.known_as) for entry in self.entries}
        return {"passed": self.passed, "known_as": known, "cells": rows}

    def _heading(self) -> str:
        seeds = len(self.cells[0].outcomes)
        whole = len(self.cells)
        good = sum(cell.should_pass and not cell.failed for cell in self.cells)
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
        """Format the table, what is wrong, and why steps do not pass yet."""
        rows = [self._titles()]
        rows += [[entry.name, *(self.cell(entry.name, step).label for step in self.columns)] for entry in self.entries]
        lines = [self._heading(), *text_table(rows)]
        lines += [f"WRONG  {text}" for text in self._wrong()]
        gaps = self.gaps()
        if gaps:
            lines += ["Not yet:", *(f"  {steps}: {why}: {names}" for steps, why, names in gaps)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Format the same as HTML, with tables."""
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


def _html_cell(cell: CatalogueCell) -> HtmlCell:
    failure = cell.entry.known_failure_of(cell.step) if cell.step is not None else None
    why = failure.why if failure is not None else cell.failed[0].wrong if cell.failed else ""
    return HtmlCell(cell.label, why, "bold" if cell.label == PASSES else "normal")


def _format_steps(steps: list[int]) -> str:
    return f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]} to {steps[-1]}"
