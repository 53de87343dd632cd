"""Smoothing, ticks, axes, sparklines, heat maps, bars, numbers: pure functions, tested as text."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labtui.console.charts.build_series import debiased_average, mean_and_band
from labtui.console.charts.crosshair import neighbour, read_at
from labtui.console.charts.series import Series
from labtui.console.charts.sparkline import sparkline
from labtui.console.charts.ticks import Range, Scale, grown_end, linear_ticks, log_range, log_ticks, rounded_range
from labtui.console.charts.xaxis import StepScale, XAxis, convert, planned_end
from labtui.console.run.confusion import class_accuracy_lines, matrix_lines
from labtui.console.ui.gauges import both_sides, progress
from labtui.console.ui.glyphs import ASCII, UNICODE
from labtui.store.tags import StepUnit
from labtui.text.spans import line_width, plain


def _tensorboard(values: list[float], weight: float) -> list[float]:
    """TensorBoard's smoothing, value by value, as its scalars page documents it."""
    last, count, constant = 0.0, 0, all(value == values[0] for value in values)
    smoothed = []
    for value in values:
        if constant or not math.isfinite(value):
            smoothed.append(value)
            continue
        last = last * weight + (1 - weight) * value
        count += 1
        smoothed.append(last / (1.0 if weight == 1 else 1 - weight**count))
    return smoothed


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf])), max_size=400),
    st.sampled_from([0.0, 0.3, 0.6, 0.9, 0.99, 0.999, 1.0]),
)
def test_smoothing_gives_tensorboards_numbers(values, weight):
    ours = debiased_average(np.array(values), weight)
    np.testing.assert_allclose(ours, _tensorboard(values, weight) if values else [], rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("weight", [0.6, 0.999])
def test_smoothing_of_a_long_series_stays_tensorboards(weight):
    values = np.random.default_rng(3).normal(size=5_000).cumsum()
    values[[17, 18, 4_000]] = np.nan
    np.testing.assert_allclose(debiased_average(values, weight), _tensorboard(list(values), weight), rtol=1e-9)


def test_a_constant_series_is_not_smoothed():
    assert debiased_average(np.full(7, 3.25), 0.99).tolist() == [3.25] * 7


@pytest.mark.parametrize(
    ("ends", "count", "scale", "labels"),
    [
        (Range(0, 10), 12, Scale.WHOLE, "0 1 2 3 4 5 6 7 8 9 10"),
        (Range(0, 10), 4, Scale.NUMBER, "0.0 2.5 5.0 7.5 10.0"),
        (Range(0, 100), 3, Scale.NUMBER, "0 50 100"),
        (Range(0, 75), 3, Scale.NUMBER, "0 25 50 75"),
        (Range(0, 3_910), 5, Scale.WHOLE, "0 1000 2000 3000"),
        (Range(0, 500_000), 5, Scale.WHOLE, "0 100k 200k 300k 400k 500k"),
        (Range(0, 2_500_000), 5, Scale.WHOLE, "0 500k 1.0M 1.5M 2.0M 2.5M"),
        (Range(0, 648), 5, Scale.SECONDS, "0 5m 10m"),
        (Range(0, 7_300), 4, Scale.SECONDS, "0 1h 2h"),
        (Range(0.07, 0.14), 4, Scale.NUMBER, "0.08 0.10 0.12 0.14"),
        (Range(-1, 1), 2, Scale.NUMBER, "-1 0 1"),
        (Range(0, 2), 40, Scale.WHOLE, "0 1 2"),
    ],
)
def test_ticks_are_round(ends, count, scale, labels):
    assert " ".join(tick.label for tick in linear_ticks(ends, count, scale)) == labels


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(1, 20))
def test_ticks_lie_inside_and_their_labels_differ(low, span, count):
    ends = Range(low, low + span)
    if not ends.span > abs(low) * 1e-9:
        return
    ticks = linear_ticks(ends, count)
    assert len(ticks) <= count + 2
    assert all(ends.low - 1e-6 * ends.span <= tick.value <= ends.high + 1e-6 * ends.span for tick in ticks)


