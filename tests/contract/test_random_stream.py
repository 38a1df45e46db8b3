"""Chance repeats: a stream of a seed gives the same values on every machine and version of Python."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raft_steps.lab.random_stream import RandomStream


def test_values_are_known() -> None:
    """The first timeouts of a certain stream never change: every golden trace is built on them."""
    stream = RandomStream(7, "node/tom/1")

    assert [13, 8, 15, 17, 15, 8] == [stream.between(8, 18) for _ in range(6)]


def test_streams_do_not_disturb_each_other() -> None:
    """What one stream draws changes nothing in another of the same seed."""
    alone = RandomStream(1, "a")
    neighbour, other = RandomStream(1, "a"), RandomStream(1, "b")
    expected = [alone.uniform(0, 1) for _ in range(5)]
    actual = [(other.uniform(0, 1), neighbour.uniform(0, 1))[1] for _ in range(5)]

    assert expected == actual


def test_names_and_seeds_matter() -> None:
    """Streams of other names and other seeds give other values."""
    firsts = {RandomStream(seed, name).uniform(0, 1) for seed in (1, 2) for name in ("a", "b")}

    assert 4 == len(firsts)


@given(seed=st.integers(), low=st.integers(-50, 50), span=st.integers(0, 50))
def test_whole_numbers_stay_in_range(seed: int, low: int, span: int) -> None:
    """A whole number is drawn from low to high, both included, and is an int."""
    stream = RandomStream(seed, "range")
    drawn = [stream.between(low, low + span) for _ in range(20)]

    assert {int} == {type(value) for value in drawn}
    assert all(low <= value <= low + span for value in drawn)


def test_both_ends_are_drawn() -> None:
    """8 to 18 means 11 values, 8 and 18 among them."""
    stream = RandomStream(0, "ends")

    assert set(range(8, 19)) == {stream.randint(8, 18) for _ in range(500)}


def test_fractions_are_drawn_where_an_end_is_one() -> None:
    """Between 0.15 and 0.3 any number may come."""
    stream = RandomStream(0, "fractions")
    drawn = {stream.between(0.15, 0.3) for _ in range(50)}

    assert 50 == len(drawn)
    assert all(0.15 <= value <= 0.3 for value in drawn)


def test_script_comes_before_chance() -> None:
    """Scripted values come first, in order; then chance begins where it would have begun."""
    scripted, plain = RandomStream(3, "x", [11, 9.5]), RandomStream(3, "x")

    assert [11, 9.5] == [scripted.between(8, 18) for _ in range(2)]
    assert plain.between(8, 18) == scripted.between(8, 18)


def test_choice_takes_one_of_the_items() -> None:
    """Every item is chosen sometimes, and nothing else."""
    stream = RandomStream(0, "choice")

    assert set("abc") == {stream.choice("abc") for _ in range(50)}


@pytest.mark.parametrize("draw", ["randint", "uniform", "between"])
def test_every_draw_takes_one_random_number(draw: str) -> None:
    """Each draw takes exactly one value of random(): the only method whose values Python promises to keep."""
    stream, counted = RandomStream(0, "count"), list[float]()
    original = stream.random

    def counting() -> float:
        counted.append(original())
        return counted[-1]

    stream.random = counting
    getattr(stream, draw)(8, 18)

    assert 1 == len(counted)
