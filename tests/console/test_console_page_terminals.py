"""All whole screens without colours, in three themes, and with records made by an enemy."""

import msgspec
import pytest
from textual.widgets import Input

from labtui.console.experiments.screen import MainScreen
from labtui.store.state import State
from tests.support.console.app import ConsoleUnderTest, lab_at, screen_strips, screen_text
from tests.support.console.pages import NARROW, WIDE, begun, compared_lab, done, opened

EVERY_SCREEN = (["v", "left"], ["a"], ["q"], ["enter"], *([digit] for digit in "2345"), ["q"], ["c"], ["j", "d"],
                ["d", "z"], ["q"], ["R"], ["down", "x"], ["escape"], ["question_mark"], ["escape"])  # fmt: skip
"""Keys that lead from the main screen through all others and back."""

EVIL = "[bold]x[/] \x1b]52;c;ZXZpbA==\x07 \x9b31m \u202e日本 \n next"


def is_clean(shown: str) -> bool:
    """No control character, nothing that turns what is read around."""
    return not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in shown.replace("\n", ""))


@pytest.mark.parametrize(
    ("size", "theme", "no_color"), [(WIDE, "dark", "1"), (NARROW, "light", ""), (WIDE, "mono", "")]
)
async def test_every_screen_is_drawn_in_every_theme_and_without_colours(tmp_path, monkeypatch, size, theme, no_color):
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state", theme=theme)
    async with app.run_test(size=size) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("g")
        for keys in EVERY_SCREEN:
            await pilot.press(*keys)
            strips = screen_strips(app)
            assert all(segment.style is not None for strip in strips for segment in strip), keys
            assert len(strips) == size[1]
        assert isinstance(app.screen, MainScreen)


async def test_a_hostile_record_is_shown_as_text_on_every_screen(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "network").begin(alive=False).advance(24)
    one.say(EVIL)
    run = one.finish("failed", EVIL)
    for path, key in ((run.paths.attempt(1).launch, "device_name"), (run.paths.attempt(1).launch, "commit")):
        record = msgspec.json.decode(path.read_bytes())
        record[key] = EVIL
        record["versions"] = {EVIL: EVIL}
        path.write_bytes(msgspec.json.encode(record))
    folder = lab.store.root / "[red]evil[/]" / "x"
    folder.mkdir(parents=True)
    (events,) = run.folder.glob("events*")
    (folder / events.name).write_bytes(events.read_bytes())
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 3)
        for first in ("g", "G"):
            await pilot.press(first)
            for keys in EVERY_SCREEN:
                await pilot.press(*keys)
                assert is_clean(screen_text(app)), keys
            assert isinstance(app.screen, MainScreen)
        assert "[red]evil[/]" in screen_text(app), "markup means nothing"


async def test_a_worker_that_fails_says_so_and_the_screen_lives_on(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("the disk [bold]is gone[/]")

    monkeypatch.setattr("labtui.console.comparison.screen.answer", broken)
    monkeypatch.setattr("labtui.console.launch.screen.make_preview", broken)
    monkeypatch.setattr("labtui.console.run.panes.read_test_predictions", broken)
    lab = lab_at(tmp_path)
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        for keys, seen in ((["c"], "the comparison failed"), (["q", "enter", "3"], "is gone"), (["q", "R"], "is gone")):
            before = len(app.said)
            await pilot.press(*keys)
            await app.until(pilot, lambda before=before: len(app.said) > before)
            assert "the disk [bold]is gone[/]" in screen_text(app).splitlines()[-1]
            assert any(seen in line for line in screen_text(app).splitlines()[:-1])
        await pilot.press("enter", "escape")
        assert isinstance(app.screen, MainScreen)


async def test_what_was_typed_into_a_filter_is_never_markup(tmp_path):
    app = ConsoleUnderTest(compared_lab(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 7)
        await pilot.press("c")
        await app.until(pilot, lambda: app.screen.table)
        await pilot.press("slash")
        app.screen.query_one(Input).value = "[/] [@click=app.bell]"
        await pilot.pause()
        assert "[@click=app.bell]" in screen_text(app)
        await pilot.press("escape")


async def test_quitting_from_a_screen_over_the_main_one_takes_one_step_back_and_runs_go_on(tmp_path):
    lab = lab_at(tmp_path)
    one = begun(lab, "dropout").begin().advance(12)
    app = ConsoleUnderTest(lab, tmp_path / "state")
    try:
        async with app.run_test(size=WIDE) as pilot:
            await app.settled(pilot, lambda shot: shot.runs and shot.runs[0].state is State.RUNNING)
            await pilot.press("enter", "c", "q", "q")
            assert isinstance(app.screen, MainScreen)
            await pilot.press("q")
        assert one.lock is not None, "nobody took it away"
        assert not one.paths.attempt(1).stop_request.exists()
    finally:
        one.release()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_question_and_a_prompt_take_one_line_and_the_screen_that_asks_stays_in_sight(tmp_path, size):
    lab = lab_at(tmp_path)
    one = begun(lab, "dropout").begin().advance(12)
    done(lab, "network")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    try:
        async with app.run_test(size=size) as pilot:
            await app.settled(pilot, lambda shot: any(run.state is State.RUNNING for run in shot.runs))
            await pilot.press("g", "j", "x")
            assert "Stop Dropout seed 0?" in screen_text(app).splitlines()[-1]
            assert app.screen.styles.background.a == 0
            await pilot.press("n", "c")
            await app.until(pilot, lambda: app.screen.table)
            await pilot.press("e")
            assert app.screen.query_one(Input).has_focus
            assert "comparison.md" in screen_text(app).splitlines()[-1], "what is proposed can be read"
            assert app.screen.styles.background.a == 0
            await pilot.press("escape", "q")
    finally:
        one.release()
