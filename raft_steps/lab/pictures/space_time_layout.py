"""Where everything stands in a space-time diagram: a column for each server, time downwards.

Time is stretched where much happens and squeezed where little does; the clock at the left tells the true times. Idle
heartbeats need no room of their own.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cached_property

from raft_steps.lab.pictures.space_time_scene import Arrow, Note, Scene
from raft_steps.lab.pictures.style import BADGE, LEADING, SIZE
from raft_steps.lab.pictures.svg import text_width, wrap

GUTTER, MARGIN = 66, 14  # the clock's column, the right edge
FIRST_LINE = 46  # from a column's left edge to its lifeline; a client's arrow comes from there
LEAST_STEP, MOST_STEP, USUAL_STEP = 11, 80, 5  # how far down the next moment is: least, most, and for a usual delay
LEAST_FALL = 18  # how far down, at least, an arrow with words goes
LEAST_BESIDE = 30  # how much of the words of an arrow that runs out stand beside it; a stump has no words

Box = tuple[float, float, float, float]  # left, top, right, bottom


class Layout:
    """Where everything stands.

    Attributes:
        scene: What is drawn.
        column: How wide a server's column is.
        width: How wide the picture is.
        x: Where each server's lifeline stands.
        names_at: The height of the servers' names.
        top: Where the lifelines begin.
        bottom: Where they end.
        knots: The times that have a height of their own, in order.
        heights: The heights of the knots; times between lie between.
        lifts: How far above its moment the words about the network stand, where the servers have words then, too.
        words: The lines beside the lifeline for each note, broken to fit, with how many are loud.
    """

    def __init__(self, scene: Scene) -> None:
        """Place columns and moments."""
        self.scene = scene
        count = len(scene.servers)
        self.column = min(max(820 // count, 165), 330)
        self.width = GUTTER + max(count * self.column, 420) + MARGIN
        self.x = {name: GUTTER + FIRST_LINE + number * self.column for number, name in enumerate(scene.servers)}
        self.names_at = 66 if scene.left_out else 50
        has_states = any(state.life for state in scene.first.servers.values())
        self.top = self.names_at + (32 if has_states else 18)
        self.words = [self._break(note) for note in scene.notes]
        self.lifts = self._find_lifts()
        self.knots, self.heights, self.bottom = self._place_moments()

    def _break(self, note: Note) -> tuple[list[str], int]:
        """Break a note's words into lines that fit beside its lifeline."""
        width = self.column - BADGE - 28 if note.server else self.width - GUTTER - FIRST_LINE - 3 * MARGIN
        loud = [line for text in note.lines[: note.loud] for line in wrap(text, width, SIZE * 1.08, 5)]
        return loud + [line for text in note.lines[note.loud :] for line in wrap(text, width, SIZE * 1.04, 2)], len(
            loud
        )

    def _find_lifts(self) -> dict[int, float]:
        """Say how far the words about the network make way for what else is drawn at their moment."""
        scene = self.scene
        lifts = {time: 6.0 for arrow in scene.arrows if not arrow.idle for time in (arrow.begin, arrow.end or -1)}
        for note in scene.notes:
            if note.server:
                lifts[note.time] = max(lifts.get(note.time, 0), BADGE + (8.0 if note.loud else 3.0))
        return lifts

    def _place_moments(self) -> tuple[list[int], list[float], float]:
        """Give every moment at which something is told a height: never too near to what it must clear."""
        notes, endings = self._notes_by_time(), self._beginnings_by_end()
        unit = self._usual_delay()
        floor = dict.fromkeys(("", *self.scene.servers), self.top - BADGE - 10.0)
        placed: dict[int, float] = {}
        y, last = float(self.top), self.scene.low
        for time in self._moments():
            if time > last:
                y += max(min(USUAL_STEP * math.sqrt((time - last) / unit), MOST_STEP), LEAST_STEP)
            y = max([y, *(placed[begin] + LEAST_FALL for begin in endings.get(time, ()) if begin in placed)])
            for note, lines in notes.get(time, ()):
                high = LEADING * lines + 6 + self.lifts.get(time, 0)
                above = max(*floor.values(), max(placed.values(), default=0.0))
                y = max(y, floor[note.server] + 10 if note.server else above + high + 4, floor[""] + 12)
            for note, lines in notes.get(time, ()):
                floor[note.server] = y + (max(BADGE + 1, LEADING * lines - 5) if note.server else 2)
            placed[time], last = y, time
        return list(placed), list(placed.values()), max(y + 14, *(height + 4 for height in floor.values()))

    def _moments(self) -> list[int]:
        """Give the times at which something is told, in order."""
        scene = self.scene
        times = {scene.low, scene.high, *(note.time for note in scene.notes)}
        telling = [arrow for arrow in scene.arrows if not arrow.idle]
        times |= {time for arrow in telling for time in (arrow.begin, arrow.end) if time is not None}
        return sorted(time for time in times if scene.low <= time <= scene.high)

    def _notes_by_time(self) -> dict[int, list[tuple[Note, int]]]:
        """Give the notes of each moment, with how many lines they have."""
        notes: dict[int, list[tuple[Note, int]]] = {}
        for note, (lines, _) in zip(self.scene.notes, self.words, strict=True):
            notes.setdefault(note.time, []).append((note, len(lines)))
        return notes

    def _beginnings_by_end(self) -> dict[int, list[int]]:
        """Give, for each moment, when the messages left that arrive then."""
        beginnings: dict[int, list[int]] = {}
        for arrow in self.scene.arrows:
            if not arrow.idle and arrow.end is not None and arrow.end > arrow.begin:
                beginnings.setdefault(arrow.end, []).append(arrow.begin)
        return beginnings

    def _usual_delay(self) -> int:
        delays = sorted(arrow.due - arrow.begin for arrow in self.scene.arrows)
        return max(delays[len(delays) // 2], 1) if delays else 250_000

    def y(self, time: int) -> float:
        """Give the height of a time."""
        knots, heights = self.knots, self.heights
        after = bisect_right(knots, time)
        if after in (0, len(knots)):
            return heights[-1 if after else 0]
        share = (time - knots[after - 1]) / (knots[after] - knots[after - 1])
        return heights[after - 1] + share * (heights[after] - heights[after - 1])

    def runs_out(self, arrow: Arrow) -> bool:
        """Say whether an arrow is still on its way where the picture ends."""
        return arrow.fate == "flying" or (arrow.end is not None and arrow.end > self.scene.high)

    def ends(self, arrow: Arrow) -> Box:
        """Say where an arrow begins and ends: short of its receiver when it was dropped or is still on its way."""
        x1, x2, y1 = self.x[arrow.sender], self.x[arrow.receiver], self.y(arrow.begin)
        way = 1 if x2 > x1 else -1
        columns = abs(x2 - x1) / self.column
        x1 += way * BADGE
        if self.runs_out(arrow):
            due = arrow.end or arrow.due
            share = min(max(self.scene.high - arrow.begin, 0) / max(due - arrow.begin, 1), 1)
            return x1, y1, x1 + share * (x2 - way * BADGE - x1), self.y(due)
        if arrow.end == arrow.begin:  # It ends at the wall or, lost, half way.
            far = 0.45 * columns if arrow.fate == "lost" else 0.26 + 0.12 * columns
            return x1, y1, x1 + way * self.column * far, y1 + (3 if arrow.idle else 8)
        short = BADGE if arrow.fate == "delivered" else BADGE + 15
        return x1, y1, x2 - way * short, self.y(arrow.end if arrow.end is not None else arrow.due)

    @cached_property
    def _telling_ends(self) -> list[Box]:
        return [self.ends(arrow) for arrow in self.scene.arrows if not arrow.idle]

    @cached_property
    def _all_ends(self) -> list[Box]:
        return self._telling_ends + [self.ends(arrow) for arrow in self.scene.arrows if arrow.idle]

    def heading(self, note: Note, lines: list[str]) -> Box:
        """Give the place of words about the network: just above their moment, in a column where they hide no arrow.

        If there is none, at least no arrow that tells something is hidden, and if there is none either, the first column
        is as good as any.
        """
        bottom = self.y(note.time) - self.lifts.get(note.time, 0)
        width = max(text_width(line, SIZE * 1.08) for line in lines) + 10
        boxes: list[Box] = [
            (x + 14, bottom - LEADING * len(lines) - 6, x + 14 + width, bottom) for x in sorted(self.x.values())
        ]
        fitting = [box for box in boxes if box[2] <= self.width - MARGIN]
        for arrows in (self._all_ends, self._telling_ends):
            for box in fitting:
                if not any(crosses(ends, box) for ends in arrows):
                    return box
        return boxes[0]

    def places(self, x1: float, x2: float, width: float, beside: float = 0) -> list[float]:
        """Give the middles of places along an arrow where words of a width cross no lifeline, the best first.

        Args:
            x1: Where the arrow begins.
            x2: Where it ends.
            width: How wide the words are.
            beside: How much of them, at least, stands beside the arrow; 0 for anywhere in the columns that it crosses.
        """
        columns = sorted(self.x.values())
        low, high = min(x1, x2), max(x1, x2)
        gaps = [
            (a + 14, b - 14) for a, b in zip(columns, [*columns[1:], self.width], strict=True) if a < high and b > low
        ]
        if x2 > x1:
            gaps.reverse()
        if len(gaps) > 2:
            gaps = [gaps[0], gaps[-1], *gaps[1:-1]]
        places = []
        for left, right in gaps:
            room = right - left - width
            if room >= 0:
                places += [left + width / 2 + room * share for share in (0.8, 0.5, 1.0, 0.25, 0.0)]
        if not beside:
            return places
        return [x for x in places if min(x + width / 2, high) - max(x - width / 2, low) >= min(beside, width / 2)]


class Room:
    """The places that words have taken, so that no two stand on one another."""

    def __init__(self) -> None:
        """Begin with all of the paper free."""
        self._stripes: dict[int, list[Box]] = {}

    def take(self, box: Box) -> None:
        """Take a place."""
        for stripe in range(int(box[1] // 32), int(box[3] // 32) + 1):
            self._stripes.setdefault(stripe, []).append(box)

    def is_free(self, box: Box) -> bool:
        """Say whether nothing stands in a place."""
        left, top, right, bottom = box
        return not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
            for stripe in range(int(top // 32), int(bottom // 32) + 1)
            for other in self._stripes.get(stripe, ())
        )


def crosses(line: Box, box: Box) -> bool:
    """Say whether a line, given by its two ends, goes through a box."""
    x1, y1, x2, y2 = line
    left, top, right, bottom = box
    first, last = 0.0, 1.0
    for begin, way, low, high in ((x1, x2 - x1, left, right), (y1, y2 - y1, top, bottom)):
        if not way:
            if not low < begin < high:
                return False
            continue
        enter, leave = sorted(((low - begin) / way, (high - begin) / way))
        first, last = max(first, enter), min(last, leave)
    return first < last


def note_boxes(layout: Layout, note: Note, lines: list[str]) -> list[Box]:
    """Give the places that a note takes: its sign, each of its lines, a client's arrow."""
    y = layout.y(note.time)
    if not note.server:
        return [layout.heading(note, lines), (GUTTER, y - 2, layout.width, y + 2)]
    x = layout.x[note.server]
    boxes: list[Box] = [(x - (FIRST_LINE if note.visit else BADGE), y - BADGE, x + BADGE, y + BADGE)]
    for number, line in enumerate(lines):
        middle = y + LEADING * number
        boxes.append((x + 14, middle - 6, x + 18 + text_width(line, SIZE * 1.04), middle + 6))
    return boxes
