"""Stores a run in a notebook's output, so that it plays without a kernel: a picture, with a button that plays the run.

The output is HTML and holds all that is needed, compressed: the trace, and the player's JavaScript and style sheet. The
player takes less than 100 kB and the trace at most `LONGEST`; of a longer run only the picture is stored.
The picture remains where scripts in outputs do not run, as on GitHub or in a notebook that is not trusted.
"""

from __future__ import annotations

import base64
import json
import sys
import zlib
from functools import cache
from typing import Any

LONGEST = 150_000  # characters: the trace of some 10,000 events

# The widget's own output follows this one. After the kernel has gone, Jupyter has nothing to show there but an error.
_STYLE = """<style>
.jp-OutputArea-child:has(#NAME) + .jp-OutputArea-child:has(> .jp-OutputArea-output.lm-Panel):not(:has(.raft-player)) { display: none; }
#NAME button.raft-play { margin: 0.5rem 0; padding: 0.4rem 0.9rem; border: 1px solid #0b5ed7; border-radius: 6px; background: #0b5ed7; color: #fff; font: inherit; cursor: pointer; }
</style>"""
_SCRIPT = """<script>
(() => {
  const [place, code, run] = ["NAME", "NAME-code", "NAME-trace"].map((name) => document.getElementById(name));
  if (!place || !code || !run || place.querySelector("button")) return;
  if (!document.querySelector(".rp[data-stored='NAME']")) document.getElementById("NAME-hidden")?.remove();
  const inflate = ({ textContent }) => {
    const bytes = Uint8Array.from(atob(textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")));
  };
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "raft-play", textContent: "▶ Play this run" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const source = await inflate(code).text();
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const { default: player, style } = await import(url);
      const trace = new DataView(await inflate(run).arrayBuffer());
      player.playStored(place, { ...STATE, live: {}, chapter: 0, stored: "", trace }, style);
    } catch (error) {
      console.error(error);
      button.textContent = "This run cannot be played here";
    }
  });
  place.append(button);
})();
</script>"""


def is_stored_by_frontend() -> bool:
    """Return whether the cell that runs was sent by JupyterLab or Notebook, which shows its outputs and can store them.

    They name the cell. What runs notebooks without showing them, such as nbconvert or nbval, does not.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    # Without a channel: the kernel of JupyterLite has only one, and takes no argument.
    return kernel is not None and "cellId" in (kernel.get_parent() or {}).get("metadata", {})


def stored_run(picture: str, trace: bytes, options: dict[str, Any], *, name: str, code: str) -> str:
    """Return the HTML of a picture that becomes a player; the picture alone if the run is too long.

    Args:
        picture: The HTML of the picture.
        trace: The run, encoded for the browser.
        options: With what the player opens: its `start` in microseconds, `speed`, `hurry` and `heartbeats`.
        name: The id of the element that holds it.
        code: The player, from `compressed_code`.
    """
    compressed = _compress(trace)
    if len(compressed) > LONGEST:
        return picture
    parts = [
        f'<div id="{name}" class="raft-stored">{picture}<br></div>',
        _STYLE,
        f'<script type="text/plain" id="{name}-trace">{compressed}</script>',
        f'<script type="text/plain" id="{name}-code">{code}</script>',
        _SCRIPT.replace("STATE", json.dumps(options)),
    ]
    return "\n".join(parts).replace("NAME", name)


@cache
def compressed_code(javascript: str, stylesheet: str) -> str:
    """Return the player's JavaScript, which then also exports its style sheet, compressed."""
    return _compress(f"{javascript}\nexport const style = {json.dumps(stylesheet)};\n".encode())


def _compress(data: bytes) -> str:
    return str(base64.b64encode(zlib.compress(data, 9)), "ascii")
