"""Drawing and formatting never raise: any number, any size from 1x1 on, any switch of axis, scale and smoothing."""

import inspect
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from labtui.console.charts import crosshair, ticks, viewport
from labtui.console.charts.build_series import build_series, build_view, debiased_average, mean_and_band
from labtui.console.charts.linechart import draw, notes
from labtui.console.charts.options import ChartedRun, ChartOptions
from labtui.console.charts.panels import Panel
from labtui.console.charts.series import Frame, Series, View
from labtui.console.charts.sparkline import sparkline
from labtui.console.charts.ticks import Range, Scale
from labtui.console.charts.xaxis import XAxis
from labtui.console.ui import gauges
from labtui.console.ui.glyphs import ASCII, UNICODE
from labtui.console.ui.tabs import tabs
from labtui.store.curve import Curve
from labtui.store.tags import StepUnit
from labtui.text import durations, numbers, sizes, spans
from labtui.text.spans import Span, line_width
from tests.support.console.builders import run

ANY = st.floats(allow_nan=True, allow_infinity=True)
SCALES = st.sampled_from(list(Scale))
GLYPHS = st.sampled_from([UNICODE, ASCII])
RANGES = st.builds(Range, ANY, ANY)
WIDTHS = st.integers(-3, 200)
TEXTS = st.text(max_size=40)
LINES = st.lists(st.builds(Span, TEXTS, st.just("")), max_size=4).map(tuple)


def arrays(n: int) -> st.SearchStrategy[np.ndarray]:
    return npst.arrays(np.float64, n, elements=ANY)


@st.composite
def any_series(draw_: st.DrawFn) -> Series:
    n = draw_(st.integers(0, 25))
    x = np.sort(draw_(arrays(n)))
    band = (draw_(arrays(n)), draw_(arrays(n))) if draw_(st.booleans()) else None
    raw = draw_(arrays(n)) if draw_(st.booleans()) else None
    return Series("name", draw_(st.sampled_from(["A", ""])), x, draw_(arrays(n)), raw=raw, band=band)


VIEWS = st.builds(
    View,
    x=st.none() | RANGES,
    y=st.none() | RANGES,
    x_scale=SCALES,
    x_label=st.sampled_from(["", "epoch"]),
    planned=st.none() | ANY,
    log_y=st.booleans(),
    clip_outliers=st.booleans(),
    bounds=st.none() | st.just(Range(0.0, 100.0)),
    cursor=st.none() | ANY,
    number=st.sampled_from(["accuracy", "loss"]),
)


@given(
    lines=st.lists(any_series(), max_size=4),
    views=st.lists(VIEWS, min_size=1, max_size=3),
    size=st.tuples(st.integers(1, 120), st.integers(1, 40)),
    glyphs=GLYPHS,
)
@settings(max_examples=100, deadline=None)
def test_a_chart_of_any_numbers_is_drawn_in_any_size_through_any_switches(lines, views, size, glyphs):
    frame = None
    for view in views:
        picture = draw(lines, replace(view, before=frame), *size, glyphs)
        assert len(picture.lines) == size[1]
        assert all(line_width(line) == size[0] for line in picture.lines)
        frame = picture.frame or frame
        notes(lines, view)


STARTS_AT_ZERO = [np.linspace(0, 0.1, 50), np.linspace(10, 90, 50), np.linspace(1.95, 0.33, 50), np.zeros(50)]
"""A learning rate with warm-up, an accuracy, a loss whose linear axis begins at zero, and nothing above zero."""


@pytest.mark.parametrize("y", STARTS_AT_ZERO)
def test_log_y_on_an_axis_that_began_at_zero_draws_the_curve_and_says_what_it_leaves_out(y):
    line = Series("lr", "A", np.arange(50.0), y)
    linear = draw([line], View(), 60, 15)
    log = draw([line], View(log_y=True, before=linear.frame), 60, 15)
    assert log.frame.y.low > 0
    dots = [
        character for row in log.lines for span in row for character in span.text if "\u2800" < character <= "\u28ff"
    ]
    assert bool(dots) == bool((y > 0).any())
    zeros = int((y <= 0).sum())
    expected = f"A: omitted {zeros} value{'s' * (zeros > 1)} of 0 or less from the log axis"
    assert (expected in notes([line], View(log_y=True))) == bool(zeros)
    back = draw([line], View(before=log.frame), 60, 15)
    assert back.frame.y.low <= float(y.min()), "and back again"


