"""The layout of a space-time diagram: a column for each server, and time downwards.

Time is stretched when much happens and compressed when little does; the labels at the left show the true times. Idle
heartbeats get no space of their own.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cached_property

from raft_steps.lab.pictures.space_time_scene import Annotation, Arrow, Scene
from raft_steps.lab.pictures.style import BADGE, FONT_SIZE, LINE_HEIGHT
from raft_steps.lab.pictures.svg import text_width, wrap

GUTTER, MARGIN = 66, 14  # the width of the column of times, and of the right margin
FIRST_LINE = 46  # from the left edge of a column to its lifeline; a client's arrow starts at the edge
MIN_STEP, MAX_STEP, USUAL_STEP = 11, 80, 5  # the distance to the next moment: its bounds, and its scale
MIN_FALL = 18  # the least difference in height between the two ends of an arrow with a label
# Text is measured as if it were regular, but alarms are bold, and so is the first line of other annotations.
ALARM_SIZE, NOTE_SIZE = FONT_SIZE * 1.08, FONT_SIZE * 1.04
MIN_OVERLAP = 30  # how much of a label must be next to its arrow, if the end of the picture cuts the arrow off

Box = tuple[float, float, float, float]  # left, top, right, bottom


class SpaceTimeLayout:
    """The positions of everything in a scene.

    Attributes:
        scene: The scene.
        column_width: The width of a server's column.
        width: The width of the picture.
        x: The position of each server's lifeline.
        names_y: The height of the servers' names.
        top: The height at which the lifelines begin.
        bottom: The height at which they end.
        knots_us: The times that have a height of their own, in order; other times are interpolated.
        heights: The heights of these times.
        lifts: The distance of the text about the network above its moment, by time.
        text: The lines of each annotation, wrapped to fit, and how many of them are an alarm.
    """

    def __init__(self, scene: Scene) -> None:
        """Place the columns and the moments."""
        self.scene = scene
        count = len(scene.servers)
        self.column_width = min(max(820 // count, 165), 330)
        self.width = GUTTER + max(count * self.column_width, 420) + MARGIN
        self.x = {name: GUTTER + FIRST_LINE + number * self.column_width for number, name in enumerate(scene.servers)}
        self.names_y = 66 if scene.left_out else 50
        has_states = any(state.life for state in scene.first.servers.values())
        self.top = self.names_y + (32 if has_states else 18)
        self.text = [self._wrap(annotation) for annotation in scene.annotations]
        self.lifts = self._find_lifts()
        self.knots_us, self.heights, self.bottom = self._place_moments()

    def _wrap(self, annotation: Annotation) -> tuple[list[str], int]:
        """Wrap the text of an annotation to fit next to its lifeline."""
        width = self.column_width - BADGE - 28 if annotation.server else self.width - GUTTER - FIRST_LINE - 3 * MARGIN
        count = annotation.alarm_count
        alarms = [line for text in annotation.lines[:count] for line in wrap(text, width, ALARM_SIZE, 5)]
        others = [line for text in annotation.lines[count:] for line in wrap(text, width, NOTE_SIZE, 2)]
        return alarms + others, len(alarms)

    def _find_lifts(self) -> dict[int, float]:
        """Return how far the text about the network must be lifted to clear everything else at its moment."""
        arrows = [arrow for arrow in self.scene.arrows if not arrow.idle]
        lifts = {time_us: 6.0 for arrow in arrows for time_us in (arrow.start_us, arrow.end_us or -1)}
        for annotation in self.scene.annotations:
            if annotation.server:
                lift = BADGE + (8.0 if annotation.alarm_count else 3.0)
                lifts[annotation.time_us] = max(lifts.get(annotation.time_us, 0), lift)
        return lifts

    def _place_moments(self) -> tuple[list[int], list[float], float]:
        """Return the moments to place, their heights, and the height of the bottom.

        From top to bottom, each moment gets the least height at which its arrows are steep enough and its annotations
        clear those above. `floor` is the lowest point taken in each column, with "" for the text about the network.
        """
        annotations, starts = self._annotations_by_time(), self._starts_by_end()
        unit_us = self._usual_delay_us()
        floor = dict.fromkeys(("", *self.scene.servers), self.top - BADGE - 10.0)
        placed: dict[int, float] = {}
        y, last_us = float(self.top), self.scene.start_us
        for time_us in self._moments():
            if time_us > last_us:
                y += max(min(USUAL_STEP * math.sqrt((time_us - last_us) / unit_us), MAX_STEP), MIN_STEP)
            y = max([y, *(placed[start] + MIN_FALL for start in starts.get(time_us, ()) if start in placed)])
            for annotation, lines in annotations.get(time_us, ()):
                height = LINE_HEIGHT * lines + 6 + self.lifts.get(time_us, 0)
                above = max(*floor.values(), max(placed.values(), default=0.0))
                y = max(y, floor[annotation.server] + 10 if annotation.server else above + height + 4, floor[""] + 12)
            for annotation, lines in annotations.get(time_us, ()):
                floor[annotation.server] = y + (max(BADGE + 1, LINE_HEIGHT * lines - 5) if annotation.server else 2)
            placed[time_us], last_us = y, time_us
        return list(placed), list(placed.values()), max(y + 14, *(height + 4 for height in floor.values()))

    def _moments(self) -> list[int]:
        """Return the times at which something other than an idle heartbeat happens, in order."""
        scene = self.scene
        times = {scene.start_us, scene.end_us, *(annotation.time_us for annotation in scene.annotations)}
        arrows = [arrow for arrow in scene.arrows if not arrow.idle]
        times |= {time_us for arrow in arrows for time_us in (arrow.start_us, arrow.end_us) if time_us is not None}
        return sorted(time_us for time_us in times if scene.start_us <= time_us <= scene.end_us)

    def _annotations_by_time(self) -> dict[int, list[tuple[Annotation, int]]]:
        """Return the annotations of each moment, with the number of their lines."""
        annotations: dict[int, list[tuple[Annotation, int]]] = {}
        for annotation, (lines, _) in zip(self.scene.annotations, self.text, strict=True):
            annotations.setdefault(annotation.time_us, []).append((annotation, len(lines)))
        return annotations

    def _starts_by_end(self) -> dict[int, list[int]]:
        """Return, for each moment, when the messages were sent that arrive then."""
        starts: dict[int, list[int]] = {}
        for arrow in self.scene.arrows:
            if not arrow.idle and arrow.end_us is not None and arrow.end_us > arrow.start_us:
                starts.setdefault(arrow.end_us, []).append(arrow.start_us)
        return starts

    def _usual_delay_us(self) -> int:
        """Return the median delay of the messages; without any, a quarter of a second, as with the post's timing."""
        delays = sorted(arrow.due_us - arrow.start_us for arrow in self.scene.arrows)
        return max(delays[len(delays) // 2], 1) if delays else 250_000

    def y(self, time_us: int) -> float:
        """Return the vertical position of a time."""
        knots, heights = self.knots_us, self.heights
        after = bisect_right(knots, time_us)
        if after in (0, len(knots)):
            return heights[-1 if after else 0]
        share = (time_us - knots[after - 1]) / (knots[after] - knots[after - 1])
        return heights[after - 1] + share * (heights[after] - heights[after - 1])

    def is_unfinished(self, arrow: Arrow) -> bool:
        """Return whether a message is still in flight at the end of the picture."""
        return arrow.fate == "flying" or (arrow.end_us is not None and arrow.end_us > self.scene.end_us)

    def endpoints(self, arrow: Arrow) -> Box:
        """Return where an arrow starts and ends: before its receiver if it was dropped or is still in flight."""
        x1, x2, y1 = self.x[arrow.sender], self.x[arrow.receiver], self.y(arrow.start_us)
        direction = 1 if x2 > x1 else -1
        columns = abs(x2 - x1) / self.column_width
        x1 += direction * BADGE
        if self.is_unfinished(arrow):
            due_us = arrow.end_us or arrow.due_us
            share = min(max(self.scene.end_us - arrow.start_us, 0) / max(due_us - arrow.start_us, 1), 1)
            return x1, y1, x1 + share * (x2 - direction * BADGE - x1), self.y(due_us)
        if arrow.end_us == arrow.start_us:  # It ends at the partition or, if the network lost it, half way.
            length = 0.45 * columns if arrow.fate == "lost" else 0.26 + 0.12 * columns
            return x1, y1, x1 + direction * self.column_width * length, y1 + (3 if arrow.idle else 8)
        gap = BADGE if arrow.fate == "delivered" else BADGE + 15
        return x1, y1, x2 - direction * gap, self.y(arrow.end_us if arrow.end_us is not None else arrow.due_us)

    @cached_property
    def _main_endpoints(self) -> list[Box]:
        return [self.endpoints(arrow) for arrow in self.scene.arrows if not arrow.idle]

    @cached_property
    def _all_endpoints(self) -> list[Box]:
        return self._main_endpoints + [self.endpoints(arrow) for arrow in self.scene.arrows if arrow.idle]

    def network_box(self, annotation: Annotation, lines: list[str]) -> Box:
        """Return the place of a text about the network: just above its moment, in the first column that is free.

        A column is free if the text hides no arrow there. If none is, the first column is chosen in which the text
        hides only idle heartbeats, and failing that, the first of all.
        """
        bottom = self.y(annotation.time_us) - self.lifts.get(annotation.time_us, 0)
        width = max(text_width(line, ALARM_SIZE) for line in lines) + 10
        boxes: list[Box] = [
            (x + 14, bottom - LINE_HEIGHT * len(lines) - 6, x + 14 + width, bottom) for x in sorted(self.x.values())
        ]
        fitting = [box for box in boxes if box[2] <= self.width - MARGIN]
        for endpoints in (self._all_endpoints, self._main_endpoints):
            for box in fitting:
                if not any(crosses(line, box) for line in endpoints):
                    return box
        return boxes[0]

    def label_positions(self, x1: float, x2: float, width: float, overlap: float = 0) -> list[float]:
        """Return the centres of positions along an arrow at which a label crosses no lifeline, the best one first.

        Args:
            x1: The start of the arrow.
            x2: The end of the arrow.
            width: The width of the label.
            overlap: How much of the label, at least, must be next to the arrow; 0 for any position in its columns.
        """
        columns = sorted(self.x.values())
        low, high = min(x1, x2), max(x1, x2)
        gaps = [
            (a + 14, b - 14) for a, b in zip(columns, [*columns[1:], self.width], strict=True) if a < high and b > low
        ]
        # The gap next to the receiver comes first, then the one next to the sender, then those in between.
        if x2 > x1:
            gaps.reverse()
        if len(gaps) > 2:
            gaps = [gaps[0], gaps[-1], *gaps[1:-1]]
        positions = []
        for left, right in gaps:
            room = right - left - width
            if room >= 0:
                positions += [left + width / 2 + room * share for share in (0.8, 0.5, 1.0, 0.25, 0.0)]
        if not overlap:
            return positions
        return [x for x in positions if min(x + width / 2, high) - max(x - width / 2, low) >= min(overlap, width / 2)]


class OccupiedBoxes:
    """Keeps the boxes that are occupied by text, so that texts do not overlap."""

    def __init__(self) -> None:
        """Start with no box occupied."""
        # Grouped into stripes of 32 pixels, so that a box is compared only with boxes at a similar height.
        self._stripes: dict[int, list[Box]] = {}

    def add(self, box: Box) -> None:
        """Mark a box as occupied."""
        for stripe in range(int(box[1] // 32), int(box[3] // 32) + 1):
            self._stripes.setdefault(stripe, []).append(box)

    def is_free(self, box: Box) -> bool:
        """Return whether a box overlaps no occupied one."""
        left, top, right, bottom = box
        return not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
            for stripe in range(int(top // 32), int(bottom // 32) + 1)
            for other in self._stripes.get(stripe, ())
        )


def crosses(line: Box, box: Box) -> bool:
    """Return whether a line, given by its two ends, passes through a box."""
    x1, y1, x2, y2 = line
    left, top, right, bottom = box
    first, last = 0.0, 1.0
    # For each axis: the shares of its length at which the line enters and leaves the box.
    for start, extent, low, high in ((x1, x2 - x1, left, right), (y1, y2 - y1, top, bottom)):
        if not extent:
            if not low < start < high:
                return False
            continue
        enter, leave = sorted(((low - start) / extent, (high - start) / extent))
        first, last = max(first, enter), min(last, leave)
    return first < last


def annotation_boxes(layout: SpaceTimeLayout, annotation: Annotation, lines: list[str]) -> list[Box]:
    """Return the boxes that an annotation occupies: its sign, each of its lines, a client's arrow."""
    y = layout.y(annotation.time_us)
    if not annotation.server:
        return [layout.network_box(annotation, lines), (GUTTER, y - 2, layout.width, y + 2)]
    x = layout.x[annotation.server]
    left = x - (FIRST_LINE if annotation.client_arrow else BADGE)
    boxes: list[Box] = [(left, y - BADGE, x + BADGE, y + BADGE)]
    for number, line in enumerate(lines):
        middle = y + LINE_HEIGHT * number
        boxes.append((x + 14, middle - 6, x + 18 + text_width(line, NOTE_SIZE), middle + 6))
    return boxes
