"""Tables of text and of HTML: columns that line up, cells that cannot break out of the table."""

import pytest

from raft_steps.lab.text_table import HtmlCell, html_table, text_table

ROWS = [("", "measured", "limit"), ("calls", "7", "30"), ("bytes sent", "1,234", "")]


def test_columns_line_up() -> None:
    """Every column is as wide as its widest cell, and no line ends with spaces."""
    assert [
        "            measured  limit",
        "calls       7         30",
        "bytes sent  1,234",
    ] == text_table(ROWS)


def test_numbers_are_aligned_on_the_right() -> None:
    """Columns that are named are aligned on the right, and the gap between columns can be chosen."""
    assert [
        "            measured  limit",
        "calls              7     30",
        "bytes sent     1,234",
    ] == text_table(ROWS, right=(1, 2))
    assert ["a | b", "c | d"] == text_table([("a", "b"), ("c", "d")], gap=" | ")


def test_table_without_rows_is_empty() -> None:
    """No rows give no lines."""
    assert [] == text_table([])


def test_rows_have_as_many_cells_as_the_first() -> None:
    """A row that is too short is a mistake of the caller."""
    with pytest.raises(ValueError, match="shorter"):
        text_table([("a", "b"), ("c",)])


def test_html_table_has_header_alignment_and_caption() -> None:
    """Header and cells of a column have the same alignment."""
    found = html_table([("x", "1")], header=("name", "count"), align=("left",), caption="Two columns")

    assert (
        "<table><caption style='text-align:left'>Two columns</caption>"
        "<tr><th style='text-align:left'>name</th><th>count</th></tr>"
        "<tr><td style='text-align:left'>x</td><td>1</td></tr></table>"
    ) == found


def test_html_cell_has_weight_and_title() -> None:
    """A cell may be bold and explain itself; the first cell of a row may be a header."""
    found = html_table([("x", HtmlCell("ok", "3 of 3", "bold"))], align=("", "left"), row_headers=True)

    assert (
        "<table><tr><th>x</th><td style='text-align:left;font-weight:bold' title='3 of 3'>ok</td></tr></table>" == found
    )


def test_html_is_escaped() -> None:
    """Nothing in a cell, a title or a caption is taken as HTML."""
    found = html_table([("<b>", HtmlCell("&", "it's '<'"))], header=("<i>", ""), caption="<u>")

    assert "<b>" not in found
    assert "<i>" not in found
    assert "<u>" not in found
    assert "<td title='it&#x27;s &#x27;&lt;&#x27;'>&amp;</td>" in found