@given(ends=RANGES, count=ANY, scale=SCALES, other=RANGES, rows=st.integers(1, 60), value=ANY, step=ANY)
@settings(max_examples=120, deadline=None)
@example(ends=Range(0.0, 1.0), count=5.0, scale=Scale.NUMBER, other=Range(0.0, 5e-324), rows=5, value=0.0, step=5e-324)
def test_axes_of_any_numbers_have_ticks_ranges_and_labels(ends, count, scale, other, rows, value, step):
    count = min(count, 50.0) if count == count else count
    for marks in (ticks.linear_ticks(ends, count, scale), ticks.log_ticks(ends, count)):
        assert len(marks) < 300
        assert all(tick.label for tick in marks)
    ticks.nice_step(value, count, scale)
    ticks.tick_label(value, step, scale)
    ticks.steady(other, ends)
    ticks.grown_end(value, scale)
    for found in (ticks.rounded_range(*ends, rows), ticks.log_range(*ends), ticks.usable(ends), ticks.usable_log(ends)):
        assert found.low < found.high < math.inf


def moved(options: ChartOptions, move: int, way: int, lines: list[Series], frame: Frame, at: float) -> ChartOptions:
    """The options after a key or click."""
    factor = 0.6 if way > 0 else 1 / 0.6
    moves = [
        lambda: viewport.cursor_moved(options, lines, frame, way),
        lambda: viewport.cursor_at(options, lines, frame, at),
        lambda: viewport.cursor_to_end(options, lines, frame, last=way > 0),
        lambda: viewport.x_zoomed(options, frame, frame.x, factor),
        lambda: viewport.x_panned(options, frame, frame.x, 0.2 * way),
        lambda: viewport.y_zoomed(options, frame, factor),
        lambda: viewport.y_panned(options, frame, 0.2 * way),
        lambda: replace(options, cursor=at),
    ]
    return moves[move]()


@given(
    lines=st.lists(any_series(), max_size=3),
    x=RANGES,
    y=RANGES,
    log_y=st.booleans(),
    moves=st.lists(st.tuples(st.integers(0, 7), st.sampled_from([-1, 1])), max_size=10),
    at=ANY,
    axis=st.sampled_from(list(XAxis)),
)
@settings(max_examples=100, deadline=None)
def test_crosshair_and_window_move_anywhere_over_any_curve(lines, x, y, log_y, moves, at, axis):
    frame = Frame(ticks.usable(x), ticks.usable_log(y) if log_y else ticks.usable(y), 5, 60, 12, log_y)
    options = ChartOptions(log_y=log_y)
    for move, way in moves:
        options = moved(options, move, way, lines, frame, at)
        picture = draw(lines, View(x=options.x, y=options.y, log_y=log_y, cursor=options.cursor), 70, 15)
        frame = picture.frame
    readings = crosshair.read_at(lines, options.cursor)
    crosshair.reading_lines(readings, "loss", 60, UNICODE, smoothed=log_y)
    assert crosshair.place(at, axis)


@given(
    steps=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30, unique=True).map(sorted),
    data=st.data(),
    unit=st.sampled_from(list(StepUnit)),
    switches=st.lists(st.sampled_from(["smoothing", "log_y", "axis", "clip_outliers"]), max_size=8),
    seeds=st.integers(1, 3),
)
@settings(max_examples=80, deadline=None)
def test_any_curve_of_any_times_is_drawn_on_every_axis(steps, data, unit, switches, seeds):
    times = data.draw(npst.arrays(np.float64, len(steps), elements=ANY))
    values = data.draw(npst.arrays(np.float32, len(steps), elements=st.floats(width=32)))
    curve = Curve("loss", unit, np.array(steps, dtype=np.int64), values, times)
    runs = tuple(run("dropout", seed=seed) for seed in range(seeds))
    charted = [ChartedRun("Dropout", "A", runs)]
    curves = {one.id: {"loss": curve} for one in runs}
    panel, options, frame = Panel("loss", ("loss",)), ChartOptions(axis=XAxis.STEP), None
    for switch in ("axis", *switches):
        options, _ = options.changed(switch)
        series = build_series(panel, charted, curves, options)
        view = build_view(panel, charted, curves, options)
        picture = draw(series, replace(view, before=frame), 60, 14)
        frame = picture.frame
        notes(series, view)
        crosshair.reading_lines(crosshair.read_at(series, None), "loss", 70, UNICODE, smoothed=True)


DAY = 86_400.0


def test_a_hundred_days_of_wall_time_have_dates_on_the_axis():
    begin = 1_780_000_000.0
    line = Series("long", "A", begin + np.linspace(0, 100 * DAY, 200), np.linspace(2, 1, 200))
    picture = draw([line], View(x_scale=Scale.CLOCK, x_label="wall"), 100, 15)
    axis = "".join(span.text for span in picture.lines[-1])
    months = {durations.local_time(float(x), "%b") for x in line.x}
    assert sum(month in axis for month in months) >= 2, axis
    night = Series("night", "A", begin + np.linspace(0, 1.5 * DAY, 200), np.linspace(2, 1, 200))
    axis = "".join(span.text for span in draw([night], View(x_scale=Scale.CLOCK), 100, 15).lines[-1])
    assert any(month in axis for month in months), "the day that begins has its date"
    assert ":" in axis


