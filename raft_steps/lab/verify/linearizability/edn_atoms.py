"""Reads the parts of EDN that contain no other forms: texts, characters, numbers, keywords, symbols, dates."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn_values import INT_MAX_DIGITS, EdnValue, edn_text, keyword

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:(?P<plain>[ntr\\\"bf])|u(?P<unicode>[0-9A-Fa-f]{4})|(?P<octal>[0-3]?[0-7]{1,2}))")
_CHARACTERS = {
    "newline": "\n", "return": "\r", "space": " ", "tab": "\t", "formfeed": "\f", "backspace": "\b",
}  # fmt: skip
_CHARACTER = re.compile(r"(?:u(?P<unicode>[0-9A-Fa-f]{4})|o(?P<octal>[0-3]?[0-7]{1,2}))")

# As Clojure's reader has them. A number with a point or an exponent is inexact, unless it ends in M.
_INTEGER = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<decimal>0|[1-9][0-9]*)|0[xX](?P<hex>[0-9A-Fa-f]+)|0(?P<octal>[0-7]+)"
    r"|(?P<radix>[1-9][0-9]?)[rR](?P<digits>[0-9A-Za-z]+))N?"
)
_FLOAT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?(?P<exact>M?)")
_RATIO = re.compile(r"(?P<top>[+-]?[0-9]+)/(?P<bottom>[0-9]+)")
_NAMES: dict[str, Hashable] = {
    "nil": None,
    "true": EdnValue("boolean", True, "true"),
    "false": EdnValue("boolean", False, "false"),
    "##Inf": EdnValue("float", float("inf"), "##Inf"),
    "##-Inf": EdnValue("float", float("-inf"), "##-Inf"),
}
_NAME = re.compile(r"/|(?:[^/:][^/]*/)?(?:/|[^/:]|[^/:][^/]*[^/:])")

_INST = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)"
    r"(?:\.(?P<fraction>\d{1,9}))?)?)?)?)?)?(?:Z|(?P<east>[+-])(?P<east_hours>\d\d):(?P<east_minutes>\d\d))?",
    re.ASCII,
)
_UUID = re.compile(r"[0-9a-f]{1,8}(-[0-9a-f]{1,4}){3}-[0-9a-f]{1,12}")
# A pair is how Jepsen's tests with many keys mark [key value]; printed plainly it is a vector.
_VECTOR_TAGS = ("clojure.lang.MapEntry", "clojure.lang.PersistentVector", "jepsen.independent.Tuple")


def read_string(text: str, line: int) -> str:
    """Return a text without its quotation marks and escapes.

    Raises:
        HistoryError: It has an escape that Clojure does not have, or half of a surrogate pair.
    """

    def escaped(match: re.Match[str]) -> str:
        known = _ESCAPE.fullmatch(match.group())
        if known is None:
            raise HistoryError(f"line {line}: {match.group()} in a text is not an escape of EDN")
        if known["plain"]:
            return _ESCAPES[known["plain"]]
        return chr(int(known["unicode"], 16) if known["unicode"] else int(known["octal"], 8))

    found = re.sub(r"\\(?:u[0-9A-Fa-f]{0,4}|[0-7]{1,3}|.)", escaped, text[1:-1], flags=re.DOTALL)
    return _without_surrogates(found, line)


def _without_surrogates(text: str, line: int) -> str:
    """Join the halves of surrogate pairs: Java writes a character beyond the first 65,536 as two escapes."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise HistoryError(f"line {line}: a text has half of a surrogate pair") from None


def read_character(text: str, line: int) -> EdnValue:
    r"""Return a character: ``\a``, ``\newline``, ``\u03bb``, ``\o101``.

    Raises:
        HistoryError: There is no such character.
    """
    name = text[1:]
    found = _CHARACTER.fullmatch(name)
    if len(name) == 1 and not name.isspace():
        character = name
    elif found is not None:
        character = chr(int(found["unicode"], 16) if found["unicode"] else int(found["octal"], 8))
        _without_surrogates(character, line)
    elif name in _CHARACTERS:
        character = _CHARACTERS[name]
    else:
        raise HistoryError(f"line {line}: {text} is not a character of EDN")
    names = {character: f"\\{name}" for name, character in _CHARACTERS.items()}
    return EdnValue("character", character, names.get(character, f"\\{character}"))


