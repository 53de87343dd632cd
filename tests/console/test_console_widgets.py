"""The widgets of the main screen under the mouse wheel."""

from labtui.console.experiments.list import ExperimentList
from labtui.console.ui.log_view import LogView
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_text
from tests.support.console.pages import NARROW, WIDE, begun, opened, scroll_wheel

MANY = """
[defaults]
data.name = "digits"
model.name = "cnn"
optimizer.name = "adam"

[experiment.rates]
grid."optimizer.lr" = [{rates}]
"""


async def test_the_wheel_scrolls_a_list_and_leaves_its_cursor(tmp_path):
    rates = ", ".join(f"0.{number:03}" for number in range(1, 61))
    app = ConsoleUnderTest(lab_at(tmp_path, MANY.format(rates=rates)), tmp_path / "state")
    async with app.run_test(size=NARROW) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("g")
        table = app.screen.query_one(ExperimentList).table
        cursor, top = table.cursor_key, table.visible_keys[0]
        await scroll_wheel(app, pilot, table, down=True, times=3)
        await app.until(pilot, lambda: table.visible_keys[0] != top)
        assert table.cursor_key == cursor
        assert cursor not in table.visible_keys
        await pilot.press("down")
        assert table.cursor_key in table.visible_keys, "a key brings the cursor back into sight"
        await scroll_wheel(app, pilot, table, down=True, times=40)
        await app.until(pilot, lambda: table.visible_keys[-1] == table.rows[-1].key)


async def test_the_wheel_stops_following_a_log(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "network").begin(alive=False).advance(24)
    for number in range(200):
        one.say(f"line {number}")
    one.finish()
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("g")
        log = app.screen.query_one(LogView)
        await app.until(pilot, lambda: log.lines)
        assert log.following
        last = log.lines[-1]
        assert last in screen_text(app)
        await scroll_wheel(app, pilot, log, down=False, times=3)
        await app.until(pilot, lambda: last not in screen_text(app))
        assert not log.following
        await pilot.press("o", "G")
        await app.until(pilot, lambda: last in screen_text(app))
        assert log.following