@pytest.mark.parametrize("times", [np.arange(20) * 1e9 + 1.78e18, np.arange(20) * 1e300, np.full(20, 1e18)])
def test_times_that_are_no_dates_are_drawn_and_named(times):
    line = Series("odd", "A", times, np.linspace(2, 1, 20))
    assert draw([line], View(x_scale=Scale.CLOCK), 80, 12).frame
    assert "A: its times are not valid dates" in notes([line], View(x_scale=Scale.CLOCK))


def test_points_without_a_time_are_left_out_and_counted():
    times = np.array([1.78e9, np.nan, 1.78e9 + 60, np.inf, 1.78e9 + 120])
    curve = Curve("loss", StepUnit.STEP, np.arange(5), np.linspace(2, 1, 5).astype(np.float32), times)
    one = run("dropout")
    options = ChartOptions(axis=XAxis.WALL)
    (line,) = build_series(Panel("loss", ("loss",)), [ChartedRun("D", "A", (one,))], {one.id: {"loss": curve}}, options)
    assert line.x.size == 3
    assert notes([line], View(x_scale=Scale.CLOCK)) == ("A: omitted 2 points that have no time",)


def test_times_before_the_first_event_have_a_minus():
    assert durations.signed_duration(-80.0) == "-1m 20s"
    assert ticks.tick_label(-80.0, 20.0, Scale.SECONDS) == "-1m 20s"


NUMBERS = [
    *(numbers.decimal, numbers.count, numbers.compact, numbers.signed, numbers.p_value, numbers.ratio),
    *(numbers.accuracy, numbers.loss, numbers.image_rate, sizes.size),
    *(durations.duration, durations.signed_duration, durations.ago, durations.time_of_day),
    *(lambda value: numbers.interval((value, -value)), lambda value: durations.moment(value, 0.0)),
    lambda value: durations.moment(0.0, value),
]


@pytest.mark.parametrize("write", NUMBERS, ids=lambda write: getattr(write, "__name__", "function"))
def test_any_number_can_be_written(write):
    @given(value=ANY)
    @settings(max_examples=80, deadline=None)
    def check(value: float) -> None:
        assert isinstance(write(value), str)

    check()


@given(values=st.integers(0, 80).flatmap(arrays), width=WIDTHS, planned=st.none() | st.integers(0, 10**6), ends=RANGES)
@settings(max_examples=80, deadline=None)
def test_any_values_have_a_sparkline_and_a_smoothed_curve(values, width, planned, ends):
    for given_ends in (None, Range(0.0, 100.0), ends):
        assert len(sparkline(values, width, planned=planned, ends=given_ends)) <= max(0, width)
    for weight in (0.0, 0.6, 0.99, 1.0):
        assert debiased_average(np.clip(values, -1e38, 1e38), weight).shape == values.shape
    assert mean_and_band([(np.arange(values.size) * 1.0, np.nan_to_num(values, posinf=1e38, neginf=-1e38) / 1e220)] * 2)


@given(
    value=ANY, other=ANY, width=st.integers(1, 200), glyphs=GLYPHS, amounts=st.tuples(st.integers(0), st.integers(0))
)
def test_gauges_take_any_load_and_fill_their_width(value, other, width, glyphs, amounts):
    assert line_width(gauges.progress(value, width, glyphs)) == width
    assert line_width(gauges.both_sides(value, other, width, glyphs)) == width
    assert all(line_width(line) <= width for line in gauges.machine_lines(value, *amounts, (), width, glyphs))
    gauges.brief(value, *amounts, ())


@given(line=LINES, right=LINES, text=TEXTS, width=WIDTHS, names=st.lists(TEXTS, max_size=6), chosen=st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_any_text_is_fitted_into_any_width(line, right, text, width, names, chosen):
    room = max(0, width)
    assert line_width(spans.shorten(line, width)) <= room
    assert line_width(spans.fit(line, width)) == room
    assert line_width(spans.spread(line, right, width)) <= room
    spans.cut(text, width)
    assert spans.wrap(text, max(1, width)) or not text.strip()
    spans.paragraph(text, width)
    spans.labelled(text, text, width)
    assert line_width(tabs(names, min(chosen, max(0, len(names) - 1)), width)) <= room


def test_every_function_of_numbers_durations_and_sizes_is_tried_above():
    tried = {getattr(write, "__name__", "") for write in NUMBERS} | {"interval", "moment", "local_time"}
    texts = {"seed_ranges", "seed_list"}  # whole numbers alone
    there = {
        name
        for module in (numbers, durations, sizes)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert there <= tried | texts
