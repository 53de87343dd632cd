"""The main screen, driven by keys over real run folders."""

import json
import re
import threading
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from labtui.api import Lab, lifecycle
from labtui.console import actions
from labtui.console.charts.chart import Chart
from labtui.console.experiments.list import ExperimentList
from labtui.console.messages import PollFailed
from labtui.console.ui.log_view import LogView
from labtui.launch import stop as launch_stop
from labtui.launch.queue.entries import enqueue, waiting_entries
from labtui.spec import RunSpec, Training
from labtui.store.run import Run
from labtui.store.state import State
from tests.support.console.app import CATALOG, ConsoleUnderTest, lab_at, screen_strips, screen_text
from tests.support.console.stub_engine import StubRun, catalog_spec

WIDE, NARROW = (160, 48), (80, 24)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return lab_at(tmp_path)


@pytest.fixture
def console(lab: Lab, tmp_path: Path):
    def make(**settings) -> ConsoleUnderTest:
        return ConsoleUnderTest(lab, tmp_path / "state", **settings)

    return make


def spec(lab: Lab, name: str, seed: int = 0) -> RunSpec:
    training = Training(epochs=2, log_every=3)
    return catalog_spec(name, seed=seed, catalog=lab.catalog, training=training)


def begun(lab: Lab, name: str, seed: int = 0, **more) -> StubRun:
    run = lab.store.create(spec(lab, name, seed), planned_steps=24)
    return StubRun(run, steps_per_epoch=12, **more)


def done(lab: Lab, name: str, seed: int = 0) -> Run:
    one = begun(lab, name, seed).begin(alive=False)
    return one.advance(24).finish()


@pytest.fixture
def live(lab: Lab):
    made = []

    def make(name: str, steps: int = 14) -> StubRun:
        made.append(begun(lab, name).begin().advance(steps))
        return made[-1]

    yield make
    for one in made:
        one.release()


def names(app: ConsoleUnderTest) -> list[str]:
    return [str(row.key) for row in app.screen.query_one(ExperimentList).table.rows]


def cells(app: ConsoleUnderTest, key: str) -> dict[str, str]:
    row = next(row for row in app.screen.query_one(ExperimentList).table.rows if str(row.key) == key)
    return {name: "".join(span.text for span in cell).strip() for name, cell in row.cells.items()}


async def test_the_first_frame_shows_the_catalog_before_anything_was_read(console, lab, monkeypatch):
    done(lab, "network")
    app = console()
    answer = threading.Event()
    scan = lab.store.scan
    monkeypatch.setattr(lab.store, "scan", lambda: (answer.wait(), scan())[1])  # a disk that does not answer
    async with app.run_test(size=WIDE):
        assert names(app) == ["arm:network", "arm:dropout", "arm:adam@0.01", "arm:adam@0.001"]
        assert "Dropout" in screen_text(app)
        answer.set()


async def test_an_empty_lab_tells_the_newcomer_the_next_key(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.machine.memory_total)
        shown = screen_text(app)
        assert "no runs yet" in shown
        assert "r runs it with its defaults" in shown
        assert "no runs yet" in shown


async def test_problems_of_the_catalog_are_shown_in_the_list(tmp_path):
    app = ConsoleUnderTest(
        lab_at(tmp_path, CATALOG + "\n[experiment.bad]\ntitle = 'Bad'\nlrr = 1\n"), tmp_path / "state"
    )
    for size in (WIDE, NARROW):
        async with app.run_test(size=size) as pilot:
            await pilot.press("G")
            assert re.search(r"catalog, line \d+: experiment.bad.lrr", screen_text(app))
            assert "Network" in screen_text(app)
            await pilot.press("space", "r", "x", "y", "b", "enter")
        app = ConsoleUnderTest(app.lab, tmp_path / "state")


async def test_a_run_that_somebody_else_starts_appears_by_itself(console, lab, live):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: not shot.runs)
        one = live("dropout")
        await app.settled(pilot, lambda shot: shot.runs and shot.runs[0].state is State.RUNNING)
        assert cells(app, "arm:dropout")["state"].endswith("58%")
        one.advance(10)
        one.finish()
        await app.settled(pilot, lambda shot: shot.runs[0].state is State.FINISHED)
        assert cells(app, "arm:dropout")["state"] == "finished"
        assert float(cells(app, "arm:dropout")["accuracy"]) == pytest.approx(one.end, abs=0.01)


