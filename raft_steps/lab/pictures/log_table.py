"""The log table: the logs of all servers below one another, entry by entry, so that differences are easy to see.

Every entry shows the number of its term, on the term's tint, which is the same as in the space-time diagram. An entry
that differs from the leader's at that index (or, without a leader, from that of most servers) has a heavy dashed edge
and a sign. A snapshot is a double line in place of the entries for which it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from raft_steps.lab.pictures.signs import STYLE, draw_sign, state_text
from raft_steps.lab.pictures.style import ALARM, FONT_SIZE, INK, PALE_LINE, PAPER, term_tint
from raft_steps.lab.pictures.svg import Drawing, Picture, cut, text_width
from raft_steps.lab.text import join_names, plural, printable
from raft_steps.lab.trace.narration import quote
from raft_steps.lab.trace.trace import Moment, ServerState

MIN_WIDTH, MAX_WIDTH = 620, 900  # of the picture
LEFT, MARGIN = 174, 14  # the width of the column of servers, and of the margins
CELL_HEIGHT, ROW_HEIGHT = 26, 62
MIN_COMMAND_WIDTH, MAX_CELL_WIDTH, TERM_WIDTH = 56, 140, 26

# t: the edge of an entry; u: of one that differs; v: of a missing one.
CELL_STYLE = (
    f".t{{stroke:{INK};stroke-width:.8}}.u{{stroke:{ALARM};stroke-width:2.5;stroke-dasharray:5 3}}"
    f".v{{stroke:{PALE_LINE};stroke-dasharray:2 3}}"
)

EntryText = tuple[int, str]  # term and command


@dataclass(slots=True)
class ServerRow:
    """The row of one server.

    Attributes:
        name: The name of the server.
        log: Its entries, from the index after `base` on.
        sign: Its role, or "down"; "" if only the logs are known.
        state: Its state in a few words.
        contents: The contents of its state machine in a few words.
        is_leader: Whether it leads.
        term: Its term; -1 if that is unknown.
        applied: The last index that it has applied, or 0 if that is unknown.
        base: The last index for which a snapshot stands; 0 without one.
    """

    name: str
    log: list[EntryText]
    sign: str = ""
    state: str = ""
    contents: str = ""
    is_leader: bool = False
    term: int = -1
    applied: int = 0
    base: int = 0

    @property
    def last(self) -> int:
        """The index of its last entry."""
        return self.base + len(self.log)

    def at(self, index: int) -> EntryText | None:
        """Return its entry at an index; None if there is none, or a snapshot stands for it."""
        return self.log[index - self.base - 1] if self.base < index <= self.last else None

    def holdings(self) -> str:
        """Describe how much it has."""
        entries = plural(len(self.log), "entry")
        return f"a snapshot up to entry {self.base} and {entries}" if self.base else entries


@dataclass(slots=True)
class LogTable:
    """The contents and the columns of the table.

    Attributes:
        rows: The servers.
        expected: The entry expected at each index, from 1; None if the leader has none there, or nobody has.
        reference: The server whose log is expected, or "most".
        first: The first index that is drawn.
        last: The last index that is drawn.
        cell_width: The width of a cell.
    """

    rows: list[ServerRow]
    expected: list[EntryText | None] = field(default_factory=list)
    reference: str = ""
    first: int = 1
    last: int = 0
    cell_width: float = MIN_COMMAND_WIDTH

    def x(self, index: int) -> float:
        """Return the left edge of the column of an index."""
        return LEFT + (index - self.first) * self.cell_width

    def differs(self, row: ServerRow, index: int) -> bool:
        """Return whether a server has an unexpected entry at an index."""
        entry = row.at(index)
        return entry is not None and entry != self.expected[index - 1]

    def same_everywhere(self, index: int) -> bool:
        """Return whether all servers have the same entry at an index."""
        return all(index <= row.last and not self.differs(row, index) for row in self.rows)


def log_table(logs: Moment | Mapping[str, Iterable[Mapping[str, object] | str]], *, title: str = "") -> Picture:
    """Draw the logs of all servers below one another.

    Args:
        logs: The cluster at a moment, or the entries of each server, in the form of a trace or as text: term and
            command, such as ``1 set x 1``.
        title: The title of the picture.
    """
    rows = (
        [_row_of(name, state) for name, state in logs.servers.items()]
        if isinstance(logs, Moment)
        else _plain_rows(logs)
    )
    table = _build_table(rows)
    summary = _summary(table, title)
    alt = _alt(table, title)
    return Picture(_draw(table, title).svg(alt), alt, summary)


def _row_of(name: str, state: ServerState) -> ServerRow:
    row = ServerRow(name, [(int(entry["term"]), str(entry["command"])) for entry in state.log])
    row.base = state.base_index
    if not state.life:
        row.state = "not started"
        return row
    row.sign, row.state = (state.role, state_text(state)) if state.up else ("down", "down")
    row.is_leader = state.up and state.role == "leader"
    row.term = state.fields.get("current_term", -1)
    row.applied = state.fields.get("last_applied", 0) if state.up else 0
    contents = state.fields.get("state_machine")
    if not state.up:
        row.contents = f"{'this is' if row.log else 'nothing is'} on its disk; its state machine is gone"
    elif isinstance(contents, dict):
        row.contents = "holds " + (", ".join(f"{key} = {value}" for key, value in contents.items()) or "nothing")
    return row


def _plain_rows(logs: Mapping[str, Iterable[Mapping[str, object] | str]]) -> list[ServerRow]:
    """Return the rows of logs that are given without the state of their servers."""
    rows = []
    for name, entries in logs.items():
        row = ServerRow(name, [])
        for entry in entries:
            if isinstance(entry, str):
                term, _space, command = entry.strip().partition(" ")
                row.log.append((int(term), command))
            else:
                row.log.append((int(str(entry["term"])), str(entry["command"])))
        rows.append(row)
    return rows


def _build_table(rows: list[ServerRow]) -> LogTable:
    """Find the entry expected at each index, and choose the indexes for which there is room."""
    longest = max((row.last for row in rows), default=0)
    leader = max((row for row in rows if row.is_leader), key=lambda row: row.term, default=None)
    table = LogTable(rows, reference=leader.name if leader else "most")
    for index in range(1, longest + 1):
        if leader is not None and index > leader.base:
            table.expected.append(leader.at(index))
        else:
            entries = Counter(entry for row in rows if (entry := row.at(index)) is not None)
            table.expected.append(entries.most_common(1)[0][0] if entries else None)
    widths = [text_width(printable(command), FONT_SIZE) for row in rows for _, command in row.log]
    table.cell_width = min(max(MIN_COMMAND_WIDTH, *widths, 0) + TERM_WIDTH + 24, MAX_CELL_WIDTH)
    room = int((MAX_WIDTH - LEFT - MARGIN) // table.cell_width)
    if longest > room:
        different = next((index for index in range(1, longest + 1) if not table.same_everywhere(index)), longest)
        table.first = max(min(different - 1, longest - room + 1), 1)
    table.last = min(longest, table.first + room - 1)
    return table


def _left_out(table: LogTable) -> str:
    """Describe the entries that are not drawn."""
    parts = []
    if table.first > 1:
        same = all(table.same_everywhere(index) for index in range(1, table.first))
        parts.append(
            f"entries 1 to {table.first - 1} are not drawn" + (": they are the same everywhere" if same else "")
        )
    if table.last < len(table.expected):
        parts.append(f"entries from {table.last + 1} on are not drawn")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def _draw(table: LogTable, title: str) -> Drawing:
    count = table.last - table.first + 1
    width = min(max(LEFT + count * table.cell_width + MARGIN, MIN_WIDTH), MAX_WIDTH)
    drawing, top = Drawing(width, style=STYLE + CELL_STYLE), 14.0
    for text, class_ in ((title, "n"), (_left_out(table), "a")):
        if text:
            drawing.text(MARGIN, top + 12, cut(text, width - 2 * MARGIN, 13), class_=class_)
            top += 20
    for index in range(table.first, table.last + 1):
        drawing.text(table.x(index) + table.cell_width / 2, top + 14, str(index), class_="m f")
    top += 22
    for row in table.rows:
        _draw_row(drawing, table, row, top)
        top += ROW_HEIGHT
    drawing.text(LEFT + 2, top + 4, _legend(table), class_="f")
    drawing.height = top + 18
    return drawing


def _legend(table: LogTable) -> str:
    if not table.expected:
        return "no log has an entry yet"
    drawn = range(table.first, table.last + 1)
    if not any(table.differs(row, index) for row in table.rows for index in drawn):
        return "the number at the left of an entry is its term"
    return f"at the left the term; ≠: not what {table.reference} {'have' if table.reference == 'most' else 'has'} at this index"


def _draw_row(drawing: Drawing, table: LogTable, row: ServerRow, top: float) -> None:
    middle = top + CELL_HEIGHT / 2
    if row.sign:
        draw_sign(drawing, row.sign, MARGIN + 14, middle)
    drawing.text(MARGIN + 34, middle - 1, cut(row.name, LEFT - MARGIN - 40, 13), class_="n")
    drawing.text(MARGIN + 34, middle + 13, cut(row.state, LEFT - MARGIN - 36, FONT_SIZE), class_="f")
    if row.base >= table.first:
        _draw_snapshot(drawing, table, row, top)
    for index in range(max(table.first, row.base + 1), table.last + 1):
        if index <= row.last:
            _draw_cell(drawing, table, row, index, top)
        else:
            drawing.rectangle(
                table.x(index) + 2, top + 1, table.cell_width - 4, CELL_HEIGHT - 2, fill="none", class_="v"
            )
    drawing.text(
        LEFT + 2, top + CELL_HEIGHT + 14, cut(row.contents, drawing.width - LEFT - MARGIN, FONT_SIZE), class_="f"
    )


def _draw_snapshot(drawing: Drawing, table: LogTable, row: ServerRow, top: float) -> None:
    """Draw the snapshot in place of the entries for which it stands."""
    left, right = table.x(table.first) + 2, table.x(min(row.base, table.last) + 1) - 2
    for y in (top + CELL_HEIGHT - 4, top + CELL_HEIGHT - 1):
        drawing.rectangle(left, y, right - left, 1, fill=INK)
    text = cut(f"snapshot up to {row.base}", right - left - 4, FONT_SIZE)
    drawing.text((left + right) / 2, top + CELL_HEIGHT - 9, text, class_="m f")


def _draw_cell(drawing: Drawing, table: LogTable, row: ServerRow, index: int, top: float) -> None:
    """Draw an entry: its term on the term's tint, its command, and a sign if it differs or is applied."""
    term, command = row.log[index - row.base - 1]
    x, width, baseline = table.x(index) + 2, table.cell_width - 4, top + CELL_HEIGHT / 2 + 4
    differs = table.differs(row, index)
    drawing.rectangle(x, top, width, CELL_HEIGHT, fill=PAPER, class_="t")
    drawing.rectangle(x, top, TERM_WIDTH, CELL_HEIGHT, fill=term_tint(term), class_="t")
    drawing.text(x + TERM_WIDTH / 2, baseline, cut(str(term), TERM_WIDTH - 2, FONT_SIZE), class_="m b k")
    room = width - TERM_WIDTH - 8 - (10 if differs or index <= row.applied else 0)
    drawing.text(x + TERM_WIDTH + 5, baseline, cut(command, room, FONT_SIZE), class_="k")
    if differs:
        drawing.rectangle(x, top, width, CELL_HEIGHT, fill="none", class_="u")
        drawing.text(x + width - 11, baseline - 3, "≠", class_="a")
    elif index <= row.applied:
        drawing.text(x + width - 12, baseline, "✓", class_="f")


