"""Help and palette: every command of the table, found by its words."""

import re

import pytest
from textual import events
from textual.binding import Binding

from labtui.console.charts.screen import ChartsScreen
from labtui.console.commands import COMMANDS, EVERYWHERE, action_node, commands, name_of
from labtui.console.comparison.screen import CompareScreen
from labtui.console.docs_page import page
from labtui.console.experiments.screen import MainScreen
from labtui.console.help import HelpScreen, help_lines, keys_of
from labtui.console.launch.screen import LaunchScreen
from labtui.console.run.screen import RunScreen
from labtui.console.ui.glyphs import ASCII, UNICODE
from labtui.text.spans import line_width, plain
from tests.support.console.app import ConsoleUnderTest, assert_fits, lab_at, screen_text
from tests.support.console.pages import NARROW, SIZES, WIDE, done, opened
from tests.support.processes import ROOT

OPENING = {"charts": ("v", ChartsScreen), "run": ("enter", RunScreen), "compare": ("c", CompareScreen)}
OPENING["launch"] = ("R", LaunchScreen)


def shown(screen: str, words: str = "", room: int = 90, glyphs=UNICODE, **keymap: str) -> list[str]:
    return [plain(line) for line in help_lines(screen, words, room, keymap, glyphs)]


@pytest.mark.parametrize("screen", ["main", *OPENING])
def test_the_help_of_a_screen_names_each_of_its_commands(screen):
    text = "\n".join(shown(screen, room=200))
    for command in commands(screen):
        assert command.help in text
        assert keys_of(command, {}) in text


def test_the_page_about_the_console_says_what_the_command_table_says():
    written = (ROOT / "docs" / "console.md").read_text("utf-8")
    assert written == page(), "python -m labtui.console.docs_page > docs/console.md"
    assert all(f"| `{command.id}` |" in written for command in COMMANDS)


def test_the_keys_of_the_readme_are_those_of_the_command_table():
    section = (ROOT / "README.md").read_text("utf-8").partition("## The console")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    named = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert len(named) > 12
    assert named <= {key for command in commands("main") for key in keys_of(command, {}).split()}


def test_words_filter_the_help_by_key_label_and_meaning():
    assert [line for line in shown("charts", "crosshair left") if line.strip()][1].startswith("← h")
    assert any("+ =" in line for line in shown("charts", "zoom"))
    assert shown("main", "xyzzy") == ["no key matches “xyzzy”"]
    assert shown("main", "xyzzy", glyphs=ASCII) == ["no key matches xyzzy"]


def test_the_user_s_own_keys_stand_in_the_help():
    assert any(line.startswith(("F9", "f9")) for line in shown("main", "stop", stop="f9"))


@pytest.mark.parametrize("room", [10, 30, 60, 200])
def test_no_line_of_the_help_is_wider_than_its_room(room):
    assert max(line_width(line) for line in help_lines("main", "", room, {}, UNICODE)) <= room
    assert all(line.isascii() for line in shown("charts", room=room, glyphs=ASCII))


def test_no_two_commands_of_one_screen_share_a_key_or_an_id():
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    for screen in ("main", *OPENING):
        keys = [key for command in commands(screen) for key in command.keys.split(",")]
        assert len(keys) == len(set(keys)), screen
        assert not any(key.startswith("alt+") or key in ("ctrl+a", "ctrl+b") for key in keys)


async def test_every_command_of_every_screen_has_somebody_who_does_it(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        assert missing(app) == []
        for key, kind in OPENING.values():
            await pilot.press(key)
            assert isinstance(app.screen, kind)
            assert missing(app) == []
            await pilot.press("escape")


def missing(app: ConsoleUnderTest) -> list[str]:
    """Commands of the screen that nobody has an action for; `app.` and `screen.` name their own."""
    found = commands(name_of(app.screen))
    return [command.id for command in found if "." not in command.action and action_node(app.screen, command) is None]


async def test_help_opens_filters_scrolls_and_closes(tmp_path):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state")
    async with app.run_test(size=NARROW) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert "Queue the marked" in screen_text(app)
        await pilot.press("pagedown", "pagedown", "pageup", "down", "up")
        await pilot.press(*"theme")
        assert "Change the theme: dark, light, monochrome." in screen_text(app)
        assert "Queue the marked" not in screen_text(app)
        await pilot.press("escape")
        assert "Queue the marked" in screen_text(app)
        await pilot.press("escape")
        assert isinstance(app.screen, MainScreen)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)


async def test_the_palette_offers_what_the_screen_can_do_and_does_it(tmp_path):
    lab = lab_at(tmp_path)
    done(lab, "dropout")
    app = ConsoleUnderTest(lab, tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 1)
        await pilot.press("v")
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert any(title.startswith("reset") for title in offered)
        assert not any(title.startswith("baseline") for title in offered), "that is for tables"


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_help_fits_every_size(tmp_path, ascii_only):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state", ascii_only=ascii_only)
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        await pilot.press("question_mark")
        for size in SIZES[ascii_only]:
            await pilot.resize_terminal(*size)
            await pilot.press("down")
            assert_fits(app, ascii_only=ascii_only)


def test_bindings_are_made_of_the_table_alone():
    for screen in (MainScreen, ChartsScreen, RunScreen, CompareScreen, LaunchScreen):
        kind = screen.__name__.removesuffix("Screen").casefold()
        own = {binding.id for binding in screen.BINDINGS if isinstance(binding, Binding)}
        assert own <= {command.id for command in COMMANDS if kind in command.where}
    assert all(command.where for command in COMMANDS)
    assert any(EVERYWHERE in command.where for command in COMMANDS)


async def test_keys_typed_behind_the_one_that_leaves_open_nothing(tmp_path):
    app = ConsoleUnderTest(lab_at(tmp_path), tmp_path / "state")
    async with app.run_test(size=WIDE) as pilot:
        await opened(app, pilot, 0)
        for key, character in (("q", "q"), ("question_mark", "?"), ("R", "R")):
            app.post_message(events.Key(key, character))
        await pilot.pause()
    assert app.return_code == 0, "no exception either"
