"""A reader of EDN, the text format of Clojure's data, for all that Clojure and Jepsen print.

It reads what the specification of EDN (https://github.com/edn-format/edn) describes, and what Clojure's printer adds to
it: ratios, octal and hexadecimal numbers, ``##Inf``, regular expressions, metadata, which is left out, and maps with a
namespace, ``#:ns{…}``. What Clojure refuses is refused here: a key or an element twice, an unknown escape, ``08``.
Besides, three things that Clojure reads are refused: ``##NaN``, which equals nothing and so could never be read back;
half of a surrogate pair; and forms that run code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from typing import NamedTuple

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn_atoms import read_atom, read_character, read_string, read_tagged
from raft_steps.lab.verify.linearizability.edn_values import EdnMap, EdnValue, edn_map, edn_text

MAX_DEPTH = 50  # nested forms; a history needs four, an exception in it a few more

_TOKEN = re.compile(
    r"""(?P<blank>[\s,]+|;[^\n]*|\#![^\n]*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<open>\#\{|[({\[])
    |(?P<close>[)}\]])
    |(?P<discard>\#_)
    |(?P<metadata>\#?\^)
    |(?P<opaque>\#"(?:[^"\\]|\\.)*"|\#'[^\s,()\[\]{}"\\;@^`~]+)
    |(?P<namespace>\#:[^\s,()\[\]{}"\\;@^`~\#:]+)
    |(?P<number>\#\#[A-Za-z-]+)
    |(?P<tag>\#[A-Za-z_][^\s,()\[\]{}"\\;@^`~\#]*)
    |(?P<character>\\(?:[^\s,()\[\]{}"\\;@^`~]+|.))
    |(?P<atom>[^\s,()\[\]{}"\\;@^`~\#'][^\s,()\[\]{}"\\;@^`~]*)""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}", "#{": "}"}
_PREFIXES = ("discard", "metadata")  # a form follows that is left out


class EdnForm(NamedTuple):
    """A form at the top level of a text.

    Attributes:
        line: The line on which it begins, from 1.
        value: Its value.
    """

    line: int
    value: Hashable


class _EdnToken(NamedTuple):
    kind: str
    text: str
    line: int


def parse_edn(text: str, line: int = 1) -> list[EdnForm]:
    """Parse all forms of a text. Lists and vectors become tuples; `edn_values` describes the other values.

    Args:
        text: The text.
        line: The number of its first line.

    Raises:
        HistoryError: The text is not EDN; the message names the line.
    """
    parser = _EdnParser(_tokens(text, line), line)
    forms = []
    while (token := parser.next_significant(0)) is not None:
        forms.append(EdnForm(token.line, parser.form(token, 0)))
    return forms


def _tokens(text: str, line: int) -> Iterator[_EdnToken]:
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            rest = text[place : place + 20].partition("\n")[0]
            what = "is a text without its end" if rest.startswith('"') else "is not EDN"
            raise HistoryError(f"line {line}: {rest!r} {what}")
        if match.lastgroup != "blank":
            yield _EdnToken(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")
        place = match.end()


class _EdnParser:
    def __init__(self, tokens: Iterator[_EdnToken], line: int) -> None:
        self._tokens = tokens
        self._line = line

    def next_significant(self, depth: int) -> _EdnToken | None:
        """Return the next token that is neither discarded nor metadata, or None at the end."""
        needs_form = False
        while True:
            token = next(self._tokens, None)
            self._line = token.line if token is not None else self._line
            if needs_form and (token is None or token.kind == "close"):
                raise HistoryError(f"line {self._line}: metadata is where a form after it is expected")
            if token is None or token.kind not in _PREFIXES:
                return token
            needs_form = needs_form or token.kind == "metadata"
            # `#_` leaves the next form out, and metadata says something about the form after it that equality ignores.
            self.form(self.require(f"a form after {token.text}", depth + 1), depth + 1)

    def require(self, what: str, depth: int) -> _EdnToken:
        """Return the next significant token.

        Raises:
            HistoryError: The text ends here.
        """
        _check_depth(depth, self._line)
        token = self.next_significant(depth)
        if token is None:
            raise HistoryError(f"line {self._line}: the text ends where {what} is expected")
        return token

    def form(self, token: _EdnToken, depth: int) -> Hashable:
        """Parse the form that begins with a token."""
        _check_depth(depth, token.line)
        match token.kind:
            case "string":
                return read_string(token.text, token.line)
            case "atom" | "number":
                return read_atom(token.text, token.line)
            case "character":
                return read_character(token.text, token.line)
            case "opaque":  # a regular expression, or the name of a variable
                return EdnValue("opaque", token.text, token.text)
            case "tag":
                inner = self.form(self.require(f"a form after {token.text}", depth + 1), depth + 1)
                return read_tagged(token.text[1:], inner, token.line)
            case "namespace":
                opening = self.require(f"a map after {token.text}", depth)
                if opening.text != "{":
                    raise HistoryError(f"line {opening.line}: {opening.text!r} is where the map of {token.text} begins")
                return _map(self._items(opening, depth), token.line, token.text[2:])
            case "open":
                items = self._items(token, depth)
                made: dict[str, Callable[[], Hashable]] = {
                    "{": lambda: _map(items, token.line),
                    "#{": lambda: _set(items, token.line),
                }
                return made[token.text]() if token.text in made else tuple(items)
        raise HistoryError(f"line {token.line}: {token.text!r} is where a form should begin")

    def _items(self, begin: _EdnToken, depth: int) -> list[Hashable]:
        items, closing = [], _CLOSING[begin.text]
        while True:
            token = self.require(f"{closing!r} of the {begin.text!r} on line {begin.line}", depth)
            if token.kind != "close":
                items.append(self.form(token, depth + 1))
            elif token.text == closing:
                return items
            else:
                wrong = f"{token.text!r} closes the {begin.text!r} on line {begin.line}"
                raise HistoryError(f"line {token.line}: {wrong}; it should be {closing!r}")


def _check_depth(depth: int, line: int) -> None:
    if depth > MAX_DEPTH:
        raise HistoryError(f"line {line}: forms are nested more than {MAX_DEPTH} deep, which no history needs")


def _set(items: list[Hashable], line: int) -> EdnValue:
    found: set[Hashable] = set()
    for item in items:
        if item in found:
            raise HistoryError(f"line {line}: a set has {edn_text(item)} twice")
        found.add(item)
    return EdnValue("set", frozenset(found), f"#{{{' '.join(map(edn_text, items))}}}")


def _map(items: list[Hashable], line: int, namespace: str = "") -> EdnMap:
    if len(items) % 2:
        raise HistoryError(f"line {line}: a map needs a value for each key, and this one has {len(items)} forms")
    entries: dict[Hashable, Hashable] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        full = _qualified(key, namespace) if namespace else key
        if full in entries:
            raise HistoryError(f"line {line}: a map has the key {edn_text(full)} twice")
        entries[full] = value
    return edn_map(entries, line)


def _qualified(key: Hashable, namespace: str) -> Hashable:
    """Return a key of a map with a namespace: `:a` of `#:ns{…}` is `:ns/a`, and `:_/a` is `:a`."""
    if not isinstance(key, EdnValue) or key.kind not in ("keyword", "symbol"):
        return key
    name = str(key.content)
    full = name[2:] if name.startswith("_/") else name if "/" in name else f"{namespace}/{name}"
    return EdnValue(key.kind, full, f"{':' if key.kind == 'keyword' else ''}{full}")
