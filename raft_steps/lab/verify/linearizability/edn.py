"""A reader for EDN, the text form of Clojure's data, as far as histories use it.

It reads nil, truth values, numbers, strings, keywords, symbols, lists, vectors, maps, sets, comments and discarded
forms; of a tagged form, such as ``#jepsen.history.Op{…}``, it reads what the tag stands before. Characters and the ways
to define tags are left out. The one library for this on PyPI, edn-format, has not seen a release since November 2020
and brings two dependencies of its own, for what takes a page here.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError

MOST_DEPTH = 50  # forms within forms; a history needs four

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
    """A map, and the line that it begins on.

    Attributes:
        line: The line, from 1.
    """

    def __init__(self, line: int) -> None:
        """Begin an empty map."""
        super().__init__()
        self.line = line


class Form(NamedTuple):
    """A form, and the line that it begins on.

    Attributes:
        line: The line, from 1.
        value: What it is.
    """

    line: int
    value: object


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def read_edn(text: str) -> list[Form]:
    """Read all forms of a text: maps as `EdnMap`, lists, vectors and sets as tuples, keywords as `Keyword`.

    Raises:
        HistoryError: The text is no EDN, or uses what this reader leaves out; the message names the line.
    """
    reader = _Reader(_tokens(text))
    forms = []
    while (token := reader.next()) is not None:
        if token.kind == "discard":
            reader.form(reader.need("a form after #_"), 0)
        else:
            forms.append(Form(token.line, reader.form(token, 0)))
    return forms


def _tokens(text: str) -> Iterator[_Token]:
    place, line = 0, 1
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            rest = text[place : place + 20].partition("\n")[0]
            raise HistoryError(f"line {line}: {rest!r} is no EDN that this reader knows")
        if match.lastgroup != "blank":
            yield _Token(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")
        place = match.end()


class _Reader:
    def __init__(self, tokens: Iterator[_Token]) -> None:
        self._tokens = tokens
        self._line = 1

    def next(self) -> _Token | None:
        """Give the next token, or None at the end."""
        token = next(self._tokens, None)
        self._line = token.line if token is not None else self._line
        return token

    def need(self, what: str) -> _Token:
        """Give the next token, which must be there."""
        token = self.next()
        if token is None:
            raise HistoryError(f"line {self._line}: the text ends where {what} is expected")
        return token

    def form(self, token: _Token, depth: int) -> object:
        """Read the form that begins with a token."""
        if depth > MOST_DEPTH:
            raise HistoryError(f"line {token.line}: more than {MOST_DEPTH} forms within one another are no history")
        match token.kind:
            case "string":
                return re.sub(
                    r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token.text[1:-1], flags=re.DOTALL
                )
            case "atom":
                return _atom(token)
            case "tag":
                return self.form(self.need(f"a form after {token.text}"), depth + 1)
            case "open":
                items = self._items(token, depth)
                return _map(items, token.line) if token.text == "{" else tuple(items)
        raise HistoryError(f"line {token.line}: {token.text!r} stands where a form should begin")

    def _items(self, begin: _Token, depth: int) -> list[object]:
        items, closing = [], _CLOSING[begin.text]
        while True:
            token = self.need(f"{closing!r} of the {begin.text!r} on line {begin.line}")
            if token.kind == "discard":
                self.form(self.need("a form after #_"), depth + 1)
            elif token.kind != "close":
                items.append(self.form(token, depth + 1))
            elif token.text == closing:
                return items
            else:
                wrong = f"{token.text!r} closes the {begin.text!r} on line {begin.line}"
                raise HistoryError(f"line {token.line}: {wrong}; it should be {closing!r}")


def _atom(token: _Token) -> Hashable:
    text = token.text
    if text.startswith(":") and len(text) > 1:
        return Keyword(text[1:])
    if (number := _NUMBER.fullmatch(text)) is not None:
        digits = text.rstrip("NM")
        return float(digits) if number["fraction"] or text.endswith("M") else int(digits)
    return _NAMES.get(text, text)


def plain(value: object, line: int) -> Hashable:
    """Give a value that can be compared and kept: anything but a map, and what holds one.

    Raises:
        HistoryError: It is, or holds, a map.
    """
    try:
        hash(value)
    except TypeError:
        raise HistoryError(f"line {line}: a map stands where a number, a text or a list is expected") from None
    return value


def _map(items: list[object], line: int) -> EdnMap:
    if len(items) % 2:
        raise HistoryError(f"line {line}: a map needs a value for each key, and this one has {len(items)} forms")
    made = EdnMap(line)
    for key, value in zip(items[::2], items[1::2], strict=True):
        made[plain(key, line)] = value
    return made
