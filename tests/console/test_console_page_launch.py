"""The launch dialog, driven by keys: what it plans, what it refuses, what it answers."""

import pytest
from textual import events

from labtui.api import lifecycle
from labtui.console import actions
from labtui.console.experiments.screen import MainScreen
from labtui.console.launch.form import Form
from labtui.console.launch.request import LaunchRequest
from labtui.console.launch.screen import LaunchScreen
from labtui.console.run.screen import RunScreen
from labtui.console.ui.table import LiveTable
from labtui.console.ui.text_panel import TextPanel
from labtui.spec import Training
from labtui.store.state import State
from tests.support.console.app import ConsoleUnderTest, assert_fits, lab_at, screen_text
from tests.support.console.pages import NARROW, SIZES, WIDE, done, opened


@pytest.fixture
def app(tmp_path):
    return ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state")


@pytest.fixture
def requests(monkeypatch):
    """What would have been queued."""
    found: list[LaunchRequest] = []

    def queue(lab, request, report):
        found.append(request)
        return "queued"

    monkeypatch.setattr(actions, "queue_request", queue)
    return found


def page(app: ConsoleUnderTest) -> LaunchScreen:
    assert isinstance(app.screen, LaunchScreen)
    return app.screen


def plan(app: ConsoleUnderTest) -> str:
    return "\n".join("".join(span.text for span in line) for line in app.screen.query_one("#plan", TextPanel).lines)


def texts(app: ConsoleUnderTest) -> dict[str, str]:
    return {field.key: field.text for field in app.screen.query_one(Form).fields}


async def go_to(app: ConsoleUnderTest, pilot, key: str) -> None:
    """Put the form's cursor on a field."""
    form = app.screen.query_one(Form)
    form.editor.focus()
    index = list(texts(app)).index(key)
    await pilot.press("pageup", "pageup", "pageup", *["down"] * index)
    assert form.current.key == key


async def planned(app: ConsoleUnderTest, pilot) -> None:
    await app.until(pilot, lambda: page(app).preview and page(app).preview.request == page(app).request)


async def test_the_plan_is_shown_before_anything_starts(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "space", "space", "R")
        assert page(app).request == LaunchRequest(("network", "dropout"))
        await pilot.press("2", "down", "down", "down", "down", "5")
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("network", "dropout"), "2", ("training.epochs=5",))
        assert "4 runs" in plan(app)
        assert "Dropout [epochs=5]" in plan(app)
        assert "time unknown" in plan(app)
        assert not app.lab.store.scan(), "nothing was made"
        await pilot.press("enter")
        assert isinstance(app.screen, MainScreen)
        await app.until(pilot, lambda: app.said)
        assert requests == [LaunchRequest(("network", "dropout"), "2", ("training.epochs=5",))]


async def test_a_request_becomes_folders_and_queue_entries(app, monkeypatch):
    monkeypatch.setattr(lifecycle, "start_queue_runner", lambda _: False)  # nothing is to train here
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R", "2")
        await planned(app, pilot)
        await pilot.press("enter")
        await app.settled(pilot, lambda shot: len(shot.runs) == 2)
        assert {run.seed for run in app.snapshot.runs} == {0, 1}
        assert {run.state for run in app.snapshot.runs} == {State.QUEUED}
        assert app.said[-1] == "queued 2 runs"


async def test_finished_runs_of_the_same_recipe_are_pointed_out_with_an_estimate(tmp_path, requests):
    lab = lab_at(tmp_path)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("g", "R")
        await go_to(app, pilot, "training.log_every")
        await pilot.press("3")
        await planned(app, pilot)
        assert "already finished" in plan(app)
        assert "1 already finished" in plan(app)
        assert "about" in plan(app)
        rows = app.screen.query_one(LiveTable).rows
        assert rows[0].cells["done"][0].text == "1"


