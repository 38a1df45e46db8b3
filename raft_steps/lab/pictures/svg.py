"""A small SVG writer, and the picture that a notebook displays.

A drawing is the same text on every machine: numbers have a fixed format, and there are no dates, random ids or measured
fonts. A picture is displayed as an image with a data URI, which works in untrusted notebooks, in exported pages and on
GitHub. Its alternative text is one sentence, and a summary in words follows it.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from raft_steps.lab.files import write_text
from raft_steps.lab.pictures.style import INK, PALE_LINE, PAPER
from raft_steps.lab.text import printable

BASE_STYLE = f"text{{font:12px sans-serif;fill:{INK}}}"

_NARROW, _WIDE = frozenset("iljftrI.,:;'|!()[] "), frozenset("mwMW@%")


def format_number(value: float) -> str:
    """Format a coordinate with at most one decimal, and never as a negative zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def format_path(*steps: str | float) -> str:
    """Format the commands and numbers of a path, with a space only between two numbers."""
    path = ""
    for step in steps:
        if isinstance(step, str):
            path += step
        else:
            text = format_number(step)
            path += f" {text}" if path[-1:].isdigit() and text[0] != "-" else text
    return path


def _char_width(char: str) -> int:
    """Estimate the width of a character in hundredths of the font size."""
    # Whole numbers, because a sum of floats may differ between versions of Python, and with it a line break.
    if char in _NARROW:
        return 45
    if char in _WIDE:
        return 100
    if char >= "\u1100" and char not in "…–✓≠":  # Full-width scripts, and emoji.
        return 135
    return 72 if char.isupper() else 64


def text_width(text: str, size: float) -> float:
    """Estimate the width of a text in pixels. There is no font to measure it with, so the estimate errs on the wide side."""
    return sum(map(_char_width, text)) * size / 100


def cut(text: str, width: float, size: float) -> str:
    """Shorten a text to fit a width, with an ellipsis at the end if anything is missing."""
    text = printable(text)
    room, kept = 100 * width / size, 0
    for place, char in enumerate(text):
        room -= _char_width(char)
        if room < 0:
            return text[:kept].rstrip() + "…"
        if room >= _char_width("…"):
            kept = place + 1
    return text


def wrap(text: str, width: float, size: float, max_lines: int) -> list[str]:
    """Break a text into at most `max_lines` lines that fit a width, with an ellipsis if anything is missing."""
    lines: list[str] = []
    line = ""
    words = printable(text).split()
    while words and len(lines) < max_lines:
        word = words.pop(0)
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    if line and len(lines) < max_lines:
        lines.append(line)
    elif line or words:
        lines[-1] = f"{lines[-1]} …"
    return [cut(line, width, size) for line in lines]


class Drawing:
    """An SVG document to which elements are added, each drawn over the previous ones.

    Attributes:
        width: The width in pixels.
        height: The height in pixels; it may be set after everything is drawn.
    """

    def __init__(self, width: float, height: float = 0, style: str = "") -> None:
        """Create an empty drawing.

        Args:
            width: The width in pixels.
            height: The height in pixels.
            style: CSS rules, so that similar elements need only a short class.
        """
        self.width, self.height = width, height
        self._style = BASE_STYLE + style
        self._parts: list[str] = []

    def add(self, name: str, content: str = "", **attributes: Any) -> None:
        """Add an element. `class_` is its class, and underscores in other attribute names become hyphens."""
        formatted = "".join(
            f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
            for key, value in attributes.items()
            if value != ""
        )
        self._parts.append(f"<{name}{formatted}>{_escape(content)}</{name}>" if content else f"<{name}{formatted}/>")

    def text(self, x: float, y: float, content: str, **attributes: Any) -> None:
        """Add a line of text that starts at x, on the baseline y."""
        self.add("text", printable(content), x=x, y=y, **attributes)

    def path(self, *steps: str | float, **attributes: Any) -> None:
        """Add a path, given as its commands and numbers."""
        self.add("path", d=format_path(*steps), **attributes)

    def rectangle(self, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """Add a rectangle."""
        self.add("rect", x=x, y=y, width=width, height=height, **attributes)

    def sign(self, shape: str, x: float, y: float, size: float, **attributes: Any) -> None:
        """Add a sign, as `sign_path` describes it."""
        self.path(*sign_path(shape, x, y, size), **attributes)

    def svg(self, alt: str = "") -> str:
        """Return the whole document, with a light background and `alt` as its title."""
        width, height = format_number(self.width), format_number(self.height)
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ground = f'width="{format_number(self.width - 1)}" height="{format_number(self.height - 1)}" fill="{PAPER}" stroke="{PALE_LINE}"'
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{_escape(printable(alt))}</title>",
            f"<style>{self._style}</style>",
            f'<rect x="0.5" y="0.5" rx="8" {ground}/>',
        ]
        return "\n".join([*head, *self._parts, "</svg>\n"])


def sign_path(shape: str, x: float, y: float, size: float) -> list[str | float]:
    """Return the path of a circle, ring, square, diamond, triangle or cross around a point; `size` is half its width."""
    match shape:
        case "square":
            return ["M", x - size, y - size, "h", 2 * size, "v", 2 * size, "h", -2 * size, "z"]
        case "diamond":
            return ["M", x - size, y, "l", size, -size, size, size, -size, size, "z"]
        case "triangle":
            return ["M", x - size, y + size, "l", size, -2 * size, size, 2 * size, "z"]
        case "cross":
            return ["M", x - size, y - size, "l", 2 * size, 2 * size, "m", -2 * size, 0, "l", 2 * size, -2 * size]
        case _:
            half: list[str | float] = ["a", size, size, 0, 1, 0]
            return ["M", x - size, y, *half, 2 * size, 0, *half, -2 * size, 0, "z"]


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _value(value: object) -> str:
    return format_number(value) if isinstance(value, int | float) else _escape(printable(str(value)))


class Picture:
    """A drawing that a notebook displays, with a description for readers who cannot see it.

    Attributes:
        svg: The drawing, as SVG text.
        alt: The alternative text, one sentence.
        summary: A description of a few lines.
    """

    def __init__(self, svg: str, alt: str, summary: str) -> None:
        """Create a picture of a drawing and its descriptions."""
        self.svg, self.alt, self.summary = svg, printable(alt), summary

    def to_html(self) -> str:
        """Format the picture as HTML without scripts or external resources, with the summary folded away below it."""
        data = base64.b64encode(self.svg.encode()).decode("ascii")
        return (
            f'<img alt="{_escape(self.alt)}" style="max-width:100%;height:auto" src="data:image/svg+xml;base64,{data}">'
            f"<details><summary>In words</summary><pre>{_escape(self.summary)}</pre></details>"
        )

    def save(self, path: str | Path) -> None:
        """Write the drawing to an SVG file."""
        write_text(Path(path), self.svg)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """Return the picture as Jupyter displays it."""
        return {"text/html": self.to_html(), "text/plain": self.summary}

    def __repr__(self) -> str:
        """Return the summary."""
        return self.summary
