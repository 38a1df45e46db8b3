"""Sphinx's settings for the book."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

project = html_title = "raft-steps"
author = "The raft-steps authors"
extensions = ["myst_nb", "sphinx_copybutton"]
source_suffix = {".ipynb": "myst-nb", ".md": "myst-nb"}
nb_execution_mode = "off"  # The stored outputs are the tested ones.
nb_mime_priority_overrides = [("html", "text/html", 0)]  # A diagram comes before the text that stands for it.
myst_heading_anchors = 3
html_theme = "furo"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["player.css", "recorded_run.css", "your_turn.css"]
html_js_files = [(name, {"type": "module"}) for name in ("recorded_run.js", "your_turn.js")]
html_extra_path = ["extra"]
html_show_sourcelink = False
html_copy_source = False
copybutton_selector = ".cell_input pre"
# Packages of which the pages contain style sheets, scripts or pictures.
SHIPPED = ("Sphinx", "furo", "myst-nb", "sphinx-copybutton", "Pygments")


def setup(app: Any) -> None:
    """Add the licences of what the pages contain."""
    app.connect("build-finished", write_licences)


def write_licences(app: Any, error: Exception | None) -> None:
    """Write one file with all licences, unless the build failed."""
    if error is not None:
        return
    parts = []
    for name in SHIPPED:
        found = distribution(name)
        texts = [path for path in found.files or () if path.name.upper().startswith(("LICENSE", "LICENCE"))]
        assert texts, f"{name} has no licence to be shipped with the site"
        parts += [f"{name} {found.version}\n\n{path.read_text().strip()}\n" for path in texts]
    (Path(app.outdir) / "licences.txt").write_text("\n\n".join(parts), encoding="utf-8")
