"""One run on the whole screen, driven by keys."""

import shutil

import pytest
from textual.widgets import Input

from labtui.console.charts.chart import Chart
from labtui.console.charts.screen import ChartsScreen
from labtui.console.comparison.screen import CompareScreen
from labtui.console.comparison.spec_diff import DiffScreen
from labtui.console.experiments.screen import MainScreen
from labtui.console.launch.screen import LaunchScreen
from labtui.console.run.panes import TABS
from labtui.console.run.screen import RunScreen
from labtui.console.ui.log_view import LogView
from labtui.console.ui.text_panel import TextPanel
from labtui.store.state import State
from tests.support.console.app import ConsoleUnderTest, assert_fits, lab_at, screen_text
from tests.support.console.pages import NARROW, SIZES, WIDE, begun, compared_lab, done, opened


def page(app: ConsoleUnderTest) -> RunScreen:
    assert isinstance(app.screen, RunScreen)
    return app.screen


def lines(app: ConsoleUnderTest, name: str) -> str:
    return "\n".join("".join(span.text for span in line) for line in app.screen.query_one(name, TextPanel).lines)


async def test_the_sides_of_a_run_tell_figures_test_images_spec_network_and_log(tmp_path):
    lab = lab_at(tmp_path)
    run = done(lab, "dropout", accuracy=90.0)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter")
        await app.until(pilot, lambda: all(chart.series for chart in app.screen.query(Chart)))
        about = lines(app, "#about")
        assert "final test accuracy     90.00" in about
        assert "labtui run dropout --seed 0" in about
        assert "10 epochs" not in about
        assert run.folder.name in "".join(about.split())
        assert "torch 2.10.0" in about
        await pilot.press("3")
        await app.until(pilot, lambda: "90.00 %" in lines(app, "#detail"))
        assert "4 → 5" in lines(app, "#detail"), "wrong ones are taken for the next class"
        assert "cross-entropy 0.5" in lines(app, "#detail")
        await pilot.press("4")
        spec = lines(app, "#detail")
        assert "model.dropout" in spec
        assert "factor" in spec
        assert "199,860 parameters" in spec
        assert "Linear 84 -> 10" in spec
        await pilot.press("right")
        assert page(app).panes.tab == "log"
        assert app.screen.query_one(LogView).lines
        await pilot.press("right", "right")
        assert page(app).panes.tab == "curves"
        await pilot.press("left")
        assert page(app).panes.tab == "overview"
        await pilot.press("z", "escape", "escape")
        assert isinstance(app.screen, MainScreen)


async def test_the_log_is_filtered_while_one_types_and_esc_takes_one_step_back_at_a_time(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=NARROW) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter")
        await app.until(pilot, lambda: app.screen.query_one(LogView).lines)
        whole = app.screen.query_one(LogView).lines
        await pilot.press("slash", *"/epoch.2.done/")
        assert page(app).panes.tab == "log"
        assert len(app.screen.query_one(LogView).lines) == 1
        await pilot.press("enter")
        assert app.screen.focused is app.screen.query_one(LogView)
        assert "/ /epoch.2.done/" in screen_text(app)
        await pilot.press("escape")
        assert app.screen.query_one(LogView).lines == whole
        await pilot.press("o")
        assert page(app).panes.tab == "overview"
        await pilot.press("o", "escape", "escape")
        assert isinstance(app.screen, MainScreen)


async def test_brackets_go_through_the_runs_in_the_order_of_the_list(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "enter")
        seen = []
        for _ in range(7):
            seen.append(page(app).run_id)
            await pilot.press("]")
        assert page(app).run_id == seen[0], "round and round"
        assert [run.split("/")[1] for run in seen] == ["Network"] * 3 + ["Dropout"] * 3 + ["Adam 0.01"]
        await pilot.press("[")
        assert page(app).run_id == seen[-1]
        await pilot.press("3")
        await app.until(pilot, lambda: "70.00 %" in lines(app, "#detail"))
        await pilot.press("]")
        await app.until(pilot, lambda: "80.28 %" in lines(app, "#detail"))


