"""Damages a valid text in ways that people, editors and broken programs do, for tests of readers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

WRONG_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, 1e300, float("nan"), float("inf"), "", "x", "tom", "tom>jerry#1", [], [[]], [1],
    ["x"], [[1, "x"]], {}, {"x": 1}, {"tom": []}, {"tom": [[1]]},
)  # fmt: skip
PIECES = ("", " ", ";", "'", '"', "\\", "\n", "\ufeff", "\x00", "#", "{", "}", "[", "]", ":", "-", "9" * 5000, "1e300",
          "nan", "tom", "at", "log", "²", "1_0", "\ud800", "at 1 crash tom", "(", ")", "nil", "#_", "\t", ",")  # fmt: skip


@st.composite
def damaged_texts(draw: st.DrawFn, text: str) -> str:
    """Return strategies for a text with up to three pieces cut out, doubled, or replaced by others."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from((0, 0, 1, 1, 2, 5, 20))))
        piece = draw(st.sampled_from(PIECES) | st.just(text[start:end] * 2))
        text = text[:start] + piece + text[end:]
    return text


@st.composite
def damaged_json(draw: st.DrawFn, text: str) -> str:
    """Return strategies for JSON with up to two of its parts left out, or replaced by something else."""
    data = json.loads(text)
    for _ in range(draw(st.integers(1, 2))):
        places = list(_places(data))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        if draw(st.booleans()):
            holder[key] = copy.deepcopy(draw(st.sampled_from(WRONG_VALUES)))
        else:
            del holder[key]
    return json.dumps(data)


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Return the place of each part, as the object or list that it is in, and its name or number."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield data, key
        yield from _places(data[key])