async def test_curves_facts_and_log_follow_the_cursor(console, lab):
    done(lab, "network")
    done(lab, "dropout")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: len(shot.curves) == 1 and shot.log.lines)
        assert "Dropout seed 0" in app.screen.query_one(LogView).lines[0], "it opens on the newest run"
        await pilot.press("k")
        await app.settled(pilot, lambda shot: shot.log.lines and "Network" in shot.log.lines[0])
        await app.settled(pilot, lambda shot: any("Network" in run for run in shot.curves))
        assert "final test accuracy" in screen_text(app)
        assert all(chart.series for chart in app.screen.query(Chart))


async def test_the_cursor_moves_by_arrows_letters_and_pages(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        table = app.screen.query_one(ExperimentList).table
        visited = []
        for key in (
            "down",
            "j",
            "k",
            "up",
            "G",
            "g",
            "end",
            "home",
            "pagedown",
            "right_square_bracket",
            "left_square_bracket",
        ):
            await pilot.press(key)
            visited.append(names(app).index(str(table.cursor_key)))
        assert visited == [1, 2, 1, 0, 3, 0, 3, 0, 3, 3, 2]


async def test_marks_carry_letters_into_list_and_charts_and_are_remembered(console, lab, tmp_path):
    for name in ("network", "dropout", "adam@0.001"):
        done(lab, name)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: len(shot.runs) == 3)
        await pilot.press("g", "space", "space")
        await app.settled(pilot, lambda shot: len(shot.curves) >= 2)
        assert [cells(app, key)["mark"] for key in names(app)] == ["A", "B", "", ""]
        labels = [one.label for one in app.screen.query(Chart).first().series]
        assert labels == ["A", "B"]
    (stored,) = (tmp_path / "state").rglob("*.json")
    assert json.loads(stored.read_text())["marks"] == {"A": "arm:network", "B": "arm:dropout"}
    assert not [path for path in lab.store.root.rglob("*") if "console" in path.name], "nothing of it in runs/"
    again = console()
    async with again.run_test(size=WIDE) as pilot:
        assert cells(again, "arm:dropout")["mark"] == "B"
        await pilot.press("u")
        assert cells(again, "arm:dropout")["mark"] == ""


async def test_seeds_unfold_and_fold(console, lab):
    for seed in range(3):
        done(lab, "dropout", seed)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: len(shot.runs) == 3)
        await pilot.press("l")
        assert len(names(app)) == 4 + 3
        await pilot.press("j", "left")
        assert len(names(app)) == 4
        assert str(app.screen.query_one(ExperimentList).table.cursor_key) == "arm:dropout"
        assert "over 3 seeds" in screen_text(app)
        await app.settled(pilot, lambda shot: len(shot.curves) == 3)
        assert app.screen.query(Chart).first().series[0].band is not None