def read_atom(text: str, line: int) -> Hashable:
    """Return a number, a keyword, a symbol, nil, true or false.

    Raises:
        HistoryError: The text is none of them.
    """
    if text in _NAMES:
        return _NAMES[text]
    if text == "##NaN":
        raise HistoryError(f"line {line}: ##NaN equals nothing, not even itself, so no read of it could be checked")
    if re.match(r"[+-]?[0-9]", text):
        return _number(text, line)
    name = text.removeprefix(":")
    if text.startswith("##") or _NAME.fullmatch(name) is None:
        raise HistoryError(f"line {line}: {text!r} is not EDN: not a number, a keyword or a symbol")
    return keyword(name) if name != text else EdnValue("symbol", text, text)


def _number(text: str, line: int) -> Hashable:
    if (whole := _INTEGER.fullmatch(text)) is not None:
        return _integer(whole, line)
    if (ratio := _RATIO.fullmatch(text)) is not None:
        return _ratio(ratio, line)
    if (number := _FLOAT.fullmatch(text)) is None or re.match(r"[+-]?0[0-9]", text):
        raise HistoryError(f"line {line}: {text!r} is not a number of EDN")
    if not number["exact"]:
        found = float(text)
        return EdnValue("float", found, {"inf": "##Inf", "-inf": "##-Inf"}.get(repr(found), repr(found)))
    try:
        return EdnValue("decimal", Decimal(text[:-1]), text)
    except InvalidOperation:
        raise HistoryError(f"line {line}: {text!r} has an exponent that is too large") from None


def _integer(found: re.Match[str], line: int) -> Hashable:
    base = 10 if found["decimal"] else 16 if found["hex"] else 8 if found["octal"] else int(found["radix"])
    digits = found["decimal"] or found["hex"] or found["octal"] or found["digits"]
    if base == 10 and len(digits) > INT_MAX_DIGITS:
        text = found["sign"].replace("+", "") + digits
        return EdnValue("integer", text, text)  # Its digits decide what it equals; no int has as many.
    if len(digits) > INT_MAX_DIGITS:
        raise HistoryError(f"line {line}: a number in base {base} has {len(digits)} digits; {INT_MAX_DIGITS} are read")
    try:
        value = int(digits, base)
    except ValueError:
        raise HistoryError(f"line {line}: {found.group()!r} is not a number in base {base}") from None
    return -value if found["sign"] == "-" else value


def _ratio(found: re.Match[str], line: int) -> Hashable:
    if max(len(found["top"]), len(found["bottom"])) > INT_MAX_DIGITS:
        raise HistoryError(f"line {line}: a ratio has more than {INT_MAX_DIGITS} digits")
    top, bottom = int(found["top"]), int(found["bottom"])
    if bottom == 0:
        raise HistoryError(f"line {line}: {found.group()!r} divides by zero")
    value = Fraction(top, bottom)
    return value.numerator if value.denominator == 1 else EdnValue("ratio", value, str(value))


def read_tagged(tag: str, inner: Hashable, line: int) -> Hashable:
    """Return a value with a tag. Dates and UUIDs are compared by what they mean; any other tag by its name.

    Raises:
        HistoryError: It is a date or a UUID without the form of one.
    """
    if tag in _VECTOR_TAGS:
        return inner
    if tag == "inst":
        return EdnValue("inst", _instant(inner, line), f"#inst {edn_text(inner)}")
    if tag == "uuid":
        text = inner.lower() if isinstance(inner, str) else ""
        if _UUID.fullmatch(text) is None:
            raise HistoryError(f"line {line}: #uuid {edn_text(inner)} is not a UUID")
        return EdnValue("uuid", text, f"#uuid {edn_text(inner)}")
    between = "" if edn_text(inner)[:1] in "[{(#" else " "
    return EdnValue("tagged", (tag, inner), f"#{tag}{between}{edn_text(inner)}")


def _instant(inner: Hashable, line: int) -> tuple[datetime, str]:
    """Return a moment in UTC, and what it has beyond microseconds."""
    found = _INST.fullmatch(inner) if isinstance(inner, str) else None
    if found is None:
        raise HistoryError(f"line {line}: #inst {edn_text(inner)} is not a date")
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    hour, minute, second = (int(found[name] or 0) for name in ("hour", "minute", "second"))
    fraction = (found["fraction"] or "").ljust(9, "0")
    east = timedelta(hours=int(found["east_hours"] or 0), minutes=int(found["east_minutes"] or 0))
    try:
        zone = timezone(-east if found["east"] == "-" else east)
        moment = datetime(year, month, day, hour, minute, second, int(fraction[:6]), tzinfo=zone)
        return moment.astimezone(UTC), fraction[6:]
    except (ValueError, OverflowError):
        raise HistoryError(f"line {line}: #inst {edn_text(inner)} is not a date") from None
