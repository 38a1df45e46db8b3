"""Tests of our SVG writer: a fixed format, resistance to hostile text, and descriptions of pictures."""

import base64
import re
from pathlib import Path

import pytest

from raft_steps.lab.pictures import style
from raft_steps.lab.pictures.svg import Drawing, Picture, cut, format_number, format_path, sign_path, text_width, wrap
from raft_steps.lab.text import printable
from tests.pictures.picture_tools import names, parse

HOSTILE = "<script>alert('x')</script> & \"quotes\" ]]> \x00\x1b[31m \ud800 \u202e" + "🙂" * 100


@pytest.mark.parametrize(
    "value,formatted",
    [(3, "3"), (3.0, "3"), (2.04, "2"), (2.06, "2.1"), (-0.04, "0"), (-1.5, "-1.5"), (1e6, "1000000")],
)
def test_numbers_have_a_fixed_format(value: float, formatted: str) -> None:
    """A coordinate has one decimal at most, and there is no negative zero."""
    assert formatted == format_number(value)


def test_path_has_spaces_between_numbers_only() -> None:
    """Commands and minus signs separate the numbers of a path; otherwise a space does."""
    assert "M1 2L3-4h5z" == format_path("M", 1, 2, "L", 3, -4, "h", 5, "z")


@pytest.mark.parametrize("shape", ["circle", "ring", "square", "diamond", "triangle", "cross"])
def test_every_sign_is_drawn_around_its_point(shape: str) -> None:
    """Every sign starts with a move and has a path of its own."""
    path = format_path(*sign_path(shape, 10, 10, 4))

    assert path.startswith("M")
    assert path != format_path(*sign_path("diamond" if shape == "square" else "square", 10, 10, 4))


def test_hostile_text_stays_text() -> None:
    """No text, attribute or alternative text can close or open an element, or break the document."""
    drawing = Drawing(100, 50)
    drawing.text(1, 1, HOSTILE, class_=HOSTILE)
    svg = drawing.svg(HOSTILE)

    assert {"svg", "title", "style", "rect", "text"} == names(svg)
    assert "<script>" in (parse(svg).findtext("{http://www.w3.org/2000/svg}text") or "")


def test_printable_is_one_line() -> None:
    """Control characters, and those that change the direction of text, are replaced; line breaks become spaces."""
    assert "a b" == printable("a\r\n\tb")
    assert "\ufffd\ufffd" == printable("\x00\u202e")


def test_cut_text_fits() -> None:
    """A text that is too long is cut and ends with an ellipsis; a text that fits does not change."""
    assert "short" == cut("short", 200, 11)
    short = cut("a rather long command of a client", 80, 11)

    assert short.endswith("…")
    assert text_width(short, 11) <= 80
    assert "…" == cut("wide", 1, 11)


def test_estimate_is_no_narrower_than_common_fonts() -> None:
    """The estimate is at least the width in DejaVu Sans, the widest of the common fonts (widths in 2048ths)."""
    widths = {
        "R": 1423,
        "e": 1260,
        "q": 1300,
        "u": 1298,
        "s": 1067,
        "t": 803,
        "V": 1401,
        "o": 1253,
        " ": 651,
        "3": 1303,
    }
    words = "RequestVote t3"

    assert sum(widths[char] for char in words) / 2048 * 11 <= text_width(words, 11)


def test_wrapped_text_fits() -> None:
    """A text is wrapped between words, and ends with an ellipsis if it does not fit into the lines."""
    assert ["one two", "three"] == wrap("one two three", 60, 11, 3)
    lines = wrap("word " * 50, 60, 11, 2)

    assert 2 == len(lines)
    assert lines[-1].endswith("…")


def test_picture_is_an_image_with_text() -> None:
    """A notebook gets an image with a data URI, an alternative text, and the summary as plain text."""
    drawing = Drawing(10, 10)
    picture = Picture(drawing.svg("a <b>"), 'a "sentence" <b>', "line one\nline <two>")
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    data = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])

    assert data is not None
    assert picture.svg == base64.b64decode(data[1]).decode()
    assert 'alt="a &quot;sentence&quot; &lt;b&gt;"' in bundle["text/html"]
    assert "line &lt;two&gt;" in bundle["text/html"]
    assert "line one\nline <two>" == bundle["text/plain"] == repr(picture) == str(picture)


def test_saved_picture_has_the_same_bytes(tmp_path: Path) -> None:
    """A saved picture has the same bytes on every system."""
    picture = Picture(Drawing(10, 10).svg("é"), "", "")
    picture.save(tmp_path / "picture.svg")

    assert picture.svg.encode() == (tmp_path / "picture.svg").read_bytes()


def test_roles_and_messages_do_not_differ_by_colour_alone() -> None:
    """Roles differ in their letter, messages in their shape; a learner's own messages have a style as well."""
    roles, messages = style.ROLES.values(), style.MESSAGES.values()

    assert len(roles) - 1 == len({role.letter for role in roles} - {"S"})
    assert len(messages) == len({style_.shape for style_ in messages}) == len({style_.colour for style_ in messages})
    assert "other" == style.message_style("Gossip").name
    assert "refusal" == style.message_manner("AppendEntriesRefused", {})
    assert "refusal" == style.message_manner("Anything", {"success": False})
    assert "reply" == style.message_manner("RequestVoteReply", {"vote_granted": True})
    assert "request" == style.message_manner("Gossip", {})
