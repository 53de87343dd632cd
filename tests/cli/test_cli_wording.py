"""Figures as a person reads them."""

import math

import pytest

from labtui.cli.format import duration, number, plural, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (8.4, "8s"), (59.6, "1m 00s"), (112, "1m 52s"), (11100, "3h 05m"), (187200, "2d 04h"), (None, "-")],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1.0])
def test_a_duration_that_is_none_is_a_dash(seconds: float) -> None:
    assert duration(seconds) == "-"


def test_numbers_have_separators_and_a_dash_where_unknown() -> None:
    assert [number(9100.4), number(61.044, 2), number(None), number(math.nan)] == ["9,100", "61.04", "-", "-"]


def test_sizes_are_told_in_the_unit_that_fits() -> None:
    assert [size(512), size(170_498_071), size(None)] == ["512 B", "162.6 MiB", "-"]


def test_one_is_singular() -> None:
    assert [plural(1, "run"), plural(3, "run")] == ["1 run", "3 runs"]
