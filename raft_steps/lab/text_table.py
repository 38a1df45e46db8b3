"""Tables of text and of HTML, as the command line prints them and notebooks show them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape
from typing import NamedTuple


def text_table(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), gap: str = "  ") -> list[str]:
    """Format rows as lines of text, with every column as wide as its widest cell.

    Args:
        rows: The rows, each with the same number of cells; the first may be a header.
        right: The columns that are aligned on the right, counted from 0.
        gap: The separator between two columns.

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


class HtmlCell(NamedTuple):
    """A cell of an HTML table with more than its text.

    Attributes:
        text: The text.
        title: The text that the browser shows when the pointer rests on the cell.
        weight: The weight of the font, such as ``bold``; "" for the default.
    """

    text: str
    title: str = ""
    weight: str = ""


def html_table(
    rows: Iterable[Sequence[str | HtmlCell]],
    *,
    header: Sequence[str | HtmlCell] = (),
    align: Sequence[str] = (),
    caption: str = "",
    row_headers: bool = False,
) -> str:
    """Build an HTML table; all text is escaped.

    Args:
        rows: The rows of cells.
        header: The names of the columns, if they have any.
        align: How each column is aligned: ``left``, ``right``, or "" for the default of the page, which differs
            between notebooks and GitHub.
        caption: The text above the table.
        row_headers: Whether the first cell of each row is a header too.
    """
    lines = [f"<caption style='text-align:left'>{escape(caption)}</caption>"] if caption else []
    if header:
        lines.append(_html_row(header, align, headers=len(header)))
    lines += [_html_row(row, align, headers=int(row_headers)) for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _html_row(row: Sequence[str | HtmlCell], align: Sequence[str], headers: int) -> str:
    cells = []
    for place, cell in enumerate(row):
        text, title, weight = HtmlCell(cell) if isinstance(cell, str) else cell
        side = align[place] if place < len(align) else ""
        style = ";".join([f"text-align:{side}"] * bool(side) + [f"font-weight:{weight}"] * bool(weight))
        attributes = (f" style='{style}'" if style else "") + (f" title='{escape(title)}'" if title else "")
        tag = "th" if place < headers else "td"
        cells.append(f"<{tag}{attributes}>{escape(text)}</{tag}>")
    return f"<tr>{''.join(cells)}</tr>"
