"""The line chart as text: what is drawn, where, and that nothing hides or lies."""

import numpy as np
import pytest

from labtui.console.charts import raster
from labtui.console.charts.linechart import Picture, draw, end_labels, notes, spread_rows
from labtui.console.charts.series import Series, View
from labtui.console.charts.ticks import Range, Scale
from labtui.console.ui.glyphs import ASCII
from labtui.text.spans import line_width, plain


def series(y, x=None, label="A", colour=0, **more) -> Series:
    y = np.asarray(y, dtype=np.float64)
    x = np.arange(1.0, y.size + 1) if x is None else np.asarray(x, dtype=np.float64)
    return Series(f"run {label}", label, x, y, colour=colour, **more)


def rows(picture: Picture) -> list[str]:
    return [plain(line) for line in picture.lines]


def styles(picture: Picture) -> set[str]:
    return {span.style for line in picture.lines for span in line}


def test_a_straight_line_is_drawn_from_corner_to_corner():
    picture = draw([series([0, 10], x=[0, 10], label="")], View(x=Range(0, 10), y=Range(0, 10)), 20, 8)
    assert rows(picture) == [
        "   10 ┤           ⡠⠊",
        "      │        ⢀⠤⠊  ",
        "      │      ⢀⠔⠁    ",
        "    5 ┤    ⢀⠔⠁      ",
        "      │  ⡠⠒⠁        ",
        "    0 ┤⡠⠊           ",
        "      └┬─────┬─────┬",
        "       0     5    10",
    ]


@pytest.mark.parametrize(("across", "down"), [(12, 4), (13, 5), (20, 8), (45, 14), (160, 48), (300, 80), (500, 4)])
@pytest.mark.parametrize("glyphs", [None, ASCII])
def test_every_line_has_exactly_the_asked_width_and_there_are_as_many_as_asked(across, down, glyphs):
    curves = [series(np.sin(np.arange(200) / 9) * 40 + 50, label=letter) for letter in "ABCDEFG"]
    picture = draw(curves, View(number="accuracy", bounds=Range(0, 100)), across, down, *([glyphs] if glyphs else []))
    assert len(picture.lines) == down
    assert {line_width(line) for line in picture.lines} == {across}


@pytest.mark.parametrize(("across", "down"), [(0, 0), (1, 1), (3, 2), (11, 10), (40, 3)])
def test_a_space_too_small_for_a_chart_is_left_blank(across, down):
    picture = draw([series([1, 2, 3])], View(), across, down)
    assert rows(picture) == [" " * across] * down
    assert picture.frame is None


def test_a_chart_without_points_still_has_its_axes():
    picture = draw([series([])], View(planned=10), 40, 10)
    assert any("┤" in row for row in rows(picture))
    assert "10" in rows(picture)[-1]


def test_one_point_is_one_visible_dot():
    picture = draw([series([5.0])], View(planned=10), 40, 10)
    assert sum(0x2800 < ord(c) < 0x2900 for row in rows(picture) for c in row) == 1


def test_curves_that_cross_a_cell_share_it_and_hide_nothing():
    flat, also_flat = series([1, 1], x=[0, 10], label="A"), series([1.12, 1.12], x=[0, 10], label="B", colour=1)
    view = View(x=Range(0, 10), y=Range(0, 4))
    alone = draw([flat], view, 40, 10)
    both = draw([flat, also_flat], view, 40, 10)
    row = next(i for i, text in enumerate(rows(alone)) if "⣀" in text or "⠤" in text or "⠒" in text or "⠉" in text)
    first = ord(rows(alone)[row][12]) - 0x2800
    shared = ord(rows(both)[row][12]) - 0x2800
    assert shared & first == first
    assert shared != first
    assert "series0" in {span.style for span in both.lines[row]}, "the first series lies on top"


def test_a_spike_of_one_point_among_ten_thousand_is_seen():
    y = np.ones(10_000)
    y[7_003] = 9.0
    picture = draw([series(y, label="")], View(y=Range(0, 10)), 80, 24)
    top = next(i for i, row in enumerate(rows(picture)) if any(0x2800 < ord(c) < 0x2900 for c in row))
    assert top <= 3


def test_rare_outliers_do_not_press_the_rest_flat_and_can_be_asked_for():
    y = np.r_[[1_570.0, 900.0], np.linspace(10.5, 10.0, 198)]
    clipped = draw([series(y)], View(), 80, 24)
    whole = draw([series(y)], View(clip_outliers=False), 80, 24)
    assert clipped.frame is not None
    assert whole.frame is not None
    assert clipped.frame.y.high < 12
    assert whole.frame.y.high >= 1_570