async def test_the_filter_narrows_while_one_types_and_escape_clears(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("slash", "a", "d", "a", "m")
        assert names(app) == ["arm:adam@0.01", "arm:adam@0.001"]
        await pilot.press("enter")
        assert app.focused is app.screen.query_one(ExperimentList).table
        assert len(names(app)) == 2
        await pilot.press("escape")
        assert len(names(app)) == 4
        await pilot.press("slash", "x", "x")
        assert names(app) == []
        assert "Nothing matches the filter" in screen_text(app)
        await pilot.press("escape")
        assert len(names(app)) == 4
        assert not app.screen.query_one("#filter", Input).display


async def test_what_is_typed_right_behind_the_filter_key_is_text_and_no_command(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        before = app.theme
        for character in "//T/xq/":
            app.post_message(events.Key({"/": "slash"}.get(character, character), character))
        await app.until(pilot, lambda: app.screen.query_one("#filter", Input).value == "/T/xq/")
        assert app.focused is app.screen.query_one("#filter", Input)
        assert app.theme == before
        assert len(app.screen_stack) == 1


async def test_sorting_goes_round_and_a_click_on_a_title_sorts(console, lab):
    for name in ("network", "dropout", "adam@0.001"):
        done(lab, name)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: len(shot.runs) == 3)
        await pilot.press("s")
        by_accuracy = names(app)
        assert by_accuracy[0] == "arm:adam@0.001"
        assert "test acc▼" in screen_text(app)
        await pilot.press("s", "s", "s")
        assert names(app)[0] == "arm:network"
        x = screen_text(app).splitlines()[2].index("test acc")
        await pilot.click("#list", offset=(x + 1, 1))
        assert names(app) == by_accuracy


async def test_a_click_moves_the_cursor_and_one_below_the_rows_does_not(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.click("#list", offset=(10, 4))
        assert str(app.screen.query_one(ExperimentList).table.cursor_key) == "arm:adam@0.01"
        await pilot.click("#list", offset=(10, 20))
        assert str(app.screen.query_one(ExperimentList).table.cursor_key) == "arm:adam@0.01"


async def test_chart_options_change_by_key(console, lab):
    done(lab, "network")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.curves)
        await pilot.press("S")
        assert "smoothed 0.6" in screen_text(app)
        assert app.screen.query(Chart).first().series[0].raw is not None
        await pilot.press("L")
        assert "log y" in screen_text(app)
        await pilot.press("X")
        assert " step" in screen_text(app)
        assert app.screen.query(Chart).first().frame.x.high == 24
        await pilot.press("S", "S", "S", "L")
        assert "smoothed" not in screen_text(app).replace("smoothing", "")


async def test_the_metric_key_turns_the_page_where_charts_are_many(console, lab):
    done(lab, "network")
    app = console()
    async with app.run_test(size=NARROW) as pilot:
        await app.settled(pilot, lambda shot: shot.curves)
        first = screen_text(app)
        assert "minibatch loss" in first
        await pilot.press("m")
        assert "test loss" in screen_text(app)
        await pilot.press("m")
        assert screen_text(app).splitlines()[10:18] == first.splitlines()[10:18]


async def test_panes_are_maximised_and_given_back(console, lab):
    done(lab, "network")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.log.lines)
        await pilot.press("o")
        assert app.focused is app.screen.query_one(LogView)
        await pilot.press("o")
        assert app.screen.query_one(LogView).size.height > 40
        await pilot.press("escape")
        assert app.screen.query_one(LogView).size.height < 12
        await pilot.press("escape", "z")
        assert not app.screen.query_one("#charts").display
        await pilot.press("z")
        assert app.screen.query_one("#charts").display


async def test_r_queues_what_the_cursor_is_on(console, lab, monkeypatch):
    monkeypatch.setattr(lifecycle, "start_queue_runner", lambda _: True)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("j", "r")
        await app.until(pilot, lambda: any("queued Dropout seed 0" in text for text in app.said))
        await app.settled(pilot, lambda shot: shot.runs)
        assert app.snapshot.runs[0].name == "dropout"
        assert cells(app, "arm:dropout")["state"] == "queued"


async def test_r_asks_before_it_queues_several(console, lab, monkeypatch):
    asked = []
    monkeypatch.setattr(actions, "queue_defaults", lambda *given: asked.append(given[1]) or "queued them")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("space", "space", "r")
        assert "Queue 2 experiments" in screen_text(app)
        await pilot.press("n", "r", "enter")
        assert asked == []
        await pilot.press("r", "y")
        await app.until(pilot, lambda: "queued them" in app.said)
        assert asked == [("network", "dropout")]


async def test_x_asks_and_then_stops_in_stages(console, live, monkeypatch):
    stages = []

    def stop(run, by, *, report):
        stages.append(run.id)
        report("asked to finish the step and save; SIGTERM in 20s")
        return True

    monkeypatch.setattr(launch_stop, "stop", stop)
    live("dropout")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("g", "x")
        assert "no active run selected" in screen_text(app)
        await pilot.press("j", "x")
        assert "Stop Dropout seed 0" in screen_text(app)
        await pilot.press("escape")
        assert stages == []
        await pilot.press("x", "y")
        await app.until(pilot, lambda: "Dropout seed 0 has stopped" in app.said)
        assert any("SIGTERM in 20s" in text for text in app.said)


