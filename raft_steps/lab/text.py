"""Small tools for text: plurals, lists of names, the nearest known word, line ends, control characters."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from typing import Any

# Characters that XML cannot contain, and those that would break a line or reverse its direction.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def nearest(word: str, known: Any) -> str:
    """Return the end of a sentence that suggests the known word nearest to `word`, or lists all of them if none is near."""
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"


def join_names(names: Iterable[str]) -> str:
    """Join names as in a sentence: tom, jerry and spike; "nobody" if there are none."""
    *most, last = list(names) or ["nobody"]
    return f"{', '.join(most)} and {last}" if most else last


def plural(count: int, noun: str) -> str:
    """Format a number of things: 1 message, 2 messages."""
    ending = "ies" if noun.endswith("y") else "s"
    return f"{count} {noun}" if count == 1 else f"{count} {noun.removesuffix('y') if ending == 'ies' else noun}{ending}"


def plain_text(text: str) -> str:
    """Return a text without the byte order mark that some editors put before it, and with line feeds as its line ends.

    Every reader of a text of this project begins with it, or with `files.read_text`, which does the same.
    """
    return without_mark(text).replace("\r\n", "\n").replace("\r", "\n")


def without_mark(text: str) -> str:
    """Return a text without the byte order mark that some editors put before it, and with its own line ends.

    A scenario's line begins with it: a carriage return in quotation marks is part of a key or a value there.
    """
    return text.removeprefix("\ufeff")


def parse_json(text: str) -> Any:
    """Parse JSON, as strictly as people need who write it by hand: no name twice in an object.

    Raises:
        ValueError: The text is not JSON, or has an object with a name twice, or a number with thousands of digits.
    """
    try:
        return json.loads(plain_text(text), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f" at line {error.lineno}, column {error.colno}" if error.lineno > 1 else f" at column {error.colno}"
        raise ValueError(f"it is not JSON{where}: {error.msg}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object of JSON, of whose names Python would keep the last without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def printable(text: str) -> str:
    """Replace the characters that cannot be drawn on one line; tabs and line breaks become spaces."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"[\t\n\r]+", " ", text))