def test_log_ticks_are_powers_of_ten_with_steps_between_where_they_are_few():
    assert [tick.label for tick in log_ticks(Range(0.01, 100), 6)] == ["0.01", "0.1", "1", "10", "100"]
    assert [tick.label for tick in log_ticks(Range(0.5, 5), 6)] == ["0.5", "1", "2", "5"]
    assert len(log_ticks(Range(1e-30, 1e30), 5)) <= 6


@given(st.floats(-1e8, 1e8), st.floats(0, 1e8), st.integers(2, 60))
def test_a_rounded_range_holds_the_data(low, span, rows):
    ends = rounded_range(low, low + span, rows)
    assert ends.low <= low + 1e-6 * max(1, abs(low), span)
    assert ends.high >= low + span - 1e-6 * max(1, abs(low), span)
    assert ends.span > 0


def test_percentages_stay_between_0_and_100_and_losses_start_at_zero():
    assert rounded_range(9.5, 99.7, 20, Range(0, 100)) == Range(0, 100)
    assert rounded_range(0.1, 2.3, 20).low == 0


@given(st.floats(1e-12, 1e12), st.floats(1, 1e6))
def test_a_log_range_holds_the_data(low, factor):
    ends = log_range(low, low * factor)
    assert ends.low <= low * (1 + 1e-6)
    assert ends.high >= low * factor * (1 - 1e-6)
    assert ends.high > ends.low


@given(st.floats(1e-6, 1e12), st.sampled_from([Scale.NUMBER, Scale.SECONDS]))
def test_a_growing_axis_holds_its_data_and_wastes_no_more_than_it_must(value, scale):
    end = grown_end(value, scale)
    assert end >= value * (1 - 1e-9)
    assert end <= max(60.0, value * 1.35) or scale is Scale.NUMBER
    assert end <= value * 1.35 or scale is Scale.SECONDS


SCALE = StepScale(steps_per_epoch=391, images_per_epoch=50_000, log_every=50, epochs=10, first_event=100.0)


@pytest.mark.parametrize(
    ("unit", "steps", "axis", "expected"),
    [
        (StepUnit.POINT, [1, 7, 8, 70], XAxis.STEP, [50, 350, 441, 9 * 391 + 350]),
        (StepUnit.POINT, [7, 14], XAxis.EPOCH, [350 / 391, 1 + 350 / 391]),
        (StepUnit.EPOCH, [1, 10], XAxis.STEP, [391, 3_910]),
        (StepUnit.EPOCH, [1, 10], XAxis.EPOCH, [1, 10]),
        (StepUnit.EPOCH, [1, 10], XAxis.SAMPLES, [50_000, 500_000]),
        (StepUnit.STEP, [391, 3_910], XAxis.EPOCH, [1, 10]),
        (StepUnit.STEP, [391, 782], XAxis.SAMPLES, [50_000, 100_000]),
        (StepUnit.STEP, [5, 6], XAxis.STEP, [5, 6]),
    ],
)
def test_steps_of_every_unit_become_one_axis(unit, steps, axis, expected):
    steps = np.array(steps)
    converted = convert(steps, np.zeros(steps.size), unit, axis, SCALE)
    np.testing.assert_allclose(converted, expected)


def test_time_axes_need_no_unit():
    walls = np.array([100.0, 160.0])
    steps = np.array([1, 2])
    assert convert(steps, walls, StepUnit.STEP, XAxis.RELATIVE, SCALE).tolist() == [0, 60]
    assert convert(steps, walls, StepUnit.STEP, XAxis.WALL, StepScale()).tolist() == [100, 160]
    assert convert(steps, walls + 7, StepUnit.EPOCH, XAxis.RELATIVE, StepScale()).tolist() == [0, 60]


