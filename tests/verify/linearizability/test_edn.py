"""EDN as Clojure prints it: every kind of value, Clojure's equality, and errors that name the line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability.edn import parse_edn
from raft_steps.lab.verify.linearizability.edn_values import EdnValue, as_json, edn_text, keyword


def value(text: str) -> object:
    """Return the one value of a text."""
    (form,) = parse_edn(text)
    return form.value


@pytest.mark.parametrize(
    "one, other",
    [
        ("1", "1N"), ("1", "+1"), ("0", "-0"), ("0x1F", "31"), ("017", "15"), ("2r101", "5"), ("36rZ", "35"),
        ("4/2", "2"), ("2/4", "1/2"), ("-1/2", "-2/4"),
        ("1.0", "1.00"), ("1e3", "1000.0"), ("0.0", "-0.0"), ("1.0M", "1.00M"), ("##Inf", "1e999"),
        ("9" * 5000, "+" + "9" * 5000 + "N"),
        ("(1 2)", "[1 2]"), ("[]", "()"), ("[1 (2 [3])]", "(1 [2 (3)])"),
        ("#{1 2}", "#{2 1}"), ("#{#{1} :a}", "#{:a #{1}}"), ("{:a 1, :b 2}", "{:b 2 :a 1}"), ("{[1] 2}", "{(1) 2}"),
        ("#:ns{:a 1 b 2}", "{:ns/a 1 ns/b 2}"), ("#:ns{:_/a 1 :x/b 2}", "{:a 1 :x/b 2}"),
        (r"\a", r"\u0061"), (r"\a", r"\o141"), (r"\newline", r"\u000a"), (r"\(", r"\u0028"),
        (r'"\u00e9\t\101"', '"é\tA"'), (r'"\ud83d\ude00"', '"\U0001f600"'),
        ("^{:doc 1} [1]", "[1]"), ("^:a ^b [1]", "[1]"), ("#^:a [1]", "[1]"),
        ("#_ 1 2", "2"), ("#_ #_ 1 2 3", "3"), ("[1 #_ 2]", "[1]"), ("{:a #_ b 1}", "{:a 1}"), ("; no\n#! no\n,1,", "1"),
        ('#inst "2020-01-01"', '#inst "2020-01-01T00:00:00.000-00:00"'),
        ('#inst "2020-01-01T01:30:00+01:30"', '#inst "2020-01-01T00:00:00Z"'),
        ('#uuid "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"', '#uuid "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'),
        ("#foo/bar [1]", "#foo/bar (1)"), ('#"a+"', '#"a+"'), ("#clojure.lang.MapEntry [1 2]", "[1 2]"),
        ('#object["[B" 0x1f "x"]', '#object["[B" 31 "x"]'),
    ],
)  # fmt: skip
def test_equal_values(one: str, other: str) -> None:
    """What Clojure's `=` calls equal is equal, and has the same hash."""
    assert value(one) == value(other)
    assert hash(value(one)) == hash(value(other))