async def test_an_invalid_value_is_shown_at_its_field_and_nothing_is_queued(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        await go_to(app, pilot, "training.epochs")
        await pilot.press(*"many")
        await planned(app, pilot)
        assert "whole number" in app.screen.query_one(Form).current.error
        assert "whole number" in screen_text(app)
        await pilot.press("enter")
        assert "training.epochs" in screen_text(app).splitlines()[-1]
        await pilot.press("ctrl+u")
        assert texts(app)["training.epochs"] == "2"
        await go_to(app, pilot, "seeds")
        await pilot.press("3", "-", "1")
        assert "wrong order" in app.screen.query_one(Form).current.error
        await pilot.press("enter", "escape")
        assert isinstance(app.screen, MainScreen)
        assert requests == []


async def test_fields_are_edited_by_typing_deleting_choosing_and_pasting(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        await go_to(app, pilot, "optimizer.lr")
        await pilot.press("end", "backspace")
        assert texts(app)["optimizer.lr"] == "0.00"
        await pilot.press("5")
        assert texts(app)["optimizer.lr"] == "0.005"
        await pilot.press("home", "delete", "delete", "1")
        assert texts(app)["optimizer.lr"] == "1005"
        await pilot.press("ctrl+u")
        assert texts(app)["optimizer.lr"] == "0.001"
        app.post_message(events.Paste("0.02\nrest"))
        await pilot.pause()
        assert texts(app)["optimizer.lr"] == "0.02"
        await go_to(app, pilot, "optimizer.name")
        await pilot.press("right", "right")
        assert texts(app)["optimizer.name"] == "sgd"
        assert "optimizer.momentum" in texts(app), "another optimizer has other keys"
        await pilot.press("left", "space")
        assert texts(app)["optimizer.name"] == "sgd"
        await go_to(app, pilot, "device")
        await pilot.press("right")
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("network",), "", ("optimizer.lr=0.02", "optimizer.name=sgd"), "cpu")
        await pilot.press("tab", "q")
        assert isinstance(app.screen, MainScreen), "outside of the fields q leaves"


async def test_letters_are_text_in_the_fields_and_keys_elsewhere(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        await go_to(app, pilot, "data.name")
        await pilot.press(*"q?:jT")
        assert texts(app)["data.name"] == "q?:jT"
        assert isinstance(app.screen, LaunchScreen)


async def test_experiments_are_marked_with_space_and_differing_values_are_not_shown_as_one(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "j", "j", "R", "shift+tab")
        assert app.screen.focused is app.screen.query_one(LiveTable)
        await pilot.press("G", "space")
        await planned(app, pilot)
        assert page(app).request.names == ("adam@0.01", "adam@0.001")
        assert texts(app)["optimizer.lr"] == "differs"
        await pilot.press("g", "space", "j", "j", "space", "space")
        await planned(app, pilot)
        await pilot.press("enter")
        await app.until(pilot, lambda: app.said)
        assert requests


def burst(app: ConsoleUnderTest, *keys: str) -> None:
    """Send keys as the terminal's driver does, all at once."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_keys_that_come_faster_than_they_are_checked_are_all_typed(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R", "down", "down", "down", "down", "down")
        fields = app.screen.query_one(Form)
        burst(app, *"0.05")
        assert fields.current.text == "0.001", "nothing was handled yet"
        await app.until(pilot, lambda: fields.current.text == "0.05")
        burst(app, "5", "ctrl+u", "7")
        await app.until(pilot, lambda: fields.current.text == "7")
        await planned(app, pilot)
        assert page(app).request.overrides == ("optimizer.lr=7",), "restored before the last one was typed"


async def test_text_and_movement_keep_their_order_however_fast_they_come(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        burst(app, "2", "down", "right", "down", "down", "down", "1", "9", "backspace")
        burst(app, "down", "4", "enter", "5", "enter")
        await app.until(pilot, lambda: "optimizer.lr=45" in page(app).request.overrides)
        assert page(app).request == LaunchRequest(("network",), "2", ("training.epochs=1", "optimizer.lr=45"), "cpu")
        assert requests == [], "Enter does not queue the plan of before"
        burst(app, "up", "8", "shift+tab", "down", "space")
        await app.until(pilot, lambda: len(page(app).request.names) == 2)
        assert page(app).request.names == ("network", "dropout")
        assert page(app).request.overrides == ("training.epochs=18", "optimizer.lr=45")


async def test_keys_behind_escape_are_not_typed_into_the_form(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        burst(app, "7", "escape", "j", "R")
        await app.until(pilot, lambda: isinstance(app.screen, LaunchScreen) and page(app).request.names == ("dropout",))
        assert page(app).request.seeds == ""


async def test_the_mouse_moves_to_a_field_and_within_its_text(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        form = app.screen.query_one(Form)
        await pilot.click(form, offset=(4, 5))
        assert form.current.key == "training.epochs"
        await pilot.press("1", "9")
        await pilot.click(form.editor, offset=(1, 0))
        await pilot.press("0")
        assert texts(app)["training.epochs"] == "109"


async def test_without_an_experiment_there_is_nothing_to_queue(app, requests):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R", "shift+tab", "g", "space")
        await planned(app, pilot)
        assert "no experiment is marked" in plan(app)
        await pilot.press("enter")
        assert isinstance(app.screen, LaunchScreen)
        assert requests == []


async def test_a_run_can_be_changed_and_run_again(tmp_path, requests):
    lab = lab_at(tmp_path)
    done(lab, "dropout", 4, training=Training(epochs=3), overrides={"training.epochs": 3})
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("enter", "R")
        await planned(app, pilot)
        assert page(app).request == LaunchRequest(("dropout",), "4,", ("training.epochs=3",))
        assert "seed 4" in plan(app)
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)


async def test_enter_on_an_experiment_that_never_ran_opens_the_dialog(app, requests):
    async with app.run_test(size=NARROW) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "j", "enter")
        assert page(app).request.names == ("dropout",)


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_it_fits_every_size(tmp_path, ascii_only, requests):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state", ascii_only=ascii_only)
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g", "R")
        for size in SIZES[ascii_only]:
            await pilot.resize_terminal(*size)
            await pilot.press("down", "1", "tab", "space", "tab", "tab")
            assert_fits(app, ascii_only=ascii_only)


async def test_the_field_being_edited_is_on_the_screen_of_a_small_terminal(app):
    async with app.run_test(size=(30, 10)) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("R")
        form = app.screen.query_one(Form)
        for _ in form.fields:
            await pilot.pause()
            assert form.editor.region in form.lines.scrollable_content_region
            assert form.editor.region in app.screen.region
            await pilot.press("down")


async def test_the_field_being_edited_stays_on_the_screen_when_the_terminal_shrinks(app):
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("R", "pagedown", "pagedown")
        form = app.screen.query_one(Form)
        key = form.current.key
        await pilot.resize_terminal(30, 10)
        await app.until(pilot, lambda: form.editor.region in form.region and form.region in app.screen.region)
        assert form.current.key == key
