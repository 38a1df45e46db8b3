"""Keeps the stored charts of a notebook while the code that draws them is unchanged.

A chart is a PNG, and two versions of matplotlib draw the same chart as different bytes. Strict nbval does not compare
pictures, so a stored chart may stay when the code up to its cell and the cell's text output are unchanged.
"""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

PNG = "image/png"
MADE_FROM = "made_from"  # the metadata of an output that holds the digest of the code that drew its chart


def keep_charts(cell: Any, stored: Any, made_from: Any) -> None:
    """Put the stored charts back into an executed cell if the code so far and the cell's text output are unchanged.

    A digest of both is stored with each chart. If the same version of matplotlib now draws other bytes, then
    something that the cell uses has changed, and the new chart is stored.

    Args:
        cell: The cell as it was just executed, normalised.
        stored: The same cell as it was stored, normalised.
        made_from: A hash of all code up to and including the cell. It is updated here, so pass a copy.
    """
    charts = [output for output in cell.outputs if PNG in output.get("data", {})]
    if not charts:
        return
    made_from.update(json.dumps(_outputs_without_pictures(cell), sort_keys=True).encode())
    digest = made_from.hexdigest()[:16]
    stored_charts = [output for output in stored.outputs if PNG in output.get("data", {})]
    same_outputs = cell.source == stored.source and _outputs_without_pictures(cell) == _outputs_without_pictures(stored)
    for index, chart in enumerate(charts):
        if same_outputs and _is_current(stored_charts[index], chart, digest):
            chart.data[PNG] = stored_charts[index].data[PNG]
        chart.metadata[MADE_FROM] = digest


def _outputs_without_pictures(cell: Any) -> list[Any]:
    """Return the outputs of a cell without pictures, metadata and execution counts."""
    return [
        {name: value for name, value in output.items() if name not in ("data", "metadata", "execution_count")}
        | {"data": {kind: value if kind != PNG else "" for kind, value in output.get("data", {}).items()}}
        for output in cell.outputs
    ]


def _is_current(stored: Any, fresh: Any, digest: str) -> bool:
    """Return whether the code still draws a stored chart, given that its cell and text output are unchanged."""
    maker = _software(fresh.data[PNG])
    if maker and maker == _software(stored.data[PNG]):
        return False
    return stored.metadata.get(MADE_FROM, digest) == digest  # type: ignore[no-any-return]


def _software(picture: str) -> bytes:
    """Return the name and version of the software that a PNG names as its creator; empty if it names none."""
    try:
        data = base64.b64decode(picture)
        position = 8  # after the signature
        while position + 8 <= len(data):
            (length,) = struct.unpack(">I", data[position : position + 4])
            kind, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
            if kind == b"tEXt" and content.startswith(b"Software\0"):
                return content
            position += length + 12  # with the length itself, the kind and the checksum
    except ValueError:
        pass
    return b""
