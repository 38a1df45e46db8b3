"""Makes the front page of the book from the README: what the course is, its picture, and the map of the course."""

from __future__ import annotations

import re
from collections.abc import Iterable

import jinja2

from raft_steps.lab.errors import LabError

_WORDS = re.compile(r"^# .+\n+(?P<words>(?:.+\n)+)", re.MULTILINE)
_PICTURE = re.compile(r"^!\[.*\]\(\S+\)$", re.MULTILINE)
_MAP = re.compile(r"^(?:\|.*\n)+", re.MULTILINE)


class NoFrontPageError(LabError):
    """The README has no introduction, picture or course map where the site looks for them."""


def front_page(readme: str, template: str, notebooks: Iterable[str], documents: Iterable[str]) -> str:
    """Return the source of the front page.

    Args:
        readme: The text of the README, whose links name the files of the book.
        template: The template of the page, for Jinja.
        notebooks: The names of the notebooks' pages, in order.
        documents: The names of the documents' pages, in order.

    Raises:
        NoFrontPageError: A part of the README is missing.
    """
    words, picture, course_map = (pattern.search(readme) for pattern in (_WORDS, _PICTURE, _MAP))
    if words is None or picture is None or course_map is None:
        raise NoFrontPageError(
            "README.md needs a title with an introduction, a picture, and a table with the steps of the course"
        )
    page = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701  # It makes Markdown.
    return page.from_string(template).render(
        words=words["words"].strip(),
        picture=picture[0],
        course_map=course_map[0],
        notebooks=list(notebooks),
        documents=list(documents),
    )
