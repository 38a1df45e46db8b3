"""Renders the HTML pages for students from the templates in the folder ``templates``.

A page is one file: it loads nothing and runs no script. Everything that a template inserts is escaped, unless the
template marks it as safe, because names and messages come from submissions.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: Any) -> str:
    """Render a template, and return the page.

    Args:
        template: The file name of the template.
        values: The values that it uses.
    """
    return _environment().get_template(template).render(number=_number, **values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Jinja escapes nothing by default, not even in templates named .html; only web frameworks turn that on.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,  # A misspelled name is an error, not an empty place on the page.
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _number(value: float) -> str:
    """Format points without needless zeros: 2, 0.5."""
    return f"{value:g}"
