"""Charts in stored notebooks: kept as long as they say the same.

A chart is a PNG, and two versions of matplotlib draw the same chart in different bytes. Strict nbval does not compare
pictures, so a stored chart may stay as it is when the code up to its cell and the cell's words are unchanged.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

PNG = "image/png"
MADE_FROM = "made_from"  # Where an output's metadata keeps the digest of what its chart was made from.


def keep_charts(cell: Any, stored: Any, made_from: Any) -> None:
    """Keep the stored charts of a cell when the code so far and what the cell says are as they were.

    A digest of both is stored beside each chart. A chart that the same version of matplotlib draws differently is
    another chart, and is taken.

    Args:
        cell: The cell as it was just executed, normalised.
        stored: The same cell as it was stored, normalised too.
        made_from: A hash of all code up to and including the cell; it is used up.
    """
    charts = [output for output in cell.outputs if PNG in output.get("data", {})]
    if not charts:
        return
    made_from.update(json.dumps(_words(cell), sort_keys=True).encode())
    digest = made_from.hexdigest()[:16]
    stored_charts = [output for output in stored.outputs if PNG in output.get("data", {})]
    same_words = cell.source == stored.source and _words(cell) == _words(stored)
    for index, chart in enumerate(charts):
        if same_words and _holds(stored_charts[index], chart, digest):
            chart.data[PNG] = stored_charts[index].data[PNG]
        chart.metadata[MADE_FROM] = digest


def _words(cell: Any) -> list[Any]:
    """Give what a cell shows, without pictures and without what a run adds."""
    return [
        {name: value for name, value in output.items() if name not in ("data", "metadata", "execution_count")}
        | {"data": {kind: value if kind != PNG else "" for kind, value in output.get("data", {}).items()}}
        for output in cell.outputs
    ]


def _holds(stored: Any, fresh: Any, digest: str) -> bool:
    """Tell whether a stored chart, whose cell and words are the same, is still what the code draws."""
    maker = _software(fresh.data[PNG])
    if maker and maker == _software(stored.data[PNG]):
        return False
    return stored.metadata.get(MADE_FROM, digest) == digest  # type: ignore[no-any-return]


def _software(picture: str) -> bytes:
    """Give the name and version that a PNG says it was made by; nothing where it says none."""
    try:
        data = base64.b64decode(picture)
        at = 8
        while at + 8 <= len(data):
            (length,) = struct.unpack(">I", data[at : at + 4])
            kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
            if kind == b"tEXt" and content.startswith(b"Software\0"):
                return content
            at += length + 12
    except ValueError:
        pass
    return b""
