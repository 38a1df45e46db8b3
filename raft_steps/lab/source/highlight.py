"""Highlights lines of source, as HTML for a notebook and as coloured text for a terminal.

The HTML is one <pre> with inline styles and no script, so that it looks the same in a notebook that is not trusted.
Colours are tints behind the theme's text colour, for light and dark themes, and are never the only sign: an added line
has a +, a removed one a −, and they are <ins> and <del>, which are visible even when styles are removed.
"""

from __future__ import annotations

import html
import io
import keyword
import tokenize
from collections.abc import Iterator, Sequence
from typing import Literal

Sign = Literal["+", "-", " "]
Line = tuple[Sign, str]  # a line of a difference: its sign, and its text

# GitHub and exported pages do not define the theme's font; without a fallback, columns would not line up.
FONT = "font-family:var(--jp-code-font-family,monospace)"
BLOCK = f"margin:0;padding:0;white-space:pre;overflow-x:auto;line-height:1.4;{FONT}"
WIDE = "display:inline-block;min-width:100%"  # as wide as the longest line, so that a tint does not end before it
LINE = "display:block;text-decoration:none"
ADDED, REMOVED = "background-color:rgba(46,160,67,0.2)", "background-color:rgba(248,81,73,0.2)"
GREEN, RED, BOLD, QUIET, PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def html_block(title: str, lines: Sequence[str]) -> str:
    """Format lines of HTML as a block with a title above it."""
    inner = f'<pre style="{BLOCK}"><span style="{WIDE}">{"".join(lines)}</span></pre>'
    return f'<div style="margin:0 0 1em 0"><div>{title}</div>{inner}</div>'


def html_source(text: str) -> list[str]:
    """Return source as lines of HTML: keywords are bold, comments and docstrings italic."""
    return [line + "\n" for line in _highlighted(text)]


def html_difference(lines: Sequence[Line]) -> list[str]:
    """Return the lines of a difference as HTML."""
    before = iter(_highlighted("\n".join(text for sign, text in lines if sign != "+")))
    after = iter(_highlighted("\n".join(text for sign, text in lines if sign != "-")))
    formatted = []
    for sign, _ in lines:
        if sign == "-":
            formatted.append(f'<del style="{LINE};{REMOVED}">− {next(before)}\n</del>')
        elif sign == "+":
            formatted.append(f'<ins style="{LINE};{ADDED}">+ {next(after)}\n</ins>')
        else:
            next(before)
            formatted.append(f'<span style="{LINE}">  {next(after)}\n</span>')
    return formatted


def ansi_source(text: str) -> str:
    """Return source for a terminal, with dimmed comments and docstrings."""
    lines = text.split("\n")
    for number, spans in enumerate(_spans(text)):
        for start, end, is_keyword in reversed(spans):  # From the right, so that the columns to the left stay valid.
            if not is_keyword:
                line = lines[number]
                lines[number] = f"{line[:start]}{QUIET}{line[start:end]}{PLAIN}{line[end:]}"
    return "\n".join(lines)


def ansi_difference(lines: Sequence[Line]) -> str:
    """Return the lines of a difference for a terminal."""
    colours = {"+": GREEN, "-": RED}
    return "\n".join(
        f"{colours[sign]}{sign} {text}".rstrip() + PLAIN if sign in colours else f"  {text}".rstrip()
        for sign, text in lines
    )


def bold(text: str) -> str:
    """Return a text in bold for a terminal."""
    return f"{BOLD}{text}{PLAIN}"


def plain_difference(lines: Sequence[Line]) -> str:
    """Return the lines of a difference as plain text."""
    return "\n".join(f"{sign} {text}".rstrip() for sign, text in lines)


def _highlighted(text: str) -> list[str]:
    """Return each line as HTML."""
    formatted = []
    for line, spans in zip(text.split("\n"), _spans(text), strict=True):
        parts, place = [], 0
        for start, end, is_keyword in spans:
            tag = "b" if is_keyword else "i"
            parts.append(
                f"{html.escape(line[place:start], quote=False)}<{tag}>{html.escape(line[start:end], quote=False)}</{tag}>"
            )
            place = end
        formatted.append("".join(parts) + html.escape(line[place:], quote=False))
    return formatted


def _spans(text: str) -> list[list[tuple[int, int, bool]]]:
    """Return, for each line, the start and end of each highlighted part, and whether it is a keyword."""
    lines = text.split("\n")
    spans: list[list[tuple[int, int, bool]]] = [[] for _ in lines]
    for token in _tokens(text):
        (first, start), (last, end) = token.start, token.end
        for number in range(first, last + 1):
            line = lines[number - 1]
            left = start if number == first else len(line) - len(line.lstrip())
            right = end if number == last else len(line)
            if left < right:
                spans[number - 1].append((left, right, token.type == tokenize.NAME))
    return spans


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    """Yield keywords, comments and docstrings, up to the first error: a part of a difference may be incomplete."""
    starts_statement, depth = True, 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            name = tokenize.tok_name[token.type]
            # Python 3.12 and newer tokenize the inside of f-strings.
            depth += (name == "FSTRING_START") - (name == "FSTRING_END")
            if depth:
                continue
            is_docstring = token.type == tokenize.STRING and starts_statement
            if token.type == tokenize.COMMENT or is_docstring or keyword.iskeyword(token.string):
                yield token
            if token.type != tokenize.COMMENT:
                starts_statement = name in ("NEWLINE", "INDENT", "DEDENT", "NL")
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return
