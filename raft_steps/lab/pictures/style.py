"""What roles and messages look like, the same in every picture and in the widget.

Nothing is told by colour alone: a role has a letter and a shape too, a kind of message a shape, a request a solid line
and a filled head, a reply a dashed line and a hollow head, a refusal a bar. The colours were chosen so that people who
see red, green or blue less can still tell them apart; black can be read on the candidate's colour and white on the
leader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PAPER = "#fcfcfc"  # every picture's own ground, so that it can be read in a dark notebook too
INK = "#1f1f1f"
FAINT_INK = "#6a6a6a"
LINE = "#8a8a8a"
PALE_LINE = "#d4d4d4"
ALARM = "#b00020"  # what broke; always with a ring, a cross or words

SIZE, LEADING = 11, 13  # of ordinary letters, and from line to line
BADGE = 9  # half the width of a role's sign


@dataclass(frozen=True, slots=True)
class RoleLook:
    """How a role is drawn.

    Attributes:
        letter: The letter that stands for it.
        fill: The colour of its sign and of its stretch of the lifeline.
        ink: The colour of the letter on it.
        shape: The outline of its sign: circle, diamond, square or none (the letter alone, as a cross).
        width: How thick its stretch of the lifeline is, in pixels.
    """

    letter: str
    fill: str
    ink: str
    shape: str
    width: int


ROLES: Mapping[str, RoleLook] = {
    "follower": RoleLook("F", "#DDDDDD", "#000000", "circle", 6),
    "candidate": RoleLook("C", "#E69F00", "#000000", "diamond", 10),
    "leader": RoleLook("L", "#0072B2", "#FFFFFF", "square", 14),
    "server": RoleLook("S", "#DDDDDD", "#000000", "circle", 6),
    "down": RoleLook("X", "#555555", "#FFFFFF", "none", 1),
}


@dataclass(frozen=True, slots=True)
class MessageLook:
    """How a kind of message is drawn.

    Attributes:
        name: What the legend calls it.
        colour: The colour of its line.
        shape: The sign at its tail: diamond, square, circle, triangle or ring.
    """

    name: str
    colour: str
    shape: str


# Found by a part of the message's name, the first that fits; a learner's own message is "other".
MESSAGES: Mapping[str, MessageLook] = {
    "Vote": MessageLook("vote", "#D55E00", "diamond"),
    "Snapshot": MessageLook("snapshot", "#CC79A7", "triangle"),
    "Append": MessageLook("append", "#0072B2", "square"),
    "Commit": MessageLook("commit", "#007A5A", "circle"),
    "": MessageLook("other", "#444444", "ring"),
}

# Behind the lifelines, so that two servers in one term look alike; the number of a term always stands there too.
TERM_TINTS = ("#f0f0ee", "#dcebf7", "#fbe7d3", "#e2f1df", "#f1e3f1", "#f6f0c8")


def message_look(message_type: str) -> MessageLook:
    """Find how a message of this type is drawn."""
    return next(look for part, look in MESSAGES.items() if part in message_type)


def message_manner(message_type: str, fields: Mapping[str, Any]) -> str:
    """Say whether a message is a request, a reply or a refusal; each is drawn in its own manner."""
    if message_type.endswith("Refused") or fields.get("success") is False or fields.get("vote_granted") is False:
        return "refusal"
    return "reply" if message_type.endswith(("Reply", "Response")) else "request"


def term_tint(term: int) -> str:
    """Choose the tint of a term."""
    return TERM_TINTS[term % len(TERM_TINTS)]