@pytest.mark.parametrize(
    "one, other",
    [
        ("1", "1.0"), ("1", "true"), ("0", "false"), ("1", "1M"), ("1.0", "1.0M"), ("1/2", "0.5"), ("1.0", "true"),
        ("nil", "false"), ("nil", "()"), ("nil", '""'), ("1", '"1"'), ('"a"', ":a"), ('"a"', "a"), (":a", "a"),
        ('"a"', r"\a"), (":a", ":b/a"), ("[1]", "[1.0]"), ("[1]", "#{1}"), ("{}", "#{}"), ("{}", "[]"),
        ("{:a 1}", "{:a 1.0}"), ("#{1}", "#{true}"), ("#foo 1", "1"), ("#foo 1", "#bar 1"), ("#foo 1", "#foo 1.0"),
        ('#inst "2020-01-01"', '"2020-01-01"'), ("9" * 5000, "9" * 4999 + "8"), ('#"a"', '"a"'), ("[[1] 2]", "[1 [2]]"),
    ],
)  # fmt: skip
def test_different_values(one: str, other: str) -> None:
    """What Clojure's `=` calls different is different, although Python might call it equal."""
    assert value(one) != value(other)
    assert value(f"[{one}]") != value(f"[{other}]")
    assert 2 == len({value(one), value(other)})


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("08", "'08' is not a number of EDN"), ("1a", "'1a' is not a number"), ("08.5", "is not a number"),
        ("2r12", "is not a number in base 2"), ("99r1", "is not a number in base 99"), ("1/0", "divides by zero"),
        ("0x" + "f" * 700, "a number in base 16 has 700 digits; 600 are read"), ("1/" + "9" * 700, "a ratio has more"),
        ("1e99999999999999999999M", "an exponent that is too large"), ("##NaN", "equals nothing, not even itself"),
        ("##nan", "is not EDN"), (":", "is not EDN"), ("::a", "is not EDN"), (":a/", "is not EDN"), ("@a", "is not EDN"),
        ("'a", "is not EDN"), ("`a", "is not EDN"), ("#(a)", "is not EDN"), ("#=(a)", "is not EDN"), ("#", "is not EDN"),
        (r"\abc", "is not a character of EDN"), (r"\ud800", "half of a surrogate pair"), ("\\", "is not EDN"),
        (r'"\q"', "is not an escape of EDN"), (r'"\u12"', "is not an escape"), (r'"\ud800"', "half of a surrogate pair"),
        ('"a', "is a text without its end"), ('#inst "yesterday"', "is not a date"), ('#inst "2020-13-01"', "is not a date"),
        ("#inst 1", "is not a date"), ("#uuid 1", "is not a UUID"), ("#foo", "a form after #foo is expected"),
        ("#_", "a form after #_ is expected"), ("^:a", "a form after it"), ("[^:a]", "a form after it"), ("{:a}", "a map needs a value for each key"),
        ("{:a 1 :a 2}", "a map has the key :a twice"), ("{1 1 1N 2}", "a map has the key 1 twice"),
        ("#:ns{:a 1 :ns/a 2}", "a map has the key :ns/a twice"), ("#:ns[1]", "where the map of #:ns begins"),
        ("#{1 1}", "a set has 1 twice"), ("#{[1] (1)}", "a set has [1] twice"), ("[1", "']' of the '['"),
        ("(1]", "it should be ')'"), ("]", "is where a form should begin"), ("[" * 60, "nested more than 50 deep"),
        ("#a " * 60 + "1", "nested more than 50 deep"), ("#_ " * 60 + "1", "nested more than 50 deep"),
        ("^" * 60 + "1", "nested more than 50 deep"),
    ],
)  # fmt: skip
def test_what_is_not_edn_is_refused(text: str, complaint: str) -> None:
    """What Clojure does not read, and what could not be compared, is an error that names the line."""
    with pytest.raises(HistoryError) as refused:
        parse_edn("nil\n\n" + text)

    assert str(refused.value).startswith("line 3: ")
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "nil", "true", "-3", "2.5", "1000.0", "1.0M", "1/2", r'"a\"b\n"', ":k/w", "sym", "[1 2]", "#{3}", "{:a 1, :b [2]}",
        r"\a", r"\newline", "##Inf", "##-Inf", '#inst "2020"', "#foo 1", "#foo[1]", "9" * 5000, "/", "+", "clojure.core/+",
    ],
)  # fmt: skip
def test_what_is_read_is_written_back(text: str) -> None:
    """A value as EDN is the text that it was read from, up to spaces."""
    assert text == edn_text(value(text))


def test_json_has_what_json_can_express() -> None:
    """Booleans, numbers and texts stay what they are; other kinds become EDN."""
    assert [None, True, 1, 2.5, "a", [1, [":k"]], "#{1}", "##Inf", "9" * 5000] == [
        as_json(value(text)) for text in ("nil", "true", "1", "2.5", '"a"', "[1 (:k)]", "#{1}", "##Inf", "9" * 5000)
    ]


ATOMS = st.one_of(
    st.none(), st.integers(), st.text(), st.booleans().map(lambda b: EdnValue("boolean", b, str(b).lower())),
    st.from_regex(r"[a-z]{1,3}", fullmatch=True).map(keyword),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda x: EdnValue("float", x, repr(x))),
)  # fmt: skip
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4).map(tuple), max_leaves=12)


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(VALUES)
def test_written_values_are_read_back(written: object) -> None:
    """A value that is written is read as an equal one."""
    assert [written] == [form.value for form in parse_edn(edn_text(written))]


@settings(max_examples=500, derandomize=True, database=None, deadline=None)
@given(st.text(alphabet='ab1/.0:"\\#{}[]()^_ \n-+eMNrux;,@~`\ud83d', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in another error than a HistoryError."""
    with contextlib.suppress(HistoryError):
        parse_edn(text)
