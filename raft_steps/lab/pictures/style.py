"""How roles and messages are drawn, in every picture and in the player.

Nothing is shown by colour alone: a role also has a letter and a shape, and a kind of message has a shape. A request has
a solid line and a filled head, a reply a dashed line and a hollow head, and a refusal a bar. Colour-blind readers can
distinguish the colours. Black is legible on the candidate's colour, and white on the leader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAPER = "#fcfcfc"  # the background of every picture, which keeps it legible in a dark notebook
INK = "#1f1f1f"
FAINT_INK = "#6a6a6a"
LINE = "#8a8a8a"
PALE_LINE = "#d4d4d4"
ALARM = "#b00020"  # for errors and losses; always together with a ring, a cross or words

FONT_SIZE, LINE_HEIGHT = 11, 13
BADGE = 9  # half the width of a role's sign


@dataclass(frozen=True, slots=True)
class RoleStyle:
    """How a role is drawn.

    Attributes:
        letter: The letter in its sign.
        fill: The colour of its sign, and of the lifeline while a server has the role.
        ink: The colour of the letter.
        shape: The outline of its sign: circle, diamond, square or none (only the letter, as a cross).
        width: The width of the lifeline, in pixels.
    """

    letter: str
    fill: str
    ink: str
    shape: str
    width: int


ROLES: Mapping[str, RoleStyle] = {
    "follower": RoleStyle("F", "#DDDDDD", "#000000", "circle", 6),
    "candidate": RoleStyle("C", "#E69F00", "#000000", "diamond", 10),
    "leader": RoleStyle("L", "#0072B2", "#FFFFFF", "square", 14),
    "server": RoleStyle("S", "#DDDDDD", "#000000", "circle", 6),
    "down": RoleStyle("X", "#555555", "#FFFFFF", "none", 1),
}


@dataclass(frozen=True, slots=True)
class MessageStyle:
    """How a kind of message is drawn.

    Attributes:
        name: Its name in the legend, which is also its CSS class.
        colour: The colour of its line.
        shape: The sign at its tail: diamond, square, circle, triangle or ring.
    """

    name: str
    colour: str
    shape: str


# The keys are parts of a message's name, and the first key that matches is used. A learner's own messages are "other".
MESSAGES: Mapping[str, MessageStyle] = {
    "Vote": MessageStyle("vote", "#D55E00", "diamond"),
    "Snapshot": MessageStyle("snapshot", "#CC79A7", "triangle"),
    "Append": MessageStyle("append", "#0072B2", "square"),
    "Commit": MessageStyle("commit", "#007A5A", "circle"),
    "": MessageStyle("other", "#444444", "ring"),
}

# The background of the lifelines: servers in the same term have the same tint. The number of the term is written, too.
TERM_TINTS = ("#f0f0ee", "#dcebf7", "#fbe7d3", "#e2f1df", "#f1e3f1", "#f6f0c8")


def message_style(message_type: str) -> MessageStyle:
    """Return how a message of this type is drawn."""
    return next(style for part, style in MESSAGES.items() if part in message_type)


def message_manner(message_type: str, fields: Mapping[str, Any]) -> str:
    """Return whether a message is drawn as a "request", a "reply" or a "refusal"."""
    if message_type.endswith("Refused") or fields.get("success") is False or fields.get("vote_granted") is False:
        return "refusal"
    return "reply" if message_type.endswith(("Reply", "Response")) else "request"


def term_tint(term: int) -> str:
    """Return the tint of a term."""
    return TERM_TINTS[term % len(TERM_TINTS)]
