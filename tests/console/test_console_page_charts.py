"""Charts on the whole screen, driven by keys."""

import math

import pytest
from textual.css.query import NoMatches

from labtui.console.charts.chart import Chart
from labtui.console.charts.screen import ChartsScreen
from labtui.console.charts.xaxis import XAxis
from labtui.console.experiments.screen import MainScreen
from labtui.console.ui.text_panel import TextPanel
from labtui.store.encode_scalar import scalar_event, version_event
from tests.support.console.app import ConsoleUnderTest, assert_fits, lab_at, screen_text
from tests.support.console.pages import NARROW, SIZES, WIDE, begun, compared_lab, done, opened, scroll_wheel


def charts(app: ConsoleUnderTest) -> ChartsScreen:
    assert isinstance(app.screen, ChartsScreen)
    return app.screen


def reading(app: ConsoleUnderTest) -> list[str]:
    return ["".join(span.text for span in line) for line in app.screen.query_one("#reading", TextPanel).lines]


def title(app: ConsoleUnderTest) -> str:
    return screen_text(app).splitlines()[0]


async def test_two_marked_experiments_are_laid_over_each_other_with_means_and_bands(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "space", "space", "v")
        await app.until(pilot, lambda: len(app.screen.query_one(Chart).series) == 2)
        network, dropout = app.screen.query_one(Chart).series
        assert (network.label, dropout.label) == ("A", "B")
        assert network.band is not None
        assert network.counts.max() == 3
        assert "n 3" in reading(app)[1]
        assert "Network" in reading(app)[1]
        assert "Dropout" in reading(app)[2]
        await pilot.press("a")
        assert len(app.screen.query_one(Chart).series) == 6, "each seed separately"
        assert {one.band is None for one in app.screen.query_one(Chart).series} == {True}
        await pilot.press("a", "]")
        assert app.screen.query_one(Chart).series[0].label == "B", "brought to the front"
        await pilot.press("q")
        assert isinstance(app.screen, MainScreen)


async def test_the_crosshair_reads_every_run_at_its_place(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "j", "j", "v", "m", "m", "m")
        await app.until(pilot, lambda: app.screen.query_one(Chart).series)
        assert "last points" in str(app.screen.query_one("#reading").border_title)
        await pilot.press("left")
        assert charts(app).chart_options.cursor == 2.0
        assert "at epoch 2" in str(app.screen.query_one("#reading").border_title)
        await pilot.press("left")
        assert charts(app).chart_options.cursor == 1.0
        for word in ("run", "value", "step", "relative"):
            assert word in reading(app)[0]
        assert "epoch 1" in reading(app)[1]
        await pilot.press("left")
        assert charts(app).chart_options.cursor == 1.0, "there is nothing further left"
        await pilot.press("G")
        assert charts(app).chart_options.cursor == 2.0
        await pilot.press("g")
        assert charts(app).chart_options.cursor == 1.0
        await pilot.press("escape")
        assert charts(app).chart_options.cursor is None
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)


