"""Tables of text in columns, as the command line and reports print them."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def text_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), gap: str = "  ") -> list[str]:
    """Pad every column to its widest cell.

    Args:
        rows: The rows, each with the same number of cells; the first may be a header.
        right: The columns that are aligned on the right, counted from 0.
        gap: What separates two columns.

    Returns:
        One line for each row, without spaces at its end.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