@pytest.mark.parametrize("axis", [XAxis.EPOCH, XAxis.SAMPLES])
def test_what_a_foreign_run_does_not_tell_is_not_guessed(axis):
    assert convert(np.array([1, 2]), np.zeros(2), StepUnit.STEP, axis, StepScale()) is None
    assert convert(np.array([1, 2]), np.zeros(2), StepUnit.POINT, XAxis.STEP, StepScale(steps_per_epoch=10)) is None


def test_the_planned_end_is_known_for_axes_that_count():
    assert [planned_end(axis, SCALE) for axis in XAxis] == [10, 3_910, 500_000, None, None]
    assert planned_end(XAxis.STEP, StepScale()) is None


def test_the_axes_come_round():
    axis = XAxis.EPOCH
    for _ in XAxis:
        axis = axis.next()
    assert axis is XAxis.EPOCH


def test_a_sparkline_shows_the_mean_of_its_buckets_and_a_blank_for_nan():
    assert sparkline(np.array([0.0, 0, 7, 7]), 2) == "▁█"
    assert sparkline(np.array([0.0, 100, 50, 50]), 2, ends=Range(0, 100)) == "▅▅", "not the maximum, which flatters"
    assert sparkline(np.array([0.0, np.nan, 7.0]), 3) == "▁ █"
    assert sparkline(np.array([np.nan, np.nan]), 5) == "  "
    assert sparkline(np.array([1.0, np.inf, 2.0, -np.inf]), 4) == "▁ █ "


def test_a_sparkline_of_accuracies_has_the_same_scale_in_every_row():
    low, high = (sparkline(np.array([value]), 4, ends=Range(0, 100)) for value in (10.0, 90.0))
    assert (low, high) == ("▂", "▇")


def test_a_sparkline_of_a_run_under_way_fills_a_part():
    assert len(sparkline(np.arange(50.0), 10, planned=100)) == 5
    assert len(sparkline(np.arange(100.0), 10, planned=100)) == 10
    assert len(sparkline(np.arange(3.0), 10, planned=10)) == 3


def test_a_constant_sparkline_lies_in_the_middle():
    assert set(sparkline(np.full(5, 3.0), 5)) <= {"▄", "▅"}


def test_a_sparkline_in_ascii_is_ascii():
    assert sparkline(np.arange(20.0), 10, ASCII).isascii()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=80), st.integers(0, 20))
def test_no_values_make_a_sparkline_fail_or_too_long(values, room):
    assert len(sparkline(np.array(values, dtype=np.float32), room)) <= room


@given(st.floats(-2, 3) | st.just(math.nan), st.integers(1, 40))
def test_a_progress_bar_fills_its_room_exactly(fraction, room):
    for glyphs in (UNICODE, ASCII):
        assert line_width(progress(fraction, room, glyphs)) == room


def test_a_progress_bar_is_empty_at_0_and_full_at_1():
    assert plain(progress(0, 4)) == "────"
    assert plain(progress(1, 4)) == "━━━━"
    assert plain(progress(0.5, 4)) == "━━──"
    assert plain(progress(0.62, 4)) == "━━╸─"


def test_bars_of_gains_go_right_and_of_losses_left():
    assert plain(both_sides(2.0, 2.0, 9)) == "    │████"
    assert plain(both_sides(-1.0, 2.0, 9)) == "  ██│    "
    assert plain(both_sides(math.nan, 2.0, 9)) == "    │    "


CLASSES = ("airplane", "cat", "dog")
MATRIX = np.array([[90, 5, 5], [0, 60, 40], [1, 29, 70]])


def test_a_confusion_matrix_shows_counts_where_they_fit():
    lines = [plain(line) for line in matrix_lines(MATRIX, CLASSES, 60, UNICODE)]
    assert lines[0].split() == ["airpl", "cat", "dog"]
    assert lines[2].split() == ["cat", "0", "60", "40"]
    inks = [span.style for span in matrix_lines(MATRIX, CLASSES, 60, UNICODE)[2]]
    assert inks[-3:] == ["heat0", "heat3", "heat2"]


