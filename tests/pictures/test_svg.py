"""Our own SVG: one spelling on every machine, nothing that a client's text could break, and words beside the picture."""

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
    "value,spelled", [(3, "3"), (3.0, "3"), (2.04, "2"), (2.06, "2.1"), (-0.04, "0"), (-1.5, "-1.5"), (1e6, "1000000")]
)
def test_numbers_have_one_spelling(value: float, spelled: str) -> None:
    """A coordinate has one decimal at most, and there is no minus zero."""
    assert spelled == format_number(value)


def test_path_needs_blanks_between_numbers_only() -> None:
    """Letters and signs part the numbers of a path by themselves."""
    assert "M1 2L3-4h5z" == format_path("M", 1, 2, "L", 3, -4, "h", 5, "z")


@pytest.mark.parametrize("shape", ["circle", "ring", "square", "diamond", "triangle", "cross"])
def test_every_sign_is_drawn_around_its_point(shape: str) -> None:
    """Every sign begins with a move and has its own path."""
    path = format_path(*sign_path(shape, 10, 10, 4))

    assert path.startswith("M")
    assert path != format_path(*sign_path("diamond" if shape == "square" else "square", 10, 10, 4))


def test_hostile_text_stays_text() -> None:
    """No text, attribute or alternative text can end an element, open one, or make the document unreadable."""
    drawing = Drawing(100, 50)
    drawing.text(1, 1, HOSTILE, class_=HOSTILE)
    svg = drawing.svg(HOSTILE)

    assert {"svg", "title", "style", "rect", "text"} == names(svg)
    assert "<script>" in (parse(svg).findtext("{http://www.w3.org/2000/svg}text") or "")


def test_printable_is_one_line() -> None:
    """Control characters, and those that turn the direction of a line, are replaced; line breaks become blanks."""
    assert "a b" == printable("a\r\n\tb")
    assert "\ufffd\ufffd" == printable("\x00\u202e")


def test_cut_fits_and_says_so() -> None:
    """What is too long is cut and ends with three dots; what fits stays as it is."""
    assert "short" == cut("short", 200, 11)
    short = cut("a rather long command of a client", 80, 11)

    assert short.endswith("…")
    assert text_width(short, 11) <= 80
    assert "…" == cut("wide", 1, 11)


def test_estimate_is_no_narrower_than_common_fonts() -> None:
    """DejaVu Sans, the widest of the usual fonts, needs at most as much as is estimated (its widths, in 2048ths)."""
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


def test_wrap_keeps_to_its_lines() -> None:
    """A text is broken between words, and what does not fit into the lines is shown to be missing."""
    assert ["one two", "three"] == wrap("one two three", 60, 11, 3)
    lines = wrap("word " * 50, 60, 11, 2)

    assert 2 == len(lines)
    assert lines[-1].endswith("…")


def test_picture_is_an_image_with_words() -> None:
    """A notebook gets an image with its data inside, an alternative text, and the summary as plain text."""
    drawing = Drawing(10, 10)
    picture = Picture(drawing.svg("a <b>"), 'a "sentence" <b>', "line one\nline <two>")
    bundle = picture._repr_mimebundle_(include=None, exclude=None)
    data = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', bundle["text/html"])

    assert data is not None
    assert picture.svg == base64.b64decode(data[1]).decode()
    assert 'alt="a &quot;sentence&quot; &lt;b&gt;"' in bundle["text/html"]
    assert "line &lt;two&gt;" in bundle["text/html"]
    assert "line one\nline <two>" == bundle["text/plain"] == repr(picture) == str(picture)


def test_picture_is_saved_as_it_is(tmp_path: Path) -> None:
    """A saved picture has the same bytes on every system."""
    picture = Picture(Drawing(10, 10).svg("é"), "", "")
    picture.save(tmp_path / "picture.svg")

    assert picture.svg.encode() == (tmp_path / "picture.svg").read_bytes()


def test_no_role_or_message_is_told_by_colour_alone() -> None:
    """Roles differ in letter, messages in shape, and a message's manner is found for a learner's own types too."""
    roles, messages = style.ROLES.values(), style.MESSAGES.values()

    assert len(roles) - 1 == len({role.letter for role in roles} - {"S"})
    assert len(messages) == len({style_.shape for style_ in messages}) == len({style_.colour for style_ in messages})
    assert "other" == style.message_style("Gossip").name
    assert "refusal" == style.message_manner("AppendEntriesRefused", {})
    assert "refusal" == style.message_manner("Anything", {"success": False})
    assert "reply" == style.message_manner("RequestVoteReply", {"vote_granted": True})
    assert "request" == style.message_manner("Gossip", {})
