"""A small writer of SVG, and the picture that a notebook shows.

The same drawing is the same text on every machine: numbers have one format, and there is no date, no random id and no
measured font. A picture is shown as an image with its data inside, which an untrusted notebook, an exported page and
GitHub show alike, with one sentence for those who cannot see it and the whole of it in words.
"""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path
from typing import Any

from raft_steps.lab.palette import INK, PALE_LINE, PAPER

FONT = "Verdana,'DejaVu Sans',Helvetica,Arial,sans-serif"

# Characters that XML cannot hold, and those that would break a line or turn its direction.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_NARROW, _WIDE = frozenset("iljftrI.,:;'|!()[] "), frozenset("mwMW@%")


def number(value: float) -> str:
    """Spell a coordinate: one decimal at most, and never a minus zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def printable(text: str) -> str:
    """Replace what cannot be drawn on one line."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\t\n\r]+", " ", text))


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text is, in pixels, rather too wide than too narrow: no font is at hand to measure it."""
    width = 0.0
    for char in text:
        if char in _NARROW:
            width += 0.45
        elif char in _WIDE:
            width += 1.0
        elif char >= "\u1100":  # Scripts of full width, and emoji.
            width += 0.85 if char in "…–✓→" else 1.35
        else:
            width += 0.72 if char.isupper() else 0.64
    return width * size


def cut(text: str, width: float, size: float) -> str:
    """Shorten a text to what fits, with three dots where something is missing."""
    text = printable(text)
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrap(text: str, width: float, size: float, most: int) -> list[str]:
    """Break a text into at most so many lines that fit."""
    lines, line = [], ""
    words = printable(text).split()
    while words and len(lines) < most:
        word = words.pop(0)
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    if line and len(lines) < most:
        lines.append(line)
    elif line or words:
        lines[-1] = f"{lines[-1]} …"
    return [cut(line, width, size) for line in lines]


class Drawing:
    """An SVG document that grows element by element, each over the ones before it.

    Attributes:
        width: The width in pixels.
        height: The height in pixels; it may be set last.
    """

    def __init__(self, width: float, height: float = 0, style: str = "") -> None:
        """Begin an empty drawing.

        Args:
            width: The width in pixels.
            height: The height in pixels.
            style: CSS rules, so that elements that look alike need only a short class.
        """
        self.width, self.height = width, height
        self._style = f"text{{font:12px {FONT};fill:{INK}}}{style}"
        self._parts: list[str] = []

    def add(self, name: str, content: str = "", **attributes: Any) -> None:
        """Add an element; `class_` is its class, and an underscore in a name stands for a hyphen."""
        spelled = "".join(
            f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items() if value != ""
        )
        self._parts.append(f"<{name}{spelled}>{_escape(content)}</{name}>" if content else f"<{name}{spelled}/>")

    def text(self, x: float, y: float, content: str, **attributes: Any) -> None:
        """Write a line of text that begins at x, on the baseline y."""
        self.add("text", printable(content), x=x, y=y, **attributes)

    def path(self, *steps: str | float, **attributes: Any) -> None:
        """Draw a path, given as its letters and numbers."""
        spelled = " ".join(step if isinstance(step, str) else number(step) for step in steps)
        self.add("path", d=spelled, **attributes)

    def rectangle(self, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """Draw a rectangle."""
        self.add("rect", x=x, y=y, width=width, height=height, **attributes)

    def sign(self, shape: str, x: float, y: float, size: float, **attributes: Any) -> None:
        """Draw a circle, ring, square, diamond or triangle around a point; `size` is half its width."""
        match shape:
            case "circle" | "ring":
                self.add("circle", cx=x, cy=y, r=size, **attributes)
            case "square":
                self.rectangle(x - size, y - size, 2 * size, 2 * size, **attributes)
            case "diamond":
                self.path("M", x - size, y, "L", x, y - size, x + size, y, x, y + size, "Z", **attributes)
            case "triangle":
                self.path("M", x - size, y + size, "L", x, y - size, x + size, y + size, "Z", **attributes)
            case "cross":
                self.path("M", x - size, y - size, "L", x + size, y + size, "M", x - size, y + size, "L", x + size, y - size, **attributes)

    def svg(self, alt: str = "") -> str:
        """Give the whole document, on its own light ground."""
        width, height = number(self.width), number(self.height)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">',
                f"<title>{_escape(printable(alt))}</title>",
                f"<style>{self._style}</style>",
                f'<rect x="0.5" y="0.5" width="{number(self.width - 1)}" height="{number(self.height - 1)}" rx="8" '
                f'fill="{PAPER}" stroke="{PALE_LINE}"/>',
                *self._parts,
                "</svg>\n",
            ]
        )


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _value(value: object) -> str:
    return number(value) if isinstance(value, int | float) else _escape(str(value))


class Picture:
    """A drawing that a notebook shows, with words for those who cannot see it.

    Attributes:
        svg: The drawing, as SVG text.
        alt: One sentence that says what there is to see.
        summary: What there is to see, in a few lines of words.
    """

    def __init__(self, svg: str, alt: str, summary: str) -> None:
        """Keep a drawing and its words."""
        self.svg, self.alt, self.summary = svg, printable(alt), summary

    def to_html(self) -> str:
        """Spell the picture as HTML that needs no script and nothing from elsewhere; its words fold out below it."""
        data = base64.b64encode(self.svg.encode()).decode("ascii")
        return (
            f'<img alt="{_escape(self.alt)}" style="max-width:100%;height:auto" src="data:image/svg+xml;base64,{data}">'
            f"<details><summary>In words</summary><pre>{_escape(self.summary)}</pre></details>"
        )

    def save(self, path: str | Path) -> None:
        """Write the drawing to an SVG file."""
        Path(path).write_text(self.svg, encoding="utf-8", newline="\n")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Tell a notebook how to show the picture."""
        return {"text/html": self.to_html(), "text/plain": self.summary}

    def __repr__(self) -> str:
        return self.summary