def test_a_confusion_matrix_without_room_shows_shades():
    lines = matrix_lines(MATRIX, CLASSES, 16, ASCII)
    assert max(line_width(line) for line in lines) <= 16
    assert plain(lines[1]) == "airplane @@...."
    assert plain(lines[2]) == "cat        ++::"


def test_per_class_deltas_have_a_sign_and_a_side():
    lines = [plain(line) for line in class_accuracy_lines(CLASSES, [90.0, 60.0, 70.0], [6.1, -0.8, 0.0], 50, UNICODE)]
    assert "+6.10" in lines[0]
    assert "−0.80" in lines[1]
    assert lines[0].index("█") > lines[0].index("│")
    without_deltas = class_accuracy_lines(CLASSES, [90.0, 60.0, 70.0], None, 50, UNICODE)
    assert plain(without_deltas[1]).split()[:2] == ["cat", "60.00"]


def _line(label, x, y, **more):
    return Series(label, label, np.array(x, float), np.array(y, float), **more)


def test_the_crosshair_reads_every_series_at_its_nearest_point():
    one = _line("A", [0, 10, 20], [1, 2, 3], raw=np.array([1.0, 2.5, 3]), steps=np.array([0, 100, 200]))
    two = _line("B", [4, 16], [7, 8], times=np.array([0.5, 60.0]))
    empty = _line("C", [], [])
    first, second = read_at([one, two, empty], 11)
    assert (first.smoothed, first.value, first.step, first.x) == (2.0, 2.5, 100, 10)
    assert (second.value, second.relative, second.step) == (8, 60.0, None)


def test_the_crosshair_moves_from_point_to_point_over_all_series():
    lines = [_line("A", [0, 10], [1, 2]), _line("B", [4, 16], [7, 8])]
    visited, x = [], 0.0
    while x is not None:
        visited.append(x)
        x = neighbour(lines, x, 1)
    assert visited == [0, 4, 10, 16]
    assert neighbour(lines, 16, -1) == 10
    assert neighbour(lines, 0, -1) is None


def test_mean_and_band_over_seeds_count_who_reaches_there():
    x = np.arange(1.0, 5)
    mean = mean_and_band([(x, x * 1.0), (x, x * 3.0), (x[:2], x[:2] * 2.0)])
    np.testing.assert_allclose(mean.mean, x * 2)
    assert mean.n.tolist() == [3, 3, 2, 2]
    np.testing.assert_allclose(mean.high - mean.mean, [1, 2, 3 * math.sqrt(2), 4 * math.sqrt(2)])


def test_seeds_with_the_same_x_give_what_they_give_beside_one_with_more():
    x = np.array([0.0, 1.0, 3.0, 7.0])
    seeds = [(x, np.array([1.0, math.nan, 3.0, math.inf])), (x.copy(), np.array([2.0, 5.0, math.nan, 4.0]))]
    alone, beside = mean_and_band(seeds), mean_and_band([*seeds, (np.array([2.0]), np.array([math.nan]))])
    there = np.isin(beside.x, x)
    assert alone.x.tolist() == x.tolist()
    assert alone.mean.tolist() == beside.mean[there].tolist() == [1.5, 5.0, 3.0, 4.0]
    assert alone.n.tolist() == beside.n[there].tolist() == [2, 1, 1, 1]
    repeated = np.array([0.0, 1.0, 1.0])
    assert mean_and_band([(repeated, repeated)] * 2).x.tolist() == [0.0, 1.0]


def test_mean_of_one_seed_is_the_seed_without_a_band():
    x = np.arange(1.0, 4)
    mean = mean_and_band([(x, x)])
    assert mean.low.tolist() == mean.high.tolist() == x.tolist()
    assert mean_and_band([]).x.size == 0
