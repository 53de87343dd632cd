"""Numbers, durations, sizes and words, as people read them."""

import math
import time

import pytest

from labtui.text import numbers
from labtui.text.durations import ago, duration, moment, time_of_day
from labtui.text.sizes import size
from labtui.text.words import enumeration, plural, sentence, value_text, with_full_stop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.decimal(64.264), "64.26"),
        (numbers.decimal(-1570.3, 1), "−1,570.3"),
        (numbers.decimal(None), "–"),
        (numbers.decimal(math.nan), "–"),
        (numbers.decimal(None, missing=""), ""),
        (numbers.count(1_536), "1,536"),
        (numbers.count(9100.4), "9,100"),
        (numbers.count(None), "–"),
        (numbers.signed(-3.217), "−3.22"),
        (numbers.signed(-0.001), "0.00"),
        (numbers.signed(1.666), "+1.67"),
        (numbers.signed(-0.8, minus="-"), "-0.80"),
        (numbers.interval((-0.5, 2)), "[−0.50, +2.00]"),
        (numbers.interval(None), "–"),
        (numbers.p_value(0.0004), "p < 0.001"),
        (numbers.p_value(0.0496), "p = 0.050"),
        (numbers.p_value(0.42), "p = 0.42"),
        (numbers.p_value(None), ""),
        (numbers.ratio(4.0), "×4"),
        (numbers.ratio(1.96), "×2"),
        (numbers.ratio(5.79), "×5.8"),
        (numbers.ratio(0.25), "×0.2"),
        (numbers.ratio(0.01), "×0.01"),
        (numbers.accuracy(61.0399), "61.04"),
        (numbers.accuracy(None, missing=""), ""),
        (numbers.accuracy(math.nan), "NaN"),
        (numbers.image_rate(12_345), "12.3k images/s"),
        (numbers.image_rate(0, missing=""), ""),
        (numbers.seed_ranges((0, 1, 2)), "0-2"),
        (numbers.seed_ranges((0, 2, 7)), "0,2,7"),
        (numbers.seed_ranges((0, 1)), "0,1"),
        (value_text(None), "none"),
        (value_text((0.3, 0.2)), "0.3, 0.2"),
        (value_text(True), "yes"),
        (enumeration(["a", "b", "c"]), "a, b and c"),
        (enumeration(["a"]), "a"),
        (sentence("undecided"), "Undecided."),
        (with_full_stop("it holds."), "it holds."),
        (plural(1, "run"), "1 run"),
        (plural(1_536, "run"), "1,536 runs"),
        (plural(2, "entry", "entries"), "2 entries"),
    ],
)
def test_values_are_written_one_way(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0924, "0.0924"),
        (1.2251, "1.225"),
        (1570.3, "1570"),
        (0, "0"),
        (10.03, "10.03"),
        (math.inf, "inf"),
        (3e-7, "3.00e-07"),
        (None, "–"),
    ],
)
def test_a_loss_has_four_significant_digits(value: float | None, text: str) -> None:
    assert numbers.loss(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (950, "950"),
        (999.7, "1k"),
        (1_000, "1k"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (999_999, "1M"),
        (1_234_567, "1.23M"),
        (13_100_000, "13.1M"),
        (2e9, "2G"),
        (None, "–"),
    ],
)
def test_a_compact_number_has_three_digits_and_a_letter(value: float | None, text: str) -> None:
    assert numbers.compact(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.44, "0.4s"),
        (8.4, "8.4s"),
        (9.96, "10s"),
        (52.4, "52s"),
        (59.7, "1m"),
        (112, "1m 52s"),
        (212, "3m 32s"),
        (3_600, "1h"),
        (3_599.6, "1h"),
        (3_720, "1h 2m"),
        (3_605, "1h"),
        (11_100, "3h 5m"),
        (187_200, "2d 4h"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (-1.0, "–"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_no_duration_has_sixty_seconds() -> None:
    assert not any("60" in duration(tenth / 10) for tenth in range(1, 72_000, 7))


def test_a_moment_of_another_day_has_its_date() -> None:
    noon = time.mktime((2026, 11, 23, 12, 44, 0, 0, 0, -1))
    assert moment(noon, noon + 60) == "12:44"
    assert moment(noon - 48 * 3600, noon) == "Nov 21 12:44"
    assert time_of_day(noon + 1) == "12:44:01"
    assert ago(noon, noon + 212.4) == "3m 32s ago"
    assert ago(noon, noon - 5) == "0s ago"
    assert ago(None) == "–"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1_023.6, "1.0 KiB"),
        (82_400, "80.5 KiB"),
        (170_498_071, "163 MiB"),
        (1024**2 - 1, "1.0 MiB"),
        (9.24e9, "8.6 GiB"),
        (139e9, "129 GiB"),
        (2e16, "18,190 TiB"),
        (None, "–"),
    ],
)
def test_a_size_has_the_binary_unit_that_fits(count: float | None, text: str) -> None:
    assert size(count) == text
