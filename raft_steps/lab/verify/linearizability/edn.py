"""A parser for EDN, the text format of Clojure's data, as far as histories use it.

It parses nil, booleans, numbers, strings, keywords, symbols, lists, vectors, maps, sets, comments and discarded forms; of
a tagged form, such as ``#jepsen.history.Op{…}``, it ignores the tag. Characters and tag handlers are not supported. The
only library for this on PyPI, edn-format, had its last release in November 2020 and has two dependencies, for what takes
a page here.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError

MAX_DEPTH = 50  # nested forms; a history needs four

_TOKEN = re.compile(
    r"""(?P<blank>[\s,]+|;[^\n]*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<open>\#\{|[({\[])
    |(?P<close>[)}\]])
    |(?P<discard>\#_)
    |(?P<tag>\#[A-Za-z][^\s,()\[\]{}"]*)
    |(?P<atom>[^\s,()\[\]{}";\#\\]+)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?\d+(?P<fraction>(\.\d*)?([eE][+-]?\d+)?)[NM]?")
_CLOSING = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "b": "\b", "f": "\f"}
_NAMES: dict[str, Hashable] = {"nil": None, "true": True, "false": False}


class Keyword(str):
    """A keyword, without its colon: ``:invoke`` is ``Keyword("invoke")``."""

    __slots__ = ()


class EdnMap(dict[Hashable, object]):
    """A map, with the line on which it begins.

    Attributes:
        line: The line, from 1.
    """

    def __init__(self, line: int) -> None:
        """Create an empty map."""
        super().__init__()
        self.line = line


class EdnForm(NamedTuple):
    """A form at the top level of a text.

    Attributes:
        line: The line on which it begins, from 1.
        value: Its value.
    """

    line: int
    value: object


class _EdnToken(NamedTuple):
    kind: str
    text: str
    line: int


def parse_edn(text: str) -> list[EdnForm]:
    """Parse all forms of a text: maps as `EdnMap`, lists, vectors and sets as tuples, keywords as `Keyword`.

    Raises:
        HistoryError: The text is not EDN, or uses what this parser does not support; the message names the line.
    """
    parser = _EdnParser(_tokens(text))
    forms = []
    while (token := parser.next()) is not None:
        if token.kind == "discard":
            parser.form(parser.require("a form after #_"), 0)
        else:
            forms.append(EdnForm(token.line, parser.form(token, 0)))
    return forms


def _tokens(text: str) -> Iterator[_EdnToken]:
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            rest = text[place : place + 20].partition("\n")[0]
            raise HistoryError(f"line {line}: {rest!r} is not valid EDN, or not supported here")
        if match.lastgroup != "blank":
            yield _EdnToken(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")
        place = match.end()


class _EdnParser:
    def __init__(self, tokens: Iterator[_EdnToken]) -> None:
        self._tokens = tokens
        self._line = 1

    def next(self) -> _EdnToken | None:
        """Return the next token, or None at the end."""
        token = next(self._tokens, None)
        self._line = token.line if token is not None else self._line
        return token

    def require(self, what: str) -> _EdnToken:
        """Return the next token.

        Raises:
            HistoryError: The text ends here.
        """
        token = self.next()
        if token is None:
            raise HistoryError(f"line {self._line}: the text ends where {what} is expected")
        return token

    def form(self, token: _EdnToken, depth: int) -> object:
        """Parse the form that begins with a token."""
        if depth > MAX_DEPTH:
            raise HistoryError(
                f"line {token.line}: forms are nested more than {MAX_DEPTH} deep, which no history needs"
            )
        match token.kind:
            case "string":
                return re.sub(
                    r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token.text[1:-1], flags=re.DOTALL
                )
            case "atom":
                return _atom(token)
            case "tag":
                return self.form(self.require(f"a form after {token.text}"), depth + 1)
            case "open":
                items = self._items(token, depth)
                return _map(items, token.line) if token.text == "{" else tuple(items)
        raise HistoryError(f"line {token.line}: {token.text!r} is where a form should begin")

    def _items(self, begin: _EdnToken, depth: int) -> list[object]:
        items, closing = [], _CLOSING[begin.text]
        while True:
            token = self.require(f"{closing!r} of the {begin.text!r} on line {begin.line}")
            if token.kind == "discard":
                self.form(self.require("a form after #_"), depth + 1)
            elif token.kind != "close":
                items.append(self.form(token, depth + 1))
            elif token.text == closing:
                return items
            else:
                wrong = f"{token.text!r} closes the {begin.text!r} on line {begin.line}"
                raise HistoryError(f"line {token.line}: {wrong}; it should be {closing!r}")


def _atom(token: _EdnToken) -> Hashable:
    text = token.text
    if text.startswith(":") and len(text) > 1:
        return Keyword(text[1:])
    if (number := _NUMBER.fullmatch(text)) is not None:
        digits = text.rstrip("NM")
        return float(digits) if number["fraction"] or text.endswith("M") else int(digits)
    return _NAMES.get(text, text)


def require_hashable(value: object, line: int) -> Hashable:
    """Return a value if it is hashable: anything but a map, or what contains one.

    Raises:
        HistoryError: It is or contains a map.
    """
    try:
        hash(value)
    except TypeError:
        raise HistoryError(f"line {line}: there is a map where a number, a text or a list is expected") from None
    return value


def _map(items: list[object], line: int) -> EdnMap:
    if len(items) % 2:
        raise HistoryError(f"line {line}: a map needs a value for each key, and this one has {len(items)} forms")
    made = EdnMap(line)
    for key, value in zip(items[::2], items[1::2], strict=True):
        made[require_hashable(key, line)] = value
    return made