async def test_a_queued_run_is_removed_from_the_queue_and_its_folder_goes_to_the_trash(console, lab, tmp_path):
    run = lab.store.create(spec(lab, "network"), planned_steps=24)
    enqueue(lab.store.root, run, device="cpu", threads=1, data_root=tmp_path)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("x")
        assert "Remove Network seed 0 from the queue?" in screen_text(app)
        await pilot.press("escape")
        assert [entry.run for entry in waiting_entries(lab.store.root)] == [run.id]
        await pilot.press("x", "y")
        await app.settled(pilot, lambda shot: not shot.runs)
        await app.until(pilot, lambda: "Network seed 0 was removed from the queue" in app.said)
    assert waiting_entries(lab.store.root) == ()
    assert not run.folder.exists()
    assert lab.store.root.stat(), "the runs folder itself stays"


async def test_a_run_that_nobody_queued_is_not_removed(console, lab):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        run = lab.store.create(spec(lab, "network"), planned_steps=24)
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("x", "y")
        await app.until(pilot, lambda: any("is not queued" in text for text in app.said))
        assert run.folder.exists()


async def test_an_action_that_fails_says_what_to_do_and_the_console_lives_on(console, monkeypatch):
    def fail(*_):
        raise RuntimeError("the disk has [bold]eaten\x1b[31m it")

    monkeypatch.setattr(actions, "queue_defaults", fail)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("r")
        await app.until(pilot, lambda: app.said)
        assert "failed: internal error: RuntimeError: the disk has [bold]eaten" in app.said[0]
        assert "[bold]eaten" in screen_text(app)
        assert "\x1b" not in screen_text(app)
        await pilot.press("j")
        assert str(app.screen.query_one(ExperimentList).table.cursor_key) == "arm:dropout"


async def test_a_poll_that_fails_is_told_once_and_polling_goes_on(console, lab, monkeypatch):
    app = console()
    failing = True
    scan = lab.store.scan

    def broken():
        if failing:
            raise OSError("stale file handle")
        return scan()

    monkeypatch.setattr(lab.store, "scan", broken)
    async with app.run_test(size=WIDE) as pilot:
        await app.until(pilot, lambda: app.said)
        assert "stale file handle" in screen_text(app)
        failing = False
        await app.settled(pilot, lambda shot: shot.when)
        assert len([text for text in app.said if "stale" in text]) == 1


async def test_the_command_that_repeats_a_run_is_copied(console, lab):
    done(lab, "dropout")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("y")
        assert app.clipboard == "labtui run dropout --seed 0"
        await pilot.press("g", "y")
        assert app.clipboard == "labtui run network"


async def test_leaving_stops_nothing_and_says_what_goes_on(console, live):
    one = live("dropout")
    app = console()
    said = []
    leave = app.exit
    app.exit = lambda **given: (said.append(given["message"].plain), leave())[1]
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("q")
    assert app.return_code == 0
    assert "1 run is still running" in said[0]
    assert "Dropout seed 0, epoch 2 of 2" in said[0]
    assert not one.attempt.stop_request.exists()


