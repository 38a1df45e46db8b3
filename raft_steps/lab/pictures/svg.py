"""A small writer of SVG, and the picture that a notebook shows.

The same drawing is the same text on every machine: numbers have one format, and there is no date, no random id and no
measured font. A picture is shown as an image with its data inside, which an untrusted notebook, an exported page and
GitHub show alike, with one sentence for those who cannot see it and the whole of it in words.
"""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from raft_steps.lab.pictures.style import INK, PALE_LINE, PAPER
from raft_steps.lab.text import printable

BASE_STYLE = f"text{{font:12px sans-serif;fill:{INK}}}"

_NARROW, _WIDE = frozenset("iljftrI.,:;'|!()[] "), frozenset("mwMW@%")


def number(value: float) -> str:
    """Spell a coordinate: one decimal at most, and never a minus zero."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def spell_path(*steps: str | float) -> str:
    """Spell a path's letters and numbers, with a blank only between two numbers."""
    spelled = ""
    for step in steps:
        if isinstance(step, str):
            spelled += step
        else:
            text = number(step)
            spelled += f" {text}" if spelled[-1:].isdigit() and text[0] != "-" else text
    return spelled


def _char_width(char: str) -> int:
    """Estimate how wide a letter is, in hundredths of its size: whole numbers, which every Python adds up alike."""
    if char in _NARROW:
        return 45
    if char in _WIDE:
        return 100
    if char >= "\u1100" and char not in "…–✓≠":  # Scripts of full width, and emoji.
        return 135
    return 72 if char.isupper() else 64


def text_width(text: str, size: float) -> float:
    """Estimate how wide a text is, in pixels, rather too wide than too narrow: no font is at hand to measure it."""
    return sum(map(_char_width, text)) * size / 100


def cut(text: str, width: float, size: float) -> str:
    """Shorten a text to what fits, with three dots where something is missing."""
    text = printable(text)
    room, kept = 100 * width / size, 0
    for place, char in enumerate(text):
        room -= _char_width(char)
        if room < 0:
            return text[:kept].rstrip() + "…"
        if room >= _char_width("…"):
            kept = place + 1
    return text


def wrap(text: str, width: float, size: float, most: int) -> list[str]:
    """Break a text into at most so many lines that fit."""
    lines: list[str] = []
    line = ""
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
        self._style = BASE_STYLE + style
        self._parts: list[str] = []

    def add(self, name: str, content: str = "", **attributes: Any) -> None:
        """Add an element; `class_` is its class, and an underscore in a name stands for a hyphen."""
        spelled = "".join(
            f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
            for key, value in attributes.items()
            if value != ""
        )
        self._parts.append(f"<{name}{spelled}>{_escape(content)}</{name}>" if content else f"<{name}{spelled}/>")

    def text(self, x: float, y: float, content: str, **attributes: Any) -> None:
        """Write a line of text that begins at x, on the baseline y."""
        self.add("text", printable(content), x=x, y=y, **attributes)

    def path(self, *steps: str | float, **attributes: Any) -> None:
        """Draw a path, given as its letters and numbers."""
        self.add("path", d=spell_path(*steps), **attributes)

    def rectangle(self, x: float, y: float, width: float, height: float, **attributes: Any) -> None:
        """Draw a rectangle."""
        self.add("rect", x=x, y=y, width=width, height=height, **attributes)

    def sign(self, shape: str, x: float, y: float, size: float, **attributes: Any) -> None:
        """Draw a sign of `sign_path`."""
        self.path(*sign_path(shape, x, y, size), **attributes)

    def svg(self, alt: str = "") -> str:
        """Give the whole document, on its own light ground."""
        width, height = number(self.width), number(self.height)
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ground = (
            f'width="{number(self.width - 1)}" height="{number(self.height - 1)}" fill="{PAPER}" stroke="{PALE_LINE}"'
        )
        head = [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{_escape(printable(alt))}</title>",
            f"<style>{self._style}</style>",
            f'<rect x="0.5" y="0.5" rx="8" {ground}/>',
        ]
        return "\n".join([*head, *self._parts, "</svg>\n"])


def sign_path(shape: str, x: float, y: float, size: float) -> list[str | float]:
    """Give the path of a circle, ring, square, diamond, triangle or cross around a point; `size` is half its width."""
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
            return [
                "M",
                x - size,
                y,
                "a",
                size,
                size,
                0,
                1,
                0,
                2 * size,
                0,
                "a",
                size,
                size,
                0,
                1,
                0,
                -2 * size,
                0,
                "z",
            ]


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _value(value: object) -> str:
    return number(value) if isinstance(value, int | float) else _escape(printable(str(value)))


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

    def _repr_mimebundle_(self, **_asked: object) -> dict[str, str]:
        """Tell a notebook how to show the picture."""
        return {"text/html": self.to_html(), "text/plain": self.summary}

    def __repr__(self) -> str:
        return self.summary