def test_an_ordinary_learning_curve_is_shown_from_its_first_point():
    y = 2.3 * np.exp(-np.arange(200) / 60) + 0.5
    picture = draw([series(y)], View(), 80, 24)
    assert picture.frame is not None
    assert picture.frame.y.high >= y[0]


def test_a_series_on_another_level_is_not_taken_for_an_outlier():
    picture = draw([series(np.full(100, 1.0)), series(np.full(20, 10.0), label="L1")], View(), 80, 24)
    assert picture.frame is not None
    assert picture.frame.y.high >= 10


def test_where_a_series_stops_being_a_number_is_marked_and_said():
    y = np.r_[np.linspace(2, 1, 50), np.full(50, np.nan)]
    broken = series(y, steps=np.arange(10, 1_010, 10))
    picture = draw([broken], View(), 60, 12)
    assert notes([broken], View()) == ("A: not a number from step 510",)
    assert any("✗" in row for row in rows(picture))
    assert "bad" in styles(picture)
    assert any("A NaN" in row for row in rows(picture))


def test_a_gap_of_nan_in_the_middle_is_not_bridged():
    y = np.r_[np.full(40, 1.0), np.full(20, np.nan), np.full(40, 1.0)]
    columns = raster.columns(np.arange(100.0), y, Range(0, 99), 100)
    assert np.isnan(columns.low[42:58]).all()
    assert np.isfinite(columns.low[[0, 39, 61, 99]]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_series_of_nothing_but_bad_values_draws_no_dot_and_does_not_fail(bad):
    picture = draw([series(np.full(10, bad))], View(), 40, 10)
    assert not any(0x2800 < ord(c) < 0x2900 for row in rows(picture) for c in row)


def test_values_far_apart_are_joined_without_a_hole_and_without_thickness():
    columns = raster.columns(np.array([0.0, 1.0]), np.array([0.0, 10.0]), Range(0, 1), 10)
    grid = raster.dots(columns, Range(0, 10), 60)
    assert grid.any(axis=1).all(), "every row between the two values has a dot"
    assert grid.sum() == 60, "and one only"


def test_the_planned_end_fixes_the_x_axis_while_points_arrive():
    frames = [draw([series(np.ones(n))], View(planned=3_000), 80, 24).frame for n in (10, 1_000, 2_999)]
    assert {frame.x for frame in frames if frame} == {Range(0, 3_000)}


def test_a_single_point_near_the_end_does_not_move_the_planned_axis():
    one = series([5.0], x=[9.0])
    assert draw([one], View(planned=10), 80, 24).frame.x == Range(0, 10)
    assert draw([one], View(), 80, 24).frame.x.low == 9


def test_without_a_plan_the_x_axis_grows_in_round_jumps():
    ends = {draw([series(np.ones(n))], View(), 80, 24).frame.x.high for n in range(1_000, 2_000, 10)}
    assert ends == {1_000, 1_250, 1_500, 2_000}


def test_the_y_axis_keeps_its_range_while_the_data_fits():
    first = draw([series([0.0, 8.0])], View(), 60, 20)
    second = draw([series([0.5, 6.0])], View(before=first.frame), 60, 20)
    third = draw([series([0.5, 1.0])], View(before=second.frame), 60, 20)
    assert first.frame.y == second.frame.y
    assert third.frame.y.high < 2


def test_zoom_shows_the_window_alone_and_lines_run_in_from_its_edges():
    y = np.arange(0.0, 101.0)
    picture = draw([series(y, x=y, label="")], View(x=Range(40.5, 41.5)), 60, 12)
    assert picture.frame.x == Range(40.5, 41.5)
    drawn = [c for row in rows(picture)[:-2] for c in (row[picture.frame.left], row[-1])]
    assert any(0x2800 < ord(c) < 0x2900 for c in drawn), "the line reaches the edge of the window"


def test_the_crosshair_stands_where_no_curve_is():
    picture = draw([series(np.ones(100))], View(cursor=50.0, planned=100), 60, 12)
    column = picture.frame.left + picture.frame.column_of(50.0)
    marked = [row[column] for row in rows(picture)[: picture.frame.down]]
    assert marked.count("┊") == picture.frame.down - 1
    assert "cursor" in styles(picture)


def test_raw_values_lie_faint_behind_the_smoothed_line():
    raw = np.tile([0.0, 2.0], 100)
    picture = draw([series(np.ones(200), raw=raw)], View(), 60, 12)
    assert {"faint0", "series0"} <= styles(picture)


def test_a_band_tints_the_cells_around_the_line_and_leaves_the_line_alone():
    mean = np.full(50, 5.0)
    bare = draw([series(mean)], View(y=Range(0, 10)), 60, 14)
    banded = draw([series(mean, band=(mean - 3, mean + 3))], View(y=Range(0, 10)), 60, 14)
    assert rows(bare) == rows(banded), "a tint, no dots"
    tinted = [any("on band0" in span.style for span in line) for line in banded.lines[:12]]
    assert tinted == [False] * 2 + [True] * 8 + [False] * 2
    assert "series0 on band0" in styles(banded)


def test_a_band_narrower_than_half_a_cell_is_not_shown():
    mean = np.full(50, 5.1)
    picture = draw([series(mean, band=(mean - 0.01, mean + 0.01))], View(y=Range(0, 10)), 60, 14)
    assert not any("band" in colour for colour in styles(picture))


def test_dashes_tell_series_apart_without_colour():
    pictures = [draw([series(np.ones(50), label="", dash=dash)], View(y=Range(0, 2)), 60, 8) for dash in range(4)]
    assert len({tuple(rows(picture)) for picture in pictures}) == 4


def test_log_y_leaves_out_what_has_no_logarithm():
    picture = draw([series([100, 10, 0, -5, 1, 0.1])], View(log_y=True), 60, 20)
    assert picture.frame.y == Range(0.1, 100)
    labels = [row[: picture.frame.left - 2].strip() for row in rows(picture)]
    assert [label for label in labels if label][:4] == ["100", "10", "1", "0.1"]


def test_log_y_without_one_positive_value_is_an_empty_chart():
    assert draw([series([0, -1])], View(log_y=True), 60, 20).frame is not None


def test_labels_stand_at_the_ends_and_never_over_each_other():
    curves = [series([1.0, 2.0 + k / 1_000], label=letter, colour=k) for k, letter in enumerate("ABCDEF")]
    picture = draw(curves, View(), 60, 16)
    ends = [row.rstrip()[-7:] for row in rows(picture)[:-2] if row.rstrip()[-7:-6].isalpha()]
    assert sorted(end[0] for end in ends) == list("ABCDEF")
    assert [end[0] for end in ends] == list("FEDCBA"), "higher lines have higher labels"


def test_labels_drop_their_values_and_then_themselves_where_the_chart_is_narrow():
    curve = series([1.2345, 2.3456])
    wide, narrow, tiny = (rows(draw([curve], View(), room, 10)) for room in (60, 22, 13))
    assert any(row.endswith("A 2.346") for row in wide)
    assert any(row.rstrip().endswith("A") for row in narrow)
    assert not any("2.346" in row for row in narrow)
    assert len(tiny[0]) == 13


def test_more_labels_than_rows_are_counted():
    ends = [(1.0, letter, "series0") for letter in "ABCDEFG"]
    labels = end_labels(ends, 4)
    assert len(labels) == 4
    assert labels[3][0] == "+4 more"


def test_spread_labels_keep_their_order_and_stay_inside():
    rng = np.random.default_rng(7)
    for _ in range(300):
        count = int(rng.integers(1, 12))
        wanted = list(rng.uniform(-2, 14, count))
        placed = spread_rows(wanted, 12)
        assert len(set(placed)) == count
        assert all(0 <= row < 12 for row in placed)
        by_wish = [placed[k] for k in np.argsort(wanted, kind="stable")]
        assert by_wish == sorted(by_wish)


def test_labels_with_room_stay_where_they_want_to_be():
    assert spread_rows([2.2, 7.9, 5.0], 12) == [2, 8, 5]


def test_more_labels_than_rows_cannot_be_spread():
    with pytest.raises(ValueError, match="3 labels do not fit into 2 rows"):
        spread_rows([0, 1, 2], 2)


def test_whole_things_have_whole_ticks():
    picture = draw([series([1, 2, 3], x=[1, 2, 3])], View(planned=3, x_scale=Scale.WHOLE), 80, 10)
    assert rows(picture)[-1].split() == ["0", "1", "2", "3"]


def test_ascii_draws_no_character_beyond_ascii():
    y = np.sin(np.arange(400) / 15) * 3
    y[200:220] = np.nan
    view = View(cursor=50.0, number="accuracy")
    picture = draw([series(y, raw=y + 0.1, band=(y - 1, y + 1)), series(-y, label="B", colour=1)], view, 90, 20, ASCII)
    assert all(row.isascii() for row in rows(picture))
    assert any("/" in row for row in rows(picture))
    assert any("\\" in row for row in rows(picture))