async def test_ctrl_c_twice_leaves(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("ctrl+c")
        assert "press ctrl+c again to quit" in screen_text(app)
        assert app.is_running
        await pilot.press("ctrl+c")
        await pilot.pause()
    assert app.return_code == 0


async def test_what_ended_while_nobody_looked_is_said_on_opening(console, lab):
    first = console()
    async with first.run_test(size=WIDE) as pilot:
        await first.settled(pilot, lambda shot: shot.when)
    done(lab, "dropout")
    again = console()
    async with again.run_test(size=WIDE) as pilot:
        await again.settled(pilot, lambda shot: shot.runs)
        assert "1 finished" in screen_text(again)
        assert "since " in screen_text(again)


async def test_a_run_that_diverges_while_one_looks_is_said_and_rings(console, live):
    one = live("dropout")
    app = console()
    rung = []
    app.bell = lambda: rung.append(True)
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        one.finish("diverged", "loss is NaN at step 14", diverged_step=14)
        await app.settled(pilot, lambda shot: shot.runs[0].state is State.DIVERGED)
        assert "Dropout seed 0 diverged: loss is NaN at step 14" in screen_text(app)
        assert rung == [True]


async def test_themes_go_round_and_are_remembered(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("T")
        assert app.theme == "light"
    again = console()
    async with again.run_test(size=NARROW) as pilot:
        assert again.theme == "light"
        await pilot.press("T", "T")
        assert again.theme == "dark"


@pytest.mark.parametrize(
    "size", [(3, 2), (10, 3), (20, 5), (40, 12), (60, 16), (79, 23), (99, 33), (149, 43), (250, 70)]
)
async def test_no_size_is_too_small_or_too_large(console, lab, size):
    done(lab, "network")
    app = console()
    async with app.run_test(size=size) as pilot:
        await app.settled(pilot, lambda shot: shot.curves or size[1] < 8)
        await pilot.press("j", "S", "m", "o", "z", "escape", "slash", "a", "escape")
        lines = screen_text(app).splitlines()
        assert len(lines) == size[1]


async def test_a_storm_of_resizes_ends_in_a_whole_picture(console, lab):
    done(lab, "network")
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.curves)
        for width, height in ((80, 24), (30, 8), (200, 60), (5, 3), (120, 36), WIDE):
            await pilot.resize_terminal(width, height)
        await pilot.pause()
        assert "minibatch loss" in screen_text(app)
        assert all(chart.frame is not None for chart in app.screen.query(Chart))


async def test_nothing_but_ascii_is_drawn_where_only_ascii_is_trusted(console, lab, live):
    done(lab, "network")
    live("dropout")
    app = console(ascii_only=True)
    for size in (WIDE, NARROW):
        async with app.run_test(size=size) as pilot:
            await app.settled(pilot, lambda shot: shot.curves)
            await pilot.press("space")
            assert screen_text(app).isascii(), [line for line in screen_text(app).splitlines() if not line.isascii()]
        app = console(ascii_only=True)


async def test_without_colours_everything_is_still_there(console, lab, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("network", "dropout"):
        done(lab, name)
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: len(shot.runs) == 2)
        await pilot.press("g", "space", "space")
        await app.settled(pilot, lambda shot: len(shot.curves) >= 2)
        dashes = [one.dash for one in app.screen.query(Chart).first().series]
        assert dashes == [0, 1], "lines differ in more than grey"
        strips = screen_strips(app)
        assert all(segment.style is not None for strip in strips for segment in strip)


HOSTILE = (
    "[bold red]x[/]",
    "evil \x1b]0;owned\x07",
    "‮desrever",
    "学习率 实验",
    "a" * 300,
    "[@click=app.bell]x[/]",
    "\x9b31m",
)


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_names_reach_no_terminal(tmp_path, name):
    folder = tmp_path / "runs" / name[:80]
    folder.mkdir(parents=True)
    from labtui.store.encode_scalar import scalar_event, version_event

    events = b"".join(scalar_event(1.0 + k, k, name, 0.5) for k in range(5))
    (folder / "events.out.tfevents.1.x").write_bytes(version_event(1.0) + events)
    app = ConsoleUnderTest(lab_at(tmp_path, "[defaults]\n"), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await app.settled(pilot, lambda shot: shot.runs)
        await pilot.press("g")
        await app.settled(pilot, lambda shot: shot.curves)
        shown = screen_text(app)
        assert not any(ord(character) < 32 and character != "\n" for character in shown)
        assert not any(0x7F <= ord(character) < 0xA0 for character in shown)
        assert "\u202e" not in shown
        if name.startswith("["):
            assert name[:10] in shown, "markup means nothing"


async def test_a_failing_poll_message_is_cleaned(console):
    app = console()
    async with app.run_test(size=WIDE) as pilot:
        app.post_message(PollFailed("bad \x1b[2J name"))
        await app.until(pilot, lambda: app.said)
        assert "\x1b" not in screen_text(app)