def _alt(table: LogTable, title: str) -> str:
    """Describe the table in one sentence."""
    lengths = join_names(f"{row.name} has {row.holdings()}" for row in table.rows)
    different = [row.name for row in table.rows if any(table.differs(row, index) for index in range(1, row.last + 1))]
    if different:
        comparison = f"{join_names(different)} {'differs' if len(different) == 1 else 'differ'} from {table.reference}"
    else:
        comparison = "no two entries of one index differ"
    return f"The logs of all servers{f', {title}' if title else ''}: {lengths}; {comparison}."


def _summary(table: LogTable, title: str) -> str:
    """Describe the table, one line per server."""
    lines = [title] if title else []
    lines += [left_out] if (left_out := _left_out(table)) else []
    for row in table.rows:
        cells = [f"snapshot up to {row.base}"] if row.base else []
        for index in range(max(table.first, row.base + 1), min(row.last, table.last) + 1):
            term, command = row.log[index - row.base - 1]
            mark = " (differs)" if table.differs(row, index) else ""
            cells.append(f"{index}: term {term}, {quote(command)}{mark}")
        state = f" ({row.state})" if row.state else ""
        contents = f"; {quote(row.contents)}" if row.contents else ""
        lines.append(f"{row.name}{state}: {' | '.join(cells) or 'no entries'}{contents}")
    return "\n".join(lines)