async def test_a_run_under_way_is_followed_to_its_end_and_its_test_images_are_read_then(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "dropout").begin().advance(13)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    try:
        async with app.run_test(size=WIDE) as pilot:
            await opened(app, pilot, 1)
            await pilot.press("enter")
            await app.until(pilot, lambda: "54%" in lines(app, "#about"))
            await pilot.press("3")
            await app.until(pilot, lambda: "evaluated once, at the end" in lines(app, "#detail"))
            one.advance(11)
            one.finish("diverged", "loss is NaN at step 24", diverged_step=24)
            await app.settled(pilot, lambda shot: shot.runs[0].state is State.DIVERGED)
            await app.until(pilot, lambda: "diverged: the test images were not evaluated" in lines(app, "#detail"))
            await pilot.press("1")
            assert "loss is NaN at step 24" in lines(app, "#about")
            assert "ended" in lines(app, "#about")
            assert "with exit code 1" in lines(app, "#about")
    finally:
        one.release()


async def test_damaged_predictions_are_told_and_end_nothing(tmp_path):
    lab = lab_at(tmp_path)
    run = done(lab, "dropout")
    run.paths.predictions.write_bytes(b"PK\x03\x04 nonsense")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter", "3")
        await app.until(pilot, lambda: "cannot be read" in lines(app, "#detail"))
        await pilot.press("1")
        assert "Dropout" in lines(app, "#about"), "the rest of the page is there"


async def test_a_run_whose_folder_goes_away_is_said_to_be_gone(tmp_path):
    lab = lab_at(tmp_path)
    run = done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter")
        shutil.rmtree(run.folder)
        await app.settled(pilot, lambda shot: not shot.runs)
        assert "no longer exists" in lines(app, "#about")
        await pilot.press("x", "y", "d", "3", "4", "5", "2", "v", "q", "q")
        assert isinstance(app.screen, MainScreen)


async def test_from_a_run_its_charts_comparison_difference_and_next_launch_open(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g", "j", "enter")
        for key, screen in (("v", ChartsScreen), ("c", CompareScreen), ("d", DiffScreen), ("R", LaunchScreen)):
            await pilot.press(key)
            assert isinstance(app.screen, screen)
            if screen is DiffScreen:
                assert "model.dropout" in screen_text(app)
            if screen is LaunchScreen:
                assert app.screen.request.names == ("dropout",)
            await pilot.press("escape")
            assert isinstance(app.screen, RunScreen)
        await pilot.press("y")
        assert "labtui run dropout" in app.clipboard
        await pilot.press("x")
        assert "no active run selected" in screen_text(app)


async def test_a_foreign_run_is_shown_as_far_as_it_tells(tmp_path):
    lab = lab_at(tmp_path)
    folder = lab.store.root / "lightning" / "version_0"
    folder.mkdir(parents=True)
    source = done(lab, "network")
    (events,) = source.folder.glob("events*")
    shutil.copy(events, folder / events.name)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 2)
        await pilot.press("G", "enter")
        assert page(app).run_id == "lightning/version_0"
        await app.until(pilot, lambda: "Loss on Minibatches" in lines(app, "#about"))
        await pilot.press("3")
        await app.until(pilot, lambda: "another tool" in lines(app, "#detail"))
        await pilot.press("4")
        assert "another tool" in lines(app, "#detail")
        await pilot.press("y")
        assert "there is no command to repeat" in screen_text(app)


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_side_fits_every_size(tmp_path, ascii_only):
    lab = lab_at(tmp_path)
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state", ascii_only=ascii_only)
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter")
        for size in SIZES[ascii_only]:
            await pilot.resize_terminal(*size)
            for digit in "12345"[: len(TABS)]:
                await pilot.press(digit)
                assert_fits(app, ascii_only=ascii_only)
        assert not app.screen.query_one("#filter", Input).display
