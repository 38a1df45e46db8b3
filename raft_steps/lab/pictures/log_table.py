"""The log table: the logs of all servers one under another, entry by entry, so that the eye finds where they differ.

Every entry shows its term as a number, on the tint that the term has in the space-time diagram too. An entry that is
not what the leader has at that index (or, while nobody leads, not what most have) gets a heavy broken edge and a sign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from raft_steps.lab.pictures.signs import STYLE, draw_sign, state_words
from raft_steps.lab.pictures.style import ALARM, INK, PALE_LINE, PAPER, SIZE, term_tint
from raft_steps.lab.pictures.svg import Drawing, Picture, cut, text_width
from raft_steps.lab.text import plural, printable, several
from raft_steps.lab.trace.narration import quote
from raft_steps.lab.trace.trace import Moment, ServerState

WIDTH, LEFT, MARGIN = 900, 174, 14  # the widest picture, the servers' column, the edges
NARROWEST_PICTURE = 620
CELL_HEIGHT, ROW = 26, 62
NARROWEST, WIDEST, TERM_WIDTH = 56, 140, 26  # of a cell, and of its term

# t: an edge; u: the edge of an entry that differs; v: where an entry is missing.
CELL_STYLE = (
    f".t{{stroke:{INK};stroke-width:.8}}.u{{stroke:{ALARM};stroke-width:2.5;stroke-dasharray:5 3}}"
    f".v{{stroke:{PALE_LINE};stroke-dasharray:2 3}}"
)

Entry = tuple[int, str]  # term and command


@dataclass(slots=True)
class Row:
    """One server of the table.

    Attributes:
        name: The server.
        log: Its entries, from index 1.
        sign: Its role, or down; "" where only the logs are known.
        state: What it is, in a few words.
        holds: What its state machine holds, in a few words.
        leads: Whether it leads.
        term: Its term, or -1.
        applied: Up to which index it has applied its log, where it knows.
    """

    name: str
    log: list[Entry]
    sign: str = ""
    state: str = ""
    holds: str = ""
    leads: bool = False
    term: int = -1
    applied: int = 0


@dataclass(slots=True)
class Table:
    """The table before it is drawn.

    Attributes:
        rows: The servers.
        expected: What the log should hold at each index, from 1; None where the leader has nothing.
        whose: Whose log that is.
        first: The first index that is drawn.
        last: The last index that is drawn.
        cell: How wide a cell is.
    """

    rows: list[Row]
    expected: list[Entry | None] = field(default_factory=list)
    whose: str = ""
    first: int = 1
    last: int = 0
    cell: float = NARROWEST

    def x(self, index: int) -> float:
        """Say where the column of an index begins."""
        return LEFT + (index - self.first) * self.cell

    def differs(self, row: Row, index: int) -> bool:
        """Say whether a server has something else at an index than it should."""
        return index <= len(row.log) and row.log[index - 1] != self.expected[index - 1]

    def same_everywhere(self, index: int) -> bool:
        """Say whether all servers have the same entry at an index."""
        return all(index <= len(row.log) and not self.differs(row, index) for row in self.rows)


def log_table(logs: Moment | Mapping[str, Iterable[Mapping[str, object] | str]], *, title: str = "") -> Picture:
    """Draw the logs of all servers side by side.

    Args:
        logs: The cluster at a moment, or for each server its entries: as a trace holds them, or as text such as
            ``1 set x 1``, term and command.
        title: What the picture is called.
    """
    rows = (
        [_row_of(name, state) for name, state in logs.servers.items()]
        if isinstance(logs, Moment)
        else _plain_rows(logs)
    )
    table = _measured(rows)
    summary = _summary(table, title)
    alt = _alt(table, title)
    return Picture(_draw(table, title).svg(alt), alt, summary)


def _row_of(name: str, state: ServerState) -> Row:
    row = Row(name, [(int(entry["term"]), str(entry["command"])) for entry in state.log])
    if not state.life:
        row.state = "not started"
        return row
    row.sign, row.state = (state.role, state_words(state)) if state.up else ("down", "down")
    row.leads = state.up and state.role == "leader"
    row.term = state.fields.get("current_term", -1)
    row.applied = state.fields.get("last_applied", 0) if state.up else 0
    held = state.fields.get("state_machine")
    if not state.up:
        row.holds = f"{'this is' if row.log else 'nothing is'} on its disk; its state machine is gone"
    elif isinstance(held, dict):
        row.holds = "holds " + (", ".join(f"{key} = {value}" for key, value in held.items()) or "nothing")
    return row


def _plain_rows(logs: Mapping[str, Iterable[Mapping[str, object] | str]]) -> list[Row]:
    rows = []
    for name, entries in logs.items():
        row = Row(name, [])
        for entry in entries:
            if isinstance(entry, str):
                term, _space, command = entry.strip().partition(" ")
                row.log.append((int(term), command))
            else:
                row.log.append((int(str(entry["term"])), str(entry["command"])))
        rows.append(row)
    return rows


def _measured(rows: list[Row]) -> Table:
    """Find out what is expected at each index, and which indexes there is room to draw."""
    longest = max((len(row.log) for row in rows), default=0)
    leader = max((row for row in rows if row.leads), key=lambda row: row.term, default=None)
    table = Table(rows, whose=leader.name if leader else "most")
    for place in range(longest):
        if leader is not None:
            table.expected.append(leader.log[place] if place < len(leader.log) else None)
        else:
            table.expected.append(Counter(row.log[place] for row in rows if place < len(row.log)).most_common(1)[0][0])
    widths = [text_width(printable(command), SIZE) for row in rows for _, command in row.log]
    table.cell = min(max(NARROWEST, *widths, 0) + TERM_WIDTH + 24, WIDEST)
    room = int((WIDTH - LEFT - MARGIN) // table.cell)
    if longest > room:
        unlike = next((index for index in range(1, longest + 1) if not table.same_everywhere(index)), longest)
        table.first = max(min(unlike - 1, longest - room + 1), 1)
    table.last = min(longest, table.first + room - 1)
    return table


def _left_out(table: Table) -> str:
    """Say which entries are not drawn."""
    parts = []
    if table.first > 1:
        same = all(table.same_everywhere(index) for index in range(1, table.first))
        parts.append(
            f"entries 1 to {table.first - 1} are not drawn" + (": they are the same everywhere" if same else "")
        )
    if table.last < len(table.expected):
        parts.append(f"entries from {table.last + 1} on are not drawn")
    words = "; ".join(parts)
    return words[:1].upper() + words[1:]


def _draw(table: Table, title: str) -> Drawing:
    count = table.last - table.first + 1
    width = min(max(LEFT + count * table.cell + MARGIN, NARROWEST_PICTURE), WIDTH)
    drawing, top = Drawing(width, style=STYLE + CELL_STYLE), 14.0
    for words, look in ((title, "n"), (_left_out(table), "a")):
        if words:
            drawing.text(MARGIN, top + 12, cut(words, width - 2 * MARGIN, 13), class_=look)
            top += 20
    for index in range(table.first, table.last + 1):
        drawing.text(table.x(index) + table.cell / 2, top + 14, str(index), class_="m f")
    top += 22
    for row in table.rows:
        _draw_row(drawing, table, row, top)
        top += ROW
    drawing.text(LEFT + 2, top + 4, _legend(table), class_="f")
    drawing.height = top + 18
    return drawing


def _legend(table: Table) -> str:
    if not table.expected:
        return "no log has an entry yet"
    drawn = range(table.first, table.last + 1)
    if not any(table.differs(row, index) for row in table.rows for index in drawn):
        return "the number at the left of an entry is its term"
    return f"at the left the term; ≠: not what {table.whose} {'have' if table.whose == 'most' else 'has'} at this index"


def _draw_row(drawing: Drawing, table: Table, row: Row, top: float) -> None:
    middle = top + CELL_HEIGHT / 2
    if row.sign:
        draw_sign(drawing, row.sign, MARGIN + 14, middle)
    drawing.text(MARGIN + 34, middle - 1, cut(row.name, LEFT - MARGIN - 40, 13), class_="n")
    drawing.text(MARGIN + 34, middle + 13, cut(row.state, LEFT - MARGIN - 36, SIZE), class_="f")
    for index in range(table.first, table.last + 1):
        if index <= len(row.log):
            _draw_cell(drawing, table, row, index, top)
        else:
            drawing.rectangle(table.x(index) + 2, top + 1, table.cell - 4, CELL_HEIGHT - 2, fill="none", class_="v")
    drawing.text(LEFT + 2, top + CELL_HEIGHT + 14, cut(row.holds, drawing.width - LEFT - MARGIN, SIZE), class_="f")


def _draw_cell(drawing: Drawing, table: Table, row: Row, index: int, top: float) -> None:
    """Draw an entry: its term on the term's tint, its command, and a sign when it is not what it should be."""
    term, command = row.log[index - 1]
    x, width, baseline = table.x(index) + 2, table.cell - 4, top + CELL_HEIGHT / 2 + 4
    differs = table.differs(row, index)
    drawing.rectangle(x, top, width, CELL_HEIGHT, fill=PAPER, class_="t")
    drawing.rectangle(x, top, TERM_WIDTH, CELL_HEIGHT, fill=term_tint(term), class_="t")
    drawing.text(x + TERM_WIDTH / 2, baseline, cut(str(term), TERM_WIDTH - 2, SIZE), class_="m b k")
    room = width - TERM_WIDTH - 8 - (10 if differs or index <= row.applied else 0)
    drawing.text(x + TERM_WIDTH + 5, baseline, cut(command, room, SIZE), class_="k")
    if differs:
        drawing.rectangle(x, top, width, CELL_HEIGHT, fill="none", class_="u")
        drawing.text(x + width - 11, baseline - 3, "≠", class_="a")
    elif index <= row.applied:
        drawing.text(x + width - 12, baseline, "✓", class_="f")


def _alt(table: Table, title: str) -> str:
    lengths = several(f"{row.name} has {plural(len(row.log), 'entry')}" for row in table.rows)
    unlike = [row.name for row in table.rows if any(table.differs(row, index) for index in range(1, len(row.log) + 1))]
    if unlike:
        told = f"{several(unlike)} {'differs' if len(unlike) == 1 else 'differ'} from {table.whose}"
    else:
        told = "no two entries of one index differ"
    return f"The logs of all servers{f', {title}' if title else ''}: {lengths}; {told}."


def _summary(table: Table, title: str) -> str:
    """Tell the table, a line for each server."""
    lines = [title] if title else []
    lines += [left_out] if (left_out := _left_out(table)) else []
    for row in table.rows:
        cells = []
        for index in range(table.first, min(len(row.log), table.last) + 1):
            term, command = row.log[index - 1]
            unlike = " (differs)" if table.differs(row, index) else ""
            cells.append(f"{index}: term {term}, {quote(command)}{unlike}")
        state = f" ({row.state})" if row.state else ""
        holds = f"; {quote(row.holds)}" if row.holds else ""
        lines.append(f"{row.name}{state}: {' | '.join(cells) or 'no entries'}{holds}")
    return "\n".join(lines)