async def test_zoom_and_pan_move_the_window_and_reset_shows_everything_again(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        await app.until(pilot, lambda: app.screen.query_one(Chart).frame)
        whole = app.screen.query_one(Chart).frame
        await pilot.press("plus")
        near = app.screen.query_one(Chart).frame
        assert near.x.span < whole.x.span
        await pilot.press("less_than_sign")
        left = app.screen.query_one(Chart).frame
        assert left.x.low < near.x.low
        assert math.isclose(left.x.span, near.x.span)
        await pilot.press("up", "pageup")
        assert app.screen.query_one(Chart).frame.y.span < near.y.span
        await pilot.press("minus", "minus", "minus")
        assert charts(app).chart_options.x is None, "never wider than the whole axis"
        await pilot.press("down", "0")
        assert app.screen.query_one(Chart).frame == whole
        await pilot.press("z")
        assert not app.screen.query_one("#reading").display
        await pilot.press("escape")
        assert app.screen.query_one("#reading").display


async def test_the_crosshair_takes_the_window_with_it(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v", "g", "plus", "plus", "plus", "G")
        look = charts(app).chart_options
        assert look.x.low <= look.cursor <= look.x.high


async def test_the_mouse_sets_the_crosshair_and_the_wheel_zooms(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        await app.until(pilot, lambda: app.screen.query_one(Chart).frame)
        await pilot.click(Chart, offset=(80, 10))
        cursor = charts(app).chart_options.cursor
        assert cursor is not None
        chart = app.screen.query_one(Chart)
        before = chart.frame.x
        await scroll_wheel(app, pilot, chart, down=False)
        assert chart.frame.x.span < before.span
        assert before.low <= chart.frame.x.low < chart.frame.x.high <= before.high
        await scroll_wheel(app, pilot, chart, down=True)
        assert chart.frame.x == before
        assert charts(app).chart_options.x is None


async def test_metric_smoothing_axis_log_and_outliers_change_what_is_drawn(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        await app.until(pilot, lambda: app.screen.query_one(Chart).series)
        raw = app.screen.query_one(Chart).series[0].y
        await pilot.press("S")
        smooth = app.screen.query_one(Chart).series[0]
        assert smooth.raw is not None
        assert not (smooth.y == raw).all()
        assert "smoothed" in reading(app)[0]
        await pilot.press("X")
        assert charts(app).chart_options.axis is XAxis.STEP
        assert app.screen.query_one(Chart).frame.x.high == 24
        await pilot.press("L", "O")
        assert charts(app).chart_options.log_y
        assert not charts(app).chart_options.clip_outliers
        await pilot.press("m", "m", "m", "m")
        assert charts(app).panel.title == "minibatch loss", "round and round"


async def test_a_gap_is_named_and_the_axis_says_what_it_does_not_know(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "network").begin(alive=False).advance(24, nan_from=13)
    one.finish("diverged", "loss is NaN at step 13", diverged_step=13)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        await app.until(pilot, lambda: app.screen.query_one(Chart).series)
        assert "not a number from point 5" in str(app.screen.query_one(Chart).border_subtitle)
        assert "NaN" in reading(app)[1]


async def test_the_next_run_is_charted_where_one_alone_is(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "v")
        await app.until(pilot, lambda: "Network" in title(app) and app.screen.query_one(Chart).series)
        await pilot.press("]")
        await app.until(pilot, lambda: "Dropout" in title(app) and app.screen.query_one(Chart).series)
        assert "Network" not in title(app)


async def test_points_that_come_in_are_drawn(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "network").begin().advance(12)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    try:
        async with app.run_test(size=NARROW) as pilot:
            await opened(app, pilot, 1)
            await pilot.press("v")
            await app.until(pilot, lambda: app.screen.query_one(Chart).series)
            before = app.screen.query_one(Chart).series[0].x.size
            one.advance(6)
            await app.until(pilot, lambda: app.screen.query_one(Chart).series[0].x.size > before)
            assert app.screen.query_one(Chart).series[0].x.size == before + 2
    finally:
        one.release()


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_no_size_is_too_small_for_it(tmp_path, ascii_only):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state", ascii_only=ascii_only)
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        for size in SIZES[ascii_only]:
            await pilot.resize_terminal(*size)
            await pilot.press("left", "plus", "m", "S")
            assert_fits(app, ascii_only=ascii_only)


async def test_an_experiment_without_a_run_says_so(tmp_path):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.when)
        await pilot.press("v", "left", "plus", "up", "0", "]")
        assert "no runs yet" in screen_text(app)
        with pytest.raises(NoMatches):
            app.screen.query_one("#list")


async def test_a_folder_of_another_tool_is_charted_by_steps_at_once(tmp_path):
    lab = lab_at(tmp_path, "")
    folder = lab.store.root / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    points = [scalar_event(1_000.0 + step, step, "train_loss", 1 / (step + 1)) for step in range(20)]
    (folder / "events.out.tfevents.1.other").write_bytes(version_event(1_000.0) + b"".join(points))
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs and shot.curves)
        drawn = app.screen.query_one(Chart)
        assert drawn.frame is not None, "no key was pressed"
        assert [one.name for one in drawn.series] == ["lightning_logs/version_0"]
        await pilot.press("v", "left")
        assert charts(app).chart_options.cursor == 19.0
        assert "at step 19" in str(app.screen.query_one("#reading").border_title)
        await pilot.press("X")
        assert charts(app).chart_options.axis is XAxis.RELATIVE, "samples are not known of another tool's run"


async def test_a_picture_or_key_that_fails_says_so_and_the_console_lives(tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("math domain error")

    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        with monkeypatch.context() as patch:
            patch.setattr("labtui.console.charts.linechart.draw", fail)
            await pilot.press("L")
            await pilot.pause()
            assert "This could not be drawn." in screen_text(app)
            assert "internal error: ValueError" in screen_text(app)
        await pilot.press("L")
        await pilot.pause()
        assert "This could not be drawn." not in screen_text(app)
        monkeypatch.setattr("labtui.console.actions.Actions.copy_command", fail)
        await pilot.press("y")
        assert "internal error: ValueError" in screen_text(app).splitlines()[-1]
        await pilot.press("j")
    log = (tmp_path / "state" / "console-errors.log").read_text()
    assert log.count("ValueError: math domain error") == 2, "each failure once, with its traceback"


async def test_one_of_601_tags_is_found_by_a_few_keys_in_both_directions(tmp_path):
    lab = lab_at(tmp_path, "")
    folder = lab.store.root / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    points = [scalar_event(1_000.0, 1, f"layer{tag:03d}/weight", tag) for tag in range(601)]
    (folder / "events.out.tfevents.1.other").write_bytes(version_event(1_000.0) + b"".join(points))
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs and shot.curves)
        await pilot.press("v", "slash", *"417", "enter")
        assert charts(app).panel.tags == ("layer417/weight",)
        await pilot.press("escape", "M")
        assert charts(app).panel == charts(app).panels[-1], "back from the first one is the last one"
        await pilot.press("m")
        assert charts(app).panel == charts(app).panels[0]
        await pilot.press("slash", *"nosuch", "enter", "L")
        assert len(charts(app).panels) >= 601, "where nothing matches, nothing is hidden"
        assert charts(app).chart_options.log_y, "keys act again after Enter"
